//! A node's own schema as CQL: the statements that `DESCRIBE … WITH INTERNALS` prints.

use std::fmt::{Display, Write};

use helenus_cql_syntax::{Identifier, Literal};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_rows::CompactStorage;
use helenus_types::{Hex, Value};

use super::schema_rows::{SchemaRow, SchemaRows, of};

/// Columns of `tables` and `views` that are options of the same name.
const OPTIONS: [&str; 19] = [
    "additional_write_policy",
    "allow_auto_snapshot",
    "bloom_filter_fp_chance",
    "caching",
    "cdc",
    "comment",
    "compaction",
    "compression",
    "crc_check_chance",
    "default_time_to_live",
    "extensions",
    "gc_grace_seconds",
    "incremental_backups",
    "max_index_interval",
    "memtable",
    "memtable_flush_period_in_ms",
    "min_index_interval",
    "read_repair",
    "speculative_retry",
];
/// Types whose values stand in quotes in CQL.
const QUOTED_TYPES: [&str; 7] = ["ascii", "date", "inet", "text", "time", "timestamp", "varchar"];

fn name(text: &str) -> Identifier {
    Identifier::exact(text)
}

fn string(text: &str) -> Literal {
    Literal::String(text.to_owned())
}

fn joined<T: Display>(parts: impl IntoIterator<Item = T>) -> String {
    parts.into_iter().map(|part| part.to_string()).collect::<Vec<_>>().join(", ")
}

fn string_map<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("{{{}}}", joined(entries.into_iter().map(|(k, v)| format!("{}: {}", string(k), string(v)))))
}

/// `CREATE KEYSPACE`
pub(super) fn keyspace(row: &SchemaRow) -> Result<String> {
    Ok(format!(
        "CREATE KEYSPACE {} WITH replication = {} AND durable_writes = {};",
        name(row.need("keyspace_name")?),
        string_map(row.entries("replication")),
        row.boolean("durable_writes").unwrap_or(true)
    ))
}

/// `CREATE TYPE`
pub(super) fn user_type(row: &SchemaRow) -> Result<String> {
    let fields = row.texts("field_names").into_iter().zip(row.texts("field_types"));
    Ok(format!(
        "CREATE TYPE {}.{} ({});",
        name(row.need("keyspace_name")?),
        name(row.need("type_name")?),
        joined(fields.map(|(field, ty)| format!("{} {ty}", name(field))))
    ))
}

/// `CREATE FUNCTION`
pub(super) fn function(row: &SchemaRow) -> Result<String> {
    let arguments = row.texts("argument_names").into_iter().zip(row.texts("argument_types"));
    Ok(format!(
        "CREATE FUNCTION {}.{}({}) {} ON NULL INPUT RETURNS {} LANGUAGE {} AS {};",
        name(row.need("keyspace_name")?),
        name(row.need("function_name")?),
        joined(arguments.map(|(argument, ty)| format!("{} {ty}", name(argument)))),
        if row.boolean("called_on_null_input") == Some(true) { "CALLED" } else { "RETURNS NULL" },
        row.need("return_type")?,
        row.need("language")?,
        string(row.need("body")?)
    ))
}

/// `CREATE AGGREGATE`
pub(super) fn aggregate(row: &SchemaRow) -> Result<String> {
    let mut text = format!(
        "CREATE AGGREGATE {}.{}({}) SFUNC {} STYPE {}",
        name(row.need("keyspace_name")?),
        name(row.need("aggregate_name")?),
        joined(row.texts("argument_types")),
        name(row.need("state_func")?),
        row.need("state_type")?
    );
    if let Some(function) = row.text("final_func") {
        write!(text, " FINALFUNC {}", name(function)).unwrap_or_default();
    }
    if let Some(condition) = row.text("initcond") {
        write!(text, " INITCOND {condition}").unwrap_or_default();
    }
    text.push(';');
    Ok(text)
}

/// A column with its place in the key.
struct Column<'a> {
    name: &'a str,
    row: &'a SchemaRow,
    kind: &'a str,
    position: i32,
}

fn columns<'a>(rows: &'a SchemaRows, keyspace: &'a str, table: &'a str) -> Result<Vec<Column<'a>>> {
    let column = |row: &'a SchemaRow| {
        Ok(Column {
            name: row.need("column_name")?,
            row,
            kind: row.need("kind")?,
            position: row.int("position").unwrap_or(-1),
        })
    };
    let mut columns = of(&rows.columns, keyspace, Some(table)).map(column).collect::<Result<Vec<_>>>()?;
    columns.sort_by_key(|column| column.position);
    if columns.iter().any(|column| column.kind == "partition_key") {
        return Ok(columns);
    }
    // A table that was dropped and altered at once leaves such a rest
    // (SchemaKeyspace.MissingColumns).
    let text = format!("system_schema.columns has no partition key of {keyspace}.{table}");
    Err(Error::new(ErrorKind::Corrupt, text))
}

fn key_names(columns: &[Column<'_>], kind: &str) -> String {
    joined(columns.iter().filter(|column| column.kind == kind).map(|column| name(column.name)))
}

fn primary_key(columns: &[Column<'_>]) -> String {
    let [partition, clustering] = ["partition_key", "clustering"].map(|kind| key_names(columns, kind));
    let separator = if clustering.is_empty() { "" } else { ", " };
    format!("PRIMARY KEY (({partition}){separator}{clustering})")
}

/// The storage of a table `WITH COMPACT STORAGE` (`TableMetadata.Flag`): `None` for all others, and
/// for super column families, which are shown as they are stored.
fn compact(row: &SchemaRow) -> Option<CompactStorage> {
    let flags = row.get("flags").map(|_| row.texts("flags"))?;
    let has = |flag: &str| flags.contains(&flag);
    match (has("super"), has("dense"), has("compound")) {
        (true, ..) | (_, false, true) => None,
        (_, true, _) => Some(CompactStorage::Dense),
        (_, false, false) => Some(CompactStorage::Static),
    }
}

/// Whether the definition of a table names a column that is kept.
fn is_defined(compact: Option<CompactStorage>, column: &Column<'_>) -> bool {
    match compact {
        None => true,
        Some(CompactStorage::Static) => !matches!(column.kind, "clustering" | "regular"),
        Some(CompactStorage::Dense) => column.kind != "regular" || column.row.text("type") != Some("empty"),
    }
}

/// `WITH ID = … AND CLUSTERING ORDER BY (…) AND …`
fn options(row: &SchemaRow, columns: &[Column<'_>]) -> Result<String> {
    let Some(Value::Uuid(id)) = row.get("id") else {
        return Err(Error::new(ErrorKind::Corrupt, "system_schema: a table without an id"));
    };
    let mut text = format!(" WITH ID = {id}");
    let order = |column: &Column<'_>| {
        let order = column.row.text("clustering_order").unwrap_or("asc");
        format!("{} {}", name(column.name), order.to_ascii_uppercase())
    };
    let ordered = columns.iter().filter(|column| column.kind == "clustering").map(order);
    let ordered = joined(ordered);
    if !ordered.is_empty() {
        write!(text, " AND CLUSTERING ORDER BY ({ordered})").unwrap_or_default();
    }
    for option in OPTIONS {
        let value = match row.get(option) {
            None => continue,
            Some(Value::Text(text)) => string(text).to_string(),
            Some(Value::Boolean(value)) => value.to_string(),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Double(number)) => format!("{number:?}"),
            Some(Value::Map(entries)) if option == "extensions" => extensions(entries),
            Some(Value::Map(_)) => string_map(row.entries(option)),
            Some(_) => continue,
        };
        write!(text, " AND {option} = {value}").unwrap_or_default();
    }
    Ok(text)
}

fn extensions(entries: &[(Value, Value)]) -> String {
    let entry = |(key, value): &(Value, Value)| {
        let (Value::Text(key), Value::Blob(value)) = (key, value) else { return None };
        Some(format!("{}: 0x{}", string(key), Hex(value)))
    };
    format!("{{{}}}", joined(entries.iter().filter_map(entry)))
}

/// `CREATE TABLE`, what was dropped of it and added again, and its indexes.
pub(super) fn table(rows: &SchemaRows, row: &SchemaRow) -> Result<String> {
    let (keyspace, table) = (row.need("keyspace_name")?, row.need("table_name")?);
    let full_name = format!("{}.{}", name(keyspace), name(table));
    let compact = compact(row);
    let mut columns = columns(rows, keyspace, table)?;
    columns.retain(|column| is_defined(compact, column));
    let is_static = |kind: Option<&str>| kind == Some("static") && compact.is_none();
    let dropped: Vec<&SchemaRow> = of(&rows.dropped_columns, keyspace, Some(table)).collect();
    let was_dropped = |column: &str| dropped.iter().any(|row| row.text("column_name") == Some(column));
    let mut definitions = Vec::new();
    for column in columns.iter().filter(|column| !was_dropped(column.name)) {
        definitions.push(definition(rows, keyspace, table, column, is_static(Some(column.kind)))?);
    }
    for row in &dropped {
        // Before 4.0 the registry did not record it; then it is that of the column that was added
        // again.
        let again = columns.iter().find(|column| row.text("column_name") == Some(column.name));
        let kind = row.text("kind").or(again.map(|column| column.kind));
        let marker = if is_static(kind) { " static" } else { "" };
        definitions.push(format!("{} {}{marker}", name(row.need("column_name")?), row.need("type")?));
    }
    definitions.push(primary_key(&columns));
    let storage = if compact.is_some() { " AND COMPACT STORAGE" } else { "" };
    let options = options(row, &columns)?;
    let mut text = format!("CREATE TABLE {full_name} ({}){options}{storage};", definitions.join(", "));
    for row in &dropped {
        let column = row.need("column_name")?;
        let Some(Value::Timestamp(millis)) = row.get("dropped_time") else {
            let text = format!("system_schema.dropped_columns: {full_name}.{column} has no dropped_time");
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let at = millis.saturating_mul(1000);
        write!(text, "\nALTER TABLE {full_name} DROP {} USING TIMESTAMP {at};", name(column))
            .unwrap_or_default();
        if let Some(again) = columns.iter().find(|again| again.name == column) {
            // Columns that compact storage keeps as static are added as such: the definition here
            // is that of the storage.
            let definition = definition(rows, keyspace, table, again, again.kind == "static")?;
            write!(text, "\nALTER TABLE {full_name} ADD {definition};").unwrap_or_default();
        }
    }
    Ok(text)
}

/// A column as `CREATE TABLE` defines it.
fn definition(
    rows: &SchemaRows,
    keyspace: &str,
    table: &str,
    column: &Column<'_>,
    is_static: bool,
) -> Result<String> {
    let mut text = format!("{} {}", name(column.name), column.row.need("type")?);
    if is_static {
        text.push_str(" static");
    }
    let mut masks = of(&rows.column_masks, keyspace, Some(table));
    if let Some(mask) = masks.find(|mask| mask.text("column_name") == Some(column.name)) {
        text.push_str(" MASKED WITH ");
        text.push_str(&self::mask(mask)?);
    }
    Ok(text)
}

/// A masking function with its arguments; those are kept as their types' own texts.
fn mask(row: &SchemaRow) -> Result<String> {
    let nulls: &[Value] = match row.get("function_argument_nulls") {
        Some(Value::List(nulls)) => nulls,
        _ => &[],
    };
    let values = row.texts("function_argument_values").into_iter().zip(row.texts("function_argument_types"));
    let argument = |(at, (value, ty)): (usize, (&str, &str))| match nulls.get(at) {
        Some(Value::Boolean(true)) => "null".to_owned(),
        _ if QUOTED_TYPES.contains(&ty) => string(value).to_string(),
        _ => value.to_owned(),
    };
    Ok(format!(
        "{}.{}({})",
        name(row.need("function_keyspace")?),
        name(row.need("function_name")?),
        joined(values.enumerate().map(argument))
    ))
}

/// `CREATE INDEX`, or the custom one.
pub(super) fn index(row: &SchemaRow) -> Result<String> {
    let options = row.entries("options");
    let option = |wanted: &str| options.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let target = option("target").unwrap_or_default();
    let on = format!(
        "INDEX {} ON {}.{} ({target})",
        name(row.need("index_name")?),
        name(row.need("keyspace_name")?),
        name(row.need("table_name")?)
    );
    if row.text("kind") != Some("CUSTOM") {
        return Ok(format!("CREATE {on};"));
    }
    let class = option("class_name").unwrap_or_default();
    let others: Vec<_> =
        options.iter().copied().filter(|(key, _)| !matches!(*key, "target" | "class_name")).collect();
    let with = match others.is_empty() {
        true => String::new(),
        false => format!(" WITH OPTIONS = {}", string_map(others)),
    };
    Ok(format!("CREATE CUSTOM {on} USING {}{with};", string(class)))
}

/// `CREATE MATERIALIZED VIEW`
pub(super) fn view(rows: &SchemaRows, row: &SchemaRow) -> Result<String> {
    let (keyspace, view) = (row.need("keyspace_name")?, row.need("view_name")?);
    let columns = columns(rows, keyspace, view)?;
    let selected = match row.boolean("include_all_columns") {
        Some(true) => "*".to_owned(),
        _ => joined(columns.iter().map(|column| name(column.name))),
    };
    let options = options(row, &columns)?;
    // The data of a view expires with its table's: the option is stored, but refused in a
    // statement.
    let options = options.replace(" AND default_time_to_live = 0", "");
    Ok(format!(
        "CREATE MATERIALIZED VIEW {}.{} AS SELECT {selected} FROM {}.{} WHERE {} {}{options};",
        name(keyspace),
        name(view),
        name(keyspace),
        name(row.need("base_table_name")?),
        row.need("where_clause")?,
        primary_key(&columns)
    ))
}
