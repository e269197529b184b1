//! The files of an SSTable, from its birth to their removal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};

use helenus_io::{Disk, ReadFile, parent_of, remove_if_exists};
use helenus_sstable::{Component, Descriptor, Keep, remove_components};

use crate::error::{Error, ErrorKind, Result};

/// The files of an SSTable: kept as long as a view, a reader or a compaction may come back to them,
/// as a closed file is opened again by its name; removed after the last of these, once the SSTable
/// is live no more.
#[derive(Debug)]
pub(super) struct TableFiles {
    disk: Arc<dyn Disk>,
    descriptor: Descriptor,
    is_obsolete: AtomicBool,
    remove_dir: AtomicBool,
    /// The process whose they are: a forked child removes nothing.
    pid: u32,
}

impl Keep for TableFiles {}

impl TableFiles {
    pub(super) fn new(disk: &Arc<dyn Disk>, descriptor: &Descriptor) -> Self {
        Self {
            disk: disk.clone(),
            descriptor: descriptor.clone(),
            is_obsolete: AtomicBool::new(false),
            remove_dir: AtomicBool::new(false),
            pid: std::process::id(),
        }
    }

    /// The SSTable is live no more: its files are removed after their last reader; with `and_dir`
    /// also the directory, if it is empty then.
    pub(super) fn retire(&self, and_dir: bool) {
        self.remove_dir.store(and_dir, Release);
        self.is_obsolete.store(true, Release);
    }

    /// The path of a component.
    pub(super) fn path(&self, component: &Component) -> PathBuf {
        self.descriptor.path(component)
    }

    /// Whether the SSTable is live no more.
    pub(super) fn is_obsolete(&self) -> bool {
        self.is_obsolete.load(Acquire)
    }

    /// Whether this is the process whose files they are.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    fn remove(&self) -> helenus_io::Result<()> {
        // Those of attachments are gone.
        remove_components(&*self.disk, &self.descriptor, [])?;
        let dir: PathBuf = parent_of(&self.descriptor.path(&Component::Data)).to_owned();
        if self.remove_dir.load(Acquire) && self.disk.exists(&dir)? && self.disk.list(&dir)?.is_empty() {
            self.disk.remove_dir(&dir)?;
        }
        Ok(())
    }
}

impl Drop for TableFiles {
    fn drop(&mut self) {
        if self.is_obsolete()
            && self.is_of_this_process()
            && let Err(error) = self.remove()
        {
            tracing::warn!(%error, "left for the next time that the database is opened");
        }
    }
}

/// A component that an attachment made. Its file goes with its SSTable.
#[derive(Debug)]
pub(crate) struct AttachedFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    component: Component,
    len: u64,
    /// Its SSTable's files, which go after it.
    table: Arc<TableFiles>,
}

impl AttachedFile {
    pub(super) fn new(
        disk: &Arc<dyn Disk>,
        table: &Arc<TableFiles>,
        component: &Component,
        len: u64,
    ) -> Self {
        Self {
            disk: disk.clone(),
            path: table.path(component),
            component: component.clone(),
            len,
            table: table.clone(),
        }
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// Opens the file.
    pub(crate) fn open(&self) -> Result<Arc<dyn ReadFile>> {
        let file = self.disk.open_read(&self.path)?;
        let (found, expected) = (file.len()?, self.len);
        if found != expected {
            let text = format!("{}: {found} bytes instead of {expected}", self.path.display());
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
        Ok(file)
    }
}

impl Drop for AttachedFile {
    fn drop(&mut self) {
        if self.table.is_obsolete()
            && self.table.is_of_this_process()
            && let Err(error) = remove_if_exists(&*self.disk, &self.path)
        {
            tracing::warn!(%error, "left for the next time that the database is opened");
        }
    }
}
