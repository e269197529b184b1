//! A writer of several SSTables, cut between partitions: what flush, compaction, bulk writing and
//! conversion write with (`io.sstable.SSTableMultiWriter`,
//! `db.compaction.writers.CompactionAwareWriter`).

use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{Header, PartitionRef, RowRef, StreamError, Unfiltered, UnfilteredStream};
use helenus_sstable::{
    Descriptor, SsTableError, SsTableWriter, WriteError, WriteObserver, WriterOptions, WrittenTable,
    remove_table,
};
use helenus_types::Token;

use crate::task::OutputShape;

/// Where outputs come from: their names, and how they are written.
pub trait OutputFactory {
    /// Why there is no further output.
    type Error;

    /// The next output. Level and number of keys are filled in by the writer.
    ///
    /// # Errors
    /// When there can be none.
    fn next_output(&mut self) -> Result<NextOutput, Self::Error>;

    /// A deletion or expiration was too late for the version of the outputs, as `error` says. True
    /// if those to come are of one that holds it: then everything is written again.
    fn hold_late(&mut self, error: &SsTableError) -> bool;
}

/// An output that is to be written.
#[derive(Debug)]
pub struct NextOutput {
    /// What it is called.
    pub descriptor: Descriptor,
    /// How it is written.
    pub options: WriterOptions,
    /// What makes further components of it.
    pub observers: Vec<Box<dyn WriteObserver>>,
}

/// Partitions that are expected, which size the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedKeys {
    /// In each output.
    Each(u64),
    /// In all outputs together.
    All {
        /// Their number, or more.
        keys: u64,
        /// Bytes of Data.db that all outputs will have, if that is known.
        data_file_bytes: Option<u64>,
        /// Tokens between which they lie, evenly.
        tokens: (Token, Token),
    },
}

/// Why a run failed. Nothing is left of its outputs.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError<E> {
    /// An input is damaged, or can't be read or merged.
    #[error(transparent)]
    Source(#[from] StreamError),
    /// An output can't be written or completed.
    #[error(transparent)]
    Output(#[from] SsTableError),
    /// There is no further output.
    #[error("there is no further output")]
    Factory(E),
}

impl<E> From<WriteError> for CompactionError<E> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Source(error) => Self::Source(error),
            WriteError::Table(error) => Self::Output(error),
        }
    }
}

/// Writes SSTables of a shape, one after the other: partitions in their order, as [`SsTableWriter`]
/// takes them. Then [`finish`](Self::finish), or [`abort`](Self::abort): dropped without either, it
/// does not remove its files. After an error nothing but `abort` makes sense.
#[derive(Debug)]
pub struct MultiWriter {
    disk: Arc<dyn Disk>,
    header: Arc<Header>,
    shape: OutputShape,
    expected: ExpectedKeys,
    open: Option<SsTableWriter>,
    /// How many shards have ended before the partition that came last.
    shard: usize,
    is_unrepaired: bool,
    written: Vec<WrittenTable>,
    /// Partitions and uncompressed bytes of what is in `written`.
    before: (u64, u64),
}

impl MultiWriter {
    /// A writer that has not begun an output. Rows will be encoded against `header`.
    #[must_use]
    pub fn new(
        disk: &Arc<dyn Disk>,
        header: Arc<Header>,
        shape: OutputShape,
        expected: ExpectedKeys,
    ) -> Self {
        debug_assert!(shape.shard_ends.is_sorted(), "shards end one after the other");
        Self {
            disk: Arc::clone(disk),
            header,
            shape,
            expected,
            open: None,
            shard: 0,
            is_unrepaired: false,
            written: Vec::new(),
            before: (0, 0),
        }
    }

    /// Partitions so far.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.before.0 + self.open.as_ref().map_or(0, SsTableWriter::key_count)
    }

    /// Uncompressed bytes of rows so far.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.before.1 + self.open.as_ref().map_or(0, SsTableWriter::data_position)
    }

    /// Says that the data was not repaired after all, and is in no repair, whatever the options of
    /// the outputs are that are not completed yet.
    pub fn mark_unrepaired(&mut self) {
        self.is_unrepaired = true;
    }

    /// Begins a partition, in the next output if the shape wants it.
    ///
    /// # Errors
    /// As [`SsTableWriter::start_partition`]; when an output can't be completed or the next one
    /// can't be begun.
    pub fn start_partition<F: OutputFactory>(
        &mut self,
        outputs: &mut F,
        partition: PartitionRef<'_>,
        static_row: Option<RowRef<'_>>,
    ) -> Result<(), CompactionError<F::Error>> {
        Ok(self.writer_at(outputs, partition.token)?.start_partition(partition, static_row)?)
    }

    /// Adds a row or marker to the partition.
    ///
    /// # Errors
    /// As [`SsTableWriter::append`].
    #[inline]
    pub fn append(&mut self, unfiltered: Unfiltered<'_>) -> Result<(), WriteError> {
        self.open_writer().append(unfiltered)
    }

    /// Ends the partition.
    ///
    /// # Errors
    /// As [`SsTableWriter::end_partition`].
    pub fn end_partition(&mut self) -> Result<(), SsTableError> {
        self.open_writer().end_partition()
    }

    /// Writes the partition that a forward stream stands in, to its end.
    ///
    /// # Errors
    /// Those of the stream, and of the other methods.
    pub fn write_partition<F: OutputFactory, S: UnfilteredStream + ?Sized>(
        &mut self,
        outputs: &mut F,
        stream: &mut S,
    ) -> Result<(), CompactionError<F::Error>> {
        let token = stream.partition().token;
        Ok(self.writer_at(outputs, token)?.write_partition(stream)?)
    }

    /// Completes what was begun and makes it durable: the outputs in their order, none where
    /// nothing was written.
    ///
    /// # Errors
    /// A failed write; what there was of the outputs is removed as far as possible then.
    pub fn finish(mut self) -> Result<Vec<WrittenTable>, SsTableError> {
        match self.end_output() {
            Ok(()) => Ok(self.written),
            Err(error) => {
                // The first error is the one to report.
                self.abort().ok();
                Err(error)
            }
        }
    }

    /// Gives up: removes the outputs.
    ///
    /// # Errors
    /// The first file that can't be removed; the others are removed all the same.
    pub fn abort(self) -> Result<(), SsTableError> {
        let mut outcome = self.open.map_or(Ok(()), SsTableWriter::abort);
        for table in &self.written {
            outcome = outcome.and(table.remove(&*self.disk));
        }
        outcome
    }

    /// The writer that a partition of that token goes to.
    fn writer_at<F: OutputFactory>(
        &mut self,
        outputs: &mut F,
        token: Token,
    ) -> Result<&mut SsTableWriter, CompactionError<F::Error>> {
        let shards = self.shape.shard_ends.get(self.shard..).unwrap_or_default();
        let ended = shards.iter().take_while(|end| **end < token).count();
        self.shard += ended;
        let is_full =
            |open: &SsTableWriter| self.shape.max_bytes.is_some_and(|most| open.file_position() > most);
        if self.open.as_ref().is_some_and(|open| (ended > 0 && open.key_count() > 0) || is_full(open)) {
            self.end_output()?;
        }
        if self.open.is_none() {
            let next = outputs.next_output().map_err(CompactionError::Factory)?;
            let expected_keys = self.expected_keys();
            let options = WriterOptions { level: self.shape.level, expected_keys, ..next.options };
            let writer =
                SsTableWriter::new(&self.disk, next.descriptor.clone(), self.header.clone(), options);
            let writer = writer.map(|writer| writer.with_observers(next.observers));
            self.open = Some(writer.inspect_err(|_| {
                // The first error is the one to report.
                remove_table(&*self.disk, &next.descriptor, []).ok();
            })?);
        }
        Ok(self.open_writer())
    }

    fn open_writer(&mut self) -> &mut SsTableWriter {
        let Some(writer) = &mut self.open else { unreachable!("a partition was begun") };
        writer
    }

    fn end_output(&mut self) -> Result<(), SsTableError> {
        let Some(mut writer) = self.open.take() else { return Ok(()) };
        if self.is_unrepaired {
            writer.mark_unrepaired();
        }
        if let Some(written) = writer.finish()? {
            self.before.0 += written.key_count;
            self.before.1 += written.data_len;
            self.written.push(written);
        }
        Ok(())
    }

    /// Partitions that the output to come is expected to have.
    fn expected_keys(&self) -> u64 {
        let (keys, data_file_bytes, tokens) = match self.expected {
            ExpectedKeys::Each(keys) => return keys,
            ExpectedKeys::All { keys, data_file_bytes, tokens } => (keys, data_file_bytes, tokens),
        };
        let left = keys.saturating_sub(self.before.0);
        let pieces = match (data_file_bytes, self.shape.max_bytes) {
            (Some(bytes), Some(most)) => (bytes / most.max(1)).max(1),
            _ => 1,
        };
        left.min(keys.div_ceil(pieces)).min(self.keys_of_shard(keys, tokens))
    }

    /// The number of `keys` partitions that the current shard will have.
    fn keys_of_shard(&self, keys: u64, (first, last): (Token, Token)) -> u64 {
        let end_of = |shard: usize| self.shape.shard_ends.get(shard).map(|end| i128::from(end.0));
        let (first, last) = (i128::from(first.0), i128::from(last.0));
        let start = self.shard.checked_sub(1).and_then(end_of).map_or(first, |end| first.max(end + 1));
        let end = end_of(self.shard).map_or(last, |end| last.min(end));
        let share = (end - start + 1).max(0) as f64 / (last - first + 1).max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most all keys")]
        let keys = (keys as f64 * share.min(1.0)).ceil() as u64;
        keys
    }
}
