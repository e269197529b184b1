//! One partition in memory.

use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::{ClusteringComparator, DeletionTime, Header, Position, RangeTombstoneList, RowRef};
use helenus_types::Token;

use crate::tree::{Entry, RowTree, Search, Sought};
use crate::versions::Versions;

/// A partition as the shard holds it. Rows and ranges are shared copy-on-write, so that a reader
/// takes them whole under the shard's lock by cloning two pointers.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) token: Token,
    pub(crate) key: Bytes,
    pub(crate) deletion: DeletionTime,
    pub(crate) static_row: Option<Versions>,
    pub(crate) rows: Rows,
    pub(crate) ranges: Option<Arc<RangeTombstoneList>>,
}

/// Most partitions of many tables have one row: that form needs no allocation.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    None,
    One(Entry),
    Many(Arc<RowTree>),
}

impl Rows {
    /// The row at that position.
    pub(crate) fn find(&self, comparator: &ClusteringComparator, position: Position<'_>) -> Option<&Entry> {
        let sought = Sought::new(comparator, position);
        match self {
            Self::None => None,
            Self::One(entry) => entry.is_at(comparator, &sought).then_some(entry),
            Self::Many(tree) => match tree.search(comparator, &sought) {
                Search::Found(place) => tree.get(place),
                Search::Vacant(_) => None,
            },
        }
    }
}

impl Partition {
    pub(crate) fn new(token: Token, key: Bytes) -> Self {
        Self { token, key, deletion: DeletionTime::LIVE, static_row: None, rows: Rows::None, ranges: None }
    }

    /// The partition's current state; later writes don't change it.
    pub(crate) fn snapshot(&self) -> PartitionSnapshot {
        PartitionSnapshot {
            token: self.token,
            key: self.key.clone(),
            deletion: self.deletion,
            static_row: self.static_row.clone(),
            rows: self.rows.clone(),
            ranges: self.ranges.clone(),
        }
    }
}

/// One state of a partition, whole mutations only.
#[derive(Clone, Debug)]
pub struct PartitionSnapshot {
    pub(crate) token: Token,
    pub(crate) key: Bytes,
    pub(crate) deletion: DeletionTime,
    pub(crate) static_row: Option<Versions>,
    pub(crate) rows: Rows,
    pub(crate) ranges: Option<Arc<RangeTombstoneList>>,
}

impl PartitionSnapshot {
    /// Raw partition key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Deletion of the whole partition, or live.
    pub fn deletion(&self) -> DeletionTime {
        self.deletion
    }

    /// The versions of the static row, the newest first; a large one may have several.
    pub fn static_row<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = RowRef<'a>> {
        self.static_row.iter().flat_map(|versions| versions.newest_first(header, 0))
    }

    /// The versions of the row with that encoded clustering, the newest first, and the range
    /// deletion that covers its place. A large row may have several.
    pub fn row<'a>(
        &'a self,
        header: &'a Header,
        clustering: &[u8],
    ) -> (impl Iterator<Item = RowRef<'a>> + use<'a>, DeletionTime) {
        let comparator = &header.clustering;
        let position = Position::row(comparator, clustering);
        let covering = self.ranges.as_ref().map_or(DeletionTime::LIVE, |r| r.covering(position, comparator));
        let entry = self.rows.find(comparator, position);
        let versions = entry.map(|entry| entry.versions().newest_first(header, entry.clustering_len()));
        (versions.into_iter().flatten(), covering)
    }
}
