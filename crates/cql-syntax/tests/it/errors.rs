//! The errors for invalid texts.

use helenus_cql_syntax::{
    MAX_NESTING, Position, parse_qualified_name, parse_statement, parse_statements, parse_term, parse_type,
};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(parse_statements(text).unwrap_err().to_string(), expected, "{text}");
}

#[test]
fn errors_say_where_and_what() {
    check(
        "CREATE TABEL t",
        "line 1:8: expected KEYSPACE, TYPE, TABLE, INDEX or MATERIALIZED VIEW, found `TABEL`",
    );
    check("USE a;\n  DROP TABLE select", "line 2:14: expected a name, found `select`");
    check("CREATE TABLE t ()", "line 1:17: expected a column name, found `)`");
    check(
        "CREATE SCHEMA s",
        "line 1:8: expected KEYSPACE, TYPE, TABLE, INDEX or MATERIALIZED VIEW, found `SCHEMA`",
    );
    check("ALTER TABLE t ADD a int, b int", "line 1:24: expected `;`, found `,`");
    check("ALTER TABLE t DROP a, b", "line 1:21: expected `;`, found `,`");
    check("CREATE TABLE t (a int PRIMARY KEY, b map<int>)", "line 1:45: expected `,`, found `>`");
    check(
        "CREATE TABLE t (a int PRIMARY KEY) WITH x = 1 AND X = 2",
        "line 1:51: expected each option once, found `X`",
    );
    check("ALTER TABLE t WITH c = {'k': 1, $$k$$: 2}", "line 1:33: expected each key once, found `$$k$$`");
    check("USE a b", "line 1:7: expected `;`, found `b`");
    check("USE", "line 1:4: expected a keyspace name, found the end of the text");
    check("HELLO", "line 1:1: expected a statement, found `HELLO`");
    check("CREATE TYPE int (a int)", "line 1:13: expected the name of a user defined type, found `int`");
    check(
        "ALTER TABLE t DROP a USING TIMESTAMP 9223372036854775808",
        "line 1:38: expected an integer of at most 64 bits, found `9223372036854775808`",
    );
}

#[test]
fn the_first_error_of_the_text_is_reported() {
    check("USE 1; 'open", "line 1:5: expected a keyspace name, found `1`");
    check("USE a; 'open", "line 1:8: expected a closing `'`, found `'open`");
    check("GRANT x TO 'open", "line 1:12: expected a closing `'`, found `'open`");
}

#[test]
fn exactly_one_statement_and_one_name() {
    assert!(parse_statement("USE a;").is_ok());
    assert!(parse_statement("USE a; USE b").is_err());
    assert!(parse_statement("").is_err());
    assert!(parse_qualified_name("a.b.c").is_err());
    let error = parse_qualified_name("a.1").unwrap_err();
    assert_eq!(error.position, Position { line: 1, column: 3 });
    assert_eq!((error.span.start, error.span.end), (2, 3));
}

#[test]
fn nesting_is_bounded() {
    let types = |depth: usize| format!("{}int{}", "list<".repeat(depth), ">".repeat(depth));
    assert!(parse_type(&types(MAX_NESTING - 1)).is_ok());
    assert!(parse_type(&types(MAX_NESTING)).is_err());
    let lists = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_term(&lists(MAX_NESTING - 1)).is_ok());
    assert!(parse_term(&lists(MAX_NESTING)).is_err());
    let sum = |operators: usize| format!("1{}", " + 1".repeat(operators));
    assert!(parse_term(&sum(256)).is_ok());
    assert!(parse_term(&sum(257)).is_err());
    for open in ["(", "[", "{", "- ", "f(", "(int) ", "{a: ", "CAST("] {
        assert!(parse_term(&open.repeat(100_000)).is_err());
        assert!(parse_statement(&format!("SELECT {}", open.repeat(100_000))).is_err());
    }
    assert!(parse_statement(&format!("SELECT * FROM t WHERE {}", "(".repeat(100_000))).is_err());
    assert!(parse_statement(&format!("SELECT a{} FROM t", ".a".repeat(100_000))).is_err());
    assert!(parse_statement(&format!("SELECT a{} FROM t", "[1]".repeat(100_000))).is_err());
}

/// What may be nested is parsed, printed, compared and dropped within half of a thread's stack,
/// also in a build without optimizations.
#[test]
fn the_deepest_statements_fit_the_stack_of_a_thread() {
    const STACK_BYTES: usize = 1 << 20;
    let pairs = [
        ("[", "]"),
        ("{", "}"),
        ("(", ")"),
        ("{1: ", "}"),
        ("{a: ", "}"),
        ("f(", ")"),
        ("CAST(", " AS int)"),
        ("(frozen<map<int, text>>) ", ""),
        ("- ", ""),
    ];
    let deepest = move || {
        for (open, close) in pairs {
            let chain = " + 1".repeat(256);
            for (before, after) in [("SELECT ", " FROM t"), ("INSERT INTO t (a) VALUES (", ")")] {
                let statement = |levels: usize| {
                    let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
                    parse_statement(&format!("{before}{nested}{chain}{after}")).ok()
                };
                let levels = (0..=MAX_NESTING).rev().find(|levels| statement(*levels).is_some()).unwrap();
                assert!(levels + 3 >= MAX_NESTING, "{before}{open}: {levels}");
                let statement = statement(levels).unwrap();
                assert_eq!(parse_statement(&statement.to_string()).as_ref(), Ok(&statement.clone()));
            }
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(deepest).unwrap().join().unwrap();
}

#[test]
fn long_texts_take_linear_time() {
    // Each of these once had, or could have, a rule that looks back or ahead without a bound.
    let tuples = "('a'), (f(1)), ".repeat(20_000);
    assert!(parse_statement(&format!("INSERT INTO t (a) VALUES ({tuples}1)")).is_ok());
    let options: Vec<_> = (0..20_000).map(|n| format!("o{n} = {{'k': 1}}")).collect();
    assert!(parse_statement(&format!("ALTER TABLE t WITH {}", options.join(" AND "))).is_ok());
    let keys: Vec<_> = (0..50_000).map(|n| format!("'{n}': 1")).collect();
    assert!(parse_statement(&format!("ALTER TABLE t WITH o = {{{}}}", keys.join(", "))).is_ok());
    assert!(parse_statements(&"USE a;".repeat(50_000)).is_ok());
    assert!(parse_statements(&"1".repeat(1_000_000)).is_err());
    assert!(parse_statements(&";".repeat(1_000_000)).is_ok());
}
