//! The operating system's disk, over `std::fs`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use crate::error::Context;
use crate::{
    DirEntry, Disk, EntryKind, FileIdentity, IoError, Lock, Metadata, Operation, ReadFile, Result, WriteFile,
};

/// The operating system's disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

/// Holding the open file holds the lock.
#[derive(Debug)]
struct RealLock {
    file: File,
    path: PathBuf,
    /// The process that took it. A forked child has the same open file, whose lock it must not give
    /// back.
    pid: u32,
}

impl Lock for RealLock {
    fn check(&self) -> Result<()> {
        let locked = self.file.metadata().context(Operation::Lock, &self.path)?;
        let named = fs::metadata(&self.path).context(Operation::Lock, &self.path)?;
        if identity_of(&locked) == identity_of(&named) {
            return Ok(());
        }
        let text = "it was moved away, and another has its name now";
        let source = io::Error::new(io::ErrorKind::AlreadyExists, text);
        Err(IoError::new(Operation::Lock, &self.path, source))
    }
}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing is not enough while a forked child has the file open too.
        if self.pid == std::process::id()
            && let Err(_closing_releases_it) = self.file.unlock()
        {}
    }
}

impl RealDisk {
    fn open(path: &Path, options: &OpenOptions, op: Operation) -> Result<Arc<RealFile>> {
        #[expect(clippy::disallowed_methods, reason = "this is the disk that all others go through")]
        let file = options.open(path).context(op, path)?;
        Ok(Arc::new(RealFile { file, path: path.to_path_buf() }))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the disk that all others go through")]
impl Disk for RealDisk {
    fn open_read(&self, path: &Path) -> Result<Arc<dyn ReadFile>> {
        let file = Self::open(path, OpenOptions::new().read(true), Operation::Open)?;
        // A directory can be opened for reading too, and fails only at the first read: say so here.
        if file.file.metadata().context(Operation::Open, path)?.is_dir() {
            return Err(IoError::new(Operation::Open, path, io::ErrorKind::IsADirectory.into()));
        }
        Ok(file)
    }

    fn create_new(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        Ok(Self::open(path, OpenOptions::new().write(true).create_new(true), Operation::Create)?)
    }

    fn open_write(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        Ok(Self::open(path, OpenOptions::new().write(true), Operation::Open)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).context(Operation::Rename, from)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).context(Operation::RemoveFile, path)
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        fs::create_dir(path).context(Operation::CreateDir, path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).context(Operation::RemoveDir, path)
    }

    fn hard_link(&self, original: &Path, link: &Path) -> Result<()> {
        fs::hard_link(original, link).context(Operation::HardLink, link)
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir).context(Operation::List, dir)? {
            let entry = entry.context(Operation::List, dir)?;
            match entry.metadata() {
                Ok(metadata) => {
                    let Metadata { kind, len, modified_ms } = metadata_of(&metadata);
                    entries.push(DirEntry { name: entry.file_name(), kind, len, modified_ms });
                }
                // Removed while we listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(IoError::new(Operation::List, dir, e)),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata> {
        fs::metadata(path).context(Operation::Metadata, path).map(|m| metadata_of(&m))
    }

    fn name_kind(&self, path: &Path) -> Result<EntryKind> {
        fs::symlink_metadata(path).context(Operation::Metadata, path).map(|m| metadata_of(&m).kind)
    }

    fn names(&self, dir: &Path) -> Result<Vec<(std::ffi::OsString, EntryKind)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).context(Operation::List, dir)? {
            let entry = entry.context(Operation::List, dir)?;
            let kind = match entry.file_type().context(Operation::List, dir)? {
                kind if kind.is_file() => EntryKind::File,
                kind if kind.is_dir() => EntryKind::Directory,
                _ => EntryKind::Other,
            };
            names.push((entry.file_name(), kind));
        }
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let directory = File::open(dir).context(Operation::SyncDir, dir)?;
        directory.sync_all().context(Operation::SyncDir, dir)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let mut options = OpenOptions::new();
        let is_dir = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let options = if is_dir {
            options.read(true)
        } else {
            options.read(true).write(true).create(true).truncate(false)
        };
        let file = options.open(path).context(Operation::Lock, path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock { file, path: path.to_owned(), pid: std::process::id() })),
            Err(TryLockError::WouldBlock) => {
                let source = io::Error::new(io::ErrorKind::WouldBlock, "it is locked by another user of it");
                Err(IoError::new(Operation::Lock, path, source))
            }
            // Network file systems make such a lock of one on bytes, which a directory has none of.
            Err(TryLockError::Error(e)) if is_dir => {
                let source = io::Error::new(io::ErrorKind::Unsupported, e);
                Err(IoError::new(Operation::Lock, path, source))
            }
            Err(TryLockError::Error(e)) => Err(IoError::new(Operation::Lock, path, e)),
        }
    }
}

impl ReadFile for RealFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        self.file.metadata().context(Operation::Metadata, &self.path).map(|m| m.len())
    }

    fn identity(&self) -> Result<Option<FileIdentity>> {
        let metadata = self.file.metadata().context(Operation::Metadata, &self.path)?;
        Ok(Some(identity_of(&metadata)))
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read_at(buf, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other.context(Operation::Read, &self.path),
            }
        }
    }
}

impl WriteFile for RealFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        ReadFile::len(self)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, offset).context(Operation::Write, &self.path)
    }

    fn sync_data(&self) -> Result<()> {
        self.file.sync_data().context(Operation::Sync, &self.path)
    }

    fn sync_all(&self) -> Result<()> {
        self.file.sync_all().context(Operation::Sync, &self.path)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).context(Operation::SetLen, &self.path)
    }

    fn allocate(&self, len: u64) -> Result<()> {
        if len == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                if ReadFile::len(self)? < len {
                    self.set_len(len)?;
                }
                Ok(())
            }
            Err(e) => Err(e).context(Operation::Allocate, &self.path),
        }
    }
}

fn identity_of(metadata: &fs::Metadata) -> FileIdentity {
    FileIdentity { device: metadata.dev(), inode: metadata.ino() }
}

fn metadata_of(metadata: &fs::Metadata) -> Metadata {
    let (kind, len) = if metadata.is_file() {
        (EntryKind::File, metadata.len())
    } else if metadata.is_dir() {
        (EntryKind::Directory, 0)
    } else {
        (EntryKind::Other, 0)
    };
    let modified_ms = metadata.mtime().checked_mul(1000).map(|ms| ms + metadata.mtime_nsec() / 1_000_000);
    Metadata { kind, len, modified_ms }
}
