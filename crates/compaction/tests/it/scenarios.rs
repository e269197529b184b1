//! What strategies make of their options and of SSTables, as text: see the files in
//! `tests/scenarios`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use helenus_compaction::{
    Availability, CompactionParams, Description, Details, KeyRange, LeveledRange, Moment, Strategy, Task,
    TaskId, fully_expired, level_overlaps, potential_levels,
};
use helenus_rows::ClusteringComparator;
use helenus_sstable::{
    EstimatedHistogram, StatsCollector, StatsComponent, TombstoneHistogram, TombstoneHistogramBuilder,
};
use helenus_testkit::check_scenarios;
use helenus_types::{Generation, LocalDeletionTime, Partitioner, Timestamp, Token};

fn scenarios(name: &str, run: impl FnMut(&str, &str) -> String) {
    check_scenarios(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name), run);
}

/// `NAME key=value …`: the map of a `compaction` option, its class by the first part of its name.
fn params(words: &str) -> Result<CompactionParams, String> {
    let mut words = words.split_whitespace();
    let class = words.next().unwrap_or_default();
    let class = if class.contains('.') { class.to_owned() } else { format!("{class}CompactionStrategy") };
    let options = words.map(|word| word.split_once('=').unwrap_or((word, "")));
    let mut map: BTreeMap<_, _> =
        options.map(|(name, value)| (name.to_owned(), value.replace('_', " "))).collect();
    map.insert("class".to_owned(), class);
    CompactionParams::from_map(map).map_err(|error| error.to_string())
}

#[test]
fn options_are_taken_and_refused_as_cassandra_does() {
    scenarios("options", |first, rest| {
        assert_eq!(rest, "");
        match params(first) {
            Err(error) => format!("refused: {error}"),
            Ok(params) => {
                let options = params.to_map().iter().filter(|(name, _)| *name != "class");
                let printed: Vec<_> = options.map(|(name, value)| format!("{name}={value}")).collect();
                format!("{:?}\n{:?}\nprinted: {}", params.strategy(), params.common(), printed.join(" "))
            }
        }
    });
}

/// What a line says of an SSTable: generation, size in MiB, then words.
#[derive(Debug)]
struct Line {
    generation: Generation,
    mib: u64,
    availability: Availability,
    level: u32,
    keys: [Vec<u8>; 2],
    times: [i64; 2],
    tokens: [i64; 2],
    written: u32,
    stats: Option<StatsComponent>,
}

impl Details for Line {
    fn stats(&self) -> Option<&StatsComponent> {
        self.stats.as_ref()
    }
}

/// Cells of an SSTable whose share of tombstones a line gives.
const CELLS: u32 = 100;

fn line(text: &str) -> Line {
    let mut words = text.split_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap();
    let (stats, _) = StatsCollector::new(ClusteringComparator::new(Vec::new())).finish();
    let mut line = Line {
        generation: Generation(number()),
        mib: number(),
        availability: Availability::Free,
        level: 0,
        keys: [Vec::new(), Vec::new()],
        times: [0, 0],
        tokens: [i64::MIN, i64::MAX],
        written: 0,
        stats: Some(StatsComponent {
            min_local_deletion_time: LocalDeletionTime::NONE,
            max_local_deletion_time: LocalDeletionTime::NONE,
            ..stats
        }),
    };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u32>().unwrap();
        let range = || value.split_once("..").unwrap();
        match name {
            "droppable" => {
                let stats = line.stats.as_mut().unwrap();
                (stats.cells_per_partition, stats.tombstone_drop_times) = tombstones(value.parse().unwrap());
                stats.min_local_deletion_time = LocalDeletionTime(0);
            }
            "written" => line.written = number(),
            "level" => line.level = number(),
            "in-task" => line.availability = Availability::InTask(TaskId(number().into())),
            "left-out" => line.availability = Availability::LeftOut,
            "dead-at" => {
                let stats = line.stats.as_mut().unwrap();
                stats.min_local_deletion_time = LocalDeletionTime(number());
                stats.max_local_deletion_time = LocalDeletionTime(number());
            }
            "times" => line.times = [range().0, range().1].map(|time| time.parse().unwrap()),
            "tokens" => line.tokens = [range().0, range().1].map(|token| token.parse().unwrap()),
            "keys" => line.keys = [range().0, range().1].map(|key| key.as_bytes().to_vec()),
            "unreadable" => line.stats = None,
            other => panic!("unknown: {other}"),
        }
    }
    line
}

/// A share of the cells that are tombstones of the first second.
fn tombstones(share: f64) -> (EstimatedHistogram, TombstoneHistogram) {
    let (mut cells, mut times) =
        (EstimatedHistogram::for_cell_counts(), TombstoneHistogramBuilder::default());
    for cell in 0..CELLS {
        cells.add(1);
        if f64::from(cell) < share * f64::from(CELLS) {
            times.update(LocalDeletionTime(0));
        }
    }
    (cells, times.build())
}

fn describe(line: &Line) -> Description<'_> {
    let earliest = line.stats.as_ref().map(|stats| stats.min_local_deletion_time);
    Description {
        generation: line.generation,
        availability: line.availability,
        level: line.level,
        keys: KeyRange { first: &line.keys[0], last: &line.keys[1] },
        tokens: (Token(line.tokens[0]), Token(line.tokens[1])),
        min_timestamp: Timestamp(line.times[0]),
        max_timestamp: Timestamp(line.times[1]),
        // Of one that can't be read the manifest knows it.
        min_local_deletion_time: earliest.unwrap_or(LocalDeletionTime(0)),
        partitions: 1,
        rows: 1,
        bytes_on_disk: line.mib << 20,
        data_file_bytes: line.mib << 20,
        data_bytes: line.mib << 20,
        written_at_seconds: line.written,
        details: line,
    }
}

fn task_text(task: &Task) -> String {
    let numbers = |generations: &[Generation]| {
        generations.iter().map(|generation| format!(" {}", generation.0)).collect::<String>()
    };
    let Task { inputs, expired, output, reason } = task;
    let mut text = String::new();
    if !inputs.is_empty() {
        write!(text, "merge{} into level {}", numbers(inputs), output.level).unwrap();
    }
    if !expired.is_empty() {
        write!(text, "drop{}", numbers(expired)).unwrap();
    }
    assert!(output.max_bytes.is_none() && output.shard_ends.is_empty(), "no strategy shapes outputs");
    format!("{text}\nreason: {reason}")
}

#[test]
fn tasks_are_chosen() {
    scenarios("tasks", |first, rest| {
        let (command, words) = first.split_once(' ').unwrap();
        let (at, words) = words.split_once(' ').unwrap();
        let now: u32 = at.strip_prefix("at=").unwrap().parse().unwrap();
        let (words, memtable) = words.split_once(" memtable=").unwrap_or((words, ""));
        let params = params(words).unwrap();
        let strategy: &Strategy = params.strategy();
        let lines: Vec<Line> = rest.lines().map(line).collect();
        let tables: Vec<_> = lines.iter().map(describe).collect();
        let moment = Moment {
            now_seconds: now,
            gc_before: LocalDeletionTime(now),
            min_memtable_timestamp: memtable.parse().ok().map(Timestamp),
        };
        let task = match command {
            "next" => strategy.next_task(&tables, &moment),
            "major" => strategy.major(&tables),
            other => panic!("unknown: {other}"),
        };
        let task = task.map_or_else(|| "nothing".to_owned(), |task| task_text(&task));
        let waiting = strategy.waiting(&tables);
        let mib = waiting.bytes >> 20;
        format!(
            "{task}\npending: {}; waiting: {}, {mib} MiB",
            strategy.pending_tasks(&tables),
            waiting.tables
        )
    });
}

/// What a strategy may ask of an SSTable's statistics; nothing of one that can't be read.
#[test]
fn descriptions_tell_what_the_statistics_hold() {
    let mut line = line("1 10 droppable=0.2");
    let mut stats = line.stats.take().unwrap();
    stats.cells_per_partition.add(41);
    stats.token_space_coverage = Some(0.25);
    let asked = |line: &Line| {
        let table = describe(line);
        let droppable = table.droppable_ratio(LocalDeletionTime(5));
        (
            table.cells(),
            table.token_space_coverage(),
            table.clusterings().cloned(),
            (droppable * 202.0).round(),
        )
    };
    let covered = stats.covered_clusterings.clone();
    // 101 partitions with 141 cells: two in each, rounded up; 20 of them are tombstones.
    let cells = 2 * u64::from(CELLS + 1);
    assert_eq!(asked(&line), (None, None, None, 0.0));
    line.stats = Some(stats);
    assert_eq!(asked(&line), (Some(cells), Some(0.25), Some(covered), 20.0));
}

#[test]
fn expired_tables_are_dropped() {
    scenarios("expired", |first, rest| {
        let (at, memtable) = first.split_once(' ').unwrap_or((first, ""));
        let moment = Moment {
            now_seconds: 0,
            gc_before: LocalDeletionTime(at.strip_prefix("gc-before=").unwrap().parse().unwrap()),
            min_memtable_timestamp: memtable.strip_prefix("memtable=").map(|t| Timestamp(t.parse().unwrap())),
        };
        let lines: Vec<Line> = rest.lines().map(line).collect();
        let tables: Vec<_> = lines.iter().map(describe).collect();
        let task = Task::drop_expired(fully_expired(&tables, &moment));
        task.map_or_else(|| "nothing".to_owned(), |task| task_text(&task))
    });
}

#[test]
fn levels_are_looked_at() {
    scenarios("levels", |_, rest| {
        let lines: Vec<Line> = rest.lines().map(line).collect();
        let tables = lines.iter().map(describe);
        let ranges: Vec<_> =
            tables.map(|table| LeveledRange { level: table.level, keys: table.keys }).collect();
        let overlaps = level_overlaps(&Partitioner::ByteOrdered, &ranges);
        let name = |at: usize| lines[at].generation.0;
        let overlaps = overlaps.iter().map(|(a, b)| format!("{} and {} overlap\n", name(*a), name(*b)));
        let potential = potential_levels(&Partitioner::ByteOrdered, ranges.iter().map(|range| range.keys));
        format!("{}potential: {potential:?}", overlaps.collect::<String>())
    });
}
