//! Statements about keyspaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_cql_syntax::{AlterKeyspace, CreateKeyspace, DropKeyspace, Property};

use super::apply::Applier;
use super::catalog::Keyspace;
use super::change::SchemaChange;
use super::names::{check_name, check_not_system};
use super::options::unknown_property;
use super::options_values::{boolean, map_of};
use super::table_def::TableDef;
use super::user_types::UserTypes;
use crate::error::{CatalogError, CatalogErrorKind, Result};

/// The attributes that a statement gives a keyspace.
#[derive(Default)]
struct Attributes {
    replication: Option<BTreeMap<String, String>>,
    durable_writes: Option<bool>,
}

impl Applier<'_> {
    pub(super) fn create_keyspace(&mut self, statement: &CreateKeyspace) -> Result<()> {
        let name: Arc<str> = statement.name.as_str().into();
        check_name("Keyspace", &name)?;
        let lenient = self.lenient.is_some();
        if !lenient {
            check_not_system(&name)?;
        }
        let attributes = attributes(&statement.properties, lenient)?;
        if self.catalog.keyspaces.contains_key(&name) {
            if statement.if_not_exists {
                return self.nothing();
            }
            let text = format!("Cannot add existing keyspace \"{name}\"");
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let replication = attributes.replication.filter(|map| !map.is_empty());
        let Some(replication) = replication.or_else(|| lenient.then(default_replication)) else {
            return Err(CatalogError::invalid("Missing mandatory option 'replication'"));
        };
        self.put_keyspace(&name, replication, attributes.durable_writes.unwrap_or(true));
        Ok(())
    }

    /// A keyspace that a foreign file uses and doesn't create.
    pub(super) fn create_default_keyspace(&mut self, name: &Arc<str>) -> Result<()> {
        check_name("Keyspace", name)?;
        self.put_keyspace(name, default_replication(), true);
        Ok(())
    }

    fn put_keyspace(&mut self, name: &Arc<str>, replication: BTreeMap<String, String>, durable_writes: bool) {
        let keyspace = Keyspace {
            name: name.clone(),
            replication,
            durable_writes,
            types: UserTypes::default(),
            tables: BTreeMap::new(),
            functions: Vec::new(),
        };
        self.catalog.keyspaces.insert(name.clone(), Arc::new(keyspace));
        self.changes.push(SchemaChange::KeyspaceCreated(name.clone()));
    }

    pub(super) fn alter_keyspace(&mut self, statement: &AlterKeyspace) -> Result<()> {
        let name: Arc<str> = statement.name.as_str().into();
        check_not_system(&name)?;
        let attributes = attributes(&statement.properties, self.lenient.is_some())?;
        let Some(present) = self.catalog.keyspaces.get(&name) else {
            return self.missing(statement.if_exists, || format!("Keyspace '{name}' doesn't exist"));
        };
        let mut changed = Keyspace::clone(present);
        // An empty map leaves the replication unchanged, as in Cassandra.
        if let Some(replication) = attributes.replication.filter(|map| !map.is_empty()) {
            changed.replication = replication;
        }
        let durable_writes = attributes.durable_writes.unwrap_or(changed.durable_writes);
        self.changes.push(SchemaChange::KeyspaceAltered { name: name.clone(), durable_writes });
        if durable_writes != changed.durable_writes {
            changed.durable_writes = durable_writes;
            for table in changed.tables.values_mut() {
                *table = Arc::new(TableDef { durable_writes, ..TableDef::clone(table) });
                self.changes.push(SchemaChange::TableAltered { id: table.id(), columns_changed: false });
            }
        }
        self.catalog.keyspaces.insert(name, Arc::new(changed));
        Ok(())
    }

    pub(super) fn drop_keyspace(&mut self, statement: &DropKeyspace) -> Result<()> {
        let name: Arc<str> = statement.name.as_str().into();
        check_not_system(&name)?;
        let Some(dropped) = self.catalog.keyspaces.remove(&name) else {
            return self.missing(statement.if_exists, || format!("Keyspace '{name}' doesn't exist"));
        };
        for table in dropped.tables() {
            self.catalog.places.remove(&table.id());
            self.changes.push(SchemaChange::TableDropped(table.id()));
        }
        self.changes.push(SchemaChange::KeyspaceDropped(name));
        Ok(())
    }
}

/// The replication of a keyspace that is made without a description.
fn default_replication() -> BTreeMap<String, String> {
    let entries = [("class", "SimpleStrategy"), ("replication_factor", "1")];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn attributes(properties: &[Property], lenient: bool) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for Property { name, value } in properties {
        match name.as_str() {
            "replication" => {
                let map = map_of(name, value)?;
                if !lenient && !map.is_empty() {
                    check_replication(&map)?;
                }
                attributes.replication = Some(map);
            }
            "durable_writes" => attributes.durable_writes = Some(boolean(name, value)?),
            _ if lenient => {}
            other => return Err(unknown_property(other)),
        }
    }
    Ok(attributes)
}

/// What a replication map may say (`AbstractReplicationStrategy.validateOptions`).
fn check_replication(map: &BTreeMap<String, String>) -> Result<()> {
    let Some(class) = map.get("class") else {
        return Err(CatalogError::invalid("Missing replication strategy class"));
    };
    let simple = class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(class);
    match simple {
        "LocalStrategy" => {
            let text = "Unable to use given strategy class: LocalStrategy is reserved for internal use.";
            return Err(CatalogError::invalid(text));
        }
        "SimpleStrategy" => {
            if let Some(unknown) = map.keys().find(|name| *name != "class" && *name != "replication_factor") {
                let text = format!("Unrecognized strategy option {{{unknown}}} passed to SimpleStrategy");
                return Err(CatalogError::invalid(text));
            }
            if !map.contains_key("replication_factor") {
                return Err(CatalogError::invalid(
                    "SimpleStrategy requires a replication_factor strategy option.",
                ));
            }
        }
        "NetworkTopologyStrategy" => {}
        _ => {
            return Err(CatalogError::invalid(format!(
                "Unable to find replication strategy class '{class}'"
            )));
        }
    }
    // A factor, or one with its transient replicas after a slash.
    let is_factor = |value: &str| {
        value.split('/').all(|part| part.parse::<u16>().is_ok()) && value.split('/').count() <= 2
    };
    match map.iter().find(|(name, value)| *name != "class" && !is_factor(value)) {
        Some((_, value)) => Err(CatalogError::invalid(format!(
            "Replication factor must be numeric and non-negative, found '{value}'"
        ))),
        None => Ok(()),
    }
}
