//! A catalog from a node's own schema tables: unreadable parts don't prevent reading the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use helenus_cql_syntax::Statement;
use helenus_engine::{Error, Result};
use helenus_schema::{Catalog, is_system_keyspace};
use helenus_types::{TableId, Value};

use super::options::ForeignOptions;
use super::schema_rows::{SchemaRow, SchemaRows, of};
use super::schema_statements as statements;

/// A node's schema, read from its SSTables.
#[derive(Debug, Default)]
pub(super) struct NodeSchema {
    pub(super) catalog: Catalog,
    pub(super) warnings: Vec<String>,
    /// Tables and views that are defined there and can't be read here, and why.
    pub(super) problems: Vec<UnreadTable>,
}

/// A table that a schema defines in a way that is not understood.
#[derive(Clone, Debug)]
pub(super) struct UnreadTable {
    pub(super) keyspace: String,
    pub(super) name: String,
    pub(super) id: Option<TableId>,
    /// Whether it is known to be a materialized view.
    pub(super) of_view: bool,
    pub(super) reason: String,
}

impl NodeSchema {
    /// Reads it from the directories of `system_schema`'s tables, by their names.
    pub(super) fn read(options: &ForeignOptions, places: &BTreeMap<String, Vec<PathBuf>>) -> Result<Self> {
        Self::of(&SchemaRows::read(options, places)?)
    }

    fn of(rows: &SchemaRows) -> Result<Self> {
        let mut schema = Self::default();
        for row in &rows.keyspaces {
            schema.extend(&[statements::keyspace(row)?])?;
        }
        for keyspace in rows.keyspace_names() {
            let before = schema.warnings.len();
            schema.types(rows, keyspace);
            for row in of(&rows.functions, keyspace, None) {
                schema.keep(statements::function(row), "function");
            }
            for row in of(&rows.aggregates, keyspace, None) {
                schema.keep(statements::aggregate(row), "aggregate");
            }
            for row in of(&rows.tables, keyspace, None) {
                schema.table(row, "table_name", statements::table(rows, row));
            }
            for row in of(&rows.indexes, keyspace, None) {
                schema.keep(statements::index(row), "index");
            }
            for row in of(&rows.views, keyspace, None) {
                schema.table(row, "view_name", statements::view(rows, row).map(|view| vec![view]));
            }
            for row in of(&rows.triggers, keyspace, None) {
                let names = ["table_name", "trigger_name"].map(|name| row.text(name).unwrap_or_default());
                let [table, trigger] = names;
                schema.warnings.push(format!("{keyspace}.{table}: its trigger {trigger} is left out"));
            }
            if is_system_keyspace(keyspace) {
                schema.warnings.truncate(before);
            }
        }
        Ok(schema)
    }

    fn extend(&mut self, statements: &[Statement]) -> Result<()> {
        let mut warnings = self.catalog.extend_with(statements)?;
        self.warnings.append(&mut warnings);
        Ok(())
    }

    /// Keeps a part that no read depends on: without it the rest is still valid.
    fn keep(&mut self, statement: Result<Statement>, what: &str) {
        if let Err(error) = statement.and_then(|statement| self.extend(&[statement])) {
            self.warnings.push(format!("an {what} is left out: {error}"));
        }
    }

    /// User types, each after those that it is made of.
    fn types(&mut self, rows: &SchemaRows, keyspace: &str) {
        let mut left: Vec<&SchemaRow> = of(&rows.types, keyspace, None).collect();
        loop {
            let before = left.len();
            let mut failed: Vec<Error> = Vec::new();
            left.retain(|row| {
                let made = statements::user_type(row).and_then(|statement| self.extend(&[statement]));
                made.map_err(|error| failed.push(error)).is_err()
            });
            if left.len() == before {
                let texts = failed.into_iter().map(|error| format!("a user type is left out: {error}"));
                return self.warnings.extend(texts);
            }
        }
    }

    fn table(&mut self, row: &SchemaRow, name: &str, statements: Result<Vec<Statement>>) {
        if let Err(error) = statements.and_then(|statements| self.extend(&statements)) {
            let text = |column: &str| row.text(column).unwrap_or_default().to_owned();
            let id = match row.get("id") {
                Some(Value::Uuid(id)) => Some(TableId(*id)),
                _ => None,
            };
            self.problems.push(UnreadTable {
                keyspace: text("keyspace_name"),
                name: text(name),
                id,
                of_view: name == "view_name",
                reason: error.to_string(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
