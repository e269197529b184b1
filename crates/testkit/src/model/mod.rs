//! The naive model of Cassandra's data and its rules: the oracle.
//!
//! A partition is a bag of [`Fact`]s, each held by one source (a memtable or an SSTable). Nothing
//! is merged when it is written. Every answer is computed from the facts by definition rather than
//! by streaming: a row's deletion is the largest of those that cover it, a cell is the largest of
//! those that are not deleted.
//!
//! The rules are Cassandra 5.0's: `db/rows/Cells.java`, `Row.Merger`,
//! `RangeTombstoneMarker.Merger`, `BTreeRow.purge`, `PurgeFunction`, `CounterContext`.

mod counter;
mod facts;
mod history;
mod merge;
mod order;
mod partition;
mod purge;
mod read;
mod show;
mod table;

pub use counter::{CounterContext, Shard, ShardKind};
pub use facts::{
    Bound, Cell, Clustering, ColumnFact, Deletion, EXPIRED_LIVENESS_TTL, Fact, Liveness, MAX_DELETION_TIME,
    NO_DELETION_TIME, RowDeletion, RowFact, RowId, Side, Slice, Value, Write,
};
pub use history::ModelPartition;
pub use merge::{merge, reconcile, supersedes};
pub use order::{compare_positions, compare_values};
pub use partition::{ColumnData, Marker, Partition, Row, Unfiltered};
pub use purge::{Purge, purge};
pub use read::{LiveCell, LiveColumn, LiveColumns, LivePartition, LiveRow, read};
pub(crate) use show::{hex, hex_all};
pub use table::{ClusteringColumn, Column, ColumnKind, ModelTable, ModelType};
