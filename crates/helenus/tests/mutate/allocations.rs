//! In a steady state prepared writes allocate nothing but the memtable's arena and the log's segments.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use helenus::{Background, Database, Durability, Options, Prepared};

/// The system's allocator, counting what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has nowhere to count.
    ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1)).unwrap_or_default();
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROWS: i64 = 4000;

fn allocations_of(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
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
