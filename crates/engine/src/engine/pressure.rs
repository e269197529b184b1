//! One budget for all memtables: a write reserves its bytes before it copies them, is slowed as the
//! budget fills, and waits when it is full.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// From this share of the budget on (in 1/8) writers are slowed.
const SLOW_FROM_EIGHTHS: usize = 6;
/// The longest pause of a write, its bytes not counted.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause for a MiB of a write.
const LONGEST_PAUSE_PER_MIB: Duration = Duration::from_millis(100);

/// Bytes in memtables, all tables together, active and being flushed, and bytes that writes have
/// reserved.
#[derive(Debug)]
pub(crate) struct Pressure {
    budget: usize,
    used: AtomicUsize,
    waiting: Mutex<RoomQueue>,
    /// Their number.
    waiters: AtomicUsize,
    freed: Condvar,
    tickets: AtomicU64,
    /// Writes that were slowed or had to wait, and for how long.
    stalls: AtomicU64,
    stalled_nanos: AtomicU64,
}

#[derive(Debug, Default)]
struct RoomQueue {
    /// Writes that wait for room, each by its ticket, first come first served.
    queue: VecDeque<u64>,
    /// Counts the times that bytes were given back: a writer that looks for room and then waits
    /// must not miss one.
    freed: u64,
}

/// Bytes reserved for a write. The unused rest is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    pressure: &'a Pressure,
    left: usize,
}

/// A place in the queue of waiting writers.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pressure: &'a Pressure,
    ticket: u64,
}

impl Pressure {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            used: AtomicUsize::new(0),
            waiting: Mutex::default(),
            waiters: AtomicUsize::new(0),
            freed: Condvar::new(),
            tickets: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
            stalled_nanos: AtomicU64::new(0),
        }
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// The number of writes that wait for room.
    pub(crate) fn waiters(&self) -> usize {
        self.waiters.load(Acquire)
    }

    /// The number of writes that were slowed or had to wait, and their total delay.
    pub(crate) fn stalls(&self) -> (u64, Duration) {
        (self.stalls.load(Relaxed), Duration::from_nanos(self.stalled_nanos.load(Relaxed)))
    }

    /// Counts a write that was held up for `so_long`.
    pub(crate) fn count_stall(&self, so_long: Duration) {
        self.stalls.fetch_add(1, Relaxed);
        let nanos = u64::try_from(so_long.as_nanos()).unwrap_or(u64::MAX);
        self.stalled_nanos.fetch_add(nanos, Relaxed);
    }

    /// Reserves bytes if there is enough room that no writer need be slowed.
    #[inline]
    pub(crate) fn reserve_freely(&self, bytes: usize) -> Option<Reservation<'_>> {
        let slow_from = self.budget / 8 * SLOW_FROM_EIGHTHS;
        let before = self.used.fetch_add(bytes, Relaxed);
        let reservation = Reservation { pressure: self, left: bytes };
        (before.saturating_add(bytes) < slow_from).then_some(reservation)
    }

    /// Reserves bytes of that budget, or if nothing is used: a write that is larger than all of it
    /// must pass too.
    pub(crate) fn reserve_within(&self, bytes: usize, budget: usize) -> Option<Reservation<'_>> {
        let fits = |used: usize| used == 0 || used.saturating_add(bytes) <= budget;
        let reserve = |used: usize| fits(used).then(|| used.saturating_add(bytes));
        self.used.fetch_update(Relaxed, Relaxed, reserve).ok()?;
        Some(Reservation { pressure: self, left: bytes })
    }

    /// Reserves bytes whatever is used.
    pub(crate) fn reserve_anyway(&self, bytes: usize) -> Reservation<'_> {
        self.used.fetch_add(bytes, Relaxed);
        Reservation { pressure: self, left: bytes }
    }

    /// The fullness of that budget, from the level at which writers are slowed (0) to full (1).
    pub(crate) fn fullness(&self, budget: usize) -> f64 {
        let slow_from = budget / 8 * SLOW_FROM_EIGHTHS;
        let over = self.used().saturating_sub(slow_from) as f64;
        (over / (budget - slow_from).max(1) as f64).min(1.0)
    }

    /// Counts bytes that exist already, whatever the budget.
    pub(crate) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Gives bytes back and wakes waiting writers.
    pub(crate) fn release(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Relaxed);
        debug_assert!(before >= bytes, "more is given back than was taken");
        self.wake();
    }

    /// Wakes waiting writers, which check again.
    pub(crate) fn wake(&self) {
        let mut waiting = self.waiting.lock();
        waiting.freed = waiting.freed.wrapping_add(1);
        self.freed.notify_all();
    }

    /// Queues up for room.
    pub(crate) fn queue_up(&self) -> Turn<'_> {
        let ticket = self.tickets.fetch_add(1, Relaxed);
        let mut waiting = self.waiting.lock();
        waiting.queue.push_back(ticket);
        self.waiters.store(waiting.queue.len(), Release);
        Turn { pressure: self, ticket }
    }

    /// A counter that changes when something is given back.
    pub(crate) fn freed(&self) -> u64 {
        self.waiting.lock().freed
    }

    /// Waits until something is given back since [`freed`](Self::freed) was `seen`, at most
    /// `longest`; false if nothing was.
    pub(crate) fn wait(&self, seen: u64, longest: Duration) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.freed != seen || !self.freed.wait_for(&mut waiting, longest).timed_out()
    }
}

/// The pause of a write of `bytes` bytes when something is `fullness` full, from 0 to 1: rising
/// with the square, from nothing to the longest pause, without a step.
pub(crate) fn pause(fullness: f64, bytes: usize) -> Duration {
    let longest = LONGEST_PAUSE + LONGEST_PAUSE_PER_MIB.mul_f64(bytes as f64 / f64::from(1 << 20));
    longest.mul_f64(fullness * fullness)
}

impl Reservation<'_> {
    /// Passes `grown` bytes on to the memtable, which has grown by them.
    #[inline]
    pub(crate) fn pass_on(&mut self, grown: usize) {
        if let Some(left) = self.left.checked_sub(grown) {
            self.left = left;
        } else {
            // Memory is taken in chunks: often more than the write needs.
            self.pressure.add(grown - self.left);
            self.left = 0;
        }
    }
}

impl Drop for Reservation<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.left > 0 {
            self.pressure.used.fetch_sub(self.left, Relaxed);
            if self.pressure.waiters() > 0 {
                self.pressure.wake();
            }
        }
    }
}

impl Turn<'_> {
    /// Whether it has come.
    pub(crate) fn has_come(&self) -> bool {
        self.pressure.waiting.lock().queue.front() == Some(&self.ticket)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.pressure.waiting.lock();
        waiting.queue.retain(|ticket| *ticket != self.ticket);
        self.pressure.waiters.store(waiting.queue.len(), Release);
        waiting.freed = waiting.freed.wrapping_add(1);
        self.pressure.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_rise_smoothly_and_end() {
        assert_eq!(pause(0.0, 1 << 30), Duration::ZERO);
        assert_eq!(pause(1.0, 0), LONGEST_PAUSE);
        assert_eq!(pause(1.0, 1 << 20), LONGEST_PAUSE + LONGEST_PAUSE_PER_MIB);
        assert_eq!(pause(0.5, 0) * 4, pause(1.0, 0));
    }

    #[test]
    fn what_a_write_reserved_and_did_not_take_comes_back() {
        let pressure = Pressure::new(800);
        let mut reservation = pressure.reserve_freely(100).unwrap();
        reservation.pass_on(30);
        assert_eq!(pressure.used(), 100);
        drop(reservation);
        assert_eq!(pressure.used(), 30);
        let mut reservation = pressure.reserve_within(100, 800).unwrap();
        reservation.pass_on(500);
        drop(reservation);
        assert_eq!(pressure.used(), 530);
        assert!(pressure.reserve_freely(100).is_none());
        assert!(pressure.reserve_within(300, 800).is_none());
        assert_eq!(pressure.used(), 530);
        pressure.release(530);
        assert!(pressure.reserve_within(10_000, 800).is_some(), "larger than the budget, and alone");
    }

    #[test]
    fn those_who_wait_are_served_in_their_order() {
        let pressure = Pressure::new(800);
        let (first, second) = (pressure.queue_up(), pressure.queue_up());
        assert!(first.has_come() && !second.has_come());
        drop(first);
        assert!(second.has_come());
    }
}
