//! Size-tiered compaction (`SizeTieredCompactionStrategy`): merge what is of similar size.

use crate::description::Description;
use crate::options::{CommonOptions, FLOAT, InvalidStrategy, OptionReader};
use crate::task::{Moment, Reason, Task, Waiting};

/// Options of the strategy, with Cassandra's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeTiered {
    /// Fewest SSTables of a size to merge.
    pub min_threshold: usize,
    /// Most SSTables to merge at once.
    pub max_threshold: usize,
    /// SSTables below this size, in bytes, count as one size.
    pub min_sstable_size_bytes: u64,
    /// A size belongs to a bucket above this share of its average.
    pub bucket_low: f64,
    /// And below this multiple.
    pub bucket_high: f64,
    /// A single SSTable is rewritten when more than this share of its cells can be dropped.
    pub tombstone_threshold: f64,
    /// And it is that old, in seconds.
    pub tombstone_compaction_interval_seconds: u32,
    /// Whether that is done although others may hold what its tombstones shadow, which stay then.
    pub unchecked_tombstone_compaction: bool,
}

impl Default for SizeTiered {
    fn default() -> Self {
        Self {
            min_threshold: 4,
            max_threshold: 32,
            min_sstable_size_bytes: 50 << 20,
            bucket_low: 0.5,
            bucket_high: 1.5,
            tombstone_threshold: 0.2,
            tombstone_compaction_interval_seconds: 86_400,
            unchecked_tombstone_compaction: false,
        }
    }
}

/// SSTables of similar size.
#[derive(Debug)]
struct Bucket<'a> {
    average: u64,
    tables: Vec<&'a Description<'a>>,
}

impl SizeTiered {
    /// `SizeTieredCompactionStrategyOptions.validateOptions`; thresholds come in by
    /// [`set_thresholds`](Self::set_thresholds).
    pub(crate) fn read(
        options: &mut OptionReader<'_>,
        common: &CommonOptions,
    ) -> Result<Self, InvalidStrategy> {
        let default = Self::with_common(common);
        let name = "min_sstable_size";
        let min_size = options.checked(name, 50 << 20, |bytes| match bytes {
            0.. => Ok(()),
            _ => Err(format!("{name} must be non negative: {bytes}")),
        })?;
        let bucket_low = options.number("bucket_low", FLOAT, default.bucket_low)?;
        let bucket_high = options.number("bucket_high", FLOAT, default.bucket_high)?;
        if bucket_high <= bucket_low {
            return Err(InvalidStrategy(format!(
                "bucket_high value ({bucket_high:?}) is less than or equal to the bucket_low value ({bucket_low:?})"
            )));
        }
        Ok(Self { min_sstable_size_bytes: min_size.unsigned_abs(), bucket_low, bucket_high, ..default })
    }

    /// The defaults, with what all strategies share.
    pub(crate) fn with_common(common: &CommonOptions) -> Self {
        Self {
            tombstone_threshold: common.tombstone_threshold,
            tombstone_compaction_interval_seconds: u32::try_from(
                common.tombstone_compaction_interval_seconds,
            )
            .unwrap_or(u32::MAX),
            unchecked_tombstone_compaction: common.unchecked_tombstone_compaction,
            ..Self::default()
        }
    }

    pub(crate) fn set_thresholds(&mut self, min: usize, max: usize) {
        self.min_threshold = min;
        self.max_threshold = max;
    }

    pub(crate) fn next_task(&self, tables: &[Description<'_>], moment: &Moment) -> Option<Task> {
        let buckets = self.buckets(tables);
        // Without counts of reads all buckets are equally hot: then the largest average wins.
        let bucket =
            buckets.iter().filter(|b| b.tables.len() >= self.min_threshold).max_by_key(|b| b.average);
        if let Some(bucket) = bucket {
            let inputs = bucket.tables.iter().take(self.max_threshold).map(|t| t.generation).collect();
            return Some(Task::merge(inputs, Reason::SimilarSizes));
        }
        self.tombstone_task(tables, moment)
    }

    pub(crate) fn pending_tasks(&self, tables: &[Description<'_>]) -> usize {
        let buckets = self.buckets(tables);
        let due = buckets.iter().map(|b| b.tables.len()).filter(|len| *len >= self.min_threshold);
        due.map(|len| len.div_ceil(self.max_threshold)).sum()
    }

    pub(crate) fn waiting(&self, tables: &[Description<'_>]) -> Waiting {
        let buckets = self.buckets(tables);
        let due = buckets.iter().map(|bucket| &bucket.tables).filter(|b| b.len() >= self.min_threshold);
        due.flatten().fold(Waiting::default(), |sum, table| Waiting {
            tables: sum.tables + 1,
            bytes: sum.bytes.saturating_add(table.bytes_on_disk),
        })
    }

    /// Groups those that are free by size, ascending; a size joins the first bucket whose average
    /// is near.
    fn buckets<'a>(&self, tables: &'a [Description<'_>]) -> Vec<Bucket<'a>> {
        let mut sorted: Vec<_> = tables.iter().filter(|t| t.is_free()).collect();
        sorted.sort_by_key(|t| (t.bytes_on_disk, t.generation));
        let mut buckets: Vec<Bucket<'a>> = Vec::new();
        for table in sorted {
            let size = table.bytes_on_disk;
            match buckets.iter_mut().find(|b| self.is_near(size, b.average)) {
                Some(bucket) => {
                    let count = bucket.tables.len() as u64;
                    let total = bucket.average.saturating_mul(count).saturating_add(size);
                    bucket.average = total / (count + 1);
                    bucket.tables.push(table);
                }
                None => buckets.push(Bucket { average: size, tables: vec![table] }),
            }
        }
        buckets
    }

    fn is_near(&self, size: u64, average: u64) -> bool {
        let (size_f, average_f) = (size as f64, average as f64);
        (size_f > average_f * self.bucket_low && size_f < average_f * self.bucket_high)
            || (size < self.min_sstable_size_bytes && average < self.min_sstable_size_bytes)
    }

    /// Nothing to merge: the largest SSTable that is worth rewriting for its tombstones alone
    /// (`AbstractCompactionStrategy.worthDroppingTombstones`).
    fn tombstone_task(&self, tables: &[Description<'_>], moment: &Moment) -> Option<Task> {
        // A table that was rewritten in this second is not rewritten again in it, whatever is left.
        let interval = self.tombstone_compaction_interval_seconds.max(1);
        let old_enough =
            |t: &&Description<'_>| moment.now_seconds.saturating_sub(t.written_at_seconds) >= interval;
        let worth = |t: &&Description<'_>| {
            let droppable = t.droppable_ratio(moment.gc_before);
            droppable > self.tombstone_threshold
                && (self.unchecked_tombstone_compaction
                    || droppable * t.purgeable_share(tables, moment) > self.tombstone_threshold)
        };
        let free = tables.iter().filter(|t| t.is_free());
        let table = free.filter(old_enough).filter(worth).max_by_key(|t| t.bytes_on_disk)?;
        Some(Task::merge(vec![table.generation], Reason::Tombstones))
    }
}
