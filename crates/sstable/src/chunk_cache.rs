//! The shared cache of decompressed chunks.
//!
//! The engine makes one for all its tables, with a budget in bytes, and hands it to the readers.
//! Invariants:
//!
//! 1. The bytes counted never exceed the budget, at any moment, except for bytes set aside since
//!    the last chunk came; a chunk that is evicted while a reader still holds it lives as long as
//!    the reader does, so that readers pin at most one chunk each beyond the budget.
//! 2. No lock is held while a chunk is read or decompressed. Two readers that miss the same chunk
//!    both decompress it, and the first to finish keeps its place.
//! 3. A scan does not empty the cache: a chunk enters with no credit and leaves at the hand's first
//!    pass, unless it was asked for again (CLOCK with small counters).
//!
//! The map is cut into shards, each under its own lock, which is held for a look-up and a count.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::descriptor::Component;

/// A table among those whose chunks are cached. The number is the caller's, less than 2^60, and
/// never given to another table; its other files are cached under numbers that follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CachedFile(pub u64);

impl CachedFile {
    /// The number of a file of the table that is read by page. Those that no table has together
    /// share one.
    pub(crate) fn of(self, component: &Component) -> CachedFile {
        let part: u64 = match component {
            Component::Partitions | Component::Index => 1,
            Component::Rows | Component::Summary => 2,
            Component::CompressionInfo | Component::Crc => 3,
            _ => 4,
        };
        CachedFile(self.0 | part << 60)
    }
}

/// Counters of a [`ChunkCache`] since it was made, and its size now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkCacheStats {
    /// Look-ups that found the chunk.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Chunks dropped to make room.
    pub evictions: u64,
    /// Bytes held, counting each chunk's upkeep.
    pub len_bytes: u64,
    /// Chunks held.
    pub chunks: u64,
    /// Bytes of index pages and filters that stay in memory and count against the budget.
    pub set_aside_bytes: u64,
}

/// A cache of decompressed chunks by file and chunk number, shared by threads.
#[derive(Debug)]
pub struct ChunkCache {
    shards: Box<[Mutex<Shard>]>,
    budget: Arc<Budget>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The bytes that a cache and the owners of its set-aside parts may hold together.
#[derive(Debug)]
struct Budget {
    bytes: usize,
    /// All bytes that were set aside.
    promised: AtomicUsize,
    /// The set-aside bytes in use: chunks have that much less.
    used: AtomicUsize,
}

impl Budget {
    /// The budget of each shard.
    fn of_shard(&self) -> usize {
        self.bytes.saturating_sub(self.used.load(Ordering::Relaxed)) / SHARDS
    }
}

/// A part of a cache's budget for what stays in memory, given back when dropped.
#[derive(Debug)]
pub struct SetAside {
    budget: Arc<Budget>,
    promised: usize,
    used: AtomicUsize,
}

impl SetAside {
    /// Counts `bytes` more of it as in use. Chunks make room for them when the next one comes.
    pub(crate) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        self.budget.promised.fetch_sub(self.promised, Ordering::Relaxed);
        self.budget.used.fetch_sub(self.used(), Ordering::Relaxed);
    }
}

/// Shards; a power of two.
const SHARDS: usize = 64;

/// The cost of a chunk besides its bytes: the slot, the map's entry, the allocation.
const UPKEEP_BYTES: usize = 128;

/// Passes of the hand that a chunk survives at most without being asked for.
const MAX_CREDIT: u8 = 3;

type Key = (u64, u32);

#[derive(Debug, Default)]
struct Shard {
    index: HashMap<Key, usize, BuildHasherDefault<Mixer>>,
    /// The clock's face: chunks and holes.
    slots: Vec<Option<Slot>>,
    holes: Vec<usize>,
    hand: usize,
    len_bytes: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Slot {
    key: Key,
    chunk: Bytes,
    credit: u8,
}

impl ChunkCache {
    /// A cache that holds at most `budget_bytes`, upkeep included. With 0 nothing is kept.
    #[must_use]
    pub fn new(budget_bytes: usize) -> ChunkCache {
        let budget = Budget { bytes: budget_bytes, promised: AtomicUsize::new(0), used: AtomicUsize::new(0) };
        ChunkCache {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            budget: Arc::new(budget),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Sets `bytes` aside for data that stays in memory; `None` if that would exceed half of the
    /// budget, since chunks have the other half.
    #[must_use]
    pub fn set_aside(&self, bytes: usize) -> Option<SetAside> {
        let most = self.budget.bytes / 2;
        let more = |promised: usize| promised.checked_add(bytes).filter(|sum| *sum <= most);
        self.budget.promised.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(SetAside { budget: Arc::clone(&self.budget), promised: bytes, used: AtomicUsize::new(0) })
    }

    /// The chunk, if it is held.
    #[must_use]
    pub fn get(&self, file: CachedFile, chunk: u32) -> Option<Bytes> {
        let key = (file.0, chunk);
        let found = self.shard(key)?.lock().get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a chunk, and drops others to make room. One that is held already stays; one too large
    /// for its shard is not kept.
    pub fn insert(&self, file: CachedFile, chunk: u32, bytes: Bytes) {
        let key = (file.0, chunk);
        if let Some(shard) = self.shard(key) {
            shard.lock().insert(key, bytes, self.budget.of_shard());
        }
    }

    /// The chunk, from the cache or else from `load`, whose result is kept.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn get_or_load<E>(
        &self,
        file: CachedFile,
        chunk: u32,
        load: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        if let Some(found) = self.get(file, chunk) {
            return Ok(found);
        }
        let loaded = load()?;
        self.insert(file, chunk, loaded.clone());
        Ok(loaded)
    }

    /// Drops the first `chunk_count` chunks of a file that is no longer read.
    pub fn remove_file(&self, file: CachedFile, chunk_count: u32) {
        for chunk in 0..chunk_count {
            let key = (file.0, chunk);
            if let Some(shard) = self.shard(key) {
                shard.lock().remove(key);
            }
        }
    }

    /// Drops everything.
    pub fn clear(&self) {
        for shard in &self.shards {
            shard.lock().clear();
        }
    }

    /// Counters and size.
    #[must_use]
    pub fn stats(&self) -> ChunkCacheStats {
        let mut stats = ChunkCacheStats {
            set_aside_bytes: self.budget.used.load(Ordering::Relaxed) as u64,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            ..ChunkCacheStats::default()
        };
        for shard in &self.shards {
            let shard = shard.lock();
            stats.evictions += shard.evictions;
            stats.len_bytes += shard.len_bytes as u64;
            stats.chunks += shard.index.len() as u64;
        }
        stats
    }

    /// The shard of a key; there is always one.
    fn shard(&self, key: Key) -> Option<&Mutex<Shard>> {
        // The map inside takes the lowest and the highest bits of the same hash.
        let bits = BuildHasherDefault::<Mixer>::default().hash_one(key) >> 32;
        self.shards.get(usize::try_from(bits).unwrap_or(0) % SHARDS)
    }
}

impl Shard {
    fn get(&mut self, key: Key) -> Option<Bytes> {
        let position = *self.index.get(&key)?;
        let slot = self.slots.get_mut(position)?.as_mut()?;
        slot.credit = (slot.credit + 1).min(MAX_CREDIT);
        Some(slot.chunk.clone())
    }

    fn insert(&mut self, key: Key, chunk: Bytes, budget_bytes: usize) {
        let cost = chunk.len() + UPKEEP_BYTES;
        if cost > budget_bytes || self.index.contains_key(&key) {
            return;
        }
        while self.len_bytes + cost > budget_bytes {
            if !self.evict_one() {
                return;
            }
        }
        self.len_bytes += cost;
        let slot = Some(Slot { key, chunk, credit: 0 });
        let position = match self.holes.pop() {
            Some(hole) => {
                if let Some(place) = self.slots.get_mut(hole) {
                    *place = slot;
                }
                hole
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.index.insert(key, position);
    }

    /// Moves the hand until a chunk without credit has left; false when there is none.
    fn evict_one(&mut self) -> bool {
        // Each pass takes one credit of each chunk, so that this many steps are enough.
        for _ in 0..=self.slots.len() * (usize::from(MAX_CREDIT) + 1) {
            let position = self.hand;
            self.hand = if position + 1 < self.slots.len() { position + 1 } else { 0 };
            let Some(Some(slot)) = self.slots.get_mut(position) else {
                continue;
            };
            if slot.credit > 0 {
                slot.credit -= 1;
                continue;
            }
            let key = slot.key;
            self.remove(key);
            self.evictions += 1;
            return true;
        }
        false
    }

    fn remove(&mut self, key: Key) {
        let Some(position) = self.index.remove(&key) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(position).and_then(Option::take) {
            self.len_bytes -= slot.chunk.len() + UPKEEP_BYTES;
            self.holes.push(position);
        }
    }

    fn clear(&mut self) {
        *self = Shard { evictions: self.evictions, ..Shard::default() };
    }
}

/// A hash of two integers: keys are the engine's own numbers, so that they can't be chosen to
/// collide.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let mixed = (self.0.rotate_left(29) ^ value).wrapping_mul(ODD);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 1000;
    const COST: usize = CHUNK + UPKEEP_BYTES;

    fn chunk(file: u64, index: u32) -> Bytes {
        let mut bytes = vec![0; CHUNK];
        bytes[..8].copy_from_slice(&file.to_le_bytes());
        bytes[8..12].copy_from_slice(&index.to_le_bytes());
        Bytes::from(bytes)
    }

    #[test]
    fn chunks_are_found_until_they_are_removed() {
        let cache = ChunkCache::new(1 << 20);
        for index in 0..100 {
            cache.insert(CachedFile(1), index, chunk(1, index));
            cache.insert(CachedFile(2), index, chunk(2, index));
        }
        assert_eq!(cache.get(CachedFile(2), 7), Some(chunk(2, 7)));
        assert_eq!(cache.get(CachedFile(3), 7), None);
        assert_eq!(cache.stats().len_bytes, 200 * COST as u64);
        cache.remove_file(CachedFile(2), 100);
        assert_eq!(cache.get(CachedFile(2), 7), None);
        assert_eq!(cache.get(CachedFile(1), 7), Some(chunk(1, 7)));
        let stats = cache.stats();
        assert_eq!((stats.hits, stats.misses, stats.chunks, stats.evictions), (2, 2, 100, 0));
        cache.clear();
        assert_eq!(cache.stats().len_bytes, 0);
    }

    #[test]
    fn the_budget_holds_and_the_right_chunks_are_found() {
        let budget = 200 * COST;
        let cache = ChunkCache::new(budget);
        for round in 0..3_u32 {
            for index in 0..2000 {
                let found = cache.get_or_load(CachedFile(9), index, || Ok::<_, ()>(chunk(9, index)));
                assert_eq!(found, Ok(chunk(9, index)), "{round}");
                assert!(cache.stats().len_bytes <= budget as u64);
            }
        }
        let stats = cache.stats();
        assert!(stats.chunks > 100 && stats.evictions > 3000, "{stats:?}");
        let failed = cache.get_or_load(CachedFile(1), 0, || Err("no"));
        assert_eq!(failed, Err("no"));
    }

    #[test]
    fn a_scan_leaves_what_is_used() {
        let cache = ChunkCache::new(64 * 20 * COST);
        for _ in 0..3 {
            for index in 0..200 {
                cache.get_or_load(CachedFile(1), index, || Ok::<_, ()>(chunk(1, index))).unwrap();
            }
        }
        for index in 0..1500 {
            cache.insert(CachedFile(2), index, chunk(2, index));
        }
        let kept = (0..200).filter(|index| cache.get(CachedFile(1), *index).is_some()).count();
        assert!(kept > 190, "{kept}");
    }

    #[test]
    fn nothing_is_kept_without_a_budget() {
        let cache = ChunkCache::new(0);
        cache.insert(CachedFile(1), 0, chunk(1, 0));
        assert_eq!(cache.get(CachedFile(1), 0), None);
        let cache = ChunkCache::new(64 * COST - 1);
        cache.insert(CachedFile(1), 0, chunk(1, 0));
        assert_eq!(cache.stats().chunks, 0);
    }

    #[test]
    fn an_evicted_chunk_lives_as_long_as_its_reader() {
        let cache = ChunkCache::new(64 * COST);
        cache.insert(CachedFile(1), 0, chunk(1, 0));
        let held = cache.get(CachedFile(1), 0).unwrap();
        for index in 1..5000 {
            cache.insert(CachedFile(1), index, chunk(1, index));
        }
        assert_eq!(cache.get(CachedFile(1), 0), None);
        assert_eq!(held, chunk(1, 0));
    }

    #[test]
    fn what_is_set_aside_counts_against_the_budget() {
        let budget = 64 * 40 * COST;
        let cache = ChunkCache::new(budget);
        let half = cache.set_aside(budget / 2).unwrap();
        assert!(cache.set_aside(1).is_none());
        let fill = || (0..5000).for_each(|index| cache.insert(CachedFile(1), index, chunk(1, index)));
        fill();
        let full = cache.stats().len_bytes;
        half.take(budget / 2);
        fill();
        let stats = cache.stats();
        assert_eq!(stats.set_aside_bytes, budget as u64 / 2);
        assert!(stats.len_bytes <= budget as u64 / 2 && stats.len_bytes > full / 3, "{stats:?}");
        drop(half);
        assert_eq!(cache.stats().set_aside_bytes, 0);
        assert!(cache.set_aside(budget / 2).is_some());
    }

    #[test]
    fn shards_share_the_load() {
        let cache = ChunkCache::new(1 << 30);
        for file in 0..16 {
            for index in 0..400 {
                cache.insert(CachedFile(file), index, Bytes::new());
            }
        }
        for shard in &cache.shards {
            let chunks = shard.lock().index.len();
            assert!((50..200).contains(&chunks), "{chunks}");
        }
    }
}
