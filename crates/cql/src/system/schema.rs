//! `system_schema` and `system_virtual_schema`: the schema as tables (`SchemaKeyspace`,
//! `VirtualSchemaKeyspace`).

use helenus_cql_syntax::{ColumnMask, CqlType, CreateIndex, Literal, Property, PropertyValue, Selection};
use helenus_rows::{ColumnKind, CompactStorage};
use helenus_schema::{Catalog, Keyspace, TableColumn, TableDef, is_system_keyspace, option_names};
use helenus_types::{Type, Value};

use super::content::{Content, text, text_map, texts};
use super::definitions::{catalog, is_virtual, owns};

/// The content of one of these tables.
pub(super) fn content(def: &TableDef, own: &Catalog, table: &str) -> Content {
    let of_virtual = is_virtual(def.keyspace());
    let of_node = catalog().keyspaces().filter(|keyspace| owns(own, keyspace.name()));
    let of_users = own.keyspaces().filter(|keyspace| !owns(own, keyspace.name()));
    let keyspaces: Vec<&Keyspace> =
        of_node.chain(of_users).filter(|keyspace| is_virtual(keyspace.name()) == of_virtual).collect();
    let tables = || keyspaces.iter().flat_map(|keyspace| keyspace.tables());
    match (of_virtual, table) {
        (true, "keyspaces") => each(&["keyspace_name"], keyspaces.iter().map(|of| vec![text(of.name())])),
        (true, "tables") => {
            let comment = |table: &TableDef| option(&table.shown_options(), "comment", &Type::Text);
            let row = |table| vec![text(TableDef::keyspace(table)), text(table.name()), comment(table)];
            each(&["keyspace_name", "table_name", "comment"], tables().map(|table| row(table)))
        }
        (false, "keyspaces") => each(&KEYSPACES, keyspaces.iter().map(|keyspace| of_keyspace(keyspace))),
        (false, "types") => each(&TYPES, keyspaces.iter().flat_map(|keyspace| of_types(keyspace))),
        (false, "tables") => {
            let tables = tables().filter(|table| table.view().is_none());
            with_options(def, &TABLES, tables.map(|table| (&**table, of_table(table))))
        }
        (false, "views") => {
            with_options(def, &VIEWS, tables().filter_map(|table| Some((&**table, of_view(own, table)?))))
        }
        (_, "columns") => each(&COLUMNS, tables().flat_map(|table| of_columns(table))),
        (false, "dropped_columns") => each(&DROPPED, tables().flat_map(|table| of_dropped(table))),
        (false, "indexes") => each(&INDEXES, tables().flat_map(|table| of_indexes(table))),
        (false, "column_masks") => each(&MASKS, tables().flat_map(|table| of_masks(table))),
        // Functions, aggregates and triggers aren't made here.
        _ => Content::default(),
    }
}

fn each(columns: &[&'static str], rows: impl Iterator<Item = Vec<Value>>) -> Content {
    let mut content = Content::new(columns);
    rows.for_each(|row| content.push(row));
    content
}

const KEYSPACES: [&str; 3] = ["keyspace_name", "durable_writes", "replication"];

fn of_keyspace(keyspace: &Keyspace) -> Vec<Value> {
    let replication = keyspace.replication().iter().map(|(name, value)| {
        let is_short = name == "class" && !value.contains('.');
        let value = if is_short { format!("org.apache.cassandra.locator.{value}") } else { value.clone() };
        (name.clone(), value)
    });
    vec![text(keyspace.name()), Value::Boolean(keyspace.durable_writes()), text_map(replication)]
}

const TYPES: [&str; 4] = ["keyspace_name", "type_name", "field_names", "field_types"];

fn of_types(keyspace: &Keyspace) -> Vec<Vec<Value>> {
    let row = |definition: &helenus_types::UserType| {
        let names = texts(definition.fields.iter().map(|(name, _)| name));
        let types = texts(definition.fields.iter().map(|(_, ty)| type_text(ty)));
        vec![text(keyspace.name()), text(&definition.name), names, types]
    };
    keyspace.user_types().into_iter().map(row).collect()
}

/// A type as Cassandra's schema writes it.
fn type_text(ty: &Type) -> String {
    CqlType::of(ty.base()).to_string()
}

/// Columns of options that are gone, for drivers that still read them.
const FORMER_OPTIONS: [&str; 2] = ["dclocal_read_repair_chance", "read_repair_chance"];

/// Rows of tables or views: those columns, and the options.
fn with_options<'t>(
    def: &TableDef,
    columns: &[&'static str],
    rows: impl Iterator<Item = (&'t TableDef, Vec<Value>)>,
) -> Content {
    let names = option_names();
    let types = names.map(|name| def.column(name).map_or(Type::Text, |column| column.ty));
    let mut content = Content::new(&[columns, &names, &FORMER_OPTIONS].concat());
    for (table, mut row) in rows {
        let options = table.shown_options();
        row.extend(names.iter().zip(&types).map(|(name, ty)| option(&options, name, ty)));
        row.extend(FORMER_OPTIONS.map(|_| Value::Double(0.0)));
        content.push(row);
    }
    content
}

/// An option as a value. Those that came with 4.0 and later are written where they aren't at their
/// defaults alone, so that older nodes understand the schema; `cdc` where the node has it switched
/// on.
fn option(options: &[Property], name: &str, ty: &Type) -> Value {
    let Some(found) = options.iter().find(|property| property.name == name) else { return Value::Null };
    let value = option_value(&found.value, ty);
    match (name, &value) {
        ("cdc", _) => Value::Null,
        ("memtable", Value::Text(name)) if name == "default" => Value::Null,
        ("allow_auto_snapshot" | "incremental_backups", Value::Boolean(true)) => Value::Null,
        _ => value,
    }
}

fn option_value(value: &PropertyValue, ty: &Type) -> Value {
    let of_literal = |literal: &Literal, ty: &Type| {
        let raw = literal.raw_text();
        match (literal, ty.base()) {
            (Literal::Blob(bytes), Type::Blob) => Value::Blob(bytes.clone()),
            (_, Type::Double) => raw.parse().map_or(Value::Null, Value::Double),
            (_, Type::Int) => raw.parse().map_or(Value::Null, Value::Int),
            (_, Type::Boolean) => raw.parse().map_or(Value::Null, Value::Boolean),
            (_, Type::Blob) => Value::Blob(raw.as_bytes().to_vec()),
            _ => text(raw),
        }
    };
    match value {
        PropertyValue::Literal(literal) => of_literal(literal, ty),
        PropertyValue::Word(word) => text(word.as_str()),
        PropertyValue::Map(entries) => {
            let of = ty.value().cloned().unwrap_or(Type::Text);
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| (name.raw_text().into_owned(), of_literal(value, &of)))
                .collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Map(entries.into_iter().map(|(name, value)| (Value::Text(name), value)).collect())
        }
    }
}

const TABLES: [&str; 4] = ["keyspace_name", "table_name", "id", "flags"];

fn of_table(table: &TableDef) -> Vec<Value> {
    let schema = table.schema();
    let flags = [
        ("compound", schema.compact().is_none() || schema.shown_clustering().len() > 1),
        ("counter", table.is_counter()),
        ("dense", schema.compact() == Some(CompactStorage::Dense)),
    ];
    let flags = flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| text(flag));
    vec![text(table.keyspace()), text(table.name()), Value::Uuid(table.id().0), Value::Set(flags.collect())]
}

const VIEWS: [&str; 7] = [
    "keyspace_name",
    "view_name",
    "id",
    "base_table_id",
    "base_table_name",
    "include_all_columns",
    "where_clause",
];

fn of_view(own: &Catalog, table: &TableDef) -> Option<Vec<Value>> {
    let view = table.view()?;
    let base = own.table(table.keyspace(), &view.base).ok()?;
    let relations: Vec<_> = view.statement.where_clause.iter().map(ToString::to_string).collect();
    Some(vec![
        text(table.keyspace()),
        text(table.name()),
        Value::Uuid(table.id().0),
        Value::Uuid(base.id().0),
        text(&view.base),
        Value::Boolean(view.statement.selection == Selection::All),
        text(relations.join(" AND ")),
    ])
}

const COLUMNS: [&str; 8] = [
    "keyspace_name",
    "table_name",
    "column_name",
    "clustering_order",
    "column_name_bytes",
    "kind",
    "position",
    "type",
];

fn of_columns(table: &TableDef) -> Vec<Vec<Value>> {
    let row = |column: TableColumn| {
        let (kind, position) = match column.kind {
            ColumnKind::PartitionKey => ("partition_key", Some(column.position)),
            ColumnKind::Clustering => ("clustering", Some(column.position)),
            ColumnKind::Static => ("static", None),
            ColumnKind::Regular => ("regular", None),
        };
        let order = match column.kind {
            ColumnKind::Clustering if column.ty.is_reversed() => "desc",
            ColumnKind::Clustering => "asc",
            _ => "none",
        };
        let position = position.map_or(-1, |position| i32::try_from(position).unwrap_or(i32::MAX));
        vec![
            text(table.keyspace()),
            text(table.name()),
            text(&column.name),
            text(order),
            Value::Blob(column.name.as_bytes().to_vec()),
            text(kind),
            Value::Int(position),
            text(type_text(&column.ty)),
        ]
    };
    table.columns().into_iter().map(row).collect()
}

const DROPPED: [&str; 6] = ["keyspace_name", "table_name", "column_name", "dropped_time", "kind", "type"];

fn of_dropped(table: &TableDef) -> Vec<Vec<Value>> {
    let row = |column: &helenus_rows::DroppedColumn| {
        vec![
            text(table.keyspace()),
            text(table.name()),
            text(&column.name),
            Value::Timestamp(column.dropped_at.0.div_euclid(1000)),
            text(if column.is_static { "static" } else { "regular" }),
            text(type_text(&column.ty)),
        ]
    };
    table.schema().dropped().iter().map(row).collect()
}

const INDEXES: [&str; 5] = ["keyspace_name", "table_name", "index_name", "kind", "options"];

fn of_indexes(table: &TableDef) -> Vec<Vec<Value>> {
    let row = |index: &CreateIndex| {
        let targets: Vec<_> = table.index_targets(index).iter().map(ToString::to_string).collect();
        let mut options = vec![("target".to_owned(), targets.join(","))];
        options.extend(index.class.iter().map(|class| ("class_name".to_owned(), class.clone())));
        for property in &index.properties {
            if let PropertyValue::Map(entries) = &property.value {
                let entry = |(name, value): &(Literal, Literal)| {
                    (name.raw_text().into_owned(), value.raw_text().into_owned())
                };
                options.extend(entries.iter().map(entry));
            }
        }
        let kind = match (&index.class, table.schema().compact()) {
            (Some(_), _) => "CUSTOM",
            (None, Some(_)) => "KEYS",
            (None, None) => "COMPOSITES",
        };
        let name = index.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
        vec![text(table.keyspace()), text(table.name()), text(name), text(kind), text_map(options)]
    };
    table.indexes().iter().map(row).collect()
}

const MASKS: [&str; 8] = [
    "keyspace_name",
    "table_name",
    "column_name",
    "function_keyspace",
    "function_name",
    "function_argument_nulls",
    "function_argument_types",
    "function_argument_values",
];

fn of_masks(table: &TableDef) -> Vec<Vec<Value>> {
    let masked = table.columns().into_iter().filter_map(|column| Some((column.name, column.mask?)));
    let row = |(column, mask): (std::sync::Arc<str>, ColumnMask)| {
        let (keyspace, name) = match &mask {
            ColumnMask::Default => ("system", "mask_default"),
            ColumnMask::Function { name, .. } => {
                (name.keyspace.as_ref().map_or("system", |keyspace| keyspace.as_str()), name.name.as_str())
            }
        };
        let none = || Value::List(Vec::new());
        vec![
            text(table.keyspace()),
            text(table.name()),
            text(column),
            text(keyspace),
            text(name),
            none(),
            none(),
            none(),
        ]
    };
    masked.filter(|_| !is_system_keyspace(table.keyspace())).map(row).collect()
}
