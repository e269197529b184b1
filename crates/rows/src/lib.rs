//! The heart of Helenus: the explicit data model, and every rule about it.
//!
//! **Knows** the schema of a table, partition deletions, rows, cells, complex deletions, range
//! tombstone markers, the one stream that everything is read as, and the rules: reconcile, merge,
//! purge, counters. It also holds the row codec: the bytes of a row are the same in the commit log,
//! in a memtable and in Data.db, so that a row is encoded once.
//!
//! **Must not know** files, threads, clocks, host ids or SSTable versions: time and identity are
//! arguments, and what differs between versions of the format comes in as named [`Capabilities`].
//!
//! Start reading at [`RowRef`] (a row as bytes), then [`UnfilteredStream`], then [`Merge`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod assemble;
mod block_list;
mod cell;
mod clustering;
mod codec;
mod column_filter;
mod column_map;
mod counter;
mod deletion;
mod former;
mod header;
mod late;
mod live;
mod liveness;
mod merge;
mod names;
mod overflow;
mod purge;
mod range_list;
mod reconcile;
mod retime;
mod schema;
mod slice;
mod slices;
mod stats;
mod stream;
mod update;
mod validate;

pub use assemble::Assembler;
pub use block_list::{BlockList, Place};
pub use cell::Cell;
pub use clustering::{
    Bound, BoundKind, ClusteringComparator, Components, Position, PositionKind, encode_clustering,
};
pub use codec::{
    CellEvent, CellReader, ColumnSet, MarkerRef, RowBuf, RowBuilder, RowHead, RowPlace, RowRef, RowWriter,
    TimePlaces, Unfiltered, UnfilteredFrame, ValuePlace, WriteMoment, read_unfiltered, write_marker,
    write_row, write_static_row,
};
pub use column_filter::ColumnFilter;
pub use column_map::ColumnMap;
pub use counter::{CounterContext, Shard, ShardKind, Shards, encode_global};
pub use deletion::DeletionTime;
pub use former::FormerOrder;
pub use header::{Capabilities, Column, Columns, EncodingBase, Header, compare_names};
pub use late::LateCap;
pub use live::LiveRow;
pub use liveness::LivenessInfo;
pub use merge::{Merge, RowMerger, RowSource, merge_rows};
pub use names::ShownKey;
pub use overflow::OverflowMender;
pub use purge::{Purge, PurgeOptions, Purgeable, Purger};
pub use range_list::{RangeMarkers, RangeTombstoneList};
pub use reconcile::{reconcile, reconcile_counters};
pub use schema::{ColumnDef, ColumnKind, CompactStorage, DroppedColumn, SchemaError, TableSchema};
pub use slice::{Slice, Sliced};
pub use slices::Slices;
pub use stats::RowStats;
pub use stream::{Direction, PartitionRef, RowError, StreamError, UnfilteredStream};
pub use update::{Op, PARTITION_DATA_LEN, UpdateBuilder, UpdateRef, UpdateWriter};
pub use validate::{
    Broken, Grammar, GrammarError, RowVisitor, StreamOrigin, Validated, Validator, validated,
};
