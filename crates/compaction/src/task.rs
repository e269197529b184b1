//! What strategies ask for.

use std::fmt;

use helenus_types::{Generation, LocalDeletionTime, Timestamp, Token};

/// The moment at which a strategy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub now_seconds: u32,
    /// Tombstones made before this second are past their grace.
    pub gc_before: LocalDeletionTime,
    /// No timestamp in a memtable is lower; `None` when memtables hold nothing.
    pub min_memtable_timestamp: Option<Timestamp>,
}

/// SSTables to be compacted, and what is to be made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// SSTables that are merged.
    pub inputs: Vec<Generation>,
    /// SSTables that are dropped without being read: see [`fully_expired`](crate::fully_expired).
    pub expired: Vec<Generation>,
    /// What the inputs are merged into.
    pub output: OutputShape,
    /// Why.
    pub reason: Reason,
}

/// The shape of what a run writes: one SSTable, or several that are cut between partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputShape {
    /// Level of each.
    pub level: u32,
    /// Bytes of Data.db above which no partition is added (`MaxSSTableSizeWriter`): one has that
    /// many and a partition more, and what its writer gathers before it writes.
    pub max_bytes: Option<u64>,
    /// Tokens that end a shard, ascending: none has partitions from both sides of one
    /// (`ShardedCompactionWriter`). A partition of that very token is of the shard that ends.
    pub shard_ends: Vec<Token>,
}

/// Why a task is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are enough SSTables of similar size.
    SimilarSizes,
    /// A single SSTable has many tombstones that can go.
    Tombstones,
    /// Nothing in them is alive.
    Expired,
    /// The user requested a compaction of everything.
    Major,
}

impl Task {
    /// A task that merges SSTables into one of level 0.
    pub(crate) fn merge(inputs: Vec<Generation>, reason: Reason) -> Self {
        Self { inputs, expired: Vec::new(), output: OutputShape::default(), reason }
    }

    /// A task that reads and writes nothing; `None` where there is nothing to drop.
    #[must_use]
    pub fn drop_expired(expired: Vec<Generation>) -> Option<Self> {
        let task = Self { expired, ..Self::merge(Vec::new(), Reason::Expired) };
        (!task.expired.is_empty()).then_some(task)
    }

    /// All SSTables that are gone after it.
    pub fn generations(&self) -> impl Iterator<Item = Generation> {
        self.inputs.iter().chain(&self.expired).copied()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SimilarSizes => "similar sizes",
            Self::Tombstones => "tombstones",
            Self::Expired => "expired",
            Self::Major => "asked for",
        })
    }
}

/// SSTables that a strategy would merge, and has not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Their number.
    pub tables: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}
