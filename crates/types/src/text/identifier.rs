//! Identifiers, and which of them need quotes.

use super::push_quoted;

/// The reserved words of Cassandra 5.0 (`reserved_keywords.txt`), and the two booleans, which its
/// lexer takes before identifiers. Lower case, in order.
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

/// Whether `word`, in any case, needs quotes to be an identifier of CQL.
#[must_use]
pub fn is_reserved(word: &str) -> bool {
    let lower = || word.bytes().map(|byte| byte.to_ascii_lowercase());
    RESERVED.binary_search_by(|reserved| reserved.bytes().cmp(lower())).is_ok()
}

/// Appends an identifier as CQL reads it: in double quotes unless it is plain lower case and not
/// reserved.
///
/// Cassandra itself (`ColumnIdentifier.maybeQuote`) leaves `true` and `false` bare, and can't read
/// what it printed; here they have quotes, because schemas and literals are read back.
pub fn push_identifier(name: &str, out: &mut String) {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !is_reserved(name);
    if is_plain {
        out.push_str(name);
    } else {
        push_quoted(name, '"', out);
    }
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

    #[test]
    fn quotes_where_cql_needs_them() {
        for (name, expected) in [
            ("a_1", "a_1"),
            ("key", "key"),
            ("Key", "\"Key\""),
            ("1a", "\"1a\""),
            ("", "\"\""),
            ("a\"b", "\"a\"\"b\""),
            ("select", "\"select\""),
            ("true", "\"true\""),
        ] {
            let mut printed = String::new();
            push_identifier(name, &mut printed);
            assert_eq!(printed, expected);
        }
    }
}
