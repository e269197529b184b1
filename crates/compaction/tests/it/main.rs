//! The executor on Cassandra's own files: what it makes of the inputs of Cassandra's major
//! compactions is what Cassandra made of them.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod outputs;
mod scenarios;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_compaction::{
    CompactionError, Execution, ExpectedKeys, NextOutput, Outcome, OutputFactory, OutputShape, Progress,
    Purging, execute,
};
use helenus_io::{Disk, RealDisk};
#[cfg(debug_assertions)]
use helenus_rows::GrammarError;
use helenus_rows::{
    Capabilities, CellEvent, ClusteringComparator, Columns, DeletionTime, EncodingBase, Header, LivenessInfo,
    PartitionRef, PurgeOptions, Purgeable, RowBuf, RowBuilder, RowRef, StreamOrigin, Unfiltered,
    UnfilteredStream, validated,
};
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, Descriptor, Listing, OpenOptions, PageVerification, SsTable, SsTableError,
    SsTableId, SsTableWriter, Version, WriterOptions,
};
use helenus_types::{Generation, LocalDeletionTime, Partitioner, Timestamp, Type};

/// The corpus was written on 22 November 2026; all its short TTLs had run out an hour later,
/// nothing was past its grace of ten days.
const NOW: u32 = 1_795_374_269 + 3_600;
const GC_BEFORE: u32 = NOW - 864_000;

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = std::env::var_os("HELENUS_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: there is no corpus at {}", dir.display());
    None
}

fn open_all(disk: &Arc<dyn Disk>, dir: &Path) -> Vec<Arc<SsTable>> {
    let names = disk.list(dir).unwrap();
    let listing = Listing::new(dir, names.iter().filter_map(|entry| entry.utf8()));
    let open = |found: &helenus_sstable::FoundTable| {
        let options =
            OpenOptions::new(Arc::new(ChunkCache::new(1 << 20)), CachedFile(0), PageVerification::Check);
        SsTable::open(disk, &found.descriptor, options).unwrap()
    };
    listing.tables.iter().map(open).collect()
}

fn row_text(row: RowRef<'_>) -> String {
    let mut cells = row.cells().unwrap();
    let mut text = format!("{:?} {:?} {:?}", row.clustering, cells.liveness(), cells.deletion());
    while let Some(event) = cells.next().unwrap() {
        match event {
            CellEvent::Complex { column, deletion, cells } => {
                // A column with neither is only there for a neighbour's deletion.
                if cells > 0 || !deletion.is_live() {
                    text += &format!("\n  {} {deletion:?}", row.columns().get(column).unwrap().name);
                }
            }
            CellEvent::Simple { column, cell } | CellEvent::Element { column, cell } => {
                text += &format!("\n  {} {cell:?}", row.columns().get(column).unwrap().name);
            }
        }
    }
    text
}

fn listed(mut stream: impl UnfilteredStream) -> Vec<String> {
    let mut all = Vec::new();
    while stream.next_partition().unwrap() {
        let partition = stream.partition();
        all.push(format!("{:?} {:?}", partition.key, partition.deletion));
        all.extend(stream.static_row().map(row_text));
        while stream.advance().unwrap() {
            all.push(match stream.current().unwrap() {
                Unfiltered::Row(row) => row_text(row),
                Unfiltered::Marker(marker) => format!("{marker:?}"),
            });
        }
    }
    all
}

/// Outputs in `/out`, numbered from 1 on.
struct Numbered {
    options: WriterOptions,
    last: u64,
    version: Version,
}

impl Numbered {
    fn new(disk: &Arc<dyn Disk>, options: WriterOptions) -> Self {
        disk.create_dir_all(Path::new("/out")).unwrap();
        Self { options, last: 0, version: Version::DA }
    }
}

impl OutputFactory for Numbered {
    type Error = std::convert::Infallible;

    fn next_output(&mut self) -> Result<NextOutput, Self::Error> {
        self.last += 1;
        let id = SsTableId::from_generation(Generation(self.last)).unwrap();
        let descriptor = Descriptor::new("/out", self.version, id);
        Ok(NextOutput { descriptor, options: self.options.clone(), observers: Vec::new() })
    }

    fn hold_late(&mut self, _: &SsTableError) -> bool {
        let newer = self.version.holding_late_deletion_times();
        std::mem::replace(&mut self.version, newer) != newer
    }
}

fn scans(inputs: &[Arc<SsTable>]) -> Vec<Box<dyn UnfilteredStream>> {
    let scan = |input: &Arc<SsTable>| validated(input.scan(), StreamOrigin::Disk);
    inputs.iter().map(|input| Box::new(scan(input)) as Box<dyn UnfilteredStream>).collect()
}

fn run(
    inputs: &[Arc<SsTable>],
    disk: &Arc<dyn Disk>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Outcome, CompactionError<std::convert::Infallible>> {
    let execution = Execution {
        disk,
        header: inputs[0].header().clone(),
        dropped: &[],
        purging: Some(Purging {
            options: PurgeOptions { now: NOW, gc_before: GC_BEFORE, strict_liveness: false },
            purgeable: &mut |_| Purgeable::All,
        }),
        shape: OutputShape::default(),
        expected: ExpectedKeys::Each(0),
        progress,
        is_stopped,
    };
    execute(|| scans(inputs), execution, &mut Numbered::new(disk, WriterOptions::default()))
}

#[test]
fn what_cassandra_compacted_is_what_we_compact() {
    let Some(corpus) = corpus() else { return };
    for table in ["composite_compacted", "soup_compacted"] {
        let dir = corpus.join("da").join(table);
        let real: Arc<dyn Disk> = Arc::new(RealDisk);
        let (inputs, theirs) = (open_all(&real, &dir.join("before")), open_all(&real, &dir));
        assert!(inputs.len() > 1 && theirs.len() == 1, "{table}");
        let simulated: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let mut partitions = 0;
        let outcome = run(
            &inputs,
            &simulated,
            &mut |progress| {
                assert!(progress.partitions > partitions, "progress rises");
                partitions = progress.partitions;
                ControlFlow::Continue(())
            },
            &|| false,
        );
        assert!(matches!(outcome, Ok(Outcome::Done(written)) if written.len() == 1), "{table}");
        let ours = open_all(&simulated, Path::new("/out"));
        let (ours, theirs) = (listed(ours[0].scan()), listed(theirs[0].scan()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{table}");
        }
        assert_eq!(ours.len(), theirs.len(), "{table}");
    }
}

#[test]
fn a_run_that_is_stopped_leaves_no_file() {
    let Some(corpus) = corpus() else { return };
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = open_all(&real, &corpus.join("da/soup_compacted/before"));
    let simulated: Arc<dyn Disk> = Arc::new(SimDisk::new());
    let outcome = run(&inputs, &simulated, &mut |_| ControlFlow::Break(()), &|| false);
    assert!(matches!(outcome, Ok(Outcome::Stopped)));
    assert!(simulated.list(Path::new("/out")).unwrap().is_empty());
}

/// A run that purged everything asked nobody: `close` waited for all of it to be read.
#[test]
fn a_run_that_writes_nothing_can_be_stopped() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    disk.create_dir(Path::new("/in")).unwrap();
    let header = header_of_ints(Columns::empty());
    let id = SsTableId::from_generation(Generation(1)).unwrap();
    let descriptor = Descriptor::new("/in", Version::DA, id);
    let mut writer = SsTableWriter::new(&disk, descriptor, header, WriterOptions::default()).unwrap();
    let mut keys: Vec<_> = (0..20_000_i32)
        .map(|key| key.to_be_bytes())
        .map(|key| (Partitioner::murmur3_token(&key), key))
        .collect();
    keys.sort_unstable();
    for (token, key) in &keys {
        let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(1));
        writer.start_partition(PartitionRef { token: *token, key, deletion }, None).unwrap();
        writer.end_partition().unwrap();
    }
    writer.finish().unwrap();
    let inputs = open_all(&disk, Path::new("/in"));
    for stops_at in [None, Some(1), Some(3)] {
        let asked = Cell::new(0);
        let is_stopped = || {
            asked.set(asked.get() + 1);
            Some(asked.get()) == stops_at
        };
        let outcome = run(&inputs, &disk, &mut |_| panic!("nothing is written"), &is_stopped);
        match stops_at {
            None => assert!(matches!(outcome, Ok(Outcome::Done(written)) if written.is_empty())),
            Some(_) => assert!(matches!(outcome, Ok(Outcome::Stopped)), "{outcome:?}"),
        }
        assert!(stops_at.map_or(asked.get() > 3, |at| at == asked.get()), "{stops_at:?}: {asked:?}");
    }
}

/// A writer takes rows as they come: with a bug above it, the file of this test is what it makes. A
/// debug build must not merge such a file into the next.
#[test]
#[cfg(debug_assertions)]
fn an_input_that_breaks_the_rules_stops_a_run() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    disk.create_dir(Path::new("/in")).unwrap();
    let header = header_of_ints(Columns::empty());
    let id = SsTableId::from_generation(Generation(1)).unwrap();
    let descriptor = Descriptor::new("/in", Version::DA, id);
    let mut writer = SsTableWriter::new(&disk, descriptor, header.clone(), WriterOptions::default()).unwrap();
    let key = &[0, 0, 0, 1];
    let token = Partitioner::murmur3_token(key);
    writer.start_partition(PartitionRef { token, key, deletion: DeletionTime::LIVE }, None).unwrap();
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    for clustering in [2, 1] {
        builder.start(LivenessInfo::new(Timestamp(1)), DeletionTime::LIVE, false);
        row.clustering = vec![0, 0, 0, 0, clustering];
        builder.finish(&header, false, &mut row);
        writer.append(Unfiltered::Row(row.as_ref(&header))).unwrap();
    }
    writer.end_partition().unwrap();
    writer.finish().unwrap().unwrap();
    let inputs = open_all(&disk, Path::new("/in"));
    let error = run(&inputs, &disk, &mut |_| ControlFlow::Continue(()), &|| false).unwrap_err();
    let CompactionError::Source(error) = error else { panic!("{error}") };
    assert!(error.downcast_ref::<GrammarError>().is_some(), "{error}");
    assert!(disk.list(Path::new("/out")).unwrap().is_empty());
}

/// A table of one int key, one int clustering and these columns.
fn header_of_ints(regulars: Columns) -> Arc<Header> {
    Arc::new(Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::empty(),
        regulars,
        capabilities: Capabilities::CURRENT,
    })
}
