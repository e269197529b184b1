//! Many threads on a real disk: writers, readers, flushes, compactions, schema changes, readers of
//! the directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use helenus::{Background, Database, Durability, Options, Table, Value};

const WRITERS: i32 = 3;
const PARTITIONS: i32 = 4;
const ROWS: i32 = 5;

const SCHEMA: &str = "
    CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE app.events (p int, c int, v bigint, pad text, PRIMARY KEY (p, c));
    CREATE TABLE app.last (p int PRIMARY KEY, v bigint);
    CREATE TABLE app.hits (p int PRIMARY KEY, n counter);
    CREATE TABLE app.scratch (p int PRIMARY KEY, v bigint);";

fn options(durability: Durability) -> Options {
    Options::new()
        .durability(durability)
        .log_segment_bytes(64 << 10)
        .log_total_bytes(512 << 10)
        .memtable_bytes(32 << 10)
        .memtable_total_bytes(128 << 10)
        .cache_bytes(256 << 10)
        // A busy machine may take long to flush.
        .write_timeout(Duration::from_secs(300))
        .background(Background::Threads(2))
}

struct Stress<'a> {
    db: &'a Database,
    dir: &'a Path,
    rounds: i64,
    done: AtomicBool,
    reads: AtomicU64,
    opens: AtomicU64,
}

#[test]
fn threads() {
    let rounds =
        if std::env::var("HELENUS_CRASH_POINTS").is_ok_and(|points| points == "all") { 20_000 } else { 400 };
    for durability in [Durability::Buffered, Durability::Sync] {
        let dir = tempfile::tempdir().unwrap();
        let db = options(durability).open(dir.path()).unwrap();
        db.execute_schema(SCHEMA).unwrap();
        let stress = Stress {
            db: &db,
            dir: dir.path(),
            rounds,
            done: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            opens: AtomicU64::new(0),
        };
        let mut expected = BTreeMap::new();
        std::thread::scope(|scope| {
            let stress = &stress;
            let writers: Vec<_> = (0..WRITERS).map(|w| scope.spawn(move || stress.write(w))).collect();
            let others = [
                scope.spawn(|| stress.read()),
                scope.spawn(|| stress.maintain()),
                scope.spawn(|| stress.change_schema()),
                scope.spawn(|| stress.open_beside()),
            ];
            for writer in writers {
                expected.extend(writer.join().unwrap());
            }
            stress.done.store(true, SeqCst);
            others.into_iter().for_each(|thread| thread.join().unwrap());
        });
        println!(
            "{durability:?}: {} writes, {} reads, {} read-only opens",
            i64::from(WRITERS) * rounds,
            stress.reads.load(SeqCst),
            stress.opens.load(SeqCst)
        );
        verify(&db, &expected, rounds);
        db.close().unwrap();
        drop(db);
        verify(&options(durability).open(dir.path()).unwrap(), &expected, rounds);
    }
}

impl Stress<'_> {
    fn table(&self, name: &str) -> Table {
        self.db.table("app", name).unwrap()
    }

    /// Writes whole partitions, rows and a row of another table together; what was acknowledged
    /// last of each.
    fn write(&self, writer: i32) -> BTreeMap<i32, i64> {
        let (events, last, hits) = (self.table("events"), self.table("last"), self.table("hits"));
        let mut written = BTreeMap::new();
        for round in 1..=self.rounds {
            let p = writer * PARTITIONS + i32::try_from(round % i64::from(PARTITIONS)).unwrap();
            let mut batch = self.db.batch();
            for c in 0..ROWS {
                let pad = "x".repeat(usize::try_from(round % 50).unwrap());
                events.insert(p, c).set("v", round).set("pad", pad.as_str()).add_to(&mut batch).unwrap();
            }
            last.insert(p, ()).set("v", round).add_to(&mut batch).unwrap();
            batch.execute().unwrap();
            written.insert(p, round);
            hits.update(0, ()).increment("n", 1).execute().unwrap();
        }
        written
    }

    /// A partition's read sees whole mutations.
    fn read(&self) {
        let events = self.table("events");
        let mut newest = BTreeMap::new();
        while !self.done.load(SeqCst) {
            for p in 0..WRITERS * PARTITIONS {
                let Some(value) = whole(&events, p) else { continue };
                let before = newest.insert(p, value).unwrap_or(0);
                assert!(value >= before, "partition {p} went back from {before} to {value}");
                self.reads.fetch_add(1, SeqCst);
            }
        }
    }

    fn maintain(&self) {
        while !self.done.load(SeqCst) {
            for name in ["events", "last", "hits"] {
                self.table(name).flush().unwrap();
                self.table(name).compact().unwrap();
            }
            self.db.settle(Duration::from_millis(20)).unwrap();
        }
    }

    fn change_schema(&self) {
        let mut round = 0;
        while !self.done.load(SeqCst) {
            round += 1;
            let statements = [
                "ALTER TABLE app.events ADD extra text".to_owned(),
                format!("CREATE TABLE app.t{round} (p int PRIMARY KEY, v bigint)"),
                "ALTER TABLE app.events DROP extra".to_owned(),
            ];
            for statement in statements {
                self.db.execute_schema(&statement).unwrap();
                self.table("scratch").insert(round, ()).set("v", 1i64).execute().unwrap();
            }
            let table = self.table(&format!("t{round}"));
            table.insert(1, ()).set("v", 1i64).execute().unwrap();
            self.db.execute_schema(&format!("DROP TABLE app.t{round}; TRUNCATE app.scratch")).unwrap();
            assert!(table.insert(1, ()).set("v", 1i64).execute().is_err());
            let scratch = self.table("scratch");
            assert!(scratch.select().rows().unwrap().next().unwrap().is_none());
        }
    }

    /// Another opener reads the directory: whole batches, and never less than before.
    fn open_beside(&self) {
        let mut newest: BTreeMap<i32, i64> = BTreeMap::new();
        while !self.done.load(SeqCst) {
            let reader = match options(Durability::Buffered).read_only(true).open(self.dir) {
                Ok(reader) => reader,
                // It says so when the writer was too quick for it.
                Err(error) if error.kind() == helenus::ErrorKind::Locked => continue,
                Err(error) => panic!("{error:?}"),
            };
            let (events, last) =
                (reader.table("app", "events").unwrap(), reader.table("app", "last").unwrap());
            for p in 0..WRITERS * PARTITIONS {
                let Some(value) = whole(&events, p) else { continue };
                assert_eq!(single(&last, p, "v"), value, "partition {p}: half a batch");
                let before = newest.insert(p, value).unwrap_or(0);
                assert!(value >= before, "partition {p} went back from {before} to {value}");
            }
            self.opens.fetch_add(1, SeqCst);
        }
    }
}

/// The value that all rows of a partition have.
fn whole(events: &Table, p: i32) -> Option<i64> {
    let select = events.select().key(p);
    let mut rows = select.rows().unwrap();
    let mut values = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let Value::BigInt(value) = row.value("v").unwrap() else { panic!("no value") };
        values.push(value);
    }
    let first = values.first().copied()?;
    assert_eq!(values, vec![first; usize::try_from(ROWS).unwrap()], "half a mutation of {p}");
    Some(first)
}

fn single(table: &Table, p: i32, column: &str) -> i64 {
    let select = table.select().key(p);
    let mut rows = select.rows().unwrap();
    match rows.next().unwrap().unwrap().value(column).unwrap() {
        Value::BigInt(value) | Value::Counter(value) => value,
        other => panic!("{other:?}"),
    }
}

fn verify(db: &Database, expected: &BTreeMap<i32, i64>, rounds: i64) {
    let (events, last) = (db.table("app", "events").unwrap(), db.table("app", "last").unwrap());
    for (&p, &value) in expected {
        assert_eq!(whole(&events, p), Some(value), "partition {p}");
        assert_eq!(single(&last, p, "v"), value, "partition {p}");
    }
    assert_eq!(single(&db.table("app", "hits").unwrap(), 0, "n"), i64::from(WRITERS) * rounds);
}
