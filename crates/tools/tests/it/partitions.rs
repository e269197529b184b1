//! Figures of partitions: counted as Cassandra's tool counts them, reported when they reach a
//! limit.

use std::ops::ControlFlow;
use std::path::PathBuf;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{Component, Descriptor};
use helenus_tools::{
    Below, Detail, PartitionFigures, PartitionLimits, PartitionsOptions, TableFigures, ToolError,
    find_tables, find_tables_below, partitions,
};

use crate::corpus::{disk, folder};

/// When nothing of the sample's short TTLs is alive any more.
const NOW: u32 = 1_795_400_000;

fn options(limits: PartitionLimits) -> PartitionsOptions {
    PartitionsOptions { limits, now_s: NOW, ..PartitionsOptions::default() }
}

fn all() -> PartitionsOptions {
    options(PartitionLimits { size: Some(0), ..PartitionLimits::default() })
}

fn first(name: &str) -> Descriptor {
    find_tables(&RealDisk, &[folder(name)]).unwrap().remove(0)
}

fn run(table: &Descriptor, options: &PartitionsOptions) -> (TableFigures, Vec<PartitionFigures>) {
    let mut told = Vec::new();
    let mut tell = |figures: &PartitionFigures| {
        told.push(figures.clone());
        ControlFlow::Continue(())
    };
    let done = partitions(&disk(), table, options, &mut tell, &mut |_| ControlFlow::Continue(()));
    (done.unwrap(), told)
}

/// Key, size, rows, cells and tombstones.
fn brief(told: &[PartitionFigures]) -> Vec<String> {
    let line = |figures: &PartitionFigures| {
        let PartitionFigures { key_text, size, rows, cells, .. } = figures;
        format!("{key_text} {size} {rows} {cells} {}", figures.tombstones())
    };
    told.iter().map(line).collect()
}

/// Written down from what `sstablepartitions -t 0 -u 1795400000 -m` of Cassandra 5.0.8 prints of
/// the same files.
#[test]
fn figures_are_those_of_cassandra() {
    let figures = |name: &str, key: &str| {
        let (_, told) = run(&first(name), &all());
        let found = told.into_iter().find(|figures| figures.key_text == key);
        let f = found.unwrap_or_else(|| panic!("{name} {key}"));
        [
            f.offset,
            f.size,
            f.rows,
            f.cells,
            f.tombstones(),
            f.row_tombstones,
            f.range_tombstones,
            f.complex_tombstones,
            f.cell_tombstones,
            f.expired_rows,
            f.expired_cells,
        ]
    };
    assert_eq!(figures("da/tombstones", "23"), [0, 607, 20, 40, 6, 0, 0, 0, 0, 6, 0]);
    assert_eq!(figures("da/soup", "2"), [339, 833, 22, 38, 33, 3, 13, 14, 3, 0, 0]);
    assert_eq!(figures("da/soup_compacted", "0"), [1048, 251, 7, 10, 11, 4, 2, 4, 1, 0, 0]);
    assert_eq!(figures("da/collections", "0"), [7101, 6465, 30, 316, 105, 0, 0, 105, 0, 0, 0]);
    assert_eq!(figures("da/composite_compacted", "0:p3"), [109_034, 3307, 55, 80, 25, 0, 25, 0, 0, 0, 0]);
    assert_eq!(figures("da/all_types", "53"), [142, 141, 1, 17, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(figures("da/spanning", "0"), [100_284, 100_333, 1058, 2116, 12, 0, 12, 0, 0, 0, 0]);
}

#[test]
fn limits_keys_and_exclusions() {
    let table = first("da/soup");
    let (whole, told) = run(&table, &all());
    assert_eq!((told.len() as u64, whole.sizes.count()), (8, 8));
    let largest = told.iter().map(|figures| figures.size).max().unwrap();
    assert_eq!((whole.sizes.max(), whole.sizes.min() > 0), (largest, true));

    // Without limits the figures alone.
    let (same, none) = run(&table, &options(PartitionLimits::default()));
    assert!(none.is_empty() && same == whole);
    // Each limit for itself, and what reaches any of several.
    let keys = |limits| -> Vec<String> {
        run(&table, &options(limits)).1.into_iter().map(|figures| figures.key_text).collect()
    };
    let reaching = |figure: fn(&PartitionFigures) -> u64, least: u64| -> Vec<String> {
        told.iter().filter(|f| figure(f) >= least).map(|f| f.key_text.clone()).collect()
    };
    let none = PartitionLimits::default();
    let by_rows = keys(PartitionLimits { rows: Some(whole.rows.max()), ..none });
    assert_eq!(by_rows, reaching(|f| f.rows, whole.rows.max()));
    let by_cells = keys(PartitionLimits { cells: Some(whole.cells.max()), ..none });
    assert_eq!(by_cells, reaching(|f| f.cells, whole.cells.max()));
    let most = whole.tombstones.max();
    assert_eq!(keys(PartitionLimits { tombstones: Some(most), ..none }), reaching(|f| f.tombstones(), most));
    let sizes = PartitionLimits { size: Some(largest), rows: Some(u64::MAX), ..none };
    assert_eq!(keys(sizes), reaching(|f| f.size, largest));

    // Keys are looked up, in the order of partitions; what isn't there is no error.
    let wanted: Vec<String> = told.iter().map(|figures| figures.key_text.clone()).collect();
    let some = vec![wanted[6].clone(), "12345".to_owned(), wanted[1].clone(), wanted[6].clone()];
    let (figures, found) = run(&table, &PartitionsOptions { keys: some.clone(), ..all() });
    assert_eq!(brief(&found), brief(&[told[1].clone(), told[6].clone()]));
    assert_eq!((found[0].offset, figures.rows.count()), (told[1].offset, 2));
    let but = PartitionsOptions { keys: some, excluded: vec![wanted[1].clone()], ..all() };
    assert_eq!(brief(&run(&table, &but).1), brief(&told[6..7]));
    let excluded = PartitionsOptions { excluded: wanted[1..].to_vec(), ..all() };
    let (figures, found) = run(&table, &excluded);
    assert_eq!((brief(&found), figures.sizes.count()), (brief(&told[..1]), 1));

    let wrong = PartitionsOptions { keys: vec!["five".to_owned()], ..all() };
    let done = partitions(&disk(), &table, &wrong, &mut |_| ControlFlow::Continue(()), &mut |_| {
        ControlFlow::Continue(())
    });
    assert!(done.unwrap_err().to_string().contains("key five"));
}

#[test]
fn keys_of_several_columns() {
    let table = first("da/composite_compacted");
    let (_, told) = run(&table, &all());
    for figures in &told {
        assert!(figures.key_text.contains(':'), "{}", figures.key_text);
        let one = PartitionsOptions { keys: vec![figures.key_text.clone()], ..all() };
        assert_eq!(run(&table, &one).1, std::slice::from_ref(figures));
    }
}

#[test]
fn sizes_alone_decode_nothing() {
    let table = first("da/soup");
    let (_, told) = run(&table, &all());
    let (figures, sizes) = run(&table, &PartitionsOptions { detail: Detail::Sizes, ..all() });
    assert!(
        sizes.iter().zip(&told).all(|(a, b)| (a.size, a.offset, a.is_live) == (b.size, b.offset, b.is_live))
    );
    assert_eq!((figures.rows.max(), figures.cells.max(), figures.sizes.count()), (0, 0, 8));
}

#[test]
fn damage_and_a_caller_who_has_enough() {
    let table = first("da/comp_none");
    let stop = partitions(&disk(), &table, &all(), &mut |_| ControlFlow::Break(()), &mut |_| {
        ControlFlow::Continue(())
    });
    assert!(matches!(stop, Err(ToolError::Stopped)));
    let stop = partitions(&disk(), &table, &all(), &mut |_| ControlFlow::Continue(()), &mut |_| {
        ControlFlow::Break(())
    });
    assert!(matches!(stop, Err(ToolError::Stopped)));

    let dir = tempfile::tempdir().unwrap();
    let damaged = Descriptor { dir: dir.path().to_owned(), ..table.clone() };
    for component in [Component::Statistics, Component::Crc, Component::Data] {
        let mut bytes = read_to_vec(&RealDisk, &table.path(&component), 1 << 24).unwrap();
        if component == Component::Data {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        RealDisk.create_new(&damaged.path(&component)).unwrap().write_at(0, &bytes).unwrap();
    }
    let mut told = 0;
    let mut tell = |_: &PartitionFigures| {
        told += 1;
        ControlFlow::Continue(())
    };
    let done = partitions(&disk(), &damaged, &all(), &mut tell, &mut |_| ControlFlow::Continue(()));
    let error = done.unwrap_err().to_string();
    assert!(error.contains("Data.db") && error.contains("offset"), "{error}");
    assert!(told > 0, "what is before the damage is told");
}

#[test]
fn directories_in_directories() {
    let temp = tempfile::tempdir().unwrap();
    let table = first("da/pk_int");
    let place = |dir: &str| {
        let dir = temp.path().join(dir);
        RealDisk.create_dir_all(&dir).unwrap();
        RealDisk.create_new(&dir.join("da-1-bti-Data.db")).unwrap();
        // Versions of other releases don't keep the rest from being found.
        RealDisk.create_new(&dir.join("ka-1-big-Data.db")).unwrap();
    };
    for dir in ["ks/t-1", "ks/t-1/snapshots/s", "ks/t-1/backups", "ks/t-1/.by_author"] {
        place(dir);
    }
    let found = |snapshots, backups| -> Vec<String> {
        let paths: Vec<PathBuf> = vec![temp.path().to_owned(), table.path(&Component::Data)];
        let tables = find_tables_below(&RealDisk, &paths, Below { snapshots, backups }).unwrap();
        let below = |table: &Descriptor| Some(table.dir.strip_prefix(temp.path()).ok()?.to_str()?.to_owned());
        assert!(tables.contains(&table));
        tables.iter().filter_map(below).collect()
    };
    assert_eq!(found(false, false), ["ks/t-1", "ks/t-1/.by_author"]);
    assert_eq!(found(true, false), ["ks/t-1", "ks/t-1/.by_author", "ks/t-1/snapshots/s"]);
    assert_eq!(found(false, true), ["ks/t-1", "ks/t-1/.by_author", "ks/t-1/backups"]);
    let empty = temp.path().join("empty");
    RealDisk.create_dir(&empty).unwrap();
    assert!(find_tables_below(&RealDisk, &[empty], Below::default()).unwrap_err().is_no_tables());
}
