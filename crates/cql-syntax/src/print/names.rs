//! Names and types.

use std::fmt::{self, Display, Formatter};

use helenus_types::is_reserved;

use super::{quoted, separated};
use crate::ast::{CqlType, Identifier, Marker, NativeType, QualifiedName};
use crate::keywords::{is_reserved_for_functions, is_reserved_for_selections, is_reserved_for_types};

/// A name with its own rule of which words need quotes.
pub(super) struct Quoting<'a>(pub(super) &'a Identifier, pub(super) fn(&str) -> bool);

/// A name of a user defined type, where it is not the type of something but the object of a
/// statement.
pub(super) struct TypeName<'a>(pub(super) &'a QualifiedName);

/// A name of a function.
pub(super) struct FunctionName<'a>(pub(super) &'a QualifiedName);

/// A column in a selection.
pub(super) fn selected(column: &Identifier) -> Quoting<'_> {
    Quoting(column, is_reserved_for_selections)
}

impl Display for Quoting<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.as_str();
        if is_unquoted(name) && !(self.1)(name) { f.write_str(name) } else { quoted(f, name, '"') }
    }
}

impl Display for Identifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Quoting(self, is_reserved).fmt(f)
    }
}

impl Display for QualifiedName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        keyspace_and_dot(f, self)?;
        self.name.fmt(f)
    }
}

impl Display for TypeName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        keyspace_and_dot(f, self.0)?;
        let needs_quotes = |name: &str| is_reserved_for_types(name) || NativeType::from_name(name).is_some();
        Quoting(&self.0.name, needs_quotes).fmt(f)
    }
}

impl Display for FunctionName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        keyspace_and_dot(f, self.0)?;
        Quoting(&self.0.name, is_reserved_for_functions).fmt(f)
    }
}

impl Display for Marker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str("?"),
            Some(name) => write!(f, ":{name}"),
        }
    }
}

impl Display for NativeType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Display for CqlType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(native) => native.fmt(f),
            Self::Frozen(inner) => write!(f, "frozen<{inner}>"),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Set(element) => write!(f, "set<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(members) => {
                f.write_str("tuple<")?;
                separated(f, members, ", ")?;
                f.write_str(">")
            }
            Self::Vector(element, dimension) => write!(f, "vector<{element}, {dimension}>"),
            Self::User(name) => TypeName(name).fmt(f),
            Self::Custom(class) => quoted(f, class, '\''),
        }
    }
}

fn keyspace_and_dot(f: &mut Formatter<'_>, name: &QualifiedName) -> fmt::Result {
    name.keyspace.as_ref().map_or(Ok(()), |keyspace| write!(f, "{keyspace}."))
}

/// Whether the lexer takes `name` for one word and the parser folds it to itself.
fn is_unquoted(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
