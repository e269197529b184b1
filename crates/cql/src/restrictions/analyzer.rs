//! How an index compares texts (`NonTokenizingAnalyzer`): in lower case, without accents.
//!
//! Of the letters with accents those of Latin-1 and Latin Extended-A are known; texts are not
//! brought into Unicode's normal form.

/// What an index does to texts before it compares them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Analyzer {
    /// `case_sensitive: false`
    pub(super) folds_case: bool,
    /// `ascii: true`
    pub(super) folds_accents: bool,
}

/// Letters with accents, and in the same places what stands for them without.
const ACCENTS: [(&str, &str); 17] = [
    ("ÀÁÂÃÄÅĀĂĄ", "A"),
    ("àáâãäåāăą", "a"),
    ("ÇĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ÐĎĐ", "D"),
    ("ðďđ", "d"),
    ("ÈÉÊËĒĔĖĘĚ", "E"),
    ("èéêëēĕėęě", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ÌÍÎÏĨĪĬĮİ", "I"),
    ("ìíîïĩīĭįı", "i"),
    ("ÒÓÔÕÖØŌŎŐ", "O"),
    ("òóôõöøōŏő", "o"),
    ("ÙÚÛÜŨŪŬŮŰŲ", "U"),
    ("ùúûüũūŭůűų", "u"),
    ("ÿýŷ", "y"),
];

/// More of them, of letters that have few accents, and those that stand for two.
const OTHERS: [(&str, &str); 30] = [
    ("Æ", "AE"),
    ("æ", "ae"),
    ("Œ", "OE"),
    ("œ", "oe"),
    ("ß", "ss"),
    ("Þ", "TH"),
    ("þ", "th"),
    ("Ĳ", "IJ"),
    ("ĳ", "ij"),
    ("ĤĦ", "H"),
    ("ĥħ", "h"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("Ķ", "K"),
    ("ķĸ", "k"),
    ("ĹĻĽĿŁ", "L"),
    ("ĺļľŀł", "l"),
    ("ÑŃŅŇŊ", "N"),
    ("ñńņňŉŋ", "n"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞŠ", "S"),
    ("śŝşšſ", "s"),
    ("ŢŤŦ", "T"),
    ("ţťŧ", "t"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("ÝŶŸ", "Y"),
    ("ŹŻŽ", "Z"),
    ("źżž", "z"),
];

impl Analyzer {
    /// The text as it is compared; bytes that are no text stay as they are.
    pub(super) fn analyzed(self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        let text = if self.folds_case { text.to_lowercase() } else { text.to_owned() };
        let text = if self.folds_accents { text.chars().map(without_accent).collect() } else { text };
        text.into_bytes()
    }
}

fn without_accent(letter: char) -> String {
    if letter.is_ascii() {
        return letter.into();
    }
    let known = ACCENTS.iter().chain(&OTHERS).find(|(letters, _)| letters.contains(letter));
    known.map_or_else(|| letter.into(), |(_, plain)| (*plain).to_owned())
}

#[cfg(test)]
mod tests {
    use super::Analyzer;

    #[test]
    fn case_and_accents_are_folded_where_the_index_says_so() {
        let of = |folds_case, folds_accents, text: &str| {
            String::from_utf8(Analyzer { folds_case, folds_accents }.analyzed(text.as_bytes())).unwrap()
        };
        assert_eq!(of(false, false, "Éa"), "Éa");
        assert_eq!(of(true, false, "ÉA"), "éa");
        assert_eq!(of(false, true, "ÉaßŁ"), "EassL");
        assert_eq!(of(true, true, "ŒUF日"), "oeuf日");
    }
}
