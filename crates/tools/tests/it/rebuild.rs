//! Rebuilding: derived components made anew are those that Cassandra made.

use std::ops::ControlFlow;
use std::path::Path;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{Component, Descriptor, Format, PAGE_CHECKSUMS_COMPONENT, Statistics, Toc};
use helenus_tools::{Depth, RebuildOptions, Rebuilt, Severity, ToolError, find_tables, rebuild, verify};

use crate::convert::content;
use crate::corpus::{disk, folder, sample, whole};
use crate::scrub::Copy;

/// The corpus was written with blocks of 4 KiB.
const CORPUS: RebuildOptions = RebuildOptions { row_index_granularity: Some(4096) };

/// Tables that were written later, with blocks of Cassandra's default.
const LATER: [&str; 4] = ["non_ascii", "tuple_grown", "udt_grown", "udt_grown_desc"];

fn run(table: &Descriptor, out: &Path) -> Result<Rebuilt, ToolError> {
    run_with(table, out, &CORPUS)
}

fn run_with(table: &Descriptor, out: &Path, options: &RebuildOptions) -> Result<Rebuilt, ToolError> {
    let done =
        rebuild(&disk(), std::slice::from_ref(table), out, options, &mut |_| ControlFlow::Continue(()));
    Ok(done?.remove(0))
}

fn read(table: &Descriptor, component: &Component) -> Option<Vec<u8>> {
    let path = table.path(component);
    RealDisk.exists(&path).unwrap().then(|| read_to_vec(&RealDisk, &path, 1 << 28).unwrap())
}

const DERIVED: [Component; 9] = [
    Component::Partitions,
    Component::Rows,
    Component::Index,
    Component::Summary,
    Component::Filter,
    Component::CompressionInfo,
    Component::Crc,
    Component::Digest,
    Component::Toc,
];

#[test]
fn components_of_cassandra_are_made_again_byte_for_byte() {
    let mut count = 0;
    for folder in sample().into_iter().chain(whole(&["oa", "nb"]).into_iter().step_by(9)) {
        let is_later = LATER.iter().any(|name| folder.ends_with(name));
        let options = if is_later { RebuildOptions::default() } else { CORPUS };
        for table in find_tables(&RealDisk, &[folder]).unwrap() {
            let mut copy = Copy::of(&table);
            // Only this component has the length of chunks and the compressor's options; slices are
            // 64 KiB.
            let is_removed = |component: &&Component| {
                **component != Component::CompressionInfo && read(&table, component).is_some()
            };
            DERIVED.iter().filter(is_removed).for_each(|component| copy.remove(component));
            let out = copy.out();
            let rebuilt =
                run_with(&copy.table, &out, &options).unwrap_or_else(|error| panic!("{table}: {error}"));
            let made = &rebuilt.to.descriptor;
            assert!(rebuilt.is_linked);
            assert_eq!(read(made, &Component::Data), read(&table, &Component::Data));
            for component in &DERIVED[..8] {
                let is_same = read(made, component) == read(&table, component);
                assert!(is_same, "{} {component:?}", table.path(component).display());
            }
            let statistics = |table: &Descriptor| {
                let path = table.path(&Component::Statistics);
                Statistics::decode(&path, &read(table, &Component::Statistics).unwrap(), table.version)
                    .unwrap()
            };
            let (ours, theirs) = (statistics(made), statistics(&table));
            assert_eq!(ours, theirs, "{}", table.path(&Component::Statistics).display());
            let toc = |table: &Descriptor| {
                let path = table.path(&Component::Toc);
                let mut listed =
                    Toc::decode(&path, &read(table, &Component::Toc).unwrap()).unwrap().components;
                listed.retain(|component| component.name() != PAGE_CHECKSUMS_COMPONENT);
                listed.sort();
                listed
            };
            assert_eq!(toc(made), toc(&table));
            let verified = verify(&disk(), made, Depth::Extended, &mut |_| {});
            assert!(verified.is_clean(), "{verified}");
            count += 1;
        }
    }
    println!("{count} tables");
    assert!(count > 50);
}

#[test]
fn what_is_damaged_or_out_of_order_is_refused() {
    let mut copy = Copy::of(&find_tables(&RealDisk, &[folder("da/comp_none")]).unwrap()[0]);
    let whole = content(&copy.table);
    copy.remove(&Component::Filter);
    copy.write(&Component::Partitions, b"nothing of the kind");
    let out = copy.out();
    let rebuilt = run(&copy.table, &out).unwrap();
    assert!(content(&rebuilt.to.descriptor) == whole && rebuilt.substitutes.is_empty());

    let mut bytes = copy.read(&Component::Data);
    bytes[70_000] ^= 1;
    copy.write(&Component::Data, &bytes);
    let out = copy.out();
    let error = run(&copy.table, &out).unwrap_err();
    assert!(error.to_string().contains("chunk 1 is damaged: scrub"), "{error}");
    assert!(!RealDisk.exists(&out).unwrap());

    copy.remove(&Component::Statistics);
    let out = copy.out();
    let error = run(&copy.table, &out).unwrap_err();
    assert!(error.to_string().contains("Statistics.db: is missing"), "{error}");
}

/// Damaged figures are gathered again; level and repair state are lost.
#[test]
fn statistics_are_made_from_their_header() {
    let mut copy = Copy::of(&find_tables(&RealDisk, &[folder("da/composite_compacted")]).unwrap()[0]);
    let mut bytes = copy.read(&Component::Statistics);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    copy.write(&Component::Statistics, &bytes);
    let out = copy.out();
    let rebuilt = run(&copy.table, &out).unwrap();
    assert_eq!(rebuilt.substitutes.len(), 1, "{:?}", rebuilt.substitutes);
    assert_eq!(rebuilt.from.format(), Format::Bti);
    let verified = verify(&disk(), &rebuilt.to.descriptor, Depth::Extended, &mut |_| {});
    assert!(verified.worst().is_none_or(|worst| worst < Severity::Hidden), "{verified}");
}
