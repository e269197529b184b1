//! Words that cannot stand as a name of some kind unless they are quoted, beside those that no name
//! can be ([`is_reserved`]).

use helenus_types::is_reserved;

use crate::ast::NativeType;

/// Words that are identifiers, but neither names of functions nor names of types without quotes
/// (`unreserved_keyword` less `unreserved_function_keyword` in Cassandra's grammar).
const NOT_A_FUNCTION: [&str; 7] = ["cast", "distinct", "json", "key", "maxwritetime", "ttl", "writetime"];

/// The other words of the grammar that are identifiers too, native types aside
/// (`basic_unreserved_keyword`, and what of `unreserved_keyword` stands above).
const UNRESERVED: [&str; 68] = [
    "access",
    "aggregate",
    "aggregates",
    "all",
    "ann",
    "as",
    "called",
    "cidrs",
    "cluster",
    "clustering",
    "compact",
    "contains",
    "count",
    "custom",
    "datacenters",
    "default",
    "exists",
    "filtering",
    "finalfunc",
    "frozen",
    "function",
    "functions",
    "group",
    "hashed",
    "identity",
    "initcond",
    "input",
    "internals",
    "keys",
    "keyspaces",
    "language",
    "like",
    "list",
    "login",
    "map",
    "masked",
    "mbean",
    "mbeans",
    "nologin",
    "nosuperuser",
    "only",
    "options",
    "partition",
    "password",
    "per",
    "permission",
    "permissions",
    "replace",
    "returns",
    "role",
    "roles",
    "select_masked",
    "sfunc",
    "static",
    "storage",
    "stype",
    "superuser",
    "tables",
    "trigger",
    "tuple",
    "type",
    "types",
    "unmask",
    "unset",
    "user",
    "users",
    "values",
    "vector",
];

/// Names that Cassandra keeps for types to come (`reservedTypeNames`).
const RESERVED_TYPES: [&str; 7] = ["bitstring", "byte", "complex", "date", "enum", "interval", "macaddr"];

/// Words that begin or end a selection, so that as the name of a selected column they are quoted.
const SELECTION_WORDS: [&str; 4] = ["as", "distinct", "json", "per"];

/// Whether the lower case `word` is a word of the grammar and an identifier as well: options have
/// such words as values without quotes, and no others.
#[must_use]
pub fn is_unreserved_keyword(word: &str) -> bool {
    NOT_A_FUNCTION.contains(&word) || UNRESERVED.contains(&word) || NativeType::from_name(word).is_some()
}

/// Whether the lower case `word` needs quotes to be the name of a function. `token` does not,
/// although it is reserved.
pub(crate) fn is_reserved_for_functions(word: &str) -> bool {
    word != "token" && (is_reserved(word) || NOT_A_FUNCTION.contains(&word))
}

/// Whether the lower case `word` needs quotes to be the name of a user defined type, the names of
/// native types aside.
pub(crate) fn is_reserved_for_types(word: &str) -> bool {
    is_reserved(word) || NOT_A_FUNCTION.contains(&word) || RESERVED_TYPES.contains(&word) || word == "count"
}

/// Whether the lower case `word` needs quotes to be a column within a selection.
pub(crate) fn is_reserved_for_selections(word: &str) -> bool {
    is_reserved(word) || SELECTION_WORDS.contains(&word)
}
