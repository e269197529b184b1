//! Partitions in memory: sharded by token, ordered, readable while they are written.
//!
//! **Knows** how rows that were encoded once are kept, found, reconciled and counted, byte by byte.
//! **Must not know** files, the log, or when to flush: it returns how much it grew.
//!
//! Start reading at [`Memtable`], then `tree.rs` for the order inside a partition and `versions.rs`
//! for a row.

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod arena;
mod memtable;
mod observer;
mod partition;
mod stream;
mod tree;
mod versions;

pub use memtable::Memtable;
pub use observer::{MemtableObserver, ObservedPartition};
pub use partition::PartitionSnapshot;
pub use stream::{MemtableScan, SnapshotStream};
