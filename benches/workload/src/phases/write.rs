//! Writing: row by row, in batches, synced; and filling the table that is read.

use std::time::{Duration, Instant};

use super::{SETTLE, fresh, loaded, size_of, threads, wrong};
use crate::generate::{Generator, Message, Random};
use crate::meter::{Histogram, Meter};
use crate::report::Report;
use crate::store::{Opening, Reader, Store, Writer};
use crate::{Args, Result};

/// The writes of one thread, or of all of them.
#[derive(Debug, Default)]
struct Written {
    calls: Histogram,
    rows: u64,
    bytes: u64,
}

/// The writes to make.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rows: u64,
    batch: u64,
    threads: u16,
    longest: Duration,
}

pub(super) fn rows(args: &Args) -> Result<()> {
    for threads in threads(args, &[1, 2]) {
        buffered(args, "write", 1, threads)?;
    }
    Ok(())
}

pub(super) fn batches(args: &Args) -> Result<()> {
    for threads in threads(args, &[1, 2]) {
        buffered(args, "write-batch", 100, threads)?;
    }
    Ok(())
}

fn buffered(args: &Args, workload: &str, batch: u64, threads: u16) -> Result<()> {
    let generator = Generator::new(args.rows, batch, args.seed);
    let store = fresh(args, Opening::BUFFERED)?;
    let meter = Meter::start();
    let plan = Plan { rows: args.rows, batch, threads, longest: Duration::MAX };
    let written = write_all(&store, &generator, plan)?;
    let acked = meter.read();
    store.flush()?;
    let flushed_secs = meter.secs();
    store.settle(SETTLE)?;
    let settled = meter.read();
    check_sample(&store, &generator)?;
    let sstables = store.sstables();
    store.close()?;
    let rows = written.rows as f64;
    Report::new(args, workload, &format!("{threads}t"), &settled)
        .count("rows_done", written.rows)
        .count("batch", batch)
        .rate("rows_per_s", written.rows, acked.secs)
        .rate("settled_rows_per_s", written.rows, settled.secs)
        .figure("ack_secs", acked.secs)
        .figure("flushed_secs", flushed_secs)
        .figure("settled_secs", settled.secs)
        .figure("cpu_us_per_row_ack", acked.cpu_secs * 1e6 / rows)
        .figure("cpu_us_per_row_settled", settled.cpu_secs * 1e6 / rows)
        .latencies("", &written.calls)
        .count("logical_bytes", written.bytes)
        .figure("write_amp", settled.write_bytes as f64 / written.bytes as f64)
        .count("sstables", sstables)
        .count("disk_bytes", size_of(args))
        .emit(args)
}

pub(super) fn synced(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    for threads in threads(args, &[1, 4, 16]) {
        let store = fresh(args, Opening::SYNC)?;
        let meter = Meter::start();
        let longest = Duration::from_secs_f64(args.secs);
        let written = write_all(&store, &generator, Plan { rows: u64::MAX / 4, batch: 1, threads, longest })?;
        let reading = meter.read();
        store.close()?;
        Report::new(args, "write-sync", &format!("{threads}t"), &reading)
            .rate("ops_per_s", written.rows, reading.secs)
            .figure("cpu_us_per_op", reading.cpu_secs * 1e6 / written.rows as f64)
            .latencies("", &written.calls)
            .count("logical_bytes", written.bytes)
            .emit(args)?;
    }
    Ok(())
}

/// Writes row by row for a while, faster than one thread compacts what is flushed.
pub(super) fn lagging(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    for threads in threads(args, &[2]) {
        let store = fresh(args, Opening::LAGGING)?;
        let meter = Meter::start();
        let longest = Duration::from_secs_f64(args.secs);
        let written = write_all(&store, &generator, Plan { rows: u64::MAX / 4, batch: 1, threads, longest })?;
        let reading = meter.read();
        let sstables = store.sstables();
        let (stalls, stalled) = store.stalls();
        store.close()?;
        Report::new(args, "write-lagging", &format!("{threads}t"), &reading)
            .rate("ops_per_s", written.rows, reading.secs)
            .latencies("", &written.calls)
            .count("sstables", sstables)
            .count("stalls", stalls)
            .figure("stalled_secs", stalled.as_secs_f64())
            .emit(args)?;
    }
    Ok(())
}

/// Fills the table that other workloads read.
pub(super) fn load(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let meter = Meter::start();
    let store = loaded(&Args { reuse: false, ..args.clone() }, &generator)?;
    let reading = meter.read();
    let sstables = store.sstables();
    store.close()?;
    Report::new(args, "load", "1t", &reading)
        .rate("rows_per_s", args.rows, reading.secs)
        .count("sstables", sstables)
        .count("disk_bytes", size_of(args))
        .emit(args)
}

/// Writes all rows, a thousand a call.
pub(super) fn fill(store: &Store, generator: &Generator) -> Result<()> {
    let plan = Plan { rows: generator.rows(), batch: 1000, threads: 1, longest: Duration::MAX };
    write_all(store, generator, plan).map(drop)
}

/// Writes rows from the first one on, thread `t` of `n` every `n`-th batch.
fn write_all(store: &Store, generator: &Generator, plan: Plan) -> Result<Written> {
    let began = Instant::now();
    let mut all = Written::default();
    let parts: Vec<Result<Written>> = std::thread::scope(|scope| {
        let spawn = |thread| scope.spawn(move || write_share(store, generator, plan, thread, began));
        let handles: Vec<_> = (0..plan.threads).map(spawn).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, _>| match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        handles.into_iter().map(join).collect()
    });
    for part in parts {
        let part = part?;
        all.calls.add(&part.calls);
        all.rows += part.rows;
        all.bytes += part.bytes;
    }
    Ok(all)
}

fn write_share(
    store: &Store,
    generator: &Generator,
    plan: Plan,
    thread: u16,
    began: Instant,
) -> Result<Written> {
    let mut writer = Writer::new(store)?;
    let mut written = Written::default();
    let mut rows: Vec<Message<&str>> = Vec::new();
    let mut batch = u64::from(thread);
    while batch * plan.batch < plan.rows {
        rows.clear();
        rows.extend(
            (batch * plan.batch..((batch + 1) * plan.batch).min(plan.rows)).map(|row| generator.row(row, 0)),
        );
        written.bytes += rows.iter().map(Message::logical_bytes).sum::<u64>();
        written.rows += rows.len() as u64;
        let start = Instant::now();
        match rows.as_slice() {
            [row] => writer.write(row)?,
            rows => writer.write_batch(rows, &[])?,
        }
        let end = Instant::now();
        written.calls.record(end - start);
        if end - began > plan.longest {
            break;
        }
        batch += u64::from(plan.threads);
    }
    Ok(written)
}

/// Reads two thousand rows back.
fn check_sample(store: &Store, generator: &Generator) -> Result<()> {
    let mut random = Random::new(7);
    let mut reader = Reader::new(store);
    for _ in 0..2000 {
        let row = random.below(generator.rows());
        let expected = generator.row(row, 0);
        if reader.point(store, expected.key)? != Some(expected.digest()) {
            return wrong(format!("row {row} is not what was written"));
        }
    }
    Ok(())
}
