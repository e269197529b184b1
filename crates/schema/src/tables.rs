//! `CREATE TABLE`, `DROP TABLE` and `TRUNCATE`.

use std::collections::BTreeSet;
use std::sync::Arc;

use helenus_cql_syntax::{
    CqlType, CreateTable, DropObject, Identifier, NativeType, Order, PrimaryKey, Property, QualifiedName,
};
use helenus_rows::ColumnKind;
use helenus_types::{TableId, Type};

use super::apply::Applier;
use super::change::SchemaChange;
use super::compact;
use super::names::check_name;
use super::options::{TableOptions, unknown_property};
use super::options_values::text;
use super::table_def::{TableColumn, TableDef, is_key};
use super::type_statements::check_multi_cell_fields;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn create_table(&mut self, statement: &CreateTable) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name: Arc<str> = statement.name.name.as_str().into();
        check_name("Keyspace", &keyspace)?;
        check_name("Table", &name)?;
        let durable_writes = self.keyspace_for_new(&keyspace)?.durable_writes;
        if self.find_table(&keyspace, &name).is_some() {
            return self.exists(&keyspace, &name, statement.if_not_exists);
        }
        // Foreign tables are accepted, also in a database that adopted them; new ones are refused,
        // as in Cassandra.
        if statement.options.compact_storage && self.lenient.is_none() && !self.reading {
            let text = format!("table {keyspace}.{name}: COMPACT STORAGE is not supported");
            return Err(CatalogError::new(CatalogErrorKind::Unsupported, text));
        }
        let mut adopted = Vec::new();
        let mut columns = self.columns(&keyspace, &name, statement, &mut adopted)?;
        let compact =
            statement.options.compact_storage.then(|| compact::keep(&mut columns, &name)).transpose()?;
        let (id, options) = self.identity_and_options(&keyspace, &name, &statement.options.properties)?;
        let is_counter = |ty: &CqlType| *ty == CqlType::Native(NativeType::COUNTER);
        if statement.columns.iter().any(|column| is_counter(&column.cql_type)) {
            let mixed = |column: &TableColumn| !is_key(column.kind) && !column.ty.is_counter();
            if columns.iter().any(mixed) {
                return Err(CatalogError::invalid(
                    "Cannot mix counter and non counter columns in the same table",
                ));
            }
            if options.default_time_to_live > 0 {
                return Err(CatalogError::invalid(
                    "Cannot set default_time_to_live on a table with counters",
                ));
            }
        }
        let table = TableDef::new(keyspace.clone(), name, id, columns, Arc::new(options), durable_writes)?;
        let table = table.with_compact(compact);
        self.adopt(&keyspace, adopted)?;
        self.catalog.put_table(table)?;
        self.changes.push(SchemaChange::TableCreated(id));
        Ok(())
    }

    /// The answer to a statement that creates a table or view that is there.
    pub(super) fn exists(&mut self, keyspace: &str, name: &str, if_not_exists: bool) -> Result<()> {
        if if_not_exists {
            return self.nothing();
        }
        let text = format!("Cannot add already existing table \"{name}\" to keyspace \"{keyspace}\"");
        Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text))
    }

    /// The identity that the options bring, or a new one; and the other options.
    pub(super) fn identity_and_options(
        &mut self,
        keyspace: &str,
        name: &str,
        properties: &[Property],
    ) -> Result<(TableId, TableOptions)> {
        let (identity, others): (Vec<_>, Vec<_>) =
            properties.iter().cloned().partition(|property| property.name == "id");
        let id = match identity.first() {
            Some(Property { name, value }) => {
                let text = text(name, value)?;
                text.parse().map_err(|e| CatalogError::invalid(format!("Invalid table id '{text}': {e}")))?
            }
            None => (self.new_id)(keyspace, name),
        };
        if let Some(other) = self.catalog.table_by_id(id) {
            let text = format!("table {keyspace}.{name} can't have the id {id:#} of {}", other.full_name());
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let (lenient, warnings) = (self.lenient.is_some(), &mut self.warnings);
        let is_taken = |property: &Property| {
            // An option that another release or vendor gave a value of its own is no reason to
            // refuse the table.
            let alone = TableOptions::created(std::slice::from_ref(property), &mut |_| Ok(()));
            let problem = alone.err().filter(|_| lenient);
            problem.map(|error| format!("table {keyspace}.{name}: an option is left out: {error}"))
        };
        let (taken, problems): (Vec<_>, Vec<_>) = others
            .into_iter()
            .map(|property| (is_taken(&property), property))
            .partition(|(p, _)| p.is_none());
        warnings.extend(problems.into_iter().filter_map(|(problem, _)| problem));
        let others: Vec<_> = taken.into_iter().map(|(_, property)| property).collect();
        let options = TableOptions::created(&others, &mut |option| {
            if lenient {
                warnings
                    .push(format!("table {keyspace}.{name}: the option {option} is unknown and left out"));
                return Ok(());
            }
            Err(unknown_property(option))
        })?;
        if let Some(warning) = options.warning() {
            self.warnings.push(format!("table {keyspace}.{name}: {warning}"));
        }
        Ok((id, options))
    }

    /// The columns of the statement, checked as `CreateTableStatement.builder` does.
    fn columns(
        &self,
        keyspace: &str,
        table: &str,
        statement: &CreateTable,
        adopted: &mut Vec<helenus_types::UserType>,
    ) -> Result<Vec<TableColumn>> {
        let mut columns = Vec::with_capacity(statement.columns.len());
        let mut names = BTreeSet::new();
        for column in &statement.columns {
            if !names.insert(column.name.as_str()) {
                return Err(CatalogError::invalid(format!(
                    "Duplicate column '{}' declaration for table '{table}'",
                    column.name
                )));
            }
            columns.push(TableColumn {
                name: column.name.as_str().into(),
                ty: self.resolve(keyspace, &column.cql_type, adopted)?,
                kind: if column.is_static { ColumnKind::Static } else { ColumnKind::Regular },
                position: 0,
                mask: column.mask.clone(),
            });
        }
        let typed: Vec<_> = columns.iter().map(|column| (&*column.name, &column.ty)).collect();
        check_multi_cell_fields(&typed)?;
        place_keys(&mut columns, table, &statement.primary_key)?;
        let clustering: Vec<_> = statement.primary_key.clustering.iter().collect();
        order_clustering(&mut columns, &clustering, &statement.options.clustering_order)?;
        if clustering.is_empty() && columns.iter().any(|column| column.kind == ColumnKind::Static) {
            return Err(static_without_clustering());
        }
        Ok(columns)
    }

    pub(super) fn drop_table(&mut self, statement: &DropObject) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name = statement.name.name.as_str();
        let Some(table) = self.find_table(&keyspace, name) else {
            return self.missing(statement.if_exists, || format!("Table '{keyspace}.{name}' doesn't exist"));
        };
        if table.view.is_some() {
            return Err(CatalogError::invalid(
                "Cannot use DROP TABLE on a materialized view. Please use DROP MATERIALIZED VIEW instead.",
            ));
        }
        let views = self.catalog.keyspace(&keyspace)?.views_of(name).map(|view| &**view.name());
        let views: Vec<_> = views.collect();
        if !views.is_empty() {
            return Err(CatalogError::invalid(format!(
                "Cannot drop a table when materialized views still depend on it ({})",
                views.join(", ")
            )));
        }
        self.catalog.remove_table(&table)?;
        self.changes.push(SchemaChange::TableDropped(table.id()));
        Ok(())
    }

    pub(super) fn truncate(&mut self, name: &QualifiedName) -> Result<()> {
        let keyspace = self.keyspace_of(name)?;
        let table = self.catalog.table(&keyspace, name.name.as_str())?;
        if table.view.is_some() {
            return Err(CatalogError::invalid(
                "Cannot TRUNCATE materialized view directly; must truncate base table instead",
            ));
        }
        let views = self.catalog.keyspace(&keyspace)?.views_of(table.name());
        let truncated =
            std::iter::once(table).chain(views).map(|table| SchemaChange::TableTruncated(table.id()));
        self.changes.extend(truncated.collect::<Vec<_>>());
        Ok(())
    }
}

pub(super) fn static_without_clustering() -> CatalogError {
    CatalogError::invalid(
        "Static columns are only useful (and thus allowed) if the table has at least one clustering column",
    )
}

/// Makes key columns of those that the primary key names.
fn place_keys(columns: &mut [TableColumn], table: &str, key: &PrimaryKey) -> Result<()> {
    let partition = key.partition_key.iter().enumerate().map(|at| (ColumnKind::PartitionKey, at));
    let clustering = key.clustering.iter().enumerate().map(|at| (ColumnKind::Clustering, at));
    for (kind, (position, name)) in partition.chain(clustering) {
        let Some(column) = columns.iter_mut().find(|column| *column.name == *name.as_str()) else {
            return Err(CatalogError::invalid(format!(
                "Unknown column '{name}' referenced in PRIMARY KEY for table '{table}'"
            )));
        };
        if is_key(column.kind) {
            return Err(CatalogError::invalid(format!(
                "Duplicate column '{name}' in PRIMARY KEY clause for table '{table}'"
            )));
        }
        check_key_type(name, &column.ty)?;
        if column.kind == ColumnKind::Static {
            return Err(CatalogError::invalid(format!(
                "Static column '{name}' cannot be part of the PRIMARY KEY"
            )));
        }
        column.kind = kind;
        column.position = position;
    }
    Ok(())
}

/// Rejects types that a key column may not have.
pub(super) fn check_key_type(name: &Identifier, ty: &Type) -> Result<()> {
    let text = match ty.base() {
        Type::Udt { frozen: false, .. } => {
            format!("Invalid non-frozen user-defined type {ty} for PRIMARY KEY column '{name}'")
        }
        multi_cell if multi_cell.is_multi_cell() => {
            format!("Invalid non-frozen collection type {ty} for PRIMARY KEY column '{name}'")
        }
        Type::Counter => format!("counter type is not supported for PRIMARY KEY column '{name}'"),
        duration if duration.contains_duration() => {
            format!("duration type is not supported for PRIMARY KEY column '{name}'")
        }
        _ => return Ok(()),
    };
    Err(CatalogError::invalid(text))
}

/// Reverses the types of the clustering columns that `CLUSTERING ORDER BY` says are descending.
fn order_clustering(
    columns: &mut [TableColumn],
    clustering: &[&Identifier],
    order: &[(Identifier, Order)],
) -> Result<()> {
    let others: Vec<_> = order.iter().filter(|(name, _)| !clustering.contains(&name)).collect();
    if !others.is_empty() {
        let names = others.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(", ");
        return Err(CatalogError::invalid(format!(
            "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{names}] are not clustering columns"
        )));
    }
    for (at, (name, direction)) in order.iter().enumerate() {
        match clustering.get(at) {
            Some(expected) if *expected == name => {}
            Some(expected) if order.iter().any(|(other, _)| other == *expected) => {
                return Err(CatalogError::invalid(format!(
                    "The order of columns in the CLUSTERING ORDER directive must match that of the clustering \
                     columns ({expected} must appear before {name})"
                )));
            }
            Some(expected) => {
                return Err(CatalogError::invalid(format!("Missing CLUSTERING ORDER for column {expected}")));
            }
            None => {
                return Err(CatalogError::invalid(format!(
                    "Column {name} is given twice in CLUSTERING ORDER BY"
                )));
            }
        }
        if *direction == Order::Descending
            && let Some(column) = columns.iter_mut().find(|column| *column.name == *name.as_str())
        {
            column.ty = column.ty.clone().reversed();
        }
    }
    Ok(())
}
