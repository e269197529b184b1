//! `ingest`: SSTables into a table.

use std::io::Write;

use helenus::{Clock, IngestOptions, SystemClock, Transfer, Verification};

use crate::args::Ingest;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn ingest(args: &Ingest) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let (keyspace, table) = open::split_name(&args.table)?;
    let database = open::database_to_write(&args.dir)?;
    let outcome = bring_in(&open::find(&database, &keyspace, &table)?, args, &clock);
    database.close()?;
    outcome
}

fn bring_in(table: &helenus::Table, args: &Ingest, clock: &dyn Clock) -> Result<(), Failure> {
    let start = clock.elapsed();
    let options = IngestOptions {
        transfer: match (args.copy_data, args.move_files) {
            (true, _) => Transfer::Copy,
            (_, true) => Transfer::Move,
            _ => Transfer::Link,
        },
        verification: match (args.no_verify, args.extended_verify) {
            (true, _) => Verification::None,
            (_, true) => Verification::Extended,
            _ => Verification::Checksums,
        },
        keep_level: args.keep_level,
        keep_repaired: args.keep_repaired,
    };
    let mut bar = ByteProgress::default();
    let done = helenus::ingest_watched(table, &args.paths, options, &mut |progress| {
        bar.at(progress.bytes_done, progress.bytes_total);
    });
    bar.finish();
    let done = done?;
    let mut out = output::stdout();
    writeln!(
        out,
        "brought {}, {}, into {} in {:.2} s: {} linked, {} copied",
        counted(done.sstables, "SSTable"),
        counted(done.bytes, "byte"),
        args.table,
        (clock.elapsed() - start).as_secs_f64(),
        counted(done.files_linked, "file"),
        done.files_copied
    )?;
    for left in &done.left_out {
        writeln!(out, "left out: {}: {}", left.path.display(), left.reason)?;
    }
    Ok(out.flush()?)
}
