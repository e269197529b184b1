//! The row index of a partition in `Index.db`, which Cassandra calls its promoted index.
//!
//! ```text
//! header       unsigned vint: offset of the first row or marker from the partition's start
//! deletion     deletion time of the partition, in the form of the version
//! blocks       unsigned vint, at least 2
//! block*       first, last            prefixes: clustering positions of its first and last row or marker
//!              offset                 unsigned vint, from the partition's start
//!              width - 65536          signed vint
//!              has open deletion      boolean
//!              open deletion          deletion time open at the block's end, if there is one
//! offset*      i32 each, of the blocks above from the first of them
//!
//! prefix       kind u8, an ordinal of ClusteringPrefix.Kind
//!              4 (row): clustering values, as many as there are columns
//!              bounds: u16 size, as many values
//! ```
//!
//! Blocks follow each other without gaps; the last one ends after the partition's end byte. Their
//! length depends on the writer's settings.
//!
//! `04 80 02, 04 00000001 00000002..`: in a table with one `int` as clustering, a partition whose
//! first row is 4 bytes after its start, without deletion, in two blocks, with the first block
//! `04 00 00000000 | 04 00 00000009 | 04 | c1efef | 00` (rows 0 to 9, 65536 - 63480 = 2056 bytes
//! from 4 on, nothing open). (Cassandra: `io.sstable.format.big.RowIndexEntry`,
//! `io.sstable.IndexInfo`, `db.ClusteringPrefix`.)

use helenus_rows::{BoundKind, ClusteringComparator, DeletionTime, Position, PositionKind};
use helenus_types::{DecodeError, Reader};

use super::entry::IndexEntry;
use crate::deletion_time::{DeletionTimeForm, read_deletion_time};
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// Ordinal of a row's prefix.
const CLUSTERING: u8 = 4;
/// The base of stored widths.
const WIDTH_BASE: i64 = 64 << 10;
/// Bytes of an entry of the table of offsets.
const OFFSET_BYTES: usize = 4;
/// A block takes two prefixes of a byte, three integers and its offset at least.
const LEAST_BLOCK_BYTES: u64 = 5 + OFFSET_BYTES as u64;
/// Bytes before the blocks at most: two numbers and a deletion time.
const MAX_HEAD_BYTES: usize = 2 * 9 + 16;
/// A longer block is not believed: its two prefixes are clusterings, of at most 64 KiB each.
const MAX_BLOCK_BYTES: u64 = 1 << 20;

/// A partition's row index: where in the file its blocks are.
#[derive(Debug, Clone, Copy)]
pub struct PromotedIndex {
    /// Offset of the first row or marker from the partition's start.
    pub header_length: u64,
    /// The deletion of the partition.
    pub deletion: DeletionTime,
    form: DeletionTimeForm,
    block_count: usize,
    /// Where in the file the blocks begin, and then where each of them does.
    blocks_at: u64,
    offsets_at: u64,
}

/// A block of a partition's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromotedBlock<'a> {
    /// Place of its first row or marker.
    pub first: Position<'a>,
    /// Place of its last row or marker.
    pub last: Position<'a>,
    /// Bytes from the partition's start to the block.
    pub offset: u64,
    /// Bytes of the block.
    pub width: u64,
    /// The range deletion that is open at its end, or live.
    pub open_at_end: DeletionTime,
}

impl PromotedIndex {
    /// The row index of the entry at a position of `Index.db`, `None` if it has none.
    ///
    /// # Errors
    /// Bytes that cannot be a row index; a failed read.
    #[inline]
    pub fn read(
        file: &PagedFile,
        held: &mut HeldPage,
        position: u64,
        form: DeletionTimeForm,
    ) -> Result<Option<PromotedIndex>, SsTableErrorKind> {
        let IndexEntry { promoted_len: len, promoted_position: at, .. } =
            IndexEntry::read(file, held, position)?;
        if len == 0 {
            return Ok(None);
        }
        let head_len = usize::try_from(len).unwrap_or(usize::MAX).min(MAX_HEAD_BYTES);
        let head = file.region(held, at, head_len)?;
        let decoded = PromotedIndex::decode(head, at, len, form);
        Ok(Some(decoded.map_err(|error| error.shifted(at))?))
    }

    /// Of a row index of `len` bytes that begins with `head`.
    fn decode(head: &[u8], at: u64, len: u64, form: DeletionTimeForm) -> Result<PromotedIndex, DecodeError> {
        let mut reader = Reader::new(head);
        let header_length = reader.unsigned_vint()?;
        let deletion = read_deletion_time(&mut reader, form)?;
        let before_count = reader;
        let count = reader.unsigned_vint()?;
        let rest = len.saturating_sub(reader.position() as u64);
        let fitting = usize::try_from(count).ok().filter(|_| (1..=rest / LEAST_BLOCK_BYTES).contains(&count));
        let Some(block_count) = fitting else {
            let found = format!("{count} in {rest} bytes");
            return Err(before_count.error("a number of blocks that the entry has room for", found));
        };
        let blocks_at = at + reader.position() as u64;
        let offsets_at = at + len - count * OFFSET_BYTES as u64;
        Ok(PromotedIndex { header_length, deletion, form, block_count, blocks_at, offsets_at })
    }

    /// Number of blocks.
    #[inline]
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.block_count
    }

    /// Block `index`, which is less than [`block_count`](Self::block_count), of the file that this
    /// was read from.
    ///
    /// # Errors
    /// Bytes that cannot be one; a failed read.
    pub fn block<'p>(
        &self,
        file: &'p PagedFile,
        held: &'p mut HeldPage,
        index: usize,
        clustering: &ClusteringComparator,
    ) -> Result<PromotedBlock<'p>, SsTableErrorKind> {
        let offset_at = |index: usize| self.offsets_at + index as u64 * OFFSET_BYTES as u64;
        let offset =
            |index| Ok::<_, SsTableErrorKind>(u64::from(u32::from_be_bytes(file.array(offset_at(index))?)));
        let start = self.blocks_at + offset(index)?;
        // The start of the next one, or the end of the blocks. A fault of it shows when it is read.
        let end = match index + 1 < self.block_count {
            true => self.blocks_at + offset(index + 1)?,
            false => self.offsets_at,
        };
        let len = end.min(self.offsets_at).saturating_sub(start).min(MAX_BLOCK_BYTES);
        let bytes = file.region(held, start, usize::try_from(len).unwrap_or_default())?;
        let block = read_block(&mut Reader::new(bytes), clustering, self.form);
        Ok(block.map_err(|error| error.shifted(start))?)
    }

    /// The block in which to look for a clustering position: the first whose last row or marker
    /// does not lie before it by `order`, or the last one; its number. `clustering` is what the
    /// block's ends are encoded by.
    ///
    /// # Errors
    /// A damaged block; a failed read.
    pub fn floor(
        &self,
        file: &PagedFile,
        held: &mut HeldPage,
        sought: Position<'_>,
        clustering: &ClusteringComparator,
        order: &ClusteringComparator,
    ) -> Result<usize, SsTableErrorKind> {
        let (mut low, mut high) = (0, self.block_count - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.block(file, held, middle, clustering)?;
            if order.compare(block.last, sought).is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The range deletion that is open where block `index` begins, or live.
    ///
    /// # Errors
    /// A damaged block before it; a failed read.
    pub fn open_at_start(
        &self,
        file: &PagedFile,
        held: &mut HeldPage,
        index: usize,
        clustering: &ClusteringComparator,
    ) -> Result<DeletionTime, SsTableErrorKind> {
        match index.checked_sub(1) {
            None => Ok(DeletionTime::LIVE),
            Some(before) => Ok(self.block(file, held, before, clustering)?.open_at_end),
        }
    }
}

fn read_block<'a>(
    reader: &mut Reader<'a>,
    clustering: &ClusteringComparator,
    form: DeletionTimeForm,
) -> Result<PromotedBlock<'a>, DecodeError> {
    let first = read_prefix(reader, clustering)?;
    let last = read_prefix(reader, clustering)?;
    let offset = reader.unsigned_vint()?;
    let before_width = *reader;
    let stored = reader.signed_vint()?;
    let Some(width) = stored.checked_add(WIDTH_BASE).and_then(|width| u64::try_from(width).ok()) else {
        return Err(before_width.error("a width that is not negative", format!("{stored} + {WIDTH_BASE}")));
    };
    let has_open = reader.bool()?;
    let open_at_end = if has_open { read_deletion_time(reader, form)? } else { DeletionTime::LIVE };
    Ok(PromotedBlock { first, last, offset, width, open_at_end })
}

fn read_prefix<'a>(
    reader: &mut Reader<'a>,
    clustering: &ClusteringComparator,
) -> Result<Position<'a>, DecodeError> {
    let before = *reader;
    let ordinal = reader.u8()?;
    let (kind, size) = match BoundKind::from_ordinal(ordinal) {
        Some(kind) => (kind.side(), usize::from(reader.u16()?)),
        None if ordinal == CLUSTERING => (PositionKind::Row, clustering.len()),
        None => return Err(before.error("a kind of clustering prefix", ordinal.to_string())),
    };
    let at = reader.position() as u64;
    let framed = clustering.frame(reader.rest(), 0, size).map_err(|error| error.shifted(at))?;
    let Some(len) = framed else {
        return Err(reader.error(format!("{size} clustering values"), "the end of the row index"));
    };
    Ok(Position { kind, size, values: reader.take(len)? })
}
