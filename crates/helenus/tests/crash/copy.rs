//! `cp -r` of a database on a real disk while threads write, flush and compact: the copy opens with
//! a prefix of what was written, at least what was acknowledged before the copy began, or opening
//! or reading it says what it lacks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::time::Duration;

use helenus::{Background, Database, Durability, ErrorKind, Options, Value};

/// Each has its partitions in both tables, and writes to them in turns.
const WRITERS: usize = 2;

const SCHEMA: &str = "
    CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE app.even (p int, c int, pad text, PRIMARY KEY (p, c));
    CREATE TABLE app.odd (p int, c int, pad text, PRIMARY KEY (p, c));";

fn open(dir: &Path) -> helenus::Result<Database> {
    Options::new()
        .durability(Durability::Buffered)
        .log_segment_bytes(64 << 10)
        .log_total_bytes(512 << 10)
        .memtable_bytes(64 << 10)
        .memtable_total_bytes(256 << 10)
        // A busy machine may take long to flush.
        .write_timeout(Duration::from_secs(300))
        .background(Background::Threads(1))
        .open(dir)
}

/// How many rows each writer has; they are the first ones.
fn read(db: &Database) -> helenus::Result<Vec<i32>> {
    let (even, odd) = (db.table("app", "even")?, db.table("app", "odd")?);
    let mut counts = Vec::new();
    for writer in 0..i32::try_from(WRITERS).unwrap() {
        let mut found = Vec::new();
        for table in [&even, &odd] {
            let select = table.select().key(writer);
            let mut rows = select.rows()?;
            while let Some(row) = rows.next()? {
                let Value::Int(c) = row.value("c")? else { panic!("c is an int") };
                found.push(c);
            }
        }
        found.sort_unstable();
        let count = i32::try_from(found.len()).unwrap();
        assert!(
            found.iter().copied().eq(0..count),
            "writer {writer}: no prefix: {count} rows up to {:?}",
            found.last()
        );
        counts.push(count);
    }
    Ok(counts)
}

/// Opens a copy and compares; what it lacks otherwise.
fn check(copy: &Path, acknowledged: &[i32]) -> helenus::Result<()> {
    let db = open(copy)?;
    let counts = read(&db)?;
    assert!(
        counts.iter().zip(acknowledged).all(|(found, least)| found >= least),
        "{counts:?} of {acknowledged:?}"
    );
    db.close()?;
    assert_eq!(read(&open(copy)?)?, counts);
    Ok(())
}

#[test]
fn a_copy_is_a_prefix_or_says_why_not() {
    let rounds = match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
        Ok("all") => 200,
        Ok(every) => (60 / every.parse::<u64>().unwrap()).max(4),
        Err(_) => 4,
    };
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("db")).unwrap();
    db.execute_schema(SCHEMA).unwrap();
    let done = AtomicBool::new(false);
    let written: Vec<AtomicI32> = (0..WRITERS).map(|_| AtomicI32::new(0)).collect();
    let (mut opened, mut refused) = (0, Vec::new());
    std::thread::scope(|scope| {
        for (writer, written) in (0..).zip(&written) {
            let (db, done) = (&db, &done);
            scope.spawn(move || {
                let tables = ["even", "odd"].map(|name| db.table("app", name).unwrap());
                for c in 0.. {
                    if done.load(SeqCst) {
                        break;
                    }
                    let pad = "x".repeat(usize::try_from(c * 37 % 300).unwrap());
                    let table = &tables[usize::try_from(c % 2).unwrap()];
                    table.insert(writer, c).set("pad", pad.as_str()).execute().unwrap();
                    written.store(c + 1, SeqCst);
                }
            });
        }
        for round in 0..rounds {
            let copy = dir.path().join(format!("copy{round}"));
            let acknowledged: Vec<i32> = written.iter().map(|written| written.load(SeqCst)).collect();
            // It complains of files that went meanwhile.
            let from = dir.path().join("db");
            Command::new("cp").arg("-r").args([&from, &copy]).stderr(Stdio::null()).status().unwrap();
            match check(&copy, &acknowledged) {
                Ok(()) => opened += 1,
                Err(error) => {
                    let text = error.to_string();
                    let says =
                        matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Invalid);
                    assert!(says && text.contains(copy.to_str().unwrap()), "{:?}: {text}", error.kind());
                    refused.push(text.replace(copy.to_str().unwrap(), "COPY"));
                }
            }
            std::fs::remove_dir_all(&copy).unwrap();
        }
        done.store(true, SeqCst);
    });
    db.close().unwrap();
    let all: Vec<i32> = written.iter().map(|written| written.load(SeqCst)).collect();
    assert_eq!(read(&open(&dir.path().join("db")).unwrap()).unwrap(), all);
    println!(
        "{rounds} copies of a database of up to {all:?} rows: {opened} opened as a prefix, {} say why not",
        refused.len()
    );
    refused.sort();
    refused.iter().for_each(|text| println!("  {text}"));
}
