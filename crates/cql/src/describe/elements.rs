//! Elements of a schema, and what belongs to them.

use std::cmp::Ordering;

use helenus_cql_syntax::CreateIndex;
use helenus_schema::{Keyspace, TableDef};
use helenus_types::UserType;

use crate::error::{CqlResult, refuse};
use crate::system::definitions::is_virtual;

/// Something that `DESCRIBE` shows (`SchemaElement`).
#[derive(Clone, Copy, Debug)]
pub(super) enum SchemaElement<'c> {
    Keyspace(&'c Keyspace),
    Type(&'c Keyspace, &'c UserType),
    Table(&'c TableDef),
    Index(&'c TableDef, &'c CreateIndex),
    View(&'c TableDef),
}

impl<'c> SchemaElement<'c> {
    pub(super) fn keyspace(&self) -> &'c str {
        match self {
            Self::Keyspace(keyspace) | Self::Type(keyspace, _) => keyspace.name(),
            Self::Table(table) | Self::Index(table, _) | Self::View(table) => table.keyspace(),
        }
    }

    pub(super) fn name(&self) -> &'c str {
        match self {
            Self::Keyspace(keyspace) => keyspace.name(),
            Self::Type(_, definition) => &definition.name,
            Self::Table(table) | Self::View(table) => table.name(),
            Self::Index(_, index) => index.name.as_ref().map(|name| name.as_str()).unwrap_or_default(),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Keyspace(_) => "keyspace",
            Self::Type(..) => "type",
            Self::Table(_) => "table",
            Self::Index(..) => "index",
            Self::View(_) => "materialized_view",
        }
    }

    /// The statement that makes it.
    pub(super) fn statement(&self, internals: bool) -> String {
        let is_virtual = is_virtual(self.keyspace());
        match self {
            Self::Keyspace(keyspace) if is_virtual => keyspace.describe_virtual(),
            Self::Keyspace(keyspace) => keyspace.describe(),
            Self::Type(keyspace, definition) => keyspace.describe_type(definition),
            Self::Table(table) if is_virtual => table.describe_virtual(internals),
            Self::Table(table) | Self::View(table) => table.describe(internals),
            Self::Index(table, index) => table.describe_index(index),
        }
    }
}

/// The order of names (`SchemaElement.NAME_COMPARATOR`); names that differ in case alone are in the
/// order of their bytes.
pub(super) fn by_name(a: &str, b: &str) -> Ordering {
    let folded = |name: &str| name.to_lowercase();
    folded(a).cmp(&folded(b)).then_with(|| a.cmp(b))
}

fn sorted(mut elements: Vec<SchemaElement<'_>>) -> Vec<SchemaElement<'_>> {
    elements.sort_by(|a, b| by_name(a.name(), b.name()));
    elements
}

/// A keyspace and all that is in it.
pub(super) fn of_keyspace(keyspace: &Keyspace) -> Vec<SchemaElement<'_>> {
    let types = keyspace.user_types().into_iter().map(|definition| SchemaElement::Type(keyspace, definition));
    let mut all: Vec<_> = std::iter::once(SchemaElement::Keyspace(keyspace)).chain(types).collect();
    for table in tables(keyspace) {
        let SchemaElement::Table(def) = table else { continue };
        all.push(table);
        all.extend(indexes(def));
        let is_of = |view: &&&TableDef| view.view().is_some_and(|view| *view.base == **def.name());
        let views: Vec<&TableDef> = keyspace.tables().map(|table| &**table).collect();
        all.extend(sorted(views.iter().filter(is_of).map(|view| SchemaElement::View(view)).collect()));
    }
    all
}

/// Tables without views, by name.
pub(super) fn tables(keyspace: &Keyspace) -> Vec<SchemaElement<'_>> {
    let tables = keyspace.tables().filter(|table| table.view().is_none());
    sorted(tables.map(|table| SchemaElement::Table(table)).collect())
}

pub(super) fn types_by_name(keyspace: &Keyspace) -> Vec<SchemaElement<'_>> {
    let types = keyspace.user_types().into_iter().map(|definition| SchemaElement::Type(keyspace, definition));
    sorted(types.collect())
}

fn indexes(table: &TableDef) -> Vec<SchemaElement<'_>> {
    sorted(table.indexes().iter().map(|index| SchemaElement::Index(table, index)).collect())
}

/// A table and its indexes.
pub(super) fn table<'c>(keyspace: &'c Keyspace, name: &str) -> CqlResult<Vec<SchemaElement<'c>>> {
    match keyspace.tables().find(|table| **table.name() == *name && table.view().is_none()) {
        Some(table) => Ok(std::iter::once(SchemaElement::Table(table)).chain(indexes(table)).collect()),
        None => refuse(format!("Table '{name}' not found in keyspace '{}'", keyspace.name())),
    }
}

pub(super) fn user_type<'c>(keyspace: &'c Keyspace, name: &str) -> CqlResult<Vec<SchemaElement<'c>>> {
    match keyspace.user_type_definition(name) {
        Some(definition) => Ok(vec![SchemaElement::Type(keyspace, definition)]),
        None => refuse(format!("User defined type '{name}' not found in '{}'", keyspace.name())),
    }
}

pub(super) fn index<'c>(keyspace: &'c Keyspace, name: &str) -> CqlResult<Vec<SchemaElement<'c>>> {
    let mut all = keyspace.tables().flat_map(|table| indexes(table));
    match all.find(|index| index.name() == name) {
        Some(index) => Ok(vec![index]),
        None => refuse(format!("Table for existing index '{name}' not found in '{}'", keyspace.name())),
    }
}

pub(super) fn view<'c>(keyspace: &'c Keyspace, name: &str) -> CqlResult<Vec<SchemaElement<'c>>> {
    match keyspace.tables().find(|table| **table.name() == *name && table.view().is_some()) {
        Some(view) => Ok(vec![SchemaElement::View(view)]),
        None => refuse(format!("Materialized view '{name}' not found in '{}'", keyspace.name())),
    }
}
