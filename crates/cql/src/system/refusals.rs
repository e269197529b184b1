//! What the node's own tables refuse.

use helenus_cql_syntax::{Modification, QualifiedName};

use super::definitions::{is_virtual, owns};
use crate::error::{CqlResult, refuse};
use crate::scope::Scope;

/// Partitions of virtual tables are in the order of their keys, and a token is a key there; it
/// isn't offered here.
pub(crate) const NO_TOKEN: &str = "The token function is not supported by virtual tables";

/// Refuses a write to the node's own tables. Cassandra takes writes to those that aren't virtual,
/// which can break the node.
pub(crate) fn refuse_write(scope: &Scope<'_>, statement: &Modification) -> CqlResult<()> {
    let (name, is_conditional, expires) = match statement {
        Modification::Insert(insert) => (&insert.table, insert.if_not_exists, insert.using.ttl_s.is_some()),
        Modification::Update(update) => {
            (&update.table, update.condition.is_some(), update.using.ttl_s.is_some())
        }
        Modification::Delete(delete) => (&delete.table, delete.condition.is_some(), false),
    };
    let keyspace = scope.keyspace_of(name)?;
    if !owns(scope.catalog, keyspace) {
        return Ok(());
    }
    let table = scope.table(name)?;
    match is_virtual(keyspace) {
        true if is_conditional => refuse("Conditional updates are not supported by virtual tables"),
        true if expires => refuse("Expiring columns are not supported by virtual tables"),
        _ => {
            let (keyspace, table) = (table.keyspace(), table.name());
            refuse(format!("Modification is not supported by table {keyspace}.{table}"))
        }
    }
}

/// Refuses to truncate one of the node's own tables.
pub(crate) fn refuse_truncation(scope: &Scope<'_>, name: &QualifiedName) -> CqlResult<()> {
    let table = scope.table(name)?;
    let (keyspace, name) = (table.keyspace(), table.name());
    match owns(scope.catalog, keyspace) {
        true => refuse(format!("Truncation is not supported by table {keyspace}.{name}")),
        false => Ok(()),
    }
}
