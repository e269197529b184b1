//! Options of opening a database.

use std::sync::Arc;
use std::time::Duration;

use helenus_io::{Clock, Disk, RealDisk, SystemClock};
use helenus_sstable::{LateDeletionTimes, Version};

use crate::attachment::Attachments;

/// When a write is acknowledged; see the table in the README and `docs/DURABILITY.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on stable storage; concurrent writers share one sync.
    Sync,
    /// At once, but a write waits while the last completed sync began longer ago than this: a power
    /// cut loses about that much at most.
    Periodic(Duration),
    /// Once the operating system has it: killing the process loses nothing, a power cut loses what
    /// was not yet written out.
    Buffered,
}

/// Who runs background work: flushes, compactions, preparing and syncing the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Threads of the database: one for flushes and the log, this many for compactions.
    Threads(usize),
    /// The caller, with [`Database::step`](crate::Database::step); a write that needs room does it
    /// itself.
    Manual,
}

/// How to open a database: `Options::new().durability(Durability::Sync).open("data")`.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) create_if_missing: bool,
    pub(crate) error_if_exists: bool,
    pub(crate) read_only: bool,
    pub(crate) skip_damaged: bool,
    pub(crate) accept_lost_log: bool,
    pub(crate) durability: Durability,
    pub(crate) memtable_bytes: usize,
    pub(crate) memtable_total_bytes: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) max_open_files: Option<usize>,
    pub(crate) log_segment_bytes: u32,
    pub(crate) log_total_bytes: u64,
    pub(crate) compaction_bytes_per_second: Option<u64>,
    pub(crate) write_timeout: Duration,
    pub(crate) pinned_bytes_limit: Option<u64>,
    pub(crate) sstable_version: Version,
    pub(crate) late_deletion_times: LateDeletionTimes,
    pub(crate) background: Background,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) attachments: Attachments,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// Creates what is missing; [`Durability::Periodic`] of a second; 64 MiB to flush a memtable,
    /// 192 MiB for all of them; 256 MiB of cache; a log of 1 GiB at most; SSTables of version `da`;
    /// two background threads.
    #[must_use]
    pub fn new() -> Self {
        Self {
            create_if_missing: true,
            error_if_exists: false,
            read_only: false,
            skip_damaged: false,
            accept_lost_log: false,
            durability: Durability::Periodic(Duration::from_secs(1)),
            memtable_bytes: 64 << 20,
            memtable_total_bytes: 192 << 20,
            cache_bytes: 256 << 20,
            max_open_files: None,
            log_segment_bytes: 32 << 20,
            log_total_bytes: 1 << 30,
            compaction_bytes_per_second: None,
            write_timeout: Duration::from_secs(10),
            pinned_bytes_limit: None,
            sstable_version: Version::DEFAULT,
            late_deletion_times: LateDeletionTimes::Refuse,
            background: Background::Threads(1),
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::new()),
            attachments: Attachments::default(),
        }
    }

    /// Whether a directory without a database becomes one.
    #[must_use]
    pub fn create_if_missing(mut self, yes: bool) -> Self {
        self.create_if_missing = yes;
        self
    }

    /// Whether a directory that already holds a database is refused.
    #[must_use]
    pub fn error_if_exists(mut self, yes: bool) -> Self {
        self.error_if_exists = yes;
        self
    }

    /// Whether nothing is written: no lock is taken, the log is read into memory and stays
    /// unchanged.
    #[must_use]
    pub fn read_only(mut self, yes: bool) -> Self {
        self.read_only = yes;
        self
    }

    /// Whether SSTables that are damaged or missing are left out of a database that is opened to
    /// [read only](Self::read_only), instead of being errors. Each is decoded when its table is
    /// first opened; [`Database::damaged`](crate::Database::damaged) lists those that were left
    /// out. Data that they deleted in others is shown then.
    #[must_use]
    pub fn skip_damaged(mut self, yes: bool) -> Self {
        self.skip_damaged = yes;
        self
    }

    /// Whether a database that was not closed and whose log is gone, in whole or in part, is opened
    /// all the same: with the flushed data and the rest of the log, which may have holes.
    #[must_use]
    pub fn accept_lost_log(mut self, yes: bool) -> Self {
        self.accept_lost_log = yes;
        self
    }

    /// When writes are acknowledged.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Size in bytes at which a table's memtable is flushed.
    #[must_use]
    pub fn memtable_bytes(mut self, bytes: usize) -> Self {
        self.memtable_bytes = bytes.max(4 << 10);
        self
    }

    /// Budget in bytes of all memtables together, those being flushed included: writers are slowed
    /// as it fills and wait when it is full.
    ///
    /// A write reserves its own bytes before anything is copied. Memory is allocated in chunks of
    /// up to 256 KiB and in tables that double, so each write in flight may exceed the budget by
    /// what its partition's sixteenth of the memtable grows by at once: 256 KiB, or its share of a
    /// table of partitions. A write longer than the whole budget passes alone.
    #[must_use]
    pub fn memtable_total_bytes(mut self, bytes: usize) -> Self {
        self.memtable_total_bytes = bytes.max(8 << 10);
        self
    }

    /// Budget in bytes of the cache of decompressed chunks, shared by all tables. Index pages and
    /// filters that are in memory count against it, with half of it at most.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The most files of SSTables that are open; the least recently used are closed, and opened
    /// again when they are read. By default half of what the process may have open when the
    /// database is opened, at most 4,096: flushes, compactions, the log and the rest of the process
    /// have the other half. A read-only database keeps all open, since a concurrent writer may
    /// remove files that it reads.
    #[must_use]
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = Some(files.max(1));
        self
    }

    /// Size in bytes of a segment of the log; a mutation may be half as large. The first segments
    /// after opening are shorter.
    #[must_use]
    pub fn log_segment_bytes(mut self, bytes: u32) -> Self {
        self.log_segment_bytes = bytes.max(4 << 10);
        self
    }

    /// Size in bytes of the log at which the tables that hold its oldest segments are flushed.
    #[must_use]
    pub fn log_total_bytes(mut self, bytes: u64) -> Self {
        self.log_total_bytes = bytes;
        self
    }

    /// Bytes per second that all compactions together may write; no limit by default.
    #[must_use]
    pub fn compaction_bytes_per_second(mut self, limit: Option<u64>) -> Self {
        self.compaction_bytes_per_second = limit;
        self
    }

    /// The longest that a write waits for room in memory before it is refused with
    /// [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded): ten seconds by default. It waits
    /// while the disk is slower than the writers, or flushes fail.
    #[must_use]
    pub fn write_timeout(mut self, longest: Duration) -> Self {
        self.write_timeout = longest;
        self
    }

    /// The most bytes of memory that open iterators may hold and nothing else needs
    /// ([`pinned_memory_bytes`](crate::DatabaseMetrics::pinned_memory_bytes)): while they hold
    /// more, writes wait, and are refused after [`write_timeout`](Self::write_timeout). No limit by
    /// default.
    #[must_use]
    pub fn pinned_bytes_limit(mut self, limit: Option<u64>) -> Self {
        self.pinned_bytes_limit = limit;
        self
    }

    /// The version of new SSTables of tables that name none
    /// (`extensions = {'helenus_sstable_version': 0x6e62}`); `da` by default. Existing SSTables
    /// stay unchanged until they are compacted.
    #[must_use]
    pub fn sstable_version(mut self, version: Version) -> Self {
        self.sstable_version = version;
        self
    }

    /// The treatment of a write whose expiration the version of the table's SSTables cannot hold:
    /// past 2038-01-19T03:14:06Z in `nb` and `me`, past 2106-02-07T06:28:13Z in the others. It is
    /// refused by default; capped, it expires at that second (`expiration_date_overflow_policy`,
    /// `REJECT` and `CAP_NOWARN`).
    #[must_use]
    pub fn late_deletion_times(mut self, late: LateDeletionTimes) -> Self {
        self.late_deletion_times = late;
        self
    }

    /// Who runs background work.
    #[must_use]
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// The disk, for tests and other file systems.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// The clock for timestamps, expiry and purging.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}
