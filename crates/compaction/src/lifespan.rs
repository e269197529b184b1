//! The times of an SSTable that decide whether it can be dropped without being read.

use helenus_types::{LocalDeletionTime, Timestamp};

/// What decides whether an SSTable is expired, and whether it keeps others from being dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifespan {
    /// No timestamp in it is lower.
    pub min_timestamp: Timestamp,
    /// No timestamp in it is higher.
    pub max_timestamp: Timestamp,
    /// When the last thing in it was deleted or expires; [`LocalDeletionTime::NONE`] if something
    /// lives on.
    pub max_local_deletion_time: LocalDeletionTime,
}

impl Lifespan {
    /// Whether everything in it was deleted or has expired before that second.
    #[must_use]
    pub fn is_expired(&self, gc_before: LocalDeletionTime) -> bool {
        self.max_local_deletion_time < gc_before
    }

    /// Whether this one, in which something is alive, may hold something that the expired one
    /// deletes.
    #[must_use]
    pub fn blocks(&self, expired: &Lifespan) -> bool {
        expired.max_timestamp >= self.min_timestamp
    }
}
