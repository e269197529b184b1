//! `helenus sstable …`: an entry for each tool, whose help names its counterpart in Cassandra.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Looks into single SSTables
#[derive(Debug, Args)]
pub(crate) struct Sstable {
    #[command(subcommand)]
    pub(crate) command: SstableCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SstableCommand {
    Dump(Dump),
}

/// Prints everything in an SSTable as JSON, as Cassandra's sstabledump does
///
/// Rows, deletions and positions, dead or alive; no schema is needed. Damaged partitions are reported and skipped.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable dump data/chat/messages-5a1c/da-3-bti-Data.db
  helenus sstable dump -t da-3-bti-Data.db"
)]
pub(crate) struct Dump {
    /// Print timestamps as numbers, not as dates
    #[arg(short = 't')]
    pub(crate) timestamps: bool,
    /// The table's Data.db; its other components lie beside it
    #[arg(value_name = "FILE-Data.db")]
    pub(crate) file: PathBuf,
}
