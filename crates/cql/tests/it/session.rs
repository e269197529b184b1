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
