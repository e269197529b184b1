//! Makes every component that is derived from the rows anew, and leaves the rows alone.
//!
//! Index, summary, filter, statistics, checksums and the list of components come from Data.db and
//! the serialization header in Statistics.db. Data.db itself is linked, or copied where that can't
//! be done. Damage in it is not handled here: [`scrub`](crate::scrub) saves the rest of the rows.
//! (Cassandra has no tool for it: `nodetool refresh` builds what is missing of `big` tables but for
//! Index.db, `sstablescrub` writes rows again.)

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, FileWriter};
use helenus_sstable::{
    Component, ComponentWriter, DataFile, Descriptor, Salvaged, SsTableError, WriterOptions, WrittenTable,
};

use crate::error::ToolError;
use crate::rewrite::{Ids, rewrite, same_options};
use crate::scrub::Substitute;
use crate::watched::{Meter, OnProgress, Steps};

/// Options of making components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebuildOptions {
    /// Bytes of rows from which on a block of the row index is closed (`column_index_size`); `None`
    /// is Cassandra's default, 16 KiB in `bti` and 64 KiB in `big`.
    pub row_index_granularity: Option<u64>,
}

/// The result for one input.
#[derive(Debug)]
pub struct Rebuilt {
    /// The input.
    pub from: Descriptor,
    /// The output, of the same version.
    pub to: WrittenTable,
    /// Components of the input that were damaged or missing and matter for more than themselves.
    pub substitutes: Vec<Substitute>,
    /// Whether Data.db is a hard link to the input's, not a copy.
    pub is_linked: bool,
}

/// Makes the derived components of each of `inputs` anew in `out`, a directory that is new or
/// empty. It appears when all are done.
///
/// # Errors
/// When Data.db or the serialization header is damaged, rows are not in order, the version is not
/// written here, an output can't be written, or `progress` stops the tool; then `out` is unchanged.
pub fn rebuild(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    out: &Path,
    options: &RebuildOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<Rebuilt>, ToolError> {
    let bytes = |input: &Descriptor| Ok(disk.metadata(&input.path(&Component::Data))?.len);
    rewrite(
        disk,
        inputs,
        (out, Ids::Keep),
        progress,
        bytes,
        |_| true,
        |run, input| {
            let id = run.ids.of(input)?;
            let target = run.target(input.version, id);
            let rebuilt = rebuild_one(disk, input, target, options, &run.meter)?;
            Ok(Rebuilt { to: run.output.in_place(rebuilt.to), ..rebuilt })
        },
    )
}

fn rebuild_one(
    disk: &Arc<dyn Disk>,
    input: &Descriptor,
    target: Descriptor,
    options: &RebuildOptions,
    meter: &Meter<'_>,
) -> Result<Rebuilt, ToolError> {
    let Salvaged { data, troubles, damaged_chunks, .. } = DataFile::salvage(disk, input)?;
    let path = input.path(&Component::Data);
    if let Some(chunk) = damaged_chunks.first() {
        let why = format!("chunk {chunk} is damaged: scrub saves what is left");
        return Err(ToolError::impossible(&path, why));
    }
    let same = same_options(&data);
    // Damaged statistics know of no partition.
    let expected_keys = if same.expected_keys > 0 { same.expected_keys } else { count(&data)? };
    let stats = data.stats();
    let writer_options = WriterOptions {
        expected_keys,
        row_index_granularity: options.row_index_granularity,
        host_id: stats.originating_host_id,
        commit_log_intervals: stats.commit_log_intervals.clone(),
        ..same
    };
    let is_linked = link_or_copy(&**disk, &path, &target.path(&Component::Data))?;
    let mut writer = ComponentWriter::new(disk, target, &data, writer_options)?;
    let mut scan = data.scan();
    let mut steps = Steps::default();
    let mut tell = |position: u64| {
        if let Some(bytes) = steps.due(position) {
            // Whether it was stopped the meter remembers.
            let _told: ControlFlow<()> = meter.add(bytes);
        }
    };
    while scan.next_partition()? {
        writer.partition(&mut scan, &mut tell)?;
        // Wide partitions are gone through to their end.
        if meter.is_stopped() {
            return Err(ToolError::Stopped);
        }
    }
    let to = writer.finish(&data.chunk_reader().describe()?)?;
    let substitute = |trouble: helenus_sstable::Trouble| Substitute {
        component: trouble.component,
        problem: trouble.error.to_string(),
        instead: trouble.instead,
    };
    let substitutes = troubles.into_iter().map(substitute).collect();
    Ok(Rebuilt { from: input.clone(), to, substitutes, is_linked })
}

/// Partitions of a table, by going through them.
fn count(data: &DataFile) -> Result<u64, SsTableError> {
    let mut scan = data.scan();
    let mut count = 0;
    while scan.next_partition()? {
        count += 1;
    }
    Ok(count)
}

/// Makes `to` the same file as `from`, or one with the same bytes; whether it is the same.
fn link_or_copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<bool, ToolError> {
    if disk.hard_link(from, to).is_ok() {
        return Ok(true);
    }
    let source = disk.open_read(from)?;
    let mut copy = FileWriter::new(disk.create_new(to)?);
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = source.read_at(at, &mut buffer)?;
        if read == 0 {
            break;
        }
        copy.append(buffer.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    copy.finish()?;
    Ok(false)
}
