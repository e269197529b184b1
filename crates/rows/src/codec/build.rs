//! Encodes a row, cell by cell, without knowing its content beforehand.

use helenus_types::{Timestamp, vint};

use super::write::{seconds_delta, timestamp_delta, write_deletion};
use super::{RowRef, cell_flag, extended, flag};
use crate::cell::Cell;
use crate::deletion::DeletionTime;
use crate::header::{Columns, Header};
use crate::liveness::LivenessInfo;

/// An encoded row in buffers of its own, meant to be used again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowBuf {
    /// First byte.
    pub flags: u8,
    /// Extended flags.
    pub extended: u8,
    /// Encoded clustering.
    pub clustering: Vec<u8>,
    /// Body.
    pub body: Vec<u8>,
}

impl RowBuf {
    /// The row, to be read under the header that it was encoded against.
    #[inline]
    pub fn as_ref<'a>(&'a self, header: &'a Header) -> RowRef<'a> {
        RowRef {
            header,
            flags: self.flags,
            extended: self.extended,
            clustering: &self.clustering,
            body: &self.body,
        }
    }

    /// Copies a row's bytes.
    pub fn assign(&mut self, row: RowRef<'_>) {
        self.flags = row.flags;
        self.extended = row.extended;
        self.clustering.clear();
        self.clustering.extend_from_slice(row.clustering);
        self.body.clear();
        self.body.extend_from_slice(row.body);
    }
}

/// A complex column in the making: its cells are the builder's bytes from `begin` on.
#[derive(Clone, Copy, Debug)]
struct ComplexColumn {
    deletion: DeletionTime,
    cells: u64,
    begin: usize,
}

/// Some of the columns of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnSet {
    /// The first 64 columns, as bits: few tables have more.
    first: u64,
    more: Vec<u64>,
    count: usize,
}

impl ColumnSet {
    /// Takes in a column that comes after those in it.
    #[inline]
    pub fn insert(&mut self, column: usize) {
        let word = if column < 64 { &mut self.first } else { self.word_of_many(column) };
        debug_assert!(*word >> (column % 64) == 0, "columns come in canonical order");
        *word |= 1 << (column % 64);
        self.count += 1;
    }

    #[cold]
    fn word_of_many(&mut self, column: usize) -> &mut u64 {
        let at = column / 64 - 1;
        if self.more.len() <= at {
            self.more.resize(at + 1, 0);
        }
        let Some(word) = self.more.get_mut(at) else { unreachable!("there are words up to this one") };
        word
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.first = 0;
        self.more.clear();
        self.count = 0;
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn contains(&self, column: usize) -> bool {
        let word = match column / 64 {
            0 => Some(&self.first),
            word => self.more.get(word - 1),
        };
        word.is_some_and(|word| word >> (column % 64) & 1 != 0)
    }

    /// `Columns.Serializer.serializeSubset`.
    pub(super) fn write_subset(&self, total: usize, body: &mut Vec<u8>) {
        if total < 64 {
            let all = (1u64 << total) - 1;
            vint::write_unsigned(body, all & !self.first);
            return;
        }
        vint::write_unsigned(body, (total - self.count) as u64);
        let list_present = self.count < total / 2;
        for column in (0..total).filter(|&c| self.contains(c) == list_present) {
            vint::write_unsigned(body, column as u64);
        }
    }
}

/// Encodes rows: [`start`](Self::start), then the columns in canonical order, then
/// [`finish`](Self::finish).
///
/// Cells are encoded as they come; which flags and which column subset the row has is known at the
/// end. Reused, it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct RowBuilder {
    liveness: Option<LivenessInfo>,
    deletion: Option<(DeletionTime, bool)>,
    present: ColumnSet,
    cells: Vec<u8>,
    simple_end: usize,
    complex: Vec<ComplexColumn>,
}

impl RowBuilder {
    /// Begins a row with that marker and deletion; `shadowable` as in
    /// [`super::CellReader::is_shadowable`].
    pub fn start(&mut self, liveness: LivenessInfo, deletion: DeletionTime, shadowable: bool) {
        self.liveness = (!liveness.is_empty()).then_some(liveness);
        self.deletion = (!deletion.is_live()).then_some((deletion, shadowable));
        self.present.clear();
        self.cells.clear();
        self.simple_end = 0;
        self.complex.clear();
    }

    /// Whether nothing was put in: such a row must not be written.
    pub fn is_empty(&self) -> bool {
        self.liveness.is_none() && self.deletion.is_none() && self.present.is_empty()
    }

    /// Adds the cell of simple column `column`.
    #[inline]
    pub fn simple(&mut self, header: &Header, columns: &Columns, column: usize, cell: &Cell<'_>) {
        debug_assert!(self.complex.is_empty(), "simple columns come before complex ones");
        self.present.insert(column);
        let Some(spec) = columns.get(column) else { unreachable!("a cell is of one of the columns") };
        self.head(header).write(cell, false, spec.fixed_len, &mut self.cells);
        self.simple_end = self.cells.len();
    }

    /// Begins complex column `column`; its [`element`](Self::element)s follow in the order of their
    /// paths.
    #[inline]
    pub fn complex(&mut self, column: usize, deletion: DeletionTime) {
        self.present.insert(column);
        self.complex.push(ComplexColumn { deletion, cells: 0, begin: self.cells.len() });
    }

    /// Adds a cell to the complex column that began last.
    #[inline]
    pub fn element(&mut self, header: &Header, cell: &Cell<'_>) {
        let Some(column) = self.complex.last_mut() else {
            unreachable!("an element belongs to a complex column")
        };
        column.cells += 1;
        self.head(header).write(cell, true, None, &mut self.cells);
    }

    /// Encodes the row into `out`, whose clustering is not touched.
    pub fn finish(&mut self, header: &Header, is_static: bool, out: &mut RowBuf) {
        let columns = header.columns(is_static);
        assert!(self.present.len() <= columns.len(), "a row's columns are those of its kind");
        let mut flags = 0;
        let mut ext = if is_static { extended::IS_STATIC } else { 0 };
        let body = &mut out.body;
        body.clear();
        if let Some(liveness) = self.liveness {
            flags |= flag::HAS_TIMESTAMP;
            if liveness.is_expiring() {
                flags |= flag::HAS_TTL;
            }
            liveness.write(header, body);
        }
        if let Some((deletion, shadowable)) = self.deletion {
            flags |= flag::HAS_DELETION;
            if shadowable {
                ext |= extended::HAS_SHADOWABLE_DELETION;
            }
            write_deletion(header, deletion, body);
        }
        if self.present.len() == columns.len() {
            flags |= flag::HAS_ALL_COLUMNS;
        } else {
            self.present.write_subset(columns.len(), body);
        }
        body.extend_from_slice(self.cells_between(0, self.simple_end));
        // One real complex deletion makes every complex column of the row carry one.
        if self.complex.iter().any(|c| !c.deletion.is_live()) {
            flags |= flag::HAS_COMPLEX_DELETION;
        }
        let ends = self.complex.iter().skip(1).map(|c| c.begin).chain([self.cells.len()]);
        for (column, end) in self.complex.iter().zip(ends) {
            if flags & flag::HAS_COMPLEX_DELETION != 0 {
                write_deletion(header, column.deletion, body);
            }
            vint::write_unsigned(body, column.cells);
            body.extend_from_slice(self.cells_between(column.begin, end));
        }
        if ext != 0 {
            flags |= flag::EXTENSION;
        }
        out.flags = flags;
        out.extended = ext;
    }

    #[inline]
    fn cells_between(&self, begin: usize, end: usize) -> &[u8] {
        let Some(cells) = self.cells.get(begin..end) else {
            unreachable!("columns begin and end among cells")
        };
        cells
    }

    #[inline]
    fn head<'h>(&self, header: &'h Header) -> CellHead<'h> {
        CellHead { header, row: self.liveness.unwrap_or(LivenessInfo::EMPTY) }
    }
}

impl LivenessInfo {
    /// Appends a liveness marker in the form that a row's body has.
    pub(super) fn write(&self, header: &Header, body: &mut Vec<u8>) {
        vint::write_unsigned(body, timestamp_delta(header, self.timestamp.0));
        if self.is_expiring() {
            let expiration = self.local_expiration_time.0;
            vint::write_unsigned(body, seconds_delta(self.ttl, header.base.min_ttl));
            vint::write_unsigned(body, seconds_delta(expiration, header.base.min_local_deletion_time.0));
        }
    }
}

/// The header and liveness that the cells of a row are encoded against.
#[derive(Clone, Copy, Debug)]
pub(super) struct CellHead<'a> {
    pub(super) header: &'a Header,
    /// The row's marker.
    pub(super) row: LivenessInfo,
}

impl CellHead<'_> {
    /// Appends the bytes before the length and the value of a live cell.
    #[inline]
    pub(super) fn write_live(self, timestamp: Timestamp, out: &mut Vec<u8>) {
        if !self.row.is_empty() && self.row.timestamp == timestamp {
            out.push(cell_flag::USE_ROW_TIMESTAMP);
        } else {
            out.push(0);
            vint::write_unsigned(out, timestamp_delta(self.header, timestamp.0));
        }
    }

    /// Appends a cell.
    #[inline]
    pub(super) fn write(self, cell: &Cell<'_>, has_path: bool, fixed: Option<usize>, out: &mut Vec<u8>) {
        let Self { header, row } = self;
        let same_time = !row.is_empty() && row.timestamp == cell.timestamp;
        let same_ttl = cell.is_expiring()
            && row.is_expiring()
            && row.ttl == cell.ttl
            && row.local_expiration_time == cell.local_deletion_time;
        let mut flags = 0;
        if cell.is_tombstone() {
            flags |= cell_flag::IS_DELETED;
        } else if cell.is_expiring() {
            flags |= cell_flag::IS_EXPIRING;
        }
        if cell.value.is_empty() {
            flags |= cell_flag::HAS_EMPTY_VALUE;
        }
        if same_time {
            flags |= cell_flag::USE_ROW_TIMESTAMP;
        }
        if same_ttl {
            flags |= cell_flag::USE_ROW_TTL;
        }
        out.push(flags);
        if !same_time {
            vint::write_unsigned(out, timestamp_delta(header, cell.timestamp.0));
        }
        if !same_ttl && flags & (cell_flag::IS_DELETED | cell_flag::IS_EXPIRING) != 0 {
            let seconds = cell.local_deletion_time.0;
            vint::write_unsigned(out, seconds_delta(seconds, header.base.min_local_deletion_time.0));
            if cell.is_expiring() {
                vint::write_unsigned(out, seconds_delta(cell.ttl, header.base.min_ttl));
            }
        }
        if has_path {
            vint::write_unsigned(out, cell.path.len() as u64);
            out.extend_from_slice(cell.path);
        }
        if !cell.value.is_empty() {
            match fixed {
                Some(len) => assert!(cell.value.len() == len, "a value has its type's length"),
                None => vint::write_unsigned(out, cell.value.len() as u64),
            }
            out.extend_from_slice(cell.value);
        }
    }
}
