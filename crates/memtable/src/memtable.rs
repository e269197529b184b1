//! The memtable: shards by token, each a hash of partitions under a short lock.

use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use helenus_rows::{Header, Op, Place, Position, RowRef, UpdateRef};
use helenus_types::{DecodeError, Timestamp, Token};
use parking_lot::Mutex;

use crate::observer::{MemtableObserver, ObservedPartition, ObservedRows};
use crate::partition::{Partition, PartitionSnapshot, Rows};
use crate::tree::{Entry, RowTree, Search, Sought};
use crate::versions::{RowStore, Versions};

/// A power of two: the shard is the token's top bits, so that shards in order are tokens in order.
const SHARD_BITS: u32 = 4;
const SHARDS: usize = 1 << SHARD_BITS;
/// The two counts before what an `Arc` shares.
const ARC_BYTES: usize = 2 * size_of::<usize>();

/// Sorted partitions in memory (`db.memtable.Memtable`), written and read by many threads at once.
///
/// A write takes its shard's lock for one partition update; a read takes it to clone two pointers.
/// When to flush, and what happens to writes meanwhile, the engine decides.
#[derive(Debug)]
pub struct Memtable {
    header: Arc<Header>,
    observers: Box<[Arc<dyn MemtableObserver>]>,
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard>]>,
    allocated: AtomicUsize,
    partitions: AtomicUsize,
    rows: AtomicUsize,
    min_timestamp: AtomicI64,
}

#[derive(Debug, Default)]
struct Shard {
    index: HashTable<u32>,
    partitions: Vec<Partition>,
    store: RowStore,
    other_bytes: usize,
}

impl Memtable {
    /// An empty memtable for rows that are encoded against `header`.
    pub fn new(header: Arc<Header>) -> Self {
        Self::observed(header, Vec::new())
    }

    /// The same with observers, which see all that is written to it.
    pub fn observed(header: Arc<Header>, observers: Vec<Arc<dyn MemtableObserver>>) -> Self {
        Self {
            header,
            observers: observers.into(),
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            allocated: AtomicUsize::new(0),
            partitions: AtomicUsize::new(0),
            rows: AtomicUsize::new(0),
            min_timestamp: AtomicI64::new(i64::MAX),
        }
    }

    /// The header that its rows are encoded against.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Those that see what is written to it.
    pub fn observers(&self) -> &[Arc<dyn MemtableObserver>] {
        &self.observers
    }

    /// Bytes allocated, garbage of overwritten rows included; what observers hold is not counted.
    pub fn allocated_bytes(&self) -> usize {
        self.allocated.load(Relaxed)
    }

    /// Number of partitions.
    pub fn partition_count(&self) -> usize {
        self.partitions.load(Relaxed)
    }

    /// Number of rows, static rows not counted.
    pub fn row_count(&self) -> usize {
        self.rows.load(Relaxed)
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.partition_count() == 0
    }

    /// A timestamp that nothing in the memtable is older than; the largest when it is empty.
    pub fn min_timestamp(&self) -> Timestamp {
        Timestamp(self.min_timestamp.load(Relaxed))
    }

    /// Applies updates, encoded against this memtable's header, of one partition, which has that
    /// token. Readers see all of them or nothing. `min_timestamp` is the oldest one in them.
    /// Returns the bytes allocated.
    ///
    /// # Errors
    /// When the bytes are no update; operations before the bad one are applied then.
    pub fn apply<'u>(
        &self,
        token: Token,
        updates: impl IntoIterator<Item = UpdateRef<'u>>,
        min_timestamp: Timestamp,
    ) -> Result<usize, DecodeError> {
        let mut updates = updates.into_iter();
        let Some(mut update) = updates.next() else { return Ok(0) };
        if min_timestamp.0 < self.min_timestamp.load(Relaxed) {
            self.min_timestamp.fetch_min(min_timestamp.0, Relaxed);
        }
        let key = update.key();
        let hash = self.hasher.hash_one(key);
        let header = &*self.header;
        let mut shard = self.shard(token).lock();
        let shard = &mut *shard;
        let before = (shard.allocated(), shard.partitions.len());
        let at = shard.partition(&self.hasher, hash, token, key);
        let mut rows = 0;
        let result = loop {
            match update.next(header) {
                Ok(None) => match updates.next() {
                    None => break Ok(()),
                    Some(next) => {
                        assert!(next.key() == key, "they are of one partition");
                        update = next;
                    }
                },
                Ok(Some(op)) if self.observers.is_empty() => {
                    rows += usize::from(shard.apply(header, at, &op)?);
                }
                Ok(Some(op)) => {
                    let partition = ObservedPartition { header, token, key };
                    rows += usize::from(shard.apply_observed(partition, at, &op, &self.observers)?);
                }
                Err(error) => break Err(error),
            }
        };
        let grown = shard.allocated() - before.0;
        self.allocated.fetch_add(grown, Relaxed);
        if shard.partitions.len() != before.1 {
            self.partitions.fetch_add(1, Relaxed);
        }
        self.rows.fetch_add(rows, Relaxed);
        result.map(|()| grown)
    }

    /// One state of the partition with that key; `None` when nothing was written to it.
    pub fn partition(&self, token: Token, key: &[u8]) -> Option<PartitionSnapshot> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(token).lock();
        let at = *shard.index.find(hash, |&at| shard.is(at, token, key))?;
        shard.partitions.get(at as usize).map(Partition::snapshot)
    }

    /// Whether anything was written to the partition with that key.
    pub fn contains(&self, token: Token, key: &[u8]) -> bool {
        let shard = self.shard(token).lock();
        shard.index.find(self.hasher.hash_one(key), |&at| shard.is(at, token, key)).is_some()
    }

    /// (token, key, index) of the partitions of one shard that lie in the range, sorted.
    pub(crate) fn sorted_keys(
        &self,
        shard: usize,
        tokens: &RangeInclusive<Token>,
    ) -> Vec<(Token, Bytes, u32)> {
        let shard = self.shard_at(shard).lock();
        let all = shard.partitions.iter().zip(0u32..);
        let mut keys: Vec<_> = all
            .filter(|(p, _)| tokens.contains(&p.token))
            .map(|(p, at)| (p.token, p.key.clone(), at))
            .collect();
        drop(shard);
        keys.sort_unstable();
        keys
    }

    /// The partition at an index from [`sorted_keys`](Self::sorted_keys).
    pub(crate) fn at(&self, shard: usize, index: u32) -> PartitionSnapshot {
        let shard = self.shard_at(shard).lock();
        let Some(partition) = shard.partitions.get(index as usize) else {
            unreachable!("no partition leaves a memtable")
        };
        partition.snapshot()
    }

    fn shard_at(&self, number: usize) -> &Mutex<Shard> {
        let Some(shard) = self.shards.get(number) else { unreachable!("tokens fall into shards that exist") };
        shard
    }

    /// The shards that tokens of the range fall into, in token order.
    pub(crate) fn shards_of(tokens: &RangeInclusive<Token>) -> RangeInclusive<usize> {
        shard_of(*tokens.start())..=shard_of(*tokens.end())
    }

    #[inline]
    fn shard(&self, token: Token) -> &Mutex<Shard> {
        #[expect(clippy::indexing_slicing, reason = "the top bits of a token number exactly the shards")]
        &self.shards[shard_of(token)]
    }
}

/// What a write would be lost by.
const NO_PARTITION: &str = "the partition of an update is made before it is applied";

#[inline]
fn shard_of(token: Token) -> usize {
    let unsigned = token.0.cast_unsigned() ^ 1 << 63;
    usize::try_from(unsigned >> (64 - SHARD_BITS)).unwrap_or_default()
}

impl Shard {
    fn allocated(&self) -> usize {
        self.store.allocated() + self.other_bytes
    }

    #[inline]
    fn is(&self, at: u32, token: Token, key: &[u8]) -> bool {
        self.partitions.get(at as usize).is_some_and(|p| p.token == token && p.key == key)
    }

    /// Index of the partition with that key, made if it wasn't there.
    fn partition(&mut self, hasher: &DefaultHashBuilder, hash: u64, token: Token, key: &[u8]) -> usize {
        let partitions = &self.partitions;
        let is = |&at: &u32| partitions.get(at as usize).is_some_and(|p| p.token == token && p.key == key);
        if let Some(&at) = self.index.find(hash, is) {
            return at as usize;
        }
        let before = self.partitions.capacity() * size_of::<Partition>() + self.index.allocation_size();
        let rehash = |&at: &u32| {
            let Some(partition) = partitions.get(at as usize) else {
                unreachable!("the index leads to partitions")
            };
            hasher.hash_one(&*partition.key)
        };
        let at = partitions.len();
        let Ok(number) = u32::try_from(at) else { unreachable!("a shard holds fewer than 2^32 partitions") };
        self.index.insert_unique(hash, number, rehash);
        let key = self.store.store_bytes(key);
        self.partitions.push(Partition::new(token, key));
        let after = self.partitions.capacity() * size_of::<Partition>() + self.index.allocation_size();
        self.other_bytes += after - before;
        at
    }

    /// Applies one operation; returns whether a row was added.
    fn apply(&mut self, header: &Header, at: usize, op: &Op<'_>) -> Result<bool, DecodeError> {
        let Some(partition) = self.partitions.get_mut(at) else { unreachable!("{NO_PARTITION}") };
        match op {
            Op::Partition(deletion) => partition.deletion = partition.deletion.merge(*deletion),
            Op::Range { start, end, deletion } => {
                let ranges = partition.ranges.get_or_insert_default();
                let ranges = Arc::make_mut(ranges);
                let before = ranges.peak_heap_len();
                ranges.add(*start, *end, *deletion, &header.clustering);
                // The list may shrink; its peak size stays counted.
                self.other_bytes += ranges.peak_heap_len() - before;
            }
            Op::Row(row) if row.is_static() => match &mut partition.static_row {
                None => partition.static_row = Some(Versions::One(self.store.store(*row))),
                Some(versions) => self.other_bytes += versions.add(header, 0, *row, &mut self.store)?,
            },
            Op::Row(row) => return self.apply_row(header, at, *row),
        }
        Ok(false)
    }

    /// The same before the eyes of observers.
    fn apply_observed(
        &mut self,
        partition: ObservedPartition<'_>,
        at: usize,
        op: &Op<'_>,
        observers: &[Arc<dyn MemtableObserver>],
    ) -> Result<bool, DecodeError> {
        let header = partition.header;
        let mut rows = ObservedRows::default();
        let mut was_there = false;
        if let Op::Row(row) = op
            && let Some((versions, clustering_len)) = self.versions_of(header, at, *row)
        {
            rows.keep_before(versions, clustering_len, header)?;
            was_there = true;
        }
        let added = self.apply(header, at, op)?;
        if let Op::Row(row) = op {
            let Some((versions, clustering_len)) = self.versions_of(header, at, *row) else {
                unreachable!("the row was written")
            };
            rows.keep_after(versions, clustering_len, header)?;
        }
        for observer in observers {
            match op {
                Op::Partition(deletion) => observer.partition_deleted(partition, *deletion),
                Op::Range { start, end, deletion } => {
                    observer.range_deleted(partition, *start, *end, *deletion);
                }
                Op::Row(_) => {
                    let before = was_there.then(|| rows.before.as_ref(header));
                    observer.row(partition, before, rows.after.as_ref(header));
                }
            }
        }
        Ok(added)
    }

    /// The versions of a row, or of the static row, and the length of its clustering.
    fn versions_of(&self, header: &Header, at: usize, row: RowRef<'_>) -> Option<(&Versions, usize)> {
        let partition = self.partitions.get(at)?;
        if row.is_static() {
            return partition.static_row.as_ref().map(|versions| (versions, 0));
        }
        let position = Position::row(&header.clustering, row.clustering);
        let entry = partition.rows.find(&header.clustering, position);
        entry.map(|entry| (entry.versions(), entry.clustering_len()))
    }

    fn apply_row(&mut self, header: &Header, at: usize, row: RowRef<'_>) -> Result<bool, DecodeError> {
        let Some(partition) = self.partitions.get_mut(at) else { unreachable!("{NO_PARTITION}") };
        let comparator = &header.clustering;
        let sought = Sought::new(comparator, Position::row(comparator, row.clustering));
        let store = &mut self.store;
        if let Rows::One(first) = &mut partition.rows {
            if first.is_at(comparator, &sought) {
                self.other_bytes += first.add(header, row, store)?;
                return Ok(false);
            }
            let mut tree = RowTree::default();
            self.other_bytes += tree.insert(Place::FIRST, first.clone()) + ARC_BYTES + size_of::<RowTree>();
            partition.rows = Rows::Many(Arc::new(tree));
        }
        match &mut partition.rows {
            Rows::Many(tree) => {
                let tree = Arc::make_mut(tree);
                match tree.search(comparator, &sought) {
                    Search::Vacant(place) => {
                        self.other_bytes += tree.insert(place, Entry::new(comparator, row, store));
                    }
                    Search::Found(place) => {
                        let Some(entry) = tree.get_mut(place) else { unreachable!("a row was found there") };
                        self.other_bytes += entry.add(header, row, store)?;
                        return Ok(false);
                    }
                }
            }
            rows => *rows = Rows::One(Entry::new(comparator, row, store)),
        }
        Ok(true)
    }
}
