//! Checks that bytes are a value of a type (`TypeSerializer.validate`).

use super::compare::Components;
use crate::{DecodeError, Elements, Reader, Scalar, Type, ValueError};

impl Type {
    /// Whether the bytes are a value of this type, by the rules of Cassandra's serializers.
    pub fn validate(&self, value: &[u8]) -> Result<(), ValueError> {
        let len = value.len();
        let wrong = |problem: &'static str| Err(ValueError::new(self, problem));
        let wrong_len =
            |expected: &str| Err(ValueError::new(self, format!("{expected} bytes expected, {len} found")));
        match self {
            Type::Ascii if !value.is_ascii() => wrong("a byte above 127 in it"),
            Type::Text if !is_utf8(value) => wrong("the bytes are not UTF-8"),
            Type::Boolean if len > 1 => wrong_len("0 or 1"),
            Type::TinyInt if len != 1 => wrong_len("1"),
            Type::SmallInt if len != 2 => wrong_len("2"),
            Type::Int | Type::Float if !matches!(len, 0 | 4) => wrong_len("0 or 4"),
            Type::BigInt | Type::Double | Type::Timestamp | Type::LegacyDate | Type::Counter
                if !matches!(len, 0 | 8) =>
            {
                wrong_len("0 or 8")
            }
            Type::Date if len != 4 => wrong_len("4"),
            Type::Decimal if matches!(len, 1..4) => wrong_len("0 or at least 4"),
            Type::Uuid | Type::LexicalUuid if !matches!(len, 0 | 16) => wrong_len("0 or 16"),
            Type::TimeUuid if !matches!(len, 0 | 16) => wrong_len("0 or 16"),
            Type::TimeUuid if value.get(6).is_some_and(|byte| byte >> 4 != 1) => wrong("not of version 1"),
            Type::Inet if !matches!(len, 0 | 4 | 16) => wrong_len("0, 4 or 16"),
            Type::Empty if len != 0 => wrong_len("0"),
            Type::Time => match value.try_into().map(i64::from_be_bytes) {
                Ok(0..crate::temporal::NANOS_PER_DAY) => Ok(()),
                Ok(_) => wrong("not a time of day"),
                Err(_) => wrong_len("8"),
            },
            Type::Duration => crate::Duration::from_bytes(value)
                .map(|_| ())
                .map_err(|problem| ValueError::new(self, problem)),
            Type::Composite(types) => self.validate_composite(types, value),
            Type::Reversed(base) => base.validate(value),
            Type::Ascii
            | Type::Text
            | Type::Blob
            | Type::Boolean
            | Type::TinyInt
            | Type::SmallInt
            | Type::Int
            | Type::BigInt
            | Type::Counter
            | Type::Varint
            | Type::Decimal
            | Type::Float
            | Type::Double
            | Type::Timestamp
            | Type::LegacyDate
            | Type::Date
            | Type::Uuid
            | Type::TimeUuid
            | Type::LexicalUuid
            | Type::Inet
            | Type::Empty => Ok(()),
            _ if self.has_elements() => self.validate_elements(value),
            _ => match self.scalar(value)? {
                Scalar::Empty if !self.allows_empty() => wrong("an empty value"),
                _ => Ok(()),
            },
        }
    }

    fn validate_elements(&self, value: &[u8]) -> Result<(), ValueError> {
        let broken = |error: DecodeError| ValueError::decode(self, &error);
        let is_tuple = matches!(self, Type::Tuple(_) | Type::Udt { .. });
        let Some(mut elements) = Elements::new(self, value).map_err(broken)? else { return Ok(()) };
        for (index, element) in elements.by_ref().enumerate() {
            match (element.map_err(broken)?, self.element_type_at(index)) {
                (Some(bytes), Some(ty)) => ty.validate(bytes)?,
                (None, _) if !is_tuple => return Err(ValueError::new(self, "null among the elements")),
                _ => (),
            }
        }
        elements.finish().map_err(broken)
    }

    fn validate_composite(&self, types: &[Type], value: &[u8]) -> Result<(), ValueError> {
        for (index, component) in Components::new(value).enumerate() {
            let (bytes, _) = component.map_err(|error| ValueError::decode(self, &error))?;
            match types.get(index) {
                Some(ty) => ty.validate(bytes)?,
                None => return Err(ValueError::new(self, "more components than types")),
            }
        }
        Ok(())
    }
}

fn is_utf8(value: &[u8]) -> bool {
    // Most texts are ASCII, which is checked faster.
    value.is_ascii() || std::str::from_utf8(value).is_ok() || is_javas_utf8(value)
}

/// Texts that Cassandra's own validator accepts beyond UTF-8 itself: `c0 80` for U+0000, encoded
/// surrogates, and some that look like oversights. Such values exist in tables, so they are valid
/// here too.
fn is_javas_utf8(value: &[u8]) -> bool {
    let mut reader = Reader::new(value);
    let is_continuation = |byte: u8| byte & 0xC0 == 0x80;
    while let Ok(first) = reader.u8() {
        let mut next = |accepts: fn(u8) -> bool| reader.u8().is_ok_and(accepts);
        let valid = match first {
            0x00..=0x7F => true,
            0xC0 => next(|byte| byte == 0x80),
            0xC2..=0xDF => next(is_continuation),
            0xE0 => next(|byte| byte & 0xE0 != 0x80) && next(is_continuation),
            0xE1..=0xEF => next(is_continuation) && next(is_continuation),
            0xF0 => next(|byte| byte & 0x30 != 0) && next(is_continuation) && next(is_continuation),
            0xF1..=0xF7 => (0..3).all(|_| next(is_continuation)),
            _ => false,
        };
        if !valid {
            return false;
        }
    }
    true
}
