//! Options of a writer, and what is known of a table that was written.

use helenus_io::Disk;
use helenus_types::Partitioner;
use uuid::Uuid;

use super::files::remove_table;
use crate::big::DEFAULT_MIN_INDEX_INTERVAL;
use crate::compression::CompressionParams;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::statistics::{CommitLogInterval, StatsComponent};

/// Options of writing a table.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The partitioner, which orders the partitions.
    pub partitioner: Partitioner,
    /// The compression of the data; `None` writes it plain.
    pub compression: Option<CompressionParams>,
    /// False positives of the filter; 1.0 writes none.
    pub bloom_filter_fp_chance: f64,
    /// Partitions that are expected, which size the filter.
    pub expected_keys: u64,
    /// Bytes of rows from which on a block of the row index is closed (`column_index_size`); `None`
    /// is Cassandra's default, 16 KiB in `bti` and 64 KiB in `big`.
    pub row_index_granularity: Option<u64>,
    /// Partitions from one sample of Summary.db to the next (`min_index_interval`).
    pub min_index_interval: u32,
    /// The treatment of local deletion times that the version cannot hold.
    pub late_deletion_times: LateDeletionTimes,
    /// Level in leveled compaction.
    pub level: u32,
    /// When the data was repaired, in milliseconds since 1970; 0 if it was not.
    pub repaired_at_ms: i64,
    /// The session of a repair that it is part of, and that isn't over (`pendingRepair`).
    pub pending_repair: Option<Uuid>,
    /// Whether it is a transient replica's.
    pub is_transient: bool,
    /// Whose commit log the intervals refer to.
    pub host_id: Option<Uuid>,
    /// The intervals of that commit log that are in the table.
    pub commit_log_intervals: Vec<CommitLogInterval>,
    /// The share of the token space between first and last key, if it is known.
    pub token_space_coverage: Option<f64>,
}

/// What becomes of deletions and expirations past 2038-01-19T03:14:06Z in a version that cannot
/// hold them (`db.ExpirationDateOverflowHandling`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateDeletionTimes {
    /// The table is not written.
    #[default]
    Refuse,
    /// They become that second, and are counted. TTLs stay as they are.
    Cap,
}

impl Default for WriterOptions {
    /// Cassandra's defaults for a table: LZ4, its format's blocks, one false positive in a hundred.
    fn default() -> WriterOptions {
        WriterOptions {
            partitioner: Partitioner::Murmur3,
            compression: Some(CompressionParams::default()),
            bloom_filter_fp_chance: 0.01,
            expected_keys: 0,
            row_index_granularity: None,
            min_index_interval: DEFAULT_MIN_INDEX_INTERVAL,
            late_deletion_times: LateDeletionTimes::Refuse,
            level: 0,
            repaired_at_ms: 0,
            pending_repair: None,
            is_transient: false,
            host_id: None,
            commit_log_intervals: Vec::new(),
            token_space_coverage: None,
        }
    }
}

/// The facts known of a table once it is written.
#[derive(Debug, Clone)]
pub struct WrittenTable {
    /// The table's descriptor.
    pub descriptor: Descriptor,
    /// Components, and the bytes of each file.
    pub file_sizes: Vec<(Component, u64)>,
    /// Bytes of all files.
    pub bytes_on_disk: u64,
    /// Uncompressed bytes of the data.
    pub data_len: u64,
    /// Number of partitions.
    pub key_count: u64,
    /// Raw key of the first partition.
    pub first_key: Vec<u8>,
    /// Raw key of the last one.
    pub last_key: Vec<u8>,
    /// Level, as asked for.
    pub level: u32,
    /// Deletions, livenesses and cells that were [capped](LateDeletionTimes::Cap).
    pub capped_deletion_times: u64,
    /// Counts, bounds and histograms.
    pub stats: StatsComponent,
}

impl WrittenTable {
    /// Removes the table.
    ///
    /// # Errors
    /// As [`remove_table`].
    pub fn remove(&self, disk: &dyn Disk) -> Result<(), SsTableError> {
        remove_table(disk, &self.descriptor, self.file_sizes.iter().map(|(component, _)| component))
    }

    /// The components that observers made, and their bytes.
    pub fn observed(&self) -> impl Iterator<Item = &(Component, u64)> {
        self.file_sizes.iter().filter(|(component, _)| !component.is_own())
    }
}
