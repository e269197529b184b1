//! Staged writes: checked against the schema and serialized, but without a timestamp.
//!
//! Timestamps, expirations and the paths of new list elements are chosen when the write is carried
//! out: a batch that was filled before another write and executed after it wins.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_rows::{BoundKind, Columns};
use helenus_types::Token;

use super::action::Combine;
use super::action::Op;
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
    /// The current state of the table.
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

impl Span {
    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// The change of a column or of one of its elements.
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
    SetAt(i32),
    /// The list's element at that index is deleted.
    RemoveAt(i32),
    /// The list's element at that index stays; it must be there.
    KeepAt(i32),
    /// All elements of the list that have the value are deleted.
    RemoveValue,
    /// A counter counts the value, an i64.
    Increment,
    /// The value that is there becomes another, of both.
    Combine(Combine),
}

impl Change {
    /// Whether the existing data must be read first.
    pub(super) fn reads_first(self) -> bool {
        self.reads_list() || matches!(self, Self::Increment | Self::Combine(_))
    }

    /// Whether the list has to be known.
    pub(super) fn reads_list(self) -> bool {
        matches!(self, Self::SetAt(_) | Self::RemoveAt(_) | Self::KeepAt(_) | Self::RemoveValue)
    }

    /// Whether it leaves a value, which lives as long as the write says.
    pub(super) fn has_ttl(self) -> bool {
        matches!(self, Self::Value | Self::Append | Self::Prepend | Self::SetAt(_) | Self::Combine(_))
    }

    /// Whether it is a list's new element, whose path is made when the write is carried out.
    pub(super) fn has_no_path(self) -> bool {
        matches!(self, Self::Append | Self::Prepend)
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

impl StagedBound {
    /// Before all rows.
    pub(super) const OPEN_START: Self =
        Self { kind: BoundKind::InclStart, size: 0, values: Span { start: 0, end: 0 } };
    /// After all rows.
    pub(super) const OPEN_END: Self =
        Self { kind: BoundKind::InclEnd, size: 0, values: Span { start: 0, end: 0 } };

    /// Both ends of the rows that begin with these `size` clustering values.
    pub(super) fn around(size: usize, values: Span) -> (Self, Self) {
        let size = prefix_size(size);
        (Self { kind: BoundKind::InclStart, size, values }, Self { kind: BoundKind::InclEnd, size, values })
    }
}

/// The target of an operation.
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

/// The part of a column that is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum StagedPart {
    Whole,
    /// A map's key, or a list's index as an `int`.
    Element(Span),
    /// The number of a field.
    Field(u16),
}

/// A comparison of a column with one of several values.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagedComparison {
    pub(super) is_static: bool,
    pub(super) column: u32,
    pub(super) part: StagedPart,
    pub(super) op: Op,
    /// Its values: `first..last` of all.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The conditions of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagedCheck {
    /// Index of its table.
    pub(super) table: u32,
    pub(super) key: Span,
    /// The row; `None` where the statement is about the static one alone.
    pub(super) clustering: Option<Span>,
    /// Whether the row must exist, or must not.
    pub(super) exists: Option<bool>,
    /// Its comparisons: `first..last` of all.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// Conditions with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct StagedChecks {
    pub(super) checks: Vec<StagedCheck>,
    pub(super) comparisons: Vec<StagedComparison>,
    /// Serialized, of a collection as a frozen one; `None` is null.
    pub(super) operands: Vec<Option<Span>>,
    /// Whether a statement writes static columns: then all of them are fetched for the conditions.
    pub(super) writes_statics: bool,
    /// Whether a statement names a row: then all regular columns are fetched.
    pub(super) names_rows: bool,
}

impl StagedChecks {
    pub(super) fn comparisons_of(&self, check: &StagedCheck) -> &[StagedComparison] {
        let comparisons = self.comparisons.get(check.first as usize..check.last as usize);
        let Some(comparisons) = comparisons else { unreachable!("comparisons are staged with their check") };
        comparisons
    }

    pub(super) fn operands_of(&self, comparison: &StagedComparison) -> &[Option<Span>] {
        let operands = self.operands.get(comparison.first as usize..comparison.last as usize);
        let Some(operands) = operands else { unreachable!("operands are staged with their comparison") };
        operands
    }

    /// Whether anything is waited upon.
    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    fn clear(&mut self) {
        self.checks.clear();
        self.comparisons.clear();
        self.operands.clear();
        (self.writes_statics, self.names_rows) = (false, false);
    }
}

/// Operations with their bytes, in buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Staged {
    pub(super) bytes: Vec<u8>,
    pub(super) cells: Vec<StagedCell>,
    pub(super) ops: Vec<StagedOp>,
    pub(super) conditions: StagedChecks,
}

/// The start of a staged statement, to be undone if it turns out to be invalid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
    cells: usize,
    /// Number of operations before it.
    pub(super) ops: usize,
    checks: [usize; 3],
    flags: [bool; 2],
}

impl Staged {
    /// The second of the first operation that has one.
    pub(super) fn now(&self) -> Option<u32> {
        self.ops.iter().find_map(|op| op.options.now)
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
        self.ops.clear();
        self.conditions.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        let StagedChecks { checks, comparisons, operands, writes_statics, names_rows } = &self.conditions;
        Mark {
            bytes: self.bytes.len(),
            cells: self.cells.len(),
            ops: self.ops.len(),
            checks: [checks.len(), comparisons.len(), operands.len()],
            flags: [*writes_statics, *names_rows],
        }
    }

    /// Whether a statement since waits upon conditions.
    #[inline]
    pub(super) fn waits_since(&self, mark: Mark) -> bool {
        self.conditions.checks.len() > mark.checks[0]
    }

    /// Takes a statement's operations back, which were encoded early.
    pub(super) fn drop_ops(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.cells.truncate(mark.cells);
        self.ops.truncate(mark.ops);
    }

    #[cold]
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.drop_ops(mark);
        let StagedChecks { checks, comparisons, operands, writes_statics, names_rows } = &mut self.conditions;
        checks.truncate(mark.checks[0]);
        comparisons.truncate(mark.checks[1]);
        operands.truncate(mark.checks[2]);
        [*writes_statics, *names_rows] = mark.flags;
    }

    /// The bytes of a span.
    #[inline]
    pub(super) fn get(&self, span: Span) -> &[u8] {
        bytes_of(&self.bytes, span)
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
        let cells = self.cells.get(op.first as usize..op.last as usize);
        let Some(cells) = cells else { unreachable!("the cells of an operation are staged with it") };
        cells
    }

    /// Number of cells, as operations count.
    #[inline]
    pub(super) fn cell_count(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }

    /// Refuses what no mutation can hold, before a span could overflow.
    #[inline]
    pub(super) fn check_len(&self, state: &TableState) -> Result<()> {
        check_len(self.bytes.len().max(self.cells.len()), state)
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
        self.append_conditions(&other.conditions, table, moved);
    }

    fn append_conditions(&mut self, other: &StagedChecks, table: u32, moved: impl Fn(Span) -> Span) {
        let shift = |base: usize| u32::try_from(base).unwrap_or(u32::MAX);
        let own = &mut self.conditions;
        let (comparisons, operands) = (shift(own.comparisons.len()), shift(own.operands.len()));
        own.operands.extend(other.operands.iter().map(|operand| operand.map(&moved)));
        own.comparisons.extend(other.comparisons.iter().map(|comparison| StagedComparison {
            part: match comparison.part {
                StagedPart::Element(span) => StagedPart::Element(moved(span)),
                part @ (StagedPart::Whole | StagedPart::Field(_)) => part,
            },
            first: comparison.first.saturating_add(operands),
            last: comparison.last.saturating_add(operands),
            ..*comparison
        }));
        own.checks.extend(other.checks.iter().map(|check| StagedCheck {
            table,
            key: moved(check.key),
            clustering: check.clustering.map(&moved),
            first: check.first.saturating_add(comparisons),
            last: check.last.saturating_add(comparisons),
            exists: check.exists,
        }));
        own.writes_statics |= other.writes_statics;
        own.names_rows |= other.names_rows;
    }

    /// Makes one count of several of a counter.
    fn sum_increments(&mut self, first: usize) {
        let mut at = first;
        while let Some(&cell) = self.cells.get(at) {
            if cell.change != Change::Increment {
                at += 1;
                continue;
            }
            let is_same = |other: &StagedCell| (other.column, other.change) == (cell.column, cell.change);
            let before = self.cells.iter().take(at).skip(first);
            let Some((earlier, counted)) =
                before.zip(first..).find(|(other, _)| is_same(other)).map(|(c, i)| (i, c.value))
            else {
                at += 1;
                continue;
            };
            let delta = |span: Span| {
                let Ok(delta) = self.get(span).try_into() else { unreachable!("a counter counts an i64") };
                i64::from_be_bytes(delta)
            };
            let sum = delta(cell.value).wrapping_add(delta(counted));
            let value = self.store(&sum.to_be_bytes());
            let Some(earlier) = self.cells.get_mut(earlier) else { unreachable!("it was found there") };
            earlier.value = value;
            self.cells.remove(at);
        }
    }

    /// Puts the cells from `first` on, those of one operation, into the order of columns and paths,
    /// and makes one of those of the same place: at one time a deletion wins, then the larger
    /// value, of equal ones the first.
    pub(super) fn settle(&mut self, first: usize, columns: &Columns) {
        self.sum_increments(first);
        let Self { bytes, cells, .. } = self;
        let Some(own) = cells.get_mut(first..) else { unreachable!("an operation begins among the cells") };
        let get = |span: Span| bytes_of(bytes, span);
        let order = |a: &StagedCell, b: &StagedCell| -> Ordering {
            let place = |cell: &StagedCell| (cell.column, !cell.change.is_whole(), cell.change.has_no_path());
            place(a).cmp(&place(b)).then_with(|| match columns.get(a.column as usize) {
                // New elements of lists get their paths later, in this order: the sort is stable.
                Some(column) if column.complex && !a.change.is_whole() && !a.change.has_no_path() => {
                    let path_type = column.path_type.as_ref();
                    path_type.map_or(Ordering::Equal, |ty| ty.compare(get(a.path), get(b.path)))
                }
                _ => Ordering::Equal,
            })
        };
        let is_settled = |a: &StagedCell, b: &StagedCell| {
            let same = a.column == b.column;
            let is_covered = same && a.change == Change::Clear;
            !is_covered && (order(a, b).is_lt() || (same && a.change.has_no_path() && b.change.has_no_path()))
        };
        if own.is_sorted_by(is_settled) {
            return;
        }
        own.sort_by(order);
        let mut kept = first;
        for at in first..cells.len() {
            let Some(&cell) = cells.get(at) else { unreachable!("none is removed before the end") };
            let previous = if kept > first { cells.get(kept - 1).copied() } else { None };
            let merged = previous.and_then(|previous| {
                // A column that is deleted is deleted with what happens to it at that time.
                let covers = previous.change == Change::Clear && previous.column == cell.column;
                let same = order(&previous, &cell).is_eq() && !cell.change.has_no_path();
                (covers || same).then(|| if covers { previous } else { one_of(previous, cell, bytes) })
            });
            match merged {
                Some(one) => {
                    let Some(place) = cells.get_mut(kept - 1) else { unreachable!("it was kept there") };
                    *place = one;
                }
                None => {
                    cells.swap(kept, at);
                    kept += 1;
                }
            }
        }
        cells.truncate(kept);
    }

    /// Adapts to the current states of the tables. Columns are matched by name. A table that
    /// changed while the operations were staged has several states before, and one after.
    ///
    /// # Errors
    /// When a column that is written was dropped, or can't hold its new value; when a table can't
    /// be written any more. Everything is as it was then.
    pub(super) fn rebase(&mut self, tables: &mut [Entry]) -> Result<()> {
        let mut fresh: Vec<Rebased> = Vec::with_capacity(tables.len());
        for (old, first) in tables.iter().zip(0..) {
            let known = fresh.iter().find(|known| known.entry.core.tag == old.core.tag).cloned();
            fresh.push(match known {
                Some(known) => known,
                None => Rebased { first, entry: Entry::new(&old.core)? },
            });
        }
        let states = |table: u32| match (tables.get(table as usize), fresh.get(table as usize)) {
            (Some(old), Some(new)) => (&*old.state, &*new.entry.state),
            _ => unreachable!("what is staged is about tables of its batch"),
        };
        let mut cells = self.cells.clone();
        for op in &self.ops {
            let (old, new) = states(op.table);
            let Some(cells) = cells.get_mut(op.first as usize..op.last as usize) else {
                unreachable!("the cells of an operation are staged with it")
            };
            for cell in cells {
                rebase_cell(cell, &self.bytes, matches!(op.target, Target::Static), old, new)?;
            }
        }
        let StagedChecks { checks, operands, .. } = &self.conditions;
        let mut comparisons = self.conditions.comparisons.clone();
        for check in checks {
            let (old, new) = states(check.table);
            let Some(comparisons) = comparisons.get_mut(check.first as usize..check.last as usize) else {
                unreachable!("comparisons are staged with their check")
            };
            for comparison in comparisons {
                rebase_comparison(comparison, &self.bytes, operands, old, new)?;
            }
        }
        let first = |table: u32| fresh.get(table as usize).map_or(table, |new| new.first);
        self.cells = cells;
        self.ops.iter_mut().for_each(|op| op.table = first(op.table));
        self.conditions.comparisons = comparisons;
        self.conditions.checks.iter_mut().for_each(|check| check.table = first(check.table));
        for (entry, new) in tables.iter_mut().zip(fresh) {
            *entry = new.entry;
        }
        Ok(())
    }
}

/// The current state of a table, and the index of the first entry that it has.
#[derive(Clone)]
struct Rebased {
    first: u32,
    entry: Entry,
}

/// Whether a table is among them more than once: it changed while operations on it were staged.
pub(super) fn any_twice(tables: &[Entry]) -> bool {
    let is_before =
        |(at, entry): (usize, &Entry)| tables.iter().take(at).any(|other| other.core.tag == entry.core.tag);
    tables.iter().enumerate().any(is_before)
}

/// Refuses what no mutation can hold.
#[inline]
pub(super) fn check_len(bytes: usize, state: &TableState) -> Result<()> {
    if bytes > MAX_BYTES { Err(too_much(&state.schema, bytes, MAX_BYTES)) } else { Ok(()) }
}

/// The winner of two changes of one place at one timestamp.
fn one_of(first: StagedCell, second: StagedCell, bytes: &[u8]) -> StagedCell {
    let get = |span: Span| bytes_of(bytes, span);
    match (first.change, second.change) {
        (Change::Value, Change::Tombstone) => second,
        (Change::Value, Change::Value) if get(second.value) > get(first.value) => second,
        _ => first,
    }
}

/// The bytes of a span of `bytes`.
#[inline]
pub(super) fn bytes_of(bytes: &[u8], span: Span) -> &[u8] {
    let Some(bytes) = bytes.get(span.start as usize..span.end as usize) else {
        unreachable!("a span is of bytes that are staged")
    };
    bytes
}

/// The number of clustering values in the type of bounds.
#[inline]
pub(super) fn prefix_size(len: usize) -> u16 {
    let Ok(size) = u16::try_from(len) else {
        unreachable!("a table has fewer than 65,536 clustering columns")
    };
    size
}

/// A column's index in the type of cells.
#[inline]
pub(super) fn column_index(index: usize) -> u32 {
    let Ok(index) = u32::try_from(index) else { unreachable!("no table has 2^32 columns") };
    index
}

/// Saturates in an operation that is refused for its length once it is complete
/// ([`Staged::check_len`]).
pub(super) fn span(start: usize, end: usize) -> Span {
    Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}

fn rebase_comparison(
    comparison: &mut StagedComparison,
    bytes: &[u8],
    operands: &[Option<Span>],
    old: &TableState,
    new: &TableState,
) -> Result<()> {
    let columns = |state: &TableState| state.header.columns(comparison.is_static).clone();
    let (before, after) = (columns(old), columns(new));
    let Some(was) = before.get(comparison.column as usize) else {
        unreachable!("conditions are about columns of the state that they were staged for")
    };
    let found = after.index_of(&was.name).and_then(|index| Some((index, after.get(index)?)));
    let Some((index, is)) = found else { return Err(dropped_column(&new.schema, &was.name)) };
    let own = operands.get(comparison.first as usize..comparison.last as usize);
    let Some(own) = own else { unreachable!("operands are staged with their comparison") };
    let get = |span: &Span| bytes_of(bytes, *span);
    let fits = was.ty == is.ty
        || (matches!(comparison.part, StagedPart::Whole)
            && own.iter().flatten().all(|operand| is.ty.validate(get(operand)).is_ok()));
    if !fits {
        return Err(changed_column(&new.schema, &is.name, &is.ty));
    }
    comparison.column = column_index(index);
    Ok(())
}

fn rebase_cell(
    cell: &mut StagedCell,
    bytes: &[u8],
    is_static: bool,
    old: &TableState,
    new: &TableState,
) -> Result<()> {
    let (before, after) = (old.header.columns(is_static), new.header.columns(is_static));
    let Some(was) = before.get(cell.column as usize) else {
        unreachable!("cells are of columns of the state that they were staged for")
    };
    let Some(index) = after.index_of(&was.name) else { return Err(dropped_column(&new.schema, &was.name)) };
    let Some(is) = after.get(index) else { unreachable!("the column was found there") };
    if was.ty != is.ty {
        // The usual reason is a field that its user type gained. A column that was dropped and
        // added again may have any type.
        let get = |span: Span| bytes_of(bytes, span);
        let holds = match (cell.change, &is.path_type) {
            _ if was.complex != is.complex || was.counter != is.counter || was.path_type != is.path_type => {
                false
            }
            (Change::Value | Change::Combine(_), None) => is.ty.validate(get(cell.value)).is_ok(),
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
    cell.column = column_index(index);
    Ok(())
}
