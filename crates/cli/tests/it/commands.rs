//! Help, databases, and what goes wrong.

use std::path::{Path, PathBuf};

use helenus_testkit::check_golden;

use crate::corpus::sample;
use crate::tool::helenus;

#[test]
fn help_texts() {
    let commands: &[&[&str]] = &[
        &[],
        &["shell"],
        &["export"],
        &["get"],
        &["import"],
        &["tables"],
        &["stats"],
        &["open"],
        &["adopt"],
        &["ingest"],
        &["flush"],
        &["compact"],
        &["sstable"],
        &["sstable", "dump"],
        &["sstable", "metadata"],
        &["sstable", "verify"],
        &["sstable", "scrub"],
        &["sstable", "rebuild"],
        &["sstable", "bulk-write"],
        &["sstable", "convert"],
        &["sstable", "upgrade"],
        &["sstable", "split"],
        &["sstable", "diff"],
        &["sstable", "partitions"],
        &["sstable", "list"],
        &["sstable", "levels"],
        &["sstable", "expired-blockers"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let name = if command.is_empty() { "helenus".to_owned() } else { command.join("-") };
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/help/{name}.txt"));
        check_golden(golden, &helenus(command.iter().chain(&["--help"])).ok());
    }
    assert!(helenus(["--version"]).ok().starts_with("helenus "));
}

/// A table of the sample: its schema file, its folder, its name.
fn table(name: &str) -> [String; 3] {
    let dir = sample().join(name);
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    [text(dir.join("schema.cql")), text(dir), format!("corpus.{name}")]
}

fn get(name: &str, options: &[&str], key: &[&str]) -> crate::tool::Ran {
    let [schema, dir, name] = table(name);
    let args = ["get", "--schema", &schema].into_iter().chain(options.iter().copied());
    helenus(args.chain([dir.as_str(), &name, "--"]).chain(key.iter().copied()))
}

#[test]
fn slices() {
    let clusterings = |out: String| {
        let value = |line: &str| crate::json::members(line)[1].1.to_owned();
        out.lines().map(value).collect::<Vec<_>>()
    };
    let all = clusterings(get("altered", &[], &["1"]).ok());
    assert!(all.len() > 12, "{all:?}");
    assert_eq!(clusterings(get("altered", &["--limit", "3"], &["1"]).ok()), all[..3]);
    let (from, to) = (all[2].as_str(), all[6].as_str());
    assert_eq!(clusterings(get("altered", &["--from", from, "--to", to], &["1"]).ok()), all[2..7]);
    assert_eq!(clusterings(get("altered", &["--to", to, "--from", from], &["1"]).ok()), all[2..7]);
    let reversed: Vec<String> = all[2..].iter().rev().take(2).cloned().collect();
    assert_eq!(
        clusterings(get("altered", &["--from", from, "--reverse", "--limit", "2"], &["1"]).ok()),
        reversed
    );
    let err = get("altered", &["--from", to, "--to", from], &["1"]).failed(2);
    assert!(err.contains("no row lies between --from and --to"), "{err}");

    // Options after the table, and the table after an option that takes several values.
    let [schema, dir, name] = table("altered");
    let out = helenus(["get", &dir, &name, "--schema", &schema, "--from", from, "--", "1"]).ok();
    assert_eq!(clusterings(out), all[2..]);
    let out = helenus(["get", "--schema", &schema, &dir, "--from", from, &name, "--", "1"]).ok();
    assert_eq!(clusterings(out), all[2..]);
    let err = helenus(["get", "--schema", &schema, "--from", from, "--", "1"]).failed(2);
    assert!(err.contains("DIR, TABLE and KEY are required"), "{err}");
}

#[test]
fn nothing_found_is_no_error() {
    assert_eq!(get("altered", &[], &["123456789"]).ok(), "");
    assert_eq!(get("altered", &[], &["1", "-99999"]).ok(), "");
    assert_eq!(get("statics_only", &[], &["123456789"]).ok(), "");
}

#[track_caller]
fn says(err: &str, parts: &[&str]) {
    for part in parts {
        assert!(err.contains(part), "{part:?} is not in: {err}");
    }
}

#[test]
fn wrong_command_lines_end_with_code_2() {
    says(&get("altered", &[], &["'one'"]).failed(2), &["'one'", "column p", "int", "try:"]);
    says(
        &get("altered", &[], &["1", "2", "3"]).failed(2),
        &["3 values", "partition key is p int", "clustering c int"],
    );
    says(&get("composite_compacted", &[], &["1"]).failed(2), &["1 value ", "a int, b text"]);
    says(&get("altered", &["--from", "1", "2"], &["1"]).failed(2), &["--from", "(c int)"]);
    let [schema, dir, _] = table("altered");
    says(
        &helenus(["export", "--schema", &schema, &dir, "altered"]).failed(2),
        &["keyspace is missing", "try:"],
    );
    says(&helenus(["export", "--schema", &schema, &dir, "a b.c"]).failed(2), &["\"a b.c\"", "try:"]);
    helenus(["export"]).failed(2);
    helenus(["frobnicate"]).failed(2);
}

#[test]
fn what_does_not_fit_is_told_with_the_next_step() {
    let [schema, dir, name] = table("altered");
    let [other_schema, _, other] = table("composite_compacted");
    assert!(
        helenus(["export", &dir, &name]).ok() == helenus(["export", "--schema", &schema, &dir, &name]).ok()
    );
    says(&helenus(["export", &dir, &other]).failed(1), &["doesn't exist", "helenus tables"]);
    says(
        &helenus(["export", "--schema", &schema, &dir, &other]).failed(1),
        &["doesn't exist", "corpus.altered", "try:"],
    );
    let err = helenus(["export", "--schema", &other_schema, &dir, &other]).failed(1);
    says(
        &err,
        &["-Statistics.db", "the partition key is int in the file and int, text in the schema", "try:"],
    );
    says(&helenus(["export", "--schema", "/nowhere.cql", &dir, &name]).failed(1), &["/nowhere.cql"]);
    says(&helenus(["export", "--schema", &schema, "/nowhere", &name]).failed(1), &["/nowhere"]);
    let empty = tempfile::tempdir().unwrap();
    let err = helenus(["export", "--schema", &schema, empty.path().to_str().unwrap(), &name]).failed(1);
    says(&err, &["holds no SSTables"]);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is written into the directory");
    says(
        &helenus(["tables", empty.path().to_str().unwrap()]).failed(1),
        &["holds no SSTables", "--schema FILE"],
    );
    says(&helenus(["flush", &dir]).failed(1), &["holds no database", "try:", "helenus open"]);
    // Whatever command asks which SSTables a path names, the answer is the same.
    let nothing = empty.path().to_str().unwrap();
    says(&helenus(["sstable", "verify", nothing]).failed(1), &["holds no SSTables", "-r searches"]);
    says(&helenus(["sstable", "levels", nothing]).failed(1), &["holds no SSTables", "da-1-bti-Data.db"]);
    for command in ["dump", "verify"] {
        let err = helenus(["sstable", command, &schema]).failed(1);
        says(&err, &["schema.cql: does not name an SSTable", "such as da-1-bti-Data.db"]);
    }
}

/// A copy of a table's folder that may be damaged.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sample().join(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, temp.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let dir = temp.path().to_owned();
    (temp, dir)
}

#[test]
fn another_schema_of_the_same_name_is_refused() {
    let (_temp, dir) = copy("altered");
    let schema = dir.join("schema.cql");
    let text = std::fs::read_to_string(&schema).unwrap();
    for (from, to, part) in [
        ("    v int,", "    v text,", "column v is int in the file and text in the schema"),
        ("    v int,\n", "", "column v is int in the file and missing"),
        ("s int static", "s int", "column s is static in the file and not static in the schema"),
        ("    c int,", "    c text,", "the clustering is int in the file and text in the schema"),
        ("(c ASC)", "(c DESC)", "the clustering is int in the file and int DESC in the schema"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&schema, text.replace(from, to)).unwrap();
        let args = ["export", "--schema", schema.to_str().unwrap(), dir.to_str().unwrap(), "corpus.altered"];
        says(&helenus(args).failed(1), &["-Statistics.db", part]);
    }
}

#[test]
fn versions_that_are_not_read_are_named() {
    let (_temp, dir) = copy("altered");
    let [schema, _, name] = table("altered");
    for (file, part) in [("pa-1-big-Data.db", "Cassandra 6.0"), ("ka-1-big-Data.db", "Cassandra 2.1")] {
        std::fs::write(dir.join(file), "").unwrap();
        let err = helenus(["export", "--schema", &schema, dir.to_str().unwrap(), &name]).failed(1);
        says(&err, &[file, part]);
        let err = helenus(["sstable", "dump", dir.join(file).to_str().unwrap()]).failed(1);
        says(&err, &[file, part]);
        std::fs::remove_file(dir.join(file)).unwrap();
    }
}

#[test]
fn damage_is_told_with_file_and_offset() {
    let (_temp, dir) = copy("comp_none");
    let [schema, _, name] = table("comp_none");
    let data = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let data = data.filter(|path| path.to_str().unwrap().ends_with("-Data.db")).min().unwrap();
    let mut bytes = std::fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    let export = helenus(["export", "--schema", &schema, dir.to_str().unwrap(), &name]);
    says(&export.err, &[data.to_str().unwrap(), "offset", "try: restore"]);
    assert_eq!(export.code, 1);
    assert!(
        export.out.lines().count() > 10 && export.out.ends_with("}\n"),
        "whole rows before the damage are shown"
    );
    let dump = helenus(["sstable", "dump", data.to_str().unwrap()]);
    assert_eq!(dump.code, 1, "{}", dump.err);
    assert!(dump.out.ends_with("]\n"), "the dump goes on behind the damage");
}

#[test]
fn unfinished_transactions_are_left_out() {
    let (_temp, dir) = copy("pk_int");
    let [schema, _, name] = table("pk_int");
    let export = || helenus(["export", "--schema", &schema, dir.to_str().unwrap(), &name]);
    let whole = export().ok();
    let log = |last: &str| {
        let text = format!("ADD:[/data/corpus/pk_int-1/da-1-bti-,0,8][2896351142]\n{last}");
        std::fs::write(dir.join("bti-da_txn_flush_5bc52802-de25-35ed-aeab-188eecebb090.log"), text).unwrap();
    };
    std::fs::write(dir.join("da-2-bti-Data.db.tmp"), "half").unwrap();
    std::fs::create_dir(dir.join("snapshots")).unwrap();
    log("COMMIT:[,0,0][2613697770]\n");
    assert_eq!(export().ok(), whole);
    log("");
    let files =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let tables = files.filter(|name| name.ends_with("-Data.db")).count();
    let ran = export();
    if tables == 1 {
        says(&ran.failed(1), &["holds no SSTables"]);
    } else {
        assert_ne!(ran.ok(), whole);
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let [schema, dir, name] = table("spanning");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_helenus"))
        .args(["export", "--schema", &schema, &dir, &name])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8(done.stderr).unwrap().as_str()), (Some(0), ""));
}
