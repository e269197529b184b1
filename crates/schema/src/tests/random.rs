//! Random statements: whatever is accepted, the printed catalog is the same catalog, and the
//! changes are reported.

use std::collections::BTreeSet;

use helenus_rows::EncodingBase;
use proptest::prelude::*;

use super::super::{Applied, Catalog, SchemaChange, SchemaOutcome, TableDef};
use super::{apply_with, catalog, check_round_trip};

/// The first statements, so that most of the others find something to change.
const SETUP: &str = "
    CREATE TYPE a (a int);
    CREATE TYPE \"D\" (a frozen<a>, \"D\" frozen<list<int>>);
    CREATE TABLE a (a int, b text static, c int, \"D\" \"D\", \"select\" list<ascii>, PRIMARY KEY (a, c));
    CREATE TABLE \"D\" (a int, b int, c int, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (b DESC);
    CREATE TABLE n (a int PRIMARY KEY, b counter)";

/// Names of columns and fields: few enough to meet, some that need quotes.
fn column() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("\"D\""), Just("\"select\"")]
}

/// Names of tables, views and user types.
fn object() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("a"), 3 => Just("\"D\""), 1 => Just("n"), 1 => Just("v"), 1 => Just("\"ttl\"")]
}

/// A type that may stand anywhere, mostly.
fn inner_type() -> impl Strategy<Value = String> {
    let native = prop_oneof![
        Just("int"),
        Just("text"),
        Just("ascii"),
        Just("blob"),
        Just("bigint"),
        Just("'org.apache.cassandra.db.marshal.DateType'"),
        Just("'com.example.Odd'"),
    ];
    let user = prop_oneof![Just("frozen<a>"), Just("frozen<\"D\">"), Just("frozen<v>")];
    let leaf = prop_oneof![4 => native, 1 => user].prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| format!("frozen<list<{ty}>>")),
            inner.clone().prop_map(|ty| format!("frozen<set<{ty}>>")),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| format!("frozen<map<{key}, {value}>>")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("tuple<{a}, {b}>")),
            (inner, 1..4_u32).prop_map(|(ty, dimension)| format!("vector<{ty}, {dimension}>")),
        ]
    })
}

fn column_type() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => inner_type(),
        1 => Just("counter".to_owned()),
        1 => inner_type().prop_map(|ty| format!("list<{ty}>")),
        1 => inner_type().prop_map(|ty| format!("map<int, {ty}>")),
        1 => object().prop_map(str::to_owned),
    ]
}

fn table_option() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("gc_grace_seconds = 5".to_owned()),
        Just("default_time_to_live = 5".to_owned()),
        Just("comment = 'a; ''b'''".to_owned()),
        Just("compression = {'enabled': 'false'}".to_owned()),
        Just(
            "compression = {'class': 'ZstdCompressor', 'compression_level': 7, 'min_compress_ratio': 1.1}"
                .to_owned()
        ),
        Just(
            "compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_size': 3}".to_owned()
        ),
        (1..100_u32).prop_map(|percent| format!("bloom_filter_fp_chance = {}", f64::from(percent) / 100.0)),
        Just("bloom_filter_fp_chance = 0.00007".to_owned()),
    ]
}

fn create_table() -> impl Strategy<Value = String> {
    let names = Just(["a", "b", "c", "\"D\"", "\"select\""]).prop_shuffle();
    let types = prop::collection::vec((inner_type(), column_type(), any::<bool>()), 1..5);
    (object(), names, types, 1..3_usize, 0..3_usize, any::<bool>(), prop::option::of(table_option()))
        .prop_map(|(table, names, types, partition, clustering, descending, option)| {
            let keys = (partition + clustering).min(types.len());
            let partition = partition.min(keys);
            let mut definitions: Vec<_> = types
                .iter()
                .zip(names)
                .enumerate()
                .map(|(at, ((key, other, is_static), name))| {
                    let is_static = *is_static && at >= keys && keys > partition;
                    format!(
                        "{name} {}{}",
                        if at < keys { key } else { other },
                        if is_static { " static" } else { "" }
                    )
                })
                .collect();
            // Keys need not come first.
            definitions.reverse();
            let (partition, clustering) = names[..keys].split_at(partition);
            let mut options: Vec<_> = option.into_iter().collect();
            if let (true, [first, ..]) = (descending, clustering) {
                options.push(format!("CLUSTERING ORDER BY ({first} DESC)"));
            }
            let clustering: String = clustering.iter().map(|name| format!(", {name}")).collect();
            let with =
                if options.is_empty() { String::new() } else { format!(" WITH {}", options.join(" AND ")) };
            let (definitions, partition) = (definitions.join(", "), partition.join(", "));
            format!("CREATE TABLE {table} ({definitions}, PRIMARY KEY (({partition}){clustering})){with}")
        })
}

fn statement() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => create_table(),
        2 => (object(), column(), inner_type()).prop_map(|(ty, field, of)| format!("CREATE TYPE {ty} ({field} {of})")),
        3 => (object(), column(), inner_type()).prop_map(|(ty, field, of)| format!("ALTER TYPE {ty} ADD {field} {of}")),
        2 => (object(), column(), column()).prop_map(|(ty, from, to)| format!("ALTER TYPE {ty} RENAME {from} TO {to}")),
        1 => object().prop_map(|ty| format!("DROP TYPE {ty}")),
        10 => (object(), column(), column_type(), 0..4_u32).prop_map(|(table, column, ty, kind)| {
            format!("ALTER TABLE {table} ADD {column} {ty}{}", if kind == 0 { " static" } else { "" })
        }),
        8 => (object(), column(), 0..9_u32).prop_map(|(table, column, at)| {
            format!("ALTER TABLE {table} DROP {column} USING TIMESTAMP {at}")
        }),
        3 => (object(), column(), column()).prop_map(|(table, from, to)| {
            format!("ALTER TABLE {table} RENAME {from} TO {to}")
        }),
        2 => (object(), table_option()).prop_map(|(table, option)| format!("ALTER TABLE {table} WITH {option}")),
        1 => object().prop_map(|table| format!("DROP TABLE {table}")),
        1 => (object(), column()).prop_map(|(table, column)| format!("CREATE INDEX ON {table} ({column})")),
        1 => (object(), column()).prop_map(|(table, column)| {
            format!("DROP INDEX \"{}_{}_idx\"", table.trim_matches('"'), column.trim_matches('"'))
        }),
        2 => (object(), column()).prop_map(|(base, extra)| format!(
            "CREATE MATERIALIZED VIEW v AS SELECT * FROM {base} WHERE {extra} IS NOT NULL AND a IS NOT NULL
                 AND b IS NOT NULL AND c IS NOT NULL PRIMARY KEY ({extra}, a, {})",
            if base == "a" { "c" } else { "b" }
        )),
        1 => Just("DROP MATERIALIZED VIEW v".to_owned()),
        1 => any::<bool>().prop_map(|durable| format!("ALTER KEYSPACE k WITH durable_writes = {durable}")),
    ]
}

/// Checks that the changes name the tables that were created, dropped, or are to be held or encoded
/// differently.
fn check_changes(before: &Catalog, after: &Applied, statement: &str) {
    let Applied { catalog, outcome: SchemaOutcome { changes, .. }, .. } = after;
    assert!(!changes.is_empty(), "{statement}");
    assert!(!changes.contains(&SchemaChange::Nothing) || before == catalog, "{statement}");
    let ids: BTreeSet<_> = before.tables().chain(catalog.tables()).map(|table| table.id()).collect();
    for id in ids {
        let mut told = changes.iter().filter(|change| match change {
            SchemaChange::TableCreated(of)
            | SchemaChange::TableDropped(of)
            | SchemaChange::TableAltered { id: of, .. } => *of == id,
            _ => false,
        });
        match (before.table_by_id(id), catalog.table_by_id(id), told.next()) {
            (None, Some(_), Some(SchemaChange::TableCreated(_)))
            | (Some(_), None, Some(SchemaChange::TableDropped(_))) => {}
            (Some(old), Some(new), told) => {
                let header = |table: &TableDef| table.schema().header(EncodingBase::EPOCH);
                let (old_header, new_header) = (header(old), header(new));
                let same_bytes =
                    old_header.same_encoding(&new_header) && old_header.key_type == new_header.key_type;
                let expected = match old == new {
                    true => None,
                    false => Some(SchemaChange::TableAltered { id, columns_changed: !same_bytes }),
                };
                // A statement may set what was set before.
                let redundant = SchemaChange::TableAltered { id, columns_changed: false };
                assert!(
                    told == expected.as_ref() || (expected.is_none() && told == Some(&redundant)),
                    "{statement}"
                );
            }
            (_, _, told) => panic!("{statement}: {told:?}"),
        }
        assert_eq!(told.next(), None, "{statement}: told twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_catalog_is_the_same_catalog(statements in prop::collection::vec(statement(), 1..60)) {
        let mut ids = 1000;
        let mut catalog = catalog(SETUP);
        // What a database writes down: the catalog once, then one record for each change.
        let mut text = catalog.to_cql();
        for statement in &statements {
            if let Ok(applied) = apply_with(&catalog, statement, &mut ids) {
                check_changes(&catalog, &applied, statement);
                check_round_trip(&applied.catalog);
                text.push_str(&applied.record);
                let read = Catalog::parse(&text).unwrap_or_else(|error| panic!("{statement}: {error}"));
                prop_assert_eq!(&read, &applied.catalog, "{}", statement);
                catalog = applied.catalog;
            }
        }
    }
}
