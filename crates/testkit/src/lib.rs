//! Generators, the naive model and golden runners, for tests.
//!
//! What this crate knows: Cassandra's semantics, written down a second time, slowly and obviously,
//! so that the engine can be compared with them; random histories of writes; golden files. What it
//! must not know: any crate of the engine but `types`. The tests that put the two side by side live
//! with the engine's crates.
//!
//! Start reading at [`model::ModelPartition`], which keeps every write as a fact and answers three
//! questions: what a merge must produce, what a compaction must leave, what a query must see.
//! [`histories::generate`] makes histories of writes from a seed; [`for_each_case`] runs a check
//! over many and shrinks the one that fails.

pub mod golden;
pub mod histories;
pub mod model;
mod runner;

pub use golden::{check_golden, check_scenarios};
pub use runner::{Case, count_from_env, for_each_case, for_each_history, for_each_history_of, without};
