//! Measures the tools on one generated table: processor time, because other work on the machine
//! doesn't count in it.
//!
//! **Knows** the tools' libraries and how long Cassandra's counterparts take. **Must not know** how
//! any of them works.
//!
//! Start reading at [`MEASURES`]; `generate.rs` makes the table.

#![expect(clippy::print_stdout, reason = "it prints what it found")]

mod bulk;
mod generate;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use helenus_io::{Disk, RealDisk, remove_dir_all};
use helenus_rows::{CellEvent, Unfiltered, UnfilteredStream};
use helenus_sstable::{
    CachedFile, ChunkCache, Codec, CompressionParams, DataFile, Descriptor, DumpOptions, DumpTimes,
    OpenOptions, PageVerification, SsTable, Version, WrittenTable, dump,
};
use helenus_tools::{
    Compression, ConvertOptions, Depth, Ids, PartitionFigures, PartitionsOptions, View, convert, diff,
    partitions, split, verify,
};
use rustix::time::{ClockId, clock_gettime};

/// An error ends the run.
pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures the tools on a generated table of 150-byte rows, 100 in a partition: medians of
/// processor time.
#[derive(Parser, Debug)]
#[command(name = "tools", after_help = "Example:\n  tools --dir data/x --rows 2400000 --only convert")]
struct Args {
    /// Rows of the table
    #[arg(long, default_value_t = 2_400_000)]
    rows: u64,
    /// Runs of each measure
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Measures whose names begin like this
    #[arg(long, default_value = "")]
    only: String,
    /// Leave the table there
    #[arg(long)]
    keep: bool,
    /// Directory to make, and to remove at the end
    #[arg(long)]
    dir: PathBuf,
}

/// The table, and where outputs go.
struct Bench {
    disk: Arc<dyn Disk>,
    table: WrittenTable,
    out: PathBuf,
}

/// A name, what Cassandra's counterpart takes a row in µs where it is known, and what is measured.
type Measure = (&'static str, Option<f64>, fn(&Bench) -> Result<()>);

/// Cassandra 5.0 on a machine like the one in docs/performance.md: its compaction for what writes,
/// `sstabledump -t` for dumps.
const COMPACTION: Option<f64> = Some(8.9);
const SSTABLEDUMP: Option<f64> = Some(14.1e6 / 2.4e6);

/// `CQLSSTableWriter` on the same machine, of which docs/performance.md says more.
const BULK_SORTED: Option<f64> = Some(2.4);
const BULK_ANY_ORDER: Option<f64> = Some(9.1);

const MEASURES: &[Measure] = &[
    ("scan: frames of all rows", None, |bench| bench.scan(false)),
    ("scan: every cell decoded", None, |bench| bench.scan(true)),
    ("verify", None, Bench::verify),
    ("convert to the same", COMPACTION, |bench| bench.convert(Version::DA, Compression::Keep)),
    ("convert to oa", COMPACTION, |bench| bench.convert(Version::OA, Compression::Keep)),
    ("convert to nb", COMPACTION, |bench| bench.convert(Version::NB, Compression::Keep)),
    ("convert to me", COMPACTION, |bench| bench.convert(Version::ME, Compression::Keep)),
    ("convert to no compression", COMPACTION, |bench| bench.convert(Version::DA, Compression::Use(None))),
    ("convert to zstd", COMPACTION, |bench| {
        let params = CompressionParams::new(Codec::Zstd);
        bench.convert(Version::DA, Compression::Use(Some(params)))
    }),
    ("split", COMPACTION, Bench::split),
    ("diff with itself", None, Bench::diff),
    ("partitions", None, Bench::partitions),
    ("dump -t", SSTABLEDUMP, Bench::dump),
    ("bulk-write, sorted", BULK_SORTED, |bench| bench.bulk_write(true)),
    ("bulk-write, any order", BULK_ANY_ORDER, |bench| bench.bulk_write(false)),
];

impl Bench {
    fn file(&self) -> Result<DataFile> {
        Ok(DataFile::open(&self.disk, &self.table.descriptor, PageVerification::Check)?)
    }

    fn scan(&self, cells: bool) -> Result<()> {
        let mut scan = self.file()?.scan();
        let mut bytes = 0;
        while scan.next_partition()? {
            while scan.advance()? {
                let Some(Unfiltered::Row(row)) = scan.current() else { continue };
                bytes += row.body.len();
                if cells {
                    let mut cells = row.cells()?;
                    while let Some(event) = cells.next()? {
                        if let CellEvent::Simple { cell, .. } = event {
                            bytes += cell.value.len();
                        }
                    }
                }
            }
        }
        std::hint::black_box(bytes);
        Ok(())
    }

    fn inputs(&self) -> &[Descriptor] {
        std::slice::from_ref(&self.table.descriptor)
    }

    fn convert(&self, version: Version, compression: Compression) -> Result<()> {
        let options = ConvertOptions { version, compression, ids: Ids::Keep, cap_expirations: false };
        convert(&self.disk, self.inputs(), &self.out, &options, &mut |_| ControlFlow::Continue(()))?;
        Ok(remove_dir_all(&*self.disk, &self.out)?)
    }

    fn verify(&self) -> Result<()> {
        let report = verify(&self.disk, &self.table.descriptor, Depth::Extended, &mut |_| {});
        if report.is_clean() { Ok(()) } else { Err(report.to_string().into()) }
    }

    fn split(&self) -> Result<()> {
        split(&self.disk, self.inputs(), &self.out, 16 << 20, &mut |_| ControlFlow::Continue(()))?;
        if self.disk.exists(&self.out)? {
            remove_dir_all(&*self.disk, &self.out)?;
        }
        Ok(())
    }

    fn bulk_write(&self, sorted: bool) -> Result<()> {
        bulk::write(&self.out, self.table.stats.rows, sorted)?;
        Ok(remove_dir_all(&*self.disk, &self.out)?)
    }

    fn diff(&self) -> Result<()> {
        let (told, progress) = (&mut |_| ControlFlow::Break(()), &mut |_| ControlFlow::Continue(()));
        let summary = diff(&self.disk, self.inputs(), self.inputs(), View::Exact, told, progress)?;
        if summary.differences == 0 { Ok(()) } else { Err("a table differs from itself".into()) }
    }

    fn partitions(&self) -> Result<()> {
        let (told, progress) =
            (&mut |_: &PartitionFigures| ControlFlow::Continue(()), &mut |_| ControlFlow::Continue(()));
        let options = PartitionsOptions::default();
        partitions(&self.disk, &self.table.descriptor, &options, told, progress)?;
        Ok(())
    }

    fn dump(&self) -> Result<()> {
        let options = OpenOptions::new(Arc::new(ChunkCache::new(0)), CachedFile(0), PageVerification::Check);
        let table = SsTable::open(&self.disk, &self.table.descriptor, options)?;
        let options = DumpOptions { times: DumpTimes::Raw, ..DumpOptions::default() };
        let damage = dump(&table, options, &mut io::sink())?;
        damage.into_iter().next().map_or(Ok(()), |error| Err(error.into()))
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    disk.create_dir(&args.dir)?;
    let done = measure_all(&disk, &args);
    if !args.keep {
        remove_dir_all(&*disk, &args.dir)?;
    }
    done
}

fn measure_all(disk: &Arc<dyn Disk>, args: &Args) -> Result<()> {
    let table = generate::table(disk, &args.dir, args.rows)?;
    let data = table.file_sizes.first().map_or(0, |(_, len)| *len);
    let rows = table.stats.rows;
    println!("{rows} rows, {} bytes of data, Data.db {data} bytes", table.data_len);
    let bench = Bench { disk: Arc::clone(disk), out: out(&args.dir), table };
    for (name, theirs, measure) in MEASURES.iter().filter(|(name, ..)| name.starts_with(&args.only)) {
        let mut secs = Vec::new();
        for _ in 0..args.runs {
            let before = processor_time();
            if let Err(error) = measure(&bench) {
                println!("{name:28} failed: {error}");
                break;
            }
            secs.push((processor_time() - before).as_secs_f64());
        }
        secs.sort_by(f64::total_cmp);
        let Some(median) = secs.get(secs.len() / 2) else { continue };
        let micros = median * 1e6 / rows as f64;
        let gigabytes = bench.table.data_len as f64 / 1e9 / median;
        let ratio = theirs.map_or_else(String::new, |theirs| format!("  {:.1} x", theirs / micros));
        println!("{name:28} {micros:.3} µs a row  {gigabytes:.2} GB/s{ratio}");
        io::stdout().flush()?;
    }
    Ok(())
}

fn out(dir: &Path) -> PathBuf {
    dir.join("out")
}

/// The process's processor time, in user and system mode.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
