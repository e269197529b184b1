//! Cassandra's Bloom filter over partition keys: the content of `Filter.db`.
//!
//! What this crate knows: how large a filter is for a number of keys and a false positive chance,
//! which bits a key sets, and how the bits are laid out in either byte order. What it must not
//! know: files, versions (the caller says which order), which table the keys belong to.
//!
//! Start reading at [`Filter`].

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod filter;
mod sizing;

pub use filter::{BitOrder, Filter};
pub use sizing::{FilterError, FilterSize, MIN_FP_CHANCE};
