//! Terms: their types against a receiver, and their bytes (`cql3/terms`).
//!
//! Three questions are asked of a term. May it stand for that receiver ([`assignment`],
//! `AssignmentTestable`)? Which type has it by itself ([`exact_type`])? What is it, prepared for
//! that receiver ([`prepare`]), and executed ([`Expr::evaluate`])?

mod assign;
mod bytes;
mod expr;
mod text;

pub(crate) use assign::{assignment, compatible_type};
pub(crate) use expr::{Expr, check_each, has_order};
pub(crate) use text::text;

use helenus_cql_syntax::{Identifier, InValues, IntValue, Literal, Term};
use helenus_types::Type;

use crate::assignability::{Assignability, is_value_of};
use crate::error::{CqlResult, refuse};
use crate::functions::{self, Caller};
use crate::scope::Scope;
use crate::spec::ColumnSpec;

/// A term as the value of its receiver (`Term.Raw.prepare`); its markers are noted.
pub(crate) fn prepare(scope: &mut Scope<'_>, term: &Term, receiver: &ColumnSpec) -> CqlResult<Expr> {
    if let (Term::Literal(Literal::String(text)), Type::Timestamp) = (term, &receiver.ty)
        && text.eq_ignore_ascii_case("now")
    {
        return Ok(Expr::Now);
    }
    if is_literal(term) {
        let mut bytes = Vec::new();
        let some = term.encode(&receiver.name, &receiver.ty, &mut bytes)?;
        return Ok(Expr::Constant(some.then_some(bytes)));
    }
    match term {
        Term::Null if receiver.ty == Type::Counter => {
            refuse("Invalid null value for counter increment/decrement")
        }
        Term::Marker(marker) => {
            scope.markers.note(marker, receiver);
            Ok(Expr::Marker { index: marker.index, spec: receiver.clone() })
        }
        Term::TypeHint { cql_type, term: inner } => {
            let ty = scope.resolve_type(&receiver.keyspace, cql_type)?;
            let hinted = receiver.other(term.to_string(), &ty);
            if assignment(scope, inner, &hinted)? == Assignability::None {
                return refuse(format!("Cannot cast value {} to type {}", text(inner), ty.cql_name()));
            }
            if !is_value_of(&ty, &receiver.ty) || ty.is_multi_cell() != receiver.ty.is_multi_cell() {
                return refuse(format!(
                    "Cannot assign value ({}){} to {} of type {}",
                    cql_type.in_keyspace(&Identifier::exact(&*receiver.keyspace)),
                    text(inner),
                    receiver.name,
                    receiver.ty
                ));
            }
            prepare(scope, inner, receiver)
        }
        Term::List(_) | Term::Set(_) | Term::Map(_) | Term::Tuple(_) | Term::Udt(_) => {
            prepare_elements(scope, term, receiver)
        }
        Term::Function { .. } | Term::Negation(_) | Term::Binary { .. } | Term::Cast { .. } => {
            prepare_call(scope, term, receiver)
        }
        _ => refuse(format!("{term} is not a value")),
    }
}

/// The values after `IN`: one expression for each, or one for all of them.
pub(crate) enum InExpr {
    /// `IN (a, b)`
    Each(Vec<Expr>),
    /// `IN ?`
    All(Expr),
}

/// The operand of `IN`.
pub(crate) fn prepare_in(
    scope: &mut Scope<'_>,
    values: &InValues,
    receiver: &ColumnSpec,
) -> CqlResult<InExpr> {
    match values {
        InValues::List(terms) => {
            let each = terms.iter().map(|term| prepare(scope, term, receiver));
            Ok(InExpr::Each(each.collect::<CqlResult<_>>()?))
        }
        InValues::Marker(marker) => {
            let list = Type::list(receiver.ty.clone()).freeze();
            let receiver = receiver.other(format!("in({})", receiver.name), &list);
            prepare(scope, &Term::Marker(marker.clone()), &receiver).map(InExpr::All)
        }
    }
}

/// A number or marker where nothing else may stand: `[limit]`, `[timestamp]`.
pub(crate) fn prepare_int(scope: &mut Scope<'_>, value: &IntValue, receiver: &ColumnSpec) -> CqlResult<Expr> {
    let term = match value {
        IntValue::Literal(number) => Term::Literal(Literal::Integer(number.clone())),
        IntValue::Marker(marker) => Term::Marker(marker.clone()),
    };
    prepare(scope, &term, receiver)
}

/// Whether nothing in the term has to be evaluated.
pub(crate) fn is_literal(term: &Term) -> bool {
    match term {
        Term::Literal(_) | Term::Null => true,
        Term::List(terms) | Term::Set(terms) | Term::Tuple(terms) => terms.iter().all(is_literal),
        Term::Map(entries) => entries.iter().all(|(key, value)| is_literal(key) && is_literal(value)),
        Term::Udt(fields) => fields.iter().all(|(_, value)| is_literal(value)),
        _ => false,
    }
}

/// A collection, tuple or user type of which something has to be evaluated.
fn prepare_elements(scope: &mut Scope<'_>, term: &Term, receiver: &ColumnSpec) -> CqlResult<Expr> {
    assign::check_elements(scope, term, receiver)?;
    let ty = receiver.ty.clone();
    let parts = match (term, &ty) {
        (Term::List(terms), Type::List { element, .. } | Type::Vector { element, .. })
        | (Term::Set(terms), Type::Set { element, .. }) => {
            let element = receiver.value(element);
            terms.iter().map(|term| prepare(scope, term, &element)).collect::<CqlResult<_>>()?
        }
        (Term::Map(entries), Type::Map { entry, .. }) => {
            let (key_spec, value_spec) = (receiver.key(&entry.0), receiver.value(&entry.1));
            let mut parts = Vec::with_capacity(entries.len() * 2);
            for (key, value) in entries {
                parts.push(prepare(scope, key, &key_spec)?);
                parts.push(prepare(scope, value, &value_spec)?);
            }
            parts
        }
        (Term::Tuple(terms), _) => {
            let fields = terms.iter().zip(ty.children()).enumerate();
            fields
                .map(|(index, (term, ty))| prepare(scope, term, &receiver.component(index, ty)))
                .collect::<CqlResult<_>>()?
        }
        (Term::Udt(given), Type::Udt { definition, .. }) => {
            let mut parts = Vec::with_capacity(definition.fields.len());
            for (field, ty) in &definition.fields {
                let term = given.iter().rev().find(|(name, _)| *name == field.as_str()).map(|(_, term)| term);
                parts.push(prepare(scope, term.unwrap_or(&Term::Null), &receiver.field(field, ty))?);
            }
            parts
        }
        _ => return refuse(format!("{term} is not a value of {}", receiver.ty)),
    };
    if parts.iter().any(Expr::has_marker) {
        let kind = match ty {
            Type::List { .. } => "list",
            Type::Set { .. } => "set",
            Type::Map { .. } => "map",
            _ => return Ok(Expr::Elements { spec: receiver.clone(), parts }),
        };
        return refuse(format!(
            "Invalid {kind} literal for {}: bind variables are not supported inside collection literals",
            receiver.name
        ));
    }
    Ok(Expr::Elements { spec: receiver.clone(), parts })
}

/// A call, an operation or a cast as the value of its receiver (`FunctionCall.Raw.prepare`).
fn prepare_call(scope: &mut Scope<'_>, term: &Term, receiver: &ColumnSpec) -> CqlResult<Expr> {
    let Some((name, terms)) = functions::call_of(term) else {
        return refuse(format!("{term} is not a value"));
    };
    let caller = Caller { table: Some((&receiver.keyspace, &receiver.table)), receiver: Some(&receiver.ty) };
    let Some(function) = functions::resolve(scope, &name, &assign::as_arguments(&terms), caller)? else {
        return refuse(format!("Unknown function {name} called"));
    };
    if function.is_aggregate() {
        return refuse("Aggregation function are not supported in the where clause");
    }
    if !is_value_of(&function.result, &receiver.ty) {
        let what = match functions::operator_of(&function.name) {
            Some(sign) => format!("operation {sign}"),
            None => format!("function {}", function.full_name()),
        };
        return refuse(format!(
            "Type error: cannot assign result of {what} (type {}) to {} (type {})",
            function.result.cql_name(),
            receiver.name,
            receiver.ty.cql_name()
        ));
    }
    if function.arguments.len() != terms.len() {
        return refuse(format!(
            "Incorrect number of arguments specified for function {} (expected {}, found {})",
            function.full_name(),
            function.arguments.len(),
            terms.len()
        ));
    }
    let mut arguments = Vec::with_capacity(terms.len());
    for (index, term) in terms.iter().enumerate() {
        let spec = functions::argument_spec(&function, index, caller);
        arguments.push(prepare(scope, term, &spec)?);
    }
    Ok(Expr::Call { function, arguments })
}
