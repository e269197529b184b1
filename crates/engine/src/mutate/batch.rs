//! Several writes that become durable and visible in each partition together.

use std::fmt;
use std::sync::Arc;

use helenus_types::Timestamp;

use super::condition::{BatchOutcome, FoundRow};
use super::encode::{WriteTime, entry_of};
use super::errors::table_problem;
use super::options::WriteOptions;
use super::restage::restage;
use super::staged::{Entry, Mark, Staged, StagedOp, Target, check_len};
use super::workspace::Workspace;
use super::write::{Check, commit, commit_if};
use super::writer::StatementWriter;
use crate::database::Database;
use crate::error::{Error, Result};

impl Database {
    /// A batch, empty.
    pub fn batch(&self) -> Batch {
        Batch::new(&self.writer)
    }
}

/// Writes of any tables of one database that are carried out as one: one record of the log, so all
/// of them or none after a crash, and one timestamp. A partition's reader sees all that the batch
/// does to it, or nothing.
///
/// ```
/// # fn main() -> helenus::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let db = helenus::Database::open(dir.path())?;
/// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
/// #     CREATE TABLE k.events (day int, at bigint, what text, PRIMARY KEY (day, at));
/// #     CREATE TABLE k.last (day int PRIMARY KEY, at bigint);")?;
/// let (events, last) = (db.table("k", "events")?, db.table("k", "last")?);
/// let insert = events.prepare_insert(&["day", "at", "what"])?;
/// let mut batch = db.batch();
/// for at in 0..100i64 {
///     insert.add_to(&mut batch, (1, at, "tick"))?;
/// }
/// last.insert(1, ()).set("at", 99i64).add_to(&mut batch)?;
/// batch.execute()?;
/// assert!(batch.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Batch {
    writer: Arc<StatementWriter>,
    pub(super) workspace: Workspace,
    tables: Vec<Entry>,
    /// Whether it is one of counters; `None` while it is empty.
    counters: Option<bool>,
    timestamp: Option<Timestamp>,
    /// Number of its operations.
    len: usize,
}

impl Batch {
    pub(crate) fn new(writer: &Arc<StatementWriter>) -> Self {
        let workspace = *writer.workspaces.take();
        Self {
            writer: writer.clone(),
            workspace,
            tables: Vec::new(),
            counters: None,
            timestamp: None,
            len: 0,
        }
    }

    /// Microseconds since 1970, instead of the database's own timestamp, for those writes that
    /// bring none of their own.
    pub fn timestamp(&mut self, micros: i64) -> &mut Self {
        self.timestamp = Some(Timestamp(micros));
        self
    }

    /// Number of operations: rows, static rows and deletions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Empties the batch and forgets the timestamp; buffers are kept for the next use.
    pub fn clear(&mut self) {
        self.workspace.clear();
        self.tables.clear();
        self.counters = None;
        self.timestamp = None;
        self.len = 0;
    }

    /// Writes the batch, which is then empty. After an error it is unchanged.
    ///
    /// # Errors
    /// As [`crate::Insert::execute`]; a batch of more than half a segment of the log is refused,
    /// and one with conditions, which [`execute_if`](Self::execute_if) is for.
    pub fn execute(&mut self) -> Result<()> {
        self.execute_checked(None)
    }

    /// Writes the batch as [`execute`](Self::execute) does, once `check` has seen the mutation. A
    /// batch of what reads before it writes is not looked at.
    pub(crate) fn execute_checked(&mut self, check: Option<&Check<'_>>) -> Result<()> {
        if !self.workspace.staged.conditions.is_empty() {
            let text = "a batch with conditions is executed by `execute_if`, which tells whether they held";
            return Err(Error::invalid(text));
        }
        if let Some(timestamp) = self.timestamp {
            self.check_timestamp(timestamp)?;
        }
        let Workspace { staged, encoder, .. } = &mut self.workspace;
        commit(self.writer.destination()?, staged, encoder, &mut self.tables, self.timestamp, check)?;
        self.clear();
        Ok(())
    }

    /// Writes the batch if the conditions of all its statements hold, each of which sees the
    /// partition before the batch; then the batch is empty. After a refusal or an error it is
    /// unchanged.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.seats (flight int, seat text, who text, left int static, PRIMARY KEY (flight, seat));")?;
    /// use helenus::Op;
    ///
    /// let seats = db.table("k", "seats")?;
    /// seats.insert(7, ()).set("left", 2).execute()?;
    /// let mut batch = db.batch();
    /// seats.insert(7, "1A").set("who", "Ada").if_not_exists().add_to(&mut batch)?;
    /// seats.update(7, ()).set("left", 1).if_("left", Op::Eq, 2).add_to(&mut batch)?;
    /// assert!(batch.execute_if()?.is_applied());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); a batch with conditions is of one partition and takes no
    /// timestamp, and on one row conditions are comparisons, or that it exists, or that it doesn't.
    pub fn execute_if(&mut self) -> Result<BatchOutcome> {
        if self.workspace.staged.conditions.is_empty() {
            self.execute()?;
            return Ok(BatchOutcome::Applied);
        }
        self.restage();
        self.check_conditions()?;
        let Workspace { staged, encoder, .. } = &mut self.workspace;
        let refused = commit_if(self.writer.destination()?, staged, encoder, &mut self.tables, None)?;
        if let Some(rows) = refused {
            return Ok(BatchOutcome::Refused(rows.into_iter().map(FoundRow::with_key).collect()));
        }
        self.clear();
        Ok(BatchOutcome::Applied)
    }

    /// Rejects statements that can't be combined with conditions.
    fn check_conditions(&self) -> Result<()> {
        let staged = &self.workspace.staged;
        if self.timestamp.is_some() {
            return Err(Error::invalid("a batch with conditions takes no timestamp"));
        }
        let place = |op: &StagedOp| (entry_of(&self.tables, op).core.tag, staged.get(op.key));
        let first = staged.ops.first().map(place);
        if !staged.ops.iter().all(|op| Some(place(op)) == first) {
            return Err(Error::invalid("a batch with conditions is of one partition of one table"));
        }
        Ok(())
    }

    /// Stages what was encoded early.
    fn restage(&mut self) {
        let Workspace { staged, encoder, .. } = &mut self.workspace;
        restage(staged, &mut encoder.builder, &self.tables);
    }

    /// Refuses a timestamp that one of its statements can't have.
    fn check_timestamp(&mut self, timestamp: Timestamp) -> Result<()> {
        // Rows of other tables may have any timestamp from 1970 on.
        if timestamp.0 < 0 || self.counters == Some(true) {
            self.restage();
        }
        for op in &self.workspace.staged.ops {
            let schema = &entry_of(&self.tables, op).state.schema;
            let options = op.options.or(WriteOptions::new().timestamp(timestamp.0));
            options.check(schema)?;
            if matches!(op.target, Target::Partition) {
                options.check_partition_deletion(schema)?;
            }
        }
        Ok(())
    }

    /// Adds staged operations on one table.
    pub(super) fn add_staged(
        &mut self,
        writer: &Arc<StatementWriter>,
        entry: &Entry,
        staged: &Staged,
    ) -> Result<()> {
        self.add(writer, entry, |workspace, table, _| {
            workspace.staged.append(staged, table);
            Ok(())
        })
    }

    /// Lets `put` add a statement on a table, given its index: encoded, or staged. After an error
    /// nothing has changed.
    #[inline]
    pub(super) fn add(
        &mut self,
        writer: &Arc<StatementWriter>,
        entry: &Entry,
        put: impl FnOnce(&mut Workspace, u32, &WriteTime<'_>) -> Result<()>,
    ) -> Result<()> {
        if !Arc::ptr_eq(writer, &self.writer) {
            return Err(Error::invalid("a batch is of one database, the statement is of another"));
        }
        let is_counter = entry.state.schema.is_counter();
        if self.counters.is_some_and(|counters| counters != is_counter) {
            return Err(table_problem(
                &entry.state.schema,
                "counters and other columns can't be in one batch",
            ));
        }
        let table = self.table(entry);
        let Self { writer, workspace, tables, timestamp, .. } = self;
        let destination = writer.destination()?;
        let timestamp = timestamp.filter(|timestamp| timestamp.0 >= 0);
        let first = || WriteTime::next(destination, timestamp, None).moment();
        let time = WriteTime::early(destination, workspace.encoder.builder.early_moment(first));
        let (staged, encoded) = (workspace.staged.mark(), workspace.encoder.builder.mark());
        let done = put(workspace, table, &time).and_then(|()| {
            let ops = settle(workspace, staged, tables, &time);
            workspace.staged.check_len(&entry.state)?;
            check_len(workspace.encoder.builder.len(), &entry.state)?;
            Ok(ops)
        });
        match done {
            Ok(ops) => {
                self.counters = Some(is_counter);
                self.len += ops;
                Ok(())
            }
            Err(error) => {
                workspace.staged.rewind(staged);
                workspace.encoder.builder.rewind(encoded);
                Err(error)
            }
        }
    }

    #[inline]
    fn table(&mut self, entry: &Entry) -> u32 {
        let is = |own: &Entry| Arc::ptr_eq(&own.state, &entry.state);
        let at = self.tables.iter().position(is).unwrap_or_else(|| {
            self.tables.push(entry.clone());
            self.tables.len() - 1
        });
        let Ok(at) = u32::try_from(at) else { unreachable!("no batch has 2^32 tables") };
        at
    }
}

/// Encodes a statement's staged operations if nothing but their moment is open; returns their
/// number.
#[inline]
fn settle(workspace: &mut Workspace, mark: Mark, tables: &[Entry], time: &WriteTime<'_>) -> usize {
    let Workspace { staged, encoder, .. } = workspace;
    let ops = staged.ops.len() - mark.ops;
    if ops == 0 {
        // It is a row that was encoded at once.
        return 1;
    }
    if !staged.waits_since(mark) && encoder.encode_early(staged, mark.ops, tables, time) {
        staged.drop_ops(mark);
    }
    ops
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.writer.workspaces.give(Box::new(std::mem::take(&mut self.workspace)));
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("len", &self.len()).finish_non_exhaustive()
    }
}
