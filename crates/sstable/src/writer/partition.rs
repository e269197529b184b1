//! The state of the partition that is being written.

use helenus_rows::{Bound, BoundKind, DeletionTime, Header, Position, PositionKind, Unfiltered};
use helenus_types::Partitioner;

use crate::big::BlockEdge;
use crate::index::SearchKey;
use crate::statistics::StatsCollector;

/// The partition that is being written.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) key: SearchKey,
    pub(super) deletion: DeletionTime,
    /// Where it begins in the data.
    pub(super) start: u64,
    /// Distance from there to its first row or marker.
    pub(super) body_offset: u64,
    /// Whether anything is in it yet; an empty one is not written.
    pub(super) has_content: bool,
    /// Whether a row or marker is.
    pub(super) has_unfiltered: bool,
    pub(super) is_open: bool,
    /// Distance from the start to the last row or marker.
    pub(super) previous: u64,
    /// First row or marker of the partition, of the block, and the last one.
    pub(super) first: Place,
    pub(super) block_first: Place,
    pub(super) last: Place,
    /// Distance from the start to the block, if one is open.
    pub(super) block_start: Option<u64>,
    /// The range deletion that was open at the block's start.
    pub(super) block_open: DeletionTime,
    /// The one that is open now.
    pub(super) open: DeletionTime,
    pub(super) comparable: [Vec<u8>; 2],
}

/// A row's or marker's position, copied.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// `None` is a row.
    bound: Option<BoundKind>,
    size: usize,
    values: Vec<u8>,
}

impl Partition {
    pub(super) fn new(partitioner: Partitioner) -> Partition {
        Partition {
            key: SearchKey::new(partitioner),
            deletion: DeletionTime::LIVE,
            start: 0,
            body_offset: 0,
            has_content: false,
            has_unfiltered: false,
            is_open: false,
            previous: 0,
            first: Place::default(),
            block_first: Place::default(),
            last: Place::default(),
            block_start: None,
            block_open: DeletionTime::LIVE,
            open: DeletionTime::LIVE,
            comparable: [Vec::new(), Vec::new()],
        }
    }

    pub(super) fn begin(&mut self, start: u64, key: &[u8], deletion: DeletionTime) {
        self.key.set(key);
        self.deletion = deletion;
        self.start = start;
        self.has_content = false;
        self.has_unfiltered = false;
        self.is_open = true;
        self.previous = 0;
        self.block_start = None;
        self.open = DeletionTime::LIVE;
    }

    /// Notes a row or marker that begins at `position` of the data; the distance to the one before
    /// it.
    #[inline]
    pub(super) fn place(&mut self, unfiltered: Unfiltered<'_>, position: u64) -> u64 {
        let offset = position - self.start;
        if !self.has_unfiltered {
            self.has_unfiltered = true;
            self.first.set(unfiltered);
        }
        if self.block_start.is_none() {
            self.block_start = Some(offset);
            self.block_open = self.open;
            self.block_first.set(unfiltered);
        }
        self.last.set(unfiltered);
        let prev_size = offset - self.previous;
        self.previous = offset;
        prev_size
    }

    /// Widens what the table covers by the partition.
    pub(super) fn cover(&self, stats: &mut StatsCollector) {
        if !self.has_unfiltered {
            return;
        }
        let start = self.first.bound.map_or(BoundKind::InclStart, |kind| BoundKind::start(kind.side()));
        let end = self.last.bound.map_or(BoundKind::InclEnd, |kind| BoundKind::end(kind.side()));
        stats.cover(self.first.bounded(start), self.last.bounded(end));
    }
}

impl Place {
    #[inline]
    pub(super) fn set(&mut self, unfiltered: Unfiltered<'_>) {
        let position = unfiltered.position();
        self.bound = match unfiltered {
            Unfiltered::Row(_) => None,
            Unfiltered::Marker(marker) => Some(marker.bound.kind),
        };
        self.size = position.size;
        self.values.clear();
        self.values.extend_from_slice(position.values);
    }

    fn bounded(&self, kind: BoundKind) -> Bound<'_> {
        Bound { kind, size: self.size, values: &self.values }
    }

    /// The position in the form of Index.db.
    pub(super) fn edge(&self) -> BlockEdge<'_> {
        BlockEdge { bound: self.bound, size: self.size, values: &self.values }
    }

    pub(super) fn comparable(&self, header: &Header, out: &mut Vec<u8>) {
        let kind = self.bound.map_or(PositionKind::Row, BoundKind::side);
        out.clear();
        header.clustering.comparable(Position { kind, size: self.size, values: &self.values }, out);
    }
}
