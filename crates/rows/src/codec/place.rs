//! Encoding a row where it is to stand, with nothing copied afterwards: its columns are known
//! beforehand.

use helenus_types::{Timestamp, vint};

use super::build::{CellHead, ColumnSet};
use super::times::TimePlaces;
use super::write::write_deletion;
use super::{cell_flag, extended, flag};
use crate::cell::Cell;
use crate::deletion::DeletionTime;
use crate::header::{Columns, Header};
use crate::liveness::LivenessInfo;

/// A row's place in an update; its clustering is appended after its flags.
#[derive(Clone, Copy, Debug)]
pub struct RowPlace {
    at: usize,
    is_static: bool,
}

impl RowPlace {
    /// Begins a row at the end of `out`.
    #[inline]
    pub fn begin(out: &mut Vec<u8>, is_static: bool) -> Self {
        let at = out.len();
        out.push(0);
        if is_static {
            out.push(extended::IS_STATIC);
        }
        Self { at, is_static }
    }
}

/// The facts of a row that are known before its cells.
#[derive(Clone, Copy, Debug)]
pub struct RowHead<'a> {
    /// Its marker.
    pub liveness: LivenessInfo,
    /// Its deletion.
    pub deletion: DeletionTime,
    /// Its columns; some of them may be absent.
    pub columns: &'a ColumnSet,
    /// Whether one of its complex columns is deleted.
    pub has_complex_deletion: bool,
    /// Length that its body will have, about: a wrong one costs a move.
    pub len_hint: usize,
}

/// Encodes a row in its place: [`RowPlace::begin`], the clustering, [`start`](Self::start), the
/// columns in canonical order, [`finish`](Self::finish).
#[derive(Debug)]
pub struct RowWriter<'a> {
    header: &'a Header,
    columns: &'a Columns,
    out: &'a mut Vec<u8>,
    place: RowPlace,
    head: RowHead<'a>,
    len_at: usize,
    body_at: usize,
    subset: (usize, usize),
    present: ColumnSet,
    /// Where its times stand, if they are to be noted.
    times: Option<&'a mut TimePlaces>,
}

/// Where a cell's value begins, when the caller writes it.
#[derive(Clone, Copy, Debug)]
pub struct ValuePlace {
    cell_at: usize,
    value_at: usize,
    /// Length that the value must have; one that may have any has a length before it.
    fixed_len: Option<usize>,
    column: usize,
}

impl<'a> RowWriter<'a> {
    /// Goes on after the clustering of the row at `place`. Where its times are not final, their
    /// places are noted in `times`.
    #[inline]
    pub fn start(
        out: &'a mut Vec<u8>,
        header: &'a Header,
        place: RowPlace,
        head: RowHead<'a>,
        mut times: Option<&'a mut TimePlaces>,
    ) -> Self {
        let columns = header.columns(place.is_static);
        let len_at = out.len();
        vint::write_unsigned(out, head.len_hint as u64);
        let body_at = out.len();
        if !head.liveness.is_empty() {
            head.liveness.write(header, out);
            if let Some(times) = &mut times {
                assert!(!head.liveness.is_expiring(), "the end of a life depends on more than its moment");
                times.timestamp(body_at);
            }
        }
        if !head.deletion.is_live() {
            let at = out.len();
            write_deletion(header, head.deletion, out);
            if let Some(times) = &mut times {
                times.deletion(at, out);
            }
        }
        let subset_at = out.len();
        if head.columns.len() < columns.len() {
            head.columns.write_subset(columns.len(), out);
        }
        let subset = (subset_at, out.len());
        let present = ColumnSet::default();
        Self { header, columns, out, place, head, len_at, body_at, subset, present, times }
    }

    /// Adds the cell of simple column `column`.
    #[inline]
    pub fn simple(&mut self, column: usize, cell: &Cell<'_>) {
        self.present.insert(column);
        let fixed_len = self.fixed_len(column);
        self.cell(cell, false, fixed_len);
    }

    #[inline]
    fn cell(&mut self, cell: &Cell<'_>, has_path: bool, fixed_len: Option<usize>) {
        let at = self.out.len();
        CellHead { header: self.header, row: self.head.liveness }.write(cell, has_path, fixed_len, self.out);
        if let Some(times) = &mut self.times {
            times.cell(at, self.out);
        }
    }

    /// Begins the live cell of simple column `column`, whose value is appended to
    /// [`out`](Self::out).
    #[inline]
    pub fn begin_value(&mut self, column: usize, timestamp: Timestamp) -> ValuePlace {
        let cell_at = self.out.len();
        let head = CellHead { header: self.header, row: self.head.liveness };
        head.write_live(timestamp, self.out);
        if let Some(times) = &mut self.times {
            times.cell(cell_at, self.out);
        }
        let fixed_len = self.fixed_len(column);
        if fixed_len.is_none() {
            self.out.push(0);
        }
        ValuePlace { cell_at, value_at: self.out.len(), fixed_len, column }
    }

    /// Where values are appended.
    #[inline]
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Ends a cell whose value was appended.
    #[inline]
    pub fn end_value(&mut self, value: ValuePlace) {
        self.present.insert(value.column);
        let len = self.out.len() - value.value_at;
        if len == 0 {
            // An empty value has a flag in the place of a length.
            self.out.truncate(value.value_at - usize::from(value.fixed_len.is_none()));
            let Some(flags) = self.out.get_mut(value.cell_at) else { unreachable!("the cell has flags") };
            *flags |= cell_flag::HAS_EMPTY_VALUE;
        } else if let Some(fixed_len) = value.fixed_len {
            assert!(len == fixed_len, "a value has its type's length");
        } else {
            replace_len(self.out, value.value_at - 1, value.value_at, len as u64);
        }
    }

    #[inline]
    fn fixed_len(&self, column: usize) -> Option<usize> {
        let Some(spec) = self.columns.get(column) else { unreachable!("a cell is of one of the columns") };
        spec.fixed_len
    }

    /// Takes a cell back whose value did not come.
    #[inline]
    pub fn drop_value(&mut self, value: ValuePlace) {
        self.out.truncate(value.cell_at);
        if let Some(times) = &mut self.times {
            times.cut(value.cell_at);
        }
    }

    /// Begins complex column `column`; `elements` [`element`](Self::element)s follow in the order
    /// of their paths.
    #[inline]
    pub fn complex(&mut self, column: usize, deletion: DeletionTime, elements: usize) {
        self.present.insert(column);
        debug_assert!(self.head.has_complex_deletion || deletion.is_live(), "it was said that there is none");
        // One real complex deletion makes every complex column of the row carry one.
        if self.head.has_complex_deletion {
            let at = self.out.len();
            write_deletion(self.header, deletion, self.out);
            if let Some(times) = self.times.as_mut().filter(|_| !deletion.is_live()) {
                times.deletion(at, self.out);
            }
        }
        vint::write_unsigned(self.out, elements as u64);
    }

    /// Adds a cell to the complex column that began last.
    #[inline]
    pub fn element(&mut self, cell: &Cell<'_>) {
        self.cell(cell, true, None);
    }

    /// Ends the row; returns the length of its body, or `None`, and nothing is left of it, when it
    /// holds nothing.
    #[inline]
    pub fn finish(self) -> Option<usize> {
        let Self { columns, out, place, head, len_at, body_at, subset, present, mut times, .. } = self;
        let liveness = head.liveness;
        if liveness.is_empty() && head.deletion.is_live() && present.is_empty() {
            out.truncate(place.at);
            return None;
        }
        if present != *head.columns {
            assert!(present.len() < head.columns.len(), "columns come that were told");
            let mut other = Vec::new();
            present.write_subset(columns.len(), &mut other);
            if let Some(times) = &mut times {
                times.moved(subset.1, subset.0 + other.len());
            }
            out.splice(subset.0..subset.1, other);
        }
        let mut flags = 0;
        let mut set = |wanted: bool, flag: u8| flags |= if wanted { flag } else { 0 };
        set(!liveness.is_empty(), flag::HAS_TIMESTAMP);
        set(liveness.is_expiring(), flag::HAS_TTL);
        set(!head.deletion.is_live(), flag::HAS_DELETION);
        set(present.len() == columns.len(), flag::HAS_ALL_COLUMNS);
        set(head.has_complex_deletion, flag::HAS_COMPLEX_DELETION);
        set(place.is_static, flag::EXTENSION);
        let Some(at) = out.get_mut(place.at) else { unreachable!("the row has flags") };
        *at = flags;
        let len = out.len() - body_at;
        replace_len(out, len_at, body_at, len as u64);
        if let Some(times) = &mut times {
            times.moved(body_at, len_at + vint::unsigned_len(len as u64));
        }
        Some(len)
    }
}

/// Writes a length in the place of the one at `from..to`.
#[inline]
fn replace_len(out: &mut Vec<u8>, from: usize, to: usize, len: u64) {
    let (old, new) = (to - from, vint::unsigned_len(len));
    if new > old {
        let end = out.len();
        out.resize(end + new - old, 0);
        out.copy_within(to..end, from + new);
    } else if new < old {
        out.copy_within(to.., from + new);
        out.truncate(out.len() + new - old);
    }
    if new == 1 {
        let (Some(place), Ok(len)) = (out.get_mut(from), u8::try_from(len)) else {
            unreachable!("the length has its place")
        };
        *place = len;
        return;
    }
    let end = out.len();
    vint::write_unsigned(out, len);
    out.copy_within(end.., from);
    out.truncate(end);
}
