//! Identifiers, names, strings and numbers.

use helenus_types::is_reserved;

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{Identifier, IntValue, Marker, NativeType, QualifiedName};
use crate::keywords::is_reserved_for_types;
use crate::lexer::{Token, TokenKind};

impl Parser<'_> {
    /// Whether the token `ahead` can be an identifier.
    pub(super) fn is_identifier(&self, ahead: usize) -> bool {
        let token = self.peek(ahead);
        match token.kind {
            TokenKind::Word => !is_reserved(self.text_of(token)),
            TokenKind::QuotedName => true,
            _ => false,
        }
    }

    /// The identifier that the token `ahead` is, if it is one.
    pub(super) fn identifier_at(&self, ahead: usize) -> Option<Identifier> {
        let token = self.peek(ahead);
        let text = self.text_of(token);
        match token.kind {
            TokenKind::Word => (!is_reserved(text)).then(|| Identifier::folded(text)),
            TokenKind::QuotedName => Some(Identifier::exact(unquoted(text, '"'))),
            _ => None,
        }
    }

    /// An identifier; `expected` says of what.
    pub(super) fn named(&mut self, expected: &'static str) -> Parsed<Identifier> {
        let identifier = self.identifier_at(0).ok_or_else(|| self.unexpected(expected))?;
        self.advance();
        Ok(identifier)
    }

    pub(super) fn column(&mut self) -> Parsed<Identifier> {
        self.named("a column name")
    }

    pub(super) fn field(&mut self) -> Parsed<Identifier> {
        self.named("a field name")
    }

    /// `[keyspace.]name`
    pub(super) fn qualified_name(&mut self) -> Parsed<QualifiedName> {
        let name = self.named("a name")?;
        if self.take_symbol(b'.') {
            return Ok(QualifiedName::qualified(name, self.named("a name")?));
        }
        Ok(QualifiedName::unqualified(name))
    }

    /// `[keyspace.]name` of a user defined type. Words that name something else in the place of a
    /// type need quotes.
    pub(super) fn user_type_name(&mut self) -> Parsed<QualifiedName> {
        let first = self.peek(0);
        if self.is_symbol(1, b'.') {
            let keyspace = self.named("a keyspace name")?;
            self.symbol(b'.')?;
            let last = self.peek(0);
            let name = self.type_identifier(last)?;
            return Ok(QualifiedName::qualified(keyspace, name));
        }
        Ok(QualifiedName::unqualified(self.type_identifier(first)?))
    }

    fn type_identifier(&mut self, token: Token) -> Parsed<Identifier> {
        let text = self.text_of(token);
        let taken = token.kind == TokenKind::Word
            && (NativeType::from_name(text).is_some() || is_reserved_for_types(&text.to_ascii_lowercase()));
        if taken {
            return Err(self.unexpected("the name of a user defined type"));
        }
        self.named("a type")
    }

    pub(super) fn string(&mut self, expected: &'static str) -> Parsed<String> {
        let string = self.string_at(0).ok_or_else(|| self.unexpected(expected))?;
        self.advance();
        Ok(string)
    }

    /// The string that the token `ahead` is, if it is one.
    pub(super) fn string_at(&self, ahead: usize) -> Option<String> {
        let token = self.peek(ahead);
        let text = self.text_of(token);
        match token.kind {
            TokenKind::String => Some(unquoted(text, '\'')),
            TokenKind::DollarString => text.strip_prefix("$$")?.strip_suffix("$$").map(str::to_owned),
            _ => None,
        }
    }

    /// Whether the next token is a minus sign with a number right after it.
    pub(super) fn is_negative_number(&self) -> bool {
        let (sign, number) = (self.peek(0), self.peek(1));
        sign.kind == TokenKind::Symbol(b'-') && sign.span.end == number.span.start && self.is_number(1)
    }

    fn is_number(&self, ahead: usize) -> bool {
        matches!(self.kind(ahead), TokenKind::Integer | TokenKind::Float | TokenKind::Duration)
            || self.is_word(ahead, "nan")
            || self.is_word(ahead, "infinity")
    }

    /// An integer of 64 bits.
    pub(super) fn integer(&mut self) -> Parsed<i64> {
        let digits_at = usize::from(self.is_negative_number());
        let digits = self.peek(digits_at);
        let expected = "an integer of at most 64 bits";
        if digits.kind != TokenKind::Integer {
            return Err(self.unexpected(expected));
        }
        let sign = if digits_at == 1 { "-" } else { "" };
        let value = format!("{sign}{}", self.text_of(digits)).parse();
        let value = value.map_err(|_overflow: std::num::ParseIntError| self.error_at(digits, expected))?;
        for _ in 0..=digits_at {
            self.advance();
        }
        Ok(value)
    }

    /// The digits of an integer of any length, with its sign.
    fn digits(&mut self) -> Parsed<String> {
        let sign = if self.is_negative_number() { "-" } else { "" };
        let digits = self.peek(sign.len());
        if digits.kind != TokenKind::Integer {
            return Err(self.unexpected("an integer or a marker"));
        }
        for _ in 0..=sign.len() {
            self.advance();
        }
        Ok(format!("{sign}{}", self.text_of(digits)))
    }

    /// An integer or a marker.
    pub(super) fn int_value(&mut self) -> Parsed<IntValue> {
        match self.marker()? {
            Some(marker) => Ok(IntValue::Marker(marker)),
            None => self.digits().map(IntValue::Literal),
        }
    }

    /// `?` or `:name`, if one stands here.
    pub(super) fn marker(&mut self) -> Parsed<Option<Marker>> {
        if self.take_kind(TokenKind::QuestionMark) {
            return Ok(Some(Marker { index: self.next_marker(), name: None }));
        }
        if self.take_symbol(b':') {
            let name = Some(self.named("the name of a marker")?);
            return Ok(Some(Marker { index: self.next_marker(), name }));
        }
        Ok(None)
    }

    pub(super) fn if_exists(&mut self) -> Parsed<bool> {
        if !self.take_word("if") {
            return Ok(false);
        }
        self.word("exists")?;
        Ok(true)
    }

    pub(super) fn if_not_exists(&mut self) -> Parsed<bool> {
        if !self.take_word("if") {
            return Ok(false);
        }
        self.words(&["not", "exists"])?;
        Ok(true)
    }
}

/// The text between two quotes, with doubled quotes undone.
fn unquoted(text: &str, quote: char) -> String {
    let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or_default();
    if !inner.contains(quote) {
        return inner.to_owned();
    }
    let mut result = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        result.push(character);
        if character == quote {
            // The lexer ends a token at a single quote, so this one is the first of two.
            characters.next();
        }
    }
    result
}
