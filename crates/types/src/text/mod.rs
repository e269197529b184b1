//! Values as text: JSON, CQL literals, the fields of CSV files.

mod java_float;
mod json;
mod number;
mod parse;
mod parse_json;
mod print;

pub(crate) use java_float::{push_double, push_float};
pub use json::{escape_json, push_json_key, push_json_name};
pub use number::{push_number, push_unsigned};
pub use parse_json::JsonMembers;

/// Names that CQL keeps for itself: an identifier that is one of them is quoted.
const RESERVED: [&str; 52] = [
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
    "truncate",
    "unlogged",
    "update",
];
/// The rest of them.
const RESERVED_FROM_U: [&str; 5] = ["use", "using", "view", "where", "with"];

/// Appends an identifier as CQL prints it: in double quotes unless it is plain lower case and not
/// reserved.
pub fn push_identifier(name: &str, out: &mut String) {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name)
        && !RESERVED_FROM_U.contains(&name);
    if is_plain {
        out.push_str(name);
    } else {
        push_quoted(name, '"', out);
    }
}

/// Appends a text between quotes, those inside doubled.
pub(crate) fn push_quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        out.push(c);
        if c == quote {
            out.push(c);
        }
    }
    out.push(quote);
}

/// The quoted string at the start of `text` (quotes inside are doubled), and the rest.
pub(crate) fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix(quote)?;
    let mut inside = String::new();
    loop {
        let (piece, after) = rest.split_once(quote)?;
        inside.push_str(piece);
        match after.strip_prefix(quote) {
            Some(more) => {
                inside.push(quote);
                rest = more;
            }
            None => return Some((inside, after)),
        }
    }
}

/// Appends bytes as lower-case hex digits.
pub(crate) fn push_hex(bytes: &[u8], out: &mut String) {
    out.reserve(2 * bytes.len());
    for &byte in bytes {
        for nibble in [byte >> 4, byte & 0xF] {
            out.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }));
        }
    }
}

/// The bytes that an even number of hex digits stands for.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|&[high, low]| Some((nibble(high)? << 4) | nibble(low)?)).collect()
}
