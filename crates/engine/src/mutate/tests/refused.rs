//! Invalid writes are refused before anything is written, with helpful texts.

use helenus_types::Value;

use super::{World, raw};
use crate::{Database, ErrorKind, Result, Table, Unset, WriteOptions};

#[track_caller]
fn refused(done: Result<()>, text: &str) {
    let error = done.expect_err("it should have been refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), text);
}

fn with_t(f: impl FnOnce(&Database, &Table)) {
    let world = World::new();
    let t = world.t();
    f(&world.db, &t);
    for key in [0, 1, 2] {
        assert_eq!(raw(&t, key), "", "nothing was written");
    }
}

#[test]
fn wrong_values() {
    with_t(|_, t| {
        refused(
            t.insert(1, (1, "x")).set("a", "no").execute(),
            "ks.t, column a: not a valid int: this text cannot be one",
        );
        refused(
            t.insert(1, (1, "x")).set("a", i64::MAX).execute(),
            "ks.t, column a: not a valid int: 9223372036854775807 is out of range",
        );
        refused(
            t.insert(1, (1, "x")).set("b", vec![1]).execute(),
            "ks.t, column b: not a valid text: a sequence cannot be one",
        );
        refused(t.insert(1, (1, "x")).set("zz", 1).execute(), "ks.t: there is no column zz");
        refused(
            t.insert(1, (1, "x")).set("c", 1).execute(),
            "ks.t, column c: a column of the primary key can't be set, only named by the key",
        );
        refused(
            t.insert(1, (1, "x")).set("a", 1).set("a", 2).execute(),
            "ks.t, column a: the column is set twice in one statement",
        );
        refused(
            t.update(1, (1, "x")).put("m", "k", 1).set("m", Value::Null).execute(),
            "ks.t, column m: the column is set twice in one statement",
        );
        refused(
            t.update(1, (1, "x")).put("m", "k", "v").execute(),
            "ks.t, column m: not a valid int: this text cannot be one",
        );
        refused(
            t.update(1, (1, "x")).put("s", 1, 1).execute(),
            "ks.t, column s: expected a map that is not frozen, it is a set<int>",
        );
        refused(
            t.update(1, (1, "x")).add_to_set("m", 1).execute(),
            "ks.t, column m: expected a set that is not frozen, it is a map<text, int>",
        );
        refused(
            t.update(1, (1, "x")).add_to_set("s", None::<i32>).execute(),
            "ks.t, column s: not a valid int: an element can't be null",
        );
        refused(
            t.update(1, (1, "x")).append("f", "x").execute(),
            "ks.t, column f: expected a list that is not frozen, it is a frozen<map<int, text>>",
        );
        refused(
            t.update(1, (1, "x")).set_field("u", "planet", 1).execute(),
            "ks.t, column u: address has no field planet",
        );
        refused(
            t.update(1, (1, "x")).increment("a", 1).execute(),
            "ks.t, column a: expected a counter, it is a int",
        );
        let long = "k".repeat(65_536);
        refused(
            t.update(1, (1, "x")).put("m", &long, 1).execute(),
            "ks.t, column m: a set's element or a map's key can't exceed 65535 bytes, this one has 65536",
        );
    });
}

#[test]
fn wrong_keys() {
    with_t(|db, t| {
        refused(
            t.insert("one", (1, "x")).execute(),
            "ks.t, column p: not a valid int: this text cannot be one",
        );
        refused(
            t.insert((1, 2), (1, "x")).execute(),
            "ks.t: the partition key has 1 columns (p), 2 values were given",
        );
        refused(
            t.insert((), (1, "x")).execute(),
            "ks.t: the partition key has 1 columns (p), 0 values were given",
        );
        refused(t.insert((None::<i32>,), (1, "x")).execute(), "ks.t, column p: null is not allowed in a key");
        refused(
            t.insert((Value::Empty,), (1, "x")).execute(),
            "ks.t, column p: a partition key can't be empty",
        );
        refused(t.insert(1, (1, None::<&str>)).execute(), "ks.t, column d: null is not allowed in a key");
        let missing =
            "ks.t: a row needs a value for each of its 2 clustering columns, 1 were given: d is missing";
        refused(t.insert(1, 1).execute(), missing);
        refused(t.update(1, 1).set("s1", 1).execute(), missing);
        refused(t.delete(1, 1).column("a").execute(), missing);
        refused(
            t.update(1, ()).set("a", 1).execute(),
            "ks.t: a row needs a value for each of its 2 clustering columns, 0 were given: c is missing",
        );
        refused(
            t.insert(1, ()).execute(),
            "ks.t: a row needs a value for each of its 2 clustering columns, 0 were given: c is missing",
        );
        refused(
            t.insert(1, (1, "x", 2)).execute(),
            "ks.t: there are 2 clustering columns, 3 values were given",
        );
        let long = "k".repeat(65_536);
        refused(
            t.insert(1, (1, &long)).execute(),
            "ks.t, column d: a clustering column's value can't exceed 65535 bytes",
        );
        let flat = db.table("ks", "flat").unwrap();
        refused(
            flat.insert((1, &long), ()).execute(),
            "ks.flat, column q: a key column's value can't exceed 65535 bytes",
        );
        let nearly = "k".repeat(65_530);
        refused(
            flat.insert((1, &nearly), ()).execute(),
            "ks.flat: a partition key can't exceed 65535 bytes, this one has 65540",
        );
        flat.insert((1, ""), ()).execute().unwrap();
    });
}

#[test]
fn wrong_times() {
    with_t(|db, t| {
        let smallest = "ks.t: the smallest timestamp is not one: it stands for no write at all";
        refused(t.insert(1, (1, "x")).timestamp(i64::MIN).execute(), smallest);
        refused(
            t.insert(1, (1, "x")).ttl(630_720_001).execute(),
            "ks.t: a time to live of at most 630720000 s (20 years) was expected, 630720001 found",
        );
        let negative = "ks.t: a partition can't be deleted with a negative timestamp, -1 was given";
        refused(t.delete_partition(1).timestamp(-1).execute(), negative);
        let mut batch = db.batch();
        t.delete_partition(1).add_to(&mut batch).unwrap();
        refused(batch.timestamp(-1).execute(), negative);
        let delete = t.prepare_delete(&["p"], &[]).unwrap();
        refused(delete.execute_with(&WriteOptions::new().timestamp(-1), (1,)), negative);
        t.delete(5, ()).rows().timestamp(-1).execute().unwrap();
    });
}

#[test]
fn wrong_numbers_of_values_and_options_under_conditions() {
    with_t(|_, t| {
        let insert = t.prepare_insert(&["p", "c", "d", "a"]).unwrap();
        refused(insert.execute_if((1,)).map(drop), "ks.t: 4 values were expected, 1 given");
        refused(
            insert.execute_if_with(&WriteOptions::new().ttl(21 * 365 * 86_400), (1, 2, "x", 1)).map(drop),
            "ks.t: a time to live of at most 630720000 s (20 years) was expected, 662256000 found",
        );
    });
}

#[test]
fn wrong_statements() {
    with_t(|db, t| {
        let problem = |prepared: Result<crate::Prepared>| prepared.map(drop);
        refused(
            problem(t.prepare_insert(&["p", "c", "a"])),
            "ks.t: a row needs a value for each of its 2 clustering columns, 1 were given: d is missing",
        );
        refused(
            problem(t.prepare_insert(&["c", "d", "a"])),
            "ks.t, column p: a part of the partition key is missing",
        );
        refused(
            problem(t.prepare_insert(&["p", "c", "d", "a", "a"])),
            "ks.t, column a: the column is set twice in one statement",
        );
        refused(problem(t.prepare_insert(&["p", "c", "d", "q"])), "ks.t: there is no column q");
        refused(
            problem(t.prepare_delete(&["p", "d"], &[])),
            "ks.t: a row needs a value for each of its 2 clustering columns, 0 were given: c is missing",
        );
        refused(
            problem(t.prepare_delete(&["p", "a"], &[])),
            "ks.t, column a: a column of the key was expected",
        );
        refused(
            problem(t.prepare_delete(&["p"], &["c"])),
            "ks.t, column c: a column of the primary key can't be set, only named by the key",
        );
        let insert = t.prepare_insert(&["p", "c", "d", "a"]).unwrap();
        refused(insert.execute((1, 2)), "ks.t: 4 values were expected, 2 given");
        refused(
            insert.execute((1, 2, Unset, 1)),
            "ks.t, column d: not a valid text: a key column can't be left unset",
        );
        let both = t.delete(1, (1, "x")).rows().execute();
        refused(both, "ks.t: the ends of a range are given in full, beside a key alone");
        refused(
            t.delete(1, ()).rows().column("a").execute(),
            "ks.t: columns are deleted of one row, not of a range",
        );
        let conditional = |outcome: Result<crate::Outcome>| outcome.map(drop);
        refused(
            conditional(t.delete(1, 1).if_exists().execute()),
            "ks.t: what is deleted on a condition is one row or columns, not a range",
        );
        refused(
            conditional(t.insert(1, (1, "x")).timestamp(1).if_not_exists().execute()),
            "ks.t: a conditional write takes no timestamp",
        );
        refused(
            conditional(t.delete(1, ()).if_("s1", crate::Op::Eq, 1).execute()),
            "ks.t: what is deleted on a condition is one row or columns, not a range",
        );
        refused(
            conditional(t.update(1, ()).set("s1", 1).if_("a", crate::Op::Eq, 1).execute()),
            "ks.t: a row needs a value for each of its 2 clustering columns, 0 were given: c is missing",
        );
        let less = t.update(1, (1, "x")).set("b", "x").if_("a", crate::Op::Lt, None::<i32>).execute();
        refused(conditional(less), "ks.t, column a: null is neither less nor greater");
        let mut batch = db.batch();
        refused(
            insert.add_to(&mut batch, (1, 1, "x", "wrong")),
            "ks.t, column a: not a valid int: this text cannot be one",
        );
        assert!(batch.is_empty());
        batch.execute().unwrap();
    });
}

#[test]
fn counters_are_by_themselves() {
    let world = World::new();
    let (hits, t) = (world.table("hits"), world.t());
    refused(
        hits.insert(1, 1).execute(),
        "ks.hits: a table of counters has no INSERT: counters are incremented",
    );
    let times = "ks.hits: a write of counters takes no timestamp and no time to live";
    refused(hits.update(1, 1).increment("n", 1).timestamp(1).execute(), times);
    refused(hits.update(1, 1).increment("n", 1).ttl(1).execute(), times);
    refused(hits.delete(1, 1).timestamp(1).execute(), times);
    let set = "ks.hits, column n: expected a column that is no counter: a counter can be incremented, not set, it is a counter";
    refused(hits.update(1, 1).set("n", 1).execute(), set);
    refused(
        hits.update(1, 1).increment("n", 1).if_exists().execute().map(drop),
        "ks.hits: a write of counters can't be conditional",
    );
    let mut batch = world.db.batch();
    hits.update(1, 1).increment("n", 1).add_to(&mut batch).unwrap();
    refused(
        t.insert(1, (1, "x")).add_to(&mut batch),
        "ks.t: counters and other columns can't be in one batch",
    );
    refused(batch.timestamp(5).execute(), times);
    let other = World::new();
    refused(
        other.table("hits").update(1, 1).increment("n", 1).add_to(&mut batch),
        "a batch is of one database, the statement is of another",
    );
    assert_eq!(raw(&hits, 1), "");
}

#[test]
fn too_large_and_with_an_index() {
    let world = World::new();
    let t = world.t();
    let error = t.insert(1, (1, "x")).set("b", "b".repeat(40_000)).execute().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with("ks.t: a mutation of 400"), "{error}");
    t.insert(1, (1, "x")).set("b", "b".repeat(30_000)).execute().unwrap();
    // An index made its table read-only. It is kept, and not built.
    let outcome = world.db.execute_schema("CREATE INDEX by_a ON ks.t (a)").unwrap();
    assert!(
        outcome.warnings[0]
            .to_string()
            .starts_with("ks.t: its index by_a is kept in the schema and not built")
    );
    t.insert(1, (1, "x")).set("b", "y").execute().unwrap();
    t.prepare_insert(&["p", "c", "d"]).unwrap();
    assert!(world.db.schema().to_cql().contains("CREATE INDEX by_a ON ks.t (a)"));
    let view = "CREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t WHERE a IS NOT NULL AND p IS NOT NULL AND c IS NOT \
                NULL AND d IS NOT NULL PRIMARY KEY (a, p, c, d)";
    let error = world.db.execute_schema(view).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "Materialized views are disabled. Enable in cassandra.yaml to use.");
    world.db.close().unwrap();
    let flat = world.db.table("ks", "flat");
    if let Ok(flat) = flat {
        assert_eq!(flat.insert((1, "x"), ()).execute().unwrap_err().kind(), ErrorKind::Closed);
    }
}
