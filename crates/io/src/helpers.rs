//! Operations that are composed of those of a [`Disk`]: atomic replacement, bounded reads, removal
//! of trees.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Disk, IoError, Operation, Result, parent_of};

/// Replaces the file `path` with `bytes`: after a crash at any moment it holds the old bytes or the
/// new ones, and after success the new ones are durable. Goes through `<path>.tmp`, whatever that
/// held before.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    remove_if_exists(disk, &temporary)?;
    let file = disk.create_new(&temporary)?;
    file.write_at(0, bytes)?;
    file.sync_all()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(parent_of(path))
}

/// The whole of a file; an error if it is longer than `max_len_bytes`, before anything is
/// allocated.
pub fn read_to_vec(disk: &dyn Disk, path: &Path, max_len_bytes: usize) -> Result<Vec<u8>> {
    let file = disk.open_read(path)?;
    let len = file.len()?;
    let len = usize::try_from(len).ok().filter(|&len| len <= max_len_bytes).ok_or_else(|| {
        let text = format!("{len} bytes, at most {max_len_bytes} were expected");
        IoError::new(Operation::Read, path, io::Error::new(io::ErrorKind::FileTooLarge, text))
    })?;
    let mut bytes = vec![0; len];
    file.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Removes a file; whether there was one.
pub fn remove_if_exists(disk: &dyn Disk, path: &Path) -> Result<bool> {
    match disk.remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.is_not_found() => Ok(false),
        Err(e) => Err(e),
    }
}

/// Removes a directory and all below it. Links are removed, not followed. Not durable before a
/// `sync_dir` of the parent; a crash in between leaves any part of it.
pub fn remove_dir_all(disk: &dyn Disk, dir: &Path) -> Result<()> {
    for entry in disk.list(dir)? {
        let path = dir.join(&entry.name);
        if entry.is_dir() {
            remove_dir_all(disk, &path)?;
        } else {
            disk.remove_file(&path)?;
        }
    }
    disk.remove_dir(dir)
}
