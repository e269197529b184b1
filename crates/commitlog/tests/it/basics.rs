//! What is appended is read back; segments are switched, released, reused; refusals and failures.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use helenus_commitlog::{Durability, LogError, LogOptions, TableTag, replay};
use helenus_io::{Disk, Operation};
use helenus_sim::{Errno, Fault, SimDisk};
use helenus_types::LogPosition;
use proptest::prelude::*;

use super::{A, B, DIR, Put as _, files, open, open_with, options, payloads, read, try_read};

#[test]
fn records_are_read_back_with_tags_and_positions() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    let before = log.position();
    let first = log.put(&[A], &[b"he", b"", b"llo"]);
    let second = log.put(&[B, A, B], &[]);
    let third = log.put(&[], &[b"x"]);
    assert!(before < first && first < second && second < third);
    assert_eq!(log.position(), third);
    let seen = read(&disk);
    assert_eq!(seen.iter().map(|s| s.end).collect::<Vec<_>>(), [first, second, third]);
    assert_eq!(
        seen.iter().map(|s| s.payload.as_slice()).collect::<Vec<_>>(),
        [b"hello".as_slice(), b"", b"x"]
    );
    assert_eq!(
        seen.iter().map(|s| s.tags.as_slice()).collect::<Vec<_>>(),
        [&[A] as &[TableTag], &[B, A, B], &[]]
    );
    assert_eq!(seen[1].start, first);
    assert_eq!(first.offset, 64 + 24 + 12 + 4 + 5);
}

#[test]
fn an_empty_log() {
    let disk = SimDisk::new();
    assert!(try_read(&disk, Path::new(DIR)).unwrap().0.is_empty());
    let log = open(&disk, Durability::Sync);
    assert_eq!(log.sync().unwrap(), log.position());
    log.commit(log.position()).unwrap();
    assert_eq!(files(&disk), ["commitlog-1.log"]);
    log.close().unwrap();
    assert_eq!(files(&disk), ["commitlog-1.log"], "it keeps the number from being used again");
    let log = open(&disk, Durability::Sync);
    assert!(log.position().segment > 1);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    let max = log.max_record_len();
    assert_eq!(max, 512 - 12);
    log.put(&[A], &[&vec![1; max - 4]]);
    let (position, changes) = (log.position(), disk.changes());
    for (tags, payload) in [(vec![A], max - 3), (vec![A; 126], 0), (vec![A; 70_000], 0), (vec![], 1 << 20)] {
        let error = log.append(&tags, &[&vec![1; payload]]).unwrap_err();
        assert!(matches!(error, LogError::TooLarge { max: 500, .. }), "{error}");
    }
    assert_eq!((log.position(), disk.changes()), (position, changes));
    assert_eq!(read(&disk).len(), 1);
}

#[test]
fn segments_are_released_when_their_tables_are_flushed_and_reused() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    let mut ends = Vec::new();
    for i in 0..12_u8 {
        // Three records a segment; A in all segments, B in the second alone.
        ends.push(log.append(&[if i == 4 { B } else { A }], &[&[i; 250]]).unwrap());
    }
    assert_eq!(ends[11].segment, 4);
    assert_eq!(log.total_bytes(), 4096);
    assert_eq!(log.dirty_tags_of_oldest(), [A]);
    log.sync().unwrap();
    log.mark_flushed(A, ends[1]).unwrap();
    assert_eq!(log.dirty_tags_of_oldest(), [A], "its third record is not flushed");
    log.mark_flushed(A, ends[8]).unwrap();
    assert_eq!(log.dirty_tags_of_oldest(), [B]);
    log.mark_flushed(B, LogPosition { segment: 2, offset: 0 }).unwrap();
    assert_eq!(log.dirty_tags_of_oldest(), [B]);
    log.mark_flushed(B, log.position()).unwrap();
    assert_eq!(log.dirty_tags_of_oldest(), [A]);
    assert_eq!(log.total_bytes(), 1024, "only the active one is left");
    assert!(!log.over_cap());
    // What is filled with zeros is kept for reuse; the next segments are made of it.
    assert_eq!(files(&disk), [1, 2, 3, 4].map(|id| format!("commitlog-{id}.log")));
    while log.prepare_step().unwrap() {}
    assert_eq!(files(&disk), [1, 4, 5, 6].map(|id| format!("commitlog-{id}.log")));
    for i in 12..17_u8 {
        log.put(&[A], &[&[i; 250]]);
    }
    let left: Vec<u8> = payloads(&disk).iter().map(|p| p[0]).collect();
    assert_eq!(left, [0, 1, 2, 9, 10, 11, 12, 13, 14, 15, 16], "1 has its name still, and its records");
    log.close().unwrap();
    assert_eq!(files(&disk), [4, 5, 6].map(|id| format!("commitlog-{id}.log")));
}

/// A fresh database waited 8 to 380 ms at its first write, for a whole segment of 32 MiB to be
/// made, and eight rows took 33.7 MB of disk.
#[test]
fn a_log_of_little_takes_little_and_the_first_record_waits_for_no_segment() {
    let disk = SimDisk::new();
    let (log, _) = open_with(&disk, LogOptions { segment_len: 32 << 20, ..options(Durability::Sync) });
    disk.start_trace();
    log.put(&[A], &[b"first"]);
    assert!(!log.prepare_step().unwrap(), "nothing to prepare yet");
    assert!(disk.take_trace().iter().all(|line| line.starts_with("write") || line.starts_with("sync ")));
    assert_eq!(log.total_bytes(), 128 << 10);
    // Each segment is longer than the one before, and the next one is made before it is needed.
    let mut lens = Vec::new();
    for _ in 0..150 {
        let end = log.append(&[A], &[&[7; 300_000]]).unwrap();
        while log.prepare_step().unwrap() {}
        let path = Path::new(DIR).join(format!("commitlog-{}.log", end.segment));
        lens.push(disk.metadata(&path).unwrap().len);
    }
    lens.dedup();
    assert_eq!(lens, [512 << 10, 2 << 20, 8 << 20, 32 << 20]);
}

/// A spare that was prepared for the usual records is too short for a longer one.
#[test]
fn a_record_that_is_longer_than_the_spares() {
    let disk = SimDisk::new();
    let (log, _) = open_with(&disk, LogOptions { segment_len: 32 << 20, ..options(Durability::Sync) });
    log.put(&[A], &[&[1; 40_000]]);
    while log.prepare_step().unwrap() {}
    assert_eq!(files(&disk).len(), 2);
    let end = log.put(&[A], &[&[2; 3_000_000]]);
    log.put(&[A], &[&[3; 100_000]]);
    assert_eq!(end.segment, 3);
    assert_eq!(files(&disk), [1, 3, 4].map(|id| format!("commitlog-{id}.log")), "the spare is gone");
    assert_eq!(
        payloads(&disk.crash(1)).iter().map(Vec::len).collect::<Vec<_>>(),
        [40_000, 3_000_000, 100_000]
    );
}

#[test]
fn segments_that_are_not_filled_are_not_kept() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    for i in 0..12_u8 {
        log.put(&[A], &[&[i; 250]]);
    }
    log.mark_flushed(A, log.position()).unwrap();
    assert_eq!(files(&disk), ["commitlog-4.log"]);
}

/// What several writers appended goes out with the first of them that commits.
#[test]
fn one_write_for_all_who_wait() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    let ends: Vec<_> = (0..3_u8).map(|i| log.append(&[A], &[&[i; 10]]).unwrap()).collect();
    assert!(payloads(&disk.kill()).is_empty(), "nothing was acknowledged yet");
    disk.start_trace();
    for end in ends {
        log.commit(end).unwrap();
        assert_eq!(payloads(&disk.kill()).len(), 3);
    }
    assert_eq!(disk.take_trace(), ["write db/commitlog/commitlog-1.log 88+78"]);
}

/// A write that fails takes what was gathered with it: nothing may be written after the hole.
#[test]
fn nothing_is_written_after_a_failed_write() {
    for errno in Errno::ALL {
        let disk = SimDisk::new();
        let log = open(&disk, Durability::Buffered);
        log.put(&[A], &[b"before"]);
        let fault =
            Fault::new(Path::new(DIR).join("commitlog-1.log"), errno).on(&[Operation::Write]).times(1);
        disk.inject(fault);
        let first = log.append(&[A], &[&[1; 100]]).unwrap();
        let second = log.append(&[A], &[&[2; 100]]).unwrap();
        assert!(matches!(log.commit(first), Err(LogError::Stopped(_))), "{errno:?}");
        assert!(matches!(log.commit(second), Err(LogError::Stopped(_))), "{errno:?}");
        assert!(matches!(log.append(&[A], &[]), Err(LogError::Stopped(_))), "{errno:?}");
        assert!(log.sync().is_err() && log.close().is_err(), "{errno:?}");
        // The failed write may have written a part.
        let seen = payloads(&disk.kill());
        assert!(seen[0] == b"before" && seen.len() <= 2, "{errno:?}: {seen:?}");
    }
}

#[test]
fn a_full_log_is_over_its_cap() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Buffered);
    for _ in 0..13 {
        assert!(!log.over_cap() || log.total_bytes() > 4096);
        log.put(&[A], &[&[0; 250]]);
    }
    assert!(log.over_cap());
}

#[test]
fn replayed_segments_stay_until_they_are_flushed() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    let end = log.put(&[A], &[b"1"]);
    log.put(&[B], &[b"2"]);
    log.sync().unwrap();
    let disk = disk.kill();
    let log = open(&disk, Durability::Sync);
    assert_eq!(log.dirty_tags_of_oldest(), [A, B]);
    log.put(&[A], &[b"3"]);
    log.sync().unwrap();
    log.mark_flushed(A, end).unwrap();
    assert_eq!(log.dirty_tags_of_oldest(), [B]);
    let disk = disk.crash(1);
    assert_eq!(payloads(&disk), [b"1", b"2", b"3"]);
    let log = open(&disk, Durability::Sync);
    log.discard_replayed().unwrap();
    assert!(log.dirty_tags_of_oldest().is_empty());
    assert_eq!(log.total_bytes(), 1024, "what is kept for reuse does not count");
    log.close().unwrap();
    assert!(payloads(&disk).is_empty());
}

#[test]
fn ids_rise_over_any_restart() {
    let mut disk = SimDisk::new();
    let mut last = LogPosition::NONE;
    for round in 0..8_u64 {
        let log = open(&disk, Durability::Sync);
        assert!(log.position() > last, "round {round}");
        if round % 2 == 0 {
            last = log.put(&[A], &[b"x"]);
            log.commit(last).unwrap();
            log.mark_flushed(A, last).unwrap();
        }
        log.discard_replayed().unwrap();
        if round % 3 == 0 {
            log.close().unwrap();
            assert!(matches!(log.append(&[A], &[]), Err(LogError::Closed)));
            assert!(!log.prepare_step().unwrap());
        }
        last = last.max(log.position());
        disk = disk.crash(round);
    }
    let floor = LogOptions { first_segment: 1000, ..options(Durability::Sync) };
    assert!(open_with(&disk, floor).0.position().segment >= 1000);
}

#[test]
fn a_closed_log_is_small() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Periodic(Duration::from_secs(1)));
    while log.prepare_step().unwrap() {}
    log.put(&[A], &[b"1"]);
    log.close().unwrap();
    assert_eq!(files(&disk), ["commitlog-1.log"]);
    assert!(disk.metadata(&Path::new(DIR).join("commitlog-1.log")).unwrap().len < 200);
    let (_, report) = try_read(&disk.crash(0), Path::new(DIR)).unwrap();
    assert_eq!((report.records, report.payload_bytes), (1, 1));
}

#[test]
fn periodic_writers_wait_when_the_last_sync_is_too_old() {
    let disk = SimDisk::new();
    let (log, clock) = open_with(&disk, options(Durability::Periodic(Duration::from_secs(1))));
    let survivors = |disk: &SimDisk| (0..64).map(|seed| payloads(&disk.crash(seed)).len()).min().unwrap();
    let write = || log.commit(log.put(&[A], &[b"x"])).unwrap();
    write();
    assert_eq!(survivors(&disk), 0, "not synced yet");
    clock.advance(Duration::from_millis(1001));
    write();
    assert_eq!(survivors(&disk), 2, "the writer synced");
    write();
    assert_eq!(log.sync_step().unwrap(), Duration::from_millis(500), "nothing is due");
    assert_eq!(survivors(&disk), 2);
    clock.advance(Duration::from_millis(500));
    assert_eq!(log.sync_step().unwrap(), Duration::from_millis(500));
    assert_eq!(survivors(&disk), 3);
    clock.advance(Duration::from_millis(900));
    log.sync_step().unwrap();
    clock.advance(Duration::from_millis(900));
    let operations = disk.operations();
    log.commit(log.position()).unwrap();
    assert_eq!(disk.operations(), operations, "a step without work counts as a sync");
    let log = open(&SimDisk::new(), Durability::Sync);
    assert_eq!(log.sync_step().unwrap(), Duration::MAX);
}

#[test]
fn the_first_failure_is_remembered() {
    for n in 1.. {
        let disk = SimDisk::new();
        let log = open(&disk, Durability::Sync);
        disk.fail_once(n);
        let mut failed = None;
        let mut acknowledged = 0;
        for i in 0..10_u8 {
            let written = log.append(&[A], &[&[i; 250]]).and_then(|end| log.commit(end));
            match (&failed, written) {
                (None, Ok(())) => acknowledged += 1,
                (None, Err(e)) => failed = Some(e),
                // A segment that could not be made is no reason to stop.
                (Some(LogError::Io(_)), Ok(())) => acknowledged += 1,
                (Some(first), written) => {
                    let again = written.expect_err("the log has stopped");
                    assert_eq!(again.to_string(), first.to_string(), "operation {n}");
                    assert!(matches!(log.sync(), Err(LogError::Stopped(_))));
                }
            }
        }
        if disk.fault_is_pending() {
            assert!(n > 30);
            break;
        }
        for seed in 0..10 {
            assert!(payloads(&disk.crash(seed)).len() >= acknowledged, "operation {n}, seed {seed}");
        }
    }
}

#[test]
fn a_full_disk_stops_nothing_for_ever() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    disk.limit_space(2500);
    let mut refused = 0;
    for i in 0..12_u8 {
        match log.append(&[A], &[&[i; 250]]) {
            Ok(end) => log.commit(end).unwrap(),
            Err(LogError::Io(e)) => {
                assert_eq!(e.kind(), ErrorKind::StorageFull);
                refused += 1;
            }
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!(refused, 12 - 9);
    disk.heal();
    log.commit(log.put(&[A], &[b"again"])).unwrap();
    let seen = payloads(&disk.crash(3));
    assert_eq!((seen.len(), seen[9].as_slice()), (10, b"again".as_slice()));
}

#[test]
fn a_receiver_can_refuse() {
    let disk = SimDisk::new();
    let log = open(&disk, Durability::Sync);
    log.put(&[A], &[b"1"]);
    let error = replay(&disk, Path::new(DIR), super::ALL_FLUSHED, &mut |_| Err("no")).unwrap_err();
    assert_eq!(error.to_string(), "no");
}

/// The order of operations is the contract with the disk: see the numbered list in format.rs.
#[test]
fn the_order_of_operations() {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new(DIR)).unwrap();
    disk.start_trace();
    let log = open(&disk, Durability::Sync);
    log.prepare_step().unwrap();
    for _ in 0..3 {
        log.append(&[A], &[&[7; 400]]).unwrap();
    }
    log.commit(log.position()).unwrap();
    log.mark_flushed(A, log.position()).unwrap();
    log.prepare_step().unwrap();
    log.close().unwrap();
    let trace: Vec<String> =
        disk.take_trace().iter().map(|line| line.replace("db/commitlog/commitlog-", "")).collect();
    let expected = "\
        sync-dir db | create 1.tmp | allocate 1.tmp 1024 | write 1.tmp 64+960 | write 1.tmp 0+88 | sync 1.tmp | \
        rename 1.tmp -> 1.log | sync-dir db/commitlog | \
        create 2.tmp | allocate 2.tmp 1024 | write 2.tmp 64+960 | write 2.tmp 0+64 | sync 2.tmp | \
        rename 2.tmp -> 2.log | sync-dir db/commitlog | \
        write 1.log 88+852 | write 2.log 64+456 | sync 1.log | sync 2.log | write 2.log 520+24 | \
        rename 1.log -> 3.tmp | sync-dir db/commitlog | write 3.tmp 0+64 | sync 3.tmp | \
        rename 3.tmp -> 3.log | sync-dir db/commitlog | \
        write 2.log 544+20 | sync 2.log | set-len 2.log 564 | sync 2.log | remove 3.log";
    assert_eq!(trace.join(" | "), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_records_are_read_back(
        lens in prop::collection::vec((0_usize..488, 1_u32..4, any::<bool>(), any::<u8>()), 0..60),
        reopen_every in 1_usize..30,
    ) {
        let mut disk = SimDisk::new();
        let mut log = open(&disk, Durability::Buffered);
        let mut expected = Vec::new();
        for (i, (len, tags, prepare, byte)) in lens.into_iter().enumerate() {
            let payload = vec![byte; len];
            let (head, body) = payload.split_at(payload.len() / 3);
            let tags: Vec<TableTag> = (0..tags).map(TableTag).collect();
            let end = log.put(&tags, &[head, body]);
            expected.push((end, tags, payload));
            if prepare {
                log.prepare_step().unwrap();
            }
            if i % reopen_every == reopen_every - 1 {
                if prepare {
                    log.close().unwrap();
                }
                disk = disk.kill();
                log = open(&disk, Durability::Buffered);
            }
        }
        let seen: Vec<_> = read(&disk).into_iter().map(|s| (s.end, s.tags, s.payload)).collect();
        prop_assert_eq!(seen, expected);
    }
}
