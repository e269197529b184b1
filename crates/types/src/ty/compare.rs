//! The order of serialized values (`AbstractType.compare`).
//!
//! Invariant: it agrees with the byte-comparable form and with `prefix64` on all values that
//! Cassandra accepts.

use std::cmp::Ordering;

use super::Element;
use super::prefix::uuid_order;
use crate::timeuuid::reorder;
use crate::{Elements, Reader, Type, decimal};

/// Turns signed bytes into unsigned ones of the same order.
const SIGNED_BYTES: u64 = 0x8080_8080_8080_8080;

impl Type {
    /// The order of two values (`AbstractType.compare`).
    ///
    /// Numbers compare as numbers, `NaN` last and -0.0 before 0.0; a value of no bytes comes before
    /// all others; collections and tuples compare element by element, null first. Invalid values
    /// compare in an unspecified way, but never panic.
    #[inline]
    #[must_use]
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Type::Text | Type::Ascii | Type::Blob => a.cmp(b),
            Type::Int => fixed(a, b, i32::from_be_bytes),
            Type::BigInt | Type::Timestamp => fixed(a, b, i64::from_be_bytes),
            Type::Reversed(base) => base.compare(b, a),
            _ => self.compare_rarer(a, b),
        }
    }

    fn compare_rarer(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Type::Boolean => fixed(a, b, |[byte]: [u8; 1]| byte != 0),
            Type::TinyInt => fixed(a, b, i8::from_be_bytes),
            Type::SmallInt => fixed(a, b, i16::from_be_bytes),
            Type::Float => fixed(a, b, |bytes| Double(f64::from(f32::from_be_bytes(bytes)))),
            Type::Double => fixed(a, b, |bytes| Double(f64::from_be_bytes(bytes))),
            Type::Uuid => fixed(a, b, |bytes| {
                let (msb, lsb) = halves(bytes);
                (uuid_order(msb), lsb)
            }),
            Type::TimeUuid => fixed(a, b, |bytes| {
                let (msb, lsb) = halves(bytes);
                (reorder(msb), lsb ^ SIGNED_BYTES)
            }),
            Type::LexicalUuid => fixed(a, b, |bytes| {
                let (msb, lsb) = halves(bytes);
                (msb.cast_signed(), lsb.cast_signed())
            }),
            Type::Varint => varints(a, b),
            Type::Decimal => decimal::compare(a, b),
            Type::Empty => Ordering::Equal,
            _ if self.has_elements() => self.compare_elements(a, b),
            Type::Composite(types) => composites(types, a, b),
            // No key is before the first place of all.
            Type::PartitionerDefined { partitioner, .. } => {
                (!a.is_empty()).cmp(&!b.is_empty()).then_with(|| partitioner.compare(a, b))
            }
            _ => a.cmp(b),
        }
    }

    fn compare_elements(&self, a: &[u8], b: &[u8]) -> Ordering {
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let (Ok(Some(mut left)), Ok(Some(mut right))) = (Elements::new(self, a), Elements::new(self, b))
        else {
            return a.cmp(b);
        };
        let is_tuple = matches!(self, Type::Tuple(_) | Type::Udt { .. });
        for index in 0.. {
            let (x, y) = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) if !is_tuple => return Ordering::Less,
                (Some(_), None) if !is_tuple => return Ordering::Greater,
                // The fields that a shorter tuple lacks are null.
                (x, y) => (x.unwrap_or(Ok(None)), y.unwrap_or(Ok(None))),
            };
            let (Ok(x), Ok(y)) = (x, y) else { return a.cmp(b) };
            let Some(ty) = self.element_type_at(index) else { return Ordering::Equal };
            let order = nullable(ty, x, y);
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    /// Whether every value of this type is one of `newer`, in the same order: the two are the same,
    /// or tuples and user types in `newer` have got fields at their ends. Names of types and fields
    /// don't count.
    #[must_use]
    pub fn grows_into(&self, newer: &Type) -> bool {
        if self == newer {
            return true;
        }
        if self.is_multi_cell() != newer.is_multi_cell() {
            return false;
        }
        match (self, newer) {
            (Type::Reversed(old), Type::Reversed(new)) => old.grows_into(new),
            (Type::List { element: old, .. }, Type::List { element: new, .. })
            | (Type::Set { element: old, .. }, Type::Set { element: new, .. }) => old.grows_into(new),
            (Type::Vector { element: old, dimension }, Type::Vector { element: new, dimension: other }) => {
                dimension == other && old.fixed_len() == new.fixed_len() && old.grows_into(new)
            }
            (Type::Map { entry: old, .. }, Type::Map { entry: new, .. }) => {
                old.0.grows_into(&new.0) && old.1.grows_into(&new.1)
            }
            (Type::Tuple(old), Type::Tuple(new)) => all_grow(old.iter(), new.iter()),
            (Type::Udt { definition: old, .. }, Type::Udt { definition: new, .. }) => {
                all_grow(old.fields.iter().map(|(_, ty)| ty), new.fields.iter().map(|(_, ty)| ty))
            }
            (Type::Composite(old), Type::Composite(new)) => {
                old.len() == new.len() && all_grow(old.iter(), new.iter())
            }
            _ => false,
        }
    }

    /// The type of the `index`th of this type's [`Elements`].
    pub(crate) fn element_type_at(&self, index: usize) -> Option<&Type> {
        match self.base() {
            Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
                Some(element)
            }
            Type::Map { entry, .. } => Some(if index.is_multiple_of(2) { &entry.0 } else { &entry.1 }),
            Type::Tuple(fields) => fields.get(index),
            Type::Udt { definition, .. } => definition.fields.get(index).map(|(_, field)| field),
            _ => None,
        }
    }
}

/// Whether each type has one at its place among `newer` that it grows into.
fn all_grow<'a>(
    mut types: impl Iterator<Item = &'a Type>,
    mut newer: impl Iterator<Item = &'a Type>,
) -> bool {
    types.all(|old| newer.next().is_some_and(|new| old.grows_into(new)))
}

/// An IEEE number in the order of Java's `Double.compare`.
struct Double(f64);

impl Ord for Double {
    fn cmp(&self, other: &Double) -> Ordering {
        match (self.0.is_nan(), other.0.is_nan()) {
            (false, false) => self.0.total_cmp(&other.0),
            (x, y) => x.cmp(&y),
        }
    }
}

impl PartialOrd for Double {
    fn partial_cmp(&self, other: &Double) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Double {
    fn eq(&self, other: &Double) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Double {}

/// Values of one length, the empty one first. Others, which are not valid, compare as bytes.
#[inline]
fn fixed<const N: usize, K: Ord>(a: &[u8], b: &[u8], key: impl Fn([u8; N]) -> K) -> Ordering {
    match (a.try_into(), b.try_into()) {
        (Ok(a), Ok(b)) => key(a).cmp(&key(b)),
        _ if a.is_empty() || b.is_empty() => a.len().cmp(&b.len()),
        _ => a.cmp(b),
    }
}

fn nullable(ty: &Type, a: Element<'_>, b: Element<'_>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => ty.compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn halves(uuid: [u8; 16]) -> (u64, u64) {
    let [msb, lsb] =
        [0, 8].map(|at| uuid.iter().skip(at).take(8).fold(0, |word, &byte| (word << 8) | u64::from(byte)));
    (msb, lsb)
}

/// Two's complement of any length, perhaps with redundant sign bytes: first the sign, then the
/// length without them, then the bytes.
fn varints(a: &[u8], b: &[u8]) -> Ordering {
    let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else {
        return a.len().cmp(&b.len());
    };
    let (negative_a, negative_b) = (first_a >= 0x80, first_b >= 0x80);
    if negative_a != negative_b {
        return negative_b.cmp(&negative_a);
    }
    let padding = if negative_a { 0xFF } else { 0x00 };
    let significant = |bytes| -> &[u8] {
        let bytes: &[u8] = bytes;
        let skipped = bytes.iter().take_while(|&&byte| byte == padding).count();
        bytes.get(skipped..).unwrap_or_default()
    };
    let (a, b) = (significant(a), significant(b));
    let by_len = if negative_a { b.len().cmp(&a.len()) } else { a.len().cmp(&b.len()) };
    by_len.then_with(|| a.cmp(b))
}

/// Composites: a static one first, then component by component with its end-of-component byte, a
/// signed one.
fn composites(types: &[Type], a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let (mut left, mut right) = (Components::new(a), Components::new(b));
    if left.is_static != right.is_static {
        return right.is_static.cmp(&left.is_static);
    }
    for index in 0.. {
        let ((x, end_x), (y, end_y)) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(Ok(x)), Some(Ok(y))) => (x, y),
            _ => return a.cmp(b),
        };
        let order = types.get(index).unwrap_or(&Type::Blob).compare(x, y).then(end_x.cmp(&end_y));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// The components of a composite: `u16 length, bytes, end-of-component byte` each, after `ff ff` if
/// static.
pub(crate) struct Components<'a> {
    pub(crate) is_static: bool,
    reader: Reader<'a>,
}

impl<'a> Components<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Components<'a> {
        let is_static = value.starts_with(&[0xFF, 0xFF]);
        Components { is_static, reader: Reader::at(value, if is_static { 2 } else { 0 }) }
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Result<(&'a [u8], i8), crate::DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let component =
            self.reader.u16_bytes().and_then(|bytes| Ok((bytes, self.reader.u8()?.cast_signed())));
        if component.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(component)
    }
}
