//! Why a statement or a text can't change the catalog.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use helenus_cql_syntax::ResolveError;
use helenus_rows::SchemaError;
use helenus_types::{TypeError, ValueError};

/// The kind of a [`CatalogError`], which decides what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CatalogErrorKind {
    /// The text isn't CQL.
    Syntax,
    /// Cassandra refuses the statement.
    Invalid,
    /// Cassandra refuses an option of a keyspace, table or index, or what follows from options
    /// (`ConfigurationException`).
    Configuration,
    /// What the statement changes is Cassandra's own.
    Unauthorized,
    /// The object that the statement names doesn't exist.
    NotFound,
    /// The object that the statement would create exists.
    AlreadyExists,
    /// Not something that this release can do.
    Unsupported,
}

/// A statement that the catalog refuses, or a text that isn't a schema.
pub struct CatalogError {
    kind: CatalogErrorKind,
    text: Cow<'static, str>,
    existing: Option<Existing>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The keyspace, or the table or view in it, that a statement would create and that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The keyspace.
    pub keyspace: String,
    /// The table or view; `None` where the keyspace itself is there.
    pub table: Option<String>,
}

/// Result of what is done with a catalog.
pub type Result<T> = std::result::Result<T, CatalogError>;

impl CatalogError {
    pub(crate) fn new(kind: CatalogErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), existing: None, source: None }
    }

    pub(crate) fn configuration(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CatalogErrorKind::Configuration, text)
    }

    pub(crate) fn syntax(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CatalogErrorKind::Syntax, text)
    }

    pub(crate) fn exists(existing: Existing) -> Self {
        let text = match &existing {
            Existing { keyspace, table: Some(table) } => {
                format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"")
            }
            Existing { keyspace, table: None } => format!("Cannot add existing keyspace \"{keyspace}\""),
        };
        Self { existing: Some(existing), ..Self::new(CatalogErrorKind::AlreadyExists, text) }
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CatalogErrorKind::Invalid, text)
    }

    pub(crate) fn with(kind: CatalogErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        let text = source.to_string().into();
        Self { kind, text, existing: None, source: Some(Box::new(source)) }
    }

    /// The kind of the error.
    pub fn kind(&self) -> CatalogErrorKind {
        self.kind
    }

    /// The keyspace or table that is there already, if that is why. Of other things that exist
    /// Cassandra says no more than the text.
    pub fn existing(&self) -> Option<&Existing> {
        self.existing.as_ref()
    }

    /// The same error, saying where it happened.
    pub fn context(mut self, place: impl fmt::Display) -> Self {
        self.text = format!("{place}: {}", self.text).into();
        self
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

impl Error for CatalogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The text is the source's own, so the chain continues after it.
        self.source.as_ref().and_then(|source| source.source())
    }
}

impl From<SchemaError> for CatalogError {
    fn from(error: SchemaError) -> Self {
        Self::with(CatalogErrorKind::Invalid, error)
    }
}

impl From<ValueError> for CatalogError {
    fn from(error: ValueError) -> Self {
        Self::with(CatalogErrorKind::Invalid, error)
    }
}

impl From<TypeError> for CatalogError {
    fn from(error: TypeError) -> Self {
        Self::with(CatalogErrorKind::Invalid, error)
    }
}

impl From<ResolveError> for CatalogError {
    fn from(error: ResolveError) -> Self {
        let kind = match &error {
            ResolveError::Unknown { .. } => CatalogErrorKind::NotFound,
            ResolveError::Syntax(_) | ResolveError::Class(_) => CatalogErrorKind::Syntax,
            ResolveError::Refused(_) => CatalogErrorKind::Invalid,
        };
        Self::with(kind, error)
    }
}
