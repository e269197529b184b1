//! Dispatch: the first words decide which statement is parsed.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::Statement;
use crate::lexer::TokenKind;
use crate::span::{Span, Spanned};

/// The first words of the statements that are kept as text.
const OPAQUE: [&[&str]; 18] = [
    &["create", "or", "replace"],
    &["create", "function"],
    &["create", "aggregate"],
    &["create", "trigger"],
    &["create", "role"],
    &["create", "user"],
    &["alter", "role"],
    &["alter", "user"],
    &["drop", "function"],
    &["drop", "aggregate"],
    &["drop", "trigger"],
    &["drop", "role"],
    &["drop", "user"],
    &["drop", "identity"],
    &["add", "identity"],
    &["grant"],
    &["revoke"],
    &["list"],
];

const EXPECTED: &str = "a statement";

impl Parser<'_> {
    pub(super) fn spanned_statement(&mut self) -> Parsed<Spanned<Statement>> {
        let start = self.start();
        let node = self.statement()?;
        Ok(Spanned { node, span: Span { start, end: self.end_of_last() } })
    }

    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        self.restart_markers();
        if OPAQUE.iter().any(|words| self.are_words(words)) {
            return self.opaque();
        }
        let word = self.text_of(self.peek(0)).to_ascii_lowercase();
        match word.as_str() {
            "create" => self.create(),
            "alter" => self.alter(),
            "drop" => self.drop(),
            "truncate" => self.truncate(),
            "use" => {
                self.advance();
                self.named("a keyspace name").map(Statement::Use)
            }
            "select" => self.select().map(Box::new).map(Statement::Select),
            "insert" => self.insert().map(Box::new).map(Statement::Insert),
            "update" => self.update().map(Box::new).map(Statement::Update),
            "delete" => self.delete().map(Box::new).map(Statement::Delete),
            "begin" => self.batch().map(Statement::Batch),
            "describe" | "desc" => self.describe().map(Statement::Describe),
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    /// Takes everything up to the next `;` or the end.
    fn opaque(&mut self) -> Parsed<Statement> {
        let start = self.start();
        while !matches!(self.kind(0), TokenKind::Symbol(b';') | TokenKind::End) {
            if self.kind(0) == TokenKind::Invalid {
                return Err(self.unexpected(EXPECTED));
            }
            self.advance();
        }
        let text = self.text_between(Span { start, end: self.end_of_last() });
        Ok(Statement::Other(text.to_owned()))
    }
}
