//! The row codec, the merge and the memtable, on rows of the workload's shape: a message of five
//! cells.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use helenus_memtable::Memtable;
use helenus_rows::ColumnKind::{Clustering, PartitionKey, Regular};
use helenus_rows::{
    Cell, CellEvent, DeletionTime, EncodingBase, Header, LivenessInfo, Merge, RowBuf, RowBuilder, RowRef,
    TableSchema, UnfilteredStream, UpdateBuilder, UpdateRef, encode_clustering,
};
use helenus_sim::Rng;
use helenus_types::{Partitioner, Timestamp, Token, Type};

const NOW: i64 = 1_750_000_000_000_000;

/// Encodes rows into reused buffers.
struct Rows {
    header: Arc<Header>,
    builder: RowBuilder,
    row: RowBuf,
    clustering: Vec<u8>,
    update: UpdateBuilder,
    text: [u8; 100],
}

impl Rows {
    fn new() -> Rows {
        let columns = [
            ("channel", Type::BigInt, PartitionKey),
            ("id", Type::BigInt, Clustering),
            ("author", Type::BigInt, Regular),
            ("content", Type::Text, Regular),
            ("edited", Type::Boolean, Regular),
            ("flags", Type::Int, Regular),
            ("kind", Type::TinyInt, Regular),
        ];
        let columns = columns.map(|(name, ty, kind)| (Arc::from(name), ty, kind)).to_vec();
        let schema = TableSchema::new(
            "bench",
            "messages",
            "5a1c395e-b41f-11e5-9f22-ba0be0483c18".parse().unwrap(),
            columns,
        )
        .unwrap();
        Rows {
            header: Arc::new(schema.header(EncodingBase::EPOCH)),
            builder: RowBuilder::default(),
            row: RowBuf::default(),
            clustering: Vec::new(),
            update: UpdateBuilder::default(),
            text: [b'x'; 100],
        }
    }

    fn encode(&mut self, id: i64, timestamp: i64) -> RowRef<'_> {
        let header = &*self.header;
        let columns = &header.regulars;
        let timestamp = Timestamp(timestamp);
        self.builder.start(LivenessInfo::new(timestamp), DeletionTime::LIVE, false);
        let author = id.to_be_bytes();
        let values: [&[u8]; 5] = [&author, &self.text, &[1], &[0, 0, 0, 7], &[3]];
        for (column, value) in values.into_iter().enumerate() {
            self.builder.simple(header, columns, column, &Cell::live(timestamp, value));
        }
        self.builder.finish(header, false, &mut self.row);
        self.clustering.clear();
        let id = id.to_be_bytes();
        encode_clustering(header.clustering.types(), &[Some(&id)], &mut self.clustering);
        RowRef { clustering: &self.clustering, ..self.row.as_ref(header) }
    }

    fn update(&mut self, channel: i64, id: i64, timestamp: i64) -> &[u8] {
        let mut update = std::mem::take(&mut self.update);
        update.start(&channel.to_be_bytes());
        update.row(self.encode(id, timestamp));
        self.update = update;
        self.update.finish()
    }

    fn apply(&mut self, memtable: &Memtable, channel: i64, id: i64, timestamp: i64) {
        let token = Partitioner::murmur3_token(&channel.to_be_bytes());
        let update = UpdateRef::new(self.update(channel, id, timestamp)).unwrap();
        memtable.apply(token, [update], Timestamp(timestamp)).unwrap();
    }
}

pub(crate) fn codec(c: &mut Criterion) {
    let mut rows = Rows::new();
    let mut group = c.benchmark_group("row of 5 cells");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |b| {
        let mut id = 0;
        b.iter(|| {
            id += 1;
            black_box(rows.encode(id, NOW + id).body.len())
        });
    });
    let header = rows.header.clone();
    let row = rows.encode(1, NOW);
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut cells = row.cells().unwrap();
            let mut sum = 0;
            while let Some(CellEvent::Simple { cell, .. }) = cells.next().unwrap() {
                sum += cell.value.len();
            }
            sum
        });
    });
    let mut written = Vec::new();
    helenus_rows::write_row(row, 0, &mut written);
    group.bench_function("frame", |b| {
        b.iter(|| {
            let frame = helenus_rows::read_unfiltered(&header, black_box(&written), 0, false);
            assert!(frame.is_ok());
        });
    });
    group.finish();
}

/// Memtables as sources, so that nothing but the merge and a cheap stream is measured.
pub(crate) fn merge(c: &mut Criterion) {
    const PARTITIONS: i64 = 100;
    const ROWS: i64 = 100;
    let mut rows = Rows::new();
    let mut group = c.benchmark_group("merge");
    for sources in [1_i64, 2, 4] {
        // Every source has the same rows: each output row is merged of all of them.
        let same: Vec<Arc<Memtable>> = (0..sources)
            .map(|source| filled(&mut rows, PARTITIONS, |row| Some((row, source)), ROWS))
            .collect();
        // Every row is in one source: the merge interleaves.
        let apart: Vec<Arc<Memtable>> = (0..sources)
            .map(|source| {
                let own = |row| (row % sources == source).then_some((row, 0));
                filled(&mut rows, PARTITIONS, own, ROWS)
            })
            .collect();
        group.throughput(Throughput::Elements(u64::try_from(PARTITIONS * ROWS).unwrap()));
        for (name, memtables) in [("same rows", same), ("rows apart", apart)] {
            group.bench_function(format!("{sources} sources, {name}"), |b| {
                b.iter_batched(
                    || memtables.iter().map(|memtable| memtable.scan(Token::MIN..=Token::MAX)).collect(),
                    |streams: Vec<_>| count(Merge::new(rows.header.clone(), streams, &[])),
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

fn filled(
    rows: &mut Rows,
    partitions: i64,
    own: impl Fn(i64) -> Option<(i64, i64)>,
    count: i64,
) -> Arc<Memtable> {
    let memtable = Memtable::new(rows.header.clone());
    for partition in 0..partitions {
        for (row, newer) in (0..count).filter_map(&own) {
            rows.apply(&memtable, partition, row, NOW + newer);
        }
    }
    Arc::new(memtable)
}

fn count(mut stream: impl UnfilteredStream) -> u64 {
    let mut count = 0;
    while stream.next_partition().unwrap() {
        while stream.advance().unwrap() {
            black_box(stream.current());
            count += 1;
        }
    }
    count
}

pub(crate) fn memtable(c: &mut Criterion) {
    const WRITES: usize = 100_000;
    let mut group = c.benchmark_group("memtable insert");
    group.throughput(Throughput::Elements(WRITES as u64));
    group.sample_size(10);
    let sequential: Vec<(i64, i64)> =
        (0..WRITES as u64).map(|i| ((i / 100).cast_signed(), i.cast_signed())).collect();
    for (name, places) in [("sequential", sequential), ("zipf-like", zipf_like(WRITES))] {
        group.bench_function(name, |b| {
            let mut rows = Rows::new();
            let header = rows.header.clone();
            b.iter_batched(
                || Memtable::new(header.clone()),
                |memtable| {
                    for (at, &(channel, id)) in (0..).zip(&places) {
                        rows.apply(&memtable, channel, id, NOW + at);
                    }
                    memtable
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Writes of one partition while a reader holds its last state: the time of each must not grow with
/// their number.
pub(crate) fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("memtable growth, each write beside a reader");
    group.sample_size(10);
    for writes in [3_000_i64, 30_000, 300_000] {
        group.throughput(Throughput::Elements(writes.cast_unsigned()));
        group.bench_function(format!("{writes} rows"), |b| {
            let mut rows = Rows::new();
            let header = rows.header.clone();
            let key = 1_i64.to_be_bytes();
            let token = Partitioner::murmur3_token(&key);
            b.iter_batched(
                || Memtable::new(header.clone()),
                |memtable| {
                    for at in 0..writes {
                        let held = memtable.partition(token, &key);
                        rows.apply(&memtable, 1, at * 611_953 % writes, NOW + at);
                        drop(held);
                    }
                    memtable
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A few partitions take most of the writes, at random places: partition p of 10,000 about 1/p of
/// them.
fn zipf_like(writes: usize) -> Vec<(i64, i64)> {
    let mut rng = Rng::new(3);
    let place = |_| {
        // 2^(13.3·u) has the density of 1/p.
        let octave = rng.below(14);
        let partition = (1_u64 << octave) + rng.below(1 << octave);
        (partition.cast_signed(), rng.below(1_000_000).cast_signed())
    };
    (0..writes).map(place).collect()
}
