//! The changes that statements make.

use std::time::Duration;

use helenus_cql_syntax::ColumnMask;
use helenus_rows::ColumnKind;
use helenus_sstable::Version;
use helenus_types::{TableId, Timestamp, Type};
use uuid::Uuid;

use super::super::{Catalog, SchemaChange, SchemaTarget, TableColumn};
use super::{NOW, apply, catalog, check_round_trip};

fn id(number: u128) -> TableId {
    TableId(Uuid::from_u128(number))
}

/// The catalog after the statement, which must change just that; the printed catalog must be the
/// same one.
#[track_caller]
fn changes(catalog: &Catalog, statement: &str, expected: &[SchemaChange]) -> Catalog {
    let applied = apply(catalog, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    assert_eq!(applied.outcome.changes, expected, "{statement}");
    check_round_trip(&applied.catalog);
    applied.catalog
}

fn altered(number: u128, columns_changed: bool) -> SchemaChange {
    SchemaChange::TableAltered { id: id(number), columns_changed }
}

#[test]
fn keyspaces_come_change_and_go_with_their_tables() {
    let before = catalog("CREATE TABLE a (p int PRIMARY KEY); CREATE TABLE b (p int PRIMARY KEY)");
    let create = "CREATE KEYSPACE IF NOT EXISTS k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}";
    changes(&before, create, &[SchemaChange::Nothing]);
    changes(&before, &create.replace(" k ", " j "), &[SchemaChange::KeyspaceCreated("j".into())]);
    let name = || "k".into();
    let unlogged = changes(
        &before,
        "ALTER KEYSPACE k WITH durable_writes = false",
        &[
            SchemaChange::KeyspaceAltered { name: name(), durable_writes: false },
            altered(101, false),
            altered(102, false),
        ],
    );
    let unlogged_table = unlogged.table("k", "a").unwrap();
    assert!(!unlogged_table.durable_writes());
    assert_eq!(unlogged_table.read_only(), None);
    let replicated = "ALTER KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'}";
    let replicated = changes(
        &unlogged,
        replicated,
        &[SchemaChange::KeyspaceAltered { name: name(), durable_writes: false }],
    );
    assert_eq!(replicated.keyspace("k").unwrap().replication()["dc1"], "3");
    let empty = changes(
        &replicated,
        "DROP KEYSPACE k",
        &[
            SchemaChange::TableDropped(id(101)),
            SchemaChange::TableDropped(id(102)),
            SchemaChange::KeyspaceDropped(name()),
        ],
    );
    assert_eq!(empty, Catalog::default());
    assert_eq!(empty.table_by_id(id(101)), None);
    changes(&empty, "DROP KEYSPACE IF EXISTS k", &[SchemaChange::Nothing]);
    changes(&empty, "ALTER KEYSPACE IF EXISTS k WITH durable_writes = true", &[SchemaChange::Nothing]);
    // The tables that existed before are untouched.
    assert!(before.table("k", "a").unwrap().durable_writes());
}

#[test]
fn columns_keep_their_order_and_keys_theirs() {
    let catalog = catalog(
        "CREATE TABLE t (v text, c2 int, p2 int, s int static, c1 text, p1 text, PRIMARY KEY ((p1, p2), c1, c2))
         WITH CLUSTERING ORDER BY (c1 DESC)",
    );
    let table = catalog.table("k", "t").unwrap();
    let names: Vec<_> = table.column_names().collect();
    assert_eq!(names, ["v", "c2", "p2", "s", "c1", "p1"]);
    let schema = table.schema();
    let keys: Vec<_> = schema.partition_key().iter().chain(schema.clustering()).map(|c| &*c.name).collect();
    assert_eq!(keys, ["p1", "p2", "c1", "c2"]);
    assert_eq!(schema.clustering()[0].ty, Type::Text.reversed());
    assert_eq!(schema.column("s"), Some((ColumnKind::Static, 0)));
    check_round_trip(&catalog);
    // An added column leaves all of that as it is, and the masks too.
    let masked = changes(&catalog, "ALTER TABLE t ALTER v MASKED WITH DEFAULT", &[altered(101, false)]);
    let added = changes(&masked, "ALTER TABLE t ADD w int", &[altered(101, true)]);
    let keys_of = |catalog: &Catalog| {
        let schema = catalog.table("k", "t").unwrap().schema().clone();
        [schema.partition_key().to_vec(), schema.clustering().to_vec()]
    };
    assert_eq!(keys_of(&added), keys_of(&catalog));
    let columns = added.table("k", "t").unwrap().columns();
    assert_eq!(columns.first().unwrap().mask, Some(ColumnMask::Default));
    assert_eq!(columns.last().map(|column| &*column.name), Some("w"));
    check_round_trip(&added);
}

#[test]
fn tables_are_created_truncated_and_dropped() {
    let empty = catalog("");
    let created =
        changes(&empty, "CREATE TABLE t (p int PRIMARY KEY)", &[SchemaChange::TableCreated(id(10_001))]);
    changes(&created, "CREATE TABLE IF NOT EXISTS t (q text PRIMARY KEY)", &[SchemaChange::Nothing]);
    let given = "CREATE TABLE u (p int PRIMARY KEY) WITH ID = 00000000-0000-0000-0000-000000000007";
    let both = changes(&created, given, &[SchemaChange::TableCreated(id(7))]);
    assert_eq!(both.tables().map(|table| table.id()).collect::<Vec<_>>(), [id(10_001), id(7)]);
    changes(&both, "TRUNCATE TABLE u", &[SchemaChange::TableTruncated(id(7))]);
    let one = changes(&both, "DROP TABLE t", &[SchemaChange::TableDropped(id(10_001))]);
    assert_eq!(one.table_by_id(id(10_001)), None);
    changes(&one, "DROP TABLE IF EXISTS t", &[SchemaChange::Nothing]);
    changes(&one, "ALTER TABLE IF EXISTS t ADD v int", &[SchemaChange::Nothing]);
}

#[test]
fn dropped_columns_are_remembered_and_can_come_back() {
    let catalog = catalog(
        "CREATE TYPE u (a int, b text);
         CREATE TABLE t (p int, c int, a ascii, f frozen<u>, s int static, PRIMARY KEY (p, c))",
    );
    let dropped = changes(&catalog, "ALTER TABLE t DROP a", &[altered(101, true)]);
    let dropped = changes(&dropped, "ALTER TABLE t DROP (f, s) USING TIMESTAMP 5", &[altered(101, true)]);
    changes(&dropped, "ALTER TABLE t DROP IF EXISTS a", &[SchemaChange::Nothing]);
    let record = |catalog: &Catalog| {
        let table = catalog.table("k", "t").unwrap();
        let records = table.schema().dropped().iter();
        records.map(|d| (d.name.to_string(), d.ty.to_string(), d.is_static, d.dropped_at)).collect::<Vec<_>>()
    };
    assert_eq!(
        record(&dropped),
        [
            ("a".to_owned(), "ascii".to_owned(), false, NOW),
            ("f".to_owned(), "frozen<tuple<int, text>>".to_owned(), false, Timestamp(5)),
            ("s".to_owned(), "int".to_owned(), true, Timestamp(5)),
        ]
    );
    // The type is free now.
    let name = || "u".into();
    changes(&dropped, "DROP TYPE u", &[SchemaChange::TypeDropped { keyspace: "k".into(), name: name() }]);
    let again = changes(&dropped, "ALTER TABLE t ADD a text", &[altered(101, true)]);
    let again = changes(&again, "ALTER TABLE t ADD (z int, s int static)", &[altered(101, true)]);
    changes(&again, "ALTER TABLE t ADD IF NOT EXISTS z text", &[SchemaChange::Nothing]);
    let table = again.table("k", "t").unwrap();
    let names: Vec<_> = table.column_names().collect();
    assert_eq!(names, ["p", "c", "z", "a", "s"]);
    assert_eq!(table.schema().dropped_column("a").unwrap().ty, Type::Ascii);
    // An earlier time doesn't bring back what the later one hid.
    let twice = changes(&again, "ALTER TABLE t DROP (a, s) USING TIMESTAMP 3", &[altered(101, true)]);
    let record = record(&twice);
    assert_eq!((&record[0].1, record[0].3), (&"text".to_owned(), NOW));
    assert_eq!(record[2].3, Timestamp(5));
    // The printed statements work in another database, too.
    let text = again.table("k", "t").unwrap().to_cql();
    assert!(text.contains("DROP a USING TIMESTAMP 1700000000000000;\nALTER TABLE k.t ADD a text;"), "{text}");
}

#[test]
fn compatible_types_may_come_back() {
    let catalog = catalog(
        "CREATE TABLE t (p int PRIMARY KEY, a ascii, i int, ts timestamp, b text, l list<ascii>, x bigint);
         ALTER TABLE t DROP (a, i, ts, b, l, x)",
    );
    for column in ["a blob", "a text", "i int", "ts bigint", "b blob", "l list<text>", "x timestamp"] {
        changes(&catalog, &format!("ALTER TABLE t ADD {column}"), &[altered(101, true)]);
    }
    for column in
        ["i varint", "i blob", "b ascii", "l list<blob>", "l frozen<list<ascii>>", "l set<ascii>", "x varint"]
    {
        let accepted = apply(&catalog, &format!("ALTER TABLE t ADD {column}")).is_ok();
        // A list's elements have no fixed length in any of these types, so text read as a blob is
        // fine.
        assert_eq!(accepted, column == "l list<blob>", "{column}");
    }
}

#[test]
fn renaming_touches_keys_and_the_views_that_have_them() {
    let catalog = catalog(
        "CREATE TABLE t (p int, c int, v int, PRIMARY KEY (p, c));
         CREATE MATERIALIZED VIEW w AS SELECT p, c, v FROM t WHERE v IS NOT NULL AND c > 1 AND p IS NOT NULL
             PRIMARY KEY (v, c, p) WITH CLUSTERING ORDER BY (c DESC, p ASC)",
    );
    let renamed = changes(
        &catalog,
        "ALTER TABLE t RENAME c TO d AND p TO q",
        &[altered(101, false), altered(102, false)],
    );
    let text = renamed.to_cql();
    assert!(
        text.contains("SELECT q, d, v\n    FROM k.t\n    WHERE v IS NOT NULL AND d > 1 AND q IS NOT NULL"),
        "{text}"
    );
    assert!(text.contains("CLUSTERING ORDER BY (d DESC, q ASC)"), "{text}");
    assert_eq!(renamed.table("k", "t").unwrap().schema().clustering()[0].name.as_ref(), "d");
    // A statement that earlier releases stored after changing nothing by it.
    let stored = renamed.to_cql() + "ALTER TABLE k.t RENAME IF EXISTS c TO d;";
    assert_eq!(Catalog::parse(&stored).unwrap(), renamed);
}

#[test]
fn views_follow_their_tables() {
    let before = catalog(
        "CREATE TABLE t (p int, c int, v int, w text, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)",
    );
    let all = "CREATE MATERIALIZED VIEW a AS SELECT * FROM t WHERE p IS NOT NULL AND c IS NOT NULL PRIMARY KEY (c, p)";
    let with_view = changes(&before, all, &[SchemaChange::TableCreated(id(10_001)), altered(101, false)]);
    let view = with_view.table("k", "a").unwrap();
    assert!(!view.schema().strict_liveness(), "all key columns are the table's");
    assert_eq!(view.schema().partition_key()[0].ty, Type::Int);
    assert!(with_view.table("k", "t").unwrap().read_only().is_some());
    let wider = changes(&with_view, "ALTER TABLE t ADD x blob", &[altered(101, true), altered(10_001, true)]);
    assert!(wider.table("k", "a").unwrap().schema().column("x").is_some());
    // A static column is none of the view's, whether it or the view was there first.
    changes(&wider, "ALTER TABLE t ADD s int static", &[altered(101, true)]);
    let grace =
        changes(&wider, "ALTER MATERIALIZED VIEW a WITH gc_grace_seconds = 60", &[altered(10_001, false)]);
    assert_eq!(grace.table("k", "a").unwrap().options().gc_grace_seconds, 60);
    changes(
        &grace,
        "TRUNCATE t",
        &[SchemaChange::TableTruncated(id(101)), SchemaChange::TableTruncated(id(10_001))],
    );
    changes(&grace, &all.replace("VIEW a", "VIEW IF NOT EXISTS a"), &[SchemaChange::Nothing]);
    let without = changes(
        &grace,
        "DROP MATERIALIZED VIEW a",
        &[SchemaChange::TableDropped(id(10_001)), altered(101, false)],
    );
    assert_eq!(without.table("k", "t").unwrap().read_only(), None);
    let some = "CREATE MATERIALIZED VIEW b AS SELECT p, c FROM t WHERE p IS NOT NULL AND c IS NOT NULL PRIMARY KEY (p, c)";
    let some = apply(&without, some).unwrap().catalog;
    // The order of a table's clustering is the view's where nothing else is said.
    assert!(some.table("k", "b").unwrap().schema().clustering()[0].ty.is_reversed());
    assert_eq!(some.table("k", "b").unwrap().columns().len(), 2);
    changes(&some, "ALTER TABLE t ADD y int", &[altered(101, true)]);
}

#[test]
fn user_types_change_inside_of_everything() {
    let before = catalog(
        "CREATE TYPE z (a int);
         CREATE TYPE b (n frozen<list<frozen<z>>>);
         CREATE TABLE t (p int, c frozen<b>, v z, m map<text, frozen<tuple<b, int>>>, PRIMARY KEY (p, c))
             WITH CLUSTERING ORDER BY (c DESC);
         CREATE TABLE u (p int PRIMARY KEY)",
    );
    let wider = changes(
        &before,
        "ALTER TYPE z ADD e 'org.apache.cassandra.db.marshal.EmptyType'",
        &[SchemaChange::TypeAltered { keyspace: "k".into(), name: "z".into() }, altered(101, true)],
    );
    changes(&wider, "ALTER TYPE z ADD IF NOT EXISTS e text", &[SchemaChange::Nothing]);
    let renamed = changes(
        &wider,
        "ALTER TYPE z RENAME a TO \"A\"",
        &[SchemaChange::TypeAltered { keyspace: "k".into(), name: "z".into() }, altered(101, true)],
    );
    let table = renamed.table("k", "t").unwrap();
    for column in ["c", "v", "m"] {
        let class = table.column(column).unwrap().ty.class_name();
        // The names of fields are in hex there.
        assert!(
            class.contains(",41:") && class.contains(",65:") && !class.contains(",61:"),
            "{column}: {class}"
        );
    }
    assert!(table.column("c").unwrap().ty.is_reversed());
    assert!(table.column("v").unwrap().ty.is_multi_cell());
    // `z` is printed before `b`, which is made of it; and a type may come to hold one that is
    // younger.
    let text = renamed.to_cql();
    assert!(text.find("CREATE TYPE k.z") < text.find("CREATE TYPE k.b"), "{text}");
    let younger = changes(
        &renamed,
        "CREATE TYPE zz (x int)",
        &[SchemaChange::TypeCreated { keyspace: "k".into(), name: "zz".into() }],
    );
    apply(&younger, "ALTER TYPE z ADD y frozen<zz>")
        .map(|applied| check_round_trip(&applied.catalog))
        .unwrap();
    changes(&younger, "CREATE TYPE IF NOT EXISTS zz (y int)", &[SchemaChange::Nothing]);
    changes(&younger, "DROP TYPE IF EXISTS zzz", &[SchemaChange::Nothing]);
}

#[test]
fn indexes_are_kept_and_tables_with_them_written() {
    let before = catalog("CREATE TABLE t (p int PRIMARY KEY, v text, m map<text, int>, \"odd Name\" int)");
    let index = |name: &str| SchemaChange::IndexCreated { table: id(101), name: name.into() };
    let one = changes(&before, "CREATE INDEX ON t (v)", &[index("t_v_idx"), altered(101, false)]);
    // It made the table read-only, which users with an existing schema found out at the first
    // write.
    assert_eq!(one.table("k", "t").unwrap().read_only(), None);
    let two =
        changes(&one, "CREATE INDEX ON t (\"odd Name\")", &[index("t_oddName_idx"), altered(101, false)]);
    let sai = "CREATE INDEX t_oddName_idx_1 ON k.t (keys(m)) USING 'sai' WITH OPTIONS = {'case_sensitive': 'false'}";
    let three = changes(&two, sai, &[index("t_oddname_idx_1"), altered(101, false)]);
    changes(&three, "CREATE INDEX IF NOT EXISTS t_v_idx ON t (m)", &[SchemaChange::Nothing]);
    changes(&three, "CREATE INDEX IF NOT EXISTS other ON t (v)", &[SchemaChange::Nothing]);
    let gone = |name: &str| SchemaChange::IndexDropped { table: id(101), name: name.into() };
    let none = changes(&three, "DROP INDEX t_v_idx", &[gone("t_v_idx"), altered(101, false)]);
    let none =
        changes(&none, "DROP INDEX k.\"t_oddName_idx\"", &[gone("t_oddName_idx"), altered(101, false)]);
    let none = changes(&none, "DROP INDEX t_oddname_idx_1", &[gone("t_oddname_idx_1"), altered(101, false)]);
    assert_eq!(none, before);
    changes(&none, "DROP INDEX IF EXISTS t_v_idx", &[SchemaChange::Nothing]);
}

#[test]
fn options_act_or_are_kept() {
    let before = catalog("CREATE TABLE t (p int PRIMARY KEY)");
    assert_eq!(**before.table("k", "t").unwrap().options(), super::super::TableOptions::default());
    let statement = "ALTER TABLE t WITH bloom_filter_fp_chance = 0.001 AND crc_check_chance = '0.5'
        AND default_time_to_live = 60 AND gc_grace_seconds = 0 AND memtable_flush_period_in_ms = 1500
        AND compression = {'enabled': false} AND comment = 'it''s' AND cdc = 'yes'
        AND caching = {'keys': 'none', 'rows_per_partition': 10} AND speculative_retry = 'min(99.9P, 5ms)'
        AND additional_write_policy = 'never' AND read_repair = 'none' AND extensions = {'x': 0x0102}
        AND compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2, 'enabled': 'false'}";
    let catalog = changes(&before, statement, &[altered(101, false)]);
    let options = catalog.table("k", "t").unwrap().options();
    assert_eq!((options.bloom_filter_fp_chance, options.crc_check_chance), (0.001, 0.5));
    assert_eq!((options.default_time_to_live, options.gc_grace_seconds), (60, 0));
    assert_eq!(options.memtable_flush_period, Some(Duration::from_millis(1500)));
    assert_eq!((&options.compression, options.compaction.common().enabled), (&None, false));
    let helenus_compaction::Strategy::SizeTiered(strategy) = options.compaction.strategy() else { panic!() };
    assert_eq!((strategy.min_threshold, strategy.max_threshold), (2, 32));
    let text = catalog.to_cql();
    for kept in [
        "comment = 'it''s'",
        "cdc = true",
        "caching = {'keys': 'NONE', 'rows_per_partition': '10'}",
        "speculative_retry = 'MIN(99.9p,5ms)'",
        "additional_write_policy = 'NEVER'",
        "read_repair = 'NONE'",
        "extensions = {}",
        "compression = {'enabled': 'false'}",
        "memtable = 'default'",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    // Of extensions CQL sets ours alone: by its blob, or by its name; gone when the map is without
    // it. Those of a schema that was taken over stay.
    let catalog = Catalog::parse(&text.replace("extensions = {}", "extensions = {'x': 0x0102}")).unwrap();
    for (given, acting) in [("0x6e62", Some(Version::NB)), ("'oa'", Some(Version::OA)), ("", None)] {
        let entry = if given.is_empty() { "" } else { "'helenus_sstable_version': " };
        let statement = format!("ALTER TABLE t WITH extensions = {{{entry}{given}}}");
        let after = changes(&catalog, &statement, &[altered(101, false)]);
        assert!(after.to_cql().contains("'x': 0x0102}"), "{}", after.to_cql());
        assert_eq!(after.table("k", "t").unwrap().options().sstable_version, acting);
        let kept = Catalog::parse(&after.to_cql()).unwrap();
        assert_eq!(kept.table("k", "t").unwrap().options().sstable_version, acting);
        assert!(!after.to_cql().contains("'oa'"), "it is printed as a blob");
    }
    // Options that are not named stay.
    let later = changes(&catalog, "ALTER TABLE t WITH gc_grace_seconds = 1", &[altered(101, false)]);
    assert_eq!(later.to_cql().replace("gc_grace_seconds = 1", "gc_grace_seconds = 0"), catalog.to_cql());
}

#[test]
fn other_strategies_run_as_size_tiered_with_a_warning() {
    let before = catalog("");
    let statement = "CREATE TABLE t (p int PRIMARY KEY)
        WITH compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 10}";
    let applied = apply(&before, statement).unwrap();
    let [warning] = applied.outcome.warnings.as_slice() else { panic!("{:?}", applied.outcome.warnings) };
    let warning = warning.to_string();
    assert!(warning.contains("k.t") && warning.contains("SizeTieredCompactionStrategy"), "{warning}");
    let options = applied.catalog.table("k", "t").unwrap().options();
    assert_eq!(options.bloom_filter_fp_chance, 0.1);
    assert!(options.warning().is_some());
    check_round_trip(&applied.catalog);
    assert!(
        applied.catalog.to_cql().contains("'org.apache.cassandra.db.compaction.LeveledCompactionStrategy'")
    );
    // Said once, not with every change.
    let later = apply(&applied.catalog, "ALTER TABLE t WITH gc_grace_seconds = 1").unwrap();
    assert_eq!(later.outcome.warnings, []);
    let unified =
        "ALTER TABLE t WITH compaction = {'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T4'}";
    assert_eq!(apply(&later.catalog, unified).unwrap().outcome.warnings.len(), 1);
}

#[test]
fn foreign_files_may_leave_things_out() {
    let text = "
        CREATE TABLE far.t (p int PRIMARY KEY, v frozen<outer>) WITH dclocal_read_repair_chance = 0.1;
        USE near;
        CREATE FUNCTION f (a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; $$;
        CREATE OR REPLACE AGGREGATE other.g (int) SFUNC f STYPE int;";
    let inner = helenus_types::UserType {
        keyspace: "far".to_owned(),
        name: "inner".to_owned(),
        fields: vec![("a".to_owned(), Type::Int)],
    };
    let outer = helenus_types::UserType {
        keyspace: "far".to_owned(),
        name: "outer".to_owned(),
        fields: vec![("i".to_owned(), Type::udt(inner))],
    };
    let header_types = |keyspace: &str, name: &str| {
        assert_eq!((keyspace, name), ("far", "outer"));
        Some(Type::udt(outer.clone()).freeze())
    };
    let loaded = Catalog::parse_lenient(text, &header_types).unwrap();
    assert_eq!(
        loaded.warnings,
        ["table far.t: the option dclocal_read_repair_chance is unknown and left out"]
    );
    check_round_trip(&loaded.catalog);
    let printed = loaded.catalog.to_cql();
    for part in [
        "CREATE TYPE far.inner (",
        "CREATE TYPE far.outer (",
        "v frozen<outer>",
        "CREATE FUNCTION near.f (a int)",
        "CREATE OR REPLACE AGGREGATE other.g (int)",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let again = Catalog::parse_lenient(text, &header_types).unwrap().catalog;
    assert_eq!(again, loaded.catalog, "identities depend on the names alone");
}

/// The columns that Cassandra stores of a table `WITH COMPACT STORAGE`, and those that it shows
/// (`CompactTableMetadata`).
#[test]
fn compact_storage_is_read_and_shown_as_defined() {
    let read = |statement: &str| Catalog::parse_lenient(statement, &|_, _| None);
    let columns = |catalog: &Catalog| -> Vec<String> {
        let shown =
            |column: &TableColumn| format!("{} {} {:?}", column.name, column.ty.cql_name(), column.kind);
        catalog.table("k", "t").unwrap().columns().iter().map(shown).collect()
    };
    let check = |definition: &str, kept: &[&str], shown_clustering: usize| {
        let create = format!("CREATE TABLE k.t ({definition}) WITH COMPACT STORAGE;");
        let catalog = read(&create).unwrap().catalog;
        assert_eq!(columns(&catalog), kept, "{definition}");
        let table = catalog.table("k", "t").unwrap();
        assert_eq!(table.schema().shown_clustering().len(), shown_clustering, "{definition}");
        assert!(table.read_only().is_some_and(|why| why.contains("COMPACT STORAGE")));
        // It is printed as it was defined, and read again.
        let printed = catalog.to_cql();
        assert!(printed.contains("COMPACT STORAGE") && !printed.contains("static"), "{printed}");
        assert_eq!(read(&printed).unwrap().catalog, catalog, "{printed}");
        // Without compact storage it shows everything.
        let dropped = read(&format!("{create} ALTER TABLE k.t DROP COMPACT STORAGE;")).unwrap().catalog;
        assert_eq!(columns(&dropped), kept, "{definition}");
        let table = dropped.table("k", "t").unwrap();
        assert_eq!(table.schema().shown_clustering().len(), table.schema().clustering().len());
        assert!(table.read_only().is_none());
    };
    check(
        "p int PRIMARY KEY, v text, w int",
        &[
            "p int PartitionKey",
            "v text Static",
            "w int Static",
            "column1 text Clustering",
            "value blob Regular",
        ],
        0,
    );
    check(
        "p int PRIMARY KEY, column1 counter, value counter",
        &[
            "p int PartitionKey",
            "column1 counter Static",
            "value counter Static",
            "column2 text Clustering",
            "value1 counter Regular",
        ],
        0,
    );
    check(
        "p int, c int, v text, PRIMARY KEY (p, c)",
        &["p int PartitionKey", "c int Clustering", "v text Regular"],
        1,
    );
    check(
        "p int, c int, d int, PRIMARY KEY (p, c, d)",
        &["p int PartitionKey", "c int Clustering", "d int Clustering", "value empty Regular"],
        2,
    );
    for (definition, why) in [
        ("p int PRIMARY KEY", "outside the primary key"),
        ("p int PRIMARY KEY, v set<int>", "non-frozen"),
        ("p int, c int, s int static, PRIMARY KEY (p, c)", "static"),
        ("p int, c int, v int, w int, PRIMARY KEY (p, c)", "no more than one"),
    ] {
        let error = read(&format!("CREATE TABLE k.t ({definition}) WITH COMPACT STORAGE;")).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn errors_in_files_tell_the_line() {
    let error = Catalog::parse("\n\nCREATE TABLE k.t (p int PRIMARY KEY)").unwrap_err();
    assert_eq!(error.to_string(), "line 3: Keyspace 'k' doesn't exist");
    assert!(Catalog::parse("CREATE TABEL k.t").unwrap_err().to_string().contains("expected"));
    assert_eq!(Catalog::parse("").unwrap(), Catalog::default());
}

/// What the statement tells clients, in the order and words of a node (`SchemaChangeNotifier`).
#[track_caller]
fn told(catalog: &Catalog, statement: &str, expected: &[&str]) -> Catalog {
    let applied = apply(catalog, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let events: Vec<_> = applied.outcome.events.iter().map(ToString::to_string).collect();
    assert_eq!(events, expected, "{statement}");
    applied.catalog
}

#[test]
fn events_name_what_a_node_names() {
    let empty = Catalog::default();
    let create = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    let k = told(&empty, create, &["CREATED KEYSPACE k"]);
    let k = told(&k, "CREATE TYPE u (a int)", &["CREATED TYPE k.u"]);
    let k = told(
        &k,
        "CREATE TABLE t (p int PRIMARY KEY, v int, u frozen<u>) WITH ID = 00000000-0000-0000-0000-000000000007",
        &["CREATED TABLE k.t"],
    );
    told(&k, "CREATE TABLE IF NOT EXISTS t (p int PRIMARY KEY)", &[]);
    // Its tables' rows look different from now on.
    let k = told(&k, "ALTER TYPE u ADD b text", &["UPDATED TYPE k.u", "UPDATED TABLE k.t"]);
    // That a table's writes aren't logged is its keyspace's matter.
    let k = told(&k, "ALTER KEYSPACE k WITH durable_writes = false", &["UPDATED KEYSPACE k"]);
    told(&k, "ALTER KEYSPACE k WITH durable_writes = false", &[]);
    let k = told(&k, "CREATE INDEX i ON t (v)", &["UPDATED TABLE k.t"]);
    let k = told(&k, "DROP INDEX i", &["UPDATED TABLE k.t"]);
    let view = "CREATE MATERIALIZED VIEW w AS SELECT p, v FROM t WHERE p IS NOT NULL AND v IS NOT NULL \
                PRIMARY KEY (v, p)";
    // The table knows that it has views, which is no change of it.
    let k = told(&k, view, &["CREATED TABLE k.w"]);
    told(&k, "ALTER MATERIALIZED VIEW w WITH comment = 'x'", &["UPDATED TABLE k.w"]);
    told(&k, "DROP MATERIALIZED VIEW w", &["DROPPED TABLE k.w"]);
    told(&k, "TRUNCATE t", &[]);
    let all = ["DROPPED TABLE k.t", "DROPPED TABLE k.w", "DROPPED TYPE k.u", "DROPPED KEYSPACE k"];
    told(&k, "DROP KEYSPACE k", &all);
    let kinds = [SchemaTarget::Keyspace, SchemaTarget::Table("a".into()), SchemaTarget::Type("b".into())];
    assert_eq!(
        kinds.each_ref().map(SchemaTarget::words),
        [("KEYSPACE", None), ("TABLE", Some("a")), ("TYPE", Some("b"))]
    );
}
