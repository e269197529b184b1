//! What a compaction leaves of a merged partition (`PurgeFunction`, `BTreeRow.purge`,
//! `AbstractCell.purge`).

use std::fmt;

use super::facts::{Cell, Deletion, Liveness, NO_DELETION_TIME, RowDeletion, Value};
use super::partition::{ColumnData, Marker, Partition, Row, Unfiltered};

/// When a tombstone may go.
pub struct Purge<'a> {
    /// The second at which the compaction runs: what has expired by then is dead.
    pub now: i64,
    /// Tombstones made before this second may go: `now - gc_grace_seconds`.
    pub gc_before: i64,
    /// The tombstones of this partition may go however young they are.
    pub ignore_gc_grace: bool,
    /// With `only_purge_repaired_tombstones`, the second of the oldest tombstone that is not
    /// repaired: those from then on stay.
    pub oldest_unrepaired: Option<i64>,
    /// The table is a view: a row without liveness and deletion goes, with its cells.
    pub strict_liveness: bool,
    /// Whether a tombstone with this timestamp (µs) can have nothing to delete outside the
    /// compaction.
    pub purgeable: &'a dyn Fn(i64) -> bool,
}

impl fmt::Debug for Purge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Purge(now {}, gc before {})", self.now, self.gc_before)
    }
}

impl<'a> Purge<'a> {
    /// At `now`, of what is older than `gc_before`, if `purgeable` of its timestamp; everything
    /// else at its usual.
    #[must_use]
    pub fn new(now: i64, gc_before: i64, purgeable: &'a dyn Fn(i64) -> bool) -> Purge<'a> {
        Purge {
            now,
            gc_before,
            ignore_gc_grace: false,
            oldest_unrepaired: None,
            strict_liveness: false,
            purgeable,
        }
    }

    /// Whether a tombstone with this timestamp (µs) and local deletion time (s) goes.
    #[must_use]
    pub fn goes(&self, timestamp: i64, local_deletion_time: i64) -> bool {
        self.oldest_unrepaired.is_none_or(|oldest| local_deletion_time < oldest)
            && (local_deletion_time < self.gc_before || self.ignore_gc_grace)
            && (self.purgeable)(timestamp)
    }

    fn keep_deletion(&self, deletion: Option<Deletion>) -> Option<Deletion> {
        deletion.filter(|d| !self.goes(d.marked_for_delete_at, d.local_deletion_time))
    }
}

/// Purges a merged partition. An empty result is not written.
#[must_use]
pub fn purge(partition: &Partition, how: &Purge<'_>) -> Partition {
    Partition {
        deletion: how.keep_deletion(partition.deletion),
        static_row: partition.static_row.as_ref().and_then(|row| purge_row(row, how)),
        unfiltereds: partition
            .unfiltereds
            .iter()
            .filter_map(|unfiltered| match unfiltered {
                Unfiltered::Row(row) => purge_row(row, how).map(Unfiltered::Row),
                Unfiltered::Marker(marker) => purge_marker(marker, how).map(Unfiltered::Marker),
            })
            .collect(),
    }
}

/// Each side is purged separately; a boundary of which one side is purged becomes the bound of the
/// other.
fn purge_marker(marker: &Marker, how: &Purge<'_>) -> Option<Marker> {
    let (close, open) = (how.keep_deletion(marker.close), how.keep_deletion(marker.open));
    (close.is_some() || open.is_some()).then(|| Marker { bound: marker.bound.clone(), close, open })
}

fn purge_row(row: &Row, how: &Purge<'_>) -> Option<Row> {
    if !has_deletion(row, how.now) {
        return Some(row.clone());
    }
    let liveness = row.liveness.filter(|liveness| !liveness_goes(*liveness, how));
    let deletion = row
        .deletion
        .filter(|RowDeletion { time, .. }| !how.goes(time.marked_for_delete_at, time.local_deletion_time));
    if how.strict_liveness && liveness.is_none() && deletion.is_none() {
        return None;
    }
    let columns: Vec<(usize, ColumnData)> =
        row.columns.iter().filter_map(|(index, data)| Some((*index, purge_column(data, how)?))).collect();
    (liveness.is_some() || deletion.is_some() || !columns.is_empty()).then(|| Row {
        clustering: row.clustering.clone(),
        liveness,
        deletion,
        columns,
    })
}

fn liveness_goes(liveness: Liveness, how: &Purge<'_>) -> bool {
    !liveness.is_live(how.now) && how.goes(liveness.timestamp, liveness.local_expiration)
}

fn purge_column(data: &ColumnData, how: &Purge<'_>) -> Option<ColumnData> {
    match data {
        ColumnData::Simple(cell) => purge_cell(cell, how).map(ColumnData::Simple),
        ColumnData::Complex { deletion, cells } => {
            let deletion = how.keep_deletion(*deletion);
            let cells: Vec<Cell> = cells.iter().filter_map(|cell| purge_cell(cell, how)).collect();
            (deletion.is_some() || !cells.is_empty()).then_some(ColumnData::Complex { deletion, cells })
        }
    }
}

fn purge_cell(cell: &Cell, how: &Purge<'_>) -> Option<Cell> {
    if cell.is_live(how.now) {
        return Some(cell.clone());
    }
    if how.goes(cell.timestamp, cell.local_deletion_time) {
        return None;
    }
    if cell.ttl == 0 {
        return Some(cell.clone());
    }
    // An expired cell has served as a tombstone since it was written, so it becomes the one of that
    // second. It may be old enough to go at once.
    let tombstone = Cell {
        timestamp: cell.timestamp,
        ttl: 0,
        local_deletion_time: cell.local_deletion_time - i64::from(cell.ttl),
        value: Value::Bytes(Vec::new()),
        path: cell.path.clone(),
    };
    purge_cell(&tombstone, how)
}

/// Whether the row has a deletion of any kind or anything that has expired; if not it is left
/// alone, also in a view (`BTreeRow.hasDeletion`).
fn has_deletion(row: &Row, now: i64) -> bool {
    let is_dead = |cell: &Cell| {
        cell.is_tombstone()
            || (cell.local_deletion_time != NO_DELETION_TIME && cell.local_deletion_time <= now)
    };
    row.deletion.is_some()
        || row.liveness.is_some_and(|liveness| liveness.ttl != 0 && liveness.local_expiration <= now)
        || row.columns.iter().any(|(_, data)| match data {
            ColumnData::Simple(cell) => is_dead(cell),
            ColumnData::Complex { deletion, cells } => deletion.is_some() || cells.iter().any(is_dead),
        })
}
