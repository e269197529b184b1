//! Random histories of writes, as values that both the model and the engine can apply.
//!
//! A history is small and nasty on purpose: few keys, few clusterings, few values, and timestamps
//! that are mostly equal or extreme, so that every write meets others.

mod generate;
mod op;
mod rng;
mod show;
mod strategy;

pub use generate::{Profile, generate, generate_table};
pub use op::{Action, ColumnOp, History, Op};
pub use rng::Rng;
pub use strategy::{HistoryStrategy, HistoryTree, histories};
