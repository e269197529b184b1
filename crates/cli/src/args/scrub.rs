//! `helenus sstable scrub` and `rebuild`.

use std::path::PathBuf;

use clap::Args;
use helenus_sstable::Version;

use super::convert::writable;

/// Writes the readable part of damaged SSTables to new ones, and reports the losses
///
/// A chunk that can't be read loses the rows in it; after it reading continues, in the same
/// partition too. The index leads past damage, or the data itself if the index is lost. Everything
/// but Data.db and the header in Statistics.db can be missing: the places of compressed chunks are
/// derived from their checksums. Rows of the same clustering are merged. Partitions and rows out of
/// order get SSTables of their own. Every column's values are checked against its type.
///
/// Inputs are only read. --out appears when all is done; until then it is called DIR.unfinished.
/// The report has for each SSTable the number of rows kept, the losses with partition and place,
/// the damaged chunks, and the replacements of damaged or missing components. Other replicas have
/// the lost data: repair brings it back.
///
/// Counterpart in Cassandra: nodetool scrub, sstablescrub, which work in place, and lose all after
/// damage in a partition.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable scrub data/chat/messages-5a1c --out saved
  helenus sstable scrub --report loss.jsonl da-3-bti-Data.db --out saved
  helenus sstable scrub --reinsert-overflowed-ttl --to nb mc-7-big-Data.db --out saved

Exit codes: 0 nothing is lost, 1 something is, 2 there is no output: nothing can be read, or the command line is wrong."
)]
pub(crate) struct Scrub {
    /// Version to write: da, oa, nb or me [default: as each input is, or the last one of its line]
    #[arg(long, value_name = "VERSION", value_parser = writable)]
    pub(crate) to: Option<Version>,
    /// Go on where rows of counters are lost: what is left of a counter is less than was counted
    #[arg(long, short = 's')]
    pub(crate) skip_corrupted: bool,
    /// Mend expirations that overflowed (CASSANDRA-14092): they become 2038-01-19T03:14:06Z, their
    /// timestamps one higher. Deletions keep theirs. Without it such rows and deletions are lost
    #[arg(long, short = 'r', verbatim_doc_comment)]
    pub(crate) reinsert_overflowed_ttl: bool,
    /// Cap deletions and expirations past 2038-01-19T03:14:06Z at that second where the version
    /// can't hold them
    #[arg(long)]
    pub(crate) cap_expirations: bool,
    /// Print a JSON object for each SSTable, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// File to make for the report, in JSON; what is printed is not changed by it
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Directory to create; it may exist if it is empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Rebuilds every derived component: index, summary, filter, statistics, checksums, TOC
///
/// Of the input Data.db and the serialization header in Statistics.db are needed, and
/// CompressionInfo.db if it is there. Data.db is linked, or copied to another file system; its
/// bytes stay unchanged. Damage in it is refused: scrub saves the rest. A lost header can't be made
/// anew, since the times of rows count from times in it. Inputs are only read. --out appears when
/// all is done; until then it is called DIR.unfinished.
///
/// Counterpart in Cassandra: none; a node builds a missing summary and filter, and sstablescrub
/// writes all rows again.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable rebuild data/chat/messages-5a1c --out rebuilt
  helenus sstable rebuild --column-index-size 4 da-3-bti-Data.db --out rebuilt

Exit codes: 0 done, 1 failed and there is no output, 2 the command line is wrong."
)]
pub(crate) struct Rebuild {
    /// KiB of rows in a block of the row index [default: 16 in da, 64 elsewhere]
    #[arg(long, value_name = "KiB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) column_index_size: Option<u32>,
    /// Directory to create; it may exist if it is empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}
