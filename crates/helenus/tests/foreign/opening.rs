//! Opening: what is found, that it reads as the node read it, and that nothing is written.

use std::path::{Path, PathBuf};

use helenus::{
    AdoptOptions, Database, ErrorKind, Foreign, ForeignKind, ForeignOptions, Options, Serialized, adopt,
    parse_literal,
};

use crate::corpus::{changed, contents, copy_all, corpus, export, lines, sample};

/// The tables of `snapshot/`, as keyspace and name.
const TABLES: [(&str, &str); 3] = [("Fleet", "Trips"), ("chat", "messages"), ("chat", "totals")];

fn table_dir(root: &Path, keyspace: &str, table: &str) -> PathBuf {
    let entries = std::fs::read_dir(root.join(keyspace)).unwrap().map(|entry| entry.unwrap().path());
    let prefix = format!("{table}-");
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix);
    entries.into_iter().find(is_it).unwrap()
}

fn names(foreign: &Foreign) -> Vec<(String, String)> {
    let found = foreign.tables.iter().filter(|table| !table.is_system());
    found.map(|table| (table.keyspace.clone(), table.name.clone())).collect()
}

fn owned(tables: &[(&str, &str)]) -> Vec<(String, String)> {
    tables.iter().map(|(keyspace, table)| ((*keyspace).to_owned(), (*table).to_owned())).collect()
}

#[test]
fn a_data_directory_reads_as_the_node_read_it() {
    let Some(root) = corpus("snapshot") else { return };
    let before = (contents(&root), changed(&root));
    let database = Foreign::open(root.join("data")).unwrap();
    assert_eq!(database.kind, ForeignKind::DataDirectory);
    assert_eq!(database.warnings, Vec::<String>::new());
    assert_eq!(database.left_out, []);
    assert_eq!(names(&database), owned(&TABLES));
    for (keyspace, name) in TABLES {
        let table = database.open_table(keyspace, name).unwrap();
        let expected = lines(&root.join(format!("select/{keyspace}.{name}.jsonl")));
        assert_eq!(export(&table), expected, "{keyspace}.{name}");
        assert_eq!(database.table(keyspace, name).unwrap().sstables(), 3);
    }
    let messages = database.open_table("chat", "messages").unwrap().schema();
    assert_eq!(&*messages.dropped()[0].name, "old_flag");
    // Cassandra's own tables too.
    let types = export(&database.open_table("system_schema", "types").unwrap());
    assert!(types.iter().any(|line| line.contains("attachment")), "{types:?}");
    drop(database);
    assert!((contents(&root), changed(&root)) == before, "something was written");
}

#[test]
fn a_keyspace_or_a_table_of_a_data_directory_finds_the_schema_above_it() {
    let Some(root) = corpus("snapshot") else { return };
    let database = Foreign::open(root.join("data/chat")).unwrap();
    assert_eq!(database.kind, ForeignKind::Keyspace);
    assert_eq!(names(&database), owned(&TABLES[1..]));
    for (keyspace, name) in TABLES {
        let dir = table_dir(&root.join("data"), keyspace, name);
        let database = Foreign::open(dir).unwrap();
        assert_eq!(database.kind, ForeignKind::Table);
        assert_eq!(names(&database), owned(&[(keyspace, name)]));
        let expected = lines(&root.join(format!("select/{keyspace}.{name}.jsonl")));
        assert_eq!(export(&database.open_table(keyspace, name).unwrap()), expected, "{keyspace}.{name}");
    }
}

#[test]
fn a_snapshot_has_its_schema_with_it() {
    let Some(root) = corpus("snapshot") else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let snapshots = table_dir(&root.join("data"), "chat", "messages").join("snapshots");
    // The last flush came after the snapshot; the type `attachment` stands in no schema.cql.
    let later = Foreign::open(snapshots.join("later")).unwrap();
    assert_eq!(later.kind, ForeignKind::Snapshot);
    let rows = export(&later.open_table("chat", "messages").unwrap());
    assert!(rows.iter().any(|row| row.contains("\"files\": [{")), "{rows:?}");
    // Copied to a directory whose name has no information.
    copy_all(&snapshots.join("later"), &elsewhere.path().join("copy"));
    let copy = Foreign::open(elsewhere.path().join("copy")).unwrap();
    assert_eq!(names(&copy), owned(&[("chat", "messages")]));
    assert_eq!(export(&copy.open_table("chat", "messages").unwrap()), rows);
    let before = Foreign::open(snapshots.join("before-migration")).unwrap();
    assert!(export(&before.open_table("chat", "messages").unwrap()).len() < rows.len());
}

#[test]
fn a_table_that_was_copied_out_has_the_schema_of_its_newest_snapshot() {
    let Some(root) = corpus("snapshot") else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = table_dir(&root.join("data"), "chat", "messages");
    let copied = elsewhere.path().join("t");
    copy_all(&dir, &copied);
    let database = Foreign::open(&copied).unwrap();
    let expected = lines(&root.join("select/chat.messages.jsonl"));
    assert_eq!(export(&database.open_table("chat", "messages").unwrap()), expected);
    // Without it the schema is unknown, and must be given.
    let text = std::fs::read_to_string(copied.join("snapshots/later/schema.cql")).unwrap();
    std::fs::remove_dir_all(copied.join("snapshots")).unwrap();
    let without = Foreign::open(&copied).unwrap();
    let problem = without.tables[0].problem.clone().unwrap();
    assert!(problem.contains("its schema is not known"), "{problem}");
    let given = ForeignOptions::new().schema(&text).open(&[copied]).unwrap();
    assert_eq!(export(&given.open_table("chat", "messages").unwrap()), expected);
}

#[test]
fn data_directories_are_read_together_and_strangers_left_out() {
    let Some(root) = corpus("snapshot") else { return };
    let both = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| both.path().join(name));
    copy_all(&root.join("data"), &first);
    // The second disk has one of the table's SSTables, the first the others.
    let dir = table_dir(&first, "chat", "totals");
    let other = second.join("chat").join(dir.file_name().unwrap());
    std::fs::create_dir_all(&other).unwrap();
    for entry in std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name().to_str().unwrap().starts_with("da-2-") {
            std::fs::rename(entry.path(), other.join(entry.file_name())).unwrap();
        }
    }
    // A table of that name was there before.
    let former = first.join("chat/totals-00000000000000000000000000000001");
    copy_all(&table_dir(&root.join("data"), "chat", "totals"), &former);
    let database = ForeignOptions::new().open(&[first, second]).unwrap();
    assert_eq!(database.left_out.len(), 1, "{:?}", database.left_out);
    assert_eq!(database.left_out[0].path, former);
    let expected = lines(&root.join("select/chat.totals.jsonl"));
    assert_eq!(export(&database.open_table("chat", "totals").unwrap()), expected);
    assert_eq!(database.table("chat", "totals").unwrap().dirs.len(), 2);
}

/// Folders of snapshots side by side, as people keep them: no data directory, no identities.
#[test]
fn what_cannot_be_read_does_not_keep_the_rest_from_being_read() {
    let root = tempfile::tempdir().unwrap();
    for name in ["altered", "collections", "counters", "soup", "mv_view"] {
        copy_all(&sample(name), &root.path().join("corpus").join(name));
    }
    let schema = root.path().join("corpus/counters/schema.cql");
    std::fs::write(&schema, "CREATE TABLE corpus.counters (a text PRIMARY KEY, b no_such_type)").unwrap();
    std::fs::write(root.path().join("corpus/soup/ka-1-big-Data.db"), "").unwrap();
    let database = Foreign::open(root.path()).unwrap();
    let problems = |name: &str| {
        let found = database.table("corpus", name).unwrap();
        (found.problem.clone().unwrap_or_default(), database.open_table("corpus", name).map(drop))
    };
    for name in ["altered", "collections", "mv_view"] {
        let rows = export(&database.open_table("corpus", name).unwrap());
        assert_eq!(rows, lines(&sample(name).join("select.jsonl")), "{name}");
    }
    for (name, expected) in [("counters", "no_such_type"), ("soup", "ka-1-big-Data.db")] {
        let (listed, opened) = problems(name);
        let error = opened.unwrap_err();
        assert!(listed.contains(expected) && error.to_string().contains(expected), "{listed}, {error}");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let nothing = tempfile::tempdir().unwrap();
    let error = Foreign::open(nothing.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

const TYPES: &str =
    "CREATE TYPE k.inner (a int); CREATE TYPE k.outer (x frozen<inner>, y frozen<map<int, frozen<inner>>>);";
const TABLE: &str = "CREATE TABLE k.t (p int PRIMARY KEY, v frozen<outer>, w frozen<tuple<outer>>, i frozen<inner>, \
                     l list<frozen<outer>>) WITH ID = 00000000-0000-1000-8000-000000000001;";
const KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";

/// A type grows inside another one: earlier rows still belong to the table, and are shown with the
/// current type.
#[test]
fn types_that_grew_inside_of_others() {
    let temp = tempfile::tempdir().unwrap();
    let db = Options::new().open(temp.path().join("db")).unwrap();
    db.execute_schema(&format!("{KEYSPACE}{TYPES}{TABLE}")).unwrap();
    let set = |p: i32, values: &[(&str, &str)]| {
        let table = db.table("k", "t").unwrap();
        let schema = table.schema();
        let mut insert = table.insert(p, ());
        for (name, literal) in values {
            let column = schema.regulars().as_slice().iter().find(|column| *column.name == **name).unwrap();
            insert = insert.set(name, Serialized(&parse_literal(&column.ty, literal).unwrap()));
        }
        insert.execute().unwrap();
        table.flush().unwrap();
    };
    let outer = "{x: {a: 1}, y: {2: {a: 3}}}";
    set(1, &[("v", outer), ("w", &format!("({outer})")), ("l", &format!("[{outer}]")), ("i", "{a: 4}")]);
    db.execute_schema("ALTER TYPE k.inner ADD b text").unwrap();
    set(2, &[("i", "{a: 5, b: 'new'}")]);
    let expected = export(&db.table("k", "t").unwrap());
    assert!(expected[0].contains(r#""x": {"a": 1, "b": null}"#), "{expected:?}");
    let schema = db.schema().to_cql();
    db.close().unwrap();
    let dir = table_dir(&temp.path().join("db/data"), "k", "t");
    // With the types as they are now; and with what the files say, which spell `inner` in `outer`
    // as it was.
    for schema in [&*schema, TABLE] {
        let opened = ForeignOptions::new().schema(schema).open(std::slice::from_ref(&dir)).unwrap();
        assert_eq!(export(&opened.open_table("k", "t").unwrap()), expected, "{schema}");
        let adopted = tempfile::tempdir().unwrap();
        let how = AdoptOptions { schema: Some(schema.to_owned()), ..AdoptOptions::default() };
        adopt(std::slice::from_ref(&dir), adopted.path(), &how, &mut |_| {}).unwrap();
        let db = Database::open(adopted.path()).unwrap();
        db.compact().unwrap();
        assert_eq!(export(&db.table("k", "t").unwrap()), expected, "{schema}");
    }
    // Not the other way round.
    let shrunk = format!("{KEYSPACE}{TYPES}{TABLE}");
    let opened = ForeignOptions::new().schema(&shrunk).open(&[dir]).unwrap();
    assert_eq!(opened.open_table("k", "t").map(drop).unwrap_err().kind(), ErrorKind::Invalid);
}

/// Cassandra's snapshot of a view defines the view and not its table.
#[test]
fn a_view_finds_its_table_in_another_snapshot() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = ["mv_view", "mv_base"].map(|name| {
        let to = temp.path().join("corpus").join(name);
        copy_all(&sample(name), &to);
        to
    });
    let path = dirs[0].join("schema.cql");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[text.find("CREATE MATERIALIZED VIEW").unwrap()..]).unwrap();
    let opened = ForeignOptions::new().open(&dirs).unwrap();
    for name in ["mv_base", "mv_view"] {
        let rows = export(&opened.open_table("corpus", name).unwrap());
        assert_eq!(rows, lines(&sample(name).join("select.jsonl")), "{name}");
    }
    let alone = ForeignOptions::new().open(&dirs[..1]).unwrap();
    let problem = alone.open_table("corpus", "mv_view").map(drop).unwrap_err();
    assert!(problem.to_string().contains("Base table 'mv_base' doesn't exist"), "{problem}");
    let into = temp.path().join("db");
    let error = adopt(&dirs[..1], &into, &AdoptOptions::default(), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(adopt(&dirs, &into, &AdoptOptions::default(), &mut |_| {}).unwrap().tables.len(), 1);
}

/// Names outside ASCII: what Cassandra wrote was read as other columns' values, in another order
/// than `SELECT *` has. What an early build of ours wrote by the bytes of the names is read by its
/// own header.
#[test]
fn columns_with_names_outside_ascii_keep_their_values() {
    let by_bytes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/by-bytes");
    for (dir, keyspace, table) in [(sample("non_ascii"), "cols", "non_ascii"), (by_bytes, "bug", "old")] {
        let schema = std::fs::read_to_string(dir.join("schema.cql")).unwrap();
        let opened = helenus::open_sstables(&dir, &schema, keyspace, table).unwrap();
        assert_eq!(export(&opened), lines(&dir.join("select.jsonl")), "{table}");
    }
}
