//! `helenus sstable metadata`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Prints what is known of SSTables without reading their rows, as Cassandra's sstablemetadata does
///
/// Bounds of times, keys and clusterings, histograms, the serialization header: Statistics.db, and
/// what CompressionInfo.db and Summary.db add. Dates are in UTC. Output is never coloured
/// (sstablemetadata -c).
///
/// Counterpart in Cassandra: sstablemetadata. It takes -t and ignores it; here the unit counts.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable metadata da-3-bti-Data.db
  helenus sstable metadata -s data/chat/messages-5a1c
  helenus sstable metadata --json data/chat/messages-5a1c | jq .max_timestamp

Exit codes: 0 all of it was printed, 1 a path can't be read, 2 the command line is wrong."
)]
pub(crate) struct Metadata {
    /// Read all rows too, and list the partitions with the most rows, bytes and tombstones
    #[arg(short = 's', long)]
    pub(crate) scan: bool,
    /// Print a JSON object for each SSTable, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// How long tombstones are kept, for the estimate of those that are droppable
    #[arg(short = 'g', long = "gc_grace_seconds", value_name = "SECONDS", default_value_t = 0)]
    pub(crate) gc_grace_seconds: u32,
    /// Unit of the clients' timestamps
    #[arg(
        short = 't',
        long = "timestamp_unit",
        value_enum,
        ignore_case = true,
        default_value = "microseconds"
    )]
    pub(crate) timestamp_unit: Unit,
    /// Draw histograms with block elements
    #[arg(short = 'u', long)]
    pub(crate) unicode: bool,
    /// Data.db files, or directories with all SSTables in them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}
