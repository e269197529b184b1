//! A bound on the files that are open for reading: they are closed and reopened without their
//! readers noticing.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::{Disk, FileIdentity, IoError, Operation, ReadFile, Result};

/// Files that are kept open for reading, up to a limit: beyond it the least used are closed, and
/// opened again when they are read.
///
/// A file whose name is removed can't be opened again: names must be removed only after the last
/// reader has gone.
#[derive(Debug)]
pub struct OpenFiles {
    disk: Arc<dyn Disk>,
    limit: usize,
    open: AtomicUsize,
    /// Files that have a descriptor, in the order in which they got it (a clock's face); some may
    /// have gone.
    ring: Mutex<VecDeque<Weak<Reopened>>>,
    opened: AtomicU64,
    closed: AtomicU64,
}

/// Counters of an [`OpenFiles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFilesStats {
    /// Descriptors now.
    pub open: u64,
    /// Files that were opened, again or for the first time.
    pub opened: u64,
    /// Files that were closed to stay within the limit.
    pub closed: u64,
}

/// The number of files that are gone but stay in the ring before it is cleaned.
const RING_SLACK: usize = 64;
/// The number of passes over the files that find one to close, if any is not in use.
const MAX_STEPS_PER_FILE: usize = 2;

impl OpenFiles {
    /// Keeps at most `limit` files of a disk open, at least one. While more than that are being
    /// read at the same moment, more are open.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            disk,
            limit: limit.max(1),
            open: AtomicUsize::new(0),
            ring: Mutex::default(),
            opened: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        })
    }

    /// The file at `path`, opened once to see that it is there, and whenever it is read while it is
    /// closed.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(self: &Arc<Self>, path: &Path) -> Result<Arc<dyn ReadFile>> {
        let handle = self.disk.open_read(path)?;
        let identity = handle.identity()?;
        let len = handle.len()?;
        let file = Arc::new_cyclic(|this| Reopened {
            this: Weak::clone(this),
            files: Arc::clone(self),
            path: path.to_owned(),
            len,
            identity,
            handle: Mutex::new(Some(handle)),
            is_used: AtomicBool::new(true),
        });
        self.opened_one(&file);
        Ok(file)
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> OpenFilesStats {
        OpenFilesStats {
            open: self.open.load(Relaxed) as u64,
            opened: self.opened.load(Relaxed),
            closed: self.closed.load(Relaxed),
        }
    }

    /// Counts a file that has a descriptor now, and closes others while there are too many.
    fn opened_one(&self, file: &Arc<Reopened>) {
        self.opened.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        let mut ring = self.ring.lock();
        ring.push_back(Arc::downgrade(file));
        if ring.len() > 2 * self.open.load(Relaxed) + RING_SLACK {
            ring.retain(|file| file.strong_count() > 0);
        }
        let mut steps = ring.len() * MAX_STEPS_PER_FILE;
        while self.open.load(Relaxed) > self.limit && steps > 0 {
            steps -= 1;
            let Some(oldest) = ring.pop_front() else { break };
            let Some(other) = oldest.upgrade() else { continue };
            if Arc::ptr_eq(&other, file) || other.is_used.swap(false, Relaxed) {
                ring.push_back(oldest);
            } else {
                other.close();
                self.closed.fetch_add(1, Relaxed);
            }
        }
    }
}

/// How many files a process may keep open for reading if it is to have as many again for everything
/// else: half of what the system allows it, at most 4,096.
#[must_use]
pub fn default_open_files() -> usize {
    const MOST: u64 = 4096;
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    usize::try_from(allowed.unwrap_or(u64::MAX).min(2 * MOST) / 2).unwrap_or(usize::MAX)
}

/// A file that is opened when it is read.
struct Reopened {
    this: Weak<Reopened>,
    files: Arc<OpenFiles>,
    path: PathBuf,
    len: u64,
    identity: Option<FileIdentity>,
    handle: Mutex<Option<Arc<dyn ReadFile>>>,
    /// Whether it was read since the clock's hand passed.
    is_used: AtomicBool,
}

impl Reopened {
    fn handle(&self) -> Result<Arc<dyn ReadFile>> {
        self.is_used.store(true, Relaxed);
        let mut handle = self.handle.lock();
        if let Some(handle) = &*handle {
            return Ok(Arc::clone(handle));
        }
        let opened = self.files.disk.open_read(&self.path)?;
        if opened.identity()? != self.identity || opened.len()? != self.len {
            let text = "another file has its name since it was opened first";
            let source = io::Error::new(io::ErrorKind::InvalidData, text);
            return Err(IoError::new(Operation::Open, &self.path, source));
        }
        *handle = Some(Arc::clone(&opened));
        drop(handle);
        if let Some(this) = self.this.upgrade() {
            self.files.opened_one(&this);
        }
        Ok(opened)
    }

    /// Gives the descriptor back; readers that have it keep using it.
    fn close(&self) {
        if self.handle.lock().take().is_some() {
            self.files.open.fetch_sub(1, Relaxed);
        }
    }
}

impl ReadFile for Reopened {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        Ok(self.len)
    }

    fn identity(&self) -> Result<Option<FileIdentity>> {
        Ok(self.identity)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        self.handle()?.read_at(offset, buf)
    }
}

impl Drop for Reopened {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Reopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reopened").field("path", &self.path).finish_non_exhaustive()
    }
}
