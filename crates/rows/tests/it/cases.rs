//! The rules of merging and purging, one case at a time.

use std::sync::Arc;

use helenus_rows::{
    Cell, DeletionTime, Direction, EncodingBase, Header, LiveRow, LivenessInfo, Merge, PartitionRef, Purge,
    PurgeOptions, Purgeable, RowBuf, RowMerger, UnfilteredStream, Validator, merge_rows, reconcile,
    reconcile_counters,
};
use helenus_testkit::model::{
    self, Bound, ClusteringColumn, Column, ColumnData, ColumnKind, CounterContext, Deletion, Liveness,
    Marker, ModelTable, ModelType, NO_DELETION_TIME, Partition, Row, RowDeletion, Shard, ShardKind, Side,
    Unfiltered, Value,
};
use helenus_types::{LocalDeletionTime, Timestamp};

use crate::bridge::{VecStream, collect, decode_context, decode_row, deletion, encode_row, header};

const KEY: &[u8] = &[0, 0, 0, 7];

fn ts(timestamp: i64) -> Timestamp {
    Timestamp(timestamp)
}

fn at(seconds: u32) -> LocalDeletionTime {
    LocalDeletionTime(seconds)
}

/// `ck int [DESC], a text, b int, m map<int, text>`, with a static `s int`.
fn table(descending: bool) -> ModelTable {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, dropped_at: None };
    let ck = |name: &str| ClusteringColumn { name: name.to_owned(), kind: ModelType::Int, descending };
    ModelTable {
        clustering: vec![ck("ck1"), ck("ck2")],
        statics: vec![column("s", ColumnKind::Simple(ModelType::Int))],
        regulars: vec![
            column("a", ColumnKind::Simple(ModelType::Text)),
            column("b", ColumnKind::Simple(ModelType::Int)),
            column("m", ColumnKind::Map(ModelType::Int, ModelType::Text)),
        ],
    }
}

fn int(value: i32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn row(ck: i32) -> Row {
    Row { clustering: vec![int(ck), int(0)], liveness: None, deletion: None, columns: Vec::new() }
}

fn alive(timestamp: i64) -> Option<Liveness> {
    Some(Liveness { timestamp, ttl: 0, local_expiration: NO_DELETION_TIME })
}

fn alive_until(timestamp: i64, ttl: i32, local_expiration: i64) -> Option<Liveness> {
    Some(Liveness { timestamp, ttl, local_expiration })
}

fn deleted(marked_for_delete_at: i64, local_deletion_time: i64) -> Deletion {
    Deletion { marked_for_delete_at, local_deletion_time }
}

fn row_deletion(marked_for_delete_at: i64, local_deletion_time: i64) -> Option<RowDeletion> {
    Some(RowDeletion { time: deleted(marked_for_delete_at, local_deletion_time), shadowable: false })
}

fn cell(timestamp: i64, value: &[u8]) -> model::Cell {
    model::Cell {
        timestamp,
        ttl: 0,
        local_deletion_time: NO_DELETION_TIME,
        value: Value::Bytes(value.to_vec()),
        path: None,
    }
}

fn expiring(timestamp: i64, ttl: i32, local_deletion_time: i64) -> model::Cell {
    model::Cell { ttl, local_deletion_time, ..cell(timestamp, b"x") }
}

fn tombstone(timestamp: i64, local_deletion_time: i64) -> model::Cell {
    model::Cell { local_deletion_time, ..cell(timestamp, b"") }
}

fn a(cell: model::Cell) -> (usize, ColumnData) {
    (0, ColumnData::Simple(cell))
}

fn m(deletion: Option<Deletion>, cells: &[(i32, i64)]) -> (usize, ColumnData) {
    let element =
        |&(path, timestamp): &(i32, i64)| model::Cell { path: Some(int(path)), ..cell(timestamp, b"v") };
    (2, ColumnData::Complex { deletion, cells: cells.iter().map(element).collect() })
}

/// Merges versions of one row in both orders, which must agree.
fn merge(versions: &[Row], active: Option<Deletion>) -> Option<Row> {
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let mut merger = RowMerger::default();
    let mut merged = |versions: &mut dyn Iterator<Item = &Row>| {
        let bufs: Vec<RowBuf> = versions.map(|row| encode_row(&header, &table, row, false)).collect();
        let rows: Vec<_> = bufs.iter().map(|buf| buf.as_ref(&header)).collect();
        let mut out = RowBuf::default();
        let is_there = merge_rows(&mut merger, &rows, deletion(active), &header, &mut out).unwrap();
        is_there.then(|| decode_row(&table, out.as_ref(&header)))
    };
    let forward = merged(&mut versions.iter());
    let backward = merged(&mut versions.iter().rev());
    assert_eq!(forward, backward, "the order of sources decides");
    forward
}

fn marker(prefix: &[i32], side: Side, close: Option<Deletion>, open: Option<Deletion>) -> Unfiltered {
    let prefix = prefix.iter().map(|value| int(*value)).collect();
    Unfiltered::Marker(Marker { bound: Bound { prefix, side }, close, open })
}

fn stream(
    table: &ModelTable,
    header: &Arc<Header>,
    partition: &Partition,
    direction: Direction,
) -> VecStream {
    VecStream::new(header.clone(), table, &[(KEY.to_vec(), partition.clone())], direction)
}

/// Merges partitions in both directions and orders, which must agree.
fn merge_partitions(table: &ModelTable, partitions: &[Partition]) -> Partition {
    let header = header(table, EncodingBase::EPOCH);
    let mut results = Vec::new();
    for direction in [Direction::Forward, Direction::Reverse] {
        for is_turned in [false, true] {
            let mut sources: Vec<_> =
                partitions.iter().map(|p| Validator::new(stream(table, &header, p, direction))).collect();
            if is_turned {
                sources.reverse();
            }
            let mut merged = Validator::new(Merge::new(header.clone(), sources, &[]));
            results.push(collect(table, &mut merged).unwrap().pop().unwrap().1);
        }
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
    results.pop().unwrap()
}

fn purge(partition: &Partition, options: PurgeOptions, purgeable: Purgeable) -> Option<Partition> {
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let source = stream(&table, &header, partition, Direction::Forward);
    let mut purged = Validator::new(Purge::new(source, options, |_: &PartitionRef<'_>| purgeable));
    collect(&table, &mut purged).unwrap().pop().map(|(_, partition)| partition)
}

fn with_rows(rows: Vec<Row>) -> Partition {
    Partition { unfiltereds: rows.into_iter().map(Unfiltered::Row).collect(), ..Partition::default() }
}

/// The winner stands in both orders.
fn stands(winner: Cell<'_>, loser: Cell<'_>) {
    assert_eq!(reconcile(winner, loser), winner);
    assert_eq!(reconcile(loser, winner), winner);
}

#[test]
fn case_1_the_smaller_ttl_was_written_later() {
    stands(Cell::expiring(ts(5), 10, at(100), b"a"), Cell::expiring(ts(5), 20, at(100), b"z"));
    let smaller = LivenessInfo::expiring(ts(5), 10, at(100));
    let larger = LivenessInfo::expiring(ts(5), 20, at(100));
    assert_eq!((smaller.merge(larger), larger.merge(smaller)), (smaller, smaller));
}

#[test]
fn case_2_ties_between_cells() {
    stands(Cell::expiring(ts(5), 10, at(100), b"a"), Cell::live(ts(5), b"z"));
    stands(Cell::tombstone(ts(5), at(1)), Cell::expiring(ts(5), 10, at(100), b"z"));
    stands(Cell::tombstone(ts(5), at(2)), Cell::tombstone(ts(5), at(1)));
    stands(Cell::expiring(ts(5), 99, at(101), b"a"), Cell::expiring(ts(5), 10, at(100), b"z"));
    for values in [[&[0][..], &[0, 1]], [&[0, 1], &[0x7f]], [&[0x7f], &[0x80]]] {
        stands(Cell::live(ts(5), values[1]), Cell::live(ts(5), values[0]));
    }
    // Values compare as bytes whatever their type: -1 beats the largest int.
    stands(Cell::live(ts(5), &(-1i32).to_be_bytes()), Cell::live(ts(5), &i32::MAX.to_be_bytes()));
    stands(Cell::live(ts(6), b""), Cell::tombstone(ts(5), at(2)));
}

#[test]
fn case_3_ties_between_livenesses() {
    let plain = LivenessInfo::new(ts(5));
    let ttl = LivenessInfo::expiring(ts(5), 10, at(100));
    let expired = LivenessInfo::expiring(ts(5), LivenessInfo::EXPIRED_TTL, at(1));
    for (winner, loser) in [(ttl, plain), (expired, ttl), (expired, plain), (plain, LivenessInfo::EMPTY)] {
        assert_eq!((winner.merge(loser), loser.merge(winner)), (winner, winner));
    }
    let shadowable = Row { deletion: Some(RowDeletion { time: deleted(4, 1), shadowable: true }), ..row(1) };
    let live = |timestamp| Row { liveness: alive(timestamp), ..row(1) };
    assert_eq!(merge(&[shadowable.clone(), live(5)], None), Some(live(5)));
    assert_eq!(merge(&[shadowable.clone(), live(4)], None), Some(shadowable.clone()));
    // Beside an ordinary deletion of the same time it can't disappear.
    let ordinary = Row { deletion: row_deletion(4, 1), ..row(1) };
    let both = Row { liveness: alive(5), ..ordinary.clone() };
    assert_eq!(merge(&[shadowable, ordinary, live(5)], None), Some(both));
}

#[test]
fn case_4_deletions_of_the_same_time_win() {
    let written = Row { liveness: alive(5), columns: vec![a(cell(5, b"x")), m(None, &[(1, 5)])], ..row(1) };
    let gone = Row { deletion: row_deletion(5, 1), ..row(1) };
    assert_eq!(merge(&[written, gone.clone()], None), Some(gone));

    let put = Row { columns: vec![m(None, &[(1, 4), (2, 5)])], ..row(1) };
    let cleared = Row { columns: vec![m(Some(deleted(5, 1)), &[])], ..row(1) };
    assert_eq!(merge(&[put.clone(), cleared.clone()], None), Some(cleared));
    // An overwritten map is deleted just below its elements.
    let replaced = Row { columns: vec![m(Some(deleted(4, 1)), &[(3, 5)])], ..row(1) };
    let both = Row { columns: vec![m(Some(deleted(4, 1)), &[(2, 5), (3, 5)])], ..row(1) };
    assert_eq!(merge(&[put, replaced], None), Some(both));
}

#[test]
fn case_5_deletions_that_stack_up() {
    let with = |local_deletion_time| Row { deletion: row_deletion(5, local_deletion_time), ..row(1) };
    assert_eq!(merge(&[with(1)], Some(deleted(5, 1))), None);
    assert_eq!(merge(&[with(2)], Some(deleted(5, 1))), Some(with(2)));

    let range = |inner| Partition {
        deletion: Some(deleted(5, 1)),
        unfiltereds: vec![
            marker(&[1], Side::Before, None, Some(inner)),
            marker(&[1], Side::After, Some(inner), None),
        ],
        ..Partition::default()
    };
    let table = table(false);
    let only = Partition { deletion: Some(deleted(5, 1)), ..Partition::default() };
    assert_eq!(merge_partitions(&table, &[range(deleted(5, 1))]), only);
    assert_eq!(merge_partitions(&table, &[range(deleted(5, 2)), only]), range(deleted(5, 2)));
}

#[test]
fn case_6_expiry_with_grace() {
    let options = |gc_before| PurgeOptions { now: 200, gc_before, strict_liveness: false };
    // Written at 100 for 50 seconds.
    let written = Row { liveness: alive_until(1, 50, 150), columns: vec![a(expiring(1, 50, 150))], ..row(1) };
    let partition = with_rows(vec![written.clone()]);
    let liveness_only = with_rows(vec![Row { columns: vec![], ..written.clone() }]);
    assert_eq!(purge(&partition, options(101), Purgeable::All), Some(liveness_only));
    let converted = with_rows(vec![Row { columns: vec![a(tombstone(1, 100))], ..written.clone() }]);
    assert_eq!(purge(&partition, options(100), Purgeable::All), Some(converted.clone()));
    assert_eq!(purge(&partition, options(151), Purgeable::All), None);
    // The conversion doesn't need leave to purge.
    assert_eq!(purge(&partition, options(151), Purgeable::Nothing), Some(converted));

    let dead = with_rows(vec![Row { columns: vec![a(tombstone(1, 100))], ..row(1) }]);
    assert_eq!(
        purge(&dead, options(100), Purgeable::All),
        Some(dead.clone()),
        "made in the second of the grace"
    );
    assert_eq!(purge(&dead, options(101), Purgeable::All), None);

    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let buf = encode_row(&header, &table, &written, false);
    assert!(LiveRow::new(buf.as_ref(&header), 149, false).unwrap().is_some());
    assert!(LiveRow::new(buf.as_ref(&header), 150, false).unwrap().is_none(), "expired in that very second");
}

#[test]
fn case_7_what_others_may_hold() {
    let options = PurgeOptions { now: 200, gc_before: 200, strict_liveness: false };
    let dead = |timestamp| with_rows(vec![Row { columns: vec![a(tombstone(timestamp, 100))], ..row(1) }]);
    let below = Purgeable::Below(ts(10));
    assert_eq!(purge(&dead(9), options, below), None);
    for timestamp in [10, 11] {
        assert_eq!(purge(&dead(timestamp), options, below), Some(dead(timestamp)));
    }
    assert_eq!(purge(&dead(i64::MAX), options, Purgeable::All), None);

    // The purger is asked once per partition, and only about what is old enough.
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let partition = |local_deletion_time| {
        let row = |ck| Row { columns: vec![a(tombstone(1, local_deletion_time))], ..row(ck) };
        with_rows(vec![row(1), row(2), row(3)])
    };
    let keyed = [(int(1), partition(100)), (int(2), partition(200)), (int(3), partition(100))];
    let source = VecStream::new(header.clone(), &table, &keyed, Direction::Forward);
    let mut asked = Vec::new();
    let mut purged = Purge::new(source, options, |partition: &PartitionRef<'_>| {
        asked.push(partition.key.to_vec());
        Purgeable::All
    });
    assert_eq!(collect(&table, &mut purged).unwrap(), [keyed[1].clone()]);
    asked.sort();
    assert_eq!(asked, [int(1), int(3)]);
}

#[test]
fn case_8_views() {
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let no_liveness = Row { columns: vec![a(cell(5, b"x"))], ..row(1) };
    let buf = encode_row(&header, &table, &no_liveness, false);
    assert!(LiveRow::new(buf.as_ref(&header), 10, false).unwrap().is_some());
    assert!(LiveRow::new(buf.as_ref(&header), 10, true).unwrap().is_none());

    let options = |gc_before| PurgeOptions { now: 200, gc_before, strict_liveness: true };
    let expired = Row { liveness: alive_until(5, i32::MAX, 100), ..no_liveness.clone() };
    let partition = with_rows(vec![expired]);
    assert_eq!(purge(&partition, options(100), Purgeable::All), Some(partition.clone()));
    assert_eq!(purge(&partition, options(101), Purgeable::All), None, "the live cell goes with its row");
    // A row in which nothing has died is left alone, also without liveness.
    let untouched = with_rows(vec![no_liveness]);
    assert_eq!(purge(&untouched, options(101), Purgeable::All), Some(untouched.clone()));
}

fn context(kind: ShardKind, clock: i64, count: i64) -> Vec<u8> {
    CounterContext { shards: vec![Shard { id: [1; 16], clock, count, kind }] }.encode()
}

fn counted(left: Cell<'_>, right: Cell<'_>) -> (i64, bool, Vec<Shard>) {
    let merge = |left, right| {
        let mut scratch = Vec::new();
        let merged = reconcile_counters(left, right, &mut scratch).unwrap();
        (merged.timestamp.0, merged.is_tombstone(), decode_context(merged.value).shards)
    };
    assert_eq!(merge(left, right), merge(right, left), "the order of sources decides");
    merge(left, right)
}

#[test]
fn case_8_counters() {
    let (five, six) = (context(ShardKind::Global, 1, 5), context(ShardKind::Global, 2, 6));
    let sum = |kind, clock, count| vec![Shard { id: [1; 16], clock, count, kind }];
    // A deletion wins however old it is.
    assert_eq!(counted(Cell::tombstone(ts(1), at(1)), Cell::live(ts(9), &five)), (1, true, vec![]));
    assert_eq!(counted(Cell::tombstone(ts(1), at(9)), Cell::tombstone(ts(2), at(1))).0, 2);
    assert_eq!(
        counted(Cell::live(ts(9), &five), Cell::live(ts(3), &six)),
        (9, false, sum(ShardKind::Global, 2, 6))
    );
    let equal = context(ShardKind::Global, 1, 7);
    assert_eq!(counted(Cell::live(ts(1), &five), Cell::live(ts(1), &equal)).2, sum(ShardKind::Global, 1, 7));
    let local = context(ShardKind::Local, 3, 10);
    assert_eq!(counted(Cell::live(ts(1), &local), Cell::live(ts(1), &local)).2, sum(ShardKind::Local, 6, 20));
    let remote = |clock, count| context(ShardKind::Remote, clock, count);
    assert_eq!(
        counted(Cell::live(ts(1), &local), Cell::live(ts(1), &remote(99, 1))).2,
        sum(ShardKind::Local, 3, 10)
    );
    assert_eq!(counted(Cell::live(ts(1), &five), Cell::live(ts(1), &local)).2, sum(ShardKind::Global, 1, 5));
    assert_eq!(
        counted(Cell::live(ts(1), &remote(1, 2)), Cell::live(ts(1), &remote(2, 1))).2,
        sum(ShardKind::Remote, 2, 1)
    );
    assert_eq!(
        counted(Cell::live(ts(1), &remote(2, 2)), Cell::live(ts(1), &remote(2, 1))).2,
        sum(ShardKind::Remote, 2, 2)
    );
    // A negative clock wins against a positive one, and the lesser of two.
    assert_eq!(
        counted(Cell::live(ts(1), &remote(-1, 2)), Cell::live(ts(1), &remote(2, 1))).2,
        sum(ShardKind::Remote, -1, 2)
    );
    assert_eq!(
        counted(Cell::live(ts(1), &remote(-2, 1)), Cell::live(ts(1), &remote(-1, 2))).2,
        sum(ShardKind::Remote, -2, 1)
    );
    // An empty value stands for one that was skipped: nothing may be added to it.
    assert_eq!(counted(Cell::live(ts(1), &[]), Cell::live(ts(9), &five)), (1, false, vec![]));
    assert_eq!(counted(Cell::live(ts(1), &[]), Cell::live(ts(2), &[])).0, 2);
    assert!(reconcile_counters(Cell::live(ts(1), &[1]), Cell::live(ts(1), &five), &mut Vec::new()).is_err());
}

#[test]
fn case_9_static_rows() {
    let table = table(false);
    let static_row = Row { clustering: vec![], ..Row { columns: vec![a(cell(5, &int(9)))], ..row(0) } };
    let with_static = Partition { static_row: Some(static_row.clone()), ..Partition::default() };
    let gone = Partition { deletion: Some(deleted(5, 1)), ..Partition::default() };
    assert_eq!(merge_partitions(&table, &[with_static.clone(), gone.clone()]), gone);
    // Ranges and rows that are deleted leave it alone.
    let ranges = Partition {
        unfiltereds: vec![
            marker(&[], Side::Before, None, Some(deleted(9, 1))),
            marker(&[], Side::After, Some(deleted(9, 1)), None),
        ],
        ..Partition::default()
    };
    let both = Partition { static_row: Some(static_row), ..ranges.clone() };
    assert_eq!(merge_partitions(&table, &[with_static.clone(), ranges]), both);

    let header = header(&table, EncodingBase::EPOCH);
    let mut only = stream(&table, &header, &with_static, Direction::Forward);
    assert!(only.next_partition().unwrap());
    let mut live = LiveRow::of_any(only.static_row().unwrap(), 1).unwrap();
    assert_eq!(live.next().unwrap().unwrap().1.value, int(9));
    assert!(!only.advance().unwrap(), "no rows: a query without restriction gets one row with nulls");
}

#[test]
fn case_10_boundaries() {
    let (old, new, newer) = (deleted(5, 1), deleted(6, 1), deleted(6, 2));
    let range = |from: &[i32], start, to: &[i32], end, deletion| Partition {
        unfiltereds: vec![marker(from, start, None, Some(deletion)), marker(to, end, Some(deletion), None)],
        ..Partition::default()
    };
    let merged = |table: &ModelTable, parts: &[Partition]| merge_partitions(table, parts).unfiltereds;
    let (before, after) = (Side::Before, Side::After);
    let table_asc = table(false);
    // One ends where the other begins, on either side of the values: kinds 2 and 5.
    for side in [before, after] {
        let parts = [range(&[1], before, &[2], side, old), range(&[2], side, &[3], after, new)];
        let expected = [
            marker(&[1], before, None, Some(old)),
            marker(&[2], side, Some(old), Some(new)),
            marker(&[3], after, Some(new), None),
        ];
        assert_eq!(merged(&table_asc, &parts), expected);
    }
    // Ranges of the same extent: the later second stands.
    let parts = [range(&[1], before, &[2], after, new), range(&[1], before, &[2], after, newer)];
    assert_eq!(merged(&table_asc, &parts), parts[1].unfiltereds);
    // A range under the partition's deletion disappears, and what reaches over it is not cut by it.
    let under = Partition { deletion: Some(deleted(5, 9)), ..range(&[2], before, &[2], after, old) };
    let parts = [under, range(&[1], before, &[3], after, new)];
    assert_eq!(merged(&table_asc, &parts), parts[1].unfiltereds);
    // Where clusterings descend, the range of a whole prefix still begins before its rows.
    let table_desc = table(true);
    let prefix = range(&[2], before, &[2], after, old);
    let single = range(&[2, 7], before, &[2, 7], after, new);
    let expected = [
        marker(&[2], before, None, Some(old)),
        marker(&[2, 7], before, Some(old), Some(new)),
        marker(&[2, 7], after, Some(new), Some(old)),
        marker(&[2], after, Some(old), None),
    ];
    assert_eq!(merged(&table_desc, &[prefix, single]), expected);
    let before_it = range(&[3], before, &[2], before, new);
    let from_it = range(&[2, 0], before, &[2], after, old);
    let expected = [
        marker(&[3], before, None, Some(new)),
        marker(&[2], before, Some(new), None),
        marker(&[2, 0], before, None, Some(old)),
        marker(&[2], after, Some(old), None),
    ];
    assert_eq!(merged(&table_desc, &[before_it, from_it]), expected);
}

/// A foreign writer may leave in a row what the row's own deletions shadow.
#[test]
fn shadowed_cells_of_a_foreign_row_stay_shadowed() {
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let foreign = Row {
        liveness: alive(4),
        deletion: row_deletion(5, 100),
        columns: vec![a(cell(5, b"x")), m(Some(deleted(8, 100)), &[(1, 8), (2, 9)])],
        ..row(1)
    };
    let normalised =
        Row { liveness: None, columns: vec![m(Some(deleted(8, 100)), &[(2, 9)])], ..foreign.clone() };
    // A lone version passes the merge as it is, and is read rightly.
    assert_eq!(merge(std::slice::from_ref(&foreign), None), Some(foreign.clone()));
    let alone = with_rows(vec![foreign.clone()]);
    assert_eq!(merge_partitions(&table, std::slice::from_ref(&alone)), alone);
    let buf = encode_row(&header, &table, &foreign, false);
    let mut live = LiveRow::new(buf.as_ref(&header), 10, false).unwrap().unwrap();
    assert!(live.liveness().is_empty());
    assert_eq!(live.next().unwrap().map(|(column, cell)| (column, cell.path.to_vec())), Some((2, int(2))));
    assert_eq!(live.next().unwrap(), None);
    // Whatever else is done to it normalises it.
    assert_eq!(merge(std::slice::from_ref(&foreign), Some(deleted(1, 1))), Some(normalised.clone()));
    assert_eq!(merge(&[foreign.clone(), row_of(&normalised)], None), Some(normalised));
    // Its deletions, purged, leave nothing that they shadowed.
    let options = PurgeOptions { now: 200, gc_before: 200, strict_liveness: false };
    let left = with_rows(vec![Row { columns: vec![m(None, &[(2, 9)])], ..row(1) }]);
    assert_eq!(purge(&with_rows(vec![foreign]), options, Purgeable::All), Some(left));
}

fn row_of(row: &Row) -> Row {
    Row { columns: Vec::new(), ..row.clone() }
}

#[test]
fn deletion_times_delete_up_to_their_own() {
    let deletion = DeletionTime::new(ts(5), at(1));
    assert!(deletion.deletes(ts(5)) && !deletion.deletes(ts(6)));
    assert!(!DeletionTime::LIVE.deletes(Timestamp::MIN));
    let odd = DeletionTime::new(Timestamp::MIN, at(1));
    assert!(!odd.supersedes(&DeletionTime::LIVE) && !DeletionTime::LIVE.supersedes(&odd));
}

/// Different keys with one token are rare, but they exist.
#[test]
fn keys_with_one_token_stay_apart() {
    let table = table(false);
    let header = header(&table, EncodingBase::EPOCH);
    let at_time = |timestamp| with_rows(vec![Row { liveness: alive(timestamp), ..row(1) }]);
    let source = |partitions: &[(i32, i64)]| {
        let keyed: Vec<_> =
            partitions.iter().map(|&(key, timestamp)| (int(key), at_time(timestamp))).collect();
        VecStream::new(header.clone(), &table, &keyed, Direction::Forward).with_one_token()
    };
    let sources = vec![source(&[(2, 1), (3, 1)]), source(&[(1, 2), (3, 2)]), source(&[(2, 3), (4, 3)])];
    let mut merged = Validator::new(Merge::new(header.clone(), sources, &[]));
    let expected = [(1, 2), (2, 3), (3, 2), (4, 3)].map(|(key, timestamp)| (int(key), at_time(timestamp)));
    assert_eq!(collect(&table, &mut merged).unwrap(), expected);
}
