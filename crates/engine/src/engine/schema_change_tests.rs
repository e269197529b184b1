//! Columns that are dropped and added again, types that grow, names outside ASCII: what was written
//! before is found, and found where it belongs, in every state of the data.

use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use helenus_sim::{SimClock, SimDisk};
use helenus_sstable::Version;
use helenus_types::Value;

use crate::{Background, Database, Durability, Options, RowPrinter, Select, Table};

const KEYSPACE: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";

fn open(disk: &SimDisk, version: Version) -> Database {
    let options = Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(1_700_000_000_000_000)))
        .durability(Durability::Sync)
        .log_segment_bytes(64 << 10)
        .sstable_version(version)
        .background(Background::Manual);
    options.open("/db").unwrap()
}

fn create(disk: &SimDisk, version: Version, schema: &str) -> (Database, Table) {
    let db = open(disk, version);
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema(schema).unwrap();
    let table = db.table("ks", "t").unwrap();
    (db, table)
}

fn lines(select: &Select) -> Vec<String> {
    let mut rows = select.rows().unwrap();
    let mut found = Vec::new();
    let mut printer: Option<RowPrinter> = None;
    while let Some(row) = rows.next().unwrap() {
        let mut line = String::new();
        printer.get_or_insert_with(|| RowPrinter::json(row.schema())).row(&row, &mut line).unwrap();
        found.push(line.trim_end().to_owned());
    }
    found
}

/// The results of every kind of read for partition 1: a scan, the partition, backwards, slice and
/// point.
fn in_every_way(table: &Table, clustering: i32) -> Vec<String> {
    let all = lines(&table.select());
    assert_eq!(lines(&table.select().key(1)), all);
    assert_eq!(lines(&table.select().key(1).reverse()), all.iter().rev().cloned().collect::<Vec<_>>());
    let slice = table.select().key(1).from(Included(clustering)).to(Excluded(clustering + 1));
    assert_eq!(lines(&table.select().key(1).prefix(clustering)), lines(&slice));
    all
}

/// `ALTER TABLE DROP v` and `ADD v` remember when v was dropped: what is written after that with an
/// older timestamp is hidden, as what was written before. Flushed rows were read so; those in the
/// memtable showed until they were flushed.
#[test]
fn a_column_added_again_hides_old_timestamps_at_once() {
    let disk = SimDisk::new();
    let (db, table) = create(
        &disk,
        Version::WRITABLE[0],
        "CREATE TABLE ks.t (p int, c int, s int static, v int, w int, m set<int>, PRIMARY KEY (p, c));",
    );
    let write = |table: &Table, timestamp: i64, value: i32| {
        let insert = table.insert(1, 1).set("v", value).set("s", value).set("m", vec![value]);
        insert.timestamp(timestamp).execute().unwrap();
    };
    write(&table, 5, 1);
    for column in ["v", "s", "m"] {
        db.execute_schema(&format!("ALTER TABLE ks.t DROP {column}")).unwrap();
    }
    for column in ["v int", "s int static", "m set<int>"] {
        db.execute_schema(&format!("ALTER TABLE ks.t ADD {column}")).unwrap();
    }
    let table = db.table("ks", "t").unwrap();
    let hidden = [r#"{"p": 1, "c": 1, "s": null, "m": null, "v": null, "w": null}"#];
    assert_eq!(in_every_way(&table, 1), hidden);
    write(&table, 6, 2);
    assert_eq!(in_every_way(&table, 1), hidden, "in the memtable");
    // A condition sees the same, and a new cell is visible next to the hidden ones.
    let outcome = table.update(1, 1).set("w", 7).if_("v", crate::Op::Eq, 2).execute().unwrap();
    assert!(!outcome.is_applied());
    table.update(1, 1).set("v", 3).execute().unwrap();
    let shown = [r#"{"p": 1, "c": 1, "s": null, "m": null, "v": 3, "w": null}"#];
    assert_eq!(in_every_way(&table, 1), shown);
    db.close().unwrap();
    drop((db, table));
    let db = open(&disk, Version::WRITABLE[0]);
    let table = db.table("ks", "t").unwrap();
    assert_eq!(in_every_way(&table, 1), shown, "after a restart");
    db.flush().unwrap();
    assert_eq!(in_every_way(&table, 1), shown, "flushed");
    db.compact().unwrap();
    assert_eq!(in_every_way(&table, 1), shown, "compacted");
}

/// A column was dropped at a time that had been taken before its writers were locked out: what they
/// wrote between the two came back with the column.
#[test]
fn a_column_added_again_hides_what_was_written_until_it_was_dropped() {
    let disk = SimDisk::new();
    let (db, table) = create(
        &disk,
        Version::WRITABLE[0],
        "CREATE TABLE ks.t (p int, c int, v int, w int, PRIMARY KEY (p, c))",
    );
    let side = table.writer.database().unwrap();
    let given = side.timestamps.last();
    // The change has its time, and doesn't find its table.
    let tables = side.set.tables.write();
    std::thread::scope(|scope| {
        let dropping = scope.spawn(|| db.execute_schema("ALTER TABLE ks.t DROP v").unwrap());
        while side.timestamps.last() == given {
            std::thread::yield_now();
        }
        table.insert(1, 1).set("v", 2).execute().unwrap();
        drop(tables);
        dropping.join().unwrap();
    });
    db.execute_schema("ALTER TABLE ks.t ADD v int").unwrap();
    let hidden = [r#"{"p": 1, "c": 1, "v": null, "w": null}"#];
    assert_eq!(in_every_way(&table, 1), hidden);
    table.insert(1, 1).set("v", 3).execute().unwrap();
    let shown = [r#"{"p": 1, "c": 1, "v": 3, "w": null}"#];
    assert_eq!(in_every_way(&table, 1), shown);
    // The time is part of the schema that is kept.
    drop((db, table));
    let db = open(&disk, Version::WRITABLE[0]);
    let table = db.table("ks", "t").unwrap();
    assert_eq!(in_every_way(&table, 1), shown, "after a restart");
    db.flush().unwrap();
    assert_eq!(in_every_way(&table, 1), shown, "flushed");
}

fn udt(a: i32, b: &str, c: Option<i32>) -> Value {
    let mut fields = vec![("a".to_owned(), Value::Int(a)), ("b".to_owned(), Value::Text(b.into()))];
    fields.extend(c.map(|c| ("c".to_owned(), Value::Int(c))));
    Value::Udt(fields)
}

/// A point read, a slice and a condition compared the wanted clustering with the rows of a source
/// by the type that the source was written with: fields that the type had got since were not looked
/// at, so that `{a: 1, b: 'x', c: 3}` was found in the row of `{a: 1, b: 'x'}`, and an insert of it
/// `IF NOT EXISTS` was not applied: a lost write.
#[test]
fn a_clustering_type_that_grew_is_compared_with_all_its_fields() {
    for version in Version::WRITABLE {
        let disk = SimDisk::new();
        let db = open(&disk, version);
        db.execute_schema(KEYSPACE).unwrap();
        db.execute_schema("CREATE TYPE ks.u (a int, b text)").unwrap();
        db.execute_schema("CREATE TABLE ks.t (p int, k frozen<u>, v int, f text, PRIMARY KEY (p, k))")
            .unwrap();
        let table = db.table("ks", "t").unwrap();
        // Enough for several blocks in the row index.
        let filler = "f".repeat(4000);
        let put = |table: &Table, key: &Value, v: i32| {
            table.insert(1, key.clone()).set("v", v).set("f", filler.as_str()).execute().unwrap();
        };
        for a in 1..=40 {
            put(&table, &udt(a, "x", None), a);
        }
        db.execute_schema("ALTER TYPE ks.u ADD c int").unwrap();
        let table = db.table("ks", "t").unwrap();
        let check = |table: &Table, state: &str| {
            let found = |select: Select| {
                let values = lines(&select).into_iter().map(|line| {
                    let from = line.find("\"v\": ").unwrap() + 5;
                    line.get(from..).unwrap().split(['}', ',']).next().unwrap().parse::<i32>().unwrap()
                });
                values.collect::<Vec<_>>()
            };
            let point = |a, c| found(table.select().key(1).prefix(udt(a, "x", c)));
            for a in [1, 20, 40] {
                assert_eq!(point(a, None), [a], "{version} {state}");
                assert!(point(a, Some(3)).is_empty(), "{version} {state}: no row has {a} with a third field");
            }
            let slice = || {
                table.select().key(1).from(Included(udt(20, "x", Some(0)))).to(Included(udt(22, "x", None)))
            };
            assert_eq!(found(slice()), [21, 22], "{version} {state}");
            assert_eq!(found(slice().reverse()), [22, 21], "{version} {state}");
            let before = table.select().key(1).to(Excluded(udt(2, "x", Some(1))));
            assert_eq!(found(before), [1, 2], "{version} {state}");
        };
        check(&table, "before the flush");
        db.flush().unwrap();
        check(&table, "flushed");
        let grown = udt(30, "x", Some(4));
        let outcome = table.insert(1, grown.clone()).set("v", 1000).if_not_exists().execute().unwrap();
        assert!(outcome.is_applied(), "{version}: there is no such row");
        let outcome = table.insert(1, udt(30, "x", None)).set("v", 1001).if_not_exists().execute().unwrap();
        assert!(!outcome.is_applied(), "{version}: a field that is null and one that is missing are one");
        check(&table, "beside a memtable");
        // The same rows by keys of the new length: written over those of the old one.
        for a in 38..=40 {
            table.update(1, udt(a, "x", None)).set("v", a).execute().unwrap();
        }
        db.flush().unwrap();
        check(&table, "in two SSTables");
        assert_eq!(lines(&table.select().key(1).prefix(grown.clone())).len(), 1);
        assert_eq!(lines(&table.select()).len(), 41, "{version}");
        db.compact().unwrap();
        check(&table, "compacted");
        assert_eq!(lines(&table.select().key(1).prefix(grown)).len(), 1);
        assert_eq!(lines(&table.select()).len(), 41, "{version}");
    }
}

/// Values of a clustering column may be equal and have other bytes: 1.0 and 1.000, a user type with
/// a field more that is null. A memtable kept the first row's bytes and the second one's length,
/// and the row could not be read any more. The bytes of the first stay, as in Cassandra.
#[test]
fn equal_clusterings_of_other_bytes_are_one_row() {
    let disk = SimDisk::new();
    let (db, table) = create(
        &disk,
        Version::WRITABLE[0],
        "CREATE TABLE ks.t (p int, c decimal, v int, w int, PRIMARY KEY (p, c));",
    );
    let decimal = |text: &str| (text.parse::<helenus_types::Decimal>().unwrap(),);
    for others in [&["1.0"][..], &["1.0", "2"]] {
        for other in others {
            table.insert(1, decimal(other)).set("v", 1).timestamp(1).execute().unwrap();
        }
        table.update(1, decimal("1.000")).set("w", 2).timestamp(2).execute().unwrap();
        table.update(1, decimal("1")).set("w", 3).timestamp(3).execute().unwrap();
        let row = r#"{"p": 1, "c": 1.0, "v": 1, "w": 3}"#;
        assert_eq!(lines(&table.select().key(1)).first().unwrap(), row);
        assert_eq!(lines(&table.select().key(1).prefix(decimal("1.00"))), [row]);
    }
    db.flush().unwrap();
    assert_eq!(lines(&table.select()).len(), 2);
}

/// Cassandra puts names that begin outside ASCII before those inside. Rows were written by the
/// plain order of the names' bytes, so that Cassandra read one column's values as another's.
#[test]
fn names_outside_ascii_come_first() {
    for version in Version::WRITABLE {
        let disk = SimDisk::new();
        let (db, table) = create(
            &disk,
            version,
            "CREATE TABLE ks.t (p int, c int, sa int static, \"sé\" int static, \"ß\" text static, a int, \"é\" text, \
             \"日本\" bigint, \"aé\" int, ab int, b set<int>, \"ö\" set<text>, PRIMARY KEY (p, c));",
        );
        let names = |columns: &helenus_rows::Columns| {
            columns.as_slice().iter().map(|column| column.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(table.schema().regulars()), ["é", "日本", "a", "ab", "aé", "ö", "b"]);
        assert_eq!(names(table.schema().statics()), ["ß", "sa", "sé"]);
        let insert =
            table.insert(1, 1).set("a", 1).set("é", "e").set("日本", 2_i64).set("aé", 3).set("ab", 4);
        insert.set("b", vec![5]).set("ö", vec!["o"]).set("ß", "s").set("sé", 6).execute().unwrap();
        table.update(1, 2).set("é", "only").execute().unwrap();
        let expected = [
            r#"{"p": 1, "c": 1, "ß": "s", "sa": null, "sé": 6, "é": "e", "日本": 2, "a": 1, "ab": 4, "aé": 3, "ö": ["o"], "b": [5]}"#,
            r#"{"p": 1, "c": 2, "ß": "s", "sa": null, "sé": 6, "é": "only", "日本": null, "a": null, "ab": null, "aé": null, "ö": null, "b": null}"#,
        ];
        assert_eq!(in_every_way(&table, 1), expected);
        db.flush().unwrap();
        assert_eq!(in_every_way(&table, 1), expected);
        db.compact().unwrap();
        assert_eq!(in_every_way(&table, 1), expected);
    }
}
