//! Rows of other headers, or of another version, into those of the table that is written.

use std::sync::Arc;

use helenus_rows::{ColumnMap, DeletionTime, Header, LateCap, RowBuf, RowBuilder, RowMerger, RowRef};
use helenus_types::{DecodeError, LocalDeletionTime};

use super::options::LateDeletionTimes;

/// Encodes rows as the table has them; copies those that it has already so.
#[derive(Debug)]
pub(super) struct Transcoder {
    /// The header that the table's rows are encoded against.
    target: Arc<Header>,
    late: LateDeletionTimes,
    /// The header that was met last, and the way from it.
    from: Option<(Arc<Header>, ColumnMap)>,
    cap: LateCap,
    builder: RowBuilder,
    capped: RowBuf,
    merger: RowMerger,
    row: RowBuf,
}

/// Why a row has no place in the table.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Its bytes are not a row's.
    Damaged(DecodeError),
    /// A local deletion time later than the version holds.
    Late(LocalDeletionTime),
}

impl From<DecodeError> for Unfit {
    fn from(error: DecodeError) -> Unfit {
        Unfit::Damaged(error)
    }
}

impl Transcoder {
    pub(super) fn new(target: Arc<Header>, late: LateDeletionTimes) -> Transcoder {
        Transcoder {
            cap: LateCap::new(target.capabilities),
            target,
            late,
            from: None,
            builder: RowBuilder::default(),
            capped: RowBuf::default(),
            merger: RowMerger::default(),
            row: RowBuf::default(),
        }
    }

    /// Deletions, livenesses and cells whose local deletion time was capped.
    pub(super) fn capped(&self) -> u64 {
        self.cap.capped
    }

    /// Prepares for rows of a stream.
    pub(super) fn expect(&mut self, from: &Arc<Header>) {
        let is_known = self.from.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, from));
        if !Arc::ptr_eq(from, &self.target) && !is_known {
            self.from = Some((Arc::clone(from), ColumnMap::new(from, &self.target, &[])));
        }
    }

    /// A deletion of a partition or range in the table's form.
    #[inline]
    pub(super) fn deletion(&mut self, deletion: DeletionTime) -> Result<DeletionTime, Unfit> {
        let late = !deletion.is_live() && self.target.capabilities.is_late(deletion.local_deletion_time);
        match self.late {
            _ if !late => Ok(deletion),
            LateDeletionTimes::Refuse => Err(Unfit::Late(deletion.local_deletion_time)),
            LateDeletionTimes::Cap => Ok(self.cap.deletion(deletion)),
        }
    }

    /// The row in the table's encoding; `None` if it holds nothing in the columns that the table
    /// has.
    #[inline]
    pub(super) fn row<'a>(&'a mut self, row: RowRef<'a>) -> Result<Option<RowRef<'a>>, Unfit> {
        if row.is_empty()? {
            return Ok(None);
        }
        if std::ptr::eq(row.header, &raw const *self.target) && !row.is_of_scylla() {
            return Ok(Some(row));
        }
        self.other_row(row)
    }

    fn other_row<'a>(&'a mut self, mut row: RowRef<'a>) -> Result<Option<RowRef<'a>>, Unfit> {
        if !self.from.as_ref().is_some_and(|(known, _)| std::ptr::eq(&raw const **known, row.header)) {
            let from = Arc::new(row.header.clone());
            self.from = Some((Arc::clone(&from), ColumnMap::new(&from, &self.target, &[])));
        }
        let Some((_, map)) = &self.from else { unreachable!("the way from the row's header is known now") };
        let target = &*self.target;
        let source = row.header.capabilities;
        if source.unsigned_deletion_times
            && !target.capabilities.unsigned_deletion_times
            && let Some(late) = row.late_deletion_time(target.capabilities)?
        {
            if self.late == LateDeletionTimes::Refuse {
                return Err(Unfit::Late(late));
            }
            self.cap.row(row, &mut self.builder, &mut self.capped)?;
            row = self.capped.as_ref(row.header);
        }
        let copy = RowRef { header: target, ..row };
        // What an old release left invalid has another form where deletion times are unsigned: such
        // a row is encoded again. The other way nothing is late any more.
        let passes = map.passes_through()
            || (map.passes_portable_through() && (source.unsigned_deletion_times || copy.is_portable()?));
        if passes && !copy.is_of_scylla() {
            return Ok(Some(copy));
        }
        let is_left = self.merger.transcode(row, map, target, &mut self.row)?;
        Ok(is_left.then(|| self.row.as_ref(target)))
    }
}
