//! `helenus sstable partitions`.

use std::path::PathBuf;

use clap::Args;

use super::diff::{Second, second};

/// Prints how large the partitions of SSTables are, and those that are larger than they should be
///
/// A partition is printed when it reaches one of the --min limits; without any, only the figures of
/// each SSTable are. As in Cassandra's tool, static rows are not counted, each marker of a range
/// deletion is, and percentiles are up to a fifth too large. SSTables of unfinished transactions
/// are left out. A SIZE is a number of bytes, or one with KiB, MiB, GiB or TiB.
///
/// Counterpart in Cassandra: sstablepartitions, whose options are the same.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable partitions --min-size 100MiB data/chat/messages-5a1c
  helenus sstable partitions -r --min-tombstones 1000 --csv data > partitions.csv
  helenus sstable partitions -k 42 -t 0 da-3-bti-Data.db

Exit codes: 0 done, 1 something can't be read, 2 the command line is wrong."
)]
pub(crate) struct Partitions {
    /// Uncompressed bytes of a partition from which it is printed
    #[arg(short = 't', long, value_name = "SIZE", value_parser = size)]
    pub(crate) min_size: Option<u64>,
    /// Rows of a partition from which it is printed
    #[arg(short = 'w', long, value_name = "N")]
    pub(crate) min_rows: Option<u64>,
    /// Cells of a partition from which it is printed
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) min_cells: Option<u64>,
    /// Tombstones of a partition from which it is printed, expired data included
    #[arg(short = 'o', long, value_name = "N")]
    pub(crate) min_tombstones: Option<u64>,
    /// Measure only this partition; may be repeated; the values of a key with several columns are
    /// separated by colons
    #[arg(short = 'k', long = "key", value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) keys: Vec<String>,
    /// Skip this partition; may be repeated
    #[arg(short = 'x', long = "exclude-key", value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) excluded: Vec<String>,
    /// Count no rows, cells and tombstones
    #[arg(short = 'y', long, conflicts_with_all = ["min_rows", "min_cells", "min_tombstones"])]
    pub(crate) partitions_only: bool,
    /// The time by which something has expired: a second since 1970, or now
    #[arg(short = 'u', long, value_name = "SECOND", value_parser = second, default_value = "now")]
    pub(crate) current_timestamp: Second,
    /// Search subdirectories
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// With -r: search snapshots too
    #[arg(short, long, requires = "recursive")]
    pub(crate) snapshots: bool,
    /// With -r: search backups too
    #[arg(short, long, requires = "recursive")]
    pub(crate) backups: bool,
    /// Print the partitions as CSV, and nothing else
    #[arg(short = 'm', long)]
    pub(crate) csv: bool,
    /// Print a JSON object for each partition, and one for each SSTable's figures, one per line
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// A number of bytes, with a unit of 1024 or none.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text.strip_prefix(digits).unwrap_or_default() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        unit => return Err(format!("{unit} is none of B, KiB, MiB, GiB, TiB")),
    };
    let number: u64 = digits.parse().map_err(|error| format!("{error}"))?;
    number.checked_mul(1 << shift).ok_or_else(|| "more than 2^64 bytes".to_owned())
}
