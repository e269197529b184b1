//! Metadata against what Cassandra's `sstablemetadata` printed of the same files.

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{DataFile, Descriptor, PageVerification};
use helenus_tools::{Bars, Below, Metadata, MetadataOptions, TimestampUnit, find_tables_below, overview};

use crate::corpus::{corpus, disk};

/// All tables below a folder of the corpus; none where there is no corpus.
fn tables(folder: &str) -> Option<Vec<Descriptor>> {
    let below = Below { snapshots: true, backups: true };
    Some(find_tables_below(&RealDisk, &[corpus(folder)?], below).unwrap())
}

/// The day on which the corpus was written and its metadata printed: the first moment and the last.
const DAY: [u32; 2] = [1_795_305_600, 1_795_391_999];

fn options(now: u32) -> MetadataOptions {
    MetadataOptions { now, gc_grace_s: 0, timestamps: TimestampUnit::default(), bars: Bars::Ascii }
}

fn text(metadata: &Metadata) -> String {
    let mut text = String::new();
    metadata.push_text(options(DAY[1]), None, &mut text);
    text
}

#[test]
fn metadata_is_that_of_sstablemetadata() {
    let mut equal = 0;
    for version in ["da", "oa", "nb"] {
        let Some(tables) = tables(version) else { return };
        for found in tables {
            let name = format!("{}.txt", found);
            let expected = found.dir.join("metadata").join(name);
            if !RealDisk.exists(&expected).unwrap() {
                continue;
            }
            let theirs = String::from_utf8(read_to_vec(&RealDisk, &expected, 1 << 20).unwrap()).unwrap();
            let metadata = Metadata::read(&RealDisk, &found).unwrap();
            let ours = text(&metadata);
            let place = expected.display();
            let mut names = ours.lines().zip(theirs.lines());
            let (ours_named, theirs_named) = names.next().unwrap();
            // The corpus was printed where it was written.
            let theirs_named = theirs_named.strip_prefix("SSTable: ").unwrap();
            assert!(ours_named.starts_with("SSTable: /") && ours_named.ends_with(theirs_named), "{place}");
            for (ours, theirs) in names {
                if let Some(theirs) = theirs.strip_prefix("Estimated droppable tombstones: ") {
                    let [least, most] = DAY.map(|now| metadata.droppable_tombstone_ratio(options(now)));
                    let theirs: f64 = theirs.parse().unwrap();
                    assert!((least..=most).contains(&theirs), "{place}: {theirs}");
                } else {
                    assert_eq!(ours, theirs, "{place}");
                }
            }
            assert_eq!(ours.lines().count(), theirs.lines().count(), "{place}");
            equal += 1;
        }
    }
    println!("{equal} tables");
    assert!(equal > 280);
}

#[test]
fn every_legacy_table_has_metadata() {
    let Some(tables) = tables("legacy") else { return };
    let (mut tables_seen, mut with_keys) = (0, 0);
    for found in tables {
        let metadata = Metadata::read(&RealDisk, &found).unwrap();
        let text = text(&metadata);
        assert!(
            text.contains("\nPartitioner: org.apache.cassandra.dht.") && text.contains("\nIsTransient: "),
            "{text}"
        );
        with_keys += u32::from(text.contains("\nFirst token: "));
        tables_seen += 1;
    }
    println!("{tables_seen} tables, {with_keys} with keys");
    assert!(tables_seen > 70 && with_keys == tables_seen);
}

/// What Cassandra 5.0's `sstablemetadata -s` prints of the table, but for which of two equal
/// partitions it takes.
const SCANNED: &str = "Size: 221275
Partitions: 6
Rows: 3206
Tombstones: 0
Cells: 6400
Widest Partitions: 
  [0:p0] 3001
  [0:p3] 41
";
const LARGEST: &str = "
Largest Partitions: 
  [0:p0] 359476 (351.1 kB)
  [1:p4] 4901 (4.8 kB)
  [2:p5] 4890 (4.8 kB)
  [1:p1] 4880 (4.8 kB)
  [2:p2] 4853 (4.7 kB)
Partitioner: ";

#[test]
fn what_a_scan_tells() {
    let Some(tables) = tables("da/composite") else { return };
    let found = &tables[0];
    let data = DataFile::open(&disk(), found, PageVerification::Check).unwrap();
    let mut last = 0;
    let overview = overview(&data, &mut |position| last = position).unwrap();
    assert_eq!(last, data.data_len());
    let metadata = Metadata::read(&RealDisk, found).unwrap();
    let mut text = String::new();
    metadata.push_text(options(DAY[1]), Some(&overview), &mut text);
    let (_, text) = text.split_once('\n').unwrap();
    assert!(text.starts_with(SCANNED), "{text}");
    assert!(text.contains(LARGEST), "{text}");
}
