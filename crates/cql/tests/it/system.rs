//! The node's own tables, and `DESCRIBE`.

use helenus_cql::{Answer, CqlError, QueryOptions, Session, SessionOptions};
use helenus_engine::Database;

const KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

fn session() -> Session {
    let session = Session::new(&Database::in_memory().unwrap());
    for statement in [
        KEYSPACE,
        "CREATE TYPE k.u (a int)",
        "CREATE TABLE k.t (p int, c int, v u, l list<text>, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)",
        "CREATE INDEX i ON k.t (l)",
    ] {
        session.execute(statement, ()).unwrap();
    }
    session
}

/// All rows, as texts, in pages of that size.
fn rows(session: &Session, statement: &str, page_size: Option<usize>) -> Result<Vec<Vec<String>>, CqlError> {
    let (mut all, mut paging_state) = (Vec::new(), None);
    loop {
        let options = QueryOptions { page_size, paging_state, ..QueryOptions::default() };
        let Answer::Rows(mut rows) = session.execute_with(statement, (), &options)?.answer else {
            panic!("{statement}: no rows")
        };
        let width = rows.columns().len();
        while let Some(row) = rows.next()? {
            let cell =
                |at| row.cell(at).map_or("null".into(), |bytes| String::from_utf8_lossy(bytes).into_owned());
            all.push((0..width).map(cell).collect());
        }
        let Some(state) = rows.paging_state() else { return Ok(all) };
        paging_state = Some(state.to_vec());
    }
}

fn error(session: &Session, statement: &str) -> String {
    session.execute(statement, ()).unwrap_err().to_string()
}

#[test]
fn pages_of_the_nodes_tables_are_together_the_whole() {
    let session = session();
    for statement in [
        "SELECT keyspace_name, table_name, column_name FROM system_schema.columns",
        "SELECT table_name, column_name, type FROM system_virtual_schema.columns",
        "SELECT name, value FROM system_views.settings",
        "SELECT keyspace_name FROM system_schema.keyspaces",
        "DESCRIBE FULL SCHEMA",
    ] {
        let whole = rows(&session, statement, None).unwrap();
        assert!(whole.len() > 4, "{statement}");
        for size in [1, 2, 7, 5000] {
            assert_eq!(rows(&session, statement, Some(size)).unwrap(), whole, "{statement} by {size}");
        }
    }
}

#[test]
fn virtual_tables_are_in_the_order_of_their_keys() {
    let session = session();
    let names = rows(&session, "SELECT name FROM system_views.settings", None).unwrap();
    assert!(names.is_sorted(), "{names:?}");
    // Others are in that of their tokens.
    let keyspaces = rows(&session, "SELECT keyspace_name FROM system_schema.keyspaces", None).unwrap();
    assert!(!keyspaces.is_sorted(), "{keyspaces:?}");
}

#[test]
fn a_schema_is_in_the_tables_when_it_has_changed() {
    let session = session();
    let columns =
        "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'k' AND table_name = 't'";
    assert_eq!(rows(&session, columns, None).unwrap(), [["c"], ["l"], ["p"], ["v"]]);
    let prepared = session.prepare(columns).unwrap();
    let version = "SELECT schema_version FROM system.local WHERE key = 'local'";
    let before = rows(&session, version, None).unwrap();
    assert_eq!(rows(&session.another(), version, None).unwrap(), before);
    session.execute("ALTER TABLE k.t ADD w int", ()).unwrap();
    assert_eq!(rows(&session, columns, None).unwrap(), [["c"], ["l"], ["p"], ["v"], ["w"]]);
    let Answer::Rows(mut after) = prepared.execute((), &QueryOptions::default()).unwrap().answer else {
        panic!()
    };
    let mut count = 0;
    while after.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 5);
    assert_ne!(rows(&session, version, None).unwrap(), before);
    // A page of what was described before is none of this schema.
    let first = session
        .execute_with("DESCRIBE TABLES", (), &QueryOptions { page_size: Some(1), ..QueryOptions::default() })
        .unwrap();
    let Answer::Rows(first) = first.answer else { panic!() };
    let paging_state = first.paging_state().map(<[u8]>::to_vec);
    session.execute("DROP TABLE k.t", ()).unwrap();
    let options = QueryOptions { page_size: Some(1), paging_state, ..QueryOptions::default() };
    let changed = session.execute_with("DESCRIBE TABLES", (), &options).unwrap_err();
    assert!(changed.to_string().starts_with("The schema has changed since the previous page"), "{changed}");
}

#[test]
fn the_nodes_tables_are_only_read() {
    let session = session();
    for (statement, message) in [
        (
            "INSERT INTO system.local (key) VALUES ('x')",
            "Modification is not supported by table system.local",
        ),
        (
            "DELETE FROM system_views.settings WHERE name = 'x'",
            "Modification is not supported by table system_views.settings",
        ),
        (
            "INSERT INTO system_views.settings (name) VALUES ('x') IF NOT EXISTS",
            "Conditional updates are not supported by virtual tables",
        ),
        (
            "UPDATE system_views.settings USING TTL 1 SET value = 'x' WHERE name = 'x'",
            "Expiring columns are not supported by virtual tables",
        ),
        (
            "BEGIN BATCH DELETE FROM system_views.settings WHERE name = 'x'; APPLY BATCH",
            "Cannot include a virtual table statement in a logged batch",
        ),
        ("TRUNCATE system.peers", "Truncation is not supported by table system.peers"),
        ("TRUNCATE system_views.nope", "table nope does not exist"),
        (
            "SELECT token(name) FROM system_views.settings",
            "The token function is not supported by virtual tables",
        ),
        (
            "SELECT * FROM system_views.settings WHERE token(name) > 0",
            "The token function is not supported by virtual tables",
        ),
    ] {
        assert_eq!(error(&session, statement), message, "{statement}");
    }
}

#[test]
fn what_is_described_makes_the_same_again() {
    let session = session();
    let again = Session::new(&Database::in_memory().unwrap());
    let described = rows(&session, "DESCRIBE KEYSPACE k WITH INTERNALS", None).unwrap();
    let names: Vec<_> = described.iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    assert_eq!(names, ["keyspace k", "type u", "table t", "index i"]);
    for row in &described {
        again.execute(&row[3], ()).unwrap();
    }
    assert_eq!(rows(&again, "DESCRIBE KEYSPACE k WITH INTERNALS", None).unwrap(), described);
}

#[test]
fn a_session_tells_of_the_node_what_it_was_told() {
    let mut options = SessionOptions::default();
    options.node.cluster_name = "c".to_owned();
    options.node.token = Some(-5);
    options.guardrails.batch_size_warn_bytes = 7 << 10;
    let session = Session::with_options(&Database::in_memory().unwrap(), options);
    assert_eq!(rows(&session, "DESCRIBE CLUSTER", None).unwrap()[0][0], "c");
    session.execute(KEYSPACE, ()).unwrap();
    session.execute("USE k", ()).unwrap();
    let owned = &rows(&session, "DESCRIBE CLUSTER", None).unwrap()[0][3];
    assert!(owned.contains("-5") && owned.contains("/127.0.0.1:7000"), "{owned}");
    let threshold = "SELECT value FROM system_views.settings WHERE name = 'batch_size_warn_threshold'";
    assert_eq!(rows(&session, threshold, None).unwrap(), [["7KiB"]]);
}
