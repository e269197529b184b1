//! The rows of a node's own schema, `system_schema`, out of its SSTables.
//!
//! Its tables differ in their regular columns from release to release, so those are taken from the
//! SSTables' headers; only the keys are known here (`schema.SchemaKeyspace`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use helenus_engine::{Error, ErrorKind, Result};
use helenus_types::{Type, Value};

use super::open::open_system_table;
use super::options::ForeignOptions;

/// A row by its columns' names; without those that are null.
#[derive(Debug, Default)]
pub(super) struct SchemaRow(BTreeMap<String, Value>);

/// The rows of the tables that are needed here.
#[derive(Debug, Default)]
pub(super) struct SchemaRows {
    pub(super) keyspaces: Vec<SchemaRow>,
    pub(super) types: Vec<SchemaRow>,
    pub(super) tables: Vec<SchemaRow>,
    pub(super) columns: Vec<SchemaRow>,
    pub(super) column_masks: Vec<SchemaRow>,
    pub(super) dropped_columns: Vec<SchemaRow>,
    pub(super) indexes: Vec<SchemaRow>,
    pub(super) views: Vec<SchemaRow>,
    pub(super) functions: Vec<SchemaRow>,
    pub(super) aggregates: Vec<SchemaRow>,
    pub(super) triggers: Vec<SchemaRow>,
}

impl SchemaRows {
    /// Reads them from the directories of those tables, by the tables' names.
    pub(super) fn read(options: &ForeignOptions, places: &BTreeMap<String, Vec<PathBuf>>) -> Result<Self> {
        let rows = |table: &str, clustering: &[(&str, Type)]| match places.get(table) {
            Some(dirs) => read_table(options, dirs, table, clustering),
            None => Ok(Vec::new()),
        };
        let [table_name, column_name, type_name] =
            ["table_name", "column_name", "type_name"].map(|name| (name, Type::Text));
        let arguments = ("argument_types", Type::list(Type::Text).freeze());
        if !places.contains_key("tables") || !places.contains_key("columns") {
            return Err(Error::new(ErrorKind::NotFound, "system_schema lacks its tables and columns"));
        }
        Ok(Self {
            keyspaces: rows("keyspaces", &[])?,
            types: rows("types", &[type_name])?,
            tables: rows("tables", std::slice::from_ref(&table_name))?,
            columns: rows("columns", &[table_name.clone(), column_name.clone()])?,
            column_masks: rows("column_masks", &[table_name.clone(), column_name.clone()])?,
            dropped_columns: rows("dropped_columns", &[table_name.clone(), column_name])?,
            indexes: rows("indexes", &[table_name.clone(), ("index_name", Type::Text)])?,
            views: rows("views", &[("view_name", Type::Text)])?,
            functions: rows("functions", &[("function_name", Type::Text), arguments.clone()])?,
            aggregates: rows("aggregates", &[("aggregate_name", Type::Text), arguments])?,
            triggers: rows("triggers", &[table_name, ("trigger_name", Type::Text)])?,
        })
    }

    /// All keyspaces, by name.
    pub(super) fn keyspace_names(&self) -> BTreeSet<&str> {
        self.keyspaces.iter().filter_map(|row| row.text("keyspace_name")).collect()
    }
}

/// The rows of a list that belong to a keyspace, or to a table of it.
pub(super) fn of<'a>(
    rows: &'a [SchemaRow],
    keyspace: &'a str,
    table: Option<&'a str>,
) -> impl Iterator<Item = &'a SchemaRow> {
    rows.iter().filter(move |row| {
        row.text("keyspace_name") == Some(keyspace)
            && table.is_none_or(|table| row.text("table_name") == Some(table))
    })
}

fn read_table(
    options: &ForeignOptions,
    dirs: &[PathBuf],
    name: &str,
    clustering: &[(&str, Type)],
) -> Result<Vec<SchemaRow>> {
    let Some(table) = open_system_table(options, dirs, name, clustering)? else { return Ok(Vec::new()) };
    let schema = table.schema();
    let keys = schema.partition_key().iter().chain(schema.clustering()).map(|column| column.name.clone());
    let others = schema.statics().as_slice().iter().chain(schema.regulars().as_slice());
    let names: Vec<_> = keys.chain(others.map(|column| column.name.clone())).collect();
    let select = table.select();
    let mut rows = select.rows()?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = BTreeMap::new();
        for name in &names {
            match row.value(name)? {
                Value::Null => {}
                value => drop(values.insert(name.to_string(), value)),
            }
        }
        read.push(SchemaRow(values));
    }
    Ok(read)
}

/// Nulls are left out.
impl FromIterator<(String, Value)> for SchemaRow {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(columns: I) -> Self {
        Self(columns.into_iter().filter(|(_, value)| !matches!(value, Value::Null)).collect())
    }
}

impl SchemaRow {
    pub(super) fn get(&self, column: &str) -> Option<&Value> {
        self.0.get(column)
    }

    pub(super) fn text(&self, column: &str) -> Option<&str> {
        match self.get(column)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text that a row can't do without.
    pub(super) fn need(&self, column: &str) -> Result<&str> {
        self.text(column).ok_or_else(|| {
            let names: Vec<_> =
                ["keyspace_name", "table_name", "view_name"].map(|name| self.text(name)).into();
            let of = names.into_iter().flatten().collect::<Vec<_>>().join(".");
            Error::new(ErrorKind::Corrupt, format!("system_schema: {of} has no {column}"))
        })
    }

    pub(super) fn int(&self, column: &str) -> Option<i32> {
        match self.get(column)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, column: &str) -> Option<bool> {
        match self.get(column)? {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The texts of a list or set.
    pub(super) fn texts(&self, column: &str) -> Vec<&str> {
        let (Some(Value::List(elements)) | Some(Value::Set(elements))) = self.get(column) else {
            return Vec::new();
        };
        let texts = elements.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The entries of a map of texts.
    pub(super) fn entries(&self, column: &str) -> Vec<(&str, &str)> {
        let Some(Value::Map(entries)) = self.get(column) else { return Vec::new() };
        entries
            .iter()
            .filter_map(|entry| match entry {
                (Value::Text(key), Value::Text(value)) => Some((key.as_str(), value.as_str())),
                _ => None,
            })
            .collect()
    }
}
