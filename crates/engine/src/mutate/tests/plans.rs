//! Statements without values: each operation that CQL has is prepared and bound, null and unset
//! included.

use std::collections::BTreeMap;

use helenus_types::Value;

use super::{World, check, column};
use crate::{Action, BindValue, RangePlan, StatementKind, StatementPlan, Table, Unset, WriteOptions};

const NULL: Option<i32> = None;

fn world() -> (World, Table) {
    let world = World::new();
    world
        .db
        .execute_schema(
            "CREATE TABLE ks.w (p int, c int, m map<int, int>, l list<int>, s set<int>, u address, v int,
                 r int STATIC, PRIMARY KEY (p, c))",
        )
        .unwrap();
    let w = world.table("w");
    (world, w)
}

/// A statement of one operation on row (1, 1); its values come first.
fn prepared(
    table: &Table,
    kind: StatementKind,
    column: &str,
    action: Action,
    values: usize,
) -> crate::Prepared {
    let mut plan = StatementPlan::new(kind, values + 2);
    plan.key = vec![("p".into(), values), ("c".into(), values + 1)];
    plan.operations = vec![(column.into(), action)];
    table.prepare(plan).unwrap()
}

fn run(table: &Table, column: &str, action: Action, values: &[&dyn BindValue]) -> crate::Result<()> {
    let kind = match action {
        Action::Delete | Action::RemoveField(_) => StatementKind::Delete,
        _ => StatementKind::Update,
    };
    let all: Vec<&dyn BindValue> = values.iter().copied().chain([&1 as &dyn BindValue, &1]).collect();
    let statement = prepared(table, kind, column, action, values.len());
    let done = statement.execute_with(&WriteOptions::new().timestamp(5), all.as_slice());
    // The same in a batch, where it leaves the same.
    if done.is_ok() {
        let mut batch = crate::Batch::new(&table.writer);
        statement.add_with(&WriteOptions::new().timestamp(5), &mut batch, all.as_slice())?;
        if !matches!(column, "l") {
            batch.execute()?;
        }
    }
    done
}

#[test]
fn each_operation_is_bound() {
    let row = |column: &str, action: Action, values: &[&dyn BindValue], expected: &str| {
        let (_world, w) = world();
        run(&w, column, action, values).unwrap();
        let expected: Vec<String> =
            [expected].iter().filter(|e| !e.is_empty()).map(|e| format!("(1) {e}")).collect();
        check(&w, 1, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    row("v", Action::Set(0), &[&7], "v=7@5");
    row("v", Action::Set(0), &[&NULL], "v=x@5/now");
    row("v", Action::Set(0), &[&Unset], "");
    row("v", Action::Delete, &[], "v=x@5/now");
    let map: BTreeMap<i32, i32> = [(1, 2), (3, 4)].into();
    row("m", Action::Set(0), &[&map], "m x@4/now: [1]=2@5 [3]=4@5");
    row("m", Action::Set(0), &[&NULL], "m x@4/now");
    row("m", Action::Add(0), &[&map], "m: [1]=2@5 [3]=4@5");
    row("m", Action::Add(0), &[&NULL], "");
    row("m", Action::Subtract(0), &[&vec![1, 3]], "m: [1]=x@5/now [3]=x@5/now");
    row("m", Action::Subtract(0), &[&Unset], "");
    row("m", Action::PutKey { key: 0, value: 1 }, &[&1, &2], "m: [1]=2@5");
    row("m", Action::PutKey { key: 0, value: 1 }, &[&1, &NULL], "m: [1]=x@5/now");
    row("m", Action::PutKey { key: 0, value: 1 }, &[&1, &Unset], "");
    row("m", Action::RemoveKey(0), &[&1], "m: [1]=x@5/now");
    row("m", Action::Delete, &[], "m x@5/now");
    row("s", Action::Add(0), &[&vec![2, 1]], "s: [1]=@5 [2]=@5");
    row("s", Action::Subtract(0), &[&vec![2, 1]], "s: [1]=x@5/now [2]=x@5/now");
    row("s", Action::AddKey(0), &[&1], "s: [1]=@5");
    row("s", Action::RemoveKey(0), &[&1], "s: [1]=x@5/now");
    row("l", Action::Set(0), &[&vec![1, 2]], "l x@4/now: [0]=1@5 [1]=2@5");
    row("l", Action::Add(0), &[&vec![1, 2]], "l: [0]=1@5 [1]=2@5");
    row("l", Action::Prepend(0), &[&vec![1, 2]], "l: [0]=1@5 [1]=2@5");
    row("l", Action::AppendElement(0), &[&1], "l: [0]=1@5");
    row("l", Action::Add(0), &[&Unset], "");
    row("l", Action::Subtract(0), &[&vec![1]], "");
    let field = |field: &str| Action::SetField { field: field.into(), value: 0 };
    row("u", field("zip"), &[&1], "u: [1]=1@5");
    row("u", field("zip"), &[&NULL], "u: [1]=x@5/now");
    row("u", field("zip"), &[&Unset], "");
    row("u", Action::RemoveField("street".into()), &[], "u: [0]=x@5/now");
}

#[test]
fn values_are_combined_with_those_that_are_there() {
    let (_world, w) = world();
    // The sum of the last bytes: enough of arithmetic for small numbers.
    let sum = crate::Combine(|_, left, right, out| {
        out.extend_from_slice(left);
        let byte = right.last().copied().unwrap_or_default();
        out.last_mut().into_iter().for_each(|last| *last += byte);
        Ok(())
    });
    let action = || Action::Combine { value: 0, with: sum };
    run(&w, "v", action(), &[&2]).unwrap();
    assert!(column(&w, "v").is_empty(), "there was nothing to combine with");
    w.insert(1, 1).set("v", 1).timestamp(1).execute().unwrap();
    run(&w, "v", action(), &[&2]).unwrap();
    run(&w, "v", action(), &[&4]).unwrap();
    // Each by itself, and once more in a batch.
    assert_eq!(column(&w, "v"), [Value::Int(1 + 2 * 2 + 2 * 4)]);
    run(&w, "l", action(), &[&vec![1]]).unwrap_err();
    run(&w, "v", action(), &[&NULL]).unwrap_err();
}

#[test]
fn lists_are_changed_by_bound_indexes() {
    let (_world, w) = world();
    w.insert(1, 1).set("l", vec![1, 2, 3, 2]).timestamp(1).execute().unwrap();
    let list = |values: &[i32]| {
        let expected = Value::List(values.iter().map(|value| Value::Int(*value)).collect());
        assert_eq!(column(&w, "l"), [expected]);
    };
    let set_at = || Action::SetAt { index: 0, value: 1 };
    let refuses = |action: Action, values: &[&dyn BindValue], text: &str| {
        assert_eq!(run(&w, "l", action, values).unwrap_err().to_string(), format!("ks.w, column l: {text}"));
    };
    run(&w, "l", set_at(), &[&0, &9]).unwrap();
    list(&[9, 2, 3, 2]);
    run(&w, "l", set_at(), &[&0, &Unset]).unwrap();
    list(&[9, 2, 3, 2]);
    refuses(set_at(), &[&9, &Unset], "there is no index 9 in a list of 4 elements");
    refuses(set_at(), &[&-1, &1], "there is no index -1 in a list of 4 elements");
    refuses(set_at(), &[&Unset, &1], "not a valid int: an element can't be left unset");
    refuses(Action::RemoveAt(0), &[&NULL], "not a valid int: an element can't be null");
    run(&w, "l", Action::RemoveAt(0), &[&Unset]).unwrap();
    list(&[9, 2, 3, 2]);
    run(&w, "l", Action::RemoveAt(0), &[&0]).unwrap();
    list(&[2, 3, 2]);
    run(&w, "l", Action::RemoveValue(0), &[&3]).unwrap();
    list(&[2, 2]);
    run(&w, "l", Action::Subtract(0), &[&vec![7, 2]]).unwrap();
    assert_eq!(column(&w, "l"), [Value::Null]);
}

#[test]
fn counters_and_ranges_are_bound() {
    let (world, w) = world();
    let hits = world.table("hits");
    let count = |action: Action, value: &dyn BindValue| {
        prepared(&hits, StatementKind::Update, "n", action, 1).execute([value, &1, &1])
    };
    count(Action::Add(0), &5i64).unwrap();
    count(Action::Subtract(0), &2i64).unwrap();
    count(Action::Add(0), &Unset).unwrap();
    check(&hits, 1, &["(1) n=3@own"]);
    assert_eq!(
        count(Action::Add(0), &NULL).unwrap_err().to_string(),
        "ks.hits, column n: a counter can't count null"
    );
    let smallest = count(Action::Subtract(0), &i64::MIN).unwrap_err();
    assert_eq!(smallest.to_string(), "ks.hits, column n: a counter can't count down by the smallest number");
    let mut plan = StatementPlan::new(StatementKind::Delete, 3);
    plan.key = vec![("p".into(), 0)];
    plan.range = Some(RangePlan { from: Some((vec![1], false)), to: Some((vec![2], true)) });
    let delete = w.prepare(plan.clone()).unwrap();
    delete.execute_with(&WriteOptions::new().timestamp(5), (1, 2, 4)).unwrap();
    check(&w, 1, &["ExclStart (2) begins x@5/now", "InclEnd (4) ends x@5/now"]);
    plan.range = Some(RangePlan { from: Some((vec![3], false)), to: None });
    assert_eq!(
        w.prepare(plan).unwrap_err().to_string(),
        "ks.w: value 3 is named, of 3 that the statement takes"
    );
}

/// Rows of simple columns are encoded where they stand, and what stays out is cut from there.
#[test]
fn rows_are_encoded_in_place() {
    let world = World::new();
    world
        .db
        .execute_schema("CREATE TABLE ks.i (p text, q int, c text, a text, b int, d blob, e int STATIC, PRIMARY KEY ((p, q), c))")
        .unwrap();
    let i = world.table("i");
    let at = WriteOptions::new().timestamp(5);
    let insert = i.prepare_insert(&["b", "p", "q", "c", "d", "a"]).unwrap();
    let long = "x".repeat(300);
    let bytes: &[u8] = &[1];
    insert.execute_with(&at, (7, "k", 1, "one", bytes, "text")).unwrap();
    insert.execute_with(&at, (NULL, "k", 1, "two", Unset, &long)).unwrap();
    insert.execute_with(&at, (Unset, "k", 1, "three", Unset, "")).unwrap();
    insert.execute_with(&at, (Unset, "k", 1, "", Unset, Unset)).unwrap();
    let update = i.prepare_update(&["p", "q", "c", "a", "b"]).unwrap();
    update.execute_with(&at, ("k", 1, "up", "", 9)).unwrap();
    update.execute_with(&at, ("k", 1, "void", Unset, Unset)).unwrap();
    check(
        &i,
        ("k", 1),
        &[
            "(\"\") live@5",
            "(\"one\") live@5 a=\"text\"@5 b=7@5 d=\"0x01\"@5",
            "(\"three\") live@5 a=\"\"@5",
            &format!("(\"two\") live@5 a=\"{long}\"@5 b=x@5/now"),
            "(\"up\") a=\"\"@5 b=9@5",
        ],
    );
    let wrong = insert.execute_with(&at, ("b", "k", 1, "four", Unset, Unset)).unwrap_err();
    assert_eq!(wrong.to_string(), "ks.i, column b: not a valid int: this text cannot be one");
    insert.execute_with(&at, (1, "z", 1, "after", Unset, Unset)).unwrap();
    check(&i, ("z", 1), &["(\"after\") live@5 b=1@5"]);
}

/// A row is encoded where it stands, or staged before that where a collection is set: whatever is
/// unset or null, alone or in a batch, the same is left.
#[test]
fn rows_that_are_encoded_in_their_place_are_those_that_are_staged() {
    let (_world, w) = world();
    let insert = w.prepare_insert(&["p", "c", "v", "m", "l", "u"]).unwrap();
    let map = BTreeMap::from([(1, 2), (3, 4)]);
    let options = WriteOptions::new().timestamp(5);
    for (p, case) in (0i32..).step_by(2).zip(0..3 * 3 * 2) {
        let simple: &dyn BindValue = [&7 as &dyn BindValue, &NULL, &Unset][case % 3];
        let complex: &dyn BindValue =
            [&map as &dyn BindValue, &None::<BTreeMap<i32, i32>>, &Unset][case / 3 % 3];
        let other: &dyn BindValue = [&Unset as &dyn BindValue, &None::<Vec<i32>>][case / 9];
        for (key, in_batch) in [(p, false), (p + 1, true)] {
            let all: [&dyn BindValue; 6] = [&key, &1, simple, complex, other, &Unset];
            if in_batch {
                let mut batch = crate::Batch::new(&w.writer);
                insert.add_with(&options, &mut batch, all.as_slice()).unwrap();
                batch.execute().unwrap();
            } else {
                insert.execute_with(&options, all.as_slice()).unwrap();
            }
        }
        let alone = super::raw(&w, p);
        assert_eq!(alone, super::raw(&w, p + 1), "case {case}");
        assert_eq!(alone.contains(" v="), case % 3 != 2, "{alone}");
        assert_eq!(alone.contains(" m"), case / 3 % 3 != 2, "{alone}");
        assert!(alone.starts_with("(1) ") || alone.starts_with("(1)\n"), "{alone}");
    }
}
