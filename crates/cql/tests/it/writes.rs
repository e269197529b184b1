//! What writes leave in the table.

use helenus_cql::QueryOptions;

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
