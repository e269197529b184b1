//! Newtypes for times, tokens, ids and positions, with their units.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// When a write happened: microseconds since 1970, but chosen by the client and so any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// No timestamp: an empty liveness, a deletion time that deletes nothing
    /// (`LivenessInfo.NO_TIMESTAMP`, `DeletionTime.LIVE`).
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest timestamp.
    pub const MAX: Timestamp = Timestamp(i64::MAX);
}

/// When a tombstone was made or a cell expires: unsigned seconds since 1970, by the server's clock.
/// It decides purging and expiry, never which write wins over a newer timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDeletionTime(pub u32);

impl LocalDeletionTime {
    /// Not deleted and not expiring (`Cell.NO_DELETION_TIME`).
    pub const NONE: LocalDeletionTime = LocalDeletionTime(u32::MAX);
    /// A value found on disk that cannot be (`Cell.INVALID_DELETION_TIME`).
    pub const INVALID: LocalDeletionTime = LocalDeletionTime(0xFFFF_FFFE);
    /// The latest second that can be stored (`Cell.MAX_DELETION_TIME`).
    pub const MAX: LocalDeletionTime = LocalDeletionTime(0xFFFF_FFFD);
}

/// A partition's place on the Murmur3 ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub i64);

impl Token {
    /// Before every key but the empty one, whose token it is.
    pub const MIN: Token = Token(i64::MIN);
    /// The last token.
    pub const MAX: Token = Token(i64::MAX);

    /// Eight bytes that compare unsigned as the tokens do.
    #[inline]
    #[must_use]
    pub const fn comparable(self) -> [u8; 8] {
        (self.0 ^ i64::MIN).to_be_bytes()
    }
}

/// A table's identity, which outlives its name. Displayed as 32 hex digits as in directory names,
/// with `{:#}` as a hyphenated UUID; parsed from either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub Uuid);

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { self.0.hyphenated().fmt(f) } else { self.0.simple().fmt(f) }
    }
}

impl FromStr for TableId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<TableId, uuid::Error> {
        Uuid::parse_str(text).map(TableId)
    }
}

/// The number of an SSTable within its table, as in its files' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the commit log: the segment's number, the bytes from its start (`CommitLogPosition`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// The segment; the bit pattern of Java's `long`.
    pub segment: u64,
    /// Bytes from the segment's start.
    pub offset: u32,
}

impl LogPosition {
    /// No position; before every other (`CommitLogPosition.NONE`, whose segment is -1).
    pub const NONE: LogPosition = LogPosition { segment: u64::MAX, offset: 0 };
    /// The start of the first possible segment.
    pub const ZERO: LogPosition = LogPosition { segment: 0, offset: 0 };
}

impl Ord for LogPosition {
    fn cmp(&self, other: &LogPosition) -> Ordering {
        // Segments are signed in Cassandra, and NONE is its -1.
        (self.segment.cast_signed(), self.offset).cmp(&(other.segment.cast_signed(), other.offset))
    }
}

impl PartialOrd for LogPosition {
    fn partial_cmp(&self, other: &LogPosition) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_ids_are_read_in_both_forms() {
        let id: TableId = "5bc52802-de25-35ed-aeab-188eecebb090".parse().unwrap();
        assert_eq!(id.to_string(), "5bc52802de2535edaeab188eecebb090");
        assert_eq!(format!("{id:#}"), "5bc52802-de25-35ed-aeab-188eecebb090");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn no_position_comes_first() {
        assert!(LogPosition::NONE < LogPosition::ZERO);
        assert!(LogPosition { segment: 1, offset: 9 } < LogPosition { segment: 2, offset: 0 });
    }

    #[test]
    fn comparable_tokens() {
        assert!(Token::MIN.comparable() < Token(-1).comparable());
        assert!(Token(-1).comparable() < Token(0).comparable());
        assert!(Token(0).comparable() < Token::MAX.comparable());
    }
}
