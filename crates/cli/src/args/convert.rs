//! `helenus sstable convert` and `upgrade`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use helenus_sstable::Version;

/// Writes SSTables again in another version of the format, or with another compression
///
/// One output for each input, with its id, level and repair state; of a directory all SSTables are
/// taken. Nothing is merged or purged: every row, deletion and expired cell is in the output.
/// Inputs are only read. --out appears when all of it is complete; until then, and after an
/// interruption, the directory is DIR.unfinished. Secondary indexes are not taken along: Cassandra
/// builds them at import.
///
/// Readers of the versions: of da and oa Cassandra 5.0 with `storage_compatibility_mode` UPGRADING
/// or NONE, of nb Cassandra 4.0 and later, of me Cassandra 3.0.25, 3.11.11 and later, and ScyllaDB.
///
/// Counterpart in Cassandra: sstableupgrade, which writes only the version of its node.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  helenus sstable convert --to nb data/chat/messages-5a1c --out for-4.1
  helenus sstable convert --to da --codec zstd --codec-level 9 nb-7-big-Data.db --out smaller

Exit codes: 0 done, 1 failed and there is no output, 2 the command line is wrong."
)]
pub(crate) struct Convert {
    /// Version to write: da, oa, nb or me
    #[arg(long, value_name = "VERSION", value_parser = writable)]
    pub(crate) to: Version,
    #[command(flatten)]
    pub(crate) how: Rewrite,
}

/// Writes SSTables again in the newest version of the format
///
/// The same as convert --to da, or to the version that --to names.
///
/// Counterpart in Cassandra: sstableupgrade.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  helenus sstable upgrade backup/chat/messages-5a1c --out upgraded

Exit codes: 0 done, 1 failed and there is no output, 2 the command line is wrong."
)]
pub(crate) struct Upgrade {
    /// Version to write: da, oa, nb or me [default: the newest, da]
    #[arg(long, value_name = "VERSION", value_parser = writable)]
    pub(crate) to: Option<Version>,
    #[command(flatten)]
    pub(crate) how: Rewrite,
}

/// Options of writing outputs.
#[derive(Debug, Args)]
pub(crate) struct Rewrite {
    /// Compressor of the outputs [default: as each input is]
    #[arg(long, value_enum)]
    pub(crate) codec: Option<CompressorName>,
    /// Level of lz4-high (1 to 17) or zstd (-131072 to 22)
    #[arg(long, value_name = "N", requires = "codec", allow_negative_numbers = true)]
    pub(crate) codec_level: Option<i32>,
    /// Uncompressed KiB in a chunk, a power of two [default: 16]
    #[arg(long, value_name = "N", requires = "codec")]
    pub(crate) chunk_length_kb: Option<u32>,
    /// Chunks that get smaller by less than this stay as they are, 1.1 for instance
    #[arg(long, value_name = "X", requires = "codec")]
    pub(crate) min_compress_ratio: Option<f64>,
    /// Cap deletions and expirations past 2038-01-19T03:14:06Z at that second where the version
    /// can't hold them
    #[arg(long)]
    pub(crate) cap_expirations: bool,
    /// Number the outputs from 1 on: Cassandra before 4.1 knows no other ids
    #[arg(long)]
    pub(crate) number: bool,
    /// Directory to create; it may exist if it is empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressorName {
    Lz4,
    /// The payloads of lz4, made with more effort
    Lz4High,
    Snappy,
    Deflate,
    Zstd,
    /// Chunks with checksums, not compressed
    Noop,
    /// No chunks; checksums in CRC.db
    None,
}

impl CompressorName {
    /// Cassandra's class of it.
    pub(crate) fn class(self) -> Option<&'static str> {
        match self {
            Self::Lz4 | Self::Lz4High => Some("LZ4Compressor"),
            Self::Snappy => Some("SnappyCompressor"),
            Self::Deflate => Some("DeflateCompressor"),
            Self::Zstd => Some("ZstdCompressor"),
            Self::Noop => Some("NoopCompressor"),
            Self::None => None,
        }
    }
}

/// A version that can be written.
pub(super) fn writable(letters: &str) -> Result<Version, String> {
    Version::writable(letters).ok_or_else(|| "da, oa, nb and me can be written".to_owned())
}

/// Splits SSTables that are larger than a given size
///
/// Tables are cut between partitions, as soon as the Data.db that is being written is larger than
/// --max-size. Tables that are not larger are left alone, and nothing of them is in --out. Pieces
/// are numbered from the largest number in the inputs' directories on, and are of level 0; a table
/// of a version that is not written here becomes one of the last version of its line. --out appears
/// when all of it is complete; until then it is called DIR.unfinished.
///
/// Counterpart in Cassandra: sstablesplit, which replaces its inputs by the pieces.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  helenus sstable split --max-size 200 data/chat/messages-5a1c/da-9-bti-Data.db --out pieces

Exit codes: 0 done, 1 failed and there is no output, 2 the command line is wrong."
)]
pub(crate) struct Split {
    /// Size of Data.db, in MiB, from which another one is begun
    #[arg(long, short = 's', value_name = "MiB", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_size: u32,
    /// Directory to create; it may exist if it is empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Data.db files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
}
