//! Literals, terms and relations.

use std::fmt::{self, Display, Formatter};

use super::names::{FunctionName, Quoting, selected};
use super::{quoted, separated};
use crate::ast::{
    Comparison, Condition, InValues, IntValue, Literal, NativeType, QualifiedName, Relation, RelationTarget,
    Term,
};
use crate::keywords::is_reserved_for_selections;

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => quoted(f, text, '\''),
            other => f.write_str(&other.raw_text()),
        }
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Null => f.write_str("null"),
            Self::Marker(marker) => marker.fmt(f),
            Self::List(elements) => enclosed(f, "[", elements, "]"),
            Self::Set(elements) => enclosed(f, "{", elements, "}"),
            Self::Map(entries) => braces(f, entries.iter().map(|(key, value)| (key, value))),
            Self::Udt(fields) => braces(f, fields.iter().map(|(name, value)| (name, value))),
            Self::Tuple(members) => match members.as_slice() {
                // Without quotes, `(int)` may be the hint of a type.
                [Self::Column(name)] => write!(f, "({})", Quoting(name, is_reserved_alone)),
                members => enclosed(f, "(", members, ")"),
            },
            Self::Function { name, arguments } => call(f, name, arguments),
            Self::Cast { term, to } => write!(f, "CAST({term} AS {to})"),
            Self::TypeHint { cql_type, term } => write!(f, "({cql_type}) {term}"),
            // With the space, `- 1` is not the number -1 and `- -1` not a comment.
            Self::Negation(term) => write!(f, "- {term}"),
            Self::Binary { operator, left, right } => write!(f, "{left} {} {right}", operator.sign()),
            Self::CountRows => f.write_str("count(*)"),
            Self::Column(name) => selected(name).fmt(f),
            Self::Field { of, field } => {
                // The point would become part of a number before it.
                let space = if matches!(**of, Self::Literal(_) | Self::TypeHint { .. }) { " " } else { "" };
                write!(f, "{of}{space}.{field}")
            }
            Self::Element { of, key } => write!(f, "{of}[{key}]"),
            Self::Slice { of, from, to } => {
                write!(f, "{of}[")?;
                optional(f, from.as_deref())?;
                f.write_str("..")?;
                optional(f, to.as_deref())?;
                f.write_str("]")
            }
            Self::ColumnMeta { meta, of } => write!(f, "{}({of})", meta.name()),
        }
    }
}

impl Display for IntValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => value.fmt(f),
            Self::Marker(marker) => marker.fmt(f),
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison { target, operator, value } => write!(f, "{target} {operator} {value}"),
            Self::In { target, values } => write!(f, "{target} IN {values}"),
            Self::Contains { column, value } => write!(f, "{column} CONTAINS {value}"),
            Self::ContainsKey { column, key } => write!(f, "{column} CONTAINS KEY {key}"),
            Self::Like { column, pattern } => write!(f, "{column} LIKE {pattern}"),
            Self::IsNotNull(column) => write!(f, "{column} IS NOT NULL"),
            Self::Expression { index, value } => write!(f, "expr({index}, {value})"),
        }
    }
}

impl Display for RelationTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => column.fmt(f),
            Self::Element { column, key } => write!(f, "{column}[{key}]"),
            Self::Field { column, field } => write!(f, "{column}.{field}"),
            Self::Tuple(columns) => enclosed(f, "(", columns, ")"),
            Self::Token(columns) => enclosed(f, "token(", columns, ")"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.sign())
    }
}

impl Display for InValues {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(values) => enclosed(f, "(", values, ")"),
            Self::Marker(marker) => marker.fmt(f),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("EXISTS"),
            Self::If(relations) => separated(f, relations, " AND "),
        }
    }
}

/// Writes `name(arguments)`.
pub(super) fn call(f: &mut Formatter<'_>, name: &QualifiedName, arguments: &[Term]) -> fmt::Result {
    FunctionName(name).fmt(f)?;
    enclosed(f, "(", arguments, ")")
}

/// Writes items with commas between an opening and a closing text.
pub(super) fn enclosed<T: Display>(
    f: &mut Formatter<'_>,
    open: &str,
    items: &[T],
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    separated(f, items, ", ")?;
    f.write_str(close)
}

/// Writes `{key: value, …}`.
pub(super) fn braces<K: Display, V: Display>(
    f: &mut Formatter<'_>,
    entries: impl Iterator<Item = (K, V)>,
) -> fmt::Result {
    f.write_str("{")?;
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{key}: {value}")?;
    }
    f.write_str("}")
}

/// Whether `word` needs quotes to be the one column in parentheses.
fn is_reserved_alone(word: &str) -> bool {
    is_reserved_for_selections(word) || NativeType::from_name(word).is_some()
}

fn optional(f: &mut Formatter<'_>, term: Option<&Term>) -> fmt::Result {
    term.map_or(Ok(()), |term| term.fmt(f))
}
