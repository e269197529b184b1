//! Parts of partitions (`db.Slice`, `db.Slices`).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::clustering::{Bound, Position};
use crate::codec::{MarkerRef, RowRef, Unfiltered};
use crate::deletion::DeletionTime;
use crate::header::Header;
use crate::stream::{Direction, PartitionRef, StreamError, UnfilteredStream};

/// The rows between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice<'a> {
    /// Where it begins: an inclusive or exclusive start.
    pub start: Bound<'a>,
    /// Where it ends: an inclusive or exclusive end.
    pub end: Bound<'a>,
}

impl Slice<'_> {
    /// All rows.
    pub const ALL: Slice<'static> = Slice { start: Bound::BOTTOM, end: Bound::TOP };
}

/// Restricts a stream to slices. Ranges that reach over the end of a slice are cut there: they open
/// at the slice's start and close at its end. Partitions, their deletions and static rows stay.
#[derive(Debug)]
pub struct Sliced<'s, S> {
    source: S,
    slices: &'s [Slice<'s>],
    direction: Direction,
    /// Number of slices done with, in the stream's direction.
    done: usize,
    is_inside: bool,
    /// The source's range deletion at this place.
    open: DeletionTime,
    /// Whether the source is at an unfiltered that is still to be shown or skipped.
    has_head: bool,
    is_exhausted: bool,
    shown: Shown<'s>,
}

#[derive(Clone, Copy, Debug)]
enum Shown<'s> {
    Nothing,
    Source,
    Marker(MarkerRef<'s>),
}

impl<'s, S: UnfilteredStream> Sliced<'s, S> {
    /// Restricts `source` to slices that ascend (in either direction of the stream), none empty,
    /// and don't touch.
    pub fn new(source: S, slices: &'s [Slice<'s>]) -> Self {
        let comparator = &source.header().clustering;
        debug_assert!(
            slices.iter().all(|s| comparator.compare(s.start.position(), s.end.position()).is_lt()),
            "a slice ends after its start"
        );
        debug_assert!(
            slices
                .iter()
                .zip(slices.iter().skip(1))
                .all(|(a, b)| { comparator.compare(a.end.position(), b.start.position()).is_lt() }),
            "slices ascend and don't touch"
        );
        Self {
            direction: source.direction(),
            source,
            slices,
            done: slices.len(),
            is_inside: false,
            open: DeletionTime::LIVE,
            has_head: false,
            is_exhausted: true,
            shown: Shown::Nothing,
        }
    }

    fn begin_partition(&mut self) {
        self.done = 0;
        self.is_inside = false;
        self.open = DeletionTime::LIVE;
        self.has_head = false;
        self.is_exhausted = false;
        self.shown = Shown::Nothing;
    }

    /// The ends of the slice at hand, in the order in which the stream meets them.
    fn ends(&self) -> Option<(Bound<'s>, Bound<'s>)> {
        match self.direction {
            Direction::Forward => self.slices.get(self.done).map(|slice| (slice.start, slice.end)),
            Direction::Reverse => {
                let index = self.slices.len().checked_sub(self.done + 1)?;
                self.slices.get(index).map(|slice| (slice.end, slice.start))
            }
        }
    }

    fn order(&self, position: Position<'_>, bound: &Bound<'_>) -> Ordering {
        let order = self.source.header().clustering.compare(position, bound.position());
        if self.direction == Direction::Forward { order } else { order.reverse() }
    }

    /// Moves past the current unfiltered.
    fn pass(&mut self) {
        if let Some(Unfiltered::Marker(marker)) = self.source.current() {
            self.open = if self.direction == Direction::Forward { marker.open } else { marker.close };
        }
        self.has_head = false;
    }

    /// Cuts the open range at an end of the slice, if one is open.
    fn cut(&mut self, bound: Bound<'s>, opens: bool) -> bool {
        if self.open.is_live() {
            return false;
        }
        let (close, open) = if opens == (self.direction == Direction::Forward) {
            (DeletionTime::LIVE, self.open)
        } else {
            (self.open, DeletionTime::LIVE)
        };
        self.shown = Shown::Marker(MarkerRef { bound, close, open });
        true
    }

    fn find(&mut self) -> Result<bool, StreamError> {
        if matches!(self.shown, Shown::Source) {
            self.pass();
        }
        self.shown = Shown::Nothing;
        while let Some((entry, exit)) = self.ends() {
            if !self.has_head && !self.is_exhausted {
                self.has_head = self.source.advance()?;
                self.is_exhausted = !self.has_head;
            }
            if !self.has_head {
                return Ok(false);
            }
            let Some(head) = self.source.current() else {
                unreachable!("no unfiltered where one was announced")
            };
            let position = head.position();
            if !self.is_inside {
                // A marker at the entry itself has its effect inside.
                if self.order(position, &entry) != Ordering::Greater {
                    self.pass();
                    continue;
                }
                self.is_inside = true;
                if self.cut(entry, true) {
                    return Ok(true);
                }
                continue;
            }
            if self.order(position, &exit) == Ordering::Less {
                self.shown = Shown::Source;
                return Ok(true);
            }
            self.is_inside = false;
            self.done += 1;
            if self.cut(exit, false) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<S: UnfilteredStream> UnfilteredStream for Sliced<'_, S> {
    fn header(&self) -> &Arc<Header> {
        self.source.header()
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.begin_partition();
        let found = self.source.next_partition();
        if !matches!(found, Ok(true)) {
            self.done = self.slices.len();
        }
        found
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.source.partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.source.static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        let found = self.find();
        if found.is_err() {
            self.done = self.slices.len();
        }
        found
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        match self.shown {
            Shown::Nothing => None,
            Shown::Source => self.source.current(),
            Shown::Marker(marker) => Some(Unfiltered::Marker(marker)),
        }
    }
}
