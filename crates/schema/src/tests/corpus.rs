//! Every `schema.cql` that Cassandra wrote for the corpus (`HELENUS_CORPUS`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_rows::ColumnKind;
use helenus_types::{Timestamp, Type, UserType};

use super::super::{Catalog, LoadedSchema};
use super::check_round_trip;

fn corpus() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let path = std::env::var_os("HELENUS_CORPUS").map_or_else(default, PathBuf::from);
    if !path.is_dir() {
        println!("skipped: there is no corpus at {}; set HELENUS_CORPUS", path.display());
        return None;
    }
    Some(path)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn schemas_under(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            schemas_under(&path, found);
        } else if path.file_name().is_some_and(|name| name == "schema.cql") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn schema(name: &str) -> Option<(String, LoadedSchema)> {
    let mut found = Vec::new();
    schemas_under(&corpus()?.join(name), &mut found);
    let (path, text) = found.pop().unwrap_or_else(|| panic!("no schema.cql under {name}"));
    let loaded = load(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some((text, loaded))
}

/// Knows the one type that the snapshots use and don't define.
fn header_types(keyspace: &str, name: &str) -> Option<Type> {
    let fields = vec![("name".to_owned(), Type::Text), ("size".to_owned(), Type::BigInt)];
    let definition = UserType { keyspace: keyspace.to_owned(), name: name.to_owned(), fields };
    (name == "attachment").then(|| Type::udt(definition).freeze())
}

fn load(text: &str) -> crate::error::Result<LoadedSchema> {
    Catalog::parse_lenient(text, &header_types)
}

#[test]
fn all_schemas_are_read_and_come_back_the_same() {
    let Some(corpus) = corpus() else { return };
    let mut schemas = Vec::new();
    schemas_under(&corpus, &mut schemas);
    assert!(schemas.len() >= 80, "only {} schemas in {}", schemas.len(), corpus.display());
    let mut described = 0;
    for (path, text) in &schemas {
        let LoadedSchema { catalog, warnings } =
            load(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(warnings, Vec::<String>::new(), "{}", path.display());
        check_round_trip(&catalog);
        let tables: Vec<_> = catalog.tables().collect();
        assert!(!tables.is_empty(), "{}", path.display());
        // Those with an identity were printed by `DESCRIBE … WITH INTERNALS`, in our own layout.
        if let ([table], true) = (tables.as_slice(), text.contains("ID = ")) {
            assert_eq!(table.to_cql(), text.replace("IF NOT EXISTS ", ""), "{}", path.display());
            described += 1;
        }
    }
    assert!(described >= 6, "only {described} schemas with identities");
}

#[test]
fn the_dropped_column_keeps_its_time() {
    let Some((_, LoadedSchema { catalog, .. })) = schema("da/altered") else { return };
    let table = catalog.table("corpus", "altered").unwrap();
    let [dropped] = table.schema().dropped() else { panic!("{:?}", table.schema().dropped()) };
    assert_eq!((&*dropped.name, &dropped.ty, dropped.is_static), ("gone", &Type::Int, false));
    assert_eq!(dropped.dropped_at, Timestamp(1_795_374_269_080_000));
    assert_eq!(table.id().to_string(), "890ec710e6a711f1ab1cb38d9ae74bd1");
    assert_eq!(table.schema().column("gone"), None);
    assert!(Arc::ptr_eq(catalog.table_by_id(table.id()).unwrap(), table));
}

#[test]
fn a_view_takes_its_columns_from_its_table() {
    let Some((_, LoadedSchema { catalog, .. })) = schema("da/mv_view") else { return };
    let view = catalog.table("corpus", "mv_view").unwrap();
    let columns = view.columns();
    let columns: Vec<_> = columns.iter().map(|c| (&*c.name, &c.ty, c.kind)).collect();
    assert_eq!(
        columns,
        [
            ("v", &Type::Int, ColumnKind::PartitionKey),
            ("p", &Type::Int, ColumnKind::Clustering),
            ("w", &Type::Int, ColumnKind::Regular),
        ]
    );
    assert!(view.schema().strict_liveness());
    assert!(view.read_only().is_some());
    let base = catalog.table("corpus", "mv_base").unwrap();
    assert!(base.read_only().is_some_and(|reason| reason.contains("views")));
    assert!(!base.schema().strict_liveness());
}

#[test]
fn a_snapshot_needs_no_keyspace_and_no_types() {
    let Some((text, LoadedSchema { catalog, .. })) = schema("snapshot/data/chat") else { return };
    assert!(Catalog::parse(&text).is_err(), "a keyspace must be there unless the file is foreign");
    let keyspace = catalog.keyspace("chat").unwrap();
    assert!(keyspace.durable_writes());
    let Some((_, LoadedSchema { catalog, .. })) = schema("snapshot/data/Fleet") else { return };
    let trips = catalog.table("Fleet", "Trips").unwrap();
    assert_eq!(trips.options().default_time_to_live, 315_360_000);
    assert!(trips.schema().clustering()[0].ty.is_reversed());
}
