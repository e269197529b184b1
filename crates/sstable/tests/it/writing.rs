//! Tables of Cassandra 5.0 written again: the same rows give the same bytes.

use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{
    Codec, Component, CompressionInfo, CompressionParams, DataFile, Descriptor, Listing, PageVerification,
    SsTableId, SsTableWriter, StatsComponent, Version, WriterOptions,
};

use crate::corpus::{root, tables};
use crate::reading::{all, data_bytes};

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn bytes(descriptor: &Descriptor, component: &Component) -> Option<Vec<u8>> {
    read_to_vec(&RealDisk, &descriptor.path(component), 1 << 28).ok()
}

/// The options that the table was written with.
fn same_options(table: &DataFile, key_count: u64) -> WriterOptions {
    let version = table.descriptor().version;
    let info = bytes(table.descriptor(), &Component::CompressionInfo).map(|bytes| {
        let info = CompressionInfo::decode(Path::new("i"), &bytes, version).unwrap();
        CompressionParams {
            codec: Codec::from_class(&info.class).unwrap(),
            options: info.options,
            chunk_len: info.chunk_len,
            max_compressed: info.max_compressed,
            min_compress_ratio: 0.0,
        }
    });
    let stats = table.stats();
    WriterOptions {
        partitioner: table.partitioner().clone(),
        compression: info,
        bloom_filter_fp_chance: table.statistics().validation.bloom_filter_fp_chance,
        expected_keys: key_count,
        row_index_granularity: Some(4096),
        level: stats.level,
        repaired_at_ms: stats.repaired_at_ms,
        host_id: stats.originating_host_id,
        commit_log_intervals: stats.commit_log_intervals.clone(),
        token_space_coverage: stats.token_space_coverage,
        ..WriterOptions::default()
    }
}

/// The statistics without those that cannot agree: compressors differ in their output.
fn comparable(stats: &StatsComponent) -> StatsComponent {
    StatsComponent { compression_ratio: None, ..stats.clone() }
}

fn data_file(descriptor: &Descriptor) -> DataFile {
    DataFile::open(&disk(), descriptor, PageVerification::Check).unwrap()
}

/// Writes each table of a version again, with its own header, and compares every file.
fn check(version: Version, index_files: &[Component]) {
    let Some(root) = root() else { return };
    let mut tables_written = 0;
    for found in tables(&root, &version.to_string()) {
        let dir = tempfile::tempdir().unwrap();
        let table = data_file(&found.descriptor);
        let name = found.descriptor.path(&Component::Data);
        let name = name.display();
        let partitions = all(table.scan());
        let options = same_options(&table, partitions.len() as u64);
        let descriptor = Descriptor::new(dir.path(), version, SsTableId::parse("7").unwrap());
        let writer = SsTableWriter::new(&disk(), descriptor.clone(), Arc::clone(table.header()), options);
        let mut writer = writer.unwrap();
        writer.write_stream(&mut table.scan()).unwrap();
        let written = writer.finish().unwrap().unwrap();
        let again = data_file(&descriptor);

        assert_eq!(written.data_len, table.data_len(), "{name}");
        assert!(data_bytes(&RealDisk, &found.descriptor) == data_bytes(&RealDisk, &descriptor), "{name}");
        for component in index_files {
            assert!(
                bytes(&found.descriptor, component) == bytes(&descriptor, component),
                "{name} {component:?}"
            );
        }
        let (ours, theirs) = (again.statistics(), table.statistics());
        assert_eq!(ours.header, theirs.header, "{name}");
        assert_eq!(ours.validation, theirs.validation, "{name}");
        assert_eq!(comparable(&ours.stats), comparable(&theirs.stats), "{name}");
        assert_eq!(ours.compaction, theirs.compaction, "{name}");
        let filter = |descriptor| bytes(descriptor, &Component::Filter);
        assert!(filter(&found.descriptor) == filter(&descriptor), "{name}");
        assert_eq!(all(again.scan()), partitions, "{name}");

        let names = RealDisk.list(dir.path()).unwrap();
        let listing = Listing::new(dir.path(), names.iter().filter_map(|entry| entry.utf8()));
        let [listed] = &*listing.tables else { panic!("one table") };
        assert_eq!(listed.components.len(), written.file_sizes.len());
        tables_written += 1;
    }
    println!("{version}: {tables_written} tables");
}

#[test]
fn every_table_of_da_is_written_again() {
    check(Version::DA, &[Component::Partitions, Component::Rows]);
}

#[test]
fn every_table_of_oa_is_written_again() {
    check(Version::OA, &[Component::Index, Component::Summary]);
}

#[test]
fn every_table_of_nb_is_written_again() {
    check(Version::NB, &[Component::Index, Component::Summary]);
}
