//! The contents of rows: typed values, times of cells, copies.

use std::collections::BTreeMap;

use helenus_types::{Partitioner, Timestamp, Value};

use super::{NOW, create};
use crate::ErrorKind;

const TABLE: &str = "CREATE TABLE ks.t (p int, q text, c int, s text static, v bigint, m map<text, int>, l list<int>, \
                     n blob, PRIMARY KEY ((p, q), c))";

#[test]
fn values_are_read_as_types() {
    let (db, table) = create(TABLE);
    table.update((1, "x"), ()).set("s", "static").execute().unwrap();
    table
        .insert((1, "x"), 5)
        .set("v", 7i64)
        .set("m", BTreeMap::from([("a", 1), ("b", 2)]))
        .set("l", [3, 1, 2])
        .execute()
        .unwrap();
    for _ in 0..2 {
        let mut rows = table.select().key((1, "x")).rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        let copy = row.to_row();
        for row in [row, copy.view(), copy.clone().view()] {
            assert_eq!(row.get::<i32>("p").unwrap(), 1);
            assert_eq!(row.get::<&str>("q").unwrap(), "x");
            assert_eq!(row.get::<i64>("c").unwrap(), 5);
            assert_eq!(row.get::<String>("s").unwrap(), "static");
            assert_eq!(row.get::<i64>("v").unwrap(), 7);
            assert_eq!(row.get::<BTreeMap<&str, i32>>("m").unwrap(), BTreeMap::from([("a", 1), ("b", 2)]));
            assert_eq!(row.get::<Vec<i32>>("l").unwrap(), [3, 1, 2]);
            assert_eq!(row.get::<Option<&[u8]>>("n").unwrap(), None);
            assert_eq!(row.value("n").unwrap(), Value::Null);
            assert_eq!(row.token(), Partitioner::murmur3_token(row.partition_key()));
            for (column, problem) in [("x", "no column"), ("n", "null"), ("s", "column s")] {
                let error = row.get::<i64>(column).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.to_string().contains(problem), "{error}");
            }
            // By index: p, q, c, s, then the regular ones in the schema's order, simple before
            // complex.
            assert_eq!(row.get::<i32>(0).unwrap(), 1);
            assert_eq!(row.get::<i32>(2).unwrap(), 5);
            assert_eq!(row.get::<&str>(3).unwrap(), "static");
            assert_eq!(row.get::<i64>(5).unwrap(), 7);
            assert_eq!(row.get::<Value>(8).map_err(|e| e.kind()), Err(ErrorKind::Invalid));
        }
        let mut rows = table.select().key((1, "x")).columns(&["v", "p", "l"]).rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), 7);
        assert_eq!(row.get::<i32>(1).unwrap(), 1);
        assert_eq!(row.get::<Vec<i64>>(2).unwrap(), [3, 1, 2]);
        assert!(row.get::<Value>(3).is_err());
        assert_eq!(row.get::<Option<&str>>("s").unwrap(), None, "it was not asked for");
        db.flush().unwrap();
    }
}

#[test]
fn rows_are_got_by_their_whole_key() {
    let (_db, table) = create(TABLE);
    table.insert((1, "x"), 5).set("v", 7i64).execute().unwrap();
    let row = table.get((1, "x"), 5).unwrap().unwrap();
    assert_eq!(row.get::<i64>("v").unwrap(), 7);
    assert!(table.get((1, "x"), 6).unwrap().is_none());
    assert!(table.get((1, "y"), 5).unwrap().is_none());
    for error in [table.get((1, "x"), ()).unwrap_err(), table.get((1, "x"), (1, 2)).unwrap_err()] {
        assert!(error.to_string().contains("1 clustering columns (c)"), "{error}");
    }
    assert!(table.get(1, 5).is_err());
}

#[test]
fn cells_tell_their_times() {
    let (db, table) = create(TABLE);
    let key = (1, "x");
    table.insert(key, 1).set("v", 7i64).timestamp(100).ttl(60).execute().unwrap();
    table.update(key, 1).put("m", "a", 1).timestamp(200).execute().unwrap();
    table.update(key, 1).put("m", "b", 2).timestamp(300).ttl(90).execute().unwrap();
    for _ in 0..2 {
        let now = u32::try_from(NOW).unwrap() + 20;
        let mut rows = table.select().key(key).now_seconds(now).rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.now_seconds(), now);
        assert_eq!(row.writetime("v").unwrap(), Some(Timestamp(100)));
        assert_eq!(row.ttl("v").unwrap(), Some(40));
        assert_eq!(row.writetime("s").unwrap(), None);
        assert_eq!(row.ttl("n").unwrap(), None);
        let mut found = Vec::new();
        let mut elements = row.elements("m").unwrap();
        while let Some((_, cell)) = elements.next().unwrap() {
            found.push((cell.path.to_vec(), cell.timestamp.0, cell.remaining_ttl(now)));
        }
        assert_eq!(found, [(b"a".to_vec(), 200, None), (b"b".to_vec(), 300, Some(70))]);
        assert_eq!(row.element("m", b"b").unwrap().unwrap().timestamp, Timestamp(300));
        assert_eq!(row.element("m", b"c").unwrap(), None);
        assert!(row.writetime("m").unwrap_err().to_string().contains("elements()"));
        assert!(row.ttl("p").is_err() && row.writetime("c").is_err() && row.elements("q").is_err());
        // As of a later second what expired is gone.
        let mut rows = table.select().key(key).now_seconds(now + 60).rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!((row.ttl("v").unwrap(), row.value("v").unwrap()), (None, Value::Null));
        assert_eq!(row.get::<BTreeMap<String, i32>>("m").unwrap().len(), 2);
        db.flush().unwrap();
    }
}
