//! Tests of the crate as a whole: Cassandra's own vectors, and laws that hold for values of every
//! type.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::string_slice, reason = "tests")]

use helenus_cql_syntax::parse_type;
use helenus_types::Type;

mod corpus;
mod encoding;
mod grown;
mod json;
mod properties;
mod typed;
mod values;

/// The type that CQL calls so; `lookup` knows the user types.
#[track_caller]
fn type_named(name: &str, lookup: impl Fn(&str) -> Option<Type>) -> Type {
    parse_type(name).unwrap().resolve("ks", &lookup).unwrap()
}
