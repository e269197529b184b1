//! SSTables made of CSV and JSON, without a database.

use std::path::Path;

use crate::corpus;
use crate::tool::{Ran, helenus};

const SCHEMA: &str = "CREATE TYPE shop.item (id int, name text);
CREATE TABLE shop.orders (city text, id int, open boolean static, notes list<text>, items map<text, frozen<item>>, \
PRIMARY KEY (city, id));";

struct Shop {
    temp: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { temp: tempfile::tempdir().unwrap() };
        shop.write("schema.cql", SCHEMA);
        shop
    }

    fn path(&self, name: &str) -> String {
        self.temp.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn bulk_write(&self, options: &[&str], files: &[&str]) -> Ran {
        let (schema, out) = (self.path("schema.cql"), self.path("out"));
        let args = ["sstable", "bulk-write", "--schema", &schema, "--out", &out];
        helenus(args.into_iter().chain(options.iter().copied()).chain(files.iter().copied()))
    }

    fn export(&self, options: &[&str]) -> String {
        let (schema, out) = (self.path("schema.cql"), self.path("out"));
        let args = ["export", "--schema", &schema].into_iter().chain(options.iter().copied());
        helenus(args.chain([out.as_str(), "shop.orders"])).ok()
    }
}

const LINES: &str = r#"{"city": "Oslo", "id": 1, "open": true, "items": {"a": {"id": 1, "name": "x"}}, "notes": ["n", "m"]}
{"city": "Oslo", "id": 2, "open": true, "items": null, "notes": null}
{"city": "Rome", "id": null, "open": false, "items": null, "notes": null}
"#;

#[test]
fn lines_of_json() {
    let shop = Shop::new();
    let file = shop.write("rows", &format!("\n{LINES}"));
    let out = shop.bulk_write(&["--timestamp", "1000", "--codec", "none"], &[&file]).ok();
    assert!(out.starts_with("3 rows in "), "{out}");
    assert!(out.contains("out/da-1-bti-Data.db: 2 partitions, 4 rows, "), "{out}");
    assert!(Path::new(&shop.path("out/da-1-bti-CRC.db")).exists(), "it is not compressed");
    assert_eq!(shop.export(&[]), LINES);
    // The timestamp is the one that was asked for.
    let dump = helenus(["sstable", "dump", "-t", &shop.path("out/da-1-bti-Data.db")]).ok();
    assert!(dump.contains("\"tstamp\" : \"1000\""), "{dump}");
}

#[test]
fn csv_and_several_files() {
    let shop = Shop::new();
    let csv = shop.write("a.csv", "id,city,notes\n7,Oslo,\"['x', 'y']\"\n8,Oslo,\n");
    let json = shop.write("b.jsonl", "{\"ID\": 9, \"city\": \"Oslo\"}\n");
    shop.bulk_write(&["--table", "shop.orders", "--ttl", "100000"], &[&csv, &json]).ok();
    let expected = "city,id,open,items,notes\nOslo,7,,,\"['x', 'y']\"\nOslo,8,,,\nOslo,9,,,\n";
    assert_eq!(shop.export(&["--format", "csv"]), expected);
}

/// A line of static columns alone was not the last one that told them.
#[test]
fn the_last_line_that_tells_static_columns_counts() {
    let shop = Shop::new();
    let file = shop.write("rows.csv", "city,id,open\nOslo,1,true\nOslo,,false\nOslo,2,true\n");
    shop.bulk_write(&["--table", "shop.orders"], &[&file]).ok();
    let expected = "city,id,open,items,notes\nOslo,1,true,,\nOslo,2,true,,\n";
    assert_eq!(shop.export(&["--format", "csv"]), expected);
}

#[test]
fn bad_lines_are_told_and_kept() {
    let shop = Shop::new();
    let bad = [
        "{\"city\": \"Oslo\"}",
        "{\"city\": \"Oslo\", \"id\": \"x\"}",
        "{\"city\": \"Oslo\", \"id\": 1, \"what\": 1}",
        "{\"city\": \"Oslo\", \"id\": 1",
        "[]",
    ];
    let file = shop.write("rows.jsonl", &format!("{LINES}{}\n", bad.join("\n")));
    let err = shop.bulk_write(&[], &[&file]).failed(1);
    for reason in [
        "rows.jsonl:4: there is nothing to write: neither a clustering nor a static column",
        "rows.jsonl:5: column id: not a valid int: unexpected \"x\"",
        "rows.jsonl:6: the table has no column what",
        "rows.jsonl:7: at offset 25: expected `,`, found the end",
        "rows.jsonl:8: at offset 0: expected `{`, found \"[]\\n\"",
        "5 lines were refused, they are in ",
    ] {
        assert!(err.contains(reason), "{reason}: {err}");
    }
    assert_eq!(shop.export(&[]), LINES, "the others are written");
    assert_eq!(std::fs::read_to_string(shop.path("rows.jsonl.refused")).unwrap(), bad.join("\n") + "\n");
}

#[test]
fn where_it_fails_nothing_is_left() {
    let shop = Shop::new();
    let file = shop.write("rows.jsonl", &format!("{LINES}[]\n"));
    let err = shop.bulk_write(&["--max-errors", "0"], &[&file]).failed(1);
    assert!(err.contains("at most 0 were allowed"), "{err}");
    assert!(!Path::new(&shop.path("out")).exists());
    let err = shop.bulk_write(&[], &[&shop.path("nowhere.csv")]).failed(1);
    assert!(err.contains("nowhere.csv"), "{err}");
    assert!(!Path::new(&shop.path("out")).exists());
    shop.bulk_write(&["--to", "xx"], &[&file]).failed(2);
    std::fs::create_dir(shop.path("out")).unwrap();
    shop.write("out/mine", "");
    let err = shop.bulk_write(&[], &[&file]).failed(1);
    assert!(err.contains("not empty"), "{err}");
    assert_eq!(std::fs::read_dir(shop.path("out")).unwrap().count(), 1);
}

#[test]
fn sorted_rows_have_to_be() {
    let shop = Shop::new();
    let file = shop.write("rows.jsonl", LINES);
    shop.bulk_write(&["--sorted"], &[&file]).ok();
    assert_eq!(shop.export(&[]), LINES);
    std::fs::remove_dir_all(shop.path("out")).unwrap();
    let reversed: Vec<&str> = LINES.lines().rev().collect();
    let file = shop.write("rows.jsonl", &reversed.join("\n"));
    let err = shop.bulk_write(&["--sorted"], &[&file]).failed(1);
    assert!(err.contains("rows.jsonl:2: rows were to come in the order of tokens"), "{err}");
}

#[test]
fn every_version_that_is_written() {
    for (version, sorted) in ["da", "oa", "nb", "me"].into_iter().zip([true, false].into_iter().cycle()) {
        let shop = Shop::new();
        let file = shop.write("rows.jsonl", LINES);
        let mut options = vec!["--to", version, "--codec", "lz4"];
        options.extend(sorted.then_some("--sorted"));
        let out = shop.bulk_write(&options, &[&file]).ok();
        assert!(out.contains(&format!("out/{version}-1-")), "{out}");
        assert_eq!(shop.export(&[]), LINES, "{version}");
    }
}

#[test]
fn what_expires_too_late_is_refused_or_capped() {
    let shop = Shop::new();
    let file = shop.write("rows.jsonl", LINES);
    let options = ["--to", "nb", "--ttl", "600000000"];
    let err = shop.bulk_write(&options, &[&file]).failed(1);
    assert!(err.contains("2038") && !err.contains("restore"), "{err}");
    assert!(!Path::new(&shop.path("out")).exists());
    let out = shop.bulk_write(&[&options[..], &["--cap-expirations"]].concat(), &[&file]).ok();
    assert!(out.contains(" expirations past 2038 were capped"), "{out}");
    assert_eq!(shop.export(&[]), LINES);
}

#[test]
fn the_committed_tables_come_back() {
    round_trip_all(&corpus::sample());
}

#[test]
fn every_table_of_the_corpus_comes_back() {
    if let Some(root) = corpus::whole() {
        round_trip_all(&root.join("da"));
    }
}

/// The output of `export`, written to SSTables, is exported the same.
fn round_trip_all(root: &Path) {
    let tables = corpus::tables(root);
    assert!(tables.len() > 40, "{} tables in {}", tables.len(), root.display());
    let mut written = 0;
    for (table, sorted) in tables.iter().zip([true, false].into_iter().cycle()) {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
        let schema = table.schema_file.to_str().unwrap();
        let export = |dir: &str| helenus(["export", "--lossless", "--schema", schema, dir, &table.name]).ok();
        let lines = export(table.dir.to_str().unwrap());
        std::fs::write(path("rows.jsonl"), &lines).unwrap();
        let (out, file) = (path("out"), path("rows.jsonl"));
        let mut args =
            vec!["sstable", "bulk-write", "--schema", schema, "--table", &table.name, "--out", &out, &file];
        args.extend(sorted.then_some("--sorted"));
        let ran = helenus(args);
        if ran.err.contains("counters can't be written") || ran.err.contains("materialized view can't") {
            continue;
        }
        let refused = std::fs::read_to_string(path("rows.jsonl.refused")).unwrap_or_default();
        assert_eq!(ran.code, i32::from(!refused.is_empty()), "{}: {}", table.name, ran.err);
        // An empty duration is invalid in CQL.
        for line in refused.lines() {
            assert!(line.contains("\"c_duration\": \"\""), "{}: {line}", table.name);
        }
        let refused: Vec<&str> = refused.lines().collect();
        let expected: Vec<&str> = lines.lines().filter(|line| !refused.contains(line)).collect();
        let found = export(&out);
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{}", table.name);
        written += 1;
    }
    assert!(written > 40, "{written} tables");
}
