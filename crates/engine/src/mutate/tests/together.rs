//! Several operations on one column in one statement.
//!
//! Random histories against Cassandra 5.0.8 found that each kind of statement had rules of its own:
//! an element that was removed and put in one statement was kept, although a deletion wins at one
//! timestamp; of two values for one element the last one won, although the larger one must; indexes
//! of lists were counted in the list before the statement, where each operation sees what those
//! before it did; and statements that CQL accepts were refused. The answers are Cassandra's.

use helenus_testkit::histories::Rng;
use helenus_types::Value;

use super::{World, check, column};
use crate::{ErrorKind, Op, Serialized, Table, Unset, Update};

fn ints(values: &[i32]) -> Value {
    Value::List(values.iter().map(|value| Value::Int(*value)).collect())
}

fn world() -> (World, Table) {
    let world = World::new();
    world
        .db
        .execute_schema(
            "CREATE TABLE ks.w (p int PRIMARY KEY, m map<int, int>, l list<int>, s set<int>, u address, v int);",
        )
        .unwrap();
    let w = world.table("w");
    (world, w)
}

/// The list after an update of one statement.
#[track_caller]
fn list(before: &[i32], update: impl FnOnce(Update<'_>) -> Update<'_>, after: &[i32]) {
    let (_world, w) = world();
    w.insert(1, ()).set("l", before.to_vec()).execute().unwrap();
    update(w.update(1, ())).execute().unwrap();
    let expected = if after.is_empty() { Value::Null } else { ints(after) };
    assert_eq!(column(&w, "l"), [expected]);
}

#[test]
fn operations_on_a_list_see_each_other() {
    list(&[1, 2, 3], |u| u.set_at("l", 0, 9).set_at("l", 0, 8), &[9, 2, 3]);
    list(&[1, 2, 3], |u| u.set_at("l", 0, 2).remove_value("l", 2), &[3]);
    list(&[1], |u| u.append("l", 4).remove_value("l", 4), &[1]);
    list(&[1], |u| u.append("l", 4).set_at("l", 1, 9), &[1, 9]);
    list(&[1, 2, 3], |u| u.prepend("l", 9).set_at("l", 0, 8), &[9, 1, 2, 3]);
    list(&[1, 2, 3], |u| u.prepend("l", 7).set_at("l", 0, 8), &[8, 1, 2, 3]);
    list(&[1, 2, 3], |u| u.remove_at("l", 0).remove_at("l", 1), &[2]);
    list(&[1, 2, 3], |u| u.set_at("l", 0, None::<i32>).set_at("l", 0, 7), &[7, 3]);
    // At an older time than the list's own they change nothing, and see that.
    list(&[1, 2, 3], |u| u.set_at("l", 0, 9).remove_value("l", 9).timestamp(5), &[1, 2, 3]);
    let (_world, w) = world();
    w.insert(1, ()).set("l", vec![1, 2, 3]).execute().unwrap();
    w.delete(1, ()).element_at("l", 0).element_at("l", 1).execute().unwrap();
    assert_eq!(column(&w, "l"), [ints(&[2])]);
    w.delete(1, ()).element_at("l", 0).column("l").execute().unwrap();
    assert_eq!(column(&w, "l"), [Value::Null]);
    let gone = w.delete(1, ()).column("l").element_at("l", 0).execute().unwrap_err();
    assert_eq!(gone.to_string(), "ks.w, column l: there is no index 0 in a list of 0 elements");
}

/// If there was no row, elements that the statement itself deletes are counted: Cassandra merges
/// its changes into the row that it read, which drops deletions, only if it read one.
#[test]
fn a_list_that_was_not_there() {
    let (_world, w) = world();
    w.update(1, ()).append("l", 1).set_at("l", 0, 5).execute().unwrap();
    assert_eq!(column(&w, "l"), [ints(&[5])]);
    w.delete_partition(1).execute().unwrap();
    let update = w.update(1, ()).append("l", 1).append("l", 2);
    update.set_at("l", 0, None::<i32>).set_at("l", 0, 6).execute().unwrap();
    assert_eq!(column(&w, "l"), [ints(&[2])]);
}

#[test]
fn at_one_time_a_deletion_wins_and_then_the_larger_value() {
    let (_world, w) = world();
    w.update(1, ())
        .remove_key("m", 1)
        .put("m", 1, 2)
        .put("m", 2, 5)
        .put("m", 2, 3)
        .timestamp(5)
        .execute()
        .unwrap();
    check(&w, 1, &["() m: [1]=x@5/now [2]=5@5"]);
    w.update(2, ()).put("m", 1, None::<i32>).put("m", 1, 2).timestamp(5).execute().unwrap();
    check(&w, 2, &["() m: [1]=x@5/now"]);
    let update = w.update(3, ()).add_to_set("s", 1).remove_from_set("s", 1);
    update.remove_from_set("s", 2).add_to_set("s", 2).timestamp(5).execute().unwrap();
    check(&w, 3, &["() s: [1]=x@5/now [2]=x@5/now"]);
}

#[test]
fn a_delete_may_say_a_thing_twice() {
    let (_world, w) = world();
    w.delete(1, ()).column("v").column("v").timestamp(5).execute().unwrap();
    check(&w, 1, &["() v=x@5/now"]);
    w.delete(2, ()).column("m").element("m", 1).timestamp(5).execute().unwrap();
    w.delete(3, ()).element("m", 1).column("m").element("m", 2).timestamp(5).execute().unwrap();
    for key in [2, 3] {
        check(&w, key, &["() m x@5/now"]);
    }
    w.delete(4, ())
        .field("u", "zip")
        .field("u", "zip")
        .column("u")
        .column("u")
        .timestamp(5)
        .execute()
        .unwrap();
    check(&w, 4, &["() u x@5/now"]);
    w.prepare_delete(&["p"], &["v", "v"]).unwrap().execute((5,)).unwrap();
    check(&w, 5, &["() v=x@own/now"]);
}

#[test]
fn an_update_sets_a_column_or_a_field_once() {
    let (_world, w) = world();
    let twice = |update: Update<'_>| {
        let error = update.execute().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().ends_with("the column is set twice in one statement"), "{error}");
    };
    twice(w.update(1, ()).set_field("u", "zip", 2).set_field("u", "zip", 1));
    twice(w.update(1, ()).set("u", Unset).set_field("u", "zip", 1));
    twice(w.update(1, ()).set("v", Unset).set("v", 1));
    twice(w.update(1, ()).append("l", 4).set("l", vec![5]));
    check(&w, 1, &[]);
    w.update(1, ()).set_field("u", "zip", 2).set_field("u", "street", "x").timestamp(5).execute().unwrap();
    check(&w, 1, &["() u: [0]=\"x\"@5 [1]=2@5"]);
}

#[test]
fn a_counter_counts_all_that_a_statement_says() {
    let world = World::new();
    let hits = world.table("hits");
    hits.update(1, 1).increment("n", 5).increment("o", 1).increment("n", 6).execute().unwrap();
    check(&hits, 1, &["(1) n=11@own o=1@own"]);
    hits.delete(1, 1).column("o").column("o").execute().unwrap();
    check(&hits, 1, &["(1) n=11@own o=x@own/now"]);
}

/// A table that had changed while a batch was filled was two tables to it: increments of one
/// counter each counted from what there was before the batch, and conditions were said to be of
/// more than one table.
#[test]
fn a_batch_that_was_filled_across_a_schema_change_is_of_one_table() {
    let world = World::new();
    let (hits, t) = (world.table("hits"), world.t());
    let mut batch = world.db.batch();
    hits.update(1, 1).increment("n", 1).add_to(&mut batch).unwrap();
    world.db.execute_schema("ALTER TABLE ks.hits WITH comment = 'other'").unwrap();
    hits.update(1, 1).increment("n", 1).increment("o", 1).add_to(&mut batch).unwrap();
    // The columns have other places now.
    world.db.execute_schema("ALTER TABLE ks.hits ADD a counter").unwrap();
    hits.update(1, 1).increment("n", 1).increment("a", 1).add_to(&mut batch).unwrap();
    batch.execute().unwrap();
    check(&hits, 1, &["(1) a=1@own n=3@own o=1@own"]);

    t.insert(1, (1, "x")).set("a", 1).if_not_exists().add_to(&mut batch).unwrap();
    world.db.execute_schema("ALTER TABLE ks.t ADD aa int").unwrap();
    t.update(1, ()).set("s1", 1).if_("s1", Op::Eq, None::<i32>).add_to(&mut batch).unwrap();
    assert!(batch.execute_if().unwrap().is_applied());
    check(&t, 1, &["static s1=1@own", "(1, \"x\") live@own a=1@own"]);
}

/// An operation before the one that could not be adapted had been: the batch was no longer what it
/// was, and its values went to other columns the next time.
#[test]
fn a_batch_that_a_schema_change_refuses_is_unchanged() {
    let world = World::new();
    let (flat, t) = (world.table("flat"), world.t());
    let mut batch = world.db.batch();
    t.update(1, (1, "x")).set("b", "b").add_to(&mut batch).unwrap();
    t.update(1, (1, "y")).set("a", 2).add_to(&mut batch).unwrap();
    flat.update((1, "q"), ()).set("v", 3).add_to(&mut batch).unwrap();
    world.db.execute_schema("ALTER TABLE ks.t DROP a").unwrap();
    for _ in 0..2 {
        assert_eq!(batch.execute().unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(batch.len(), 3);
    }
    world.db.execute_schema("ALTER TABLE ks.t ADD a int").unwrap();
    batch.execute().unwrap();
    check(&t, 1, &["(1, \"x\") b=\"b\"@own", "(1, \"y\") a=2@own"]);
    check(&flat, (1, "q"), &["() v=3@own"]);
}

#[test]
fn an_insert_of_unset_statics_alone_writes_nothing() {
    let world = World::new();
    let t = world.t();
    t.insert(1, ()).set("s1", Unset).execute().unwrap();
    t.prepare_insert(&["p", "s1"]).unwrap().execute((1, Unset)).unwrap();
    check(&t, 1, &[]);
}

/// An UPDATE that sets nothing did nothing and said Ok, and `delete(key, ())`, which forgets a
/// clustering, deleted the partition.
#[test]
fn what_is_easily_forgotten_is_refused() {
    let world = World::new();
    let t = world.t();
    t.insert(1, (1, "x")).execute().unwrap();
    let error = t.update(1, (1, "x")).execute().unwrap_err();
    assert_eq!(error.to_string(), "ks.t: an UPDATE sets at least one column");
    let error = t.delete(1, ()).execute().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ks.t: without a clustering this would delete the whole partition: say so by `delete_partition`"
    );
    let error = t.update(1, (1, "x")).set("s1", 1).execute().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ks.t: only static columns are written, which a partition has once: leave the clustering out"
    );
    check(&t, 1, &["(1, \"x\") live@own"]);
}

/// Decimals of one value and other bytes are one clustering: the first one's bytes stay. The
/// memtable kept the bytes of the first with the length of the second, and the row was read wrongly
/// from then on.
#[test]
fn equal_clusterings_keep_the_bytes_of_the_first() {
    let world = World::new();
    world
        .db
        .execute_schema("CREATE TABLE ks.e (p int, c decimal, m set<decimal>, v int, PRIMARY KEY (p, c))")
        .unwrap();
    let e = world.table("e");
    // 1.0, 1, 1.00: the scale, then the digits.
    let [one, short, long]: [&[u8]; 3] = [&[0, 0, 0, 1, 10], &[0, 0, 0, 0, 1], &[0, 0, 0, 4, 0x27, 0x10]];
    for bytes in [one, long, short] {
        e.insert(1, (Serialized(bytes),)).set("v", 1).timestamp(5).execute().unwrap();
        check(&e, 1, &["(1.0) live@5 v=1@5"]);
    }
    e.update(1, (Serialized(short),)).add_to_set("m", Serialized(long)).timestamp(5).execute().unwrap();
    e.update(1, (Serialized(long),)).add_to_set("m", Serialized(one)).timestamp(5).execute().unwrap();
    check(&e, 1, &["(1.0) live@5 v=1@5 m: [1.0000]=@5"]);
    e.flush().unwrap();
    e.insert(1, (Serialized(long),)).set("v", 2).timestamp(6).execute().unwrap();
    let expected = "(1.0) live@6 v=2@6 m: [1.0000]=@5";
    check(&e, 1, &[expected]);
    e.flush().unwrap();
    check(&e, 1, &[expected]);
    e.compact().unwrap();
    check(&e, 1, &[expected]);
}

/// An element of the naive list: its value, and whether the statement gave it.
type NaiveElement = (i32, bool);

/// The effect of one operation on a list, by the rules alone: elements that a statement set have
/// one timestamp, at which the larger in bytes wins.
fn naively(list: &mut Vec<NaiveElement>, op: usize, index: usize, value: i32) -> bool {
    match op {
        0 => list.push((value, true)),
        1 => list.insert(0, (value, true)),
        2 => list.retain(|(own, _)| *own != value),
        3 => match list.get_mut(index) {
            Some(own) => {
                let stays = own.1 && own.0.to_be_bytes() > value.to_be_bytes();
                *own = (if stays { own.0 } else { value }, true);
            }
            None => return false,
        },
        _ if index < list.len() => drop(list.remove(index)),
        _ => return false,
    }
    true
}

fn small(rng: &mut Rng) -> i32 {
    i32::try_from(rng.below(4)).unwrap()
}

#[test]
fn random_statements_leave_a_list_as_the_rules_say() {
    let world = World::new();
    world.db.execute_schema("CREATE TABLE ks.n (p int PRIMARY KEY, v int, l list<int>)").unwrap();
    let n = world.table("n");
    let mut rng = Rng::new(1);
    for round in 0..400 {
        let mut expected: Vec<NaiveElement> = (0..rng.below(4)).map(|_| (small(&mut rng), false)).collect();
        let before: Vec<i32> = expected.iter().map(|(value, _)| *value).collect();
        n.insert(round, ()).set("l", before).execute().unwrap();
        let mut update = n.update(round, ()).set("v", 1);
        let mut taken = true;
        for _ in 0..1 + rng.below(5) {
            let (op, index, value) = (rng.below(5), rng.below(4), small(&mut rng));
            let at = u32::try_from(index).unwrap();
            update = match op {
                0 => update.append("l", value),
                1 => update.prepend("l", value),
                2 => update.remove_value("l", value),
                3 => update.set_at("l", at, value),
                _ => update.remove_at("l", at),
            };
            taken = taken && naively(&mut expected, op, index, value);
        }
        assert_eq!(update.execute().is_ok(), taken, "round {round}");
        if taken {
            let select = n.select().key(round);
            let mut rows = select.rows().unwrap();
            let found = rows.next().unwrap().unwrap().value("l").unwrap();
            let expected: Vec<i32> = expected.iter().map(|(value, _)| *value).collect();
            assert_eq!(
                found,
                if expected.is_empty() { Value::Null } else { ints(&expected) },
                "round {round}"
            );
        }
    }
}
