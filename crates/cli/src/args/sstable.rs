//! `helenus sstable …`: an entry for each tool, whose help names its counterpart in Cassandra.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use helenus_sstable::Version;

use super::RowFiles;
use super::convert::{CompressorName, Convert, Split, Upgrade, writable};
use super::diff::Diff;
use super::metadata::Metadata;
use super::partitions::Partitions;
use super::reports::{ExpiredBlockers, Levels, List};
use super::scrub::{Rebuild, Scrub};
use super::verify::Verify;

/// Looks into single SSTables
#[derive(Debug, Args)]
pub(crate) struct Sstable {
    #[command(subcommand)]
    pub(crate) command: SstableCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SstableCommand {
    Dump(Dump),
    Metadata(Metadata),
    Verify(Verify),
    Scrub(Scrub),
    Rebuild(Rebuild),
    BulkWrite(BulkWrite),
    Convert(Convert),
    Upgrade(Upgrade),
    Split(Split),
    Diff(Diff),
    Partitions(Partitions),
    List(List),
    Levels(Levels),
    ExpiredBlockers(ExpiredBlockers),
}

/// Prints everything in an SSTable as JSON, as Cassandra's sstabledump does
///
/// Rows, deletions and positions, dead or alive; no schema is needed. Damaged partitions are
/// reported and skipped. Keys are typed as -e prints them; the values of a key of several columns
/// are separated by colons.
///
/// Counterpart in Cassandra: sstabledump, which takes several keys after one -k.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable dump data/chat/messages-5a1c/da-3-bti-Data.db
  helenus sstable dump -t -k 42 -k -7 da-3-bti-Data.db
  helenus sstable dump -l da-3-bti-Data.db | jq -c .partition

Exit codes: 0 all of it was printed, 1 it is damaged or can't be read, 2 the command line is wrong."
)]
pub(crate) struct Dump {
    /// Print timestamps as numbers, not as dates; -d does anyway
    #[arg(short = 't')]
    pub(crate) timestamps: bool,
    /// Print partition keys alone
    #[arg(short = 'e', conflicts_with_all = ["unfiltereds", "lines"])]
    pub(crate) enumerate_keys: bool,
    /// Print a line for each row, marker and deletion of a partition, as Cassandra names them
    /// inside
    #[arg(short = 'd', conflicts_with = "lines")]
    pub(crate) unfiltereds: bool,
    /// Print a JSON object for each partition, one per line
    #[arg(short = 'l')]
    pub(crate) lines: bool,
    /// Print only this partition; may be repeated; it is looked up in the index
    #[arg(short = 'k', long = "key", value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) keys: Vec<String>,
    /// Skip this partition; may be repeated
    #[arg(short = 'x', long = "exclude-key", value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) excluded: Vec<String>,
    /// The table's Data.db; its other components are next to it
    #[arg(value_name = "FILE-Data.db")]
    pub(crate) file: PathBuf,
}

/// Writes the rows of CSV or JSON files to SSTables, without a database
///
/// The counterpart of Cassandra's CQLSSTableWriter: the output is ready for `nodetool import`, or
/// with DIR named …/keyspace/table for `sstableloader`. Files are read as by `helenus import`. Rows
/// may come in any order; those of a full buffer become an SSTable. An invalid line is reported and
/// kept in FILE.refused; the exit code then is 1. If the command fails as a whole nothing is left
/// in DIR.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable bulk-write --schema orders.cql --out ./out/shop/orders orders.csv
  helenus sstable bulk-write --schema schema.cql --table chat.messages --ttl 86400 --out ./out january.jsonl february.jsonl
  helenus export ./db chat.messages | helenus sstable bulk-write --schema chat.cql --sorted --out ./out -
  nodetool import --copy-data shop orders $PWD/out/shop/orders"
)]
pub(crate) struct BulkWrite {
    /// CQL that defines the table, and its types
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: PathBuf,
    /// keyspace.table [default: the only one of the schema]
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// Directory of the SSTables; it must be empty or not exist yet
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Version of the SSTables: da, oa, nb or me [default: the newest, da]
    #[arg(long, value_name = "VERSION", value_parser = writable)]
    pub(crate) to: Option<Version>,
    /// Compression [default: as the schema says]
    #[arg(long, value_enum)]
    pub(crate) codec: Option<CompressorName>,
    /// Timestamp of all rows, in microseconds since 1970 [default: the clock's]
    #[arg(long, value_name = "µs", allow_negative_numbers = true)]
    pub(crate) timestamp: Option<i64>,
    /// Seconds that rows live [default: as the schema says]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ttl: Option<u32>,
    /// Cap expirations past 2038-01-19T03:14:06Z at that second where the version can't hold them;
    /// otherwise the command fails
    #[arg(long)]
    pub(crate) cap_expirations: bool,
    /// Rows come in the order of tokens and clustering, as `export` prints them: nothing is
    /// gathered in memory
    #[arg(long)]
    pub(crate) sorted: bool,
    /// Memory for rows in any order
    #[arg(long, value_name = "MiB", default_value_t = 64)]
    pub(crate) buffer: u32,
    /// Size from which another SSTable is begun [default: none]
    #[arg(long, value_name = "MiB")]
    pub(crate) max_size: Option<u32>,
    /// Name SSTables by UUIDs, not by numbers
    #[arg(long)]
    pub(crate) uuid_ids: bool,
    #[command(flatten)]
    pub(crate) how: RowFiles,
    /// Files of rows; - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}
