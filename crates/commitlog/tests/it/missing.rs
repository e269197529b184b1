//! Segments that are gone: what was released, what was lost, and what the oldest version doesn't
//! say.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_commitlog::{CommitLog, Durability, ReplayError, ReplayOptions};
use helenus_io::Disk;
use helenus_sim::{SimClock, SimDisk};
use helenus_types::LogPosition;

use super::{A, ALL_FLUSHED, B, DIR, Put as _, files, open, options, payloads, try_read, try_read_with};

const NONE_RELEASED: ReplayOptions<'static> = ReplayOptions::NONE_RELEASED;

fn path(id: u64) -> PathBuf {
    Path::new(DIR).join(format!("commitlog-{id}.log"))
}

fn without(disk: &SimDisk, ids: &[u64]) -> SimDisk {
    let disk = disk.kill();
    ids.iter().for_each(|id| disk.remove_file(&path(*id)).unwrap());
    disk
}

/// The number of the segment that is reported as missing.
fn missing(disk: &SimDisk, options: ReplayOptions<'_>) -> Option<PathBuf> {
    match try_read_with(disk, Path::new(DIR), options) {
        Ok(_) => None,
        Err(ReplayError::Missing(missing)) => Some(missing.path),
        Err(error) => panic!("{error}"),
    }
}

/// Five segments with three records each, and a spare; B in the second alone.
fn five_segments(durability: Durability) -> SimDisk {
    let disk = SimDisk::new();
    let log = open(&disk, durability);
    for i in 0..15_u8 {
        log.put(&[if i == 4 { B } else { A }], &[&[i; 200]]);
        log.sync().unwrap();
    }
    log.prepare_step().unwrap();
    assert_eq!(files(&disk), [1, 2, 3, 4, 5, 6].map(|id| format!("commitlog-{id}.log")));
    disk.kill()
}

#[test]
fn each_segment_that_was_in_use_is_missed() {
    for durability in [Durability::Sync, Durability::Buffered] {
        let disk = five_segments(durability);
        for id in 1..=5 {
            assert_eq!(missing(&without(&disk, &[id]), NONE_RELEASED), Some(path(id)), "{durability:?}");
        }
        assert_eq!(missing(&without(&disk, &[2, 3]), NONE_RELEASED), Some(path(3)));
        assert_eq!(missing(&without(&disk, &[1, 2, 3, 4, 5]), NONE_RELEASED), Some(path(5)));
        assert_eq!(missing(&without(&disk, &[4, 5, 6]), NONE_RELEASED), Some(path(4)));
        // A spare holds nothing.
        assert_eq!(payloads(&without(&disk, &[6])).len(), 15);
    }
}

#[test]
fn a_segment_was_released_if_all_of_it_is_flushed() {
    let disk = five_segments(Durability::Sync);
    let at = |segment| LogPosition { segment, offset: 0 };
    let check = |gone: &[u64], a: LogPosition, b: LogPosition| {
        let flushed = |tag, end| end <= if tag == A { a } else { b };
        missing(&without(&disk, gone), ReplayOptions { flushed: &flushed, ..NONE_RELEASED })
    };
    assert_eq!(check(&[2], at(3), at(3)), None);
    assert_eq!(check(&[2], at(3), at(2)), Some(path(2)), "B is not flushed");
    assert_eq!(check(&[2], at(2), at(3)), Some(path(2)), "nor is A");
    assert_eq!(check(&[1, 2], at(3), at(3)), None);
    // In any order: the first one stays for a table that the second has no record of.
    assert_eq!(check(&[3], at(4), at(1)), None);
    assert_eq!(check(&[3], at(3), at(9)), Some(path(3)));
    // Never the newest, whatever is flushed: it is not released while the log is in use.
    assert_eq!(check(&[5], at(9), at(9)), Some(path(5)));
}

#[test]
fn what_is_left_is_read_if_that_is_accepted() {
    let disk = five_segments(Durability::Sync);
    let accepting = ReplayOptions { accept_missing: true, ..NONE_RELEASED };
    let (seen, report) = try_read_with(&without(&disk, &[2, 5]), Path::new(DIR), accepting).unwrap();
    assert_eq!(seen.iter().map(|s| s.payload[0]).collect::<Vec<_>>(), [0, 1, 2, 6, 7, 8, 9, 10, 11]);
    assert_eq!(report.missing.iter().map(|m| m.path.clone()).collect::<Vec<_>>(), [path(2), path(5)]);
    // What was accepted once stays so, whatever is released of the run that says it; nothing more
    // is.
    let disk = without(&disk, &[2, 5]);
    let (_, report) = try_read_with(&disk, Path::new(DIR), accepting).unwrap();
    let resume = |report| {
        let (shared, clock) = (Arc::new(disk.clone()), Arc::new(SimClock::new(1)));
        CommitLog::resume(shared, DIR, options(Durability::Buffered), clock, report).unwrap()
    };
    let log = resume(report);
    for i in 20..28_u8 {
        log.put(&[B], &[&[i; 200]]);
    }
    let newest = log.position().segment;
    assert!(newest > 7);
    let accepted =
        |disk: &SimDisk| try_read_with(disk, Path::new(DIR), NONE_RELEASED).map(|(seen, _)| seen.len());
    assert_eq!(accepted(&disk.kill()).unwrap(), 9 + 8);
    assert_eq!(missing(&without(&disk, &[newest - 1]), NONE_RELEASED), Some(path(newest - 1)));
    let (_, report) = try_read_with(&disk, Path::new(DIR), NONE_RELEASED).unwrap();
    let log = resume(report);
    log.mark_flushed(B, log.position()).unwrap();
    assert_eq!(accepted(&disk.kill()).unwrap(), 9);
}

#[test]
fn a_gap_between_runs() {
    let mut disk = SimDisk::new();
    for run in 0..3_u8 {
        let log = open(&disk, Durability::Sync);
        for i in 0..4_u8 {
            log.put(&[A], &[&[10 * run + i; 200]]);
        }
        disk = disk.kill();
    }
    let ids: Vec<u64> = (1..=6).collect();
    assert_eq!(files(&disk), ids.iter().map(|id| format!("commitlog-{id}.log")).collect::<Vec<_>>());
    for id in ids {
        assert_eq!(missing(&without(&disk, &[id]), NONE_RELEASED), Some(path(id)));
    }
}

/// A file system may bring back a removed name after a power cut, and not that of its neighbours.
#[test]
fn a_released_segment_that_comes_back_is_no_witness() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    let ends: Vec<_> = (0..15_u8).map(|i| log.put(&[A], &[&[i; 200]])).collect();
    log.mark_flushed(A, ends[11]).unwrap();
    let flushed = |_, end| end <= ends[11];
    let options = ReplayOptions { flushed: &flushed, ..NONE_RELEASED };
    let mut states = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = disk.crash(seed);
        states.insert(files(&disk));
        assert_eq!(missing(&disk, options), None, "{:?}", files(&disk));
    }
    assert_eq!(states.len(), 8, "every subset of three names");
}

/// The log of a database of the release before, written there: two runs of three segments each,
/// killed.
fn version_1() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new(DIR)).unwrap();
    let segments: [(u64, &[u8]); 8] = [
        (1, include_bytes!("../../testdata/v1/commitlog-1.log")),
        (2, include_bytes!("../../testdata/v1/commitlog-2.log")),
        (3, include_bytes!("../../testdata/v1/commitlog-3.log")),
        (4, include_bytes!("../../testdata/v1/commitlog-4.log")),
        (5, include_bytes!("../../testdata/v1/commitlog-5.log")),
        (6, include_bytes!("../../testdata/v1/commitlog-6.log")),
        (7, include_bytes!("../../testdata/v1/commitlog-7.log")),
        (8, include_bytes!("../../testdata/v1/commitlog-8.log")),
    ];
    for (id, bytes) in segments {
        disk.create_new(&path(id)).unwrap().write_at(0, bytes).unwrap();
    }
    disk.kill()
}

#[test]
fn a_log_of_the_first_version_is_read_and_goes_on_in_the_second() {
    let disk = version_1();
    let expected: Vec<Vec<u8>> =
        (0..2_u8).flat_map(|run| (0..9_u8).map(move |i| vec![run * 100 + i; 250])).collect();
    assert_eq!(payloads(&disk), expected);
    let log = open(&disk, Durability::Sync);
    log.put(&[A], &[b"new"]);
    let disk = disk.crash(1);
    assert_eq!(payloads(&disk).len(), 19);
    // From here on its segments are known.
    for id in [2, 3, 4, 6, 7, 8] {
        let gone = try_read_with(&without(&disk, &[id]), Path::new(DIR), NONE_RELEASED);
        // Except the last one of the first run, which nothing refers to.
        assert_eq!(gone.is_err(), id != 4, "{id}");
    }
    drop(log);
}

#[test]
fn a_gap_in_the_first_version_is_a_loss_if_nothing_after_it_was_flushed() {
    let disk = version_1();
    for (gone, released_to, expected) in [
        (3, LogPosition::NONE, Some(3)),
        (3, LogPosition { segment: 2, offset: 900 }, Some(3)),
        (3, LogPosition { segment: 3, offset: 1 }, None),
        (7, LogPosition { segment: 3, offset: 1 }, Some(7)),
        (2, LogPosition::NONE, Some(2)),
        (1, LogPosition::NONE, None),
        (5, LogPosition::NONE, None),
    ] {
        let options = ReplayOptions { released_to, ..NONE_RELEASED };
        assert_eq!(missing(&without(&disk, &[gone]), options), expected.map(path), "{gone} {released_to:?}");
    }
    assert!(try_read(&without(&disk, &[3]), Path::new(DIR)).is_ok());
    assert_eq!(missing(&without(&disk, &[3]), ALL_FLUSHED), None);
}
