//! Ingest: SSTables that others wrote become live in one edit.

use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, Ordering::Release};

use helenus_sstable::{Component, Descriptor, FoundTable, SsTable};
use helenus_types::{Generation, Timestamp};

use super::flush::{added, sstable_id, stem};
use super::inner::Inner;
use super::live::LiveTable;
use super::lookup::Lookups;
use super::table::{TableCore, View};
use crate::adopt::Progress;
use crate::error::{Error, ErrorKind, Result};
use crate::foreign::{self, Kept, Present, Transfer};
use crate::ingest::{IngestOptions, Ingested};
use crate::manifest::{Change, Edit};

/// Timestamps further ahead of the clock, in µs, are taken for somebody's own counting and leave ours alone: a day.
pub(super) const MAX_AHEAD_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// An SSTable on its way in.
struct Coming {
    found: FoundTable,
    source: Arc<SsTable>,
    to: Descriptor,
    generation: Generation,
}

impl Inner {
    /// Brings SSTables into a table.
    pub(crate) fn ingest(
        &self,
        core: &Arc<TableCore>,
        found: Vec<Present>,
        options: IngestOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Ingested> {
        self.check_ingestible(core)?;
        let mut looked_at = Vec::with_capacity(found.len());
        let bytes_total = found.iter().map(|present| present.bytes).sum();
        let mut bytes_done: u64 = 0;
        for Present { found, bytes } in found {
            let state = core.view.load().state.clone();
            let source =
                foreign::look_at(self.disk(), &found, &state, options.verification, &mut |passed| {
                    progress(Progress { bytes_done: bytes_done + bytes.min(passed), bytes_total });
                })?;
            bytes_done += bytes;
            progress(Progress { bytes_done, bytes_total });
            looked_at.push((found, source));
        }
        // Not before: who watches the progress may close the database meanwhile.
        let _call = self.enter()?;
        let mut coming = Vec::with_capacity(looked_at.len());
        for (found, source) in looked_at {
            let generation = self.next_generation()?;
            let to = Descriptor::new(&core.dir, found.descriptor.version, sstable_id(generation)?);
            coming.push(Coming { found, source, to, generation });
        }
        // The columns are the same, and the table is there, until it is done.
        let one_at_a_time = self.ddl.lock();
        self.check_ingestible(core)?;
        self.commit_names(&coming)?;
        let mut ingested = Ingested::default();
        let live = match self.bring_in(core, &coming, options, &mut ingested) {
            Ok(live) => live,
            Err(error) => {
                for Coming { found, to, .. } in &coming {
                    foreign::take_back(&**self.disk(), &found.components, to);
                }
                return Err(error);
            }
        };
        self.publish_ingest(core, live)?;
        drop(one_at_a_time);
        self.measure_backlog(core);
        self.scheduler.compaction_due();
        if options.transfer == Transfer::Move {
            self.remove_sources(&coming);
        }
        Ok(ingested)
    }

    /// Writes down what files of other versions will be ours, before there is any.
    fn commit_names(&self, coming: &[Coming]) -> Result<()> {
        let others = coming.iter().filter(|coming| !coming.to.version.is_known_by_name());
        let changes: Vec<Change> = others
            .map(|coming| Change::Named { generation: coming.generation, stem: stem(&coming.to) })
            .collect();
        if changes.is_empty() { Ok(()) } else { self.commit(Edit { changes }) }
    }

    fn check_ingestible(&self, core: &TableCore) -> Result<()> {
        self.check_writable()?;
        self.check_certain()?;
        if core.dropped.load(Acquire) {
            return Err(Error::new(ErrorKind::NotFound, "the table was dropped"));
        }
        match core.active.read().state.read_only {
            Some(reason) => Err(Error::new(ErrorKind::ReadOnly, reason)),
            None => Ok(()),
        }
    }

    /// Brings the files in and opens them under their new names.
    fn bring_in(
        &self,
        core: &TableCore,
        coming: &[Coming],
        options: IngestOptions,
        ingested: &mut Ingested,
    ) -> Result<Vec<LiveTable>> {
        self.make_table_dir(core)?;
        let state = core.view.load().state.clone();
        let kept = Kept { level: options.keep_level, repaired: options.keep_repaired };
        let mut live = Vec::with_capacity(coming.len());
        for Coming { found, source, to, generation } in coming {
            let components = &found.components;
            let brought = foreign::bring(&**self.disk(), source, components, to, options.transfer, kept)?;
            ingested.files_linked += brought.linked;
            ingested.files_copied += brought.copied;
            let level = if options.keep_level { source.stats().level } else { 0 };
            let table = self.opener.open(to.clone(), *generation, level, self.now_seconds(), &state)?;
            let sstable = table.sstable()?;
            // Verified before, but perhaps against columns that are others by now.
            foreign::check_fits(&state.schema, &state.header, sstable.header(), &found.descriptor)?;
            ingested.sstables += 1;
            ingested.bytes += sstable.disk_len();
            live.push(table);
        }
        self.disk().sync_dir(&core.dir)?;
        Ok(live)
    }

    fn publish_ingest(&self, core: &Arc<TableCore>, live: Vec<LiveTable>) -> Result<()> {
        let newest = live.iter().map(LiveTable::max_timestamp).max();
        let limit = self.clock().now_micros().saturating_add(MAX_AHEAD_MICROS);
        if let Some(newest) = newest.filter(|newest| newest.0 <= limit) {
            // Otherwise a write after this would be hidden by what was brought in, for as long as the clock is behind.
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
        // A compaction that is running may have dropped tombstones that hide what came in: it is not published. One that
        // begins when this is counted sees the new view, so the view comes first.
        core.ingests.fetch_add(1, Release);
        Ok(())
    }

    /// They are in the database: what stays of them elsewhere does no harm.
    fn remove_sources(&self, coming: &[Coming]) {
        for Coming { found, .. } in coming {
            // Data.db first: what is left without it is no SSTable.
            let rest = found.components.iter().filter(|component| **component != Component::Data);
            for component in std::iter::once(&Component::Data).chain(rest) {
                if let Err(error) = self.disk().remove_file(&found.descriptor.path(component)) {
                    tracing::warn!(%error, "a file that was brought in stays where it was");
                }
            }
        }
    }
}
