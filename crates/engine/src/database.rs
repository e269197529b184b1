//! The database's handle.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use helenus_cql_syntax::{Identifier, QualifiedName, Statement, parse_statements};

use crate::engine::{Destination, LeftOut, SchemaNotice, SchemaSubscription, TableSet, open};
use crate::error::{Error, ErrorKind, Result};
use crate::health::Health;
use crate::metrics::DatabaseMetrics;
use crate::mutate::{StatementWriter, WriteOptions};
use crate::options::{Durability, Options};
use crate::table::Table;
use helenus_schema::{Catalog, SchemaOutcome, SchemaRules};

/// An open database. Cloning it gives another handle to the same one; it is closed with the last
/// handle, or by [`close`](Self::close).
///
/// ```
/// # fn main() -> helenus::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let db = helenus::Database::open(dir)?;
/// db.execute_schema("CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};")?;
/// # db.close()
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) set: Arc<TableSet>,
    pub(crate) writer: Arc<StatementWriter>,
}

impl Database {
    /// Opens the database in `dir` with the default [`Options`], creating it if there is none.
    ///
    /// # Errors
    /// When the directory is open elsewhere, damaged, of a newer release, or can't be read or
    /// written.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Options::new().open(dir)
    }

    /// A new, empty database in memory, for tests: it acts like any other, and is gone with its
    /// last handle. To close it and open it again, keep its disk:
    /// [`MemoryDisk`](helenus_io::MemoryDisk) goes into [`Options::disk`].
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// let db = helenus::Database::in_memory()?;
    /// db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    ///     CREATE TABLE k.t (k int PRIMARY KEY, v text);")?;
    /// db.table("k", "t")?.insert(1, ()).set("v", "one").execute()?;
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// None is expected.
    pub fn in_memory() -> Result<Self> {
        let disk = Arc::new(helenus_io::MemoryDisk::new());
        // A sync would make nothing safer.
        Options::new().durability(Durability::Buffered).disk(disk).open("/database")
    }

    /// Runs schema statements of CQL, separated by semicolons: CREATE, ALTER and DROP of keyspaces,
    /// types and tables, TRUNCATE; `USE` sets the keyspace of the names that follow. Each is
    /// durable when the next begins. Returns their changes, in order, and warnings where the effect
    /// differs from the request; [`follow_schema`](Self::follow_schema) tells the changes of all
    /// callers.
    ///
    /// # Errors
    /// Text that is not CQL, statements that are not about the schema, and those that Cassandra
    /// would refuse. Statements before the bad one have been carried out.
    pub fn execute_schema(&self, cql: &str) -> Result<SchemaOutcome> {
        let statements = parse_statements(cql).map_err(|e| Error::with(ErrorKind::Syntax, e))?;
        let mut outcome = SchemaOutcome::default();
        let mut keyspace: Option<String> = None;
        for statement in statements {
            match &statement.node {
                Statement::Use(name) => keyspace = Some(name.as_str().to_owned()),
                statement => {
                    let one = self.writer.database()?.apply_schema(
                        statement,
                        keyspace.as_deref(),
                        SchemaRules::default(),
                    )?;
                    outcome.changes.extend(one.changes);
                    outcome.events.extend(one.events);
                    outcome.warnings.extend(one.warnings);
                }
            }
        }
        Ok(outcome)
    }

    /// Creates the keyspaces, types and tables of a schema file that the database doesn't have yet:
    /// as [`execute_schema`](Self::execute_schema), but a keyspace that the file doesn't create is
    /// made with defaults, existing keyspaces, types and tables stay unchanged, and materialized
    /// views are left out.
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
            match self.writer.database()?.apply_schema(statement, default.as_deref(), SchemaRules::default())
            {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Calls `listener` with each change of the schema from now on, by any handle, until the
    /// subscription that it returns is dropped. [`SchemaSubscription::schema`] is the schema at
    /// this moment, to which all these changes are made.
    ///
    /// Each change comes once, in the order of the changes, when it is durable and visible; the
    /// oldest listener is called first. The calls are made by the statement's own thread, before
    /// [`execute_schema`](Self::execute_schema) returns, or by one that changes the schema at the
    /// same time; never by two at once. The engine holds no lock meanwhile: a listener may read,
    /// write, close the database, and change the schema, which is announced after it has returned.
    /// It should be quick, as that thread waits for it, and must not wait for the announcement of
    /// another change.
    ///
    /// A panic in a listener is logged and goes no further: the change is made, so its statement
    /// returns as usual, the other listeners are called, and the one that panicked is called for
    /// the next change. The state that it left behind is its own concern.
    ///
    /// A listener that owns a handle of the database keeps it open.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// use std::sync::{Arc, Mutex};
    ///
    /// let db = helenus::Database::in_memory()?;
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let subscription = db.follow_schema(move |notice| {
    ///     log.lock().unwrap().extend(notice.events.iter().map(|event| event.to_string()));
    /// });
    /// db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    ///     CREATE TABLE k.t (k int PRIMARY KEY, v text);
    ///     ALTER TABLE k.t ADD w int;")?;
    /// drop(subscription);
    /// db.execute_schema("DROP TABLE k.t")?;
    /// assert_eq!(*seen.lock().unwrap(), ["CREATED KEYSPACE k", "CREATED TABLE k.t", "UPDATED TABLE k.t"]);
    /// # db.close()
    /// # }
    /// ```
    pub fn follow_schema(
        &self,
        listener: impl Fn(&SchemaNotice) + Send + Sync + 'static,
    ) -> SchemaSubscription {
        // No change is half made meanwhile.
        let _no_change = self.writer.side().map(|side| side.ddl.lock());
        SchemaSubscription::new(&self.set.schema_followers, self.set.schema(), Arc::new(listener))
    }

    /// The current schema.
    pub fn schema(&self) -> Arc<Catalog> {
        self.set.schema()
    }

    /// A table's handle.
    ///
    /// # Errors
    /// When there is no such keyspace or table, or the database is closed.
    pub fn table(&self, keyspace: &str, name: &str) -> Result<Table> {
        self.set.check_open()?;
        let catalog = self.schema();
        let id = catalog.table(keyspace, name)?.id();
        Ok(Table::new(&self.set, &self.writer, self.set.core(id)?))
    }

    /// SSTables of tables asked for so far that were left out because they are damaged, where
    /// [`Options::skip_damaged`] asks for that.
    pub fn damaged(&self) -> Vec<LeftOut> {
        self.set.left_out()
    }

    /// Handles of all tables, by keyspace and name.
    pub fn tables(&self) -> Vec<Table> {
        let catalog = self.schema();
        let cores = catalog.tables().filter_map(|def| self.set.core(def.id()).ok());
        cores.map(|core| Table::new(&self.set, &self.writer, core)).collect()
    }

    /// Flushes all memtables; returns when everything written before the call is in SSTables.
    ///
    /// # Errors
    /// When writing them fails.
    pub fn flush(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        side.flush_tables(&self.set.all_tables())
    }

    /// Merges the SSTables of each table into one.
    ///
    /// # Errors
    /// When reading or writing them fails.
    pub fn compact(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        side.flush_tables(&self.set.all_tables())?;
        side.compact_tables()
    }

    /// Takes one step of background work, for databases with [`crate::Background::Manual`]; false
    /// when none is due.
    ///
    /// # Errors
    /// The error of the step, which is tried again at the next call.
    pub fn step(&self) -> Result<bool> {
        self.set.check_here()?;
        self.writer.side().map_or(Ok(false), |side| side.step())
    }

    /// Waits until no background work is due or running, at most `longest`; true if it succeeded.
    ///
    /// # Errors
    /// When background work failed.
    pub fn settle(&self, longest: Duration) -> Result<bool> {
        self.set.check_here()?;
        self.writer.side().map_or(Ok(true), |side| side.settle(longest))
    }

    /// Makes everything that was written so far durable, whatever the durability of the writes.
    ///
    /// # Errors
    /// When the log can't be synced.
    pub fn sync(&self) -> Result<()> {
        let side = self.writer.database()?;
        let _call = side.enter()?;
        match side.log() {
            Some(log) => Ok(log.sync().map(drop)?),
            None => Ok(()),
        }
    }

    /// The database's health: failures, since when, and their causes. It reports what happened so
    /// far and reads nothing from the disk.
    pub fn health(&self) -> Health {
        self.writer.side().map_or_else(Health::default, |side| side.health())
    }

    /// Counters and sizes.
    pub fn metrics(&self) -> DatabaseMetrics {
        let of_reads = self.set.metrics();
        match self.writer.side() {
            Some(side) => side.metrics(of_reads),
            None => of_reads,
        }
    }

    /// Flushes, syncs and closes: from then on all handles return [`ErrorKind::Closed`]. Calls of
    /// other threads that are in flight end before, long ones early, with that error; if another
    /// thread is closing the database already, this waits for it.
    ///
    /// # Errors
    /// When flushing or syncing fails; the database is closed all the same, and its log keeps what
    /// was not flushed. When compactions found damaged SSTables ([`ErrorKind::Corrupt`]):
    /// everything else is done.
    pub fn close(&self) -> Result<()> {
        self.set.check_here()?;
        let closed = self.writer.side().map_or(Ok(()), |side| side.close());
        self.set.close();
        // Unused memory is given back, also while handles exist.
        self.set.all_tables().iter().for_each(|core| core.let_go());
        self.set.cache.clear();
        self.writer.workspaces.clear();
        closed
    }
}

impl Options {
    /// Opens the database in `dir`.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open(self, dir: impl AsRef<Path>) -> Result<Database> {
        let (set, side) = open(dir.as_ref(), self)?;
        let writer = match side {
            Some(side) => StatementWriter::new(Destination::Database(side), WriteOptions::default()),
            None => StatementWriter::nobody(),
        };
        Ok(Database { set, writer: Arc::new(writer) })
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
