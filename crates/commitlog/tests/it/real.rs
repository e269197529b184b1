//! On the real disk: threads, reopening, files that other programs change.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use helenus_commitlog::{CommitLog, Durability, LogOptions, TableTag};
use helenus_io::{Disk as _, RealDisk, SystemClock};

use super::{A, Put as _, Seen, try_read};

const MODES: [Durability; 3] =
    [Durability::Sync, Durability::Periodic(Duration::from_millis(2)), Durability::Buffered];

fn open(dir: &Path, options: LogOptions) -> CommitLog {
    let (_, report) = try_read(&RealDisk, dir).unwrap();
    CommitLog::resume(Arc::new(RealDisk), dir, options, Arc::new(SystemClock::new()), report).unwrap()
}

fn read(dir: &Path) -> Vec<Seen> {
    try_read(&RealDisk, dir).unwrap().0
}

#[test]
fn records_survive_reopening_with_and_without_a_close() {
    for durability in MODES {
        let dir = tempfile::tempdir().unwrap();
        let options = LogOptions { segment_len: 64 << 10, durability, ..LogOptions::default() };
        let mut expected = Vec::new();
        for round in 0..4_u8 {
            let log = open(dir.path(), options);
            for i in 0..300_usize {
                let payload = vec![round; i * 7 % 900];
                let end = log.put(&[A], &[&payload]);
                if i % 50 == 0 {
                    log.commit(end).unwrap();
                    log.prepare_step().unwrap();
                }
                expected.push(payload);
            }
            if round % 2 == 0 {
                log.close().unwrap();
            }
        }
        let seen = read(dir.path());
        assert_eq!(seen.into_iter().map(|s| s.payload).collect::<Vec<_>>(), expected);
    }
}

/// The log was mapped: a segment that another program cut, or a file system that found no space for
/// a page when it was stored to, raised SIGBUS and killed the process, in the default mode.
#[test]
fn a_segment_that_somebody_cuts_does_not_kill_the_process() {
    for durability in MODES {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), LogOptions { durability, ..LogOptions::default() });
        log.put(&[A], &[&[1; 100]]);
        let path = dir.path().join("commitlog-1.log");
        RealDisk.open_write(&path).unwrap().set_len(10).unwrap();
        for _ in 0..100 {
            log.put(&[A], &[&[2; 10_000]]);
        }
        log.close().unwrap();
        assert!(try_read(&RealDisk, dir.path()).is_err(), "and what was cut is not taken for a log");
    }
}

/// Longer than what replay reads at once, with records that are, too.
#[test]
fn large_segments_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        LogOptions { segment_len: 8 << 20, durability: Durability::Buffered, ..LogOptions::default() };
    let log = open(dir.path(), options);
    let payload =
        |i: usize| vec![i.to_le_bytes()[0]; if i % 40 == 7 { 3_000_000 + i } else { i * 97 % 70_000 }];
    for i in 0..300 {
        log.put(&[A], &[&payload(i)]);
    }
    let seen = read(dir.path());
    assert_eq!(seen.len(), 300);
    assert!(seen.iter().enumerate().all(|(i, s)| s.payload == payload(i)));
}

#[test]
fn reused_segments_hold_new_records_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        LogOptions { segment_len: 16 << 10, durability: Durability::Buffered, ..LogOptions::default() };
    let log = open(dir.path(), options);
    let mut flushed = log.position();
    for i in 0..5000_u32 {
        log.put(&[A], &[&i.to_le_bytes(), &[7; 96]]);
        if i % 500 == 499 {
            log.sync().unwrap();
            flushed = log.position();
            log.mark_flushed(A, flushed).unwrap();
            while log.prepare_step().unwrap() {}
        }
    }
    for i in 5000..5100_u32 {
        log.put(&[A], &[&i.to_le_bytes(), &[7; 96]]);
    }
    assert!(log.total_bytes() <= 2 * 16384, "{}", log.total_bytes());
    let numbers = |seen: &Seen| u32::from_le_bytes(seen.payload[..4].try_into().unwrap());
    let new: Vec<u32> = read(dir.path()).iter().filter(|s| s.end > flushed).map(numbers).collect();
    assert_eq!(new, (5000..5100).collect::<Vec<_>>());
}

/// Each thread's records are there in its own order, the log's order is that of the positions, and
/// what is acknowledged is there: whatever the mode.
#[test]
fn many_threads_share_the_log() {
    for durability in MODES {
        let dir = tempfile::tempdir().unwrap();
        let options = LogOptions { segment_len: 8 << 10, durability, ..LogOptions::default() };
        let log = open(dir.path(), options);
        let done = AtomicBool::new(false);
        let per_thread = if durability == Durability::Sync { 60 } else { 2000_u32 };
        let ends = thread::scope(|scope| {
            let background = scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    log.prepare_step().unwrap();
                    log.sync_step().unwrap();
                    thread::yield_now();
                }
            });
            let work = |thread: u32, log: &CommitLog| {
                let write = |i: u32| {
                    let parts = [&thread.to_le_bytes()[..], &i.to_le_bytes(), &vec![1; (i % 300) as usize]];
                    let end = log.put(&[TableTag(thread)], &parts);
                    log.commit(end).unwrap();
                    end
                };
                (0..per_thread).map(write).collect::<Vec<_>>()
            };
            let writers: Vec<_> = (0..8)
                .map(|t| {
                    scope.spawn({
                        let log = &log;
                        move || work(t, log)
                    })
                })
                .collect();
            let ends: Vec<_> = writers.into_iter().map(|w| w.join().unwrap()).collect();
            done.store(true, Ordering::SeqCst);
            background.join().unwrap();
            ends
        });
        let mut seen: Vec<Vec<_>> = vec![Vec::new(); 8];
        for record in read(dir.path()) {
            let thread = record.tags[0].0 as usize;
            let number = u32::from_le_bytes(record.payload[4..8].try_into().unwrap());
            assert_eq!(number as usize, seen[thread].len(), "{durability:?}");
            seen[thread].push(record.end);
        }
        assert_eq!(seen, ends, "{durability:?}");
        assert!(ends.iter().flatten().max().unwrap().segment > 3, "several segments");
    }
}
