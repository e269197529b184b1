//! Conditions of writes: bound, and checked against the existing rows; and the results of
//! conditional writes.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_rows::{
    Assembler, Cell, Column, Direction, LiveRow, RowRef, Slices, StreamError, Unfiltered, UnfilteredStream,
};
use helenus_sstable::StaticRow;
use helenus_types::{Type, Value};

use super::action::{Condition, Op, Operand, Part};
use super::bind::{BindValue, Binding};
use super::columns::{Place, frames};
use super::errors::{column_problem, table_problem};
use super::resolve::{RowFinder, RowTarget};
use super::staged::{Span, Staged, StagedCheck, StagedComparison, StagedPart};
use crate::engine::{Destination, View};
use crate::error::{Error, Result};

/// The result of a conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The conditions held and the write is acknowledged.
    Applied,
    /// They did not hold, and nothing was written. The columns that the conditions are about as
    /// they were found, static ones first, those without a value as [`Value::Null`]; where
    /// existence was asked for, all columns of the kinds that the statement writes. Nothing when
    /// there is neither the row nor one of these static values.
    Refused(Vec<(Arc<str>, Value)>),
}

impl Outcome {
    /// The result of one statement, whose conditions are about one row.
    pub(super) fn of(refused: Option<Vec<FoundRow>>) -> Self {
        match refused {
            None => Self::Applied,
            Some(rows) => Self::Refused(rows.into_iter().next().map(|row| row.columns).unwrap_or_default()),
        }
    }

    /// Whether the write was carried out.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        *self == Self::Applied
    }

    /// The value of a column in the row that refused the write.
    #[must_use]
    pub fn current(&self, column: &str) -> Option<&Value> {
        match self {
            Self::Applied => None,
            Self::Refused(columns) => {
                columns.iter().find(|(name, _)| **name == *column).map(|(_, value)| value)
            }
        }
    }
}

/// The result of a batch with conditions.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchOutcome {
    /// All conditions held and the batch is acknowledged.
    Applied,
    /// One did not hold, and nothing was written. The existing rows among those of the conditions,
    /// in their order: each with its primary key, then its columns as in [`Outcome::Refused`]. If
    /// there is no such row but a static value, only that, with a clustering of nulls.
    Refused(Vec<Vec<(Arc<str>, Value)>>),
}

impl BatchOutcome {
    /// Whether the batch was carried out.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        *self == Self::Applied
    }
}

impl Staged {
    /// Stages a comparison; a check that takes it in is staged once all are.
    pub(super) fn compare(&mut self, place: &Place<'_>, condition: &Condition<&dyn BindValue>) -> Result<()> {
        let column_type = &place.column.ty;
        let (part, part_type) = match &condition.part {
            Part::Whole => (StagedPart::Whole, column_type),
            Part::Element(key) => self.compared_element(place, *key)?,
            Part::Field(field) => {
                let Type::Udt { definition, .. } = column_type else {
                    return Err(place.wrong("a user type"));
                };
                let found = (0u16..).zip(&definition.fields).find(|(_, (name, _))| **name == **field);
                let Some((index, (_, ty))) = found else {
                    let text = format!("{} has no field {field}", definition.name);
                    return Err(column_problem(place.schema, &place.column.name, text));
                };
                (StagedPart::Field(index), ty)
            }
        };
        let value_type = match (condition.op, &condition.part, column_type) {
            (Op::Contains | Op::ContainsKey, Part::Element(_) | Part::Field(_), _) => {
                return Err(place.wrong("a collection as a whole"));
            }
            (Op::Contains, _, Type::List { element, .. } | Type::Set { element, .. }) => element,
            (Op::Contains, _, Type::Map { entry, .. }) => &entry.1,
            (Op::Contains, ..) => return Err(place.wrong("a collection")),
            (Op::ContainsKey, _, Type::Map { entry, .. }) => &entry.0,
            (Op::ContainsKey, ..) => return Err(place.wrong("a map")),
            _ => part_type,
        };
        let first = count(&self.conditions.operands);
        // A collection without elements is null, unless it is frozen.
        let nulls_empty = matches!(part, StagedPart::Whole)
            && place.column.complex
            && !matches!(column_type, Type::Udt { .. })
            && !matches!(condition.op, Op::Contains | Op::ContainsKey);
        match (&condition.operand, condition.op) {
            (Operand::One(value), Op::In) => self.compared_list(place, value_type, *value, nulls_empty)?,
            (Operand::One(value), op) => self.compared_value(place, value_type, op, *value, nulls_empty)?,
            (Operand::Several(values), Op::In) => {
                for value in values {
                    self.compared_value(place, value_type, Op::In, *value, nulls_empty)?;
                }
            }
            (Operand::Several(_), _) => {
                let text = "only IN compares with several values";
                return Err(column_problem(place.schema, &place.column.name, text));
            }
        }
        let last = count(&self.conditions.operands);
        self.conditions.comparisons.push(StagedComparison {
            is_static: place.is_static,
            column: place.index,
            part,
            op: condition.op,
            first,
            last,
        });
        Ok(())
    }

    fn compared_element<'p>(
        &mut self,
        place: &Place<'p>,
        key: &dyn BindValue,
    ) -> Result<(StagedPart, &'p Type)> {
        let (key_type, ty) = match &place.column.ty {
            Type::List { element, .. } => (&Type::Int, &**element),
            Type::Map { entry, .. } => (&entry.0, &entry.1),
            _ => return Err(place.wrong("a list or map")),
        };
        let span = place.not_null(key_type, key, self)?;
        let index = || self.get(span).try_into().map_or(0, i32::from_be_bytes);
        if matches!(place.column.ty, Type::List { .. }) && index() < 0 {
            let text = format!("there is no index {}", index());
            return Err(column_problem(place.schema, &place.column.name, text));
        }
        Ok((StagedPart::Element(span), ty))
    }

    fn compared_value(
        &mut self,
        place: &Place<'_>,
        ty: &Type,
        op: Op,
        value: &dyn BindValue,
        nulls_empty: bool,
    ) -> Result<()> {
        let refuse = |text| Err(column_problem(place.schema, &place.column.name, text));
        let start = self.bytes.len();
        let operand = match value.bind(ty, &mut self.bytes).map_err(|e| place.problem(&e))? {
            Binding::Value => Some(self.span_from(start)),
            Binding::Null if matches!(op, Op::Eq | Op::Ne | Op::In) => None,
            Binding::Null if matches!(op, Op::Contains | Op::ContainsKey) => {
                return refuse("no collection contains null");
            }
            Binding::Null => return refuse("null is neither less nor greater"),
            Binding::Unset if op == Op::In => return Ok(()),
            Binding::Unset => return refuse("a condition can't be left unset"),
        };
        let operand = operand.filter(|span| !nulls_empty || self.get(*span) != [0; 4]);
        if operand.is_none() && !matches!(op, Op::Eq | Op::Ne | Op::In) {
            return refuse("a collection without elements is neither less nor greater");
        }
        self.conditions.operands.push(operand);
        Ok(())
    }

    /// The elements of one list are what IN compares with.
    fn compared_list(
        &mut self,
        place: &Place<'_>,
        ty: &Type,
        value: &dyn BindValue,
        nulls_empty: bool,
    ) -> Result<()> {
        let refuse = |text| Err(column_problem(place.schema, &place.column.name, text));
        let list = Type::List { element: Arc::new(ty.clone()), frozen: true };
        let start = self.bytes.len();
        match value.bind(&list, &mut self.bytes).map_err(|e| place.problem(&e))? {
            Binding::Value => {}
            Binding::Null => return refuse("IN takes a list, not null"),
            Binding::Unset => return refuse("a condition can't be left unset"),
        }
        let Self { bytes, conditions, .. } = self;
        let is_empty = |span: &Span| bytes.get(span.start as usize..span.end as usize) == Some(&[0; 4]);
        let elements = frames(bytes, start + 4);
        conditions.operands.extend(elements.map(|span| span.filter(|span| !nulls_empty || !is_empty(span))));
        Ok(())
    }

    /// Stages the conditions of a statement: the comparisons from `first` on.
    pub(super) fn check(
        &mut self,
        table: u32,
        (key, clustering): (Span, Option<Span>),
        exists: Option<bool>,
        first: usize,
    ) {
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let last = count(&self.conditions.comparisons);
        self.conditions.checks.push(StagedCheck { table, key, clustering, exists, first, last });
    }
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// The check of conditions against the existing rows.
pub(super) struct Checking<'a> {
    pub(super) staged: &'a Staged,
    pub(super) view: &'a View,
    pub(super) now: u32,
}

/// A row that was found: its clustering, nothing where there are static columns alone, and its
/// columns.
pub(super) struct FoundRow {
    key: Vec<(Arc<str>, Value)>,
    pub(super) columns: Vec<(Arc<str>, Value)>,
}

impl FoundRow {
    /// Primary key and columns.
    pub(super) fn with_key(self) -> Vec<(Arc<str>, Value)> {
        let Self { mut key, columns } = self;
        key.extend(columns);
        key
    }
}

impl<'a> Checking<'a> {
    pub(super) fn new(destination: &Destination, staged: &'a Staged, view: &'a View) -> Self {
        Self { staged, view, now: staged.now().unwrap_or_else(|| destination.now_seconds()) }
    }

    /// The existing rows, if the conditions don't hold.
    pub(super) fn refuses(&self, finder: &mut RowFinder) -> Result<Option<Vec<FoundRow>>> {
        self.check_mix()?;
        for check in &self.staged.conditions.checks {
            let current = self.current(finder, check.key, self.row_of(check))?;
            let exists = if check.clustering.is_none() { current.has_static } else { current.has_row };
            let mut holds = check.exists.is_none_or(|wanted| wanted == exists);
            for comparison in self.staged.conditions.comparisons_of(check) {
                holds &= self.holds(&current, comparison)?;
            }
            if !holds {
                return self.found(finder).map(Some);
            }
        }
        Ok(None)
    }

    /// The row that a check looks at, if its conditions are not about static columns alone.
    fn row_of(&self, check: &StagedCheck) -> Option<Span> {
        let comparisons = self.staged.conditions.comparisons_of(check);
        let looks = check.exists.is_some() || comparisons.iter().any(|comparison| !comparison.is_static);
        check.clustering.filter(|_| looks)
    }

    /// Refuses what contradicts itself about one row (`CQL3CasRequest.addExistsCondition`).
    fn check_mix(&self) -> Result<()> {
        let checks = &self.staged.conditions.checks;
        for (at, check) in checks.iter().enumerate() {
            for other in checks.iter().take(at).filter(|other| self.is_same_row(check, other)) {
                if check.exists != other.exists {
                    let text = "conditions on one row are comparisons, or that it exists, or that it doesn't";
                    return Err(table_problem(&self.view.state.schema, text));
                }
            }
        }
        Ok(())
    }

    fn is_same_row(&self, a: &StagedCheck, b: &StagedCheck) -> bool {
        let comparator = &self.view.state.header.clustering;
        let compare = |a, b| comparator.compare_rows(self.staged.get(a), self.staged.get(b)).is_eq();
        match (self.row_of(a), self.row_of(b)) {
            (Some(a), Some(b)) => compare(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    fn current(&self, finder: &mut RowFinder, key: Span, clustering: Option<Span>) -> Result<Current> {
        let target = clustering.map_or(RowTarget::Static, |span| RowTarget::Row(self.staged.get(span)));
        let found = finder.find(self.view, self.staged.get(key), target, true)?;
        let mut current = Current::default();
        current.take(found.static_row, true, self)?;
        current.take(found.row, false, self)?;
        Ok(current)
    }

    fn holds(&self, current: &Current, comparison: &StagedComparison) -> Result<bool> {
        let staged = self.staged;
        let columns = self.view.state.header.columns(comparison.is_static);
        let Some(column) = columns.get(comparison.column as usize) else {
            return Err(Error::invalid("a column that was compared is gone"));
        };
        let whole = current.value(comparison.is_static, comparison.column as usize);
        if matches!(comparison.op, Op::Contains | Op::ContainsKey) {
            let wanted = staged.conditions.operands_of(comparison).first().copied().flatten();
            let by_key = comparison.op == Op::ContainsKey;
            return Ok(whole
                .zip(wanted)
                .is_some_and(|(v, w)| contains(&column.ty, v, staged.get(w), by_key)));
        }
        let (ty, value) = match comparison.part {
            StagedPart::Whole => (Some(&column.ty), whole),
            StagedPart::Element(key) => element(&column.ty, whole, staged.get(key)),
            StagedPart::Field(index) => field(&column.ty, whole, index),
        };
        let Some(ty) = ty else { return Ok(false) };
        let operands = staged.conditions.operands_of(comparison);
        Ok(operands.iter().any(|operand| {
            let operand = operand.map(|span| staged.get(span));
            let order = value.zip(operand).map(|(value, operand)| ty.compare(value, operand));
            match (comparison.op, order) {
                (Op::Eq | Op::In, None) => value.is_none() && operand.is_none(),
                (Op::Ne, None) => value.is_some() || operand.is_some(),
                (_, None) => false,
                (op, Some(order)) => match op {
                    Op::Ne => order != Ordering::Equal,
                    Op::Lt => order == Ordering::Less,
                    Op::Le => order != Ordering::Greater,
                    Op::Gt => order == Ordering::Greater,
                    Op::Ge => order != Ordering::Less,
                    Op::Eq | Op::In | Op::Contains | Op::ContainsKey => order == Ordering::Equal,
                },
            }
        }))
    }

    /// Whether a column is read for the conditions (`CQL3CasRequest.columnsToRead`): all static
    /// ones where one is written, all regular ones where a row is named, and those that are
    /// compared.
    fn is_fetched(&self, is_static: bool, column: usize) -> bool {
        let conditions = &self.staged.conditions;
        let all = if is_static { conditions.writes_statics } else { conditions.names_rows };
        all || self.is_compared(is_static, column)
    }

    fn is_compared(&self, is_static: bool, column: usize) -> bool {
        let mut comparisons = self.staged.conditions.comparisons.iter();
        comparisons.any(|c| c.is_static == is_static && c.column as usize == column)
    }

    /// The rows that refused the write as they are.
    fn found(&self, finder: &mut RowFinder) -> Result<Vec<FoundRow>> {
        let checks = &self.staged.conditions.checks;
        let Some(key) = checks.first().map(|check| check.key) else { return Ok(Vec::new()) };
        let comparator = &self.view.state.header.clustering;
        let mut rows: Vec<Span> = checks.iter().filter_map(|check| self.row_of(check)).collect();
        rows.sort_by(|a, b| comparator.compare_rows(self.staged.get(*a), self.staged.get(*b)));
        rows.dedup_by(|a, b| comparator.compare_rows(self.staged.get(*a), self.staged.get(*b)).is_eq());
        let mut found = Vec::new();
        for clustering in &rows {
            let current = self.current(finder, key, Some(*clustering))?;
            if self.shows_row(&current) {
                found.push(self.shown(key, Some(self.staged.get(*clustering)), &current)?);
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let mut current = self.current(finder, key, None)?;
        let mut clustering = None;
        if rows.is_empty() {
            // With static conditions alone, the partition's first row says that there is one.
            clustering = self.first_row(finder, key, &mut current)?;
        }
        let has_static =
            |(is_static, column, _): &(bool, usize, Vec<u8>)| *is_static && self.is_fetched(true, *column);
        if clustering.is_some() || current.values.iter().any(has_static) {
            found.push(self.shown(key, clustering.as_deref(), &current)?);
        }
        Ok(found)
    }

    /// Whether a row exists, judged by the columns that are read.
    fn shows_row(&self, current: &Current) -> bool {
        let is_read =
            |(is_static, column, _): &(bool, usize, Vec<u8>)| !is_static && self.is_fetched(false, *column);
        current.has_row && (current.has_liveness || current.values.iter().any(is_read))
    }

    /// The clustering of the first existing row.
    fn first_row(&self, finder: &mut RowFinder, key: Span, current: &mut Current) -> Result<Option<Vec<u8>>> {
        let search = finder.search(self.staged.get(key));
        let mut stream = self.view.partition(search, &Slices::ALL, Direction::Forward, StaticRow::Wanted)?;
        if !stream.next_partition().map_err(Error::from)? {
            return Ok(None);
        }
        while stream.advance().map_err(Error::from)? {
            let Some(Unfiltered::Row(row)) = stream.current() else { continue };
            let mut candidate = Current::default();
            candidate.take(Some(row), false, self)?;
            if self.shows_row(&candidate) {
                current.values.append(&mut candidate.values);
                return Ok(Some(row.clustering.to_vec()));
            }
        }
        Ok(None)
    }

    fn shown(&self, key: Span, clustering: Option<&[u8]>, current: &Current) -> Result<FoundRow> {
        let schema = &self.view.state.schema;
        let by_existence = self.staged.conditions.checks.iter().any(|check| check.exists.is_some());
        let mut columns = Vec::new();
        for is_static in [true, false] {
            let all = self.view.state.header.columns(is_static).as_slice().iter().enumerate();
            let asked = all.filter(|(at, _)| match by_existence {
                true => self.is_fetched(is_static, *at),
                false => self.is_compared(is_static, *at),
            });
            for (at, column) in asked {
                let value = match current.value(is_static, at) {
                    Some(bytes) => column.ty.decode(bytes).map_err(Error::from)?,
                    None => Value::Null,
                };
                columns.push((column.name.clone(), value));
            }
        }
        let mut named = Vec::new();
        let values = schema.split_partition_key(self.staged.get(key))?;
        for (column, value) in schema.partition_key().iter().zip(values) {
            named.push((column.name.clone(), column.ty.decode(value).map_err(Error::from)?));
        }
        let comparator = &self.view.state.header.clustering;
        let mut values = clustering.map(|bytes| comparator.components(bytes, comparator.len()));
        for column in schema.clustering() {
            let value = match values.as_mut().and_then(Iterator::next).flatten() {
                Some(bytes) => column.ty.decode(bytes).map_err(Error::from)?,
                None => Value::Null,
            };
            named.push((column.name.clone(), value));
        }
        Ok(FoundRow { key: named, columns })
    }
}

/// The existing data.
#[derive(Debug, Default)]
struct Current {
    has_row: bool,
    has_liveness: bool,
    has_static: bool,
    /// Serialized values by kind and index of their columns; collections as frozen ones.
    values: Vec<(bool, usize, Vec<u8>)>,
}

impl Current {
    fn take(&mut self, row: Option<RowRef<'_>>, is_static: bool, checking: &Checking<'_>) -> Result<()> {
        let Some(row) = row else { return Ok(()) };
        let strict = checking.view.state.schema.strict_liveness();
        let live = match is_static {
            true => Some(LiveRow::of_any(row, checking.now)),
            false => LiveRow::new(row, checking.now, strict).transpose(),
        };
        let Some(live) = live else { return Ok(()) };
        let mut live = live.map_err(StreamError::from)?;
        let mut cells: Vec<(usize, Cell<'_>)> = Vec::new();
        while let Some(cell) = live.next().map_err(StreamError::from)? {
            cells.push(cell);
        }
        match is_static {
            true => self.has_static = !cells.is_empty(),
            false => (self.has_row, self.has_liveness) = (true, live.liveness().is_live(checking.now)),
        }
        for own in cells.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((at, column)) = own.first().and_then(|(at, _)| Some((*at, row.columns().get(*at)?)))
            else {
                continue;
            };
            self.values.push((is_static, at, whole_value(column, own)?));
        }
        Ok(())
    }

    fn value(&self, is_static: bool, column: usize) -> Option<&[u8]> {
        let found = self.values.iter().find(|(s, at, _)| (*s, *at) == (is_static, column));
        found.map(|(.., bytes)| bytes.as_slice())
    }
}

/// The part of a frozen form.
fn part(bytes: &[u8], span: Option<Span>) -> Option<&[u8]> {
    span.and_then(|span| bytes.get(span.start as usize..span.end as usize))
}

/// A list's element at an index, a map's value at a key.
fn element<'v, 't>(
    ty: &'t Type,
    whole: Option<&'v [u8]>,
    key: &[u8],
) -> (Option<&'t Type>, Option<&'v [u8]>) {
    match ty {
        Type::List { element, .. } => {
            let index = key.try_into().map_or(0, |key| u32::from_be_bytes(key) as usize);
            let found = whole.and_then(|bytes| part(bytes, frames(bytes, 4).nth(index).flatten()));
            (Some(element), found)
        }
        Type::Map { entry, .. } => {
            let found = whole.and_then(|bytes| {
                let mut entries = frames(bytes, 4);
                while let (Some(own), Some(value)) = (entries.next(), entries.next()) {
                    if part(bytes, own).is_some_and(|own| entry.0.compare(own, key).is_eq()) {
                        return part(bytes, value);
                    }
                }
                None
            });
            (Some(&entry.1), found)
        }
        _ => (None, None),
    }
}

/// A user type's field.
fn field<'v, 't>(ty: &'t Type, whole: Option<&'v [u8]>, index: u16) -> (Option<&'t Type>, Option<&'v [u8]>) {
    let Type::Udt { definition, .. } = ty else { return (None, None) };
    let index = usize::from(index);
    let found = whole.and_then(|bytes| part(bytes, frames(bytes, 0).nth(index).flatten()));
    (definition.fields.get(index).map(|(_, ty)| ty), found)
}

/// Whether a collection has an element, a map a value or a key.
fn contains(ty: &Type, whole: &[u8], wanted: &[u8], by_key: bool) -> bool {
    let mut elements = frames(whole, 4);
    match ty {
        Type::List { element, .. } | Type::Set { element, .. } => {
            elements.any(|own| part(whole, own).is_some_and(|own| element.compare(own, wanted).is_eq()))
        }
        Type::Map { entry, .. } => {
            let ty = if by_key { &entry.0 } else { &entry.1 };
            let mut own = elements.skip(usize::from(!by_key)).step_by(2);
            own.any(|own| part(whole, own).is_some_and(|own| ty.compare(own, wanted).is_eq()))
        }
        _ => false,
    }
}

/// The serialized value that a column's live cells make, of a collection the frozen form.
fn whole_value(column: &Column, cells: &[(usize, Cell<'_>)]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if column.complex {
        let mut assembler = Assembler::new(&column.ty, &out);
        cells.iter().for_each(|(_, cell)| assembler.push(cell, &mut out));
        assembler.finish(&mut out);
        return Ok(out);
    }
    match cells.first() {
        Some((_, cell)) if column.counter => {
            Ok(cell.counter_total().map_err(StreamError::from)?.to_be_bytes().to_vec())
        }
        Some((_, cell)) => Ok(cell.value.to_vec()),
        None => Ok(out),
    }
}
