//! A directory that appears when everything in it is complete.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, EntryKind, Lock, parent_of, remove_dir_all};
use helenus_sstable::WrittenTable;

use crate::error::ToolError;

/// The directory that a tool writes to: `DIR.unfinished`, which becomes `DIR` in one step when the
/// tool is done. A run that breaks off, also by the death of the process, leaves nothing under the
/// name that the user gave, and its leftovers are removed by the next run that writes there: a lock
/// in the directory shows whether another run is still active.
#[derive(Debug)]
pub(crate) struct OutputDir {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    staging: PathBuf,
    _lock: Box<dyn Lock>,
}

/// The lock, which says by its name that what lies beside it is a tool's: a database has none of
/// that name.
const LOCK: &str = "UNFINISHED";
const UNFINISHED: &str = ".unfinished";

impl OutputDir {
    /// Prepares for `dir`, which is empty or not there.
    pub(crate) fn new(disk: &Arc<dyn Disk>, dir: &Path) -> Result<OutputDir, ToolError> {
        match disk.metadata(dir) {
            Ok(found) if found.kind != EntryKind::Directory => {
                return Err(ToolError::impossible(dir, "is a file, and a directory is needed"));
            }
            Ok(_) if !disk.list(dir)?.is_empty() => return Err(ToolError::NotEmpty(dir.to_owned())),
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        let Some(name) = dir.file_name() else {
            return Err(ToolError::impossible(dir, "is not the name of a directory that can be made"));
        };
        let mut name = name.to_owned();
        name.push(UNFINISHED);
        let staging = dir.with_file_name(name);
        let lock = take(&**disk, &staging)?;
        Ok(OutputDir { disk: Arc::clone(disk), dir: dir.to_owned(), staging, _lock: lock })
    }

    /// Where to write.
    pub(crate) fn staging(&self) -> &Path {
        &self.staging
    }

    /// The table as it will be when the directory has its name.
    pub(crate) fn in_place(&self, mut written: WrittenTable) -> WrittenTable {
        self.dir.clone_into(&mut written.descriptor.dir);
        written
    }

    /// Removes the directory: there is nothing to be put in it.
    pub(crate) fn remove<T>(self, done: Result<T, ToolError>) -> Result<T, ToolError> {
        remove_dir_all(&*self.disk, &self.staging)?;
        done
    }

    /// Gives the directory its name, or after an error removes it.
    pub(crate) fn settle<T>(self, done: Result<T, ToolError>) -> Result<T, ToolError> {
        let settled = done.and_then(|done| {
            if self.disk.exists(&self.dir)? {
                self.disk.remove_dir(&self.dir)?;
            }
            self.disk.remove_file(&self.staging.join(LOCK))?;
            self.disk.rename(&self.staging, &self.dir)?;
            self.disk.sync_dir(parent_of(&self.dir))?;
            Ok(done)
        });
        if settled.is_err() {
            // Report the first error.
            remove_dir_all(&*self.disk, &self.staging).ok();
        }
        settled
    }
}

/// Makes the directory, and what is in it goes if a run left it that is over.
fn take(disk: &dyn Disk, staging: &Path) -> Result<Box<dyn Lock>, ToolError> {
    let path = staging.join(LOCK);
    match disk.name_kind(staging) {
        // It may be anything.
        Ok(EntryKind::Directory) if !disk.exists(&path)? => {
            return Err(ToolError::Unfinished(staging.to_owned()));
        }
        Ok(EntryKind::Directory) => {}
        Ok(_) => {
            let why = "is a link or a file, and a directory of that name is needed: what a link leads to is left alone";
            return Err(ToolError::impossible(staging, why));
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    disk.create_dir_all(staging)?;
    let lock = disk.lock(&path).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ToolError::Unfinished(staging.to_owned()),
        _ => error.into(),
    })?;
    for entry in disk.list(staging)?.iter().filter(|entry| entry.name != LOCK) {
        let path = staging.join(&entry.name);
        if entry.is_dir() { remove_dir_all(disk, &path)? } else { disk.remove_file(&path)? }
    }
    Ok(lock)
}
