//! A table as the engine holds it: its schema, its memtables, its SSTables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;
use helenus_commitlog::TableTag;
use helenus_compaction::TaskId;
use helenus_memtable::Memtable;
use helenus_types::{Generation, TableId};
use parking_lot::{Mutex, RwLock};

use super::backlog::Backlog;
use super::buffers::Lookups;
use super::live::LiveTable;
use super::state::TableState;
use crate::metrics::TableCounters;

/// Locks of partitions for what reads before it writes; a power of two.
const PARTITION_LOCKS: usize = 64;

/// One immutable state of the table, which a read sees. Everything acknowledged before it was
/// loaded is in it.
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

/// State that writers share under the read half of the lock; a switch takes the write half.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) memtable: Arc<Memtable>,
    pub(crate) state: Arc<TableState>,
}

/// One table of an open database.
///
/// Invariants:
/// 1. A write appends to the log and inserts into `active.memtable` under one hold of the read
///    lock, so that a switch (under the write lock) finds every record up to the log's position in
///    the memtables it retires.
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
    /// Held while components of its SSTables are made or dropped.
    pub(crate) building: Mutex<()>,
    partition_locks: Box<[Mutex<()>]>,
    /// SSTables that running compactions have, and which has it.
    pub(crate) compacting: Mutex<BTreeMap<Generation, TaskId>>,
    /// Counts ingests: a compaction that ran across one has purged without knowing of what came in.
    pub(crate) ingests: AtomicU64,
    /// Set once the table was dropped: handles to it say so.
    pub(crate) dropped: AtomicBool,
    /// The lag of compaction.
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
        let memtable = state.memtable();
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
            building: Mutex::new(()),
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

    /// Gives memory back that only open cursors need from now on: the database is closed.
    pub(crate) fn let_go(&self) {
        let mut active = self.active.write();
        active.memtable = Arc::new(Memtable::new(active.state.header.clone()));
        self.change_view(|view| View {
            state: view.state.clone(),
            memtables: vec![active.memtable.clone()],
            sstables: view.sstables.iter().map(LiveTable::unopened).collect(),
            lookups: Lookups::default(),
        });
    }

    /// The lock of the partition with that key hash; partitions share locks.
    pub(crate) fn partition_lock(&self, hash: u64) -> &Mutex<()> {
        let at = usize::try_from(hash % PARTITION_LOCKS as u64).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of locks")]
        &self.partition_locks[at]
    }
}

impl View {
    /// The same view with other SSTables: those of `removed` generations gone, `added` there.
    pub(crate) fn with_sstables(&self, removed: &[Generation], added: Vec<LiveTable>) -> Vec<LiveTable> {
        let kept = self.sstables.iter().filter(|t| !removed.contains(&t.generation)).cloned();
        // The columns may have changed since the file was begun.
        let added = added.iter().map(|t| t.in_state(&self.state));
        sorted(kept.chain(added).collect())
    }
}

/// Newest data first, so that point reads may stop early.
fn sorted(mut sstables: Vec<LiveTable>) -> Vec<LiveTable> {
    sstables.sort_by_key(|t| std::cmp::Reverse((t.max_timestamp(), t.generation)));
    sstables
}
