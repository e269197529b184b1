//! Data.db as chunks: compressed ones with their offsets in CompressionInfo.db, or plain slices
//! with their checksums in CRC.db.
//!
//! ```text
//! compressed  Data.db := (payload, crc32(payload) u32)*     chunk i at offset[i] of CompressionInfo.db
//! plain       Data.db := byte*                              slices of the chunk size of CRC.db
//! ```
//!
//! All positions in indexes count uncompressed bytes. Whether Data.db is compressed is decided by
//! the existence of CompressionInfo.db, and how by its content, never by the table's schema: a
//! flush may use another compressor.
//!
//! `params.rs` is the schema's option map, `codec.rs` the compressors, `info.rs`
//! CompressionInfo.db, `checksums.rs` CRC.db and Digest.crc32, `numbers.rs` the lists in the two
//! that are read by page, `reader.rs` and `writer.rs` the chunks themselves, `stored.rs` all their
//! checksums in one pass, `recover.rs` chunks of which nothing says where they are.

mod checksums;
mod codec;
mod info;
mod numbers;
mod params;
mod reader;
mod recover;
mod stored;
mod writer;

pub use checksums::{CrcComponent, Digest};
pub use codec::Codec;
pub use info::CompressionInfo;
pub use params::{CompressionParams, InvalidCompression};
pub use reader::{ChunkReader, ChunkScratch, ChunkVerification, ChunkedFile};
pub use writer::ChunkWriter;
pub(crate) use writer::WrittenChunks;

/// Stored payloads are followed by their CRC32.
const CRC_LEN: u64 = 4;

/// Chunks longer than this are not believed: Cassandra's own are 16 KiB, and a reader has to
/// allocate one.
const MAX_CHUNK_LEN: u32 = 256 << 20;

/// The `max_compressed` that means that no chunk is stored raw (Java's `Integer.MAX_VALUE`).
const NEVER_RAW: u32 = i32::MAX.cast_unsigned();

/// Slice length of plain files: the buffer of Cassandra's `SequentialWriter`.
const PLAIN_CHUNK_LEN: u32 = 64 << 10;
