//! Lookups in the trie indexes of BTI.

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use helenus_rows::DeletionTime;
use helenus_sstable::{
    HeldPage, IndexBlock, PartitionIndex, PartitionIndexBuilder, PartitionPosition, RowIndex, RowIndexWriter,
    SearchKey,
};
use helenus_types::{Partitioner, Type};

pub(crate) fn partitions(c: &mut Criterion) {
    const KEYS: usize = 100_000;
    let search = |key: u64| SearchKey::of(Partitioner::Murmur3, &key.to_be_bytes());
    let mut keys: Vec<SearchKey> = (0..KEYS as u64).map(search).collect();
    keys.sort_by(|a, b| a.comparable().cmp(b.comparable()));
    let mut builder = PartitionIndexBuilder::default();
    for (at, key) in (0..).zip(&keys) {
        let position = PartitionPosition::Data(at * 1_000);
        builder.add(key.key(), key.comparable(), key.hash(), position).unwrap();
    }
    let index = PartitionIndex::open(Bytes::copy_from_slice(builder.finish().unwrap().pending())).unwrap();
    let absent: Vec<SearchKey> = (0..1_000).map(|key| search(key + (1 << 40))).collect();
    let mut group = c.benchmark_group("partition index of 100,000");
    group.throughput(Throughput::Elements(1));
    for (name, keys) in [("present", &keys), ("absent", &absent)] {
        group.bench_function(name, |b| {
            let mut at = 0;
            b.iter(|| {
                at = (at + 61_153) % keys.len();
                index.exact_candidate(keys[at].comparable(), keys[at].hash()).unwrap()
            });
        });
    }
    group.finish();
}

pub(crate) fn row_blocks(c: &mut Criterion) {
    const BLOCKS: u64 = 10_000;
    let comparable = |value: u64| {
        let mut out = vec![0x40];
        assert!(Type::BigInt.comparable(&value.to_be_bytes(), &mut out));
        out
    };
    let mut writer = RowIndexWriter::default();
    for block in 0..BLOCKS {
        let (first, last) = (comparable(block * 100), comparable(block * 100 + 99));
        let at = IndexBlock { offset: block * 16_384, open_deletion: DeletionTime::LIVE };
        writer.add_block(&first, &last, at).unwrap();
    }
    let position = writer.finish_partition(b"key", 0, BLOCKS * 16_384, DeletionTime::LIVE).unwrap().unwrap();
    let index = RowIndex::new(Bytes::copy_from_slice(writer.finish().pending()));
    let bounds: Vec<Vec<u8>> = (0..1_000).map(|i| comparable(i * 611_953 % (BLOCKS * 100))).collect();
    let mut group = c.benchmark_group("row index of 10,000 blocks");
    group.throughput(Throughput::Elements(1));
    group.bench_function("entry and floor", |b| {
        let mut at = 0;
        b.iter(|| {
            at = (at + 1) % bounds.len();
            let held = &mut HeldPage::default();
            let root = index.entry(held, position).unwrap().root;
            index.floor(held, root, &bounds[at]).unwrap()
        });
    });
    group.finish();
}
