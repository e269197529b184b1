//! Makes every derived component of a table anew, for an unchanged Data.db.

use std::sync::Arc;

use helenus_bloom::Filter;
use helenus_io::Disk;
use helenus_rows::{Grammar, Header, RowError, Unfiltered, UnfilteredStream};

use super::complete::{complete, statistics};
use super::files::{remove_table, unwritable};
use super::index::IndexWriter;
use super::partition::Partition;
use super::{NOT_WRITTEN, WriteError, WriterOptions, WrittenTable, granularity};
use crate::compression::WrittenChunks;
use crate::data::Scan;
use crate::data_file::DataFile;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::statistics::{HeaderComponent, StatsCollector, StatsComponent};

/// Writes index, filter, statistics and the rest for an existing Data.db.
///
/// Unlike [`SsTableWriter`](super::SsTableWriter) it encodes no row: positions are those of the
/// rows, however their writer encoded them. For each partition of a scan over the whole:
/// [`partition`](Self::partition); then [`finish`](Self::finish).
#[derive(Debug)]
pub struct ComponentWriter {
    disk: Arc<dyn Disk>,
    descriptor: Descriptor,
    header: Arc<Header>,
    /// As it was stored: types may have more than one spelling.
    stored_header: HeaderComponent,
    /// Facts that can't be derived from rows.
    stored_stats: StatsComponent,
    grammar: Grammar,
    options: WriterOptions,
    granularity: u64,
    index: IndexWriter,
    filter: Option<Filter>,
    stats: StatsCollector,
    partition: Partition,
    key_count: u64,
}

impl ComponentWriter {
    /// Creates index files of the table `target`, whose rows are those of `source`, and whose
    /// Data.db is there already, or will be.
    ///
    /// # Errors
    /// When the version is not written here, a file can't be created, or no filter has that chance.
    pub fn new(
        disk: &Arc<dyn Disk>,
        target: Descriptor,
        source: &DataFile,
        options: WriterOptions,
    ) -> Result<ComponentWriter, SsTableError> {
        let version = target.version;
        if !version.is_writable() {
            let what = format!("version {version}: {NOT_WRITTEN}");
            return Err(unwritable(&target, &Component::Data, what));
        }
        let filter = Filter::for_keys(options.expected_keys.max(1), options.bloom_filter_fp_chance)
            .map_err(|error| unwritable(&target, &Component::Filter, error))?;
        let header = Arc::clone(source.header());
        Ok(ComponentWriter {
            index: IndexWriter::create(&**disk, &target, &header, &options)?,
            filter,
            stats: StatsCollector::new(header.clustering.clone()),
            partition: Partition::new(options.partitioner.clone()),
            granularity: granularity(version, &options),
            stored_header: source.statistics().header.clone(),
            stored_stats: source.stats().clone(),
            grammar: Grammar::default(),
            disk: Arc::clone(disk),
            descriptor: target,
            header,
            options,
            key_count: 0,
        })
    }

    /// Reads the current partition of a scan to its end. `passed` gets the positions.
    ///
    /// # Errors
    /// Damage in the data, partitions or rows that are not in order, or a failed write.
    pub fn partition(&mut self, scan: &mut Scan, passed: &mut dyn FnMut(u64)) -> Result<(), WriteError> {
        let start = scan.partition_position();
        let head = UnfilteredStream::partition(scan);
        self.partition.begin(start, head.key, head.deletion);
        self.stats.start_partition(head.key, head.deletion);
        if let Some(row) = UnfilteredStream::static_row(scan) {
            self.stats.row(row).map_err(|error| RowError::new(scan.header(), head.key, &[], error))?;
        }
        self.partition.body_offset = scan.position() - start;
        self.grammar.start_partition();
        while scan.advance()? {
            let (Some(position), Some(unfiltered)) =
                (scan.current_position(), UnfilteredStream::current(scan))
            else {
                continue;
            };
            self.unfiltered(unfiltered, position)?;
            let offset = scan.position() - start;
            if self.partition.block_start.is_some_and(|block| offset - block >= self.granularity) {
                self.close_block(offset)?;
            }
            passed(scan.position());
        }
        // Before the byte that ends the partition.
        let end_offset = scan.position().saturating_sub(1).saturating_sub(start);
        if self.index.has_blocks() && self.partition.block_start.is_some() {
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
        Ok(self.index.write_built()?)
    }

    fn unfiltered(&mut self, unfiltered: Unfiltered<'_>, position: u64) -> Result<(), WriteError> {
        let mut checked = self.grammar.position(&self.header, &unfiltered);
        if let Unfiltered::Marker(marker) = &unfiltered {
            checked = checked.and_then(|()| self.grammar.marker(marker));
        }
        if let Err(what) = checked {
            let path = self.descriptor.path(&Component::Data);
            let expected = "rows and markers in order, ranges opened and closed";
            return Err(SsTableError::corrupt(path, position, expected, what).into());
        }
        self.partition.place(unfiltered, position);
        match unfiltered {
            Unfiltered::Row(row) => {
                let counted = self.stats.row(row);
                counted.map_err(|error| {
                    RowError::new(row.header, self.partition.key.key(), row.clustering, error).into()
                })
            }
            Unfiltered::Marker(marker) => {
                self.stats.deletion(marker.close);
                self.stats.deletion(marker.open);
                self.partition.open = marker.open;
                Ok(())
            }
        }
    }

    fn close_block(&mut self, end: u64) -> Result<(), SsTableError> {
        let added = self.index.close_block(&self.header, &mut self.partition, end);
        added.map_err(|error| self.unwritable(error))
    }

    /// Completes the table and makes it durable, given what is known of its Data.db.
    ///
    /// # Errors
    /// A failed write; the files are then removed if possible.
    pub fn finish(self, chunks: &WrittenChunks) -> Result<WrittenTable, SsTableError> {
        let (disk, descriptor) = (Arc::clone(&self.disk), self.descriptor.clone());
        let finished = self.complete(chunks);
        if finished.is_err() {
            // Report the first error.
            remove_table(&*disk, &descriptor).ok();
        }
        finished
    }

    fn complete(self, chunks: &WrittenChunks) -> Result<WrittenTable, SsTableError> {
        let mut statistics = statistics(self.stats, &self.header, self.options, chunks);
        statistics.header = self.stored_header;
        statistics.stats.pending_repair = self.stored_stats.pending_repair;
        statistics.stats.is_transient = self.stored_stats.is_transient;
        let (filter, key_count) = (self.filter.as_ref(), self.key_count);
        complete(&*self.disk, self.descriptor, chunks, self.index, filter, statistics, key_count)
    }

    #[cold]
    fn unwritable(&self, what: impl ToString) -> SsTableError {
        unwritable(&self.descriptor, &Component::Data, what)
    }
}
