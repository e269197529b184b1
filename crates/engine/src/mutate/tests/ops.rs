//! Each operation of INSERT, UPDATE and DELETE, and batches of them.

use std::ops::Bound::{Excluded, Included, Unbounded};

use helenus_types::Value;

use super::{MICROS, World, check, column, raw};
use crate::{BindValue, EncodeValue, Serialized, Unset, WriteOptions};

#[test]
fn an_insert_makes_a_row_and_an_update_does_not() {
    let world = World::new();
    let t = world.t();
    t.insert(1, (1, "x")).timestamp(10).execute().unwrap();
    t.insert(1, (2, "")).set("b", "text").set("a", 5).timestamp(10).execute().unwrap();
    t.update(1, (3, "x")).set("a", 6).timestamp(10).execute().unwrap();
    t.update(1, (5, "x")).set("a", Unset).execute().unwrap();
    check(&t, 1, &["(1, \"x\") live@10", "(2, \"\") live@10 a=5@10 b=\"text\"@10", "(3, \"x\") a=6@10"]);
}

#[test]
fn null_is_a_tombstone_and_unset_is_nothing() {
    let world = World::new();
    let t = world.t();
    let none: Option<i32> = None;
    t.insert(1, (1, "x"))
        .set("a", none)
        .set("b", Unset)
        .set("m", Value::Null)
        .timestamp(10)
        .execute()
        .unwrap();
    check(&t, 1, &["(1, \"x\") live@10 a=x@10/now m x@9/now"]);
}

#[test]
fn timestamps_are_given_in_order() {
    let world = World::new();
    let t = world.t();
    t.insert(1, (1, "x")).set("a", 1).execute().unwrap();
    t.insert(1, (1, "x")).set("a", 2).execute().unwrap();
    world.clock.set_micros(MICROS - 5_000_000);
    t.insert(1, (1, "x")).set("a", 3).execute().unwrap();
    assert_eq!(column(&t, "a"), [Value::Int(3)], "also when the clock went backwards");
    let mut batch = world.db.batch();
    t.update(1, (1, "x")).set("a", 4).add_to(&mut batch).unwrap();
    t.update(1, (1, "x")).set("a", 5).execute().unwrap();
    batch.execute().unwrap();
    assert_eq!(column(&t, "a"), [Value::Int(4)], "a batch is written when it is executed");
}

#[test]
fn times_to_live() {
    let world = World::new();
    let t = world.t();
    t.insert(1, (1, "x")).set("a", 5).set("s", vec![7]).ttl(60).timestamp(10).execute().unwrap();
    t.update(1, (2, "x")).set("a", 5).ttl(630_720_000).timestamp(10).execute().unwrap();
    check(
        &t,
        1,
        &[
            "(1, \"x\") live@10 ttl 60 to now+60 a=5@10 ttl 60 to now+60 s x@9/now: [7]=@10 ttl 60 to now+60",
            "(2, \"x\") a=5@10 ttl 630720000 to 2330720000",
        ],
    );
    world.clock.set_micros(4_294_967_000_000_000);
    t.update(2, (2, "x")).set("a", 5).ttl(293).timestamp(10).execute().unwrap();
    let late = t.update(2, (3, "x")).set("a", 5).ttl(294).timestamp(10).execute().unwrap_err();
    assert!(late.to_string().contains("it would expire past 2106-02-07T06:28:13Z"), "{late}");
    check(&t, 2, &["(2, \"x\") a=5@10 ttl 293 to 4294967293"]);
}

#[test]
fn the_tables_own_time_to_live() {
    let world = World::new();
    let brief = world.table("brief");
    brief.insert(1, ()).set("v", 1).timestamp(10).execute().unwrap();
    brief.insert(2, ()).set("v", 1).ttl(0).timestamp(10).execute().unwrap();
    brief.insert(3, ()).set("v", 1).ttl(30).timestamp(10).execute().unwrap();
    check(&brief, 1, &["() live@10 ttl 60 to now+60 v=1@10 ttl 60 to now+60"]);
    check(&brief, 2, &["() live@10 v=1@10"]);
    check(&brief, 3, &["() live@10 ttl 30 to now+30 v=1@10 ttl 30 to now+30"]);
}

#[test]
fn collections_are_assigned_added_to_and_removed_from() {
    let world = World::new();
    let t = world.t();
    let map = [("b", 2), ("a", 1)].into_iter().collect::<std::collections::HashMap<_, _>>();
    t.insert(1, (1, "x")).set("m", &map).set("s", vec![3, -1, 3]).timestamp(10).execute().unwrap();
    check(&t, 1, &["(1, \"x\") live@10 m x@9/now: [\"a\"]=1@10 [\"b\"]=2@10 s x@9/now: [-1]=@10 [3]=@10"]);
    let update = t.update(2, (1, "x")).timestamp(10);
    let update = update.add_to_set("s", 3).put("m", "b", 2).remove_from_set("s", -5).add_to_set("s", 4);
    update.put("m", "a", 1).remove_key("m", "c").put("m", "d", None::<i32>).execute().unwrap();
    check(
        &t,
        2,
        &["(1, \"x\") m: [\"a\"]=1@10 [\"b\"]=2@10 [\"c\"]=x@10/now [\"d\"]=x@10/now \
           s: [-5]=x@10/now [3]=@10 [4]=@10"],
    );
    t.update(3, (1, "x")).put("m", "k", 1).put("m", "k", 2).timestamp(10).execute().unwrap();
    t.update(3, (2, "x"))
        .set("s", Vec::<i32>::new())
        .set("f", Value::Map(vec![]))
        .timestamp(10)
        .execute()
        .unwrap();
    check(&t, 3, &["(1, \"x\") m: [\"k\"]=2@10", "(2, \"x\") f={}@10 s x@9/now"]);
    // A set that the caller serialized needn't be in order.
    let serialized = [0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9];
    t.update(4, (1, "x")).set("s", Serialized(&serialized)).timestamp(10).execute().unwrap();
    check(&t, 4, &["(1, \"x\") s x@9/now: [1]=@10 [9]=@10"]);
}

#[test]
fn user_types_are_assigned_and_changed_by_field() {
    let world = World::new();
    let t = world.t();
    let address = Value::Udt(vec![
        ("street".to_owned(), Value::Text("Main".to_owned())),
        ("tags".to_owned(), Value::Set(vec![Value::Text("x".to_owned())])),
    ]);
    t.insert(1, (1, "x")).set("u", &address).timestamp(10).execute().unwrap();
    t.update(2, (1, "x"))
        .set_field("u", "zip", 12)
        .set_field("u", "street", None::<&str>)
        .timestamp(10)
        .execute()
        .unwrap();
    check(&t, 1, &["(1, \"x\") live@10 u x@9/now: [0]=\"Main\"@10 [2]=[\"x\"]@10"]);
    check(&t, 2, &["(1, \"x\") u: [0]=x@10/now [1]=12@10"]);
}

#[test]
fn static_columns() {
    let world = World::new();
    let t = world.t();
    t.insert(1, ()).set("s1", 1).timestamp(10).execute().unwrap();
    t.update(1, ()).add_to_set("s2", 4).timestamp(10).execute().unwrap();
    t.update(1, (1, "x")).set("s1", 2).set("a", 3).timestamp(11).execute().unwrap();
    t.delete(1, ()).element("s2", 5).timestamp(12).execute().unwrap();
    check(&t, 1, &["static s1=2@11 s2: [4]=@10 [5]=x@12/now", "(1, \"x\") a=3@11"]);
    t.delete(1, ()).column("s2").timestamp(12).execute().unwrap();
    check(&t, 1, &["static s1=2@11 s2 x@12/now", "(1, \"x\") a=3@11"]);
}

#[test]
fn deletions_of_rows_ranges_and_partitions() {
    let world = World::new();
    let t = world.t();
    t.delete(1, (1, "x")).timestamp(10).execute().unwrap();
    t.delete(1, 2).timestamp(10).execute().unwrap();
    t.delete(1, ()).from(Excluded((3, "y"))).to(Included(4)).timestamp(10).execute().unwrap();
    t.delete(1, ()).from(Included(9)).timestamp(10).execute().unwrap();
    t.delete(1, ()).to(Excluded(0)).timestamp(10).execute().unwrap();
    t.delete(1, ()).from(Included(7)).to(Excluded(7)).timestamp(10).execute().unwrap();
    check(
        &t,
        1,
        &[
            "InclStart () begins x@10/now",
            "ExclEnd (0) ends x@10/now",
            "(1, \"x\") x@10/now",
            "InclStart (2) begins x@10/now",
            "InclEnd (2) ends x@10/now",
            "ExclStart (3, \"y\") begins x@10/now",
            "InclEnd (4) ends x@10/now",
            "InclStart (9) begins x@10/now",
            "InclEnd () ends x@10/now",
        ],
    );
    t.delete(2, ()).rows().timestamp(10).execute().unwrap();
    t.delete(3, ()).from(Unbounded::<i32>).timestamp(10).execute().unwrap();
    for key in [2, 3] {
        check(&t, key, &["InclStart () begins x@10/now", "InclEnd () ends x@10/now"]);
    }
    t.delete_partition(4).timestamp(10).execute().unwrap();
    check(&t, 4, &["partition x@10/now"]);
    let flat = world.table("flat");
    flat.delete((1, ""), ()).timestamp(10).execute().unwrap();
    check(&flat, (1, ""), &["partition x@10/now"]);
}

#[test]
fn deletions_of_columns_and_elements() {
    let world = World::new();
    let t = world.t();
    let delete = t.delete(1, (1, "x")).column("a").column("l").element("m", "k").element("s", 3);
    delete.field("u", "zip").timestamp(10).execute().unwrap();
    check(&t, 1, &["(1, \"x\") a=x@10/now l x@10/now m: [\"k\"]=x@10/now s: [3]=x@10/now u: [1]=x@10/now"]);
}

#[test]
fn prepared_statements_do_what_the_others_do() {
    let world = World::new();
    let t = world.t();
    let at = WriteOptions::new().timestamp(10);
    let insert = t.prepare_insert(&["m", "d", "p", "s1", "a", "c", "b"]).unwrap();
    let map = [("k", 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>();
    insert.execute_with(&at, (&map, "x", 1, 9, 5, 1, "text")).unwrap();
    insert.execute_with(&at.ttl(7), (Unset, "y", 1, Unset, None::<i32>, 1, Unset)).unwrap();
    let dynamic: [&dyn BindValue; 7] = [&Unset, &"z", &1, &Unset, &7, &1, &"b"];
    insert.execute_with(&at, dynamic).unwrap();
    check(
        &t,
        1,
        &[
            "static s1=9@10",
            "(1, \"x\") live@10 a=5@10 b=\"text\"@10 m x@9/now: [\"k\"]=1@10",
            "(1, \"y\") live@10 ttl 7 to now+7 a=x@10/now",
            "(1, \"z\") live@10 a=7@10 b=\"b\"@10",
        ],
    );
    t.prepare_insert(&["p", "s1"]).unwrap().execute_with(&at, (2, 3)).unwrap();
    t.prepare_update(&["p", "c", "d", "a"]).unwrap().execute_with(&at, (2, 1, "x", 4)).unwrap();
    check(&t, 2, &["static s1=3@10", "(1, \"x\") a=4@10"]);
    let values: [&dyn EncodeValue; 3] = [&3, &1, &"x"];
    t.prepare_delete(&["p", "c", "d"], &[]).unwrap().execute_with(&at, values).unwrap();
    t.prepare_delete(&["p", "c"], &[]).unwrap().execute_with(&at, (3, 2)).unwrap();
    t.prepare_delete(&["p", "c", "d"], &["a", "s", "s1"]).unwrap().execute_with(&at, (3, 3, "x")).unwrap();
    t.prepare_delete(&["p"], &[]).unwrap().execute_with(&at, vec![Value::Int(4)]).unwrap();
    check(
        &t,
        3,
        &[
            "static s1=x@10/now",
            "(1, \"x\") x@10/now",
            "InclStart (2) begins x@10/now",
            "InclEnd (2) ends x@10/now",
            "(3, \"x\") a=x@10/now s x@10/now",
        ],
    );
    check(&t, 4, &["partition x@10/now"]);
}

#[test]
fn a_batch_has_one_timestamp_and_comes_in_any_order() {
    let world = World::new();
    let (t, flat) = (world.t(), world.table("flat"));
    let insert = t.prepare_insert(&["p", "c", "d", "a"]).unwrap();
    let mut batch = world.db.batch();
    for c in [3, 1, 2] {
        // The partitions come mixed.
        for p in [2, 1] {
            insert.add_to(&mut batch, (p, c, "x", c)).unwrap();
        }
    }
    flat.insert((1, "q"), ()).set("v", 1).add_to(&mut batch).unwrap();
    t.delete(1, (9, "x")).add_to(&mut batch).unwrap();
    t.update(2, ()).set("s1", 1).timestamp(10).add_to(&mut batch).unwrap();
    assert_eq!(batch.len(), 9);
    batch.execute().unwrap();
    assert!(batch.is_empty());
    let writes = (t.metrics().writes, flat.metrics().writes);
    assert_eq!(writes, (2, 1), "each partition is updated once, however its rows came");
    let row = |c| format!("({c}, \"x\") live@own a={c}@own");
    let (one, two, three) = (row(1), row(2), row(3));
    check(&t, 1, &[&one, &two, &three, "(9, \"x\") x@own/now"]);
    check(&t, 2, &["static s1=1@10", &one, &two, &three]);
    check(&flat, (1, "q"), &["() live@own v=1@own"]);
    // Used again, with a timestamp for all.
    insert.add_to(&mut batch, (3, 1, "x", 1)).unwrap();
    insert.add_with(&WriteOptions::new().timestamp(5), &mut batch, (3, 2, "x", 2)).unwrap();
    batch.timestamp(10).execute().unwrap();
    check(&t, 3, &["(1, \"x\") live@10 a=1@10", "(2, \"x\") live@5 a=2@5"]);
    insert.add_to(&mut batch, (4, 1, "x", 1)).unwrap();
    batch.clear();
    batch.execute().unwrap();
    assert_eq!(raw(&t, 4), "");
}

#[test]
fn a_schema_change_between_is_followed() {
    let world = World::new();
    let t = world.t();
    let at = WriteOptions::new().timestamp(i64::MAX);
    let insert = t.prepare_insert(&["p", "c", "d", "b"]).unwrap();
    let mut batch = world.db.batch();
    insert.add_with(&at, &mut batch, (1, 1, "x", "batched")).unwrap();
    t.update(1, (1, "x")).put("m", "k", 1).set_field("u", "zip", 3).timestamp(10).add_to(&mut batch).unwrap();
    let statement = t.update(1, (2, "x")).set("b", "statement").timestamp(10);
    world
        .db
        .execute_schema(
            "ALTER TABLE ks.t DROP a; ALTER TABLE ks.t ADD bb int; ALTER TYPE ks.address ADD no int",
        )
        .unwrap();
    insert.execute_with(&at, (1, 3, "x", "prepared")).unwrap();
    batch.execute().unwrap();
    statement.execute().unwrap();
    let largest = i64::MAX;
    check(
        &t,
        1,
        &[
            &format!("(1, \"x\") live@{largest} b=\"batched\"@{largest} m: [\"k\"]=1@10 u: [1]=3@10"),
            "(2, \"x\") b=\"statement\"@10",
            &format!("(3, \"x\") live@{largest} b=\"prepared\"@{largest}"),
        ],
    );
    insert.add_to(&mut batch, (2, 1, "x", "late")).unwrap();
    world.db.execute_schema("ALTER TABLE ks.t DROP b").unwrap();
    for error in [batch.execute().unwrap_err(), insert.execute((2, 1, "x", "late")).unwrap_err()] {
        assert!(error.to_string().contains('b'), "{error}");
    }
    assert_eq!(raw(&t, 2), "");
    world.db.execute_schema("DROP TABLE ks.t").unwrap();
    let error = t.insert(1, (1, "x")).execute().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::NotFound);
}
