//! Rows, their order and their pages.

use helenus_cql::QueryOptions;

use super::ask::{ask, ask_with, session};

/// Pages of no rows are no pages: rows were lost, without a state for the next page.
#[test]
fn a_page_of_no_rows_is_none() {
    let session = session(&["CREATE TABLE t (k int, a int, PRIMARY KEY (k, a))"]);
    for (k, a) in [(1, 5), (1, 1), (2, 3), (2, 4), (1, 2)] {
        ask(&session, &format!("INSERT INTO t (k, a) VALUES ({k}, {a})"));
    }
    let options = QueryOptions { page_size: Some(0), ..QueryOptions::default() };
    let select = |text: &str| ask_with(&session, text, &[], &options);
    assert_eq!(select("SELECT a FROM t WHERE k = 1"), "1 | 2 | 5");
    assert_eq!(select("SELECT a FROM t WHERE k IN (1, 2) ORDER BY a"), "1 | 2 | 3 | 4 | 5");
    assert_eq!(select("SELECT count(*) FROM t WHERE k = 1 GROUP BY k, a"), "1 | 1 | 1");
}
