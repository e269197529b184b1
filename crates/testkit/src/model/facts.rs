//! The things that can be written. Times: timestamps are microseconds chosen by the client, local
//! times are seconds since 1970.

use super::counter::CounterContext;

/// The local deletion time of what is neither deleted nor expiring (`Cell.NO_DELETION_TIME`).
pub const NO_DELETION_TIME: i64 = i64::MAX;
/// The latest local deletion time (`Cell.MAX_DELETION_TIME`).
pub const MAX_DELETION_TIME: i64 = 4_294_967_293;
/// The time to live that marks a liveness as expired whatever the time
/// (`LivenessInfo.EXPIRED_LIVENESS_TTL`).
pub const EXPIRED_LIVENESS_TTL: i32 = i32::MAX;

/// The values of the clustering columns, one each.
pub type Clustering = Vec<Vec<u8>>;

/// A deletion of everything up to and including a timestamp. The derived order is
/// `DeletionTime.supersedes`, and `None`, which means `DeletionTime.LIVE`, comes before every
/// deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    /// Everything with a timestamp up to this is deleted (µs).
    pub marked_for_delete_at: i64,
    /// When the deletion was made (s).
    pub local_deletion_time: i64,
}

impl Deletion {
    /// Whether this deletes something written at `timestamp`.
    #[must_use]
    pub fn deletes(self, timestamp: i64) -> bool {
        timestamp <= self.marked_for_delete_at
    }
}

/// The deletion of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDeletion {
    /// The deletion.
    pub time: Deletion,
    /// A view's deletion, which disappears under a newer liveness.
    pub shadowable: bool,
}

/// The mark that INSERT leaves: the row lives without any cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// When it was written (µs).
    pub timestamp: i64,
    /// Seconds to live; 0 is for ever, [`EXPIRED_LIVENESS_TTL`] never.
    pub ttl: i32,
    /// When it expires (s); [`NO_DELETION_TIME`] without a ttl.
    pub local_expiration: i64,
}

impl Liveness {
    /// Whether the row lives by this at the second `now`.
    #[must_use]
    pub fn is_live(self, now: i64) -> bool {
        match self.ttl {
            0 => true,
            EXPIRED_LIVENESS_TTL => false,
            _ => now < self.local_expiration,
        }
    }
}

/// A cell's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Bytes of the column's type; empty in a tombstone.
    Bytes(Vec<u8>),
    /// A counter's shards.
    Counter(CounterContext),
}

/// One value at one time: live, expiring, or a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Cell {
    /// When it was written (µs).
    pub timestamp: i64,
    /// Seconds to live; 0 for none.
    pub ttl: i32,
    /// When it expires or was deleted (s); [`NO_DELETION_TIME`] if neither.
    pub local_deletion_time: i64,
    pub value: Value,
    /// The place within a complex column; none in a simple one.
    pub path: Option<Vec<u8>>,
}

impl Cell {
    /// Whether this is a deletion and was never anything else.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.local_deletion_time != NO_DELETION_TIME && self.ttl == 0
    }

    /// Whether the value can be seen at the second `now`.
    #[must_use]
    pub fn is_live(&self, now: i64) -> bool {
        self.local_deletion_time == NO_DELETION_TIME || (self.ttl != 0 && now < self.local_deletion_time)
    }
}

/// The side of the rows with its values on which a bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Before them: an inclusive start or an exclusive end.
    Before,
    /// A row itself.
    At,
    /// After them: an exclusive start or an inclusive end.
    After,
}

/// One end of a slice: a prefix of a clustering, and the side of it. The empty prefix is the
/// partition's start ([`Side::Before`]) or its end ([`Side::After`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The first clustering values.
    pub prefix: Clustering,
    /// `Before` or `After`.
    pub side: Side,
}

/// A range tombstone. One whose start is not before its end deletes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Where it begins.
    pub start: Bound,
    /// Where it ends.
    pub end: Bound,
    /// The deletion.
    pub deletion: Deletion,
}

/// A row: static or regular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowId {
    /// The partition's static row.
    Static,
    /// The row of a clustering.
    Clustering(Clustering),
}

/// Something said about a column of a row; the number is the column's place among the static or
/// regular ones.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum ColumnFact {
    Cell(usize, Cell),
    /// The deletion of all cells of a complex column.
    ComplexDeletion(usize, Deletion),
}

/// The content of one write for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct RowFact {
    pub row: RowId,
    /// Its liveness, if the write sets one.
    pub liveness: Option<Liveness>,
    /// Its deletion, if the write deletes it.
    pub deletion: Option<RowDeletion>,
    pub columns: Vec<ColumnFact>,
}

/// The content of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The whole partition is deleted.
    Partition(Deletion),
    /// A range of rows is deleted.
    Range(Slice),
    /// A row is written or deleted.
    Row(RowFact),
}

/// A fact and the source (a memtable or an SSTable) that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The number of the source.
    pub source: usize,
    /// The fact.
    pub fact: Fact,
}
