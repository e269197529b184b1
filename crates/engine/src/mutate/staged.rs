//! What is to be written, checked against the schema and serialized, before it has a timestamp.
//!
//! Timestamps, expirations and the paths of new list elements are chosen when the write is carried out: a batch
//! that was filled before another write and executed after it wins.

use std::sync::Arc;

use helenus_rows::BoundKind;
use helenus_types::Token;

use super::errors::{changed_column, dropped_column, too_much};
use super::options::WriteOptions;
use crate::engine::{TableCore, TableState};
use crate::error::{Error, ErrorKind, Result};

/// Most bytes that can be staged: no mutation can be larger, since no segment of the log is.
const MAX_BYTES: usize = 1 << 30;

/// A table, and the state of it that operations were staged against.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) core: Arc<TableCore>,
    pub(super) state: Arc<TableState>,
}

impl Entry {
    /// The table as it is now.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn new(core: &Arc<TableCore>) -> Result<Self> {
        let state = core.active.read().state.clone();
        match state.read_only {
            None => Ok(Self { core: core.clone(), state }),
            Some(why) => {
                let (keyspace, name) = (state.schema.keyspace(), state.schema.name());
                Err(Error::new(ErrorKind::ReadOnly, format!("{keyspace}.{name}: {why}")))
            }
        }
    }

    /// Seconds that what an operation writes has to live; 0 for ever.
    #[inline]
    pub(super) fn ttl(&self, op: &StagedOp) -> u32 {
        op.options.ttl.unwrap_or(self.state.options.default_time_to_live)
    }
}

/// A part of the staged bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What happens to a column or to one of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A value, at a path in a complex column.
    Value,
    /// A tombstone, at a path in a complex column.
    Tombstone,
    /// The complex column is deleted.
    Clear,
    /// The complex column is deleted just below the new elements.
    Overwrite,
    /// A list's new last element.
    Append,
    /// A list's new first element.
    Prepend,
    /// The list's element at that index gets a value.
    SetAt(u32),
    /// The list's element at that index is deleted.
    RemoveAt(u32),
    /// All elements of the list that have the value are deleted.
    RemoveValue,
    /// A counter counts the value, an i64.
    Increment,
}

impl Change {
    /// Whether it has to be known what is there.
    pub(super) fn reads_first(self) -> bool {
        matches!(self, Self::SetAt(_) | Self::RemoveAt(_) | Self::RemoveValue | Self::Increment)
    }

    /// Whether it leaves a value, which lives as long as the write says.
    pub(super) fn has_ttl(self) -> bool {
        matches!(self, Self::Value | Self::Append | Self::Prepend | Self::SetAt(_))
    }

    /// Whether it concerns the whole of a complex column.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Clear | Self::Overwrite)
    }
}

/// A change of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagedCell {
    /// Index among the static or regular columns.
    pub(super) column: u32,
    pub(super) change: Change,
    pub(super) path: Span,
    pub(super) value: Span,
}

/// One end of a range of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagedBound {
    pub(super) kind: BoundKind,
    pub(super) size: u16,
    pub(super) values: Span,
}

/// What an operation is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Row {
        clustering: Span,
        /// Writes the row's liveness.
        insert: bool,
        /// Deletes the row.
        delete: bool,
    },
    Static,
    Range(StagedBound, StagedBound),
    Partition,
}

/// One operation on one partition.
#[derive(Clone, Debug)]
pub(super) struct StagedOp {
    /// Index of its table.
    pub(super) table: u32,
    pub(super) token: Token,
    pub(super) key: Span,
    pub(super) target: Target,
    /// Its cells, in the order of columns and paths: `first..last` of all.
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) options: WriteOptions,
}

/// Operations with their bytes, in buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Staged {
    pub(super) bytes: Vec<u8>,
    pub(super) cells: Vec<StagedCell>,
    pub(super) ops: Vec<StagedOp>,
}

/// Where something staged began, to be taken back when it turns out wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
    cells: usize,
    ops: usize,
}

impl Staged {
    pub(super) fn clear(&mut self) {
        self.rewind(Mark { bytes: 0, cells: 0, ops: 0 });
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), cells: self.cells.len(), ops: self.ops.len() }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.cells.truncate(mark.cells);
        self.ops.truncate(mark.ops);
    }

    /// The bytes of a span.
    #[inline]
    pub(super) fn get(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The span from `start` to the end of what there is.
    #[inline]
    pub(super) fn span_from(&self, start: usize) -> Span {
        span(start, self.bytes.len())
    }

    /// Appends bytes.
    pub(super) fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.span_from(start)
    }

    pub(super) fn cells_of(&self, op: &StagedOp) -> &[StagedCell] {
        self.cells.get(op.first as usize..op.last as usize).unwrap_or_default()
    }

    /// Number of cells, as operations count.
    #[inline]
    pub(super) fn cell_count(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }

    /// Refuses what no mutation can hold, before a span could overflow.
    #[inline]
    pub(super) fn check_len(&self, state: &TableState) -> Result<()> {
        if self.bytes.len() > MAX_BYTES || self.cells.len() > MAX_BYTES {
            return Err(too_much(&state.schema, self.bytes.len(), MAX_BYTES));
        }
        Ok(())
    }

    /// Whether an operation must read before it writes.
    pub(super) fn reads_first(&self) -> bool {
        self.cells.iter().any(|cell| cell.change.reads_first())
    }

    /// Appends the operations of `other`, which are about `table`.
    pub(super) fn append(&mut self, other: &Self, table: u32) {
        let shift = |base: usize| u32::try_from(base).unwrap_or(u32::MAX);
        let (bytes, cells) = (shift(self.bytes.len()), shift(self.cells.len()));
        let moved = |span: Span| Span {
            start: span.start.saturating_add(bytes),
            end: span.end.saturating_add(bytes),
        };
        let bound = |bound: StagedBound| StagedBound { values: moved(bound.values), ..bound };
        self.bytes.extend_from_slice(&other.bytes);
        self.cells.extend(other.cells.iter().map(|cell| StagedCell {
            path: moved(cell.path),
            value: moved(cell.value),
            ..*cell
        }));
        self.ops.extend(other.ops.iter().map(|op| StagedOp {
            table,
            key: moved(op.key),
            target: match op.target {
                Target::Row { clustering, insert, delete } => {
                    Target::Row { clustering: moved(clustering), insert, delete }
                }
                Target::Range(start, end) => Target::Range(bound(start), bound(end)),
                whole @ (Target::Static | Target::Partition) => whole,
            },
            first: op.first.saturating_add(cells),
            last: op.last.saturating_add(cells),
            ..op.clone()
        }));
    }

    /// Turns to the present states of the tables. Columns go by their names.
    ///
    /// # Errors
    /// When a column that is written was dropped, or can't hold what it was to hold; when a table can't be written
    /// any more.
    pub(super) fn rebase(&mut self, tables: &mut [Entry]) -> Result<()> {
        for (index, entry) in tables.iter_mut().enumerate() {
            let fresh = Entry::new(&entry.core)?;
            if Arc::ptr_eq(&fresh.state, &entry.state) {
                continue;
            }
            for op in self.ops.iter().filter(|op| op.table as usize == index) {
                let is_static = matches!(op.target, Target::Static);
                let (bytes, cells) = (&self.bytes, &mut self.cells);
                let cells = cells.get_mut(op.first as usize..op.last as usize).unwrap_or_default();
                for cell in cells {
                    rebase_cell(cell, bytes, is_static, &entry.state, &fresh.state)?;
                }
            }
            *entry = fresh;
        }
        Ok(())
    }
}

pub(super) fn span(start: usize, end: usize) -> Span {
    Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}

fn rebase_cell(
    cell: &mut StagedCell,
    bytes: &[u8],
    is_static: bool,
    old: &TableState,
    new: &TableState,
) -> Result<()> {
    let (before, after) = (old.header.columns(is_static), new.header.columns(is_static));
    let Some(was) = before.get(cell.column as usize) else { return Ok(()) };
    let Some(index) = after.index_of(&was.name) else { return Err(dropped_column(&new.schema, &was.name)) };
    let Some(is) = after.get(index) else { return Ok(()) };
    if was.ty != is.ty {
        // The usual reason is a field that its user type gained. A column that was dropped and added again may
        // have any type.
        let get = |span: Span| bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
        let holds = match (cell.change, &is.path_type) {
            _ if was.complex != is.complex || was.counter != is.counter || was.path_type != is.path_type => {
                false
            }
            (Change::Value, None) => is.ty.validate(get(cell.value)).is_ok(),
            (Change::Value, Some(_)) => {
                let ty = is.ty.cell_value_type(get(cell.path));
                ty.is_some_and(|ty| ty.validate(get(cell.value)).is_ok())
            }
            (Change::Append | Change::Prepend | Change::SetAt(_) | Change::RemoveValue, _) => {
                is.ty.element().is_some_and(|ty| ty.validate(get(cell.value)).is_ok())
            }
            _ => true,
        };
        if !holds {
            return Err(changed_column(&new.schema, &is.name, &is.ty));
        }
    }
    cell.column = u32::try_from(index).unwrap_or(u32::MAX);
    Ok(())
}
