//! The one error of this crate.

use std::borrow::Cow;

use crate::span::{Position, Span};

/// A text that is not CQL: where, what would have been right there, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: expected {expected}, found {found}")]
pub struct SyntaxError {
    /// Where the unexpected text begins.
    pub position: Position,
    /// The bytes of the unexpected text; empty at the end of the input.
    pub span: Span,
    /// The texts that would have been valid, in words.
    pub expected: Cow<'static, str>,
    /// The text found there, in words or quoted and cut to a readable length.
    pub found: String,
}

/// The number of characters of an unexpected text that an error repeats.
const QUOTED_CHARS: usize = 40;

/// A [`SyntaxError`] before its position is looked up. The parser makes and drops these where it
/// tries a rule, so they must not cost time in proportion to the text.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) span: Span,
    pub(crate) expected: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(span: Span, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { span, expected: expected.into() }
    }

    /// The error as the caller that passed `text` gets it.
    pub(crate) fn into_error(self, text: &str) -> SyntaxError {
        let Self { span, expected } = self;
        let found = span.of(text);
        let found = if found.is_empty() {
            "the end of the text".to_owned()
        } else {
            let mut quoted: String = found.chars().take(QUOTED_CHARS).collect();
            if quoted.len() < found.len() {
                quoted.push('…');
            }
            format!("`{quoted}`")
        };
        SyntaxError { position: Position::at(text, span.start), span, expected, found }
    }
}
