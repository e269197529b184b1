//! The one stream that memtables, SSTables, merges, purges, flushes and compactions speak.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use helenus_types::{DecodeError, Token};

use crate::codec::{RowRef, Unfiltered};
use crate::deletion::DeletionTime;
use crate::header::Header;
use crate::names::{ShownClustering, ShownKey};

/// Order of the unfiltereds inside a partition. Partitions always come in token order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Clustering order.
    #[default]
    Forward,
    /// Against it; a range's end bound comes before its start bound, kinds stay as they are.
    Reverse,
}

/// The head of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionRef<'a> {
    /// Token of the key, or with another partitioner than Murmur3 its
    /// [prefix](helenus_types::Partitioner::prefix).
    pub token: Token,
    /// Raw partition key.
    pub key: &'a [u8],
    /// Deletion of the whole partition, or live.
    pub deletion: DeletionTime,
}

/// Partitions in the order of the header's partitioner; in each its deletion, its static row, then
/// its unfiltereds.
///
/// A lending cursor: what [`partition`](Self::partition), [`static_row`](Self::static_row) and
/// [`current`](Self::current) show lives in reused buffers until the cursor moves on. Invariants
/// that a validator can check:
///
/// 1. Partitions ascend strictly; positions inside one ascend strictly (descend, in reverse).
/// 2. Markers alternate between opening and closing, boundaries do both, none is left open at the
///    end, and a closing deletion equals the one that was opened.
/// 3. A row is never empty: it has a liveness, a deletion or a column.
/// 4. Rows are encoded under [`header`](Self::header).
pub trait UnfilteredStream {
    /// The header that all rows of the stream are encoded against.
    fn header(&self) -> &Arc<Header>;

    /// Order inside partitions.
    fn direction(&self) -> Direction {
        Direction::Forward
    }

    /// Moves to the next partition, whatever is left of this one; false after the last.
    ///
    /// # Errors
    /// Damage or failed reads of the source. The stream is at its end then.
    fn next_partition(&mut self) -> Result<bool, StreamError>;

    /// The current partition.
    fn partition(&self) -> PartitionRef<'_>;

    /// Its static row; `None` when it has none, or an empty one.
    fn static_row(&self) -> Option<RowRef<'_>>;

    /// Moves to the partition's next unfiltered; false after the last.
    ///
    /// # Errors
    /// As [`next_partition`](Self::next_partition).
    fn advance(&mut self) -> Result<bool, StreamError>;

    /// The current unfiltered; `None` before the first and after the last.
    fn current(&self) -> Option<Unfiltered<'_>>;

    /// Whether [`current`](Self::current) is a row. Streams that know it without making one say so:
    /// a merge asks it of each row that passes through.
    #[inline]
    fn is_at_row(&self) -> bool {
        matches!(self.current(), Some(Unfiltered::Row(_)))
    }
}

impl<S: UnfilteredStream + ?Sized> UnfilteredStream for Box<S> {
    fn header(&self) -> &Arc<Header> {
        (**self).header()
    }

    fn direction(&self) -> Direction {
        (**self).direction()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        (**self).next_partition()
    }

    fn partition(&self) -> PartitionRef<'_> {
        (**self).partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        (**self).static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        (**self).advance()
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        (**self).current()
    }

    fn is_at_row(&self) -> bool {
        (**self).is_at_row()
    }
}

/// Why a stream failed: the source's own error, for callers that know the source.
#[derive(Debug)]
pub struct StreamError(Box<dyn Error + Send + Sync>);

impl StreamError {
    /// Wraps a source's error.
    pub fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }

    /// The source's error, if it is of that type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The source's error itself.
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A row whose bytes are not a row's, with the names by which it can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Partition and row, as text.
    place: String,
    /// The fault; the offset counts from the start of the row's body.
    pub error: DecodeError,
}

impl RowError {
    /// An error in the row of that partition and clustering, which is empty for a static row.
    #[cold]
    pub fn new(header: &Header, key: &[u8], clustering: &[u8], error: DecodeError) -> Self {
        let mut place = format!("partition {}", ShownKey::new(header, key));
        if !clustering.is_empty() {
            place.push_str(&format!(", row {}", ShownClustering { header, clustering }));
        }
        Self { place, error }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: in its body {}", self.place, self.error)
    }
}

impl Error for RowError {}

impl From<RowError> for StreamError {
    fn from(error: RowError) -> Self {
        Self::new(error)
    }
}

impl From<DecodeError> for StreamError {
    fn from(error: DecodeError) -> Self {
        Self::new(error)
    }
}
