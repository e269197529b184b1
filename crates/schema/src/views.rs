//! Statements about materialized views. A view's columns come from its table; the view itself can
//! only be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use helenus_cql_syntax::{
    AlterView, CreateView, DropObject, Identifier, Order, PrimaryKey, Relation, RelationTarget, Rename,
    Selection, Selector, Term,
};
use helenus_rows::ColumnKind;

use super::alter_table::UNDELIVERED;
use super::apply::Applier;
use super::change::SchemaChange;
use super::names::{check_table_name, qualified};
use super::table_def::{TableColumn, TableDef, ViewDef, is_key};
use super::tables::check_key_type;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn create_view(&mut self, statement: &CreateView) -> Result<()> {
        if !self.rules.views_enabled {
            let text = "Materialized views are disabled. Enable in cassandra.yaml to use.";
            return Err(CatalogError::new(CatalogErrorKind::Unsupported, text));
        }
        let keyspace = self.keyspace_of(&statement.name)?;
        let name: Arc<str> = statement.name.name.as_str().into();
        check_table_name(&keyspace, &name)?;
        if self.keyspace_of(&statement.base)? != keyspace {
            return Err(CatalogError::invalid(
                "Cannot create a materialized view on a table in a separate keyspace",
            ));
        }
        let base_name = statement.base.name.as_str();
        let Some(base) = self.find_table(&keyspace, base_name) else {
            let text = format!("Base table '{base_name}' doesn't exist");
            return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
        };
        if let Some(known) = self.find_table(&keyspace, &name) {
            return self.exists(&keyspace, &name, statement.if_not_exists && known.view.is_some());
        }
        check_base(&base, &name)?;
        let selected = selected(&base, &statement.selection, &name, self.reading)?;
        check_key(&base, statement, &selected, &name)?;
        check_where(&base, statement)?;
        let given = self.given_options(&keyspace, &name, &statement.options.properties)?;
        let options = self.new_options(&keyspace, &name, given)?;
        let id = self.identity(&keyspace, &name, &statement.options.properties)?;
        if options.default_time_to_live != 0 {
            return Err(CatalogError::invalid(
                "Cannot set default_time_to_live for a materialized view. Data in a materialized view always expire \
                 at the same time than the corresponding data in the parent table.",
            ));
        }
        let definition = view_def(&base, &keyspace, &name, statement);
        let columns = view_columns(&base, &definition.statement);
        let durable_writes = base.durable_writes;
        let view = TableDef::new(keyspace.clone(), name, id, columns, Arc::new(options), durable_writes)?;
        self.catalog.put_table(view.into_view(definition))?;
        self.changes.push(SchemaChange::TableCreated(id));
        self.mark_base(&base, true)
    }

    pub(super) fn alter_view(&mut self, statement: &AlterView) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let Some(view) = self.find_view(&keyspace, statement.name.name.as_str()) else {
            return self.missing(statement.if_exists, || {
                format!("Materialized view '{keyspace}.{}' doesn't exist", statement.name.name)
            });
        };
        let options = self.altered_options(&view, &statement.properties)?;
        if options.gc_grace_seconds == 0 {
            return Err(CatalogError::invalid(format!(
                "Cannot alter gc_grace_seconds of a materialized view to 0, {UNDELIVERED}"
            )));
        }
        if options.default_time_to_live > 0 {
            return Err(CatalogError::invalid(
                "Cannot set or alter default_time_to_live for a materialized view. Data in a materialized view \
                 always expire at the same time than the corresponding data in the parent table.",
            ));
        }
        self.put_altered(TableDef { options: Arc::new(options), ..TableDef::clone(&view) }, false)
    }

    pub(super) fn drop_view(&mut self, statement: &DropObject) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let Some(view) = self.find_view(&keyspace, statement.name.name.as_str()) else {
            return self.missing(statement.if_exists, || {
                format!("Materialized view '{keyspace}.{}' doesn't exist", statement.name.name)
            });
        };
        self.catalog.remove_table(&view)?;
        self.changes.push(SchemaChange::TableDropped(view.id()));
        let base = view.view.as_ref().and_then(|definition| self.find_table(&keyspace, &definition.base));
        let Some(base) = base else { return Ok(()) };
        let has_views = self.catalog.keyspace(&keyspace)?.views_of(base.name()).next().is_some();
        self.mark_base(&base, has_views)
    }

    fn find_view(&self, keyspace: &str, name: &str) -> Option<Arc<TableDef>> {
        self.find_table(keyspace, name).filter(|table| table.view.is_some())
    }

    /// Remembers at a table whether it has views, on which it depends whether it can be written.
    fn mark_base(&mut self, base: &TableDef, has_views: bool) -> Result<()> {
        if base.has_views == has_views {
            return Ok(());
        }
        self.changes.push(SchemaChange::TableAltered { id: base.id(), columns_changed: false });
        self.catalog.put_table(TableDef { has_views, ..base.clone() })
    }

    /// Derives the columns of a table's views again.
    pub(super) fn derive_views(&mut self, keyspace: &str, base: &str) -> Result<()> {
        let Some(base) = self.find_table(keyspace, base) else { return Ok(()) };
        let views: Vec<_> = self.catalog.keyspace(keyspace)?.views_of(base.name()).cloned().collect();
        for view in views {
            let Some(definition) = &view.view else { continue };
            let columns = view_columns(&base, &definition.statement);
            if columns != view.columns() {
                let encoded = |columns: &[TableColumn]| {
                    let others = columns.iter().filter(|column| !is_key(column.kind));
                    others.map(|column| (column.name.clone(), column.ty.clone())).collect::<Vec<_>>()
                };
                let columns_changed = encoded(&columns) != encoded(&view.columns());
                self.catalog.put_table(view.with_columns(columns, Vec::new())?)?;
                self.changes.push(SchemaChange::TableAltered { id: view.id(), columns_changed });
            }
        }
        Ok(())
    }

    /// Carries new names of key columns into the statements of a table's views.
    pub(super) fn rename_in_views(&mut self, base: &TableDef, renames: &[Rename]) -> Result<()> {
        let views: Vec<_> = self.catalog.keyspace(base.keyspace())?.views_of(base.name()).cloned().collect();
        for view in views {
            let Some(mut definition) = view.view.clone() else { continue };
            for Rename { from, to } in renames {
                rename(&mut definition.statement, from, to);
            }
            self.catalog.put_table(TableDef { view: Some(definition), ..TableDef::clone(&view) })?;
        }
        Ok(())
    }
}

fn check_base(base: &TableDef, view: &str) -> Result<()> {
    if base.is_counter() {
        return Err(CatalogError::invalid("Materialized views are not supported on counter tables"));
    }
    if base.view.is_some() {
        return Err(CatalogError::invalid(
            "Materialized views cannot be created against other materialized views",
        ));
    }
    if base.options.gc_grace_seconds == 0 {
        return Err(CatalogError::invalid(format!(
            "Cannot create materialized view '{view}' for base table '{}' with gc_grace_seconds of 0, since this \
             value is used to TTL undelivered updates.",
            base.name()
        )));
    }
    Ok(())
}

/// The columns of the table that a view takes. `reading`: the view was made before; static columns
/// that its table got since are not a part of `*`.
fn selected<'a>(
    base: &'a TableDef,
    selection: &'a Selection,
    view: &str,
    reading: bool,
) -> Result<BTreeSet<&'a str>> {
    let mut selected = BTreeSet::new();
    let is_static =
        |name: &&str| base.schema().column(name).is_some_and(|(kind, _)| kind == ColumnKind::Static);
    match selection {
        Selection::All => selected.extend(base.column_names().filter(|name| !reading || !is_static(name))),
        Selection::Selectors(selectors) => {
            for selector in selectors {
                let Selector { term: Term::Column(name), alias: None } = selector else {
                    return Err(CatalogError::invalid(
                        "Can only select columns by name, without aliases, when defining a materialized view",
                    ));
                };
                if base.column(name.as_str()).is_none() {
                    return Err(CatalogError::invalid(format!(
                        "Undefined column name {name} in table {}",
                        base.full_name()
                    )));
                }
                selected.insert(name.as_str());
            }
        }
    }
    match selected.iter().find(|name| is_static(name)) {
        Some(name) => Err(CatalogError::invalid(format!(
            "Cannot include static column '{name}' in materialized view '{view}'"
        ))),
        None => Ok(selected),
    }
}

fn key_columns(key: &PrimaryKey) -> impl Iterator<Item = &Identifier> {
    key.partition_key.iter().chain(&key.clustering)
}

fn check_key(base: &TableDef, statement: &CreateView, selected: &BTreeSet<&str>, view: &str) -> Result<()> {
    let mut names = BTreeSet::new();
    for name in key_columns(&statement.primary_key) {
        let column = base.column(name.as_str()).filter(|_| selected.contains(name.as_str()));
        let Some(column) = column else {
            return Err(CatalogError::invalid(format!(
                "Unknown column '{name}' referenced in PRIMARY KEY for materialized view '{view}'"
            )));
        };
        if !names.insert(name.as_str()) {
            return Err(CatalogError::invalid(format!(
                "Duplicate column '{name}' in PRIMARY KEY clause for materialized view '{view}'"
            )));
        }
        check_key_type(name, &column.ty)?;
    }
    let ordered: Vec<_> = statement.options.clustering_order.iter().map(|(name, _)| name).collect();
    if !ordered.is_empty() && ordered != statement.primary_key.clustering.iter().collect::<Vec<_>>() {
        return Err(CatalogError::invalid(
            "Clustering key columns must exactly match columns in CLUSTERING ORDER BY directive",
        ));
    }
    let in_base_key = |name: &&str| base.schema().column(name).is_some_and(|(kind, _)| is_key(kind));
    let base_key = || base.column_names().filter(in_base_key);
    let missing: Vec<_> = base_key().filter(|name| !names.contains(name)).collect();
    if !missing.is_empty() {
        return Err(CatalogError::invalid(format!(
            "Cannot create materialized view '{view}' without primary key columns {} from base table '{}'",
            missing.join(", "),
            base.name()
        )));
    }
    base_key().for_each(|name| {
        names.remove(name);
    });
    if names.len() > 1 {
        return Err(CatalogError::invalid(format!(
            "Cannot include more than one non-primary key column in materialized view primary key (got {})",
            names.into_iter().collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(())
}

/// The columns that a relation is about; none where views can't have such a relation.
fn restricted(relation: &Relation) -> Option<&[Identifier]> {
    Some(match relation {
        Relation::IsNotNull(column) => std::slice::from_ref(column),
        Relation::Comparison { target, .. } | Relation::In { target, .. } => match target {
            RelationTarget::Column(column) => std::slice::from_ref(column),
            RelationTarget::Tuple(columns) => columns,
            _ => return None,
        },
        _ => return None,
    })
}

fn check_where(base: &TableDef, statement: &CreateView) -> Result<()> {
    let mut restricted_columns = BTreeSet::new();
    for relation in &statement.where_clause {
        let Some(columns) = restricted(relation) else {
            return Err(CatalogError::invalid(
                "Cannot use such a relation when defining a materialized view",
            ));
        };
        for name in columns {
            let Some(column) = base.column(name.as_str()) else {
                return Err(CatalogError::invalid(format!(
                    "Undefined column name {name} in table {}",
                    base.full_name()
                )));
            };
            let in_key = key_columns(&statement.primary_key).any(|key| key == name);
            if !matches!(relation, Relation::IsNotNull(_)) && !is_key(column.kind) && !in_key {
                return Err(CatalogError::invalid(format!(
                    "Non-primary key columns can only be restricted with 'IS NOT NULL' (got: {name} restricted illegally)"
                )));
            }
            restricted_columns.insert(name);
        }
    }
    let missing = key_columns(&statement.primary_key).filter(|name| !restricted_columns.contains(name));
    let missing: Vec<_> = missing.map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CatalogError::invalid(format!(
        "Primary key columns {} must be restricted with 'IS NOT NULL' or otherwise",
        missing.join(", ")
    )))
}

fn view_def(base: &TableDef, keyspace: &str, name: &str, statement: &CreateView) -> ViewDef {
    let mut statement = statement.clone();
    statement.if_not_exists = false;
    statement.name = qualified(keyspace, name);
    statement.base = qualified(keyspace, base.name());
    statement.options.properties.clear();
    // The printed form always names the order, so it is stored.
    let order = |name: &Identifier| {
        let given = statement.options.clustering_order.iter().find(|(column, _)| column == name);
        let of_base = || match base.column(name.as_str()).is_some_and(|column| column.ty.is_reversed()) {
            true => Order::Descending,
            false => Order::Ascending,
        };
        (name.clone(), given.map_or_else(of_base, |(_, order)| *order))
    };
    statement.options.clustering_order = statement.primary_key.clustering.iter().map(order).collect();
    let base_key = |name: &Identifier| base.column(name.as_str()).is_some_and(|column| is_key(column.kind));
    let strict_liveness = !key_columns(&statement.primary_key).all(base_key);
    ViewDef { base: base.name().clone(), statement, strict_liveness }
}

/// The view's columns: its keys, then the others in the order of the table's.
fn view_columns(base: &TableDef, statement: &CreateView) -> Vec<TableColumn> {
    let column = |name: &Identifier, kind, position| {
        let column = base.column(name.as_str())?;
        let mut ty = column.ty.base().clone();
        let order = statement.options.clustering_order.iter().find(|(column, _)| column == name);
        if order.is_some_and(|(_, order)| *order == Order::Descending) {
            ty = ty.reversed();
        }
        Some(TableColumn { ty, kind, position, ..column })
    };
    let PrimaryKey { partition_key, clustering } = &statement.primary_key;
    let partition = partition_key.iter().enumerate();
    let partition = partition.filter_map(|(at, name)| column(name, ColumnKind::PartitionKey, at));
    let clustering = clustering.iter().enumerate();
    let clustering = clustering.filter_map(|(at, name)| column(name, ColumnKind::Clustering, at));
    let is_selected = |name: &str| match &statement.selection {
        Selection::All => true,
        Selection::Selectors(selectors) => selectors
            .iter()
            .any(|selector| matches!(&selector.term, Term::Column(column) if *column == *name)),
    };
    let others = base.columns().into_iter().filter(|column| {
        let in_key = key_columns(&statement.primary_key).any(|key| *key == *column.name);
        !in_key && column.kind == ColumnKind::Regular && is_selected(&column.name)
    });
    partition.chain(clustering).chain(others).collect()
}

/// Renames a column everywhere in a view's statement.
fn rename(statement: &mut CreateView, from: &Identifier, to: &Identifier) {
    let rename = |name: &mut Identifier| {
        if name == from {
            *name = to.clone();
        }
    };
    statement.primary_key.partition_key.iter_mut().for_each(rename);
    statement.primary_key.clustering.iter_mut().for_each(rename);
    statement.options.clustering_order.iter_mut().for_each(|(name, _)| rename(name));
    if let Selection::Selectors(selectors) = &mut statement.selection {
        for selector in selectors {
            if let Term::Column(name) = &mut selector.term {
                rename(name);
            }
        }
    }
    for relation in &mut statement.where_clause {
        match relation {
            Relation::IsNotNull(name) => rename(name),
            Relation::Comparison { target, .. } | Relation::In { target, .. } => match target {
                RelationTarget::Column(name) => rename(name),
                RelationTarget::Tuple(names) => names.iter_mut().for_each(rename),
                _ => {}
            },
            _ => {}
        }
    }
}
