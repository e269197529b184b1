//! The first eight bytes of a value's order, for cheap comparisons.

use crate::timeuuid::reorder;
use crate::{Elements, Type, decimal};

const SIGN: u64 = 1 << 63;

impl Type {
    /// Eight bytes that never contradict the order: `a < b` implies `prefix64(a) <= prefix64(b)`.
    /// Where they differ the values need not be looked at. Constant for types without a cheap
    /// prefix.
    #[inline]
    #[must_use]
    pub fn prefix64(&self, value: &[u8]) -> u64 {
        match self {
            Type::Text | Type::Ascii | Type::Blob => leading(value),
            Type::Int => match value.try_into() {
                Ok(bytes) => u64::from(u32::from_be_bytes(bytes) ^ (1 << 31)) << 32,
                Err(_) => 0,
            },
            Type::BigInt | Type::Timestamp => word(value).map_or(0, |word| word ^ SIGN),
            Type::Reversed(base) => !base.prefix64(value),
            _ => self.rarer_prefix64(value),
        }
    }

    fn rarer_prefix64(&self, value: &[u8]) -> u64 {
        match self {
            Type::Boolean => u64::from(value.first().is_some_and(|&byte| byte != 0)) << 63,
            Type::TinyInt | Type::SmallInt if !value.is_empty() => leading(value) ^ SIGN,
            Type::Float => match value.try_into() {
                Ok(bytes) => double(f64::from(f32::from_be_bytes(bytes))),
                Err(_) => 0,
            },
            Type::Double => match value.try_into() {
                Ok(bytes) => double(f64::from_be_bytes(bytes)),
                Err(_) => 0,
            },
            Type::Uuid => uuid_word(value).map_or(0, uuid_order),
            Type::TimeUuid => uuid_word(value).map_or(0, reorder),
            Type::LexicalUuid => uuid_word(value).map_or(0, |word| word ^ SIGN),
            Type::Varint => varint(value),
            Type::PartitionerDefined { partitioner, .. } if !value.is_empty() => {
                partitioner.prefix(value).0.cast_unsigned() ^ SIGN
            }
            Type::Decimal => decimal::sign_prefix(value),
            Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
                first(self, element, value)
            }
            Type::Map { entry, .. } => first(self, &entry.0, value),
            Type::Tuple(fields) => fields.first().map_or(0, |field| first(self, field, value)),
            Type::Udt { definition, .. } => {
                definition.fields.first().map_or(0, |(_, field)| first(self, field, value))
            }
            _ if self.is_byte_ordered() => leading(value),
            _ => 0,
        }
    }
}

/// The order of UUIDs puts the version first; then comes the time in version 1, the other bits in
/// all others.
pub(super) const fn uuid_order(msb: u64) -> u64 {
    let version = (msb >> 12) & 0xF;
    if version == 1 {
        return reorder(msb);
    }
    (version << 60) | ((msb >> 4) & 0x0FFF_FFFF_FFFF_F000) | (msb & 0xFFF)
}

/// The order of Java's `Double.compare`: -0.0 before 0.0, all NaNs alike and last.
fn double(value: f64) -> u64 {
    let bits = if value.is_nan() { f64::NAN.to_bits() & !SIGN } else { value.to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Eight bytes, the first ones of the value, zeros where it is shorter.
#[inline]
fn leading(value: &[u8]) -> u64 {
    match value.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            value.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte))
                << (64 - 8 * value.len()).min(63)
        }
    }
}

#[inline]
fn word(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

fn uuid_word(value: &[u8]) -> Option<u64> {
    (value.len() == 16).then(|| leading(value))
}

/// The value where it fits 64 bits, else the nearest that does.
fn varint(value: &[u8]) -> u64 {
    let Some(&first) = value.first() else { return 0 };
    let padding = if first >= 0x80 { 0xFF } else { 0x00 };
    let significant = value.iter().skip_while(|&&byte| byte == padding);
    let mut len = 0;
    let start = if padding == 0 { 0 } else { u64::MAX };
    let bits =
        significant.inspect(|_| len += 1).take(9).fold(start, |word, &byte| (word << 8) | u64::from(byte));
    let fits = len < 8 || (len == 8 && (bits & SIGN != 0) == (padding != 0));
    match (fits, padding) {
        (true, _) => bits ^ SIGN,
        (false, 0) => u64::MAX,
        (false, _) => 0,
    }
}

/// The prefix of the first element: the order of a sequence begins with it, and no element comes
/// before any.
fn first(ty: &Type, element_type: &Type, value: &[u8]) -> u64 {
    let Ok(Some(mut elements)) = Elements::new(ty, value) else { return 0 };
    match elements.next() {
        Some(Ok(Some(element))) => element_type.prefix64(element),
        _ => 0,
    }
}
