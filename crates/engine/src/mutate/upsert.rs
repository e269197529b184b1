//! INSERT and UPDATE, and their conditions.

use helenus_types::EncodeValue;

use super::action::{Action, Condition, Op, Operand, Part, StatementKind};
use super::batch::Batch;
use super::bind::BindValue;
use super::condition::Outcome;
use super::statement::Statement;
use super::writer::WriteTarget;
use crate::error::Result;
use crate::key::IntoKey;
use crate::table::Table;

impl Table {
    /// Writes a row, which exists from then on even without values. The clustering is `()` in a
    /// table that has none, and where only static columns are set.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.users (id int, at bigint, name text, tags set<text>, PRIMARY KEY (id, at));")?;
    /// let users = db.table("k", "users")?;
    /// users.insert(1, 1000i64).set("name", "Ada").set("tags", vec!["first"]).ttl(86_400).execute()?;
    ///
    /// let written = users.insert(1, 1000i64).set("name", "Bob").if_not_exists().execute()?;
    /// assert!(!written.is_applied());
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(&self, key: impl IntoKey, clustering: impl IntoKey) -> Insert<'_> {
        Insert::new(self.target(), key, clustering)
    }

    /// Writes columns of a row, which exists from then on as long as one of them has a value.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.posts (id int PRIMARY KEY, tags set<text>, votes map<text, int>, log list<text>);
    /// #     CREATE TABLE k.hits (page text PRIMARY KEY, n counter);")?;
    /// let posts = db.table("k", "posts")?;
    /// posts.update(7, ()).add_to_set("tags", "rust").put("votes", "ada", 1).append("log", "seen").execute()?;
    /// posts.update(7, ()).set_at("log", 0, "read").remove_key("votes", "ada").execute()?;
    ///
    /// let hits = db.table("k", "hits")?;
    /// hits.update("/", ()).increment("n", 1).execute()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(&self, key: impl IntoKey, clustering: impl IntoKey) -> Update<'_> {
        Update::new(self.target(), key, clustering)
    }
}

/// An INSERT being built. Nothing is written before [`execute`](Self::execute), which also reports
/// errors of the given values.
#[must_use = "nothing is written before it is executed"]
#[derive(Debug)]
pub struct Insert<'t>(Statement<'t>);

/// An UPDATE being built. Nothing is written before [`execute`](Self::execute), which also reports
/// errors of the given values.
#[must_use = "nothing is written before it is executed"]
#[derive(Debug)]
pub struct Update<'t>(Statement<'t>);

/// A write that waits upon conditions, all of which must hold.
#[must_use = "nothing is written before it is executed"]
#[derive(Debug)]
pub struct Conditional<'t>(Statement<'t>);

impl<'t> Insert<'t> {
    pub(crate) fn new(target: WriteTarget<'t>, key: impl IntoKey, clustering: impl IntoKey) -> Self {
        Self(Statement::new(target, StatementKind::Insert, key, clustering))
    }

    /// Sets a column, static ones too; null deletes its value, [`crate::Unset`] keeps it.
    pub fn set(self, column: &str, value: impl BindValue) -> Self {
        Self(self.0.act(column, &Action::Set(&value)))
    }

    /// Microseconds since 1970, instead of the database's own timestamp.
    pub fn timestamp(self, micros: i64) -> Self {
        Self(self.0.timestamp(micros))
    }

    /// Seconds to live, at most 20 years; 0 for ever, whatever the table's default.
    pub fn ttl(self, seconds: u32) -> Self {
        Self(self.0.ttl(seconds))
    }

    /// Only if there is no such row (no static column, where only static ones are set).
    pub fn if_not_exists(self) -> Conditional<'t> {
        Conditional(self.0.exists(false))
    }

    /// Writes it; it is acknowledged according to the database's durability.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for an invalid write, [`crate::ErrorKind::ReadOnly`],
    /// [`crate::ErrorKind::NotFound`] when the table was dropped; nothing was written then.
    /// Failures of the log.
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

impl<'t> Update<'t> {
    pub(crate) fn new(target: WriteTarget<'t>, key: impl IntoKey, clustering: impl IntoKey) -> Self {
        Self(Statement::new(target, StatementKind::Update, key, clustering))
    }

    /// Sets a column, static ones too: a collection as a whole, replacing what it held. Null
    /// deletes its value, [`crate::Unset`] keeps it. A column or a field is set at most once in a
    /// statement; operations on elements may be combined, and of those on the same element a
    /// deletion wins, then the larger value.
    pub fn set(self, column: &str, value: impl BindValue) -> Self {
        Self(self.0.act(column, &Action::Set(&value)))
    }

    /// Adds an element to a set.
    pub fn add_to_set(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.act(column, &Action::AddKey(&element)))
    }

    /// Removes an element of a set.
    pub fn remove_from_set(self, column: &str, element: impl EncodeValue) -> Self {
        self.remove(column, &element)
    }

    /// Puts an entry into a map; a null value removes it.
    pub fn put(self, column: &str, key: impl EncodeValue, value: impl BindValue) -> Self {
        Self(self.0.act(column, &Action::PutKey { key: &key, value: &value }))
    }

    /// Removes an entry of a map.
    pub fn remove_key(self, column: &str, key: impl EncodeValue) -> Self {
        self.remove(column, &key)
    }

    /// Adds an element at the end of a list.
    pub fn append(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.act(column, &Action::AppendElement(&element)))
    }

    /// Adds an element at the start of a list; of several the last one comes first.
    pub fn prepend(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.act(column, &Action::PrependElement(&element)))
    }

    /// Sets the element of a list at an index, in the list as the statement's operations before
    /// this one leave it. The list is read first, under the partition's lock.
    pub fn set_at(self, column: &str, index: u32, element: impl BindValue) -> Self {
        Self(self.0.act(column, &Action::SetAt { index: &index_value(index), value: &element }))
    }

    /// Removes the element of a list at an index; as [`set_at`](Self::set_at).
    pub fn remove_at(self, column: &str, index: u32) -> Self {
        Self(self.0.act(column, &Action::RemoveAt(&index_value(index))))
    }

    /// Removes all elements of a list that have a value. The list is read first, under the
    /// partition's lock.
    pub fn remove_value(self, column: &str, element: impl EncodeValue) -> Self {
        Self(self.0.act(column, &Action::RemoveValue(&element)))
    }

    /// Sets a field of a user type that is not frozen; null deletes it.
    pub fn set_field(self, column: &str, field: &str, value: impl BindValue) -> Self {
        Self(self.0.act(column, &Action::SetField { field: field.into(), value: &value }))
    }

    /// Adds to a counter, or subtracts. The counter is read first, under the partition's lock.
    pub fn increment(self, column: &str, delta: i64) -> Self {
        Self(self.0.act(column, &Action::Add(&delta)))
    }

    /// Microseconds since 1970, instead of the database's own timestamp.
    pub fn timestamp(self, micros: i64) -> Self {
        Self(self.0.timestamp(micros))
    }

    /// Seconds to live, at most 20 years; 0 for ever, whatever the table's default.
    pub fn ttl(self, seconds: u32) -> Self {
        Self(self.0.ttl(seconds))
    }

    /// Only if the row exists (a static column, where only static ones are set).
    pub fn if_exists(self) -> Conditional<'t> {
        Conditional(self.0.exists(true))
    }

    /// Only if a column compares so with a value; null is equal to null alone, and neither less nor
    /// greater than anything.
    pub fn if_(self, column: &str, op: Op, value: impl BindValue) -> Conditional<'t> {
        Conditional(self.0).if_(column, op, value)
    }

    /// Only if a map's value at a key, or a list's element at an index, compares so with a value;
    /// as [`Conditional::if_element`].
    pub fn if_element(
        self,
        column: &str,
        key: impl BindValue,
        op: Op,
        value: impl BindValue,
    ) -> Conditional<'t> {
        Conditional(self.0).if_element(column, key, op, value)
    }

    /// Only if a field of a user type compares so with a value.
    pub fn if_field(self, column: &str, field: &str, op: Op, value: impl BindValue) -> Conditional<'t> {
        Conditional(self.0).if_field(column, field, op, value)
    }

    /// As [`Insert::execute`].
    ///
    /// # Errors
    /// As there; also damage or failed reads where something is read first.
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

    fn remove(self, column: &str, key: &dyn BindValue) -> Self {
        Self(self.0.act(column, &Action::RemoveKey(&key)))
    }
}

impl<'t> Conditional<'t> {
    pub(super) fn new(statement: Statement<'t>) -> Self {
        Self(statement)
    }

    /// Another condition: a static or regular column compares so with a value; of [`Op::In`] a list
    /// of them.
    pub fn if_(self, column: &str, op: Op, value: impl BindValue) -> Self {
        self.compare(column, Part::Whole, op, &value)
    }

    /// Another condition: a map's value at a key, or a list's element at an index (an `i32`),
    /// compares so with a value. What isn't there is null.
    pub fn if_element(self, column: &str, key: impl BindValue, op: Op, value: impl BindValue) -> Self {
        self.compare(column, Part::Element(&key), op, &value)
    }

    /// Another condition: a field of a user type compares so with a value.
    pub fn if_field(self, column: &str, field: &str, op: Op, value: impl BindValue) -> Self {
        self.compare(column, Part::Field(field.into()), op, &value)
    }

    fn compare(self, column: &str, part: Part<&dyn BindValue>, op: Op, value: &dyn BindValue) -> Self {
        let condition = Condition { column: column.into(), part, op, operand: Operand::One(value) };
        Self(self.0.compare(&condition))
    }

    /// Reads the row and, if the conditions hold, writes; both under the partition's lock, so that
    /// of several conditional writes each sees the result of the one before.
    ///
    /// # Errors
    /// As [`Insert::execute`]; damage or failed reads.
    pub fn execute(self) -> Result<Outcome> {
        self.0.execute_if()
    }

    /// Adds it to a batch, which is then carried out by [`Batch::execute_if`] if the conditions of
    /// all its statements hold.
    ///
    /// # Errors
    /// When it can't be written, or not in this batch, which is then unchanged.
    pub fn add_to(self, batch: &mut Batch) -> Result<()> {
        self.0.add_to(batch)
    }
}

/// An index of a list as an `int`; no list is longer than its range.
pub(super) fn index_value(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
