//! Tests of the public API: real schemas, every statement there and back, errors, random trees and
//! texts.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod administration;
mod corpus;
mod errors;
mod literals;
mod manipulation;
mod properties;
mod resolve;
mod statements;
mod terms;
mod trees;
