//! Writes an SSTable: rows in, files out.
//!
//! The order of what happens on disk, each file synced before the next (`SortedTableWriter`):
//!
//! 1. Data.db, then CompressionInfo.db or CRC.db, and Digest.crc32;
//! 2. Rows.db and Partitions.db, or Index.db and Summary.db; Filter.db; then the checksums of these
//!    three;
//! 3. what observers made of the rows; Statistics.db, whose numbers are complete only now;
//! 4. TOC.txt, whose presence says that the table is; the directory.

mod complete;
mod derived;
mod files;
mod index;
mod observer;
mod options;
mod partition;
mod rebuild;
mod transcoder;

use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Capabilities, EncodingBase, Header, MarkerRef, PartitionRef, RowError, RowRef, ShownKey, StreamError,
    Unfiltered, UnfilteredStream, write_marker, write_row, write_static_row,
};
use helenus_types::LocalDeletionTime;

use self::derived::{DerivedComponents, filter_of};
pub use self::files::{remove_components, remove_table};
pub use self::observer::{WriteObserver, write_observed};
pub use self::options::{LateDeletionTimes, WriterOptions, WrittenTable};
pub use self::rebuild::ComponentWriter;
use self::transcoder::{Transcoder, Unfit};
use crate::bti::IndexBuildError;
use crate::compression::ChunkWriter;
use crate::data::form_of;
use crate::deletion_time::write_deletion_time;
use crate::descriptor::{Component, Descriptor};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::version::Version;

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

impl WriteError {
    /// Whether a deletion or expiration was too late for the version: see
    /// [`SsTableError::is_late_deletion_time`].
    #[must_use]
    pub fn is_late_deletion_time(&self) -> bool {
        matches!(self, WriteError::Table(error) if error.is_late_deletion_time())
    }
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
/// [`write_stream`](Self::write_stream) pull. Then [`finish`](Self::finish), or
/// [`abort`](Self::abort): dropped without either, a writer does not remove its files.
///
/// A row in the table's encoding is copied byte for byte; any other is encoded again. After an
/// error only `abort` makes sense.
#[derive(Debug)]
pub struct SsTableWriter {
    derived: DerivedComponents,
    data: ChunkWriter,
    /// Bytes that follow those in `data`.
    buffer: Vec<u8>,
    transcoder: Transcoder,
    observers: Vec<Box<dyn WriteObserver>>,
}

/// Bytes that are gathered before they go to the chunks.
const BUFFER_LEN: usize = 32 << 10;

impl SsTableWriter {
    /// Creates the files of a table that is not there yet. Its rows will be encoded against
    /// `header`, whose capabilities are those of the rows to come and give way to those of the
    /// version, and whose columns are put into canonical order.
    ///
    /// # Errors
    /// When the version is not written here, a file cannot be created, this build lacks the codec,
    /// or no filter has that chance.
    pub fn new(
        disk: &Arc<dyn Disk>,
        descriptor: Descriptor,
        header: Arc<Header>,
        mut options: WriterOptions,
    ) -> Result<SsTableWriter, SsTableError> {
        let version = descriptor.version;
        let filter = filter_of(&descriptor, &options)?;
        if let Some(params) = &mut options.compression
            && !version.has_max_compressed_length()
        {
            params.compress_always();
        }
        let rows = header;
        let header = header_of(version, &rows);
        let mut transcoder = Transcoder::new(Arc::clone(&header), options.late_deletion_times);
        transcoder.expect(&rows);
        let path = descriptor.path(&Component::Data);
        let data = disk.create_new(&path)?;
        let data = ChunkWriter::new(data, options.compression.clone());
        let created = data.and_then(|data| {
            Ok((data, DerivedComponents::create(disk, descriptor, header, filter, options)?))
        });
        let (data, derived) = created.inspect_err(|_| {
            // The caller has no writer to do so. Report the first error.
            disk.remove_file(&path).ok();
        })?;
        Ok(SsTableWriter {
            derived,
            data,
            buffer: Vec::with_capacity(2 * BUFFER_LEN),
            transcoder,
            observers: Vec::new(),
        })
    }

    /// Observers that see all rows, and each of which makes a component of the table. Before the
    /// first row.
    #[must_use]
    pub fn with_observers(self, observers: Vec<Box<dyn WriteObserver>>) -> SsTableWriter {
        assert!(self.data_position() == 0, "observers see all rows");
        SsTableWriter { observers, ..self }
    }

    /// The descriptor of the table that is written.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.derived.descriptor
    }

    /// Uncompressed bytes of the data so far.
    #[must_use]
    pub fn data_position(&self) -> u64 {
        self.data.position() + self.buffer.len() as u64
    }

    /// Bytes of Data.db so far, without the bytes still buffered.
    #[must_use]
    pub fn file_position(&self) -> u64 {
        self.data.file_position()
    }

    /// Says that the data was not repaired after all, and is in no repair.
    pub fn mark_unrepaired(&mut self) {
        let options = &mut self.derived.options;
        (options.repaired_at_ms, options.pending_repair, options.is_transient) = (0, None, false);
    }

    /// Partitions so far.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.derived.key_count
    }

    /// Begins a partition. Nothing is written of one that stays without deletion, static row, rows
    /// and markers.
    ///
    /// # Errors
    /// A key or a deletion that the format cannot hold, or a damaged static row.
    pub fn start_partition(
        &mut self,
        partition: PartitionRef<'_>,
        static_row: Option<RowRef<'_>>,
    ) -> Result<(), WriteError> {
        let start = self.data_position();
        let derived = &mut self.derived;
        assert!(!derived.partition.is_open, "the last partition was ended");
        let PartitionRef { token, key, deletion } = partition;
        let Ok(key_len) = u16::try_from(key.len()) else {
            return Err(derived.unwritable(IndexBuildError::KeyTooLong(key.len())).into());
        };
        let has_sign = derived.header.capabilities == Capabilities::LEGACY;
        if !deletion.is_live() && deletion.marked_for_delete_at.0 < 0 && !has_sign {
            let found = deletion.marked_for_delete_at.0;
            let what = format!("a partition's deletion at the negative timestamp {found}");
            return Err(derived.unwritable(what).into());
        }
        let fit = self.transcoder.deletion(deletion);
        let deletion = fit.map_err(|why| unfit(derived, why, key, &[]))?;
        derived.start_partition(start, PartitionRef { token, key, deletion });
        self.buffer.extend_from_slice(&key_len.to_be_bytes());
        self.buffer.extend_from_slice(key);
        write_deletion_time(deletion, form_of(&derived.header), &mut self.buffer);
        let row = match static_row {
            Some(row) => self.transcoder.row(row).map_err(|why| unfit(derived, why, key, &[]))?,
            None => None,
        };
        write_static_row(&derived.header, row, &mut self.buffer);
        if let Some(row) = row {
            derived.row(row)?;
        }
        for observer in &mut self.observers {
            observer.start_partition(PartitionRef { token, key, deletion }, row, start);
        }
        derived.partition.body_offset = self.data.position() + self.buffer.len() as u64 - start;
        Ok(())
    }

    /// Adds a row or marker to the partition, after those that it has.
    ///
    /// # Errors
    /// A damaged row, one that the version cannot hold, or a failed write.
    #[inline]
    pub fn append(&mut self, unfiltered: Unfiltered<'_>) -> Result<(), WriteError> {
        let position = self.data_position();
        let derived = &mut self.derived;
        assert!(derived.partition.is_open, "a row or marker stands in a partition");
        match unfiltered {
            Unfiltered::Row(row) => {
                let clustering = row.clustering;
                let encoded = self.transcoder.row(row);
                let encoded =
                    encoded.map_err(|why| unfit(derived, why, derived.partition.key.key(), clustering))?;
                let Some(row) = encoded else { return Ok(()) };
                let prev_size = derived.place(unfiltered, position);
                write_row(row, prev_size, &mut self.buffer);
                derived.row(row)?;
                for observer in &mut self.observers {
                    observer.unfiltered(Unfiltered::Row(row), position);
                }
            }
            Unfiltered::Marker(marker) => self.append_marker(marker, position)?,
        }
        let offset = self.data_position() - self.derived.partition.start;
        if self.derived.is_block_full(offset) {
            self.derived.close_block(offset)?;
        }
        if self.buffer.len() >= BUFFER_LEN {
            self.flush_buffer()?;
        }
        Ok(())
    }

    fn append_marker(&mut self, marker: MarkerRef<'_>, position: u64) -> Result<(), WriteError> {
        let [close, open] = [marker.close, marker.open].map(|deletion| self.transcoder.deletion(deletion));
        let derived = &mut self.derived;
        let late = |why| unfit(derived, why, derived.partition.key.key(), marker.bound.values);
        let marker = MarkerRef { close: close.map_err(late)?, open: open.map_err(late)?, ..marker };
        let prev_size = derived.place(Unfiltered::Marker(marker), position);
        write_marker(&derived.header, marker, prev_size, &mut self.buffer);
        derived.marker(marker.close, marker.open);
        for observer in &mut self.observers {
            observer.unfiltered(Unfiltered::Marker(marker), position);
        }
        Ok(())
    }

    /// Ends the partition.
    ///
    /// # Errors
    /// A partition that does not follow the last one, or a failed write.
    pub fn end_partition(&mut self) -> Result<(), SsTableError> {
        let partition = &mut self.derived.partition;
        assert!(partition.is_open, "a partition that ends was begun");
        partition.is_open = false;
        if !partition.has_content {
            // Its head is still in the buffer, which only what follows pushes out.
            assert!(partition.start >= self.data.position(), "an empty partition is not written yet");
            let kept = partition.start - self.data.position();
            let Ok(kept) = usize::try_from(kept) else { unreachable!("it begins in the buffer") };
            assert!(kept <= self.buffer.len(), "an empty partition begins in the buffer");
            self.buffer.truncate(kept);
            return Ok(());
        }
        let end_offset = self.data_position() - self.derived.partition.start;
        self.buffer.push(END_OF_PARTITION);
        self.derived.end_partition(end_offset)?;
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
        self.transcoder.expect(stream.header());
        self.start_partition(stream.partition(), stream.static_row())?;
        while stream.advance()? {
            let Some(unfiltered) = stream.current() else {
                unreachable!("no unfiltered where one was announced")
            };
            self.append(unfiltered)?;
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

    /// Completes the table and makes it durable. If nothing was written, no file is left and there
    /// is no table.
    ///
    /// # Errors
    /// A failed write; the files are then removed if possible.
    pub fn finish(self) -> Result<Option<WrittenTable>, SsTableError> {
        if self.derived.key_count == 0 {
            self.abort()?;
            return Ok(None);
        }
        let SsTableWriter { derived, mut data, buffer, transcoder, observers } = self;
        let chunks = match data.append(&buffer).and_then(|()| data.finish()) {
            Ok(chunks) => chunks,
            Err(error) => {
                // Report the first error.
                derived.abort().ok();
                return Err(error);
            }
        };
        let done = derived.complete(&chunks, observers, |_| {})?;
        Ok(Some(WrittenTable { capped_deletion_times: transcoder.capped(), ..done }))
    }

    /// Gives up: removes the files.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn abort(self) -> Result<(), SsTableError> {
        let SsTableWriter { derived, data, .. } = self;
        drop(data);
        derived.abort()
    }

    #[inline(never)]
    fn flush_buffer(&mut self) -> Result<(), SsTableError> {
        self.data.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

const END_OF_PARTITION: u8 = 0x01;

/// The header with the capabilities of a version, and with its columns in the order in which
/// Cassandra reads them.
fn header_of(version: Version, given: &Arc<Header>) -> Arc<Header> {
    let capabilities = Capabilities { unsigned_deletion_times: version.has_uint_deletion_time() };
    if given.capabilities == capabilities {
        return if given.is_canonical() { Arc::clone(given) } else { Arc::new(given.canonical()) };
    }
    // A base that the version's own times never reach would be written as one before 1970.
    let latest = capabilities.latest_deletion_time();
    let min_local_deletion_time = given.base.min_local_deletion_time.min(latest);
    let base = EncodingBase { min_local_deletion_time, ..given.base };
    Arc::new(Header { capabilities, base, ..given.canonical() })
}

#[cold]
fn unfit(derived: &DerivedComponents, why: Unfit, key: &[u8], clustering: &[u8]) -> WriteError {
    let DerivedComponents { descriptor, header, .. } = derived;
    match why {
        Unfit::Damaged(error) => RowError::new(header, key, clustering, error).into(),
        Unfit::Late(LocalDeletionTime(seconds)) => {
            let (version, newer) = (descriptor.version, descriptor.version.holding_late_deletion_times());
            let what = format!(
                "a deletion or expiration at second {seconds}, past 2038-01-19T03:14:06Z, in partition {}: \
                 write version {newer} instead of {version}, or have such times capped",
                ShownKey::new(header, key)
            );
            let kind = SsTableErrorKind::LateDeletionTime(what);
            SsTableError::new(descriptor.path(&Component::Data), kind).into()
        }
    }
}
