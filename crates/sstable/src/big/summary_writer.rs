//! Writes `Summary.db` (layout: [`summary`](super::summary)): every n-th key of `Index.db`, with
//! the offset of its entry. (Cassandra: `io.sstable.indexsummary.IndexSummaryBuilder`,
//! `big.IndexSummaryComponent`.)

use super::summary::BASE_SAMPLING_LEVEL;
use crate::bti::IndexBuildError;

/// The table option of that name where it is not set.
pub(crate) const DEFAULT_MIN_INDEX_INTERVAL: u32 = 128;

/// Samples the keys of an `Index.db` as it is written.
#[derive(Debug)]
pub(crate) struct SummaryBuilder {
    interval: u32,
    keys: u64,
    /// Where each entry begins among the entries.
    offsets: Vec<u32>,
    entries: Vec<u8>,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
}

impl SummaryBuilder {
    /// Takes one key in `interval`; in each, if that is 0.
    #[must_use]
    pub(crate) fn new(interval: u32) -> SummaryBuilder {
        SummaryBuilder {
            interval: interval.max(1),
            keys: 0,
            offsets: Vec::new(),
            entries: Vec::new(),
            first_key: Vec::new(),
            last_key: Vec::new(),
        }
    }

    /// Adds the next key, whose entry is at `position` of `Index.db`. After 2 GiB of entries no
    /// more are taken, as in Cassandra: readers scan from the last one on.
    pub(crate) fn add(&mut self, key: &[u8], position: u64) {
        if self.keys == 0 {
            self.first_key.extend_from_slice(key);
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        let begin = u32::try_from(self.entries.len()).ok().filter(|begin| begin.cast_signed() >= 0);
        if let (true, Some(begin)) = (self.keys.is_multiple_of(u64::from(self.interval)), begin) {
            self.offsets.push(begin);
            self.entries.extend_from_slice(key);
            self.entries.extend_from_slice(&position.to_le_bytes());
        }
        self.keys += 1;
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// More offsets and entries than its 32 bits reach.
    pub(crate) fn finish(self) -> Result<Vec<u8>, IndexBuildError> {
        let offsets_len = size_of::<u32>() * self.offsets.len();
        let size = offsets_len + self.entries.len();
        let int = |number: usize| match i32::try_from(number) {
            Ok(int) => Ok(int.to_be_bytes()),
            Err(_) => Err(IndexBuildError::TooManyBlocks(number)),
        };
        let at_full_sampling = usize::try_from(self.keys.div_ceil(u64::from(self.interval)));
        let mut out = Vec::with_capacity(size + 64);
        out.extend_from_slice(&self.interval.to_be_bytes());
        out.extend_from_slice(&int(self.offsets.len())?);
        out.extend_from_slice(&(size as u64).to_be_bytes());
        out.extend_from_slice(&BASE_SAMPLING_LEVEL.to_be_bytes());
        out.extend_from_slice(&int(at_full_sampling.unwrap_or(usize::MAX))?);
        let base = u32::try_from(offsets_len).ok().ok_or(IndexBuildError::TooManyBlocks(offsets_len))?;
        for offset in &self.offsets {
            // Both are below 2^31.
            out.extend_from_slice(&(base + offset).to_le_bytes());
        }
        out.extend_from_slice(&self.entries);
        for key in [&self.first_key, &self.last_key] {
            out.extend_from_slice(&int(key.len())?);
            out.extend_from_slice(key);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example() {
        let mut summary = SummaryBuilder::new(DEFAULT_MIN_INDEX_INTERVAL);
        for (key, position) in (b'0'..=b'4').zip([0, 22, 46, 70, 94]) {
            summary.add(&[key], position);
        }
        let expected = [
            0, 0, 0, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0, 0, 0, 0x80, 0, 0, 0, 1, 4, 0, 0, 0,
            0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x30, 0, 0, 0, 1, 0x34,
        ];
        assert_eq!(summary.finish().unwrap(), expected);
    }

    #[test]
    fn every_interval_th_key() {
        let mut summary = SummaryBuilder::new(2);
        for number in 0..5_u8 {
            summary.add(&[b'k', number], 256 + u64::from(number));
        }
        let bytes = summary.finish().unwrap();
        assert_eq!(bytes[4..24], [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0x80, 0, 0, 0, 3]);
        assert_eq!(bytes[24..36], [12, 0, 0, 0, 22, 0, 0, 0, 32, 0, 0, 0]);
        assert_eq!(bytes[46..56], [b'k', 2, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[66..], [0, 0, 0, 2, b'k', 0, 0, 0, 0, 2, b'k', 4]);
    }
}
