//! `CREATE TABLE`, `DROP TABLE` and `TRUNCATE`.

use std::collections::BTreeSet;
use std::sync::Arc;

use helenus_cql_syntax::{
    ColumnMask, CqlType, CreateTable, DropObject, Identifier, NativeType, Order, PrimaryKey, Property,
    QualifiedName,
};
use helenus_rows::ColumnKind;
use helenus_types::{TableId, Type};

use super::apply::Applier;
use super::change::SchemaChange;
use super::compact;
use super::names::{check_column_name, check_table_name};
use super::options::TableOptions;
use super::options_given::GivenOptions;
use super::options_values::{OptionSource, text};
use super::table_def::{TableColumn, TableDef, is_key};
use super::type_statements::check_multi_cell_fields;
use super::warning::SchemaWarning;
use crate::error::{CatalogError, CatalogErrorKind, Existing, Result};

impl Applier<'_> {
    pub(super) fn create_table(&mut self, statement: &CreateTable) -> Result<()> {
        let primary_key = check_parts(statement)?;
        let keyspace = self.keyspace_of(&statement.name)?;
        let name: Arc<str> = statement.name.name.as_str().into();
        let given = self.given_options(&keyspace, &name, &statement.options.properties)?;
        statement.columns.iter().try_for_each(|column| self.check_mask(column.mask.as_ref()))?;
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
        let options = self.new_options(&keyspace, &name, given)?;
        let mut adopted = Vec::new();
        let mut columns = self.columns(&keyspace, &name, statement, primary_key, &mut adopted)?;
        let compact =
            statement.options.compact_storage.then(|| compact::keep(&mut columns, &name)).transpose()?;
        check_counters(statement, &columns, &options)?;
        let id = self.identity(&keyspace, &name, &statement.options.properties)?;
        check_table_name(&keyspace, &name)?;
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
        let table = Some(name.to_owned());
        Err(CatalogError::exists(Existing { keyspace: keyspace.to_owned(), table }))
    }

    /// Rejects a new mask where columns can't have one (`ColumnMask.ensureEnabled`).
    pub(super) fn check_mask(&self, mask: Option<&ColumnMask>) -> Result<()> {
        if mask.is_none() || self.rules.masking_enabled {
            return Ok(());
        }
        Err(CatalogError::invalid(
            "Cannot mask columns because dynamic data masking is not enabled. You can enable it with the \
             dynamic_data_masking_enabled property on cassandra.yaml",
        ))
    }

    /// The identity that the options bring, or a new one.
    pub(super) fn identity(
        &mut self,
        keyspace: &str,
        name: &str,
        properties: &[Property],
    ) -> Result<TableId> {
        let id = match properties.iter().find(|property| property.name == "id") {
            Some(property) => given_id(property)?,
            None => (self.new_id)(keyspace, name),
        };
        match self.catalog.table_by_id(id) {
            Some(other) => {
                let other = other.full_name();
                let text = format!("table {keyspace}.{name} can't have the id {id:#} of {other}");
                Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text))
            }
            None => Ok(id),
        }
    }

    /// The options that a statement gives a new table. Of a foreign file they are left out where
    /// another release or vendor gave them a value of its own.
    pub(super) fn given_options(
        &mut self,
        keyspace: &str,
        name: &str,
        properties: &[Property],
    ) -> Result<GivenOptions> {
        if self.lenient.is_none() {
            return GivenOptions::read(properties, self.origin());
        }
        let mut taken = Vec::with_capacity(properties.len());
        for property in properties {
            let alone = GivenOptions::read(std::slice::from_ref(property), OptionSource::Text);
            match alone.and_then(TableOptions::created) {
                Ok(_) => taken.push(property.clone()),
                Err(error) => self.leave_out(keyspace, name, format!("an option is left out: {error}")),
            }
        }
        let given = GivenOptions::read(&taken, OptionSource::Text)?;
        for option in given.unknown() {
            self.leave_out(keyspace, name, format!("the option {option} is unknown and left out"));
        }
        Ok(given)
    }

    fn leave_out(&mut self, keyspace: &str, name: &str, part: String) {
        self.warnings.push(SchemaWarning::LeftOut { table: format!("{keyspace}.{name}"), part });
    }

    /// The options of a new table.
    pub(super) fn new_options(
        &mut self,
        keyspace: &str,
        name: &str,
        given: GivenOptions,
    ) -> Result<TableOptions> {
        if self.lenient.is_none() {
            given.check_known()?;
        }
        let options = TableOptions::created(given)?;
        self.warn_of_effect(&format!("{keyspace}.{name}"), &options);
        Ok(options)
    }

    /// Says where options of a table act differently from what they say.
    pub(super) fn warn_of_effect(&mut self, table: &str, options: &TableOptions) {
        let effect = options.warning();
        let warning = effect.map(|effect| SchemaWarning::OtherEffect { table: table.to_owned(), effect });
        self.warnings.extend(warning);
    }

    /// The columns of the statement, checked as `CreateTableStatement.builder` does.
    fn columns(
        &self,
        keyspace: &str,
        table: &str,
        statement: &CreateTable,
        primary_key: &PrimaryKey,
        adopted: &mut Vec<helenus_types::UserType>,
    ) -> Result<Vec<TableColumn>> {
        let mut columns = Vec::with_capacity(statement.columns.len());
        for column in &statement.columns {
            if !self.reading {
                check_column_name(column.name.as_str())?;
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
        place_keys(&mut columns, table, primary_key)?;
        let clustering: Vec<_> = primary_key.clustering.iter().collect();
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
        let keyspace = self.keyspace_for_data(name)?;
        let missing = |what: &str, name: &str| {
            CatalogError::new(CatalogErrorKind::NotFound, format!("{what} {name} does not exist"))
        };
        let Some(definitions) = self.catalog.keyspaces.get(&keyspace) else {
            return Err(missing("keyspace", &keyspace));
        };
        let table = name.name.as_str();
        let table = definitions.tables.get(table).ok_or_else(|| missing("table", table))?;
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

/// Rejects what Cassandra's parser does: a column, its order or the primary key twice. Returns the
/// primary key.
fn check_parts(statement: &CreateTable) -> Result<&PrimaryKey> {
    let table = statement.name.name.as_str();
    if let Some(name) = twice(statement.columns.iter().map(|column| &column.name)) {
        return Err(CatalogError::invalid(format!(
            "Duplicate column '{name}' declaration for table '{table}'"
        )));
    }
    if statement.primary_keys.len() > 1 {
        return Err(CatalogError::invalid(format!(
            "Multiple PRIMARY KEY specified for table '{table}' (exactly one required)"
        )));
    }
    if let Some(name) = twice(statement.options.clustering_order.iter().map(|(name, _)| name)) {
        return Err(CatalogError::invalid(format!(
            "Duplicate column '{name}' in CLUSTERING ORDER BY clause for table '{table}'"
        )));
    }
    statement.primary_keys.first().ok_or_else(|| {
        CatalogError::invalid(format!("No PRIMARY KEY specifed for table '{table}' (exactly one required)"))
    })
}

/// The first name that was there before.
fn twice<'a>(mut names: impl Iterator<Item = &'a Identifier>) -> Option<&'a Identifier> {
    let mut known = BTreeSet::new();
    names.find(|name| !known.insert(name.as_str()))
}

fn check_counters(statement: &CreateTable, columns: &[TableColumn], options: &TableOptions) -> Result<()> {
    let is_counter = |ty: &CqlType| *ty == CqlType::Native(NativeType::COUNTER);
    if !statement.columns.iter().any(|column| is_counter(&column.cql_type)) {
        return Ok(());
    }
    if columns.iter().any(|column| !is_key(column.kind) && !column.ty.is_counter()) {
        return Err(CatalogError::invalid("Cannot mix counter and non counter columns in the same table"));
    }
    if options.default_time_to_live > 0 {
        return Err(CatalogError::invalid("Cannot set default_time_to_live on a table with counters"));
    }
    Ok(())
}

/// The identity that an option names.
pub(super) fn given_id(Property { name, value }: &Property) -> Result<TableId> {
    let text = text(name, value)?;
    text.parse().ok().ok_or_else(|| CatalogError::configuration("Invalid table id"))
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
                unreachable!("no column is ordered twice, and all that are ordered are clustering columns")
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
