//! The position of a query, at which its next page begins.
//!
//! ```text
//! version     u8       1
//! shown last  u8       0: the partition's static row alone, 1: a row
//! shown       uvint    rows of the partition that were shown, at least 1
//! key         uvint length, bytes
//! clustering  uvint length, bytes; of a row only
//! checksum    u32      CRC-32 of all bytes before it
//! ```
//!
//! Row 7 of partition 1 (both `int`), the second that was shown:
//! `01 01 02 04 00000001 05 0000000007 a51ea38d`.

use helenus_types::{DecodeError, Reader, vint};

use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 1;
const STATIC_ROW: u8 = 0;
const ROW: u8 = 1;

/// The place where a query stopped: the last row that it showed. The same query with
/// [`Select::after`](crate::Select::after) continues after it, in this process or, by way of
/// [`to_bytes`](Self::to_bytes), in another one and with another release.
///
/// A position belongs to its query: another query may refuse it, or continue from a meaningless
/// place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowPosition {
    partition_key: Vec<u8>,
    clustering: Option<Vec<u8>>,
    shown: u64,
}

impl RowPosition {
    /// `shown` rows of the partition have been shown, the last one with that encoded clustering.
    pub(super) fn new(partition_key: &[u8], clustering: Option<&[u8]>, shown: u64) -> Self {
        debug_assert!(shown > 0, "a position is that of a row that was shown");
        Self { partition_key: partition_key.to_vec(), clustering: clustering.map(<[u8]>::to_vec), shown }
    }

    /// Raw key of the partition.
    pub fn partition_key(&self) -> &[u8] {
        &self.partition_key
    }

    /// Encoded clustering of the row; `None` for a partition that showed its static row only.
    pub fn clustering(&self) -> Option<&[u8]> {
        self.clustering.as_deref()
    }

    /// Number of rows of the partition that were shown, on earlier pages too: the used part of
    /// [`Select::limit_per_partition`](crate::Select::limit_per_partition).
    pub fn shown_of_partition(&self) -> u64 {
        self.shown
    }

    /// The position as bytes, which all later releases read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION, if self.clustering.is_some() { ROW } else { STATIC_ROW }];
        vint::write_unsigned(&mut out, self.shown);
        for part in std::iter::once(&self.partition_key).chain(&self.clustering) {
            vint::write_unsigned(&mut out, part.len() as u64);
            out.extend_from_slice(part);
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        out
    }

    /// The position of bytes from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the bytes are no position, or that of a newer release.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes)
            .map_err(|error| Error::with(ErrorKind::Invalid, error).context("not a row's position"))
    }

    fn read(bytes: &[u8]) -> std::result::Result<Self, DecodeError> {
        let Some((content, checksum)) = bytes.split_last_chunk::<4>() else {
            return Err(DecodeError::new(0, "a position", format!("{} bytes", bytes.len())));
        };
        let mut reader = Reader::new(content);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::new(0, format!("version {VERSION} of a position"), version.to_string()));
        }
        let expected = crc32fast::hash(content);
        let found = u32::from_be_bytes(*checksum);
        if found != expected {
            let expected = format!("the checksum {expected:08x}");
            return Err(DecodeError::new(content.len() as u64, expected, format!("{found:08x}")));
        }
        let place = reader;
        let last = reader.u8()?;
        let shown = reader.unsigned_vint()?;
        if shown == 0 {
            return Err(place.error("a number of rows", "0"));
        }
        let partition_key = reader.vint_bytes()?.to_vec();
        let clustering = match last {
            STATIC_ROW => None,
            ROW => Some(reader.vint_bytes()?.to_vec()),
            other => return Err(place.error("0 or 1 for what was shown last", other.to_string())),
        };
        if !reader.is_empty() {
            return Err(reader.error("the end of the position", "more bytes"));
        }
        Ok(Self { partition_key, clustering, shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use helenus_types::Hex;

    #[test]
    fn the_form_stays() {
        let position =
            RowPosition::new(&1i32.to_be_bytes(), Some(&[&[0][..], &7i32.to_be_bytes()].concat()), 2);
        assert_eq!(Hex(&position.to_bytes()).to_string(), "0101020400000001050000000007a51ea38d");
        let position = RowPosition::new(&1i32.to_be_bytes(), None, 1);
        assert_eq!(Hex(&position.to_bytes()).to_string(), "0100010400000001e0539a04");
    }

    #[test]
    fn bytes_come_back_and_others_are_refused() {
        for (key, clustering, shown) in
            [(&b"key"[..], Some(&b"clustering"[..]), 1), (b"", Some(b""), u64::MAX), (b"k", None, 1)]
        {
            let position = RowPosition::new(key, clustering, shown);
            let bytes = position.to_bytes();
            assert_eq!(RowPosition::from_bytes(&bytes).unwrap(), position);
            for len in 0..bytes.len() {
                let error = RowPosition::from_bytes(&bytes[..len]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Invalid, "{len} bytes");
            }
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut flipped = bytes.clone();
                    flipped[at] ^= 1 << bit;
                    let error = RowPosition::from_bytes(&flipped).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Invalid, "bit {bit} of byte {at}");
                }
            }
            assert!(RowPosition::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn what_has_a_checksum_is_still_looked_into() {
        let sealed = |content: &[u8]| [content, &crc32fast::hash(content).to_be_bytes()].concat();
        for (content, problem) in [
            (&[2u8, 1, 1, 0, 0][..], "version 1"),
            (&[1, 2, 1, 0], "0 or 1"),
            (&[1, 0, 0, 0], "a number of rows"),
            (&[1, 0, 1, 9, 0], "at offset"),
            (&[1, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "at offset"),
            (&[1, 0, 1, 0, 7], "the end of the position"),
        ] {
            let error = RowPosition::from_bytes(&sealed(content)).unwrap_err();
            assert!(error.to_string().contains(problem), "{content:?}: {error}");
        }
    }
}
