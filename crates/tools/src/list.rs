//! The files of a table's directory, and what each is to its table (`tools.StandaloneSSTableUtil`,
//! `db.lifecycle.LogAwareFileLister`).

use std::path::{Path, PathBuf};

use helenus_io::Disk;
use helenus_sstable::{Descriptor, Folder, LeftOut};

use crate::error::ToolError;

/// A file of a table's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes in it; 0 for a link or whatever else is not a file.
    pub len: u64,
    /// Its role in the table.
    pub role: FileRole,
}

/// The role of a file in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileRole {
    /// A component of an SSTable that counts.
    Final,
    /// A component of an SSTable that a committed transaction has replaced; a node deletes it when
    /// it starts.
    Obsolete,
    /// A component of an SSTable of a transaction that was not committed: one that is under way, or
    /// a leftover that a node deletes when it starts.
    Unfinished,
    /// A file that gets its name when it is complete.
    HalfWritten,
    /// The log of a transaction.
    Log,
    /// Part of no SSTable that is read here: a snapshot's manifest and schema, a version of another
    /// release, a stranger.
    Other,
}

impl FileRole {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileRole::Final => "final",
            FileRole::Obsolete => "obsolete",
            FileRole::Unfinished => "unfinished",
            FileRole::HalfWritten => "half-written",
            FileRole::Log => "log",
            FileRole::Other => "other",
        }
    }

    /// Whether it will be deleted or renamed: Cassandra's `TEMPORARY`. (A half-written one is
    /// `FINAL` there.)
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, FileRole::Obsolete | FileRole::Unfinished | FileRole::HalfWritten)
    }
}

/// The files in `dir`, by name. Nothing but logs of transactions is opened. Directories in it
/// (`snapshots`, `backups`, secondary indexes) are not looked into.
///
/// # Errors
/// When there is no such directory, or a log of a transaction is damaged or contradicts the files.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<ListedFile>, ToolError> {
    let folder = Folder::read(disk, dir)?;
    let listed = |entry: &helenus_io::DirEntry| ListedFile {
        path: dir.join(&entry.name),
        len: entry.len,
        role: entry.utf8().map_or(FileRole::Other, |name| role(&folder, name)),
    };
    Ok(folder.files.iter().map(listed).collect())
}

fn role(folder: &Folder, name: &str) -> FileRole {
    // Sorted, as the directory is listed.
    let has = |names: &[String]| names.binary_search_by(|listed| listed.as_str().cmp(name)).is_ok();
    match folder.left_out(name) {
        Some(LeftOut::Obsolete) => FileRole::Obsolete,
        Some(LeftOut::Unfinished) => FileRole::Unfinished,
        None if has(&folder.listing.temporary) => FileRole::HalfWritten,
        None if has(&folder.listing.transaction_logs) => FileRole::Log,
        None if Descriptor::parse(&folder.dir, name).is_ok() => FileRole::Final,
        None => FileRole::Other,
    }
}
