//! The engine with its own mutations: what is written is read, through flush, compaction, restart
//! and crash.

use std::sync::Arc;

use helenus_io::{Disk, Operation};
use helenus_rows::{Cell, DeletionTime, LivenessInfo, RowBuf, RowBuilder, UpdateWriter, encode_clustering};
use helenus_sim::{Errno, Fault, SimClock, SimDisk};
use helenus_types::{LocalDeletionTime, Timestamp, Value};

use super::{MutationBuilder, TableCore, TableState, Written};
use crate::{Background, Database, Durability, Options, Table};

const SCHEMA: &str = "
    CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE ks.t (p int, c int, v text, PRIMARY KEY (p, c));";

fn options(disk: &SimDisk) -> Options {
    Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(1_700_000_000_000_000)))
        .durability(Durability::Sync)
        .log_segment_bytes(64 << 10)
        .background(Background::Manual)
}

fn open(disk: &SimDisk) -> Database {
    options(disk).open("/db").unwrap()
}

fn create(disk: &SimDisk) -> (Database, Table) {
    let db = open(disk);
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    (db, table)
}

fn partition(mutation: &mut MutationBuilder, core: &Arc<TableCore>, state: &Arc<TableState>, key: [u8; 4]) {
    let appended = mutation.partition(core, state, None, |out| {
        out.extend_from_slice(&key);
        Ok::<_, std::convert::Infallible>(())
    });
    appended.unwrap();
}

fn write(table: &Table, p: i32, rows: &[(i32, &str)], timestamp: i64) {
    let view = table.core.view.load_full();
    let state = &view.state;
    let mut mutation = MutationBuilder::default();
    let key = p.to_be_bytes();
    partition(&mut mutation, &table.core, state, key);
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    for (c, v) in rows {
        row.clustering.clear();
        encode_clustering(state.header.clustering.types(), &[Some(&c.to_be_bytes())], &mut row.clustering);
        builder.start(LivenessInfo::new(Timestamp(timestamp)), DeletionTime::LIVE, false);
        let cell = Cell::live(Timestamp(timestamp), v.as_bytes());
        builder.simple(&state.header, &state.header.regulars, 0, &cell);
        builder.finish(&state.header, false, &mut row);
        UpdateWriter(mutation.out()).row(row.as_ref(&state.header));
        mutation.added(Timestamp(timestamp));
    }
    assert_eq!(table.writer.database().unwrap().write(mutation.finish(false)).unwrap(), Written::Yes);
}

fn delete_partition(table: &Table, p: i32, timestamp: i64) {
    let view = table.core.view.load_full();
    let mut mutation = MutationBuilder::default();
    let key = p.to_be_bytes();
    partition(&mut mutation, &table.core, &view.state, key);
    let deletion = DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_600_000_000));
    UpdateWriter(mutation.out()).partition(deletion);
    mutation.added(Timestamp(timestamp));
    assert_eq!(table.writer.database().unwrap().write(mutation.finish(false)).unwrap(), Written::Yes);
}

fn rows(select: &crate::Select) -> Vec<(i32, i32, String)> {
    let mut rows = select.rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let int = |name| match row.value(name).unwrap() {
            Value::Int(i) => i,
            other => panic!("{other:?}"),
        };
        let Value::Text(v) = row.value("v").unwrap() else { panic!("no text") };
        found.push((int("p"), int("c"), v));
    }
    found
}

fn all(table: &Table) -> Vec<(i32, i32, String)> {
    let mut found = rows(&table.select());
    found.sort();
    found
}

fn expected(list: &[(i32, i32, &str)]) -> Vec<(i32, i32, String)> {
    list.iter().map(|(p, c, v)| (*p, *c, (*v).to_owned())).collect()
}

#[test]
fn what_is_written_is_read_in_every_state() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    write(&table, 1, &[(1, "a"), (2, "b"), (3, "c")], 10);
    write(&table, 2, &[(1, "x")], 10);
    let first = expected(&[(1, 1, "a"), (1, 2, "b"), (1, 3, "c"), (2, 1, "x")]);
    assert_eq!(all(&table), first);
    db.flush().unwrap();
    assert_eq!(all(&table), first);
    write(&table, 1, &[(2, "B"), (4, "d")], 20);
    delete_partition(&table, 2, 15);
    let second = expected(&[(1, 1, "a"), (1, 2, "B"), (1, 3, "c"), (1, 4, "d")]);
    assert_eq!(all(&table), second);
    db.flush().unwrap();
    assert_eq!(all(&table), second);
    assert_eq!(table.metrics().sstables, 2);
    db.compact().unwrap();
    assert_eq!(all(&table), second);
    assert_eq!(table.metrics().sstables, 1);
    let select =
        table.select().key(1).from(std::ops::Bound::Excluded(1)).to(std::ops::Bound::Included(3)).reverse();
    assert_eq!(rows(&select), expected(&[(1, 3, "c"), (1, 2, "B")]));
    assert_eq!(rows(&table.select().key(1).prefix(4)), expected(&[(1, 4, "d")]));
    assert_eq!(rows(&table.select().key(7)), expected(&[]));
    db.close().unwrap();
    drop((db, table));
    let db = open(&disk);
    assert_eq!(all(&db.table("ks", "t").unwrap()), second);
}

#[test]
fn a_kill_loses_nothing_and_a_second_recovery_changes_nothing() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    write(&table, 1, &[(1, "a")], 10);
    db.flush().unwrap();
    write(&table, 1, &[(2, "b")], 11);
    let expected = expected(&[(1, 1, "a"), (1, 2, "b")]);
    let killed = disk.kill();
    for _ in 0..3 {
        let db = open(&killed);
        assert_eq!(all(&db.table("ks", "t").unwrap()), expected);
        drop(db);
    }
    let crashed = disk.crash(7);
    let db = open(&crashed);
    assert_eq!(all(&db.table("ks", "t").unwrap()), expected);
    drop(db);
}

#[test]
fn truncation_and_drop_outlive_a_crash() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    write(&table, 1, &[(1, "a")], 10);
    db.flush().unwrap();
    write(&table, 1, &[(2, "b")], 11);
    table.truncate().unwrap();
    write(&table, 1, &[(3, "c")], 5);
    assert_eq!(all(&table), expected(&[(1, 3, "c")]));
    let crashed = disk.crash(1);
    let db2 = open(&crashed);
    assert_eq!(all(&db2.table("ks", "t").unwrap()), expected(&[(1, 3, "c")]));
    db.execute_schema("DROP TABLE ks.t").unwrap();
    let crashed = disk.crash(2);
    assert!(open(&crashed).table("ks", "t").is_err());
}

/// Runs a call that reads first, and holds its first operation on the disk, which is a read, until
/// the table was truncated.
fn across_a_truncation<T: Send>(disk: &SimDisk, table: &Table, call: impl FnOnce() -> T + Send) -> T {
    disk.hold_at(1);
    std::thread::scope(|scope| {
        let calling = scope.spawn(call);
        while !disk.is_held() {
            std::thread::yield_now();
        }
        table.truncate().unwrap();
        assert_eq!(table.select().rows().unwrap().next().unwrap().map(|_| ()), None);
        disk.release();
        calling.join().unwrap()
    })
}

/// What had read before a truncation wrote after it what it had made of the data that was gone: a
/// counter of 100 was 101.
#[test]
fn what_was_read_before_a_truncation_is_not_written_after_it() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    db.execute_schema("CREATE TABLE ks.n (p int PRIMARY KEY, n counter)").unwrap();
    let counts = db.table("ks", "n").unwrap();
    counts.update(1, ()).increment("n", 100).execute().unwrap();
    table.insert(1, 1).set("v", "a").execute().unwrap();
    db.flush().unwrap();
    across_a_truncation(&disk, &counts, || counts.update(1, ()).increment("n", 1).execute().unwrap());
    let count = counts.get(1, ()).unwrap().unwrap().value("n").unwrap();
    assert_eq!(count, Value::Counter(1));
    let outcome = across_a_truncation(&disk, &table, || {
        table.update(1, 1).set("v", "b").if_("v", crate::Op::Eq, "a").execute().unwrap()
    });
    assert!(!outcome.is_applied());
    assert_eq!(all(&table), []);
}

/// The manifest that is full is written anew: where that failed after the rename, the SSTable of
/// the refused edit was removed, and the manifest, which named it, not.
#[test]
fn a_flush_whose_edit_fails_in_a_new_manifest_is_done_again() {
    let disk = SimDisk::new();
    let (db, _) = create(&disk);
    db.execute_schema("CREATE TABLE ks.long (p text PRIMARY KEY, v int)").unwrap();
    let table = db.table("ks", "long").unwrap();
    // Keys are among the facts of an SSTable.
    let key = |i: i32| format!("{i:05000}");
    let fault = Fault::new("/db/MANIFEST", Errno::TooManyFiles).on(&[Operation::Open]).times(1);
    let fault = disk.inject(fault);
    let mut written = 0;
    while disk.strikes(fault) == 0 {
        assert!(written < 100, "the manifest is never full");
        table.insert(key(written), ()).set("v", written).execute().unwrap();
        written += 1;
        let flushed = db.flush();
        assert_eq!(flushed.is_ok(), disk.strikes(fault) == 0);
    }
    let check = |db: &Database| {
        let table = db.table("ks", "long").unwrap();
        for i in 0..written {
            let row = table.get(key(i), ()).unwrap().unwrap();
            assert_eq!(row.value("v").unwrap(), Value::Int(i));
        }
    };
    check(&open(&disk.kill()));
    db.flush().unwrap();
    check(&db);
    check(&open(&disk.kill()));
}

#[test]
fn a_column_that_was_dropped_and_added_again_is_empty() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    write(&table, 1, &[(1, "a")], 10);
    db.execute_schema("ALTER TABLE ks.t DROP v; ALTER TABLE ks.t ADD v text;").unwrap();
    let select = table.select();
    let mut rows = select.rows().unwrap();
    let row = rows.next().unwrap().unwrap();
    assert_eq!(row.value("v").unwrap(), Value::Null);
    drop(rows);
    db.compact().unwrap();
    let crashed = disk.crash(1);
    let table = open(&crashed).table("ks", "t").unwrap();
    let select = table.select();
    let mut rows = select.rows().unwrap();
    assert_eq!(rows.next().unwrap().unwrap().value("v").unwrap(), Value::Null);
}

#[test]
fn single_rows_are_found_wherever_they_are() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    let check = || {
        let all = all(&table);
        for p in 0..4 {
            for c in 0..6 {
                let select = table.select().key(p).prefix(c);
                let expected: Vec<_> = all.iter().filter(|(q, d, _)| (*q, *d) == (p, c)).cloned().collect();
                assert_eq!(rows(&select), expected, "{p} {c}");
                assert_eq!(rows(&select.reverse().limit(1)), expected, "{p} {c}");
            }
        }
        let select = table.select().key(2).key(1).key(3).prefix(2);
        let mut found = select.rows().unwrap();
        let mut keys = Vec::new();
        while found.next().unwrap().is_some() {
            let position = found.position().unwrap();
            assert!(position.clustering().is_some());
            keys.push(position.partition_key().to_vec());
        }
        drop(found);
        let held = |p: &i32| all.iter().any(|(q, c, _)| (*q, *c) == (*p, 2));
        let expected: Vec<_> =
            [2, 1, 3].into_iter().filter(held).map(|p: i32| p.to_be_bytes().to_vec()).collect();
        assert_eq!(keys, expected);
        assert_eq!(rows(&select.limit(1)).len(), expected.len().min(1));
    };
    write(&table, 1, &[(1, "a"), (2, "b"), (3, "c")], 10);
    write(&table, 2, &[(1, "x"), (2, "y")], 10);
    check();
    db.flush().unwrap();
    check();
    write(&table, 1, &[(2, "B"), (4, "d")], 20);
    write(&table, 3, &[(2, "z")], 20);
    delete_partition(&table, 2, 15);
    check();
    db.flush().unwrap();
    write(&table, 2, &[(2, "again")], 30);
    check();
    db.compact().unwrap();
    check();
}

#[test]
fn columns_that_are_not_wanted_read_as_null() {
    let disk = SimDisk::new();
    let (_db, table) = create(&disk);
    write(&table, 1, &[(1, "a")], 10);
    for (columns, expected) in
        [(&["v"][..], Value::Text("a".to_owned())), (&["c"], Value::Null), (&[], Value::Null)]
    {
        let select = table.select().columns(columns);
        let mut rows = select.rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.value("v").unwrap(), expected, "{columns:?}");
        assert_eq!(row.value("c").unwrap(), Value::Int(1));
    }
    assert_eq!(table.select().columns(&["x"]).rows().unwrap_err().kind(), crate::ErrorKind::Invalid);
}

#[test]
fn the_unfiltered_stream_shows_tombstones_too() {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    write(&table, 1, &[(1, "a")], 10);
    db.flush().unwrap();
    delete_partition(&table, 1, 15);
    write(&table, 1, &[(2, "b")], 20);
    for select in [table.select(), table.select().key(1)] {
        let mut stream = select.unfiltered().unwrap();
        assert!(stream.next_partition().unwrap());
        assert_eq!(stream.partition().deletion.marked_for_delete_at, Timestamp(15));
        let mut rows = 0;
        while stream.advance().unwrap() {
            rows += 1;
        }
        assert_eq!(rows, 1, "the row under the deletion is gone, the newer one stays");
        assert!(!stream.next_partition().unwrap());
    }
    assert!(table.select().key(1).key(2).unfiltered().is_err());
    assert!(table.select().reverse().unfiltered().is_err());
}

/// Writes a value, changes a byte of it in Data.db, and reads it in a database that was opened
/// since.
fn read_of_a_flipped_byte(crc_check_chance: &str) -> crate::Result<Value> {
    let disk = SimDisk::new();
    let (db, table) = create(&disk);
    db.execute_schema(&format!("ALTER TABLE ks.t WITH crc_check_chance = {crc_check_chance};")).unwrap();
    write(&table, 1, &[(1, "needle")], 10);
    db.close().unwrap();
    let names = disk.list(&table.core.dir).unwrap();
    let data = names.iter().filter_map(|e| e.utf8()).find(|name| name.ends_with("-Data.db")).unwrap();
    let path = table.core.dir.join(data);
    let bytes = helenus_io::read_to_vec(&disk, &path, 1 << 20).unwrap();
    let at = bytes.windows(6).position(|window| window == b"needle").unwrap();
    disk.flip(&path, at as u64, 1).unwrap();
    let table = open(&disk).table("ks", "t")?;
    let select = table.select().key(1).prefix(1);
    let mut rows = select.rows()?;
    let row = rows.next()?.unwrap();
    row.value("v")
}

#[test]
fn crc_check_chance_decides_whether_a_read_compares_checksums() {
    assert_eq!(read_of_a_flipped_byte("1.0").unwrap_err().kind(), crate::ErrorKind::Corrupt);
    assert_eq!(read_of_a_flipped_byte("0.0").unwrap(), Value::Text("oeedle".to_owned()));
}

/// An encoder that goes wrong leaves a row without anything in it, which no memtable looks for. A
/// debug build must stop before such a row is in a file.
#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a stage broke the rules of streams: partition 1 (0x00000001): an empty row")]
fn a_broken_stream_stops_a_flush() {
    let (db, table) = create(&SimDisk::new());
    let state = table.core.view.load().state.clone();
    let mut mutation = MutationBuilder::default();
    partition(&mut mutation, &table.core, &state, 1_i32.to_be_bytes());
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    encode_clustering(state.header.clustering.types(), &[Some(&[0; 4])], &mut row.clustering);
    builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
    builder.finish(&state.header, false, &mut row);
    UpdateWriter(mutation.out()).row(row.as_ref(&state.header));
    mutation.added(Timestamp(1));
    assert_eq!(table.writer.database().unwrap().write(mutation.finish(false)).unwrap(), Written::Yes);
    db.flush().ok();
}
