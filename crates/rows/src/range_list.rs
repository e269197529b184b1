//! Deletions of ranges, kept so that none overlaps another (`db.RangeTombstoneList`).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::block_list::{BlockList, Place};
use crate::clustering::{Bound, BoundKind, ClusteringComparator, Position, PositionKind};
use crate::codec::MarkerRef;
use crate::deletion::DeletionTime;
use crate::slice::Slice;
use crate::stream::Direction;

/// What a deletion would be lost by.
const CUT: &str = "the list has the cut that is looked at";

/// The deletions of ranges of one partition, reconciled.
///
/// Kept as the positions where the deletion that holds changes, each with the deletion that holds
/// after it. Invariants: positions ascend strictly, neighbours hold different deletions, the last
/// one holds none.
///
/// Adding costs the logarithm of the list and the cuts inside the new range. Clones share what
/// doesn't change.
#[derive(Clone, Debug, Default)]
pub struct RangeTombstoneList {
    cuts: BlockList<Cut>,
    values_len: usize,
    peak_heap_len: usize,
}

#[derive(Clone, Debug)]
struct Cut {
    kind: PositionKind,
    size: usize,
    values: Arc<[u8]>,
    /// The deletion from here to the next cut.
    after: DeletionTime,
}

impl Cut {
    fn position(&self) -> Position<'_> {
        Position { kind: self.kind, size: self.size, values: &self.values }
    }

    /// Bytes on the heap, the two counts included that stand before the values.
    fn values_len(&self) -> usize {
        2 * size_of::<usize>() + self.values.len()
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

    /// Bytes on the heap, including those shared with clones.
    pub fn heap_len(&self) -> usize {
        self.cuts.heap_len() + self.values_len
    }

    /// The most bytes that were on the heap after an [`add`](Self::add).
    pub fn peak_heap_len(&self) -> usize {
        self.peak_heap_len
    }

    /// Deletes the rows between two bounds; nothing when the end is not after the start. Where
    /// ranges overlap the deletion that supersedes the other wins.
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
        self.cut(start, comparator);
        self.cut(end, comparator);
        let mut at = self.lower(start, comparator);
        let mut before = self.after(at);
        while let Some(cut) = self.cuts.get(at) {
            let is_end = comparator.compare(cut.position(), end).is_ge();
            let after = if is_end { cut.after } else { cut.after.merge(deletion) };
            if after == before {
                let Some((next, removed)) = self.cuts.remove(at) else { unreachable!("{CUT}") };
                self.values_len -= removed.values_len();
                at = next;
            } else {
                if after != cut.after {
                    let Some(cut) = self.cuts.get_mut(at) else { unreachable!("{CUT}") };
                    cut.after = after;
                }
                at = self.cuts.next(at);
            }
            if is_end {
                break;
            }
            before = after;
        }
        self.peak_heap_len = self.peak_heap_len.max(self.heap_len());
    }

    /// The deletion of the range that holds the position, or live.
    #[inline]
    pub fn covering(&self, position: Position<'_>, comparator: &ClusteringComparator) -> DeletionTime {
        if self.cuts.is_empty() {
            return DeletionTime::LIVE;
        }
        self.after(self.upper(position, comparator))
    }

    /// The markers of the range deletions inside a slice. A range that reaches over an end of the
    /// slice is cut there.
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
            next: Place::FIRST,
            end: Place::FIRST,
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

    /// The deletion before the cut at a place.
    fn after(&self, place: Place) -> DeletionTime {
        let before = self.cuts.previous(place).and_then(|before| self.cuts.get(before));
        before.map_or(DeletionTime::LIVE, |cut| cut.after)
    }

    /// The first cut after the position.
    fn upper(&self, position: Position<'_>, comparator: &ClusteringComparator) -> Place {
        self.cuts.partition_point(|cut| comparator.compare(cut.position(), position).is_le())
    }

    /// The first cut at or after the position.
    fn lower(&self, position: Position<'_>, comparator: &ClusteringComparator) -> Place {
        self.cuts.partition_point(|cut| comparator.compare(cut.position(), position).is_lt())
    }

    /// Makes a cut at the position if there is none.
    fn cut(&mut self, position: Position<'_>, comparator: &ClusteringComparator) {
        let place = self.lower(position, comparator);
        if self.cuts.get(place).is_some_and(|cut| comparator.compare(cut.position(), position).is_eq()) {
            return;
        }
        let Position { kind, size, values } = position;
        let cut = Cut { kind, size, values: values.into(), after: self.after(place) };
        self.values_len += cut.values_len();
        self.cuts.insert(place, cut);
    }
}

/// Markers of a [`RangeTombstoneList`] inside a slice, in one direction.
#[derive(Clone, Debug)]
pub struct RangeMarkers<'a> {
    list: &'a RangeTombstoneList,
    slice: Slice<'a>,
    direction: Direction,
    /// Cuts left, all strictly inside the slice.
    next: Place,
    end: Place,
    /// The deletions just inside the slice's ends, each until its marker was returned.
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
        let place = match self.direction {
            Direction::Forward => {
                let place = self.next;
                self.next = self.list.cuts.next(place);
                place
            }
            Direction::Reverse => {
                self.end = self.list.cuts.previous(self.end)?;
                self.end
            }
        };
        let cut = self.list.cuts.get(place)?;
        let (close, open) = (self.list.after(place), cut.after);
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
