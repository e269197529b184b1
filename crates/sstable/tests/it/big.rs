//! Tables with Index.db and Summary.db: wide partitions in blocks, summaries of every kind, both
//! forms of ids, and damage.

use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, FileWriter, read_to_vec};
use helenus_rows::{
    Bound, BoundKind, DeletionTime, Direction, Header, MarkerRef, Slice, Sliced, Slices, Unfiltered,
};
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, Codec, Component, CompressionParams, Descriptor, OpenOptions, PageChecksums,
    PageVerification, RowReader, SearchKey, SsTable, SsTableId, SsTableWriter, StaticRow, Version,
    WriterOptions,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp};

use crate::building::{DIR, ck, header, opened, partition, row, sim};
use crate::reading::{Copied, Partition, all, try_all};

const VERSIONS: [Version; 3] = [Version::ME, Version::NB, Version::OA];
/// A sequence number, and a UUID as ScyllaDB and Cassandra write them.
const IDS: [&str; 2] = ["7", "3gsm_0lob_1zdg02we44my8dy25w"];
/// Enough for three keys in Summary.db.
const PARTITIONS: usize = 300;
const ROWS: i32 = 1_000;

fn descriptor(version: Version, id: &str) -> Descriptor {
    Descriptor::new(DIR, version, SsTableId::parse(id).unwrap())
}

/// Partitions of a row each, and in their midst one of 1,000 rows in blocks, with range deletions
/// that begin in a block and end in another.
fn write(disk: &Arc<dyn Disk>, table: &Descriptor, compression: Option<CompressionParams>, prefix: &str) {
    let header = header(1_700_000_000_000_000);
    let options = WriterOptions { compression, row_index_granularity: Some(512), ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(disk, table.clone(), Arc::clone(&header), options).unwrap();
    let mut keys: Vec<String> = (0..PARTITIONS).map(|number| format!("{prefix} {number}")).collect();
    keys.sort_by_key(|key| Partitioner::murmur3_token(key.as_bytes()));
    for (at, key) in keys.iter().enumerate() {
        writer.start_partition(partition(key.as_bytes(), DeletionTime::LIVE), None).unwrap();
        if at == PARTITIONS / 2 {
            fill(&mut writer, &header);
        } else {
            writer.append(Unfiltered::Row(row(&header, 1, &[1; 20]).as_ref(&header))).unwrap();
        }
        writer.end_partition().unwrap();
    }
    writer.finish().unwrap().unwrap();
}

fn fill(writer: &mut SsTableWriter, header: &Header) {
    let live = DeletionTime::LIVE;
    for number in 0..ROWS {
        // Older than the rows that it covers.
        let deletion = DeletionTime::new(Timestamp(1_600_000_000_000_000), LocalDeletionTime(1_700_000_000));
        let (kind, close, open) = match number % 100 {
            10 => (BoundKind::InclStart, live, deletion),
            70 => (BoundKind::ExclEnd, deletion, live),
            _ => (BoundKind::InclStart, live, live),
        };
        if close != open {
            let values = ck(header, number);
            let bound = Bound { kind, size: 1, values: &values };
            writer.append(Unfiltered::Marker(MarkerRef { bound, close, open })).unwrap();
        }
        writer.append(Unfiltered::Row(row(header, number, &[7; 40]).as_ref(header))).unwrap();
    }
}

fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    disk.remove_file(path).unwrap();
    let mut file = FileWriter::new(disk.create_new(path).unwrap());
    file.append(bytes).unwrap();
    file.finish().unwrap();
}

/// Every partition by its key, and of the wide one rows, slices and both directions.
fn check(table: &Arc<SsTable>, expected: &[Partition], what: &str) {
    assert_eq!(table.key_count(), PARTITIONS as u64, "{what}");
    let (mut reader, mut search) = (RowReader::new(), SearchKey::new(Partitioner::Murmur3));
    let header = Arc::clone(table.header());
    for partition in expected {
        search.set(&partition.key);
        assert!(reader.contains(table, &search).unwrap(), "{what}");
        let stream = table
            .partition(
                &search,
                &Slices::ALL,
                Direction::Forward,
                StaticRow::Wanted,
                &table.header().clustering,
            )
            .unwrap()
            .unwrap();
        assert!(all(stream) == std::slice::from_ref(partition).to_vec(), "{what}");
        search.set(&[&partition.key[..], b"x"].concat());
        assert!(!reader.contains(table, &search).unwrap(), "{what}");
    }
    let wide = expected.iter().max_by_key(|partition| partition.unfiltereds.len()).unwrap();
    search.set(&wide.key);
    let mut open = DeletionTime::LIVE;
    for (at, unfiltered) in wide.unfiltereds.iter().enumerate() {
        match unfiltered {
            Copied::Marker { open: after, .. } => open = *after,
            Copied::Row { clustering, packed } if at % 7 == 0 => {
                let point =
                    reader.row(table, &search, clustering, &table.header().clustering).unwrap().unwrap();
                let mut found = Vec::new();
                point.row.unwrap().pack(&mut found);
                assert!(found == *packed && point.range_deletion == open, "{what}, row {at}");
            }
            Copied::Row { .. } => {}
        }
    }
    for (from, to) in [(0, 3), (15, 65), (69, 71), (500, 999), (333, 333), (990, 2_000), (2_000, 3_000)] {
        let (from, to) = (ck(&header, from), ck(&header, to));
        let slices = [Slice {
            start: Bound { kind: BoundKind::InclStart, size: 1, values: &from },
            end: Bound { kind: BoundKind::InclEnd, size: 1, values: &to },
        }];
        for direction in [Direction::Forward, Direction::Reverse] {
            let stream = |slices: &Slices| {
                table
                    .partition(&search, slices, direction, StaticRow::Wanted, &table.header().clustering)
                    .unwrap()
                    .unwrap()
            };
            let found = all(stream(&Slices::new(&header.clustering, slices)));
            assert!(found == all(Sliced::new(stream(&Slices::ALL), &slices)), "{what} {direction:?}");
        }
    }
}

/// Every second key of a summary, as Cassandra leaves them when memory is short
/// (`IndexSummaryBuilder.downsample`).
fn downsampled(summary: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_be_bytes(summary[at..at + 4].try_into().unwrap());
    let count = word(4) as usize;
    let size = word(12) as usize;
    let samples = &summary[24..24 + size];
    let offset = |at: usize| match at < count {
        true => u32::from_le_bytes(samples[at * 4..at * 4 + 4].try_into().unwrap()) as usize,
        false => size,
    };
    let entries: Vec<&[u8]> = (0..count).step_by(2).map(|at| &samples[offset(at)..offset(at + 1)]).collect();
    let left = entries.len();
    let mut out = summary[..4].to_vec();
    out.extend_from_slice(&u32::try_from(left).unwrap().to_be_bytes());
    out.extend_from_slice(
        &((left * 4 + entries.iter().map(|e| e.len()).sum::<usize>()) as u64).to_be_bytes(),
    );
    out.extend_from_slice(&64_u32.to_be_bytes());
    out.extend_from_slice(&summary[20..24]);
    let mut at = left * 4;
    for entry in &entries {
        out.extend_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
        at += entry.len();
    }
    out.extend(entries.concat());
    out.extend_from_slice(&summary[24 + size..]);
    out
}

#[test]
fn wide_partitions_and_any_summary() {
    let lz4 = CompressionParams { chunk_len: 4096, ..CompressionParams::new(Codec::Lz4) };
    for version in VERSIONS {
        for (id, compression) in IDS.into_iter().zip([Some(lz4.clone()), None]) {
            let (_, disk) = sim();
            let (table, other) = (descriptor(version, id), descriptor(version, "9"));
            write(&disk, &table, compression, "key");
            write(&disk, &other, None, "other");
            let expected = all(opened(&disk, &table).unwrap().scan());
            assert_eq!(expected.iter().map(|p| p.unfiltereds.len()).max(), Some(1_020));
            check(&opened(&disk, &table).unwrap(), &expected, &format!("{table}"));
            let path = table.path(&Component::Summary);
            let summary = read_to_vec(&*disk, &path, 1 << 20).unwrap();
            let others = read_to_vec(&*disk, &other.path(&Component::Summary), 1 << 20).unwrap();
            disk.remove_file(&table.path(&Component::from_name("Helenus.crc32"))).unwrap();
            let mut damaged = summary.clone();
            damaged[30] ^= 0x40;
            for (what, bytes) in [
                ("downsampled", downsampled(&summary)),
                ("of another table", others),
                ("damaged", damaged),
                ("cut", summary[..summary.len() / 2].to_vec()),
                ("empty", Vec::new()),
            ] {
                replace(&*disk, &path, &bytes);
                check(&opened(&disk, &table).unwrap(), &expected, &format!("{table}, summary {what}"));
            }
            disk.remove_file(&path).unwrap();
            check(&opened(&disk, &table).unwrap(), &expected, &format!("{table}, no summary"));
        }
    }
}

/// Whatever happens to the index files of a table without checksums of ours: an error, or
/// partitions that are not found, or the very rows. A scan does without them.
#[test]
fn a_damaged_index_never_shows_wrong_rows() {
    for version in VERSIONS {
        let sim = SimDisk::new();
        sim.create_dir_all(Path::new(DIR)).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        let table = descriptor(version, "7");
        write(&disk, &table, None, "key");
        disk.remove_file(&table.path(&Component::from_name("Helenus.crc32"))).unwrap();
        let expected = all(opened(&disk, &table).unwrap().scan());
        let (mut cases, mut noticed) = (0, 0);
        for component in [Component::Index, Component::Summary] {
            let path = table.path(&component);
            let bytes = read_to_vec(&*disk, &path, 1 << 20).unwrap();
            let step = bytes.len() / 400 + 1;
            for at in (0..bytes.len()).step_by(step) {
                for mask in [0x01, 0x80] {
                    sim.flip(&path, at as u64, mask).unwrap();
                    cases += 1;
                    noticed += usize::from(look(&disk, &table, &expected, at / step));
                    sim.flip(&path, at as u64, mask).unwrap();
                }
                if at % (16 * step) == 0 {
                    replace(&*disk, &path, &bytes[..at]);
                    cases += 1;
                    noticed += usize::from(look(&disk, &table, &expected, at / step));
                    replace(&*disk, &path, &bytes);
                }
            }
        }
        println!("{version}: {noticed} of {cases} cases noticed");
        assert!(noticed > 0 && noticed < cases);
    }
}

/// Reads in every way; whether damage was noticed.
fn look(disk: &Arc<dyn Disk>, table: &Descriptor, expected: &[Partition], turn: usize) -> bool {
    let Ok(table) = opened(disk, table) else { return true };
    if turn.is_multiple_of(64) {
        assert!(all(table.scan()) == expected, "a scan needs no index");
    }
    let (mut noticed, mut reader) = (false, RowReader::new());
    let mut search = SearchKey::new(Partitioner::Murmur3);
    let wide = expected.iter().max_by_key(|partition| partition.unfiltereds.len()).unwrap();
    for partition in expected.iter().skip(turn % 41).step_by(41).chain([wide]) {
        search.set(&partition.key);
        for direction in [Direction::Forward, Direction::Reverse] {
            match table.partition(
                &search,
                &Slices::ALL,
                direction,
                StaticRow::Wanted,
                &table.header().clustering,
            ) {
                Ok(None) | Err(_) => noticed = true,
                Ok(Some(stream)) => match try_all(stream) {
                    Err(_) => noticed = true,
                    // Blocks that are out of place may lose rows; they never make some up.
                    Ok(found) => {
                        let of = |unfiltered: &Copied| partition.unfiltereds.contains(unfiltered);
                        let rows = |p: &Partition| {
                            p.unfiltereds.iter().filter(|u| matches!(u, Copied::Row { .. })).all(of)
                        };
                        assert!(found.iter().all(|found| found.key == partition.key && rows(found)));
                        noticed |= found[0].unfiltereds.len() != partition.unfiltereds.len();
                    }
                },
            }
        }
        if let Some(Copied::Row { clustering, packed }) = partition.unfiltereds.get(turn % 500) {
            match reader.row(&table, &search, clustering, &table.header().clustering) {
                Ok(Some(point)) => {
                    if let Some(row) = point.row {
                        let mut found = Vec::new();
                        row.pack(&mut found);
                        assert!(found == *packed);
                    } else {
                        noticed = true;
                    }
                }
                Ok(None) | Err(_) => noticed = true,
            }
        }
    }
    noticed
}

/// Index.db and chunk offsets were held in memory whole: 10 TB of such tables would have needed 100
/// GB.
#[test]
fn what_a_table_holds_in_memory_is_bounded() {
    const KEYS: usize = 12_000;
    const CACHE: usize = 128 << 10;
    let (_, disk) = sim();
    let table = descriptor(Version::NB, IDS[0]);
    let header = header(1_700_000_000_000_000);
    let compression = CompressionParams { chunk_len: 1 << 10, ..CompressionParams::default() };
    // A sample of each key: more than is held of a summary.
    let options =
        WriterOptions { compression: Some(compression), min_index_interval: 1, ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(&disk, table.clone(), Arc::clone(&header), options).unwrap();
    let mut keys: Vec<String> = (0..KEYS).map(|number| format!("{number:0>100}")).collect();
    keys.sort_by_key(|key| Partitioner::murmur3_token(key.as_bytes()));
    for key in &keys {
        writer.start_partition(partition(key.as_bytes(), DeletionTime::LIVE), None).unwrap();
        writer.append(Unfiltered::Row(row(&header, 1, &[1; 80]).as_ref(&header))).unwrap();
        writer.end_partition().unwrap();
    }
    writer.finish().unwrap().unwrap();
    let len =
        |component: &Component| usize::try_from(disk.metadata(&table.path(component)).unwrap().len).unwrap();
    for paged in [Component::Index, Component::Summary, Component::CompressionInfo] {
        assert!(len(&paged) > 16 << 10, "{} is so short that it is held", paged.name());
    }
    assert!(len(&Component::Index) > 4 * CACHE && len(&Component::Summary) > 1 << 20);
    let look = |what: &str| {
        let cache = Arc::new(ChunkCache::new(CACHE));
        let mut options = OpenOptions::new(Arc::clone(&cache), CachedFile(1), PageVerification::Require);
        options.filter_may_be_left_out = true;
        let table = SsTable::open(&disk, &table, options).unwrap();
        let (mut reader, mut search) = (RowReader::new(), SearchKey::new(Partitioner::Murmur3));
        for key in keys.iter().step_by(211) {
            search.set(key.as_bytes());
            assert!(reader.contains(&table, &search).unwrap(), "{what}");
            search.set(&[key.as_bytes(), b"x"].concat());
            assert!(!reader.contains(&table, &search).unwrap(), "{what}");
        }
        assert_eq!(table.key_count(), KEYS as u64, "{what}");
        let mut scan = table.keys();
        let mut count = 0;
        while scan.next().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, KEYS, "{what}");
        table.verify_index_pages().unwrap();
        // What is kept of index files is a part of the cache's budget; samples are 16 bytes for 128
        // keys.
        let held = table.memory_len();
        assert!(held <= CACHE / 2 + KEYS / 128 * 16 + 4096, "{what}: {held} bytes");
        assert!(cache.stats().len_bytes <= CACHE as u64, "{what}");
    };
    look("with its summary");
    disk.remove_file(&table.path(&Component::Summary)).unwrap();
    let checksums = table.path(&Component::from_name(helenus_sstable::PAGE_CHECKSUMS_COMPONENT));
    let listed = read_to_vec(&*disk, &checksums, usize::MAX).unwrap();
    let decoded = PageChecksums::decode(&listed).unwrap();
    let mut others = PageChecksums::default();
    decoded.files().filter(|file| file.name() != "Summary.db").for_each(|file| others.add(file.clone()));
    let mut bytes = Vec::new();
    others.encode(&mut bytes);
    replace(&*disk, &checksums, &bytes);
    look("without it");
    // A page that rotted is noticed when it is read.
    let index = table.path(&Component::Index);
    let mut rotten = read_to_vec(&*disk, &index, usize::MAX).unwrap();
    let middle = rotten.len() / 2;
    rotten[middle] ^= 1;
    replace(&*disk, &index, &rotten);
    let cache = Arc::new(ChunkCache::new(CACHE));
    let options = OpenOptions::new(cache, CachedFile(1), PageVerification::Require);
    let error = SsTable::open(&disk, &table, options).unwrap_err();
    assert!(error.is_corruption() && error.file() == index, "{error}");
}
