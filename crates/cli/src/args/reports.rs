//! `helenus sstable list`, `levels` and `expired-blockers`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::diff::{Second, second};

/// Lists the files of a table's directory by their role, according to its transaction logs
///
/// Compactions and the like keep a log next to the files that they replace and write, so that a
/// node that dies on the way knows which of them are live: `final` files are, `obsolete` ones were
/// replaced, `unfinished` ones are of a transaction that is under way or was broken off. Cassandra
/// deletes both when it starts; here nothing is deleted. `half-written` files get their names when
/// they are complete. `other` ones are no component of an SSTable that is read here.
///
/// Counterpart in Cassandra: sstableutil, without its --cleanup.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable list data/chat/messages-5a1c
  helenus sstable list --long --oplog data/chat/messages-5a1c
  helenus sstable list --type tmp data/chat/*/

Exit codes: 0 done, 1 a directory or a log can't be read, 2 the command line is wrong."
)]
pub(crate) struct List {
    /// The files to list
    #[arg(short = 't', long = "type", value_name = "TYPE", value_enum, default_value = "all")]
    pub(crate) kind: ListType,
    /// Include the logs of transactions
    #[arg(short, long)]
    pub(crate) oplog: bool,
    /// Print the role of each file and its size in bytes
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print a JSON object for each file, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Directories of tables; their subdirectories are not searched
    #[arg(required = true, value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListType {
    /// Final, temporary and other files
    All,
    /// Obsolete, unfinished and half-written files
    Tmp,
    /// Files of SSTables that count
    Final,
}

/// Prints the levels of a table's SSTables, their overlaps, and the levels that they could have
///
/// Above level 0 the SSTables of a level must not overlap; one that does is sent back to level 0
/// when Cassandra starts. The potential levels are those that sstableofflinerelevel would write.
/// Nothing is written.
///
/// Counterpart in Cassandra: sstableofflinerelevel --dry-run. There is none of sstablelevelreset,
/// which changes its inputs.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable levels data/chat/messages-5a1c
  helenus sstable levels --long data/chat/messages-5a1c

Exit codes: 0 done, 1 something can't be read, 2 the command line is wrong."
)]
pub(crate) struct Levels {
    /// List the SSTables of each level
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print a JSON object for each directory, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Data.db files, or directories of them; each directory is read separately
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Shows which SSTables keep expired ones, without live data, from being dropped
///
/// A compaction drops an SSTable as a whole when everything in it was deleted or expired longer
/// than gc_grace_seconds ago, unless one with something alive has a timestamp that is not newer
/// than its newest: that one is a blocker. All paths are of one table. Data in a node's memtables
/// blocks too, and is not seen here.
///
/// Counterpart in Cassandra: sstableexpiredblockers.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable expired-blockers /var/lib/cassandra/data/chat/messages-5a1c
  helenus sstable expired-blockers --gc-grace 3600 --now 1767225600 backup/messages-5a1c

Exit codes: 0 done, 1 something can't be read, 2 the command line is wrong."
)]
pub(crate) struct ExpiredBlockers {
    /// How long tombstones are kept [default: as the table's schema says where it is found, or else
    /// 864000]
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["schema", "table"])]
    pub(crate) gc_grace: Option<u32>,
    /// CQL that defines the table, if DIR and the directories above it don't
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// With --schema: keyspace.table, where it defines several
    #[arg(long, value_name = "TABLE", requires = "schema")]
    pub(crate) table: Option<String>,
    /// The time to look from: a second since 1970, or now
    #[arg(long, value_name = "SECOND", value_parser = second, default_value = "now")]
    pub(crate) now: Second,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}
