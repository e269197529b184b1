//! Values as they are given, as they are made, and what they cost.

use helenus_cql::{BoundValue, QueryOptions};

use super::ask::{ask, ask_with, int, session};

fn run(session: &helenus_cql::Session, text: &str, values: &[BoundValue]) -> String {
    ask_with(session, text, values, &QueryOptions::default())
}

/// A collection of ints as bytes, in the order given.
fn ints(count: i32, values: &[i32]) -> BoundValue {
    let mut bytes = count.to_be_bytes().to_vec();
    values.iter().for_each(|value| bytes.extend([4_i32.to_be_bytes(), value.to_be_bytes()].concat()));
    BoundValue::Bytes(bytes)
}

/// Drivers send sets and maps as their languages hash them.
#[test]
fn bound_sets_and_maps_are_stored_in_their_order() {
    let session = session(&[
        "CREATE TABLE t (k frozen<set<int>> PRIMARY KEY, m frozen<map<int, int>>, s frozen<set<int>>)",
    ]);
    let insert = "INSERT INTO t (k, m, s) VALUES (?, ?, ?)";
    let map = ints(3, &[2, 20, 1, 9, 1, 10]);
    assert_eq!(run(&session, insert, &[ints(2, &[2, 1]), map, ints(3, &[3, 1, 3])]), "done");
    assert_eq!(ask(&session, "SELECT m, s FROM t WHERE k = {1, 2}"), "{\"1\": 10, \"2\": 20} [1, 3]");
    assert_eq!(run(&session, "SELECT s FROM t WHERE k = ?", &[ints(2, &[2, 1])]), "[1, 3]");
    assert_eq!(ask(&session, "SELECT k FROM t WHERE s = {1, 3} ALLOW FILTERING"), "[1, 2]");
}

#[test]
fn bytes_that_are_no_text_are_no_json() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, v text)"]);
    let object = BoundValue::Bytes(b"{\"k\": 1, \"v\": \"\xff\"}".to_vec());
    let answer = run(&session, "INSERT INTO t JSON ?", &[object]);
    assert!(answer.starts_with("0x2200 Invalid UTF-8 bytes 7b"), "{answer}");
    assert_eq!(ask(&session, "SELECT * FROM t"), "");
}

/// The object was parsed, and all of its values made, once for each column.
#[test]
fn a_row_in_json_is_read_once() {
    let names: Vec<String> = (0..150).map(|at| format!("c{at}")).collect();
    let columns = names.iter().map(|name| format!("{name} text")).collect::<Vec<_>>().join(", ");
    let session = session(&[&format!("CREATE TABLE t (k int PRIMARY KEY, {columns})")]);
    let value = "x".repeat(10_000);
    let members = names.iter().map(|name| format!(", \"{name}\": \"{value}\"")).collect::<String>();
    let object = BoundValue::Bytes(format!("{{\"k\": 1{members}}}").into_bytes());
    assert_eq!(run(&session, "INSERT INTO t JSON ?", std::slice::from_ref(&object)), "done");
    assert_eq!(ask(&session, "SELECT c149 FROM t WHERE k = 1").len(), 10_002);
    let text = "BEGIN BATCH INSERT INTO t JSON ?; INSERT INTO t JSON ?; APPLY BATCH";
    let other = BoundValue::Bytes(b"{\"k\": 1, \"c0\": \"y\"}".to_vec());
    assert_eq!(run(&session, text, &[object, other]), "done");
    assert_eq!(ask(&session, "SELECT c0 FROM t WHERE k = 1"), "\"y\"");
}

/// Each operator asked its left side for each of its overloads: a row of eight took a minute.
#[test]
fn operators_in_a_row_take_time_with_their_number() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, d decimal, b bigint)"]);
    let ones = vec!["1"; 40].join(" + ");
    assert_eq!(ask(&session, &format!("INSERT INTO t (k, d, b) VALUES (1, {ones}, {ones})")), "done");
    assert_eq!(ask(&session, "SELECT d, b FROM t WHERE k = 1"), "40.0 40");
    let nested = format!("{}'a'{}", "mask_default(".repeat(30), ")".repeat(30));
    let answer = ask(&session, &format!("SELECT k FROM t WHERE b = {nested}"));
    assert!(answer.starts_with("0x2200 "), "{answer}");
}

#[test]
fn decimals_are_summed_with_all_their_digits() {
    let session = session(&["CREATE TABLE t (k int, c int, d decimal, PRIMARY KEY (k, c))"]);
    let large = format!("1{}", "0".repeat(12_000));
    assert_eq!(ask(&session, &format!("INSERT INTO t (k, c, d) VALUES (0, 0, {large})")), "done");
    assert_eq!(ask(&session, "INSERT INTO t (k, c, d) VALUES (0, 1, 1)"), "done");
    let sum = format!("1{}1", "0".repeat(11_999));
    assert_eq!(ask(&session, "SELECT sum(d) FROM t WHERE k = 0"), sum);
    let average = ask(&session, "SELECT avg(d) FROM t WHERE k = 0");
    assert!(average.len() > 11_999, "{} digits", average.len());
}

/// 10^2147483600 was to be made of it.
#[test]
fn the_exponential_of_almost_nothing_is_one() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, d decimal)"]);
    assert_eq!(ask(&session, "INSERT INTO t (k, d) VALUES (0, 1e-2147483647)"), "done");
    let answer = ask(&session, "SELECT exp(d) FROM t");
    assert!(answer.starts_with("1.000"), "{answer}");
}

#[test]
fn the_floor_of_any_two_timestamps_is_one() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, a timestamp, b timestamp)"]);
    let text = format!("INSERT INTO t (k, a, b) VALUES (0, {}, {})", i64::MAX, i64::MIN + 1);
    assert_eq!(ask(&session, &text), "done");
    let answer = ask(&session, "SELECT floor(a, 1h, b) FROM t");
    assert!(!answer.is_empty(), "{answer}");
}

#[test]
fn hashes_are_those_of_java() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY)", "INSERT INTO t (k) VALUES (1)"]);
    for (name, len) in [("SHA-512/256", 32), ("SHA-512/224", 28), ("sha-256", 32)] {
        let answer = ask(&session, &format!("SELECT mask_hash(k, '{name}') FROM t"));
        assert_eq!(answer.len(), 2 * len + 4, "{name}: {answer}");
    }
}

/// A collection fits where its elements fit.
#[test]
fn collections_and_tuples_fit_by_their_elements() {
    let session = session(&[
        "CREATE TABLE t (k int PRIMARY KEY, lb frozen<list<blob>>, sb frozen<set<blob>>, lv list<varint>, \
         su frozen<set<uuid>>)",
    ]);
    for text in [
        "INSERT INTO t (k, lb) VALUES (1, map_values({'a': 'b'}))",
        "INSERT INTO t (k, sb) VALUES (1, map_keys({'a': 'b'}))",
        "INSERT INTO t (k, lv) VALUES (1, map_values({'a': 5}))",
    ] {
        let answer = ask(&session, text);
        // Four bytes of an int are a varint too.
        assert_eq!(answer, "done", "{text}");
    }
    assert_eq!(ask(&session, "SELECT lb, sb, lv FROM t"), "[\"0x62\"] [\"0x61\"] [5]");
    let answer = ask(
        &session,
        "INSERT INTO t (k, su) VALUES (1, map_keys({50554d6e-29bb-11e5-b345-feff819cdc9f: 1}))",
    );
    assert!(answer.starts_with("0x2200 Type error: cannot assign result of function"), "{answer}");
}

/// Which value each marker has must be known.
#[test]
fn a_field_that_is_given_twice_leaves_a_marker_without_a_place() {
    let session = session(&[
        "CREATE TYPE u (x int)",
        "CREATE TABLE t (k int PRIMARY KEY, u frozen<u>)",
        "INSERT INTO t (k, u) VALUES (1, {x: 1})",
    ]);
    for values in [vec![int(1)], vec![int(1), int(2)]] {
        let answer = run(&session, "UPDATE t SET u = {x: ?, x: ?} WHERE k = 1", &values);
        assert!(answer.starts_with("0x2200 A bind marker stands for nothing"), "{answer}");
    }
    assert_eq!(ask(&session, "SELECT u FROM t"), "{\"x\": 1}");
}

/// The function of a group may have an aggregate, which is then one of each row.
#[test]
fn groups_are_made_by_a_function_of_an_aggregate() {
    let session = session(&["CREATE TABLE t (k int, ts timestamp, v int, PRIMARY KEY (k, ts))"]);
    for at in [0, 1, 3_600_000, 3_600_001, 7_200_000] {
        assert_eq!(ask(&session, &format!("INSERT INTO t (k, ts, v) VALUES (0, {at}, 1)")), "done");
    }
    assert_eq!(ask(&session, "SELECT sum(v) FROM t GROUP BY k, floor(ts, 1h)"), "2 | 2 | 1");
    assert_eq!(ask(&session, "SELECT sum(v) FROM t GROUP BY k, floor(max(ts), 1h)"), "2 | 2 | 1");
}

/// A key that is renamed takes the place of one that has the name.
#[test]
fn keys_in_json_that_stand_for_one_column() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, a int)"]);
    for (members, wanted) in [
        (r#""A": 2, "a": 1"#, "2"),
        (r#""a": 1, "A": 2"#, "2"),
        (r#""\"a\"": 5, "a": 1"#, "5"),
        (r#""a": 1, "a": 3"#, "3"),
    ] {
        let text = format!("INSERT INTO t JSON '{{\"k\": 1, {members}}}'");
        assert_eq!(ask(&session, &text), "done", "{members}");
        assert_eq!(ask(&session, "SELECT a FROM t"), wanted, "{members}");
    }
}

#[test]
fn escapes_in_json() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, v text)"]);
    let insert =
        |value: &str| ask(&session, &format!("INSERT INTO t JSON '{{\"k\": 1, \"v\": \"{value}\"}}'"));
    assert!(insert(r"\u+12F").starts_with("0x2200 Could not decode"), "a sign is no digit");
    for (value, wanted) in [
        (r"\ud800", "?"),
        (r"\ud83d\ude00", "\u{1F600}"),
        (r"\ud83d\ud83d\ude00x", "?\u{1F600}x"),
        (r"\ude00\u0041", "?A"),
    ] {
        assert_eq!(insert(value), "done", "{value}");
        assert_eq!(ask(&session, "SELECT v FROM t"), format!("\"{wanted}\""), "{value}");
    }
}

/// A null was written for a marker that no value is named for.
#[test]
fn values_by_name() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY, a int, b int)"]);
    let named = |names: &[&str]| QueryOptions {
        names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..QueryOptions::default()
    };
    let insert = "INSERT INTO t (k, a, b) VALUES (?, ?, ?)";
    let prepared = session.prepare(insert).unwrap();
    let values = [int(1), int(2)];
    let answer = super::ask::shown(prepared.execute_raw(&values, &named(&["k", "b"])));
    assert_eq!(answer, "0x2200 there were 3 markers(?) in CQL but 2 bound variables");
    let answer = ask_with(&session, insert, &values, &named(&["k", "b"]));
    assert_eq!(answer, "0x2200 Invalid amount of bind variables");
    let values = [int(4), int(1), int(3)];
    let answer = super::ask::shown(prepared.execute_raw(&values, &named(&["b", "k", "a"])));
    assert_eq!(answer, "done");
    assert_eq!(ask(&session, "SELECT k, a, b FROM t"), "1 3 4");
}

#[test]
fn markers_are_counted_in_two_bytes() {
    let session = session(&["CREATE TABLE t (k int PRIMARY KEY)"]);
    let select = |markers: usize| {
        let text = format!("SELECT * FROM t WHERE k IN ({})", vec!["?"; markers].join(", "));
        session.prepare(&text).map(|prepared| prepared.markers().len()).map_err(|error| error.to_string())
    };
    assert_eq!(select(65_535), Ok(65_535));
    let many = "Too many markers(?). 65536 markers exceed the allowed maximum of 65535";
    assert_eq!(select(65_536), Err(many.to_owned()));
}
