//! The visible cells of a row, and the values of its columns.

use helenus_rows::{Assembler, Cell, ColumnFilter, Columns, LiveRow, RowRef, StreamError};

use crate::error::Result;

/// Visible cells of a row, one after the other.
#[derive(Debug)]
pub struct Cells<'a> {
    live: Option<LiveRow<'a>>,
    /// The wanted columns, and whether they are static; all if there is no filter.
    wanted: Option<(&'a ColumnFilter, bool)>,
    /// The only wanted column, if there is just one.
    only: Option<usize>,
}

impl<'a> Cells<'a> {
    /// The cells of a row, or of no row.
    #[expect(clippy::inline_always, reason = "moving a reader of cells takes longer than making one")]
    #[inline(always)]
    pub(super) fn new(
        row: Option<RowRef<'a>>,
        now: u32,
        wanted: Option<(&'a ColumnFilter, bool)>,
    ) -> Result<Self> {
        let Some(row) = row else { return Ok(Self { live: None, wanted, only: None }) };
        match LiveRow::of_any(row, now) {
            Ok(live) => Ok(Self { live: Some(live), wanted, only: None }),
            Err(error) => Err(StreamError::from(error).into()),
        }
    }

    /// Those of one column alone.
    pub(super) fn of_column(self, index: usize) -> Self {
        Self { only: Some(index), ..self }
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
            if let Some(only) = self.only
                && cell.0 != only
            {
                if cell.0 > only {
                    break;
                }
                continue;
            }
            if self.wanted.is_none_or(|(wanted, is_static)| wanted.wants(is_static, cell.0)) {
                return Ok(Some(cell));
            }
        }
        self.live = None;
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
    #[inline]
    pub(super) fn new(mut cells: Cells<'a>, columns: &'a Columns) -> Result<Self> {
        let next = cells.next()?;
        Ok(Self { cells, columns, next })
    }

    /// The next column's index among those of its kind, and its serialized value: a collection in
    /// its frozen form, a counter as its total. A value that is assembled from several cells is put
    /// into `scratch`.
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
