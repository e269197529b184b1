//! The catalog's values and how they are looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use helenus_types::{TableId, Type};

use super::names::is_system_keyspace;
use super::table_def::TableDef;
use super::user_types::UserTypes;
use crate::error::{CatalogError, CatalogErrorKind, Result};

/// All that is defined in a database. Cloning is cheap: keyspaces are shared until one is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    pub(super) keyspaces: BTreeMap<Arc<str>, Arc<Keyspace>>,
    /// The keyspace and name of each table, by its identity.
    pub(super) places: BTreeMap<TableId, (Arc<str>, Arc<str>)>,
}

/// A keyspace and what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyspace {
    pub(super) name: Arc<str>,
    pub(super) replication: BTreeMap<String, String>,
    pub(super) durable_writes: bool,
    pub(super) types: UserTypes,
    /// Tables and views, which share one space of names.
    pub(super) tables: BTreeMap<Arc<str>, Arc<TableDef>>,
    /// Statements that create functions and aggregates, as they were written.
    pub(super) functions: Vec<String>,
}

impl Catalog {
    /// The keyspaces, by name.
    pub fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        self.keyspaces.values().map(|keyspace| &**keyspace)
    }

    /// The keyspace of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn keyspace(&self, name: &str) -> Result<&Keyspace> {
        match self.keyspaces.get(name) {
            Some(keyspace) => Ok(keyspace),
            None => {
                Err(CatalogError::new(CatalogErrorKind::NotFound, format!("Keyspace '{name}' doesn't exist")))
            }
        }
    }

    /// All tables and views, by keyspace and name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.keyspaces.values().flat_map(|keyspace| keyspace.tables.values())
    }

    /// The table or view of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn table(&self, keyspace: &str, name: &str) -> Result<&Arc<TableDef>> {
        let missing = || {
            CatalogError::new(CatalogErrorKind::NotFound, format!("Table '{keyspace}.{name}' doesn't exist"))
        };
        self.keyspace(keyspace)?.tables.get(name).ok_or_else(missing)
    }

    /// The table or view of that identity.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableDef>> {
        let (keyspace, name) = self.places.get(&id)?;
        self.keyspaces.get(keyspace)?.tables.get(name)
    }

    pub(super) fn keyspace_mut(&mut self, name: &str) -> Result<&mut Keyspace> {
        match self.keyspaces.get_mut(name) {
            Some(keyspace) => Ok(Arc::make_mut(keyspace)),
            None => {
                Err(CatalogError::new(CatalogErrorKind::NotFound, format!("Keyspace '{name}' doesn't exist")))
            }
        }
    }

    /// Puts a table in its place, new or changed.
    pub(super) fn put_table(&mut self, table: TableDef) -> Result<()> {
        let (keyspace, name) = (table.keyspace().clone(), table.name().clone());
        self.places.insert(table.id(), (keyspace.clone(), name.clone()));
        self.keyspace_mut(&keyspace)?.tables.insert(name, Arc::new(table));
        Ok(())
    }

    /// Takes over a table of another catalog, with the keyspace and the types that it needs and,
    /// for a view, its table.
    ///
    /// # Errors
    /// When there is another table of that name.
    pub fn adopt(&mut self, other: &Self, table: &TableDef) -> Result<()> {
        let theirs = other.keyspace(table.keyspace())?;
        if !self.keyspaces.contains_key(table.keyspace()) {
            let empty = Keyspace { tables: BTreeMap::new(), ..theirs.clone() };
            self.keyspaces.insert(theirs.name.clone(), Arc::new(empty));
        }
        if let Ok(known) = self.table(table.keyspace(), table.name()) {
            if known.id() == table.id() {
                return Ok(());
            }
            let text = format!(
                "there are two tables {}.{}, with the ids {:#} and {:#}: it was dropped and made again; open one of them alone",
                table.keyspace(),
                table.name(),
                known.id(),
                table.id()
            );
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let base = table.view().and_then(|view| other.table(table.keyspace(), &view.base).ok());
        if let Some(base) = base {
            self.adopt(other, base)?;
        }
        let types = &mut self.keyspace_mut(table.keyspace())?.types;
        theirs.types.in_order().into_iter().for_each(|definition| types.adopt(definition));
        self.put_table(table.clone())
    }

    /// The tables of those identities as they can be written, without views; with their indexes,
    /// keyspaces, types and functions, or with all keyspaces but Cassandra's own.
    pub fn writable(&self, tables: &BTreeSet<TableId>, all_keyspaces: bool) -> Self {
        let mut catalog = Self::default();
        for keyspace in self.keyspaces().filter(|keyspace| !is_system_keyspace(&keyspace.name)) {
            let chosen = keyspace.tables.values().filter(|table| tables.contains(&table.id()));
            let writable: BTreeMap<_, _> =
                chosen.map(|table| (table.name().clone(), Arc::new(table.without_views()))).collect();
            if all_keyspaces || !writable.is_empty() {
                let place =
                    |table: &Arc<TableDef>| (table.id(), (keyspace.name.clone(), table.name().clone()));
                catalog.places.extend(writable.values().map(place));
                let keyspace = Keyspace { tables: writable, ..keyspace.clone() };
                catalog.keyspaces.insert(keyspace.name.clone(), Arc::new(keyspace));
            }
        }
        catalog
    }

    pub(super) fn remove_table(&mut self, table: &TableDef) -> Result<()> {
        self.places.remove(&table.id());
        self.keyspace_mut(table.keyspace())?.tables.remove(table.name());
        Ok(())
    }
}

impl Keyspace {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How Cassandra would replicate it; kept, never acted upon.
    pub fn replication(&self) -> &BTreeMap<String, String> {
        &self.replication
    }

    /// Whether writes go through the log.
    pub fn durable_writes(&self) -> bool {
        self.durable_writes
    }

    /// The user type of that name, multi-cell.
    pub fn user_type(&self, name: &str) -> Option<Type> {
        self.types.get(name)
    }

    /// Its tables and views, by name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.values()
    }

    /// The views of a table.
    pub(super) fn views_of(&self, base: &str) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.values().filter(move |table| table.view().is_some_and(|view| *view.base == *base))
    }
}
