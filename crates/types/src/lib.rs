//! CQL types, value encodings, order, byte-comparable forms, tokens and vints.
//!
//! What this crate knows: how a single value is spelled (as bytes, as text, as a name of its type) and how values
//! compare. What it must not know: rows, files, clocks.
//!
//! Start reading at [`Reader`], which every decoder uses, and [`vint`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod error;
mod murmur;
mod partitioner;
mod reader;
mod units;

pub mod comparable;
pub mod vint;

pub use error::DecodeError;
pub use murmur::{hash2_64, murmur3};
pub use partitioner::{
    Partitioner, Side, decorated_key_comparable, murmur3_bound_comparable, token_bound_comparable,
};
pub use reader::Reader;
pub use units::{Generation, LocalDeletionTime, LogPosition, TableId, Timestamp, Token};
