//! `Index.db`: the list of partitions with their row indexes, and lookups in it by way of
//! `Summary.db`.
//!
//! The file is in memory as a whole. Lookups begin at a sampled key and go through the list up to
//! the next one; a damaged or missing summary is replaced by a sample of our own.

use std::sync::OnceLock;

use bytes::Bytes;
use helenus_types::{DecodeError, Partitioner, Token};

use super::entry::IndexEntry;
use super::summary::Summary;

/// One key in this many is sampled if there is no `Summary.db`, as in Cassandra.
const INTERVAL: u64 = 128;

/// `Index.db` in memory, with a sample of its keys for binary searches.
///
/// The sample comes from `Summary.db` if that holds: each key must stand in `Index.db` at its
/// position, in order, the first one at the start. Otherwise, and without one, all of `Index.db` is
/// gone through once.
#[derive(Debug)]
pub struct PrimaryIndex {
    file: Bytes,
    partitioner: Partitioner,
    samples: Vec<Sample>,
    last_key: Bytes,
    key_count: OnceLock<u64>,
}

/// A key in the sample.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// As much of its place as fits.
    prefix: Token,
    /// Offset of its entry in the file.
    position: u64,
}

/// The expectation for errors in the part of the list that a lookup reads: it ends where an entry
/// does.
const BOUNDARY: &str = "the end of an entry where the summary has a key";

impl PrimaryIndex {
    /// Takes the bytes of `Index.db`, and of `Summary.db` if there is one.
    ///
    /// # Errors
    /// When the part of `Index.db` that must be read is damaged. A damaged summary is no error.
    pub fn open(
        file: Bytes,
        summary: Option<&Bytes>,
        partitioner: Partitioner,
    ) -> Result<PrimaryIndex, DecodeError> {
        let mut index = PrimaryIndex {
            file,
            partitioner,
            samples: Vec::new(),
            last_key: Bytes::new(),
            key_count: OnceLock::new(),
        };
        let summary = summary.and_then(|bytes| Summary::decode(bytes).ok());
        if !summary.is_some_and(|summary| index.take_summary(&summary)) {
            index.sample()?;
        }
        Ok(index)
    }

    /// Samples as the summary does; false if it is not this file's.
    fn take_summary(&mut self, summary: &Summary) -> bool {
        let mut samples: Vec<Sample> = Vec::with_capacity(summary.len());
        for (key, position) in summary.entries() {
            let is_there = IndexEntry::read(&self.file, position).is_ok_and(|entry| entry.key == key);
            let sample = Sample { prefix: self.partitioner.prefix(key), position };
            let is_behind = match samples.last() {
                None => position == 0,
                Some(last) => last.position < position && self.is_before(last, sample.prefix, key),
            };
            if !is_there || !is_behind {
                return false;
            }
            samples.push(sample);
        }
        let Some(last) = samples.last() else { return false };
        let mut entries = self.entries_from(last.position);
        let mut last_key = None;
        while let Ok(Some(entry)) = entries.next() {
            last_key = Some(self.file.slice_ref(entry.key));
        }
        match last_key {
            Some(key) if entries.is_at_end() && key == summary.last_key => {
                self.last_key = key;
                self.samples = samples;
                true
            }
            _ => false,
        }
    }

    /// Goes through the whole file, and samples.
    fn sample(&mut self) -> Result<(), DecodeError> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut key_count = 0;
        let mut entries = self.entries();
        let mut last_key: &[u8] = &[];
        loop {
            let position = entries.position();
            let Some(entry) = entries.next()? else { break };
            if key_count % INTERVAL == 0 {
                let prefix = self.partitioner.prefix(entry.key);
                if samples.last().is_some_and(|last| !self.is_before(last, prefix, entry.key)) {
                    return Err(DecodeError::new(
                        position,
                        "keys in the order of the partitioner",
                        "one that is not",
                    ));
                }
                samples.push(Sample { prefix, position });
            }
            key_count += 1;
            last_key = entry.key;
        }
        if samples.is_empty() {
            return Err(DecodeError::new(0, "an entry for each partition", "no entry"));
        }
        self.last_key = self.file.slice_ref(last_key);
        self.samples = samples;
        self.key_count = OnceLock::from(key_count);
        Ok(())
    }

    /// Number of partitions; counted at the first call. After damage nothing is counted.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        *self.key_count.get_or_init(|| {
            let mut entries = self.entries();
            let mut count = 0;
            while let Ok(Some(_)) = entries.next() {
                count += 1;
            }
            count
        })
    }

    /// The raw key of the first partition.
    #[must_use]
    pub fn first_key(&self) -> &[u8] {
        self.key_at(0)
    }

    /// The raw key of the last partition.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Bytes in memory.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.file.len() + self.samples.len() * size_of::<Sample>()
    }

    /// The entry at a position of the file.
    ///
    /// # Errors
    /// No entry there.
    #[inline]
    pub fn entry(&self, position: u64) -> Result<IndexEntry<'_>, DecodeError> {
        IndexEntry::read(&self.file, position)
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> IndexEntries<'_> {
        self.entries_from(0)
    }

    /// The entries from the one at a position on.
    #[must_use]
    pub fn entries_from(&self, position: u64) -> IndexEntries<'_> {
        IndexEntries { file: &self.file, position }
    }

    /// The position and the entry of a key whose [prefix](Partitioner::prefix) is `prefix`.
    ///
    /// # Errors
    /// Damage between the two keys of the sample that it lies between.
    #[inline]
    pub fn find(&self, prefix: Token, key: &[u8]) -> Result<Option<(u64, IndexEntry<'_>)>, DecodeError> {
        let behind = self.samples.partition_point(|sample| !self.is_behind(sample, prefix, key));
        let Some(sample) = behind.checked_sub(1).and_then(|at| self.samples.get(at)) else { return Ok(None) };
        let end = self.samples.get(behind).map_or(self.file.len() as u64, |sample| sample.position);
        let mut position = sample.position;
        while position < end {
            let entry = IndexEntry::read(&self.file, position)?;
            if entry.key == key {
                return Ok(Some((position, entry)));
            }
            position = entry.end;
        }
        if position != end {
            return Err(DecodeError::new(end, BOUNDARY, format!("an entry that ends at {position}")));
        }
        Ok(None)
    }

    /// The first entry whose key is after a place, which `is_behind` decides for a key and its
    /// [prefix](Partitioner::prefix).
    ///
    /// # Errors
    /// Damage between the two sampled keys around the place.
    pub fn ceiling(
        &self,
        is_behind: impl Fn(Token, &[u8]) -> bool,
    ) -> Result<Option<(u64, IndexEntry<'_>)>, DecodeError> {
        let is_sample_behind = |sample: &Sample| is_behind(sample.prefix, self.key_at(sample.position));
        let behind = self.samples.partition_point(|sample| !is_sample_behind(sample));
        let start =
            behind.checked_sub(1).and_then(|at| self.samples.get(at)).map_or(0, |sample| sample.position);
        let mut entries = self.entries_from(start);
        loop {
            let position = entries.position();
            match entries.next()? {
                None => return Ok(None),
                Some(entry) if is_behind(self.partitioner.prefix(entry.key), entry.key) => {
                    return Ok(Some((position, entry)));
                }
                Some(_) => {}
            }
        }
    }

    /// The key of the entry at a position of the sample, where there is one.
    #[inline]
    fn key_at(&self, position: u64) -> &[u8] {
        IndexEntry::read(&self.file, position).map_or(&[], |entry| entry.key)
    }

    #[inline]
    fn is_behind(&self, sample: &Sample, prefix: Token, key: &[u8]) -> bool {
        sample.prefix > prefix
            || (sample.prefix == prefix
                && self.partitioner.compare_tied(self.key_at(sample.position), key).is_gt())
    }

    fn is_before(&self, sample: &Sample, prefix: Token, key: &[u8]) -> bool {
        sample.prefix < prefix
            || (sample.prefix == prefix
                && self.partitioner.compare_tied(self.key_at(sample.position), key).is_lt())
    }
}

/// Visits entries of `Index.db` in order.
#[derive(Debug, Clone)]
pub struct IndexEntries<'a> {
    file: &'a [u8],
    position: u64,
}

impl<'a> IndexEntries<'a> {
    /// The entries of a file.
    #[must_use]
    pub fn new(file: &'a [u8]) -> IndexEntries<'a> {
        IndexEntries { file, position: 0 }
    }

    /// Where the next entry begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next entry; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file ends inside the entry; the visit stays there.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<IndexEntry<'a>>, DecodeError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let entry = IndexEntry::read(self.file, self.position)?;
        self.position = entry.end;
        Ok(Some(entry))
    }

    fn is_at_end(&self) -> bool {
        self.position >= self.file.len() as u64
    }
}
