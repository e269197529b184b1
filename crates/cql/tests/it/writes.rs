//! What writes leave in the table.

use helenus_cql::{BatchEntry, BatchKind, BoundValue, QueryOptions};

use super::ask::{ask, ask_with, int, session};

/// Rows that IN names twice are written once: a count grows by one, a list by one element.
#[test]
fn a_row_that_is_named_twice_is_written_once() {
    let session = session(&[
        "CREATE TABLE c (k int, a int, n counter, PRIMARY KEY (k, a))",
        "CREATE TABLE t (k int, a int, b int, l list<int>, PRIMARY KEY (k, a, b))",
    ]);
    for text in [
        "UPDATE c SET n = n + 1 WHERE k = 0 AND a IN (1, 1)",
        "UPDATE c SET n = n + 1 WHERE k IN (0, 0) AND a IN (2, 1, 2)",
        "UPDATE t SET l = l + [1] WHERE k = 0 AND a = 1 AND b IN (1, 1)",
        "UPDATE t SET l = l + [2] WHERE k = 0 AND (a, b) IN ((1, 1), (1, 1))",
    ] {
        assert_eq!(ask(&session, text), "done", "{text}");
    }
    let text = "UPDATE c SET n = n + 1 WHERE k = 0 AND a IN (?, ?)";
    assert_eq!(ask_with(&session, text, &[int(1), int(1)], &QueryOptions::default()), "done");
    assert_eq!(ask(&session, "SELECT a, n FROM c"), "1 3 | 2 1");
    assert_eq!(ask(&session, "SELECT l FROM t"), "[1, 2]");
}

/// `uuid()` is another one for each row.
#[test]
fn functions_are_called_for_each_row() {
    let session = session(&["CREATE TABLE t (k int, a int, u uuid, PRIMARY KEY (k, a))"]);
    assert_eq!(ask(&session, "UPDATE t SET u = uuid() WHERE k IN (0, 1) AND a IN (1, 2)"), "done");
    let answer = ask(&session, "SELECT u FROM t");
    let uuids: std::collections::BTreeSet<_> = answer.split(" | ").collect();
    assert_eq!(uuids.len(), 4, "{answer}");
}

/// Drivers send a timestamp with every request: it is for writes that bring none, but not for those
/// that take none.
#[test]
fn the_timestamp_of_a_request() {
    let session = session(&[
        "CREATE TABLE c (k int PRIMARY KEY, n counter)",
        "CREATE TABLE t (k int, a int, v int, PRIMARY KEY (k, a))",
    ]);
    let options = QueryOptions { timestamp_us: Some(5), ..QueryOptions::default() };
    let run = |text: &str, values: &[BoundValue]| ask_with(&session, text, values, &options);
    assert_eq!(run("UPDATE c SET n = n + 1 WHERE k = 1", &[]), "done");
    assert_eq!(
        run("UPDATE c SET n = n + ? WHERE k = ?", &[BoundValue::Bytes(vec![0, 0, 0, 0, 0, 0, 0, 2]), int(1)]),
        "done"
    );
    assert_eq!(run("BEGIN COUNTER BATCH UPDATE c SET n = n + 1 WHERE k = 1; APPLY BATCH", &[]), "done");
    let entries = [BatchEntry::Text("UPDATE c SET n = n + 1 WHERE k = 1", Vec::new())];
    session.batch(BatchKind::Counter, &entries, &options).unwrap();
    assert_eq!(ask(&session, "SELECT n FROM c"), "5");
    assert_eq!(run("INSERT INTO t (k, a, v) VALUES (1, 1, 1) IF NOT EXISTS", &[]), "true");
    assert_eq!(run("UPDATE t SET v = 2 WHERE k = 1 AND a = 1 IF v = 1", &[]), "true");
    let batch = "BEGIN BATCH UPDATE t SET v = 3 WHERE k = 1 AND a = 1 IF v = 2; INSERT INTO t (k, a, v) VALUES (1, 2, 1); \
                 APPLY BATCH";
    assert_eq!(run(batch, &[]), "true");
    assert_eq!(ask(&session, "SELECT v FROM t WHERE k = 1"), "3 | 1");

    let insert = "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (k, a, v) VALUES (2, 1, 1); APPLY BATCH";
    let written = || ask(&session, "SELECT writetime(v) FROM t WHERE k = 2");
    assert_eq!(run(insert, &[BoundValue::Unset]), "done");
    assert_eq!(written(), "5");
    assert_eq!(run(insert, &[BoundValue::Bytes(7_i64.to_be_bytes().to_vec())]), "done");
    assert_eq!(written(), "7");
    assert_eq!(run(&insert.replace('?', "9"), &[]), "done");
    assert_eq!(written(), "9");
    assert_eq!(run(insert, &[BoundValue::Null]), "0x2200 Invalid null value of timestamp");
    assert_eq!(run(insert, &[BoundValue::Bytes(Vec::new())]), "0x2200 Invalid timestamp value");
    assert_eq!(written(), "9");
}

/// A batch with conditions is of rows that are named one by one, also by its other statements.
#[test]
fn a_batch_with_conditions_names_single_rows() {
    let session = session(&["CREATE TABLE t (k int, a int, b int, v int, PRIMARY KEY (k, a, b))"]);
    let batch = |text: &str| {
        let text = format!(
            "BEGIN BATCH {text}; INSERT INTO t (k, a, b) VALUES (0, 0, 3) IF NOT EXISTS; APPLY BATCH"
        );
        ask(&session, &text)
    };
    assert_eq!(
        batch("UPDATE t SET v = 1 WHERE k = 0 AND a = 0 AND b IN (1, 2)"),
        "0x2200 IN on the clustering key columns is not supported with conditional updates"
    );
    assert_eq!(
        batch("DELETE FROM t WHERE k = 0 AND a = 0 AND b IN (1, 2)"),
        "0x2200 IN on the clustering key columns is not supported with conditional deletions"
    );
    let mut one = 1_i32.to_be_bytes().to_vec();
    one.extend([4_i32.to_be_bytes(), 0_i32.to_be_bytes()].concat());
    let text = "BEGIN BATCH UPDATE t SET v = 1 WHERE k IN ? AND a = 0 AND b = 1; \
                INSERT INTO t (k, a, b) VALUES (0, 0, 3) IF NOT EXISTS; APPLY BATCH";
    let answer = ask_with(&session, text, &[BoundValue::Bytes(one)], &QueryOptions::default());
    assert!(answer.starts_with("0x2200 "), "{answer}");
    assert_eq!(ask(&session, "SELECT * FROM t"), "");
    assert_eq!(batch("UPDATE t SET v = 1 WHERE k = 0 AND a = 0 AND b = 1"), "true");
    assert_eq!(ask(&session, "SELECT b, v FROM t"), "1 1 | 3 null");
}
