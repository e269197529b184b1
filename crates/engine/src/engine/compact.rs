//! Compaction: picks a task, runs it, swaps inputs for output in one edit.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use helenus_compaction::{CompactionError, Description, Execution, Outcome, Progress, Task, execute};
use helenus_io::remove_if_exists;
use helenus_rows::{PartitionRef, PurgeOptions, Purgeable};
use helenus_sstable::{Component, PAGE_CHECKSUMS_COMPONENT, SsTable};
use helenus_types::{Generation, LocalDeletionTime, murmur3};

use super::flush::added;
use super::inner::Inner;
use super::lookup::Lookups;
use super::table::{LiveTable, TableCore, View};
use crate::error::Result;
use crate::manifest::{Change, Edit};

/// How a compaction ended that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    /// Published, or of no use any more.
    ToTheEnd,
    /// Thrown away: SSTables were ingested meanwhile, and what they hold may be older than tombstones that it dropped.
    Overtaken,
}

impl Inner {
    /// Runs the next compaction that is due anywhere; false when none is.
    pub(crate) fn compact_next(&self) -> Result<bool> {
        if !std::mem::take(&mut self.scheduler.queue.lock().compaction_due) {
            return Ok(false);
        }
        for core in self.all_tables() {
            if !core.view.load().state.options.compaction.common().enabled {
                continue;
            }
            let Some((task, inputs)) =
                self.claim(&core, |strategy, tables, now| strategy.next_task(tables, now))
            else {
                continue;
            };
            // There may be more to do, here and in other tables, for this thread and for others.
            self.scheduler.compaction_due();
            self.run(&core, &task, inputs)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Merges all SSTables of a table into one.
    pub(crate) fn compact_all(&self, core: &Arc<TableCore>) -> Result<()> {
        self.check_writable()?;
        // Another compaction may hold some of them: it is waited for, so that "all" means all.
        loop {
            let idle = core.compacting.lock().is_empty();
            if idle
                && let Some((task, inputs)) = self.claim(core, |strategy, tables, _| strategy.major(tables))
            {
                match self.run(core, &task, inputs)? {
                    Ran::ToTheEnd => return Ok(()),
                    Ran::Overtaken => continue,
                }
            }
            if idle {
                return Ok(());
            }
            let mut queue = self.scheduler.queue.lock();
            self.scheduler.done.wait_for(&mut queue, std::time::Duration::from_millis(50));
        }
    }

    /// Chooses a task and marks its inputs as being compacted.
    fn claim(
        &self,
        core: &TableCore,
        choose: impl FnOnce(&helenus_compaction::Strategy, &[Description], u32) -> Option<Task>,
    ) -> Option<(Task, Vec<LiveTable>)> {
        let view = core.view.load_full();
        let options = &view.state.options;
        let now = self.now_seconds();
        let gc_before = now.saturating_sub(options.gc_grace_seconds);
        let mut compacting = core.compacting.lock();
        if core.dropped.load(Acquire) {
            return None;
        }
        let idle = view.sstables.iter().filter(|t| !compacting.contains(&t.generation));
        let described: Vec<_> = idle.map(|t| describe(t, gc_before)).collect();
        let task = choose(options.compaction.strategy(), &described, now)?;
        let inputs: Vec<_> =
            view.sstables.iter().filter(|t| task.inputs.contains(&t.generation)).cloned().collect();
        compacting.extend(&task.inputs);
        drop(compacting);
        self.scheduler.queue.lock().compacting += 1;
        Some((task, inputs))
    }

    fn run(&self, core: &Arc<TableCore>, task: &Task, inputs: Vec<LiveTable>) -> Result<Ran> {
        let result = self.merge_into_one(core, task, &inputs);
        let mut compacting = core.compacting.lock();
        task.inputs.iter().for_each(|generation| {
            compacting.remove(generation);
        });
        drop(compacting);
        self.scheduler.queue.lock().compacting -= 1;
        self.scheduler.done.notify_all();
        result
    }

    fn merge_into_one(&self, core: &Arc<TableCore>, task: &Task, inputs: &[LiveTable]) -> Result<Ran> {
        // Before any view is looked at: what is ingested later is in none that a tombstone was dropped by.
        let ingests = core.ingests.load(Acquire);
        let view = core.view.load_full();
        let state = view.state.clone();
        let now = self.now_seconds();
        let keys = inputs.iter().map(|t| t.sstable.key_count()).sum();
        let sstables: Vec<_> = inputs.iter().map(|t| t.sstable.clone()).collect();
        let mut version = self.version_of(&state);
        loop {
            let generation = self.next_generation()?;
            let mut options = self.writer_options(&state, version, keys, state.options.compression.clone());
            options.level = task.level;
            let writer = self.create_writer(core, &state, version, generation, options)?;
            let mut counted = 0;
            let outcome = execute(
                &sstables,
                Execution {
                    header: state.header.clone(),
                    dropped: state.schema.dropped(),
                    purge: PurgeOptions {
                        now,
                        gc_before: now.saturating_sub(state.options.gc_grace_seconds),
                        strict_liveness: state.schema.strict_liveness(),
                    },
                    purgeable: &mut |partition| purgeable(core, &task.inputs, partition),
                    progress: &mut |progress| self.throttle(core, ingests, progress, &mut counted),
                },
                writer,
            );
            match outcome {
                Err(CompactionError::Write(error)) => match self.version_for_late(&state, version, &error) {
                    Some(newer) => version = newer,
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
                Ok(Outcome::Stopped) if core.ingests.load(Acquire) != ingests => return Ok(Ran::Overtaken),
                Ok(Outcome::Stopped) => return Ok(Ran::ToTheEnd),
                Ok(Outcome::Done(written)) => {
                    let open = |written: Box<_>| self.open_written(core, &state, generation, &written);
                    let output = written.map(open).transpose()?;
                    return self.publish_compaction(core, ingests, inputs, output);
                }
            }
        }
    }

    fn publish_compaction(
        &self,
        core: &Arc<TableCore>,
        ingests: u64,
        inputs: &[LiveTable],
        output: Option<LiveTable>,
    ) -> Result<Ran> {
        let removed: Vec<_> = inputs.iter().map(|t| t.generation).collect();
        let tag = core.tag.0;
        let _publishing = self.publishing.lock();
        // A truncation or drop meanwhile took the inputs away: then the output is nothing that anyone wants.
        let live = core.view.load();
        let all_live = removed.iter().all(|g| live.sstables.iter().any(|t| t.generation == *g));
        if core.dropped.load(Acquire) || !all_live {
            self.remove_tables(output.into_iter().map(|t| t.sstable))?;
            return Ok(Ran::ToTheEnd);
        }
        if core.ingests.load(Acquire) != ingests {
            self.remove_tables(output.into_iter().map(|t| t.sstable))?;
            return Ok(Ran::Overtaken);
        }
        let mut changes: Vec<_> =
            removed.iter().map(|&generation| Change::RemoveSsTable { tag, generation }).collect();
        changes.extend(output.iter().map(|live| added(core, live)));
        self.commit(Edit { changes })?;
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&removed, output.into_iter().collect()),
            lookups: Lookups::default(),
        });
        core.counters.compactions.fetch_add(1, Relaxed);
        self.remove_tables(inputs.iter().map(|t| t.sstable.clone()))?;
        Ok(Ran::ToTheEnd)
    }

    /// Removes the files of SSTables that are no longer live. Readers that still hold them go on reading: an open
    /// file outlives its name.
    pub(crate) fn remove_tables(&self, tables: impl Iterator<Item = Arc<SsTable>>) -> Result<()> {
        let ours = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
        for table in tables {
            table.forget_cached();
            // Data.db goes first: what a crash leaves is no table then.
            for component in Component::known().cloned().chain([ours.clone()]) {
                remove_if_exists(&**self.disk(), &table.descriptor().path(&component))?;
            }
        }
        Ok(())
    }

    /// Between two partitions: stops when the database closes, waits when compactions write faster than they may.
    fn throttle(
        &self,
        core: &TableCore,
        ingests: u64,
        progress: Progress,
        counted: &mut u64,
    ) -> ControlFlow<()> {
        // Every so many bytes is often enough to look, and rarely enough to cost nothing.
        const LOOK_EVERY_BYTES: u64 = 1 << 20;
        if progress.bytes_written.saturating_sub(*counted) < LOOK_EVERY_BYTES {
            return ControlFlow::Continue(());
        }
        let bytes = progress.bytes_written - *counted;
        *counted = progress.bytes_written;
        let is_in_vain = core.dropped.load(Acquire) || core.ingests.load(Acquire) != ingests;
        if is_in_vain || self.scheduler.is_stopping() {
            return ControlFlow::Break(());
        }
        if let Some(limit) = self.options.compaction_bytes_per_second {
            self.scheduler.pause_for(bytes, limit);
        }
        ControlFlow::Continue(())
    }
}

/// What strategies know of an SSTable.
pub(crate) fn describe(table: &LiveTable, gc_before: u32) -> Description {
    let sstable = &table.sstable;
    Description {
        generation: table.generation,
        bytes_on_disk: sstable.disk_len(),
        level: table.level,
        max_timestamp: sstable.max_timestamp(),
        droppable_ratio: droppable_ratio(sstable, gc_before),
        written_at_seconds: table.created_seconds,
    }
}

/// What of a partition's tombstones may go: nothing outside the compacted tables may hold data that they shadow
/// (`CompactionController.getPurgeEvaluator`). The least timestamp counts of whole SSTables that may hold the
/// partition, and of whole memtables that do, as the view has them now: what was written or flushed since the
/// compaction began is in it.
fn purgeable(core: &TableCore, inputs: &[Generation], partition: &PartitionRef<'_>) -> Purgeable {
    let hash = murmur3(partition.key);
    let view = core.view.load();
    let others = view.sstables.iter().filter(|t| !inputs.contains(&t.generation));
    let holding = others.filter(|t| t.sstable.may_contain(partition.token, hash));
    let in_tables = holding.map(|t| t.sstable.min_timestamp());
    let memtables = view.memtables.iter().filter(|m| m.contains(partition.token, partition.key));
    let least = in_tables.chain(memtables.map(|m| m.min_timestamp())).min();
    least.map_or(Purgeable::All, Purgeable::Below)
}

/// Share of an SSTable's cells that are tombstones whose grace ends before that second, estimated
/// (`SSTableReader.getEstimatedDroppableTombstoneRatio`).
fn droppable_ratio(table: &SsTable, gc_before: u32) -> f64 {
    let stats = table.stats();
    let cells = stats.cells_per_partition.mean().saturating_mul(stats.cells_per_partition.count());
    if cells == 0 {
        return 0.0;
    }
    stats.tombstone_drop_times.sum(LocalDeletionTime(gc_before)) / cells as f64
}
