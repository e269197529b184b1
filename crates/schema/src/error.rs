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
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Result of what is done with a catalog.
pub type Result<T> = std::result::Result<T, CatalogError>;

impl CatalogError {
    pub(crate) fn new(kind: CatalogErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), source: None }
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CatalogErrorKind::Invalid, text)
    }

    pub(crate) fn with(kind: CatalogErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, text: source.to_string().into(), source: Some(Box::new(source)) }
    }

    /// The kind of the error.
    pub fn kind(&self) -> CatalogErrorKind {
        self.kind
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
        let is_unknown = matches!(error, ResolveError::Unknown { .. });
        Self::with(if is_unknown { CatalogErrorKind::NotFound } else { CatalogErrorKind::Invalid }, error)
    }
}
