//! The write side of a database: makes changes durable, in order, and has the background work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, OnceLock};

use helenus_commitlog::CommitLog;
use helenus_types::{Generation, LogPosition, Timestamp};
use parking_lot::Mutex;
use uuid::Uuid;

use super::calls::{CallInFlight, Calls};
use super::failures::{Failures, Rest, Work};
use super::live::Opener;
use super::lock::DirectoryLock;
use super::pressure::Pressure;
use super::scheduler::Scheduler;
use super::set::TableSet;
use super::timestamps::Timestamps;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, Edit, Manifest};
use crate::metrics::DatabaseMetrics;
use crate::options::{Background, Options};

/// Generations that are reserved in the manifest at a time.
const GENERATIONS_AT_A_TIME: u64 = 64;
/// The distance from the last given timestamp to the floor, in µs: a restart within it never gives
/// a timestamp twice.
const FLOOR_AHEAD_MICROS: i64 = 1_000_000;

/// The part of a database that only one open for writing has.
///
/// Each file of this folder that implements it is about one task: `write.rs` the write path,
/// `flush.rs`, `compact.rs`, `ddl.rs`, `recovery.rs`, `closing.rs`, `steps.rs`, `admission.rs`,
/// `ingest.rs`, `health.rs`.
#[derive(Debug)]
pub(crate) struct WriteSide {
    /// The tables that it changes.
    pub(crate) set: Arc<TableSet>,
    pub(crate) options: Options,
    pub(crate) host_id: Uuid,
    /// Not there while the log is replayed.
    log: OnceLock<CommitLog>,
    /// The segment that was written to last: when it changes, the log has grown.
    last_segment: AtomicU64,
    pub(crate) manifest: Mutex<Manifest>,
    /// The means of opening SSTables.
    pub(crate) opener: Opener,
    pub(crate) pressure: Pressure,
    pub(crate) timestamps: Timestamps,
    pub(crate) scheduler: Scheduler,
    generations: Mutex<Generations>,
    /// Held from the look at a view to the commit and the change of it, by whatever adds or removes
    /// SSTables.
    pub(crate) publishing: Mutex<()>,
    /// One schema change at a time.
    pub(crate) ddl: Mutex<()>,
    /// The calls in flight.
    pub(super) calls: Calls,
    /// The failures of background work.
    pub(crate) failures: Failures,
    /// Whether `schema.cql` is to be made anew.
    pub(crate) schema_copy_is_stale: AtomicBool,
    /// Set while it is not known whether an edit that failed is in the manifest: after a crash a
    /// table may be dropped or empty, so that no write can be promised.
    in_doubt: AtomicBool,
    /// Held while the database is open.
    pub(super) lock: Mutex<Option<DirectoryLock>>,
}

#[derive(Debug)]
struct Generations {
    next: u64,
    reserved: u64,
}

impl WriteSide {
    /// The write side of tables whose manifest was read; the log is [set](Self::set_log) once it
    /// was replayed.
    pub(crate) fn new(
        set: Arc<TableSet>,
        options: Options,
        host_id: Uuid,
        manifest: Manifest,
        opener: Opener,
        lock: DirectoryLock,
    ) -> Self {
        let state = manifest.state();
        Self {
            log: OnceLock::new(),
            last_segment: AtomicU64::new(0),
            pressure: Pressure::new(options.memtable_total_bytes),
            timestamps: Timestamps::new(state.timestamp_floor),
            scheduler: Scheduler::default(),
            generations: Mutex::new(Generations {
                next: state.next_generation,
                reserved: state.next_generation,
            }),
            publishing: Mutex::new(()),
            ddl: Mutex::new(()),
            calls: Calls::default(),
            failures: Failures::default(),
            schema_copy_is_stale: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
            manifest: Mutex::new(manifest),
            set,
            options,
            host_id,
            opener,
        }
    }

    /// The next timestamp of a write that brings none.
    #[inline]
    pub(crate) fn next_timestamp(&self) -> Timestamp {
        self.timestamps.next(&**self.set.clock())
    }

    pub(crate) fn log(&self) -> Option<&CommitLog> {
        self.log.get()
    }

    /// The log is ready to be written to.
    pub(crate) fn set_log(&self, log: CommitLog) {
        let was_set = self.log.set(log).is_err();
        assert!(!was_set, "the log is opened once");
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

    /// Registers a call that may have an effect: the database isn't closed before what is returned
    /// goes.
    #[inline]
    pub(crate) fn enter(&self) -> Result<CallInFlight<'_>> {
        let call = self.calls.enter();
        self.check_writable()?;
        call.ok_or_else(is_closed)
    }

    /// Refuses if memory is in doubt.
    #[inline]
    pub(crate) fn check_sound(&self) -> Result<()> {
        self.calls.check_sound()
    }

    /// Refuses when nothing may be written.
    #[inline]
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.set.check_here()?;
        if self.calls.is_closing() {
            return Err(is_closed());
        }
        self.check_sound()
    }

    /// A panic happened half way: nothing is written any more, and waiting calls are woken with an
    /// error.
    pub(crate) fn poison(&self, what: String) {
        self.calls.poison(what);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.pressure.wake();
        self.scheduler.wake();
    }

    /// Commits an edit of the manifest.
    pub(crate) fn commit(&self, mut edit: Edit) -> Result<()> {
        let last = self.timestamps.last();
        self.check_lock()?;
        let mut manifest = self.manifest.lock();
        if manifest.state().timestamp_floor < last {
            edit.changes.push(Change::TimestampFloor(last.saturating_add(FLOOR_AHEAD_MICROS)));
        }
        let committed = manifest.commit(&edit);
        if self.in_doubt.swap(manifest.in_doubt(), Release) && !manifest.in_doubt() {
            self.succeeded(Work::Manifest);
        }
        Ok(committed?)
    }

    /// Rewrites the manifest with its last known state, if its content is unknown after an error:
    /// once the cause is gone, writes are promised again automatically. Returns whether there was
    /// anything to do.
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
            Some(lock) => lock.check(&self.set.dir),
            None => Ok(()),
        }
    }

    /// Refuses to promise anything while the manifest's content is unknown.
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

    /// The metrics of the write side; [`TableSet::metrics`] has those of the read side.
    pub(crate) fn metrics(&self, of_reads: DatabaseMetrics) -> DatabaseMetrics {
        let load = self.scheduler.load();
        let (stalled_writes, stalled) = self.pressure.stalls();
        let tables = self.set.all_tables();
        DatabaseMetrics {
            memtable_bytes: self.pressure.used() as u64,
            log_bytes: self.log().map_or(0, |log| log.total_bytes()),
            pending_flushes: load.flushes as u64,
            running_compactions: load.compactions as u64,
            failing_flushes: self.failures.tables_of_flushes().len() as u64,
            suspect_sstables: tables.iter().map(|core| self.suspects_of(core).len() as u64).sum(),
            waiting_writes: self.pressure.waiters() as u64,
            stalled_writes,
            stalled,
            ..of_reads
        }
    }
}

#[cold]
fn is_closed() -> Error {
    Error::new(ErrorKind::Closed, "the database is closed")
}
