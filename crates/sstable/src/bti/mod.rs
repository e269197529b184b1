//! The trie indexes of the BTI format: `Partitions.db` and `Rows.db`.
//!
//! Both files hold tries of byte-comparable keys whose nodes are addressed by file position, point
//! backwards to their children and never cross a page of 4,096 bytes ([`node`]). One writer lays
//! nodes out as Cassandra does ([`writer`]), one set of walks reads them ([`walk`]); the two files
//! differ in their payloads and in the data around the tries ([`partitions`], [`rows`]).
//!
//! Readers work on the bytes of the whole file, borrowed from memory or from a map. Keys arrive
//! already encoded and hashed, so that a lookup allocates nothing.

mod node;
mod output;
mod partitions;
mod rows;
mod sized_int;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use output::IndexOutput;
pub(crate) use partitions::PartitionCursor;
pub use partitions::{PartitionIndex, PartitionIndexBuilder, PartitionPosition};
pub(crate) use rows::RowIndexCursor;
pub use rows::{IndexBlock, RowIndex, RowIndexWriter};
pub use writer::IndexBuildError;

/// Appends a partition key with its 16-bit length.
fn push_short_bytes(key: &[u8], out: &mut Vec<u8>) -> Result<(), IndexBuildError> {
    let Ok(len) = u16::try_from(key.len()) else { return Err(IndexBuildError::KeyTooLong(key.len())) };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(key);
    Ok(())
}
