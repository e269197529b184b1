//! Compaction: picks a task, runs it, swaps inputs for output in one edit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use helenus_compaction::{
    Availability, CompactionError, Description, Details, Execution, ExpectedKeys, KeyRange, Moment, Outcome,
    Progress, Purging, Strategy, Task, TaskId, Waiting, execute,
};
use helenus_io::parent_of;
use helenus_rows::{
    PartitionRef, PurgeOptions, Purgeable, RowStats, StreamOrigin, Unfiltered, UnfilteredStream, validated,
};
use helenus_sstable::{
    Component, Descriptor, SsTable, SsTableError, StatsComponent, WrittenTable, remove_components,
};
use helenus_types::{Generation, LocalDeletionTime, Token, murmur3};

use super::buffers::Lookups;
use super::failures::{Failure, Rest, Work};
use super::flush::{TableOutputs, added, stems};
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
    /// Discarded: SSTables were ingested meanwhile, and their data may be older than tombstones
    /// that it dropped.
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

/// A task whose SSTables no other one takes.
struct Claimed<'a> {
    task: Task,
    inputs: Vec<LiveTable>,
    expired: Vec<LiveTable>,
    /// [`TableCore::ingests`] before any view was looked at: what is ingested later is in none that
    /// an SSTable or a tombstone was dropped by.
    ingests: u64,
    claim: Compacting<'a>,
}

/// Which SSTables a compaction may take that could not be read before.
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
        let has_rested = self.failures.compaction_has_rested(now);
        let Some(_looking) = self.scheduler.look_for_compaction(has_rested) else { return Ok(false) };
        for core in self.tables_by_turn() {
            let work = Work::Compaction(core.tag);
            let has_rested = self.failures.has_rested(work, now);
            let is_resting = self.has_threads() && !has_rested;
            if is_resting || !core.view.load().state.options.compaction.common().enabled {
                continue;
            }
            let Some(claimed) = self.claim(&core, Suspects::Rested, Strategy::next_task) else {
                if has_rested {
                    // The failed compaction was a caller's, and is not due.
                    self.succeeded(work);
                }
                self.read_suspects_again(&core, now);
                continue;
            };
            // There may be more work, in this and other tables, for this thread and others.
            self.scheduler.compaction_due();
            self.run(&core, claimed)?;
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
            let choose = |strategy: &Strategy, tables: &[Description<'_>], _: &Moment| strategy.major(tables);
            let Some(claimed) = self.claim(core, Suspects::Unread, choose) else { break };
            let inputs = claimed.inputs.clone();
            match self.run(core, claimed) {
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

    /// Chooses a task and marks its SSTables as being compacted.
    fn claim<'a>(
        &'a self,
        core: &'a TableCore,
        suspects: Suspects,
        choose: impl FnOnce(&Strategy, &[Description<'_>], &Moment) -> Option<Task>,
    ) -> Option<Claimed<'a>> {
        let ingests = core.ingests.load(Acquire);
        let view = core.view.load_full();
        let elapsed = self.set.clock().elapsed();
        let may_be_read = |table: &LiveTable| {
            let work = Work::Reading(core.tag, table.generation);
            match suspects {
                Suspects::Rested => self.failures.has_rested(work, elapsed),
                Suspects::Unread => self.failures.get(work).is_none_or(|f| f.retry_at.is_some()),
            }
        };
        // Clocks are the user's, and may call the database: not under a lock.
        let moment = moment_of(&view, self.set.now_seconds());
        let mut compacting = core.compacting.lock();
        if core.dropped.load(Acquire) {
            return None;
        }
        let described = describe_all(&view, &compacting, may_be_read);
        let task = choose(view.state.options.compaction.strategy(), &described, &moment)?;
        let [inputs, expired] = [&task.inputs, &task.expired].map(|chosen| {
            let chosen_one = |table: &&LiveTable| chosen.contains(&table.generation);
            view.sstables.iter().filter(chosen_one).cloned().collect::<Vec<_>>()
        });
        let chosen: Vec<_> = task.generations().collect();
        assert_eq!(inputs.len() + expired.len(), chosen.len(), "a strategy chooses of what it is shown");
        let is_free =
            |generation| described.iter().any(|table| table.generation == generation && table.is_free());
        assert!(chosen.iter().all(|chosen| is_free(*chosen)), "a strategy chooses of what is free");
        let id = TaskId(compacting.values().map(|running| running.0).max().map_or(0, |last| last + 1));
        compacting.extend(chosen.iter().map(|generation| (*generation, id)));
        drop(compacting);
        let claim = self.scheduler.begin_compaction(core, chosen);
        Some(Claimed { task, inputs, expired, ingests, claim })
    }

    fn run(&self, core: &Arc<TableCore>, claimed: Claimed<'_>) -> Result<Ran> {
        let Claimed { task, inputs, expired, ingests, claim } = claimed;
        self.measure_backlog(core);
        let outcome = self.carry_out(core, &task, &inputs, &expired, ingests);
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
                Err(self.suspect(core, &inputs, generation, error))
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

    /// Reads what could not be read and has rested, where no compaction does: it is not suspect for
    /// ever.
    fn read_suspects_again(&self, core: &TableCore, now: Duration) {
        let has_rested = |failure: &Failure| failure.retry_at.is_some_and(|at| at <= now);
        for (generation, _) in self.suspects_of(core).into_iter().filter(|(_, failure)| has_rested(failure)) {
            let view = core.view.load_full();
            let Some(live) = view.sstables.iter().find(|live| live.generation == generation) else {
                continue;
            };
            let work = Work::Reading(core.tag, generation);
            match unreadable(live) {
                None => self.succeeded(work),
                Some((_, error)) => drop(self.failed(work, error, Some(Rest::LONG))),
            }
        }
    }

    /// Looks how much of a table waits for compaction.
    pub(crate) fn measure_backlog(&self, core: &TableCore) {
        let view = core.view.load();
        let options = &view.state.options;
        let waiting = if options.compaction.common().enabled {
            let is_sound =
                |table: &LiveTable| self.failures.get(Work::Reading(core.tag, table.generation)).is_none();
            let described = describe_all(&view, &core.compacting.lock(), is_sound);
            options.compaction.strategy().waiting(&described)
        } else {
            Waiting::default()
        };
        core.backlog.set(waiting, self.options.memtable_bytes as u64);
    }

    /// Merges the inputs, and publishes what came of them.
    fn carry_out(
        &self,
        core: &Arc<TableCore>,
        task: &Task,
        inputs: &[LiveTable],
        expired: &[LiveTable],
        ingests: u64,
    ) -> std::result::Result<Ran, CompactionFailure> {
        let gone: Vec<_> = inputs.iter().chain(expired).cloned().collect();
        if inputs.is_empty() {
            return Ok(self.publish_compaction(core, ingests, task, &gone, Vec::new())?);
        }
        let view = core.view.load_full();
        let state = view.state.clone();
        let now = self.set.now_seconds();
        let sstables = inputs.iter().map(|t| t.sstable().cloned()).collect::<Result<Vec<_>>>()?;
        let sources = || -> Vec<Box<dyn UnfilteredStream + '_>> {
            let scan = |sstable: &Arc<SsTable>| validated(sstable.scan(), StreamOrigin::Disk);
            sstables.iter().map(|sstable| Box::new(scan(sstable)) as Box<dyn UnfilteredStream>).collect()
        };
        let chosen: Vec<_> = task.generations().collect();
        let is_stopped = || {
            let is_in_vain = core.dropped.load(Acquire) || core.ingests.load(Acquire) != ingests;
            is_in_vain || self.scheduler.is_stopping()
        };
        let mut counted = 0;
        let execution = Execution {
            disk: self.set.disk(),
            header: state.header.clone(),
            dropped: state.schema.dropped(),
            purging: Some(Purging {
                options: PurgeOptions {
                    now,
                    gc_before: now.saturating_sub(state.options.gc_grace_seconds),
                    strict_liveness: state.schema.strict_liveness(),
                },
                purgeable: &mut |partition| purgeable(core, &chosen, partition),
            }),
            shape: task.output.clone(),
            expected: expected_of(inputs),
            progress: &mut |progress| self.throttle(&is_stopped, progress, &mut counted),
            is_stopped: &is_stopped,
        };
        let compression = state.options.compression.clone();
        let mut outputs = TableOutputs::new(self, core, &state, compression);
        match execute(sources, execution, &mut outputs) {
            Err(CompactionError::Source(error)) => {
                let table = error.downcast_ref().and_then(|error| input_of(inputs, error));
                Err(CompactionFailure::Input(table, error.into()))
            }
            Err(error) => Err(Error::from(error).into()),
            Ok(Outcome::Stopped) if core.ingests.load(Acquire) != ingests => Ok(Ran::Overtaken),
            Ok(Outcome::Stopped) if self.scheduler.is_stopping() => Ok(Ran::Closing),
            Ok(Outcome::Stopped) => Ok(Ran::ToTheEnd),
            Ok(Outcome::Done(written)) => {
                let written = self.open_written(core, &state, &written)?;
                Ok(self.publish_compaction(core, ingests, task, &gone, written)?)
            }
        }
    }

    /// Makes the outputs of a task visible in place of the SSTables that it took.
    fn publish_compaction(
        &self,
        core: &Arc<TableCore>,
        ingests: u64,
        task: &Task,
        gone: &[LiveTable],
        outputs: Vec<LiveTable>,
    ) -> Result<Ran> {
        let tag = core.tag.0;
        let _publishing = self.publishing.lock();
        // A truncation or drop meanwhile took the inputs away: then the outputs are obsolete.
        let live = core.view.load();
        let all_live = gone.iter().all(|t| live.sstables.iter().any(|live| live.generation == t.generation));
        let obsolete = if core.dropped.load(Acquire) || !all_live {
            Some(Ran::ToTheEnd)
        } else if core.ingests.load(Acquire) != ingests {
            Some(Ran::Overtaken)
        } else {
            None
        };
        if let Some(ran) = obsolete {
            outputs.iter().for_each(|output| output.remove_when_unread(false));
            return Ok(ran);
        }
        let removed: Vec<_> = gone.iter().map(|t| t.generation).collect();
        let mut changes: Vec<_> =
            removed.iter().map(|&generation| Change::RemoveSsTable { tag, generation }).collect();
        changes.extend(outputs.iter().map(|live| added(core, live)));
        self.commit_or_remove(Edit { changes }, &outputs)?;
        self.log_compaction(core, task, gone, &outputs);
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&removed, outputs),
            lookups: Lookups::default(),
        });
        core.counters.compactions.fetch_add(1, Relaxed);
        gone.iter().for_each(|input| self.retire(input, false));
        Ok(Ran::ToTheEnd)
    }

    fn log_compaction(&self, core: &TableCore, task: &Task, gone: &[LiveTable], outputs: &[LiveTable]) {
        let bytes = |tables: &[LiveTable]| tables.iter().map(|t| t.facts.disk_len).sum::<u64>();
        let is_read = |table: &&LiveTable| task.inputs.contains(&table.generation);
        tracing::info!(
            table = core.name(),
            reason = %task.reason,
            inputs = task.inputs.len(),
            expired = task.expired.len(),
            sstable = stems(outputs),
            bytes_read = gone.iter().filter(is_read).map(|t| t.facts.disk_len).sum::<u64>(),
            bytes_written = bytes(outputs),
            "compacted"
        );
    }

    /// Commits an edit that brings SSTables. Where that fails the edit is not there, and their
    /// files go: the work is done again, under other names.
    pub(super) fn commit_or_remove(&self, edit: Edit, outputs: &[LiveTable]) -> Result<()> {
        self.commit(edit).inspect_err(|_| {
            // While it is not known whether the edit is there, the files must be.
            if self.check_certain().is_ok() {
                outputs.iter().for_each(|output| output.remove_when_unread(false));
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

    /// Removes an SSTable that is not live. A file that can't be removed does no harm: it is
    /// removed at the next open.
    pub(super) fn remove_written(&self, written: &WrittenTable) {
        let components = written.observed().map(|(component, _)| component);
        if let Err(error) = remove_components(&**self.set.disk(), &written.descriptor, components) {
            tracing::warn!(%error, "a file that is no longer needed stays until the database is opened again");
        }
    }

    /// Between two partitions: stops when the database closes, waits when compactions write faster
    /// than they may.
    fn throttle(
        &self,
        is_stopped: &dyn Fn() -> bool,
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
        if is_stopped() {
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

/// What strategies know of an SSTable.
pub(crate) fn describe(table: &LiveTable, availability: Availability) -> Description<'_> {
    let facts = &table.facts;
    let data = facts.digests.iter().find(|digest| digest.component == Component::Data);
    Description {
        generation: table.generation,
        availability,
        level: table.level,
        keys: KeyRange { first: &facts.first_key, last: &facts.last_key },
        tokens: table.token_range,
        min_timestamp: facts.min_timestamp,
        max_timestamp: facts.max_timestamp,
        min_local_deletion_time: facts.min_local_deletion_time,
        partitions: facts.key_count,
        rows: facts.rows,
        bytes_on_disk: facts.disk_len,
        data_file_bytes: data.map_or(facts.disk_len, |data| data.len),
        data_bytes: facts.data_len,
        written_at_seconds: table.created_seconds,
        details: table,
    }
}

/// All live SSTables of a view as strategies see them, with the tasks that have some of them.
fn describe_all<'a>(
    view: &'a View,
    compacting: &BTreeMap<Generation, TaskId>,
    may_be_taken: impl Fn(&LiveTable) -> bool,
) -> Vec<Description<'a>> {
    let availability = |table: &LiveTable| match compacting.get(&table.generation) {
        Some(task) => Availability::InTask(*task),
        None if may_be_taken(table) => Availability::Free,
        None => Availability::LeftOut,
    };
    view.sstables.iter().map(|table| describe(table, availability(table))).collect()
}

impl Details for LiveTable {
    fn stats(&self) -> Option<&StatsComponent> {
        self.sstable().ok().map(|sstable| sstable.stats())
    }
}

/// The moment at which a table's strategy is asked.
fn moment_of(view: &View, now_seconds: u32) -> Moment {
    let gc_before = now_seconds.saturating_sub(view.state.options.gc_grace_seconds);
    let filled = view.memtables.iter().filter(|memtable| !memtable.is_empty());
    Moment {
        now_seconds,
        gc_before: LocalDeletionTime(gc_before),
        min_memtable_timestamp: filled.map(|memtable| memtable.min_timestamp()).min(),
    }
}

/// Partitions that are expected of a merge.
fn expected_of(inputs: &[LiveTable]) -> ExpectedKeys {
    let described = || inputs.iter().map(|input| describe(input, Availability::Free));
    let first = described().map(|input| input.tokens.0).min();
    let last = described().map(|input| input.tokens.1).max();
    ExpectedKeys::All {
        keys: described().map(|input| input.partitions).sum(),
        data_file_bytes: Some(described().map(|input| input.data_file_bytes).sum()),
        tokens: (first.unwrap_or(Token::MIN), last.unwrap_or(Token::MAX)),
    }
}

/// Which of a partition's tombstones may be purged: nothing outside the compacted tables may hold
/// data that they shadow (`CompactionController.getPurgeEvaluator`). The least timestamp counts of
/// whole SSTables that may hold the partition, and of whole memtables that do, in the current view,
/// which has everything written or flushed since the compaction began.
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

#[cfg(test)]
mod tests {
    use helenus_compaction::{OutputShape, fully_expired};
    use helenus_io::Disk;
    use helenus_sim::{SimClock, SimDisk};

    use super::*;
    use crate::{Background, Database, Options, Table};

    const SCHEMA: &str = "
        CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
        CREATE TABLE k.t (p int PRIMARY KEY, v int) WITH gc_grace_seconds = 10;";

    /// A database whose first SSTable expired long ago, and whose Data.db can't be read; the second
    /// one is alive.
    fn expired(disk: &SimDisk) -> (Database, Table) {
        let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
        let options = Options::new().disk(Arc::new(disk.clone())).clock(clock.clone());
        let db = options.background(Background::Manual).open("/db").unwrap();
        db.execute_schema(SCHEMA).unwrap();
        let table = db.table("k", "t").unwrap();
        table.insert(1, ()).set("v", 1).ttl(5).execute().unwrap();
        table.flush().unwrap();
        let data = table.core.view.load().sstables[0].descriptor().path(&Component::Data);
        disk.flip(&data, 0, 1).unwrap();
        clock.advance(Duration::from_secs(100));
        table.insert(2, ()).set("v", 2).execute().unwrap();
        table.flush().unwrap();
        (db, table)
    }

    fn drop_expired(_: &Strategy, tables: &[Description<'_>], moment: &Moment) -> Option<Task> {
        Task::drop_expired(fully_expired(tables, moment))
    }

    #[test]
    fn expired_sstables_are_dropped_unread() {
        let disk = SimDisk::new();
        let (db, table) = expired(&disk);
        let (side, core) = (table.writer.database().unwrap(), &table.core);
        let claimed = side.claim(core, Suspects::Rested, drop_expired).unwrap();
        assert!(claimed.inputs.is_empty());
        let [gone] = &claimed.expired[..] else { panic!("{:?}", claimed.task) };
        let (data, generation) = (gone.descriptor().path(&Component::Data), gone.generation);
        // Meanwhile strategies see it, and the task that has it.
        let mut seen = Vec::new();
        let look = |_: &Strategy, tables: &[Description<'_>], _: &Moment| {
            seen = tables.iter().map(|t| (t.generation, t.availability)).collect();
            None
        };
        assert!(side.claim(core, Suspects::Rested, look).is_none());
        seen.sort_by_key(|(generation, _)| *generation);
        let of_task = (generation, Availability::InTask(TaskId(0)));
        assert_eq!((seen[0], seen[1].1), (of_task, Availability::Free));

        assert_eq!(side.run(core, claimed).unwrap(), Ran::ToTheEnd);
        assert!(core.compacting.lock().is_empty());
        assert_eq!(core.view.load().sstables.len(), 1);
        assert!(!disk.exists(&data).unwrap());
        assert!(side.claim(core, Suspects::Rested, drop_expired).is_none());
        db.close().unwrap();
    }

    #[test]
    fn what_is_ingested_meanwhile_keeps_expired_sstables() {
        let disk = SimDisk::new();
        let (db, table) = expired(&disk);
        let (side, core) = (table.writer.database().unwrap(), &table.core);
        let claimed = side.claim(core, Suspects::Rested, drop_expired).unwrap();
        core.ingests.fetch_add(1, Relaxed);
        assert_eq!(side.run(core, claimed).unwrap(), Ran::Overtaken);
        assert_eq!(core.view.load().sstables.len(), 2);
        db.close().unwrap();
    }

    #[test]
    fn a_task_with_a_shape_becomes_several_sstables() {
        let disk = SimDisk::new();
        let options = Options::new().disk(Arc::new(disk.clone()));
        let db = options.background(Background::Manual).open("/db").unwrap();
        db.execute_schema(SCHEMA).unwrap();
        let table = db.table("k", "t").unwrap();
        for round in 0..2 {
            (0..100).for_each(|p| table.insert(p, ()).set("v", p + round).execute().unwrap());
            table.flush().unwrap();
        }
        let (side, core) = (table.writer.database().unwrap(), &table.core);
        let in_shards = |strategy: &Strategy, tables: &[Description<'_>], _: &Moment| {
            let task = strategy.major(tables)?;
            let output = OutputShape { level: 3, shard_ends: vec![Token(-5), Token(5)], ..task.output };
            Some(Task { output, ..task })
        };
        let claimed = side.claim(core, Suspects::Rested, in_shards).unwrap();
        assert_eq!(side.run(core, claimed).unwrap(), Ran::ToTheEnd);
        db.close().unwrap();
        // What the manifest says of them outlives the process.
        let options = Options::new().disk(Arc::new(disk.clone()));
        let db = options.background(Background::Manual).open("/db").unwrap();
        let table = db.table("k", "t").unwrap();
        let view = table.core.view.load();
        let mut ranges: Vec<_> = view.sstables.iter().map(|t| (t.token_range, t.level)).collect();
        ranges.sort_unstable();
        let [((_, below), 3), ((above, _), 3)] = ranges[..] else { panic!("{ranges:?}") };
        assert!(below <= Token(-5) && above > Token(5));
        assert_eq!(view.sstables.iter().map(|t| t.facts.key_count).sum::<u64>(), 100);
        let select = table.select();
        let mut rows = select.rows().unwrap();
        let mut sum = 0;
        while let Some(row) = rows.next().unwrap() {
            sum += row.get::<i32>("v").unwrap();
        }
        assert_eq!(sum, (1..=100).sum::<i32>());
    }
}
