//! Scrubbing: all that is undamaged comes out, whatever is wrong with the rest.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use helenus_io::{Disk, RealDisk, parent_of, read_to_vec};
use helenus_rows::{Unfiltered, UnfilteredStream};
use helenus_sstable::{
    Component, DataFile, Descriptor, Format, PageVerification, Statistics, TableIndex, Version,
};
use helenus_tools::{
    Compression, ConvertOptions, Depth, Ids, LostPart, ScrubOptions, ScrubReport, ToolError, convert,
    find_tables, scrub, verify,
};
use tempfile::TempDir;

use crate::convert::content;
use crate::corpus::{corpus, disk, folder, sample, whole};

fn run(inputs: &[Descriptor], out: &Path, options: &ScrubOptions) -> Result<Vec<ScrubReport>, ToolError> {
    scrub(&disk(), inputs, out, options, &mut |_| ControlFlow::Continue(()))
}

/// A copy of a table that can be damaged, and what comes out of it.
pub(crate) struct Copy {
    dir: TempDir,
    pub(crate) table: Descriptor,
    runs: u32,
}

impl Copy {
    pub(crate) fn of(table: &Descriptor) -> Copy {
        let dir = tempfile::tempdir().unwrap();
        let copies = dir.path().join("in");
        RealDisk.create_dir(&copies).unwrap();
        let prefix = format!("{table}-");
        for entry in RealDisk.list(&table.dir).unwrap().iter().filter(|entry| entry.is_file()) {
            let name = entry.utf8().unwrap();
            if name.starts_with(&prefix) {
                let bytes = read_to_vec(&RealDisk, &table.dir.join(name), 1 << 28).unwrap();
                write(&copies.join(name), &bytes);
            }
        }
        let table = Descriptor { dir: copies, ..table.clone() };
        Copy { dir, table, runs: 0 }
    }

    /// The first table of a folder, in a version.
    pub(crate) fn converted(folder: &Path, version: Version) -> Copy {
        let dir = tempfile::tempdir().unwrap();
        let inputs = find_tables(&RealDisk, &[folder.to_owned()]).unwrap();
        let options =
            ConvertOptions { version, compression: Compression::Keep, ids: Ids::Keep, cap_expirations: true };
        let out = dir.path().join("out");
        let done =
            convert(&disk(), &inputs[..1], &out, &options, &mut |_| ControlFlow::Continue(())).unwrap();
        Copy::of(&done[0].to.as_ref().unwrap().descriptor)
    }

    pub(crate) fn path(&self, component: &Component) -> PathBuf {
        self.table.path(component)
    }

    pub(crate) fn read(&self, component: &Component) -> Vec<u8> {
        read_to_vec(&RealDisk, &self.path(component), 1 << 28).unwrap()
    }

    pub(crate) fn write(&self, component: &Component, bytes: &[u8]) {
        write(&self.path(component), bytes);
    }

    pub(crate) fn remove(&self, component: &Component) {
        RealDisk.remove_file(&self.path(component)).unwrap();
    }

    fn scrub(&mut self) -> ScrubReport {
        self.scrub_with(&ScrubOptions::default()).unwrap()
    }

    /// A directory that is not there.
    pub(crate) fn out(&mut self) -> PathBuf {
        self.runs += 1;
        self.dir.path().join(format!("out-{}", self.runs))
    }

    fn scrub_with(&mut self, options: &ScrubOptions) -> Result<ScrubReport, ToolError> {
        let out = self.out();
        let before = tree(&self.table.dir);
        let done = run(std::slice::from_ref(&self.table), &out, options);
        assert!(before == tree(&self.table.dir), "the input is not written to");
        Ok(done?.remove(0))
    }
}

/// Names and bytes of a directory's files.
fn tree(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = RealDisk.list(dir).unwrap();
    let files = entries.iter().filter(|entry| entry.is_file()).map(|entry| entry.utf8().unwrap().to_owned());
    let mut files: Vec<_> =
        files.map(|name| (name.clone(), read_to_vec(&RealDisk, &dir.join(name), 1 << 28).unwrap())).collect();
    files.sort();
    files
}

fn write(path: &Path, bytes: &[u8]) {
    if RealDisk.exists(path).unwrap() {
        RealDisk.remove_file(path).unwrap();
    }
    let file = RealDisk.create_new(path).unwrap();
    file.write_at(0, bytes).unwrap();
    drop(file);
    assert!(RealDisk.exists(parent_of(path)).unwrap());
}

/// A row and where its bytes are.
#[derive(Debug)]
struct Placed {
    /// Where the partition begins, and its rows.
    head: (u64, u64),
    start: u64,
    end: u64,
    /// With the key before it.
    text: String,
}

/// All rows of a table, not its markers.
fn rows(table: &Descriptor) -> Vec<Placed> {
    let file = DataFile::open(&disk(), table, PageVerification::Skip).unwrap();
    let mut scan = file.scan();
    let mut all = Vec::new();
    while scan.next_partition().unwrap() {
        let head = (scan.partition_position(), scan.position());
        let key = format!("{:02x?}", scan.partition().key);
        while scan.advance().unwrap() {
            let start = scan.current_position().unwrap();
            if let Some(Unfiltered::Row(row)) = scan.current() {
                let mut packed = Vec::new();
                row.pack(&mut packed);
                all.push(Placed { head, start, end: scan.position(), text: format!("{key} {packed:02x?}") });
            }
        }
    }
    all
}

fn texts<'a>(rows: impl IntoIterator<Item = &'a Placed>) -> BTreeSet<&'a str> {
    rows.into_iter().map(|row| &*row.text).collect()
}

fn outputs(report: &ScrubReport) -> Vec<Placed> {
    report.outputs.iter().flat_map(|written| rows(&written.descriptor)).collect()
}

/// Partitions of which the index knows the whole key, by their position.
fn known(table: &Descriptor) -> BTreeSet<u64> {
    let data = DataFile::open(&disk(), table, PageVerification::Skip).unwrap();
    let index = TableIndex::open(&disk(), &data, PageVerification::Skip).unwrap();
    let mut walk = index.partitions();
    let mut known = BTreeSet::new();
    while let Some(partition) = walk.next().unwrap() {
        if table.format() == Format::Big || partition.deletion().is_some() {
            known.insert(partition.position());
        }
    }
    known
}

/// The outputs are whole, and say so.
#[track_caller]
fn is_clean(report: &ScrubReport) {
    for written in &report.outputs {
        let verified = verify(&disk(), &written.descriptor, Depth::Extended, &mut |_| {});
        assert!(verified.is_clean(), "{verified}");
    }
}

#[test]
fn whole_tables_stay_what_they_are() {
    let mut count = 0;
    for folder in sample().into_iter().chain(whole(&["oa", "nb"]).into_iter().step_by(20)) {
        let dir = tempfile::tempdir().unwrap();
        let inputs = find_tables(&RealDisk, &[folder]).unwrap();
        let reports = run(&inputs, &dir.path().join("out"), &ScrubOptions::default()).unwrap();
        for (input, report) in inputs.iter().zip(&reports) {
            assert!(!report.is_lossy() && report.substitutes.is_empty(), "{report}");
            assert_eq!(report.outputs.len(), 1, "{report}");
            let written = &report.outputs[0].descriptor;
            assert_eq!((written.version, written.id), (input.version, input.id));
            assert!(content(input) == content(written), "{report}");
            count += 1;
        }
    }
    println!("{count} tables");
    assert!(count > 60);
}

/// Damages each of some chunks in turn: what comes out is every row that is not in it, of each
/// partition whose key is known.
#[track_caller]
fn check_chunks(mut copy: Copy) -> usize {
    let all = rows(&copy.table);
    let known = known(&copy.table);
    let data = DataFile::open(&disk(), &copy.table, PageVerification::Skip).unwrap();
    let (chunks, data_len) = (data.chunks().clone(), data.data_len());
    let last = chunks.chunk_at(data_len - 1);
    let step = usize::try_from(last / 5 + 1).unwrap();
    let bytes = copy.read(&Component::Data);
    let mut count = 0;
    for chunk in (0..=last).step_by(step) {
        let [start, end] = [chunk, chunk + 1].map(|chunk| chunks.chunk_position(chunk).min(data_len));
        // Somewhere in what is stored of it.
        let at = if chunks.is_compressed() {
            let info = copy.read(&Component::CompressionInfo);
            let path = copy.path(&Component::CompressionInfo);
            let info = helenus_sstable::CompressionInfo::decode(&path, &info, copy.table.version).unwrap();
            info.offsets[usize::try_from(chunk).unwrap()] + 9
        } else {
            u64::midpoint(start, end)
        };
        let mut damaged = bytes.clone();
        damaged[usize::try_from(at).unwrap()] ^= 0x10;
        copy.write(&Component::Data, &damaged);
        let report = copy.scrub();
        let is_hit = |from: u64, to: u64| from < end && to > start;
        let expected = all.iter().filter(|row| {
            let has_key = !is_hit(row.head.0, row.head.1) || known.contains(&row.head.0);
            has_key && !is_hit(row.start, row.end)
        });
        let (expected, found) = (texts(expected), outputs(&report));
        let found = texts(&found);
        let missing = expected.difference(&found).count();
        let more = found.difference(&expected).count();
        assert!(found.is_subset(&texts(&all)), "nothing is made up: {report}");
        assert_eq!(missing, 0, "{missing} of {} rows are missing, {more} more: {report}", expected.len());
        assert!(report.is_lossy() && report.damaged_chunks == [chunk], "{report}");
        assert!(report.lost_bytes > 0, "{report}");
        is_clean(&report);
        count += 1;
    }
    copy.write(&Component::Data, &bytes);
    count
}

fn first_of(folder: &Path) -> Copy {
    Copy::of(&find_tables(&RealDisk, &[folder.to_owned()]).unwrap()[0])
}

#[test]
fn a_damaged_chunk_takes_no_more_than_its_rows() {
    let mut count = 0;
    for name in ["da/composite_compacted", "da/comp_none", "da/comp_snappy", "da/spanning", "da/soup"] {
        count += check_chunks(first_of(&folder(name)));
    }
    for version in [Version::OA, Version::NB, Version::ME] {
        for name in ["da/composite_compacted", "da/comp_none", "da/many_columns"] {
            count += check_chunks(Copy::converted(&folder(name), version));
        }
    }
    for folder in whole(&["oa", "nb"]) {
        if ["many_partitions", "composite_compacted"].iter().any(|name| folder.ends_with(name)) {
            count += check_chunks(first_of(&folder));
        }
    }
    println!("{count} chunks");
}

#[test]
fn a_file_that_is_cut_keeps_what_is_before() {
    for name in ["da/comp_none", "da/composite_compacted"] {
        for version in [Version::DA, Version::ME] {
            let mut copy = Copy::converted(&folder(name), version);
            let all = rows(&copy.table);
            let data = DataFile::open(&disk(), &copy.table, PageVerification::Skip).unwrap();
            let bytes = copy.read(&Component::Data);
            for part in [3, 7, 9] {
                let len = bytes.len() * part / 10;
                copy.write(&Component::Data, &bytes[..len]);
                let whole = if data.chunks().is_compressed() {
                    let path = copy.path(&Component::CompressionInfo);
                    let info = copy.read(&Component::CompressionInfo);
                    let info = helenus_sstable::CompressionInfo::decode(&path, &info, version).unwrap();
                    let ends = info.offsets.iter().skip(1).filter(|end| **end <= len as u64);
                    data.chunks().chunk_position(u32::try_from(ends.count()).unwrap())
                } else if data.chunks().chunk_at(len as u64) < data.chunks().chunk_at(bytes.len() as u64) {
                    len as u64
                } else {
                    // The last slice has a checksum, and it is wrong.
                    data.chunks().chunk_position(data.chunks().chunk_at(len as u64))
                };
                let report = copy.scrub();
                let found = outputs(&report);
                let expected = texts(all.iter().filter(|row| row.end <= whole));
                assert!(texts(&found) == expected, "{} of {}: {report}", found.len(), expected.len());
                assert!(report.is_lossy(), "{report}");
                is_clean(&report);
            }
        }
    }
}

fn indexes(copy: &Copy) -> Vec<Component> {
    match copy.table.format() {
        Format::Big => vec![Component::Index, Component::Summary],
        Format::Bti => vec![Component::Partitions, Component::Rows],
    }
}

#[test]
fn only_data_and_header_are_needed() {
    for version in Version::WRITABLE {
        for name in ["da/composite_compacted", "da/comp_none", "da/statics_only"] {
            let mut copy = Copy::converted(&folder(name), version);
            let expected = content(&copy.table);
            let mut derived = indexes(&copy);
            derived.extend([Component::Filter, Component::Digest, Component::Toc, Component::Crc]);
            for component in derived {
                if !RealDisk.exists(&copy.path(&component)).unwrap() {
                    continue;
                }
                // Emptied, damaged, gone; one after the other until nothing is left.
                let bytes = copy.read(&component);
                for wrong in
                    [vec![0; bytes.len()], bytes.iter().map(|byte| byte ^ 0x5a).collect(), Vec::new()]
                {
                    copy.write(&component, &wrong);
                    let report = copy.scrub();
                    assert!(content(&report.outputs[0].descriptor) == expected, "{component:?}: {report}");
                    assert!(!report.is_lossy(), "{component:?}: {report}");
                    is_clean(&report);
                }
                copy.remove(&component);
                let report = copy.scrub();
                assert!(content(&report.outputs[0].descriptor) == expected, "{component:?}: {report}");
                assert!(!report.is_lossy(), "{component:?}: {report}");
            }
        }
    }
}

/// Without an index, the next partition after a damaged chunk is found in the data.
#[test]
fn partitions_are_found_without_an_index() {
    for version in [Version::DA, Version::ME] {
        for name in ["da/comp_none", "da/composite_compacted", "da/pk_text"] {
            let mut copy = Copy::converted(&folder(name), version);
            let all = rows(&copy.table);
            indexes(&copy).iter().for_each(|component| copy.remove(component));
            let data = DataFile::open(&disk(), &copy.table, PageVerification::Skip).unwrap();
            let mut bytes = copy.read(&Component::Data);
            bytes[20] ^= 1;
            copy.write(&Component::Data, &bytes);
            let end = data.chunks().chunk_position(1).min(data.data_len());
            let report = copy.scrub();
            let found = outputs(&report);
            let expected = texts(all.iter().filter(|row| row.head.0 >= end));
            assert!(expected == texts(&found), "{} of {}: {report}", found.len(), expected.len());
            assert!(report.is_lossy(), "{report}");
            is_clean(&report);
        }
    }
}

/// Without checksums a row whose size is wrong does not swallow what follows.
#[test]
fn data_without_checksums_is_read_with_the_index_beside_it() {
    for version in Version::WRITABLE {
        let mut copy = Copy::converted(&folder("da/comp_none"), version);
        let all = rows(&copy.table);
        let bytes = copy.read(&Component::Data);
        copy.remove(&Component::Crc);
        copy.remove(&Component::Digest);
        for row in all.iter().step_by(all.len() / 9 + 1) {
            let mut damaged = bytes.clone();
            // Flags: a marker's, an end of partition's, something else.
            for flags in [0x02, 0x01, 0xff, 0x00] {
                damaged[usize::try_from(row.start).unwrap()] = flags;
                copy.write(&Component::Data, &damaged);
                let report = copy.scrub();
                assert!(!report.is_checked);
                let found = outputs(&report);
                let expected = texts(all.iter().filter(|other| other.start != row.start));
                let missing = expected.difference(&texts(&found)).count();
                assert!(missing <= 1, "{missing} missing, flags {flags:#x} at {}: {report}", row.start);
            }
        }
    }
}

#[test]
fn duplicates_are_merged() {
    let Some(root) = corpus("legacy/invalid-legacy-sstables/Keyspace1/cf_with_duplicates_3_0") else {
        return;
    };
    let mut copy = first_of(&root);
    let report = copy.scrub();
    assert!(report.duplicates > 0 && !report.is_lossy(), "{report}");
    assert_eq!(report.outputs[0].descriptor.version, Version::ME);
    is_clean(&report);
}

#[test]
fn times_that_overflowed_are_lost_or_mended() {
    let Some(root) = corpus("legacy/negative-local-expiration-test") else { return };
    for name in ["table1", "table2", "table3", "table4"] {
        let mut copy = first_of(&root.join(name));
        let lost = copy.scrub();
        assert!(lost.overflowed > 0 && lost.is_lossy(), "{lost}");
        is_clean(&lost);
        let options = ScrubOptions { reinsert_overflowed_ttl: true, ..ScrubOptions::default() };
        let mended = copy.scrub_with(&options).unwrap();
        assert!(mended.mended > 0 && !mended.is_lossy(), "{mended}");
        assert_eq!(rows(&copy.table).len(), outputs(&mended).len());
        is_clean(&mended);
    }
    let root = corpus("legacy/negative-ldts-invalid-deletions-test").unwrap();
    for name in [
        "invalid_partition_deletion",
        "invalid_tombstones",
        "invalid_range_tombstone_reader",
        "invalid_range_tombstone_compaction",
    ] {
        let mut copy = first_of(&root.join(name));
        let lost = copy.scrub();
        assert!(lost.is_lossy(), "{lost}");
        is_clean(&lost);
        let options = ScrubOptions { reinsert_overflowed_ttl: true, ..ScrubOptions::default() };
        let mended = copy.scrub_with(&options).unwrap();
        assert!(mended.mended > 0 && !mended.is_lossy(), "{mended}");
        is_clean(&mended);
    }
}

#[test]
fn counters_are_not_lost_unless_asked_for() {
    let mut copy = first_of(&folder("da/counters"));
    let mut bytes = copy.read(&Component::Data);
    bytes[20] ^= 1;
    copy.write(&Component::Data, &bytes);
    let error = copy.scrub_with(&ScrubOptions::default()).unwrap_err();
    assert!(matches!(error, ToolError::CounterLoss { .. }), "{error}");
    assert!(!RealDisk.exists(&copy.dir.path().join("out-1")).unwrap());
    let options = ScrubOptions { skip_corrupted: true, ..ScrubOptions::default() };
    let report = copy.scrub_with(&options).unwrap();
    assert!(report.is_lossy(), "{report}");
}

/// Partitions and rows that stand in another order than they should are sorted into tables of their
/// own.
#[test]
fn what_is_out_of_order_is_sorted() {
    let mut copy = Copy::converted(&folder("da/comp_none"), Version::NB);
    let all = rows(&copy.table);
    let bytes = copy.read(&Component::Data);
    let mut heads: Vec<u64> = all.iter().map(|row| row.head.0).collect();
    heads.dedup();
    assert!(heads.len() >= 2);
    // The second partition and all after it before the first.
    let cut = usize::try_from(heads[1]).unwrap();
    let swapped = [&bytes[cut..], &bytes[..cut]].concat();
    copy.write(&Component::Data, &swapped);
    for component in [Component::Crc, Component::Digest, Component::Index, Component::Summary] {
        copy.remove(&component);
    }
    let report = copy.scrub();
    assert!(report.partitions_out_of_order > 0 && !report.is_lossy(), "{report}");
    assert_eq!(report.outputs.len(), 2, "{report}");
    assert!(texts(&outputs(&report)) == texts(&all), "{report}");
    is_clean(&report);

    // Two rows of a partition in each other's place.
    let (first, second) = (&all[0], &all[1]);
    assert_eq!((first.head, first.end), (second.head, second.start));
    let [start, middle, end] = [first.start, second.start, second.end].map(|at| usize::try_from(at).unwrap());
    let swapped = [&bytes[..start], &bytes[middle..end], &bytes[start..middle], &bytes[end..]].concat();
    copy.write(&Component::Data, &swapped);
    let report = copy.scrub();
    assert!(report.rows_out_of_order > 0 && !report.is_lossy(), "{report}");
    assert_eq!(report.outputs.len(), 2, "{report}");
    assert!(texts(&outputs(&report)) == texts(&all), "{report}");
    is_clean(&report);
}

/// A repair must bring back what a scrub lost: the output is then not repaired.
#[test]
fn what_lost_rows_is_repaired_no_longer() {
    let mut copy = Copy::converted(&folder("da/comp_none"), Version::NB);
    let path = copy.path(&Component::Statistics);
    let mut statistics = Statistics::decode(&path, &copy.read(&Component::Statistics), Version::NB).unwrap();
    statistics.stats.repaired_at_ms = 1_700_000_000_000;
    copy.write(&Component::Statistics, &statistics.encode(Version::NB));
    let repaired_at_ms = |report: &ScrubReport| -> Vec<i64> {
        report.outputs.iter().map(|output| output.stats.repaired_at_ms).collect()
    };
    assert_eq!(repaired_at_ms(&copy.scrub()), [1_700_000_000_000]);

    let mut bytes = copy.read(&Component::Data);
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    copy.write(&Component::Data, &bytes);
    let report = copy.scrub();
    assert!(report.is_lossy(), "{report}");
    assert_eq!(repaired_at_ms(&report), [0]);
}

#[test]
fn reports_say_what_is_lost() {
    let mut copy = Copy::converted(&folder("da/pk_int"), Version::NB);
    let mut bytes = copy.read(&Component::Data);
    bytes[9] ^= 1;
    copy.write(&Component::Data, &bytes);
    let report = copy.scrub();
    // Index.db knows every key.
    let lost: Vec<_> = report.losses.iter().filter(|loss| loss.part == LostPart::Rows).collect();
    assert!(!lost.is_empty() && lost.iter().all(|loss| loss.key.is_some()), "{report}");
    let mut json = String::new();
    report.write_json(&mut json);
    for part in ["\"damaged_chunks\":[0]", "\"lost\":[{\"part\":\"", "\"outputs\":[", "checksum"] {
        assert!(json.contains(part), "{json}");
    }
    assert!(report.to_string().contains("losses in"), "{report}");

    copy.remove(&Component::Statistics);
    let error = copy.scrub_with(&ScrubOptions::default()).unwrap_err();
    assert!(error.to_string().contains("Statistics.db: is missing"), "{error}");
}
