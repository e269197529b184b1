//! Serialized values to [`Value`].

use super::{Scalar, Value};
use crate::{Type, ValueError};

impl Type {
    /// The value that bytes stand for.
    pub fn decode(&self, value: &[u8]) -> Result<Value, ValueError> {
        Ok(match self.base() {
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
            ty => {
                let wrong = || ValueError::new(ty, "the bytes are not a value of this type");
                ty.value_of(ty.scalar(value)?).ok_or_else(wrong)?
            }
        })
    }

    fn value_of(&self, scalar: Scalar<'_>) -> Option<Value> {
        Some(match scalar {
            Scalar::Empty => self.allows_empty().then_some(Value::Empty)?,
            Scalar::Text(text) if *self == Type::Ascii => Value::Ascii(text.to_owned()),
            Scalar::Text(text) => Value::Text(text.to_owned()),
            Scalar::Opaque(bytes) => Value::Blob(bytes.to_vec()),
            Scalar::Boolean(value) => Value::Boolean(value),
            Scalar::Integer(number) => match self {
                Type::TinyInt => Value::TinyInt(number.try_into().ok()?),
                Type::SmallInt => Value::SmallInt(number.try_into().ok()?),
                Type::Int => Value::Int(number.try_into().ok()?),
                Type::Counter => Value::Counter(number),
                _ => Value::BigInt(number),
            },
            Scalar::Varint(number) => Value::Varint(number),
            Scalar::Decimal(number) => Value::Decimal(number),
            Scalar::Float(number) => Value::Float(number),
            Scalar::Double(number) => Value::Double(number),
            Scalar::Timestamp(millis) => Value::Timestamp(millis),
            Scalar::Date(days) => Value::Date(days),
            Scalar::Time(nanos) => Value::Time(nanos),
            Scalar::Duration(duration) => Value::Duration(duration),
            Scalar::Uuid(uuid) if *self == Type::TimeUuid => Value::TimeUuid(uuid),
            Scalar::Uuid(uuid) => Value::Uuid(uuid),
            Scalar::Inet(address) => Value::Inet(address),
        })
    }

    fn decode_elements(&self, value: &[u8]) -> Result<Vec<Value>, ValueError> {
        let broken = |error| ValueError::decode(self, &error);
        let mut elements = self.elements(value)?;
        let mut values = Vec::new();
        for (index, element) in elements.by_ref().enumerate() {
            let element = element.map_err(broken)?;
            values.push(match (element, self.element_type_at(index)) {
                (Some(bytes), Some(ty)) => ty.decode(bytes)?,
                _ => Value::Null,
            });
        }
        elements.finish().map_err(broken)?;
        Ok(values)
    }
}
