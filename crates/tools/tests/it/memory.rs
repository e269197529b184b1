//! No tool holds a partition in memory: what one of them allocates doesn't grow with the widest
//! one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus_rows::{
    Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, EncodingBase, Header,
    LivenessInfo, PartitionRef, RowBuf, RowBuilder, Unfiltered, encode_clustering,
};
use helenus_sstable::{Descriptor, SsTableId, SsTableWriter, Version, WriterOptions};
use helenus_tools::{
    Compression, ConvertOptions, Ids, PartitionsOptions, RebuildOptions, ScrubOptions, View, convert, diff,
    partitions, rebuild, scrub, split,
};
use helenus_types::{Partitioner, Timestamp, Type};

use crate::corpus::disk;

/// Writes a table of one partition with `rows` rows of a kilobyte.
fn wide(dir: &Path, rows: u32) -> Descriptor {
    let header = Arc::new(Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::empty(),
        regulars: Columns::new(vec![Column::new("v", Type::Blob)]),
        capabilities: Capabilities::CURRENT,
    });
    let target = Descriptor::new(dir, Version::DA, SsTableId::Sequence(rows));
    let mut writer =
        SsTableWriter::new(&disk(), target, Arc::clone(&header), WriterOptions::default()).unwrap();
    let key = [0; 4];
    let token = Partitioner::murmur3_token(&key);
    writer.start_partition(PartitionRef { token, key: &key, deletion: DeletionTime::LIVE }, None).unwrap();
    let (mut builder, mut row, mut value) = (RowBuilder::default(), RowBuf::default(), vec![0; 1024]);
    let at = Timestamp(1_700_000_000_000_000);
    for ck in 0..rows {
        let bytes = ck.to_be_bytes();
        value[..4].copy_from_slice(&bytes);
        builder.start(LivenessInfo::new(at), DeletionTime::LIVE, false);
        builder.simple(&header, &header.regulars, 0, &Cell::live(at, &value));
        builder.finish(&header, false, &mut row);
        row.clustering.clear();
        encode_clustering(header.clustering.types(), &[Some(&bytes)], &mut row.clustering);
        writer.append(Unfiltered::Row(row.as_ref(&header))).unwrap();
    }
    writer.end_partition().unwrap();
    writer.finish().unwrap().unwrap().descriptor
}

/// What a tool may hold for each chunk of 16 KiB, of a file that it reads and of one that it
/// writes, in bytes: offsets, in a list that doubles as it grows and is encoded at the end. For 10
/// GB that is 40 MB.
const BYTES_A_CHUNK: u64 = 64;

/// Compares the memory that `run` holds at once for a partition of 80 MB with that for one of 320.
#[track_caller]
fn check(run: impl Fn(&Descriptor, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    let peak = |rows| {
        let table = wide(dir.path(), rows);
        allocation_counter::measure(|| run(&table, &dir.path().join(format!("out-{rows}")))).bytes_max
    };
    let [narrow, wide] = [80_000, 320_000].map(peak);
    println!("{narrow} and {wide} bytes");
    assert!(narrow < 4 << 20, "{narrow} bytes");
    let more_chunks = (320_000 - 80_000) * 1024 / (16 << 10);
    assert!(wide < narrow + BYTES_A_CHUNK * more_chunks, "{narrow} and {wide} bytes");
}

fn go_on<T>(_: T) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn converting_a_wide_partition() {
    for version in Version::WRITABLE {
        check(|table, out| {
            let options = ConvertOptions {
                version,
                compression: Compression::Keep,
                ids: Ids::Keep,
                cap_expirations: false,
            };
            convert(&disk(), std::slice::from_ref(table), out, &options, &mut go_on).unwrap();
        });
    }
}

#[test]
fn splitting_a_wide_partition() {
    check(|table, out| {
        let done = split(&disk(), std::slice::from_ref(table), out, 1, &mut go_on).unwrap();
        assert_eq!(done[0].pieces.len(), 1);
    });
}

#[test]
fn scrubbing_a_wide_partition() {
    check(|table, out| {
        let options = ScrubOptions::default();
        let done = scrub(&disk(), std::slice::from_ref(table), out, &options, &mut go_on).unwrap();
        assert!(!done[0].is_lossy());
    });
}

#[test]
fn rebuilding_a_wide_partition() {
    check(|table, out| {
        let options = RebuildOptions::default();
        rebuild(&disk(), std::slice::from_ref(table), out, &options, &mut go_on).unwrap();
    });
}

#[test]
fn comparing_wide_partitions() {
    check(|table, _| {
        let table = std::slice::from_ref(table);
        diff(&disk(), table, table, View::Exact, &mut go_on, &mut go_on).unwrap();
    });
}

#[test]
fn measuring_a_wide_partition() {
    check(|table, _| {
        let options = PartitionsOptions::default();
        let figures =
            partitions(&disk(), table, &options, &mut |_| ControlFlow::Continue(()), &mut go_on).unwrap();
        assert_eq!(figures.rows.count(), 1);
    });
}
