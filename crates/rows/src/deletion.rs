//! Deletion times: of partitions, rows, ranges and whole collections.

use helenus_types::{LocalDeletionTime, Timestamp};

/// The time of a deletion, in both of Cassandra's clocks (`db.DeletionTime`).
///
/// `marked_for_delete_at` decides what is shadowed (everything written at or before it);
/// `local_deletion_time` decides when the tombstone itself may be purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeletionTime {
    /// Writer's timestamp in µs: data with a timestamp up to and including it is deleted.
    pub marked_for_delete_at: Timestamp,
    /// Wall clock second of the deletion.
    pub local_deletion_time: LocalDeletionTime,
}

impl DeletionTime {
    /// Nothing is deleted.
    pub const LIVE: Self =
        Self { marked_for_delete_at: Timestamp::MIN, local_deletion_time: LocalDeletionTime::NONE };

    /// A deletion of everything written up to and including `marked_for_delete_at`.
    pub fn new(marked_for_delete_at: Timestamp, local_deletion_time: LocalDeletionTime) -> Self {
        Self { marked_for_delete_at, local_deletion_time }
    }

    /// Whether this deletes nothing. The smallest timestamp alone means that: 5.x writers give a
    /// live complex deletion next to a real one an arbitrary local deletion time.
    #[inline]
    pub fn is_live(&self) -> bool {
        self.marked_for_delete_at == Timestamp::MIN
    }

    /// Whether data written at `timestamp` is deleted: a deletion wins against a write of the same
    /// time.
    #[inline]
    pub fn deletes(&self, timestamp: Timestamp) -> bool {
        !self.is_live() && timestamp <= self.marked_for_delete_at
    }

    /// Whether this deletion makes `other` redundant: later, or of the same time and purgeable
    /// later.
    #[inline]
    pub fn supersedes(&self, other: &Self) -> bool {
        if self.marked_for_delete_at == other.marked_for_delete_at {
            !self.is_live() && self.local_deletion_time > other.local_deletion_time
        } else {
            self.marked_for_delete_at > other.marked_for_delete_at
        }
    }

    /// The one of the two that supersedes the other.
    #[inline]
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if other.supersedes(&self) { other } else { self }
    }
}
