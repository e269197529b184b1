//! Writing: statements, prepared statements, batches, conditions.
//!
//! A statement is checked against the schema and staged (`staged.rs`): serialized, in canonical order, without
//! timestamps yet. When it is carried out (`write.rs`), what depends on the data is resolved under the partition's
//! lock (`resolve.rs`), everything is encoded (`encode.rs`) and handed to the engine's write path. A schema change
//! between makes it turn to the new schema and encode again.

mod batch;
mod bind;
mod columns;
mod condition;
mod delete;
mod encode;
mod errors;
mod options;
mod prepared;
mod resolve;
mod staged;
mod statement;
mod upsert;
mod workspace;
mod write;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use bind::{BindValue, BindValues, Binding, Unset};
pub use condition::{Op, Outcome};
pub use delete::Delete;
pub use options::WriteOptions;
pub use prepared::Prepared;
pub use upsert::{Conditional, Insert, Update};
pub(crate) use workspace::Workspaces;
