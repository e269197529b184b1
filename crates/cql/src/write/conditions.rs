//! What comes after IF (`cql3/conditions`), and the rows of the answer.

use std::sync::Arc;

use helenus_cql_syntax::{Comparison, InValues, Relation, RelationTarget, Term};
use helenus_engine::{Condition, Conditions, Op, Operand, Part, Value};
use helenus_schema::TableDef;
use helenus_types::{EncodeValue, Type};

use super::operations::Operands;
use crate::error::{CqlResult, refuse};
use crate::response::{ResultRows, RowBuffer};
use crate::scope::{Scope, column, is_key, spec, spec_of};
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// The name of the first column of the answer.
const APPLIED: &str = "[applied]";

/// The conditions of an UPDATE or DELETE.
pub(super) fn prepare(
    scope: &mut Scope<'_>,
    table: &TableDef,
    condition: Option<&helenus_cql_syntax::Condition>,
    operands: &mut Operands,
) -> CqlResult<Conditions> {
    match condition {
        None => Ok(Conditions::None),
        Some(helenus_cql_syntax::Condition::Exists) => Ok(Conditions::Exists),
        Some(helenus_cql_syntax::Condition::If(relations)) => {
            let each = relations.iter().map(|relation| one(scope, table, relation, operands));
            Ok(Conditions::Columns(each.collect::<CqlResult<_>>()?))
        }
    }
}

fn one(
    scope: &mut Scope<'_>,
    table: &TableDef,
    relation: &Relation,
    operands: &mut Operands,
) -> CqlResult<Condition> {
    let (target, op) = match relation {
        Relation::Comparison { target, operator, .. } => (target.clone(), op(*operator)),
        Relation::In { target, .. } => (target.clone(), Op::In),
        Relation::Contains { column, .. } => (RelationTarget::Column(column.clone()), Op::Contains),
        Relation::ContainsKey { column, .. } => (RelationTarget::Column(column.clone()), Op::ContainsKey),
        other => return refuse(format!("Unsupported condition: {other}")),
    };
    let (RelationTarget::Column(name)
    | RelationTarget::Element { column: name, .. }
    | RelationTarget::Field { column: name, .. }) = &target
    else {
        return refuse(format!("Unsupported condition: {relation}"));
    };
    let def = column(table, name)?;
    if is_key(&def) {
        return refuse(format!("PRIMARY KEY column '{name}' cannot have IF conditions"));
    }
    let of = spec_of(table, &def);
    let (part, receiver) = part(scope, &target, &of, operands)?;
    let receiver = match (op, &receiver.ty) {
        (Op::Contains, Type::List { element, .. } | Type::Set { element, .. }) => receiver.value(element),
        (Op::Contains, Type::Map { entry, .. }) => receiver.value(&entry.1),
        (Op::ContainsKey, Type::Map { entry, .. }) => receiver.key(&entry.0),
        (Op::Contains, _) => return refuse(format!("Cannot use CONTAINS on non-collection column {name}")),
        (Op::ContainsKey, _) => return refuse(format!("Cannot use CONTAINS KEY on non-map column {name}")),
        _ => receiver,
    };
    let operand = match relation {
        Relation::Comparison { value, .. }
        | Relation::Contains { value, .. }
        | Relation::ContainsKey { key: value, .. } => Operand::One(operands.add(scope, value, &receiver)?),
        Relation::In { values: InValues::List(terms), .. } => {
            let each = terms.iter().map(|term| operands.add(scope, term, &receiver));
            Operand::Several(each.collect::<CqlResult<_>>()?)
        }
        Relation::In { values: InValues::Marker(marker), .. } => {
            let list = Type::list(receiver.ty.clone()).freeze();
            let receiver = receiver.other(format!("in({})", receiver.name), &list);
            Operand::One(operands.add(scope, &Term::Marker(marker.clone()), &receiver)?)
        }
        other => return refuse(format!("Unsupported condition: {other}")),
    };
    Ok(Condition { column: def.name.clone(), part, op, operand })
}

/// The part of the column that is compared, and the receiver of its values.
fn part(
    scope: &mut Scope<'_>,
    target: &RelationTarget,
    of: &ColumnSpec,
    operands: &mut Operands,
) -> CqlResult<(Part, ColumnSpec)> {
    let name = &of.name;
    Ok(match (target, &of.ty) {
        (RelationTarget::Element { key, .. }, Type::List { element, .. }) => {
            let index = of.other(format!("idx({name})"), &Type::Int);
            (Part::Element(operands.add(scope, key, &index)?), of.value(element))
        }
        (RelationTarget::Element { key, .. }, Type::Map { entry, .. }) => {
            (Part::Element(operands.add(scope, key, &of.key(&entry.0))?), of.value(&entry.1))
        }
        (RelationTarget::Element { .. }, Type::Set { .. }) => {
            return refuse(format!("Invalid element access syntax for set column {name}"));
        }
        (RelationTarget::Element { .. }, _) => {
            return refuse(format!("Invalid element access syntax for non-collection column {name}"));
        }
        (RelationTarget::Field { field, .. }, Type::Udt { definition, .. }) => {
            let known = definition.fields.iter().find(|(known, _)| *field == known.as_str());
            let Some((known, ty)) = known else {
                return refuse(format!("Unknown field {field} for column {name}"));
            };
            (Part::Field(known.as_str().into()), of.field(known, ty))
        }
        (RelationTarget::Field { .. }, _) => {
            return refuse(format!("Cannot operate on field of a non-UDT column {name}"));
        }
        _ => (Part::Whole, of.clone()),
    })
}

fn op(comparison: Comparison) -> Op {
    match comparison {
        Comparison::Equal => Op::Eq,
        Comparison::NotEqual => Op::Ne,
        Comparison::Less => Op::Lt,
        Comparison::LessOrEqual => Op::Le,
        Comparison::Greater => Op::Gt,
        Comparison::GreaterOrEqual => Op::Ge,
    }
}

/// `[applied]` alone.
pub(super) fn applied(table: &TableDef) -> ResultRows {
    let mut buffer = RowBuffer::default();
    buffer.push(Some(&[1]));
    buffer.end_row();
    ResultRows::new([spec(table, APPLIED, &Type::Boolean)].into(), buffer, None)
}

/// `[applied]` and the whole row that was found, of which the key's values are known.
pub(super) fn refused_row(
    table: &TableDef,
    key: &[BoundValue],
    row: &[(Arc<str>, Value)],
) -> CqlResult<ResultRows> {
    let schema = table.schema();
    let names = schema.partition_key().iter().chain(schema.shown_clustering()).map(|column| &column.name);
    let found = |name: &Arc<str>| row.iter().any(|(known, _)| known == name);
    let keys: Vec<_> = names.zip(key).filter(|(name, _)| !found(name)).collect();
    let mut specs = vec![spec(table, APPLIED, &Type::Boolean)];
    let names = keys.iter().map(|(name, _)| *name).chain(row.iter().map(|(name, _)| name));
    specs.extend(names.filter_map(|name| table.column(name)).map(|column| spec_of(table, &column)));
    let mut buffer = RowBuffer::default();
    buffer.push(Some(&[0]));
    keys.iter().for_each(|(_, value)| buffer.push(value.bytes()));
    for ((_, value), spec) in row.iter().zip(specs.iter().skip(1 + keys.len())) {
        buffer.push_with(|out| value.encode(&spec.ty, out))?;
    }
    buffer.end_row();
    Ok(ResultRows::new(specs.into(), buffer, None))
}

/// `[applied]` and the columns that were found.
pub(super) fn refused(table: &TableDef, rows: &[Vec<(Arc<str>, Value)>]) -> CqlResult<ResultRows> {
    let mut specs = vec![spec(table, APPLIED, &Type::Boolean)];
    let names = rows.first().into_iter().flatten().map(|(name, _)| name);
    specs.extend(names.filter_map(|name| table.column(name)).map(|column| spec_of(table, &column)));
    let mut buffer = RowBuffer::default();
    for row in rows {
        buffer.push(Some(&[0]));
        for ((_, value), spec) in row.iter().zip(specs.iter().skip(1)) {
            buffer.push_with(|out| value.encode(&spec.ty, out))?;
        }
        buffer.end_row();
    }
    if rows.is_empty() {
        buffer.push(Some(&[0]));
        buffer.end_row();
    }
    Ok(ResultRows::new(specs.into(), buffer, None))
}
