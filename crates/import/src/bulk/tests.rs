//! A table that is opened over the output shows the rows that were written.

use std::path::Path;

use super::*;
use helenus_engine::{Disk, Error, ErrorKind, RealDisk, RowPrinter, Unset, WriteOptions};

use crate::open_sstables;

const SCHEMA: &str = "CREATE TYPE k.pair (a int, b text);
    CREATE TABLE k.t (p int, c int, s text static, v text, l list<int>, m map<text, int>, u pair, PRIMARY KEY (p, c));";

fn open(options: BulkOptions, dir: &Path) -> BulkWriter {
    options.open(dir, SCHEMA, "k", "t").unwrap()
}

/// The rows of the table that those files are, as JSON.
fn rows(dir: &Path) -> Vec<String> {
    let table = open_sstables(dir, SCHEMA, "k", "t").unwrap();
    let select = table.select();
    let mut printer = RowPrinter::json(&table.schema());
    let mut rows = select.rows().unwrap();
    let mut lines = String::new();
    while let Some(row) = rows.next().unwrap() {
        printer.row(&row, &mut lines).unwrap();
    }
    lines.lines().map(str::to_owned).collect()
}

fn check_refused<T: std::fmt::Debug>(result: helenus_engine::Result<T>, kind: ErrorKind, text: &str) {
    let error: Error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn rows_in_any_order_come_out_in_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let writer = open(BulkOptions::new().columns(&["c", "p", "v"]), dir.path());
    for c in (0..3).rev() {
        for p in 1..=2 {
            writer.add_row((c, p, format!("{p}{c}"))).unwrap();
        }
    }
    writer.update(1, ()).set("s", "static").execute().unwrap();
    writer.update(1, 2).append("l", 7).append("l", 8).put("m", "x", 1).execute().unwrap();
    writer.delete(2, 1).execute().unwrap();
    writer.delete(1, ()).to(std::ops::Bound::Excluded(1)).execute().unwrap();
    let tables = writer.finish().unwrap();
    assert_eq!(tables.len(), 1);
    let table = tables.first().unwrap();
    assert_eq!(table.data_file, dir.path().join("da-1-bti-Data.db"));
    assert_eq!(
        (table.partitions, table.rows),
        (2, 6),
        "with the static row and the deleted one, without what is covered"
    );
    assert_eq!(
        rows(dir.path()),
        [
            r#"{"p": 1, "c": 1, "s": "static", "l": null, "m": null, "u": null, "v": "11"}"#,
            r#"{"p": 1, "c": 2, "s": "static", "l": [7, 8], "m": {"x": 1}, "u": null, "v": "12"}"#,
            r#"{"p": 2, "c": 0, "s": null, "l": null, "m": null, "u": null, "v": "20"}"#,
            r#"{"p": 2, "c": 2, "s": null, "l": null, "m": null, "u": null, "v": "22"}"#,
        ]
    );
}

#[test]
fn a_full_buffer_becomes_a_table() {
    let dir = tempfile::tempdir().unwrap();
    let writer = open(BulkOptions::new().buffer_bytes(100_000).columns(&["p", "c", "v"]), dir.path());
    for round in 0..3 {
        for p in 0..500 {
            writer.add_row((p, 0, format!("{round} {}", "x".repeat(100)))).unwrap();
        }
    }
    let tables = writer.finish().unwrap();
    assert!(tables.len() > 1, "{tables:?}");
    let rows = rows(dir.path());
    assert_eq!(rows.len(), 500);
    assert!(rows.iter().all(|row| row.contains("\"v\": \"2 xxx")), "the last write wins across tables");
}

#[test]
fn tables_of_a_largest_size() {
    for sorted in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let options = BulkOptions::new().max_table_bytes(20_000).compression(None).uuid_ids(true);
        let writer = open(options.columns(&["p", "c", "v"]).sorted(sorted), dir.path());
        let mut keys: Vec<i32> = (0..1000).collect();
        keys.sort_by_key(|key| helenus_types::Partitioner::murmur3_token(&key.to_be_bytes()));
        for p in keys {
            writer.add_row((p, 0, "x".repeat(100))).unwrap();
        }
        let tables = writer.finish().unwrap();
        // The writer gathers 32 KiB before it knows more about the size of its file.
        assert!((2..=7).contains(&tables.len()), "{tables:?}");
        assert_eq!(tables.iter().map(|table| table.partitions).sum::<u64>(), 1000);
        assert_eq!(rows(dir.path()).len(), 1000);
    }
}

#[test]
fn sorted_rows_are_written_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let writer = open(BulkOptions::new().sorted(true).timestamp(1000).columns(&["p", "c", "v"]), dir.path());
    // The token of 1 is less than that of 2.
    writer.update(1, ()).set("s", "static").execute().unwrap();
    writer.add_row((1, 5, "a")).unwrap();
    writer
        .update(1, 5)
        .set("m", vec![("x", 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>())
        .execute()
        .unwrap();
    writer.add_row((1, 7, None::<&str>)).unwrap();
    check_refused(writer.add_row((1, 6, "late")), ErrorKind::Invalid, "too late");
    check_refused(
        writer.update(1, ()).set("s", "late").execute(),
        ErrorKind::Invalid,
        "before the partition's second row",
    );
    check_refused(writer.delete(1, ()).rows().execute(), ErrorKind::Invalid, "a range of rows");
    writer.add_row((1, 8, Unset)).unwrap();
    writer.delete_partition(2).execute().unwrap();
    writer.add_row((2, 1, "covered by the deletion")).unwrap();
    writer.add_row_with(&WriteOptions::new().timestamp(1001), (2, 2, "kept")).unwrap();
    check_refused(writer.add_row((1, 9, "late")), ErrorKind::Invalid, "in the order of tokens");
    let tables = writer.finish().unwrap();
    assert_eq!(tables.first().map(|table| (table.partitions, table.rows)), Some((2, 5)));
    assert_eq!(
        rows(dir.path()),
        [
            r#"{"p": 1, "c": 5, "s": "static", "l": null, "m": {"x": 1}, "u": null, "v": "a"}"#,
            r#"{"p": 1, "c": 7, "s": "static", "l": null, "m": null, "u": null, "v": null}"#,
            r#"{"p": 1, "c": 8, "s": "static", "l": null, "m": null, "u": null, "v": null}"#,
            r#"{"p": 2, "c": 2, "s": null, "l": null, "m": null, "u": null, "v": "kept"}"#,
        ]
    );
}

#[test]
fn what_reads_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let writer = open(BulkOptions::new(), dir.path());
    check_refused(writer.update(1, 1).set_at("l", 0, 5).execute(), ErrorKind::Invalid, "without reading");
    check_refused(writer.insert(1, 1).if_not_exists().execute(), ErrorKind::Invalid, "without reading");
    assert!(writer.finish().unwrap().is_empty());
    assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 0);
}

#[test]
fn what_can_not_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let open = |schema: &str, table: &str, columns: &[&str]| {
        BulkOptions::new().columns(columns).open(&out, schema, "k", table)
    };
    let counters = "CREATE TABLE k.n (p int PRIMARY KEY, n counter)";
    check_refused(open(counters, "n", &["p", "n"]), ErrorKind::Unsupported, "counters");
    check_refused(open("CREATE TABLE", "n", &["p"]), ErrorKind::Syntax, "");
    check_refused(open(SCHEMA, "n", &["p"]), ErrorKind::NotFound, "k.n");
    check_refused(open(SCHEMA, "t", &["p", "c", "nonsense"]), ErrorKind::Invalid, "nonsense");
    check_refused(open(SCHEMA, "t", &["c"]), ErrorKind::Invalid, "p");
    assert!(!out.exists());
}

#[test]
fn only_into_a_directory_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    drop(RealDisk.create_new(&dir.path().join("something")).unwrap());
    let opened = BulkOptions::new().open(dir.path(), SCHEMA, "k", "t");
    check_refused(opened, ErrorKind::AlreadyExists, "something");
}

#[test]
fn giving_up_removes_what_was_written() {
    for sorted in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let options = BulkOptions::new().buffer_bytes(1000).max_table_bytes(1).sorted(sorted);
        let writer = open(options.columns(&["p", "c"]), &out);
        for c in 0..100 {
            writer.add_row((1, c)).unwrap();
        }
        writer.add_row((2, 0)).unwrap();
        writer.add_row((3, 0)).unwrap_or_default();
        let insert = writer.prepare_insert(&["p", "c"]).unwrap();
        assert!(out.exists());
        writer.abort().unwrap();
        assert!(!out.exists());
        check_refused(insert.execute((1, 1)), ErrorKind::Closed, "finished");
    }
}
