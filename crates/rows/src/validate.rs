//! The grammar of streams, checked (`db.transform.RTBoundValidator` and more).

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use helenus_types::{DecodeError, Token};

use crate::clustering::{Position, PositionKind};
use crate::codec::{CellEvent, MarkerRef, RowRef, Unfiltered};
use crate::deletion::DeletionTime;
use crate::header::Header;
use crate::liveness::LivenessInfo;
use crate::names::ShownKey;
use crate::stream::{Direction, PartitionRef, RowError, StreamError, UnfilteredStream};

/// Passes a stream on and fails where it breaks a rule that [`UnfilteredStream`] lists. Every row
/// is decoded: for tests and debug builds, see [`validated`]. Verification continues after a broken
/// rule, with [`Grammar`].
#[derive(Debug)]
pub struct Validator<S> {
    source: S,
    origin: StreamOrigin,
    last_partition: Option<(Token, Vec<u8>)>,
    grammar: Grammar,
    /// Whether the current partition's unfiltereds have all been seen.
    is_at_end: bool,
}

/// The origin of a stream, which decides what a broken rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOrigin {
    /// A file: a broken rule is an error, as any other damage.
    Disk,
    /// A memtable, merge or purge: a broken rule is a bug, and nothing that rests on such a stream
    /// may be written.
    Ours,
}

/// A stream that passed through [`validated`].
#[cfg(debug_assertions)]
pub type Validated<S> = Validator<S>;
/// A stream that passed through [`validated`].
#[cfg(not(debug_assertions))]
pub type Validated<S> = S;

/// Wraps a stage of a flush, a compaction or a scan: in debug builds with a [`Validator`], in
/// release builds with nothing.
///
/// # Panics
/// Debug builds: in the stream's methods, where one of [`StreamOrigin::Ours`] breaks a rule.
#[inline]
pub fn validated<S: UnfilteredStream>(stream: S, origin: StreamOrigin) -> Validated<S> {
    #[cfg(debug_assertions)]
    return Validator { origin, ..Validator::new(stream) };
    #[cfg(not(debug_assertions))]
    {
        let _: StreamOrigin = origin;
        stream
    }
}

/// The rules inside a partition: 2 to 4 of [`UnfilteredStream`], and the order of 1. It is given
/// what a stream shows, and continues after a broken rule.
#[derive(Debug, Default)]
pub struct Grammar {
    direction: Direction,
    last_position: Option<(PositionKind, usize)>,
    last_values: Vec<u8>,
    path: Vec<u8>,
    /// The deletion of the range that is open in the stream; `None` is live.
    open: Option<DeletionTime>,
}

/// Receives the parts of a row while [`Grammar`] checks it. A closure receives the columns and
/// cells.
pub trait RowVisitor {
    /// The row's own liveness and deletion, before all else.
    #[inline]
    fn head(&mut self, liveness: LivenessInfo, deletion: DeletionTime) {
        let _: (LivenessInfo, DeletionTime) = (liveness, deletion);
    }

    /// A column or cell.
    fn event(&mut self, event: CellEvent<'_>);
}

impl<F: FnMut(CellEvent<'_>)> RowVisitor for F {
    #[inline]
    fn event(&mut self, event: CellEvent<'_>) {
        self(event);
    }
}

/// A fault that [`Grammar`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A rule was broken: what the stream did.
    Rule(&'static str),
    /// Bytes that are not a row's; the offset counts from the start of its body.
    Row(DecodeError),
}

impl From<DecodeError> for Broken {
    fn from(error: DecodeError) -> Self {
        Self::Row(error)
    }
}

/// A stream that breaks its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrammarError {
    /// The partition, as [`ShownKey`] shows it.
    pub partition: String,
    /// What the stream did.
    pub what: &'static str,
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}: {}", self.partition, self.what)
    }
}

impl Error for GrammarError {}

impl<S: UnfilteredStream> Validator<S> {
    /// Checks `source`, which must be before its first partition.
    pub fn new(source: S) -> Self {
        let grammar = Grammar::new(source.direction());
        Self { source, origin: StreamOrigin::Disk, last_partition: None, grammar, is_at_end: true }
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.source
    }

    #[cold]
    fn error(&self, what: &'static str) -> StreamError {
        let partition = ShownKey::new(self.source.header(), self.source.partition().key).to_string();
        let error = GrammarError { partition, what };
        assert!(self.origin == StreamOrigin::Disk, "a stage broke the rules of streams: {error}");
        StreamError::new(error)
    }

    #[cold]
    fn broken(&self, row: &RowRef<'_>, broken: Broken) -> StreamError {
        match broken {
            Broken::Rule(what) => self.error(what),
            // A merge passes a row on without a look into its body: the bytes may be those of a
            // file.
            Broken::Row(error) => {
                RowError::new(row.header, self.source.partition().key, row.clustering, error).into()
            }
        }
    }

    fn check_partition(&mut self) -> Result<(), StreamError> {
        let partition = self.source.partition();
        if let Some((token, key)) = &mut self.last_partition {
            let partitioner = &self.source.header().partitioner;
            let order = (*token).cmp(&partition.token);
            let order = order.then_with(|| partitioner.compare_tied(key, partition.key));
            if order.is_ge() {
                return Err(self.error("a partition that is not after the last one"));
            }
            *token = partition.token;
            key.clear();
            key.extend_from_slice(partition.key);
        } else {
            self.last_partition = Some((partition.token, partition.key.to_vec()));
        }
        if self.source.current().is_some() {
            return Err(self.error("an unfiltered before the first"));
        }
        self.grammar.start_partition();
        if let Some(row) = self.source.static_row() {
            let checked = self.grammar.row(self.source.header(), row, true, |_: CellEvent<'_>| {});
            checked.map_err(|broken| self.broken(&row, broken))?;
        }
        self.is_at_end = false;
        Ok(())
    }

    fn check_unfiltered(&mut self) -> Result<(), StreamError> {
        let Some(unfiltered) = self.source.current() else {
            return Err(self.error("no unfiltered where one was announced"));
        };
        let header = self.source.header();
        self.grammar.position(header, &unfiltered).map_err(|what| self.error(what))?;
        match unfiltered {
            Unfiltered::Row(row) => {
                let checked = self.grammar.row(header, row, false, |_: CellEvent<'_>| {});
                checked.map_err(|broken| self.broken(&row, broken))
            }
            Unfiltered::Marker(marker) => self.grammar.marker(&marker).map_err(|what| self.error(what)),
        }
    }
}

impl<S: UnfilteredStream> UnfilteredStream for Validator<S> {
    fn header(&self) -> &Arc<Header> {
        self.source.header()
    }

    fn direction(&self) -> Direction {
        self.source.direction()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        if !self.source.next_partition()? {
            self.is_at_end = true;
            return Ok(false);
        }
        self.check_partition()?;
        Ok(true)
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.source.partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.source.static_row()
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        if self.source.advance()? {
            if self.is_at_end {
                return Err(self.error("an unfiltered after the last"));
            }
            self.check_unfiltered()?;
            return Ok(true);
        }
        self.is_at_end = true;
        self.grammar.end_partition().map_err(|what| self.error(what))?;
        if self.source.current().is_some() {
            return Err(self.error("an unfiltered after the last"));
        }
        Ok(false)
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.source.current()
    }
}

impl Grammar {
    /// For partitions in that direction.
    pub fn new(direction: Direction) -> Self {
        Self { direction, ..Self::default() }
    }

    /// A partition begins.
    pub fn start_partition(&mut self) {
        self.last_position = None;
        self.open = None;
    }

    /// Continues inside a partition, at a place where that range deletion is open.
    pub fn resume(&mut self, open: DeletionTime) {
        self.last_position = None;
        self.open = Some(open).filter(|open| !open.is_live());
    }

    /// The deletion of the range that is open in the stream, or live.
    #[inline]
    pub fn open(&self) -> DeletionTime {
        self.open.unwrap_or(DeletionTime::LIVE)
    }

    /// The position of the last unfiltered; `None` before the first.
    #[inline]
    pub fn last_position(&self) -> Option<Position<'_>> {
        let (kind, size) = self.last_position?;
        Some(Position { kind, size, values: &self.last_values })
    }

    /// Checks that the next unfiltered of the partition comes after the last one, and makes it the
    /// last one.
    ///
    /// # Errors
    /// When it does not.
    #[inline]
    pub fn position(&mut self, header: &Header, unfiltered: &Unfiltered<'_>) -> Result<(), &'static str> {
        let position = unfiltered.position();
        let order = self.last_position().map(|last| match self.direction {
            Direction::Forward => header.clustering.compare(last, position),
            Direction::Reverse => header.clustering.compare(position, last),
        });
        self.last_position = Some((position.kind, position.size));
        self.last_values.clear();
        self.last_values.extend_from_slice(position.values);
        if order.is_none_or(Ordering::is_lt) {
            Ok(())
        } else {
            Err("an unfiltered that is not after the last one")
        }
    }

    /// Checks that a marker fits the open range, and applies what it closes and opens.
    ///
    /// # Errors
    /// When its deletions don't fit its kind, each other or the open range.
    pub fn marker(&mut self, marker: &MarkerRef<'_>) -> Result<(), &'static str> {
        let kind = marker.bound.kind;
        let (before, after) = match self.direction {
            Direction::Forward => (marker.close, marker.open),
            Direction::Reverse => (marker.open, marker.close),
        };
        let continues = before == self.open();
        self.open = Some(after).filter(|open| !open.is_live());
        if marker.close.is_live() == kind.closes() || marker.open.is_live() == kind.opens() {
            return Err("a marker whose deletions don't fit its kind");
        }
        if kind.is_boundary() && marker.close == marker.open {
            return Err("a boundary between equal deletions");
        }
        if continues { Ok(()) } else { Err("a marker that doesn't continue the open range") }
    }

    /// Checks that a row fits the stream's header and that everything in it can be decoded; passes
    /// its columns and cells to the visitor.
    ///
    /// # Errors
    /// When it is of the other kind, of another encoding, empty, out of order inside, or not a row.
    #[inline]
    pub fn row(
        &mut self,
        header: &Header,
        row: RowRef<'_>,
        is_static: bool,
        mut visit: impl RowVisitor,
    ) -> Result<(), Broken> {
        if row.is_static() != is_static {
            return Err(Broken::Rule(if is_static {
                "another row in the static one's place"
            } else {
                "a static row among rows"
            }));
        }
        if !std::ptr::eq(row.header, header) && !row.header.same_encoding(header) {
            return Err(Broken::Rule("a row in another encoding than the stream's"));
        }
        let mut cells = row.cells()?;
        visit.head(cells.liveness(), cells.deletion());
        let mut is_empty = cells.liveness().is_empty() && cells.deletion().is_live();
        let mut elements = 0;
        let path = &mut self.path;
        while let Some(event) = cells.next()? {
            is_empty = false;
            visit.event(event);
            match event {
                CellEvent::Simple { .. } => {}
                CellEvent::Complex { deletion, cells, .. } => {
                    if deletion.is_live() && cells == 0 {
                        return Err(Broken::Rule("a complex column with nothing in it"));
                    }
                    elements = 0;
                }
                CellEvent::Element { column, cell } => {
                    let path_type = row.columns().get(column).and_then(|column| column.path_type.as_ref());
                    let order = path_type.map(|ty| ty.compare(path, cell.path));
                    if elements > 0 && order.is_some_and(Ordering::is_ge) {
                        return Err(Broken::Rule("paths that don't ascend"));
                    }
                    path.clear();
                    path.extend_from_slice(cell.path);
                    elements += 1;
                }
            }
        }
        if is_empty { Err(Broken::Rule("an empty row")) } else { Ok(()) }
    }

    /// Whether nothing is open at the end of a partition.
    ///
    /// # Errors
    /// When a range is.
    pub fn end_partition(&mut self) -> Result<(), &'static str> {
        match self.open.take() {
            None => Ok(()),
            Some(_) => Err("a range left open at the end"),
        }
    }
}
