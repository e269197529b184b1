//! A process writes to the log without ever flushing and is killed; how long opening and a first
//! read take then.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{fresh, wrong};
use crate::generate::{Generator, Message};
use crate::meter::Meter;
use crate::report::Report;
use crate::store::{Opening, Reader, Store, Writer};
use crate::{Args, Result};

/// Rows of a call, all of one partition.
const BATCH: u64 = 100;
/// The writer ends by itself after this, if it is not killed.
const ORPHANED: Duration = Duration::from_secs(120);

/// Kills the writer whatever happens.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn opening(args: &Args) -> Opening {
    Opening { unflushed_bytes: Some(args.log_bytes), ..Opening::BUFFERED }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--workload").arg("recover-child").arg("--dir").arg(&args.dir);
    for (name, value) in [("--rows", args.rows), ("--seed", args.seed), ("--log-bytes", args.log_bytes)] {
        command.arg(name).arg(value.to_string());
    }
    let mut child = Killed(command.stdout(Stdio::piped()).spawn()?);
    let mut line = String::new();
    if let Some(stdout) = child.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    drop(child);
    let wrote: Value = serde_json::from_str(&line)?;
    let number = |name: &str| wrote.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (rows, bytes, log_bytes) = (number("rows"), number("bytes"), number("log_bytes"));

    let generator = Generator::new(args.rows, BATCH, args.seed);
    let meter = Meter::start();
    let store = Store::open(&args.dir.join("db"), opening(args))?;
    let open_secs = meter.secs();
    let some = generator.row(rows / 2, 0);
    let found = Reader::new(&store).point(&store, some.key)?;
    let reading = meter.read();
    let (sum, _) = generator.totals(rows);
    if found != Some(some.digest()) || Reader::new(&store).scan(&store)? != (rows, sum) {
        return wrong(format!("not all of {rows} acknowledged rows were recovered"));
    }
    let closing = Meter::start();
    store.close()?;
    Report::new(args, "recover", "1t", &reading)
        .count("rows_done", rows)
        .count("logical_bytes", bytes)
        .count("log_bytes", log_bytes)
        .figure("open_secs", open_secs)
        .figure("first_read_secs", reading.secs)
        .figure("log_mb_per_s", log_bytes as f64 / reading.secs / 1e6)
        .figure("cpu_us_per_row", reading.cpu_secs * 1e6 / rows as f64)
        .figure("close_secs", closing.secs())
        .emit(args)
}

/// The process that is killed: it says what it wrote, and waits.
pub(super) fn write_until_killed(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, BATCH, args.seed);
    let store = fresh(args, opening(args))?;
    let mut writer = Writer::new(&store)?;
    let (mut row, mut bytes) = (0, 0);
    let mut batch: Vec<Message<&str>> = Vec::new();
    while bytes < args.log_bytes {
        batch.clear();
        batch.extend((row..row + BATCH).map(|row| generator.row(row, 0)));
        bytes += batch.iter().map(Message::logical_bytes).sum::<u64>();
        writer.write_batch(&batch, &[])?;
        row += BATCH;
    }
    println!("{}", json!({"rows": row, "bytes": bytes, "log_bytes": store.log_bytes()}));
    std::io::stdout().flush()?;
    std::thread::sleep(ORPHANED);
    Ok(())
}
