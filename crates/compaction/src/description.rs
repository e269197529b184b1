//! What strategies look at, and what they ask for.

use helenus_types::{Generation, Timestamp};

/// What a strategy knows of an SSTable.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Which one.
    pub generation: Generation,
    /// Size of Data.db in bytes, as stored.
    pub bytes_on_disk: u64,
    /// Level, for leveled compaction.
    pub level: u32,
    /// Newest timestamp in it.
    pub max_timestamp: Timestamp,
    /// Share of its cells that are tombstones past their grace, estimated from its histogram.
    pub droppable_ratio: f64,
    /// Second at which it was written.
    pub written_at_seconds: u32,
}

/// SSTables that a strategy would merge, and has not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Their number.
    pub tables: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// SSTables to be merged into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The inputs.
    pub inputs: Vec<Generation>,
    /// Level of the output.
    pub level: u32,
}
