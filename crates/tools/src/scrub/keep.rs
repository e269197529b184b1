//! Writes the rows that are kept: those in order into one SSTable, the others, sorted, into further
//! ones.
//!
//! The row or marker that came last is held back: rows of the same clustering are merged into one
//! (CASSANDRA-12144), and a range deletion of which only the start is known is not written.
//! (Cassandra: `SortedTableScrubber.OrderCheckerIterator`, `RowMergingSSTableIterator`.)

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_compaction::{ExpectedKeys, MultiWriter, OutputShape};
use helenus_io::Disk;
use helenus_rows::{
    Bound, BoundKind, DeletionTime, Header, MarkerRef, PartitionRef, Position, PositionKind, RowBuf,
    RowMerger, RowRef, Unfiltered, merge_rows,
};
use helenus_sstable::{DataFile, SearchKey};

use super::late::{Gathered, MAX_GATHERED_BYTES};
use super::report::{Loss, LostPart, ScrubReport};
use crate::error::ToolError;
use crate::rewrite::StagedOutputs;

/// Writes what is kept, and the report.
pub(super) struct Keeper<'a> {
    pub(super) report: ScrubReport,
    disk: &'a Arc<dyn Disk>,
    outputs: StagedOutputs<'a>,
    header: Arc<Header>,
    /// Whether rows that can't be kept end the scrub.
    keeps_counts: bool,
    /// Writes what is in order.
    writer: MultiWriter,
    /// Whether it is in a partition.
    is_started: bool,
    search: SearchKey,
    /// The last partition that was in order, in byte-comparable form.
    last_comparable: Option<Vec<u8>>,
    held: Held,
    held_row: RowBuf,
    /// Position of what came last, which is what is held if anything is.
    last: Option<(PositionKind, usize)>,
    last_values: Vec<u8>,
    /// The range deletion that is open after the last item.
    open: DeletionTime,
    /// Whether its start is not written yet.
    is_pending: bool,
    /// Data for another output: the partition, or the rest of it.
    gathered: Option<Gathered>,
    late: BTreeMap<Vec<u8>, Gathered>,
    late_bytes: usize,
    merger: RowMerger,
    merged: RowBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Row,
    /// The deletions that it closes and opens.
    Marker(DeletionTime, DeletionTime),
}

impl<'a> Keeper<'a> {
    /// Whether rows of counters may be lost comes with the report.
    pub(super) fn new(
        disk: &'a Arc<dyn Disk>,
        source: &DataFile,
        outputs: StagedOutputs<'a>,
        (report, skip_corrupted): (ScrubReport, bool),
    ) -> Keeper<'a> {
        let header = source.header();
        let mut columns = header.statics.as_slice().iter().chain(header.regulars.as_slice());
        let (level, keys) = (outputs.options.level, outputs.options.expected_keys);
        Keeper {
            report,
            keeps_counts: !skip_corrupted && columns.any(|column| column.counter),
            writer: writer(disk, header, level, keys),
            disk,
            is_started: false,
            search: SearchKey::new(outputs.options.partitioner.clone()),
            header: Arc::clone(header),
            outputs,
            last_comparable: None,
            held: Held::Nothing,
            held_row: RowBuf::default(),
            last: None,
            last_values: Vec::new(),
            open: DeletionTime::LIVE,
            is_pending: false,
            gathered: None,
            late: BTreeMap::new(),
            late_bytes: 0,
            merger: RowMerger::default(),
            merged: RowBuf::default(),
        }
    }

    /// Notes a loss.
    ///
    /// # Errors
    /// Where what is left of counters would be less than was counted.
    pub(super) fn lose(&mut self, loss: Loss) -> Result<(), ToolError> {
        if self.keeps_counts {
            return Err(ToolError::CounterLoss { table: self.report.table.clone(), why: loss.why });
        }
        self.report.lose(loss);
        Ok(())
    }

    /// Whether a key is after all that were in order so far.
    pub(super) fn is_behind_last(&self, key: &SearchKey) -> bool {
        self.last_comparable.as_ref().is_none_or(|last| key.comparable() > &**last)
    }

    /// A partition begins.
    pub(super) fn start(
        &mut self,
        partition: PartitionRef<'_>,
        static_row: Option<RowRef<'_>>,
    ) -> Result<(), ToolError> {
        self.search.set(partition.key);
        self.held = Held::Nothing;
        self.last = None;
        self.open = DeletionTime::LIVE;
        self.is_pending = false;
        if !self.is_behind_last(&self.search) {
            self.report.partitions_out_of_order += 1;
            let mut gathered = self.take_late();
            gathered.head(partition.deletion, static_row, &self.header, &mut self.merger)?;
            self.gathered = Some(gathered);
            return Ok(());
        }
        let last = self.last_comparable.get_or_insert_default();
        last.clear();
        last.extend_from_slice(self.search.comparable());
        self.report.unfiltereds += u64::from(static_row.is_some());
        self.is_started = true;
        Ok(self.writer.start_partition(&mut self.outputs, partition, static_row)?)
    }

    /// Takes the data of the current partition that was gathered for another output.
    fn take_late(&mut self) -> Gathered {
        match self.late.remove(self.search.comparable()) {
            Some(gathered) => {
                self.late_bytes = self.late_bytes.saturating_sub(gathered.bytes());
                gathered
            }
            None => Gathered::new(self.search.key()),
        }
    }

    /// The next row or marker of the partition, which stands at `at` of the input.
    pub(super) fn push(&mut self, unfiltered: Unfiltered<'_>, at: u64) -> Result<(), ToolError> {
        match unfiltered {
            Unfiltered::Row(row) => self.row(row, at),
            Unfiltered::Marker(marker) => self.marker(marker, at),
        }
    }

    fn order(&self, position: Position<'_>) -> Ordering {
        self.last.map_or(Ordering::Less, |(kind, size)| {
            let last = Position { kind, size, values: &self.last_values };
            self.header.clustering.compare(last, position)
        })
    }

    fn set_last(&mut self, position: Position<'_>) {
        self.last = Some((position.kind, position.size));
        self.last_values.clear();
        self.last_values.extend_from_slice(position.values);
    }

    fn row(&mut self, row: RowRef<'_>, at: u64) -> Result<(), ToolError> {
        if self.gathered.is_none() {
            match self.order(row.position()) {
                Ordering::Less => {
                    self.flush()?;
                    if self.is_pending {
                        self.is_pending = false;
                        let start = Bound {
                            kind: BoundKind::InclStart,
                            size: self.header.clustering.len(),
                            values: row.clustering,
                        };
                        self.write_marker(start, DeletionTime::LIVE, self.open)?;
                    }
                    self.set_last(row.position());
                    self.held_row.assign(row);
                    self.held = Held::Row;
                    return Ok(());
                }
                Ordering::Equal if self.held == Held::Row => return self.merge(row),
                _ => self.gather(row.position(), at)?,
            }
        }
        self.report.rows_out_of_order += 1;
        if let Some(gathered) = &mut self.gathered {
            gathered.row(row);
        }
        self.spill_if_full()
    }

    /// Merges a row with the one that is held.
    fn merge(&mut self, row: RowRef<'_>) -> Result<(), ToolError> {
        let versions = [self.held_row.as_ref(&self.header), row];
        let merged =
            merge_rows(&mut self.merger, &versions, DeletionTime::LIVE, &self.header, &mut self.merged);
        if merged.map_err(helenus_rows::StreamError::from)? {
            std::mem::swap(&mut self.held_row, &mut self.merged);
        }
        self.report.duplicates += 1;
        Ok(())
    }

    fn marker(&mut self, marker: MarkerRef<'_>, at: u64) -> Result<(), ToolError> {
        if self.gathered.is_none() {
            // Between two deletions that are the same nothing changes.
            if marker.close == marker.open && marker.close == self.open {
                return Ok(());
            }
            if self.order(marker.bound.position()).is_lt() {
                return self.marker_in_order(marker, at);
            }
            self.gather(marker.bound.position(), at)?;
        }
        if let Some(gathered) = &mut self.gathered {
            gathered.marker(&marker, &self.header.clustering);
        }
        self.spill_if_full()
    }

    fn marker_in_order(&mut self, marker: MarkerRef<'_>, at: u64) -> Result<(), ToolError> {
        if marker.close != self.open {
            self.turn(marker.close, at)?;
        }
        let MarkerRef { bound, mut close, open } = marker;
        if std::mem::take(&mut self.is_pending) {
            // The range that this ends has no start: it is only certain that it covered the row
            // whose end is here.
            let start = Bound { kind: BoundKind::InclStart, ..bound };
            let is_row = bound.size == self.header.clustering.len()
                && bound.kind.side() == PositionKind::After
                && self.order(start.position()).is_lt();
            if is_row {
                self.flush()?;
                self.write_marker(start, DeletionTime::LIVE, close)?;
            } else {
                close = DeletionTime::LIVE;
            }
        }
        self.flush()?;
        self.open = open;
        if close != open {
            self.set_last(bound.position());
            self.held = Held::Marker(close, open);
        }
        Ok(())
    }

    /// From here on another range deletion is open, of which it isn't known where it began; nor is
    /// it where the last one ended.
    pub(super) fn turn(&mut self, open: DeletionTime, at: u64) -> Result<(), ToolError> {
        if open == self.open || self.gathered.is_some() {
            return Ok(());
        }
        self.lose(Loss {
            part: LostPart::RangeDeletion,
            key: Some(self.search.key().to_vec()),
            start: at,
            end: at,
            why: "an end of it can't be read".to_owned(),
        })?;
        if !self.open.is_live() && !self.is_pending {
            match self.held {
                Held::Marker(close, _) if close.is_live() => self.held = Held::Nothing,
                Held::Marker(close, _) => self.held = Held::Marker(close, DeletionTime::LIVE),
                Held::Row => {
                    self.flush()?;
                    let values = std::mem::take(&mut self.last_values);
                    let end = Bound {
                        kind: BoundKind::InclEnd,
                        size: self.header.clustering.len(),
                        values: &values,
                    };
                    self.write_marker(end, self.open, DeletionTime::LIVE)?;
                    self.set_last(end.position());
                }
                Held::Nothing => {}
            }
        }
        self.open = open;
        self.is_pending = !open.is_live();
        Ok(())
    }

    /// The rest of the partition goes into another output, from a position on that lies before the
    /// last one.
    fn gather(&mut self, position: Position<'_>, at: u64) -> Result<(), ToolError> {
        let open = self.open;
        self.turn(DeletionTime::LIVE, at)?;
        self.flush()?;
        let mut gathered = self.take_late();
        gathered.open_at(position, open);
        self.gathered = Some(gathered);
        Ok(())
    }

    /// Writes what is held.
    fn flush(&mut self) -> Result<(), ToolError> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => Ok(()),
            Held::Row => {
                self.writer.append(Unfiltered::Row(self.held_row.as_ref(&self.header)))?;
                self.report.unfiltereds += 1;
                Ok(())
            }
            Held::Marker(close, open) => {
                let Some((side, size)) = self.last else { return Ok(()) };
                let values = std::mem::take(&mut self.last_values);
                let written = self.write_marker(
                    Bound { kind: BoundKind::start(side), size, values: &values },
                    close,
                    open,
                );
                self.last_values = values;
                written
            }
        }
    }

    /// Writes a marker at the side of a bound, of the kind that the deletions make it.
    fn write_marker(
        &mut self,
        bound: Bound<'_>,
        close: DeletionTime,
        open: DeletionTime,
    ) -> Result<(), ToolError> {
        let side = bound.kind.side();
        let kind = match (close.is_live(), open.is_live()) {
            (true, true) => return Ok(()),
            (true, false) => BoundKind::start(side),
            (false, true) => BoundKind::end(side),
            (false, false) => BoundKind::boundary(side),
        };
        self.writer.append(Unfiltered::Marker(MarkerRef { bound: Bound { kind, ..bound }, close, open }))?;
        self.report.unfiltereds += 1;
        Ok(())
    }

    /// Ends the partition, of which the input has nothing more from `at` on.
    pub(super) fn end(&mut self, at: u64) -> Result<(), ToolError> {
        if self.gathered.is_none() {
            self.turn(DeletionTime::LIVE, at)?;
            self.flush()?;
        }
        if let Some(mut gathered) = self.gathered.take() {
            gathered.end();
            self.keep_late(gathered)?;
        }
        if std::mem::take(&mut self.is_started) {
            let before = self.writer.key_count();
            self.writer.end_partition()?;
            self.report.partitions += self.writer.key_count() - before;
        }
        Ok(())
    }

    fn keep_late(&mut self, gathered: Gathered) -> Result<(), ToolError> {
        self.late_bytes += gathered.bytes();
        self.late.insert(self.search.comparable().to_vec(), gathered);
        if self.late_bytes > MAX_GATHERED_BYTES { self.write_late() } else { Ok(()) }
    }

    fn spill_if_full(&mut self) -> Result<(), ToolError> {
        let is_full = |gathered: &mut Gathered| gathered.bytes() > MAX_GATHERED_BYTES;
        if let Some(full) = self.gathered.take_if(is_full) {
            let rest = full.rest();
            self.keep_late(full)?;
            self.gathered = Some(rest);
        }
        Ok(())
    }

    /// Writes what was gathered into an output of its own.
    fn write_late(&mut self) -> Result<(), ToolError> {
        let late = std::mem::take(&mut self.late);
        self.late_bytes = 0;
        if late.is_empty() {
            return Ok(());
        }
        let mut writer = writer(self.disk, &self.header, 0, late.len() as u64);
        for mut gathered in late.into_values() {
            let written = gathered.write(&mut writer, &mut self.outputs, &self.header, &mut self.merger);
            self.report.unfiltereds += written?;
        }
        self.report.partitions += writer.key_count();
        self.finish_writer(writer)
    }

    fn finish_writer(&mut self, mut writer: MultiWriter) -> Result<(), ToolError> {
        if self.report.is_lossy() {
            // A repair must bring back what is lost here.
            writer.mark_unrepaired();
        }
        let written = writer.finish()?.into_iter();
        self.report.outputs.extend(written.map(|table| self.outputs.dir.in_place(table)));
        Ok(())
    }

    /// Completes the outputs.
    pub(super) fn finish(mut self) -> Result<ScrubReport, ToolError> {
        let unused = writer(self.disk, &self.header, 0, 0);
        let in_order = std::mem::replace(&mut self.writer, unused);
        self.finish_writer(in_order)?;
        self.write_late()?;
        Ok(self.report)
    }
}

/// A writer of one output.
fn writer(disk: &Arc<dyn Disk>, header: &Arc<Header>, level: u32, keys: u64) -> MultiWriter {
    let shape = OutputShape { level, ..OutputShape::default() };
    MultiWriter::new(disk, Arc::clone(header), shape, ExpectedKeys::Each(keys))
}
