//! Writes through the engine's API.

use std::ops::Bound;

use helenus::{
    Batch, ColumnDef, Conditional, Delete, EncodeValue, Insert, Op, Outcome, Serialized, Table, TableSchema,
    Type, Update, parse_literal,
};

use crate::Result;
use crate::cql::{field_type, type_of};
use crate::write::{Change, Condition, EMPTY, End, Kind, NULL, Range, Write};

/// Carries it out; whether its conditions held, if it has some.
pub(crate) fn execute(table: &Table, write: &Write) -> Result<Option<bool>> {
    if write.conditions.is_empty() {
        match statement(table, write)? {
            Statement::Insert(insert) => insert.execute()?,
            Statement::Update(update) => update.execute()?,
            Statement::Delete(delete) => delete.execute()?,
        }
        return Ok(None);
    }
    let mut conditional: Option<Conditional<'_>> = None;
    for condition in &write.conditions {
        let own = match condition {
            Condition::If(column, op, value) => {
                let value = Literal::parse(of_column(&table.schema(), column)?, value)?;
                let op = operator(op)?;
                Some((*column, op, value))
            }
            Condition::Exists | Condition::NotExists => None,
        };
        conditional = Some(match (conditional, own) {
            (Some(conditional), Some((column, op, value))) => conditional.if_(column, op, value.bound()),
            (Some(_), None) => return Err("a write has one condition of existence at most".into()),
            (None, own) => match (statement(table, write)?, own) {
                (Statement::Insert(insert), None) => insert.if_not_exists(),
                (Statement::Insert(_), Some(_)) => return Err("INSERT can't compare".into()),
                (Statement::Update(update), None) => update.if_exists(),
                (Statement::Update(update), Some((column, op, value))) => {
                    update.if_(column, op, value.bound())
                }
                (Statement::Delete(delete), None) => delete.if_exists(),
                (Statement::Delete(delete), Some((column, op, value))) => {
                    delete.if_(column, op, value.bound())
                }
            },
        });
    }
    let outcome = conditional.map(Conditional::execute).transpose()?;
    Ok(outcome.as_ref().map(Outcome::is_applied))
}

/// Adds it to a batch.
pub(crate) fn add_to(table: &Table, write: &Write, batch: &mut Batch) -> Result<()> {
    match statement(table, write)? {
        Statement::Insert(insert) => insert.add_to(batch)?,
        Statement::Update(update) => update.add_to(batch)?,
        Statement::Delete(delete) => delete.add_to(batch)?,
    }
    Ok(())
}

enum Statement<'t> {
    Insert(Insert<'t>),
    Update(Update<'t>),
    Delete(Delete<'t>),
}

/// A value's bytes; `None` is null.
struct Literal(Option<Vec<u8>>);

impl Literal {
    fn parse(ty: &Type, text: &str) -> Result<Self> {
        match text {
            NULL => Ok(Self(None)),
            EMPTY => Ok(Self(Some(Vec::new()))),
            _ => Ok(Self(Some(parse_literal(ty, text).map_err(|e| format!("{text:.80}: {e}"))?))),
        }
    }

    fn bound(&self) -> Option<Serialized<'_>> {
        self.0.as_deref().map(Serialized)
    }
}

fn literals(columns: &[ColumnDef], texts: &[String]) -> Result<Vec<Literal>> {
    columns.iter().zip(texts).map(|(column, text)| Literal::parse(&column.ty, text)).collect()
}

/// Shows literals as the values of a key.
fn with_key<R>(literals: &[Literal], f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
    let values: Vec<Option<Serialized<'_>>> = literals.iter().map(Literal::bound).collect();
    let values: Vec<&dyn EncodeValue> = values.iter().map(|value| value as &dyn EncodeValue).collect();
    f(&values)
}

fn statement<'t>(table: &'t Table, write: &Write) -> Result<Statement<'t>> {
    let schema = table.schema();
    let key = literals(schema.partition_key(), &write.key)?;
    let clustering = literals(schema.clustering(), &write.clustering)?;
    with_key(&key, |key| {
        with_key(&clustering, |clustering| {
            Ok(match write.kind {
                Kind::Insert => Statement::Insert(insert(&schema, write, table.insert(key, clustering))?),
                Kind::Update => Statement::Update(update(&schema, write, table.update(key, clustering))?),
                Kind::Delete => {
                    let alone = write.changes.is_empty() && write.range.is_none();
                    let begun = match alone && write.clustering.is_empty() {
                        true => table.delete_partition(key),
                        false => table.delete(key, clustering),
                    };
                    Statement::Delete(delete(&schema, write, begun)?)
                }
            })
        })
    })
}

fn insert<'t>(schema: &TableSchema, write: &Write, mut insert: Insert<'t>) -> Result<Insert<'t>> {
    for (column, change) in &write.changes {
        let Change::Set(value) = change else { return Err("INSERT sets whole columns".into()) };
        let value = Literal::parse(of_column(schema, column)?, value)?;
        insert = insert.set(column, value.bound());
    }
    if let Some(timestamp) = write.timestamp {
        insert = insert.timestamp(timestamp);
    }
    if let Some(ttl) = write.ttl {
        insert = insert.ttl(ttl);
    }
    Ok(insert)
}

fn update<'t>(schema: &TableSchema, write: &Write, mut update: Update<'t>) -> Result<Update<'t>> {
    for (column, change) in &write.changes {
        let ty = of_column(schema, column)?;
        // A set's or a list's elements, a map's keys, a map's values.
        let element = |text: &str| Literal::parse(ty.element().ok_or("it has no elements")?, text);
        let path = |text: &str| Literal::parse(ty.key().or(ty.element()).ok_or("it has no keys")?, text);
        let entry = |text: &str| Literal::parse(ty.value().ok_or("it has no values")?, text);
        update = match change {
            Change::Set(value) => update.set(column, Literal::parse(ty, value)?.bound()),
            Change::AddToSet(value) => update.add_to_set(column, element(value)?.bound()),
            Change::RemoveFromSet(value) => update.remove_from_set(column, element(value)?.bound()),
            Change::Put(key, value) => update.put(column, path(key)?.bound(), entry(value)?.bound()),
            Change::RemoveKey(key) => update.remove_key(column, path(key)?.bound()),
            Change::Append(value) => update.append(column, element(value)?.bound()),
            Change::Prepend(value) => update.prepend(column, element(value)?.bound()),
            Change::SetAt(index, value) => update.set_at(column, *index, element(value)?.bound()),
            Change::RemoveAt(index) => update.remove_at(column, *index),
            Change::RemoveValue(value) => update.remove_value(column, element(value)?.bound()),
            Change::SetField(field, value) => {
                let ty = field_type(ty, field).ok_or("it has no such field")?;
                update.set_field(column, field, Literal::parse(ty, value)?.bound())
            }
            Change::Increment(delta) => update.increment(column, *delta),
            Change::Clear => return Err("UPDATE sets columns".into()),
        };
    }
    if let Some(timestamp) = write.timestamp {
        update = update.timestamp(timestamp);
    }
    if let Some(ttl) = write.ttl {
        update = update.ttl(ttl);
    }
    Ok(update)
}

fn delete<'t>(schema: &TableSchema, write: &Write, mut delete: Delete<'t>) -> Result<Delete<'t>> {
    for (column, change) in &write.changes {
        let ty = of_column(schema, column)?;
        delete = match change {
            Change::Clear => delete.column(column),
            Change::RemoveKey(key) | Change::RemoveFromSet(key) => {
                let ty = ty.key().or(ty.element()).ok_or("it has no elements")?;
                delete.element(column, Literal::parse(ty, key)?.bound())
            }
            Change::RemoveAt(index) => delete.element_at(column, *index),
            Change::SetField(field, _) => delete.field(column, field),
            _ => return Err("DELETE removes columns and elements".into()),
        };
    }
    if let Some(range) = &write.range {
        delete = ranged(schema, range, delete)?;
    }
    Ok(match write.timestamp {
        Some(timestamp) => delete.timestamp(timestamp),
        None => delete,
    })
}

fn ranged<'t>(schema: &TableSchema, range: &Range, delete: Delete<'t>) -> Result<Delete<'t>> {
    let (from, to) = match range {
        Range::ByOrder { from, to } => (from.clone(), to.clone()),
        Range::ByValue { prefix, lower, upper } => {
            let behind = |end: &End| {
                let (values, included) = match end {
                    Some((values, included)) => (values.as_slice(), *included),
                    None => (&[][..], true),
                };
                let all: Vec<String> = prefix.iter().chain(values).cloned().collect();
                (!all.is_empty()).then_some((all, included))
            };
            let is_reversed = schema.clustering().get(prefix.len()).is_some_and(|c| c.ty.is_reversed());
            let (lower, upper) = (behind(lower), behind(upper));
            if is_reversed { (upper, lower) } else { (lower, upper) }
        }
    };
    let delete = with_end(schema, &from, delete, |delete, end| delete.from(end))?;
    let delete = with_end(schema, &to, delete, |delete, end| delete.to(end))?;
    Ok(delete.rows())
}

fn with_end<'t>(
    schema: &TableSchema,
    end: &End,
    delete: Delete<'t>,
    f: impl FnOnce(Delete<'t>, Bound<&[&dyn EncodeValue]>) -> Delete<'t>,
) -> Result<Delete<'t>> {
    let Some((values, included)) = end else { return Ok(delete) };
    let values = literals(schema.clustering(), values)?;
    Ok(with_key(&values, |values| {
        f(delete, if *included { Bound::Included(values) } else { Bound::Excluded(values) })
    }))
}

fn of_column<'s>(schema: &'s TableSchema, column: &str) -> Result<&'s Type> {
    type_of(schema, column).ok_or_else(|| format!("there is no column {column}").into())
}

fn operator(text: &str) -> Result<Op> {
    Ok(match text {
        "=" => Op::Eq,
        "!=" => Op::Ne,
        "<" => Op::Lt,
        "<=" => Op::Le,
        ">" => Op::Gt,
        ">=" => Op::Ge,
        _ => return Err(format!("{text} is no operator").into()),
    })
}
