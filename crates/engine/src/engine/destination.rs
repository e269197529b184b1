//! The destination of the writes of statements: a database, or a sink.

use std::fmt;
use std::sync::Arc;

use helenus_io::{Clock, OwnProcess};
use helenus_rows::{Capabilities, WriteMoment};
use helenus_sstable::LateDeletionTimes;
use helenus_types::{LocalDeletionTime, Timestamp};
use uuid::Uuid;

use super::calls::Calls;
use super::growing::Growing;
use super::mutation::Mutation;
use super::set::{check_here, now_seconds};
use super::state::TableState;
use super::timestamps::Timestamps;
use super::write::Written;
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};
use crate::random::random_uuid;

/// Takes mutations in the place of a log and memtables.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Takes all of a mutation, or nothing.
    ///
    /// # Errors
    /// What is wrong with it, or why nothing is taken any more.
    fn write(&self, mutation: &Mutation) -> Result<()>;
}

/// The destination of the writes of statements, and the means of making them.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A database that is open for writing.
    Database(Arc<WriteSide>),
    /// No database: there is nothing to read, and no log.
    Sink(SinkSide),
}

/// A sink, with the parts of a database that make mutations.
#[derive(Debug)]
pub(crate) struct SinkSide {
    sink: Arc<dyn Sink>,
    /// Paths of list elements differ from those of another writer at the same time.
    host_id: Uuid,
    timestamps: Timestamps,
    clock: Arc<dyn Clock>,
    calls: Calls,
    origin: OwnProcess,
}

impl SinkSide {
    pub(crate) fn new(sink: Arc<dyn Sink>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sink,
            host_id: random_uuid(),
            timestamps: Timestamps::new(0),
            clock,
            calls: Calls::default(),
            origin: OwnProcess::here(),
        }
    }

    fn check(&self) -> Result<()> {
        check_here(&self.origin)?;
        if self.calls.is_closing() {
            return Err(Error::new(ErrorKind::Closed, "the writer was finished"));
        }
        self.calls.check_sound()
    }

    fn write(&self, mutation: &Mutation) -> Result<()> {
        let call = self.calls.enter();
        self.check()?;
        assert!(call.is_some(), "no call comes after closing has begun");
        self.sink.write(mutation)
    }

    /// Refuses later writes, and waits for those in flight.
    pub(crate) fn close(&self) {
        if self.calls.begin_closing() {
            self.calls.wait_for_those_in_flight();
            self.calls.end_closing();
        }
    }
}

impl Destination {
    /// Writes a mutation: all of it, or nothing.
    #[inline]
    pub(crate) fn write(&self, mutation: &Mutation) -> Result<Written> {
        match self {
            Self::Database(side) => side.write(mutation),
            Self::Sink(side) => side.write(mutation).map(|()| Written::Yes),
        }
    }

    /// What attachments add to a mutation whose partitions are locked; `None` where a table's
    /// schema changed meanwhile. A sink has no attachments.
    pub(crate) fn grow(&self, mutation: &Mutation, moment: WriteMoment) -> Result<Option<Growing>> {
        match self {
            Self::Database(side) => Growing::of(&side.set, mutation, moment),
            Self::Sink(_) => Ok(Some(Growing::new())),
        }
    }

    /// Refuses when nothing may be written.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self {
            Self::Database(side) => side.check_writable(),
            Self::Sink(side) => side.check(),
        }
    }

    /// Refuses what reads before it writes where nothing can be read.
    pub(crate) fn check_readable(&self) -> Result<()> {
        match self {
            Self::Database(_) => Ok(()),
            Self::Sink(_) => Err(Error::invalid(
                "SSTables are written without reading any: no conditions, no counters, no elements of a list by \
                 index or by value",
            )),
        }
    }

    /// The next timestamp.
    #[inline]
    pub(crate) fn next_timestamp(&self) -> Timestamp {
        match self {
            Self::Database(side) => side.next_timestamp(),
            Self::Sink(side) => side.timestamps.next(&*side.clock),
        }
    }

    /// This second, as local deletion times count.
    pub(crate) fn now_seconds(&self) -> u32 {
        match self {
            Self::Database(side) => side.set.now_seconds(),
            Self::Sink(side) => now_seconds(&*side.clock),
        }
    }

    /// Whose counters' shards and list elements these are.
    pub(crate) fn host_id(&self) -> Uuid {
        match self {
            Self::Database(side) => side.host_id,
            Self::Sink(side) => side.host_id,
        }
    }

    /// The latest second at which something that is written to a table may expire; `None` where it
    /// is capped.
    #[inline]
    pub(crate) fn latest_expiration(&self, state: &TableState) -> LocalDeletionTime {
        let holds_all = match self {
            Self::Database(side) => side.version_of(state).has_uint_deletion_time(),
            // A sink checks what it writes.
            Self::Sink(_) => true,
        };
        Capabilities { unsigned_deletion_times: holds_all }.latest_deletion_time()
    }

    /// The treatment of expirations that are too late.
    #[inline]
    pub(crate) fn late_deletion_times(&self) -> LateDeletionTimes {
        match self {
            Self::Database(side) => side.options.late_deletion_times,
            Self::Sink(_) => LateDeletionTimes::Refuse,
        }
    }

    /// The longest mutation, in bytes: half a segment of the log.
    #[inline]
    pub(crate) fn max_mutation_bytes(&self) -> usize {
        match self {
            Self::Database(side) => side.options.log_segment_bytes as usize / 2,
            Self::Sink(_) => u32::MAX as usize / 2,
        }
    }
}
