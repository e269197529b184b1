//! Components of SSTables that attachments made: the files, and how they are made and dropped
//! beside live SSTables. See decision 0023.
//!
//! A file is a component once the manifest's entry of its SSTable names it. One that was written
//! and not named, or that is named no more, is a leftover, which goes when the database is opened.

use std::sync::Arc;

use helenus_io::remove_if_exists;
use helenus_rows::UnfilteredStream;
use helenus_sstable::{Component, WriteObserver, write_observed};
use helenus_types::Generation;

use super::buffers::Lookups;
use super::flush::added;
use super::live::LiveTable;
use super::table::{TableCore, View};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, Edit};

impl WriteSide {
    /// Makes the components that a table's live SSTables lack: those written before the table had
    /// the attachment. Compactions that began before and end later may bring more of them.
    pub(crate) fn build_attached(&self, core: &Arc<TableCore>) -> Result<()> {
        let _call = self.enter()?;
        let _one_at_a_time = core.building.lock();
        while let Some((live, observer)) = lacking(core)? {
            self.build_one(core, &live, observer)?;
        }
        Ok(())
    }

    /// Removes a component from all live SSTables of a table. A reader that has not opened it by
    /// now finds it no more.
    pub(crate) fn drop_attached(&self, core: &Arc<TableCore>, component: &Component) -> Result<()> {
        let _call = self.enter()?;
        let _one_at_a_time = core.building.lock();
        let publishing = self.publishing.lock();
        let view = core.view.load_full();
        let with = view.sstables.iter().filter(|live| live.attached(component).is_some());
        let without: Vec<_> = with.clone().map(|live| live.without_attached(component)).collect();
        if without.is_empty() {
            return Ok(());
        }
        self.publish_changed(core, without)?;
        drop(publishing);
        with.map(|live| live.descriptor().path(component))
            .try_for_each(|path| Ok(remove_if_exists(&**self.set.disk(), &path).map(drop)?))
    }

    fn build_one(
        &self,
        core: &TableCore,
        live: &LiveTable,
        mut observer: Box<dyn WriteObserver>,
    ) -> Result<()> {
        let mut scan = live.sstable()?.scan();
        while scan.next_partition()? {
            let (partition, position) = (UnfilteredStream::partition(&scan), scan.partition_position());
            observer.start_partition(partition, UnfilteredStream::static_row(&scan), position);
            while scan.advance()? {
                let current = UnfilteredStream::current(&scan).zip(scan.current_position());
                let Some((unfiltered, position)) = current else { unreachable!("one was announced") };
                observer.unfiltered(unfiltered, position);
            }
            if self.scheduler.is_stopping() {
                return Err(Error::new(ErrorKind::Closed, "the database is closed"));
            }
        }
        let disk = self.set.disk();
        // Of an attempt that failed.
        let path = live.descriptor().path(&observer.component());
        remove_if_exists(&**disk, &path)?;
        let (component, len) = write_observed(&**disk, live.descriptor(), observer)?;
        disk.sync_dir(&core.dir)?;
        let _publishing = self.publishing.lock();
        let view = core.view.load_full();
        match view.sstables.iter().find(|present| present.generation == live.generation) {
            Some(present) => self.publish_changed(core, vec![present.with_attached(&component, len)]),
            // It was compacted or truncated away meanwhile.
            None => Ok(remove_if_exists(&**disk, &path).map(drop)?),
        }
    }

    /// Puts SSTables in the place of themselves, with other components.
    fn publish_changed(&self, core: &TableCore, changed: Vec<LiveTable>) -> Result<()> {
        let tag = core.tag.0;
        let generations: Vec<Generation> = changed.iter().map(|live| live.generation).collect();
        let removed = generations.iter().map(|&generation| Change::RemoveSsTable { tag, generation });
        let mut changes: Vec<_> = removed.collect();
        changes.extend(changed.iter().map(|live| added(core, live)));
        self.commit(Edit { changes })?;
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&generations, changed),
            lookups: Lookups::default(),
        });
        Ok(())
    }
}

/// A live SSTable without the component of an attachment, and what makes that.
fn lacking(core: &TableCore) -> Result<Option<(LiveTable, Box<dyn WriteObserver>)>> {
    let view = core.view.load_full();
    for live in &view.sstables {
        for attachment in &*view.state.attachments {
            let header = live.sstable()?.header();
            if let Some(observer) = attachment.sstable(header)
                && live.attached(&observer.component()).is_none()
            {
                return Ok(Some((live.clone(), observer)));
            }
        }
    }
    Ok(None)
}
