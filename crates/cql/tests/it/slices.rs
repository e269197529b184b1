//! Ranges of rows that WHERE names, of reads and of deletions.

use helenus_cql::{BoundValue, QueryOptions, Session};

use super::ask::{ask, ask_with, int, session};

/// Rows of one partition with each pair of 0 to 3.
fn pairs(order: &str) -> Session {
    let session = session(&[&format!(
        "CREATE TABLE t (k int, a int, b int, v int, PRIMARY KEY (k, a, b)) WITH CLUSTERING ORDER BY ({order})"
    )]);
    fill(&session);
    session
}

fn fill(session: &Session) {
    for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
        ask(session, &format!("INSERT INTO t (k, a, b, v) VALUES (0, {a}, {b}, 0)"));
    }
}

/// The pairs that are in the table, sorted.
fn left(session: &Session) -> Vec<String> {
    let mut rows: Vec<_> =
        ask(session, "SELECT a, b FROM t WHERE k = 0").split(" | ").map(str::to_owned).collect();
    rows.sort();
    rows
}

/// A slice of a tuple whose columns are in different orders is several ranges of rows. It was none,
/// and a deletion that names no rows deletes the partition.
#[test]
fn slices_of_tuples_in_any_order_of_the_columns() {
    let ends: &[&[i32]] = &[&[1], &[2], &[1, 1], &[1, 2], &[2, 1], &[2, 2], &[1, 3], &[2, 0]];
    let columns = |end: &[i32]| if end.len() == 1 { "(a)" } else { "(a, b)" };
    let tuple = |end: &[i32]| format!("({})", end.iter().map(i32::to_string).collect::<Vec<_>>().join(", "));
    for order in ["a ASC, b ASC", "a ASC, b DESC", "a DESC, b ASC", "a DESC, b DESC"] {
        let session = pairs(order);
        for (low, high) in ends.iter().flat_map(|low| ends.iter().map(move |high| (low, high))) {
            for (above, below) in [(">", "<"), (">=", "<"), (">", "<="), (">=", "<=")] {
                let within = |row: &[i32; 2]| {
                    let from = row[..low.len()].cmp(low);
                    let to = row[..high.len()].cmp(high);
                    (from.is_gt() || from.is_eq() && above == ">=")
                        && (to.is_lt() || to.is_eq() && below == "<=")
                };
                let all: Vec<_> = (0..4).flat_map(|a| (0..4).map(move |b| [a, b])).collect();
                let name = |row: &[i32; 2]| format!("{} {}", row[0], row[1]);
                fill(&session);
                let slice = format!(
                    "k = 0 AND {} {above} {} AND {} {below} {}",
                    columns(low),
                    tuple(low),
                    columns(high),
                    tuple(high)
                );
                let mut found: Vec<_> = ask(&session, &format!("SELECT a, b FROM t WHERE {slice}"))
                    .split(" | ")
                    .filter(|row| !row.is_empty())
                    .map(str::to_owned)
                    .collect();
                let in_order: Vec<_> = ask(&session, "SELECT a, b FROM t WHERE k = 0")
                    .split(" | ")
                    .filter(|row| found.iter().any(|found| found == row))
                    .map(str::to_owned)
                    .collect();
                assert_eq!(found, in_order, "the order of {slice} ({order})");
                found.sort();
                let wanted: Vec<_> = all.iter().filter(|row| within(row)).map(name).collect();
                assert_eq!(found, wanted, "{slice} ({order})");
                assert_eq!(ask(&session, &format!("DELETE FROM t WHERE {slice}")), "done");
                let wanted: Vec<_> = all.iter().filter(|row| !within(row)).map(name).collect();
                assert_eq!(left(&session), wanted, "after DELETE {slice} ({order})");
            }
        }
    }
}

#[test]
fn a_slice_of_a_tuple_in_mixed_orders_is_no_row() {
    let session = pairs("a ASC, b DESC");
    assert_eq!(
        ask(&session, "DELETE FROM t WHERE k = 0 AND (a, b) > (1, 1) IF EXISTS"),
        "0x2200 DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to delete \
         non static columns"
    );
    assert_eq!(
        ask(&session, "UPDATE t SET v = 1 WHERE k = 0 AND (a, b) > (1, 1)"),
        "0x2200 Slice restrictions are not supported on the clustering columns in UPDATE statements"
    );
    assert_eq!(
        ask(&session, "DELETE v FROM t WHERE k = 0 AND (a, b) > (1, 1)"),
        "0x2200 Range deletions are not supported for specific columns"
    );
    assert_eq!(left(&session).len(), 16);
}

/// Slices of one column and of a tuple that begins with it are one slice of the tuple. The second
/// was cut to the columns of the first.
#[test]
fn slices_of_a_column_and_of_a_tuple_are_one() {
    let session = pairs("a ASC, b ASC");
    let select = |slice: &str, values: &[BoundValue]| {
        let text = format!("SELECT a, b FROM t WHERE k = 0 AND {slice}");
        ask_with(&session, &text, values, &QueryOptions::default())
    };
    for slice in ["a > 0 AND (a, b) <= (2, 0)", "(a, b) <= (2, 0) AND a > 0"] {
        assert_eq!(select(slice, &[]), "1 0 | 1 1 | 1 2 | 1 3 | 2 0", "{slice}");
    }
    let mut tuple = Vec::new();
    for value in [2_i32, 0] {
        tuple.extend([4_i32.to_be_bytes(), value.to_be_bytes()].concat());
    }
    let tuple = BoundValue::Bytes(tuple);
    assert_eq!(select("a > ? AND (a, b) <= ?", &[int(0), tuple.clone()]), "1 0 | 1 1 | 1 2 | 1 3 | 2 0");
    assert_eq!(select("(a, b) < ? AND a > ?", &[tuple, int(0)]), "1 0 | 1 1 | 1 2 | 1 3");
    let apart =
        "0x2200 Column \"b\" cannot be restricted by two inequalities not starting with the same column";
    assert_eq!(select("(a, b) > (1, 1) AND b < 5", &[]), apart);
    assert_eq!(select("b < 5 AND (a, b) > (1, 1)", &[]), apart);
    assert_eq!(ask(&session, "DELETE FROM t WHERE k = 0 AND (a, b) > (1, 1) AND b < 5"), apart);
    assert_eq!(ask(&session, "DELETE FROM t WHERE k = 0 AND a > 0 AND (a, b) < (2, 1)"), "done");
    assert_eq!(left(&session), ["0 0", "0 1", "0 2", "0 3", "2 1", "2 2", "2 3", "3 0", "3 1", "3 2", "3 3"]);
}

/// A null that an application binds must not empty a partition.
#[test]
fn a_deletion_has_no_null_end() {
    let session = pairs("a ASC, b ASC");
    let refused = "0x2200 Invalid null value in condition for column a";
    assert_eq!(ask(&session, "DELETE FROM t WHERE k = 0 AND a > null"), refused);
    for slice in ["a > ?", "a >= ?", "a < ?", "a < 9 AND a > ?"] {
        let text = format!("DELETE FROM t WHERE k = 0 AND {slice}");
        assert_eq!(
            ask_with(&session, &text, &[BoundValue::Null], &QueryOptions::default()),
            refused,
            "{slice}"
        );
    }
    assert_eq!(left(&session).len(), 16);
}

/// Three lists of two thousand values were eight thousand million keys.
#[test]
fn combinations_of_lists_are_bounded() {
    let session = session(&["CREATE TABLE t (k int, a int, b int, c int, PRIMARY KEY (k, a, b, c))"]);
    let mut list = 2000_i32.to_be_bytes().to_vec();
    (0..2000_i32).for_each(|value| list.extend([4_i32.to_be_bytes(), value.to_be_bytes()].concat()));
    let values = [BoundValue::Bytes(list.clone()), BoundValue::Bytes(list.clone()), BoundValue::Bytes(list)];
    for text in [
        "SELECT * FROM t WHERE k = 0 AND a IN ? AND b IN ? AND c IN ?",
        "DELETE FROM t WHERE k = 0 AND a IN ? AND b IN ? AND c IN ?",
        "DELETE FROM t WHERE k IN ? AND a IN ? AND b IN ?",
    ] {
        let answer = ask_with(&session, text, &values, &QueryOptions::default());
        assert!(
            answer.contains("the cartesian product of the IN restrictions on clustering key"),
            "{answer}"
        );
    }
    let answer = ask_with(
        &session,
        "DELETE FROM t WHERE k IN ? AND a IN ? AND b = 1 AND c = 1",
        values.get(..2).unwrap(),
        &QueryOptions::default(),
    );
    assert!(answer.contains("the cartesian product of the IN restrictions on primary key"), "{answer}");
}
