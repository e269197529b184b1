//! Reading: points, slices, scans. All answers are compared.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{loaded, size_of, threads, wrong};
use crate::generate::{Generator, Key, Partition, Random, Zipf};
use crate::meter::{Histogram, Meter, Reading};
use crate::report::Report;
use crate::store::{Reader, Store};
use crate::{Args, Result};

/// Rows of a slice.
pub(super) const SLICE_ROWS: usize = 50;
/// One found row in this many is compared in full; of the others only the key.
const COMPARED: u64 = 16;

/// The reads of threads in a period.
struct Timed {
    calls: Histogram,
    rows: u64,
    reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Points {
    Uniform,
    Zipf,
    AbsentPartition,
    AbsentRow,
}

pub(super) fn points(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let store = loaded(args, &generator)?;
    let popular = popular_rows(args);
    let kinds = [
        (Points::Uniform, "uniform"),
        (Points::Zipf, "zipf"),
        (Points::AbsentPartition, "absent-partition"),
        (Points::AbsentRow, "absent-row"),
    ];
    for (kind, name) in kinds {
        for threads in threads(args, &[1, 2]) {
            let timed = for_a_while(args, &store, threads, |random, reader| {
                let row = match kind {
                    Points::Zipf => u64::from(popular[index_below(random, popular.len())]),
                    _ => random.below(args.rows),
                };
                point(&store, &generator, kind, row, reader)
            })?;
            timed.report(args, "point-read", name, threads).count("disk_bytes", size_of(args)).emit(args)?;
        }
    }
    store.close()
}

fn point(store: &Store, generator: &Generator, kind: Points, row: u64, reader: &mut Reader) -> Result<u64> {
    let mut key = generator.key(row);
    match kind {
        Points::Uniform | Points::Zipf => {}
        Points::AbsentPartition => key.partition.bucket += 1_000_000,
        Points::AbsentRow => key.message_id |= 1,
    }
    let found = reader.point(store, key)?;
    let present = matches!(kind, Points::Uniform | Points::Zipf);
    if found.is_some() != present {
        return wrong(format!("row {row}: found {}, written {present}", found.is_some()));
    }
    if present && row.is_multiple_of(COMPARED) && found != Some(generator.row(row, 0).digest()) {
        return wrong(format!("row {row} is not what was written"));
    }
    Ok(u64::from(present))
}

/// Numbers of rows, by Zipf's law over all of them, popular ones scattered over the table.
fn popular_rows(args: &Args) -> Vec<u32> {
    let zipf = Zipf::new(usize::try_from(args.rows).unwrap_or(usize::MAX), 0.99);
    let mut random = Random::new(args.seed ^ 99);
    let row =
        |rank: usize| u32::try_from(crate::generate::mix(rank as u64 ^ 0xABCD) % args.rows).unwrap_or(0);
    (0..1 << 20).map(|_| row(zipf.rank(random.next()))).collect()
}

fn index_below(random: &mut Random, len: usize) -> usize {
    usize::try_from(random.below(len as u64)).unwrap_or(0)
}

/// The newest rows of each partition: how many of [`SLICE_ROWS`] there are, and the sum of their
/// digests.
fn newest(generator: &Generator) -> Vec<(usize, u64)> {
    let mut newest = vec![(0usize, 0u64); generator.partitions().len()];
    for row in (0..generator.rows()).rev() {
        let (count, sum) = &mut newest[generator.partition_of(row)];
        if *count < SLICE_ROWS {
            *count += 1;
            *sum = sum.wrapping_add(generator.row(row, 0).digest());
        }
    }
    newest
}

pub(super) fn slices(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let store = loaded(args, &generator)?;
    let newest = newest(&generator);
    check_slices_with_a_start(&store, &generator)?;
    for (name, zipf) in [("uniform", false), ("zipf", true)] {
        for threads in threads(args, &[1, 2]) {
            let timed = for_a_while(args, &store, threads, |random, reader| {
                let bits = random.next();
                let partition = match zipf {
                    true => generator.zipf_partition(bits),
                    false => index_below(random, newest.len()),
                };
                let found = reader.slice(&store, generator.partitions()[partition], None, SLICE_ROWS)?;
                if found != newest[partition] {
                    return wrong(format!(
                        "the newest rows of partition {partition}: {found:?}, written {:?}",
                        newest[partition]
                    ));
                }
                Ok(found.0 as u64)
            })?;
            let rows = timed.rows;
            let secs = timed.reading.secs;
            timed
                .report(args, "slice", name, threads)
                .count("rows_read", rows)
                .rate("rows_per_s", rows, secs)
                .emit(args)?;
        }
    }
    store.close()
}

/// Slices that begin at a row must begin with it.
fn check_slices_with_a_start(store: &Store, generator: &Generator) -> Result<()> {
    let mut random = Random::new(5);
    let mut reader = Reader::new(store);
    for _ in 0..500 {
        let row = random.below(generator.rows());
        let expected = generator.row(row, 0);
        let Key { partition, message_id } = expected.key;
        let partition: Partition = partition;
        if reader.slice(store, partition, Some(message_id), 1)? != (1, expected.digest()) {
            return wrong(format!("a slice from row {row} on"));
        }
    }
    Ok(())
}

pub(super) fn scans(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let store = loaded(args, &generator)?;
    let (sum, bytes) = generator.totals(args.rows);
    for phase in ["first", "second"] {
        let mut reader = Reader::new(&store);
        let meter = Meter::start();
        let found = reader.scan(&store)?;
        let reading = meter.read();
        if found != (args.rows, sum) {
            return wrong(format!("a scan of {} rows found {} or others", args.rows, found.0));
        }
        Report::new(args, "scan", phase, &reading)
            .rate("rows_per_s", args.rows, reading.secs)
            .figure("cpu_us_per_row", reading.cpu_secs * 1e6 / args.rows as f64)
            .figure("mb_per_s", bytes as f64 / reading.secs / 1e6)
            .emit(args)?;
    }
    store.close()
}

/// Calls `op`, which returns the number of rows it read, on every thread: a while to warm up, then
/// `--secs`.
fn for_a_while(
    args: &Args,
    store: &Store,
    threads: u16,
    op: impl Fn(&mut Random, &mut Reader) -> Result<u64> + Sync,
) -> Result<Timed> {
    let (stop, measuring) = (AtomicBool::new(false), AtomicBool::new(false));
    let (stop, measuring, op) = (&stop, &measuring, &op);
    let work = move |thread: u16| -> Result<(Histogram, u64)> {
        let mut random = Random::new(args.seed ^ u64::from(thread) << 40);
        let mut reader = Reader::new(store);
        let (mut calls, mut rows) = (Histogram::default(), 0);
        while !stop.load(Relaxed) {
            let counts = measuring.load(Relaxed);
            let start = Instant::now();
            let read = op(&mut random, &mut reader).inspect_err(|_| stop.store(true, Relaxed))?;
            if counts {
                calls.record(start.elapsed());
                rows += read;
            }
        }
        Ok((calls, rows))
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let warm_up = if threads == 1 { args.secs.min(1.5) } else { 0.3 };
        pause(warm_up, stop);
        let meter = Meter::start();
        measuring.store(true, Relaxed);
        pause(args.secs, stop);
        let reading = meter.read();
        stop.store(true, Relaxed);
        let mut timed = Timed { calls: Histogram::default(), rows: 0, reading };
        for handle in handles {
            let (calls, rows) = handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            timed.calls.add(&calls);
            timed.rows += rows;
        }
        Ok(timed)
    })
}

/// Waits `secs` seconds, or until a thread failed.
fn pause(secs: f64, stop: &AtomicBool) {
    let until = Instant::now() + Duration::from_secs_f64(secs);
    while !stop.load(Relaxed) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10).min(until.saturating_duration_since(Instant::now())));
    }
}

impl Timed {
    fn report(self, args: &Args, workload: &str, name: &str, threads: u16) -> Report {
        let ops = self.calls.len();
        Report::new(args, workload, &format!("{name}-{threads}t"), &self.reading)
            .rate("ops_per_s", ops, self.reading.secs)
            .figure("cpu_us_per_op", self.reading.cpu_secs * 1e6 / ops as f64)
            .latencies("", &self.calls)
    }
}
