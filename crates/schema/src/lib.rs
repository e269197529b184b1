//! The catalog: keyspaces, user types, tables, views and indexes, as pure values.
//!
//! **Knows** what Cassandra allows in a schema, how statements change one, and how one is written
//! as CQL: the text of [`Catalog::to_cql`] is the catalog, and works in `cqlsh` too. **Must not
//! know** disks, clocks, the engine or its running tables: ids and times are arguments, and what
//! follows from a change is a list of [`SchemaChange`]s.
//!
//! Start reading at [`Catalog`], then `apply.rs` (what a statement does), `script.rs` (how text is
//! read).

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod alter_table;
mod apply;
mod catalog;
mod change;
mod compact;
mod describe;
mod error;
mod events;
mod extensions;
mod functions;
mod index_classes;
mod indexes;
mod keyspaces;
mod names;
mod options;
mod options_given;
mod options_kept;
mod options_values;
mod print;
mod record;
mod replication;
mod rules;
mod script;
mod table_def;
mod tables;
mod type_changes;
mod type_statements;
mod user_types;
mod views;
mod warning;

#[cfg(test)]
mod tests;

pub use apply::{Applied, ApplyContext, SchemaOutcome};
pub use catalog::{Catalog, Keyspace};
pub use change::SchemaChange;
pub use error::{CatalogError, CatalogErrorKind, Existing, Result};
pub use events::{SchemaEvent, SchemaEventKind, SchemaTarget};
pub use names::is_system_keyspace;
pub use options::TableOptions;
pub use options_given::{MAX_TTL_SECONDS, option_names};
pub use rules::SchemaRules;
pub use script::LoadedSchema;
pub use table_def::{TableColumn, TableDef, ViewDef};
pub use type_changes::{reads_cells_of, replace_user_types, user_types_in};
pub use warning::SchemaWarning;
