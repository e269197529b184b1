//! Directories that are no database of ours: what Cassandra's nodes left, opened where it is and only read.
//!
//! Start reading at [`Foreign::look`] in `found.rs`, which finds out what there is; `layout.rs` knows how directories
//! are laid out, `directory.rs` which SSTables of one count, `schema_rows.rs`, `schema_text.rs` and `node_schema.rs` read
//! a node's own schema. `open.rs` opens tables.

mod bring;
mod directory;
mod fits;
mod found;
mod header_types;
mod layout;
mod node_schema;
mod open;
mod schema_rows;
mod schema_text;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_cql_syntax::{Identifier, QualifiedName, Statement, parse_statements};
use helenus_sstable::ChunkCache;

pub use bring::Transfer;
pub(crate) use bring::{Brought, Kept, bring, take_back};
pub use directory::LeftOut;
pub(crate) use directory::{Directory, Present};
pub(crate) use fits::check_fits;
pub use found::{Foreign, ForeignTable};
use header_types::HeaderTypes;
pub use layout::ForeignKind;
pub(crate) use layout::{check_nothing_in_log, database_around};
pub use verify::Verification;
pub(crate) use verify::look_at;

use crate::database::Database;
use crate::engine::{Inner, Parts};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::table::Table;
use helenus_schema::Catalog;

impl Database {
    /// Opens what others left, to be read only: a `nodetool snapshot`'s folder, a table's directory, a keyspace's, or a
    /// node's whole data directory. Nothing in it is written or locked; a node may be running on it.
    ///
    /// The schema is found where it is: in a snapshot's `schema.cql`, in the SSTables of the node's own `system_schema`
    /// in the data directory or above the table's, or in the newest snapshot within the table's directory. A table is
    /// opened when it is asked for; one that can't be read doesn't keep the others from being read, and
    /// [`foreign`](Self::foreign) tells why. Folders within a table's directory (`snapshots`, `backups`, secondary
    /// indexes) are not looked into, and SSTables of transactions that were not finished are left out as Cassandra would
    /// remove them. What is only in the node's commit log is not seen: `nodetool flush` writes it to SSTables.
    ///
    /// # Errors
    /// When there are no SSTables, or nothing tells the schema of any.
    pub fn open_foreign(dir: impl AsRef<Path>) -> Result<Self> {
        Options::new().open_foreign(&[dir.as_ref().to_owned()], None)
    }
}

impl Database {
    /// Opens the SSTables in `dir` as a table, to be read only: nothing in the directory is written or locked.
    ///
    /// `schema` is CQL that defines the table, such as a snapshot's `schema.cql` or what
    /// `DESCRIBE TABLE … WITH INTERNALS` prints. A keyspace that it doesn't create is made with defaults; a user type
    /// that it doesn't define is taken from the SSTables. Folders in the directory (`snapshots`, `backups`,
    /// secondary indexes) are not looked into, and SSTables of transactions that Cassandra had not finished are left
    /// out as Cassandra would remove them.
    ///
    /// # Errors
    /// When there is no such directory, the schema doesn't define the table or doesn't fit the files, a file is
    /// damaged or of a version that isn't read here.
    pub fn open_sstables(dir: impl AsRef<Path>, schema: &str, keyspace: &str, table: &str) -> Result<Table> {
        Options::new().open_sstables(dir, schema, keyspace, table)
    }
}

impl Database {
    /// Creates what a schema file defines and the database doesn't have yet: as
    /// [`execute_schema`](Self::execute_schema), but a keyspace that the file doesn't create is made with defaults,
    /// keyspaces, types and tables that are there stay as they are, and materialized views are left out.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_schema(&self, cql: &str) -> Result<()> {
        let statements = parse_statements(cql).map_err(|error| Error::with(ErrorKind::Invalid, error))?;
        let present = self.schema();
        let mut default: Option<String> = None;
        for statement in statements.iter().map(|statement| &statement.node) {
            if let Statement::Use(name) = statement {
                default = Some(name.as_str().to_owned());
                continue;
            }
            if let Statement::CreateView(view) = statement {
                tracing::warn!(view = %view.name, "left out of the schema: nothing keeps views up here");
                continue;
            }
            if let Some(keyspace) = created_in(statement).map(|name| name.keyspace.as_ref())
                && let Some(keyspace) = keyspace.map(|name| name.as_str()).or(default.as_deref())
                && self.schema().keyspace(keyspace).is_err()
            {
                let name = Identifier::exact(keyspace);
                let create = format!(
                    "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
                );
                self.execute_schema(&create)?;
            }
            let is_present = |name: &QualifiedName| {
                let keyspace = name.keyspace.as_ref().map(|name| name.as_str()).or(default.as_deref());
                keyspace.is_some_and(|keyspace| present.table(keyspace, name.name.as_str()).is_ok())
            };
            if let Statement::AlterTable(alter) = statement
                && is_present(&alter.name)
            {
                continue;
            }
            match self.inner.apply_schema(statement, default.as_deref()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The name that a statement creates in a keyspace.
fn created_in(statement: &Statement) -> Option<&QualifiedName> {
    match statement {
        Statement::CreateTable(create) => Some(&create.name),
        Statement::CreateType(create) => Some(&create.name),
        _ => None,
    }
}

impl Options {
    /// Opens what others left, with the disk, the clock and the cache of these options: several data directories of a
    /// node together, or with a schema that is given as CQL.
    ///
    /// # Errors
    /// As [`Database::open_foreign`].
    pub fn open_foreign(self, dirs: &[PathBuf], schema: Option<&str>) -> Result<Database> {
        let options = open::read_only(self);
        let (foreign, catalog) = Foreign::look(&options, dirs, schema)?;
        let dir = dirs.first().cloned().unwrap_or_default();
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        for warning in &foreign.warnings {
            tracing::warn!(warning, "the schema");
        }
        let parts = Parts::of_tables(&dir, options, catalog, &[], cache);
        let parts = Parts { foreign: Some(foreign), ..parts };
        Ok(Database::from_inner(Arc::new(Inner::new(parts))))
    }

    /// Opens the SSTables in `dir` as a table, with the disk, the clock and the cache of these options.
    ///
    /// # Errors
    /// As [`Database::open_sstables`].
    pub fn open_sstables(
        self,
        dir: impl AsRef<Path>,
        schema: &str,
        keyspace: &str,
        table: &str,
    ) -> Result<Table> {
        let dir = dir.as_ref();
        let options = open::read_only(self);
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        let numbers = open::CacheNumbers::default();
        let sstables = open::open_all(&options, &[dir.to_owned()], &cache, &numbers)?.sstables;
        if sstables.is_empty() {
            let text = format!("{} holds no SSTables (files named like da-1-bti-Data.db)", dir.display());
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let types = HeaderTypes::of(sstables.iter().map(|sstable| &**sstable.header()));
        let loaded = Catalog::parse_lenient(schema, &|keyspace, name| types.find(keyspace, name))
            .map_err(|error| error.context("the schema"))?;
        for warning in &loaded.warnings {
            tracing::warn!(warning, "the schema");
        }
        let def = loaded.catalog.table(keyspace, table).map_err(|error| {
            let known: Vec<String> =
                loaded.catalog.tables().map(|t| format!("{}.{}", t.keyspace(), t.name())).collect();
            let known = if known.is_empty() { "no table".to_owned() } else { known.join(", ") };
            Error::new(ErrorKind::NotFound, format!("{error}; the schema defines {known}"))
        })?;
        let core = Arc::new(open::core(dir, TableTag(0), def, &options.disk, sstables)?);
        let parts = Parts::of_tables(dir, options, loaded.catalog, std::slice::from_ref(&core), cache);
        Ok(Table::new(Database::from_inner(Arc::new(Inner::new(parts))), core))
    }
}
