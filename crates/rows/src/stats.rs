//! The statistics of rows for an SSTable's Statistics.db and a memtable's header
//! (`db.rows.Rows.collectStats`, `io.sstable.metadata.MetadataCollector`, `db.rows.EncodingStats`).

use helenus_types::{DecodeError, LocalDeletionTime, Timestamp};

use crate::cell::Cell;
use crate::codec::{CellEvent, RowRef};
use crate::counter::CounterContext;
use crate::deletion::DeletionTime;
use crate::liveness::LivenessInfo;

/// Extremes and counts over everything that was collected.
///
/// A minimum begins at its type's largest value and a maximum at its smallest: until something was
/// collected the one exceeds the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowStats {
    /// Least timestamp, µs.
    pub min_timestamp: Timestamp,
    /// Largest timestamp, µs.
    pub max_timestamp: Timestamp,
    /// Smallest local deletion time; live data counts as [`LocalDeletionTime::NONE`], the largest.
    pub min_local_deletion_time: LocalDeletionTime,
    /// Largest local deletion time; [`LocalDeletionTime::NONE`] as soon as there is live data.
    pub max_local_deletion_time: LocalDeletionTime,
    /// Least ttl in seconds; what doesn't expire counts as 0.
    pub min_ttl: u32,
    /// Largest ttl in seconds.
    pub max_ttl: u32,
    /// Rows, static ones among them.
    pub rows: u64,
    /// Cells.
    pub cells: u64,
    /// Columns of rows that have a cell.
    pub columns_set: u64,
    /// Whether a counter has a shard of the kinds that were written before 2.1.
    pub has_legacy_counter_shards: bool,
}

impl Default for RowStats {
    fn default() -> Self {
        Self {
            min_timestamp: Timestamp::MAX,
            max_timestamp: Timestamp::MIN,
            min_local_deletion_time: LocalDeletionTime::NONE,
            max_local_deletion_time: LocalDeletionTime(0),
            min_ttl: u32::MAX,
            max_ttl: 0,
            rows: 0,
            cells: 0,
            columns_set: 0,
            has_legacy_counter_shards: false,
        }
    }
}

impl RowStats {
    /// Adds a row. Every local deletion time, of deletions, tombstones and what expires, is given
    /// to `dropped` too (it makes the tombstone histogram). Returns the number of the row's cells.
    ///
    /// # Errors
    /// Where the bytes are not a row's, or a counter's not a context.
    pub fn row(
        &mut self,
        row: RowRef<'_>,
        mut dropped: impl FnMut(LocalDeletionTime),
    ) -> Result<u64, DecodeError> {
        let mut events = row.cells()?;
        let counters = row.columns().get(0).is_some_and(|column| column.counter);
        self.row_head(events.liveness(), events.deletion(), &mut dropped);
        let before = self.cells;
        while let Some(event) = events.next()? {
            self.event(&event, counters, &mut dropped)?;
        }
        Ok(self.cells - before)
    }

    /// Adds a row whose events are given to [`event`](Self::event) one by one: the same as
    /// [`row`](Self::row), for callers that decode the row anyway.
    #[inline]
    pub fn row_head(
        &mut self,
        liveness: LivenessInfo,
        deletion: DeletionTime,
        mut dropped: impl FnMut(LocalDeletionTime),
    ) {
        self.rows += 1;
        if !liveness.is_empty() {
            self.liveness(liveness, &mut dropped);
        }
        self.deletion(deletion, &mut dropped);
    }

    /// Adds an event of the row that was begun last; `counters` says whether its columns are
    /// counters.
    ///
    /// # Errors
    /// Where a counter's value is not a context.
    #[inline]
    pub fn event(
        &mut self,
        event: &CellEvent<'_>,
        counters: bool,
        mut dropped: impl FnMut(LocalDeletionTime),
    ) -> Result<(), DecodeError> {
        match event {
            CellEvent::Simple { cell, .. } => {
                self.cells += 1;
                self.columns_set += 1;
                self.cell(cell, &mut dropped);
                if counters && !cell.is_tombstone() && !self.has_legacy_counter_shards {
                    self.has_legacy_counter_shards = CounterContext::parse(cell.value)?.has_legacy_shards();
                }
            }
            CellEvent::Complex { deletion, cells, .. } => {
                self.columns_set += u64::from(*cells > 0);
                self.deletion(*deletion, &mut dropped);
            }
            CellEvent::Element { cell, .. } => {
                self.cells += 1;
                self.cell(cell, &mut dropped);
            }
        }
        Ok(())
    }

    /// Adds the deletion of a partition, a range, a row or a complex column; a live one adds
    /// nothing.
    #[inline]
    pub fn deletion(&mut self, deletion: DeletionTime, mut dropped: impl FnMut(LocalDeletionTime)) {
        if !deletion.is_live() {
            self.timestamp(deletion.marked_for_delete_at);
            self.seconds(deletion.local_deletion_time, &mut dropped);
        }
    }

    /// Whether nothing with a timestamp was collected.
    pub fn is_empty(&self) -> bool {
        self.min_timestamp > self.max_timestamp
    }

    #[inline]
    fn liveness(&mut self, liveness: LivenessInfo, dropped: &mut impl FnMut(LocalDeletionTime)) {
        self.timestamp(liveness.timestamp);
        self.ttl(liveness.ttl);
        self.seconds(liveness.local_expiration_time, dropped);
    }

    #[inline]
    fn cell(&mut self, cell: &Cell<'_>, dropped: &mut impl FnMut(LocalDeletionTime)) {
        self.timestamp(cell.timestamp);
        self.ttl(cell.ttl);
        self.seconds(cell.local_deletion_time, dropped);
    }

    #[inline]
    fn timestamp(&mut self, timestamp: Timestamp) {
        self.min_timestamp = self.min_timestamp.min(timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }

    #[inline]
    fn ttl(&mut self, ttl: u32) {
        self.min_ttl = self.min_ttl.min(ttl);
        self.max_ttl = self.max_ttl.max(ttl);
    }

    #[inline]
    fn seconds(&mut self, seconds: LocalDeletionTime, dropped: &mut impl FnMut(LocalDeletionTime)) {
        self.min_local_deletion_time = self.min_local_deletion_time.min(seconds);
        self.max_local_deletion_time = self.max_local_deletion_time.max(seconds);
        if seconds != LocalDeletionTime::NONE {
            dropped(seconds);
        }
    }
}
