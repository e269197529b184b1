//! The fate of each operation: done, failed, cut short by a crash; with the counts that crash
//! points refer to.

use std::io;

use helenus_io::Operation;

/// The effect of an operation on the disk; crash points count those with an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Changes nothing.
    Read,
    /// Changes bytes or names, not durably yet.
    Change,
    /// Makes bytes or names durable.
    Sync,
}

impl Class {
    pub(crate) const fn of(op: Operation) -> Self {
        match op {
            Operation::Open | Operation::Read | Operation::Metadata | Operation::List => Self::Read,
            Operation::Sync | Operation::SyncDir => Self::Sync,
            Operation::Create
            | Operation::Write
            | Operation::SetLen
            | Operation::Allocate
            | Operation::Rename
            | Operation::RemoveFile
            | Operation::CreateDir
            | Operation::RemoveDir
            | Operation::HardLink
            | Operation::Lock => Self::Change,
        }
    }
}

/// The fate of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done.
    Done,
    /// It fails before it does anything.
    Refused,
    /// It is done, but not acknowledged.
    DoneButLost,
    /// It fails half way: a write has written half, a sync has lost what it should have made
    /// durable.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    None,
    /// This many operations are still done, all later ones refused.
    FailAfter(u64),
    /// As many that change something; the next is the last.
    CrashAfter(u64),
    /// As many are done, one fails, the later ones are done again.
    FailOnceAfter(u64),
    /// Everything is refused.
    Dead,
}

/// The operations that fail, and the counts.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    plan: Plan,
    pub(crate) operations: u64,
    pub(crate) changes: u64,
    /// The number of bytes that all files together may hold.
    pub(crate) capacity: Option<u64>,
}

impl Faults {
    pub(crate) const NONE: Self = Self { plan: Plan::None, operations: 0, changes: 0, capacity: None };

    /// The `n`th operation from now (1 is the next) is refused, and all later ones.
    pub(crate) fn fail_at(&mut self, n: u64) {
        self.plan = Plan::FailAfter(n.saturating_sub(1));
    }

    /// The `n`th operation from now that changes something is the last.
    pub(crate) fn crash_at(&mut self, n: u64) {
        self.plan = Plan::CrashAfter(n.saturating_sub(1));
    }

    /// The `n`th operation from now fails, later ones do not.
    pub(crate) fn fail_once(&mut self, n: u64) {
        self.plan = Plan::FailOnceAfter(n.saturating_sub(1));
    }

    pub(crate) fn heal(&mut self) {
        self.plan = Plan::None;
    }

    /// Whether a planned fault has not happened yet.
    pub(crate) fn pending(&self) -> bool {
        matches!(self.plan, Plan::FailAfter(_) | Plan::CrashAfter(_) | Plan::FailOnceAfter(_))
    }

    /// Counts one operation and says what becomes of it.
    pub(crate) fn step(&mut self, class: Class) -> Fate {
        self.operations += 1;
        self.changes += u64::from(class != Class::Read);
        match self.plan {
            Plan::None => Fate::Done,
            Plan::Dead => Fate::Refused,
            Plan::CrashAfter(_) if class == Class::Read => Fate::Done,
            Plan::FailAfter(0) => {
                self.plan = Plan::Dead;
                Fate::Refused
            }
            Plan::CrashAfter(0) => {
                self.plan = Plan::Dead;
                if class == Class::Sync { Fate::Refused } else { Fate::DoneButLost }
            }
            Plan::FailOnceAfter(0) => {
                self.plan = Plan::None;
                Fate::Failed
            }
            Plan::FailAfter(n) => {
                self.plan = Plan::FailAfter(n - 1);
                Fate::Done
            }
            Plan::CrashAfter(n) => {
                self.plan = Plan::CrashAfter(n - 1);
                Fate::Done
            }
            Plan::FailOnceAfter(n) => {
                self.plan = Plan::FailOnceAfter(n - 1);
                Fate::Done
            }
        }
    }
}

/// The error of an operation that a fault stopped.
pub(crate) fn injected() -> io::Error {
    io::Error::other("a fault of the simulated disk")
}
