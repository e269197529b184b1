//! A file of an index, by page.
//!
//! The pages of small files are kept once they are read, in memory that the chunk cache sets aside;
//! those of other files come and go with the cache. Nodes of tries don't cross pages; Cassandra's
//! readers rely on that too.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use helenus_io::ReadFile;
use helenus_types::{DecodeError, Reader};

use crate::chunk_cache::{CachedFile, ChunkCache, SetAside};
use crate::error::SsTableErrorKind;
use crate::page_checksums::{CRC_BYTES, FileHead, PAGE_BYTES, check, check_crc, check_len, read_head};

/// The bytes of an index file, whole in memory or read by page.
#[derive(Clone)]
pub struct PagedFile {
    store: Store,
}

#[derive(Clone)]
enum Store {
    Whole(Bytes),
    Pages(Arc<Pages>),
}

struct Pages {
    file: Arc<dyn ReadFile>,
    len: u64,
    /// Checked where the file has checksums.
    checksums: Option<PageSums>,
    cache: Arc<ChunkCache>,
    number: CachedFile,
    /// Pages that stay once they were read, in memory that was set aside for all of them.
    kept: Option<KeptPages>,
}

struct KeptPages {
    pages: Box<[OnceLock<Bytes>]>,
    set_aside: SetAside,
}

/// The page that a walk is at, and room for what crosses pages. To be used with one file alone.
#[derive(Debug, Clone, Default)]
pub struct HeldPage {
    /// Where in the file the page begins.
    start: u64,
    page: Bytes,
    spill: Vec<u8>,
    /// Whether many pages are read at a time, past the cache.
    is_ahead: bool,
}

/// Pages that are read at a time by who goes through a file.
const PAGES_AHEAD: u64 = 32;

impl HeldPage {
    /// For who goes through a file from one end to the other, once.
    pub(crate) fn ahead() -> HeldPage {
        HeldPage { is_ahead: true, ..HeldPage::default() }
    }
}

impl From<Bytes> for PagedFile {
    fn from(bytes: Bytes) -> PagedFile {
        PagedFile { store: Store::Whole(bytes) }
    }
}

impl PagedFile {
    /// A file of `len` bytes whose pages are read when they are needed.
    pub(crate) fn of_pages(
        file: Arc<dyn ReadFile>,
        len: u64,
        checksums: Option<PageSums>,
        cache: &Arc<ChunkCache>,
        number: CachedFile,
    ) -> PagedFile {
        debug_assert!(checksums.as_ref().is_none_or(|c| u64::from(c.page_bytes()) == PAGE_BYTES));
        let count = usize::try_from(len.div_ceil(PAGE_BYTES)).unwrap_or(usize::MAX);
        let set_aside = usize::try_from(len).ok().and_then(|len| cache.set_aside(len));
        let kept = set_aside.map(|set_aside| KeptPages {
            pages: std::iter::repeat_with(OnceLock::new).take(count).collect(),
            set_aside,
        });
        let cache = Arc::clone(cache);
        PagedFile { store: Store::Pages(Arc::new(Pages { file, len, checksums, cache, number, kept })) }
    }

    /// Bytes of the file.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.store {
            Store::Whole(bytes) => bytes.len() as u64,
            Store::Pages(pages) => pages.len,
        }
    }

    /// Whether the file holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of it in memory that are not the cache's.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        match &self.store {
            Store::Whole(bytes) => bytes.len(),
            Store::Pages(pages) => pages.kept.as_ref().map_or(0, |kept| kept.set_aside.used()),
        }
    }

    /// All of it, where it is in memory.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.store {
            Store::Whole(bytes) => Some(bytes),
            Store::Pages(_) => None,
        }
    }

    /// The checksum of the first `len` bytes, which are read past the cache.
    pub(crate) fn crc(&self, len: u64) -> Result<u32, SsTableErrorKind> {
        let (mut hasher, mut held, mut at) = (crc32fast::Hasher::new(), HeldPage::ahead(), 0);
        while at < len {
            let tail = self.tail(&mut held, at)?;
            let most = usize::try_from(len - at).unwrap_or(usize::MAX);
            let (piece, _) = tail.split_at(tail.len().min(most));
            if piece.is_empty() {
                return Err(cut(at, "more bytes").into());
            }
            hasher.update(piece);
            at += piece.len() as u64;
        }
        Ok(hasher.finalize())
    }

    /// The `N` bytes from `position` on.
    pub(crate) fn array<const N: usize>(&self, position: u64) -> Result<[u8; N], SsTableErrorKind> {
        let (mut held, mut out, mut filled) = (HeldPage::default(), [0; N], 0);
        while filled < N {
            let tail = self.tail(&mut held, position.saturating_add(filled as u64))?;
            let taken = tail.len().min(N - filled);
            match (out.get_mut(filled..filled + taken), tail.get(..taken)) {
                (Some(out), Some(tail)) if taken > 0 => out.copy_from_slice(tail),
                _ => return Err(cut(position, "more bytes").into()),
            }
            filled += taken;
        }
        Ok(out)
    }

    /// Reads all pages, past the cache.
    pub(crate) fn verify(&self) -> Result<(), SsTableErrorKind> {
        match &self.store {
            Store::Whole(_) => Ok(()),
            Store::Pages(pages) => {
                (0..pages.len.div_ceil(PAGE_BYTES)).try_for_each(|page| pages.read(page).map(drop))
            }
        }
    }

    /// Drops its pages from the cache.
    pub(crate) fn forget_cached(&self) {
        if let Store::Pages(pages) = &self.store
            && pages.kept.is_none()
        {
            pages.cache.remove_file(pages.number, page_number(pages.len.div_ceil(PAGE_BYTES)));
        }
    }

    /// The bytes from `position` to the end of its page; none after the end of the file.
    #[inline]
    pub(crate) fn tail<'p>(
        &'p self,
        held: &'p mut HeldPage,
        position: u64,
    ) -> Result<&'p [u8], SsTableErrorKind> {
        let pages = match &self.store {
            Store::Whole(bytes) => {
                let start = usize::try_from(position).unwrap_or(usize::MAX);
                return Ok(bytes.get(start..).unwrap_or_default());
            }
            Store::Pages(pages) => pages,
        };
        if let Some(kept) = &pages.kept {
            let offset = usize::try_from(position % PAGE_BYTES).unwrap_or_default();
            let index = usize::try_from(position / PAGE_BYTES).unwrap_or(usize::MAX);
            let Some(slot) = kept.pages.get(index) else { return Ok(&[]) };
            let page = match slot.get() {
                Some(page) => page,
                None => pages.keep(kept, slot, position / PAGE_BYTES)?,
            };
            return Ok(page.get(offset..).unwrap_or_default());
        }
        if position >= pages.len {
            return Ok(&[]);
        }
        let is_held = position >= held.start && position - held.start < held.page.len() as u64;
        if !is_held {
            let page = position / PAGE_BYTES;
            held.page = if held.is_ahead { pages.read_ahead(page)? } else { pages.cached(page)? };
            held.start = page * PAGE_BYTES;
        }
        let offset = usize::try_from(position - held.start).unwrap_or(usize::MAX);
        Ok(held.page.get(offset..).unwrap_or_default())
    }

    /// At most `len` bytes from `position` on: fewer where the file ends before.
    pub(crate) fn region<'p>(
        &'p self,
        held: &'p mut HeldPage,
        position: u64,
        len: usize,
    ) -> Result<&'p [u8], SsTableErrorKind> {
        let len = usize::try_from(self.len().saturating_sub(position)).unwrap_or(usize::MAX).min(len);
        let mut spill = std::mem::take(&mut held.spill);
        spill.clear();
        let mut at = position;
        while spill.len() < len {
            let tail = self.tail(held, at)?;
            if spill.is_empty() && tail.len() >= len {
                held.spill = spill;
                let tail = self.tail(held, position)?;
                return Ok(tail.split_at(len).0);
            }
            let taken = tail.len().min(len - spill.len());
            if taken == 0 {
                break;
            }
            spill.extend_from_slice(tail.split_at(taken).0);
            at += taken as u64;
        }
        held.spill = spill;
        Ok(&held.spill)
    }
}

impl Pages {
    #[cold]
    fn keep<'k>(
        &self,
        kept: &'k KeptPages,
        slot: &'k OnceLock<Bytes>,
        page: u64,
    ) -> Result<&'k Bytes, SsTableErrorKind> {
        let bytes = self.read(page)?;
        let len = bytes.len();
        let mut is_new = false;
        let stored = slot.get_or_init(|| {
            is_new = true;
            bytes
        });
        if is_new {
            kept.set_aside.take(len);
        }
        Ok(stored)
    }

    fn cached(&self, page: u64) -> Result<Bytes, SsTableErrorKind> {
        self.cache.get_or_load(self.number, page_number(page), || self.read(page))
    }

    fn read(&self, page: u64) -> Result<Bytes, SsTableErrorKind> {
        self.read_pages(page, 1)
    }

    #[cold]
    fn read_ahead(&self, page: u64) -> Result<Bytes, SsTableErrorKind> {
        self.read_pages(page, PAGES_AHEAD)
    }

    /// At most `count` pages, without those beyond the end of the file.
    fn read_pages(&self, first: u64, count: u64) -> Result<Bytes, SsTableErrorKind> {
        let start = first * PAGE_BYTES;
        let len = usize::try_from(self.len.saturating_sub(start).min(count * PAGE_BYTES)).unwrap_or_default();
        let mut bytes = vec![0; len];
        self.file.read_exact_at(start, &mut bytes)?;
        if let Some(checksums) = &self.checksums {
            let page_len = usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
            for (page, bytes) in (first..).zip(bytes.chunks(page_len)) {
                checksums.verify_page(page, bytes)?;
            }
        }
        Ok(Bytes::from(bytes))
    }
}

/// Files of more than 2^32 pages have no index that could be written.
fn page_number(page: u64) -> u32 {
    u32::try_from(page).unwrap_or(u32::MAX)
}

/// The error for bytes that end with the file.
#[cold]
pub(crate) fn cut(position: u64, expected: &'static str) -> DecodeError {
    DecodeError::new(position, expected, "the end of the file")
}

impl fmt::Debug for PagedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedFile").field("len", &self.len()).field("memory_len", &self.memory_len()).finish()
    }
}

/// The component as it is read: the checksums stay in the file and are taken from there, page by
/// page.
#[derive(Debug, Clone)]
pub(crate) struct StoredChecksums {
    files: Vec<PageSums>,
}

/// The checksums of one file, where the component has them.
#[derive(Debug, Clone)]
pub(crate) struct PageSums {
    component: Arc<PagedFile>,
    name: String,
    page_bytes: u32,
    length: u64,
    /// Where in the component they begin.
    at: u64,
}

impl StoredChecksums {
    /// Goes through the component once, comparing its own checksum.
    pub(crate) fn open(component: PagedFile) -> Result<StoredChecksums, SsTableErrorKind> {
        let body_len = component.len().saturating_sub(CRC_BYTES as u64);
        let expected = u32::from_be_bytes(component.array(body_len)?);
        check_crc(0, expected, component.crc(body_len)?)?;
        // Names are short.
        const HEAD_BYTES: usize = 1 << 10;
        let mut held = HeldPage::default();
        let mut head_at = |at: u64| {
            let len = usize::try_from(body_len.saturating_sub(at)).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
            Ok::<_, SsTableErrorKind>(component.region(&mut held, at, len)?.to_vec())
        };
        let head = head_at(0)?;
        let mut reader = Reader::new(&head);
        let (page_bytes, count) = read_head(&mut reader)?;
        let mut at = reader.position() as u64;
        let mut files = Vec::new();
        let shared = Arc::new(component.clone());
        for _ in 0..count {
            let head = head_at(at)?;
            let mut reader = Reader::new(&head);
            let file = FileHead::read(&mut reader, page_bytes).map_err(|error| error.shifted(at))?;
            let sums_at = at + reader.position() as u64;
            let left = body_len.saturating_sub(sums_at);
            at = file.page_count.checked_mul(CRC_BYTES as u64).filter(|len| *len <= left).ok_or_else(
                || {
                    DecodeError::new(
                        sums_at,
                        format!("checksums of {} pages", file.page_count),
                        format!("{left} bytes"),
                    )
                },
            )? + sums_at;
            let FileHead { name, length, .. } = file;
            files.push(PageSums { component: Arc::clone(&shared), name, page_bytes, length, at: sums_at });
        }
        if at == body_len {
            Ok(StoredChecksums { files })
        } else {
            Err(DecodeError::new(at, "the checksum", "more bytes").into())
        }
    }

    /// The checksums of the component of that name.
    pub(crate) fn file(&self, name: &str) -> Option<&PageSums> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The component itself; `None` if it has no file.
    pub(crate) fn component(&self) -> Option<&Arc<PagedFile>> {
        self.files.first().map(|file| &file.component)
    }
}

impl PageSums {
    /// Bytes of a page; the last one may have fewer.
    pub(crate) fn page_bytes(&self) -> u32 {
        self.page_bytes
    }

    /// Checks one page, read whole.
    pub(crate) fn verify_page(&self, page: u64, bytes: &[u8]) -> Result<(), SsTableErrorKind> {
        let offset = page.saturating_mul(u64::from(self.page_bytes));
        let expected_len = self.length.saturating_sub(offset).min(u64::from(self.page_bytes));
        if bytes.len() as u64 != expected_len || expected_len == 0 {
            let expected = format!("a page of {expected_len} bytes");
            return Err(DecodeError::new(offset, expected, format!("{} bytes", bytes.len())).into());
        }
        let crc = self.component.array(self.at + page * CRC_BYTES as u64)?;
        Ok(check(offset, u32::from_be_bytes(crc), bytes)?)
    }

    /// Checks the length of the file.
    pub(crate) fn verify_len(&self, len: u64) -> Result<(), DecodeError> {
        check_len(self.length, len)
    }

    /// Checks a whole file.
    pub(crate) fn verify_all(&self, bytes: &[u8]) -> Result<(), SsTableErrorKind> {
        self.verify_len(bytes.len() as u64)?;
        let pages = bytes.chunks(usize::try_from(self.page_bytes).unwrap_or(usize::MAX).max(1));
        (0u64..).zip(pages).try_for_each(|(page, bytes)| self.verify_page(page, bytes))
    }
}

#[cfg(test)]
mod tests {
    use crate::page_checksums::PageChecksums;

    use super::*;

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
            assert_eq!(decoded.file("Partitions.db").unwrap().length(), u64::from(len));
            let open = |bytes: &[u8]| StoredChecksums::open(Bytes::copy_from_slice(bytes).into());
            let stored = open(&bytes).unwrap();
            assert!(stored.file("Filter.db").is_none());
            stored.file("Rows.db").unwrap().verify_all(&[]).unwrap();
            let partitions = stored.file("Partitions.db").unwrap();
            partitions.verify_all(&file).unwrap();
            assert_eq!(decoded.file("Partitions.db").unwrap().verify_all(&file), Ok(()));
            for (page, content) in (0..).zip(file.chunks(4096)) {
                partitions.verify_page(page, content).unwrap();
                assert!(partitions.verify_page(page + 1, content).is_err());
            }
            for index in (0..file.len()).step_by(97) {
                let mut damaged = file.clone();
                damaged[index] ^= 4;
                let SsTableErrorKind::Corrupt(error) = partitions.verify_all(&damaged).unwrap_err() else {
                    panic!("{index}: another error")
                };
                assert_eq!(error.offset, index as u64 / 4096 * 4096);
                assert_eq!(decoded.file("Partitions.db").unwrap().verify_all(&damaged), Err(error));
            }
            assert!(partitions.verify_all(&[&file[..], &[0]].concat()).is_err());
            for index in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1;
                assert!(PageChecksums::decode(&damaged).is_err() && open(&damaged).is_err());
                assert!(PageChecksums::decode(&bytes[..index]).is_err() && open(&bytes[..index]).is_err());
            }
        }
    }

    #[test]
    fn lengths_behind_a_good_checksum_are_bounded_too() {
        for (page_bytes, length) in [(0u32, 5u64), (4096, u64::MAX), (1, u64::MAX), (4096, 1 << 40)] {
            let mut bytes = b"HelPages".to_vec();
            bytes.extend_from_slice(&page_bytes.to_be_bytes());
            bytes.extend_from_slice(&[1, 0, 1, b'F']);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            assert!(PageChecksums::decode(&bytes).is_err());
            assert!(StoredChecksums::open(Bytes::from(bytes).into()).is_err());
        }
    }
}
