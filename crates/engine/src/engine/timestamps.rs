//! Timestamps of writes that bring none: strictly rising, whatever the clock does.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use helenus_io::Clock;
use helenus_types::Timestamp;

/// Gives max(clock, last given + 1). A caller's own timestamps don't raise it.
#[derive(Debug)]
pub(crate) struct Timestamps {
    last: AtomicI64,
}

impl Timestamps {
    /// Nothing up to and including `floor` is given.
    pub(crate) fn new(floor: i64) -> Self {
        Self { last: AtomicI64::new(floor) }
    }

    /// The next timestamp, in µs.
    #[inline]
    pub(crate) fn next(&self, clock: &dyn Clock) -> Timestamp {
        let now = clock.now_micros();
        let mut last = self.last.load(Relaxed);
        loop {
            let next = now.max(last.saturating_add(1));
            match self.last.compare_exchange_weak(last, next, Relaxed, Relaxed) {
                Ok(_) => return Timestamp(next),
                Err(seen) => last = seen,
            }
        }
    }

    /// The last one given.
    pub(crate) fn last(&self) -> i64 {
        self.last.load(Relaxed)
    }

    /// Makes sure that nothing up to `timestamp` is given.
    pub(crate) fn raise(&self, timestamp: Timestamp) {
        self.last.fetch_max(timestamp.0, Relaxed);
    }
}
