//! `Index.db`: the list of partitions with their row indexes, and lookups in it by way of
//! `Summary.db`.
//!
//! Both are read by page. Lookups begin at a sampled key and go through the list up to the next
//! one; a damaged or missing summary is replaced by a sample of our own.

use std::cmp::Ordering;
use std::sync::OnceLock;

use bytes::Bytes;
use helenus_types::{DecodeError, Partitioner, Token};

use super::entry::IndexEntry;
use super::summary::{PagedSummary, Summary};
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// One key in this many is sampled if there is no `Summary.db`, as in Cassandra.
const INTERVAL: u64 = 128;
/// Samples in memory at most, a MiB of them: of more keys fewer are sampled.
const MAX_SAMPLES: usize = 1 << 16;
/// A summary of more bytes stays in its file.
const MAX_HELD_SUMMARY_BYTES: u64 = 1 << 20;

/// `Index.db`, read by page, with a sample of its keys for binary searches.
///
/// The sample comes from `Summary.db` if that holds: its first and last key are those of
/// `Index.db`, and where a key is not found, the two samples that it lies between stand in
/// `Index.db` at their positions. Otherwise, and without one, all of `Index.db` is gone through
/// once.
///
/// That is enough: `Index.db` is in order, and each end of a binary search was compared, so that
/// one of them is wrong if any sample on the way was.
#[derive(Debug)]
pub struct PrimaryIndex {
    file: PagedFile,
    partitioner: Partitioner,
    /// From the summary; none without one.
    samples: Option<Samples>,
    /// From `Index.db` itself: without a summary, or once that was found wrong.
    scanned: OnceLock<Samples>,
    first_key: Bytes,
    last_key: Bytes,
    key_count: OnceLock<u64>,
}

/// Where samples are.
#[derive(Debug)]
enum Samples {
    Held(Vec<Sample>),
    /// In `Summary.db`.
    Paged(PagedSummary),
}

/// A key in the sample.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// The leading part of its place that fits.
    prefix: Token,
    /// Offset of its entry in the file.
    position: u64,
}

/// Where a partition is, as its entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundEntry {
    /// Of the entry in the file.
    pub position: u64,
    /// Of the partition in Data.db.
    pub data_position: u64,
    /// Whether it has a row index.
    pub has_promoted: bool,
}

/// What is to be said of the part of the list that a lookup goes through: it ends where an entry
/// does.
const BOUNDARY: &str = "the end of an entry where the summary has a key";

impl Samples {
    fn len(&self) -> usize {
        match self {
            Samples::Held(samples) => samples.len(),
            Samples::Paged(summary) => summary.len(),
        }
    }

    fn get(&self, index: usize, partitioner: &Partitioner) -> Result<Option<Sample>, SsTableErrorKind> {
        match self {
            Samples::Held(samples) => Ok(samples.get(index).copied()),
            Samples::Paged(summary) => {
                let mut held = HeldPage::default();
                let entry = summary.entry(&mut held, index)?;
                Ok(entry.map(|(key, position)| Sample { prefix: partitioner.prefix(key), position }))
            }
        }
    }

    fn memory_len(&self) -> usize {
        match self {
            Samples::Held(samples) => samples.capacity() * size_of::<Sample>(),
            Samples::Paged(summary) => summary.file().memory_len(),
        }
    }
}

impl PrimaryIndex {
    /// Takes `Index.db`, and `Summary.db` if there is one.
    ///
    /// # Errors
    /// When `Index.db` is damaged, as far as it had to be looked at, or can't be read. A damaged
    /// summary is none.
    pub fn open(
        file: impl Into<PagedFile>,
        summary: Option<PagedFile>,
        partitioner: Partitioner,
    ) -> Result<PrimaryIndex, SsTableErrorKind> {
        let mut index = PrimaryIndex {
            file: file.into(),
            partitioner,
            samples: None,
            scanned: OnceLock::new(),
            first_key: Bytes::new(),
            last_key: Bytes::new(),
            key_count: OnceLock::new(),
        };
        let is_taken = match summary {
            Some(summary) => index.take_summary(summary)?,
            None => false,
        };
        if !is_taken {
            let (samples, last_key, key_count) = index.sample()?;
            index.last_key = last_key;
            (index.scanned, index.key_count) = (OnceLock::from(samples), OnceLock::from(key_count));
        }
        let first = index.entry(&mut HeldPage::default(), 0)?.key.to_vec();
        index.first_key = first.into();
        Ok(index)
    }

    /// Takes an `Index.db` of which any part may be damaged, to go along it: no key is looked up.
    pub(crate) fn unsampled(file: PagedFile, partitioner: Partitioner) -> PrimaryIndex {
        PrimaryIndex {
            file,
            partitioner,
            samples: None,
            scanned: OnceLock::from(Samples::Held(Vec::new())),
            first_key: Bytes::new(),
            last_key: Bytes::new(),
            key_count: OnceLock::new(),
        }
    }

    /// Samples as the summary does; false if its ends show that it is another file's.
    fn take_summary(&mut self, file: PagedFile) -> Result<bool, SsTableErrorKind> {
        let (samples, expected_last) = if file.len() > MAX_HELD_SUMMARY_BYTES {
            let Ok((summary, last_key)) = is_damaged(PagedSummary::open(file))? else { return Ok(false) };
            (Samples::Paged(summary), last_key)
        } else {
            let len = usize::try_from(file.len()).unwrap_or(usize::MAX);
            let bytes = Bytes::copy_from_slice(file.region(&mut HeldPage::default(), 0, len)?);
            let Ok(summary) = Summary::decode(&bytes) else { return Ok(false) };
            let sample = |(key, position)| Sample { prefix: self.partitioner.prefix(key), position };
            let last_key = Bytes::copy_from_slice(&summary.last_key);
            (Samples::Held(summary.entries().map(sample).collect()), last_key)
        };
        let Ok(first) = is_damaged(samples.get(0, &self.partitioner))? else { return Ok(false) };
        let last = samples.get(samples.len().saturating_sub(1), &self.partitioner);
        let Ok(last) = is_damaged(last)? else { return Ok(false) };
        let Some((first, last)) = first.zip(last) else { return Ok(false) };
        if first.position != 0 || !self.stands(first)? || !self.stands(last)? {
            return Ok(false);
        }
        // The entries after the last sample end with the file and with the last key.
        let mut entries = self.entries_from(last.position);
        let mut last_key = Vec::new();
        while let Some(entry) = match is_damaged(entries.next())? {
            Ok(entry) => entry,
            Err(_) => return Ok(false),
        } {
            last_key.clear();
            last_key.extend_from_slice(entry.key);
        }
        if last_key != expected_last {
            return Ok(false);
        }
        (self.samples, self.last_key) = (Some(samples), expected_last);
        Ok(true)
    }

    /// Whether the entry of a sample is there.
    fn stands(&self, sample: Sample) -> Result<bool, SsTableErrorKind> {
        let mut held = HeldPage::default();
        let entry = is_damaged(self.entry(&mut held, sample.position))?;
        Ok(entry.is_ok_and(|entry| self.partitioner.prefix(entry.key) == sample.prefix))
    }

    /// Goes through the whole file, and samples: the samples, the last key, the number of keys.
    fn sample(&self) -> Result<(Samples, Bytes, u64), SsTableErrorKind> {
        let mut samples: Vec<Sample> = Vec::new();
        let (mut key_count, mut interval) = (0, INTERVAL);
        let mut last: Option<(Token, Vec<u8>)> = None;
        let mut last_key = Vec::new();
        let mut entries = self.entries();
        loop {
            let position = entries.position();
            let Some(entry) = entries.next()? else { break };
            if key_count % interval == 0 {
                let prefix = self.partitioner.prefix(entry.key);
                let is_behind = last.as_ref().is_none_or(|(before, key)| {
                    before.cmp(&prefix).then_with(|| self.partitioner.compare_tied(key, entry.key)).is_lt()
                });
                if !is_behind {
                    let expected = "keys in the order of the partitioner";
                    return Err(DecodeError::new(position, expected, "one that is not").into());
                }
                last = Some((prefix, entry.key.to_vec()));
                if samples.len() == MAX_SAMPLES {
                    // Every other one goes: those that stay are as far from each other as the next
                    // ones will be.
                    let mut is_kept = false;
                    samples.retain(|_| {
                        is_kept = !is_kept;
                        is_kept
                    });
                    interval *= 2;
                }
                if key_count % interval == 0 {
                    samples.push(Sample { prefix, position });
                }
            }
            key_count += 1;
            last_key.clear();
            last_key.extend_from_slice(entry.key);
        }
        if samples.is_empty() {
            return Err(DecodeError::new(0, "an entry for each partition", "no entry").into());
        }
        samples.shrink_to_fit();
        Ok((Samples::Held(samples), last_key.into(), key_count))
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

    /// The same, where it was counted already.
    pub(crate) fn known_key_count(&self) -> Option<u64> {
        self.key_count.get().copied()
    }

    /// The raw key of the first partition.
    #[must_use]
    pub fn first_key(&self) -> &[u8] {
        &self.first_key
    }

    /// The raw key of the last partition.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Bytes in memory that are not the cache's.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        let samples = self.samples.iter().chain(self.scanned.get());
        self.file.memory_len() + samples.map(Samples::memory_len).sum::<usize>()
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &PagedFile {
        &self.file
    }

    /// `Summary.db`, where it is read by page.
    pub(crate) fn summary(&self) -> Option<&PagedFile> {
        match &self.samples {
            Some(Samples::Paged(summary)) => Some(summary.file()),
            None | Some(Samples::Held(_)) => None,
        }
    }

    /// The entry at a position of the file.
    ///
    /// # Errors
    /// No entry there; a failed read.
    #[inline]
    pub fn entry<'p>(
        &'p self,
        held: &'p mut HeldPage,
        position: u64,
    ) -> Result<IndexEntry<'p>, SsTableErrorKind> {
        IndexEntry::read(&self.file, held, position)
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> IndexEntries {
        IndexEntries { held: HeldPage::ahead(), ..self.entries_from(0) }
    }

    /// The entries from the one at a position on.
    #[must_use]
    pub fn entries_from(&self, position: u64) -> IndexEntries {
        IndexEntries { file: self.file.clone(), position, held: HeldPage::default() }
    }

    /// Where the partition of a key is whose [prefix](Partitioner::prefix) is `prefix`.
    ///
    /// # Errors
    /// Damage between the two keys of the sample that it lies between; a failed read.
    #[inline]
    pub fn find(&self, prefix: Token, key: &[u8]) -> Result<Option<FoundEntry>, SsTableErrorKind> {
        let is_behind = |sample: &Sample| match sample.prefix.cmp(&prefix) {
            Ordering::Equal => {
                let mut held = HeldPage::default();
                let found = self.entry(&mut held, sample.position)?;
                Ok(self.partitioner.compare_tied(found.key, key).is_gt())
            }
            order => Ok(order.is_gt()),
        };
        loop {
            let samples = self.samples();
            match self.find_among(samples, key, is_behind)? {
                Ok(found) => return Ok(found),
                Err(damaged) => self.rescan(damaged)?,
            }
        }
    }

    /// Looks between two of the samples; the inner error says that one of them is wrong.
    fn find_among(
        &self,
        samples: &Samples,
        key: &[u8],
        is_behind: impl Fn(&Sample) -> Result<bool, SsTableErrorKind>,
    ) -> Result<Result<Option<FoundEntry>, DecodeError>, SsTableErrorKind> {
        let (before, behind) = match is_damaged(self.around(samples, is_behind))? {
            Ok((Some(before), behind)) => (before, behind),
            // Before the first key, which the opening found to be there.
            Ok((None, _)) => return Ok(Ok(None)),
            Err(damaged) => return Ok(Err(damaged)),
        };
        let end = behind.map_or(self.file.len(), |sample| sample.position);
        let mut held = HeldPage::default();
        let mut position = before.position;
        while position < end {
            let entry = match is_damaged(self.entry(&mut held, position))? {
                Ok(entry) => entry,
                Err(damaged) => return Ok(Err(damaged)),
            };
            if entry.key == key {
                return Ok(Ok(Some(FoundEntry::of(&entry, position))));
            }
            position = entry.end;
        }
        let stand = self.stands(before)? && behind.map_or(Ok(true), |behind| self.stands(behind))?;
        if position != end || !stand {
            let found = format!("an entry that ends at {position}");
            return Ok(Err(DecodeError::new(end, BOUNDARY, found)));
        }
        Ok(Ok(None))
    }

    /// The first entry whose key is after a place, which `is_behind` decides for a key and its
    /// [prefix](Partitioner::prefix).
    ///
    /// # Errors
    /// Damage between the two keys of the sample that the place lies between; a failed read.
    pub fn ceiling(
        &self,
        is_behind: impl Fn(Token, &[u8]) -> bool,
    ) -> Result<Option<FoundEntry>, SsTableErrorKind> {
        let is_sample_behind = |sample: &Sample| {
            let mut held = HeldPage::default();
            Ok(is_behind(sample.prefix, self.entry(&mut held, sample.position)?.key))
        };
        loop {
            let samples = self.samples();
            let start = match is_damaged(self.around(samples, is_sample_behind))? {
                Ok((None, _)) => 0,
                Ok((Some(before), _)) if self.stands(before)? => before.position,
                Ok((Some(before), _)) => {
                    let found = "another key".to_owned();
                    self.rescan(DecodeError::new(before.position, "the key of the summary", found))?;
                    continue;
                }
                Err(damaged) => {
                    self.rescan(damaged)?;
                    continue;
                }
            };
            let mut entries = self.entries_from(start);
            loop {
                let position = entries.position();
                match entries.next()? {
                    None => return Ok(None),
                    Some(entry) if is_behind(self.partitioner.prefix(entry.key), entry.key) => {
                        return Ok(Some(FoundEntry::of(&entry, position)));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// The samples on both sides of a place.
    fn around(
        &self,
        samples: &Samples,
        is_behind: impl Fn(&Sample) -> Result<bool, SsTableErrorKind>,
    ) -> Result<(Option<Sample>, Option<Sample>), SsTableErrorKind> {
        let (mut low, mut high) = (0, samples.len());
        let (mut before, mut behind) = (None, None);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(sample) = samples.get(middle, &self.partitioner)? else {
                return Err(DecodeError::new(0, "a sample", "none").into());
            };
            if is_behind(&sample)? {
                (high, behind) = (middle, Some(sample));
            } else {
                (low, before) = (middle + 1, Some(sample));
            }
        }
        Ok((before, behind))
    }

    /// Whether the samples are from `Index.db` itself.
    #[cfg(test)]
    pub(super) fn is_scanned(&self) -> bool {
        self.scanned.get().is_some()
    }

    fn samples(&self) -> &Samples {
        match self.scanned.get().or(self.samples.as_ref()) {
            Some(samples) => samples,
            None => unreachable!("an index is opened with samples"),
        }
    }

    /// Takes the samples from `Index.db` itself; an error if they are from there already.
    #[cold]
    fn rescan(&self, damaged: DecodeError) -> Result<(), SsTableErrorKind> {
        if self.scanned.get().is_some() {
            return Err(damaged.into());
        }
        let (samples, _, key_count) = self.sample()?;
        self.key_count.get_or_init(|| key_count);
        self.scanned.get_or_init(|| samples);
        Ok(())
    }
}

impl FoundEntry {
    /// What an entry at a position says.
    #[must_use]
    pub fn of(entry: &IndexEntry<'_>, position: u64) -> FoundEntry {
        let IndexEntry { data_position, promoted_len, .. } = *entry;
        FoundEntry { position, data_position, has_promoted: promoted_len > 0 }
    }
}

/// Separates damage, the inner error, from failed reads.
fn is_damaged<T>(result: Result<T, SsTableErrorKind>) -> Result<Result<T, DecodeError>, SsTableErrorKind> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(SsTableErrorKind::Corrupt(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Visits entries of `Index.db` in order.
#[derive(Debug, Clone)]
pub struct IndexEntries {
    file: PagedFile,
    position: u64,
    held: HeldPage,
}

impl IndexEntries {
    /// The entries of a file.
    #[must_use]
    pub fn new(file: impl Into<PagedFile>) -> IndexEntries {
        IndexEntries { file: file.into(), position: 0, held: HeldPage::ahead() }
    }

    /// Where the next entry begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next entry; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file ends inside the entry, or a read fails; the visit stays there.
    #[inline]
    pub fn next(&mut self) -> Result<Option<IndexEntry<'_>>, SsTableErrorKind> {
        if self.position >= self.file.len() {
            return Ok(None);
        }
        let entry = IndexEntry::read(&self.file, &mut self.held, self.position)?;
        self.position = entry.end;
        Ok(Some(entry))
    }
}
