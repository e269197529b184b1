//! `ALTER`.

use super::Parsed;
use super::cursor::Parser;
use super::schema::OBJECTS;
use crate::ast::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, FieldDefinition,
    Rename, Statement,
};

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> Parsed<Statement> {
        self.word("alter")?;
        if self.take_word("keyspace") {
            let if_exists = self.if_exists()?;
            let name = self.named("a keyspace name")?;
            self.word("with")?;
            let properties = self.properties()?;
            return Ok(Statement::AlterKeyspace(AlterKeyspace { if_exists, name, properties }));
        }
        if self.take_table_word() {
            let if_exists = self.if_exists()?;
            let name = self.qualified_name()?;
            let action = self.alter_table_action()?;
            return Ok(Statement::AlterTable(Box::new(AlterTable { if_exists, name, action })));
        }
        if self.take_word("type") {
            let if_exists = self.if_exists()?;
            let name = self.user_type_name()?;
            let action = self.alter_type_action()?;
            return Ok(Statement::AlterType(AlterType { if_exists, name, action }));
        }
        if self.take_words(&["materialized", "view"]) {
            let if_exists = self.if_exists()?;
            let name = self.qualified_name()?;
            self.word("with")?;
            let properties = self.properties()?;
            return Ok(Statement::AlterView(AlterView { if_exists, name, properties }));
        }
        Err(self.unexpected(OBJECTS))
    }

    fn alter_table_action(&mut self) -> Parsed<AlterTableAction> {
        if self.take_word("add") {
            let if_not_exists = self.if_not_exists()?;
            let columns = self.one_or_parenthesized(Self::column_definition)?;
            return Ok(AlterTableAction::Add { if_not_exists, columns });
        }
        if self.take_word("drop") {
            return self.drop_columns();
        }
        if self.take_word("rename") {
            let if_exists = self.if_exists()?;
            let renames = self.renames("a column name")?;
            return Ok(AlterTableAction::Rename { if_exists, renames });
        }
        if self.take_word("alter") {
            return self.alter_column();
        }
        if self.take_word("with") {
            return self.properties().map(AlterTableAction::With);
        }
        Err(self.unexpected("ADD, DROP, RENAME, ALTER or WITH"))
    }

    fn drop_columns(&mut self) -> Parsed<AlterTableAction> {
        if self.take_words(&["compact", "storage"]) {
            return Ok(AlterTableAction::DropCompactStorage);
        }
        let if_exists = self.if_exists()?;
        let columns = self.one_or_parenthesized(Self::column)?;
        let timestamp_us =
            if self.take_words(&["using", "timestamp"]) { Some(self.integer()?) } else { None };
        Ok(AlterTableAction::Drop { if_exists, columns, timestamp_us })
    }

    fn alter_column(&mut self) -> Parsed<AlterTableAction> {
        let if_exists = self.if_exists()?;
        let column = self.column()?;
        if !if_exists && self.take_word("type") {
            return Ok(AlterTableAction::AlterType { column, cql_type: self.cql_type()? });
        }
        if self.take_words(&["drop", "masked"]) {
            return Ok(AlterTableAction::Mask { if_exists, column, mask: None });
        }
        match self.mask_if_any()? {
            None => Err(self.unexpected("TYPE, MASKED WITH or DROP MASKED")),
            mask => Ok(AlterTableAction::Mask { if_exists, column, mask }),
        }
    }

    fn alter_type_action(&mut self) -> Parsed<AlterTypeAction> {
        if self.take_word("add") {
            let if_not_exists = self.if_not_exists()?;
            return Ok(AlterTypeAction::Add { if_not_exists, field: self.field_definition()? });
        }
        if self.take_word("rename") {
            let if_exists = self.if_exists()?;
            let renames = self.renames("a field name")?;
            return Ok(AlterTypeAction::Rename { if_exists, renames });
        }
        if self.take_word("alter") {
            let name = self.field()?;
            self.word("type")?;
            return Ok(AlterTypeAction::Alter(FieldDefinition { name, cql_type: self.cql_type()? }));
        }
        Err(self.unexpected("ADD, RENAME or ALTER"))
    }

    /// `a TO b AND c TO d …`
    fn renames(&mut self, expected: &'static str) -> Parsed<Vec<Rename>> {
        let mut renames = Vec::new();
        loop {
            let from = self.named(expected)?;
            self.word("to")?;
            renames.push(Rename { from, to: self.named(expected)? });
            if !self.take_word("and") {
                return Ok(renames);
            }
        }
    }

    /// One of them, or several in parentheses.
    fn one_or_parenthesized<T>(&mut self, mut rule: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if self.is_symbol(0, b'(') { self.parenthesized(rule) } else { Ok(vec![rule(self)?]) }
    }
}
