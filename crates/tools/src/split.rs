//! Cuts SSTables into smaller ones (`db.compaction.SSTableSplitter`, `MaxSSTableSizeWriter`).
//!
//! A table is cut between partitions: another one is begun as soon as the Data.db that is being
//! written is larger than asked for, so that pieces are as large as that and one partition more. As
//! in Cassandra, pieces are of level 0, since they need not fit any other, and a table that isn't
//! larger than a piece is passed over.

use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::UnfilteredStream;
use helenus_sstable::{
    DataFile, Descriptor, Folder, PageVerification, SsTableId, SsTableWriter, WriterOptions, WrittenTable,
};
use helenus_types::Generation;

use crate::convert::same_options;
use crate::error::ToolError;
use crate::output_dir::OutputDir;
use crate::watched::{Meter, OnProgress, Watched};

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
    let output = OutputDir::new(disk, out)?;
    let done = split_all(disk, inputs, &output, max_bytes, progress);
    let is_empty = done.as_ref().is_ok_and(|done| done.iter().all(|split| split.pieces.is_empty()));
    if is_empty { output.remove(done) } else { output.settle(done) }
}

fn split_all(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    output: &OutputDir,
    max_bytes: u64,
    progress: OnProgress<'_>,
) -> Result<Vec<Split>, ToolError> {
    let open = |input: &Descriptor| DataFile::open(disk, input, PageVerification::Check);
    let mut total = 0;
    for input in inputs {
        let source = open(input)?;
        total += if source.file_len() > max_bytes { source.data_len() } else { 0 };
    }
    let meter = Meter::new(total, progress);
    let mut ids = Ids::behind(&**disk, inputs)?;
    let mut done = Vec::new();
    for input in inputs {
        let source = open(input)?;
        let data_file_len = source.file_len();
        let mut pieces = Vec::new();
        if data_file_len > max_bytes {
            let mut cut = Cut { disk, source: &source, output, max_bytes, ids: &mut ids };
            pieces = match cut.run(&mut Watched::new(source.scan(), &meter)) {
                Err(_) if meter.is_stopped() => return Err(ToolError::Stopped),
                pieces => pieces?,
            };
        }
        done.push(Split { from: input.clone(), data_file_len, pieces });
    }
    Ok(done)
}

/// Numbers that no table has.
pub(crate) struct Ids {
    last: Generation,
}

impl Ids {
    /// The ids after all those in the directories of `inputs`.
    pub(crate) fn behind(disk: &dyn Disk, inputs: &[Descriptor]) -> Result<Ids, ToolError> {
        let mut last = Generation(0);
        let mut dirs: Vec<&Path> = inputs.iter().map(|input| &*input.dir).collect();
        dirs.dedup();
        for dir in dirs {
            let listing = Folder::read(disk, dir)?.listing;
            let largest = listing.tables.iter().filter_map(|found| found.descriptor.id.generation()).max();
            last = last.max(largest.unwrap_or(last));
        }
        Ok(Ids { last })
    }

    /// The next one, while there is one.
    pub(crate) fn next(&mut self) -> Option<SsTableId> {
        self.last = Generation(self.last.0 + 1);
        SsTableId::from_generation(self.last)
    }
}

/// The cutting of one table.
struct Cut<'a> {
    disk: &'a Arc<dyn Disk>,
    source: &'a DataFile,
    output: &'a OutputDir,
    max_bytes: u64,
    ids: &'a mut Ids,
}

impl Cut<'_> {
    fn run(&mut self, stream: &mut Watched<'_, '_>) -> Result<Vec<WrittenTable>, ToolError> {
        let mut pieces = Vec::new();
        let mut writer: Option<SsTableWriter> = None;
        while stream.next_partition()? {
            if let Some(full) = writer.take_if(|writer| writer.file_position() > self.max_bytes) {
                pieces.extend(self.finish(full)?);
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(self.begin()?),
            };
            writer.write_partition(stream)?;
        }
        if let Some(last) = writer {
            pieces.extend(self.finish(last)?);
        }
        Ok(pieces)
    }

    fn begin(&mut self) -> Result<SsTableWriter, ToolError> {
        let from = self.source.descriptor();
        let version = from.version.writable_in_line();
        let id = self.ids.next();
        let id =
            id.ok_or_else(|| ToolError::impossible(&from.dir, "has no number left for another table"))?;
        let target = Descriptor::new(self.output.staging(), version, id);
        let same = same_options(self.source);
        let pieces = (self.source.file_len() / self.max_bytes.max(1)).max(1);
        let options = WriterOptions {
            compression: self.source.chunks().params(),
            expected_keys: same.expected_keys.div_ceil(pieces),
            level: 0,
            ..same
        };
        Ok(SsTableWriter::new(self.disk, target, Arc::clone(self.source.header()), options)?)
    }

    fn finish(&self, writer: SsTableWriter) -> Result<Option<WrittenTable>, ToolError> {
        let mut written = writer.finish()?;
        if let Some(written) = &mut written {
            self.output.dir().clone_into(&mut written.descriptor.dir);
        }
        Ok(written)
    }
}
