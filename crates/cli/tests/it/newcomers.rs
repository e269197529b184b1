//! Problems of first-time users of the command.

use std::path::{Path, PathBuf};

use crate::corpus::sample;
use crate::tool::{Ran, helenus};

struct Room {
    temp: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.temp.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Imports a file into `db`'s table `k.t`.
    fn import(&self, schema: &str, text: &str, options: &[&str]) -> Ran {
        let (db, schema) = (self.path("db"), self.write("schema.cql", schema));
        let file = self.write("rows.csv", text);
        let args = ["import", &db, "--table", "k.t", "--schema", &schema];
        helenus(args.into_iter().chain(options.iter().copied()).chain([file.as_str()]))
    }

    fn export(&self, options: &[&str]) -> String {
        let db = self.path("db");
        helenus(["export"].into_iter().chain(options.iter().copied()).chain([db.as_str(), "k.t"])).ok()
    }
}

const MESSAGES: &str =
    "CREATE TABLE k.t (channel int, day int, id int, author text, PRIMARY KEY ((channel, day), id));";
const TEXTS: &str = "CREATE TABLE k.t (pk int PRIMARY KEY, t text);";

/// One quote that was never closed made 899,999 good lines "1 lines refused".
#[test]
fn an_unclosed_quote_refuses_its_own_line() {
    let room = Room::new();
    let ran = room.import(MESSAGES, "channel,day,id,author\n1,2,3,\"unclosed\n1,2,4,x\n1,2,5,y\n", &[]);
    assert!(ran.out.starts_with("2 rows in "), "{}", ran.out);
    let err = ran.failed(1);
    assert!(err.contains("rows.csv:2: a quote is not closed\n"), "{err}");
    assert!(err.contains("error: 1 line was refused, it is in "), "{err}");
    let refused = std::fs::read_to_string(room.path("rows.csv.refused")).unwrap();
    assert_eq!(refused, "channel,day,id,author\n1,2,3,\"unclosed\n");

    // A stray quote that meets the opening quote of a later field; and a value over several lines
    // that is wrong.
    let text = "channel,day,id,author\n1,2,3,\"unclosed\n1,2,6,x\n1,2,7,\"y, z\"\n1,x,8,\"two\nlines\"\n1,2,9,\"a\nb\"\n";
    let ran = room.import(MESSAGES, text, &[]);
    assert!(ran.out.starts_with("3 rows in "), "{}", ran.out);
    let err = ran.failed(1);
    assert!(err.contains("rows.csv:2: text follows a closing quote\n"), "{err}");
    assert!(err.contains("rows.csv:5 (to line 6): column day: "), "{err}");
    assert!(err.contains("error: 3 lines were refused"), "{err}");
    let err = room.import(MESSAGES, text, &["--max-errors", "2"]).failed(1);
    assert!(err.contains("3 bad lines, at most 2 were allowed"), "{err}");
}

/// Texts with backslashes came back from `export --format csv` without them, or not at all.
#[test]
fn our_own_csv_is_read_back() {
    for rows in [
        &["{\"pk\": 5, \"t\": \"a\\\\\\\"b\"}", "{\"pk\": 1, \"t\": \"back\\\\slash\"}"][..],
        &["{\"pk\": 5, \"t\": \"a\\\\\\\"b\"}"],
        &["{\"pk\": 2, \"t\": \"C:\\\\temp\\\\new\"}"],
    ] {
        let room = Room::new();
        room.import(TEXTS, &(rows.join("\n") + "\n"), &[]).ok();
        let (csv, before) = (room.export(&["--format", "csv"]), room.export(&[]));
        let again = Room::new();
        again.import(TEXTS, &csv, &[]).ok();
        assert_eq!(again.export(&[]), before, "{csv}");
    }
    // An unknown dialect is not guessed.
    let room = Room::new();
    let text = "pk,t\n1,\"\\\\a, b\"\n";
    let err = room.import(TEXTS, text, &[]).failed(2);
    assert!(err.contains("--quotes doubled"), "{err}");
    assert!(!Path::new(&room.path("db")).exists());
    room.import(TEXTS, text, &["--quotes", "backslash"]).ok();
    assert_eq!(room.export(&["--format", "csv", "--null", "-"]), "pk,t\n1,\"\\a, b\"\n");
}

#[test]
fn files_of_other_shapes() {
    let room = Room::new();
    room.import(TEXTS, "a;b\t1\nx, y\t2\n", &["--delimiter", "tab", "--columns", "t,pk"]).ok();
    room.import(TEXTS, "pk;t\n3;c\n", &["--delimiter", ";"]).ok();
    let rows = room.export(&["--format", "csv"]);
    for row in ["1,a;b", "2,\"x, y\"", "3,c"] {
        assert!(rows.contains(&format!("\n{row}\n")), "{row}: {rows}");
    }
    let err = room.import(TEXTS, "4\n", &["--columns", "pk,t"]).failed(1);
    assert!(err.contains("rows.csv:1: 1 field, --columns names 2"), "{err}");
    let err = room.import(TEXTS, "4,x\n", &["--columns", "pk,u"]).failed(1);
    assert!(err.contains("--columns: k.t has no column u"), "{err}");
    room.import(TEXTS, "{}", &["--columns", "pk", "--format", "jsonl"]).failed(2);
    room.import(TEXTS, "", &["--delimiter", "ab"]).failed(2);

    // The row that is written at 5 is older than the one at 10, and one that lives a second is
    // gone.
    room.import(TEXTS, "pk,t\n9,new\n", &["--timestamp", "10"]).ok();
    room.import(TEXTS, "pk,t\n9,old\n", &["--timestamp", "5"]).ok();
    assert!(room.export(&["--format", "csv"]).contains("\n9,new\n"));
    room.import(TEXTS, "pk,t\n8,x\n", &["--ttl", "86400"]).ok();
    helenus(["flush", &room.path("db")]).ok();
    let dumped = helenus(["sstable", "metadata", &table_dir(&room)]).ok();
    assert!(dumped.contains("TTL max: 86400"), "{dumped}");
    let err = room.import(TEXTS, "pk,t\n8,x\n", &["--ttl", "999999999"]).failed(1);
    assert!(err.contains("630720000"), "{err}");
}

/// The directory of the only table in `db`.
fn table_dir(room: &Room) -> String {
    let keyspace = PathBuf::from(room.path("db")).join("data/k");
    let mut dirs = std::fs::read_dir(keyspace).unwrap();
    dirs.next().unwrap().unwrap().path().to_str().unwrap().to_owned()
}

/// An import into a mistyped path left an empty database there; one with a schema of other columns
/// said nothing of it.
#[test]
fn an_import_that_cannot_be_makes_nothing() {
    let room = Room::new();
    let (db, csv) = (room.path("mistyped"), room.write("x.csv", "pk,t\n1,x\n"));
    let schema = room.write("s.cql", TEXTS);
    let wrong: [&[&str]; 4] = [
        &["--table", "k.t", &csv],
        &["--table", "k.other", "--schema", &schema, &csv],
        &["--table", "k.t", "--schema", &schema, &room.path("nothing.csv")],
        &["--table", "k.t", "--schema", &room.path("nothing.cql"), &csv],
    ];
    for args in wrong {
        helenus(["import", &db].into_iter().chain(args.iter().copied())).failed(1);
        assert!(!Path::new(&db).exists(), "{args:?}");
    }
    room.import(TEXTS, "pk,t\n1,x\n", &[]).ok();
    let other = "CREATE TABLE k.t (pk int PRIMARY KEY, t int, more text);";
    let err = room.import(other, "pk,t\n1,2\n", &[]).failed(1);
    assert!(
        err.contains("the table has t text, the file t int, more text") || err.contains("more text"),
        "{err}"
    );
    assert!(err.contains("leave --schema out"), "{err}");
    room.import(TEXTS, "pk,t\n1,y\n", &[]).ok();
}

/// After an interrupted export its leftovers had to be removed before the next one.
#[test]
fn what_a_broken_off_export_left_is_written_over() {
    let room = Room::new();
    room.import(TEXTS, "pk,t\n1,x\n", &[]).ok();
    room.write("out.unfinished", "half of a former run, which was longer than this one will be");
    let out = room.path("out");
    assert_eq!(room.export(&["-o", &out]), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "{\"pk\": 1, \"t\": \"x\"}\n");
    assert!(!Path::new(&room.path("out.unfinished")).exists());
    std::fs::remove_file(&out).unwrap();
    // A link of that name is not followed to what it leads to.
    room.write("theirs", "theirs");
    std::os::unix::fs::symlink(room.path("theirs"), room.path("out.unfinished")).unwrap();
    let err = helenus(["export", "-o", &out, &room.path("db"), "k.t"]).failed(1);
    assert!(err.contains("what a link leads to is left alone"), "{err}");
    assert_eq!(std::fs::read_to_string(room.path("theirs")).unwrap(), "theirs");
    std::fs::remove_file(room.path("out.unfinished")).unwrap();
    // One that is under way holds a lock.
    let held = std::fs::File::create(room.path("out.unfinished")).unwrap();
    held.lock().unwrap();
    let db = room.path("db");
    let err = helenus(["export", "-o", &out, &db, "k.t"]).failed(1);
    assert!(err.contains("another helenus is writing it"), "{err}");
}

/// Nothing verified a whole database or data directory in one command.
#[test]
fn verify_looks_into_directories_in_directories() {
    let room = Room::new();
    room.import(TEXTS, "pk,t\n1,x\n", &[]).ok();
    helenus(["flush", &room.path("db")]).ok();
    let err = helenus(["sstable", "verify", &room.path("db")]).failed(1);
    assert!(err.contains("-r searches subdirectories"), "{err}");
    let told = helenus(["sstable", "verify", "-r", &room.path("db")]).ok();
    assert!(
        told.lines().count() == 1 && told.contains(": clean (1 partition, 1 row and markers, "),
        "{told}"
    );
    let data = sample();
    let all = helenus(["sstable", "verify", "-r", "--quick", data.to_str().unwrap()]).ok();
    assert!(all.lines().count() > 10, "{all}");
}

#[test]
fn scripts_get_json() {
    let room = Room::new();
    room.import(TEXTS, "pk,t\n1,x\n2,y\n", &[]).ok();
    let (db, soup) = (room.path("db"), sample().join("soup").to_str().unwrap().to_owned());
    helenus(["flush", &db]).ok();
    let lines = |args: &[&str]| -> Vec<serde_json::Value> {
        let out = helenus(args).ok();
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let tables = lines(&["tables", "--json", &db]);
    assert_eq!((&tables[0]["table"], &tables[0]["rows_estimate"]), (&"t".into(), &2.into()), "{tables:?}");
    assert_eq!(lines(&["stats", "--json", &db, "k.t"]), tables);
    let opened = lines(&["open", "--json", &soup]);
    assert_eq!(
        (&opened[0]["table"], &opened[0]["versions"]["da"]),
        (&"soup".into(), &6.into()),
        "{opened:?}"
    );
    let partitions =
        lines(&["sstable", "partitions", "--json", "-t", "0", &format!("{soup}/da-1-bti-Data.db")]);
    assert_eq!((partitions.len(), &partitions[0]["key"]), (9, &"5".into()), "{partitions:?}");
    assert_eq!(partitions[8]["partitions"], 8, "{partitions:?}");
    let levels = lines(&["sstable", "levels", "--json", &soup]);
    assert_eq!(levels[0]["sstables"].as_array().unwrap().len(), 6, "{levels:?}");
    let files = lines(&["sstable", "list", "--json", "--type", "final", &soup]);
    assert!(
        files.iter().any(|file| file["is"] == "final" && file["bytes"] == 2844) || files.len() > 6,
        "{files:?}"
    );
    let expired = lines(&["sstable", "expired-blockers", "--json", "--gc-grace", "0", &soup]);
    assert_eq!(expired[0]["sstables"], 6, "{expired:?}");
}

/// "Not a directory; try: check the disk's space and permissions" of a file that was named for its
/// directory.
#[test]
fn a_file_is_no_directory() {
    let room = Room::new();
    let nowhere = room.path("nowhere");
    for args in [&["open", &nowhere][..], &["tables", &nowhere], &["export", &nowhere, "k.t"]] {
        let err = helenus(args).failed(1);
        assert!(err.contains("nowhere: there is no such directory"), "{args:?}: {err}");
    }
    let file = room.write("file", "");
    for args in [&["open", &file][..], &["tables", &file], &["export", &file, "k.t"], &["flush", &file]] {
        let err = helenus(args).failed(1);
        assert!(err.contains("is a file, not a directory"), "{args:?}: {err}");
        assert!(!err.contains("permissions"), "{args:?}: {err}");
    }
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = helenus(["completions", shell]).ok();
        assert!(script.contains("expired-blockers"), "{shell}");
    }
    let room = Room::new();
    let dir = room.path("man/man1");
    helenus(["man", &dir]).ok();
    let page = |name: &str| std::fs::read_to_string(Path::new(&dir).join(name)).unwrap();
    assert!(page("helenus.1").contains("helenus\\-export(1)"));
    assert!(page("helenus-sstable-verify.1").contains("Checks SSTables"));
}

/// `open` and `adopt` took a database of Helenus for a snapshot without SSTables: an empty copy,
/// and no error.
#[test]
fn a_database_of_helenus_is_called_one() {
    let room = Room::new();
    room.import(TEXTS, "pk,t\n1,x\n", &[]).ok();
    let db = room.path("db");
    let shown = helenus(["open", &db]).ok();
    for part in [": a database of Helenus\n", "k.t", "next:\n  helenus export"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let err = helenus(["adopt", &db, "--into", &room.path("other")]).failed(1);
    assert!(err.contains("is a database of Helenus"), "{err}");
    assert!(!Path::new(&room.path("other")).exists());
}

/// `open` read names alone, and said that all could be read of a table whose metadata were gone.
#[test]
fn open_says_what_cannot_be_opened() {
    let room = Room::new();
    let dir = soup_in(&room);
    helenus(["open", &dir]).ok();
    std::fs::remove_file(format!("{dir}/da-1-bti-Statistics.db")).unwrap();
    let ran = helenus(["open", &dir]);
    let said =
        ran.out.contains("can't be read:\n  corpus.soup: ") && ran.out.contains("da-1-bti-Statistics.db");
    assert!(said && !ran.out.contains("next:"), "{}", ran.out);
    assert!(ran.failed(1).contains("1 of 1 table can't be read"));

    let err = helenus(["export", &dir, "corpus.soup"]).failed(1);
    assert!(err.contains("da-1-bti-Statistics.db"), "{err}");
    let ran = helenus(["export", "--skip-damaged", &dir, "corpus.soup"]);
    let lines = ran.out.lines().count();
    assert!(lines > 3, "{}", ran.out);
    let err = ran.failed(1);
    assert!(err.contains("error: 1 SSTable is damaged and left out\n  "), "{err}");
    assert!(err.contains("da-1-bti-Data.db: "), "{err}");

    // A folder whose name says nothing, and a schema of several tables.
    let schema = room.path("all.cql");
    let text = std::fs::read_to_string(format!("{dir}/schema.cql")).unwrap();
    std::fs::write(&schema, format!("{text}\nCREATE TABLE corpus.other (k int PRIMARY KEY);")).unwrap();
    std::fs::remove_file(format!("{dir}/schema.cql")).unwrap();
    let again = helenus(["export", "--skip-damaged", "--schema", &schema, &dir, "corpus.soup"]);
    assert_eq!(again.out.lines().count(), lines, "{}", again.err);
    let err = again.failed(1);
    assert!(err.contains("error: 1 SSTable is damaged and left out\n  "), "{err}");
}

/// A table whose filter a node had written anew couldn't be brought in. In a database that file
/// would be damage: it stays outside.
#[test]
fn what_a_node_wrote_anew_does_not_come_along() {
    for version in ["nb", "da"] {
        let room = Room::new();
        let rows = room.path("rows.csv");
        std::fs::write(&rows, "pk,t\n1,x\n2,y\n").unwrap();
        let [dir, _] = ["0.1", "0.0001"].map(|chance| {
            let (schema, out) = (room.path(&format!("{chance}.cql")), room.path(chance));
            let text = format!("{} WITH bloom_filter_fp_chance = {chance};", TEXTS.trim_end_matches(';'));
            std::fs::write(&schema, text).unwrap();
            helenus(["sstable", "bulk-write", "--to", version, "--schema", &schema, "--out", &out, &rows])
                .ok();
            out
        });
        let format = if version == "da" { "bti" } else { "big" };
        let filter = format!("{version}-1-{format}-Filter.db");
        std::fs::copy(room.path(&format!("0.0001/{filter}")), format!("{dir}/{filter}")).unwrap();
        room.import(TEXTS, "pk,t\n3,z\n", &[]).ok();
        helenus(["ingest", "--extended-verify", &room.path("db"), "k.t", &dir]).ok();
        assert_eq!(room.export(&[]).lines().count(), 3, "{version}");
        assert_eq!(helenus(["get", &room.path("db"), "k.t", "2"]).ok(), "{\"pk\": 2, \"t\": \"y\"}\n");
        helenus(["compact", &room.path("db")]).ok();
        assert_eq!(room.export(&[]).lines().count(), 3, "{version}");
    }
}

/// The live SSTables of a database were moved out of it when its table's folder was named as the
/// source: its own folder, or another's, which couldn't be read any more.
#[test]
fn nothing_is_moved_out_of_a_database() {
    let room = Room::new();
    room.import(TEXTS, "pk,t\n1,x\n", &[]).ok();
    helenus(["flush", &room.path("db")]).ok();
    std::fs::rename(room.path("db"), room.path("source")).unwrap();
    room.import(TEXTS, "pk,t\n2,y\n", &[]).ok();
    helenus(["flush", &room.path("db")]).ok();
    let table_of = |db: &str| {
        let keyspace = room.path(&format!("{db}/data/k"));
        std::fs::read_dir(keyspace).unwrap().next().unwrap().unwrap().path().to_str().unwrap().to_owned()
    };
    let (own, other, link) = (table_of("db"), table_of("source"), room.path("link"));
    std::os::unix::fs::symlink(&other, &link).unwrap();
    let db = room.path("db");
    for from in [&own, &other, &link] {
        let err = helenus(["ingest", "--move", &db, "k.t", from]).failed(1);
        assert!(err.contains("which needs its files: link or copy them"), "{err}");
    }
    for how in [&["--copy-data"][..], &[]] {
        helenus(["ingest"].iter().chain(how).chain(&[&*db, "k.t", &link])).ok();
    }
    assert_eq!(helenus(["export", &room.path("source"), "k.t"]).ok(), "{\"pk\": 1, \"t\": \"x\"}\n");
    assert_eq!(room.export(&[]).lines().count(), 2);
}

/// What is left of a database of our own could not be exported: only of what Cassandra had left.
#[test]
fn what_is_left_of_a_damaged_database_is_exported() {
    let room = Room::new();
    for (row, id) in [("1,x", 1), ("2,y", 2), ("3,z", 3)] {
        room.import(TEXTS, &format!("pk,t\n{row}\n"), &[]).ok();
        helenus(["flush", &room.path("db")]).ok();
        assert!(data_files(&room).len() == id, "an SSTable each");
    }
    // One more row in the log.
    room.import(TEXTS, "pk,t\n4,w\n", &[]).ok();
    let db = room.path("db");
    let all = helenus(["export", "--skip-damaged", &db, "k.t"]).ok();
    assert_eq!(all, room.export(&[]));
    let file = &data_files(&room)[1];
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    helenus(["export", &db, "k.t"]).failed(1);
    let ran = helenus(["export", "--skip-damaged", &db, "k.t"]);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    let err = ran.failed(1);
    assert!(err.contains("error: 1 SSTable is damaged and left out\n  "), "{err}");
    assert!(err.contains(&format!("{}: ", file.display())), "{err}");
}

/// The Data.db files of `db`'s table, by name.
fn data_files(room: &Room) -> Vec<PathBuf> {
    let table = std::fs::read_dir(room.path("db/data/k")).unwrap().next().unwrap().unwrap().path();
    let names = std::fs::read_dir(table).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = names.filter(|path| path.to_str().unwrap().ends_with("-Data.db")).collect();
    found.sort();
    found
}

/// The sample's table, copied to `soup`.
fn soup_in(room: &Room) -> String {
    let dir = room.path("soup");
    std::fs::create_dir(&dir).unwrap();
    for entry in std::fs::read_dir(sample().join("soup")).unwrap().map(|entry| entry.unwrap()) {
        std::fs::copy(entry.path(), Path::new(&dir).join(entry.file_name())).unwrap();
    }
    dir
}

#[test]
fn keys_and_ranges_as_they_are_typed() {
    let room = Room::new();
    let schema =
        "CREATE TABLE k.t (p int, at int, v text, PRIMARY KEY (p, at)) WITH CLUSTERING ORDER BY (at DESC);";
    room.import(schema, "p,at,v\n-1,1,a\n-1,2,b\n-1,3,c\n", &[]).ok();
    let db = room.path("db");
    // Nothing was taken for a key but what stood after `--`.
    for args in [&["get", &db, "k.t", "-1", "2"][..], &["get", &db, "k.t", "--", "-1", "2"]] {
        assert_eq!(helenus(args).ok(), "{\"p\": -1, \"at\": 2, \"v\": \"b\"}\n", "{args:?}");
    }
    let rows = helenus(["get", "--from", "3", "--to", "2", &db, "k.t", "--", "-1"]).ok();
    assert_eq!(rows.lines().count(), 2, "{rows}");
    // Ends the wrong way round gave nothing, and no error.
    let err = helenus(["get", "--from", "2", "--to", "3", &db, "k.t", "--", "-1"]).failed(2);
    assert!(err.contains("the table's order is at DESC"), "{err}");
    let err = helenus(["get", &db, "k.t", "--", "-1", "2", "--limit", "1"]).failed(2);
    assert!(err.contains("options stand before --"), "{err}");
    helenus(["get", &db, "k.t"]).failed(2);
}

/// An index made its table read-only.
#[test]
fn tables_with_indexes_are_written() {
    let room = Room::new();
    let schema = format!("{TEXTS} CREATE INDEX by_t ON k.t (t);");
    room.import(&schema, "pk,t\n1,x\n", &[]).ok();
    room.import(&schema, "pk,t\n2,y\n", &[]).ok();
    assert_eq!(room.export(&[]).lines().count(), 2);
    let stats = helenus(["stats", &room.path("db"), "k.t"]).ok();
    assert!(stats.contains("index by_t ") && stats.contains("not built"), "{stats}");
    let kept = std::fs::read_to_string(room.path("db/schema.cql")).unwrap();
    assert!(kept.contains("CREATE INDEX by_t ON k.t (t)"), "{kept}");
}
