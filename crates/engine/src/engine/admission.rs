//! Admission: a write waits here before any of its bytes are copied.
//!
//! Two things slow writers, smoothly: memtables that fill their budget, and SSTables that wait for
//! compaction. Each is a share from 0 to 1: of the budget's memory from
//! 6/8 to all; of a table's SSTables that are due and that no compaction reads yet from 16 to 128,
//! and of their bytes from 16 to 128 times the size at which a memtable is flushed. A write pauses
//! for the larger one's square times (2 ms + 100 ms for each MiB of it). The lag of compaction
//! never does more; when the budget of memory is full, writes wait for their turn, and are refused
//! after [`Options::write_timeout`](crate::Options::write_timeout).

use helenus_commitlog::TableTag;

use super::failures::Work;
use super::mutation::Mutation;
use super::pressure::{Reservation, Turn, pause};
use super::scheduler::{Patience, TICK};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};

/// The limits of memory under which a mutation is admitted.
#[derive(Clone, Copy, Debug)]
struct RoomLimits {
    /// The limit for all memtables together.
    of_all: usize,
    /// The limit for tables whose flushes fail, if the mutation is about one.
    of_failing: Option<usize>,
    /// Whether readers hold more than they may.
    is_pinned: bool,
}

impl WriteSide {
    /// Reserves room for a mutation before anything is copied; slows or holds its writer as the
    /// budget of memtables fills, and as compaction lags.
    #[inline]
    pub(super) fn admit(&self, mutation: &Mutation) -> Result<Reservation<'_>> {
        let bytes = mutation.payload.len();
        let is_held_up = self.failures.of_flushes()
            || self.pressure.waiters() > 0
            || self.set.pinned.is_over_limit()
            || mutation.updates.iter().any(|update| update.core.backlog.lags());
        if !is_held_up && let Some(room) = self.pressure.reserve_freely(bytes) {
            return Ok(room);
        }
        self.admit_slowly(mutation, bytes)
    }

    #[cold]
    fn admit_slowly(&self, mutation: &Mutation, bytes: usize) -> Result<Reservation<'_>> {
        let limits = self.limits(mutation);
        if self.has_threads() {
            let lag = mutation.updates.iter().map(|update| update.core.backlog.lag()).fold(0.0, f64::max);
            let pause = pause(lag.max(self.pressure.fullness(limits.of_all)), bytes);
            if !pause.is_zero() {
                let begun = self.set.clock().elapsed();
                self.pressure.wait(self.pressure.freed(), pause.min(self.options.write_timeout));
                self.pressure.count_stall(self.set.clock().elapsed().saturating_sub(begun));
            }
        }
        let room = || self.pressure.reserve_within(bytes, limits.of_all);
        if limits.allow(bytes)
            && self.pressure.waiters() == 0
            && let Some(room) = room()
        {
            return Ok(room);
        }
        self.wait_for_room(mutation, bytes)
    }

    /// Waits until there is room, for as long as a write may.
    #[cold]
    fn wait_for_room(&self, mutation: &Mutation, bytes: usize) -> Result<Reservation<'_>> {
        if self.pressure.waiters() == 0 {
            tracing::warn!(
                bytes,
                used_bytes = self.pressure.used(),
                budget_bytes = self.pressure.budget(),
                flushes = self.scheduler.load().flushes,
                failing_tables = self.failures.tables_of_flushes().len(),
                "writes wait for room in memory"
            );
        }
        let begun = self.set.clock().elapsed();
        let mut patience = Patience::new(&**self.set.clock(), self.options.write_timeout);
        let mut turn = None;
        let outcome = loop {
            self.check_writable()?;
            let freed = self.pressure.freed();
            let limits = self.limits(mutation);
            // Writes of tables whose flushes fail wait separately: others must not queue up after
            // them.
            turn = if limits.allow(bytes) { turn.or_else(|| Some(self.pressure.queue_up())) } else { None };
            if turn.as_ref().is_some_and(Turn::has_come)
                && let Some(room) = self.pressure.reserve_within(bytes, limits.of_all)
            {
                break Ok(room);
            }
            self.flush_largest();
            if !self.has_threads() {
                if limits.is_pinned {
                    // The holder has no time to release it meanwhile.
                    break Err(self.overloaded(mutation));
                }
                if self.flush_for(mutation)? {
                    continue;
                }
                break Ok(self.pressure.reserve_anyway(bytes));
            }
            if let Some(log) = self.log() {
                log.check()?;
            }
            let left = patience.left().min(TICK);
            if left.is_zero() {
                break Err(self.overloaded(mutation));
            }
            if !self.pressure.wait(freed, left) {
                patience.waited(left);
            }
        };
        self.pressure.count_stall(self.set.clock().elapsed().saturating_sub(begun));
        outcome
    }

    /// Flushes something in the place of threads, so that a mutation has room; false when nothing
    /// more can be done. A failed flush of a table is an error for writes to that table only.
    fn flush_for(&self, mutation: &Mutation) -> Result<bool> {
        let failed_before = self.failures.tables_of_flushes();
        let error = match self.flush_next() {
            Ok(flushed) => return Ok(flushed),
            Err(error) => error,
        };
        let failing = self.failures.tables_of_flushes();
        if mutation.updates.iter().any(|update| failing.contains(&update.core.tag)) {
            return Err(error);
        }
        // The memory of a table that is known to fail does not count against this write from now
        // on.
        Ok(failing.len() > failed_before.len())
    }

    /// The memory that a mutation's tables may use. Tables whose flushes fail keep what they hold
    /// until the cause is gone: together they may fill half of the budget, and however much they
    /// held when they began to fail, the others have half of it.
    fn limits(&self, mutation: &Mutation) -> RoomLimits {
        let budget = self.pressure.budget();
        let is_pinned =
            self.set.pinned.is_over_limit() && self.set.pinned.look_again(self.options.pinned_bytes_limit);
        if !self.failures.of_flushes() {
            return RoomLimits { of_all: budget, of_failing: None, is_pinned };
        }
        let (mut held, mut is_of_failing) = (0, false);
        for tag in self.failures.tables_of_flushes() {
            let Some(core) = self.set.table_of(tag) else { continue };
            held += core.memtable_bytes();
            is_of_failing |= mutation.updates.iter().any(|update| update.core.tag == tag);
        }
        RoomLimits {
            of_all: budget.max(held.saturating_add(budget / 2)),
            of_failing: is_of_failing.then(|| (budget / 2).saturating_sub(held)),
            is_pinned,
        }
    }

    /// Why a write was not admitted.
    fn overloaded(&self, mutation: &Mutation) -> Error {
        let failures = self.failures.list();
        let concerns = |tag: TableTag| mutation.updates.iter().any(|update| update.core.tag == tag);
        let of_flush = |work: &Work| matches!(work, Work::Flush(_));
        let own = failures.iter().find(|(work, _)| of_flush(work) && work.table().is_some_and(concerns));
        let reason = match own.or_else(|| failures.iter().find(|(work, _)| of_flush(work))) {
            Some((work, failure)) => {
                let table = work.table().and_then(|tag| self.set.name_of(tag)).unwrap_or_default();
                let lasting =
                    self.set.clock().now_micros().saturating_sub(failure.since.0).max(0) / 1_000_000;
                format!("for {lasting} s {table} can't be flushed: {}", failure.error)
            }
            None if self.set.pinned.is_over_limit() => {
                let bytes = self.set.pinned.usage().memory_bytes;
                format!("open iterators hold {bytes} bytes that nothing else needs; drop them")
            }
            None => format!("{} flushes wait or run", self.scheduler.load().flushes),
        };
        let text = format!(
            "no room in memory for a write of {} bytes within {:?}: {reason}",
            mutation.payload.len(),
            self.options.write_timeout,
        );
        tracing::warn!(%text, "a write was refused");
        Error::new(ErrorKind::Overloaded, text)
    }
}

impl RoomLimits {
    /// Whether a write of `bytes` bytes may queue up for room.
    fn allow(&self, bytes: usize) -> bool {
        !self.is_pinned && self.of_failing.is_none_or(|left| bytes <= left)
    }
}
