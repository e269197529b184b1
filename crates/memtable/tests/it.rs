//! The memtable against a sorted map: what is applied is there, in order, in both directions, and a
//! reader's state stays as it was.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_memtable::{Memtable, MemtableObserver, ObservedPartition, SnapshotStream};
use helenus_rows::{
    Bound, BoundKind, Cell, CellEvent, ColumnKind, DeletionTime, Direction, EncodingBase, Header,
    LivenessInfo, Merge, RowBuf, RowBuilder, RowRef, Slice, Sliced, Slices, TableSchema, Unfiltered,
    UnfilteredStream, UpdateBuilder, UpdateRef, Validator, encode_clustering,
};
use helenus_types::{LocalDeletionTime, Partitioner, TableId, Timestamp, Token, Type};
use proptest::prelude::*;
use uuid::Uuid;

fn header(clustering: Type) -> Arc<Header> {
    let column = |name: &str, ty, kind| (Arc::from(name), ty, kind);
    let columns = vec![
        column("p", Type::Int, ColumnKind::PartitionKey),
        column("c", clustering, ColumnKind::Clustering),
        column("s", Type::Int, ColumnKind::Static),
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

fn row(header: &Header, c: Option<i32>, timestamp: i64, value: i32) -> RowBuf {
    let mut builder = RowBuilder::default();
    let mut row = RowBuf::default();
    let is_static = c.is_none();
    let liveness = if is_static { LivenessInfo::EMPTY } else { LivenessInfo::new(Timestamp(timestamp)) };
    builder.start(liveness, DeletionTime::LIVE, false);
    let value = value.to_be_bytes();
    builder.simple(header, header.columns(is_static), 0, &Cell::live(Timestamp(timestamp), &value));
    row.clustering = c.map(|c| clustering(header, c)).unwrap_or_default();
    builder.finish(header, is_static, &mut row);
    row
}

fn deletion(timestamp: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_700_000_000))
}

#[derive(Clone, Debug)]
enum Write {
    Row { p: i32, c: i32, timestamp: i64, value: i32 },
    Static { p: i32, timestamp: i64, value: i32 },
    Range { p: i32, from: i32, to: i32, timestamp: i64 },
    Partition { p: i32, timestamp: i64 },
}

impl Write {
    fn apply(&self, memtable: &Memtable) -> usize {
        let header = memtable.header();
        let mut update = UpdateBuilder::default();
        let (p, timestamp) = match *self {
            Self::Row { p, timestamp, .. }
            | Self::Static { p, timestamp, .. }
            | Self::Range { p, timestamp, .. }
            | Self::Partition { p, timestamp } => (p, timestamp),
        };
        let key = p.to_be_bytes();
        update.start(&key);
        match *self {
            Self::Row { c, timestamp, value, .. } => {
                update.row(row(header, Some(c), timestamp, value).as_ref(header));
            }
            Self::Static { timestamp, value, .. } => {
                update.row(row(header, None, timestamp, value).as_ref(header))
            }
            Self::Range { from, to, timestamp, .. } => {
                // In a descending table the larger value stands first.
                let descending = header.clustering.types().iter().any(Type::is_reversed);
                let (first, last) = if descending { (to - 1, from) } else { (from, to - 1) };
                let (start, end) = (clustering(header, first), clustering(header, last));
                let start = Bound { kind: BoundKind::InclStart, size: 1, values: &start };
                let end = Bound { kind: BoundKind::InclEnd, size: 1, values: &end };
                update.range(start, end, deletion(timestamp));
            }
            Self::Partition { timestamp, .. } => update.partition(deletion(timestamp)),
        }
        let token = Partitioner::murmur3_token(&key);
        memtable.apply(token, [UpdateRef::new(update.finish()).unwrap()], Timestamp(timestamp)).unwrap()
    }
}

fn apply_all(memtable: &Memtable, writes: &[Write]) {
    for write in writes {
        write.apply(memtable);
    }
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let (p, c, t) = (0..4i32, -40..40i32, 0..20i64);
    let one = prop_oneof![
        12 => (p.clone(), c.clone(), t.clone(), any::<i32>())
            .prop_map(|(p, c, timestamp, value)| Write::Row { p, c, timestamp, value }),
        2 => (p.clone(), t.clone(), any::<i32>()).prop_map(|(p, timestamp, value)| Write::Static { p, timestamp, value }),
        2 => (p.clone(), c.clone(), 1..30i32, t.clone())
            .prop_map(|(p, from, len, timestamp)| Write::Range { p, from, to: from + len, timestamp }),
        1 => (p, t).prop_map(|(p, timestamp)| Write::Partition { p, timestamp }),
    ];
    prop::collection::vec(one, 0..400)
}

fn value_of(row: RowRef<'_>) -> (i64, i32) {
    let mut cells = row.cells().unwrap();
    let Some(CellEvent::Simple { cell, .. }) = cells.next().unwrap() else { panic!("a cell") };
    (cell.timestamp.0, i32::from_be_bytes(cell.value.try_into().unwrap()))
}

fn clustering_of(row: &RowRef<'_>) -> i32 {
    i32::from_be_bytes(row.clustering[1..].try_into().unwrap())
}

/// Live rows and static values of a stream: what a merge leaves, as (key, clustering) to
/// (timestamp, value).
type Content = BTreeMap<(i32, Option<i32>), (i64, i32)>;

fn content(stream: impl UnfilteredStream) -> Content {
    let header = stream.header().clone();
    let mut merged = Validator::new(Merge::new(header, vec![stream], &[]));
    let mut found = Content::new();
    while merged.next_partition().unwrap() {
        let p = i32::from_be_bytes(merged.partition().key.try_into().unwrap());
        if let Some(row) = merged.static_row() {
            found.insert((p, None), value_of(row));
        }
        while merged.advance().unwrap() {
            if let Some(Unfiltered::Row(row)) = merged.current() {
                found.insert((p, Some(clustering_of(&row))), value_of(row));
            }
        }
    }
    found
}

/// The same from the writes alone: the newest value of each place, unless a deletion is as new.
fn expected(writes: &[Write]) -> Content {
    let mut values = Content::new();
    for write in writes {
        let (place, candidate) = match *write {
            Write::Row { p, c, timestamp, value } => ((p, Some(c)), (timestamp, value)),
            Write::Static { p, timestamp, value } => ((p, None), (timestamp, value)),
            _ => continue,
        };
        let newest = values.entry(place).or_insert(candidate);
        // Of two values with one timestamp the one with the larger bytes wins.
        let rank = |(timestamp, value): (i64, i32)| (timestamp, value.to_be_bytes());
        if rank(candidate) > rank(*newest) {
            *newest = candidate;
        }
    }
    values.retain(|(p, c), (written, _)| {
        !writes.iter().any(|write| match *write {
            Write::Partition { p: of, timestamp } => of == *p && timestamp >= *written,
            Write::Range { p: of, from, to, timestamp } => {
                of == *p && timestamp >= *written && c.is_some_and(|c| (from..to).contains(&c))
            }
            _ => false,
        })
    });
    values
}

/// Unfiltereds of a stream in its order, as text.
fn listed(mut stream: impl UnfilteredStream) -> Vec<String> {
    let mut all = Vec::new();
    while stream.next_partition().unwrap() {
        while stream.advance().unwrap() {
            all.push(match stream.current() {
                Some(Unfiltered::Row(row)) => format!("{} {:?}", clustering_of(&row), value_of(row)),
                Some(Unfiltered::Marker(marker)) => {
                    format!(
                        "{:?} {:?} {:?} {:?}",
                        marker.bound.kind, marker.bound.values, marker.close, marker.open
                    )
                }
                None => panic!("nothing after an advance"),
            });
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_shows_what_was_applied(writes in writes(), descending in any::<bool>()) {
        let ty = if descending { Type::Int.reversed() } else { Type::Int };
        let memtable = Arc::new(Memtable::new(header(ty)));
        let grown: usize = writes.iter().map(|write| write.apply(&memtable)).sum();
        prop_assert_eq!(memtable.allocated_bytes(), grown);
        prop_assert_eq!(content(memtable.scan(Token::MIN..=Token::MAX)), expected(&writes));
    }

    #[test]
    fn slices_and_reverse_agree_with_the_whole(
        writes in writes(),
        ranges in prop::collection::vec((-45..45i32, 1..40i32), 1..4),
        descending in any::<bool>(),
    ) {
        let ty = if descending { Type::Int.reversed() } else { Type::Int };
        let memtable = Arc::new(Memtable::new(header(ty)));
        apply_all(&memtable, &writes);
        let header = memtable.header();
        let ends: Vec<_> = ranges
            .iter()
            .map(|(from, len)| if descending { (from + len, *from) } else { (*from, from + len) })
            .map(|(start, end)| (clustering(header, start), clustering(header, end)))
            .collect();
        // They may overlap and come in any order.
        let slices = Slices::new(&header.clustering, ends.iter().map(|(start, end)| Slice {
            start: Bound { kind: BoundKind::InclStart, size: 1, values: start },
            end: Bound { kind: BoundKind::InclEnd, size: 1, values: end },
        }));
        let apart: Vec<Slice<'_>> = slices.iter().collect();
        for p in 0..4i32 {
            let key = p.to_be_bytes();
            let Some(snapshot) = memtable.partition(Partitioner::murmur3_token(&key), &key) else { continue };
            let stream = |slices: &Slices, direction| {
                SnapshotStream::new(header.clone(), snapshot.clone(), slices, direction)
            };
            let sliced = listed(Validator::new(stream(&slices, Direction::Forward)));
            let whole = stream(&Slices::ALL, Direction::Forward);
            prop_assert_eq!(&sliced, &listed(Sliced::new(whole, &apart)));
            let mut reversed = listed(Validator::new(stream(&slices, Direction::Reverse)));
            reversed.reverse();
            prop_assert_eq!(&sliced, &reversed);
        }
    }

    #[test]
    fn a_scan_goes_on_after_any_partition(writes in writes()) {
        let memtable = Arc::new(Memtable::new(header(Type::Int)));
        apply_all(&memtable, &writes);
        let keys = |mut scan: helenus_memtable::MemtableScan| {
            let mut keys = Vec::new();
            while scan.next_partition().unwrap() {
                keys.push((scan.partition().token, scan.partition().key.to_vec()));
            }
            keys
        };
        let whole = keys(memtable.scan(Token::MIN..=Token::MAX));
        for (at, (token, key)) in whole.iter().enumerate() {
            prop_assert_eq!(&keys(memtable.scan(Token::MIN..=Token::MAX).after(*token, key)), &whole[at + 1..]);
            // A key that is not there, beside one that is.
            let absent = [&**key, &[0]].concat();
            prop_assert_eq!(&keys(memtable.scan(Token::MIN..=Token::MAX).after(*token, &absent)), &whole[at + 1..]);
        }
    }

    #[test]
    fn a_snapshot_stays_as_it_was(before in writes(), after in writes()) {
        let memtable = Arc::new(Memtable::new(header(Type::Int)));
        apply_all(&memtable, &before);
        let snapshots: Vec<_> = (0..4i32)
            .filter_map(|p| memtable.partition(Partitioner::murmur3_token(&p.to_be_bytes()), &p.to_be_bytes()))
            .collect();
        let listing = |s: &helenus_memtable::PartitionSnapshot| {
            listed(SnapshotStream::new(memtable.header().clone(), s.clone(), &Slices::ALL, Direction::Forward))
        };
        let shown: Vec<_> = snapshots.iter().map(listing).collect();
        apply_all(&memtable, &after);
        prop_assert_eq!(shown, snapshots.iter().map(listing).collect::<Vec<_>>());
        let all: Vec<_> = before.into_iter().chain(after).collect();
        prop_assert_eq!(content(memtable.scan(Token::MIN..=Token::MAX)), expected(&all));
    }

    #[test]
    fn a_point_read_finds_what_the_scan_shows(writes in writes(), p in 0..4i32, c in -40..40i32) {
        let memtable = Arc::new(Memtable::new(header(Type::Int)));
        apply_all(&memtable, &writes);
        let key = p.to_be_bytes();
        let found = memtable.partition(Partitioner::murmur3_token(&key), &key).and_then(|snapshot| {
            let (mut rows, range) = snapshot.row(memtable.header(), &clustering(memtable.header(), c));
            let (timestamp, value) = value_of(rows.next()?);
            let deleted = range.merge(snapshot.deletion()).deletes(Timestamp(timestamp));
            (!deleted).then_some((timestamp, value))
        });
        prop_assert_eq!(found, expected(&writes).get(&(p, Some(c))).copied());
    }
}

#[test]
fn rows_in_order_leave_full_blocks_behind() {
    for step in [1, -1] {
        let memtable = Arc::new(Memtable::new(header(Type::Int)));
        let grown: usize = (0..6400)
            .map(|i| Write::Row { p: 1, c: i * step, timestamp: 1, value: i }.apply(&memtable))
            .sum();
        // Row bytes of 20 or so and an entry of 48: blocks that split in half would take a third
        // more.
        assert!(grown < 6400 * 90, "{grown} bytes for 6400 rows");
        assert_eq!(memtable.row_count(), 6400);
    }
}

#[test]
fn partitions_are_counted_and_found() {
    let memtable = Memtable::new(header(Type::Int));
    let key = |p: i32| p.to_be_bytes();
    let has = |p: i32| {
        let (token, key) = (Partitioner::murmur3_token(&key(p)), key(p));
        let found = memtable.partition(token, &key).map(|snapshot| snapshot.key().to_vec());
        assert!(found.is_none() || found.as_deref() == Some(&key[..]), "{p}: {found:?}");
        assert_eq!(memtable.contains(token, &key), found.is_some(), "{p}");
        found.is_some()
    };
    assert!(memtable.is_empty() && memtable.partition_count() == 0 && !has(1));
    for p in [1, 2, 1, 3] {
        Write::Row { p, c: 1, timestamp: 1, value: 1 }.apply(&memtable);
    }
    assert!(!memtable.is_empty());
    assert_eq!((memtable.partition_count(), memtable.row_count()), (3, 3));
    assert_eq!([0, 1, 2, 3, 4].map(has), [false, true, true, true, false]);
    // The right key under another token is another partition.
    assert!(!memtable.contains(Token(1), &key(1)));
}

/// Rows differ, as a rule, in eight bytes that are compared first; here they never do.
#[test]
fn clusterings_that_begin_alike_are_in_order() {
    for ty in [Type::Text, Type::Text.reversed()] {
        let memtable = Memtable::new(header(ty.clone()));
        let header = memtable.header().clone();
        let text = |c: i32| format!("all begin alike {c:03}");
        // Each twice.
        for (at, timestamp) in (0..600).zip(1..) {
            let c = at * 7 % 300;
            let mut row = row(&header, Some(0), timestamp, c);
            row.clustering.clear();
            encode_clustering(header.clustering.types(), &[Some(text(c).as_bytes())], &mut row.clustering);
            let mut update = UpdateBuilder::default();
            update.start(b"key");
            update.row(row.as_ref(&header));
            let update = UpdateRef::new(update.finish()).unwrap();
            memtable.apply(Partitioner::murmur3_token(b"key"), [update], Timestamp(timestamp)).unwrap();
        }
        assert_eq!(memtable.row_count(), 300);
        let memtable = Arc::new(memtable);
        let mut scan = Validator::new(memtable.scan(Token::MIN..=Token::MAX));
        let mut found = Vec::new();
        assert!(scan.next_partition().unwrap());
        while scan.advance().unwrap() {
            let Some(Unfiltered::Row(row)) = scan.current() else { panic!("a row") };
            let value = header.clustering.components(row.clustering, 1).next();
            found.push((String::from_utf8(value.unwrap().unwrap().to_vec()).unwrap(), value_of(row)));
        }
        // The second time that each was written, in order.
        let mut expected: Vec<_> =
            (0..300).map(|at| (text(at * 7 % 300), (301 + i64::from(at), at * 7 % 300))).collect();
        expected.sort();
        if ty.is_reversed() {
            expected.reverse();
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn readers_see_whole_updates_while_writers_write() {
    let memtable = Arc::new(Memtable::new(header(Type::Int)));
    let key = 1i32.to_be_bytes();
    let token = Partitioner::murmur3_token(&key);
    std::thread::scope(|scope| {
        let writer = memtable.clone();
        scope.spawn(move || {
            for round in 0..2_000i32 {
                let mut update = UpdateBuilder::default();
                update.start(&key);
                let header = writer.header();
                for c in 0..20 {
                    update.row(row(header, Some(c), i64::from(round), round).as_ref(header));
                }
                writer.apply(token, [UpdateRef::new(update.finish()).unwrap()], Timestamp(0)).unwrap();
            }
        });
        for _ in 0..2_000 {
            let Some(snapshot) = memtable.partition(token, &key) else { continue };
            let header = memtable.header().clone();
            let found = content(SnapshotStream::new(header, snapshot, &Slices::ALL, Direction::Forward));
            let values: Vec<_> = found.values().collect();
            assert_eq!(values.len(), 20);
            assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{values:?}");
        }
    });
}

#[derive(Debug, Default)]
struct Seen(parking_lot::Mutex<Vec<String>>);

/// The value of the only column.
fn value_in(row: RowRef<'_>) -> i32 {
    let mut cells = row.cells().unwrap();
    while let Some(event) = cells.next().unwrap() {
        if let CellEvent::Simple { cell, .. } = event {
            return i32::from_be_bytes(cell.value.try_into().unwrap());
        }
    }
    panic!("each row here has a value")
}

impl MemtableObserver for Seen {
    fn row(&self, partition: ObservedPartition<'_>, before: Option<RowRef<'_>>, after: RowRef<'_>) {
        assert_eq!(partition.token, Partitioner::murmur3_token(partition.key));
        let kind = if after.is_static() { "static" } else { "row" };
        let (before, after) = (before.map(value_in), value_in(after));
        self.0.lock().push(format!("{kind} {before:?} {after}"));
    }

    fn range_deleted(
        &self,
        _: ObservedPartition<'_>,
        start: Bound<'_>,
        _: Bound<'_>,
        deletion: DeletionTime,
    ) {
        self.0.lock().push(format!("range {:?} {}", start.kind, deletion.marked_for_delete_at.0));
    }

    fn partition_deleted(&self, partition: ObservedPartition<'_>, deletion: DeletionTime) {
        self.0.lock().push(format!("partition {:?} {}", partition.key, deletion.marked_for_delete_at.0));
    }
}

/// An observer sees each row as the memtable had it and has it now, whatever order timestamps come
/// in, and each deletion; the memtable is the same with it.
#[test]
fn an_observer_sees_each_change() {
    let writes = [
        Write::Row { p: 1, c: 1, timestamp: 5, value: 10 },
        Write::Row { p: 1, c: 1, timestamp: 7, value: 11 },
        Write::Row { p: 1, c: 1, timestamp: 6, value: 12 },
        Write::Row { p: 1, c: 2, timestamp: 1, value: 13 },
        Write::Static { p: 1, timestamp: 1, value: 14 },
        Write::Static { p: 1, timestamp: 2, value: 15 },
        Write::Range { p: 1, from: 1, to: 2, timestamp: 8 },
        Write::Partition { p: 1, timestamp: 9 },
        Write::Row { p: 1, c: 1, timestamp: 10, value: 16 },
    ];
    let expected = [
        "row None 10",
        "row Some(10) 11",
        "row Some(11) 11",
        "row None 13",
        "static None 14",
        "static Some(14) 15",
        "range InclStart 8",
        "partition [0, 0, 0, 1] 9",
        "row Some(11) 16",
    ];
    let seen = Arc::new(Seen::default());
    let plain = Memtable::new(header(Type::Int));
    let observed = Memtable::observed(header(Type::Int), vec![seen.clone()]);
    for write in &writes {
        assert_eq!(write.apply(&plain), write.apply(&observed));
    }
    assert_eq!(*seen.0.lock(), expected);
    assert_eq!((observed.row_count(), plain.row_count()), (2, 2));
}
