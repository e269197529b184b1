//! Options of writing SSTables in bulk.

use std::sync::Arc;

use helenus_engine::WriteOptions;
use helenus_io::{Clock, Disk, RealDisk, SystemClock};
use helenus_sstable::{CompressionParams, LateDeletionTimes, Version};

/// How to write SSTables: `BulkOptions::new().sorted(true).open("out", schema, "shop", "orders")`.
#[derive(Clone, Debug)]
pub struct BulkOptions {
    pub(super) version: Version,
    /// `None`: as the schema says.
    pub(super) compression: Option<Option<CompressionParams>>,
    pub(super) sorted: bool,
    pub(super) buffer_bytes: usize,
    pub(super) max_table_bytes: u64,
    pub(super) expected_partitions: u64,
    pub(super) late_deletion_times: LateDeletionTimes,
    pub(super) uuid_ids: bool,
    pub(super) write: WriteOptions,
    pub(super) columns: Option<Vec<String>>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The number of partitions that a filter is sized for if the caller doesn't say: a filter of a
/// megabyte.
const UNKNOWN_PARTITIONS: u64 = 800_000;

impl Default for BulkOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl BulkOptions {
    /// Version `da`, compressed as the schema says, rows in any order, a buffer of 64 MiB, tables
    /// of any size, ids from 1 on, the clock's timestamps.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: Version::DEFAULT,
            compression: None,
            sorted: false,
            buffer_bytes: 64 << 20,
            max_table_bytes: u64::MAX,
            expected_partitions: UNKNOWN_PARTITIONS,
            late_deletion_times: LateDeletionTimes::Refuse,
            uuid_ids: false,
            write: WriteOptions::new(),
            columns: None,
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The version of the files.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The compression of Data.db, `None` for no compression, whatever the schema says.
    #[must_use]
    pub fn compression(mut self, compression: Option<CompressionParams>) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Whether rows come in the order of the file: partitions by token, the rows of each by
    /// clustering. Then nothing is gathered, and a row that comes too late is refused.
    #[must_use]
    pub fn sorted(mut self, yes: bool) -> Self {
        self.sorted = yes;
        self
    }

    /// Bytes of memory in which rows that come in any order are gathered. When they are used up an
    /// SSTable is written; a partition may be in several.
    #[must_use]
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// Bytes of a Data.db above which the next partition goes into another SSTable.
    #[must_use]
    pub fn max_table_bytes(mut self, bytes: u64) -> Self {
        self.max_table_bytes = bytes;
        self
    }

    /// Partitions that each SSTable of sorted rows will hold, about: its filter is sized for as
    /// many.
    #[must_use]
    pub fn expected_partitions(mut self, count: u64) -> Self {
        self.expected_partitions = count;
        self
    }

    /// The treatment of expirations past 2038 if the version can't hold them: refused, after which
    /// no more rows are accepted, or capped and counted.
    #[must_use]
    pub fn late_deletion_times(mut self, late: LateDeletionTimes) -> Self {
        self.late_deletion_times = late;
        self
    }

    /// Whether files are named by time-based UUIDs (`uuid_sstable_identifiers_enabled`), and not by
    /// numbers.
    #[must_use]
    pub fn uuid_ids(mut self, yes: bool) -> Self {
        self.uuid_ids = yes;
        self
    }

    /// Timestamp, in microseconds since 1970, of what brings none; without, the clock's, each
    /// larger than the last.
    #[must_use]
    pub fn timestamp(mut self, micros: i64) -> Self {
        self.write = self.write.timestamp(micros);
        self
    }

    /// Seconds to live of what doesn't say, instead of the table's default; 0 for ever.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.write = self.write.ttl(seconds);
        self
    }

    /// Columns of [`BulkWriter::add_row`](crate::BulkWriter::add_row), in its order; without, all
    /// of the table as it was defined.
    #[must_use]
    pub fn columns(mut self, names: &[&str]) -> Self {
        self.columns = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// The disk of the files.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// The clock, for timestamps and deletions.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}
