//! Cassandra's SSTables: reader, writer, components, compression, dump.
//!
//! **Knows:** the versions `ma` to `oa` (`big`) and `da` (`bti`), by named capabilities; every
//! component's bytes. **Must not know:** which tables are live, strategies, the engine; it starts
//! no thread and asks no clock.
//!
//! Start reading at [`SsTable`] in `table.rs` (what a table is), then `data/` (how rows are found
//! in it) and [`SsTableWriter`] in `writer/`. Below them: [`Version`] in `version.rs`, the ledger
//! of what each version changed, `descriptor/` (names), `compression/` (Data.db as chunks),
//! `statistics/` (metadata), `big/` and `bti/` (indexes). [`dump()`] prints a table, [`RowsCheck`]
//! verifies its rows.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod big;
mod bti;
mod chunk_cache;
mod compression;
mod crc_sampler;
mod data;
mod data_file;
mod deletion_time;
mod descriptor;
mod dump;
mod error;
mod index;
mod java_utf;
mod page_checksums;
mod paged_file;
mod salvage;
mod statistics;
mod table;
mod table_index;
mod verify;
mod version;
mod writer;

pub use big::{PrimaryIndex, PromotedIndex, Summary};
pub use bti::{
    IndexBlock, IndexBuildError, PartitionIndex, PartitionIndexBuilder, PartitionPosition, RowIndex,
    RowIndexWriter,
};
pub use chunk_cache::{CachedFile, ChunkCache, ChunkCacheStats};
pub use compression::{
    ChunkReader, ChunkScratch, ChunkVerification, ChunkWriter, ChunkedFile, Codec, CompressionInfo,
    CompressionParams, CrcComponent, Digest, InvalidCompression,
};
pub use data::{
    DataCursor, Found, Keys, PartitionPoint, PartitionStream, RowPoint, RowReader, Scan, StaticRow,
};
pub use data_file::{ComponentDigest, ComponentReader, DataFile, Keep, PageVerification, Upkeep};
pub use deletion_time::DeletionTimeForm;
pub use descriptor::{
    Component, Descriptor, Folder, FoundTable, LeftOut, Listing, LogRecord, LogRecordKind, SsTableId, Toc,
    TransactionLog, TransactionLogName,
};
pub use dump::{
    DumpForm, DumpKeys, DumpOptions, DumpTimes, KeyName, dump, dump_keys, push_key_text, push_plain,
};
pub use error::{SsTableError, SsTableErrorKind};
pub use index::{PartitionBound, SearchKey};
pub use page_checksums::{PAGE_CHECKSUMS_COMPONENT, PageChecksums, PageHasher};
pub use paged_file::{HeldPage, PagedFile};
pub use salvage::{Salvaged, Trouble};
pub use statistics::{
    Cardinality, CommitLogInterval, CompactionComponent, CoveredBound, CoveredClusterings,
    EstimatedHistogram, HeaderComponent, Statistics, StatsCollector, StatsComponent, TombstoneHistogram,
    TombstoneHistogramBuilder, ValidationComponent,
};
pub use table::{OpenOptions, SsTable};
pub use table_index::{IndexBlocks, IndexWalk, IndexedPartition, TableIndex};
pub use verify::{
    BadValue, CheckedRows, Concern, Finding, FindingSink, RowCheck, RowsCheck, Severity, check_unfiltered,
};
pub use version::{Format, UnsupportedVersion, Version};
pub use writer::{
    ComponentWriter, LateDeletionTimes, SsTableWriter, WriteError, WriteObserver, WriterOptions,
    WrittenTable, remove_components, remove_table, write_observed,
};
