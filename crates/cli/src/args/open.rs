//! `helenus open`, and what comes in from directories that others left.

use std::path::PathBuf;

use clap::Args;

use super::Source;

/// Shows what a directory is that Cassandra left, and what can be read of it
///
/// A snapshot (nodetool snapshot), a table's directory, a keyspace's, or a node's whole data directory, of Cassandra 3.0
/// to 5.0 or ScyllaDB. The schema is read from the node's own SSTables (system_schema) or the snapshot's schema.cql.
/// Nothing is written or locked; the node may be running. What is only in its commit log is not seen: nodetool flush.
/// Its counterpart is to start a node on the directory.
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
    /// Cassandra's own keyspaces too
    #[arg(long)]
    pub(crate) system: bool,
    /// The directory
    pub(crate) dir: PathBuf,
}
