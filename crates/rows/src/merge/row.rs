//! Versions of one row into one (`db.rows.Row.Merger`).

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use helenus_types::{DecodeError, Timestamp, Type};

use crate::cell::Cell;
use crate::codec::{CellEvent, CellReader, RowBuf, RowBuilder, RowRef};
use crate::column_filter::ColumnFilter;
use crate::column_map::{ColumnMap, Slot};
use crate::counter::CounterContext;
use crate::deletion::DeletionTime;
use crate::header::{Columns, Header};
use crate::liveness::LivenessInfo;
use crate::reconcile::{CounterWinner, resolve_counters, right_stands};

/// One version of a row.
#[derive(Clone, Copy, Debug)]
pub struct RowSource<'a> {
    /// The version.
    pub row: RowRef<'a>,
    /// The way from its columns to the target's; `None` when it is encoded against the target.
    pub map: Option<&'a ColumnMap>,
}

impl<'a> From<RowRef<'a>> for RowSource<'a> {
    fn from(row: RowRef<'a>) -> Self {
        Self { row, map: None }
    }
}

impl RowSource<'_> {
    fn passes_through(&self) -> bool {
        self.map.is_none_or(ColumnMap::passes_through) && !self.row.is_of_scylla()
    }
}

/// Merges rows in buffers that it keeps: up to eight versions of up to 128 columns it allocates
/// nothing.
#[derive(Debug, Default)]
pub struct RowMerger {
    builder: RowBuilder,
    context: Vec<u8>,
    other_context: Vec<u8>,
    /// The target's columns that are wanted; all without.
    wanted: Option<Arc<ColumnFilter>>,
}

/// Merges versions of one row, all encoded against `target`: see [`RowMerger::merge`]. They come
/// from the oldest to the newest: the first one's clustering stays.
///
/// # Errors
/// As there.
pub fn merge_rows(
    merger: &mut RowMerger,
    versions: &[RowRef<'_>],
    active: DeletionTime,
    target: &Header,
    out: &mut RowBuf,
) -> Result<bool, DecodeError> {
    let sources: SmallVec<[RowSource<'_>; 8]> = versions.iter().map(|&row| row.into()).collect();
    let is_there = merger.merge(&sources, active, target, out)?;
    if let Some(oldest) = versions.first() {
        out.clustering.clear();
        out.clustering.extend_from_slice(oldest.clustering);
    }
    Ok(is_there)
}

impl RowMerger {
    /// From now on may leave out columns that the filter doesn't want, from rows that are visible
    /// for ever without them. Only for reads: written rows have all their columns.
    pub fn set_wanted(&mut self, wanted: Option<Arc<ColumnFilter>>) {
        self.wanted = wanted;
    }

    /// Merges the versions of one row under the deletion around it (of its partition, or the open
    /// range if that supersedes it) into `out`, encoded against `target`. False when nothing is
    /// left of the row.
    ///
    /// Clusterings may be equal and their bytes differ (decimals of other scales): those of the
    /// last source stay, which come from the newest to the oldest.
    ///
    /// A single version under no deletion is copied unchanged when it has the target's encoding. In
    /// all other cases the row's own deletion and its complex deletions are applied to its cells as
    /// well, so that rows which another program wrote unnormalised are normalised.
    ///
    /// # Errors
    /// Where a version's bytes are not a row's, a counter's not a context, or a value doesn't fit
    /// the target's column. Offsets count from the start of the body.
    pub fn merge(
        &mut self,
        sources: &[RowSource<'_>],
        active: DeletionTime,
        target: &Header,
        out: &mut RowBuf,
    ) -> Result<bool, DecodeError> {
        let Some(first) = sources.first() else { return Ok(false) };
        if sources.len() == 1 && active.is_live() && first.passes_through() {
            out.assign(first.row);
            return Ok(true);
        }
        if sources.iter().any(|source| source.map.is_some_and(|map| map.reordering().is_some())) {
            return self.merge_reordered(sources, active, target, out);
        }
        self.merge_in_order(sources, active, target, out)
    }

    /// Merges versions of which some hold their columns in another order than the target. They are
    /// rare: what ScyllaDB and earlier releases of ours wrote for names outside ASCII.
    #[cold]
    fn merge_reordered(
        &mut self,
        sources: &[RowSource<'_>],
        active: DeletionTime,
        target: &Header,
        out: &mut RowBuf,
    ) -> Result<bool, DecodeError> {
        let mut rows = vec![RowBuf::default(); sources.len()];
        for (source, row) in sources.iter().zip(&mut rows) {
            if let Some(reordering) = source.map.and_then(ColumnMap::reordering) {
                reordering.row(source.row, &mut self.builder, row)?;
            }
        }
        let in_order = sources.iter().zip(&rows).map(|(source, row)| {
            let row = source
                .map
                .and_then(ColumnMap::reordering)
                .map_or(source.row, |reordering| row.as_ref(&reordering.header));
            RowSource { row, map: source.map }
        });
        let in_order: SmallVec<[RowSource<'_>; 8]> = in_order.collect();
        self.merge_in_order(&in_order, active, target, out)
    }

    #[inline]
    fn merge_in_order(
        &mut self,
        sources: &[RowSource<'_>],
        active: DeletionTime,
        target: &Header,
        out: &mut RowBuf,
    ) -> Result<bool, DecodeError> {
        let Some(first) = sources.first() else { unreachable!("there are versions to merge") };
        let is_static = first.row.is_static();
        let columns = target.columns(is_static);
        let filter = self.wanted.clone().filter(|_| !is_static);
        let mut cursors = SmallVec::<[Cursor<'_>; 8]>::new();
        for source in sources {
            assert!(source.row.is_static() == is_static, "versions of one row are of one kind");
            cursors.push(Cursor::before(source, is_static));
            let Some(cursor) = cursors.last_mut() else { unreachable!("one was pushed") };
            cursor.reader.read_head(source.row.flags)?;
        }
        let (active, liveness) = self.start(&cursors, active);
        // Any live cell can make a row visible that no marker keeps so.
        let is_kept_visible = !liveness.is_empty() && !liveness.is_expiring();
        let wanted = filter.as_deref().filter(|_| is_kept_visible);
        for cursor in &mut cursors {
            cursor.wanted = wanted;
            cursor.advance()?;
        }
        loop {
            let column = cursors.iter().map(|cursor| cursor.column).min().unwrap_or(Slot::NOWHERE);
            if column == Slot::NOWHERE {
                break;
            }
            let Some(spec) = columns.get(column) else { unreachable!("maps lead to columns of the target") };
            if spec.complex {
                self.complex(&mut cursors, column, spec.path_type.as_ref(), active, target)?;
            } else if spec.counter {
                self.counter(&mut cursors, column, active, target, columns)?;
            } else {
                self.simple(&mut cursors, column, active, target, columns)?;
            }
        }
        if self.builder.is_empty() {
            return Ok(false);
        }
        let oldest = sources.last().unwrap_or(first);
        out.clustering.clear();
        out.clustering.extend_from_slice(oldest.row.clustering);
        self.builder.finish(target, is_static, out);
        Ok(true)
    }

    /// Encodes a single row against `target`, without what `map` leaves out: see
    /// [`RowMerger::merge`].
    ///
    /// # Errors
    /// As there.
    pub fn transcode(
        &mut self,
        row: RowRef<'_>,
        map: &ColumnMap,
        target: &Header,
        out: &mut RowBuf,
    ) -> Result<bool, DecodeError> {
        self.merge(&[RowSource { row, map: Some(map) }], DeletionTime::LIVE, target, out)
    }

    /// Starts the row with the liveness and the deletion that stand; what deletes its columns, and
    /// its liveness.
    fn start(&mut self, cursors: &[Cursor<'_>], around: DeletionTime) -> (DeletionTime, LivenessInfo) {
        let mut liveness = LivenessInfo::EMPTY;
        let mut deletion = DeletionTime::LIVE;
        let mut shadowable = false;
        for reader in cursors.iter().map(|cursor| &cursor.reader) {
            liveness = liveness.merge(reader.liveness());
            let own = reader.deletion();
            if own == deletion {
                // Of two equal deletions, the one that can't disappear wins.
                shadowable &= reader.is_shadowable();
            } else if own.supersedes(&deletion) {
                (deletion, shadowable) = (own, reader.is_shadowable());
            }
        }
        if shadowable && liveness.timestamp > deletion.marked_for_delete_at {
            deletion = DeletionTime::LIVE;
        }
        let active = if deletion.supersedes(&around) {
            deletion
        } else {
            deletion = DeletionTime::LIVE;
            around
        };
        if active.deletes(liveness.timestamp) {
            liveness = LivenessInfo::EMPTY;
        }
        self.builder.start(liveness, deletion, shadowable);
        (active, liveness)
    }

    #[inline]
    fn simple(
        &mut self,
        cursors: &mut [Cursor<'_>],
        column: usize,
        active: DeletionTime,
        target: &Header,
        columns: &Columns,
    ) -> Result<(), DecodeError> {
        let mut standing: Option<&Cell<'_>> = None;
        for cursor in cursors.iter().filter(|cursor| cursor.column == column) {
            let cell = &cursor.cell;
            if !active.deletes(cell.timestamp) && standing.is_none_or(|other| right_stands(other, cell)) {
                standing = Some(cell);
            }
        }
        if let Some(cell) = standing {
            self.builder.simple(target, columns, column, cell);
        }
        cursors.iter_mut().filter(|cursor| cursor.column == column).try_for_each(Cursor::advance)
    }

    fn counter<'a>(
        &mut self,
        cursors: &mut [Cursor<'a>],
        column: usize,
        active: DeletionTime,
        target: &Header,
        columns: &Columns,
    ) -> Result<(), DecodeError> {
        let mut standing: Option<Cell<'a>> = None;
        // The standing cell's value is in `self.context`.
        let mut is_merged = false;
        for cursor in cursors.iter_mut().filter(|cursor| cursor.column == column) {
            let cell = cursor.cell;
            cursor.advance()?;
            if active.deletes(cell.timestamp) {
                continue;
            }
            let Some(other) = standing else {
                standing = Some(cell);
                continue;
            };
            let value = if is_merged { self.context.as_slice() } else { other.value };
            match resolve_counters(&Cell { value, ..other }, &cell) {
                CounterWinner::Left => {}
                CounterWinner::Right => (standing, is_merged) = (Some(cell), false),
                CounterWinner::Both => {
                    self.other_context.clear();
                    let left = CounterContext::parse(value)?;
                    left.merge(&CounterContext::parse(cell.value)?, &mut self.other_context);
                    std::mem::swap(&mut self.context, &mut self.other_context);
                    let timestamp = other.timestamp.max(cell.timestamp);
                    (standing, is_merged) = (Some(Cell { timestamp, ..other }), true);
                }
            }
        }
        if let Some(cell) = standing {
            let value = if is_merged { self.context.as_slice() } else { cell.value };
            self.builder.simple(target, columns, column, &Cell { value, ..cell });
        }
        Ok(())
    }

    fn complex(
        &mut self,
        cursors: &mut [Cursor<'_>],
        column: usize,
        path_type: Option<&Type>,
        active: DeletionTime,
        target: &Header,
    ) -> Result<(), DecodeError> {
        let here = cursors.iter().filter(|cursor| cursor.column == column);
        let mut deletion = here.fold(DeletionTime::LIVE, |merged, cursor| merged.merge(cursor.deletion));
        let active = if deletion.supersedes(&active) {
            deletion
        } else {
            deletion = DeletionTime::LIVE;
            active
        };
        let mut begun = !deletion.is_live();
        if begun {
            self.builder.complex(column, deletion);
        }
        for cursor in cursors.iter_mut().filter(|cursor| cursor.column == column) {
            cursor.next_element(active)?;
        }
        loop {
            let mut standing: Option<&Cell<'_>> = None;
            let mut of_least: SmallVec<[usize; 8]> = SmallVec::new();
            for (i, cursor) in cursors.iter().enumerate() {
                if cursor.column != column || !cursor.has_element {
                    continue;
                }
                let cell = &cursor.cell;
                let order =
                    standing.map_or(Ordering::Less, |least| compare_paths(path_type, cell.path, least.path));
                if order == Ordering::Less {
                    of_least.clear();
                }
                if order != Ordering::Greater {
                    of_least.push(i);
                }
                if order == Ordering::Less
                    || (order == Ordering::Equal && standing.is_some_and(|other| right_stands(other, cell)))
                {
                    standing = Some(cell);
                }
            }
            let Some(cell) = standing else { break };
            if !begun {
                self.builder.complex(column, DeletionTime::LIVE);
                begun = true;
            }
            self.builder.element(target, cell);
            for i in of_least {
                let Some(cursor) = cursors.get_mut(i) else { unreachable!("it was one of the cursors") };
                cursor.next_element(active)?;
            }
        }
        cursors.iter_mut().filter(|cursor| cursor.column == column).try_for_each(Cursor::advance)
    }
}

fn compare_paths(path_type: Option<&Type>, left: &[u8], right: &[u8]) -> Ordering {
    path_type.map_or_else(|| left.cmp(right), |ty| ty.compare(left, right))
}

/// A version, at the next of its columns that the target has.
struct Cursor<'a> {
    reader: CellReader<'a>,
    slots: Option<&'a [Slot]>,
    /// Index of the target's column; [`Slot::NOWHERE`] after the last.
    column: usize,
    /// Data of this column with a timestamp up to this one is left out.
    dropped_at: Timestamp,
    /// Cell of the simple column, or the element at hand of the complex one.
    cell: Cell<'a>,
    has_element: bool,
    deletion: DeletionTime,
    /// The regular columns that are wanted; all without.
    wanted: Option<&'a ColumnFilter>,
}

impl<'a> Cursor<'a> {
    /// A cursor that has still to read the row's head and to advance.
    #[inline]
    fn before(source: &RowSource<'a>, is_static: bool) -> Self {
        Self {
            reader: CellReader::before(source.row),
            slots: source.map.filter(|map| !map.passes_through()).map(|map| map.slots(is_static)),
            column: Slot::NOWHERE,
            dropped_at: Timestamp::MIN,
            cell: Cell::live(Timestamp::MIN, &[]),
            has_element: false,
            deletion: DeletionTime::LIVE,
            wanted: None,
        }
    }

    /// Moves to the next column, past the rest of this one.
    #[inline]
    fn advance(&mut self) -> Result<(), DecodeError> {
        self.has_element = false;
        loop {
            match self.reader.next()? {
                None => {
                    self.column = Slot::NOWHERE;
                    return Ok(());
                }
                Some(CellEvent::Simple { column, cell }) => {
                    let slot = self.slot(column);
                    if slot.target == Slot::NOWHERE || cell.timestamp <= slot.dropped_at {
                        continue;
                    }
                    slot.check(&cell)?;
                    (self.column, self.cell) = (slot.target, cell);
                    return Ok(());
                }
                Some(CellEvent::Complex { column, deletion, .. }) => {
                    let slot = self.slot(column);
                    if slot.target == Slot::NOWHERE {
                        continue;
                    }
                    (self.column, self.dropped_at) = (slot.target, slot.dropped_at);
                    let is_dropped = deletion.marked_for_delete_at <= slot.dropped_at;
                    self.deletion = if is_dropped { DeletionTime::LIVE } else { deletion };
                    return Ok(());
                }
                // The rest of a complex column that has no place in the target.
                Some(CellEvent::Element { .. }) => {}
            }
        }
    }

    /// Moves to the next element of the complex column that `active` doesn't delete.
    #[inline]
    fn next_element(&mut self, active: DeletionTime) -> Result<(), DecodeError> {
        self.has_element = false;
        while let Some(cell) = self.reader.next_element()? {
            if !active.deletes(cell.timestamp) && cell.timestamp > self.dropped_at {
                self.cell = cell;
                self.has_element = true;
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn slot(&self, column: usize) -> Slot {
        let slot = match self.slots {
            None => Slot::identity(column),
            Some(slots) => match slots.get(column) {
                Some(slot) => *slot,
                None => unreachable!("the map is of another header than the row"),
            },
        };
        match self.wanted {
            Some(wanted) if !wanted.wants(false, slot.target) => Slot::identity(Slot::NOWHERE),
            _ => slot,
        }
    }
}
