//! A partition as everything that was written to it.

use super::facts::{Fact, Write};
use super::merge::merge;
use super::partition::Partition;
use super::purge::{Purge, purge};
use super::read::{LivePartition, read};
use super::table::ModelTable;

/// One partition: everything that was ever written to it, by whom.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelPartition {
    /// The writes, in no particular order.
    pub writes: Vec<Write>,
}

impl ModelPartition {
    /// Adds a write.
    pub fn apply(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// The numbers of the sources that say something, rising.
    #[must_use]
    pub fn sources(&self) -> Vec<usize> {
        let mut sources: Vec<usize> = self.writes.iter().map(|write| write.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// The content of one source alone, normalised: what its flush writes, less the dropped
    /// columns.
    #[must_use]
    pub fn source(&self, table: &ModelTable, source: usize) -> Partition {
        let facts = self.writes.iter().filter(|write| write.source == source).map(|write| &write.fact);
        merge(table, &facts.cloned().collect::<Vec<_>>()).without_dropped(table)
    }

    /// The result of a correct merge of all sources. Each source is normalised first, because two
    /// rules depend on the source: a counter's tombstone beats newer increments that it meets, and
    /// a shadowable deletion has already deleted what it met before the liveness that makes it
    /// disappear.
    #[must_use]
    pub fn merged(&self, table: &ModelTable) -> Partition {
        self.merged_of(table, &self.sources())
    }

    /// The result of a correct merge of some sources, as when they are compacted together.
    #[must_use]
    pub fn merged_of(&self, table: &ModelTable, sources: &[usize]) -> Partition {
        let facts: Vec<Fact> =
            sources.iter().flat_map(|source| self.source(table, *source).to_facts()).collect();
        merge(table, &facts)
    }

    /// The result of a compaction of all sources; an empty partition is not written.
    #[must_use]
    pub fn purged(&self, table: &ModelTable, how: &Purge<'_>) -> Partition {
        purge(&self.merged(table), how)
    }

    /// What a query sees at the second `now`. In a view (`strict_liveness`) a row needs a live
    /// liveness.
    #[must_use]
    pub fn read(&self, table: &ModelTable, now: i64, strict_liveness: bool) -> LivePartition {
        read(table, &self.merged(table), now, strict_liveness)
    }
}
