//! Writes SSTables again, in another version or with another compression
//! (`db.compaction.Upgrader`).
//!
//! Nothing is merged and nothing purged: everything in an input is in its output, expired or not.
//! (Cassandra makes tombstones of expired cells on the way.) Rows are streamed and copied as bytes
//! where both versions encode them alike.
//!
//! As Cassandra's `sstableupgrade` this keeps level, repair state and the filter's false positive
//! chance, and drops the commit log's intervals with their host: they say which part of its log a
//! node need not replay, which is meaningless for a converted table.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_sstable::{
    CompressionParams, DataFile, Descriptor, LateDeletionTimes, PageVerification, SsTableId, SsTableWriter,
    Version, WriterOptions, WrittenTable,
};
use helenus_types::Generation;

use crate::error::ToolError;
use crate::output_dir::OutputDir;
use crate::watched::{Meter, OnProgress, Watched};

/// The version, compression and ids of converted tables.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvertOptions {
    /// One of [`Version::WRITABLE`].
    pub version: Version,
    /// How Data.db is compressed.
    pub compression: Compression,
    /// The ids of outputs.
    pub ids: Ids,
    /// Deletions and expirations past 2038-01-19T03:14:06Z, where the version can't hold them,
    /// become that second, and are counted. Otherwise they are an error.
    pub cap_expirations: bool,
}

/// The compression of an output.
#[derive(Debug, Clone, PartialEq)]
pub enum Compression {
    /// As its input.
    Keep,
    /// These parameters; `None` means uncompressed.
    Use(Option<CompressionParams>),
}

/// The ids of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// As their inputs; where two inputs have the same id, the later one gets the next number that
    /// is free.
    Keep,
    /// 1 and so on: releases before 4.1 know numbers only.
    Number,
}

/// The result for one input.
#[derive(Debug)]
pub struct Converted {
    /// The input.
    pub from: Descriptor,
    /// Bytes of its Data.db.
    pub data_file_len: u64,
    /// The output; `None` when there was nothing in the input that can be written.
    pub to: Option<WrittenTable>,
}

impl Converted {
    /// Deletions, livenesses and cells whose time was capped.
    #[must_use]
    pub fn capped(&self) -> u64 {
        self.to.as_ref().map_or(0, |written| written.capped_deletion_times)
    }
}

/// Converts each of `inputs` into a table in `out`, a directory that is new or empty. It appears
/// when all are done.
///
/// # Errors
/// When an input is damaged, an output can't be written, or `progress` stops the tool; then `out`
/// is unchanged.
pub fn convert(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    out: &Path,
    options: &ConvertOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<Converted>, ToolError> {
    let output = OutputDir::new(disk, out)?;
    let done = convert_all(disk, inputs, &output, options, progress);
    output.settle(done)
}

fn convert_all(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    output: &OutputDir,
    options: &ConvertOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<Converted>, ToolError> {
    let mut total = 0;
    for input in inputs {
        total += DataFile::open(disk, input, PageVerification::Check)?.data_len();
    }
    let meter = Meter::new(total, progress);
    let mut done = Vec::new();
    for (input, id) in inputs.iter().zip(ids(inputs, options.ids)?) {
        let source = DataFile::open(disk, input, PageVerification::Check)?;
        let target = Descriptor::new(output.staging(), options.version, id);
        let mut to = convert_one(disk, &source, target, options, &meter)?;
        if let Some(written) = &mut to {
            output.dir().clone_into(&mut written.descriptor.dir);
        }
        done.push(Converted { from: input.clone(), data_file_len: source.file_len(), to });
    }
    Ok(done)
}

fn convert_one(
    disk: &Arc<dyn Disk>,
    source: &DataFile,
    target: Descriptor,
    options: &ConvertOptions,
    meter: &Meter<'_>,
) -> Result<Option<WrittenTable>, ToolError> {
    let header = Arc::clone(source.header());
    let compression = match &options.compression {
        Compression::Keep => source.chunks().params(),
        Compression::Use(params) => params.clone(),
    };
    let late_deletion_times =
        if options.cap_expirations { LateDeletionTimes::Cap } else { LateDeletionTimes::Refuse };
    let writer_options = WriterOptions { compression, late_deletion_times, ..same_options(source) };
    let mut writer = SsTableWriter::new(disk, target, header, writer_options)?;
    match writer.write_stream(&mut Watched::new(source.scan(), meter)) {
        Ok(()) => Ok(writer.finish()?),
        Err(_) if meter.is_stopped() => Err(ToolError::Stopped),
        Err(error) => Err(error.into()),
    }
}

/// Writer options that reproduce `source`, except for the compression.
pub(crate) fn same_options(source: &DataFile) -> WriterOptions {
    let stats = source.stats();
    WriterOptions {
        partitioner: source.partitioner().clone(),
        bloom_filter_fp_chance: source.statistics().validation.bloom_filter_fp_chance,
        expected_keys: stats.partition_sizes.count(),
        level: stats.level,
        repaired_at_ms: stats.repaired_at_ms,
        token_space_coverage: stats.token_space_coverage,
        ..WriterOptions::default()
    }
}

/// The outputs' ids.
fn ids(inputs: &[Descriptor], ids: Ids) -> Result<Vec<SsTableId>, ToolError> {
    let largest = inputs.iter().filter_map(|input| input.id.generation()).max();
    let mut last = match ids {
        Ids::Keep => largest.unwrap_or(Generation(0)),
        Ids::Number => Generation(0),
    };
    let mut taken = BTreeSet::new();
    let id = |input: &Descriptor| {
        if ids == Ids::Keep && taken.insert(input.id) {
            return Ok(input.id);
        }
        last = Generation(last.0 + 1);
        SsTableId::from_generation(last)
            .ok_or_else(|| ToolError::impossible(&input.dir, "has no number left for another table"))
    };
    inputs.iter().map(id).collect()
}
