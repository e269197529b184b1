//! Options of a log and its durability modes.

use std::time::Duration;

/// A table that a record touches. The log only compares tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableTag(pub u32);

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on stable storage. Concurrent writers share one sync.
    Sync,
    /// At once, unless the last completed sync began longer ago than this: then after the next one.
    Periodic(Duration),
    /// Once the operating system has it.
    Buffered,
}

/// Options of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// Bytes of a segment, from 1 KiB to 1 GiB (others are brought into the range). A record may be
    /// half as long. The first segments after opening are shorter, so that a log of little takes
    /// little.
    pub segment_len: u32,
    /// When [`CommitLog::commit`](crate::CommitLog::commit) returns.
    pub durability: Durability,
    /// Above this many bytes in segments that hold unflushed records
    /// [`CommitLog::over_cap`](crate::CommitLog::over_cap) says so. Spare segments come on top.
    pub max_total_bytes: u64,
    /// The number of segments kept ready, once the log has grown to segments of full length.
    pub spare_segments: usize,
    /// The number that the next segment has at least: one more than any that a manifest mentions.
    pub first_segment: u64,
    /// Random bits. With them no payload can be made to look like the log's own records.
    pub salt_seed: u64,
}

impl LogOptions {
    pub(crate) const MIN_SEGMENT_LEN: u32 = 1 << 10;
    pub(crate) const MAX_SEGMENT_LEN: u32 = 1 << 30;
    /// Bytes of the first segment after opening.
    pub(crate) const FIRST_SEGMENT_LEN: u32 = 128 << 10;
    /// The factor by which each segment is longer than the one before, until they have their full
    /// length.
    pub(crate) const SEGMENT_GROWTH: u32 = 4;
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_len: 32 << 20,
            durability: Durability::Periodic(Duration::from_secs(1)),
            max_total_bytes: 1 << 30,
            spare_segments: 2,
            first_segment: 1,
            salt_seed: 0,
        }
    }
}
