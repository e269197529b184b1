//! Saves the readable part of damaged SSTables (`nodetool scrub`, `sstablescrub`).
//!
//! [`walk`] reads the data and skips damage, with the index as its [`guide`]; [`keep`] writes the
//! rows in order, and [`late`] sorts the others; [`report`] lists the losses. Everything derived is
//! made anew: of the input only Data.db and the serialization header in Statistics.db are needed.
//!
//! Unlike Cassandra's this loses only the damaged part: a chunk that can't be read loses the rows
//! in it, not the rest of the partition. (Cassandra: `io.sstable.format.SortedTableScrubber`,
//! `BigTableScrubber`, `BtiTableScrubber`.)

mod guide;
mod keep;
mod late;
mod report;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_sstable::{
    Component, DataFile, Descriptor, LateDeletionTimes, Salvaged, SsTableId, Version, WriterOptions,
};

use crate::convert::{Compression, same_options};
use crate::error::ToolError;
use crate::output_dir::OutputDir;
use crate::split::Ids;
use crate::watched::{Meter, OnProgress};

use guide::Guide;
use keep::{Keeper, Outputs};
use walk::Walk;

pub use report::{Loss, LostPart, MAX_LOSSES, ScrubReport, Substitute};

/// Options of a scrub.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrubOptions {
    /// One of [`Version::WRITABLE`]; by default the input's, or the last one of its line that is
    /// written here.
    pub version: Option<Version>,
    /// How Data.db is compressed.
    pub compression: Compression,
    /// Whether rows of a table with counters may be lost: what is left of them is less than was
    /// counted, so that by default the tool gives up.
    pub skip_corrupted: bool,
    /// Whether local times that overflowed (CASSANDRA-14092) are mended; they are lost otherwise.
    pub reinsert_overflowed_ttl: bool,
    /// As in [`ConvertOptions`](crate::ConvertOptions), where an older version is written.
    pub cap_expirations: bool,
}

impl Default for ScrubOptions {
    fn default() -> ScrubOptions {
        ScrubOptions {
            version: None,
            compression: Compression::Keep,
            skip_corrupted: false,
            reinsert_overflowed_ttl: false,
            cap_expirations: false,
        }
    }
}

/// Writes the readable part of each of `inputs` into `out`, a directory that is new or empty. It
/// appears when all are done. The reports list the losses.
///
/// # Errors
/// When nothing can be read of an input, since its Data.db or the serialization header is lost;
/// when rows of counters would be lost; when an output can't be written, or `progress` stops the
/// tool; then `out` is unchanged.
pub fn scrub(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    out: &Path,
    options: &ScrubOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<ScrubReport>, ToolError> {
    let output = OutputDir::new(disk, out)?;
    let done = scrub_all(disk, inputs, &output, options, progress);
    let is_empty = done.as_ref().is_ok_and(|done| done.iter().all(|report| report.outputs.is_empty()));
    if is_empty { output.remove(done) } else { output.settle(done) }
}

fn scrub_all(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    output: &OutputDir,
    options: &ScrubOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<ScrubReport>, ToolError> {
    let mut total = 0;
    for input in inputs {
        let path = input.path(&Component::Data);
        total += disk.metadata(&path)?.len;
    }
    let meter = Meter::new(total, progress);
    let mut ids = Ids::behind(&**disk, inputs)?;
    let mut taken: BTreeSet<SsTableId> = BTreeSet::new();
    let mut done = Vec::new();
    for input in inputs {
        let id = if taken.insert(input.id) { Some(input.id) } else { ids.next() };
        let id =
            id.ok_or_else(|| ToolError::impossible(&input.dir, "has no number left for another table"))?;
        done.push(scrub_one(disk, input, output, options, (id, &mut ids), &meter)?);
    }
    Ok(done)
}

fn scrub_one(
    disk: &Arc<dyn Disk>,
    input: &Descriptor,
    output: &OutputDir,
    options: &ScrubOptions,
    (id, ids): (SsTableId, &mut Ids),
    meter: &Meter<'_>,
) -> Result<ScrubReport, ToolError> {
    let Salvaged { data, troubles, damaged_chunks, is_checked } = DataFile::salvage(disk, input)?;
    let mut report = ScrubReport::new(input, &data.header().key_type);
    report.is_checked = is_checked;
    for trouble in troubles {
        let (component, problem) = (trouble.component, trouble.error.to_string());
        report.substitutes.push(Substitute { component, problem, instead: trouble.instead });
    }
    damaged_chunks.iter().for_each(|chunk| report.damaged_chunk(*chunk));
    let guide = Guide::open(disk, &data, &mut report);
    let same = same_options(&data);
    let compression = match &options.compression {
        Compression::Keep => data.chunks().params(),
        Compression::Use(params) => params.clone(),
    };
    let late_deletion_times =
        if options.cap_expirations { LateDeletionTimes::Cap } else { LateDeletionTimes::Refuse };
    let expected_keys = guide.count(same.expected_keys).min(data.data_len() / SHORTEST_PARTITION);
    let outputs = Outputs {
        disk,
        dir: output,
        version: options.version.unwrap_or(input.version.writable_in_line()),
        id,
        ids,
        options: WriterOptions { compression, late_deletion_times, expected_keys, ..same },
        skip_corrupted: options.skip_corrupted,
    };
    let keeper = Keeper::new(&data, outputs, report);
    let is_mending = options.reinsert_overflowed_ttl;
    let walk = Walk::new(&data, is_checked, &damaged_chunks, guide, keeper, is_mending, meter);
    walk.run()?.finish()
}

/// Bytes that a partition takes at least: what an index says of their number is not believed
/// beyond.
const SHORTEST_PARTITION: u64 = 4;
