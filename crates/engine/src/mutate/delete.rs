//! DELETE.

use std::ops::Bound as RangeEnd;

use helenus_rows::{BoundKind, PositionKind};
use helenus_types::EncodeValue;

use super::action::{Action, Op, StatementKind};
use super::batch::Batch;
use super::bind::BindValue;
use super::statement::Statement;
use super::upsert::{Conditional, index_value};
use super::writer::WriteTarget;
use crate::error::Result;
use crate::key::IntoKey;
use crate::table::Table;

impl Table {
    /// Deletes a row, or with a prefix of a clustering all rows that begin with it. The clustering
    /// is `()` if there are no clustering columns, if only static columns are deleted, and with a
    /// range of rows. A whole partition of several rows is deleted by
    /// [`delete_partition`](Self::delete_partition).
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.log (id int, day int, n int, line text, tags map<text, int>, PRIMARY KEY (id, day, n));")?;
    /// use std::ops::Bound::{Excluded, Included};
    ///
    /// let log = db.table("k", "log")?;
    /// log.delete(1, (20, 3)).execute()?; // a row
    /// log.delete(1, 20).execute()?; // a day
    /// log.delete(1, ()).from(Included(10)).to(Excluded((15, 2))).execute()?;
    /// log.delete(1, (21, 1)).column("line").element("tags", "old").execute()?;
    /// log.delete_partition(1).execute()?; // all of it
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        Delete::new(self.target(), key, clustering)
    }
}

impl Table {
    /// Deletes a partition with all its rows and static columns.
    pub fn delete_partition(&self, key: impl IntoKey) -> Delete<'_> {
        Delete::partition(self.target(), key)
    }
}

/// A DELETE being built. Nothing is written before [`execute`](Self::execute), which also reports
/// errors of the given values.
#[must_use = "nothing is deleted before it is executed"]
#[derive(Debug)]
pub struct Delete<'t>(Statement<'t>);

impl<'t> Delete<'t> {
    pub(crate) fn new(target: WriteTarget<'t>, key: impl IntoKey, clustering: impl IntoKey) -> Self {
        Self(Statement::new(target, StatementKind::Delete, key, clustering))
    }

    pub(crate) fn partition(target: WriteTarget<'t>, key: impl IntoKey) -> Self {
        Self(Statement::new(target, StatementKind::Delete, key, ()).whole_partition())
    }

    /// A range of rows, all of them unless [`from`](Self::from) or [`to`](Self::to) say otherwise.
    pub fn rows(self) -> Self {
        Self(self.0.whole_range())
    }

    /// Only rows from those values on, in the table's order: included or not, given in full or as a
    /// prefix, which means all rows that begin with it.
    pub fn from(self, values: RangeEnd<impl IntoKey>) -> Self {
        let start = BoundKind::start;
        match values {
            RangeEnd::Unbounded => self.rows(),
            RangeEnd::Included(values) => self.bound(&values, start(PositionKind::Before)),
            RangeEnd::Excluded(values) => self.bound(&values, start(PositionKind::After)),
        }
    }

    /// Only rows up to those values, as for [`from`](Self::from).
    pub fn to(self, values: RangeEnd<impl IntoKey>) -> Self {
        let end = BoundKind::end;
        match values {
            RangeEnd::Unbounded => self.rows(),
            RangeEnd::Included(values) => self.bound(&values, end(PositionKind::After)),
            RangeEnd::Excluded(values) => self.bound(&values, end(PositionKind::Before)),
        }
    }

    fn bound(self, values: &impl IntoKey, kind: BoundKind) -> Self {
        let statement = self.0;
        Self(values.with_values(|values| statement.bound(values, kind)))
    }

    /// Only that column of the row, static ones too.
    pub fn column(self, column: &str) -> Self {
        Self(self.0.act(column, &Action::Delete))
    }

    /// Only that element of a set, or that key of a map.
    pub fn element(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.act(column, &Action::RemoveKey(&element)))
    }

    /// Only the element of a list at an index. The list is read first, under the partition's lock.
    pub fn element_at(self, column: &str, index: u32) -> Self {
        Self(self.0.act(column, &Action::RemoveAt(&index_value(index))))
    }

    /// Only that field of a user type that is not frozen.
    pub fn field(self, column: &str, field: &str) -> Self {
        Self(self.0.act(column, &Action::RemoveField(field.into())))
    }

    /// Microseconds since 1970, instead of the database's own timestamp: later writes stay.
    pub fn timestamp(self, micros: i64) -> Self {
        Self(self.0.timestamp(micros))
    }

    /// Only if the row exists.
    pub fn if_exists(self) -> Conditional<'t> {
        Conditional::new(self.0.exists(true))
    }

    /// Only if a column compares so with a value; as [`crate::Update::if_`].
    pub fn if_(self, column: &str, op: Op, value: impl BindValue) -> Conditional<'t> {
        Conditional::new(self.0).if_(column, op, value)
    }

    /// Only if a map's value at a key, or a list's element at an index, compares so with a value.
    pub fn if_element(
        self,
        column: &str,
        key: impl BindValue,
        op: Op,
        value: impl BindValue,
    ) -> Conditional<'t> {
        Conditional::new(self.0).if_element(column, key, op, value)
    }

    /// Only if a field of a user type compares so with a value.
    pub fn if_field(self, column: &str, field: &str, op: Op, value: impl BindValue) -> Conditional<'t> {
        Conditional::new(self.0).if_field(column, field, op, value)
    }

    /// As [`crate::Insert::execute`].
    ///
    /// # Errors
    /// As there.
    pub fn execute(self) -> Result<()> {
        self.0.execute()
    }

    /// Adds it to a batch.
    ///
    /// # Errors
    /// When it can't be written, or not in this batch, which is then unchanged.
    pub fn add_to(self, batch: &mut Batch) -> Result<()> {
        self.0.add_to(batch)
    }
}
