//! Faults that last until they are lifted, with the errors that real systems report.

use std::io;
use std::path::{Path, PathBuf};

use helenus_io::Operation;

/// An error that operating systems report of real disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errno {
    /// `EIO`: the medium cannot read or write. A write may have written a part; a sync has lost
    /// what it should have made durable.
    Io,
    /// `EACCES`: the permissions say no. Nothing was done.
    Access,
    /// `EMFILE`: the process has as many files open as it may. Nothing was done.
    TooManyFiles,
    /// `ENOSPC`: no space is left. A write may have written a part, and a sync have found no place
    /// for what was written before.
    NoSpace,
    /// `EROFS`: the file system is mounted read-only. Nothing was done.
    ReadOnly,
    /// `EDQUOT`: the user's quota is used up; as for `ENOSPC`.
    Quota,
}

impl Errno {
    /// Every one of them, for sweeps.
    pub const ALL: [Self; 6] =
        [Self::Io, Self::Access, Self::TooManyFiles, Self::NoSpace, Self::ReadOnly, Self::Quota];

    pub(crate) fn error(self) -> io::Error {
        use rustix::io::Errno;
        let errno = match self {
            Self::Io => Errno::IO,
            Self::Access => Errno::ACCESS,
            Self::TooManyFiles => Errno::MFILE,
            Self::NoSpace => Errno::NOSPC,
            Self::ReadOnly => Errno::ROFS,
            Self::Quota => Errno::DQUOT,
        };
        errno.into()
    }

    /// Whether an operation may have been done in part when this is reported.
    pub(crate) const fn is_partial(self) -> bool {
        matches!(self, Self::Io | Self::NoSpace | Self::Quota)
    }

    /// The operations that report this error on a real disk.
    const fn usual_operations(self) -> &'static [Operation] {
        match self {
            Self::Io => &[Operation::Read, Operation::Write, Operation::Sync, Operation::SyncDir],
            Self::NoSpace | Self::Quota => &[
                Operation::Create,
                Operation::Write,
                Operation::SetLen,
                Operation::Allocate,
                Operation::Rename,
                Operation::CreateDir,
                Operation::HardLink,
            ],
            Self::Access => &[
                Operation::Create,
                Operation::Rename,
                Operation::RemoveFile,
                Operation::CreateDir,
                Operation::RemoveDir,
                Operation::HardLink,
            ],
            Self::ReadOnly => &[
                Operation::Create,
                Operation::Write,
                Operation::SetLen,
                Operation::Allocate,
                Operation::Rename,
                Operation::RemoveFile,
                Operation::CreateDir,
                Operation::RemoveDir,
                Operation::HardLink,
            ],
            Self::TooManyFiles => {
                &[Operation::Open, Operation::Create, Operation::List, Operation::SyncDir, Operation::Lock]
            }
        }
    }
}

/// A fault of one file, or of one directory and all below it, that lasts until it is lifted.
///
/// An operation is struck if its path, or the new name of a rename or link, is the fault's path or
/// below it. A file is known by the path it was opened by. Without [`Fault::on`] the operations are
/// those that report such an error on a real disk (a file that is open goes on being written
/// although its directory permits nothing any more).
#[derive(Debug, Clone)]
pub struct Fault {
    path: PathBuf,
    errno: Errno,
    operations: Vec<Operation>,
    /// How many operations are still spared.
    spared: u64,
    /// How many are still struck.
    left: u64,
}

impl Fault {
    /// Operations on `path`, or below it, fail with `errno`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, errno: Errno) -> Self {
        let operations = errno.usual_operations().to_vec();
        Self { path: path.into(), errno, operations, spared: 0, left: u64::MAX }
    }

    /// Strikes these operations only.
    #[must_use]
    pub fn on(mut self, operations: &[Operation]) -> Self {
        self.operations = operations.to_vec();
        self
    }

    /// Begins with the `n`th operation that it would strike (1 is the next).
    #[must_use]
    pub fn from_nth(mut self, n: u64) -> Self {
        self.spared = n.saturating_sub(1);
        self
    }

    /// Strikes `n` operations, and none after them.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.left = n;
        self
    }

    fn covers(&self, path: &Path) -> bool {
        // The disk takes paths from the root, whether they begin with `/` or not.
        let relative =
            |path: &Path| path.strip_prefix("/").map_or_else(|_| path.to_path_buf(), Path::to_path_buf);
        relative(path).starts_with(relative(&self.path))
    }

    fn strikes(&mut self, op: Operation, path: &Path, other: Option<&Path>) -> bool {
        let covers = |path| self.covers(path);
        if !self.operations.contains(&op) || !(covers(path) || other.is_some_and(covers)) {
            return false;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        let strikes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        strikes
    }
}

/// Names a fault that was injected, to lift it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

/// The faults that are in force, each with the number of operations it has struck.
#[derive(Debug, Default)]
pub(crate) struct StandingFaults {
    faults: Vec<(FaultId, Fault, u64)>,
    next_id: u64,
}

impl StandingFaults {
    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        let id = FaultId(self.next_id);
        self.next_id += 1;
        self.faults.push((id, fault, 0));
        id
    }

    pub(crate) fn lift(&mut self, id: FaultId) {
        self.faults.retain(|(other, ..)| *other != id);
    }

    pub(crate) fn strikes(&self, id: FaultId) -> u64 {
        self.faults.iter().find(|(other, ..)| *other == id).map_or(0, |(.., strikes)| *strikes)
    }

    /// The error of an operation on `path` (and `other`, the new name of a rename), if one strikes
    /// it.
    pub(crate) fn step(&mut self, op: Operation, path: &Path, other: Option<&Path>) -> Option<Errno> {
        let (_, fault, strikes) =
            self.faults.iter_mut().find_map(|entry| entry.1.strikes(op, path, other).then_some(entry))?;
        *strikes += 1;
        Some(fault.errno)
    }
}
