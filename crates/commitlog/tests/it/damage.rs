//! Damaged, cut, and foreign files: reported or harmless, never a panic, never a silent loss of
//! what was promised.

use std::path::{Path, PathBuf};
use std::time::Duration;

use helenus_commitlog::{Damage, Durability, LogOptions, ReplayError};
use helenus_io::Disk;
use helenus_sim::SimDisk;

use super::{A, B, DIR, Put as _, Seen, files, open, open_with, options, payloads, read, try_read};

/// A log of two runs and several segments, synced, with two records after the last sync.
fn log_of_two_runs() -> (SimDisk, Vec<Seen>) {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    for i in 0..9_u8 {
        log.put(&[A], &[&[i; 150]]);
        if i % 3 == 1 {
            log.sync().unwrap();
        }
    }
    let disk = disk.kill();
    let log = open(&disk, Durability::Buffered);
    for i in 0..7_u8 {
        log.put(&[A, B], &[&[100 + i; 120]]);
        if i % 2 == 0 {
            log.sync().unwrap();
        }
    }
    for i in 0..2 {
        log.put(&[B], &[&[200 + i; 50]]);
    }
    let seen = read(&disk);
    (disk, seen)
}

const UNPROMISED: usize = 2;

/// A log of which each read is held up once, while its writer goes on: what ended at the zeros
/// behind the last record was damage, because a later read found a promise of more.
#[test]
fn a_log_that_is_written_while_it_is_read_is_whole() {
    for held in 1.. {
        let disk = SimDisk::new();
        let log = open(&disk, Durability::Sync);
        log.put(&[A], &[b"before"]);
        disk.hold_at(held);
        let reader = disk.clone();
        let reading = std::thread::spawn(move || try_read(&reader, Path::new(DIR)));
        while !disk.is_held() && !reading.is_finished() {
            std::thread::yield_now();
        }
        let is_held = disk.is_held();
        for _ in 0..if is_held { 3 } else { 0 } {
            log.put(&[A], &[b"meanwhile"]);
        }
        disk.release();
        let (seen, _) = reading.join().unwrap().unwrap_or_else(|error| panic!("read {held}: {error}"));
        assert_eq!(seen[0].payload, b"before");
        assert!(seen.len() <= 4 && seen[1..].iter().all(|record| record.payload == b"meanwhile"), "{seen:?}");
        if !is_held {
            assert!(held > 4, "the log is read");
            break;
        }
    }
}

#[test]
fn every_flipped_byte_is_detected_or_harmless() {
    let (disk, all) = log_of_two_runs();
    assert_eq!(all.len(), 18);
    let (mut detected, mut harmless, mut dropped) = (0, 0, 0);
    for name in files(&disk) {
        let path = Path::new(DIR).join(name);
        let len = disk.metadata(&path).unwrap().len;
        for offset in 0..len {
            for mask in [0x01, 0x80, 0xff] {
                let disk = disk.kill();
                disk.flip(&path, offset, mask).unwrap();
                match try_read(&disk, Path::new(DIR)) {
                    Err(ReplayError::Damaged { path: at, .. }) => {
                        assert_eq!(at, path);
                        detected += 1;
                    }
                    Err(e) => panic!("{e}"),
                    Ok((seen, _)) if seen == all => harmless += 1,
                    Ok((seen, report)) => {
                        let kept = seen.len();
                        let context =
                            format!("{}: {offset}: {kept} of {} records", path.display(), all.len());
                        assert_eq!(seen, all[..kept], "{context}");
                        assert!(kept >= all.len() - UNPROMISED, "{context}");
                        assert_eq!(report.dropped.unwrap().path, path, "{context}");
                        dropped += 1;
                    }
                }
            }
        }
    }
    // Nearly everything that was written is promised; what is harmless was never written to, or is
    // a mark or an end that nothing depends on.
    assert!(detected > 3 * 2500 && dropped > 0 && dropped < 3 * 250, "{detected} {harmless} {dropped}");
}

#[test]
fn every_cut_is_detected_or_harmless() {
    let (disk, all) = log_of_two_runs();
    for name in files(&disk) {
        let path = Path::new(DIR).join(name);
        for len in 0..disk.metadata(&path).unwrap().len {
            let disk = disk.kill();
            disk.open_write(&path).unwrap().set_len(len).unwrap();
            match try_read(&disk, Path::new(DIR)) {
                Err(ReplayError::Damaged { damage, .. }) => {
                    assert!(len >= 64 || matches!(damage, Damage::HeaderCut { .. }))
                }
                Err(e) => panic!("{e}"),
                Ok((seen, _)) => assert_eq!(seen, all[..seen.len()], "{}: {len}", path.display()),
            }
        }
    }
}

#[test]
fn damage_is_reported_with_file_and_offset() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    let first = log.put(&[A], &[b"first"]);
    log.put(&[A], &[b"second"]);
    log.sync().unwrap();
    let path = Path::new(DIR).join("commitlog-1.log");
    disk.flip(&path, u64::from(first.offset) + 20, 1).unwrap();
    let error = try_read(&disk, Path::new(DIR)).unwrap_err();
    let ReplayError::Damaged { path: at, offset, damage } = &error else { panic!("{error}") };
    assert_eq!((at, *offset), (&path, u64::from(first.offset)));
    assert!(matches!(damage, Damage::RecordChecksum { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("the commit log is damaged: db/commitlog/commitlog-1.log, offset 109: "),
        "{text}"
    );
}

/// Replay looks for marks after a bad record in pieces of 1 MiB; this mark lies across their
/// border.
#[test]
fn a_mark_on_the_border_of_two_reads_is_found() {
    for shift in 0..=24 {
        let disk = SimDisk::new();
        let (log, _) = open_with(&disk, LogOptions { segment_len: 4 << 20, ..options(Durability::Sync) });
        let end = log.put(&[A], &[&vec![7; (1 << 20) - 16 - shift]]);
        assert_eq!(end.offset as usize, 64 + 24 + (1 << 20) - shift);
        log.sync().unwrap();
        disk.flip(&Path::new(DIR).join("commitlog-2.log"), 124, 1).unwrap();
        let error = try_read(&disk, Path::new(DIR)).unwrap_err();
        assert!(matches!(error, ReplayError::Damaged { offset: 88, .. }), "{shift}: {error}");
    }
}

#[test]
fn what_was_never_promised_is_dropped_in_silence() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    for i in 0..8_u8 {
        log.put(&[A], &[&[i; 250]]);
    }
    // In the first of three segments; nothing was ever synced.
    disk.flip(&Path::new(DIR).join("commitlog-1.log"), 700, 1).unwrap();
    let (seen, report) = try_read(&disk, Path::new(DIR)).unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(report.end, Some(seen[1].end));
    assert_eq!(report.void, [2, 3].map(|id| PathBuf::from(format!("{DIR}/commitlog-{id}.log"))));
    // It stays dropped, also when the damage goes away and the segment before it is released.
    let log = open(&disk, Durability::Sync);
    log.commit(log.put(&[B], &[b"new"])).unwrap();
    disk.flip(&Path::new(DIR).join("commitlog-1.log"), 700, 1).unwrap();
    let disk = disk.crash(0);
    assert_eq!(payloads(&disk).len(), 3);
    open(&disk, Durability::Sync).mark_flushed(A, seen[1].end).unwrap();
    assert_eq!(payloads(&disk.crash(0)).last().unwrap(), b"new");
}

#[test]
fn records_of_a_reused_segment_are_not_read() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    for i in 0..6_u8 {
        log.put(&[A], &[&[i; 250]]);
    }
    log.sync().unwrap();
    log.mark_flushed(A, log.position()).unwrap();
    while log.prepare_step().unwrap() {}
    log.put(&[A], &[&[9; 250]]);
    log.put(&[A], &[&[10; 250]]);
    // The new record ends where the old one of the same length did, and the next old one follows.
    let last = payloads(&disk).pop().unwrap();
    assert_eq!(last[0], 10);
    assert_eq!(payloads(&disk.kill()).iter().filter(|p| p[0] < 3).count(), 0);
}

#[test]
fn a_payload_cannot_imitate_the_log() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    log.put(&[A], &[b"secret"]);
    log.sync().unwrap();
    // A copy of a true mark and a true record, from the same segment but another place.
    let mut bytes = vec![0; 24 + 22];
    let file = disk.open_read(&Path::new(DIR).join("commitlog-1.log")).unwrap();
    file.read_exact_at(88, &mut bytes).unwrap();
    let end = log.put(&[A], &[&bytes]);
    let path = Path::new(DIR).join("commitlog-1.log");
    disk.flip(&path, u64::from(end.offset) - u64::try_from(bytes.len()).unwrap() - 5, 1).unwrap();
    assert_eq!(payloads(&disk), [b"secret"], "the tail is dropped, not taken for damage before a mark");
}

#[test]
fn foreign_files_are_reported_and_left_alone() {
    let disk = SimDisk::new();
    drop(open(&disk, Durability::Sync));
    let dir = Path::new(DIR);
    let foreign = ["CommitLog-7-1.log", "commitlog-01.log", "commitlog-3.log.bak", "notes.txt"];
    for name in foreign {
        disk.create_new(&dir.join(name)).unwrap();
    }
    disk.create_dir(&dir.join("commitlog-9.log")).unwrap();
    disk.create_new(&dir.join("commitlog-40.tmp")).unwrap();
    let (_, report) = try_read(&disk, dir).unwrap();
    assert_eq!(report.foreign.len(), foreign.len() + 1);
    assert_eq!(report.void, [dir.join("commitlog-40.tmp")]);
    let log = open(&disk, Durability::Periodic(Duration::ZERO));
    assert_eq!(log.position().segment, 41, "the number of an unfinished segment is used up");
    assert!(foreign.iter().all(|name| files(&disk).iter().any(|file| file == name)));
    assert!(!disk.exists(&dir.join("commitlog-40.tmp")).unwrap());
}

#[test]
fn files_with_a_segments_name_and_no_header_are_damage() {
    let (disk, _) = log_of_two_runs();
    let dir = Path::new(DIR);
    let cases: [(&[u8], &str); 3] = [
        (b"", "the file has 0 bytes, its header has 64"),
        (&[b'x'; 100], "does not begin with the log's magic"),
        (&[0; 2000], "does not begin with the log's magic"),
    ];
    for (bytes, text) in cases {
        let disk = disk.kill();
        disk.create_new(&dir.join("commitlog-77.log")).unwrap().write_at(0, bytes).unwrap();
        let error = try_read(&disk, dir).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("commitlog-77.log, offset 0"), "{error}");
    }
    // A copy of another segment under a new name.
    disk.hard_link(&dir.join("commitlog-2.log"), &dir.join("commitlog-77.log")).unwrap();
    let error = try_read(&disk, dir).unwrap_err().to_string();
    assert!(error.contains("the header is of segment 2, the file's name says 77"), "{error}");
}
