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
    found.freeze() == wanted.freeze()
        || matches!(
            (found, wanted),
            (_, Type::Blob)
                | (Type::Ascii, Type::Text)
                | (Type::Int | Type::BigInt | Type::Timestamp, Type::Varint)
                | (Type::Int, Type::Date)
                | (Type::BigInt, Type::Timestamp | Type::Time)
                | (Type::Timestamp, Type::BigInt)
                | (Type::TimeUuid, Type::Uuid)
        )
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
