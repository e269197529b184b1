//! A simulated disk: it records operations, fails them, crashes, and loses what was not synced.
//!
//! The current state and the durable one are kept side by side (`tree.rs`); `fault.rs` decides the
//! fate of each operation.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{
    DirEntry, Disk, EntryKind, IoError, Lock, Metadata, Operation, ReadFile, Result, WriteFile,
};
use parking_lot::{Mutex, MutexGuard};

use crate::fault::{Class, Fate, Faults, injected};
use crate::gate::Gate;
use crate::rng::Rng;
use crate::standing::{Errno, Fault, FaultId, StandingFaults};
use crate::trace::{Besides, Traced};
use crate::tree::{NodeId, Tree};

/// A disk in memory that tracks what of it is durable. Clones are the same disk; [`SimDisk::crash`]
/// and [`SimDisk::kill`] return another one, on which no file is open.
///
/// Paths are taken from the root, whether they begin with `/` or not; `..` is refused.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    gate: Gate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    faults: Faults,
    standing: StandingFaults,
    locked: BTreeSet<NodeId>,
    trace: Option<Vec<Traced>>,
}

/// A requested operation.
struct Call<'a> {
    op: Operation,
    path: &'a Path,
    /// The new name of a rename.
    other: Option<&'a Path>,
    detail: Besides<'a>,
}

impl<'a> Call<'a> {
    fn new(op: Operation, path: &'a Path) -> Self {
        Self { op, path, other: None, detail: Besides::None }
    }

    fn to(self, other: &'a Path) -> Self {
        Self { other: Some(other), ..self }
    }

    fn with(self, detail: Besides<'a>) -> Self {
        Self { detail, ..self }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: NodeId,
    path: PathBuf,
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    node: NodeId,
    path: PathBuf,
}

impl SimDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Tree::new())
    }

    /// The disk after a power cut: what was durable, and of the rest a part that the seed chooses.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        Self::of(self.state().tree.crashed(&mut Rng::new(seed)))
    }

    /// The disk after a power cut that kept nothing but what was durable.
    #[must_use]
    pub fn cut(&self) -> Self {
        Self::of(self.state().tree.durable())
    }

    /// The disk after the process was killed: all that was handed over is there, but no more
    /// durable than it was.
    #[must_use]
    pub fn kill(&self) -> Self {
        Self::of(self.state().tree.clone())
    }

    /// The `n`th operation from now (1 is the next), reads included, fails without effect, and so
    /// do all later ones.
    pub fn fail_at(&self, n: u64) {
        self.state().faults.fail_at(n);
    }

    /// The machine stops at the `n`th operation from now that changes or syncs something: a change
    /// is made (and may or may not survive), a sync is not, and neither is acknowledged; later
    /// operations fail.
    pub fn crash_at(&self, n: u64) {
        self.state().faults.crash_at(n);
    }

    /// The `n`th operation from now, reads included, fails once. A write has written half of its
    /// bytes; a sync has lost what it should have made durable, for later syncs too.
    pub fn fail_once(&self, n: u64) {
        self.state().faults.fail_once(n);
    }

    /// From now on operations of one file or directory fail, as `fault` says, until it is lifted.
    /// Of several faults that strike one operation, the one that was injected first does.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.state().standing.inject(fault)
    }

    /// Removes a fault. Its count of strikes is gone afterwards.
    pub fn lift(&self, fault: FaultId) {
        self.state().standing.lift(fault);
    }

    /// How many operations a fault has struck; 0 if it was lifted.
    #[must_use]
    pub fn strikes(&self, fault: FaultId) -> u64 {
        self.state().standing.strikes(fault)
    }

    /// Takes back planned faults and those that last, and the limit of space.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.heal();
        state.standing = StandingFaults::default();
        state.faults.capacity = None;
    }

    /// Whether a planned fault has not struck yet: a sweep that ends with this has passed the last
    /// operation.
    #[must_use]
    pub fn fault_is_pending(&self) -> bool {
        self.state().faults.pending()
    }

    /// Lets the files grow by `bytes` in all; then the disk is full, until something is removed.
    pub fn limit_space(&self, bytes: u64) {
        let mut state = self.state();
        state.faults.capacity = Some(state.tree.used() + bytes);
    }

    /// The `n`th operation from now (1 is the next), reads included, waits before it does anything,
    /// until [`SimDisk::release`]. Those of other threads go on.
    pub fn hold_at(&self, n: u64) {
        self.shared.gate.hold_at(n);
    }

    /// Whether an operation is waiting.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.shared.gate.is_held()
    }

    /// Lets the operation that is held go on; if none is yet, none will be.
    pub fn release(&self) {
        self.shared.gate.release();
    }

    /// Flips the bits of `mask` in one byte of a file, durably and without a trace.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> Result<()> {
        let mut state = self.state();
        let flip = |tree: &mut Tree| tree.flip(tree.find(path)?, index(offset)?, mask);
        flip(&mut state.tree).map_err(|kind| IoError::new(Operation::Write, path, kind.into()))
    }

    /// How many operations there were, reads included.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().faults.operations
    }

    /// How many operations there were that changed or synced something: the points to crash at.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.state().faults.changes
    }

    /// Begins to note operations that changed or synced something, forgetting what was noted
    /// before.
    pub fn start_trace(&self) {
        self.state().trace = Some(Vec::new());
    }

    /// What was noted since, one line an operation.
    #[must_use]
    pub fn take_trace(&self) -> Vec<String> {
        self.take_traced().iter().map(Traced::to_string).collect()
    }

    /// What was noted since, with the bytes that were written.
    #[must_use]
    pub fn take_traced(&self) -> Vec<Traced> {
        self.state().trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn of(tree: Tree) -> Self {
        let state = State {
            tree,
            faults: Faults::NONE,
            standing: StandingFaults::default(),
            locked: BTreeSet::new(),
            trace: None,
        };
        Self { shared: Arc::new(Shared { gate: Gate::default(), state: Mutex::new(state) }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// One operation that a passing fault leaves undone.
    fn perform<T>(
        &self,
        call: Call<'_>,
        action: impl FnOnce(&mut State) -> std::result::Result<T, ErrorKind>,
    ) -> Result<T> {
        self.perform_or(call, |_| Ok(()), action)
    }

    /// One operation: counts it, lets it fail if its time has come, notes it and does it. `half` is
    /// what a passing fault leaves of it.
    fn perform_or<T>(
        &self,
        call: Call<'_>,
        half: impl FnOnce(&mut State) -> std::result::Result<(), ErrorKind>,
        action: impl FnOnce(&mut State) -> std::result::Result<T, ErrorKind>,
    ) -> Result<T> {
        self.shared.gate.pass();
        let mut state = self.state();
        let Call { op, path, other, detail } = call;
        let fail = |source: io::Error| IoError::new(op, path, source);
        let fate = state.faults.step(Class::of(op));
        if fate == Fate::Refused {
            return Err(fail(injected()));
        }
        let struck = state.standing.step(op, path, other);
        if fate == Fate::Failed || struck.is_some_and(Errno::is_partial) {
            half(&mut state).map_err(|kind| fail(kind.into()))?;
        }
        if let Some(errno) = struck {
            return Err(fail(errno.error()));
        }
        if fate == Fate::Failed {
            return Err(fail(injected()));
        }
        let done = action(&mut state).map_err(|kind| fail(kind.into()))?;
        if Class::of(op) != Class::Read
            && let Some(trace) = &mut state.trace
        {
            trace.push(detail.traced(op, path));
        }
        if fate == Fate::DoneButLost { Err(fail(injected())) } else { Ok(done) }
    }

    fn open(&self, path: &Path) -> Result<Arc<SimFile>> {
        let node = self.perform(Call::new(Operation::Open, path), |state| {
            let node = state.tree.find(path)?;
            state.tree.bytes(node).map(|_| node)
        })?;
        Ok(self.file(node, path))
    }

    fn file(&self, node: NodeId, path: &Path) -> Arc<SimFile> {
        Arc::new(SimFile { disk: self.clone(), node, path: path.to_path_buf() })
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}

impl Disk for SimDisk {
    fn open_read(&self, path: &Path) -> Result<Arc<dyn ReadFile>> {
        Ok(self.open(path)?)
    }

    fn create_new(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        let node = self.perform(Call::new(Operation::Create, path), |state| {
            let place = state.tree.place(path)?;
            if place.node.is_some() {
                return Err(ErrorKind::AlreadyExists);
            }
            Ok(state.tree.create_file(place))
        })?;
        Ok(self.file(node, path))
    }

    fn open_write(&self, path: &Path) -> Result<Arc<dyn WriteFile>> {
        Ok(self.open(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.perform(Call::new(Operation::Rename, from).to(to).with(Besides::Other(to)), |state| {
            let source = state.tree.place(from)?;
            let target = state.tree.place(to)?;
            let node = source.node.ok_or(ErrorKind::NotFound)?;
            if let Some(replaced) = target.node {
                match (state.tree.kind(node), state.tree.kind(replaced)) {
                    (EntryKind::File, EntryKind::Directory) => return Err(ErrorKind::IsADirectory),
                    (EntryKind::Directory, EntryKind::File) => return Err(ErrorKind::NotADirectory),
                    (EntryKind::Directory, _)
                        if node != replaced && !state.tree.entries(replaced)?.is_empty() =>
                    {
                        return Err(ErrorKind::DirectoryNotEmpty);
                    }
                    _ => {}
                }
            }
            state.tree.rename(source, target);
            Ok(())
        })
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.perform(Call::new(Operation::RemoveFile, path), |state| {
            let place = state.tree.place(path)?;
            let node = place.node.ok_or(ErrorKind::NotFound)?;
            state.tree.bytes(node)?;
            state.tree.remove(place);
            Ok(())
        })
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.perform(Call::new(Operation::CreateDir, path), |state| {
            if path.file_name().is_none() {
                return Err(ErrorKind::AlreadyExists);
            }
            let place = state.tree.place(path)?;
            if place.node.is_some() {
                return Err(ErrorKind::AlreadyExists);
            }
            state.tree.create_dir(place);
            Ok(())
        })
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.perform(Call::new(Operation::RemoveDir, path), |state| {
            let place = state.tree.place(path)?;
            let node = place.node.ok_or(ErrorKind::NotFound)?;
            if !state.tree.entries(node)?.is_empty() {
                return Err(ErrorKind::DirectoryNotEmpty);
            }
            state.tree.remove(place);
            Ok(())
        })
    }

    fn hard_link(&self, original: &Path, link: &Path) -> Result<()> {
        self.perform(Call::new(Operation::HardLink, link).with(Besides::Other(original)), |state| {
            let node = state.tree.find(original)?;
            state.tree.bytes(node)?;
            let place = state.tree.place(link)?;
            if place.node.is_some() {
                return Err(ErrorKind::AlreadyExists);
            }
            state.tree.link(place, node);
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.perform(Call::new(Operation::List, dir), |state| {
            let entries = state.tree.entries(state.tree.find(dir)?)?;
            let describe = |(name, node)| {
                let Metadata { kind, len, modified_ms } = metadata_of(&state.tree, node);
                DirEntry { name, kind, len, modified_ms }
            };
            Ok(entries.into_iter().map(describe).collect())
        })
    }

    fn metadata(&self, path: &Path) -> Result<Metadata> {
        self.perform(Call::new(Operation::Metadata, path), |state| {
            let node = state.tree.find(path)?;
            Ok(metadata_of(&state.tree, node))
        })
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.perform(Call::new(Operation::SyncDir, dir), |state| {
            let node = state.tree.find(dir)?;
            state.tree.sync_dir(node)
        })
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let node = self.perform(Call::new(Operation::Lock, path), |state| {
            let place = state.tree.place(path)?;
            let node = place.node.unwrap_or_else(|| state.tree.create_file(place));
            if !state.locked.insert(node) {
                return Err(ErrorKind::WouldBlock);
            }
            Ok(node)
        })?;
        Ok(Box::new(SimLock { disk: self.clone(), node, path: path.to_owned() }))
    }
}

impl ReadFile for SimFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        let len = |state: &mut State| Ok(state.tree.bytes(self.node)?.len() as u64);
        self.disk.perform(Call::new(Operation::Metadata, &self.path), len)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        self.disk.perform(Call::new(Operation::Read, &self.path), |state| {
            let bytes = state.tree.bytes(self.node)?.get(index(offset)?..).unwrap_or_default();
            let n = bytes.len().min(buf.len());
            buf[..n].copy_from_slice(&bytes[..n]);
            Ok(n)
        })
    }
}

impl WriteFile for SimFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        ReadFile::len(self)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let detail = Besides::Bytes(offset, bytes);
        let write = |state: &mut State, bytes: &[u8]| {
            let offset = index(offset)?;
            grow(state, self.node, offset + bytes.len())?;
            state.tree.write(self.node, offset, bytes)
        };
        let half = |state: &mut State| write(state, &bytes[..bytes.len() / 2]);
        let all = |state: &mut State| write(state, bytes);
        self.disk.perform_or(Call::new(Operation::Write, &self.path).with(detail), half, all)
    }

    fn sync_data(&self) -> Result<()> {
        let forget = |state: &mut State| state.tree.forget(self.node);
        let sync = |state: &mut State| state.tree.sync_file(self.node);
        self.disk.perform_or(Call::new(Operation::Sync, &self.path), forget, sync)
    }

    fn sync_all(&self) -> Result<()> {
        self.sync_data()
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.disk.perform(Call::new(Operation::SetLen, &self.path).with(Besides::Len(len)), |state| {
            let len = index(len)?;
            grow(state, self.node, len)?;
            state.tree.set_len(self.node, len)
        })
    }

    fn allocate(&self, len: u64) -> Result<()> {
        self.disk.perform(Call::new(Operation::Allocate, &self.path).with(Besides::Len(len)), |state| {
            let len = index(len)?;
            if state.tree.bytes(self.node)?.len() >= len {
                return Ok(());
            }
            grow(state, self.node, len)?;
            state.tree.set_len(self.node, len)
        })
    }
}

/// Not an operation of its own: it changes nothing, and the system is only asked for a name.
impl Lock for SimLock {
    fn check(&self) -> Result<()> {
        let is_there = self.disk.state().tree.find(&self.path) == Ok(self.node);
        let moved = || IoError::new(Operation::Lock, &self.path, ErrorKind::AlreadyExists.into());
        is_there.then_some(()).ok_or_else(moved)
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.node);
    }
}

/// Refuses what would grow the file to `len` beyond the disk's capacity.
fn grow(state: &State, node: NodeId, len: usize) -> std::result::Result<(), ErrorKind> {
    let Some(capacity) = state.faults.capacity else { return Ok(()) };
    let more = len.saturating_sub(state.tree.bytes(node)?.len()) as u64;
    if more > 0 && state.tree.used() + more > capacity { Err(ErrorKind::StorageFull) } else { Ok(()) }
}

fn metadata_of(tree: &Tree, node: NodeId) -> Metadata {
    let len = tree.bytes(node).map_or(0, <[u8]>::len) as u64;
    Metadata { kind: tree.kind(node), len, modified_ms: None }
}

fn index(offset: u64) -> std::result::Result<usize, ErrorKind> {
    usize::try_from(offset).map_err(|_too_large| ErrorKind::InvalidInput)
}
