//! A stream of what a view holds.

use std::sync::Arc;

use helenus_rows::{
    Direction, Header, Merge, PartitionRef, RowRef, StreamError, Unfiltered, UnfilteredStream,
};

use crate::engine::{Source, View};

/// A merged stream, with the view that it is of: a partition's rows hold on to memory of a memtable
/// without holding the memtable, and a scan to files of an SSTable without holding that, and only
/// these are counted.
#[derive(Debug)]
pub(super) struct ViewStream {
    merge: Merge<Source>,
    _view: Arc<View>,
}

impl ViewStream {
    pub(super) fn new(merge: Merge<Source>, view: Arc<View>) -> Self {
        Self { merge, _view: view }
    }
}

impl UnfilteredStream for ViewStream {
    fn header(&self) -> &Arc<Header> {
        self.merge.header()
    }

    fn direction(&self) -> Direction {
        self.merge.direction()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.merge.next_partition()
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.merge.partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.merge.static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        self.merge.advance()
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.merge.current()
    }
}
