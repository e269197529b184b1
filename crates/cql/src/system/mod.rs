//! The tables of a node's own: `system`, `system_schema`, `system_views` and the others, read-only.
//!
//! Their definitions are `tables.cql`. A query finds the table that it asks for filled with what
//! there is to say, in memory, and reads it as any other: filters, groups and pages are those of
//! `select/`. What depends on the schema alone is filled once for each state of it. Tables about
//! what is not here (peers, repairs, roles) are there, and empty.

mod content;
pub(crate) mod definitions;
mod local;
mod node;
pub(crate) mod refusals;
mod schema;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_engine::{BindValue, Database, Table, Unset, Uuid, WriteOptions, parts};
use helenus_rows::EncodingBase;
use helenus_schema::{Catalog, TableDef};
use helenus_types::{Partitioner, Value};
use parking_lot::Mutex;

use crate::error::CqlResult;
use content::Content;
use definitions::is_virtual;
use local::Local;

pub use node::NodeSettings;
pub(crate) use node::PARTITIONER;

/// The node's own tables beside a database.
#[derive(Debug)]
pub(crate) struct SystemTables {
    node: NodeSettings,
    /// Thresholds of requests, under their names.
    thresholds: Vec<(&'static str, String)>,
    host_id: Uuid,
    began_s: i64,
    filled: Mutex<Filled>,
}

/// What a table is filled for: a query of a database in one state, at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableQuery<'a> {
    pub(crate) database: &'a Database,
    pub(crate) catalog: &'a Arc<Catalog>,
    /// Microseconds since 1970.
    pub(crate) now_us: i64,
}

/// What was made of one state of the schema.
#[derive(Debug, Default)]
struct Filled {
    catalog: Option<Arc<Catalog>>,
    version: Option<Uuid>,
    tables: BTreeMap<(Arc<str>, Arc<str>), Table>,
}

impl Filled {
    /// That of this schema.
    fn of(&mut self, catalog: &Arc<Catalog>) -> &mut Self {
        if !self.catalog.as_ref().is_some_and(|known| Arc::ptr_eq(known, catalog)) {
            *self = Self { catalog: Some(catalog.clone()), ..Self::default() };
        }
        self
    }
}

impl SystemTables {
    pub(crate) fn new(
        database: &Database,
        node: NodeSettings,
        thresholds: Vec<(&'static str, String)>,
    ) -> Self {
        let host_id = parts::host_id(database).unwrap_or_else(parts::random_uuid);
        let began_s = parts::now_micros(database).div_euclid(1_000_000);
        Self { node, thresholds, host_id, began_s, filled: Mutex::default() }
    }

    /// What it says of the node.
    pub(crate) fn node(&self) -> &NodeSettings {
        &self.node
    }

    /// The one token that the node has.
    pub(crate) fn token(&self) -> i64 {
        self.node.token.unwrap_or_else(|| Partitioner::murmur3_token(self.host_id.as_bytes()).0)
    }

    /// The version of a schema: equal ones have the same.
    pub(crate) fn schema_version(&self, catalog: &Arc<Catalog>) -> Uuid {
        let mut filled = self.filled.lock();
        let filled = filled.of(catalog);
        *filled.version.get_or_insert_with(|| {
            uuid::Builder::from_md5_bytes(md5::compute(catalog.to_cql()).0).into_uuid()
        })
    }

    /// One of the node's own tables with its present content.
    pub(crate) fn table(&self, query: TableQuery<'_>, def: &TableDef) -> CqlResult<Table> {
        let of_schema = matches!(&**def.keyspace(), "system_schema" | "system_virtual_schema");
        if !of_schema {
            return fill(query, def, &self.content(query, def));
        }
        let name = (def.keyspace().clone(), def.name().clone());
        if let Some(known) = self.filled.lock().of(query.catalog).tables.get(&name) {
            return Ok(known.clone());
        }
        let table = fill(query, def, &self.content(query, def))?;
        self.filled.lock().of(query.catalog).tables.insert(name, table.clone());
        Ok(table)
    }

    fn content(&self, query: TableQuery<'_>, def: &TableDef) -> Content {
        match (&**def.keyspace(), &**def.name()) {
            ("system_schema" | "system_virtual_schema", table) => schema::content(def, query.catalog, table),
            ("system", "local") => {
                let (host_id, began_s, token) = (self.host_id, self.began_s, self.token());
                let schema_version = self.schema_version(query.catalog);
                Local { host_id, began_s, token, schema_version }.content(&self.node)
            }
            ("system_views", "settings") => settings::content(&self.node, &self.thresholds),
            _ => Content::default(),
        }
    }
}

/// A table of that definition with that content.
fn fill(query: TableQuery<'_>, def: &TableDef, content: &Content) -> CqlResult<Table> {
    // Cassandra stamps the rows of virtual tables with milliseconds.
    let (partitioner, time) = match is_virtual(def.keyspace()) {
        true => (Partitioner::Local(def.schema().header(EncodingBase::EPOCH).key_type), query.now_us / 1000),
        false => (Partitioner::Murmur3, query.now_us),
    };
    let table = parts::filled_table(query.database, def, partitioner, |sink| {
        if content.rows.is_empty() {
            return Ok(());
        }
        let insert = sink.prepare_insert(&content.columns)?;
        let options = WriteOptions::new().timestamp(time);
        let value = |value: &'_ Value| -> Box<dyn BindValue> {
            match value {
                Value::Null => Box::new(Unset),
                value => Box::new(value.clone()),
            }
        };
        for row in &content.rows {
            let values: Vec<Box<dyn BindValue>> = row.iter().map(value).collect();
            let values: Vec<&dyn BindValue> = values.iter().map(|value| &**value).collect();
            insert.execute_with(&options, &values[..])?;
        }
        Ok(())
    })?;
    Ok(table)
}
