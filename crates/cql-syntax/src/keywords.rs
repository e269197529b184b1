//! Words that cannot stand as a name of some kind unless they are quoted, beside those that no name
//! can be ([`is_reserved`]).

use helenus_types::is_reserved;

/// Words that are identifiers, but neither names of functions nor names of types without quotes
/// (`unreserved_keyword` less `unreserved_function_keyword` in Cassandra's grammar).
const NOT_A_FUNCTION: [&str; 7] = ["cast", "distinct", "json", "key", "maxwritetime", "ttl", "writetime"];

/// Names that Cassandra keeps for types to come (`reservedTypeNames`).
const RESERVED_TYPES: [&str; 7] = ["bitstring", "byte", "complex", "date", "enum", "interval", "macaddr"];

/// Words that begin or end a selection, so that as the name of a selected column they are quoted.
const SELECTION_WORDS: [&str; 4] = ["as", "distinct", "json", "per"];

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
