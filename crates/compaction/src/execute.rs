//! The executor: a merged, purged stream of the inputs, written as one new SSTable.

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_rows::{
    DroppedColumn, Header, Merge, PartitionRef, Purge, PurgeOptions, Purgeable, StreamOrigin,
    UnfilteredStream, validated,
};
use helenus_sstable::{SsTable, SsTableError, SsTableWriter, WriteError, WrittenTable};

/// What a run needs besides its inputs.
pub struct Execution<'a> {
    /// What the output is encoded against.
    pub header: Arc<Header>,
    /// Columns whose older cells are gone.
    pub dropped: &'a [DroppedColumn],
    /// By what time tombstones are purged.
    pub purge: PurgeOptions,
    /// What may be purged of a partition, given who else may hold older data of it.
    pub purgeable: &'a mut dyn FnMut(&PartitionRef<'_>) -> Purgeable,
    /// Told between partitions; may stop the run, and may wait to keep to a rate.
    pub progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
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
    /// Everything is written; `None` when nothing was left to write.
    Done(Option<Box<WrittenTable>>),
    /// The caller stopped it; nothing is left of the output.
    Stopped,
}

/// Why a run failed. Nothing is left of the output.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    /// An input is damaged, or can't be read or merged.
    #[error(transparent)]
    Stream(#[from] helenus_rows::StreamError),
    /// The output can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output can't be completed.
    #[error(transparent)]
    SsTable(#[from] SsTableError),
}

impl std::fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("purge", &self.purge).finish_non_exhaustive()
    }
}

/// Merges `inputs` into what `writer` writes.
///
/// # Errors
/// See [`CompactionError`]; the writer's files are removed then.
pub fn execute(
    inputs: &[Arc<SsTable>],
    execution: Execution<'_>,
    mut writer: SsTableWriter,
) -> Result<Outcome, CompactionError> {
    match write(inputs, execution, &mut writer) {
        Ok(ControlFlow::Continue(())) => Ok(Outcome::Done(writer.finish()?.map(Box::new))),
        Ok(ControlFlow::Break(())) => {
            writer.abort()?;
            Ok(Outcome::Stopped)
        }
        Err(error) => {
            // Report the first error; leftovers are removed at the next open.
            writer.abort().ok();
            Err(error)
        }
    }
}

fn write(
    inputs: &[Arc<SsTable>],
    execution: Execution<'_>,
    writer: &mut SsTableWriter,
) -> Result<ControlFlow<()>, CompactionError> {
    let mut sources: Vec<Box<dyn UnfilteredStream + '_>> = Vec::with_capacity(inputs.len());
    for input in inputs {
        sources.push(Box::new(validated(input.scan(), StreamOrigin::Disk)));
    }
    let merged = validated(Merge::new(execution.header, sources, execution.dropped), StreamOrigin::Ours);
    let purged = Purge::new(merged, execution.purge, execution.purgeable);
    let mut stream = validated(purged, StreamOrigin::Ours);
    let mut progress = Progress::default();
    while stream.next_partition()? {
        writer.write_partition(&mut stream)?;
        progress.partitions += 1;
        progress.bytes_written = writer.data_position();
        if (execution.progress)(progress).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
