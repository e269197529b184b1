//! `kill -9` on a real disk: a child process writes with the engine's threads and says what was
//! acknowledged; it is killed at a random moment, and the next one continues and finds all of that.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use helenus::{Background, Database, Durability, Options, Table, Value};
use helenus_sim::Rng;

use crate::run::DURABILITIES;

/// The child's directory.
const DIR_VARIABLE: &str = "HELENUS_CRASH_KILLED_DIR";
/// The child's durability: an index of [`DURABILITIES`].
const MODE_VARIABLE: &str = "HELENUS_CRASH_KILLED_MODE";
/// The beginning of the child's lines.
const ACKNOWLEDGED: &str = "acknowledged ";

const WRITERS: i32 = 3;

const SCHEMA: &str = "
    CREATE KEYSPACE IF NOT EXISTS app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE IF NOT EXISTS app.events (p int, c int, pad text, PRIMARY KEY (p, c));
    CREATE TABLE IF NOT EXISTS app.last (p int PRIMARY KEY, c int);";

fn open(dir: &Path, durability: Durability) -> Database {
    Options::new()
        .durability(durability)
        .log_segment_bytes(64 << 10)
        .log_total_bytes(512 << 10)
        .memtable_bytes(32 << 10)
        .memtable_total_bytes(128 << 10)
        .cache_bytes(256 << 10)
        // A busy machine may take long to flush.
        .write_timeout(Duration::from_secs(300))
        .background(Background::Threads(1))
        .open(dir)
        .unwrap()
}

/// The number of rows of each writer's partition: they are those from the first on, and the other
/// table, which is written in the same batches, knows the last one.
fn written(db: &Database) -> Vec<i32> {
    let (events, last) = (db.table("app", "events").unwrap(), db.table("app", "last").unwrap());
    let int = |value: Value| match value {
        Value::Int(int) => int,
        other => panic!("{other:?} is no int"),
    };
    let count = |p: i32| {
        let select = events.select().key(p);
        let mut rows = select.rows().unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            assert_eq!(int(row.value("c").unwrap()), count, "writer {p}: a row is missing");
            count += 1;
        }
        let select = last.select().key(p);
        let mut rows = select.rows().unwrap();
        let newest = rows.next().unwrap().map_or(-1, |row| int(row.value("c").unwrap()));
        assert_eq!(newest, count - 1, "writer {p}: half a batch");
        count
    };
    (0..WRITERS).map(count).collect()
}

fn write(db: &Database, events: &Table, last: &Table, p: i32, c: i32) {
    let mut batch = db.batch();
    let pad = "x".repeat(usize::try_from(c * 37 % 400).unwrap());
    events.insert(p, c).set("pad", pad.as_str()).add_to(&mut batch).unwrap();
    last.insert(p, ()).set("c", c).add_to(&mut batch).unwrap();
    batch.execute().unwrap();
    // One write of the pipe: whole lines of several threads.
    std::io::stdout().write_all(format!("{ACKNOWLEDGED}{p} {c}\n").as_bytes()).unwrap();
}

/// The work of the killed process; nothing when it is run as a test.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE).map(PathBuf::from) else { return };
    let mode: usize = std::env::var(MODE_VARIABLE).unwrap().parse().unwrap();
    let db = open(&dir, DURABILITIES[mode].1);
    db.execute_schema(SCHEMA).unwrap();
    let from = written(&db);
    let (events, last) = (db.table("app", "events").unwrap(), db.table("app", "last").unwrap());
    std::thread::scope(|scope| {
        for (p, from) in (0..).zip(from) {
            let (db, events, last) = (&db, &events, &last);
            scope.spawn(move || {
                for c in from.. {
                    write(db, events, last, p, c);
                }
            });
        }
        scope.spawn(|| {
            loop {
                events.flush().unwrap();
                last.compact().unwrap();
            }
        });
    });
}

/// Lets a child write until `writes` writes were acknowledged, kills it, and returns the number of
/// acknowledged rows by writer.
fn killed_after(dir: &Path, mode: usize, writes: u64, acknowledged: &mut [i32]) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child", "--exact", "--nocapture"])
        .env(DIR_VARIABLE, dir)
        .env(MODE_VARIABLE, mode.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    // Those that it has acknowledged by the time of its end count, and not only those before the
    // signal.
    while let Some(Ok(line)) = lines.next() {
        let Some((p, c)) = line.strip_prefix(ACKNOWLEDGED).and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let (p, c): (usize, i32) = (p.parse().unwrap(), c.parse().unwrap());
        assert_eq!(acknowledged[p], c, "writer {p} goes on after what was there");
        acknowledged[p] = c + 1;
        seen += 1;
        if seen == writes {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && seen >= writes, "{status}: {seen} of {writes} writes");
}

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds = match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
        Ok("all") => 150,
        Ok(every) => (60 / every.parse::<u64>().unwrap()).max(3),
        Err(_) => 3,
    };
    for (mode, (name, durability)) in DURABILITIES.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = Rng::new(mode as u64);
        let mut acknowledged = vec![0; usize::try_from(WRITERS).unwrap()];
        for round in 0..rounds {
            killed_after(dir.path(), mode, 1 + rng.below(300), &mut acknowledged);
            let found = written(&open(dir.path(), durability));
            for (p, (found, acknowledged)) in found.iter().zip(&mut acknowledged).enumerate() {
                // The write that was in flight may be there.
                let allowed = *acknowledged..=*acknowledged + 1;
                assert!(allowed.contains(found), "{name}, round {round}, writer {p}: {found} of {allowed:?}");
                *acknowledged = *found;
            }
        }
        println!("{name}: killed {rounds} times, {} rows", acknowledged.iter().sum::<i32>());
    }
}
