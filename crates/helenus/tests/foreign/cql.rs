//! CQL over what a node wrote: what a session answers equals what the node answered.

use std::path::{Path, PathBuf};

use helenus::cql::ErrorCode;
use helenus::{Database, Foreign, ForeignOptions, Options, Session};

use crate::corpus::{contents, corpus, lines, sample};

/// All rows as `SELECT JSON *` returns them, page by page.
fn select_json(session: &Session, table: &str, page: usize) -> Vec<String> {
    let mut options = helenus::cql::QueryOptions { page_size: Some(page), ..Default::default() };
    let mut all = Vec::new();
    loop {
        let answer = session.execute_with(&format!("SELECT JSON * FROM {table}"), (), &options);
        let mut rows = answer.unwrap_or_else(|error| panic!("{table}: {error}")).into_rows().unwrap();
        while let Some(row) = rows.next().unwrap() {
            all.push(row.get::<String>(0).unwrap());
        }
        options.paging_state = rows.paging_state().map(<[u8]>::to_vec);
        if options.paging_state.is_none() {
            return all;
        }
    }
}

/// The tables' folders of one version.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.join("select.jsonl").exists()).collect();
    found.sort();
    found
}

/// Compares the answers on one table's folder with the node's.
fn check_folder(dir: &Path) {
    let schema = std::fs::read_to_string(dir.join("schema.cql")).unwrap();
    let foreign = ForeignOptions::new().schema(&schema).open(&[dir.to_owned()]).unwrap();
    let found = foreign.tables.first().unwrap();
    let name = format!("\"{}\".\"{}\"", found.keyspace, found.name);
    let session = Session::new(&foreign.database());
    let expected = lines(&dir.join("select.jsonl"));
    // Not at once: the corpus has tables of thousands of rows, which are slow row by row.
    for page in [expected.len().max(1), 100] {
        let rows = select_json(&session, &name, page);
        assert!(rows == expected, "{}: {rows:#?}\nexpected {expected:#?}", dir.display());
    }
    let count = session.execute(&format!("SELECT count(*) FROM {name}"), ()).unwrap();
    let count: i64 = count.into_rows().unwrap().next().unwrap().unwrap().get(0).unwrap();
    assert_eq!(count, i64::try_from(expected.len()).unwrap(), "{}", dir.display());
}

#[test]
fn a_folder_answers_as_the_node_did() {
    let committed = sample("altered");
    let versions = committed.parent().unwrap().parent().unwrap();
    let mut checked = 0;
    for version in std::fs::read_dir(versions).unwrap() {
        for dir in folders(&version.unwrap().path()) {
            check_folder(&dir);
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked} folders");
}

#[test]
fn every_folder_of_the_corpus_answers_as_the_node_did() {
    for version in ["da", "oa", "nb"] {
        let Some(root) = corpus(version) else { return };
        folders(&root).iter().for_each(|dir| check_folder(dir));
    }
}

#[test]
fn a_data_directory_answers_as_the_node_did() {
    let Some(root) = corpus("snapshot") else { return };
    let before = contents(&root);
    let foreign = Foreign::open(root.join("data")).unwrap();
    let session = Session::new(&foreign.database());
    for (name, cql) in [
        ("Fleet.Trips", "\"Fleet\".\"Trips\""),
        ("chat.messages", "chat.messages"),
        ("chat.totals", "chat.totals"),
    ] {
        let expected = lines(&root.join(format!("select/{name}.jsonl")));
        assert_eq!(select_json(&session, cql, 3), expected, "{name}");
    }
    let error = session.execute("TRUNCATE chat.messages", ()).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (ErrorCode::Invalid, READ_ONLY));
    assert!(contents(&root) == before, "something was written");
}

const READ_ONLY: &str = "the database was opened to read only";

/// What writes is refused, whatever is only read.
#[test]
fn what_is_only_read_is_not_written() {
    let temp = tempfile::tempdir().unwrap();
    let database = Database::open(temp.path()).unwrap();
    let session = Session::new(&database);
    for statement in [
        "CREATE KEYSPACE corpus WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE corpus.altered (p int, c int, v int, PRIMARY KEY (p, c))",
        "INSERT INTO corpus.altered (p, c, v) VALUES (1, 2, 3)",
    ] {
        session.execute(statement, ()).unwrap();
    }
    database.close().unwrap();
    let foreign = Foreign::open(sample("altered")).unwrap();
    let ours = Options::new().read_only(true).open(temp.path()).unwrap();
    for database in [foreign.database(), ours] {
        let session = Session::new(&database);
        session
            .execute("SELECT v FROM corpus.altered WHERE p = 1 AND c = 2", ())
            .unwrap()
            .into_rows()
            .unwrap();
        for statement in [
            "INSERT INTO corpus.altered (p, c, v) VALUES (1, 2, 4)",
            "UPDATE corpus.altered SET v = 4 WHERE p = 1 AND c = 2 IF EXISTS",
            "DELETE FROM corpus.altered WHERE p = 1",
            "BEGIN BATCH DELETE FROM corpus.altered WHERE p = 1 APPLY BATCH",
            "CREATE TABLE corpus.other (k int PRIMARY KEY)",
            "DROP TABLE corpus.altered",
            "TRUNCATE corpus.altered",
        ] {
            let error = session.execute(statement, ()).expect_err(statement);
            assert_eq!(error.code(), ErrorCode::Invalid, "{statement}: {error}");
            assert!(
                error.to_string().contains("read only") || error.to_string().contains("not a database"),
                "{statement}: {error}"
            );
        }
    }
}
