//! `sstable expired-blockers`.

use std::io::{self, Write};
use std::path::Path;

use helenus::{Catalog, Foreign, RealDisk, TableDef, TableOptions};
use helenus_sstable::Descriptor;
use helenus_tools::{Expiry, expired_blockers, find_tables};

use serde_json::{Value, json};

use super::common::{only_table, refused, second};
use crate::args::ExpiredBlockers;
use crate::failure::Failure;
use crate::output::counted;
use crate::{open, output};

pub(crate) fn run(args: &ExpiredBlockers) -> Result<(), Failure> {
    let inputs = find_tables(&RealDisk, &args.inputs).map_err(|error| refused(&error))?;
    let (grace, source) = gc_grace(args, &inputs)?;
    let now = second(args.now);
    let before = now.saturating_sub(grace);
    let found = expired_blockers(&RealDisk, &inputs, before).map_err(|error| refused(&error))?;
    let mut out = output::stdout();
    if args.json {
        let expiries = |of: &[Expiry]| of.iter().map(as_json).collect::<Vec<_>>();
        let blockers = found.blockers.iter().map(|blocker| {
            json!({ "sstable": as_json(&blocker.expiry), "blocks": expiries(found.blocked_by(blocker)) })
        });
        let report = json!({
            "gc_grace_seconds": grace,
            "gc_before": before,
            "sstables": inputs.len(),
            "blockers": blockers.collect::<Vec<_>>(),
            "droppable": expiries(found.droppable()),
        });
        writeln!(out, "{report}")?;
        return Ok(out.flush()?);
    }
    writeln!(
        out,
        "gc_grace_seconds {grace} ({source}), at {now}: expired are SSTables whose last data died before {before}"
    )?;
    for blocker in &found.blockers {
        let blocked = found.blocked_by(blocker);
        writeln!(out, "{} blocks {}:", text(&blocker.expiry), expired(blocked.len()))?;
        tables(blocked, &mut out)?;
    }
    let droppable = found.droppable();
    if !droppable.is_empty() {
        writeln!(out, "nothing blocks {}:", expired(droppable.len()))?;
        tables(droppable, &mut out)?;
    }
    let (all, expired, blockers) = (inputs.len(), found.expired.len(), found.blockers.len());
    writeln!(
        out,
        "{}: {expired} expired, {} of them blocked; {}",
        counted(all as u64, "SSTable"),
        expired - droppable.len(),
        if blockers == 1 { "1 blocks".to_owned() } else { format!("{blockers} block") }
    )?;
    Ok(out.flush()?)
}

fn expired(tables: usize) -> String {
    counted(tables as u64, "expired SSTable")
}

fn as_json(expiry: &Expiry) -> Value {
    json!({
        "sstable": expiry.table.to_string(),
        "min_timestamp": expiry.min_timestamp.0,
        "max_timestamp": expiry.max_timestamp.0,
        "last_death": expiry.last_death_s,
    })
}

fn tables(tables: &[Expiry], out: &mut impl Write) -> io::Result<()> {
    tables.iter().try_for_each(|expiry| writeln!(out, "  {}", text(expiry)))
}

fn text(expiry: &Expiry) -> String {
    let (min, max) = (expiry.min_timestamp.0, expiry.max_timestamp.0);
    let last = expiry.last_death_s.map_or_else(|| "never".to_owned(), |second| second.to_string());
    format!("{} (minTS = {min}, maxTS = {max}, maxLDT = {last})", expiry.table)
}

/// The table's gc_grace_seconds, and its source.
fn gc_grace(args: &ExpiredBlockers, inputs: &[Descriptor]) -> Result<(u32, String), Failure> {
    if let Some(grace) = args.gc_grace {
        return Ok((grace, "--gc-grace".to_owned()));
    }
    if let Some(file) = &args.schema {
        let text = open::read_text(file)?;
        let (keyspace, name) = match &args.table {
            Some(name) => open::split_name(name)?,
            None => only_table(file, &text)?,
        };
        let failed = |error: helenus::CatalogError| Failure::failed(format!("{}: {error}", file.display()));
        let catalog = Catalog::parse_lenient(&text, &|_, _| None).map_err(failed)?.catalog;
        let table = catalog.table(&keyspace, &name).map_err(failed)?;
        return Ok((table.options().gc_grace_seconds, format!("{keyspace}.{name} in {}", file.display())));
    }
    let found = inputs.first().and_then(|table| in_place(&table.dir));
    Ok(found.unwrap_or_else(|| {
        (TableOptions::default().gc_grace_seconds, "Cassandra's default: no schema was found".to_owned())
    }))
}

/// The value in the schema next to the SSTables in a directory or above it, if there is one.
fn in_place(dir: &Path) -> Option<(u32, String)> {
    // Keyspace and table come from the names above the directory: `.` has none.
    let dir = std::path::absolute(dir).ok()?;
    let foreign = Foreign::open(dir).ok()?;
    let mut tables = foreign.tables.iter();
    let (found, None) = (tables.next()?, tables.next()) else { return None };
    let schema = foreign.schema();
    let table: &TableDef = schema.table(&found.keyspace, &found.name).ok()?;
    Some((table.options().gc_grace_seconds, format!("{}.{}", table.keyspace(), table.name())))
}
