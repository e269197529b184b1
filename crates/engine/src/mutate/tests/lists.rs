//! Lists: where new elements go, and changes by index and by value.

use helenus_types::Value;

use crate::error::NoSuchElement;

use super::{World, check, column, raw};

fn texts(values: &[&str]) -> Value {
    Value::List(values.iter().map(|value| Value::Text((*value).to_owned())).collect())
}

#[test]
fn elements_are_appended_and_prepended_in_order() {
    let world = World::new();
    let t = world.t();
    let row = (1, "x");
    t.update(1, row).append("l", "c").append("l", "d").prepend("l", "b").prepend("l", "a").execute().unwrap();
    t.update(1, row).append("l", "e").execute().unwrap();
    t.update(1, row).prepend("l", "0").execute().unwrap();
    assert_eq!(column(&t, "l"), [texts(&["0", "a", "b", "c", "d", "e"])]);
    // More than the steps of a microsecond, and within a batch.
    let many: Vec<String> = (10..60).map(|i| i.to_string()).collect();
    let mut batch = world.db.batch();
    for value in &many {
        t.update(2, row).append("l", value).add_to(&mut batch).unwrap();
        t.update(3, row).prepend("l", value).add_to(&mut batch).unwrap();
    }
    batch.execute().unwrap();
    t.insert(4, row).set("l", &many).execute().unwrap();
    let in_order: Vec<&str> = many.iter().map(String::as_str).collect();
    let reversed: Vec<&str> = in_order.iter().rev().copied().collect();
    let of = |p: i32| {
        let select = t.select().key(p);
        let mut rows = select.rows().unwrap();
        rows.next().unwrap().unwrap().value("l").unwrap()
    };
    assert_eq!(of(2), texts(&in_order));
    assert_eq!(of(3), texts(&reversed));
    assert_eq!(of(4), texts(&in_order));
}

#[test]
fn elements_are_changed_by_index_and_value() {
    let world = World::new();
    let t = world.t();
    let row = (1, "x");
    t.insert(1, row).set("l", vec!["a", "b", "a", "c"]).timestamp(10).execute().unwrap();
    t.update(1, row).set_at("l", 3, "d").remove_at("l", 1).timestamp(11).execute().unwrap();
    assert_eq!(column(&t, "l"), [texts(&["a", "a", "d"])]);
    t.flush().unwrap();
    t.update(1, row)
        .remove_value("l", "a")
        .remove_value("l", "none")
        .append("l", "e")
        .timestamp(12)
        .execute()
        .unwrap();
    assert_eq!(column(&t, "l"), [texts(&["d", "e"])]);
    check(
        &t,
        1,
        &["(1, \"x\") live@10 l x@9/now: [0]=x@12/now [1]=x@11/now [2]=x@12/now [3]=\"d\"@11 [4]=\"e\"@12"],
    );
    t.delete(1, row).element_at("l", 0).timestamp(13).execute().unwrap();
    assert_eq!(column(&t, "l"), [texts(&["e"])]);
    t.update(1, row).set_at("l", 0, None::<&str>).timestamp(13).execute().unwrap();
    assert_eq!(column(&t, "l"), [Value::Null]);
}

#[test]
fn an_index_must_be_there() {
    let world = World::new();
    let t = world.t();
    t.update(1, (1, "x")).append("l", "a").ttl(5).execute().unwrap();
    t.update(1, (1, "x")).set_at("l", 0, "b").execute().unwrap();
    let before = raw(&t, 1);
    let error = t.update(1, (1, "x")).set("a", 1).set_at("l", 1, "b").execute().unwrap_err();
    assert_eq!(error.to_string(), "ks.t, column l: there is no index 1 in a list of 1 elements");
    assert_eq!(error.no_such_element(), Some(NoSuchElement { index: 1, len: 1 }));
    assert_eq!(crate::error::Error::invalid("").no_such_element(), None);
    let error = t.delete(1, (2, "x")).element_at("l", 0).execute().unwrap_err();
    assert_eq!(error.to_string(), "ks.t, column l: there is no index 0 in a list of 0 elements");
    assert_eq!(raw(&t, 1), before);
}
