//! [`Value`] as a CQL literal.

use std::fmt;

use super::Value;
use crate::{EncodeValue, Type, push_identifier};

/// The CQL literal: `'it''s'`, `0xcafe`, `{'a': 1}`, `[1, 2]`; a value of no bytes as `''`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Empty => f.write_str("''"),
            Value::List(values) | Value::Vector(values) => sequence(f, '[', values, ']'),
            Value::Set(values) => sequence(f, '{', values, '}'),
            Value::Tuple(values) => sequence(f, '(', values, ')'),
            Value::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", separator(index))?;
                }
                f.write_str("}")
            }
            Value::Udt(fields) => {
                f.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let mut identifier = String::new();
                    push_identifier(name, &mut identifier);
                    write!(f, "{}{identifier}: {value}", separator(index))?;
                }
                f.write_str("}")
            }
            // Every scalar is printed by its type, so that there is one text of it.
            scalar => {
                let (mut bytes, mut text) = (Vec::new(), String::new());
                let printed = scalar.scalar_type().is_some_and(|ty| {
                    scalar.write_scalar(&ty, &mut bytes) && ty.literal(&bytes, &mut text).is_ok()
                });
                // Variants hold values that no column could: these have no literal.
                if printed { f.write_str(&text) } else { write!(f, "<invalid {scalar:?}>") }
            }
        }
    }
}

const fn separator(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

fn sequence(f: &mut fmt::Formatter<'_>, open: char, values: &[Value], close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for (index, value) in values.iter().enumerate() {
        write!(f, "{}{value}", separator(index))?;
    }
    write!(f, "{close}")
}

impl Value {
    /// The type that a variant without elements is of.
    pub(super) fn scalar_type(&self) -> Option<Type> {
        Some(match self {
            Value::Ascii(_) => Type::Ascii,
            Value::Text(_) => Type::Text,
            Value::Blob(_) => Type::Blob,
            Value::Boolean(_) => Type::Boolean,
            Value::TinyInt(_) => Type::TinyInt,
            Value::SmallInt(_) => Type::SmallInt,
            Value::Int(_) => Type::Int,
            Value::BigInt(_) => Type::BigInt,
            Value::Varint(_) => Type::Varint,
            Value::Decimal(_) => Type::Decimal,
            Value::Float(_) => Type::Float,
            Value::Double(_) => Type::Double,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Date(_) => Type::Date,
            Value::Time(_) => Type::Time,
            Value::Duration(_) => Type::Duration,
            // Any version prints as a UUID.
            Value::Uuid(_) | Value::TimeUuid(_) => Type::Uuid,
            Value::Inet(_) => Type::Inet,
            Value::Counter(_) => Type::Counter,
            _ => return None,
        })
    }

    fn write_scalar(&self, ty: &Type, out: &mut Vec<u8>) -> bool {
        self.encode(ty, out).is_ok_and(|present| present)
    }
}
