//! The one error of this crate: Cassandra's code, its text, and what the code brings along.

use std::fmt;

use helenus_cql_syntax::{LiteralError, ResolveError, Span, SyntaxError};
use helenus_engine::ErrorKind;
use helenus_schema::{CatalogError, CatalogErrorKind};
use helenus_types::ValueError;

use crate::consistency::Consistency;

/// Result of what is done with CQL.
pub type CqlResult<T> = Result<T, CqlError>;

/// The code of an error, as Cassandra's protocol numbers them (`ExceptionCode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `0x0000`: a failure inside the database.
    Server,
    /// `0x000A`: the request itself is malformed.
    Protocol,
    /// `0x1000`: there are not as many replicas as the request waits for.
    Unavailable,
    /// `0x1001`: there is no room for a write now.
    Overloaded,
    /// `0x1300`: a read was given up.
    ReadFailure,
    /// `0x1400`: a function failed on its arguments.
    FunctionFailure,
    /// `0x2000`: the text isn't CQL.
    Syntax,
    /// `0x2100`: not permitted.
    Unauthorized,
    /// `0x2200`: the statement, or a value, is wrong.
    Invalid,
    /// `0x2300`: an option of the schema is wrong.
    Config,
    /// `0x2400`: what is to be created exists.
    AlreadyExists,
    /// `0x2500`: the prepared statement isn't known.
    Unprepared,
}

/// What an error of some codes brings along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ErrorDetail {
    /// Nothing.
    #[default]
    None,
    /// What exists: a table, or where its name is empty a keyspace.
    Existing {
        /// The keyspace.
        keyspace: String,
        /// The table, or nothing.
        table: String,
    },
    /// The replicas that are missing.
    Unavailable {
        /// What the request asked for.
        consistency: Consistency,
        /// How many replicas that needs.
        required: u32,
        /// How many there are.
        alive: u32,
    },
    /// The function that failed.
    Function {
        /// Its keyspace.
        keyspace: String,
        /// Its name.
        name: String,
        /// The types of its arguments in CQL.
        arguments: Vec<String>,
    },
}

/// An error of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CqlError {
    code: ErrorCode,
    message: String,
    detail: Box<ErrorDetail>,
    warnings: Vec<String>,
    span: Option<Span>,
}

impl ErrorCode {
    /// The number in the protocol.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Server => 0x0000,
            Self::Protocol => 0x000A,
            Self::Unavailable => 0x1000,
            Self::Overloaded => 0x1001,
            Self::ReadFailure => 0x1300,
            Self::FunctionFailure => 0x1400,
            Self::Syntax => 0x2000,
            Self::Unauthorized => 0x2100,
            Self::Invalid => 0x2200,
            Self::Config => 0x2300,
            Self::AlreadyExists => 0x2400,
            Self::Unprepared => 0x2500,
        }
    }
}

impl CqlError {
    /// An error with that code and text.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: Box::default(), warnings: Vec::new(), span: None }
    }

    /// An error of a wrong statement or value (`InvalidRequestException`).
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// The same error with what its code brings along.
    pub(crate) fn with_detail(mut self, detail: ErrorDetail) -> Self {
        self.detail = Box::new(detail);
        self
    }

    /// The same error after those warnings.
    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the code brings along.
    #[must_use]
    pub fn detail(&self) -> &ErrorDetail {
        &self.detail
    }

    /// The bytes of the statement that the error is about, where they are known: those at which a
    /// text isn't CQL any more.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Warnings of the statement before it failed.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// `Err` of a wrong statement or value.
pub(crate) fn refuse<T>(message: impl Into<String>) -> CqlResult<T> {
    Err(CqlError::invalid(message))
}

impl fmt::Display for CqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CqlError {}

impl From<SyntaxError> for CqlError {
    fn from(error: SyntaxError) -> Self {
        Self { span: Some(error.span), ..Self::new(ErrorCode::Syntax, error.to_string()) }
    }
}

impl From<LiteralError> for CqlError {
    fn from(error: LiteralError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<ResolveError> for CqlError {
    fn from(error: ResolveError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<ValueError> for CqlError {
    fn from(error: ValueError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<&CatalogError> for CqlError {
    fn from(error: &CatalogError) -> Self {
        let code = match error.kind() {
            CatalogErrorKind::Syntax => ErrorCode::Syntax,
            CatalogErrorKind::Configuration => ErrorCode::Config,
            CatalogErrorKind::Unauthorized => ErrorCode::Unauthorized,
            // What else may exist already has no code of its own.
            CatalogErrorKind::AlreadyExists if error.existing().is_some() => ErrorCode::AlreadyExists,
            _ => ErrorCode::Invalid,
        };
        let detail = error.existing().map(|existing| ErrorDetail::Existing {
            keyspace: existing.keyspace.clone(),
            table: existing.table.clone().unwrap_or_default(),
        });
        Self::new(code, error.to_string()).with_detail(detail.unwrap_or_default())
    }
}

impl From<CatalogError> for CqlError {
    fn from(error: CatalogError) -> Self {
        Self::from(&error)
    }
}

impl From<helenus_engine::Error> for CqlError {
    fn from(error: helenus_engine::Error) -> Self {
        if let Some(refusal) = error.refusal() {
            return Self::from(refusal);
        }
        let code = match error.kind() {
            ErrorKind::Syntax => ErrorCode::Syntax,
            ErrorKind::AlreadyExists
            | ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Unsupported
            | ErrorKind::ReadOnly => ErrorCode::Invalid,
            ErrorKind::Overloaded => ErrorCode::Overloaded,
            ErrorKind::Corrupt => ErrorCode::ReadFailure,
            _ => ErrorCode::Server,
        };
        Self::new(code, error.to_string())
    }
}
