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

use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_sstable::{Component, DataFile, Descriptor, Salvaged, TableIndex, Version, WriterOptions};

use crate::convert::{Compression, late_deletion_times};
use crate::error::ToolError;
use crate::rewrite::{Ids, Rewrite, StagedOutputs, rewrite, same_options};
use crate::watched::OnProgress;

use guide::Guide;
use keep::Keeper;
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
    let bytes = |input: &Descriptor| Ok(disk.metadata(&input.path(&Component::Data))?.len);
    let is_any = |done: &[ScrubReport]| done.iter().any(|report| !report.outputs.is_empty());
    rewrite(disk, inputs, (out, Ids::Keep), progress, bytes, is_any, |run, input| {
        scrub_one(run, input, options)
    })
}

fn scrub_one(
    run: &mut Rewrite<'_>,
    input: &Descriptor,
    options: &ScrubOptions,
) -> Result<ScrubReport, ToolError> {
    let id = run.ids.of(input)?;
    let Rewrite { disk, ids, meter, output: dir } = run;
    let disk = *disk;
    let Salvaged { data, troubles, damaged_chunks, is_checked } = DataFile::salvage(disk, input)?;
    let mut report = ScrubReport::new(input, &data.header().key_type);
    report.is_checked = is_checked;
    for trouble in troubles {
        let (component, problem) = (trouble.component, trouble.error.to_string());
        report.substitutes.push(Substitute { component, problem, instead: trouble.instead });
    }
    damaged_chunks.iter().for_each(|chunk| report.damaged_chunk(*chunk));
    let index = TableIndex::salvage(disk, &data);
    let guide = Guide::new(
        index.as_ref().map_err(|error| report.substitutes.push(Substitute::of_index(input, error))).ok(),
    );
    let same = same_options(&data);
    let expected_keys = guide.count(same.expected_keys).min(data.data_len() / SHORTEST_PARTITION);
    let outputs = StagedOutputs {
        ids,
        first: Some(id),
        dir,
        version: options.version.unwrap_or(input.version.writable_in_line()),
        options: WriterOptions {
            compression: options.compression.of(&data),
            late_deletion_times: late_deletion_times(options.cap_expirations),
            expected_keys,
            ..same
        },
    };
    let keeper = Keeper::new(disk, &data, outputs, (report, options.skip_corrupted));
    let is_mending = options.reinsert_overflowed_ttl;
    let walk = Walk::new(&data, is_checked, &damaged_chunks, guide, keeper, is_mending, meter);
    walk.run()?.finish()
}

/// Bytes that a partition takes at least: what an index says of their number is not believed
/// beyond.
const SHORTEST_PARTITION: u64 = 4;
