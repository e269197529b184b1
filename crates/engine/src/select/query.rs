//! The query builder.

use std::ops::{Bound as RangeEnd, Range, RangeBounds, RangeInclusive};
use std::sync::Arc;

use helenus_rows::{BoundKind, Direction, PositionKind, TableSchema};
use helenus_types::{EncodeValue, Token};
use smallvec::SmallVec;

use super::filter::RowFilter;
use super::owned::OwnedRow;
use super::position::RowPosition;
use super::row::RowView;
use super::row_key::RowKey;
use crate::error::{Error, Result};
use crate::key::{IntoKey, encode_clustering_prefix, encode_key_value, encode_partition_key};
use crate::table::Table;

/// A query of one table: which partitions, which rows of them, in what order, how many.
///
/// Nothing is read before [`rows`](Self::rows), which sees the table's state at that moment.
/// Restrictions are combined: a row is shown that satisfies all of them. An invalid query makes
/// `rows` fail: values of a wrong type or number, ends of a range in the wrong order.
#[derive(Clone, Debug)]
pub struct Select {
    pub(super) table: Table,
    /// Raw keys and the values of the ends, one after the other.
    pub(super) bytes: Vec<u8>,
    /// The ranges of the keys in the bytes. Without keys the query is of all partitions.
    pub(super) keys: SmallVec<[Range<usize>; 1]>,
    /// The keys of rows that were named one by one.
    pub(super) places: Option<Arc<[RowKey]>>,
    pub(super) tokens: RangeInclusive<Token>,
    /// Slices: a row must be in one of them. Without slices all rows qualify.
    pub(super) slices: SmallVec<[[End; 2]; 1]>,
    pub(super) from: End,
    pub(super) to: End,
    pub(super) range: Option<ValueRange>,
    pub(super) direction: Direction,
    pub(super) limit: usize,
    pub(super) limit_per_partition: usize,
    pub(super) distinct: bool,
    pub(super) now_seconds: Option<u32>,
    pub(super) after: Option<RowPosition>,
    /// Names of the wanted columns; `None` for all.
    pub(super) columns: Option<Vec<String>>,
    pub(super) filter: Option<RowFilter>,
    problem: Option<Arc<Error>>,
}

/// One end of a range of rows.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) kind: BoundKind,
    pub(super) size: usize,
    /// The range of its values in the bytes.
    pub(super) values: Range<usize>,
}

impl End {
    pub(super) const BOTTOM: End = End { kind: BoundKind::InclStart, size: 0, values: 0..0 };
    pub(super) const TOP: End = End { kind: BoundKind::InclEnd, size: 0, values: 0..0 };
}

/// A range of one clustering column's values.
#[derive(Clone, Debug)]
pub(super) struct ValueRange {
    /// Index of the clustering column.
    pub(super) column: usize,
    /// The ranges of the least and the greatest value in the bytes.
    pub(super) ends: [RangeEnd<Range<usize>>; 2],
}

impl Table {
    /// Starts a query that selects every row of the table.
    pub fn select(&self) -> Select {
        Select {
            table: self.clone(),
            // Enough for a key and a clustering of a few numbers.
            bytes: Vec::with_capacity(64),
            keys: SmallVec::new(),
            places: None,
            tokens: Token::MIN..=Token::MAX,
            slices: SmallVec::new(),
            from: End::BOTTOM,
            to: End::TOP,
            range: None,
            direction: Direction::Forward,
            limit: usize::MAX,
            limit_per_partition: usize::MAX,
            distinct: false,
            now_seconds: None,
            after: None,
            columns: None,
            filter: None,
            problem: None,
        }
    }

    /// The row with that partition key and clustering, `()` for the clustering of a table that has
    /// none; `None` if there is none.
    ///
    /// # Errors
    /// When a value is missing, or of a wrong type; when the database is closed; damage or failed
    /// reads.
    pub fn get(&self, key: impl IntoKey, clustering: impl IntoKey) -> Result<Option<OwnedRow>> {
        let schema = self.schema();
        let columns = schema.shown_clustering().len();
        let given = clustering.with_values(|values| values.len());
        if given != columns {
            let names: Vec<_> = schema.shown_clustering().iter().map(|c| &*c.name).collect();
            return Err(Error::invalid(format!(
                "{}.{}: a row has {columns} clustering columns ({}), {given} values were given",
                schema.keyspace(),
                schema.name(),
                names.join(", "),
            )));
        }
        let mut rows = self.select().key(key).prefix(clustering).rows()?;
        Ok(rows.next()?.map(|row| row.to_row()))
    }
}

impl Select {
    /// Only the partition with that key. Called again it adds a partition, as CQL's `IN`; they come
    /// in the order of the calls, each once.
    #[must_use]
    pub fn key(mut self, key: impl IntoKey) -> Self {
        let span = key.with_values(|values| {
            self.encode(|schema, out| encode_partition_key(schema, values.iter(), out))
        });
        self.keys.push(span);
        self
    }

    /// Only the rows with those keys, from an index or [from another query](RowView::row_key).
    /// Partitions come in the order in which they are first named, and the rows of one in the
    /// table's order. A key without a row is skipped.
    ///
    /// Tokens, limits, pages, columns and the filter apply as to any query; keys, prefixes and
    /// ranges of rows can't be combined with it.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema(
    /// #     "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #      CREATE TABLE ks.t (p int, c int, v int, PRIMARY KEY (p, c));",
    /// # )?;
    /// # let table = db.table("ks", "t")?;
    /// # (0..100).try_for_each(|c| table.insert(c % 7, c).set("v", c % 10).execute())?;
    /// let mut places = Vec::new();
    /// let mut rows = table.select().filter(&["v"], |row| Ok(row.get::<i32>("v")? == 3)).rows()?;
    /// while let Some(row) = rows.next()? {
    ///     places.push(row.row_key());
    /// }
    /// let mut rows = table.select().rows_at(places).rows()?;
    /// let mut found = 0;
    /// while let Some(row) = rows.next()? {
    ///     assert_eq!(row.get::<i32>("v")?, 3);
    ///     found += 1;
    /// }
    /// assert_eq!(found, 10);
    /// # db.close()
    /// # }
    /// ```
    #[must_use]
    pub fn rows_at(mut self, places: impl IntoIterator<Item = RowKey>) -> Self {
        let before = self.places.iter().flat_map(|places| places.iter().cloned());
        self.places = Some(before.chain(places).collect());
        self
    }

    /// Only partitions whose token is in the range; it may be combined with keys.
    #[must_use]
    pub fn tokens(mut self, tokens: RangeInclusive<Token>) -> Self {
        if tokens.is_empty() {
            let (start, end) = (tokens.start().0, tokens.end().0);
            self.note(Err(Error::invalid(format!(
                "the range of tokens ends ({end}) before it starts ({start})"
            ))));
        }
        self.tokens = *tokens.start().max(self.tokens.start())..=*tokens.end().min(self.tokens.end());
        self
    }

    /// Only rows whose clustering begins with those values. Called again it adds rows, as CQL's
    /// `IN` on clustering columns: a row is shown that begins with any of the prefixes, once, in
    /// the table's order.
    #[must_use]
    pub fn prefix(mut self, values: impl IntoKey) -> Self {
        let start = values.with_values(|values| self.end_of(values, BoundKind::InclStart));
        let end = End { kind: BoundKind::InclEnd, ..start.clone() };
        self.slices.push([start, end]);
        self
    }

    /// Only rows between two ends in the table's order, given in full or as prefixes as for
    /// [`from`](Self::from) and [`to`](Self::to). Called again, or together with
    /// [`prefix`](Self::prefix), it adds rows as that does.
    #[must_use]
    pub fn slice(mut self, start: RangeEnd<impl IntoKey>, end: RangeEnd<impl IntoKey>) -> Self {
        let ends = [self.start_of(&start), self.end_at(&end)];
        self.slices.push(ends);
        self
    }

    /// Only rows from those values on, in the table's order: included or not, and given in full or
    /// as a prefix, which means all rows that begin with it. In a table whose clustering
    /// is descending the first rows have the greatest values: [`range`](Self::range) doesn't depend
    /// on that.
    #[must_use]
    pub fn from(mut self, values: RangeEnd<impl IntoKey>) -> Self {
        self.from = self.start_of(&values);
        self
    }

    /// Only rows up to those values, as for [`from`](Self::from).
    #[must_use]
    pub fn to(mut self, values: RangeEnd<impl IntoKey>) -> Self {
        self.to = self.end_at(&values);
        self
    }

    /// Only rows whose next clustering column, the one after those that [`prefix`](Self::prefix)
    /// named before (the first without a prefix), has a value in the range. Ends are values,
    /// whatever the column's order: CQL's `at >= x AND at < y`.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// db.execute_schema(
    ///     "CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    ///      CREATE TABLE chat.messages (channel int, at bigint, text text, PRIMARY KEY (channel, at))
    ///      WITH CLUSTERING ORDER BY (at DESC);",
    /// )?;
    /// let messages = db.table("chat", "messages")?;
    /// for at in 0..10i64 {
    ///     messages.insert(1, at).set("text", "hello").execute()?;
    /// }
    /// let mut found = Vec::new();
    /// let mut rows = messages.select().key(1).range(3i64..6).rows()?;
    /// while let Some(row) = rows.next()? {
    ///     found.push(row.get::<i64>("at")?);
    /// }
    /// assert_eq!(found, [5, 4, 3]);
    /// # db.close()
    /// # }
    /// ```
    #[must_use]
    pub fn range<V: EncodeValue>(mut self, values: impl RangeBounds<V>) -> Self {
        let column = self.slices.first().map_or(0, |[start, _]| start.size);
        let mut end = |value: RangeEnd<&V>| match value {
            RangeEnd::Included(value) => RangeEnd::Included(self.value_of(column, value)),
            RangeEnd::Excluded(value) => RangeEnd::Excluded(self.value_of(column, value)),
            RangeEnd::Unbounded => RangeEnd::Unbounded,
        };
        let ends = [end(values.start_bound()), end(values.end_bound())];
        if self.range.is_some() {
            self.note(Err(Error::invalid("a query has one range of values")));
        }
        self.range = Some(ValueRange { column, ends });
        self
    }

    /// Returns rows in the reverse of the table's order. The partitions must be named by their
    /// keys.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.direction = Direction::Reverse;
        self
    }

    /// Returns at most `rows` rows in total.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows;
        self
    }

    /// Returns at most `rows` rows of each partition, over all pages.
    #[must_use]
    pub fn limit_per_partition(mut self, rows: usize) -> Self {
        self.limit_per_partition = rows;
        self
    }

    /// One row for each partition that has any, or a static row: its key and its static columns.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// Continues after the row at which an earlier run of this query stopped: the next page of it.
    /// All pages together, of any size, are the result of one run, and a page costs the same
    /// wherever it begins: it is read from its first row on.
    ///
    /// ```
    /// # fn main() -> helenus::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let db = helenus::Database::open(dir.path())?;
    /// # db.execute_schema(
    /// #     "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    /// #      CREATE TABLE ks.t (p int, c int, PRIMARY KEY (p, c));",
    /// # )?;
    /// # let table = db.table("ks", "t")?;
    /// # (0..25).try_for_each(|c| table.insert(c % 2, c).execute())?;
    /// let (mut shown, mut last) = (0, None);
    /// loop {
    ///     let mut page = table.select().limit(10);
    ///     if let Some(position) = last.take() {
    ///         page = page.after(position);
    ///     }
    ///     let (mut rows, before) = (page.rows()?, shown);
    ///     while let Some(_row) = rows.next()? {
    ///         shown += 1;
    ///     }
    ///     last = rows.position();
    ///     if shown - before < 10 {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(shown, 25);
    /// # db.close()
    /// # }
    /// ```
    #[must_use]
    pub fn after(mut self, position: RowPosition) -> Self {
        self.after = Some(position);
        self
    }

    /// Only these columns, static and regular ones: the others read as null and, unless they decide
    /// whether a row exists, aren't read. The set of rows doesn't depend on it, and keys are always
    /// there. An index in [`RowView::get`] is one of this list.
    #[must_use]
    pub fn columns(mut self, names: &[&str]) -> Self {
        self.columns = Some(owned(names));
        self
    }

    /// Only rows that pass the test, which sees the keys and those columns in stored form: their
    /// [`cells`](RowView::cells) with timestamps, before a value is assembled. Limits count the
    /// rows that pass.
    ///
    /// A partition without rows, whose static columns would be shown, is tested too.
    #[must_use]
    pub fn filter(
        mut self,
        columns: &[&str],
        test: impl Fn(&RowView<'_>) -> Result<bool> + Send + Sync + 'static,
    ) -> Self {
        if self.filter.is_some() {
            self.note(Err(Error::invalid("a query has one filter")));
        }
        self.filter = Some(RowFilter { columns: owned(columns), test: Arc::new(test) });
        self
    }

    /// Reads the table as of that second (since 1970), which decides what has expired; otherwise as
    /// of the second of the call of [`rows`](Self::rows). So the pages of one query can agree on
    /// one second.
    #[must_use]
    pub fn now_seconds(mut self, seconds: u32) -> Self {
        self.now_seconds = Some(seconds);
        self
    }

    /// Returns the first error of the calls before.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(problem) = &self.problem {
            return Err(Error::new(problem.kind(), problem.to_string()));
        }
        let has_rows = !self.slices.is_empty() || self.range.is_some() || self.from.size + self.to.size > 0;
        if self.places.is_some() && (!self.keys.is_empty() || has_rows) {
            return Err(Error::invalid(
                "rows that are named by their keys need no partition keys, prefixes or ranges beside them",
            ));
        }
        if self.direction == Direction::Reverse && self.keys.is_empty() && self.places.is_none() {
            return Err(Error::invalid(
                "rows come in reverse only within partitions that are named by their keys",
            ));
        }
        Ok(())
    }

    fn note(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.problem.get_or_insert_with(|| Arc::new(error));
        }
    }

    /// The range of the appended bytes; empty after an error, which is kept for `rows`.
    fn encode(&mut self, encode: impl FnOnce(&TableSchema, &mut Vec<u8>) -> Result<()>) -> Range<usize> {
        let begin = self.bytes.len();
        let view = self.table.core.view.load();
        let encoded = encode(&view.state.schema, &mut self.bytes);
        drop(view);
        self.note(encoded);
        begin..self.bytes.len()
    }

    fn start_of(&mut self, values: &RangeEnd<impl IntoKey>) -> End {
        match values {
            RangeEnd::Included(values) => {
                values.with_values(|v| self.end_of(v, BoundKind::start(PositionKind::Before)))
            }
            RangeEnd::Excluded(values) => {
                values.with_values(|v| self.end_of(v, BoundKind::start(PositionKind::After)))
            }
            RangeEnd::Unbounded => End::BOTTOM,
        }
    }

    fn end_at(&mut self, values: &RangeEnd<impl IntoKey>) -> End {
        match values {
            RangeEnd::Included(values) => {
                values.with_values(|v| self.end_of(v, BoundKind::end(PositionKind::After)))
            }
            RangeEnd::Excluded(values) => {
                values.with_values(|v| self.end_of(v, BoundKind::end(PositionKind::Before)))
            }
            RangeEnd::Unbounded => End::TOP,
        }
    }

    fn end_of(&mut self, values: &[&dyn EncodeValue], kind: BoundKind) -> End {
        let span = self.encode(|schema, out| encode_clustering_prefix(schema, values.iter(), out));
        End { kind, size: values.len(), values: span }
    }

    /// The serialized value of a clustering column.
    fn value_of(&mut self, column: usize, value: &dyn EncodeValue) -> Range<usize> {
        self.encode(|schema, out| match schema.clustering().get(column) {
            Some(column) => encode_key_value(schema, column, value, out),
            None => Err(Error::invalid(format!(
                "{}.{}: there is no clustering column after the {column} of the prefix",
                schema.keyspace(),
                schema.name()
            ))),
        })
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
