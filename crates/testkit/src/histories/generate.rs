//! Making histories from seeds.

use super::op::{Action, ColumnOp, History, Op};
use super::rng::Rng;
use crate::model::{
    Bound, Clustering, ClusteringColumn, Column, ColumnKind, CounterContext, ModelTable, ModelType, RowId,
    Shard, ShardKind, Side,
};

/// The second at which histories are read: 2023-11-14.
const NOW: i64 = 1_700_000_000;

/// What histories may contain. Each history switches some of it off by its seed (swarm testing), so
/// that rare meetings are not drowned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The most operations.
    pub max_ops: usize,
    /// The most sources.
    pub max_sources: usize,
    /// The most partitions.
    pub max_keys: usize,
    /// Tables of counters, with legacy shards among them.
    pub counters: bool,
    /// Tables as views have them: strict liveness, shadowable deletions, expired liveness. In each
    /// source a row is written once, because what a shadowable deletion does depends on what it
    /// meets first.
    pub views: bool,
    /// Timestamps below zero. SSTables of the newest versions cannot keep a partition deletion with
    /// one, so those are never made.
    pub negative_timestamps: bool,
    /// `i64::MIN + 1` (with negative timestamps) and `i64::MAX`.
    pub extreme_timestamps: bool,
    /// Columns that were dropped, and perhaps added again.
    pub dropped_columns: bool,
    /// Writes with a time to live.
    pub ttl: bool,
    /// Legacy counter shards (local and remote); merging local ones twice counts twice.
    pub legacy_shards: bool,
    /// Several operations on one column in one statement, on its elements and as a whole.
    pub several_on_a_column: bool,
}

impl Default for Profile {
    fn default() -> Profile {
        Profile {
            max_ops: 24,
            max_sources: 6,
            max_keys: 3,
            counters: true,
            views: true,
            negative_timestamps: true,
            extreme_timestamps: true,
            dropped_columns: false,
            ttl: true,
            legacy_shards: false,
            several_on_a_column: false,
        }
    }
}

/// The kinds of operations in one history.
#[derive(Debug, Clone)]
struct Swarm {
    kinds: Vec<Kind>,
    timestamps: Vec<i64>,
    clusterings: usize,
    ttl: bool,
    is_view: bool,
    legacy_shards: bool,
    several_on_a_column: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Insert,
    Update,
    Static,
    DeleteColumns,
    DeleteRow,
    DeleteRange,
    DeletePartition,
    ExpireLiveness,
}

/// The history of a seed. The same seed and profile give the same history for ever.
#[must_use]
pub fn generate(profile: &Profile, seed: u64) -> History {
    let mut rng = Rng::new(seed);
    let is_counter = profile.counters && rng.one_in(6);
    let is_view = profile.views && !is_counter && rng.one_in(8);
    let mut table = generate_table(profile, is_counter, &mut rng);
    if is_view {
        // A view has no static columns.
        table.statics.clear();
    }
    let swarm = swarm(profile, &table, is_view, &mut rng);
    let sources = 1 + rng.below(profile.max_sources);
    let keys = 1 + rng.below(profile.max_keys);
    let count = 1 + rng.below(profile.max_ops);
    let mut ops: Vec<Op> = Vec::new();
    for _ in 0..count {
        let (source, key) = (rng.below(sources), rng.below(keys));
        let action = swarm.action(&table, &mut rng);
        let timestamp = match action {
            Action::DeletePartition => rng.pick(&swarm.timestamps).max(0),
            _ => rng.pick(&swarm.timestamps),
        };
        let op = Op {
            source,
            key,
            timestamp,
            written_at: NOW - 5 * i64::try_from(rng.below(13)).unwrap_or(0),
            action,
        };
        if !(is_view && ops.iter().any(|other| is_same_row_and_source(other, &op))) {
            ops.push(op);
        }
    }
    History {
        seed,
        table,
        keys: vec![7, -1, 0, i32::MAX, 42].into_iter().cycle().take(keys).collect(),
        now: NOW,
        gc_grace: rng.pick(&[0, 1, 10, 20, 30, 864_000]),
        strict_liveness: is_view,
        ops,
    }
}

/// A random table: up to three clustering columns, statics only with clusterings, counters only
/// with counters.
#[must_use]
pub fn generate_table(profile: &Profile, is_counter: bool, rng: &mut Rng) -> ModelTable {
    use ColumnKind::{Counter, List, Map, Set, Simple};
    use ModelType::{BigInt, Blob, Int, Text, TimeUuid};

    let clustering: Vec<ClusteringColumn> = ["ck1", "ck2", "ck3"]
        .into_iter()
        .take(rng.below(4))
        .map(|name| ClusteringColumn {
            name: name.to_owned(),
            kind: rng.pick(&[Int, Int, Text, BigInt, Blob, TimeUuid]),
            descending: rng.one_in(2),
        })
        .collect();
    let mut column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
        dropped_at: (profile.dropped_columns && rng.one_in(3)).then(|| rng.pick(&[0, 1, 1000])),
    };
    let (mut statics, regulars) = match is_counter {
        true => (vec![column("sc", Counter)], vec![column("c1", Counter), column("c2", Counter)]),
        false => (
            vec![column("s1", Simple(Int)), column("s2", Map(Int, Text))],
            vec![
                column("a", Simple(Text)),
                column("b", Simple(Int)),
                column("l", List(Text)),
                column("m", Map(Text, Int)),
                column("s", Set(Int)),
            ],
        ),
    };
    if clustering.is_empty() || rng.one_in(3) {
        statics.clear();
    }
    ModelTable { clustering, statics, regulars }
}

fn swarm(profile: &Profile, table: &ModelTable, is_view: bool, rng: &mut Rng) -> Swarm {
    let mut kinds = vec![Kind::Insert, Kind::Update];
    let mut optional = vec![
        Kind::Update,
        Kind::Insert,
        Kind::DeleteColumns,
        Kind::DeleteRow,
        Kind::DeleteRange,
        Kind::DeleteRange,
        Kind::DeletePartition,
    ];
    if !table.statics.is_empty() {
        optional.push(Kind::Static);
    }
    if is_view {
        optional.push(Kind::ExpireLiveness);
    }
    kinds.extend(optional.into_iter().filter(|_| !rng.one_in(3)));
    let is_counter = table.regulars.iter().any(|column| column.kind == ColumnKind::Counter);
    if is_counter {
        // A counter table has no INSERT.
        kinds.retain(|kind| *kind != Kind::Insert);
    }

    let mut timestamps = vec![1, 2, 999, 1000, 1001, 1_700_000_000_000_000];
    timestamps.extend([0].into_iter().filter(|_| rng.one_in(2)));
    if profile.negative_timestamps && rng.one_in(3) {
        timestamps.push(-1);
        timestamps.extend(profile.extreme_timestamps.then_some(i64::MIN + 1));
    }
    if profile.extreme_timestamps && rng.one_in(4) {
        timestamps.push(i64::MAX);
    }
    // Few timestamps make equal ones.
    while timestamps.len() > 2 && !rng.one_in(4) {
        timestamps.remove(rng.below(timestamps.len()));
    }
    Swarm {
        kinds,
        timestamps,
        clusterings: 1 + rng.below(4),
        ttl: profile.ttl && !is_counter && !rng.one_in(3),
        is_view,
        legacy_shards: profile.legacy_shards && rng.one_in(2),
        several_on_a_column: profile.several_on_a_column,
    }
}

impl Swarm {
    fn action(&self, table: &ModelTable, rng: &mut Rng) -> Action {
        match rng.pick(&self.kinds) {
            Kind::Insert => self.upsert(table, true, rng),
            Kind::Update => self.upsert(table, false, rng),
            Kind::Static => Action::Upsert {
                row: RowId::Static,
                marker: false,
                ttl: self.ttl(rng),
                columns: self.some_columns(&table.statics, false, rng),
            },
            Kind::DeleteColumns => {
                let is_static = !table.statics.is_empty() && rng.one_in(4);
                let columns = if is_static { &table.statics } else { &table.regulars };
                let row = match is_static {
                    true => RowId::Static,
                    false => RowId::Clustering(self.clustering(table, rng)),
                };
                Action::Upsert { row, marker: false, ttl: 0, columns: self.some_columns(columns, true, rng) }
            }
            Kind::DeleteRow => {
                Action::DeleteRow { clustering: self.clustering(table, rng), shadowable: self.is_view }
            }
            Kind::DeleteRange => {
                let (start, end) =
                    (self.bound(table, Side::Before, rng), self.bound(table, Side::After, rng));
                Action::DeleteRange { start, end }
            }
            Kind::DeletePartition => Action::DeletePartition,
            Kind::ExpireLiveness => Action::ExpireLiveness(self.clustering(table, rng)),
        }
    }

    fn upsert(&self, table: &ModelTable, marker: bool, rng: &mut Rng) -> Action {
        let mut columns = self.some_columns(&table.regulars, false, rng);
        if marker && rng.one_in(3) {
            columns.clear();
        }
        Action::Upsert {
            row: RowId::Clustering(self.clustering(table, rng)),
            marker,
            ttl: self.ttl(rng),
            columns,
        }
    }

    /// At least one column, so that an UPDATE says something.
    fn some_columns(&self, columns: &[Column], delete: bool, rng: &mut Rng) -> Vec<(usize, ColumnOp)> {
        let first = rng.below(columns.len());
        let mut ops: Vec<(usize, ColumnOp)> = (0..columns.len())
            .filter_map(|index| {
                let kind = columns.get(index)?.kind;
                (index == first || rng.one_in(3)).then(|| (index, self.column_op(kind, delete, rng)))
            })
            .collect();
        if self.several_on_a_column {
            self.add_more(columns, delete, &mut ops, rng);
        }
        ops
    }

    /// Adds more operations on columns that already have one, within what one statement may do: a
    /// column is set at most once, and only a DELETE deletes one.
    fn add_more(&self, columns: &[Column], delete: bool, ops: &mut Vec<(usize, ColumnOp)>, rng: &mut Rng) {
        for _ in 0..rng.below(4) {
            let (index, earlier) = rng.pick(ops);
            let Some(kind) = columns.get(index).map(|column| column.kind) else { continue };
            let is_collection = matches!(kind, ColumnKind::Set(_) | ColumnKind::Map(..));
            let is_set = matches!(earlier, ColumnOp::Set(_) | ColumnOp::Replace(_) | ColumnOp::Count(_));
            if is_set || (!is_collection && !delete) {
                continue;
            }
            let op = self.column_op(kind, delete || (is_collection && rng.one_in(3)), rng);
            let is_whole = matches!(op, ColumnOp::Set(_) | ColumnOp::Replace(_) | ColumnOp::Clear);
            if delete || !is_whole {
                ops.push((index, op));
            }
        }
    }

    fn column_op(&self, kind: ColumnKind, delete: bool, rng: &mut Rng) -> ColumnOp {
        let (path, held) = match kind {
            ColumnKind::Counter if delete => return ColumnOp::Delete,
            ColumnKind::Counter => return ColumnOp::Count(self.context(rng)),
            ColumnKind::Simple(_) if delete => return ColumnOp::Delete,
            ColumnKind::Simple(kind) => return ColumnOp::Set(value(kind, 4, rng)),
            ColumnKind::List(element) => (ModelType::TimeUuid, Some(element)),
            ColumnKind::Set(element) => (element, None),
            ColumnKind::Map(key, element) => (key, Some(element)),
        };
        let element =
            |rng: &mut Rng| (value(path, 3, rng), held.map(|held| value(held, 3, rng)).unwrap_or_default());
        match (delete, rng.below(3)) {
            (true, 0) => ColumnOp::Clear,
            (true, _) => ColumnOp::Remove(element(rng).0),
            (false, 0) => {
                let mut elements: Vec<(Vec<u8>, Vec<u8>)> = (0..rng.below(4)).map(|_| element(rng)).collect();
                elements.sort();
                elements.dedup_by(|a, b| a.0 == b.0);
                ColumnOp::Replace(elements)
            }
            (false, _) => {
                let (path, value) = element(rng);
                ColumnOp::Put(path, value)
            }
        }
    }

    fn context(&self, rng: &mut Rng) -> CounterContext {
        let shards = (1..=3u8).filter_map(|node| {
            let kinds = match self.legacy_shards {
                true => [ShardKind::Remote, ShardKind::Local, ShardKind::Global],
                false => [ShardKind::Global; 3],
            };
            (node == 1 || rng.one_in(3)).then(|| Shard {
                id: [node; 16],
                clock: rng.pick(&[1, 2, 3, i64::MAX]),
                count: rng.pick(&[-5, 0, 1, 2, 1_000_000]),
                kind: rng.pick(&kinds),
            })
        });
        CounterContext { shards: shards.collect() }
    }

    fn clustering(&self, table: &ModelTable, rng: &mut Rng) -> Clustering {
        table.clustering.iter().map(|column| value(column.kind, self.clusterings, rng)).collect()
    }

    /// A bound on a prefix, often on the whole clustering, sometimes open.
    fn bound(&self, table: &ModelTable, open: Side, rng: &mut Rng) -> Bound {
        let count = table.clustering.len();
        let length = if rng.one_in(2) { count } else { rng.below(count + 1) };
        let mut prefix = self.clustering(table, rng);
        prefix.truncate(length);
        let side = if prefix.is_empty() { open } else { rng.pick(&[Side::Before, Side::After]) };
        Bound { prefix, side }
    }

    fn ttl(&self, rng: &mut Rng) -> i32 {
        // Half of what lives 5 to 60 seconds has expired by the end, and twice 20 years passes the
        // year 2106.
        if self.ttl && rng.one_in(2) { rng.pick(&[1, 5, 10, 20, 30, 60, 630_720_000]) } else { 0 }
    }
}

/// One of the first `count` interesting values of a type. The first are neighbours, equal up to the
/// length or of different sign.
fn value(kind: ModelType, count: usize, rng: &mut Rng) -> Vec<u8> {
    let index = rng.below(count.min(4));
    match kind {
        ModelType::Int => [1i32, -1, 2, i32::MAX][index].to_be_bytes().to_vec(),
        ModelType::BigInt => [0i64, i64::MIN, 256, -2][index].to_be_bytes().to_vec(),
        ModelType::Text => ["a", "ab", "", "\u{e9}"][index].as_bytes().to_vec(),
        ModelType::Blob => [&[0u8][..], &[0, 1], &[0x7f], &[0x80]][index].to_vec(),
        ModelType::TimeUuid => time_uuid([1, 1, 2, 0x1_0000_0000_0001][index], [5, 0x80, 5, 5][index]),
    }
}

/// A version 1 UUID of a time (100 ns units) and a last byte.
fn time_uuid(time: u64, last: u8) -> Vec<u8> {
    let [t1, t2, t3, t4, t5, t6, t7, t8] = time.to_be_bytes();
    vec![t5, t6, t7, t8, t3, t4, 0x10 | (t1 & 0x0f), t2, 0x80, 0, 0, 0, 0, 0, 0, last]
}

/// Whether two operations speak of one row in one source.
fn is_same_row_and_source(a: &Op, b: &Op) -> bool {
    let row = |op: &Op| match &op.action {
        Action::Upsert { row, .. } => Some(row.clone()),
        Action::ExpireLiveness(clustering) | Action::DeleteRow { clustering, .. } => {
            Some(RowId::Clustering(clustering.clone()))
        }
        Action::DeleteRange { .. } | Action::DeletePartition => None,
    };
    a.source == b.source && a.key == b.key && row(a).is_some_and(|row_a| Some(row_a) == row(b))
}
