//! What `DESCRIBE` shows of a catalog.

use super::{apply, catalog, check_round_trip};

#[test]
fn a_table_is_shown_in_cassandras_order() {
    let catalog = catalog(
        "CREATE TYPE u (\"A\" int);
         CREATE TABLE t (s set<int> static, b int, a text static, p int, l list<frozen<u>>, c int, x frozen<list<int>>,
             PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC) AND extensions = {'x': 0x01};
         ALTER TABLE t DROP b;",
    );
    let table = catalog.table("k", "t").unwrap();
    let text = table.describe(false);
    let head = "CREATE TABLE k.t (\n    p int,\n    c int,\n    a text static,\n    s set<int> static,\n    x \
                frozen<list<int>>,\n    l list<frozen<u>>,\n    PRIMARY KEY (p, c)\n) WITH CLUSTERING ORDER BY (c \
                DESC)\n    AND additional_write_policy = '99p'";
    assert!(text.starts_with(head), "{text}");
    assert!(text.ends_with("\n    AND speculative_retry = '99p';"), "{text}");
    assert!(text.contains("\n    AND extensions = {}\n"), "{text}");
    let internals = table.describe(true);
    assert!(internals.contains(") WITH ID = "), "{internals}");
    assert!(internals.contains("    b int,\n    PRIMARY KEY"), "{internals}");
    assert!(internals.contains(";\nALTER TABLE k.t DROP b USING TIMESTAMP 1700000000000000;"), "{internals}");
}

#[test]
fn keyspaces_types_and_indexes() {
    let catalog = catalog(
        "CREATE TYPE v (a int);
         CREATE TYPE u (b frozen<v>, \"C\" text);
         CREATE TABLE t (p int PRIMARY KEY, s set<int>, m map<text, int>, f frozen<set<int>>, w text);
         CREATE INDEX i1 ON t (s);
         CREATE INDEX i2 ON t (keys(m));
         CREATE INDEX i3 ON t (full(f));
         CREATE INDEX i4 ON t (m);
         CREATE INDEX i5 ON t (w) USING 'sai' WITH OPTIONS = {'normalize': 'true', 'ascii': 'true'};",
    );
    let keyspace = catalog.keyspace("k").unwrap();
    assert_eq!(
        keyspace.describe(),
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'}  AND \
         durable_writes = true;"
    );
    let types: Vec<_> = keyspace.user_types().iter().map(|ty| keyspace.describe_type(ty)).collect();
    assert_eq!(
        types,
        ["CREATE TYPE k.v (\n    a int\n);", "CREATE TYPE k.u (\n    b frozen<v>,\n    \"C\" text\n);"]
    );
    let table = catalog.table("k", "t").unwrap();
    let indexes: Vec<_> = table.indexes().iter().map(|index| table.describe_index(index)).collect();
    assert_eq!(
        indexes,
        [
            "CREATE INDEX i1 ON k.t (values(s));",
            "CREATE INDEX i2 ON k.t (keys(m));",
            "CREATE INDEX i3 ON k.t (full(f));",
            "CREATE INDEX i4 ON k.t (values(m));",
            "CREATE CUSTOM INDEX i5 ON k.t (w) USING 'sai' WITH OPTIONS = {'ascii': 'true', 'normalize': 'true'};",
        ]
    );
    check_round_trip(&catalog);
}

#[test]
fn views() {
    let base = catalog("CREATE TABLE t (p int PRIMARY KEY, z int, a int, b int);");
    let create = "CREATE MATERIALIZED VIEW v AS SELECT z, p, a FROM t WHERE p IS NOT NULL AND z IS NOT NULL \
                  PRIMARY KEY (z, p)";
    let with_view = apply(&base, create).unwrap().catalog;
    let text = with_view.table("k", "v").unwrap().describe(false);
    let head = "CREATE MATERIALIZED VIEW k.v AS\n    SELECT z, p, a\n    FROM k.t\n    WHERE p IS NOT NULL AND z IS \
                NOT NULL\n    PRIMARY KEY (z, p)\n WITH CLUSTERING ORDER BY (p ASC)\n    AND additional_write_policy";
    assert!(text.starts_with(head), "{text}");
    assert!(!text.contains("default_time_to_live"), "{text}");
}

#[test]
fn virtual_keyspaces_and_tables() {
    let catalog =
        catalog("CREATE TABLE t (p int, c text, v int, PRIMARY KEY (p, c)) WITH comment = 'it''s';");
    assert_eq!(
        catalog.keyspace("k").unwrap().describe_virtual(),
        "/*\nWarning: Keyspace k is a virtual keyspace and cannot be recreated with CQL.\nStructure, for \
         reference:\nVIRTUAL KEYSPACE k;\n*/"
    );
    assert_eq!(
        catalog.table("k", "t").unwrap().describe_virtual(false),
        "/*\nWarning: Table k.t is a virtual table and cannot be recreated with CQL.\nStructure, for \
         reference:\nVIRTUAL TABLE k.t (\n    p int,\n    c text,\n    v int,\n    PRIMARY KEY (p, c)\n) WITH \
         CLUSTERING ORDER BY (c ASC)\n    AND comment = 'it''s';\n*/"
    );
}
