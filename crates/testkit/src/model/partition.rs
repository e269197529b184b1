//! A partition in the form that a merge gives it.

use super::facts::{
    Bound, Cell, Clustering, ColumnFact, Deletion, Fact, Liveness, RowDeletion, RowFact, RowId, Side, Slice,
};
use super::order::compare_positions;
use super::table::{Column, ModelTable};

/// A partition as a merge leaves it. Invariants:
/// 1. unfiltereds rise strictly by position;
/// 2. markers open and close in turn, the last one closes, and an end deletion is the one last
///    opened;
/// 3. no deletion that does not supersede the one around it; nothing that a deletion here deletes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partition {
    /// The partition's deletion.
    pub deletion: Option<Deletion>,
    /// The static row, if there is anything in it.
    pub static_row: Option<Row>,
    /// Rows and markers.
    pub unfiltereds: Vec<Unfiltered>,
}

/// A row or a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum Unfiltered {
    Row(Row),
    /// One end of a range tombstone, or the place where one takes over from another.
    Marker(Marker),
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Row {
    /// Its clustering; empty for the static row.
    pub clustering: Clustering,
    pub liveness: Option<Liveness>,
    pub deletion: Option<RowDeletion>,
    /// Its columns, by number, rising.
    pub columns: Vec<(usize, ColumnData)>,
}

/// A row's data in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnData {
    /// The cell of a simple column.
    Simple(Cell),
    /// A complex column.
    Complex {
        /// The deletion of all older cells.
        deletion: Option<Deletion>,
        /// The cells in order of path.
        cells: Vec<Cell>,
    },
}

/// A bound (one of the deletions is there) or a boundary (both are).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Its bound.
    pub bound: Bound,
    /// The deletion that ends here.
    pub close: Option<Deletion>,
    /// The deletion that begins here.
    pub open: Option<Deletion>,
}

impl Marker {
    /// The ordinal of the bound's kind, as on disk (`ClusteringPrefix.Kind`).
    #[must_use]
    pub fn kind(&self) -> u8 {
        let before = self.bound.side == Side::Before;
        match (self.close.is_some(), self.open.is_some()) {
            (true, true) => {
                if before {
                    2
                } else {
                    5
                }
            }
            (true, false) => {
                if before {
                    0
                } else {
                    6
                }
            }
            (false, _) => {
                if before {
                    1
                } else {
                    7
                }
            }
        }
    }
}

impl Unfiltered {
    /// Its position, for [`compare_positions`].
    #[must_use]
    pub fn position(&self) -> (&[Vec<u8>], Side) {
        match self {
            Unfiltered::Row(row) => (&row.clustering, Side::At),
            Unfiltered::Marker(marker) => (&marker.bound.prefix, marker.bound.side),
        }
    }
}

impl Partition {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deletion.is_none() && self.static_row.is_none() && self.unfiltereds.is_empty()
    }

    /// The rows without the markers.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.unfiltereds.iter().filter_map(|unfiltered| match unfiltered {
            Unfiltered::Row(row) => Some(row),
            Unfiltered::Marker(_) => None,
        })
    }

    /// The markers without the rows.
    pub fn markers(&self) -> impl Iterator<Item = &Marker> {
        self.unfiltereds.iter().filter_map(|unfiltered| match unfiltered {
            Unfiltered::Row(_) => None,
            Unfiltered::Marker(marker) => Some(marker),
        })
    }

    /// The partition without what was written to columns before they were dropped. A row that had
    /// nothing else disappears.
    #[must_use]
    pub fn without_dropped(mut self, table: &ModelTable) -> Partition {
        self.static_row = self.static_row.and_then(|row| drop_columns(row, &table.statics));
        let unfiltereds = self.unfiltereds.into_iter().filter_map(|unfiltered| match unfiltered {
            Unfiltered::Row(row) => drop_columns(row, &table.regulars).map(Unfiltered::Row),
            Unfiltered::Marker(marker) => Some(Unfiltered::Marker(marker)),
        });
        Partition { unfiltereds: unfiltereds.collect(), ..self }
    }

    /// Checks the invariants of order and of markers, which also hold after a purge.
    ///
    /// # Errors
    /// The first one that is broken, in words.
    pub fn check(&self, table: &ModelTable) -> Result<(), String> {
        for pair in self.unfiltereds.windows(2) {
            if let [a, b] = pair
                && !compare_positions(table, a.position(), b.position()).is_lt()
            {
                return Err(format!("not in order: {a:?} before {b:?}"));
            }
        }
        let mut open = None;
        for marker in self.markers() {
            if marker.close != open {
                return Err(format!("{marker} closes another deletion than the open one, {open:?}"));
            }
            if marker.open == marker.close {
                return Err(format!("{marker} changes nothing"));
            }
            open = marker.open;
        }
        match open {
            Some(deletion) => Err(format!("the range tombstone {deletion} never ends")),
            None => Ok(()),
        }
    }

    /// The partition as facts again.
    #[must_use]
    pub fn to_facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.deletion.map(Fact::Partition).into_iter().collect();
        facts.extend(self.static_row.as_ref().map(|row| row_fact(RowId::Static, row)));
        facts.extend(self.rows().map(|row| row_fact(RowId::Clustering(row.clustering.clone()), row)));
        let mut start: Option<&Bound> = None;
        for marker in self.markers() {
            if let (Some(start), Some(deletion)) = (start.take(), marker.close) {
                let (start, end) = (start.clone(), marker.bound.clone());
                facts.push(Fact::Range(Slice { start, end, deletion }));
            }
            start = marker.open.is_some().then_some(&marker.bound);
        }
        facts
    }
}

fn drop_columns(row: Row, columns: &[Column]) -> Option<Row> {
    let remains = |(index, data): (usize, ColumnData)| {
        let Some(dropped_at) = columns.get(index)?.dropped_at else { return Some((index, data)) };
        match data {
            ColumnData::Simple(cell) => {
                (cell.timestamp > dropped_at).then_some((index, ColumnData::Simple(cell)))
            }
            ColumnData::Complex { deletion, mut cells } => {
                let deletion = deletion.filter(|deletion| deletion.marked_for_delete_at > dropped_at);
                cells.retain(|cell| cell.timestamp > dropped_at);
                (deletion.is_some() || !cells.is_empty())
                    .then_some((index, ColumnData::Complex { deletion, cells }))
            }
        }
    };
    let columns: Vec<(usize, ColumnData)> = row.columns.into_iter().filter_map(remains).collect();
    (row.liveness.is_some() || row.deletion.is_some() || !columns.is_empty())
        .then_some(Row { columns, ..row })
}

fn row_fact(id: RowId, row: &Row) -> Fact {
    let mut columns = Vec::new();
    for (index, data) in &row.columns {
        match data {
            ColumnData::Simple(cell) => columns.push(ColumnFact::Cell(*index, cell.clone())),
            ColumnData::Complex { deletion, cells } => {
                columns.extend(deletion.map(|deletion| ColumnFact::ComplexDeletion(*index, deletion)));
                columns.extend(cells.iter().map(|cell| ColumnFact::Cell(*index, cell.clone())));
            }
        }
    }
    Fact::Row(RowFact { row: id, liveness: row.liveness, deletion: row.deletion, columns })
}
