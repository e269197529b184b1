//! Words that cannot stand as an identifier unless they are quoted.

/// The reserved words of Cassandra 5.0 (`reserved_keywords.txt`), and the two booleans, which its lexer takes before
/// identifiers. Lower case, in order.
const RESERVED: [&str; 59] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "false",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "true",
    "truncate",
    "unlogged",
    "update",
    "use",
    "using",
    "view",
    "where",
    "with",
];

/// Words that are identifiers, but neither names of functions nor names of types without quotes
/// (`unreserved_keyword` less `unreserved_function_keyword` in Cassandra's grammar).
const NOT_A_FUNCTION: [&str; 7] = ["cast", "distinct", "json", "key", "maxwritetime", "ttl", "writetime"];

/// Names that Cassandra keeps for types to come (`reservedTypeNames`).
const RESERVED_TYPES: [&str; 7] = ["bitstring", "byte", "complex", "date", "enum", "interval", "macaddr"];

/// Words that begin or end a selection, so that as the name of a selected column they are quoted.
const SELECTION_WORDS: [&str; 4] = ["as", "distinct", "json", "per"];

/// Whether `word`, in any case, needs quotes to be an identifier.
#[must_use]
pub fn is_reserved(word: &str) -> bool {
    let lower = || word.bytes().map(|byte| byte.to_ascii_lowercase());
    RESERVED.binary_search_by(|reserved| reserved.bytes().cmp(lower())).is_ok()
}

/// Whether the lower case `word` needs quotes to be the name of a function. `token` does not, although it is reserved.
pub(crate) fn is_reserved_for_functions(word: &str) -> bool {
    word != "token" && (is_reserved(word) || NOT_A_FUNCTION.contains(&word))
}

/// Whether the lower case `word` needs quotes to be the name of a user defined type, the names of native types aside.
pub(crate) fn is_reserved_for_types(word: &str) -> bool {
    is_reserved(word) || NOT_A_FUNCTION.contains(&word) || RESERVED_TYPES.contains(&word) || word == "count"
}

/// Whether the lower case `word` needs quotes to be a column within a selection.
pub(crate) fn is_reserved_for_selections(word: &str) -> bool {
    is_reserved(word) || SELECTION_WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(RESERVED.is_sorted_by(|a, b| a < b));
        assert!(RESERVED.iter().all(|word| is_reserved(word)));
        assert!(is_reserved("SELECT"));
        assert!(!is_reserved("key"));
    }
}
