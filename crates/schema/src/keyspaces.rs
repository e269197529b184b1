//! Statements about keyspaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_cql_syntax::{AlterKeyspace, CreateKeyspace, DropKeyspace, Identifier, Property, PropertyValue};

use super::apply::Applier;
use super::catalog::Keyspace;
use super::change::SchemaChange;
use super::names::{
    MAX_KEYSPACE_CHARS, MAX_NAME_CHARS, check_keyspace_name, check_modifiable, check_not_system,
};
use super::options_values::{boolean, map_of, unknown_property};
use super::replication::{self, ReplicationMap, check_class, default_replication, prepared};
use super::table_def::TableDef;
use super::user_types::UserTypes;
use crate::error::{CatalogError, Existing, Result};

/// The attributes that a statement gives a keyspace.
#[derive(Default)]
struct Attributes {
    replication: Option<ReplicationMap>,
    durable_writes: Option<(Identifier, PropertyValue)>,
}

impl Attributes {
    fn durable_writes(&self, default: bool) -> Result<bool> {
        self.durable_writes.as_ref().map_or(Ok(default), |(name, value)| boolean(name, value))
    }
}

impl Applier<'_> {
    pub(super) fn create_keyspace(&mut self, statement: &CreateKeyspace) -> Result<()> {
        let name: Arc<str> = statement.name.as_str().into();
        let lenient = self.lenient.is_some();
        if !lenient {
            check_not_system(&name)?;
        }
        check_keyspace_name(&name, self.longest_keyspace_name())?;
        let attributes = attributes(&statement.properties, lenient)?;
        if attributes.replication.is_none() && !lenient {
            return Err(CatalogError::invalid("Missing mandatory option 'replication'"));
        }
        if self.catalog.keyspaces.contains_key(&name) {
            if statement.if_not_exists {
                return self.nothing();
            }
            return Err(CatalogError::exists(Existing { keyspace: name.to_string(), table: None }));
        }
        let durable_writes = attributes.durable_writes(true)?;
        let given = attributes.replication.unwrap_or_default();
        let replication = match (given.is_empty(), self.reading) {
            (false, true) => given,
            (true, true) if lenient => default_replication(),
            (true, _) => return Err(CatalogError::invalid("Missing mandatory option 'replication'")),
            (false, false) => prepared(&name, &given, &ReplicationMap::new(), self.rules.datacenter)?,
        };
        if self.rules.datacenter.is_some() {
            self.warnings.extend(replication::warnings(&name, &replication, None));
        }
        self.put_keyspace(&name, replication, durable_writes);
        Ok(())
    }

    /// A keyspace that a foreign file uses and doesn't create.
    pub(super) fn create_default_keyspace(&mut self, name: &Arc<str>) -> Result<()> {
        check_keyspace_name(name, MAX_NAME_CHARS)?;
        self.put_keyspace(name, default_replication(), true);
        Ok(())
    }

    /// Earlier releases took longer names than Cassandra does, which are in schemas.
    fn longest_keyspace_name(&self) -> usize {
        if self.reading { MAX_NAME_CHARS } else { MAX_KEYSPACE_CHARS }
    }

    fn put_keyspace(&mut self, name: &Arc<str>, replication: ReplicationMap, durable_writes: bool) {
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
        check_modifiable(&name)?;
        check_keyspace_name(&name, MAX_NAME_CHARS)?;
        let attributes = attributes(&statement.properties, self.lenient.is_some())?;
        let Some(present) = self.catalog.keyspaces.get(&name) else {
            return self.missing(statement.if_exists, || format!("Keyspace '{name}' doesn't exist"));
        };
        let mut changed = Keyspace::clone(present);
        let durable_writes = attributes.durable_writes(changed.durable_writes)?;
        // An empty map leaves the replication unchanged, as in Cassandra.
        if let Some(given) = attributes.replication.filter(|map| !map.is_empty()) {
            changed.replication = match self.reading {
                true => given,
                false => prepared(&name, &given, &changed.replication, self.rules.datacenter)?,
            };
            if self.rules.datacenter.is_some() {
                let previous = Some(&present.replication);
                self.warnings.extend(replication::warnings(&name, &changed.replication, previous));
            }
        }
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
        check_modifiable(&name)?;
        check_keyspace_name(&name, MAX_NAME_CHARS)?;
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

fn attributes(properties: &[Property], lenient: bool) -> Result<Attributes> {
    let is_known = |name: &Identifier| *name == "replication" || *name == "durable_writes";
    let unknown = properties.iter().find(|property| !is_known(&property.name));
    if let Some(unknown) = unknown.filter(|_| !lenient) {
        return Err(unknown_property(unknown.name.as_str()));
    }
    let mut attributes = Attributes::default();
    for Property { name, value } in properties {
        match name.as_str() {
            "replication" => {
                let map = map_of(name, value)?;
                check_class(&map)?;
                attributes.replication = Some(map);
            }
            "durable_writes" => attributes.durable_writes = Some((name.clone(), value.clone())),
            _ => {}
        }
    }
    Ok(attributes)
}
