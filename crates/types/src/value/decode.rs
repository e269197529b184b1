//! Serialized values to [`Value`].

use uuid::Uuid;

use super::Value;
use crate::{Decimal, Duration, Type, ValueError, Varint};

impl Type {
    /// The value that bytes stand for.
    pub fn decode(&self, value: &[u8]) -> Result<Value, ValueError> {
        let wrong = || ValueError::new(self, "the bytes are not a value of this type");
        let text = || Ok(std::str::from_utf8(value).map_err(|_not_utf8| wrong())?.to_owned());
        Ok(match self {
            Type::Ascii if !value.is_ascii() => return Err(wrong()),
            Type::Ascii => Value::Ascii(text()?),
            Type::Text => Value::Text(text()?),
            Type::Blob
            | Type::Custom(_)
            | Type::Composite(_)
            | Type::DynamicComposite(_)
            | Type::PartitionerDefined { .. } => Value::Blob(value.to_vec()),
            Type::Reversed(base) => base.decode(value)?,
            Type::List { .. } => Value::List(self.decode_elements(value)?),
            Type::Set { .. } => Value::Set(self.decode_elements(value)?),
            Type::Vector { .. } => Value::Vector(self.decode_elements(value)?),
            Type::Map { .. } => {
                let mut elements = self.decode_elements(value)?.into_iter();
                let entries = std::iter::from_fn(|| elements.next().zip(elements.next()));
                Value::Map(entries.collect())
            }
            Type::Tuple(fields) => {
                let mut elements = self.decode_elements(value)?;
                elements.resize(fields.len(), Value::Null);
                Value::Tuple(elements)
            }
            Type::Udt { definition, .. } => {
                let elements = self.decode_elements(value)?.into_iter().chain(std::iter::repeat(Value::Null));
                Value::Udt(definition.fields.iter().map(|(name, _)| name.clone()).zip(elements).collect())
            }
            _ if value.is_empty() && self.allows_empty() => Value::Empty,
            _ => self.decode_scalar(value).ok_or_else(wrong)?,
        })
    }

    fn decode_scalar(&self, value: &[u8]) -> Option<Value> {
        Some(match self {
            Type::Boolean => Value::Boolean(*value.first().filter(|_| value.len() == 1)? != 0),
            Type::TinyInt => Value::TinyInt(i8::from_be_bytes(value.try_into().ok()?)),
            Type::SmallInt => Value::SmallInt(i16::from_be_bytes(value.try_into().ok()?)),
            Type::Int => Value::Int(i32::from_be_bytes(value.try_into().ok()?)),
            Type::BigInt => Value::BigInt(i64::from_be_bytes(value.try_into().ok()?)),
            Type::Counter => Value::Counter(i64::from_be_bytes(value.try_into().ok()?)),
            Type::Varint => Value::Varint(Varint::from_be_bytes(value)),
            Type::Decimal => Value::Decimal(Decimal::from_bytes(value)?),
            Type::Float => Value::Float(f32::from_be_bytes(value.try_into().ok()?)),
            Type::Double => Value::Double(f64::from_be_bytes(value.try_into().ok()?)),
            Type::Timestamp | Type::LegacyDate => {
                Value::Timestamp(i64::from_be_bytes(value.try_into().ok()?))
            }
            Type::Date => Value::Date(u32::from_be_bytes(value.try_into().ok()?)),
            Type::Time => {
                let nanos = i64::from_be_bytes(value.try_into().ok()?);
                Value::Time((0..crate::temporal::NANOS_PER_DAY).contains(&nanos).then_some(nanos)?)
            }
            Type::Duration => Value::Duration(Duration::from_bytes(value).ok()?),
            Type::Uuid | Type::LexicalUuid => Value::Uuid(Uuid::from_slice(value).ok()?),
            Type::TimeUuid => Value::TimeUuid(Uuid::from_slice(value).ok()?),
            Type::Inet => match <[u8; 4]>::try_from(value) {
                Ok(bytes) => Value::Inet(bytes.into()),
                Err(_) => Value::Inet(<[u8; 16]>::try_from(value).ok()?.into()),
            },
            _ => return None,
        })
    }

    fn decode_elements(&self, value: &[u8]) -> Result<Vec<Value>, ValueError> {
        let mut elements = self.elements(value)?;
        let mut values = Vec::new();
        for (index, element) in elements.by_ref().enumerate() {
            let element = element.map_err(|error| ValueError::decode(self, &error))?;
            values.push(match (element, self.element_type_at(index)) {
                (Some(bytes), Some(ty)) => ty.decode(bytes)?,
                _ => Value::Null,
            });
        }
        elements.finish().map_err(|error| ValueError::decode(self, &error))?;
        Ok(values)
    }
}
