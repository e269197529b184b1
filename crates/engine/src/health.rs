//! The result of [`Database::health`](crate::Database::health).

use std::fmt;

use helenus_types::Timestamp;

/// The state of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthStatus {
    /// All is well.
    #[default]
    Ok,
    /// Everything works; something needs attention.
    Warning,
    /// Writes are refused or soon will be, or nothing can be promised any more.
    Critical,
}

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HealthIssue {
    /// A table's memtables can't be flushed. It is retried automatically; other tables continue.
    FlushFails,
    /// A compaction's output can't be written. It is retried automatically.
    CompactionFails,
    /// An SSTable is damaged or could not be read: compactions leave it out, and reads of the
    /// damaged part fail.
    SuspectSsTable,
    /// SSTables wait for compaction, and writers are slowed.
    CompactionLags,
    /// The log can't be written: no write is promised any more until the database is opened again;
    /// or its segments can't be prepared or removed.
    LogFails,
    /// The log is more than twice as large as it should be: the tables that need it are not
    /// flushed.
    LogTooLarge,
    /// The manifest's content is unknown: no write is promised until it has been rewritten.
    ManifestInDoubt,
    /// The disk, or a quota on it, is full.
    DiskFull,
    /// Writes wait for room in memory.
    WritesWait,
    /// Open iterators hold much memory that nothing else needs.
    PinnedMemory,
    /// A thread panicked: no write is accepted until the database is opened again.
    Panicked,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthReason {
    /// Its severity.
    pub status: HealthStatus,
    /// The kind of problem.
    pub issue: HealthIssue,
    /// Keyspace and name of the table that it is about, if it is about one.
    pub table: Option<String>,
    /// Since when, if it is known.
    pub since: Option<Timestamp>,
    /// The error, as text.
    pub text: String,
}

/// The state of a database, with reasons, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The worst of the reasons' statuses.
    pub status: HealthStatus,
    /// All problems, the worst first.
    pub reasons: Vec<HealthReason>,
}

impl Health {
    pub(crate) fn new(mut reasons: Vec<HealthReason>) -> Self {
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.status), reason.issue));
        Self { status: reasons.first().map_or(HealthStatus::Ok, |worst| worst.status), reasons }
    }

    /// The reasons of that kind.
    pub fn of(&self, issue: HealthIssue) -> impl Iterator<Item = &HealthReason> {
        self.reasons.iter().filter(move |reason| reason.issue == issue)
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.status)?;
        if let Some(table) = &self.table {
            write!(f, "{table}: ")?;
        }
        f.write_str(&self.text)
    }
}
