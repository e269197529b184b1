//! Sessions from outside.

use helenus_cql::{Answer, ErrorCode, QueryOptions, Session};
use helenus_engine::Database;

fn session() -> Session {
    let session = Session::new(&Database::in_memory().unwrap());
    let create = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    session.execute(create, ()).unwrap();
    session.execute("USE k", ()).unwrap();
    session
}

#[test]
fn pages_of_any_size_are_the_whole() {
    let session = session();
    session.execute("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))", ()).unwrap();
    let insert = session.prepare("INSERT INTO t (p, c) VALUES (?, ?)").unwrap();
    for c in 0..25 {
        insert.execute((c % 2, c), &QueryOptions::default()).unwrap();
    }
    let read = |page_size| {
        let mut all = Vec::new();
        let mut options = QueryOptions { page_size, ..QueryOptions::default() };
        loop {
            let answer = session.execute_with("SELECT p, c FROM t LIMIT 23", (), &options).unwrap().answer;
            let Answer::Rows(mut rows) = answer else { panic!("{answer:?}") };
            while let Some(row) = rows.next().unwrap() {
                all.push((row.get::<i32>(0).unwrap(), row.get::<i32>(1).unwrap()));
            }
            options.paging_state = rows.paging_state().map(<[u8]>::to_vec);
            if options.paging_state.is_none() {
                return all;
            }
        }
    };
    let whole = read(None);
    assert_eq!(whole.len(), 23);
    for size in 1..30 {
        assert_eq!(read(Some(size)), whole, "pages of {size}");
    }
}

#[test]
fn a_prepared_statement_notices_a_change_of_the_schema() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int)", ()).unwrap();
    let select = session.prepare("SELECT * FROM t").unwrap();
    assert_eq!(select.columns().len(), 2);
    session.execute("ALTER TABLE t ADD w int", ()).unwrap();
    let answer = select.execute((), &QueryOptions::default()).unwrap().answer;
    let Answer::Rows(rows) = answer else { panic!("{answer:?}") };
    assert_eq!(rows.columns().len(), 3);
}

#[test]
fn a_number_of_values_that_is_wrong_is_an_error() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int)", ()).unwrap();
    let error = session.execute("INSERT INTO t (p, v) VALUES (?, ?)", (1,)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);
}

#[test]
fn values_that_go_to_the_engine_as_they_came_are_those_of_their_columns() {
    let session = session();
    session
        .execute("CREATE TABLE t (p int, c text, s int static, v int, w text, PRIMARY KEY (p, c))", ())
        .unwrap();
    let insert = session.prepare("INSERT INTO t (w, c, v, p) VALUES (?, ?, 3, ?)").unwrap();
    let options = QueryOptions { timestamp_us: Some(5), ..QueryOptions::default() };
    insert.execute(("w", "c", 1), &options).unwrap();
    let row = |query: &str| {
        let Answer::Rows(mut rows) = session.execute(query, ()).unwrap().answer else { panic!("{query}") };
        let row = rows.next().unwrap().unwrap();
        let text = |column| row.get::<Option<&str>>(column).unwrap().map(str::to_owned);
        (row.get::<i32>(0).unwrap(), text(1), row.get::<Option<i32>>(2).unwrap(), text(3))
    };
    let read = "SELECT p, c, v, w FROM t";
    assert_eq!(row(read), (1, Some("c".to_owned()), Some(3), Some("w".to_owned())));
    let Answer::Rows(mut rows) = session.execute("SELECT writetime(v) FROM t", ()).unwrap().answer else {
        panic!()
    };
    assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), 5);
    // An unset value leaves the column, null deletes it.
    insert.execute((helenus_engine::Unset, "c", 1), &QueryOptions::default()).unwrap();
    assert_eq!(row(read), (1, Some("c".to_owned()), Some(3), Some("w".to_owned())));
    insert.execute((None::<&str>, "c", 1), &QueryOptions::default()).unwrap();
    assert_eq!(row(read), (1, Some("c".to_owned()), Some(3), None));
    // What is refused is refused in Cassandra's words, and nothing is written.
    let error = insert.execute(("x", "c", None::<i32>), &QueryOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "Invalid null value in condition for column p");
    let error = insert.execute(("x", helenus_engine::Unset, 1), &QueryOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "Invalid unset value for column c");
    assert_eq!(row(read), (1, Some("c".to_owned()), Some(3), None));
}

#[test]
fn rows_that_are_read_bit_by_bit_are_the_same_rows() {
    let session = session();
    session.execute("CREATE TABLE t (p int, c int, s text static, v text, PRIMARY KEY (p, c))", ()).unwrap();
    let insert = session.prepare("INSERT INTO t (p, c, v, s) VALUES (?, ?, ?, 'all')").unwrap();
    let text = "many bytes, so that they are not all held at once".repeat(10);
    for row in 0..1_000 {
        insert.execute((row / 300, row % 300, text.as_str()), &QueryOptions::default()).unwrap();
    }
    for page_size in [None, Some(700)] {
        let options = QueryOptions { page_size, ..QueryOptions::default() };
        let query = "SELECT v, c, s, p, v AS again, token(p) FROM t";
        for query in [
            query,
            query
                .strip_suffix(", token(p) FROM t")
                .map(|plain| plain.to_owned() + " FROM t")
                .as_deref()
                .unwrap(),
        ] {
            let Answer::Rows(mut rows) = session.execute_with(query, (), &options).unwrap().answer else {
                panic!()
            };
            assert_eq!(rows.paging_state(), None, "known after the last row");
            let (mut shown, mut last) = (0, None);
            while let Some(row) = rows.next().unwrap() {
                let (p, c): (i32, i32) = (row.get(3).unwrap(), row.get(1).unwrap());
                assert_eq!(
                    (row.get(0).unwrap(), row.get(4).unwrap(), row.get(2).unwrap()),
                    (text.as_str(), text.as_str(), "all")
                );
                assert!(last.is_none_or(|(before, at)| before != p || at < c), "{p}, {c} after {last:?}");
                (shown, last) = (shown + 1, Some((p, c)));
            }
            assert_eq!(shown, page_size.unwrap_or(1_000));
            assert_eq!(rows.paging_state().is_some(), page_size.is_some());
            assert!(rows.next().unwrap().is_none());
        }
    }
}

#[test]
fn a_text_that_comes_again_means_what_it_means_now() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int)", ()).unwrap();
    session.execute("INSERT INTO t (p, v) VALUES (1, 10)", ()).unwrap();
    let columns = || {
        let Answer::Rows(rows) = session.execute("SELECT * FROM t WHERE p = 1", ()).unwrap().answer else {
            panic!()
        };
        rows.columns().iter().map(|column| format!("{}.{}", column.keyspace, column.name)).collect::<Vec<_>>()
    };
    assert_eq!(columns(), ["k.p", "k.v"]);
    assert_eq!(columns(), ["k.p", "k.v"]);
    session.execute("ALTER TABLE t ADD w int", ()).unwrap();
    assert_eq!(columns(), ["k.p", "k.v", "k.w"]);
    let create =
        "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    session.execute(create, ()).unwrap();
    session.execute("CREATE TABLE other.t (p int PRIMARY KEY)", ()).unwrap();
    assert_eq!(columns(), ["k.p", "k.v", "k.w"]);
    session.execute("USE other", ()).unwrap();
    assert_eq!(columns(), ["other.p"]);
    // Many others in between push it out, and it is compiled again.
    for p in 0..1_000 {
        session.execute(&format!("SELECT * FROM t WHERE p = {p}"), ()).unwrap();
    }
    assert_eq!(columns(), ["other.p"]);
}
