//! `helenus sstable diff`.

use std::path::PathBuf;

use clap::Args;

/// Compares the data of two sets of SSTables, however it is spread over files
///
/// A and B are Data.db files, or directories with all SSTables in them: two backups of a table, a
/// table and its conversion, the inputs of a compaction and its output. Each side is merged first.
/// Compared are partitions, rows, cells with their times, and what deletions cover; not versions,
/// compressions, or how range deletions are cut.
///
/// Counterpart in Cassandra: none. Its cassandra-diff project compares the answers of two running
/// clusters.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable diff backup-monday/messages-5a1c backup-tuesday/messages-5a1c
  helenus sstable diff --expired now before-compaction/ da-9-bti-Data.db
  helenus sstable diff --json --max 0 A B > differences.jsonl

Exit codes: 0 the same, 1 different or failed, 2 the command line is wrong."
)]
pub(crate) struct Diff {
    /// Treat what has expired by then as the tombstone that a compaction makes of it; a second
    /// since 1970, or now
    #[arg(long, value_name = "SECOND", value_parser = second, conflicts_with = "live")]
    pub(crate) expired: Option<Second>,
    /// Compare only what is alive then; a second since 1970, or now
    #[arg(long, value_name = "SECOND", value_parser = second)]
    pub(crate) live: Option<Second>,
    /// Differences to print before giving up; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max: u64,
    /// Print each difference as a JSON object, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// One side
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// The other side
    #[arg(value_name = "B")]
    pub(crate) right: PathBuf,
}

/// A second since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    Now,
    At(u32),
}

pub(super) fn second(text: &str) -> Result<Second, String> {
    match text {
        "now" => Ok(Second::Now),
        _ => text.parse().map(Second::At).map_err(|error| error.to_string()),
    }
}
