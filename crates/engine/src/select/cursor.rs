//! The cursor over a query's result.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use helenus_rows::{
    CompactStorage, LiveRow, Merge, Slices, StreamError, TableSchema, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{SearchKey, StaticRow};
use smallvec::SmallVec;

use super::owned::OwnedRow;
use super::plan::ReadPlan;
use super::position::RowPosition;
use super::projection::Projection;
use super::query::Select;
use super::row::RowView;
use super::scratch::Scratch;
use super::view_stream::ViewStream;
use crate::engine::{Lookup, PointRow, Source, View};
use crate::error::{Error, ErrorKind, Result};
use crate::table::Table;

/// The rows of a query's result, one at a time: a lending cursor. It reads the memtables and the
/// SSTables that were there at the beginning of the query: an open cursor continues even if the
/// database is closed or the table dropped. A partition is seen in one state, the one in which the
/// cursor finds it: writes to partitions that it has not come to may show.
///
/// Its iterator returns copies, [`OwnedRow`]s.
#[derive(Debug)]
pub struct Rows {
    plan: ReadPlan,
    /// Keeps the database open.
    _table: Table,
    view: Arc<View>,
    now: u32,
    /// For single rows; anything else is merged.
    lookup: Option<Lookup>,
    merge: Option<Merge<Source>>,
    stage: Stage,
    /// The next of the keys.
    next_key: usize,
    shown_of_partition: u64,
    /// Whether the partition has a visible row, shown or not.
    has_row: bool,
    /// Whether none of the partition's rows was shown on this page.
    is_new_partition: bool,
    /// Whether rows of the partition are left out by their clustering: then it doesn't show its
    /// static row alone.
    is_restricted: bool,
    left: usize,
    shown: Shown,
    last: Last,
    scratch: Scratch,
    examined: u64,
}

/// The place of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the partition in which the page before ended.
    Begun,
    /// Between partitions.
    Between,
    Inside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Row,
    StaticOnly,
}

/// The row that was shown last.
#[derive(Debug)]
struct Last {
    shown: Shown,
    /// Rows of its partition that were shown, with it.
    shown_of_partition: u64,
    key: SmallVec<[u8; 48]>,
    clustering: SmallVec<[u8; 48]>,
}

impl Rows {
    fn new(select: &Select) -> Result<Self> {
        let view = select.view()?;
        let plan = ReadPlan::new(select, &view)?;
        select.table.core.counters.reads.fetch_add(1, Relaxed);
        let is_nothing = plan.slices.is_empty();
        Ok(Self {
            now: select.now_seconds.unwrap_or_else(|| select.table.set.now_seconds()),
            lookup: plan.single().is_some().then(|| Lookup::new(view.clone(), plan.wanted.clone())),
            merge: None,
            stage: if plan.begun.is_some() { Stage::Begun } else { Stage::Between },
            next_key: 0,
            shown_of_partition: 0,
            has_row: false,
            is_new_partition: true,
            is_restricted: !plan.slices.is_all(),
            left: if is_nothing { 0 } else { plan.limit },
            shown: Shown::Nothing,
            last: Last {
                shown: Shown::Nothing,
                shown_of_partition: 0,
                key: SmallVec::new(),
                clustering: SmallVec::new(),
            },
            scratch: Scratch::default(),
            examined: 0,
            _table: select.table.clone(),
            plan,
            view,
        })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// Damage or failed reads; an error of the query's filter.
    #[expect(clippy::should_implement_trait, reason = "rows are lent, an iterator would have to copy them")]
    pub fn next(&mut self) -> Result<Option<RowView<'_>>> {
        self.shown = Shown::Nothing;
        self.scratch.clear();
        if self.left == 0 {
            return Ok(None);
        }
        self.shown = if self.lookup.is_some() { self.next_single_row()? } else { self.next_merged_row()? };
        if self.shown == Shown::Nothing {
            return Ok(None);
        }
        self.left -= 1;
        self.remember();
        self.view()
    }

    /// The last row that [`next`](Self::next) returned, on this page or, if it has none, on the one
    /// before: the next page begins after it. `None` before the first row of the query.
    pub fn position(&self) -> Option<RowPosition> {
        let Last { shown, shown_of_partition, key, clustering } = &self.last;
        match shown {
            Shown::Nothing => self.plan.after.clone(),
            Shown::Row => Some(RowPosition::new(key, Some(clustering), *shown_of_partition)),
            Shown::StaticOnly => Some(RowPosition::new(key, None, *shown_of_partition)),
        }
    }

    /// The schema of the rows.
    pub fn schema(&self) -> &TableSchema {
        &self.view.state.schema
    }

    /// The second that the rows are read at.
    pub fn now_seconds(&self) -> u32 {
        self.now
    }

    /// Number of rows and markers of range deletions that were read so far, merged, shown or not:
    /// the query's cost, independent of its result.
    pub fn examined(&self) -> u64 {
        self.examined
    }

    /// Finds the row in the next partition that has it.
    fn next_single_row(&mut self) -> Result<Shown> {
        let strict = self.view.state.schema.strict_liveness();
        loop {
            let (Some(clustering), Some(lookup)) = (self.plan.single(), &mut self.lookup) else {
                return Ok(Shown::Nothing);
            };
            let Some(named) = self.plan.named().and_then(|named| named.get(self.next_key)) else {
                return Ok(Shown::Nothing);
            };
            self.next_key += 1;
            self.examined += 1;
            if !lookup.find(self.plan.key_of(named), clustering)? {
                continue;
            }
            let lookup = self.lookup.as_ref();
            let found = lookup.and_then(|lookup| lookup.found(&self.view.state.header));
            let Some((key, PointRow { row: Some(row), .. })) = found else { continue };
            if LiveRow::is_visible(&row, self.now, strict).map_err(StreamError::from)?
                && self.passes(Shown::Row)?
            {
                self.shown_of_partition = 1;
                self.last.key.clear();
                self.last.key.extend_from_slice(key);
                self.last.clustering = SmallVec::from_slice(row.clustering);
                return Ok(Shown::Row);
            }
        }
    }

    /// Moves to the next row that a merge of partitions shows.
    fn next_merged_row(&mut self) -> Result<Shown> {
        loop {
            if self.stage != Stage::Inside && !self.next_partition()? {
                return Ok(Shown::Nothing);
            }
            if self.shown_of_partition < self.plan.limit_per_partition {
                let shown = self.next_of_partition()?;
                if shown != Shown::Nothing {
                    self.shown_of_partition += 1;
                    return Ok(shown);
                }
            }
            self.stage = Stage::Between;
        }
    }

    /// Enters the next partition; false after the last.
    fn next_partition(&mut self) -> Result<bool> {
        self.shown_of_partition = 0;
        self.has_row = false;
        self.is_new_partition = true;
        self.is_restricted = !self.plan.slices.is_all();
        if self.stage == Stage::Begun {
            self.stage = Stage::Between;
            if let (Some(after), Some(slices)) = (self.plan.after.clone(), self.plan.begun.take()) {
                self.shown_of_partition = after.shown_of_partition();
                self.has_row = true;
                if self.enter(after.partition_key(), &slices)? {
                    return Ok(true);
                }
                // Nothing of its rest is there, and nothing of it holds for the next one.
                self.shown_of_partition = 0;
                self.has_row = false;
                self.is_restricted = !self.plan.slices.is_all();
            }
        }
        if self.plan.named().is_some() {
            return self.next_named_partition();
        }
        if self.next_key == 0 {
            // A scan is one key.
            self.next_key = 1;
            let after = self.plan.after.as_ref().map(RowPosition::partition_key);
            let tokens = self.plan.tokens().cloned();
            let scan = tokens.map(|tokens| self.view.scan(&tokens, after)).transpose()?;
            self.merge = scan.map(|scan| scan.wanting(self.plan.wanted.clone()));
        }
        let Some(merge) = &mut self.merge else { return Ok(false) };
        let found = merge.next_partition()?;
        self.stage = if found { Stage::Inside } else { Stage::Between };
        Ok(found)
    }

    fn next_named_partition(&mut self) -> Result<bool> {
        while let Some(named) = self.plan.named().and_then(|named| named.get(self.next_key)) {
            self.next_key += 1;
            let key = self.plan.key_of(named).to_vec();
            let slices = self.plan.slices_of(named).clone();
            if self.enter(&key, &slices)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Enters a partition, if it is there.
    fn enter(&mut self, key: &[u8], slices: &Slices) -> Result<bool> {
        let key = SearchKey::of(self.view.state.header.partitioner.clone(), key);
        self.is_restricted = !slices.is_all();
        let static_row = self.plan.static_row(!self.has_row && !self.is_restricted);
        let merge = self.view.partition(&key, slices, self.plan.direction, static_row)?;
        let merge = self.merge.insert(merge.wanting(self.plan.wanted.clone()));
        let found = merge.next_partition()?;
        self.stage = if found { Stage::Inside } else { Stage::Between };
        Ok(found)
    }

    /// Moves to the next row of the partition that is shown, or to its static row if it has no
    /// other.
    fn next_of_partition(&mut self) -> Result<Shown> {
        let strict = self.view.state.schema.strict_liveness();
        // Rows of such a table are columns that another protocol created on the fly: CQL shows only
        // the defined ones.
        let has_rows = self.view.state.schema.compact() != Some(CompactStorage::Static);
        let is_scan_of_slices = self.plan.is_scan_of_slices();
        loop {
            let Some(merge) = &mut self.merge else { return Ok(Shown::Nothing) };
            if !has_rows || !merge.advance()? {
                break;
            }
            self.examined += 1;
            let Some(Unfiltered::Row(row)) = self.merge.as_ref().and_then(Merge::current) else { continue };
            if !LiveRow::is_visible(&row, self.now, strict).map_err(StreamError::from)? {
                continue;
            }
            if is_scan_of_slices && self.plan.slices.find(&row.header.clustering, row.position()).is_err() {
                continue;
            }
            self.has_row = true;
            if self.passes(Shown::Row)? {
                self.last.clustering = SmallVec::from_slice(row.clustering);
                return Ok(Shown::Row);
            }
        }
        self.static_row_alone()
    }

    /// Whether the partition is shown for its static row: it has no other, and none was asked for.
    fn static_row_alone(&self) -> Result<Shown> {
        if self.has_row || self.shown_of_partition > 0 || self.is_restricted {
            return Ok(Shown::Nothing);
        }
        let is_live =
            |row| LiveRow::of_any(row, self.now).and_then(|mut live| live.next().map(|cell| cell.is_some()));
        let static_row = self.merge.as_ref().and_then(|merge| merge.static_row());
        let is_there = static_row.map(is_live).transpose().map_err(StreamError::from)?.unwrap_or(false);
        Ok(if is_there && self.passes(Shown::StaticOnly)? { Shown::StaticOnly } else { Shown::Nothing })
    }

    /// Whether the cursor's current row passes the query's filter.
    #[inline]
    fn passes(&self, shown: Shown) -> Result<bool> {
        match &self.plan.filter {
            None => Ok(true),
            Some(filter) => match self.view_of(shown, None) {
                Some(view) => (filter.test)(&view),
                None => Ok(false),
            },
        }
    }

    /// Remembers the row that is about to be shown: at the cursor's end the sources have moved past
    /// it. A row's clustering was remembered when the row was current.
    #[inline]
    fn remember(&mut self) {
        let last = &mut self.last;
        last.shown = self.shown;
        last.shown_of_partition = self.shown_of_partition;
        if let Some(merge) = &self.merge
            && self.is_new_partition
        {
            self.is_new_partition = false;
            last.key.clear();
            last.key.extend_from_slice(merge.partition().key);
        }
    }

    #[expect(clippy::inline_always, reason = "a view is larger than what it is made of")]
    #[inline(always)]
    fn view(&self) -> Result<Option<RowView<'_>>> {
        Ok(self.view_of(self.shown, self.plan.projection.as_ref()))
    }

    #[expect(clippy::inline_always, reason = "a view is larger than what it is made of")]
    #[inline(always)]
    fn view_of<'a>(&'a self, shown: Shown, projection: Option<&'a Arc<Projection>>) -> Option<RowView<'a>> {
        let state = &self.view.state;
        let (key, row, static_row) = match (&self.lookup, &self.merge) {
            (Some(lookup), _) => {
                let (key, PointRow { row, static_row }) = lookup.found(&state.header)?;
                (key, row, static_row)
            }
            (None, Some(merge)) => {
                let row = match (shown, merge.current()) {
                    (Shown::Row, Some(Unfiltered::Row(row))) => Some(row),
                    _ => None,
                };
                (merge.partition().key, row, merge.static_row())
            }
            (None, None) => return None,
        };
        Some(RowView { state, key, row, static_row, projection, scratch: &self.scratch, now: self.now })
    }
}

impl Select {
    /// The stored data, merged, with everything that a query hides: partition deletions, tombstones
    /// and expired cells of rows, range tombstone markers. Of all partitions, of a range of tokens,
    /// or of one partition or slices of it, in either direction; limits, columns, the filter and
    /// [`after`](Self::after) don't apply.
    ///
    /// # Errors
    /// As [`rows`](Self::rows); several keys, and rows of partitions that are not named by their
    /// keys.
    pub fn unfiltered(&self) -> Result<Box<dyn UnfilteredStream + Send>> {
        let view = self.view()?;
        let plan = ReadPlan::new(self, &view)?;
        let merge = match plan.named() {
            None if plan.slices.is_all() => view.scan(&self.tokens, None)?,
            Some([named]) => {
                let key = SearchKey::of(view.state.header.partitioner.clone(), plan.key_of(named));
                view.partition(&key, plan.slices_of(named), self.direction, StaticRow::Wanted)?
            }
            _ => {
                return Err(Error::invalid(
                    "an unfiltered stream is of one partition or slices of it, of all partitions, or of a range of tokens",
                ));
            }
        };
        Ok(Box::new(ViewStream::new(merge, view)))
    }

    /// Runs the query. The returned rows own their data: they may outlive the query and go to
    /// another thread.
    ///
    /// # Errors
    /// A query that is invalid for the table; a position of another query; when the database is
    /// closed or the table dropped; damage or failed reads.
    pub fn rows(&self) -> Result<Rows> {
        Rows::new(self)
    }

    /// Runs the query as [`rows`](Self::rows) does, at the end of a chain of calls that has no more
    /// use for it.
    ///
    /// # Errors
    /// As there.
    pub fn into_rows(self) -> Result<Rows> {
        self.rows()
    }

    /// The table's current view, for a read.
    fn view(&self) -> Result<Arc<View>> {
        self.table.set.check_open()?;
        if self.table.core.dropped.load(Acquire) {
            return Err(Error::new(ErrorKind::NotFound, "the table was dropped"));
        }
        Ok(self.table.core.view.load_full())
    }
}

impl IntoIterator for Rows {
    type Item = Result<OwnedRow>;
    type IntoIter = OwnedRows;

    fn into_iter(self) -> OwnedRows {
        OwnedRows { rows: Some(self) }
    }
}

/// The rows of a query as an iterator of copies. It ends with the first error.
#[derive(Debug)]
pub struct OwnedRows {
    rows: Option<Rows>,
}

impl Iterator for OwnedRows {
    type Item = Result<OwnedRow>;

    fn next(&mut self) -> Option<Result<OwnedRow>> {
        let found = self.rows.as_mut()?.next().map(|row| row.map(|row| row.to_row()));
        if !matches!(found, Ok(Some(_))) {
            self.rows = None;
        }
        found.transpose()
    }
}
