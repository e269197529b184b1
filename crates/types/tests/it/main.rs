//! Tests of the crate as a whole: Cassandra's own vectors, and laws that hold for values of every
//! type.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::string_slice, reason = "tests")]

mod corpus;
mod encoding;
mod grown;
mod json;
mod properties;
mod typed;
mod values;
