//! Microbenchmarks: one group for each structure that a read or a write goes through.
//!
//! `cargo bench -p helenus-bench-micro -- GROUP` runs a group; `docs/performance.md` has figures.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

mod index;
mod rows;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use helenus_bloom::Filter;
use helenus_io::Disk;
use helenus_sim::{Rng, SimDisk};
use helenus_sstable::{
    ChunkReader, ChunkScratch, ChunkVerification, ChunkWriter, ChunkedFile, Codec, CompressionParams,
};
use helenus_types::{murmur3, vint};

criterion_group!(
    micro,
    vints,
    rows::codec,
    rows::merge,
    rows::memtable,
    rows::growth,
    bloom,
    index::partitions,
    index::row_blocks,
    chunks
);
criterion_main!(micro);

fn vints(c: &mut Criterion) {
    let mut rng = Rng::new(1);
    // As in rows: mostly one byte, some of three to five, few long ones.
    let lengths = [7, 7, 7, 7, 14, 21, 35, 64];
    let numbers: Vec<u64> = (0..1_024).map(|i: usize| rng.next() >> (64 - lengths[i % 8])).collect();
    let mut encoded = Vec::new();
    numbers.iter().for_each(|&number| vint::write_unsigned(&mut encoded, number));
    let mut group = c.benchmark_group("vint");
    group.throughput(Throughput::Elements(numbers.len() as u64));
    group.bench_function("write", |b| {
        let mut out = Vec::with_capacity(encoded.len());
        b.iter(|| {
            out.clear();
            numbers.iter().for_each(|&number| vint::write_unsigned(&mut out, number));
            out.len()
        });
    });
    group.bench_function("read", |b| {
        b.iter(|| {
            let (mut rest, mut sum) = (&encoded[..], 0_u64);
            while let Some((number, len)) = vint::read_unsigned(rest) {
                sum = sum.wrapping_add(number);
                rest = &rest[len..];
            }
            sum
        });
    });
    group.finish();
}

fn bloom(c: &mut Criterion) {
    const KEYS: u64 = 1_000_000;
    let mut filter = Filter::for_keys(KEYS, 0.01).unwrap().unwrap();
    (0..KEYS).for_each(|key| filter.add(&key.to_be_bytes()));
    let mut group = c.benchmark_group("bloom");
    group.throughput(Throughput::Elements(1));
    // Keys that jump about, so that the filter's lines come from memory as they do in a read.
    let jump = |key: &mut u64| {
        *key = (*key + 611_953) % KEYS;
        *key
    };
    for (name, offset) in [("present", 0), ("absent", KEYS)] {
        group.bench_function(name, |b| {
            let mut key = 0;
            b.iter(|| filter.may_contain_hash(murmur3(&(jump(&mut key) + offset).to_be_bytes())));
        });
    }
    group.finish();
}

fn chunks(c: &mut Criterion) {
    const CHUNK: usize = 16 << 10;
    // Half random, half the same: LZ4 brings it to about half.
    let mut rng = Rng::new(2);
    let mut data = Vec::new();
    while data.len() < 64 * CHUNK {
        data.extend_from_slice(&rng.next().to_be_bytes());
        data.extend_from_slice(b"the same");
    }
    let mut group = c.benchmark_group("chunk of 16 KiB");
    group.throughput(Throughput::Bytes(CHUNK as u64));
    let codecs = [None, Some(Codec::Lz4), Some(Codec::Snappy), Some(Codec::Zstd)];
    for codec in codecs {
        let name = codec.map_or("none", Codec::simple_class_name);
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let path = Path::new("Data.db");
        let file = disk.create_new(path).unwrap();
        let mut writer = ChunkWriter::new(file, codec.map(CompressionParams::new)).unwrap();
        writer.append(&data).unwrap();
        let written = writer.finish().unwrap();
        let file = disk.open_read(path).unwrap();
        let len = file.len().unwrap();
        let chunks = match written.compression_info {
            Some(info) => ChunkedFile::compressed(path, len, info),
            None => ChunkedFile::plain(path, len, written.crc),
        };
        let chunks = chunks.unwrap();
        // A plain file may have other chunks; whole ones of it are read as they are.
        let count = chunks.chunk_count();
        let reader = ChunkReader::new(Arc::new(chunks), file);
        group.throughput(Throughput::Bytes(data.len() as u64 / u64::from(count)));
        group.bench_function(format!("read, {name}"), |b| {
            let (mut scratch, mut out, mut index) = (ChunkScratch::default(), Vec::new(), 0);
            b.iter(|| {
                index = (index + 1) % count;
                reader.read(index, ChunkVerification::Check, &mut scratch, &mut out).unwrap();
                black_box(out.len())
            });
        });
    }
    group.finish();
}
