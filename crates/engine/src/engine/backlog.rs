//! The lag of a table's compaction, which slows writers (`admission.rs`).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use helenus_compaction::Waiting;

/// SSTables of a table that may wait for compaction before its writers are slowed.
const SLOW_FROM_TABLES: u64 = 16;
/// SSTables that wait when they are slowed most.
const SLOWEST_AT_TABLES: u64 = 128;
/// Parts of the way from one to the other.
const LAG_PARTS: u32 = 1000;

/// The lag of a table's compaction.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// The lag, in units of 1/[`LAG_PARTS`].
    lag: AtomicU32,
}

impl Backlog {
    /// Whether writers are slowed for it.
    #[inline]
    pub(crate) fn lags(&self) -> bool {
        self.lag.load(Relaxed) > 0
    }

    /// From 0, at which no writer is slowed, to 1, at which writers are slowed most.
    pub(crate) fn lag(&self) -> f64 {
        f64::from(self.lag.load(Relaxed)) / f64::from(LAG_PARTS)
    }

    /// Sets the SSTables that wait for compaction; memtables are flushed at `memtable_bytes`.
    pub(crate) fn set(&self, waiting: Waiting, memtable_bytes: u64) {
        let tables = share(waiting.tables, SLOW_FROM_TABLES, SLOWEST_AT_TABLES);
        let bytes = share(
            waiting.bytes,
            SLOW_FROM_TABLES.saturating_mul(memtable_bytes),
            SLOWEST_AT_TABLES.saturating_mul(memtable_bytes),
        );
        // At least one part if there is any lag: 0 means that no writer is slowed.
        let parts = (tables.max(bytes) * f64::from(LAG_PARTS)).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to LAG_PARTS")]
        self.lag.store(parts as u32, Relaxed);
    }
}

/// The position of a value between two others, from 0 to 1.
fn share(value: u64, from: u64, to: u64) -> f64 {
    let way = to.saturating_sub(from).max(1);
    (value.saturating_sub(from) as f64 / way as f64).min(1.0)
}
