//! Compaction: picks a task, runs it, swaps inputs for output in one edit.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use helenus_compaction::{
    CompactionError, Description, Execution, Outcome, Progress, Strategy, Task, Waiting, execute,
};
use helenus_io::{parent_of, remove_if_exists};
use helenus_rows::{
    PartitionRef, PurgeOptions, Purgeable, RowStats, StreamOrigin, Unfiltered, UnfilteredStream, validated,
};
use helenus_sstable::{Component, Descriptor, PAGE_CHECKSUMS_COMPONENT, SsTable, SsTableError, WriteError};
use helenus_types::{Generation, LocalDeletionTime, murmur3};

use super::buffers::Lookups;
use super::failures::{Failure, Rest, Work};
use super::flush::{added, stem};
use super::live::LiveTable;
use super::scheduler::{Compacting, TICK};
use super::table::{TableCore, View};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, Edit};

/// The end of a compaction without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    /// Published, or of no use any more.
    ToTheEnd,
    /// Thrown away: SSTables were ingested meanwhile, and what they hold may be older than
    /// tombstones that it dropped.
    Overtaken,
    /// Thrown away: the database is being closed.
    Closing,
}

/// Why a compaction failed.
enum CompactionFailure {
    /// An input can't be read, or is damaged; if it is known which one.
    Input(Option<Generation>, Error),
    /// The output can't be written or published.
    Output(Error),
}

impl<E: Into<Error>> From<E> for CompactionFailure {
    fn from(error: E) -> Self {
        Self::Output(error.into())
    }
}

/// The SSTables with earlier read failures that a compaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspects {
    /// Those that have rested.
    Rested,
    /// All that are not damaged: the user requested it.
    Unread,
}

impl WriteSide {
    /// Runs the next compaction that is due anywhere; false when none is.
    pub(crate) fn compact_next(&self) -> Result<bool> {
        let now = self.set.clock().elapsed();
        if !self.scheduler.take_compaction_due() && !self.failures.compaction_has_rested(now) {
            return Ok(false);
        }
        for core in self.tables_by_turn() {
            let work = Work::Compaction(core.tag);
            let has_rested = self.failures.has_rested(work, now);
            let is_resting = self.has_threads() && !has_rested;
            if is_resting || !core.view.load().state.options.compaction.common().enabled {
                continue;
            }
            let choose = |strategy: &Strategy, tables: &[Description], now| strategy.next_task(tables, now);
            let Some((task, inputs, claim)) = self.claim(&core, Suspects::Rested, choose) else {
                if has_rested {
                    // The failed compaction was a caller's, and is not due.
                    self.succeeded(work);
                }
                continue;
            };
            // There may be more work, in this and other tables, for this thread and others.
            self.scheduler.compaction_due();
            self.run(&core, &task, &inputs, claim)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// All tables, beginning after the one that was compacted last: none waits for ever for its
    /// turn.
    fn tables_by_turn(&self) -> Vec<Arc<TableCore>> {
        let mut tables = self.set.all_tables();
        if let Some(last) = self.scheduler.compacted_last() {
            let next = tables.partition_point(|core| core.tag <= last);
            tables.rotate_left(next);
        }
        tables
    }

    /// Merges all SSTables of a table into one.
    ///
    /// # Errors
    /// When some are damaged; the others are merged all the same.
    pub(crate) fn compact_all(&self, core: &Arc<TableCore>) -> Result<()> {
        let mut damaged = None;
        // Another compaction may hold some of them: it is waited for, so that "all" means all.
        loop {
            self.check_writable()?;
            let is_idle = core.compacting.lock().is_empty();
            if !is_idle {
                self.scheduler.wait_for_step(TICK);
                continue;
            }
            let choose = |strategy: &Strategy, tables: &[Description], _| strategy.major(tables);
            let Some((task, inputs, claim)) = self.claim(core, Suspects::Unread, choose) else { break };
            match self.run(core, &task, &inputs, claim) {
                Ok(Ran::ToTheEnd) => break,
                Ok(Ran::Overtaken) => {}
                Ok(Ran::Closing) => self.check_writable()?,
                // It is left out the next time.
                Err(error) if error.kind() == ErrorKind::Corrupt && self.has_suspect(core, &inputs) => {
                    damaged.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        damaged
            .or_else(|| self.suspects_of(core).into_iter().next().map(|(_, failure)| failure.error.repeat()))
            .map_or(Ok(()), Err)
    }

    /// Merges the SSTables of each table into one. All are tried; the first error is returned.
    pub(crate) fn compact_tables(&self) -> Result<()> {
        let compacted: Vec<_> = self.set.all_tables().iter().map(|core| self.compact_all(core)).collect();
        compacted.into_iter().collect()
    }

    /// The live SSTables of a table that compactions leave out.
    pub(crate) fn suspects_of(&self, core: &TableCore) -> Vec<(Generation, Failure)> {
        let view = core.view.load();
        let is_live = |generation| view.sstables.iter().any(|live| live.generation == generation);
        let of = |(work, failure)| match work {
            Work::Reading(tag, generation) if tag == core.tag && is_live(generation) => {
                Some((generation, failure))
            }
            _ => None,
        };
        self.failures.list().into_iter().filter_map(of).collect()
    }

    fn has_suspect(&self, core: &TableCore, inputs: &[LiveTable]) -> bool {
        inputs.iter().any(|input| self.failures.get(Work::Reading(core.tag, input.generation)).is_some())
    }

    /// Chooses a task and marks its inputs as being compacted.
    fn claim<'a>(
        &'a self,
        core: &'a TableCore,
        suspects: Suspects,
        choose: impl FnOnce(&Strategy, &[Description], u32) -> Option<Task>,
    ) -> Option<(Task, Vec<LiveTable>, Compacting<'a>)> {
        let view = core.view.load_full();
        let options = &view.state.options;
        let (now, elapsed) = (self.set.now_seconds(), self.set.clock().elapsed());
        let gc_before = now.saturating_sub(options.gc_grace_seconds);
        let may_be_read = |table: &&LiveTable| {
            let work = Work::Reading(core.tag, table.generation);
            match suspects {
                Suspects::Rested => self.failures.has_rested(work, elapsed),
                Suspects::Unread => self.failures.get(work).is_none_or(|f| f.retry_at.is_some()),
            }
        };
        let mut compacting = core.compacting.lock();
        if core.dropped.load(Acquire) {
            return None;
        }
        let idle = view.sstables.iter().filter(|t| !compacting.contains(&t.generation));
        let described: Vec<_> = idle.filter(may_be_read).map(|t| describe(t, gc_before)).collect();
        let task = choose(options.compaction.strategy(), &described, now)?;
        let inputs: Vec<_> =
            view.sstables.iter().filter(|t| task.inputs.contains(&t.generation)).cloned().collect();
        assert_eq!(inputs.len(), task.inputs.len(), "a strategy chooses of what it is shown");
        compacting.extend(&task.inputs);
        drop(compacting);
        let claim = self.scheduler.begin_compaction(core, task.inputs.clone());
        Some((task, inputs, claim))
    }

    fn run(
        &self,
        core: &Arc<TableCore>,
        task: &Task,
        inputs: &[LiveTable],
        claim: Compacting<'_>,
    ) -> Result<Ran> {
        self.measure_backlog(core);
        let outcome = self.merge_into_one(core, task, inputs);
        drop(claim);
        self.measure_backlog(core);
        match outcome {
            Ok(ran) => {
                if ran == Ran::ToTheEnd {
                    self.succeeded(Work::Compaction(core.tag));
                    inputs.iter().for_each(|t| self.succeeded(Work::Reading(core.tag, t.generation)));
                }
                Ok(ran)
            }
            Err(CompactionFailure::Output(error)) => {
                Err(self.failed(Work::Compaction(core.tag), error, Some(Rest::LONG)))
            }
            Err(CompactionFailure::Input(generation, error)) => {
                Err(self.suspect(core, inputs, generation, error))
            }
        }
    }

    /// Leaves an input out of the compactions to come: for good if it is damaged, for a while if it
    /// can't be read.
    fn suspect(
        &self,
        core: &Arc<TableCore>,
        inputs: &[LiveTable],
        generation: Option<Generation>,
        error: Error,
    ) -> Error {
        let found = generation.map(|generation| (generation, error.repeat()));
        // The error does not say which: each is read alone, once.
        let Some((generation, error)) = found.or_else(|| inputs.iter().find_map(unreadable)) else {
            return self.failed(Work::Compaction(core.tag), error, Some(Rest::LONG));
        };
        let rest = (error.kind() == ErrorKind::Io).then_some(Rest::LONG);
        tracing::warn!(
            table = core.name(),
            generation = generation.0,
            is_tried_again = rest.is_some(),
            %error,
            "an SSTable is suspect: compactions leave it out"
        );
        self.failed(Work::Reading(core.tag, generation), error, rest)
    }

    /// Looks how much of a table waits for compaction.
    pub(crate) fn measure_backlog(&self, core: &TableCore) {
        let view = core.view.load();
        let options = &view.state.options;
        let compacting = core.compacting.lock();
        let is_waiting = |table: &&LiveTable| {
            !compacting.contains(&table.generation)
                && self.failures.get(Work::Reading(core.tag, table.generation)).is_none()
        };
        let waiting = if options.compaction.common().enabled {
            // Ratios of tombstones cost more than they are worth here.
            let described: Vec<_> = view.sstables.iter().filter(is_waiting).map(describe_size).collect();
            options.compaction.strategy().waiting(&described)
        } else {
            Waiting::default()
        };
        core.backlog.set(waiting, self.options.memtable_bytes as u64);
    }

    fn merge_into_one(
        &self,
        core: &Arc<TableCore>,
        task: &Task,
        inputs: &[LiveTable],
    ) -> std::result::Result<Ran, CompactionFailure> {
        // Before any view is looked at: what is ingested later is in none that a tombstone was
        // dropped by.
        let ingests = core.ingests.load(Acquire);
        let view = core.view.load_full();
        let state = view.state.clone();
        let now = self.set.now_seconds();
        let keys = inputs.iter().map(|t| t.facts.key_count).sum();
        let sstables = inputs.iter().map(|t| t.sstable().cloned()).collect::<Result<Vec<_>>>()?;
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
                Err(CompactionError::Write(WriteError::Source(error)) | CompactionError::Stream(error)) => {
                    let table = error.downcast_ref().and_then(|error| input_of(inputs, error));
                    return Err(CompactionFailure::Input(table, error.into()));
                }
                Err(CompactionError::Write(error)) => match self.version_for_late(&state, version, &error) {
                    Some(newer) => version = newer,
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
                Ok(Outcome::Stopped) if core.ingests.load(Acquire) != ingests => return Ok(Ran::Overtaken),
                Ok(Outcome::Stopped) if self.scheduler.is_stopping() => return Ok(Ran::Closing),
                Ok(Outcome::Stopped) => return Ok(Ran::ToTheEnd),
                Ok(Outcome::Done(written)) => {
                    let open = |written: Box<_>| self.open_written(core, &state, generation, &written);
                    let output = written.map(open).transpose()?;
                    return Ok(self.publish_compaction(core, ingests, inputs, output)?);
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
        // A truncation or drop meanwhile took the inputs away: then the output is nothing that
        // anyone wants.
        let live = core.view.load();
        let all_live = removed.iter().all(|g| live.sstables.iter().any(|t| t.generation == *g));
        if core.dropped.load(Acquire) || !all_live {
            output.iter().for_each(|output| output.remove_when_unread(false));
            return Ok(Ran::ToTheEnd);
        }
        if core.ingests.load(Acquire) != ingests {
            output.iter().for_each(|output| output.remove_when_unread(false));
            return Ok(Ran::Overtaken);
        }
        let mut changes: Vec<_> =
            removed.iter().map(|&generation| Change::RemoveSsTable { tag, generation }).collect();
        changes.extend(output.iter().map(|live| added(core, live)));
        self.commit_or_remove(Edit { changes }, output.as_ref())?;
        self.tell(core, inputs, output.as_ref());
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&removed, output.into_iter().collect()),
            lookups: Lookups::default(),
        });
        core.counters.compactions.fetch_add(1, Relaxed);
        inputs.iter().for_each(|input| self.retire(input, false));
        Ok(Ran::ToTheEnd)
    }

    fn tell(&self, core: &TableCore, inputs: &[LiveTable], output: Option<&LiveTable>) {
        let bytes = |tables: &mut dyn Iterator<Item = &LiveTable>| tables.map(|t| t.facts.disk_len).sum();
        let (bytes_read, bytes_written): (u64, u64) =
            (bytes(&mut inputs.iter()), bytes(&mut output.into_iter()));
        let sstable = output.map(|live| stem(live.descriptor()));
        tracing::info!(
            table = core.name(),
            inputs = inputs.len(),
            sstable,
            bytes_read,
            bytes_written,
            "compacted"
        );
    }

    /// Commits an edit that brings an SSTable. Where that fails the edit is not there, and its
    /// files go: the work is done again, under another name.
    pub(super) fn commit_or_remove(&self, edit: Edit, output: Option<&LiveTable>) -> Result<()> {
        self.commit(edit).inspect_err(|_| {
            // While it is not known whether the edit is there, the files must be.
            if self.check_certain().is_ok() {
                output.iter().for_each(|output| output.remove_when_unread(false));
            }
        })
    }

    /// An SSTable has left the view: its files are removed after their last reader; with `and_dir`
    /// also the directory, if it is empty then.
    pub(super) fn retire(&self, live: &LiveTable, and_dir: bool) {
        if let Some(sstable) = live.opened() {
            self.set.pinned.retire_sstable(sstable);
        }
        live.remove_when_unread(and_dir);
    }

    /// Removes the files of an SSTable that is not live. A file that can't be removed does no harm:
    /// it is removed at the next open.
    pub(super) fn remove_files(&self, descriptor: &Descriptor) {
        let ours = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
        // Data.db goes first: what a crash leaves is no table then.
        for component in Component::known().cloned().chain([ours]) {
            if let Err(error) = remove_if_exists(&**self.set.disk(), &descriptor.path(&component)) {
                tracing::warn!(%error, "a file that is no longer needed stays until the database is opened again");
            }
        }
    }

    /// Between two partitions: stops when the database closes, waits when compactions write faster
    /// than they may.
    fn throttle(
        &self,
        core: &TableCore,
        ingests: u64,
        progress: Progress,
        counted: &mut u64,
    ) -> ControlFlow<()> {
        // The number of bytes between two checks: often enough to react, rarely enough to cost
        // nothing.
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

/// The input whose file an error is about.
fn input_of(inputs: &[LiveTable], error: &SsTableError) -> Option<Generation> {
    let descriptor = |table: &LiveTable| table.descriptor().clone();
    let is_of = |table: &&LiveTable| {
        let descriptor = descriptor(table);
        let name = error.file().file_name().and_then(|name| name.to_str());
        let parsed = name.map(|name| Descriptor::parse(parent_of(error.file()), name));
        parsed.is_some_and(|parsed| parsed.is_ok_and(|(found, _)| found == descriptor))
    };
    inputs.iter().find(is_of).map(|table| table.generation)
}

/// The error of an input, if it can't be read to its end.
fn unreadable(table: &LiveTable) -> Option<(Generation, Error)> {
    table.sstable().and_then(read_through).err().map(|error| (table.generation, error))
}

fn read_through(sstable: &Arc<SsTable>) -> Result<()> {
    let mut scan = validated(sstable.scan(), StreamOrigin::Disk);
    let mut stats = RowStats::default();
    while scan.next_partition()? {
        while scan.advance()? {
            if let Some(Unfiltered::Row(row)) = scan.current() {
                stats.row(row, |_| {})?;
            }
        }
    }
    Ok(())
}

/// The description of an SSTable for strategies, without its tombstones.
fn describe_size(table: &LiveTable) -> Description {
    Description {
        generation: table.generation,
        bytes_on_disk: table.facts.disk_len,
        level: table.level,
        max_timestamp: table.max_timestamp(),
        droppable_ratio: 0.0,
        written_at_seconds: table.created_seconds,
    }
}

/// The description of an SSTable for strategies.
pub(crate) fn describe(table: &LiveTable, gc_before: u32) -> Description {
    Description { droppable_ratio: droppable_ratio(table, gc_before), ..describe_size(table) }
}

/// What of a partition's tombstones may go: nothing outside the compacted tables may hold data that
/// they shadow (`CompactionController.getPurgeEvaluator`). The least timestamp counts of whole
/// SSTables that may hold the partition, and of whole memtables that do, as the view has them now:
/// what was written or flushed since the compaction began is in it.
fn purgeable(core: &TableCore, inputs: &[Generation], partition: &PartitionRef<'_>) -> Purgeable {
    let hash = murmur3(partition.key);
    let view = core.view.load();
    let others = view.sstables.iter().filter(|t| !inputs.contains(&t.generation));
    // One that can't be opened may hold anything.
    let may_contain =
        |t: &&LiveTable| t.sstable().map_or(true, |sstable| sstable.may_contain(partition.token, hash));
    let holding = others.filter(|t| !t.excludes(partition.token)).filter(may_contain);
    let in_tables = holding.map(|t| t.facts.min_timestamp);
    let memtables = view.memtables.iter().filter(|m| m.contains(partition.token, partition.key));
    let least = in_tables.chain(memtables.map(|m| m.min_timestamp())).min();
    least.map_or(Purgeable::All, Purgeable::Below)
}

/// Share of an SSTable's cells that are tombstones whose grace ends before that second, estimated
/// (`SSTableReader.getEstimatedDroppableTombstoneRatio`).
fn droppable_ratio(table: &LiveTable, gc_before: u32) -> f64 {
    if table.facts.min_local_deletion_time > LocalDeletionTime(gc_before) {
        return 0.0;
    }
    // A table that can't be opened is no reason to compact it; its readers get the error.
    let Ok(sstable) = table.sstable() else { return 0.0 };
    let stats = sstable.stats();
    let cells = stats.cells_per_partition.mean().saturating_mul(stats.cells_per_partition.count());
    if cells == 0 {
        return 0.0;
    }
    stats.tombstone_drop_times.sum(LocalDeletionTime(gc_before)) / cells as f64
}
