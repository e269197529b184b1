//! Gathers the statistics of a table while it is written.

use std::cmp::Ordering;

use helenus_rows::{
    Bound, BoundKind, CellEvent, ClusteringComparator, DeletionTime, LivenessInfo, RowRef, RowStats,
};
use helenus_types::{DecodeError, LocalDeletionTime, Timestamp};

use super::{
    Cardinality, CompactionComponent, CoveredBound, CoveredClusterings, EstimatedHistogram, StatsComponent,
    TombstoneHistogram, TombstoneHistogramBuilder,
};

/// Gathers STATS and COMPACTION while a table is written (`io.sstable.metadata.MetadataCollector`).
///
/// For each partition in order: [`start_partition`](Self::start_partition), its rows and range
/// deletions, [`cover`](Self::cover) with its first and last clustering,
/// [`end_partition`](Self::end_partition).
#[derive(Debug)]
pub struct StatsCollector {
    comparator: ClusteringComparator,
    rows: RowStats,
    tombstones: TombstoneHistogramBuilder,
    partition_sizes: EstimatedHistogram,
    cells_per_partition: EstimatedHistogram,
    /// Cells of the partition that is being written.
    cells: u64,
    cardinality: Cardinality,
    has_partition_level_deletions: bool,
    covered: Option<[Edge; 2]>,
    first_key: Option<Vec<u8>>,
    last_key: Vec<u8>,
}

/// An owned bound.
#[derive(Debug)]
struct Edge {
    kind: BoundKind,
    size: usize,
    values: Vec<u8>,
}

impl Edge {
    fn new(bound: Bound<'_>) -> Edge {
        Edge { kind: bound.kind, size: bound.size, values: bound.values.to_vec() }
    }

    fn set(&mut self, bound: Bound<'_>) {
        self.kind = bound.kind;
        self.size = bound.size;
        self.values.clear();
        self.values.extend_from_slice(bound.values);
    }

    fn bound(&self) -> Bound<'_> {
        Bound { kind: self.kind, size: self.size, values: &self.values }
    }
}

impl StatsCollector {
    /// Gathers for a table whose clusterings `comparator` orders.
    #[must_use]
    pub fn new(comparator: ClusteringComparator) -> StatsCollector {
        StatsCollector {
            comparator,
            rows: RowStats::default(),
            tombstones: TombstoneHistogramBuilder::default(),
            partition_sizes: EstimatedHistogram::for_partition_sizes(),
            cells_per_partition: EstimatedHistogram::for_cell_counts(),
            cells: 0,
            cardinality: Cardinality::default(),
            has_partition_level_deletions: false,
            covered: None,
            first_key: None,
            last_key: Vec::new(),
        }
    }

    /// A partition begins; `deletion` is its own, live or not.
    pub fn start_partition(&mut self, key: &[u8], deletion: DeletionTime) {
        self.cardinality.add(key);
        if self.first_key.is_none() {
            self.first_key = Some(key.to_vec());
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.cells = 0;
        self.has_partition_level_deletions |= !deletion.is_live();
        self.deletion(deletion);
    }

    /// Counts a row, static or not; an empty static row does not count.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    pub fn row(&mut self, row: RowRef<'_>) -> Result<(), DecodeError> {
        let tombstones = &mut self.tombstones;
        self.cells += self.rows.row(row, |time| tombstones.update(time))?;
        Ok(())
    }

    /// Counts a row whose columns and cells are given to [`event`](Self::event) one by one: the
    /// same as [`row`](Self::row), for callers that decode the row anyway.
    #[inline]
    pub fn row_head(&mut self, liveness: LivenessInfo, deletion: DeletionTime) {
        let tombstones = &mut self.tombstones;
        self.rows.row_head(liveness, deletion, |time| tombstones.update(time));
    }

    /// Counts what is in the row that was begun last; `counters` says whether its columns are
    /// counters.
    ///
    /// # Errors
    /// Where a counter's value is not a context.
    #[inline]
    pub fn event(&mut self, event: &CellEvent<'_>, counters: bool) -> Result<(), DecodeError> {
        let tombstones = &mut self.tombstones;
        self.cells += u64::from(!matches!(event, CellEvent::Complex { .. }));
        self.rows.event(event, counters, |time| tombstones.update(time))
    }

    /// Counts a deletion of a marker: one for a bound, two for a boundary.
    pub fn deletion(&mut self, deletion: DeletionTime) {
        let tombstones = &mut self.tombstones;
        self.rows.deletion(deletion, |time| tombstones.update(time));
    }

    /// Widens what is covered: from `start` to `end`, the outermost bounds of a partition's rows
    /// and range tombstones. A row counts as both of its own inclusive bounds; a partition without
    /// either covers nothing.
    pub fn cover(&mut self, start: Bound<'_>, end: Bound<'_>) {
        let Some([first, last]) = &mut self.covered else {
            self.covered = Some([Edge::new(start), Edge::new(end)]);
            return;
        };
        let order = |a: Bound<'_>, b: Bound<'_>| self.comparator.compare(a.position(), b.position());
        if order(start, first.bound()) == Ordering::Less {
            first.set(start);
        }
        if order(end, last.bound()) == Ordering::Greater {
            last.set(end);
        }
    }

    /// The partition that was begun last is complete, with that many uncompressed bytes from its
    /// key to the end of its end byte.
    pub fn end_partition(&mut self, len_bytes: u64) {
        self.partition_sizes.add(len_bytes);
        self.cells_per_partition.add(self.cells);
    }

    /// The statistics of the rows so far.
    #[must_use]
    pub fn rows(&self) -> &RowStats {
        &self.rows
    }

    /// The components. What a collector cannot know has the value of a fresh local table, for the
    /// writer to set: commit log, compression ratio, level, repair, host, token space coverage.
    #[must_use]
    pub fn finish(self) -> (StatsComponent, CompactionComponent) {
        let mut stats = StatsComponent {
            partition_sizes: self.partition_sizes,
            cells_per_partition: self.cells_per_partition,
            tombstone_drop_times: self.tombstones.build(),
            clustering_types: self.comparator.types().iter().map(|ty| ty.class_name()).collect(),
            covered_clusterings: self.covered.as_ref().map_or_else(
                CoveredClusterings::nothing,
                |[start, end]| CoveredClusterings {
                    start: CoveredBound::copied(start.bound(), &self.comparator),
                    end: CoveredBound::copied(end.bound(), &self.comparator),
                },
            ),
            has_legacy_counter_shards: self.rows.has_legacy_counter_shards,
            columns_set: self.rows.columns_set,
            rows: self.rows.rows,
            has_partition_level_deletions: self.has_partition_level_deletions,
            key_range: self.first_key.map(|first| (first, self.last_key)),
            ..StatsComponent::empty()
        };
        // Nothing without a timestamp has a deletion time, and only cells and livenesses have a
        // TTL.
        if !self.rows.is_empty() {
            stats.min_timestamp = self.rows.min_timestamp;
            stats.max_timestamp = self.rows.max_timestamp;
            stats.min_local_deletion_time = self.rows.min_local_deletion_time;
            stats.max_local_deletion_time = self.rows.max_local_deletion_time;
        }
        if self.rows.min_ttl <= self.rows.max_ttl {
            stats.min_ttl = self.rows.min_ttl;
            stats.max_ttl = self.rows.max_ttl;
        }
        (stats, CompactionComponent { cardinality: self.cardinality.encode() })
    }
}

impl StatsComponent {
    /// STATS of a table without a partition.
    fn empty() -> StatsComponent {
        StatsComponent {
            partition_sizes: EstimatedHistogram::for_partition_sizes(),
            cells_per_partition: EstimatedHistogram::for_cell_counts(),
            commit_log_intervals: Vec::new(),
            min_timestamp: Timestamp::MIN,
            max_timestamp: Timestamp::MAX,
            min_local_deletion_time: LocalDeletionTime::NONE,
            max_local_deletion_time: LocalDeletionTime::NONE,
            min_ttl: 0,
            max_ttl: 0,
            compression_ratio: None,
            tombstone_drop_times: TombstoneHistogram::default(),
            level: 0,
            repaired_at_ms: 0,
            clustering_types: Vec::new(),
            covered_clusterings: CoveredClusterings::nothing(),
            has_legacy_counter_shards: false,
            columns_set: 0,
            rows: 0,
            pending_repair: None,
            is_transient: false,
            originating_host_id: None,
            has_partition_level_deletions: false,
            key_range: None,
            token_space_coverage: None,
        }
    }
}
