//! What a strategy knows of an SSTable.

use std::fmt;

use helenus_sstable::{CoveredClusterings, StatsComponent};
use helenus_types::{Generation, LocalDeletionTime, Timestamp, Token};

use crate::lifespan::Lifespan;
use crate::task::Moment;

/// A live SSTable as a strategy sees it. Strategies see all live SSTables of a table, also those
/// that a task already has: overlaps and sizes of levels count them in any case.
#[derive(Clone, Copy)]
pub struct Description<'a> {
    /// Which one.
    pub generation: Generation,
    /// Whether a task may take it.
    pub availability: Availability,
    /// Level in leveled compaction; 0 elsewhere.
    pub level: u32,
    /// Its first and last partition.
    pub keys: KeyRange<'a>,
    /// Their tokens.
    pub tokens: (Token, Token),
    /// No timestamp in it is lower.
    pub min_timestamp: Timestamp,
    /// No timestamp in it is higher.
    pub max_timestamp: Timestamp,
    /// The earliest second at which something in it is deleted or expires;
    /// [`LocalDeletionTime::NONE`] if nothing does.
    pub min_local_deletion_time: LocalDeletionTime,
    /// Partitions.
    pub partitions: u64,
    /// Rows, static ones among them.
    pub rows: u64,
    /// Bytes of all its files.
    pub bytes_on_disk: u64,
    /// Bytes of Data.db, as stored.
    pub data_file_bytes: u64,
    /// Uncompressed bytes of its data.
    pub data_bytes: u64,
    /// Second at which it was written.
    pub written_at_seconds: u32,
    /// What takes reading its Statistics.db.
    pub details: &'a dyn Details,
}

/// Whether a task may take an SSTable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// No task has it.
    Free,
    /// A task that runs has it.
    InTask(TaskId),
    /// It is left out of compactions, for now or for good: it could not be read.
    LeftOut,
}

/// A task that runs; no two of a table that run at a time have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// First and last partition of an SSTable, by their raw keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange<'a> {
    /// The first one.
    pub first: &'a [u8],
    /// The last one.
    pub last: &'a [u8],
}

/// Statistics of an SSTable, which may have to be opened for them: asked only where a decision
/// depends on them.
pub trait Details: fmt::Debug {
    /// Its statistics; `None` when they can't be read. That is no reason to compact it: reads of
    /// its rows get the error.
    fn stats(&self) -> Option<&StatsComponent>;
}

impl fmt::Debug for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("generation", &self.generation)
            .field("availability", &self.availability)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl<'a> Description<'a> {
    /// Whether a task may take it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.availability == Availability::Free
    }

    /// Share of its cells that are tombstones whose grace ends before that second, estimated from
    /// its histogram (`SSTableReader.getEstimatedDroppableTombstoneRatio`).
    #[must_use]
    pub fn droppable_ratio(&self, gc_before: LocalDeletionTime) -> f64 {
        if self.min_local_deletion_time > gc_before {
            return 0.0;
        }
        let Some(stats) = self.details.stats() else { return 0.0 };
        let cells = cells_of(stats);
        if cells == 0 { 0.0 } else { stats.tombstone_drop_times.sum(gc_before) / cells as f64 }
    }

    /// The share of its token range where neither another SSTable nor a memtable may hold something
    /// that its tombstones shadow: elsewhere a compaction of it alone purges nothing. Partitions
    /// count as spread evenly.
    #[must_use]
    pub fn purgeable_share(&self, tables: &[Description<'_>], moment: &Moment) -> f64 {
        if moment.min_memtable_timestamp.is_some_and(|least| least <= self.max_timestamp) {
            return 0.0;
        }
        let (first, last) = self.tokens;
        let others = tables.iter().filter(|other| other.generation != self.generation);
        let mut covered: Vec<_> = others
            .filter(|other| other.min_timestamp <= self.max_timestamp)
            .map(|other| (other.tokens.0.max(first), other.tokens.1.min(last)))
            .filter(|(from, to)| from <= to)
            .collect();
        covered.sort_unstable();
        // Up to where the range is done, and how much of it was free.
        let (mut done, mut free) = (i128::from(first.0) - 1, 0);
        for (from, to) in covered {
            free += (i128::from(from.0) - 1 - done).max(0);
            done = done.max(i128::from(to.0));
        }
        free += (i128::from(last.0) - done).max(0);
        free as f64 / (i128::from(last.0) - i128::from(first.0) + 1) as f64
    }

    /// Its times, if they are known. They are not looked up where `gc_before` alone says that
    /// something in it isn't past its grace.
    #[must_use]
    pub fn lifespan(&self, gc_before: LocalDeletionTime) -> Lifespan {
        // What can't be read may be alive.
        let is_old = self.min_local_deletion_time < gc_before;
        let stats = if is_old { self.details.stats() } else { None };
        Lifespan {
            min_timestamp: self.min_timestamp,
            max_timestamp: self.max_timestamp,
            max_local_deletion_time: stats
                .map_or(LocalDeletionTime::NONE, |stats| stats.max_local_deletion_time),
        }
    }

    /// The slice of clusterings that holds all its rows and range tombstones, if it is known.
    #[must_use]
    pub fn clusterings(&self) -> Option<&'a CoveredClusterings> {
        self.details.stats().map(|stats| &stats.covered_clusterings)
    }

    /// Its cells, estimated.
    #[must_use]
    pub fn cells(&self) -> Option<u64> {
        self.details.stats().map(cells_of)
    }

    /// The share of the token space between its first and last partition, if its writer noted it.
    #[must_use]
    pub fn token_space_coverage(&self) -> Option<f64> {
        self.details.stats().and_then(|stats| stats.token_space_coverage)
    }
}

fn cells_of(stats: &StatsComponent) -> u64 {
    stats.cells_per_partition.mean().saturating_mul(stats.cells_per_partition.count())
}
