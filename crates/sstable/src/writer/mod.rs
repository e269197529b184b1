//! Writes an SSTable: rows in, files out.
//!
//! The order of what happens on disk, each file synced before the next (`SortedTableWriter`):
//!
//! 1. Data.db, then CompressionInfo.db or CRC.db, and Digest.crc32;
//! 2. Rows.db, Partitions.db, Filter.db, then the checksums of these three;
//! 3. Statistics.db, whose numbers are complete only now;
//! 4. TOC.txt, whose presence says that the table is; the directory.

mod files;
mod partition;

use std::sync::Arc;

use helenus_bloom::{BitOrder, Filter};
use helenus_io::{Disk, parent_of};
use helenus_rows::{
    Header, PartitionRef, RowError, RowRef, StreamError, Unfiltered, UnfilteredStream, write_marker,
    write_row, write_static_row,
};
use helenus_types::Partitioner;
use uuid::Uuid;

use self::files::{Files, INDEX_BUFFER_LEN, IndexFile, remove_files, statistics, unwritable};
use self::partition::{Partition, Transcoder};
use crate::bti::{IndexBlock, IndexBuildError, PartitionIndexBuilder, PartitionPosition, RowIndexWriter};
use crate::compression::{ChunkWriter, CompressionParams};
use crate::data::form_of;
use crate::deletion_time::write_deletion_time;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::index::SearchKey;
use crate::page_checksums::{PAGE_CHECKSUMS_COMPONENT, PageChecksums};
use crate::statistics::{CommitLogInterval, StatsCollector, StatsComponent};

/// How a table is written.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// What orders the partitions.
    pub partitioner: Partitioner,
    /// How the data is compressed; `None` writes it plain.
    pub compression: Option<CompressionParams>,
    /// False positives of the filter; 1.0 writes none.
    pub bloom_filter_fp_chance: f64,
    /// Partitions that are expected, which size the filter.
    pub expected_keys: u64,
    /// Bytes of rows from which on a block of the row index is closed (`column_index_size`).
    pub row_index_granularity: u64,
    /// Level in leveled compaction.
    pub level: u32,
    /// When the data was repaired, in milliseconds since 1970; 0 if it was not.
    pub repaired_at_ms: i64,
    /// Whose commit log the intervals refer to.
    pub host_id: Option<Uuid>,
    /// What of that commit log is in the table.
    pub commit_log_intervals: Vec<CommitLogInterval>,
    /// The share of the token space between first and last key, if it is known.
    pub token_space_coverage: Option<f64>,
}

impl Default for WriterOptions {
    /// What Cassandra does for a table without options: LZ4, blocks of 16 KiB, one false positive in a hundred.
    fn default() -> WriterOptions {
        WriterOptions {
            partitioner: Partitioner::Murmur3,
            compression: Some(CompressionParams::default()),
            bloom_filter_fp_chance: 0.01,
            expected_keys: 0,
            row_index_granularity: 16 << 10,
            level: 0,
            repaired_at_ms: 0,
            host_id: None,
            commit_log_intervals: Vec::new(),
            token_space_coverage: None,
        }
    }
}

/// What is known of a table once it is written.
#[derive(Debug, Clone)]
pub struct WrittenTable {
    /// Which table.
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
    /// Counts, bounds and histograms.
    pub stats: StatsComponent,
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The stream broke: its source is damaged or cannot be read.
    #[error(transparent)]
    Source(#[from] StreamError),
    /// The table cannot be written.
    #[error(transparent)]
    Table(#[from] SsTableError),
}

impl From<RowError> for WriteError {
    fn from(error: RowError) -> WriteError {
        WriteError::Source(error.into())
    }
}

/// Writes one SSTable, partition after partition in the order of the partitioner.
///
/// Either push: [`start_partition`](Self::start_partition), [`append`](Self::append) and
/// [`end_partition`](Self::end_partition); or let [`write_partition`](Self::write_partition) and
/// [`write_stream`](Self::write_stream) pull. Then [`finish`](Self::finish), or [`abort`](Self::abort): dropped without
/// either, a writer leaves its files behind.
///
/// A row that is encoded as the table's rows are is copied byte for byte; one that is not is encoded again. After an error
/// nothing but `abort` makes sense.
#[derive(Debug)]
pub struct SsTableWriter {
    disk: Arc<dyn Disk>,
    descriptor: Descriptor,
    header: Arc<Header>,
    options: WriterOptions,
    data: ChunkWriter,
    /// What comes behind what `data` has.
    buffer: Vec<u8>,
    partitions_file: IndexFile,
    rows_file: IndexFile,
    partitions: PartitionIndexBuilder,
    rows: RowIndexWriter,
    filter: Option<Filter>,
    stats: StatsCollector,
    partition: Partition,
    key_count: u64,
    transcoder: Transcoder,
}

/// Bytes that are gathered before they go to the chunks.
const BUFFER_LEN: usize = 32 << 10;

impl SsTableWriter {
    /// Creates the files of a table that is not there yet, whose rows will be encoded against `header`.
    ///
    /// # Errors
    /// When a file cannot be created, this build lacks the codec, or no filter has that chance.
    pub fn new(
        disk: &Arc<dyn Disk>,
        descriptor: Descriptor,
        header: Arc<Header>,
        options: WriterOptions,
    ) -> Result<SsTableWriter, SsTableError> {
        let filter = Filter::for_keys(options.expected_keys.max(1), options.bloom_filter_fp_chance)
            .map_err(|error| unwritable(&descriptor, &Component::Filter, error))?;
        let data = disk.create_new(&descriptor.path(&Component::Data))?;
        let data = ChunkWriter::new(data, options.compression.clone())?;
        Ok(SsTableWriter {
            disk: Arc::clone(disk),
            data,
            buffer: Vec::with_capacity(2 * BUFFER_LEN),
            partitions_file: IndexFile::create(&**disk, &descriptor, Component::Partitions)?,
            rows_file: IndexFile::create(&**disk, &descriptor, Component::Rows)?,
            partitions: PartitionIndexBuilder::default(),
            rows: RowIndexWriter::default(),
            filter,
            stats: StatsCollector::new(header.clustering.clone()),
            partition: Partition::new(options.partitioner.clone()),
            key_count: 0,
            transcoder: Transcoder::default(),
            descriptor,
            header,
            options,
        })
    }

    /// What rows are encoded against.
    #[must_use]
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Which table is written.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Uncompressed bytes of the data so far.
    #[must_use]
    pub fn data_position(&self) -> u64 {
        self.data.position() + self.buffer.len() as u64
    }

    /// Bytes of Data.db so far, but for what is still gathered.
    #[must_use]
    pub fn file_position(&self) -> u64 {
        self.data.file_position()
    }

    /// Partitions so far.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.key_count
    }

    /// Begins a partition. Nothing is written of one that stays without deletion, static row, rows and markers.
    ///
    /// # Errors
    /// A key or a deletion that the format cannot hold, or a damaged static row.
    pub fn start_partition(
        &mut self,
        partition: PartitionRef<'_>,
        static_row: Option<RowRef<'_>>,
    ) -> Result<(), WriteError> {
        debug_assert!(!self.partition.is_open, "the last partition was ended");
        let PartitionRef { key, deletion, .. } = partition;
        let Ok(key_len) = u16::try_from(key.len()) else {
            return Err(self.unwritable(IndexBuildError::KeyTooLong(key.len())).into());
        };
        if !deletion.is_live() && deletion.marked_for_delete_at.0 < 0 {
            let found = deletion.marked_for_delete_at.0;
            return Err(self
                .unwritable(format!("a partition's deletion at the negative timestamp {found}"))
                .into());
        }
        self.partition.begin(self.data_position(), key, deletion);
        self.buffer.extend_from_slice(&key_len.to_be_bytes());
        self.buffer.extend_from_slice(key);
        write_deletion_time(deletion, form_of(&self.header), &mut self.buffer);
        if !deletion.is_live() {
            self.begin_content();
        }
        let row = match static_row {
            Some(row) => {
                self.transcoder.row(row, &self.header).map_err(|error| RowError::new(key, &[], error))?
            }
            None => None,
        };
        write_static_row(&self.header, row, &mut self.buffer);
        if let Some(row) = row {
            if !self.partition.has_content {
                self.partition.has_content = true;
                self.stats.start_partition(key, deletion);
            }
            self.stats.row(row).map_err(|error| RowError::new(key, &[], error))?;
        }
        Ok(())
    }

    /// Adds a row or marker to the partition, behind those that it has.
    ///
    /// # Errors
    /// A damaged row, or a failed write.
    #[inline]
    pub fn append(&mut self, unfiltered: Unfiltered<'_>) -> Result<(), WriteError> {
        let position = self.data_position();
        match unfiltered {
            Unfiltered::Row(row) => {
                let damaged = |error, key: &SearchKey| RowError::new(key.key(), row.clustering, error);
                let encoded = self.transcoder.row(row, &self.header);
                let Some(row) = encoded.map_err(|error| damaged(error, &self.partition.key))? else {
                    return Ok(());
                };
                let prev_size = self.partition.place(unfiltered, position);
                write_row(row, prev_size, &mut self.buffer);
                if !self.partition.has_content {
                    self.partition.has_content = true;
                    self.stats.start_partition(self.partition.key.key(), self.partition.deletion);
                }
                self.stats.row(row).map_err(|error| damaged(error, &self.partition.key))?;
            }
            Unfiltered::Marker(marker) => {
                let prev_size = self.partition.place(unfiltered, position);
                write_marker(&self.header, marker, prev_size, &mut self.buffer);
                self.begin_content();
                self.stats.deletion(marker.close);
                self.stats.deletion(marker.open);
                self.partition.open = marker.open;
            }
        }
        let offset = self.data_position() - self.partition.start;
        if self
            .partition
            .block_start
            .is_some_and(|block| offset - block >= self.options.row_index_granularity)
        {
            self.close_block()?;
        }
        if self.buffer.len() >= BUFFER_LEN {
            self.flush_buffer()?;
        }
        Ok(())
    }

    /// Ends the partition.
    ///
    /// # Errors
    /// A partition that does not follow the last one, or a failed write.
    pub fn end_partition(&mut self) -> Result<(), SsTableError> {
        self.partition.is_open = false;
        if !self.partition.has_content {
            // Its head is still in the buffer, which only what follows pushes out.
            let kept = self.partition.start.saturating_sub(self.data.position());
            self.buffer.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            return Ok(());
        }
        let end_offset = self.data_position() - self.partition.start;
        self.buffer.push(END_OF_PARTITION);
        if self.rows.block_count() > 0 && self.partition.block_start.is_some() {
            self.close_block()?;
        }
        let Partition { key, deletion, start, .. } = &self.partition;
        let at = self.rows.finish_partition(key.key(), *start, end_offset, *deletion);
        let at = at.map_err(|error| self.unwritable(error))?;
        let at = at.map_or(PartitionPosition::Data(*start), PartitionPosition::Rows);
        let added = self.partitions.add(key.key(), key.comparable(), key.hash(), at);
        added.map_err(|error| self.unwritable(error))?;
        if let Some(filter) = &mut self.filter {
            filter.add_hash(key.hash());
        }
        self.partition.cover(&mut self.stats);
        self.stats.end_partition(end_offset + 1);
        self.key_count += 1;
        self.rows_file.take(self.rows.output(), INDEX_BUFFER_LEN)?;
        self.partitions_file.take(self.partitions.output(), INDEX_BUFFER_LEN)?;
        if self.buffer.len() >= BUFFER_LEN {
            self.flush_buffer()?;
        }
        Ok(())
    }

    /// Writes the partition that a forward stream stands in, to its end.
    ///
    /// # Errors
    /// Those of the stream, and of the other methods.
    pub fn write_partition<S: UnfilteredStream + ?Sized>(
        &mut self,
        stream: &mut S,
    ) -> Result<(), WriteError> {
        self.transcoder.expect(stream.header(), &self.header);
        self.start_partition(stream.partition(), stream.static_row())?;
        while stream.advance()? {
            if let Some(unfiltered) = stream.current() {
                self.append(unfiltered)?;
            }
        }
        Ok(self.end_partition()?)
    }

    /// Writes everything that a forward stream still has.
    ///
    /// # Errors
    /// Those of the stream, and of the other methods.
    pub fn write_stream<S: UnfilteredStream + ?Sized>(&mut self, stream: &mut S) -> Result<(), WriteError> {
        while stream.next_partition()? {
            self.write_partition(stream)?;
        }
        Ok(())
    }

    /// Completes the table and makes it durable. Where nothing was written nothing is left, and there is no table.
    ///
    /// # Errors
    /// A failed write; what there was of the files is removed as far as possible then.
    pub fn finish(self) -> Result<Option<WrittenTable>, SsTableError> {
        let (disk, descriptor) = (Arc::clone(&self.disk), self.descriptor.clone());
        if self.key_count == 0 {
            self.abort()?;
            return Ok(None);
        }
        let finished = self.complete();
        if finished.is_err() {
            // The first error is the one to tell.
            remove_files(&*disk, &descriptor).ok();
        }
        finished.map(Some)
    }

    /// Gives up: removes the files.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn abort(self) -> Result<(), SsTableError> {
        let SsTableWriter { disk, descriptor, data, partitions_file, rows_file, .. } = self;
        drop((data, partitions_file, rows_file));
        remove_files(&*disk, &descriptor)
    }

    fn complete(mut self) -> Result<WrittenTable, SsTableError> {
        self.flush_buffer()?;
        let mut files = Files { disk: &*self.disk, descriptor: &self.descriptor, sizes: Vec::new() };
        let chunks = self.data.finish()?;
        files.sizes.push((Component::Data, chunks.file_len));
        let mut checksums = PageChecksums::default();
        files.write_about_data(&chunks, &mut checksums)?;

        let mut rows = self.rows.finish();
        files.finish_index(self.rows_file, &mut rows, &mut checksums)?;
        let partitions = self.partitions.finish();
        let mut partitions = partitions.map_err(|error| files.unwritable(error))?;
        files.finish_index(self.partitions_file, &mut partitions, &mut checksums)?;
        if let Some(filter) = &self.filter {
            let mut bytes = Vec::new();
            filter.encode(BitOrder::Current, &mut bytes);
            files.write_checked(Component::Filter, &bytes, &mut checksums)?;
        }
        let mut bytes = Vec::new();
        checksums.encode(&mut bytes);
        files.write(Component::from_name(PAGE_CHECKSUMS_COMPONENT), &bytes)?;

        let statistics = statistics(self.stats, &self.header, self.options, &chunks);
        files.write(Component::Statistics, &statistics.encode(self.descriptor.version))?;
        files.write_toc()?;
        let sizes = files.sizes;
        self.disk.sync_dir(parent_of(&self.descriptor.path(&Component::Data)))?;
        let stats = statistics.stats;
        let (first_key, last_key) = stats.key_range.clone().unwrap_or_default();
        Ok(WrittenTable {
            descriptor: self.descriptor,
            bytes_on_disk: sizes.iter().map(|(_, len)| len).sum(),
            file_sizes: sizes,
            data_len: chunks.data_len,
            key_count: self.key_count,
            first_key,
            last_key,
            level: stats.level,
            stats,
        })
    }

    #[inline(never)]
    fn flush_buffer(&mut self) -> Result<(), SsTableError> {
        self.data.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Adds the block that is open to the row index.
    fn close_block(&mut self) -> Result<(), SsTableError> {
        let partition = &mut self.partition;
        let Some(offset) = partition.block_start.take() else { return Ok(()) };
        let [first, last] = &mut partition.comparable;
        partition.block_first.comparable(&self.header, first);
        partition.last.comparable(&self.header, last);
        let block = IndexBlock { offset, open_deletion: partition.block_open };
        let added = self.rows.add_block(first, last, block);
        added.map_err(|error| self.unwritable(error))
    }

    /// The partition is more than its key: it will be written.
    fn begin_content(&mut self) {
        if !self.partition.has_content {
            self.partition.has_content = true;
            self.stats.start_partition(self.partition.key.key(), self.partition.deletion);
        }
    }

    #[cold]
    fn unwritable(&self, what: impl ToString) -> SsTableError {
        unwritable(&self.descriptor, &Component::Data, what)
    }
}

const END_OF_PARTITION: u8 = 0x01;
