//! The error of this crate: file, offset, and what was expected and found there.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use helenus_io::IoError;
use helenus_types::DecodeError;
use thiserror::Error;

use crate::version::UnsupportedVersion;

/// An error with a file of an SSTable.
#[derive(Debug)]
pub struct SsTableError {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    kind: SsTableErrorKind,
}

/// The kinds of [`SsTableError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SsTableErrorKind {
    /// Bytes that cannot be right: repair or restore the table, or scrub it.
    #[error("corrupt at offset {}: expected {}, found {}", .0.offset, .0.expected, .0.found)]
    Corrupt(DecodeError),
    /// The file's name or its version is not one that can be read.
    #[error("cannot be read: {0}")]
    UnsupportedVersion(#[from] UnsupportedVersion),
    /// The file's name is not that of an SSTable's component, or of the one that is wanted.
    #[error("does not name an SSTable: expected {expected}, found {found}")]
    FileName {
        /// The form of the part that is wrong.
        expected: &'static str,
        /// That part.
        found: String,
    },
    /// The directory has none, or none that counts.
    #[error("holds no SSTables (files named like da-1-bti-Data.db)")]
    NoTables,
    /// The data was written by a compressor that is not in Cassandra or not in this build.
    #[error("is compressed by {class}: {next_step}")]
    UnsupportedCompressor {
        /// The class in CompressionInfo.db.
        class: String,
        /// The step that makes the data readable.
        next_step: &'static str,
    },
    /// A component without which the table cannot be opened.
    #[error("is missing: {next_step}")]
    MissingComponent {
        /// The step to take.
        next_step: &'static str,
    },
    /// A transaction's log contradicts the files next to it.
    #[error("does not fit the files: {0}")]
    Transaction(String),
    /// Something that the format has no place for.
    #[error("cannot hold {0}")]
    Unwritable(String),
    /// A deletion or expiration later than the version can hold.
    #[error("cannot hold {0}")]
    LateDeletionTime(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] IoError),
}

impl SsTableError {
    /// An error of that kind in `file`.
    #[cold]
    pub fn new(file: impl Into<PathBuf>, kind: impl Into<SsTableErrorKind>) -> SsTableError {
        SsTableError { inner: Box::new(Inner { file: file.into(), kind: kind.into() }) }
    }

    /// Bytes at `offset` of `file` that are not what they must be.
    #[cold]
    pub fn corrupt(
        file: impl Into<PathBuf>,
        offset: u64,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> SsTableError {
        SsTableError::new(file, DecodeError::new(offset, expected, found))
    }

    /// The file at fault.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.inner.file
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> &SsTableErrorKind {
        &self.inner.kind
    }

    /// Whether the file's bytes are wrong, as opposed to unreadable or unknown.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        matches!(self.inner.kind, SsTableErrorKind::Corrupt(_))
    }

    /// Whether nothing is wrong but that there are no SSTables.
    #[must_use]
    pub fn is_no_tables(&self) -> bool {
        matches!(self.inner.kind, SsTableErrorKind::NoTables)
    }

    /// Whether a deletion or expiration was too late for the version that was written: one with
    /// [`Version::has_uint_deletion_time`](crate::Version::has_uint_deletion_time) can hold it.
    #[must_use]
    pub fn is_late_deletion_time(&self) -> bool {
        matches!(self.inner.kind, SsTableErrorKind::LateDeletionTime(_))
    }
}

/// The error's own path is the file.
impl From<IoError> for SsTableError {
    fn from(error: IoError) -> SsTableError {
        SsTableError::new(error.path().to_owned(), error)
    }
}

impl From<DecodeError> for SsTableErrorKind {
    fn from(error: DecodeError) -> SsTableErrorKind {
        SsTableErrorKind::Corrupt(error)
    }
}

impl fmt::Display for SsTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.file.display(), self.inner.kind)
    }
}

impl std::error::Error for SsTableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.inner.kind {
            SsTableErrorKind::Corrupt(error) => Some(error),
            SsTableErrorKind::UnsupportedVersion(error) => Some(error),
            SsTableErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use helenus_io::Operation;

    use super::*;

    #[test]
    fn an_error_names_file_offset_expected_and_found() {
        let error = SsTableError::corrupt("d/nb-1-big-Data.db", 12, "checksum 1", "checksum 2");
        assert_eq!(
            error.to_string(),
            "d/nb-1-big-Data.db: corrupt at offset 12: expected checksum 1, found checksum 2"
        );
        assert!(error.is_corruption());
        let error = SsTableError::from(IoError::new(Operation::Read, "x", std::io::Error::other("no")));
        assert_eq!(error.file(), Path::new("x"));
        assert!(!error.is_corruption());
    }
}
