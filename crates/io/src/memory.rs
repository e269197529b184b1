//! A disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::disk::{DirEntry, Disk, EntryKind, Lock, Metadata, ReadFile, WriteFile};
use crate::{IoError, Operation, Result, parent_of};

/// A disk in memory, for tests and for data that need not outlive the process. Clones are the same
/// disk.
///
/// It begins with an empty directory `/`. Nothing is ever lost or refused: the loss of what was not
/// synced is for the simulated disk to show, which keeps two states of every byte and is slower
/// accordingly.
#[derive(Clone)]
pub struct MemoryDisk {
    tree: Arc<Mutex<Tree>>,
}

struct Tree {
    /// By their whole paths, so that a directory's contents follow it.
    entries: BTreeMap<PathBuf, Entry>,
    locked: BTreeSet<PathBuf>,
}

#[derive(Clone)]
enum Entry {
    Directory,
    File(Bytes),
}

type Bytes = Arc<RwLock<Vec<u8>>>;

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").field("entries", &self.tree().entries.len()).finish_non_exhaustive()
    }
}

impl MemoryDisk {
    /// A disk with nothing on it but `/`.
    #[must_use]
    pub fn new() -> Self {
        let entries = BTreeMap::from([(PathBuf::from("/"), Entry::Directory)]);
        Self { tree: Arc::new(Mutex::new(Tree { entries, locked: BTreeSet::new() })) }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        // Every change of the tree is one insertion or removal: a panic elsewhere leaves none half
        // done.
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn perform<T>(
        &self,
        op: Operation,
        path: &Path,
        action: impl FnOnce(&mut Tree, PathBuf) -> std::result::Result<T, ErrorKind>,
    ) -> Result<T> {
        action(&mut self.tree(), absolute(path)).map_err(|kind| error(op, path, kind))
    }

    fn open(&self, path: &Path) -> Result<Arc<MemoryFile>> {
        let bytes = self.perform(Operation::Open, path, |tree, at| tree.file(&at))?;
        Ok(Arc::new(MemoryFile { path: path.to_owned(), bytes }))
    }
}

fn error(op: Operation, path: &Path, kind: ErrorKind) -> IoError {
    IoError::new(op, path, io::Error::from(kind))
}

/// One spelling for each path.
fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(path).components().collect()
}

impl Tree {
    fn get(&self, path: &Path) -> std::result::Result<&Entry, ErrorKind> {
        self.entries.get(path).ok_or(ErrorKind::NotFound)
    }

    fn file(&self, path: &Path) -> std::result::Result<Bytes, ErrorKind> {
        match self.get(path)? {
            Entry::File(bytes) => Ok(bytes.clone()),
            Entry::Directory => Err(ErrorKind::IsADirectory),
        }
    }

    fn directory(&self, path: &Path) -> std::result::Result<(), ErrorKind> {
        match self.get(path)? {
            Entry::Directory => Ok(()),
            Entry::File(_) => Err(ErrorKind::NotADirectory),
        }
    }

    /// Gives an entry a name that is free, in a directory that exists.
    fn insert(&mut self, path: PathBuf, entry: Entry) -> std::result::Result<(), ErrorKind> {
        self.directory(parent_of(&path))?;
        if self.entries.contains_key(&path) {
            return Err(ErrorKind::AlreadyExists);
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Whatever is below a directory, on every level.
    fn below<'t>(&'t self, dir: &'t Path) -> impl Iterator<Item = (&'t PathBuf, &'t Entry)> {
        let after = (std::ops::Bound::Excluded(dir), std::ops::Bound::Unbounded);
        self.entries.range::<Path, _>(after).take_while(move |(path, _)| path.starts_with(dir))
    }

    fn rename(&mut self, from: PathBuf, to: PathBuf) -> std::result::Result<(), ErrorKind> {
        let entry = self.get(&from)?.clone();
        self.directory(parent_of(&to))?;
        match (&entry, self.entries.get(&to)) {
            (Entry::File(_), Some(Entry::Directory)) => return Err(ErrorKind::IsADirectory),
            (Entry::Directory, Some(Entry::File(_))) => return Err(ErrorKind::NotADirectory),
            (Entry::Directory, Some(Entry::Directory)) if from != to && self.below(&to).next().is_some() => {
                return Err(ErrorKind::DirectoryNotEmpty);
            }
            (Entry::Directory, _) if from != to && to.starts_with(&from) => {
                return Err(ErrorKind::InvalidInput);
            }
            _ => {}
        }
        let moved: Vec<PathBuf> = match entry {
            Entry::Directory => self.below(&from).map(|(path, _)| path.clone()).collect(),
            Entry::File(_) => Vec::new(),
        };
        for path in moved.into_iter().chain([from.clone()]) {
            let Some(entry) = self.entries.remove(&path) else { continue };
            let below = path.strip_prefix(&from).unwrap_or(Path::new(""));
            // Joining nothing would leave a separator at the end.
            let path = if below.as_os_str().is_empty() { to.clone() } else { to.join(below) };
            self.entries.insert(path, entry);
        }
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn open_read(&self, path: &Path) -> Result<Arc<dyn ReadFile>> {
        Ok(self.open(path)?)
    }

    fn create_new(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        let bytes = Bytes::default();
        self.perform(Operation::Create, path, |tree, at| tree.insert(at, Entry::File(bytes.clone())))?;
        Ok(Arc::new(MemoryFile { path: path.to_owned(), bytes }))
    }

    fn open_write(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        Ok(self.open(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.perform(Operation::Rename, from, |tree, at| tree.rename(at, absolute(to)))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.perform(Operation::RemoveFile, path, |tree, at| {
            tree.file(&at)?;
            tree.entries.remove(&at);
            Ok(())
        })
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.perform(Operation::CreateDir, path, |tree, at| tree.insert(at, Entry::Directory))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.perform(Operation::RemoveDir, path, |tree, at| {
            tree.directory(&at)?;
            if tree.below(&at).next().is_some() {
                return Err(ErrorKind::DirectoryNotEmpty);
            }
            tree.entries.remove(&at);
            Ok(())
        })
    }

    fn hard_link(&self, original: &Path, link: &Path) -> Result<()> {
        self.perform(Operation::HardLink, link, |tree, at| {
            let bytes = tree.file(&absolute(original))?;
            tree.insert(at, Entry::File(bytes))
        })
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.perform(Operation::List, dir, |tree, at| {
            tree.directory(&at)?;
            let entries = tree.below(&at).filter(|(path, _)| parent_of(path) == at);
            let mut listed: Vec<DirEntry> = entries
                .filter_map(|(path, entry)| {
                    let Metadata { kind, len, modified_ms } = metadata_of(entry);
                    Some(DirEntry { name: path.file_name()?.to_owned(), kind, len, modified_ms })
                })
                .collect();
            listed.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(listed)
        })
    }

    fn metadata(&self, path: &Path) -> Result<Metadata> {
        self.perform(Operation::Metadata, path, |tree, at| tree.get(&at).map(metadata_of))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.perform(Operation::SyncDir, dir, |tree, at| tree.directory(&at))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let locked = self.perform(Operation::Lock, path, |tree, at| {
            match tree.file(&at) {
                Err(ErrorKind::NotFound) => tree.insert(at.clone(), Entry::File(Bytes::default()))?,
                Err(ErrorKind::IsADirectory) => {}
                file => drop(file?),
            }
            if tree.locked.insert(at.clone()) { Ok(at) } else { Err(ErrorKind::WouldBlock) }
        })?;
        Ok(Box::new(MemoryLock { disk: self.clone(), path: locked }))
    }
}

fn metadata_of(entry: &Entry) -> Metadata {
    let (kind, len) = match entry {
        Entry::Directory => (EntryKind::Directory, 0),
        Entry::File(bytes) => (EntryKind::File, read(bytes).len() as u64),
    };
    Metadata { kind, len, modified_ms: None }
}

fn read(bytes: &Bytes) -> RwLockReadGuard<'_, Vec<u8>> {
    bytes.read().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.tree().locked.remove(&self.path);
    }
}

struct MemoryFile {
    path: PathBuf,
    bytes: Bytes,
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl MemoryFile {
    fn write(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.bytes.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, op: Operation, at: u64) -> Result<usize> {
        usize::try_from(at).map_err(|_too_large| error(op, &self.path, ErrorKind::FileTooLarge))
    }
}

impl ReadFile for MemoryFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        Ok(read(&self.bytes).len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let bytes = read(&self.bytes);
        let rest = bytes.get(self.index(Operation::Read, offset)?..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}

impl WriteFile for MemoryFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        ReadFile::len(self)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = self.index(Operation::Write, offset)?;
        let end = self.index(Operation::Write, offset.saturating_add(bytes.len() as u64))?;
        let mut file = self.write();
        if start == file.len() {
            file.extend_from_slice(bytes);
            return Ok(());
        }
        if file.len() < end {
            file.resize(end, 0);
        }
        if let Some(room) = file.get_mut(start..end) {
            room.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let len = self.index(Operation::SetLen, len)?;
        let mut file = self.write();
        if file.is_empty() {
            // Zeros that the system gives cost nothing until they are written to.
            *file = vec![0; len];
        } else {
            file.resize(len, 0);
        }
        Ok(())
    }

    fn allocate(&self, len: u64) -> Result<()> {
        if ReadFile::len(self)? < len { self.set_len(len) } else { Ok(()) }
    }
}
