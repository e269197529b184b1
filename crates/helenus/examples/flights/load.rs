//! Loading the CSVs.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use helenus::{Clock, Database, Durability, Options, SystemClock};

use crate::records::{Dataset, FLIGHTS, Outcome, WEATHER};

/// The number of rows between two reports of progress.
const SHOWN_EVERY: u64 = 5_000;

/// Settings of a load.
#[derive(Debug)]
pub(crate) struct Settings {
    durability: Durability,
    memtable_mib: usize,
}

impl Settings {
    pub(crate) fn parse(options: &[&str]) -> Outcome<Self> {
        let mut settings =
            Self { durability: Durability::Periodic(Duration::from_secs(1)), memtable_mib: 64 };
        for option in options.chunks(2) {
            match *option {
                ["--durability", "sync"] => settings.durability = Durability::Sync,
                ["--durability", "periodic"] => {}
                ["--durability", "buffered"] => settings.durability = Durability::Buffered,
                ["--memtable", mib] => {
                    settings.memtable_mib =
                        mib.parse().map_err(|error| format!("--memtable {mib}: {error}"))?;
                }
                _ => return Err(format!("{} is no option of load; see --help", option.join(" ")).into()),
            }
        }
        Ok(settings)
    }

    pub(crate) fn open(&self, db: &Path) -> Outcome<Database> {
        Ok(Options::new().durability(self.durability).memtable_bytes(self.memtable_mib << 20).open(db)?)
    }
}

/// The CSVs that are in a folder.
pub(crate) fn datasets(dir: &Path) -> Outcome<Vec<&'static Dataset>> {
    let all = [&FLIGHTS, &WEATHER];
    let found: Vec<_> = all.into_iter().filter(|set| dir.join(set.file).is_file()).collect();
    if found.is_empty() {
        let text = format!(
            "{}: no {} and no {} there; `fetch` brings them",
            dir.display(),
            FLIGHTS.file,
            WEATHER.file
        );
        return Err(text.into());
    }
    Ok(found)
}

/// Loads what is in `dir`.
pub(crate) fn run(db: &Path, dir: &Path, settings: &Settings) -> Outcome<()> {
    let datasets = datasets(dir)?;
    let clock = SystemClock::new();
    let db = settings.open(db)?;
    for set in &datasets {
        let loaded = set.load(&db, dir, |rows| show(set.name, rows))?;
        let rate = loaded.rows as f64 / loaded.seconds;
        println!(
            "{}: {} rows in {:.2} s, {rate:.0} rows/s acknowledged",
            set.name, loaded.rows, loaded.seconds
        );
    }
    let began = clock.elapsed();
    db.flush()?;
    println!("flushed in {:.2} s", (clock.elapsed() - began).as_secs_f64());
    show_sizes(&db, &datasets)?;
    // Flushes write without compression; compactions compress.
    let began = clock.elapsed();
    db.compact()?;
    println!("compacted in {:.2} s", (clock.elapsed() - began).as_secs_f64());
    show_sizes(&db, &datasets)?;
    Ok(db.close()?)
}

fn show_sizes(db: &Database, datasets: &[&Dataset]) -> Outcome<()> {
    for set in datasets {
        let Some(table) = set.open(db)? else { continue };
        let metrics = table.metrics();
        println!(
            "   {}: {} bytes on disk, {} of rows, {} SSTables",
            set.name, metrics.disk_bytes, metrics.data_bytes, metrics.sstables
        );
    }
    Ok(())
}

/// Says how many rows are acknowledged: every batch on a line of its own where a program reads it,
/// for `crash` counts upon it; now and then, on one line, where a person does.
fn show(name: &str, rows: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if !out.is_terminal() {
        writeln!(out, "{name} {rows} rows acknowledged")?;
    } else if rows.is_multiple_of(SHOWN_EVERY) {
        write!(out, "\r{name} {rows} rows acknowledged\r")?;
    }
    out.flush()
}
