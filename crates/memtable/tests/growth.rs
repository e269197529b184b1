//! What a write costs as its partition, its row or its range deletions grow: bytes, not time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use helenus_memtable::{Memtable, SnapshotStream};
use helenus_rows::{
    Bound, BoundKind, Cell, ColumnKind, DeletionTime, Direction, EncodingBase, Header, LivenessInfo, Merge,
    RowBuf, RowBuilder, RowMerger, RowRef, Slices, TableSchema, Unfiltered, UnfilteredStream, UpdateBuilder,
    UpdateRef, Validator, encode_clustering, merge_rows,
};
use helenus_types::{LocalDeletionTime, Partitioner, TableId, Timestamp, Token, Type};
use proptest::prelude::*;
use uuid::Uuid;

const KEY: [u8; 4] = 1i32.to_be_bytes();

fn header() -> Arc<Header> {
    let column = |name: &str, ty, kind| (Arc::from(name), ty, kind);
    let columns = vec![
        column("p", Type::Int, ColumnKind::PartitionKey),
        column("c", Type::Int, ColumnKind::Clustering),
        column("sm", Type::map(Type::Int, Type::Blob), ColumnKind::Static),
        column("m", Type::map(Type::Int, Type::Blob), ColumnKind::Regular),
        column("v", Type::Int, ColumnKind::Regular),
    ];
    let schema = TableSchema::new("ks", "t", TableId(Uuid::nil()), columns).unwrap();
    Arc::new(schema.header(EncodingBase::EPOCH))
}

fn clustering(header: &Header, c: i32) -> Vec<u8> {
    let mut out = Vec::new();
    encode_clustering(header.clustering.types(), &[Some(&c.to_be_bytes())], &mut out);
    out
}

fn deletion(timestamp: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_700_000_000))
}

/// Places of `0..n` that jump about and come once each.
fn jumping(n: i32) -> impl Iterator<Item = i32> {
    (0..n).map(move |i| i32::try_from(i64::from(i) * 611_953 % i64::from(n)).unwrap())
}

fn apply(memtable: &Memtable, update: &mut UpdateBuilder) -> usize {
    let update = UpdateRef::new(update.finish()).unwrap();
    memtable.apply(Partitioner::murmur3_token(&KEY), [update], Timestamp(0)).unwrap()
}

fn write_row(memtable: &Memtable, row: RowRef<'_>) -> usize {
    let mut update = UpdateBuilder::default();
    update.start(&KEY);
    update.row(row);
    apply(memtable, &mut update)
}

fn int_row(header: &Header, c: i32) -> RowBuf {
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    builder.start(LivenessInfo::new(Timestamp(1)), DeletionTime::LIVE, false);
    let value = c.to_be_bytes();
    let column = header.regulars.len() - 2;
    builder.simple(header, &header.regulars, column, &Cell::live(Timestamp(1), &value));
    row.clustering = clustering(header, c);
    builder.finish(header, false, &mut row);
    row
}

fn delete_range(memtable: &Memtable, from: i32, to: i32, timestamp: i64) -> usize {
    let header = memtable.header();
    let (start, end) = (clustering(header, from), clustering(header, to));
    let mut update = UpdateBuilder::default();
    update.start(&KEY);
    let start = Bound { kind: BoundKind::InclStart, size: 1, values: &start };
    let end = Bound { kind: BoundKind::ExclEnd, size: 1, values: &end };
    update.range(start, end, deletion(timestamp));
    apply(memtable, &mut update)
}

/// A change of the map of one row.
#[derive(Clone, Debug)]
enum Change {
    Put { path: i32, len: usize, timestamp: i64 },
    Remove { path: i32, timestamp: i64 },
    Clear { timestamp: i64 },
    Row { value: i32, timestamp: i64 },
    DeleteRow { timestamp: i64 },
}

impl Change {
    fn encode(&self, header: &Header, is_static: bool) -> RowBuf {
        let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
        let columns = header.columns(is_static);
        let map = (0..columns.len()).find(|&at| columns.get(at).unwrap().complex).unwrap();
        let (liveness, deleted) = match *self {
            Self::Row { timestamp, .. } if !is_static => {
                (LivenessInfo::new(Timestamp(timestamp)), DeletionTime::LIVE)
            }
            Self::DeleteRow { timestamp } if !is_static => (LivenessInfo::EMPTY, deletion(timestamp)),
            _ => (LivenessInfo::EMPTY, DeletionTime::LIVE),
        };
        builder.start(liveness, deleted, false);
        match *self {
            Self::Put { path, len, timestamp } => {
                let value = vec![u8::try_from(timestamp).unwrap(); len];
                builder.complex(map, DeletionTime::LIVE);
                let cell = Cell::live(Timestamp(timestamp), &value);
                builder.element(header, &cell.at_path(&path.to_be_bytes()));
            }
            Self::Remove { path, timestamp } => {
                builder.complex(map, DeletionTime::LIVE);
                let cell = Cell::tombstone(Timestamp(timestamp), LocalDeletionTime(1_700_000_000));
                builder.element(header, &cell.at_path(&path.to_be_bytes()));
            }
            Self::Row { value, timestamp } if !is_static => {
                let value = value.to_be_bytes();
                builder.simple(header, columns, 0, &Cell::live(Timestamp(timestamp), &value));
            }
            Self::DeleteRow { .. } if !is_static => {}
            Self::Clear { timestamp } | Self::Row { timestamp, .. } | Self::DeleteRow { timestamp } => {
                builder.complex(map, deletion(timestamp));
            }
        }
        if !is_static {
            row.clustering = clustering(header, 7);
        }
        builder.finish(header, is_static, &mut row);
        row
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let (path, time) = (0..60i32, 0..120i64);
    let lens = prop_oneof![8 => 0..30usize, 3 => 30..300usize, 1 => 300..3_000usize];
    let one = prop_oneof![
        30 => (path.clone(), lens, time.clone()).prop_map(|(path, len, timestamp)| Change::Put { path, len, timestamp }),
        5 => (path, time.clone()).prop_map(|(path, timestamp)| Change::Remove { path, timestamp }),
        1 => (0..40i64).prop_map(|timestamp| Change::Clear { timestamp }),
        3 => (any::<i32>(), time).prop_map(|(value, timestamp)| Change::Row { value, timestamp }),
        1 => (0..40i64).prop_map(|timestamp| Change::DeleteRow { timestamp }),
    ];
    prop::collection::vec(one, 1..300)
}

fn packed(row: RowRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    row.pack(&mut out);
    out
}

/// The rows merged at once.
fn merged<'a>(header: &Header, rows: impl IntoIterator<Item = RowRef<'a>>) -> Vec<u8> {
    let rows: Vec<_> = rows.into_iter().collect();
    let mut out = RowBuf::default();
    assert!(merge_rows(&mut RowMerger::default(), &rows, DeletionTime::LIVE, header, &mut out).unwrap());
    packed(out.as_ref(header))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Large rows are held as several versions; every kind of read sees them merged.
    #[test]
    fn a_row_of_many_changes_reads_as_all_of_them_merged(changes in changes(), cut in any::<prop::sample::Index>()) {
        let header = header();
        let memtable = Arc::new(Memtable::new(header.clone()));
        let token = Partitioner::murmur3_token(&KEY);
        let rows: Vec<_> = changes.iter().map(|change| change.encode(&header, false)).collect();
        let statics: Vec<_> = changes.iter().map(|change| change.encode(&header, true)).collect();
        let cut = cut.index(changes.len());
        let mut early = None;
        for (at, (row, static_row)) in rows.iter().zip(&statics).enumerate() {
            let grown = memtable.allocated_bytes();
            let told = write_row(&memtable, row.as_ref(&header)) + write_row(&memtable, static_row.as_ref(&header));
            prop_assert_eq!(memtable.allocated_bytes() - grown, told);
            if at == cut {
                early = memtable.partition(token, &KEY);
            }
        }
        let late = memtable.partition(token, &KEY).unwrap();
        for (snapshot, count) in [(early.unwrap(), cut + 1), (late, changes.len())] {
            let expected = merged(&header, rows.iter().take(count).map(|row| row.as_ref(&header)));
            let expected_static = merged(&header, statics.iter().take(count).map(|row| row.as_ref(&header)));
            let (versions, _) = snapshot.row(&header, &clustering(&header, 7));
            prop_assert_eq!(&merged(&header, versions), &expected);
            prop_assert_eq!(&merged(&header, snapshot.static_row(&header)), &expected_static);
            for direction in [Direction::Forward, Direction::Reverse] {
                let stream = SnapshotStream::new(header.clone(), snapshot.clone(), &Slices::ALL, direction);
                let mut stream = Validator::new(stream);
                prop_assert!(stream.next_partition().unwrap());
                prop_assert_eq!(&merged(&header, stream.static_row()), &expected_static);
                prop_assert!(stream.advance().unwrap());
                let Some(Unfiltered::Row(row)) = stream.current() else { return Err(TestCaseError::fail("a row")) };
                prop_assert_eq!(&merged(&header, [row]), &expected);
                prop_assert!(!stream.advance().unwrap());
            }
        }
        prop_assert_eq!(memtable.row_count(), 1);
        let mut scan = Merge::new(header.clone(), vec![memtable.scan(Token::MIN..=Token::MAX)], &[]);
        prop_assert!(scan.next_partition().unwrap());
        prop_assert!(scan.advance().unwrap());
    }
}

/// Each write during a read copied the list of all blocks of its partition: 9 µs with few rows, 418
/// µs with 300,000.
#[test]
fn a_write_beside_a_reader_copies_as_much_in_a_large_partition_as_in_a_small_one() {
    let copied = |rows: i32| {
        let memtable = Memtable::new(header());
        for c in jumping(rows) {
            write_row(&memtable, int_row(memtable.header(), c).as_ref(memtable.header()));
        }
        let snapshot = memtable.partition(Partitioner::murmur3_token(&KEY), &KEY);
        let row = int_row(memtable.header(), rows / 2);
        let mut update = UpdateBuilder::default();
        update.start(&KEY);
        update.row(row.as_ref(memtable.header()));
        update.finish();
        let mut grown = 0;
        let counted = allocation_counter::measure(|| grown = apply(&memtable, &mut update));
        drop(snapshot);
        counted.bytes_total - u64::try_from(grown).unwrap()
    };
    let (few, many) = (copied(4_000), copied(64_000));
    assert!(many < few + 512, "a write copies {few} bytes beside 4,000 rows, {many} beside 64,000");
}

/// Each deletion walked over the list of all of them, and copied it during a read: 61,000 a second
/// at first, 800 at 80,000.
#[test]
fn a_range_deletion_beside_a_reader_copies_as_much_with_many_others_as_with_few() {
    let copied = |ranges: i32| {
        let memtable = Memtable::new(header());
        for at in jumping(ranges) {
            delete_range(&memtable, at * 4, at * 4 + 2, i64::from(at));
        }
        let snapshot = memtable.partition(Partitioner::murmur3_token(&KEY), &KEY);
        let mut grown = 0;
        let at = ranges / 2 * 4 + 3;
        let counted =
            allocation_counter::measure(|| grown = delete_range(&memtable, at, at + 1, i64::from(ranges)));
        drop(snapshot);
        counted.bytes_total - u64::try_from(grown).unwrap()
    };
    let (few, many) = (copied(1_000), copied(16_000));
    assert!(many < few + 4_096, "a deletion copies {few} bytes beside 1,000 others, {many} beside 16,000");
}

/// Deletions that are put over others were counted as new memory each time.
#[test]
fn range_deletions_that_replace_others_take_no_more_memory() {
    let memtable = Memtable::new(header());
    let round = |timestamp: i64| {
        let single: usize = (0..50).map(|at| delete_range(&memtable, at * 4, at * 4 + 2, timestamp)).sum();
        single + delete_range(&memtable, 0, 200, timestamp + 1)
    };
    // Under the first wide one the second round has one cut more.
    round(0);
    round(2);
    let grown: usize = (2..50).map(|at| round(at * 2)).sum();
    assert_eq!(grown, 0);
}

/// Each element that was put into a map copied its row: 33,000 a second at first, 3,000 at 2,000
/// elements; and each copy was kept as garbage.
#[test]
fn putting_elements_one_by_one_copies_little_of_a_large_row() {
    let allocated = |elements: i32| {
        let memtable = Memtable::new(header());
        for path in jumping(elements) {
            let put = Change::Put { path, len: 16, timestamp: 1 };
            write_row(&memtable, put.encode(memtable.header(), false).as_ref(memtable.header()));
        }
        memtable.allocated_bytes() / usize::try_from(elements).unwrap()
    };
    let (few, many) = (allocated(500), allocated(4_000));
    assert!(many < 2 * few, "{few} bytes for each of 500 elements, {many} for each of 4,000");
}

/// What the memtable says it has allocated is what it has allocated, but for what an allocator
/// adds.
#[test]
fn bytes_allocated_are_counted() {
    let memtable = Memtable::new(header());
    let counted = allocation_counter::measure(|| {
        for c in jumping(20_000) {
            write_row(&memtable, int_row(memtable.header(), c).as_ref(memtable.header()));
        }
        for at in jumping(5_000) {
            delete_range(&memtable, at * 4, at * 4 + 2, i64::from(at));
        }
    });
    let (held, told) = (usize::try_from(counted.bytes_current).unwrap(), memtable.allocated_bytes());
    assert!(held.abs_diff(told) < held / 100, "{held} bytes are held, {told} are told");
}
