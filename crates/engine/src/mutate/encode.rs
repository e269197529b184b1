//! Staged operations become a mutation: here they get their timestamps.

use std::cell::OnceCell;
use std::cmp::Ordering;

use helenus_rows::{Bound, Cell, DeletionTime, Header, LivenessInfo, RowBuf, RowBuilder, RowRef};
use helenus_types::{LocalDeletionTime, Timestamp, Type, timeuuid};

use super::staged::{Change, Entry, Span, Staged, StagedBound, StagedCell, StagedOp, Target};
use crate::engine::{Inner, Mutation, MutationBuilder};

/// 2010-01-01, µs: times of prepended elements are mirrored at it (`Lists.PrecisionTime.REFERENCE_TIME`).
const MIRROR_MICROS: i64 = 1_262_304_000_000_000;
/// 100 ns steps in a microsecond, the paths that one of them has.
const TICKS_PER_MICRO: u64 = 10;

/// Encodes staged operations in buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    builder: MutationBuilder,
    row: RowBuilder,
    buf: RowBuf,
    /// The operations, by table and partition.
    order: Vec<u32>,
    elements: Vec<ListElement>,
}

/// The time of a mutation.
#[derive(Debug)]
pub(super) struct WriteTime<'i> {
    inner: &'i Inner,
    /// Timestamp of what has none of its own.
    pub(super) timestamp: Timestamp,
    /// This second, once it was asked for: most writes don't.
    now: OnceCell<u32>,
}

impl<'i> WriteTime<'i> {
    /// A new timestamp.
    #[inline]
    pub(super) fn next(inner: &'i Inner) -> Self {
        Self { inner, timestamp: inner.timestamps.next(inner.clock()), now: OnceCell::new() }
    }

    /// This second, as far as tombstones can tell it.
    pub(super) fn now(&self) -> u32 {
        *self.now.get_or_init(|| self.inner.now_seconds().min(LocalDeletionTime::MAX.0))
    }

    fn deletion(&self, timestamp: Timestamp) -> DeletionTime {
        DeletionTime::new(timestamp, LocalDeletionTime(self.now()))
    }

    /// Second at which something expires, `latest` at the latest.
    #[inline]
    fn expiration(&self, ttl: u32, latest: LocalDeletionTime) -> LocalDeletionTime {
        match ttl {
            0 => LocalDeletionTime::NONE,
            _ => LocalDeletionTime(self.now().saturating_add(ttl).min(latest.0)),
        }
    }
}

/// An element of a list with its path.
#[derive(Clone, Copy, Debug)]
struct ListElement {
    path: [u8; 16],
    cell: StagedCell,
}

/// Paths of new list elements: time UUIDs, none given twice by a database.
#[derive(Debug)]
struct ListPaths<'i> {
    inner: &'i Inner,
    micros: i64,
    appended: u64,
    prepended: u64,
}

impl ListPaths<'_> {
    fn append(&mut self) -> [u8; 16] {
        let tick = self.appended % TICKS_PER_MICRO;
        self.renew(tick, self.appended > 0);
        self.appended += 1;
        self.path(self.micros, tick)
    }

    /// Each comes before those prepended earlier: their times are mirrored and count down.
    fn prepend(&mut self) -> [u8; 16] {
        let tick = self.prepended % TICKS_PER_MICRO;
        self.renew(tick, self.prepended > 0);
        self.prepended += 1;
        let mirrored = MIRROR_MICROS.wrapping_mul(2).wrapping_sub(self.micros);
        self.path(mirrored, TICKS_PER_MICRO - 1 - tick)
    }

    /// Takes another microsecond when this one's ticks are used up.
    fn renew(&mut self, tick: u64, used: bool) {
        if tick == 0 && used {
            self.micros = self.inner.timestamps.next(self.inner.clock()).0;
        }
    }

    fn path(&self, micros: i64, tick: u64) -> [u8; 16] {
        let (_, host) = self.inner.host_id.as_u64_pair();
        let ticks = micros.cast_unsigned().wrapping_mul(TICKS_PER_MICRO).wrapping_add(tick);
        *timeuuid::from_ticks(timeuuid::UNIX_EPOCH_TICKS.wrapping_add(ticks), timeuuid::lsb(0, host))
            .as_bytes()
    }
}

impl Encoder {
    /// The mutation of staged operations on those tables.
    pub(super) fn encode(&mut self, staged: &Staged, tables: &[Entry], time: &WriteTime<'_>) -> &Mutation {
        // What the caller timed must not raise the timestamps given after recovery.
        let own_timestamps = staged.ops.iter().all(|op| op.options.timestamp.is_none());
        self.builder.start(own_timestamps);
        let mut paths = ListPaths { inner: time.inner, micros: time.timestamp.0, appended: 0, prepended: 0 };
        if let [op] = staged.ops.as_slice() {
            self.partition(staged, op, tables);
            self.op(staged, op, tables, time, &mut paths);
        } else {
            self.sort(staged, tables);
            self.encode_sorted(staged, tables, time, &mut paths);
        }
        self.builder.finish()
    }

    /// Lets go of the tables.
    pub(super) fn clear(&mut self) {
        self.builder.start(true);
    }

    /// Orders the operations by table and partition, and by their own order inside: a partition is updated once.
    fn sort(&mut self, staged: &Staged, tables: &[Entry]) {
        self.order.clear();
        self.order.extend((0..).take(staged.ops.len()));
        let ops = &staged.ops;
        let same =
            ops.iter().zip(ops.iter().skip(1)).all(|(a, b)| a.table == b.table && is_same_key(staged, a, b));
        if same {
            return;
        }
        let tag = |op: &StagedOp| tables.get(op.table as usize).map(|entry| entry.core.tag);
        let order = |a: &StagedOp, b: &StagedOp| {
            let by_table = if a.table == b.table { Ordering::Equal } else { tag(a).cmp(&tag(b)) };
            // Batches are mostly of one table, and tokens mostly differ.
            by_table.then(a.token.cmp(&b.token)).then_with(|| staged.get(a.key).cmp(staged.get(b.key)))
        };
        self.order.sort_unstable_by(|&a, &b| {
            let (Some(x), Some(y)) = (ops.get(a as usize), ops.get(b as usize)) else { return a.cmp(&b) };
            order(x, y).then(a.cmp(&b))
        });
    }

    fn encode_sorted(
        &mut self,
        staged: &Staged,
        tables: &[Entry],
        time: &WriteTime<'_>,
        paths: &mut ListPaths<'_>,
    ) {
        let order = std::mem::take(&mut self.order);
        let mut before: Option<&StagedOp> = None;
        for op in order.iter().filter_map(|&index| staged.ops.get(index as usize)) {
            let follows =
                before.is_some_and(|before| before.table == op.table && is_same_key(staged, before, op));
            if !follows {
                self.partition(staged, op, tables);
            }
            self.op(staged, op, tables, time, paths);
            before = Some(op);
        }
        self.order = order;
    }

    fn partition(&mut self, staged: &Staged, op: &StagedOp, tables: &[Entry]) {
        if let Some(Entry { core, state }) = tables.get(op.table as usize) {
            self.builder.partition(core, state, staged.get(op.key), op.token);
        }
    }

    fn op(
        &mut self,
        staged: &Staged,
        op: &StagedOp,
        tables: &[Entry],
        time: &WriteTime<'_>,
        paths: &mut ListPaths<'_>,
    ) {
        let Some(entry) = tables.get(op.table as usize) else { return };
        let timestamp = op.options.timestamp.unwrap_or(time.timestamp);
        let header = &*entry.state.header;
        let mut write = RowWrite {
            header,
            staged,
            time,
            timestamp,
            min_timestamp: timestamp,
            ttl: entry.ttl(op),
            latest: time.inner.latest_expiration(&entry.state),
            is_static: false,
        };
        match op.target {
            Target::Partition => self.builder.partition_deletion(time.deletion(timestamp)),
            Target::Range(start, end) => {
                let (start, end) = (bound(staged, start), bound(staged, end));
                if header.clustering.compare(start.position(), end.position()).is_lt() {
                    self.builder.range(start, end, time.deletion(timestamp));
                }
            }
            Target::Static => {
                write.is_static = true;
                self.row.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
                self.row(&mut write, op, Span::default(), paths);
            }
            Target::Row { clustering, insert, delete } => {
                let liveness = match insert {
                    true => LivenessInfo::expiring(timestamp, write.ttl, write.expiration()),
                    false => LivenessInfo::EMPTY,
                };
                let deletion = if delete { time.deletion(timestamp) } else { DeletionTime::LIVE };
                self.row.start(liveness, deletion, false);
                self.row(&mut write, op, clustering, paths);
            }
        }
    }

    fn row(&mut self, write: &mut RowWrite<'_>, op: &StagedOp, clustering: Span, paths: &mut ListPaths<'_>) {
        let header = write.header;
        let columns = header.columns(write.is_static);
        let mut rest = write.staged.cells_of(op);
        while let Some((cell, others)) = rest.split_first() {
            let column = cell.column as usize;
            let Some(spec) = columns.get(column) else { return };
            if !spec.complex {
                self.row.simple(header, columns, column, &write.cell(cell, &[]));
                rest = others;
                continue;
            }
            let len = rest.iter().take_while(|other| other.column == cell.column).count();
            let (own, others) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            self.complex(write, column, own, matches!(spec.ty, Type::List { .. }), paths);
            rest = others;
        }
        if self.row.is_empty() {
            return;
        }
        self.row.finish(header, write.is_static, &mut self.buf);
        let row = RowRef { clustering: write.staged.get(clustering), ..self.buf.as_ref(header) };
        self.builder.row(row, write.min_timestamp);
    }

    /// The cells of one complex column: its deletion, then its elements.
    fn complex(
        &mut self,
        write: &mut RowWrite<'_>,
        column: usize,
        cells: &[StagedCell],
        is_list: bool,
        paths: &mut ListPaths<'_>,
    ) {
        let (deletion, elements) = match cells.split_first() {
            Some((first, elements)) if first.change == Change::Clear => {
                (write.time.deletion(write.timestamp), elements)
            }
            Some((first, elements)) if first.change == Change::Overwrite => (write.overwrite(), elements),
            _ => (DeletionTime::LIVE, cells),
        };
        if deletion.is_live() && elements.is_empty() {
            return;
        }
        self.row.complex(column, deletion);
        if !is_list {
            for cell in elements {
                self.row.element(write.header, &write.cell(cell, write.staged.get(cell.path)));
            }
            return;
        }
        self.elements.clear();
        for cell in elements {
            let path = match cell.change {
                Change::Append => paths.append(),
                Change::Prepend => paths.prepend(),
                _ => write.staged.get(cell.path).try_into().unwrap_or_default(),
            };
            self.elements.push(ListElement { path, cell: *cell });
        }
        // The sort is stable: of several changes of one element the last one counts.
        self.elements.sort_by(|a, b| Type::TimeUuid.compare(&a.path, &b.path));
        let next = self.elements.iter().skip(1).map(|next| Some(next.path)).chain([None]);
        for (element, next) in self.elements.iter().zip(next) {
            if next != Some(element.path) {
                self.row.element(write.header, &write.cell(&element.cell, &element.path));
            }
        }
    }
}

/// What the cells of a row have in common.
struct RowWrite<'a> {
    header: &'a Header,
    staged: &'a Staged,
    time: &'a WriteTime<'a>,
    timestamp: Timestamp,
    /// The oldest timestamp in the row.
    min_timestamp: Timestamp,
    ttl: u32,
    /// The latest second that the table's SSTables can name.
    latest: LocalDeletionTime,
    is_static: bool,
}

impl<'a> RowWrite<'a> {
    #[inline]
    fn expiration(&self) -> LocalDeletionTime {
        self.time.expiration(self.ttl, self.latest)
    }

    #[inline]
    fn cell<'c>(&self, cell: &StagedCell, path: &'c [u8]) -> Cell<'c>
    where
        'a: 'c,
    {
        let value = self.staged.get(cell.value);
        match cell.change {
            Change::Tombstone => {
                Cell::tombstone(self.timestamp, LocalDeletionTime(self.time.now())).at_path(path)
            }
            // A counter's cell never expires.
            Change::Increment => Cell::live(self.timestamp, value),
            _ => Cell::expiring(self.timestamp, self.ttl, self.expiration(), value).at_path(path),
        }
    }

    /// The deletion of what a complex column had, just below what it gets.
    fn overwrite(&mut self) -> DeletionTime {
        let below = Timestamp(self.timestamp.0.saturating_sub(1));
        if below == Timestamp::MIN {
            // There is nothing below the smallest timestamp, and this one would mean no deletion.
            return DeletionTime::LIVE;
        }
        self.min_timestamp = below;
        self.time.deletion(below)
    }
}

fn is_same_key(staged: &Staged, a: &StagedOp, b: &StagedOp) -> bool {
    a.token == b.token && (a.key == b.key || staged.get(a.key) == staged.get(b.key))
}

fn bound(staged: &Staged, bound: StagedBound) -> Bound<'_> {
    Bound { kind: bound.kind, size: usize::from(bound.size), values: staged.get(bound.values) }
}
