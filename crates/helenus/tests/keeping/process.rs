//! Forked children.

use std::path::Path;
use std::process::exit;

use fork::{Fork, fork, waitpid};
use helenus::{Database, ErrorKind, Table, Value};

const SCHEMA: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
     CREATE TABLE ks.t (p int PRIMARY KEY, v int);";

/// The findings of a child, as its exit code.
fn child(db: Database, table: Table, dir: &Path) -> i32 {
    let kinds = [
        db.table("ks", "t").map(drop).map_err(|e| e.kind()),
        table.insert(1, ()).set("v", 99).execute().map(drop).map_err(|e| e.kind()),
        table.select().rows().map(drop).map_err(|e| e.kind()),
        db.flush().map_err(|e| e.kind()),
        db.execute_schema("DROP TABLE ks.t").map(drop).map_err(|e| e.kind()),
        db.close().map_err(|e| e.kind()),
    ];
    for (code, kind) in (10..).zip(kinds) {
        if kind != Err(ErrorKind::Forked) {
            return code;
        }
    }
    drop((db, table));
    // The parent still has it.
    match Database::open(dir) {
        Err(error) if error.kind() == ErrorKind::Locked => 0,
        Err(_) => 30,
        Ok(_) => 31,
    }
}

/// A forked child's handle wrote into the log of its parent through the memory that they share, and
/// waited for ever for threads that it didn't have; its drop gave the parent's lock away.
#[test]
fn a_forked_child_is_told_so_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path()).unwrap();
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    table.insert(1, ()).set("v", 1).execute().unwrap();
    match fork().unwrap() {
        Fork::Child => exit(child(db, table, dir.path())),
        Fork::Parent(pid) => {
            let status = waitpid(pid).unwrap();
            assert_eq!(status >> 8 & 0xff, 0, "{status:#x}");
        }
    }
    table.insert(2, ()).set("v", 2).execute().unwrap();
    assert_eq!(Database::open(dir.path()).unwrap_err().kind(), ErrorKind::Locked);
    db.close().unwrap();
    let db = Database::open(dir.path()).unwrap();
    let table = db.table("ks", "t").unwrap();
    for p in [1, 2] {
        let select = table.select().key(p);
        let mut rows = select.rows().unwrap();
        assert_eq!(rows.next().unwrap().unwrap().value("v").unwrap(), Value::Int(p));
    }
}
