//! A row of a query's result.

use std::sync::Arc;

use helenus_rows::{Assembler, Cell, Column, ColumnFilter, ColumnKind, RowRef, TableSchema};
use helenus_types::{DecodeValue, Reader, Timestamp, Token, Type, Value};

use super::cells::{Cells, ColumnValues};
use super::projection::{Projection, no_column};
use super::row_key::RowKey;
use super::scratch::Scratch;
use crate::engine::TableState;
use crate::error::{Error, ErrorKind, Result};

/// A row as a query sees it: its key, its visible cells and those of its partition's static row.
/// It is borrowed from the cursor until the next row; [`to_row`](Self::to_row) copies it.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    pub(super) state: &'a Arc<TableState>,
    pub(super) key: &'a [u8],
    pub(super) row: Option<RowRef<'a>>,
    pub(super) static_row: Option<RowRef<'a>>,
    pub(super) projection: Option<&'a Arc<Projection>>,
    pub(super) scratch: &'a Scratch,
    pub(super) now: u32,
}

/// The name or index of a column of a row: an index into
/// [`Select::columns`](crate::Select::columns) if it was called, otherwise into the table's
/// columns: those of the partition key, of the clustering, the static ones, the regular ones, as
/// [`TableSchema`] lists them.
pub trait ColumnIndex {
    /// Kind of the column, and index in its kind.
    ///
    /// # Errors
    /// When the row has no such column.
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)>;
}

impl ColumnIndex for str {
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)> {
        row.schema().column(self).ok_or_else(|| no_column(row.schema(), self))
    }
}

impl ColumnIndex for String {
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)> {
        ColumnIndex::find(self.as_str(), row)
    }
}

impl ColumnIndex for Arc<str> {
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)> {
        ColumnIndex::find(&**self, row)
    }
}

impl ColumnIndex for usize {
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)> {
        let schema = row.schema();
        let found = match row.projection {
            Some(projection) => projection.order.get(*self).copied(),
            None => in_table_order(schema, *self),
        };
        found.ok_or_else(|| {
            let place = format!("{}.{}", schema.keyspace(), schema.name());
            Error::invalid(format!("{place}: the query has no column with the index {self}"))
        })
    }
}

impl<T: ColumnIndex + ?Sized> ColumnIndex for &T {
    fn find(&self, row: &RowView<'_>) -> Result<(ColumnKind, usize)> {
        ColumnIndex::find(&**self, row)
    }
}

fn in_table_order(schema: &TableSchema, index: usize) -> Option<(ColumnKind, usize)> {
    let mut left = index;
    for (kind, len) in [
        (ColumnKind::PartitionKey, schema.partition_key().len()),
        (ColumnKind::Clustering, schema.shown_clustering().len()),
        (ColumnKind::Static, schema.statics().len()),
        (ColumnKind::Regular, schema.regulars().len()),
    ] {
        if left < len {
            return Some((kind, left));
        }
        left -= len;
    }
    None
}

impl<'a> RowView<'a> {
    /// The schema of the row.
    pub fn schema(&self) -> &'a TableSchema {
        &self.state.schema
    }

    /// The raw partition key.
    #[inline]
    pub fn partition_key(&self) -> &'a [u8] {
        self.key
    }

    /// The row's key; for a partition of which only the static row is shown, that of the partition.
    pub fn row_key(&self) -> RowKey {
        RowKey::new(self.key, self.row.map(|row| row.clustering))
    }

    /// The partition's token: CQL's `token(…)` of its key.
    pub fn token(&self) -> Token {
        self.state.header.partitioner.prefix(self.key)
    }

    /// Serialized values of the partition key's columns.
    ///
    /// # Errors
    /// When the key's bytes are not what the schema says.
    pub fn partition_key_values(&self) -> Result<Vec<&'a [u8]>> {
        Ok(self.schema().split_partition_key(self.key)?)
    }

    /// Serialized values of the clustering columns, `None` where one is null; no values for a
    /// partition of which only the static row is shown.
    #[inline]
    pub fn clustering_values(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        self.row
            .into_iter()
            .flat_map(|row| row.header.clustering.components(row.clustering, row.header.clustering.len()))
    }

    /// The serialized value of a column of the partition key.
    ///
    /// # Errors
    /// Where the bytes are not a key's.
    #[inline]
    pub fn partition_key_value(&self, index: usize) -> Result<&'a [u8]> {
        if self.schema().partition_key().len() == 1 {
            return Ok(self.key);
        }
        let mut reader = Reader::new(self.key);
        for _ in 0..index {
            reader.u16_bytes()?;
            reader.u8()?;
        }
        Ok(reader.u16_bytes()?)
    }

    /// Whether this is a partition without a row, shown for its static columns.
    pub fn is_static_only(&self) -> bool {
        self.row.is_none()
    }

    /// The second that the row is read at.
    pub fn now_seconds(&self) -> u32 {
        self.now
    }

    /// A column's value, by the column's name or its [index](ColumnIndex), as one of Rust's types:
    /// an `Option` where it may be null, `&str` and `&[u8]` without a copy, a [`Value`] for any
    /// type. A collection is returned as a whole, a counter as its total.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema(
    /// #     "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #      CREATE TABLE ks.users (id bigint PRIMARY KEY, name text, age int, tags set<text>);",
    /// # )?;
    /// # let users = db.table("ks", "users")?;
    /// users.insert(7i64, ()).set("name", "Ada").set("tags", ["a", "b"]).execute()?;
    /// let mut rows = users.select().key(7i64).rows()?;
    /// while let Some(row) = rows.next()? {
    ///     assert_eq!(row.get::<i64>("id")?, 7);
    ///     assert_eq!(row.get::<&str>("name")?, "Ada");
    ///     assert_eq!(row.get::<Option<i32>>("age")?, None);
    ///     assert_eq!(row.get::<Vec<String>>("tags")?, ["a", "b"]);
    /// }
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is no such column, or its value can't be read as a `T`.
    pub fn get<T: DecodeValue<'a>>(&self, column: impl ColumnIndex) -> Result<T> {
        let (kind, index) = column.find(self)?;
        let value = self.value_of(kind, index)?;
        let ty = self.type_of(kind, index);
        T::decode(ty, value).map_err(|error| {
            let (schema, name) = (self.schema(), self.name_of(kind, index));
            let place = format_args!("{}.{}, column {name}", schema.keyspace(), schema.name());
            Error::with(ErrorKind::Invalid, error).context(place)
        })
    }

    /// The decoded value of a column: [`Value::Null`] when it has none, a whole collection, a
    /// counter's total.
    ///
    /// # Errors
    /// When there is no such column, or the bytes are no value of its type.
    pub fn value(&self, column: impl ColumnIndex) -> Result<Value> {
        self.get(column)
    }

    /// When the value of a column was written: CQL's `WRITETIME`. `None` when it has none.
    ///
    /// # Errors
    /// When there is no such column, or it is of the key, or a collection, whose
    /// [`elements`](Self::elements) each have a time.
    pub fn writetime(&self, column: impl ColumnIndex) -> Result<Option<Timestamp>> {
        Ok(self.simple_cell(column, "write time")?.map(|cell| cell.timestamp))
    }

    /// The remaining seconds of a column's value, if it expires: CQL's `TTL`.
    ///
    /// # Errors
    /// As [`writetime`](Self::writetime).
    pub fn ttl(&self, column: impl ColumnIndex) -> Result<Option<u32>> {
        Ok(self.simple_cell(column, "time to live")?.and_then(|cell| cell.remaining_ttl(self.now)))
    }

    /// The visible cells of one static or regular column: for a collection its elements in the
    /// order of their paths, each with its timestamp and ttl; for any other column at most one.
    ///
    /// # Errors
    /// When there is no such column, or it is of the key; where the bytes are not a row's.
    pub fn elements(&self, column: impl ColumnIndex) -> Result<Cells<'a>> {
        let (kind, index) = column.find(self)?;
        self.column_of(kind, index)?;
        Ok(self.cells_of(kind)?.of_column(index))
    }

    /// The visible element of a collection or user type with that path: a map's serialized key, a
    /// set's element, a list's time UUID, the index of a user type's field in two bytes.
    ///
    /// # Errors
    /// As [`elements`](Self::elements).
    pub fn element(&self, column: impl ColumnIndex, path: &[u8]) -> Result<Option<Cell<'a>>> {
        let mut cells = self.elements(column)?;
        while let Some((_, cell)) = cells.next()? {
            if cell.path == path {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }

    /// The visible cells, in the order of [`TableSchema::regulars`]; those of a collection follow
    /// one another in the order of their paths.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[expect(clippy::inline_always, reason = "moving a reader of cells takes longer than making one")]
    #[inline(always)]
    pub fn cells(&self) -> Result<Cells<'a>> {
        Cells::new(self.row, self.now, self.shown().map(|shown| (shown, false)))
    }

    /// The visible static cells, in the order of [`TableSchema::statics`].
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[expect(clippy::inline_always, reason = "moving a reader of cells takes longer than making one")]
    #[inline(always)]
    pub fn static_cells(&self) -> Result<Cells<'a>> {
        Cells::new(self.static_row, self.now, self.shown().map(|shown| (shown, true)))
    }

    /// The serialized values of the static or of the regular columns, in one pass over the row;
    /// none for a key's columns.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[inline]
    pub fn values(&self, kind: ColumnKind) -> Result<ColumnValues<'a>> {
        let schema = self.schema();
        match kind {
            ColumnKind::Static => ColumnValues::new(self.static_cells()?, schema.statics()),
            ColumnKind::Regular => ColumnValues::new(self.cells()?, schema.regulars()),
            ColumnKind::PartitionKey | ColumnKind::Clustering => {
                ColumnValues::new(Cells::new(None, self.now, None)?, schema.regulars())
            }
        }
    }

    /// The first visible cell of a column, with its timestamp and ttl; for a collection
    /// [`elements`](Self::elements) has them all.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    pub fn cell(&self, kind: ColumnKind, index: usize) -> Result<Option<Cell<'a>>> {
        Ok(self.cells_of(kind)?.of_column(index).next()?.map(|(_, cell)| cell))
    }

    /// Appends the serialized value of a column, a collection in its frozen form and a counter as
    /// its total; false, and nothing appended, when it has none.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    pub fn serialized(&self, kind: ColumnKind, index: usize, out: &mut Vec<u8>) -> Result<bool> {
        if self.is_assembled(kind, index) {
            return self.assemble(kind, index, out);
        }
        let value = self.value_of(kind, index)?;
        out.extend_from_slice(value.unwrap_or_default());
        Ok(value.is_some())
    }

    /// The serialized value of a column; `None` is null.
    fn value_of(&self, kind: ColumnKind, index: usize) -> Result<Option<&'a [u8]>> {
        match kind {
            ColumnKind::PartitionKey => self.partition_key_value(index).map(Some),
            ColumnKind::Clustering => Ok(self.clustering_values().nth(index).flatten()),
            ColumnKind::Static | ColumnKind::Regular if self.is_assembled(kind, index) => {
                self.scratch.value((kind, index), |out| self.assemble(kind, index, out))
            }
            ColumnKind::Static | ColumnKind::Regular => Ok(self.cell(kind, index)?.map(|cell| cell.value)),
        }
    }

    /// Whether a column's value is not the bytes of one cell.
    fn is_assembled(&self, kind: ColumnKind, index: usize) -> bool {
        let schema = self.schema();
        let column = match kind {
            ColumnKind::Static => schema.statics().get(index),
            ColumnKind::Regular => schema.regulars().get(index),
            ColumnKind::PartitionKey | ColumnKind::Clustering => None,
        };
        column.is_some_and(|column| column.complex || column.counter)
    }

    /// Appends the value of a column of several cells, or of a counter; false when it has none.
    fn assemble(&self, kind: ColumnKind, index: usize, out: &mut Vec<u8>) -> Result<bool> {
        let column = self.column_of(kind, index)?;
        let mut cells = self.cells_of(kind)?.of_column(index);
        if column.counter {
            let Some((_, cell)) = cells.next()? else { return Ok(false) };
            out.extend_from_slice(&cell.counter_total()?.to_be_bytes());
            return Ok(true);
        }
        let mut assembler = Assembler::new(&column.ty, out);
        while let Some((_, cell)) = cells.next()? {
            assembler.push(&cell, out);
        }
        Ok(assembler.finish(out))
    }

    fn cells_of(&self, kind: ColumnKind) -> Result<Cells<'a>> {
        if kind == ColumnKind::Static { self.static_cells() } else { self.cells() }
    }

    fn simple_cell(&self, column: impl ColumnIndex, what: &str) -> Result<Option<Cell<'a>>> {
        let (kind, index) = column.find(self)?;
        let column = self.column_of(kind, index)?;
        if column.complex {
            let (schema, name) = (self.schema(), &column.name);
            let place = format!("{}.{}, column {name}", schema.keyspace(), schema.name());
            return Err(Error::invalid(format!(
                "{place}: each element has a {what} of its own, see elements()"
            )));
        }
        self.cell(kind, index)
    }

    fn column_of(&self, kind: ColumnKind, index: usize) -> Result<&'a Column> {
        let schema = self.schema();
        let column = match kind {
            ColumnKind::Static => schema.statics().get(index),
            ColumnKind::Regular => schema.regulars().get(index),
            ColumnKind::PartitionKey | ColumnKind::Clustering => None,
        };
        column.ok_or_else(|| {
            let (place, name) =
                (format!("{}.{}", schema.keyspace(), schema.name()), self.name_of(kind, index));
            Error::invalid(format!("{place}, column {name}: only columns outside the key have cells"))
        })
    }

    fn type_of(&self, kind: ColumnKind, index: usize) -> &'a Type {
        let ty = self.schema().column_type(kind, index);
        debug_assert!(ty.is_some(), "the column was found in the schema");
        ty.unwrap_or(&Type::Blob)
    }

    fn name_of(&self, kind: ColumnKind, index: usize) -> &'a str {
        let schema = self.schema();
        let name = match kind {
            ColumnKind::PartitionKey => schema.partition_key().get(index).map(|column| &column.name),
            ColumnKind::Clustering => schema.clustering().get(index).map(|column| &column.name),
            ColumnKind::Static => schema.statics().get(index).map(|column| &column.name),
            ColumnKind::Regular => schema.regulars().get(index).map(|column| &column.name),
        };
        name.map_or("", |name| name)
    }

    #[inline]
    fn shown(&self) -> Option<&'a ColumnFilter> {
        self.projection.map(|projection| &projection.shown)
    }
}
