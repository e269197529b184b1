//! Purges a merged stream (`db.partitions.PurgeFunction`, `db.rows.BTreeRow.purge`).

use std::sync::Arc;

use helenus_types::{DecodeError, LocalDeletionTime, Timestamp};

use crate::cell::Cell;
use crate::clustering::BoundKind;
use crate::codec::{CellEvent, CellReader, MarkerRef, RowBuf, RowBuilder, RowRef, Unfiltered};
use crate::deletion::DeletionTime;
use crate::header::{Columns, Header};
use crate::liveness::LivenessInfo;
use crate::stream::{Direction, PartitionRef, RowError, StreamError, UnfilteredStream};

/// Which tombstones of a partition shadow nothing outside the compaction's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purgeable {
    /// All: no other source has the partition.
    All,
    /// Those with a timestamp below this one, the smallest that another source has.
    Below(Timestamp),
    /// None.
    Nothing,
}

impl Purgeable {
    /// Whether a tombstone of that timestamp may go.
    #[inline]
    #[must_use]
    pub fn allows(self, timestamp: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Below(limit) => timestamp < limit,
            Self::Nothing => false,
        }
    }
}

/// Decides which tombstones of a partition may be purged
/// (`CompactionController.getPurgeEvaluator`). Called at most once per partition, when a tombstone
/// is old enough.
pub trait Purger {
    /// Which of that partition's tombstones may be purged.
    fn purgeable(&mut self, partition: &PartitionRef<'_>) -> Purgeable;
}

impl<F: FnMut(&PartitionRef<'_>) -> Purgeable> Purger for F {
    fn purgeable(&mut self, partition: &PartitionRef<'_>) -> Purgeable {
        self(partition)
    }
}

/// The time limits of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeOptions {
    /// The second of now: what expires up to it has expired.
    pub now: u32,
    /// Tombstones made before this second may go: now less the grace, and not after the oldest
    /// tombstone that isn't repaired where only repaired ones may go.
    pub gc_before: u32,
    /// Rows live by their liveness alone (materialized views).
    pub strict_liveness: bool,
}

/// Drops unneeded tombstones from a merged stream, and turns expired cells into tombstones. Empty
/// partitions are skipped. A row from which nothing is dropped passes untouched.
#[derive(Debug)]
pub struct Purge<S, P> {
    source: S,
    purger: P,
    options: PurgeOptions,
    /// The purger's answer for the current partition.
    purgeable: Option<Purgeable>,
    deletion: DeletionTime,
    static_shown: Shown,
    shown: Shown,
    /// Whether the source is already at the next unfiltered.
    is_ahead: bool,
    builder: RowBuilder,
    static_row: RowBuf,
    row: RowBuf,
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    Source,
    Purged,
    Marker { kind: BoundKind, close: DeletionTime, open: DeletionTime },
}

impl<S: UnfilteredStream, P: Purger> Purge<S, P> {
    /// Purges `source`, a stream in which shadowed data is gone already.
    pub fn new(source: S, options: PurgeOptions, purger: P) -> Self {
        Self {
            source,
            purger,
            options,
            purgeable: None,
            deletion: DeletionTime::LIVE,
            static_shown: Shown::Nothing,
            shown: Shown::Nothing,
            is_ahead: false,
            builder: RowBuilder::default(),
            static_row: RowBuf::default(),
            row: RowBuf::default(),
        }
    }

    /// The source and the purger.
    pub fn into_inner(self) -> (S, P) {
        (self.source, self.purger)
    }

    fn find_partition(&mut self) -> Result<bool, StreamError> {
        while self.source.next_partition()? {
            self.purgeable = None;
            self.shown = Shown::Nothing;
            self.is_ahead = false;
            let partition = self.source.partition();
            let mut judge = Judge {
                options: self.options,
                known: &mut self.purgeable,
                purger: &mut self.purger,
                partition,
            };
            self.deletion = judge.deletion(partition.deletion);
            self.static_shown = match self.source.static_row() {
                None => Shown::Nothing,
                Some(row) => {
                    let error = |error| RowError::new(row.header, partition.key, &[], error);
                    purge_row(&mut judge, row, &mut self.builder, &mut self.static_row).map_err(error)?
                }
            };
            if !self.deletion.is_live() || !matches!(self.static_shown, Shown::Nothing) {
                return Ok(true);
            }
            if self.find_unfiltered()? {
                self.is_ahead = true;
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[inline]
    fn find_unfiltered(&mut self) -> Result<bool, StreamError> {
        while self.source.advance()? {
            let Some(unfiltered) = self.source.current() else {
                unreachable!("no unfiltered where one was announced")
            };
            let partition = self.source.partition();
            let mut judge = Judge {
                options: self.options,
                known: &mut self.purgeable,
                purger: &mut self.purger,
                partition,
            };
            self.shown = match unfiltered {
                Unfiltered::Row(row) => purge_row(&mut judge, row, &mut self.builder, &mut self.row)
                    .map_err(|error| RowError::new(row.header, partition.key, row.clustering, error))?,
                Unfiltered::Marker(marker) => purge_marker(&mut judge, &marker),
            };
            if !matches!(self.shown, Shown::Nothing) {
                return Ok(true);
            }
        }
        self.shown = Shown::Nothing;
        Ok(false)
    }

    fn end(&mut self) {
        self.shown = Shown::Nothing;
        self.static_shown = Shown::Nothing;
        self.is_ahead = false;
    }
}

impl<S: UnfilteredStream, P: Purger> UnfilteredStream for Purge<S, P> {
    fn header(&self) -> &Arc<Header> {
        self.source.header()
    }

    fn direction(&self) -> Direction {
        self.source.direction()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        let found = self.find_partition();
        if !matches!(found, Ok(true)) {
            self.end();
        }
        found
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef { deletion: self.deletion, ..self.source.partition() }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        match self.static_shown {
            Shown::Source => self.source.static_row(),
            Shown::Purged => Some(self.static_row.as_ref(self.source.header())),
            Shown::Nothing | Shown::Marker { .. } => None,
        }
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, StreamError> {
        if self.is_ahead {
            self.is_ahead = false;
            return Ok(true);
        }
        let found = self.find_unfiltered();
        if found.is_err() {
            self.end();
        }
        found
    }

    #[inline]
    fn current(&self) -> Option<Unfiltered<'_>> {
        match self.shown {
            _ if self.is_ahead => None,
            Shown::Nothing => None,
            Shown::Source => self.source.current(),
            Shown::Purged => Some(Unfiltered::Row(self.row.as_ref(self.source.header()))),
            Shown::Marker { kind, close, open } => {
                let Some(Unfiltered::Marker(marker)) = self.source.current() else {
                    unreachable!("the source stands on the marker that is shown")
                };
                let bound = crate::clustering::Bound { kind, ..marker.bound };
                Some(Unfiltered::Marker(MarkerRef { bound, close, open }))
            }
        }
    }
}

/// Decides about the tombstones of one partition.
struct Judge<'a, P> {
    options: PurgeOptions,
    known: &'a mut Option<Purgeable>,
    purger: &'a mut P,
    partition: PartitionRef<'a>,
}

impl<P: Purger> Judge<'_, P> {
    /// `PurgeFunction.shouldPurge`.
    #[inline]
    fn goes(&mut self, timestamp: Timestamp, local_deletion_time: LocalDeletionTime) -> bool {
        local_deletion_time.0 < self.options.gc_before && {
            let purgeable = self.known.get_or_insert_with(|| self.purger.purgeable(&self.partition));
            purgeable.allows(timestamp)
        }
    }

    /// The deletion, or live if it is purged.
    #[inline]
    fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime {
        let goes =
            !deletion.is_live() && self.goes(deletion.marked_for_delete_at, deletion.local_deletion_time);
        if goes { DeletionTime::LIVE } else { deletion }
    }

    /// An expired liveness is purged by its expiration alone, so it outlives the cells of its row.
    fn liveness(&mut self, liveness: LivenessInfo) -> LivenessInfo {
        let goes = !liveness.is_empty()
            && !liveness.is_live(self.options.now)
            && self.goes(liveness.timestamp, liveness.local_expiration_time);
        if goes { LivenessInfo::EMPTY } else { liveness }
    }

    /// The rest of a cell. An expired one has served as a tombstone since it was written, so it
    /// becomes the tombstone of that second, which may be old enough to be purged at once.
    #[inline]
    fn cell<'c>(&mut self, cell: Cell<'c>) -> Option<Cell<'c>> {
        if cell.is_live(self.options.now) {
            return Some(cell);
        }
        if self.goes(cell.timestamp, cell.local_deletion_time) {
            return None;
        }
        if !cell.is_expiring() {
            return Some(cell);
        }
        let written = LocalDeletionTime(cell.local_deletion_time.0.wrapping_sub(cell.ttl));
        if self.goes(cell.timestamp, written) {
            return None;
        }
        Some(Cell::tombstone(cell.timestamp, written).at_path(cell.path))
    }
}

fn purge_marker<P: Purger>(judge: &mut Judge<'_, P>, marker: &MarkerRef<'_>) -> Shown {
    let (close, open) = (judge.deletion(marker.close), judge.deletion(marker.open));
    let side = marker.bound.kind.side();
    let kind = match (close.is_live(), open.is_live()) {
        (true, true) => return Shown::Nothing,
        (false, false) => return Shown::Source,
        (true, false) => BoundKind::start(side),
        (false, true) => BoundKind::end(side),
    };
    if kind == marker.bound.kind { Shown::Source } else { Shown::Marker { kind, close, open } }
}

fn purge_row<P: Purger>(
    judge: &mut Judge<'_, P>,
    row: RowRef<'_>,
    builder: &mut RowBuilder,
    out: &mut RowBuf,
) -> Result<Shown, DecodeError> {
    if !must_change(judge, row)? {
        return Ok(Shown::Source);
    }
    let cells = row.cells()?;
    let mut liveness = judge.liveness(cells.liveness());
    if cells.deletion().deletes(liveness.timestamp) {
        liveness = LivenessInfo::EMPTY;
    }
    let deletion = judge.deletion(cells.deletion());
    if judge.options.strict_liveness && liveness.is_empty() && deletion.is_live() {
        return Ok(Shown::Nothing);
    }
    builder.start(liveness, deletion, cells.is_shadowable());
    purge_cells(judge, cells, row.header, row.columns(), builder)?;
    if builder.is_empty() {
        return Ok(Shown::Nothing);
    }
    out.clustering.clear();
    out.clustering.extend_from_slice(row.clustering);
    builder.finish(row.header, row.is_static(), out);
    Ok(Shown::Purged)
}

/// Whether something in the row is purged or becomes a tombstone. With strict liveness, whether
/// anything in it is dead (`BTreeRow.hasDeletion`), since then the row itself may be.
#[inline]
fn must_change<P: Purger>(judge: &mut Judge<'_, P>, row: RowRef<'_>) -> Result<bool, DecodeError> {
    let mut cells = row.cells()?;
    let PurgeOptions { now, strict_liveness: strict, .. } = judge.options;
    let (liveness, deletion) = (cells.liveness(), cells.deletion());
    if !deletion.is_live() && (strict || judge.deletion(deletion).is_live()) {
        return Ok(true);
    }
    let has_expired = liveness.is_expiring() && liveness.local_expiration_time.0 <= now;
    if has_expired && (strict || judge.liveness(liveness).is_empty()) {
        return Ok(true);
    }
    while let Some(event) = cells.next()? {
        let changes = match event {
            CellEvent::Complex { deletion, .. } => {
                !deletion.is_live() && (strict || judge.deletion(deletion).is_live())
            }
            CellEvent::Simple { cell, .. } | CellEvent::Element { cell, .. } => {
                !cell.is_live(now)
                    && (strict || cell.is_expiring() || judge.goes(cell.timestamp, cell.local_deletion_time))
            }
        };
        if changes {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps the cells that stay. Cells that the row's own deletions shadow, which only a foreign
/// writer leaves, are dropped here: it must not come back when they are purged.
fn purge_cells<P: Purger>(
    judge: &mut Judge<'_, P>,
    mut cells: CellReader<'_>,
    header: &Header,
    columns: &Columns,
    builder: &mut RowBuilder,
) -> Result<(), DecodeError> {
    let own = cells.deletion();
    let mut shadow = own;
    let mut pending = None;
    while let Some(event) = cells.next()? {
        match event {
            CellEvent::Simple { column, cell } => {
                if !own.deletes(cell.timestamp)
                    && let Some(cell) = judge.cell(cell)
                {
                    builder.simple(header, columns, column, &cell);
                }
            }
            CellEvent::Complex { column, deletion, .. } => {
                shadow = own.merge(deletion);
                let deletion = judge.deletion(deletion);
                pending = deletion.is_live().then_some(column);
                if pending.is_none() {
                    builder.complex(column, deletion);
                }
            }
            CellEvent::Element { cell, .. } => {
                if !shadow.deletes(cell.timestamp)
                    && let Some(cell) = judge.cell(cell)
                {
                    if let Some(column) = pending.take() {
                        builder.complex(column, DeletionTime::LIVE);
                    }
                    builder.element(header, &cell);
                }
            }
        }
    }
    Ok(())
}
