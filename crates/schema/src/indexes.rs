//! Statements about indexes. They are checked and kept, and nothing builds them: a table with
//! indexes is written as any other, and no read goes by them. Like a node, which builds what its
//! `system."IndexInfo"` doesn't list, a release that builds indexes finds none built; see
//! decision 0018.

use std::sync::Arc;

use helenus_cql_syntax::{
    CreateIndex, DropObject, Identifier, IndexTarget, IndexTargetKind, Property, QualifiedName,
};
use helenus_rows::ColumnKind;
use helenus_types::Type;

use super::apply::Applier;
use super::catalog::Keyspace;
use super::change::SchemaChange;
use super::names::qualified;
use super::options::unknown_property;
use super::options_values::map_of;
use super::table_def::TableDef;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn create_index(&mut self, statement: &CreateIndex) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.table)?;
        let name = statement.table.name.as_str();
        let table = self.catalog.table(&keyspace, name)?.clone();
        let definitions = self.catalog.keyspace(&keyspace)?;
        if let Some(index) = &statement.name
            && indexed_table(definitions, index.as_str()).is_some()
        {
            if statement.if_not_exists {
                return self.nothing();
            }
            return Err(CatalogError::new(
                CatalogErrorKind::AlreadyExists,
                format!("Index '{index}' already exists"),
            ));
        }
        check_index(&table, statement)?;
        let index = statement.name.clone().unwrap_or_else(|| free_name(definitions, statement));
        if let Some(equal) = table.indexes.iter().find(|known| same_but_name(known, statement)) {
            if statement.if_not_exists {
                return self.nothing();
            }
            let known = equal.name.as_ref().map(ToString::to_string).unwrap_or_default();
            let text = format!("Index {index} is a duplicate of existing index {known}");
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let mut indexes = table.indexes.clone();
        indexes.push(CreateIndex {
            if_not_exists: false,
            name: Some(index.clone()),
            table: qualified(&keyspace, name),
            ..statement.clone()
        });
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        if !self.reading {
            self.warnings.push(not_built(&table, &index));
        }
        let change = SchemaChange::IndexCreated { table: table.id(), name: index.as_str().into() };
        self.put_indexed(&table, indexes, change)
    }

    pub(super) fn drop_index(&mut self, statement: &DropObject) -> Result<()> {
        let QualifiedName { name, .. } = &statement.name;
        let keyspace = self.keyspace_of(&statement.name)?;
        let definitions = self.catalog.keyspaces.get(&keyspace);
        let table = definitions.and_then(|definitions| indexed_table(definitions, name.as_str())).cloned();
        let Some(table) = table else {
            return self.missing(statement.if_exists, || format!("Index '{keyspace}.{name}' doesn't exist"));
        };
        let kept = table.indexes.iter().filter(|index| index.name.as_ref() != Some(name));
        let change = SchemaChange::IndexDropped { table: table.id(), name: name.as_str().into() };
        self.put_indexed(&table, kept.cloned().collect(), change)
    }

    fn put_indexed(
        &mut self,
        table: &TableDef,
        indexes: Vec<CreateIndex>,
        change: SchemaChange,
    ) -> Result<()> {
        self.changes.push(change);
        self.changes.push(SchemaChange::TableAltered { id: table.id(), columns_changed: false });
        self.catalog.put_table(TableDef { indexes, ..table.clone() })
    }
}

/// The warning about an index that is kept.
fn not_built(table: &TableDef, index: &Identifier) -> String {
    format!(
        "{}: its index {index} is kept in the schema and not built; no read goes by it",
        table.full_name()
    )
}

impl TableDef {
    /// A warning for each of its indexes, in words.
    pub fn index_warnings(&self) -> impl Iterator<Item = String> {
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

/// Rejects what `CreateIndexStatement` refuses.
fn check_index(table: &TableDef, statement: &CreateIndex) -> Result<()> {
    for Property { name, value } in &statement.properties {
        match name.as_str() {
            "options" => drop(map_of(name, value)?),
            other => return Err(unknown_property(other)),
        }
    }
    if table.is_counter() {
        return Err(CatalogError::invalid("Secondary indexes on counter tables aren't supported"));
    }
    if table.view.is_some() {
        return Err(CatalogError::invalid("Secondary indexes on materialized views aren't supported"));
    }
    let custom = statement.custom || statement.class.is_some();
    if statement.custom && statement.class.is_none() {
        return Err(CatalogError::invalid("CUSTOM index requires specifying the index class"));
    }
    match statement.targets.as_slice() {
        [] if !custom => {
            return Err(CatalogError::invalid(
                "Only CUSTOM indexes can be created without specifying a target column",
            ));
        }
        [_, _, ..] if !custom => {
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
        check_target(table, target)?;
    }
    Ok(())
}

fn check_target(table: &TableDef, IndexTarget { kind, column: name }: &IndexTarget) -> Result<()> {
    let Some(column) = table.column(name.as_str()) else {
        return Err(CatalogError::new(CatalogErrorKind::NotFound, format!("Column '{name}' doesn't exist")));
    };
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
    let is_collection = matches!(ty, Type::List { .. } | Type::Set { .. } | Type::Map { .. });
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
