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
pub(crate) const CRC_BYTES: usize = 4;

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
        let (page_bytes, count) = read_head(&mut reader)?;
        let files =
            (0..count).map(|_| FileChecksums::decode(&mut reader, page_bytes)).collect::<Result<_, _>>()?;
        if reader.is_empty() {
            Ok(PageChecksums { files })
        } else {
            Err(reader.error("the checksum", "more bytes"))
        }
    }
}

/// What stands before the files: bytes of a page, and number of files.
pub(crate) fn read_head(reader: &mut Reader<'_>) -> Result<(u32, u8), DecodeError> {
    let at = reader.position() as u64;
    if reader.take_array()? != MAGIC {
        return Err(DecodeError::new(at, "the magic HelPages", "other bytes"));
    }
    Ok((reader.u32()?, reader.u8()?))
}

/// What stands of a file before its checksums.
pub(crate) struct FileHead {
    pub(crate) name: String,
    pub(crate) length: u64,
    pub(crate) page_count: u64,
}

impl FileHead {
    pub(crate) fn read(reader: &mut Reader<'_>, page_bytes: u32) -> Result<FileHead, DecodeError> {
        let name_at = reader.position() as u64;
        let Ok(name) = String::from_utf8(reader.u16_bytes()?.to_vec()) else {
            return Err(DecodeError::new(name_at, "a component's name", "bytes that are not UTF-8"));
        };
        let length_at = reader.position() as u64;
        let length = reader.u64()?;
        if page_bytes == 0 {
            return Err(DecodeError::new(length_at, "pages of some bytes", "a page size of 0"));
        }
        Ok(FileHead { name, length, page_count: length.div_ceil(u64::from(page_bytes)) })
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

    /// Checks a whole file.
    ///
    /// # Errors
    /// Another length, or a page with other bytes than those that were written.
    pub fn verify_all(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        check_len(self.length, bytes.len() as u64)?;
        let offsets = (0..).step_by(self.page_bytes as usize);
        let pages = bytes.chunks(self.page_bytes as usize).zip(&self.pages);
        offsets.zip(pages).try_for_each(|(offset, (bytes, crc))| check(offset, *crc, bytes))
    }

    fn decode(reader: &mut Reader<'_>, page_bytes: u32) -> Result<FileChecksums, DecodeError> {
        let FileHead { name, length, page_count } = FileHead::read(reader, page_bytes)?;
        // The bytes must be there before anything of that size is allocated.
        let page_count = usize::try_from(page_count).unwrap_or(usize::MAX);
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

/// Compares the length of a file with what it was.
pub(crate) fn check_len(expected: u64, found: u64) -> Result<(), DecodeError> {
    if found == expected {
        return Ok(());
    }
    Err(DecodeError::new(found, format!("a file of {expected} bytes"), format!("{found} bytes")))
}

/// Compares bytes with their checksum.
pub(crate) fn check(offset: u64, expected: u32, bytes: &[u8]) -> Result<(), DecodeError> {
    check_crc(offset, expected, crc32fast::hash(bytes))
}

/// The same of a checksum that was computed.
pub(crate) fn check_crc(offset: u64, expected: u32, found: u32) -> Result<(), DecodeError> {
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
}
