//! The index as a guide through data of which parts are lost: where partitions and blocks of their
//! rows begin.
//!
//! It is followed only where the data itself doesn't lead on, and read as far as it is intact.

use helenus_rows::DeletionTime;
use helenus_sstable::{IndexBlocks, IndexWalk, IndexedPartition, SearchKey, SsTableError, TableIndex};

/// The index's entries of the partitions, one after the other.
pub(super) struct Guide<'a> {
    index: Option<&'a TableIndex>,
    walk: Option<IndexWalk<'a>>,
    /// The damage that ended the walk.
    pub(super) damage: Option<SsTableError>,
}

/// The entry of a partition in the index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    at: IndexedPartition,
    /// Its key, where the index holds whole keys.
    pub(super) key: Option<Vec<u8>>,
}

impl Entry {
    /// Where it begins in the data.
    pub(super) fn position(&self) -> u64 {
        self.at.position()
    }

    /// Its deletion, where the index knows of it.
    pub(super) fn deletion(&self) -> Option<DeletionTime> {
        self.at.deletion()
    }
}

impl<'a> Guide<'a> {
    /// Goes along an index, if there is one.
    pub(super) fn new(index: Option<&'a TableIndex>) -> Guide<'a> {
        let walk = index.map(TableIndex::partitions);
        let mut guide = Guide { index, walk, damage: None };
        guide.follow(|walk| walk.next().map(drop));
        guide
    }

    fn follow(&mut self, go: impl FnOnce(&mut IndexWalk<'a>) -> Result<(), SsTableError>) {
        let damage = self.walk.as_mut().and_then(|walk| go(walk).err());
        self.damage = self.damage.take().or(damage);
    }

    /// The next partition that it knows of.
    pub(super) fn next(&self) -> Option<Entry> {
        let walk = self.walk.as_ref()?;
        Some(Entry { at: walk.current()?, key: walk.key().map(<[u8]>::to_vec) })
    }

    /// Whether it says where each partition is, as far as it was read.
    fn is_whole(&self) -> bool {
        self.walk.as_ref().is_some_and(IndexWalk::is_whole)
    }

    /// Whether all that is left of it can be read.
    pub(super) fn is_whole_to_the_end(&self) -> bool {
        let walk = self.walk.clone();
        walk.is_some_and(|mut walk| walk.pass(u64::MAX, |_| {}).is_ok() && walk.is_whole())
    }

    /// Advances to the first partition that begins at or after `position`.
    pub(super) fn pass(&mut self, position: u64) {
        self.follow(|walk| walk.pass(position, |_| {}));
    }

    /// The partition that begins at `start`, and where the next one begins: `None` if that isn't
    /// known. Goes on to that one.
    pub(super) fn partition(&mut self, start: u64, data_len: u64) -> (Option<Entry>, Option<u64>) {
        self.pass(start);
        let entry = self.next().filter(|next| next.position() == start);
        self.pass(start.saturating_add(1));
        let next = self.position().filter(|next| *next < data_len);
        (entry, next.or(self.is_whole().then_some(data_len)))
    }

    /// Whether it says that the partition of the key begins at `position`.
    pub(super) fn confirms(&self, key: &SearchKey, position: u64) -> bool {
        let is_next = self.position() == Some(position)
            && self.walk.as_ref().is_some_and(|walk| walk.key() == Some(key.key()));
        let is_found = |index: &TableIndex| {
            index.find(key).is_ok_and(|at| at.is_some_and(|at| at.position() == position))
        };
        is_next || self.index.is_some_and(is_found)
    }

    /// Where the next partition begins.
    fn position(&self) -> Option<u64> {
        Some(self.walk.as_ref()?.current()?.position())
    }

    /// The blocks of a partition's rows, if there are any.
    pub(super) fn blocks(&self, entry: &Entry) -> Option<IndexBlocks<'a>> {
        self.index?.blocks(entry.at)
    }

    /// Partitions that it may say it has, at most; for estimates.
    pub(super) fn count(&self, least: u64) -> u64 {
        self.index.map_or(least, |index| index.key_count().max(least))
    }
}
