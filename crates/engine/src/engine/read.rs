//! The read paths: a point read as one straight function, a slice and a scan as merged streams.

use std::ops::RangeInclusive;
use std::sync::Arc;

use helenus_memtable::{MemtableScan, PartitionSnapshot, SnapshotStream};
use helenus_rows::{
    Bound, BoundKind, CellEvent, DeletionTime, Direction, Header, LivenessInfo, Merge, PartitionRef, RowBuf,
    RowMerger, RowRef, RowSource, Slice, StreamError, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{PartitionBound, PartitionStream, RowReader, Scan, SearchKey};
use helenus_types::{Timestamp, Token};
use smallvec::SmallVec;

use super::table::View;
use crate::error::Result;

/// Where a merged stream's rows come from.
#[derive(Debug)]
pub(crate) enum Source<'q> {
    Snapshot(SnapshotStream),
    Memtable(MemtableScan),
    Partition(Box<PartitionStream<'q>>),
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

impl UnfilteredStream for Source<'_> {
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
}

impl View {
    /// The rows of a slice of one partition, merged.
    pub(crate) fn partition<'q>(
        &self,
        key: &SearchKey,
        slice: Slice<'q>,
        direction: Direction,
    ) -> Result<Merge<Source<'q>>> {
        let mut sources = Vec::new();
        for memtable in &self.memtables {
            if let Some(snapshot) = memtable.partition(key.token(), key.key()) {
                let stream = SnapshotStream::new(self.state.header.clone(), snapshot, slice, direction);
                sources.push((None, Source::Snapshot(stream)));
            }
        }
        for live in &self.sstables {
            let table = &live.sstable;
            if !table.may_hold(key) {
                continue;
            }
            // A file whose rows all lie outside the slice still counts for its partition deletion and statics.
            let in_slice = table.may_cover(slice);
            if !in_slice && !table.stats().has_partition_level_deletions && table.header().statics.is_empty()
            {
                continue;
            }
            if let Some(stream) = table.partition(key, &[slice], direction)? {
                sources.push((live.map.clone(), Source::Partition(Box::new(stream))));
            }
        }
        Ok(Merge::with_maps(self.state.header.clone(), sources))
    }

    /// All partitions with a token in the range, merged.
    pub(crate) fn scan<'q>(&self, tokens: &RangeInclusive<Token>) -> Result<Merge<Source<'q>>> {
        let mut sources = Vec::new();
        for memtable in self.memtables.iter().filter(|m| !m.is_empty()) {
            sources.push((None, Source::Memtable(memtable.scan(tokens.clone()))));
        }
        let everything = *tokens.start() == Token::MIN && *tokens.end() == Token::MAX;
        for live in &self.sstables {
            let scan = if everything {
                live.sstable.scan()
            } else {
                let from = PartitionBound::BeforeToken(*tokens.start());
                live.sstable.scan_range(from, PartitionBound::AfterToken(*tokens.end()))?
            };
            sources.push((live.map.clone(), Source::Table(Box::new(scan))));
        }
        Ok(Merge::with_maps(self.state.header.clone(), sources))
    }
}

/// Buffers of point reads, used again and again.
#[derive(Debug, Default)]
pub(crate) struct PointReader {
    readers: Vec<RowReader>,
    merger: RowMerger,
    row: RowBuf,
    has_row: bool,
    static_row: RowBuf,
    has_static: bool,
}

/// What a point read found, merged.
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
        self.has_static = with_static && !header.statics.is_empty() && self.read_static(view, header, key)?;
        let snapshots: SmallVec<[PartitionSnapshot; 4]> =
            view.memtables.iter().filter_map(|m| m.partition(key.token(), key.key())).collect();
        let mut versions: SmallVec<[RowSource<'_>; 8]> = SmallVec::new();
        let mut active = DeletionTime::LIVE;
        for snapshot in &snapshots {
            let (row, range_deletion) = snapshot.row(&view.state.header, clustering);
            active = active.merge(snapshot.deletion()).merge(range_deletion);
            versions.extend(row.map(RowSource::from));
        }
        self.readers.resize_with(view.sstables.len().max(self.readers.len()), RowReader::new);
        let mut complete_from = complete_from(&versions)?;
        let row = Slice {
            start: Bound { kind: BoundKind::InclStart, size: header.clustering.len(), values: clustering },
            end: Bound { kind: BoundKind::InclEnd, size: header.clustering.len(), values: clustering },
        };
        for (live, reader) in view.sstables.iter().zip(&mut self.readers) {
            let newest_there = live.sstable.max_timestamp();
            if active.deletes(newest_there) || complete_from.is_some_and(|oldest| oldest > newest_there) {
                // Files come newest first: neither this one nor a later one can change the row.
                break;
            }
            if !live.sstable.may_cover(row) && !live.sstable.stats().has_partition_level_deletions {
                // Its rows and range deletions all lie elsewhere: the usual thing where clusterings rise with time.
                continue;
            }
            let Some(point) = reader.row(&live.sstable, key, clustering)? else { continue };
            active = active.merge(point.partition_deletion).merge(point.range_deletion);
            if let Some(row) = point.row {
                versions.push(RowSource { row, map: live.map.as_deref() });
                complete_from =
                    if live.map.is_none() { complete_from.max(complete_row(&row)?) } else { complete_from };
            }
        }
        self.has_row = !versions.is_empty()
            && self.merger.merge(&versions, active, header, &mut self.row).map_err(StreamError::from)?;
        drop(versions);
        Ok(self.found(header))
    }

    /// What [`read`](Self::read) found last.
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
        self.has_static = !header.statics.is_empty() && self.read_static(view, header, key)?;
        Ok(self.found(header).static_row)
    }

    /// Merges the static row into its buffer; false when there is none.
    fn read_static(&mut self, view: &View, header: &Header, key: &SearchKey) -> Result<bool> {
        let snapshots: SmallVec<[PartitionSnapshot; 4]> =
            view.memtables.iter().filter_map(|m| m.partition(key.token(), key.key())).collect();
        let mut versions: SmallVec<[RowSource<'_>; 8]> = SmallVec::new();
        let mut active = DeletionTime::LIVE;
        for snapshot in &snapshots {
            active = active.merge(snapshot.deletion());
            versions.extend(snapshot.static_row(&view.state.header).map(RowSource::from));
        }
        self.readers.resize_with(view.sstables.len().max(self.readers.len()), RowReader::new);
        for (live, reader) in view.sstables.iter().zip(&mut self.readers) {
            let Some(point) = reader.partition(&live.sstable, key)? else { continue };
            active = active.merge(point.deletion);
            if let Some(row) = point.static_row {
                versions.push(RowSource { row, map: live.map.as_deref() });
            }
        }
        Ok(!versions.is_empty()
            && self
                .merger
                .merge(&versions, active, header, &mut self.static_row)
                .map_err(StreamError::from)?)
    }
}

/// The newest of the versions' [`complete_row`]s.
fn complete_from(versions: &[RowSource<'_>]) -> Result<Option<Timestamp>> {
    let mut newest = None;
    for version in versions {
        newest = newest.max(complete_row(&version.row)?);
    }
    Ok(newest)
}

/// The oldest timestamp in a row that has everything a row can have: liveness and a cell in every column, none of
/// them complex or a counter. Older data cannot change it. `None` for any other row.
fn complete_row(row: &RowRef<'_>) -> Result<Option<Timestamp>> {
    let columns = row.columns();
    if columns.simple_count() != columns.len() || columns.as_slice().iter().any(|c| c.counter) {
        return Ok(None);
    }
    let mut cells = row.cells()?;
    let liveness = cells.liveness();
    if liveness == LivenessInfo::EMPTY {
        return Ok(None);
    }
    let mut oldest = liveness.timestamp;
    let mut count = 0;
    while let Some(event) = cells.next()? {
        if let CellEvent::Simple { cell, .. } = event {
            oldest = oldest.min(cell.timestamp);
            count += 1;
        }
    }
    Ok((count == columns.len()).then_some(oldest))
}
