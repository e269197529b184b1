//! The files of a table that are written after its rows.

use helenus_bloom::{BitOrder, Filter};
use helenus_io::{Disk, parent_of};
use helenus_rows::{Column, Columns, Header};
use helenus_types::Type;

use super::files::Files;
use super::index::IndexWriter;
use super::observer::WriteObserver;
use super::options::{WriterOptions, WrittenTable};
use crate::compression::WrittenChunks;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::page_checksums::{PAGE_CHECKSUMS_COMPONENT, PageChecksums};
use crate::statistics::{HeaderComponent, Statistics, StatsCollector, ValidationComponent};

/// What a table consists of besides Data.db.
pub(super) struct Parts<'a> {
    pub(super) index: IndexWriter,
    pub(super) filter: Option<&'a Filter>,
    pub(super) observers: Vec<Box<dyn WriteObserver>>,
    pub(super) statistics: Statistics,
    pub(super) key_count: u64,
}

/// Completes a table around its Data.db of `chunks`, and makes it durable. No deletion time was
/// capped.
pub(super) fn complete(
    disk: &dyn Disk,
    descriptor: Descriptor,
    chunks: &WrittenChunks,
    rest: Parts<'_>,
) -> Result<WrittenTable, SsTableError> {
    let Parts { index, filter, observers, statistics, key_count } = rest;
    let version = descriptor.version;
    let mut files = Files { disk, descriptor: &descriptor, sizes: vec![(Component::Data, chunks.file_len)] };
    let mut checksums = PageChecksums::default();
    files.write_about_data(chunks, &mut checksums)?;
    index.finish(&mut files, &mut checksums)?;
    if let Some(filter) = filter {
        let is_old = version.has_old_bloom_filter_format();
        let mut bytes = Vec::new();
        filter.encode(if is_old { BitOrder::Old } else { BitOrder::Current }, &mut bytes);
        files.write_checked(Component::Filter, &bytes, &mut checksums)?;
    }
    let mut bytes = Vec::new();
    checksums.encode(&mut bytes);
    files.write(Component::from_name(PAGE_CHECKSUMS_COMPONENT), &bytes)?;
    files.write_observed(observers)?;
    files.write(Component::Statistics, &statistics.encode(version))?;
    files.write_toc()?;
    let file_sizes = files.sizes;
    disk.sync_dir(parent_of(&descriptor.path(&Component::Data)))?;
    let stats = statistics.stats;
    let Some((first_key, last_key)) = stats.key_range.clone() else {
        unreachable!("a table that is completed has a partition")
    };
    Ok(WrittenTable {
        descriptor,
        bytes_on_disk: file_sizes.iter().map(|(_, len)| len).sum(),
        file_sizes,
        data_len: chunks.data_len,
        key_count,
        first_key,
        last_key,
        level: stats.level,
        capped_deletion_times: 0,
        stats,
    })
}

/// Statistics.db of a table whose rows were all counted.
pub(super) fn statistics(
    collector: StatsCollector,
    header: &Header,
    options: WriterOptions,
    chunks: &WrittenChunks,
) -> Statistics {
    let (mut stats, compaction) = collector.finish();
    stats.compression_ratio = chunks.compression_ratio;
    stats.level = options.level;
    stats.repaired_at_ms = options.repaired_at_ms;
    stats.pending_repair = options.pending_repair;
    stats.is_transient = options.is_transient;
    stats.originating_host_id = options.host_id;
    stats.commit_log_intervals = options.commit_log_intervals;
    stats.token_space_coverage = options.token_space_coverage;
    let columns = |columns: &Columns| {
        let named = |column: &Column| (column.name.as_bytes().to_vec(), column.ty.class_name());
        columns.as_slice().iter().map(named).collect()
    };
    let partitioner = options.partitioner.class_name().to_owned();
    Statistics {
        validation: ValidationComponent {
            partitioner,
            bloom_filter_fp_chance: options.bloom_filter_fp_chance,
        },
        compaction,
        stats,
        header: HeaderComponent {
            min_timestamp: header.base.min_timestamp,
            min_local_deletion_time: header.base.min_local_deletion_time,
            min_ttl: header.base.min_ttl,
            key_type: header.key_type.class_name(),
            clustering_types: header.clustering.types().iter().map(Type::class_name).collect(),
            static_columns: columns(&header.statics),
            regular_columns: columns(&header.regulars),
        },
    }
}
