//! Staged operations become a mutation: here they get their timestamps.

use std::cell::{Cell, OnceCell};
use std::convert::Infallible;

use helenus_rows::{
    Bound, Cell as RowCell, Column, ColumnSet, Columns, DeletionTime, Header, LivenessInfo, RowHead,
    RowPlace, RowWriter, UpdateWriter, WriteMoment,
};
use helenus_types::{LocalDeletionTime, Timestamp, Type, timeuuid};

use super::options::WriteOptions;
use super::staged::{Change, Entry, Span, Staged, StagedBound, StagedCell, StagedOp, Target};
use crate::engine::{Destination, Mutation, MutationBuilder};

/// 2010-01-01, µs: times of prepended elements are mirrored at it
/// (`Lists.PrecisionTime.REFERENCE_TIME`).
const MIRROR_MICROS: i64 = 1_262_304_000_000_000;
/// 100 ns steps in a microsecond, the paths that one of them has.
const TICKS_PER_MICRO: u64 = 10;

/// Encodes staged operations in buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    pub(super) builder: MutationBuilder,
    columns: ColumnSet,
    elements: Vec<ListElement>,
}

/// The time of a mutation.
#[derive(Debug)]
pub(super) struct WriteTime<'i> {
    destination: &'i Destination,
    /// Timestamp of operations without their own.
    pub(super) timestamp: Timestamp,
    /// Whether it is not final: rows that are encoded with it are given another.
    pub(super) is_early: bool,
    /// This second, once it was asked for: most writes don't.
    now: OnceCell<u32>,
    /// Paths of the mutation's new list elements.
    pub(super) paths: ListPaths<'i>,
}

impl<'i> WriteTime<'i> {
    /// A new timestamp, or the caller's, and the second that is given, or the clock's.
    #[inline]
    pub(super) fn next(
        destination: &'i Destination,
        timestamp: Option<Timestamp>,
        second: Option<u32>,
    ) -> Self {
        let next = destination.next_timestamp();
        let now = second.map_or_else(OnceCell::new, |now| OnceCell::from(now.min(LocalDeletionTime::MAX.0)));
        Self::at(destination, timestamp.unwrap_or(next), next, now, false)
    }

    /// A moment that is not final.
    #[inline]
    pub(super) fn early(destination: &'i Destination, moment: WriteMoment) -> Self {
        let WriteMoment { timestamp, second } = moment;
        Self::at(destination, timestamp, timestamp, OnceCell::from(second.0), true)
    }

    #[inline]
    fn at(
        destination: &'i Destination,
        timestamp: Timestamp,
        of_paths: Timestamp,
        now: OnceCell<u32>,
        is_early: bool,
    ) -> Self {
        let paths = ListPaths {
            destination,
            micros: Cell::new(of_paths.0),
            appended: Cell::new(0),
            prepended: Cell::new(0),
        };
        Self { destination, timestamp, is_early, now, paths }
    }

    /// Its moment.
    pub(super) fn moment(&self) -> WriteMoment {
        WriteMoment { timestamp: self.timestamp, second: LocalDeletionTime(self.now()) }
    }

    /// The current second, in the range of tombstones.
    pub(super) fn now(&self) -> u32 {
        *self.now.get_or_init(|| self.destination.now_seconds().min(LocalDeletionTime::MAX.0))
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
pub(super) struct ListPaths<'i> {
    destination: &'i Destination,
    micros: Cell<i64>,
    appended: Cell<u64>,
    prepended: Cell<u64>,
}

impl ListPaths<'_> {
    pub(super) fn append(&self) -> [u8; 16] {
        let appended = self.appended.replace(self.appended.get() + 1);
        let tick = appended % TICKS_PER_MICRO;
        self.renew(tick, appended > 0);
        self.path(self.micros.get(), tick)
    }

    /// Each comes before those prepended earlier: their times are mirrored and count down.
    pub(super) fn prepend(&self) -> [u8; 16] {
        let prepended = self.prepended.replace(self.prepended.get() + 1);
        let tick = prepended % TICKS_PER_MICRO;
        self.renew(tick, prepended > 0);
        let mirrored = MIRROR_MICROS.wrapping_mul(2).wrapping_sub(self.micros.get());
        self.path(mirrored, TICKS_PER_MICRO - 1 - tick)
    }

    /// Takes another microsecond when this one's ticks are used up.
    fn renew(&self, tick: u64, used: bool) {
        if tick == 0 && used {
            self.micros.set(self.destination.next_timestamp().0);
        }
    }

    fn path(&self, micros: i64, tick: u64) -> [u8; 16] {
        let (_, host) = self.destination.host_id().as_u64_pair();
        let ticks = micros.cast_unsigned().wrapping_mul(TICKS_PER_MICRO).wrapping_add(tick);
        *timeuuid::from_ticks(timeuuid::UNIX_EPOCH_TICKS.wrapping_add(ticks), timeuuid::lsb(0, host))
            .as_bytes()
    }
}

impl Encoder {
    /// The mutation of what is encoded already and of staged operations on those tables; `own` says
    /// whether what brings no timestamp has the database's own.
    #[inline]
    pub(super) fn finish(
        &mut self,
        staged: &Staged,
        tables: &[Entry],
        time: &WriteTime<'_>,
        own: bool,
    ) -> &Mutation {
        // Timestamps of the caller must not raise those given after recovery.
        let own = own && staged.ops.iter().all(|op| op.options.timestamp.is_none());
        self.ops(staged, &staged.ops, tables, time);
        self.builder.finish(own)
    }

    /// Encodes the operations of a statement, the staged ones from `first` on, if nothing about
    /// them depends on when they are carried out but their moment.
    pub(super) fn encode_early(
        &mut self,
        staged: &Staged,
        first: usize,
        tables: &[Entry],
        time: &WriteTime<'_>,
    ) -> bool {
        let ops = staged.ops.get(first..).unwrap_or_default();
        let is_early = ops.iter().all(|op| {
            let waits = |change: Change| change.reads_first() || change.has_no_path();
            op.options == WriteOptions::default()
                && entry_of(tables, op).ttl(op) == 0
                && matches!(op.target, Target::Row { .. } | Target::Static)
                && !staged.cells_of(op).iter().any(|cell| waits(cell.change))
        });
        if is_early {
            self.ops(staged, ops, tables, time);
        }
        is_early
    }

    #[inline]
    fn ops(&mut self, staged: &Staged, ops: &[StagedOp], tables: &[Entry], time: &WriteTime<'_>) {
        for op in ops {
            self.partition(staged, op, tables);
            self.op(staged, op, tables, time);
        }
    }

    fn partition(&mut self, staged: &Staged, op: &StagedOp, tables: &[Entry]) {
        let Entry { core, state } = entry_of(tables, op);
        let key = |out: &mut Vec<u8>| {
            out.extend_from_slice(staged.get(op.key));
            Ok::<_, Infallible>(())
        };
        let Ok(()) = self.builder.partition(core, state, Some(op.token), key);
    }

    fn op(&mut self, staged: &Staged, op: &StagedOp, tables: &[Entry], time: &WriteTime<'_>) {
        let entry = entry_of(tables, op);
        let timestamp = op.options.timestamp.unwrap_or(time.timestamp);
        let header = &*entry.state.header;
        let mut write = RowWrite {
            header,
            staged,
            time,
            timestamp,
            min_timestamp: timestamp,
            ttl: entry.ttl(op),
            latest: time.destination.latest_expiration(&entry.state),
            is_static: false,
        };
        match op.target {
            Target::Partition => {
                UpdateWriter(self.builder.out()).partition(time.deletion(timestamp));
                self.builder.added(timestamp);
            }
            Target::Range(start, end) => {
                let (start, end) = (bound(staged, start), bound(staged, end));
                if header.clustering.compare(start.position(), end.position()).is_lt() {
                    UpdateWriter(self.builder.out()).range(start, end, time.deletion(timestamp));
                    self.builder.added(timestamp);
                }
            }
            Target::Static => {
                write.is_static = true;
                self.row(&mut write, op, Span::default(), LivenessInfo::EMPTY, DeletionTime::LIVE);
            }
            Target::Row { clustering, insert, delete } => {
                let liveness = match insert {
                    true => LivenessInfo::expiring(timestamp, write.ttl, write.expiration()),
                    false => LivenessInfo::EMPTY,
                };
                let deletion = if delete { time.deletion(timestamp) } else { DeletionTime::LIVE };
                self.row(&mut write, op, clustering, liveness, deletion);
            }
        }
    }

    /// Encodes a row in its place in the payload.
    fn row(
        &mut self,
        write: &mut RowWrite<'_>,
        op: &StagedOp,
        clustering: Span,
        liveness: LivenessInfo,
        deletion: DeletionTime,
    ) {
        let (header, staged) = (write.header, write.staged);
        let all = header.columns(write.is_static);
        let cells = staged.cells_of(op);
        self.columns.clear();
        let (mut has_complex_deletion, mut len_hint) = (false, 8 + cells.len() * 2);
        for own in cells.chunk_by(|a, b| a.column == b.column) {
            let Some(first) = own.first() else { unreachable!("chunks aren't empty") };
            len_hint += own.iter().map(|cell| cell.value.len() + cell.path.len()).sum::<usize>();
            if column_of(all, first).complex {
                let (deletion, elements) = write.complex(own);
                has_complex_deletion |= !deletion.is_live();
                if deletion.is_live() && elements.is_empty() {
                    continue;
                }
            }
            self.columns.insert(first.column as usize);
        }
        let (out, times) = self.builder.out_of_row(write.time.is_early);
        let place = RowPlace::begin(out, write.is_static);
        out.extend_from_slice(staged.get(clustering));
        let head = RowHead { liveness, deletion, columns: &self.columns, has_complex_deletion, len_hint };
        let mut row = RowWriter::start(out, header, place, head, times);
        for own in cells.chunk_by(|a, b| a.column == b.column) {
            let Some(first) = own.first() else { unreachable!("chunks aren't empty") };
            let (column, spec) = (first.column as usize, column_of(all, first));
            if spec.complex {
                let is_list = matches!(spec.ty, Type::List { .. });
                complex(&mut row, write, column, own, is_list.then_some(&mut self.elements));
            } else {
                assert!(own.len() == 1, "a simple column has one cell");
                row.simple(column, &write.cell(first, &[]));
            }
        }
        if row.finish().is_some() {
            self.builder.added(write.min_timestamp);
        }
    }
}

/// The cells of one complex column: its deletion, then its elements, those of a list with paths.
fn complex(
    row: &mut RowWriter<'_>,
    write: &RowWrite<'_>,
    column: usize,
    cells: &[StagedCell],
    list: Option<&mut Vec<ListElement>>,
) {
    let (deletion, elements) = write.complex_of(cells);
    if deletion.is_live() && elements.is_empty() {
        return;
    }
    row.complex(column, deletion, elements.len());
    let Some(list) = list else {
        for cell in elements {
            row.element(&write.cell(cell, write.staged.get(cell.path)));
        }
        return;
    };
    list.clear();
    for cell in elements {
        let path = match cell.change {
            Change::Append => write.time.paths.append(),
            Change::Prepend => write.time.paths.prepend(),
            _ => match write.staged.get(cell.path).try_into() {
                Ok(path) => path,
                Err(_) => unreachable!("a list's elements are found by time UUIDs"),
            },
        };
        list.push(ListElement { path, cell: *cell });
    }
    list.sort_by(|a, b| Type::TimeUuid.compare(&a.path, &b.path));
    for element in list {
        row.element(&write.cell(&element.cell, &element.path));
    }
}

/// The common parts of a row's cells.
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
    fn cell<'c>(&self, cell: &StagedCell, path: &'c [u8]) -> RowCell<'c>
    where
        'a: 'c,
    {
        let value = self.staged.get(cell.value);
        match cell.change {
            Change::Tombstone => {
                RowCell::tombstone(self.timestamp, LocalDeletionTime(self.time.now())).at_path(path)
            }
            // A counter's cell never expires.
            Change::Increment => RowCell::live(self.timestamp, value),
            _ => RowCell::expiring(self.timestamp, self.ttl, self.expiration(), value).at_path(path),
        }
    }

    /// The deletion of a complex column and its elements. One that is overwritten is deleted just
    /// below what it gets.
    fn complex_of<'c>(&self, cells: &'c [StagedCell]) -> (DeletionTime, &'c [StagedCell]) {
        match cells.split_first() {
            Some((first, elements)) if first.change == Change::Clear => {
                (self.time.deletion(self.timestamp), elements)
            }
            Some((first, elements)) if first.change == Change::Overwrite => match self.below() {
                Some(below) => (self.time.deletion(below), elements),
                None => (DeletionTime::LIVE, elements),
            },
            _ => (DeletionTime::LIVE, cells),
        }
    }

    /// As [`complex_of`](Self::complex_of), at its first call.
    fn complex<'c>(&mut self, cells: &'c [StagedCell]) -> (DeletionTime, &'c [StagedCell]) {
        if cells.first().is_some_and(|cell| cell.change == Change::Overwrite) {
            self.min_timestamp = self.below().unwrap_or(self.min_timestamp);
        }
        self.complex_of(cells)
    }

    /// The time just below; there is nothing below the smallest, and this one would mean no
    /// deletion.
    fn below(&self) -> Option<Timestamp> {
        let below = Timestamp(self.timestamp.0.saturating_sub(1));
        (below != Timestamp::MIN).then_some(below)
    }
}

/// The table that an operation is about.
#[inline]
pub(super) fn entry_of<'a>(tables: &'a [Entry], op: &StagedOp) -> &'a Entry {
    let Some(entry) = tables.get(op.table as usize) else {
        unreachable!("operations are about tables of their batch")
    };
    entry
}

/// The column that a cell is of.
#[inline]
fn column_of<'a>(columns: &'a Columns, cell: &StagedCell) -> &'a Column {
    let Some(column) = columns.get(cell.column as usize) else {
        unreachable!("cells are of columns of the state that they were staged for")
    };
    column
}

fn bound(staged: &Staged, bound: StagedBound) -> Bound<'_> {
    Bound { kind: bound.kind, size: usize::from(bound.size), values: staged.get(bound.values) }
}
