//! Queries: slices, ranges of values, keys and tokens, projections, filters; and refused ones.

use std::ops::Bound::{Excluded, Included, Unbounded};

use helenus_sim::SimDisk;
use helenus_types::{Partitioner, Token, Value};

use super::{create, open, shown};
use crate::{ErrorKind, OwnedRow, Rows, Select};

fn clusterings(select: &Select) -> Vec<Vec<i32>> {
    shown(select).into_iter().filter_map(|(_, clustering, ..)| clustering).collect()
}

const WIDE: &str = "CREATE TABLE ks.t (p int, c int, d int, s int static, v int, PRIMARY KEY (p, c, d)) \
                    WITH CLUSTERING ORDER BY (c ASC, d DESC)";

#[test]
fn several_slices_of_a_partition_are_one_view() {
    let (db, table) = create(WIDE);
    for p in 1..=2 {
        for (c, d) in (0..4).flat_map(|c| (0..4).map(move |d| (c, d))) {
            table.insert(p, (c, d)).set("v", c * 10 + d).execute().unwrap();
        }
    }
    for _ in 0..2 {
        let one = table.select().key(1);
        // In the table's order whatever that of the calls; each row once.
        let select = one.clone().prefix(2).prefix((1, 3)).prefix((2, 1)).prefix((0, 0));
        let expected = [[0, 0], [1, 3], [2, 3], [2, 2], [2, 1], [2, 0]];
        assert_eq!(clusterings(&select), expected);
        let mut reversed = expected;
        reversed.reverse();
        assert_eq!(clusterings(&select.reverse()), reversed);
        // Whole rows alone: IN on all clustering columns.
        assert_eq!(clusterings(&one.clone().prefix((3, 1)).prefix((0, 2))), [[0, 2], [3, 1]]);
        let select =
            one.clone().slice(Unbounded::<i32>, Included((0, 2))).slice(Excluded((3, 1)), Unbounded::<i32>);
        assert_eq!(clusterings(&select), [[0, 3], [0, 2], [3, 0]]);
        // Restrictions add up.
        let select = one.clone().prefix(1).prefix(2).from(Included((1, 1))).to(Excluded((2, 1)));
        assert_eq!(clusterings(&select), [[1, 1], [1, 0], [2, 3], [2, 2]]);
        assert_eq!(clusterings(&one.clone().prefix(1).from(Included(2))), [[0i32; 2]; 0]);
        // Of all partitions too.
        assert_eq!(shown(&table.select().prefix(1).prefix((2, 2))).len(), 2 * 5);
        db.flush().unwrap();
    }
}

/// Rows of a scan had come whatever their clustering: a slice was looked at only where keys were
/// given.
#[test]
fn scans_have_slices_too() {
    let (db, table) = create(WIDE);
    for p in 1..=3 {
        table.insert(p, (1, 1)).set("v", p).execute().unwrap();
        table.insert(p, (2, 1)).set("v", p).execute().unwrap();
    }
    table.update(4, ()).set("s", 1).execute().unwrap();
    for _ in 0..2 {
        assert_eq!(clusterings(&table.select().from(Included(2))), [[2, 1]; 3]);
        assert_eq!(shown(&table.select().prefix((1, 1))).len(), 3, "and no static row alone");
        db.flush().unwrap();
    }
}

/// In a table whose clustering is descending, `from(older).to(newer)` found nothing and said
/// nothing.
#[test]
fn ranges_of_values_do_not_depend_on_the_order() {
    for order in ["ASC", "DESC"] {
        let (_db, table) = create(&format!(
            "CREATE TABLE ks.t (p int, c int, d int, s int static, v int, PRIMARY KEY (p, c, d)) \
             WITH CLUSTERING ORDER BY (c {order}, d {order})"
        ));
        for (c, d) in (0..5).flat_map(|c| (0..5).map(move |d| (c, d))) {
            table.insert(1, (c, d)).execute().unwrap();
        }
        let found = |select: Select| {
            let mut found = clusterings(&select);
            found.sort();
            found
        };
        let one = || table.select().key(1);
        let rows = |cs: std::ops::Range<i32>| -> Vec<Vec<i32>> {
            cs.flat_map(|c| (0..5).map(move |d| vec![c, d])).collect()
        };
        assert_eq!(found(one().range(1..3)), rows(1..3), "{order}");
        assert_eq!(found(one().range(3..)), rows(3..5), "{order}");
        assert_eq!(found(one().range(..=1)), rows(0..2), "{order}");
        assert_eq!(found(one().range((Excluded(1), Included(3)))), rows(2..4), "{order}");
        let expected: Vec<_> = [2, 4].iter().flat_map(|c| [vec![*c, 1], vec![*c, 2]]).collect();
        assert_eq!(found(one().prefix(2).prefix(4).range(1..=2)), expected, "{order}");
        assert_eq!(found(one().range(2..2)), rows(0..0), "{order}");
        let start = 3;
        for (select, problem) in [
            (one().range(start..1), "ends below its start"),
            (one().range("x".."y"), "column c"),
            (one().prefix((1, 1)).range(1..2), "no clustering column after"),
            (one().range(1..2).prefix(1), "comes after prefixes"),
            (one().prefix(1).prefix((1, 1)).range(1..2), "comes after prefixes"),
            (one().range(1..2).range(1..2), "one range"),
        ] {
            let error = select.rows().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(problem), "{error}");
        }
        // Ends in the table's order that are the wrong way round.
        let (low, high) = if order == "ASC" { (1, 3) } else { (3, 1) };
        let error = one().from(Included(high)).to(Excluded(low)).rows().unwrap_err();
        assert!(
            error.to_string().contains("ends before it starts") && error.to_string().contains(order),
            "{error}"
        );
        assert!(one().slice(Included((high, 0)), Included(low)).rows().is_err());
        assert_eq!(found(one().from(Included(low)).to(Excluded(high))).len(), 10);
        assert_eq!(found(one().from(Included(2)).to(Excluded(2))), rows(0..0), "merely empty");
    }
}

/// `tokens` together with `key` was ignored silently, and a key named twice came twice.
#[test]
fn keys_and_tokens_add_up() {
    let (_db, table) = create(WIDE);
    for p in 0..20 {
        table.insert(p, (0, 0)).execute().unwrap();
    }
    let keys = |select: Select| shown(&select).into_iter().map(|(p, ..)| p).collect::<Vec<_>>();
    assert_eq!(keys(table.select().key(3).key(1).key(3).key(1)), [3, 1]);
    assert_eq!(keys(table.select().key(3).key(3).prefix((0, 0))), [3]);
    let token = |p: i32| Partitioner::murmur3_token(&p.to_be_bytes());
    let half = Token::MIN..=Token(0);
    let expected: Vec<_> = (0..20).filter(|p| half.contains(&token(*p))).collect();
    let all = |select: Select| (0..20).fold(select, |select, p| select.key(p));
    assert_eq!(keys(all(table.select()).tokens(half.clone())), expected);
    assert_eq!(keys(all(table.select().tokens(half.clone()))), expected);
    // Two ranges add up as well; one that is upside down is a mistake.
    assert!(keys(table.select().tokens(half.clone()).tokens(Token(1)..=Token::MAX)).is_empty());
    let upside_down = table.select().tokens(Token(5)..=Token(4));
    assert_eq!(upside_down.rows().unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn rows_own_what_they_need() {
    let (db, table) = create(WIDE);
    for c in 0..10 {
        table.insert(1, (c, 0)).set("v", c).execute().unwrap();
    }
    fn is_owned<T: Send + 'static>(value: T) -> T {
        value
    }
    // The query is gone; the cursor may go to another thread.
    let mut rows: Rows = is_owned(table.select().key(1).rows().unwrap());
    assert!(rows.next().unwrap().is_some());
    let rest = std::thread::spawn(move || {
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        count
    });
    assert_eq!(rest.join().unwrap(), 9);
    let copies: Vec<OwnedRow> = is_owned(table.select().key(1).into_rows().unwrap())
        .into_iter()
        .collect::<crate::Result<_>>()
        .unwrap();
    drop((table, db));
    let values: Vec<i32> = copies.iter().map(|row| row.get("v").unwrap()).collect();
    assert_eq!(values, (0..10).collect::<Vec<_>>());
}

/// Reads went on after `close`, and showed what had been there then.
#[test]
fn what_is_closed_or_dropped_is_not_read() {
    let (db, table) = create(WIDE);
    table.insert(1, (0, 0)).execute().unwrap();
    let query = table.select().key(1);
    let mut before = query.rows().unwrap();
    db.execute_schema("CREATE TABLE ks.u (p int PRIMARY KEY); DROP TABLE ks.u;").unwrap();
    db.close().unwrap();
    let kind = |error: crate::Error| error.kind();
    assert_eq!(kind(query.rows().unwrap_err()), ErrorKind::Closed);
    assert_eq!(kind(query.unfiltered().map(|_| ()).unwrap_err()), ErrorKind::Closed);
    assert_eq!(kind(table.select().key(1).prefix((0, 0)).rows().unwrap_err()), ErrorKind::Closed);
    assert_eq!(kind(table.get(1, (0, 0)).unwrap_err()), ErrorKind::Closed);
    assert_eq!(kind(db.table("ks", "t").unwrap_err()), ErrorKind::Closed);
    assert!(before.next().unwrap().is_some(), "a cursor that was open keeps its view");

    let (db, table) = create(WIDE);
    db.execute_schema("DROP TABLE ks.t").unwrap();
    assert_eq!(kind(table.select().rows().unwrap_err()), ErrorKind::NotFound);
}

/// The set of rows doesn't depend on the columns that are read, whatever their form and place.
#[test]
fn projections_reach_the_reader_and_change_no_rows() {
    let (db, table) = create(
        "CREATE TABLE ks.t (p int, c int, s int static, v int, w int, m map<int, int>, PRIMARY KEY (p, c))",
    );
    let at = |seconds: i64| seconds * 1_000_000;
    // Rows whose only live cell is of a column that isn't asked for; markers that expired; versions
    // in several places.
    table.update(1, 1).set("w", 1).timestamp(at(10)).execute().unwrap();
    table
        .update(1, 2)
        .set("m", [(1, 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>())
        .timestamp(at(10))
        .execute()
        .unwrap();
    table.insert(1, 3).set("w", 3).timestamp(at(10)).execute().unwrap();
    table.insert(1, 4).set("v", 4).set("w", 4).timestamp(at(10)).execute().unwrap();
    table.update(1, 5).set("w", 5).timestamp(at(10)).execute().unwrap();
    db.flush().unwrap();
    table.insert(1, 3).set("v", 33).timestamp(at(20)).execute().unwrap();
    table.insert(1, 4).set("v", 44).timestamp(at(20)).execute().unwrap();
    table.update(1, 1).set("v", None::<i32>).timestamp(at(20)).execute().unwrap();
    table.insert(1, 5).set("v", 5).timestamp(at(20)).ttl(10).execute().unwrap();
    table.update(2, ()).set("s", 2).execute().unwrap();
    // Long after what expires.
    let later = u32::try_from(super::NOW).unwrap() + 100;
    for _ in 0..3 {
        let keys = |select: Select| {
            let rows = select.now_seconds(later).rows().unwrap().into_iter();
            rows.map(|row| row.map(|row| (row.get("p").unwrap(), row.get("c").ok())))
                .collect::<crate::Result<Vec<(i32, Option<i32>)>>>()
                .unwrap()
        };
        let all = keys(table.select());
        assert_eq!(all, [(1, Some(1)), (1, Some(2)), (1, Some(3)), (1, Some(4)), (1, Some(5)), (2, None)]);
        for columns in [&["v"][..], &["w"], &["m"], &["s"], &[], &["v", "s"]] {
            assert_eq!(keys(table.select().columns(columns)), all, "{columns:?}");
            assert_eq!(keys(table.select().key(1).columns(columns)), all[..5], "{columns:?}");
            for c in 1..=6 {
                let single = keys(table.select().key(1).prefix(c).columns(columns));
                assert_eq!(single.len(), usize::from(c <= 5), "{c} {columns:?}");
                let row = table.select().key(1).prefix(c).columns(columns).rows().unwrap().into_iter().next();
                let Some(row) = row.transpose().unwrap() else { continue };
                let whole = table.get(1, c).unwrap().unwrap();
                for name in ["v", "w", "m", "s"] {
                    let expected =
                        if columns.contains(&name) { whole.value(name).unwrap() } else { Value::Null };
                    assert_eq!(row.value(name).unwrap(), expected, "{name} of {c} by {columns:?}");
                }
            }
        }
        db.flush().unwrap();
    }
}

#[test]
fn filters_see_columns_that_are_not_shown() {
    let (db, table) = create(WIDE);
    for c in 0..10 {
        table.insert(1, (c, 0)).set("v", c).timestamp(i64::from(c)).execute().unwrap();
    }
    table.update(2, ()).set("s", 1).execute().unwrap();
    for _ in 0..2 {
        let odd = |select: Select| {
            select.filter(&["v"], |row| {
                let cell = row.elements("v")?.next()?;
                Ok(cell.is_some_and(|(_, cell)| cell.timestamp.0 % 2 == 1))
            })
        };
        let found = clusterings(&odd(table.select().columns(&["s"])));
        assert_eq!(found, [[1, 0], [3, 0], [5, 0], [7, 0], [9, 0]]);
        assert_eq!(clusterings(&odd(table.select().key(1)).limit(2)), [[1, 0], [3, 0]]);
        assert_eq!(shown(&odd(table.select().key(1).prefix((4, 0)))), []);
        assert_eq!(shown(&odd(table.select().key(1).prefix((5, 0)))).len(), 1);
        // A partition whose rows all fail doesn't show its static row instead.
        table.update(1, ()).set("s", 9).execute().unwrap();
        assert_eq!(shown(&table.select().key(1).filter(&[], |_| Ok(false))), []);
        assert_eq!(shown(&table.select().filter(&["s"], |row| Ok(row.get("s").ok() == Some(1)))).len(), 1);
        let unknown = table.select().filter(&["x"], |_| Ok(true)).rows().unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::Invalid);
        db.flush().unwrap();
    }
}

/// The static row was read first, and the row from a later moment of the memtable: a batch that
/// wrote both in between was seen in half.
#[test]
fn a_row_and_its_static_row_are_of_one_moment() {
    let disk = SimDisk::new();
    let db = open(&disk);
    db.execute_schema(super::KEYSPACE).unwrap();
    db.execute_schema("CREATE TABLE ks.t (p int, c int, s int static, v int, PRIMARY KEY (p, c))").unwrap();
    let table = db.table("ks", "t").unwrap();
    let write = |value: i32| {
        let mut batch = db.batch();
        table.update(1, ()).set("s", value).add_to(&mut batch).unwrap();
        table.update(1, 1).set("v", value).add_to(&mut batch).unwrap();
        batch.execute().unwrap();
    };
    write(1);
    db.flush().unwrap();
    disk.hold_at(1);
    let (s, v) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let row = table.get(1, 1).unwrap().unwrap();
            (row.get::<i32>("s").unwrap(), row.get::<i32>("v").unwrap())
        });
        while !disk.is_held() {
            std::thread::yield_now();
        }
        write(2);
        disk.release();
        reading.join().unwrap()
    });
    assert_eq!(s, v);
}
