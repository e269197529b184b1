//! Reading a partition backwards: block by block, each read forwards and replayed from the places
//! of its rows.

use helenus_rows::{Bound, DeletionTime, ShownKey};

use super::frame::{Step, next_item};
use super::partition::PartitionStream;
use crate::error::SsTableError;

impl PartitionStream {
    /// Reads the block where the present slice ends, up to there; the range deletion that is open
    /// at the end.
    pub(super) fn read_last_block(&mut self) -> Result<DeletionTime, SsTableError> {
        let (mut start, mut open) = (self.head.body, DeletionTime::LIVE);
        if let Some(row_index) = self.at.row_index {
            let index = self.table.index();
            let mut cursor = index.blocks(row_index);
            let mut comparable = std::mem::take(&mut self.comparable);
            let end = self.slice().map_or(Bound::TOP, |slice| slice.end);
            let sought = cursor.seek(index, end.position(), &self.order, &mut comparable);
            self.comparable = comparable;
            let block = sought?;
            start = self.at.data.saturating_add(block.offset);
            open = block.open_deletion;
            self.backwards.cursor = Some(cursor);
        }
        self.backwards.start = start;
        self.read_block(start, None, open)
    }

    /// Reads the block before the present one; false when that was the first.
    pub(super) fn read_previous_block(&mut self) -> Result<bool, SsTableError> {
        let end = self.backwards.start;
        let Some(cursor) = &mut self.backwards.cursor else { return Ok(false) };
        let Some(block) = cursor.previous(self.table.index())? else { return Ok(false) };
        let start = self.at.data.saturating_add(block.offset);
        if start >= end {
            return Err(self.no_block());
        }
        self.backwards.start = start;
        self.read_block(start, Some(end), block.open_deletion)?;
        Ok(true)
    }

    /// Collects the items from `start` on, up to a position in the data, or without one to the end
    /// of the current slice or the partition; returns the range deletion that is open there.
    fn read_block(
        &mut self,
        start: u64,
        end: Option<u64>,
        mut open: DeletionTime,
    ) -> Result<DeletionTime, SsTableError> {
        let mut items = std::mem::take(&mut self.backwards.items);
        items.clear();
        self.window.hold(Some(start));
        if let Some(end) = end {
            let len = usize::try_from(end - start).unwrap_or(usize::MAX);
            self.window.need_in(start, len, ShownKey::new(self.table.header(), &self.head.key))?;
        }
        let mut at = start;
        while end.is_none_or(|end| at < end) {
            let step = next_item(&mut self.window, self.table.header(), &self.head.key, at)?;
            let Step::Item(item, next) = step else { break };
            if end.is_none() && !self.is_before_end(&item) {
                break;
            }
            open = item.open_after().unwrap_or(open);
            items.push(item);
            at = next;
        }
        self.backwards.items = items;
        Ok(open)
    }

    #[cold]
    fn no_block(&self) -> SsTableError {
        let error =
            helenus_types::DecodeError::new(0, "blocks in ascending order", "none, or one out of order");
        self.table.index().damaged_rows(error)
    }
}
