//! A table as the engine holds it: its schema, its memtables, its SSTables.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;
use helenus_commitlog::TableTag;
use helenus_memtable::Memtable;
use helenus_rows::{ColumnMap, EncodingBase, Header, TableSchema};
use helenus_sstable::SsTable;
use helenus_types::{Generation, TableId};
use parking_lot::{Mutex, RwLock};

use super::backlog::Backlog;
use super::lookup::Lookups;
use crate::metrics::TableCounters;
use helenus_schema::{TableDef, TableOptions};

/// Locks of partitions for what reads before it writes; a power of two.
const PARTITION_LOCKS: usize = 64;

/// Everything about a table that changes only by a schema change.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) schema: Arc<TableSchema>,
    /// What we encode the table's rows against.
    pub(crate) header: Arc<Header>,
    /// What a memtable's rows go through: where a column was dropped and added again, writes up to the time of the
    /// drop are hidden. `None` for the usual table.
    pub(crate) own: Option<Arc<ColumnMap>>,
    pub(crate) options: Arc<TableOptions>,
    /// Counts changes of the columns; log records carry it.
    pub(crate) layout: u32,
    /// Whether writes go through the log (a property of the keyspace).
    pub(crate) durable_writes: bool,
    /// Why the table can't be written, where it can't: views and indexes that are not maintained.
    pub(crate) read_only: Option<&'static str>,
}

/// A live SSTable.
#[derive(Clone, Debug)]
pub(crate) struct LiveTable {
    pub(crate) generation: Generation,
    pub(crate) level: u32,
    /// When it was written, seconds since 1970.
    pub(crate) created_seconds: u32,
    pub(crate) sstable: Arc<SsTable>,
    /// The way from its columns to the table's; `None` when its rows are encoded as ours and hold nothing of a
    /// dropped column.
    pub(crate) map: Option<Arc<ColumnMap>>,
}

impl LiveTable {
    /// A live SSTable of a table in that state.
    pub(crate) fn new(
        generation: Generation,
        level: u32,
        created_seconds: u32,
        sstable: Arc<SsTable>,
        state: &TableState,
    ) -> Self {
        sstable.set_crc_check_chance(state.options.crc_check_chance);
        let map = state.map_of(&sstable);
        Self { generation, level, created_seconds, sstable, map }
    }
}

/// What a read sees: one immutable state of the table. Everything acknowledged before it was loaded is in it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: Arc<TableState>,
    /// The active memtable first, then those being flushed, newest first.
    pub(crate) memtables: Vec<Arc<Memtable>>,
    /// Newest data first.
    pub(crate) sstables: Vec<LiveTable>,
    /// Buffers of point reads.
    pub(crate) lookups: Lookups,
}

/// What writers share under the read half of the lock; a switch takes the write half.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) memtable: Arc<Memtable>,
    pub(crate) state: Arc<TableState>,
}

/// One table of an open database.
///
/// Invariants:
/// 1. A write appends to the log and inserts into `active.memtable` under one hold of the read lock, so that a
///    switch (under the write lock) finds every record up to the log's position in the memtables it retires.
/// 2. `view.memtables[0]` is `active.memtable`. Views change under `view_changes` only.
/// 3. A memtable leaves the view in the same step that brings the SSTable that was made of it.
#[derive(Debug)]
pub(crate) struct TableCore {
    pub(crate) id: TableId,
    pub(crate) tag: TableTag,
    pub(crate) dir: PathBuf,
    pub(crate) active: RwLock<Active>,
    pub(crate) view: ArcSwap<View>,
    view_changes: Mutex<()>,
    partition_locks: Box<[Mutex<()>]>,
    /// Generations that a running compaction reads.
    pub(crate) compacting: Mutex<BTreeSet<Generation>>,
    /// Counts ingests: a compaction that ran across one has purged without knowing of what came in.
    pub(crate) ingests: AtomicU64,
    /// Set once the table was dropped: handles to it say so.
    pub(crate) dropped: AtomicBool,
    /// How far compaction lags.
    pub(crate) backlog: Backlog,
    pub(crate) counters: TableCounters,
}

impl TableCore {
    pub(crate) fn new(
        id: TableId,
        tag: TableTag,
        dir: PathBuf,
        state: Arc<TableState>,
        sstables: Vec<LiveTable>,
    ) -> Self {
        let memtable = Arc::new(Memtable::new(state.header.clone()));
        let view = View {
            state: state.clone(),
            memtables: vec![memtable.clone()],
            sstables: sorted(sstables),
            lookups: Lookups::default(),
        };
        Self {
            id,
            tag,
            dir,
            active: RwLock::new(Active { memtable, state }),
            view: ArcSwap::from_pointee(view),
            view_changes: Mutex::new(()),
            partition_locks: (0..PARTITION_LOCKS).map(|_| Mutex::new(())).collect(),
            compacting: Mutex::default(),
            ingests: AtomicU64::new(0),
            dropped: AtomicBool::new(false),
            backlog: Backlog::default(),
            counters: TableCounters::default(),
        }
    }

    /// Keyspace and name, for messages.
    pub(crate) fn name(&self) -> String {
        let state = &self.view.load().state;
        format!("{}.{}", state.schema.keyspace(), state.schema.name())
    }

    /// Bytes of its memtables, those being flushed included.
    pub(crate) fn memtable_bytes(&self) -> usize {
        self.view.load().memtables.iter().map(|memtable| memtable.allocated_bytes()).sum()
    }

    /// Publishes the view that `change` makes of the present one.
    pub(crate) fn change_view(&self, change: impl FnOnce(&View) -> View) {
        let _changing = self.view_changes.lock();
        let next = change(&self.view.load());
        self.view.store(Arc::new(next));
    }

    /// The lock of the partition with that key hash; partitions share locks.
    pub(crate) fn partition_lock(&self, hash: u64) -> &Mutex<()> {
        let at = usize::try_from(hash % PARTITION_LOCKS as u64).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of locks")]
        &self.partition_locks[at]
    }
}

impl TableState {
    /// What the engine holds of a table's definition.
    pub(crate) fn of(def: &TableDef, base: EncodingBase, layout: u32) -> Self {
        let header = def.schema().header(base);
        let own = ColumnMap::new(&header, &header, def.schema().dropped());
        Self {
            schema: def.schema().clone(),
            header: Arc::new(header),
            own: (!own.passes_through()).then(|| Arc::new(own)),
            options: def.options().clone(),
            layout,
            durable_writes: def.durable_writes(),
            read_only: def.read_only(),
        }
    }

    /// The way from an SSTable's columns to the table's, where one is needed.
    fn map_of(&self, sstable: &SsTable) -> Option<Arc<ColumnMap>> {
        let map = ColumnMap::new(sstable.header(), &self.header, self.schema.dropped());
        if map.passes_through() { None } else { Some(Arc::new(map)) }
    }
}

impl View {
    /// The same view with other SSTables: those of `removed` generations gone, `added` there.
    pub(crate) fn with_sstables(&self, removed: &[Generation], added: Vec<LiveTable>) -> Vec<LiveTable> {
        let kept = self.sstables.iter().filter(|t| !removed.contains(&t.generation)).cloned();
        // The columns may have changed since the file was begun.
        let added = added.into_iter().map(|t| LiveTable { map: self.state.map_of(&t.sstable), ..t });
        sorted(kept.chain(added).collect())
    }
}

/// Newest data first, so that point reads may stop early.
fn sorted(mut sstables: Vec<LiveTable>) -> Vec<LiveTable> {
    sstables.sort_by_key(|t| std::cmp::Reverse((t.sstable.max_timestamp(), t.generation)));
    sstables
}
