//! Thresholds of requests, and what is said beyond them.

use helenus_cql::{BatchEntry, BatchKind, CqlError, QueryOptions, Session, SessionOptions};
use helenus_engine::Database;

fn session(options: SessionOptions) -> Session {
    let session = Session::with_options(&Database::in_memory().unwrap(), options);
    for statement in [
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE k.t (p int, c int, v text, m map<text, int>, s int static, PRIMARY KEY (p, c))",
        "CREATE TABLE k.short (p int PRIMARY KEY) WITH gc_grace_seconds = 0",
    ] {
        session.execute(statement, ()).unwrap();
    }
    session
}

fn warnings(session: &Session, statement: &str) -> Result<Vec<String>, CqlError> {
    session.execute(statement, ()).map(|response| response.warnings)
}

fn size(bytes: u64) -> String {
    let most = 5 << 10;
    format!(
        "Batch for [k.t] is of size {bytes}, exceeding specified threshold of {most} by {}.",
        bytes - most
    )
}

#[test]
fn a_batch_is_measured_as_cassandra_does() {
    let session = session(SessionOptions::default());
    let v = "x".repeat(6000);
    let of = |second: &str| {
        format!("BEGIN UNLOGGED BATCH INSERT INTO k.t (p, c, v) VALUES (1, 1, '{v}'); {second}; APPLY BATCH")
    };
    // What a node says of the first was recorded; the others are counted by the same rule. An
    // update has 29 bytes, a row 21 and its clustering's 4, a cell 20 and its value.
    let first = 29 + 21 + 4 + 20 + 6000;
    for (second, bytes) in [
        ("INSERT INTO k.t (p, c, v) VALUES (2, 2, 'y')", 29 + 21 + 4 + 20 + 1),
        ("INSERT INTO k.t (p, c, v) VALUES (2, 2, 'y') USING TTL 60", 29 + 21 + 12 + 4 + 20 + 1),
        ("UPDATE k.t SET s = 5 WHERE p = 2", 29 + 20 + 4),
        ("DELETE FROM k.t WHERE p = 2", 29),
        ("DELETE FROM k.t WHERE p = 2 AND c = 1", 29 + 21 + 4),
        ("DELETE FROM k.t WHERE p = 2 AND c > 1", 29 + 4 + 4 + 12),
        ("DELETE v FROM k.t WHERE p = 2 AND c = 1", 29 + 21 + 4 + 20),
        ("UPDATE k.t SET m = {'ab': 1} WHERE p = 2 AND c = 1", 29 + 21 + 4 + 12 + 20 + 2 + 4),
    ] {
        assert_eq!(warnings(&session, &of(second)).unwrap(), [size(first + bytes)], "{second}");
    }
    assert_eq!(size(first + 75), size(6149));
    // Of one partition a batch may have any size.
    assert!(warnings(&session, &of("DELETE FROM k.t WHERE p = 1 AND c = 7")).unwrap().is_empty());
    let refused =
        warnings(&session, &of("DELETE FROM k.t WHERE p = 3").replace(&v, &v.repeat(9))).unwrap_err();
    assert_eq!(refused.to_string(), "Batch too large");
    assert!(warnings(&session, "SELECT * FROM k.t WHERE p = 3").unwrap().is_empty());
}

#[test]
fn a_batch_that_is_refused_writes_nothing() {
    let mut options = SessionOptions::default();
    options.guardrails.batch_size_warn_bytes = 10;
    options.guardrails.batch_size_fail_bytes = 100;
    let session = session(options);
    let batch = "BEGIN BATCH INSERT INTO k.t (p, c, v) VALUES (1, 1, 'a'); INSERT INTO k.t (p, c) VALUES (2, 1); APPLY BATCH";
    assert_eq!(warnings(&session, batch).unwrap_err().to_string(), "Batch too large");
    let count = session.execute("SELECT count(*) FROM k.t", ()).unwrap();
    let helenus_cql::Answer::Rows(mut rows) = count.answer else { panic!() };
    assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), 0);
}

#[test]
fn many_partitions_without_the_log_are_told() {
    let mut options = SessionOptions::default();
    options.guardrails.unlogged_batch_partitions_warn = 2;
    let session = session(options);
    let batch = |kind: &str, partitions: i32| {
        let each: Vec<_> =
            (0..partitions).map(|p| format!("INSERT INTO k.t (p, c) VALUES ({p}, 1);")).collect();
        format!("BEGIN {kind} BATCH {} APPLY BATCH", each.concat())
    };
    assert!(warnings(&session, &batch("UNLOGGED", 2)).unwrap().is_empty());
    assert!(warnings(&session, &batch("", 3)).unwrap().is_empty());
    let told = "Unlogged batch covering 3 partitions detected against table [k.t]. You should use a logged batch for \
                atomicity, or asynchronous writes for performance.";
    assert_eq!(warnings(&session, &batch("UNLOGGED", 3)).unwrap(), [told]);
    // The same as a message of the protocol.
    let texts: Vec<_> = (0..3).map(|p| format!("INSERT INTO k.t (p, c) VALUES ({p}, 1)")).collect();
    let entries: Vec<_> = texts.iter().map(|text| BatchEntry::Text(text, Vec::new())).collect();
    let response = session.batch(BatchKind::Unlogged, &entries, &QueryOptions::default()).unwrap();
    assert_eq!(response.warnings, [told]);
}

#[test]
fn a_logged_batch_of_tables_without_grace_is_told() {
    let session = session(SessionOptions::default());
    let batch = "BATCH INSERT INTO k.short (p) VALUES (1); INSERT INTO k.t (p, c) VALUES (1, 1); APPLY BATCH";
    let told = &warnings(&session, &format!("BEGIN {batch}")).unwrap()[0];
    assert!(told.starts_with("Executing a LOGGED BATCH on table [k.short], configured"), "{told}");
    assert!(warnings(&session, &format!("BEGIN UNLOGGED {batch}")).unwrap().is_empty());
}
