//! Conversions: the same rows come out, in files that are complete or not there.

use std::ops::ControlFlow;
use std::path::Path;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_rows::{Unfiltered, UnfilteredStream};
use helenus_sstable::{
    Codec, Component, CompressionParams, DataFile, Descriptor, PageVerification, Statistics, Version,
};
use helenus_tools::{
    Compression, ConvertOptions, Converted, Ids, RebuildOptions, ScrubOptions, ToolError, convert,
    find_tables, rebuild, scrub,
};

use crate::corpus::{corpus, disk, folder, sample, whole};
use crate::scrub::Copy;

/// Everything in a table, a line each.
pub(crate) fn content(table: &Descriptor) -> Vec<String> {
    let file = DataFile::open(&disk(), table, PageVerification::Check).unwrap();
    let mut scan = file.scan();
    let mut lines = Vec::new();
    while scan.next_partition().unwrap() {
        let partition = UnfilteredStream::partition(&scan);
        lines.push(format!("{:02x?} {:?}", partition.key, partition.deletion));
        lines.extend(UnfilteredStream::static_row(&scan).map(|row| row_text(&row)));
        while scan.advance().unwrap() {
            lines.push(match UnfilteredStream::current(&scan).unwrap() {
                Unfiltered::Row(row) => row_text(&row),
                Unfiltered::Marker(marker) => format!("{marker:?}"),
            });
        }
    }
    lines
}

fn row_text(row: &helenus_rows::RowRef<'_>) -> String {
    let mut cells = row.cells().unwrap();
    let mut text = format!("{:02x?} {:?} {:?}", row.clustering, cells.liveness(), cells.deletion());
    while let Some(event) = cells.next().unwrap() {
        text += &format!("\n  {event:02x?}");
    }
    text
}

fn options(version: Version, compression: Compression) -> ConvertOptions {
    ConvertOptions { version, compression, ids: Ids::Keep, cap_expirations: false }
}

fn run(inputs: &[Descriptor], out: &Path, options: &ConvertOptions) -> Result<Vec<Converted>, ToolError> {
    convert(&disk(), inputs, out, options, &mut |_| ControlFlow::Continue(()))
}

/// Converts the tables of a folder and compares what is in them.
#[track_caller]
fn check(folder: &Path, options: &ConvertOptions) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let inputs = find_tables(&RealDisk, &[folder.to_owned()]).unwrap();
    let done = run(&inputs, &out, options).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for (input, converted) in inputs.iter().zip(&done) {
        let written = converted.to.as_ref().unwrap();
        assert_eq!(written.descriptor, Descriptor::new(&out, options.version, input.id));
        assert!(content(input) == content(&written.descriptor), "{}/{input}", folder.display());
        let (ours, theirs) = (file(&written.descriptor), file(input));
        let kept = |file: &DataFile| {
            let stats = file.stats();
            (stats.level, stats.repaired_at_ms, stats.rows, stats.min_timestamp, stats.max_timestamp)
        };
        assert_eq!(kept(&ours), kept(&theirs));
    }
    let listed = find_tables(&RealDisk, std::slice::from_ref(&out)).unwrap();
    assert_eq!(listed.len(), inputs.len());
    assert!(!RealDisk.exists(&dir.path().join("out.unfinished")).unwrap());
}

fn file(table: &Descriptor) -> DataFile {
    DataFile::open(&disk(), table, PageVerification::Check).unwrap()
}

#[test]
fn tables_keep_their_content() {
    for folder in sample().into_iter().chain(whole(&["da", "oa", "nb"])) {
        check(&folder, &options(Version::DA, Compression::Keep));
    }
}

/// Tables of the tests of Cassandra's releases, `ma` to `da`: counters with old shards and compact
/// tables among them.
#[test]
fn tables_of_every_release_keep_their_content_in_every_version() {
    let Some(legacy) = corpus("legacy") else { return };
    let mut count = 0;
    for release in RealDisk.list(&legacy).unwrap().iter().filter(|entry| entry.name.len() == 2) {
        let release = legacy.join(&release.name);
        for table in RealDisk.list(&release).unwrap() {
            for version in Version::WRITABLE {
                check(&release.join(&table.name), &options(version, Compression::Keep));
                count += 1;
            }
        }
    }
    println!("{count} conversions");
    assert!(count > 200, "{count}");
}

/// `da` and `oa` hold expirations that the older versions can't: they are refused, or capped and
/// counted.
#[test]
fn what_is_too_late_for_a_version_is_refused_or_capped() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = find_tables(&RealDisk, &[folder("da/tombstones")]).unwrap();
    for version in [Version::NB, Version::ME] {
        let out = dir.path().join(version.to_string());
        let refusing = options(version, Compression::Keep);
        let error = run(&inputs, &out, &refusing).unwrap_err();
        assert!(error.to_string().contains("2038"), "{error}");
        assert!(!RealDisk.exists(&out).unwrap());
        let capping = ConvertOptions { cap_expirations: true, ..refusing };
        let done = run(&inputs, &out, &capping).unwrap();
        assert!(done.iter().map(Converted::capped).sum::<u64>() > 0);
    }
    let done = run(&inputs, &dir.path().join("oa"), &options(Version::OA, Compression::Keep)).unwrap();
    assert_eq!(done.iter().map(Converted::capped).sum::<u64>(), 0);
}

/// A table that a repair is about to finish, or a transient replica's, came out as if it were in no
/// repair.
#[test]
fn the_repair_state_is_kept() {
    let copy = Copy::converted(&sample()[0], Version::NB);
    let path = copy.table.path(&Component::Statistics);
    let mut statistics = Statistics::decode(&path, &copy.read(&Component::Statistics), Version::NB).unwrap();
    let session = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    (statistics.stats.pending_repair, statistics.stats.is_transient) = (Some(session), true);
    copy.write(&Component::Statistics, &statistics.encode(Version::NB));
    let inputs = std::slice::from_ref(&copy.table);
    let dir = tempfile::tempdir().unwrap();
    let goes_on = &mut |_: helenus_tools::Progress| ControlFlow::Continue(());
    let [converted, scrubbed, rebuilt] = ["c", "s", "r"].map(|name| dir.path().join(name));
    run(inputs, &converted, &options(Version::DA, Compression::Keep)).unwrap();
    scrub(&disk(), inputs, &scrubbed, &ScrubOptions::default(), goes_on).unwrap();
    rebuild(&disk(), inputs, &rebuilt, &RebuildOptions::default(), goes_on).unwrap();
    for out in [converted, scrubbed, rebuilt] {
        let outputs = find_tables(&RealDisk, &[out]).unwrap();
        let stats = file(&outputs[0]).stats().clone();
        assert_eq!((stats.pending_repair, stats.is_transient), (Some(session), true), "{}", outputs[0]);
    }
}

#[test]
fn every_codec_is_written() {
    let folder = folder("da/soup");
    check(&folder, &options(Version::DA, Compression::Use(None)));
    for codec in [Codec::Lz4, Codec::Snappy, Codec::Deflate, Codec::Zstd, Codec::Noop] {
        let params = CompressionParams { chunk_len: 4096, ..CompressionParams::new(codec) };
        check(&folder, &options(Version::DA, Compression::Use(Some(params))));
    }
}

#[test]
fn compression_is_kept_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = find_tables(&RealDisk, &[folder("da/comp_zstd")]).unwrap();
    run(&inputs, &dir.path().join("kept"), &options(Version::DA, Compression::Keep)).unwrap();
    let kept = Descriptor { dir: dir.path().join("kept"), ..inputs[0].clone() };
    let (kept, input) = (file(&kept).chunks().params(), file(&inputs[0]).chunks().params());
    assert_eq!(kept, input);
    assert_eq!(kept.unwrap().codec, Codec::Zstd);

    run(&inputs, &dir.path().join("plain"), &options(Version::DA, Compression::Use(None))).unwrap();
    let plain = Descriptor { dir: dir.path().join("plain"), ..inputs[0].clone() };
    assert_eq!(file(&plain).chunks().params(), None);
    assert!(RealDisk.exists(&plain.path(&Component::Crc)).unwrap());
}

#[test]
fn ids_are_kept_unless_they_collide_or_are_to_be_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let soup = find_tables(&RealDisk, &[folder("da/soup")]).unwrap();
    let mut inputs = soup.clone();
    inputs.extend(find_tables(&RealDisk, &[folder("da/tombstones")]).unwrap());
    let names = |done: &[Converted]| -> Vec<String> {
        done.iter().map(|table| table.to.as_ref().unwrap().descriptor.id.to_string()).collect()
    };
    let largest = inputs.iter().filter_map(|input| input.id.generation()).max().unwrap();
    let done = run(&inputs, &dir.path().join("a"), &options(Version::DA, Compression::Keep)).unwrap();
    let kept: Vec<String> = soup.iter().map(|input| input.id.to_string()).collect();
    assert_eq!(names(&done)[..soup.len()], kept);
    assert_eq!(names(&done)[soup.len()], (largest.0 + 1).to_string(), "{:?}", names(&done));

    let numbered = ConvertOptions { ids: Ids::Number, ..options(Version::DA, Compression::Keep) };
    let done = run(&inputs, &dir.path().join("b"), &numbered).unwrap();
    assert_eq!(names(&done)[..2], ["1", "2"]);
}

#[test]
fn what_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let copies = dir.path().join("in");
    RealDisk.create_dir(&copies).unwrap();
    let inputs = find_tables(&RealDisk, &[folder("da/soup")]).unwrap();
    let last = inputs.last().unwrap();
    for entry in RealDisk.list(&last.dir).unwrap().iter().filter(|entry| entry.is_file()) {
        let mut bytes = read_to_vec(&RealDisk, &last.dir.join(&entry.name), 1 << 24).unwrap();
        if entry.utf8().unwrap() == last.file_name(&Component::Data) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        RealDisk.create_new(&copies.join(&entry.name)).unwrap().write_at(0, &bytes).unwrap();
    }
    let damaged = Descriptor { dir: copies, ..last.clone() };
    let out = dir.path().join("out");
    let all = [inputs[0].clone(), damaged];
    let error = run(&all, &out, &options(Version::DA, Compression::Keep)).unwrap_err();
    assert!(error.to_string().contains("corrupt at offset"), "{error}");
    let left = |dir: &Path| RealDisk.list(dir).unwrap().len();
    assert_eq!(left(dir.path()), 1, "the inputs alone");

    // Stopped, and then during another run, and with an unrelated directory in the way.
    let stop = &mut |_| ControlFlow::Break(());
    let wide = find_tables(&RealDisk, &[folder("da/composite_compacted")]).unwrap();
    let error = convert(&disk(), &wide, &out, &options(Version::DA, Compression::Keep), stop).unwrap_err();
    assert!(matches!(error, ToolError::Stopped), "{error}");
    assert_eq!(left(dir.path()), 1, "the inputs alone");
    RealDisk.create_dir(&dir.path().join("out.unfinished")).unwrap();
    let error = run(&inputs, &out, &options(Version::DA, Compression::Keep)).unwrap_err();
    assert!(matches!(error, ToolError::Unfinished(_)), "{error}");
    // A run that was killed left its directory, and the next one said to remove it by hand.
    let staging = dir.path().join("out.unfinished");
    RealDisk.create_new(&staging.join("da-1-bti-Data.db")).unwrap();
    let lock = RealDisk.lock(&staging.join("UNFINISHED")).unwrap();
    let error = run(&inputs, &out, &options(Version::DA, Compression::Keep)).unwrap_err();
    assert!(matches!(error, ToolError::Unfinished(_)), "{error}");
    drop(lock);
    run(&inputs, &out, &options(Version::DA, Compression::Keep)).unwrap();
    assert!(!RealDisk.exists(&staging).unwrap());
    assert!(!RealDisk.exists(&out.join("UNFINISHED")).unwrap());
}

/// A database that is called `out.unfinished`, or that a link of that name leads to, was taken for
/// what a run had left, and all of it was removed: its `LOCK` was the mark of both.
#[test]
fn a_database_in_the_place_of_an_output_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = find_tables(&RealDisk, &[folder("da/tombstones")]).unwrap();
    let (out, staging) = (dir.path().join("out"), dir.path().join("out.unfinished"));
    let database = |at: &Path| {
        RealDisk.create_dir(at).unwrap();
        for name in ["LOCK", "MANIFEST"] {
            RealDisk.create_new(&at.join(name)).unwrap();
        }
        RealDisk.create_dir(&at.join("data")).unwrap();
    };
    let check = |at: &Path| {
        let error = run(&inputs, &out, &options(Version::DA, Compression::Keep)).unwrap_err();
        assert!(error.to_string().contains("out.unfinished"), "{error}");
        assert_eq!(RealDisk.list(at).unwrap().len(), 3, "{error}");
    };
    database(&staging);
    check(&staging);
    RealDisk.rename(&staging, &dir.path().join("theirs")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("theirs"), &staging).unwrap();
    check(&dir.path().join("theirs"));
    // Not even where the name that marks an output is there.
    RealDisk.remove_dir(&dir.path().join("theirs/data")).unwrap();
    drop(RealDisk.create_new(&dir.path().join("theirs/UNFINISHED")).unwrap());
    check(&dir.path().join("theirs"));
    RealDisk.remove_file(&staging).unwrap();
    // Links inside are removed, not followed.
    RealDisk.create_dir(&staging).unwrap();
    drop(RealDisk.create_new(&staging.join("UNFINISHED")).unwrap());
    std::os::unix::fs::symlink(dir.path().join("theirs"), staging.join("link")).unwrap();
    run(&inputs, &out, &options(Version::DA, Compression::Keep)).unwrap();
    assert_eq!(RealDisk.list(&dir.path().join("theirs")).unwrap().len(), 3);
}

#[test]
fn an_output_is_new_or_empty() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = find_tables(&RealDisk, &[folder("da/tombstones")]).unwrap();
    let out = dir.path().join("out");
    RealDisk.create_dir(&out).unwrap();
    let keep = options(Version::DA, Compression::Keep);
    run(&inputs, &out, &keep).unwrap();
    let error = run(&inputs, &out, &keep).unwrap_err();
    assert!(matches!(error, ToolError::NotEmpty(_)), "{error}");
}
