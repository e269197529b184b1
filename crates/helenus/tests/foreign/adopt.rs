//! Databases made from foreign directories.

use std::path::{Path, PathBuf};

use helenus::{
    AdoptOptions, Adopted, Background, Database, ErrorKind, Foreign, Options, Progress, Result, Verification,
};

use crate::corpus::{changed, contents, copy_all, corpus, export, lines, sample};

/// The tables of `snapshot/`, as keyspace and name.
const TABLES: [(&str, &str); 3] = [("Fleet", "Trips"), ("chat", "messages"), ("chat", "totals")];

fn adopt(dirs: &[PathBuf], into: &Path) -> Result<Adopted> {
    adopt_as(dirs, into, &AdoptOptions::default())
}

fn adopt_as(dirs: &[PathBuf], into: &Path, how: &AdoptOptions) -> Result<Adopted> {
    let mut last = Progress { bytes_done: 0, bytes_total: 0 };
    let done = helenus::adopt(dirs, into, how, &mut |progress| {
        assert!(progress.bytes_done >= last.bytes_done && progress.bytes_done <= progress.bytes_total);
        last = progress;
    });
    assert!(done.is_err() || last.bytes_done == last.bytes_total, "{last:?}");
    done
}

fn open(dir: &Path) -> Database {
    Options::new().background(Background::Manual).create_if_missing(false).open(dir).unwrap()
}

/// Names of the files of a table's SSTables.
fn data_files(db: &Path, table: &str) -> Vec<String> {
    let found = contents(&db.join("data")).into_keys().filter(|path| path.to_str().unwrap().contains(table));
    let names = found.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name.ends_with("-Data.db")).collect()
}

#[test]
fn a_data_directory_becomes_a_database_that_goes_on() {
    let Some(root) = corpus("snapshot") else { return };
    let temp = tempfile::tempdir().unwrap();
    let (from, dir) = (temp.path().join("data"), temp.path().join("db"));
    copy_all(&root.join("data"), &from);
    let before = (contents(&from), changed(&from));
    let adopted = adopt(std::slice::from_ref(&from), &dir).unwrap();
    let names: Vec<_> = adopted.tables.iter().map(|table| (&*table.keyspace, &*table.name)).collect();
    assert_eq!(names, TABLES);
    assert!(adopted.tables.iter().all(|table| table.sstables == 3 && table.bytes > 1000));
    assert!(adopted.files_linked + adopted.files_copied >= 9 * 8);
    assert_eq!(adopted.left_out, []);
    assert_eq!(
        adopted.warnings,
        ["chat.messages: its index by_author is kept in the schema and not built; no read goes by it"]
    );
    let expected =
        TABLES.map(|(keyspace, name)| lines(&root.join(format!("select/{keyspace}.{name}.jsonl"))));
    let exported = |db: &Database| TABLES.map(|(keyspace, name)| export(&db.table(keyspace, name).unwrap()));
    let db = open(&dir);
    assert_eq!(exported(&db), expected);
    let messages = db.table("chat", "messages").unwrap();
    assert_eq!(&*messages.schema().dropped()[0].name, "old_flag");
    let foreign = Foreign::open(&from).unwrap();
    for (keyspace, name) in TABLES {
        let theirs = foreign.open_table(keyspace, name).unwrap().schema();
        assert_eq!(
            db.table(keyspace, name).unwrap().schema().id(),
            theirs.id(),
            "tables keep their identity"
        );
    }
    // An index prevents no write, and is still there for a node that gets the table back.
    assert!(db.schema().to_cql().contains("CREATE INDEX by_author ON chat.messages"));
    // Every file is ours now, whatever becomes of it: compacted, opened again, with the same rows.
    db.compact().unwrap();
    assert_eq!(exported(&db), expected);
    db.close().unwrap();
    let db = open(&dir);
    assert_eq!(exported(&db), expected);
    assert_eq!(data_files(&dir, "messages-").len(), 1);
    assert!((contents(&from), changed(&from)) == before, "the source was changed");
    db.close().unwrap();
}

#[test]
fn what_was_adopted_is_written_to() {
    let Some(root) = corpus("snapshot") else { return };
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("db");
    adopt(&[root.join("data")], &dir).unwrap();
    let db = open(&dir);
    let messages = db.table("chat", "messages").unwrap();
    let gone = |line: &String| line.starts_with(r#"{"channel_id": 4, "bucket": 2, "#);
    let mut expected = lines(&root.join("select/chat.messages.jsonl"));
    assert!(expected.iter().any(gone));
    expected.retain(|line| !gone(line));
    messages.delete_partition((4i64, 2)).execute().unwrap();
    let id = uuid::Uuid::parse_str("7b4c04a3-fd18-11ee-802c-5c554227108c").unwrap();
    messages.insert((900i64, 1), id).set("content", "new").execute().unwrap();
    // A counter goes on from what the node counted, in a shard of the database's own.
    let totals = db.table("chat", "totals").unwrap();
    for by in [5, -2] {
        totals.update(2i64, ()).increment("messages", by).execute().unwrap();
    }
    let check = |db: &Database| {
        let mut rows = export(&db.table("chat", "messages").unwrap());
        let new =
            rows.iter().position(|line| line.starts_with(r#"{"channel_id": 900, "bucket": 1, "#)).unwrap();
        assert!(rows.remove(new).contains(r#""content": "new""#));
        assert_eq!(rows, expected);
        let counted = export(&db.table("chat", "totals").unwrap());
        let before = lines(&root.join("select/chat.totals.jsonl"));
        let changed: Vec<_> = counted.iter().zip(&before).filter(|(now, then)| now != then).collect();
        let [(now, then)] = changed.as_slice() else { panic!("{changed:?}") };
        assert_eq!(**then, r#"{"channel_id": 2, "messages": 86}"#);
        assert_eq!(**now, r#"{"channel_id": 2, "messages": 89}"#);
    };
    check(&db);
    db.flush().unwrap();
    check(&db);
    db.compact().unwrap();
    check(&db);
    db.close().unwrap();
    let db = open(&dir);
    check(&db);
    // Another database of the same snapshot counts for itself: it has an identity of its own.
    let other = temp.path().join("other");
    adopt(&[root.join("data")], &other).unwrap();
    let identity = |dir: &Path| std::fs::read_to_string(dir.join("IDENTITY")).unwrap();
    assert_ne!(identity(&dir), identity(&other));
}

#[test]
fn snapshots_are_adopted_together() {
    let Some(root) = corpus("snapshot") else { return };
    let temp = tempfile::tempdir().unwrap();
    for (tag, wanted) in [("before-migration", &TABLES[..]), ("later", &TABLES[1..])] {
        let dirs: Vec<_> =
            contents(&root.join("data")).into_keys().filter(|path| path.ends_with(tag)).collect();
        assert_eq!(dirs.len(), wanted.len());
        let dir = temp.path().join(tag);
        let adopted = adopt(&dirs, &dir).unwrap();
        assert_eq!(adopted.tables.len(), wanted.len(), "{adopted:?}");
        let db = open(&dir);
        for (keyspace, name) in wanted {
            let is_it = |path: &&PathBuf| path.to_str().unwrap().contains(&format!("/{name}-"));
            let there = Foreign::open(dirs.iter().find(is_it).unwrap()).unwrap();
            let expected = export(&there.open_table(keyspace, name).unwrap());
            assert!(!expected.is_empty());
            assert_eq!(export(&db.table(keyspace, name).unwrap()), expected, "{tag} {keyspace}.{name}");
        }
    }
}

#[test]
fn every_version_is_adopted_and_compacted_to_ours() {
    for version in ["nb", "oa"] {
        let Some(root) = corpus(version) else { return };
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("db");
        let names = ["soup", "counters", "altered", "collections", "mv_base"];
        adopt(&names.map(|name| root.join(name)), &dir).unwrap();
        let db = open(&dir);
        let table = |db: &Database, name: &str| export(&db.table("corpus", name).unwrap());
        for name in names {
            let files = data_files(&dir, &format!("/{name}-"));
            assert!(!files.is_empty() && files.iter().all(|file| file.starts_with(version)), "{files:?}");
            assert_eq!(table(&db, name), lines(&root.join(name).join("select.jsonl")), "{name}");
        }
        // Its view was left out, so that it can be written.
        db.table("corpus", "mv_base").unwrap().delete_partition(1).execute().unwrap();
        db.compact().unwrap();
        db.close().unwrap();
        let db = open(&dir);
        for name in &names[..4] {
            let files = data_files(&dir, &format!("/{name}-"));
            assert!(files.len() == 1 && files[0].starts_with("da-"), "{files:?}");
            assert_eq!(table(&db, name), lines(&root.join(name).join("select.jsonl")), "{name}");
        }
    }
}

#[test]
fn views_are_left_out() {
    let temp = tempfile::tempdir().unwrap();
    let from = temp.path().join("corpus");
    for name in ["mv_base", "mv_view"] {
        copy_all(&sample(name), &from.join(name));
    }
    let dir = temp.path().join("db");
    let adopted = adopt(std::slice::from_ref(&from), &dir).unwrap();
    assert_eq!(adopted.tables.len(), 1);
    assert_eq!(
        adopted.warnings,
        ["the materialized view corpus.mv_view is left out: nothing keeps it up here"]
    );
    let db = open(&dir);
    let base = db.table("corpus", "mv_base").unwrap();
    assert_eq!(export(&base), lines(&sample("mv_base").join("select.jsonl")));
    base.delete_partition(1).execute().unwrap();
    assert!(!db.schema().to_cql().contains("VIEW"), "{}", db.schema().to_cql());
    let only = AdoptOptions { tables: vec![("corpus".into(), "mv_view".into())], ..AdoptOptions::default() };
    let error = adopt_as(&[from], &temp.path().join("other"), &only).unwrap_err();
    assert!(error.to_string().contains("a materialized view of mv_base"), "{error}");
}

#[test]
fn a_failed_one_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("corpus");
    for name in ["soup", "altered", "comp_none"] {
        copy_all(&sample(name), &root.join(name));
    }
    let dirs = std::slice::from_ref(&root);
    let into = temp.path().join("db");
    let refused = |how: &AdoptOptions, into: &Path| {
        let before = contents(temp.path());
        let error = adopt_as(dirs, into, how).unwrap_err();
        assert!(contents(temp.path()) == before, "something is left: {error}");
        (error.kind(), error.to_string())
    };
    let plain = AdoptOptions::default();
    // Damage in the last table, when the first is in.
    let data = root.join("soup/da-4-bti-Data.db");
    let good = std::fs::read(&data).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&data, bad).unwrap();
    let extended = AdoptOptions { verification: Verification::Extended, ..AdoptOptions::default() };
    let copying = AdoptOptions { copy: true, ..AdoptOptions::default() };
    for how in [&plain, &extended, &copying] {
        let (kind, text) = refused(how, &into);
        assert!(kind == ErrorKind::Corrupt && text.contains("da-4-bti-Data.db"), "{text}");
    }
    let empty = temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    refused(&plain, &empty);
    let some =
        |name: &str| AdoptOptions { tables: vec![("corpus".into(), name.into())], ..AdoptOptions::default() };
    assert_eq!(refused(&some("soup"), &into).0, ErrorKind::Corrupt);
    assert_eq!(refused(&some("nothing"), &into).0, ErrorKind::NotFound);
    // Not where something is, nor in what is adopted.
    assert_eq!(refused(&plain, &root.join("db")).0, ErrorKind::Invalid);
    std::fs::write(empty.join("notes"), "mine").unwrap();
    let (kind, text) = refused(&plain, &empty);
    assert!(kind == ErrorKind::AlreadyExists && text.contains("notes"), "{text}");
    // An emptied filter hides rows; a file of another release is not passed over.
    std::fs::write(&data, good).unwrap();
    let filter = root.join("soup/da-4-bti-Filter.db");
    let mut bits = std::fs::read(&filter).unwrap();
    let whole = bits.clone();
    bits[8..].fill(0);
    std::fs::write(&filter, bits).unwrap();
    assert!(refused(&plain, &into).1.contains("a filter that excludes it"));
    std::fs::write(&filter, whole).unwrap();
    let strange = root.join("altered/ka-1-big-Data.db");
    std::fs::write(&strange, "").unwrap();
    let (kind, text) = refused(&plain, &into);
    assert!(
        kind == ErrorKind::Unsupported && text.contains("corpus.altered") && text.contains("ka-1"),
        "{text}"
    );
    // The requested table can be read.
    let adopted = adopt_as(dirs, &into, &some("soup")).unwrap();
    assert_eq!(adopted.tables.len(), 1);
    assert_eq!(
        export(&open(&into).table("corpus", "soup").unwrap()),
        lines(&sample("soup").join("select.jsonl"))
    );
    let (kind, text) = refused(&some("soup"), &into);
    assert!(kind == ErrorKind::AlreadyExists && text.contains("already holds a database"), "{text}");
    std::fs::remove_file(strange).unwrap();
    std::fs::remove_file(empty.join("notes")).unwrap();
    assert_eq!(adopt(dirs, &empty).unwrap().tables.len(), 3);
}

#[test]
fn unfinished_transactions_are_not_adopted() {
    let temp = tempfile::tempdir().unwrap();
    let from = temp.path().join("pk_int");
    copy_all(&sample("pk_int"), &from);
    let tables = data_files_of(&from);
    let log = |last: &str| {
        let text = format!("ADD:[/data/corpus/pk_int-1/da-1-bti-,0,8][2896351142]\n{last}");
        std::fs::write(from.join("bti-da_txn_flush_5bc52802-de25-35ed-aeab-188eecebb090.log"), text).unwrap();
    };
    log("");
    let adopted = adopt(std::slice::from_ref(&from), &temp.path().join("without")).unwrap();
    assert_eq!(adopted.tables[0].sstables + 1, tables);
    assert!(adopted.left_out[0].reason.contains("was not committed"), "{adopted:?}");
    log("COMMIT:[,0,0][2613697770]\n");
    let adopted = adopt(&[from], &temp.path().join("with")).unwrap();
    assert_eq!((adopted.tables[0].sstables, adopted.left_out.len()), (tables, 0));
}

fn data_files_of(dir: &Path) -> u64 {
    contents(dir).into_keys().filter(|path| path.to_str().unwrap().ends_with("-Data.db")).count() as u64
}

/// Tables with COMPACT STORAGE keep what they are, and are only read.
#[test]
fn compact_tables_are_adopted_to_be_read() {
    let temp = tempfile::tempdir().unwrap();
    let keyspace =
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";
    // The stored form of such tables, as tables of their own.
    let source = open_new(&temp.path().join("source"));
    source
        .execute_schema(&format!(
            "{keyspace} CREATE TABLE k.dense (p int, c int, v text, PRIMARY KEY (p, c)); \
             CREATE TABLE k.plain (p int, column1 text, value blob, a int static, b text static, \
             PRIMARY KEY (p, column1));"
        ))
        .unwrap();
    source.table("k", "dense").unwrap().insert(1, 2).set("v", "three").execute().unwrap();
    source.table("k", "plain").unwrap().update(1, ()).set("a", 2).set("b", "three").execute().unwrap();
    source.close().unwrap();
    let schema = "CREATE TABLE k.dense (p int, c int, v text, PRIMARY KEY (p, c)) WITH COMPACT STORAGE; \
                  CREATE TABLE k.plain (p int PRIMARY KEY, a int, b text) WITH COMPACT STORAGE;";
    let how = AdoptOptions { schema: Some(schema.to_owned()), ..AdoptOptions::default() };
    let dir = temp.path().join("db");
    let adopted = adopt_as(&[temp.path().join("source/data")], &dir, &how).unwrap();
    assert_eq!(adopted.tables.len(), 2);
    for _ in 0..2 {
        let db = open(&dir);
        let table = |name: &str| db.table("k", name).unwrap();
        assert_eq!(export(&table("dense")), [r#"{"p": 1, "c": 2, "v": "three"}"#]);
        assert_eq!(export(&table("plain")), [r#"{"p": 1, "a": 2, "b": "three"}"#]);
        let error = table("dense").delete(1, ()).execute().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
        db.compact().unwrap();
        db.close().unwrap();
    }
    let error =
        open_new(&temp.path().join("new")).execute_schema(&format!("{keyspace} {schema}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

fn open_new(dir: &Path) -> Database {
    Options::new().background(Background::Manual).open(dir).unwrap()
}
