//! Several parts of one partition at once (`db.Slices`).

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::clustering::{Bound, BoundKind, ClusteringComparator, Position};
use crate::slice::Slice;
use crate::stream::Direction;

/// The slices of a partition that a query asks for. Cheap to clone, so that every source of a merge
/// has them.
///
/// Invariants: slices ascend in clustering order, none is empty, no two overlap or touch.
#[derive(Clone, Debug)]
pub struct Slices(
    /// `None` for the one slice that holds everything.
    Option<Arc<SliceList>>,
);

#[derive(Debug, Default)]
struct SliceList {
    list: SmallVec<[[SliceEnd; 2]; 1]>,
    /// The values of the ends.
    bytes: SmallVec<[u8; 64]>,
}

#[derive(Clone, Debug)]
struct SliceEnd {
    kind: BoundKind,
    size: usize,
    /// The range of its values in the bytes.
    values: Range<usize>,
}

impl Slices {
    /// The whole partition.
    pub const ALL: Slices = Slices(None);

    /// The union of slices, which may come in any order, overlap or be empty.
    pub fn new<'a>(comparator: &ClusteringComparator, slices: impl IntoIterator<Item = Slice<'a>>) -> Self {
        let order = |a: &Bound<'_>, b: &Bound<'_>| comparator.compare(a.position(), b.position());
        let mut slices: SmallVec<[Slice<'a>; 4]> =
            slices.into_iter().filter(|slice| order(&slice.start, &slice.end).is_lt()).collect();
        slices.sort_by(|a, b| order(&a.start, &b.start));
        let mut parts = SliceList::default();
        let mut merged: Option<Slice<'a>> = None;
        for slice in slices {
            match &mut merged {
                Some(before) if order(&slice.start, &before.end).is_le() => {
                    if order(&slice.end, &before.end).is_gt() {
                        before.end = slice.end;
                    }
                }
                _ => {
                    merged.replace(slice).into_iter().for_each(|whole| parts.push(whole));
                }
            }
        }
        merged.into_iter().for_each(|whole| parts.push(whole));
        if parts.is_everything() { Self::ALL } else { Self(Some(Arc::new(parts))) }
    }

    /// Whether it is the whole partition.
    #[inline]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Number of slices.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            None => 1,
            Some(parts) => parts.list.len(),
        }
    }

    /// Whether there is no slice: then no row is wanted.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Slice `index` in clustering order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Slice<'_>> {
        match &self.0 {
            None => (index == 0).then_some(Slice::ALL),
            Some(parts) => {
                let [start, end] = parts.list.get(index)?;
                Some(Slice { start: parts.bound(start), end: parts.bound(end) })
            }
        }
    }

    /// Slice `index` in a stream's direction.
    #[inline]
    pub fn nth(&self, index: usize, direction: Direction) -> Option<Slice<'_>> {
        match direction {
            Direction::Forward => self.get(index),
            Direction::Reverse => self.get(self.len().checked_sub(index + 1)?),
        }
    }

    /// The slices in clustering order.
    pub fn iter(&self) -> impl Iterator<Item = Slice<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The intersection of the slices with another one.
    #[must_use]
    pub fn within(&self, comparator: &ClusteringComparator, other: Slice<'_>) -> Self {
        let later = |a: Bound<'_>, b: Bound<'_>| comparator.compare(a.position(), b.position()).is_gt();
        let cut = self.iter().map(|slice| Slice {
            start: if later(other.start, slice.start) { other.start } else { slice.start },
            end: if later(slice.end, other.end) { other.end } else { slice.end },
        });
        Self::new(comparator, cut)
    }

    /// The part of the slices that a stream in that direction reaches after the row with that
    /// encoded clustering.
    #[must_use]
    pub fn after(&self, comparator: &ClusteringComparator, clustering: &[u8], direction: Direction) -> Self {
        let row = |kind| Bound { kind, size: comparator.len(), values: clustering };
        let rest = match direction {
            Direction::Forward => Slice { start: row(BoundKind::ExclStart), end: Bound::TOP },
            Direction::Reverse => Slice { start: Bound::BOTTOM, end: row(BoundKind::ExclEnd) },
        };
        self.within(comparator, rest)
    }

    /// The place of the position: in slice `index`, or between the one before it and it.
    pub fn find(&self, comparator: &ClusteringComparator, position: Position<'_>) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let Some(slice) = self.get(middle) else { unreachable!("there are so many slices") };
            if comparator.compare(position, slice.start.position()) != Ordering::Greater {
                high = middle;
            } else if comparator.compare(position, slice.end.position()) != Ordering::Less {
                low = middle + 1;
            } else {
                return Ok(middle);
            }
        }
        Err(low)
    }
}

impl SliceList {
    fn push(&mut self, slice: Slice<'_>) {
        let mut end = |bound: Bound<'_>| {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(bound.values);
            SliceEnd { kind: bound.kind, size: bound.size, values: begin..self.bytes.len() }
        };
        let ends = [end(slice.start), end(slice.end)];
        self.list.push(ends);
    }

    fn is_everything(&self) -> bool {
        matches!(self.list.as_slice(), [[start, end]] if (start.size, end.size) == (0, 0))
    }

    #[inline]
    fn bound(&self, end: &SliceEnd) -> Bound<'_> {
        let Some(values) = self.bytes.get(end.values.clone()) else {
            unreachable!("an end's values are among the bytes")
        };
        Bound { kind: end.kind, size: end.size, values }
    }
}
