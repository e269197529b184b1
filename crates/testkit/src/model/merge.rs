//! The merge of several versions, by definition.

use std::cmp::{Ordering, Reverse};

use super::facts::{
    Bound, Cell, Clustering, ColumnFact, Deletion, EXPIRED_LIVENESS_TTL, Fact, Liveness, NO_DELETION_TIME,
    RowDeletion, RowFact, RowId, Side, Slice, Value,
};
use super::order::{compare_positions, compare_values};
use super::partition::{ColumnData, Marker, Partition, Row, Unfiltered};
use super::table::{Column, ColumnKind, ModelTable};

/// Merges facts into the normal form.
#[must_use]
pub fn merge(table: &ModelTable, facts: &[Fact]) -> Partition {
    let deletion = facts.iter().filter_map(|fact| match fact {
        Fact::Partition(deletion) => Some(*deletion),
        Fact::Range(_) | Fact::Row(_) => None,
    });
    let deletion = deletion.max();
    let slices = effective_slices(table, facts);
    let rows: Vec<&RowFact> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Row(row) => Some(row),
            Fact::Partition(_) | Fact::Range(_) => None,
        })
        .collect();

    let statics: Vec<&RowFact> = rows.iter().copied().filter(|row| row.row == RowId::Static).collect();
    let static_row = merge_row(&table.statics, Vec::new(), &statics, deletion);

    let mut unfiltereds: Vec<Unfiltered> =
        merge_markers(table, deletion, &slices).into_iter().map(Unfiltered::Marker).collect();
    for clustering in clusterings(table, &rows) {
        let id = RowId::Clustering(clustering.clone());
        let versions: Vec<&RowFact> = rows.iter().copied().filter(|row| row.row == id).collect();
        let covering = slices
            .iter()
            .filter(|slice| covers(table, slice, &clustering))
            .map(|slice| Some(slice.deletion))
            .fold(deletion, Option::max);
        unfiltereds.extend(merge_row(&table.regulars, clustering, &versions, covering).map(Unfiltered::Row));
    }
    unfiltereds.sort_by(|a, b| compare_positions(table, a.position(), b.position()));
    Partition { deletion, static_row, unfiltereds }
}

/// The winner of several versions of one cell (same row, column and path); `None` for no version.
#[must_use]
pub fn reconcile(kind: ColumnKind, cells: &[Cell]) -> Option<Cell> {
    let mut tombstones = cells.iter().filter(|cell| cell.is_tombstone()).peekable();
    if kind != ColumnKind::Counter {
        return cells.iter().max_by(|a, b| rank(a).cmp(&rank(b))).cloned();
    }
    if tombstones.peek().is_some() {
        // A counter's deletion is for ever: an increment has no timestamp that could be known to be
        // later.
        return tombstones.max_by(|a, b| rank(a).cmp(&rank(b))).cloned();
    }
    // An empty counter is a value that was skipped in reading, so nothing may be added to it.
    if let Some(empty) = cells.iter().filter(|cell| is_empty(&cell.value)).max_by_key(|cell| cell.timestamp) {
        return Some(empty.clone());
    }
    let (first, rest) = cells.split_first()?;
    Some(rest.iter().fold(first.clone(), |merged, cell| {
        let value = match (&merged.value, &cell.value) {
            (Value::Counter(a), Value::Counter(b)) => Value::Counter(a.merge(b)),
            (value, _) => value.clone(),
        };
        Cell { timestamp: merged.timestamp.max(cell.timestamp), value, ..merged }
    }))
}

/// Whether liveness `a` stands against `b` (`LivenessInfo.supersedes`, not strictly).
#[must_use]
pub fn supersedes(a: &Liveness, b: &Liveness) -> bool {
    liveness_rank(a) >= liveness_rank(b)
}

/// The order of cells that are not counters: the later; at one time what is deleted or expires
/// against what does not, of these the tombstone, the later to go, the one with the smaller ttl (it
/// was written later); then the larger value. Nothing here asks for the time, so that a merge never
/// depends on when it is done.
fn rank(cell: &Cell) -> (i64, bool, bool, i64, Reverse<i32>, &Value) {
    let goes = cell.local_deletion_time != NO_DELETION_TIME;
    let ttl = Reverse(cell.ttl);
    (cell.timestamp, goes, cell.is_tombstone(), cell.local_deletion_time, ttl, &cell.value)
}

fn liveness_rank(liveness: &Liveness) -> (i64, bool, bool, i64, Reverse<i32>) {
    let expired = liveness.ttl == EXPIRED_LIVENESS_TTL;
    (liveness.timestamp, expired, liveness.ttl != 0, liveness.local_expiration, Reverse(liveness.ttl))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Counter(context) => context.shards.is_empty(),
    }
}

/// The facts about one row under the deletion around it; none if nothing is left.
fn merge_row(
    columns: &[Column],
    clustering: Clustering,
    versions: &[&RowFact],
    around: Option<Deletion>,
) -> Option<Row> {
    let liveness = versions.iter().filter_map(|row| row.liveness).max_by_key(liveness_rank);
    let deletion = versions
        .iter()
        .filter_map(|row| row.deletion)
        .max_by_key(|deletion| deletion.time)
        .filter(|deletion| !is_shadowed(*deletion, liveness))
        .filter(|deletion| Some(deletion.time) > around);
    let active = deletion.map(|deletion| deletion.time).max(around);
    let liveness = liveness.filter(|liveness| !deletes(active, liveness.timestamp));
    let columns: Vec<(usize, ColumnData)> = columns
        .iter()
        .enumerate()
        .filter_map(|(index, column)| {
            Some((index, merge_column(column, &column_facts(versions, index), active)?))
        })
        .collect();
    let row = Row { clustering, liveness, deletion, columns };
    (row.liveness.is_some() || row.deletion.is_some() || !row.columns.is_empty()).then_some(row)
}

fn column_facts<'a>(versions: &[&'a RowFact], index: usize) -> Vec<&'a ColumnFact> {
    let of_column = |fact: &&ColumnFact| match fact {
        ColumnFact::Cell(i, _) | ColumnFact::ComplexDeletion(i, _) => *i == index,
    };
    versions.iter().flat_map(|row| &row.columns).filter(of_column).collect()
}

/// The facts about one column under the row's active deletion; none if nothing is left.
fn merge_column(column: &Column, facts: &[&ColumnFact], active: Option<Deletion>) -> Option<ColumnData> {
    let deletion = facts
        .iter()
        .filter_map(|fact| match fact {
            ColumnFact::Cell(..) => None,
            ColumnFact::ComplexDeletion(_, deletion) => Some(*deletion),
        })
        .max()
        .filter(|deletion| Some(*deletion) > active);
    let active = deletion.max(active);
    let mut cells: Vec<Cell> = facts
        .iter()
        .filter_map(|fact| match fact {
            ColumnFact::Cell(_, cell) => Some(cell.clone()),
            ColumnFact::ComplexDeletion(..) => None,
        })
        .filter(|cell| !deletes(active, cell.timestamp))
        .collect();

    let Some(path_type) = column.kind.path() else {
        return reconcile(column.kind, &cells).map(ColumnData::Simple);
    };
    let by_path = |a: &Cell, b: &Cell| {
        let (a, b) = (a.path.as_deref().unwrap_or_default(), b.path.as_deref().unwrap_or_default());
        compare_values(path_type, a, b)
    };
    cells.sort_by(by_path);
    let cells: Vec<Cell> = cells
        .chunk_by(|a, b| by_path(a, b) == Ordering::Equal)
        .filter_map(|versions| reconcile(column.kind, versions))
        .collect();
    (deletion.is_some() || !cells.is_empty()).then_some(ColumnData::Complex { deletion, cells })
}

/// The ends of the deletion that covers each place. Between two neighbouring bounds of any slices
/// it is the same everywhere: the largest of those that reach over both, if it supersedes the
/// partition's.
fn merge_markers(table: &ModelTable, partition: Option<Deletion>, slices: &[&Slice]) -> Vec<Marker> {
    let order = |a: &&Bound, b: &&Bound| compare_bounds(table, a, b);
    let mut bounds: Vec<&Bound> = slices.iter().flat_map(|slice| [&slice.start, &slice.end]).collect();
    bounds.sort_by(order);
    bounds.dedup_by(|a, b| order(&&**a, &&**b) == Ordering::Equal);

    let mut markers = Vec::new();
    let mut close = None;
    for bound in bounds {
        // The ranges open just after this bound: those that began here or before, and end later.
        let open = slices
            .iter()
            .filter(|slice| compare_bounds(table, &slice.start, bound).is_le())
            .filter(|slice| compare_bounds(table, bound, &slice.end).is_lt())
            .map(|slice| slice.deletion)
            .max()
            .filter(|deletion| Some(*deletion) > partition);
        if open != close {
            markers.push(Marker { bound: bound.clone(), close, open });
        }
        close = open;
    }
    markers
}

fn effective_slices<'a>(table: &ModelTable, facts: &'a [Fact]) -> Vec<&'a Slice> {
    facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Range(slice) => Some(slice),
            Fact::Partition(_) | Fact::Row(_) => None,
        })
        .filter(|slice| compare_bounds(table, &slice.start, &slice.end).is_lt())
        .collect()
}

fn covers(table: &ModelTable, slice: &Slice, clustering: &[Vec<u8>]) -> bool {
    let row = (clustering, Side::At);
    compare_positions(table, (&slice.start.prefix, slice.start.side), row).is_lt()
        && compare_positions(table, row, (&slice.end.prefix, slice.end.side)).is_lt()
}

fn compare_bounds(table: &ModelTable, a: &Bound, b: &Bound) -> Ordering {
    compare_positions(table, (&a.prefix, a.side), (&b.prefix, b.side))
}

/// The clusterings that are written about, once each.
fn clusterings(table: &ModelTable, rows: &[&RowFact]) -> Vec<Clustering> {
    let mut clusterings: Vec<Clustering> = rows
        .iter()
        .filter_map(|row| match &row.row {
            RowId::Static => None,
            RowId::Clustering(clustering) => Some(clustering.clone()),
        })
        .collect();
    clusterings.sort_by(|a, b| compare_positions(table, (a, Side::At), (b, Side::At)));
    clusterings.dedup();
    clusterings
}

fn is_shadowed(deletion: RowDeletion, liveness: Option<Liveness>) -> bool {
    deletion.shadowable
        && liveness.is_some_and(|liveness| liveness.timestamp > deletion.time.marked_for_delete_at)
}

fn deletes(deletion: Option<Deletion>, timestamp: i64) -> bool {
    deletion.is_some_and(|deletion| deletion.deletes(timestamp))
}
