//! Reading whole tables of Cassandra 5.0 in every way: what one way finds, all others find.

use std::collections::BTreeSet;
use std::sync::Arc;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_rows::{
    Bound, BoundKind, DeletionTime, Direction, Slice, Sliced, Slices, StreamError, Unfiltered,
    UnfilteredStream, Validator,
};
use helenus_sstable::{
    CachedFile, ChunkCache, ChunkReader, ChunkScratch, ChunkVerification, ChunkedFile, Component,
    CompressionInfo, Descriptor, OpenOptions, PageVerification, PartitionBound, RowReader, SearchKey,
    SsTable, SsTableError, StaticRow, Version,
};

use crate::corpus::{root, tables};

/// A row or marker, copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Copied {
    Row { clustering: Vec<u8>, packed: Vec<u8> },
    Marker { kind: BoundKind, size: usize, values: Vec<u8>, close: DeletionTime, open: DeletionTime },
}

/// A partition, copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Partition {
    pub(crate) key: Vec<u8>,
    pub(crate) deletion: DeletionTime,
    pub(crate) static_row: Option<Vec<u8>>,
    pub(crate) unfiltereds: Vec<Copied>,
}

pub(crate) fn open(descriptor: &Descriptor) -> Arc<SsTable> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    SsTable::open(&disk, descriptor, options()).unwrap()
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions::new(Arc::new(ChunkCache::new(64 << 20)), CachedFile(1), PageVerification::Check)
}

/// The uncompressed data of a table.
pub(crate) fn data_bytes(disk: &dyn Disk, descriptor: &Descriptor) -> Vec<u8> {
    let path = descriptor.path(&Component::Data);
    let file = disk.open_read(&path).unwrap();
    let len = file.len().unwrap();
    let chunks = match read_to_vec(disk, &descriptor.path(&Component::CompressionInfo), 1 << 24) {
        Ok(info) => {
            let info = CompressionInfo::decode(&path, &info, descriptor.version).unwrap();
            ChunkedFile::compressed(path, len, info)
        }
        Err(_) => ChunkedFile::plain(path, len, None),
    };
    let reader = ChunkReader::new(Arc::new(chunks.unwrap()), file);
    let (mut scratch, mut bytes) = (ChunkScratch::default(), Vec::new());
    for index in 0..reader.chunks().chunk_count() {
        reader.append(index, ChunkVerification::Check, &mut scratch, &mut bytes).unwrap();
    }
    bytes
}

fn copied(unfiltered: Unfiltered<'_>) -> Copied {
    match unfiltered {
        Unfiltered::Row(row) => {
            let mut packed = Vec::new();
            row.pack(&mut packed);
            Copied::Row { clustering: row.clustering.to_vec(), packed }
        }
        Unfiltered::Marker(marker) => Copied::Marker {
            kind: marker.bound.kind,
            size: marker.bound.size,
            values: marker.bound.values.to_vec(),
            close: marker.close,
            open: marker.open,
        },
    }
}

pub(crate) fn all(stream: impl UnfilteredStream) -> Vec<Partition> {
    try_all(Validator::new(stream)).unwrap()
}

/// Everything, or the error of a table.
pub(crate) fn try_all(mut stream: impl UnfilteredStream) -> Result<Vec<Partition>, SsTableError> {
    let error = |error: StreamError| *error.into_inner().downcast::<SsTableError>().unwrap();
    let mut partitions = Vec::new();
    while stream.next_partition().map_err(error)? {
        let partition = stream.partition();
        let (key, deletion) = (partition.key.to_vec(), partition.deletion);
        let static_row = stream.static_row().map(|row| {
            let mut packed = Vec::new();
            row.pack(&mut packed);
            packed
        });
        let mut unfiltereds = Vec::new();
        while stream.advance().map_err(error)? {
            unfiltereds.push(copied(stream.current().unwrap()));
        }
        partitions.push(Partition { key, deletion, static_row, unfiltereds });
    }
    Ok(partitions)
}

pub(crate) fn one(
    table: &Arc<SsTable>,
    key: &SearchKey,
    slices: &[Slice<'_>],
    direction: Direction,
) -> Partition {
    let slices = Slices::new(&table.header().clustering, slices.iter().copied());
    let read = |static_row| {
        let mut found = all(table
            .partition(key, &slices, direction, static_row, &table.header().clustering)
            .unwrap()
            .unwrap());
        assert_eq!(found.len(), 1);
        found.remove(0)
    };
    let (whole, without_static) = (read(StaticRow::Wanted), read(StaticRow::Unwanted));
    assert_eq!(without_static.deletion, whole.deletion);
    assert_eq!(without_static.unfiltereds, whole.unfiltereds, "{slices:?} {direction:?}");
    whole
}

/// Every table that is not odd on purpose, of all versions.
fn each_table(mut check: impl FnMut(&str, &Arc<SsTable>)) {
    let Some(root) = root() else { return };
    let mut tables = tables(&root, "");
    let is_odd = |path: &str| path.contains("/invalid-") || path.contains("/negative-");
    tables.retain(|found| !is_odd(&found.descriptor.dir.to_string_lossy()));
    let versions: BTreeSet<Version> = tables.iter().map(|found| found.descriptor.version).collect();
    assert!(versions.len() == 10 && tables.len() >= 3 * 81, "{versions:?} {}", tables.len());
    for found in tables {
        check(&found.descriptor.path(&Component::Data).to_string_lossy(), &open(&found.descriptor));
    }
}

#[test]
fn a_scan_decodes_every_byte() {
    let (mut partitions, mut unfiltereds) = (0, 0);
    each_table(|name, table| {
        let mut scan = table.scan();
        let mut count = 0;
        while scan.next_partition().unwrap() {
            count += 1;
            while scan.advance().unwrap() {
                unfiltereds += 1;
                if let Some(Unfiltered::Row(row)) = scan.current() {
                    let mut cells = row.cells().unwrap();
                    while cells.next().unwrap().is_some() {}
                }
            }
        }
        assert_eq!(scan.position(), table.data_len(), "{name}");
        assert_eq!(count, table.key_count(), "{name}");
        partitions += count;
    });
    println!("{partitions} partitions, {unfiltereds} rows and markers");
}

#[test]
fn lookups_find_what_a_scan_finds() {
    let mut reader = RowReader::new();
    each_table(|name, table| {
        let partitions = all(table.scan());
        let mut keys = table.keys();
        let mut search = SearchKey::new(table.partitioner().clone());
        for (index, partition) in partitions.iter().enumerate() {
            assert_eq!(keys.next().unwrap().unwrap().1, &partition.key, "{name}");
            if index % 10 != 0 && partitions.len() > 500 {
                continue;
            }
            search.set(&partition.key);
            assert!(reader.contains(table, &search).unwrap(), "{name}");
            assert_eq!(&one(table, &search, &[Slice::ALL], Direction::Forward), partition, "{name}");
            let mut reversed = partition.clone();
            reversed.unfiltereds.reverse();
            assert_eq!(one(table, &search, &[Slice::ALL], Direction::Reverse), reversed, "{name}");
            let point = reader.partition(table, &search).unwrap().unwrap();
            assert_eq!(point.deletion, partition.deletion);
            assert_eq!(point.static_row.is_some(), partition.static_row.is_some());
            let mut open = DeletionTime::LIVE;
            for unfiltered in &partition.unfiltereds {
                match unfiltered {
                    Copied::Marker { open: after, .. } => open = *after,
                    Copied::Row { clustering, packed } => {
                        let point = reader
                            .row(table, &search, clustering, &table.header().clustering)
                            .unwrap()
                            .unwrap();
                        let mut found = Vec::new();
                        point.row.unwrap().pack(&mut found);
                        assert_eq!(&found, packed, "{name}");
                        assert_eq!(
                            (point.range_deletion, point.partition_deletion),
                            (open, partition.deletion)
                        );
                    }
                }
            }
        }
        assert!(keys.next().unwrap().is_none());
    });
}

#[test]
fn slices_are_those_of_the_whole() {
    each_table(|name, table| {
        let comparator = &table.header().clustering;
        if comparator.is_empty() {
            return;
        }
        for partition in all(table.scan()).iter().step_by(7) {
            let search = SearchKey::of(table.partitioner().clone(), &partition.key);
            let places: Vec<(usize, &[u8])> = partition
                .unfiltereds
                .iter()
                .map(|unfiltered| match unfiltered {
                    Copied::Row { clustering, .. } => (comparator.len(), &**clustering),
                    Copied::Marker { size, values, .. } => (*size, &**values),
                })
                .collect();
            let step = (places.len() / 5).max(1);
            let sides =
                [(BoundKind::InclStart, BoundKind::InclEnd), (BoundKind::ExclStart, BoundKind::ExclEnd)];
            for (i, (from, to)) in places
                .iter()
                .step_by(step)
                .flat_map(|f| places.iter().step_by(step.max(2) - 1).map(move |t| (f, t)))
                .enumerate()
            {
                let (start, end) = sides[i % 2];
                let start = Bound { kind: start, size: from.0, values: from.1 };
                let end = Bound { kind: end, size: to.0, values: to.1 };
                let less =
                    |a: &Bound<'_>, b: &Bound<'_>| comparator.compare(a.position(), b.position()).is_lt();
                if !less(&start, &end) {
                    continue;
                }
                let mut slices = vec![Slice { start, end }];
                // The rest as a second slice, a row or so apart.
                let last = places.last().unwrap();
                let tail = Bound { kind: BoundKind::ExclStart, size: last.0, values: last.1 };
                if less(&end, &tail) && less(&tail, &Bound::TOP) && i % 3 == 0 {
                    slices.push(Slice { start: tail, end: Bound::TOP });
                }
                for direction in [Direction::Forward, Direction::Reverse] {
                    let whole = table
                        .partition(
                            &search,
                            &Slices::ALL,
                            direction,
                            StaticRow::Wanted,
                            &table.header().clustering,
                        )
                        .unwrap()
                        .unwrap();
                    let expected = all(Sliced::new(whole, &slices)).remove(0);
                    let found = one(table, &search, &slices, direction);
                    assert_eq!(found, expected, "{name} {direction:?} {slices:?}");
                }
            }
        }
    });
}

#[test]
fn ranges_of_partitions_and_keys_that_are_not_there() {
    each_table(|name, table| {
        let keys: Vec<Vec<u8>> = all(table.scan()).into_iter().map(|partition| partition.key).collect();
        let scanned = |from, to| -> Vec<Vec<u8>> {
            all(table.scan_range(from, to).unwrap()).into_iter().map(|partition| partition.key).collect()
        };
        assert_eq!(scanned(PartitionBound::Bottom, PartitionBound::Top), keys);
        for i in (0..keys.len()).step_by(keys.len() / 10 + 1) {
            let (key, token) = (&keys[i], table.partitioner().prefix(&keys[i]));
            assert_eq!(
                scanned(PartitionBound::BeforeKey(key), PartitionBound::AfterKey(key)),
                keys[i..=i],
                "{name}"
            );
            assert_eq!(
                scanned(PartitionBound::AfterToken(token), PartitionBound::Top),
                keys[i + 1..],
                "{name}"
            );
            assert_eq!(
                scanned(PartitionBound::Bottom, PartitionBound::BeforeToken(token)),
                keys[..i],
                "{name}"
            );
            assert_eq!(
                table.ceiling(PartitionBound::AfterKey(key)).unwrap().as_ref(),
                keys.get(i + 1),
                "{name}"
            );
            assert_eq!(table.ceiling(PartitionBound::BeforeKey(key)).unwrap().as_ref(), Some(key), "{name}");
            for absent in [[key, &b"\0"[..]].concat(), [b"x", &key[..]].concat()] {
                if keys.contains(&absent) {
                    continue;
                }
                let search = SearchKey::of(table.partitioner().clone(), &absent);
                assert!(!RowReader::new().contains(table, &search).unwrap());
                assert!(
                    table
                        .partition(
                            &search,
                            &Slices::ALL,
                            Direction::Forward,
                            StaticRow::Wanted,
                            &table.header().clustering
                        )
                        .unwrap()
                        .is_none()
                );
            }
        }
    });
}
