//! The part of a merged row that a query sees at a given second
//! (`db.rows.AbstractRow.hasLiveData`).

use helenus_types::{DecodeError, LocalDeletionTime};

use crate::cell::Cell;
use crate::codec::{CellEvent, CellReader, RowRef, flag};
use crate::counter::CounterContext;
use crate::deletion::DeletionTime;
use crate::liveness::LivenessInfo;

/// A row's visible part: its cells in the order of the columns, those of a complex column by path.
///
/// The row's own deletion and its complex deletions are applied here, so that a row is read rightly
/// that comes from one file whose writer had left shadowed cells in it. (The merge lets a single
/// version pass without a look into it.) Deletions around the row have done their work in the
/// merge.
#[derive(Clone, Debug)]
pub struct LiveRow<'a> {
    cells: CellReader<'a>,
    now: u32,
    liveness: LivenessInfo,
    deletion: DeletionTime,
    /// The deletion that shadows the elements of the current complex column.
    shadow: DeletionTime,
}

impl<'a> LiveRow<'a> {
    /// The row at second `now`; `None` when a query doesn't see it: neither its liveness nor,
    /// unless `strict_liveness`, any of its cells is live.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    #[inline]
    pub fn new(row: RowRef<'a>, now: u32, strict_liveness: bool) -> Result<Option<Self>, DecodeError> {
        let live = Self::of_any(row, now)?;
        if live.liveness.is_live(now) {
            return Ok(Some(live));
        }
        let is_visible = !strict_liveness && live.clone().next()?.is_some();
        Ok(is_visible.then_some(live))
    }

    /// Whether [`LiveRow::new`] gives a row.
    ///
    /// # Errors
    /// As there; cells are not decoded if the flags already answer the question.
    #[inline]
    pub fn is_visible(row: &RowRef<'a>, now: u32, strict_liveness: bool) -> Result<bool, DecodeError> {
        // The usual row: a marker that neither expires nor is deleted.
        const ASKED: u8 = flag::HAS_TIMESTAMP | flag::HAS_TTL | flag::HAS_DELETION | flag::EXTENSION;
        if row.flags & ASKED == flag::HAS_TIMESTAMP {
            return Ok(true);
        }
        Ok(Self::new(*row, now, strict_liveness)?.is_some())
    }

    /// As [`LiveRow::new`], for a row whose visible cells are shown in any case: a static row.
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::inline_always, reason = "moving a reader takes longer than making one")]
    #[inline(always)]
    pub fn of_any(row: RowRef<'a>, now: u32) -> Result<Self, DecodeError> {
        let cells = row.cells()?;
        let mut liveness = cells.liveness();
        let mut deletion = cells.deletion();
        if cells.is_shadowable() && liveness.timestamp > deletion.marked_for_delete_at {
            deletion = DeletionTime::LIVE;
        }
        if deletion.deletes(liveness.timestamp) {
            liveness = LivenessInfo::EMPTY;
        }
        Ok(Self { cells, now, liveness, deletion, shadow: deletion })
    }

    /// The row's marker, if it has one that its own deletion left; it may have expired.
    #[inline]
    pub fn liveness(&self) -> LivenessInfo {
        self.liveness
    }

    /// The next visible cell and the index of its column; `None` after the last. The cells of a
    /// complex column follow one another.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<(usize, Cell<'a>)>, DecodeError> {
        while let Some(event) = self.cells.next()? {
            let (column, cell, shadow) = match event {
                CellEvent::Simple { column, cell } => (column, cell, self.deletion),
                CellEvent::Element { column, cell } => (column, cell, self.shadow),
                CellEvent::Complex { deletion, .. } => {
                    self.shadow = self.deletion.merge(deletion);
                    continue;
                }
            };
            if cell.is_live(self.now) && !shadow.deletes(cell.timestamp) {
                return Ok(Some((column, cell)));
            }
        }
        Ok(None)
    }
}

impl Cell<'_> {
    /// The value of a counter's cell.
    ///
    /// # Errors
    /// When it is no counter context.
    pub fn counter_total(&self) -> Result<i64, DecodeError> {
        Ok(CounterContext::parse(self.value)?.total())
    }

    /// Seconds that an expiring cell has left at `now`: the result of the CQL function TTL.
    #[inline]
    pub fn remaining_ttl(&self, now: u32) -> Option<u32> {
        let expires = self.is_expiring() && self.local_deletion_time != LocalDeletionTime::NONE;
        expires.then(|| self.local_deletion_time.0.saturating_sub(now))
    }
}
