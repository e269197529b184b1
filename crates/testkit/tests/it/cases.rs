//! The cases that implementations get wrong, each with its answer worked out by hand.

use helenus_testkit::model::{
    Bound, Cell, ClusteringColumn, Column, ColumnFact, ColumnKind, CounterContext, Deletion,
    EXPIRED_LIVENESS_TTL, Fact, Liveness, ModelPartition, ModelTable, ModelType, NO_DELETION_TIME, Partition,
    Purge, RowDeletion, RowFact, RowId, Shard, ShardKind, Side, Slice, Value, Write, compare_values, merge,
    purge, read, reconcile, supersedes,
};

const INT: ColumnKind = ColumnKind::Simple(ModelType::Int);

fn table() -> ModelTable {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, dropped_at: None };
    let key =
        |name: &str, descending| ClusteringColumn { name: name.to_owned(), kind: ModelType::Int, descending };
    ModelTable {
        clustering: vec![key("c", false), key("d", true)],
        statics: vec![column("s", INT)],
        regulars: vec![
            column("v", INT),
            column("m", ColumnKind::Map(ModelType::Text, ModelType::Int)),
            column("n", ColumnKind::Counter),
        ],
    }
}

fn cell(timestamp: i64, ttl: i32, ldt: i64, value: &[u8]) -> Cell {
    let value = Value::Bytes(value.to_vec());
    Cell { timestamp, ttl, local_deletion_time: ldt, value, path: None }
}

fn live(timestamp: i64, value: &[u8]) -> Cell {
    cell(timestamp, 0, NO_DELETION_TIME, value)
}

fn del(timestamp: i64, ldt: i64) -> Deletion {
    Deletion { marked_for_delete_at: timestamp, local_deletion_time: ldt }
}

fn alive(timestamp: i64, ttl: i32, until: i64) -> Liveness {
    Liveness { timestamp, ttl, local_expiration: until }
}

fn key(c: i32, d: i32) -> Vec<Vec<u8>> {
    vec![c.to_be_bytes().to_vec(), d.to_be_bytes().to_vec()]
}

fn row(liveness: Option<Liveness>, deletion: Option<Deletion>, columns: Vec<ColumnFact>) -> Fact {
    let deletion = deletion.map(|time| RowDeletion { time, shadowable: false });
    Fact::Row(RowFact { row: RowId::Clustering(key(1, 1)), liveness, deletion, columns })
}

fn range(start: (&[i32], Side), end: (&[i32], Side), deletion: Deletion) -> Fact {
    let bound = |(values, side): (&[i32], Side)| Bound {
        prefix: values.iter().map(|v| v.to_be_bytes().to_vec()).collect(),
        side,
    };
    Fact::Range(Slice { start: bound(start), end: bound(end), deletion })
}

fn merged(facts: &[Fact]) -> Partition {
    let mut backwards = facts.to_vec();
    backwards.reverse();
    let merged = merge(&table(), facts);
    assert_eq!(merged, merge(&table(), &backwards), "order matters");
    merged
}

fn wins(kind: ColumnKind, winner: &Cell, loser: &Cell) {
    for pair in [[winner.clone(), loser.clone()], [loser.clone(), winner.clone()]] {
        assert_eq!(reconcile(kind, &pair).as_ref(), Some(winner));
    }
}

fn only(partition: &Partition) -> helenus_testkit::model::Row {
    assert_eq!(partition.rows().count(), 1, "{partition}");
    partition.rows().next().cloned().expect("one row")
}

#[test]
fn case_01_equal_expiry_the_smaller_ttl_wins() {
    wins(INT, &cell(5, 10, 100, b"a"), &cell(5, 20, 100, b"z"));
    assert!(supersedes(&alive(5, 10, 100), &alive(5, 20, 100)));
    assert!(!supersedes(&alive(5, 20, 100), &alive(5, 10, 100)));
}

#[test]
fn case_02_ties_of_cells() {
    wins(INT, &cell(5, 10, 100, b"a"), &live(5, b"z"));
    wins(INT, &cell(5, 0, 50, b""), &cell(5, 10, 100, b"z"));
    wins(INT, &cell(5, 0, 51, b""), &cell(5, 0, 50, b""));
    let rising: [&[u8]; 4] = [&[0], &[0, 1], &[0x7f], &[0x80]];
    for pair in rising.windows(2) {
        wins(INT, &live(5, pair[1]), &live(5, pair[0]));
    }
    wins(INT, &live(5, &(-1i32).to_be_bytes()), &live(5, &i32::MAX.to_be_bytes()));
    assert!(compare_values(ModelType::Int, &(-1i32).to_be_bytes(), &i32::MAX.to_be_bytes()).is_lt());
}

#[test]
fn case_03_ties_of_liveness() {
    let plain = alive(5, 0, NO_DELETION_TIME);
    assert!(supersedes(&alive(5, 10, 100), &plain) && !supersedes(&plain, &alive(5, 10, 100)));
    let expired = alive(5, EXPIRED_LIVENESS_TTL, 1);
    assert!(supersedes(&expired, &alive(5, 10, 100)) && !supersedes(&alive(5, 10, 100), &expired));
    let shadowable = |at| {
        Fact::Row(RowFact {
            row: RowId::Clustering(key(1, 1)),
            liveness: None,
            deletion: Some(RowDeletion { time: del(at, 1), shadowable: true }),
            columns: vec![],
        })
    };
    assert_eq!(only(&merged(&[shadowable(4), row(Some(plain), None, vec![])])).deletion, None);
    let kept = only(&merged(&[shadowable(5), row(Some(plain), None, vec![])]));
    assert_eq!((kept.liveness, kept.deletion.map(|d| d.time)), (None, Some(del(5, 1))));
}

#[test]
fn case_04_deletions_at_the_timestamp_of_what_they_meet() {
    let v = ColumnFact::Cell(0, live(5, b"0001"));
    let dead = only(&merged(&[
        row(Some(alive(5, 0, NO_DELETION_TIME)), None, vec![v]),
        row(None, Some(del(5, 9)), vec![]),
    ]));
    assert!(dead.liveness.is_none() && dead.columns.is_empty());

    let element =
        |at, key: &[u8]| ColumnFact::Cell(1, Cell { path: Some(key.to_vec()), ..live(at, b"0001") });
    let insert = row(None, None, vec![ColumnFact::ComplexDeletion(1, del(4, 9)), element(5, b"own")]);
    let merged = merged(&[insert, row(None, None, vec![element(4, b"old"), element(5, b"beside")])]);
    let text = merged.to_string();
    assert_eq!(
        text,
        "row (00000001, 00000001) \n  #1 deleted @4 made 9s\n  #1 [626573696465] = 30303031 @5\n  \
         #1 [6f776e] = 30303031 @5\n"
    );
}

#[test]
fn case_05_a_deletion_equal_to_the_one_around_it() {
    let all = range((&[], Side::Before), (&[], Side::After), del(5, 9));
    assert_eq!(merged(&[all.clone(), row(None, Some(del(5, 9)), vec![])]).rows().count(), 0);
    assert_eq!(merged(&[all.clone(), row(None, Some(del(5, 10)), vec![])]).rows().count(), 1);
    assert_eq!(merged(&[Fact::Partition(del(5, 9)), all.clone()]).markers().count(), 0);
    assert_eq!(merged(&[Fact::Partition(del(5, 8)), all]).markers().count(), 2);
}

#[test]
fn case_06_expiry_and_gc_grace() {
    let partition =
        merged(&[row(Some(alive(5, 50, 100)), None, vec![ColumnFact::Cell(0, cell(5, 50, 100, b"0001"))])]);
    // Written at 50, expired at 100: with gc_before 60 the cell goes by its second of writing, the
    // liveness stays.
    let left = only(&purge(&partition, &Purge::new(100, 60, &|_| true)));
    assert!(left.liveness.is_some() && left.columns.is_empty());
    // At gc_before 50 the tombstone stays too.
    let left = only(&purge(&partition, &Purge::new(100, 50, &|_| true)));
    let tombstone = ColumnFact::Cell(0, cell(5, 0, 50, b""));
    assert_eq!(left, only(&merged(&[row(Some(alive(5, 50, 100)), None, vec![tombstone])])));
    assert!(purge(&partition, &Purge::new(101, 101, &|_| true)).is_empty());
    assert!(read(&table(), &partition, 100, false).is_empty());
    assert_eq!(read(&table(), &partition, 99, false).rows.len(), 1);
}

#[test]
fn case_07_a_tombstone_goes_only_below_what_others_hold() {
    let partition = merged(&[Fact::Partition(del(10, 1))]);
    for (minimum, goes) in [(11, true), (10, false), (9, false)] {
        let purgeable = |timestamp: i64| timestamp < minimum;
        assert_eq!(purge(&partition, &Purge::new(100, 50, &purgeable)).is_empty(), goes);
    }
}

#[test]
fn case_08_views_and_counters() {
    let partition = merged(&[row(None, None, vec![ColumnFact::Cell(0, live(5, b"0001"))])]);
    assert!(read(&table(), &partition, 1, true).is_empty());
    assert!(!read(&table(), &partition, 1, false).is_empty());

    let shard = |kind, clock, count| Shard { id: [1; 16], clock, count, kind };
    let counter = |timestamp, shards: Vec<Shard>| Cell {
        value: Value::Counter(CounterContext { shards }),
        ..live(timestamp, b"")
    };
    let merged = |a: Shard, b: Shard| {
        let cells = [counter(1, vec![a]), counter(2, vec![b])];
        match reconcile(ColumnKind::Counter, &cells).unwrap() {
            Cell { value: Value::Counter(context), timestamp: 2, .. } => context.shards[0],
            other => panic!("{other}"),
        }
    };
    let (global, local, remote) = (ShardKind::Global, ShardKind::Local, ShardKind::Remote);
    wins(ColumnKind::Counter, &cell(1, 0, 9, b""), &counter(100, vec![shard(global, 1, 1)]));
    wins(ColumnKind::Counter, &cell(2, 0, 8, b""), &cell(1, 0, 9, b""));
    wins(ColumnKind::Counter, &counter(1, vec![]), &counter(2, vec![shard(global, 1, 1)]));
    assert_eq!(merged(shard(local, 1, 2), shard(local, 3, 4)), shard(local, 4, 6));
    assert_eq!(merged(shard(global, 1, 2), shard(local, 3, 4)), shard(global, 1, 2));
    assert_eq!(merged(shard(remote, 9, 2), shard(local, 3, 4)), shard(local, 3, 4));
    assert_eq!(merged(shard(global, 3, 2), shard(global, 3, 4)), shard(global, 3, 4));
    assert_eq!(merged(shard(remote, -5, 2), shard(remote, -3, 4)), shard(remote, -5, 2));
    assert_eq!(merged(shard(remote, -5, 2), shard(remote, 3, 4)), shard(remote, -5, 2));
}

#[test]
fn case_09_static_rows() {
    let statics = Fact::Row(RowFact {
        row: RowId::Static,
        liveness: None,
        deletion: None,
        columns: vec![ColumnFact::Cell(0, live(5, b"0001"))],
    });
    assert!(merged(&[statics.clone(), Fact::Partition(del(5, 1))]).static_row.is_none());
    let all = range((&[], Side::Before), (&[], Side::After), del(9, 1));
    let partition = merged(&[statics, all, row(None, Some(del(9, 1)), vec![])]);
    assert!(read(&table(), &partition, 1, false).is_static_only());
}

#[test]
fn case_10_boundaries_from_several_sources() {
    let write = |source, fact| Write { source, fact };
    let partition = ModelPartition {
        writes: vec![
            // On the descending column d, 5 comes before 1: from (1, 5) to the end of c = 1.
            write(0, range((&[1, 5], Side::Before), (&[1], Side::After), del(5, 1))),
            // The same timestamp a second later, from just after (1, 3).
            write(1, range((&[1, 3], Side::After), (&[2], Side::Before), del(5, 2))),
            // Below the partition's deletion: nothing to say.
            write(2, range((&[], Side::Before), (&[], Side::After), del(3, 1))),
            write(2, Fact::Partition(del(4, 1))),
            write(3, range((&[2], Side::Before), (&[3], Side::Before), del(7, 1))),
        ],
    };
    assert_eq!(
        partition.merged(&table()).to_string(),
        "partition deletion @4 made 1s\n\
         marker before (00000001, 00000005) kind 1 open @5 made 1s\n\
         marker after (00000001, 00000003) kind 5 close @5 made 1s open @5 made 2s\n\
         marker before (00000002) kind 2 close @5 made 2s open @7 made 1s\n\
         marker before (00000003) kind 0 close @7 made 1s\n"
    );
}
