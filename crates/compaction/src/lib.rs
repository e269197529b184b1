//! Compaction: which SSTables to merge, and the merging.
//!
//! **Knows** strategies, as pure functions from descriptions of SSTables to tasks, and the executor: streams in,
//! new SSTables out. **Must not know** the API, which SSTables are live, threads, or the policy of rates: the
//! caller gives inputs, what may be purged, how to create a writer, and may stop a run at any partition.
//!
//! Start reading at [`Strategy`], then [`execute`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod description;
mod execute;
mod leveled;
mod options;
mod params;
mod size_tiered;
mod strategy;
mod time_window;
mod unified;

pub use description::{Description, Task, Waiting};
pub use execute::{CompactionError, Execution, Outcome, Progress, execute};
pub use leveled::Leveled;
pub use options::{CommonOptions, InvalidStrategy, OverlappingTombstones};
pub use params::CompactionParams;
pub use size_tiered::SizeTiered;
pub use strategy::Strategy;
pub use time_window::TimeWindow;
pub use unified::{OverlapInclusion, Unified};
