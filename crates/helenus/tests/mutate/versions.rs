//! SSTables of the version that a table or the database names, together with those of other
//! versions.

use std::path::Path;
use std::sync::Arc;

use helenus::{
    Background, Clock, Database, Disk, Durability, ErrorKind, LateDeletionTimes, Options, Table, Value,
    Version,
};
use helenus_sim::{SimClock, SimDisk};

/// 2026-11-29.
const NOW: i64 = 1_795_910_400;
/// 2038-01-19T03:14:06Z.
const LATEST: i64 = i32::MAX as i64 - 1;
const TWENTY_YEARS: u32 = 630_720_000;

struct World {
    disk: SimDisk,
    clock: Arc<SimClock>,
}

impl World {
    fn new() -> Self {
        Self { disk: SimDisk::new(), clock: Arc::new(SimClock::new(NOW * 1_000_000)) }
    }

    fn options(&self) -> Options {
        Options::new()
            .disk(Arc::new(self.disk.clone()))
            .clock(self.clock.clone())
            .durability(Durability::Buffered)
            .log_segment_bytes(64 << 10)
            .background(Background::Manual)
    }

    fn create(&self, options: Options, with: &str) -> (Database, Table) {
        let db = options.open("/db").unwrap();
        db.execute_schema(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        )
        .unwrap();
        db.execute_schema(&format!("CREATE TABLE ks.t (p int, c int, v text, PRIMARY KEY (p, c)) {with}"))
            .unwrap();
        let table = db.table("ks", "t").unwrap();
        (db, table)
    }

    /// The versions of the table's SSTables.
    fn versions(&self, table: &Table) -> String {
        let dir = format!("/db/data/ks/t-{}", table.schema().id());
        let files = self.disk.list(Path::new(&dir)).unwrap();
        let names = files.iter().map(|entry| entry.utf8().unwrap());
        let mut versions: Vec<_> =
            names.filter(|name| name.ends_with("-Data.db")).filter_map(|name| name.get(..2)).collect();
        versions.sort_unstable();
        versions.join(" ")
    }
}

fn put(table: &Table, p: i32, c: i32, v: &str) {
    table.insert(p, c).set("v", v).execute().unwrap();
}

/// Rows as `p,c=v`, with the seconds that those have left to live that expire.
fn rows(table: &Table, now: i64) -> Vec<String> {
    let mut found = Vec::new();
    let select = table.select();
    let mut rows = select.rows().unwrap();
    while let Some(row) = rows.next().unwrap() {
        let ttl = row.cell(helenus::ColumnKind::Regular, 0).unwrap().unwrap();
        let ttl = ttl.remaining_ttl(u32::try_from(now).unwrap());
        let value = |name| match row.value(name).unwrap() {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        };
        let ttl = ttl.map_or(String::new(), |ttl| format!(" ({ttl} s)"));
        found.push(format!("{},{}={}{ttl}", value("p"), value("c"), value("v")));
    }
    found.sort();
    found
}

#[test]
fn flush_and_compaction_write_what_the_table_or_the_database_says() {
    let world = World::new();
    let (db, table) = world.create(world.options(), "");
    put(&table, 1, 1, "a");
    table.flush().unwrap();
    assert_eq!(world.versions(&table), "da");
    let alter = |letters: &str| {
        let value = format!("ALTER TABLE ks.t WITH extensions = {{'helenus_sstable_version': {letters}}}");
        db.execute_schema(&value).unwrap();
    };
    // By its blob, and by its name as typed by people.
    for (c, letters) in [(2, "0x6e62"), (3, "'me'"), (4, "0x6f61")] {
        alter(letters);
        put(&table, 1, c, "b");
        table.delete(1, c - 1).execute().unwrap();
        table.flush().unwrap();
    }
    assert_eq!(world.versions(&table), "da me nb oa");
    assert_eq!(rows(&table, NOW), ["1,4=b"]);
    drop((db, table));

    // The option is in the schema; the default of the database is not this table's.
    let db = world.options().sstable_version(Version::DA).open("/db").unwrap();
    let table = db.table("ks", "t").unwrap();
    assert!(db.schema().to_cql().contains("extensions = {'helenus_sstable_version': 0x6f61}"));
    assert_eq!(
        (world.versions(&table).as_str(), rows(&table, NOW)),
        ("da me nb oa", vec!["1,4=b".to_owned()])
    );
    table.compact().unwrap();
    assert_eq!(world.versions(&table), "oa");
    assert_eq!(rows(&table, NOW), ["1,4=b"]);
    drop((db, table));

    // Without an option it is the database's, which may be opened with another default each time.
    let db = world.options().sstable_version(Version::ME).open("/db").unwrap();
    db.execute_schema("ALTER TABLE ks.t WITH extensions = {}").unwrap();
    let table = db.table("ks", "t").unwrap();
    table.compact().unwrap();
    assert_eq!(world.versions(&table), "me");
    assert_eq!(rows(&table, NOW), ["1,4=b"]);
}

#[test]
fn versions_that_are_not_written_are_refused() {
    let world = World::new();
    let (db, _) = world.create(world.options(), "");
    for value in ["0x6e61", "'la'", "0x", "7", "0xff", "true"] {
        let error = db
            .execute_schema(&format!(
                "ALTER TABLE ks.t WITH extensions = {{'helenus_sstable_version': {value}}}"
            ))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = error.to_string();
        assert!(
            text.ends_with("expected one of 0x6461 (da), 0x6f61 (oa), 0x6e62 (nb), 0x6d65 (me)"),
            "{text}"
        );
    }
}

#[test]
fn what_expires_too_late_for_the_version_is_refused_when_it_is_written() {
    let world = World::new();
    let with = "WITH extensions = {'helenus_sstable_version': 0x6e62}";
    let (db, table) = world.create(world.options(), with);
    let left = u32::try_from(LATEST - NOW).unwrap();
    let refused = |done: helenus::Result<()>| {
        let error = done.expect_err("it should have been refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("past 2038-01-19T03:14:06Z"), "{error}");
    };
    table.insert(1, 1).set("v", "last").ttl(left).execute().unwrap();
    refused(table.insert(1, 2).set("v", "late").ttl(left + 1).execute());
    refused(table.insert(1, 2).ttl(left + 1).execute());
    refused(table.update(1, 2).set("v", "late").ttl(TWENTY_YEARS).execute());
    let mut batch = db.batch();
    table.insert(1, 2).set("v", "on time").add_to(&mut batch).unwrap();
    table.insert(1, 3).set("v", "late").ttl(left + 1).add_to(&mut batch).unwrap();
    refused(batch.execute());
    drop(batch);
    // By the table's own default as well; but not what leaves nothing that expires.
    db.execute_schema(&format!("ALTER TABLE ks.t WITH default_time_to_live = {TWENTY_YEARS}")).unwrap();
    refused(table.insert(1, 2).set("v", "late").execute());
    table.delete(1, 7).execute().unwrap();
    table.update(1, 7).set("v", None::<&str>).execute().unwrap();
    table.insert(1, 4).set("v", "for ever").ttl(0).execute().unwrap();
    table.flush().unwrap();
    assert_eq!(world.versions(&table), "nb");
    assert_eq!(rows(&table, NOW), [format!("1,1=last ({left} s)"), "1,4=for ever".to_owned()]);
    drop((db, table));

    // On request it is capped.
    let options = world.options().late_deletion_times(LateDeletionTimes::Cap);
    let db = options.open("/db").unwrap();
    let table = db.table("ks", "t").unwrap();
    table.insert(1, 2).set("v", "capped").execute().unwrap();
    table.compact().unwrap();
    assert_eq!(world.versions(&table), "nb");
    assert_eq!(rows(&table, NOW)[1], format!("1,2=capped ({left} s)"));
    world.clock.set_micros((LATEST + 1) * 1_000_000);
    assert_eq!(rows(&table, LATEST + 1), ["1,4=for ever"]);
}

/// Data that the table's version could hold when it was written is neither lost nor capped by
/// another version, and no flush or compaction fails because of it.
#[test]
fn rows_too_late_for_a_new_version_keep_one_that_holds_them() {
    let world = World::new();
    let (db, table) = world.create(world.options(), "");
    table.insert(1, 1).set("v", "flushed").ttl(TWENTY_YEARS).execute().unwrap();
    table.flush().unwrap();
    table.insert(1, 2).set("v", "in memory").ttl(TWENTY_YEARS).execute().unwrap();
    db.execute_schema("ALTER TABLE ks.t WITH extensions = {'helenus_sstable_version': 0x6d65}").unwrap();
    let expected = [format!("1,1=flushed ({TWENTY_YEARS} s)"), format!("1,2=in memory ({TWENTY_YEARS} s)")];
    table.flush().unwrap();
    assert_eq!(rows(&table, NOW), expected);
    assert_eq!(world.versions(&table), "da oa");
    put(&table, 2, 1, "short");
    table.flush().unwrap();
    assert_eq!(world.versions(&table), "da me oa");
    table.compact().unwrap();
    assert_eq!(rows(&table, NOW)[..2], expected);
    assert_eq!(world.versions(&table), "oa");
    // Once they are gone the version is what was asked for.
    table.delete_partition(1).execute().unwrap();
    db.execute_schema("ALTER TABLE ks.t WITH gc_grace_seconds = 0").unwrap();
    world.clock.set_micros(world.clock.now_micros() + 2_000_000);
    table.compact().unwrap();
    assert_eq!(rows(&table, NOW), ["2,1=short"]);
    assert_eq!(world.versions(&table), "me");
}
