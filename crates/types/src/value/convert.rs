//! Values from Rust's own types and back, and constructors of those without a corresponding Rust
//! type.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use uuid::Uuid;

use super::{DecodeValue, EncodeValue, Value};
use crate::{Decimal, Duration, ValueError, Varint};

/// Rust types that correspond to one CQL type, in both directions.
macro_rules! both_ways {
    ($($rust:ty, $variant:ident;)*) => {$(
        impl From<$rust> for Value {
            fn from(value: $rust) -> Value {
                Value::$variant(value.into())
            }
        }

        impl TryFrom<Value> for $rust {
            type Error = ValueError;

            fn try_from(value: Value) -> Result<Self, ValueError> {
                match value {
                    Value::$variant(value) => Ok(value),
                    other => other.read(stringify!($rust)),
                }
            }
        }
    )*};
}

both_ways! {
    bool, Boolean;
    i8, TinyInt;
    i16, SmallInt;
    i32, Int;
    i64, BigInt;
    f32, Float;
    f64, Double;
    Uuid, Uuid;
    IpAddr, Inet;
    Varint, Varint;
    Decimal, Decimal;
    Duration, Duration;
    String, Text;
    Vec<u8>, Blob;
}

/// Types that one of [`both_ways`] is made of.
macro_rules! from_only {
    ($($rust:ty, $variant:ident;)*) => {$(
        impl From<$rust> for Value {
            fn from(value: $rust) -> Value {
                Value::$variant(value.into())
            }
        }
    )*};
}

from_only! {
    &str, Text;
    Cow<'_, str>, Text;
    Box<str>, Text;
    &String, Text;
    &[u8], Blob;
    Cow<'_, [u8]>, Blob;
    Box<[u8]>, Blob;
    Ipv4Addr, Inet;
    Ipv6Addr, Inet;
}

/// Types that a value can be read as, though none is made of them.
macro_rules! read_only {
    ($($rust:ty),*) => {$(
        impl TryFrom<Value> for $rust {
            type Error = ValueError;

            fn try_from(value: Value) -> Result<Self, ValueError> {
                value.read(stringify!($rust))
            }
        }
    )*};
}

read_only!(i128, isize, u16, u32, u64, u128, usize, Ipv4Addr, Ipv6Addr, SystemTime);

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Value {
        Value::Blob(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Value {
        Value::Blob(bytes.into())
    }
}

/// Null for `None`.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

macro_rules! collections {
    ($($rust:ty, [$($parameter:tt)+], $make:ident;)*) => {$(
        impl<$($parameter)+> From<$rust> for Value {
            fn from(values: $rust) -> Value {
                Value::$make(values)
            }
        }
    )*};
}

collections! {
    Vec<T>, [T: Into<Value>], list;
    BTreeSet<T>, [T: Into<Value>], set;
    HashSet<T, S>, [T: Into<Value>, S], set;
    BTreeMap<K, V>, [K: Into<Value>, V: Into<Value>], map;
    HashMap<K, V, S>, [K: Into<Value>, V: Into<Value>, S], map;
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Value {
        Value::list(values)
    }
}

macro_rules! tuples {
    ($(($($name:ident),+)),*) => {$(
        impl<$($name: Into<Value>),+> From<($($name,)+)> for Value {
            fn from(tuple: ($($name,)+)) -> Value {
                #[expect(non_snake_case, reason = "the fields go by their types")]
                let ($($name,)+) = tuple;
                Value::Tuple(vec![$($name.into()),+])
            }
        }
    )*};
}

tuples!(
    (A),
    (A, B),
    (A, B, C),
    (A, B, C, D),
    (A, B, C, D, E),
    (A, B, C, D, E, F),
    (A, B, C, D, E, F, G),
    (A, B, C, D, E, F, G, H)
);

fn collected<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Vec<Value> {
    values.into_iter().map(Into::into).collect()
}

impl Value {
    /// A `list`; written to a `set` or a `vector` it becomes one.
    pub fn list<T: Into<Value>>(elements: impl IntoIterator<Item = T>) -> Value {
        Value::List(collected(elements))
    }

    /// A `set`. Its elements are put in order when it is written.
    pub fn set<T: Into<Value>>(elements: impl IntoIterator<Item = T>) -> Value {
        Value::Set(collected(elements))
    }

    /// A `map`. Its entries are put in order when it is written; of several with one key the last
    /// counts.
    pub fn map<K: Into<Value>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// A `vector`.
    pub fn vector<T: Into<Value>>(elements: impl IntoIterator<Item = T>) -> Value {
        Value::Vector(collected(elements))
    }

    /// A `tuple`. Fields of several types are easier given as a tuple of Rust's, with `into`.
    pub fn tuple<T: Into<Value>>(fields: impl IntoIterator<Item = T>) -> Value {
        Value::Tuple(collected(fields))
    }

    /// A value of a user type by the names of its fields, in any order; those that are not named
    /// are null.
    pub fn udt<V: Into<Value>>(fields: impl IntoIterator<Item = (impl Into<String>, V)>) -> Value {
        Value::Udt(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a `text` or an `ascii`.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Ascii(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a `blob`.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The boolean of a `boolean`.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The number of an integer type, a `counter` or a `timestamp` (milliseconds since 1970), or of
    /// a `varint` that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::TinyInt(value) => Some((*value).into()),
            Value::SmallInt(value) => Some((*value).into()),
            Value::Int(value) => Some((*value).into()),
            Value::BigInt(value) | Value::Counter(value) | Value::Timestamp(value) => Some(*value),
            Value::Varint(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// The number of a `double` or a `float`.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Double(value) => Some(*value),
            Value::Float(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// The UUID of a `uuid` or a `timeuuid`.
    #[must_use]
    pub const fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Value::Uuid(value) | Value::TimeUuid(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements of a list, a set or a vector, the fields of a tuple.
    #[must_use]
    pub fn as_elements(&self) -> Option<&[Value]> {
        match self {
            Value::List(values) | Value::Set(values) | Value::Vector(values) | Value::Tuple(values) => {
                Some(values)
            }
            _ => None,
        }
    }

    /// The value of a map under a key.
    #[must_use]
    pub fn entry(&self, key: &Value) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// A field of a user type's value, null ones included.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Value::Udt(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Reads a scalar as [`DecodeValue`] does a column.
    fn read<T: for<'a> DecodeValue<'a>>(&self, target: &str) -> Result<T, ValueError> {
        let Some(ty) = self.scalar_type() else {
            return Err(ValueError {
                type_name: target.to_owned(),
                problem: format!("{self} can't be read as one").into(),
            });
        };
        let mut bytes = Vec::new();
        let present = self.encode(&ty, &mut bytes)?;
        T::decode(&ty, present.then_some(&bytes))
    }
}
