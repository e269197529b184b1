//! Random histories, applied to the model and to streams.

use std::sync::Arc;

use helenus_rows::{
    Direction, EncodingBase, Header, LiveRow, Merge, PartitionRef, Purge, PurgeOptions, Purgeable, RowRef,
    Unfiltered, UnfilteredStream, Validator,
};
use helenus_testkit::histories::{History, Profile};
use helenus_testkit::model::{self, ModelPartition, ModelTable};
use helenus_testkit::{count_from_env, for_each_history_of};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp};

use crate::bridge::{Keyed, VecStream, collect, decode_cell, dropped, header, narrowed, show};

type Boxed = Box<dyn UnfilteredStream>;

fn count() -> u64 {
    count_from_env("HELENUS_HISTORIES", 10_000)
}

/// What the streams of a history need.
struct Case<'a> {
    table: &'a ModelTable,
    target: Arc<Header>,
    keys: Vec<(Vec<u8>, ModelPartition)>,
    /// What each source holds.
    sources: Vec<Vec<Keyed>>,
    /// Whether sources have bases and columns of their own.
    has_own_headers: bool,
}

impl<'a> Case<'a> {
    fn new(history: &'a History) -> Self {
        let table = &history.table;
        let mut keys: Vec<(Vec<u8>, ModelPartition)> = (0..history.keys.len())
            .map(|i| (history.keys[i].to_be_bytes().to_vec(), history.partition(i)))
            .collect();
        keys.sort_by_key(|(key, _)| (Partitioner::murmur3_token(key), key.clone()));
        let source = |source: usize| {
            let of = |(key, partition): &(Vec<u8>, ModelPartition)| {
                let facts = partition.writes.iter().filter(|write| write.source == source);
                let facts: Vec<model::Fact> = facts.map(|write| write.fact.clone()).collect();
                (key.clone(), model::merge(table, &facts))
            };
            keys.iter().map(of).collect()
        };
        let base = EncodingBase { min_timestamp: Timestamp(1), ..EncodingBase::EPOCH };
        Self {
            table,
            target: header(table, base),
            sources: (0..history.sources()).map(source).collect(),
            keys,
            has_own_headers: history.seed.is_multiple_of(3),
        }
    }

    fn source(&self, index: usize, direction: Direction) -> Boxed {
        let partitions = &self.sources[index];
        let header = if self.has_own_headers {
            let base = EncodingBase {
                min_timestamp: Timestamp(1000 * index as i64),
                min_local_deletion_time: LocalDeletionTime(index as u32),
                min_ttl: 7,
            };
            narrowed(&Header { base, ..(*self.target).clone() }, self.table, partitions)
        } else {
            self.target.clone()
        };
        Box::new(Validator::new(VecStream::new(header, self.table, partitions, direction)))
    }

    fn merge(&self, sources: Vec<Boxed>) -> Boxed {
        Box::new(Validator::new(Merge::new(self.target.clone(), sources, &dropped(self.table))))
    }

    fn merged(&self, direction: Direction) -> Boxed {
        self.merge((0..self.sources.len()).map(|index| self.source(index, direction)).collect())
    }

    /// The model's partition of each key that has one.
    fn expected(&self, of: impl Fn(&ModelPartition) -> model::Partition) -> Vec<Keyed> {
        let all = self.keys.iter().map(|(key, partition)| (key.clone(), of(partition)));
        all.filter(|(_, partition)| !partition.is_empty()).collect()
    }
}

fn compare(what: &str, expected: &[Keyed], mut found: Vec<Keyed>) -> Result<(), String> {
    found.retain(|(_, partition)| !partition.is_empty());
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}\nexpected:\n{}found:\n{}", show(expected), show(&found)))
}

fn read(table: &ModelTable, stream: &mut Boxed) -> Vec<Keyed> {
    collect(table, stream).unwrap()
}

#[test]
fn merges_like_the_model() {
    for_each_history_of(&Profile::default(), count(), check_merge);
}

#[test]
fn merges_legacy_counters_like_the_model() {
    let profile = Profile { legacy_shards: true, ..Profile::default() };
    for_each_history_of(&profile, count() / 4, check_merge);
}

#[test]
fn drops_columns_like_the_model() {
    let profile = Profile { dropped_columns: true, ..Profile::default() };
    for_each_history_of(&profile, count(), check_merge);
}

fn check_merge(_: u64, history: &History) -> Result<(), String> {
    let case = Case::new(history);
    let expected = case.expected(|partition| partition.merged(case.table));
    compare("forward", &expected, read(case.table, &mut case.merged(Direction::Forward)))?;
    compare("reverse", &expected, read(case.table, &mut case.merged(Direction::Reverse)))
}

/// In which order sources come together makes no difference. (With counters it does: a counter's
/// tombstone kills what it meets. With a view's deletions too.)
#[test]
fn groupings_make_no_difference() {
    let profile = Profile { counters: false, views: false, ..Profile::default() };
    for_each_history_of(&profile, count(), |seed, history| {
        let case = Case::new(history);
        let expected = case.expected(|partition| partition.merged(case.table));
        let mut sources: Vec<Boxed> =
            (0..case.sources.len()).map(|index| case.source(index, Direction::Forward)).collect();
        let mut state = seed;
        while sources.len() > 1 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut group = Vec::new();
            for _ in 0..2 + (state >> 60) % 3 {
                if !sources.is_empty() {
                    group.push(sources.swap_remove((state >> 33) as usize % sources.len()));
                }
            }
            sources.push(case.merge(group));
        }
        let Some(mut merged) = sources.pop() else { return Ok(()) };
        compare("grouped", &expected, read(case.table, &mut merged))
    });
}

#[test]
fn purges_like_the_model() {
    for_each_history_of(&Profile::default(), count(), |seed, history| {
        let case = Case::new(history);
        let limit = [None, Some(1), Some(1000), Some(i64::MIN)][seed as usize % 4];
        let may_go = |timestamp: i64| limit.is_none_or(|limit| timestamp < limit);
        let mut how = model::Purge::new(history.now, history.gc_before(), &may_go);
        how.strict_liveness = history.strict_liveness;
        let expected = case.expected(|partition| partition.purged(case.table, &how));
        let options = PurgeOptions {
            now: u32::try_from(history.now).unwrap(),
            gc_before: u32::try_from(history.gc_before()).unwrap(),
            strict_liveness: history.strict_liveness,
        };
        let purger = move |_: &PartitionRef<'_>| {
            limit.map_or(Purgeable::All, |limit| Purgeable::Below(Timestamp(limit)))
        };
        for direction in [Direction::Forward, Direction::Reverse] {
            let mut purged: Boxed =
                Box::new(Validator::new(Purge::new(case.merged(direction), options, purger)));
            let found = read(case.table, &mut purged);
            if found.iter().any(|(_, partition)| partition.is_empty()) {
                return Err("an empty partition".to_owned());
            }
            compare("purged", &expected, found)?;
        }
        Ok(())
    });
}

#[test]
fn reads_like_the_model() {
    for_each_history_of(&Profile::default(), count(), |_, history| {
        let case = Case::new(history);
        for now in [history.now, history.now - 20, history.now + 40] {
            let mut stream = case.merged(Direction::Forward);
            let mut found = Vec::new();
            while stream.next_partition().unwrap() {
                let key = stream.partition().key.to_vec();
                let partition = read_live(&case, stream.as_mut(), now, history.strict_liveness);
                if !partition.is_empty() {
                    found.push((key, partition));
                }
            }
            let live = |(key, partition): &(Vec<u8>, ModelPartition)| {
                (key.clone(), partition.read(case.table, now, history.strict_liveness))
            };
            let expected: Vec<_> = case.keys.iter().map(live).filter(|(_, p)| !p.is_empty()).collect();
            if expected != found {
                return Err(format!("at {now}\nexpected {expected:?}\nfound {found:?}"));
            }
        }
        Ok(())
    });
}

fn read_live(
    case: &Case<'_>,
    stream: &mut dyn UnfilteredStream,
    now: i64,
    strict: bool,
) -> model::LivePartition {
    let now = u32::try_from(now).unwrap();
    let mut partition = model::LivePartition::default();
    if let Some(row) = stream.static_row() {
        let live = LiveRow::of_any(row, now).unwrap();
        partition.statics = live_columns(&case.table.statics, row, live, now);
    }
    while stream.advance().unwrap() {
        if let Some(Unfiltered::Row(row)) = stream.current()
            && let Some(live) = LiveRow::new(row, now, strict).unwrap()
        {
            let size = row.header.clustering.len();
            let clustering = row.header.clustering.components(row.clustering, size);
            partition.rows.push(model::LiveRow {
                clustering: clustering.map(|value| value.unwrap().to_vec()).collect(),
                columns: live_columns(&case.table.regulars, row, live, now),
            });
        }
    }
    partition
}

fn live_columns(
    columns: &[model::Column],
    row: RowRef<'_>,
    mut live: LiveRow<'_>,
    now: u32,
) -> model::LiveColumns {
    let mut found: model::LiveColumns = Vec::new();
    while let Some((column, cell)) = live.next().unwrap() {
        assert_eq!(&*row.columns().get(column).unwrap().name, columns[column].name);
        let kind = columns[column].kind;
        let seen = model::LiveCell {
            value: cell.value.to_vec(),
            timestamp: cell.timestamp.0,
            ttl: cell.remaining_ttl(now).map(i64::from),
        };
        let decoded = decode_cell(&cell, kind == model::ColumnKind::Counter, kind.path().is_some());
        match (kind, found.last_mut()) {
            (model::ColumnKind::Counter, _) => {
                let (total, timestamp) = (cell.counter_total().unwrap(), cell.timestamp.0);
                found.push((column, model::LiveColumn::Counter { total, timestamp }));
            }
            (model::ColumnKind::Simple(_), _) => found.push((column, model::LiveColumn::Value(seen))),
            (_, Some((last, model::LiveColumn::Collection(cells)))) if *last == column => {
                cells.push((decoded.path.unwrap(), seen));
            }
            _ => found.push((column, model::LiveColumn::Collection(vec![(decoded.path.unwrap(), seen)]))),
        }
    }
    found
}
