//! Tables that attachments maintain: an index as a table of its own, whose rows are added to the
//! writes of the table that it is about, is that which the table's rows make.

use std::collections::BTreeMap;
use std::ops::Bound as RangeEnd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use helenus_rows::{
    Columns, DeletionTime, Header, LiveRow, LivenessInfo, Op as RowOp, RowBuf, RowBuilder, Slices,
    Unfiltered, UnfilteredStream, encode_clustering,
};
use helenus_schema::TableDef;
use helenus_sim::{Rng, SimClock, SimDisk};
use helenus_types::Timestamp;
use parking_lot::Mutex;

use crate::parts::{
    Attachment, GrowingWrite, GrownTable, Growth, MemtableObserver, WriteObserver, with_attachments,
};
use crate::{
    Action, Background, Database, Durability, Error, ErrorKind, Op, Options, Result, StatementKind,
    StatementPlan, Table,
};

/// `by_v` has a row for each row of `t` with a `v`; `totals` one for each value that a counter of
/// `n` has had.
const SCHEMA: &str = "
    CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE ks.t (p int, c int, v int, w text, s int static, PRIMARY KEY (p, c));
    CREATE TABLE ks.by_v (v int, p int, c int, w text, PRIMARY KEY (v, p, c));
    CREATE TABLE ks.n (p int PRIMARY KEY, total counter);
    CREATE TABLE ks.totals (p int, total bigint, PRIMARY KEY (p, total));";
const INDEX: &str = "CREATE INDEX by_v ON ks.t (v);";
const START: i64 = 1_700_000_000_000_000;
const PARTITIONS: u64 = 3;

/// Something to be done once, in the middle of a write.
type Hook = Mutex<Option<Box<dyn FnOnce() -> Result<()> + Send>>>;

/// Keeps `by_v`.
struct IndexTable(Arc<Hook>);

/// Keeps `totals`.
#[derive(Debug)]
struct Totals;

impl std::fmt::Debug for IndexTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexTable")
    }
}

macro_rules! only_grows {
    ($ty:ty) => {
        impl Attachment for $ty {
            fn memtable(&self, _: &Arc<Header>) -> Option<Arc<dyn MemtableObserver>> {
                None
            }

            fn sstable(&self, _: &Arc<Header>) -> Option<Box<dyn WriteObserver>> {
                None
            }

            fn growth(&self) -> Option<&dyn Growth> {
                Some(self)
            }
        }
    };
}

only_grows!(IndexTable);
only_grows!(Totals);

fn column(columns: &Columns, name: &str) -> usize {
    columns.as_slice().iter().position(|column| &*column.name == name).unwrap()
}

/// The values of a column by the rows' clusterings, with their timestamps.
type Values = BTreeMap<Vec<u8>, (Vec<u8>, Timestamp)>;

fn values(mut stream: Box<dyn UnfilteredStream>, name: &str) -> Result<Values> {
    let mut found = Values::new();
    if !stream.next_partition()? {
        return Ok(found);
    }
    while stream.advance()? {
        let Some(Unfiltered::Row(row)) = stream.current() else { continue };
        let wanted = column(&row.header.regulars, name);
        let mut live = LiveRow::of_any(row, 0).unwrap();
        while let Some((at, cell)) = live.next().unwrap() {
            if at == wanted && !cell.is_tombstone() {
                let c = row.header.clustering.components(row.clustering, 1).next().unwrap();
                found.insert(c.unwrap().to_vec(), (cell.value.to_vec(), cell.timestamp));
            }
        }
    }
    assert!(!stream.next_partition()?, "a stream is of one partition");
    Ok(found)
}

/// A row with that key.
fn row(header: &Header, key: &[&[u8]], liveness: LivenessInfo, deletion: DeletionTime) -> RowBuf {
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    builder.start(liveness, deletion, false);
    builder.finish(header, false, &mut row);
    let key: Vec<_> = key.iter().map(|value| Some(*value)).collect();
    encode_clustering(header.clustering.types(), &key, &mut row.clustering);
    row
}

/// What no attachment should do, for some values.
fn spoil(write: &mut dyn GrowingWrite, index: &GrownTable, v: &[u8]) -> Result<()> {
    let header = index.header();
    let liveness = LivenessInfo::new(Timestamp(1));
    let whole = row(header, &[&[0; 4], &[0; 4]], liveness, DeletionTime::LIVE);
    match v {
        [0, 0, 0, 13] => Err(Error::invalid("thirteen")),
        [0, 0, 0, 14] => {
            let short = RowBuf { clustering: whole.clustering[..5].to_vec(), ..whole };
            write.add(index, v, RowOp::Row(short.as_ref(header)))
        }
        [0, 0, 0, 15] => {
            let other = Header::clone(header);
            write.add(index, v, RowOp::Row(whole.as_ref(&other)))
        }
        [0, 0, 0, 16] => write.add(index, &[], RowOp::Row(whole.as_ref(header))),
        [0, 0, 0, 17] => write.add(index, &[0; 1 << 16], RowOp::Row(whole.as_ref(header))),
        [0, 0, 0, 18] => {
            let other = GrownTable { at: 7, ..index.clone() };
            write.add(&other, v, RowOp::Row(whole.as_ref(header)))
        }
        _ => Ok(()),
    }
}

impl Growth for IndexTable {
    fn grow(&self, write: &mut dyn GrowingWrite) -> Result<()> {
        let index = write.table("ks", "by_v")?;
        let header = index.header();
        let second = write.moment().second;
        let p = write.partition().key.to_vec();
        assert!(!write.updates().is_empty());
        let before = values(write.before(&Slices::ALL)?, "v")?;
        // Others come in here, if they can.
        std::thread::yield_now();
        let after = values(write.after(&Slices::ALL)?, "v")?;
        for (c, (v, timestamp)) in &before {
            if after.get(c) != before.get(c) {
                let deletion = DeletionTime::new(*timestamp, second);
                let row = row(header, &[&p, c], LivenessInfo::EMPTY, deletion);
                write.add(&index, v, RowOp::Row(row.as_ref(header)))?;
            }
        }
        for (c, (v, timestamp)) in &after {
            spoil(write, &index, v)?;
            if after.get(c) != before.get(c) {
                let row = row(header, &[&p, c], LivenessInfo::new(*timestamp), DeletionTime::LIVE);
                write.add(&index, v, RowOp::Row(row.as_ref(header)))?;
            }
        }
        self.0.lock().take().map_or(Ok(()), |hook| hook())
    }
}

impl Growth for Totals {
    fn grow(&self, write: &mut dyn GrowingWrite) -> Result<()> {
        let totals = write.table("ks", "totals")?;
        let p = write.partition().key.to_vec();
        let total = |mut stream: Box<dyn UnfilteredStream>| -> Result<i64> {
            assert!(stream.next_partition()? && stream.advance()?);
            let Some(Unfiltered::Row(row)) = stream.current() else { panic!("a counter is in a row") };
            let (_, cell) = LiveRow::of_any(row, 0).unwrap().next().unwrap().unwrap();
            Ok(cell.counter_total().unwrap())
        };
        let total = total(write.after(&Slices::ALL)?)?;
        let liveness = LivenessInfo::new(write.moment().timestamp);
        let row = row(totals.header(), &[&total.to_be_bytes()], liveness, DeletionTime::LIVE);
        write.add(&totals, &p, RowOp::Row(row.as_ref(totals.header())))
    }
}

fn open(disk: &SimDisk, hook: &Arc<Hook>) -> Database {
    let options = Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(START)))
        .durability(Durability::Sync)
        .log_segment_bytes(64 << 10)
        .background(Background::Manual);
    let hook = hook.clone();
    let attach = move |def: &TableDef| -> Vec<Arc<dyn Attachment>> {
        match &**def.name() {
            "t" if !def.indexes().is_empty() => vec![Arc::new(IndexTable(hook.clone()))],
            "n" => vec![Arc::new(Totals)],
            _ => Vec::new(),
        }
    };
    with_attachments(options, attach).open("/db").unwrap()
}

fn rows(table: &Table, columns: [&str; 3]) -> Vec<(i32, i32, i32)> {
    let mut rows = table.select().rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let [v, p, c] = columns.map(|name| row.get::<Option<i32>>(name).unwrap());
        if let Some(v) = v {
            found.push((v, p.unwrap(), c.unwrap()));
        }
    }
    found.sort_unstable();
    found
}

/// The index is what the table's rows make.
#[track_caller]
fn check(db: &Database) -> usize {
    let of_table = rows(&db.table("ks", "t").unwrap(), ["v", "p", "c"]);
    let indexed = rows(&db.table("ks", "by_v").unwrap(), ["v", "p", "c"]);
    assert_eq!(indexed, of_table);
    indexed.len()
}

/// One of all kinds of writes of `t`.
fn write(db: &Database, random: &mut Rng) -> Result<()> {
    let table = db.table("ks", "t")?;
    let mut below = |n: u64| i32::try_from(random.below(n)).unwrap();
    let (p, c, v) = (below(PARTITIONS), below(4), below(5));
    let early = START + i64::from(below(40));
    match below(14) {
        0..3 => table.insert(p, c).set("v", v).execute(),
        3 => table.insert(p, c).set("v", v).timestamp(early).execute(),
        4 => table.update(p, c).set("w", "text").execute(),
        5 => table.delete(p, c).column("v").execute(),
        6 => table.delete(p, c).execute(),
        7 => table.delete(p, ()).from(RangeEnd::Included(c)).execute(),
        8 if v == 0 => table.delete_partition(p).execute(),
        8 | 9 => table.insert(p, c).set("v", v).if_not_exists().execute().map(drop),
        10 => table.update(p, c).set("v", v).if_("v", Op::Lt, v).execute().map(drop),
        11 => table.prepare_insert(&["p", "c", "v"])?.execute((p, c, v)),
        12 => {
            let mut batch = db.batch();
            table.prepare_insert(&["p", "c", "v"])?.add_to(&mut batch, (p, c, v))?;
            table.update(p, ()).set("s", v).add_to(&mut batch)?;
            table.delete((p + 1) % 3, c).timestamp(early).add_to(&mut batch)?;
            table.update(p, (c + 1) % 4).set("v", v).add_to(&mut batch)?;
            batch.execute()
        }
        _ => {
            let mut batch = db.batch();
            table.insert(p, c).set("v", v).if_not_exists().add_to(&mut batch)?;
            table.update(p, c + 1).set("v", v).add_to(&mut batch)?;
            batch.execute_if().map(drop)
        }
    }
}

#[test]
fn an_index_that_is_a_table_is_what_its_table_makes_whoever_writes_at_once() {
    let (disk, hook) = (SimDisk::new(), Arc::default());
    let mut db = open(&disk, &hook);
    db.execute_schema(&format!("{SCHEMA}{INDEX}")).unwrap();
    let mut disk = disk;
    let mut most = 0;
    for round in 0..9_u64 {
        let failed = AtomicU64::new(0);
        if round % 3 == 2 {
            disk.crash_at(20 + round * 7);
        }
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (db, failed) = (&db, &failed);
                scope.spawn(move || {
                    let mut random = Rng::new(round * 4 + thread);
                    (0..40).for_each(|_| {
                        failed.fetch_add(u64::from(write(db, &mut random).is_err()), Relaxed);
                    });
                });
            }
            if round % 3 == 1 {
                db.flush().unwrap();
                db.compact().unwrap();
            }
        });
        if round % 3 == 2 {
            assert!(failed.into_inner() > 0, "the machine stopped");
            disk.heal();
            disk = disk.crash(round);
            db = open(&disk, &hook);
        } else {
            assert_eq!(failed.into_inner(), 0);
        }
        most = most.max(check(&db));
    }
    assert!(most > 3, "{most}");
}

/// Each count reads what the one before it left: every total is there once.
#[test]
fn what_counters_were_is_added_with_them() {
    let (disk, hook) = (SimDisk::new(), Arc::default());
    let db = open(&disk, &hook);
    db.execute_schema(SCHEMA).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = &db;
            scope.spawn(move || {
                let table = db.table("ks", "n").unwrap();
                (0..25).for_each(|_| table.update(1, ()).increment("total", 1).execute().unwrap());
            });
        }
    });
    let disk = disk.crash(0);
    let totals = open(&disk, &hook).table("ks", "totals").unwrap();
    let mut rows = totals.select().key(1).rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        found.push(row.get::<i64>("total").unwrap());
    }
    assert_eq!(found, (1..=100).collect::<Vec<_>>());
}

/// Statements that were prepared, and batches that were filled, before the index came.
#[test]
fn a_table_begins_to_grow() {
    let (disk, hook) = (SimDisk::new(), Arc::default());
    let db = open(&disk, &hook);
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    let insert = table.prepare_insert(&["p", "c", "v"]).unwrap();
    let mut plan = StatementPlan::new(StatementKind::Delete, 2);
    plan.key = vec![("p".into(), 0), ("c".into(), 1)];
    plan.operations.push(("v".into(), Action::Delete));
    let delete = table.prepare(plan).unwrap();
    let mut batch = db.batch();
    insert.add_to(&mut batch, (0, 0, 7)).unwrap();
    let waiting = table.insert(0, 1).set("v", 8).if_not_exists();
    db.execute_schema(INDEX).unwrap();
    batch.execute().unwrap();
    assert!(waiting.execute().unwrap().is_applied());
    insert.execute((0, 2, 9)).unwrap();
    insert.execute((1, 2, 9)).unwrap();
    assert_eq!(check(&db), 4);
    delete.execute((0, 2)).unwrap();
    assert_eq!(check(&db), 3);
    db.execute_schema("DROP INDEX ks.by_v").unwrap();
    insert.execute((1, 3, 9)).unwrap();
    assert_eq!(rows(&db.table("ks", "by_v").unwrap(), ["v", "p", "c"]).len(), 3);
}

/// The tables' schema changes in the middle of a write: it is made again, with what is added.
#[test]
fn what_is_added_follows_the_schema() {
    let (disk, hook): (_, Arc<Hook>) = (SimDisk::new(), Arc::default());
    let db = open(&disk, &hook);
    db.execute_schema(&format!("{SCHEMA}{INDEX}")).unwrap();
    let table = db.table("ks", "t").unwrap();
    for (number, statement) in (0..).zip([
        "ALTER TABLE ks.by_v ADD x int",
        "ALTER TABLE ks.t ADD a int",
        "ALTER TABLE ks.by_v DROP w",
        "TRUNCATE ks.t",
        "DROP INDEX ks.by_v",
    ]) {
        let database = db.clone();
        let change = move || match statement.strip_prefix("TRUNCATE ks.") {
            Some(name) => database.table("ks", name)?.truncate(),
            None => database.execute_schema(statement).map(drop),
        };
        *hook.lock() = Some(Box::new(|| std::thread::spawn(change).join().unwrap()));
        table.insert(number, 0).set("v", number).execute().unwrap();
        assert!(hook.lock().is_none(), "{statement}");
        let indexed = rows(&db.table("ks", "by_v").unwrap(), ["v", "p", "c"]);
        assert_eq!(indexed.contains(&(number, number, 0)), !statement.starts_with("DROP"), "{statement}");
        assert!(rows(&table, ["v", "p", "c"]).contains(&(number, number, 0)), "{statement}");
    }
}

/// A write that can't be grown leaves the log as it was.
#[test]
fn what_can_t_grow_is_not_written() {
    let (disk, hook) = (SimDisk::new(), Arc::default());
    let db = open(&disk, &hook);
    db.execute_schema(&format!("{SCHEMA}{INDEX}")).unwrap();
    let table = db.table("ks", "t").unwrap();
    table.insert(0, 0).set("v", 1).execute().unwrap();
    disk.crash_at(1);
    let texts = (13..19).map(|v| {
        let refused = table.insert(0, 1).set("v", v).execute().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        refused.to_string()
    });
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "thirteen",
            "what was added to the write is not an update: at offset 21: expected bytes (25164243391 \
             bytes), found the end of the data (16 bytes left)",
            "a row is encoded against the header of the table it is added to",
            "a partition key has 1 to 65535 bytes, this one has 0",
            "a partition key has 1 to 65535 bytes, this one has 65536",
            "rows are added to a table that was asked for in the same write",
        ]
    );
    let mut batch = db.batch();
    table.insert(1, 1).set("v", 2).add_to(&mut batch).unwrap();
    table.insert(0, 1).set("v", 13).add_to(&mut batch).unwrap();
    batch.execute().unwrap_err();
    assert!(disk.fault_is_pending(), "nothing was written");
    disk.heal();
    assert_eq!((check(&db), batch.len()), (1, 2));
    db.execute_schema("DROP TABLE ks.by_v").unwrap();
    let refused = table.insert(0, 1).set("v", 2).execute().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert_eq!(rows(&table, ["v", "p", "c"]), [(1, 0, 0)]);
}
