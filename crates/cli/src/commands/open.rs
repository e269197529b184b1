//! `open`: shows what a foreign directory holds.

use std::io::Write;

use helenus::{ErrorKind, Foreign, ForeignTable, Options};
use serde_json::{Value, json};

use super::inspect;
use crate::args::Open;
use crate::failure::Failure;
use crate::open::{Readable, Unread, write_unread};
use crate::output::counted;
use crate::{open, output};

pub(crate) fn open(args: &Open) -> Result<(), Failure> {
    if args.source.schema.is_none() && args.source.data.is_empty() {
        open::check_present(&args.dir)?;
        match Options::new().read_only(true).open(&args.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return own(args, &Readable::Database(opened?)),
        }
    }
    let foreign = open::foreign(&args.dir, &args.source)?;
    let listed = foreign.tables.iter().filter(|table| args.system || !table.is_system());
    let tables: Vec<Shown<'_>> = listed.map(|table| Shown::of(&foreign, table)).collect();
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
    lines.extend(tables.iter().map(line));
    writeln!(out)?;
    output::columns(&mut out, &lines)?;
    notes(&mut out, &foreign, &tables)?;
    let readable = tables.iter().find(|table| table.problem.is_none());
    if let Some(Shown { table, .. }) = readable {
        let (dir, name) = (args.dir.display(), open::spelled(&table.keyspace, &table.name));
        let name = if name.contains('"') { format!("'{name}'") } else { name };
        writeln!(out, "\nnext:\n  helenus export {dir} {name}")?;
        writeln!(out, "  helenus stats {dir}")?;
    }
    out.flush()?;
    outcome(&tables)
}

/// An error if a table can't be read.
fn outcome(tables: &[Shown<'_>]) -> Result<(), Failure> {
    match tables.iter().filter(|table| table.problem.is_some()).count() {
        0 => Ok(()),
        unread => {
            let text = format!("{unread} of {} can't be read", counted(tables.len() as u64, "table"));
            Err(Failure::failed(text))
        }
    }
}

/// A table, and what opening it gave.
struct Shown<'a> {
    table: &'a ForeignTable,
    /// The reason why it can't be read, if it can't.
    problem: Option<String>,
    /// Bytes on disk, as `tables` and `stats` have them where it can be read.
    bytes: u64,
}

impl<'a> Shown<'a> {
    /// Opens the table: metadata and indexes of each SSTable are read. Some of Cassandra's own
    /// tables have another partitioner than all others, and are not read here.
    fn of(foreign: &Foreign, table: &'a ForeignTable) -> Self {
        if table.is_system() {
            return Self { table, problem: table.problem.clone(), bytes: table.bytes };
        }
        match (foreign.open_table(&table.keyspace, &table.name), &table.problem) {
            (Ok(opened), None) => Self { table, problem: None, bytes: opened.metrics().disk_bytes },
            (Err(error), None) => Self { table, problem: Some(error.to_string()), bytes: table.bytes },
            (_, Some(problem)) => Self { table, problem: Some(problem.clone()), bytes: table.bytes },
        }
    }
}

/// A database of Helenus: its tables, as `tables` lists them.
fn own(args: &Open, database: &Readable) -> Result<(), Failure> {
    let mut out = output::stdout();
    if !args.json {
        writeln!(out, "{}: a database of Helenus\n", args.dir.display())?;
    }
    inspect::list(database, args.json, &mut out)?;
    if let (Some(Ok(table)), false) = (database.all().first(), args.json) {
        let schema = table.schema();
        let name = open::spelled(schema.keyspace(), schema.name());
        let name = if name.contains('"') { format!("'{name}'") } else { name };
        writeln!(out, "\nnext:\n  helenus export {} {name}", args.dir.display())?;
    }
    Ok(out.flush()?)
}

fn as_json(Shown { table, problem, bytes }: &Shown<'_>) -> Value {
    json!({
        "keyspace": table.keyspace,
        "table": table.name,
        "id": table.id.map(|id| format!("{id:#}")),
        "dirs": table.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>(),
        "sstables": table.sstables(),
        "versions": table.versions,
        "disk_bytes": bytes,
        "problem": problem,
    })
}

fn line(Shown { table, bytes, .. }: &Shown<'_>) -> [String; 4] {
    let versions = table.versions.iter().map(|(version, count)| format!("{count} {version}"));
    [
        open::spelled(&table.keyspace, &table.name),
        table.sstables().to_string(),
        versions.collect::<Vec<_>>().join(", "),
        bytes.to_string(),
    ]
}

/// Prints unexpected properties.
fn notes(out: &mut impl Write, foreign: &Foreign, tables: &[Shown<'_>]) -> Result<(), Failure> {
    let unread = tables.iter().filter_map(|Shown { table, problem, .. }| {
        let (keyspace, name) = (table.keyspace.clone(), table.name.clone());
        Some(Unread { keyspace, table: name, reason: problem.clone()? })
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
