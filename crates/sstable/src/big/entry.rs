//! `Index.db`: where each partition is.
//!
//! Without header or end, for each partition in the order of Data.db:
//!
//! ```text
//! key          u16 length, raw partition key
//! position     unsigned vint, of the partition in the uncompressed Data.db
//! promoted     unsigned vint: bytes that follow of this entry; 0 for a partition without a row index
//! row index    see super::promoted
//! ```
//!
//! `0001 31 16 00` is the entry of the key "1", whose partition begins at 22 and has no row index.
//! (Cassandra: `io.sstable.format.big.RowIndexEntry`, `BigTableReader`.)

use helenus_types::{DecodeError, Reader};

/// What `Index.db` holds about a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry<'a> {
    /// The raw partition key.
    pub key: &'a [u8],
    /// Position of the partition in Data.db.
    pub data_position: u64,
    /// Bytes of the row index, none for a partition without one.
    pub promoted: &'a [u8],
    /// Offset of the row index in the file.
    pub promoted_position: u64,
    /// Offset of the entry's end in the file.
    pub end: u64,
}

impl<'a> IndexEntry<'a> {
    /// The entry at a position of the file.
    ///
    /// # Errors
    /// When the file ends inside it.
    #[inline]
    pub fn read(file: &'a [u8], position: u64) -> Result<IndexEntry<'a>, DecodeError> {
        let mut reader = Reader::at(file, usize::try_from(position).unwrap_or(usize::MAX));
        let key = reader.u16_bytes()?;
        let data_position = reader.unsigned_vint()?;
        let promoted = reader.vint_bytes()?;
        let end = reader.position() as u64;
        let promoted_position = end - promoted.len() as u64;
        Ok(IndexEntry { key, data_position, promoted, promoted_position, end })
    }
}
