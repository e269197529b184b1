//! Finds the SSTables that keep expired ones, without live data, from being dropped
//! (`tools.SSTableExpiredBlockers`).
//!
//! A compaction drops an SSTable without reading it when everything in it was deleted or has
//! expired, longer than `gc_grace_seconds` ago, and no other SSTable with anything alive may hold
//! something older that it deletes (`db.compaction.CompactionController.getFullyExpiredSSTables`).
//! Such an SSTable is a blocker. What an expired SSTable deletes is judged by its largest timestamp
//! alone, and what another holds by its smallest: partitions are not compared.

use helenus_compaction::Lifespan;
use helenus_io::Disk;
use helenus_sstable::Descriptor;
use helenus_types::{LocalDeletionTime, Timestamp};

use crate::error::ToolError;
use crate::statistics::statistics;

/// The facts that decide whether an SSTable can be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The SSTable.
    pub table: Descriptor,
    /// No timestamp in it is lower.
    pub min_timestamp: Timestamp,
    /// No timestamp in it is higher.
    pub max_timestamp: Timestamp,
    /// When the last thing in it was deleted or expires, in seconds since 1970; `None` if something
    /// lives on.
    pub last_death_s: Option<u32>,
}

impl Expiry {
    fn lifespan(&self) -> Lifespan {
        Lifespan {
            min_timestamp: self.min_timestamp,
            max_timestamp: self.max_timestamp,
            max_local_deletion_time: self.last_death_s.map_or(LocalDeletionTime::NONE, LocalDeletionTime),
        }
    }
}

/// An SSTable that keeps others from being dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The SSTable.
    pub expiry: Expiry,
    /// The number of SSTables that it blocks: that many at the beginning of
    /// [`ExpiredBlockers::expired`].
    pub blocked: usize,
}

/// The expired and the blocking SSTables of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpiredBlockers {
    /// SSTables with nothing alive in them, those with the largest timestamps first.
    pub expired: Vec<Expiry>,
    /// Those that block some of them, those that block most first.
    pub blockers: Vec<Blocker>,
    /// SSTables with something alive that block nothing.
    pub others: usize,
}

impl ExpiredBlockers {
    /// The SSTables that a blocker blocks.
    #[must_use]
    pub fn blocked_by(&self, blocker: &Blocker) -> &[Expiry] {
        self.expired.get(..blocker.blocked).unwrap_or_default()
    }

    /// The expired SSTables that nothing blocks.
    #[must_use]
    pub fn droppable(&self) -> &[Expiry] {
        let blocked = self.blockers.iter().map(|blocker| blocker.blocked).max().unwrap_or(0);
        self.expired.get(blocked..).unwrap_or_default()
    }
}

/// Compares the SSTables of one table. What was deleted or expired before second `gc_before_s`
/// since 1970 counts for nothing.
///
/// An SSTable whose last thing dies in that very second is not expired, and blocks, as for a
/// compaction; Cassandra's tool takes it for neither. What is in memtables isn't seen.
///
/// # Errors
/// When a Statistics.db is missing or damaged.
pub fn expired_blockers(
    disk: &dyn Disk,
    inputs: &[Descriptor],
    gc_before_s: u32,
) -> Result<ExpiredBlockers, ToolError> {
    let (mut expired, mut alive) = (Vec::new(), Vec::new());
    for table in inputs {
        let stats = statistics(disk, table)?.stats;
        let expiry = Expiry {
            table: table.clone(),
            min_timestamp: stats.min_timestamp,
            max_timestamp: stats.max_timestamp,
            last_death_s: Some(stats.max_local_deletion_time)
                .filter(|time| *time != LocalDeletionTime::NONE)
                .map(|time| time.0),
        };
        let is_expired = expiry.lifespan().is_expired(LocalDeletionTime(gc_before_s));
        if is_expired { expired.push(expiry) } else { alive.push(expiry) }
    }
    // Stable: what is equal stays in the order of the inputs.
    expired.sort_by_key(|expiry| std::cmp::Reverse(expiry.max_timestamp));
    let mut blockers: Vec<Blocker> = Vec::new();
    let mut others = 0;
    for expiry in alive {
        let blocked = expired.partition_point(|candidate| expiry.lifespan().blocks(&candidate.lifespan()));
        if blocked > 0 { blockers.push(Blocker { expiry, blocked }) } else { others += 1 }
    }
    blockers.sort_by_key(|blocker| std::cmp::Reverse(blocker.blocked));
    Ok(ExpiredBlockers { expired, blockers, others })
}
