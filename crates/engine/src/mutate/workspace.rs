//! Buffers of writes, handed from one to the next: in a steady state writing allocates nothing.

use super::encode::Encoder;
use super::staged::{Staged, StagedCell};
use crate::pool::Pool;

/// The number of sets of buffers that are kept; further concurrent writers make their own.
const KEPT: usize = 64;
/// Buffers of more bytes are not kept.
const KEPT_BYTES: usize = 1 << 20;

/// The buffers of one write at a time.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(super) staged: Staged,
    pub(super) encoder: Encoder,
    /// Changes of a statement's columns before they are put in order: of static columns, and of
    /// others.
    pub(super) changes: Vec<(bool, StagedCell)>,
}

impl Workspace {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.staged.clear();
        self.changes.clear();
        self.encoder.builder.clear();
    }
}

/// The sets of buffers that are not in use.
#[derive(Debug)]
pub(crate) struct Workspaces(Pool<Box<Workspace>>);

impl Default for Workspaces {
    fn default() -> Self {
        Self(Pool::new(KEPT))
    }
}

impl Workspaces {
    /// Buffers, empty.
    #[inline]
    pub(super) fn take(&self) -> Box<Workspace> {
        self.0.take().unwrap_or_default()
    }

    /// Lets go of all that are not in use.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// Takes buffers back.
    #[inline]
    pub(super) fn give(&self, mut workspace: Box<Workspace>) {
        workspace.clear();
        if workspace.staged.bytes.capacity() + workspace.encoder.builder.capacity() <= KEPT_BYTES {
            self.0.give(workspace);
        }
    }
}
