//! Histograms of the times at which tombstones become droppable
//! (`utils.streamhist.TombstoneHistogram`).

use helenus_types::{DecodeError, LocalDeletionTime, Reader};

/// How many tombstones become droppable when: local deletion times with counts, rising
/// (`utils.streamhist.TombstoneHistogram`).
///
/// ```text
/// max_bins  i32    written as size
/// size      i32
/// size × (point i64, count i32)     unsigned deletion times
/// size × (point f64, count i64)     before
/// ```
///
/// Cassandra counts 16 bytes an entry for both and writes the whole buffer, so that STATS ends with
/// `4 * size` zeros where deletion times are unsigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TombstoneHistogram {
    bins: Vec<(u32, u32)>,
}

/// Bins that are kept (`SSTable.TOMBSTONE_HISTOGRAM_BIN_SIZE`).
const MAX_BINS: usize = 100;

/// Points are rounded up to whole minutes (`cassandra.streaminghistogram.roundseconds`).
const ROUND_S: u32 = 60;

/// The latest point (`Cell.MAX_DELETION_TIME`).
const MAX_POINT: u32 = LocalDeletionTime::MAX.0;

/// The latest point before deletion times were unsigned (`Cell.MAX_DELETION_TIME_2038_LEGACY_CAP`).
const LEGACY_MAX_POINT: u32 = (i32::MAX - 1).cast_unsigned();

/// Java's largest count.
const MAX_COUNT: u32 = i32::MAX.cast_unsigned();

/// Whether local deletion times are unsigned in the version at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointForm {
    /// Integers.
    Unsigned,
    /// Doubles, up to 2038.
    Legacy,
}

impl TombstoneHistogram {
    /// The points, in seconds, and their counts.
    pub fn bins(&self) -> impl Iterator<Item = (LocalDeletionTime, u32)> {
        self.bins.iter().map(|(point, count)| (LocalDeletionTime(*point), *count))
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// The histogram that a version with deletion times up to 2038 reads back: rounding up may have
    /// gone beyond.
    #[must_use]
    pub fn until_2038(&self) -> TombstoneHistogram {
        let mut capped = TombstoneHistogram::default();
        for (point, count) in &self.bins {
            capped.add((*point).min(LEGACY_MAX_POINT), *count);
        }
        capped
    }

    /// Estimated number of tombstones with a local deletion time up to `before`, by interpolation
    /// between points.
    #[must_use]
    pub fn sum(&self, before: LocalDeletionTime) -> f64 {
        let mut sum = 0.0;
        let mut previous: Option<(f64, f64)> = None;
        for (point, count) in &self.bins {
            let (point, count) = (f64::from(*point), f64::from(*count));
            let before = f64::from(before.0);
            if point > before {
                let Some((previous_point, previous_count)) = previous else {
                    return 0.0;
                };
                let weight = (before - previous_point) / (point - previous_point);
                let at_before = previous_count + (count - previous_count) * weight;
                return sum - previous_count
                    + (previous_count + at_before) * weight / 2.0
                    + previous_count / 2.0;
            }
            sum += count;
            previous = Some((point, count));
        }
        sum
    }

    /// Reads a histogram. Points and counts that cannot be are brought into range, as in Cassandra:
    /// old files hold negative ones (CASSANDRA-14092).
    pub(super) fn decode(
        reader: &mut Reader<'_>,
        form: PointForm,
    ) -> Result<TombstoneHistogram, DecodeError> {
        let entry_len = match form {
            PointForm::Unsigned => 12,
            PointForm::Legacy => 16,
        };
        reader.skip(4)?;
        let start = *reader;
        let size = reader.u32()?;
        let most = reader.remaining() / entry_len;
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= most)
            .ok_or_else(|| start.error(format!("at most {most} points"), format!("{size}")))?;
        let mut histogram = TombstoneHistogram { bins: Vec::with_capacity(size) };
        for _ in 0..size {
            let (point, count) = match form {
                PointForm::Unsigned => (clamped(reader.i64()?, MAX_POINT), i64::from(reader.i32()?)),
                PointForm::Legacy => (clamped(java_long(reader.f64()?), LEGACY_MAX_POINT), reader.i64()?),
            };
            histogram.add(point, clamped(count.max(0), MAX_COUNT));
        }
        Ok(histogram)
    }

    /// Appends the bytes, without the zeros at the component's end.
    pub(super) fn encode(&self, out: &mut Vec<u8>, form: PointForm) {
        let size = super::parts::put_u32(self.bins.len());
        out.extend_from_slice(&size);
        out.extend_from_slice(&size);
        for (point, count) in &self.bins {
            match form {
                PointForm::Unsigned => {
                    out.extend_from_slice(&u64::from(*point).to_be_bytes());
                    out.extend_from_slice(&count.to_be_bytes());
                }
                PointForm::Legacy => {
                    out.extend_from_slice(&f64::from((*point).min(LEGACY_MAX_POINT)).to_be_bytes());
                    out.extend_from_slice(&u64::from(*count).to_be_bytes());
                }
            }
        }
    }

    fn add(&mut self, point: u32, count: u32) {
        match self.bins.binary_search_by_key(&point, |(point, _)| *point) {
            Ok(found) => {
                if let Some((_, total)) = self.bins.get_mut(found) {
                    *total = total.saturating_add(count).min(MAX_COUNT);
                }
            }
            Err(place) => self.bins.insert(place, (point, count)),
        }
    }

    /// Joins the two points with the smallest distance, the first such pair.
    fn merge_nearest(&mut self) {
        let distances = self.bins.windows(2).enumerate().filter_map(|(at, pair)| match pair {
            [(left, _), (right, _)] => Some((right - left, at)),
            _ => None,
        });
        let Some((_, at)) = distances.min() else {
            return;
        };
        let (Some(&(left, left_count)), Some(&(right, right_count))) =
            (self.bins.get(at), self.bins.get(at + 1))
        else {
            return;
        };
        // Products and sums stay below 2^64; Java's saturate to its largest long, which they reach
        // only together with counts near 2^31.
        let product =
            |point: u32, count: u32| i64::try_from(u64::from(point) * u64::from(count)).unwrap_or(i64::MAX);
        let sum = product(left, left_count).saturating_add(product(right, right_count));
        let count = u64::from(left_count) + u64::from(right_count);
        let mean = sum.cast_unsigned() / count.max(1);
        let mean = u32::try_from(mean).unwrap_or(MAX_POINT).min(MAX_POINT);
        let point = if mean <= left { left + 1 } else { mean };
        let point = rounded_up(point.min(right));
        let count = u32::try_from(count).unwrap_or(MAX_COUNT).min(MAX_COUNT);
        self.bins.remove(at + 1);
        if let Some(bin) = self.bins.get_mut(at) {
            *bin = (point, count);
        }
    }
}

fn clamped(value: i64, max: u32) -> u32 {
    u32::try_from(value).map_or(max, |value| value.min(max))
}

/// Java's cast of a double to a long: to zero, saturating, 0 for NaN, as Rust's.
#[expect(clippy::cast_possible_truncation, reason = "saturates as Java's does")]
fn java_long(value: f64) -> i64 {
    value as i64
}

fn rounded_up(point: u32) -> u32 {
    point.checked_next_multiple_of(ROUND_S).map_or(MAX_POINT, |point| point.min(MAX_POINT))
}

/// Builds a [`TombstoneHistogram`] exactly as `utils.streamhist.StreamingTombstoneHistogramBuilder`
/// does.
///
/// Up to 100 points nothing is lost. Beyond, Cassandra gathers points in a hash table of fixed size
/// and merges them in the table's order, so that order is reproduced here, from a table that is
/// made when it is first needed.
#[derive(Debug, Clone, Default)]
pub struct TombstoneHistogramBuilder {
    /// The first points, in the order they came.
    first: Vec<(u32, u32)>,
    /// Where in `first` the last update went: tombstones come in runs of the same minute.
    last: usize,
    spool: Option<Box<Spool>>,
    /// The bins drained from the spool.
    bins: TombstoneHistogram,
}

impl TombstoneHistogramBuilder {
    /// Counts one tombstone; not for [`LocalDeletionTime::NONE`].
    pub fn update(&mut self, local_deletion_time: LocalDeletionTime) {
        let point = rounded_up(local_deletion_time.0);
        if let Some(spool) = &mut self.spool {
            return spool.update(point, &mut self.bins);
        }
        let last = self.first.get_mut(self.last).filter(|(known, _)| *known == point);
        if let Some((_, count)) = last {
            *count = count.saturating_add(1).min(MAX_COUNT);
            return;
        }
        if let Some(found) = self.first.iter().position(|(known, _)| *known == point) {
            self.last = found;
            return self.update(local_deletion_time);
        }
        if self.first.len() < MAX_BINS {
            self.last = self.first.len();
            self.first.push((point, 1));
            return;
        }
        let mut spool = Box::new(Spool::new());
        for (point, count) in self.first.drain(..) {
            spool.add(point, count, &mut self.bins);
        }
        spool.update(point, &mut self.bins);
        self.spool = Some(spool);
    }

    /// The histogram of all that was counted.
    #[must_use]
    pub fn build(mut self) -> TombstoneHistogram {
        if let Some(mut spool) = self.spool.take() {
            spool.drain(&mut self.bins);
        }
        self.first.sort_unstable();
        for (point, count) in self.first {
            self.bins.add(point, count);
        }
        self.bins
    }
}

/// An open-addressing table of points and counts that never grows
/// (`StreamingTombstoneHistogramBuilder.Spool`).
#[derive(Debug, Clone)]
struct Spool {
    cells: Vec<(u32, u32)>,
    len: usize,
}

/// A power of two above Cassandra's 100,000 points; the table has twice as many cells.
const SPOOL_CAPACITY: usize = 1 << 17;

/// Cells that are tried for a point.
const SPOOL_PROBES: usize = 100;

/// No point: the largest is [`MAX_POINT`].
const FREE: u32 = u32::MAX;

impl Spool {
    fn new() -> Spool {
        Spool { cells: vec![(FREE, 0); 2 * SPOOL_CAPACITY], len: 0 }
    }

    fn update(&mut self, point: u32, bins: &mut TombstoneHistogram) {
        self.add(point, 1, bins);
    }

    fn add(&mut self, point: u32, count: u32, bins: &mut TombstoneHistogram) {
        if !self.try_add(point, count) {
            self.drain(bins);
            self.try_add(point, count);
        }
    }

    fn try_add(&mut self, point: u32, count: u32) -> bool {
        const PRIME: u32 = 948_701_839;
        if self.len > SPOOL_CAPACITY {
            return false;
        }
        let hash = usize::try_from(point.wrapping_mul(PRIME)).unwrap_or(0) & (SPOOL_CAPACITY - 1);
        // At most 100 cells after one of the first half: the table's end is never reached.
        for (known, total) in self.cells.iter_mut().skip(hash).take(SPOOL_PROBES) {
            if *known == FREE {
                (*known, *total) = (point, count);
                self.len += 1;
                return true;
            }
            if *known == point {
                *total = total.saturating_add(count).min(MAX_COUNT);
                return true;
            }
        }
        false
    }

    /// Moves all points into the bins, in the table's order.
    fn drain(&mut self, bins: &mut TombstoneHistogram) {
        for (point, count) in self.cells.iter_mut().filter(|(point, _)| *point != FREE) {
            bins.add(*point, *count);
            if bins.len() > MAX_BINS {
                bins.merge_nearest();
            }
            *point = FREE;
        }
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use helenus_types::Hex;

    fn built(points: impl IntoIterator<Item = u32>) -> TombstoneHistogram {
        let mut builder = TombstoneHistogramBuilder::default();
        for point in points {
            builder.update(LocalDeletionTime(point));
        }
        builder.build()
    }

    #[test]
    fn bytes_are_those_of_cassandra() {
        let histogram = built([1_700_000_001, 1_700_000_002, 1_700_000_100, 3_000_000_000]);
        let encoded = |form| {
            let mut out = Vec::new();
            histogram.encode(&mut out, form);
            let read = TombstoneHistogram::decode(&mut Reader::new(&out), form).unwrap();
            (Hex(&out).to_string(), read)
        };
        let (bytes, read) = encoded(PointForm::Unsigned);
        assert_eq!(
            bytes,
            "0000000300000003000000006553f12800000002000000006553f16400000001\
             00000000b2d05e0000000001"
        );
        assert_eq!(read, histogram);
        let (bytes, read) = encoded(PointForm::Legacy);
        assert!(
            bytes.starts_with(
                "000000030000000341d954fc4a000000000000000000000241d954fc590000000000000000000001"
            )
        );
        // 3,000,000,000 lies past 2038.
        assert_eq!(read.bins().last(), Some((LocalDeletionTime(LEGACY_MAX_POINT), 1)));
    }

    #[test]
    fn wrong_points_and_counts_are_brought_into_range() {
        let mut bytes = vec![0, 0, 0, 100, 0, 0, 0, 3];
        for (point, count) in [(-5.0_f64, 1_i64), (2_147_483_647.0, i64::MAX), (7.9, -1)] {
            bytes.extend_from_slice(&point.to_be_bytes());
            bytes.extend_from_slice(&count.to_be_bytes());
        }
        let read = TombstoneHistogram::decode(&mut Reader::new(&bytes), PointForm::Legacy).unwrap();
        assert_eq!(read.bins, [(7, 0), (LEGACY_MAX_POINT, MAX_COUNT)]);
        bytes[7] = 4;
        assert!(TombstoneHistogram::decode(&mut Reader::new(&bytes), PointForm::Legacy).is_err());
    }

    #[test]
    fn sums_interpolate() {
        let histogram = TombstoneHistogram { bins: vec![(100, 4), (200, 8)] };
        assert_eq!(histogram.sum(LocalDeletionTime(99)), 0.0);
        assert_eq!(histogram.sum(LocalDeletionTime(100)), 4.0 - 4.0 + 2.0);
        assert_eq!(histogram.sum(LocalDeletionTime(150)), (4.0 + 6.0) * 0.5 / 2.0 + 2.0);
        assert_eq!(histogram.sum(LocalDeletionTime(200)), 12.0);
    }

    #[test]
    fn the_latest_points_are_capped() {
        let bins = built([0, 1, 60, MAX_POINT - 1, LocalDeletionTime::INVALID.0]).bins;
        assert_eq!(bins, [(0, 1), (60, 2), (MAX_POINT, 2)]);
        // The last second that signed times have is no whole minute.
        let histogram = built([60, LEGACY_MAX_POINT, MAX_POINT]);
        assert_eq!(histogram.bins, [(60, 1), (LEGACY_MAX_POINT + 54, 1), (MAX_POINT, 1)]);
        let mut bytes = Vec::new();
        histogram.encode(&mut bytes, PointForm::Legacy);
        let again = TombstoneHistogram::decode(&mut Reader::new(&bytes), PointForm::Legacy).unwrap();
        assert_eq!(again.bins, [(60, 1), (LEGACY_MAX_POINT, 2)]);
        assert_eq!(again, histogram.until_2038());
    }

    #[test]
    fn the_101st_point_joins_the_nearest_pair() {
        // 101 points two minutes apart, of which one pair lies a minute apart.
        let mut points: Vec<u32> = (0..100).map(|i| 6_000 + i * 120).collect();
        points.push(6_000 + 50 * 120 + 60);
        points.extend([6_000 + 50 * 120; 2]);
        let histogram = built(points);
        assert_eq!(histogram.len(), MAX_BINS);
        // (12000 * 3 + 12060) / 4 = 12015, rounded up to a minute.
        assert_eq!(histogram.bins[50], (12_060, 4));
        assert_eq!(histogram.bins.iter().map(|(_, count)| count).sum::<u32>(), 103);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(points in prop::collection::vec(0_u32..20_000_000, 0..600)) {
            let histogram = built(points.iter().copied());
            prop_assert!(histogram.len() <= MAX_BINS);
            prop_assert!(histogram.bins.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(histogram.bins.iter().all(|(point, _)| point % ROUND_S == 0));
            let total: u32 = histogram.bins.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(total as usize, points.len());
            let distinct: std::collections::BTreeSet<u32> = points.iter().map(|point| rounded_up(*point)).collect();
            if distinct.len() <= MAX_BINS {
                prop_assert!(histogram.bins.iter().map(|(point, _)| *point).eq(distinct));
            }
            let far = LocalDeletionTime(30_000_000);
            prop_assert_eq!(histogram.sum(far), f64::from(total));
        }
    }
}
