//! `helenus open`, and the commands that take in foreign directories.

use std::path::PathBuf;

use clap::Args;

use super::Source;

/// Shows what a directory is, and what can be read of it
///
/// A snapshot (nodetool snapshot), a table's directory, a keyspace's, or a node's whole data
/// directory, of Cassandra 3.0 to 5.0 or ScyllaDB. The schema is read from the node's own SSTables
/// (system_schema) or the snapshot's schema.cql. Metadata and indexes of each SSTable are read;
/// verify reads rows too. Nothing is written or locked; the node may be running. What is only in
/// its commit log is not seen: nodetool flush. Its counterpart is to start a node on the directory.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus open /var/lib/cassandra/data
  helenus open /var/lib/cassandra/data/chat/messages-5a1c3950e6a711f1ab1cb38d9ae74bd1/snapshots/monday
  helenus open --data /disk2/data /disk1/data
  helenus open --schema schema.cql ./messages

Exit codes: 0 every table can be read, 1 failed or some can't, 2 the command line is wrong."
)]
pub(crate) struct Open {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print a JSON object for each table, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Include Cassandra's own keyspaces
    #[arg(long)]
    pub(crate) system: bool,
    /// The directory
    pub(crate) dir: PathBuf,
}

/// Makes a writable database from Cassandra's files
///
/// Any number of snapshots (nodetool snapshot), tables' directories, keyspaces', whole data
/// directories; schema and SSTables are found as `helenus open` finds them. SSTables are verified
/// first, keep their version and come in as hard links of their files, and as copies
/// across file systems; the originals are not changed, and no later write changes them. The
/// database has an identity of its own, its tables keep theirs. Secondary indexes stay in the
/// schema and are not built; materialized views and Cassandra's own tables are left out. It is made
/// whole or not at all: after a crash DB doesn't open; adopt again, or remove it. The counterpart
/// is to copy a snapshot into the data directory of a new node and start it, or sstableloader.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus adopt ./messages-5a1c/snapshots/monday --into ./db
  helenus adopt /var/lib/cassandra/data/*/*/snapshots/monday --into ./db
  helenus adopt /disk1/data /disk2/data --table chat.messages --into ./db
  helenus adopt --schema schema.cql ./messages --into ./db

Exit codes: 0 the database is there, 1 failed and nothing is left, 2 the command line is wrong."
)]
pub(crate) struct Adopt {
    /// CQL that defines the tables, if SNAPSHOT and the directories above it don't
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// keyspace.table to adopt; may be repeated [default: all tables]
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Vec<String>,
    /// Copy the files instead of linking them
    #[arg(long)]
    pub(crate) copy_data: bool,
    /// Read metadata and indexes only, not the checksum of the data
    #[arg(long, conflicts_with = "extended_verify")]
    pub(crate) no_verify: bool,
    /// Decode every row, and look every key up in the index
    #[arg(long)]
    pub(crate) extended_verify: bool,
    /// The database's directory; it must be empty or not exist yet
    #[arg(long, value_name = "DB")]
    pub(crate) into: PathBuf,
    /// Directories of Cassandra's files
    #[arg(required = true, value_name = "SNAPSHOT")]
    pub(crate) dirs: Vec<PathBuf>,
}

/// Brings SSTables that Cassandra or another tool wrote into a table of a database
///
/// They are verified first (the checksum of the data; every key in the filter, since one that lacks
/// keys hides rows), get names of this database and become visible together, or not at all. By
/// default their files are hard-linked, and copied across file systems; the originals
/// stay unchanged. Rows count by their timestamps: newer data and later deletions of the table win.
/// The counterpart of nodetool import, which moves the files without --copy-data.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus ingest ./db chat.messages ./messages-5a1c/snapshots/monday
  helenus ingest --extended-verify ./db chat.messages nb-12-big-Data.db nb-13-big-Data.db
  helenus ingest --move ./db chat.messages ./bulk-written

Exit codes: 0 all are in, 1 failed and none is, 2 the command line is wrong."
)]
pub(crate) struct Ingest {
    /// Copy the files instead of linking them
    #[arg(long, conflicts_with = "move_files")]
    pub(crate) copy_data: bool,
    /// Remove the originals once their files are in
    #[arg(long = "move")]
    pub(crate) move_files: bool,
    /// Keep their level of leveled compaction, instead of level 0
    #[arg(long)]
    pub(crate) keep_level: bool,
    /// Keep them marked as repaired
    #[arg(long)]
    pub(crate) keep_repaired: bool,
    /// Read metadata and indexes only, not the checksum of the data
    #[arg(long, conflicts_with = "extended_verify")]
    pub(crate) no_verify: bool,
    /// Decode every row, and look every key up in the index
    #[arg(long)]
    pub(crate) extended_verify: bool,
    /// The database
    pub(crate) dir: PathBuf,
    /// keyspace.table to bring them into
    pub(crate) table: String,
    /// Directories of SSTables, or files of single ones
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(crate) paths: Vec<PathBuf>,
}
