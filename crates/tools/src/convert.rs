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

use std::path::Path;
use std::sync::Arc;

use helenus_compaction::OutputShape;
use helenus_io::Disk;
use helenus_sstable::{
    CompressionParams, DataFile, Descriptor, LateDeletionTimes, PageVerification, Version, WriterOptions,
    WrittenTable,
};

use crate::error::ToolError;
use crate::rewrite::{Ids, Rewrite, rewrite, same_options};
use crate::watched::OnProgress;

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
    let open = |input: &Descriptor| DataFile::open(disk, input, PageVerification::Check);
    let bytes = |input: &Descriptor| Ok(open(input)?.data_len());
    rewrite(
        disk,
        inputs,
        (out, options.ids),
        progress,
        bytes,
        |_| true,
        |run, input| convert_one(run, &open(input)?, options),
    )
}

fn convert_one(
    run: &mut Rewrite<'_>,
    source: &DataFile,
    options: &ConvertOptions,
) -> Result<Converted, ToolError> {
    let from = source.descriptor().clone();
    let same = same_options(source);
    let shape = OutputShape { level: same.level, ..OutputShape::default() };
    let options_of_writer = WriterOptions {
        compression: options.compression.of(source),
        late_deletion_times: late_deletion_times(options.cap_expirations),
        ..same
    };
    let id = run.ids.of(&from)?;
    let written = run.write_again(source, (options.version, Some(id)), (shape, options_of_writer))?;
    Ok(Converted { from, data_file_len: source.file_len(), to: written.into_iter().next() })
}

impl Compression {
    /// How an output that is made of `source` is compressed.
    pub(crate) fn of(&self, source: &DataFile) -> Option<CompressionParams> {
        match self {
            Compression::Keep => source.chunks().params(),
            Compression::Use(params) => params.clone(),
        }
    }
}

/// What becomes of times that a version can't hold.
pub(crate) fn late_deletion_times(are_capped: bool) -> LateDeletionTimes {
    if are_capped { LateDeletionTimes::Cap } else { LateDeletionTimes::Refuse }
}
