//! Opening a directory: which openers are allowed, and which states of it.

use std::path::Path;

use helenus::{Background, Database, Disk, Durability, ErrorKind, Options};
use helenus_io::read_to_vec;
use helenus_sim::SimDisk;

use crate::run::{DIR, Runner, clock, contents, files, options};
use crate::sweep::difference;
use crate::workload::{Model, Op, data, everything, tables};

/// A database with data in SSTables and in the log.
fn filled(disk: &SimDisk) -> (Runner, Model) {
    let mut runner = Runner::new(disk, Durability::Buffered);
    let mut model = Model::default();
    for op in tables().iter().chain(&data(1, 30)) {
        runner.step(op).unwrap();
        model.apply(op);
    }
    (runner, model)
}

fn plain(disk: &SimDisk) -> Options {
    options(disk, &clock(), Durability::Buffered)
}

fn kind_of(options: Options) -> (ErrorKind, String) {
    let error = options.open(DIR).unwrap_err();
    (error.kind(), error.to_string())
}

fn same(options: Options, model: &Model, what: &str) {
    let db = options.open(DIR).unwrap_or_else(|e| panic!("{what}: {e}"));
    let (found, expected) = (contents(&db).unwrap().0, model.visible());
    assert!(found == expected, "{what}: {}", difference(&expected, &found));
}

#[test]
fn one_writer_at_a_time() {
    let disk = SimDisk::new();
    let (runner, model) = filled(&disk);
    let (kind, text) = kind_of(plain(&disk));
    assert_eq!(kind, ErrorKind::Locked, "{text}");
    assert!(text.contains(DIR) && text.contains("read only"), "{text}");
    // A handle that is left does not keep a closed database.
    let table = runner.db().table("app", "events").unwrap();
    runner.db().close().unwrap();
    same(plain(&disk), &model, "after a close");
    assert_eq!(table.insert(1, 1).set("v", "x").execute().unwrap_err().kind(), ErrorKind::Closed);
    drop((runner, table));
    same(plain(&disk), &model, "after all handles");
}

#[test]
fn presence() {
    let disk = SimDisk::new();
    let (kind, text) = kind_of(plain(&disk).create_if_missing(false));
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    assert_eq!(kind_of(plain(&disk).read_only(true)).0, ErrorKind::NotFound);
    assert!(files(&disk, Path::new("/")).is_empty(), "nothing was made");
    drop(plain(&disk).error_if_exists(true).open(DIR).unwrap());
    let (kind, text) = kind_of(plain(&disk).error_if_exists(true));
    assert_eq!(kind, ErrorKind::AlreadyExists, "{text}");
    drop(plain(&disk).create_if_missing(false).open(DIR).unwrap());
}

#[test]
fn a_newer_directory_is_refused_by_name() {
    let disk = SimDisk::new();
    drop(filled(&disk));
    let path = Path::new(DIR).join("IDENTITY");
    let text = String::from_utf8(read_to_vec(&disk, &path, 4096).unwrap()).unwrap();
    let newer = text.replace("helenus directory 1\n", "helenus directory 2\n");
    assert_ne!(text, newer);
    disk.open_write(&path).unwrap().write_at(0, newer.as_bytes()).unwrap();
    for options in [plain(&disk), plain(&disk).read_only(true)] {
        let (kind, text) = kind_of(options);
        assert_eq!(kind, ErrorKind::Unsupported, "{text}");
        assert!(text.contains("IDENTITY") && text.contains("version 2"), "{text}");
    }
}

#[test]
fn foreign_files_stay() {
    let disk = SimDisk::new();
    let (mut runner, model) = filled(&disk);
    let table = runner.db().table("app", "events").unwrap();
    let dir = Path::new(DIR).join(format!("data/app/events-{}", table.schema().id()));
    drop(table);
    disk.create_dir_all(&dir.join("backups")).unwrap();
    disk.create_dir_all(&Path::new(DIR).join("data/theirs/t-0123")).unwrap();
    let mut foreign = vec![
        dir.join("backups/da-1-bti-Data.db"),
        Path::new(DIR).join("data/theirs/t-0123/da-1-bti-Data.db"),
    ];
    for name in
        ["da-900000-bti-Data.db", "notes.txt", "da-900000-bti-Statistics.db.tmp", "me-1-big-Data.db", "x.tmp"]
    {
        foreign.push(dir.join(name));
    }
    foreign.extend(
        ["README", "commitlog/notes.txt", "commitlog/commitlog-x.log"].map(|name| Path::new(DIR).join(name)),
    );
    for path in &foreign {
        disk.create_new(path).unwrap().write_at(0, b"theirs").unwrap();
    }
    runner.step(&Op::Drop).unwrap();
    runner.step(&Op::Compact("app.events")).unwrap();
    runner.step(&Op::Close).unwrap();
    assert!(contents(runner.db()).unwrap().0 == model.visible());
    runner.step(&Op::Schema("DROP TABLE app.events".to_owned(), crate::workload::Effect::Nothing)).unwrap();
    for _ in 0..2 {
        runner.step(&Op::Close).unwrap();
    }
    for path in &foreign {
        assert_eq!(read_to_vec(&disk, path, 100).unwrap(), b"theirs", "{}", path.display());
    }
}

#[test]
fn a_log_that_somebody_emptied() {
    let disk = SimDisk::new();
    let (mut runner, mut model) = filled(&disk);
    runner.db().close().unwrap();
    let empty = |disk: &SimDisk| {
        let dir = Path::new(DIR).join("commitlog");
        for file in files(disk, &dir) {
            disk.remove_file(&dir.join(file)).unwrap();
        }
    };
    empty(&disk);
    // Nothing was in it: writing goes on.
    runner.step(&Op::Drop).unwrap();
    for op in data(2, 9) {
        runner.step(&op).unwrap();
        model.apply(&op);
    }
    let killed = disk.kill();
    same(plain(&killed.kill()), &model, "with its log");
    empty(&killed);
    for options in [plain(&killed), plain(&killed).read_only(true)] {
        let (kind, text) = kind_of(options);
        assert_eq!(kind, ErrorKind::Corrupt, "{text}");
        assert!(text.contains("commitlog"), "{text}");
    }
    let db = plain(&killed).accept_lost_log(true).open(DIR).unwrap();
    contents(&db).unwrap();
    drop(db);
    drop(plain(&killed).open(DIR).unwrap());
}

/// Options with which nothing is flushed automatically.
fn roomy(disk: &SimDisk) -> Options {
    plain(disk).log_total_bytes(1 << 20).memtable_bytes(4 << 20).memtable_total_bytes(16 << 20)
}

/// A database in whose log 200 acknowledged rows are, in segments of 8 KiB, killed.
fn with_a_long_log() -> SimDisk {
    let disk = SimDisk::new();
    let db = roomy(&disk).durability(Durability::Sync).open(DIR).unwrap();
    db.execute_schema(
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    )
    .unwrap();
    db.execute_schema("CREATE TABLE k.t (id int PRIMARY KEY, v text)").unwrap();
    let table = db.table("k", "t").unwrap();
    for i in 0..200 {
        table.insert(i, ()).set("v", "x".repeat(300)).execute().unwrap();
        db.step().unwrap();
    }
    disk.kill()
}

fn rows_of(db: &Database) -> usize {
    let select = db.table("k", "t").unwrap().select();
    let mut rows = select.rows().unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

/// 200 rows were acknowledged as durable, then a file of the log was removed: `export` gave 156 of
/// them and exit 0, and a flush made the loss permanent.
#[test]
fn a_segment_of_the_log_that_is_missing() {
    let killed = with_a_long_log();
    let plain = roomy;
    assert_eq!(rows_of(&plain(&killed.kill()).open(DIR).unwrap()), 200);
    let dir = Path::new(DIR).join("commitlog");
    let names = files(&killed, &dir);
    assert!(names.len() > 6, "{names:?}");
    let mut spares = 0;
    for name in &names {
        let disk = killed.kill();
        disk.remove_file(&dir.join(name)).unwrap();
        if plain(&disk).read_only(true).open(DIR).is_ok_and(|db| rows_of(&db) == 200) {
            spares += 1;
            continue;
        }
        for options in [plain(&disk).read_only(true), plain(&disk)] {
            let (kind, text) = kind_of(options);
            assert_eq!(kind, ErrorKind::Corrupt, "{text}");
            assert!(text.contains(name.to_str().unwrap()) && text.contains("accept_lost_log"), "{text}");
        }
        let db = plain(&disk).accept_lost_log(true).open(DIR).unwrap();
        let left = rows_of(&db);
        assert!(left < 200 && left > 100, "{left} rows without {name:?}");
        drop(db);
        assert_eq!(rows_of(&plain(&disk).open(DIR).unwrap()), left, "what was accepted stays so");
    }
    assert!(spares <= 2, "{spares} of {names:?}");
}

/// A copy of a live database holds files of different moments. A table's SSTables of a later moment
/// than the log would show its newest rows without other tables' older ones.
#[test]
fn a_log_that_is_older_than_the_tables() {
    let disk = with_a_long_log();
    let dir = Path::new(DIR).join("commitlog");
    let db = roomy(&disk).open(DIR).unwrap();
    let table = db.table("k", "t").unwrap();
    let insert = |i: i32| table.insert(i, ()).set("v", "y").execute().unwrap();
    insert(300);
    db.sync().unwrap();
    let earlier = disk.kill();
    insert(301);
    db.flush().unwrap();
    let copy = disk.kill();
    drop((table, db));
    assert_eq!(rows_of(&plain(&copy.kill()).open(DIR).unwrap()), 202);
    for name in files(&copy, &dir) {
        copy.remove_file(&dir.join(name)).unwrap();
    }
    for name in files(&earlier, &dir) {
        let bytes = read_to_vec(&earlier, &dir.join(&name), 1 << 20).unwrap();
        copy.create_new(&dir.join(&name)).unwrap().write_at(0, &bytes).unwrap();
    }
    let (kind, text) = kind_of(plain(&copy));
    assert_eq!(kind, ErrorKind::Corrupt, "{text}");
    assert!(text.contains("the log ends in segment"), "{text}");
    assert_eq!(rows_of(&plain(&copy).accept_lost_log(true).open(DIR).unwrap()), 202);
}

#[test]
fn readers_beside_a_writer() {
    let disk = SimDisk::new();
    let mut runner = Runner::new(&disk, Durability::Buffered);
    let mut model = Model::default();
    for op in everything(21) {
        runner.step(&op).unwrap();
        model.apply(&op);
        let before = disk.changes();
        let reader =
            plain(&disk).read_only(true).open(DIR).unwrap_or_else(|e| panic!("after {op:.80?}: {e}"));
        let found = contents(&reader).unwrap().0;
        assert!(found == model.visible(), "after {op:.80?}: {}", difference(&model.visible(), &found));
        if let Ok(table) = reader.table("app", "notes") {
            let refused = table.insert(1, ()).set("body", "x").execute().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ReadOnly);
            assert_eq!(table.truncate().unwrap_err().kind(), ErrorKind::ReadOnly);
        }
        assert_eq!(
            reader.execute_schema("DROP KEYSPACE app").map_err(|e| e.kind()),
            Err(ErrorKind::ReadOnly)
        );
        reader.close().unwrap();
        assert_eq!(disk.changes(), before, "a reader changes nothing");
    }
}

/// Rows in the log of a release that laid columns out by the bytes of their names were read in
/// today's order: values landed in the wrong columns, or the database didn't open. They stay in the
/// old log until they are flushed.
#[test]
fn a_log_of_an_earlier_order_of_columns() {
    let expected = [
        r#"{"p": 1, "c": 1, "ß": 5, "s": "static", "é": null, "日本": "f", "a": 1, "aé": null, "b": {"k": 6}, "z": "flushed", "ä": null, "ö": [1, 2]}"#,
        r#"{"p": 1, "c": 2, "ß": 5, "s": "static", "é": 22, "日本": "j2", "a": 2, "aé": true, "b": {"k": 5}, "z": "z2", "ä": ["x", "y"], "ö": [7]}"#,
        r#"{"p": 1, "c": 3, "ß": 5, "s": "static", "é": 33, "日本": null, "a": null, "aé": null, "b": null, "z": null, "ä": null, "ö": null}"#,
        r#"{"p": 1, "c": 4, "ß": 5, "s": "static", "é": null, "日本": null, "a": null, "aé": false, "b": null, "z": "z4", "ä": null, "ö": null}"#,
        r#"{"p": 2, "c": 5, "ß": null, "s": null, "é": 1, "日本": null, "a": 9, "aé": null, "b": null, "z": null, "ä": null, "ö": null}"#,
        r#"{"p": 4, "c": 1, "ß": null, "s": null, "é": null, "日本": "batch", "a": 4, "aé": null, "b": null, "z": null, "ä": null, "ö": null}"#,
    ];
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/by-bytes-log");
    let place = dir.path().join("db");
    assert!(std::process::Command::new("cp").arg("-r").args([&from, &place]).status().unwrap().success());
    let check = |db: &Database, when: &str| {
        let mut found = Vec::new();
        let table = db.table("ks", "t").unwrap();
        let mut printer = helenus::RowPrinter::json(&table.schema());
        let mut rows = table.select().into_rows().unwrap();
        while let Some(row) = rows.next().unwrap() {
            let mut line = String::new();
            printer.row(&row, &mut line).unwrap();
            found.push(line.trim_end().to_owned());
        }
        found.sort();
        assert_eq!(found, expected, "{when}");
        let plain = db.table("ks", "plain").unwrap();
        assert_eq!(plain.get(4, ()).unwrap().unwrap().get::<String>("v").unwrap(), "batch", "{when}");
    };
    let open = || Options::new().background(Background::Manual).open(&place).unwrap();
    check(&Options::new().read_only(true).open(&place).unwrap(), "to read only");
    for when in ["at first", "again, from the old log and a new one"] {
        let db = open();
        check(&db, when);
        // Not closed: the log is replayed once more.
        let plain = db.table("ks", "plain").unwrap();
        plain.insert(5, ()).set("v", "new").execute().unwrap();
    }
    let db = open();
    db.flush().unwrap();
    check(&db, "flushed");
    db.compact().unwrap();
    check(&db, "compacted");
    db.close().unwrap();
    drop(db);
    check(&open(), "closed and opened");
}
