//! The view that a query has of a merged partition.

use super::facts::{Cell, Clustering, Value};
use super::partition::{ColumnData, Partition, Row};
use super::table::{Column, ColumnKind, ModelTable};

/// The live part of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LivePartition {
    /// The static columns that are not null.
    pub statics: LiveColumns,
    /// The visible rows in clustering order.
    pub rows: Vec<LiveRow>,
}

/// A visible row. It may have no columns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct LiveRow {
    pub clustering: Clustering,
    /// The regular columns that are not null.
    pub columns: LiveColumns,
}

/// Columns by number, rising; the others are null.
pub type LiveColumns = Vec<(usize, LiveColumn)>;

/// The visible data of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum LiveColumn {
    /// One value.
    Value(LiveCell),
    /// The cells of a collection by path.
    Collection(Vec<(Vec<u8>, LiveCell)>),
    Counter {
        /// The sum of the shards.
        total: i64,
        /// `WRITETIME` (µs).
        timestamp: i64,
    },
}

/// The visible data of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct LiveCell {
    pub value: Vec<u8>,
    /// `WRITETIME` (µs).
    pub timestamp: i64,
    /// `TTL`: the seconds left.
    pub ttl: Option<i64>,
}

impl LivePartition {
    /// Whether a query that restricts no clustering gets one row of statics and nulls.
    #[must_use]
    pub fn is_static_only(&self) -> bool {
        self.rows.is_empty() && !self.statics.is_empty()
    }

    /// Whether a query sees nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.statics.is_empty()
    }
}

/// What is seen at the second `now`. The deletions have done their work in the merge.
#[must_use]
pub fn read(table: &ModelTable, partition: &Partition, now: i64, strict_liveness: bool) -> LivePartition {
    let statics =
        partition.static_row.as_ref().map(|row| live_columns(&table.statics, row, now)).unwrap_or_default();
    let rows = partition
        .rows()
        .filter_map(|row| {
            let columns = live_columns(&table.regulars, row, now);
            let is_live = row.liveness.is_some_and(|liveness| liveness.is_live(now));
            (is_live || (!strict_liveness && !columns.is_empty()))
                .then(|| LiveRow { clustering: row.clustering.clone(), columns })
        })
        .collect();
    LivePartition { statics, rows }
}

fn live_columns(columns: &[Column], row: &Row, now: i64) -> LiveColumns {
    row.columns
        .iter()
        .filter_map(|(index, data)| {
            let live = match data {
                ColumnData::Simple(cell) => live_simple(columns.get(*index)?.kind, cell, now)?,
                ColumnData::Complex { cells, .. } => live_collection(cells, now)?,
            };
            Some((*index, live))
        })
        .collect()
}

fn live_simple(kind: ColumnKind, cell: &Cell, now: i64) -> Option<LiveColumn> {
    let live = live_cell(cell, now)?;
    match (kind, &cell.value) {
        (ColumnKind::Counter, Value::Counter(context)) => {
            Some(LiveColumn::Counter { total: context.total(), timestamp: cell.timestamp })
        }
        (ColumnKind::Counter, Value::Bytes(_)) => {
            Some(LiveColumn::Counter { total: 0, timestamp: cell.timestamp })
        }
        _ => Some(LiveColumn::Value(live)),
    }
}

fn live_collection(cells: &[Cell], now: i64) -> Option<LiveColumn> {
    let live: Vec<(Vec<u8>, LiveCell)> = cells
        .iter()
        .filter_map(|cell| Some((cell.path.clone().unwrap_or_default(), live_cell(cell, now)?)))
        .collect();
    (!live.is_empty()).then_some(LiveColumn::Collection(live))
}

fn live_cell(cell: &Cell, now: i64) -> Option<LiveCell> {
    let value = match &cell.value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Counter(context) => context.encode(),
    };
    cell.is_live(now).then(|| LiveCell {
        value,
        timestamp: cell.timestamp,
        ttl: (cell.ttl != 0).then(|| cell.local_deletion_time - now),
    })
}
