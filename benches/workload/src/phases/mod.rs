//! The phases, each in a file of its kind: what is written, what is read, what is done to the whole
//! table, what has a limit.

mod churn;
mod compact;
mod limits;
mod mixed;
mod read;
mod recover;
mod write;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::generate::Generator;
use crate::meter::{Meter, disk_bytes};
use crate::report::Report;
use crate::store::{Opening, Store};
use crate::{Args, Result, Workload};

/// Marks directories that this program made, and says which table is loaded.
const MARK: &str = ".workload";
/// Longest time that background work may take.
const SETTLE: Duration = Duration::from_secs(600);

/// Runs what the arguments ask for.
pub(crate) fn run(args: &Args) -> Result<()> {
    match args.workload {
        Workload::Gen => generate(args)?,
        Workload::Write => write::rows(args)?,
        Workload::WriteBatch => write::batches(args)?,
        Workload::WriteSync => write::synced(args)?,
        Workload::Load => write::load(args)?,
        Workload::PointRead => read::points(args)?,
        Workload::Slice => read::slices(args)?,
        Workload::Scan => read::scans(args)?,
        Workload::Mixed => mixed::run(args)?,
        Workload::Churn => churn::run(args)?,
        Workload::Compact => compact::run(args)?,
        Workload::Recover => recover::run(args)?,
        Workload::RecoverChild => return recover::write_until_killed(args),
        Workload::WriteLagging => write::lagging(args)?,
        Workload::FirstWrite => limits::opening::first_write(args)?,
        Workload::Open => limits::opening::many(args)?,
        Workload::OpenChild => return limits::opening::open(args),
        Workload::Budget => limits::budget::run(args)?,
        Workload::Curves => limits::curves::run(args)?,
        Workload::All => return all(args),
    }
    if !args.keep && !args.reuse && args.workload != Workload::Load {
        wipe(&args.dir)?;
    }
    Ok(())
}

/// Every workload in its turn; those that read share one table.
fn all(args: &Args) -> Result<()> {
    use Workload::{
        Churn, Compact, Gen, Load, Mixed, PointRead, Recover, Scan, Slice, Write, WriteBatch, WriteSync,
    };
    let each =
        [Gen, Write, WriteBatch, WriteSync, Load, PointRead, Slice, Scan, Mixed, Churn, Compact, Recover];
    for workload in each {
        let reuse = matches!(workload, PointRead | Slice | Scan);
        run(&Args { workload, reuse, ..args.clone() })?;
    }
    Ok(())
}

/// The numbers of threads to run with.
fn threads(args: &Args, usual: &[u16]) -> Vec<u16> {
    if args.threads.is_empty() { usual.to_vec() } else { args.threads.clone() }
}

/// Removes what an earlier run of this program left.
fn wipe(dir: &Path) -> Result<()> {
    if dir.exists() {
        let empty = fs::read_dir(dir)?.next().is_none();
        if !empty && !dir.join(MARK).exists() {
            return Err(format!("{} was not made by this program", dir.display()).into());
        }
        fs::remove_dir_all(dir)?;
    }
    Ok(())
}

/// An empty table in an empty directory.
fn fresh(args: &Args, opening: Opening) -> Result<Store> {
    wipe(&args.dir)?;
    fs::create_dir_all(&args.dir)?;
    fs::write(args.dir.join(MARK), "")?;
    Store::create(&args.dir.join("db"), opening)
}

/// The table with all rows, settled: the one that is there already, with `--reuse`.
fn loaded(args: &Args, generator: &Generator) -> Result<Store> {
    let mark = args.dir.join(MARK);
    let wanted = format!("{} rows of seed {}", args.rows, args.seed);
    if args.reuse && fs::read_to_string(&mark).is_ok_and(|text| text == wanted) {
        return Store::open(&args.dir.join("db"), Opening::BUFFERED);
    }
    if args.reuse {
        return Err(
            format!("{} has no table of {wanted}: run the workload load first", args.dir.display()).into()
        );
    }
    let store = fresh(args, Opening::BUFFERED)?;
    write::fill(&store, generator)?;
    store.flush()?;
    store.settle(SETTLE)?;
    fs::write(mark, wanted)?;
    Ok(store)
}

fn generate(args: &Args) -> Result<()> {
    let generator = Generator::new(args.rows, 1, args.seed);
    let meter = Meter::start();
    let (sum, bytes) = generator.totals(args.rows);
    let reading = meter.read();
    let rows = args.rows as f64;
    Report::new(args, "gen", "1t", &reading)
        .figure("ns_per_row", reading.secs * 1e9 / rows)
        .figure("mean_row_bytes", bytes as f64 / rows)
        .count("partitions", generator.partitions().len() as u64)
        .count("digest", sum)
        .emit(args)
}

fn wrong<T>(what: String) -> Result<T> {
    Err(format!("wrong answer: {what}").into())
}

fn size_of(args: &Args) -> u64 {
    disk_bytes(&args.dir.join("db"))
}
