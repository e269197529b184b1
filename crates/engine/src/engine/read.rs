//! The read paths: a point read as one straight function, a slice and a scan as merged streams.

use std::ops::RangeInclusive;
use std::sync::Arc;

use helenus_memtable::{MemtableScan, PartitionSnapshot, SnapshotStream};
use helenus_rows::{
    Bound, BoundKind, CellEvent, ColumnFilter, DeletionTime, Direction, Header, LivenessInfo, Merge,
    PartitionRef, RowRef, RowSource, Slice, Slices, StreamError, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{PartitionBound, PartitionStream, RowReader, Scan, SearchKey, StaticRow};
use helenus_types::{Timestamp, Token};
use smallvec::SmallVec;

use super::buffers::PointReader;
use super::table::View;
use crate::error::Result;

/// A source of a merged stream.
#[derive(Debug)]
pub(crate) enum Source {
    Snapshot(SnapshotStream),
    Memtable(MemtableScan),
    Partition(Box<PartitionStream>),
    Table(Box<Scan>),
}

macro_rules! each {
    ($source:expr, $stream:ident => $call:expr) => {
        match $source {
            Source::Snapshot($stream) => $call,
            Source::Memtable($stream) => $call,
            Source::Partition($stream) => $call,
            Source::Table($stream) => $call,
        }
    };
}

impl UnfilteredStream for Source {
    #[inline]
    fn header(&self) -> &Arc<Header> {
        each!(self, stream => UnfilteredStream::header(stream))
    }

    #[inline]
    fn direction(&self) -> Direction {
        each!(self, stream => UnfilteredStream::direction(stream))
    }

    #[inline]
    fn next_partition(&mut self) -> std::result::Result<bool, StreamError> {
        each!(self, stream => UnfilteredStream::next_partition(stream))
    }

    #[inline]
    fn partition(&self) -> PartitionRef<'_> {
        each!(self, stream => UnfilteredStream::partition(stream))
    }

    #[inline]
    fn static_row(&self) -> Option<RowRef<'_>> {
        each!(self, stream => UnfilteredStream::static_row(stream))
    }

    #[inline]
    fn advance(&mut self) -> std::result::Result<bool, StreamError> {
        each!(self, stream => UnfilteredStream::advance(stream))
    }

    #[inline]
    fn current(&self) -> Option<Unfiltered<'_>> {
        each!(self, stream => UnfilteredStream::current(stream))
    }

    #[inline]
    fn is_at_row(&self) -> bool {
        each!(self, stream => UnfilteredStream::is_at_row(stream))
    }
}

impl View {
    /// The rows of slices of one partition, merged.
    pub(crate) fn partition(
        &self,
        key: &SearchKey,
        slices: &Slices,
        direction: Direction,
        static_row: StaticRow,
    ) -> Result<Merge<Source>> {
        let order = &self.state.header.clustering;
        let mut sources = Vec::new();
        for memtable in &self.memtables {
            if let Some(snapshot) = memtable.partition(key.token(), key.key()) {
                let stream = SnapshotStream::new(self.state.header.clone(), snapshot, slices, direction);
                sources.push((self.state.own.clone(), Source::Snapshot(stream)));
            }
        }
        for live in &self.sstables {
            if live.excludes(key.token()) {
                continue;
            }
            let table = live.sstable()?;
            if !table.may_hold(key) {
                continue;
            }
            // A file whose rows all lie outside the slices still counts for its partition deletion
            // and statics.
            let has_static = static_row == StaticRow::Wanted && !table.header().statics.is_empty();
            if !has_static
                && !table.stats().has_partition_level_deletions
                && !slices.iter().any(|slice| table.may_cover(slice, order))
            {
                continue;
            }
            if let Some(stream) = table.partition(key, slices, direction, static_row, order)? {
                sources.push((live.map()?.cloned(), Source::Partition(Box::new(stream))));
            }
        }
        Ok(Merge::with_maps(self.state.header.clone(), sources))
    }

    /// All partitions with a token in the range, merged.
    ///
    /// With a key, only those after its partition, whose token begins the range.
    pub(crate) fn scan(&self, tokens: &RangeInclusive<Token>, after: Option<&[u8]>) -> Result<Merge<Source>> {
        let mut sources = Vec::new();
        for memtable in self.memtables.iter().filter(|m| !m.is_empty()) {
            let scan = memtable.scan(tokens.clone());
            let scan = match after {
                Some(key) => scan.after(*tokens.start(), key),
                None => scan,
            };
            sources.push((self.state.own.clone(), Source::Memtable(scan)));
        }
        let everything = *tokens.start() == Token::MIN && *tokens.end() == Token::MAX;
        for live in &self.sstables {
            let to = match *tokens.end() {
                Token::MAX => PartitionBound::Top,
                end => PartitionBound::AfterToken(end),
            };
            let scan = match after {
                Some(key) => live.sstable()?.scan_range(PartitionBound::AfterKey(key), to)?,
                None if everything => live.sstable()?.scan(),
                None => live.sstable()?.scan_range(PartitionBound::BeforeToken(*tokens.start()), to)?,
            };
            sources.push((live.map()?.cloned(), Source::Table(Box::new(scan))));
        }
        Ok(Merge::with_maps(self.state.header.clone(), sources))
    }
}

/// The merged result of a point read.
#[derive(Debug)]
pub(crate) struct PointRow<'a> {
    pub(crate) row: Option<RowRef<'a>>,
    pub(crate) static_row: Option<RowRef<'a>>,
}

impl PointReader {
    /// Reads one row, and the static row if it is wanted.
    pub(crate) fn read<'a>(
        &'a mut self,
        view: &View,
        header: &'a Header,
        key: &SearchKey,
        clustering: &[u8],
        with_static: bool,
    ) -> Result<PointRow<'a>> {
        self.has_row = false;
        // Taken once: what a batch did to both rows is seen in both or in neither.
        let snapshots = snapshots(view, key);
        self.has_static =
            with_static && !header.statics.is_empty() && self.read_static(view, &snapshots, header, key)?;
        let mut versions: SmallVec<[RowSource<'_>; 8]> = SmallVec::new();
        let mut active = DeletionTime::LIVE;
        let own = view.state.own.as_deref();
        for snapshot in &snapshots {
            let (rows, range_deletion) = snapshot.row(&view.state.header, clustering);
            active = active.merge(snapshot.deletion()).merge(range_deletion);
            versions.extend(rows.map(|row| RowSource { row, map: own }));
        }
        self.readers.resize_with(view.sstables.len().max(self.readers.len()), RowReader::new);
        let wanted = self.wanted.as_deref();
        let mut complete_from = complete_from(&versions, wanted)?;
        let row = Slice {
            start: Bound { kind: BoundKind::InclStart, size: header.clustering.len(), values: clustering },
            end: Bound { kind: BoundKind::InclEnd, size: header.clustering.len(), values: clustering },
        };
        for (live, reader) in view.sstables.iter().zip(&mut self.readers) {
            let newest_there = live.max_timestamp();
            if active.deletes(newest_there) || complete_from.is_some_and(|oldest| oldest > newest_there) {
                // Files come newest first: neither this one nor a later one can change the row.
                break;
            }
            if live.excludes(key.token()) {
                continue;
            }
            let table = live.sstable()?;
            if !table.may_cover(row, &header.clustering) && !table.stats().has_partition_level_deletions {
                // All its rows and range deletions are elsewhere: the usual case if clusterings
                // rise with time.
                continue;
            }
            let Some(point) = reader.row(table, key, clustering, &header.clustering)? else { continue };
            active = active.merge(point.partition_deletion).merge(point.range_deletion);
            if let Some(row) = point.row {
                let map = live.map()?.map(|map| &**map);
                versions.push(RowSource { row, map });
                complete_from = if map.is_none() {
                    complete_from.max(complete_row(&row, wanted)?)
                } else {
                    complete_from
                };
            }
        }
        self.has_row = !versions.is_empty()
            && self.merger.merge(&versions, active, header, &mut self.row).map_err(StreamError::from)?;
        drop(versions);
        Ok(self.found(header))
    }

    /// The last result of [`read`](Self::read).
    pub(crate) fn found<'a>(&'a self, header: &'a Header) -> PointRow<'a> {
        PointRow {
            row: self.has_row.then(|| self.row.as_ref(header)),
            static_row: self.has_static.then(|| self.static_row.as_ref(header)),
        }
    }

    /// Reads the static row alone.
    pub(crate) fn static_row<'a>(
        &'a mut self,
        view: &View,
        header: &'a Header,
        key: &SearchKey,
    ) -> Result<Option<RowRef<'a>>> {
        self.has_row = false;
        self.has_static =
            !header.statics.is_empty() && self.read_static(view, &snapshots(view, key), header, key)?;
        Ok(self.found(header).static_row)
    }

    /// Merges the static row into its buffer; false when there is none.
    fn read_static(
        &mut self,
        view: &View,
        snapshots: &[PartitionSnapshot],
        header: &Header,
        key: &SearchKey,
    ) -> Result<bool> {
        let mut versions: SmallVec<[RowSource<'_>; 8]> = SmallVec::new();
        let mut active = DeletionTime::LIVE;
        for snapshot in snapshots {
            active = active.merge(snapshot.deletion());
            let rows = snapshot.static_row(&view.state.header);
            versions.extend(rows.map(|row| RowSource { row, map: view.state.own.as_deref() }));
        }
        self.readers.resize_with(view.sstables.len().max(self.readers.len()), RowReader::new);
        for (live, reader) in view.sstables.iter().zip(&mut self.readers) {
            if live.excludes(key.token()) {
                continue;
            }
            let Some(point) = reader.partition(live.sstable()?, key)? else { continue };
            active = active.merge(point.deletion);
            if let Some(row) = point.static_row {
                versions.push(RowSource { row, map: live.map()?.map(|map| &**map) });
            }
        }
        Ok(!versions.is_empty()
            && self
                .merger
                .merge(&versions, active, header, &mut self.static_row)
                .map_err(StreamError::from)?)
    }
}

/// A partition as the memtables have it at this moment.
fn snapshots(view: &View, key: &SearchKey) -> SmallVec<[PartitionSnapshot; 4]> {
    view.memtables.iter().filter_map(|memtable| memtable.partition(key.token(), key.key())).collect()
}

/// The newest of the versions' [`complete_row`]s. What goes through a map may lack a column in the
/// end.
fn complete_from(versions: &[RowSource<'_>], wanted: Option<&ColumnFilter>) -> Result<Option<Timestamp>> {
    let mut newest = None;
    for version in versions.iter().filter(|version| version.map.is_none()) {
        newest = newest.max(complete_row(&version.row, wanted)?);
    }
    Ok(newest)
}

/// The oldest timestamp in a row that has everything wanted: liveness and a cell in every wanted
/// column, none of them complex or a counter. Older data cannot change what is shown. `None` for
/// any other row.
///
/// If not all columns are wanted the liveness must not expire: without it a cell of another column,
/// in older data, could make the row visible.
fn complete_row(row: &RowRef<'_>, wanted: Option<&ColumnFilter>) -> Result<Option<Timestamp>> {
    let columns = row.columns();
    let is_wanted = |index| wanted.is_none_or(|wanted| wanted.wants(false, index));
    let mut sought = 0;
    for (_, column) in columns.as_slice().iter().enumerate().filter(|(index, _)| is_wanted(*index)) {
        if column.complex || column.counter {
            return Ok(None);
        }
        sought += 1;
    }
    let mut cells = row.cells()?;
    let liveness = cells.liveness();
    if liveness == LivenessInfo::EMPTY || (sought < columns.len() && liveness.is_expiring()) {
        return Ok(None);
    }
    let mut oldest = liveness.timestamp;
    let mut count = 0;
    while let Some(event) = cells.next()? {
        if let CellEvent::Simple { column, cell } = event
            && is_wanted(column)
        {
            oldest = oldest.min(cell.timestamp);
            count += 1;
        }
    }
    Ok((count == sought).then_some(oldest))
}
