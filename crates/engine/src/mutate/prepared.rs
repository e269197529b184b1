//! Prepared statements: columns are looked up once, values go straight into buffers.

use std::sync::Arc;

use arc_swap::ArcSwap;
use helenus_rows::{ColumnKind, TableSchema};

use super::action::{Action, StatementKind, StatementPlan};
use super::batch::Batch;
use super::bind::{BindValue, BindValues};
use super::condition::Outcome;
use super::encode::WriteTime;
use super::errors::{table_problem, unknown_column};
use super::options::WriteOptions;
use super::plan::Plan;
use super::workspace::Workspace;
use super::write::{commit_if, commit_reading, write};
use super::writer::{StatementWriter, WriteTarget};
use crate::engine::{TableCore, Written};
use crate::error::Result;
use crate::table::Table;

impl Table {
    /// An INSERT of those columns, in any order: all of the key's, or the partition key's and
    /// static columns.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.points (id int, at bigint, x double, y double, PRIMARY KEY (id, at));")?;
    /// use helenus::{Unset, WriteOptions};
    ///
    /// let insert = db.table("k", "points")?.prepare_insert(&["id", "at", "x", "y"])?;
    /// insert.execute((1, 10i64, 0.5, 0.25))?;
    /// insert.execute_with(&WriteOptions::new().ttl(60), (1, 11i64, 0.5, Unset))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unknown columns, one named twice, missing parts of the key; a table that can't be written.
    pub fn prepare_insert(&self, columns: &[&str]) -> Result<Prepared> {
        Prepared::setting(self.target(), StatementKind::Insert, columns)
    }

    /// An UPDATE: of the columns named, those of the key select the row, the others are set. A
    /// counter's value is added to it.
    ///
    /// # Errors
    /// As [`prepare_insert`](Self::prepare_insert).
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        Prepared::setting(self.target(), StatementKind::Update, columns)
    }

    /// A DELETE by those columns of the key, whose values are given: of a row, of all rows that
    /// begin with a prefix of the clustering, of a partition. Or of the row's `columns` alone.
    ///
    /// # Errors
    /// As [`prepare_insert`](Self::prepare_insert).
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        Prepared::deleting(self.target(), key, columns)
    }

    /// Any statement that CQL has: with operations on elements and fields, ranges, conditions.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #     CREATE TABLE k.posts (id int PRIMARY KEY, votes map<text, int>, state text);")?;
    /// use helenus::{Action, Condition, Conditions, Op, Operand, Part, StatementKind, StatementPlan};
    ///
    /// // UPDATE k.posts SET votes[?] = ? WHERE id = ? IF state IN (?, ?)
    /// let mut plan = StatementPlan::new(StatementKind::Update, 5);
    /// plan.operations.push(("votes".into(), Action::PutKey { key: 0, value: 1 }));
    /// plan.key.push(("id".into(), 2));
    /// let operand = Operand::Several(vec![3, 4]);
    /// let condition = Condition { column: "state".into(), part: Part::Whole, op: Op::In, operand };
    /// plan.conditions = Conditions::Columns(vec![condition]);
    /// let vote = db.table("k", "posts")?.prepare(plan)?;
    /// assert!(!vote.execute_if(("ada", 1, 7, "open", "new"))?.is_applied());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Operations that the table doesn't support; a table that can't be written.
    pub fn prepare(&self, statement: StatementPlan) -> Result<Prepared> {
        Prepared::new(self.target(), statement)
    }
}

/// An INSERT or UPDATE of columns that get values.
fn setting(schema: &TableSchema, kind: StatementKind, columns: &[&str]) -> Result<StatementPlan> {
    let mut plan = StatementPlan::new(kind, columns.len());
    for (at, &name) in columns.iter().enumerate() {
        match schema.column(name) {
            None => return Err(unknown_column(schema, name)),
            Some((ColumnKind::PartitionKey | ColumnKind::Clustering, _)) => plan.key.push((name.into(), at)),
            Some(_) if schema.is_counter() => plan.operations.push((name.into(), Action::Add(at))),
            Some(_) => plan.operations.push((name.into(), Action::Set(at))),
        }
    }
    Ok(plan)
}

/// A statement whose columns were looked up: for loops. Values come as [`BindValues`], in the order
/// of the columns. Many threads may use one at once. After a schema change it looks its columns up
/// again.
#[derive(Debug)]
pub struct Prepared {
    core: Arc<TableCore>,
    writer: Arc<StatementWriter>,
    statement: StatementPlan,
    plan: ArcSwap<Plan>,
}

impl Prepared {
    pub(crate) fn new(target: WriteTarget<'_>, statement: StatementPlan) -> Result<Self> {
        let plan = ArcSwap::from_pointee(Plan::new(target.core, &statement)?);
        Ok(Self { core: target.core.clone(), writer: target.writer.clone(), statement, plan })
    }

    /// An INSERT or UPDATE of those columns.
    pub(crate) fn setting(target: WriteTarget<'_>, kind: StatementKind, columns: &[&str]) -> Result<Self> {
        let schema = target.core.view.load().state.schema.clone();
        Self::new(target, setting(&schema, kind, columns)?)
    }

    /// A DELETE by those columns of the key, of those columns.
    pub(crate) fn deleting(target: WriteTarget<'_>, key: &[&str], columns: &[&str]) -> Result<Self> {
        let mut plan = StatementPlan::new(StatementKind::Delete, key.len());
        plan.key = key.iter().enumerate().map(|(at, name)| (Arc::from(*name), at)).collect();
        plan.operations = columns.iter().map(|name| (Arc::from(*name), Action::Delete)).collect();
        Self::new(target, plan)
    }

    /// Writes with those values; acknowledged as the database's durability says.
    ///
    /// # Errors
    /// As [`crate::Insert::execute`].
    #[inline]
    pub fn execute(&self, values: impl BindValues) -> Result<()> {
        self.execute_with(&WriteOptions::default(), values)
    }

    /// Writes with those values, a timestamp or a time to live.
    ///
    /// # Errors
    /// As [`crate::Insert::execute`]; a statement with conditions is refused, since this doesn't
    /// return whether they held.
    pub fn execute_with(&self, options: &WriteOptions, values: impl BindValues) -> Result<()> {
        let writer = &*self.writer;
        let mut workspace = writer.workspaces.take();
        let options = options.or(writer.options);
        let done = values.with_values(|values| self.write(&mut workspace, &options, values));
        writer.workspaces.give(workspace);
        done
    }

    /// Writes with those values if the statement's conditions hold.
    ///
    /// # Errors
    /// As [`crate::Conditional::execute`].
    pub fn execute_if(&self, values: impl BindValues) -> Result<Outcome> {
        self.execute_if_with(&WriteOptions::default(), values)
    }

    /// Writes with those values and a time to live if the statement's conditions hold.
    ///
    /// # Errors
    /// As [`crate::Conditional::execute`].
    pub fn execute_if_with(&self, options: &WriteOptions, values: impl BindValues) -> Result<Outcome> {
        let writer = &*self.writer;
        let mut workspace = writer.workspaces.take();
        let Workspace { staged, encoder, .. } = &mut *workspace;
        let options = options.or(writer.options);
        let plan = self.fresh_plan()?;
        let done = values.with_values(|values| {
            plan.check_values(values, &options)?;
            plan.stage(values, &options, staged, 0)?;
            commit_if(writer.destination()?, staged, encoder, &mut [plan.entry.clone()], None)
        });
        writer.workspaces.give(workspace);
        Ok(Outcome::of(done?))
    }

    /// Adds a write with those values to a batch.
    ///
    /// # Errors
    /// When the values can't be written, or not in this batch, which is then unchanged.
    #[inline]
    pub fn add_to(&self, batch: &mut Batch, values: impl BindValues) -> Result<()> {
        self.add_with(&WriteOptions::default(), batch, values)
    }

    /// Adds a write with those values, a timestamp or a time to live to a batch.
    ///
    /// # Errors
    /// As [`add_to`](Self::add_to).
    pub fn add_with(&self, options: &WriteOptions, batch: &mut Batch, values: impl BindValues) -> Result<()> {
        let plan = self.plan.load();
        batch.add(&self.writer, &plan.entry, |workspace, table, time| {
            values.with_values(|values| plan.put(values, options, workspace, table, time))
        })
    }

    /// The plan for the table's present state.
    fn fresh_plan(&self) -> Result<Arc<Plan>> {
        let plan = self.plan.load_full();
        if Arc::ptr_eq(&plan.entry.state, &self.core.active.read().state) {
            return Ok(plan);
        }
        let fresh = Arc::new(Plan::new(&self.core, &self.statement)?);
        self.plan.store(fresh.clone());
        Ok(fresh)
    }

    fn write(
        &self,
        workspace: &mut Workspace,
        options: &WriteOptions,
        values: &[&dyn BindValue],
    ) -> Result<()> {
        let destination = self.writer.destination()?;
        loop {
            let plan = self.plan.load();
            if plan.is_conditional() {
                let text =
                    "a statement with conditions is executed by `execute_if`, which tells whether they held";
                return Err(table_problem(&plan.entry.state.schema, text));
            }
            let time = WriteTime::next(destination, None, options.now);
            plan.put(values, options, workspace, 0, &time)?;
            let Workspace { staged, encoder, .. } = &mut *workspace;
            if staged.reads_first() || plan.entry.state.grows() {
                return commit_reading(destination, staged, encoder, &mut [plan.entry.clone()], None);
            }
            let (tables, own) = (std::slice::from_ref(&plan.entry), options.timestamp.is_none());
            if write(destination, staged, encoder, tables, &time, own)? == Written::Yes {
                return Ok(());
            }
            self.plan.store(Arc::new(Plan::new(&self.core, &self.statement)?));
            workspace.clear();
        }
    }
}
