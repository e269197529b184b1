//! Listeners of schema changes.

use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, OnceLock};

use helenus_sim::{SimClock, SimDisk};
use parking_lot::Mutex;

use super::SchemaSubscription;
use crate::{Background, Database, Durability, ErrorKind, Options, SchemaChange};

const KEYSPACE: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";
const TABLE: &str = "CREATE TABLE ks.t (p int PRIMARY KEY, v text);";

fn open(disk: &SimDisk) -> Database {
    let options = Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(1_700_000_000_000_000)))
        .durability(Durability::Sync)
        .background(Background::Manual);
    options.open("/db").unwrap()
}

type Log = Arc<Mutex<Vec<String>>>;

/// A listener that notes events, or the number of changes where there is no event.
fn follow(db: &Database, log: &Log, name: &'static str) -> SchemaSubscription {
    let log = log.clone();
    db.follow_schema(move |notice| {
        let events: Vec<_> = notice.events.iter().map(ToString::to_string).collect();
        let text = if events.is_empty() { format!("{:?}", notice.changes.len()) } else { events.join(", ") };
        log.lock().push(format!("{name}: {text}"));
    })
}

#[test]
fn each_change_is_told_once_in_order_and_those_without_effect_are_not() {
    let db = open(&SimDisk::new());
    db.execute_schema(KEYSPACE).unwrap();
    let log = Log::default();
    let first = follow(&db, &log, "a");
    assert!(first.schema().keyspace("ks").is_ok());
    let take = |statement: &str| {
        let outcome = db.execute_schema(statement).unwrap();
        let lines = std::mem::take(&mut *log.lock());
        let events: Vec<_> = outcome.events.iter().map(ToString::to_string).collect();
        if let [line] = lines.as_slice() {
            let told = line.strip_prefix("a: ").unwrap();
            assert!(told == events.join(", ") || (events.is_empty() && told == "1"), "{told} {events:?}");
        }
        lines
    };
    let check = |found: Vec<String>, expected: &[&str]| assert_eq!(found, expected);
    check(take(TABLE), &["a: CREATED TABLE ks.t"]);
    check(take("CREATE TABLE IF NOT EXISTS ks.t (p int PRIMARY KEY)"), &[]);
    check(
        take("USE ks; ALTER TABLE t ADD w int; ALTER TABLE t DROP w"),
        &["a: UPDATED TABLE ks.t", "a: UPDATED TABLE ks.t"],
    );
    check(take("CREATE INDEX ON ks.t (v)"), &["a: UPDATED TABLE ks.t"]);
    check(take("TRUNCATE ks.t"), &["a: 1"]);
    check(
        take("CREATE TYPE ks.u (a int); ALTER TYPE ks.u ADD b int"),
        &["a: CREATED TYPE ks.u", "a: UPDATED TYPE ks.u"],
    );
    check(take("DROP KEYSPACE ks"), &["a: DROPPED TABLE ks.t, DROPPED TYPE ks.u, DROPPED KEYSPACE ks"]);
    drop(first);
    check(take(KEYSPACE), &[]);
    db.close().unwrap();
}

/// A listener hears of what is durable: a crash at that moment keeps it.
#[test]
fn a_change_is_durable_and_visible_when_it_is_told() {
    let disk = SimDisk::new();
    let db = open(&disk);
    let crashed: Arc<OnceLock<SimDisk>> = Arc::default();
    let (set, reader, disk) = (crashed.clone(), db.clone(), disk.clone());
    let subscription = db.follow_schema(move |notice| {
        if notice.after.table("ks", "t").is_ok() {
            assert!(reader.table("ks", "t").is_ok());
            set.set(disk.crash(7)).unwrap();
        }
    });
    db.execute_schema(&format!("{KEYSPACE} {TABLE}")).unwrap();
    drop(subscription);
    let after = open(crashed.get().unwrap());
    assert!(after.table("ks", "t").is_ok());
}

/// A listener may do anything, as no lock is held: here it reads, writes, and changes the schema
/// itself, of which all listeners hear afterwards.
#[test]
fn a_listener_may_execute_statements() {
    let db = open(&SimDisk::new());
    let log = Log::default();
    let inner = db.clone();
    let busy = db.follow_schema(move |notice| {
        if notice.changes.iter().any(|change| matches!(change, SchemaChange::TableCreated(_)))
            && inner.schema().table("ks", "other").is_err()
        {
            inner.table("ks", "t").unwrap().insert(1, ()).set("v", "x").execute().unwrap();
            inner.execute_schema("CREATE TABLE ks.other (p int PRIMARY KEY)").unwrap();
            inner.flush().unwrap();
        }
    });
    let logging = follow(&db, &log, "b");
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema(TABLE).unwrap();
    assert_eq!(*log.lock(), ["b: CREATED KEYSPACE ks", "b: CREATED TABLE ks.t", "b: CREATED TABLE ks.other"]);
    drop((busy, logging));
    let inner = db.clone();
    let closing = db.follow_schema(move |_| inner.close().unwrap());
    db.execute_schema("DROP TABLE ks.other").unwrap();
    assert_eq!(db.execute_schema("DROP TABLE ks.t").unwrap_err().kind(), ErrorKind::Closed);
    drop(closing);
}

#[test]
fn a_listener_that_panics_hurts_nobody() {
    let db = open(&SimDisk::new());
    let (log, calls) = (Log::default(), Log::default());
    let seen = calls.clone();
    let panics = db.follow_schema(move |_| {
        seen.lock().push(String::new());
        panic!("on purpose");
    });
    let logging = follow(&db, &log, "b");
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema(TABLE).unwrap();
    assert_eq!((calls.lock().len(), log.lock().len()), (2, 2));
    db.table("ks", "t").unwrap().insert(1, ()).set("v", "x").execute().unwrap();
    drop((panics, logging));
    db.close().unwrap();
}

/// Threads that change the schema at once: listeners hear of one change at a time, each after the
/// one that it was made to.
#[test]
fn changes_of_many_threads_are_told_in_their_order() {
    let db = open(&SimDisk::new());
    db.execute_schema(KEYSPACE).unwrap();
    let told = Arc::new(Mutex::new((db.schema(), 0)));
    let listener = told.clone();
    let subscription = db.follow_schema(move |notice| {
        let mut state = listener.try_lock().expect("one call at a time");
        assert!(Arc::ptr_eq(&state.0, &notice.before));
        *state = (notice.after.clone(), state.1 + 1);
    });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for number in 0..10 {
                    let create = format!("CREATE TABLE ks.t{thread}_{number} (p int PRIMARY KEY)");
                    db.execute_schema(&create).unwrap();
                }
            });
        }
    });
    let state = told.lock();
    assert!(Arc::ptr_eq(&state.0, &db.schema()));
    assert_eq!(state.1, 40);
    drop(subscription);
}

/// A change that is made while a listener is busy in another thread is announced by that thread,
/// and its statement doesn't wait.
#[test]
fn a_busy_listener_stops_no_other_statement() {
    let db = open(&SimDisk::new());
    db.execute_schema(KEYSPACE).unwrap();
    let (entered, has_entered) = channel();
    let (go, may_go) = sync_channel::<()>(0);
    let (may_go, log) = (Mutex::new(may_go), Log::default());
    let told = log.clone();
    let subscription = db.follow_schema(move |notice| {
        told.lock().push(notice.events.iter().map(ToString::to_string).collect());
        if told.lock().len() == 1 {
            entered.send(()).unwrap();
            may_go.lock().recv().unwrap();
        }
    });
    std::thread::scope(|scope| {
        scope.spawn(|| db.execute_schema(TABLE).unwrap());
        has_entered.recv().unwrap();
        db.execute_schema("ALTER TABLE ks.t ADD w int").unwrap();
        let late = follow(&db, &log, "late");
        assert!(late.schema().table("ks", "t").unwrap().column("w").is_some());
        go.send(()).unwrap();
        drop(late);
    });
    assert_eq!(*log.lock(), ["CREATED TABLE ks.t", "UPDATED TABLE ks.t"]);
    drop(subscription);
}
