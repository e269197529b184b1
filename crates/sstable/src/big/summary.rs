//! `Summary.db`: a sample of the keys of `Index.db`. Derived, and not always true: it is only ever
//! a hint.
//!
//! ```text
//! min index interval       i32: one key in this many is in the sample, at full sampling
//! entries n                i32
//! size                     i64: bytes of offsets and entries
//! sampling level           i32: 1 to 128, how many of 128 samples are left
//! size at full sampling    i32 (ScyllaDB leaves 0)
//! offset*                  u32 little-endian each, from the first offset on: where the entries begin
//! entry*                   raw partition key, then its position in Index.db as u64 little-endian
//! first key, last key      i32 length, raw partition key
//! ```
//!
//! Five keys "0" to "4", of which the first is in the sample:
//! `00000080 00000001 000000000000000d 00000080 00000001 | 04000000 | 30 0000000000000000 | 00000001 30 | 00000001 34`.
//! (Cassandra: `io.sstable.indexsummary.IndexSummary`,
//! `io.sstable.format.big.IndexSummaryComponent`.)

use bytes::Bytes;
use helenus_types::{DecodeError, Reader};

use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// The sampling level at which nothing was left out to save memory
/// (`Downsampling.BASE_SAMPLING_LEVEL`).
pub(super) const BASE_SAMPLING_LEVEL: u32 = 128;
const OFFSET_BYTES: usize = 4;
const POSITION_BYTES: usize = 8;

/// The content of a `Summary.db`.
#[derive(Debug, Clone)]
pub struct Summary {
    /// One key in this many is in the sample at full sampling.
    pub min_index_interval: u32,
    /// The number of samples kept of each 128, 1 to 128.
    pub sampling_level: u32,
    /// Entries at full sampling, or 0.
    pub size_at_full_sampling: u32,
    /// Raw key of the first partition.
    pub first_key: Bytes,
    /// Raw key of the last partition.
    pub last_key: Bytes,
    /// Offsets, then entries.
    samples: Bytes,
    len: usize,
}

impl Summary {
    /// Reads a `Summary.db`.
    ///
    /// # Errors
    /// When a number is out of range or the entries don't fit the file.
    pub fn decode(file: &Bytes) -> Result<Summary, DecodeError> {
        let mut reader = Reader::new(file);
        let Head { min_index_interval, len, size, sampling_level, size_at_full_sampling } =
            Head::read(&mut reader, file.len() as u64)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let at = reader.position() as u64;
        let samples = file.slice_ref(reader.take(size)?);
        let first_key = file.slice_ref(reader.i32_bytes()?);
        let last_key = file.slice_ref(reader.i32_bytes()?);
        if !reader.is_empty() {
            return Err(reader.error("the end of the file", format!("{} more bytes", reader.remaining())));
        }
        let summary = Summary {
            min_index_interval,
            sampling_level,
            size_at_full_sampling,
            first_key,
            last_key,
            samples,
            len,
        };
        summary.check(at)?;
        Ok(summary)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entry `index`: a raw key, and the position of its entry in `Index.db`.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<(&[u8], u64)> {
        if index >= self.len {
            return None;
        }
        let start = self.offset(index)?;
        let end = if index + 1 == self.len { self.samples.len() } else { self.offset(index + 1)? };
        let (key, position) = self.samples.get(start..end)?.split_last_chunk::<POSITION_BYTES>()?;
        Some((key, u64::from_le_bytes(*position)))
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], u64)> {
        (0..self.len).map_while(|index| self.entry(index))
    }

    fn offset(&self, index: usize) -> Option<usize> {
        let bytes = self.samples.get(index * OFFSET_BYTES..)?.first_chunk::<OFFSET_BYTES>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    /// Whether the entries follow each other without gaps, from the end of the offsets on.
    fn check(&self, at: u64) -> Result<(), DecodeError> {
        for index in 0..self.len {
            let is_first = index > 0 || self.offset(0) == Some(self.len * OFFSET_BYTES);
            if !is_first || self.entry(index).is_none() {
                let offset = at + (index * OFFSET_BYTES) as u64;
                return Err(DecodeError::new(
                    offset,
                    "the offset of an entry",
                    format!("{:?}", self.offset(index)),
                ));
            }
        }
        if self.len == 0 && !self.samples.is_empty() {
            return Err(DecodeError::new(at, "no entry", format!("{} bytes", self.samples.len())));
        }
        Ok(())
    }
}

/// What stands before the offsets.
struct Head {
    min_index_interval: u32,
    len: usize,
    /// Bytes of offsets and entries.
    size: u64,
    sampling_level: u32,
    size_at_full_sampling: u32,
}

/// Its bytes.
const HEAD_BYTES: usize = 24;

impl Head {
    /// Reads the first bytes of a file of `file_len` bytes.
    fn read(reader: &mut Reader<'_>, file_len: u64) -> Result<Head, DecodeError> {
        let min_index_interval = number(reader, 1..=i32::MAX as u32, "an index interval of at least 1")?;
        let len = number(reader, 0..=i32::MAX as u32, "a number of entries")? as usize;
        let before_size = *reader;
        let size = reader.i64()?;
        let sampling_level = number(reader, 1..=BASE_SAMPLING_LEVEL, "a sampling level of 1 to 128")?;
        let size_at_full_sampling = number(reader, 0..=i32::MAX as u32, "a number of entries")?;
        let left = file_len.saturating_sub(HEAD_BYTES as u64);
        let fitting = u64::try_from(size)
            .ok()
            .filter(|&size| size <= left && size / (OFFSET_BYTES + POSITION_BYTES) as u64 >= len as u64);
        let Some(size) = fitting else {
            let found = format!("{size} for {len} entries in {left} bytes");
            return Err(before_size.error("a size of the entries that fits the file", found));
        };
        Ok(Head { min_index_interval, len, size, sampling_level, size_at_full_sampling })
    }
}

/// A `Summary.db` whose entries are read when they are asked for.
#[derive(Debug, Clone)]
pub(super) struct PagedSummary {
    file: PagedFile,
    len: usize,
    /// Bytes of offsets and entries.
    size: u64,
}

impl PagedSummary {
    /// Reads what stands around the entries; also the last key.
    pub(super) fn open(file: PagedFile) -> Result<(PagedSummary, Bytes), SsTableErrorKind> {
        let head = file.array::<HEAD_BYTES>(0)?;
        let Head { len, size, .. } = Head::read(&mut Reader::new(&head), file.len())?;
        let mut at = HEAD_BYTES as u64 + size;
        let mut key = Bytes::new();
        // The first key, then the last.
        for _ in 0..2 {
            let key_len = u32::from_be_bytes(file.array(at)?);
            let Some(key_len) = usize::try_from(key_len).ok().filter(|len| *len <= MAX_KEY_BYTES) else {
                return Err(DecodeError::new(at, "the length of a key", format!("{key_len}")).into());
            };
            at += OFFSET_BYTES as u64;
            key = Bytes::copy_from_slice(file.region(&mut HeldPage::default(), at, key_len)?);
            at += key_len as u64;
        }
        if at != file.len() {
            return Err(DecodeError::new(at, "the end of the file", "another place").into());
        }
        Ok((PagedSummary { file, len, size }, key))
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Its file.
    pub(super) fn file(&self) -> &PagedFile {
        &self.file
    }

    /// Entry `index`: a raw key, and the position of its entry in `Index.db`.
    pub(super) fn entry<'p>(
        &'p self,
        held: &'p mut HeldPage,
        index: usize,
    ) -> Result<Option<(&'p [u8], u64)>, SsTableErrorKind> {
        if index >= self.len {
            return Ok(None);
        }
        let start = self.offset(index)?;
        let end = if index + 1 == self.len { self.size } else { self.offset(index + 1)? };
        let at = HEAD_BYTES as u64 + start;
        let len = end.checked_sub(start).and_then(|len| usize::try_from(len).ok());
        let is_right = |len: &usize| end <= self.size && *len <= MAX_KEY_BYTES + POSITION_BYTES;
        let Some(len) = len.filter(is_right) else {
            return Err(
                DecodeError::new(at, "the offset of an entry", format!("{start} before {end}")).into()
            );
        };
        let entry = self.file.region(held, at, len)?;
        match entry.split_last_chunk::<POSITION_BYTES>() {
            Some((key, position)) => Ok(Some((key, u64::from_le_bytes(*position)))),
            None => Err(DecodeError::new(at, "a key and a position", format!("{len} bytes")).into()),
        }
    }

    fn offset(&self, index: usize) -> Result<u64, SsTableErrorKind> {
        let at = HEAD_BYTES as u64 + index as u64 * OFFSET_BYTES as u64;
        Ok(u64::from(u32::from_le_bytes(self.file.array(at)?)))
    }
}

/// Bytes of a key at most.
const MAX_KEY_BYTES: usize = u16::MAX as usize;

/// The next 32-bit number, in `range`.
fn number(
    reader: &mut Reader<'_>,
    range: std::ops::RangeInclusive<u32>,
    expected: &'static str,
) -> Result<u32, DecodeError> {
    let before = *reader;
    let number = reader.u32()?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(before.error(expected, number.cast_signed().to_string()))
    }
}
