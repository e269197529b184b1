//! Tables for a real Cassandra to read:
//! `cargo run --release --example interop_tables -- OUT [NAME…]` writes each through the engine's
//! API into a database of its own and leaves a folder `OUT/<name>` with
//!
//! - `schema.cql`, and the components of its SSTables;
//! - `select.jsonl`: what `helenus export` prints;
//! - `dump/<stem>.json`: what `helenus sstable dump -t` prints;
//! - `history.cql`: the same writes in CQL, so that Cassandra can make a table of its own of them.
//!
//! A NAME may end in `*`; that of a random history ends in a seed, and any will do: `soup_77`.
//! Start reading at `tables/`, where the tables are; `case.rs` runs them.

#![expect(clippy::disallowed_methods, reason = "the folders that it fills are no part of a database")]

mod apply;
mod case;
mod cql;
mod files;
mod random;
mod tables;
mod write;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use case::Case;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(out) = args.next() else {
        return failed("usage: interop_tables OUT [NAME…]");
    };
    let names: Vec<String> = args.collect();
    let cases = match wanted(&names) {
        Ok(cases) => cases,
        Err(error) => return failed(&error.to_string()),
    };
    let mut failures = 0;
    for case in &cases {
        if let Err(error) = write_case(case, Path::new(&out)) {
            failures += 1;
            failed(&format!("{}: {error}", case.name));
        }
    }
    if failures > 0 { failed(&format!("{failures} tables failed")) } else { ExitCode::SUCCESS }
}

fn failed(text: &str) -> ExitCode {
    // A failure here can't be reported.
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
    ExitCode::FAILURE
}

fn wanted(names: &[String]) -> Result<Vec<Case>> {
    if names.is_empty() {
        return Ok(tables::all());
    }
    let mut cases = Vec::new();
    for name in names {
        match name.strip_suffix('*') {
            Some(start) => {
                cases.extend(tables::all().into_iter().filter(|case| case.name.starts_with(start)))
            }
            None => cases.push(tables::named(name).ok_or_else(|| format!("there is no table {name}"))?),
        }
    }
    Ok(cases)
}

fn write_case(case: &Case, out: &Path) -> Result<()> {
    let folder = out.join(&case.name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let scratch = tempfile::tempdir()?;
    let summary = case.run(scratch.path(), &folder)?;
    writeln!(
        std::io::stdout(),
        "{:28} {:>7} steps {:>7} rows {:>3} SSTables {:>10} bytes",
        case.name,
        case.steps.len(),
        summary.rows,
        summary.sstables,
        summary.bytes
    )?;
    Ok(())
}
