//! The rows of one partition in clustering order, shared copy-on-write with readers.

use std::cmp::Ordering;

use helenus_rows::{BlockList, ClusteringComparator, Header, Place, Position, RowRef};
use helenus_types::DecodeError;

use crate::versions::{RowStore, Versions};

/// One row: its versions, and what finds it without looking at them.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    prefix: u64,
    clustering_len: u32,
    versions: Versions,
}

const _: () = assert!(size_of::<Entry>() == 48, "rows are counted in millions");

impl Entry {
    pub(crate) fn new(comparator: &ClusteringComparator, row: RowRef<'_>, store: &mut RowStore) -> Self {
        let Ok(clustering_len) = u32::try_from(row.clustering.len()) else {
            unreachable!("a clustering is shorter than an update, whose length is a u32")
        };
        let prefix = comparator.prefix64(row.clustering);
        Self { prefix, clustering_len, versions: Versions::One(store.store(row)) }
    }

    /// Adds a version; returns the bytes newly allocated outside the arena.
    pub(crate) fn add(
        &mut self,
        header: &Header,
        row: RowRef<'_>,
        store: &mut RowStore,
    ) -> Result<usize, DecodeError> {
        self.versions.add(header, self.clustering_len as usize, row, store)
    }

    /// The row's versions.
    pub(crate) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Length of the row's clustering, which its versions have in common.
    pub(crate) fn clustering_len(&self) -> usize {
        self.clustering_len as usize
    }

    /// The row's clustering.
    #[inline]
    pub(crate) fn clustering(&self) -> &[u8] {
        let packed = self.versions.oldest();
        let begin = packed.first().map_or(1, |flags| RowRef::packed_head_len(*flags));
        let Some(clustering) = packed.get(begin..begin + self.clustering_len as usize) else {
            unreachable!("a packed row holds its clustering")
        };
        clustering
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

/// All rows of a partition, strictly ascending.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowTree {
    rows: BlockList<Entry>,
}

/// Where a row with some clustering is, or where it would go.
pub(crate) enum Search {
    Found(Place),
    Vacant(Place),
}

impl RowTree {
    #[inline]
    pub(crate) fn get(&self, place: Place) -> Option<&Entry> {
        self.rows.get(place)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.rows.get_mut(place)
    }

    /// The place after this one.
    #[inline]
    pub(crate) fn next(&self, place: Place) -> Place {
        self.rows.next(place)
    }

    /// The place before this one; `None` before the first row.
    #[inline]
    pub(crate) fn previous(&self, place: Place) -> Option<Place> {
        self.rows.previous(place)
    }

    /// Looks for a row, trying both ends first: most tables are written in clustering order or
    /// against it.
    pub(crate) fn search(&self, comparator: &ClusteringComparator, at: &Sought<'_>) -> Search {
        let Some((end, last)) = self.rows.last() else { return Search::Vacant(Place::FIRST) };
        match last.compare(comparator, at) {
            Ordering::Less => return Search::Vacant(self.rows.end()),
            Ordering::Equal => return Search::Found(end),
            Ordering::Greater => {}
        }
        match self.rows.first().map(|row| row.compare(comparator, at)) {
            Some(Ordering::Greater) => return Search::Vacant(Place::FIRST),
            Some(Ordering::Equal) => return Search::Found(Place::FIRST),
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
        self.rows.partition_point(|row| row.compare(comparator, at).is_lt())
    }

    /// Inserts a row at the place that [`search`](Self::search) found vacant; returns bytes newly
    /// allocated.
    pub(crate) fn insert(&mut self, place: Place, entry: Entry) -> usize {
        let before = self.rows.heap_len();
        self.rows.insert(place, entry);
        self.rows.heap_len() - before
    }
}
