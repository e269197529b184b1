//! The one error of the API: a kind for the program, a text for people, a source.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use helenus_commitlog::LogError;
use helenus_compaction::CompactionError;
use helenus_io::IoError;
use helenus_rows::{SchemaError, StreamError};
use helenus_schema::{CatalogError, CatalogErrorKind};
use helenus_sstable::{SsTableError, SsTableErrorKind, WriteError};
use helenus_types::{DecodeError, TypeError, ValueError};

use crate::manifest::ManifestError;

/// The kind of an [`Error`], which decides what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text isn't CQL. Nothing was done.
    Syntax,
    /// The call is wrong: a type, a name, a missing key part, an invalid value. Nothing was
    /// written.
    Invalid,
    /// The object that the call names does not exist.
    NotFound,
    /// The object that the call would create exists.
    AlreadyExists,
    /// Bytes on disk are not those that were written: restore a backup, or repair the file.
    Corrupt,
    /// The operating system refused: free space or repair the disk, then open again.
    Io,
    /// Another process or handle has the directory open for writing.
    Locked,
    /// The database or table can only be read.
    ReadOnly,
    /// This release can't do it.
    Unsupported,
    /// An earlier write to the log failed, so nothing can be promised any more: close and open
    /// again.
    LogFailed,
    /// The handle came from the parent process through `fork`: open the database anew.
    Forked,
    /// The database was closed.
    Closed,
    /// There was no room in memory for a write within [`crate::Options::write_timeout`]: the disk
    /// is slower than the writers, or flushes fail. Nothing was written; the text says what is in
    /// the way. Try again later.
    Overloaded,
    /// Something that cannot happen did, or code of the caller's (a clock, a disk) panicked: memory
    /// is in doubt, and nothing more is written. Close and open again; everything acknowledged is
    /// in the log. The first panic names its place in the source: report it.
    Bug,
}

/// The error of a call. Its text says what was expected and found, and if it helps what to do next.
pub struct Error {
    kind: ErrorKind,
    text: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A write is about an element of a list that isn't there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchElement {
    /// The index that was given.
    pub index: i32,
    /// How many elements the list has.
    pub len: usize,
}

impl fmt::Display for NoSuchElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no index {} in a list of {} elements", self.index, self.len)
    }
}

impl StdError for NoSuchElement {}

/// Result of a call of the API.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of that kind with that text.
    pub fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), source: None }
    }

    /// An error of an invalid call.
    pub fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, text)
    }

    /// An error of that kind with the text of another one, and its sources.
    pub fn with(kind: ErrorKind, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { kind, text: source.to_string().into(), source: Some(Arc::new(source)) }
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The index of a list that isn't there, where that is what is wrong with a write.
    pub fn no_such_element(&self) -> Option<NoSuchElement> {
        self.source.as_deref().and_then(|source| source.downcast_ref()).copied()
    }

    /// The same error, for another caller.
    pub(crate) fn repeat(&self) -> Self {
        Self { kind: self.kind, text: self.text.clone(), source: self.source.clone() }
    }

    /// What the schema refused, if that is why: what of a keyspace or table is there already, and
    /// a kind that distinguishes wrong options from other wrong statements.
    pub fn refusal(&self) -> Option<&CatalogError> {
        self.source.as_deref()?.downcast_ref()
    }

    /// The operating system's error, if it caused this one.
    pub(crate) fn io_kind(&self) -> Option<std::io::ErrorKind> {
        let source: &(dyn StdError + 'static) = self.source.as_deref()?;
        if let Some(LogError::Stopped(error) | LogError::Io(error)) = source.downcast_ref() {
            return Some(error.kind());
        }
        let stream = source.downcast_ref::<StreamError>();
        let table = stream.map_or_else(|| source.downcast_ref(), StreamError::downcast_ref::<SsTableError>);
        match table.map(SsTableError::kind) {
            Some(SsTableErrorKind::Io(error)) => Some(error.kind()),
            _ => source.downcast_ref::<IoError>().map(IoError::kind),
        }
    }

    /// The same error with its place before the text.
    #[must_use]
    pub fn context(mut self, place: impl fmt::Display) -> Self {
        self.text = format!("{place}: {}", self.text).into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text is the source's own, so the chain continues after it.
        self.source.as_ref().and_then(|source| source.source())
    }
}

impl From<IoError> for Error {
    fn from(error: IoError) -> Self {
        let kind = if error.is_not_found() { ErrorKind::NotFound } else { ErrorKind::Io };
        Self::with(kind, error)
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::with(ErrorKind::Corrupt, error)
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Io(error) => error.into(),
            corrupt @ ManifestError::Corrupt { .. } => Self::with(ErrorKind::Corrupt, corrupt),
        }
    }
}

impl From<SsTableError> for Error {
    fn from(error: SsTableError) -> Self {
        let kind = match error.kind() {
            SsTableErrorKind::Io(_) => ErrorKind::Io,
            SsTableErrorKind::NoTables => ErrorKind::NotFound,
            SsTableErrorKind::FileName { .. } => ErrorKind::Invalid,
            SsTableErrorKind::UnsupportedVersion(_)
            | SsTableErrorKind::UnsupportedCompressor { .. }
            | SsTableErrorKind::Unwritable(_)
            | SsTableErrorKind::LateDeletionTime(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Corrupt,
        };
        Self::with(kind, error)
    }
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        let kind = match error.downcast_ref::<SsTableError>().map(SsTableError::kind) {
            Some(SsTableErrorKind::Io(_)) => ErrorKind::Io,
            _ => ErrorKind::Corrupt,
        };
        Self::with(kind, error)
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Source(error) => error.into(),
            WriteError::Table(error) => error.into(),
        }
    }
}

impl From<CompactionError<Self>> for Error {
    fn from(error: CompactionError<Self>) -> Self {
        match error {
            CompactionError::Source(error) => error.into(),
            CompactionError::Output(error) => error.into(),
            CompactionError::Factory(error) => error,
        }
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        let kind = match error {
            LogError::TooLarge { .. } => ErrorKind::Invalid,
            LogError::Closed => ErrorKind::Closed,
            LogError::Io(_) => ErrorKind::Io,
            LogError::Stopped(_) => ErrorKind::LogFailed,
        };
        Self::with(kind, error)
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        let kind = match error.kind() {
            CatalogErrorKind::Syntax => ErrorKind::Syntax,
            CatalogErrorKind::NotFound => ErrorKind::NotFound,
            CatalogErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            CatalogErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Invalid,
        };
        Self::with(kind, error)
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Self::with(ErrorKind::Invalid, error)
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Self::with(ErrorKind::Invalid, error)
    }
}

impl From<TypeError> for Error {
    fn from(error: TypeError) -> Self {
        Self::with(ErrorKind::Invalid, error)
    }
}
