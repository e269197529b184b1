//! What all strategies share: what they look at, and what they ask for.

use std::fmt;

use helenus_types::{Generation, Timestamp};

use crate::size_tiered::SizeTiered;

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

/// SSTables to be merged into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The inputs.
    pub inputs: Vec<Generation>,
    /// Level of the output.
    pub level: u32,
}

/// How a table is compacted.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// `SizeTieredCompactionStrategy`.
    SizeTiered(SizeTiered),
}

/// Why a table's compaction options can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compaction: {0}")]
pub struct InvalidStrategy(pub(crate) String);

impl InvalidStrategy {
    pub(crate) fn option(name: &str, value: &str, expected: impl fmt::Display) -> Self {
        Self(format!("{name} = '{value}': expected {expected}"))
    }
}

impl Strategy {
    /// The strategy that a table's `compaction` map asks for. Leveled, time window and unified compaction run as
    /// size-tiered with its defaults; the second part says so.
    ///
    /// # Errors
    /// An unknown class, or an option that Cassandra refuses.
    pub fn from_options<'a>(
        class: &str,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(Self, Option<String>), InvalidStrategy> {
        let simple = class.rsplit('.').next().unwrap_or(class);
        match simple {
            "SizeTieredCompactionStrategy" => {
                Ok((Self::SizeTiered(SizeTiered::from_options(options)?), None))
            }
            "LeveledCompactionStrategy" | "TimeWindowCompactionStrategy" | "UnifiedCompactionStrategy" => {
                let warning = format!("{simple} runs as SizeTieredCompactionStrategy in this release");
                Ok((Self::SizeTiered(SizeTiered::default()), Some(warning)))
            }
            _ => Err(InvalidStrategy(format!(
                "class '{class}' is unknown; Cassandra has SizeTiered-, Leveled-, TimeWindow- and UnifiedCompactionStrategy"
            ))),
        }
    }

    /// The next task for SSTables that are not being compacted; `None` when there is nothing to gain.
    pub fn next_task(&self, tables: &[Description], now_seconds: u32) -> Option<Task> {
        match self {
            Self::SizeTiered(strategy) => strategy.next_task(tables, now_seconds),
        }
    }

    /// The task that merges all of them; `None` when there are none.
    pub fn major(&self, tables: &[Description]) -> Option<Task> {
        let inputs: Vec<_> = tables.iter().map(|t| t.generation).collect();
        if inputs.is_empty() { None } else { Some(Task { inputs, level: 0 }) }
    }

    /// How many tasks are due, estimated.
    pub fn pending_tasks(&self, tables: &[Description]) -> usize {
        match self {
            Self::SizeTiered(strategy) => strategy.pending_tasks(tables),
        }
    }
}
