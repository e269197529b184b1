//! The errors of decoding bytes and of converting values.

use std::borrow::Cow;

use thiserror::Error;

use crate::Type;

/// Bytes that are not valid at their place.
///
/// Decoders know only their buffer: the caller that knows the file adds its name and, with
/// [`shifted`](Self::shifted), where the buffer began.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at offset {offset}: expected {expected}, found {found}")]
pub struct DecodeError {
    /// Bytes from the start of the buffer (of the file once shifted) to the first wrong one.
    pub offset: u64,
    /// The valid content.
    pub expected: Cow<'static, str>,
    /// The content found.
    pub found: Cow<'static, str>,
}

impl DecodeError {
    /// An error at `offset` of the current buffer.
    #[cold]
    pub fn new(
        offset: u64,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> DecodeError {
        DecodeError { offset, expected: expected.into(), found: found.into() }
    }

    /// The same error seen from a frame in which the buffer begins at `base`.
    #[must_use]
    pub fn shifted(self, base: u64) -> DecodeError {
        DecodeError { offset: self.offset.saturating_add(base), ..self }
    }
}

/// A value that its type does not allow, or a text that is not a value of the type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a valid {type_name}: {problem}")]
pub struct ValueError {
    /// The type in CQL.
    pub type_name: String,
    /// The fault.
    pub problem: Cow<'static, str>,
}

impl ValueError {
    /// An error about a value of `ty`.
    #[cold]
    pub fn new(ty: &Type, problem: impl Into<Cow<'static, str>>) -> ValueError {
        ValueError { type_name: ty.cql_name(), problem: problem.into() }
    }

    /// An error about a value of `ty` whose elements cannot be separated.
    #[cold]
    pub(crate) fn decode(ty: &Type, error: &DecodeError) -> ValueError {
        ValueError::new(ty, error.to_string())
    }
}
