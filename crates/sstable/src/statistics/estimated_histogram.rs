//! Histograms of partition sizes and cell counts (`utils.EstimatedHistogram`).

use helenus_types::{DecodeError, Reader};

/// Counts of values in buckets that widen by a fifth (`utils.EstimatedHistogram`).
///
/// ```text
/// n   i32               buckets
/// n × (offset i64, count i64)
/// ```
///
/// Bucket `i` counts the values above offset `i - 1` and up to offset `i`; the last bucket, which
/// has no offset, the values above all. Pair `i` holds the count of bucket `i` and offset `i - 1`;
/// the first pair repeats offset 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimatedHistogram {
    /// Upper ends of all buckets but the last, rising.
    offsets: Vec<u64>,
    /// One more than offsets.
    counts: Vec<u64>,
}

/// More buckets than any version writes, with room for those to come.
const MAX_BUCKETS: usize = 1024;

impl EstimatedHistogram {
    /// For bytes of partitions: 155 offsets, up to 3.5 TB.
    #[must_use]
    pub fn for_partition_sizes() -> EstimatedHistogram {
        EstimatedHistogram::with_offsets(155)
    }

    /// For cells of partitions: 118 offsets, above 4 billion.
    #[must_use]
    pub fn for_cell_counts() -> EstimatedHistogram {
        EstimatedHistogram::with_offsets(118)
    }

    /// An empty histogram with `offset_count` offsets: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20,
    /// …
    #[must_use]
    pub fn with_offsets(offset_count: usize) -> EstimatedHistogram {
        let mut offsets = Vec::with_capacity(offset_count);
        let mut next = 1;
        for _ in 0..offset_count {
            offsets.push(next);
            next = widened(next);
        }
        EstimatedHistogram { offsets, counts: vec![0; offset_count + 1] }
    }

    /// Counts `value`.
    pub fn add(&mut self, value: u64) {
        self.add_times(value, 1);
    }

    /// Counts `value` `times` times.
    pub fn add_times(&mut self, value: u64, times: u64) {
        let bucket = self.offsets.partition_point(|offset| *offset < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(times);
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Values above the last offset, of which no more is known.
    #[must_use]
    pub fn overflow_count(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0)
    }

    /// The buckets: upper end, `None` for the last, and count.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let ends = self.offsets.iter().map(|offset| Some(*offset)).chain([None]);
        ends.zip(self.counts.iter().copied())
    }

    /// The average of the values up to the last offset, each taken as its bucket's end, rounded up;
    /// 0 if none.
    #[must_use]
    pub fn mean(&self) -> u64 {
        let (mut values, mut sum) = (0_u128, 0_u128);
        for (offset, count) in self.offsets.iter().zip(&self.counts) {
            values += u128::from(*count);
            sum = sum.saturating_add(u128::from(*count) * u128::from(*offset));
        }
        if values == 0 { 0 } else { u64::try_from(sum.div_ceil(values)).unwrap_or(u64::MAX) }
    }

    /// The end of the bucket below which `fraction` of the values lie; 0 if there are none, `None`
    /// if they lie above the last offset.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a fraction of a count, as in Java"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    pub fn percentile(&self, fraction: f64) -> Option<u64> {
        let wanted = (self.count() as f64 * fraction).ceil() as u64;
        if wanted == 0 {
            return Some(0);
        }
        let mut seen = 0_u64;
        self.buckets().find_map(|(end, count)| {
            seen = seen.saturating_add(count);
            (seen >= wanted).then_some(end)
        })?
    }

    /// Reads a histogram, whatever its offsets.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<EstimatedHistogram, DecodeError> {
        let start = *reader;
        let buckets = reader.u32()?;
        let most = MAX_BUCKETS.min(reader.remaining() / 16);
        let buckets = usize::try_from(buckets)
            .ok()
            .filter(|buckets| (2..=most).contains(buckets))
            .ok_or_else(|| start.error(format!("2 to {most} buckets"), format!("{buckets}")))?;
        let mut histogram =
            EstimatedHistogram { offsets: Vec::with_capacity(buckets), counts: Vec::with_capacity(buckets) };
        for bucket in 0..buckets {
            let at = *reader;
            let (offset, count) = (reader.i64()?, reader.i64()?);
            let (Ok(offset), Ok(count)) = (u64::try_from(offset), u64::try_from(count)) else {
                return Err(at.error("a bucket's offset and count", format!("{offset} and {count}")));
            };
            histogram.counts.push(count);
            // The first pair's offset comes again with the second.
            if bucket > 0 {
                match histogram.offsets.last() {
                    Some(last) if *last >= offset => {
                        return Err(at.error(format!("an offset above {last}"), format!("{offset}")));
                    }
                    _ => histogram.offsets.push(offset),
                }
            }
        }
        Ok(histogram)
    }

    /// Appends the bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&super::parts::put_u32(self.counts.len()));
        let offsets = self.offsets.first().into_iter().chain(&self.offsets);
        for (offset, count) in offsets.zip(&self.counts) {
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
}

/// The offset after `offset`: a fifth more, rounded half up as by Java's `Math.round`, and at least
/// one more.
fn widened(offset: u64) -> u64 {
    let next = (12 * u128::from(offset) + 5) / 10;
    u64::try_from(next).unwrap_or(u64::MAX).max(offset + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_are_those_of_cassandra() {
        let histogram = EstimatedHistogram::for_partition_sizes();
        assert_eq!(
            histogram.offsets[..20],
            [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 60, 72]
        );
        assert_eq!((histogram.offsets.len(), histogram.offsets.last()), (155, Some(&3_520_571_548_412)));
        let histogram = EstimatedHistogram::for_cell_counts();
        assert_eq!((histogram.offsets.len(), histogram.offsets.last()), (118, Some(&4_139_110_981)));
    }

    #[test]
    fn percentiles_and_mean() {
        let mut histogram = EstimatedHistogram::with_offsets(20);
        assert_eq!((histogram.mean(), histogram.percentile(0.5)), (0, Some(0)));
        for value in [0, 1, 9, 10, 11, 73] {
            histogram.add(value);
        }
        assert_eq!(histogram.overflow_count(), 1);
        assert_eq!(histogram.percentile(0.3), Some(1));
        assert_eq!(histogram.percentile(0.5), Some(10));
        assert_eq!(histogram.percentile(1.0), None);
        assert_eq!(histogram.mean(), (1 + 1 + 10 + 10 + 12_u64).div_ceil(5));
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_bytes_are_read_back(values in prop::collection::vec(0_u64..1 << 45, 0..50)) {
            let mut histogram = EstimatedHistogram::for_partition_sizes();
            for value in &values {
                let before = histogram.counts.clone();
                histogram.add(*value);
                let bucket = (0..before.len()).find(|i| before[*i] != histogram.counts[*i]).unwrap();
                prop_assert!(histogram.offsets.get(bucket).is_none_or(|end| value <= end));
                prop_assert!(bucket == 0 || histogram.offsets[bucket - 1] < *value);
            }
            prop_assert_eq!(histogram.count(), values.len() as u64);
            let mut out = Vec::new();
            histogram.encode(&mut out);
            prop_assert_eq!(out.len(), 4 + 156 * 16);
            prop_assert_eq!(EstimatedHistogram::decode(&mut Reader::new(&out)), Ok(histogram));
        }
    }

    #[test]
    fn impossible_histograms_are_errors() {
        let mut out = Vec::new();
        EstimatedHistogram::with_offsets(3).encode(&mut out);
        for (at, byte) in [(0, 0x7f), (3, 1), (3, 5), (20, 0x80), (12, 0x80), (20 + 7, 9)] {
            let mut broken = out.clone();
            broken[at] = byte;
            assert!(EstimatedHistogram::decode(&mut Reader::new(&broken)).is_err(), "{at}");
        }
    }
}
