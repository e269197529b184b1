//! A row in memory: one version, or of a large row several, so that a small change doesn't copy all
//! of it.

use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::{DeletionTime, Header, RowBuf, RowMerger, RowRef, merge_rows};
use helenus_types::DecodeError;
use smallvec::SmallVec;

use crate::arena::Arena;

/// A row up to that length has one version: merging costs little then, and reads find it merged.
const SMALL_ROW: usize = 1 << 10;
/// A change of a large row up to that length is merged with the next one.
const SMALL_CHANGE: usize = 256;
const FIRST_CAPACITY: usize = 4;

/// The versions of a row, packed, the oldest first. Merged they are the row.
///
/// Each but the last is more than twice as long as the next one: their number is the logarithm of
/// the row's length, and so is how often a byte is copied. All have the first one's clustering,
/// whose bytes may be others than those of an equal one.
///
/// Invariant: there is one at least.
#[derive(Clone, Debug)]
pub(crate) enum Versions {
    One(Bytes),
    Several(Arc<Vec<Bytes>>),
}

/// The means of writing rows.
#[derive(Debug, Default)]
pub(crate) struct RowStore {
    arena: Arena,
    merger: RowMerger,
    merged: RowBuf,
}

impl RowStore {
    /// Copies a row into the arena in its packed form.
    #[inline]
    pub(crate) fn store(&mut self, row: RowRef<'_>) -> Bytes {
        store(&mut self.arena, row)
    }

    /// Copies bytes into the arena.
    pub(crate) fn store_bytes(&mut self, bytes: &[u8]) -> Bytes {
        self.arena.store(&[bytes])
    }

    /// Bytes allocated in all, whether used, garbage or still free.
    pub(crate) fn allocated(&self) -> usize {
        self.arena.allocated()
    }
}

#[inline]
fn store(arena: &mut Arena, row: RowRef<'_>) -> Bytes {
    let head = [row.flags, row.extended];
    let Some(head) = head.get(..RowRef::packed_head_len(row.flags)) else {
        unreachable!("a row's head is a byte or two")
    };
    arena.store(&[head, row.clustering, row.body])
}

impl Versions {
    #[inline]
    fn all(&self) -> &[Bytes] {
        match self {
            Self::One(version) => std::slice::from_ref(version),
            Self::Several(versions) => versions,
        }
    }

    /// The oldest version, packed.
    #[inline]
    pub(crate) fn oldest(&self) -> &[u8] {
        let Some(oldest) = self.all().first() else { unreachable!("a row has a version") };
        oldest
    }

    /// Whether there is one version only.
    #[inline]
    pub(crate) fn is_single(&self) -> bool {
        self.all().len() == 1
    }

    /// The row, where it has one version.
    #[inline]
    pub(crate) fn single<'a>(&'a self, header: &'a Header, clustering_len: usize) -> Option<RowRef<'a>> {
        let [version] = self.all() else { return None };
        Some(unpack(header, version, clustering_len))
    }

    /// The versions, the newest first.
    #[inline]
    pub(crate) fn newest_first<'a>(
        &'a self,
        header: &'a Header,
        clustering_len: usize,
    ) -> impl Iterator<Item = RowRef<'a>> {
        self.all().iter().rev().map(move |version| unpack(header, version, clustering_len))
    }

    /// Adds a version, merged with those that it is not much shorter than; returns the bytes newly
    /// allocated outside the arena.
    pub(crate) fn add(
        &mut self,
        header: &Header,
        clustering_len: usize,
        row: RowRef<'_>,
        store: &mut RowStore,
    ) -> Result<usize, DecodeError> {
        let all = self.all();
        let mut kept = all.len();
        let mut merged_len = row.packed_len();
        while let Some((last, others)) = all.get(..kept).and_then(<[Bytes]>::split_last) {
            let small = if others.is_empty() { SMALL_ROW } else { SMALL_CHANGE };
            if last.len() > small.max(2 * merged_len) {
                break;
            }
            merged_len += last.len();
            kept -= 1;
        }
        let oldest = all.first().map(|version| unpack(header, version, clustering_len));
        let row = RowRef { clustering: oldest.map_or(row.clustering, |oldest| oldest.clustering), ..row };
        let RowStore { arena, merger, merged } = store;
        let version = if kept == all.len() {
            self::store(arena, row)
        } else {
            let newer = all.iter().skip(kept);
            let mut versions: SmallVec<[RowRef<'_>; 8]> =
                newer.map(|version| unpack(header, version, clustering_len)).collect();
            versions.push(row);
            if !merge_rows(merger, &versions, DeletionTime::LIVE, header, merged)? {
                // All of them are empty, and adding another one changes nothing.
                return Ok(0);
            }
            self::store(arena, merged.as_ref(header))
        };
        Ok(self.replace_from(kept, version))
    }

    /// Puts one version in the place of all from an index on; returns the bytes newly allocated.
    fn replace_from(&mut self, kept: usize, version: Bytes) -> usize {
        match self {
            Self::One(one) if kept == 0 => {
                *one = version;
                0
            }
            Self::One(one) => {
                let mut list = Vec::with_capacity(FIRST_CAPACITY);
                list.extend([std::mem::take(one), version]);
                let bytes = 2 * size_of::<usize>() + size_of::<Vec<Bytes>>();
                let bytes = bytes + list.capacity() * size_of::<Bytes>();
                *self = Self::Several(Arc::new(list));
                bytes
            }
            Self::Several(shared) => {
                if Arc::strong_count(shared) > 1 {
                    // With the same room, which is counted once.
                    let mut copy = Vec::with_capacity(shared.capacity());
                    copy.extend_from_slice(shared);
                    *shared = Arc::new(copy);
                }
                let list = Arc::make_mut(shared);
                let before = list.capacity();
                list.truncate(kept);
                list.push(version);
                (list.capacity() - before) * size_of::<Bytes>()
            }
        }
    }
}

/// The row in bytes that [`store`] made.
#[inline]
fn unpack<'a>(header: &'a Header, packed: &'a [u8], clustering_len: usize) -> RowRef<'a> {
    let Some(row) = RowRef::unpack(header, packed, clustering_len) else {
        unreachable!("a version holds a row")
    };
    row
}

/// Merges the versions of rows for a reader.
#[derive(Debug, Default)]
pub(crate) struct VersionMerger {
    merger: RowMerger,
}

impl VersionMerger {
    /// Writes the row that versions make together.
    pub(crate) fn merge(
        &mut self,
        versions: &Versions,
        clustering_len: usize,
        header: &Header,
        out: &mut RowBuf,
    ) -> Result<(), DecodeError> {
        let oldest_first = versions.all().iter();
        let oldest_first: SmallVec<[RowRef<'_>; 8]> =
            oldest_first.map(|version| unpack(header, version, clustering_len)).collect();
        let is_there = merge_rows(&mut self.merger, &oldest_first, DeletionTime::LIVE, header, out)?;
        if let Some(oldest) = oldest_first.first()
            && !is_there
        {
            // All of them are empty.
            out.assign(*oldest);
        }
        Ok(())
    }
}
