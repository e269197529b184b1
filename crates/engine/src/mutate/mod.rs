//! Writing: statements, prepared statements, batches, conditions.
//!
//! What a statement does is said once, without values: a [`StatementPlan`] of ordered [`Action`]s
//! on columns and of conditions. Builders, prepared statements and the upper crates' CQL all come
//! to that; rules are in `action.rs` and `shape.rs`, and `columns.rs` binds each action's values.
//! From there:
//!
//! * A prepared statement that sets simple columns of one row is encoded straight into the mutation
//!   (`plan.rs`).
//! * All else is staged (`staged.rs`): serialized, in canonical order, without timestamps yet. When
//!   it is carried out (`write.rs`), conditions are held against what is there (`condition.rs`) and
//!   what depends on the data is resolved (`resolve.rs`), both under the partition's lock; then it
//!   is encoded where it stands in the mutation (`encode.rs`).
//! * A batch takes its statements in the same two ways. It has the moment at which it is executed:
//!   rows of which nothing else is open are encoded when they are added and get it then, in the
//!   same places; all else waits for it staged. Rows of a batch are staged again (`restage.rs`) if
//!   that can't be.
//!
//! The mutation goes to `engine/write.rs`. A schema change between makes a write turn to the new
//! schema and begin again.

mod action;
mod batch;
mod bind;
mod columns;
mod condition;
mod delete;
mod encode;
mod errors;
mod options;
mod plan;
mod prepared;
mod resolve;
mod restage;
mod shape;
mod staged;
mod statement;
mod upsert;
mod workspace;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use action::{
    Action, Combine, Condition, Conditions, Op, Operand, Part, RangePlan, StatementKind, StatementPlan,
};
pub use batch::Batch;
pub use bind::{BindValue, BindValues, Binding, Unset};
pub use condition::{BatchOutcome, Outcome};
pub use delete::Delete;
pub use options::WriteOptions;
pub use prepared::Prepared;
pub use upsert::{Conditional, Insert, Update};
pub(crate) use writer::{StatementWriter, WriteTarget};
