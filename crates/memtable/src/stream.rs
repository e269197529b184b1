//! Memtables as streams.

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::{
    Bound, BoundKind, DeletionTime, Direction, Header, MarkerRef, PartitionRef, Position, RowRef, Slice,
    StreamError, Unfiltered, UnfilteredStream,
};
use helenus_types::Token;

use crate::memtable::Memtable;
use crate::partition::{PartitionSnapshot, Rows};
use crate::tree::{Entry, Place, RowTree, Sought};

impl Memtable {
    /// All partitions whose token lies in the range, in token order; each in the state that it has when the
    /// stream comes to it.
    pub fn scan(self: &Arc<Self>, tokens: RangeInclusive<Token>) -> MemtableScan {
        let shards = if tokens.is_empty() { None } else { Some(Self::shards_of(&tokens)) };
        MemtableScan {
            memtable: self.clone(),
            tokens,
            shards,
            shard: 0,
            keys: Vec::new().into_iter(),
            partition: None,
        }
    }
}

/// A memtable from end to end, or a range of its tokens.
#[derive(Debug)]
pub struct MemtableScan {
    memtable: Arc<Memtable>,
    tokens: RangeInclusive<Token>,
    /// Shards still to be visited.
    shards: Option<RangeInclusive<usize>>,
    shard: usize,
    /// Partitions of `shard` still to be visited.
    keys: std::vec::IntoIter<(Token, Bytes, u32)>,
    partition: Option<SnapshotStream>,
}

impl MemtableScan {
    fn next_snapshot(&mut self) -> Option<PartitionSnapshot> {
        loop {
            if let Some((_, _, index)) = self.keys.next() {
                return self.memtable.at(self.shard, index);
            }
            self.shard = self.shards.as_mut()?.next()?;
            self.keys = self.memtable.sorted_keys(self.shard, &self.tokens).into_iter();
        }
    }
}

impl UnfilteredStream for MemtableScan {
    fn header(&self) -> &Arc<Header> {
        self.memtable.header()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        let Some(snapshot) = self.next_snapshot() else {
            self.partition = None;
            return Ok(false);
        };
        let mut stream =
            SnapshotStream::new(self.memtable.header().clone(), snapshot, Slice::ALL, Direction::Forward);
        stream.begin();
        self.partition = Some(stream);
        Ok(true)
    }

    fn partition(&self) -> PartitionRef<'_> {
        match &self.partition {
            Some(stream) => stream.partition(),
            None => PartitionRef { token: Token::MIN, key: &[], deletion: DeletionTime::LIVE },
        }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.partition.as_ref()?.static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        Ok(self.partition.as_mut().is_some_and(SnapshotStream::step))
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.partition.as_ref()?.current()
    }
}

/// One partition of a memtable, or a slice of it, in either direction.
#[derive(Debug)]
pub struct SnapshotStream {
    header: Arc<Header>,
    snapshot: PartitionSnapshot,
    direction: Direction,
    begun: bool,
    rows: RowCursor,
    /// Markers of the slice in the stream's direction. Few partitions have any.
    markers: Vec<Marker>,
    next_marker: usize,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Row,
    Marker(usize),
}

#[derive(Debug)]
struct Marker {
    kind: BoundKind,
    size: usize,
    values: Vec<u8>,
    close: DeletionTime,
    open: DeletionTime,
}

/// The rows still to be shown: `next` is the coming one, until `last` was shown.
#[derive(Debug)]
struct RowCursor {
    next: Option<Place>,
    last: Option<Place>,
    shown: Option<Place>,
}

impl SnapshotStream {
    /// The rows of a slice and what is deleted in it, of the partition as the snapshot has it.
    pub fn new(
        header: Arc<Header>,
        snapshot: PartitionSnapshot,
        slice: Slice<'_>,
        direction: Direction,
    ) -> Self {
        let comparator = &header.clustering;
        let markers = match &snapshot.ranges {
            None => Vec::new(),
            Some(list) => list.markers(slice, direction, comparator).map(Marker::new).collect(),
        };
        let rows = RowCursor::new(&header, &snapshot.rows, slice, direction);
        Self {
            header,
            snapshot,
            direction,
            begun: false,
            rows,
            markers,
            next_marker: 0,
            shown: Shown::Nothing,
        }
    }

    fn begin(&mut self) {
        self.begun = true;
    }

    /// Moves on; false at the end.
    fn step(&mut self) -> bool {
        let row = self.rows.next.and_then(|place| entry(&self.snapshot.rows, place));
        let marker = self.markers.get(self.next_marker);
        let marker_first = match (row, marker) {
            (None, None) => {
                self.shown = Shown::Nothing;
                return false;
            }
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some(row), Some(marker)) => {
                let comparator = &self.header.clustering;
                let order = row.compare(comparator, &Sought::new(comparator, marker.position()));
                if self.direction == Direction::Forward {
                    order == Ordering::Greater
                } else {
                    order == Ordering::Less
                }
            }
        };
        if marker_first {
            self.shown = Shown::Marker(self.next_marker);
            self.next_marker += 1;
        } else {
            self.rows.step(&self.snapshot.rows, self.direction);
            self.shown = Shown::Row;
        }
        true
    }
}

impl UnfilteredStream for SnapshotStream {
    fn header(&self) -> &Arc<Header> {
        &self.header
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        let is_first = !self.begun;
        self.begun = true;
        Ok(is_first)
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef { token: self.snapshot.token, key: &self.snapshot.key, deletion: self.snapshot.deletion }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.snapshot.static_row(&self.header)
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        Ok(self.step())
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        match self.shown {
            Shown::Nothing => None,
            Shown::Row => {
                entry(&self.snapshot.rows, self.rows.shown?)?.row(&self.header).map(Unfiltered::Row)
            }
            Shown::Marker(at) => self.markers.get(at).map(|m| Unfiltered::Marker(m.as_ref())),
        }
    }
}

impl Marker {
    fn new(marker: MarkerRef<'_>) -> Self {
        let Bound { kind, size, values } = marker.bound;
        Self { kind, size, values: values.to_vec(), close: marker.close, open: marker.open }
    }

    fn as_ref(&self) -> MarkerRef<'_> {
        let bound = Bound { kind: self.kind, size: self.size, values: &self.values };
        MarkerRef { bound, close: self.close, open: self.open }
    }

    fn position(&self) -> Position<'_> {
        self.as_ref().bound.position()
    }
}

impl RowCursor {
    fn new(header: &Header, rows: &Rows, slice: Slice<'_>, direction: Direction) -> Self {
        let comparator = &header.clustering;
        let (start, end) = (slice.start.position(), slice.end.position());
        let (first, after) = match rows {
            Rows::None => (None, None),
            Rows::One(row) => {
                let sought = [Sought::new(comparator, start), Sought::new(comparator, end)];
                let [is_after, is_before] = sought.map(|s| row.compare(comparator, &s));
                let inside = is_after.is_gt() && is_before.is_lt();
                (inside.then_some(Place::FIRST), None)
            }
            Rows::Many(tree) => {
                let first = bound(tree, header, start);
                let after = bound(tree, header, end);
                (Some(first).filter(|first| *first < after), tree.previous(after))
            }
        };
        let last = after.or(first);
        let (next, last) =
            if direction == Direction::Forward { (first, last) } else { (first.and(last), first) };
        Self { next, last, shown: None }
    }

    fn step(&mut self, rows: &Rows, direction: Direction) {
        self.shown = self.next;
        self.next = match (self.next, rows) {
            (Some(place), Rows::Many(tree)) if Some(place) != self.last => match direction {
                Direction::Forward => Some(tree.next(place)),
                Direction::Reverse => tree.previous(place),
            },
            _ => None,
        };
    }
}

fn bound(tree: &RowTree, header: &Header, position: Position<'_>) -> Place {
    tree.lower_bound(&header.clustering, &Sought::new(&header.clustering, position))
}

#[inline]
fn entry(rows: &Rows, place: Place) -> Option<&Entry> {
    match rows {
        Rows::None => None,
        Rows::One(entry) => Some(entry),
        Rows::Many(tree) => tree.get(place),
    }
}
