use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, DeletionTime, Direction, Header, MarkerRef, PartitionRef, RowRef, Slice, StreamError,
    Unfiltered, UnfilteredStream,
};

use smallvec::SmallVec;

use super::frame::{Head, Item, Step, next_item};
use super::reverse::Backwards;
use super::window::Window;
use crate::error::SsTableError;
use crate::index::{PartitionAt, SearchKey};
use crate::table::SsTable;

/// Slices of one partition, in either direction, through the chunk cache.
///
/// With a row index only the blocks that the slices touch are read. A range deletion that reaches over an end of a
/// slice is cut there: the stream has a bound at the slice's end in its place, so that it is whole in itself.
#[derive(Debug)]
pub struct PartitionStream<'s> {
    pub(super) table: Arc<SsTable>,
    pub(super) window: Window,
    pub(super) head: Head,
    pub(super) at: PartitionAt,
    slices: SmallVec<[Slice<'s>; 1]>,
    direction: Direction,
    is_started: bool,
    phase: Phase,
    /// Slices that are still to come, the present one among them.
    slices_left: usize,
    /// Forwards: whether the block of the present slice was looked for.
    is_placed: bool,
    /// Forwards: where the next row or marker begins.
    next: u64,
    /// The range deletion that is open behind what was read last, in the stream's direction.
    open: DeletionTime,
    pub(super) backwards: Backwards,
    current: Current,
    /// Byte-comparable bounds, one after the other.
    pub(super) comparable: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The present slice has not begun.
    Before,
    /// Its rows are read.
    Inside,
    /// It is over.
    After,
    /// All are.
    Done,
}

/// What the stream stands on.
#[derive(Debug, Clone, Copy)]
enum Current {
    None,
    Item(Item),
    /// A range deletion cut at the start of a slice.
    Start(DeletionTime),
    /// One cut at its end.
    End(DeletionTime),
}

impl<'s> PartitionStream<'s> {
    /// The slices of the partition of `key`, if it is in the table.
    pub(crate) fn open(
        table: &Arc<SsTable>,
        key: &SearchKey,
        slices: &[Slice<'s>],
        direction: Direction,
    ) -> Result<Option<PartitionStream<'s>>, SsTableError> {
        let Some(at) = table.index().find(key)? else { return Ok(None) };
        let mut stream = PartitionStream {
            table: Arc::clone(table),
            window: table.cached_window(),
            head: Head::default(),
            at,
            slices_left: slices.len(),
            slices: slices.iter().copied().collect(),
            direction,
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
            // The index has it all, and spares a chunk.
            Some(index) if table.header().statics.is_empty() => {
                stream.head.assign(at.data, key.key(), key.token(), index.deletion);
            }
            _ => {
                stream.head.read(&mut stream.window, table.header(), key.key(), at.data)?;
                if !stream.head.is_of(key, at, &stream.window, table.index())? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(stream))
    }

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
            let Some(slice) = self.slice() else { return Ok(false) };
            if self.phase == Phase::After {
                self.slices_left -= 1;
                self.phase = Phase::Before;
                continue;
            }
            if self.phase == Phase::Before && !self.is_placed {
                self.seek(slice)?;
                self.is_placed = true;
            }
            let step = next_item(&mut self.window, self.table.header(), &self.head.key, self.next)?;
            if self.phase == Phase::Before {
                if let Step::Item(item, next) = step
                    && self.is_at_or_before(&item, slice.start)
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
                Step::Item(item, next) if self.is_before(&item, slice.end) => {
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
            let Some(slice) = self.slice() else { return Ok(false) };
            match self.phase {
                Phase::Done => return Ok(false),
                Phase::After => {
                    self.slices_left -= 1;
                    self.phase = Phase::Before;
                }
                Phase::Before => {
                    self.open = self.read_last_block(slice.end)?;
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
                        Some(item) if !self.is_at_or_before(&item, slice.start) => {
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

    /// The present slice, if there is one left.
    #[inline]
    fn slice(&self) -> Option<Slice<'s>> {
        if self.phase == Phase::Done || self.slices_left == 0 {
            return None;
        }
        let index = match self.direction {
            Direction::Forward => self.slices.len() - self.slices_left,
            Direction::Reverse => self.slices_left - 1,
        };
        self.slices.get(index).copied()
    }

    /// Goes to the block where a slice begins, unless the stream is in it or behind its start already.
    fn seek(&mut self, slice: Slice<'_>) -> Result<(), SsTableError> {
        let Some(row_index) = self.at.row_index else { return Ok(()) };
        let clustering = &self.table.header().clustering;
        let sought = slice.start.position();
        let block = self.table.index().floor(row_index, sought, clustering, &mut self.comparable)?;
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

    #[inline]
    fn is_at_or_before(&self, item: &Item, bound: Bound<'_>) -> bool {
        let header = self.table.header();
        // The bottom comes before everything that is not the bottom itself, which only a marker can be.
        if bound.size == 0 && bound.kind == BoundKind::InclStart && item.open_after().is_none() {
            return false;
        }
        let position = item.get(header, &self.window).position();
        header.clustering.compare(position, bound.position()).is_le()
    }

    #[inline]
    pub(super) fn is_before(&self, item: &Item, bound: Bound<'_>) -> bool {
        let header = self.table.header();
        if bound.size == 0 && bound.kind == BoundKind::InclEnd && item.open_after().is_none() {
            return true;
        }
        let position = item.get(header, &self.window).position();
        header.clustering.compare(position, bound.position()).is_lt()
    }
}

impl UnfilteredStream for PartitionStream<'_> {
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
        let slice = || self.slice();
        let live = DeletionTime::LIVE;
        let marker = match self.current {
            Current::None => return None,
            Current::Item(item) => return Some(item.get(self.table.header(), &self.window)),
            Current::Start(open) => MarkerRef { bound: slice()?.start, close: live, open },
            Current::End(close) => MarkerRef { bound: slice()?.end, close, open: live },
        };
        Some(Unfiltered::Marker(marker))
    }
}
