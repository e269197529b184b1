//! `CRC.db` and `Digest.crc32`: checksums of an uncompressed Data.db by slices, and of any Data.db
//! as a whole.

use std::path::Path;

use helenus_types::Reader;

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
        let chunk_len = reader.u32().map_err(|error| SsTableError::new(path, error))?;
        if chunk_len == 0 || chunk_len > MAX_CHUNK_LEN {
            return Err(SsTableError::corrupt(path, 0, "a slice length", format!("{chunk_len}")));
        }
        let (crcs, rest) = reader.rest().as_chunks::<4>();
        if !rest.is_empty() {
            let offset = bytes.len() - rest.len();
            return Err(SsTableError::corrupt(
                path,
                offset as u64,
                "checksums of 4 bytes",
                format!("{} bytes", rest.len()),
            ));
        }
        Ok(CrcComponent { chunk_len, crcs: crcs.iter().map(|crc| u32::from_be_bytes(*crc)).collect() })
    }

    /// Number of slices, for a file of `slices`: one more may be there that has no bytes.
    pub(super) fn slice_count(&self, slices: u64) -> u64 {
        let stored = self.crcs.len() as u64;
        let of_nothing = stored == slices + 1 && self.crcs.last() == Some(&crc32fast::hash(&[]));
        stored - u64::from(of_nothing)
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

    #[test]
    fn checksums_of_slices() {
        let bytes = [0x00, 0x01, 0x00, 0x00, 0xc2, 0x06, 0xf3, 0xf3];
        let crc = CrcComponent::decode(Path::new("c"), &bytes).unwrap();
        assert_eq!(crc, CrcComponent { chunk_len: 65536, crcs: vec![0xc206_f3f3] });
        assert_eq!(crc.encode(), bytes);
        assert_eq!(crc.slice_count(1), 1);
        let scylladbs = CrcComponent::decode(Path::new("c"), &[&bytes[..], &[0; 4]].concat()).unwrap();
        assert_eq!((scylladbs.crcs.len(), scylladbs.slice_count(1)), (2, 1));
        let other = CrcComponent::decode(Path::new("c"), &[&bytes[..], &[1; 4]].concat()).unwrap();
        assert_eq!(other.slice_count(1), 2);
        // The last of two slices, whose checksum happens to be 0.
        assert_eq!(scylladbs.slice_count(2), 2);
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
