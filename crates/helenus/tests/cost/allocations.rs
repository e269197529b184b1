//! In a steady state writes allocate nothing but the memtable's arena and the log's segments, and
//! reads nothing but the room for what they ask for and for what they show.

use helenus::{Prepared, Table};

use crate::allocator::allocations_of;
use crate::{open, prepare};

const ROWS: i64 = 4000;
const PARTITIONS: i64 = 16;

type Row = (i64, i64, &'static str, i32, f64, bool, [u8; 9], uuid::Uuid);

fn row(i: i64) -> Row {
    (i % PARTITIONS, i, "some text of middling length", 7, 0.5, true, [9; 9], uuid::Uuid::nil())
}

fn prepared(insert: &Prepared, i: i64) {
    insert.execute(row(i)).unwrap();
}

fn built(table: &Table, i: i64) {
    let (p, c, a, b, d, e, f, g) = row(i);
    let insert = table.insert(p, c).set("a", a).set("b", b).set("d", d);
    insert.set("e", e).set("f", f).set("g", g).execute().unwrap();
}

/// The arena's blocks, the lists of the memtable, the log's segments.
const OF_ROWS: u64 = 180;

#[test]
fn prepared_rows_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_db, table) = open(dir.path());
    let insert = prepare(&table);
    (0..ROWS).for_each(|i| prepared(&insert, i));
    let allocations = allocations_of(|| (ROWS..2 * ROWS).for_each(|i| prepared(&insert, i)));
    assert!(allocations <= OF_ROWS, "{allocations} allocations for {ROWS} rows");
}

#[test]
fn built_rows_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_db, table) = open(dir.path());
    (0..ROWS).for_each(|i| built(&table, i));
    let allocations = allocations_of(|| (ROWS..2 * ROWS).for_each(|i| built(&table, i)));
    assert!(allocations <= OF_ROWS, "{allocations} allocations for {ROWS} rows");
}

#[test]
fn batches_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (db, table) = open(dir.path());
    let insert = prepare(&table);
    let mut batch = db.batch();
    let mut write = |from: i64| {
        for first in (from..from + ROWS).step_by(100) {
            (first..first + 100).for_each(|i| insert.add_to(&mut batch, row(i)).unwrap());
            batch.execute().unwrap();
        }
    };
    write(0);
    let allocations = allocations_of(|| write(ROWS));
    assert!(allocations <= OF_ROWS, "{allocations} allocations for {ROWS} rows");
}

/// Runs `read` in memtable and SSTable, and counts when all is warm.
fn in_both(read: impl Fn(&Table), most: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (db, table) = open(dir.path());
    let insert = prepare(&table);
    (0..ROWS).for_each(|i| prepared(&insert, i));
    for state in ["memtable", "SSTable"] {
        read(&table);
        let allocations = allocations_of(|| read(&table));
        assert!(allocations <= most, "{allocations} allocations in the {state}, {most} at most");
        db.flush().unwrap();
    }
}

#[test]
fn a_point_read_allocates_the_key_that_it_asks_for() {
    let read = |table: &Table| {
        for i in 0..ROWS {
            let mut rows = table.select().key(i % PARTITIONS).prefix(i).rows().unwrap();
            let row = rows.next().unwrap().unwrap();
            assert_eq!(row.get::<i64>("c").unwrap(), i);
            assert_eq!(row.get::<i32>("b").unwrap(), 7);
            assert_eq!(row.get::<&str>("a").unwrap(), "some text of middling length");
            assert_eq!(row.get::<&[u8]>("f").unwrap(), [9; 9]);
            assert!(row.get::<bool>("e").unwrap());
        }
    };
    in_both(read, ROWS.unsigned_abs());
}

#[test]
fn a_slice_of_fifty_rows_allocates_as_often_as_one_of_five() {
    let read = |table: &Table| {
        let mut rows = table.select().key(1i64).limit(50).rows().unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            assert_eq!(row.get::<i32>("b").unwrap(), 7);
            count += 1;
        }
        assert_eq!(count, 50);
    };
    in_both(read, 16);
}

#[test]
fn a_scan_allocates_as_often_for_many_rows_as_for_few() {
    let read = |table: &Table| {
        let mut rows = table.select().rows().unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            assert_eq!(row.get::<i32>("b").unwrap(), 7);
            count += 1;
        }
        assert_eq!(count, ROWS);
    };
    in_both(read, 20);
}
