//! Prepared statements.

use std::sync::Arc;

use helenus_engine::BindValues;
use helenus_types::Hex;
use parking_lot::RwLock;

use crate::compilation::{Compilation, compile_text, in_order, run, run_with};
use crate::environment::Environment;
use crate::error::{CqlResult, refuse};
use crate::options::QueryOptions;
use crate::response::Response;
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// A statement that was compiled once, for many executions. It is compiled again after a change of
/// the schema.
#[derive(Debug)]
pub struct PreparedStatement {
    environment: Arc<Environment>,
    text: String,
    keyspace: Option<String>,
    compilation: RwLock<Arc<Compilation>>,
    warnings: Vec<String>,
}

impl PreparedStatement {
    pub(crate) fn new(environment: &Arc<Environment>, text: &str, keyspace: Option<&str>) -> CqlResult<Self> {
        let compilation = compile_text(environment, text, keyspace)?;
        let (markers, most) = (compilation.markers.len(), u16::MAX);
        if markers > usize::from(most) {
            return refuse(format!(
                "Too many markers(?). {markers} markers exceed the allowed maximum of {most}"
            ));
        }
        Ok(Self {
            environment: environment.clone(),
            text: text.to_owned(),
            keyspace: keyspace.map(str::to_owned),
            compilation: RwLock::new(Arc::new(compilation)),
            warnings: Vec::new(),
        })
    }

    /// Whether it means something else in another keyspace.
    pub(crate) fn depends_on_keyspace(&self) -> bool {
        !self.compilation.read().is_qualified
    }

    /// The same with a warning that it depends on the keyspace it was prepared in, if it does.
    pub(crate) fn warned_of_use(mut self) -> Self {
        if !self.depends_on_keyspace() {
            return self;
        }
        let keyspace = self.keyspace.as_deref().unwrap_or("null");
        self.warnings.push(format!(
            "`USE <keyspace>` with prepared statements is considered to be an anti-pattern due to ambiguity in \
             non-qualified table names. Please consider removing instances of `Session#setKeyspace(<keyspace>)`, \
             `Session#execute(\"USE <keyspace>\")` and `cluster.newSession(<keyspace>)` from your code, and always use \
             fully qualified table names (e.g. <keyspace>.<table>). Keyspace used: {keyspace}, statement keyspace: \
             {keyspace}, statement id: {}",
            Hex(&self.id())
        ));
        self
    }

    /// Warnings of the preparation.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The statement's id as Cassandra makes it: the MD5 of the text, after the keyspace unless all
    /// its names bring one.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        let keyspace = self.keyspace.as_deref().filter(|_| self.depends_on_keyspace());
        md5::compute([keyspace.unwrap_or_default(), &self.text].concat()).0
    }

    /// The markers, in their order.
    #[must_use]
    pub fn markers(&self) -> Vec<ColumnSpec> {
        self.compilation.read().markers.clone()
    }

    /// For each column of the partition key the index of the marker that gives its value; nothing
    /// unless all have one.
    #[must_use]
    pub fn partition_key_markers(&self) -> Vec<usize> {
        self.compilation.read().key_markers.clone()
    }

    /// The columns of the result; none of a statement that returns no rows, or whose columns depend
    /// on the execution.
    #[must_use]
    pub fn columns(&self) -> Vec<ColumnSpec> {
        self.compilation.read().compiled.specs().to_vec()
    }

    /// Executes it with those values for its markers.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute(&self, values: impl BindValues, options: &QueryOptions) -> CqlResult<Response> {
        let compilation = self.compilation()?;
        run_with(&self.environment, &compilation, values, options)
    }

    /// Executes it with serialized values for its markers, which are validated as they are used.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute_raw(&self, values: &[BoundValue], options: &QueryOptions) -> CqlResult<Response> {
        let compilation = self.compilation()?;
        if values.len() != compilation.markers.len() {
            return refuse(format!(
                "there were {} markers(?) in CQL but {} bound variables",
                compilation.markers.len(),
                values.len()
            ));
        }
        let values = in_order(&compilation.markers, values, options)?;
        run(&self.environment, &compilation, &values, options)
    }

    /// What was compiled against the present schema.
    pub(crate) fn compilation(&self) -> CqlResult<Arc<Compilation>> {
        let known = self.compilation.read().clone();
        if Arc::ptr_eq(&known.catalog, &self.environment.database.schema()) {
            return Ok(known);
        }
        let fresh = Arc::new(compile_text(&self.environment, &self.text, self.keyspace.as_deref())?);
        *self.compilation.write() = fresh.clone();
        Ok(fresh)
    }
}
