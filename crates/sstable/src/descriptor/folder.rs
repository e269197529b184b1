//! The SSTables of a directory, and those that its transaction logs exclude.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use helenus_io::{DirEntry, Disk, read_to_vec};

use crate::descriptor::transaction_log::{TransactionLog, TransactionLogName, TransactionVerdict};
use crate::descriptor::{Component, FoundTable, Listing};
use crate::error::{SsTableError, SsTableErrorKind};

/// The longest log of a transaction that is read, in bytes; it has a line for each SSTable.
const MAX_TRANSACTION_LOG_BYTES: usize = 16 << 20;

/// The files of a table's directory, and which of its SSTables count as the logs of transactions
/// stand (`db.lifecycle.LogAwareFileLister`). Nothing is written; a node may be at work in the
/// directory meanwhile.
#[derive(Debug)]
pub struct Folder {
    /// The directory.
    pub dir: PathBuf,
    /// Its files (not its directories), by name.
    pub files: Vec<DirEntry>,
    /// The files' names, sorted out.
    pub listing: Listing,
    /// SSTables, as `<version>-<id>-<format>`, that don't count, each with the reason.
    pub left_out: BTreeMap<String, LeftOut>,
}

/// Why the log of a transaction excludes an SSTable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// A transaction that was committed has replaced it.
    Obsolete,
    /// It belongs to a transaction that was not committed.
    Unfinished,
}

impl Folder {
    /// Lists `dir` and reads the logs in it.
    ///
    /// # Errors
    /// When there is no such directory, or a log is damaged or contradicts the files; a Cassandra
    /// that finds such a log doesn't start.
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Folder, SsTableError> {
        let files = files(disk, dir)?;
        // Logs go last when a transaction has ended, so they are listed after all others.
        let logs = self::files(disk, dir)?;
        let logs =
            logs.iter().filter_map(DirEntry::utf8).filter(|name| TransactionLogName::parse(name).is_some());
        let mut left_out = BTreeMap::new();
        for log in logs {
            let Some(verdict) = settled_verdict(disk, dir, log, &files)? else { continue };
            let reason = if verdict.is_committed { LeftOut::Obsolete } else { LeftOut::Unfinished };
            left_out.extend(verdict.left_out.into_iter().map(|stem| (stem, reason)));
        }
        let listing = Listing::new(dir, files.iter().filter_map(DirEntry::utf8));
        Ok(Folder { dir: dir.to_owned(), files, listing, left_out })
    }

    /// Why the file of that name doesn't count, if it belongs to an SSTable that doesn't.
    #[must_use]
    pub fn left_out(&self, name: &str) -> Option<LeftOut> {
        let (third_dash, _) = name.match_indices('-').nth(2)?;
        self.left_out.get(name.get(..third_dash)?).copied()
    }

    /// The SSTables that count, by id: no transaction excludes them, and they have a Data.db.
    pub fn tables(&self) -> impl Iterator<Item = &FoundTable> {
        self.listing.tables.iter().filter(|found| self.why_left_out(found).is_none())
    }

    /// Why an SSTable of the listing doesn't count; `None` if it does.
    #[must_use]
    pub fn why_left_out(&self, found: &FoundTable) -> Option<&'static str> {
        match self.left_out.get(&found.descriptor.to_string()) {
            Some(LeftOut::Obsolete) => Some("a transaction that was committed has replaced it"),
            Some(LeftOut::Unfinished) => Some("its transaction was not committed"),
            None if found.components.contains(&Component::Data) => None,
            None => Some("Data.db is missing: the remains of an SSTable that was being removed"),
        }
    }
}

fn files(disk: &dyn Disk, dir: &Path) -> Result<Vec<DirEntry>, SsTableError> {
    let mut entries = disk.list(dir)?;
    entries.retain(|entry| !entry.is_dir());
    Ok(entries)
}

/// `None` if the log has gone, and with it all that it spoke of.
fn settled_verdict(
    disk: &dyn Disk,
    dir: &Path,
    log: &str,
    files: &[DirEntry],
) -> Result<Option<TransactionVerdict>, SsTableError> {
    let path = dir.join(log);
    // Twice: when the first look finds old files missing, the transaction may have ended since they
    // were listed.
    for _ in 0..2 {
        let bytes = match read_to_vec(disk, &path, MAX_TRANSACTION_LOG_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let verdict = TransactionLog::decode(&path, &bytes)?.verdict(dir, files)?;
        if verdict.is_settled {
            return Ok(Some(verdict));
        }
    }
    let text = "files of SSTables that it replaces are missing although it is not committed: restore them, or remove \
                the log and what it added";
    Err(SsTableError::new(path, SsTableErrorKind::Transaction(text.to_owned())))
}
