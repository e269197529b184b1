//! A copy of a row.

use std::sync::Arc;

use helenus_rows::{RowBuf, RowRef};
use helenus_types::{DecodeValue, Value};

use super::projection::Projection;
use super::row::{ColumnIndex, RowView};
use super::scratch::Scratch;
use crate::engine::TableState;
use crate::error::Result;

/// A copy of a row of a query's result. It holds nothing of the table but its schema.
#[derive(Debug)]
pub struct OwnedRow {
    state: Arc<TableState>,
    key: Box<[u8]>,
    row: Option<RowBuf>,
    static_row: Option<RowBuf>,
    projection: Option<Arc<Projection>>,
    scratch: Scratch,
    now: u32,
}

impl RowView<'_> {
    /// A copy that doesn't borrow from the cursor.
    pub fn to_row(&self) -> OwnedRow {
        OwnedRow::new(self)
    }
}

impl OwnedRow {
    fn new(view: &RowView<'_>) -> Self {
        let copy = |row: RowRef<'_>| {
            let mut copy = RowBuf::default();
            copy.assign(row);
            copy
        };
        Self {
            state: view.state.clone(),
            key: view.key.into(),
            row: view.row.map(copy),
            static_row: view.static_row.map(copy),
            projection: view.projection.cloned(),
            scratch: Scratch::default(),
            now: view.now,
        }
    }

    /// The row as a view, with all its methods.
    pub fn view(&self) -> RowView<'_> {
        let header = &self.state.header;
        RowView {
            state: &self.state,
            key: &self.key,
            row: self.row.as_ref().map(|row| row.as_ref(header)),
            static_row: self.static_row.as_ref().map(|row| row.as_ref(header)),
            projection: self.projection.as_ref(),
            scratch: &self.scratch,
            now: self.now,
        }
    }

    /// A column's value as one of Rust's types, as [`RowView::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get<'a, T: DecodeValue<'a>>(&'a self, column: impl ColumnIndex) -> Result<T> {
        self.view().get(column)
    }

    /// The decoded value of a column, as [`RowView::value`].
    ///
    /// # Errors
    /// As there.
    pub fn value(&self, column: impl ColumnIndex) -> Result<Value> {
        self.view().value(column)
    }
}

impl Clone for OwnedRow {
    fn clone(&self) -> Self {
        Self::new(&self.view())
    }
}
