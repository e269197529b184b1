//! Tools over SSTables that belong to no open database.
//!
//! **Knows:** files of SSTables through `helenus-sstable`, streams through `helenus-rows`, the
//! writer and the questions of strategies through `helenus-compaction`. **Must not know:** schemas,
//! the commit log, which tables are live, terminals and the texts printed on them.
//!
//! Start reading at the module of the tool that you are after; each has one public function and a
//! report that it returns. Inputs are never written to. Output goes to a directory that the tool
//! creates, or nowhere.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod convert;
mod diff;
mod error;
mod expired;
mod inputs;
mod key_text;
mod levels;
mod list;
mod metadata;
mod output_dir;
mod partitions;
mod rebuild;
mod rewrite;
mod scrub;
mod split;
mod statistics;
mod verify;
mod watched;
mod words;

pub use convert::{Compression, ConvertOptions, Converted, convert};
pub use diff::{DiffSummary, Difference, Place, RowName, RowPart, View, diff};
pub use error::ToolError;
pub use expired::{Blocker, ExpiredBlockers, Expiry, expired_blockers};
pub use helenus_sstable::{Finding, Severity};
pub use inputs::{Below, find_tables, find_tables_below};
pub use key_text::parse_key_text;
pub use levels::{LeveledTable, Levels, Overlap, levels};
pub use list::{FileRole, ListedFile, list};
pub use metadata::{Bars, Metadata, MetadataOptions, Overview, TimestampUnit, overview};
pub use partitions::{
    Detail, Distribution, Origin, PartitionFigures, PartitionLimits, PartitionsOptions, TableFigures,
    partitions,
};
pub use rebuild::{RebuildOptions, Rebuilt, rebuild};
pub use rewrite::Ids;
pub use scrub::{Loss, LostPart, MAX_LOSSES, ScrubOptions, ScrubReport, Substitute, scrub};
pub use split::{Split, split};
pub use verify::{Depth, MAX_FINDINGS, VerifyReport, verify};
pub use watched::Progress;
