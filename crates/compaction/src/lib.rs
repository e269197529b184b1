//! Compaction: which SSTables to merge, and the merging.
//!
//! **Knows** strategies, as pure functions from descriptions of SSTables to tasks, and the
//! executor: streams in, new SSTables out. **Must not know** the API, which SSTables are live,
//! threads, or the policy of rates: the caller gives sources, what may be purged, a factory of
//! outputs, and may stop a run at any partition.
//!
//! Start reading at [`Strategy`], with what it looks at ([`Description`]) and asks for ([`Task`]);
//! then [`execute`], and [`MultiWriter`], with which whatever writes SSTables writes them.

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod description;
mod execute;
mod expired;
mod leveled;
mod levels;
mod lifespan;
mod multi_writer;
mod options;
mod params;
mod size_tiered;
mod strategy;
mod task;
mod time_window;
mod unified;

pub use description::{Availability, Description, Details, KeyRange, TaskId};
pub use execute::{Execution, Outcome, Progress, Purging, execute, write_stream};
pub use expired::fully_expired;
pub use leveled::Leveled;
pub use levels::{LeveledRange, level_overlaps, potential_levels};
pub use lifespan::Lifespan;
pub use multi_writer::{CompactionError, ExpectedKeys, MultiWriter, NextOutput, OutputFactory};
pub use options::{CommonOptions, InvalidStrategy, OverlappingTombstones};
pub use params::CompactionParams;
pub use size_tiered::SizeTiered;
pub use strategy::Strategy;
pub use task::{Moment, OutputShape, Reason, Task, Waiting};
pub use time_window::TimeWindow;
pub use unified::{OverlapInclusion, Unified};
