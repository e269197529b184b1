//! Directories that are not what they look like, or change while they are read.

use std::path::Path;

use helenus::{AdoptOptions, Database, ErrorKind, Foreign, ForeignOptions, IngestOptions};

use crate::corpus::{copy_all, export, sample};

/// A database of ours was taken for a snapshot, since a `schema.cql` lies in it, and became an
/// empty one without a word. Its `data` became one without what was in the log: 1 of 170,401 rows.
#[test]
fn a_database_of_ours_is_not_adopted() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    let db = Database::open(&source).unwrap();
    let schema = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}; \
                  CREATE TABLE k.t (a int PRIMARY KEY, b text);";
    db.execute_schema(schema).unwrap();
    let table = db.table("k", "t").unwrap();
    table.insert(1, ()).set("b", "x").execute().unwrap();
    db.flush().unwrap();
    table.insert(2, ()).set("b", "y").execute().unwrap();
    let data = source.join("data");
    let table_dir = std::fs::read_dir(data.join("k")).unwrap().next().unwrap().unwrap().path();
    let how = AdoptOptions { schema: Some(schema.to_owned()), ..AdoptOptions::default() };
    let into = temp.path().join("into");
    let adopt = |dir: &Path| helenus::adopt(&[dir.to_owned()], &into, &how, &mut |_| {});
    let refused = |dir: &Path, what: &str| {
        let error = adopt(dir).map(drop).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(!into.exists());
        let error = ForeignOptions::new().schema(schema).open(&[dir.to_owned()]).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    };
    refused(&source, "is a database of Helenus");
    for dir in [&data, &data.join("k"), &table_dir] {
        refused(dir, "some of k.t is in the log there and in no SSTable");
    }
    let other = Database::open(temp.path().join("other")).unwrap();
    other.execute_schema(schema).unwrap();
    let ingested = helenus::ingest(
        &other.table("k", "t").unwrap(),
        std::slice::from_ref(&table_dir),
        IngestOptions::default(),
    );
    assert_eq!(ingested.map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    // If the log has nothing, nothing is lost.
    db.close().unwrap();
    assert_eq!(adopt(&table_dir).unwrap().tables.len(), 1);
    assert_eq!(export(&Database::open(&into).unwrap().table("k", "t").unwrap()).len(), 2);
}

/// Of a table that was dropped and made again, `open` and `adopt` refused both, and a look-up by
/// name gave one of the two.
#[test]
fn two_tables_of_one_name() {
    let temp = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(sample("soup").join("schema.cql")).unwrap();
    for digit in ["1", "2"] {
        let dir = temp.path().join(format!("two/corpus/soup-{}", digit.repeat(32)));
        copy_all(&sample("soup"), &dir);
        let id = [8, 4, 4, 4, 12].map(|len| digit.repeat(len)).join("-");
        let own = text.replacen(" WITH ", &format!(" WITH ID = {id} AND "), 1);
        std::fs::write(dir.join("schema.cql"), own).unwrap();
        let alone = Foreign::open(&dir).unwrap();
        alone.open_table("corpus", "soup").unwrap();
    }
    let two = temp.path().join("two");
    let opened = Foreign::open(&two).unwrap();
    let error = opened.open_table("corpus", "soup").map(drop).unwrap_err();
    assert!(error.to_string().contains("there are two tables corpus.soup, with the ids 1"), "{error}");
    assert!(opened.tables.iter().all(|table| table.problem.is_some()));
    let into = temp.path().join("db");
    helenus::adopt(std::slice::from_ref(&two), into, &AdoptOptions::default(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    // A given schema doesn't decide either which is alive.
    let given = ForeignOptions::new().schema(&text).open(&[two]).unwrap();
    given.open_table("corpus", "soup").map(drop).unwrap_err();
}

/// A node that compacts removes SSTables between the listing and the opening of them, which was an
/// error.
#[test]
fn files_that_vanish_are_looked_for_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("corpus/soup");
    std::fs::create_dir_all(&dir).unwrap();
    // Beside it, so that each file appears as a whole.
    let from = temp.path().join("from");
    copy_all(&sample("soup"), &from);
    std::fs::copy(from.join("schema.cql"), dir.join("schema.cql")).unwrap();
    let names =
        std::fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut components: Vec<String> =
        names.filter_map(|name| name.strip_prefix("da-1-bti-").map(str::to_owned)).collect();
    // The data comes last, and goes first.
    components.sort_by_key(|name| name == "Data.db");
    let make = |id: usize| {
        for name in &components {
            let to = dir.join(format!("da-{id}-bti-{name}"));
            std::fs::hard_link(from.join(format!("da-1-bti-{name}")), to).unwrap();
        }
    };
    let remove = |id: usize| {
        for name in components.iter().rev() {
            std::fs::remove_file(dir.join(format!("da-{id}-bti-{name}"))).unwrap();
        }
    };
    make(1);
    let expected = export(&Foreign::open(&dir).unwrap().open_table("corpus", "soup").unwrap());
    // A change is asked for only when the one before has begun: they don't pile up.
    let (go, ids) = std::sync::mpsc::sync_channel::<usize>(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in ids {
                make(id + 1);
                remove(id);
            }
        });
        for id in 1..150 {
            go.send(id).unwrap();
            let opened = Foreign::open(&dir).unwrap();
            assert_eq!(export(&opened.open_table("corpus", "soup").unwrap()), expected, "{id}");
        }
        drop(go);
    });
}

#[test]
fn damaged_sstables_are_left_out_where_that_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("soup");
    copy_all(&sample("soup"), &dir);
    let data = dir.join("da-2-bti-Data.db");
    let mut bytes = std::fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    std::fs::remove_file(dir.join("da-3-bti-Statistics.db")).unwrap();
    let opened = ForeignOptions::new().skip_damaged(true).open(&[dir]).unwrap();
    let table = opened.open_table("corpus", "soup").unwrap();
    assert_eq!(table.metrics().sstables, 4);
    assert!(!export(&table).is_empty());
    let left_out = opened.damaged();
    let names: Vec<_> =
        left_out.iter().map(|left| left.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["da-2-bti-Data.db", "da-3-bti-Data.db"]);
    assert!(left_out[1].reason.contains("is missing"), "{left_out:?}");
}
