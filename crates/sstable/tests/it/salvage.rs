//! Tables of which components are damaged or gone: the data opens as long as its header is whole.

use std::sync::Arc;

use helenus_io::{Disk, read_to_vec};
use helenus_sim::SimDisk;
use helenus_sstable::{
    Codec, Component, CompressionParams, DataFile, Descriptor, Found, SsTableError, Version,
};

use crate::building::{descriptor, header, sim, write_small};
use crate::reading::{Partition, all, try_all};

/// The content of a salvaged table, and whether anything was wrong.
fn salvaged(
    disk: &Arc<dyn Disk>,
    table: &Descriptor,
) -> Result<(Vec<Partition>, Vec<Component>), SsTableError> {
    let found = DataFile::salvage(disk, table)?;
    let troubles = found.troubles.into_iter().map(|trouble| trouble.component).collect();
    Ok((try_all(found.data.scan())?, troubles))
}

fn table(version: Version) -> Descriptor {
    Descriptor { version, ..descriptor(1) }
}

/// A small table of a version, in chunks of 4 KiB or without any.
fn small(version: Version, codec: Option<Codec>) -> (SimDisk, Arc<dyn Disk>, Vec<Partition>) {
    let (sim, disk) = sim();
    let params = codec.map(|codec| CompressionParams { chunk_len: 4096, ..CompressionParams::new(codec) });
    write_small(&disk, &table(version), &header(1_700_000_000_000_000), params).unwrap().unwrap();
    let rows = all(DataFile::salvage(&disk, &table(version)).unwrap().data.scan());
    (sim, disk, rows)
}

/// Flips each byte of a component: the rows stay what they are, or `may_fail` says why the table
/// can't be opened.
#[track_caller]
fn check(version: Version, codec: Option<Codec>, component: &Component, may_fail: impl Fn(&str) -> bool) {
    let (sim, disk, rows) = small(version, codec);
    let path = table(version).path(component);
    let len = disk.metadata(&path).unwrap().len;
    let (mut told, mut failed) = (0, 0);
    for offset in 0..len {
        for mask in [0x01, 0x80, 0xff] {
            sim.flip(&path, offset, mask).unwrap();
            match salvaged(&disk, &table(version)) {
                Ok((found, troubles)) => {
                    assert!(found == rows, "{} at {offset} with {mask:#x}", path.display());
                    told += u64::from(!troubles.is_empty());
                }
                Err(error) => {
                    assert!(may_fail(&error.to_string()), "{offset} with {mask:#x}: {error}");
                    failed += 1;
                }
            }
            sim.flip(&path, offset, mask).unwrap();
        }
    }
    println!("{}: {} flips, {told} told, {failed} fatal", path.display(), 3 * len);
}

#[test]
fn where_chunks_are_can_be_found_out() {
    for (version, codec) in [
        (Version::DA, Codec::Lz4),
        (Version::OA, Codec::Zstd),
        (Version::NB, Codec::Snappy),
        (Version::ME, Codec::Deflate),
    ] {
        check(version, Some(codec), &Component::CompressionInfo, |_| false);
        let (_, disk, rows) = small(version, Some(codec));
        disk.remove_file(&table(version).path(&Component::CompressionInfo)).unwrap();
        let (found, troubles) = salvaged(&disk, &table(version)).unwrap();
        assert!(found == rows && troubles == [Component::CompressionInfo]);
    }
}

#[test]
fn checksums_of_plain_data_may_be_wrong() {
    for version in Version::WRITABLE {
        check(version, None, &Component::Crc, |_| false);
        let (_, disk, rows) = small(version, None);
        disk.remove_file(&table(version).path(&Component::Crc)).unwrap();
        let (found, troubles) = salvaged(&disk, &table(version)).unwrap();
        assert!(found == rows && troubles == [Component::Crc]);
    }
}

/// From `na` on a checksum says whether the header is whole; before, a wrong byte in it can't be
/// detected.
#[test]
fn of_the_statistics_the_header_is_enough() {
    for version in [Version::DA, Version::OA, Version::NB] {
        let header_is_lost = |error: &str| error.contains("the component") || error.contains("checksum");
        check(version, Some(Codec::Lz4), &Component::Statistics, header_is_lost);
    }
    let (sim, disk, rows) = small(Version::ME, None);
    let path = table(Version::ME).path(&Component::Statistics);
    let bytes = read_to_vec(&*disk, &path, 1 << 20).unwrap();
    let header = u64::from(u32::from_be_bytes(bytes[32..36].try_into().unwrap()));
    for offset in (0..header).step_by(3) {
        sim.flip(&path, offset, 0xff).unwrap();
        let found = salvaged(&disk, &table(Version::ME)).unwrap_or_else(|error| panic!("{offset}: {error}"));
        assert!(found.0 == rows, "{offset}");
        sim.flip(&path, offset, 0xff).unwrap();
    }
}

/// A cursor reads what a scan reads, at places that are named.
#[test]
fn a_cursor_reads_single_rows() {
    let (_, disk, rows) = small(Version::DA, Some(Codec::Lz4));
    let data = DataFile::salvage(&disk, &table(Version::DA)).unwrap().data;
    let (mut cursor, mut scan) = (data.cursor(), data.scan());
    let mut partitions = 0;
    while scan.next_partition().unwrap() {
        let start = scan.partition_position();
        let behind_key = cursor.read_key(start).unwrap();
        let (deletion, at) = cursor.read_deletion(behind_key).unwrap();
        assert_eq!((cursor.key(), deletion), (&*rows[partitions].key, rows[partitions].deletion));
        let mut at = cursor.read_static_row(at, data.data_len()).unwrap();
        let mut last = start;
        while scan.advance().unwrap() {
            assert_eq!(scan.current_position(), Some(at));
            assert_eq!(cursor.unfiltered(at, data.data_len()).unwrap(), Found::Unfiltered(scan.position()));
            assert_eq!(cursor.previous_size(), Some(at - last));
            cursor.unfiltered(at, scan.position()).unwrap();
            assert_eq!(cursor.unfiltered(at, scan.position() - 1).unwrap(), Found::TooLong);
            (last, at) = (at, scan.position());
        }
        let end = cursor.unfiltered(at, data.data_len()).unwrap();
        assert_eq!(end, Found::EndOfPartition(scan.position()));
        partitions += 1;
    }
    assert_eq!(partitions, rows.len());
}
