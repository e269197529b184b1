//! SSTables: each component alone, and whole tables whose data is mutated.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus_bloom::{BitOrder, Filter};
use helenus_io::Disk;
use helenus_rows::{Direction, Slices, Unfiltered, UnfilteredStream, Validator};
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, Component, CompressionInfo, Descriptor, HeldPage, OpenOptions, PageChecksums,
    PageVerification, PartitionBound, PartitionIndex, RowIndex, RowReader, SearchKey, SsTable, SsTableId,
    StaticRow, Statistics, Version,
};
use helenus_types::Generation;

use crate::rows::{check_header, walk};
use crate::{reseal_statistics, split};

/// The components of which an input of [`data_db`] consists, in order.
pub const TABLE_PARTS: [Component; 6] = [
    Component::Statistics,
    Component::Partitions,
    Component::Rows,
    Component::Filter,
    Component::CompressionInfo,
    Component::Data,
];

/// More visits than any small file can account for are a cycle.
const MAX_VISITS: usize = 1 << 16;

/// A whole table: scanned, sliced in both directions, looked up. Empty parts are files that are not
/// there.
pub fn data_db(data: &[u8]) {
    let parts: [&[u8]; TABLE_PARTS.len()] = split(data);
    let disk = SimDisk::new();
    let id = SsTableId::from_generation(Generation(1)).expect("a small generation");
    let descriptor = Descriptor::new("t", Version::DA, id);
    disk.create_dir_all(Path::new("t")).expect("a good disk");
    for (component, bytes) in TABLE_PARTS.iter().zip(parts) {
        let mut bytes = bytes.to_vec();
        match component {
            Component::Statistics => reseal_statistics(&mut bytes),
            Component::Rows | Component::Data => {}
            _ if bytes.is_empty() => continue,
            _ => {}
        }
        let file = disk.create_new(&descriptor.path(component)).expect("a good disk");
        file.write_at(0, &bytes).expect("a good disk");
    }
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let options =
        OpenOptions::new(Arc::new(ChunkCache::new(1 << 20)), CachedFile(1), PageVerification::Check);
    let Ok(table) = SsTable::open(&disk, &descriptor, options) else { return };
    check_header(table.header());
    let keys = scan(&table);
    let mut reader = RowReader::new();
    let mut search = SearchKey::new(table.partitioner().clone());
    let clustering = &table.header().clustering;
    for key in keys.iter().take(8) {
        search.set(key);
        let _ = reader.contains(&table, &search);
        let _ = reader.partition(&table, &search);
        let _ = reader.row(&table, &search, &[], clustering);
        for direction in [Direction::Forward, Direction::Reverse] {
            let found = table.partition(&search, &Slices::ALL, direction, StaticRow::Wanted, clustering);
            if let Ok(Some(stream)) = found {
                drain(Validator::new(stream));
            }
        }
        let _ = table.ceiling(PartitionBound::AfterKey(key));
    }
    let mut listed = table.keys();
    for _ in 0..MAX_VISITS {
        match listed.next() {
            Ok(Some(_)) => {}
            _ => break,
        }
    }
}

fn scan(table: &Arc<SsTable>) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut stream = Validator::new(table.scan());
    while let Ok(true) = stream.next_partition() {
        keys.push(stream.partition().key.to_vec());
        if let Some(row) = stream.static_row() {
            let _ = walk(row);
        }
        while let Ok(true) = stream.advance() {
            if let Some(Unfiltered::Row(row)) = stream.current() {
                let _ = walk(row);
            }
        }
    }
    keys
}

fn drain(mut stream: impl UnfilteredStream) {
    while let Ok(true) = stream.next_partition() {
        while let Ok(true) = stream.advance() {}
    }
}

/// Partitions.db: a key to look for, then the file.
pub fn partitions_db(data: &[u8]) {
    let [comparable, file] = split(data);
    let Ok(index) = PartitionIndex::open(Bytes::copy_from_slice(file)) else { return };
    let _ = index.exact_candidate(comparable, [0; 2]);
    let _ = index.around(comparable);
    let mut cursor = index.cursor();
    let mut visits = 0;
    while let Ok(Some(_)) = cursor.next() {
        visits += 1;
        assert!(visits < MAX_VISITS, "a walk without end");
    }
    let mut cursor = index.cursor_at_end();
    while let Ok(Some(_)) = cursor.previous() {
        visits += 1;
        assert!(visits < 2 * MAX_VISITS, "a walk without end");
    }
    let mut cursor = index.cursor();
    if cursor.seek(comparable).is_ok() {
        let _ = cursor.next();
        let _ = cursor.previous();
    }
}

/// Rows.db: a bound to look for, then the file, whose entry is looked for at each place near its
/// end.
pub fn rows_db(data: &[u8]) {
    let [bound, file] = split(data);
    let index = RowIndex::new(Bytes::copy_from_slice(file));
    for position in file.len().saturating_sub(64)..file.len() {
        let held = &mut HeldPage::default();
        let Ok(root) = index.entry(held, position as u64).map(|entry| entry.root) else { continue };
        let _ = index.floor(held, root, bound);
        let mut cursor = index.cursor(root);
        let mut visits = 0;
        while let Ok(Some(_)) = cursor.next() {
            visits += 1;
            assert!(visits < MAX_VISITS, "a walk without end");
        }
        let mut cursor = index.cursor_at_end(root);
        while let Ok(Some(_)) = cursor.previous() {
            visits += 1;
            assert!(visits < 2 * MAX_VISITS, "a walk without end");
        }
        let mut cursor = index.cursor(root);
        if cursor.seek(bound).is_ok() {
            let _ = cursor.previous();
            let _ = cursor.next();
        }
    }
}

/// Statistics.db: a byte that chooses the version, then the file, whose checksums are made right.
/// What is read is written as a file that is read as the same.
pub fn statistics_db(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let versions = [Version::DA, Version::OA, Version::NB, Version::ME];
    let version = versions[usize::from(choice) % versions.len()];
    let mut bytes = bytes.to_vec();
    if version.has_metadata_checksum() {
        reseal_statistics(&mut bytes);
    }
    let path = Path::new("Statistics.db");
    let Ok(statistics) = Statistics::decode(path, &bytes, version) else { return };
    // Values beyond the version's range are brought into it at the first write, and not again.
    let encoded = statistics.encode(version);
    let again = Statistics::decode(path, &encoded, version);
    let again = again.unwrap_or_else(|error| panic!("what was encoded: {error}"));
    assert!(again.encode(version) == encoded, "{again:?}");
}

/// CompressionInfo.db: a byte that chooses the version, then the file.
pub fn compression_info(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let version = if choice % 2 == 0 { Version::DA } else { Version::ME };
    let path = Path::new("CompressionInfo.db");
    let Ok(info) = CompressionInfo::decode(path, bytes, version) else { return };
    let again = CompressionInfo::decode(path, &info.encode(version), version);
    let again = again.unwrap_or_else(|error| panic!("what was encoded: {error}"));
    assert_eq!(format!("{again:?}"), format!("{info:?}"));
}

/// Filter.db: a byte that chooses the order of the bits, then the file.
pub fn filter_db(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let order = || if choice % 2 == 0 { BitOrder::Current } else { BitOrder::Old };
    let Ok(Some(mut filter)) = Filter::decode(bytes, order()) else { return };
    let _ = filter.may_contain(b"a key");
    filter.add(b"a key");
    assert!(filter.may_contain(b"a key"));
    let mut encoded = Vec::new();
    filter.encode(order(), &mut encoded);
    let again = Filter::decode(&encoded, order());
    assert!(matches!(again, Ok(Some(again)) if again.may_contain(b"a key")));
}

/// The component of page checksums.
pub fn page_checksums(data: &[u8]) {
    let [file, bytes] = split(data);
    let Ok(checksums) = PageChecksums::decode(bytes) else { return };
    let mut encoded = Vec::new();
    checksums.encode(&mut encoded);
    assert_eq!(encoded, bytes);
    for component in [Component::Partitions, Component::Rows, Component::Filter] {
        if let Some(checksums) = checksums.file(component.name()) {
            let _ = checksums.verify_all(file);
        }
    }
}
