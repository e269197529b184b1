//! The log on the simulated disk, crashed and damaged in every way, and on the real one.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod basics;
mod crash;
mod damage;
mod missing;
mod real;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use helenus_commitlog::{
    CommitLog, Durability, LogOptions, ReplayError, ReplayOptions, ReplayReport, TableTag, replay,
};
use helenus_io::Disk;
use helenus_sim::{SimClock, SimDisk};
use helenus_types::LogPosition;

const DIR: &str = "db/commitlog";

const A: TableTag = TableTag(1);
const B: TableTag = TableTag(2);

/// Appending and committing in one.
trait Put {
    fn put(&self, tags: &[TableTag], payload: &[&[u8]]) -> LogPosition;
}

impl Put for CommitLog {
    fn put(&self, tags: &[TableTag], payload: &[&[u8]]) -> LogPosition {
        let end = self.append(tags, payload).unwrap();
        self.commit(end).unwrap();
        end
    }
}

/// A record as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    start: LogPosition,
    end: LogPosition,
    tags: Vec<TableTag>,
    payload: Vec<u8>,
}

fn options(durability: Durability) -> LogOptions {
    LogOptions { segment_len: 1024, durability, max_total_bytes: 4096, salt_seed: 5, ..LogOptions::default() }
}

/// For tests that read what is left of a log, whatever was released.
const ALL_FLUSHED: ReplayOptions<'static> = ReplayOptions {
    flushed: &|_, _| true,
    released_to: LogPosition { segment: 1 << 40, offset: 0 },
    accept_missing: false,
};

fn try_read(disk: &dyn Disk, dir: &Path) -> Result<(Vec<Seen>, ReplayReport), ReplayError<Infallible>> {
    try_read_with(disk, dir, ALL_FLUSHED)
}

fn try_read_with(
    disk: &dyn Disk,
    dir: &Path,
    options: ReplayOptions<'_>,
) -> Result<(Vec<Seen>, ReplayReport), ReplayError<Infallible>> {
    let mut seen = Vec::new();
    let report = replay(disk, dir, options, &mut |record| {
        let tags = record.tags.to_vec();
        seen.push(Seen { start: record.start, end: record.end, tags, payload: record.payload.to_vec() });
        Ok(())
    })?;
    Ok((seen, report))
}

fn read(disk: &SimDisk) -> Vec<Seen> {
    try_read(disk, Path::new(DIR)).unwrap().0
}

fn payloads(disk: &SimDisk) -> Vec<Vec<u8>> {
    read(disk).into_iter().map(|seen| seen.payload).collect()
}

fn open_with(disk: &SimDisk, options: LogOptions) -> (CommitLog, Arc<SimClock>) {
    let clock = Arc::new(SimClock::new(1_000_000));
    let (_, report) = try_read(disk, Path::new(DIR)).unwrap();
    let shared = Arc::clone(&clock) as Arc<_>;
    let log = CommitLog::resume(Arc::new(disk.clone()), DIR, options, shared, report).unwrap();
    (log, clock)
}

fn open(disk: &SimDisk, durability: Durability) -> CommitLog {
    open_with(disk, options(durability)).0
}

fn files(disk: &SimDisk) -> Vec<String> {
    let entries = disk.list(Path::new(DIR)).unwrap();
    entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
}
