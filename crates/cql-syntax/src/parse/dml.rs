//! `INSERT`, `UPDATE`, `DELETE` and `BATCH`.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{
    Assignment, AssignmentOperation, Batch, BatchKind, Delete, DeleteTarget, Insert, InsertValues, JsonValue,
    Modification, Update, Using,
};
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn insert(&mut self) -> Parsed<Insert> {
        self.words(&["insert", "into"])?;
        let table = self.qualified_name()?;
        let values = if self.take_word("json") { self.json_values()? } else { self.column_values()? };
        let if_not_exists = self.if_not_exists()?;
        let using = self.using()?;
        Ok(Insert { table, values, if_not_exists, using })
    }

    pub(super) fn update(&mut self) -> Parsed<Update> {
        self.word("update")?;
        let table = self.qualified_name()?;
        let using = self.using()?;
        self.word("set")?;
        let mut assignments = Vec::new();
        loop {
            let token = self.peek(0);
            let assignment = self.assignment()?;
            if assignments.iter().any(|before| collide(before, &assignment)) {
                return Err(self.error_at(token, "a column that isn't set yet"));
            }
            assignments.push(assignment);
            if !self.take_symbol(b',') {
                break;
            }
        }
        let where_clause = self.where_clause()?;
        let condition = self.condition()?;
        Ok(Update { table, using, assignments, where_clause, condition })
    }

    pub(super) fn delete(&mut self) -> Parsed<Delete> {
        self.word("delete")?;
        let targets = if self.is_word(0, "from") { Vec::new() } else { self.list(Self::delete_target)? };
        self.word("from")?;
        let table = self.qualified_name()?;
        let mut timestamp_us = None;
        if self.take_word("using") {
            self.word("timestamp")?;
            timestamp_us = Some(self.int_value()?);
        }
        let where_clause = self.where_clause()?;
        let condition = self.condition()?;
        Ok(Delete { targets, table, timestamp_us, where_clause, condition })
    }

    pub(super) fn batch(&mut self) -> Parsed<Batch> {
        self.word("begin")?;
        let kind = if self.take_word("unlogged") {
            BatchKind::Unlogged
        } else if self.take_word("counter") {
            BatchKind::Counter
        } else {
            BatchKind::Logged
        };
        self.word("batch")?;
        let using = self.using()?;
        let mut statements = Vec::new();
        while !self.take_word("apply") {
            statements.push(self.modification()?);
            self.take_symbol(b';');
        }
        self.word("batch")?;
        Ok(Batch { kind, using, statements })
    }

    fn modification(&mut self) -> Parsed<Modification> {
        if self.is_word(0, "insert") {
            self.insert().map(Box::new).map(Modification::Insert)
        } else if self.is_word(0, "update") {
            self.update().map(Box::new).map(Modification::Update)
        } else if self.is_word(0, "delete") {
            self.delete().map(Box::new).map(Modification::Delete)
        } else {
            Err(self.unexpected("INSERT, UPDATE, DELETE or APPLY BATCH"))
        }
    }

    fn column_values(&mut self) -> Parsed<InsertValues> {
        if !self.is_symbol(0, b'(') {
            return Err(self.unexpected("`(` or `JSON`"));
        }
        let columns = self.parenthesized(Self::column)?;
        self.word("values")?;
        let values = self.parenthesized(Self::term)?;
        Ok(InsertValues::Columns { columns, values })
    }

    fn json_values(&mut self) -> Parsed<InsertValues> {
        let value = match self.marker()? {
            Some(marker) => JsonValue::Marker(marker),
            None => JsonValue::Text(self.string("a string or a marker")?),
        };
        let mut default_unset = false;
        if self.take_word("default") {
            default_unset = self.take_word("unset");
            if !default_unset && !self.take_word("null") {
                return Err(self.unexpected("`NULL` or `UNSET`"));
            }
        }
        Ok(InsertValues::Json { value, default_unset })
    }

    fn using(&mut self) -> Parsed<Using> {
        let mut using = Using::default();
        if !self.take_word("using") {
            return Ok(using);
        }
        loop {
            // Of several the last one counts.
            if self.take_word("timestamp") {
                using.timestamp_us = Some(self.int_value()?);
            } else if self.take_word("ttl") {
                using.ttl_s = Some(self.int_value()?);
            } else {
                return Err(self.unexpected("`TIMESTAMP` or `TTL`"));
            }
            if !self.take_word("and") {
                return Ok(using);
            }
        }
    }

    fn assignment(&mut self) -> Parsed<Assignment> {
        let column = self.column()?;
        let operation = match self.kind(0) {
            TokenKind::PlusAssign => {
                self.advance();
                AssignmentOperation::Add(self.term()?)
            }
            TokenKind::MinusAssign => {
                self.advance();
                AssignmentOperation::Subtract(self.term()?)
            }
            TokenKind::Symbol(b'[') => {
                self.advance();
                let key = self.term()?;
                self.symbol(b']')?;
                self.symbol(b'=')?;
                AssignmentOperation::SetElement { key, value: self.term()? }
            }
            TokenKind::Symbol(b'.') => {
                self.advance();
                let field = self.field()?;
                self.symbol(b'=')?;
                AssignmentOperation::SetField { field, value: self.term()? }
            }
            TokenKind::Symbol(b'=') => {
                self.advance();
                self.assigned(column.as_str())?
            }
            _ => return Err(self.unexpected("`=`, `+=`, `-=`, `[` or `.`")),
        };
        Ok(Assignment { column, operation })
    }

    /// The right side of `column =`: a value, `column + value`, `column - value` or
    /// `value + column`.
    fn assigned(&mut self, column: &str) -> Parsed<AssignmentOperation> {
        if self.is_bare_column(0) {
            self.same_column(column)?;
            if self.take_symbol(b'+') {
                return Ok(AssignmentOperation::Add(self.term()?));
            }
            if self.is_negative_number() {
                // `c = c -1` has a negative number, and no minus.
                return Ok(AssignmentOperation::Add(self.term()?));
            }
            if self.take_symbol(b'-') {
                return Ok(AssignmentOperation::Subtract(self.term()?));
            }
            return Err(self.unexpected("`+` or `-`"));
        }
        let value = self.term()?;
        if self.is_symbol(0, b'+') && self.is_bare_column(1) {
            self.advance();
            self.same_column(column)?;
            return Ok(AssignmentOperation::Prepend(value));
        }
        Ok(AssignmentOperation::Set(value))
    }

    /// An assignment can only refer to the column that it changes.
    fn same_column(&mut self, column: &str) -> Parsed<()> {
        match self.identifier_at(0) {
            Some(found) if found == *column => {
                self.advance();
                Ok(())
            }
            _ => Err(self.unexpected(format!("a term or the column {column} itself"))),
        }
    }

    fn delete_target(&mut self) -> Parsed<DeleteTarget> {
        let column = self.column()?;
        if self.take_symbol(b'[') {
            let key = self.term()?;
            self.symbol(b']')?;
            return Ok(DeleteTarget::Element { column, key });
        }
        if self.take_symbol(b'.') {
            return Ok(DeleteTarget::Field { column, field: self.field()? });
        }
        Ok(DeleteTarget::Column(column))
    }
}

/// Whether two assignments of one UPDATE can't go together
/// (`Operation.RawUpdate.isCompatibleWith`).
fn collide(a: &Assignment, b: &Assignment) -> bool {
    use AssignmentOperation::{Set, SetField};
    a.column == b.column
        && match (&a.operation, &b.operation) {
            (Set(_), _) | (_, Set(_)) => true,
            (SetField { field: a, .. }, SetField { field: b, .. }) => a == b,
            _ => false,
        }
}
