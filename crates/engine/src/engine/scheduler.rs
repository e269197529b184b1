//! The queue of background work, and the signals between the threads that add it, do it and wait
//! for it. `steps.rs` does it.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use helenus_commitlog::TableTag;
use helenus_io::Clock;
use helenus_memtable::Memtable;
use helenus_types::{Generation, LogPosition};
use parking_lot::{Condvar, Mutex};

use super::state::TableState;
use super::table::TableCore;

/// The time that an idle thread waits before it looks for periodic work, and a waiting call before
/// it checks again.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The queue of flushes and the signals between writers and workers.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    queue: Mutex<Queue>,
    /// Notified when there is work, or the database closes.
    work: Condvar,
    /// Notified when a step ended.
    done: Condvar,
    /// Notified when the database closes: throttled work need not wait then.
    pacing: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A memtable that was switched out.
#[derive(Debug)]
pub(crate) struct FlushJob {
    pub(super) core: Arc<TableCore>,
    pub(super) memtable: Arc<Memtable>,
    pub(super) state: Arc<TableState>,
    /// Every record of the table up to here is in this memtable or in an older one.
    pub(super) upper: LogPosition,
}

/// The work that waits, and the work in progress.
#[derive(Debug, Default)]
struct Queue {
    /// Oldest first; of each table in the order in which they must end.
    flushes: VecDeque<FlushJob>,
    /// The tables a memtable of which is being flushed: one at a time of each.
    flushing: BTreeSet<TableTag>,
    /// Set when a table's SSTables changed: a compaction may be due.
    compaction_due: bool,
    /// Compactions that run.
    compacting: usize,
    /// Threads and calls that look for a compaction, or carry out what they found.
    looking: usize,
    /// The table that was compacted last: the next one's turn comes after it.
    compacted_last: Option<TableTag>,
    stop: bool,
}

/// The amount of background work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Flushes that wait or run.
    pub(crate) flushes: usize,
    /// Compactions that run, or may be about to.
    pub(crate) compactions: usize,
    pub(crate) is_compaction_due: bool,
}

/// A flush that was taken from the queue. Unless it is [done](Self::done) it goes back to its
/// place.
#[derive(Debug)]
pub(crate) struct ClaimedFlush<'a> {
    scheduler: &'a Scheduler,
    job: Option<FlushJob>,
    tag: TableTag,
}

/// A compaction that runs: nothing else compacts its inputs.
#[derive(Debug)]
pub(crate) struct Compacting<'a> {
    scheduler: &'a Scheduler,
    core: &'a TableCore,
    inputs: Vec<Generation>,
}

/// A look for a compaction that is due, and the compaction that was found.
#[derive(Debug)]
pub(crate) struct Looking<'a> {
    scheduler: &'a Scheduler,
}

/// A wait that ends, also by a clock that stands still.
#[derive(Debug)]
pub(crate) struct Patience<'a> {
    clock: &'a dyn Clock,
    begun: Duration,
    longest: Duration,
    waited: Duration,
}

impl Scheduler {
    /// Queues a flush.
    pub(crate) fn push(&self, job: FlushJob) {
        self.queue.lock().flushes.push_back(job);
        self.work.notify_all();
    }

    /// Takes the flush whose table has the least rank, the oldest of those; tables without a rank
    /// have none taken, nor those of which one is running.
    pub(crate) fn claim_flush(&self, rank: impl Fn(TableTag) -> Option<u32>) -> Option<ClaimedFlush<'_>> {
        let mut queue = self.queue.lock();
        let Queue { flushes, flushing, .. } = &mut *queue;
        let idle = flushes.iter().enumerate().filter(|(_, job)| !flushing.contains(&job.core.tag));
        let ranked = idle.filter_map(|(at, job)| Some((rank(job.core.tag)?, at)));
        let job = flushes.remove(ranked.min()?.1)?;
        let tag = job.core.tag;
        flushing.insert(tag);
        Some(ClaimedFlush { scheduler: self, job: Some(job), tag })
    }

    /// Whether a flush of one of those tables waits or runs.
    pub(crate) fn has_flush(&self, of: impl Fn(TableTag) -> bool) -> bool {
        let queue = self.queue.lock();
        queue.flushing.iter().any(|tag| of(*tag)) || queue.flushes.iter().any(|job| of(job.core.tag))
    }

    /// Says that compaction may have something to do.
    pub(crate) fn compaction_due(&self) {
        self.queue.lock().compaction_due = true;
        self.work.notify_all();
    }

    /// Begins to look for a compaction, if one may be due, or a failed one `has_rested`. The
    /// scheduler counts it until what is returned goes, so that nobody takes the time until one
    /// runs for rest.
    pub(crate) fn look_for_compaction(&self, has_rested: bool) -> Option<Looking<'_>> {
        let mut queue = self.queue.lock();
        let is_due = std::mem::take(&mut queue.compaction_due);
        (is_due || has_rested).then(|| {
            queue.looking += 1;
            Looking { scheduler: self }
        })
    }

    /// The table that was compacted last.
    pub(crate) fn compacted_last(&self) -> Option<TableTag> {
        self.queue.lock().compacted_last
    }

    /// Counts a compaction whose inputs were marked in `core.compacting`, until what is returned
    /// goes.
    pub(crate) fn begin_compaction<'a>(
        &'a self,
        core: &'a TableCore,
        inputs: Vec<Generation>,
    ) -> Compacting<'a> {
        let mut queue = self.queue.lock();
        queue.compacting += 1;
        queue.compacted_last = Some(core.tag);
        Compacting { scheduler: self, core, inputs }
    }

    /// The amount of work that waits or runs.
    pub(crate) fn load(&self) -> Load {
        let queue = self.queue.lock();
        Load {
            flushes: queue.flushes.len() + queue.flushing.len(),
            compactions: queue.compacting.max(queue.looking),
            is_compaction_due: queue.compaction_due,
        }
    }

    /// A thread takes steps from now on.
    pub(super) fn add_thread(&self, thread: JoinHandle<()>) {
        self.threads.lock().push(thread);
    }

    /// Ends a thread's step: callers that wait for steps are notified if it did anything, otherwise
    /// the thread waits for work.
    pub(super) fn end_step(&self, worked: bool) {
        if worked {
            self.done.notify_all();
            return;
        }
        let mut queue = self.queue.lock();
        if !queue.stop {
            self.work.wait_for(&mut queue, TICK);
        }
    }

    /// Waits until a step ends, at most `longest`; false if none did.
    pub(crate) fn wait_for_step(&self, longest: Duration) -> bool {
        !self.done.wait_for(&mut self.queue.lock(), longest).timed_out()
    }

    /// Requests the threads, and long work, to stop.
    pub(crate) fn stop(&self) {
        self.queue.lock().stop = true;
        self.wake();
    }

    /// The log began a segment: the next one is wanted soon.
    pub(crate) fn log_grew(&self) {
        self.work.notify_all();
    }

    /// Wakes all waiting threads.
    pub(crate) fn wake(&self) {
        let _queue = self.queue.lock();
        self.work.notify_all();
        self.done.notify_all();
        self.pacing.notify_all();
    }

    /// Waits for the threads, which were requested to stop.
    pub(crate) fn join(&self) {
        let current = std::thread::current().id();
        let threads = std::mem::take(&mut *self.threads.lock());
        // The last handle may be dropped by a worker that held it for a moment.
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != current) {
            if let Err(panic) = thread.join() {
                tracing::error!(panic = text_of(&*panic), "a background thread panicked");
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

impl ClaimedFlush<'_> {
    pub(crate) fn job(&self) -> &FlushJob {
        let Some(job) = &self.job else { unreachable!("a job is there until it is done") };
        job
    }

    /// It need not be done again.
    pub(crate) fn done(mut self) {
        self.job = None;
    }
}

impl Drop for ClaimedFlush<'_> {
    fn drop(&mut self) {
        let mut queue = self.scheduler.queue.lock();
        queue.flushing.remove(&self.tag);
        if let Some(job) = self.job.take() {
            // The memtable is still in the view and its records are in the log. It goes first in
            // the queue, so that it stays before the younger ones of its table.
            queue.flushes.push_front(job);
        }
        drop(queue);
        self.scheduler.done.notify_all();
        self.scheduler.work.notify_all();
    }
}

impl Drop for Compacting<'_> {
    fn drop(&mut self) {
        let mut compacting = self.core.compacting.lock();
        self.inputs.iter().for_each(|generation| {
            compacting.remove(generation);
        });
        drop(compacting);
        self.scheduler.queue.lock().compacting -= 1;
        self.scheduler.done.notify_all();
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.scheduler.queue.lock().looking -= 1;
        self.scheduler.done.notify_all();
    }
}

impl<'a> Patience<'a> {
    /// A patience of `longest`.
    pub(crate) fn new(clock: &'a dyn Clock, longest: Duration) -> Self {
        Self { clock, begun: clock.elapsed(), longest, waited: Duration::ZERO }
    }

    /// The remaining time.
    pub(crate) fn left(&self) -> Duration {
        let passed = self.clock.elapsed().saturating_sub(self.begun);
        self.longest.saturating_sub(passed.max(self.waited))
    }

    /// Counts a wait of `so_long` in which nothing happened.
    pub(crate) fn waited(&mut self, so_long: Duration) {
        self.waited = self.waited.saturating_add(so_long);
    }
}

/// The message of a panic.
pub(super) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between the question whether a compaction is due and its beginning, nothing seemed to be
    /// left to do: `settle` returned before it.
    #[test]
    fn a_look_for_a_compaction_is_work() {
        let scheduler = Scheduler::default();
        assert!(scheduler.look_for_compaction(false).is_none());
        for has_rested in [false, true] {
            if !has_rested {
                scheduler.compaction_due();
                assert!(scheduler.load().is_compaction_due);
            }
            let looking = scheduler.look_for_compaction(has_rested);
            let load = scheduler.load();
            assert!(looking.is_some() && load.compactions == 1 && !load.is_compaction_due, "{load:?}");
            drop(looking);
            assert_eq!(scheduler.load().compactions, 0);
        }
    }
}
