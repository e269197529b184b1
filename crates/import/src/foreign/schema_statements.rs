//! A node's own schema as the statements that make it: those that `DESCRIBE … WITH INTERNALS`
//! prints.

use std::fmt::Write;

use helenus_cql_syntax::{
    AlterTable, AlterTableAction, ColumnDefinition, ColumnMask, CreateIndex, CreateKeyspace, CreateTable,
    CreateType, CreateView, FieldDefinition, Identifier, Literal, Order, PrimaryKey, Property, PropertyValue,
    QualifiedName, Selection, Selector, Statement, SyntaxError, TableOptions, Term, parse_index_targets,
    parse_relations, parse_statement, parse_term, parse_type,
};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_rows::CompactStorage;
use helenus_schema::option_names;
use helenus_types::{Type, Value};

use super::schema_rows::{SchemaRow, SchemaRows, of};

fn name(text: &str) -> Identifier {
    Identifier::exact(text)
}

/// The name in a column of a row, within the row's keyspace.
fn qualified(row: &SchemaRow, column: &str) -> Result<QualifiedName> {
    Ok(QualifiedName::qualified(name(row.need("keyspace_name")?), name(row.need(column)?)))
}

fn string(text: &str) -> Literal {
    Literal::String(text.to_owned())
}

fn property(name: &str, value: PropertyValue) -> Property {
    Property { name: Identifier::exact(name), value }
}

fn strings<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> PropertyValue {
    PropertyValue::Map(entries.into_iter().map(|(key, value)| (string(key), string(value))).collect())
}

/// What Cassandra keeps as CQL.
fn parsed<T>(text: &str, parse: impl Fn(&str) -> std::result::Result<T, SyntaxError>) -> Result<T> {
    parse(text).map_err(|error| Error::new(ErrorKind::Syntax, format!("system_schema: {text:?}: {error}")))
}

/// `CREATE KEYSPACE`
pub(super) fn keyspace(row: &SchemaRow) -> Result<Statement> {
    let durable_writes = Literal::Boolean(row.boolean("durable_writes").unwrap_or(true));
    Ok(Statement::CreateKeyspace(CreateKeyspace {
        if_not_exists: false,
        name: name(row.need("keyspace_name")?),
        properties: vec![
            property("replication", strings(row.entries("replication"))),
            property("durable_writes", PropertyValue::Literal(durable_writes)),
        ],
    }))
}

/// `CREATE TYPE`
pub(super) fn user_type(row: &SchemaRow) -> Result<Statement> {
    let fields = row.texts("field_names").into_iter().zip(row.texts("field_types"));
    let field = |(field, ty)| Ok(FieldDefinition { name: name(field), cql_type: parsed(ty, parse_type)? });
    Ok(Statement::CreateType(CreateType {
        if_not_exists: false,
        name: qualified(row, "type_name")?,
        fields: fields.map(field).collect::<Result<_>>()?,
    }))
}

/// `CREATE FUNCTION`, which the grammar knows as a text only.
pub(super) fn function(row: &SchemaRow) -> Result<Statement> {
    let arguments = row.texts("argument_names").into_iter().zip(row.texts("argument_types"));
    let arguments: Vec<_> = arguments.map(|(argument, ty)| format!("{} {ty}", name(argument))).collect();
    let text = format!(
        "CREATE FUNCTION {}({}) {} ON NULL INPUT RETURNS {} LANGUAGE {} AS {}",
        qualified(row, "function_name")?,
        arguments.join(", "),
        if row.boolean("called_on_null_input") == Some(true) { "CALLED" } else { "RETURNS NULL" },
        row.need("return_type")?,
        row.need("language")?,
        string(row.need("body")?)
    );
    parsed(&text, parse_statement)
}

/// `CREATE AGGREGATE`, which the grammar knows as a text only.
pub(super) fn aggregate(row: &SchemaRow) -> Result<Statement> {
    let mut text = format!(
        "CREATE AGGREGATE {}({}) SFUNC {} STYPE {}",
        qualified(row, "aggregate_name")?,
        row.texts("argument_types").join(", "),
        name(row.need("state_func")?),
        row.need("state_type")?
    );
    if let Some(function) = row.text("final_func") {
        write!(text, " FINALFUNC {}", name(function)).unwrap_or_default();
    }
    if let Some(condition) = row.text("initcond") {
        write!(text, " INITCOND {condition}").unwrap_or_default();
    }
    parsed(&text, parse_statement)
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

fn of_kind<'a, 'c>(columns: &'a [Column<'c>], kind: &'a str) -> impl Iterator<Item = &'a Column<'c>> {
    columns.iter().filter(move |column| column.kind == kind)
}

fn primary_key(columns: &[Column<'_>]) -> PrimaryKey {
    let [partition_key, clustering] = ["partition_key", "clustering"]
        .map(|kind| of_kind(columns, kind).map(|column| name(column.name)).collect());
    PrimaryKey { partition_key, clustering }
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

/// What follows `WITH`, but for `COMPACT STORAGE`.
fn options(row: &SchemaRow, columns: &[Column<'_>]) -> Result<TableOptions> {
    let Some(Value::Uuid(id)) = row.get("id") else {
        return Err(Error::new(ErrorKind::Corrupt, "system_schema: a table without an id"));
    };
    let order = |column: &Column<'_>| match column.row.text("clustering_order").unwrap_or("asc") {
        "asc" => Ok((name(column.name), Order::Ascending)),
        "desc" => Ok((name(column.name), Order::Descending)),
        other => Err(Error::new(
            ErrorKind::Corrupt,
            format!("system_schema.columns: {}: the clustering order {other:?}", column.name),
        )),
    };
    let clustering_order = of_kind(columns, "clustering").map(order).collect::<Result<_>>()?;
    let literal = PropertyValue::Literal;
    let mut properties = vec![property("id", literal(Literal::Uuid(id.as_u128())))];
    for option in option_names() {
        let value = match row.get(option) {
            Some(Value::Text(text)) => literal(string(text)),
            Some(Value::Boolean(value)) => literal(Literal::Boolean(*value)),
            Some(Value::Int(number)) => literal(Literal::Integer(number.to_string())),
            Some(Value::Double(number)) => literal(Literal::Float(format!("{number:?}"))),
            Some(Value::Map(entries)) if option == "extensions" => extensions(entries),
            Some(Value::Map(_)) => strings(row.entries(option)),
            _ => continue,
        };
        properties.push(property(option, value));
    }
    Ok(TableOptions { compact_storage: false, clustering_order, properties })
}

fn extensions(entries: &[(Value, Value)]) -> PropertyValue {
    let entry = |(key, value): &(Value, Value)| {
        let (Value::Text(key), Value::Blob(value)) = (key, value) else { return None };
        Some((string(key), Literal::Blob(value.clone())))
    };
    PropertyValue::Map(entries.iter().filter_map(entry).collect())
}

/// `CREATE TABLE`, and what was dropped of it and added again.
pub(super) fn table(rows: &SchemaRows, row: &SchemaRow) -> Result<Vec<Statement>> {
    let (keyspace, table) = (row.need("keyspace_name")?, row.need("table_name")?);
    let full_name = qualified(row, "table_name")?;
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
        definitions.push(ColumnDefinition {
            name: name(row.need("column_name")?),
            cql_type: parsed(row.need("type")?, parse_type)?,
            is_static: is_static(kind),
            mask: None,
        });
    }
    let options = TableOptions { compact_storage: compact.is_some(), ..options(row, &columns)? };
    let mut statements = vec![Statement::CreateTable(Box::new(CreateTable {
        if_not_exists: false,
        name: full_name.clone(),
        columns: definitions,
        primary_keys: vec![primary_key(&columns)],
        options,
    }))];
    let mut alter = |action| {
        let name = full_name.clone();
        statements.push(Statement::AlterTable(Box::new(AlterTable { if_exists: false, name, action })));
    };
    for row in &dropped {
        let column = row.need("column_name")?;
        let Some(Value::Timestamp(millis)) = row.get("dropped_time") else {
            let text = format!("system_schema.dropped_columns: {full_name}.{column} has no dropped_time");
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let timestamp_us = Some(millis.saturating_mul(1000));
        alter(AlterTableAction::Drop { if_exists: false, columns: vec![name(column)], timestamp_us });
        if let Some(again) = columns.iter().find(|again| again.name == column) {
            // Columns that compact storage keeps as static are added as such: the definition here
            // is that of the storage.
            let definition = definition(rows, keyspace, table, again, again.kind == "static")?;
            alter(AlterTableAction::Add { if_not_exists: false, columns: vec![definition] });
        }
    }
    Ok(statements)
}

/// A column as `CREATE TABLE` defines it.
fn definition(
    rows: &SchemaRows,
    keyspace: &str,
    table: &str,
    column: &Column<'_>,
    is_static: bool,
) -> Result<ColumnDefinition> {
    let mut masks = of(&rows.column_masks, keyspace, Some(table));
    let mask = masks.find(|mask| mask.text("column_name") == Some(column.name)).map(mask).transpose()?;
    let cql_type = parsed(column.row.need("type")?, parse_type)?;
    Ok(ColumnDefinition { name: name(column.name), cql_type, is_static, mask })
}

/// A masking function with its arguments; those are kept as their types' own texts.
fn mask(row: &SchemaRow) -> Result<ColumnMask> {
    let nulls: &[Value] = match row.get("function_argument_nulls") {
        Some(Value::List(nulls)) => nulls,
        _ => &[],
    };
    let values = row.texts("function_argument_values").into_iter().zip(row.texts("function_argument_types"));
    let is_quoted = |ty: &str| Type::words().any(|(word, known)| word == ty && known.is_quoted());
    let argument = |(at, (value, ty)): (usize, (&str, &str))| match nulls.get(at) {
        Some(Value::Boolean(true)) => Ok(Term::Null),
        _ if is_quoted(ty) => Ok(Term::Literal(string(value))),
        _ => parsed(value, parse_term),
    };
    let names = [row.need("function_keyspace")?, row.need("function_name")?].map(name);
    let [keyspace, function] = names;
    Ok(ColumnMask::Function {
        name: QualifiedName::qualified(keyspace, function),
        arguments: values.enumerate().map(argument).collect::<Result<_>>()?,
    })
}

/// `CREATE INDEX`, or the custom one.
pub(super) fn index(row: &SchemaRow) -> Result<Statement> {
    let options = row.entries("options");
    let option = |wanted: &str| options.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let custom = row.text("kind") == Some("CUSTOM");
    let others: Vec<_> = options
        .iter()
        .copied()
        .filter(|(key, _)| custom && !matches!(*key, "target" | "class_name"))
        .collect();
    Ok(Statement::CreateIndex(Box::new(CreateIndex {
        custom,
        if_not_exists: false,
        name: Some(name(row.need("index_name")?)),
        table: qualified(row, "table_name")?,
        targets: parsed(option("target").unwrap_or_default(), parse_index_targets)?,
        class: custom.then(|| option("class_name").unwrap_or_default().to_owned()),
        properties: match others.is_empty() {
            true => Vec::new(),
            false => vec![property("options", strings(others))],
        },
    })))
}

/// `CREATE MATERIALIZED VIEW`
pub(super) fn view(rows: &SchemaRows, row: &SchemaRow) -> Result<Statement> {
    let columns = columns(rows, row.need("keyspace_name")?, row.need("view_name")?)?;
    let selector = |column: &Column<'_>| Selector { term: Term::Column(name(column.name)), alias: None };
    let mut options = options(row, &columns)?;
    // The data of a view expires with its table's: the option is stored, but refused in a
    // statement.
    options.properties.retain(|property| property.name != "default_time_to_live");
    Ok(Statement::CreateView(Box::new(CreateView {
        if_not_exists: false,
        name: qualified(row, "view_name")?,
        selection: match row.boolean("include_all_columns") {
            Some(true) => Selection::All,
            _ => Selection::Selectors(columns.iter().map(selector).collect()),
        },
        base: qualified(row, "base_table_name")?,
        where_clause: parsed(row.need("where_clause")?, parse_relations)?,
        primary_key: primary_key(&columns),
        options,
    })))
}
