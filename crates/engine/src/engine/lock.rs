//! The lock of a database's directory.

use std::io::ErrorKind as Io;
use std::path::Path;

use helenus_io::{Disk, IoError, Lock, RelativePath};

use super::layout::not_own;
use crate::error::{Error, ErrorKind, Result};

/// The lock file, for systems and programs without locks of directories.
pub(super) const LOCK: &str = "LOCK";

/// The lock that lets one process write: of the directory itself, which can't be removed from under
/// it, and of the file `LOCK` in it.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    /// `None` where the file system locks no directories: then the file's is all there is.
    directory: Option<Box<dyn Lock>>,
    file: Box<dyn Lock>,
}

impl DirectoryLock {
    /// Takes both.
    pub(super) fn take(disk: &dyn Disk, dir: &Path) -> Result<Self> {
        let refused = |error: IoError| match error.kind() {
            Io::WouldBlock => Error::new(
                ErrorKind::Locked,
                format!(
                    "{} is open in another process or handle; close it there, or open it to read only",
                    dir.display()
                ),
            ),
            _ => error.into(),
        };
        let directory = match disk.lock(dir) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == Io::Unsupported => None,
            Err(error) => return Err(refused(error)),
        };
        // Locking makes a file that isn't there, also where a link leads.
        let path = RelativePath::new(LOCK).map_err(|e| Error::invalid(e.to_string()))?;
        path.own(disk, dir).map_err(not_own)?;
        let file = disk.lock(&path.below(dir)).map_err(refused)?;
        Ok(Self { directory, file })
    }

    /// Refuses if the directory's name now leads to another directory, which another process may
    /// use: writes by path would get into that one.
    pub(super) fn check(&self, dir: &Path) -> Result<()> {
        self.directory.as_deref().unwrap_or(&*self.file).check().map_err(|error| match error.kind() {
            Io::AlreadyExists | Io::NotFound => {
                let text = format!(
                    "{}: the directory was moved, removed or replaced while it was open; nothing more is written",
                    dir.display()
                );
                Error::new(ErrorKind::Locked, text)
            }
            _ => error.into(),
        })
    }
}
