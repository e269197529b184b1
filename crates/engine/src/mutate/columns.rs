//! Changes of columns, checked against their types and staged.

use helenus_rows::{Column, ColumnKind, TableSchema};
use helenus_types::{Type, ValueError};

use super::action::{Action, Combine, Extent, StatementKind};
use super::bind::{BindValue, Binding};
use super::errors::{column_problem, key_column, path_too_long, unknown_column, wrong_type};
use super::staged::{Change, Span, Staged, StagedCell, bytes_of, column_index, span};
use crate::error::{Error, Result};

/// Longest path of a cell, in bytes.
const MAX_PATH_BYTES: usize = u16::MAX as usize;

/// A column that can be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'s> {
    pub(super) schema: &'s TableSchema,
    pub(super) column: &'s Column,
    pub(super) is_static: bool,
    pub(super) index: u32,
}

impl<'s> Place<'s> {
    /// The column of that name.
    ///
    /// # Errors
    /// When there is none, or it is part of the key.
    pub(super) fn named(schema: &'s TableSchema, name: &str) -> Result<Self> {
        let (is_static, index) = match schema.column(name) {
            Some((ColumnKind::Static, index)) => (true, index),
            Some((ColumnKind::Regular, index)) => (false, index),
            Some(_) => return Err(key_column(schema, name)),
            None => return Err(unknown_column(schema, name)),
        };
        let columns = if is_static { schema.statics() } else { schema.regulars() };
        let Some(column) = columns.get(index) else { return Err(unknown_column(schema, name)) };
        Ok(Self { schema, column, is_static, index: column_index(index) })
    }

    /// The column of that name, to be compared.
    ///
    /// # Errors
    /// When there is none, or it is part of the key.
    pub(super) fn compared(schema: &'s TableSchema, name: &str) -> Result<Self> {
        match schema.column(name) {
            Some((ColumnKind::PartitionKey | ColumnKind::Clustering, _)) => {
                Err(column_problem(schema, name, "a column of the primary key can't be a condition"))
            }
            _ => Self::named(schema, name),
        }
    }

    fn cell(&self, change: Change, path: Span, value: Span) -> StagedCell {
        StagedCell { column: self.index, change, path, value }
    }

    pub(super) fn problem(&self, error: &ValueError) -> Error {
        column_problem(self.schema, &self.column.name, error)
    }

    pub(super) fn wrong(&self, expected: &str) -> Error {
        wrong_type(self.schema, &self.column.name, &self.column.ty, expected)
    }

    /// The whole column gets a value; null deletes it.
    #[inline]
    pub(super) fn set(&self, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        if self.column.counter {
            return Err(self.wrong("a column that is no counter: a counter can be incremented, not set"));
        }
        let start = staged.bytes.len();
        let bound = value.bind(&self.column.ty, &mut staged.bytes).map_err(|e| self.problem(&e))?;
        let all = staged.span_from(start);
        match (bound, self.column.complex) {
            (Binding::Unset, _) => {}
            (Binding::Value, false) => staged.cells.push(self.cell(Change::Value, Span::default(), all)),
            (Binding::Null, false) => {
                staged.cells.push(self.cell(Change::Tombstone, Span::default(), Span::default()))
            }
            // As CQL does it, null for a collection is written as the empty one.
            (Binding::Null, true) => {
                staged.cells.push(self.cell(Change::Overwrite, Span::default(), Span::default()))
            }
            (Binding::Value, true) => self.overwrite(start, staged)?,
        }
        Ok(())
    }

    /// Stages the elements of the collection or user type whose serialized form begins at `start`,
    /// in the place of what there was.
    fn overwrite(&self, start: usize, staged: &mut Staged) -> Result<()> {
        staged.cells.push(self.cell(Change::Overwrite, Span::default(), Span::default()));
        self.elements(start, staged)
    }

    /// Stages the elements of the collection or user type whose serialized form begins at `start`.
    fn elements(&self, start: usize, staged: &mut Staged) -> Result<()> {
        let first = staged.cells.len();
        match &self.column.ty {
            Type::List { .. } => {
                let Staged { bytes, cells, .. } = staged;
                let elements = frames(bytes, start + 4).flatten();
                cells.extend(elements.map(|element| self.cell(Change::Append, Span::default(), element)));
                return Ok(());
            }
            Type::Set { .. } => {
                let Staged { bytes, cells, .. } = &mut *staged;
                for element in frames(bytes, start + 4).flatten() {
                    self.check_path(element)?;
                    cells.push(self.cell(Change::Value, element, Span::default()));
                }
            }
            Type::Map { .. } => {
                let Staged { bytes, cells, .. } = &mut *staged;
                let mut entries = frames(bytes, start + 4).flatten();
                while let (Some(key), Some(value)) = (entries.next(), entries.next()) {
                    self.check_path(key)?;
                    cells.push(self.cell(Change::Value, key, value));
                }
            }
            _ => {
                let fields: smallvec::SmallVec<[Option<Span>; 16]> = frames(&staged.bytes, start).collect();
                for (index, field) in (0u16..).zip(fields) {
                    if let Some(value) = field {
                        let path = staged.store(&index.to_be_bytes());
                        staged.cells.push(self.cell(Change::Value, path, value));
                    }
                }
                return Ok(());
            }
        }
        self.order_elements(first, staged);
        Ok(())
    }

    /// Puts the elements staged from `first` on into the order of their paths, each once: of equal
    /// ones the first path and the last value stay. They are in order already unless the caller
    /// serialized the value.
    fn order_elements(&self, first: usize, staged: &mut Staged) {
        let Some(ty) = &self.column.path_type else { return };
        let Staged { bytes, cells, .. } = staged;
        let path = |cell: &StagedCell| bytes_of(bytes, cell.path);
        let Some(elements) = cells.get_mut(first..) else { unreachable!("elements begin among the cells") };
        if elements.is_sorted_by(|a, b| ty.compare(path(a), path(b)).is_lt()) {
            return;
        }
        let mut sorted = elements.to_vec();
        sorted.sort_by(|a, b| ty.compare(path(a), path(b)));
        sorted.dedup_by(|next, kept| {
            let equal = ty.compare(path(next), path(kept)).is_eq();
            if equal {
                kept.value = next.value;
            }
            equal
        });
        cells.truncate(first);
        cells.extend(sorted);
    }

    /// Stages what an operation does.
    #[inline]
    pub(super) fn act(&self, action: &Action<&dyn BindValue>, staged: &mut Staged) -> Result<()> {
        match action {
            Action::Set(value) => self.set(*value, staged),
            Action::Delete => {
                self.clear(staged);
                Ok(())
            }
            Action::Add(delta) if self.column.counter => self.increment(*delta, 1, staged),
            Action::Subtract(delta) if self.column.counter => self.increment(*delta, -1, staged),
            Action::Add(value) => self.add_all(*value, staged),
            Action::Subtract(value) => self.remove_all(*value, staged),
            Action::Prepend(value) => self.prepend_all(*value, staged),
            Action::AppendElement(value) => self.list(Change::Append, *value, staged),
            Action::PrependElement(value) => self.list(Change::Prepend, *value, staged),
            Action::RemoveValue(value) => self.list(Change::RemoveValue, *value, staged),
            Action::SetAt { index, value } => self.set_at(*index, *value, staged),
            Action::RemoveAt(index) => self.remove_at(*index, staged),
            Action::AddKey(key) => self.put(*key, None, staged),
            Action::PutKey { key, value } => self.put(*key, Some(*value), staged),
            Action::RemoveKey(key) => self.remove(*key, staged),
            Action::Combine { value, with } => self.combine(*value, *with, staged),
            Action::SetField { field, value } => self.set_field(field, *value, staged),
            Action::RemoveField(field) => self.set_field(field, &None::<i32>, staged),
        }
    }

    /// The value that is there becomes another, of both.
    fn combine(&self, value: &dyn BindValue, with: Combine, staged: &mut Staged) -> Result<()> {
        if self.column.complex || self.column.counter {
            return Err(self.wrong("a column with one value"));
        }
        let value = self.not_null(&self.column.ty, value, staged)?;
        staged.cells.push(self.cell(Change::Combine(with), Span::default(), value));
        Ok(())
    }

    /// Binds a value of that type, which holds several elements; `None` where there is none of
    /// them.
    fn bind_all(&self, ty: &Type, value: &dyn BindValue, staged: &mut Staged) -> Result<Option<usize>> {
        let start = staged.bytes.len();
        let bound = value.bind(ty, &mut staged.bytes).map_err(|e| self.problem(&e))?;
        Ok((bound == Binding::Value).then_some(start))
    }

    /// All elements of a collection are added.
    fn add_all(&self, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        if !self.column.complex || matches!(self.column.ty, Type::Udt { .. }) {
            return Err(self.not_added_to());
        }
        match self.bind_all(&self.column.ty, value, staged)? {
            Some(start) => self.elements(start, staged),
            None => Ok(()),
        }
    }

    fn not_added_to(&self) -> Error {
        match self.column.ty {
            Type::List { .. } | Type::Set { .. } | Type::Map { .. } => {
                self.wrong("a collection that is not frozen")
            }
            _ => self.wrong("a counter"),
        }
    }

    /// All elements of a list are put before the column's.
    fn prepend_all(&self, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let Type::List { frozen: false, .. } = &self.column.ty else {
            return Err(self.wrong("a list that is not frozen"));
        };
        let Some(start) = self.bind_all(&self.column.ty, value, staged)? else { return Ok(()) };
        let Staged { bytes, cells, .. } = staged;
        let first = cells.len();
        let elements = frames(bytes, start + 4).flatten();
        cells.extend(elements.map(|element| self.cell(Change::Prepend, Span::default(), element)));
        // Each comes before those that were prepended earlier.
        let Some(new) = cells.get_mut(first..) else { unreachable!("cells were added") };
        new.reverse();
        Ok(())
    }

    /// All elements that a collection names are deleted.
    fn remove_all(&self, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let keys;
        let (change, ty) = match &self.column.ty {
            Type::List { frozen: false, .. } => (Change::RemoveValue, &self.column.ty),
            Type::Set { frozen: false, .. } => (Change::Tombstone, &self.column.ty),
            Type::Map { entry, frozen: false } => {
                keys = Type::Set { element: std::sync::Arc::new(entry.0.clone()), frozen: true };
                (Change::Tombstone, &keys)
            }
            _ => return Err(self.not_added_to()),
        };
        let Some(start) = self.bind_all(ty, value, staged)? else { return Ok(()) };
        let Staged { bytes, cells, .. } = staged;
        for element in frames(bytes, start + 4).flatten() {
            let (path, value) = match change {
                Change::Tombstone => (element, Span::default()),
                _ => (Span::default(), element),
            };
            self.check_path(path)?;
            cells.push(self.cell(change, path, value));
        }
        Ok(())
    }

    /// A set's element or a map's key gets a value: null deletes it.
    fn put(&self, key: &dyn BindValue, value: Option<&dyn BindValue>, staged: &mut Staged) -> Result<()> {
        let (path_type, value_type) = match &self.column.ty {
            Type::Set { element, frozen: false } if value.is_none() => (&**element, None),
            Type::Map { entry, frozen: false } if value.is_some() => (&entry.0, Some(&entry.1)),
            _ if value.is_some() => return Err(self.wrong("a map that is not frozen")),
            _ => return Err(self.wrong("a set that is not frozen")),
        };
        let path = self.path(path_type, key, staged)?;
        let Some((value, ty)) = value.zip(value_type) else {
            staged.cells.push(self.cell(Change::Value, path, Span::default()));
            return Ok(());
        };
        self.element(Change::Value, path, ty, value, staged)
    }

    /// A set's element or a map's key is deleted.
    fn remove(&self, key: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let path_type = match &self.column.ty {
            Type::Set { element, frozen: false } => &**element,
            Type::Map { entry, frozen: false } => &entry.0,
            _ => return Err(self.wrong("a set or map that is not frozen")),
        };
        let path = self.path(path_type, key, staged)?;
        staged.cells.push(self.cell(Change::Tombstone, path, Span::default()));
        Ok(())
    }

    /// The type of a list's elements.
    fn list_element(&self) -> Result<&Type> {
        match &self.column.ty {
            Type::List { element, frozen: false } => Ok(element),
            _ => Err(self.wrong("a list that is not frozen")),
        }
    }

    /// Something happens to a list by a value.
    fn list(&self, change: Change, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let value = self.not_null(self.list_element()?, value, staged)?;
        staged.cells.push(self.cell(change, Span::default(), value));
        Ok(())
    }

    /// A list's element gets a value by its index: null deletes it, and unset leaves it, which must
    /// be there still.
    fn set_at(&self, index: &dyn BindValue, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let element = self.list_element()?;
        let index = self.index(index, staged)?;
        let start = staged.bytes.len();
        let bound = value.bind(element, &mut staged.bytes).map_err(|e| self.problem(&e))?;
        let (change, value) = match bound {
            Binding::Unset => (Change::KeepAt(index), Span::default()),
            Binding::Null => (Change::RemoveAt(index), Span::default()),
            Binding::Value => (Change::SetAt(index), staged.span_from(start)),
        };
        staged.cells.push(self.cell(change, Span::default(), value));
        Ok(())
    }

    /// A list's element is deleted by its index; unset deletes nothing.
    fn remove_at(&self, index: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        self.list_element()?;
        if index.is_unset() {
            return Ok(());
        }
        let index = self.index(index, staged)?;
        staged.cells.push(self.cell(Change::RemoveAt(index), Span::default(), Span::default()));
        Ok(())
    }

    /// An index of a list.
    fn index(&self, index: &dyn BindValue, staged: &mut Staged) -> Result<i32> {
        let start = staged.bytes.len();
        let span = self.not_null(&Type::Int, index, staged)?;
        let index = staged.get(span).try_into().map_or(-1, i32::from_be_bytes);
        staged.bytes.truncate(start);
        Ok(index)
    }

    /// A user type's field gets a value: null deletes it.
    fn set_field(&self, field: &str, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let Type::Udt { definition, frozen: false } = &self.column.ty else {
            return Err(self.wrong("a user type that is not frozen"));
        };
        let found = (0u16..).zip(&definition.fields).find(|(_, (name, _))| name == field);
        let Some((index, (_, ty))) = found else {
            let text = format!("{} has no field {field}", definition.name);
            return Err(column_problem(self.schema, &self.column.name, text));
        };
        let path = staged.store(&index.to_be_bytes());
        self.element(Change::Value, path, ty, value, staged)
    }

    /// A counter counts the delta, or down by it.
    #[inline]
    fn increment(&self, delta: &dyn BindValue, sign: i64, staged: &mut Staged) -> Result<()> {
        let refuse = |text| Err(column_problem(self.schema, &self.column.name, text));
        let start = staged.bytes.len();
        match delta.bind(&self.column.ty, &mut staged.bytes).map_err(|e| self.problem(&e))? {
            Binding::Unset => return Ok(()),
            Binding::Null => return refuse("a counter can't count null"),
            Binding::Value => {}
        }
        let delta = staged.get(staged.span_from(start)).try_into().map_or(0, i64::from_be_bytes);
        let Some(delta) = delta.checked_mul(sign) else {
            return refuse("a counter can't count down by the smallest number");
        };
        staged.bytes.truncate(start);
        let value = staged.store(&delta.to_be_bytes());
        staged.cells.push(self.cell(Change::Increment, Span::default(), value));
        Ok(())
    }

    /// The whole column is deleted.
    fn clear(&self, staged: &mut Staged) {
        let change = if self.column.complex { Change::Clear } else { Change::Tombstone };
        staged.cells.push(self.cell(change, Span::default(), Span::default()));
    }

    fn element(
        &self,
        change: Change,
        path: Span,
        ty: &Type,
        value: &dyn BindValue,
        staged: &mut Staged,
    ) -> Result<()> {
        let start = staged.bytes.len();
        match value.bind(ty, &mut staged.bytes).map_err(|e| self.problem(&e))? {
            Binding::Unset => {}
            Binding::Null => staged.cells.push(self.cell(Change::Tombstone, path, Span::default())),
            Binding::Value => {
                let value = staged.span_from(start);
                staged.cells.push(self.cell(change, path, value));
            }
        }
        Ok(())
    }

    fn path(&self, ty: &Type, key: &dyn BindValue, staged: &mut Staged) -> Result<Span> {
        let path = self.not_null(ty, key, staged)?;
        self.check_path(path)?;
        Ok(path)
    }

    pub(super) fn not_null(&self, ty: &Type, value: &dyn BindValue, staged: &mut Staged) -> Result<Span> {
        let start = staged.bytes.len();
        let refuse = |what| Err(self.problem(&ValueError::new(ty, what)));
        match value.bind(ty, &mut staged.bytes).map_err(|e| self.problem(&e))? {
            Binding::Value => Ok(staged.span_from(start)),
            Binding::Null => refuse("an element can't be null"),
            Binding::Unset => refuse("an element can't be left unset"),
        }
    }

    fn check_path(&self, path: Span) -> Result<()> {
        let len = (path.end - path.start) as usize;
        if len > MAX_PATH_BYTES { Err(path_too_long(self.schema, &self.column.name, len)) } else { Ok(()) }
    }
}

/// The elements from `start` on to the end, each after an i32 length; a negative one is null. The
/// value was validated when it was serialized.
pub(super) fn frames(bytes: &[u8], start: usize) -> impl Iterator<Item = Option<Span>> {
    let mut at = start;
    std::iter::from_fn(move || {
        let len = i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        at += 4;
        let Ok(len) = usize::try_from(len) else { return Some(None) };
        let begin = at;
        at += len;
        Some(Some(span(begin, at)))
    })
}

/// The operations of a statement so far, to check which may be combined.
#[derive(Debug, Default)]
pub(super) struct Extents(smallvec::SmallVec<[(bool, u32, Extent); 8]>);

impl Extents {
    /// Takes another operation in (`Operation.RawUpdate.isCompatibleWith`): an INSERT names a
    /// column once, an UPDATE sets a column or a field once and does nothing else to a column that
    /// it sets; a DELETE may say anything.
    pub(super) fn add(&mut self, kind: StatementKind, place: &Place<'_>, extent: Extent) -> Result<()> {
        let own = (place.is_static, place.index);
        let mut same = self.0.iter().filter(|(s, i, _)| (*s, *i) == own).map(|(.., e)| e);
        let collides = match kind {
            StatementKind::Insert => same.next().is_some(),
            StatementKind::Update => same.any(|earlier| match (earlier, &extent) {
                (Extent::Whole, _) | (_, Extent::Whole) => true,
                (Extent::Field(earlier), Extent::Field(field)) => earlier == field,
                _ => false,
            }),
            StatementKind::Delete => false,
        };
        if collides {
            let text = "the column is set twice in one statement";
            return Err(column_problem(place.schema, &place.column.name, text));
        }
        self.0.push((own.0, own.1, extent));
        Ok(())
    }
}
