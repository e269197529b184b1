//! DELETE.

use std::ops::Bound as RangeEnd;

use helenus_rows::{BoundKind, PositionKind};
use helenus_types::EncodeValue;

use super::batch::Batch;
use super::bind::BindValue;
use super::condition::Op;
use super::statement::{Kind, Statement};
use super::upsert::Conditional;
use crate::error::Result;
use crate::key::IntoKey;
use crate::table::Table;

impl Table {
    /// Deletes a row; with the beginning of a clustering all rows that begin so; with none, `()`, the partition.
    /// Or a range of a partition's rows, or columns of a row.
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
    /// log.delete(1, ()).execute()?; // all of it
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        Delete(Statement::new(self, Kind::Delete, key, clustering))
    }
}

/// A DELETE in the making. Nothing is written before [`execute`](Self::execute), which also tells what is wrong with
/// the values that were given.
#[must_use = "nothing is deleted before it is executed"]
#[derive(Debug)]
pub struct Delete<'t>(Statement<'t>);

impl<'t> Delete<'t> {
    /// A range of rows, all of them unless [`from`](Self::from) or [`to`](Self::to) say otherwise.
    pub fn rows(self) -> Self {
        Self(self.0.whole_range())
    }

    /// Only rows from those values on, in the table's order: included or not, given in full or as a prefix, which
    /// then stands for all rows that begin with it.
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
        Self(self.0.change(column, |place, staged| {
            place.clear(staged);
            Ok(())
        }))
    }

    /// Only that element of a set, or that key of a map.
    pub fn element(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.change(column, |place, staged| place.remove(&element, staged)))
    }

    /// Only the element of a list at an index. The list is read first, under the partition's lock.
    pub fn element_at(self, column: &str, index: u32) -> Self {
        Self(self.0.change(column, |place, staged| place.remove_at(index, staged)))
    }

    /// Only that field of a user type that is not frozen.
    pub fn field(self, column: &str, field: &str) -> Self {
        Self(self.0.change(column, |place, staged| place.set_field(field, &None::<i32>, staged)))
    }

    /// Microseconds since 1970, instead of the database's own timestamp: what was written later stays.
    pub fn timestamp(self, micros: i64) -> Self {
        Self(self.0.timestamp(micros))
    }

    /// Only if the row exists.
    pub fn if_exists(self) -> Conditional<'t> {
        Conditional::new(self.0, Some(true))
    }

    /// Only if a column compares so with a value; as [`crate::Update::if_`].
    pub fn if_(self, column: &str, op: Op, value: impl BindValue) -> Conditional<'t> {
        Conditional::new(self.0, None).if_(column, op, value)
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
    /// When it can't be written, or not in this batch, which stays as it was.
    pub fn add_to(self, batch: &mut Batch) -> Result<()> {
        self.0.add_to(batch)
    }
}
