//! A statement as it is written down: appended to the text of the catalog before it, it makes the
//! catalog after it.
//!
//! That is the statement itself with what it took from outside: the keyspace of its names, the
//! identity of a new table, the name of a new index, the time of a drop.

use helenus_cql_syntax::{AlterTableAction, Identifier, Property, QualifiedName, Statement};
use helenus_types::Timestamp;

use super::catalog::Catalog;
use super::change::SchemaChange;
use super::extensions::as_stored;
use super::print::print_statement;

impl Catalog {
    /// The text of a statement that led to this catalog, changing that.
    pub(super) fn record(
        &self,
        statement: &Statement,
        default_keyspace: Option<&str>,
        now: Timestamp,
        changes: &[SchemaChange],
    ) -> String {
        let is_recorded = |change: &SchemaChange| {
            !matches!(change, SchemaChange::Nothing | SchemaChange::TableTruncated(_))
        };
        if !changes.iter().any(is_recorded) {
            return String::new();
        }
        // What is made is printed as it was made.
        for change in changes {
            match change {
                SchemaChange::TableCreated(id) => {
                    let Some(table) = self.table_by_id(*id) else { unreachable!("the table was created") };
                    return table.to_cql();
                }
                SchemaChange::IndexCreated { table, name } => {
                    let indexes = self.table_by_id(*table).map(|table| table.indexes()).unwrap_or_default();
                    let is_named = |index: &&Identifier| index.as_str() == &**name;
                    let made = indexes.iter().find(|index| index.name.as_ref().filter(is_named).is_some());
                    let Some(index) = made else { unreachable!("the index was created") };
                    return print_statement(Statement::CreateIndex(Box::new(index.clone())));
                }
                SchemaChange::KeyspaceCreated(name) => return self.keyspace_statement(name, true),
                SchemaChange::KeyspaceAltered { name, .. } => return self.keyspace_statement(name, false),
                _ => {}
            }
        }
        let mut statement = statement.clone();
        if let Some(properties) = properties_of(&mut statement) {
            as_stored(properties);
        }
        if let Some((name, default)) = name_of(&mut statement).zip(default_keyspace) {
            name.keyspace.get_or_insert_with(|| Identifier::exact(default));
        }
        if let Statement::AlterTable(alter) = &mut statement
            && let AlterTableAction::Drop { timestamp_us, .. } = &mut alter.action
        {
            timestamp_us.get_or_insert(now.0);
        }
        print_statement(statement)
    }
}

/// The options that a statement changes of a table or view.
fn properties_of(statement: &mut Statement) -> Option<&mut Vec<Property>> {
    match statement {
        Statement::AlterTable(alter) => match &mut alter.action {
            AlterTableAction::With(properties) => Some(properties),
            _ => None,
        },
        Statement::AlterView(alter) => Some(&mut alter.properties),
        _ => None,
    }
}

/// The name of what a statement changes, where that is in a keyspace.
fn name_of(statement: &mut Statement) -> Option<&mut QualifiedName> {
    match statement {
        Statement::CreateType(create) => Some(&mut create.name),
        Statement::AlterType(alter) => Some(&mut alter.name),
        Statement::AlterTable(alter) => Some(&mut alter.name),
        Statement::AlterView(alter) => Some(&mut alter.name),
        Statement::DropType(drop)
        | Statement::DropTable(drop)
        | Statement::DropIndex(drop)
        | Statement::DropView(drop) => Some(&mut drop.name),
        _ => None,
    }
}
