//! Memory against the budget of memtables.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use helenus::{Durability, Options};

use super::create;
use crate::meter::{Meter, rss_bytes};
use crate::report::Report;
use crate::{Args, Result};

/// Eight threads that write cells of 8 MB against a budget of 32 MiB.
pub(in crate::phases) fn run(args: &Args) -> Result<()> {
    const THREADS: i32 = 8;
    const WRITES: i32 = 12;
    const CELL: usize = 8_000_000;
    const BUDGET: usize = 32 << 20;
    let options = Options::new()
        .durability(Durability::Buffered)
        .memtable_bytes(BUDGET / 4)
        .memtable_total_bytes(BUDGET)
        .cache_bytes(16 << 20)
        .write_timeout(Duration::from_secs(300));
    let (db, table) = create(options, args)?;
    let before = rss_bytes();
    let meter = Meter::start();
    let (done, most) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                most.fetch_max(db.metrics().memtable_bytes, Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let writer = |thread: i32| {
            let table = table.clone();
            move || -> Result<()> {
                (0..WRITES)
                    .try_for_each(|c| Ok(table.insert(thread, c).set("v", vec![1_u8; CELL]).execute()?))
            }
        };
        let writers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(writer(thread))).collect();
        let outcomes: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Relaxed);
        outcomes.into_iter().try_for_each(|outcome| match outcome {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let reading = meter.read();
    let written = rss_bytes();
    db.close()?;
    // Handles are still around.
    let closed = rss_bytes();
    drop((table, db));
    Report::new(args, "budget", "8t of 8 MB", &reading)
        .count("budget_bytes", BUDGET as u64)
        .count("most_memtable_bytes", most.load(Relaxed))
        .count("rss_before_bytes", before)
        .count("rss_written_bytes", written)
        .count("rss_closed_bytes", closed)
        .emit(args)
}
