//! What overloads are chosen by (`AssignmentTestable`).

use std::sync::Arc;

use helenus_cql_syntax::Literal;
use helenus_types::{Scalar, Type};
use num_bigint::BigInt;

use crate::assignability::Assignability;
use crate::error::CqlResult;
use crate::scope::Scope;
use crate::spec::ColumnSpec;

/// An argument of a call: a term, or something that is selected.
pub(crate) trait Argument {
    /// How well it suits the receiver.
    fn assignment(&self, scope: &Scope<'_>, receiver: &ColumnSpec) -> CqlResult<Assignability>;

    /// A type that it can have, if one is known (`getCompatibleTypeIfKnown`).
    fn compatible_type(&self, scope: &Scope<'_>) -> CqlResult<Option<Type>>;

    /// Its text in errors.
    fn text(&self) -> String;

    /// Whether it is a bind marker.
    fn is_marker(&self) -> bool {
        false
    }

    /// The number of elements, if it is a list or a vector that is selected.
    fn selected_elements(&self) -> Option<usize> {
        None
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// Keyspace and table of the statement.
    pub(crate) table: Option<(&'a Arc<str>, &'a Arc<str>)>,
    /// The type that the result is for.
    pub(crate) receiver: Option<&'a Type>,
}

/// The type that a constant has where nothing says another (`getPreferedTypeFor`).
pub(crate) fn preferred_type(literal: &Literal) -> Type {
    match literal {
        Literal::String(text) => {
            if text.is_ascii() {
                Type::Ascii
            } else {
                Type::Text
            }
        }
        Literal::Integer(digits) => match digits.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => Type::Int,
            Ok(_) => Type::BigInt,
            Err(_) => Type::Varint,
        },
        Literal::Float(digits) => {
            if is_double(digits) {
                Type::Double
            } else {
                Type::Decimal
            }
        }
        Literal::Boolean(_) => Type::Boolean,
        Literal::Uuid(uuid) => {
            if (uuid >> 76) & 0xF == 1 {
                Type::TimeUuid
            } else {
                Type::Uuid
            }
        }
        // As in Cassandra, whose hexadecimal constants prefer a single byte's type.
        Literal::Blob(_) | Literal::OddBlob(_) => Type::TinyInt,
        Literal::Duration(_) => Type::Duration,
    }
}

/// Whether a double says the number exactly, as far as its shortest text goes.
fn is_double(digits: &str) -> bool {
    let Ok(number) = digits.parse::<f64>() else { return true };
    if !number.is_finite() {
        return !digits.starts_with(|c: char| c.is_ascii_digit() || c == '-') || digits.contains("Inf");
    }
    let mut shortest = String::new();
    Scalar::Double(number).push(&mut shortest);
    normalized(digits).is_some() && normalized(digits) == normalized(&shortest)
}

/// The digits without zeros at their ends, and the exponent.
fn normalized(text: &str) -> Option<(BigInt, i64)> {
    let decimal: helenus_types::Decimal = text.parse().ok()?;
    let mut unscaled = BigInt::from_signed_bytes_be(&decimal.unscaled.to_be_bytes());
    let mut scale = i64::from(decimal.scale);
    let zero = BigInt::from(0);
    if unscaled == zero {
        return Some((zero, 0));
    }
    while &unscaled % 10 == zero {
        unscaled /= 10;
        scale -= 1;
    }
    Some((unscaled, scale))
}
