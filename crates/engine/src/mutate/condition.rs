//! Conditions of writes, and how a conditional write ends.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_rows::{Cell, Column, LiveRow, RowRef, StreamError};
use helenus_types::Value;

use super::resolve::{RowFinder, RowTarget};
use super::staged::{Span, Staged};
use crate::engine::{Inner, View};
use crate::error::{Error, Result};
use crate::select::Assembler;

/// How a column must compare with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal. Null equals null.
    Eq,
    /// Not equal.
    Ne,
    /// Less, in the order of the column's type. Null is not.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The conditions held and the write is acknowledged.
    Applied,
    /// They did not hold, and nothing was written. The columns of the row that was found, static ones first, those
    /// without a value as [`Value::Null`]; nothing when there is no row.
    Refused(Vec<(Arc<str>, Value)>),
}

impl Outcome {
    /// Whether the write was carried out.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        *self == Self::Applied
    }

    /// What a column of the row held that refused the write.
    #[must_use]
    pub fn current(&self, column: &str) -> Option<&Value> {
        match self {
            Self::Applied => None,
            Self::Refused(columns) => {
                columns.iter().find(|(name, _)| **name == *column).map(|(_, value)| value)
            }
        }
    }
}

/// One comparison.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) column: Arc<str>,
    pub(super) op: Op,
    /// Serialized, of a collection as a frozen one; `None` is null.
    pub(super) value: Option<Vec<u8>>,
}

/// What a write waits upon.
#[derive(Clone, Debug)]
pub(super) struct Check<'a> {
    /// Whether the row must exist, or must not.
    pub(super) exists: Option<bool>,
    pub(super) comparisons: &'a [Comparison],
    /// The partition.
    pub(super) key: Span,
    /// The row; `None` where the statement is about the static one alone.
    pub(super) clustering: Option<Span>,
}

impl Check<'_> {
    /// The refusal, if what is there is not as it should be.
    pub(super) fn refuses(
        &self,
        inner: &Inner,
        staged: &Staged,
        finder: &mut RowFinder,
        views: &[Arc<View>],
    ) -> Result<Option<Outcome>> {
        let Some(view) = views.first() else { return Ok(None) };
        let now = inner.now_seconds();
        let mut current = Current::default();
        let key = staged.get(self.key);
        let target =
            self.clustering.map_or(RowTarget::Static, |clustering| RowTarget::Row(staged.get(clustering)));
        let found = finder.find(view, key, target, true)?;
        current.take(found.static_row, true, view, now)?;
        current.take(found.row, false, view, now)?;
        let exists = if self.clustering.is_none() { current.has_static } else { current.has_row };
        let holds = self.exists.is_none_or(|wanted| wanted == exists)
            && self.comparisons.iter().all(|comparison| current.holds(comparison));
        if holds {
            return Ok(None);
        }
        current.decode(self, view).map(|columns| Some(Outcome::Refused(columns)))
    }
}

/// What is there.
#[derive(Debug, Default)]
struct Current {
    has_row: bool,
    has_static: bool,
    /// Serialized values by column; collections as frozen ones.
    values: Vec<(Column, Vec<u8>)>,
}

impl Current {
    fn take(&mut self, row: Option<RowRef<'_>>, is_static: bool, view: &View, now: u32) -> Result<()> {
        let Some(row) = row else { return Ok(()) };
        let strict = view.state.schema.strict_liveness();
        let live = match is_static {
            true => Some(LiveRow::of_any(row, now)),
            false => LiveRow::new(row, now, strict).transpose(),
        };
        let Some(live) = live else { return Ok(()) };
        let mut live = live.map_err(StreamError::from)?;
        let mut cells: Vec<(usize, Cell<'_>)> = Vec::new();
        while let Some(cell) = live.next().map_err(StreamError::from)? {
            cells.push(cell);
        }
        *(if is_static { &mut self.has_static } else { &mut self.has_row }) = !is_static || !cells.is_empty();
        for own in cells.chunk_by(|(a, _), (b, _)| a == b) {
            let Some(column) = own.first().and_then(|(at, _)| row.columns().get(*at)) else { continue };
            self.values.push((column.clone(), whole_value(column, own)?));
        }
        Ok(())
    }

    fn value(&self, column: &str) -> Option<&(Column, Vec<u8>)> {
        self.values.iter().find(|(own, _)| *own.name == *column)
    }

    fn holds(&self, comparison: &Comparison) -> bool {
        let Comparison { column, op, value } = comparison;
        match (self.value(column), value) {
            (None, None) => *op == Op::Eq,
            (None, Some(_)) | (Some(_), None) => *op == Op::Ne,
            (Some((column, current)), Some(value)) => {
                let order = column.ty.compare(current, value);
                match op {
                    Op::Eq => order == Ordering::Equal,
                    Op::Ne => order != Ordering::Equal,
                    Op::Lt => order == Ordering::Less,
                    Op::Le => order != Ordering::Greater,
                    Op::Gt => order == Ordering::Greater,
                    Op::Ge => order != Ordering::Less,
                }
            }
        }
    }

    /// The columns that were asked about, or all of them where existence was.
    fn decode(&self, check: &Check<'_>, view: &View) -> Result<Vec<(Arc<str>, Value)>> {
        if !self.has_row && !self.has_static {
            return Ok(Vec::new());
        }
        let schema = &view.state.schema;
        let regulars = if check.clustering.is_none() { &[] } else { schema.regulars().as_slice() };
        let all = schema.statics().as_slice().iter().chain(regulars);
        let asked = |column: &&Column| {
            check.exists.is_some() || check.comparisons.iter().any(|c| *c.column == *column.name)
        };
        all.filter(asked)
            .map(|column| {
                let value = match self.value(&column.name) {
                    Some((column, bytes)) => column.ty.decode(bytes).map_err(Error::from)?,
                    None => Value::Null,
                };
                Ok((column.name.clone(), value))
            })
            .collect()
    }
}

/// The serialized value that a column's live cells make, of a collection the frozen form.
fn whole_value(column: &Column, cells: &[(usize, Cell<'_>)]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if column.complex {
        let mut assembler = Assembler::new(&column.ty, &out);
        cells.iter().for_each(|(_, cell)| assembler.push(cell, &mut out));
        assembler.finish(&mut out);
        return Ok(out);
    }
    match cells.first() {
        Some((_, cell)) if column.counter => {
            Ok(cell.counter_total().map_err(StreamError::from)?.to_be_bytes().to_vec())
        }
        Some((_, cell)) => Ok(cell.value.to_vec()),
        None => Ok(out),
    }
}
