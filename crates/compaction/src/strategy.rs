//! The strategies as one: which one a table has, and what it chooses.

use crate::description::Description;
use crate::leveled::Leveled;
use crate::size_tiered::SizeTiered;
use crate::task::{Moment, Reason, Task, Waiting};
use crate::time_window::TimeWindow;
use crate::unified::Unified;

/// How a table is compacted.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// `SizeTieredCompactionStrategy`.
    SizeTiered(SizeTiered),
    /// `LeveledCompactionStrategy`; compacts as size-tiered in this release.
    Leveled(Leveled),
    /// `TimeWindowCompactionStrategy`; compacts as size-tiered in this release.
    TimeWindow(TimeWindow),
    /// `UnifiedCompactionStrategy`; compacts as size-tiered in this release.
    Unified(Unified),
}

impl Strategy {
    /// The class's name, without its package.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SizeTiered(_) => "SizeTieredCompactionStrategy",
            Self::Leveled(_) => "LeveledCompactionStrategy",
            Self::TimeWindow(_) => "TimeWindowCompactionStrategy",
            Self::Unified(_) => "UnifiedCompactionStrategy",
        }
    }

    /// What acts differently from what is asked for, in words.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::SizeTiered(_) => None,
            _ => Some(format!("{} runs as SizeTieredCompactionStrategy in this release", self.name())),
        }
    }

    /// What selects SSTables.
    fn selection(&self) -> &SizeTiered {
        match self {
            Self::SizeTiered(own) => own,
            Self::Leveled(leveled) => &leveled.level_0,
            Self::TimeWindow(windows) => &windows.newest,
            Self::Unified(unified) => &unified.stand_in,
        }
    }

    pub(crate) fn set_thresholds(&mut self, min: usize, max: usize) {
        match self {
            Self::SizeTiered(own) => own.set_thresholds(min, max),
            Self::Leveled(leveled) => leveled.level_0.set_thresholds(min, max),
            Self::TimeWindow(windows) => windows.newest.set_thresholds(min, max),
            // It has none.
            Self::Unified(_) => {}
        }
    }

    /// The next task, of those of a table's live SSTables that are free; `None` when there is
    /// nothing to gain.
    pub fn next_task(&self, tables: &[Description<'_>], moment: &Moment) -> Option<Task> {
        self.selection().next_task(tables, moment)
    }

    /// The task that merges all that are free; `None` when there are none.
    pub fn major(&self, tables: &[Description<'_>]) -> Option<Task> {
        let inputs: Vec<_> = tables.iter().filter(|t| t.is_free()).map(|t| t.generation).collect();
        (!inputs.is_empty()).then(|| Task::merge(inputs, Reason::Major))
    }

    /// What of those SSTables is in tasks that are due.
    pub fn waiting(&self, tables: &[Description<'_>]) -> Waiting {
        self.selection().waiting(tables)
    }

    /// How many tasks are due, estimated.
    pub fn pending_tasks(&self, tables: &[Description<'_>]) -> usize {
        self.selection().pending_tasks(tables)
    }
}
