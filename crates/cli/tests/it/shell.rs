//! The shell: sessions as people and scripts have them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use helenus_testkit::check_golden;

use crate::corpus::sample;
use crate::tool::{Ran, helenus};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell")
}

/// Runs the shell in a directory, with that text as its standard input.
fn shell_in(dir: &Path, args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helenus"));
    command.arg("shell").args(args).current_dir(dir).env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// Compares what a script of `tests/shell` gives with what stands beside it.
fn check(name: &str, args: &[&str]) {
    let temp = tempfile::tempdir().unwrap();
    let script = std::fs::read_to_string(scripts().join(name).with_extension("cql")).unwrap();
    let ran = shell_in(temp.path(), args, &script);
    let text = format!("{}---- errors\n{}---- exit code {}\n", ran.out, ran.err, ran.code);
    check_golden(scripts().join(name).with_extension("txt"), &text);
}

#[test]
fn rows_are_tables() {
    check("rows", &[]);
}

#[test]
fn commands_answer() {
    check("commands", &[]);
}

#[test]
fn errors_show_their_place() {
    check("errors", &[]);
}

#[test]
fn syntax_errors_are_marked() {
    for (statement, mark) in [
        ("SELECT v FORM k.t", "\n  SELECT v FORM k.t\n           ^^^^\n"),
        ("SELECT v,\n  @ FROM k.t", "\n    @ FROM k.t\n    ^\n"),
        ("SELECT v FROM k.t WHERE", "\n  SELECT v FROM k.t WHERE\n                         ^\n"),
    ] {
        let err = helenus(["shell", "-e", statement]).failed(1);
        assert!(err.starts_with("-e:1: Syntax (2000): ") && err.contains(mark), "{statement}: {err}");
    }
}

#[test]
fn rows_are_copied_out_and_in() {
    check("copy", &[]);
}

const CREATE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE k.t (p int, c text, v double, l list<text>, s blob static, PRIMARY KEY (p, c));
    INSERT INTO k.t (p, c, v, l, s) VALUES (1, 'a,\"b\"', 1.5, ['x', 'it''s'], 0xcafe);
    INSERT INTO k.t (p, c) VALUES (1, '');";

#[test]
fn programs_read_lines() {
    let run = |format: &str| {
        let args =
            ["shell", "--format", format, "-e", CREATE, "-e", "SELECT * FROM k.t; SELECT count(*) FROM k.t"];
        let Ran { code, out, err } = helenus(args);
        // Counts of the whole table are warned of, beside the rows.
        assert_eq!((code, err.as_str()), (0, "warning: Aggregation query used without partition key\n"));
        out
    };
    assert_eq!(
        run("json"),
        "{\"p\": 1, \"c\": \"\", \"s\": \"0xcafe\", \"l\": null, \"v\": null}\n\
         {\"p\": 1, \"c\": \"a,\\\"b\\\"\", \"s\": \"0xcafe\", \"l\": [\"x\", \"it's\"], \"v\": 1.5}\n\
         {\"count\": 2}\n"
    );
    assert_eq!(
        run("csv"),
        "p,c,s,l,v\n1,\"\",0xcafe,,\n1,\"a,\"\"b\"\"\",0xcafe,\"['x', 'it''s']\",1.5\ncount\n2\n"
    );
}

#[test]
fn colours_are_for_terminals() {
    let run = |args: &[&str]| {
        helenus(["shell", "-e", CREATE, "-e", "SELECT p, c, v FROM k.t"].iter().chain(args)).ok()
    };
    let always = run(&["--color", "always"]);
    assert!(always.contains("\x1b[1;31mp\x1b[0m"), "{always}");
    assert!(always.contains("\x1b[31mnull\x1b[0m"), "{always}");
    let plain = run(&[]);
    assert!(!plain.contains('\x1b'), "{plain}");
    let stripped = ["1;31", "1;36", "1;35", "31", "32", "33"]
        .iter()
        .fold(always.replace("\x1b[0m", ""), |text, colour| text.replace(&format!("\x1b[{colour}m"), ""));
    assert_eq!(stripped, plain);
}

#[test]
fn a_script_that_fails_says_where() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("script.cql");
    std::fs::write(&file, format!("{CREATE}\n\nSELECT x\nFROM k.t;\nSELECT p FROM k.t LIMIT 1;\n")).unwrap();
    let path = file.to_str().unwrap();
    let Ran { code, out, err } = helenus(["shell", "-f", path]);
    assert_eq!(code, 1);
    assert!(out.contains("(1 row)"), "{out}");
    let expected = format!(
        "{path}:6: Invalid (2200): Undefined column name x in table k.t\n  SELECT x\n         ^\n\
         error: 1 statement failed\n"
    );
    assert_eq!(err, expected);
    // At the first one nothing more is run.
    let Ran { code, out, .. } = helenus(["shell", "--stop-on-error", "-f", path]);
    assert_eq!((code, out.as_str()), (1, ""));
    let err = helenus(["shell", "-e", "USE nowhere"]).failed(1);
    assert!(err.starts_with("-e:1: Invalid (2200): Keyspace 'nowhere' does not exist\n"), "{err}");
    let err = helenus(["shell", "-e", "", "-e", "SELECT 'open"]).failed(1);
    assert!(err.starts_with("-e 2:1: Syntax (2000)"), "{err}");
    let err = helenus(["shell", "-f", "/nowhere.cql"]).failed(1);
    assert!(err.contains("/nowhere.cql"), "{err}");
}

#[test]
fn a_database_keeps_what_was_written() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("db");
    let dir = dir.to_str().unwrap();
    let err = helenus(["shell", dir, "-e", CREATE]).failed(1);
    assert!(err.contains("there is no such directory"), "{err}");
    helenus(["shell", "--create", dir, "-e", CREATE]).ok();
    let out = helenus(["shell", dir, "-k", "k", "-e", "SELECT count(*) FROM t; SHOW HOST"]).ok();
    assert!(out.contains("\n     2\n"), "{out}");
    assert!(out.ends_with(&format!("{dir}: a database\n")), "{out}");
    let err = helenus(["shell", "--read-only", dir, "-e", "DELETE FROM k.t WHERE p = 1"]).failed(1);
    assert!(err.contains("read only"), "{err}");
    // What is there is not taken for a place for a database.
    std::fs::write(temp.path().join("note"), "").unwrap();
    let err = helenus(["shell", "--create", temp.path().to_str().unwrap()]).failed(1);
    assert!(err.contains("SSTables"), "{err}");
}

#[test]
fn a_backup_is_queried_where_it_lies() {
    let dir = sample().join("altered");
    let args =
        ["shell", "--format", "json", dir.to_str().unwrap(), "-e", "SELECT JSON * FROM corpus.altered"];
    let out = helenus(args).ok();
    let line = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["[json]"].as_str().unwrap().to_owned()
    };
    let rows: Vec<String> = out.lines().map(line).collect();
    let expected = std::fs::read_to_string(dir.join("select.jsonl")).unwrap();
    assert_eq!(rows, expected.lines().collect::<Vec<_>>());
    let err = helenus(["shell", dir.to_str().unwrap(), "-e", "TRUNCATE corpus.altered"]).failed(1);
    assert!(err.contains("read only"), "{err}");
}

#[test]
fn copies_come_back() {
    let temp = tempfile::tempdir().unwrap();
    let rows = "SELECT * FROM t; SELECT * FROM u;";
    let input = format!(
        "{CREATE} USE k; CREATE TABLE u (p int, c text, v double, l list<text>, s blob static, PRIMARY KEY (p, c));
         INSERT INTO t (p, c, v) VALUES (2, 'C:\\dir\n', -1);
         COPY t TO 'rows.csv' WITH HEADER = TRUE AND NULL = 'none';
         COPY u FROM 'rows.csv' WITH HEADER = TRUE AND NULL = 'none' AND CHUNKSIZE = 5;
         {rows}"
    );
    let ran = shell_in(temp.path(), &["--format", "csv"], &input);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let half = ran.out.len() / 2;
    assert_eq!(ran.out.get(..half), ran.out.get(half..));
    assert!(ran.err.contains("3 rows to rows.csv in "), "{}", ran.err);
    assert!(ran.err.contains("3 rows from rows.csv in "), "{}", ran.err);
    let text = std::fs::read_to_string(temp.path().join("rows.csv")).unwrap();
    assert!(text.starts_with("p,c,s,l,v\n1,\"\",0xcafe,none,none\n"), "{text}");
    assert!(text.contains("\"C:\\\\dir\n\""), "{text}");

    std::fs::write(temp.path().join("some.csv"), "left out\n7,a,x\n8,b,1.5\n9,c,2\n10,d,3\n").unwrap();
    let input = format!(
        "{CREATE} USE k; TRUNCATE t;
         COPY t (p, c, v) FROM 'some.csv' WITH SKIPROWS = 1 AND SKIPCOLS = 'v' AND MAXROWS = 2;
         SELECT p, c, v FROM t;
         COPY t (p, c, v) FROM 'some.csv' WITH HEADER = true AND ERRFILE = 'bad.csv' AND TTL = 1000;
         SELECT p, c, v FROM t WHERE p = 10;
         COPY t TO 'some.csv'"
    );
    let ran = shell_in(temp.path(), &["--format", "csv"], &input);
    assert_eq!(ran.code, 1);
    // In the order of their tokens.
    assert_eq!(ran.out, "p,c,v\n8,b,\n7,a,\np,c,v\n10,d,3.0\n");
    assert!(ran.err.contains("some.csv:2: column v: "), "{}", ran.err);
    assert!(ran.err.contains("1 line was refused, it is in bad.csv"), "{}", ran.err);
    assert!(ran.err.contains("some.csv is already there"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(temp.path().join("bad.csv")).unwrap(), "7,a,x\n");
    let out = helenus(["shell", "-e", CREATE, "-e", "COPY k.t (p) TO STDOUT"]).ok();
    assert_eq!(out, "1\n1\n");
}

#[test]
fn files_run_files() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(
        temp.path().join("a.cql"),
        format!("{CREATE}\nSOURCE 'b.cql'\nSELECT p FROM k.t LIMIT 1;"),
    )
    .unwrap();
    std::fs::write(temp.path().join("b.cql"), "SELECT c FROM\nnowhere.t;").unwrap();
    std::fs::write(temp.path().join("c.cql"), "SOURCE 'c.cql'").unwrap();
    let ran = shell_in(temp.path(), &["--format", "csv", "-f", "a.cql"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, "p\n1\n"));
    assert!(
        ran.err.starts_with(
            "b.cql:1: Invalid (2200): keyspace nowhere does not exist\n  nowhere.t\n  ^^^^^^^\n"
        ),
        "{}",
        ran.err
    );
    let ran = shell_in(temp.path(), &["-f", "c.cql"], "");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("files run each other"), "{}", ran.err);
}
