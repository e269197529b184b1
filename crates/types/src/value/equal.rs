//! Equality and hashes of [`Value`].

use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use super::Value;

/// The identity of a floating-point number: all NaNs are one, the zeros are two.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Null, Null) | (Empty, Empty) => true,
            (Ascii(a), Ascii(b)) | (Text(a), Text(b)) => a == b,
            (Blob(a), Blob(b)) => a == b,
            (Boolean(a), Boolean(b)) => a == b,
            (TinyInt(a), TinyInt(b)) => a == b,
            (SmallInt(a), SmallInt(b)) => a == b,
            (Int(a), Int(b)) => a == b,
            (BigInt(a), BigInt(b))
            | (Timestamp(a), Timestamp(b))
            | (Time(a), Time(b))
            | (Counter(a), Counter(b)) => a == b,
            (Varint(a), Varint(b)) => a == b,
            (Decimal(a), Decimal(b)) => a == b,
            (Float(a), Float(b)) => bits((*a).into()) == bits((*b).into()),
            (Double(a), Double(b)) => bits(*a) == bits(*b),
            (Date(a), Date(b)) => a == b,
            (Duration(a), Duration(b)) => a == b,
            (Uuid(a), Uuid(b)) | (TimeUuid(a), TimeUuid(b)) => a == b,
            (Inet(a), Inet(b)) => a == b,
            (List(a), List(b)) | (Set(a), Set(b)) | (Tuple(a), Tuple(b)) | (Vector(a), Vector(b)) => a == b,
            (Map(a), Map(b)) => a == b,
            (Udt(a), Udt(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        match self {
            Value::Null | Value::Empty => {}
            Value::Ascii(value) | Value::Text(value) => value.hash(state),
            Value::Blob(value) => value.hash(state),
            Value::Boolean(value) => value.hash(state),
            Value::TinyInt(value) => value.hash(state),
            Value::SmallInt(value) => value.hash(state),
            Value::Int(value) => value.hash(state),
            Value::BigInt(value) | Value::Timestamp(value) | Value::Time(value) | Value::Counter(value) => {
                value.hash(state);
            }
            Value::Varint(value) => value.hash(state),
            Value::Decimal(value) => value.hash(state),
            Value::Float(value) => bits((*value).into()).hash(state),
            Value::Double(value) => bits(*value).hash(state),
            Value::Date(value) => value.hash(state),
            Value::Duration(value) => value.hash(state),
            Value::Uuid(value) | Value::TimeUuid(value) => value.hash(state),
            Value::Inet(value) => value.hash(state),
            Value::List(values) | Value::Set(values) | Value::Tuple(values) | Value::Vector(values) => {
                values.hash(state);
            }
            Value::Map(entries) => entries.hash(state),
            Value::Udt(fields) => fields.hash(state),
        }
    }
}
