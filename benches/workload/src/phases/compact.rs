//! A major compaction of six generations, each of which holds rows of nearly every partition.

use super::{fresh, size_of, wrong};
use crate::generate::{Generator, Message};
use crate::meter::Meter;
use crate::report::Report;
use crate::store::{Opening, Reader, Writer};
use crate::{Args, Result};

const GENERATIONS: u64 = 6;
/// The number of rows that fit the memtables: more would make more generations.
const MOST_ROWS: u64 = 250_000 * GENERATIONS;
const BATCH: u64 = 1000;

pub(super) fn run(args: &Args) -> Result<()> {
    let rows = args.rows.min(MOST_ROWS);
    let generator = Generator::new(rows, 1, args.seed);
    let store = fresh(args, Opening { compacting: false, ..Opening::BUFFERED })?;
    let mut writer = Writer::new(&store)?;
    let mut batch: Vec<Message<&str>> = Vec::new();
    for generation in 0..GENERATIONS {
        let mut next = rows * generation / GENERATIONS;
        let end = rows * (generation + 1) / GENERATIONS;
        while next < end {
            let last = (next + BATCH).min(end);
            batch.clear();
            batch.extend((next..last).map(|row| generator.row(row, 0)));
            writer.write_batch(&batch, &[])?;
            next = last;
        }
        store.flush()?;
    }
    let sstables = store.sstables();
    let disk_before = size_of(args);
    let meter = Meter::start();
    store.compact()?;
    let reading = meter.read();
    let (sum, bytes) = generator.totals(rows);
    if store.sstables() != 1 || Reader::new(&store).scan(&store)? != (rows, sum) {
        return wrong("the compacted table".to_owned());
    }
    store.close()?;
    Report::new(args, "compact", "major", &reading)
        .count("sstables", sstables)
        .count("rows_done", rows)
        .rate("rows_per_s", rows, reading.secs)
        .figure("cpu_us_per_row", reading.cpu_secs * 1e6 / rows as f64)
        .count("logical_bytes", bytes)
        .count("disk_before", disk_before)
        .count("disk_bytes", size_of(args))
        .emit(args)
}
