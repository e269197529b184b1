//! What is derived from rows as they pass: index, filter and statistics of a table that is being
//! written, whether its Data.db grows meanwhile or is there already.

use std::sync::Arc;

use helenus_bloom::Filter;
use helenus_io::Disk;
use helenus_rows::{Capabilities, DeletionTime, Header, PartitionRef, RowError, RowRef, Unfiltered};

use super::complete::{Parts, complete, statistics};
use super::files::{remove_table, unwritable};
use super::index::IndexWriter;
use super::observer::{WriteObserver, component_of};
use super::options::{WriterOptions, WrittenTable};
use super::partition::Partition;
use crate::compression::WrittenChunks;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::statistics::{Statistics, StatsCollector};
use crate::version::{Format, Version};

/// Cassandra's defaults of `column_index_size`, bytes.
const BIG_GRANULARITY: u64 = 64 << 10;
const BTI_GRANULARITY: u64 = 16 << 10;

/// All components but Data.db and what goes with it.
#[derive(Debug)]
pub(super) struct DerivedComponents {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) descriptor: Descriptor,
    /// What rows are encoded against.
    pub(super) header: Arc<Header>,
    pub(super) options: WriterOptions,
    pub(super) partition: Partition,
    pub(super) stats: StatsCollector,
    pub(super) key_count: u64,
    granularity: u64,
    index: IndexWriter,
    filter: Option<Filter>,
}

/// The filter of a table that is to be written, if it gets one.
///
/// # Errors
/// When the version is not written here, or no filter has that chance.
pub(super) fn filter_of(
    descriptor: &Descriptor,
    options: &WriterOptions,
) -> Result<Option<Filter>, SsTableError> {
    let version = descriptor.version;
    if !version.is_writable() {
        let what = format!("version {version}: it is read here and not written");
        return Err(unwritable(descriptor, &Component::Data, what));
    }
    Filter::for_keys(options.expected_keys.max(1), options.bloom_filter_fp_chance)
        .map_err(|error| unwritable(descriptor, &Component::Filter, error))
}

/// Bytes of rows from which on a block of the row index is closed.
fn granularity(version: Version, options: &WriterOptions) -> u64 {
    options.row_index_granularity.unwrap_or(match version.format() {
        Format::Big => BIG_GRANULARITY,
        Format::Bti => BTI_GRANULARITY,
    })
}

impl DerivedComponents {
    /// Creates the index files.
    pub(super) fn create(
        disk: &Arc<dyn Disk>,
        descriptor: Descriptor,
        header: Arc<Header>,
        filter: Option<Filter>,
        options: WriterOptions,
    ) -> Result<DerivedComponents, SsTableError> {
        Ok(DerivedComponents {
            index: IndexWriter::create(&**disk, &descriptor, &header, &options)?,
            filter,
            stats: StatsCollector::new(header.clustering.clone()),
            partition: Partition::new(options.partitioner.clone()),
            granularity: granularity(descriptor.version, &options),
            key_count: 0,
            disk: Arc::clone(disk),
            descriptor,
            header,
            options,
        })
    }

    /// A partition begins at `start` of the data. It is counted when it turns out to have content.
    pub(super) fn start_partition(&mut self, start: u64, head: PartitionRef<'_>) {
        self.partition.begin(start, head.key, head.deletion);
        if !head.deletion.is_live() {
            self.begin_content();
        }
    }

    /// The partition is more than its key: it will be there.
    #[inline]
    pub(super) fn begin_content(&mut self) {
        if !self.partition.has_content {
            self.partition.has_content = true;
            self.stats.start_partition(self.partition.key.key(), self.partition.deletion);
        }
    }

    /// Notes a row or marker at `position` of the data; the distance to the one before it.
    #[inline]
    pub(super) fn place(&mut self, unfiltered: Unfiltered<'_>, position: u64) -> u64 {
        self.partition.place(unfiltered, position)
    }

    /// Counts a row of the partition, or its static row.
    #[inline]
    pub(super) fn row(&mut self, row: RowRef<'_>) -> Result<(), RowError> {
        self.begin_content();
        let clustering = if row.is_static() { &[] } else { row.clustering };
        let counted = self.stats.row(row);
        counted.map_err(|error| RowError::new(&self.header, self.partition.key.key(), clustering, error))
    }

    /// Counts the deletions of a marker.
    pub(super) fn marker(&mut self, close: DeletionTime, open: DeletionTime) {
        self.begin_content();
        self.stats.deletion(close);
        self.stats.deletion(open);
        self.partition.open = open;
    }

    /// Whether the block that is open is to end where the data goes on at `offset` from the
    /// partition's start: it is as long as blocks are to be, and the row index has a place for what
    /// is open there.
    #[inline]
    pub(super) fn is_block_full(&self, offset: u64) -> bool {
        self.partition.block_start.is_some_and(|block| offset - block >= self.granularity)
            && self.is_indexable(self.partition.open)
    }

    /// Whether a row index has a place for the range deletion that is open between two blocks.
    /// Data.db holds one at a negative timestamp in any version; the index, where the sign's bit
    /// says that there is none, does not: the block goes on until it ends.
    #[inline]
    fn is_indexable(&self, open: DeletionTime) -> bool {
        open.is_live() || open.marked_for_delete_at.0 >= 0 || self.header.capabilities == Capabilities::LEGACY
    }

    /// Adds the block that is open to the row index; it ends at `end` from the partition's start.
    pub(super) fn close_block(&mut self, end: u64) -> Result<(), SsTableError> {
        let added = self.index.close_block(&self.header, &mut self.partition, end);
        added.map_err(|error| self.unwritable(error))
    }

    /// Ends the partition, whose last byte is `end_offset` from its start.
    pub(super) fn end_partition(&mut self, end_offset: u64) -> Result<(), SsTableError> {
        if self.index.has_blocks() && self.partition.block_start.is_some() {
            // With the byte that ends the partition.
            self.close_block(end_offset + 1)?;
        }
        let added = self.index.finish_partition(&self.partition, self.partition.deletion, end_offset);
        added.map_err(|error| self.unwritable(error))?;
        if let Some(filter) = &mut self.filter {
            filter.add_hash(self.partition.key.hash());
        }
        self.partition.cover(&mut self.stats);
        self.stats.end_partition(end_offset + 1);
        self.key_count += 1;
        self.index.write_built()
    }

    /// Completes the table around its Data.db of `chunks`, with what observers made, and makes it
    /// durable; `amend` has the last word on its statistics.
    ///
    /// # Errors
    /// A failed write; what there was of the files is removed as far as possible then.
    pub(super) fn complete(
        self,
        chunks: &WrittenChunks,
        observers: Vec<Box<dyn WriteObserver>>,
        amend: impl FnOnce(&mut Statistics),
    ) -> Result<WrittenTable, SsTableError> {
        let DerivedComponents { disk, descriptor, header, options, stats, key_count, index, filter, .. } =
            self;
        let mut statistics = statistics(stats, &header, options, chunks);
        amend(&mut statistics);
        let observed: Vec<_> = observers.iter().map(|observer| component_of(&**observer)).collect();
        let filter = filter.as_ref();
        let rest = Parts { index, filter, observers, statistics, key_count };
        complete(&*disk, descriptor.clone(), chunks, rest).inspect_err(|_| {
            // Report the first error.
            remove_table(&*disk, &descriptor, &observed).ok();
        })
    }

    /// Gives up: removes the files of the table.
    pub(super) fn abort(self) -> Result<(), SsTableError> {
        let DerivedComponents { disk, descriptor, index, .. } = self;
        drop(index);
        remove_table(&*disk, &descriptor, [])
    }

    #[cold]
    pub(super) fn unwritable(&self, what: impl ToString) -> SsTableError {
        unwritable(&self.descriptor, &Component::Data, what)
    }
}
