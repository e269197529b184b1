//! Parts of the engine for the crates above it. `helenus-import` reads tables outside of databases,
//! writes SSTables outside of databases, and makes databases from foreign SSTables; `helenus-cql`
//! executes statements.
//! `helenus` doesn't re-export them.
//!
//! * [`ReadOnlyTables`]: tables over SSTables that are only read, and a database of them.
//! * [`SinkTable`] and [`Sink`]: the write API of a table over another receiver of the writes.
//! * [`filled_table`]: a table of no database, in memory, that is filled once and then read.
//! * [`NewDatabase`], and [`IngestTarget`] with [`Ingestion`]: records in the manifest the files
//!   that are brought in.
//! * [`Attachment`], [`with_attachments`], [`AttachedView`]: what an index hangs on a table, and
//!   [`Growth`]: what it adds to the table's writes; see decision 0023.
//! * [`execute_measured`]: a batch that may be too large.
//! * [`apply_schema`], [`now_micros`], [`host_id`]: a statement of CQL that was parsed already, the
//!   clock that it is executed by, and who executes it.
//! * [`is_database`], [`check_complete`]: the kind of a directory.
//! * [`decode_all`], [`READABLE`], [`check_filter`]: whether an SSTable is whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_cql_syntax::Statement;
use helenus_io::{Clock, Disk, ReadFile};
use helenus_memtable::Memtable;
use helenus_rows::{EncodingBase, Header, TableSchema, UpdateRef};
use helenus_schema::{Catalog, SchemaOutcome, SchemaRules, TableDef};
use helenus_sstable::{ChunkCache, Component, SsTable};
use helenus_types::{Generation, LocalDeletionTime, Partitioner, TableId, Timestamp};
use uuid::Uuid;

pub use crate::attachment::{Attachment, GrowingWrite, GrownTable, Growth};
pub use crate::engine::{
    BatchExtent, IngestTarget, IngestedTable, Ingestion, Mutation, NewDatabase, NewSsTable, READABLE, Sink,
    UpdateBytes, check_complete, check_filter, decode_all, is_database,
};
pub use crate::random::random_uuid;
pub use helenus_memtable::{MemtableObserver, ObservedPartition};
pub use helenus_sstable::WriteObserver;

use crate::attachment::Attachments;
use crate::database::Database;
use crate::engine::{self, Destination, LiveTable, SinkSide, TableCore, TableState, View};
use crate::error::{Error, Result};
use crate::key::IntoKey;
use crate::mutate::{
    Batch, Delete, Insert, Prepared, StatementKind, StatementPlan, StatementWriter, Update, WriteOptions,
    WriteTarget,
};
use crate::options::Options;
use crate::table::Table;

/// Applies one schema statement to a database, as [`crate::Database::execute_schema`] does, but by
/// those rules; names without a keyspace are in `keyspace`.
///
/// # Errors
/// As there.
pub fn apply_schema(
    database: &Database,
    statement: &Statement,
    keyspace: Option<&str>,
    rules: SchemaRules,
) -> Result<SchemaOutcome> {
    database.writer.database()?.apply_schema(statement, keyspace, rules)
}

/// The time of a database's clock, in microseconds since 1970.
pub fn now_micros(database: &Database) -> i64 {
    database.set.clock().now_micros()
}

/// Writes a batch as [`Batch::execute`] does, once `check` has seen its extent and let it pass. One
/// that reads before it writes (counters, elements of lists by their index) is not measured.
///
/// # Errors
/// That of `check`, which says why the batch is refused, and as there.
pub fn execute_measured(
    batch: &mut Batch,
    check: &dyn Fn(&BatchExtent) -> std::result::Result<(), String>,
) -> Result<()> {
    batch.execute_checked(Some(&|mutation| check(&mutation.extent()?).map_err(Error::invalid)))
}

/// The identity of a database, which it keeps; `None` for one that is only read.
pub fn host_id(database: &Database) -> Option<Uuid> {
    database.writer.side().map(|side| side.host_id)
}

/// A table of that definition in memory alone, with the rows that `fill` writes to it. Nothing
/// lists it: it lasts as long as its handles. Its partitions come in the order of `partitioner`.
///
/// # Errors
/// Those of `fill`, and when the database is closed.
pub fn filled_table(
    database: &Database,
    def: &TableDef,
    partitioner: Partitioner,
    fill: impl FnOnce(&SinkTable) -> Result<()>,
) -> Result<Table> {
    let set = &database.set;
    set.check_open()?;
    let mut core = None;
    let sink = SinkTable::new(def, WriteOptions::default(), set.clock(), |header| {
        let header = Arc::new(Header { partitioner, ..Header::clone(header) });
        let state = TableState {
            header,
            read_only: Some("it is made when it is read"),
            ..TableState::of(def, EncodingBase::EPOCH, 0)
        };
        let made =
            Arc::new(TableCore::new(def.id(), TableTag(0), PathBuf::new(), Arc::new(state), Vec::new()));
        let memtable = made.active.read().memtable.clone();
        core = Some(made);
        Ok(Arc::new(MemtableSink(memtable)))
    })?;
    fill(&sink)?;
    let Some(core) = core else { unreachable!("the sink was made") };
    Ok(Table::new(set, &Arc::new(StatementWriter::nobody()), core))
}

/// Puts mutations into one memtable.
#[derive(Debug)]
struct MemtableSink(Arc<Memtable>);

impl Sink for MemtableSink {
    fn write(&self, mutation: &Mutation) -> Result<()> {
        mutation.updates().try_for_each(|update| {
            let ops = UpdateRef::new(update.bytes)?;
            let token = self.0.header().partitioner.prefix(ops.key());
            self.0.apply(token, [ops], update.min_timestamp)?;
            Ok(())
        })
    }
}

/// Tables outside of any database: they are read, and never written.
#[derive(Clone, Debug)]
pub struct ReadOnlyTables {
    set: Arc<engine::TableSet>,
    writer: Arc<StatementWriter>,
}

/// Finds the SSTables of a table that is to be opened.
pub type OpenSstables = Box<dyn Fn(&TableDef) -> Result<ReadOnlySstables> + Send + Sync>;

/// What a table is opened over that is only read.
#[derive(Debug)]
pub struct ReadOnlySstables {
    /// The directory that errors and metrics name.
    pub dir: PathBuf,
    /// The partitioner of all of them.
    pub partitioner: Partitioner,
    /// The SSTables, which have the table's columns.
    pub sstables: Vec<Arc<SsTable>>,
}

impl ReadOnlyTables {
    /// Tables of that schema in or below a directory, none of them opened yet. `open` is asked for
    /// a table that was not opened when it is wanted.
    pub fn new(
        dir: &Path,
        disk: &Arc<dyn Disk>,
        clock: &Arc<dyn Clock>,
        cache: &Arc<ChunkCache>,
        catalog: Catalog,
        open: Option<OpenSstables>,
    ) -> Self {
        let (disk, clock, cache) = (disk.clone(), clock.clone(), cache.clone());
        let mut set = engine::TableSet::new(dir, disk, clock, cache, catalog, engine::Tables::default());
        set.opener = open.map(|open| {
            let opener = move |set: &engine::TableSet, id| {
                let catalog = set.schema();
                let def = catalog.table_by_id(id).ok_or_else(|| engine::no_table(id))?;
                Ok(open_in(set, def, open(def)?))
            };
            engine::TableOpener(Box::new(opener))
        });
        Self { set: Arc::new(set), writer: Arc::new(StatementWriter::nobody()) }
    }

    /// Their schema.
    pub fn schema(&self) -> Arc<Catalog> {
        self.set.schema()
    }

    /// A table, opened if it is not open.
    ///
    /// # Errors
    /// When there is none of that identity, or it can't be opened.
    pub fn table(&self, id: TableId) -> Result<Table> {
        Ok(Table::new(&self.set, &self.writer, self.set.core(id)?))
    }

    /// Opens a table over SSTables. If it was opened meanwhile, that one stays.
    pub fn open(&self, def: &TableDef, over: ReadOnlySstables) -> Table {
        Table::new(&self.set, &self.writer, open_in(&self.set, def, over))
    }

    /// The same tables as a database that is only read.
    pub fn database(&self) -> Database {
        Database { set: self.set.clone(), writer: self.writer.clone() }
    }
}

fn open_in(set: &engine::TableSet, def: &TableDef, over: ReadOnlySstables) -> Arc<TableCore> {
    let ReadOnlySstables { dir, partitioner, sstables } = over;
    let state = TableState::of(def, EncodingBase::EPOCH, 0);
    let state = Arc::new(TableState {
        header: Arc::new(Header { partitioner, ..(*state.header).clone() }),
        read_only: Some("it is a directory of SSTables, not a database"),
        ..state
    });
    let live = (1..)
        .zip(sstables)
        .map(|(number, sstable)| LiveTable::of_others(Generation(number), set.disk(), sstable, &state));
    let live = live.collect();
    set.add_table(def.id(), |tag| TableCore::new(def.id(), tag, dir, state, live))
}

/// A table whose writes go to a [`Sink`]. It can't be read, so that there are no
/// conditions, no counters and no elements of a list by index or value.
#[derive(Debug)]
pub struct SinkTable {
    core: Arc<TableCore>,
    writer: Arc<StatementWriter>,
}

impl SinkTable {
    /// The table of that definition. The options are the defaults of statements; `sink` receives
    /// the header that rows are encoded against.
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
        let sink = SinkSide::new(sink(&state.header)?, clock.clone());
        let core = Arc::new(TableCore::new(def.id(), TableTag(0), PathBuf::new(), state, Vec::new()));
        Ok(Self { core, writer: Arc::new(StatementWriter::new(Destination::Sink(sink), options)) })
    }

    fn target(&self) -> WriteTarget<'_> {
        WriteTarget { core: &self.core, writer: &self.writer }
    }

    /// The table's schema.
    pub fn schema(&self) -> Arc<TableSchema> {
        self.core.view.load().state.schema.clone()
    }

    /// As [`Table::insert`].
    pub fn insert(&self, key: impl IntoKey, clustering: impl IntoKey) -> Insert<'_> {
        Insert::new(self.target(), key, clustering)
    }

    /// As [`Table::update`].
    pub fn update(&self, key: impl IntoKey, clustering: impl IntoKey) -> Update<'_> {
        Update::new(self.target(), key, clustering)
    }

    /// As [`Table::delete`].
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        Delete::new(self.target(), key, clustering)
    }

    /// As [`Table::delete_partition`].
    pub fn delete_partition(&self, key: impl IntoKey) -> Delete<'_> {
        Delete::partition(self.target(), key)
    }

    /// As [`Table::prepare`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, statement: StatementPlan) -> Result<Prepared> {
        Prepared::new(self.target(), statement)
    }

    /// As [`Table::prepare_insert`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_insert(&self, columns: &[&str]) -> Result<Prepared> {
        Prepared::setting(self.target(), StatementKind::Insert, columns)
    }

    /// As [`Table::prepare_update`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        Prepared::setting(self.target(), StatementKind::Update, columns)
    }

    /// As [`Table::prepare_delete`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        Prepared::deleting(self.target(), key, columns)
    }

    /// Waits for the writes in flight; statements that still exist are refused from now on.
    pub fn close(&self) {
        self.writer.shut_sink();
    }
}

/// A database that is opened with these options has the attachments that `attach` gives for each
/// table. It is asked when a table is opened or made, and after each change of its definition.
#[must_use]
pub fn with_attachments(
    options: Options,
    attach: impl Fn(&TableDef) -> Vec<Arc<dyn Attachment>> + Send + Sync + 'static,
) -> Options {
    Options { attachments: Attachments::new(attach), ..options }
}

/// Makes the components that a table's SSTables lack, because they were written before the table
/// had the attachment, or were brought in. A compaction that began before may still bring such an
/// SSTable: a reader looks for the component of each, and asks again where one is missing.
///
/// # Errors
/// When the database is only read, or reading or writing fails.
pub fn build_attached(table: &Table) -> Result<()> {
    table.writer.database()?.build_attached(&table.core)
}

/// Removes a component from all SSTables of a table. An [`AttachedView`] from before may not find
/// it any more.
///
/// # Errors
/// When the database is only read, or writing fails.
pub fn drop_attached(table: &Table, component: &Component) -> Result<()> {
    table.writer.database()?.drop_attached(&table.core, component)
}

/// What hangs on the memtables and SSTables of a table at one moment: together they have all rows
/// that were acknowledged before.
#[derive(Debug)]
pub struct AttachedView(Arc<View>);

impl AttachedView {
    /// That of a table now.
    pub fn of(table: &Table) -> Self {
        Self(table.core.view.load_full())
    }

    /// The observers of each memtable.
    pub fn memtables(&self) -> impl Iterator<Item = &[Arc<dyn MemtableObserver>]> {
        self.0.memtables.iter().map(|memtable| memtable.observers())
    }

    /// The component of that name of each SSTable; `None` for one that lacks it.
    ///
    /// # Errors
    /// The item, when a component can't be opened or has another length than it was made with.
    pub fn components(
        &self,
        component: &Component,
    ) -> impl Iterator<Item = Result<Option<Arc<dyn ReadFile>>>> {
        self.0.sstables.iter().map(|live| live.attached(component).map(|file| file.open()).transpose())
    }
}
