//! A session: a database, and the keyspace of names that bring none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helenus_cql_syntax::BatchKind;
use helenus_engine::{BindValues, Database};
use parking_lot::RwLock;

use crate::compilation::{Compilation, bind, compile_text, finish, in_order, run};
use crate::compile::Compiled;
use crate::environment::{Environment, SessionOptions};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::options::QueryOptions;
use crate::prepared::PreparedStatement;
use crate::response::{Answer, Response};
use crate::statements::StatementCache;
use crate::value::BoundValue;
use crate::write::BatchPlan;

/// Executes CQL on a database: one that is open for writing, or one that is only read, where what
/// writes is refused. Many sessions may be open at once, each with its own keyspace, and
/// many threads may use one.
///
/// ```
/// use helenus_cql::Session;
///
/// let session = Session::new(&helenus_engine::Database::in_memory()?);
/// session.execute(
///     "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
///     (),
/// )?;
/// session.execute("USE k", ())?;
/// session.execute("CREATE TABLE t (id int PRIMARY KEY, v text)", ())?;
/// session.execute("INSERT INTO t (id, v) VALUES (?, ?)", (1, "one"))?;
/// let mut rows = session.execute("SELECT v FROM t WHERE id = 1", ())?.into_rows()?;
/// assert_eq!(rows.next()?.unwrap().get::<&str>(0)?, "one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    environment: Arc<Environment>,
    keyspace: RwLock<Option<String>>,
    statements: StatementCache,
    /// Whether it warned of prepared statements that depend on its keyspace: it does so once.
    warned_of_use: AtomicBool,
}

/// A statement of a batch: compiled, with its values.
#[derive(Debug)]
pub enum BatchEntry<'a> {
    /// A text, with raw values for its markers.
    Text(&'a str, Vec<BoundValue>),
    /// A prepared statement, with raw values for its markers.
    Prepared(&'a PreparedStatement, Vec<BoundValue>),
}

impl Session {
    /// A session without a keyspace.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self::with_options(database, SessionOptions::default())
    }

    /// A session without a keyspace that presents that node and has those thresholds.
    #[must_use]
    pub fn with_options(database: &Database, options: SessionOptions) -> Self {
        Self::of(Arc::new(Environment::new(database, options)))
    }

    /// Another session without a keyspace, on the same database and with the same options. It is
    /// cheaper than a new one, since the two have the node's own tables together.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::of(self.environment.clone())
    }

    fn of(environment: Arc<Environment>) -> Self {
        Self {
            environment,
            keyspace: RwLock::new(None),
            statements: StatementCache::default(),
            warned_of_use: AtomicBool::new(false),
        }
    }

    /// The keyspace of names that bring none.
    #[must_use]
    pub fn keyspace(&self) -> Option<String> {
        self.keyspace.read().clone()
    }

    /// Executes a statement with those values for its markers.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute(&self, text: &str, values: impl BindValues) -> CqlResult<Response> {
        self.execute_with(text, values, &QueryOptions::default())
    }

    /// Executes a statement with those values for its markers and those options.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute_with(
        &self,
        text: &str,
        values: impl BindValues,
        options: &QueryOptions,
    ) -> CqlResult<Response> {
        let compilation = self.compile(text, options)?;
        let values = bind(&compilation.markers, values)?;
        self.run(&compilation, &values, options)
    }

    /// Executes a statement with serialized values for its markers, which are validated as they are
    /// used.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute_raw(
        &self,
        text: &str,
        values: &[BoundValue],
        options: &QueryOptions,
    ) -> CqlResult<Response> {
        let compilation = self.compile(text, options)?;
        if values.len() != compilation.markers.len() {
            return refuse("Invalid amount of bind variables");
        }
        let values = in_order(&compilation.markers, values, options)?;
        self.run(&compilation, &values, options)
    }

    /// Prepares a statement, which keeps the session's present keyspace.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn prepare(&self, text: &str) -> CqlResult<PreparedStatement> {
        let prepared = PreparedStatement::new(&self.environment, text, self.keyspace().as_deref())?;
        if prepared.depends_on_keyspace() && !self.warned_of_use.swap(true, Ordering::Relaxed) {
            return Ok(prepared.warned_of_use());
        }
        Ok(prepared)
    }

    /// Prepares a statement whose names are in that keyspace.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn prepare_in(&self, text: &str, keyspace: Option<&str>) -> CqlResult<PreparedStatement> {
        self.check_keyspace(keyspace)?;
        // A keyspace that comes with the request is one of its own state, which didn't warn yet.
        Ok(PreparedStatement::new(&self.environment, text, keyspace)?.warned_of_use())
    }

    /// Refuses the keyspace of a request that there isn't (`ClientState.setKeyspace`).
    fn check_keyspace(&self, keyspace: Option<&str>) -> CqlResult<()> {
        match keyspace {
            Some(keyspace) if self.environment.database.schema().keyspace(keyspace).is_err() => {
                refuse(format!("Keyspace '{keyspace}' does not exist"))
            }
            _ => Ok(()),
        }
    }

    /// Executes several writes as one.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn batch(
        &self,
        kind: BatchKind,
        entries: &[BatchEntry<'_>],
        options: &QueryOptions,
    ) -> CqlResult<Response> {
        let mut statements = Vec::with_capacity(entries.len());
        let mut all = Vec::new();
        for entry in entries {
            let (compilation, values) = match entry {
                BatchEntry::Text(text, values) => (self.compile(text, options)?, values),
                BatchEntry::Prepared(prepared, values) => (prepared.compilation()?, values),
            };
            let Compiled::Write(write) = &compilation.compiled else {
                return refuse(
                    "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
                );
            };
            if values.len() != compilation.markers.len() {
                return refuse(format!(
                    "There were {} markers(?) in CQL but {} bound variables",
                    compilation.markers.len(),
                    values.len()
                ));
            }
            statements.push(write.clone());
            all.push(values.as_slice());
        }
        let run = StatementRun::new(&self.environment, self.environment.database.schema(), &[], options);
        let answered = BatchPlan::new(kind, statements, None)
            .and_then(|batch| batch.timed(&run, |run| batch.execute_each(run, &all)));
        finish(&run, answered)
    }

    pub(crate) fn run(
        &self,
        compilation: &Compilation,
        values: &[BoundValue],
        options: &QueryOptions,
    ) -> CqlResult<Response> {
        let response = run(&self.environment, compilation, values, options)?;
        if let Answer::SetKeyspace(keyspace) = &response.answer {
            *self.keyspace.write() = Some(keyspace.clone());
        }
        Ok(response)
    }

    /// What the text means now: what it meant the last time, unless the schema changed.
    fn compile(&self, text: &str, options: &QueryOptions) -> CqlResult<Arc<Compilation>> {
        self.check_keyspace(options.keyspace.as_deref())?;
        let own = self.keyspace();
        let keyspace = options.keyspace.as_deref().or(own.as_deref());
        if let Some(known) = self.statements.get(text, keyspace, &self.environment.database.schema()) {
            return Ok(known);
        }
        let compilation = Arc::new(compile_text(&self.environment, text, keyspace)?);
        self.statements.put(text, keyspace, &compilation);
        Ok(compilation)
    }
}
