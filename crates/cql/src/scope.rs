//! What a statement is compiled against.

use std::cell::RefCell;
use std::sync::Arc;

use helenus_cql_syntax::{CqlType, Identifier, QualifiedName};
use helenus_rows::ColumnKind;
use helenus_schema::{Catalog, TableColumn, TableDef};
use helenus_types::Type;

use crate::error::{CqlResult, refuse};
use crate::markers::Markers;
use crate::resolutions::Resolutions;
use crate::spec::ColumnSpec;
use crate::system::definitions::catalog_of;

/// The catalog, the keyspace of names that bring none, and the markers seen so far.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) keyspace: Option<&'a str>,
    pub(crate) markers: Markers,
    /// What is known of a call while it is resolved.
    pub(crate) resolutions: RefCell<Resolutions>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(catalog: &'a Catalog, keyspace: Option<&'a str>) -> Self {
        Self { catalog, keyspace, markers: Markers::default(), resolutions: RefCell::default() }
    }

    /// The keyspace that a name is in.
    pub(crate) fn keyspace_of<'n>(&'n self, name: &'n QualifiedName) -> CqlResult<&'n str> {
        let keyspace = name.keyspace.as_ref().map(Identifier::as_str).or(self.keyspace);
        keyspace.map_or_else(
            || refuse("No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename"),
            Ok,
        )
    }

    /// The table of that name (`Schema.validateTable`).
    pub(crate) fn table(&self, name: &QualifiedName) -> CqlResult<Arc<TableDef>> {
        let (keyspace, table) = (self.keyspace_of(name)?, name.name.as_str());
        let catalog = catalog_of(self.catalog, keyspace);
        let Ok(known) = catalog.keyspace(keyspace) else {
            return refuse(format!("keyspace {keyspace} does not exist"));
        };
        if table.is_empty() {
            return refuse("non-empty table is required");
        }
        match catalog.table(known.name(), table) {
            Ok(table) => Ok(table.clone()),
            Err(_missing) => refuse(format!("table {table} does not exist")),
        }
    }

    /// The storage's form of a type in that keyspace.
    pub(crate) fn resolve_type(&self, keyspace: &str, ty: &CqlType) -> CqlResult<Type> {
        let lookup =
            |name: &str| self.catalog.keyspace(keyspace).ok().and_then(|keyspace| keyspace.user_type(name));
        Ok(ty.resolve(keyspace, &lookup)?)
    }
}

/// The column of that name (`TableMetadata.getExistingColumn`).
pub(crate) fn column(table: &TableDef, name: &Identifier) -> CqlResult<TableColumn> {
    table.column(name.as_str()).map_or_else(
        || {
            let (keyspace, table) = (table.keyspace(), table.name());
            refuse(format!("Undefined column name {name} in table {keyspace}.{table}"))
        },
        Ok,
    )
}

/// A column as the receiver of a term.
pub(crate) fn spec_of(table: &TableDef, column: &TableColumn) -> ColumnSpec {
    spec(table, column.name.clone(), &column.ty)
}

/// A receiver in that table.
pub(crate) fn spec(table: &TableDef, name: impl Into<Arc<str>>, ty: &Type) -> ColumnSpec {
    let (keyspace, table) = (table.keyspace().clone(), table.name().clone());
    ColumnSpec { keyspace, table, name: name.into(), ty: ty.base().clone() }
}

/// All columns in the order of `SELECT *`: partition key, clustering, then static and regular ones
/// by name.
pub(crate) fn all_columns(table: &TableDef) -> Vec<TableColumn> {
    let schema = table.schema();
    let keys = schema.partition_key().iter().chain(schema.shown_clustering()).map(|column| &*column.name);
    let others = [schema.statics(), schema.regulars()].into_iter().flat_map(|columns| columns.select_order());
    let others = others.map(|(_, column)| &*column.name);
    keys.chain(others).filter_map(|name| table.column(name)).collect()
}

/// Whether there are durations in values of the type (`referencesDuration`).
pub(crate) fn has_duration(ty: &Type) -> bool {
    *ty.base() == Type::Duration || ty.children().any(has_duration)
}

/// Whether the column is of the primary key.
pub(crate) fn is_key(column: &TableColumn) -> bool {
    matches!(column.kind, ColumnKind::PartitionKey | ColumnKind::Clustering)
}
