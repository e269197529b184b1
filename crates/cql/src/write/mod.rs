//! INSERT, UPDATE, DELETE and BATCH (`ModificationStatement`, `BatchStatement`).

mod batch;
mod conditions;
mod direct;
mod limits;
mod operands;
mod operations;
mod plan;
mod request;

pub(crate) use batch::{BatchPlan, compile as compile_batch};
pub(crate) use plan::{WritePlan, compile};
