//! The components around Data.db, against files of Cassandra 3.0 to 5.0.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, RealDisk};
use helenus_sstable::{
    Cardinality, ChunkReader, ChunkScratch, ChunkVerification, ChunkWriter, ChunkedFile, Codec, Component,
    CompressionInfo, CompressionParams, CrcComponent, Digest, Format, FoundTable, Statistics, Toc,
};
use helenus_types::{LocalDeletionTime, Reader};

use crate::corpus::{read, root, tables};

const FOLDERS: [&str; 4] = ["da", "oa", "nb", "legacy"];

/// Development versions of 4.0 and 4.1 left STATS with fields missing and with fields too many.
const ODD: [&str; 2] = ["/na/", "nc-1-big"];

fn statistics(table: &FoundTable) -> (Vec<u8>, Statistics) {
    let path = table.descriptor.path(&Component::Statistics);
    let bytes = read(table, &Component::Statistics).unwrap();
    let statistics = Statistics::decode(&path, &bytes, table.descriptor.version).unwrap();
    (bytes, statistics)
}

#[test]
fn statistics_are_read_and_written_again() {
    let Some(root) = root() else { return };
    for folder in FOLDERS {
        let (mut all, mut equal) = (0, 0);
        for table in tables(&root, folder) {
            let path = table.descriptor.path(&Component::Statistics);
            let (bytes, statistics) = statistics(&table);
            let written = statistics.encode(table.descriptor.version);
            all += 1;
            equal += usize::from(written == bytes);
            let again = Statistics::decode(&path, &written, table.descriptor.version).unwrap();
            // Deletion times that overflowed are stored as the latest that can be.
            let overflowed = path.to_string_lossy().contains("/negative-local-expiration-test/");
            assert!(again == statistics || overflowed, "{}", path.display());
            let is_odd = ODD.iter().any(|odd| path.to_string_lossy().contains(odd)) || folder == "legacy";
            assert!(written == bytes || is_odd, "{}", path.display());
        }
        println!("{folder}: {equal} of {all} Statistics.db are written byte for byte");
        assert!(folder == "legacy" || equal == all);
    }
}

#[test]
fn small_components_are_read_and_written_again() {
    let Some(root) = root() else { return };
    let mut found: BTreeMap<Component, usize> = BTreeMap::new();
    for table in FOLDERS.iter().flat_map(|folder| tables(&root, folder)) {
        for component in &table.components {
            let path = table.descriptor.path(component);
            let bytes = || read(&table, component).unwrap();
            let written = match component {
                Component::CompressionInfo => {
                    let version = table.descriptor.version;
                    let info = CompressionInfo::decode(&path, &bytes(), version).unwrap();
                    assert!(Codec::from_class(&info.class).is_some());
                    info.encode(version)
                }
                Component::Crc => CrcComponent::decode(&path, &bytes()).unwrap().encode(),
                Component::Digest => Digest::decode(&path, &bytes()).unwrap().encode(),
                Component::Toc => {
                    let toc = Toc::decode(&path, &bytes()).unwrap();
                    assert!(toc.components.iter().all(|listed| table.components.contains(listed)));
                    toc.encode()
                }
                _ => continue,
            };
            assert!(written == bytes(), "{}", path.display());
            *found.entry(component.clone()).or_default() += 1;
        }
    }
    println!("{found:?}");
    assert_eq!(found.len(), 4);
}

/// Opens Data.db with what is known of its chunks.
fn open(table: &FoundTable) -> ChunkReader {
    let path = table.descriptor.path(&Component::Data);
    let file = RealDisk.open_read(&path).unwrap();
    let len = file.len().unwrap();
    let chunks = match read(table, &Component::CompressionInfo) {
        Some(info) => {
            let at = table.descriptor.path(&Component::CompressionInfo);
            let info = CompressionInfo::decode(&at, &info, table.descriptor.version).unwrap();
            ChunkedFile::compressed(&path, len, info).unwrap()
        }
        None => {
            let at = table.descriptor.path(&Component::Crc);
            let crc = read(table, &Component::Crc).map(|crc| CrcComponent::decode(&at, &crc).unwrap());
            ChunkedFile::plain(&path, len, crc).unwrap()
        }
    };
    ChunkReader::new(Arc::new(chunks), file)
}

/// All of the data, every checksum compared.
fn data(reader: &ChunkReader) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), Vec::new());
    let mut scratch = ChunkScratch::default();
    for index in 0..reader.chunks().chunk_count() {
        // The chunk without bytes that compactions leave begins past the end.
        let begin = reader.chunks().chunk_position(index).min(reader.chunks().data_len());
        assert_eq!(begin, all.len() as u64);
        reader.read(index, ChunkVerification::Check, &mut scratch, &mut chunk).unwrap();
        all.extend_from_slice(&chunk);
    }
    assert_eq!(reader.chunks().data_len(), all.len() as u64);
    all
}

#[test]
fn every_chunk_decompresses_and_every_digest_matches() {
    let Some(root) = root() else { return };
    let mut codecs: BTreeMap<String, usize> = BTreeMap::new();
    for table in FOLDERS.iter().flat_map(|folder| tables(&root, folder)) {
        let reader = open(&table);
        data(&reader);
        let stored = read(&table, &Component::Data).unwrap();
        let digest_path = table.descriptor.path(&Component::Digest);
        if let Some(digest) = read(&table, &Component::Digest) {
            let digest = Digest::decode(&digest_path, &digest).unwrap();
            assert_eq!(digest, Digest(crc32fast::hash(&stored)), "{}", digest_path.display());
        }
        let info = read(&table, &Component::CompressionInfo);
        let class = info.map_or("none".to_owned(), |info| {
            CompressionInfo::decode(&digest_path, &info, table.descriptor.version).unwrap().class
        });
        *codecs.entry(class).or_default() += 1;
    }
    println!("{codecs:?}");
    assert_eq!(codecs.len(), 6);
}

/// Writes `data` in pieces of odd lengths and reads it back; returns the ratio.
fn rewritten(dir: &Path, data: &[u8], params: Option<CompressionParams>) -> Option<f64> {
    let path = dir.join("da-1-bti-Data.db");
    let mut writer = ChunkWriter::new(RealDisk.create_new(&path).unwrap(), params.clone()).unwrap();
    let (mut rest, mut piece) = (data, 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        writer.append(now).unwrap();
        (rest, piece) = (later, (piece * 7 + 3) % 50_021);
    }
    assert_eq!(writer.position(), data.len() as u64);
    let written = writer.finish().unwrap();
    assert_eq!(written.data_len, data.len() as u64);

    let file = RealDisk.open_read(&path).unwrap();
    let mut stored = vec![0; usize::try_from(written.file_len).unwrap()];
    assert_eq!(file.len().unwrap(), written.file_len);
    file.read_exact_at(0, &mut stored).unwrap();
    assert_eq!(written.digest, Digest(crc32fast::hash(&stored)));
    let chunks = match written.compression_info {
        Some(info) => ChunkedFile::compressed(&path, written.file_len, info),
        None => ChunkedFile::plain(&path, written.file_len, written.crc),
    };
    let reader = ChunkReader::new(Arc::new(chunks.unwrap()), file);
    assert!(self::data(&reader) == data, "{params:?}");
    RealDisk.remove_file(&path).unwrap();
    written.compression_ratio
}

#[test]
fn data_is_written_again_with_every_codec() {
    let Some(root) = root() else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["comp_min_ratio", "comp_none", "all_types", "collections"] {
        let table = &tables(&root, &format!("da/{name}"))[0];
        let mut data = data(&open(table));
        // A chunk that nothing can compress, and a short last one.
        let mut noise = 1_u32;
        data.extend(
            std::iter::repeat_with(|| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()[0]
            })
            .take(40_000),
        );
        let mut params = vec![None];
        for codec in [Codec::Lz4, Codec::Snappy, Codec::Deflate, Codec::Zstd, Codec::Noop] {
            let class = codec.class_name();
            for (kib, ratio) in [("4", "0"), ("16", "1.5"), ("64", "1")] {
                let options = [("class", class), ("chunk_length_in_kb", kib), ("min_compress_ratio", ratio)];
                params.push(CompressionParams::from_options(options).unwrap());
            }
        }
        for params in params {
            let ratio = rewritten(dir.path(), &data, params.clone());
            assert_eq!(ratio.is_some(), params.is_some());
        }
    }
    rewritten(dir.path(), &[], None);
    rewritten(dir.path(), &[7; 16384], Some(CompressionParams::default()));
}

#[test]
fn raw_chunks_are_kept_raw() {
    let Some(root) = root() else { return };
    let dir = tempfile::tempdir().unwrap();
    for table in tables(&root, "da/comp_min_ratio") {
        let (_, statistics) = statistics(&table);
        let path = table.descriptor.path(&Component::CompressionInfo);
        let bytes = read(&table, &Component::CompressionInfo).unwrap();
        let info = CompressionInfo::decode(&path, &bytes, table.descriptor.version).unwrap();
        assert_eq!(info.max_compressed, 10_923);
        let params =
            CompressionParams::from_options([("class", &*info.class), ("min_compress_ratio", "1.5")]);
        let ratio = rewritten(dir.path(), &data(&open(&table)), params.unwrap()).unwrap();
        let expected = statistics.stats.compression_ratio.unwrap();
        // The two LZ4 compressors do not find the same matches.
        assert!((ratio - expected).abs() < 0.01, "{ratio} {expected}");
    }
}

#[test]
fn a_damaged_chunk_is_reported_with_its_place() {
    let Some(root) = root() else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["comp_snappy", "comp_none"] {
        let table = &tables(&root, &format!("da/{name}"))[0];
        let good = open(table);
        let mut stored = read(table, &Component::Data).unwrap();
        let middle = stored.len() / 2;
        stored[middle] ^= 4;
        let path = dir.path().join(name);
        RealDisk.create_new(&path).unwrap().write_at(0, &stored).unwrap();
        let bad = ChunkReader::new(Arc::new(good.chunks().clone()), RealDisk.open_read(&path).unwrap());
        let (mut scratch, mut chunk) = (ChunkScratch::default(), Vec::new());
        let errors: Vec<String> = (0..bad.chunks().chunk_count())
            .filter_map(|index| bad.read(index, ChunkVerification::Check, &mut scratch, &mut chunk).err())
            .map(|error| error.to_string())
            .collect();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error.contains("corrupt at offset") && error.contains("with the checksum"), "{error}");
        let past = bad.chunks().chunk_count();
        assert!(bad.read(past, ChunkVerification::Check, &mut scratch, &mut chunk).is_err());
    }
}

/// The number in the last parentheses of a line, or its last word.
fn number(line: &str) -> &str {
    let inner = line.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inner.map_or_else(|| line.rsplit(' ').next().unwrap(), |(number, _)| number)
}

fn time(time: LocalDeletionTime) -> String {
    if time == LocalDeletionTime::NONE { i64::MAX.to_string() } else { time.0.to_string() }
}

fn columns(columns: &[(Vec<u8>, String)]) -> String {
    let pairs: Vec<String> =
        columns.iter().map(|(name, class)| format!("{}:{class}", String::from_utf8_lossy(name))).collect();
    pairs.join(", ")
}

fn sorted(columns: &str) -> Vec<&str> {
    let mut columns: Vec<&str> = columns.split(", ").collect();
    columns.sort_unstable();
    columns
}

/// The lines of `sstablemetadata` that need no other knowledge.
fn described(statistics: &Statistics) -> Vec<(&'static str, String)> {
    let Statistics { validation, compaction, stats, header } = statistics;
    let cardinality = Cardinality::decode(&compaction.cardinality).unwrap();
    let intervals: Vec<String> = stats
        .commit_log_intervals
        .iter()
        .map(|interval| {
            let [start, end] = [interval.start, interval.end].map(|position| {
                format!(
                    "CommitLogPosition(segmentId={}, position={})",
                    position.segment.cast_signed(),
                    position.offset
                )
            });
            format!("{start}={end}")
        })
        .collect();
    let mut lines = vec![
        ("Partitioner", validation.partitioner.clone()),
        ("Bloom Filter FP chance", validation.bloom_filter_fp_chance.to_string()),
        ("Minimum timestamp", stats.min_timestamp.0.to_string()),
        ("Maximum timestamp", stats.max_timestamp.0.to_string()),
        ("SSTable min local deletion time", time(stats.min_local_deletion_time)),
        ("SSTable max local deletion time", time(stats.max_local_deletion_time)),
        ("TTL min", stats.min_ttl.to_string()),
        ("TTL max", stats.max_ttl.to_string()),
        ("SSTable Level", stats.level.to_string()),
        ("Repaired at", stats.repaired_at_ms.to_string()),
        ("Originating host id", stats.originating_host_id.unwrap().to_string()),
        ("Replay positions covered", format!("{{{}}}", intervals.join(", "))),
        ("totalColumnsSet", stats.columns_set.to_string()),
        ("totalRows", stats.rows.to_string()),
        ("Estimated cardinality", cardinality.estimate().to_string()),
        ("EncodingStats minTTL", header.min_ttl.to_string()),
        ("EncodingStats minLocalDeletionTime", header.min_local_deletion_time.0.to_string()),
        ("EncodingStats minTimestamp", header.min_timestamp.0.to_string()),
        ("KeyType", header.key_type.clone()),
        ("ClusteringTypes", format!("[{}]", header.clustering_types.join(", "))),
        ("StaticColumns", columns(&header.static_columns)),
        ("RegularColumns", columns(&header.regular_columns)),
        ("IsTransient", stats.is_transient.to_string()),
    ];
    lines.extend(stats.compression_ratio.map(|ratio| ("Compression ratio", format!("{ratio:?}"))));
    lines
}

#[test]
fn statistics_agree_with_sstablemetadata() {
    let Some(root) = root() else { return };
    let mut compared = 0;
    for table in ["da", "oa", "nb"].iter().flat_map(|folder| tables(&root, folder)) {
        let path = table.descriptor.dir.join("metadata").join(format!("{}.txt", table.descriptor));
        if !RealDisk.exists(&path).unwrap() {
            continue;
        }
        let text = helenus_io::read_to_vec(&RealDisk, &path, 1 << 20).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        for (name, expected) in described(&statistics(&table).1) {
            let line = lines.get(name).copied().unwrap_or_default();
            let numeric =
                expected.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) && !expected.is_empty();
            let seconds = name.starts_with("TTL") || name == "EncodingStats minTTL";
            let found = match numeric {
                true if seconds => line.split(' ').next().unwrap(),
                true => number(line),
                false => line,
            };
            if name.ends_with("Columns") {
                // Printed in the order of a hash table.
                assert_eq!(sorted(found), sorted(&expected), "{name} in {}", path.display());
                continue;
            }
            assert_eq!(found, expected, "{name} in {}", path.display());
        }
        compared += 1;
    }
    println!("{compared} tables compared");
    assert!(compared > 250);
}

#[test]
fn cardinalities_are_those_of_the_keys() {
    let Some(root) = root() else { return };
    for table in tables(&root, "nb") {
        assert_eq!(table.descriptor.format(), Format::Big);
        let index = read(&table, &Component::Index).unwrap();
        let mut reader = Reader::new(&index);
        let mut cardinality = Cardinality::default();
        while !reader.is_empty() {
            // A key, its position in Data.db, the length of its row index and that many bytes.
            cardinality.add(reader.u16_bytes().unwrap());
            reader.unsigned_vint().unwrap();
            reader.vint_bytes().unwrap();
        }
        let (_, statistics) = statistics(&table);
        let equal = cardinality.encode() == statistics.compaction.cardinality;
        assert!(equal, "{} in {}", table.descriptor, table.descriptor.dir.display());
    }
}
