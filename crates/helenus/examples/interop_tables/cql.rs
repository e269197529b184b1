//! Writes as CQL, so that Cassandra can be asked what the same history makes of a table of its own.

use helenus::{ColumnDef, TableSchema, Type};

use crate::write::{Change, Condition, EMPTY, End, Kind, Range, Write};

/// The statement; `None` for what CQL can't say.
pub(crate) fn statement(schema: &TableSchema, write: &Write) -> Option<String> {
    let table = format!("{}.{}", name(schema.keyspace()), name(schema.name()));
    let conditions = conditions(write);
    Some(match write.kind {
        Kind::Insert => {
            let mut columns = Vec::new();
            let mut values = Vec::new();
            let keys = schema.partition_key().iter().zip(&write.key);
            for (column, value) in keys.chain(schema.clustering().iter().zip(&write.clustering)) {
                columns.push(name(&column.name));
                values.push(literal(&column.ty, value));
            }
            for (column, change) in &write.changes {
                let Change::Set(value) = change else { return None };
                columns.push(name(column));
                values.push(literal(type_of(schema, column)?, value));
            }
            let (columns, values) = (columns.join(", "), values.join(", "));
            format!("INSERT INTO {table} ({columns}) VALUES ({values}){conditions}{}", using(write))
        }
        Kind::Update => {
            let changes = assignments(schema, write)?.join(", ");
            format!("UPDATE {table}{} SET {changes} WHERE {}{conditions}", using(write), key(schema, write)?)
        }
        Kind::Delete => {
            let columns = deletions(schema, write)?.join(", ");
            let columns = if columns.is_empty() { columns } else { columns + " " };
            format!("DELETE {columns}FROM {table}{} WHERE {}{conditions}", using(write), key(schema, write)?)
        }
    })
}

/// A name as CQL spells it.
pub(crate) fn name(name: &str) -> String {
    helenus::Identifier::exact(name).to_string()
}

/// The type of a static or regular column.
pub(crate) fn type_of<'s>(schema: &'s TableSchema, column: &str) -> Option<&'s Type> {
    let columns = schema.statics().as_slice().iter().chain(schema.regulars().as_slice());
    columns.into_iter().find(|own| *own.name == *column).map(|column| &column.ty)
}

/// The type of a field of a user type.
pub(crate) fn field_type<'t>(ty: &'t Type, field: &str) -> Option<&'t Type> {
    let Type::Udt { definition, .. } = ty else { return None };
    definition.fields.iter().find(|(name, _)| name == field).map(|(_, ty)| ty)
}

fn literal(ty: &Type, text: &str) -> String {
    if text == EMPTY { format!("blob_as_{}(0x)", ty.base().cql_name()) } else { text.to_owned() }
}

fn using(write: &Write) -> String {
    let timestamp = write.timestamp.map(|timestamp| format!("TIMESTAMP {timestamp}"));
    let ttl = write.ttl.map(|ttl| format!("TTL {ttl}"));
    let both: Vec<String> = timestamp.into_iter().chain(ttl).collect();
    if both.is_empty() { String::new() } else { format!(" USING {}", both.join(" AND ")) }
}

fn conditions(write: &Write) -> String {
    let all: Vec<String> = write
        .conditions
        .iter()
        .map(|condition| match condition {
            Condition::Exists => "EXISTS".to_owned(),
            Condition::NotExists => "NOT EXISTS".to_owned(),
            Condition::If(column, op, value) => format!("{} {op} {value}", name(column)),
        })
        .collect();
    if all.is_empty() { String::new() } else { format!(" IF {}", all.join(" AND ")) }
}

fn assignments(schema: &TableSchema, write: &Write) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut changes = write.changes.iter().peekable();
    while let Some((column, change)) = changes.next() {
        let ty = type_of(schema, column)?;
        let c = name(column);
        // Several elements that are appended to or put before one list are one list in CQL.
        let mut elements = Vec::new();
        if let Change::Append(element) | Change::Prepend(element) = change {
            elements.push(element.clone());
            while let Some((_, Change::Append(element) | Change::Prepend(element))) =
                changes.next_if(|(next, _)| next == column)
            {
                elements.push(element.clone());
            }
        }
        out.push(match change {
            Change::Set(value) => format!("{c} = {}", literal(ty, value)),
            Change::AddToSet(element) => format!("{c} = {c} + {{{element}}}"),
            Change::RemoveFromSet(element) | Change::RemoveKey(element) => {
                format!("{c} = {c} - {{{element}}}")
            }
            Change::Put(key, value) => format!("{c}[{key}] = {value}"),
            Change::Append(_) => format!("{c} = {c} + [{}]", elements.join(", ")),
            Change::Prepend(_) => {
                elements.reverse();
                format!("{c} = [{}] + {c}", elements.join(", "))
            }
            Change::SetAt(index, value) => format!("{c}[{index}] = {value}"),
            Change::RemoveValue(element) => format!("{c} = {c} - [{element}]"),
            Change::SetField(field, value) => format!("{c}.{} = {value}", name(field)),
            Change::Increment(delta) => format!("{c} = {c} + {delta}"),
            Change::RemoveAt(_) | Change::Clear => return None,
        });
    }
    Some(out)
}

fn deletions(schema: &TableSchema, write: &Write) -> Option<Vec<String>> {
    let deletion = |(column, change): &(String, Change)| {
        type_of(schema, column)?;
        let c = name(column);
        match change {
            Change::Clear => Some(c),
            Change::RemoveKey(element) | Change::RemoveFromSet(element) => Some(format!("{c}[{element}]")),
            Change::RemoveAt(index) => Some(format!("{c}[{index}]")),
            Change::SetField(field, _) => Some(format!("{c}.{}", name(field))),
            _ => None,
        }
    };
    write.changes.iter().map(deletion).collect()
}

/// The WHERE clause.
fn key(schema: &TableSchema, write: &Write) -> Option<String> {
    let equal = |column: &ColumnDef, value: &String| {
        format!("{} = {}", name(&column.name), literal(&column.ty, value))
    };
    let mut parts: Vec<String> =
        schema.partition_key().iter().zip(&write.key).map(|(c, v)| equal(c, v)).collect();
    parts.extend(schema.clustering().iter().zip(&write.clustering).map(|(c, v)| equal(c, v)));
    match &write.range {
        None => {}
        Some(Range::ByOrder { .. }) => return None,
        Some(Range::ByValue { prefix, lower, upper }) => {
            parts.extend(schema.clustering().iter().zip(prefix).map(|(c, v)| equal(c, v)));
            let rest = schema.clustering().get(prefix.len()..).unwrap_or_default();
            parts.extend(bound(rest, lower, [">", ">="]));
            parts.extend(bound(rest, upper, ["<", "<="]));
        }
    }
    Some(parts.join(" AND "))
}

fn bound(columns: &[ColumnDef], end: &End, [open, closed]: [&str; 2]) -> Option<String> {
    let (values, included) = end.as_ref()?;
    let op = if *included { closed } else { open };
    let columns: Vec<&ColumnDef> = columns.iter().take(values.len()).collect();
    let values: Vec<String> = columns.iter().zip(values).map(|(c, v)| literal(&c.ty, v)).collect();
    let names: Vec<String> = columns.iter().map(|c| name(&c.name)).collect();
    Some(match (names.as_slice(), values.as_slice()) {
        ([name], [value]) => format!("{name} {op} {value}"),
        _ => format!("({}) {op} ({})", names.join(", "), values.join(", ")),
    })
}
