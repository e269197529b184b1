//! Making a database from foreign SSTables, with a power cut or a kill at every operation: it is
//! made whole, or the directory doesn't open and can be adopted into again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus::{AdoptOptions, Adopted, Disk, Durability, ErrorKind, ForeignOptions, Options};
use helenus_sim::SimDisk;

use crate::ingest;
use crate::run::{DIR, account, clock, contents, options};
use crate::workload::Contents;

fn sources() -> (SimDisk, PathBuf) {
    let (disk, dir) = ingest::disk();
    // The database that is there is another test's.
    disk.rename(Path::new(DIR), Path::new("/of-the-other-test")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, dir)
}

fn plain(disk: &SimDisk) -> Options {
    options(disk, &clock(), Durability::Sync).create_if_missing(false)
}

fn adopt(disk: &SimDisk, dir: &Path, copy: bool) -> helenus::Result<Adopted> {
    let how = AdoptOptions {
        schema: Some(ingest::SCHEMA.to_owned()),
        copy,
        disk: Arc::new(disk.clone()),
        clock: clock(),
        ..AdoptOptions::default()
    };
    helenus::adopt(&[dir.to_owned()], DIR, &how, &mut |_| {})
}

/// The contents of the database, if it opens; then every file in its directory is its own.
fn opened(disk: &SimDisk, what: &str) -> Option<Contents> {
    match plain(disk).open(DIR) {
        Ok(db) => {
            account(disk, &db);
            Some(contents(&db).unwrap().0)
        }
        Err(error) => {
            let is_said = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid);
            assert!(is_said, "{what}: {error}");
            if error.kind() == ErrorKind::Invalid {
                assert!(error.to_string().contains("was not completed"), "{what}: {error}");
                let foreign = ForeignOptions::new()
                    .schema(ingest::SCHEMA)
                    .disk(Arc::new(disk.clone()))
                    .open(&[DIR.into()])
                    .unwrap_err();
                assert!(foreign.to_string().contains("was not completed"), "{what}: {foreign}");
            }
            None
        }
    }
}

#[test]
fn all_or_nothing() {
    let (disk, dir) = sources();
    for copy in [false, true] {
        let all = {
            let disk = disk.kill();
            assert_eq!(adopt(&disk, &dir, copy).unwrap().tables[0].sstables, 3);
            let all = opened(&disk, "uncut").unwrap();
            assert!(all.tables.values().all(|table| table.rows.len() == 6), "{all:?}");
            all
        };
        let (mut point, mut outcomes) = (0, [0, 0]);
        loop {
            point += 1;
            let crashed = disk.kill();
            crashed.crash_at(point);
            let outcome = adopt(&crashed, &dir, copy).map(drop);
            if crashed.fault_is_pending() {
                outcome.unwrap();
                break;
            }
            for image in [crashed.kill(), crashed.crash(point), crashed.crash(point + 1000)] {
                let what = format!("copy {copy}, change {point}");
                let found = opened(&image, &what);
                outcomes[usize::from(found.is_some())] += 1;
                assert!(outcome.is_err() || found.is_some(), "{what}: done, and lost");
                if found.is_none() {
                    adopt(&image, &dir, copy).unwrap_or_else(|error| panic!("{what}, again: {error}"));
                }
                let found = found.or_else(|| opened(&image, &what)).unwrap();
                assert!(found == all, "{what}: {found:?}");
            }
        }
        assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?} of {point} points");
        println!("copy {copy}: crashed at {point} points, outcomes {outcomes:?}");
    }
}

#[test]
fn a_failing_disk_leaves_nothing_behind() {
    let (disk, dir) = sources();
    let mut point = 0;
    loop {
        point += 1;
        let failing = disk.kill();
        failing.fail_once(point);
        let outcome = adopt(&failing, &dir, false).map(drop);
        if failing.fault_is_pending() {
            outcome.unwrap();
            break;
        }
        let is_there = failing.exists(Path::new(DIR)).unwrap();
        assert_eq!(is_there, outcome.is_ok(), "operation {point}: {outcome:?}");
        if outcome.is_ok() {
            assert!(opened(&failing, "failed once").is_some(), "operation {point}");
        }
    }
    println!("failed at {point} points");
}
