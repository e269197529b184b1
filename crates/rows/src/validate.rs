//! The grammar of streams, checked (`db.transform.RTBoundValidator` and more).

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use helenus_types::Token;

use crate::clustering::{Position, PositionKind};
use crate::codec::{CellEvent, MarkerRef, RowRef, Unfiltered};
use crate::deletion::DeletionTime;
use crate::header::Header;
use crate::stream::{Direction, PartitionRef, RowError, StreamError, UnfilteredStream};

/// Passes a stream on and fails where it breaks a rule that [`UnfilteredStream`] lists. Every row is decoded: for
/// tests, debug builds and verification.
#[derive(Debug)]
pub struct Validator<S> {
    source: S,
    last_partition: Option<(Token, Vec<u8>)>,
    last_position: Option<(PositionKind, usize)>,
    last_values: Vec<u8>,
    path: Vec<u8>,
    /// The deletion of the range that the stream stands in.
    open: DeletionTime,
    /// Whether the current partition's unfiltereds have all been seen.
    is_at_end: bool,
}

/// A stream that breaks its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrammarError {
    /// Raw key of the partition.
    pub key: Vec<u8>,
    /// What the stream did.
    pub what: &'static str,
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("partition 0x")?;
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ": {}", self.what)
    }
}

impl Error for GrammarError {}

impl<S: UnfilteredStream> Validator<S> {
    /// Checks `source` from where it stands on: before its first partition.
    pub fn new(source: S) -> Self {
        Self {
            source,
            last_partition: None,
            last_position: None,
            last_values: Vec::new(),
            path: Vec::new(),
            open: DeletionTime::LIVE,
            is_at_end: true,
        }
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.source
    }

    fn error(&self, what: &'static str) -> StreamError {
        StreamError::new(GrammarError { key: self.source.partition().key.to_vec(), what })
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
        if let Some(row) = self.source.static_row() {
            check_row(&self.source, row, true, &mut self.path)?;
        }
        self.last_position = None;
        self.open = DeletionTime::LIVE;
        self.is_at_end = false;
        Ok(())
    }

    fn check_unfiltered(&mut self) -> Result<(), StreamError> {
        let Some(unfiltered) = self.source.current() else {
            return Err(self.error("no unfiltered where one was announced"));
        };
        let position = unfiltered.position();
        if let Some((kind, size)) = self.last_position {
            let last = Position { kind, size, values: &self.last_values };
            let order = self.source.header().clustering.compare(last, position);
            let order = if self.source.direction() == Direction::Forward { order } else { order.reverse() };
            if order != Ordering::Less {
                return Err(self.error("an unfiltered that is not after the last one"));
            }
        }
        self.last_position = Some((position.kind, position.size));
        self.last_values.clear();
        self.last_values.extend_from_slice(position.values);
        match unfiltered {
            Unfiltered::Row(row) => check_row(&self.source, row, false, &mut self.path),
            Unfiltered::Marker(marker) => match check_marker(&marker, self.source.direction(), self.open) {
                Ok(open) => {
                    self.open = open;
                    Ok(())
                }
                Err(what) => Err(self.error(what)),
            },
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
        if !self.open.is_live() {
            return Err(self.error("a range left open at the end"));
        }
        if self.source.current().is_some() {
            return Err(self.error("an unfiltered after the last"));
        }
        Ok(false)
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.source.current()
    }
}

/// The deletion that holds after the marker, or what is wrong with it.
fn check_marker(
    marker: &MarkerRef<'_>,
    direction: Direction,
    open: DeletionTime,
) -> Result<DeletionTime, &'static str> {
    let kind = marker.bound.kind;
    if marker.close.is_live() == kind.closes() || marker.open.is_live() == kind.opens() {
        return Err("a marker whose deletions don't fit its kind");
    }
    if kind.is_boundary() && marker.close == marker.open {
        return Err("a boundary between equal deletions");
    }
    let (before, after) = match direction {
        Direction::Forward => (marker.close, marker.open),
        Direction::Reverse => (marker.open, marker.close),
    };
    if before != open {
        return Err("a marker that doesn't continue the open range");
    }
    Ok(after)
}

fn check_row<S: UnfilteredStream>(
    source: &S,
    row: RowRef<'_>,
    is_static: bool,
    path: &mut Vec<u8>,
) -> Result<(), StreamError> {
    let broken = |what| Err(StreamError::new(GrammarError { key: source.partition().key.to_vec(), what }));
    if row.is_static() != is_static {
        return broken(if is_static {
            "another row in the static one's place"
        } else {
            "a static row among rows"
        });
    }
    if !row.header.same_encoding(source.header()) {
        return broken("a row in another encoding than the stream's");
    }
    let undecodable = |error| RowError::new(source.partition().key, row.clustering, error);
    let mut cells = row.cells().map_err(undecodable)?;
    let mut is_empty = cells.liveness().is_empty() && cells.deletion().is_live();
    let mut elements = 0;
    while let Some(event) = cells.next().map_err(undecodable)? {
        is_empty = false;
        match event {
            CellEvent::Simple { .. } => {}
            CellEvent::Complex { deletion, cells, .. } => {
                if deletion.is_live() && cells == 0 {
                    return broken("a complex column with nothing in it");
                }
                elements = 0;
            }
            CellEvent::Element { column, cell } => {
                let path_type = row.columns().get(column).and_then(|column| column.path_type.as_ref());
                let order = path_type.map(|ty| ty.compare(path, cell.path));
                if elements > 0 && order.is_some_and(Ordering::is_ge) {
                    return broken("paths that don't ascend");
                }
                path.clear();
                path.extend_from_slice(cell.path);
                elements += 1;
            }
        }
    }
    if is_empty { broken("an empty row") } else { Ok(()) }
}
