//! Statements about indexes. They are checked and kept, and nothing builds them: a table with
//! indexes is written as any other, and no read goes by them. Like a node, which builds what its
//! `system."IndexInfo"` doesn't list, a release that builds indexes finds none built; see
//! decision 0018.

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_cql_syntax::{
    CreateIndex, DropObject, Identifier, IndexTarget, IndexTargetKind, Property, QualifiedName,
};
use helenus_rows::ColumnKind;
use helenus_types::Type;

use super::apply::Applier;
use super::catalog::Keyspace;
use super::change::SchemaChange;
use super::index_classes::{IndexClass, vector_warnings};
use super::names::{MAX_NAME_CHARS, is_word, qualified};
use super::options_values::{map_of, unknown_property};
use super::table_def::TableDef;
use super::warning::SchemaWarning;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn create_index(&mut self, statement: &CreateIndex) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.table)?;
        let class = IndexClass::of(statement);
        let mut options = BTreeMap::new();
        if !self.reading {
            options = given_options(statement, class)?;
            class.check_enabled(&self.rules)?;
        }
        let name = statement.table.name.as_str();
        let definitions = self.catalog.keyspace(&keyspace)?;
        let Some(table) = definitions.tables.get(name).cloned() else {
            let text = format!("Table '{name}' doesn't exist");
            return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
        };
        if let Some(index) = &statement.name
            && indexed_table(definitions, index.as_str()).is_some()
        {
            if statement.if_not_exists {
                return self.nothing();
            }
            let text = format!("Index '{index}' already exists");
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let mut made =
            CreateIndex { if_not_exists: false, table: qualified(&keyspace, name), ..statement.clone() };
        check_index(&table, &mut made, class)?;
        let index = statement.name.clone().unwrap_or_else(|| free_name(definitions, statement));
        if let Some(equal) = table.indexes.iter().find(|known| same_but_name(known, &made)) {
            if statement.if_not_exists {
                return self.nothing();
            }
            let known = equal.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
            let text = format!("Index {} is a duplicate of existing index {known}", index.as_str());
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        if !self.reading {
            if !is_word(index.as_str()) {
                let text = format!("Illegal index name {}", index.as_str());
                return Err(CatalogError::configuration(text));
            }
            class.check(&table, &made, &options, &self.rules)?;
            self.warnings.push(not_built(&table, &index));
        }
        made.name = Some(index.clone());
        let mut indexes = table.indexes.clone();
        indexes.push(made);
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        let change = SchemaChange::IndexCreated { table: table.id(), name: index.as_str().into() };
        let indexed = TableDef { indexes, ..TableDef::clone(&table) };
        if !self.reading {
            self.warnings.extend(vector_warnings(&indexed));
        }
        self.put_indexed(indexed, change)
    }

    pub(super) fn drop_index(&mut self, statement: &DropObject) -> Result<()> {
        let QualifiedName { name, .. } = &statement.name;
        let keyspace = self.keyspace_of(&statement.name)?;
        let definitions = self.catalog.keyspaces.get(&keyspace);
        let table = definitions.and_then(|definitions| indexed_table(definitions, name.as_str())).cloned();
        let Some(table) = table else {
            let name = name.as_str();
            return self.missing(statement.if_exists, || format!("Index '{keyspace}.{name}' doesn't exist'"));
        };
        let kept = table.indexes.iter().filter(|index| index.name.as_ref() != Some(name));
        let change = SchemaChange::IndexDropped { table: table.id(), name: name.as_str().into() };
        self.put_indexed(TableDef { indexes: kept.cloned().collect(), ..TableDef::clone(&table) }, change)
    }

    fn put_indexed(&mut self, table: TableDef, change: SchemaChange) -> Result<()> {
        self.changes.push(change);
        self.changes.push(SchemaChange::TableAltered { id: table.id(), columns_changed: false });
        self.catalog.put_table(table)
    }
}

/// The warning about an index that is kept.
fn not_built(table: &TableDef, index: &Identifier) -> SchemaWarning {
    SchemaWarning::IndexNotBuilt { table: table.full_name(), index: index.to_string() }
}

impl TableDef {
    /// A warning for each of its indexes.
    pub fn index_warnings(&self) -> impl Iterator<Item = SchemaWarning> {
        self.indexes.iter().filter_map(|index| index.name.as_ref()).map(|name| not_built(self, name))
    }
}

/// The table that has an index of that name; names are unique in a keyspace.
fn indexed_table<'a>(keyspace: &'a Keyspace, index: &str) -> Option<&'a Arc<TableDef>> {
    let has = |table: &&Arc<TableDef>| {
        table.indexes.iter().any(|known| known.name.as_ref().is_some_and(|name| *name == *index))
    };
    keyspace.tables().find(has)
}

fn same_but_name(a: &CreateIndex, b: &CreateIndex) -> bool {
    (&a.targets, &a.class, a.custom, &a.properties) == (&b.targets, &b.class, b.custom, &b.properties)
}

/// `table_column_idx`, or with a number after it (`Keyspace.findAvailableIndexName`).
fn free_name(keyspace: &Keyspace, statement: &CreateIndex) -> Identifier {
    let table = statement.table.name.as_str();
    let name = match statement.targets.as_slice() {
        [only] => format!("{table}_{}_idx", only.column.as_str()),
        _ => format!("{table}_idx"),
    };
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let mut free = name.clone();
    let mut number = 1_u32;
    while indexed_table(keyspace, &free).is_some() {
        free = format!("{name}_{number}");
        number += 1;
    }
    Identifier::exact(free)
}

/// The options of a statement, checked as `IndexAttributes.validate` does.
fn given_options(statement: &CreateIndex, class: IndexClass<'_>) -> Result<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    if let Some(unknown) = statement.properties.iter().find(|property| property.name != "options") {
        return Err(unknown_property(unknown.name.as_str()));
    }
    if class == IndexClass::Legacy && !statement.properties.is_empty() {
        return Err(CatalogError::invalid("Cannot specify options for a non-CUSTOM index"));
    }
    for Property { name, value } in &statement.properties {
        options = map_of(name, value)?;
    }
    match ["class_name", "target"].iter().find(|own| options.contains_key(**own)) {
        Some(own) => Err(CatalogError::invalid(format!("Cannot specify {own} as a CUSTOM option"))),
        None => Ok(options),
    }
}

/// Rejects what `CreateIndexStatement` refuses; what is indexed of a collection is said in full.
fn check_index(table: &TableDef, statement: &mut CreateIndex, class: IndexClass<'_>) -> Result<()> {
    if table.is_counter() {
        return Err(CatalogError::invalid("Secondary indexes on counter tables aren't supported"));
    }
    if table.view.is_some() {
        return Err(CatalogError::invalid("Secondary indexes on materialized views aren't supported"));
    }
    for target in &mut statement.targets {
        let Some(column) = table.column(target.column.as_str()) else {
            let text = format!("Undefined column name {} in table {}", target.column, table.full_name());
            return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
        };
        if target.kind == IndexTargetKind::Simple && is_collection(&column.ty) {
            target.kind = IndexTargetKind::Values;
        }
    }
    let is_custom = class != IndexClass::Legacy;
    match statement.targets.as_slice() {
        [] if !is_custom => {
            return Err(CatalogError::invalid(
                "Only CUSTOM indexes can be created without specifying a target column",
            ));
        }
        [_, _, ..] if !is_custom => {
            return Err(CatalogError::invalid("Only CUSTOM indexes support multiple columns"));
        }
        _ => {}
    }
    for (at, target) in statement.targets.iter().enumerate() {
        if statement.targets.iter().take(at).any(|other| other.column == target.column) {
            return Err(CatalogError::invalid(format!(
                "Duplicate column '{}' in index target list",
                target.column
            )));
        }
    }
    statement.targets.iter().try_for_each(|target| check_target(table, target, is_custom))
}

fn is_collection(ty: &Type) -> bool {
    matches!(ty.base(), Type::List { .. } | Type::Set { .. } | Type::Map { .. })
}

fn check_target(
    table: &TableDef,
    IndexTarget { kind, column: name }: &IndexTarget,
    is_custom: bool,
) -> Result<()> {
    let Some(column) = table.column(name.as_str()) else {
        return Err(CatalogError::new(CatalogErrorKind::NotFound, format!("Column '{name}' doesn't exist")));
    };
    if is_custom && !is_word(name.as_str()) {
        return Err(CatalogError::invalid(format!(
            "Column '{}' is longer than the permissible name length of {MAX_NAME_CHARS} characters or contains \
             non-alphanumeric-underscore characters",
            name.as_str()
        )));
    }
    let ty = column.ty.base();
    if ty.contains_duration() {
        let what = match ty {
            Type::Udt { .. } => "UDTs containing durations",
            Type::Tuple(_) => "tuples containing durations",
            Type::Duration => "duration columns",
            _ => "collections containing durations",
        };
        return Err(CatalogError::invalid(format!("Secondary indexes are not supported on {what}")));
    }
    if column.kind == ColumnKind::PartitionKey && table.schema().partition_key().len() == 1 {
        return Err(CatalogError::invalid(format!(
            "Cannot create secondary index on the only partition key column {name}"
        )));
    }
    let is_collection = is_collection(ty);
    let frozen_collection = is_collection && !ty.is_multi_cell();
    let what = match kind {
        IndexTargetKind::Simple => "values",
        IndexTargetKind::Keys => "keys",
        IndexTargetKind::Values => "values",
        IndexTargetKind::Entries => "entries",
        IndexTargetKind::Full => "full",
    };
    let problem = if frozen_collection && *kind != IndexTargetKind::Full {
        format!(
            "Cannot create {what}() index on frozen column {name}. Frozen collections are immutable and must be \
             fully indexed by using the 'full({name})' modifier"
        )
    } else if !frozen_collection && *kind == IndexTargetKind::Full {
        "full() indexes can only be created on frozen collections".to_owned()
    } else if !is_collection && *kind != IndexTargetKind::Simple {
        format!("Cannot create {what}() index on {name}. Non-collection columns only support simple indexes")
    } else if matches!(kind, IndexTargetKind::Keys | IndexTargetKind::Entries) && ty.key().is_none() {
        format!("Cannot create index on {what} of column {name} with non-map type")
    } else if matches!(ty, Type::Udt { frozen: false, .. }) {
        format!("Cannot create index on non-frozen UDT column {name}")
    } else {
        return Ok(());
    };
    Err(CatalogError::invalid(problem))
}
