//! Virtual tables: what people and drivers read of the schema and of the database itself.

use std::sync::Arc;

use helenus_schema::TableDef;

/// The virtual table of that name.
pub(crate) fn table(keyspace: &str, name: &str) -> Option<Arc<TableDef>> {
    let _ = (keyspace, name);
    None
}
