//! Background work as steps: which are due, and which thread or call does them.
//!
//! A step is a flush, a compaction, a spare segment of the log or a sync of it. Threads take steps
//! when the database has threads; otherwise the caller does, with [`crate::Database::step`]. Work
//! that fails rests before it is tried again (`failures.rs`), and other tables' work continues
//! meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::Duration;

use helenus_commitlog::CommitLog;

use super::failures::{Rest, Work};
use super::scheduler::{Patience, TICK, text_of};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::options::Background;

impl WriteSide {
    /// Starts the threads of the database, if it is to have any.
    pub(crate) fn start_threads(side: &Arc<Self>) -> Result<()> {
        let Background::Threads(compactors) = side.options.background else { return Ok(()) };
        let start = |name: &'static str, work: fn(&WriteSide) -> Result<bool>| -> Result<()> {
            let weak = Arc::downgrade(side);
            let thread = Builder::new().name(name.to_owned()).spawn(move || run(&weak, name, work));
            side.scheduler.add_thread(thread.map_err(|e| Error::with(ErrorKind::Io, e))?);
            Ok(())
        };
        start("helenus-flush", WriteSide::flush_and_log_step)?;
        for _ in 0..compactors.max(1) {
            start("helenus-compact", WriteSide::compact_next)?;
        }
        Ok(())
    }

    /// Waits until no background work is due or running, at most `longest`; true if it succeeded.
    pub(crate) fn settle(&self, longest: Duration) -> Result<bool> {
        let mut patience = Patience::new(&**self.set.clock(), longest);
        loop {
            if !self.has_threads() {
                while self.step()? {}
                return Ok(true);
            }
            self.check_writable()?;
            let is_suspect = |work: &Work| matches!(work, Work::Reading(..));
            if let Some((_, failure)) = self.failures.list().iter().find(|(work, _)| !is_suspect(work)) {
                return Err(failure.error.repeat());
            }
            let load = self.scheduler.load();
            let is_busy = load.flushes + load.compactions > 0 || load.is_compaction_due;
            let pause = patience.left().min(TICK);
            if !is_busy || pause.is_zero() {
                return Ok(!is_busy);
            }
            if !self.scheduler.wait_for_step(pause) {
                patience.waited(pause);
            }
        }
    }

    /// Takes one step of background work; false when none is due.
    pub(crate) fn step(&self) -> Result<bool> {
        let _call = self.enter()?;
        Ok(self.flush_and_log_step()? || self.compact_next()?)
    }

    /// A flush first, then the log's work.
    fn flush_and_log_step(&self) -> Result<bool> {
        if self.flush_next()? || self.mend_manifest()? {
            return Ok(true);
        }
        self.queue_periodic_flushes();
        if let Err(error) = self.write_stale_schema_copy() {
            tracing::warn!(%error, "schema.cql is not what the schema is");
        }
        let is_due = self.may_try(Work::Log);
        match self.log().filter(|_| is_due).map_or(Ok(false), |log| self.tend_log(log)) {
            Ok(worked) => {
                if is_due {
                    self.succeeded(Work::Log);
                }
                Ok(worked)
            }
            Err(error) => Err(self.failed(Work::Log, error, Some(Rest::SHORT))),
        }
    }

    /// Keeps the promise of [`Durability::Periodic`](crate::Durability) during a long step of the
    /// thread that syncs the log.
    pub(super) fn sync_log_in_time(&self) {
        let Some(log) = self.log().filter(|_| self.may_try(Work::Log)) else { return };
        if let Err(error) = log.sync_step() {
            self.failed(Work::Log, error.into(), Some(Rest::SHORT));
        }
    }

    fn tend_log(&self, log: &CommitLog) -> Result<bool> {
        log.sync_step()?;
        Ok(log.prepare_step()?)
    }

    /// Whether work that may have failed before is tried now: threads let it rest, calls try it at
    /// once.
    pub(super) fn may_try(&self, work: Work) -> bool {
        !self.has_threads() || self.failures.has_rested(work, self.set.clock().elapsed())
    }

    /// Notes that work failed, and says so.
    pub(crate) fn failed(&self, work: Work, error: Error, rest: Option<Rest>) -> Error {
        let failure = self.failures.note(work, error, rest, &**self.set.clock());
        let table = work.table().and_then(|tag| self.set.name_of(tag));
        tracing::error!(
            ?work,
            table,
            error = %failure.error,
            attempts = failure.attempts,
            since_micros = failure.since.0,
            "background work failed"
        );
        failure.error.repeat()
    }

    /// Notes that work succeeded.
    pub(crate) fn succeeded(&self, work: Work) {
        if let Some(failure) = self.failures.clear(work) {
            let table = work.table().and_then(|tag| self.set.name_of(tag));
            tracing::info!(?work, table, attempts = failure.attempts, "work that failed succeeds again");
            self.pressure.wake();
        }
    }
}

/// A thread's loop: a step while there is work, a wait otherwise, until the database is dropped.
fn run(side: &Weak<WriteSide>, name: &str, step: fn(&WriteSide) -> Result<bool>) {
    loop {
        let Some(side) = side.upgrade() else { return };
        if side.scheduler.is_stopping() {
            return;
        }
        let worked = match catch_unwind(AssertUnwindSafe(|| step(&side))) {
            // The failed work has been recorded, and rests; other work may be due.
            Ok(outcome) => outcome.unwrap_or(true),
            Err(panic) => {
                side.poison(format!("the thread {name} panicked: {}", text_of(&*panic)));
                return;
            }
        };
        side.scheduler.end_step(worked);
    }
}
