//! The changes of one write to one partition, as bytes, for log and memtable.
//!
//! ```text
//! update := key u16len, op*, 01
//! op     := row or static row: flags, [extended flags], clustering, body length uvint, body
//!         | 02 start Bound, end Bound, deletion         a range of rows
//!         | 03 deletion                                 the whole partition
//! Bound  := kind u8, size u16, values
//! deletion := marked_for_delete_at i64, local_deletion_time u32
//! ```
//!
//! Rows are in their SSTable form against the table's header. Operations stand in any order: they
//! are reconciled, so order has no meaning.

use std::convert::Infallible;

use helenus_types::{DecodeError, LocalDeletionTime, Reader, Timestamp, vint};

use crate::clustering::{Bound, BoundKind};
use crate::codec::{CellEvent, RowRef, flag};
use crate::deletion::DeletionTime;
use crate::header::Header;

const END: u8 = 0x01;
const RANGE: u8 = 0x02;
const PARTITION: u8 = 0x03;
const STATIC: u8 = 0x01;

/// One change.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// A row, or the static row.
    Row(RowRef<'a>),
    /// Deletes a range of rows.
    Range {
        /// Where it begins: an inclusive or exclusive start.
        start: Bound<'a>,
        /// Where it ends: an inclusive or exclusive end.
        end: Bound<'a>,
        /// The deletion.
        deletion: DeletionTime,
    },
    /// Deletes the partition.
    Partition(DeletionTime),
}

/// What Cassandra counts of a partition's changes besides them: the empty static row, and the time
/// of a deletion.
pub const PARTITION_DATA_LEN: u64 = ROW_DATA_LEN + 8;

/// Of a row: the time of its liveness, and a deletion.
const ROW_DATA_LEN: u64 = 8 + DELETION_DATA_LEN + 1;

/// Of a cell: its times.
const CELL_DATA_LEN: u64 = 8 + 4 + 8;

const DELETION_DATA_LEN: u64 = 12;

/// Appends the changes of one partition to where they are to stand: the key, operations, and
/// [`finish`](Self::finish). A row that is encoded in its place ([`RowWriter`](crate::RowWriter))
/// is one of them.
#[derive(Debug)]
pub struct UpdateWriter<'a>(pub &'a mut Vec<u8>);

impl UpdateWriter<'_> {
    /// Begins with the partition's key, which `key` appends and whose length it has checked to be
    /// below 65,536.
    ///
    /// # Errors
    /// Those of `key`; the appended bytes must then be discarded.
    #[inline]
    pub fn key<E>(&mut self, key: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let at = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        key(self.0)?;
        let Ok(len) = u16::try_from(self.0.len() - at - 2) else {
            unreachable!("callers check the length of a key")
        };
        let Some(place) = self.0.get_mut(at..at + 2) else { unreachable!("the length has its place") };
        place.copy_from_slice(&len.to_be_bytes());
        Ok(())
    }

    /// Adds a row or the static row.
    #[inline]
    pub fn row(&mut self, row: RowRef<'_>) {
        self.0.push(row.flags);
        if row.flags & flag::EXTENSION != 0 {
            self.0.push(row.extended);
        }
        self.0.extend_from_slice(row.clustering);
        vint::write_unsigned(self.0, row.body.len() as u64);
        self.0.extend_from_slice(row.body);
    }

    /// Adds the deletion of a range.
    pub fn range(&mut self, start: Bound<'_>, end: Bound<'_>, deletion: DeletionTime) {
        debug_assert!(start.kind.opens() && end.kind.closes(), "a range has a start and an end");
        self.0.push(RANGE);
        for bound in [start, end] {
            self.0.push(bound.kind as u8);
            let Ok(size) = u16::try_from(bound.size) else {
                unreachable!("a table has fewer than 65,536 clustering columns")
            };
            self.0.extend_from_slice(&size.to_be_bytes());
            self.0.extend_from_slice(bound.values);
        }
        self.deletion(deletion);
    }

    /// Adds the deletion of the partition.
    pub fn partition(&mut self, deletion: DeletionTime) {
        self.0.push(PARTITION);
        self.deletion(deletion);
    }

    /// Ends the update.
    #[inline]
    pub fn finish(&mut self) {
        self.0.push(END);
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        self.0.extend_from_slice(&deletion.marked_for_delete_at.0.to_be_bytes());
        self.0.extend_from_slice(&deletion.local_deletion_time.0.to_be_bytes());
    }
}

/// Collects the changes of one partition into one buffer that is used again and again.
#[derive(Debug, Default)]
pub struct UpdateBuilder {
    bytes: Vec<u8>,
    ops: usize,
}

impl UpdateBuilder {
    /// Begins the update of partition `key`, whose length callers have checked to be below 65,536.
    pub fn start(&mut self, key: &[u8]) {
        self.bytes.clear();
        self.ops = 0;
        let append = |out: &mut Vec<u8>| {
            out.extend_from_slice(key);
            Ok::<_, Infallible>(())
        };
        let Ok(()) = UpdateWriter(&mut self.bytes).key(append);
    }

    /// Adds a row or the static row.
    pub fn row(&mut self, row: RowRef<'_>) {
        self.ops += 1;
        UpdateWriter(&mut self.bytes).row(row);
    }

    /// Adds the deletion of a range.
    pub fn range(&mut self, start: Bound<'_>, end: Bound<'_>, deletion: DeletionTime) {
        self.ops += 1;
        UpdateWriter(&mut self.bytes).range(start, end, deletion);
    }

    /// Adds the deletion of the partition.
    pub fn partition(&mut self, deletion: DeletionTime) {
        self.ops += 1;
        UpdateWriter(&mut self.bytes).partition(deletion);
    }

    /// Number of operations so far.
    pub fn ops(&self) -> usize {
        self.ops
    }

    /// Ends the update and shows its bytes.
    pub fn finish(&mut self) -> &[u8] {
        UpdateWriter(&mut self.bytes).finish();
        &self.bytes
    }
}

/// An update's bytes, read as it goes.
#[derive(Clone, Debug)]
pub struct UpdateRef<'a> {
    key: &'a [u8],
    reader: Reader<'a>,
}

impl<'a> UpdateRef<'a> {
    /// Stands before the first operation of the update that begins at the start of `buf`.
    ///
    /// # Errors
    /// When `buf` is too short for its key.
    pub fn new(buf: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(buf);
        let key = reader.u16_bytes()?;
        Ok(Self { key, reader })
    }

    /// The partition's key.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The next operation; `None` at the end of the update.
    ///
    /// # Errors
    /// Where the bytes are no update. Offsets count from its start.
    pub fn next<'b>(&mut self, header: &'b Header) -> Result<Option<Op<'b>>, DecodeError>
    where
        'a: 'b,
    {
        match self.reader.u8()? {
            END => Ok(None),
            RANGE => {
                let start = self.bound(header, "the kind of a range's start", BoundKind::opens)?;
                let end = self.bound(header, "the kind of a range's end", BoundKind::closes)?;
                Ok(Some(Op::Range { start, end, deletion: self.deletion()? }))
            }
            PARTITION => Ok(Some(Op::Partition(self.deletion()?))),
            flags => self.row(header, flags).map(Some),
        }
    }

    /// Bytes of the changes that are left, as Cassandra counts them for its limits of batches
    /// (`PartitionUpdate.dataSize`); once for a partition there are [`PARTITION_DATA_LEN`] besides.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn data_len(mut self, header: &Header) -> Result<u64, DecodeError> {
        let clustering = |values: &[u8], size| {
            let components = header.clustering.components(values, size);
            components.flatten().map(|value| value.len() as u64).sum::<u64>()
        };
        let (mut len, mut has_ranges) = (0, false);
        while let Some(op) = self.next(header)? {
            len += match op {
                Op::Row(row) if row.is_static() => cells_len(&row)?,
                Op::Row(row) => {
                    let expires = row.cells()?.liveness().ttl != 0;
                    let of_row = ROW_DATA_LEN + if expires { 4 + 8 } else { 0 };
                    clustering(row.clustering, header.clustering.len()) + of_row + cells_len(&row)?
                }
                Op::Range { start, end, .. } => {
                    let of_list = if std::mem::replace(&mut has_ranges, true) { 0 } else { 4 };
                    let ends = clustering(start.values, start.size) + clustering(end.values, end.size);
                    of_list + ends + DELETION_DATA_LEN
                }
                Op::Partition(_) => 0,
            };
        }
        Ok(len)
    }

    /// Where the bytes after the update begin, once [`next`](Self::next) has returned `None`.
    pub fn position(&self) -> usize {
        self.reader.position()
    }

    fn row<'b>(&mut self, header: &'b Header, flags: u8) -> Result<Op<'b>, DecodeError>
    where
        'a: 'b,
    {
        if flags & (END | RANGE) != 0 {
            return Err(self.error("an operation", format!("{flags:#04x}")));
        }
        let extended = if flags & flag::EXTENSION != 0 { self.reader.u8()? } else { 0 };
        let size = if extended & STATIC != 0 { 0 } else { header.clustering.len() };
        let clustering = self.values(header, size)?;
        let body = self.reader.vint_bytes()?;
        Ok(Op::Row(RowRef { header, flags, extended, clustering, body }))
    }

    fn bound(
        &mut self,
        header: &Header,
        expected: &'static str,
        is_side: impl Fn(BoundKind) -> bool,
    ) -> Result<Bound<'a>, DecodeError> {
        let ordinal = self.reader.u8()?;
        let kind = BoundKind::from_ordinal(ordinal).filter(|&kind| !kind.is_boundary() && is_side(kind));
        let Some(kind) = kind else { return Err(self.error(expected, ordinal.to_string())) };
        let size = usize::from(self.reader.u16()?);
        Ok(Bound { kind, size, values: self.values(header, size)? })
    }

    fn values(&mut self, header: &Header, size: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.reader.clone().take(self.reader.remaining())?;
        let framed = header.clustering.frame(rest, 0, size);
        match framed.map_err(|e| e.shifted(self.reader.position() as u64))? {
            Some(end) => self.reader.take(end),
            None => Err(self.error("clustering values", "the end of the update".to_string())),
        }
    }

    fn deletion(&mut self) -> Result<DeletionTime, DecodeError> {
        let timestamp = Timestamp(self.reader.i64()?);
        Ok(DeletionTime::new(timestamp, LocalDeletionTime(self.reader.u32()?)))
    }

    fn error(&self, expected: &'static str, found: String) -> DecodeError {
        DecodeError::new(self.reader.position() as u64, expected, found)
    }
}

/// Bytes of a row's cells, as Cassandra counts them.
fn cells_len(row: &RowRef<'_>) -> Result<u64, DecodeError> {
    let (mut cells, mut len) = (row.cells()?, 0);
    while let Some(event) = cells.next()? {
        len += match event {
            CellEvent::Simple { cell, .. } | CellEvent::Element { cell, .. } => {
                CELL_DATA_LEN + (cell.value.len() + cell.path.len()) as u64
            }
            CellEvent::Complex { .. } => DELETION_DATA_LEN,
        };
    }
    Ok(len)
}
