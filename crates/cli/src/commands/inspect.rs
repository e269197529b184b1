//! `tables` and `stats`.

use std::io::Write;

use helenus::TableMetrics;

use crate::args::{Dir, Tables};
use crate::failure::Failure;
use crate::{open, output};

pub(crate) fn tables(args: &Dir) -> Result<(), Failure> {
    let database = open::database_to_read(&args.dir)?;
    let mut lines = vec![["table", "rows", "SSTables", "bytes on disk"].map(str::to_owned)];
    for table in database.tables() {
        let metrics = table.metrics();
        lines.push([
            name(&table),
            metrics.rows_estimate.to_string(),
            metrics.sstables.to_string(),
            metrics.disk_bytes.to_string(),
        ]);
    }
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let [names, rows, sstables, bytes] = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
    let mut out = output::stdout();
    for [a, b, c, d] in &lines {
        writeln!(out, "{a:names$}  {b:>rows$}  {c:>sstables$}  {d:>bytes$}")?;
    }
    Ok(out.flush()?)
}

pub(crate) fn stats(args: &Tables) -> Result<(), Failure> {
    let database = open::database_to_read(&args.dir)?;
    let mut out = output::stdout();
    for (at, table) in open::find_or_all(&database, args.table.as_deref())?.iter().enumerate() {
        writeln!(out, "{}{}", if at == 0 { "" } else { "\n" }, name(table))?;
        for (what, figure) in figures(&table.metrics()) {
            writeln!(out, "  {what:32}{figure:>16}")?;
        }
    }
    Ok(out.flush()?)
}

/// The table's name as CQL spells it.
fn name(table: &helenus::Table) -> String {
    let schema = table.schema();
    let [keyspace, name] = [schema.keyspace(), schema.name()].map(|name| helenus::Identifier::exact(&**name));
    helenus::QualifiedName::qualified(keyspace, name).to_string()
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
