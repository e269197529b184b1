//! Compaction: which SSTables to merge, and the merging.
//!
//! **Knows** strategies, as pure functions from descriptions of SSTables to tasks, and the executor: streams in,
//! new SSTables out. **Must not know** the API, which SSTables are live, threads, or the policy of rates: the
//! caller gives inputs, what may be purged, how to create a writer, and may stop a run at any partition.
//!
//! Start reading at [`Strategy`], then [`execute`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod execute;
mod size_tiered;
mod strategy;

pub use execute::{CompactionError, Execution, Outcome, Progress, execute};
pub use size_tiered::SizeTiered;
pub use strategy::{Description, InvalidStrategy, Strategy, Task};
