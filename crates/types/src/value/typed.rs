//! Values read as Rust's own types: the counterpart of [`EncodeValue`](super::EncodeValue).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use uuid::Uuid;

use super::{Serialized, Value};
use crate::{Decimal, Duration, Elements, Type, ValueError, Varint};

/// A Rust type that values of a column can be read as.
///
/// Implemented for Rust's own types where nothing is lost by it (an integer can be read as any
/// integer type that holds it, never as a float), for [`Value`], which takes every value, and for
/// vectors, arrays, sets, maps, tuples and `Option`s of such types. `&str` and `&[u8]` borrow from
/// the row.
///
/// ```
/// use helenus_types::{DecodeValue, EncodeValue, Type};
///
/// let ty = Type::list(Type::Int);
/// let mut bytes = Vec::new();
/// vec![1, 2].encode(&ty, &mut bytes)?;
/// assert_eq!(Vec::<i64>::decode(&ty, Some(&bytes))?, [1, 2]);
/// assert_eq!(Option::<i32>::decode(&Type::Int, None)?, None);
/// # Ok::<(), helenus_types::ValueError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a column",
    note = "integers, floats, `bool`, `String`, `&str`, `Vec<u8>`, `Uuid`, addresses, times, `Value`, and `Option`s, \
            collections and tuples of such can; for types of your own implement `DecodeValue`"
)]
pub trait DecodeValue<'a>: Sized {
    /// Reads the serialized value of a column of type `ty`; `None` is null.
    ///
    /// # Errors
    ///
    /// If the value is null and `Self` has no null, if `Self` does not correspond to `ty`, or if
    /// this value does not fit.
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError>;
}

#[cold]
fn refuse<T>(ty: &Type, what: &str) -> Result<T, ValueError> {
    Err(ValueError::new(ty, format!("it can't be read as {what}")))
}

fn present<'a>(ty: &Type, value: Option<&'a [u8]>) -> Result<&'a [u8], ValueError> {
    value.ok_or_else(|| ValueError::new(ty, "the value is null; to allow for that, read it as an Option"))
}

/// The value, which is neither null nor one of no bytes in a type where that says nothing.
fn scalar(ty: &Type, value: Option<&[u8]>) -> Result<Value, ValueError> {
    match ty.decode(present(ty, value)?)? {
        Value::Empty => Err(ValueError::new(ty, "the value has no bytes; only Value can be read from it")),
        value => Ok(value),
    }
}

/// An integer of any type that has some; `None` for a `varint` that is greater.
fn integer(ty: &Type, value: Option<&[u8]>) -> Result<Option<i128>, ValueError> {
    Ok(Some(match scalar(ty, value)? {
        Value::TinyInt(value) => value.into(),
        Value::SmallInt(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::BigInt(value) | Value::Counter(value) | Value::Timestamp(value) | Value::Time(value) => {
            value.into()
        }
        Value::Date(value) => value.into(),
        Value::Varint(value) => return Ok(i128::try_from(&value).ok()),
        _ => return refuse(ty, "an integer"),
    }))
}

macro_rules! decode_integers {
    ($($integer:ty),*) => {$(
        impl<'a> DecodeValue<'a> for $integer {
            fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
                let value = integer(ty, value)?;
                value.and_then(|value| value.try_into().ok()).ok_or_else(|| {
                    ValueError::new(ty, concat!("the value is out of the range of ", stringify!($integer)))
                })
            }
        }
    )*};
}

decode_integers!(i8, i16, i32, i64, i128, isize, u16, u32, u64, u128, usize);

/// Types of one variant of [`Value`], or of a few.
macro_rules! decode_scalars {
    ($($target:ty, $what:literal: $($pattern:pat => $result:expr),+;)*) => {$(
        impl<'a> DecodeValue<'a> for $target {
            fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
                match scalar(ty, value)? {
                    $($pattern => Ok($result),)+
                    _ => refuse(ty, $what),
                }
            }
        }
    )*};
}

decode_scalars! {
    bool, "a boolean": Value::Boolean(value) => value;
    f32, "a 32-bit float": Value::Float(value) => value;
    f64, "a float": Value::Double(value) => value, Value::Float(value) => value.into();
    Uuid, "a UUID": Value::Uuid(value) | Value::TimeUuid(value) => value;
    IpAddr, "an address": Value::Inet(value) => value;
    Ipv4Addr, "an IPv4 address": Value::Inet(IpAddr::V4(value)) => value;
    Ipv6Addr, "an IPv6 address": Value::Inet(IpAddr::V6(value)) => value;
    Varint, "an integer":
        Value::Varint(value) => value,
        Value::BigInt(value) | Value::Counter(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::SmallInt(value) => value.into(),
        Value::TinyInt(value) => value.into();
    Decimal, "a decimal": Value::Decimal(value) => value;
    Duration, "a duration": Value::Duration(value) => value;
}

/// A `duration` that consists of nanoseconds alone, or a `time` as the time since midnight.
impl<'a> DecodeValue<'a> for StdDuration {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let nanoseconds = match scalar(ty, value)? {
            Value::Time(nanoseconds)
            | Value::Duration(Duration { months: 0, days: 0, nanoseconds: nanoseconds @ 0.. }) => nanoseconds,
            Value::Duration(_) => {
                let problem =
                    "only durations of nanoseconds, not below zero, can be read as a std::time::Duration";
                return Err(ValueError::new(ty, problem));
            }
            _ => return refuse(ty, "a std::time::Duration"),
        };
        Ok(StdDuration::from_nanos(nanoseconds.unsigned_abs()))
    }
}

impl<'a> DecodeValue<'a> for &'a str {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let value = present(ty, value)?;
        match ty.base() {
            Type::Ascii if !value.is_ascii() => Err(ValueError::new(ty, "a byte above 127 in it")),
            Type::Ascii | Type::Text => {
                std::str::from_utf8(value).map_err(|_not_utf8| ValueError::new(ty, "the bytes are not UTF-8"))
            }
            other => refuse(other, "text"),
        }
    }
}

impl<'a> DecodeValue<'a> for &'a [u8] {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let value = present(ty, value)?;
        match ty.base() {
            Type::Blob
            | Type::Custom(_)
            | Type::Composite(_)
            | Type::DynamicComposite(_)
            | Type::PartitionerDefined { .. } => Ok(value),
            other => refuse(other, "bytes; for the serialized form of any value read it as Serialized"),
        }
    }
}

/// The serialized form, whatever the type.
impl<'a> DecodeValue<'a> for Serialized<'a> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        present(ty, value).map(Serialized)
    }
}

macro_rules! decode_owned {
    ($($borrowed:ty => $($owned:ty),+;)*) => {$($(
        impl<'a> DecodeValue<'a> for $owned {
            fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
                <$borrowed>::decode(ty, value).map(Into::into)
            }
        }
    )+)*};
}

decode_owned! {
    &'a str => String, Cow<'a, str>, Box<str>, Arc<str>, Rc<str>;
    &'a [u8] => Vec<u8>, Cow<'a, [u8]>, Box<[u8]>, Arc<[u8]>, Rc<[u8]>;
}

impl<'a, const N: usize> DecodeValue<'a> for [u8; N] {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let bytes = <&[u8]>::decode(ty, value)?;
        bytes.try_into().map_err(|_other_len| {
            ValueError::new(ty, format!("{} bytes, which can't be read as {N}", bytes.len()))
        })
    }
}

/// Every value of every type.
impl<'a> DecodeValue<'a> for Value {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        value.map_or(Ok(Value::Null), |value| ty.decode(value))
    }
}

impl<'a, T: DecodeValue<'a>> DecodeValue<'a> for Option<T> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        value.map(|value| T::decode(ty, Some(value))).transpose()
    }
}

macro_rules! decode_pointers {
    ($($pointer:ident),*) => {$(
        impl<'a, T: DecodeValue<'a>> DecodeValue<'a> for $pointer<T> {
            fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
                T::decode(ty, value).map($pointer::new)
            }
        }
    )*};
}

decode_pointers!(Box, Arc, Rc);

/// The elements of a list, set or vector. A collection that is null has none: that is what an empty
/// one of several cells reads as.
fn elements<'a, T: DecodeValue<'a>, C: FromIterator<T>>(
    ty: &Type,
    value: Option<&'a [u8]>,
) -> Result<C, ValueError> {
    let base = ty.base();
    let (Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. }) = base else {
        return refuse(base, "a collection of elements");
    };
    let value = match (base, value) {
        (_, Some(value)) => value,
        (Type::Vector { .. }, None) => present(ty, value)?,
        (_, None) => return Ok(C::from_iter([])),
    };
    let mut elements = base.elements(value)?;
    let collected = elements
        .by_ref()
        .map(|bytes| T::decode(element, bytes.map_err(|error| ValueError::decode(ty, &error))?))
        .collect::<Result<C, ValueError>>()?;
    finish(ty, &elements)?;
    Ok(collected)
}

fn finish(ty: &Type, elements: &Elements<'_>) -> Result<(), ValueError> {
    elements.finish().map_err(|error| ValueError::decode(ty, &error))
}

impl<'a, T: DecodeValue<'a>> DecodeValue<'a> for Vec<T> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        elements(ty, value)
    }
}

impl<'a, T: DecodeValue<'a>> DecodeValue<'a> for Box<[T]> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        elements(ty, value)
    }
}

impl<'a, T: DecodeValue<'a>, const N: usize> DecodeValue<'a> for [T; N] {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        Vec::decode(ty, value)?.try_into().map_err(|found: Vec<T>| {
            ValueError::new(ty, format!("{} elements, which can't be read as {N}", found.len()))
        })
    }
}

impl<'a, T: DecodeValue<'a> + Ord> DecodeValue<'a> for BTreeSet<T> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        elements(ty, value)
    }
}

impl<'a, T: DecodeValue<'a> + Eq + Hash, S: BuildHasher + Default> DecodeValue<'a> for HashSet<T, S> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        elements(ty, value)
    }
}

fn entries<'a, K: DecodeValue<'a>, V: DecodeValue<'a>, C: FromIterator<(K, V)>>(
    ty: &Type,
    value: Option<&'a [u8]>,
) -> Result<C, ValueError> {
    let Type::Map { entry, .. } = ty.base() else { return refuse(ty.base(), "a map") };
    let Some(value) = value else { return Ok(C::from_iter([])) };
    let mut elements = ty.base().elements(value)?;
    let wrong = |error| ValueError::decode(ty, &error);
    let collected = std::iter::from_fn(|| Some((elements.next()?, elements.next())))
        .map(|(key, value)| {
            let value = value.transpose().map_err(wrong)?.flatten();
            Ok((K::decode(&entry.0, key.map_err(wrong)?)?, V::decode(&entry.1, value)?))
        })
        .collect::<Result<C, ValueError>>()?;
    finish(ty, &elements)?;
    Ok(collected)
}

impl<'a, K: DecodeValue<'a> + Ord, V: DecodeValue<'a>> DecodeValue<'a> for BTreeMap<K, V> {
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        entries(ty, value)
    }
}

impl<'a, K, V, S> DecodeValue<'a> for HashMap<K, V, S>
where
    K: DecodeValue<'a> + Eq + Hash,
    V: DecodeValue<'a>,
    S: BuildHasher + Default,
{
    fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        entries(ty, value)
    }
}

macro_rules! decode_tuples {
    ($($count:literal ($($name:ident),+)),*) => {$(
        impl<'a, $($name: DecodeValue<'a>),+> DecodeValue<'a> for ($($name,)+) {
            fn decode(ty: &Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
                let mut fields = Fields::new(ty, $count, value)?;
                let tuple = ($(fields.next::<$name>()?,)+);
                fields.finish()?;
                Ok(tuple)
            }
        }
    )*};
}

decode_tuples!(
    1(A),
    2(A, B),
    3(A, B, C),
    4(A, B, C, D),
    5(A, B, C, D, E),
    6(A, B, C, D, E, F),
    7(A, B, C, D, E, F, G),
    8(A, B, C, D, E, F, G, H)
);

/// The fields of a tuple or a user type, in order. Those that the value is too old to have are
/// null.
struct Fields<'t, 'a> {
    ty: &'t Type,
    elements: Elements<'a>,
    index: usize,
}

impl<'t, 'a> Fields<'t, 'a> {
    fn new(ty: &'t Type, expected: usize, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let count = match ty.base() {
            Type::Tuple(fields) => fields.len(),
            Type::Udt { definition, .. } => definition.fields.len(),
            other => return refuse(other, "a tuple"),
        };
        if count != expected {
            let problem = format!("it has {count} fields and can't be read as a tuple of {expected}");
            return Err(ValueError::new(ty, problem));
        }
        Ok(Fields { ty, elements: ty.base().elements(present(ty, value)?)?, index: 0 })
    }

    fn next<T: DecodeValue<'a>>(&mut self) -> Result<T, ValueError> {
        let Some(field) = self.ty.element_type_at(self.index) else {
            return Err(ValueError::new(self.ty, "too few fields"));
        };
        self.index += 1;
        let value = self.elements.next().transpose();
        T::decode(field, value.map_err(|error| ValueError::decode(self.ty, &error))?.flatten())
    }

    fn finish(&self) -> Result<(), ValueError> {
        finish(self.ty, &self.elements)
    }
}
