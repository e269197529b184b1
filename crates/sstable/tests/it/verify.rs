//! The walk that verifies rows, and its sink.

use std::ops::ControlFlow;

use helenus_bloom::Filter;
use helenus_sstable::{
    CheckedRows, Component, Concern, DataFile, Descriptor, Finding, PageVerification, RowsCheck, TableIndex,
    Version,
};

use crate::building::{descriptor, header, sim, write_small};

/// Findings of a sink that has had enough after `most`, in a table beside a filter that holds
/// nothing, and what was read.
fn walk(version: Version, most: usize) -> (Vec<Finding>, CheckedRows) {
    let (_sim, disk) = sim();
    let table = Descriptor { version, ..descriptor(1) };
    write_small(&disk, &table, &header(1_700_000_000_000_000), None).unwrap().unwrap();
    let data = DataFile::open(&disk, &table, PageVerification::Check).unwrap();
    let index = TableIndex::open(&disk, &data, PageVerification::Check).unwrap();
    let filter = Filter::for_keys(100, 0.01).unwrap().unwrap();
    let mut found = Vec::new();
    let mut sink = |finding, error: Option<_>| {
        assert!(error.is_none());
        found.push(finding);
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let check = RowsCheck::of_files(&data, Some(&index), Some(&filter), &[]);
    let checked = check.run(&mut sink, &mut |_| {});
    (found, checked)
}

/// A sink that has had enough gets nothing more, and nothing more is read for it.
#[test]
fn a_sink_ends_the_walk() {
    for version in Version::WRITABLE {
        let (all, whole) = walk(version, usize::MAX);
        assert!(all.len() > 2 && whole.partitions == all.len() as u64, "{version}: {all:?}");
        let is_known =
            |finding: &Finding| (&finding.component, finding.concern) == (&Component::Filter, Concern::Reads);
        assert!(all.iter().all(is_known), "{version}: {all:?}");
        assert!(whole.statistics.is_some());
        for most in 1..=2 {
            let (found, read) = walk(version, most);
            assert_eq!(found, all[..most], "{version}");
            assert_eq!(read.partitions, most as u64, "{version}");
            assert!(read.unfiltereds < whole.unfiltereds, "{version}");
            assert!(read.statistics.is_none(), "{version}: of some rows");
        }
    }
}
