//! Writes that depend on what is there become writes that don't: the log holds their results, so that replaying
//! it twice changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_rows::{CounterContext, LiveRow, RowRef, StreamError};
use helenus_sstable::SearchKey;
use helenus_types::{Partitioner, Timestamp};

use super::encode::WriteTime;
use super::errors::column_problem;
use super::staged::{Change, Span, Staged, StagedCell, StagedOp, Target};
use crate::engine::{Inner, PointReader, PointRow, View};
use crate::error::{Error, Result};

/// Finds rows by their keys.
#[derive(Default)]
pub(super) struct RowFinder {
    reader: PointReader,
    key: Option<SearchKey>,
}

impl RowFinder {
    /// The row that an operation is about, and the partition's static row if it is wanted or is what it is about.
    pub(super) fn find<'a>(
        &'a mut self,
        view: &'a View,
        key: &[u8],
        target: RowTarget<'_>,
        with_static: bool,
    ) -> Result<PointRow<'a>> {
        let search = self.key.get_or_insert_with(|| SearchKey::new(Partitioner::Murmur3));
        search.set(key);
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

/// Which row of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowTarget<'a> {
    Static,
    /// The row with that encoded clustering.
    Row(&'a [u8]),
}

/// The same operations with everything resolved that depends on what the views show.
pub(super) fn resolve(
    inner: &Inner,
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
                let known = Known { view, row, is_static, now: time.now() };
                for cell in cells {
                    match cell.change {
                        Change::Increment => {
                            counters.count(inner, staged, op, cell, &known, time.timestamp, &mut resolved)?;
                        }
                        change if change.reads_first() => known.list_change(staged, cell, &mut resolved)?,
                        _ => resolved.cells.push(*cell),
                    }
                }
            }
            _ => resolved.cells.extend_from_slice(cells),
        }
        resolved.ops.push(StagedOp { first, last: resolved.cell_count(), ..op.clone() });
    }
    Ok(resolved)
}

/// What is there of a row.
struct Known<'a> {
    view: &'a View,
    row: Option<RowRef<'a>>,
    is_static: bool,
    now: u32,
}

impl Known<'_> {
    /// The live elements of a list: path and value.
    fn elements(&self, column: u32) -> Result<Vec<(&[u8], &[u8])>> {
        let mut elements = Vec::new();
        let Some(row) = self.row else { return Ok(elements) };
        let mut live = LiveRow::of_any(row, self.now).map_err(StreamError::from)?;
        while let Some((at, cell)) = live.next().map_err(StreamError::from)? {
            if at == column as usize {
                elements.push((cell.path, cell.value));
            }
        }
        Ok(elements)
    }

    /// Changes of a list by index or value become changes of paths.
    fn list_change(&self, staged: &Staged, cell: &StagedCell, resolved: &mut Staged) -> Result<()> {
        let elements = self.elements(cell.column)?;
        match cell.change {
            Change::SetAt(index) | Change::RemoveAt(index) => {
                let Some((path, _)) = elements.get(index as usize) else {
                    return Err(self.out_of_bounds(cell.column, index, elements.len()));
                };
                let path = resolved.store(path);
                let removes = matches!(cell.change, Change::RemoveAt(_));
                let change = if removes { Change::Tombstone } else { Change::Value };
                resolved.cells.push(StagedCell { change, path, ..*cell });
            }
            _ => {
                let wanted = staged.get(cell.value);
                for (path, _) in elements.iter().filter(|(_, value)| *value == wanted) {
                    let path = resolved.store(path);
                    let removed =
                        StagedCell { change: Change::Tombstone, path, value: Span::default(), ..*cell };
                    resolved.cells.push(removed);
                }
            }
        }
        Ok(())
    }

    fn out_of_bounds(&self, column: u32, index: u32, len: usize) -> Error {
        let name =
            self.view.state.header.columns(self.is_static).get(column as usize).map(|c| c.name.clone());
        let text = format!("there is no index {index} in a list of {len} elements");
        column_problem(&self.view.state.schema, name.as_deref().unwrap_or_default(), text)
    }

    /// The context of a counter, if it counted anything that was not deleted.
    fn counter(&self, column: u32) -> Result<Option<CounterContext<'_>>> {
        let Some(row) = self.row else { return Ok(None) };
        let mut live = LiveRow::of_any(row, self.now).map_err(StreamError::from)?;
        while let Some((at, cell)) = live.next().map_err(StreamError::from)? {
            if at == column as usize {
                return Ok(Some(CounterContext::parse(cell.value).map_err(StreamError::from)?));
            }
        }
        Ok(None)
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
    #[expect(clippy::too_many_arguments, reason = "each is another thing that counting takes")]
    fn count(
        &mut self,
        inner: &Inner,
        staged: &Staged,
        op: &StagedOp,
        cell: &StagedCell,
        known: &Known<'_>,
        now: Timestamp,
        resolved: &mut Staged,
    ) -> Result<()> {
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
        current.increment(*inner.host_id.as_bytes(), delta, now, &mut context);
        let value = resolved.store(&context);
        self.made.insert(place, value);
        resolved.cells.push(StagedCell { value, ..*cell });
        Ok(())
    }
}
