//! What a statement changed, as the engine carries it out.

use std::sync::Arc;

use helenus_types::TableId;

/// One thing that a statement changed. Views are tables here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// A keyspace of that name was created.
    KeyspaceCreated(Arc<str>),
    /// Options of a keyspace changed; if `durable_writes` is among them, a `TableAltered` of each
    /// table follows.
    KeyspaceAltered {
        /// Name of the keyspace.
        name: Arc<str>,
        /// Whether writes go through the log from now on.
        durable_writes: bool,
    },
    /// A keyspace of that name was dropped; it follows the `TableDropped` of each of its tables.
    KeyspaceDropped(Arc<str>),
    /// A user type was created.
    TypeCreated {
        /// Its keyspace.
        keyspace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A user type got or renamed fields; a `TableAltered` of each table that uses it follows.
    TypeAltered {
        /// Its keyspace.
        keyspace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A user type was dropped.
    TypeDropped {
        /// Its keyspace.
        keyspace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A table was created.
    TableCreated(TableId),
    /// Columns or options of a table changed.
    TableAltered {
        /// The table.
        id: TableId,
        /// Whether rows are encoded differently from now on.
        columns_changed: bool,
    },
    /// A table was dropped.
    TableDropped(TableId),
    /// A table was emptied.
    TableTruncated(TableId),
    /// An index was created; a `TableAltered` of its table follows.
    IndexCreated {
        /// The indexed table.
        table: TableId,
        /// Name of the index.
        name: Arc<str>,
    },
    /// An index was dropped; a `TableAltered` of its table follows.
    IndexDropped {
        /// The table that was indexed.
        table: TableId,
        /// Name of the index.
        name: Arc<str>,
    },
    /// The text of a function or aggregate of that keyspace was kept.
    FunctionKept(Arc<str>),
    /// `IF EXISTS` or `IF NOT EXISTS` was not fulfilled, or everything is as it was.
    Nothing,
}
