//! What the sessions of a database have in common.

use helenus_engine::Database;

use crate::guardrails::Guardrails;
use crate::system::{NodeSettings, SystemTables};

/// What a session is to present and to watch, beside its database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The node, as clients see it.
    pub node: NodeSettings,
    /// Thresholds of requests.
    pub guardrails: Guardrails,
}

/// A database with the node's own tables, and the thresholds of requests.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) database: Database,
    pub(crate) system: SystemTables,
    pub(crate) guardrails: Guardrails,
}

impl Environment {
    pub(crate) fn new(database: &Database, options: SessionOptions) -> Self {
        let SessionOptions { node, guardrails } = options;
        let system = SystemTables::new(database, node, guardrails.settings().collect());
        Self { database: database.clone(), system, guardrails }
    }
}
