//! One stream in every version that is written, and what the older ones have no place for.

use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Bound, BoundKind, Cell, CellEvent, DeletionTime, Direction, EncodingBase, Header, LivenessInfo,
    MarkerRef, RowBuf, RowBuilder, Slice, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{
    CachedFile, ChunkCache, Component, ComponentWriter, DataFile, Descriptor, Format, LateDeletionTimes,
    OpenOptions, PageVerification, SearchKey, SsTable, SsTableId, SsTableWriter, Version, WriteError,
    WriterOptions, WrittenTable,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp};

use crate::building::{DIR, ck, header, opened, partition, sim, write_small};
use crate::reading::{Copied, all, one};

fn descriptor(version: Version) -> Descriptor {
    Descriptor::new(DIR, version, SsTableId::parse("3").unwrap())
}

#[test]
fn all_versions_say_the_same_and_are_made_of_each_other() {
    let (_, disk) = sim();
    let header = header(1_700_000_000_000_000);
    for version in Version::WRITABLE {
        write_small(&disk, &descriptor(version), &header, None).unwrap().unwrap();
    }
    let first = opened(&disk, &descriptor(Version::DA)).unwrap();
    let expected = all(first.scan());
    for from in Version::WRITABLE {
        let source = opened(&disk, &descriptor(from)).unwrap();
        assert_eq!(all(source.scan()), expected, "{from}");
        for to in Version::WRITABLE {
            let target = Descriptor::new(DIR, to, SsTableId::parse("9").unwrap());
            let options = WriterOptions { row_index_granularity: Some(64), ..WriterOptions::default() };
            let mut writer =
                SsTableWriter::new(&disk, target.clone(), Arc::clone(source.header()), options).unwrap();
            writer.write_stream(&mut source.scan()).unwrap();
            writer.finish().unwrap().unwrap();
            let written = opened(&disk, &target).unwrap();
            assert_eq!(all(written.scan()), expected, "{from} to {to}");
            assert_eq!(
                written.data_len(),
                opened(&disk, &descriptor(to)).unwrap().data_len(),
                "{from} to {to}"
            );
            remove_all(&*disk, "-9-");
        }
    }
}

fn remove_all(disk: &dyn Disk, part: &str) {
    for entry in disk.list(DIR.as_ref()).unwrap() {
        if entry.utf8().is_some_and(|name| name.contains(part)) {
            disk.remove_file(&std::path::Path::new(DIR).join(&entry.name)).unwrap();
        }
    }
}

/// The last second of the versions before 5.0.
const LAST: LocalDeletionTime = LocalDeletionTime(2_147_483_646);
const LATE: LocalDeletionTime = LocalDeletionTime(2_147_483_647 + 5);

/// The places that hold a local deletion time.
#[derive(Debug, Clone, Copy)]
enum Holder {
    Partition,
    Range,
    Row,
    Liveness,
    ExpiringCell,
    Tombstone,
}

const HOLDERS: [Holder; 6] = [
    Holder::Partition,
    Holder::Range,
    Holder::Row,
    Holder::Liveness,
    Holder::ExpiringCell,
    Holder::Tombstone,
];

/// Writes a partition in which `holder` has that local deletion time.
fn write(
    disk: &Arc<dyn Disk>,
    version: Version,
    late: LateDeletionTimes,
    holder: Holder,
    time: LocalDeletionTime,
) -> Result<WrittenTable, WriteError> {
    let header = header(1_700_000_000_000_000);
    let options = WriterOptions { late_deletion_times: late, ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(disk, descriptor(version), Arc::clone(&header), options)?;
    let outcome = fill(&mut writer, &header, holder, time);
    if let Err(error) = outcome {
        writer.abort()?;
        return Err(error);
    }
    Ok(writer.finish()?.unwrap())
}

fn fill(
    writer: &mut SsTableWriter,
    header: &Header,
    holder: Holder,
    time: LocalDeletionTime,
) -> Result<(), WriteError> {
    let at = Timestamp(1_700_000_000_000_000);
    let deletion = DeletionTime::new(at, time);
    let live = DeletionTime::LIVE;
    let of = |wanted: bool| if wanted { deletion } else { live };
    writer.start_partition(partition(b"k", of(matches!(holder, Holder::Partition))), None)?;
    let values = ck(header, 1);
    let mut marker = |kind, close, open| {
        let bound = Bound { kind, size: 1, values: &values };
        writer.append(Unfiltered::Marker(MarkerRef { bound, close, open }))
    };
    if matches!(holder, Holder::Range) {
        marker(BoundKind::InclStart, live, deletion)?;
        marker(BoundKind::InclEnd, deletion, live)?;
    }
    let mut builder = RowBuilder::default();
    let liveness = match holder {
        Holder::Liveness => LivenessInfo::expiring(at, 60, time),
        _ => LivenessInfo::new(at),
    };
    builder.start(liveness, of(matches!(holder, Holder::Row)), false);
    let cell = match holder {
        Holder::ExpiringCell => Cell::expiring(Timestamp(at.0 + 1), 60, time, b"v"),
        Holder::Tombstone => Cell::tombstone(Timestamp(at.0 + 1), time),
        _ => Cell::live(Timestamp(at.0 + 1), b"v"),
    };
    builder.simple(header, &header.regulars, 0, &cell);
    let mut row = RowBuf { clustering: ck(header, 2), ..RowBuf::default() };
    builder.finish(header, false, &mut row);
    writer.append(Unfiltered::Row(row.as_ref(header)))?;
    Ok(writer.end_partition()?)
}

/// All local deletion times that a table's stream shows, but those of what lives for ever.
fn times(disk: &Arc<dyn Disk>, version: Version) -> Vec<LocalDeletionTime> {
    let table = opened(disk, &descriptor(version)).unwrap();
    let mut scan = table.scan();
    let mut found = Vec::new();
    let deletion = |deletion: DeletionTime, found: &mut Vec<LocalDeletionTime>| {
        if !deletion.is_live() {
            found.push(deletion.local_deletion_time);
        }
    };
    while scan.next_partition().unwrap() {
        deletion(scan.partition().deletion, &mut found);
        while scan.advance().unwrap() {
            match scan.current().unwrap() {
                Unfiltered::Marker(marker) => {
                    deletion(marker.close, &mut found);
                    deletion(marker.open, &mut found);
                }
                Unfiltered::Row(row) => {
                    let mut cells = row.cells().unwrap();
                    if cells.liveness().is_expiring() {
                        assert_eq!(cells.liveness().ttl, 60, "a ttl stays as it is");
                        found.push(cells.liveness().local_expiration_time);
                    }
                    deletion(cells.deletion(), &mut found);
                    while let Some(event) = cells.next().unwrap() {
                        if let CellEvent::Simple { cell, .. } = event
                            && (cell.is_expiring() || cell.is_tombstone())
                        {
                            found.push(cell.local_deletion_time);
                        }
                    }
                }
            }
        }
    }
    found
}

#[test]
fn what_lies_past_2038_is_refused_or_capped_where_it_has_no_place() {
    for version in Version::WRITABLE {
        for holder in HOLDERS {
            for late in [LateDeletionTimes::Refuse, LateDeletionTimes::Cap] {
                let (sim, disk) = sim();
                let fits = version.has_uint_deletion_time();
                let refused = !fits && late == LateDeletionTimes::Refuse;
                match write(&disk, version, late, holder, LATE) {
                    Err(error) => {
                        assert!(refused, "{version} {holder:?}: {error}");
                        let text = error.to_string();
                        assert!(text.contains("2038") && text.contains("(0x6b)"), "{text}");
                        assert!(sim.list(DIR.as_ref()).unwrap().is_empty(), "nothing is left");
                    }
                    Ok(written) => {
                        assert!(!refused, "{version} {holder:?}");
                        let found = times(&disk, version);
                        let expected = if fits { LATE } else { LAST };
                        assert!(!found.is_empty(), "{holder:?}");
                        assert!(
                            found.iter().all(|time| *time == expected),
                            "{version} {holder:?}: {found:?}"
                        );
                        // A range deletion has two ends.
                        let capped = if fits { 0 } else { found.len() as u64 };
                        assert_eq!(written.capped_deletion_times, capped, "{version} {holder:?}");
                        let max = written.stats.max_local_deletion_time;
                        assert!(
                            max == expected || max == LocalDeletionTime::NONE,
                            "{version} {holder:?}: {max:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_last_second_fits() {
    for version in Version::WRITABLE {
        for holder in HOLDERS {
            let (_, disk) = sim();
            let written = write(&disk, version, LateDeletionTimes::Refuse, holder, LAST).unwrap();
            assert_eq!(written.capped_deletion_times, 0);
            assert!(times(&disk, version).iter().all(|time| *time == LAST), "{version} {holder:?}");
        }
    }
}

#[test]
fn versions_that_are_only_read_are_refused() {
    let (_, disk) = sim();
    let other = Version::parse("mc", Format::Big).unwrap();
    let error =
        SsTableWriter::new(&disk, descriptor(other), header(0), WriterOptions::default()).unwrap_err();
    assert!(error.to_string().contains("version mc: it is read here and not written"), "{error}");
}

/// The sign of a range deletion's timestamp has no place in the row indexes of `oa` and `da`: where
/// one at a negative timestamp was open between two blocks, a slice that began in the second found
/// it at a time far ahead.
#[test]
fn range_deletions_at_negative_timestamps_are_the_same_behind_a_block() {
    let deletion = DeletionTime::new(Timestamp(-5), LocalDeletionTime(1_700_000_000));
    for version in Version::WRITABLE {
        let (_, disk) = sim();
        let header = header(1_700_000_000_000_000);
        let options = WriterOptions { row_index_granularity: Some(64), ..WriterOptions::default() };
        let mut writer =
            SsTableWriter::new(&disk, descriptor(version), Arc::clone(&header), options).unwrap();
        writer.start_partition(partition(b"k", DeletionTime::LIVE), None).unwrap();
        let mut builder = RowBuilder::default();
        for number in 0..120 {
            let values = ck(&header, number);
            let mut marker = |kind, close, open| {
                let bound = Bound { kind, size: 1, values: &values };
                writer.append(Unfiltered::Marker(MarkerRef { bound, close, open })).unwrap();
            };
            match number {
                40 => marker(BoundKind::InclStart, DeletionTime::LIVE, deletion),
                80 => marker(BoundKind::InclEnd, deletion, DeletionTime::LIVE),
                _ => {
                    builder.start(LivenessInfo::new(Timestamp(1)), DeletionTime::LIVE, false);
                    let mut row = RowBuf { clustering: values, ..RowBuf::default() };
                    builder.finish(&header, false, &mut row);
                    writer.append(Unfiltered::Row(row.as_ref(&header))).unwrap();
                }
            }
        }
        writer.end_partition().unwrap();
        writer.finish().unwrap().unwrap();
        let table = opened(&disk, &descriptor(version)).unwrap();
        let derived_again = opened(&disk, &rebuilt(&disk, table.data_file(), 64)).unwrap();
        let key = SearchKey::of(Partitioner::Murmur3, b"k");
        let tables = [("written", &table), ("rebuilt", &derived_again)];
        let directions = [Direction::Forward, Direction::Reverse];
        for ((how, table), direction) in tables.into_iter().flat_map(|table| directions.map(|d| (table, d))) {
            for number in 0..120 {
                let values = ck(&header, number);
                let bound = |kind| Bound { kind, size: 1, values: &values };
                let slice = Slice { start: bound(BoundKind::InclStart), end: bound(BoundKind::InclEnd) };
                let found = one(table, &key, &[slice], direction).unfiltereds;
                let open = found.iter().find_map(|found| match found {
                    Copied::Marker { open, close, .. } => Some(if open.is_live() { *close } else { *open }),
                    Copied::Row { .. } => None,
                });
                let expected = (40..=80).contains(&number).then_some(deletion);
                assert_eq!(open, expected, "{version} {how} {direction:?} {number}");
            }
        }
    }
}

/// All but Data.db made anew, for another table beside it.
fn rebuilt(disk: &Arc<dyn Disk>, data: &DataFile, row_index_granularity: u64) -> Descriptor {
    let target = Descriptor { id: SsTableId::parse("9").unwrap(), ..data.descriptor().clone() };
    let [from, to] = [data.descriptor(), &target].map(|table| table.path(&Component::Data));
    disk.hard_link(&from, &to).unwrap();
    let options =
        WriterOptions { row_index_granularity: Some(row_index_granularity), ..WriterOptions::default() };
    let mut writer = ComponentWriter::new(disk, target.clone(), data, options).unwrap();
    let mut scan = data.scan();
    while scan.next_partition().unwrap() {
        writer.partition(&mut scan, &mut |_| {}).unwrap();
    }
    writer.finish(&data.chunk_reader().describe().unwrap()).unwrap();
    target
}

/// Nodes write Summary.db anew when they redistribute samples, Filter.db when they couldn't read
/// it, and levels and repairs into Statistics.db: a healthy table of ours didn't open any more
/// after that.
#[test]
fn what_a_node_wrote_anew_is_no_damage() {
    for version in Version::WRITABLE {
        let (_, disk) = sim();
        let header = header(1_700_000_000_000_000);
        let table = descriptor(version);
        write_small(&disk, &table, &header, None).unwrap().unwrap();
        let expected = all(opened(&disk, &table).unwrap().scan());
        // The same rows with another summary, filter and level.
        let other = Descriptor { id: SsTableId::parse("9").unwrap(), ..table.clone() };
        let options = WriterOptions {
            min_index_interval: 1,
            compression: None,
            bloom_filter_fp_chance: 0.001,
            expected_keys: 50,
            level: 3,
            row_index_granularity: Some(128),
            ..WriterOptions::default()
        };
        let mut writer = SsTableWriter::new(&disk, other.clone(), Arc::clone(&header), options).unwrap();
        writer.write_stream(&mut opened(&disk, &table).unwrap().scan()).unwrap();
        writer.finish().unwrap().unwrap();
        let rewritten = match version.format() {
            Format::Big => vec![Component::Summary, Component::Filter],
            Format::Bti => vec![Component::Filter],
        };
        for component in rewritten.iter().chain([&Component::Statistics]) {
            disk.remove_file(&table.path(component)).unwrap();
            disk.rename(&other.path(component), &table.path(component)).unwrap();
        }
        let check = |ignored: &[Component]| {
            let found = opened(&disk, &table).unwrap();
            assert_eq!(found.ignored(), ignored, "{version}");
            assert!(all(found.scan()) == expected, "{version}");
            for partition in &expected {
                let key = SearchKey::of(Partitioner::Murmur3, &partition.key);
                assert!(found.may_hold(&key), "{version}");
                assert!(one(&found, &key, &[Slice::ALL], Direction::Forward) == *partition, "{version}");
            }
        };
        check(&rewritten);
        assert_eq!(opened(&disk, &table).unwrap().stats().level, 3, "{version}");
        // In a database of ours nobody else writes.
        let required = |disk: &Arc<dyn Disk>| {
            let cache = Arc::new(ChunkCache::new(8 << 20));
            let options = OpenOptions::new(cache, CachedFile(1), PageVerification::Require);
            SsTable::open(disk, &table, options).map(drop)
        };
        let error = required(&disk).unwrap_err().to_string();
        assert!(error.contains(rewritten[0].name()), "{version}: {error}");
        for component in &rewritten {
            disk.remove_file(&table.path(component)).unwrap();
        }
        check(&rewritten);
        let error = required(&disk).unwrap_err().to_string();
        assert!(error.contains(rewritten[0].name()), "{version}: {error}");
    }
}

/// A table of nothing that expires before 2038 has a base past it.
#[test]
fn a_base_past_2038_is_capped_with_what_is_relative_to_it() {
    for version in Version::WRITABLE {
        let (_, disk) = sim();
        let early = header(1_700_000_000_000_000);
        let base = EncodingBase { min_local_deletion_time: LATE, ..early.base };
        let header = Arc::new(Header { base, ..(*early).clone() });
        let cap = LateDeletionTimes::Cap;
        let options = WriterOptions { late_deletion_times: cap, ..WriterOptions::default() };
        let mut writer =
            SsTableWriter::new(&disk, descriptor(version), Arc::clone(&header), options).unwrap();
        fill(&mut writer, &header, Holder::Tombstone, LATE).unwrap();
        writer.finish().unwrap().unwrap();
        let fits = version.has_uint_deletion_time();
        let expected = if fits { LATE } else { LAST };
        assert_eq!(times(&disk, version), [expected], "{version}");
        let table = opened(&disk, &descriptor(version)).unwrap();
        assert_eq!(table.statistics().header.min_local_deletion_time, expected, "{version}");
    }
}

#[test]
fn a_writer_that_cannot_be_made_leaves_nothing() {
    for version in Version::WRITABLE {
        let last = if version == Version::DA { Component::Rows } else { Component::Index };
        let (sim, disk) = sim();
        // A user's file has the name, and stays.
        sim.create_new(&descriptor(version).path(&last)).unwrap();
        let made = SsTableWriter::new(&disk, descriptor(version), header(0), WriterOptions::default());
        assert!(made.is_err(), "{version}");
        let names: Vec<_> = sim.list(DIR.as_ref()).unwrap().iter().map(|e| e.name.clone()).collect();
        assert_eq!(names, [descriptor(version).file_name(&last).as_str()], "{version}");
    }
}
