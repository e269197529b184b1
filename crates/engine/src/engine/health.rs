//! The database's health: failures, room and lag, in one answer.

use std::io;

use helenus_types::Timestamp;

use super::failures::{Failure, Work};
use super::write_side::WriteSide;
use crate::health::{Health, HealthIssue, HealthReason, HealthStatus};

impl WriteSide {
    /// The database's health, by what happened so far.
    pub(crate) fn health(&self) -> Health {
        let failures = self.failures.list();
        let mut reasons: Vec<_> =
            failures.iter().filter_map(|(work, failure)| self.reason_of(*work, failure)).collect();
        let is_full = |kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let full = failures.iter().find(|(_, failure)| failure.error.io_kind().is_some_and(is_full));
        reasons.extend(full.map(|(_, failure)| HealthReason {
            status: HealthStatus::Critical,
            issue: HealthIssue::DiskFull,
            table: None,
            since: Some(failure.since),
            text: failure.error.to_string(),
        }));
        reasons.extend(self.reasons_for_all());
        reasons.extend(self.reasons_of_room());
        Health::new(reasons)
    }

    fn reason_of(&self, work: Work, failure: &Failure) -> Option<HealthReason> {
        let is_refused = |tag| {
            let held = self.set.table_of(tag).map_or(0, |core| core.memtable_bytes());
            held >= self.pressure.budget() / 2
        };
        let (status, issue) = match work {
            Work::Log => (HealthStatus::Warning, HealthIssue::LogFails),
            // Its consequence for writes is among the reasons for all.
            Work::Manifest => return None,
            Work::Flush(tag) if is_refused(tag) => (HealthStatus::Critical, HealthIssue::FlushFails),
            Work::Flush(_) => (HealthStatus::Warning, HealthIssue::FlushFails),
            Work::Compaction(_) => (HealthStatus::Warning, HealthIssue::CompactionFails),
            Work::Reading(tag, generation) => {
                let view = self.set.table_of(tag)?.view.load_full();
                // A truncation may have taken it away.
                view.sstables.iter().find(|live| live.generation == generation)?;
                (HealthStatus::Warning, HealthIssue::SuspectSsTable)
            }
        };
        let table = work.table().and_then(|tag| self.set.name_of(tag));
        let text = failure.error.to_string();
        Some(HealthReason { status, issue, table, since: Some(failure.since), text })
    }

    /// Reasons for which no write is promised.
    fn reasons_for_all(&self) -> Vec<HealthReason> {
        let mut reasons = Vec::new();
        let mut critical = |issue, text| {
            let status = HealthStatus::Critical;
            reasons.push(HealthReason { status, issue, table: None, since: None, text });
        };
        if let Some(what) = self.calls.poisoned() {
            critical(HealthIssue::Panicked, what.to_owned());
        }
        if let Some(Err(error)) = self.log().map(|log| log.check()) {
            critical(HealthIssue::LogFails, error.to_string());
        }
        if let Err(error) = self.check_certain() {
            critical(HealthIssue::ManifestInDoubt, error.to_string());
        }
        reasons
    }

    /// Shortage of room, or excess of files.
    fn reasons_of_room(&self) -> Vec<HealthReason> {
        let mut reasons = Vec::new();
        let mut warn = |status, issue, table, text| {
            reasons.push(HealthReason { status, issue, table, since: None::<Timestamp>, text });
        };
        for core in self.set.all_tables().iter().filter(|core| core.backlog.lags()) {
            let text = format!(
                "compaction lags: {} SSTables; writers are slowed by {:.1} % of the most",
                core.view.load().sstables.len(),
                core.backlog.lag().powi(2) * 100.0
            );
            warn(HealthStatus::Warning, HealthIssue::CompactionLags, Some(core.name()), text);
        }
        let waiters = self.pressure.waiters();
        if waiters > 0 {
            let text = format!("{waiters} writes wait for room in memory");
            warn(HealthStatus::Warning, HealthIssue::WritesWait, None, text);
        }
        let log_bytes = self.log().map_or(0, |log| log.total_bytes());
        if log_bytes > self.options.log_total_bytes.saturating_mul(2) {
            let text =
                format!("the log has {log_bytes} bytes, of {} it should", self.options.log_total_bytes);
            warn(HealthStatus::Warning, HealthIssue::LogTooLarge, None, text);
        }
        let (held, limit) = (self.set.pinned.usage().memory_bytes, self.options.pinned_bytes_limit);
        if held > limit.unwrap_or(self.pressure.budget() as u64) {
            let text = format!("open iterators hold {held} bytes of memory that nothing else needs");
            let status = if limit.is_some() { HealthStatus::Critical } else { HealthStatus::Warning };
            warn(status, HealthIssue::PinnedMemory, None, text);
        }
        reasons
    }
}
