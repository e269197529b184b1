//! The rows of a page that is read bit by bit.

use std::sync::Arc;

use helenus_engine::{RowPosition, Rows};

use super::page::{Limits, PageState};
use super::selection::Selectors;
use crate::error::CqlResult;
use crate::execution::{DetachedRun, StatementRun};
use crate::response::{MoreRows, RowBuffer};
use crate::restrictions::{PartitionChoice, Restrictions};

/// A query of the engine whose rows make a page, or all pages.
#[derive(Debug)]
pub(super) struct PageRows {
    pub(super) selectors: Arc<Selectors>,
    pub(super) restrictions: Arc<Restrictions>,
    pub(super) distinct: bool,
    pub(super) cursor: Rows,
    pub(super) limits: Limits,
    /// Rows that the statement's LIMIT leaves, when the page begins.
    pub(super) left: u64,
    /// Rows of the page so far.
    pub(super) shown: u64,
}

/// The same after its statement was answered.
#[derive(Debug)]
pub(super) struct DetachedRows {
    page: PageRows,
    run: DetachedRun,
}

impl PageRows {
    /// Appends rows until the buffer is full; false after the last.
    pub(super) fn fill(&mut self, run: &StatementRun<'_>, buffer: &mut RowBuffer) -> CqlResult<bool> {
        let evaluation = self.selectors.evaluation(run)?;
        while let Some(row) = self.cursor.next()? {
            self.selectors.append(&evaluation, &row, buffer)?;
            self.shown += 1;
            if buffer.is_full() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where the next page begins.
    pub(super) fn paging_state(&self, run: &StatementRun<'_>) -> CqlResult<Option<Vec<u8>>> {
        // A page that isn't full is the last one.
        let left = self.left - self.shown;
        if left == 0 || self.shown != self.limits.page {
            return Ok(None);
        }
        let Some(position) = self.cursor.position() else { return Ok(None) };
        let last = self.last_key(run)?;
        let is_last = self.is_last(&position, last.as_deref());
        Ok((!is_last).then(|| PageState { left, of_partition: 0, position }.to_bytes()))
    }

    /// The last of the partitions that are named by their keys.
    fn last_key(&self, run: &StatementRun<'_>) -> CqlResult<Option<Vec<u8>>> {
        let PartitionChoice::Keys(keys) = self.restrictions.partitions(run)? else { return Ok(None) };
        Ok(keys.last().map(|key| match key.as_slice() {
            [one] => one.clone(),
            several => {
                let length = |part: &Vec<u8>| u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
                several.iter().flat_map(|part| [&length(part)[..], part, &[0]].concat()).collect()
            }
        }))
    }

    /// Whether it is known that no row comes after that position, as Cassandra's pagers know it.
    fn is_last(&self, position: &RowPosition, last: Option<&[u8]>) -> bool {
        let is_done = self.distinct
            || position.clustering().is_none()
            || self.restrictions.table.schema().shown_clustering().is_empty()
            || position.shown_of_partition() >= self.limits.per_partition;
        is_done && last == Some(position.partition_key())
    }

    /// With what the rest of it needs of its execution.
    pub(super) fn detach(self, run: &StatementRun<'_>) -> DetachedRows {
        DetachedRows { page: self, run: run.detach() }
    }
}

impl MoreRows for DetachedRows {
    fn fill(&mut self, buffer: &mut RowBuffer) -> CqlResult<bool> {
        self.page.fill(&self.run.as_run(), buffer)
    }

    fn paging_state(&mut self) -> CqlResult<Option<Vec<u8>>> {
        self.page.paging_state(&self.run.as_run())
    }
}
