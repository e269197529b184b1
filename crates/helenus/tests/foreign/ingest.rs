//! Bringing SSTables into a table.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helenus::{
    Background, Clock, Database, ErrorKind, ForeignOptions, IngestOptions, Options, Transfer, Verification,
    ingest,
};

use crate::corpus::{contents, copy_all, corpus, export, lines, sample};

/// A database with the table of a sample, empty.
fn database(dir: &Path, name: &str) -> Database {
    let db = Options::new().background(Background::Manual).open(dir).unwrap();
    db.adopt_schema(&std::fs::read_to_string(sample(name).join("schema.cql")).unwrap()).unwrap();
    db
}

fn extended() -> IngestOptions {
    IngestOptions { verification: Verification::Extended, ..IngestOptions::default() }
}

#[test]
fn what_comes_in_reads_as_the_node_read_it() {
    for (name, count) in [("soup", 6), ("collections", 2), ("counters", 2), ("altered", 2), ("tombstones", 3)]
    {
        let temp = tempfile::tempdir().unwrap();
        let db = database(temp.path(), name);
        let table = db.table("corpus", name).unwrap();
        let before = contents(&sample(name));
        let ingested = ingest(&table, &[sample(name)], extended()).unwrap();
        assert_eq!(ingested.sstables, count, "{name}");
        assert!(ingested.files_linked + ingested.files_copied >= 8 * count);
        let expected = lines(&sample(name).join("select.jsonl"));
        assert_eq!(export(&table), expected, "{name}");
        assert!(contents(&sample(name)) == before, "{name}: the source was changed");
        // And after a compaction, and opened again: it is the database's own now.
        db.compact().unwrap();
        assert_eq!(export(&table), expected, "{name}");
        db.close().unwrap();
        let db = Database::open(temp.path()).unwrap();
        assert_eq!(export(&db.table("corpus", name).unwrap()), expected, "{name}");
    }
}

#[test]
fn single_files_and_moved_ones() {
    let temp = tempfile::tempdir().unwrap();
    let (source, db) = (temp.path().join("in"), database(&temp.path().join("db"), "soup"));
    copy_all(&sample("soup"), &source);
    let table = db.table("corpus", "soup").unwrap();
    let one = ingest(&table, &[source.join("da-3-bti-Data.db")], IngestOptions::default()).unwrap();
    assert_eq!((one.sstables, table.metrics().sstables), (1, 1));
    let moving = IngestOptions { transfer: Transfer::Move, ..IngestOptions::default() };
    let all = ingest(&table, std::slice::from_ref(&source), moving).unwrap();
    assert_eq!(all.sstables, 6);
    assert_eq!(export(&table), lines(&sample("soup").join("select.jsonl")));
    let left: Vec<PathBuf> = contents(&source).into_keys().collect();
    assert_eq!(left, [source.join("schema.cql"), source.join("select.jsonl")]);
    let error = ingest(&table, &[source], IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_damaged_or_of_another_table_stays_out() {
    let temp = tempfile::tempdir().unwrap();
    let (source, dir) = (temp.path().join("in"), temp.path().join("db"));
    copy_all(&sample("soup"), &source);
    let db = database(&dir, "soup");
    let table = db.table("corpus", "soup").unwrap();
    let data = source.join("da-4-bti-Data.db");
    let good = std::fs::read(&data).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&data, bad).unwrap();
    let refused = |options| {
        let error = ingest(&table, std::slice::from_ref(&source), options).unwrap_err();
        assert!(error.to_string().contains("da-4-bti-Data.db"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    };
    refused(IngestOptions::default());
    refused(extended());
    // An emptied filter hides rows.
    std::fs::write(&data, good).unwrap();
    let filter = source.join("da-4-bti-Filter.db");
    let mut bits = std::fs::read(&filter).unwrap();
    bits[8..].fill(0);
    std::fs::write(&filter, bits).unwrap();
    for options in [IngestOptions::default(), extended()] {
        let error = ingest(&table, std::slice::from_ref(&source), options).unwrap_err();
        assert!(error.to_string().contains("a filter that excludes it"), "{error}");
    }
    let error = ingest(&table, &[sample("collections")], IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(table.metrics().sstables, 0);
    assert!(!dir.join("data").exists(), "nothing was made for what stays out");
}

/// Rows around an invalid value are read as they are: only a close look keeps their table out.
#[test]
fn an_invalid_value_keeps_a_table_out_only_where_values_are_looked_at() {
    let temp = tempfile::tempdir().unwrap();
    let schema = TABLE.replace("v int", "v text");
    let open = |dir: &str| {
        let db = Options::new().background(Background::Manual).open(temp.path().join(dir)).unwrap();
        db.execute_schema(&schema).unwrap();
        db
    };
    let db = open("source");
    let table = db.table("k", "t").unwrap();
    for (p, v) in [(1, "some text"), (2, "no other")] {
        table.insert(p, ()).set("v", v).execute().unwrap();
    }
    db.close().unwrap();
    let source = temp.path().join("in");
    copy_all(&table_dir(&temp.path().join("source")), &source);
    let named = |end: &str| {
        let all = contents(&source).into_keys();
        all.into_iter().find(|path| path.to_str().unwrap().ends_with(end)).unwrap()
    };
    // Without checksums nothing else is wrong.
    for component in ["Digest.crc32", "CRC.db", "Helenus.crc32", "TOC.txt"] {
        std::fs::remove_file(named(component)).unwrap();
    }
    let data = named("Data.db");
    let mut bytes = std::fs::read(&data).unwrap();
    let at = bytes.windows(9).position(|window| window == b"some text").unwrap();
    bytes[at] = 0xFF;
    std::fs::write(&data, bytes).unwrap();

    let db = open("db");
    let table = db.table("k", "t").unwrap();
    let error = ingest(&table, std::slice::from_ref(&source), extended()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("partition 1 (0x00000001)"), "{error}");
    assert!(error.to_string().contains("in column v, found"), "{error}");
    let foreign = ForeignOptions::new().skip_damaged(true).open(std::slice::from_ref(&source)).unwrap();
    assert_eq!(foreign.damaged(), []);
    let ingested = ingest(&table, &[source], IngestOptions::default()).unwrap();
    assert_eq!(ingested.sstables, 1);
}

#[test]
fn later_writes_win_over_what_came_in() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Arc::new(HookedClock::new(1_000_000_000_000_000));
    let open = |dir: &str, clock: &Arc<HookedClock>| {
        let options = Options::new().background(Background::Manual).clock(clock.clone());
        options.open(temp.path().join(dir)).unwrap()
    };
    // A machine whose clock is an hour ahead.
    let ahead = Arc::new(HookedClock::new(1_000_003_600_000_000));
    let source = open("source", &ahead);
    let db = open("db", &clock);
    for db in [&source, &db] {
        db.execute_schema(TABLE).unwrap();
    }
    source.table("k", "t").unwrap().insert(1, ()).set("v", 1).execute().unwrap();
    source.close().unwrap();
    let table = db.table("k", "t").unwrap();
    ingest(&table, &[table_dir(&temp.path().join("source"))], IngestOptions::default()).unwrap();
    table.insert(1, ()).set("v", 2).execute().unwrap();
    assert_eq!(export(&table), [r#"{"p": 1, "v": 2}"#]);
}

const TABLE: &str = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}; \
                     CREATE TABLE k.t (p int PRIMARY KEY, v int) WITH gc_grace_seconds = 0";

fn table_dir(db: &Path) -> PathBuf {
    std::fs::read_dir(db.join("data/k")).unwrap().next().unwrap().unwrap().path()
}

/// A clock that stands still, and acts at a given call for the second.
struct HookedClock {
    micros: AtomicI64,
    hook: Mutex<Option<(u32, Hook)>>,
}

type Hook = Box<dyn FnOnce() + Send>;

impl HookedClock {
    fn new(micros: i64) -> Self {
        Self { micros: AtomicI64::new(micros), hook: Mutex::new(None) }
    }
}

impl std::fmt::Debug for HookedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookedClock")
    }
}

impl Clock for HookedClock {
    fn now_micros(&self) -> i64 {
        self.micros.load(SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn now_seconds(&self) -> i64 {
        let due = {
            let mut hook = self.hook.lock().unwrap();
            if let Some((left, _)) = &mut *hook {
                *left -= 1;
            }
            hook.take_if(|(left, _)| *left == 0)
        };
        if let Some((_, run)) = due {
            run();
        }
        self.now_micros().div_euclid(1_000_000)
    }
}

/// A compaction drops a tombstone, for nothing that it knows of is hidden by it. Before it is done,
/// a row that is older than the tombstone is brought in: it must not come to life when the
/// compaction is published.
#[test]
fn a_tombstone_is_not_dropped_by_a_compaction_that_ran_across() {
    for at in 1..=4 {
        let temp = tempfile::tempdir().unwrap();
        let clock = Arc::new(HookedClock::new(1_000_000_000_000_000));
        let open = |dir: &str| {
            let options = Options::new().background(Background::Manual).clock(clock.clone());
            options.open(temp.path().join(dir)).unwrap()
        };
        let source = open("source");
        source.execute_schema(TABLE).unwrap();
        source.table("k", "t").unwrap().insert(1, ()).set("v", 1).execute().unwrap();
        source.close().unwrap();
        let from = table_dir(&temp.path().join("source"));
        clock.micros.fetch_add(10_000_000, SeqCst);
        let db = open("db");
        db.execute_schema(TABLE).unwrap();
        let table = db.table("k", "t").unwrap();
        for p in [1, 2] {
            table.insert(2, ()).set("v", p).execute().unwrap();
            table.delete(1, ()).execute().unwrap();
            table.flush().unwrap();
        }
        clock.micros.fetch_add(10_000_000, SeqCst);
        let ran = Arc::new(AtomicBool::new(false));
        let hook: Hook = Box::new({
            let (table, ran) = (table.clone(), ran.clone());
            move || {
                ingest(&table, &[from], IngestOptions::default()).unwrap();
                ran.store(true, SeqCst);
            }
        });
        *clock.hook.lock().unwrap() = Some((at, hook));
        table.compact().unwrap();
        let happened = ran.load(SeqCst);
        assert!(happened || at > 3, "the compaction asks for the time {at} times");
        assert_eq!(export(&table), [r#"{"p": 2, "v": 2}"#], "brought in at the look {at} at the clock");
        clock.hook.lock().unwrap().take();
    }
}

/// A node's SSTables of each version are the same rows when compactions write them in one version
/// after another.
#[test]
fn what_came_in_is_compacted_into_any_version() {
    for from in ["da", "oa", "nb"] {
        let Some(source) = corpus(&format!("{from}/soup")) else { return };
        let temp = tempfile::tempdir().unwrap();
        let db = database(temp.path(), "soup");
        let table = db.table("corpus", "soup").unwrap();
        ingest(&table, std::slice::from_ref(&source), IngestOptions::default()).unwrap();
        let expected = lines(&source.join("select.jsonl"));
        for to in ["6e62", "6d65", "6461", "6f61"] {
            let extensions = format!("{{'helenus_sstable_version': 0x{to}}}");
            db.execute_schema(&format!("ALTER TABLE corpus.soup WITH extensions = {extensions}")).unwrap();
            table.compact().unwrap();
            assert_eq!(table.metrics().sstables, 1);
            assert_eq!(export(&table), expected, "{from} to {to}");
        }
    }
}
