//! Detects the dialect of a file from its text.

use memchr::memchr2;

use super::reader::{Dialect, Format, Malformed, Reader, Record};

/// The result for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// It is of this one.
    Told(Dialect),
    /// Both read it the same.
    Either,
    /// Each reads something else, and either may be meant.
    Ambiguous,
}

/// Which dialect the beginning of a file is written in.
///
/// The one that makes more sense of it, if they differ in that: records that are not well-formed,
/// or have other numbers of fields than the first one, speak against a dialect. Then what each
/// writer does. A backslash before anything but a quote or another backslash, and quotes around a
/// field that has a backslash and needs none, are of RFC 4180 (the second is how `export` writes
/// such a field). Backslashes outside quotes of which every one is doubled are cqlsh's.
pub(crate) fn guess(sample: &[u8], delimiter: u8) -> Guess {
    if memchr2(b'\\', b'"', sample).is_none() {
        return Guess::Either;
    }
    let [doubled, backslash] = [Dialect::Doubled, Dialect::Backslash]
        .map(|dialect| Sense::of(sample, Format { delimiter, dialect: Some(dialect) }));
    match doubled.bad.cmp(&backslash.bad).then(backslash.good.cmp(&doubled.good)) {
        std::cmp::Ordering::Less => return Guess::Told(Dialect::Doubled),
        std::cmp::Ordering::Greater => return Guess::Told(Dialect::Backslash),
        std::cmp::Ordering::Equal => {}
    }
    if doubled.single_backslashes || (doubled.needless_quotes && !doubled.idle_quotes) {
        Guess::Told(Dialect::Doubled)
    } else if doubled.unquoted_backslashes {
        Guess::Told(Dialect::Backslash)
    } else if doubled.quoted_backslashes {
        Guess::Ambiguous
    } else {
        Guess::Either
    }
}

/// The same; only a certain result.
pub(crate) fn told(sample: &[u8], delimiter: u8) -> Option<Dialect> {
    match guess(sample, delimiter) {
        Guess::Told(dialect) => Some(dialect),
        Guess::Either | Guess::Ambiguous => None,
    }
}

/// The plausibility of a text under a dialect.
#[derive(Debug, Default)]
struct Sense {
    /// Records that are well-formed and have as many fields as the first.
    good: u64,
    /// Others.
    bad: u64,
    /// A backslash stands alone before something that neither writer escapes.
    single_backslashes: bool,
    /// A field with a backslash is in quotes and has nothing that asks for them.
    needless_quotes: bool,
    /// Other fields without a need for quotes have them: it is this writer's habit.
    idle_quotes: bool,
    /// A field without quotes has backslashes.
    unquoted_backslashes: bool,
    /// A field in quotes has.
    quoted_backslashes: bool,
}

impl Sense {
    fn of(sample: &[u8], format: Format) -> Self {
        let mut sense = Self::default();
        let (mut reader, mut record) = (Reader::new(sample, format, |_, _| None), Record::default());
        let mut width = None;
        // A slice is read without errors.
        while let Ok(Some(outcome)) = reader.next(&mut record) {
            if record.is_blank() {
                continue;
            }
            let is_last = reader.is_at_end();
            let fits =
                outcome.is_ok() && *width.get_or_insert(record.fields().len()) == record.fields().len();
            match outcome {
                _ if fits => sense.good += 1,
                // The sample may end in the middle of a record.
                Err(Malformed::OpenQuote) | Ok(()) if is_last && !record.raw().ends_with(b"\n") => {}
                _ => sense.bad += 1,
            }
            if outcome.is_ok() {
                sense.look_at(&record, format.delimiter);
            }
        }
        sense
    }

    /// Notes how the record's backslashes stand. Fields are as RFC 4180 has them.
    fn look_at(&mut self, record: &Record, delimiter: u8) {
        let mut at = 0;
        for field in record.fields() {
            let is_quoted = record.raw().get(at) == Some(&b'"');
            let doubled = field.iter().filter(|&&byte| byte == b'"').count();
            at += field.len() + 1 + if is_quoted { 2 + doubled } else { 0 };
            let needs_quotes = |byte: &u8| *byte == delimiter || matches!(*byte, b'"' | b'\n' | b'\r');
            let is_needless = is_quoted && !field.is_empty() && !field.iter().any(needs_quotes);
            if !field.contains(&b'\\') {
                self.idle_quotes |= is_needless;
                continue;
            }
            self.single_backslashes |= has_single_backslash(field);
            if is_quoted {
                self.quoted_backslashes = true;
                self.needless_quotes |= is_needless;
            } else {
                self.unquoted_backslashes = true;
            }
        }
    }
}

/// Whether a backslash stands before something else than a quote or another one.
fn has_single_backslash(field: &[u8]) -> bool {
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        match rest.get(at + 1) {
            Some(b'\\' | b'"') => rest = rest.get(at + 2..).unwrap_or_default(),
            // At the end of a field both are possible: the next fields decide.
            None => return false,
            Some(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sample: &str, expected: Guess) {
        assert_eq!(guess(sample.as_bytes(), b','), expected, "{sample:?}");
    }

    #[test]
    fn the_dialect_is_told_from_the_beginning() {
        check("a,b\n1,2\n", Guess::Either);
        check("a,b\n1,\"2\"\n", Guess::Either);
        check("a\n\"say \"\"hi\"\"  now\"\n", Guess::Told(Dialect::Doubled));
        check("a\nC:\\dir\n", Guess::Told(Dialect::Doubled));
        check("a,b\n1,say \\\"hi\\\"\n", Guess::Told(Dialect::Backslash));
        check("a,b\n1,\"a, \\\"b\\\" c\"\n", Guess::Told(Dialect::Backslash));
        check("a,b\n1,C:\\\\dir\n", Guess::Told(Dialect::Backslash));
        check("a,b\n1,\"ends with a backslash\\\"\n", Guess::Told(Dialect::Doubled));
    }

    /// A text of `a\"b` was exported as `"a\""b"`, and taken for cqlsh's because of the backslash
    /// before the quote: its line was refused, and the backslashes of all others vanished silently.
    #[test]
    fn what_makes_sense_of_all_records_is_it() {
        check("pk,t\n5,\"a\\\"\"b\"\n1,back\\slash\n2,C:\\temp\\new\n", Guess::Told(Dialect::Doubled));
        check("pk,t\n5,\"a\\\"\"b\"\n", Guess::Told(Dialect::Doubled));
        check("pk,t\n5,\"a\\\"\"\"\n", Guess::Told(Dialect::Doubled));
        check("pk,t\n5,\"\"\"\\\"\n6,\"x\"\n", Guess::Told(Dialect::Doubled));
        check("pk,t\n5,\"\\\\host\"\n", Guess::Told(Dialect::Doubled));
        check("pk,t\n5,\"\\\\a, b\"\n", Guess::Ambiguous);
        check("pk,t\n\"5\",\"\\\\host\"\n", Guess::Ambiguous);
        // A line that neither reads doesn't count.
        check("pk,t\n1,2,3\n5,\"a \"b\n1,say \\\"hi\\\"\n", Guess::Told(Dialect::Backslash));
    }

    #[test]
    fn the_first_backslash_tells_the_dialect_where_nothing_did_before() {
        let read = |input: &str| {
            let format = Format { delimiter: b';', dialect: None };
            let (mut reader, mut record) = (Reader::new(input.as_bytes(), format, told), Record::default());
            let mut all = Vec::new();
            while let Some(outcome) = reader.next(&mut record).unwrap() {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                all.push(outcome.map(|()| record.fields().map(text).collect::<Vec<_>>().join("|")));
            }
            all
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(read("1;a,b\n2;say \\\"hi\\\"\n"), [ok("1|a,b"), ok("2|say \"hi\"")]);
        assert_eq!(read("1;a\n2;C:\\dir\n3;D:\\\n"), [ok("1|a"), ok("2|C:\\dir"), ok("3|D:\\")]);
        assert_eq!(read("1;\"\\\\a;b\"\n"), [Err(Malformed::Ambiguous)]);
    }
}
