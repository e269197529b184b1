//! Half single writes, half slices of the newest rows of popular partitions.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::read::SLICE_ROWS;
use super::{loaded, threads, wrong};
use crate::generate::{Generator, Random};
use crate::meter::{Histogram, Meter};
use crate::report::Report;
use crate::store::{Reader, Store, Writer};
use crate::{Args, Result};

#[derive(Debug, Default)]
struct Done {
    writes: Histogram,
    slices: Histogram,
    rows_read: u64,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    for threads in threads(args, &[2]) {
        let store = loaded(&Args { reuse: false, ..args.clone() }, &generator)?;
        let next = AtomicU64::new(args.rows);
        let meter = Meter::start();
        let until = Instant::now() + Duration::from_secs_f64(args.secs);
        let parts: Vec<Result<Done>> = std::thread::scope(|scope| {
            let (store, generator, next) = (&store, &generator, &next);
            let spawn = |thread| scope.spawn(move || work(args, store, generator, next, thread, until));
            let handles: Vec<_> = (0..threads).map(spawn).collect();
            handles
                .into_iter()
                .map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let reading = meter.read();
        let mut all = Done::default();
        for part in parts {
            let part = part?;
            all.writes.add(&part.writes);
            all.slices.add(&part.slices);
            all.rows_read += part.rows_read;
        }
        check(&store, &generator, next.into_inner())?;
        store.close()?;
        let calls = all.writes.len() + all.slices.len();
        Report::new(args, "mixed", &format!("{threads}t"), &reading)
            .rate("ops_per_s", calls, reading.secs)
            .rate("writes_per_s", all.writes.len(), reading.secs)
            .rate("slices_per_s", all.slices.len(), reading.secs)
            .rate("rows_read_per_s", all.rows_read, reading.secs)
            .figure("cpu_us_per_op", reading.cpu_secs * 1e6 / calls as f64)
            .latencies("write_", &all.writes)
            .latencies("slice_", &all.slices)
            .emit(args)?;
    }
    Ok(())
}

fn work(
    args: &Args,
    store: &Store,
    generator: &Generator,
    next: &AtomicU64,
    thread: u16,
    until: Instant,
) -> Result<Done> {
    let mut random = Random::new(args.seed ^ 0x1111 ^ u64::from(thread) << 40);
    let mut writer = Writer::new(store)?;
    let mut reader = Reader::new(store);
    let mut done = Done::default();
    loop {
        let writes = random.next() & 1 == 0;
        let start;
        if writes {
            let row = generator.row(next.fetch_add(1, Relaxed), 0);
            start = Instant::now();
            writer.write(&row)?;
        } else {
            let partition = generator.partitions()[generator.zipf_partition(random.next())];
            start = Instant::now();
            done.rows_read += reader.slice(store, partition, None, SLICE_ROWS)?.0 as u64;
        }
        let end = Instant::now();
        let calls = if writes { &mut done.writes } else { &mut done.slices };
        calls.record(end - start);
        if end > until {
            return Ok(done);
        }
    }
}

/// All rows are there, those of the load and those written since.
fn check(store: &Store, generator: &Generator, rows: u64) -> Result<()> {
    let found = Reader::new(store).scan(store)?;
    let (sum, _) = generator.totals(rows);
    if found != (rows, sum) {
        return wrong(format!("of {rows} rows {} were found, or others", found.0));
    }
    Ok(())
}
