//! Structs as rows: the traits that `#[derive(Row)]` implements, and the calls that take and return
//! such structs.

use std::marker::PhantomData;

use helenus_rows::ColumnDef;
use helenus_types::EncodeValue;
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::mutate::{Delete, Insert};
use crate::select::{RowView, Rows};
use crate::table::Table;

/// A type that can be written as a row: `#[derive(helenus::Row)]` implements it for structs with
/// named fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as a row",
    note = "a struct with named fields can, with `#[derive(helenus::Row)]`"
)]
pub trait ToRow {
    /// Passes name and value of each column to `column`, those of the key among them, in any order.
    /// A column that is not passed stays unchanged.
    fn columns<'a>(&'a self, column: &mut dyn FnMut(&'static str, &'a dyn EncodeValue));
}

/// A type that can be read from a row: `#[derive(helenus::Row)]` implements it for structs with
/// named fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a row",
    note = "a struct with named fields can, with `#[derive(helenus::Row)]`"
)]
pub trait FromRow: Sized {
    /// Makes a struct from the columns' values.
    ///
    /// # Errors
    /// When the table lacks a column, or a value doesn't fit the type of its field.
    fn from_row(row: &RowView<'_>) -> Result<Self>;
}

type NamedValues<'a> = SmallVec<[(&'static str, &'a dyn EncodeValue); 16]>;
type KeyValues<'a> = SmallVec<[&'a dyn EncodeValue; 4]>;

impl Table {
    /// Begins an INSERT of a struct's columns; the table's schema says which of them are the key.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let db = helenus::Database::in_memory()?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.users (id int PRIMARY KEY, name text, email text);")?;
    /// #[derive(helenus::Row, Debug, PartialEq)]
    /// struct User {
    ///     id: i32,
    ///     name: String,
    ///     email: Option<String>,
    /// }
    ///
    /// let users = db.table("k", "users")?;
    /// let ada = User { id: 1, name: "Ada".to_owned(), email: None };
    /// users.insert_row(&ada)?.ttl(86_400).execute()?;
    ///
    /// let everyone = users.select();
    /// let found = everyone.rows()?.into_typed().collect::<helenus::Result<Vec<User>>>()?;
    /// assert_eq!(found, [ada]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the struct lacks a column of the partition key. [`Insert::execute`] refuses a
    /// clustering without its last columns.
    pub fn insert_row(&self, row: &impl ToRow) -> Result<Insert<'_>> {
        let columns = columns_of(row);
        let (key, clustering) = self.key_of(&columns)?;
        let insert = self.insert(&key[..], &clustering[..]);
        let schema = self.schema();
        let is_key =
            |name: &str| schema.partition_key().iter().chain(schema.clustering()).any(|c| &*c.name == name);
        let values = columns.iter().filter(|(name, _)| !is_key(name));
        Ok(values.fold(insert, |insert, (name, value)| insert.set(name, value)))
    }

    /// Begins a DELETE of the row that has a struct's key. Its other columns are ignored.
    ///
    /// # Errors
    /// When the struct lacks a column of the key.
    pub fn delete_row(&self, row: &impl ToRow) -> Result<Delete<'_>> {
        let columns = columns_of(row);
        let (key, clustering) = self.key_of(&columns)?;
        if clustering.len() < self.schema().clustering().len() {
            return Err(self.lacks(self.schema().clustering(), &columns));
        }
        Ok(self.delete(&key[..], &clustering[..]))
    }

    /// The values of the key: all of the partition's, and as many of the clustering as are there
    /// from its beginning (none for a struct of static columns).
    fn key_of<'a>(&self, columns: &NamedValues<'a>) -> Result<(KeyValues<'a>, KeyValues<'a>)> {
        let schema = self.schema();
        let named = |key: &[ColumnDef]| -> KeyValues<'a> {
            let value = |column: &ColumnDef| columns.iter().find(|(name, _)| *name == &*column.name);
            key.iter().map_while(|column| value(column).map(|(_, value)| *value)).collect()
        };
        let key = named(schema.partition_key());
        if key.len() < schema.partition_key().len() {
            return Err(self.lacks(schema.partition_key(), columns));
        }
        Ok((key, named(schema.clustering())))
    }

    #[cold]
    fn lacks(&self, key: &[ColumnDef], columns: &NamedValues<'_>) -> Error {
        let schema = self.schema();
        let is_there = |column: &&ColumnDef| columns.iter().any(|(name, _)| *name == &*column.name);
        let lacking: Vec<&str> =
            key.iter().filter(|column| !is_there(column)).map(|column| &*column.name).collect();
        Error::invalid(format!(
            "{}.{}: the row lacks columns of the key: {}",
            schema.keyspace(),
            schema.name(),
            lacking.join(", ")
        ))
    }
}

fn columns_of<'a>(row: &'a impl ToRow) -> NamedValues<'a> {
    let mut columns = NamedValues::new();
    row.columns(&mut |name, value| columns.push((name, value)));
    columns
}

impl Rows {
    /// The rows as structs.
    #[must_use]
    pub fn into_typed<T: FromRow>(self) -> TypedRows<T> {
        TypedRows { rows: self, made: PhantomData }
    }
}

/// The rows of a query, each made into a `T`.
#[derive(Debug)]
pub struct TypedRows<T> {
    rows: Rows,
    made: PhantomData<fn() -> T>,
}

impl<T: FromRow> Iterator for TypedRows<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let row = self.rows.next().transpose()?;
        Some(row.and_then(|row| T::from_row(&row)))
    }
}
