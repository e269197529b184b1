use helenus_rows::{Bound, BoundKind, ClusteringComparator, DeletionTime, encode_clustering};
use helenus_types::{LocalDeletionTime, LogPosition, Timestamp, Type, vint};
use uuid::Uuid;

use super::*;
use crate::version::Format;

const TEXT: &str = "org.apache.cassandra.db.marshal.UTF8Type";
const INT: &str = "org.apache.cassandra.db.marshal.Int32Type";

fn example() -> Statistics {
    let comparator = ClusteringComparator::new(vec![Type::Text, Type::Int]);
    let mut collector = StatsCollector::new(comparator.clone());
    let deletion = DeletionTime::new(Timestamp(1_700_000_000_000_000), LocalDeletionTime(1_700_000_000));
    let bound = |kind, values: &'static [Option<&'static [u8]>], buffer: &mut Vec<u8>| {
        encode_clustering(comparator.types(), values, buffer);
        (kind, values.len())
    };
    for key in [b"k1", b"k2"] {
        collector.start_partition(key, deletion);
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let (kind, size) = bound(BoundKind::InclStart, &[Some(b"a"), Some(b"\0\0\0\x07")], &mut first);
        let start = Bound { kind, size, values: &first };
        let (kind, size) = bound(BoundKind::ExclEnd, &[Some(b"")], &mut last);
        let end = Bound { kind, size, values: &last };
        collector.cover(start, end);
        collector.deletion(deletion);
        collector.end_partition(100);
    }
    let (mut stats, compaction) = collector.finish();
    stats.compression_ratio = Some(0.5);
    stats.pending_repair = Some(Uuid::from_u128(1));
    stats.originating_host_id = Some(Uuid::from_u128(2));
    stats.is_transient = true;
    stats.level = 3;
    stats.repaired_at_ms = 1234;
    stats.token_space_coverage = Some(0.25);
    stats.commit_log_intervals = vec![
        CommitLogInterval { start: position(1, 2), end: position(1, 9) },
        CommitLogInterval { start: position(2, 0), end: position(4, 5) },
    ];
    Statistics {
        validation: ValidationComponent {
            partitioner: "org.apache.cassandra.dht.Murmur3Partitioner".to_owned(),
            bloom_filter_fp_chance: 0.01,
        },
        compaction,
        stats,
        header: HeaderComponent {
            min_timestamp: Timestamp(-5),
            min_local_deletion_time: LocalDeletionTime(3_000_000_000),
            min_ttl: 60,
            key_type: TEXT.to_owned(),
            clustering_types: vec![TEXT.to_owned(), INT.to_owned()],
            static_columns: vec![(b"s".to_vec(), INT.to_owned())],
            regular_columns: vec![(b"v".to_vec(), TEXT.to_owned()), (b"w".to_vec(), INT.to_owned())],
        },
    }
}

fn position(segment: u64, offset: u32) -> LogPosition {
    LogPosition { segment, offset }
}

fn decoded(bytes: &[u8], version: Version) -> Statistics {
    Statistics::decode(Path::new("s"), bytes, version).unwrap()
}

#[test]
fn everything_is_read_back() {
    let example = example();
    for version in [Version::DA, Version::OA] {
        let bytes = example.encode(version);
        assert_eq!(decoded(&bytes, version), example);
    }
}

#[test]
fn what_a_collector_saw() {
    let stats = example().stats;
    assert_eq!(stats.min_timestamp, Timestamp(1_700_000_000_000_000));
    assert_eq!(stats.max_local_deletion_time, LocalDeletionTime(1_700_000_000));
    assert!(stats.has_partition_level_deletions);
    assert_eq!(stats.key_range, Some((b"k1".to_vec(), b"k2".to_vec())));
    assert_eq!(
        stats.covered_clusterings.end,
        CoveredBound { inclusive: false, values: vec![Some(Vec::new())] }
    );
    assert_eq!(stats.partition_sizes.percentile(1.0), Some(103));
    let bins: Vec<_> = stats.tombstone_drop_times.bins().collect();
    assert_eq!(bins, [(LocalDeletionTime(1_700_000_040), 4)]);
    assert_eq!((stats.min_ttl, stats.max_ttl, stats.rows), (0, 0, 0));
}

#[test]
fn a_version_keeps_what_it_has_fields_for() {
    let example = example();
    let nb = decoded(&example.encode(Version::NB), Version::NB).stats;
    assert_eq!(nb.pending_repair, example.stats.pending_repair);
    assert_eq!(nb.originating_host_id, example.stats.originating_host_id);
    assert_eq!(nb.commit_log_intervals, example.stats.commit_log_intervals);
    assert_eq!((nb.key_range, nb.token_space_coverage), (None, None));
    // Lists of values cannot say that a bound is exclusive, nor which types they have.
    assert!(nb.covered_clusterings.end.inclusive);
    assert_eq!(nb.covered_clusterings.start, example.stats.covered_clusterings.start);
    assert!(nb.clustering_types.is_empty());

    let me = decoded(&example.encode(Version::ME), Version::ME).stats;
    assert_eq!((me.pending_repair, me.is_transient), (None, false));
    assert_eq!(me.originating_host_id, example.stats.originating_host_id);

    let version = |letters| Version::parse(letters, Format::Big).unwrap();
    let md = decoded(&example.encode(version("md")), version("md")).stats;
    assert_eq!(md.originating_host_id, None);
    let mc = decoded(&example.encode(version("mc")), version("mc")).stats;
    assert_eq!(mc.covered_clusterings, CoveredClusterings::all(), "not to be trusted");
    let mb = decoded(&example.encode(version("mb")), version("mb")).stats;
    assert_eq!(mb.commit_log_intervals, [CommitLogInterval { start: position(1, 2), end: position(4, 5) }]);
    let ma = decoded(&example.encode(version("ma")), version("ma")).stats;
    assert_eq!(
        ma.commit_log_intervals,
        [CommitLogInterval { start: LogPosition::NONE, end: position(4, 5) }]
    );
}

#[test]
fn deletion_times_before_they_were_unsigned() {
    let mut example = example();
    example.stats.min_local_deletion_time = LocalDeletionTime(3_000_000_000);
    example.stats.max_local_deletion_time = LocalDeletionTime::NONE;
    let nb = decoded(&example.encode(Version::NB), Version::NB).stats;
    assert_eq!(nb.min_local_deletion_time, LocalDeletionTime(2_147_483_646));
    assert_eq!(nb.max_local_deletion_time, LocalDeletionTime::NONE);
}

#[test]
fn an_empty_table_covers_nothing() {
    let (stats, _) = StatsCollector::new(ClusteringComparator::new(Vec::new())).finish();
    assert!(stats.covered_clusterings.is_nothing());
    let mut out = Vec::new();
    stats.covered_clusterings.encode_slice(&mut out, &[]);
    assert_eq!(out, [0, 7, 0, 0, 0, 0, 0]);
    out.clear();
    CoveredClusterings::all().encode_slice(&mut out, &[]);
    assert_eq!(out, [0, 1, 0, 0, 6, 0, 0]);
}

#[test]
fn a_value_that_has_no_place_widens_what_is_covered() {
    let long = vec![b'z'; 70_000];
    let end = CoveredBound { inclusive: true, values: vec![Some(vec![1]), Some(long)] };
    let start = CoveredBound { inclusive: true, values: vec![Some(vec![0])] };
    let mut out = Vec::new();
    CoveredClusterings { start: start.clone(), end }.encode_values(&mut out);
    let read = CoveredClusterings::decode_values(&mut Reader::new(&out)).unwrap();
    assert_eq!(read.start, start);
    assert_eq!(read.end.values, [Some(vec![1])], "rows after a value that was cut would be passed over");
}

#[test]
fn any_flipped_bit_is_found_by_a_checksum() {
    let bytes = example().encode(Version::DA);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let error = Statistics::decode(Path::new("s"), &flipped, Version::DA).unwrap_err();
        assert!(error.is_corruption(), "{at}: {error}");
    }
    for len in 0..bytes.len() {
        Statistics::decode(Path::new("s"), &bytes[..len], Version::DA).unwrap_err();
    }
}

#[test]
fn without_checksums_damage_is_an_error_or_other_values() {
    let bytes = example().encode(Version::ME);
    for at in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            // Nothing may panic or take much memory; what is read can be written again.
            if let Ok(found) = Statistics::decode(Path::new("s"), &flipped, Version::ME) {
                assert!(!found.encode(Version::ME).is_empty());
            }
        }
    }
}

#[test]
fn components_may_stand_in_any_order() {
    let version = Version::ME;
    let bytes = example().encode(version);
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let entries: Vec<[u32; 2]> = (0..4).map(|i| [word(4 + 8 * i), word(8 + 8 * i)]).collect();
    let mut shuffled = 4_u32.to_be_bytes().to_vec();
    for i in [3, 2, 0, 1] {
        shuffled.extend(entries[i].iter().flat_map(|word| word.to_be_bytes()));
    }
    shuffled.extend_from_slice(&bytes[shuffled.len()..]);
    assert_eq!(decoded(&shuffled, version), decoded(&bytes, version));
    shuffled[4..8].copy_from_slice(&9_u32.to_be_bytes());
    let error = Statistics::decode(Path::new("s"), &shuffled, version).unwrap_err();
    assert!(error.to_string().contains("expected a component of type 3, found none"), "{error}");
}

/// Where a table has no deletion and no ttl, releases of ScyllaDB write the largest 64-bit number
/// as their bases; deltas count modulo 2^32 from there, as from any other.
#[test]
fn bases_count_by_their_low_half() {
    let mut bytes = Vec::new();
    vint::write_unsigned(&mut bytes, 0);
    vint::write_unsigned(&mut bytes, i64::MAX.unsigned_abs() - 1_442_880_000);
    vint::write_unsigned(&mut bytes, i64::MAX.unsigned_abs());
    vint::write_unsigned(&mut bytes, INT.len() as u64);
    bytes.extend_from_slice(INT.as_bytes());
    bytes.extend_from_slice(&[0, 0, 0]);
    let header = HeaderComponent::decode(&bytes).unwrap();
    assert_eq!((header.min_local_deletion_time, header.min_ttl), (LocalDeletionTime(u32::MAX), u32::MAX));
    assert_eq!(HeaderComponent::decode(&header.encode()).unwrap(), header);
}
