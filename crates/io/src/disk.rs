//! The traits that every file operation goes through: [`Disk`], [`ReadFile`], [`WriteFile`],
//! [`Lock`].
//!
//! Positioned reads and writes; bytes and names become durable by separate syncs. Everything above
//! this crate sees files through these traits alone, so that the simulated disk can stand in for
//! the real one.

use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::{IoError, Operation, Result};

/// The kind of a directory's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else (a link, a socket): Helenus never makes one.
    Other,
}

/// Kind and length of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Length in bytes; 0 if it is not a file.
    pub len: u64,
    /// When its bytes last changed, in milliseconds since 1970; `None` where the disk keeps no
    /// times.
    pub modified_ms: Option<i64>,
}

/// One entry of a listed directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DirEntry {
    /// The name within the directory.
    pub name: OsString,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Length in bytes; 0 if it is not a file.
    pub len: u64,
    /// When its bytes last changed, in milliseconds since 1970; `None` where the disk keeps no
    /// times.
    pub modified_ms: Option<i64>,
}

impl DirEntry {
    /// The name as text, if it is text: every name that Helenus gives is.
    #[must_use]
    pub fn utf8(&self) -> Option<&str> {
        OsStr::to_str(&self.name)
    }

    /// Whether this is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.kind == EntryKind::Directory
    }
}

/// A disk: the operating system's, or a simulated one.
///
/// Durability: what [`WriteFile`] wrote is durable after its `sync_data`; what this trait did to
/// names (create, rename, remove, link) is durable after [`Disk::sync_dir`] of the directory that
/// holds the name. Until then a power cut may keep any part of it. What was written survives the
/// process at once.
pub trait Disk: Send + Sync + Debug {
    /// Opens an existing file for positioned reads.
    fn open_read(&self, path: &Path) -> Result<Arc<dyn ReadFile>>;

    /// Creates a file for writing; `AlreadyExists` if there is one.
    fn create_new(&self, path: &Path) -> Result<Arc<dyn WriteFile>>;

    /// Opens an existing file for writing, its bytes kept; `NotFound` if there is none.
    fn open_write(&self, path: &Path) -> Result<Arc<dyn WriteFile>>;

    /// Renames a file or directory; an existing file of the new name is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file's name. Readers that have it open can still read it.
    fn remove_file(&self, path: &Path) -> Result<()>;

    /// Creates one directory; `AlreadyExists` if the name is taken.
    fn create_dir(&self, path: &Path) -> Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> Result<()>;

    /// Gives a file a second name; `AlreadyExists` if the name is taken.
    fn hard_link(&self, original: &Path, link: &Path) -> Result<()>;

    /// The entries of a directory, sorted by name.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>>;

    /// Kind and length; `NotFound` if there is nothing.
    fn metadata(&self, path: &Path) -> Result<Metadata>;

    /// The kind of the name itself: a link is [`EntryKind::Other`], whatever it leads to.
    /// `NotFound` if there is nothing.
    fn name_kind(&self, path: &Path) -> Result<EntryKind> {
        self.metadata(path).map(|metadata| metadata.kind)
    }

    /// The names of a directory with their kinds, in no particular order: cheaper than
    /// [`Disk::list`], which asks the system about each entry.
    fn names(&self, dir: &Path) -> Result<Vec<(OsString, EntryKind)>> {
        Ok(self.list(dir)?.into_iter().map(|entry| (entry.name, entry.kind)).collect())
    }

    /// Makes the names of a directory durable.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Takes the exclusive lock of a directory, or of a file, which is created if it does not
    /// exist. `WouldBlock` if it is held elsewhere, by this process or another; `Unsupported` for a
    /// directory where the file system locks none. Dropping the lock, or dying, releases it; a
    /// forked child that drops its copy does not.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>>;

    /// Whether there is a file or directory of this name.
    fn exists(&self, path: &Path) -> Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Creates a directory and the missing ones above it; those that were made, and the last in any
    /// case (a process may have made it and died before syncing), are durable on return.
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        let parent = parent_of(path);
        let made = match self.create_dir(path) {
            Err(e) if e.is_not_found() && parent != path => {
                self.create_dir_all(parent)?;
                self.create_dir(path)
            }
            made => made,
        };
        if let Err(e) = made
            && !self.metadata(path).is_ok_and(|m| m.kind == EntryKind::Directory)
        {
            return Err(e);
        }
        self.sync_dir(parent)
    }
}

/// A file that is open for positioned reads.
pub trait ReadFile: Send + Sync + Debug {
    /// The path it was opened by, for messages.
    fn path(&self) -> &Path;

    /// The current length in bytes.
    fn len(&self) -> Result<u64>;

    /// Reads into `buf` from `offset`; returns how many bytes there were. Fewer than asked for, and
    /// at least one, does not mean the end; 0 for a non-empty `buf` does.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize>;

    /// Whether the file holds nothing.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// What distinguishes the file from another that has its name later; `None` where the disk
    /// can't say.
    fn identity(&self) -> Result<Option<FileIdentity>> {
        Ok(None)
    }

    /// Fills `buf` from `offset`; `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut rest = buf;
        let mut at = offset;
        while !rest.is_empty() {
            let missing = rest.len();
            let n = self.read_at(at, rest)?;
            rest = rest.get_mut(n..).unwrap_or_default();
            at += n as u64;
            if n == 0 {
                let text = format!("the file ends at {at}, {missing} bytes more were expected");
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, text);
                return Err(IoError::new(Operation::Read, self.path(), source));
            }
        }
        Ok(())
    }
}

/// A file that is open for positioned writes.
pub trait WriteFile: Send + Sync + Debug {
    /// The path it was opened by, for messages. A rename does not change it.
    fn path(&self) -> &Path;

    /// The current length in bytes.
    fn len(&self) -> Result<u64>;

    /// Writes all of `bytes` at `offset`; a file that is shorter is extended (with zeros in
    /// between).
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Makes the bytes and the length durable.
    /// After an error nothing may be assumed about earlier writes: not even that a second,
    /// successful call covers it.
    fn sync_data(&self) -> Result<()>;

    /// Makes bytes, length and the rest of the file's metadata durable.
    fn sync_all(&self) -> Result<()>;

    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Reserves space for the first `len` bytes and extends the file to that length if it is
    /// shorter. Where the file system cannot reserve, the file is only extended.
    fn allocate(&self, len: u64) -> Result<()>;

    /// Whether the file holds nothing.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// The identity of a file, independent of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// An exclusive lock, released when dropped.
pub trait Lock: Send + Sync + Debug {
    /// Checks that the path still names the locked file: it may have been moved away, and another
    /// may be locked under its name.
    ///
    /// # Errors
    /// `NotFound` or `AlreadyExists` if it does not; a failed look-up.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// The directory that holds the name `path`: `.` for a bare name, `/` for itself.
#[must_use]
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}
