//! Prepared statements: columns are looked up once, values go straight into buffers.

use std::sync::Arc;

use arc_swap::ArcSwap;
use helenus_rows::{BoundKind, ColumnKind, Columns};
use helenus_types::EncodeValue;
use smallvec::SmallVec;

use super::batch::Batch;
use super::bind::{BindValue, BindValues, KeyPart};
use super::columns::Place;
use super::errors::{column_problem, key_column, missing_clustering, table_problem, unknown_column};
use super::options::WriteOptions;
use super::staged::{Entry, Span, Staged, StagedBound, StagedOp, Target};
use super::statement::Kind;
use super::workspace::Workspace;
use super::write::{commit_checked, token_of, write};
use crate::engine::{TableCore, Written};
use crate::error::Result;
use crate::key::{encode_clustering_prefix, encode_partition_key};
use crate::table::Table;

impl Table {
    /// An INSERT of those columns, in any order: all of the key's, or the partition key's and static columns.
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
        Prepared::new(self, Kind::Insert, columns, &[])
    }

    /// An UPDATE: of the columns named, those of the key say which row, the others are set. A counter's value is what
    /// is added to it.
    ///
    /// # Errors
    /// As [`prepare_insert`](Self::prepare_insert).
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        Prepared::new(self, Kind::Update, columns, &[])
    }

    /// A DELETE by those columns of the key, whose values are given: of a row, of all rows that begin with a prefix of
    /// the clustering, of a partition. Or of the row's `columns` alone.
    ///
    /// # Errors
    /// As [`prepare_insert`](Self::prepare_insert).
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        Prepared::new(self, Kind::Delete, key, columns)
    }
}

/// A statement whose columns were looked up: for loops. Values come as [`BindValues`], in the order of the columns.
/// Many threads may use one at once. After a schema change it looks its columns up again.
#[derive(Debug)]
pub struct Prepared {
    table: Table,
    kind: Kind,
    names: Vec<String>,
    deleted: Vec<String>,
    plan: ArcSwap<Plan>,
}

/// Where each value goes, in one state of the table.
#[derive(Debug)]
struct Plan {
    entry: Entry,
    kind: Kind,
    /// Indexes of the values, by the columns of the partition key.
    key: SmallVec<[usize; 4]>,
    /// Likewise of the clustering, or of the beginning of it.
    clustering: SmallVec<[usize; 4]>,
    /// In canonical order.
    statics: Vec<PlannedColumn>,
    regulars: Vec<PlannedColumn>,
    values: usize,
}

#[derive(Clone, Copy, Debug)]
struct PlannedColumn {
    /// Index among the static or regular columns.
    index: usize,
    /// Index of its value; `None` where it is deleted.
    value: Option<usize>,
}

impl Prepared {
    fn new(table: &Table, kind: Kind, names: &[&str], deleted: &[&str]) -> Result<Self> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (names, deleted) = (owned(names), owned(deleted));
        let plan = Plan::new(&table.core, kind, &names, &deleted)?;
        Ok(Self { table: table.clone(), kind, names, deleted, plan: ArcSwap::from_pointee(plan) })
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
    /// As [`crate::Insert::execute`].
    pub fn execute_with(&self, options: &WriteOptions, values: impl BindValues) -> Result<()> {
        let inner = &self.table.db.inner;
        let mut workspace = inner.workspaces.take();
        let options = options.or(inner.write_options);
        let done = values.with_values(|values| self.write(&mut workspace, &options, values));
        inner.workspaces.give(workspace);
        done
    }

    /// Adds a write with those values to a batch.
    ///
    /// # Errors
    /// When the values can't be written, or not in this batch, which stays as it was.
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
        batch.stage(&self.table.db, &plan.entry, |staged, table| {
            values.with_values(|values| plan.stage(values, options, staged, table))
        })
    }

    fn write(
        &self,
        workspace: &mut Workspace,
        options: &WriteOptions,
        values: &[&dyn BindValue],
    ) -> Result<()> {
        let inner = &self.table.db.inner;
        let Workspace { staged, encoder, .. } = workspace;
        loop {
            let plan = self.plan.load();
            plan.stage(values, options, staged, 0)?;
            staged.check_len(&plan.entry.state)?;
            if staged.reads_first() {
                let mut entry = plan.entry.clone();
                let tables = std::slice::from_mut(&mut entry);
                return commit_checked(inner, staged, encoder, tables, None).map(|_| ());
            }
            if write(inner, staged, encoder, std::slice::from_ref(&plan.entry))? == Written::Yes {
                return Ok(());
            }
            let fresh = Plan::new(&self.table.core, self.kind, &self.names, &self.deleted)?;
            self.plan.store(Arc::new(fresh));
            staged.clear();
        }
    }
}

impl Plan {
    fn new(core: &Arc<TableCore>, kind: Kind, names: &[String], deleted: &[String]) -> Result<Self> {
        let entry = Entry::new(core)?;
        let schema = entry.state.schema.clone();
        if kind == Kind::Insert && schema.is_counter() {
            return Err(table_problem(
                &schema,
                "a table of counters has no INSERT: counters are incremented",
            ));
        }
        let mut key: SmallVec<[Option<usize>; 4]> = SmallVec::from_elem(None, schema.partition_key().len());
        let mut clustering: SmallVec<[Option<usize>; 4]> =
            SmallVec::from_elem(None, schema.clustering().len());
        let (mut statics, mut regulars) = (Vec::new(), Vec::new());
        let named = names.iter().enumerate().map(|(at, name)| (name, Some(at)));
        for (name, value) in named.chain(deleted.iter().map(|name| (name, None))) {
            let Some((column, index)) = schema.column(name) else {
                return Err(unknown_column(&schema, name));
            };
            let key_slot: Option<&mut Option<usize>> = match column {
                ColumnKind::PartitionKey => key.get_mut(index),
                ColumnKind::Clustering => clustering.get_mut(index),
                ColumnKind::Static | ColumnKind::Regular => None,
            };
            let columns = if column == ColumnKind::Static { &mut statics } else { &mut regulars };
            let again = match key_slot {
                Some(_) if value.is_none() => return Err(key_column(&schema, name)),
                Some(slot) => slot.replace(value.unwrap_or_default()).is_some(),
                None if kind == Kind::Delete && value.is_some() => {
                    return Err(column_problem(&schema, name, "a column of the key was expected"));
                }
                None => {
                    let again = columns.iter().any(|c: &PlannedColumn| c.index == index);
                    columns.push(PlannedColumn { index, value });
                    again
                }
            };
            if again {
                return Err(column_problem(&schema, name, "the column is named twice"));
            }
        }
        statics.sort_unstable_by_key(|column| column.index);
        regulars.sort_unstable_by_key(|column| column.index);
        if let Some(missing) = key.iter().position(Option::is_none) {
            let name = schema.partition_key().get(missing).map_or("", |column| &*column.name);
            return Err(column_problem(&schema, name, "a part of the partition key is missing"));
        }
        let given = clustering.iter().take_while(|value| value.is_some()).count();
        let total = clustering.iter().flatten().count();
        let whole = given == clustering.len();
        let row_wanted = !regulars.is_empty() || (kind == Kind::Insert && statics.is_empty());
        let prefix_will_do = kind == Kind::Delete && deleted.is_empty();
        if total != given || (!whole && (row_wanted || (given > 0 && !prefix_will_do))) {
            return Err(missing_clustering(&schema, given));
        }
        Ok(Self {
            entry,
            kind,
            key: key.into_iter().flatten().collect(),
            clustering: clustering.into_iter().flatten().collect(),
            statics,
            regulars,
            values: names.len(),
        })
    }

    /// Stages the write with those values.
    fn stage(
        &self,
        values: &[&dyn BindValue],
        options: &WriteOptions,
        staged: &mut Staged,
        table: u32,
    ) -> Result<()> {
        let schema = &*self.entry.state.schema;
        if values.len() != self.values {
            let text = format_args!("{} values were expected, {} given", self.values, values.len());
            return Err(table_problem(schema, text));
        }
        options.check(schema)?;
        let start = staged.bytes.len();
        with_parts(&self.key, values, |parts| encode_partition_key(schema, parts, &mut staged.bytes))?;
        let key = staged.span_from(start);
        let start = staged.bytes.len();
        with_parts(&self.clustering, values, |parts| {
            encode_clustering_prefix(schema, parts, &mut staged.bytes)
        })?;
        let clustering = staged.span_from(start);
        let op = StagedOp {
            table,
            token: token_of(staged.get(key)),
            key,
            target: Target::Static,
            first: staged.cell_count(),
            last: 0,
            options: *options,
        };
        if !self.statics.is_empty() {
            self.stage_columns(true, values, staged)?;
            staged.ops.push(StagedOp { last: staged.cell_count(), ..op.clone() });
        }
        let Some(target) = self.row_target(clustering) else { return Ok(()) };
        if matches!(target, Target::Partition) {
            options.check_partition_deletion(schema)?;
        }
        let first = staged.cell_count();
        self.stage_columns(false, values, staged)?;
        staged.ops.push(StagedOp { target, first, last: staged.cell_count(), ..op });
        Ok(())
    }

    /// What happens beside the static columns.
    #[inline]
    fn row_target(&self, clustering: Span) -> Option<Target> {
        let whole = self.clustering.len() == self.entry.state.schema.clustering().len();
        let row = |insert, delete| Some(Target::Row { clustering, insert, delete });
        match self.kind {
            Kind::Insert if whole => row(true, false),
            Kind::Insert => None,
            _ if !self.regulars.is_empty() => row(false, false),
            _ if self.kind == Kind::Update || !self.statics.is_empty() => None,
            _ if self.clustering.is_empty() => Some(Target::Partition),
            _ if whole => row(false, true),
            _ => {
                let size = u16::try_from(self.clustering.len()).unwrap_or(u16::MAX);
                let end = |kind| StagedBound { kind, size, values: clustering };
                Some(Target::Range(end(BoundKind::InclStart), end(BoundKind::InclEnd)))
            }
        }
    }

    #[inline]
    fn stage_columns(&self, is_static: bool, values: &[&dyn BindValue], staged: &mut Staged) -> Result<()> {
        let schema = &*self.entry.state.schema;
        let columns: &Columns = if is_static { schema.statics() } else { schema.regulars() };
        for planned in if is_static { &self.statics } else { &self.regulars } {
            let Some(column) = columns.get(planned.index) else { continue };
            let index = u32::try_from(planned.index).unwrap_or(u32::MAX);
            let place = Place { schema, column, is_static, index };
            match planned.value.and_then(|at| values.get(at)) {
                None => place.clear(staged),
                Some(delta) if column.counter => place.increment(*delta, staged)?,
                Some(value) => place.set(*value, staged)?,
            }
        }
        Ok(())
    }
}

/// Shows the values at those indexes to `f`.
#[inline]
fn with_parts<R>(
    indexes: &[usize],
    values: &[&dyn BindValue],
    f: impl FnOnce(&[&dyn EncodeValue]) -> R,
) -> R {
    let parts: SmallVec<[KeyPart<'_>; 8]> =
        indexes.iter().filter_map(|&at| values.get(at)).map(|value| KeyPart(*value)).collect();
    let parts: SmallVec<[&dyn EncodeValue; 8]> = parts.iter().map(|part| part as &dyn EncodeValue).collect();
    f(&parts)
}
