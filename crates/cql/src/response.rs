//! The answer to a statement.

use std::fmt;
use std::sync::Arc;

use helenus_schema::SchemaEvent;
use helenus_types::DecodeValue;

use crate::error::{CqlError, CqlResult};
use crate::spec::ColumnSpec;

/// The answer to a statement, and its warnings.
#[derive(Debug)]
pub struct Response {
    /// What came of it.
    pub answer: Answer,
    /// Warnings, in their order.
    pub warnings: Vec<String>,
}

/// What came of a statement.
#[derive(Debug)]
pub enum Answer {
    /// It was carried out.
    Void,
    /// Rows.
    Rows(ResultRows),
    /// The session has another keyspace from now on.
    SetKeyspace(String),
    /// The schema was changed: what the statement was about, also where its definition is the same
    /// as before. [`follow_schema`](helenus_engine::Database::follow_schema) has all that changed.
    SchemaChange(SchemaEvent),
}

/// The rows of one page, or of all, one at a time: a lending cursor. It holds a part of them and
/// reads on when that is taken, so that a result may be larger than memory. Writes that come in
/// between show as in [`Rows`](helenus_engine::Rows).
#[derive(Debug)]
pub struct ResultRows {
    columns: Arc<[ColumnSpec]>,
    buffer: RowBuffer,
    next: usize,
    paging_state: Option<Vec<u8>>,
    rest: Option<Box<dyn MoreRows>>,
}

/// Rows that were not read yet.
pub(crate) trait MoreRows: fmt::Debug + Send {
    /// Appends some of them; false after the last.
    fn fill(&mut self, buffer: &mut RowBuffer) -> CqlResult<bool>;

    /// The paging state after the last.
    fn paging_state(&mut self) -> CqlResult<Option<Vec<u8>>>;
}

/// The bytes and cells of a result that are held at once.
const FULL_BYTES: usize = 64 << 10;
const FULL_CELLS: usize = 16 << 10;

/// Rows of cells, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowBuffer {
    bytes: Vec<u8>,
    /// Where each cell begins and ends; none of null.
    cells: Vec<Option<(usize, usize)>>,
    rows: usize,
}

/// A row that is being filled, in any order.
#[derive(Debug)]
pub(crate) struct NewRow<'b> {
    bytes: &'b mut Vec<u8>,
    cells: &'b mut [Option<(usize, usize)>],
}

/// A row of a result.
#[derive(Clone, Copy, Debug)]
pub struct ResultRow<'a> {
    columns: &'a [ColumnSpec],
    bytes: &'a [u8],
    cells: &'a [Option<(usize, usize)>],
}

impl RowBuffer {
    /// Appends a cell of the row that is being filled.
    pub(crate) fn push(&mut self, cell: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(cell.unwrap_or_default());
        self.cells.push(cell.map(|_| (start, self.bytes.len())));
    }

    /// Appends a cell that `write` appends to the bytes; it is null if that returns false.
    pub(crate) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let some = write(&mut self.bytes)?;
        self.cells.push(some.then_some((start, self.bytes.len())));
        Ok(())
    }

    /// Appends a row of `width` cells, null at first, and fills it.
    pub(crate) fn push_row<E>(
        &mut self,
        width: usize,
        fill: impl FnOnce(&mut NewRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = self.cells.len();
        self.cells.resize(first + width, None);
        let cells = self.cells.get_mut(first..).unwrap_or_default();
        fill(&mut NewRow { bytes: &mut self.bytes, cells })?;
        self.rows += 1;
        Ok(())
    }

    /// Removes all rows, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
        self.rows = 0;
    }

    /// Whether it has as much as is read at once.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.cells.len() >= FULL_CELLS
    }

    /// Ends the row that was filled.
    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Appends all rows of another.
    pub(crate) fn append(&mut self, other: &Self) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.cells.extend(other.cells.iter().map(|cell| cell.map(|(from, to)| (start + from, start + to))));
        self.rows += other.rows;
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }
}

impl NewRow<'_> {
    /// Gives the cell of a column its value.
    pub(crate) fn set(&mut self, column: usize, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = Some((start, self.bytes.len()));
        }
    }
}

impl ResultRows {
    pub(crate) fn new(columns: Arc<[ColumnSpec]>, buffer: RowBuffer, paging_state: Option<Vec<u8>>) -> Self {
        Self { columns, buffer, next: 0, paging_state, rest: None }
    }

    /// Rows of which the buffer has the first.
    pub(crate) fn begun(columns: Arc<[ColumnSpec]>, buffer: RowBuffer, rest: Box<dyn MoreRows>) -> Self {
        Self { columns, buffer, next: 0, paging_state: None, rest: Some(rest) }
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// The next row; `None` after the last of the page.
    ///
    /// # Errors
    /// Damage or failed reads.
    #[expect(clippy::should_implement_trait, reason = "rows are lent, an iterator would have to copy them")]
    pub fn next(&mut self) -> CqlResult<Option<ResultRow<'_>>> {
        if self.next == self.buffer.len() && !self.read_on()? {
            return Ok(None);
        }
        let width = self.columns.len();
        let (from, to) = (self.next * width, (self.next + 1) * width);
        self.next += 1;
        let cells = self.buffer.cells.get(from..to).unwrap_or_default();
        Ok(Some(ResultRow { columns: &self.columns, bytes: &self.buffer.bytes, cells }))
    }

    /// Fills the buffer again; false when there is no row left.
    fn read_on(&mut self) -> CqlResult<bool> {
        let Some(rest) = &mut self.rest else { return Ok(false) };
        self.buffer.clear();
        self.next = 0;
        if !rest.fill(&mut self.buffer)? {
            self.paging_state = rest.paging_state()?;
            self.rest = None;
        }
        Ok(self.buffer.len() > 0)
    }

    /// Where the next page begins, once the last row was taken; `None` if there is none.
    #[must_use]
    pub fn paging_state(&self) -> Option<&[u8]> {
        self.paging_state.as_deref()
    }
}

impl<'a> ResultRow<'a> {
    /// The serialized value of a column; `None` is null, and where there is no such column.
    #[must_use]
    pub fn cell(&self, column: usize) -> Option<&'a [u8]> {
        let (start, end) = (*self.cells.get(column)?)?;
        self.bytes.get(start..end)
    }

    /// A column's value as one of Rust's types.
    ///
    /// # Errors
    /// When there is no such column, or its value can't be read as a `T`.
    pub fn get<T: DecodeValue<'a>>(&self, column: usize) -> CqlResult<T> {
        let Some(spec) = self.columns.get(column) else {
            return Err(CqlError::invalid(format!("the result has no column with the index {column}")));
        };
        Ok(T::decode(&spec.ty, self.cell(column))?)
    }
}

impl Response {
    /// The rows of a statement that returns some.
    ///
    /// # Errors
    /// When the statement returns none.
    pub fn into_rows(self) -> CqlResult<ResultRows> {
        match self.answer {
            Answer::Rows(rows) => Ok(rows),
            _ => Err(CqlError::invalid("the statement returns no rows")),
        }
    }

    pub(crate) fn void() -> Self {
        Answer::Void.into()
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self { answer, warnings: Vec::new() }
    }
}
