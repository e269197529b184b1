//! The background work that fails, since when, and its next attempt. The one record of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Release};
use std::time::Duration;

use helenus_commitlog::TableTag;
use helenus_io::Clock;
use helenus_types::{Generation, Timestamp};
use parking_lot::Mutex;

use crate::error::Error;

/// Work that can fail separately, while other work continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Syncing the log, and preparing its segments.
    Log,
    /// Rewriting the manifest with its state before an edit that failed.
    Manifest,
    /// Flushing a table's memtables.
    Flush(TableTag),
    /// Compacting a table: its output can't be written.
    Compaction(TableTag),
    /// Reading an SSTable of a table in a compaction: it is suspect.
    Reading(TableTag, Generation),
}

/// Work that failed, and has not succeeded since.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Its last error.
    pub(crate) error: Arc<Error>,
    /// When it failed first.
    pub(crate) since: Timestamp,
    /// The number of attempts.
    pub(crate) attempts: u32,
    /// When it is tried again, on the monotonic clock; `None`: not in this life of the database.
    pub(crate) retry_at: Option<Duration>,
}

/// The pause after the first failure of some work; each further one doubles it, up to the second
/// value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    first: Duration,
    longest: Duration,
}

impl Rest {
    /// For work that writers may wait for.
    pub(crate) const SHORT: Self =
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5) };
    /// For work that no call waits for, and that is expensive to try.
    pub(crate) const LONG: Self = Self { first: Duration::from_secs(1), longest: Duration::from_secs(300) };

    fn after(self, attempts: u32) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX));
        doubled.min(self.longest)
    }
}

/// All work that fails at the moment.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    all: Mutex<BTreeMap<Work, Failure>>,
    /// The number of tables whose flushes fail: each write reads it.
    flushes: AtomicUsize,
}

impl Failures {
    /// Work failed; it is tried again after a rest, if there is to be one.
    pub(crate) fn note(&self, work: Work, error: Error, rest: Option<Rest>, clock: &dyn Clock) -> Failure {
        let (since, now) = (Timestamp(clock.now_micros()), clock.elapsed());
        let error = Arc::new(error);
        let mut all = self.all.lock();
        let failure = all.entry(work).or_insert_with(|| Failure {
            error: error.clone(),
            since,
            attempts: 0,
            retry_at: None,
        });
        failure.error = error.clone();
        failure.attempts = failure.attempts.saturating_add(1);
        failure.retry_at = rest.map(|rest| now.saturating_add(rest.after(failure.attempts)));
        let failure = failure.clone();
        self.count(&all);
        failure
    }

    /// Work succeeded, or is not wanted any more; how it had failed before.
    pub(crate) fn clear(&self, work: Work) -> Option<Failure> {
        let mut all = self.all.lock();
        let failure = all.remove(&work);
        self.count(&all);
        failure
    }

    /// A table is gone, or empty.
    pub(crate) fn forget_table(&self, tag: TableTag) {
        let mut all = self.all.lock();
        all.retain(|work, _| work.table() != Some(tag));
        self.count(&all);
    }

    fn count(&self, all: &BTreeMap<Work, Failure>) {
        let flushes = all.keys().filter(|work| matches!(work, Work::Flush(_))).count();
        self.flushes.store(flushes, Release);
    }

    /// Whether the flushes of any table fail.
    #[inline]
    pub(crate) fn of_flushes(&self) -> bool {
        self.flushes.load(Acquire) > 0
    }

    /// The tables whose flushes fail.
    pub(crate) fn tables_of_flushes(&self) -> Vec<TableTag> {
        let of = |work: &Work| if let Work::Flush(tag) = work { Some(*tag) } else { None };
        self.all.lock().keys().filter_map(of).collect()
    }

    pub(crate) fn get(&self, work: Work) -> Option<Failure> {
        self.all.lock().get(&work).cloned()
    }

    /// Whether work may be done now: it has not failed, or has rested.
    pub(crate) fn has_rested(&self, work: Work, now: Duration) -> bool {
        self.all.lock().get(&work).is_none_or(|failure| failure.retry_at.is_some_and(|at| at <= now))
    }

    /// Whether a compaction that failed has rested.
    pub(crate) fn compaction_has_rested(&self, now: Duration) -> bool {
        let is_compaction = |work: &Work| matches!(work, Work::Compaction(_) | Work::Reading(..));
        let all = self.all.lock();
        all.iter().any(|(work, failure)| is_compaction(work) && failure.retry_at.is_some_and(|at| at <= now))
    }

    /// Everything that fails.
    pub(crate) fn list(&self) -> Vec<(Work, Failure)> {
        self.all.lock().iter().map(|(work, failure)| (*work, failure.clone())).collect()
    }
}

impl Work {
    /// The table that it is about.
    pub(crate) fn table(self) -> Option<TableTag> {
        match self {
            Self::Log | Self::Manifest => None,
            Self::Flush(tag) | Self::Compaction(tag) | Self::Reading(tag, _) => Some(tag),
        }
    }
}
