//! `sstable levels`.

use std::io::{self, Write};
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{LeveledTable, Levels as Leveling, find_tables, levels};

use serde_json::{Value, json};

use super::common::refused;
use crate::args::Levels;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Levels) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = find_tables(&*disk, &args.inputs).map_err(|error| refused(&error))?;
    let mut out = output::stdout();
    for leveling in levels(&disk, &inputs).map_err(|error| refused(&error))? {
        if args.json {
            writeln!(out, "{}", as_json(&leveling))?;
            continue;
        }
        writeln!(out, "{}:", leveling.dir.display())?;
        current(&leveling, args.long, &mut out)?;
        for overlap in &leveling.overlaps {
            let tables = [overlap.first, overlap.second].map(|at| leveling.tables.get(at));
            if let [Some(first), Some(second)] = tables {
                let (level, first, second) = (first.level, range(&leveling, first), range(&leveling, second));
                writeln!(out, "overlap in L{level}: {first} and {second}")?;
            }
        }
        let potential: Vec<String> = leveling
            .potential
            .iter()
            .enumerate()
            .map(|(level, tables)| format!("L{level}={tables}"))
            .collect();
        writeln!(out, "potential levels: {}", potential.join(" "))?;
    }
    Ok(out.flush()?)
}

fn as_json(leveling: &Leveling) -> Value {
    let name = |at: usize| leveling.tables.get(at).map(|table| table.table.to_string());
    let table = |table: &LeveledTable| {
        json!({
            "sstable": table.table.to_string(),
            "level": table.level,
            "data_bytes": table.data_file_len,
            "first": leveling.place(&table.first_key),
            "last": leveling.place(&table.last_key),
        })
    };
    json!({
        "dir": leveling.dir.display().to_string(),
        "sstables": leveling.tables.iter().map(table).collect::<Vec<_>>(),
        "overlaps": leveling.overlaps.iter().map(|o| [name(o.first), name(o.second)]).collect::<Vec<_>>(),
        "potential": leveling.potential,
    })
}

/// A line for each level that is there.
fn current(leveling: &Leveling, is_long: bool, out: &mut impl Write) -> io::Result<()> {
    let mut lines = vec![["level", "SSTables", "bytes of Data.db", "overlaps"].map(str::to_owned)];
    let of_level = |a: &LeveledTable, b: &LeveledTable| a.level == b.level;
    let mut names: Vec<Vec<String>> = Vec::new();
    for level in leveling.tables.chunk_by(of_level) {
        let number = level.first().map_or(0, |table| table.level);
        let bytes: u64 = level.iter().map(|table| table.data_file_len).sum();
        let in_level = |at: usize| leveling.tables.get(at).is_some_and(|table| table.level == number);
        let overlaps = leveling.overlaps.iter().filter(|overlap| in_level(overlap.second)).count();
        // Those of level 0 may overlap.
        let overlaps = if number == 0 { "-".to_owned() } else { overlaps.to_string() };
        lines.push([format!("L{number}"), level.len().to_string(), bytes.to_string(), overlaps]);
        names.push(level.iter().map(|table| format!("  L{number} {}", range(leveling, table))).collect());
    }
    output::columns(out, &lines)?;
    if is_long {
        names.iter().flatten().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// A table and its range.
fn range(leveling: &Leveling, table: &LeveledTable) -> String {
    let [first, last] = [&table.first_key, &table.last_key].map(|key| leveling.place(key));
    format!("{} [{first}, {last}]", table.table)
}
