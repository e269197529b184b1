//! Checksums of the files that Cassandra's format leaves without any: `Partitions.db`, `Rows.db`
//! and `Filter.db`.
//!
//! They are a component of our own. Cassandra takes a name that it does not know for a custom
//! component and ignores it; files of other programs have none.
//!
//! ```text
//! magic       8 bytes       "HelPages"
//! page size   u32           bytes
//! files       u8
//! each file:
//!     name    u16 length, UTF-8     the component's, such as "Rows.db"
//!     length  u64           bytes
//!     pages   u32 each      CRC32 of each page of the file; the last page ends with the file
//! crc         u32           CRC32 of everything before it
//! ```
//!
//! With a page of 4 bytes, the file "F" of the bytes `01 02 03 04 05` is
//! `48656c5061676573 00000004 01 0001 46 0000000000000005 b63cfbcd a2681b02` and the checksum
//! `dbaa316b`.

use helenus_types::{DecodeError, Reader};

/// The component's name.
pub const PAGE_CHECKSUMS_COMPONENT: &str = "Helenus.crc32";

const MAGIC: &[u8; 8] = b"HelPages";
/// The size of the tries' pages, so that a page read is a page checked.
const DEFAULT_PAGE_BYTES: u32 = 4096;
/// The same, for readers by page.
pub(crate) const PAGE_BYTES: u64 = DEFAULT_PAGE_BYTES as u64;
/// The length of the trailing checksum.
const CRC_BYTES: usize = 4;

/// The checksums of some files of an SSTable, by page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageChecksums {
    files: Vec<FileChecksums>,
}

/// The checksums of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChecksums {
    name: String,
    page_bytes: u32,
    length: u64,
    pages: Vec<u32>,
}

impl PageChecksums {
    /// The checksums of whole files, given as the component's name and the bytes.
    #[must_use]
    pub fn compute(files: &[(&str, &[u8])]) -> PageChecksums {
        let mut checksums = PageChecksums::default();
        for (name, bytes) in files {
            let mut hasher = PageHasher::new(name);
            hasher.update(bytes);
            checksums.add(hasher.finish());
        }
        checksums
    }

    /// Adds a file.
    pub fn add(&mut self, file: FileChecksums) {
        self.files.push(file);
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &FileChecksums> {
        self.files.iter()
    }

    /// The checksums of the component of that name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileChecksums> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Takes the checksums of the component of that name out.
    pub(crate) fn take(&mut self, name: &str) -> Option<FileChecksums> {
        let at = self.files.iter().position(|file| file.name == name)?;
        Some(self.files.swap_remove(at))
    }

    /// Appends the bytes of the component.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let page_bytes = self.files.first().map_or(DEFAULT_PAGE_BYTES, |file| file.page_bytes);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&page_bytes.to_be_bytes());
        // An SSTable has less than a dozen components, and their names are short.
        let Ok(count) = u8::try_from(self.files.len()) else { unreachable!("more than 255 components") };
        out.push(count);
        for file in &self.files {
            let Ok(name_len) = u16::try_from(file.name.len()) else { unreachable!("a name of 64 KiB") };
            out.extend_from_slice(&name_len.to_be_bytes());
            out.extend_from_slice(file.name.as_bytes());
            out.extend_from_slice(&file.length.to_be_bytes());
            file.pages.iter().for_each(|crc| out.extend_from_slice(&crc.to_be_bytes()));
        }
        let Some(body) = out.get(start..) else { unreachable!("the component was appended") };
        let crc = crc32fast::hash(body);
        out.extend_from_slice(&crc.to_be_bytes());
    }

    /// Reads the bytes of the component.
    ///
    /// # Errors
    /// A wrong checksum, or anything else than [`encode`](Self::encode) writes.
    pub fn decode(bytes: &[u8]) -> Result<PageChecksums, DecodeError> {
        let end = bytes.len().saturating_sub(CRC_BYTES);
        let body = bytes.get(..end).unwrap_or_default();
        let expected = Reader::at(bytes, end).u32()?;
        check(0, expected, body)?;
        let mut reader = Reader::new(body);
        if reader.take_array()? != MAGIC {
            return Err(DecodeError::new(0, "the magic HelPages", "other bytes"));
        }
        let page_bytes = reader.u32()?;
        let count = reader.u8()?;
        let files =
            (0..count).map(|_| FileChecksums::decode(&mut reader, page_bytes)).collect::<Result<_, _>>()?;
        if reader.is_empty() {
            Ok(PageChecksums { files })
        } else {
            Err(reader.error("the checksum", "more bytes"))
        }
    }
}

impl FileChecksums {
    /// The component's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of a page; the last one may have fewer.
    #[must_use]
    pub fn page_bytes(&self) -> u32 {
        self.page_bytes
    }

    /// Bytes of the file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Checks one page, read whole.
    ///
    /// # Errors
    /// A page that the file does not have, or bytes other than those that were written.
    pub fn verify_page(&self, page: u64, bytes: &[u8]) -> Result<(), DecodeError> {
        let offset = page.saturating_mul(u64::from(self.page_bytes));
        let expected_len = self.length.saturating_sub(offset).min(u64::from(self.page_bytes));
        if bytes.len() as u64 != expected_len {
            let expected = format!("a page of {expected_len} bytes");
            return Err(DecodeError::new(offset, expected, format!("{} bytes", bytes.len())));
        }
        match usize::try_from(page).ok().and_then(|page| self.pages.get(page)) {
            Some(&crc) => check(offset, crc, bytes),
            None => Err(DecodeError::new(offset, "a page of the file", "a page behind its end")),
        }
    }

    /// Checks the length of the file.
    ///
    /// # Errors
    /// Another one than was written.
    pub fn verify_len(&self, len: u64) -> Result<(), DecodeError> {
        if len == self.length {
            return Ok(());
        }
        Err(DecodeError::new(len, format!("a file of {} bytes", self.length), format!("{len} bytes")))
    }

    /// Checks a whole file.
    ///
    /// # Errors
    /// Another length, or a page with other bytes than those that were written.
    pub fn verify_all(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.verify_len(bytes.len() as u64)?;
        let pages = bytes.chunks(usize::try_from(self.page_bytes).unwrap_or(usize::MAX).max(1));
        (0u64..).zip(pages).try_for_each(|(page, bytes)| self.verify_page(page, bytes))
    }

    fn decode(reader: &mut Reader<'_>, page_bytes: u32) -> Result<FileChecksums, DecodeError> {
        let name_at = reader.position() as u64;
        let Ok(name) = String::from_utf8(reader.u16_bytes()?.to_vec()) else {
            return Err(DecodeError::new(name_at, "a component's name", "bytes that are not UTF-8"));
        };
        let length_at = reader.position() as u64;
        let length = reader.u64()?;
        if page_bytes == 0 {
            return Err(DecodeError::new(length_at, "pages of some bytes", "a page size of 0"));
        }
        // The bytes must be there before anything of that size is allocated.
        let page_count = usize::try_from(length.div_ceil(u64::from(page_bytes))).unwrap_or(usize::MAX);
        let (crcs, _) = reader.take(page_count.saturating_mul(CRC_BYTES))?.as_chunks();
        let pages = crcs.iter().map(|crc| u32::from_be_bytes(*crc)).collect();
        Ok(FileChecksums { name, page_bytes, length, pages })
    }
}

/// Computes the checksums of a file while it is written.
#[derive(Debug)]
pub struct PageHasher {
    file: FileChecksums,
    page: crc32fast::Hasher,
    /// Bytes of the last page so far.
    filled: usize,
}

impl PageHasher {
    /// A hasher of the component of that name.
    #[must_use]
    pub fn new(name: &str) -> PageHasher {
        PageHasher::with_page_bytes(name, DEFAULT_PAGE_BYTES)
    }

    fn with_page_bytes(name: &str, page_bytes: u32) -> PageHasher {
        let file = FileChecksums { name: name.to_owned(), page_bytes, length: 0, pages: Vec::new() };
        PageHasher { file, page: crc32fast::Hasher::new(), filled: 0 }
    }

    /// Takes the next bytes of the file, in pieces of any length.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let page_bytes = self.file.page_bytes as usize;
        self.file.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(page_bytes - self.filled));
            self.page.update(now);
            self.filled += now.len();
            if self.filled == page_bytes {
                self.end_page();
            }
            bytes = later;
        }
    }

    /// The checksums of what was taken.
    #[must_use]
    pub fn finish(mut self) -> FileChecksums {
        if self.filled > 0 {
            self.end_page();
        }
        self.file
    }

    fn end_page(&mut self) {
        self.file.pages.push(std::mem::take(&mut self.page).finalize());
        self.filled = 0;
    }
}

fn check(offset: u64, expected: u32, bytes: &[u8]) -> Result<(), DecodeError> {
    let found = crc32fast::hash(bytes);
    if found == expected {
        return Ok(());
    }
    Err(DecodeError::new(offset, format!("bytes with checksum {expected:08x}"), format!("{found:08x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example() {
        let mut hasher = PageHasher::with_page_bytes("F", 4);
        [&[1, 2][..], &[], &[3, 4, 5]].iter().for_each(|bytes| hasher.update(bytes));
        let mut checksums = PageChecksums::default();
        checksums.add(hasher.finish());
        let mut bytes = Vec::new();
        checksums.encode(&mut bytes);
        let expected = [
            &b"HelPages"[..],
            &[0, 0, 0, 4, 1, 0, 1, b'F', 0, 0, 0, 0, 0, 0, 0, 5],
            &[0xb6, 0x3c, 0xfb, 0xcd, 0xa2, 0x68, 0x1b, 0x02],
            &[0xdb, 0xaa, 0x31, 0x6b],
        ];
        assert_eq!(bytes, expected.concat(), "{bytes:02x?}");
        assert_eq!(PageChecksums::decode(&bytes), Ok(checksums));
    }

    #[test]
    fn files_of_all_lengths_and_every_flipped_byte() {
        for len in [0, 1, 4095, 4096, 4097, 20_000] {
            let file: Vec<u8> = (0..len).map(|n: u32| n.to_be_bytes()[3] ^ n.to_be_bytes()[2]).collect();
            let checksums = PageChecksums::compute(&[("Rows.db", &[]), ("Partitions.db", &file)]);
            let mut bytes = Vec::new();
            checksums.encode(&mut bytes);
            let decoded = PageChecksums::decode(&bytes).unwrap();
            assert_eq!(decoded, checksums);
            assert_eq!(decoded.file("Filter.db"), None);
            assert_eq!(decoded.file("Rows.db").unwrap().verify_all(&[]), Ok(()));
            let partitions = decoded.file("Partitions.db").unwrap();
            assert_eq!(partitions.verify_all(&file), Ok(()));
            assert_eq!(partitions.length(), u64::from(len));
            for (page, content) in (0..).zip(file.chunks(4096)) {
                assert_eq!(partitions.verify_page(page, content), Ok(()));
                assert!(partitions.verify_page(page + 1, content).is_err());
            }
            for index in (0..file.len()).step_by(97) {
                let mut damaged = file.clone();
                damaged[index] ^= 4;
                let offset = partitions.verify_all(&damaged).unwrap_err().offset;
                assert_eq!(offset, index as u64 / 4096 * 4096);
            }
            assert!(partitions.verify_all(&[&file[..], &[0]].concat()).is_err());
            for index in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1;
                assert!(PageChecksums::decode(&damaged).is_err());
                assert!(PageChecksums::decode(&bytes[..index]).is_err());
            }
        }
    }

    #[test]
    fn lengths_behind_a_good_checksum_are_bounded_too() {
        for (page_bytes, length) in [(0u32, 5u64), (4096, u64::MAX), (1, u64::MAX), (4096, 1 << 40)] {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&page_bytes.to_be_bytes());
            bytes.extend_from_slice(&[1, 0, 1, b'F']);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            assert!(PageChecksums::decode(&bytes).is_err());
        }
    }
}
