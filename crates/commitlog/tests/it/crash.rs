//! A workload that is crashed at each of its operations, recovered, and crashed in its recovery.
//!
//! What must hold each time: the records read back are those that were appended, in order, up to
//! one of them; only flushed ones may be missing before it; and nothing after it was promised.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use helenus_commitlog::{
    CommitLog, Durability, LogError, ReplayError, ReplayOptions, ReplayReport, TableTag,
};
use helenus_io::Disk as _;
use helenus_sim::{Rng, SimClock, SimDisk};
use helenus_types::LogPosition;

use super::{A, B, DIR, Seen, options, payloads, try_read_with};

const MODES: [Durability; 3] =
    [Durability::Sync, Durability::Periodic(Duration::from_secs(1)), Durability::Buffered];

/// What was done to a log, in its own order, over restarts.
#[derive(Debug, Clone, Default)]
struct History {
    /// Every record that was begun to be appended.
    records: Vec<Written>,
    /// The number of them that are known to be durable.
    durable: usize,
    /// The number that were handed over.
    handed_over: usize,
    next_id: u32,
    /// What the owner of the log notes of it while it is open: the first segment since then.
    open_since: Option<u64>,
}

#[derive(Debug, Clone)]
struct Written {
    payload: Vec<u8>,
    tag: TableTag,
    end: LogPosition,
    flushed: bool,
}

/// What of the history a disk must still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// The power was cut.
    Durable,
    /// The process was killed.
    HandedOver,
}

impl History {
    fn append(&mut self, log: &CommitLog, rng: &mut Rng) -> Result<LogPosition, LogError> {
        let tag = if rng.chance(1, 3) { B } else { A };
        let mut payload = self.next_id.to_le_bytes().to_vec();
        self.next_id += 1;
        let most = if rng.chance(1, 8) { 450 } else { 90 };
        payload.resize(4 + rng.index(most), b'x');
        // One that fails may have been made in part or whole; it is the last.
        self.records.push(Written { payload, tag, end: LogPosition::NONE, flushed: false });
        let written = self.records.last_mut().unwrap();
        let (head, body) = written.payload.split_at(4);
        let end = log.append(&[tag], &[head, body])?;
        written.end = end;
        log.commit(end)?;
        self.handed_over = self.records.len();
        Ok(end)
    }

    fn durable_up_to(&mut self, position: LogPosition) {
        let durable = self.records.iter().take(self.handed_over).filter(|r| r.end <= position).count();
        self.durable = self.durable.max(durable);
    }

    /// As the engine flushes: the log is synced, an SSTable made, and then the log may forget.
    fn flush(&mut self, log: &CommitLog, tag: TableTag) -> Result<(), LogError> {
        let up_to = log.position();
        let synced = log.sync()?;
        assert!(synced >= up_to);
        self.durable_up_to(synced);
        for record in self.records.iter_mut().filter(|r| r.tag == tag && r.end <= up_to) {
            record.flushed = true;
        }
        log.mark_flushed(tag, up_to)
    }

    /// As the engine drops a table: its records are obsolete, synced or not.
    fn drop_table(&mut self, log: &CommitLog, tag: TableTag) -> Result<(), LogError> {
        self.records.iter_mut().filter(|r| r.tag == tag).for_each(|r| r.flushed = true);
        log.mark_flushed(tag, log.position())
    }

    /// Checks what is read back, and takes it as the history from here on.
    fn check(&mut self, disk: &SimDisk, promise: Promise, context: &str) {
        let (seen, _) = self.read(disk).unwrap_or_else(|e| panic!("{context}: {e}"));
        let (kept, missing) = self.compare(seen, promise, context);
        assert!(missing.is_none(), "{context}: {kept} records, missing {missing:?}");
        self.records.truncate(kept);
        self.handed_over = kept;
        self.durable = self.durable.min(kept);
    }

    /// Reads the log back, knowing what is flushed.
    fn read(&self, disk: &SimDisk) -> Result<(Vec<Seen>, ReplayReport), ReplayError<Infallible>> {
        let needed = |tag: TableTag, end: LogPosition| {
            let mut records = self.records.iter().filter(|r| r.tag == tag && r.end <= end);
            records.any(|r| !r.flushed && r.end != LogPosition::NONE)
        };
        let flushed = |tag, end| !needed(tag, end);
        let options = ReplayOptions { flushed: &flushed, ..ReplayOptions::NONE_RELEASED };
        try_read_with(disk, Path::new(DIR), options)
    }

    /// How many records of the history there are, up to the last that was read back, and the first
    /// one that was promised and is not there.
    fn compare(&mut self, seen: Vec<Seen>, promise: Promise, context: &str) -> (usize, Option<Written>) {
        let mut seen = seen.into_iter().peekable();
        let mut kept = 0;
        for (i, record) in self.records.iter_mut().enumerate() {
            if seen.peek().is_some_and(|s| s.payload == record.payload) {
                let seen = seen.next().unwrap();
                assert_eq!(seen.tags, [record.tag], "{context}");
                assert!(i >= self.handed_over || seen.end == record.end, "{context}");
                record.end = seen.end;
                kept = i + 1;
            } else if !record.flushed {
                break;
            }
        }
        assert_eq!(
            seen.next(),
            None,
            "{context}: not the next of {} records after {kept}",
            self.records.len()
        );
        let promised = if promise == Promise::Durable { self.durable } else { self.handed_over };
        let missing = self.records.iter().take(promised).skip(kept).find(|r| !r.flushed);
        (kept, missing.cloned())
    }
}

fn open(
    disk: &SimDisk,
    durability: Durability,
    history: &mut History,
) -> Result<(CommitLog, Arc<SimClock>), String> {
    let clock = Arc::new(SimClock::new(77));
    let (_, report) = history.read(disk).map_err(|e| e.to_string())?;
    let log = CommitLog::resume(
        Arc::new(disk.clone()),
        DIR,
        options(durability),
        Arc::clone(&clock) as Arc<_>,
        report,
    );
    let log = log.map_err(|e| e.to_string())?;
    history.open_since = Some(log.position().segment);
    Ok((log, clock))
}

/// Opens, works, and stops at the first error; the seed chooses the work.
fn work(
    disk: &SimDisk,
    durability: Durability,
    history: &mut History,
    seed: u64,
    steps: usize,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let (log, clock) = open(disk, durability, history)?;
    // What was replayed is durable from now on.
    history.durable = history.records.len();
    let text = |e: LogError| e.to_string();
    if history.durable > 0 && rng.chance(1, 2) {
        // The engine has flushed all that it replayed.
        history.records.iter_mut().for_each(|r| r.flushed = true);
        log.discard_replayed().map_err(text)?;
    }
    for _ in 0..steps {
        match rng.below(16) {
            0 => history.flush(&log, A).map_err(text)?,
            1 => history.flush(&log, B).map_err(text)?,
            2 | 3 => drop(log.prepare_step().map_err(text)?),
            4 => {
                clock.advance(Duration::from_millis(700));
                log.sync_step().map_err(text)?;
            }
            5 => {
                let synced = log.sync().map_err(text)?;
                history.durable_up_to(synced);
            }
            6 => history.drop_table(&log, if rng.chance(1, 2) { A } else { B }).map_err(text)?,
            _ => {
                let end = history.append(&log, &mut rng).map_err(text)?;
                if durability == Durability::Sync {
                    history.durable_up_to(end);
                }
            }
        }
    }
    if rng.chance(1, 2) {
        log.close().map_err(text)?;
        if history.records.iter().all(|r| r.flushed) {
            history.open_since = None;
        }
        history.durable = history.handed_over;
    }
    Ok(())
}

/// The disk after a crash, and what it must hold.
fn after(disk: &SimDisk, seed: u64) -> (SimDisk, Promise) {
    if seed.is_multiple_of(3) {
        (disk.kill(), Promise::HandedOver)
    } else {
        (disk.crash(seed), Promise::Durable)
    }
}

#[test]
fn a_crash_at_every_operation_leaves_a_prefix() {
    let mut points = 0;
    for durability in MODES {
        for seed in 0..12 {
            for n in 1.. {
                let disk = SimDisk::new();
                let mut history = History::default();
                disk.crash_at(n);
                let finished = work(&disk, durability, &mut history, seed, 40);
                for cut in 0..6 {
                    let (after, promise) = after(&disk, n * 6 + cut);
                    let context = format!("{durability:?}, seed {seed}, operation {n}, cut {cut}");
                    history.clone().check(&after, promise, &context);
                    points += 1;
                }
                if disk.fault_is_pending() {
                    finished.unwrap();
                    break;
                }
            }
        }
    }
    assert!(points > 10_000, "{points}");
}

#[test]
fn a_crash_of_the_recovery_changes_nothing() {
    let mut points = 0;
    for durability in MODES {
        for seed in 0..40 {
            let disk = SimDisk::new();
            let mut history = History::default();
            disk.crash_at(20 + seed * 5);
            drop(work(&disk, durability, &mut history, seed, 60));
            let (disk, promise) = after(&disk, seed);
            history.check(&disk, promise, &format!("{durability:?}, seed {seed}, first crash"));
            for n in 1.. {
                // The second run is crashed at its n-th operation, the third works on what is left.
                let (disk, mut history) = (disk.kill(), history.clone());
                disk.crash_at(n);
                drop(work(&disk, durability, &mut history, seed ^ 99, 15));
                let over = disk.fault_is_pending();
                let (disk, promise) = after(&disk, seed + n);
                let context = format!("{durability:?}, seed {seed}, second crash at {n}");
                history.check(&disk, promise, &context);
                work(&disk, durability, &mut history, n, 10).unwrap_or_else(|e| panic!("{context}: {e}"));
                let (disk, promise) = after(&disk, seed + 2 * n);
                history.check(&disk, promise, &format!("{context}, third crash"));
                points += 2;
                if over {
                    break;
                }
            }
        }
    }
    assert!(points > 5_000, "{points}");
}

#[test]
fn a_failing_disk_keeps_what_was_acknowledged() {
    for durability in MODES {
        for seed in 0..8 {
            for n in 1.. {
                let disk = SimDisk::new();
                let mut history = History::default();
                if seed % 2 == 0 {
                    disk.fail_once(n)
                } else {
                    disk.fail_at(n)
                }
                drop(work(&disk, durability, &mut history, seed, 40));
                let over = disk.fault_is_pending();
                for cut in 0..4 {
                    let (after, promise) = after(&disk, n * 4 + cut);
                    let context = format!("{durability:?}, seed {seed}, failure {n}, cut {cut}");
                    let mut history = history.clone();
                    history.check(&after, promise, &context);
                    work(&after, durability, &mut history, n, 5).unwrap_or_else(|e| panic!("{context}: {e}"));
                }
                if over {
                    break;
                }
            }
        }
    }
}

/// Whole stories at random: up to six runs, each ended by a crash, a kill or a close.
#[test]
fn many_runs() {
    for story in 0..1500_u64 {
        let mut rng = Rng::new(story);
        let durability = MODES[rng.index(3)];
        let mut disk = SimDisk::new();
        let mut history = History::default();
        for run in 0..6 {
            if rng.chance(3, 4) {
                disk.crash_at(1 + rng.below(150));
            }
            let before = disk.clone();
            let done = work(&before, durability, &mut history, rng.next(), 50);
            let context = format!("story {story}, run {run}");
            assert!(done.is_ok() || !before.fault_is_pending(), "{context}: {done:?}");
            let promise;
            (disk, promise) = after(&before, rng.next());
            history.check(&disk, promise, &context);
        }
    }
}

#[test]
fn no_file_is_leaked() {
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut most = BTreeSet::new();
    let mut at = disk;
    for round in 0..30 {
        at.crash_at(25);
        drop(work(&at, Durability::Sync, &mut history, round, 30));
        at = at.kill();
        history.check(&at, Promise::HandedOver, &format!("round {round}"));
        let (log, _) = open(&at, Durability::Sync, &mut history).unwrap();
        history.records.iter_mut().for_each(|r| r.flushed = true);
        log.discard_replayed().unwrap();
        most.insert(super::files(&at).len());
        log.close().unwrap();
        assert_eq!(super::files(&at).len(), 1);
        assert!(payloads(&at).is_empty());
        history = History { next_id: history.next_id, ..History::default() };
    }
    assert!(most.last().is_some_and(|most| *most < 12), "{most:?}");
}

/// Any of the segments 2 to 6 of 6 could be removed from a log that was not closed, the newest too,
/// and it opened without what was in it, acknowledged as durable or not: "a missing id is a
/// released segment".
#[test]
fn a_segment_that_is_gone_is_noticed() {
    let (mut noticed, mut harmless) = (0, 0);
    for durability in MODES {
        for seed in 0..150 {
            let disk = SimDisk::new();
            let mut history = History::default();
            if seed % 4 != 0 {
                disk.crash_at(40 + seed * 3);
            }
            drop(work(&disk, durability, &mut history, seed, 80));
            if seed % 2 == 0 {
                // A second run after a crash, so that segments of both are there.
                let (after, promise) = after(&disk, seed);
                history.check(&after, promise, "first crash");
                drop(work(&after, durability, &mut history, seed ^ 5, 30));
                (noticed, harmless) = without_each_segment(&after, &history, seed, (noticed, harmless));
            } else {
                (noticed, harmless) = without_each_segment(&disk, &history, seed, (noticed, harmless));
            }
        }
    }
    assert!(noticed > 500 && harmless > 500, "{noticed} {harmless}");
}

/// Removes each of the segments in turn, and two that follow each other: either that is noticed, or
/// nothing is missing that was promised.
fn without_each_segment(
    disk: &SimDisk,
    history: &History,
    seed: u64,
    (mut noticed, mut harmless): (usize, usize),
) -> (usize, usize) {
    let (disk, promise) = after(disk, seed);
    let names = super::files(&disk);
    for count in 1..=2 {
        for gone in names.windows(count) {
            let disk = disk.kill();
            gone.iter().for_each(|name| disk.remove_file(&Path::new(DIR).join(name)).unwrap());
            let context = format!("seed {seed}, without {gone:?} of {names:?}");
            let mut history = history.clone();
            match history.read(&disk) {
                Err(ReplayError::Missing(missing)) => {
                    // It may be one that was released before those after it were removed.
                    assert!(!disk.exists(&missing.path).unwrap(), "{context}: {missing:?}");
                    assert!(disk.exists(&missing.witness).unwrap(), "{context}: {missing:?}");
                    noticed += 1;
                }
                Err(ReplayError::Damaged { .. }) => noticed += 1,
                Err(error) => panic!("{context}: {error}"),
                Ok((_, report)) if report.newest_segment() < history.open_since => noticed += 1,
                Ok((seen, _)) => {
                    let (kept, missing) = history.compare(seen, promise, &context);
                    assert!(missing.is_none(), "{context}: {kept} records, missing {missing:?}");
                    harmless += 1;
                }
            }
        }
    }
    (noticed, harmless)
}
