//! Flush: a full memtable becomes an SSTable, and the log before it is no longer needed.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use helenus_compaction::{Execution, ExpectedKeys, NextOutput, Outcome, OutputFactory, OutputShape, execute};
use helenus_memtable::Memtable;
use helenus_rows::{StreamOrigin, validated};
use helenus_sstable::{
    Component, CompressionParams, Descriptor, Format, SsTableError, SsTableId, Version, WriterOptions,
    WrittenTable,
};
use helenus_types::{Generation, LogPosition, Token};

use super::buffers::Lookups;
use super::failures::{Rest, Work};
use super::live::LiveTable;
use super::scheduler::{ClaimedFlush, FlushJob, TICK};
use super::state::TableState;
use super::table::{Active, TableCore, View};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, DATA_DIR, Edit, SsTableEntry};

/// The bytes of rows after which a block of a row index is closed. Cassandra's default is four
/// times as much: a point read decodes half a block's rows on average, and here reads are of single
/// rows, not of chunks from a spindle.
const ROW_INDEX_GRANULARITY_BYTES: u64 = 4 << 10;
/// The same where a partition's whole row index is one entry of Index.db, which grows with every
/// block: four times as much, a quarter of Cassandra's default.
const BIG_ROW_INDEX_GRANULARITY_BYTES: u64 = 16 << 10;

impl WriteSide {
    /// Switches the memtable of a table if it is full; another writer may have done it already.
    pub(crate) fn switch_if_full(&self, core: &Arc<TableCore>) {
        self.switch_when(core, |memtable| memtable.allocated_bytes() >= self.options.memtable_bytes);
    }

    /// Switches the memtable of a table if there is anything in it.
    pub(crate) fn switch(&self, core: &Arc<TableCore>) {
        self.switch_when(core, |memtable| !memtable.is_empty());
    }

    fn switch_when(&self, core: &Arc<TableCore>, due: impl Fn(&Memtable) -> bool) {
        let mut active = core.active.write();
        if due(&active.memtable) && !core.dropped.load(Acquire) {
            self.switch_locked(core, &mut active);
        }
    }

    /// Retires the active memtable and queues its flush; the caller holds the table's write lock.
    pub(crate) fn switch_locked(&self, core: &Arc<TableCore>, active: &mut Active) {
        let state = active.state.clone();
        let fresh = state.memtable();
        let memtable = std::mem::replace(&mut active.memtable, fresh.clone());
        let upper = self.log().map_or(LogPosition::ZERO, |log| log.position());
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: std::iter::once(fresh).chain(view.memtables.iter().cloned()).collect(),
            sstables: view.sstables.clone(),
            lookups: Lookups::default(),
        });
        self.scheduler.push(FlushJob { core: core.clone(), memtable, state, upper });
    }

    /// Queues the flush of the table whose memtable holds most, unless one waits or runs that may
    /// succeed.
    pub(crate) fn flush_largest(&self) {
        let failing = self.failures.tables_of_flushes();
        if self.scheduler.has_flush(|tag| !failing.contains(&tag)) {
            return;
        }
        let size =
            |core: &Arc<TableCore>| core.view.load().memtables.first().map_or(0, |m| m.allocated_bytes());
        let tables = self.set.all_tables();
        let sound = tables.iter().filter(|core| !failing.contains(&core.tag));
        if let Some(largest) = sound.max_by_key(|core| size(core)) {
            self.switch(largest);
        }
    }

    /// Queues the flush of the tables that hold the log's oldest segment, unless one of them waits
    /// or runs.
    pub(crate) fn flush_oldest_of_log(&self) -> Result<()> {
        let Some(log) = self.log() else { return Ok(()) };
        let tags = log.dirty_tags_of_oldest();
        if self.scheduler.has_flush(|tag| tags.contains(&tag)) {
            return Ok(());
        }
        for tag in tags {
            match self.set.table_of(tag) {
                Some(core) => self.switch(&core),
                None => log.mark_flushed(tag, log.position())?,
            }
        }
        Ok(())
    }

    /// Queues the flush of tables whose `memtable_flush_period_in_ms` is over.
    pub(crate) fn queue_periodic_flushes(&self) {
        let now = self.set.clock().elapsed();
        for core in self.set.all_tables() {
            let period = core.active.read().state.options.memtable_flush_period;
            if core.counters.flush_is_due(period, now) {
                self.switch(&core);
            }
        }
    }

    /// Flushes the oldest memtable of the queue, of tables whose flushes failed last; false when
    /// none is due. Threads let such a table rest; calls try it at once.
    pub(crate) fn flush_next(&self) -> Result<bool> {
        let now = self.set.clock().elapsed();
        let claimed = self.scheduler.claim_flush(|tag| match self.failures.get(Work::Flush(tag)) {
            None => Some(0),
            Some(failure) => {
                let has_rested = failure.retry_at.is_some_and(|at| at <= now);
                (has_rested || !self.has_threads()).then_some(failure.attempts)
            }
        });
        claimed.map_or(Ok(false), |claimed| self.flush_claimed(claimed).map(|()| true))
    }

    /// Returns when the memtables that a table has retired so far are in SSTables, or thrown away
    /// by a truncation or a drop.
    pub(crate) fn flush_retired(&self, core: &Arc<TableCore>) -> Result<()> {
        let retired: Vec<_> = core.view.load().memtables.iter().skip(1).cloned().collect();
        let is_there = |memtable: &Arc<Memtable>| {
            !core.dropped.load(Acquire)
                && core.view.load().memtables.iter().any(|other| Arc::ptr_eq(memtable, other))
        };
        while retired.iter().any(is_there) {
            self.check_sound()?;
            // At once, also if flushes of this table have failed: the caller wants the result.
            match self.scheduler.claim_flush(|tag| (tag == core.tag).then_some(0)) {
                Some(claimed) => self.flush_claimed(claimed)?,
                None => {
                    self.scheduler.wait_for_step(TICK);
                }
            }
        }
        Ok(())
    }

    /// Flushes the tables' memtables. All are tried; the first error is returned.
    pub(crate) fn flush_tables(&self, cores: &[Arc<TableCore>]) -> Result<()> {
        cores.iter().for_each(|core| self.switch(core));
        let flushed: Vec<_> = cores.iter().map(|core| self.flush_retired(core)).collect();
        flushed.into_iter().collect()
    }

    fn flush_claimed(&self, claimed: ClaimedFlush<'_>) -> Result<()> {
        let job = claimed.job();
        let work = Work::Flush(job.core.tag);
        match self.flush(job) {
            Ok(()) => {
                claimed.done();
                self.succeeded(work);
                Ok(())
            }
            // It goes back to the queue first: the caller that gets the error may try again at
            // once.
            Err(error) => {
                drop(claimed);
                Err(self.failed(work, error, Some(Rest::SHORT)))
            }
        }
    }

    fn flush(&self, job: &FlushJob) -> Result<()> {
        let core = &job.core;
        let freed = job.memtable.allocated_bytes();
        if !self.is_superseded(job) {
            // Visible data must not be ahead of the log that a crash leaves.
            if let Some(log) = self.log() {
                log.sync()?;
            }
            let written = self.write_memtable(core, &job.state, &job.memtable)?;
            self.publish_flush(job, written)?;
        }
        // It is flushed: a later failure is no reason to do it again.
        self.pressure.release(freed);
        if let Some(log) = self.log()
            && let Err(error) = log.mark_flushed(core.tag, job.upper)
        {
            self.failed(Work::Log, error.into(), Some(Rest::SHORT));
        }
        self.measure_backlog(core);
        self.scheduler.compaction_due();
        Ok(())
    }

    /// Whether a truncation or a drop threw the memtable away meanwhile.
    fn is_superseded(&self, job: &FlushJob) -> bool {
        job.core.dropped.load(Acquire)
            || !job.core.view.load().memtables.iter().any(|m| Arc::ptr_eq(m, &job.memtable))
    }

    fn publish_flush(&self, job: &FlushJob, written: Vec<LiveTable>) -> Result<()> {
        let core = &job.core;
        let _publishing = self.publishing.lock();
        if self.is_superseded(job) {
            written.iter().for_each(|live| live.remove_when_unread(false));
            return Ok(());
        }
        let mut edit = Edit::one(Change::Flushed { tag: core.tag.0, position: job.upper });
        edit.changes.extend(written.iter().map(|live| added(core, live)));
        self.commit_or_remove(edit, &written)?;
        tracing::info!(
            table = core.name(),
            sstable = stems(&written),
            bytes = written.iter().map(|live| live.facts.disk_len).sum::<u64>(),
            memtable_bytes = job.memtable.allocated_bytes(),
            partitions = job.memtable.partition_count(),
            "flushed"
        );
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.iter().filter(|m| !Arc::ptr_eq(m, &job.memtable)).cloned().collect(),
            sstables: view.with_sstables(&[], written),
            lookups: Lookups::default(),
        });
        core.counters.flushes.fetch_add(1, Relaxed);
        self.set.pinned.retire_memtable(&job.memtable, self.options.pinned_bytes_limit);
        Ok(())
    }

    /// Writes a memtable, uncompressed: compaction compresses, once. Nothing comes of it when
    /// nothing of it is left, or was ever in it.
    fn write_memtable(
        &self,
        core: &TableCore,
        state: &Arc<TableState>,
        memtable: &Arc<Memtable>,
    ) -> Result<Vec<LiveTable>> {
        // A single source is still filtered by its own range and partition deletions.
        let source = || vec![validated(memtable.scan(Token::MIN..=Token::MAX), StreamOrigin::Ours)];
        let keys = memtable.partition_count() as u64;
        let execution = Execution {
            disk: self.set.disk(),
            header: state.header.clone(),
            dropped: &[],
            purging: None,
            shape: OutputShape::default(),
            expected: ExpectedKeys::All { keys, data_file_bytes: None, tokens: (Token::MIN, Token::MAX) },
            progress: &mut |_| {
                self.sync_log_in_time();
                ControlFlow::Continue(())
            },
            is_stopped: &|| false,
        };
        let Outcome::Done(written) =
            execute(source, execution, &mut TableOutputs::new(self, core, state, None))?
        else {
            unreachable!("nobody stops a flush")
        };
        self.open_written(core, state, &written)
    }

    /// The version in which a table's SSTables are written.
    pub(crate) fn version_of(&self, state: &TableState) -> Version {
        state.options.sstable_version.unwrap_or(self.options.sstable_version)
    }

    /// During recovery, when there is no log yet: flushes the memtable of a table, which holds all
    /// records up to `upper` that its SSTables lack.
    pub(crate) fn flush_replayed(&self, core: &Arc<TableCore>, upper: LogPosition) -> Result<()> {
        self.switch(core);
        let Some(claimed) = self.scheduler.claim_flush(|tag| (tag == core.tag).then_some(0)) else {
            return Ok(());
        };
        let FlushJob { core, memtable, state, .. } = claimed.job();
        let (core, memtable, state) = (core.clone(), memtable.clone(), state.clone());
        self.flush(&FlushJob { core, memtable, state, upper })?;
        claimed.done();
        Ok(())
    }

    /// Makes a table's directory, durably, if it is not there.
    pub(super) fn make_table_dir(&self, core: &TableCore) -> Result<()> {
        self.set.disk().create_dir_all(&core.dir)?;
        if core.view.load().sstables.is_empty() {
            // The process that made the directories above may have been killed before they were
            // durable.
            self.set.disk().sync_dir(&self.set.dir.join(DATA_DIR))?;
            self.set.disk().sync_dir(&self.set.dir)?;
        }
        Ok(())
    }

    /// Opens SSTables that were just written.
    pub(super) fn open_written(
        &self,
        core: &TableCore,
        state: &Arc<TableState>,
        written: &[WrittenTable],
    ) -> Result<Vec<LiveTable>> {
        let now = self.set.now_seconds();
        let open = |written: &WrittenTable| {
            let Some(generation) = written.descriptor.id.generation() else {
                unreachable!("SSTables of a database are named by generations")
            };
            self.opener.open_written(written, generation, now, state)
        };
        let opened: Result<Vec<_>> = written.iter().map(open).collect();
        // Otherwise they are written anew, under other names.
        let opened = opened.inspect_err(|_| written.iter().for_each(|table| self.remove_written(table)))?;
        let bytes = opened.iter().map(|live| live.facts.disk_len).sum();
        core.counters.bytes_written.fetch_add(bytes, Relaxed);
        Ok(opened)
    }
}

/// New SSTables of a table: each gets a generation of its own, which is reserved before a file of
/// it exists.
pub(super) struct TableOutputs<'a> {
    side: &'a WriteSide,
    core: &'a TableCore,
    state: &'a TableState,
    compression: Option<CompressionParams>,
    version: Version,
}

impl<'a> TableOutputs<'a> {
    /// Outputs in the table's version.
    pub(super) fn new(
        side: &'a WriteSide,
        core: &'a TableCore,
        state: &'a TableState,
        compression: Option<CompressionParams>,
    ) -> Self {
        Self { side, core, state, compression, version: side.version_of(state) }
    }
}

impl OutputFactory for TableOutputs<'_> {
    type Error = Error;

    fn next_output(&mut self) -> Result<NextOutput> {
        let Self { side, core, state, version, .. } = *self;
        let generation = side.next_generation()?;
        side.make_table_dir(core)?;
        let descriptor = Descriptor::new(&core.dir, version, sstable_id(generation)?);
        if !version.is_known_by_name() {
            // A leftover with a name of another version would look like a user's file.
            side.commit(Edit::one(Change::Named { generation, stem: stem(&descriptor) }))?;
        }
        let granularity = match version.format() {
            Format::Bti => ROW_INDEX_GRANULARITY_BYTES,
            Format::Big => BIG_ROW_INDEX_GRANULARITY_BYTES,
        };
        let options = WriterOptions {
            compression: self.compression.clone(),
            row_index_granularity: Some(granularity),
            host_id: Some(side.host_id),
            ..state.options.writer_options()
        };
        Ok(NextOutput { descriptor, options, observers: state.write_observers() })
    }

    /// New writes that are too late are refused; but there may be some from before the table's
    /// version was changed, of a node, or deletions made after 2038, and none of them is lost.
    fn hold_late(&mut self, error: &SsTableError) -> bool {
        let newer = self.version.holding_late_deletion_times();
        if newer == self.version {
            return false;
        }
        self.version = newer;
        let (keyspace, table) = (self.state.schema.keyspace(), self.state.schema.name());
        tracing::warn!(%keyspace, %table, %error, "written as {newer} instead");
        true
    }
}

/// The id in the file names of that generation.
pub(crate) fn sstable_id(generation: Generation) -> Result<SsTableId> {
    SsTableId::from_generation(generation)
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "a database can't have more than 2^31 generations"))
}

/// The change that brings an SSTable into the manifest.
pub(crate) fn added(core: &TableCore, live: &LiveTable) -> Change {
    Change::AddSsTable {
        tag: core.tag.0,
        generation: live.generation,
        entry: SsTableEntry {
            stem: stem(live.descriptor()),
            level: live.level,
            created_seconds: live.created_seconds,
            facts: Some(live.facts.clone()),
        },
    }
}

/// Names of SSTables, for messages.
pub(super) fn stems(tables: &[LiveTable]) -> Option<String> {
    let stems: Vec<_> = tables.iter().map(|live| stem(live.descriptor())).collect();
    (!stems.is_empty()).then(|| stems.join(", "))
}

/// The part of an SSTable's file names that its components share.
pub(crate) fn stem(descriptor: &Descriptor) -> String {
    let name = descriptor.file_name(&Component::Data);
    name.strip_suffix("-Data.db").unwrap_or(&name).to_owned()
}
