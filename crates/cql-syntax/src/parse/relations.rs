//! Relations: the parts of a `WHERE` clause and of the conditions after `IF`.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{Comparison, Condition, Identifier, InValues, Relation, RelationTarget, Term};
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// `WHERE relation AND …`, where it is not required; empty if it is not there.
    pub(super) fn where_clause_if_any(&mut self) -> Parsed<Vec<Relation>> {
        if self.is_word(0, "where") { self.where_clause() } else { Ok(Vec::new()) }
    }

    /// `WHERE relation AND …`
    pub(super) fn where_clause(&mut self) -> Parsed<Vec<Relation>> {
        self.word("where")?;
        self.relations()
    }

    /// `relation AND …`
    pub(super) fn relations(&mut self) -> Parsed<Vec<Relation>> {
        let mut relations = vec![self.relation()?];
        while self.take_word("and") {
            relations.push(self.relation()?);
        }
        Ok(relations)
    }

    /// `IF EXISTS` or `IF relation AND …`, if it is there.
    pub(super) fn condition(&mut self) -> Parsed<Option<Condition>> {
        if !self.take_word("if") {
            return Ok(None);
        }
        // A column may have the name `exists`; then an operator follows.
        if self.is_word(0, "exists") && !self.begins_comparison(1) {
            self.advance();
            return Ok(Some(Condition::Exists));
        }
        let mut relations = vec![self.column_condition()?];
        while self.take_word("and") {
            relations.push(self.column_condition()?);
        }
        Ok(Some(Condition::If(relations)))
    }

    fn begins_comparison(&self, ahead: usize) -> bool {
        self.comparison_at(ahead).is_some()
            || matches!(self.kind(ahead), TokenKind::Symbol(b'[' | b'.'))
            || self.is_word(ahead, "in")
            || self.is_word(ahead, "contains")
    }

    fn relation(&mut self) -> Parsed<Relation> {
        if self.is_symbol(0, b'(') {
            let is_tuple = self.is_identifier(1) && (self.is_symbol(2, b',') || self.is_symbol(2, b')'));
            if !is_tuple {
                self.advance();
                let relation = self.nested(Self::relation)?;
                self.symbol(b')')?;
                return Ok(relation);
            }
            let target = RelationTarget::Tuple(self.parenthesized(Self::column)?);
            return self.comparison_or_in(target);
        }
        if self.is_word(0, "token") {
            self.advance();
            let target = RelationTarget::Token(self.parenthesized(Self::column)?);
            return self.comparison(target);
        }
        if self.is_word(0, "expr") && self.is_symbol(1, b'(') {
            return self.index_expression();
        }
        let column = self.column()?;
        if self.take_symbol(b'[') {
            let key = self.term()?;
            self.symbol(b']')?;
            return self.comparison(RelationTarget::Element { column, key });
        }
        if self.take_word("like") {
            return Ok(Relation::Like { column, pattern: self.term()? });
        }
        if self.take_word("is") {
            self.words(&["not", "null"])?;
            return Ok(Relation::IsNotNull(column));
        }
        self.column_relation(column)
    }

    fn index_expression(&mut self) -> Parsed<Relation> {
        self.word("expr")?;
        self.symbol(b'(')?;
        let index = self.named("the name of an index")?;
        self.symbol(b',')?;
        let value = self.term()?;
        self.symbol(b')')?;
        Ok(Relation::Expression { index, value })
    }

    fn column_condition(&mut self) -> Parsed<Relation> {
        let column = self.column()?;
        if self.take_symbol(b'[') {
            let key = self.term()?;
            self.symbol(b']')?;
            return self.comparison_or_in(RelationTarget::Element { column, key });
        }
        if self.take_symbol(b'.') {
            let field = self.field()?;
            return self.comparison_or_in(RelationTarget::Field { column, field });
        }
        self.column_relation(column)
    }

    /// The relations that `WHERE` and `IF` share.
    fn column_relation(&mut self, column: Identifier) -> Parsed<Relation> {
        if self.take_word("contains") {
            // `key.f()` is a function of a keyspace `key`.
            if !self.is_symbol(1, b'.') && self.take_word("key") {
                return Ok(Relation::ContainsKey { column, key: self.term()? });
            }
            return Ok(Relation::Contains { column, value: self.term()? });
        }
        self.comparison_or_in(RelationTarget::Column(column))
    }

    fn comparison_or_in(&mut self, target: RelationTarget) -> Parsed<Relation> {
        if !self.take_word("in") {
            return self.comparison(target);
        }
        if let Some(marker) = self.marker()? {
            return Ok(Relation::In { target, values: InValues::Marker(marker) });
        }
        self.symbol(b'(')?;
        let token = self.peek(0);
        let values = self.list_until(b')', Self::term)?;
        let all = |wanted: fn(&Term) -> bool| values.iter().all(wanted);
        let are_right =
            all(|term| matches!(term, Term::Tuple(_))) || all(|term| matches!(term, Term::Marker(_)));
        if matches!(target, RelationTarget::Tuple(_)) && !are_right {
            return Err(self.error_at(token, "tuples, or markers for them"));
        }
        Ok(Relation::In { target, values: InValues::List(values) })
    }

    fn comparison(&mut self, target: RelationTarget) -> Parsed<Relation> {
        let operator = self.comparison_at(0).ok_or_else(|| self.unexpected("an operator"))?;
        self.advance();
        let token = self.peek(0);
        let value = self.term()?;
        if matches!(target, RelationTarget::Tuple(_)) && !matches!(value, Term::Tuple(_) | Term::Marker(_)) {
            return Err(self.error_at(token, "a tuple or a marker"));
        }
        Ok(Relation::Comparison { target, operator, value })
    }

    fn comparison_at(&self, ahead: usize) -> Option<Comparison> {
        match self.kind(ahead) {
            TokenKind::Symbol(b'=') => Some(Comparison::Equal),
            TokenKind::NotEqual => Some(Comparison::NotEqual),
            TokenKind::Symbol(b'<') => Some(Comparison::Less),
            TokenKind::LessEqual => Some(Comparison::LessOrEqual),
            TokenKind::Symbol(b'>') => Some(Comparison::Greater),
            TokenKind::GreaterEqual => Some(Comparison::GreaterOrEqual),
            _ => None,
        }
    }
}
