//! Tests of the public API: real schemas, every statement there and back, errors, random trees and
//! texts.

#![expect(clippy::unwrap_used, reason = "tests")]

mod corpus;
mod errors;
mod manipulation;
mod properties;
mod statements;
mod terms;
mod trees;
