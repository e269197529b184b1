//! Slices of one partition as a stream, in either direction.
//!
//! The row index, where the partition has one, leads to the first block of each slice; without it
//! the partition is read from its start. Reads go through the chunk cache.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, DeletionTime, Direction, Header, MarkerRef, PartitionRef, RowRef,
    Slice, Slices, StreamError, Unfiltered, UnfilteredStream,
};

use super::frame::{Head, Item, Step, next_item};
use super::window::Window;
use crate::error::SsTableError;
use crate::index::{Blocks, PartitionAt, SearchKey};
use crate::table::SsTable;

/// Slices of one partition, in either direction, through the chunk cache.
///
/// With a row index only the blocks that the slices touch are read. A range deletion that reaches
/// over an end of a slice is cut there: the stream has a bound at the slice's end in its place, so
/// that it is whole in itself.
#[derive(Debug)]
pub struct PartitionStream {
    pub(super) table: Arc<SsTable>,
    pub(super) window: Window,
    pub(super) head: Head,
    pub(super) at: PartitionAt,
    slices: Slices,
    direction: Direction,
    /// The order in which slices are compared with rows and blocks.
    pub(super) order: ClusteringComparator,
    is_started: bool,
    phase: Phase,
    /// Number of slices that are done with, in the stream's direction.
    slices_done: usize,
    /// Forwards: whether the block of the present slice was looked for.
    is_placed: bool,
    /// Forwards: where the next row or marker begins.
    next: u64,
    /// The range deletion that is open after the last item read, in the stream's direction.
    open: DeletionTime,
    pub(super) backwards: Backwards,
    current: Current,
    /// Byte-comparable bounds, one after the other.
    pub(super) comparable: Vec<u8>,
}

/// The block that is replayed.
#[derive(Debug, Default)]
pub(super) struct Backwards {
    /// Its rows and markers that are still to come, the next one last.
    pub(super) items: Vec<Item>,
    /// Where the block begins.
    pub(super) start: u64,
    /// At the block, for a partition with a row index.
    pub(super) cursor: Option<Blocks>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The present slice has not begun.
    Before,
    /// Its rows are being read.
    Inside,
    /// The partition has ended.
    After,
    /// All are.
    Done,
}

/// The current item.
#[derive(Debug, Clone, Copy)]
enum Current {
    None,
    Item(Item),
    /// A range deletion cut at the start of a slice.
    Start(DeletionTime),
    /// One cut at its end.
    End(DeletionTime),
}

/// Whether a read of a partition's slices wants its static row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticRow {
    /// The stream shows it.
    Wanted,
    /// The stream may leave it out, which can spare a chunk: an index knows where the slices begin.
    Unwanted,
}

impl SsTable {
    /// Slices of the partition of `key`, if the table holds it. A key that the filter excludes is
    /// not looked for.
    ///
    /// `order` compares the slices' ends with the rows: by the types that the clustering columns
    /// have now, which may have more fields than when the table was written. For a table alone it
    /// is its header's.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn partition(
        self: &Arc<Self>,
        key: &SearchKey,
        slices: &Slices,
        direction: Direction,
        static_row: StaticRow,
        order: &ClusteringComparator,
    ) -> Result<Option<PartitionStream>, SsTableError> {
        if !self.may_hold(key) {
            return Ok(None);
        }
        let Some(at) = self.index().find(key)? else { return Ok(None) };
        let mut stream = PartitionStream {
            table: Arc::clone(self),
            window: self.cached_window(),
            head: Head::default(),
            at,
            slices: slices.clone(),
            slices_done: 0,
            direction,
            order: order.clone(),
            is_started: false,
            phase: Phase::Before,
            is_placed: false,
            next: 0,
            open: DeletionTime::LIVE,
            backwards: Backwards::default(),
            current: Current::None,
            comparable: Vec::new(),
        };
        match at.row_index {
            // The index has everything needed, which saves reading a chunk.
            Some(index) if static_row == StaticRow::Unwanted || self.header().statics.is_empty() => {
                stream.head.assign(at.data, key.key(), key.token(), index.deletion);
            }
            _ => {
                stream.head.read(&mut stream.window, self.header(), key.key(), at.data)?;
                if !stream.head.is_of(key, at, &stream.window, self.header(), self.index())? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(stream))
    }
}

impl PartitionStream {
    /// As [`UnfilteredStream::advance`].
    ///
    /// # Errors
    /// Damage or a failed read; the stream is at its end then.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, SsTableError> {
        self.current = Current::None;
        if !self.is_started {
            return Ok(false);
        }
        let moved = match self.direction {
            Direction::Forward => self.advance_forward(),
            Direction::Reverse => self.advance_backward(),
        };
        if moved.is_err() {
            self.phase = Phase::Done;
            self.current = Current::None;
        }
        moved
    }

    fn advance_forward(&mut self) -> Result<bool, SsTableError> {
        loop {
            if self.slice().is_none() {
                return Ok(false);
            }
            if self.phase == Phase::After {
                self.slices_done += 1;
                self.phase = Phase::Before;
                continue;
            }
            if self.phase == Phase::Before && !self.is_placed {
                self.seek()?;
                self.is_placed = true;
            }
            let step = next_item(&mut self.window, self.table.header(), &self.head.key, self.next)?;
            if self.phase == Phase::Before {
                if let Step::Item(item, next) = step
                    && self.is_before_slice(&item)
                {
                    self.pass(&item, next);
                    continue;
                }
                self.phase = Phase::Inside;
                if !self.open.is_live() {
                    self.current = Current::Start(self.open);
                    return Ok(true);
                }
            }
            match step {
                Step::Item(item, next) if self.is_before_end(&item) => {
                    self.pass(&item, next);
                    self.current = Current::Item(item);
                    return Ok(true);
                }
                _ => {
                    self.phase = Phase::After;
                    self.is_placed = false;
                    if !self.open.is_live() {
                        self.current = Current::End(self.open);
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn advance_backward(&mut self) -> Result<bool, SsTableError> {
        loop {
            if self.slice().is_none() {
                return Ok(false);
            }
            match self.phase {
                Phase::Done => return Ok(false),
                Phase::After => {
                    self.slices_done += 1;
                    self.phase = Phase::Before;
                }
                Phase::Before => {
                    self.open = self.read_last_block()?;
                    self.phase = Phase::Inside;
                    if !self.open.is_live() {
                        self.current = Current::End(self.open);
                        return Ok(true);
                    }
                }
                Phase::Inside => {
                    let item = match self.backwards.items.pop() {
                        Some(item) => Some(item),
                        None if self.read_previous_block()? => continue,
                        None => None,
                    };
                    match item {
                        Some(item) if !self.is_before_slice(&item) => {
                            self.open = item.open_before().unwrap_or(self.open);
                            self.current = Current::Item(item);
                            return Ok(true);
                        }
                        _ => self.phase = Phase::After,
                    }
                    if !self.open.is_live() {
                        self.current = Current::Start(self.open);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The current slice, if there is one left.
    #[inline]
    pub(super) fn slice(&self) -> Option<Slice<'_>> {
        if self.phase == Phase::Done {
            return None;
        }
        self.slices.nth(self.slices_done, self.direction)
    }

    /// The slice that the stream stands before, in or after.
    #[inline]
    fn current_slice(&self) -> Slice<'_> {
        let Some(slice) = self.slice() else { unreachable!("a stream with items has a slice left") };
        slice
    }

    /// Goes to the block in which the current slice begins, unless the stream is already in it or
    /// after its start.
    fn seek(&mut self) -> Result<(), SsTableError> {
        let (Some(row_index), Some(slice)) = (self.at.row_index, self.slices.get(self.slices_done)) else {
            return Ok(());
        };
        let sought = slice.start.position();
        let block = self.table.index().floor(row_index, sought, &self.order, &mut self.comparable)?;
        let start = self.at.data.saturating_add(block.offset);
        if start > self.next {
            self.next = start;
            self.open = block.open_deletion;
        }
        Ok(())
    }

    fn pass(&mut self, item: &Item, next: u64) {
        self.open = item.open_after().unwrap_or(self.open);
        self.next = next;
    }

    /// Whether an item is before the current slice. A marker at its start is: its effect is inside.
    #[inline]
    fn is_before_slice(&self, item: &Item) -> bool {
        let Slice { start, .. } = self.current_slice();
        // The bottom comes before everything that is not the bottom itself, which only a marker can
        // be.
        if start.size == 0 && start.kind == BoundKind::InclStart && item.open_after().is_none() {
            return false;
        }
        self.compare(item, start).is_le()
    }

    /// Whether an item is before the end of the current slice.
    #[inline]
    pub(super) fn is_before_end(&self, item: &Item) -> bool {
        let Slice { end, .. } = self.current_slice();
        if end.size == 0 && end.kind == BoundKind::InclEnd && item.open_after().is_none() {
            return true;
        }
        self.compare(item, end).is_lt()
    }

    fn compare(&self, item: &Item, bound: Bound<'_>) -> Ordering {
        self.order.compare(item.get(self.table.header(), &self.window).position(), bound.position())
    }
}

impl UnfilteredStream for PartitionStream {
    fn header(&self) -> &Arc<Header> {
        self.table.header()
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.current = Current::None;
        if self.is_started {
            self.phase = Phase::Done;
            return Ok(false);
        }
        self.is_started = true;
        self.next = self.head.body;
        Ok(true)
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef { token: self.head.token, key: &self.head.key, deletion: self.head.deletion }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.head.static_row(self.table.header())
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, StreamError> {
        PartitionStream::advance(self).map_err(StreamError::new)
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        let live = DeletionTime::LIVE;
        let marker = match self.current {
            Current::None => return None,
            Current::Item(item) => return Some(item.get(self.table.header(), &self.window)),
            Current::Start(open) => MarkerRef { bound: self.current_slice().start, close: live, open },
            Current::End(close) => MarkerRef { bound: self.current_slice().end, close, open: live },
        };
        Some(Unfiltered::Marker(marker))
    }

    #[inline]
    fn is_at_row(&self) -> bool {
        matches!(self.current, Current::Item(item) if item.is_row())
    }
}
