//! `shell`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Source;

/// Runs CQL: typed in, from the command line, from files or from standard input
///
/// DIR is a database, or a directory of Cassandra's files (a snapshot, a table's folder, a node's
/// whole data directory), which is only read. Without DIR there is an empty database in memory.
/// FILEs are run first, then STATEMENTS; without either, standard input, with line editing if it
/// is a terminal. What fails is reported with its place, the rest is run, and the exit code is 1.
/// HELP in the shell lists its commands; they are those of cqlsh.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus shell
  helenus shell ./db
  helenus shell ./db -e 'SELECT * FROM chat.messages LIMIT 10'
  helenus shell --create ./db -f schema.cql -f data.cql
  helenus shell --format json /var/lib/cassandra/data -e 'SELECT * FROM chat.messages' > messages.jsonl
  helenus shell ./snapshots/monday -e 'SELECT count(*) FROM chat.messages'"
)]
pub(crate) struct Shell {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Statements to run; may be repeated
    #[arg(long, short, value_name = "STATEMENTS")]
    pub(crate) execute: Vec<String>,
    /// A file of statements to run; may be repeated
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// The keyspace of names that bring none, as after USE
    #[arg(long, short, value_name = "NAME")]
    pub(crate) keyspace: Option<String>,
    /// How rows are printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ShellFormat,
    /// Whether tables are in colour [auto: on a terminal, unless NO_COLOR is set]
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Open a database to read only, also beside a process that writes it
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Make the database if there is none
    #[arg(long, conflicts_with = "read_only", requires = "dir")]
    pub(crate) create: bool,
    /// End at the first statement that fails
    #[arg(long)]
    pub(crate) stop_on_error: bool,
    /// Print how long each statement took
    #[arg(long)]
    pub(crate) timing: bool,
    /// The database, or a directory of Cassandra's files
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellFormat {
    /// Aligned columns, as cqlsh prints them
    Table,
    /// A line for each column of each row, as after cqlsh's EXPAND ON
    Expanded,
    /// A JSON object per row, one per line
    Json,
    /// RFC 4180 with a header line
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}
