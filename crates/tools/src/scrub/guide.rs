//! The index as a guide through data of which parts are lost: where partitions and blocks of their
//! rows begin.
//!
//! It is followed only where the data itself doesn't lead on, and read as far as it is intact.

use helenus_rows::DeletionTime;
use helenus_sstable::{IndexBlocks, IndexWalk, IndexedPartition, SearchKey, SsTableError, TableIndex};

/// The index's entries of the partitions, one after the other.
pub(super) struct Guide<'a> {
    index: Option<&'a TableIndex>,
    /// Ends with the first damage: entries after it can't be trusted.
    walk: Option<IndexWalk<'a>>,
    next: Option<Entry>,
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
        let mut guide = Guide { index, walk, next: None, damage: None };
        guide.step();
        guide
    }

    /// The next partition that it knows of.
    pub(super) fn next(&self) -> Option<&Entry> {
        self.next.as_ref()
    }

    /// Whether it says where each partition is, as far as it was read.
    fn is_whole(&self) -> bool {
        self.walk.is_some()
    }

    /// Whether all that is left of it can be read.
    pub(super) fn is_whole_to_the_end(&self) -> bool {
        let Some(mut walk) = self.walk.clone() else { return false };
        loop {
            match walk.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Advances to the first partition that begins at or after `position`.
    pub(super) fn pass(&mut self, position: u64) {
        while self.next.as_ref().is_some_and(|next| next.position() < position) {
            self.step();
        }
    }

    /// The partition that begins at `start`, and where the next one begins: `None` if that isn't
    /// known. Goes on to that one.
    pub(super) fn partition(&mut self, start: u64, data_len: u64) -> (Option<Entry>, Option<u64>) {
        self.pass(start);
        let entry = self.next.take_if(|next| next.position() == start);
        if entry.is_some() {
            self.step();
        }
        let next = self.next.as_ref().map(Entry::position).filter(|next| *next < data_len);
        (entry, next.or(self.is_whole().then_some(data_len)))
    }

    /// Whether it says that the partition of the key begins at `position`.
    pub(super) fn confirms(&self, key: &SearchKey, position: u64) -> bool {
        let is_next = |next: &Entry| next.position() == position && next.key.as_deref() == Some(key.key());
        let is_found = |index: &TableIndex| {
            index.find(key).is_ok_and(|at| at.is_some_and(|at| at.position() == position))
        };
        self.next.as_ref().is_some_and(is_next) || self.index.is_some_and(is_found)
    }

    /// The blocks of a partition's rows, if there are any.
    pub(super) fn blocks(&self, entry: &Entry) -> Option<IndexBlocks<'a>> {
        self.index?.blocks(entry.at).ok().flatten()
    }

    /// Partitions that it may say it has, at most; for estimates.
    pub(super) fn count(&self, least: u64) -> u64 {
        self.index.map_or(least, |index| index.key_count().max(least))
    }

    fn step(&mut self) {
        self.next = None;
        let Some(walk) = &mut self.walk else { return };
        match walk.next() {
            Ok(next) => self.next = next.map(|at| Entry { at, key: walk.key().map(<[u8]>::to_vec) }),
            Err(damage) => (self.walk, self.damage) = (None, Some(damage)),
        }
    }
}
