//! Batches: statements are encoded when they are added, and have the moment at which the batch is
//! executed all the same.

use std::collections::BTreeMap;

use super::{MICROS, NOW, World, check, raw};
use crate::{Batch, BindValue, Prepared, Table, Unset, WriteOptions};

const NULL: Option<i32> = None;

/// Statements on one partition, whose key is the first value of each.
struct Statements {
    list: Vec<(Prepared, Vec<Box<dyn BindValue>>)>,
}

macro_rules! values {
    ($($value:expr),*) => { vec![$(Box::new($value) as Box<dyn BindValue>),*] };
}

impl Statements {
    fn new(t: &Table) -> Self {
        let map = || BTreeMap::from([("k", 1), ("l", 2)]);
        let insert = |columns: &[&str]| t.prepare_insert(&[&["p", "c", "d"], columns].concat()).unwrap();
        let update = |columns: &[&str]| t.prepare_update(&[&["p", "c", "d"], columns].concat()).unwrap();
        let delete = |columns: &[&str]| t.prepare_delete(&["p", "c", "d"], columns).unwrap();
        let list = vec![
            (insert(&["a", "b"]), values![1, "x", 7, "text"]),
            (insert(&["b", "a"]), values![2, "x", "", NULL]),
            (insert(&["a", "b"]), values![3, "x".repeat(100), Unset, "y".repeat(200)]),
            (insert(&["a", "s1", "m"]), values![4, "x", 5, 9, map()]),
            (
                insert(&["a", "m", "l", "f"]),
                values![5, "x", 5, None::<BTreeMap<&str, i32>>, None::<Vec<i32>>, Unset],
            ),
            (update(&["a", "b"]), values![6, "x", 1, None::<&str>]),
            (update(&["a"]), values![7, "x", Unset]),
            (update(&["a", "s"]), values![8, "x", 1, vec![3, 4]]),
            (delete(&[]), values![9, "x"]),
            (delete(&["a", "m"]), values![10, "x"]),
            (t.prepare_delete(&["p"], &["s2"]).unwrap(), values![]),
            // Of two statements on one row a deletion wins, then the larger value.
            (insert(&["a", "b"]), values![11, "x", 2, "a"]),
            (insert(&["a", "b"]), values![11, "x", 1, "b"]),
            (delete(&["b"]), values![11, "x"]),
            (insert(&["a"]), values![12, "x", 2]),
            (delete(&[]), values![12, "x"]),
        ];
        Self { list }
    }

    fn each(&self, p: i32, mut f: impl FnMut(&Prepared, &[&dyn BindValue])) {
        for (statement, values) in &self.list {
            let all: Vec<&dyn BindValue> =
                std::iter::once(&p as &dyn BindValue).chain(values.iter().map(|value| &**value)).collect();
            f(statement, &all);
        }
    }

    fn add(&self, p: i32, batch: &mut Batch) {
        self.each(p, |statement, values| statement.add_to(batch, values).unwrap());
    }

    fn execute(&self, p: i32, options: WriteOptions) {
        self.each(p, |statement, values| statement.execute_with(&options, values).unwrap());
    }
}

/// Whether nothing of the batch was staged.
fn is_encoded(batch: &Batch) -> bool {
    batch.workspace.staged.ops.is_empty() && !batch.is_empty()
}

#[test]
fn a_batch_leaves_what_its_statements_do() {
    let world = World::new();
    let t = world.t();
    let statements = Statements::new(&t);
    let at = MICROS + 2_000_000;
    world.clock.set_micros(MICROS + 500_000);
    for (p, timestamp) in [(1, at), (2, 5), (3, 0)] {
        statements.execute(p, WriteOptions::new().timestamp(timestamp));
    }
    let mut batch = world.db.batch();
    let mut written = |p: i32, early: Option<i64>, timestamp: Option<i64>| {
        // In the second before.
        world.clock.set_micros(MICROS - 500_000);
        early.map(|early| batch.timestamp(early));
        statements.add(p, &mut batch);
        assert!(is_encoded(&batch), "each is encoded when it is added");
        assert_eq!(batch.len(), statements.list.len() + 1, "one of them writes a static column too");
        world.clock.set_micros(MICROS + 500_000);
        timestamp.map(|timestamp| batch.timestamp(timestamp));
        batch.execute().unwrap();
        raw(&t, p)
    };
    // The timestamp is given before the statements or after them; it has the length that theirs
    // had, or another.
    let expected = raw(&t, 1);
    assert_eq!(written(11, None, Some(at)), expected);
    assert_eq!(written(12, Some(at), None), expected);
    assert_eq!(written(13, Some(at - 7), Some(at)), expected);
    assert_eq!(written(14, Some(0), Some(at)), expected);
    assert_eq!(written(15, None, Some(5)), raw(&t, 2));
    assert_eq!(written(16, Some(5), None), raw(&t, 2));
    assert_eq!(written(17, Some(5), Some(0)), raw(&t, 3));
    let own = expected.replace(&at.to_string(), "own").replace(&(at - 1).to_string(), "own");
    assert_eq!(written(18, None, None), own);
    assert!(own.contains("(9, \"x\") x@own/now"), "{own}");
}

/// Statements that depend on more than the moment are staged, beside those that are encoded; with
/// one that reads first all are.
#[test]
fn what_is_encoded_and_what_is_staged_is_written_together() {
    let world = World::new();
    let t = world.t();
    let statements = Statements::new(&t);
    let at = MICROS + 2_000_000;
    for p in [1, 2] {
        t.insert(p, (20, "x")).set("l", vec!["a"]).timestamp(10).execute().unwrap();
    }
    for (p, reads) in [(1, false), (2, true), (3, false)] {
        let others = [
            t.update(p, (21, "x")).set("a", 1).ttl(100).timestamp(at),
            t.update(p, (22, "x")).append("l", "b").timestamp(at),
            if reads {
                t.update(p, (20, "x")).set_at("l", 0, "c").timestamp(at)
            } else {
                t.update(p, (23, "x")).set("b", "d").timestamp(7)
            },
        ];
        if p == 3 {
            // Alone.
            statements.execute(p, WriteOptions::new().timestamp(at));
            for statement in others {
                statement.execute().unwrap();
            }
            t.delete(p, ()).from(std::ops::Bound::Included(30)).timestamp(at).execute().unwrap();
            continue;
        }
        let mut batch = world.db.batch();
        let [ttl, append, third] = others;
        ttl.add_to(&mut batch).unwrap();
        statements.add(p, &mut batch);
        append.add_to(&mut batch).unwrap();
        third.add_to(&mut batch).unwrap();
        t.delete(p, ()).from(std::ops::Bound::Included(30)).add_to(&mut batch).unwrap();
        // A refusal leaves it as it was.
        let before = batch.len();
        t.delete_partition(p + 100).add_to(&mut batch).unwrap();
        assert!(batch.timestamp(-1).execute().is_err());
        assert_eq!(batch.len(), before + 1);
        batch.timestamp(at).execute().unwrap();
    }
    let lines = |p: i32| -> Vec<String> {
        raw(&t, p)
            .lines()
            .filter(|line| !line.starts_with("(20") && !line.starts_with("(23"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(1), lines(3));
    assert_eq!(lines(2), lines(3));
    assert!(raw(&t, 1).contains("b=\"d\"@7"), "{}", raw(&t, 1));
    assert!(raw(&t, 2).contains("[0]=\"c\""), "{}", raw(&t, 2));
}

/// A second that is given stands for the clock's: for what expires, for tombstones, and for what
/// was encoded before it was known.
#[test]
fn a_second_that_is_given_stands_for_the_clocks() {
    let world = World::new();
    let t = world.t();
    let statements = Statements::new(&t);
    let insert = t.prepare_insert(&["p", "c", "d", "a"]).unwrap();
    let later = WriteOptions::new().now_seconds(NOW + 50);
    let write = |p: i32, options: WriteOptions| {
        let mut batch = world.db.batch();
        statements.add(p, &mut batch);
        assert!(is_encoded(&batch), "each is encoded when it is added");
        insert.add_with(&options, &mut batch, (p, 30, "x", 1)).unwrap();
        assert!(!is_encoded(&batch), "what brings a second of its own is staged");
        insert.add_with(&options.ttl(100), &mut batch, (p, 31, "x", 1)).unwrap();
        batch.timestamp(MICROS).execute().unwrap();
        let options = options.timestamp(MICROS);
        insert.execute_with(&options, (p, 32, "x", None::<i32>)).unwrap();
        insert.execute_with(&options.ttl(100), (p, 33, "x", 1)).unwrap();
    };
    write(1, later);
    write(2, WriteOptions::new().ttl(0));
    world.clock.set_micros(MICROS + 50_000_000);
    write(3, WriteOptions::new().ttl(0));
    assert_eq!(raw(&t, 1), raw(&t, 3));
    assert_ne!(raw(&t, 1), raw(&t, 2));
}

/// A value that is refused leaves the batch as it was, whatever it had begun.
#[test]
fn a_refused_statement_leaves_no_trace() {
    let world = World::new();
    let t = world.t();
    let insert = t.prepare_insert(&["p", "c", "d", "a", "b"]).unwrap();
    let update = t.prepare_update(&["p", "c", "d", "a"]).unwrap();
    let mut batch = world.db.batch();
    let wrong = |batch: &mut Batch, p: i32| {
        let values: [&dyn BindValue; 5] = [&p, &1, &"x", &1, &7];
        insert.add_to(batch, values).unwrap_err();
        insert.add_to(batch, ("p", 1, "x", 1, "b")).unwrap_err();
        insert.add_to(batch, (p, "c", "x", 1, "b")).unwrap_err();
        let values: [&dyn BindValue; 5] = [&p, &1, &"x", &1, &"b"];
        insert.add_to(batch, &values[..4]).unwrap_err();
    };
    wrong(&mut batch, 1);
    update.add_to(&mut batch, (5, 1, "x", Unset)).unwrap();
    wrong(&mut batch, 6);
    insert.add_to(&mut batch, (1, 1, "x", 1, "b")).unwrap();
    wrong(&mut batch, 1);
    wrong(&mut batch, 2);
    insert.add_to(&mut batch, (1, 2, "x", 2, "b")).unwrap();
    update.add_to(&mut batch, (3, 1, "x", Unset)).unwrap();
    wrong(&mut batch, 4);
    insert.add_to(&mut batch, (2, 1, "x", 3, "b")).unwrap();
    wrong(&mut batch, 3);
    assert_eq!(batch.len(), 5);
    assert!(is_encoded(&batch));
    batch.execute().unwrap();
    check(&t, 1, &["(1, \"x\") live@own a=1@own b=\"b\"@own", "(2, \"x\") live@own a=2@own b=\"b\"@own"]);
    check(&t, 2, &["(1, \"x\") live@own a=3@own b=\"b\"@own"]);
    assert_eq!(t.metrics().writes, 2, "a partition that gets nothing is not written");
}

/// Rows that were encoded before the schema changed are encoded again, or refused.
#[test]
fn rows_of_a_batch_follow_the_schema() {
    let world = World::new();
    let t = world.t();
    let statements = Statements::new(&t);
    let at = MICROS + 2_000_000;
    let mut batch = world.db.batch();
    statements.add(1, &mut batch);
    world.db.execute_schema("ALTER TABLE ks.t ADD aa int; ALTER TABLE ks.t ADD s0 int static;").unwrap();
    assert!(is_encoded(&batch));
    batch.timestamp(at).execute().unwrap();
    statements.execute(2, WriteOptions::new().timestamp(at));
    assert_eq!(raw(&t, 1), raw(&t, 2));
    // What has no time to live of its own has the table's at the end.
    let insert = t.prepare_insert(&["p", "c", "d", "a"]).unwrap();
    insert.add_to(&mut batch, (3, 1, "x", 1)).unwrap();
    insert.add_with(&WriteOptions::new().ttl(0), &mut batch, (3, 2, "x", 1)).unwrap();
    world.db.execute_schema("ALTER TABLE ks.t WITH default_time_to_live = 100").unwrap();
    batch.execute().unwrap();
    let expires = "ttl 100 to now+100";
    check(
        &t,
        3,
        &[&format!("(1, \"x\") live@own {expires} a=1@own {expires}"), "(2, \"x\") live@own a=1@own"],
    );
    world.db.execute_schema("ALTER TABLE ks.t WITH default_time_to_live = 0").unwrap();
    insert.add_to(&mut batch, (4, 1, "x", 1)).unwrap();
    world.db.execute_schema("ALTER TABLE ks.t DROP a").unwrap();
    let error = batch.execute().unwrap_err();
    assert_eq!(error.to_string(), "ks.t, column a: the column was dropped before the write was carried out");
    assert_eq!(batch.len(), 1);
    assert_eq!(raw(&t, 4), "");
}
