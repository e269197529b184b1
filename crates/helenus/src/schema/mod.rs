//! The catalog: keyspaces, user types, tables, views and indexes, as pure values.
//!
//! **Knows** what Cassandra allows in a schema, how statements change one, and how one is written as CQL: the text
//! of [`Catalog::to_cql`] is the catalog, and works in `cqlsh` too. **Must not know** disks, clocks or running
//! tables: ids and times are arguments, and what follows from a change is told as a list of [`Change`]s.
//!
//! Start reading at [`Catalog`], then `apply.rs` (what a statement does), `script.rs` (how text is read).

mod alter_table;
mod apply;
mod catalog;
mod compact;
mod cql_types;
mod extensions;
mod functions;
mod indexes;
mod keyspaces;
mod names;
mod options;
mod options_kept;
mod options_values;
mod print;
mod script;
mod table_def;
mod tables;
mod user_types;
mod views;

#[cfg(test)]
mod tests;

pub(crate) use apply::{Applied, ApplyContext, Change};
pub use catalog::{Catalog, Keyspace};
pub(crate) use cql_types::{reads_cells_of, replace_user_types, user_types_in};
pub(crate) use names::is_system_keyspace;
pub(crate) use options::MAX_TTL_SECONDS;
pub use options::TableOptions;
pub use script::LoadedSchema;
pub use table_def::{TableColumn, TableDef, ViewDef};
