//! Records of CSV, read and written: RFC 4180, and what cqlsh's `COPY TO` writes.
//!
//! The two differ in quotes inside a value. RFC 4180 doubles it, within quotes: `"a ""b"" c"`.
//! Python's writer, as cqlsh sets it up, puts a backslash before quotes and backslashes, and does
//! so also in fields that it leaves without quotes: `a \"b\" c`. No library reads the second form,
//! and none hands out a record's own bytes, which are kept when a line is refused; hence this
//! reader. `dialect.rs` detects which of the two a file is.
//!
//! A quote that is never closed would make the rest of a file one record. Such a record ends with
//! its first line, and reading continues with the second; likewise if the quote is closed by one
//! that was meant to open another field, which the text after it shows. Memory is bounded by
//! [`reader::MAX_RECORD_BYTES`].

mod dialect;
mod reader;
mod writer;

pub(crate) use dialect::{Guess, guess, told};
pub(crate) use reader::{Dialect, Format, Malformed, Reader, Record, skip_line};
pub(crate) use writer::{CsvLayout, push_record};
