//! The catalog as CQL.
//!
//! Each keyspace: itself, its user types, functions, tables with their indexes, views. A table that
//! had columns dropped is printed as `DESCRIBE … WITH INTERNALS` does it: created with those
//! columns, then they are dropped with the time of it, then those that were added again are added.

use std::fmt::Write;

use helenus_cql_syntax::{
    AlterKeyspace, AlterTable, AlterTableAction, ColumnDefinition, CqlType, CreateKeyspace, CreateTable,
    CreateType, CreateView, FieldDefinition, Identifier, Literal, Order, PrimaryKey, Property, PropertyValue,
    Statement, TableOptions,
};
use helenus_rows::{ColumnDef, DroppedColumn};
use helenus_types::{TableId, UserType};

use super::catalog::{Catalog, Keyspace};
use super::compact;
use super::names::qualified;
use super::options_values::{boolean_value, literal_map};
use super::table_def::{TableColumn, TableDef, ViewDef};
use crate::error::Result;

impl Catalog {
    /// The whole schema as statements; [`Catalog::parse`] reads them back, and so does `cqlsh`.
    #[must_use]
    pub fn to_cql(&self) -> String {
        let mut out = Output::default();
        self.keyspaces().for_each(|keyspace| out.keyspace(keyspace));
        out.text
    }

    /// The statements that make one table or view, after the user types of its keyspace.
    pub fn table_to_cql(&self, keyspace: &str, name: &str) -> Result<String> {
        let table = self.table(keyspace, name)?;
        let mut out = Output::default();
        for definition in self.keyspace(keyspace)?.types.in_order() {
            out.blank_line();
            out.statement(create_type(keyspace, definition));
        }
        out.table_or_view(table);
        Ok(out.text)
    }
}

impl TableDef {
    /// The statements that make this table or view, with its identity.
    #[must_use]
    pub fn to_cql(&self) -> String {
        let mut out = Output::default();
        out.table_or_view(self);
        out.text
    }
}

/// A statement by itself, as [`Catalog::to_cql`] has them.
pub(super) fn print_statement(statement: Statement) -> String {
    let mut out = Output::default();
    out.statement(statement);
    out.text
}

#[derive(Default)]
struct Output {
    text: String,
}

impl Output {
    fn statement(&mut self, statement: impl Into<Statement>) {
        // Writing to a string can't fail.
        writeln!(self.text, "{};", statement.into()).unwrap_or_default();
    }

    fn blank_line(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn keyspace(&mut self, keyspace: &Keyspace) {
        self.blank_line();
        self.statement(keyspace_statement(keyspace, true));
        for definition in keyspace.types.in_order() {
            self.blank_line();
            self.statement(create_type(&keyspace.name, definition));
        }
        for function in &keyspace.functions {
            self.blank_line();
            self.text.push_str(function);
            self.text.push_str(";\n");
        }
        let (views, tables): (Vec<_>, Vec<_>) = keyspace.tables().partition(|table| table.view.is_some());
        tables.into_iter().chain(views).for_each(|table| self.table_or_view(table));
    }

    fn table_or_view(&mut self, table: &TableDef) {
        self.blank_line();
        if let Some(view) = table.view() {
            return self.statement(create_view(table, view));
        }
        let created = create_table(table, &compact::defined(table), true);
        self.statement(Statement::CreateTable(Box::new(created)));
        dropped_columns(table).into_iter().for_each(|statement| self.statement(statement));
        table
            .indexes()
            .iter()
            .for_each(|index| self.statement(Statement::CreateIndex(Box::new(index.clone()))));
    }
}

/// The statements that drop the columns a table had, and add those again that it has again.
pub(super) fn dropped_columns(table: &TableDef) -> Vec<Statement> {
    let alter = |action| {
        let name = qualified(table.keyspace(), table.name());
        Statement::AlterTable(Box::new(AlterTable { if_exists: false, name, action }))
    };
    let mut statements = Vec::new();
    for dropped in table.schema().dropped() {
        let columns = vec![Identifier::exact(&*dropped.name)];
        let timestamp_us = Some(dropped.dropped_at.0);
        statements.push(alter(AlterTableAction::Drop { if_exists: false, columns, timestamp_us }));
        if let Some(again) = table.column(&dropped.name) {
            let columns = vec![definition(&again)];
            statements.push(alter(AlterTableAction::Add { if_not_exists: false, columns }));
        }
    }
    statements
}

impl Catalog {
    /// What creates a keyspace as it is, or makes one that is there such a one.
    pub(super) fn keyspace_statement(&self, name: &str, is_new: bool) -> String {
        let keyspace = self.keyspaces.get(name);
        keyspace.map(|keyspace| print_statement(keyspace_statement(keyspace, is_new))).unwrap_or_default()
    }
}

pub(super) fn keyspace_statement(keyspace: &Keyspace, is_new: bool) -> Statement {
    let property = |name: &str, value| Property { name: Identifier::exact(name), value };
    let name = Identifier::exact(&*keyspace.name);
    let properties = vec![
        property("replication", literal_map(class_first(keyspace))),
        property("durable_writes", boolean_value(keyspace.durable_writes)),
    ];
    if is_new {
        Statement::CreateKeyspace(CreateKeyspace { if_not_exists: false, name, properties })
    } else {
        Statement::AlterKeyspace(AlterKeyspace { if_exists: false, name, properties })
    }
}

/// The replication as Cassandra prints it.
fn class_first(keyspace: &Keyspace) -> impl Iterator<Item = (String, String)> {
    let (class, others): (Vec<_>, Vec<_>) =
        keyspace.replication.clone().into_iter().partition(|(name, _)| name == "class");
    class.into_iter().chain(others)
}

pub(super) fn create_type(keyspace: &str, definition: &UserType) -> Statement {
    let field = |(name, ty): &(String, helenus_types::Type)| FieldDefinition {
        name: Identifier::exact(name.as_str()),
        cql_type: CqlType::of(ty),
    };
    Statement::CreateType(CreateType {
        if_not_exists: false,
        name: qualified(keyspace, &definition.name),
        fields: definition.fields.iter().map(field).collect(),
    })
}

/// The statement that makes a table with those columns, and with those that it had before if it
/// is followed by the statements that drop them.
pub(super) fn create_table(table: &TableDef, columns: &[TableColumn], with_dropped: bool) -> CreateTable {
    let dropped = if with_dropped { table.schema().dropped() } else { &[] };
    let never_dropped = |column: &&TableColumn| !dropped.iter().any(|d| d.name == column.name);
    let live = columns.iter().filter(never_dropped).map(definition);
    let former = dropped.iter().map(|DroppedColumn { name, ty, is_static, .. }| ColumnDefinition {
        name: Identifier::exact(&**name),
        cql_type: CqlType::of(ty),
        is_static: *is_static,
        mask: None,
    });
    CreateTable {
        if_not_exists: false,
        name: qualified(table.keyspace(), table.name()),
        columns: live.chain(former).collect(),
        primary_keys: vec![primary_key(table)],
        options: TableOptions {
            compact_storage: table.schema().compact().is_some(),
            clustering_order: table.schema().shown_clustering().iter().map(order).collect(),
            properties: properties(table),
        },
    }
}

pub(super) fn create_view(table: &TableDef, view: &ViewDef) -> Statement {
    let mut statement: CreateView = view.statement.clone();
    statement.options.properties = properties(table);
    // The data of a view expires with the table's: the option is invalid for a view.
    statement.options.properties.retain(|property| property.name != "default_time_to_live");
    Statement::CreateView(Box::new(statement))
}

fn definition(column: &TableColumn) -> ColumnDefinition {
    ColumnDefinition {
        name: Identifier::exact(&*column.name),
        cql_type: CqlType::of(&column.ty),
        is_static: column.kind == helenus_rows::ColumnKind::Static,
        mask: column.mask.clone(),
    }
}

fn primary_key(table: &TableDef) -> PrimaryKey {
    let names =
        |columns: &[ColumnDef]| columns.iter().map(|column| Identifier::exact(&*column.name)).collect();
    PrimaryKey {
        partition_key: names(table.schema().partition_key()),
        clustering: names(table.schema().shown_clustering()),
    }
}

fn order(column: &ColumnDef) -> (Identifier, Order) {
    let order = if column.ty.is_reversed() { Order::Descending } else { Order::Ascending };
    (Identifier::exact(&*column.name), order)
}

/// Identity first, then the options by name.
fn properties(table: &TableDef) -> Vec<Property> {
    let mut properties = vec![identity(table.id())];
    properties.extend(table.options.to_properties());
    properties
}

fn identity(TableId(uuid): TableId) -> Property {
    let value = PropertyValue::Literal(Literal::Uuid(uuid.as_u128()));
    Property { name: Identifier::exact("id"), value }
}
