//! Append, sync and replay on the real disk, in the temporary directory (set `TMPDIR` to choose the
//! disk).

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::convert::Infallible;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use helenus_commitlog::{CommitLog, Durability, LogOptions, ReplayOptions, TableTag, replay};
use helenus_io::{Clock, RealDisk, SystemClock};

const TAG: TableTag = TableTag(1);
/// With head and tag, 168 bytes in the log.
const PAYLOAD: [u8; 152] = [0x5a; 152];
/// A batch of a hundred such rows in one record.
const BATCH: [u8; 16 << 10] = [0x5a; 16 << 10];

fn open(dir: &Path, durability: Durability) -> CommitLog {
    let options = LogOptions { durability, spare_segments: 4, ..LogOptions::default() };
    let report = replay::<Infallible>(&RealDisk, dir, ReplayOptions::NONE_RELEASED, &mut |_| Ok(())).unwrap();
    let clock = Arc::new(SystemClock::new());
    let log = CommitLog::resume(Arc::new(RealDisk), dir, options, clock, report).unwrap();
    while log.prepare_step().unwrap() {}
    log
}

/// Runs `work` beside a thread that keeps segments ready, and returns how long the work took.
fn with_background(log: &CommitLog, work: impl FnOnce()) -> Duration {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                if !log.prepare_step().unwrap() {
                    thread::park_timeout(Duration::from_millis(1));
                }
            }
        });
        let clock = SystemClock::new();
        work();
        let elapsed = clock.elapsed();
        done.store(true, Ordering::Release);
        elapsed
    })
}

/// Writes `records` records in one thread, each acknowledged before the next.
fn write(log: &CommitLog, records: u64, payload: &[u8]) {
    // As if a memtable had been flushed: segments are released and reused.
    let flush_every = (64 << 20) / payload.len() as u64;
    for i in 0..records {
        let end = log.append(&[TAG], &[black_box(payload)]).unwrap();
        log.commit(end).unwrap();
        if i % flush_every == flush_every - 1 {
            log.mark_flushed(TAG, end).unwrap();
        }
    }
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    let cases =
        [("168 bytes", 1, &PAYLOAD[..]), ("168 bytes, 2 threads", 2, &PAYLOAD), ("16 KiB", 1, &BATCH)];
    for (name, threads, payload) in cases {
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |b| {
            let dir = tempfile::tempdir().unwrap();
            let log = open(dir.path(), Durability::Buffered);
            b.iter_custom(|n| {
                with_background(&log, || {
                    thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| write(&log, n.div_ceil(threads), payload));
                        }
                    });
                    log.mark_flushed(TAG, log.position()).unwrap();
                })
            });
        });
    }
    group.finish();
}

fn sync(c: &mut Criterion) {
    let mut group = c.benchmark_group("sync");
    group.throughput(Throughput::Elements(1));
    for threads in [1_u64, 4, 16] {
        group.bench_function(format!("{threads} threads"), |b| {
            let dir = tempfile::tempdir().unwrap();
            let log = open(dir.path(), Durability::Sync);
            b.iter_custom(|n| {
                with_background(&log, || {
                    thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| {
                                for _ in 0..n.div_ceil(threads) {
                                    let end = log.append(&[TAG], &[black_box(&PAYLOAD)]).unwrap();
                                    log.commit(end).unwrap();
                                }
                            });
                        }
                    });
                    log.mark_flushed(TAG, log.position()).unwrap();
                })
            });
        });
    }
    group.finish();
}

fn read_back(c: &mut Criterion) {
    const RECORDS: u64 = 3_000_000;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Durability::Buffered);
    for _ in 0..RECORDS {
        log.append(&[TAG], &[&PAYLOAD]).unwrap();
    }
    log.close().unwrap();
    let mut group = c.benchmark_group("replay");
    group.sample_size(10).throughput(Throughput::Bytes(RECORDS * 168));
    group.bench_function("500 MB of 168 bytes", |b| {
        b.iter(|| {
            let mut bytes = 0;
            let report = replay(&RealDisk, dir.path(), ReplayOptions::NONE_RELEASED, &mut |record| {
                bytes += record.payload.len();
                Ok::<(), Infallible>(())
            });
            assert_eq!(report.unwrap().records, RECORDS);
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, append, sync, read_back);
criterion_main!(benches);
