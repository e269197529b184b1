//! How well one thing stands for another (`AssignmentTestable.TestResult`).

use helenus_types::Type;

use crate::error::CqlResult;

/// How well a term suits a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignability {
    /// It has this very type.
    Exact,
    /// It can become one.
    Weak,
    /// It can't.
    None,
}

impl Assignability {
    /// The worst of several (`TestResult.testAll`).
    pub(crate) fn all(each: impl IntoIterator<Item = CqlResult<Self>>) -> CqlResult<Self> {
        let mut worst = Self::Exact;
        for one in each {
            match one? {
                Self::None => return Ok(Self::None),
                Self::Weak => worst = Self::Weak,
                Self::Exact => {}
            }
        }
        Ok(worst)
    }
}

/// Whether every value of `found` is one of `wanted` (`isValueCompatibleWith`).
pub(crate) fn is_value_of(found: &Type, wanted: &Type) -> bool {
    let (found, wanted) = (found.base(), wanted.base());
    if found.freeze() == wanted.freeze() {
        return true;
    }
    match (found, wanted) {
        (Type::List { element: found, .. }, Type::List { element: wanted, .. }) => is_value_of(found, wanted),
        (Type::Set { .. }, Type::Set { .. }) => is_ordered_as(found, wanted),
        (Type::Map { entry: found, .. }, Type::Map { entry: wanted, .. }) => {
            is_ordered_as(&found.0, &wanted.0) && is_value_of(&found.1, &wanted.1)
        }
        // A tuple may have more components at its end.
        (Type::Tuple(found), Type::Tuple(wanted)) => {
            found.len() <= wanted.len()
                && found.iter().zip(wanted.iter()).all(|(found, wanted)| is_value_of(found, wanted))
        }
        _ => matches!(
            (found, wanted),
            (_, Type::Blob)
                | (Type::Ascii, Type::Text)
                | (Type::Int | Type::BigInt | Type::Timestamp, Type::Varint)
                | (Type::Int, Type::Date)
                | (Type::BigInt, Type::Timestamp | Type::Time)
                | (Type::Timestamp, Type::BigInt)
                | (Type::TimeUuid, Type::Uuid)
        ),
    }
}

/// Whether every value of `found` is one of `wanted`, and in the same order (`isCompatibleWith`).
fn is_ordered_as(found: &Type, wanted: &Type) -> bool {
    let (found, wanted) = (found.base(), wanted.base());
    if found.freeze() == wanted.freeze() {
        return true;
    }
    match (found, wanted) {
        (Type::List { element: found, .. }, Type::List { element: wanted, .. })
        | (Type::Set { element: found, .. }, Type::Set { element: wanted, .. }) => {
            is_ordered_as(found, wanted)
        }
        (Type::Map { entry: found, .. }, Type::Map { entry: wanted, .. }) => {
            is_ordered_as(&found.0, &wanted.0) && is_ordered_as(&found.1, &wanted.1)
        }
        (Type::Tuple(found), Type::Tuple(wanted)) => {
            found.len() <= wanted.len()
                && found.iter().zip(wanted.iter()).all(|(found, wanted)| is_ordered_as(found, wanted))
        }
        _ => matches!((found, wanted), (Type::Ascii, Type::Text) | (Type::Ascii | Type::Text, Type::Blob)),
    }
}

/// How well a type suits another.
pub(crate) fn of_type(found: &Type, wanted: &Type) -> Assignability {
    if found.base().freeze() == wanted.base().freeze() {
        Assignability::Exact
    } else if is_value_of(found, wanted) {
        Assignability::Weak
    } else {
        Assignability::None
    }
}
