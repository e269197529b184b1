//! The definitions of the node's own tables, and which tables those are.

use std::sync::LazyLock;

use helenus_schema::{Catalog, is_system_keyspace};

/// Keyspaces whose tables Cassandra makes when they are read (`VirtualKeyspaceRegistry`).
const VIRTUAL: [&str; 2] = ["system_views", "system_virtual_schema"];

/// Keyspaces that each node has for itself (`SchemaConstants.LOCAL_SYSTEM_KEYSPACE_NAMES`).
const LOCAL: [&str; 2] = ["system", "system_schema"];

const DEFINITIONS: &str = include_str!("tables.cql");

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let Ok(loaded) = Catalog::parse_lenient(DEFINITIONS, &|_, _| None) else {
        unreachable!("the definitions are CQL")
    };
    loaded.catalog
});

/// The definitions of the node's own tables.
pub(crate) fn catalog() -> &'static Catalog {
    &CATALOG
}

/// Whether its tables are virtual.
pub(crate) fn is_virtual(keyspace: &str) -> bool {
    VIRTUAL.contains(&keyspace)
}

/// Whether it is about one node, and no statement changes its schema.
pub(crate) fn is_local(keyspace: &str) -> bool {
    LOCAL.contains(&keyspace) || is_virtual(keyspace)
}

/// Whether the tables of a keyspace are those here. A directory of Cassandra's brings tables of
/// roles and traces of its own, which are read as they are.
pub(crate) fn owns(own: &Catalog, keyspace: &str) -> bool {
    is_local(keyspace) || (is_system_keyspace(keyspace) && own.keyspace(keyspace).is_err())
}

/// The catalog in which a keyspace is looked up: the database's own, or that of the node's tables.
pub(crate) fn catalog_of<'a>(own: &'a Catalog, keyspace: &str) -> &'a Catalog {
    if owns(own, keyspace) { catalog() } else { own }
}
