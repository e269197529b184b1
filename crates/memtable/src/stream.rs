//! Memtables as streams.

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::{
    Bound, BoundKind, DeletionTime, Direction, Header, MarkerRef, PartitionRef, Place, Position, RowBuf,
    RowError, RowRef, Slice, Slices, StreamError, Unfiltered, UnfilteredStream,
};
use helenus_types::Token;
use smallvec::SmallVec;

use crate::memtable::Memtable;
use crate::partition::{PartitionSnapshot, Rows};
use crate::tree::{Entry, RowTree, Sought};
use crate::versions::VersionMerger;

impl Memtable {
    /// All partitions whose token lies in the range, in token order; each in the state that it has
    /// when the stream comes to it.
    pub fn scan(self: &Arc<Self>, tokens: RangeInclusive<Token>) -> MemtableScan {
        let shards = if tokens.is_empty() { None } else { Some(Self::shards_of(&tokens)) };
        MemtableScan {
            memtable: self.clone(),
            tokens,
            shards,
            shard: 0,
            after: None,
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
    /// The partition that the scan begins after, if it begins after one.
    after: Option<(Token, Box<[u8]>)>,
    /// Partitions of `shard` still to be visited.
    keys: std::vec::IntoIter<(Token, Bytes, u32)>,
    partition: Option<SnapshotStream>,
}

impl MemtableScan {
    /// The same scan without the partitions up to the one with that key, it included.
    #[must_use]
    pub fn after(self, token: Token, key: &[u8]) -> Self {
        let tokens = token.max(*self.tokens.start())..=*self.tokens.end();
        Self { after: Some((token, key.into())), ..self.memtable.scan(tokens) }
    }

    fn next_snapshot(&mut self) -> Option<PartitionSnapshot> {
        loop {
            if let Some((token, key, index)) = self.keys.next() {
                if self.after.as_ref().is_some_and(|(last, of)| (token, &*key) <= (*last, of)) {
                    continue;
                }
                return Some(self.memtable.at(self.shard, index));
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
            SnapshotStream::new(self.memtable.header().clone(), snapshot, &Slices::ALL, Direction::Forward);
        stream.begin()?;
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
        self.partition.as_mut().map_or(Ok(false), SnapshotStream::step)
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.partition.as_ref()?.current()
    }

    #[inline]
    fn is_at_row(&self) -> bool {
        self.partition.as_ref().is_some_and(SnapshotStream::is_at_row)
    }
}

/// One partition of a memtable, or slices of it, in either direction.
#[derive(Debug)]
pub struct SnapshotStream {
    header: Arc<Header>,
    snapshot: PartitionSnapshot,
    direction: Direction,
    begun: bool,
    rows: RowCursor,
    /// Markers of the slices in the stream's direction. Few partitions have any.
    markers: Vec<Marker>,
    next_marker: usize,
    shown: Shown,
    /// Merged rows, once there was one with several versions.
    merged: Option<Box<Merged>>,
}

/// Rows that have several versions, merged.
#[derive(Debug, Default)]
struct Merged {
    merger: VersionMerger,
    row: RowBuf,
    static_row: RowBuf,
    has_static: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Row,
    Merged,
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

/// The rows still to be shown: `next` is the coming one.
#[derive(Debug)]
struct RowCursor {
    next: Option<Place>,
    /// The last row of the slice that `next` is in.
    last: Option<Place>,
    shown: Option<Place>,
    /// First and last rows of slices after that one, the next slice last.
    later: SmallVec<[(Place, Place); 1]>,
}

impl SnapshotStream {
    /// The rows and deletions of the snapshot's partition that are in the slices.
    pub fn new(
        header: Arc<Header>,
        snapshot: PartitionSnapshot,
        slices: &Slices,
        direction: Direction,
    ) -> Self {
        let comparator = &header.clustering;
        let in_order = || (0..slices.len()).filter_map(|index| slices.nth(index, direction));
        let markers = match &snapshot.ranges {
            None => Vec::new(),
            Some(list) => in_order()
                .flat_map(|slice| list.markers(slice, direction, comparator))
                .map(Marker::new)
                .collect(),
        };
        let rows = RowCursor::new(&header, &snapshot.rows, in_order(), direction);
        Self {
            header,
            snapshot,
            direction,
            begun: false,
            rows,
            markers,
            next_marker: 0,
            shown: Shown::Nothing,
            merged: None,
        }
    }

    fn begin(&mut self) -> Result<(), StreamError> {
        self.begun = true;
        let versions = self.snapshot.static_row.as_ref();
        if let Some(versions) = versions.filter(|versions| !versions.is_single()) {
            let Merged { merger, static_row, has_static, .. } = &mut **self.merged.get_or_insert_default();
            merger
                .merge(versions, 0, &self.header, static_row)
                .map_err(|error| RowError::new(&self.header, &self.snapshot.key, &[], error))?;
            *has_static = true;
        }
        Ok(())
    }

    /// Moves on; false at the end.
    fn step(&mut self) -> Result<bool, StreamError> {
        let row = self.rows.next.map(|place| entry(&self.snapshot.rows, place));
        let marker = self.markers.get(self.next_marker);
        let marker_first = match (row, marker) {
            (None, None) => {
                self.shown = Shown::Nothing;
                return Ok(false);
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
            self.merge_shown()?;
        }
        Ok(true)
    }

    /// Merges the row at hand if it has several versions.
    fn merge_shown(&mut self) -> Result<(), StreamError> {
        let shown = self.rows.shown.map(|place| entry(&self.snapshot.rows, place));
        let several = shown.filter(|entry| !entry.versions().is_single());
        let Some(entry) = several else { return Ok(()) };
        let Merged { merger, row, .. } = &mut **self.merged.get_or_insert_default();
        merger
            .merge(entry.versions(), entry.clustering_len(), &self.header, row)
            .map_err(|error| RowError::new(&self.header, &self.snapshot.key, entry.clustering(), error))?;
        self.shown = Shown::Merged;
        Ok(())
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
        if is_first {
            self.begin()?;
        }
        Ok(is_first)
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef { token: self.snapshot.token, key: &self.snapshot.key, deletion: self.snapshot.deletion }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        match &self.merged {
            Some(merged) if merged.has_static => Some(merged.static_row.as_ref(&self.header)),
            _ => self.snapshot.static_row.as_ref()?.single(&self.header, 0),
        }
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        self.step()
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        match self.shown {
            Shown::Nothing => None,
            Shown::Row => {
                let entry = entry(&self.snapshot.rows, self.rows.shown?);
                entry.versions().single(&self.header, entry.clustering_len()).map(Unfiltered::Row)
            }
            Shown::Merged => Some(Unfiltered::Row(self.merged.as_ref()?.row.as_ref(&self.header))),
            Shown::Marker(at) => self.markers.get(at).map(|m| Unfiltered::Marker(m.as_ref())),
        }
    }

    #[inline]
    fn is_at_row(&self) -> bool {
        matches!(self.shown, Shown::Row | Shown::Merged)
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
    /// A cursor over the rows of slices that come in the stream's direction.
    fn new<'s>(
        header: &Header,
        rows: &Rows,
        slices: impl Iterator<Item = Slice<'s>>,
        direction: Direction,
    ) -> Self {
        let mut later: SmallVec<[(Place, Place); 1]> = SmallVec::new();
        for slice in slices {
            if let Some((first, last)) = ends(header, rows, slice) {
                let in_order = if direction == Direction::Forward { (first, last) } else { (last, first) };
                later.push(in_order);
            }
        }
        later.reverse();
        let (next, last) = later.pop().unzip();
        Self { next, last, shown: None, later }
    }

    fn step(&mut self, rows: &Rows, direction: Direction) {
        self.shown = self.next;
        if self.next == self.last {
            (self.next, self.last) = self.later.pop().unzip();
            return;
        }
        self.next = match (self.next, rows) {
            (Some(place), Rows::Many(tree)) => match direction {
                Direction::Forward => Some(tree.next(place)),
                Direction::Reverse => tree.previous(place),
            },
            _ => None,
        };
    }
}

/// The first and the last row of a slice, if it has any.
fn ends(header: &Header, rows: &Rows, slice: Slice<'_>) -> Option<(Place, Place)> {
    let comparator = &header.clustering;
    let (start, end) = (slice.start.position(), slice.end.position());
    match rows {
        Rows::None => None,
        Rows::One(row) => {
            let sought = [Sought::new(comparator, start), Sought::new(comparator, end)];
            let [is_after, is_before] = sought.map(|s| row.compare(comparator, &s));
            (is_after.is_gt() && is_before.is_lt()).then_some((Place::FIRST, Place::FIRST))
        }
        Rows::Many(tree) => {
            let (first, after) = (bound(tree, header, start), bound(tree, header, end));
            if first >= after {
                return None;
            }
            let Some(last) = tree.previous(after) else { unreachable!("the first row is before it") };
            Some((first, last))
        }
    }
}

fn bound(tree: &RowTree, header: &Header, position: Position<'_>) -> Place {
    tree.lower_bound(&header.clustering, &Sought::new(&header.clustering, position))
}

#[inline]
fn entry(rows: &Rows, place: Place) -> &Entry {
    let found = match rows {
        Rows::None => None,
        Rows::One(entry) => Some(entry),
        Rows::Many(tree) => tree.get(place),
    };
    let Some(entry) = found else { unreachable!("a cursor stands on rows that there are") };
    entry
}
