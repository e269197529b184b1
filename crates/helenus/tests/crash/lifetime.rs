//! A database under adverse events: `close` during running calls, work that can't succeed for a
//! while, damaged SSTables, panics. With engine threads and step by step.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use helenus::{
    Background, Clock, Database, Disk, Durability, ErrorKind, HealthIssue, HealthStatus, Options,
    SystemClock, Table, Value,
};
use helenus_io::Operation;
use helenus_sim::{Errno, Fault, Rng, SimClock, SimDisk};

const SCHEMA: &str = "
    CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE ks.a (p int PRIMARY KEY, v text);
    CREATE TABLE ks.b (p int PRIMARY KEY, v text);";

/// How long writes wait for memory where nothing is wrong: longer than a busy machine needs, and
/// less than [`ends`] does.
const PATIENCE: Duration = Duration::from_secs(100);

/// The thread whose calls the tests hold up or break.
const MARKED: &str = "marked";

fn options(disk: Arc<dyn Disk>, background: Background) -> Options {
    Options::new()
        .disk(disk)
        .durability(Durability::Buffered)
        .log_segment_bytes(64 << 10)
        .memtable_bytes(16 << 10)
        .memtable_total_bytes(64 << 10)
        .cache_bytes(64 << 10)
        .write_timeout(PATIENCE)
        .background(background)
}

fn threads(disk: &SimDisk) -> Options {
    options(Arc::new(disk.clone()), Background::Threads(1))
}

fn create(options: Options) -> (Database, Table, Table) {
    let db = options.open("/db").unwrap();
    db.execute_schema(SCHEMA).unwrap();
    let (a, b) = (db.table("ks", "a").unwrap(), db.table("ks", "b").unwrap());
    (db, a, b)
}

fn put(table: &Table, p: i32, v: &str) -> helenus::Result<()> {
    table.insert(p, ()).set("v", v).execute()
}

/// Writes while only a flush of this table's own can be in the way, which may be slow.
fn put_in_time(table: &Table, p: i32, v: &str) {
    loop {
        match put(table, p, v) {
            Err(error) if error.kind() == ErrorKind::Overloaded => std::thread::yield_now(),
            outcome => return outcome.unwrap(),
        }
    }
}

/// The keys of all rows.
fn keys(table: &Table) -> Vec<i32> {
    let select = table.select();
    let mut rows = select.rows().unwrap();
    let mut keys = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let Value::Int(p) = row.value("p").unwrap() else { panic!("no key") };
        keys.push(p);
    }
    keys.sort_unstable();
    keys
}

fn reopened(disk: &SimDisk) -> (Table, Table) {
    let db = options(Arc::new(disk.clone()), Background::Manual).open("/db").unwrap();
    (db.table("ks", "a").unwrap(), db.table("ks", "b").unwrap())
}

/// Runs what must not wait for ever: after two minutes it does.
fn ends<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (ended, end) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        ended.send(outcome).ok();
    });
    match end.recv_timeout(Duration::from_secs(120)) {
        Ok(Ok(outcome)) => {
            thread.join().unwrap();
            outcome
        }
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => panic!("{what} does not end"),
    }
}

/// The directory of a table, which is there once it was flushed.
fn dir_of(disk: &SimDisk, table: &str) -> PathBuf {
    let keyspace = PathBuf::from("/db/data/ks");
    let entries = disk.list(&keyspace).unwrap();
    let name = entries.iter().filter_map(|e| e.utf8()).find(|name| name.starts_with(&format!("{table}-")));
    keyspace.join(name.unwrap())
}

fn data_files(disk: &SimDisk, table: &str) -> Vec<PathBuf> {
    let dir = dir_of(disk, table);
    let entries = disk.list(&dir).unwrap();
    let names = entries.iter().filter_map(|e| e.utf8()).filter(|name| name.ends_with("-Data.db"));
    names.map(|name| dir.join(name)).collect()
}

/// The behaviour of a clock in some threads.
#[derive(Debug, Default)]
struct Spell {
    /// Holds a thread at its next look at the clock: the marked one, or that of this name.
    holds: Mutex<bool>,
    name: Mutex<Option<&'static str>>,
    changed: Condvar,
    /// The name of threads that panic when they look how much time has passed.
    panics: Mutex<Option<String>>,
    is_held: AtomicBool,
}

/// The system's clock under a spell.
#[derive(Debug)]
struct Spellbound(SystemClock, Arc<Spell>);

impl Spell {
    fn new() -> (Arc<Self>, Arc<Spellbound>) {
        let spell = Arc::new(Self::default());
        (spell.clone(), Arc::new(Spellbound(SystemClock::new(), spell)))
    }

    fn hold(&self, yes: bool) {
        *self.holds.lock().unwrap() = yes;
        self.changed.notify_all();
    }

    fn hold_thread(&self, name: &'static str) {
        *self.name.lock().unwrap() = Some(name);
        self.hold(true);
    }

    fn pass(&self) {
        let name = self.name.lock().unwrap().unwrap_or(MARKED);
        if std::thread::current().name() != Some(name) {
            return;
        }
        let mut holds = self.holds.lock().unwrap();
        while *holds {
            self.is_held.store(true, SeqCst);
            holds = self.changed.wait(holds).unwrap();
        }
    }

    fn wait_until_held(&self) {
        while !self.is_held.load(SeqCst) {
            std::thread::yield_now();
        }
    }

    fn panic_in(&self, thread: Option<&str>) {
        *self.panics.lock().unwrap() = thread.map(str::to_owned);
    }
}

impl Clock for Spellbound {
    fn now_micros(&self) -> i64 {
        self.1.pass();
        self.0.now_micros()
    }

    fn elapsed(&self) -> Duration {
        self.1.pass();
        let panics = self.1.panics.lock().unwrap().clone();
        if panics.is_some() && panics.as_deref() == std::thread::current().name() {
            panic!("this clock is broken");
        }
        self.0.elapsed()
    }
}

fn marked<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().name(MARKED.to_owned()).spawn(run).unwrap()
}

type Call = fn(&Database, &Table) -> helenus::Result<()>;

/// `close` returned while a `compact` of another thread was in flight. When that went on, it wrote
/// into the MANIFEST, which the next opener had replaced meanwhile, and removed its inputs: the
/// next open found neither them nor what they had become. In 6 of 23 rounds of threads the table
/// was lost.
#[test]
fn close_ends_all_calls_in_flight() {
    let calls: [(&str, Call); 8] = [
        ("compact of the database", |db, _| db.compact()),
        ("compact of a table", |_, a| a.compact()),
        ("flush of the database", |db, _| db.flush()),
        ("flush of a table", |_, a| a.flush()),
        ("truncate", |_, a| a.truncate()),
        ("a schema change", |db, _| db.execute_schema("ALTER TABLE ks.a ADD w text").map(drop)),
        ("a write", |_, a| put(a, 99, "late")),
        ("a step", |db, _| db.step().map(drop)),
    ];
    for (what, call) in calls {
        let disk = SimDisk::new();
        let (spell, clock) = Spell::new();
        let (db, a, _) = create(options(Arc::new(disk.clone()), Background::Manual).clock(clock));
        for p in 0..4 {
            put(&a, p, "value").unwrap();
            a.flush().unwrap();
        }
        put(&a, 4, "in memory").unwrap();
        spell.hold(true);
        let other = (db.clone(), a.clone());
        let calling = marked(move || call(&other.0, &other.1));
        spell.wait_until_held();
        let (closed, end) = mpsc::channel();
        let closer = db.clone();
        let closing = std::thread::spawn(move || {
            let outcome = closer.close();
            closed.send(()).ok();
            outcome
        });
        // Closing that doesn't wait has ended by then.
        end.recv_timeout(Duration::from_millis(300)).ok();
        if what != "a write" {
            spell.hold(false);
        }
        ends(what, move || closing.join()).unwrap().unwrap();
        disk.start_trace();
        spell.hold(false);
        let outcome = ends(what, move || calling.join()).unwrap();
        assert!(outcome.as_ref().err().is_none_or(|e| e.kind() == ErrorKind::Closed), "{what}: {outcome:?}");
        assert_eq!(disk.take_trace(), Vec::<String>::new(), "{what}: after close");
        let survives = !(what == "truncate" && outcome.is_ok());
        let expected: Vec<i32> = if survives { (0..5).collect() } else { Vec::new() };
        assert_eq!(keys(&reopened(&disk).0), expected, "{what}");
    }
}

/// The same with threads and without a plan: whatever was acknowledged is there for the next
/// opener.
#[test]
fn close_beside_everything() {
    for round in 0..12 {
        let disk = SimDisk::new();
        let (db, a, b) = create(threads(&disk));
        let mut calling = Vec::new();
        for writer in 0..2 {
            let a = a.clone();
            calling.push(std::thread::spawn(move || {
                let written = (0..).map(|i| i * 2 + writer);
                written.take_while(|p| put(&a, *p, "some text that takes a little room").is_ok()).collect()
            }));
        }
        let flushes: [Call; 4] = [
            |_, a| a.compact(),
            |_, a| a.flush(),
            |db, _| db.compact(),
            |db, _| db.settle(Duration::from_millis(1)).map(drop),
        ];
        for call in flushes {
            let (db, a) = (db.clone(), a.clone());
            calling.push(std::thread::spawn(move || {
                while let Ok(()) = call(&db, &a) {}
                Vec::new()
            }));
        }
        for p in 0..100 * round {
            put(&b, p, "another table").unwrap();
        }
        let closers = [db.clone(), db.clone()].map(|db| std::thread::spawn(move || db.close()));
        let outcomes = ends("close", move || closers.map(|closer| closer.join().unwrap()));
        let image = disk.kill();
        for outcome in outcomes {
            outcome.unwrap();
        }
        let mut expected: Vec<i32> = ends("a call beside close", move || {
            calling.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        expected.sort_unstable();
        for disk in [image, disk] {
            let (a, b) = reopened(&disk);
            assert_eq!(keys(&a), expected, "round {round}");
            assert_eq!(keys(&b), (0..100 * round).collect::<Vec<_>>(), "round {round}");
        }
    }
}

/// The last handle goes while a flush is in the midst of its files: nothing of this database writes
/// afterwards.
#[test]
fn the_last_handle_ends_what_runs() {
    let disk = SimDisk::new();
    let (spell, clock) = Spell::new();
    let (db, a, b) = create(threads(&disk).clock(clock));
    spell.hold_thread("helenus-flush");
    // More than a memtable holds, and less than makes writers wait: each row is the first of its
    // shard, or nearly so, and takes a chunk of 2 KiB.
    let written = 12;
    for p in 0..written {
        put(&a, p, &"x".repeat(400)).unwrap();
    }
    ends("the flush", {
        let disk = disk.clone();
        move || {
            spell.wait_until_held();
            disk.hold_at(4);
            spell.hold(false);
            while !disk.is_held() {
                std::thread::yield_now();
            }
        }
    });
    let (gone, end) = mpsc::channel();
    let dropping = std::thread::spawn(move || {
        drop((db, a, b));
        gone.send(()).ok();
    });
    // A drop that doesn't wait has ended by then.
    let is_early = end.recv_timeout(Duration::from_millis(300)).is_ok();
    if is_early {
        disk.start_trace();
    }
    disk.release();
    ends("the drop", move || dropping.join()).unwrap();
    if is_early {
        // What the flush goes on with.
        std::thread::park_timeout(Duration::from_millis(300));
    } else {
        disk.start_trace();
    }
    let image = disk.kill();
    assert_eq!(keys(&reopened(&image).0), (0..written).collect::<Vec<_>>());
    assert_eq!(disk.take_trace(), Vec::<String>::new());
}

/// Flushes of one table could not succeed: the failed one went back to the head of the one queue,
/// all other tables stood still after it, writers waited for ever, and nothing said why.
#[test]
fn a_table_that_cannot_be_flushed_stops_no_other() {
    for errno in [Errno::NoSpace, Errno::Access, Errno::Io, Errno::ReadOnly, Errno::Quota] {
        ends(&format!("{errno:?}"), move || other_tables_go_on(errno));
    }
}

fn other_tables_go_on(errno: Errno) {
    let disk = SimDisk::new();
    let (db, a, b) = create(threads(&disk).write_timeout(Duration::from_secs(3)));
    put(&a, 0, "first").unwrap();
    a.flush().unwrap();
    let mut fault = Fault::new(dir_of(&disk, "a"), errno);
    if errno == Errno::Io {
        // Existing data can be read all the while.
        fault = fault.on(&[Operation::Write, Operation::Sync]);
    }
    let fault = disk.inject(fault);
    let text = "x".repeat(1000);
    let (mut written, mut refused) = (1, None);
    while refused.is_none() {
        assert!(written < 1000, "{errno:?}: writes to the table go on for ever");
        match put(&a, written, &text) {
            Ok(()) => written += 1,
            Err(error) => refused = Some(error),
        }
        // The others continue all the while.
        put_in_time(&b, written, &text);
    }
    let refused = refused.unwrap();
    assert_eq!(refused.kind(), ErrorKind::Overloaded, "{errno:?}: {refused}");
    assert!(refused.to_string().contains("ks.a can't be flushed"), "{errno:?}: {refused}");
    for p in written..written + 300 {
        put_in_time(&b, p, &text);
    }
    b.flush().unwrap();
    assert!(b.metrics().flushes > 2, "{errno:?}");
    assert_eq!(a.flush().unwrap_err().kind(), ErrorKind::Io, "{errno:?}");
    assert_eq!(db.flush().unwrap_err().kind(), ErrorKind::Io, "{errno:?}");
    assert_eq!(db.settle(Duration::from_secs(60)).unwrap_err().kind(), ErrorKind::Io, "{errno:?}");
    assert_eq!(db.metrics().failing_flushes, 1);
    let health = db.health();
    let reason = health.of(HealthIssue::FlushFails).next().unwrap().clone();
    assert_eq!(reason.table.as_deref(), Some("ks.a"), "{errno:?}: {health:?}");
    assert!(reason.since.is_some() && health.status > HealthStatus::Ok, "{errno:?}: {health:?}");
    let is_full = matches!(errno, Errno::NoSpace | Errno::Quota);
    assert_eq!(health.of(HealthIssue::DiskFull).count(), usize::from(is_full), "{errno:?}: {health:?}");
    assert_eq!(keys(&a), (0..written).collect::<Vec<_>>(), "{errno:?}: what was acknowledged is read");
    disk.lift(fault);
    // It recovers by itself.
    while db.settle(Duration::from_secs(1)).is_err() {}
    put(&a, written, &text).unwrap();
    a.flush().unwrap();
    assert_eq!(db.health().of(HealthIssue::FlushFails).count(), 0);
    assert_eq!(db.metrics().failing_flushes, 0);
    db.close().unwrap();
    assert_eq!(keys(&reopened(&disk).0), (0..=written).collect::<Vec<_>>(), "{errno:?}");
}

/// Step by step: the flush that fails is tried again, and those of other tables don't wait for it.
#[test]
fn steps_pass_by_a_flush_that_fails() {
    let disk = SimDisk::new();
    let (db, a, b) = create(options(Arc::new(disk.clone()), Background::Manual));
    put(&a, 0, "first").unwrap();
    a.flush().unwrap();
    let fault = disk.inject(Fault::new(dir_of(&disk, "a"), Errno::Access));
    let text = "x".repeat(500);
    for p in 1..60 {
        // A write that needs room makes it itself, and fails if it can't.
        put(&a, p, &text).ok();
    }
    put(&b, 1, "value").unwrap();
    b.flush().unwrap();
    assert!(a.flush().is_err());
    assert!(db.step().is_err());
    disk.lift(fault);
    while db.step().unwrap() {}
    assert_eq!(db.health().of(HealthIssue::FlushFails).count(), 0);
    let found = keys(&a);
    db.close().unwrap();
    drop((db, b));
    assert_eq!(keys(&reopened(&disk).0), found);
}

/// Without threads, a writer flushes the memtables that take its room: the writer of one table got
/// the error of another table's flush, and its write was refused.
#[test]
fn step_by_step_other_tables_go_on() {
    let disk = SimDisk::new();
    let (_db, a, b) = create(options(Arc::new(disk.clone()), Background::Manual));
    put(&a, 0, "first").unwrap();
    a.flush().unwrap();
    disk.inject(Fault::new(dir_of(&disk, "a"), Errno::ReadOnly));
    let text = "x".repeat(1000);
    // Full, and no flush of it was tried.
    for p in 1..14 {
        put(&a, p, &text).unwrap();
    }
    for p in 0..300 {
        put(&b, p, &text).unwrap();
    }
    assert_eq!(keys(&b), (0..300).collect::<Vec<_>>());
    assert_eq!(keys(&a), (0..14).collect::<Vec<_>>());
}

/// A manifest that could be neither written nor put back: no write was promised any more, although
/// the cause was gone, until the database was opened again.
#[test]
fn a_manifest_in_doubt_is_put_back_once_that_can_be_done() {
    for background in [Background::Manual, Background::Threads(1)] {
        ends(&format!("{background:?}"), move || {
            let disk = SimDisk::new();
            let (db, a, _) = create(options(Arc::new(disk.clone()), background));
            put(&a, 0, "value").unwrap();
            a.flush().unwrap();
            let fault = disk.inject(Fault::new("/db/MANIFEST", Errno::ReadOnly));
            // Unlike a flush's, this edit is not tried again.
            let create = "CREATE TABLE ks.c (p int PRIMARY KEY)";
            assert_eq!(db.execute_schema(create).unwrap_err().kind(), ErrorKind::Io, "{background:?}");
            assert_eq!(put(&a, 1, "value").unwrap_err().kind(), ErrorKind::LogFailed, "{background:?}");
            assert_eq!(db.health().of(HealthIssue::ManifestInDoubt).count(), 1, "{background:?}");
            disk.lift(fault);
            if background == Background::Manual {
                while db.step().unwrap() {}
            }
            while put(&a, 1, "value").is_err() {
                std::thread::yield_now();
            }
            assert_eq!(db.health().status, HealthStatus::Ok, "{background:?}: {:?}", db.health());
            db.execute_schema(create).unwrap();
            db.close().unwrap();
            assert_eq!(keys(&reopened(&disk).0), [0, 1], "{background:?}");
        });
    }
}

/// A disk that is full: writes are refused within their time, and taken again once there is room,
/// without opening the database anew.
#[test]
fn a_disk_that_is_full_for_a_while() {
    ends("a full disk", || {
        let disk = SimDisk::new();
        let (db, a, _) = create(threads(&disk).write_timeout(Duration::from_millis(50)));
        disk.limit_space(200_000);
        // Compactions can't make room by compressing it.
        let mut rng = Rng::new(7);
        let mut text = || (0..500).map(|_| format!("{:02x}", rng.below(256))).collect::<String>();
        let mut written = Vec::new();
        let (mut refused, mut is_known) = (0, false);
        for p in 0..2000 {
            match put(&a, p, &text()) {
                Ok(()) => written.push(p),
                Err(error) => {
                    let kind = error.kind();
                    assert!(matches!(kind, ErrorKind::Io | ErrorKind::Overloaded), "{error:?}");
                    // A slow flush is no full disk.
                    is_known |= db.health().of(HealthIssue::DiskFull).count() > 0;
                    refused += usize::from(is_known);
                }
            }
            if refused == 20 {
                disk.heal();
                while db.settle(Duration::from_secs(1)).is_err() {}
            }
        }
        assert!(refused >= 20 && is_known, "{refused} writes were refused");
        assert_eq!(keys(&a), written);
        db.close().unwrap();
        assert_eq!(keys(&reopened(&disk).0), written);
    });
}

/// The log can't be made durable any more: waiting calls get an error, and `close` ends.
#[test]
fn a_log_that_cannot_be_synced_holds_up_nobody() {
    ends("a log without syncs", || {
        let disk = SimDisk::new();
        let (db, a, _) = create(threads(&disk).write_timeout(Duration::from_secs(60)));
        put(&a, -2, "value").unwrap();
        disk.inject(Fault::new("/db/commitlog", Errno::Io).on(&[Operation::Sync]));
        let text = "x".repeat(1000);
        // A segment can't be made, or the data in one can't be made durable.
        let refused = (0..10_000).find_map(|p| put(&a, p, &text).err()).unwrap();
        assert!(matches!(refused.kind(), ErrorKind::Io | ErrorKind::LogFailed), "{refused}");
        assert_eq!(a.flush().unwrap_err().kind(), ErrorKind::LogFailed);
        assert_eq!(put(&a, -1, "value").unwrap_err().kind(), ErrorKind::LogFailed);
        let health = db.health();
        assert_eq!(health.status, HealthStatus::Critical, "{health:?}");
        assert!(health.of(HealthIssue::LogFails).count() > 0, "{health:?}");
        assert!(db.close().is_err());
    });
}

/// One damaged SSTable stopped the compaction of every table after it: 245 SSTables piled up, while
/// its own was read again and again.
#[test]
fn a_damaged_sstable_is_left_out_of_compactions() {
    let disk = SimDisk::new();
    let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
    let (db, a, b) = create(options(Arc::new(disk.clone()), Background::Manual).clock(clock));
    for p in 0..4 {
        for table in [&a, &b] {
            put(table, p, "needle in a haystack").unwrap();
            table.flush().unwrap();
        }
    }
    let damaged = data_files(&disk, "a").remove(1);
    disk.flip(&damaged, 12, 0x40).unwrap();
    let mut errors = Vec::new();
    for _ in 0..10 {
        errors.extend(db.step().err());
    }
    assert_eq!(errors.len(), 1, "it is told once: {errors:?}");
    assert_eq!(errors[0].kind(), ErrorKind::Corrupt);
    assert_eq!(b.metrics().sstables, 1, "the table after it is compacted");
    let before = disk.operations();
    for _ in 0..100 {
        assert!(!db.step().unwrap());
    }
    assert_eq!(disk.operations(), before, "nothing is read again");
    // One more is flushed: four that are sound are merged.
    put(&a, 4, "one more").unwrap();
    a.flush().unwrap();
    while db.step().unwrap() {}
    assert_eq!(a.metrics().sstables, 2);
    assert_eq!(db.metrics().suspect_sstables, 1);
    let health = db.health();
    let reason = health.of(HealthIssue::SuspectSsTable).next().unwrap();
    let name = damaged.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(reason.text.contains(&name), "{reason}");
    assert_eq!(reason.table.as_deref(), Some("ks.a"));
    assert_eq!(health.status, HealthStatus::Warning);
    // A request to merge everything reports that it was not everything.
    assert_eq!(a.compact().unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(db.settle(Duration::from_secs(1)).unwrap());
    let error = db.close().unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains(&name), "{error}");
    drop((db, a));
    let (a, b) = reopened(&disk);
    assert_eq!(keys(&b), [0, 1, 2, 3]);
    let select = a.select().key(4);
    assert!(select.rows().unwrap().next().unwrap().is_some());
}

/// An SSTable that can't be read for a while is compacted once it can.
#[test]
fn an_unreadable_sstable_is_tried_again() {
    let disk = SimDisk::new();
    let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
    let (db, a, b) = create(options(Arc::new(disk.clone()), Background::Manual).clock(clock.clone()));
    for p in 0..4 {
        for table in [&a, &b] {
            put(table, p, "value").unwrap();
            table.flush().unwrap();
        }
    }
    let file = data_files(&disk, "a").remove(2);
    let fault = disk.inject(Fault::new(&file, Errno::Io).on(&[Operation::Read]));
    // The log may need something first.
    let error = (0..10).find_map(|_| db.step().err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::Io);
    while db.step().unwrap() {}
    assert_eq!((a.metrics().sstables, b.metrics().sstables), (4, 1));
    assert_eq!(db.health().of(HealthIssue::SuspectSsTable).count(), 1);
    disk.lift(fault);
    assert!(!db.step().unwrap(), "it rests");
    clock.advance(Duration::from_secs(400));
    while db.step().unwrap() {}
    assert_eq!(a.metrics().sstables, 1);
    assert_eq!(db.health().status, HealthStatus::Ok, "{:?}", db.health());
    db.close().unwrap();
    assert_eq!(keys(&reopened(&disk).0), [0, 1, 2, 3]);
}

/// An SSTable that a requested compaction could not read, and that none wants: health called it
/// suspect until the database was opened again.
#[test]
fn an_sstable_that_can_be_read_again_is_not_suspect_for_ever() {
    let disk = SimDisk::new();
    let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
    let (db, a, _) = create(options(Arc::new(disk.clone()), Background::Manual).clock(clock.clone()));
    for p in 0..2 {
        put(&a, p, "value").unwrap();
        a.flush().unwrap();
    }
    let file = data_files(&disk, "a").remove(1);
    let fault = disk.inject(Fault::new(&file, Errno::Io).on(&[Operation::Read]));
    assert_eq!(a.compact().unwrap_err().kind(), ErrorKind::Io);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(400));
        while db.step().unwrap() {}
        assert_eq!(db.health().of(HealthIssue::SuspectSsTable).count(), 1, "{:?}", db.health());
    }
    disk.lift(fault);
    clock.advance(Duration::from_secs(400));
    while db.step().unwrap() {}
    assert_eq!(db.health().status, HealthStatus::Ok, "{:?}", db.health());
    assert_eq!(a.metrics().sstables, 2);
}

/// The output of one table's compaction can't be written: those of other tables continue, and so
/// does this one once the cause is gone. Nothing is left of the attempts.
#[test]
fn a_compaction_that_cannot_write_stops_no_other() {
    ends("a compaction", || {
        let disk = SimDisk::new();
        let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
        let (db, a, b) = create(threads(&disk).clock(clock.clone()));
        db.execute_schema("ALTER TABLE ks.a WITH compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'}")
            .unwrap();
        for p in 0..4 {
            put(&a, p, "value").unwrap();
            a.flush().unwrap();
        }
        let fault = disk.inject(Fault::new(dir_of(&disk, "a"), Errno::NoSpace));
        db.execute_schema("ALTER TABLE ks.a WITH compaction = {'class': 'SizeTieredCompactionStrategy'}")
            .unwrap();
        for p in 0..4 {
            put(&b, p, "value").unwrap();
            b.flush().unwrap();
        }
        while db.health().of(HealthIssue::CompactionFails).count() == 0 || b.metrics().sstables > 1 {
            std::thread::yield_now();
        }
        disk.lift(fault);
        while a.metrics().sstables > 1 {
            // It rests after each failure.
            clock.advance(Duration::from_secs(400));
            std::thread::yield_now();
        }
        // Its inputs go after it is seen.
        while !db.settle(Duration::from_secs(1)).unwrap_or(false) {}
        assert_eq!(data_files(&disk, "a").len(), 1);
        db.close().unwrap();
        assert_eq!(keys(&reopened(&disk).0), [0, 1, 2, 3]);
    });
}

/// A compaction that was called failed, and none is due: health said for ever that it fails.
#[test]
fn a_compaction_that_nobody_wants_any_more_does_not_fail_for_ever() {
    let disk = SimDisk::new();
    let clock = Arc::new(SimClock::new(1_700_000_000_000_000));
    let (db, a, _) = create(options(Arc::new(disk.clone()), Background::Manual).clock(clock.clone()));
    for p in 0..2 {
        put(&a, p, "value").unwrap();
        a.flush().unwrap();
    }
    let fault = disk.inject(Fault::new(dir_of(&disk, "a"), Errno::NoSpace));
    assert_eq!(a.compact().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(db.health().of(HealthIssue::CompactionFails).count(), 1);
    disk.lift(fault);
    clock.advance(Duration::from_secs(400));
    while db.step().unwrap() {}
    assert_eq!(db.health().status, HealthStatus::Ok, "{:?}", db.health());
}

/// A thread of the database panicked (its clock was the user's): writers and `close` waited for it
/// for ever.
#[test]
fn a_panic_of_a_background_thread_is_an_error_of_all_calls() {
    for thread in ["helenus-flush", "helenus-compact"] {
        ends(thread, move || {
            let disk = SimDisk::new();
            let (spell, clock) = Spell::new();
            let (db, a, _) = create(threads(&disk).clock(clock));
            spell.panic_in(Some(thread));
            let text = "x".repeat(1000);
            let (mut written, mut refused) = (0, None);
            while refused.is_none() {
                match put(&a, written, &text) {
                    Ok(()) => written += 1,
                    Err(error) => refused = Some(error),
                }
            }
            let refused = refused.unwrap();
            assert_eq!(refused.kind(), ErrorKind::Bug, "{thread}: {refused}");
            assert!(refused.to_string().contains("this clock is broken"), "{thread}: {refused}");
            for outcome in
                [db.settle(Duration::from_secs(60)).map(drop), db.flush(), a.compact(), a.truncate()]
            {
                assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Bug, "{thread}");
            }
            assert_eq!(db.health().status, HealthStatus::Critical);
            assert_eq!(db.health().of(HealthIssue::Panicked).count(), 1);
            assert_eq!(keys(&a), (0..written).collect::<Vec<_>>(), "{thread}: reads go on");
            assert_eq!(db.close().unwrap_err().kind(), ErrorKind::Bug, "{thread}");
            assert_eq!(keys(&reopened(&disk).0), (0..written).collect::<Vec<_>>(), "{thread}");
        });
    }
}

/// A call that panics half way, here while it leads a sync for all waiting calls: the others end
/// too.
#[test]
fn a_panic_of_a_call_is_an_error_of_the_others() {
    ends("a panic in a call", || {
        let disk = SimDisk::new();
        let (spell, clock) = Spell::new();
        let options = options(Arc::new(disk.clone()), Background::Manual).durability(Durability::Sync);
        let (db, a, b) = create(options.clock(clock));
        put(&a, 0, "value").unwrap();
        spell.panic_in(Some(MARKED));
        assert!(marked(move || put(&b, 0, "value")).join().is_err(), "the panic is the caller's");
        let refused = put(&a, 1, "value").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Bug, "{refused}");
        assert_eq!(db.close().unwrap_err().kind(), ErrorKind::Bug);
        assert_eq!(keys(&reopened(&disk).0), [0]);
    });
}

/// Eight threads that write cells of 1 MB took 10 MB of a budget of 4: each looked at the budget
/// before any of them had copied its cell.
#[test]
fn memory_is_reserved_before_it_is_used() {
    ends("large cells", || {
        let disk = SimDisk::new();
        let budget = 4 << 20;
        let options = threads(&disk).log_segment_bytes(4 << 20).memtable_bytes(2 << 20);
        let (db, a, _) = create(options.memtable_total_bytes(budget));
        let done = Arc::new(AtomicBool::new(false));
        let watched = (db.clone(), done.clone());
        let watching = std::thread::spawn(move || {
            let mut most = 0;
            while !watched.1.load(SeqCst) {
                most = most.max(watched.0.metrics().memtable_bytes);
                std::thread::yield_now();
            }
            most
        });
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let a = a.clone();
                std::thread::spawn(move || {
                    let text = "x".repeat(1_000_000);
                    (0..5).for_each(|i| put(&a, writer * 5 + i, &text).unwrap());
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, SeqCst);
        let most = watching.join().unwrap();
        // A memtable takes its memory in chunks of up to 256 KiB, which a write can't know of.
        assert!(most <= budget as u64 + 8 * (256 << 10), "{most} bytes of {budget}");
        db.close().unwrap();
        assert_eq!(db.metrics().memtable_bytes, 0);
        assert_eq!(db.metrics().cache_bytes, 0);
    });
}

/// Thirty iterators held 354 MB that the metrics did not know of.
#[test]
fn what_iterators_hold_is_counted_and_limited_on_request() {
    let disk = SimDisk::new();
    let options = options(Arc::new(disk.clone()), Background::Manual).pinned_bytes_limit(Some(8 << 10));
    let (db, a, b) = create(options);
    let text = "x".repeat(100);
    (0..100).for_each(|p| put(&a, p, &text).unwrap());
    let select = a.select();
    let mut rows = select.rows().unwrap();
    assert!(rows.next().unwrap().is_some());
    assert_eq!(db.metrics().pinned_memory_bytes, 0, "the table itself needs it");
    a.flush().unwrap();
    assert!(db.metrics().pinned_memory_bytes > 10_000, "{:?}", db.metrics());
    let refused = put(&b, 1, "value").unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Overloaded && refused.to_string().contains("iterators"),
        "{refused}"
    );
    assert_eq!(db.health().of(HealthIssue::PinnedMemory).next().unwrap().status, HealthStatus::Critical);
    let mut read = 1;
    while rows.next().unwrap().is_some() {
        read += 1;
    }
    assert_eq!(read, 100);
    drop(rows);
    assert_eq!(db.metrics().pinned_memory_bytes, 0);
    put(&b, 1, "value").unwrap();
    assert_eq!(db.health().status, HealthStatus::Ok);
    // Files that were compacted away take space as long as they are read.
    put(&a, 0, "again").unwrap();
    a.flush().unwrap();
    let mut rows = select.rows().unwrap();
    assert!(rows.next().unwrap().is_some());
    a.compact().unwrap();
    assert!(db.metrics().pinned_disk_bytes > 0);
    drop(rows);
    assert_eq!(db.metrics().pinned_disk_bytes, 0);
}

/// A stream of what is stored of a partition held a memtable's memory, and a scan an SSTable's
/// files, that the metrics did not know of, so that no limit was kept.
#[test]
fn what_unfiltered_streams_hold_is_counted_and_limited_too() {
    let disk = SimDisk::new();
    let options = options(Arc::new(disk.clone()), Background::Manual).pinned_bytes_limit(Some(8 << 10));
    let (db, a, b) = create(options);
    let text = "x".repeat(100);
    for select in [a.select().key(1), a.select()] {
        (0..100).for_each(|p| put(&a, p, &text).unwrap());
        let mut stream = select.unfiltered().unwrap();
        assert!(stream.next_partition().unwrap());
        assert_eq!(db.metrics().pinned_memory_bytes, 0, "the table itself needs it");
        a.flush().unwrap();
        assert!(db.metrics().pinned_memory_bytes > 10_000, "{:?}", db.metrics());
        assert_eq!(put(&b, 1, "value").unwrap_err().kind(), ErrorKind::Overloaded);
        drop(stream);
        assert_eq!(db.metrics().pinned_memory_bytes, 0);
        put(&b, 1, "value").unwrap();
        put(&a, 0, "again").unwrap();
        a.flush().unwrap();
        let mut stream = select.unfiltered().unwrap();
        assert!(stream.next_partition().unwrap());
        a.compact().unwrap();
        assert!(db.metrics().pinned_disk_bytes > 0);
        drop(stream);
        assert_eq!(db.metrics().pinned_disk_bytes, 0);
    }
}

/// What SSTables had in memory stayed as long as a handle did, although nothing can be read through
/// it any more.
#[test]
fn a_closed_database_gives_its_memory_back_while_handles_live() {
    let disk = SimDisk::new();
    let (db, a, _) = create(options(Arc::new(disk), Background::Manual));
    let text = "x".repeat(1000);
    (0..200).for_each(|p| put(&a, p, &text).unwrap());
    a.flush().unwrap();
    assert_eq!(keys(&a).len(), 200);
    let before = a.metrics();
    assert!(before.index_bytes > 0);
    let select = a.select();
    let mut rows = select.rows().unwrap();
    assert!(rows.next().unwrap().is_some());
    db.close().unwrap();
    let metrics = a.metrics();
    assert_eq!((metrics.index_bytes, metrics.memtable_bytes), (0, 0));
    assert_eq!(metrics.sstables, before.sstables);
    // A cursor that is open goes on.
    let mut read = 1;
    while rows.next().unwrap().is_some() {
        read += 1;
    }
    assert_eq!(read, 200);
    assert_eq!(select.rows().unwrap_err().kind(), ErrorKind::Closed);
}

/// Tables without end when compaction lagged: writers are slowed, smoothly, and never stopped.
#[test]
fn the_lag_of_compaction_is_known_to_writers() {
    let disk = SimDisk::new();
    let (db, a, _) = create(options(Arc::new(disk), Background::Manual));
    let mut lags = Vec::new();
    for p in 0..40 {
        put(&a, p, "value").unwrap();
        a.flush().unwrap();
        lags.push(a.metrics().compaction_lag);
    }
    assert_eq!(lags[15], 0.0);
    assert!(lags.is_sorted() && lags[16] > 0.0 && lags[39] < 1.0, "{lags:?}");
    assert_eq!(db.health().of(HealthIssue::CompactionLags).count(), 1);
    while db.step().unwrap() {}
    assert_eq!(a.metrics().compaction_lag, 0.0);
    assert_eq!(db.health().status, HealthStatus::Ok);
}
