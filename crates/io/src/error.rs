//! The one error of this crate: an operation, a path, and the system's reason.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of every operation of this crate.
pub type Result<T> = std::result::Result<T, IoError>;

/// The operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opening an existing file.
    Open,
    /// Creating a file that must not exist.
    Create,
    /// Reading at a position.
    Read,
    /// Writing at a position.
    Write,
    /// Making a file's bytes durable.
    Sync,
    /// Changing a file's length.
    SetLen,
    /// Reserving space for a file.
    Allocate,
    /// Asking for length and kind.
    Metadata,
    /// Renaming.
    Rename,
    /// Removing a file.
    RemoveFile,
    /// Creating a directory.
    CreateDir,
    /// Removing an empty directory.
    RemoveDir,
    /// Making a hard link.
    HardLink,
    /// Listing a directory.
    List,
    /// Making a directory's names durable.
    SyncDir,
    /// Taking a lock.
    Lock,
}

impl Operation {
    /// The operation as one lower-case word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SetLen => "set length of",
            Self::Allocate => "allocate space for",
            Self::Metadata => "look up",
            Self::Rename => "rename",
            Self::RemoveFile => "remove",
            Self::CreateDir => "create directory",
            Self::RemoveDir => "remove directory",
            Self::HardLink => "link",
            Self::List => "list",
            Self::SyncDir => "sync directory",
            Self::Lock => "lock",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed file operation: what, where, why. Cheap to clone, so that a store that stopped at a
/// failed write can return the same error for every later call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {op} {}: {source}", .path.display())]
pub struct IoError {
    op: Operation,
    path: PathBuf,
    source: Arc<io::Error>,
}

impl IoError {
    /// An error of `op` on `path`.
    #[must_use]
    pub fn new(op: Operation, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { op, path: path.into(), source: Arc::new(source) }
    }

    /// What kind of error the system reported. A lock that is held elsewhere is
    /// [`io::ErrorKind::WouldBlock`], a full disk [`io::ErrorKind::StorageFull`].
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The operation that failed.
    #[must_use]
    pub const fn op(&self) -> Operation {
        self.op
    }

    /// The file or directory it was done to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file or directory is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == io::ErrorKind::NotFound
    }
}

impl From<IoError> for io::Error {
    fn from(error: IoError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Names the operation and the path of a system error.
pub(crate) trait Context<T> {
    fn context(self, op: Operation, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, op: Operation, path: &Path) -> Result<T> {
        self.map_err(|e| IoError::new(op, path, e))
    }
}

impl<T> Context<T> for rustix::io::Result<T> {
    fn context(self, op: Operation, path: &Path) -> Result<T> {
        self.map_err(|e| IoError::new(op, path, e.into()))
    }
}
