//! Real file systems that are full, on small images that are mounted for it, where
//! `HELENUS_MOUNTS=1` says so:
//! `HELENUS_MOUNTS=1 cargo test -p helenus --test crash full:: -- --nocapture --test-threads 1`, as
//! root on Linux, with `mkfs.ext4`, `mkfs.xfs` and `mkfs.btrfs` (a kind that can't be made is left
//! out, and said so).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use helenus::{
    Background, Database, Durability, Error, ErrorKind, HealthIssue, HealthStatus, Options, Table,
};

const SCHEMA: &str = "
    CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE app.one (p int PRIMARY KEY, pad blob) WITH ID = 8f1a2b50-0000-11ef-8000-000000000001;
    CREATE TABLE app.two (p int PRIMARY KEY, pad blob);";
/// The first table's directory.
const ONE: &str = "data/app/one-8f1a2b50000011ef8000000000000001";
const WRITERS: i32 = 3;
/// What nothing here takes, unless it hangs.
const LONG: Duration = Duration::from_secs(120);

/// A file system of its own.
struct Mounted {
    point: PathBuf,
    _dir: tempfile::TempDir,
}

impl Mounted {
    /// `None` where this machine can't make one, or isn't to.
    fn new(kind: &str, mib: u64) -> Option<Self> {
        if !may_mount() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let (image, point) = (dir.path().join("image"), dir.path().join("mnt"));
        fs::create_dir(&point).unwrap();
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        if kind == "tmpfs" {
            mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]);
        } else {
            File::create(&image).unwrap().set_len(mib << 20).unwrap();
            let quiet = if kind == "btrfs" || kind == "ext4" { "-q" } else { "-f" };
            run(Command::new(format!("mkfs.{kind}")).arg(quiet).arg(&image))?;
            mount.args(["-o", "loop"]).arg(&image);
        }
        run(mount.arg(&point))?;
        Some(Self { point, _dir: dir })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(&self.point));
    }
}

/// Whether file systems may be mounted.
fn may_mount() -> bool {
    std::env::var("HELENUS_MOUNTS").is_ok_and(|value| value == "1")
}

/// Runs a command; `None` if that fails.
fn run(command: &mut Command) -> Option<()> {
    let done = command.output().ok()?;
    if done.status.success() {
        return Some(());
    }
    println!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    None
}

fn open(dir: &Path, durability: Durability) -> Database {
    Options::new()
        .durability(durability)
        .log_segment_bytes(1 << 20)
        .log_total_bytes(4 << 20)
        .memtable_bytes(1 << 20)
        .memtable_total_bytes(4 << 20)
        .write_timeout(Duration::from_secs(3))
        .background(Background::Threads(2))
        .open(dir)
        .unwrap()
}

/// Bytes that no file system makes shorter.
fn pad(p: i32) -> Vec<u8> {
    let mut state = u64::from(p.unsigned_abs()) | 1 << 40;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..2048).map(step).collect()
}

fn write(table: &Table, p: i32) -> helenus::Result<()> {
    table.insert(p, ()).set("pad", pad(p)).execute().map(drop)
}

fn count(db: &Database, name: &str) -> i32 {
    let table = db.table("app", name).unwrap();
    let select = table.select();
    let (mut rows, mut count) = (select.rows().unwrap(), 0);
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

/// Writes keys from `next` on with several threads, each until its first error: one each, and how
/// long the call took that gave it.
fn write_until_refused(table: &Table, next: &AtomicI32, written: &AtomicI32) -> Vec<(Error, Duration)> {
    std::thread::scope(|scope| {
        let writer = || {
            loop {
                let begun = Instant::now();
                match write(table, next.fetch_add(1, SeqCst)) {
                    Ok(()) => drop(written.fetch_add(1, SeqCst)),
                    Err(error) => return (error, begun.elapsed()),
                }
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(writer)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// Tries until it works, and says how long that took.
fn retried<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(done) = attempt() {
            return (done, begun.elapsed());
        }
        assert!(begun.elapsed() < LONG, "{what}: not yet after {LONG:?}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Takes all of a file system's space except `but` bytes.
fn fill(point: &Path, but: u64) -> PathBuf {
    let ballast = point.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    let block: Vec<u8> = (0..64).flat_map(pad).collect();
    let mut len = 0;
    while file.write_all(&block).is_ok() && file.sync_data().is_ok() {
        len += block.len() as u64;
    }
    file.set_len(len.saturating_sub(but)).unwrap();
    file.sync_all().unwrap();
    ballast
}

/// Checks that `op` ends: one that hangs is reported by name.
fn ends<T: Send>(what: &str, op: impl FnOnce() -> T + Send) -> T {
    let (done, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watched = scope.spawn(move || {
            let result = op();
            drop(done);
            result
        });
        if ended.recv_timeout(LONG) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            println!("{what} hangs");
            std::process::abort();
        }
        watched.join().unwrap()
    })
}

/// The whole file system is full for a while: writers are refused and not kept waiting, what was
/// acknowledged can be read, health says what is the matter, and once there is room all goes on by
/// itself, or after opening where the log had to stop. Nothing is lost, and no signal comes.
fn full_for_a_while(kind: &str, mib: u64, durability: Durability) {
    let Some(disk) = Mounted::new(kind, mib) else { return println!("{kind}: left out") };
    let dir = disk.point.join("db");
    let db = open(&dir, durability);
    db.execute_schema(SCHEMA).unwrap();
    let (one, two) = (db.table("app", "one").unwrap(), db.table("app", "two").unwrap());
    let (next, written) = (AtomicI32::new(0), AtomicI32::new(0));
    for p in 0..100 {
        write(&one, p).unwrap();
        write(&two, p).unwrap();
    }
    next.store(100, SeqCst);
    written.store(100, SeqCst);
    let ballast = fill(&disk.point, 12 << 20);
    let refused = ends("a writer", || write_until_refused(&one, &next, &written));
    for (error, took) in &refused {
        println!("{kind} {durability:?}: refused after {took:?}: {:?}: {error}", error.kind());
        let kinds = [ErrorKind::Io, ErrorKind::Overloaded, ErrorKind::LogFailed];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    let has_stopped = refused.iter().any(|(error, _)| error.kind() == ErrorKind::LogFailed);
    let health = db.health();
    health.reasons.iter().for_each(|reason| println!("    {reason}"));
    assert_ne!(health.status, HealthStatus::Ok);
    let issue = if has_stopped { HealthIssue::LogFails } else { HealthIssue::DiskFull };
    assert!(health.of(issue).next().is_some(), "{health:?}");
    let acknowledged = written.load(SeqCst);
    let found = count(&db, "one");
    // A refused write may be there: nothing was promised about it.
    assert!((acknowledged..=next.load(SeqCst)).contains(&found), "{found} of {acknowledged}");
    assert_eq!(count(&db, "two"), 100);

    fs::remove_file(ballast).unwrap();
    if has_stopped {
        // Space was reserved, and writing into it failed all the same: the log takes no more until
        // it is opened again.
        println!("    the log has stopped; opening anew");
        ends("closing", || db.close().unwrap_err());
        drop((one, two, db));
        let db = open(&dir, durability);
        let found = count(&db, "one");
        assert!((acknowledged..=next.load(SeqCst)).contains(&found), "{found} of {acknowledged}");
        assert_eq!(count(&db, "two"), 100);
        write(&db.table("app", "one").unwrap(), 1_000_000).unwrap();
        return db.close().unwrap();
    }
    let mut more = 1_000_000;
    let ((), took) = retried("a write", || {
        more += 1;
        write(&one, more).ok()
    });
    println!("    a write goes through {took:?} after there is room again");
    for p in 100..300 {
        write(&two, p).unwrap();
    }
    ends("flushing", || db.flush().unwrap());
    let ((), took) = retried("health", || (db.health().status == HealthStatus::Ok).then_some(()));
    println!("    health is ok after {took:?} more");
    let rows = (count(&db, "one"), count(&db, "two"));
    assert!(rows.0 > found && rows.1 == 300, "{rows:?}");
    ends("closing", || db.close().unwrap());
    drop((one, two, db));
    let db = open(&dir, durability);
    assert_eq!((count(&db, "one"), count(&db, "two")), rows);
    db.close().unwrap();
}

#[test]
fn ext4() {
    full_for_a_while("ext4", 96, Durability::Periodic(Duration::from_millis(100)));
    full_for_a_while("ext4", 96, Durability::Sync);
}

#[test]
fn xfs() {
    full_for_a_while("xfs", 320, Durability::Periodic(Duration::from_millis(100)));
    full_for_a_while("xfs", 320, Durability::Sync);
}

#[test]
fn tmpfs() {
    full_for_a_while("tmpfs", 64, Durability::Periodic(Duration::from_millis(100)));
}

/// Copy-on-write: writing into space that a file has reserved can find none either. That raised
/// SIGBUS where the log was mapped.
#[test]
fn btrfs() {
    full_for_a_while("btrfs", 160, Durability::Periodic(Duration::from_millis(100)));
    full_for_a_while("btrfs", 160, Durability::Buffered);
    full_for_a_while("btrfs", 160, Durability::Sync);
}

/// The place of one table alone is full: its writers are refused, others go on, and so does it once
/// there is room.
#[test]
fn one_tables_directory() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join(ONE);
    let mount =
        |option: &str| run(Command::new("mount").args(["-t", "tmpfs", "-o", option, "tmpfs"]).arg(&place));
    let db = open(dir.path(), Durability::Periodic(Duration::from_millis(100)));
    db.execute_schema(SCHEMA).unwrap();
    fs::create_dir_all(&place).unwrap();
    if mount("size=2m").is_none() {
        return println!("left out");
    }
    let (one, two) = (db.table("app", "one").unwrap(), db.table("app", "two").unwrap());
    let (next, written) = (AtomicI32::new(0), AtomicI32::new(0));
    let done = AtomicBool::new(false);
    let of_two = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut count = 0;
            while !done.load(SeqCst) || count < 3_000 {
                write(&two, count).unwrap();
                count += 1;
            }
            count
        });
        let refused = ends("a writer", || write_until_refused(&one, &next, &written));
        for (error, took) in &refused {
            println!("refused after {took:?}: {:?}: {error}", error.kind());
            assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        }
        let health = db.health();
        health.reasons.iter().for_each(|reason| println!("    {reason}"));
        let named = health.of(HealthIssue::FlushFails).filter_map(|reason| reason.table.as_deref());
        assert_eq!(named.collect::<Vec<_>>(), ["app.one"]);
        done.store(true, SeqCst);
        beside.join().unwrap()
    });
    two.flush().unwrap();
    run(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&place)).unwrap();
    let mut more = 1_000_000;
    let ((), took) = retried("a write", || {
        more += 1;
        write(&one, more).ok()
    });
    println!("    a write goes through {took:?} after there is room again");
    let ((), took) = retried("health", || (db.health().status == HealthStatus::Ok).then_some(()));
    println!("    health is ok after {took:?} more, {of_two} rows were written beside");
    assert_eq!((count(&db, "one") > written.load(SeqCst), count(&db, "two")), (true, of_two));
    ends("closing", || db.close().unwrap());
    drop((one, two, db));
    run(Command::new("umount").arg(&place));
}
