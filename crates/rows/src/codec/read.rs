//! Reading rows and markers from bytes, without copying any.

use std::borrow::Cow;

use helenus_types::{DecodeError, LocalDeletionTime, Timestamp, vint};

use super::{cell_flag, extended, flag};
use crate::cell::Cell;
use crate::clustering::{Bound, BoundKind, Position};
use crate::deletion::DeletionTime;
use crate::header::{Columns, Header, ValueKind};
use crate::liveness::LivenessInfo;

/// A row as bytes, with the header that gives them meaning.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    /// The header that the body is encoded against.
    pub header: &'a Header,
    /// First byte.
    pub flags: u8,
    /// Extended flags, 0 where there are none.
    pub extended: u8,
    /// Encoded clustering values; empty for a static row and where the table has no clustering
    /// columns.
    pub clustering: &'a [u8],
    /// Liveness, deletion, column subset and columns.
    pub body: &'a [u8],
}

/// A range tombstone marker (`db.rows.RangeTombstoneMarker`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkerRef<'a> {
    /// Its bound.
    pub bound: Bound<'a>,
    /// The deletion that ends here; [`DeletionTime::LIVE`] for a start bound.
    pub close: DeletionTime,
    /// The deletion that begins here; [`DeletionTime::LIVE`] for an end bound.
    pub open: DeletionTime,
}

/// A row or a range tombstone marker: what a partition holds after its head.
#[derive(Clone, Copy, Debug)]
pub enum Unfiltered<'a> {
    /// A row.
    Row(RowRef<'a>),
    /// A range tombstone marker.
    Marker(MarkerRef<'a>),
}

/// Result of looking for an unfiltered at a place in a buffer.
#[derive(Clone, Copy, Debug)]
pub enum UnfilteredFrame<'a> {
    /// An unfiltered, and where the bytes after it begin.
    Unfiltered(Unfiltered<'a>, usize),
    /// The end of the partition, and where the bytes after it begin.
    EndOfPartition(usize),
    /// The buffer ends first; at least that many bytes from the unfiltered's start are needed.
    Incomplete(usize),
}

impl<'a> RowRef<'a> {
    /// Whether this is a partition's static row.
    #[inline]
    pub fn is_static(&self) -> bool {
        self.extended & extended::IS_STATIC != 0
    }

    /// The columns that the body is encoded against.
    #[inline]
    pub fn columns(&self) -> &'a Columns {
        self.header.columns(self.is_static())
    }

    /// The row's place in clustering order.
    #[inline]
    pub fn position(&self) -> Position<'a> {
        Position::row(&self.header.clustering, self.clustering)
    }

    /// Whether the row has a form that only ScyllaDB writes: a shadowable deletion in addition to
    /// the ordinary one. It is read as the deletion that wins, and must be encoded again when it is
    /// written: Cassandra doesn't know the flag.
    #[inline]
    pub fn is_of_scylla(&self) -> bool {
        self.extended & extended::HAS_SHADOWABLE_BESIDE != 0
    }

    /// Whether the row has no liveness, no deletion and no column (its columns were dropped before
    /// it was written). Readers skip such a row.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    #[inline]
    pub fn is_empty(&self) -> Result<bool, DecodeError> {
        if self.flags & (flag::HAS_TIMESTAMP | flag::HAS_DELETION) != 0 || self.is_of_scylla() {
            return Ok(false);
        }
        if self.flags & flag::HAS_ALL_COLUMNS != 0 {
            return Ok(self.columns().is_empty());
        }
        Ok(self.cells()?.next()?.is_none())
    }

    /// Reads the head of the body; the reader is then before the first column.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    #[expect(clippy::inline_always, reason = "moving a reader takes longer than making one")]
    #[inline(always)]
    pub fn cells(&self) -> Result<CellReader<'a>, DecodeError> {
        CellReader::new(*self)
    }

    /// How many bytes of a packed row precede its clustering: its flags, and the extended ones if
    /// they say so.
    #[inline]
    pub const fn packed_head_len(flags: u8) -> usize {
        if flags & flag::EXTENSION != 0 { 2 } else { 1 }
    }

    /// Appends flags, clustering and body, from which [`RowRef::unpack`] makes the row again.
    #[inline]
    pub fn pack(&self, out: &mut Vec<u8>) {
        out.push(self.flags);
        if self.flags & flag::EXTENSION != 0 {
            out.push(self.extended);
        }
        out.extend_from_slice(self.clustering);
        out.extend_from_slice(self.body);
    }

    /// Length of what [`RowRef::pack`] appends.
    #[inline]
    pub fn packed_len(&self) -> usize {
        Self::packed_head_len(self.flags) + self.clustering.len() + self.body.len()
    }

    /// The row that was packed into exactly these bytes, with a clustering of that length; `None`
    /// when they are too short.
    #[inline]
    pub fn unpack(header: &'a Header, packed: &'a [u8], clustering_len: usize) -> Option<Self> {
        let (&flags, mut rest) = packed.split_first()?;
        let mut extended = 0;
        if flags & flag::EXTENSION != 0 {
            let (&byte, after) = rest.split_first()?;
            (extended, rest) = (byte, after);
        }
        let (clustering, body) = rest.split_at_checked(clustering_len)?;
        Some(Self { header, flags, extended, clustering, body })
    }
}

impl<'a> Unfiltered<'a> {
    /// Its place in clustering order.
    #[inline]
    pub fn position(&self) -> Position<'a> {
        match self {
            Self::Row(row) => row.position(),
            Self::Marker(marker) => marker.bound.position(),
        }
    }
}

/// An item that a [`CellReader`] returns, in the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellEvent<'a> {
    /// The cell of a simple column.
    Simple {
        /// Index of the column.
        column: usize,
        /// Its cell.
        cell: Cell<'a>,
    },
    /// A complex column begins.
    Complex {
        /// Index of the column.
        column: usize,
        /// Deletion of the whole column, or live.
        deletion: DeletionTime,
        /// Number of [`CellEvent::Element`]s that follow.
        cells: u64,
    },
    /// A cell of the complex column that began last.
    Element {
        /// Index of the column.
        column: usize,
        /// The cell, with its path.
        cell: Cell<'a>,
    },
}

/// Reads a row's cells one after the other, borrowing paths and values.
///
/// It is made and moved once for each row: up to 128 bytes of it move in registers, more by a call
/// that takes longer than a cell.
#[derive(Clone, Debug)]
pub struct CellReader<'a> {
    header: &'a Header,
    columns: &'a Columns,
    /// The bytes not yet read.
    rest: &'a [u8],
    body_len: usize,
    liveness: LivenessInfo,
    deletion: DeletionTime,
    shadowable: bool,
    /// Whether a shadowable deletion follows the ordinary one.
    shadowable_beside: bool,
    complex_deletions: bool,
    /// Index of the complex column that began last.
    element_column: u32,
    elements_left: u64,
    subset: Subset<'a>,
}

const _: () = assert!(size_of::<Result<CellReader<'_>, DecodeError>>() <= 128);

/// The columns that are still to come.
#[derive(Clone, Copy, Debug)]
enum Subset<'a> {
    /// As bits, where the table has fewer than 64 columns of the kind.
    Small(u64),
    /// As a list, where the table has 64 or more.
    Large(LargeSubset<'a>),
}

/// A column subset of 64 columns or more, read as it goes: a list of the columns that are there, or
/// of those that are missing, whichever is shorter.
#[derive(Clone, Copy, Debug)]
struct LargeSubset<'a> {
    /// Indices as uvints, ascending, checked.
    list: &'a [u8],
    lists_present: bool,
    /// Index of the next column that may be there.
    next: u32,
    /// Next index of the list; the number of columns after its last.
    listed: u32,
}

impl LargeSubset<'_> {
    fn next_column(&mut self, total: usize) -> Option<usize> {
        let end = small(total);
        if self.lists_present {
            self.next = self.listed;
            self.next_listed(end);
        } else {
            while self.next == self.listed && self.next < end {
                self.next += 1;
                self.next_listed(end);
            }
        }
        let column = self.next;
        self.next = self.next.saturating_add(1);
        (column < end).then_some(column as usize)
    }

    fn next_listed(&mut self, end: u32) {
        self.listed = end;
        if let Some((index, len)) = vint::read_unsigned(self.list) {
            self.list = self.list.get(len..).unwrap_or_default();
            self.listed = u32::try_from(index).unwrap_or(end);
        }
    }
}

impl<'a> CellReader<'a> {
    #[expect(clippy::inline_always, reason = "moving a reader takes longer than making one")]
    #[inline(always)]
    fn new(row: RowRef<'a>) -> Result<Self, DecodeError> {
        let mut reader = Self::before(row);
        reader.read_head(row.flags)?;
        Ok(reader)
    }

    /// A reader whose [`read_head`](Self::read_head) must be called first: it is made in its place
    /// before it is filled.
    #[inline]
    pub(crate) fn before(row: RowRef<'a>) -> Self {
        Self {
            header: row.header,
            columns: row.columns(),
            rest: row.body,
            body_len: row.body.len(),
            liveness: LivenessInfo::EMPTY,
            deletion: DeletionTime::LIVE,
            shadowable: row.extended & extended::HAS_SHADOWABLE_DELETION != 0,
            shadowable_beside: row.is_of_scylla(),
            complex_deletions: row.flags & flag::HAS_COMPLEX_DELETION != 0,
            element_column: 0,
            elements_left: 0,
            subset: Subset::Small(0),
        }
    }

    /// Reads the fields before the first column of a row with those flags.
    #[inline]
    pub(crate) fn read_head(&mut self, flags: u8) -> Result<(), DecodeError> {
        if flags & flag::HAS_TIMESTAMP != 0 {
            self.liveness.timestamp = self.timestamp()?;
            if flags & flag::HAS_TTL != 0 {
                // Here the ttl precedes the expiration; in a cell it follows.
                self.liveness.ttl = self.ttl()?;
                self.liveness.local_expiration_time = self.local_deletion_time()?;
            }
        }
        if flags & flag::HAS_DELETION != 0 {
            self.deletion = self.deletion_time()?;
        }
        if self.shadowable_beside {
            self.shadowable_deletion()?;
        }
        self.column_subset(flags & flag::HAS_ALL_COLUMNS != 0)
    }

    /// One of ScyllaDB's two deletions of a row wins: the shadowable one if it is the later, unless
    /// the row's marker is later still. (Its `row_tombstone` keeps both; here the ordinary one is
    /// lost once a newer marker comes from another source, as in Cassandra, where a row has room
    /// for one.)
    #[cold]
    fn shadowable_deletion(&mut self) -> Result<(), DecodeError> {
        let shadowable = self.deletion_time()?;
        if shadowable.supersedes(&self.deletion) && self.liveness.timestamp <= shadowable.marked_for_delete_at
        {
            self.deletion = shadowable;
            self.shadowable = true;
        }
        Ok(())
    }

    /// The row's marker.
    #[inline]
    pub fn liveness(&self) -> LivenessInfo {
        self.liveness
    }

    /// The row's deletion, or live.
    #[inline]
    pub fn deletion(&self) -> DeletionTime {
        self.deletion
    }

    /// Whether a newer liveness cancels the row's deletion (old materialized views).
    #[inline]
    pub fn is_shadowable(&self) -> bool {
        self.shadowable && !self.deletion.is_live()
    }

    /// The next cell or complex column; `None` after the last.
    ///
    /// # Errors
    /// Where the bytes are not a row's; offsets count from the start of the body.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    #[expect(
        clippy::inline_always,
        reason = "a cell returned through memory stalls its reader: twice the time"
    )]
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<CellEvent<'a>>, DecodeError> {
        let (column, kind) = if self.elements_left > 0 {
            self.elements_left -= 1;
            (self.element_column as usize, ValueKind::Element)
        } else {
            let Some(column) = self.next_column() else {
                return if self.rest.is_empty() { Ok(None) } else { Err(self.too_long()) };
            };
            (column, self.columns.value_kind(column))
        };
        if kind == ValueKind::Complex {
            return self.complex(column).map(Some);
        }
        let cell = self.cell(kind)?;
        Ok(Some(match kind {
            ValueKind::Element => CellEvent::Element { column, cell },
            _ => CellEvent::Simple { column, cell },
        }))
    }

    /// The next element of the complex column that began last; `None` after its last one.
    #[inline]
    pub(crate) fn next_element(&mut self) -> Result<Option<Cell<'a>>, DecodeError> {
        if self.elements_left == 0 {
            return Ok(None);
        }
        self.elements_left -= 1;
        self.cell(ValueKind::Element).map(Some)
    }

    fn complex(&mut self, column: usize) -> Result<CellEvent<'a>, DecodeError> {
        let deletion = if self.complex_deletions { self.deletion_time()? } else { DeletionTime::LIVE };
        let cells = self.uvint("the number of cells")?;
        if cells > self.rest.len() as u64 {
            return Err(self.error("as many cells as fit the row", || cells.to_string()));
        }
        self.elements_left = cells;
        self.element_column = small(column);
        Ok(CellEvent::Complex { column, deletion, cells })
    }

    #[inline]
    fn next_column(&mut self) -> Option<usize> {
        match &mut self.subset {
            Subset::Small(0) => None,
            Subset::Small(present) => {
                let column = present.trailing_zeros() as usize;
                *present &= *present - 1;
                Some(column)
            }
            Subset::Large(large) => large.next_column(self.columns.len()),
        }
    }

    /// `Columns.Serializer.deserializeSubset`: under 64 columns a bitmap of the missing ones, else
    /// a list.
    #[inline]
    fn column_subset(&mut self, is_full: bool) -> Result<(), DecodeError> {
        let total = self.columns.len();
        if total >= 64 {
            return self.large_subset(total, is_full);
        }
        let all = (1 << total) - 1;
        let missing = if is_full { 0 } else { self.uvint("a column subset")? };
        if missing & !all != 0 {
            return Err(self.error("a bitmap of the header's columns", || format!("{missing:#x}")));
        }
        self.subset = Subset::Small(all & !missing);
        Ok(())
    }

    fn large_subset(&mut self, total: usize, is_full: bool) -> Result<(), DecodeError> {
        let missing = if is_full { 0 } else { self.uvint("a column subset")? };
        let present = usize::try_from(missing).ok().and_then(|missing| total.checked_sub(missing));
        let Some(present) = present else {
            return Err(self.error("at most all columns missing", || missing.to_string()));
        };
        let lists_present = present < total / 2;
        let list = self.rest;
        let mut least = 0;
        for _ in 0..if lists_present { present } else { total - present } {
            let index = self.uvint("the index of a column")?;
            if index < least || index >= total as u64 {
                return Err(self.error("the index of a later column", || index.to_string()));
            }
            least = index + 1;
        }
        let list = list.get(..list.len() - self.rest.len()).unwrap_or_default();
        let mut subset = LargeSubset { list, lists_present, next: 0, listed: 0 };
        subset.next_listed(small(total));
        self.subset = Subset::Large(subset);
        Ok(())
    }

    #[expect(
        clippy::inline_always,
        reason = "a cell returned through memory stalls its reader: twice the time"
    )]
    #[inline(always)]
    fn cell(&mut self, kind: ValueKind) -> Result<Cell<'a>, DecodeError> {
        let Some((&flags, rest)) = self.rest.split_first() else { return Err(self.short("a cell")) };
        self.rest = rest;
        let timestamp = if flags & cell_flag::USE_ROW_TIMESTAMP != 0 {
            self.liveness.timestamp
        } else {
            self.timestamp()?
        };
        let mut local_deletion_time = LocalDeletionTime::NONE;
        let mut ttl = 0;
        if flags & cell_flag::USE_ROW_TTL != 0 {
            local_deletion_time = self.liveness.local_expiration_time;
            ttl = self.liveness.ttl;
        } else if flags & (cell_flag::IS_DELETED | cell_flag::IS_EXPIRING) != 0 {
            local_deletion_time = self.local_deletion_time()?;
            if flags & cell_flag::IS_EXPIRING != 0 {
                ttl = self.ttl()?;
            }
        }
        let path = if kind == ValueKind::Element {
            let len = self.uvint("the length of a cell path")?;
            self.bytes(len, "a cell path")?
        } else {
            &[]
        };
        let value = if flags & cell_flag::HAS_EMPTY_VALUE != 0 {
            &[]
        } else {
            let len = match kind {
                ValueKind::Fixed(len) => u64::from(len),
                _ => self.uvint("the length of a value")?,
            };
            self.bytes(len, "a value")?
        };
        Ok(Cell { timestamp, ttl, local_deletion_time, path, value })
    }

    #[inline]
    fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        let delta = self.uvint("a timestamp")?;
        Ok(Timestamp(self.header.base.min_timestamp.0.wrapping_add(delta.cast_signed())))
    }

    #[inline]
    fn ttl(&mut self) -> Result<u32, DecodeError> {
        let delta = self.uvint("a ttl")?;
        Ok(self.header.base.min_ttl.wrapping_add(low_half(delta)))
    }

    #[inline]
    fn local_deletion_time(&mut self) -> Result<LocalDeletionTime, DecodeError> {
        let delta = self.uvint("a local deletion time")?;
        Ok(local_deletion_time(self.header, delta))
    }

    fn deletion_time(&mut self) -> Result<DeletionTime, DecodeError> {
        let marked_for_delete_at = self.timestamp()?;
        let local_deletion_time = self.local_deletion_time()?;
        Ok(normalised(DeletionTime { marked_for_delete_at, local_deletion_time }))
    }

    #[inline]
    fn uvint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        match vint::read_unsigned(self.rest).and_then(|(value, len)| Some((value, self.rest.get(len..)?))) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value)
            }
            None => Err(self.short(what)),
        }
    }

    #[inline]
    fn bytes(&mut self, len: u64, what: &'static str) -> Result<&'a [u8], DecodeError> {
        match usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.error(what, || format!("{len} bytes where {} are left", self.rest.len()))),
        }
    }

    #[cold]
    fn short(&self, expected: &'static str) -> DecodeError {
        self.error(expected, || "the end of the row".to_string())
    }

    #[cold]
    fn too_long(&self) -> DecodeError {
        self.error("the end of the row", || format!("{} more bytes", self.rest.len()))
    }

    #[cold]
    fn error(&self, expected: &'static str, found: impl FnOnce() -> String) -> DecodeError {
        let offset = (self.body_len - self.rest.len()) as u64;
        DecodeError::new(offset, Cow::Borrowed(expected), Cow::Owned(found()))
    }
}

/// A live deletion has one form in memory, whichever deletion time the file has with the smallest
/// timestamp.
#[inline]
fn normalised(deletion: DeletionTime) -> DeletionTime {
    if deletion.is_live() { DeletionTime::LIVE } else { deletion }
}

/// Adds in 32 bits, as every release did; the meaning of a negative sum is a capability of the
/// file.
#[inline]
fn local_deletion_time(header: &Header, delta: u64) -> LocalDeletionTime {
    let seconds = header.base.min_local_deletion_time.0.wrapping_add(low_half(delta));
    if header.capabilities.unsigned_deletion_times {
        LocalDeletionTime(seconds)
    } else if seconds == i32::MAX.unsigned_abs() {
        LocalDeletionTime::NONE
    } else if seconds > i32::MAX.unsigned_abs() {
        LocalDeletionTime::INVALID
    } else {
        LocalDeletionTime(seconds)
    }
}

/// The index or number of a column. No table has 2^32.
#[inline]
fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the format's arithmetic is modulo 2^32")]
#[inline]
fn low_half(value: u64) -> u32 {
    value as u32
}

/// Parses the unfiltered that begins at `pos` of `buf`, without parsing a row's body.
///
/// `is_static` says whether the partition's static row is expected there, or anything else.
///
/// # Errors
/// When the bytes are not an unfiltered, whatever follows. Offsets count from the start of `buf`.
#[expect(clippy::inline_always, reason = "what it finds is larger than what it looks at")]
#[inline(always)]
pub fn read_unfiltered<'a>(
    header: &'a Header,
    buf: &'a [u8],
    pos: usize,
    is_static: bool,
) -> Result<UnfilteredFrame<'a>, DecodeError> {
    let Some(&flags) = buf.get(pos) else { return Ok(UnfilteredFrame::Incomplete(1)) };
    if flags & flag::END_OF_PARTITION != 0 && !is_static {
        return Ok(UnfilteredFrame::EndOfPartition(pos + 1));
    }
    if flags & flag::IS_MARKER != 0 && !is_static {
        return read_marker(header, buf, pos);
    }
    let mut at = pos + 1;
    let mut extended = 0;
    if flags & flag::EXTENSION != 0 {
        let Some(&byte) = buf.get(at) else { return Ok(UnfilteredFrame::Incomplete(2)) };
        extended = byte;
        at += 1;
    }
    check_row_flags(pos, flags, extended, is_static)?;
    let clustering_at = at;
    if !is_static {
        match header.clustering.frame(buf, at, header.clustering.len())? {
            Some(end) => at = end,
            None => return Ok(UnfilteredFrame::Incomplete(buf.len() - pos + 1)),
        }
    }
    let clustering = buf.get(clustering_at..at).unwrap_or_default();
    match sized(buf, pos, at)? {
        Sized::Body(body, end) => {
            let row = RowRef { header, flags, extended, clustering, body };
            Ok(UnfilteredFrame::Unfiltered(Unfiltered::Row(row), end))
        }
        Sized::Incomplete(needed) => Ok(UnfilteredFrame::Incomplete(needed)),
    }
}

fn check_row_flags(pos: usize, flags: u8, extended: u8, is_static: bool) -> Result<(), DecodeError> {
    let found = || format!("flags {flags:#04x} {extended:#04x}");
    if is_static
        && (extended & extended::IS_STATIC == 0 || flags & (flag::END_OF_PARTITION | flag::IS_MARKER) != 0)
    {
        return Err(DecodeError::new(pos as u64, "a static row", found()));
    }
    if !is_static && extended & extended::IS_STATIC != 0 {
        return Err(DecodeError::new(pos as u64, "a row that is not static", found()));
    }
    let known = extended::IS_STATIC | extended::HAS_SHADOWABLE_DELETION | extended::HAS_SHADOWABLE_BESIDE;
    if extended & !known != 0 {
        return Err(DecodeError::new(pos as u64, "extended flags that are known", found()));
    }
    if extended & extended::HAS_SHADOWABLE_BESIDE != 0 && extended != extended::HAS_SHADOWABLE_BESIDE {
        return Err(DecodeError::new(pos as u64, "ScyllaDB's shadowable deletion alone", found()));
    }
    Ok(())
}

enum Sized<'a> {
    Body(&'a [u8], usize),
    Incomplete(usize),
}

/// Reads size and previous size at `at`; the body ends where the size says.
#[inline]
fn sized<'a>(buf: &'a [u8], start: usize, at: usize) -> Result<Sized<'a>, DecodeError> {
    let incomplete = Sized::Incomplete(buf.len() - start + 1);
    let Some((size, len)) = buf.get(at..).and_then(vint::read_unsigned) else { return Ok(incomplete) };
    let begin = at + len;
    let too_long = || DecodeError::new(at as u64, "the size of an unfiltered", size.to_string());
    let size =
        usize::try_from(size).ok().filter(|&s| s <= isize::MAX.unsigned_abs() / 2).ok_or_else(too_long)?;
    let end = begin + size;
    let Some(sized) = buf.get(begin..end) else { return Ok(Sized::Incomplete(end - start)) };
    let Some((_previous, len)) = vint::read_unsigned(sized) else {
        return Err(DecodeError::new(begin as u64, "the size of the previous unfiltered", "nothing"));
    };
    Ok(Sized::Body(sized.get(len..).unwrap_or_default(), end))
}

fn read_marker<'a>(
    header: &'a Header,
    buf: &'a [u8],
    pos: usize,
) -> Result<UnfilteredFrame<'a>, DecodeError> {
    let Some(&[ordinal, high, low]) = buf.get(pos + 1..).and_then(|rest| rest.first_chunk::<3>()) else {
        return Ok(UnfilteredFrame::Incomplete(4));
    };
    let Some(kind) = BoundKind::from_ordinal(ordinal) else {
        return Err(DecodeError::new(pos as u64 + 1, "the kind of a bound or boundary", ordinal.to_string()));
    };
    let size = usize::from(u16::from_be_bytes([high, low]));
    let Some(at) = header.clustering.frame(buf, pos + 4, size)? else {
        return Ok(UnfilteredFrame::Incomplete(buf.len() - pos + 1));
    };
    let (body, end) = match sized(buf, pos, at)? {
        Sized::Body(body, end) => (body, end),
        Sized::Incomplete(needed) => return Ok(UnfilteredFrame::Incomplete(needed)),
    };
    let base = (end - body.len()) as u64;
    let bound = Bound { kind, size, values: buf.get(pos + 4..at).unwrap_or_default() };
    let (mut close, mut open) = (DeletionTime::LIVE, DeletionTime::LIVE);
    let mut rest = body;
    let mut deletion = || {
        let (timestamp, len) = vint::read_unsigned(rest)?;
        let (seconds, more) = vint::read_unsigned(rest.get(len..)?)?;
        rest = rest.get(len + more..)?;
        Some(normalised(DeletionTime {
            marked_for_delete_at: Timestamp(
                header.base.min_timestamp.0.wrapping_add(timestamp.cast_signed()),
            ),
            local_deletion_time: local_deletion_time(header, seconds),
        }))
    };
    let missing = || DecodeError::new(base, "the deletion of a marker", "the end of the marker");
    if kind.closes() {
        close = deletion().ok_or_else(missing)?;
    }
    if kind.opens() {
        open = deletion().ok_or_else(missing)?;
    }
    if !rest.is_empty() {
        return Err(DecodeError::new(base, "the end of the marker", format!("{} more bytes", rest.len())));
    }
    let marker = MarkerRef { bound, close, open };
    Ok(UnfilteredFrame::Unfiltered(Unfiltered::Marker(marker), end))
}
