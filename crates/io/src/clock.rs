//! Clocks: wall time and elapsed time, as a trait, so that tests decide what time it is.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from. Nothing below the engine asks the system itself.
pub trait Clock: Send + Sync + Debug {
    /// Wall-clock time in microseconds since 1970. It may jump, also backwards.
    fn now_micros(&self) -> i64;

    /// Time since some fixed moment before; never goes backwards. For durations.
    fn elapsed(&self) -> Duration;

    /// Wall-clock time in whole seconds since 1970, rounded down.
    fn now_seconds(&self) -> i64 {
        self.now_micros().div_euclid(1_000_000)
    }
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::elapsed`] counts from now.
    #[must_use]
    pub fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that all others take as an argument"
        )]
        let origin = Instant::now();
        Self { origin }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that all others take as an argument"
        )]
        let now = SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            // A system clock before 1970: count backwards rather than stop.
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        }
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}
