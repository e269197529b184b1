//! Local deletion times that releases before 5.0 cannot write: past 2038-01-19T03:14:06Z.
//!
//! Cassandra refuses a write that expires later, or caps its expiration and keeps the ttl
//! (`db.ExpirationDateOverflowHandling`, CASSANDRA-14092). The same cap serves rows that move to an
//! older version of the format, and the local deletion times of their tombstones.

use helenus_types::{DecodeError, LocalDeletionTime};

use crate::cell::Cell;
use crate::codec::{CellEvent, RowBuf, RowBuilder, RowRef};
use crate::deletion::DeletionTime;
use crate::header::Capabilities;
use crate::liveness::LivenessInfo;
use crate::retime::{Retime, encode_retimed};

impl RowRef<'_> {
    /// Gives every local deletion time that the row stores to `each`: of deletions, tombstones and
    /// what expires.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn deletion_times(&self, mut each: impl FnMut(LocalDeletionTime)) -> Result<(), DecodeError> {
        let mut events = self.cells()?;
        if events.liveness().is_expiring() {
            each(events.liveness().local_expiration_time);
        }
        let deletion = events.deletion();
        let of_deletion = |deletion: DeletionTime, each: &mut dyn FnMut(LocalDeletionTime)| {
            if !deletion.is_live() {
                each(deletion.local_deletion_time);
            }
        };
        of_deletion(deletion, &mut each);
        while let Some(event) = events.next()? {
            match event {
                CellEvent::Simple { cell, .. } | CellEvent::Element { cell, .. } => {
                    if cell.is_expiring() || cell.is_tombstone() {
                        each(cell.local_deletion_time);
                    }
                }
                CellEvent::Complex { deletion, .. } => of_deletion(deletion, &mut each),
            }
        }
        Ok(())
    }

    /// Whether all its local deletion times are encoded alike under any [`Capabilities`]: none is
    /// later than the older ones can hold. Call it for a row under a header of
    /// [`Capabilities::CURRENT`], which does not change what is stored.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn is_portable(&self) -> Result<bool, DecodeError> {
        let latest = Capabilities::LEGACY.latest_deletion_time();
        let mut portable = true;
        self.deletion_times(|time| portable &= time <= latest)?;
        Ok(portable)
    }

    /// The latest of its local deletion times that `target` cannot hold; `None` if it holds them
    /// all.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn late_deletion_time(&self, target: Capabilities) -> Result<Option<LocalDeletionTime>, DecodeError> {
        let mut latest = None;
        self.deletion_times(|time| {
            if target.is_late(time) {
                latest = latest.max(Some(time));
            }
        })?;
        Ok(latest)
    }
}

/// Brings local deletion times down to the latest that some capabilities can hold, and counts how
/// many it changed.
#[derive(Clone, Copy, Debug)]
pub struct LateCap {
    target: Capabilities,
    /// Deletions, livenesses and cells that were changed.
    pub capped: u64,
}

impl LateCap {
    /// A cap for what will be written with `target`.
    pub fn new(target: Capabilities) -> Self {
        Self { target, capped: 0 }
    }

    /// The deletion, capped.
    pub fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime {
        if deletion.is_live() {
            return deletion;
        }
        DeletionTime { local_deletion_time: self.time(deletion.local_deletion_time), ..deletion }
    }

    /// Encodes `row`, capped, into `out`, against its own header.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn row(
        &mut self,
        row: RowRef<'_>,
        builder: &mut RowBuilder,
        out: &mut RowBuf,
    ) -> Result<(), DecodeError> {
        encode_retimed(row, self, builder, out)
    }

    /// The ttl stays: Cassandra caps the second of expiration alone.
    fn time(&mut self, time: LocalDeletionTime) -> LocalDeletionTime {
        if !self.target.is_late(time) {
            return time;
        }
        self.capped += 1;
        self.target.latest_deletion_time()
    }
}

impl Retime for LateCap {
    fn liveness(&mut self, liveness: LivenessInfo) -> LivenessInfo {
        if !liveness.is_expiring() {
            return liveness;
        }
        LivenessInfo { local_expiration_time: self.time(liveness.local_expiration_time), ..liveness }
    }

    fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime {
        LateCap::deletion(self, deletion)
    }

    fn cell<'a>(&mut self, cell: Cell<'a>) -> Cell<'a> {
        Cell { local_deletion_time: self.time(cell.local_deletion_time), ..cell }
    }
}
