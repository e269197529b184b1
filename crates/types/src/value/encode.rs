//! Rust values and [`Value`] to serialized values, checked against the column's type.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;

use uuid::Uuid;

use super::{ElementsWriter, Value};
use crate::{Decimal, Duration, Type, ValueError, Varint};

/// A Rust value that can become a value of a column, checked against the column's type.
///
/// Implemented for Rust's own types where they hold everything (an integer fits every integer type
/// that can hold it), for [`Value`], for `Option` (null), for slices, arrays, vectors, sets, maps
/// and tuples of such, and for references, `Box`, `Arc`, `Rc` and `Cow` of them.
/// [`DecodeValue`](crate::DecodeValue) is the inverse.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written to a column",
    note = "integers, floats, `bool`, texts, bytes (`Vec<u8>`, `[u8; N]`), `Uuid`, addresses, times, `Value`, and \
            `Option`s, collections and tuples of such can; for types of your own implement `EncodeValue`"
)]
pub trait EncodeValue {
    /// Appends the serialized value; false, and nothing appended, for null. After an error `out`
    /// may hold a part.
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError>;
}

/// Bytes that are serialized already. They are validated, not converted.
#[derive(Debug, Clone, Copy)]
pub struct Serialized<'a>(pub &'a [u8]);

impl Type {
    /// The serialized form of a value, which must not be null.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, ValueError> {
        let mut out = Vec::new();
        if value.encode(self, &mut out)? { Ok(out) } else { Err(ValueError::new(self, "null has no bytes")) }
    }
}

fn refuse<T>(ty: &Type, what: &str) -> Result<T, ValueError> {
    Err(ValueError::new(ty, format!("{what} cannot be one")))
}

fn integer(value: i64, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
    let out_of_range = |_| ValueError::new(ty, format!("{value} is out of range"));
    match ty.base() {
        Type::TinyInt => out.extend_from_slice(&i8::try_from(value).map_err(out_of_range)?.to_be_bytes()),
        Type::SmallInt => out.extend_from_slice(&i16::try_from(value).map_err(out_of_range)?.to_be_bytes()),
        Type::Int => out.extend_from_slice(&i32::try_from(value).map_err(out_of_range)?.to_be_bytes()),
        Type::BigInt | Type::Counter | Type::Timestamp | Type::LegacyDate => {
            out.extend_from_slice(&value.to_be_bytes());
        }
        Type::Time if (0..crate::temporal::NANOS_PER_DAY).contains(&value) => {
            out.extend_from_slice(&value.to_be_bytes());
        }
        Type::Date => out.extend_from_slice(&u32::try_from(value).map_err(out_of_range)?.to_be_bytes()),
        Type::Varint => {
            // The shortest two's complement: without bytes that only repeat the sign.
            let redundant = (value ^ (value >> 63)).leading_zeros().saturating_sub(1) / 8;
            out.extend(value.to_be_bytes().into_iter().skip(redundant as usize));
        }
        other => return refuse(other, "an integer"),
    }
    Ok(true)
}

macro_rules! encode_integers {
    ($($integer:ty),*) => {$(
        impl EncodeValue for $integer {
            fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
                integer(i64::from(*self), ty, out)
            }
        }
    )*};
}

encode_integers!(i8, i16, i32, i64, u16, u32);

/// Integers that a `bigint` may not hold, but a `varint` does.
macro_rules! encode_wide_integers {
    ($($integer:ty),*) => {$(
        impl EncodeValue for $integer {
            fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
                match i64::try_from(*self) {
                    Ok(value) => integer(value, ty, out),
                    Err(_) => Varint::from(*self).encode(ty, out),
                }
            }
        }
    )*};
}

encode_wide_integers!(i128, isize, u64, u128, usize);

impl EncodeValue for f32 {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Float => out.extend_from_slice(&self.to_be_bytes()),
            Type::Double => out.extend_from_slice(&f64::from(*self).to_be_bytes()),
            other => return refuse(other, "a float"),
        }
        Ok(true)
    }
}

impl EncodeValue for f64 {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Double => out.extend_from_slice(&self.to_be_bytes()),
            other => return refuse(other, "a double"),
        }
        Ok(true)
    }
}

impl EncodeValue for bool {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Boolean => out.push(u8::from(*self)),
            other => return refuse(other, "a boolean"),
        }
        Ok(true)
    }
}

impl EncodeValue for str {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Text => out.extend_from_slice(self.as_bytes()),
            Type::Ascii if self.is_ascii() => out.extend_from_slice(self.as_bytes()),
            other => return refuse(other, "this text"),
        }
        Ok(true)
    }
}

impl EncodeValue for String {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        self.as_str().encode(ty, out)
    }
}

impl EncodeValue for [u8] {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            other if other.is_opaque() => {
                out.extend_from_slice(self);
            }
            other => return refuse(other, "a blob"),
        }
        Ok(true)
    }
}

impl EncodeValue for Vec<u8> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        self.as_slice().encode(ty, out)
    }
}

impl<const N: usize> EncodeValue for [u8; N] {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        self.as_slice().encode(ty, out)
    }
}

impl EncodeValue for Serialized<'_> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        ty.validate(self.0)?;
        out.extend_from_slice(self.0);
        Ok(true)
    }
}

impl EncodeValue for Uuid {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Uuid | Type::LexicalUuid => (),
            Type::TimeUuid if self.get_version_num() == 1 => (),
            other => return refuse(other, "this UUID"),
        }
        out.extend_from_slice(self.as_bytes());
        Ok(true)
    }
}

impl EncodeValue for IpAddr {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match (ty.base(), self) {
            (Type::Inet, IpAddr::V4(address)) => out.extend_from_slice(&address.octets()),
            (Type::Inet, IpAddr::V6(address)) => out.extend_from_slice(&address.octets()),
            (other, _) => return refuse(other, "an address"),
        }
        Ok(true)
    }
}

impl EncodeValue for Ipv4Addr {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        IpAddr::V4(*self).encode(ty, out)
    }
}

impl EncodeValue for Ipv6Addr {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        IpAddr::V6(*self).encode(ty, out)
    }
}

impl EncodeValue for Varint {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match (ty.base(), i64::try_from(self)) {
            (Type::Varint, _) => out.extend_from_slice(&self.to_be_bytes()),
            (_, Ok(small)) => return integer(small, ty, out),
            (other, Err(_)) => return refuse(other, "so great an integer"),
        }
        Ok(true)
    }
}

impl EncodeValue for Decimal {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Decimal => self.write(out),
            other => return refuse(other, "a decimal"),
        }
        Ok(true)
    }
}

impl EncodeValue for Duration {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Duration if self.is_one_signed() => self.write(out),
            other => return refuse(other, "this duration"),
        }
        Ok(true)
    }
}

impl<T: EncodeValue> EncodeValue for Option<T> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        self.as_ref().map_or(Ok(false), |value| value.encode(ty, out))
    }
}

impl<T: EncodeValue + ?Sized> EncodeValue for &T {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        (**self).encode(ty, out)
    }
}

macro_rules! encode_pointers {
    ($($pointer:ident),*) => {$(
        impl<T: EncodeValue + ?Sized> EncodeValue for $pointer<T> {
            fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
                (**self).encode(ty, out)
            }
        }
    )*};
}

encode_pointers!(Box, Arc, Rc);

impl<T: EncodeValue + ToOwned + ?Sized> EncodeValue for Cow<'_, T> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        (**self).encode(ty, out)
    }
}

impl<T: EncodeValue> EncodeValue for [T] {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        sequence(self.iter(), ty, out)
    }
}

impl<T: EncodeValue> EncodeValue for Vec<T> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        sequence(self.iter(), ty, out)
    }
}

impl<T: EncodeValue, const N: usize> EncodeValue for [T; N] {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        sequence(self.iter(), ty, out)
    }
}

impl<T: EncodeValue> EncodeValue for BTreeSet<T> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        sequence(self.iter(), ty, out)
    }
}

impl<T: EncodeValue, S> EncodeValue for HashSet<T, S> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        sequence(self.iter(), ty, out)
    }
}

impl<K: EncodeValue, V: EncodeValue> EncodeValue for BTreeMap<K, V> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        entries(self.iter(), ty, out)
    }
}

impl<K: EncodeValue, V: EncodeValue, S> EncodeValue for HashMap<K, V, S> {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        // Whatever their order here, a map's entries are put in the order of its keys.
        entries(self.iter(), ty, out)
    }
}

macro_rules! encode_tuples {
    ($(($($name:ident),+)),*) => {$(
        impl<$($name: EncodeValue),+> EncodeValue for ($($name,)+) {
            fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
                #[expect(non_snake_case, reason = "the fields go by their types")]
                let ($($name,)+) = self;
                let fields: &[&dyn EncodeValue] = &[$($name),+];
                fields_in_order(fields, ty, out)
            }
        }
    )*};
}

encode_tuples!(
    (A),
    (A, B),
    (A, B, C),
    (A, B, C, D),
    (A, B, C, D, E),
    (A, B, C, D, E, F),
    (A, B, C, D, E, F, G),
    (A, B, C, D, E, F, G, H)
);

impl EncodeValue for Value {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match self {
            Value::Null => return Ok(false),
            Value::Empty if ty.allows_empty() => (),
            Value::Empty => return refuse(ty, "an empty value"),
            Value::Ascii(text) | Value::Text(text) => return text.encode(ty, out),
            Value::Blob(bytes) => return bytes.encode(ty, out),
            Value::Boolean(value) => return value.encode(ty, out),
            Value::TinyInt(value) => return value.encode(ty, out),
            Value::SmallInt(value) => return value.encode(ty, out),
            Value::Int(value) => return value.encode(ty, out),
            Value::BigInt(value) | Value::Timestamp(value) | Value::Time(value) | Value::Counter(value) => {
                return value.encode(ty, out);
            }
            Value::Date(value) => return value.encode(ty, out),
            Value::Varint(value) => return value.encode(ty, out),
            Value::Decimal(value) => return value.encode(ty, out),
            Value::Float(value) => return value.encode(ty, out),
            Value::Double(value) => return value.encode(ty, out),
            Value::Duration(value) => return value.encode(ty, out),
            Value::Uuid(value) | Value::TimeUuid(value) => return value.encode(ty, out),
            Value::Inet(value) => return value.encode(ty, out),
            Value::List(values) | Value::Set(values) | Value::Vector(values) => {
                return values.encode(ty, out);
            }
            Value::Map(values) => return entries(values.iter().map(|(key, value)| (key, value)), ty, out),
            Value::Tuple(values) => return fields_in_order(values, ty, out),
            Value::Udt(values) => {
                let find = |wanted: &str| {
                    let found = values.iter().find(|(name, _)| name == wanted);
                    found.map(|(_, value)| value as &dyn EncodeValue)
                };
                return fields_by_name(values.iter().map(|(name, _)| &**name), find, ty, out);
            }
        }
        Ok(true)
    }
}

/// Appends all elements of a value. Null can only be a field.
fn elements<'a>(
    ty: &Type,
    values: impl Iterator<Item = &'a dyn EncodeValue>,
    out: &mut Vec<u8>,
) -> Result<bool, ValueError> {
    let mut elements = ElementsWriter::new(ty, out)?;
    for value in values {
        elements.push(out, |ty, out| value.encode(ty, out))?;
    }
    elements.finish(out)?;
    Ok(true)
}

fn sequence<'a, T: EncodeValue + 'a>(
    values: impl Iterator<Item = &'a T>,
    ty: &Type,
    out: &mut Vec<u8>,
) -> Result<bool, ValueError> {
    match ty.base() {
        Type::List { .. } | Type::Set { .. } | Type::Vector { .. } => {
            elements(ty, values.map(|value| -> &dyn EncodeValue { value }), out)
        }
        other => refuse(other, "a sequence"),
    }
}

fn entries<'a, K: EncodeValue + 'a, V: EncodeValue + 'a>(
    values: impl Iterator<Item = (&'a K, &'a V)>,
    ty: &Type,
    out: &mut Vec<u8>,
) -> Result<bool, ValueError> {
    match ty.base() {
        Type::Map { .. } => {
            let both = values.flat_map(|(key, value)| [key as &dyn EncodeValue, value as &dyn EncodeValue]);
            elements(ty, both, out)
        }
        other => refuse(other, "a map"),
    }
}

fn fields_in_order<T: EncodeValue>(values: &[T], ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
    match ty.base() {
        Type::Tuple(_) | Type::Udt { .. } => {
            elements(ty, values.iter().map(|value| -> &dyn EncodeValue { value }), out)
        }
        other => refuse(other, "a tuple"),
    }
}

/// Appends the fields that `find` finds, whose names are `names`.
pub(super) fn fields_by_name<'v>(
    mut names: impl Iterator<Item = &'v str>,
    find: impl Fn(&str) -> Option<&'v dyn EncodeValue>,
    ty: &Type,
    out: &mut Vec<u8>,
) -> Result<bool, ValueError> {
    let Type::Udt { definition, .. } = ty.base() else { return refuse(ty, "a user type's value") };
    if let Some(name) = names.find(|name| !definition.fields.iter().any(|(field, _)| field == name)) {
        return Err(ValueError::new(ty, format!("no field is called {name:?}")));
    }
    let in_order = definition.fields.iter().map(|(field, _)| find(field).unwrap_or(&Value::Null));
    elements(ty, in_order, out)
}
