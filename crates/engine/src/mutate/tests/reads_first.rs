//! Counters and conditional writes.

use std::sync::{Arc, Barrier};

use helenus_types::Value;

use super::{World, check, column, raw};
use crate::{Op, Outcome};

#[test]
fn counters_count() {
    let world = World::new();
    let hits = world.table("hits");
    hits.update(1, 1).increment("n", 5).execute().unwrap();
    hits.update(1, 1).increment("n", -2).increment("o", 1).execute().unwrap();
    hits.flush().unwrap();
    hits.prepare_update(&["p", "c", "n"]).unwrap().execute((1, 1, 10i64)).unwrap();
    check(&hits, 1, &["(1) n=13@own o=1@own"]);
    let mut batch = world.db.batch();
    for c in [1, 2, 1] {
        hits.update(1, c).increment("n", 1).add_to(&mut batch).unwrap();
    }
    batch.execute().unwrap();
    check(&hits, 1, &["(1) n=15@own o=1@own", "(2) n=1@own"]);
    hits.compact().unwrap();
    assert_eq!(column(&hits, "n"), [Value::Counter(15), Value::Counter(1)]);
    hits.delete(1, 1).execute().unwrap();
    hits.update(1, 1).increment("n", 1).execute().unwrap();
    assert_eq!(column(&hits, "n"), [Value::Counter(1), Value::Counter(1)], "it begins anew");
}

#[test]
fn counters_count_from_many_threads() {
    let world = World::new();
    let hits = world.table("hits");
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for i in 0..1000 {
                    hits.update(1, i % 3).increment("n", 1).execute().unwrap();
                }
            });
        }
    });
    let total: i64 = column(&hits, "n").iter().map(|n| if let Value::Counter(n) = n { *n } else { 0 }).sum();
    assert_eq!(total, 4000);
}

#[test]
fn a_row_is_made_once() {
    let world = World::new();
    let t = world.t();
    let insert = |a: i32| t.insert(1, (1, "x")).set("a", a).if_not_exists().execute().unwrap();
    assert_eq!(insert(1), Outcome::Applied);
    let refused = insert(2);
    assert!(!refused.is_applied());
    assert_eq!(refused.current("a"), Some(&Value::Int(1)));
    assert_eq!(refused.current("l"), Some(&Value::Null));
    t.flush().unwrap();
    assert!(!insert(3).is_applied());
    t.delete(1, (1, "x")).execute().unwrap();
    assert!(insert(4).is_applied());
    assert_eq!(column(&t, "a"), [Value::Int(4)]);
    // If only static columns are set, existence means theirs.
    let statics = || t.insert(1, ()).set("s1", 1).if_not_exists().execute().unwrap();
    assert!(statics().is_applied());
    assert_eq!(
        statics(),
        Outcome::Refused(vec![(Arc::from("s1"), Value::Int(1)), (Arc::from("s2"), Value::Null)])
    );
}

#[test]
fn an_update_waits_upon_the_row() {
    let world = World::new();
    let t = world.t();
    let row = (1, "x");
    assert_eq!(t.update(1, row).set("a", 1).if_exists().execute().unwrap(), Outcome::Refused(Vec::new()));
    assert_eq!(raw(&t, 1), "");
    t.insert(1, row).set("a", 1).ttl(10).execute().unwrap();
    assert!(t.update(1, row).set("b", "there").if_exists().execute().unwrap().is_applied());
    assert!(t.delete(1, row).if_exists().execute().unwrap().is_applied());
    assert!(!t.delete(1, row).if_exists().execute().unwrap().is_applied());
    let flat = world.table("flat");
    assert!(!flat.delete((1, "q"), ()).if_exists().execute().unwrap().is_applied());
    flat.insert((1, "q"), ()).execute().unwrap();
    assert!(flat.delete((1, "q"), ()).if_exists().execute().unwrap().is_applied());
    assert_eq!(column(&flat, "v"), []);
}

#[test]
fn values_are_compared() {
    let world = World::new();
    let t = world.t();
    let row = (1, "x");
    t.insert(1, row).set("a", -1).set("s1", 7).set("s", vec![1, 2]).set("l", vec!["x"]).execute().unwrap();
    let holds = |column: &str, op: Op, value: &dyn crate::BindValue| {
        t.update(1, row).set("b", "changed").if_(column, op, value).execute().unwrap().is_applied()
    };
    assert!(holds("a", Op::Eq, &-1) && !holds("a", Op::Eq, &1));
    assert!(holds("a", Op::Ne, &1) && !holds("a", Op::Ne, &-1));
    assert!(holds("a", Op::Lt, &0) && !holds("a", Op::Lt, &-1), "by the type's order, not the bytes'");
    assert!(holds("a", Op::Le, &-1) && !holds("a", Op::Le, &-2));
    assert!(holds("a", Op::Gt, &-2) && !holds("a", Op::Gt, &-1));
    assert!(holds("a", Op::Ge, &-1) && !holds("a", Op::Ge, &0));
    assert!(holds("s1", Op::Eq, &7), "a static column");
    assert!(holds("s", Op::Eq, &vec![2, 1]) && !holds("s", Op::Eq, &vec![2]), "a collection as a whole");
    assert!(holds("l", Op::Ne, &vec!["y"]));
    assert!(holds("m", Op::Eq, &None::<i32>) && !holds("a", Op::Eq, &None::<i32>), "null");
    assert!(holds("m", Op::Eq, &Value::Map(vec![])), "an empty collection is null");
    assert!(holds("a", Op::Ne, &None::<i32>) && !holds("f", Op::Lt, &Value::Map(vec![])));
    let both = t.update(1, row).set("a", 5).if_("a", Op::Eq, -1).if_("s1", Op::Eq, 8).execute().unwrap();
    assert_eq!(
        both,
        Outcome::Refused(vec![(Arc::from("s1"), Value::Int(7)), (Arc::from("a"), Value::Int(-1))])
    );
    let both = t.update(1, row).set("a", 5).if_("a", Op::Eq, -1).if_("s1", Op::Eq, 7).execute().unwrap();
    assert!(both.is_applied());
    assert!(
        t.update(1, row)
            .append("l", "y")
            .set_at("l", 0, "z")
            .if_("a", Op::Eq, 5)
            .execute()
            .unwrap()
            .is_applied()
    );
    let list = Value::List(vec![Value::Text("z".to_owned()), Value::Text("y".to_owned())]);
    assert_eq!(column(&t, "l"), [list]);
}

#[test]
fn of_many_who_want_it_one_gets_it() {
    let world = World::new();
    let t = world.t();
    let start = Barrier::new(4);
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let (t, start) = (&t, &start);
                scope.spawn(move || {
                    let made = (0..500).map(|c| {
                        // They meet before each row, else one is through before the next begins.
                        start.wait();
                        t.insert(1, (c, "x")).set("a", i).if_not_exists().execute().unwrap()
                    });
                    made.filter(Outcome::is_applied).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, 500);
}

/// The lock makes all the difference to the two tests above, and on a busy machine they may not
/// notice.
#[test]
fn what_reads_first_waits_for_the_partition() {
    let world = World::new();
    let (t, hits) = (world.t(), world.table("hits"));
    let token = super::super::write::token_of(&1i32.to_be_bytes());
    let held = |table: &crate::Table, act: &(dyn Fn() -> bool + Sync), meanwhile: &dyn Fn()| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lock = table.core.partition_lock(token.0.cast_unsigned()).lock();
        std::thread::scope(|scope| {
            scope.spawn(move || sender.send(act()).unwrap());
            let early = receiver.recv_timeout(std::time::Duration::from_millis(100));
            assert!(early.is_err(), "it did not wait");
            meanwhile();
            drop(lock);
            receiver.recv().unwrap()
        })
    };
    let row = (1, "x");
    let insert = || t.insert(1, row).if_not_exists().execute().unwrap().is_applied();
    assert!(!held(&t, &insert, &|| t.insert(1, row).set("l", vec!["a"]).execute().unwrap()));
    let set = || t.update(1, row).set_at("l", 1, "c").execute().is_ok();
    assert!(held(&t, &set, &|| t.update(1, row).append("l", "b").execute().unwrap()));
    let count = || hits.update(1, 1).increment("n", 1).execute().is_ok();
    assert!(held(&hits, &count, &|| {}));
}
