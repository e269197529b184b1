//! Cells: one value of one column of one row, or its absence.

use helenus_types::{LocalDeletionTime, Timestamp};

/// A cell, borrowed (`db.rows.Cell`).
///
/// | ttl | local deletion time | kind |
/// |---|---|---|
/// | 0 | none | live |
/// | 0 | a second | tombstone, deleted in that second |
/// | > 0 | a second | expiring, live before that second |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Write time in µs.
    pub timestamp: Timestamp,
    /// Time to live in seconds, 0 when the cell doesn't expire.
    pub ttl: u32,
    /// Second of deletion or expiration.
    pub local_deletion_time: LocalDeletionTime,
    /// Path inside a complex column; empty for a simple one.
    pub path: &'a [u8],
    /// Serialized value; empty for a tombstone.
    pub value: &'a [u8],
}

impl<'a> Cell<'a> {
    /// A live cell of a simple column.
    pub fn live(timestamp: Timestamp, value: &'a [u8]) -> Self {
        Self { timestamp, ttl: 0, local_deletion_time: LocalDeletionTime::NONE, path: &[], value }
    }

    /// A cell that expires at second `local_deletion_time`, `ttl` seconds after it was written.
    pub fn expiring(
        timestamp: Timestamp,
        ttl: u32,
        local_deletion_time: LocalDeletionTime,
        value: &'a [u8],
    ) -> Self {
        Self { timestamp, ttl, local_deletion_time, path: &[], value }
    }

    /// A tombstone of a simple column.
    pub fn tombstone(timestamp: Timestamp, local_deletion_time: LocalDeletionTime) -> Self {
        Self { timestamp, ttl: 0, local_deletion_time, path: &[], value: &[] }
    }

    /// The same cell inside a complex column.
    #[must_use]
    pub fn at_path(self, path: &'a [u8]) -> Self {
        Self { path, ..self }
    }

    /// Whether the cell has a ttl.
    #[inline]
    pub fn is_expiring(&self) -> bool {
        self.ttl != 0
    }

    /// Whether the cell is a tombstone (an expired cell is not one until compaction makes it one).
    #[inline]
    pub fn is_tombstone(&self) -> bool {
        self.ttl == 0 && self.local_deletion_time != LocalDeletionTime::NONE
    }

    /// Whether the cell shows its value at second `now`.
    #[inline]
    pub fn is_live(&self, now: u32) -> bool {
        self.local_deletion_time == LocalDeletionTime::NONE
            || (self.ttl != 0 && now < self.local_deletion_time.0)
    }
}
