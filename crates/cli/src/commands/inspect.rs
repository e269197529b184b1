//! `tables` and `stats`.

use std::io::{self, Write};

use helenus::{Table, TableMetrics};
use serde_json::{Value, json};

use crate::args::{Dir, Stats};
use crate::failure::Failure;
use crate::open::Readable;
use crate::{open, output};

pub(crate) fn tables(args: &Dir) -> Result<(), Failure> {
    let readable = open::to_read(&args.dir, &args.source)?;
    let mut out = output::stdout();
    list(&readable, args.json, &mut out)?;
    Ok(out.flush()?)
}

/// Lists the tables of a database or a foreign directory.
pub(super) fn list(readable: &Readable, json: bool, out: &mut impl Write) -> io::Result<()> {
    let mut lines = vec![["table", "rows (estimate)", "SSTables", "bytes on disk"].map(str::to_owned)];
    let mut problems = Vec::new();
    for table in readable.all() {
        match table {
            Ok(table) if json => writeln!(out, "{}", as_json(readable, &table))?,
            Ok(table) => {
                let metrics = table.metrics();
                lines.push([
                    name(&table),
                    metrics.rows_estimate.to_string(),
                    metrics.sstables.to_string(),
                    metrics.disk_bytes.to_string(),
                ]);
            }
            Err(unread) if json => writeln!(out, "{}", unread.as_json())?,
            Err(unread) => problems.push(unread),
        }
    }
    if !json {
        output::columns(out, &lines)?;
        open::write_unread(out, &problems)?;
    }
    Ok(())
}

pub(crate) fn stats(args: &Stats) -> Result<(), Failure> {
    let readable = open::to_read(&args.dir, &args.source)?;
    let mut out = output::stdout();
    let tables = match args.table.as_deref() {
        None => readable.all(),
        Some(name) => vec![Ok(readable.named(name)?)],
    };
    let mut problems = Vec::new();
    let mut separator = "";
    for table in tables {
        match table {
            Ok(table) if args.json => writeln!(out, "{}", as_json(&readable, &table))?,
            Ok(table) => {
                writeln!(out, "{separator}{}", name(&table))?;
                for (what, figure) in figures(&table.metrics()) {
                    writeln!(out, "  {what:32}{figure:>16}")?;
                }
                for index in indexes(&readable, &table) {
                    writeln!(out, "  {:32}{:>16}", format!("index {index}"), "not built")?;
                }
                separator = "\n";
            }
            Err(unread) if args.json => writeln!(out, "{}", unread.as_json())?,
            Err(unread) => problems.push(unread),
        }
    }
    open::write_unread(&mut out, &problems)?;
    Ok(out.flush()?)
}

/// All figures of a table.
fn as_json(readable: &Readable, table: &Table) -> Value {
    let (schema, metrics) = (table.schema(), table.metrics());
    json!({
        "keyspace": &**schema.keyspace(),
        "table": &**schema.name(),
        "partitions_estimate": metrics.partitions_estimate,
        "rows_estimate": metrics.rows_estimate,
        "sstables": metrics.sstables,
        "disk_bytes": metrics.disk_bytes,
        "data_bytes": metrics.data_bytes,
        "index_bytes": metrics.index_bytes,
        "memtable_rows": metrics.memtable_rows,
        "pending_compactions_estimate": metrics.pending_compactions,
        "indexes_not_built": indexes(readable, table),
    })
}

/// The names of a table's indexes, which are kept and not built.
fn indexes(readable: &Readable, table: &Table) -> Vec<String> {
    let (schema, catalog) = (table.schema(), readable.schema());
    let Ok(def) = catalog.table(schema.keyspace(), schema.name()) else { return Vec::new() };
    def.indexes().iter().filter_map(|index| index.name.as_ref().map(ToString::to_string)).collect()
}

/// The table's name as CQL spells it.
fn name(table: &Table) -> String {
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
