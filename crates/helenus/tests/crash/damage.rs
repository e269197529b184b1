//! Flipped bytes, cut and missing files: a typed error that names the file, or exactly what was
//! written.

use std::path::{Path, PathBuf};

use helenus::{Database, Disk, Durability, ErrorKind, Result};
use helenus_sim::SimDisk;

use crate::run::{DIR, Runner, clock, contents, files, options};
use crate::workload::{Contents, Op, data, tables};

/// A small database with compressed and plain SSTables, and with `unflushed` records in its log,
/// not closed.
fn database(unflushed: bool) -> (SimDisk, Contents) {
    let disk = SimDisk::new();
    let mut runner = Runner::new(&disk, Durability::Sync);
    let (steps, none) = (runner.run(&tables()), runner.run(&data(3, 24)));
    assert!(steps.1.is_none() && none.1.is_none());
    for table in ["app.events", "app.hits"] {
        runner.step(&Op::Compact(table)).unwrap();
    }
    runner.run(&data(4, 8));
    runner.step(&Op::Flush).unwrap();
    let left = data(5, 12).into_iter().filter(|op| matches!(op, Op::Write(_) | Op::Count { .. }));
    runner.run(&left.take(6).collect::<Vec<_>>());
    let expected = everything(runner.db()).unwrap();
    if !unflushed {
        runner.db().close().unwrap();
    }
    drop(runner);
    (disk, expected)
}

/// All that is found in every way that it can be looked for; they must agree.
fn everything(db: &Database) -> Result<Contents> {
    let (found, _) = contents(db)?;
    for table in db.tables() {
        let schema = table.schema();
        let name = format!("{}.{}", schema.keyspace(), schema.name());
        let mut ps: Vec<i32> = found.tables[&name].rows.keys().map(|(p, _)| *p).collect();
        ps.dedup();
        for p in ps.into_iter().chain([90, 91, 92]) {
            let of_p: Vec<_> = found.tables[&name].rows.keys().filter(|(own, _)| *own == p).collect();
            for reverse in [false, true] {
                let select = table.select().key(p);
                let select = if reverse { select.reverse() } else { select };
                let mut rows = select.rows()?;
                let mut count = 0;
                while rows.next()?.is_some() {
                    count += 1;
                }
                assert_eq!(count, of_p.len(), "{name} {p}");
            }
            for c in of_p.iter().filter_map(|(_, c)| *c) {
                let select = table.select().key(p).prefix(c);
                let mut rows = select.rows()?;
                assert!(rows.next()?.is_some(), "{name} {p} {c}");
            }
        }
    }
    Ok(found)
}

#[derive(Default, Debug)]
struct Tally {
    noticed: usize,
    harmless: usize,
}

/// Opens a damaged copy and reads everything.
fn look(disk: &SimDisk, expected: &Contents, file: &Path, what: &str, tally: &mut Tally) {
    let opened = options(disk, &clock(), Durability::Sync).open(DIR);
    match opened.and_then(|db| everything(&db)) {
        Ok(found) => {
            assert!(found == *expected, "{what}: {}", crate::sweep::difference(expected, &found));
            tally.harmless += 1;
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{what}: {error:?}");
            // A checksum's file and what it is of are named by either.
            let name = file.file_name().unwrap().to_str().unwrap();
            let named = name
                .rsplit_once('-')
                .filter(|_| name.ends_with(".db") || name.ends_with(".crc32"))
                .map_or(name, |(stem, _)| stem);
            assert!(error.to_string().contains(named), "{what}: {error}");
            tally.noticed += 1;
        }
    }
}

fn places(len: u64, most: u64) -> impl Iterator<Item = u64> {
    let all = std::env::var("HELENUS_CRASH_POINTS").is_ok_and(|points| points == "all");
    let step = if all && len <= 16 << 10 { 1 } else { len.div_ceil(most).max(1) };
    (0..len).step_by(usize::try_from(step).unwrap())
}

fn lengths(disk: &SimDisk) -> Vec<(PathBuf, u64)> {
    let root = Path::new(DIR);
    files(disk, root)
        .into_iter()
        .map(|file| (file.clone(), disk.metadata(&root.join(file)).unwrap().len))
        .collect()
}

#[test]
fn flipped_bytes() {
    for unflushed in [true, false] {
        let (disk, expected) = database(unflushed);
        let mut total = Tally::default();
        for (file, len) in lengths(&disk) {
            let mut tally = Tally::default();
            for (turn, offset) in places(len, 60).enumerate() {
                let image = disk.kill();
                let mask = [0x01, 0x80, 0xff, 0x10][turn % 4];
                image.flip(&Path::new(DIR).join(&file), offset, mask).unwrap();
                let what = format!("{} at {offset} with {mask:02x}", file.display());
                look(&image, &expected, &file, &what, &mut tally);
            }
            total.noticed += tally.noticed;
            total.harmless += tally.harmless;
        }
        println!("flips with unflushed records {unflushed}: {total:?}");
        assert!(total.noticed > 300, "{total:?}");
    }
}

#[test]
fn cut_files() {
    for unflushed in [true, false] {
        let (disk, expected) = database(unflushed);
        let mut total = Tally::default();
        for (file, len) in lengths(&disk) {
            for cut in places(len, 25) {
                let image = disk.kill();
                let path = Path::new(DIR).join(&file);
                image.open_write(&path).unwrap().set_len(cut).unwrap();
                let what = format!("{} of {len} cut to {cut}", file.display());
                look(&image, &expected, &file, &what, &mut total);
            }
        }
        println!("cuts with unflushed records {unflushed}: {total:?}");
        assert!(total.noticed > 100, "{total:?}");
    }
}

#[test]
fn missing_files() {
    let (disk, expected) = database(false);
    let mut total = Tally::default();
    for (file, _) in lengths(&disk) {
        let image = disk.kill();
        image.remove_file(&Path::new(DIR).join(&file)).unwrap();
        let what = format!("{} is missing", file.display());
        let before = total.harmless;
        look(&image, &expected, &file, &what, &mut total);
        let name = file.file_name().unwrap().to_str().unwrap();
        let needless = ["LOCK", "schema.cql"].contains(&name)
            || ["-TOC.txt", "-Digest.crc32"].iter().any(|end| name.ends_with(end))
            || file.starts_with("commitlog");
        assert_eq!(total.harmless > before, needless, "{what}");
    }
    println!("missing files: {total:?}");
}
