//! Outputs of every shape: cut as asked for, and together what one output would be.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus_compaction::{
    CompactionError, Execution, ExpectedKeys, MultiWriter, Outcome, OutputShape, Purging, execute,
    write_stream,
};
use helenus_io::Disk;
use helenus_rows::{
    Cell, Column, Columns, DeletionTime, Header, LivenessInfo, PartitionRef, PurgeOptions, Purgeable, RowBuf,
    RowBuilder, Unfiltered, UnfilteredStream,
};
use helenus_sim::SimDisk;
use helenus_sstable::{
    Component, Descriptor, SsTable, SsTableId, SsTableWriter, Version, WriterOptions, WrittenTable,
};
use helenus_types::{Generation, LocalDeletionTime, Partitioner, Timestamp, Token, Type};
use proptest::prelude::*;

use crate::{Numbered, header_of_ints, listed, open_all, scans};

/// A row of a source: partition, clustering, length of its value; a deletion of the partition,
/// where there is no length.
type Entry = (i32, u8, Option<usize>);

fn header() -> Arc<Header> {
    header_of_ints(Columns::new(vec![Column::new("v", Type::Blob)]))
}

fn plain() -> WriterOptions {
    WriterOptions { compression: None, ..WriterOptions::default() }
}

/// Writes entries as an SSTable, all at one timestamp.
fn write(disk: &Arc<dyn Disk>, header: &Arc<Header>, generation: u64, entries: &[Entry]) {
    let id = SsTableId::from_generation(Generation(generation)).unwrap();
    let descriptor = Descriptor::new("/in", Version::DA, id);
    let mut writer = SsTableWriter::new(disk, descriptor, header.clone(), plain()).unwrap();
    let timestamp = Timestamp(i64::try_from(generation).unwrap());
    let mut sorted: Vec<_> = entries.iter().map(|entry| (token_of(entry.0), entry)).collect();
    sorted.sort_by_key(|(token, (key, clustering, len))| (*token, *key, *clustering, len.is_some()));
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    for rows in sorted.chunk_by(|a, b| a.1.0 == b.1.0) {
        let (token, (key, ..)) = rows[0];
        let is_deletion = |(_, (.., len)): &(Token, &Entry)| len.is_none();
        let deleted = DeletionTime {
            marked_for_delete_at: Timestamp(timestamp.0 - 1),
            local_deletion_time: LocalDeletionTime(1_000),
        };
        let deletion = if rows.iter().any(is_deletion) { deleted } else { DeletionTime::LIVE };
        let key = key.to_be_bytes();
        writer.start_partition(PartitionRef { token, key: &key, deletion }, None).unwrap();
        let live = |(_, (_, clustering, len)): &(Token, &Entry)| len.map(|len| (*clustering, len));
        let values: std::collections::BTreeMap<u8, usize> = rows.iter().filter_map(live).collect();
        for (clustering, len) in values {
            builder.start(LivenessInfo::new(timestamp), DeletionTime::LIVE, false);
            let value = vec![clustering; len];
            builder.simple(header, &header.regulars, 0, &Cell::live(timestamp, &value));
            row.clustering = vec![0, 0, 0, 0, clustering];
            builder.finish(header, false, &mut row);
            writer.append(Unfiltered::Row(row.as_ref(header))).unwrap();
        }
        writer.end_partition().unwrap();
    }
    writer.finish().unwrap();
}

fn token_of(key: i32) -> Token {
    Partitioner::murmur3_token(&key.to_be_bytes())
}

/// What a run makes of the SSTables in `/in`: its outputs, and what is in each.
fn run(
    disk: &Arc<dyn Disk>,
    shape: OutputShape,
    expected: ExpectedKeys,
) -> (Vec<WrittenTable>, Vec<Vec<String>>) {
    let inputs = open_all(disk, Path::new("/in"));
    let mut partitions = 0;
    let execution = Execution {
        disk,
        header: header(),
        dropped: &[],
        purging: Some(Purging {
            options: PurgeOptions { now: 2_000, gc_before: 1_500, strict_liveness: false },
            purgeable: &mut |_| Purgeable::All,
        }),
        shape,
        expected,
        progress: &mut |progress| {
            partitions = progress.partitions;
            ControlFlow::Continue(())
        },
        is_stopped: &|| false,
    };
    let outcome = execute(|| scans(&inputs), execution, &mut Numbered::new(disk, plain()));
    let Ok(Outcome::Done(written)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(written.iter().map(|table| table.key_count).sum::<u64>(), partitions);
    let tables = open_all(disk, Path::new("/out"));
    assert_eq!(tables.len(), written.len(), "what is there is what is reported");
    let contents = tables.iter().map(|table| listed(table.scan())).collect();
    (written, contents)
}

fn disk_with(sources: &[Vec<Entry>]) -> Arc<dyn Disk> {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    disk.create_dir(Path::new("/in")).unwrap();
    for (at, entries) in sources.iter().enumerate().filter(|(_, entries)| !entries.is_empty()) {
        write(&disk, &header(), at as u64 + 1, entries);
    }
    disk
}

/// Bytes that a writer gathers before it knows more of the length of its file.
const GATHERED: u64 = 160 << 10;

fn largest_partition(table: &SsTable) -> u64 {
    let sizes = &table.stats().partition_sizes;
    sizes.percentile(1.0).unwrap()
}

fn data_len(table: &WrittenTable) -> u64 {
    let data = table.file_sizes.iter().find(|(component, _)| *component == Component::Data);
    data.unwrap().1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn outputs_of_any_shape_are_the_one_output_cut(
        sources in prop::collection::vec(
            prop::collection::vec((0..40_i32, 0..4_u8, prop::option::weighted(0.9, 0..20_000_usize)), 1..60),
            1..4,
        ),
        max_bytes in prop::option::of(prop_oneof![Just(0), 1..400_000_u64]),
        shard_ends in prop::collection::btree_set(prop_oneof![any::<i64>(), (0..40_i32).prop_map(|p| token_of(p).0)], 0..6),
        level in 0..3_u32,
        is_known in any::<bool>(),
    ) {
        let shard_ends: Vec<_> = shard_ends.into_iter().map(Token).collect();
        let keys = sources.iter().flatten().map(|entry| entry.0).collect::<BTreeSet<_>>().len() as u64;
        let expected = if is_known {
            let bytes = sources.iter().flatten().filter_map(|entry| entry.2).sum::<usize>() as u64;
            ExpectedKeys::All { keys, data_file_bytes: Some(bytes), tokens: (Token::MIN, Token::MAX) }
        } else {
            ExpectedKeys::Each(keys)
        };
        let (one, content) = run(&disk_with(&sources), OutputShape::default(), expected);
        prop_assert!(one.len() <= 1);
        let disk = disk_with(&sources);
        let shape = OutputShape { level, max_bytes, shard_ends };
        let (written, contents) = run(&disk, shape.clone(), expected);

        prop_assert_eq!(contents.concat(), content.concat());
        let tables = open_all(&disk, Path::new("/out"));
        for pair in tables.windows(2) {
            let [before, after] = pair else { unreachable!() };
            prop_assert!(before.token_range().1 < after.token_range().0, "outputs are disjoint");
            // It was cut for a reason.
            let (last, first) = (before.token_range().1, after.token_range().0);
            let is_new_shard = shape.shard_ends.iter().any(|end| last <= *end && *end < first);
            let is_full = max_bytes.is_some_and(|most| before.data_file_len() > most);
            prop_assert!(is_new_shard || is_full, "{last:?} {first:?}");
        }
        for (table, written) in tables.iter().zip(&written) {
            prop_assert_eq!(written.level, level);
            prop_assert_eq!(table.stats().level, level);
            let (first, last) = table.token_range();
            prop_assert!(!shape.shard_ends.iter().any(|end| first <= *end && *end < last), "{first:?} {last:?}");
            if let Some(most) = max_bytes {
                let longest = most + largest_partition(table) + GATHERED;
                prop_assert!(data_len(written) <= longest, "{} bytes of {longest}", data_len(written));
            }
        }
    }
}

/// Sources of 200 partitions of 8 KiB.
fn large() -> Vec<Vec<Entry>> {
    vec![(0..200).map(|key| (key, 0, Some(8 << 10))).collect()]
}

#[test]
fn outputs_are_cut_where_they_are_full() {
    let shape = OutputShape { max_bytes: Some(300 << 10), ..OutputShape::default() };
    let (written, _) = run(&disk_with(&large()), shape, ExpectedKeys::Each(200));
    let lens: Vec<u64> = written.iter().map(data_len).collect();
    assert!((4..=5).contains(&lens.len()), "{lens:?}");
    let [full @ .., _] = &lens[..] else { panic!() };
    assert!(full.iter().all(|len| (300 << 10..380 << 10).contains(len)), "{lens:?}");
}

/// A stream written as it is, and partitions that are written one by one, item by item, make the
/// outputs that a compaction of one source makes.
#[test]
fn every_way_to_write_makes_the_same_outputs() {
    let shape = || OutputShape { max_bytes: Some(300 << 10), level: 2, shard_ends: vec![Token(0)] };
    let expected = ExpectedKeys::Each(200);
    let (compacted, content) = run(&disk_with(&large()), shape(), expected);
    assert!(compacted.len() > 2);
    let outputs_of =
        |write: &dyn Fn(&mut dyn UnfilteredStream, MultiWriter, &mut Numbered) -> Vec<WrittenTable>| {
            let disk = disk_with(&large());
            let writer = MultiWriter::new(&disk, header(), shape(), expected);
            let inputs = open_all(&disk, Path::new("/in"));
            let written = write(&mut inputs[0].scan(), writer, &mut Numbered::new(&disk, plain()));
            let tables = open_all(&disk, Path::new("/out"));
            let facts =
                |written: &WrittenTable| (written.key_count, written.level, written.file_sizes.clone());
            assert_eq!(
                written.iter().map(facts).collect::<Vec<_>>(),
                compacted.iter().map(facts).collect::<Vec<_>>()
            );
            assert_eq!(tables.iter().map(|table| listed(table.scan())).collect::<Vec<_>>(), content);
        };
    outputs_of(&|stream, writer, outputs| write_stream(stream, writer, outputs).unwrap());
    outputs_of(&|stream, mut writer, outputs| {
        let mut keys = 0;
        while stream.next_partition().unwrap() {
            let before = writer.data_bytes();
            writer.start_partition(outputs, stream.partition(), None).unwrap();
            while stream.advance().unwrap() {
                writer.append(stream.current().unwrap()).unwrap();
            }
            writer.end_partition().unwrap();
            keys += 1;
            assert_eq!(writer.key_count(), keys);
            // 8 KiB of a value, and what is around it.
            assert!((8 << 10..9 << 10).contains(&(writer.data_bytes() - before)));
        }
        writer.finish().unwrap()
    });
}

#[test]
fn filters_are_sized_for_the_part_of_the_keys_that_is_expected() {
    let all =
        |data_file_bytes| ExpectedKeys::All { keys: 200, data_file_bytes, tokens: (Token::MIN, Token::MAX) };
    let filter_len = |table: &WrittenTable| {
        table.file_sizes.iter().find(|(component, _)| *component == Component::Filter).unwrap().1
    };
    let one = run(&disk_with(&large()), OutputShape::default(), all(None)).0;
    let quarters: Vec<_> = (-1..2).map(|at| Token(at * (1 << 62))).collect();
    let sharded = OutputShape { shard_ends: quarters, ..OutputShape::default() };
    let sharded = run(&disk_with(&large()), sharded, all(None)).0;
    assert_eq!(sharded.len(), 4);
    let by_size = OutputShape { max_bytes: Some(400 << 10), ..OutputShape::default() };
    let by_size = run(&disk_with(&large()), by_size, all(Some(1600 << 10))).0;
    assert_eq!(by_size.len(), 4);
    for table in sharded.iter().chain(&by_size) {
        let (part, whole) = (filter_len(table), filter_len(&one[0]));
        assert!((whole / 5..=whole / 2).contains(&part), "{part} of {whole}");
    }
}

#[test]
fn a_run_that_is_stopped_or_fails_leaves_nothing_of_any_output() {
    let shape = || OutputShape { max_bytes: Some(300 << 10), ..OutputShape::default() };
    let attempt = |stop_at: Option<u64>, fail_at: u64| {
        let disk = disk_with(&large());
        let inputs = open_all(&disk, Path::new("/in"));
        let mut outputs = FailingAt { numbered: Numbered::new(&disk, plain()), fail_at };
        let execution = Execution {
            disk: &disk,
            header: header(),
            dropped: &[],
            purging: None,
            shape: shape(),
            expected: ExpectedKeys::Each(200),
            progress: &mut |progress| match stop_at {
                Some(partition) if progress.partitions == partition => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            },
            is_stopped: &|| false,
        };
        let outcome = execute(|| scans(&inputs), execution, &mut outputs);
        (outcome, disk.list(Path::new("/out")).unwrap().len())
    };
    // The third output is being written.
    let (outcome, left) = attempt(Some(100), u64::MAX);
    assert!(matches!(outcome, Ok(Outcome::Stopped)) && left == 0, "{outcome:?} {left}");
    let (outcome, left) = attempt(None, 3);
    assert!(matches!(outcome, Err(CompactionError::Factory("full"))) && left == 0, "{outcome:?} {left}");
    let (outcome, left) = attempt(None, u64::MAX);
    assert!(matches!(outcome, Ok(Outcome::Done(_))) && left > 0);
}

/// Has no room for an output of that number.
struct FailingAt {
    numbered: Numbered,
    fail_at: u64,
}

impl helenus_compaction::OutputFactory for FailingAt {
    type Error = &'static str;

    fn next_output(&mut self) -> Result<helenus_compaction::NextOutput, Self::Error> {
        let Ok(next): Result<_, Infallible> = self.numbered.next_output();
        if self.numbered.last == self.fail_at { Err("full") } else { Ok(next) }
    }

    fn hold_late(&mut self, _: &helenus_sstable::SsTableError) -> bool {
        false
    }
}

#[test]
fn what_is_too_late_for_a_version_is_written_in_one_that_holds_it() {
    let disk = disk_with(&[vec![(1, 0, None), (2, 0, Some(1))]]);
    let header = header();
    let late = DeletionTime {
        marked_for_delete_at: Timestamp(1),
        local_deletion_time: LocalDeletionTime(3_000_000_000),
    };
    let id = SsTableId::from_generation(Generation(9)).unwrap();
    let descriptor = Descriptor::new("/in", Version::DA, id);
    let mut writer = SsTableWriter::new(&disk, descriptor, header.clone(), plain()).unwrap();
    // The last key, so that outputs were completed before it.
    let last = (0..1_000).max_by_key(|key| token_of(*key)).unwrap();
    let key = last.to_be_bytes();
    let head = PartitionRef { token: token_of(last), key: &key, deletion: late };
    writer.start_partition(head, None).unwrap();
    writer.end_partition().unwrap();
    writer.finish().unwrap();
    let inputs = open_all(&disk, Path::new("/in"));
    let mut outputs = Numbered { version: Version::NB, ..Numbered::new(&disk, plain()) };
    let execution = Execution {
        disk: &disk,
        header,
        dropped: &[],
        purging: None,
        shape: OutputShape { shard_ends: vec![Token(token_of(last).0 - 1)], ..OutputShape::default() },
        expected: ExpectedKeys::Each(3),
        progress: &mut |_| ControlFlow::Continue(()),
        is_stopped: &|| false,
    };
    let outcome = execute(|| scans(&inputs), execution, &mut outputs);
    let Ok(Outcome::Done(written)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|table| table.descriptor.version == outputs.version));
    assert!(outputs.version.has_uint_deletion_time());
    assert_eq!(open_all(&disk, Path::new("/out")).len(), 2, "those that were written first are gone");
}
