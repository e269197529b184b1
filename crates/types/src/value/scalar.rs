//! The one reading of values that have no elements.

use std::fmt::{Display, Write};
use std::net::IpAddr;

use uuid::Uuid;

use crate::temporal::{NANOS_PER_DAY, push_date, push_time, push_timestamp};
use crate::text::{push_double, push_float, push_number, push_unsigned};
use crate::{Decimal, Duration, Hex, Type, ValueError, Varint};

/// A value without elements, read. Types whose values mean the same share a variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// No bytes, in a type where that says nothing: an empty `int`. Not every such type allows it
    /// ([`Type::allows_empty`]).
    Empty,
    /// `ascii`, `text`.
    Text(&'a str),
    /// Bytes that only their own class understands ([`Type::is_opaque`]).
    Opaque(&'a [u8]),
    /// `boolean`.
    Boolean(bool),
    /// `tinyint`, `smallint`, `int`, `bigint`, `counter`.
    Integer(i64),
    /// `varint`.
    Varint(Varint),
    /// `decimal`.
    Decimal(Decimal),
    /// `float`.
    Float(f32),
    /// `double`.
    Double(f64),
    /// `timestamp`: milliseconds since 1970.
    Timestamp(i64),
    /// `date`: days, 2^31 being 1970-01-01.
    Date(u32),
    /// `time`: nanoseconds since midnight.
    Time(i64),
    /// `duration`.
    Duration(Duration),
    /// `uuid`, `timeuuid`.
    Uuid(Uuid),
    /// `inet`.
    Inet(IpAddr),
}

impl Type {
    /// Reads a value of a type without elements.
    ///
    /// # Errors
    /// If the bytes are no value of the type, or the type's values have elements.
    #[inline]
    pub fn scalar<'a>(&self, value: &'a [u8]) -> Result<Scalar<'a>, ValueError> {
        self.read_scalar(value).ok_or_else(|| ValueError::new(self, "the bytes are not a value of this type"))
    }

    fn read_scalar<'a>(&self, value: &'a [u8]) -> Option<Scalar<'a>> {
        Some(match self {
            Type::Ascii if !value.is_ascii() => return None,
            Type::Ascii | Type::Text => Scalar::Text(std::str::from_utf8(value).ok()?),
            Type::Reversed(base) => return base.read_scalar(value),
            _ if value.is_empty() && !self.is_opaque() => (!self.has_elements()).then_some(Scalar::Empty)?,
            Type::Boolean => Scalar::Boolean(*value.first().filter(|_| value.len() == 1)? != 0),
            Type::TinyInt => Scalar::Integer(i8::from_be_bytes(value.try_into().ok()?).into()),
            Type::SmallInt => Scalar::Integer(i16::from_be_bytes(value.try_into().ok()?).into()),
            Type::Int => Scalar::Integer(i32::from_be_bytes(value.try_into().ok()?).into()),
            Type::BigInt | Type::Counter => Scalar::Integer(i64::from_be_bytes(value.try_into().ok()?)),
            Type::Varint => Scalar::Varint(Varint::from_be_bytes(value)),
            Type::Decimal => Scalar::Decimal(Decimal::from_bytes(value)?),
            Type::Float => Scalar::Float(f32::from_be_bytes(value.try_into().ok()?)),
            Type::Double => Scalar::Double(f64::from_be_bytes(value.try_into().ok()?)),
            Type::Timestamp | Type::LegacyDate => {
                Scalar::Timestamp(i64::from_be_bytes(value.try_into().ok()?))
            }
            Type::Date => Scalar::Date(u32::from_be_bytes(value.try_into().ok()?)),
            Type::Time => {
                let nanos = i64::from_be_bytes(value.try_into().ok()?);
                Scalar::Time((0..NANOS_PER_DAY).contains(&nanos).then_some(nanos)?)
            }
            Type::Duration => Scalar::Duration(Duration::from_bytes(value).ok()?),
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => Scalar::Uuid(Uuid::from_slice(value).ok()?),
            Type::Inet => Scalar::Inet(match <[u8; 4]>::try_from(value) {
                Ok(bytes) => bytes.into(),
                Err(_) => <[u8; 16]>::try_from(value).ok()?.into(),
            }),
            _ if self.is_opaque() => Scalar::Opaque(value),
            _ => return None,
        })
    }
}

impl Scalar<'_> {
    /// Appends the text that all forms of texts share, without quotes: numbers and times as Java
    /// prints them, bytes in hexadecimal.
    pub fn push(&self, out: &mut String) {
        match self {
            Scalar::Empty => {}
            Scalar::Text(text) => out.push_str(text),
            Scalar::Opaque(bytes) => Hex(bytes).push(out),
            Scalar::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Scalar::Integer(number) => push_number(*number, out),
            Scalar::Varint(number) => push_display(number, out),
            Scalar::Decimal(number) => push_display(number, out),
            Scalar::Float(number) if number.is_finite() => push_float(*number, out),
            Scalar::Double(number) if number.is_finite() => push_double(*number, out),
            Scalar::Float(number) => push_not_finite((*number).into(), out),
            Scalar::Double(number) => push_not_finite(*number, out),
            Scalar::Timestamp(millis) => push_timestamp(*millis, out),
            Scalar::Date(days) => push_date(*days, out),
            Scalar::Time(nanos) => push_time(*nanos, out),
            Scalar::Duration(duration) => push_display(duration, out),
            Scalar::Uuid(uuid) => out.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Scalar::Inet(address) => push_address(*address, out),
        }
    }
}

fn push_not_finite(value: f64, out: &mut String) {
    out.push_str(match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    });
}

/// Appends what `{}` prints, without a string of its own.
fn push_display(value: impl Display, out: &mut String) {
    // Writing to a string doesn't fail.
    write!(out, "{value}").unwrap_or_default();
}

/// All eight groups of an IPv6 address, as Java prints it, which takes an IPv4 address in an IPv6
/// one for the former.
fn push_address(address: IpAddr, out: &mut String) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "." });
                push_unsigned(octet.into(), out);
            }
        }
        IpAddr::V6(address) => {
            for (index, group) in address.segments().into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ":" });
                push_display(format_args!("{group:x}"), out);
            }
        }
    }
}
