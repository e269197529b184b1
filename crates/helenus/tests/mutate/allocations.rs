//! In a steady state prepared writes allocate nothing but the memtable's arena and the log's segments, and a read of a
//! row nothing but the room for what it asks for.

use helenus::{Background, Database, Durability, Options, Prepared};

const ROWS: i64 = 4000;

/// Allocations of this thread: those of the background are not a writer's.
fn allocations_of(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

fn open(dir: &std::path::Path) -> (Database, Prepared) {
    let options = Options::new().durability(Durability::Buffered).background(Background::Manual);
    let db = options.open(dir).unwrap();
    db.execute_schema(
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
         CREATE TABLE ks.t (p bigint, c bigint, a text, b int, d double, e boolean, f blob, g uuid, PRIMARY KEY (p, c))",
    )
    .unwrap();
    let table = db.table("ks", "t").unwrap();
    let insert = table.prepare_insert(&["p", "c", "a", "b", "d", "e", "f", "g"]).unwrap();
    (db, insert)
}

type Row = (i64, i64, &'static str, i32, f64, bool, [u8; 9], uuid::Uuid);

fn row(i: i64) -> Row {
    (i % 16, i, "some text of middling length", 7, 0.5, true, [9; 9], uuid::Uuid::nil())
}

#[test]
fn single_rows_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (db, insert) = open(dir.path());
    (0..ROWS).for_each(|i| insert.execute(row(i)).unwrap());
    let allocations = allocations_of(|| (ROWS..2 * ROWS).for_each(|i| insert.execute(row(i)).unwrap()));
    assert!(allocations < ROWS.unsigned_abs() / 10, "{allocations} allocations for {ROWS} rows");
    drop(db);
}

#[test]
fn batches_allocate_little() {
    let dir = tempfile::tempdir().unwrap();
    let (db, insert) = open(dir.path());
    let mut batch = db.batch();
    let mut write = |from: i64| {
        for first in (from..from + ROWS).step_by(100) {
            (first..first + 100).for_each(|i| insert.add_to(&mut batch, row(i)).unwrap());
            batch.execute().unwrap();
        }
    };
    write(0);
    let allocations = allocations_of(|| write(ROWS));
    assert!(allocations < ROWS.unsigned_abs() / 10, "{allocations} allocations for {ROWS} rows");
}

#[test]
fn reads_of_single_rows_allocate_what_they_ask_for() {
    let dir = tempfile::tempdir().unwrap();
    let (db, insert) = open(dir.path());
    (0..ROWS).for_each(|i| insert.execute(row(i)).unwrap());
    let table = db.table("ks", "t").unwrap();
    let read = |i: i64| {
        let mut rows = table.select().key(i % 16).prefix(i).rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.get::<i64>("c").unwrap(), i);
        assert_eq!(row.get::<i32>("b").unwrap(), 7);
        assert_eq!(row.get::<&[u8]>("f").unwrap(), [9; 9]);
        assert!(row.get::<bool>("e").unwrap());
    };
    for state in ["memtable", "SSTable"] {
        (0..ROWS).for_each(read);
        let allocations = allocations_of(|| (0..ROWS).for_each(read));
        // The key and clustering that are asked for, encoded.
        assert!(allocations <= ROWS.unsigned_abs(), "{allocations} allocations for {ROWS} reads, {state}");
        db.flush().unwrap();
    }
}
