//! The differences between databases that must not matter.

use std::num::NonZero;
use std::time::Duration;

use helenus::{Background, Durability, Options, Version};
use helenus_sim::Rng;

/// One database.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) durability: Durability,
    background: Background,
    memtable_bytes: usize,
    memtable_total_bytes: usize,
    log_segment_bytes: u32,
    log_total_bytes: u64,
    cache_bytes: usize,
    max_open_files: Option<NonZero<usize>>,
    version: Version,
    /// `WITH` these its tables are created.
    pub(crate) compaction: &'static str,
    pub(crate) compression: &'static str,
    pub(crate) bloom_filter_fp_chance: &'static str,
    pub(crate) saying: Saying,
    /// Prepared statements are kept from one use to the next.
    pub(crate) keeps_prepared: bool,
    /// The number of rows of a page, if queries are cut into pages.
    pub(crate) page: Option<usize>,
    /// The events between steps: their seed, and their frequency in a thousand steps.
    pub(crate) seed: u64,
    pub(crate) events: Events,
}

/// The form of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    Prepared,
    Built,
    /// A batch of one.
    Batched,
}

/// The frequency of events before a step, in a thousand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    pub(crate) flush: u64,
    pub(crate) compact: u64,
    pub(crate) step: u64,
    /// Closed and opened again.
    pub(crate) close: u64,
    /// The last handle goes, and it is opened again.
    pub(crate) drop: u64,
    /// The process is killed.
    pub(crate) kill: u64,
    /// The power fails after a sync.
    pub(crate) cut: u64,
    /// A table is given another version of SSTables, or another codec.
    pub(crate) alter: u64,
}

impl Events {
    const NONE: Self = Self { flush: 0, compact: 0, step: 0, close: 0, drop: 0, kill: 0, cut: 0, alter: 0 };
}

const COMPACTIONS: [&str; 5] = [
    "{'class': 'SizeTieredCompactionStrategy'}",
    "{'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2}",
    "{'class': 'LeveledCompactionStrategy'}",
    "{'class': 'TimeWindowCompactionStrategy', 'min_threshold': 2}",
    "{'class': 'UnifiedCompactionStrategy'}",
];

pub(crate) const COMPRESSIONS: [&str; 7] = [
    "{'enabled': false}",
    "{'class': 'LZ4Compressor', 'chunk_length_in_kb': 4}",
    "{'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}",
    "{'class': 'SnappyCompressor', 'chunk_length_in_kb': 4}",
    "{'class': 'DeflateCompressor', 'chunk_length_in_kb': 4}",
    "{'class': 'ZstdCompressor', 'chunk_length_in_kb': 4}",
    "{'class': 'LZ4Compressor', 'chunk_length_in_kb': 4, 'min_compress_ratio': 1.1}",
];

impl Config {
    /// Everything stays in one memtable, nothing happens but the steps.
    pub(crate) const PLAIN: Self = Self {
        durability: Durability::Buffered,
        background: Background::Manual,
        memtable_bytes: 64 << 20,
        memtable_total_bytes: 256 << 20,
        log_segment_bytes: 1 << 20,
        log_total_bytes: 1 << 30,
        cache_bytes: 1 << 20,
        max_open_files: None,
        version: Version::DEFAULT,
        compaction: COMPACTIONS[0],
        compression: COMPRESSIONS[0],
        bloom_filter_fp_chance: "0.01",
        saying: Saying::Prepared,
        keeps_prepared: false,
        page: None,
        seed: 0,
        events: Events::NONE,
    };

    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(number));
        fn any<T: Clone>(rng: &mut Rng, values: &[T]) -> T {
            values[rng.index(values.len())].clone()
        }
        let memtable_bytes = any(&mut rng, &[4 << 10, 8 << 10, 32 << 10, 1 << 20]);
        let mut often = |most: u64| if rng.chance(1, 3) { 0 } else { rng.below(most) };
        let events = Events {
            flush: often(300),
            compact: often(100),
            step: often(300),
            close: often(60),
            drop: often(60),
            kill: often(60),
            cut: often(60),
            alter: often(100),
        };
        let rng = &mut rng;
        Self {
            durability: any(
                rng,
                &[Durability::Sync, Durability::Periodic(Duration::from_secs(1)), Durability::Buffered],
            ),
            background: any(
                rng,
                &[Background::Manual, Background::Manual, Background::Threads(1), Background::Threads(3)],
            ),
            memtable_bytes,
            memtable_total_bytes: any(rng, &[2, 4, 16]) * memtable_bytes,
            log_segment_bytes: any(rng, &[16 << 10, 64 << 10, 1 << 20]),
            log_total_bytes: any(rng, &[64 << 10, 1 << 20, 1 << 30]),
            cache_bytes: any(rng, &[0, 8 << 10, 1 << 20]),
            max_open_files: any(rng, &[None, NonZero::new(1), NonZero::new(5), NonZero::new(40)]),
            version: any(rng, &Version::WRITABLE),
            compaction: any(rng, &COMPACTIONS),
            compression: any(rng, &COMPRESSIONS),
            bloom_filter_fp_chance: any(rng, &["0.01", "0.5", "1.0"]),
            saying: any(rng, &[Saying::Prepared, Saying::Built, Saying::Batched]),
            keeps_prepared: rng.chance(1, 2),
            page: any(rng, &[None, Some(1), Some(2), Some(3), Some(7)]),
            seed: rng.next(),
            events,
        }
    }

    pub(crate) fn options(&self) -> Options {
        let options = Options::new()
            .durability(self.durability)
            .background(self.background)
            .memtable_bytes(self.memtable_bytes)
            .memtable_total_bytes(self.memtable_total_bytes)
            .log_segment_bytes(self.log_segment_bytes)
            .log_total_bytes(self.log_total_bytes)
            .cache_bytes(self.cache_bytes)
            // A busy machine may take long to flush.
            .write_timeout(Duration::from_secs(300))
            .sstable_version(self.version);
        match self.max_open_files {
            Some(files) => options.max_open_files(files.get()),
            None => options,
        }
    }

    /// The options of a CREATE TABLE here.
    pub(crate) fn with(&self) -> String {
        let Self { compaction, compression, bloom_filter_fp_chance, .. } = self;
        format!(
            "WITH compaction = {compaction} AND compression = {compression} \
             AND bloom_filter_fp_chance = {bloom_filter_fp_chance}"
        )
    }
}
