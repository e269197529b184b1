//! Cuts SSTables into smaller ones (`db.compaction.SSTableSplitter`, `MaxSSTableSizeWriter`).
//!
//! A table is cut between partitions: another one is begun as soon as the Data.db that is being
//! written is larger than asked for, so that pieces are as large as that and one partition more. As
//! in Cassandra, pieces are of level 0, since they need not fit any other, and a table that isn't
//! larger than a piece is passed over.

use std::path::Path;
use std::sync::Arc;

use helenus_compaction::OutputShape;
use helenus_io::Disk;
use helenus_sstable::{DataFile, Descriptor, PageVerification, WriterOptions, WrittenTable};

use crate::error::ToolError;
use crate::rewrite::{Ids, rewrite, same_options};
use crate::watched::OnProgress;

/// The result for one input.
#[derive(Debug)]
pub struct Split {
    /// The input.
    pub from: Descriptor,
    /// Bytes of its Data.db.
    pub data_file_len: u64,
    /// Its pieces, in the order of partitions; none when it isn't larger than a piece, and was left
    /// alone.
    pub pieces: Vec<WrittenTable>,
}

/// Cuts each of `inputs` whose Data.db is larger than `max_bytes` into tables of about that size,
/// in `out`, a directory that is new or empty. It appears when all is done, and not at all if no
/// input is that large. The pieces are numbered from the largest number in the inputs' directories
/// on, so that they can be put there; they are of their input's version, or of the last one of its
/// line that is written here.
///
/// # Errors
/// When an input is damaged, an output can't be written, or `progress` stops the tool; then `out`
/// is unchanged.
pub fn split(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    out: &Path,
    max_bytes: u64,
    progress: OnProgress<'_>,
) -> Result<Vec<Split>, ToolError> {
    let open = |input: &Descriptor| DataFile::open(disk, input, PageVerification::Check);
    let bytes = |input: &Descriptor| {
        let source = open(input)?;
        Ok(if source.file_len() > max_bytes { source.data_len() } else { 0 })
    };
    let is_any = |done: &[Split]| done.iter().any(|split| !split.pieces.is_empty());
    rewrite(disk, inputs, (out, Ids::Keep), progress, bytes, is_any, |run, from| {
        let source = open(from)?;
        let mut pieces = Vec::new();
        if source.file_len() > max_bytes {
            let shape = OutputShape { max_bytes: Some(max_bytes), ..OutputShape::default() };
            let options = WriterOptions { compression: source.chunks().params(), ..same_options(&source) };
            pieces = run.write_again(&source, (from.version.writable_in_line(), None), (shape, options))?;
        }
        Ok(Split { from: from.clone(), data_file_len: source.file_len(), pieces })
    })
}
