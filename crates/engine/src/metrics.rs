//! Metrics of a database: per table, cheap to keep, read as a snapshot.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters of one table since it was opened.
#[derive(Debug, Default)]
pub(crate) struct TableCounters {
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) compactions: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    /// When the last periodic flush was due, on the monotonic clock.
    last_periodic_flush_millis: AtomicU64,
}

impl TableCounters {
    /// Whether a flush every `period` is due at `now`; the next one is a period later then.
    pub(crate) fn flush_is_due(&self, period: Option<Duration>, now: Duration) -> bool {
        let Some(period) = period else { return false };
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let last = self.last_periodic_flush_millis.load(Relaxed);
        let due = now.saturating_sub(last) >= u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        if due {
            self.last_periodic_flush_millis.store(now, Relaxed);
        }
        due
    }
}

/// Metrics of one table at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TableMetrics {
    /// Mutations written to the table since it was opened.
    pub writes: u64,
    /// Queries answered.
    pub reads: u64,
    /// Memtables flushed.
    pub flushes: u64,
    /// Compactions finished.
    pub compactions: u64,
    /// Bytes of SSTables written by flushes and compactions.
    pub bytes_written: u64,
    /// Bytes of its memtables, those being flushed included.
    pub memtable_bytes: u64,
    /// Rows in its memtables, versions in SSTables not considered.
    pub memtable_rows: u64,
    /// Live SSTables.
    pub sstables: u64,
    /// Bytes of live SSTables on disk.
    pub disk_bytes: u64,
    /// Bytes of uncompressed rows in live SSTables.
    pub data_bytes: u64,
    /// Partitions, estimated: those of memtables and SSTables added up.
    pub partitions_estimate: u64,
    /// Rows, estimated in the same way.
    pub rows_estimate: u64,
    /// Bytes of memory that indexes and filters take.
    pub index_bytes: u64,
    /// Compactions that are due, estimated.
    pub pending_compactions: u64,
    /// The lag of compaction, from 0 to 1: it slows writers.
    pub compaction_lag: f64,
}

/// Metrics of the whole database at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseMetrics {
    /// Bytes of all memtables.
    pub memtable_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes in the cache of chunks.
    pub cache_bytes: u64,
    /// Chunks found in the cache.
    pub cache_hits: u64,
    /// Chunks that had to be read.
    pub cache_misses: u64,
    /// Flushes that wait or run.
    pub pending_flushes: u64,
    /// Compactions that run.
    pub running_compactions: u64,
    /// Tables whose memtables can't be flushed at the moment.
    pub failing_flushes: u64,
    /// SSTables that compactions leave out, because they are damaged or could not be read.
    pub suspect_sstables: u64,
    /// Writes that wait for room in memory at the moment.
    pub waiting_writes: u64,
    /// Writes that were slowed or had to wait since the database was opened.
    pub stalled_writes: u64,
    /// Their total delay.
    pub stalled: Duration,
    /// Bytes of memory that open iterators hold and nothing else needs: memtables that were flushed
    /// since, indexes and filters of SSTables that were compacted.
    pub pinned_memory_bytes: u64,
    /// Bytes of files that were removed, and whose space is free once the iterators that read them
    /// are gone.
    pub pinned_disk_bytes: u64,
}
