//! The writer: a table's write API over files.

use std::path::Path;
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_rows::{EncodingBase, TableSchema};
use helenus_sstable::ChunkCache;
use helenus_types::{LocalDeletionTime, Timestamp};

use super::buffered::Buffered;
use super::options::BulkOptions;
use super::output::{BulkTable, Output};
use super::sorted::Sorted;
use crate::database::Database;
use crate::engine::{Inner, Parts, Sink, TableCore, TableState};
use crate::error::{Error, ErrorKind, Result};
use crate::key::IntoKey;
use crate::mutate::{BindValues, Delete, Insert, Prepared, StatementPlan, Update, WriteOptions};
use crate::options::{Background, Options};
use crate::random::random_uuid;
use crate::table::Table;
use helenus_schema::{Catalog, TableDef};

/// What takes the writes, and what it does beside that.
pub(super) trait Target: Sink {
    /// Completes the SSTables.
    fn finish(&self) -> Result<()>;
    /// Removes them.
    fn abort(&self) -> Result<()>;
    /// Shows what was written.
    fn with_output(&self, f: &mut dyn FnMut(&Output));
}

/// Writes SSTables of one table into a directory of their own, ready for `nodetool import` and `sstableloader`: the
/// counterpart of Cassandra's `CQLSSTableWriter`.
///
/// What can be written is what a [`Table`] takes, checked as there: whole rows ([`add_row`](Self::add_row)), prepared
/// statements for loops, and INSERT, UPDATE and DELETE with all their parts. Null deletes, [`crate::Unset`] leaves a
/// column out. As nothing is read, there are no conditions, no counters and no elements of a list by index or value.
///
/// ```
/// # fn main() -> helenus::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let out = dir.path().join("out");
/// use helenus::BulkOptions;
///
/// let schema = "CREATE TABLE shop.orders (shop text, at timestamp, total int, PRIMARY KEY (shop, at))";
/// let writer = BulkOptions::new().timestamp(1_700_000_000_000_000).open(&out, schema, "shop", "orders")?;
/// for at in 0..1000i64 {
///     writer.add_row(("Oslo", at, 5))?;
/// }
/// writer.delete("Oslo", 17i64).timestamp(1_700_000_000_000_001).execute()?;
/// let tables = writer.finish()?;
/// assert_eq!(tables.len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// Usable from several threads at once. Dropped without [`finish`](Self::finish) or [`abort`](Self::abort) it leaves
/// unfinished files behind.
#[derive(Debug)]
pub struct BulkWriter {
    table: Table,
    row: Prepared,
    target: Arc<dyn Target>,
}

impl BulkWriter {
    pub(super) fn open_with(
        options: BulkOptions,
        dir: &Path,
        schema: &str,
        keyspace: &str,
        table: &str,
    ) -> Result<Self> {
        if !options.version.is_writable() {
            let text = format!("SSTables of version {} are read and not written", options.version);
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let parsed = Catalog::parse_lenient(schema, &|_, _| None);
        let loaded = parsed.map_err(|error| error.context("the schema"))?;
        for warning in &loaded.warnings {
            tracing::warn!(warning, "the schema");
        }
        let def = loaded.catalog.table(keyspace, table)?;
        if def.schema().compact().is_some() {
            let text = format!("{keyspace}.{table}: tables with COMPACT STORAGE are read and not written");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let state = Arc::new(state_of(def, &options)?);
        options.write.check(&state.schema)?;
        let columns = match &options.columns {
            Some(columns) => columns.clone(),
            None => def.columns().iter().map(|column| column.name.to_string()).collect(),
        };
        let core = TableCore::new(def.id(), TableTag(0), dir.to_owned(), state.clone(), Vec::new());
        let core = Arc::new(core);
        let engine = Options::new().background(Background::Manual).disk(options.disk.clone());
        // The log's segments limit a mutation, and there is no log.
        let engine = engine.clock(options.clock.clone()).log_segment_bytes(u32::MAX);
        let cores = std::slice::from_ref(&core);
        let parts = Parts::of_tables(dir, engine, loaded.catalog, cores, Arc::new(ChunkCache::new(0)));
        let output = Output::new(&options, dir, &state)?;
        let target: Arc<dyn Target> = match options.sorted {
            true => Arc::new(Sorted::new(output, options.expected_partitions)),
            false => Arc::new(Buffered::new(output, options.buffer_bytes)),
        };
        let sink: Arc<dyn Sink> = target.clone();
        // Paths of list elements differ from those of another writer at the same time.
        let host_id = random_uuid();
        let inner = Inner::new(Parts { host_id, sink: Some(sink), write_options: options.write, ..parts });
        let table = Table::new(Database::from_inner(Arc::new(inner)), core);
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        match table.prepare_insert(&names) {
            Ok(row) => Ok(Self { table, row, target }),
            Err(error) => {
                target.abort()?;
                Err(error)
            }
        }
    }

    /// The table's schema.
    pub fn schema(&self) -> Arc<TableSchema> {
        self.table.schema()
    }

    /// Writes a row: values of the columns that [`BulkOptions::columns`] names, by default of all in the order of
    /// their definition.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for values that the table can't have, and for a row that comes too late in a sorted
    /// table; it was not written then, and others can be. Failed writes, after which nothing more is taken.
    pub fn add_row(&self, values: impl BindValues) -> Result<()> {
        self.row.execute(values)
    }

    /// Writes a row with a timestamp or a time to live of its own.
    ///
    /// # Errors
    /// As [`add_row`](Self::add_row).
    pub fn add_row_with(&self, options: &WriteOptions, values: impl BindValues) -> Result<()> {
        self.row.execute_with(options, values)
    }

    /// As [`Table::insert`].
    pub fn insert(&self, key: impl IntoKey, clustering: impl IntoKey) -> Insert<'_> {
        self.table.insert(key, clustering)
    }

    /// As [`Table::update`].
    pub fn update(&self, key: impl IntoKey, clustering: impl IntoKey) -> Update<'_> {
        self.table.update(key, clustering)
    }

    /// As [`Table::delete`].
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        self.table.delete(key, clustering)
    }

    /// As [`Table::delete_partition`].
    pub fn delete_partition(&self, key: impl IntoKey) -> Delete<'_> {
        self.table.delete_partition(key)
    }

    /// As [`Table::prepare`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, statement: StatementPlan) -> Result<Prepared> {
        self.table.prepare(statement)
    }

    /// As [`Table::prepare_insert`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_insert(&self, columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_insert(columns)
    }

    /// As [`Table::prepare_update`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_update(columns)
    }

    /// As [`Table::prepare_delete`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_delete(key, columns)
    }

    /// Completes the SSTables, makes them durable and tells which they are; none if nothing was written.
    ///
    /// # Errors
    /// Failed writes; then nothing is left, as after [`abort`](Self::abort).
    pub fn finish(self) -> Result<Vec<BulkTable>> {
        self.close();
        if let Err(error) = self.target.finish() {
            // The first error is the one to tell.
            self.target.abort().ok();
            return Err(error);
        }
        let mut tables = Vec::new();
        self.target.with_output(&mut |output| tables = output.tables());
        Ok(tables)
    }

    /// Gives up: removes what was written, and the directory if it was made for it.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn abort(self) -> Result<()> {
        self.close();
        self.target.abort()
    }

    /// Statements that are still around are refused from now on.
    fn close(&self) {
        self.table.db.inner.shut();
    }
}

/// What the table's rows are encoded against.
fn state_of(def: &TableDef, options: &BulkOptions) -> Result<TableState> {
    let unsupported = |what: &str| {
        let text = format!("{}.{}: {what}", def.keyspace(), def.name());
        Err(Error::new(ErrorKind::Unsupported, text))
    };
    if def.view().is_some() {
        return unsupported(
            "SSTables of a materialized view can't be written: Cassandra makes them from its table",
        );
    }
    if def.is_counter() {
        return unsupported("SSTables of counters can't be written: only a node counts");
    }
    let (timestamp, ttl) = options.write.given();
    let now = options.clock.now_micros();
    let base = EncodingBase {
        min_timestamp: timestamp.unwrap_or(Timestamp(now)),
        min_local_deletion_time: LocalDeletionTime(
            u32::try_from(now.max(0) / 1_000_000).unwrap_or(u32::MAX).min(LocalDeletionTime::MAX.0),
        ),
        min_ttl: ttl.unwrap_or(def.options().default_time_to_live),
    };
    // Indexes and views of the table are for Cassandra to build when it takes the files.
    Ok(TableState { read_only: None, ..TableState::of(def, base, 0) })
}
