//! Positions and ranges in a text.

use std::fmt;
use std::ops::Deref;

/// A range of bytes of the text that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The offset of the first byte.
    pub start: usize,
    /// The offset after the last byte.
    pub end: usize,
}

/// A line and a column, both counted from one; a column is a character, not a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

/// A node of the tree with the text range it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Spanned<T> {
    pub node: T,
    /// From the first byte of its first token to the last byte of its last token.
    pub span: Span,
}

impl Span {
    /// The part of `text` that this span covers; empty where the span does not belong to `text`.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

impl Position {
    /// The position of the byte at `offset` in `text`; an offset past the end gives the end.
    #[must_use]
    pub fn at(text: &str, offset: usize) -> Self {
        let mut position = Self { line: 1, column: 1 };
        for (_, character) in text.char_indices().take_while(|(at, _)| *at < offset) {
            if character == '\n' {
                position.line += 1;
                position.column = 1;
            } else {
                position.column += 1;
            }
        }
        position
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}:{}", self.line, self.column)
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_lines_and_characters() {
        let text = "ab\ncé d";
        assert_eq!(Position::at(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::at(text, 3), Position { line: 2, column: 1 });
        assert_eq!(Position::at(text, text.len() - 1), Position { line: 2, column: 4 });
        assert_eq!(Position::at(text, 1000), Position { line: 2, column: 5 });
    }

    #[test]
    fn span_outside_of_a_text_is_empty() {
        assert_eq!(Span { start: 1, end: 3 }.of("abc"), "bc");
        assert_eq!(Span { start: 2, end: 30 }.of("abc"), "");
    }
}
