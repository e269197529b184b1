//! The byte-comparable form of values, version OSS50 (`utils.bytecomparable.ByteComparable`).

use super::compare::Components;
use super::prefix::uuid_order;
use crate::comparable::{NEXT_COMPONENT, NEXT_COMPONENT_NULL, TERMINATOR, escape, signed_long, varint};
use crate::timeuuid::reorder;
use crate::{Elements, Side, Type, decimal, decorated_key_comparable};

impl Type {
    /// Appends the byte-comparable form of a value (`AbstractType.asComparableBytes`, version
    /// OSS50): forms compare as bytes the way the values [compare](Type::compare), and none is a
    /// prefix of another.
    ///
    /// Appends nothing and returns false for a value whose type gives it no bytes, such as an empty
    /// `int`; what contains it marks that in its own way. So it does for a value that is not valid.
    #[must_use]
    pub fn comparable(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let some = match self {
            Type::Int | Type::TinyInt | Type::SmallInt | Type::Timestamp => {
                out.extend_from_slice(value);
                flip_sign(out, start)
            }
            Type::BigInt => match value.try_into() {
                Ok(bytes) => {
                    signed_long(i64::from_be_bytes(bytes), out);
                    true
                }
                Err(_) => false,
            },
            Type::Date | Type::Time | Type::LegacyDate => {
                out.extend_from_slice(value);
                !value.is_empty()
            }
            Type::Boolean => match value.first() {
                Some(&byte) => {
                    out.push(u8::from(byte != 0));
                    true
                }
                None => false,
            },
            Type::Float | Type::Double => {
                let negative = value.first().is_some_and(|&byte| byte >= 0x80);
                out.extend_from_slice(value);
                if negative { invert(out, start) } else { flip_sign(out, start) }
            }
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => self.comparable_uuid(value, out),
            Type::Varint => {
                varint(value, out);
                !value.is_empty()
            }
            Type::Decimal => decimal::comparable(value, out),
            Type::Empty => false,
            Type::Composite(types) => comparable_composite(types, value, out),
            Type::PartitionerDefined { partitioner, .. } => {
                if !value.is_empty() {
                    decorated_key_comparable(partitioner, value, Side::At, out);
                }
                !value.is_empty()
            }
            Type::Reversed(base) => base.comparable(value, out) && invert(out, start),
            _ if self.has_elements() => self.comparable_elements(value, out),
            _ => {
                escape(value, out);
                true
            }
        };
        if !some {
            out.truncate(start);
        }
        some
    }

    fn comparable_uuid(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let Ok(bytes) = value.try_into().map(u128::from_be_bytes) else { return false };
        let msb = u64::try_from(bytes >> 64).unwrap_or_default();
        let lsb = bytes & u128::from(u64::MAX);
        let signed_bytes = 0x8080_8080_8080_8080;
        let form = match self {
            Type::Uuid => (u128::from(uuid_order(msb)) << 64) | lsb,
            Type::TimeUuid => (u128::from(reorder(msb)) << 64) | (lsb ^ signed_bytes),
            _ => bytes ^ ((1 << 127) | (1 << 63)),
        };
        out.extend_from_slice(&form.to_be_bytes());
        true
    }

    fn comparable_elements(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        if value.is_empty() {
            return false;
        }
        let Ok(Some(elements)) = Elements::new(self, value) else { return false };
        let is_tuple = matches!(self, Type::Tuple(_) | Type::Udt { .. });
        let mut end = out.len();
        for (index, element) in elements.enumerate() {
            let (Ok(element), Some(ty)) = (element, self.element_type_at(index)) else { return false };
            component(ty, element, out);
            // Nulls at a tuple's end are as good as absent.
            if !is_tuple || element.is_some() {
                end = out.len();
            }
        }
        out.truncate(end);
        out.push(TERMINATOR);
        true
    }
}

fn component(ty: &Type, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let at = out.len();
    out.push(NEXT_COMPONENT);
    // Nested, an empty value cannot be distinguished from null.
    if !value.is_some_and(|value| ty.comparable(value, out)) {
        out.truncate(at);
        out.push(NEXT_COMPONENT_NULL);
    }
}

/// First whether it is static, then each component and its end-of-component byte as one more.
fn comparable_composite(types: &[Type], value: &[u8], out: &mut Vec<u8>) -> bool {
    if value.is_empty() {
        return false;
    }
    let components = Components::new(value);
    out.push(if components.is_static { NEXT_COMPONENT_NULL } else { NEXT_COMPONENT });
    for (index, read) in components.enumerate() {
        let Ok((bytes, end)) = read else { return false };
        component(types.get(index).unwrap_or(&Type::Blob), Some(bytes), out);
        out.extend_from_slice(&[NEXT_COMPONENT, end.cast_unsigned() ^ 0x80]);
    }
    out.push(TERMINATOR);
    true
}

/// Flips the sign of the number at `start`; false if there is none.
fn flip_sign(out: &mut [u8], start: usize) -> bool {
    out.get_mut(start).map(|byte| *byte ^= 0x80).is_some()
}

fn invert(out: &mut [u8], start: usize) -> bool {
    out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    true
}
