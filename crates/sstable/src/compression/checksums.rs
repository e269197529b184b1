//! `CRC.db` and `Digest.crc32`: checksums of an uncompressed Data.db by slices, and of any Data.db
//! as a whole.

use std::path::Path;

use helenus_types::{DecodeError, Reader};

use super::MAX_CHUNK_LEN;
use crate::error::SsTableError;

/// CRC.db: the checksums of an uncompressed Data.db by slices.
///
/// ```text
/// chunk_size  i32
/// crc         u32*     CRC32 of each slice of chunk_size bytes of Data.db, the last one shorter
/// ```
///
/// A file of 618 bytes: `00010000 c206f3f3` (`io.util.ChecksumWriter`). Releases of ScyllaDB end
/// with the checksum of a slice without bytes: `00010000 c206f3f3 00000000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrcComponent {
    /// Bytes of Data.db a slice.
    pub chunk_len: u32,
    /// CRC32 of each slice.
    pub crcs: Vec<u32>,
}

impl CrcComponent {
    /// Reads the bytes of the file at `path`.
    ///
    /// # Errors
    /// When the slices' length is impossible or the checksums are not whole.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<CrcComponent, SsTableError> {
        let mut reader = Reader::new(bytes);
        let head = reader.take_array().map_err(|error| SsTableError::new(path, error))?;
        let (chunk_len, _) = CrcComponent::decode_head(*head, bytes.len() as u64)
            .map_err(|error| SsTableError::new(path, error))?;
        let (crcs, _) = reader.rest().as_chunks::<4>();
        Ok(CrcComponent { chunk_len, crcs: crcs.iter().map(|crc| u32::from_be_bytes(*crc)).collect() })
    }

    /// Bytes before the checksums.
    pub(super) const HEAD_LEN: u64 = 4;

    /// Bytes of a slice, of a file of `file_len` bytes that begins with those; and the number of
    /// checksums.
    pub(super) fn decode_head(head: [u8; 4], file_len: u64) -> Result<(u32, u64), DecodeError> {
        let chunk_len = u32::from_be_bytes(head);
        if chunk_len == 0 || chunk_len > MAX_CHUNK_LEN {
            return Err(DecodeError::new(0, "a slice length", format!("{chunk_len}")));
        }
        let (count, rest) = ((file_len - Self::HEAD_LEN) / 4, file_len % 4);
        if rest != 0 {
            return Err(DecodeError::new(file_len - rest, "checksums of 4 bytes", format!("{rest} bytes")));
        }
        Ok((chunk_len, count))
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let words = std::iter::once(&self.chunk_len).chain(&self.crcs);
        words.flat_map(|word| word.to_be_bytes()).collect()
    }
}

/// Digest.crc32: the CRC32 of all bytes of Data.db as stored, in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub u32);

impl Digest {
    /// Reads the bytes of the file at `path`: its first line.
    ///
    /// # Errors
    /// When that is not a 32-bit number.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<Digest, SsTableError> {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = std::str::from_utf8(line).unwrap_or_default().trim_ascii();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Digest).ok_or_else(|| {
            SsTableError::corrupt(
                path,
                0,
                "a CRC32 in decimal",
                format!("{:?}", line.escape_ascii().to_string()),
            )
        })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::ChunkedFile;

    #[test]
    fn checksums_of_slices() {
        let bytes = [0x00, 0x01, 0x00, 0x00, 0xc2, 0x06, 0xf3, 0xf3];
        let crc = CrcComponent::decode(Path::new("c"), &bytes).unwrap();
        assert_eq!(crc, CrcComponent { chunk_len: 65536, crcs: vec![0xc206_f3f3] });
        assert_eq!(crc.encode(), bytes);
        let chunks = |len: u64, more: &[u8]| {
            let crc = CrcComponent::decode(Path::new("c"), &[&bytes[..], more].concat()).unwrap();
            ChunkedFile::plain("d", len, Some(crc)).map(|chunks| chunks.chunk_count())
        };
        assert_eq!(chunks(618, &[]).unwrap(), 1);
        // As ScyllaDB ends it.
        assert_eq!(chunks(618, &[0; 4]).unwrap(), 1);
        assert!(chunks(618, &[1; 4]).is_err() && chunks(618, &[0; 8]).is_err());
        // The last of two slices, whose checksum happens to be 0.
        assert_eq!(chunks(65537, &[0; 4]).unwrap(), 2);
        for broken in [&bytes[..7], &bytes[..3], &[0, 0, 0, 0], &[0xff; 4]] {
            assert!(CrcComponent::decode(Path::new("c"), broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn digests() {
        let check = |bytes: &[u8], expected| {
            assert_eq!(
                Digest::decode(Path::new("d"), bytes).ok().map(|digest| digest.0),
                expected,
                "{bytes:?}"
            );
        };
        check(b"4294967295", Some(u32::MAX));
        check(b"17\nData.db", Some(17));
        check(b"4294967296", None);
        check(b"+1", None);
        check(b"", None);
        check(b"\xff", None);
        assert_eq!(Digest(17).encode(), b"17");
    }
}
