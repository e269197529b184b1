//! The collector, fed with tables of Cassandra: what it gathers is what their Statistics.db says.

use helenus_rows::{Bound, BoundKind, Unfiltered, UnfilteredStream};
use helenus_sstable::{FoundTable, StatsCollector};

use crate::corpus::{root, tables};
use crate::reading::open;

/// A bound, copied.
type Edge = (BoundKind, usize, Vec<u8>);

/// The bounds that an unfiltered counts as: a row as both of its own.
fn edges(unfiltered: Unfiltered<'_>, size: usize) -> [Option<Edge>; 2] {
    match unfiltered {
        Unfiltered::Row(row) => {
            [BoundKind::InclStart, BoundKind::InclEnd].map(|kind| Some((kind, size, row.clustering.to_vec())))
        }
        Unfiltered::Marker(marker) if marker.bound.kind.is_boundary() => [None, None],
        Unfiltered::Marker(marker) => {
            let edge = Some((marker.bound.kind, marker.bound.size, marker.bound.values.to_vec()));
            if marker.bound.kind.opens() { [edge, None] } else { [None, edge] }
        }
    }
}

fn check(table: &FoundTable) {
    let table = open(&table.descriptor);
    let comparator = table.header().clustering.clone();
    let mut collector = StatsCollector::new(comparator.clone());
    let mut scan = table.scan();
    let mut begun = None;
    while scan.next_partition().unwrap() {
        let position = scan.partition_position();
        if let Some(begin) = begun.replace(position) {
            collector.end_partition(position - begin);
        }
        let partition = scan.partition();
        collector.start_partition(partition.key, partition.deletion);
        if let Some(row) = scan.static_row() {
            collector.row(row).unwrap();
        }
        let (mut first, mut last): (Option<Edge>, Option<Edge>) = (None, None);
        while scan.advance().unwrap() {
            let unfiltered = scan.current().unwrap();
            match unfiltered {
                Unfiltered::Row(row) => collector.row(row).unwrap(),
                Unfiltered::Marker(marker) => {
                    collector.deletion(marker.close);
                    collector.deletion(marker.open);
                }
            }
            let [start, end] = edges(unfiltered, comparator.len());
            first = first.or(start);
            last = end.or(last);
        }
        if let (Some(first), Some(last)) = (&first, &last) {
            let [first, last] =
                [first, last].map(|(kind, size, values)| Bound { kind: *kind, size: *size, values });
            collector.cover(first, last);
        }
    }
    collector.end_partition(table.data_len() - begun.unwrap());

    let (mut gathered, cardinality) = collector.finish();
    let stored = table.stats();
    let name = format!("{} in {}", table.descriptor(), table.descriptor().dir.display());
    assert!(gathered.partition_sizes == stored.partition_sizes, "partition sizes of {name}");
    assert!(gathered.cells_per_partition == stored.cells_per_partition, "cells of {name}");
    assert_eq!(gathered.tombstone_drop_times, stored.tombstone_drop_times, "{name}");
    assert_eq!(gathered.covered_clusterings, stored.covered_clusterings, "{name}");
    assert!(cardinality == table.statistics().compaction, "cardinality of {name}");
    gathered.commit_log_intervals.clone_from(&stored.commit_log_intervals);
    gathered.originating_host_id = stored.originating_host_id;
    gathered.compression_ratio = stored.compression_ratio;
    gathered.token_space_coverage = stored.token_space_coverage;
    gathered.level = stored.level;
    assert_eq!(&gathered, stored, "{name}");
}

#[test]
fn a_collector_gathers_what_cassandra_did() {
    let Some(root) = root() else { return };
    tables(&root, "da").iter().for_each(check);
}
