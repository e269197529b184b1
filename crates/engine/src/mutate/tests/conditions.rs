//! Conditions: which hold, and the rows that a refused write returns. The answers are Cassandra's.
//!
//! Random histories against Cassandra 5.0.8 found that a refused write returned a row that didn't
//! exist, because the partition had a static row; and that `IF s < {}` was accepted.

use std::sync::Arc;

use helenus_types::Value;

use super::World;
use crate::{
    Action, Batch, BatchOutcome, Condition, Conditions, Op, Operand, Outcome, Part, StatementKind,
    StatementPlan, Table, Unset, Update,
};

fn refused(columns: &[(&str, Value)]) -> Outcome {
    Outcome::Refused(columns.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect())
}

fn world() -> (World, Table) {
    let world = World::new();
    world
        .db
        .execute_schema(
            "CREATE TABLE ks.l (p int, c int, s int STATIC, r int STATIC, v int, w int, PRIMARY KEY (p, c))",
        )
        .unwrap();
    let table = world.table("l");
    (world, table)
}

const NOTHING: Outcome = Outcome::Refused(Vec::new());

#[test]
fn a_static_row_alone_is_no_row() {
    let (_world, l) = world();
    l.insert(1, ()).set("s", 5).execute().unwrap();
    let update = || l.update(1, 1).set("v", 1);
    assert_eq!(update().if_("v", Op::Eq, 6).execute().unwrap(), NOTHING);
    assert_eq!(update().if_exists().execute().unwrap(), NOTHING);
    assert_eq!(l.delete(1, 1).if_exists().execute().unwrap(), NOTHING);
    let both = update().if_("v", Op::Eq, 6).if_("s", Op::Eq, 5).execute().unwrap();
    assert_eq!(both, refused(&[("s", Value::Int(5)), ("v", Value::Null)]));
    // If static columns are written all of them are read.
    let other = update().set("r", 1).if_("v", Op::Eq, 6).execute().unwrap();
    assert_eq!(other, refused(&[("v", Value::Null)]));
    let exists = update().set("r", 1).if_exists().execute().unwrap();
    let nulls = [("v", Value::Null), ("w", Value::Null)];
    let statics = [("s", Value::Int(5)), ("r", Value::Null)];
    let expected: Vec<_> = [statics[1].clone(), statics[0].clone()].into_iter().chain(nulls).collect();
    assert_eq!(exists, refused(&expected));
}

#[test]
fn what_refused_the_write_is_told() {
    let (_world, l) = world();
    l.insert(1, 1).set("s", 5).set("v", 7).execute().unwrap();
    let insert = || l.insert(1, 1).set("v", 9);
    // Static columns are neither written nor compared, so that they are not read.
    let row = refused(&[("v", Value::Int(7)), ("w", Value::Null)]);
    assert_eq!(insert().if_not_exists().execute().unwrap(), row);
    let all = [("r", Value::Null), ("s", Value::Int(5)), ("v", Value::Int(7)), ("w", Value::Null)];
    assert_eq!(insert().set("s", 9).if_not_exists().execute().unwrap(), refused(&all));
    assert_eq!(l.delete(1, 1).if_("v", Op::Eq, 4).execute().unwrap(), refused(&[("v", Value::Int(7))]));
    // A static condition looks at the partition: another row says that there is one.
    let other = || l.update(1, 2).set("v", 1);
    assert_eq!(other().if_("s", Op::Eq, 4).execute().unwrap(), refused(&[("s", Value::Int(5))]));
    l.update(2, 2).set("v", 5).execute().unwrap();
    let null = refused(&[("s", Value::Null)]);
    assert_eq!(l.update(2, 1).set("v", 1).if_("s", Op::Eq, 4).execute().unwrap(), null);
    // It is there by columns that are not read, or by an INSERT.
    let statics = |p: i32| l.update(p, ()).set("s", 1).if_("s", Op::Eq, 4).execute().unwrap();
    assert_eq!(statics(2), NOTHING);
    l.insert(3, 2).set("v", 5).execute().unwrap();
    assert_eq!(statics(3), null);
    assert_eq!(l.update(4, 1).set("v", 1).if_("s", Op::Eq, 4).execute().unwrap(), NOTHING);
}

fn wide() -> (World, Table) {
    let world = World::new();
    world
        .db
        .execute_schema(
            "CREATE TABLE ks.w (p int PRIMARY KEY, v int, x int, l list<int>, m map<int, int>, s set<int>, u address,
                 f frozen<list<int>>, g frozen<map<int, int>>)",
        )
        .unwrap();
    let w = world.table("w");
    let list = vec![1, 2];
    let map: std::collections::BTreeMap<i32, i32> = [(1, 1), (2, 2)].into();
    w.insert(1, ())
        .set("v", 1)
        .set("l", &list)
        .set("m", &map)
        .set("s", &list)
        .set("f", &list)
        .set("g", &map)
        .execute()
        .unwrap();
    w.update(1, ()).set_field("u", "zip", 7).execute().unwrap();
    (world, w)
}

#[test]
fn collections_are_compared() {
    let (_world, w) = wide();
    let holds = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| {
        condition(w.update(1, ()).set("x", 1)).execute().map(|outcome| outcome.is_applied())
    };
    let yes = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| assert!(holds(condition).unwrap());
    let no = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| assert!(!holds(condition).unwrap());
    let empty = Vec::<i32>::new();
    yes(&|u| u.if_("l", Op::Gt, vec![1]));
    yes(&|u| u.if_("l", Op::Lt, vec![1, 3]));
    yes(&|u| u.if_("s", Op::Ge, vec![1, 2]));
    yes(&|u| u.if_("l", Op::Ne, empty.clone()));
    no(&|u| u.if_("l", Op::Eq, empty.clone()));
    no(&|u| u.if_("f", Op::Lt, empty.clone()));
    for column in ["l", "s"] {
        for op in [Op::Lt, Op::Le, Op::Gt, Op::Ge] {
            let error = holds(&|u| u.if_(column, op, empty.clone())).unwrap_err();
            let text =
                format!("ks.w, column {column}: a collection without elements is neither less nor greater");
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn elements_fields_and_lists_of_values_are_compared() {
    let (_world, w) = wide();
    let holds = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| {
        condition(w.update(1, ()).set("x", 1)).execute().map(|outcome| outcome.is_applied())
    };
    let yes = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| assert!(holds(condition).unwrap());
    let no = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>| assert!(!holds(condition).unwrap());
    let refuses = |condition: &dyn Fn(Update<'_>) -> crate::Conditional<'_>, text: &str| {
        assert_eq!(holds(condition).unwrap_err().to_string(), text);
    };
    let null = None::<i32>;
    for map in ["m", "g"] {
        yes(&|u| u.if_element(map, 1, Op::Eq, 1));
        no(&|u| u.if_element(map, 1, Op::Eq, 2));
        yes(&|u| u.if_element(map, 2, Op::Gt, 1));
        yes(&|u| u.if_element(map, 3, Op::Eq, null));
        yes(&|u| u.if_element(map, 3, Op::Ne, 1));
        yes(&|u| u.if_element(map, 1, Op::In, vec![7, 1]));
        no(&|u| u.if_element(map, 1, Op::In, vec![7, 2]));
        yes(&|u| u.if_(map, Op::ContainsKey, 1).if_(map, Op::Contains, 2));
        no(&|u| u.if_(map, Op::ContainsKey, 7));
    }
    for list in ["l", "f"] {
        yes(&|u| u.if_element(list, 1, Op::Eq, 2));
        yes(&|u| u.if_element(list, 5, Op::Eq, null));
        no(&|u| u.if_element(list, 5, Op::Le, 2));
        yes(&|u| u.if_(list, Op::Contains, 1));
        no(&|u| u.if_(list, Op::Contains, 3));
    }
    yes(&|u| u.if_("s", Op::Contains, 1));
    yes(&|u| u.if_field("u", "zip", Op::Eq, 7));
    yes(&|u| u.if_field("u", "zip", Op::In, vec![6, 7]));
    no(&|u| u.if_field("u", "zip", Op::Lt, 7));
    yes(&|u| u.if_field("u", "street", Op::Eq, None::<&str>));
    yes(&|u| u.if_("v", Op::In, vec![2, 1]));
    no(&|u| u.if_("v", Op::In, vec![2, 3]));
    no(&|u| u.if_("v", Op::In, Vec::<i32>::new()));
    yes(&|u| u.if_("l", Op::In, vec![vec![3], vec![1, 2]]));
    no(&|u| u.if_("l", Op::In, vec![vec![], vec![3]]));
    refuses(&|u| u.if_element("l", -1, Op::Eq, 1), "ks.w, column l: there is no index -1");
    refuses(
        &|u| u.if_element("m", null, Op::Eq, 1),
        "ks.w, column m: not a valid int: an element can't be null",
    );
    refuses(&|u| u.if_element("s", 1, Op::Eq, 1), "ks.w, column s: expected a list or map, it is a set<int>");
    refuses(&|u| u.if_field("u", "planet", Op::Eq, 1), "ks.w, column u: address has no field planet");
    refuses(&|u| u.if_("p", Op::Eq, 1), "ks.w, column p: a column of the primary key can't be a condition");
    refuses(&|u| u.if_("v", Op::In, null), "ks.w, column v: IN takes a list, not null");
    refuses(&|u| u.if_("l", Op::Contains, null), "ks.w, column l: no collection contains null");
    refuses(&|u| u.if_("v", Op::Contains, 1), "ks.w, column v: expected a collection, it is a int");
    // A refused write returns each column once, however many of its parts the conditions name.
    let parts = w.update(1, ()).set("x", 9).if_("v", Op::Eq, 1).if_element("l", 0, Op::Eq, 1);
    let parts = parts.if_element("l", 1, Op::Eq, 3).execute().unwrap();
    let list = Value::List(vec![Value::Int(1), Value::Int(2)]);
    assert_eq!(parts, refused(&[("v", Value::Int(1)), ("l", list)]));
}

#[test]
fn conditions_are_prepared() {
    let (world, l) = world();
    let condition = |column: &str, op: Op, operand: Operand| Condition {
        column: column.into(),
        part: Part::Whole,
        op,
        operand,
    };
    let mut plan = StatementPlan::new(StatementKind::Update, 6);
    plan.key = vec![("c".into(), 2), ("p".into(), 1)];
    plan.operations = vec![("v".into(), Action::Set(0))];
    plan.conditions = Conditions::Columns(vec![
        condition("v", Op::In, Operand::Several(vec![3, 4])),
        condition("s", Op::Ne, Operand::One(5)),
    ]);
    let update = l.prepare(plan.clone()).unwrap();
    let null = None::<i32>;
    assert!(update.execute_if((1, 1, 1, null, Unset, 7)).unwrap().is_applied());
    let outcome = update.execute_if((2, 1, 1, 8, Unset, null)).unwrap();
    assert_eq!(outcome, refused(&[("s", Value::Null), ("v", Value::Int(1))]));
    let text = "ks.l, column s: a condition can't be left unset";
    assert_eq!(update.execute_if((2, 1, 1, 8, 9, Unset)).unwrap_err().to_string(), text);
    let text = "ks.l: a statement with conditions is executed by `execute_if`, which tells whether they held";
    assert_eq!(update.execute((2, 1, 1, 8, 9, 1)).unwrap_err().to_string(), text);
    world.db.execute_schema("ALTER TABLE ks.l ADD a int").unwrap();
    assert!(update.execute_if((2, 1, 1, 1, 9, 1)).unwrap().is_applied());
    plan.operations.clear();
    plan.kind = StatementKind::Delete;
    plan.values = 3;
    plan.key = vec![("c".into(), 0), ("p".into(), 1)];
    plan.conditions = Conditions::Exists;
    let delete = l.prepare(plan).unwrap();
    assert!(delete.execute_if((1, 1, 0)).unwrap().is_applied());
    assert_eq!(delete.execute_if((1, 1, 0)).unwrap(), NOTHING);
}

fn told(outcome: BatchOutcome) -> Vec<String> {
    let BatchOutcome::Refused(rows) = outcome else { return vec!["applied".to_owned()] };
    let shown = |(name, value): (Arc<str>, Value)| match value {
        Value::Null => format!("{name}=null"),
        Value::Int(value) => format!("{name}={value}"),
        other => format!("{name}={other:?}"),
    };
    rows.into_iter().map(|row| row.into_iter().map(shown).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_batch_waits_upon_the_conditions_of_all_its_statements() {
    let (world, l) = world();
    let mut batch = world.db.batch();
    let rows = |batch: &mut Batch| {
        for c in [2, 1] {
            l.insert(1, c).set("v", c).if_not_exists().add_to(batch).unwrap();
        }
        l.insert(1, 3).set("v", 3).add_to(batch).unwrap();
    };
    rows(&mut batch);
    assert_eq!(told(batch.execute_if().unwrap()), ["applied"]);
    assert!(batch.is_empty());
    l.delete(1, 3).execute().unwrap();
    rows(&mut batch);
    // The rows that conditions are about, in the table's order.
    assert_eq!(told(batch.execute_if().unwrap()), ["p=1 c=1 v=1 w=null", "p=1 c=2 v=2 w=null"]);
    assert_eq!(batch.len(), 3, "it is as it was");
    batch.clear();
    let update = |p: i32, c: i32, column: &str, value: i32, batch: &mut Batch| {
        l.update(p, c).set("v", 7).if_(column, Op::Eq, value).add_to(batch).unwrap();
    };
    update(1, 1, "v", 9, &mut batch);
    update(1, 2, "v", 2, &mut batch);
    update(1, 8, "w", 2, &mut batch);
    assert_eq!(told(batch.execute_if().unwrap()), ["p=1 c=1 v=1 w=null", "p=1 c=2 v=2 w=null"]);
    batch.clear();
    update(1, 8, "v", 9, &mut batch);
    assert_eq!(told(batch.execute_if().unwrap()), Vec::<String>::new());
    batch.clear();
    l.update(1, ()).set("s", 4).if_("s", Op::Eq, None::<i32>).add_to(&mut batch).unwrap();
    l.delete(1, ()).from(std::ops::Bound::Excluded(1)).add_to(&mut batch).unwrap();
    update(1, 1, "v", 1, &mut batch);
    assert_eq!(told(batch.execute_if().unwrap()), ["applied"]);
    super::check(
        &l,
        1,
        &[
            "static s=4@own",
            "(1) live@own v=7@own",
            "ExclStart (1) begins x@own/now",
            "InclEnd () ends x@own/now",
        ],
    );
    l.update(2, ()).set("s", 4).execute().unwrap();
    l.update(2, 5).set("v", 7).if_("s", Op::Eq, 5).add_to(&mut batch).unwrap();
    assert_eq!(told(batch.execute_if().unwrap()), ["p=2 c=null s=4"]);
}

#[test]
fn what_a_batch_with_conditions_can_not_be() {
    let (world, l) = world();
    let mut batch = world.db.batch();
    let refuses = |batch: &mut Batch, text: &str| {
        assert_eq!(batch.execute_if().unwrap_err().to_string(), text);
        batch.clear();
    };
    let update =
        |p: i32, batch: &mut Batch| l.update(p, 1).set("v", 7).if_("v", Op::Eq, 1).add_to(batch).unwrap();
    update(1, &mut batch);
    let text = "a batch with conditions is executed by `execute_if`, which tells whether they held";
    assert_eq!(batch.execute().unwrap_err().to_string(), text);
    update(2, &mut batch);
    refuses(&mut batch, "a batch with conditions is of one partition of one table");
    update(1, &mut batch);
    world.table("t").insert(1, (1, "x")).add_to(&mut batch).unwrap();
    refuses(&mut batch, "a batch with conditions is of one partition of one table");
    update(1, &mut batch);
    batch.timestamp(5);
    refuses(&mut batch, "a batch with conditions takes no timestamp");
    let text = "ks.l: conditions on one row are comparisons, or that it exists, or that it doesn't";
    update(1, &mut batch);
    l.update(1, 1).set("v", 7).if_exists().add_to(&mut batch).unwrap();
    refuses(&mut batch, text);
    l.insert(1, 1).if_not_exists().add_to(&mut batch).unwrap();
    l.update(1, 1).set("v", 7).if_exists().add_to(&mut batch).unwrap();
    refuses(&mut batch, text);
    l.insert(1, 1).if_not_exists().add_to(&mut batch).unwrap();
    l.insert(1, 1).if_not_exists().add_to(&mut batch).unwrap();
    assert!(batch.execute_if().unwrap().is_applied());
}
