//! Deletions of ranges, kept so that none overlaps another (`db.RangeTombstoneList`).

use std::cmp::Ordering;

use crate::clustering::{Bound, BoundKind, ClusteringComparator, Position, PositionKind};
use crate::codec::MarkerRef;
use crate::deletion::DeletionTime;
use crate::slice::Slice;
use crate::stream::Direction;

/// The deletions of ranges of one partition, reconciled.
///
/// Kept as the positions where the deletion that holds changes, each with the deletion that holds after it.
/// Invariants: positions ascend strictly, neighbours hold different deletions, the last one holds none.
#[derive(Clone, Debug, Default)]
pub struct RangeTombstoneList {
    cuts: Vec<Cut>,
}

#[derive(Clone, Debug)]
struct Cut {
    kind: PositionKind,
    size: usize,
    values: Box<[u8]>,
    /// What holds from here to the next cut.
    after: DeletionTime,
}

impl Cut {
    fn position(&self) -> Position<'_> {
        Position { kind: self.kind, size: self.size, values: &self.values }
    }
}

impl RangeTombstoneList {
    /// Whether no range is deleted.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Number of ends of ranges; two that touch share one.
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Bytes on the heap.
    pub fn heap_len(&self) -> usize {
        let values: usize = self.cuts.iter().map(|cut| cut.values.len()).sum();
        values + self.cuts.capacity() * size_of::<Cut>()
    }

    /// Deletes the rows between two bounds; nothing when the end is not after the start. Where ranges overlap the
    /// deletion stands that supersedes the other.
    pub fn add(
        &mut self,
        start: Bound<'_>,
        end: Bound<'_>,
        deletion: DeletionTime,
        comparator: &ClusteringComparator,
    ) {
        let (start, end) = (start.position(), end.position());
        if deletion.is_live() || comparator.compare(start, end) != Ordering::Less {
            return;
        }
        let from = self.cut_at(start, comparator);
        let to = self.cut_at(end, comparator);
        for cut in self.cuts.iter_mut().take(to).skip(from) {
            cut.after = cut.after.merge(deletion);
        }
        let mut before =
            from.checked_sub(1).and_then(|i| self.cuts.get(i)).map_or(DeletionTime::LIVE, |c| c.after);
        let mut index = 0;
        self.cuts.retain(|cut| {
            let is_needed = index < from || index > to || cut.after != before;
            if index >= from {
                before = cut.after;
            }
            index += 1;
            is_needed
        });
    }

    /// The deletion of the range that holds the position, or live.
    #[inline]
    pub fn covering(&self, position: Position<'_>, comparator: &ClusteringComparator) -> DeletionTime {
        if self.cuts.is_empty() {
            return DeletionTime::LIVE;
        }
        self.after(self.upper(position, comparator))
    }

    /// The markers of what is deleted inside a slice. A range that reaches over an end of the slice is cut there.
    pub fn markers<'a>(
        &'a self,
        slice: Slice<'a>,
        direction: Direction,
        comparator: &ClusteringComparator,
    ) -> RangeMarkers<'a> {
        let mut markers = RangeMarkers {
            list: self,
            slice,
            direction,
            next: 0,
            end: 0,
            at_start: DeletionTime::LIVE,
            at_end: DeletionTime::LIVE,
        };
        if self.cuts.is_empty() || comparator.compare(slice.start.position(), slice.end.position()).is_ge() {
            return markers;
        }
        // A cut at the slice's start is replaced by the start itself.
        markers.next = self.upper(slice.start.position(), comparator);
        markers.end = self.lower(slice.end.position(), comparator).max(markers.next);
        markers.at_start = self.after(markers.next);
        markers.at_end = self.after(markers.end);
        markers
    }

    /// What holds before cut `index`.
    fn after(&self, index: usize) -> DeletionTime {
        index.checked_sub(1).and_then(|i| self.cuts.get(i)).map_or(DeletionTime::LIVE, |cut| cut.after)
    }

    /// Number of cuts at or before the position.
    fn upper(&self, position: Position<'_>, comparator: &ClusteringComparator) -> usize {
        self.cuts.partition_point(|cut| comparator.compare(cut.position(), position).is_le())
    }

    /// Number of cuts before the position.
    fn lower(&self, position: Position<'_>, comparator: &ClusteringComparator) -> usize {
        self.cuts.partition_point(|cut| comparator.compare(cut.position(), position).is_lt())
    }

    /// Index of the cut at the position, made if there is none.
    fn cut_at(&mut self, position: Position<'_>, comparator: &ClusteringComparator) -> usize {
        let index = self.lower(position, comparator);
        let found =
            self.cuts.get(index).is_some_and(|cut| comparator.compare(cut.position(), position).is_eq());
        if !found {
            let after = self.after(index);
            let Position { kind, size, values } = position;
            self.cuts.insert(index, Cut { kind, size, values: values.into(), after });
        }
        index
    }
}

/// Markers of a [`RangeTombstoneList`] inside a slice, in one direction.
#[derive(Clone, Debug)]
pub struct RangeMarkers<'a> {
    list: &'a RangeTombstoneList,
    slice: Slice<'a>,
    direction: Direction,
    /// Cuts left, all strictly inside the slice.
    next: usize,
    end: usize,
    /// What holds just inside the slice's ends, until the marker there was given.
    at_start: DeletionTime,
    at_end: DeletionTime,
}

impl<'a> RangeMarkers<'a> {
    fn start_marker(&mut self) -> Option<MarkerRef<'a>> {
        let open = std::mem::replace(&mut self.at_start, DeletionTime::LIVE);
        (!open.is_live()).then_some(MarkerRef { bound: self.slice.start, close: DeletionTime::LIVE, open })
    }

    fn end_marker(&mut self) -> Option<MarkerRef<'a>> {
        let close = std::mem::replace(&mut self.at_end, DeletionTime::LIVE);
        (!close.is_live()).then_some(MarkerRef { bound: self.slice.end, close, open: DeletionTime::LIVE })
    }

    fn cut_marker(&mut self) -> Option<MarkerRef<'a>> {
        if self.next >= self.end {
            return None;
        }
        let index = match self.direction {
            Direction::Forward => {
                self.next += 1;
                self.next - 1
            }
            Direction::Reverse => {
                self.end -= 1;
                self.end
            }
        };
        let cut = self.list.cuts.get(index)?;
        let (close, open) = (self.list.after(index), cut.after);
        let kind = match (close.is_live(), open.is_live()) {
            (true, _) => BoundKind::start(cut.kind),
            (_, true) => BoundKind::end(cut.kind),
            _ => BoundKind::boundary(cut.kind),
        };
        Some(MarkerRef { bound: Bound { kind, size: cut.size, values: &cut.values }, close, open })
    }
}

impl<'a> Iterator for RangeMarkers<'a> {
    type Item = MarkerRef<'a>;

    fn next(&mut self) -> Option<MarkerRef<'a>> {
        match self.direction {
            Direction::Forward => {
                self.start_marker().or_else(|| self.cut_marker()).or_else(|| self.end_marker())
            }
            Direction::Reverse => {
                self.end_marker().or_else(|| self.cut_marker()).or_else(|| self.start_marker())
            }
        }
    }
}
