//! Operations on columns (`Operation`): what `SET` assigns and DELETE deletes, as the engine's
//! actions on places of values.

use helenus_cql_syntax::{Assignment, AssignmentOperation, DeleteTarget, Identifier, Term};
use helenus_engine::Action;
use helenus_schema::TableDef;
use helenus_types::Type;

use super::operands::{Operands, Role};
use crate::error::{CqlResult, refuse};
use crate::functions;
use crate::restrictions::compares_directions;
use crate::scope::{Scope, column, is_key, spec_of};
use crate::spec::ColumnSpec;
use crate::term::text;

/// An assignment of UPDATE.
pub(super) fn assign(
    scope: &mut Scope<'_>,
    table: &TableDef,
    assignment: &Assignment,
    operands: &mut Operands,
    is_conditional: bool,
) -> CqlResult<(ColumnSpec, Action)> {
    let name = &assignment.column;
    let def = column(table, name)?;
    if is_key(&def) {
        return refuse(format!("PRIMARY KEY part {name} found in SET part"));
    }
    let spec = spec_of(table, &def);
    let mut target = AssignedColumn { scope, table, spec: &spec, operands, is_conditional };
    let action = match &assignment.operation {
        AssignmentOperation::Set(value) => target.set(value)?,
        AssignmentOperation::Add(value) => target.add(value)?,
        AssignmentOperation::Subtract(value) => target.subtract(value)?,
        AssignmentOperation::Prepend(value) => target.prepend(value)?,
        AssignmentOperation::SetElement { key, value } => target.set_element(key, value)?,
        AssignmentOperation::SetField { field, value } => target.set_field(field, value)?,
    };
    Ok((spec, action))
}

/// A value of INSERT.
pub(super) fn set(
    scope: &mut Scope<'_>,
    table: &TableDef,
    spec: &ColumnSpec,
    value: &Term,
    operands: &mut Operands,
) -> CqlResult<Action> {
    AssignedColumn { scope, table, spec, operands, is_conditional: false }.set(value)
}

/// The column that is assigned to.
struct AssignedColumn<'t, 's, 'c> {
    scope: &'s mut Scope<'c>,
    table: &'t TableDef,
    spec: &'t ColumnSpec,
    operands: &'s mut Operands,
    /// Whether the statement waits upon conditions, and so reads before it writes.
    is_conditional: bool,
}

impl AssignedColumn<'_, '_, '_> {
    fn operand(&mut self, term: &Term, receiver: &ColumnSpec, role: Role) -> CqlResult<usize> {
        self.operands.add(self.scope, term, receiver, role)
    }

    fn set(&mut self, value: &Term) -> CqlResult<Action> {
        let is_tuple = matches!(value, Term::Tuple(_));
        let is_directed =
            matches!(self.spec.ty, Type::Vector { .. }) && compares_directions(self.table, &self.spec.name);
        let role = if is_directed { Role::NonZeroVector } else { Role::Value };
        let value = self.operand(value, self.spec, role)?;
        if is_tuple && matches!(self.spec.ty, Type::Udt { frozen: false, .. }) {
            let ColumnSpec { name, ty, .. } = self.spec;
            return refuse(format!("Invalid tuple type literal for {name} of type {ty}"));
        }
        if self.spec.ty == Type::Counter {
            return refuse(format!(
                "Cannot set the value of counter column {} (counters can only be incremented/decremented, not set)",
                self.spec.name
            ));
        }
        Ok(Action::Set(value))
    }

    fn add(&mut self, value: &Term) -> CqlResult<Action> {
        if let (true, Some(with)) = (self.is_conditional, functions::addition_to(&self.spec.ty)) {
            let value = self.operand(value, self.spec, Role::Value)?;
            return Ok(Action::Combine { value, with });
        }
        self.check_counts("+", value)?;
        let role = if self.spec.ty == Type::Counter { Role::Increment } else { Role::Value };
        let operand = self.operand(value, self.spec, role);
        if matches!(self.spec.ty, Type::Map { .. }) && operand.is_err() {
            return refuse(format!("Value for a map addition has to be a map, but was: '{}'", text(value)));
        }
        operand.map(Action::Add)
    }

    fn subtract(&mut self, value: &Term) -> CqlResult<Action> {
        self.check_counts("-", value)?;
        let Type::Map { entry, .. } = &self.spec.ty else {
            let role = if self.spec.ty == Type::Counter { Role::Decrement } else { Role::Value };
            return self.operand(value, self.spec, role).map(Action::Subtract);
        };
        // What is taken from a map is a set of its keys.
        let keys = self.spec.other(self.spec.name.clone(), &Type::set(entry.0.clone()));
        match self.operand(value, &keys, Role::Value) {
            Ok(operand) => Ok(Action::Subtract(operand)),
            Err(_other) => {
                refuse(format!("Value for a map substraction has to be a set, but was: '{}'", text(value)))
            }
        }
    }

    /// Refuses additions to what isn't made of several cells.
    fn check_counts(&self, sign: &str, value: &Term) -> CqlResult<()> {
        let ColumnSpec { name, ty, .. } = self.spec;
        let kind = match ty {
            Type::List { frozen: true, .. }
            | Type::Set { frozen: true, .. }
            | Type::Map { frozen: true, .. } => "frozen collection",
            Type::List { .. } | Type::Set { .. } | Type::Map { .. } | Type::Counter => return Ok(()),
            Type::Tuple(_) | Type::Udt { .. } if sign == "+" => "tuple",
            _ if sign == "+" && self.is_conditional => {
                return refuse(format!(
                    "Invalid operation ({name} = {name} + {}) for non-numeric and non-text type {name}",
                    text(value)
                ));
            }
            _ => "non counter",
        };
        refuse(format!("Invalid operation ({name} = {name} {sign} {}) for {kind} column {name}", text(value)))
    }

    fn prepend(&mut self, value: &Term) -> CqlResult<Action> {
        let operand = self.operand(value, self.spec, Role::Value)?;
        let name = &self.spec.name;
        let kind = match self.spec.ty {
            Type::List { frozen: false, .. } => return Ok(Action::Prepend(operand)),
            Type::List { .. } => "frozen list",
            _ => "non list",
        };
        refuse(format!("Invalid operation ({name} = {} - {name}) for {kind} column {name}", text(value)))
    }

    fn set_element(&mut self, key: &Term, value: &Term) -> CqlResult<Action> {
        let spec = self.spec;
        let name = &spec.name;
        let kind = match &spec.ty {
            Type::List { element, frozen: false } => {
                let index = spec.other(format!("idx({name})"), &Type::Int);
                return Ok(Action::SetAt {
                    index: self.operand(key, &index, Role::SetIndex)?,
                    value: self.operand(value, &spec.value(element), Role::Value)?,
                });
            }
            Type::Map { entry, frozen: false } => {
                return Ok(Action::PutKey {
                    key: self.operand(key, &spec.key(&entry.0), Role::MapKey)?,
                    value: self.operand(value, &spec.value(&entry.1), Role::Value)?,
                });
            }
            Type::Set { frozen: false, .. } => "set",
            Type::List { .. } | Type::Set { .. } | Type::Map { .. } => "frozen collection",
            _ => "non collection",
        };
        refuse(format!(
            "Invalid operation ({name}[{}] = {}) for {kind} column {name}",
            text(key),
            text(value)
        ))
    }

    fn set_field(&mut self, field: &Identifier, value: &Term) -> CqlResult<Action> {
        let spec = self.spec;
        let name = &spec.name;
        let Type::Udt { definition, frozen: false } = &spec.ty else {
            let kind = if matches!(spec.ty, Type::Udt { .. }) { "frozen UDT" } else { "non-UDT" };
            return refuse(format!(
                "Invalid operation ({name}.{field} = {}) for {kind} column {name}",
                text(value)
            ));
        };
        let known = definition.fields.iter().find(|(known, _)| *field == known.as_str());
        let Some((known, ty)) = known else {
            return refuse(format!("UDT column {name} does not have a field named {field}"));
        };
        let value = self.operand(value, &spec.field(known, ty), Role::Value)?;
        Ok(Action::SetField { field: known.as_str().into(), value })
    }
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
        (DeleteTarget::Element { key, .. }, Type::List { frozen: false, .. }) => {
            let index = spec.other(format!("idx({})", spec.name), &Type::Int);
            Action::RemoveAt(operands.add(scope, key, &index, Role::DeletedIndex)?)
        }
        (DeleteTarget::Element { key, .. }, Type::Set { element, frozen: false }) => {
            Action::RemoveKey(operands.add(scope, key, &spec.value(element), Role::SetElement)?)
        }
        (DeleteTarget::Element { key, .. }, Type::Map { entry, frozen: false }) => {
            Action::RemoveKey(operands.add(scope, key, &spec.key(&entry.0), Role::MapKey)?)
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
