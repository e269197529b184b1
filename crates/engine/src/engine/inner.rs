//! What all handles of an open database share.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, OnceLock};

use helenus_commitlog::{CommitLog, TableTag};
use helenus_io::{Clock, Disk, OwnProcess};
use helenus_sstable::ChunkCache;
use helenus_types::{Generation, LogPosition, TableId};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use super::calls::{CallInFlight, Calls};
use super::failures::{Failures, Rest, Work};
use super::live::Opener;
use super::lock::DirectoryLock;
use super::pinned::Pinned;
use super::pressure::Pressure;
use super::scheduler::Scheduler;
use super::table::TableCore;
use super::timestamps::Timestamps;
use super::write::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, Edit, Manifest};
use crate::metrics::DatabaseMetrics;
use crate::mutate::{Workspaces, WriteOptions};
use crate::options::{Background, Options};
use helenus_schema::Catalog;

/// Generations that are reserved in the manifest at a time.
const GENERATIONS_AT_A_TIME: u64 = 64;
/// How far ahead of the last given timestamp the floor is put, µs: restarts within it never give one twice.
const FLOOR_AHEAD_MICROS: i64 = 1_000_000;

/// The open database.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) host_id: Uuid,
    /// Not there while the log is replayed, and when opened to read only.
    log: OnceLock<CommitLog>,
    /// The segment that was written to last: when it changes, the log has grown.
    last_segment: AtomicU64,
    /// `None` when opened to read only.
    pub(crate) manifest: Mutex<Option<Manifest>>,
    pub(crate) catalog: RwLock<Arc<Catalog>>,
    pub(crate) tables: RwLock<Tables>,
    pub(crate) cache: Arc<ChunkCache>,
    /// What SSTables are opened with.
    pub(crate) opener: Opener,
    pub(crate) pressure: Pressure,
    pub(crate) timestamps: Timestamps,
    pub(crate) scheduler: Scheduler,
    /// Buffers of writes.
    pub(crate) workspaces: Workspaces,
    generations: Mutex<Generations>,
    /// Held from the look at a view to the commit and the change of it, by whatever adds or removes SSTables.
    pub(crate) publishing: Mutex<()>,
    /// One schema change at a time.
    pub(crate) ddl: Mutex<()>,
    /// The calls in flight.
    pub(super) calls: Calls,
    /// What of the background work fails.
    pub(crate) failures: Failures,
    /// What readers hold that nobody else needs any more.
    pub(super) pinned: Pinned,
    /// Whether `schema.cql` is to be made anew.
    pub(crate) schema_copy_is_stale: AtomicBool,
    /// Set while it is not known whether an edit that failed is in the manifest: after a crash a table may be
    /// dropped or empty, so that no write can be promised.
    in_doubt: AtomicBool,
    /// Held while the database is open for writing.
    pub(super) lock: Mutex<Option<DirectoryLock>>,
    /// The process that opened it.
    origin: OwnProcess,
    /// Takes the writes of what is no database: then there is neither a log nor anything to read.
    pub(crate) sink: Option<Arc<dyn Sink>>,
    /// Of writes that don't say otherwise.
    pub(crate) write_options: WriteOptions,
}

/// The tables, by what they are looked up by.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) by_id: HashMap<TableId, Arc<TableCore>>,
    pub(crate) by_tag: BTreeMap<u32, Arc<TableCore>>,
}

#[derive(Debug)]
struct Generations {
    next: u64,
    reserved: u64,
}

/// What recovery hands over.
pub(crate) struct Parts {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) host_id: Uuid,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) catalog: Catalog,
    pub(crate) tables: Tables,
    pub(crate) cache: Arc<ChunkCache>,
    pub(crate) opener: Opener,
    pub(crate) pressure: Pressure,
    pub(crate) timestamp_floor: i64,
    pub(crate) next_generation: u64,
    pub(crate) lock: Option<DirectoryLock>,
    pub(crate) sink: Option<Arc<dyn Sink>>,
    pub(crate) write_options: WriteOptions,
}

impl Parts {
    /// Of tables that are in no database of ours.
    pub(crate) fn of_tables(
        dir: &Path,
        options: Options,
        catalog: Catalog,
        cores: &[Arc<TableCore>],
        cache: Arc<ChunkCache>,
    ) -> Self {
        let mut tables = Tables::default();
        for core in cores {
            tables.by_id.insert(core.id, core.clone());
            tables.by_tag.insert(core.tag.0, core.clone());
        }
        Self {
            dir: dir.to_owned(),
            host_id: Uuid::nil(),
            manifest: None,
            catalog,
            tables,
            opener: Opener { disk: options.disk.clone(), cache: cache.clone(), files: None },
            cache,
            pressure: Pressure::new(options.memtable_total_bytes),
            timestamp_floor: 0,
            next_generation: 1,
            lock: None,
            sink: None,
            write_options: WriteOptions::default(),
            options,
        }
    }
}

impl Inner {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            dir: parts.dir,
            host_id: parts.host_id,
            log: OnceLock::new(),
            last_segment: AtomicU64::new(0),
            manifest: Mutex::new(parts.manifest),
            catalog: RwLock::new(Arc::new(parts.catalog)),
            tables: RwLock::new(parts.tables),
            opener: parts.opener,
            cache: parts.cache,
            pressure: parts.pressure,
            timestamps: Timestamps::new(parts.timestamp_floor),
            scheduler: Scheduler::default(),
            workspaces: Workspaces::default(),
            generations: Mutex::new(Generations {
                next: parts.next_generation,
                reserved: parts.next_generation,
            }),
            publishing: Mutex::new(()),
            ddl: Mutex::new(()),
            calls: Calls::default(),
            failures: Failures::default(),
            pinned: Pinned::default(),
            schema_copy_is_stale: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
            lock: Mutex::new(parts.lock),
            origin: OwnProcess::here(),
            options: parts.options,
            sink: parts.sink,
            write_options: parts.write_options,
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.options.disk
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.options.clock
    }

    /// This second, as local deletion times count.
    pub(crate) fn now_seconds(&self) -> u32 {
        u32::try_from(self.clock().now_seconds().max(0)).unwrap_or(u32::MAX)
    }

    pub(crate) fn log(&self) -> Option<&CommitLog> {
        self.log.get()
    }

    /// The log is ready to be written to.
    pub(crate) fn set_log(&self, log: CommitLog) {
        let was_set = self.log.set(log).is_err();
        debug_assert!(!was_set, "the log is opened once");
    }

    /// Whether a record at `end` is the first one seen in its segment.
    #[inline]
    pub(crate) fn began_segment(&self, end: LogPosition) -> bool {
        self.last_segment.load(Relaxed) != end.segment
            && self.last_segment.swap(end.segment, Relaxed) != end.segment
    }

    pub(crate) fn has_threads(&self) -> bool {
        matches!(self.options.background, Background::Threads(_))
    }

    /// Registers a call that may have an effect: the database isn't closed before what is returned goes.
    #[inline]
    pub(crate) fn enter(&self) -> Result<CallInFlight<'_>> {
        let call = self.calls.enter();
        self.check_writable()?;
        call.ok_or_else(|| self.is_closed())
    }

    /// Refuses what is closed, reads too.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        self.check_here()?;
        if self.calls.is_closing() {
            return Err(self.is_closed());
        }
        Ok(())
    }

    /// Refuses when what is in memory is in doubt.
    #[inline]
    pub(crate) fn check_sound(&self) -> Result<()> {
        match self.calls.poisoned() {
            None => Ok(()),
            Some(what) => {
                Err(Error::new(ErrorKind::Bug, format!("{what}: close the database and open it again")))
            }
        }
    }

    /// Refuses when nothing may be written.
    #[inline]
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        self.check_sound()?;
        if self.options.read_only {
            return Err(Error::new(ErrorKind::ReadOnly, "the database was opened to read only"));
        }
        Ok(())
    }

    #[cold]
    fn is_closed(&self) -> Error {
        let what = if self.sink.is_some() { "the writer was finished" } else { "the database is closed" };
        Error::new(ErrorKind::Closed, what)
    }

    /// Something panicked half way: nothing is written any more, and those who wait learn of it.
    pub(crate) fn poison(&self, what: String) {
        self.calls.poison(what);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.pressure.wake();
        self.scheduler.wake();
    }

    /// Refuses in a forked child of the process that opened the database: threads are gone there, locks may be held by
    /// nobody, and what is written goes into the parent's files.
    #[inline]
    pub(crate) fn check_here(&self) -> Result<()> {
        if self.origin.is_here() {
            return Ok(());
        }
        let text = "the database was opened before this process was forked off: open it here, once it is closed there";
        Err(Error::new(ErrorKind::Forked, text))
    }

    /// Refuses what reads before it writes where nothing can be read.
    pub(crate) fn check_readable(&self) -> Result<()> {
        match self.sink {
            None => Ok(()),
            Some(_) => Err(Error::invalid(
                "SSTables are written without reading any: no conditions, no counters, no elements of a list by \
                 index or by value",
            )),
        }
    }

    /// Commits an edit of the manifest.
    pub(crate) fn commit(&self, mut edit: Edit) -> Result<()> {
        let last = self.timestamps.last();
        self.check_lock()?;
        let mut manifest = self.manifest.lock();
        let Some(manifest) = manifest.as_mut() else {
            return Err(Error::new(ErrorKind::ReadOnly, "the database was opened to read only"));
        };
        if manifest.state().timestamp_floor < last {
            edit.changes.push(Change::TimestampFloor(last.saturating_add(FLOOR_AHEAD_MICROS)));
        }
        let committed = manifest.commit(&edit);
        if self.in_doubt.swap(manifest.in_doubt(), Release) && !manifest.in_doubt() {
            self.succeeded(Work::Manifest);
        }
        Ok(committed?)
    }

    /// Puts the manifest back to what it was, if it is not known what it holds: once the cause of that is gone, writes
    /// are promised again without anybody's help. Whether there was anything to do.
    pub(super) fn mend_manifest(&self) -> Result<bool> {
        if !self.in_doubt.load(Acquire) || !self.may_try(Work::Manifest) {
            return Ok(false);
        }
        // An edit that changes nothing: before it, what the file holds is made certain.
        let mended = self.commit(Edit::default());
        mended.map_err(|error| self.failed(Work::Manifest, error, Some(Rest::SHORT)))?;
        Ok(true)
    }

    /// Refuses when the directory is not the one that was locked.
    pub(super) fn check_lock(&self) -> Result<()> {
        match &*self.lock.lock() {
            Some(lock) => lock.check(&self.dir),
            None => Ok(()),
        }
    }

    /// Refuses to promise anything while it is not known what the manifest holds.
    #[inline]
    pub(crate) fn check_certain(&self) -> Result<()> {
        if self.in_doubt.load(Acquire) {
            let text = "the manifest could not be written, nor put back to what it was; that is tried again";
            return Err(Error::new(ErrorKind::LogFailed, text));
        }
        Ok(())
    }

    /// A generation that was never used, reserved in the manifest before a file of it exists.
    pub(crate) fn next_generation(&self) -> Result<Generation> {
        let mut generations = self.generations.lock();
        if generations.next == generations.reserved {
            let reserved = generations.next.saturating_add(GENERATIONS_AT_A_TIME);
            self.commit(Edit::one(Change::NextGeneration(reserved)))?;
            generations.reserved = reserved;
        }
        generations.next += 1;
        Ok(Generation(generations.next - 1))
    }

    /// The table with that tag.
    pub(crate) fn table_of(&self, tag: TableTag) -> Option<Arc<TableCore>> {
        self.tables.read().by_tag.get(&tag.0).cloned()
    }

    /// Keyspace and name of the table with that tag.
    pub(crate) fn name_of(&self, tag: TableTag) -> Option<String> {
        self.table_of(tag).map(|core| core.name())
    }

    /// All tables, in the order of their tags.
    pub(crate) fn all_tables(&self) -> Vec<Arc<TableCore>> {
        self.tables.read().by_tag.values().cloned().collect()
    }

    pub(crate) fn metrics(&self) -> DatabaseMetrics {
        let cache = self.cache.stats();
        let load = self.scheduler.load();
        let pinned = self.pinned.usage();
        let (stalled_writes, stalled) = self.pressure.stalls();
        DatabaseMetrics {
            memtable_bytes: self.pressure.used() as u64,
            log_bytes: self.log().map_or(0, |log| log.total_bytes()),
            cache_bytes: cache.len_bytes,
            cache_hits: cache.hits,
            cache_misses: cache.misses,
            pending_flushes: load.flushes as u64,
            running_compactions: load.compactions as u64,
            failing_flushes: self.failures.tables_of_flushes().len() as u64,
            suspect_sstables: self.all_tables().iter().map(|core| self.suspects_of(core).len() as u64).sum(),
            waiting_writes: self.pressure.waiters() as u64,
            stalled_writes,
            stalled,
            pinned_memory_bytes: pinned.memory_bytes,
            pinned_disk_bytes: pinned.disk_bytes,
        }
    }
}
