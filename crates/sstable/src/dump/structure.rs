//! The parts of JSON that are the same in every dump, in both ways in which they are laid out.

/// Length of a text that is [`compacted`].
pub(super) const fn compacted_len(text: &str) -> usize {
    let (mut rest, mut len, mut is_inside) = (text.as_bytes(), 0, false);
    while let [byte, tail @ ..] = rest {
        if *byte == b'"' {
            is_inside = !is_inside;
        }
        if is_inside || !byte.is_ascii_whitespace() {
            len += 1;
        }
        rest = tail;
    }
    len
}

/// A text of JSON without the blanks outside of strings. Its strings are without escapes.
#[expect(clippy::indexing_slicing, reason = "while compiling")]
pub(super) const fn compacted<const LEN: usize>(text: &str) -> [u8; LEN] {
    let mut out = [0; LEN];
    let (mut rest, mut len, mut is_inside) = (text.as_bytes(), 0, false);
    while let [byte, tail @ ..] = rest {
        if *byte == b'"' {
            is_inside = !is_inside;
        }
        if is_inside || !byte.is_ascii_whitespace() {
            out[len] = *byte;
            len += 1;
        }
        rest = tail;
    }
    out
}

/// Appends a part of the structure: literally, or for JSON lines without the blanks outside of
/// strings. Each part begins outside of a string. Both are made while compiling, and `COMPACT`, a
/// constant where this is used, chooses: a part is copied with a known length.
macro_rules! push {
    ($json:expr, $text:literal) => {{
        const BYTES: &[u8] =
            &$crate::dump::structure::compacted::<{ $crate::dump::structure::compacted_len($text) }>($text);
        const LINE: &str = match std::str::from_utf8(BYTES) {
            Ok(text) => text,
            Err(_) => "",
        };
        $json.text.push_str(if COMPACT { LINE } else { $text });
    }};
}

pub(super) use push;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_outside_of_strings() {
        const TEXT: &str = ",\n  \"table kind\" : \"REGULAR\", [ ";
        const COMPACT: [u8; compacted_len(TEXT)] = compacted(TEXT);
        assert_eq!(COMPACT, *b",\"table kind\":\"REGULAR\",[");
    }
}
