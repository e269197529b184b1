//! A table's handle.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use helenus_compaction::{Availability, Description};
use helenus_rows::TableSchema;

use crate::engine::{TableCore, TableSet, describe};
use crate::error::Result;
use crate::manifest::SsTableFacts;
use crate::metrics::TableMetrics;
use crate::mutate::{StatementWriter, WriteTarget};

/// A table of an open database. Cheap to clone, and usable from many threads at once.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) set: Arc<TableSet>,
    pub(crate) writer: Arc<StatementWriter>,
    pub(crate) core: Arc<TableCore>,
}

impl Table {
    pub(crate) fn new(set: &Arc<TableSet>, writer: &Arc<StatementWriter>, core: Arc<TableCore>) -> Self {
        Self { set: set.clone(), writer: writer.clone(), core }
    }

    /// The target of statements on it.
    #[inline]
    pub(crate) fn target(&self) -> WriteTarget<'_> {
        WriteTarget { core: &self.core, writer: &self.writer }
    }

    /// The table's current schema.
    pub fn schema(&self) -> Arc<TableSchema> {
        self.core.view.load().state.schema.clone()
    }

    /// The table as CQL, after the user types of its keyspace: statements that make it again.
    ///
    /// # Errors
    /// When it was dropped meanwhile.
    pub fn to_cql(&self) -> Result<String> {
        let (schema, catalog) = (self.schema(), self.set.schema());
        Ok(catalog.table_to_cql(schema.keyspace(), schema.name())?)
    }

    /// Flushes the table's memtable; returns when everything written before the call is in
    /// SSTables.
    ///
    /// # Errors
    /// When writing them fails.
    pub fn flush(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        side.flush_tables(std::slice::from_ref(&self.core))
    }

    /// Flushes, then merges all SSTables of the table into one.
    ///
    /// # Errors
    /// When reading or writing them fails.
    pub fn compact(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        side.flush_tables(std::slice::from_ref(&self.core))?;
        side.compact_all(&self.core)
    }

    /// Removes all rows. Everything acknowledged before the call is gone, whatever its timestamps.
    ///
    /// # Errors
    /// When the change can't be made durable.
    pub fn truncate(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        let _one_at_a_time = side.ddl.lock();
        side.truncate(self.core.id, side.next_timestamp())
    }

    /// Counters and sizes.
    pub fn metrics(&self) -> TableMetrics {
        let view = self.core.view.load_full();
        let counters = &self.core.counters;
        let sum =
            |of: &dyn Fn(&SsTableFacts) -> u64| view.sstables.iter().map(|live| of(&live.facts)).sum::<u64>();
        let in_memory = view.sstables.iter().filter_map(|live| live.opened());
        let memtables = |of: &dyn Fn(&helenus_memtable::Memtable) -> usize| {
            view.memtables.iter().map(|m| of(m) as u64).sum::<u64>()
        };
        let described: Vec<Description<'_>> =
            view.sstables.iter().map(|t| describe(t, Availability::Free)).collect();
        TableMetrics {
            writes: counters.writes.load(Relaxed),
            reads: counters.reads.load(Relaxed),
            flushes: counters.flushes.load(Relaxed),
            compactions: counters.compactions.load(Relaxed),
            bytes_written: counters.bytes_written.load(Relaxed),
            memtable_bytes: memtables(&|m| m.allocated_bytes()),
            memtable_rows: memtables(&|m| m.row_count()),
            sstables: view.sstables.len() as u64,
            disk_bytes: sum(&|t| t.disk_len),
            data_bytes: sum(&|t| t.data_len),
            partitions_estimate: memtables(&|m| m.partition_count()) + sum(&|t| t.key_count),
            rows_estimate: memtables(&|m| m.row_count()) + sum(&|t| t.rows),
            index_bytes: in_memory.map(|sstable| sstable.memory_len() as u64).sum(),
            pending_compactions: view.state.options.compaction.strategy().pending_tasks(&described) as u64,
            compaction_lag: self.core.backlog.lag(),
        }
    }
}
