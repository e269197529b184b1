//! A text of CQL that is executed on a small database.

use helenus_cql::{Answer, CqlResult, QueryOptions, Response, Session};
use helenus_cql_syntax::{Statement, parse_statement};

/// What the database holds; seeds are about it.
pub const BEGIN: [&str; 10] = [
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "USE k",
    "CREATE TYPE u (a int, b text)",
    "CREATE TABLE t (p int, c int, d text, s int static, v int, w text, l list<int>, m map<text, int>, \
     f frozen<set<int>>, u u, x tuple<int, text>, PRIMARY KEY (p, c, d)) WITH CLUSTERING ORDER BY (c DESC, d ASC)",
    "CREATE TABLE n (p int PRIMARY KEY, n counter)",
    "CREATE TABLE a (p int PRIMARY KEY, t text, de decimal, vi varint, ts timestamp, da date, du duration, i inet, \
     b blob, id uuid, dbl double, ve vector<float, 3>)",
    "INSERT INTO t (p, c, d, s, v, w, l, m, f, u, x) VALUES \
     (1, 1, 'a', 9, 2, 'w', [1, 2], {'k': 1}, {3, 1}, {a: 1, b: 'b'}, (1, 'x'))",
    "INSERT INTO t (p, c, d, v) VALUES (1, 2, '', 3)",
    "INSERT INTO t (p, s) VALUES (2, 5)",
    "UPDATE n SET n = n + 3 WHERE p = 1",
];

/// Longer texts cost time without another path.
const LONGEST: usize = 2 << 10;

/// One statement. It is answered or refused; what reads does so twice alike, and by pages too.
pub fn cql_statement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > LONGEST {
        return;
    }
    let database = helenus::Database::in_memory().expect("memory");
    let session = Session::new(&database);
    for statement in BEGIN {
        session.execute(statement, ()).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    if let Ok(prepared) = session.prepare(text) {
        let _ = (prepared.id(), prepared.markers(), prepared.columns(), prepared.partition_key_markers());
        if !prepared.markers().is_empty() {
            return;
        }
    }
    let whole = shown(session.execute(text, ()));
    let Ok(Statement::Select(select)) = parse_statement(text) else { return };
    let mut paged = Vec::new();
    let mut options = QueryOptions { page_size: Some(1), ..QueryOptions::default() };
    let mut state = Some(None);
    while let Some(begin) = state.take() {
        options.paging_state = begin;
        match shown(session.execute_with(text, (), &options)) {
            // What can't be paged is refused then.
            None => return,
            Some((rows, next)) => {
                paged.push(rows);
                state = next.map(Some);
            }
        }
    }
    let paged: usize = paged.iter().sum();
    let whole = whole.map_or(0, |(rows, _)| rows);
    assert_eq!(paged, whole, "rows by pages of one, of {select:?}");
}

/// How many rows there are, and where the next page begins.
fn shown(response: CqlResult<Response>) -> Option<(usize, Option<Vec<u8>>)> {
    let Answer::Rows(mut rows) = response.ok()?.answer else { return None };
    let mut count = 0;
    while rows.next().ok()?.is_some() {
        count += 1;
    }
    Some((count, rows.paging_state().map(<[u8]>::to_vec)))
}
