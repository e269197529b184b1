//! CSV in and out, and the commands on a database of our own.

use std::path::Path;

use crate::corpus::{self, Expected};
use crate::tool::{Ran, helenus};

const SCHEMA: &str = "CREATE TABLE shop.orders (
    city text, day date, id int, note text, total decimal, open boolean static, PRIMARY KEY (city, day, id)
) WITH CLUSTERING ORDER BY (day DESC, id ASC);";

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

    fn import(&self, csv: &str, options: &[&str]) -> Ran {
        let (db, schema, file) = (self.path("db"), self.path("schema.cql"), self.write("orders.csv", csv));
        let args = ["import", &db, "--table", "shop.orders", "--schema", &schema];
        helenus(args.into_iter().chain(options.iter().copied()).chain([file.as_str()]))
    }

    fn export(&self, options: &[&str]) -> String {
        let db = self.path("db");
        helenus(["export"].into_iter().chain(options.iter().copied()).chain([db.as_str(), "shop.orders"]))
            .ok()
    }
}

#[test]
fn rows_of_a_file() {
    let shop = Shop::new();
    let csv = "id,day,city,note,total\n\
               1,2024-02-28,Oslo,\"a \"\"b\"\", c\",12.50\n\
               2,2024-02-29,Oslo,,\n\
               7,2024-02-29,Rome,\"two\nlines\",-1\n";
    let out = shop.import(csv, &[]).ok();
    assert!(out.starts_with("3 rows in ") && out.trim_end().ends_with(" rows/s"), "{out}");
    let expected = "{\"city\": \"Oslo\", \"day\": \"2024-02-29\", \"id\": 2, \"open\": null, \"note\": null, \"total\": null}\n\
        {\"city\": \"Oslo\", \"day\": \"2024-02-28\", \"id\": 1, \"open\": null, \"note\": \"a \\\"b\\\", c\", \"total\": 12.50}\n\
        {\"city\": \"Rome\", \"day\": \"2024-02-29\", \"id\": 7, \"open\": null, \"note\": \"two\\nlines\", \"total\": -1}\n";
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&shop.export(&[])), sorted(expected));
    // Empty fields leave the columns unchanged; a later line of the same row wins, whatever the
    // values.
    shop.import("city,day,id,note,total\nOslo,2024-02-28,1,z,\nOslo,2024-02-28,1,a,\n", &[]).ok();
    let get = |options: &[&str], key: &[&str]| {
        let db = shop.path("db");
        let args =
            ["get"].into_iter().chain(options.iter().copied()).chain([db.as_str(), "shop.orders", "--"]);
        helenus(args.chain(key.iter().copied())).ok()
    };
    let row = "Oslo,2024-02-28,1,,a,12.50\n";
    let header = "city,day,id,open,note,total\n";
    assert_eq!(get(&["--format", "csv"], &["'Oslo'", "'2024-02-28'"]), format!("{header}{row}"));
    assert_eq!(get(&[], &["'Oslo'"]).lines().count(), 2);
    assert_eq!(get(&["--from", "'2024-02-28'", "3"], &["'Oslo'"]), "");
}

#[test]
fn lines_of_json() {
    let shop = Shop::new();
    let json = "{\"id\": 1, \"city\": \"Oslo\", \"day\": \"2024-02-28\", \"total\": 12.50}\n\
                {\"city\": \"Oslo\", \"open\": true}\n\
                {\"city\": \"Oslo\", \"day\": \"x\", \"id\": 2}\n";
    let err = shop.import(json, &[]).failed(1);
    assert!(err.contains("orders.csv:3: column day: not a valid date"), "{err}");
    let row = "{\"city\": \"Oslo\", \"day\": \"2024-02-28\", \"id\": 1, \"open\": true, \"note\": null, \"total\": 12.50}\n";
    assert_eq!(shop.export(&[]), row);
}

#[test]
fn static_columns() {
    let shop = Shop::new();
    let csv = "city,open,day,id\nOslo,true,,\nRome,False,2024-01-01,1\nRome,true,2024-01-02,1\nPisa,,2024-01-01,1\n";
    assert!(shop.import(csv, &[]).ok().starts_with("4 rows in "));
    let rows = shop.export(&["--format", "csv", "--null", "-"]);
    for row in [
        "Oslo,-,-,true,-,-",
        "Rome,2024-01-01,1,true,-,-",
        "Rome,2024-01-02,1,true,-,-",
        "Pisa,2024-01-01,1,-,-,-",
    ] {
        assert!(rows.contains(&format!("\n{row}\n")), "{row} is not in {rows}");
    }
    shop.import("open,city\nfalse,Oslo\n", &[]).ok();
    assert!(shop.export(&["--format", "csv"]).contains("\nOslo,,,false,,\n"));
}

#[test]
fn bad_lines_are_told_and_kept() {
    let shop = Shop::new();
    let csv = "city,day,id,total\n\
               Oslo,2024-02-28,1,1\n\
               Oslo,2024-02-30,2,1\n\
               Oslo,2024-02-28,3\n\
               ,2024-02-28,4,1\n\
               Oslo,,5,1\n\
               \"x\"y,2024-02-28,6,1\n\
               Oslo,2024-02-28,7,NA\n";
    let err = shop.import(csv, &[]).failed(1);
    let file = shop.path("orders.csv");
    for (line, reason) in [
        (3, "column day: not a valid date"),
        (4, "3 fields, the first line names 4"),
        (5, "column city: a part of the partition key is missing"),
        (6, "column day: a part of the clustering is missing"),
        (7, "text follows a closing quote"),
        (8, "column total: not a valid decimal"),
    ] {
        assert!(err.contains(&format!("{file}:{line}: {reason}")), "{line}: {reason} is not in {err}");
    }
    assert!(err.contains("6 lines were refused") && err.contains("orders.csv.refused"), "{err}");
    assert_eq!(shop.export(&[]).lines().count(), 1);
    let lines: Vec<&str> = csv.lines().collect();
    let kept = std::fs::read_to_string(shop.path("orders.csv.refused")).unwrap();
    assert_eq!(kept.lines().collect::<Vec<_>>(), [&lines[..1], &lines[2..]].concat());

    let err = shop.import(csv, &["--max-errors", "2"]).failed(1);
    assert!(err.contains(&format!("{file}:5: 3 bad lines, at most 2 were allowed")), "{err}");
    shop.import("city,day,id,total\nOslo,2024-02-28,7,NA\n", &["--null", "NA"]).ok();
    let err = shop.import("city,day,nr\n", &[]).failed(1);
    assert!(err.contains("shop.orders has no column nr"), "{err}");
}

#[test]
fn the_schema_is_asked_for() {
    let shop = Shop::new();
    let (db, csv) = (shop.path("db"), shop.write("x.csv", "city\n"));
    let err = helenus(["import", &db, "--table", "shop.orders", &csv]).failed(1);
    assert!(err.contains("--schema FILE"), "{err}");
}

#[test]
fn databases_are_listed_flushed_and_compacted() {
    let shop = Shop::new();
    let db = shop.path("db");
    for id in 0..3 {
        shop.import(&format!("city,day,id\nOslo,2024-02-28,{id}\n"), &[]).ok();
    }
    let tables = helenus(["tables", &db]).ok();
    assert!(tables.contains("shop.orders") && tables.starts_with("table"), "{tables}");
    let before = shop.export(&[]);
    assert_eq!(before.lines().count(), 3);
    assert!(helenus(["flush", &db]).ok().starts_with("flushed shop.orders in "));
    let compacted = helenus(["compact", &db, "shop.orders"]).ok();
    assert!(compacted.contains(": 1 SSTable, "), "{compacted}");
    assert_eq!(shop.export(&[]), before);
    let stats = helenus(["stats", &db, "shop.orders"]).ok();
    assert!(stats.starts_with("shop.orders\n") && stats.contains("rows (estimate)"), "{stats}");
    assert!(helenus(["stats", &db]).ok().contains("shop.orders"));
    let err = helenus(["compact", &db, "shop.nothing"]).failed(1);
    assert!(err.contains("doesn't exist") && err.contains("helenus tables"), "{err}");
    helenus(["compact", &shop.path("nothing")]).failed(1);
}

/// In JSON, NaN and the infinities became null; in CSV an empty text, and one that was the text for
/// null. Import left such columns alone, and refused lines with NaN in a list.
#[test]
fn what_was_exported_comes_back() {
    let schema = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}; \
        CREATE TABLE k.t (p int, c text, s text static, t text, a ascii, d double, f float, l list<frozen<list<double>>>, \
        m map<double, text>, v vector<float, 2>, PRIMARY KEY (p, c))";
    let texts = ["", "null", "NaN", "-", "\\N", " ", "a,b", "\"", "\"\"", "back\\slash", "two\nlines", "x"];
    let doubles = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e300, 0.1];
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("schema.cql"), schema).unwrap();
    let db = helenus::Database::open(path("db")).unwrap();
    db.execute_schema(schema).unwrap();
    let table = db.table("k", "t").unwrap();
    for (at, c) in texts.iter().enumerate() {
        let text = |by: usize| texts[(at + by) % texts.len()];
        for (index, d) in doubles.iter().enumerate() {
            let next = doubles[(index + 1) % doubles.len()];
            #[expect(clippy::cast_possible_truncation, reason = "a float of the same kind")]
            let f = *d as f32;
            let p = i32::try_from(at % 4).unwrap();
            let row = table.insert(p, format!("{c}{index}").as_str()).set("t", text(index));
            let row = row.set("a", text(at)).set("d", *d).set("f", f).set("l", vec![vec![*d, next], vec![]]);
            let row = row.set("m", std::collections::HashMap::from([(helenus::Value::Double(*d), text(3))]));
            row.set("v", vec![1.5f32, f]).execute().unwrap();
        }
        // Null beside it.
        table.insert(i32::try_from(at).unwrap(), *c).set("s", text(1)).execute().unwrap();
    }
    db.close().unwrap();
    let nulls = |null: &'static str| ["--format", "csv", "--null", null];
    let csv = &["--format", "csv"][..];
    for options in [&[][..], csv, &nulls("null"), &nulls("NaN"), &nulls("-"), &nulls("\\N")] {
        let lossless: &[&str] = if options.is_empty() { &["--lossless"] } else { &[] };
        let lines =
            helenus(["export"].iter().chain(lossless).chain(options).chain(&[&*path("db"), "k.t"])).ok();
        std::fs::write(path("lines"), &lines).unwrap();
        let (schema, file, copy) = (path("schema.cql"), path("lines"), path(&format!("copy {options:?}")));
        let quotes: &[&str] = if options.is_empty() { &[] } else { &["--quotes", "doubled"] };
        let args = ["import", &copy, "--table", "k.t", "--schema", &schema, &file];
        helenus(args.iter().chain(options).chain(quotes)).ok();
        for shown in [&["--lossless"][..], &nulls("(null)")] {
            let [expected, found] = [path("db"), copy.clone()]
                .map(|dir| helenus(["export"].iter().chain(shown).chain(&[&*dir, "k.t"])).ok());
            assert_eq!(found, expected, "{options:?}");
        }
    }
}

/// Options that say how CSV is written did nothing beside JSON, without a word.
#[test]
fn what_is_of_csv_is_refused_beside_json() {
    let shop = Shop::new();
    let line = "{\"city\": \"Oslo\", \"day\": \"2024-02-28\", \"id\": 1}\n";
    for options in [["--null", "NA"], ["--quotes", "doubled"], ["--delimiter", ";"]] {
        let err = shop.import(line, &[&options[..], &["--format", "jsonl"]].concat()).failed(2);
        assert!(err.contains("are of CSV"), "{err}");
    }
    assert!(shop.import(line, &["--null", "NA"]).failed(2).contains("are of CSV"));
    shop.import(line, &[]).ok();
    let (db, out) = (shop.path("db"), shop.path("out"));
    for options in [&["--format", "jsonl"][..], &["--format", "parquet", "-o", &out]] {
        let place = [&*db, "shop.orders"];
        let err = helenus(["export", "--null", "NA"].iter().chain(options).chain(&place)).failed(2);
        assert!(err.contains("--null is of CSV"), "{err}");
    }
    let err = helenus(["get", "--null", "NA", &db, "shop.orders", "'Oslo'"]).failed(2);
    assert!(err.contains("--null is of CSV"), "{err}");
    let err = helenus(["export", "--format", "csv", "--null", "a,b", &db, "shop.orders"]).failed(2);
    assert!(err.contains("null is not in quotes"), "{err}");
}

/// What a refused line said of static columns counted as written, and the lines after it left them
/// out.
#[test]
fn a_refused_line_leaves_nothing_of_itself() {
    let schema = "CREATE TABLE k.t (p int, c text, s text static, v int, PRIMARY KEY (p, c))";
    let long = "x".repeat(70_000);
    for (csv, expected) in [
        (format!("1,{long},hello,1\n1,a,hello,2\n"), "1,a,hello,2\n"),
        (
            format!("1,a,bye,1\n1,{long},hello,1\n1,{long},hello,1\n1,b,hello,2\n"),
            "1,a,hello,1\n1,b,hello,2\n",
        ),
        (format!("1,a,bye,1\n1,{long},hello,1\n1,b,bye,2\n"), "1,a,bye,1\n1,b,bye,2\n"),
    ] {
        let shop = Shop::new();
        let (schema, db) = (shop.write("t.cql", schema), shop.path("db"));
        let file = shop.write("rows.csv", &format!("p,c,s,v\n{csv}"));
        helenus(["import", &db, "--table", "k.t", "--schema", &schema, &file]).failed(1);
        let rows = helenus(["export", "--format", "csv", &db, "k.t"]).ok();
        assert_eq!(rows, format!("p,c,s,v\n{expected}"), "{} lines", csv.lines().count());
        let out = shop.path("out");
        helenus(["sstable", "bulk-write", "--schema", &schema, "--out", &out, &file]).failed(1);
        let rows = helenus(["export", "--format", "csv", "--schema", &schema, &out, "k.t"]).ok();
        assert_eq!(rows, format!("p,c,s,v\n{expected}"), "{} lines, bulk-write", csv.lines().count());
    }
}

/// Cassandra's tables, brought through CSV into a database of ours, read the same.
#[test]
fn tables_go_through_csv_and_back() {
    let temp = tempfile::tempdir().unwrap();
    for table in corpus::tables(&corpus::sample()) {
        let Expected::Lines(expected) = &table.expected else { continue };
        // A view is read-only.
        if table.schema.strict_liveness()
            || table.name.ends_with("mv_view")
            || table.name.ends_with("mv_base")
        {
            continue;
        }
        let schema = table.schema_file.to_str().unwrap();
        let args = ["export", "--format", "csv", "--null", "\\N", "--schema", schema];
        let csv = helenus(args.into_iter().chain([table.dir.to_str().unwrap(), &table.name])).ok();
        let path = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
        let (file, db) = (path("table.csv"), path(&table.name));
        std::fs::write(Path::new(&file), csv).unwrap();
        // A value may hold what looks like an escape, so the dialect is said.
        let args =
            ["import", "--quotes", "doubled", "--null", "\\N", "--schema", schema, "--table", &table.name];
        helenus(args.into_iter().chain([db.as_str(), &file])).ok();
        let rows = helenus(["export", &db, &table.name]).ok();
        assert_eq!(rows.lines().collect::<Vec<_>>(), *expected, "{}", table.name);
    }
}
