//! Records out of a text, one after the other.

use std::io::{self, BufRead, Read};

use memchr::{memchr, memchr2};

/// The longest record, in bytes. A row of 16 MiB, the most that a database takes at once, is no
/// longer in hex.
pub(super) const MAX_RECORD_BYTES: usize = 33 << 20;

/// The form of a quote inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Doubled.
    Doubled,
    /// After a backslash.
    Backslash,
}

/// Detects the dialect of a text with that delimiter, if it can.
type Tell = fn(&[u8], u8) -> Option<Dialect>;

/// The form of a file's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) delimiter: u8,
    /// `None`: to be found out at the first backslash or doubled quote.
    pub(crate) dialect: Option<Dialect>,
}

/// One record: its fields, and its bytes as they stand in the file.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Number of its first line, from 1.
    pub(crate) line: u64,
    /// Number of its lines.
    pub(crate) lines: u64,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// The end of each field in `text`.
    ends: Vec<usize>,
    /// Whether each field stands in quotes.
    quoted: Vec<bool>,
}

/// The fault of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The file ends, or too many bytes follow, before a quote is closed.
    OpenQuote,
    /// Something other than a comma follows a closing quote.
    BehindQuote,
    /// A line has more than [`MAX_RECORD_BYTES`]; what is too much of it was passed over.
    TooLong,
    /// A backslash means something else in each dialect, and the dialect is unknown.
    Ambiguous,
}

impl Record {
    /// The fields' bytes.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(at, &end)| {
            let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            self.text.get(start..end).unwrap_or_default()
        })
    }

    /// Whether each of the fields stands in quotes.
    pub(crate) fn are_quoted(&self) -> impl Iterator<Item = bool> {
        self.quoted.iter().copied()
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
        self.lines = 0;
        self.raw.clear();
        self.clear_fields();
    }

    fn clear_fields(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.quoted.clear();
    }

    fn end_field(&mut self, is_quoted: bool) {
        self.ends.push(self.text.len());
        self.quoted.push(is_quoted);
    }
}

/// Reads records one after the other.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: R,
    format: Format,
    tell: Tell,
    lines: u64,
    /// Lines that are read again, after the first one of an invalid record.
    again: Vec<u8>,
    /// The position in those lines.
    again_at: usize,
}

impl<R: BufRead> Reader<R> {
    /// Reads `input`; if the format leaves the dialect open, `tell` is called at the first
    /// backslash.
    pub(crate) fn new(input: R, format: Format, tell: Tell) -> Self {
        Self { input, format, tell, lines: 0, again: Vec::new(), again_at: 0 }
    }

    /// Reads the next record into `record`; `None` at the end. The inner result says whether it is
    /// well-formed; records after a malformed one can still be read.
    pub(crate) fn next(&mut self, record: &mut Record) -> io::Result<Option<Result<(), Malformed>>> {
        record.clear();
        record.line = self.lines + 1;
        match self.more(record)? {
            More::End => return Ok(None),
            More::TooLong => return Ok(Some(Err(Malformed::TooLong))),
            More::Line => {}
        }
        if record.line == 1 && record.raw.starts_with(BYTE_ORDER_MARK) {
            record.raw.drain(..BYTE_ORDER_MARK.len());
        }
        let mut outcome = self.fields(record)?;
        if outcome == Err(Malformed::Ambiguous) {
            match self.find_dialect(record)? {
                None => return Ok(Some(Err(Malformed::Ambiguous))),
                found => self.format.dialect = found,
            }
            record.clear_fields();
            outcome = self.fields(record)?;
        }
        if outcome.is_err() {
            self.go_back(record);
        }
        Ok(Some(outcome))
    }

    /// Whether there is nothing more to read.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.again.is_empty() && self.input.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    /// Reads the fields of a record that begins with the line that was read.
    fn fields(&mut self, record: &mut Record) -> io::Result<Result<(), Malformed>> {
        let mut at = 0;
        loop {
            match self.field(record, at)? {
                Ok(Some(next)) => at = next,
                Ok(None) => return Ok(Ok(())),
                Err(malformed) => return Ok(Err(malformed)),
            }
        }
    }

    /// Detects the dialect from the record and the text after it that is in memory.
    fn find_dialect(&mut self, record: &Record) -> io::Result<Option<Dialect>> {
        let mut sample = record.raw.clone();
        let behind = match self.again.get(self.again_at..) {
            Some(again) if !again.is_empty() => again,
            _ => self.input.fill_buf()?,
        };
        sample.extend_from_slice(behind);
        Ok((self.tell)(&sample, self.format.delimiter))
    }

    /// Cuts the record to its first line; the others are read again.
    fn go_back(&mut self, record: &mut Record) {
        let first = memchr(b'\n', &record.raw).map_or(record.raw.len(), |end| end + 1);
        if first == record.raw.len() {
            return;
        }
        let mut others = record.raw.split_off(first);
        others.extend_from_slice(self.again.get(self.again_at..).unwrap_or_default());
        (self.again, self.again_at) = (others, 0);
        self.lines -= record.lines - 1;
        record.lines = 1;
    }

    /// Appends the next line to the record.
    fn more(&mut self, record: &mut Record) -> io::Result<More> {
        let before = record.raw.len();
        let again = self.again.get(self.again_at..).unwrap_or_default();
        let len = memchr(b'\n', again).map_or(again.len(), |end| end + 1);
        record.raw.extend_from_slice(again.get(..len).unwrap_or_default());
        self.again_at += len;
        if self.again_at == self.again.len() {
            (self.again, self.again_at) = (Vec::new(), 0);
        }
        if len == 0 || !record.raw.ends_with(b"\n") {
            let room = (MAX_RECORD_BYTES + 1).saturating_sub(record.raw.len()).max(1);
            (&mut self.input).take(room as u64).read_until(b'\n', &mut record.raw)?;
        }
        if record.raw.len() == before {
            return Ok(More::End);
        }
        let is_too_long = record.raw.len() > MAX_RECORD_BYTES;
        if is_too_long && record.lines > 0 {
            // The end of the line stays in the input: the whole line is read again.
            return Ok(More::TooLong);
        }
        if is_too_long && !record.raw.ends_with(b"\n") {
            skip_line(&mut self.input)?;
        }
        self.lines += 1;
        record.lines += 1;
        Ok(if is_too_long { More::TooLong } else { More::Line })
    }

    /// Reads the field that begins at `at` of the record; where the next one begins, if there is
    /// one.
    fn field(&mut self, record: &mut Record, at: usize) -> io::Result<Result<Option<usize>, Malformed>> {
        if record.raw.get(at) == Some(&b'"') {
            return self.quoted(record, at + 1);
        }
        let line = trim_line(&record.raw);
        let mut rest = line.get(at..).unwrap_or_default();
        let delimiter = self.format.delimiter;
        loop {
            let special = match self.format.dialect {
                Some(Dialect::Doubled) => memchr(delimiter, rest),
                Some(Dialect::Backslash) | None => memchr2(delimiter, b'\\', rest),
            };
            let (before, behind) = rest.split_at(special.unwrap_or(rest.len()));
            record.text.extend_from_slice(before);
            match behind {
                [b'\\', _, ..] if self.format.dialect.is_none() => return Ok(Err(Malformed::Ambiguous)),
                [b'\\', escaped, more @ ..] => {
                    record.text.push(*escaped);
                    rest = more;
                }
                // A backslash at the line's end is literal.
                [b'\\'] => {
                    record.text.push(b'\\');
                    rest = &[];
                }
                [_, more @ ..] => {
                    let next = line.len() - more.len();
                    record.end_field(false);
                    return Ok(Ok(Some(next)));
                }
                [] => {
                    record.end_field(false);
                    return Ok(Ok(None));
                }
            }
        }
    }

    /// Reads the field whose opening quote stands just before `at`.
    fn quoted(&mut self, record: &mut Record, mut at: usize) -> io::Result<Result<Option<usize>, Malformed>> {
        loop {
            let rest = record.raw.get(at..).unwrap_or_default();
            let special = match self.format.dialect {
                Some(Dialect::Doubled) => memchr(b'"', rest),
                Some(Dialect::Backslash) | None => memchr2(b'"', b'\\', rest),
            };
            let (before, behind) = rest.split_at(special.unwrap_or(rest.len()));
            record.text.extend_from_slice(before);
            at += before.len();
            match behind {
                [b'\\', ..] if self.format.dialect.is_none() => return Ok(Err(Malformed::Ambiguous)),
                [b'\\', escaped, ..] => {
                    record.text.push(*escaped);
                    at += 2;
                }
                [b'"', b'"', ..] if self.format.dialect != Some(Dialect::Backslash) => {
                    record.text.push(b'"');
                    at += 2;
                }
                [b'"', ..] => {
                    record.end_field(true);
                    return Ok(behind_quote(&record.raw, at + 1, self.format.delimiter));
                }
                _ => match self.more(record)? {
                    More::Line => {}
                    More::End | More::TooLong => return Ok(Err(Malformed::OpenQuote)),
                },
            }
        }
    }
}

/// What a read appended to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Line,
    /// The beginning of a line that is too long.
    TooLong,
    /// Nothing: the file ends.
    End,
}

/// Passes over what is left of a line.
pub(crate) fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (len, is_over) = match memchr(b'\n', buffer) {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(len);
        if is_over {
            return Ok(());
        }
    }
}

/// The start of the next field after a closing quote, if there is one.
fn behind_quote(raw: &[u8], at: usize, delimiter: u8) -> Result<Option<usize>, Malformed> {
    match trim_line(raw).get(at..) {
        None | Some([]) => Ok(None),
        Some([next, ..]) if *next == delimiter => Ok(Some(at + 1)),
        Some(_) => Err(Malformed::BehindQuote),
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without its end.
fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, input: &str) -> Vec<(u64, Result<Vec<String>, Malformed>, String)> {
        let mut reader =
            Reader::new(input.as_bytes(), Format { delimiter: b',', dialect: Some(dialect) }, |_, _| None);
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
                (4, Ok(vec!["1".to_owned(), "2".to_owned()])),
            ]
        );
    }

    /// One quote that was never closed made the rest of a file of a million lines one record that
    /// was refused, and held in memory; one that met the opening quote of another line took all
    /// lines between with it.
    #[test]
    fn a_record_that_is_none_ends_with_its_first_line() {
        let lines = |input: &str| {
            let found = read(Dialect::Doubled, input);
            assert_eq!(found.iter().map(|(_, _, raw)| raw.as_str()).collect::<String>(), input, "raw bytes");
            found.iter().map(|(line, fields, _)| (*line, fields.is_ok())).collect::<Vec<_>>()
        };
        assert_eq!(lines("1,\"open\n2,x\n3,y"), [(1, false), (2, true), (3, true)]);
        assert_eq!(
            lines("1,\"open\n2,x\n3,\"y, z\"\n4,\"a\nb\"\n5,c\n"),
            [(1, false), (2, true), (3, true), (4, true), (6, true)]
        );
        assert_eq!(lines("\"a\n\"b\n\"c\n"), [(1, false), (2, false), (3, false)]);
    }

    /// Of a record that doesn't end only a bounded part is held, and the data after it is read.
    #[test]
    fn memory_is_bounded() {
        let line = "2,x\n".repeat(MAX_RECORD_BYTES / 4 + 1000);
        let text = format!("1,\"open\n{line}");
        let format = Format { delimiter: b',', dialect: Some(Dialect::Doubled) };
        let (mut reader, mut record) = (Reader::new(text.as_bytes(), format, |_, _| None), Record::default());
        assert_eq!(reader.next(&mut record).unwrap(), Some(Err(Malformed::OpenQuote)));
        assert_eq!((record.line, record.lines, record.raw()), (1, 1, &b"1,\"open\n"[..]));
        let mut count = 0;
        while let Some(outcome) = reader.next(&mut record).unwrap() {
            outcome.unwrap();
            count += 1;
            assert_eq!(record.line, count + 1);
        }
        assert_eq!(count, line.len() as u64 / 4);

        let text = format!("1,{}\n2,x\n", "x".repeat(MAX_RECORD_BYTES + 5));
        let mut reader = Reader::new(text.as_bytes(), format, |_, _| None);
        assert_eq!(reader.next(&mut record).unwrap(), Some(Err(Malformed::TooLong)));
        assert!(record.raw().len() <= MAX_RECORD_BYTES + 1);
        assert_eq!(reader.next(&mut record).unwrap(), Some(Ok(())));
        assert_eq!((record.line, record.raw()), (2, &b"2,x\n"[..]));
    }
    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let found = read(Dialect::Doubled, "\u{feff}id,b\n");
        assert_eq!(
            found.first().map(|(_, fields, _)| fields.clone()),
            Some(Ok(vec!["id".into(), "b".into()]))
        );
    }
}
