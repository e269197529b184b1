//! Changes of columns, checked against their types and staged.

use helenus_rows::{Column, ColumnKind, TableSchema};
use helenus_types::{Type, ValueError};

use super::bind::{BindValue, Binding};
use super::errors::{column_problem, key_column, path_too_long, unknown_column, wrong_type};
use super::staged::{Change, Span, Staged, StagedCell, span};
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
        Ok(Self { schema, column, is_static, index: u32::try_from(index).unwrap_or(u32::MAX) })
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

    /// Stages the elements of the collection or user type whose serialized form begins at `start`.
    fn overwrite(&self, start: usize, staged: &mut Staged) -> Result<()> {
        staged.cells.push(self.cell(Change::Overwrite, Span::default(), Span::default()));
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

    /// Puts the elements staged from `first` on into the order of their paths, each once, the last one of equals.
    /// They are in order already unless the caller serialized the value.
    fn order_elements(&self, first: usize, staged: &mut Staged) {
        let Some(ty) = &self.column.path_type else { return };
        let Staged { bytes, cells, .. } = staged;
        let path = |cell: &StagedCell| {
            bytes.get(cell.path.start as usize..cell.path.end as usize).unwrap_or_default()
        };
        let elements = cells.get_mut(first..).unwrap_or_default();
        if elements.is_sorted_by(|a, b| ty.compare(path(a), path(b)).is_lt()) {
            return;
        }
        let mut sorted = elements.to_vec();
        sorted.sort_by(|a, b| ty.compare(path(a), path(b)));
        sorted.reverse();
        sorted.dedup_by(|a, b| ty.compare(path(a), path(b)).is_eq());
        sorted.reverse();
        cells.truncate(first);
        cells.extend(sorted);
    }

    /// A set's element or a map's key gets a value: null deletes it.
    pub(super) fn put(
        &self,
        key: &dyn BindValue,
        value: Option<&dyn BindValue>,
        staged: &mut Staged,
    ) -> Result<()> {
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
    pub(super) fn remove(&self, key: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let path_type = match &self.column.ty {
            Type::Set { element, frozen: false } => &**element,
            Type::Map { entry, frozen: false } => &entry.0,
            _ => return Err(self.wrong("a set or map that is not frozen")),
        };
        let path = self.path(path_type, key, staged)?;
        staged.cells.push(self.cell(Change::Tombstone, path, Span::default()));
        Ok(())
    }

    /// Something happens to a list by a value.
    pub(super) fn list(&self, change: Change, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        let Type::List { element, frozen: false } = &self.column.ty else {
            return Err(self.wrong("a list that is not frozen"));
        };
        if let Change::SetAt(index) = change {
            let start = staged.bytes.len();
            let bound = value.bind(element, &mut staged.bytes).map_err(|e| self.problem(&e))?;
            match bound {
                Binding::Unset => {}
                Binding::Null => {
                    staged.cells.push(self.cell(Change::RemoveAt(index), Span::default(), Span::default()))
                }
                Binding::Value => {
                    let value = staged.span_from(start);
                    staged.cells.push(self.cell(change, Span::default(), value));
                }
            }
            return Ok(());
        }
        let value = self.not_null(element, value, staged)?;
        staged.cells.push(self.cell(change, Span::default(), value));
        Ok(())
    }

    /// A list's element is deleted by its index.
    pub(super) fn remove_at(&self, index: u32, staged: &mut Staged) -> Result<()> {
        let Type::List { frozen: false, .. } = &self.column.ty else {
            return Err(self.wrong("a list that is not frozen"));
        };
        staged.cells.push(self.cell(Change::RemoveAt(index), Span::default(), Span::default()));
        Ok(())
    }

    /// A user type's field gets a value: null deletes it.
    pub(super) fn set_field(&self, field: &str, value: &dyn BindValue, staged: &mut Staged) -> Result<()> {
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

    /// A counter counts.
    #[inline]
    pub(super) fn increment(&self, delta: &dyn BindValue, staged: &mut Staged) -> Result<()> {
        if !self.column.counter {
            return Err(self.wrong("a counter"));
        }
        let start = staged.bytes.len();
        match delta.bind(&self.column.ty, &mut staged.bytes).map_err(|e| self.problem(&e))? {
            Binding::Unset => Ok(()),
            Binding::Null => {
                Err(column_problem(self.schema, &self.column.name, "a counter can't count null"))
            }
            Binding::Value => {
                let value = staged.span_from(start);
                staged.cells.push(self.cell(Change::Increment, Span::default(), value));
                Ok(())
            }
        }
    }

    /// The whole column is deleted.
    pub(super) fn clear(&self, staged: &mut Staged) {
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

    fn not_null(&self, ty: &Type, value: &dyn BindValue, staged: &mut Staged) -> Result<Span> {
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

/// The elements from `start` on to the end, each behind an i32 length; a negative one is null. The value was
/// validated when it was serialized.
fn frames(bytes: &[u8], start: usize) -> impl Iterator<Item = Option<Span>> {
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
