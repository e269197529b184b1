//! Cassandra's files: shown, read without a schema, brought into a database.

use std::path::{Path, PathBuf};

use crate::corpus::{sample, whole};
use crate::tool::helenus;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn rows(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn open_shows_what_there_is() {
    let Some(root) = whole() else { return };
    let data = root.join("snapshot/data");
    let shown = helenus(["open", text(&data)]).ok();
    for part in ["data directory", "\"Fleet\".\"Trips\"", "chat.messages", "3 da", "next:\n  helenus export"]
    {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    assert!(!shown.contains("system_schema"), "{shown}");
    assert!(helenus(["open", "--system", text(&data)]).ok().contains("system_schema.columns"));
    let listed = helenus(["tables", text(&data)]).ok();
    assert!(listed.contains("chat.totals                   18         3"), "{listed}");
    for table in ["chat.messages", "chat.totals", "Fleet.Trips"] {
        let name = if table == "Fleet.Trips" { "\"Fleet\".\"Trips\"" } else { table };
        let expected = rows(&root.join(format!("snapshot/select/{table}.jsonl")));
        assert!(helenus(["export", text(&data), name]).ok() == expected, "{table}");
    }
    assert!(helenus(["stats", text(&data), "chat.totals"]).ok().contains("SSTables"));
}

#[test]
fn what_cannot_be_read_is_told_with_the_rest() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["soup", "altered"] {
        let to = temp.path().join("corpus").join(name);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(sample().join(name)).unwrap().map(|entry| entry.unwrap()) {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    std::fs::write(temp.path().join("corpus/soup/ka-1-big-Data.db"), "").unwrap();
    let failed = helenus(["open", text(temp.path())]).failed(1);
    assert!(failed.contains("1 of 2 tables can't be read"), "{failed}");
    let listed = helenus(["tables", text(temp.path())]).ok();
    assert!(
        listed.contains("corpus.altered") && listed.contains("can't be read:\n  corpus.soup: "),
        "{listed}"
    );
}

#[test]
fn ingest_brings_sstables_into_a_table() {
    let temp = tempfile::tempdir().unwrap();
    let dir: PathBuf = temp.path().join("db");
    let schema = rows(&sample().join("soup/schema.cql"));
    let db = helenus::Database::open(&dir).unwrap();
    db.adopt_schema(&schema).unwrap();
    db.close().unwrap();
    let source = sample().join("soup");
    let done = helenus(["ingest", "--extended-verify", text(&dir), "corpus.soup", text(&source)]).ok();
    assert!(done.contains("brought 6 SSTables"), "{done}");
    assert!(helenus(["export", text(&dir), "corpus.soup"]).ok() == rows(&source.join("select.jsonl")));
    let other = sample().join("collections");
    let failed = helenus(["ingest", text(&dir), "corpus.soup", text(&other)]).failed(1);
    assert!(failed.contains("in the schema of corpus.soup"), "{failed}");
    helenus(["ingest", "--move", "--copy-data", text(&dir), "corpus.soup", text(&other)]).failed(2);
}

#[test]
fn adopt_makes_a_database() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("db");
    let (soup, altered) = (sample().join("soup"), sample().join("altered"));
    let done = helenus(["adopt", text(&soup), text(&altered), "--into", text(&dir)]).ok();
    for part in ["corpus.altered", "corpus.soup", "is a database", "files linked"] {
        assert!(done.contains(part), "{part} is not in:\n{done}");
    }
    for (name, from) in [("soup", &soup), ("altered", &altered)] {
        let table = format!("corpus.{name}");
        assert!(helenus(["export", text(&dir), &table]).ok() == rows(&from.join("select.jsonl")), "{name}");
    }
    helenus(["compact", text(&dir)]).ok();
    assert!(helenus(["export", text(&dir), "corpus.soup"]).ok() == rows(&soup.join("select.jsonl")));
    let failed = helenus(["adopt", text(&soup), "--into", text(&dir)]).failed(1);
    assert!(
        failed.contains("already holds a database") && failed.contains("try: name a directory"),
        "{failed}"
    );
    let other = temp.path().join("other");
    let failed =
        helenus(["adopt", text(&soup), "--table", "corpus.nothing", "--into", text(&other)]).failed(1);
    assert!(failed.contains("no directory of table corpus.nothing"), "{failed}");
    assert!(!other.exists());
    let done = helenus([
        "adopt",
        "--copy-data",
        "--extended-verify",
        "--table",
        "corpus.soup",
        "--into",
        text(&other),
        text(&soup),
        text(&altered),
    ]);
    assert!(done.ok().contains(" 0 files linked, "));
    assert!(!helenus(["tables", text(&other)]).ok().contains("altered"));
    helenus(["adopt", text(&soup)]).failed(2);
    // The leftovers of an interrupted adoption say what they are.
    let cut = temp.path().join("cut");
    std::fs::create_dir(&cut).unwrap();
    std::fs::write(cut.join("ADOPTING"), "").unwrap();
    for args in [["open", text(&cut)], ["tables", text(&cut)], ["flush", text(&cut)]] {
        let failed = helenus(args).failed(1);
        assert!(failed.contains("was not completed; adopt them again"), "{failed}");
    }
    helenus(["adopt", text(&soup), "--into", text(&cut)]).ok();
    assert!(helenus(["tables", text(&cut)]).ok().contains("corpus.soup"));
}
