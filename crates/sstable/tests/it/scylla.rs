//! What ScyllaDB writes otherwise than Cassandra. The files are ours, with bytes changed to what
//! its files have.

use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, FileWriter, read_to_vec};
use helenus_rows::{
    DeletionTime, Direction, LivenessInfo, RowBuf, RowBuilder, Slices, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{
    Component, Descriptor, DumpOptions, RowReader, SearchKey, SsTableId, SsTableWriter, StaticRow, Version,
    WriterOptions, dump,
};
use helenus_types::{LocalDeletionTime, Timestamp};

use crate::building::{DIR, ck, header, opened, partition, sim, write_small};
use crate::reading::{all, data_bytes};

fn descriptor(version: Version, number: &str) -> Descriptor {
    Descriptor::new(DIR, version, SsTableId::parse(number).unwrap())
}

fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    disk.remove_file(path).unwrap();
    let mut file = FileWriter::new(disk.create_new(path).unwrap());
    file.append(bytes).unwrap();
    file.finish().unwrap();
}

/// Our own checksums of the other files.
fn page_checksums(table: &Descriptor) -> std::path::PathBuf {
    table.path(&Component::from_name("Helenus.crc32"))
}

/// Its CRC.db may end with the checksum of a slice without bytes.
#[test]
fn a_checksum_of_nothing_behind_the_others() {
    let (_, disk) = sim();
    let table = descriptor(Version::ME, "1");
    write_small(&disk, &table, &header(1_700_000_000_000_000), None).unwrap().unwrap();
    let expected = all(opened(&disk, &table).unwrap().scan());
    disk.remove_file(&page_checksums(&table)).unwrap();
    let path = table.path(&Component::Crc);
    let crc = read_to_vec(&*disk, &path, 1 << 20).unwrap();
    replace(&*disk, &path, &[&crc[..], &[0; 4]].concat());
    assert_eq!(all(opened(&disk, &table).unwrap().scan()), expected);
    for more in [&[0, 0, 0, 1][..], &[0; 8]] {
        replace(&*disk, &path, &[&crc[..], more].concat());
        let error = opened(&disk, &table).unwrap_err().to_string();
        assert!(error.contains("slices of 65536 bytes, as CRC.db has"), "{error}");
    }
}

const AT: i64 = 1_700_000_000_000_000;

/// A partition of three rows with a shadowable deletion each, and a marker that is older, as old,
/// and newer.
fn write_shadowable(disk: &Arc<dyn Disk>, table: &Descriptor) {
    let header = header(AT);
    let options = WriterOptions { compression: None, ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(disk, table.clone(), Arc::clone(&header), options).unwrap();
    writer.start_partition(partition(b"k", DeletionTime::LIVE), None).unwrap();
    for number in 0..3 {
        let mut builder = RowBuilder::default();
        let deletion = DeletionTime::new(Timestamp(AT + 1), LocalDeletionTime(1_700_000_000));
        builder.start(LivenessInfo::new(Timestamp(AT + i64::from(number))), deletion, true);
        let mut row = RowBuf { clustering: ck(&header, number), ..RowBuf::default() };
        builder.finish(&header, false, &mut row);
        writer.append(Unfiltered::Row(row.as_ref(&header))).unwrap();
    }
    writer.end_partition().unwrap();
    writer.finish().unwrap().unwrap();
}

/// In tables of its views a row's shadowable deletion stands under a flag of its own, where
/// Cassandra's old views have another.
#[test]
fn shadowable_deletions_are_read_and_written_as_cassandra_has_them() {
    let (_, disk) = sim();
    let table = descriptor(Version::ME, "1");
    write_shadowable(&disk, &table);
    let path = table.path(&Component::Data);
    let mut bytes = read_to_vec(&*disk, &path, 1 << 20).unwrap();
    let mut changed = 0;
    for at in 0..bytes.len() - 1 {
        // A row with a marker, a deletion and the extended flag of a shadowable one.
        if bytes[at..at + 2] == [0x94, 0x02] {
            bytes[at..at + 2].copy_from_slice(&[0x84, 0x80]);
            changed += 1;
        }
    }
    assert_eq!(changed, 3);
    replace(&*disk, &path, &bytes);
    for path in [table.path(&Component::Crc), page_checksums(&table)] {
        disk.remove_file(&path).unwrap();
    }

    let read = opened(&disk, &table).unwrap();
    let deletion = DeletionTime::new(Timestamp(AT + 1), LocalDeletionTime(1_700_000_000));
    let expected = [(0, deletion), (1, deletion), (2, DeletionTime::LIVE)];
    let search = SearchKey::of(read.partitioner().clone(), b"k");
    let mut reader = RowReader::new();
    for (number, deletion) in expected {
        let point = reader
            .row(&read, &search, &ck(read.header(), number), &read.header().clustering)
            .unwrap()
            .unwrap();
        let cells = point.row.unwrap().cells().unwrap();
        assert_eq!((cells.deletion(), cells.is_shadowable()), (deletion, !deletion.is_live()), "{number}");
    }
    for direction in [Direction::Forward, Direction::Reverse] {
        let mut stream = read
            .partition(&search, &Slices::ALL, direction, StaticRow::Wanted, &read.header().clustering)
            .unwrap()
            .unwrap();
        assert!(stream.next_partition().unwrap());
        let mut rows = 0;
        while stream.advance().unwrap() {
            rows += 1;
        }
        assert_eq!(rows, 3);
    }
    let mut out = Vec::new();
    assert!(dump(&read, DumpOptions::default(), &mut out).unwrap().is_empty());
    assert_eq!(String::from_utf8(out).unwrap().matches("marked_deleted").count(), 2);

    // In any version that we write, also the same one with the same bases, it has Cassandra's form.
    for version in Version::WRITABLE {
        let target = descriptor(version, "2");
        let options = WriterOptions { compression: None, ..WriterOptions::default() };
        let mut writer =
            SsTableWriter::new(&disk, target.clone(), Arc::clone(read.header()), options).unwrap();
        writer.write_stream(&mut read.scan()).unwrap();
        writer.finish().unwrap().unwrap();
        let data = data_bytes(&*disk, &target);
        assert!(!data.windows(2).any(|pair| pair == [0x84, 0x80]), "{version}: {data:02x?}");
        let written = all(opened(&disk, &target).unwrap().scan());
        assert_eq!(written[0].unfiltereds.len(), 3);
        // Without the marker that the deletion covers.
        assert_eq!(data.windows(2).filter(|pair| *pair == [0x90, 0x02]).count(), 2, "{version}: {data:02x?}");
    }
}
