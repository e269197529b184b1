//! Writes `Index.db`: entry after entry, in the order of the data.
//!
//! ```text
//! key              u16 length, raw partition key
//! position         uvint    of the partition in Data.db
//! promoted size    uvint    bytes that follow; 0 for a partition of less than two blocks
//! header length    uvint    from the partition's start to its first row or marker
//! deletion         deletion time of the partition, in the version's form
//! blocks           uvint
//! block*
//! offsets          blocks × i32, of each block from the first one's start
//!
//! block  := first prefix, last prefix, offset uvint, width svint - 65536, open bool, [deletion time]
//! prefix := kind u8; for a row (04) all values as in Data.db, for a bound its size u16 and that many
//! ```
//!
//! A block's deletion is the range deletion that is open at its end, where there is one. Blocks
//! follow each other without gaps, the first at the header's length, and the last one ends with the
//! partition's last byte.
//!
//! `0001 30 00 1b 04 80 02` begins the entry of key "0" at the start of Data.db, whose 27 bytes
//! hold 2 blocks, the first one 4 bytes in; `04 00 00000001  04 00 00000002  04 c1ffaf 00` is a
//! block of two rows, 40 bytes long. (Cassandra: `io.sstable.format.big.RowIndexEntry`,
//! `io.sstable.IndexInfo`, `db.ClusteringPrefix.Serializer`.)

use std::cmp::Ordering;

use helenus_rows::{BoundKind, DeletionTime};
use helenus_types::vint;

use crate::bti::{IndexBuildError, IndexOutput};
use crate::deletion_time::{DeletionTimeForm, write_deletion_time};

/// The base of block widths (`IndexInfo.Serializer.WIDTH_BASE`).
const WIDTH_BASE: i64 = 64 << 10;

/// The kind of a row's prefix (`ClusteringPrefix.Kind.CLUSTERING`).
const CLUSTERING: u8 = 4;

/// The first or last position of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockEdge<'a> {
    /// Kind of a bound or boundary; `None` is a row.
    pub(crate) bound: Option<BoundKind>,
    /// Number of values.
    pub(crate) size: usize,
    /// The values, encoded as in Data.db.
    pub(crate) values: &'a [u8],
}

/// Builds an `Index.db`, partition after partition.
///
/// The blocks of the partition at hand are gathered in memory, some dozens of bytes each.
#[derive(Debug)]
pub(crate) struct BigIndexWriter {
    form: DeletionTimeForm,
    output: IndexOutput,
    /// The blocks of the partition.
    blocks: Vec<u8>,
    /// Where each begins.
    offsets: Vec<u32>,
    /// The part of the entry before them.
    head: Vec<u8>,
    last_comparable: Option<Vec<u8>>,
}

impl BigIndexWriter {
    /// Builds with deletion times in that form.
    #[must_use]
    pub(crate) fn new(form: DeletionTimeForm) -> BigIndexWriter {
        BigIndexWriter {
            form,
            output: IndexOutput::default(),
            blocks: Vec::new(),
            offsets: Vec::new(),
            head: Vec::new(),
            last_comparable: None,
        }
    }

    /// Blocks of the partition so far.
    #[must_use]
    pub(crate) fn block_count(&self) -> usize {
        self.offsets.len()
    }

    /// Adds the next block of the partition: where it begins and how long it is, from the
    /// partition's start, and the range deletion that is open at its end.
    ///
    /// # Errors
    /// More than 2 GiB of blocks.
    pub(crate) fn add_block(
        &mut self,
        [first, last]: [BlockEdge<'_>; 2],
        offset: u64,
        width: u64,
        open: DeletionTime,
    ) -> Result<(), IndexBuildError> {
        let begin = self.blocks.len();
        let Some(begin) = u32::try_from(begin).ok().filter(|begin| begin.cast_signed() >= 0) else {
            return Err(IndexBuildError::TooManyBlocks(begin));
        };
        self.offsets.push(begin);
        let out = &mut self.blocks;
        write_prefix(first, out);
        write_prefix(last, out);
        vint::write_unsigned(out, offset);
        vint::write_signed(out, width.cast_signed().wrapping_sub(WIDTH_BASE));
        out.push(u8::from(!open.is_live()));
        if !open.is_live() {
            write_deletion_time(open, self.form, out);
        }
        Ok(())
    }

    /// Adds the partition's entry and forgets its blocks. Returns where in the file the entry
    /// begins.
    ///
    /// `comparable` is the decorated key in byte-comparable form, `header_len` the distance from
    /// the partition's start to its first row or marker.
    ///
    /// # Errors
    /// A key that does not follow the last one, or is too long.
    pub(crate) fn finish_partition(
        &mut self,
        key: &[u8],
        comparable: &[u8],
        data_position: u64,
        header_len: u64,
        deletion: DeletionTime,
    ) -> Result<u64, IndexBuildError> {
        let key_len = u16::try_from(key.len()).ok().ok_or(IndexBuildError::KeyTooLong(key.len()))?;
        let last = self.last_comparable.get_or_insert_default();
        // The form of any key has some bytes.
        if comparable.cmp(last) != Ordering::Greater {
            return Err(IndexBuildError::KeysOutOfOrder);
        }
        last.clear();
        last.extend_from_slice(comparable);
        let position = self.output.position();
        let out = self.output.buffer();
        out.extend_from_slice(&key_len.to_be_bytes());
        out.extend_from_slice(key);
        vint::write_unsigned(out, data_position);
        if self.offsets.len() < 2 {
            vint::write_unsigned(out, 0);
        } else {
            self.head.clear();
            vint::write_unsigned(&mut self.head, header_len);
            write_deletion_time(deletion, self.form, &mut self.head);
            vint::write_unsigned(&mut self.head, self.offsets.len() as u64);
            let size = self.head.len() + self.blocks.len() + size_of::<u32>() * self.offsets.len();
            vint::write_unsigned(out, size as u64);
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&self.blocks);
            self.offsets.iter().for_each(|offset| out.extend_from_slice(&offset.to_be_bytes()));
        }
        self.blocks.clear();
        self.offsets.clear();
        Ok(position)
    }

    /// The output so far, which the caller writes and clears from time to time.
    pub(crate) fn output(&mut self) -> &mut IndexOutput {
        &mut self.output
    }

    /// Completes the file. What it returns still holds the bytes that were not taken before.
    #[must_use]
    pub(crate) fn finish(self) -> IndexOutput {
        self.output
    }
}

fn write_prefix(edge: BlockEdge<'_>, out: &mut Vec<u8>) {
    match edge.bound {
        None => out.push(CLUSTERING),
        Some(kind) => {
            out.push(kind as u8);
            let Ok(size) = u16::try_from(edge.size) else {
                unreachable!("a table has fewer than 65,536 clustering columns")
            };
            out.extend_from_slice(&size.to_be_bytes());
        }
    }
    out.extend_from_slice(edge.values);
}

#[cfg(test)]
mod tests {
    use helenus_types::{LocalDeletionTime, Timestamp};

    use super::*;

    fn row(values: &[u8]) -> BlockEdge<'_> {
        BlockEdge { bound: None, size: 1, values }
    }

    #[test]
    fn the_worked_example() {
        let mut writer = BigIndexWriter::new(DeletionTimeForm::Unsigned);
        let (one, two, three) = ([0, 0, 0, 0, 1], [0, 0, 0, 0, 2], [0, 0, 0, 0, 3]);
        writer.add_block([row(&one), row(&two)], 4, 40, DeletionTime::LIVE).unwrap();
        let block = [4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 2, 4, 0xc1, 0xff, 0xaf, 0];
        assert_eq!(writer.blocks, block);
        let deletion = DeletionTime::new(Timestamp(9), LocalDeletionTime(0x1122_3344));
        let bound = BlockEdge { bound: Some(BoundKind::InclStart), size: 1, values: &three };
        writer.add_block([row(&three), bound], 44, 65_536, deletion).unwrap();
        let open = [0, 0, 0, 0, 0, 0, 0, 9, 0x11, 0x22, 0x33, 0x44];
        let second = [&[4, 0, 0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 0, 3, 44, 0, 1], &open[..]].concat();
        assert_eq!(writer.finish_partition(b"0", b"a", 0, 4, DeletionTime::LIVE), Ok(0));
        let size = 3 + 17 + 29 + 8;
        let offsets = [0, 0, 0, 0, 0, 0, 0, 17];
        let entry = [&[0, 1, 0x30, 0, size, 4, 0x80, 2], &block[..], &second, &offsets].concat();
        assert_eq!(writer.output().pending(), entry);
        // A partition of one block is not indexed.
        writer.add_block([row(&one), row(&two)], 4, 40, DeletionTime::LIVE).unwrap();
        assert_eq!(writer.finish_partition(b"1", b"b", 300, 4, DeletionTime::LIVE), Ok(entry.len() as u64));
        assert_eq!(writer.finish().pending()[entry.len()..], [0, 1, 0x31, 0x81, 0x2c, 0]);
    }

    #[test]
    fn legacy_deletions_have_twelve_bytes() {
        let mut writer = BigIndexWriter::new(DeletionTimeForm::Legacy);
        for (offset, width) in [(15, 70_000), (70_015, 100)] {
            writer.add_block([row(&[]), row(&[])], offset, width, DeletionTime::LIVE).unwrap();
        }
        writer.finish_partition(b"0", b"a", 0, 15, DeletionTime::LIVE).unwrap();
        let head = [0, 1, 0x30, 0, 37, 15, 0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 2];
        assert_eq!(writer.finish().pending()[..head.len()], head);
    }

    #[test]
    fn keys_ascend() {
        let mut writer = BigIndexWriter::new(DeletionTimeForm::Legacy);
        let mut add = |key: &[u8], comparable: &[u8]| {
            writer.finish_partition(key, comparable, 0, 0, DeletionTime::LIVE)
        };
        add(b"x", b"b").unwrap();
        assert_eq!(add(b"y", b"b"), Err(IndexBuildError::KeysOutOfOrder));
        assert_eq!(add(b"y", b"a"), Err(IndexBuildError::KeysOutOfOrder));
        assert_eq!(add(&[0; 65_536], b"c"), Err(IndexBuildError::KeyTooLong(65_536)));
    }
}
