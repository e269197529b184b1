//! The transaction logs of Cassandra in a table's directory (`db.lifecycle.LogFile`): which
//! SSTables are live.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component as PathPart, Path, PathBuf};

use helenus_io::DirEntry;

use crate::error::{SsTableError, SsTableErrorKind};

/// The name of a transaction's log: `[<version>_|<format>-<version>_]txn_<operation>_<id>.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionLogName<'a> {
    /// The version that the node wrote then, as it stands there; releases before 3.0 left it out.
    pub version: Option<&'a str>,
    /// The operation, such as `compaction`, `flush` or `stream`.
    pub operation: &'a str,
    /// The transaction's time UUID.
    pub id: &'a str,
}

impl<'a> TransactionLogName<'a> {
    /// The parts of such a name; `None` for any other (`LogFile.FILE_REGEX`).
    #[must_use]
    pub fn parse(name: &'a str) -> Option<TransactionLogName<'a>> {
        let stem = name.strip_suffix(".log")?;
        let (version, rest) = match stem.strip_prefix("txn_") {
            Some(rest) => (None, rest),
            None => {
                let (version, rest) = stem.split_once("_txn_")?;
                let letters = version.split_once('-').map_or(version, |(_, letters)| letters);
                (Some(version).filter(|_| letters.chars().count() == 2)?.into(), rest)
            }
        };
        let (operation, id) = rest.rsplit_once('_')?;
        Some(TransactionLogName { version, operation, id })
    }
}

/// The kind of a line of a transaction's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogRecordKind {
    /// A new SSTable, which counts once the transaction is committed.
    Add,
    /// An old SSTable, which counts until the transaction is committed.
    Remove,
    /// The new SSTables count; the old ones may be deleted.
    Commit,
    /// The old SSTables count; the new ones may be deleted.
    Abort,
}

impl LogRecordKind {
    const ALL: [LogRecordKind; 4] =
        [LogRecordKind::Add, LogRecordKind::Remove, LogRecordKind::Commit, LogRecordKind::Abort];

    /// The word at the line's beginning.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LogRecordKind::Add => "ADD",
            LogRecordKind::Remove => "REMOVE",
            LogRecordKind::Commit => "COMMIT",
            LogRecordKind::Abort => "ABORT",
        }
    }

    /// Whether no line may follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, LogRecordKind::Commit | LogRecordKind::Abort)
    }
}

/// A line of a transaction's log (`db.lifecycle.LogRecord`).
///
/// ```text
/// ADD:[/data/ks/t-5a1c/da-8-bti-,0,8][3922014334]
/// REMOVE:[/data/ks/t-5a1c/da-7-bti-,1795374269080,8][1802071152]
/// COMMIT:[,0,0][2613697770]
/// ```
///
/// In brackets the path up to the component's name, the latest update time of the files in ms (of a
/// `REMOVE`), and how many files there were; then, in decimal, the CRC-32 of the path, the word,
/// the update time (low half first, each half big-endian) and the number of files (4 bytes,
/// big-endian).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The kind of the record.
    pub kind: LogRecordKind,
    /// The SSTable's files on the node that wrote the line, up to the component; empty in a final
    /// line. Releases before 3.11 left out the last dash.
    pub path: String,
    /// When the latest of its files was updated, in milliseconds since 1970; 0 but for `REMOVE`.
    pub update_time_ms: i64,
    /// The number of its files; of an `ADD` it may be too small.
    pub file_count: i32,
    /// The checksum in the line.
    pub checksum: u64,
}

impl LogRecord {
    /// A record with the checksum that belongs to it.
    #[must_use]
    pub fn new(kind: LogRecordKind, path: &str, update_time_ms: i64, file_count: i32) -> LogRecord {
        let mut record = LogRecord::of(kind, path, update_time_ms, file_count, 0);
        record.checksum = record.compute_checksum();
        record
    }

    /// Fields that a kind has no use for are as good as 0, whatever the line says.
    fn of(kind: LogRecordKind, path: &str, update_time_ms: i64, file_count: i32, checksum: u64) -> LogRecord {
        let has_file = !kind.is_final();
        LogRecord {
            kind,
            path: if has_file { path.to_owned() } else { String::new() },
            update_time_ms: if kind == LogRecordKind::Remove { update_time_ms } else { 0 },
            file_count: if has_file { file_count } else { 0 },
            checksum,
        }
    }

    /// The record in a line; `None` for a line that is none or was not written whole. The checksum
    /// is not compared.
    #[must_use]
    pub fn parse(line: &str) -> Option<LogRecord> {
        let (word, rest) = line.split_once(":[")?;
        let kind = LogRecordKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(word))?;
        let (fields, checksum) = rest.strip_suffix(']')?.rsplit_once("][")?;
        let mut fields = fields.split(',');
        let (Some(path), Some(time), Some(count), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return None;
        };
        let checksum = checksum.bytes().all(|b| b.is_ascii_digit()).then(|| checksum.parse().ok())??;
        Some(LogRecord::of(kind, path, time.parse().ok()?, count.parse().ok()?, checksum))
    }

    /// The checksum that belongs to the record.
    #[must_use]
    pub fn compute_checksum(&self) -> u64 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.path.as_bytes());
        crc.update(self.kind.name().as_bytes());
        let [high, low] = [self.update_time_ms >> 32, self.update_time_ms & 0xffff_ffff];
        for half in [low, high] {
            crc.update(half.to_be_bytes().last_chunk::<4>().unwrap_or(&[0; 4]));
        }
        crc.update(&self.file_count.to_be_bytes());
        u64::from(crc.finalize())
    }

    /// The SSTable as its files' names begin, `<version>-<id>-<format>`; `None` in a final line.
    #[must_use]
    pub fn stem(&self) -> Option<&str> {
        let name = self.path.rsplit('/').next()?;
        Some(name.strip_suffix('-').unwrap_or(name)).filter(|stem| !stem.is_empty())
    }

    /// The directory that the node had the SSTable in.
    fn dir(&self) -> &Path {
        Path::new(self.path.rsplit_once('/').map_or("", |(dir, _)| dir))
    }
}

/// The line, without an end.
impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogRecord { kind, path, update_time_ms, file_count, checksum } = self;
        write!(f, "{}:[{path},{update_time_ms},{file_count}][{checksum}]", kind.name())
    }
}

/// The log of a transaction that replaces SSTables by others: it stays next to them until the
/// obsolete files are deleted, so that a node that dies in between knows which those are
/// (`db.lifecycle.LogFile`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionLog {
    path: PathBuf,
    /// Its lines; `None` is a last one that is none.
    records: Vec<(Line, Option<LogRecord>)>,
}

/// The place of a line, and its beginning, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    offset: u64,
    text: String,
}

/// The state of the files in a directory according to a transaction's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionVerdict {
    /// Whether its new SSTables count, rather than its old ones.
    pub is_committed: bool,
    /// The SSTables (as `<version>-<id>-<format>`) that don't count, here or in the table's other
    /// directories.
    pub left_out: BTreeSet<String>,
    /// False if old SSTables have lost files although nothing says that the transaction has ended.
    /// Unless the log has gone or is complete when it is read once more, the directory contradicts
    /// itself.
    pub is_settled: bool,
}

impl TransactionLog {
    /// Reads the bytes of the log at `path`.
    ///
    /// # Errors
    /// When the bytes are not UTF-8, a line repeats another, or one follows a final one or is not a
    /// record and not the last. Cassandra doesn't start on such a log.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<TransactionLog, SsTableError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            SsTableError::corrupt(path, error.valid_up_to() as u64, "lines in UTF-8", "other bytes")
        })?;
        let mut records: Vec<(Line, Option<LogRecord>)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let at = Line { offset, text: line.trim_end_matches(['\n', '\r']).to_owned() };
            offset += line.len() as u64;
            if let Some((before, record)) = records.last() {
                match record {
                    None => return Err(before.wrong(path, "a record of a transaction")),
                    Some(record) if record.kind.is_final() => {
                        return Err(at.wrong(path, format!("nothing behind the {}", record.kind.name())));
                    }
                    Some(_) => {}
                }
            }
            let record = LogRecord::parse(&at.text);
            if let Some(LogRecord { kind, path: sstable, update_time_ms, file_count, .. }) = &record
                && !seen.insert((kind.name(), sstable.clone(), *update_time_ms, *file_count))
            {
                return Err(at.wrong(path, "no record twice"));
            }
            records.push((at, record));
        }
        Ok(TransactionLog { path: path.to_owned(), records })
    }

    /// Its records, in order, without a last line that is none.
    pub fn records(&self) -> impl Iterator<Item = &LogRecord> {
        self.records.iter().filter_map(|(_, record)| record.as_ref())
    }

    /// The state of these files in the directory `dir` (`LogFile.verify`, `LogAwareFileLister`).
    ///
    /// A last line that was not written whole, or is damaged, is ignored if everything before it is
    /// in order. SSTables are recognised by their names alone, so that a copy of the directory is
    /// read like the original; times are compared where the log was written for this very path.
    ///
    /// # Errors
    /// When a line is damaged, or the files are not those in the log (as if they had been copied
    /// back from a backup next to an old log): Cassandra doesn't start then, so that it doesn't
    /// delete what it shouldn't.
    pub fn verdict(&self, dir: &Path, files: &[DirEntry]) -> Result<TransactionVerdict, SsTableError> {
        let places: BTreeSet<&Path> =
            self.records().filter(|r| !r.kind.is_final()).map(LogRecord::dir).collect();
        let mut left_out = [BTreeSet::new(), BTreeSet::new()];
        let mut is_complete = true;
        let mut last_error = None;
        let last = self.records.len().saturating_sub(1);
        for (at, (line, record)) in self.records.iter().enumerate() {
            let found = record.as_ref().map(|record| OnDisk::of(record, dir, files));
            match self.check(line, record.as_ref(), found.as_ref()) {
                Ok(()) => {}
                Err(error) if at == last => {
                    last_error = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            let (Some(record), Some(found)) = (record, found) else {
                unreachable!("a line without a record does not pass the check")
            };
            let [added, removed] = &mut left_out;
            match record.kind {
                LogRecordKind::Add => added.extend(record.stem().map(str::to_owned)),
                LogRecordKind::Remove => {
                    // Those that are in another directory of the table are that directory's affair.
                    let is_here = found.is_its_dir || found.count > 0 || places.len() == 1;
                    is_complete &= !is_here || found.count >= i64::from(record.file_count);
                    removed.extend(record.stem().map(str::to_owned));
                }
                LogRecordKind::Commit | LogRecordKind::Abort => {}
            }
        }
        if let Some(error) = last_error
            && !is_complete
        {
            return Err(error);
        }
        let end = self.records.last().and_then(|(_, record)| record.as_ref());
        let end = end.filter(|record| record.checksum == record.compute_checksum()).map(|record| record.kind);
        let is_committed = end == Some(LogRecordKind::Commit);
        let [added, removed] = left_out;
        Ok(TransactionVerdict {
            is_committed,
            left_out: if is_committed { removed } else { added },
            is_settled: is_complete || end.is_some_and(LogRecordKind::is_final),
        })
    }

    fn check(
        &self,
        line: &Line,
        record: Option<&LogRecord>,
        found: Option<&OnDisk>,
    ) -> Result<(), SsTableError> {
        let (Some(record), Some(found)) = (record, found) else {
            return Err(line.wrong(&self.path, "a record of a transaction"));
        };
        let checksum = record.compute_checksum();
        if record.checksum != checksum {
            return Err(line.wrong(&self.path, format!("checksum {checksum}")));
        }
        // Whole seconds: releases on Java 8 wrote no finer times.
        let seconds = |ms: i64| ms / 1000;
        match found.modified_ms {
            Some(modified_ms)
                if record.kind == LogRecordKind::Remove
                    && found.is_its_dir
                    && seconds(modified_ms) != seconds(record.update_time_ms) =>
            {
                let stem = record.stem().unwrap_or_default();
                Err(SsTableError::new(
                    &self.path,
                    SsTableErrorKind::Transaction(format!(
                        "{stem} was last updated at {} ms when it was to be deleted, and now at {modified_ms} ms: if it \
                         came back from a backup, remove the log, otherwise {stem}",
                        record.update_time_ms
                    )),
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Line {
    #[cold]
    fn wrong(&self, path: &Path, expected: impl Into<std::borrow::Cow<'static, str>>) -> SsTableError {
        let found: String = self.text.chars().take(200).collect();
        SsTableError::corrupt(path, self.offset, expected, found)
    }
}

/// The files of a record's SSTable in a directory.
struct OnDisk {
    /// Whether the record was written for this directory.
    is_its_dir: bool,
    count: i64,
    /// When the latest was updated, if there is one and the disk says.
    modified_ms: Option<i64>,
}

impl OnDisk {
    fn of(record: &LogRecord, dir: &Path, files: &[DirEntry]) -> OnDisk {
        // A relative path has at most that much to compare.
        let named: PathBuf = dir.components().filter(|part| *part != PathPart::CurDir).collect();
        let is_its_dir = named.file_name().is_some() && record.dir().ends_with(&named);
        let mut on_disk = OnDisk { is_its_dir, count: 0, modified_ms: None };
        let Some(stem) = record.stem() else { return on_disk };
        // Sorted by name, as a disk lists them.
        let from = files.partition_point(|file| file.name.as_encoded_bytes() < stem.as_bytes());
        let same = files.iter().skip(from);
        for file in same.take_while(|file| file.name.as_encoded_bytes().starts_with(stem.as_bytes())) {
            let rest = file.utf8().and_then(|name| name.strip_prefix(stem));
            if file.is_file() && rest.is_some_and(|rest| rest.starts_with('-')) {
                on_disk.count += 1;
                on_disk.modified_ms = on_disk.modified_ms.max(file.modified_ms);
            }
        }
        on_disk
    }
}

#[cfg(test)]
mod tests;
