//! What comes after IF (`cql3/conditions`), and the rows of the answer.

use std::sync::Arc;

use helenus_cql_syntax::{Comparison, InValues, Relation, RelationTarget, Term};
use helenus_engine::{Condition, Conditions, Op, Operand, Part, Value};
use helenus_rows::ColumnKind;
use helenus_schema::{TableColumn, TableDef};
use helenus_types::{EncodeValue, Type};

use super::operands::{Operands, Role};
use crate::error::{CqlResult, refuse};
use crate::response::{ResultRows, RowBuffer};
use crate::scope::{Scope, all_columns, column, has_duration, is_key, spec, spec_of};
use crate::spec::ColumnSpec;

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
    let of = spec_of(table, &def);
    if of.ty == Type::Counter {
        return refuse("Conditions on counters are not supported");
    }
    let (part, receiver) = part(scope, &target, &of, operands)?;
    check_durations(&receiver.ty, op)?;
    let receiver = match (op, &receiver.ty) {
        (Op::Contains, Type::List { element, .. } | Type::Set { element, .. }) => receiver.value(element),
        (Op::Contains, Type::Map { entry, .. }) => receiver.value(&entry.1),
        (Op::ContainsKey, Type::Map { entry, .. }) => receiver.key(&entry.0),
        (Op::Contains, _) => {
            return refuse(format!("Cannot use CONTAINS on non-collection column {}", receiver.name));
        }
        (Op::ContainsKey, _) => {
            return refuse(format!("Cannot use CONTAINS KEY on non-map column {}", receiver.name));
        }
        _ => receiver,
    };
    let operand = operand(scope, relation, op, &receiver, operands)?;
    if is_key(&def) {
        return refuse(format!("PRIMARY KEY column '{name}' cannot have IF conditions"));
    }
    Ok(Condition { column: def.name.clone(), part, op, operand })
}

/// What the relation compares with.
fn operand(
    scope: &mut Scope<'_>,
    relation: &Relation,
    op: Op,
    receiver: &ColumnSpec,
    operands: &mut Operands,
) -> CqlResult<Operand> {
    let nulls_empty = match receiver.ty {
        Type::List { frozen: false, .. } => Some("list"),
        Type::Set { frozen: false, .. } => Some("set"),
        Type::Map { frozen: false, .. } => Some("map"),
        _ => None,
    };
    let role = Role::Compared(op, nulls_empty);
    Ok(match relation {
        Relation::Comparison { value, .. }
        | Relation::Contains { value, .. }
        | Relation::ContainsKey { key: value, .. } => {
            Operand::One(operands.add(scope, value, receiver, role)?)
        }
        Relation::In { values: InValues::List(terms), .. } => {
            let each = terms.iter().map(|term| operands.add(scope, term, receiver, role));
            Operand::Several(each.collect::<CqlResult<_>>()?)
        }
        Relation::In { values: InValues::Marker(marker), .. } => {
            let list = Type::list(receiver.ty.clone()).freeze();
            let receiver = receiver.other(format!("in({})", receiver.name), &list);
            let term = Term::Marker(marker.clone());
            Operand::One(operands.add(scope, &term, &receiver, Role::ComparedList)?)
        }
        other => return refuse(format!("Unsupported condition: {other}")),
    })
}

/// Durations have no order.
fn check_durations(ty: &Type, op: Op) -> CqlResult<()> {
    if !matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge) || !has_duration(ty) {
        return Ok(());
    }
    let what = match ty {
        Type::List { .. } | Type::Set { .. } | Type::Map { .. } => "collections",
        Type::Tuple(_) => "tuples",
        Type::Udt { .. } => "UDTs",
        _ => {
            let sign = super::operands::sign(op);
            return refuse(format!("Slice conditions ( {sign} ) are not supported on durations"));
        }
    };
    refuse(format!("Slice conditions are not supported on {what} containing durations"))
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
            let place = operands.add(scope, key, &index, Role::ComparedIndex)?;
            (Part::Element(place), of.value(element))
        }
        (RelationTarget::Element { key, .. }, Type::Map { entry, .. }) => {
            let place = operands.add(scope, key, &of.key(&entry.0), Role::ComparedKey)?;
            (Part::Element(place), of.value(&entry.1))
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

/// The columns of a row that refused a write, as the answer shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of the table.
    All,
    /// Those of the conditions: the regular ones, then the static ones, in the order of the text.
    Compared(Vec<Arc<str>>),
}

impl Shown {
    /// What the refusal of these conditions shows.
    pub(super) fn of(table: &TableDef, conditions: &Conditions) -> Self {
        let Conditions::Columns(each) = conditions else { return Self::All };
        let is_static =
            |name: &str| table.column(name).is_some_and(|column| column.kind == ColumnKind::Static);
        let (statics, regulars): (Vec<_>, Vec<_>) =
            each.iter().map(|condition| condition.column.clone()).partition(|name| is_static(name));
        Self::Compared(Vec::new()).and(&Self::Compared([regulars, statics].concat()))
    }

    /// Both together, as a batch shows them.
    pub(super) fn and(&self, other: &Self) -> Self {
        let (Self::Compared(own), Self::Compared(more)) = (self, other) else { return Self::All };
        let mut all = own.clone();
        for name in more {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        Self::Compared(all)
    }

    fn columns(&self, table: &TableDef, with_key: bool) -> Vec<TableColumn> {
        let all = all_columns(table);
        match self {
            Self::All => all,
            Self::Compared(names) => {
                let keys = all.iter().filter(|column| with_key && is_key(column)).cloned();
                keys.chain(names.iter().filter_map(|name| table.column(name))).collect()
            }
        }
    }
}

/// `[applied]` alone.
pub(super) fn applied(table: &TableDef) -> ResultRows {
    let mut buffer = RowBuffer::default();
    buffer.push(Some(&[1]));
    buffer.end_row();
    ResultRows::new([spec(table, APPLIED, &Type::Boolean)].into(), buffer, None)
}

/// `[applied]` and the rows that were found; alone if there are none.
pub(super) fn refused(
    table: &TableDef,
    shown: &Shown,
    with_key: bool,
    rows: &[Vec<(Arc<str>, Value)>],
) -> CqlResult<ResultRows> {
    let mut specs = vec![spec(table, APPLIED, &Type::Boolean)];
    let mut buffer = RowBuffer::default();
    if rows.is_empty() {
        buffer.push(Some(&[0]));
        buffer.end_row();
        return Ok(ResultRows::new(specs.into(), buffer, None));
    }
    let columns = shown.columns(table, with_key);
    specs.extend(columns.iter().map(|column| spec_of(table, column)));
    for row in rows {
        buffer.push(Some(&[0]));
        for spec in specs.iter().skip(1) {
            match row.iter().find(|(name, _)| *name == spec.name) {
                Some((_, value)) => buffer.push_with(|out| value.encode(&spec.ty, out))?,
                None => buffer.push(None),
            }
        }
        buffer.end_row();
    }
    Ok(ResultRows::new(specs.into(), buffer, None))
}
