//! Group commit: which caller waits for which sync, and whose turn it is to hand bytes over.
//!
//! One caller at a time leads: it syncs what was appended before it began, for all that wait.
//! Callers that come while it runs may have appended too late for it; when it is done, one of them
//! leads the next, for all of them. A sync covers segments in their order, so that what is durable
//! is always a prefix.

use std::sync::atomic::Ordering;
use std::time::Duration;

use helenus_types::LogPosition;
use parking_lot::MutexGuard;

use crate::log::SyncState;
use crate::pending::Writer;
use crate::{CommitLog, Durability, LogError};

/// A sync in the making. Where it panics (the clock or the disk may be anyone's) another has to
/// lead.
struct Leading<'a>(&'a CommitLog);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.syncing.lock().running = false;
            self.0.synced.notify_all();
        }
    }
}

impl CommitLog {
    /// Hands the record that ends at `end` over to the operating system, and waits until it may be
    /// acknowledged, as the log's durability demands.
    pub fn commit(&self, end: LogPosition) -> Result<(), LogError> {
        self.check()?;
        match self.options.durability {
            Durability::Buffered => self.hand_over(end),
            Durability::Periodic(period) => {
                self.hand_over(end)?;
                if self.since_sync_began() <= period {
                    return Ok(());
                }
                self.wait_until(|log, state| state.synced >= end || log.since_sync_began() <= period)
                    .map(drop)
            }
            // The caller that syncs hands over first, for all that wait.
            Durability::Sync => self.wait_until(|_, state| state.synced >= end).map(drop),
        }
    }

    /// Makes all that was appended so far durable, in every mode; returns a position up to which
    /// everything is, not before [`CommitLog::position`] at the time of the call.
    pub fn sync(&self) -> Result<LogPosition, LogError> {
        self.check()?;
        let records_end = self.position();
        self.wait_until(|_, state| state.synced >= records_end)
    }

    /// The background work of [`Durability::Periodic`]: syncs if half of the period has gone since
    /// the last sync began. Returns how long nothing is to be done; in the other modes that is for
    /// ever.
    pub fn sync_step(&self) -> Result<Duration, LogError> {
        let Durability::Periodic(period) = self.options.durability else { return Ok(Duration::MAX) };
        self.check()?;
        let due = period / 2;
        let began = self.sync_began_nanos.load(Ordering::Acquire);
        if self.since_sync_began() >= due {
            self.wait_until(|log, _| log.sync_began_nanos.load(Ordering::Acquire) != began)?;
        }
        Ok(due.saturating_sub(self.since_sync_began()))
    }

    fn since_sync_began(&self) -> Duration {
        let began = Duration::from_nanos(self.sync_began_nanos.load(Ordering::Acquire));
        self.clock.elapsed().saturating_sub(began)
    }

    /// Leads or waits for syncs until one satisfies `done`; how far everything is durable then.
    fn wait_until(&self, done: impl Fn(&Self, &SyncState) -> bool) -> Result<LogPosition, LogError> {
        let mut state = self.syncing.lock();
        loop {
            if done(self, &state) {
                return Ok(state.synced);
            }
            self.check()?;
            if state.running {
                self.synced.wait(&mut state);
                continue;
            }
            state.running = true;
            let before = state.synced;
            let outcome = MutexGuard::unlocked(&mut state, || {
                let _leading = Leading(self);
                self.lead(before)
            });
            state.running = false;
            if let Ok((synced, began)) = &outcome {
                state.synced = *synced;
                let nanos = u64::try_from(began.as_nanos()).unwrap_or(u64::MAX);
                self.sync_began_nanos.store(nanos, Ordering::Release);
            }
            self.synced.notify_all();
            outcome?;
        }
    }

    /// One sync: returns up to where everything is durable, and when it began.
    fn lead(&self, before: LogPosition) -> Result<(LogPosition, Duration), LogError> {
        let began = self.clock.elapsed();
        if self.position() <= before {
            return Ok((before, began));
        }
        let (position, files) = {
            let mut writer = self.writer.lock();
            self.write_pending(&mut writer)?;
            let tail = self.tail.lock();
            let full = tail.full.iter().filter_map(|full| full.unsynced.as_ref());
            let files: Vec<_> = full.chain(tail.active.as_ref().map(|a| &a.file)).cloned().collect();
            (writer.written, files)
        };
        for file in files {
            file.sync_data().map_err(|e| self.stop(e))?;
        }
        {
            let mut tail = self.tail.lock();
            for full in tail.full.iter_mut().filter(|full| full.id < position.segment) {
                full.unsynced = None;
            }
            self.append_mark(&mut tail, position);
        }
        // The mark is in the file before anything is acknowledged, so that a killed process has it.
        self.write_pending(&mut self.writer.lock())?;
        Ok((position, began))
    }

    /// Hands over what was appended, at least up to `end`.
    pub(crate) fn hand_over(&self, end: LogPosition) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        if writer.written >= end {
            return Ok(());
        }
        self.write_pending(&mut writer)
    }

    /// Hands over all that was appended so far.
    pub(crate) fn write_pending(&self, writer: &mut Writer) -> Result<(), LogError> {
        // The caller that had the turn before may have failed: then nothing may be written after
        // the gap.
        self.check()?;
        // Empty, but after a panic of the disk: then the same bytes go to the same places.
        writer.taken.write().map_err(|e| self.stop(e))?;
        let end = {
            let mut tail = self.tail.lock();
            std::mem::swap(&mut tail.pending, &mut writer.taken);
            tail.end()
        };
        writer.taken.write().map_err(|e| self.stop(e))?;
        writer.written = end;
        Ok(())
    }
}
