//! The executor on Cassandra's own files: what it makes of the inputs of Cassandra's major compactions is what
//! Cassandra made of them.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod scenarios;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_compaction::{CompactionError, Execution, Outcome, Progress, execute};
use helenus_io::{Disk, RealDisk};
#[cfg(debug_assertions)]
use helenus_rows::{
    Capabilities, ClusteringComparator, Columns, DeletionTime, EncodingBase, GrammarError, Header,
    LivenessInfo, PartitionRef, RowBuf, RowBuilder,
};
use helenus_rows::{CellEvent, PurgeOptions, Purgeable, RowRef, Unfiltered, UnfilteredStream};
use helenus_sim::SimDisk;
#[cfg(debug_assertions)]
use helenus_sstable::WriteError;
use helenus_sstable::{
    CachedFile, ChunkCache, Descriptor, Listing, OpenOptions, PageVerification, SsTable, SsTableId,
    SsTableWriter, Version, WriterOptions,
};
use helenus_types::Generation;
#[cfg(debug_assertions)]
use helenus_types::{Partitioner, Timestamp, Type};

/// The corpus was written on 22 November 2026; all its short TTLs had run out an hour later, nothing was past its
/// grace of ten days.
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

fn run(
    inputs: &[Arc<SsTable>],
    disk: &Arc<dyn Disk>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, CompactionError> {
    let header = inputs[0].header().clone();
    disk.create_dir(Path::new("/out")).unwrap();
    let id = SsTableId::from_generation(Generation(7)).unwrap();
    let descriptor = Descriptor::new("/out", Version::DA, id);
    let writer = SsTableWriter::new(disk, descriptor, header.clone(), WriterOptions::default()).unwrap();
    let execution = Execution {
        header,
        dropped: &[],
        purge: PurgeOptions { now: NOW, gc_before: GC_BEFORE, strict_liveness: false },
        purgeable: &mut |_| Purgeable::All,
        progress,
    };
    execute(inputs, execution, writer)
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
        let outcome = run(&inputs, &simulated, &mut |progress| {
            assert!(progress.partitions > partitions, "progress rises");
            partitions = progress.partitions;
            ControlFlow::Continue(())
        });
        assert!(matches!(outcome, Ok(Outcome::Done(Some(_)))), "{table}");
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
    let outcome = run(&inputs, &simulated, &mut |_| ControlFlow::Break(()));
    assert!(matches!(outcome, Ok(Outcome::Stopped)));
    assert!(simulated.list(Path::new("/out")).unwrap().is_empty());
}

/// A writer takes rows as they come: with a bug above it, the file of this test is what it makes. A debug build must
/// not merge such a file into the next.
#[test]
#[cfg(debug_assertions)]
fn an_input_that_breaks_the_rules_stops_a_run() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    disk.create_dir(Path::new("/in")).unwrap();
    let header = header_of_ints();
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
    let error = run(&inputs, &disk, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let CompactionError::Write(WriteError::Source(error)) = error else { panic!("{error}") };
    assert!(error.downcast_ref::<GrammarError>().is_some(), "{error}");
    assert!(disk.list(Path::new("/out")).unwrap().is_empty());
}

#[cfg(debug_assertions)]
fn header_of_ints() -> Arc<Header> {
    Arc::new(Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::empty(),
        regulars: Columns::empty(),
        capabilities: Capabilities::CURRENT,
    })
}
