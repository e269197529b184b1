//! `flush` and `compact`.

use std::io::Write;

use helenus::{Clock, Database, SystemClock, Table};

use crate::args::Tables;
use crate::failure::Failure;
use crate::output::counted;
use crate::{open, output};

pub(crate) fn flush(args: &Tables) -> Result<(), Failure> {
    each(args, "flushed", |table| table.flush())
}

pub(crate) fn compact(args: &Tables) -> Result<(), Failure> {
    each(args, "compacted", |table| table.compact())
}

fn each(args: &Tables, done: &str, work: impl Fn(&Table) -> helenus::Result<()>) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let database = open::database_to_write(&args.dir)?;
    let outcome = each_of(&database, args, done, &clock, work);
    database.close()?;
    outcome
}

fn each_of(
    database: &Database,
    args: &Tables,
    done: &str,
    clock: &dyn Clock,
    work: impl Fn(&Table) -> helenus::Result<()>,
) -> Result<(), Failure> {
    let mut out = output::stdout();
    for table in open::find_or_all(database, args.table.as_deref())? {
        let start = clock.elapsed();
        let before = table.metrics();
        work(&table)?;
        let after = table.metrics();
        let schema = table.schema();
        writeln!(
            out,
            "{done} {} in {:.2} s: {}, {} (before: {}, {})",
            open::spelled(schema.keyspace(), schema.name()),
            (clock.elapsed() - start).as_secs_f64(),
            counted(after.sstables, "SSTable"),
            counted(after.disk_bytes, "byte"),
            before.sstables,
            before.disk_bytes
        )?;
    }
    Ok(out.flush()?)
}
