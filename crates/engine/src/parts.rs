//! Parts of the engine for the crate above it, `helenus-import`: it reads tables that lie in no database, writes
//! SSTables that go into none, and makes databases and tables of SSTables that others wrote. `helenus` doesn't re-export
//! them.
//!
//! * [`TableSet`]: tables over SSTables that are only read.
//! * [`SinkTable`] and [`Sink`]: the write API of a table over what takes the writes.
//! * [`NewDatabase`], and [`IngestTarget`] with [`Ingestion`]: what a manifest must know of files that are brought in.
//! * [`is_database`], [`check_complete`]: what a directory is.

use std::path::Path;
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_io::{Clock, Disk};
use helenus_rows::{EncodingBase, Header, TableSchema};
use helenus_schema::{Catalog, TableDef};
use helenus_sstable::{ChunkCache, SsTable};
use helenus_types::{Generation, LocalDeletionTime, Partitioner, Timestamp};

pub use crate::engine::{
    IngestTarget, IngestedTable, Ingestion, Mutation, NewDatabase, NewSsTable, Sink, UpdateBytes,
    check_complete, is_database,
};
pub use crate::random::random_uuid;

use crate::database::Database;
use crate::engine::{Inner, LiveTable, Parts, TableCore, TableState};
use crate::error::Result;
use crate::key::IntoKey;
use crate::mutate::{Delete, Insert, Prepared, StatementPlan, Update, WriteOptions};
use crate::options::{Background, Options};
use crate::table::Table;

/// Tables that lie in no database: they are read, and never written.
#[derive(Clone, Debug)]
pub struct TableSet(Database);

impl TableSet {
    /// Tables of that schema in or below a directory.
    pub fn new(
        dir: &Path,
        disk: &Arc<dyn Disk>,
        clock: &Arc<dyn Clock>,
        cache: &Arc<ChunkCache>,
        catalog: Catalog,
    ) -> Self {
        let options = Options::new().disk(disk.clone()).clock(clock.clone());
        let options = options.read_only(true).create_if_missing(false).background(Background::Manual);
        let parts = Parts::of_tables(dir, options, catalog, &[], cache.clone());
        Self(Database::from_inner(Arc::new(Inner::new(parts))))
    }

    /// Their schema.
    pub fn schema(&self) -> Arc<Catalog> {
        self.0.schema()
    }

    /// A table over SSTables, all of which have that partitioner and columns that are the table's.
    pub fn table(
        &self,
        dir: &Path,
        def: &TableDef,
        partitioner: Partitioner,
        sstables: Vec<Arc<SsTable>>,
    ) -> Table {
        let state = TableState::of(def, EncodingBase::EPOCH, 0);
        let state = Arc::new(TableState {
            header: Arc::new(Header { partitioner, ..(*state.header).clone() }),
            read_only: Some("it is a directory of SSTables, not a database"),
            ..state
        });
        let disk = self.0.inner.disk();
        let live = (1..).zip(sstables);
        let live =
            live.map(|(number, sstable)| LiveTable::of_others(Generation(number), disk, sstable, &state));
        let live = live.collect();
        let core = TableCore::new(def.id(), TableTag(0), dir.to_owned(), state, live);
        Table::new(self.0.clone(), Arc::new(core))
    }
}

/// A table whose writes go to a [`Sink`]. Nothing of it can be read, so that there are no conditions, no counters and no
/// elements of a list by index or value.
#[derive(Debug)]
pub struct SinkTable(Table);

impl SinkTable {
    /// The table of that definition. Statements that don't say otherwise have those options; `sink` is told what rows
    /// are encoded against.
    ///
    /// # Errors
    /// When the table can't have the options, and those of `sink`.
    pub fn new(
        def: &TableDef,
        options: WriteOptions,
        clock: &Arc<dyn Clock>,
        sink: impl FnOnce(&Arc<Header>) -> Result<Arc<dyn Sink>>,
    ) -> Result<Self> {
        let (timestamp, ttl) = options.given();
        let now = clock.now_micros();
        let base = EncodingBase {
            min_timestamp: timestamp.unwrap_or(Timestamp(now)),
            min_local_deletion_time: LocalDeletionTime(
                u32::try_from(now.max(0) / 1_000_000).unwrap_or(u32::MAX).min(LocalDeletionTime::MAX.0),
            ),
            min_ttl: ttl.unwrap_or(def.options().default_time_to_live),
        };
        // Indexes and views of the table are for Cassandra to build when it takes the files.
        let state = Arc::new(TableState { read_only: None, ..TableState::of(def, base, 0) });
        options.check(&state.schema)?;
        let sink = sink(&state.header)?;
        let core = Arc::new(TableCore::new(def.id(), TableTag(0), "".into(), state, Vec::new()));
        let engine = Options::new().background(Background::Manual).clock(clock.clone());
        // The log's segments limit a mutation, and there is no log.
        let engine = engine.log_segment_bytes(u32::MAX);
        let cores = std::slice::from_ref(&core);
        let cache = Arc::new(ChunkCache::new(0));
        let parts = Parts::of_tables(Path::new(""), engine, Catalog::default(), cores, cache);
        // Paths of list elements differ from those of another writer at the same time.
        let host_id = random_uuid();
        let inner = Inner::new(Parts { host_id, sink: Some(sink), write_options: options, ..parts });
        Ok(Self(Table::new(Database::from_inner(Arc::new(inner)), core)))
    }

    /// The table's schema.
    pub fn schema(&self) -> Arc<TableSchema> {
        self.0.schema()
    }

    /// As [`Table::insert`].
    pub fn insert(&self, key: impl IntoKey, clustering: impl IntoKey) -> Insert<'_> {
        self.0.insert(key, clustering)
    }

    /// As [`Table::update`].
    pub fn update(&self, key: impl IntoKey, clustering: impl IntoKey) -> Update<'_> {
        self.0.update(key, clustering)
    }

    /// As [`Table::delete`].
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        self.0.delete(key, clustering)
    }

    /// As [`Table::delete_partition`].
    pub fn delete_partition(&self, key: impl IntoKey) -> Delete<'_> {
        self.0.delete_partition(key)
    }

    /// As [`Table::prepare`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, statement: StatementPlan) -> Result<Prepared> {
        self.0.prepare(statement)
    }

    /// As [`Table::prepare_insert`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_insert(&self, columns: &[&str]) -> Result<Prepared> {
        self.0.prepare_insert(columns)
    }

    /// As [`Table::prepare_update`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        self.0.prepare_update(columns)
    }

    /// As [`Table::prepare_delete`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        self.0.prepare_delete(key, columns)
    }

    /// Waits for the writes in flight; statements that are still around are refused from now on.
    pub fn close(&self) {
        self.0.db.inner.shut();
    }
}
