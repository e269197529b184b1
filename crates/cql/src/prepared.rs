//! Prepared statements.

use std::sync::Arc;

use helenus_engine::{BindValues, Database};
use parking_lot::RwLock;

use crate::compilation::{Compilation, compile_text, in_order, run, run_with};
use crate::error::{CqlResult, refuse};
use crate::options::QueryOptions;
use crate::response::Response;
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// A statement that was compiled once, for many executions. It is compiled again after a change of
/// the schema.
#[derive(Debug)]
pub struct PreparedStatement {
    database: Database,
    text: String,
    keyspace: Option<String>,
    compilation: RwLock<Arc<Compilation>>,
}

impl PreparedStatement {
    pub(crate) fn new(database: &Database, text: &str, keyspace: Option<&str>) -> CqlResult<Self> {
        let compilation = compile_text(database, text, keyspace)?;
        let (markers, most) = (compilation.markers.len(), u16::MAX);
        if markers > usize::from(most) {
            return refuse(format!(
                "Too many markers(?). {markers} markers exceed the allowed maximum of {most}"
            ));
        }
        Ok(Self {
            database: database.clone(),
            text: text.to_owned(),
            keyspace: keyspace.map(str::to_owned),
            compilation: RwLock::new(Arc::new(compilation)),
        })
    }

    /// The statement's id: the MD5 of its keyspace and text, as Cassandra makes it.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        md5::compute([self.keyspace.as_deref().unwrap_or_default(), &self.text].concat()).0
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
        run_with(&self.database, &compilation, values, options)
    }

    /// Executes it with serialized values for its markers, which are validated as they are used.
    ///
    /// # Errors
    /// Cassandra's.
    pub fn execute_raw(&self, values: &[BoundValue], options: &QueryOptions) -> CqlResult<Response> {
        let compilation = self.compilation()?;
        let values = in_order(&compilation.markers, values, options)?;
        if values.len() != compilation.markers.len() {
            return refuse(format!(
                "there were {} markers(?) in CQL but {} bound variables",
                compilation.markers.len(),
                values.len()
            ));
        }
        run(&self.database, &compilation, &values, options)
    }

    /// What was compiled against the present schema.
    pub(crate) fn compilation(&self) -> CqlResult<Arc<Compilation>> {
        let known = self.compilation.read().clone();
        if Arc::ptr_eq(&known.catalog, &self.database.schema()) {
            return Ok(known);
        }
        let fresh = Arc::new(compile_text(&self.database, &self.text, self.keyspace.as_deref())?);
        *self.compilation.write() = fresh.clone();
        Ok(fresh)
    }
}
