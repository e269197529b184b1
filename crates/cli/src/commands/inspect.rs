//! `tables` and `stats`.

use std::io::Write;

use helenus::TableMetrics;

use crate::args::{Dir, Stats};
use crate::failure::Failure;
use crate::{open, output};

pub(crate) fn tables(args: &Dir) -> Result<(), Failure> {
    let database = open::database_to_read(&args.dir, &args.source)?;
    let mut lines = vec![["table", "rows", "SSTables", "bytes on disk"].map(str::to_owned)];
    let mut problems = Vec::new();
    for table in open::all(&database) {
        let table = match table {
            Ok(table) => table,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let metrics = table.metrics();
        lines.push([
            name(&table),
            metrics.rows_estimate.to_string(),
            metrics.sstables.to_string(),
            metrics.disk_bytes.to_string(),
        ]);
    }
    let mut out = output::stdout();
    output::columns(&mut out, &lines)?;
    for problem in problems {
        writeln!(out, "{problem}")?;
    }
    Ok(out.flush()?)
}

pub(crate) fn stats(args: &Stats) -> Result<(), Failure> {
    let database = open::database_to_read(&args.dir, &args.source)?;
    let mut out = output::stdout();
    let tables = match args.table.as_deref() {
        None => open::all(&database),
        named => open::find_or_all(&database, named)?.into_iter().map(Ok).collect(),
    };
    for (at, table) in tables.iter().enumerate() {
        let separator = if at == 0 { "" } else { "\n" };
        let table = match table {
            Ok(table) => table,
            Err(problem) => {
                writeln!(out, "{separator}{problem}")?;
                continue;
            }
        };
        writeln!(out, "{separator}{}", name(table))?;
        for (what, figure) in figures(&table.metrics()) {
            writeln!(out, "  {what:32}{figure:>16}")?;
        }
    }
    Ok(out.flush()?)
}

/// The table's name as CQL spells it.
fn name(table: &helenus::Table) -> String {
    let schema = table.schema();
    open::spelled(schema.keyspace(), schema.name())
}

fn figures(metrics: &TableMetrics) -> Vec<(&'static str, String)> {
    let ratio = metrics.disk_bytes as f64 / metrics.data_bytes.max(1) as f64;
    vec![
        ("partitions (estimate)", metrics.partitions_estimate.to_string()),
        ("rows (estimate)", metrics.rows_estimate.to_string()),
        ("SSTables", metrics.sstables.to_string()),
        ("bytes on disk", metrics.disk_bytes.to_string()),
        ("bytes of rows, uncompressed", metrics.data_bytes.to_string()),
        ("disk / rows", format!("{ratio:.3}")),
        ("bytes of indexes in memory", metrics.index_bytes.to_string()),
        ("rows in the log alone", metrics.memtable_rows.to_string()),
        ("compactions due (estimate)", metrics.pending_compactions.to_string()),
    ]
}
