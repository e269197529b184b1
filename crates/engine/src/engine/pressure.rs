//! One budget for all memtables: writers slow down as it fills, and wait when it is full.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// From this share of the budget on (in 1/8) writers are slowed.
const SLOW_FROM_EIGHTHS: usize = 6;
/// The longest pause of a slowed write; a pause ends early when a flush frees memory.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// Bytes in memtables, all tables together, active and being flushed.
#[derive(Debug)]
pub(crate) struct Pressure {
    budget: usize,
    used: AtomicUsize,
    waiting: Mutex<()>,
    freed: Condvar,
}

/// What a writer should do before it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go on.
    Free,
    /// Pause for so long first, or until memory is freed.
    Slow(Duration),
    /// Wait for a flush.
    Full,
}

impl Pressure {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, used: AtomicUsize::new(0), waiting: Mutex::new(()), freed: Condvar::new() }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// What the budget says about one more write.
    #[inline]
    pub(crate) fn admission(&self) -> Admission {
        let used = self.used();
        let slow_from = self.budget / 8 * SLOW_FROM_EIGHTHS;
        if used < slow_from {
            Admission::Free
        } else if used >= self.budget {
            Admission::Full
        } else {
            let over = (used - slow_from) as f64 / (self.budget - slow_from).max(1) as f64;
            // Rises with the square, from nothing to the longest pause: smooth, not a wall.
            Admission::Slow(LONGEST_PAUSE.mul_f64(over * over))
        }
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Gives bytes back and wakes who waits.
    pub(crate) fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        let _waiting = self.waiting.lock();
        self.freed.notify_all();
    }

    /// Waits until memory is freed, at most so long.
    pub(crate) fn wait(&self, longest: Duration) {
        let mut waiting = self.waiting.lock();
        self.freed.wait_for(&mut waiting, longest);
    }
}
