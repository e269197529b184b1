//! Measures CQL beside the typed API: the same work through both, in alternation, on one database
//! in memory.
//!
//! Prints nanoseconds for each row or call, the median of the rounds, and the ratio. `--only NAME
//! --side cql --rounds 1` does one thing alone, for `valgrind --tool=callgrind`: its instructions
//! are those with `--times N` less those with `--times 0`.
//!
//! **Knows** the table, and each work in both forms. **Must not know** anything of CQL and of the
//! engine but their public API.
//!
//! Start reading at [`Work`].

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it takes the time and prints it")]

mod work;

use std::time::Instant;

use clap::{Parser, ValueEnum};
use work::{Bench, Work};

/// What may go wrong is printed.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The same work through CQL and through the typed API.
#[derive(Debug, Parser)]
struct Args {
    /// This work alone.
    #[arg(long)]
    only: Option<Work>,
    /// This side alone.
    #[arg(long)]
    side: Option<Side>,
    /// Rounds, of which the median is shown.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How often the work is done in a round; each has a number of its own.
    #[arg(long)]
    times: Option<u32>,
    /// Rows of the table that is read.
    #[arg(long, default_value_t = 200_000)]
    rows: u32,
}

/// The API that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    Typed,
    Cql,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench::new(args.rows)?;
    println!("{:24} {:>12} {:>12} {:>8}", "ns a row or call", "typed", "CQL", "ratio");
    for work in Work::value_variants() {
        if args.only.is_none_or(|only| only == *work) {
            compare(&args, &bench, *work)?;
        }
    }
    Ok(())
}

fn compare(args: &Args, bench: &Bench, work: Work) -> Result<()> {
    let times = args.times.unwrap_or_else(|| work.times());
    let mut each: [Vec<f64>; 2] = Default::default();
    for _ in 0..args.rounds {
        for (side, taken) in [Side::Typed, Side::Cql].into_iter().zip(&mut each) {
            if args.side.is_none_or(|only| only == side) {
                let began = Instant::now();
                let rows = bench.run(work, side == Side::Cql, times)?;
                let nanos = u32::try_from(began.elapsed().as_nanos() / u128::from(rows.max(1)))?;
                taken.push(f64::from(nanos));
            }
        }
    }
    let [typed, cql] = each.map(median);
    println!("{:24} {typed:>12.0} {cql:>12.0} {:>8.2}", work.name(), cql / typed);
    Ok(())
}

/// The one in the middle; no number of none.
fn median(mut taken: Vec<f64>) -> f64 {
    taken.sort_by(f64::total_cmp);
    taken.get(taken.len() / 2).copied().unwrap_or(f64::NAN)
}
