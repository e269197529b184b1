//! Bringing in SSTables, with a power cut or a kill at every operation: all of them are there or
//! none, and no file is left over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus::{BulkOptions, Database, Disk, Durability, IngestOptions, Transfer, Verification, Version};
use helenus_sim::SimDisk;

use crate::run::{DIR, account, clock, contents, options};

pub(crate) const SCHEMA: &str = "CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}; \
                      CREATE TABLE app.t (p int, c int, v text, PRIMARY KEY (p, c)) \
                      WITH ID = 00000000-0000-1000-8000-000000000001 AND compaction = \
                      {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'}";

fn fill(db: &Database, range: std::ops::Range<i32>, text: &str) {
    let table = db.table("app", "t").unwrap();
    for p in range {
        table.insert(p, 0).set("v", text).execute().unwrap();
    }
}

/// A disk with a database, and a directory of no database with three SSTables, one of them of
/// another version than ours; the path of that directory.
pub(crate) fn disk() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new();
    let clock = clock();
    let open = |dir: &str| options(&disk, &clock, Durability::Sync).open(dir).unwrap();
    let source = open("/source");
    source.execute_schema(SCHEMA).unwrap();
    for (range, text) in [(0..4, "first"), (2..6, "second")] {
        fill(&source, range, text);
        source.flush().unwrap();
    }
    source.close().unwrap();
    let other = BulkOptions::new().version(Version::NB).disk(Arc::new(disk.clone())).clock(clock.clone());
    let writer = other.open("/other", SCHEMA, "app", "t").unwrap();
    writer.insert(3, 0).set("v", "of another version").execute().unwrap();
    writer.finish().unwrap();
    let db = open(DIR);
    db.execute_schema(SCHEMA).unwrap();
    fill(&db, 5..8, "flushed");
    db.flush().unwrap();
    fill(&db, 7..9, "in the log");
    db.close().unwrap();
    let dir = Path::new("/source/data/app");
    let table = dir.join(disk.list(dir).unwrap()[0].name.clone());
    let files = Path::new("/files/app").join(table.file_name().unwrap());
    disk.create_dir_all(&files).unwrap();
    for from in [&*table, Path::new("/other")] {
        for entry in disk.list(from).unwrap() {
            disk.rename(&from.join(&entry.name), &files.join(&entry.name)).unwrap();
        }
    }
    disk.sync_dir(&files).unwrap();
    (disk, files)
}

/// Brings the files in; the table's rows then, if that went well.
fn ingest(disk: &SimDisk, dir: &Path, transfer: Transfer) -> helenus::Result<Database> {
    let db = options(disk, &clock(), Durability::Sync).open(DIR)?;
    fill_one(&db)?;
    let options = IngestOptions { transfer, verification: Verification::Extended, ..Default::default() };
    helenus::ingest(&db.table("app", "t")?, &[dir.to_owned()], options)?;
    Ok(db)
}

/// A write that only the log holds while the files come in.
fn fill_one(db: &Database) -> helenus::Result<()> {
    db.table("app", "t")?.insert(9, 0).set("v", "before").execute()
}

#[test]
fn all_or_nothing() {
    let (disk, dir) = disk();
    for transfer in [Transfer::Link, Transfer::Copy, Transfer::Move] {
        let done = disk.kill();
        let db = ingest(&done, &dir, transfer).unwrap();
        let all = contents(&db).unwrap().0;
        assert_eq!(account(&done, &db), account(&done, &db));
        let sources = done.list(&dir).unwrap().len();
        assert_eq!(sources == 0, transfer == Transfer::Move, "{sources} files are left");
        drop(db);
        let before = {
            let disk = disk.kill();
            let db = options(&disk, &clock(), Durability::Sync).open(DIR).unwrap();
            let without = contents(&db).unwrap().0;
            fill_one(&db).unwrap();
            [without, contents(&db).unwrap().0]
        };
        let (mut point, mut outcomes) = (0, [0, 0, 0]);
        loop {
            point += 1;
            let crashed = disk.kill();
            crashed.crash_at(point);
            let outcome = ingest(&crashed, &dir, transfer).map(drop);
            if crashed.fault_is_pending() {
                outcome.unwrap();
                break;
            }
            for image in [crashed.kill(), crashed.crash(point)] {
                let db = options(&image, &clock(), Durability::Sync).open(DIR).unwrap();
                let found = contents(&db).unwrap().0;
                let states = before.iter().chain([&all]);
                let state = states.into_iter().position(|state| *state == found);
                outcomes[state.unwrap_or_else(|| panic!("{transfer:?}, change {point}: {found:?}"))] += 1;
                assert!(outcome.is_err() || found == all, "{transfer:?}, change {point}: done, and lost");
                account(&image, &db);
            }
        }
        assert!(outcomes.iter().all(|count| *count > 0), "{transfer:?}: {outcomes:?} of {point} points");
        println!("{transfer:?}: crashed at {point} points, outcomes {outcomes:?}");
    }
}

#[test]
fn a_failing_disk_leaves_nothing_behind() {
    let (disk, dir) = disk();
    let mut point = 0;
    loop {
        point += 1;
        let failing = disk.kill();
        let db = options(&failing, &clock(), Durability::Sync).open(DIR).unwrap();
        let before = contents(&db).unwrap().0;
        failing.fail_once(point);
        let outcome = helenus::ingest(
            &db.table("app", "t").unwrap(),
            std::slice::from_ref(&dir),
            IngestOptions::default(),
        );
        if failing.fault_is_pending() {
            outcome.unwrap();
            break;
        }
        if outcome.is_err() {
            assert!(
                contents(&db).unwrap().0 == before,
                "operation {point}: an error, and yet something came in"
            );
        }
        drop(db);
        let db = options(&failing, &clock(), Durability::Sync).open(DIR).unwrap();
        let after = contents(&db).unwrap().0;
        assert_eq!(after == before, outcome.is_err(), "operation {point}: {outcome:?}");
        account(&failing, &db);
    }
    println!("failed at {point} points");
}
