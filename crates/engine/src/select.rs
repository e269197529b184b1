//! Reading rows: what to select, and a cursor over what was found.

use std::ops::{Bound as RangeEnd, Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use helenus_rows::{
    Bound, BoundKind, Cell, ColumnKind, Columns, CompactStorage, Direction, LiveRow, Merge, PositionKind,
    RowRef, Slice, StreamError, TableSchema, Unfiltered, UnfilteredStream,
};
use helenus_sstable::SearchKey;
use helenus_types::{EncodeValue, Token, Type, Value};
use smallvec::SmallVec;

use crate::engine::{Lookup, PointRow, Source, View};
use crate::error::{Error, Result};
use crate::key::{IntoKey, encode_clustering_prefix, encode_partition_key};
use crate::table::Table;

/// A query of one table: which partitions, which rows of them, in what order, how many.
///
/// Nothing is read before [`rows`](Self::rows), which sees the table as it is then. Values that can't be in the
/// table's key make `rows` fail.
#[derive(Clone, Debug)]
pub struct Select {
    table: Table,
    /// Raw keys and the values of the ends, one after the other.
    bytes: Vec<u8>,
    partitions: Partitions,
    start: End,
    end: End,
    direction: Direction,
    limit: usize,
    limit_per_partition: usize,
    after: Option<RowPosition>,
    distinct: bool,
    /// Names of the columns that are wanted; all without.
    columns: Option<Vec<String>>,
    problem: Option<Arc<Error>>,
}

#[derive(Clone, Debug)]
enum Partitions {
    /// Where their keys are in the bytes.
    Keys(SmallVec<[Range<usize>; 1]>),
    Tokens(RangeInclusive<Token>),
}

/// One end of the range of rows.
#[derive(Clone, Debug)]
struct End {
    kind: BoundKind,
    size: usize,
    /// Where its values are in the bytes.
    values: Range<usize>,
}

/// Where a query stopped: the last row that it showed. Another query with [`Select::after`] goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPosition {
    /// Raw partition key.
    pub partition_key: Vec<u8>,
    /// Encoded clustering; `None` for a partition that showed its static row only.
    pub clustering: Option<Vec<u8>>,
}

impl Table {
    /// A query of this table, of all rows as yet.
    pub fn select(&self) -> Select {
        Select {
            table: self.clone(),
            // Enough for a key and a clustering of a few numbers.
            bytes: Vec::with_capacity(64),
            partitions: Partitions::Tokens(Token::MIN..=Token::MAX),
            start: End { kind: BoundKind::InclStart, size: 0, values: 0..0 },
            end: End { kind: BoundKind::InclEnd, size: 0, values: 0..0 },
            direction: Direction::Forward,
            limit: usize::MAX,
            limit_per_partition: usize::MAX,
            after: None,
            distinct: false,
            columns: None,
            problem: None,
        }
    }
}

impl Select {
    /// Only the partition with that key. Called again it adds a partition; they come in the order of the calls.
    #[must_use]
    pub fn key(mut self, key: impl IntoKey) -> Self {
        let begin = self.bytes.len();
        let view = self.table.core.view.load();
        let encoded =
            key.with_values(|values| encode_partition_key(&view.state.schema, values, &mut self.bytes));
        drop(view);
        self.note(encoded);
        let span = begin..self.bytes.len();
        match &mut self.partitions {
            Partitions::Keys(keys) => keys.push(span),
            Partitions::Tokens(_) => self.partitions = Partitions::Keys(std::iter::once(span).collect()),
        }
        self
    }

    /// Only partitions whose token lies in the range.
    #[must_use]
    pub fn tokens(mut self, tokens: RangeInclusive<Token>) -> Self {
        self.partitions = Partitions::Tokens(tokens);
        self
    }

    /// Only rows whose clustering begins with those values.
    #[must_use]
    pub fn prefix(self, values: impl IntoKey) -> Self {
        let mut this = self;
        values.with_values(|values| {
            this.set_start(values, true);
            let End { size, values, .. } = this.start.clone();
            this.end = End { kind: BoundKind::end(PositionKind::After), size, values };
        });
        this
    }

    /// Only rows from those values on, in the table's order: included or not, and given in full or as a prefix,
    /// which then stands for all rows that begin with it.
    #[must_use]
    pub fn from(self, values: RangeEnd<impl IntoKey>) -> Self {
        let mut this = self;
        match values {
            RangeEnd::Included(values) => values.with_values(|values| this.set_start(values, true)),
            RangeEnd::Excluded(values) => values.with_values(|values| this.set_start(values, false)),
            RangeEnd::Unbounded => {}
        }
        this
    }

    /// Only rows up to those values, as for [`from`](Self::from).
    #[must_use]
    pub fn to(self, values: RangeEnd<impl IntoKey>) -> Self {
        let mut this = self;
        match values {
            RangeEnd::Included(values) => values.with_values(|values| this.set_end(values, true)),
            RangeEnd::Excluded(values) => values.with_values(|values| this.set_end(values, false)),
            RangeEnd::Unbounded => {}
        }
        this
    }

    /// Rows against the table's order. Partitions must be named by their keys then.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.direction = Direction::Reverse;
        self
    }

    /// At most so many rows in all.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows;
        self
    }

    /// At most so many rows of each partition.
    #[must_use]
    pub fn limit_per_partition(mut self, rows: usize) -> Self {
        self.limit_per_partition = rows;
        self
    }

    /// One row for each partition that has any, or a static row: its key and its static columns.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self.limit_per_partition = 1;
        self
    }

    /// Goes on behind the row where another run of the same query stopped.
    #[must_use]
    pub fn after(mut self, position: RowPosition) -> Self {
        self.after = Some(position);
        self
    }

    /// Only these static and regular columns: the others read as null. Which rows there are doesn't depend on it, and
    /// keys are always there.
    #[must_use]
    pub fn columns(mut self, names: &[&str]) -> Self {
        self.columns = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// What is stored, merged but not read: partition deletions, rows with their tombstones and expired cells, range
    /// tombstone markers. Of all partitions, of a range of tokens, or of one partition or a slice of it, in either
    /// direction; limits, columns and [`after`](Self::after) don't apply.
    ///
    /// # Errors
    /// Key values of a wrong type or number, several keys; damage or failed reads.
    pub fn unfiltered(&self) -> Result<Box<dyn UnfilteredStream + '_>> {
        self.check()?;
        let view = self.table.core.view.load_full();
        match &self.partitions {
            Partitions::Tokens(tokens) => Ok(Box::new(view.scan(tokens)?)),
            Partitions::Keys(keys) => {
                let [key] = keys.as_slice() else {
                    return Err(Error::invalid(
                        "an unfiltered stream is of one partition, or of a range of tokens",
                    ));
                };
                let key = SearchKey::of(view.state.header.partitioner.clone(), self.bytes_of(key));
                Ok(Box::new(view.partition(&key, self.slice(), self.direction)?))
            }
        }
    }

    /// Runs the query.
    ///
    /// # Errors
    /// Unknown columns; key values of a wrong type or number; damage or failed reads.
    pub fn rows(&self) -> Result<Rows<'_>> {
        self.check()?;
        self.table.core.counters.reads.fetch_add(1, Relaxed);
        let view = self.table.core.view.load_full();
        let comparator = &view.state.header.clustering;
        let slice = self.slice();
        let empty = !comparator.compare(slice.start.position(), slice.end.position()).is_lt();
        let mut rows = Rows {
            select: self,
            now: self.table.db.inner.now_seconds(),
            lookup: self.is_of_single_rows(comparator.len()).then(|| Lookup::new(view.clone())),
            merge: None,
            next_key: 0,
            in_partition: false,
            restricted: self.start.size > 0 || self.end.size > 0,
            shown_of_partition: 0,
            left: if empty { 0 } else { self.limit },
            shown: Shown::Nothing,
            projection: self
                .columns
                .as_deref()
                .map(|names| Projection::new(&view.state.schema, names))
                .transpose()?,
            view,
        };
        rows.open_scan()?;
        Ok(rows)
    }

    /// Refuses what the calls before noticed.
    fn check(&self) -> Result<()> {
        if let Some(problem) = &self.problem {
            return Err(Error::new(problem.kind(), problem.to_string()));
        }
        if self.direction == Direction::Reverse && matches!(self.partitions, Partitions::Tokens(_)) {
            return Err(Error::invalid(
                "rows come in reverse only within partitions that are named by their keys",
            ));
        }
        Ok(())
    }

    /// Whether in every partition one row at most is asked for, by its whole key.
    fn is_of_single_rows(&self, clustering_len: usize) -> bool {
        matches!(self.partitions, Partitions::Keys(_))
            && (self.start.kind, self.end.kind) == (BoundKind::InclStart, BoundKind::InclEnd)
            && (self.start.size, self.end.size) == (clustering_len, clustering_len)
            && self.bytes_of(&self.start.values) == self.bytes_of(&self.end.values)
            && self.limit_per_partition > 0
            && self.after.is_none()
            && !self.distinct
    }

    fn slice(&self) -> Slice<'_> {
        Slice { start: self.bound(&self.start), end: self.bound(&self.end) }
    }

    fn bound(&self, end: &End) -> Bound<'_> {
        Bound { kind: end.kind, size: end.size, values: self.bytes_of(&end.values) }
    }

    fn bytes_of(&self, span: &Range<usize>) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    fn note(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.problem.get_or_insert_with(|| Arc::new(error));
        }
    }

    fn set_start(&mut self, values: &[&dyn EncodeValue], inclusive: bool) {
        let side = if inclusive { PositionKind::Before } else { PositionKind::After };
        self.start = self.end_of(values, BoundKind::start(side));
    }

    fn set_end(&mut self, values: &[&dyn EncodeValue], inclusive: bool) {
        let side = if inclusive { PositionKind::After } else { PositionKind::Before };
        self.end = self.end_of(values, BoundKind::end(side));
    }

    fn end_of(&mut self, values: &[&dyn EncodeValue], kind: BoundKind) -> End {
        let begin = self.bytes.len();
        let view = self.table.core.view.load();
        let encoded = encode_clustering_prefix(&view.state.schema, values, &mut self.bytes);
        drop(view);
        self.note(encoded);
        End { kind, size: values.len(), values: begin..self.bytes.len() }
    }
}

/// The rows that a query found, one at a time: a lending cursor. It holds the table as it was when the query began.
#[derive(Debug)]
pub struct Rows<'q> {
    select: &'q Select,
    view: Arc<View>,
    now: u32,
    /// For single rows; anything else is merged.
    lookup: Option<Lookup>,
    merge: Option<Merge<Source<'q>>>,
    next_key: usize,
    in_partition: bool,
    restricted: bool,
    shown_of_partition: usize,
    left: usize,
    shown: Shown,
    projection: Option<Projection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Row,
    StaticOnly,
}

impl<'q> Rows<'q> {
    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// Damage or failed reads.
    #[expect(clippy::should_implement_trait, reason = "rows are lent, an iterator would have to copy them")]
    pub fn next(&mut self) -> Result<Option<RowView<'_>>> {
        self.shown = Shown::Nothing;
        if self.left == 0 {
            return Ok(None);
        }
        if self.lookup.is_some() {
            return self.next_single_row();
        }
        loop {
            if !self.in_partition {
                if !self.next_partition()? {
                    return Ok(None);
                }
                self.in_partition = true;
                self.shown_of_partition = 0;
            }
            if self.shown_of_partition >= self.select.limit_per_partition {
                self.in_partition = false;
                continue;
            }
            self.shown = self.next_of_partition()?;
            if self.shown != Shown::Nothing {
                self.shown_of_partition += 1;
                self.left -= 1;
                return self.view();
            }
            self.in_partition = false;
        }
    }

    /// Where the cursor stands: the row that [`next`](Self::next) showed last.
    pub fn position(&self) -> Option<RowPosition> {
        if let Some(lookup) = self.lookup.as_ref().filter(|_| self.shown == Shown::Row) {
            let (key, found) = lookup.found(&self.view.state.header)?;
            return Some(RowPosition {
                partition_key: key.to_vec(),
                clustering: Some(found.row?.clustering.to_vec()),
            });
        }
        let merge = self.merge.as_ref()?;
        let clustering = match (self.shown, merge.current()) {
            (Shown::Row, Some(Unfiltered::Row(row))) => Some(row.clustering.to_vec()),
            (Shown::StaticOnly, _) => None,
            _ => return None,
        };
        Some(RowPosition { partition_key: merge.partition().key.to_vec(), clustering })
    }

    /// The schema that the rows are read by.
    pub fn schema(&self) -> &TableSchema {
        &self.view.state.schema
    }

    /// Looks up the row of the next partition that has it.
    fn next_single_row(&mut self) -> Result<Option<RowView<'_>>> {
        let strict = self.view.state.schema.strict_liveness();
        let select = self.select;
        let (Partitions::Keys(keys), Some(lookup)) = (&select.partitions, &mut self.lookup) else {
            return Ok(None);
        };
        let clustering = select.bytes_of(&select.start.values);
        while let Some(key) = keys.get(self.next_key) {
            self.next_key += 1;
            if !lookup.find(select.bytes_of(key), clustering)? {
                continue;
            }
            let Some((_, PointRow { row: Some(row), .. })) = lookup.found(&self.view.state.header) else {
                continue;
            };
            if LiveRow::is_visible(&row, self.now, strict).map_err(StreamError::from)? {
                self.shown = Shown::Row;
                self.left -= 1;
                return self.view();
            }
        }
        Ok(None)
    }

    fn open_scan(&mut self) -> Result<()> {
        if let Partitions::Tokens(tokens) = &self.select.partitions {
            let from = match &self.select.after {
                Some(after) => {
                    let partitioner = &self.view.state.header.partitioner;
                    partitioner.prefix(&after.partition_key).max(*tokens.start())
                }
                None => *tokens.start(),
            };
            self.merge = Some(self.view.scan(&(from..=*tokens.end()))?);
        }
        Ok(())
    }

    fn next_partition(&mut self) -> Result<bool> {
        match &self.select.partitions {
            Partitions::Tokens(_) => loop {
                let Some(merge) = &mut self.merge else { return Ok(false) };
                if !merge.next_partition()? {
                    return Ok(false);
                }
                // The partition where the last run stopped comes again; those before it with its token don't.
                let Some(after) = &self.select.after else { return Ok(true) };
                let partitioner = &self.view.state.header.partitioner;
                if partitioner.compare(merge.partition().key, &after.partition_key).is_ge() {
                    return Ok(true);
                }
            },
            Partitions::Keys(keys) => self.next_named_partition(keys),
        }
    }

    fn next_named_partition(&mut self, keys: &'q [Range<usize>]) -> Result<bool> {
        if self.next_key == 0
            && let Some(after) = &self.select.after
        {
            let is_there = |key: &Range<usize>| self.select.bytes_of(key) == after.partition_key;
            self.next_key = keys.iter().position(is_there).unwrap_or(0);
        }
        while let Some(key) = keys.get(self.next_key) {
            self.next_key += 1;
            let key = SearchKey::of(self.view.state.header.partitioner.clone(), self.select.bytes_of(key));
            let view = self.view.clone();
            let select: &'q Select = self.select;
            let merge = view.partition(&key, select.slice(), select.direction)?;
            let merge = self.merge.insert(merge);
            if merge.next_partition()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves to the next visible row of the partition, or to its static row where there is none.
    fn next_of_partition(&mut self) -> Result<Shown> {
        let strict = self.view.state.schema.strict_liveness();
        // Rows of such a table are columns that another protocol made up as it went: CQL shows the defined ones alone.
        let has_rows = self.view.state.schema.compact() != Some(CompactStorage::Static);
        let select = self.select;
        let Some(merge) = &mut self.merge else { return Ok(Shown::Nothing) };
        while has_rows && merge.advance()? {
            let Some(Unfiltered::Row(row)) = merge.current() else { continue };
            if !LiveRow::is_visible(&row, self.now, strict).map_err(StreamError::from)? {
                continue;
            }
            if !select.after.as_ref().is_some_and(|after| is_behind(after, merge, &row, select.direction)) {
                return Ok(Shown::Row);
            }
            // It was shown by the run before: then the partition's static row was too.
            self.shown_of_partition = self.shown_of_partition.max(usize::from(select.distinct));
            self.restricted = true;
        }
        let static_alone = self.shown_of_partition == 0
            && !self.restricted
            && select.after.as_ref().is_none_or(|after| after.partition_key != merge.partition().key);
        let is_live =
            |row| LiveRow::of_any(row, self.now).and_then(|mut live| live.next().map(|cell| cell.is_some()));
        match merge.static_row().filter(|_| static_alone).map(is_live).transpose() {
            Ok(Some(true)) => Ok(Shown::StaticOnly),
            Ok(_) => Ok(Shown::Nothing),
            Err(error) => Err(StreamError::from(error).into()),
        }
    }

    #[inline]
    fn view(&self) -> Result<Option<RowView<'_>>> {
        let schema = &*self.view.state.schema;
        if let Some(lookup) = &self.lookup {
            let found = lookup.found(&self.view.state.header);
            let (projection, now) = (self.projection.as_ref(), self.now);
            return Ok(found.map(|(key, PointRow { row, static_row })| RowView {
                schema,
                key,
                row,
                static_row,
                projection,
                now,
            }));
        }
        let Some(merge) = &self.merge else { return Ok(None) };
        let row = match (self.shown, merge.current()) {
            (Shown::Row, Some(Unfiltered::Row(row))) => Some(row),
            _ => None,
        };
        Ok(Some(RowView {
            schema,
            key: merge.partition().key,
            row,
            static_row: merge.static_row(),
            projection: self.projection.as_ref(),
            now: self.now,
        }))
    }
}

/// Whether a run before, which stopped at `after`, has shown this row.
fn is_behind(after: &RowPosition, merge: &Merge<Source<'_>>, row: &RowRef<'_>, direction: Direction) -> bool {
    let Some(clustering) = &after.clustering else { return false };
    if after.partition_key != merge.partition().key {
        return false;
    }
    let order = row.header.clustering.compare_rows(row.clustering, clustering);
    if direction == Direction::Forward { order.is_le() } else { order.is_ge() }
}

/// The columns that a query wants, by kind and index.
#[derive(Debug)]
struct Projection {
    statics: Vec<bool>,
    regulars: Vec<bool>,
}

impl Projection {
    fn new(schema: &TableSchema, names: &[String]) -> Result<Self> {
        let mut wanted = Self {
            statics: vec![false; schema.statics().len()],
            regulars: vec![false; schema.regulars().len()],
        };
        for name in names {
            let place = match schema.column(name) {
                Some((ColumnKind::Static, index)) => wanted.statics.get_mut(index),
                Some((ColumnKind::Regular, index)) => wanted.regulars.get_mut(index),
                Some(_) => continue,
                None => return Err(no_column(schema, name)),
            };
            if let Some(place) = place {
                *place = true;
            }
        }
        Ok(wanted)
    }
}

fn no_column(schema: &TableSchema, name: &str) -> Error {
    Error::invalid(format!("{}.{} has no column {name}", schema.keyspace(), schema.name()))
}

/// A row as a query sees it: its key, its visible cells and those of its partition's static row. Borrowed from the
/// cursor until it moves on.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    schema: &'a TableSchema,
    key: &'a [u8],
    row: Option<RowRef<'a>>,
    static_row: Option<RowRef<'a>>,
    projection: Option<&'a Projection>,
    now: u32,
}

impl<'a> RowView<'a> {
    /// The schema that the row is read by.
    pub fn schema(&self) -> &'a TableSchema {
        self.schema
    }

    /// The raw partition key.
    #[inline]
    pub fn partition_key(&self) -> &'a [u8] {
        self.key
    }

    /// Serialized values of the partition key's columns.
    ///
    /// # Errors
    /// When the key's bytes are not what the schema says.
    pub fn partition_key_values(&self) -> Result<Vec<&'a [u8]>> {
        Ok(self.schema.split_partition_key(self.key)?)
    }

    /// Serialized values of the clustering columns, `None` where one is null; nothing at all for a partition that
    /// shows its static row only.
    #[inline]
    pub fn clustering_values(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        self.row
            .into_iter()
            .flat_map(|row| row.header.clustering.components(row.clustering, row.header.clustering.len()))
    }

    /// Whether this is a partition without a row, shown for its static columns.
    pub fn is_static_only(&self) -> bool {
        self.row.is_none()
    }

    /// The second that the row is read at.
    pub fn now_seconds(&self) -> u32 {
        self.now
    }

    /// The visible cells, in the order of [`TableSchema::regulars`]; those of a collection follow one another in
    /// the order of their paths.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[inline]
    pub fn cells(&self) -> Result<Cells<'a>> {
        Cells::new(self.row, self.now, self.projection.map(|p| p.regulars.as_slice()))
    }

    /// The visible static cells, in the order of [`TableSchema::statics`].
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[inline]
    pub fn static_cells(&self) -> Result<Cells<'a>> {
        Cells::new(self.static_row, self.now, self.projection.map(|p| p.statics.as_slice()))
    }

    /// The serialized values of the static or of the regular columns, in one pass over the row; of a key's columns there
    /// are none.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[inline]
    pub fn values(&self, kind: ColumnKind) -> Result<ColumnValues<'a>> {
        let (mut cells, columns) = match kind {
            ColumnKind::Static => (self.static_cells()?, self.schema.statics()),
            ColumnKind::Regular => (self.cells()?, self.schema.regulars()),
            ColumnKind::PartitionKey | ColumnKind::Clustering => {
                (Cells::new(None, self.now, None)?, self.schema.regulars())
            }
        };
        let next = cells.next()?;
        Ok(ColumnValues { cells, columns, next })
    }

    /// The decoded value of a column: [`Value::Null`] when it has none, a whole collection, a counter's total.
    ///
    /// # Errors
    /// When there is no such column, or the bytes are no value of its type.
    pub fn value(&self, column: &str) -> Result<Value> {
        let Some((kind, index)) = self.schema.column(column) else {
            return Err(no_column(self.schema, column));
        };
        let mut bytes = Vec::new();
        let ty = self.schema.column_type(kind, index).cloned().unwrap_or(Type::Blob);
        if self.serialized(kind, index, &mut bytes)? { Ok(ty.decode(&bytes)?) } else { Ok(Value::Null) }
    }

    /// The first visible cell of a column, with its timestamp and ttl; for a collection [`cells`](Self::cells) has
    /// them all.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    pub fn cell(&self, kind: ColumnKind, index: usize) -> Result<Option<Cell<'a>>> {
        let mut cells = if kind == ColumnKind::Static { self.static_cells()? } else { self.cells()? };
        while let Some((column, cell)) = cells.next()? {
            if column == index {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }

    /// Appends the serialized value of a column, a collection in its frozen form and a counter as its total; false,
    /// and nothing appended, when it has none.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    pub fn serialized(&self, kind: ColumnKind, index: usize, out: &mut Vec<u8>) -> Result<bool> {
        match kind {
            ColumnKind::PartitionKey => {
                let values = self.schema.split_partition_key(self.key)?;
                out.extend_from_slice(values.get(index).copied().unwrap_or_default());
                return Ok(true);
            }
            ColumnKind::Clustering => {
                let value = self.clustering_values().nth(index).flatten();
                out.extend_from_slice(value.unwrap_or_default());
                return Ok(value.is_some());
            }
            ColumnKind::Static | ColumnKind::Regular => {}
        }
        let columns = if kind == ColumnKind::Static { self.schema.statics() } else { self.schema.regulars() };
        let Some(column) = columns.get(index) else { return Ok(false) };
        let mut cells = if kind == ColumnKind::Static { self.static_cells()? } else { self.cells()? };
        let mut assembler = Assembler::new(&column.ty, out);
        while let Some((at, cell)) = cells.next()? {
            if at > index {
                break;
            }
            if at == index && column.counter {
                let total = cell.counter_total()?;
                out.extend_from_slice(&total.to_be_bytes());
                return Ok(true);
            }
            if at == index && !column.complex {
                out.extend_from_slice(cell.value);
                return Ok(true);
            }
            if at == index {
                assembler.push(&cell, out);
            }
        }
        Ok(assembler.finish(out))
    }
}

/// Puts the cells of a collection together into the form that it has when frozen.
#[derive(Debug)]
pub(crate) struct Assembler {
    shape: Shape,
    start: usize,
    count: u32,
    fields: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    List,
    Set,
    Map,
    Udt,
}

impl Assembler {
    /// For a column of that type; the value is appended to `out`.
    pub(crate) fn new(ty: &Type, out: &[u8]) -> Self {
        let (shape, fields) = match ty {
            Type::List { .. } => (Shape::List, 0),
            Type::Set { .. } => (Shape::Set, 0),
            Type::Udt { definition, .. } => (Shape::Udt, definition.fields.len()),
            _ => (Shape::Map, 0),
        };
        Self { shape, start: out.len(), count: 0, fields }
    }

    /// The next cell, in the order of paths.
    pub(crate) fn push(&mut self, cell: &Cell<'_>, out: &mut Vec<u8>) {
        if self.shape == Shape::Udt {
            // Fields without a cell are null.
            let field = cell.path.first_chunk().map_or(0, |path| u32::from(u16::from_be_bytes(*path)));
            while self.count < field {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                self.count += 1;
            }
        } else if self.count == 0 {
            out.extend_from_slice(&[0; 4]);
        }
        self.count += 1;
        let mut element = |bytes: &[u8]| {
            out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self.shape {
            Shape::Set => element(cell.path),
            Shape::List | Shape::Udt => element(cell.value),
            Shape::Map => {
                element(cell.path);
                element(cell.value);
            }
        }
    }

    /// Whether there was a cell at all.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> bool {
        if self.count == 0 {
            return false;
        }
        if self.shape == Shape::Udt {
            while (self.count as usize) < self.fields {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                self.count += 1;
            }
        } else if let Some(place) = out.get_mut(self.start..self.start + 4) {
            place.copy_from_slice(&self.count.to_be_bytes());
        }
        true
    }
}

/// Visible cells of a row, one after the other.
#[derive(Debug)]
pub struct Cells<'a> {
    live: Option<LiveRow<'a>>,
    /// Which columns are wanted; all without.
    wanted: Option<&'a [bool]>,
}

impl<'a> Cells<'a> {
    #[inline]
    fn new(row: Option<RowRef<'a>>, now: u32, wanted: Option<&'a [bool]>) -> Result<Self> {
        let live = row.map(|row| LiveRow::of_any(row, now)).transpose();
        Ok(Self { live: live.map_err(StreamError::from)?, wanted })
    }

    /// The next cell and the index of its column; `None` after the last.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<(usize, Cell<'a>)>> {
        let Some(live) = &mut self.live else { return Ok(None) };
        while let Some(cell) = live.next().map_err(StreamError::from)? {
            if self.wanted.is_none_or(|wanted| wanted.get(cell.0).is_some_and(|wanted| *wanted)) {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }
}

/// The columns of a row that have a value, one after the other.
#[derive(Debug)]
pub struct ColumnValues<'a> {
    cells: Cells<'a>,
    columns: &'a Columns,
    /// The first cell of the next column.
    next: Option<(usize, Cell<'a>)>,
}

impl<'a> ColumnValues<'a> {
    /// The next column's index among those of its kind, and its serialized value: a collection in its frozen form, a
    /// counter as its total. What is put together from several cells is put into `scratch`.
    ///
    /// # Errors
    /// Where the bytes are not a row's.
    #[inline]
    pub fn next<'s>(&mut self, scratch: &'s mut Vec<u8>) -> Result<Option<(usize, &'s [u8])>>
    where
        'a: 's,
    {
        let Some((index, cell)) = self.next else { return Ok(None) };
        let Some(column) = self.columns.get(index) else { return Ok(None) };
        if !column.complex && !column.counter {
            self.next = self.cells.next()?;
            return Ok(Some((index, cell.value)));
        }
        scratch.clear();
        if column.counter {
            scratch.extend_from_slice(&cell.counter_total()?.to_be_bytes());
            self.next = self.cells.next()?;
            return Ok(Some((index, scratch)));
        }
        let mut assembler = Assembler::new(&column.ty, scratch);
        while let Some((_, cell)) = self.next.filter(|(at, _)| *at == index) {
            assembler.push(&cell, scratch);
            self.next = self.cells.next()?;
        }
        assembler.finish(scratch);
        Ok(Some((index, scratch)))
    }
}
