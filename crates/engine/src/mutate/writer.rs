//! The means of carrying out statements.

use std::sync::Arc;

use super::options::WriteOptions;
use super::workspace::Workspaces;
use crate::engine::{Destination, TableCore, WriteSide};
use crate::error::{Error, ErrorKind, Result};

/// Shared by all handles that can write: those of a database, or of a bulk writer. It is shut with
/// the last of them.
#[derive(Debug)]
pub(crate) struct StatementWriter {
    /// `None` where all is only read.
    destination: Option<Destination>,
    /// Buffers of writes.
    pub(crate) workspaces: Workspaces,
    /// The default options of statements.
    pub(super) options: WriteOptions,
}

/// A table, and what writes to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteTarget<'t> {
    pub(crate) core: &'t Arc<TableCore>,
    pub(crate) writer: &'t Arc<StatementWriter>,
}

impl StatementWriter {
    /// Statements that don't say otherwise have those options.
    pub(crate) fn new(destination: Destination, options: WriteOptions) -> Self {
        Self { destination: Some(destination), workspaces: Workspaces::default(), options }
    }

    /// Writes nothing.
    pub(crate) fn nobody() -> Self {
        Self { destination: None, workspaces: Workspaces::default(), options: WriteOptions::default() }
    }

    /// Where writes go.
    ///
    /// # Errors
    /// When all is only read.
    #[inline]
    pub(crate) fn destination(&self) -> Result<&Destination> {
        self.destination.as_ref().ok_or_else(read_only)
    }

    /// Refuses the writes to come, and waits for those in flight, where they go to a sink.
    pub(crate) fn shut_sink(&self) {
        if let Some(Destination::Sink(sink)) = &self.destination {
            sink.close();
        }
    }

    /// The database that is written to, if it is one.
    pub(crate) fn side(&self) -> Option<&Arc<WriteSide>> {
        match &self.destination {
            Some(Destination::Database(side)) => Some(side),
            Some(Destination::Sink(_)) | None => None,
        }
    }

    /// The database that is written to.
    ///
    /// # Errors
    /// When all is only read.
    pub(crate) fn database(&self) -> Result<&Arc<WriteSide>> {
        self.side().ok_or_else(read_only)
    }
}

#[cold]
fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the database was opened to read only")
}

/// Stops the threads when the last handle is dropped. Nothing is written then: the log has
/// everything acknowledged.
impl Drop for StatementWriter {
    fn drop(&mut self) {
        let Some(side) = self.side() else { return };
        if side.set.check_here().is_err() {
            // A forked child: the threads are not here, and the resources to be given back are the
            // parent's.
            std::mem::forget(Arc::clone(side));
            return;
        }
        side.shut();
    }
}
