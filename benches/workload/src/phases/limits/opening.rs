//! Opening, and the first write.

use std::process::Command;
use std::time::Duration;

use helenus::{Background, Durability, Options};

use super::create;
use crate::meter::{Histogram, Meter, rss_bytes};
use crate::phases::size_of;
use crate::report::Report;
use crate::{Args, Result};

/// The first write of a fresh database, and what eight rows take.
pub(in crate::phases) fn first_write(args: &Args) -> Result<()> {
    const ROUNDS: u64 = 20;
    let modes = [
        ("periodic", Durability::Periodic(Duration::from_secs(1))),
        ("buffered", Durability::Buffered),
        ("sync", Durability::Sync),
    ];
    for (phase, durability) in modes {
        let (mut first, mut disk_bytes) = (Histogram::default(), 0);
        let meter = Meter::start();
        for _ in 0..ROUNDS {
            let (db, table) = create(Options::new().durability(durability), args)?;
            let one = Meter::start();
            table.insert(1, 0).set("v", vec![0_u8; 100]).execute()?;
            first.record(Duration::from_secs_f64(one.secs()));
            (1..8).try_for_each(|c| table.insert(1, c).set("v", vec![0_u8; 100]).execute())?;
            disk_bytes = size_of(args);
            db.close()?;
        }
        Report::new(args, "first-write", phase, &meter.read())
            .latencies("", &first)
            .count("disk_bytes_of_8_rows", disk_bytes)
            .emit(args)?;
    }
    Ok(())
}

/// Rows of an SSTable.
const ROWS: u32 = 100;

/// Opens a directory of many SSTables that was closed, each time in a process of its own.
pub(in crate::phases) fn many(args: &Args) -> Result<()> {
    let options = Options::new().background(Background::Manual).durability(Durability::Buffered);
    let (db, table) = create(options, args)?;
    for sstable in 0..args.sstables {
        for row in 0..ROWS {
            let p = i32::try_from(sstable * ROWS + row)?;
            table.insert(p, 1).set("v", vec![7_u8; 100]).execute()?;
        }
        db.flush()?;
    }
    db.close()?;
    drop((db, table));
    for rep in 0..5 {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--workload", "open-child", "--reuse", "--rep", &rep.to_string(), "--dir"])
            .arg(&args.dir);
        command.args(args.json.iter().flat_map(|path| [std::ffi::OsStr::new("--json"), path.as_os_str()]));
        if !command.status()?.success() {
            return Err("the process that opens failed".into());
        }
    }
    Ok(())
}

/// In a process of its own, so that nothing is in memory before.
pub(in crate::phases) fn open(args: &Args) -> Result<()> {
    let before = rss_bytes();
    let options = Options::new().background(Background::Manual).create_if_missing(false);
    let meter = Meter::start();
    let db = options.open(args.dir.join("db"))?;
    let opened = meter.read();
    let after = rss_bytes();
    let table = db.table("ks", "t")?;
    Report::new(args, "open", "open", &opened)
        .count("sstables", table.metrics().sstables)
        .figure("cpu_ms", opened.cpu_secs * 1e3)
        .figure("wall_ms", opened.secs * 1e3)
        .count("rss_bytes", after.saturating_sub(before))
        .emit(args)?;
    let meter = Meter::start();
    let mut rows = table.select().into_rows()?;
    let mut count: u64 = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    let scanned = meter.read();
    Report::new(args, "open", "first scan", &scanned)
        .count("rows_done", count)
        .figure("cpu_ms", scanned.cpu_secs * 1e3)
        .count("rss_bytes", rss_bytes().saturating_sub(before))
        .emit(args)
}
