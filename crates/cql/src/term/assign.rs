//! Which term may stand for which type (`AssignmentTestable`).

use helenus_cql_syntax::{Literal, NativeType, Term};
use helenus_types::Type;

use crate::assignability::{Assignability, is_value_of, of_type};
use crate::error::{CqlResult, refuse};
use crate::functions::{self, Argument, Caller};
use crate::scope::Scope;
use crate::spec::ColumnSpec;

use super::text;

/// How well the term suits the receiver (`testAssignment`).
pub(crate) fn assignment(scope: &Scope<'_>, term: &Term, receiver: &ColumnSpec) -> CqlResult<Assignability> {
    let ty = &receiver.ty;
    Ok(match (term, ty) {
        (Term::Null, Type::Counter) => Assignability::None,
        (Term::Null | Term::Marker(_), _) => Assignability::Weak,
        (Term::Literal(literal), _) => of_literal(literal, ty),
        (Term::TypeHint { cql_type, .. }, _) => {
            of_type(&scope.resolve_type(&receiver.keyspace, cql_type)?, ty)
        }
        (Term::List(terms), Type::List { element, .. } | Type::Vector { element, .. })
        | (Term::Set(terms), Type::Set { element, .. }) => of_each(scope, terms, &receiver.value(element))?,
        (Term::Set(terms), Type::Map { .. }) if terms.is_empty() => Assignability::Weak,
        (Term::Map(entries), Type::Map { entry, .. }) => {
            let (key_spec, value_spec) = (receiver.key(&entry.0), receiver.value(&entry.1));
            if entries.is_empty() {
                return Ok(Assignability::Weak);
            }
            let both = entries.iter().flat_map(|(key, value)| [(key, &key_spec), (value, &value_spec)]);
            Assignability::all(both.map(|(term, spec)| assignment(scope, term, spec)))?
        }
        (Term::Tuple(_), Type::Tuple(_)) | (Term::Udt(_), Type::Udt { .. }) => {
            if check_elements(scope, term, receiver).is_ok() {
                Assignability::Weak
            } else {
                Assignability::None
            }
        }
        (Term::Tuple(terms), _) => match terms.as_slice() {
            [term] => assignment(scope, term, receiver)?,
            _ => Assignability::None,
        },
        (Term::Function { .. } | Term::Negation(_) | Term::Binary { .. } | Term::Cast { .. }, _) => {
            call_assignment(scope, term, receiver)
        }
        _ => Assignability::None,
    })
}

/// Which type the term may have, if that is known (`getCompatibleTypeIfKnown`).
pub(crate) fn compatible_type(scope: &Scope<'_>, term: &Term) -> CqlResult<Option<Type>> {
    Ok(match term {
        Term::Literal(literal) => Some(functions::preferred_type(literal)),
        Term::TypeHint { cql_type, .. } => {
            let ty = scope.resolve_type(scope.keyspace.unwrap_or_default(), cql_type)?;
            Some(ty.freeze())
        }
        Term::Cast { to, .. } => Some(NativeType::ty(*to)),
        Term::Function { .. } | Term::Negation(_) | Term::Binary { .. } => call_type(scope, term)?,
        Term::List(terms) => first_type(scope, terms)?.map(|element| Type::list(element).freeze()),
        Term::Set(terms) => first_type(scope, terms)?.map(|element| Type::set(element).freeze()),
        Term::Map(entries) => {
            let (keys, values): (Vec<_>, Vec<_>) = entries.iter().cloned().unzip();
            let key = first_type(scope, &keys)?;
            key.zip(first_type(scope, &values)?).map(|(key, value)| Type::map(key, value).freeze())
        }
        Term::Tuple(terms) => {
            let types = terms.iter().map(|term| compatible_type(scope, term));
            types.collect::<CqlResult<Option<Vec<_>>>>()?.map(Type::tuple)
        }
        _ => None,
    })
}

/// The type that all of the terms may have (`Lists.getPreferredCompatibleType`).
fn first_type(scope: &Scope<'_>, terms: &[Term]) -> CqlResult<Option<Type>> {
    let types = terms.iter().map(|term| compatible_type(scope, term)).collect::<CqlResult<Vec<_>>>()?;
    let known: Vec<Type> = types.into_iter().flatten().collect();
    let fits_all = |wanted: &&Type| known.iter().all(|ty| is_value_of(ty, wanted));
    Ok(known.iter().find(fits_all).cloned())
}

fn of_each(scope: &Scope<'_>, terms: &[Term], element: &ColumnSpec) -> CqlResult<Assignability> {
    if terms.is_empty() {
        return Ok(Assignability::Weak);
    }
    Assignability::all(terms.iter().map(|term| assignment(scope, term, element)))
}

/// A constant (`Constants.Literal.testAssignment`): exact for the type that it prefers.
fn of_literal(literal: &Literal, ty: &Type) -> Assignability {
    let preferred = functions::preferred_type(literal) == *ty;
    let takes = match literal {
        Literal::String(_) => ty.is_quoted(),
        Literal::Integer(_) => matches!(
            ty,
            Type::BigInt
                | Type::Counter
                | Type::Date
                | Type::Decimal
                | Type::Double
                | Type::Duration
                | Type::Float
                | Type::Int
                | Type::SmallInt
                | Type::Time
                | Type::Timestamp
                | Type::TinyInt
                | Type::Varint
        ),
        Literal::Float(_) => matches!(ty, Type::Decimal | Type::Float | Type::Double),
        Literal::Boolean(_) => *ty == Type::Boolean,
        Literal::Uuid(_) => matches!(ty, Type::Uuid | Type::TimeUuid),
        Literal::Blob(_) | Literal::OddBlob(_) => *ty == Type::Blob,
        Literal::Duration(_) => *ty == Type::Duration,
    };
    // Whatever stands for a tuple's value is read as its text.
    let is_text = matches!(ty, Type::Tuple(_));
    match (preferred, takes || is_text || ty.is_opaque()) {
        (true, _) => Assignability::Exact,
        (false, true) => Assignability::Weak,
        (false, false) => Assignability::None,
    }
}

/// Refuses the elements of a literal that are none of the receiver's (`validateAssignableTo`).
#[expect(clippy::too_many_lines, reason = "one arm for each kind of literal, each with its own words")]
pub(crate) fn check_elements(scope: &Scope<'_>, term: &Term, receiver: &ColumnSpec) -> CqlResult<()> {
    let (name, ty) = (&receiver.name, &receiver.ty);
    let fits = |term: &Term, spec: &ColumnSpec| -> CqlResult<bool> {
        Ok(assignment(scope, term, spec)? != Assignability::None)
    };
    match (term, ty) {
        (Term::List(terms), Type::List { element, .. }) | (Term::Set(terms), Type::Set { element, .. }) => {
            let kind = if matches!(term, Term::List(_)) { "list" } else { "set" };
            let element = receiver.value(element);
            for term in terms {
                if !fits(term, &element)? {
                    return refuse(format!(
                        "Invalid {kind} literal for {name}: value {} is not of type {}",
                        text(term),
                        element.ty
                    ));
                }
            }
        }
        (Term::Map(entries), Type::Map { entry, .. }) => {
            let (key_spec, value_spec) = (receiver.key(&entry.0), receiver.value(&entry.1));
            for (key, value) in entries {
                if !fits(key, &key_spec)? {
                    return refuse(format!(
                        "Invalid map literal for {name}: key {} is not of type {}",
                        text(key),
                        key_spec.ty
                    ));
                }
                if !fits(value, &value_spec)? {
                    return refuse(format!(
                        "Invalid map literal for {name}: value {} is not of type {}",
                        text(value),
                        value_spec.ty
                    ));
                }
            }
        }
        (Term::List(terms), Type::Vector { element, dimension }) => {
            if u32::try_from(terms.len()) != Ok(*dimension) {
                return refuse(format!(
                    "Invalid vector literal for {name} of type {ty}; expected {dimension} elements, but given {}",
                    terms.len()
                ));
            }
            let element = receiver.value(element);
            for term in terms {
                if !fits(term, &element)? {
                    return refuse(format!(
                        "Invalid vector literal for {name}: value {} is not of type {}",
                        text(term),
                        element.ty
                    ));
                }
            }
        }
        (Term::Tuple(terms), Type::Tuple(fields)) => {
            if terms.len() > fields.len() {
                return refuse(format!(
                    "Invalid tuple literal for {name}: too many elements. Type {ty} expects {} but got {}",
                    fields.len(),
                    terms.len()
                ));
            }
            for (index, (term, ty)) in terms.iter().zip(fields.iter()).enumerate() {
                if !fits(term, &receiver.component(index, ty))? {
                    return refuse(format!(
                        "Invalid tuple literal for {name}: component {index} is not of type {ty}"
                    ));
                }
            }
        }
        (Term::Udt(given), Type::Udt { definition, .. }) => {
            for (field, ty) in &definition.fields {
                let term = given.iter().rev().find(|(name, _)| *name == field.as_str()).map(|(_, term)| term);
                if let Some(term) = term
                    && !fits(term, &receiver.field(field, ty))?
                {
                    return refuse(format!(
                        "Invalid user type literal for {name}: field {field} is not of type {ty}"
                    ));
                }
            }
            let is_known = |name: &str| definition.fields.iter().any(|(field, _)| field == name);
            if let Some((field, _)) = given.iter().find(|(field, _)| !is_known(field.as_str())) {
                let (field, ty) = (field.as_str(), &definition.name);
                return refuse(format!("Unknown field '{field}' in value of user defined type {ty}"));
            }
        }
        (Term::List(_), _) => {
            return refuse(format!("Unexpected receiver type '{ty}'; only list and vector are expected"));
        }
        _ => {
            let kind = match term {
                Term::Set(_) => "set",
                Term::Map(_) => "map",
                Term::Tuple(_) => "tuple type",
                _ => "user type",
            };
            return refuse(format!("Invalid {kind} literal for {name} of type {ty}"));
        }
    }
    Ok(())
}

/// How well a call's result suits a receiver (`FunctionCall.Raw.testAssignment`).
fn call_assignment(scope: &Scope<'_>, term: &Term, receiver: &ColumnSpec) -> Assignability {
    let call = std::ptr::from_ref(term).addr();
    if let Some(known) = scope.resolutions.borrow().assignment(call, receiver) {
        return known;
    }
    let found = assignment_of_call(scope, term, receiver);
    scope.resolutions.borrow_mut().note_assignment(call, receiver, found);
    found
}

fn assignment_of_call(scope: &Scope<'_>, term: &Term, receiver: &ColumnSpec) -> Assignability {
    let Some((name, terms)) = functions::call_of(term) else { return Assignability::None };
    let caller = Caller { table: Some((&receiver.keyspace, &receiver.table)), receiver: Some(&receiver.ty) };
    match functions::resolve(scope, &name, &as_arguments(&terms), caller) {
        Ok(Some(function)) if function.is_made => Assignability::Weak,
        Ok(Some(function)) => of_type(&function.result, &receiver.ty),
        // There comes a better error when the call itself is prepared.
        Ok(None) | Err(_) => Assignability::Weak,
    }
}

/// The type of a call's, an operation's or a cast's result, if only one overload takes its
/// arguments (`FunctionCall.Raw.getExactTypeIfKnown`).
fn call_type(scope: &Scope<'_>, term: &Term) -> CqlResult<Option<Type>> {
    let call = std::ptr::from_ref(term).addr();
    if let Some(known) = scope.resolutions.borrow().compatible_type(call) {
        return known;
    }
    let found = type_of_call(scope, term);
    scope.resolutions.borrow_mut().note_compatible_type(call, &found);
    found
}

fn type_of_call(scope: &Scope<'_>, term: &Term) -> CqlResult<Option<Type>> {
    let Some((name, terms)) = functions::call_of(term) else { return Ok(None) };
    let caller = Caller { table: None, receiver: None };
    let function = functions::resolve(scope, &name, &as_arguments(&terms), caller)?;
    Ok(function.map(|function| function.result.clone()))
}

/// Terms as the arguments of a call.
pub(super) fn as_arguments<'t>(terms: &[&'t Term]) -> Vec<&'t dyn Argument> {
    terms.iter().map(|term| *term as &dyn Argument).collect()
}

impl Argument for Term {
    fn assignment(&self, scope: &Scope<'_>, receiver: &ColumnSpec) -> CqlResult<Assignability> {
        assignment(scope, self, receiver)
    }

    fn compatible_type(&self, scope: &Scope<'_>) -> CqlResult<Option<Type>> {
        compatible_type(scope, self)
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn is_marker(&self) -> bool {
        matches!(self, Self::Marker(_))
    }
}
