//! Writes that depend on existing data become writes that don't: the log holds their results, so
//! that replaying it twice changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_rows::{Cell, CounterContext, DeletionTime, LiveRow, RowRef, StreamError, reconcile};
use helenus_sstable::SearchKey;
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use super::action::Combine;
use super::encode::WriteTime;
use super::errors::{column_problem, no_such_element};
use super::staged::{Change, Span, Staged, StagedCell, StagedOp, Target, column_index};
use crate::engine::{Destination, PointReader, PointRow, View};
use crate::error::{Error, NoSuchElement, Result};

/// Finds rows by their keys.
#[derive(Default)]
pub(super) struct RowFinder {
    reader: PointReader,
    key: Option<SearchKey>,
}

impl RowFinder {
    /// The row that an operation is about, and the partition's static row if it is wanted or is
    /// what it is about.
    pub(super) fn find<'a>(
        &'a mut self,
        view: &'a View,
        key: &[u8],
        target: RowTarget<'_>,
        with_static: bool,
    ) -> Result<PointRow<'a>> {
        let search = self.key.get_or_insert_with(|| SearchKey::new(Partitioner::Murmur3));
        search.set(key);
        let search = &*search;
        let header = &*view.state.header;
        match target {
            RowTarget::Row(clustering) => self.reader.read(view, header, search, clustering, with_static),
            RowTarget::Static => {
                let static_row = self.reader.static_row(view, header, search)?;
                Ok(PointRow { row: None, static_row })
            }
        }
    }
}

impl RowFinder {
    /// The partition with that key.
    pub(super) fn search(&mut self, key: &[u8]) -> &SearchKey {
        let search = self.key.get_or_insert_with(|| SearchKey::new(Partitioner::Murmur3));
        search.set(key);
        search
    }
}

/// A row of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowTarget<'a> {
    Static,
    /// The row with that encoded clustering.
    Row(&'a [u8]),
}

/// The same operations with everything resolved that depends on what the views show.
pub(super) fn resolve(
    destination: &Destination,
    staged: &Staged,
    finder: &mut RowFinder,
    views: &[Arc<View>],
    time: &WriteTime<'_>,
) -> Result<Staged> {
    let mut resolved = Staged { bytes: staged.bytes.clone(), ..Staged::default() };
    let mut counters = Counters::default();
    for op in &staged.ops {
        let first = resolved.cell_count();
        let cells = staged.cells_of(op);
        let target = match op.target {
            Target::Static => Some(RowTarget::Static),
            Target::Row { clustering, .. } => Some(RowTarget::Row(staged.get(clustering))),
            Target::Range(..) | Target::Partition => None,
        };
        match (target, views.get(op.table as usize)) {
            (Some(target), Some(view)) if cells.iter().any(|cell| cell.change.reads_first()) => {
                let found = finder.find(view, staged.get(op.key), target, false)?;
                let is_static = matches!(target, RowTarget::Static);
                let row = if is_static { found.static_row } else { found.row };
                let known = Known { staged, op, view, row, is_static, time };
                if cells.iter().any(|cell| cell.change.reads_list()) {
                    known.resolve_lists(cells, &mut resolved)?;
                    resolved.settle(first as usize, view.state.header.columns(is_static));
                } else {
                    for cell in cells {
                        match cell.change {
                            Change::Increment => counters.count(destination, &known, cell, &mut resolved)?,
                            _ => known.put_simple(cell, &mut resolved)?,
                        }
                    }
                }
            }
            _ => resolved.cells.extend_from_slice(cells),
        }
        resolved.ops.push(StagedOp { first, last: resolved.cell_count(), ..op.clone() });
    }
    Ok(resolved)
}

/// An operation and the existing part of its row.
struct Known<'a> {
    staged: &'a Staged,
    op: &'a StagedOp,
    view: &'a View,
    row: Option<RowRef<'a>>,
    is_static: bool,
    time: &'a WriteTime<'a>,
}

/// A list as the operations of a statement leave it one after the other.
struct ListState<'a> {
    column: u32,
    /// Whether the row was there: what the statement itself deletes counts as an element where it
    /// wasn't (`UpdateParameters.getPrefetchedRow`).
    is_there: bool,
    deletion: DeletionTime,
    /// Paths among the resolved bytes, in their order, and cells.
    elements: Vec<(Span, Cell<'a>)>,
}

impl<'a> Known<'a> {
    /// Operations on lists by index and value become operations on paths; each sees what those
    /// before it did.
    fn resolve_lists(&self, cells: &[StagedCell], resolved: &mut Staged) -> Result<()> {
        let timestamp = self.op.options.timestamp.unwrap_or(self.time.timestamp);
        let read = |column: u32| {
            let own = |cell: &&StagedCell| cell.column == column && cell.change.reads_list();
            cells.iter().find(own).is_some()
        };
        let mut lists: Vec<ListState<'a>> = Vec::new();
        for cell in cells {
            if !read(cell.column) {
                self.put_simple(cell, resolved)?;
                continue;
            }
            let at = match lists.iter().position(|list| list.column == cell.column) {
                Some(at) => at,
                None => {
                    lists.push(self.list(cell.column, &read, resolved)?);
                    lists.len() - 1
                }
            };
            let Some(list) = lists.get_mut(at) else { unreachable!("the list is there or was added") };
            self.resolve_list(list, cell, timestamp, resolved)?;
        }
        Ok(())
    }

    /// Stages a cell that depends on no list, but perhaps on the value that the column has.
    fn put_simple(&self, cell: &StagedCell, resolved: &mut Staged) -> Result<()> {
        let Change::Combine(Combine(with)) = cell.change else {
            resolved.cells.push(*cell);
            return Ok(());
        };
        let columns = self.view.state.header.columns(self.is_static);
        let (Some(row), Some(column)) = (self.row, columns.get(cell.column as usize)) else { return Ok(()) };
        let mut live = LiveRow::of_any(row, self.time.now()).map_err(StreamError::from)?;
        while let Some((at, found)) = live.next().map_err(StreamError::from)? {
            if at == cell.column as usize {
                let mut value = Vec::new();
                with(&column.ty, found.value, self.staged.get(cell.value), &mut value)
                    .map_err(|error| column_problem(&self.view.state.schema, &column.name, error))?;
                let value = resolved.store(&value);
                resolved.cells.push(StagedCell { change: Change::Value, value, ..*cell });
            }
        }
        Ok(())
    }

    /// The list's current elements.
    fn list(&self, column: u32, read: &impl Fn(u32) -> bool, resolved: &mut Staged) -> Result<ListState<'a>> {
        let mut list =
            ListState { column, is_there: false, deletion: DeletionTime::LIVE, elements: Vec::new() };
        let Some(row) = self.row else { return Ok(list) };
        let now = self.time.now();
        let mut live = LiveRow::of_any(row, now).map_err(StreamError::from)?;
        list.is_there = live.liveness().is_live(now);
        while let Some((at, cell)) = live.next().map_err(StreamError::from)? {
            let at = column_index(at);
            list.is_there |= read(at);
            if at == column {
                list.elements.push((resolved.store(cell.path), Cell { path: &[], ..cell }));
            }
        }
        Ok(list)
    }

    fn resolve_list(
        &self,
        list: &mut ListState<'a>,
        cell: &StagedCell,
        timestamp: Timestamp,
        resolved: &mut Staged,
    ) -> Result<()> {
        let deletion = || DeletionTime::new(timestamp, LocalDeletionTime(self.time.now()));
        let path = match cell.change {
            Change::Clear => {
                list.clear(deletion());
                resolved.cells.push(*cell);
                return Ok(());
            }
            Change::RemoveValue => {
                let wanted = self.staged.get(cell.value);
                let equal =
                    list.elements.iter().filter(|(_, own)| own.value == wanted && !own.is_tombstone());
                let paths: Vec<Span> = equal.map(|(path, _)| *path).collect();
                for path in paths {
                    self.put(
                        list,
                        StagedCell { change: Change::Tombstone, path, ..*cell },
                        timestamp,
                        resolved,
                    );
                }
                return Ok(());
            }
            Change::Append => resolved.store(&self.time.paths.append()),
            Change::Prepend => resolved.store(&self.time.paths.prepend()),
            Change::SetAt(index) | Change::RemoveAt(index) | Change::KeepAt(index) => {
                match usize::try_from(index).ok().and_then(|index| list.shown().nth(index)) {
                    Some((path, _)) => *path,
                    None => {
                        let missing = NoSuchElement { index, len: list.shown().count() };
                        return Err(self.out_of_bounds(cell.column, missing));
                    }
                }
            }
            _ => cell.path,
        };
        let change = match cell.change {
            Change::KeepAt(_) => return Ok(()),
            Change::RemoveAt(_) | Change::Tombstone => Change::Tombstone,
            _ => Change::Value,
        };
        self.put(list, StagedCell { change, path, ..*cell }, timestamp, resolved);
        Ok(())
    }

    /// Stages the cell of an element, and puts it into the list.
    fn put(&self, list: &mut ListState<'a>, cell: StagedCell, timestamp: Timestamp, resolved: &mut Staged) {
        let is_tombstone = cell.change == Change::Tombstone;
        let value = if is_tombstone { Span::default() } else { cell.value };
        resolved.cells.push(StagedCell { value, ..cell });
        let element = match is_tombstone {
            true => Cell::tombstone(timestamp, LocalDeletionTime(self.time.now())),
            false => Cell::live(timestamp, self.staged.get(value)),
        };
        if list.deletion.deletes(timestamp) {
            return;
        }
        let path = resolved.get(cell.path);
        let by_path = |(own, _): &(Span, Cell<'_>)| Type::TimeUuid.compare(resolved.get(*own), path);
        match list.elements.binary_search_by(by_path) {
            Ok(at) => {
                let Some((_, own)) = list.elements.get_mut(at) else { unreachable!("it was found there") };
                *own = reconcile(*own, element);
            }
            Err(at) => list.elements.insert(at, (cell.path, element)),
        }
    }

    fn out_of_bounds(&self, column: u32, missing: NoSuchElement) -> Error {
        let name =
            self.view.state.header.columns(self.is_static).get(column as usize).map(|c| c.name.clone());
        no_such_element(&self.view.state.schema, name.as_deref().unwrap_or_default(), missing)
    }

    /// The context of a counter, if it counted anything that was not deleted.
    fn counter(&self, column: u32) -> Result<Option<CounterContext<'_>>> {
        let Some(row) = self.row else { return Ok(None) };
        let mut live = LiveRow::of_any(row, self.time.now()).map_err(StreamError::from)?;
        while let Some((at, cell)) = live.next().map_err(StreamError::from)? {
            if at == column as usize {
                return Ok(Some(CounterContext::parse(cell.value).map_err(StreamError::from)?));
            }
        }
        Ok(None)
    }
}

impl ListState<'_> {
    /// The elements that an index counts.
    fn shown(&self) -> impl Iterator<Item = &(Span, Cell<'_>)> {
        self.elements.iter().filter(|(_, cell)| !self.is_there || !cell.is_tombstone())
    }

    fn clear(&mut self, deletion: DeletionTime) {
        self.deletion = self.deletion.merge(deletion);
        self.elements.retain(|(_, cell)| !deletion.deletes(cell.timestamp));
    }
}

/// Counters that a mutation has counted already: those of one batch add up.
#[derive(Default)]
struct Counters {
    /// The context that was made last of each.
    made: BTreeMap<CounterPlace, Span>,
}

/// A counter, by its table, partition key, clustering (`None` in the static row) and column.
type CounterPlace = (u32, Vec<u8>, Option<Vec<u8>>, u32);

impl Counters {
    /// Stages the shard of this node that makes the counter count the delta (`CounterMutation`).
    fn count(
        &mut self,
        destination: &Destination,
        known: &Known<'_>,
        cell: &StagedCell,
        resolved: &mut Staged,
    ) -> Result<()> {
        let Known { staged, op, .. } = *known;
        let delta = staged.get(cell.value).try_into().map_or(0, i64::from_be_bytes);
        let clustering = match op.target {
            Target::Row { clustering, .. } => Some(staged.get(clustering).to_vec()),
            _ => None,
        };
        let place = (op.table, staged.get(op.key).to_vec(), clustering, cell.column);
        let made = self.made.get(&place).map(|span| resolved.get(*span).to_vec());
        let current = match &made {
            Some(context) => CounterContext::parse(context).map_err(StreamError::from)?,
            None => match known.counter(cell.column)? {
                Some(context) => context,
                None => CounterContext::parse(&[]).map_err(StreamError::from)?,
            },
        };
        let mut context = Vec::new();
        current.increment(*destination.host_id().as_bytes(), delta, known.time.timestamp, &mut context);
        let value = resolved.store(&context);
        self.made.insert(place, value);
        resolved.cells.push(StagedCell { value, ..*cell });
        Ok(())
    }
}
