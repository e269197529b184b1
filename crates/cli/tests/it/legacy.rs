//! The tables that Cassandra's releases since 3.0 left for its own tests: every version, every row,
//! by value.

use std::path::{Path, PathBuf};

use crate::corpus::whole;
use crate::tool::helenus;

/// The definitions of the time. Those `WITH COMPACT STORAGE` are shown as Cassandra 5.0 shows them:
/// what it keeps besides is hidden, and a partition without clustering is a row.
const SCHEMA: &str = "
    CREATE TABLE t.simple (pk text PRIMARY KEY, val text);
    CREATE TABLE t.simple_counter (pk text PRIMARY KEY, val counter);
    CREATE TABLE t.clust (pk text, ck text, val text, PRIMARY KEY (pk, ck));
    CREATE TABLE t.clust_counter (pk text, ck text, val counter, PRIMARY KEY (pk, ck));
    CREATE TABLE t.simple_compact (pk text PRIMARY KEY, val text) WITH COMPACT STORAGE;
    CREATE TABLE t.simple_counter_compact (pk text PRIMARY KEY, val counter) WITH COMPACT STORAGE;
    CREATE TABLE t.clust_compact (pk text, ck text, val text, PRIMARY KEY (pk, ck)) WITH COMPACT STORAGE;
    CREATE TABLE t.clust_counter_compact (pk text, ck text, val counter, PRIMARY KEY (pk, ck)) WITH COMPACT STORAGE;
    CREATE TABLE t.dropped (pk text PRIMARY KEY, val text) WITH COMPACT STORAGE;
    ALTER TABLE t.dropped DROP COMPACT STORAGE;
    CREATE TABLE t.min_max (k int, c1 int, c2 int, c3 int, v int, PRIMARY KEY (k, c1, c2, c3));
    CREATE TABLE t.duplicates (pk int, ck int, c int, PRIMARY KEY (pk, ck));
    CREATE TABLE t.table1 (pk int PRIMARY KEY, a int, b int);
    CREATE TABLE t.table2 (pk int, a int, b int, PRIMARY KEY (pk, a));
    CREATE TABLE t.table3 (pk int PRIMARY KEY, a int, b set<text>);
    CREATE TABLE t.table4 (pk int, a int, b set<text>, PRIMARY KEY (pk, a));
    CREATE TABLE t.invalid (id int, id2 int, b text, PRIMARY KEY (id, id2));";

/// Where the values of `clust` and `clust_compact` begin, in the versions that have them.
const VALUES: [(&str, &str, &str); 10] = [
    ("ma", "ftzoazjbohvmcdap", "jwqwvlwohwpcijvm"),
    ("mb", "xhjslncmrlawwklk", "xhjslncmrlawwklk"),
    ("mc", "lcwqmhfwfoddagjt", "lcwqmhfwfoddagjt"),
    ("md", "rmutqivrrhbtaatv", "rmutqivrrhbtaatv"),
    ("me", "oixgnbacuexwrsuu", "oixgnbacuexwrsuu"),
    ("na", "tilwrdsqcbziyboa", "ahjeneczajzidcri"),
    ("nb", "lxvwpnwfbdpmayju", ""),
    ("nc", "gcnersapjsyifswd", ""),
    ("oa", "rvuxpepvjxefzigb", ""),
    ("da", "wxappmnfhjwtvqhx", ""),
];

struct Corpus {
    root: PathBuf,
    schema: tempfile::NamedTempFile,
}

impl Corpus {
    /// The whole, or where there is none, with a note, the little that is committed.
    fn find() -> Corpus {
        let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
        let root = whole().unwrap_or_else(committed).join("legacy");
        let schema = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(schema.path(), SCHEMA).unwrap();
        Corpus { root, schema }
    }

    /// Whether there is that folder.
    fn has(&self, dir: &str) -> bool {
        self.root.join(dir).exists()
    }

    fn run(&self, command: &str, dir: &str, table: &str, rest: &[&str]) -> Vec<String> {
        let schema = self.schema.path().to_str().unwrap();
        let (dir, table) = (self.root.join(dir), format!("t.{table}"));
        let mut args = vec![command, "--schema", schema, dir.to_str().unwrap(), &table];
        args.extend(rest);
        helenus(args).ok().lines().map(str::to_owned).collect()
    }

    fn export(&self, dir: &str, table: &str) -> Vec<String> {
        self.run("export", dir, table, &[])
    }

    fn get(&self, dir: &str, table: &str, rest: &[&str]) -> Vec<String> {
        self.run("get", dir, table, rest)
    }
}

/// The clusterings of each partition: a number and 1,200 digits, as texts in order.
fn clusterings() -> Vec<String> {
    let mut all: Vec<String> =
        (0..50).map(|number| format!("{number}{}", "0123456789".repeat(120))).collect();
    all.sort();
    all
}

fn val_of(line: &str) -> &str {
    line.rsplit_once("\"val\": ").unwrap().1.trim_end_matches('}')
}

/// Checks a table of 250 rows, whose values `is_value` knows.
fn check_clust(corpus: &Corpus, dir: &str, table: &str, is_value: &dyn Fn(&str) -> bool) {
    let lines = corpus.export(dir, table);
    assert_eq!(lines.len(), 250, "{dir}");
    let (val, clusterings) = (val_of(&lines[0]).to_owned(), clusterings());
    assert!(is_value(&val), "{dir}: {val}");
    let keys = (0..5).flat_map(|pk| clusterings.iter().map(move |ck| (pk, ck)));
    let row = |pk, ck: &str| format!("{{\"pk\": \"{pk}\", \"ck\": \"{ck}\", \"val\": {val}}}");
    for (line, (pk, ck)) in lines.iter().zip(keys) {
        assert_eq!(*line, row(pk, ck), "{dir}");
    }
    // Reads of a key, of a partition in either direction, of several clusterings, of slices.
    for pk in [0, 4] {
        let literal = format!("'{pk}'");
        let of_partition = &lines[pk * 50..pk * 50 + 50];
        assert_eq!(corpus.get(dir, table, &["--", &literal]), of_partition, "{dir}");
        let mut reversed = corpus.get(dir, table, &["--reverse", "--", &literal]);
        reversed.reverse();
        assert_eq!(reversed, of_partition, "{dir}");
        for at in [0, 17, 49] {
            let ck = format!("'{}'", clusterings[at]);
            let found = corpus.get(dir, table, &["--", &literal, &ck]);
            assert_eq!(found, of_partition[at..=at], "{dir}");
        }
        let [from, to] = [20, 30].map(|at: usize| format!("'{}'", clusterings[at]));
        let slice = corpus.get(dir, table, &["--from", &from, "--to", &to, "--", &literal]);
        assert_eq!(slice, of_partition[20..=30], "{dir}");
        let newest = corpus.get(dir, table, &["--reverse", "--limit", "3", "--to", &to, "--", &literal]);
        assert_eq!(newest, [30, 29, 28].map(|at| of_partition[at].clone()), "{dir}");
        assert!(corpus.get(dir, table, &["--", &literal, "'absent'"]).is_empty(), "{dir}");
    }
    assert!(corpus.get(dir, table, &["--", "'absent'"]).is_empty(), "{dir}");
}

fn check_simple(corpus: &Corpus, dir: &str, table: &str, val: &str) {
    let expected: Vec<String> = (0..5).map(|pk| format!("{{\"pk\": \"{pk}\", \"val\": {val}}}")).collect();
    assert_eq!(corpus.export(dir, table), expected, "{dir}");
    for (pk, line) in expected.iter().enumerate() {
        assert_eq!(corpus.get(dir, table, &["--", &format!("'{pk}'")]), std::slice::from_ref(line), "{dir}");
    }
    assert!(corpus.get(dir, table, &["--", "'5'"]).is_empty(), "{dir}");
}

#[test]
fn every_version_is_read_by_value() {
    let corpus = Corpus::find();
    let mut tables = 0;
    for (version, clust, clust_compact) in VALUES {
        let dir = |table: &str| format!("{version}/legacy_{version}_{table}");
        let text = |start: &'static str| {
            move |val: &str| {
                val.len() == 130
                    && val.starts_with(&format!("\"{start}"))
                    && val.trim_matches('"').bytes().all(|byte| byte.is_ascii_lowercase())
            }
        };
        let one = |val: &str| val == "1";
        for compact in ["", "_compact"] {
            let (simple, counter) = (format!("simple{compact}"), format!("simple_counter{compact}"));
            if corpus.has(&dir(&simple)) {
                check_simple(&corpus, &dir(&simple), &simple, "\"foo bar baz\"");
                check_simple(&corpus, &dir(&counter), &counter, "1");
                tables += 2;
            }
        }
        for (compact, start) in [("", clust), ("_compact", clust_compact)] {
            let (words, counter) = (format!("clust{compact}"), format!("clust_counter{compact}"));
            if corpus.has(&dir(&words)) {
                check_clust(&corpus, &dir(&words), &words, &text(start));
                check_clust(&corpus, &dir(&counter), &counter, &one);
                tables += 2;
            }
        }
        if corpus.has(&dir("simple_compact")) {
            let shown = corpus.export(&dir("simple_compact"), "dropped");
            let all = "{\"pk\": \"4\", \"column1\": null, \"val\": \"foo bar baz\", \"value\": null}";
            assert_eq!(shown[4], all);
        }
    }
    println!("{tables} tables");
    assert!(tables == if corpus.has("ma") { 64 } else { 4 }, "{tables}");
}

/// Statistics of `mc` and before say where rows are, and leave out range deletions: a slice must
/// not be skipped by them (CASSANDRA-14861).
#[test]
fn bounds_that_leave_out_a_range_deletion_are_not_believed() {
    let (corpus, dir) = (Corpus::find(), "mc/legacy_mc_inaccurate_min_max");
    if !corpus.has(dir) {
        return;
    }
    let row = "{\"k\": 100, \"c1\": 4, \"c2\": 4, \"c3\": 4, \"v\": 4}";
    assert_eq!(corpus.export(dir, "min_max"), [row]);
    assert_eq!(corpus.get(dir, "min_max", &["--", "100", "4"]), [row]);
    assert!(corpus.get(dir, "min_max", &["--", "100", "1", "1"]).is_empty());
    let table = helenus::open_sstables(corpus.root.join(dir), SCHEMA, "t", "min_max").unwrap();
    let select = table.select().key((100,)).prefix((1, 1));
    let mut stream = select.unfiltered().unwrap();
    assert!(stream.next_partition().unwrap());
    let mut markers = 0;
    while stream.advance().unwrap() {
        // A bound of the slice's two values, where a row has four.
        assert_eq!(stream.current().unwrap().position().size, 2);
        markers += 1;
    }
    assert_eq!(markers, 2, "the deletion's start and end, cut to the slice");
}

/// Expirations past 2038 were stored as a negative second, which Cassandra reads as one that never
/// comes (CASSANDRA-14092).
#[test]
fn overflowed_expirations_are_alive() {
    let corpus = Corpus::find();
    let dir = |number: u32| format!("negative-local-expiration-test/table{number}");
    if !corpus.has(&dir(1)) {
        return;
    }
    let set = |pk: u32| format!("[\"v{pk}1\", \"v{pk}2\", \"v{pk}3\", \"v{pk}4\"]");
    let (first, second) = (set(1), set(2));
    for (number, expected) in [
        (1, ["{\"pk\": 1, \"a\": 1, \"b\": 1}".to_owned(), "{\"pk\": 2, \"a\": 2, \"b\": null}".to_owned()]),
        (2, ["{\"pk\": 1, \"a\": 1, \"b\": 1}".to_owned(), "{\"pk\": 2, \"a\": 2, \"b\": null}".to_owned()]),
        (
            3,
            [
                format!("{{\"pk\": 1, \"a\": 1, \"b\": {first}}}"),
                format!("{{\"pk\": 2, \"a\": 2, \"b\": {second}}}"),
            ],
        ),
        (
            4,
            [
                format!("{{\"pk\": 1, \"a\": 1, \"b\": {first}}}"),
                format!("{{\"pk\": 2, \"a\": 2, \"b\": {second}}}"),
            ],
        ),
    ] {
        let table = format!("table{number}");
        assert_eq!(corpus.export(&dir(number), &table), expected, "{table}");
        assert_eq!(corpus.get(&dir(number), &table, &["--", "2"]), expected[1..], "{table}");
    }
}

/// Negative deletion times, and a row that is there several times: read, as Cassandra does unless
/// it is configured to check (`corrupted_tombstone_strategy`, CASSANDRA-17506); `verify` finds
/// them.
#[test]
fn what_is_invalid_is_read_and_found_by_verify() {
    let (corpus, ldts) = (Corpus::find(), "negative-ldts-invalid-deletions-test");
    if !corpus.has(ldts) {
        return;
    }
    for (dir, rows, finding) in [
        ("invalid_partition_deletion", 2, "a negative one"),
        ("invalid_tombstones", 3, "a negative one"),
        ("invalid_range_tombstone_reader", 100, "a negative one"),
        ("invalid_range_tombstone_compaction", 3, "a negative one"),
        ("cf_with_duplicates_3_0", 1, "not after the last one"),
    ] {
        let (dir, table) = match dir.strip_prefix("invalid_") {
            Some(_) => (format!("{ldts}/{dir}"), "invalid"),
            None => (format!("invalid-legacy-sstables/Keyspace1/{dir}"), "duplicates"),
        };
        assert_eq!(corpus.export(&dir, table).len(), rows, "{dir}");
        let path = corpus.root.join(&dir);
        let found = helenus(["sstable", "verify", path.to_str().unwrap()]);
        assert_eq!(found.code, 1, "{dir}");
        assert!(found.out.contains(finding), "{dir}: {}", found.out);
    }
}

/// Whatever is in a file: its name shows its writer.
#[test]
fn versions_that_are_not_read_are_refused_with_the_release() {
    let temp = tempfile::tempdir().unwrap();
    let refused = |path: &Path, by: &str| {
        let failed = helenus(["sstable", "dump", path.to_str().unwrap()]).failed(1);
        assert!(failed.contains(by), "{}: {failed}", path.display());
    };
    for (name, by) in [
        ("Keyspace1-Standard1-ic-0-Data.db", "Cassandra 1.2"),
        ("ks-cf-jb-1-Data.db", "Cassandra 2.0"),
        ("ks-cf-ka-1-Data.db", "Cassandra 2.1"),
        ("la-1-big-Data.db", "Cassandra 2.2"),
        ("pa-1-big-Data.db", "Cassandra 6.0"),
        ("ea-1-bti-Data.db", "Cassandra 6.0"),
        ("eb-1-bti-Data.db", "Cassandra 6.0"),
        ("ms-1-big-Data.db", "ScyllaDB"),
        ("aa-1-bti-Data.db", "DataStax Enterprise"),
    ] {
        let dir = temp.path().join(name.trim_end_matches("-Data.db"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join(name), "").unwrap();
        refused(&dir.join(name), by);
        let schema = dir.join("schema.cql");
        std::fs::write(&schema, SCHEMA).unwrap();
        let (schema, dir) = (schema.to_str().unwrap(), dir.to_str().unwrap());
        let failed = helenus(["export", "--schema", schema, dir, "t.simple"]).failed(1);
        assert!(failed.contains(by), "{name}: {failed}");
    }
    let Some(root) = whole() else { return };
    let old =
        root.join("legacy/invalid-legacy-sstables/Keyspace1/Standard1/Keyspace1-Standard1-ic-0-Data.db");
    refused(&old, "Cassandra 1.2");
}
