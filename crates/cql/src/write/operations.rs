//! Operations on columns (`Operation`): what `SET` assigns and DELETE deletes, as the engine's
//! actions on places of values.

use helenus_cql_syntax::{Assignment, AssignmentOperation, DeleteTarget, Term};
use helenus_engine::Action;
use helenus_schema::TableDef;
use helenus_types::Type;

use crate::assignability::Assignability;
use crate::error::{CqlResult, refuse};
use crate::scope::{Scope, column, is_key, spec_of};
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};

/// The operands of a statement's operations and conditions, in the order in which the engine takes
/// them after the key.
#[derive(Debug, Default)]
pub(super) struct Operands {
    pub(super) exprs: Vec<Expr>,
    /// How many values of the key come before.
    pub(super) offset: usize,
}

impl Operands {
    /// Prepares an operand; the place of its value.
    pub(super) fn add(
        &mut self,
        scope: &mut Scope<'_>,
        term: &Term,
        receiver: &ColumnSpec,
    ) -> CqlResult<usize> {
        let expr = term::prepare(scope, term, receiver)?;
        Ok(self.push(expr))
    }

    /// Adds an operand; the place of its value.
    pub(super) fn push(&mut self, expr: Expr) -> usize {
        self.exprs.push(expr);
        self.offset + self.exprs.len() - 1
    }
}

/// An assignment of UPDATE.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of assignment, each with its own words")]
pub(super) fn assign(
    scope: &mut Scope<'_>,
    table: &TableDef,
    assignment: &Assignment,
    operands: &mut Operands,
) -> CqlResult<(ColumnSpec, Action)> {
    let name = &assignment.column;
    let def = column(table, name)?;
    if is_key(&def) {
        return refuse(format!("PRIMARY KEY part {name} found in SET part"));
    }
    let spec = spec_of(table, &def);
    let ty = spec.ty.clone();
    let is_counter = ty == Type::Counter;
    let action = match &assignment.operation {
        AssignmentOperation::Set(_) if is_counter => {
            return refuse(format!(
                "Cannot set the value of counter column {name} (counters can only be incremented/decremented, not set)"
            ));
        }
        AssignmentOperation::Set(value) => Action::Set(operands.add(scope, value, &spec)?),
        AssignmentOperation::Add(value) => {
            check_multi_cell(&def.ty, name.as_str(), value)?;
            check_map_operand(scope, &spec, value, &spec, ["addition", "a map"])?;
            Action::Add(operands.add(scope, value, &spec)?)
        }
        AssignmentOperation::Subtract(value) => {
            check_multi_cell(&def.ty, name.as_str(), value)?;
            let receiver = match &ty {
                Type::Map { entry, .. } => spec.other(spec.name.clone(), &Type::set(entry.0.clone())),
                _ => spec.clone(),
            };
            check_map_operand(scope, &spec, value, &receiver, ["substraction", "a set"])?;
            Action::Subtract(operands.add(scope, value, &receiver)?)
        }
        AssignmentOperation::Prepend(value) => {
            check_multi_cell(&def.ty, name.as_str(), value)?;
            Action::Prepend(operands.add(scope, value, &spec)?)
        }
        AssignmentOperation::SetElement { key, value } => match &ty {
            Type::List { element, frozen: false } => Action::SetAt {
                index: operands.add(scope, key, &spec.other(format!("idx({})", spec.name), &Type::Int))?,
                value: operands.add(scope, value, &spec.value(element))?,
            },
            Type::Map { entry, frozen: false } => Action::PutKey {
                key: operands.add(scope, key, &spec.key(&entry.0))?,
                value: operands.add(scope, value, &spec.value(&entry.1))?,
            },
            ty => {
                let kind = match ty {
                    Type::Set { frozen: false, .. } => "set",
                    ty if ty.has_elements()
                        && !matches!(ty, Type::Tuple(_) | Type::Udt { .. } | Type::Vector { .. }) =>
                    {
                        "frozen collection"
                    }
                    _ => "non collection",
                };
                return refuse(format!(
                    "Invalid operation ({name}[{key}] = {value}) for {kind} column {name}"
                ));
            }
        },
        AssignmentOperation::SetField { field, value } => match &ty {
            Type::Udt { definition, frozen: false } => {
                let known = definition.fields.iter().find(|(known, _)| *field == known.as_str());
                let Some((known, ty)) = known else {
                    return refuse(format!("UDT column {name} does not have a field named {field}"));
                };
                let value = operands.add(scope, value, &spec.field(known, ty))?;
                Action::SetField { field: known.as_str().into(), value }
            }
            ty => {
                let kind = if matches!(ty, Type::Udt { .. }) { "frozen UDT" } else { "non-UDT" };
                return refuse(format!(
                    "Invalid operation ({name}.{field} = {value}) for {kind} column {name}"
                ));
            }
        },
    };
    Ok((spec, action))
}

/// A part of a row that DELETE names.
pub(super) fn delete(
    scope: &mut Scope<'_>,
    table: &TableDef,
    target: &DeleteTarget,
    operands: &mut Operands,
) -> CqlResult<(ColumnSpec, Action)> {
    let (DeleteTarget::Column(name)
    | DeleteTarget::Element { column: name, .. }
    | DeleteTarget::Field { column: name, .. }) = target;
    let def = column(table, name)?;
    if is_key(&def) {
        return refuse(format!("Invalid identifier {name} for deletion (should not be a PRIMARY KEY part)"));
    }
    let spec = spec_of(table, &def);
    let action = match (target, &spec.ty) {
        (DeleteTarget::Column(_), _) => Action::Delete,
        (DeleteTarget::Element { key, .. }, Type::List { frozen: false, .. }) => Action::RemoveAt(
            operands.add(scope, key, &spec.other(format!("idx({})", spec.name), &Type::Int))?,
        ),
        (DeleteTarget::Element { key, .. }, Type::Set { element, frozen: false }) => {
            Action::RemoveKey(operands.add(scope, key, &spec.value(element))?)
        }
        (DeleteTarget::Element { key, .. }, Type::Map { entry, frozen: false }) => {
            Action::RemoveKey(operands.add(scope, key, &spec.key(&entry.0))?)
        }
        (DeleteTarget::Element { .. }, Type::List { .. } | Type::Set { .. } | Type::Map { .. }) => {
            return refuse(format!("Invalid deletion operation for frozen collection column {name}"));
        }
        (DeleteTarget::Element { .. }, _) => {
            return refuse(format!("Invalid deletion operation for non collection column {name}"));
        }
        (DeleteTarget::Field { field, .. }, Type::Udt { definition, frozen: false }) => {
            let Some((known, _)) = definition.fields.iter().find(|(known, _)| *field == known.as_str())
            else {
                return refuse(format!("UDT column {name} does not have a field named {field}"));
            };
            Action::RemoveField(known.as_str().into())
        }
        (DeleteTarget::Field { .. }, Type::Udt { .. }) => {
            return refuse(format!("Frozen UDT column {name} does not support field deletions"));
        }
        (DeleteTarget::Field { .. }, _) => {
            return refuse(format!("Invalid field deletion operation for non-UDT column {name}"));
        }
    };
    Ok((spec, action))
}

/// Refuses what can't be added to a map or taken from it.
fn check_map_operand(
    scope: &Scope<'_>,
    column: &ColumnSpec,
    value: &Term,
    receiver: &ColumnSpec,
    [what, wanted]: [&str; 2],
) -> CqlResult<()> {
    let fits = term::assignment(scope, value, receiver)? != Assignability::None;
    if matches!(column.ty, Type::Map { .. }) && !fits && !matches!(value, Term::Set(_) | Term::Map(_)) {
        return refuse(format!("Value for a map {what} has to be {wanted}, but was: '{value}'"));
    }
    Ok(())
}

/// Refuses additions to what isn't made of several cells.
fn check_multi_cell(ty: &Type, name: &str, value: &Term) -> CqlResult<()> {
    if ty.is_counter() || ty.is_multi_cell() && !matches!(ty, Type::Udt { .. }) {
        return Ok(());
    }
    if ty.has_elements() {
        refuse(format!("Invalid operation ({name} = {name} + {value}) for frozen collection column {name}"))
    } else {
        refuse(format!("Invalid operation ({name} = {name} + {value}) for non counter column {name}"))
    }
}
