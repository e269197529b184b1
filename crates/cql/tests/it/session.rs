//! Sessions from outside.

use helenus_cql::{Answer, Consistency, ErrorCode, QueryOptions, Session};
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

#[test]
fn a_session_warns_once_of_prepared_statements_that_depend_on_its_keyspace() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int)", ()).unwrap();
    let qualified = session.prepare("SELECT * FROM k.t").unwrap();
    assert!(qualified.warnings().is_empty());
    let first = session.prepare("SELECT * FROM t").unwrap();
    assert!(first.warnings()[0].contains("Keyspace used: k, statement keyspace: k, statement id: "));
    assert!(session.prepare("SELECT p FROM t").unwrap().warnings().is_empty());
    assert!(!session.prepare_in("SELECT p FROM t", Some("k")).unwrap().warnings().is_empty());
    // The keyspace is a part of the id where the statement depends on it.
    assert_eq!(qualified.id(), session.prepare_in("SELECT * FROM k.t", None).unwrap().id());
    assert_ne!(first.id(), md5::compute("SELECT * FROM t").0);
    assert_eq!(first.id(), md5::compute("kSELECT * FROM t").0);
}

#[test]
fn consistency_that_one_replica_cannot_reach_is_refused() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int)", ()).unwrap();
    let with = |consistency| QueryOptions { consistency, ..QueryOptions::default() };
    let run = |text: &str, consistency| session.execute_with(text, (), &with(consistency));
    let write = "INSERT INTO t (p, v) VALUES (1, 1)";
    run(write, Consistency::Any).unwrap();
    run("SELECT * FROM t", Consistency::Serial).unwrap();
    for (text, consistency, code, message) in [
        (write, Consistency::Two, ErrorCode::Unavailable, "Cannot achieve consistency level TWO"),
        (
            write,
            Consistency::Serial,
            ErrorCode::Invalid,
            "You must use conditional updates for serializable writes",
        ),
        (
            "SELECT * FROM t",
            Consistency::Any,
            ErrorCode::Invalid,
            "ANY ConsistencyLevel is only supported for writes",
        ),
    ] {
        let error = run(text, consistency).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    }
    let options = QueryOptions { serial_consistency: Some(Consistency::Quorum), ..QueryOptions::default() };
    let error = session.execute_with("UPDATE t SET v = 2 WHERE p = 1 IF v = 1", (), &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL"
    );
}

#[test]
fn a_refusal_shows_what_its_conditions_are_about() {
    let session = session();
    session
        .execute("CREATE TABLE t (p int, c int, s int static, v int, w int, PRIMARY KEY (p, c))", ())
        .unwrap();
    session.execute("INSERT INTO t (p, c, s, v) VALUES (1, 1, 5, 7)", ()).unwrap();
    let columns = |text: &str| {
        let answer = session.execute(text, ()).unwrap().answer;
        let Answer::Rows(rows) = answer else { panic!("{answer:?}") };
        rows.columns().iter().skip(1).map(|column| column.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(columns("UPDATE t SET w = 1 WHERE p = 1 AND c = 1 IF s = 0 AND w = 1 AND v = 0"), "w v s");
    assert_eq!(columns("INSERT INTO t (p, c) VALUES (1, 1) IF NOT EXISTS"), "p c s v w");
    assert_eq!(columns("UPDATE t SET w = 1 WHERE p = 1 AND c = 2 IF v = 0"), "");
    let batch = |statements: &str| columns(&format!("BEGIN BATCH {statements} APPLY BATCH"));
    let update = "UPDATE t SET w = 1 WHERE p = 1 AND c = 1 IF";
    assert_eq!(batch(&format!("{update} s = 0; {update} v = 0;")), "p c s v");
    assert_eq!(batch(&format!("{update} s = 0; UPDATE t SET v = 1 WHERE p = 1 AND c = 2 IF EXISTS;")), {
        "p c s v w"
    });
}

#[test]
fn wrong_operands_are_named_as_cassandra_names_them() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, l list<int>, m map<int, int>, v int)", ()).unwrap();
    session.execute("INSERT INTO t (p, l) VALUES (1, [1, 2])", ()).unwrap();
    for (text, message) in [
        ("UPDATE t SET l[-1] = 1 WHERE p = 1", "List index -1 out of bound, list has size 2"),
        ("UPDATE t SET l[0] = 1 WHERE p = 2", "Attempted to set an element on a list which is null"),
        ("DELETE l[0] FROM t WHERE p = 2", "Attempted to delete an element from a list which is null"),
        ("UPDATE t SET l[null] = 1 WHERE p = 1", "Invalid null value for list index"),
        ("UPDATE t SET m[null] = 1 WHERE p = 1", "Invalid null map key"),
        ("UPDATE t SET m = m - {1: 2} WHERE p = 1", {
            "Value for a map substraction has to be a set, but was: '{1: 2}'"
        }),
        ("UPDATE t SET m = {1: 2} + m WHERE p = 1", {
            "Invalid operation (m = {1: 2} - m) for non list column m"
        }),
        ("UPDATE t SET v = 1 WHERE p = 1 IF v > null", "Invalid comparison with null for operator \">\""),
        ("UPDATE t SET v = 1 WHERE p = 1 IF l[-1] = 1", "Invalid negative list index -1"),
        ("UPDATE t SET v = 1 WHERE p = 1 IF l < []", {
            "Invalid comparison with an empty list for operator \"<\""
        }),
        ("INSERT INTO t (p) VALUES (1) USING TIMESTAMP -9223372036854775808", {
            "Out of bound timestamp, must be in [-9223372036854775807, 9223372036854775807]"
        }),
        ("INSERT INTO t (p) VALUES (1) USING TIMESTAMP 9223372036854775808", {
            "Unable to make long from '9223372036854775808'"
        }),
    ] {
        assert_eq!(session.execute(text, ()).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn the_nearest_vectors_come_first() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v vector<float, 2>, w int)", ()).unwrap();
    session
        .execute("CREATE INDEX ON t (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'euclidean'}", ())
        .unwrap();
    for (p, vector) in [(1, "[1, 1]"), (2, "[0, 0]"), (3, "[5, 5]"), (4, "[-1, 0]")] {
        session.execute(&format!("INSERT INTO t (p, v) VALUES ({p}, {vector})"), ()).unwrap();
    }
    session.execute("INSERT INTO t (p, w) VALUES (5, 1)", ()).unwrap();
    let nearest = |text: &str| {
        let answer = session.execute(text, ()).unwrap().answer;
        let Answer::Rows(mut rows) = answer else { panic!("{answer:?}") };
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            all.push(row.get::<i32>(0).unwrap());
        }
        all
    };
    assert_eq!(nearest("SELECT p FROM t ORDER BY v ANN OF [1, 0.5] LIMIT 3"), [1, 2, 4]);
    assert_eq!(nearest("SELECT p FROM t ORDER BY v ANN OF [9, 9] LIMIT 100"), [3, 1, 2, 4]);
    let error = session.execute("SELECT p FROM t ORDER BY v ANN OF [9, 9]", ()).unwrap_err();
    assert!(error.to_string().starts_with("Top-K queries must have a limit"));
}

#[test]
fn a_conditional_update_adds_to_what_is_there() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int, w text, x double)", ()).unwrap();
    session.execute("INSERT INTO t (p, v, w) VALUES (1, 5, 'a')", ()).unwrap();
    let update = "UPDATE t SET v = v + 2, w = w + 'b', x = x + 1 WHERE p = 1 IF v = 5";
    session.execute(update, ()).unwrap();
    let answer = session.execute("SELECT v, w, x FROM t", ()).unwrap().answer;
    let Answer::Rows(mut rows) = answer else { panic!("{answer:?}") };
    let row = rows.next().unwrap().unwrap();
    assert_eq!((row.get::<i32>(0).unwrap(), row.get::<&str>(1).unwrap()), (7, "ab"));
    assert_eq!(row.cell(2), None, "there is nothing to add to");
    let error = session.execute("UPDATE t SET v = v + 2 WHERE p = 1", ()).unwrap_err();
    assert_eq!(error.to_string(), "Invalid operation (v = v + 2) for non counter column v");
}

#[test]
fn restrictions_need_filtering_as_their_indexes_have_it() {
    let session = session();
    session
        .execute("CREATE TABLE t (p int, c int, l list<int>, v int, w text, PRIMARY KEY (p, c))", ())
        .unwrap();
    session.execute("CREATE INDEX ON t (l)", ()).unwrap();
    session.execute("CREATE INDEX ON t (v) USING 'sai'", ()).unwrap();
    session.execute("CREATE INDEX ON t (c) USING 'sai'", ()).unwrap();
    session
        .execute("CREATE INDEX ON t (w) USING 'sai' WITH OPTIONS = {'case_sensitive': 'false'}", ())
        .unwrap();
    session.execute("INSERT INTO t (p, c, l, v, w) VALUES (1, 1, [1, 2], 3, 'Ada')", ()).unwrap();
    let run = |text: &str| session.execute(text, ()).map(|_| ()).map_err(|error| error.to_string());
    for legal in [
        "SELECT * FROM t WHERE l CONTAINS 1",
        "SELECT * FROM t WHERE v > 1 AND w = 'ADA'",
        "SELECT * FROM t WHERE p = 1 AND token(p) > 5 AND c > 0",
        "SELECT * FROM t WHERE v IN (1, null) ALLOW FILTERING",
    ] {
        assert_eq!(run(legal), Ok(()), "{legal}");
    }
    for needy in [
        "SELECT * FROM t WHERE l CONTAINS 1 AND l CONTAINS 2",
        "SELECT * FROM t WHERE l CONTAINS 1 AND v = 3",
        "SELECT * FROM t WHERE v IN (1, 2)",
        "SELECT * FROM t WHERE w > 'a'",
    ] {
        assert!(run(needy).unwrap_err().ends_with("use ALLOW FILTERING"), "{needy}");
    }
    assert_eq!(
        run("SELECT * FROM t WHERE (c) > (0)"),
        Err("Multi-column slice restrictions cannot be used for filtering.".to_owned())
    );
    let answer = session.execute("SELECT w FROM t WHERE w = 'aDA'", ()).unwrap().answer;
    let Answer::Rows(mut rows) = answer else { panic!("{answer:?}") };
    assert_eq!(rows.next().unwrap().unwrap().get::<&str>(0).unwrap(), "Ada");
}

#[test]
fn constant_calls_fail_also_without_rows() {
    let session = session();
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v text)", ()).unwrap();
    assert!(session.execute("SELECT blob_as_int(0x01) FROM t", ()).is_err());
    assert!(session.execute("SELECT blob_as_int(text_as_blob(v)), now() FROM t", ()).is_ok());
}

#[test]
fn deletions_and_expressions_are_refused_in_cassandras_words() {
    let session = session();
    session.execute("CREATE TABLE t (p int, c int, s int static, v int, PRIMARY KEY (p, c))", ()).unwrap();
    session.execute("CREATE INDEX own ON t (v)", ()).unwrap();
    let whole = "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to";
    for (text, message) in [
        ("DELETE s FROM t WHERE p = 1 IF v = 1", format!("{whole} use IF condition on non static columns")),
        ("DELETE v FROM t WHERE p = 1 IF s = 1", format!("{whole} delete non static columns")),
        ("DELETE FROM t WHERE p = 1 IF EXISTS", format!("{whole} delete non static columns")),
        ("DELETE v FROM t WHERE p = 1", "Range deletions are not supported for specific columns".to_owned()),
        (
            "SELECT * FROM t WHERE expr(nope, 'x')",
            "Invalid index expression, index nope not found for k.t".to_owned(),
        ),
        (
            "SELECT * FROM t WHERE expr(own, 'x')",
            "Only CUSTOM indexes may be used in custom index expressions, own is not valid".to_owned(),
        ),
        (
            "UPDATE t SET v = 1 WHERE p = 1 AND c = 1 AND expr(own, 'x')",
            "Custom index expressions cannot be used in WHERE clauses for UPDATE or DELETE statements"
                .to_owned(),
        ),
    ] {
        assert_eq!(session.execute(text, ()).unwrap_err().to_string(), message, "{text}");
    }
    session.execute("DELETE s FROM t WHERE p = 1 IF EXISTS", ()).unwrap();
}
