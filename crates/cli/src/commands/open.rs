//! `open`: what a directory is that others left.

use std::io::Write;

use helenus::{Foreign, ForeignTable};
use serde_json::{Value, json};

use crate::args::Open;
use crate::failure::Failure;
use crate::open::{Unread, write_unread};
use crate::output::counted;
use crate::{open, output};

pub(crate) fn open(args: &Open) -> Result<(), Failure> {
    let database = open::foreign(&args.dir, &args.source)?;
    let Some(foreign) = database.foreign() else { return Ok(()) };
    let tables: Vec<&ForeignTable> =
        foreign.tables.iter().filter(|table| args.system || !table.is_system()).collect();
    let mut out = output::stdout();
    if args.json {
        for table in &tables {
            writeln!(out, "{}", as_json(table))?;
        }
        out.flush()?;
        return outcome(&tables);
    }
    for dir in &foreign.dirs {
        writeln!(out, "{}: {}", dir.display(), foreign.kind)?;
    }
    let mut lines = vec![["table", "SSTables", "versions", "bytes on disk"].map(str::to_owned)];
    lines.extend(tables.iter().map(|table| line(table)));
    writeln!(out)?;
    output::columns(&mut out, &lines)?;
    notes(&mut out, foreign, &tables)?;
    let readable = tables.iter().find(|table| table.problem.is_none());
    if let Some(table) = readable {
        let (dir, name) = (args.dir.display(), open::spelled(&table.keyspace, &table.name));
        let name = if name.contains('"') { format!("'{name}'") } else { name };
        writeln!(out, "\nnext:\n  helenus export {dir} {name}")?;
        writeln!(out, "  helenus stats {dir}")?;
    }
    out.flush()?;
    outcome(&tables)
}

/// An error if a table can't be read.
fn outcome(tables: &[&ForeignTable]) -> Result<(), Failure> {
    match tables.iter().filter(|table| table.problem.is_some()).count() {
        0 => Ok(()),
        unread => {
            let text = format!("{unread} of {} can't be read", counted(tables.len() as u64, "table"));
            Err(Failure::failed(text))
        }
    }
}

fn as_json(table: &ForeignTable) -> Value {
    json!({
        "keyspace": table.keyspace,
        "table": table.name,
        "id": table.id.map(|id| format!("{id:#}")),
        "dirs": table.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>(),
        "sstables": table.sstables(),
        "versions": table.versions,
        "disk_bytes": table.bytes,
        "problem": table.problem,
    })
}

fn line(table: &ForeignTable) -> [String; 4] {
    let versions = table.versions.iter().map(|(version, count)| format!("{count} {version}"));
    [
        open::spelled(&table.keyspace, &table.name),
        table.sstables().to_string(),
        versions.collect::<Vec<_>>().join(", "),
        table.bytes.to_string(),
    ]
}

/// What is not as one might expect.
fn notes(out: &mut impl Write, foreign: &Foreign, tables: &[&ForeignTable]) -> Result<(), Failure> {
    let unread = tables.iter().filter_map(|table| {
        let (keyspace, name) = (table.keyspace.clone(), table.name.clone());
        Some(Unread { keyspace, table: name, reason: table.problem.clone()? })
    });
    write_unread(out, &unread.collect::<Vec<_>>())?;
    let left_out: Vec<String> =
        foreign.left_out.iter().map(|left| format!("{}: {}", left.path.display(), left.reason)).collect();
    for (title, lines) in [("left out:", &left_out), ("of the schema:", &foreign.warnings)] {
        if !lines.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        for line in lines {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}
