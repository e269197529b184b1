//! CQL types, value encodings, order, byte-comparable forms, tokens and vints.
//!
//! What this crate knows: how a single value is spelled (as bytes, as text), how a type is named
//! (in CQL, as a class of Cassandra), how values compare, where partitions lie on the ring. What it
//! must not know: rows, files, clocks.
//!
//! Start reading at [`Type`] (`ty/mod.rs`), around which everything else hangs; decoders of all
//! crates read bytes with [`Reader`] and [`vint`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod decimal;
mod duration;
mod error;
mod hex;
mod murmur;
mod partitioner;
mod reader;
mod temporal;
mod text;
mod ty;
mod units;
mod value;
mod varint;

pub mod comparable;
pub mod timeuuid;
pub mod vint;

pub use decimal::{Decimal, ParseDecimalError};
pub use duration::{Duration, ParseDurationError};
pub use error::{DecodeError, ValueError};
pub use hex::Hex;
pub use murmur::{hash2_64, murmur3};
pub use partitioner::{Side, decorated_key_comparable, murmur3_bound_comparable, token_bound_comparable};
pub use reader::Reader;
pub use temporal::Day;
pub use text::{
    JsonMembers, JsonObject, ValueSink, escape_json, is_reserved, push_identifier, push_json_key,
    push_json_list, push_json_name, push_json_string, push_number, push_unsigned,
};
pub use ty::{Element, Elements, Partitioner, Type, TypeError, UserType};
pub use units::{Generation, LocalDeletionTime, LogPosition, TableId, Timestamp, Token};
pub use value::{
    Date, DecodeValue, ElementsWriter, EncodeValue, Scalar, Serialized, TimeOfDay, UdtFields, Value,
    encode_udt,
};
pub use varint::{ParseVarintError, Varint, VarintOutOfRange};
