//! Tables of every version as directories of files: what `verify` calls clean can be read in every
//! way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{Direction, Slices, Unfiltered, UnfilteredStream};
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, Component, CompressionInfo, Descriptor, Format, OpenOptions, PageVerification,
    RowReader, SearchKey, SsTable, SsTableId, StaticRow, Version,
};
use helenus_tools::{Depth, verify};
use helenus_types::Generation;

use crate::rows::walk;
use crate::{reseal_statistics, split};

/// The components of which an input of [`whole_table`] consists, in order, after the byte of the
/// version.
pub const WHOLE_PARTS: [Component; 11] = [
    Component::Statistics,
    Component::Index,
    Component::Summary,
    Component::Partitions,
    Component::Rows,
    Component::Filter,
    Component::CompressionInfo,
    Component::Crc,
    Component::Digest,
    Component::Toc,
    Component::Data,
];

/// The versions that the first byte chooses of, as they are named.
pub const WHOLE_VERSIONS: [&str; 10] = ["da", "oa", "nc", "nb", "na", "me", "md", "mc", "mb", "ma"];

/// More partitions and rows than this are not looked up one by one.
const MAX_LOOKUPS: usize = 8;

/// A byte that chooses the version, then a table's files; empty parts are files that are not there.
/// Checksums are made right, but for those of Digest.crc32 and CRC.db.
pub fn whole_table(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let parts: [&[u8]; WHOLE_PARTS.len()] = split(rest);
    let version = WHOLE_VERSIONS[usize::from(choice) % WHOLE_VERSIONS.len()];
    let format = if version == "da" { Format::Bti } else { Format::Big };
    let version = Version::parse(version, format).unwrap_or_else(|error| panic!("{error}"));
    let id = SsTableId::from_generation(Generation(1)).expect("a small generation");
    let dir = PathBuf::from("t");
    let descriptor = Descriptor::new(&dir, version, id);
    let mut parts = parts.map(<[u8]>::to_vec);
    reseal(&mut parts, version);
    let disk = SimDisk::new();
    disk.create_dir_all(&dir).expect("a good disk");
    for (component, bytes) in WHOLE_PARTS.iter().zip(&parts) {
        // A table without row indexes has no trie.
        if !bytes.is_empty() || *component == Component::Rows && !parts[3].is_empty() {
            let file = disk.create_new(&descriptor.path(component)).expect("a good disk");
            file.write_at(0, bytes).expect("a good disk");
        }
    }
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let _ = verify(&disk, &descriptor, Depth::Quick, &mut |_| {});
    let report = verify(&disk, &descriptor, Depth::Extended, &mut |_| {});
    let options =
        OpenOptions::new(Arc::new(ChunkCache::new(1 << 20)), CachedFile(1), PageVerification::Check);
    let read = SsTable::open(&disk, &descriptor, options)
        .map_err(|error| error.to_string())
        .and_then(|table| read(&table));
    if let (true, Err(error)) = (report.is_clean(), read) {
        panic!("clean, and not read: {error}");
    }
}

fn reseal(parts: &mut [Vec<u8>; WHOLE_PARTS.len()], version: Version) {
    let [statistics, .., info, _, _, _, data] = parts;
    if version.has_metadata_checksum() {
        reseal_statistics(statistics);
    }
    let Ok(info) = CompressionInfo::decode(Path::new("CompressionInfo.db"), info, version) else { return };
    let ends = info.offsets.iter().skip(1).copied().chain([data.len() as u64]);
    for (start, end) in info.offsets.iter().zip(ends) {
        let [start, end] = [*start, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(data.len()));
        if end >= start + 4 {
            let crc = crc32fast::hash(&data[start..end - 4]);
            data[end - 4..end].copy_from_slice(&crc.to_be_bytes());
        }
    }
}

/// Reads everything, the first partitions and rows by their keys too.
fn read(table: &Arc<SsTable>) -> Result<(), String> {
    let mut places = Vec::new();
    let mut stream = table.scan();
    while stream.next_partition().map_err(|error| error.to_string())? {
        let key = stream.partition().key.to_vec();
        let mut clusterings = Vec::new();
        if let Some(row) = stream.static_row() {
            walk(row).ok_or("a static row")?;
        }
        while stream.advance().map_err(|error| error.to_string())? {
            if let Some(Unfiltered::Row(row)) = stream.current() {
                walk(row).ok_or("a row")?;
                if clusterings.len() < MAX_LOOKUPS {
                    clusterings.push(row.clustering.to_vec());
                }
            }
        }
        if places.len() < MAX_LOOKUPS {
            places.push((key, clusterings));
        }
    }
    let is_ordered = !matches!(table.partitioner(), helenus_types::Partitioner::Local(_));
    let mut reader = RowReader::new();
    let order = &table.header().clustering;
    for (key, clusterings) in places.iter().filter(|_| is_ordered) {
        let search = SearchKey::of(table.partitioner().clone(), key);
        for direction in [Direction::Forward, Direction::Reverse] {
            let found = table
                .partition(&search, &Slices::ALL, direction, StaticRow::Wanted, order)
                .map_err(|error| error.to_string())?;
            let mut stream = found.ok_or_else(|| format!("{key:02x?} is missed"))?;
            stream.next_partition().map_err(|error| error.to_string())?;
            while stream.advance().map_err(|error| error.to_string())? {}
        }
        for clustering in clusterings {
            let found = reader.row(table, &search, clustering, order).map_err(|error| error.to_string())?;
            let row = found.and_then(|point| point.row);
            row.ok_or_else(|| format!("{key:02x?} {clustering:02x?} is missed"))?;
        }
    }
    let mut listed = table.keys();
    while listed.next().map_err(|error| error.to_string())?.is_some() {}
    Ok(())
}
