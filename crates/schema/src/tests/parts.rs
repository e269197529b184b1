//! Parts of a catalog: tables taken over from another, tables to be written, statements of one, and
//! what types may follow what.

use std::collections::BTreeSet;

use helenus_types::{TableId, Type, UserType};
use uuid::Uuid;

use super::super::Catalog;
use super::{apply, apply_with, catalog};
use crate::error::CatalogErrorKind;
use crate::type_changes::reads_cells_of;

fn id(number: u128) -> TableId {
    TableId(Uuid::from_u128(number))
}

fn names(catalog: &Catalog, keyspace: &str) -> Vec<String> {
    catalog.keyspace(keyspace).unwrap().tables().map(|table| table.name().to_string()).collect()
}

/// Three tables, one with a view, and a keyspace without any.
fn three() -> Catalog {
    let before = catalog(
        "CREATE TYPE u (a int); CREATE TABLE base (p int, c int, v frozen<u>, PRIMARY KEY (p, c));
         CREATE TABLE other (p int PRIMARY KEY); CREATE TABLE third (p int PRIMARY KEY);
         CREATE MATERIALIZED VIEW seen AS SELECT * FROM base WHERE p IS NOT NULL AND c IS NOT NULL
         PRIMARY KEY (c, p)",
    );
    let keyspace =
        "CREATE KEYSPACE empty WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    apply(&before, keyspace).unwrap().catalog
}

#[test]
fn a_table_is_taken_over_with_what_it_needs() {
    let theirs = three();
    let mut ours = Catalog::default();
    ours.adopt(&theirs, theirs.table("k", "seen").unwrap()).unwrap();
    assert_eq!(names(&ours, "k"), ["base", "seen"]);
    assert!(ours.keyspace("empty").is_err());
    for name in ["base", "seen"] {
        assert_eq!(ours.table("k", name).unwrap(), theirs.table("k", name).unwrap());
    }
    assert!(ours.table_to_cql("k", "base").unwrap().contains("CREATE TYPE k.u"));
    // Once more is nothing; another table comes beside them.
    ours.adopt(&theirs, theirs.table("k", "base").unwrap()).unwrap();
    ours.adopt(&theirs, theirs.table("k", "third").unwrap()).unwrap();
    assert_eq!(names(&ours, "k"), ["base", "seen", "third"]);
    // A table that was dropped and made again is another one.
    let dropped = apply(&theirs, "DROP TABLE third").unwrap().catalog;
    let again = apply_with(&dropped, "CREATE TABLE third (p int PRIMARY KEY)", &mut 500).unwrap().catalog;
    let error = ours.adopt(&again, again.table("k", "third").unwrap()).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::AlreadyExists);
    assert!(error.to_string().contains("two tables k.third"), "{error}");
}

#[test]
fn tables_that_are_written_elsewhere_come_without_their_views() {
    let all = three();
    let base = all.table("k", "base").unwrap().id();
    let writable = all.writable(&BTreeSet::from([base]), false);
    assert_eq!(names(&writable, "k"), ["base"]);
    assert!(writable.keyspace("empty").is_err());
    assert_eq!(writable.table_by_id(base).map(|table| table.id()), Some(base));
    // The table of a view can't be written, and keeps its tombstones.
    let forget = "ALTER TABLE base WITH gc_grace_seconds = 0";
    assert!(all.table("k", "base").unwrap().read_only().is_some() && apply(&all, forget).is_err());
    assert_eq!(writable.table("k", "base").unwrap().read_only(), None);
    assert!(apply(&writable, forget).is_ok());
    let none = all.writable(&BTreeSet::from([id(1)]), true);
    assert_eq!((names(&none, "k"), names(&none, "empty")), (vec![], vec![]));
    assert_eq!(all.writable(&BTreeSet::from([id(1)]), false), Catalog::default());
}

#[test]
fn statements_of_one_table() {
    let all = three();
    let keyspace = all.to_cql();
    let keyspace =
        keyspace.lines().take_while(|line| !line.contains("CREATE T")).collect::<Vec<_>>().join("\n");
    let text = all.table_to_cql("k", "base").unwrap();
    assert_eq!(text.matches("CREATE ").count(), 2, "the type and the table: {text}");
    let read = Catalog::parse(&format!("{keyspace}\n{text}")).unwrap();
    assert_eq!(read.table("k", "base").unwrap().columns(), all.table("k", "base").unwrap().columns());
    assert_eq!(all.table_to_cql("k", "none").unwrap_err().kind(), CatalogErrorKind::NotFound);
}

#[test]
fn a_text_extends_a_catalog_or_leaves_it() {
    let mut catalog = three();
    let before = catalog.clone();
    let no_types = |_: &str, _: &str| None;
    let table = "CREATE TABLE k.new (p int PRIMARY KEY, v int)";
    let wrong = format!("{table}; CREATE TABLE k.base (p int PRIMARY KEY)");
    assert!(catalog.extend_lenient(&wrong, &no_types).is_err());
    assert_eq!(catalog, before);
    assert_eq!(catalog.extend_lenient(table, &no_types).unwrap(), Vec::<String>::new());
    assert_eq!(names(&catalog, "k"), ["base", "new", "other", "seen", "third"]);
    let odd = "CREATE TABLE k.odd (p int PRIMARY KEY) WITH compaction = {'class': 'SomebodysStrategy'}";
    let warnings = catalog.extend_lenient(odd, &no_types).unwrap();
    assert!(matches!(&warnings[..], [one] if one.contains("SomebodysStrategy")), "{warnings:?}");
}

#[test]
fn a_table_says_how_its_files_are_written() {
    let catalog = catalog(
        "CREATE TABLE plain (p int PRIMARY KEY);
         CREATE TABLE t (p int PRIMARY KEY) WITH bloom_filter_fp_chance = 0.2 AND min_index_interval = 64
         AND compression = {'enabled': false}",
    );
    let options = |name| catalog.table("k", name).unwrap().options().writer_options();
    let (plain, t) = (options("plain"), options("t"));
    assert_eq!((plain.min_index_interval, plain.bloom_filter_fp_chance), (128, 0.01));
    assert!(plain.compression.is_some() && t.compression.is_none());
    assert_eq!((t.min_index_interval, t.bloom_filter_fp_chance), (64, 0.2));
}

/// `AbstractType.isSerializationCompatibleWith`: what a column of one type may be after it was of
/// another.
#[test]
fn types_that_read_what_others_wrote() {
    use Type::{Ascii, BigInt, Blob, Int, Text, Varint};
    let (list, set, map) = (
        |of: Type| Type::list(of).freeze(),
        |of: Type| Type::set(of).freeze(),
        |key: Type, value: Type| Type::map(key, value).freeze(),
    );
    let tuple = |fields: &[Type]| Type::tuple(fields.iter().cloned());
    let udt = |keyspace: &str, fields: &[Type]| {
        let fields = fields.iter().enumerate().map(|(at, ty)| (format!("f{at}"), ty.clone())).collect();
        Type::udt(UserType { keyspace: keyspace.into(), name: "u".into(), fields }).freeze()
    };
    let yes = [
        (Text, Ascii),
        (Blob, Text),
        (list(Varint), list(BigInt)),
        (set(Text), set(Ascii)),
        (map(Text, Varint), map(Ascii, BigInt)),
        (tuple(&[Text, Varint]), tuple(&[Ascii, BigInt])),
        (tuple(&[Int, Int]), tuple(&[Int])),
        // Elements of a set compare as they did, however deep the difference lies.
        (set(list(Text)), set(list(Ascii))),
        (set(set(Text)), set(set(Ascii))),
        (set(map(Text, Blob)), set(map(Ascii, Text))),
        (set(tuple(&[Text, Int])), set(tuple(&[Ascii]))),
        (set(udt("k", &[Text, Int])), set(udt("k", &[Ascii]))),
    ];
    let no = [
        (Ascii, Text),
        (Int, BigInt),
        // Cells of a fixed length are read as such.
        (Varint, BigInt),
        (list(Text), set(Text)),
        (Type::list(Text), list(Text)),
        (list(Int), list(BigInt)),
        (set(Varint), set(BigInt)),
        (map(Varint, Int), map(BigInt, Int)),
        (map(Text, Text), map(Ascii, BigInt)),
        (tuple(&[Int]), tuple(&[Int, Int])),
        (tuple(&[Int, Text]), tuple(&[Int, BigInt])),
        (set(list(Varint)), set(list(BigInt))),
        (set(map(Text, Ascii)), set(map(Ascii, Text))),
        (set(map(Ascii, Text)), set(map(Text, Ascii))),
        (set(tuple(&[Text])), set(tuple(&[Ascii, Int]))),
        (set(tuple(&[Ascii, Int])), set(tuple(&[Text, Int]))),
        (set(udt("k", &[Text])), set(udt("k", &[Ascii, Int]))),
        (set(udt("k", &[Ascii])), set(udt("k", &[Text]))),
        (set(udt("j", &[Text, Int])), set(udt("k", &[Ascii]))),
    ];
    for (cases, expected) in [(&yes[..], true), (&no[..], false)] {
        for (new, old) in cases {
            assert_eq!(reads_cells_of(new, old), expected, "{new} after {old}");
        }
    }
}

#[test]
fn names_of_indexes_and_their_targets() {
    let before = catalog(
        "CREATE TYPE span (d duration); CREATE TABLE t (p int PRIMARY KEY, v int, w int, u frozen<span>,
         d frozen<tuple<int, duration>>, l frozen<list<duration>>)",
    );
    let refused = |statement: &str, text: &str| {
        let error = apply(&before, statement).unwrap_err();
        assert!(error.to_string().contains(text), "{statement}: {error}");
    };
    refused("CREATE INDEX ON t (u)", "UDTs containing durations");
    refused("CREATE INDEX ON t (d)", "tuples containing durations");
    refused("CREATE INDEX ON t (l)", "collections containing durations");
    refused("CREATE INDEX ON t ()", "without specifying a target column");
    refused("CREATE CUSTOM INDEX ON t (v, v) USING 'a.b.C'", "Duplicate column 'v'");
    let mut with = before.clone();
    for statement in [
        "CREATE CUSTOM INDEX ON t () USING 'a.b.C'",
        "CREATE CUSTOM INDEX ON t (v, w) USING 'a.b.C'",
        "CREATE INDEX ON t (v)",
        "CREATE CUSTOM INDEX ON t (v) USING 'a.b.C'",
        "CREATE CUSTOM INDEX ON t (v) USING 'a.b.D'",
    ] {
        with = apply(&with, statement).unwrap_or_else(|error| panic!("{statement}: {error}")).catalog;
    }
    // A name that is taken gets a number.
    let text = with.to_cql();
    for name in ["t_idx", "t_idx_1", "t_v_idx", "t_v_idx_1", "t_v_idx_2"] {
        assert!(text.contains(&format!(" INDEX {name} ON ")), "{name}: {text}");
    }
}

#[test]
fn masks_and_caches_are_kept() {
    let before = catalog("CREATE TABLE t (p int PRIMARY KEY, v int, w int)");
    let masked = apply(&before, "ALTER TABLE t ALTER w MASKED WITH DEFAULT").unwrap().catalog;
    let of = |catalog: &Catalog| {
        let columns = catalog.table("k", "t").unwrap().columns().to_vec();
        columns
            .iter()
            .filter(|column| column.mask.is_some())
            .map(|column| column.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!((of(&before), of(&masked)), (vec![], vec!["w".to_owned()]));
    // No rows is what NONE means.
    let none = apply(&before, "ALTER TABLE t WITH caching = {'rows_per_partition': 0}").unwrap().catalog;
    assert!(none.to_cql().contains("'rows_per_partition': 'NONE'"), "{}", none.to_cql());
}

/// A relation on several columns restricts each, and follows their names.
#[test]
fn views_of_relations_on_several_columns() {
    let before = catalog("CREATE TABLE t (p int, c int, d int, v int, PRIMARY KEY (p, c, d))");
    let view = "CREATE MATERIALIZED VIEW n AS SELECT * FROM t WHERE v IS NOT NULL AND p IS NOT NULL
        AND (c, d) > (1, 2) PRIMARY KEY (v, p, c, d)";
    let with = apply(&before, view).unwrap().catalog;
    let renamed = apply(&with, "ALTER TABLE t RENAME d TO e").unwrap().catalog;
    let text = renamed.to_cql();
    assert!(text.contains("(c, e) > (1, 2)"), "{text}");
    assert_eq!(Catalog::parse(&text).unwrap(), renamed);
}
