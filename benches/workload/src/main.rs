//! Measures Helenus on one table of a chat's messages: writes, reads, scans, recovery and
//! compaction, with every answer compared with what the generator says it must be.
//!
//! **Knows** the rows, the phases and what they take. **Must not know** anything of the engine but
//! its public API.
//!
//! Start reading at [`phases`], then `store.rs` for the calls that are measured and `generate.rs`
//! for the rows.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures wall time, reads the system's counters and prints what it found"
)]
#![expect(clippy::indexing_slicing, reason = "tables of the generator, indexed by remainders")]

mod generate;
mod meter;
mod phases;
mod report;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// An error ends the run.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Measures Helenus with one table of messages: PRIMARY KEY ((channel_id, bucket), message_id), 164
/// bytes a row.
///
/// Every phase runs with the same configuration: memtables of 64 MiB, 256 MiB of cache, LZ4, two
/// background threads. Answers are compared with the generator: a wrong one ends the run with exit
/// status 1. Each phase prints one JSON object on a line; a run's directory is removed at its end
/// unless --keep or --reuse is given.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "workload",
    max_term_width = 120,
    after_help = "Examples:
  workload --workload write --rows 3000000 --threads 1,2 --dir data/x --json out.jsonl
  workload --workload load --dir data/x && workload --workload point-read --reuse --dir data/x
  workload --workload recover --log-bytes 1000000000 --dir data/x
  workload --workload all --rows 1000000 --dir data/x --json out.jsonl"
)]
pub(crate) struct Args {
    /// The workload to measure.
    #[arg(long, value_enum)]
    workload: Workload,
    /// Rows in the table.
    #[arg(long, default_value_t = 3_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    rows: u64,
    /// Numbers of threads, a phase each; by default those that the workload is known by.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Vec<u16>,
    /// Directory of the run. It is created; one that was not made by this program is refused.
    #[arg(long)]
    dir: PathBuf,
    /// File that the JSON lines are appended to, in addition to being printed.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Seconds that each phase of reads, of mixed calls and of synced writes lasts.
    #[arg(long, default_value_t = 5.0)]
    secs: f64,
    /// Reads the table that `load` left in --dir, and leaves it there.
    #[arg(long)]
    reuse: bool,
    /// Leaves the directory at the end.
    #[arg(long)]
    keep: bool,
    /// Rows are a function of it.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// recover: logical bytes in the log when the writer is killed.
    #[arg(long, default_value_t = 1_000_000_000)]
    log_bytes: u64,
    /// open: SSTables of a hundred rows each.
    #[arg(long, default_value_t = 1_000)]
    sstables: u32,
    /// Number of the repetition, put into the JSON.
    #[arg(long, default_value_t = 0)]
    rep: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Makes rows and throws them away: what the generator itself takes.
    Gen,
    /// One row a call, buffered; then a flush, and until nothing is left to do. 1 and 2 threads.
    Write,
    /// 100 rows of one partition a call. 1 and 2 threads.
    WriteBatch,
    /// One row a call, each on stable storage before the call returns. 1, 4 and 16 threads.
    WriteSync,
    /// Fills the table that --reuse reads; it stays.
    Load,
    /// Single rows by their keys: uniform, by Zipf's law, of absent partitions, absent in present
    /// partitions.
    PointRead,
    /// The newest 50 rows of a partition: uniform, by Zipf's law.
    Slice,
    /// The whole table, twice.
    Scan,
    /// Half single writes, half slices of 50, in 2 threads.
    Mixed,
    /// Overwrites half, deletes a quarter, flushes, settles, compacts; gc_grace_seconds = 0.
    Churn,
    /// Major compaction of six generations.
    Compact,
    /// A process writes --log-bytes without a flush and is killed; the time to open and read.
    Recover,
    /// Memtables of a megabyte, so that SSTables wait for compaction: how long writes are held up.
    /// 2 threads.
    WriteLagging,
    /// The first write of a fresh database, and what eight rows take of the disk.
    FirstWrite,
    /// Opens a directory of --sstables that was closed: processor time and memory; and scans it.
    Open,
    /// Eight threads write cells of 8 MB against a budget of 32 MiB: memory meanwhile and after the
    /// close.
    Budget,
    /// What one range deletion, write beside a reader, put into a map, change of the schema costs
    /// as there are more.
    Curves,
    /// All of them up to recover, one after the other.
    All,
    #[value(hide = true)]
    RecoverChild,
    #[value(hide = true)]
    OpenChild,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match phases::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&*error);
            ExitCode::FAILURE
        }
    }
}
