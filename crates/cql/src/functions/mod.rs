//! Functions: overloads, scalars, aggregates, casts and arithmetic (`cql3/functions`).
//!
//! [`resolve`] finds the overload for arguments; `natives.rs` lists those of a name, `factory.rs`
//! makes those whose types follow from their arguments. What they calculate is in the rest.

mod addition;
mod aggregates;
mod argument;
mod blobs;
mod call;
mod collections;
mod decimal;
mod factory;
mod function;
mod json;
mod masks;
mod math;
mod natives;
mod number;
mod resolve;
mod sha;
mod time;
mod vectors;

pub(crate) use addition::addition_to;
pub(crate) use aggregates::{Accumulator, AggregateKind};
pub(crate) use argument::{Argument, Caller, preferred_type};
pub(crate) use call::{call_of, cast_name};
pub(crate) use function::{COUNT_ROWS, Function, FunctionBody, operator_of};
pub(crate) use resolve::{FunctionReference, argument_spec, resolve};
pub(crate) use vectors::similarity_of;

use function::{NEGATE, failure};
