//! Options of opening foreign directories.

use std::sync::Arc;

use helenus_io::{Clock, Disk, RealDisk, SystemClock};

/// Options of opening foreign directories: `ForeignOptions::new().schema(cql).open(&[dir])`.
#[derive(Clone, Debug)]
pub struct ForeignOptions {
    pub(super) schema: Option<String>,
    pub(super) skip_damaged: bool,
    pub(super) cache_bytes: usize,
    pub(super) max_open_files: Option<usize>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Default for ForeignOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ForeignOptions {
    /// The schema that is found; damaged SSTables are errors; 256 MiB of cache.
    #[must_use]
    pub fn new() -> Self {
        Self {
            schema: None,
            skip_damaged: false,
            cache_bytes: 256 << 20,
            max_open_files: None,
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// CQL that defines the tables, instead of what is found in the directories and above them.
    #[must_use]
    pub fn schema(mut self, cql: &str) -> Self {
        self.schema = Some(cql.to_owned());
        self
    }

    /// Whether damaged SSTables are left out instead of being errors. Each is decoded when its
    /// table is opened; [`Foreign::damaged`](crate::Foreign::damaged) returns those that were left
    /// out. Data that they deleted in others is shown then.
    #[must_use]
    pub fn skip_damaged(mut self, yes: bool) -> Self {
        self.skip_damaged = yes;
        self
    }

    /// Budget in bytes of the cache of decompressed chunks, shared by all tables.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The most files of SSTables that are open; by default half of what the process may have open,
    /// at most 4,096.
    #[must_use]
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = Some(files.max(1));
        self
    }

    /// The disk, for tests and other file systems.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// The clock that expiry goes by.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}
