//! Tables of our own: what the writer refuses, leaves out, encodes again, and which files it
//! leaves.

use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, Direction,
    EncodingBase, Header, LivenessInfo, MarkerRef, PartitionRef, RowBuf, RowBuilder, Slice, Slices,
    Unfiltered, encode_clustering,
};
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, Codec, CompressionParams, Descriptor, OpenOptions, PageVerification, RowReader,
    SearchKey, SsTable, SsTableError, SsTableId, SsTableWriter, StaticRow, Version, WriteError,
    WriterOptions, WrittenTable,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use crate::reading::{Copied, all, data_bytes};

pub(crate) const DIR: &str = "/t";

pub(crate) fn header(min_timestamp: i64) -> Arc<Header> {
    Arc::new(Header {
        base: EncodingBase { min_timestamp: Timestamp(min_timestamp), ..EncodingBase::EPOCH },
        key_type: Type::Text,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::new(vec![Column::new("s", Type::Int)]),
        regulars: Columns::new(vec![Column::new("v", Type::Blob)]),
        capabilities: Capabilities::CURRENT,
    })
}

pub(crate) fn sim() -> (SimDisk, Arc<dyn Disk>) {
    let sim = SimDisk::new();
    sim.create_dir_all(Path::new(DIR)).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    (sim, disk)
}

pub(crate) fn descriptor(number: u32) -> Descriptor {
    Descriptor::new(DIR, Version::DA, SsTableId::parse(&number.to_string()).unwrap())
}

pub(crate) fn opened(disk: &Arc<dyn Disk>, descriptor: &Descriptor) -> Result<Arc<SsTable>, SsTableError> {
    let chunk_cache = Arc::new(ChunkCache::new(8 << 20));
    let options = OpenOptions::new(chunk_cache, CachedFile(1), PageVerification::Check);
    SsTable::open(disk, descriptor, options)
}

pub(crate) fn ck(header: &Header, number: i32) -> Vec<u8> {
    let mut out = Vec::new();
    encode_clustering(header.clustering.types(), &[Some(&number.to_be_bytes())], &mut out);
    out
}

pub(crate) fn row(header: &Header, number: i32, value: &[u8]) -> RowBuf {
    let mut builder = RowBuilder::default();
    let timestamp = Timestamp(1_700_000_000_000_000 + i64::from(number));
    builder.start(LivenessInfo::new(timestamp), DeletionTime::LIVE, false);
    builder.simple(header, &header.regulars, 0, &Cell::live(timestamp, value));
    let mut row = RowBuf { clustering: ck(header, number), ..RowBuf::default() };
    builder.finish(header, false, &mut row);
    row
}

fn static_row(header: &Header, value: i32) -> RowBuf {
    let mut builder = RowBuilder::default();
    builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
    let value = value.to_be_bytes();
    let cell = Cell::live(Timestamp(1_700_000_000_000_000), &value);
    builder.simple(header, &header.statics, 0, &cell);
    let mut row = RowBuf::default();
    builder.finish(header, true, &mut row);
    row
}

fn deleted(timestamp: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_700_000_000))
}

pub(crate) fn partition<'a>(key: &'a [u8], deletion: DeletionTime) -> PartitionRef<'a> {
    PartitionRef { token: Partitioner::murmur3_token(key), key, deletion }
}

/// The keys in the order of their tokens.
fn keys(count: usize) -> Vec<String> {
    let mut keys: Vec<String> = (0..count).map(|number| format!("key {number}")).collect();
    keys.sort_by_key(|key| Partitioner::murmur3_token(key.as_bytes()));
    keys
}

/// Three partitions: one of blocks with a range deletion across them, one deleted, one of a static
/// row.
pub(crate) fn write_small(
    disk: &Arc<dyn Disk>,
    descriptor: &Descriptor,
    header: &Arc<Header>,
    compression: Option<CompressionParams>,
) -> Result<Option<WrittenTable>, WriteError> {
    let options = WriterOptions {
        compression,
        row_index_granularity: Some(128),
        expected_keys: 3,
        ..WriterOptions::default()
    };
    let mut writer = SsTableWriter::new(disk, descriptor.clone(), Arc::clone(header), options)?;
    match fill_small(&mut writer, header) {
        Ok(()) => Ok(writer.finish()?),
        Err(error) => {
            writer.abort().ok();
            Err(error)
        }
    }
}

fn fill_small(writer: &mut SsTableWriter, header: &Header) -> Result<(), WriteError> {
    let keys = keys(3);
    writer.start_partition(partition(keys[0].as_bytes(), DeletionTime::LIVE), None)?;
    for number in 0..12 {
        for (at, kind) in [(3, BoundKind::InclStart), (9, BoundKind::ExclEnd)] {
            let values = ck(header, number);
            let bound = Bound { kind, size: 1, values: &values };
            let deletion = deleted(1_700_000_000_000_005);
            let live = DeletionTime::LIVE;
            let (close, open) = if kind.opens() { (live, deletion) } else { (deletion, live) };
            if number == at {
                writer.append(Unfiltered::Marker(MarkerRef { bound, close, open }))?;
            }
        }
        writer.append(Unfiltered::Row(row(header, number, &[7; 40]).as_ref(header)))?;
    }
    writer.end_partition()?;
    writer.start_partition(partition(keys[1].as_bytes(), deleted(1_700_000_000_000_000)), None)?;
    writer.end_partition()?;
    let row = static_row(header, 5);
    writer.start_partition(partition(keys[2].as_bytes(), DeletionTime::LIVE), Some(row.as_ref(header)))?;
    writer.end_partition().map_err(WriteError::from)
}

#[test]
fn a_table_of_ours_is_read_back() {
    let (_, disk) = sim();
    let header = header(1_700_000_000_000_000);
    let written = write_small(&disk, &descriptor(1), &header, None).unwrap().unwrap();
    assert_eq!(written.key_count, 3);
    assert_eq!(written.stats.rows, 13);
    assert_eq!(written.stats.min_timestamp, Timestamp(1_700_000_000_000_000));
    assert_eq!(written.stats.max_timestamp, Timestamp(1_700_000_000_000_011));
    assert!(written.stats.has_partition_level_deletions);
    let table = opened(&disk, &descriptor(1)).unwrap();
    let partitions = all(table.scan());
    assert_eq!(partitions.iter().map(|p| p.unfiltereds.len()).collect::<Vec<_>>(), [14, 0, 0]);
    assert_eq!(partitions[1].deletion, deleted(1_700_000_000_000_000));
    assert!(partitions[2].static_row.is_some() && partitions[1].static_row.is_none());
    // The range is open at the start of the block.
    let search = SearchKey::of(Partitioner::Murmur3, &partitions[0].key);
    let mut reader = RowReader::new();
    for (number, expected) in
        [(2, DeletionTime::LIVE), (3, deleted(1_700_000_000_000_005)), (9, DeletionTime::LIVE)]
    {
        let point =
            reader.row(&table, &search, &ck(&header, number), &table.header().clustering).unwrap().unwrap();
        assert_eq!(point.range_deletion, expected, "{number}");
        assert!(point.row.is_some());
    }
    assert!(
        reader
            .row(&table, &search, &ck(&header, 77), &table.header().clustering)
            .unwrap()
            .unwrap()
            .row
            .is_none()
    );
    // A slice inside the range begins and ends with it.
    let (from, to) = (ck(&header, 4), ck(&header, 5));
    let slice = Slice {
        start: Bound { kind: BoundKind::ExclStart, size: 1, values: &from },
        end: Bound { kind: BoundKind::InclEnd, size: 1, values: &to },
    };
    let stream = table
        .partition(
            &search,
            &Slices::new(&table.header().clustering, [slice]),
            Direction::Reverse,
            StaticRow::Wanted,
            &table.header().clustering,
        )
        .unwrap()
        .unwrap();
    let found = all(stream).remove(0).unfiltereds;
    let kind = |copied: &Copied| match copied {
        Copied::Row { .. } => None,
        Copied::Marker { kind, .. } => Some(*kind),
    };
    let kinds: Vec<_> = found.iter().map(kind).collect();
    assert_eq!(kinds, [Some(BoundKind::InclEnd), None, Some(BoundKind::ExclStart)]);
    // The statistics about slices.
    assert!(table.may_cover(slice, &table.header().clustering));
    let beyond = Slice {
        start: Bound { kind: BoundKind::ExclStart, size: 1, values: &ck(&header, 11) },
        end: Bound::TOP,
    };
    assert!(!table.may_cover(beyond, &table.header().clustering));
}

#[test]
fn rows_of_another_header_are_encoded_again() {
    let (_, disk) = sim();
    let (theirs, ours) = (header(1_600_000_000_000_000), header(1_700_000_000_000_000));
    write_small(&disk, &descriptor(1), &theirs, None).unwrap().unwrap();
    write_small(&disk, &descriptor(2), &ours, None).unwrap().unwrap();
    let source = opened(&disk, &descriptor(1)).unwrap();
    let options = WriterOptions { compression: None, ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(&disk, descriptor(3), ours, options).unwrap();
    writer.write_stream(&mut source.scan()).unwrap();
    writer.finish().unwrap().unwrap();
    let expected = opened(&disk, &descriptor(2)).unwrap();
    let found = opened(&disk, &descriptor(3)).unwrap();
    assert_eq!(data_bytes(&*disk, &descriptor(3)), data_bytes(&*disk, &descriptor(2)));
    assert_eq!(found.stats().min_timestamp, expected.stats().min_timestamp);
}

#[test]
fn nothing_is_left_of_nothing() {
    let (_, disk) = sim();
    let header = header(0);
    let new = |number| {
        SsTableWriter::new(&disk, descriptor(number), Arc::clone(&header), WriterOptions::default()).unwrap()
    };
    let mut writer = new(1);
    writer.start_partition(partition(b"k", DeletionTime::LIVE), None).unwrap();
    let mut empty = RowBuf { clustering: ck(&header, 1), ..RowBuf::default() };
    RowBuilder::default().finish(&header, false, &mut empty);
    writer.append(Unfiltered::Row(empty.as_ref(&header))).unwrap();
    writer.end_partition().unwrap();
    RowBuilder::default().finish(&header, true, &mut empty);
    empty.clustering.clear();
    writer.start_partition(partition(b"l", DeletionTime::LIVE), Some(empty.as_ref(&header))).unwrap();
    writer.end_partition().unwrap();
    assert_eq!(writer.data_position(), 0);
    assert!(writer.finish().unwrap().is_none());
    let mut writer = new(2);
    fill_small(&mut writer, &header).unwrap();
    writer.abort().unwrap();
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), []);
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let (_, disk) = sim();
    let header = header(0);
    let mut number = 0;
    let mut check = |write: &dyn Fn(&mut SsTableWriter) -> Result<(), WriteError>, reason: &str| {
        number += 1;
        let options = WriterOptions::default();
        let mut writer = SsTableWriter::new(&disk, descriptor(number), Arc::clone(&header), options).unwrap();
        let error = write(&mut writer).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        writer.abort().unwrap();
    };
    let whole = |writer: &mut SsTableWriter, key: &[u8]| {
        writer.start_partition(partition(key, deleted(1)), None)?;
        writer.end_partition().map_err(WriteError::from)
    };
    check(&|writer| whole(writer, &[0; 1 << 16]), "65536 bytes");
    check(&|writer| writer.start_partition(partition(b"k", deleted(-1)), None), "negative timestamp -1");
    check(&|writer| whole(writer, b"k").and_then(|()| whole(writer, b"k")), "ascend");
    let bad_row = RowBuf { flags: 0x24, extended: 0, clustering: ck(&header, 1), body: vec![0xff] };
    check(
        &|writer| {
            writer.start_partition(partition(b"key", DeletionTime::LIVE), None)?;
            writer.append(Unfiltered::Row(bad_row.as_ref(&header)))
        },
        "partition 'key' (0x6b6579), row (1): in its body",
    );
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), []);
}

#[test]
fn rows_larger_than_chunks_and_reads() {
    let (_, disk) = sim();
    let header = header(1_700_000_000_000_000);
    let lz4 = CompressionParams { chunk_len: 4096, ..CompressionParams::new(Codec::Lz4) };
    for (number, compression) in [(1, Some(lz4)), (2, None)] {
        let options = WriterOptions { compression, ..WriterOptions::default() };
        let mut writer = SsTableWriter::new(&disk, descriptor(number), Arc::clone(&header), options).unwrap();
        let key = vec![b'k'; 20_000];
        writer.start_partition(partition(&key, DeletionTime::LIVE), None).unwrap();
        let value =
            |number: i32| vec![u8::try_from(number).unwrap(); 300_000 * usize::try_from(number % 3).unwrap()];
        for number in 0..9 {
            writer.append(Unfiltered::Row(row(&header, number, &value(number)).as_ref(&header))).unwrap();
        }
        writer.end_partition().unwrap();
        writer.finish().unwrap().unwrap();
        let table = opened(&disk, &descriptor(number)).unwrap();
        let search = SearchKey::of(Partitioner::Murmur3, &key);
        let expected = all(table.scan());
        let mut reversed = expected.clone();
        reversed[0].unfiltereds.reverse();
        let read = |direction| {
            all(table
                .partition(&search, &Slices::ALL, direction, StaticRow::Wanted, &table.header().clustering)
                .unwrap()
                .unwrap())
        };
        assert!(read(Direction::Forward) == expected && read(Direction::Reverse) == reversed);
        let mut reader = RowReader::new();
        for number in 0..9 {
            let point = reader
                .row(&table, &search, &ck(&header, number), &table.header().clustering)
                .unwrap()
                .unwrap();
            assert_eq!(point.row.unwrap().body.len(), row(&header, number, &value(number)).body.len());
        }
    }
}

#[test]
fn files_are_made_durable_in_order() {
    let (sim, disk) = sim();
    sim.start_trace();
    write_small(&disk, &descriptor(1), &header(0), Some(CompressionParams::default())).unwrap().unwrap();
    let trace = sim.take_trace();
    let short = |line: &String| {
        let (operation, path) = line.split_once(' ').unwrap();
        let name = path.rsplit("da-1-bti-").next().unwrap().split(' ').next().unwrap().to_owned();
        format!("{operation} {name}")
    };
    let syncs: Vec<String> = trace.iter().filter(|line| line.contains("sync")).map(short).collect();
    let mut expected =
        ["Data.db", "CompressionInfo.db", "Digest.crc32", "Rows.db", "Partitions.db", "Filter.db"]
            .into_iter()
            .chain(["Helenus.crc32", "Statistics.db", "TOC.txt"]);
    let (last, files) = syncs.split_last().unwrap();
    assert!(files.iter().all(|sync| expected.next().is_some_and(|name| sync.ends_with(name))), "{syncs:?}");
    assert!(expected.next().is_none() && last.contains(DIR.trim_start_matches('/')), "{syncs:?}");
}

#[test]
fn a_fault_at_any_operation_is_an_error_and_leaves_nothing() {
    let header = header(0);
    for n in 1.. {
        let (sim, disk) = sim();
        sim.fail_once(n);
        let written = write_small(&disk, &descriptor(1), &header, Some(CompressionParams::default()));
        if sim.fault_is_pending() {
            written.unwrap().unwrap();
            println!("{} operations", n - 1);
            assert!(n > 20);
            return;
        }
        if written.is_err() {
            sim.heal();
            let left = disk.list(Path::new(DIR)).unwrap();
            // The file that could not be created did not exist before: the first files are the
            // caller's to remove.
            assert!(left.is_empty() || n <= 4, "{n}: {left:?}");
        }
    }
}
