//! A file of an index, by page.
//!
//! The pages of small files are kept once they are read, in memory that the chunk cache sets aside;
//! those of other files come and go with the cache. Nodes of tries don't cross pages; Cassandra's
//! readers rely on that too.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use helenus_io::ReadFile;
use helenus_types::DecodeError;

use crate::chunk_cache::{CachedFile, ChunkCache, SetAside};
use crate::error::SsTableErrorKind;
use crate::page_checksums::{FileChecksums, PAGE_BYTES};

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
    checksums: Option<FileChecksums>,
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
        checksums: Option<FileChecksums>,
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
        let offset = usize::try_from(position % PAGE_BYTES).unwrap_or_default();
        if let Some(kept) = &pages.kept {
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
        let start = position - position % PAGE_BYTES;
        if held.page.is_empty() || held.start != start {
            held.page = pages.cached(position / PAGE_BYTES)?;
            held.start = start;
        }
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
                return Ok(tail.get(..len).unwrap_or_default());
            }
            let taken = tail.len().min(len - spill.len());
            if taken == 0 {
                break;
            }
            spill.extend_from_slice(tail.get(..taken).unwrap_or_default());
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
        let start = page * PAGE_BYTES;
        let len = usize::try_from(self.len.saturating_sub(start).min(PAGE_BYTES)).unwrap_or_default();
        let mut bytes = vec![0; len];
        self.file.read_exact_at(start, &mut bytes)?;
        if let Some(checksums) = &self.checksums {
            checksums.verify_page(page, &bytes)?;
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
