//! Tries against a sorted vector, Cassandra's own files rebuilt byte for byte, and damaged files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use helenus_io::ReadFile;
use helenus_rows::DeletionTime;
use helenus_types::{LocalDeletionTime, Partitioner, Side, Timestamp, decorated_key_comparable, murmur3};

use super::node::Node;
use super::output::{IndexOutput, PAGE_BYTES};
use super::walk::{self, Cursor};
use super::writer::{Payload, TrieWriter};
use super::*;
use crate::chunk_cache::{CachedFile, ChunkCache};
use crate::page_checksums::PageChecksums;
use crate::paged_file::{HeldPage, PagedFile, StoredChecksums};

/// A generator without state elsewhere, so that a failure repeats: xorshift64*.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    fn bytes_in(&mut self, lengths: std::ops::Range<usize>) -> Vec<u8> {
        let len = lengths.start + self.below(lengths.len());
        self.bytes(len)
    }
}

/// The number of a key, in a payload of one to eight bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number(i64);

impl Payload for Number {
    fn flags(&self) -> u8 {
        u8::try_from(sized_int::size(self.0)).unwrap()
    }

    fn size(&self) -> usize {
        sized_int::size(self.0)
    }

    fn write(&self, out: &mut Vec<u8>) {
        sized_int::write(self.0, self.size(), out);
    }
}

fn number(node: &Node<'_>) -> usize {
    let size = usize::from(node.payload_flags());
    usize::try_from(sized_int::read(node.payload(), size).unwrap()).unwrap()
}

/// Key sets of many shapes, each sorted and without duplicates.
fn key_sets() -> Vec<Vec<Vec<u8>>> {
    let mut rng = Rng(42);
    let mut sets = vec![vec![vec![]], vec![vec![7]], vec![vec![], vec![0], vec![0, 0], vec![255]]];
    // Small alphabets and short keys: many are prefixes of each other, nodes are wide or have gaps.
    for (count, alphabet, len) in [(10, 1, 4), (300, 2, 9), (2_000, 255, 3), (3_000, 40, 6), (20_000, 255, 8)]
    {
        let key = |rng: &mut Rng| (0..rng.below(len + 1)).map(|_| rng.byte() % alphabet).collect();
        sets.push((0..count).map(|_| key(&mut rng)).collect());
    }
    // Runs of 255 and 0.
    sets.push((0..255).map(|len| vec![255; len]).collect());
    sets.push(
        (0..2_000)
            .map(|_| [vec![255; rng.below(255)], rng.bytes(1), vec![0; rng.below(9)]].concat())
            .collect(),
    );
    // All children of a root, and of their children.
    sets.push((0..=u16::MAX).map(|key| key.to_be_bytes().to_vec()).collect());
    // More keys than 16 bits count.
    sets.push((0..70_000).map(|_| rng.bytes(6)).collect());
    // Long keys, deeper than a page, some sharing most of their bytes.
    sets.push((0..60).map(|n| [vec![n % 3; 20_000], rng.bytes_in(1..4_000)].concat()).collect());
    sets.push((1..20).map(|n| vec![9; n * 7_000]).collect());
    sets.push((0..1_500).map(|_| rng.bytes_in(0..600)).collect());
    for set in &mut sets {
        set.sort_unstable();
        set.dedup();
    }
    sets
}

fn build(keys: &[Vec<u8>], start: usize) -> (Vec<u8>, u64) {
    let mut out = IndexOutput::default();
    out.buffer().resize(start, 0xEE);
    let mut writer = TrieWriter::new();
    for (key, number) in keys.iter().zip(0i64..) {
        writer.add(key, Number(number), &mut out).unwrap();
    }
    assert_eq!(writer.key_count(), keys.len() as u64);
    let root = writer.finish(&mut out);
    (out.pending().to_vec(), root)
}

/// A file in memory that is read as if it were on a disk.
#[derive(Debug)]
struct MemoryFile(Vec<u8>);

impl ReadFile for MemoryFile {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn len(&self) -> helenus_io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> helenus_io::Result<usize> {
        let bytes = &self.0[usize::try_from(offset).unwrap()..];
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }
}

/// The file whole, with pages that stay, and with pages that come and go with the cache.
fn in_each_way(bytes: &[u8]) -> [PagedFile; 3] {
    let paged = |cache_bytes| {
        let mut encoded = Vec::new();
        PageChecksums::compute(&[("f", bytes)]).encode(&mut encoded);
        let checksums = StoredChecksums::open(Bytes::from(encoded).into()).unwrap().file("f").cloned();
        let cache = Arc::new(ChunkCache::new(cache_bytes));
        let file = Arc::new(MemoryFile(bytes.to_vec()));
        PagedFile::of_pages(file, bytes.len() as u64, checksums, &cache, CachedFile(1))
    };
    [Bytes::copy_from_slice(bytes).into(), paged(1 << 30), paged(0)]
}

#[test]
fn walks_agree_with_a_sorted_vector() {
    let mut rng = Rng(7);
    for (set, keys) in key_sets().iter().enumerate() {
        let (file, root) = build(keys, rng.below(5_000));
        // Reading a page for each step of a walk over a large file takes long without optimization.
        let ways = if file.len() > 300_000 { 1 } else { 3 };
        for file in in_each_way(&file).iter().take(ways) {
            walks_agree(&mut rng, &format!("set {set} {file:?}"), keys, file, root);
        }
    }
}

fn walks_agree(rng: &mut Rng, set: &str, keys: &[Vec<u8>], file: &PagedFile, root: u64) {
    let mut held = HeldPage::default();
    let held = &mut held;
    let read =
        |node: Option<u64>| node.map(|node| number(&Node::at(file, &mut HeldPage::default(), node).unwrap()));
    let mut cursor = Cursor::before_first(root);
    let is_long = keys.iter().any(|key| key.len() > 600);
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(read(cursor.next(file, held).unwrap()), Some(index), "{set}");
        if !is_long || index % 7 == 0 {
            assert_eq!(cursor.key(file), *key, "{set}");
        }
    }
    assert!(cursor.next(file, held).unwrap().is_none());
    assert!(cursor.next(file, held).unwrap().is_none());
    for index in (0..keys.len()).rev() {
        assert_eq!(read(cursor.previous(file, held).unwrap()), Some(index), "{set}");
    }
    assert!(cursor.previous(file, held).unwrap().is_none());
    assert_eq!(read(cursor.next(file, held).unwrap()), Some(0));

    for _ in 0..500.min(keys.len() * 20) {
        let sought = near(rng, keys);
        let greater = keys.partition_point(|key| *key <= sought);
        let floor = greater.checked_sub(1);
        assert_eq!(read(walk::floor(file, held, root, &sought).unwrap()), floor, "{set} {sought:02x?}");
        assert_eq!(read(cursor.seek_floor(file, held, &sought).unwrap()), floor);
        assert_eq!(read(cursor.next(file, held).unwrap()), (greater < keys.len()).then_some(greater));
    }
}

/// CRC32 of the files that Apache Cassandra 5.0.6's own `IncrementalTrieWriter` wrote for
/// [`key_sets`] with these payloads: up to a megabyte, nodes of the types 0 to 2, 4 to 8 and 10 to
/// 12, branches deeper than a page.
const FILES_OF_CASSANDRA: [u32; 15] = [
    0x58c2_23be,
    0x7f68_5d09,
    0xef20_1444,
    0xb726_9f62,
    0x0c69_6bef,
    0xd4ea_bb60,
    0xb167_3295,
    0xc556_97b6,
    0x0e39_37c4,
    0xeaa5_3df4,
    0xdcc2_ced1,
    0x009b_7529,
    0x426c_354c,
    0x22f2_77ed,
    0xacc0_0455,
];

#[test]
fn tries_are_laid_out_as_cassandra_does() {
    for (set, (keys, expected)) in key_sets().iter().zip(FILES_OF_CASSANDRA).enumerate() {
        let (file, _) = build(keys, 0);
        assert_eq!(crc32fast::hash(&file), expected, "set {set}");
    }
}

/// A key of the set, changed a little.
fn near(rng: &mut Rng, keys: &[Vec<u8>]) -> Vec<u8> {
    let mut key = keys[rng.below(keys.len())].clone();
    match rng.below(5) {
        0 => key.truncate(rng.below(key.len() + 1)),
        1 => key.push(rng.byte()),
        2 if !key.is_empty() => {
            let index = rng.below(key.len());
            key[index] = key[index].wrapping_add(1);
        }
        3 if !key.is_empty() => {
            let index = rng.below(key.len());
            key[index] = rng.byte();
        }
        _ => {}
    }
    key
}

#[test]
fn nodes_do_not_cross_pages() {
    for keys in key_sets() {
        let (bytes, root) = build(&keys, 100);
        let file = PagedFile::from(Bytes::from(bytes));
        let mut pending = vec![root];
        while let Some(position) = pending.pop() {
            let held = &mut HeldPage::default();
            let node = Node::at(&file, held, position).unwrap();
            let size = usize::from(node.payload_flags());
            let end = file.len() - node.payload().len() as u64 + size as u64;
            assert_eq!(position / PAGE_BYTES as u64, (end - 1) / PAGE_BYTES as u64);
            let mut slot = 0;
            while let Some((taken, child)) = node.child_from(slot).unwrap() {
                pending.push(child);
                slot = taken + 1;
            }
        }
    }
}

#[test]
fn keys_must_ascend() {
    let mut out = IndexOutput::default();
    let mut writer = TrieWriter::new();
    writer.add(&[1, 2], Number(0), &mut out).unwrap();
    for key in [&[1, 2][..], &[1], &[], &[1, 1], &[0, 9]] {
        assert_eq!(writer.add(key, Number(0), &mut out), Err(IndexBuildError::KeysOutOfOrder));
    }
    writer.add(&[1, 2, 0], Number(1), &mut out).unwrap();
    writer.reset();
    writer.add(&[], Number(0), &mut out).unwrap();
    writer.finish(&mut out);
    assert_eq!(out.pending(), [1, 0]);
}

#[test]
fn output_can_be_taken_in_pieces() {
    let keys = &key_sets()[7];
    let (whole, root) = build(keys, 0);
    let mut out = IndexOutput::default();
    let mut writer = TrieWriter::new();
    let mut taken = Vec::new();
    for (key, number) in keys.iter().zip(0i64..) {
        writer.add(key, Number(number), &mut out).unwrap();
        taken.extend_from_slice(out.pending());
        out.clear_pending();
    }
    assert_eq!(writer.finish(&mut out), root);
    taken.extend_from_slice(out.pending());
    assert_eq!(taken, whole);
}

#[test]
fn worked_example_of_partitions() {
    let mut builder = PartitionIndexBuilder::default();
    for (key, position) in [b"0", b"1", b"2", b"3", b"4"].into_iter().zip([0, 22, 46, 70, 94]) {
        add(&mut builder, &Partitioner::ByteOrdered, key, PartitionPosition::Data(position));
    }
    let file = builder.finish().unwrap().pending().to_vec();
    let expected = [
        &[0x08, 0x09, 0xff, 0x08, 0x37, 0xe9, 0x08, 0xdd, 0xd1, 0x08, 0x02, 0xb9, 0x08, 0x2f, 0xa1][..],
        &[0xa0, 0x30, 0x04, 0x00, 0xf0, 0x0c, 0x00, 0x90, 0x06, 0x00, 0x30],
        &[0x1b, 0x40, 0, 1, 0x30, 0, 1, 0x34],
        &[0, 0, 0, 0, 0, 0, 0, 0x1c, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x1a],
    ]
    .concat();
    assert_eq!(file, expected);

    let mut builder = PartitionIndexBuilder::default();
    add(&mut builder, &Partitioner::Murmur3, b"0", PartitionPosition::Data(0));
    let single = builder.finish().unwrap().pending().to_vec();
    assert_eq!(single[..9], [0x08, 0x09, 0xff, 0, 1, 0x30, 0, 1, 0x30]);
    assert_eq!(single[single.len() - 24 + 7], 3);
    let index = PartitionIndex::open(Bytes::from(single)).unwrap();
    let key = comparable(&Partitioner::Murmur3, b"0");
    assert_eq!(index.exact_candidate(&key, murmur3(b"0")).unwrap(), Some(PartitionPosition::Data(0)));
    assert_eq!(index.exact_candidate(&key, [0, 0]).unwrap(), None);
}

/// Separators and blocks of the first partition of Cassandra's `legacy_da_clust`; the last entry
/// ends it.
const SEPARATORS: [(&[u8], u64); 14] = [
    (&[], 4),
    (&[0x40, 0x31, 0x32], 5_373),
    (&[0x40, 0x31, 0x36], 10_749),
    (&[0x40, 0x32], 16_125),
    (&[0x40, 0x32, 0x33], 21_499),
    (&[0x40, 0x32, 0x37], 26_875),
    (&[0x40, 0x33, 0x30, 0x31], 32_251),
    (&[0x40, 0x33, 0x34], 37_625),
    (&[0x40, 0x33, 0x38], 43_001),
    (&[0x40, 0x34, 0x31], 48_375),
    (&[0x40, 0x34, 0x35], 53_751),
    (&[0x40, 0x34, 0x39], 59_127),
    (&[0x40, 0x38], 64_497),
    (&[0x40, 0x3a], 67_181),
];

#[test]
fn worked_example_of_rows() {
    let blocks: Vec<_> = SEPARATORS
        .iter()
        .map(|&(key, offset)| (key.to_vec(), IndexBlock { offset, open_deletion: DeletionTime::LIVE }))
        .collect();
    let mut writer = RowIndexWriter::default();
    let position = add_partition(&mut writer, b"0", 0, &blocks, DeletionTime::LIVE);
    let file = writer.finish().pending().to_vec();
    assert_eq!(position, Some(93));
    assert_eq!(file[93..], [0, 1, 0x30, 0, 0x0d, 0x0d, 0x80]);
    assert_eq!(file[..6], [0x02, 0x14, 0xfd, 0x02, 0x29, 0xfd]);
    assert_eq!(file[89..93], [0x21, 0x40, 0x0e, 0x04]);

    let index = RowIndex::new(Bytes::from(file));
    let held = &mut HeldPage::default();
    let entry = index.entry(held, 93).unwrap();
    assert_eq!((entry.key, entry.data_position, entry.block_count), (&b"0"[..], 0, 13));
    assert!(entry.deletion.is_live());
    let root = entry.root;
    for (bound, offset) in [
        (&[0x20][..], 4),
        (&[0x40, 0x30, 0, 0x38], 4),
        (&[0x40, 0x31, 0x33, 0, 0x38], 5_373),
        (&[0x40, 0x33, 0x30, 0x30, 0, 0x38], 26_875),
        (&[0x40, 0x39, 0, 0x38], 64_497),
        (&[0x60], 67_181),
    ] {
        assert_eq!(index.floor(held, root, bound).unwrap().offset, offset, "{bound:02x?}");
    }
}

#[test]
fn partitions_are_found_and_their_neighbours_too() {
    let mut rng = Rng(3);
    for count in [1, 2, 3, 50, 5_000, 70_000] {
        let mut keys: Vec<_> = (0..count).map(|_| rng.bytes_in(1..10)).collect();
        // Some keys of equal hash cannot be had, but neighbours with equal tokens behave as under
        // another partitioner.
        let partitioner = if count % 2 == 0 { Partitioner::Murmur3 } else { Partitioner::ByteOrdered };
        keys.sort_by_cached_key(|key| comparable(&partitioner, key));
        keys.dedup();
        let mut builder = PartitionIndexBuilder::default();
        let place = |index: usize| match index % 3 {
            0 => PartitionPosition::Rows(index as u64),
            _ => PartitionPosition::Data(index as u64 * 1_000_000),
        };
        for (index, key) in keys.iter().enumerate() {
            add(&mut builder, &partitioner, key, place(index));
        }
        let index = PartitionIndex::open(Bytes::from(builder.finish().unwrap().pending().to_vec())).unwrap();
        assert_eq!(index.key_count(), keys.len() as u64);
        assert_eq!(
            (&index.first_key()[..], &index.last_key()[..]),
            (&keys[0][..], &keys[keys.len() - 1][..])
        );
        for (at, key) in keys.iter().enumerate() {
            let found = index.exact_candidate(&comparable(&partitioner, key), murmur3(key));
            assert_eq!(found.unwrap(), Some(place(at)), "{key:02x?}");
        }
        check_neighbours(&mut rng, &partitioner, &keys, &index, &place);
    }
}

fn check_neighbours(
    rng: &mut Rng,
    partitioner: &Partitioner,
    keys: &[Vec<u8>],
    index: &PartitionIndex,
    place: &dyn Fn(usize) -> PartitionPosition,
) {
    let comparables: Vec<_> = keys.iter().map(|key| comparable(partitioner, key)).collect();
    let mut false_hits = 0;
    for _ in 0..3_000 {
        let sought = rng.bytes_in(1..10);
        let at = comparable(partitioner, &sought);
        let greater = comparables.partition_point(|key| *key < at);
        let is_present = comparables.get(greater) == Some(&at);
        false_hits +=
            usize::from(!is_present && index.exact_candidate(&at, murmur3(&sought)).unwrap().is_some());
        let candidates = index.around(&at).unwrap();
        let mut cursor = index.cursor();
        let first = cursor.seek(&at).unwrap();
        match candidates.uncertain {
            None => {
                assert_eq!(candidates.before, greater.checked_sub(1).map(place));
                assert_eq!(candidates.after, (greater < keys.len()).then(|| place(greater)));
                assert_eq!(first, candidates.after);
            }
            Some(uncertain) => {
                let found =
                    (greater.saturating_sub(1)..=greater).find(|&near| place(near) == uncertain).unwrap();
                assert_eq!(candidates.before, found.checked_sub(1).map(place));
                assert_eq!(candidates.after, (found + 1 < keys.len()).then(|| place(found + 1)));
                assert_eq!(first, Some(uncertain));
            }
        }
    }
    assert!(false_hits < 60, "{false_hits} absent keys of 3000 passed the hash");
}

#[test]
fn blocks_carry_open_deletions() {
    let open = DeletionTime::new(Timestamp(1_700_000_000_000_000), LocalDeletionTime(1_700_000_000));
    let mut writer = RowIndexWriter::default();
    let mut positions = Vec::new();
    for partition in 0..200u64 {
        for block in 0..partition % 7 {
            let first = [0x40, u8::try_from(block).unwrap(), 1, 0x38];
            let last = [0x40, u8::try_from(block).unwrap(), 2, 0x38];
            let open_deletion = if block % 2 == 1 { open } else { DeletionTime::LIVE };
            writer.add_block(&first, &last, IndexBlock { offset: 9 + block * 5_000, open_deletion }).unwrap();
        }
        let deletion = if partition % 3 == 0 { open } else { DeletionTime::LIVE };
        let key = partition.to_be_bytes();
        positions.push(writer.finish_partition(&key, partition * 100_000, 50_000, deletion).unwrap());
    }
    let index = RowIndex::new(Bytes::from(writer.finish().pending().to_vec()));
    for (partition, position) in (0u64..).zip(positions) {
        let blocks = partition % 7;
        assert_eq!(position.is_some(), blocks > 1);
        let Some(position) = position else { continue };
        let held = &mut HeldPage::default();
        let entry = index.entry(held, position).unwrap();
        assert_eq!(entry.key, partition.to_be_bytes());
        assert_eq!((entry.data_position, u64::from(entry.block_count)), (partition * 100_000, blocks));
        assert_eq!(entry.deletion.is_live(), partition % 3 != 0);
        let root = entry.root;
        let mut cursor = index.cursor_at_end(root);
        assert_eq!(cursor.previous().unwrap().unwrap().offset, 50_000);
        for block in (0..blocks).rev() {
            let found = cursor.previous().unwrap().unwrap();
            assert_eq!(found.offset, 9 + block * 5_000);
            assert_eq!(found.open_deletion, if block % 2 == 1 { open } else { DeletionTime::LIVE });
            let first = [0x40, u8::try_from(block).unwrap(), 1, 0x38];
            assert_eq!(index.floor(held, root, &first).unwrap(), found);
        }
        assert_eq!(cursor.previous().unwrap(), None);
    }
}

#[test]
fn files_of_cassandra_are_rebuilt_byte_for_byte() {
    let mut tables = 0;
    let mut indexed = 0;
    for path in corpus("Partitions.db") {
        let name = path.display().to_string();
        let file = Bytes::from(read(&path));
        let rows = Bytes::from(read(&PathBuf::from(name.replace("Partitions.db", "Rows.db"))));
        let index = PartitionIndex::open(file.clone()).unwrap();
        let row_index = RowIndex::new(rows.clone());
        let mut writer = RowIndexWriter::default();
        let mut partitions = Vec::new();
        let mut cursor = index.cursor();
        while let Some(position) = cursor.next().unwrap() {
            partitions.push((cursor.key(), position));
            let PartitionPosition::Rows(position) = position else { continue };
            indexed += 1;
            let held = &mut HeldPage::default();
            let entry = row_index.entry(held, position).unwrap();
            let blocks = blocks(&row_index, &entry);
            assert_eq!(blocks.len(), entry.block_count as usize + 1);
            let rebuilt = add_partition(&mut writer, entry.key, entry.data_position, &blocks, entry.deletion);
            assert_eq!(rebuilt, Some(position), "{name}");
        }
        assert_eq!(partitions.len() as u64, index.key_count());
        assert_eq!(writer.finish().pending(), rows, "{name}");
        assert_eq!(rebuild_partitions(&index, &partitions), file, "{name}");
        tables += 1;
    }
    println!("{tables} tables, {indexed} indexed partitions");
    assert!(tables == 0 || indexed > 0);
}

#[test]
fn damaged_files_give_errors_or_other_answers() {
    let mut rng = Rng(11);
    let mut builder = PartitionIndexBuilder::default();
    let mut keys: Vec<_> = (0..3_000u32).map(|key| key.to_be_bytes().to_vec()).collect();
    keys.sort_by_cached_key(|key| comparable(&Partitioner::Murmur3, key));
    for key in &keys {
        add(&mut builder, &Partitioner::Murmur3, key, PartitionPosition::Rows(7));
    }
    let file = builder.finish().unwrap().pending().to_vec();
    let sought: Vec<_> = keys.iter().map(|key| comparable(&Partitioner::Murmur3, key)).collect();
    for round in 0..400 {
        let mut damaged = file.clone();
        for _ in 0..1 + rng.below(20) {
            // Near the end, where the upper nodes and the footer are, or anywhere.
            let index =
                if rng.below(2) == 0 { rng.below(file.len()) } else { file.len() - 1 - rng.below(900) };
            damaged[index] = rng.byte();
        }
        if round % 4 == 0 {
            damaged.truncate(rng.below(file.len()));
        }
        let rows = RowIndex::new(Bytes::from(damaged.clone()));
        for position in 0..50 {
            let held = &mut HeldPage::default();
            if let Ok(root) = rows.entry(held, file.len() as u64 - 24 - position).map(|entry| entry.root) {
                let _answer = rows.floor(held, root, &sought[0]);
                let mut cursor = rows.cursor_at_end(root);
                while let Ok(Some(_)) = cursor.previous() {}
            }
        }
        let Ok(index) = PartitionIndex::open(Bytes::from(damaged)) else { continue };
        for _ in 0..50 {
            let key = &sought[rng.below(sought.len())];
            let _answers = (index.exact_candidate(key, [0, 9]), index.around(key));
            let mut cursor = index.cursor();
            let _answer = cursor.seek(key);
        }
        let mut cursor = index.cursor();
        let mut steps = 0;
        while let Ok(Some(_)) = cursor.next() {
            steps += 1;
        }
        assert!(steps <= file.len());
    }
}

/// A chain of nodes with two transitions each to the next one: 2^64 keys in 200 bytes.
#[test]
fn shared_branches_do_not_multiply_without_end() {
    let mut file = vec![0x01, 0];
    for _ in 0..64 {
        // SPARSE_8 with a payload, both pointers to the node before.
        let distance = if file.len() == 2 { 2 } else { 7 };
        file.extend_from_slice(&[0x51, 2, 1, 2, distance, distance, 0]);
    }
    let root = file.len() as u64 - 7;
    let (file, mut held) = (PagedFile::from(Bytes::from(file)), HeldPage::default());
    let mut cursor = Cursor::before_first(root);
    let steps = (0..10_000).take_while(|_| matches!(cursor.next(&file, &mut held), Ok(Some(_)))).count();
    assert!(steps as u64 <= root + 2);
    assert!(cursor.next(&file, &mut held).is_err());
}

/// A branch of two hundred to one long chain: each key is another way along it.
#[test]
fn a_shared_chain_is_not_gone_through_for_each_key() {
    let mut file = vec![0x01, 0];
    for _ in 0..100 {
        // SINGLE_8 to the node before, which is two bytes long at first, then three.
        file.extend_from_slice(&[0x20, 1, if file.len() == 2 { 2 } else { 3 }]);
    }
    let root = file.len() as u64;
    file.extend_from_slice(&[0x70, 200]);
    file.extend(0..200);
    // SPARSE_16: all pointers to the chain's last node.
    file.extend([0, 3].repeat(200));
    let (file, held) = (PagedFile::from(Bytes::from(file)), &mut HeldPage::default());
    for (mut cursor, is_backwards) in [(Cursor::before_first(root), false), (Cursor::after_last(root), true)]
    {
        let mut keys = 0;
        let error = loop {
            match if is_backwards { cursor.previous(&file, held) } else { cursor.next(&file, held) } {
                Ok(Some(_)) => keys += 1,
                Ok(None) => panic!("all {keys} keys"),
                Err(error) => break error,
            }
        };
        assert!(keys < 4, "{keys}: {error}");
    }
}

#[test]
fn transitions_out_of_order_end_a_walk() {
    // Two leaves, and a SPARSE_8 or a DENSE_16 above them.
    let sparse = |one, other| vec![0x01, 0, 0x01, 0, 0x50, 2, one, other, 4, 2];
    let dense = |first| vec![0x01, 0, 0x01, 0, 0xb0, first, 1, 0, 4, 0, 2];
    let walks = |file: &[u8]| {
        let (file, mut held) = (PagedFile::from(Bytes::copy_from_slice(file)), HeldPage::default());
        let mut cursor = Cursor::before_first(4);
        std::iter::from_fn(|| cursor.next(&file, &mut held).transpose())
            .take(3)
            .map(|step| step.is_ok())
            .collect::<Vec<_>>()
    };
    assert_eq!(walks(&sparse(5, 6)), [true, true]);
    assert_eq!(walks(&dense(254)), [true, true]);
    for file in [sparse(6, 5), sparse(5, 5), dense(255)] {
        assert!(!walks(&file)[0], "{file:02x?}");
        let file = PagedFile::from(Bytes::from(file));
        assert!(Cursor::after_last(4).previous(&file, &mut HeldPage::default()).is_err());
    }
}

fn comparable(partitioner: &Partitioner, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    decorated_key_comparable(partitioner, key, Side::At, &mut out);
    out
}

fn add(
    builder: &mut PartitionIndexBuilder,
    partitioner: &Partitioner,
    key: &[u8],
    position: PartitionPosition,
) {
    builder.add(key, &comparable(partitioner, key), murmur3(key), position).unwrap();
}

fn blocks(index: &RowIndex, entry: &rows::RowIndexEntry<'_>) -> Vec<(Vec<u8>, IndexBlock)> {
    let mut cursor = index.cursor(entry.root);
    let mut blocks = Vec::new();
    while let Some(block) = cursor.next().unwrap() {
        blocks.push((cursor.key(), block));
    }
    blocks
}

/// Adds blocks whose clusterings give just these separators; the last one ends the partition.
fn add_partition(
    writer: &mut RowIndexWriter,
    key: &[u8],
    data_position: u64,
    blocks: &[(Vec<u8>, IndexBlock)],
    deletion: DeletionTime,
) -> Option<u64> {
    for pair in blocks.windows(2) {
        let first = [&pair[0].0[..], &[0x38]].concat();
        let mut last = pair[1].0.clone();
        *last.last_mut().unwrap() -= 1;
        last.push(0x38);
        writer.add_block(&first, &last, pair[0].1).unwrap();
    }
    writer.finish_partition(key, data_position, blocks[blocks.len() - 1].1.offset, deletion).unwrap()
}

/// Builds the index again from whole keys that begin as the cut ones do.
fn rebuild_partitions(index: &PartitionIndex, partitions: &[(Vec<u8>, PartitionPosition)]) -> Vec<u8> {
    let mut builder = PartitionIndexBuilder::default();
    for (at, (cut, position)) in partitions.iter().enumerate() {
        // The hash is only in the index.
        let hash = (0..=255).find(|&byte| index.exact_candidate(cut, [0, byte]).unwrap().is_some()).unwrap();
        let key = if at == 0 { index.first_key() } else { index.last_key() };
        builder.add(key, &[cut, &[0x38][..]].concat(), [0, hash], *position).unwrap();
    }
    builder.finish().unwrap().pending().to_vec()
}

/// The files of that name of all tables that Cassandra wrote in this format.
fn corpus(component: &str) -> Vec<PathBuf> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus"));
    let corpus = std::env::var_os("HELENUS_CORPUS").map_or(default, PathBuf::from);
    let mut folders = vec![corpus.join("da"), corpus.join("legacy/da")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else {
            println!("skipped: no {}", folder.display());
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(&format!("-{component}")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[expect(clippy::disallowed_methods, reason = "a test's fixture, not a file of the engine")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
