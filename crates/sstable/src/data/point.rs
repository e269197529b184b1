//! Single rows and partition heads, for point reads, with buffers that are reused.

use std::cmp::Ordering;

use helenus_rows::{ClusteringComparator, DeletionTime, Position, RowRef, Unfiltered};

use super::frame::{Head, Step, next_item};
use super::window::Window;
use crate::error::SsTableError;
use crate::index::{PartitionAt, SearchKey};
use crate::table::SsTable;

/// Looks for single rows. Its buffers are used again by the next lookup, in whatever table: once
/// they have their size, a lookup allocates nothing but chunks that the cache lacks.
///
/// What a lookup shows lives in the reader until the next one: to hold the rows of several tables
/// at once, take as many readers.
#[derive(Debug, Default)]
pub struct RowReader {
    window: Option<Window>,
    head: Head,
    comparable: Vec<u8>,
}

/// A table's data of a partition apart from its rows.
#[derive(Clone, Copy, Debug)]
pub struct PartitionPoint<'a> {
    /// Deletion of the whole partition, or live.
    pub deletion: DeletionTime,
    /// The static row, unless it is empty.
    pub static_row: Option<RowRef<'a>>,
}

/// A table's data at a row's place.
#[derive(Clone, Copy, Debug)]
pub struct RowPoint<'a> {
    /// Deletion of the whole partition, or live.
    pub partition_deletion: DeletionTime,
    /// The range deletion that covers the place, or live.
    pub range_deletion: DeletionTime,
    /// The row.
    pub row: Option<RowRef<'a>>,
}

impl RowReader {
    /// A reader without buffers yet.
    #[must_use]
    pub fn new() -> RowReader {
        RowReader::default()
    }

    /// Deletion and static row of a partition; `None` if the table does not hold it.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn partition<'a>(
        &'a mut self,
        table: &'a SsTable,
        key: &SearchKey,
    ) -> Result<Option<PartitionPoint<'a>>, SsTableError> {
        if !table.may_hold(key) {
            return Ok(None);
        }
        let Some(at) = table.index().find(key)? else { return Ok(None) };
        if let Some(index) = at.row_index
            && table.header().statics.is_empty()
        {
            return Ok(Some(PartitionPoint { deletion: index.deletion, static_row: None }));
        }
        if !self.read_head(table, key, at)? {
            return Ok(None);
        }
        let static_row = self.head.static_row(table.header());
        Ok(Some(PartitionPoint { deletion: self.head.deletion, static_row }))
    }

    /// The row of `clustering` (encoded values, all of them) and the deletions that cover it;
    /// `None` if the table does not hold the partition. `order` as in [`SsTable::partition`].
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn row<'a>(
        &'a mut self,
        table: &'a SsTable,
        key: &SearchKey,
        clustering: &[u8],
        order: &ClusteringComparator,
    ) -> Result<Option<RowPoint<'a>>, SsTableError> {
        if !table.may_hold(key) {
            return Ok(None);
        }
        let Some(at) = table.index().find(key)? else { return Ok(None) };
        let header = &**table.header();
        let sought = Position::row(order, clustering);
        let (mut next, mut range_deletion, partition_deletion) = match at.row_index {
            Some(index) => {
                let block = table.index().floor(index, sought, order, &mut self.comparable)?;
                (at.data.saturating_add(block.offset), block.open_deletion, index.deletion)
            }
            None if self.read_head(table, key, at)? => {
                (self.head.body, DeletionTime::LIVE, self.head.deletion)
            }
            None => return Ok(None),
        };
        let window = window_of(&mut self.window, table);
        let found = loop {
            let Step::Item(item, behind) = next_item(window, header, key.key(), next)? else { break None };
            match order.compare(item.get(header, window).position(), sought) {
                Ordering::Less => range_deletion = item.open_after().unwrap_or(range_deletion),
                Ordering::Equal => break Some(item),
                Ordering::Greater => break None,
            }
            next = behind;
        };
        let window = &*window;
        let row = match found.map(|item| item.get(header, window)) {
            Some(Unfiltered::Row(row)) => Some(row),
            _ => None,
        };
        Ok(Some(RowPoint { partition_deletion, range_deletion, row }))
    }

    /// Whether the table holds the partition, for sure.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn contains(&mut self, table: &SsTable, key: &SearchKey) -> Result<bool, SsTableError> {
        if !table.may_hold(key) {
            return Ok(false);
        }
        match table.index().find(key)? {
            None => Ok(false),
            Some(at) if at.is_certain => Ok(true),
            Some(at) => self.read_head(table, key, at),
        }
    }

    /// Reads the head of the partition at `at`; false if it is another key's.
    fn read_head(&mut self, table: &SsTable, key: &SearchKey, at: PartitionAt) -> Result<bool, SsTableError> {
        let window = window_of(&mut self.window, table);
        self.head.read(window, table.header(), key.key(), at.data)?;
        self.head.is_of(key, at, window, table.header(), table.index())
    }
}

/// The reader's window, turned to the table.
fn window_of<'a>(window: &'a mut Option<Window>, table: &SsTable) -> &'a mut Window {
    let window = window.get_or_insert_with(|| table.cached_window());
    table.turn(window);
    window
}
