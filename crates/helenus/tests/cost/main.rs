//! What a write and a read cost, counted: allocations, calls that lie on each other, files that a
//! reader of the path opens, buffers that hold a value. docs/TESTING.md has the figures.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod allocations;
mod allocator;
mod path;

use std::path::Path;

use helenus::{Background, Database, Durability, Options, Prepared, Table};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// A database without threads, so that everything is the caller's, and a table of it.
fn open(dir: &Path) -> (Database, Table) {
    let options = Options::new().durability(Durability::Buffered).background(Background::Manual);
    let db = options.open(dir).unwrap();
    db.execute_schema(
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
         CREATE TABLE ks.t (p bigint, c bigint, a text, b int, d double, e boolean, f blob, g uuid, PRIMARY KEY (p, c))",
    )
    .unwrap();
    let table = db.table("ks", "t").unwrap();
    (db, table)
}

/// An INSERT of all columns.
fn prepare(table: &Table) -> Prepared {
    table.prepare_insert(&["p", "c", "a", "b", "d", "e", "f", "g"]).unwrap()
}
