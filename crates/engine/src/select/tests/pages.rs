//! Pages of a query, one after the other, compared with the query as a whole.
//!
//! The story: a page was the whole query with the rows before its beginning skipped. Having skipped
//! a row it took all later partitions for restricted ones, and lost those that have a static row
//! alone; it forgot how many rows of its partition had been shown, so that `limit_per_partition`
//! and `distinct` began anew; and it cost what all pages before it had cost together.

use helenus_rows::Direction;
use helenus_sim::SimDisk;
use helenus_types::Token;
use proptest::prelude::*;

use super::{Shown, create, open, shown};
use crate::{Database, ErrorKind, RowKey, RowPosition, Select, Table};

const TABLE: &str = "CREATE TABLE ks.t (p int, c int, d int, s int static, v int, PRIMARY KEY (p, c, d)) \
                     WITH CLUSTERING ORDER BY (c ASC, d DESC)";

/// The query, read in pages; between two of them `meanwhile` is called.
fn paged(select: &Select, page: usize, mut meanwhile: impl FnMut(usize)) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut position: Option<RowPosition> = None;
    for number in 0.. {
        let mut select = select.clone().limit(page);
        if let Some(position) = position.take() {
            // By way of its bytes: another process may read the next page.
            select = select.after(RowPosition::from_bytes(&position.to_bytes()).unwrap());
        }
        let rows = shown(&select);
        let mut cursor = select.rows().unwrap();
        while cursor.next().unwrap().is_some() {}
        position = cursor.position();
        let is_last = rows.len() < page;
        assert!(rows.len() <= page);
        assert!(position.is_some() || found.is_empty() && rows.is_empty(), "it is there after the last row");
        found.extend(rows);
        if is_last {
            break;
        }
        assert!(found.len() < 10_000, "pages without an end");
        meanwhile(number);
    }
    found
}

/// The key of a partition that has no rows.
const ELSEWHERE: i32 = 100;

#[derive(Clone, Debug)]
enum Write {
    Row(i32, i32, i32),
    /// A row without a marker.
    Update(i32, i32, i32),
    Static(i32),
    DeleteRow(i32, i32, i32),
    DeleteRange(i32, i32),
    DeletePartition(i32),
    DeleteStatic(i32),
    Flush,
}

/// Writes without deletions, which hide what pages could lose, or with them.
fn writes() -> impl Strategy<Value = Vec<Write>> {
    prop_oneof![
        prop::collection::vec(prop_oneof![row_or_static(), Just(Write::Flush)], 0..20),
        prop::collection::vec(write(), 0..60),
    ]
}

fn row_or_static() -> impl Strategy<Value = Write> {
    let row = (0..6i32, 0..4i32, 0..4i32).prop_map(|(p, c, d)| Write::Row(p, c, d));
    prop_oneof![row, (0..6i32).prop_map(Write::Static)]
}

fn write() -> impl Strategy<Value = Write> {
    let (p, c, d) = (0..6i32, 0..4i32, 0..4i32);
    prop_oneof![
        8 => (p.clone(), c.clone(), d.clone()).prop_map(|(p, c, d)| Write::Row(p, c, d)),
        3 => (p.clone(), c.clone(), d.clone()).prop_map(|(p, c, d)| Write::Update(p, c, d)),
        3 => p.clone().prop_map(Write::Static),
        2 => (p.clone(), c.clone(), d).prop_map(|(p, c, d)| Write::DeleteRow(p, c, d)),
        1 => (p.clone(), c).prop_map(|(p, c)| Write::DeleteRange(p, c)),
        1 => p.clone().prop_map(Write::DeletePartition),
        1 => p.prop_map(Write::DeleteStatic),
        1 => Just(Write::Flush),
    ]
}

fn apply(db: &Database, table: &Table, writes: &[Write]) {
    for (value, write) in (0i32..).zip(writes) {
        match *write {
            Write::Row(p, c, d) => table.insert(p, (c, d)).set("v", value).execute(),
            Write::Update(p, c, d) => table.update(p, (c, d)).set("v", value).execute(),
            Write::Static(p) => table.update(p, ()).set("s", value).execute(),
            Write::DeleteRow(p, c, d) => table.delete(p, (c, d)).execute(),
            Write::DeleteRange(p, c) => table.delete(p, c).execute(),
            Write::DeletePartition(p) => table.delete_partition(p).execute(),
            Write::DeleteStatic(p) => table.update(p, ()).set("s", None::<i32>).execute(),
            Write::Flush => db.flush(),
        }
        .unwrap();
    }
}

/// A query, as a recipe.
#[derive(Clone, Debug)]
struct Query {
    keys: Vec<i32>,
    tokens: Option<(i64, i64)>,
    prefixes: Vec<(i32, Option<i32>)>,
    from: Option<(i32, bool)>,
    to: Option<(i32, bool)>,
    direction: Direction,
    per_partition: Option<usize>,
    distinct: bool,
    columns: Option<Vec<&'static str>>,
    filter: Option<i32>,
}

impl Query {
    fn on(&self, table: &Table) -> Select {
        use std::ops::Bound::{Excluded, Included};
        let mut select = self.keys.iter().fold(table.select(), |select, key| select.key(*key));
        if let Some((a, b)) = self.tokens {
            select = select.tokens(Token(a.min(b))..=Token(a.max(b)));
        }
        for (c, d) in &self.prefixes {
            select = match d {
                Some(d) => select.prefix((*c, *d)),
                None => select.prefix(*c),
            };
        }
        let ends = match (self.from, self.to) {
            // The wrong way round they would be refused.
            (Some(from), Some(to)) if from.0 > to.0 => (Some(to), Some(from)),
            ends => ends,
        };
        let end = |(value, inclusive)| if inclusive { Included(value) } else { Excluded(value) };
        if let Some(from) = ends.0 {
            select = select.from(end(from));
        }
        if let Some(to) = ends.1 {
            select = select.to(end(to));
        }
        if self.direction == Direction::Reverse && !self.keys.is_empty() {
            select = select.reverse();
        }
        if let Some(rows) = self.per_partition {
            select = select.limit_per_partition(rows);
        }
        if self.distinct {
            select = select.distinct();
        }
        if let Some(columns) = &self.columns {
            select = select.columns(columns);
        }
        if let Some(modulus) = self.filter {
            select = select
                .filter(&["v"], move |row| Ok(row.get::<Option<i32>>("v")?.is_none_or(|v| v % modulus != 0)));
        }
        select
    }
}

fn query() -> impl Strategy<Value = Query> {
    let end = || prop::option::weighted(0.2, (0..4i32, any::<bool>()));
    (
        // Absent keys, and some twice.
        prop_oneof![Just(Vec::new()), prop::collection::vec(0..8i32, 1..6)],
        prop::option::weighted(0.2, (any::<i64>(), any::<i64>())),
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::collection::vec((0..4i32, prop::option::of(0..4i32)), 1..4),
        ],
        end(),
        end(),
        prop_oneof![Just(Direction::Forward), Just(Direction::Reverse)],
        prop::option::weighted(0.3, 1..4usize),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.5, prop::sample::select(vec![vec!["v"], vec!["s"], vec![], vec!["s", "v"]])),
        prop::option::weighted(0.2, 2..4i32),
    )
        .prop_map(
            |(keys, tokens, prefixes, from, to, direction, per_partition, distinct, columns, filter)| Query {
                keys,
                tokens,
                prefixes,
                from,
                to,
                direction,
                per_partition,
                distinct,
                columns,
                filter,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked for, wherever the data are: pages of every size are the query.
    #[test]
    fn joined_are_the_query(
        writes in writes(),
        queries in prop::collection::vec(query(), 6),
        sizes in prop::collection::vec(1..12usize, 3),
    ) {
        let (db, table) = create(TABLE);
        apply(&db, &table, &writes);
        for query in &queries {
            let select = query.on(&table);
            let whole = shown(&select);
            for size in &sizes {
                prop_assert_eq!(&paged(&select, *size, |_| {}), &whole, "{:?} by {}", query, size);
            }
        }
        // Flushes between pages change nothing. What is written for them to flush is of no query.
        for query in &queries {
            let select = query.on(&table);
            let whole = shown(&select);
            for size in &sizes {
                let joined = paged(&select, *size, |number| {
                    let unseen = table.delete(ELSEWHERE, 0).timestamp(0).execute();
                    unseen.and_then(|()| if number % 2 == 0 { db.flush() } else { Ok(()) }).unwrap();
                });
                prop_assert_eq!(joined, whole.clone(), "{:?} by {} with flushes", query, size);
            }
        }
        db.compact().unwrap();
        for query in &queries {
            let select = query.on(&table);
            for size in [1, 2] {
                prop_assert_eq!(paged(&select, size, |_| {}), shown(&select), "{:?} compacted", query);
            }
        }
    }

    /// Rows that are named by their places are those of the whole table, in either direction and in
    /// pages.
    #[test]
    fn rows_at_places_are_the_tables(
        writes in prop::collection::vec(write(), 0..60),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        size in 1..5usize,
    ) {
        let (db, table) = create(TABLE);
        apply(&db, &table, &writes);
        let mut places = Vec::new();
        let mut rows = table.select().rows().unwrap();
        while let Some(row) = rows.next().unwrap() {
            places.push(row.row_key());
        }
        let all = shown(&table.select());
        let picks: Vec<usize> = picks.iter().filter(|_| !all.is_empty()).map(|pick| pick.index(all.len())).collect();
        let mut named: Vec<RowKey> = picks.iter().map(|&at| places[at].clone()).collect();
        let mut expected: Vec<Vec<Shown>> = Vec::new();
        for &at in &picks {
            let key = all[at].0;
            if expected.iter().all(|rows| rows[0].0 != key) {
                let rows = all.iter().enumerate().filter(|(at, row)| row.0 == key && picks.contains(at));
                expected.push(rows.map(|(_, row)| row.clone()).collect());
            }
        }
        // Rows that aren't there: of a partition that may be, and of one that isn't.
        for key in [1, 77] {
            named.push(RowKey::new(i32::to_be_bytes(key), Some(clustering(9, 9))));
        }
        for reverse in [false, true] {
            let select = table.select().rows_at(named.clone());
            let select = if reverse { select.reverse() } else { select };
            let expected: Vec<Shown> = expected
                .iter()
                .flat_map(|rows| {
                    let mut rows = rows.clone();
                    if reverse {
                        rows.reverse();
                    }
                    rows
                })
                .collect();
            prop_assert_eq!(&shown(&select), &expected);
            prop_assert_eq!(&paged(&select, size, |_| {}), &expected);
        }
    }
}

/// The encoded clustering of a row: a header of two bits for each value, then the values.
fn clustering(c: i32, d: i32) -> Vec<u8> {
    [&[0][..], &c.to_be_bytes(), &d.to_be_bytes()].concat()
}

#[test]
fn places_stand_alone_and_are_the_tables() {
    let (_db, table) = create(TABLE);
    table.insert(1, (2, 3)).set("v", 7).execute().unwrap();
    table.update(4, ()).set("s", 5).execute().unwrap();
    let place = RowKey::new(1i32.to_be_bytes(), Some(clustering(2, 3)));
    assert_eq!(table.get(1, (2, 3)).unwrap().unwrap().get::<i32>("v").unwrap(), 7);
    assert_eq!(shown(&table.select().rows_at([place.clone()])), [(1, Some(vec![2, 3]), None, Some(7))]);
    // A partition as a whole shows its static row, where it has no other.
    let whole = RowKey::new(4i32.to_be_bytes(), None::<Vec<u8>>);
    assert_eq!(shown(&table.select().rows_at([whole])), [(4, None, Some(5), None)]);
    assert_eq!(shown(&table.select().rows_at([])), []);
    assert_eq!(shown(&table.select().rows_at([place.clone()]).tokens(Token(1)..=Token(1))), []);
    for select in [table.select().key(1), table.select().prefix(2), table.select().range(1..3)] {
        let error = select.rows_at([place.clone()]).rows().unwrap_err();
        assert!(error.to_string().contains("no partition keys, prefixes or ranges beside them"), "{error}");
    }
    let foreign = RowKey::new(1i32.to_be_bytes(), Some([0, 1]));
    let error = table.select().rows_at([foreign]).rows().unwrap_err();
    assert!(error.to_string().contains("another table's"), "{error}");
}

#[test]
fn partitions_of_a_static_row_alone_are_not_lost() {
    let (db, table) = create(TABLE);
    for c in 1..=3 {
        table.insert(1, (c, 0)).set("v", c).execute().unwrap();
    }
    table.update(2, ()).set("s", 20).execute().unwrap();
    table.update(3, ()).set("s", 30).execute().unwrap();
    for _ in 0..2 {
        let row = |c: i32| (1, Some(vec![c, 0]), None, Some(c));
        let (two, three) = ((2, None, Some(20), None), (3, None, Some(30), None));
        let all = [row(1), row(2), row(3), two.clone(), three.clone()];
        assert_eq!(paged(&table.select(), 1, |_| {}), all);
        assert_eq!(paged(&table.select(), 2, |_| {}), all);
        let keys = table.select().key(3).key(1).key(2).reverse();
        let reversed = [three.clone(), row(3), row(2), row(1), two.clone()];
        assert_eq!(paged(&keys, 2, |_| {}), reversed);
        let distinct = [row(1), two.clone(), three.clone()];
        assert_eq!(paged(&table.select().distinct(), 1, |_| {}), distinct);
        let two_each = [row(1), row(2), two, three];
        assert_eq!(paged(&table.select().limit_per_partition(2), 1, |_| {}), two_each);
        // Without the static row's columns no SSTable need be entered for the rest of a partition.
        let unfixed = table.select().columns(&["v"]);
        for page in 1..=5 {
            assert_eq!(paged(&unfixed, page, |_| {}), shown(&unfixed), "by {page}");
        }
        db.flush().unwrap();
    }
}

#[test]
fn a_position_follows_rows_that_come_later() {
    let (_db, table) = create(TABLE);
    let write = |c: i32| table.insert(1, (c, 0)).set("v", c).execute().unwrap();
    let page = |after: Option<RowPosition>| {
        let select = table.select().key(1);
        let mut rows = after.into_iter().fold(select, Select::after).rows().unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(row.get::<i32>("c").unwrap());
        }
        (found, rows.position())
    };
    assert_eq!(page(None), (vec![], None));
    write(1);
    write(2);
    let (found, position) = page(None);
    assert_eq!(found, [1, 2]);
    // Nothing new: the position stays.
    assert_eq!(page(position.clone()), (vec![], position.clone()));
    write(3);
    assert_eq!(page(position).0, [3]);
}

#[test]
fn positions_of_other_queries_are_refused() {
    let (_db, table) = create(TABLE);
    table.insert(1, (1, 1)).execute().unwrap();
    let position = |select: Select| {
        let mut rows = select.rows().unwrap();
        assert!(rows.next().unwrap().is_some());
        rows.position().unwrap()
    };
    let of_one = position(table.select().key(1));
    for select in [
        table.select().key(2),
        table.select().key(1).tokens(Token(1)..=Token(1)),
        table.select().tokens(Token(1)..=Token(1)),
    ] {
        let error = select.after(of_one.clone()).rows().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("not one of this query"), "{error}");
    }
    let (_other, other) =
        create("CREATE TABLE ks.t (p int, c text, s int static, v int, PRIMARY KEY (p, c))");
    other.insert(1, "a row with a long name").execute().unwrap();
    let foreign = position(other.select().key(1));
    assert_eq!(table.select().key(1).after(foreign).rows().unwrap_err().kind(), ErrorKind::Invalid);
}

/// Rows and markers that a page looked at, and chunks that it took from the cache or the disk.
fn cost(db: &Database, select: &Select) -> (u64, u64) {
    let chunks = || db.metrics().cache_hits + db.metrics().cache_misses;
    let before = chunks();
    let mut rows = select.rows().unwrap();
    while rows.next().unwrap().is_some() {}
    (rows.examined(), chunks() - before)
}

/// Each page of 50 rows of a partition of 20,000 had read all rows before it, in either direction.
#[test]
fn a_page_costs_the_same_wherever_it_begins() {
    const ROWS: i32 = 20_000;
    let disk = SimDisk::new();
    let db = open(&disk);
    db.execute_schema(&format!("{} {TABLE};", super::KEYSPACE)).unwrap();
    let table = db.table("ks", "t").unwrap();
    let mut batch = db.batch();
    let insert = table.prepare_insert(&["p", "c", "d", "v"]).unwrap();
    for first in (0..ROWS).step_by(1000) {
        for c in first..first + 1000 {
            insert.add_to(&mut batch, (1, c, 0, c)).unwrap();
        }
        batch.execute().unwrap();
    }
    for state in ["memtable", "SSTable"] {
        for select in [table.select(), table.select().key(1), table.select().key(1).reverse()] {
            let page = |depth: i32| {
                let place = if select.direction == Direction::Reverse { ROWS - depth } else { depth };
                let clustering = {
                    let row = table.get(1, (place, 0)).unwrap().unwrap();
                    let mut rows = table.select().key(1).prefix((place, 0)).rows().unwrap();
                    assert!(rows.next().unwrap().is_some());
                    assert_eq!(row.get::<i32>("v").unwrap(), place);
                    rows.position().unwrap()
                };
                cost(&db, &select.clone().limit(50).after(clustering))
            };
            page(100);
            let (rows_near, chunks_near) = page(100);
            for depth in [5_000, 12_000, 19_800] {
                let (rows, chunks) = page(depth);
                assert!(rows <= rows_near.max(50) + 2, "{state}: {rows} rows at {depth}, {rows_near} near");
                assert!(chunks <= chunks_near + 4, "{state}: {chunks} chunks at {depth}, {chunks_near} near");
            }
        }
        db.flush().unwrap();
    }
}
