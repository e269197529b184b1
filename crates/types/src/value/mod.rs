//! Values out of bytes and into them.

#[cfg(feature = "chrono")]
mod chrono;
mod convert;
mod dates;
mod decode;
mod display;
mod encode;
mod equal;
mod frame;
mod scalar;
#[cfg(feature = "time")]
mod time;
mod typed;
mod udt;

use std::net::IpAddr;

use uuid::Uuid;

use crate::{Decimal, Duration, Varint};

pub use dates::{Date, TimeOfDay};
pub use encode::{EncodeValue, Serialized};
pub use frame::ElementsWriter;
pub use scalar::Scalar;
pub use typed::DecodeValue;
pub use udt::{UdtFields, encode_udt};

/// A value of any type, decoded.
///
/// Made `From` the Rust types that correspond to exactly one CQL type, with the constructors, or by
/// naming the variant; taken apart by matching, by the accessors, or by `TryFrom`. Displayed as CQL
/// writes it.
///
/// Equality is of type and content: an `int` never equals a `bigint`, nor 1.0 as a decimal 1.00.
/// Floating-point numbers are equal as in Cassandra's order: NaN equals NaN, and 0.0 is not -0.0.
///
/// ```
/// use helenus_types::Value;
///
/// let address = Value::udt([("street", Value::from("Main St")), ("zip", 42.into())]);
/// assert_eq!(address.to_string(), "{street: 'Main St', zip: 42}");
/// assert_eq!(address.field("zip").and_then(Value::as_i64), Some(42));
/// assert_eq!(i32::try_from(Value::from(7)), Ok(7));
/// ```
#[derive(Debug, Clone)]
pub enum Value {
    /// No value.
    Null,
    /// A value of no bytes, of a type for which that says nothing: an empty `int`.
    Empty,
    /// `ascii`.
    Ascii(String),
    /// `text`.
    Text(String),
    /// `blob`, and what only its own class understands.
    Blob(Vec<u8>),
    /// `boolean`.
    Boolean(bool),
    /// `tinyint`.
    TinyInt(i8),
    /// `smallint`.
    SmallInt(i16),
    /// `int`.
    Int(i32),
    /// `bigint`.
    BigInt(i64),
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
    /// `uuid`.
    Uuid(Uuid),
    /// `timeuuid`.
    TimeUuid(Uuid),
    /// `inet`.
    Inet(IpAddr),
    /// `counter`: the total.
    Counter(i64),
    /// `list`.
    List(Vec<Value>),
    /// `set`, in the order of its elements.
    Set(Vec<Value>),
    /// `map`, in the order of its keys.
    Map(Vec<(Value, Value)>),
    /// `tuple`: as many fields as the type has.
    Tuple(Vec<Value>),
    /// A user type: all its fields by name.
    Udt(Vec<(String, Value)>),
    /// `vector`.
    Vector(Vec<Value>),
}
