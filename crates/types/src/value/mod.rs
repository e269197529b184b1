//! Values out of bytes and into them.

mod decode;
mod encode;
mod frame;

use std::net::IpAddr;

use num_bigint::BigInt;
use uuid::Uuid;

use crate::{Decimal, Duration};

pub use encode::{EncodeValue, Serialized};
pub(crate) use frame::{
    begin_element, end_element, finish_map, finish_set, null_element, patch, vector_element,
};

/// A value of any type, decoded.
#[derive(Debug, Clone, PartialEq)]
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
    Varint(BigInt),
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
