//! `close` during other calls: each call held at each of its operations on the disk while another
//! thread closes, each operation of `close` held while others call, and threads that do everything
//! until they are refused. The next opener finds exactly what was acknowledged, and nothing of the
//! first handle reaches the disk once `close` has returned.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use helenus::{Background, Database, ErrorKind, Table};
use helenus_sim::SimDisk;

use crate::run::{DIR, DURABILITIES, Runner, account, carry_out, clock, contents, options, table};
use crate::sweep::difference;
use crate::workload::{Cell, Change, Effect, Model, Op, data, tables};

/// Long enough for a `close` to end that waits for no call.
const MEANWHILE: Duration = Duration::from_millis(15);

/// One point in this many is tried.
fn every(sample: u64) -> u64 {
    match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
        Ok("all") => 1,
        Ok(every) => every.parse().unwrap(),
        Err(_) => sample,
    }
}

fn note(p: i32, text: &str) -> Change {
    Change::Put { table: "app.notes", p, c: None, cells: vec![("body", Cell::Text(text.to_owned()))] }
}

/// Every kind of call that may have an effect.
fn calls() -> Vec<Op> {
    let schema = |cql: &str, effect| Op::Schema(cql.to_owned(), effect);
    let event = vec![("v", Cell::Text("late".to_owned()))];
    vec![
        Op::Write(vec![note(50, "late")]),
        Op::Write(vec![
            note(51, "late"),
            Change::Put { table: "app.events", p: 51, c: Some(1), cells: event },
        ]),
        Op::Count { page: 50, by: 7 },
        Op::Flush,
        Op::FlushTable("app.events"),
        Op::Compact("app.events"),
        Op::Truncate("app.events"),
        Op::Steps(1),
        Op::Sync,
        schema(
            "CREATE TABLE app.extra (p int PRIMARY KEY, v text)",
            Effect::CreateTable("app.extra", vec!["v"]),
        ),
        schema("ALTER TABLE app.events ADD x int", Effect::AddColumn("app.events", "x")),
        schema("ALTER TABLE app.events DROP w", Effect::DropColumn("app.events", "w")),
        schema("DROP TABLE app.notes", Effect::DropTable("app.notes")),
    ]
}

/// A database with data in memory, in the log and in several SSTables.
fn filled(seed: u64) -> (SimDisk, Runner, Model) {
    let disk = SimDisk::new();
    let mut runner = Runner::new(&disk, DURABILITIES[usize::try_from(seed % 3).unwrap()].1);
    let mut model = Model::default();
    let mut ops = tables();
    ops.extend(data(seed, 20));
    ops.extend([Op::Flush, Op::Write(vec![note(1, "in an SSTable")]), Op::Flush]);
    ops.push(Op::Write(vec![note(2, "in memory")]));
    for op in &ops {
        runner.step(op).unwrap();
        model.apply(op);
    }
    (disk, runner, model)
}

/// The disk matches the model for the next opener; the one that closed before changes nothing any
/// more.
fn next_opener(disk: &SimDisk, (closed, events): (&Database, &Table), model: &Model, what: &str) {
    let mut next = Runner::opened(disk, DURABILITIES[0].1).unwrap_or_else(|e| panic!("{what}: {e}"));
    let (found, expected) = (contents(next.db()).unwrap().0, model.visible());
    assert!(found == expected, "{what}: {}", difference(&expected, &found));
    account(disk, next.db());
    disk.start_trace();
    for op in calls() {
        let refused = carry_out(closed, &op).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::Closed), "{what}: {op:?} after close");
    }
    let closed_kind = |error: helenus::Error| error.kind();
    assert_eq!(
        events.select().rows().map(drop).map_err(closed_kind),
        Err(ErrorKind::Closed),
        "{what}: a read"
    );
    assert_eq!(
        closed.table("app", "events").map(drop).map_err(closed_kind),
        Err(ErrorKind::Closed),
        "{what}"
    );
    closed.close().unwrap();
    assert_eq!(disk.take_trace(), Vec::<String>::new(), "{what}: after close");
    let beside = options(disk, &clock(), DURABILITIES[0].1).open(DIR).unwrap_err();
    assert_eq!(beside.kind(), ErrorKind::Locked, "{what}: {beside}");
    let mut model = model.clone();
    for op in [Op::Schema("DROP TABLE IF EXISTS app.extra".to_owned(), Effect::Nothing), Op::Flush, Op::Close]
    {
        next.step(&op).unwrap_or_else(|e| panic!("{what}: {e}"));
        model.apply(&op);
    }
    let found = contents(next.db()).unwrap().0;
    let mut expected = model.visible();
    expected.tables.remove("app.extra");
    assert!(found == expected, "{what}: {}", difference(&expected, &found));
}

/// A call that waits at its `at`th operation on the disk while another thread closes the database;
/// false if it has fewer.
fn held_call(op: &Op, at: u64) -> bool {
    let (disk, runner, mut model) = filled(at);
    let what = format!("{op:.80?} held at operation {at} of the disk");
    let db = runner.db().clone();
    let events = table(&db, "app.events").unwrap();
    drop(runner);
    disk.hold_at(at);
    let (own, call) = (db.clone(), op.clone());
    let calling = std::thread::spawn(move || carry_out(&own, &call));
    while !disk.is_held() && !calling.is_finished() {
        std::thread::yield_now();
    }
    let has_held = disk.is_held();
    let (ended, end) = mpsc::channel();
    let (own, traced) = (db.clone(), disk.clone());
    let closing = std::thread::spawn(move || {
        let outcome = own.close();
        traced.start_trace();
        ended.send(()).ok();
        outcome
    });
    if has_held {
        end.recv_timeout(MEANWHILE).ok();
    }
    disk.release();
    let outcome = calling.join().unwrap();
    closing.join().unwrap().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(disk.take_trace(), Vec::<String>::new(), "{what}: after close");
    match &outcome {
        Ok(()) => model.apply(op),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{what}: {error}"),
    }
    next_opener(&disk, (&db, &events), &model, &what);
    has_held
}

#[test]
fn calls_held_at_each_operation() {
    let (every, mut points) = (every(5), 0);
    for (nth, op) in calls().iter().enumerate() {
        let mut at = 1 + nth as u64 % every.min(3);
        while held_call(op, at) {
            points += 1;
            at += every;
        }
    }
    println!("{points} operations of calls were held while another thread closed");
    assert!(points > 20, "{points}");
}

#[test]
fn close_held_at_each_operation() {
    let (every, mut points) = (every(4), 0);
    let mut at = 1;
    loop {
        let (disk, runner, model) = filled(at);
        let what = format!("close held at operation {at} of the disk");
        let db = runner.db().clone();
        let events = table(&db, "app.events").unwrap();
        drop(runner);
        disk.hold_at(at);
        let own = db.clone();
        let closing = std::thread::spawn(move || own.close());
        while !disk.is_held() && !closing.is_finished() {
            std::thread::yield_now();
        }
        let has_held = disk.is_held();
        if has_held {
            let beside = options(&disk, &clock(), DURABILITIES[0].1).open(DIR).unwrap_err();
            assert_eq!(beside.kind(), ErrorKind::Locked, "{what}: {beside}");
            for op in calls() {
                let refused = carry_out(&db, &op).map_err(|error| error.kind());
                assert_eq!(refused, Err(ErrorKind::Closed), "{what}: {op:?}");
            }
            points += 1;
        }
        disk.release();
        closing.join().unwrap().unwrap_or_else(|e| panic!("{what}: {e}"));
        next_opener(&disk, (&db, &events), &model, &what);
        if !has_held {
            break;
        }
        at += every;
    }
    println!("{points} operations of close were held while others called");
    assert!(points > 5, "{points}");
}

/// The acknowledged writes of each writer; and the tables that were made and the columns that were
/// added.
struct Acknowledged {
    writes: Vec<(i32, i64)>,
    made: BTreeSet<String>,
    columns: BTreeSet<String>,
}

/// Calls `step` until it says that the database is closed; how often it succeeded.
fn until_closed(what: &str, mut step: impl FnMut(i32) -> helenus::Result<()>) -> i32 {
    for times in 0.. {
        if let Err(error) = step(times) {
            assert_eq!(error.kind(), ErrorKind::Closed, "{what}: {error:?}");
            return times;
        }
    }
    panic!("{what} is never refused")
}

/// One batch over two tables, and one count.
fn write_once(db: &Database, writer: i32, c: i32, counted: &mut i64) -> helenus::Result<()> {
    let text = format!("{c} {}", "x".repeat(150));
    let event = vec![("v", Cell::Text(text))];
    let changes = [
        Change::Put { table: "app.events", p: writer, c: Some(c), cells: event },
        note(writer, &c.to_string()),
    ];
    carry_out(db, &Op::Write(changes.to_vec()))?;
    // It is acknowledged, though the next one may not be.
    match carry_out(db, &Op::Count { page: writer, by: 1 }) {
        Ok(()) => *counted += 1,
        Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}"),
    }
    Ok(())
}

type Work = fn(&Database, i32) -> helenus::Result<()>;

/// Work that is repeated during the writes.
const WORKS: [(&str, Work); 4] = [
    ("flush", |db, _| db.flush()),
    ("compact", |db, n| carry_out(db, &Op::Compact(if n % 2 == 0 { "app.events" } else { "app.notes" }))),
    ("step", |db, _| db.step().map(drop)),
    ("truncate", |db, _| carry_out(db, &Op::Truncate("app.scratch"))),
];

/// Makes tables, drops them again and adds columns; what is there at the end.
fn change_schema(db: &Database) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut made, mut columns) = (BTreeSet::new(), BTreeSet::new());
    until_closed("a schema change", |n| {
        db.execute_schema(&format!("CREATE TABLE app.t{n} (p int PRIMARY KEY, v text)"))?;
        made.insert(format!("app.t{n}"));
        db.execute_schema(&format!("ALTER TABLE app.scratch ADD c{n} int"))?;
        columns.insert(format!("c{n}"));
        if n > 0 {
            db.execute_schema(&format!("DROP TABLE app.t{}", n - 1))?;
            made.remove(&format!("app.t{}", n - 1));
        }
        Ok(())
    });
    (made, columns)
}

/// All threads until they are refused, `close` after some writes, and the next opener at once.
fn beside_everything(round: u64, background: Background) {
    let (name, durability) = DURABILITIES[usize::try_from(round % 3).unwrap()];
    let what = format!("round {round}, {name}, {background:?}");
    let disk = SimDisk::new();
    let clock = clock();
    let db = options(&disk, &clock, durability).background(background).open(DIR).unwrap();
    let scratch = "CREATE TABLE app.scratch (p int PRIMARY KEY, v text)";
    for op in tables().into_iter().skip(1).chain([Op::Schema(scratch.to_owned(), Effect::Nothing)]) {
        carry_out(&db, &op).unwrap();
    }
    let (written, threshold) = (AtomicUsize::new(0), 5 + usize::try_from(round * 37 % 150).unwrap());
    let (acknowledged, image) = std::thread::scope(|scope| {
        let (db, written, what) = (&db, &written, what.as_str());
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                scope.spawn(move || {
                    let mut counted = 0;
                    let times = until_closed(what, |c| {
                        write_once(db, writer, c, &mut counted)?;
                        written.fetch_add(1, SeqCst);
                        Ok(())
                    });
                    (times, counted)
                })
            })
            .collect();
        for (name, work) in WORKS {
            scope.spawn(move || until_closed(name, |n| work(db, n)));
        }
        scope.spawn(move || until_closed("read", |_| read(db)));
        let schema = scope.spawn(move || change_schema(db));
        let are_writing = || !writers.iter().any(|writer| writer.is_finished());
        while written.load(SeqCst) < threshold && are_writing() {
            std::thread::yield_now();
        }
        db.close().unwrap_or_else(|e| panic!("{what}: {e}"));
        // The next opener, while some of those threads have not noticed it yet.
        let image = disk.kill();
        let next = Runner::opened(&disk, durability).unwrap_or_else(|e| panic!("{what}: {e}"));
        carry_out(next.db(), &Op::Write(vec![note(99, "the next one's")])).unwrap();
        disk.start_trace();
        let writes = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let (made, columns) = schema.join().unwrap();
        assert_eq!(disk.take_trace(), Vec::<String>::new(), "{what}: after close");
        (Acknowledged { writes, made, columns }, image)
    });
    for (disk, has_next) in [(image, false), (disk, true)] {
        let runner = Runner::opened(&disk, durability).unwrap_or_else(|e| panic!("{what}: {e}"));
        check(runner.db(), &acknowledged, has_next, &what);
        account(&disk, runner.db());
    }
}

/// The rows of a partition are those that one writer has written, from the first on.
fn read(db: &Database) -> helenus::Result<()> {
    for p in 0..3 {
        let select = table(db, "app.events")?.select().key(p);
        let mut rows = select.rows()?;
        let mut expected = 0;
        while let Some(row) = rows.next()? {
            assert_eq!(row.value("c")?, helenus::Value::Int(expected), "partition {p}");
            expected += 1;
        }
    }
    Ok(())
}

fn check(db: &Database, acknowledged: &Acknowledged, has_next: bool, what: &str) {
    let (found, _) = contents(db).unwrap_or_else(|e| panic!("{what}: {e}"));
    let rows = |name: &str| &found.tables[name].rows;
    for (writer, (times, counted)) in (0..).zip(&acknowledged.writes) {
        let events: Vec<_> =
            rows("app.events").keys().filter(|(p, _)| *p == writer).map(|(_, c)| *c).collect();
        assert_eq!(events, (0..*times).map(Some).collect::<Vec<_>>(), "{what}: writer {writer}");
        let last = rows("app.notes").get(&(writer, None)).map(|row| row["body"].clone());
        assert_eq!(last, (*times > 0).then(|| (times - 1).to_string()), "{what}: half a batch");
        let hits = rows("app.hits").get(&(writer, None)).map_or("0", |row| row["n"].as_str());
        assert_eq!(hits, counted.to_string(), "{what}: writer {writer}");
    }
    assert_eq!(rows("app.notes").contains_key(&(99, None)), has_next, "{what}: the next one's");
    let made: BTreeSet<_> = found.tables.keys().filter(|name| name.starts_with("app.t")).cloned().collect();
    assert_eq!(made, acknowledged.made, "{what}: tables");
    let mut columns = found.tables["app.scratch"].columns.clone();
    assert!(columns.remove("v"));
    assert_eq!(columns, acknowledged.columns, "{what}: columns");
}

#[test]
fn beside_everything_at_once() {
    let rounds = match every(0) {
        0 => 8,
        1 => 400,
        every => 400 / every,
    };
    for round in 0..rounds {
        let background = if round % 2 == 0 { Background::Threads(1) } else { Background::Manual };
        beside_everything(round, background);
    }
    println!("closed {rounds} times beside everything");
}
