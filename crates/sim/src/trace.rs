//! What was done to a disk, in order.

use std::fmt;
use std::path::{Path, PathBuf};

use helenus_io::Operation;

/// An operation that changed or synced something. Printed it is one line, such as `write
/// db/MANIFEST 0+12` or `rename a.tmp -> a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// What was done.
    pub operation: Operation,
    /// To which file or directory; a file is named by the path that it was opened by.
    pub path: PathBuf,
    /// What else it took.
    pub detail: TracedDetail,
}

/// What an operation took besides its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TracedDetail {
    /// Nothing.
    None,
    /// The bytes of a write, and where they went.
    Bytes {
        /// Place in the file.
        offset: u64,
        /// What was written there.
        bytes: Vec<u8>,
    },
    /// The new length of a file, or how much of it was reserved.
    Len(u64),
    /// The new name of a rename, or the file that a hard link leads to.
    Other(PathBuf),
}

/// The same before anybody traces it.
#[derive(Clone, Copy)]
pub(crate) enum Besides<'a> {
    None,
    Bytes(u64, &'a [u8]),
    Len(u64),
    Other(&'a Path),
}

impl Besides<'_> {
    pub(crate) fn traced(self, operation: Operation, path: &Path) -> Traced {
        let detail = match self {
            Self::None => TracedDetail::None,
            Self::Bytes(offset, bytes) => TracedDetail::Bytes { offset, bytes: bytes.to_vec() },
            Self::Len(len) => TracedDetail::Len(len),
            Self::Other(path) => TracedDetail::Other(path.to_path_buf()),
        };
        Traced { operation, path: path.to_path_buf(), detail }
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, path, detail } = self;
        write!(f, "{} {}", word(*operation), path.display())?;
        match detail {
            TracedDetail::None => Ok(()),
            TracedDetail::Bytes { offset, bytes } => write!(f, " {offset}+{}", bytes.len()),
            TracedDetail::Len(len) => write!(f, " {len}"),
            TracedDetail::Other(other) => {
                let joint = if *operation == Operation::Rename { "->" } else { "to" };
                write!(f, " {joint} {}", other.display())
            }
        }
    }
}

/// The operation in one word.
fn word(op: Operation) -> &'static str {
    match op {
        Operation::SetLen => "set-len",
        Operation::Allocate => "allocate",
        Operation::CreateDir => "create-dir",
        Operation::RemoveDir => "remove-dir",
        Operation::SyncDir => "sync-dir",
        other => other.as_str(),
    }
}
