//! The executor: a merged, purged stream of the sources, written as new SSTables.
//!
//! A flush is a run with one source of which nothing is purged.

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Direction, DroppedColumn, Header, Merge, PartitionRef, Purge, PurgeOptions, Purgeable, RowRef,
    StreamError, StreamOrigin, Unfiltered, UnfilteredStream, validated,
};
use helenus_sstable::WrittenTable;

use crate::multi_writer::{CompactionError, ExpectedKeys, MultiWriter, OutputFactory};
use crate::task::OutputShape;

/// What a run needs besides its sources and outputs.
pub struct Execution<'a> {
    /// Where outputs are written.
    pub disk: &'a Arc<dyn Disk>,
    /// What outputs are encoded against.
    pub header: Arc<Header>,
    /// Columns whose older cells are gone.
    pub dropped: &'a [DroppedColumn],
    /// How tombstones are purged; `None` keeps all.
    pub purging: Option<Purging<'a>>,
    /// The shape of the outputs.
    pub shape: OutputShape,
    /// Partitions that they will have.
    pub expected: ExpectedKeys,
    /// Called between partitions that are written; may stop the run, and may wait to keep to a
    /// rate.
    pub progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    /// Whether the run is to stop: asked once in some thousand partitions and rows that are read,
    /// so that one that purges everything can be stopped too.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// How tombstones are purged.
pub struct Purging<'a> {
    /// By what time.
    pub options: PurgeOptions,
    /// What may be purged of a partition, given who else may hold older data of it.
    pub purgeable: &'a mut dyn FnMut(&PartitionRef<'_>) -> Purgeable,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Partitions written.
    pub partitions: u64,
    /// Bytes of uncompressed rows written.
    pub bytes_written: u64,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is written: the outputs in their order, none when nothing was left to write.
    Done(Vec<WrittenTable>),
    /// The caller stopped it; nothing is left of the outputs.
    Stopped,
}

impl std::fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Purging<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Purging").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Merges what `sources` gives into what `outputs` makes. The sources are opened again where
/// something is too late for the version of the outputs and the factory [has
/// another](OutputFactory::hold_late).
///
/// # Errors
/// See [`CompactionError`]; nothing is left of the outputs then.
pub fn execute<S: UnfilteredStream, F: OutputFactory>(
    mut sources: impl FnMut() -> Vec<S>,
    mut execution: Execution<'_>,
    outputs: &mut F,
) -> Result<Outcome, CompactionError<F::Error>> {
    loop {
        let (header, shape) = (execution.header.clone(), execution.shape.clone());
        let mut writer = MultiWriter::new(execution.disk, header, shape, execution.expected);
        let error = match run(sources(), &mut execution, &mut writer, outputs) {
            Ok(ControlFlow::Continue(())) => return Ok(Outcome::Done(writer.finish()?)),
            Ok(ControlFlow::Break(())) => {
                writer.abort()?;
                return Ok(Outcome::Stopped);
            }
            Err(CompactionError::Source(error)) if error.downcast_ref::<Stopped>().is_some() => {
                writer.abort()?;
                return Ok(Outcome::Stopped);
            }
            Err(error) => error,
        };
        // The first error is the one to report; leftovers are removed at the next open.
        writer.abort().ok();
        match error {
            CompactionError::Output(error) if error.is_late_deletion_time() && outputs.hold_late(&error) => {}
            error => return Err(error),
        }
    }
}

/// Writes everything that a forward stream has, as it is.
///
/// # Errors
/// See [`CompactionError`]; nothing is left of the outputs then.
pub fn write_stream<S: UnfilteredStream + ?Sized, F: OutputFactory>(
    stream: &mut S,
    mut writer: MultiWriter,
    outputs: &mut F,
) -> Result<Vec<WrittenTable>, CompactionError<F::Error>> {
    match drive(stream, &mut writer, outputs, &mut |_| ControlFlow::Continue(())) {
        Ok(_) => Ok(writer.finish()?),
        Err(error) => {
            // The first error is the one to report.
            writer.abort().ok();
            Err(error)
        }
    }
}

fn run<S: UnfilteredStream, F: OutputFactory>(
    sources: Vec<S>,
    execution: &mut Execution<'_>,
    writer: &mut MultiWriter,
    outputs: &mut F,
) -> Result<ControlFlow<()>, CompactionError<F::Error>> {
    let Execution { header, dropped, purging, progress, is_stopped, .. } = execution;
    let merged = Merge::new(header.clone(), sources, dropped);
    let mut merged = validated(Stoppable { merged, is_stopped: *is_stopped, read: 0 }, StreamOrigin::Ours);
    match purging {
        None => drive(&mut merged, writer, outputs, progress),
        Some(Purging { options, purgeable }) => {
            let purged = Purge::new(merged, *options, purgeable);
            drive(&mut validated(purged, StreamOrigin::Ours), writer, outputs, progress)
        }
    }
}

fn drive<S: UnfilteredStream + ?Sized, F: OutputFactory>(
    stream: &mut S,
    writer: &mut MultiWriter,
    outputs: &mut F,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, CompactionError<F::Error>> {
    let mut partitions = 0;
    while stream.next_partition()? {
        writer.write_partition(outputs, stream)?;
        partitions += 1;
        if progress(Progress { partitions, bytes_written: writer.data_bytes() }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The number of partitions, rows and markers between two questions whether to stop.
const READ_BETWEEN_QUESTIONS: u32 = 4096;

/// The end of a stream that was stopped.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped;

/// A merge that ends with [`Stopped`] when it is to stop.
struct Stoppable<'a, S> {
    merged: S,
    is_stopped: &'a dyn Fn() -> bool,
    read: u32,
}

impl<S> Stoppable<'_, S> {
    #[inline]
    fn count(&mut self) -> Result<(), StreamError> {
        self.read += 1;
        if self.read < READ_BETWEEN_QUESTIONS {
            return Ok(());
        }
        self.read = 0;
        if (self.is_stopped)() { Err(StreamError::new(Stopped)) } else { Ok(()) }
    }
}

impl<S: UnfilteredStream> UnfilteredStream for Stoppable<'_, S> {
    fn header(&self) -> &Arc<Header> {
        self.merged.header()
    }

    fn direction(&self) -> Direction {
        self.merged.direction()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.count()?;
        self.merged.next_partition()
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.merged.partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.merged.static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        self.count()?;
        self.merged.advance()
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.merged.current()
    }

    fn is_at_row(&self) -> bool {
        self.merged.is_at_row()
    }
}
