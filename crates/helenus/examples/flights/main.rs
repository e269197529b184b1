//! The flights that left New York in 2013: real data fetched, loaded, queried, and killed in the
//! middle of it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod crash;
mod fetch;
mod load;
mod query;
mod records;
mod sample;

use std::path::Path;
use std::process::ExitCode;

use crate::records::Outcome;

const HELP: &str = "\
The flights that left New York's airports in 2013, and the weather there.

    cargo run --release --example flights                      a small tour, with the sample in this repository
    cargo run --release --example flights -- fetch DIR         fetch the data (8.7 MB; Python with pip is needed)
    cargo run --release --example flights -- load DB DIR       load flights.csv and weather.csv
    cargo run --release --example flights -- query DB          ask, delete, ask again
    cargo run --release --example flights -- crash DB DIR      kill -9 loads, open again, compare every row

DIR is a folder for the CSVs, DB one for the database. What `query` deletes, another `load` brings back.

Options of `load`:
    --durability WHEN   a batch of 100 rows is acknowledged: sync (once on stable storage), periodic (at once, synced
                        every second; the default), buffered (once the operating system has it)
    --memtable MIB      size of a memtable that is flushed; 64 by default

Options of `crash`:
    --rounds N          how many loads to kill, each at another place; 12 by default

The tables, in the keyspace nyc:
    flights   PRIMARY KEY ((origin, month), time_hour, carrier, flight)
    weather   PRIMARY KEY ((origin, month), time_hour)
month is New York's, time_hour is in UTC.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Outcome<()> {
    match args {
        _ if args.iter().any(|arg| matches!(*arg, "-h" | "--help" | "help")) => {
            print!("{HELP}");
            Ok(())
        }
        [] => sample::run(),
        ["fetch", dir] => fetch::run(Path::new(dir)),
        ["load", db, dir, options @ ..] => {
            load::run(Path::new(db), Path::new(dir), &load::Settings::parse(options)?)
        }
        ["query", db] => query::run(Path::new(db)),
        ["crash", db, dir] => crash::run(Path::new(db), Path::new(dir), crash::ROUNDS),
        ["crash", db, dir, "--rounds", rounds] => {
            let rounds = rounds.parse().map_err(|error| format!("--rounds {rounds}: {error}"))?;
            crash::run(Path::new(db), Path::new(dir), rounds)
        }
        _ => Err(format!("{} is not understood; --help says what is", args.join(" ")).into()),
    }
}
