//! Row markers: what makes a row exist even without a cell.

use helenus_types::{LocalDeletionTime, Timestamp};

/// Primary key liveness (`db.LivenessInfo`): an INSERT writes one, an UPDATE does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LivenessInfo {
    /// Write time in µs; [`Timestamp::MIN`] when there is no liveness.
    pub timestamp: Timestamp,
    /// Time to live in seconds, 0 when it doesn't expire.
    pub ttl: u32,
    /// Second at which it expires; [`LocalDeletionTime::NONE`] when it doesn't.
    pub local_expiration_time: LocalDeletionTime,
}

impl LivenessInfo {
    /// The row has no marker.
    pub const EMPTY: Self =
        Self { timestamp: Timestamp::MIN, ttl: 0, local_expiration_time: LocalDeletionTime::NONE };

    /// The ttl that marks a liveness as expired whatever the time (materialized views).
    pub const EXPIRED_TTL: u32 = i32::MAX.unsigned_abs();

    /// A marker that doesn't expire.
    pub fn new(timestamp: Timestamp) -> Self {
        Self { timestamp, ..Self::EMPTY }
    }

    /// A marker that expires at second `local_expiration_time`, `ttl` seconds after it was written.
    pub fn expiring(timestamp: Timestamp, ttl: u32, local_expiration_time: LocalDeletionTime) -> Self {
        Self { timestamp, ttl, local_expiration_time }
    }

    /// Whether there is no marker.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.timestamp == Timestamp::MIN
    }

    /// Whether the marker has a ttl.
    #[inline]
    pub fn is_expiring(&self) -> bool {
        self.ttl != 0
    }

    /// Whether this is the marker of an expired view row.
    #[inline]
    pub fn is_expired_marker(&self) -> bool {
        self.ttl == Self::EXPIRED_TTL
    }

    /// Whether the marker makes its row visible at second `now`.
    #[inline]
    pub fn is_live(&self, now: u32) -> bool {
        !self.is_empty()
            && (!self.is_expiring() || (!self.is_expired_marker() && now < self.local_expiration_time.0))
    }

    /// Whether this marker wins over `other` (`LivenessInfo.supersedes`): the later one; at equal
    /// times the view's expired marker, then an expiring one, then the later expiration, then the
    /// smaller ttl (written later).
    pub fn supersedes(&self, other: &Self) -> bool {
        if self.timestamp != other.timestamp {
            return self.timestamp > other.timestamp;
        }
        if self.is_expired_marker() != other.is_expired_marker() {
            return self.is_expired_marker();
        }
        if self.is_expiring() != other.is_expiring() {
            return self.is_expiring();
        }
        if self.local_expiration_time != other.local_expiration_time {
            return self.local_expiration_time > other.local_expiration_time;
        }
        self.ttl < other.ttl
    }

    /// The one of the two that supersedes the other.
    #[inline]
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if other.supersedes(&self) { other } else { self }
    }
}
