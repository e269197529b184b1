//! The rows of one partition in clustering order: blocks of rows, shared copy-on-write with readers.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::{ClusteringComparator, Header, Position, RowRef};

/// A full block splits; one that grew at an end starts a neighbour instead, so that rows written in order leave
/// full blocks behind.
const BLOCK_ROWS: usize = 64;

/// One row: its packed bytes, and what finds it without looking at them.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    prefix: u64,
    clustering_len: u32,
    packed: Bytes,
}

impl Entry {
    pub(crate) fn new(comparator: &ClusteringComparator, clustering: &[u8], packed: Bytes) -> Self {
        let clustering_len = u32::try_from(clustering.len()).unwrap_or(u32::MAX);
        Self { prefix: comparator.prefix64(clustering), clustering_len, packed }
    }

    /// The row; `None` never happens for bytes that `RowRef::pack` made.
    #[inline]
    pub(crate) fn row<'a>(&'a self, header: &'a Header) -> Option<RowRef<'a>> {
        RowRef::unpack(header, &self.packed, self.clustering_len as usize)
    }

    #[inline]
    fn clustering(&self) -> &[u8] {
        let extended = usize::from(self.packed.first().is_some_and(|flags| flags & 0x80 != 0));
        let begin = 1 + extended;
        self.packed.get(begin..begin + self.clustering_len as usize).unwrap_or_default()
    }

    /// Whether this is the row at that position.
    pub(crate) fn is_at(&self, comparator: &ClusteringComparator, at: &Sought<'_>) -> bool {
        self.compare(comparator, at).is_eq()
    }

    /// Order of this row against a position whose prefix is known.
    #[inline]
    pub(crate) fn compare(&self, comparator: &ClusteringComparator, at: &Sought<'_>) -> Ordering {
        if at.position.size > 0 && self.prefix != at.prefix {
            return self.prefix.cmp(&at.prefix);
        }
        comparator.compare(Position::row(comparator, self.clustering()), at.position)
    }
}

/// A position to look for, with its prefix.
#[derive(Debug)]
pub(crate) struct Sought<'a> {
    pub(crate) position: Position<'a>,
    prefix: u64,
}

impl<'a> Sought<'a> {
    pub(crate) fn new(comparator: &ClusteringComparator, position: Position<'a>) -> Self {
        let prefix = if position.size > 0 { comparator.prefix64(position.values) } else { 0 };
        Self { position, prefix }
    }
}

/// A place between or on rows: block, row in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    block: usize,
    row: usize,
}

impl Place {
    /// The first row, if there is one.
    pub(crate) const FIRST: Place = Place { block: 0, row: 0 };
}

type Block = VecDeque<Entry>;

/// All rows of a partition.
///
/// Invariants: no block is empty; rows ascend strictly inside blocks and from block to block.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowTree {
    blocks: VecDeque<Arc<Block>>,
}

/// Where a row with some clustering is, or where it would go.
pub(crate) enum Search {
    Found(Place),
    Vacant(Place),
}

impl RowTree {
    pub(crate) fn get(&self, place: Place) -> Option<&Entry> {
        self.blocks.get(place.block)?.get(place.row)
    }

    /// The place after this one.
    #[inline]
    pub(crate) fn next(&self, place: Place) -> Place {
        match self.blocks.get(place.block) {
            Some(block) if place.row + 1 < block.len() => Place { row: place.row + 1, ..place },
            _ => Place { block: place.block + 1, row: 0 },
        }
    }

    /// The place before this one; `None` before the first row.
    #[inline]
    pub(crate) fn previous(&self, place: Place) -> Option<Place> {
        if place.row > 0 {
            return Some(Place { row: place.row - 1, ..place });
        }
        let block = place.block.checked_sub(1)?;
        Some(Place { block, row: self.blocks.get(block)?.len() - 1 })
    }

    /// Looks for a row, trying both ends first: most tables are written in clustering order or against it.
    pub(crate) fn search(&self, comparator: &ClusteringComparator, at: &Sought<'_>) -> Search {
        let (Some(first), Some(last)) = (self.blocks.front(), self.blocks.back()) else {
            return Search::Vacant(Place { block: 0, row: 0 });
        };
        let end = Place { block: self.blocks.len() - 1, row: last.len() };
        match last.back().map(|row| row.compare(comparator, at)) {
            Some(Ordering::Less) => return Search::Vacant(end),
            Some(Ordering::Equal) => return Search::Found(Place { row: end.row - 1, ..end }),
            _ => {}
        }
        match first.front().map(|row| row.compare(comparator, at)) {
            Some(Ordering::Greater) => return Search::Vacant(Place { block: 0, row: 0 }),
            Some(Ordering::Equal) => return Search::Found(Place { block: 0, row: 0 }),
            _ => {}
        }
        let place = self.lower_bound(comparator, at);
        match self.get(place).map(|row| row.compare(comparator, at)) {
            Some(Ordering::Equal) => Search::Found(place),
            _ => Search::Vacant(place),
        }
    }

    /// The first row at or after a position.
    pub(crate) fn lower_bound(&self, comparator: &ClusteringComparator, at: &Sought<'_>) -> Place {
        let block = self
            .blocks
            .partition_point(|block| block.back().is_some_and(|row| row.compare(comparator, at).is_lt()));
        let row = self
            .blocks
            .get(block)
            .map_or(0, |block| block.partition_point(|row| row.compare(comparator, at).is_lt()));
        Place { block, row }
    }

    /// Puts another version in the place of a row.
    pub(crate) fn replace(&mut self, place: Place, entry: Entry) {
        let slot = self.blocks.get_mut(place.block).and_then(|block| Arc::make_mut(block).get_mut(place.row));
        if let Some(slot) = slot {
            *slot = entry;
        }
    }

    /// Inserts a row at the place that [`search`](Self::search) found vacant; returns bytes newly allocated.
    pub(crate) fn insert(&mut self, place: Place, entry: Entry) -> usize {
        let blocks = self.blocks.len();
        let Some(block) = self.blocks.get_mut(place.block) else {
            return self.push_block(place.block, entry);
        };
        if block.len() < BLOCK_ROWS {
            let block = Arc::make_mut(block);
            let before = block.capacity();
            block.insert(place.row, entry);
            return (block.capacity() - before) * size_of::<Entry>();
        }
        if place.row == block.len() && place.block + 1 == blocks {
            return self.push_block(blocks, entry);
        }
        if place.row == 0 && place.block == 0 {
            return self.push_block(0, entry);
        }
        let block = Arc::make_mut(block);
        let mut upper = block.split_off(BLOCK_ROWS / 2);
        match place.row.checked_sub(BLOCK_ROWS / 2) {
            Some(row) if row > 0 => upper.insert(row, entry),
            _ => block.insert(place.row, entry),
        }
        let grown = upper.capacity() * size_of::<Entry>();
        self.blocks.insert(place.block + 1, Arc::new(upper));
        grown + size_of::<Block>()
    }

    fn push_block(&mut self, at: usize, entry: Entry) -> usize {
        // A partition's first block starts small: most partitions have few rows.
        let capacity = if self.blocks.is_empty() { 4 } else { BLOCK_ROWS };
        let mut block = Block::with_capacity(capacity);
        block.push_back(entry);
        self.blocks.insert(at.min(self.blocks.len()), Arc::new(block));
        capacity * size_of::<Entry>() + size_of::<Block>()
    }
}
