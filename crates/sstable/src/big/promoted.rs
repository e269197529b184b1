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

/// Ordinal of a row's prefix.
const CLUSTERING: u8 = 4;
/// The base of stored widths.
const WIDTH_BASE: i64 = 64 << 10;
/// Bytes of an entry of the table of offsets.
const OFFSET_BYTES: usize = 4;
/// A block takes two prefixes of a byte, three integers and its offset at least.
const LEAST_BLOCK_BYTES: usize = 5 + OFFSET_BYTES;

/// A partition's row index, over the bytes of the file.
#[derive(Debug, Clone, Copy)]
pub struct PromotedIndex<'a> {
    /// Offset of the first row or marker from the partition's start.
    pub header_length: u64,
    /// The deletion of the partition.
    pub deletion: DeletionTime,
    form: DeletionTimeForm,
    block_count: usize,
    /// The blocks, and where they begin in the file.
    blocks: &'a [u8],
    position: u64,
    offsets: &'a [u8],
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

impl<'a> PromotedIndex<'a> {
    /// The row index of an entry, `None` if it has none.
    ///
    /// # Errors
    /// Bytes that cannot be a row index.
    #[inline]
    pub fn read(
        entry: &IndexEntry<'a>,
        form: DeletionTimeForm,
    ) -> Result<Option<PromotedIndex<'a>>, DecodeError> {
        if entry.promoted.is_empty() {
            return Ok(None);
        }
        let decoded = PromotedIndex::decode(entry.promoted, entry.promoted_position, form);
        decoded.map(Some).map_err(|error| error.shifted(entry.promoted_position))
    }

    fn decode(
        bytes: &'a [u8],
        position: u64,
        form: DeletionTimeForm,
    ) -> Result<PromotedIndex<'a>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header_length = reader.unsigned_vint()?;
        let deletion = read_deletion_time(&mut reader, form)?;
        let before_count = reader;
        let count = reader.unsigned_vint()?;
        let rest = reader.rest();
        let fitting =
            usize::try_from(count).ok().filter(|count| (1..=rest.len() / LEAST_BLOCK_BYTES).contains(count));
        let split = fitting
            .and_then(|count| Some((count, rest.split_at_checked(rest.len() - count * OFFSET_BYTES)?)));
        let Some((block_count, (blocks, offsets))) = split else {
            let found = format!("{count} in {} bytes", rest.len());
            return Err(before_count.error("a number of blocks that the entry has room for", found));
        };
        let position = position + reader.position() as u64;
        Ok(PromotedIndex { header_length, deletion, form, block_count, blocks, position, offsets })
    }

    /// Number of blocks.
    #[inline]
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.block_count
    }

    /// Block `index`, which is less than [`block_count`](Self::block_count).
    ///
    /// # Errors
    /// Bytes that cannot be one.
    pub fn block(
        &self,
        index: usize,
        clustering: &ClusteringComparator,
    ) -> Result<PromotedBlock<'a>, DecodeError> {
        let offset = Reader::at(self.offsets, index.saturating_mul(OFFSET_BYTES)).u32();
        let offset = offset.map_err(|error| error.shifted(self.position + self.blocks.len() as u64))?;
        let mut reader = Reader::at(self.blocks, usize::try_from(offset).unwrap_or(usize::MAX));
        read_block(&mut reader, clustering, self.form).map_err(|error| error.shifted(self.position))
    }

    /// The block in which to look for a clustering position: the first whose last row or marker
    /// does not lie before it by `order`, or the last one; and its number. `clustering` is what the
    /// block's ends are encoded by.
    ///
    /// # Errors
    /// A damaged block.
    pub fn floor(
        &self,
        sought: Position<'_>,
        clustering: &ClusteringComparator,
        order: &ClusteringComparator,
    ) -> Result<(usize, PromotedBlock<'a>), DecodeError> {
        let (mut low, mut high) = (0, self.block_count - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.block(middle, clustering)?;
            if order.compare(block.last, sought).is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok((low, self.block(low, clustering)?))
    }

    /// The range deletion that is open where block `index` begins, or live.
    ///
    /// # Errors
    /// A damaged block before it.
    pub fn open_at_start(
        &self,
        index: usize,
        clustering: &ClusteringComparator,
    ) -> Result<DeletionTime, DecodeError> {
        match index.checked_sub(1) {
            None => Ok(DeletionTime::LIVE),
            Some(before) => Ok(self.block(before, clustering)?.open_at_end),
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
