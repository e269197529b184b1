//! Directories that are no database of ours: what Cassandra's nodes left, opened where it is and
//! only read.
//!
//! Start reading at [`Foreign::open`] in `found.rs`, which finds out what there is; `layout.rs`
//! knows how directories are laid out, `directory.rs` which SSTables of one count, `search.rs`
//! whose they are; `schema_rows.rs`, `schema_statements.rs` and `node_schema.rs` read a node's own
//! schema. `open.rs` opens tables.

mod bring;
mod directory;
mod fits;
mod found;
mod header_types;
mod layout;
mod node_schema;
mod open;
mod options;
mod schema_rows;
mod schema_statements;
mod search;
mod verify;

pub(crate) use bring::{Kept, bring, take_back};
pub use bring::{Progress, Transfer};
pub(crate) use directory::{Directory, Present};
pub(crate) use fits::check_fits;
pub use found::{Foreign, ForeignTable};
pub use layout::ForeignKind;
pub(crate) use layout::{check_nothing_in_log, database_around};
pub use open::open_sstables;
pub use options::ForeignOptions;
pub use verify::Verification;
pub(crate) use verify::look_at;
