//! The answer to a statement.

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

/// The rows of one page, one at a time: a lending cursor.
#[derive(Debug)]
pub struct ResultRows {
    columns: Arc<[ColumnSpec]>,
    buffer: RowBuffer,
    next: usize,
    paging_state: Option<Vec<u8>>,
}

/// Rows of cells, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowBuffer {
    bytes: Vec<u8>,
    /// Where each cell begins and ends; none of null.
    cells: Vec<Option<(usize, usize)>>,
    rows: usize,
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

impl ResultRows {
    pub(crate) fn new(columns: Arc<[ColumnSpec]>, buffer: RowBuffer, paging_state: Option<Vec<u8>>) -> Self {
        Self { columns, buffer, next: 0, paging_state }
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
        if self.next == self.buffer.len() {
            return Ok(None);
        }
        let width = self.columns.len();
        let (from, to) = (self.next * width, (self.next + 1) * width);
        self.next += 1;
        let cells = self.buffer.cells.get(from..to).unwrap_or_default();
        Ok(Some(ResultRow { columns: &self.columns, bytes: &self.buffer.bytes, cells }))
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
    pub(crate) fn void() -> Self {
        Answer::Void.into()
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self { answer, warnings: Vec::new() }
    }
}
