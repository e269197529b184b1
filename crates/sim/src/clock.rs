//! A clock that only tests move.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use helenus_io::Clock;

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct SimClock {
    wall_micros: AtomicI64,
    elapsed_nanos: AtomicU64,
}

impl SimClock {
    /// A clock whose wall shows `micros` since 1970, with nothing elapsed.
    #[must_use]
    pub const fn new(micros: i64) -> Self {
        Self { wall_micros: AtomicI64::new(micros), elapsed_nanos: AtomicU64::new(0) }
    }

    /// Sets the wall clock, forwards or backwards, as an administrator may. The elapsed time stays.
    pub fn set_micros(&self, micros: i64) {
        self.wall_micros.store(micros, Ordering::SeqCst);
    }

    /// Lets time pass, for both the wall clock and the elapsed time.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.wall_micros.fetch_add(micros, Ordering::SeqCst);
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed_nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_micros(&self) -> i64 {
        self.wall_micros.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_nanos.load(Ordering::SeqCst))
    }
}
