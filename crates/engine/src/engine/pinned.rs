//! Memory and files that only open iterators still hold: they see one state of a table until they
//! are dropped.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use helenus_memtable::Memtable;
use helenus_sstable::SsTable;
use parking_lot::Mutex;

/// Memtables and SSTables that left their table's view.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    retired: Mutex<Retired>,
    /// Whether more was held than may be when it was looked at last: looked at by each write.
    is_over_limit: AtomicBool,
}

#[derive(Debug, Default)]
struct Retired {
    memtables: Vec<Weak<Memtable>>,
    sstables: Vec<Weak<SsTable>>,
}

/// The amount held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) memory_bytes: u64,
    /// Bytes of files that are no longer live.
    pub(crate) disk_bytes: u64,
}

impl Pinned {
    /// A memtable left the view.
    pub(crate) fn retire_memtable(&self, memtable: &Arc<Memtable>, limit: Option<u64>) {
        self.retired.lock().memtables.push(Arc::downgrade(memtable));
        // The memtable itself counts until its flush has ended: so writes look again before they
        // wait.
        self.look_again(limit);
    }

    /// An SSTable left the view, and its files are removed.
    pub(crate) fn retire_sstable(&self, sstable: &Arc<SsTable>) {
        self.retired.lock().sstables.push(Arc::downgrade(sstable));
    }

    /// Whether more was held than may be.
    #[inline]
    pub(crate) fn is_over_limit(&self) -> bool {
        self.is_over_limit.load(Relaxed)
    }

    /// Looks whether more is held than may be.
    pub(crate) fn look_again(&self, limit: Option<u64>) -> bool {
        let usage = self.usage();
        let is_over = limit.is_some_and(|limit| usage.memory_bytes > limit);
        self.is_over_limit.store(is_over, Relaxed);
        is_over
    }

    /// The amount held.
    pub(crate) fn usage(&self) -> Usage {
        let mut retired = self.retired.lock();
        let mut usage = Usage::default();
        retired.memtables.retain(|memtable| {
            let held = memtable.upgrade();
            usage.memory_bytes += held.as_ref().map_or(0, |held| held.allocated_bytes() as u64);
            held.is_some()
        });
        retired.sstables.retain(|sstable| {
            let held = sstable.upgrade();
            usage.memory_bytes += held.as_ref().map_or(0, |held| held.memory_len() as u64);
            usage.disk_bytes += held.as_ref().map_or(0, |held| held.disk_len());
            held.is_some()
        });
        usage
    }
}
