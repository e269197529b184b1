//! Identifiers and names.

use std::borrow::Borrow;

/// A name of a keyspace, table, column, type, field, function or index, without quotes and as it is
/// stored.
///
/// Unquoted text is folded to lower case by the parser. `Display` writes the name as CQL, in double
/// quotes exactly when it needs them: where it is not a lower case letter followed by lower case
/// letters, digits and underscores, or is a reserved word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Box<str>);

/// A name with or without its keyspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// The keyspace, where it was given.
    pub keyspace: Option<Identifier>,
    /// The name within the keyspace.
    pub name: Identifier,
}

impl Identifier {
    /// The identifier with exactly this name, as if it had been written in double quotes.
    #[must_use]
    pub fn exact(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The identifier that `text` names when it stands unquoted: folded to lower case.
    #[must_use]
    pub fn folded(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// The name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl QualifiedName {
    /// `keyspace.name`
    #[must_use]
    pub fn qualified(keyspace: Identifier, name: Identifier) -> Self {
        Self { keyspace: Some(keyspace), name }
    }

    /// `name`
    #[must_use]
    pub fn unqualified(name: Identifier) -> Self {
        Self { keyspace: None, name }
    }
}

impl Borrow<str> for Identifier {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Identifier {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Identifier {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0.into_string()
    }
}
