//! A directory that appears when everything in it is complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, EntryKind, parent_of, remove_dir_all};

use crate::error::ToolError;

/// Where a tool writes: `DIR.unfinished`, which becomes `DIR` in one step when the tool is done. What breaks off half-way,
/// also by the death of the process, leaves nothing under the name that the user gave.
#[derive(Debug)]
pub(crate) struct OutputDir {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    staging: PathBuf,
}

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
        if disk.exists(&staging)? {
            return Err(ToolError::Unfinished(staging));
        }
        disk.create_dir_all(&staging)?;
        Ok(OutputDir { disk: Arc::clone(disk), dir: dir.to_owned(), staging })
    }

    /// Where to write.
    pub(crate) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Where it will be.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
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
            self.disk.rename(&self.staging, &self.dir)?;
            self.disk.sync_dir(parent_of(&self.dir))?;
            Ok(done)
        });
        if settled.is_err() {
            // The first error is the one to tell.
            remove_dir_all(&*self.disk, &self.staging).ok();
        }
        settled
    }
}
