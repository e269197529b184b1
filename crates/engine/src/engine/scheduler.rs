//! Background work as steps: what is due, and who does it.
//!
//! A step is a flush, a compaction, a spare segment of the log or a sync of it. Threads take steps when the
//! database has threads; otherwise the caller does, with [`crate::Database::step`].

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::flush::FlushJob;
use super::inner::Inner;
use crate::error::{Error, Result};
use crate::options::Background;

/// How long an idle thread waits before it looks for periodic work.
const TICK: Duration = Duration::from_millis(100);

/// The queue of flushes and the signals between writers and workers.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    pub(crate) queue: Mutex<Queue>,
    /// Told when there is work, or the database closes.
    pub(crate) work: Condvar,
    /// Told when a step ended.
    pub(crate) done: Condvar,
    /// Told when the database closes: what keeps to a rate need not wait then.
    pacing: Condvar,
    /// Held through a flush: the flushes of a table must end in the order they were queued.
    pub(crate) flushing: Mutex<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What waits to be done.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) flushes: VecDeque<FlushJob>,
    /// Flushes that were taken from the queue and are not done.
    pub(crate) flushing: usize,
    /// Set when a table's SSTables changed: a compaction may be due.
    pub(crate) compaction_due: bool,
    /// Compactions that run.
    pub(crate) compacting: usize,
    pub(crate) stop: bool,
    /// What stopped the last step of background work, until one succeeds.
    pub(crate) failed: Option<Arc<Error>>,
}

impl Scheduler {
    /// Queues a flush.
    pub(crate) fn push(&self, job: FlushJob) {
        self.queue.lock().flushes.push_back(job);
        self.work.notify_all();
    }

    /// Says that compaction may have something to do.
    pub(crate) fn compaction_due(&self) {
        self.queue.lock().compaction_due = true;
        self.work.notify_all();
    }

    /// Tells the threads to stop and waits for them.
    pub(crate) fn stop(&self) {
        self.queue.lock().stop = true;
        self.work.notify_all();
        self.done.notify_all();
        self.pacing.notify_all();
        let current = std::thread::current().id();
        for thread in self.threads.lock().drain(..) {
            // The last handle may be dropped by a worker that held it for a moment.
            if thread.thread().id() != current && thread.join().is_err() {
                tracing::error!("a background thread panicked");
            }
        }
    }

    /// Waits as long as writing that many bytes takes at that rate, or until the database closes.
    pub(crate) fn pause_for(&self, bytes: u64, bytes_per_second: u64) {
        let pause = Duration::from_secs_f64(bytes as f64 / bytes_per_second.max(1) as f64);
        let mut queue = self.queue.lock();
        if !queue.stop {
            self.pacing.wait_for(&mut queue, pause);
        }
    }

    /// Whether the database is being closed: long steps end early.
    pub(crate) fn is_stopping(&self) -> bool {
        self.queue.lock().stop
    }
}

impl Inner {
    /// Starts the threads of the database, if it is to have any.
    pub(crate) fn start_threads(inner: &Arc<Self>) -> Result<()> {
        let Background::Threads(compactors) = inner.options.background else { return Ok(()) };
        if inner.options.read_only {
            return Ok(());
        }
        let mut threads = inner.scheduler.threads.lock();
        let mut start = |name: &str, work: fn(&Inner) -> Result<bool>| -> Result<()> {
            let weak = Arc::downgrade(inner);
            let thread = Builder::new().name(name.to_owned()).spawn(move || run(&weak, work));
            threads.push(thread.map_err(|e| Error::with(crate::error::ErrorKind::Io, e))?);
            Ok(())
        };
        start("helenus-flush", Inner::flush_and_log_step)?;
        for _ in 0..compactors.max(1) {
            start("helenus-compact", Inner::compact_next)?;
        }
        Ok(())
    }

    /// Returns when every flush that was queued is done, doing them here.
    pub(crate) fn drain_flushes(&self) -> Result<()> {
        while self.flush_next()? {}
        Ok(())
    }

    /// Waits until no background work is due or running, at most so long; true if that came about.
    pub(crate) fn settle(&self, longest: Duration) -> Result<bool> {
        let begun = self.clock().elapsed();
        loop {
            if !self.has_threads() {
                while self.step()? {}
                return Ok(true);
            }
            let mut queue = self.scheduler.queue.lock();
            if let Some(error) = &queue.failed {
                return Err(Error::new(error.kind(), error.to_string()));
            }
            let busy =
                queue.flushing + queue.compacting > 0 || !queue.flushes.is_empty() || queue.compaction_due;
            let left = longest.saturating_sub(self.clock().elapsed().saturating_sub(begun));
            if !busy || left.is_zero() {
                return Ok(!busy);
            }
            self.scheduler.done.wait_for(&mut queue, left.min(TICK));
        }
    }

    /// Takes one step of background work; false when none is due.
    pub(crate) fn step(&self) -> Result<bool> {
        Ok(self.flush_and_log_step()? || self.compact_next()?)
    }

    /// A flush first, then what the log needs.
    fn flush_and_log_step(&self) -> Result<bool> {
        if self.flush_next()? {
            return Ok(true);
        }
        self.queue_periodic_flushes();
        match self.log() {
            Some(log) => {
                log.sync_step()?;
                // A database that writes little needs no spare segments lying around.
                let used = log.position().offset;
                if used >= self.options.log_segment_bytes / 4 { Ok(log.prepare_step()?) } else { Ok(false) }
            }
            None => Ok(false),
        }
    }
}

/// A thread's life: step while there is work, wait otherwise, until the database goes.
fn run(inner: &Weak<Inner>, step: fn(&Inner) -> Result<bool>) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        if inner.scheduler.is_stopping() {
            return;
        }
        let outcome = step(&inner);
        let mut queue = inner.scheduler.queue.lock();
        match outcome {
            Ok(worked) => {
                if worked {
                    queue.failed = None;
                    inner.scheduler.done.notify_all();
                    continue;
                }
            }
            Err(error) => {
                tracing::error!(%error, "background work failed; it is tried again");
                queue.failed = Some(Arc::new(error));
                inner.scheduler.done.notify_all();
            }
        }
        if !queue.stop {
            inner.scheduler.work.wait_for(&mut queue, TICK);
        }
    }
}
