//! Loads that are killed, and whether every row is there that they had acknowledged.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use helenus::{Clock, Database, SystemClock};

use crate::load::datasets;
use crate::records::{BATCH_ROWS, Outcome};

pub(crate) const ROUNDS: u64 = 12;

/// How rounds differ, by turns: when a batch is acknowledged, and how large a memtable grows, in
/// MiB. Small ones are flushed and compacted while the load goes on, so that the kill hits these
/// too.
const SETTINGS: [(&str, &str); 6] = [
    ("periodic", "64"),
    ("buffered", "2"),
    ("sync", "4"),
    ("periodic", "1"),
    ("buffered", "64"),
    ("sync", "1"),
];

/// The range of the random delay before a kill, which would otherwise always hit the load while it
/// prints its progress.
const DELAY_MICROS: u64 = 3_000;

/// Kills `rounds` loads of what is in `dir`, each into a new database in `db` and at a later row
/// than the one before.
#[expect(clippy::disallowed_methods, reason = "the databases are made here, to be thrown away")]
pub(crate) fn run(db: &Path, dir: &Path, rounds: u64) -> Outcome<()> {
    let mut total = 0;
    for set in datasets(dir)? {
        total += csv::Reader::from_path(dir.join(set.file))?.records().count() as u64;
    }
    for (round, (durability, memtable)) in (0..rounds).zip(SETTINGS.into_iter().cycle()) {
        let place = db.join(format!("round-{}", round + 1));
        if place.exists() {
            return Err(format!("{} is there already: name another DB, or remove it", place.display()).into());
        }
        fs::create_dir_all(&place)?;
        let kill_at = total * (2 * round + 1) / (2 * rounds);
        let acknowledged =
            load_and_kill(&place, dir, kill_at, &["--durability", durability, "--memtable", memtable])?;
        let clock = SystemClock::new();
        let reopened = Database::open(&place)?;
        let seconds = clock.elapsed().as_secs_f64();
        println!(
            "round {}: {durability}, memtables of {memtable} MiB; opened again in {seconds:.2} s",
            round + 1
        );
        for set in datasets(dir)? {
            let acknowledged = acknowledged.get(set.name).copied().unwrap_or(0);
            let found = set.count_verified(&reopened, dir)?;
            println!(
                "   {}: {acknowledged} rows acknowledged, {found} found, each as the CSV has it",
                set.name
            );
            // The batch that was being written may be there too, but whole.
            if found < acknowledged || found > acknowledged + BATCH_ROWS {
                return Err(format!("{}: {found} rows can't be", set.name).into());
            }
        }
        reopened.close()?;
        fs::remove_dir_all(&place)?;
    }
    println!("{rounds} loads killed, no acknowledged row lost");
    Ok(())
}

/// Runs `load` as a process of its own and kills it (SIGKILL) when it has acknowledged `kill_at`
/// rows. Returns, by table, how many it had acknowledged when it died.
fn load_and_kill(db: &Path, dir: &Path, kill_at: u64, options: &[&str]) -> Outcome<BTreeMap<String, u64>> {
    let mut load = Command::new(std::env::current_exe()?);
    load.arg("load").arg(db).arg(dir).args(options).stdout(Stdio::piped());
    let mut child = KilledAtLast(load.spawn()?);
    let output = child.0.stdout.take().ok_or("the load has no output")?;
    let mut acknowledged = BTreeMap::new();
    let mut is_killed = false;
    // Lines that it printed before it died are read too: it had acknowledged them.
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8(line?)?;
        let Some((name, rows)) = progress(&line) else { continue };
        acknowledged.insert(name.to_owned(), rows);
        if !is_killed && acknowledged.values().sum::<u64>() >= kill_at {
            let delay = RandomState::new().build_hasher().finish() % DELAY_MICROS;
            std::thread::park_timeout(Duration::from_micros(delay));
            child.0.kill()?;
            is_killed = true;
        }
    }
    let status = child.0.wait()?;
    if status.signal().is_none() {
        return Err(
            format!("the load ended by itself, it was to be killed behind row {kill_at}: {status}").into()
        );
    }
    Ok(acknowledged)
}

/// What a line of progress says: the table and how many rows are acknowledged. A line that was cut
/// off says nothing.
fn progress(line: &str) -> Option<(&str, u64)> {
    let (name, rows) = line.strip_suffix(" rows acknowledged")?.split_once(' ')?;
    Some((name, rows.parse().ok()?))
}

/// A process that does not outlive an error here.
struct KilledAtLast(Child);

impl Drop for KilledAtLast {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
