//! `helenus sstable verify`.

use std::path::PathBuf;

use clap::Args;

/// Checks SSTables: every checksum, row and cell, and that indexes, filter and statistics agree
///
/// A finding has the component, the offset in it, the chunk and the partition if they are known,
/// the expected and the found content, and the loss. `damage` is data that can't be read or not as
/// it was written, `hidden` data that some reads don't find, `cosmetic` neither. Nothing is
/// written: the table may be in use.
///
/// Counterpart in Cassandra: nodetool verify, sstableverify. Their extended mode reads the heads of
/// partitions only, and accepts a filter that lacks keys, and statistics that hide rows.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable verify data/chat/messages-5a1c
  helenus sstable verify -r ./db
  helenus sstable verify -r /var/lib/cassandra/data
  helenus sstable verify --quick da-3-bti-Data.db da-4-bti-Data.db
  helenus sstable verify --json backup/ > findings.jsonl

Exit codes: 0 nothing is wrong, 1 something is or a path can't be read, 2 the command line is wrong."
)]
pub(crate) struct Verify {
    /// Only components and checksums; no row is decoded
    #[arg(long, conflicts_with = "extended")]
    pub(crate) quick: bool,
    /// Everything; the default
    #[arg(long)]
    pub(crate) extended: bool,
    /// Print a JSON object for each SSTable, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Search subdirectories, as of a whole database or a node's data directory
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// With -r: search snapshots too
    #[arg(short, long, requires = "recursive")]
    pub(crate) snapshots: bool,
    /// With -r: search backups too
    #[arg(short, long, requires = "recursive")]
    pub(crate) backups: bool,
    /// Data.db files, or directories with all SSTables in them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}
