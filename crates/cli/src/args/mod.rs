//! The command line. The doc comments here are what `--help` prints.

mod convert;
mod diff;
mod metadata;
mod open;
mod partitions;
mod reports;
mod scrub;
mod shell;
mod sstable;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use convert::{CompressorName, Convert, Rewrite, Split, Upgrade};
pub(crate) use diff::{Diff, Second};
pub(crate) use metadata::{Metadata, Unit};
pub(crate) use open::{Adopt, Ingest, Open};
pub(crate) use partitions::Partitions;
pub(crate) use reports::{ExpiredBlockers, Levels, List, ListType};
pub(crate) use scrub::{Rebuild, Scrub};
pub(crate) use shell::{ColorChoice, Shell, ShellFormat};
pub(crate) use sstable::{BulkWrite, Dump, Sstable, SstableCommand};
pub(crate) use verify::Verify;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 the command line is wrong.

DIR is a directory that Helenus made, or one of Cassandra's files: a snapshot, a table's directory, a whole data directory.
A table is written as in CQL: chat.messages, or '\"Fleet\".\"Trips\"' where upper case counts.";

/// Reads, fills and tends tables in the format of Apache Cassandra, without a server.
#[derive(Debug, Parser)]
#[command(name = "helenus", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Shell(Shell),
    Export(Export),
    Get(Get),
    Import(Import),
    Tables(Dir),
    #[command(about = "Prints figures about one table, or about all", after_help = STATS)]
    Stats(Stats),
    Open(Open),
    Adopt(Adopt),
    Ingest(Ingest),
    #[command(about = "Writes what is only in the log to SSTables", after_help = FLUSH)]
    Flush(Tables),
    #[command(about = "Merges all SSTables of one table, or of all, into one each", after_help = COMPACT)]
    Compact(Tables),
    Sstable(Sstable),
    Completions(Completions),
    Man(Man),
}

/// Prints a script that completes this command's options in a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  helenus completions bash > /etc/bash_completion.d/helenus
  helenus completions zsh > ~/.zfunc/_helenus
  helenus completions fish > ~/.config/fish/completions/helenus.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Writes manual pages: helenus.1, and one for each command
#[derive(Debug, Args)]
#[command(after_help = "Example:
  helenus man ~/.local/share/man/man1 && man helenus-sstable-verify")]
pub(crate) struct Man {
    /// Directory to write to; created if it does not exist
    pub(crate) dir: PathBuf,
}

/// The whole command line, for what is made of it.
pub(crate) fn command() -> clap::Command {
    CommandLine::command()
}

const STATS: &str = "Examples:
  helenus stats ./db
  helenus stats ./db chat.messages
  helenus stats /var/lib/cassandra/data chat.messages";

const FLUSH: &str = "Examples:
  helenus flush ./db
  helenus flush ./db chat.messages

Afterwards the files under DIR/data hold everything, and can be copied to a Cassandra node.";

const COMPACT: &str = "Examples:
  helenus compact ./db
  helenus compact ./db chat.messages";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A JSON object per line, as CQL's SELECT JSON * returns it
    Jsonl,
    /// RFC 4180 with a header line, values as cqlsh's COPY TO writes them
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A JSON object per line, as CQL's SELECT JSON * returns it
    Jsonl,
    /// RFC 4180 with a header line, values as cqlsh's COPY TO writes them
    Csv,
    /// A file for DuckDB, pandas and the like; needs --output, and a build with the feature
    /// `parquet`
    Parquet,
}

/// Prints all rows of a table, or writes them to a file
///
/// Rows come in the order of their tokens and clustering. Only live data is shown, merged from all
/// SSTables and the log. A database may be open elsewhere meanwhile. Lines of JSON are those of
/// SELECT JSON, where NaN and the infinities are null.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus export ./db chat.messages
  helenus export --format csv ./db chat.messages > messages.csv
  helenus export --format parquet -o messages.parquet ./db chat.messages
  helenus export /var/lib/cassandra/data chat.messages
  helenus export --skip-damaged ./backup chat.messages > what-is-left.jsonl
  helenus export --schema schema.cql ./messages chat.messages"
)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Format of the rows
    #[arg(long, value_enum, default_value = "jsonl")]
    pub(crate) format: ExportFormat,
    /// Leave out damaged and missing SSTables, and report them; the exit code is then 1. Data that
    /// they deleted in others is shown
    #[arg(long)]
    pub(crate) skip_damaged: bool,
    /// With jsonl: NaN and the infinities as strings, which import reads back
    #[arg(long)]
    pub(crate) lossless: bool,
    /// A file to write instead of printing; it appears when it is complete
    #[arg(long, short, value_name = "FILE", required_if_eq("format", "parquet"))]
    pub(crate) output: Option<PathBuf>,
    /// With csv: the text for null [default: the empty field]; values that read like it are quoted
    #[arg(long, value_name = "TEXT")]
    pub(crate) null: Option<String>,
    /// The database, or a directory of Cassandra's files
    pub(crate) dir: PathBuf,
    /// keyspace.table
    pub(crate) table: String,
}

/// Prints rows of one partition
///
/// KEY… are CQL literals of the partition key's columns, then of as many clustering columns as
/// wanted; -- before them is needed where --from or --to stand before DIR, or one begins with a
/// dash and is no number. Only what the filters and indexes lead to is read. Nothing found prints
/// nothing, and is no error.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "helenus get [OPTIONS] <DIR> <TABLE> [--] <KEY>...",
    after_help = "Examples:
  helenus get ./db chat.messages 42
  helenus get --reverse --limit 50 ./db chat.messages -- 42 7
  helenus get --from \"'2024-02-01'\" --to \"'2024-02-29'\" ./db shop.orders -- \"'Oslo'\"
  helenus get --schema schema.cql ./messages-5a1c chat.messages -- 42 \"'general'\" 0xcafe"
)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Format of the rows
    #[arg(long, value_enum, default_value = "jsonl")]
    pub(crate) format: Format,
    /// With csv: the text for null [default: the empty field]; values that read like it are quoted
    #[arg(long, value_name = "TEXT")]
    pub(crate) null: Option<String>,
    /// Where the rows begin, by the clustering columns after KEY, inclusive; in the table's order
    #[arg(long, value_name = "LIT", num_args = 1.., allow_negative_numbers = true)]
    pub(crate) from: Vec<String>,
    /// Where they end, likewise
    #[arg(long, value_name = "LIT", num_args = 1.., allow_negative_numbers = true)]
    pub(crate) to: Vec<String>,
    /// Last row first
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Maximum number of rows to print
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// The database, or a directory of Cassandra's files; keyspace.table; literals of the key
    #[arg(value_name = "DIR TABLE KEY", num_args = 0.., allow_negative_numbers = true)]
    place: Vec<String>,
    #[arg(skip)]
    pub(crate) dir: PathBuf,
    #[arg(skip)]
    pub(crate) table: String,
    /// Literals of the key
    #[arg(last = true)]
    pub(crate) key: Vec<String>,
}

/// Writes the rows of a CSV or JSON file into a table
///
/// In CSV the header line names the columns. RFC 4180 and the form of cqlsh's COPY TO are read,
/// with doubled quotes or backslashes. In JSON each line is an object, as `export` prints them and
/// CQL's INSERT JSON takes them. A null value leaves its column unchanged; a line with the
/// partition key and static columns alone is fine. An invalid line is reported with its number and
/// kept in FILE.refused; the others are written, and the exit code is 1.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus import ./db --table air.flights --schema flights.cql flights.csv
  helenus import ./db --table air.flights --null NA --max-errors 10 flights.csv
  helenus import ./db --table air.flights --delimiter tab --columns id,airline,dep --ttl 86400 flights.tsv
  helenus export ./old chat.messages | helenus import ./db --table chat.messages --schema chat.cql -"
)]
pub(crate) struct Import {
    /// The database; created if it does not exist
    pub(crate) dir: PathBuf,
    /// keyspace.table to write into
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// CQL that creates the table (and its keyspace and types) if it does not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) how: RowFiles,
    /// Timestamp of all rows, in microseconds since 1970 [default: the clock's]. Of two lines of
    /// one row the larger value wins then, column by column, not the later line
    #[arg(long, value_name = "µs", allow_negative_numbers = true, verbatim_doc_comment)]
    pub(crate) timestamp: Option<i64>,
    /// Seconds that rows live; 0 means for ever [default: as the table's default_time_to_live says]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ttl: Option<u32>,
    /// The file; - for standard input
    pub(crate) file: PathBuf,
}

/// The format of files of rows, and the treatment of invalid lines.
#[derive(Debug, Args)]
pub(crate) struct RowFiles {
    /// How the file is written [default: JSON if it begins with a brace]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// In CSV: the separator of fields, a single character or the word tab [default: ,]
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// In CSV: the columns of the fields, in their order; the file then has no header line
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// In CSV: the text for null [default: the empty field]; in quotes it is a value
    #[arg(long, value_name = "TEXT")]
    pub(crate) null: Option<String>,
    /// In CSV: how quotes inside quotes are written
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) quotes: Quotes,
    /// Invalid lines of a file to skip; one more ends the command
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) max_errors: u64,
    /// In CSV with named columns: lines at the beginning that are no rows.
    #[arg(skip)]
    pub(crate) skip_lines: u64,
    /// In CSV: columns of the file that are not taken.
    #[arg(skip)]
    pub(crate) skip_columns: Vec<String>,
}

/// Checks a separator of fields.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\\' | b'\r' | b'\n') && byte.is_ascii() => Ok(*byte),
        _ => Err("a single ASCII character that is no quote, backslash or end of line, or tab".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quotes {
    /// Detected from the beginning of the file
    Auto,
    /// Doubled (RFC 4180)
    Doubled,
    /// After a backslash (cqlsh's COPY TO)
    Backslash,
}

/// Sources in addition to DIR.
#[derive(Debug, Default, Args)]
pub(crate) struct Source {
    /// CQL that defines the tables, if DIR and the directories above it don't
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Another data directory of the same node; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Vec<PathBuf>,
}

/// Lists the tables of a database, or of a directory of Cassandra's files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  helenus tables ./db
  helenus tables /var/lib/cassandra/data")]
pub(crate) struct Dir {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print a JSON object for each table, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// The database, or a directory of Cassandra's files
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print a JSON object for each table, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// The database, or a directory of Cassandra's files
    pub(crate) dir: PathBuf,
    /// keyspace.table [default: all tables]
    pub(crate) table: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Tables {
    /// The database
    pub(crate) dir: PathBuf,
    /// keyspace.table [default: all tables]
    pub(crate) table: Option<String>,
}

/// Parses the command line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let mut app = CommandLine::command();
    let matches = app.try_get_matches_from_mut(args)?;
    let mut parsed = CommandLine::from_arg_matches(&matches)?;
    if let (Command::Get(get), Some(("get", matches))) = (&mut parsed.command, matches.subcommand())
        && !find_place(get, matches)
    {
        let text = "DIR, TABLE and KEY are required: helenus get [OPTIONS] <DIR> <TABLE> -- <KEY>...\n";
        return Err(app.error(clap::error::ErrorKind::MissingRequiredArgument, text));
    }
    Ok(parsed.command)
}

/// Sets directory, table and key; false if they were not given.
///
/// `--from` and `--to` take as many literals as follow, so `get --from 1 2 DIR TABLE -- KEY` gives
/// them DIR and TABLE too: what is missing of those two is taken from the end of the option that
/// stood last.
fn find_place(get: &mut Get, matches: &ArgMatches) -> bool {
    let last = |name: &str| matches.indices_of(name).and_then(|mut indices| indices.next_back());
    let greedy = if last("to") > last("from") { &mut get.to } else { &mut get.from };
    let missing = 2 - get.place.len().min(2);
    // A lone positional is DIR: the swallowed arguments came after it.
    let swallowed = greedy.split_off(greedy.len().saturating_sub(missing));
    let mut place = get.place.drain(..).chain(swallowed);
    let (Some(dir), Some(table)) = (place.next(), place.next()) else { return false };
    let key: Vec<String> = place.collect();
    if get.key.is_empty() {
        get.key = key;
    } else if !key.is_empty() {
        return false;
    }
    get.dir = dir.into();
    get.table = table;
    !get.key.is_empty()
}
