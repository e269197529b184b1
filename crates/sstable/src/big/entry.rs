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

use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// The entry of a partition in `Index.db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry<'a> {
    /// The raw partition key.
    pub key: &'a [u8],
    /// Position of the partition in Data.db.
    pub data_position: u64,
    /// Bytes of the row index, none for a partition without one.
    pub promoted_len: u64,
    /// Offset of the row index in the file.
    pub promoted_position: u64,
    /// Offset of the entry's end in the file.
    pub end: u64,
}

/// Bytes of the length of a key.
const KEY_LEN_BYTES: usize = 2;
/// The most bytes of the two numbers after a key.
const NUMBERS_BYTES: usize = 2 * 9;

impl<'a> IndexEntry<'a> {
    /// The entry at a position of the file, but its row index.
    ///
    /// # Errors
    /// When the file ends inside it; a failed read.
    #[inline]
    pub fn read(
        file: &'a PagedFile,
        held: &'a mut HeldPage,
        position: u64,
    ) -> Result<IndexEntry<'a>, SsTableErrorKind> {
        let key_len = match file.tail(held, position)?.first_chunk() {
            Some(len) => *len,
            None => file.array::<KEY_LEN_BYTES>(position)?,
        };
        let most = KEY_LEN_BYTES + usize::from(u16::from_be_bytes(key_len)) + NUMBERS_BYTES;
        let bytes = file.region(held, position, most)?;
        Ok(IndexEntry::decode(bytes, position, file.len()).map_err(|error| error.shifted(position))?)
    }

    fn decode(bytes: &'a [u8], position: u64, file_len: u64) -> Result<IndexEntry<'a>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let key = reader.u16_bytes()?;
        let data_position = reader.unsigned_vint()?;
        let promoted_len = reader.unsigned_vint()?;
        let promoted_position = position + reader.position() as u64;
        let left = file_len.saturating_sub(promoted_position);
        if promoted_len > left {
            return Err(reader.error(format!("{promoted_len} bytes"), format!("{left} bytes")));
        }
        let end = promoted_position + promoted_len;
        Ok(IndexEntry { key, data_position, promoted_len, promoted_position, end })
    }
}
