//! The parser's cursor: looks at tokens, takes them, and reports what was expected.

use std::borrow::Cow;

use crate::error::Failure;
use crate::lexer::{Token, TokenKind, tokenize};
use crate::span::Span;

/// The result of a rule of the grammar.
pub(super) type Parsed<T> = Result<T, Failure>;

/// How deep types, terms and parentheses may nest.
pub const MAX_NESTING: usize = 64;

/// How many operators, field accesses and element accesses one outermost term may hold. Each adds a
/// level to the tree without adding one to the recursion of the parser.
pub(super) const MAX_CHAIN: usize = 256;

/// A text, its tokens, and the next one to take.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// The error of the last token, where that is malformed.
    malformed: Option<Failure>,
    next: usize,
    /// How many markers of the statement were taken.
    markers: usize,
    depth: usize,
    chain: usize,
    /// Whether a `:` here ends the key of a map.
    in_key: bool,
    /// Whether numbers beyond those of 64 bits with a point may stand here: not in a statement,
    /// where Cassandra fails on them.
    pub(super) any_float: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let tokens = tokenize(text);
        Self {
            text,
            tokens: tokens.list,
            malformed: tokens.error,
            next: 0,
            markers: 0,
            depth: 0,
            chain: 0,
            in_key: false,
            any_float: false,
        }
    }

    /// The token `ahead` of the next one; past the end it is the end.
    pub(super) fn peek(&self, ahead: usize) -> Token {
        let end = Span { start: self.text.len(), end: self.text.len() };
        self.tokens.get(self.next + ahead).copied().unwrap_or(Token { kind: TokenKind::End, span: end })
    }

    pub(super) fn kind(&self, ahead: usize) -> TokenKind {
        self.peek(ahead).kind
    }

    pub(super) fn text_of(&self, token: Token) -> &'a str {
        self.text.get(token.span.start..token.span.end).unwrap_or_default()
    }

    /// The text of a range of the input.
    pub(super) fn text_between(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek(0);
        self.next += 1;
        token
    }

    pub(super) fn at_end(&self) -> bool {
        self.kind(0) == TokenKind::End
    }

    /// Where the next token begins.
    pub(super) fn start(&self) -> usize {
        self.peek(0).span.start
    }

    /// Where the last token taken ends.
    pub(super) fn end_of_last(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |token| token.span.end)
    }

    /// The error that the next token is not what was `expected`; what is wrong with the token
    /// itself goes first.
    pub(super) fn unexpected(&self, expected: impl Into<Cow<'static, str>>) -> Failure {
        let token = self.peek(0);
        match &self.malformed {
            Some(error) if token.kind == TokenKind::Invalid => error.clone(),
            _ => self.error_at(token, expected),
        }
    }

    pub(super) fn error_at(&self, token: Token, expected: impl Into<Cow<'static, str>>) -> Failure {
        Failure::new(token.span, expected)
    }

    /// Whether the token `ahead` is this word, in any case and not quoted.
    pub(super) fn is_word(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek(ahead);
        token.kind == TokenKind::Word && self.text_of(token).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, ahead: usize, symbol: u8) -> bool {
        self.kind(ahead) == TokenKind::Symbol(symbol)
    }

    /// Whether the next tokens are these words.
    pub(super) fn are_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_word(ahead, word))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.take_words(&[word])
    }

    /// Takes all of these words, or nothing.
    pub(super) fn take_words(&mut self, words: &[&str]) -> bool {
        let found = self.are_words(words);
        if found {
            self.next += words.len();
        }
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: u8) -> bool {
        self.take_kind(TokenKind::Symbol(symbol))
    }

    pub(super) fn take_kind(&mut self, kind: TokenKind) -> bool {
        let found = self.kind(0) == kind;
        self.next += usize::from(found);
        found
    }

    pub(super) fn word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(self.unexpected(format!("`{}`", word.to_ascii_uppercase())))
        }
    }

    pub(super) fn words(&mut self, words: &[&str]) -> Parsed<()> {
        words.iter().try_for_each(|word| self.word(word))
    }

    pub(super) fn symbol(&mut self, symbol: u8) -> Parsed<()> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected(format!("`{}`", char::from(symbol))))
        }
    }

    /// `rule, rule, …`, at least one.
    pub(super) fn list<T>(&mut self, mut rule: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut list = vec![rule(self)?];
        while self.take_symbol(b',') {
            list.push(rule(self)?);
        }
        Ok(list)
    }

    /// `rule, …` up to and with the `closing` symbol, may be none.
    pub(super) fn list_until<T>(
        &mut self,
        closing: u8,
        rule: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        if self.take_symbol(closing) {
            return Ok(Vec::new());
        }
        let list = self.list(rule)?;
        self.symbol(closing)?;
        Ok(list)
    }

    /// `(rule, …)`, at least one.
    pub(super) fn parenthesized<T>(&mut self, rule: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.symbol(b'(')?;
        let list = self.list(rule)?;
        self.symbol(b')')?;
        Ok(list)
    }

    /// Runs a rule one level deeper.
    pub(super) fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_NESTING {
            return Err(self.unexpected(format!("at most {MAX_NESTING} levels of nesting")));
        }
        if self.depth == 0 {
            self.chain = 0;
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// Counts one more operator or selection of the current outermost term.
    pub(super) fn link(&mut self) -> Parsed<()> {
        self.chain += 1;
        if self.chain > MAX_CHAIN {
            return Err(self.unexpected(format!("at most {MAX_CHAIN} operators in one term")));
        }
        Ok(())
    }

    /// Runs a rule and goes back if it fails or `accepted` does not hold after it.
    pub(super) fn attempt<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Parsed<T>,
        accepted: impl FnOnce(&Self, &T) -> bool,
    ) -> Option<T> {
        let (start, markers) = (self.next, self.markers);
        let result = rule(self).ok().filter(|result| accepted(self, result));
        if result.is_none() {
            (self.next, self.markers) = (start, markers);
        }
        result
    }

    /// The index of a marker that was just taken.
    pub(super) fn next_marker(&mut self) -> usize {
        self.markers += 1;
        self.markers - 1
    }

    /// The markers of the next statement count from zero.
    pub(super) fn restart_markers(&mut self) {
        self.markers = 0;
    }

    /// Runs a rule as part of the key of a map, or outside of any.
    pub(super) fn in_key<T>(&mut self, in_key: bool, rule: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.in_key, in_key);
        let result = rule(self);
        self.in_key = outside;
        result
    }

    pub(super) fn is_in_key(&self) -> bool {
        self.in_key
    }
}
