//! Buffers of reads of single rows: they belong to the view that is read.

use std::sync::Arc;

use helenus_rows::{ColumnFilter, RowBuf, RowMerger};
use helenus_sstable::{RowReader, SearchKey};

use crate::pool::Pool;

/// The number of sets of buffers that are kept; further concurrent readers make their own.
const KEPT: usize = 16;

/// Buffers of point reads, used again and again.
#[derive(Debug, Default)]
pub(crate) struct PointReader {
    pub(super) readers: Vec<RowReader>,
    pub(super) merger: RowMerger,
    pub(super) row: RowBuf,
    pub(super) has_row: bool,
    pub(super) static_row: RowBuf,
    pub(super) has_static: bool,
    /// The columns that are wanted; all without.
    pub(super) wanted: Option<Arc<ColumnFilter>>,
}

impl PointReader {
    /// From now on reads only what decides whether a row is visible, and these columns.
    pub(crate) fn set_wanted(&mut self, wanted: Option<Arc<ColumnFilter>>) {
        self.merger.set_wanted(wanted.clone());
        self.wanted = wanted;
    }
}

/// The buffers of lookups that are not in use. They belong to a view: they hold on to its SSTables'
/// files and to chunks of them, and go with it.
#[derive(Debug)]
pub(crate) struct Lookups(Pool<Box<LookupBuffers>>);

impl Default for Lookups {
    fn default() -> Self {
        Self(Pool::new(KEPT))
    }
}

impl Lookups {
    /// Buffers that are not in use.
    pub(super) fn take(&self) -> Option<Box<LookupBuffers>> {
        self.0.take()
    }

    /// Takes buffers back.
    pub(super) fn give(&self, buffers: Box<LookupBuffers>) {
        self.0.give(buffers);
    }
}

/// The buffers of one lookup.
#[derive(Debug)]
pub(super) struct LookupBuffers {
    pub(super) key: SearchKey,
    pub(super) reader: PointReader,
}
