//! Files that were made to do harm: each is an error, or less than it claims to be, in bounded
//! memory, and the tests end.
//!
//! | file | what was tried |
//! |---|---|
//! | all | at each place 32- and 64-bit numbers of all ones, the largest positive ones, zeros, and vints without end |
//! | Data.db | chunks that yield more than a chunk holds, and that claim to; rows of a table without checksums, as above |
//! | CompressionInfo.db | chunk lengths and data lengths of gigabytes over a file of some bytes |
//! | Index.db, Summary.db | entries that point backwards, at themselves, beyond the end, and that repeat |
//! | Partitions.db, Rows.db | as all; cycles, shared branches and pointers forwards are in the tests of `helenus-sstable`, `bti` |
//! | TOC.txt, Helenus.crc32, transaction logs | names that lead into other directories |

use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, RealDisk};
use helenus_rows::UnfilteredStream;
use helenus_sim::SimDisk;
use helenus_sstable::{
    CachedFile, ChunkCache, ChunkReader, ChunkScratch, ChunkVerification, ChunkWriter, ChunkedFile, Codec,
    Component, CompressionInfo, CompressionParams, Folder, LogRecord, LogRecordKind, OpenOptions,
    PAGE_CHECKSUMS_COMPONENT, PageChecksums, PageVerification, RowReader, SearchKey, SsTable,
};
use helenus_tools::{Depth, VerifyReport, verify};

use crate::damage::tables::{Table, made};

/// The memory that a table of a few kilobytes may take, whatever it claims: some buffers.
const MAX_HELD_BYTES: u64 = 16 << 20;

/// Verifies the table and reads all of it; what verify found.
fn open_and_read(of: &str, disk: &Arc<dyn Disk>, table: &Table) -> VerifyReport {
    let mut report = None;
    let held = allocation_counter::measure(|| {
        report = Some(verify(disk, &table.descriptor, Depth::Extended, &mut |_| {}));
        let options =
            OpenOptions::new(Arc::new(ChunkCache::new(1 << 20)), CachedFile(1), PageVerification::Check);
        let Ok(table) = SsTable::open(disk, &table.descriptor, options) else { return };
        let mut reader = RowReader::new();
        let mut scan = table.scan();
        while let Ok(true) = scan.next_partition() {
            let key = SearchKey::of(table.partitioner().clone(), UnfilteredStream::partition(&scan).key);
            drop(reader.row(&table, &key, &[], &table.header().clustering));
            while let Ok(true) = scan.advance() {}
        }
        let mut keys = table.keys();
        while let Ok(Some(_)) = keys.next() {}
    });
    assert!(held.bytes_max < MAX_HELD_BYTES, "{of}: {} bytes at once", held.bytes_max);
    report.unwrap()
}

/// Tables whose Data.db has nothing that detects damage, or is compressed.
fn victims() -> Vec<Table> {
    let tables = made()
        .into_iter()
        .filter(|table| !table.name.contains("other") && !table.name.contains("page checksums"));
    tables.map(|table| table.without(&Component::Crc).without(&Component::Digest)).collect()
}

#[test]
fn lengths_and_counts_that_lie() {
    let lies: [&[u8]; 7] = [
        &[0xff; 4],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0; 4],
        &[0xff; 8],
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff],
        &[0xff; 9],
    ];
    let is_whole = std::env::var_os("HELENUS_DAMAGE").is_some();
    let mut cases = 0_u64;
    for table in victims() {
        for name in table.file_names() {
            let intact = table.file(&name).to_vec();
            // A prime number of places further each time: all lies come to all kinds of places.
            let step = if is_whole { 1 } else { (intact.len() / 24) | 1 };
            for (count, at) in (0..intact.len()).step_by(step).enumerate() {
                for lie in if is_whole { &lies[..] } else { &lies[count % lies.len()..][..1] } {
                    let mut bytes = intact.clone();
                    for (byte, lie) in bytes.iter_mut().skip(at).zip(*lie) {
                        *byte = *lie;
                    }
                    let of = format!("{}: {name} at {at} {lie:02x?}", table.name);
                    open_and_read(&of, &table.disk_with(&name, Some(&bytes)), &table);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} cases");
    assert!(cases > 500);
}

#[test]
fn chunks_that_yield_more_than_they_hold() {
    for codec in [Codec::Lz4, Codec::Snappy, Codec::Deflate, Codec::Zstd] {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let path = Path::new("Data.db");
        let params = CompressionParams { chunk_len: 64 << 20, ..CompressionParams::new(codec) };
        let mut writer = ChunkWriter::new(disk.create_new(path).unwrap(), Some(params)).unwrap();
        for _ in 0..64 {
            writer.append(&vec![0; 1 << 20]).unwrap();
        }
        let written = writer.finish().unwrap();
        let honest = written.compression_info.unwrap();
        for (chunk_len, data_len) in [(4096, 4096), (4096, 1), (1 << 20, 1 << 20), (128 << 20, 65 << 20)] {
            let info = CompressionInfo {
                chunk_len,
                data_len,
                max_compressed: i32::MAX.cast_unsigned(),
                ..honest.clone()
            };
            let held = allocation_counter::measure(|| {
                let chunks = ChunkedFile::compressed(path, written.file_len, info).unwrap();
                let reader = ChunkReader::new(Arc::new(chunks), disk.open_read(path).unwrap());
                let mut out = Vec::new();
                let mut scratch = ChunkScratch::default();
                let read = reader.append(0, ChunkVerification::Check, &mut scratch, &mut out);
                let error = read.unwrap_err().to_string();
                assert!(error.contains("corrupt") && error.contains("Data.db"), "{codec:?}: {error}");
            });
            // Room for what the chunk says that it holds, and for the bytes that are there.
            let most = data_len + 2 * written.file_len + (4 << 20);
            assert!(held.bytes_max < most, "{codec:?}: {} bytes for {data_len}", held.bytes_max);
        }
    }
}

#[test]
fn compression_that_claims_gigabytes() {
    let table = victims().into_iter().find(|table| table.name == "da lz4").unwrap();
    let name = table.descriptor.file_name(&Component::CompressionInfo);
    let info = CompressionInfo::decode(Path::new("c"), table.file(&name), table.descriptor.version).unwrap();
    let claims =
        [(256 << 20, 200 << 20, 1), (256 << 20, i64::MAX.cast_unsigned(), 1), (1 << 20, 1 << 40, 1 << 20)];
    for (chunk_len, data_len, chunks) in claims {
        let offsets = (0..chunks).collect();
        let lying = CompressionInfo { chunk_len, data_len, offsets, ..info.clone() };
        let disk = table.disk_with(&name, Some(&lying.encode(table.descriptor.version)));
        let mut report = None;
        let held = allocation_counter::measure(|| {
            report = Some(verify(&disk, &table.descriptor, Depth::Extended, &mut |_| {}));
        });
        assert!(!report.unwrap().is_clean());
        // The longest chunk that is read, at the most.
        assert!(held.bytes_max < (256 << 20) + MAX_HELD_BYTES, "{} bytes", held.bytes_max);
    }
}

#[test]
fn entries_that_point_backwards() {
    let table = victims().into_iter().find(|table| table.name == "me plain").unwrap();
    let index = table.of_component(&Component::Index).unwrap().to_vec();
    let summary = table.of_component(&Component::Summary).unwrap().to_vec();
    // The start of Summary.db's entries: after four numbers of 32 bits and one of 64, and the
    // offsets.
    let count = usize::try_from(u32::from_be_bytes(summary[4..8].try_into().unwrap())).unwrap();
    let offset = |at: usize| u32::from_le_bytes(summary[24 + 4 * at..][..4].try_into().unwrap());
    assert!(count > 2);
    for at in 0..count {
        let end = if at + 1 == count {
            24 + usize::try_from(u64::from_be_bytes(summary[8..16].try_into().unwrap())).unwrap()
        } else {
            24 + usize::try_from(offset(at + 1)).unwrap()
        };
        for position in [0, 1, u64::MAX, index.len() as u64, index.len() as u64 - 1] {
            let mut bytes = summary.clone();
            if bytes[end - 8..end] == position.to_le_bytes() {
                continue;
            }
            bytes[end - 8..end].copy_from_slice(&position.to_le_bytes());
            let lying = made().into_iter().find(|table| table.name == "me plain").unwrap();
            let lying = lying.with(&Component::Summary, bytes);
            let report = open_and_read("a summary", &lying.disk_with("", None), &lying);
            let of = |finding: &helenus_tools::Finding| finding.component == Component::Summary;
            assert!(report.findings.iter().any(of), "entry {at} at {position}: {report}");
        }
    }
    // The first entry once more at the end, and all of them twice.
    let twice = [&index[..], &index[..]].concat();
    let first = [&index[..], &index[..24.min(index.len())]].concat();
    for bytes in [twice, first] {
        let lying = made().into_iter().find(|table| table.name == "me plain").unwrap();
        let lying = lying.with(&Component::Index, bytes);
        let report = open_and_read("an index", &lying.disk_with("", None), &lying);
        let of = |finding: &helenus_tools::Finding| finding.component == Component::Index;
        assert!(report.findings.iter().any(of), "{report}");
    }
}

#[test]
fn names_that_lead_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("t");
    RealDisk.create_dir(&dir).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let put = |path: &Path, bytes: &[u8]| RealDisk.create_new(path).unwrap().write_at(0, bytes).unwrap();
    let table = made().into_iter().find(|table| table.name == "nb plain").unwrap();
    for name in table.file_names() {
        put(&dir.join(&name), table.file(&name));
        // The target of the names, if they were followed.
        put(&root.path().join(&name), b"elsewhere");
    }
    let descriptor = helenus_sstable::Descriptor { dir: dir.clone(), ..table.descriptor.clone() };
    let clean = verify(&disk, &descriptor, Depth::Extended, &mut |_| {});
    assert!(clean.is_clean(), "{clean}");

    let checksums = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
    let (outside, stem) = (format!("/../../{}", table.file_names()[0]), descriptor.path(&Component::Toc));
    let mut encoded = Vec::new();
    PageChecksums::compute(&[(&*outside, b"elsewhere")]).encode(&mut encoded);
    put(&descriptor.path(&checksums), &encoded);
    RealDisk
        .open_write(&stem)
        .unwrap()
        .write_at(0, format!("../../etc/passwd\n{outside}\n").as_bytes())
        .unwrap();
    let report = verify(&disk, &descriptor, Depth::Quick, &mut |_| {});
    let told = report.to_string();
    assert!(told.contains("the name of a component") && told.contains("as Helenus.crc32 says"), "{told}");

    let log = dir.join("nb_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log");
    let records = ["../nb-1-big-", "/../../nb-1-big-", "..", "/", "nb-1-big-/.."]
        .map(|path| LogRecord::new(LogRecordKind::Add, path, 0, 1).to_string());
    put(&log, (records.join("\n") + "\n").as_bytes());
    let folder = Folder::read(&RealDisk, &dir).unwrap();
    assert!(folder.left_out.keys().all(|stem| !stem.contains('/')), "{:?}", folder.left_out);
    assert_eq!(folder.dir, dir);
    assert!(folder.files.iter().all(|file| file.utf8().is_some_and(|name| !name.contains('/'))));
}
