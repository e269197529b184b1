//! Ingest: foreign SSTables become live in one edit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, Ordering::Release};

use helenus_io::{Clock, Disk};
use helenus_rows::{Header, TableSchema};
use helenus_sstable::{Descriptor, Version};
use helenus_types::{Generation, Timestamp};
use parking_lot::MutexGuard;

use super::buffers::Lookups;
use super::calls::CallInFlight;
use super::flush::{added, sstable_id, stem};
use super::live::LiveTable;
use super::table::{TableCore, View};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, Edit};
use crate::table::Table;

/// Timestamps further ahead of the clock, in µs, are taken for another program's counters and don't
/// raise ours: a day.
pub(super) const MAX_AHEAD_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// A table of an open database into which SSTables are to be brought.
#[derive(Clone, Copy, Debug)]
pub struct IngestTarget<'a> {
    side: &'a WriteSide,
    core: &'a Arc<TableCore>,
}

/// SSTables on their way into a table. Its columns don't change while this is there, and the
/// database isn't closed.
///
/// Each is put under its [name](Self::names) and [opened](Self::open) there;
/// [`publish`](Self::publish) makes them live, all together.
#[derive(Debug)]
pub struct Ingestion<'a> {
    target: IngestTarget<'a>,
    names: Vec<(Generation, Descriptor)>,
    _one_at_a_time: MutexGuard<'a, ()>,
    _call: CallInFlight<'a>,
}

/// An SSTable that was put under a name of an [`Ingestion`] and opened there.
#[derive(Debug)]
pub struct IngestedTable(LiveTable);

impl IngestedTable {
    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.0.facts.disk_len
    }
}

impl<'a> IngestTarget<'a> {
    /// The table, if anything can be brought into it.
    ///
    /// # Errors
    /// When it was dropped, or can only be read.
    pub fn new(table: &'a Table) -> Result<Self> {
        let target = Self { side: table.writer.database()?, core: &table.core };
        target.check()?;
        Ok(target)
    }

    /// The database's directory.
    pub fn dir(&self) -> &'a Path {
        &self.side.set.dir
    }

    /// The database's disk.
    pub fn disk(&self) -> &'a Arc<dyn Disk> {
        self.side.set.disk()
    }

    /// The database's clock.
    pub fn clock(&self) -> &'a Arc<dyn Clock> {
        self.side.set.clock()
    }

    /// The table's columns now, and what its rows are encoded against.
    pub fn columns(&self) -> (Arc<TableSchema>, Arc<Header>) {
        let state = &self.core.view.load().state;
        (state.schema.clone(), state.header.clone())
    }

    fn check(&self) -> Result<()> {
        self.side.check_writable()?;
        self.side.check_certain()?;
        if self.core.dropped.load(Acquire) {
            return Err(Error::new(ErrorKind::NotFound, "the table was dropped"));
        }
        match self.core.active.read().state.read_only {
            Some(reason) => Err(Error::new(ErrorKind::ReadOnly, reason)),
            None => Ok(()),
        }
    }

    /// Begins to bring in SSTables of those versions.
    ///
    /// # Errors
    /// When the table was dropped meanwhile or the database closed; when the manifest can't be
    /// written.
    pub fn begin(self, versions: &[Version]) -> Result<Ingestion<'a>> {
        let Self { side, core } = self;
        let call = side.enter()?;
        let mut names = Vec::with_capacity(versions.len());
        for version in versions {
            let generation = side.next_generation()?;
            names.push((generation, Descriptor::new(&core.dir, *version, sstable_id(generation)?)));
        }
        // The columns are the same, and the table is there, until it is done.
        let one_at_a_time = side.ddl.lock();
        self.check()?;
        side.commit_names(&names)?;
        side.make_table_dir(core)?;
        Ok(Ingestion { target: self, names, _one_at_a_time: one_at_a_time, _call: call })
    }
}

impl Ingestion<'_> {
    /// The names of the SSTables, in the order of their versions.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &Descriptor> {
        self.names.iter().map(|(_, name)| name)
    }

    /// Opens the SSTable that was put under a name, for that level of a leveled compaction.
    ///
    /// # Errors
    /// When it is damaged, or can't be read.
    pub fn open(&self, name: &Descriptor, level: u32) -> Result<IngestedTable> {
        let IngestTarget { side, core } = self.target;
        let Some(generation) = name.id.generation() else { unreachable!("names that are given are numbers") };
        let state = core.view.load().state.clone();
        side.opener.open(name.clone(), generation, level, side.set.now_seconds(), &state).map(IngestedTable)
    }

    /// Makes the names of the files durable: before the manifest refers to them.
    ///
    /// # Errors
    /// When the directory can't be synced.
    pub fn sync(&self) -> Result<()> {
        Ok(self.target.side.set.disk().sync_dir(&self.target.core.dir)?)
    }

    /// Makes the SSTables live. After an error it is not known whether they are.
    ///
    /// # Errors
    /// When the manifest can't be written.
    pub fn publish(&self, sstables: Vec<IngestedTable>) -> Result<()> {
        let IngestTarget { side, core } = self.target;
        side.publish_ingest(core, sstables.into_iter().map(|IngestedTable(live)| live).collect())?;
        side.measure_backlog(core);
        side.scheduler.compaction_due();
        Ok(())
    }
}

impl WriteSide {
    /// Writes down what files of other versions will be ours, before there is any.
    fn commit_names(&self, names: &[(Generation, Descriptor)]) -> Result<()> {
        let others = names.iter().filter(|(_, name)| !name.version.is_known_by_name());
        let changes: Vec<Change> = others
            .map(|(generation, name)| Change::Named { generation: *generation, stem: stem(name) })
            .collect();
        if changes.is_empty() { Ok(()) } else { self.commit(Edit { changes }) }
    }

    fn publish_ingest(&self, core: &Arc<TableCore>, live: Vec<LiveTable>) -> Result<()> {
        let newest = live.iter().map(LiveTable::max_timestamp).max();
        let limit = self.set.clock().now_micros().saturating_add(MAX_AHEAD_MICROS);
        if let Some(newest) = newest.filter(|newest| newest.0 <= limit) {
            // Otherwise the ingested data would hide later writes until the clock catches up.
            self.timestamps.raise(Timestamp(newest.0));
        }
        let _publishing = self.publishing.lock();
        self.commit(Edit { changes: live.iter().map(|table| added(core, table)).collect() })?;
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&[], live),
            lookups: Lookups::default(),
        });
        // A compaction that is running may have dropped tombstones that hide what came in: it is
        // not published. One that begins when this is counted sees the new view, so the view comes
        // first.
        core.ingests.fetch_add(1, Release);
        Ok(())
    }
}
