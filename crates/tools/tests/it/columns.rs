//! Columns in another order than Cassandra's, and keys of types that have grown.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use helenus_io::RealDisk;
use helenus_sstable::{Component, DataFile, Descriptor, PageVerification, Version};
use helenus_tools::{
    Compression, ConvertOptions, Depth, Ids, ScrubOptions, Severity, View, convert, diff, find_tables, scrub,
    verify,
};

use crate::corpus::disk;

fn testdata(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(folder)
}

fn tables(folder: &Path) -> Vec<Descriptor> {
    find_tables(&RealDisk, &[folder.to_owned()]).unwrap()
}

/// The differences between two sets of tables.
fn differences(left: &[Descriptor], right: &[Descriptor]) -> Vec<String> {
    let mut found = Vec::new();
    let mut told = |difference| {
        found.push(format!("{difference:?}"));
        ControlFlow::Continue(())
    };
    diff(&disk(), left, right, View::Exact, &mut told, &mut |_| ControlFlow::Continue(())).unwrap();
    found
}

fn names(table: &Descriptor) -> Vec<String> {
    let file = DataFile::open(&disk(), table, PageVerification::Check).unwrap();
    let header = file.header();
    let columns = header.statics.as_slice().iter().chain(header.regulars.as_slice());
    columns.map(|column| column.name.to_string()).collect()
}

/// Early builds of ours put columns by the bytes of their names, where Cassandra has those first
/// that begin outside ASCII. What they wrote reads by its own header; `verify` says that Cassandra
/// would mix the columns up, and what writes the rows again gives them Cassandra's order.
#[test]
fn tables_by_the_bytes_of_names_are_read_and_written_in_cassandras_order() {
    let old = tables(&testdata("by-bytes"));
    assert_eq!(names(&old[0]), ["s", "ä", "a", "é", "日本", "b", "ö"]);
    let report = verify(&disk(), &old[0], Depth::Extended, &mut |_| {});
    let found: Vec<_> = report.findings.iter().map(|found| (found.severity, &found.component)).collect();
    assert_eq!(found, [(Severity::Cosmetic, &Component::Statistics)], "{report}");

    let dir = tempfile::tempdir().unwrap();
    let canonical = ["ä", "s", "é", "日本", "a", "ö", "b"];
    for version in Version::WRITABLE {
        let out = dir.path().join(version.to_string());
        let compression = Compression::Keep;
        let options = ConvertOptions { version, compression, ids: Ids::Keep, cap_expirations: false };
        convert(&disk(), &old, &out, &options, &mut |_| ControlFlow::Continue(())).unwrap();
        let new = tables(&out);
        assert_eq!(names(&new[0]), canonical, "{version}");
        assert_eq!(differences(&old, &new), [""; 0], "{version}");
        let report = verify(&disk(), &new[0], Depth::Extended, &mut |_| {});
        assert!(report.is_clean(), "{version}: {report}");
    }
    let out = dir.path().join("scrubbed");
    let reports =
        scrub(&disk(), &old, &out, &ScrubOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(reports.iter().all(|report| report.losses.is_empty() && report.lost_bytes == 0), "{reports:?}");
    let new = tables(&out);
    assert_eq!(names(&new[0]), canonical);
    assert_eq!(differences(&old, &new), [""; 0]);
}

/// Cassandra's tables with such names were called damaged, and `scrub` threw their rows away.
#[test]
fn scrub_keeps_what_cassandra_wrote_under_names_outside_ascii() {
    let tables = tables(&testdata("corpus/da/non_ascii"));
    let dir = tempfile::tempdir().unwrap();
    let options = ScrubOptions::default();
    let reports = scrub(&disk(), &tables, dir.path(), &options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(reports.iter().all(|report| report.losses.is_empty() && report.lost_bytes == 0), "{reports:?}");
    assert_eq!(differences(&tables, &self::tables(dir.path())), [""; 0]);
}

/// A pair of tables between which the type of a clustering column had got a field was refused as
/// one of other keys.
#[test]
fn tables_compare_whose_clustering_type_has_grown_between() {
    for table in ["udt_grown", "udt_grown_desc", "tuple_grown"] {
        let all = tables(&testdata("corpus/da").join(table));
        let [short, long] = [&all[..1], &all[1..]];
        assert_eq!(differences(&all, &all), [""; 0], "{table}");
        let found = differences(short, long);
        assert_eq!(found, differences(short, long));
        assert!(found.len() > 4, "{table}: {found:?}");
    }
    // {a: 3, b: 'x'} and {a: 3, b: 'x', c: null} are one row, whose cells differ.
    let all = tables(&testdata("corpus/da/udt_grown"));
    let found = differences(&all[..1], &all[1..]);
    let of_row = found.iter().filter(|line| line.contains(r#"6, \"b\": \"x\", \"c\": null"#)).count();
    assert!(of_row >= 1, "{found:#?}");
}
