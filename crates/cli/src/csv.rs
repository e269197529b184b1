//! Records of CSV: RFC 4180, and what cqlsh's `COPY TO` writes.
//!
//! The two differ in how a quote stands inside a value. RFC 4180 doubles it, within quotes: `"a ""b"" c"`. Python's
//! writer, as cqlsh sets it up, puts a backslash before quotes and backslashes, and does so also in fields that it
//! leaves without quotes: `a \"b\" c`. No library reads the second form, and none hands out a record's own bytes,
//! which are kept when a line is refused; hence this reader.

use std::io::{self, BufRead};

use memchr::{memchr2, memchr3};

/// How a quote stands inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Doubled.
    Doubled,
    /// Behind a backslash.
    Backslash,
}

/// The longest record, in bytes: a quote that is never closed would make the rest of the file one.
const MAX_RECORD_BYTES: usize = 256 << 20;

/// One record: its fields, and its bytes as they stand in the file.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Number of its first line, from 1.
    pub(crate) line: u64,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// Where in `text` each field ends.
    ends: Vec<usize>,
}

/// What was wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The file ends, or too many bytes follow, before a quote is closed.
    OpenQuote,
    /// Something other than a comma follows a closing quote.
    BehindQuote,
}

impl Record {
    /// The fields' bytes.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(at, &end)| {
            let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            self.text.get(start..end).unwrap_or_default()
        })
    }

    /// The record as it stands in the file, with its end of line.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether the line has nothing on it.
    pub(crate) fn is_blank(&self) -> bool {
        trim_line(&self.raw).is_empty()
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.text.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }
}

/// Reads records one after the other.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: R,
    dialect: Dialect,
    lines: u64,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R, dialect: Dialect) -> Self {
        Self { input, dialect, lines: 0 }
    }

    /// Reads the next record into `record`; false at the end. The inner result tells whether it is well-formed; the
    /// records behind one that is not are read all the same.
    pub(crate) fn next(&mut self, record: &mut Record) -> io::Result<Option<Result<(), Malformed>>> {
        record.clear();
        record.line = self.lines + 1;
        if !self.more(record)? {
            return Ok(None);
        }
        if record.line == 1 && record.raw.starts_with(BYTE_ORDER_MARK) {
            record.raw.drain(..BYTE_ORDER_MARK.len());
        }
        let mut at = 0;
        loop {
            match self.field(record, at)? {
                Ok(Some(next)) => at = next,
                Ok(None) => return Ok(Some(Ok(()))),
                Err(malformed) => return Ok(Some(Err(malformed))),
            }
        }
    }

    /// Appends the next line to the record.
    fn more(&mut self, record: &mut Record) -> io::Result<bool> {
        let read = self.input.read_until(b'\n', &mut record.raw)?;
        self.lines += u64::from(read > 0);
        Ok(read > 0)
    }

    /// Reads the field that begins at `at` of the record; where the next one begins, if there is one.
    fn field(&mut self, record: &mut Record, at: usize) -> io::Result<Result<Option<usize>, Malformed>> {
        if record.raw.get(at) == Some(&b'"') {
            return self.quoted(record, at + 1);
        }
        let line = trim_line(&record.raw);
        let mut rest = line.get(at..).unwrap_or_default();
        loop {
            let special = match self.dialect {
                Dialect::Doubled => memchr::memchr(b',', rest),
                Dialect::Backslash => memchr2(b',', b'\\', rest),
            };
            let (before, behind) = rest.split_at(special.unwrap_or(rest.len()));
            record.text.extend_from_slice(before);
            match behind {
                [b'\\', escaped, more @ ..] => {
                    record.text.push(*escaped);
                    rest = more;
                }
                // A backslash at the line's end stands for itself.
                [b'\\'] => {
                    record.text.push(b'\\');
                    rest = &[];
                }
                [b',', more @ ..] => {
                    let next = line.len() - more.len();
                    record.end_field();
                    return Ok(Ok(Some(next)));
                }
                _ => {
                    record.end_field();
                    return Ok(Ok(None));
                }
            }
        }
    }

    /// Reads the field whose opening quote stands just before `at`.
    fn quoted(&mut self, record: &mut Record, mut at: usize) -> io::Result<Result<Option<usize>, Malformed>> {
        loop {
            let rest = record.raw.get(at..).unwrap_or_default();
            let special = match self.dialect {
                Dialect::Doubled => memchr::memchr(b'"', rest),
                Dialect::Backslash => memchr2(b'"', b'\\', rest),
            };
            let (before, behind) = rest.split_at(special.unwrap_or(rest.len()));
            record.text.extend_from_slice(before);
            at += before.len();
            match behind {
                [b'\\', escaped, ..] => {
                    record.text.push(*escaped);
                    at += 2;
                }
                [b'"', b'"', ..] if self.dialect == Dialect::Doubled => {
                    record.text.push(b'"');
                    at += 2;
                }
                [b'"', ..] => {
                    record.end_field();
                    return Ok(behind_quote(&record.raw, at + 1));
                }
                _ => {
                    let too_long = record.raw.len() > MAX_RECORD_BYTES;
                    if too_long || !self.more(record)? {
                        return Ok(Err(Malformed::OpenQuote));
                    }
                }
            }
        }
    }
}

/// Where the next field begins behind a closing quote, if there is one.
fn behind_quote(raw: &[u8], at: usize) -> Result<Option<usize>, Malformed> {
    match trim_line(raw).get(at..) {
        None | Some([]) => Ok(None),
        Some([b',', ..]) => Ok(Some(at + 1)),
        Some(_) => Err(Malformed::BehindQuote),
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without its end.
fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Which dialect the beginning of a file is written in.
///
/// A quote behind a backslash, outside quotes or where the record goes on as if it were inside, is cqlsh's; so are
/// backslashes of which every one is doubled. A quote doubled inside quotes, or a backslash before anything else, is
/// RFC 4180's. Where nothing of this occurs both read the same.
pub(crate) fn detect(sample: &[u8]) -> Dialect {
    let mut quoted = false;
    let mut field_start = true;
    let mut pairs = false;
    let mut rest = sample;
    while let Some((&byte, more)) = rest.split_first() {
        let starts_field = std::mem::replace(&mut field_start, false);
        rest = more;
        match (byte, more.first()) {
            (b'"', _) if starts_field => quoted = true,
            (b'"', Some(b'"')) if quoted && !ends_field(more.get(1)) => return Dialect::Doubled,
            (b'"', _) if quoted => quoted = false,
            (b'\\', Some(b'\\')) => {
                pairs = true;
                rest = more.get(1..).unwrap_or_default();
            }
            (b'\\', Some(b'"')) if !quoted || !ends_field(more.get(1)) => return Dialect::Backslash,
            // At the end of a quoted field both are possible: the next ones will tell.
            (b'\\', Some(b'"')) => rest = more.get(1..).unwrap_or_default(),
            (b'\\', Some(_)) => return Dialect::Doubled,
            (b',' | b'\n', _) => field_start = !quoted,
            _ => {
                let skip = memchr3(b'"', b'\\', b',', more).unwrap_or(more.len());
                let line = memchr::memchr(b'\n', more.get(..skip).unwrap_or_default()).unwrap_or(skip);
                rest = more.get(line..).unwrap_or_default();
            }
        }
    }
    if pairs { Dialect::Backslash } else { Dialect::Doubled }
}

fn ends_field(byte: Option<&u8>) -> bool {
    matches!(byte, None | Some(b',' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, input: &str) -> Vec<(u64, Result<Vec<String>, Malformed>, String)> {
        let mut reader = Reader::new(input.as_bytes(), dialect);
        let mut record = Record::default();
        let mut all = Vec::new();
        while let Some(outcome) = reader.next(&mut record).unwrap() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let fields = outcome.map(|()| record.fields().map(text).collect());
            all.push((record.line, fields, text(record.raw())));
        }
        all
    }

    fn check(dialect: Dialect, input: &str, expected: &[(u64, &[&str])]) {
        let found = read(dialect, input);
        assert_eq!(found.iter().map(|(_, _, raw)| raw.as_str()).collect::<String>(), input, "raw bytes");
        let found: Vec<(u64, Vec<String>)> =
            found.into_iter().map(|(line, fields, _)| (line, fields.unwrap())).collect();
        let owned = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        let expected: Vec<(u64, Vec<String>)> =
            expected.iter().map(|(line, fields)| (*line, owned(fields))).collect();
        assert_eq!(found, expected, "{input:?}");
    }

    #[test]
    fn rfc_4180() {
        check(
            Dialect::Doubled,
            "a,b,c\r\n1,\"x, \"\"y\"\"\",\n\"two\nlines\",\"\",C:\\dir\\\nlast",
            &[
                (1, &["a", "b", "c"]),
                (2, &["1", "x, \"y\"", ""]),
                (3, &["two\nlines", "", "C:\\dir\\"]),
                (5, &["last"]),
            ],
        );
        check(Dialect::Doubled, "", &[]);
        check(Dialect::Doubled, "\n", &[(1, &[""])]);
    }

    #[test]
    fn what_cqlsh_writes() {
        check(
            Dialect::Backslash,
            "1,say \\\"hi\\\",C:\\\\dir\r\n2,\"a, \\\"b\\\" \\\\\",\"two\r\nlines\"\r\n",
            &[(1, &["1", "say \"hi\"", "C:\\dir"]), (2, &["2", "a, \"b\" \\", "two\r\nlines"])],
        );
    }

    #[test]
    fn malformed_records_do_not_stop_the_reader() {
        let found = read(Dialect::Doubled, "\"a\"b,c\nok\n\"open,\n1,2\n");
        let outcomes: Vec<_> = found.into_iter().map(|(line, fields, _)| (line, fields)).collect();
        assert_eq!(
            outcomes,
            [
                (1, Err(Malformed::BehindQuote)),
                (2, Ok(vec!["ok".to_owned()])),
                (3, Err(Malformed::OpenQuote)),
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let found = read(Dialect::Doubled, "\u{feff}id,b\n");
        assert_eq!(
            found.first().map(|(_, fields, _)| fields.clone()),
            Some(Ok(vec!["id".into(), "b".into()]))
        );
    }

    #[test]
    fn the_dialect_is_told_from_the_beginning() {
        let check = |sample: &str, expected| assert_eq!(detect(sample.as_bytes()), expected, "{sample:?}");
        check("a,b\n1,2\n", Dialect::Doubled);
        check("a\n\"say \"\"hi\"\"  now\"\n", Dialect::Doubled);
        check("a\nC:\\dir\n", Dialect::Doubled);
        check("a,b\n1,say \\\"hi\\\"\n", Dialect::Backslash);
        check("a,b\n1,\"a, \\\"b\\\" c\"\n", Dialect::Backslash);
        check("a,b\n1,C:\\\\dir\n", Dialect::Backslash);
        check("a,b\n1,\"ends with a backslash\\\"\n", Dialect::Doubled);
    }
}
