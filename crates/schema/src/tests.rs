//! The catalog against Cassandra's own files, its rules one by one, and random statements.

mod changes;
mod corpus;
mod described;
mod parts;
mod random;
mod refused;

use helenus_cql_syntax::{parse_statement, parse_statements};
use helenus_types::{TableId, Timestamp};
use uuid::Uuid;

use super::{Applied, ApplyContext, Catalog, SchemaRules};
use crate::error::Result;

/// The time of all statements that need one, µs.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// What programs with schemas of their own may do, and views besides.
const VIEWS: SchemaRules = SchemaRules {
    views_enabled: true,
    masking_enabled: true,
    drop_compact_storage_enabled: true,
    any_index_class: true,
    datacenter: None,
};

/// Applies one statement in the keyspace `k`; new tables get identities from `ids` on.
fn apply_with(catalog: &Catalog, statement: &str, ids: &mut u128) -> Result<Applied> {
    let statement = parse_statement(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let new_id = &mut || {
        *ids += 1;
        TableId(Uuid::from_u128(*ids))
    };
    catalog.apply(&statement, Some("k"), ApplyContext { now: NOW, new_id, rules: VIEWS })
}

/// The catalog after those statements, in the keyspace `k`, which is there already.
fn catalog(statements: &str) -> Catalog {
    let mut ids = 100;
    let keyspace =
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    let mut catalog = apply_with(&Catalog::default(), keyspace, &mut ids).unwrap().catalog;
    for statement in parse_statements(statements).unwrap_or_else(|error| panic!("{statements}: {error}")) {
        let text = statement.node.to_string();
        catalog =
            apply_with(&catalog, &text, &mut ids).unwrap_or_else(|error| panic!("{text}: {error}")).catalog;
    }
    catalog
}

/// The same on a node as it comes.
fn apply_on_node(catalog: &Catalog, statement: &str) -> Result<Applied> {
    let statement = parse_statement(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let new_id = &mut || TableId(Uuid::from_u128(10_001));
    catalog.apply(&statement, Some("k"), ApplyContext { now: NOW, new_id, rules: SchemaRules::NODE })
}

/// One more statement.
fn apply(catalog: &Catalog, statement: &str) -> Result<Applied> {
    apply_with(catalog, statement, &mut 10_000)
}

/// Checks that the printed catalog is read back as the same one, and printed alike.
fn check_round_trip(catalog: &Catalog) {
    let text = catalog.to_cql();
    let again = Catalog::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again.to_cql(), text);
    assert_eq!(&again, catalog, "{text}");
}
