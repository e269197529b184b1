//! How tools write SSTables that are made of others: input after input, into a directory that
//! appears when all is done.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use helenus_compaction::{ExpectedKeys, MultiWriter, NextOutput, OutputFactory, OutputShape, write_stream};
use helenus_io::Disk;
use helenus_sstable::{
    DataFile, Descriptor, Folder, SsTableError, SsTableId, Version, WriterOptions, WrittenTable,
};
use helenus_types::{Generation, Token};

use crate::error::ToolError;
use crate::output_dir::OutputDir;
use crate::watched::{Meter, OnProgress, Watched};

/// The ids of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// As their inputs; where two inputs have the same id, the later one gets the next number that
    /// is free.
    Keep,
    /// 1 and so on: releases before 4.1 know numbers only.
    Number,
}

/// A run of a tool over inputs.
pub(crate) struct Rewrite<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) ids: FreeIds,
    pub(crate) meter: Meter<'a>,
    pub(crate) output: OutputDir,
}

/// Makes something of each of `inputs` with `one`, in `out`, a directory that is new or empty. It
/// appears when all are done, if there is anything in it then, as `is_any` says. `bytes` of an
/// input are what its progress will come to.
pub(crate) fn rewrite<T>(
    disk: &Arc<dyn Disk>,
    inputs: &[Descriptor],
    (out, ids): (&Path, Ids),
    progress: OnProgress<'_>,
    bytes: impl Fn(&Descriptor) -> Result<u64, ToolError>,
    is_any: impl FnOnce(&[T]) -> bool,
    mut one: impl FnMut(&mut Rewrite<'_>, &Descriptor) -> Result<T, ToolError>,
) -> Result<Vec<T>, ToolError> {
    let output = OutputDir::new(disk, out)?;
    let prepared = || {
        let total = inputs.iter().map(bytes).sum::<Result<u64, _>>()?;
        Ok((Meter::new(total, progress), FreeIds::new(&**disk, inputs, ids)?))
    };
    let (meter, ids) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => return output.settle(Err(error)),
    };
    let mut run = Rewrite { disk, ids, meter, output };
    let done: Result<Vec<T>, ToolError> = inputs.iter().map(|input| one(&mut run, input)).collect();
    let Rewrite { output, .. } = run;
    if done.as_ref().is_ok_and(|done| !is_any(done)) { output.remove(done) } else { output.settle(done) }
}

impl Rewrite<'_> {
    /// What an output is called while it is written.
    pub(crate) fn target(&self, version: Version, id: SsTableId) -> Descriptor {
        Descriptor::new(self.output.staging(), version, id)
    }

    /// Writes all rows of `source` again, in tables of a version and shape; `options` say how. The
    /// first is called `first`, if that is given.
    pub(crate) fn write_again(
        &mut self,
        source: &DataFile,
        (version, first): (Version, Option<SsTableId>),
        (shape, options): (OutputShape, WriterOptions),
    ) -> Result<Vec<WrittenTable>, ToolError> {
        let expected = ExpectedKeys::All {
            keys: options.expected_keys,
            data_file_bytes: Some(source.file_len()),
            tokens: (Token::MIN, Token::MAX),
        };
        let writer = MultiWriter::new(self.disk, Arc::clone(source.header()), shape, expected);
        let Rewrite { ids, output: dir, .. } = self;
        let mut outputs = StagedOutputs { ids, first, dir, version, options };
        match write_stream(&mut Watched::new(source.scan(), &self.meter), writer, &mut outputs) {
            Ok(written) => Ok(written.into_iter().map(|table| dir.in_place(table)).collect()),
            Err(_) if self.meter.is_stopped() => Err(ToolError::Stopped),
            Err(error) => Err(error.into()),
        }
    }
}

/// Outputs in the directory that is being written.
pub(crate) struct StagedOutputs<'a> {
    /// For those after the first, and for that one if it is not named.
    pub(crate) ids: &'a mut FreeIds,
    pub(crate) first: Option<SsTableId>,
    pub(crate) dir: &'a OutputDir,
    pub(crate) version: Version,
    pub(crate) options: WriterOptions,
}

impl OutputFactory for StagedOutputs<'_> {
    type Error = ToolError;

    fn next_output(&mut self) -> Result<NextOutput, ToolError> {
        let id = match self.first.take() {
            Some(id) => id,
            None => self.ids.next(self.dir.staging())?,
        };
        let descriptor = Descriptor::new(self.dir.staging(), self.version, id);
        Ok(NextOutput { descriptor, options: self.options.clone(), observers: Vec::new() })
    }

    /// All are of the version that was asked for.
    fn hold_late(&mut self, _: &SsTableError) -> bool {
        false
    }
}

/// Ids that outputs get.
pub(crate) struct FreeIds {
    /// No table has a larger number.
    last: Generation,
    policy: Ids,
    taken: BTreeSet<SsTableId>,
}

impl FreeIds {
    /// Those that are free beside all tables in the directories of `inputs`.
    fn new(disk: &dyn Disk, inputs: &[Descriptor], policy: Ids) -> Result<FreeIds, ToolError> {
        let mut last = Generation(0);
        if policy == Ids::Keep {
            let dirs: BTreeSet<&Path> = inputs.iter().map(|input| &*input.dir).collect();
            for dir in dirs {
                let listing = Folder::read(disk, dir)?.listing;
                let numbers = listing.tables.iter().filter_map(|found| found.descriptor.id.generation());
                last = numbers.max().map_or(last, |largest| last.max(largest));
            }
        }
        Ok(FreeIds { last, policy, taken: BTreeSet::new() })
    }

    /// That of the one output of `input`: its own, where ids are kept and no other output has it.
    pub(crate) fn of(&mut self, input: &Descriptor) -> Result<SsTableId, ToolError> {
        if self.policy == Ids::Keep && self.taken.insert(input.id) {
            return Ok(input.id);
        }
        self.next(&input.dir)
    }

    /// The next number, for an output in `dir`.
    pub(crate) fn next(&mut self, dir: &Path) -> Result<SsTableId, ToolError> {
        self.last = Generation(self.last.0 + 1);
        SsTableId::from_generation(self.last)
            .ok_or_else(|| ToolError::impossible(dir, "has no number left for another table"))
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
        pending_repair: stats.pending_repair,
        is_transient: stats.is_transient,
        token_space_coverage: stats.token_space_coverage,
        ..WriterOptions::default()
    }
}
