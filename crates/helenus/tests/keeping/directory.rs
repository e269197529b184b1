//! A directory that was tampered with, or moved, must not make its opener touch another one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use helenus::{Background, Database, ErrorKind, Options};

const KEYSPACE: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";
const TABLE: &str =
    "CREATE TABLE ks.t (p int PRIMARY KEY, v int) WITH ID = 8f1a2b50-0000-11ef-8000-000000000001;";

fn open(dir: &Path) -> helenus::Result<Database> {
    Options::new().background(Background::Manual).open(dir)
}

/// A database with a table of several SSTables, closed.
fn filled(dir: &Path, sstables: i32) {
    let db = open(dir).unwrap();
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema(TABLE).unwrap();
    write(&db, 0..sstables);
    db.close().unwrap();
}

fn write(db: &Database, keys: std::ops::Range<i32>) {
    let table = db.table("ks", "t").unwrap();
    for p in keys {
        table.insert(p, ()).set("v", p).execute().unwrap();
        db.flush().unwrap();
    }
}

fn rows(db: &Database) -> usize {
    let table = db.table("ks", "t").unwrap();
    let select = table.select();
    let mut rows = select.rows().unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

fn table_dir(dir: &Path) -> PathBuf {
    let mut tables = fs::read_dir(dir.join("data/ks")).unwrap();
    tables.next().unwrap().unwrap().path()
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Opening a database whose table's directory was a link removed the SSTables of the database that
/// it led to: their generations were below those that the manifest had reserved, and none of them
/// was live here.
#[test]
fn what_a_link_leads_to_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    filled(&ours, 1);
    filled(&theirs, 5);
    let (place, target) = (table_dir(&ours), table_dir(&theirs));
    fs::remove_dir_all(&place).unwrap();
    symlink(&target, &place).unwrap();
    let before = names(&target);
    let error = open(&ours).unwrap_err();
    assert_eq!((error.kind(), names(&target)), (ErrorKind::Invalid, before), "{error}");
    assert!(error.to_string().contains(place.to_str().unwrap()), "{error}");
    assert_eq!(rows(&open(&theirs).unwrap()), 5);
}

/// So did a link in the place of all data, or of the log.
#[test]
fn data_and_log_are_no_links() {
    for name in ["data", "commitlog"] {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
        filled(&ours, 1);
        filled(&theirs, 3);
        fs::remove_dir_all(ours.join(name)).unwrap();
        symlink(theirs.join(name), ours.join(name)).unwrap();
        let before = names(&theirs.join(name));
        let error = open(&ours).unwrap_err();
        assert_eq!((error.kind(), names(&theirs.join(name))), (ErrorKind::Invalid, before), "{error}");
        assert_eq!(rows(&open(&theirs).unwrap()), 3);
    }
}

/// A table that is made again with the identity of one that was dropped has its directory. The
/// manifest went on saying that files there were to be removed, and the next opening removed those
/// of the new table.
#[test]
fn a_table_that_has_its_identity_again_keeps_its_files() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 2);
    let db = open(dir.path()).unwrap();
    db.execute_schema("DROP TABLE ks.t").unwrap();
    db.execute_schema(TABLE).unwrap();
    write(&db, 10..13);
    db.close().unwrap();
    for _ in 0..2 {
        let db = open(dir.path()).unwrap();
        assert_eq!(rows(&db), 3);
        db.close().unwrap();
    }
}

/// `rm LOCK` let a second writer in while the first was active, and each lost the other's writes.
#[test]
fn removing_the_lock_file_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1);
    let db = open(dir.path()).unwrap();
    fs::remove_file(dir.path().join("LOCK")).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Locked);
    write(&db, 1..3);
    db.close().unwrap();
    assert_eq!(rows(&open(dir.path()).unwrap()), 3);
}

/// A database goes by paths: after its directory was moved away and another put in its place, it
/// would write its SSTables into that one, and name them in a manifest that is elsewhere.
#[test]
fn a_directory_that_was_replaced_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (place, away) = (dir.path().join("db"), dir.path().join("away"));
    filled(&place, 1);
    let db = open(&place).unwrap();
    let table = db.table("ks", "t").unwrap();
    table.insert(7, ()).set("v", 7).execute().unwrap();
    fs::rename(&place, &away).unwrap();
    filled(&place, 2);
    let before = names(&table_dir(&place));
    let error = db.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert_eq!(db.close().unwrap_err().kind(), ErrorKind::Locked);
    drop((db, table));
    assert_eq!(names(&table_dir(&place)), before);
    assert_eq!(rows(&open(&place).unwrap()), 2);
    assert_eq!(rows(&open(&away).unwrap()), 2, "what was acknowledged is in the log, where that is now");
}
