//! Half of the rows are written over, a quarter is deleted; then everything is flushed and merged.

use super::{SETTLE, loaded, size_of, wrong};
use crate::generate::{Generator, Key, Message};
use crate::meter::{Histogram, Meter};
use crate::report::Report;
use crate::store::{Reader, Writer};
use crate::{Args, Result};
use std::time::Instant;

/// Changes of a call.
const BATCH: usize = 100;

pub(super) fn run(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let store = loaded(&Args { reuse: false, ..args.clone() }, &generator)?;
    let (mut sum, _) = generator.totals(args.rows);
    let disk_loaded = size_of(args);
    let mut writer = Writer::replacing(&store)?;
    let mut calls = Histogram::default();
    let (mut bytes, mut deleted) = (0, 0);
    let changes = args.rows * 3 / 4;
    let meter = Meter::start();
    let (mut rows, mut keys): (Vec<Message<&str>>, Vec<Key>) = (Vec::new(), Vec::new());
    for step in 0..changes {
        let row = generator.scattered(step);
        let before = generator.row(row, 0);
        sum = sum.wrapping_sub(before.digest());
        if step % 3 == 2 {
            keys.push(before.key);
            bytes += 20;
            deleted += 1;
        } else {
            let after = generator.row(row, 1);
            sum = sum.wrapping_add(after.digest());
            bytes += after.logical_bytes();
            rows.push(after);
        }
        if rows.len() + keys.len() == BATCH || step + 1 == changes {
            let start = Instant::now();
            writer.write_batch(&rows, &keys)?;
            calls.record(start.elapsed());
            rows.clear();
            keys.clear();
        }
    }
    let acked_secs = meter.secs();
    store.flush()?;
    store.settle(SETTLE)?;
    let settled = meter.read();
    let disk_settled = size_of(args);
    let compacting = Meter::start();
    store.compact()?;
    let compacted = compacting.read();
    let left = Reader::new(&store).scan(&store)?;
    if left != (args.rows - deleted, sum) {
        return wrong(format!("{} rows were left, {} should be, or others", left.0, args.rows - deleted));
    }
    store.close()?;
    Report::new(args, "churn", "1t", &settled)
        .count("overwritten", changes - deleted)
        .count("deleted", deleted)
        .rate("rows_per_s", changes, acked_secs)
        .rate("settled_rows_per_s", changes, settled.secs)
        .figure("cpu_us_per_row_settled", settled.cpu_secs * 1e6 / changes as f64)
        .latencies("", &calls)
        .figure("write_amp", settled.write_bytes as f64 / bytes as f64)
        .count("disk_loaded", disk_loaded)
        .count("disk_settled", disk_settled)
        .count("disk_compacted", size_of(args))
        .figure("compact_secs", compacted.secs)
        .figure("compact_cpu_secs", compacted.cpu_secs)
        .emit(args)
}
