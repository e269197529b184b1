//! Terms. The rules of values (`term` in Cassandra's grammar) and of selections
//! (`unaliasedSelector`) are one here: they differ in [`Place`].

use helenus_types::Hex;

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{BinaryOperator, ColumnMeta, CqlType, Identifier, Literal, QualifiedName, Term};
use crate::keywords::is_reserved_for_functions;
use crate::lexer::TokenKind;

/// The place of a term, which decides what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A value: no columns.
    Value,
    /// A value in a text that isn't a statement: as one, but names of fields may be reserved words
    /// without quotes.
    Text,
    /// In a selection: columns, their fields and elements.
    Selection,
}

impl Parser<'_> {
    /// The term of a text that isn't a statement.
    pub(super) fn text_term(&mut self) -> Parsed<Term> {
        self.any_float = true;
        self.term_in(Place::Text)
    }

    /// A term in the place of a value.
    pub(super) fn term(&mut self) -> Parsed<Term> {
        self.term_in(Place::Value)
    }

    pub(super) fn term_in(&mut self, place: Place) -> Parsed<Term> {
        self.in_key(false, |parser| parser.nested(|parser| parser.sum(place)))
    }

    /// A constant. `null` is none.
    pub(super) fn literal(&mut self) -> Parsed<Literal> {
        self.literal_if_any().ok_or_else(|| self.unexpected("a constant"))?
    }

    /// The constant that the next token is, where nothing after it makes it a part of a term.
    fn lone_literal(&mut self) -> Option<Parsed<Literal>> {
        match self.kind(1) {
            TokenKind::Symbol(b',' | b':' | b')' | b']' | b'}') | TokenKind::End => {
                self.positive_literal_if_any()
            }
            _ => None,
        }
    }

    fn sum(&mut self, place: Place) -> Parsed<Term> {
        if let Some(literal) = self.lone_literal() {
            return literal.map(Term::Literal);
        }
        let mut left = self.product(place)?;
        loop {
            let operator = match self.kind(0) {
                // `c = value + c` puts the column at the end: that `+` belongs to the assignment.
                TokenKind::Symbol(b'+') if place != Place::Selection && self.is_bare_column(1) => {
                    return Ok(left);
                }
                TokenKind::Symbol(b'+') => BinaryOperator::Add,
                TokenKind::Symbol(b'-') if !self.is_negative_number() => BinaryOperator::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            self.link()?;
            left = binary(operator, left, self.product(place)?);
        }
    }

    fn product(&mut self, place: Place) -> Parsed<Term> {
        let mut left = self.unary(place)?;
        loop {
            let operator = match self.kind(0) {
                TokenKind::Symbol(b'*') => BinaryOperator::Multiply,
                TokenKind::Symbol(b'/') => BinaryOperator::Divide,
                TokenKind::Symbol(b'%') => BinaryOperator::Modulo,
                _ => return Ok(left),
            };
            self.advance();
            self.link()?;
            left = binary(operator, left, self.unary(place)?);
        }
    }

    fn unary(&mut self, place: Place) -> Parsed<Term> {
        if self.is_symbol(0, b'-') && !self.is_negative_number() {
            self.advance();
            return self.nested(|parser| parser.unary(place)).map(|term| Term::Negation(Box::new(term)));
        }
        let term = self.simple(place)?;
        if place != Place::Selection {
            return Ok(term);
        }
        self.modified(term)
    }

    /// `term`, followed by any number of `.field`, `[key]` and `[from..to]`.
    fn modified(&mut self, mut term: Term) -> Parsed<Term> {
        loop {
            if self.take_symbol(b'.') {
                self.link()?;
                term = Term::Field { of: Box::new(term), field: self.field()? };
            } else if self.take_symbol(b'[') {
                self.link()?;
                term = self.element_or_slice(term)?;
                self.symbol(b']')?;
            } else {
                return Ok(term);
            }
        }
    }

    fn element_or_slice(&mut self, of: Term) -> Parsed<Term> {
        let of = Box::new(of);
        if self.take_kind(TokenKind::Range) {
            return Ok(Term::Slice { of, from: None, to: Some(Box::new(self.term()?)) });
        }
        let first = Box::new(self.term()?);
        if !self.take_kind(TokenKind::Range) {
            return Ok(Term::Element { of, key: first });
        }
        let to = if self.is_symbol(0, b']') { None } else { Some(Box::new(self.term()?)) };
        Ok(Term::Slice { of, from: Some(first), to })
    }

    /// A term without operators and modifiers.
    fn simple(&mut self, place: Place) -> Parsed<Term> {
        if let Some(literal) = self.literal_if_any() {
            return literal.map(Term::Literal);
        }
        if let Some(marker) = self.marker()? {
            return Ok(Term::Marker(marker));
        }
        match self.kind(0) {
            TokenKind::Symbol(b'[') => {
                self.advance();
                self.list_until(b']', |parser| parser.term_in(place)).map(Term::List)
            }
            TokenKind::Symbol(b'{') => {
                self.advance();
                self.braces(place)
            }
            TokenKind::Symbol(b'(') => self.tuple_or_type_hint(place),
            TokenKind::Word if self.take_word("null") => Ok(Term::Null),
            TokenKind::Word | TokenKind::QuotedName => self.function_or_column(place),
            _ => Err(self.unexpected(expected_term(place))),
        }
    }

    fn literal_if_any(&mut self) -> Option<Parsed<Literal>> {
        if self.is_negative_number() {
            self.advance();
            let number = self.positive_literal_if_any()?;
            return Some(number.map(negated));
        }
        self.positive_literal_if_any()
    }

    fn positive_literal_if_any(&mut self) -> Option<Parsed<Literal>> {
        let token = self.peek(0);
        let text = self.text_of(token);
        let literal = match token.kind {
            TokenKind::Integer => Literal::Integer(text.to_owned()),
            TokenKind::Float => {
                if !self.any_float && text.parse().is_ok_and(f64::is_infinite) {
                    return Some(Err(self.unexpected("a number that a double can be near to")));
                }
                Literal::Float(text.to_owned())
            }
            TokenKind::Duration => Literal::Duration(text.to_owned()),
            TokenKind::String | TokenKind::DollarString => Literal::String(self.string_at(0)?),
            TokenKind::Uuid => Literal::Uuid(uuid(text)?),
            TokenKind::Blob => {
                let digits = text.get(2..)?;
                Hex::parse(digits).map_or_else(|| Literal::OddBlob(digits.to_owned()), Literal::Blob)
            }
            TokenKind::Word if self.is_word(0, "true") => Literal::Boolean(true),
            TokenKind::Word if self.is_word(0, "false") => Literal::Boolean(false),
            TokenKind::Word if self.is_word(0, "nan") => Literal::Float("NaN".to_owned()),
            TokenKind::Word if self.is_word(0, "infinity") => Literal::Float("Infinity".to_owned()),
            TokenKind::Invalid => return Some(Err(self.unexpected("a term"))),
            _ => return None,
        };
        self.advance();
        Some(Ok(literal))
    }

    /// The rest after `{`: a set, a map or the value of a user defined type.
    fn braces(&mut self, place: Place) -> Parsed<Term> {
        if self.take_symbol(b'}') {
            return Ok(Term::Set(Vec::new()));
        }
        let start = self.peek(0);
        let first = self.key(place)?;
        if !self.is_symbol(0, b':') {
            let mut elements = vec![first];
            while self.take_symbol(b',') {
                elements.push(self.term_in(place)?);
            }
            self.symbol(b'}')?;
            return Ok(Term::Set(elements));
        }
        self.symbol(b':')?;
        let mut entries = vec![(first, self.term_in(place)?)];
        while self.take_symbol(b',') {
            let key = self.key(place)?;
            self.symbol(b':')?;
            entries.push((key, self.term_in(place)?));
        }
        self.symbol(b'}')?;
        let names = entries.iter().filter(|(key, _)| matches!(key, Term::Column(_))).count();
        if names == entries.len() {
            return Ok(Term::Udt(entries.into_iter().filter_map(as_field).collect()));
        }
        if place != Place::Selection && names > 0 {
            return Err(self.error_at(start, "either only names of fields or only terms before the colons"));
        }
        Ok(Term::Map(entries))
    }

    /// The key of a map, or the name of a field as if it were a column.
    fn key(&mut self, place: Place) -> Parsed<Term> {
        if self.is_symbol(1, b':')
            && let Some(field) = self.identifier_at(0).or_else(|| self.bare_field(place))
        {
            self.advance();
            return Ok(Term::Column(field));
        }
        self.in_key(true, |parser| parser.nested(|parser| parser.sum(place)))
    }

    /// A reserved word as the name of a field, where it may be one.
    fn bare_field(&self, place: Place) -> Option<Identifier> {
        let token = self.peek(0);
        let is_constant =
            ["true", "false", "nan", "infinity", "null"].iter().any(|word| self.is_word(0, word));
        let is_field = place == Place::Text && token.kind == TokenKind::Word && !is_constant;
        is_field.then(|| Identifier::folded(self.text_of(token)))
    }

    fn tuple_or_type_hint(&mut self, place: Place) -> Parsed<Term> {
        let cql_type = self.attempt(
            |parser| {
                parser.symbol(b'(')?;
                let cql_type = parser.cql_type()?;
                parser.symbol(b')')?;
                Ok(cql_type)
            },
            |parser, cql_type| parser.begins_hinted_term(place, cql_type),
        );
        if let Some(cql_type) = cql_type {
            let term = self.nested(|parser| parser.simple(place))?;
            return Ok(Term::TypeHint { cql_type, term: Box::new(term) });
        }
        self.parenthesized(|parser| parser.term_in(place)).map(Term::Tuple)
    }

    /// Whether a term follows `(…)`, which makes what is in the parentheses a type.
    fn begins_hinted_term(&self, place: Place, cql_type: &CqlType) -> bool {
        match self.kind(0) {
            TokenKind::QuotedName
            | TokenKind::String
            | TokenKind::DollarString
            | TokenKind::Integer
            | TokenKind::Float
            | TokenKind::Uuid
            | TokenKind::Blob
            | TokenKind::Duration
            | TokenKind::QuestionMark
            | TokenKind::Symbol(b'(' | b'{') => true,
            // In `{('a'): x}` the colon belongs to the map, not to a marker `:x`, wherever `('a')`
            // can be a term.
            TokenKind::Symbol(b':') => {
                let is_term = place == Place::Selection || matches!(cql_type, CqlType::Custom(_));
                !(self.is_in_key() && is_term)
            }
            // In a selection `(a) [0]` is an element of `a`, while `(list<int>) [0]` and
            // `(int) [0]` are hints.
            TokenKind::Symbol(b'[') => place != Place::Selection || !matches!(cql_type, CqlType::User(_)),
            TokenKind::Symbol(b'-') => self.is_negative_number(),
            TokenKind::Word => {
                let is_constant =
                    ["true", "false", "nan", "infinity", "null"].iter().any(|word| self.is_word(0, word));
                // Words such as `AND` may have a parenthesis after them, too.
                let is_name = self.is_identifier(0) || self.is_word(0, "token");
                let is_call = is_name && (self.is_symbol(1, b'(') || self.is_symbol(1, b'.'));
                let is_clause = self.is_word(0, "as") || self.are_words(&["per", "partition"]);
                is_constant || is_call || (place == Place::Selection && self.is_identifier(0) && !is_clause)
            }
            _ => false,
        }
    }

    fn function_or_column(&mut self, place: Place) -> Parsed<Term> {
        if self.is_call(0) {
            return self.unqualified_call(place);
        }
        if self.is_identifier(0) && self.is_symbol(1, b'.') && self.is_call(2) {
            let name = self.function_name(expected_term(place))?;
            return self.arguments(name, place);
        }
        if place == Place::Selection {
            return self.named(expected_term(place)).map(Term::Column);
        }
        Err(self.unexpected(expected_term(place)))
    }

    /// Whether the token `ahead` is a word or a name with `(` after it.
    pub(super) fn is_call(&self, ahead: usize) -> bool {
        matches!(self.kind(ahead), TokenKind::Word | TokenKind::QuotedName) && self.is_symbol(ahead + 1, b'(')
    }

    /// Whether the token `ahead` is an identifier that is not the beginning of a function call.
    pub(super) fn is_bare_column(&self, ahead: usize) -> bool {
        self.is_identifier(ahead) && !self.is_symbol(ahead + 1, b'(') && !self.is_symbol(ahead + 1, b'.')
    }

    fn unqualified_call(&mut self, place: Place) -> Parsed<Term> {
        if self.is_word(0, "cast") {
            return self.cast(place);
        }
        if place == Place::Selection {
            if self.is_word(0, "count") && self.is_symbol(2, b'*') {
                for _ in 0..3 {
                    self.advance();
                }
                self.symbol(b')')?;
                return Ok(Term::CountRows);
            }
            let meta = [ColumnMeta::WriteTime, ColumnMeta::MaxWriteTime, ColumnMeta::Ttl]
                .into_iter()
                .find(|meta| self.is_word(0, meta.name()));
            if let Some(meta) = meta {
                return self.column_meta(meta);
            }
        }
        let name = self.function_name(expected_term(place))?;
        self.arguments(name, place)
    }

    /// `[keyspace.]name` of a function.
    pub(super) fn function_name(&mut self, expected: &'static str) -> Parsed<QualifiedName> {
        let mut keyspace = None;
        if self.is_symbol(1, b'.') {
            keyspace = Some(self.named("a keyspace name")?);
            self.symbol(b'.')?;
        }
        let token = self.peek(0);
        if token.kind != TokenKind::Word {
            return self.named(expected).map(|name| QualifiedName { keyspace, name });
        }
        let word = self.text_of(token).to_ascii_lowercase();
        if is_reserved_for_functions(&word) {
            return Err(self.unexpected(expected));
        }
        // `token` is reserved and yet the name of a function, so words do not go through `named`.
        self.advance();
        Ok(QualifiedName { keyspace, name: Identifier::folded(&word) })
    }

    fn arguments(&mut self, name: QualifiedName, place: Place) -> Parsed<Term> {
        self.symbol(b'(')?;
        let arguments = self.list_until(b')', |parser| parser.term_in(place))?;
        Ok(Term::Function { name, arguments })
    }

    fn cast(&mut self, place: Place) -> Parsed<Term> {
        self.word("cast")?;
        self.symbol(b'(')?;
        let term = Box::new(self.term_in(place)?);
        self.word("as")?;
        let to = self.native_type()?;
        self.symbol(b')')?;
        Ok(Term::Cast { term, to })
    }

    fn column_meta(&mut self, meta: ColumnMeta) -> Parsed<Term> {
        self.word(meta.name())?;
        self.symbol(b'(')?;
        let column = Term::Column(self.column()?);
        let of = Box::new(self.nested(|parser| parser.modified(column))?);
        self.symbol(b')')?;
        Ok(Term::ColumnMeta { meta, of })
    }
}

fn uuid(text: &str) -> Option<u128> {
    let mut digits = text.bytes().filter(|byte| *byte != b'-');
    digits.try_fold(0, |value, digit| Some(value << 4 | u128::from(char::from(digit).to_digit(16)?)))
}

fn expected_term(place: Place) -> &'static str {
    match place {
        Place::Value | Place::Text => "a term",
        Place::Selection => "a column or a term",
    }
}

fn binary(operator: BinaryOperator, left: Term, right: Term) -> Term {
    Term::Binary { operator, left: Box::new(left), right: Box::new(right) }
}

fn as_field((key, value): (Term, Term)) -> Option<(Identifier, Term)> {
    if let Term::Column(name) = key { Some((name, value)) } else { None }
}

/// A number with a minus sign right before it. Java knows one `NaN`, and so does CQL.
fn negated(literal: Literal) -> Literal {
    match literal {
        Literal::Integer(digits) => Literal::Integer(format!("-{digits}")),
        Literal::Float(number) if number == "NaN" => Literal::Float(number),
        Literal::Float(number) => Literal::Float(format!("-{number}")),
        Literal::Duration(duration) => Literal::Duration(format!("-{duration}")),
        other => other,
    }
}
