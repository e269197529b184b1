//! `Rows.db`: where the blocks of rows of large partitions are.
//!
//! For each partition of at least two blocks, in order: a trie, then its entry, to which
//! `Partitions.db` points.
//!
//! ```text
//! key             u16 length, raw partition key
//! data position   unsigned vint, of the partition in Data.db
//! root            signed vint: position of the trie's root minus the position after the key
//! blocks          unsigned vint
//! deletion        deletion time of the partition, in the form of da
//! ```
//!
//! The trie's keys separate the blocks: greater than the last clustering of the block before, not
//! greater than the first one of the block; the first block's is empty. One more entry ends the
//! last block. Payload flags f: the block's start relative to the partition's as a signed integer
//! of f & 7 bytes, and when f & 8 the range deletion that is open at the block's start, in the form
//! of da.
//!
//! `0001 30 00 0d 0d 80` at 5d is the entry of key "0" at the start of `Data.db`: its root is 7
//! bytes before 60, it has 13 blocks and no deletion. (Cassandra:
//! `io.sstable.format.bti.RowIndexWriter`, `RowIndexReader`, `TrieIndexEntry`.)

use helenus_rows::DeletionTime;
use helenus_types::{DecodeError, Reader, vint};

use super::node::Node;
use super::output::IndexOutput;
use super::walk::{self, Cursor};
use super::writer::{IndexBuildError, Payload, TrieWriter, common_prefix};
use super::{push_short_bytes, sized_int};
use crate::deletion_time::{DeletionTimeForm, deletion_time_size, read_deletion_time, write_deletion_time};
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile, cut};

/// The flag of a payload with an open range deletion.
const HAS_OPEN_DELETION: u8 = 8;
/// Bytes of the length of an entry's key.
const KEY_LEN_BYTES: usize = 2;
/// The most bytes of an entry after its key: three integers and a deletion.
const MAX_ENTRY_REST_BYTES: usize = 3 * 9 + 12;
/// The form of a deletion time in this file, whatever the form in `Data.db`.
const FORM: DeletionTimeForm = DeletionTimeForm::Unsigned;

/// The start of a block of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexBlock {
    /// Bytes from the partition's start in `Data.db` to the block's first unfiltered; in the entry
    /// that ends the last block, to the end-of-partition byte.
    pub offset: u64,
    /// The range deletion that covers the block's start, live if there is none.
    pub open_deletion: DeletionTime,
}

/// The entry of a partition in `Rows.db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowIndexEntry<'a> {
    /// The raw partition key.
    pub key: &'a [u8],
    /// Position of the partition in `Data.db`.
    pub data_position: u64,
    /// Number of blocks, at least 2.
    pub block_count: u32,
    /// The deletion of the partition.
    pub deletion: DeletionTime,
    /// Position of the root of its trie.
    pub root: u64,
}

/// The content of a `Rows.db`.
#[derive(Debug, Clone)]
pub struct RowIndex {
    file: PagedFile,
}

impl RowIndex {
    /// Takes a `Rows.db`, which may be empty. Everything is checked as it is used.
    #[must_use]
    pub fn new(file: impl Into<PagedFile>) -> RowIndex {
        RowIndex { file: file.into() }
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &PagedFile {
        &self.file
    }

    /// The entry at a position of `Partitions.db`.
    ///
    /// # Errors
    /// No entry there; a failed read.
    pub fn entry<'p>(
        &'p self,
        held: &'p mut HeldPage,
        position: u64,
    ) -> Result<RowIndexEntry<'p>, SsTableErrorKind> {
        let key_len = match self.file.region(held, position, KEY_LEN_BYTES)?.first_chunk() {
            Some(len) => usize::from(u16::from_be_bytes(*len)),
            None => return Err(cut(position, "an entry of a partition").into()),
        };
        let bytes = self.file.region(held, position, KEY_LEN_BYTES + key_len + MAX_ENTRY_REST_BYTES)?;
        Ok(decode_entry(bytes, position).map_err(|error| error.shifted(position))?)
    }

    /// The block in which to look for a clustering position, given in byte-comparable form, in the
    /// trie of an entry: no earlier one can hold it or anything after it. After the last row this
    /// is the entry that ends the partition.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn floor(
        &self,
        held: &mut HeldPage,
        root: u64,
        bound: &[u8],
    ) -> Result<IndexBlock, SsTableErrorKind> {
        match walk::floor(&self.file, held, root, bound)? {
            Some(node) => Ok(block(&Node::at(&self.file, held, node)?)?),
            None => Err(DecodeError::new(root, "a first block with an empty separator", "none").into()),
        }
    }

    /// A cursor before the first block of the trie of an entry.
    #[must_use]
    pub fn cursor(&self, root: u64) -> RowIndexCursor {
        RowIndexCursor::new(&self.file, Cursor::before_first(root))
    }

    /// A cursor after the entry that ends the last block.
    #[must_use]
    pub fn cursor_at_end(&self, root: u64) -> RowIndexCursor {
        RowIndexCursor::new(&self.file, Cursor::after_last(root))
    }
}

/// Reads the entry at `position` of the file.
fn decode_entry(bytes: &[u8], position: u64) -> Result<RowIndexEntry<'_>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let key = reader.u16_bytes()?;
    let at = reader.position() as u64;
    let data_position = reader.unsigned_vint()?;
    let delta = reader.signed_vint()?;
    let root = match position.saturating_add(at).checked_add_signed(delta) {
        Some(root) if root < position => root,
        _ => {
            let found = format!("one at {}{delta:+}", position.saturating_add(at));
            return Err(DecodeError::new(at, "a root before the entry", found));
        }
    };
    let block_count = reader.unsigned_vint32()?;
    let deletion = read_deletion_time(&mut reader, FORM)?;
    Ok(RowIndexEntry { key, data_position, block_count, deletion, root })
}

/// Visits the blocks of a partition in order, forwards or backwards. The entry that ends the last
/// block is visited as if it were one more block, so that the offsets of two neighbours bound a
/// block.
#[derive(Debug, Clone)]
pub struct RowIndexCursor {
    file: PagedFile,
    held: HeldPage,
    cursor: Cursor,
}

impl RowIndexCursor {
    fn new(file: &PagedFile, cursor: Cursor) -> RowIndexCursor {
        RowIndexCursor { file: file.clone(), held: HeldPage::default(), cursor }
    }

    /// Goes to the block that [`RowIndex::floor`] finds.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn seek(&mut self, bound: &[u8]) -> Result<Option<IndexBlock>, SsTableErrorKind> {
        let node = self.cursor.seek_floor(&self.file, &mut self.held, bound)?;
        self.block_at(node)
    }

    /// Goes to the next block.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn next(&mut self) -> Result<Option<IndexBlock>, SsTableErrorKind> {
        let node = self.cursor.next(&self.file, &mut self.held)?;
        self.block_at(node)
    }

    /// Goes to the previous block.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn previous(&mut self) -> Result<Option<IndexBlock>, SsTableErrorKind> {
        let node = self.cursor.previous(&self.file, &mut self.held)?;
        self.block_at(node)
    }

    fn block_at(&mut self, node: Option<u64>) -> Result<Option<IndexBlock>, SsTableErrorKind> {
        match node {
            Some(node) => Ok(Some(block(&Node::at(&self.file, &mut self.held, node)?)?)),
            None => Ok(None),
        }
    }

    /// The separator of the block that the cursor is at.
    #[cfg(test)]
    pub(super) fn key(&self) -> Vec<u8> {
        self.cursor.key(&self.file)
    }
}

/// Builds a `Rows.db`, partition after partition.
#[derive(Debug)]
pub struct RowIndexWriter {
    output: IndexOutput,
    trie: TrieWriter<BlockPayload>,
    block_count: u32,
    /// The last clustering of the last block.
    last_max: Vec<u8>,
    /// The separator before the last block.
    separator: Vec<u8>,
    end_key: Vec<u8>,
}

impl Default for RowIndexWriter {
    fn default() -> RowIndexWriter {
        RowIndexWriter {
            output: IndexOutput::default(),
            trie: TrieWriter::new(),
            block_count: 0,
            last_max: Vec::new(),
            separator: Vec::new(),
            end_key: Vec::new(),
        }
    }
}

impl RowIndexWriter {
    /// Adds the next block of the partition: the byte-comparable forms of its first and last
    /// clustering position, and its start.
    ///
    /// # Errors
    /// A block that does not begin after the last one.
    pub fn add_block(&mut self, first: &[u8], last: &[u8], block: IndexBlock) -> Result<(), IndexBuildError> {
        self.separator.clear();
        if self.block_count > 0 {
            let common = common_prefix(&self.last_max, first);
            let max_byte = self.last_max.get(common).copied();
            if first.get(common).copied() <= max_byte {
                return Err(IndexBuildError::KeysOutOfOrder);
            }
            let Some(shared) = self.last_max.get(..common) else {
                unreachable!("the keys have it in common")
            };
            self.separator.extend_from_slice(shared);
            // A byte that is less than another has a next one; a key that ends is followed by 0.
            self.separator.push(max_byte.map_or(0, |byte| byte.saturating_add(1)));
        }
        self.trie.add(&self.separator, BlockPayload(block), &mut self.output)?;
        self.last_max.clear();
        self.last_max.extend_from_slice(last);
        self.block_count += 1;
        Ok(())
    }

    /// Blocks of the partition so far.
    #[must_use]
    pub fn block_count(&self) -> u32 {
        self.block_count
    }

    /// Completes the partition. With two blocks at least it gets an entry, whose position is
    /// returned; with fewer nothing is left of it. `end_offset` is that of its end-of-partition
    /// byte.
    ///
    /// # Errors
    /// A key that is too long.
    pub fn finish_partition(
        &mut self,
        key: &[u8],
        data_position: u64,
        end_offset: u64,
        deletion: DeletionTime,
    ) -> Result<Option<u64>, IndexBuildError> {
        if self.block_count < 2 {
            self.trie.reset();
            self.block_count = 0;
            return Ok(None);
        }
        let common = common_prefix(&self.last_max, &self.separator);
        self.end_key.clear();
        nudge(&self.last_max, common, &mut self.end_key);
        let end = IndexBlock { offset: end_offset, open_deletion: DeletionTime::LIVE };
        self.trie.add(&self.end_key, BlockPayload(end), &mut self.output)?;
        let root = self.trie.finish(&mut self.output);

        let position = self.output.position();
        push_short_bytes(key, self.output.buffer())?;
        let base = self.output.position();
        let out = self.output.buffer();
        vint::write_unsigned(out, data_position);
        vint::write_signed(out, root.cast_signed().wrapping_sub(base.cast_signed()));
        vint::write_unsigned(out, u64::from(self.block_count));
        write_deletion_time(deletion, FORM, out);
        self.block_count = 0;
        Ok(Some(position))
    }

    /// The output so far, which the caller writes and clears from time to time.
    pub fn output(&mut self) -> &mut IndexOutput {
        &mut self.output
    }

    /// Completes the file. What it returns still holds the bytes that were not taken before.
    #[must_use]
    pub fn finish(self) -> IndexOutput {
        self.output
    }
}

/// Appends a key greater than `key` that has at least its first `at` bytes: the byte there plus
/// one, or if that is 255 the first smaller one after it. A key that ends is followed by 0.
fn nudge(key: &[u8], at: usize, out: &mut Vec<u8>) {
    let keep =
        key.iter().enumerate().position(|(index, &byte)| index >= at && byte < 0xFF).unwrap_or(key.len());
    out.extend_from_slice(key.get(..keep).unwrap_or(key));
    out.push(key.get(keep).map_or(0, |byte| byte.saturating_add(1)));
}

#[derive(Debug, Clone, Copy)]
struct BlockPayload(IndexBlock);

impl BlockPayload {
    fn offset_size(&self) -> usize {
        sized_int::size(self.0.offset.cast_signed())
    }
}

impl Payload for BlockPayload {
    fn flags(&self) -> u8 {
        let Ok(size @ 1..HAS_OPEN_DELETION) = u8::try_from(self.offset_size()) else {
            unreachable!("a partition is shorter than 2^55 bytes")
        };
        if self.0.open_deletion.is_live() { size } else { HAS_OPEN_DELETION | size }
    }

    fn size(&self) -> usize {
        let deletion = self.0.open_deletion;
        let deletion_size = if deletion.is_live() { 0 } else { deletion_time_size(deletion, FORM) };
        self.offset_size() + deletion_size
    }

    fn write(&self, out: &mut Vec<u8>) {
        sized_int::write(self.0.offset.cast_signed(), self.offset_size(), out);
        if !self.0.open_deletion.is_live() {
            write_deletion_time(self.0.open_deletion, FORM, out);
        }
    }
}

fn block(node: &Node<'_>) -> Result<IndexBlock, DecodeError> {
    let flags = node.payload_flags();
    let size = usize::from(flags & !HAS_OPEN_DELETION);
    let offset = sized_int::read(node.payload(), size).and_then(|offset| u64::try_from(offset).ok());
    let Some(offset) = offset else {
        return Err(node.corrupt("a block's offset", "none or a negative one"));
    };
    let open_deletion = if flags & HAS_OPEN_DELETION == 0 {
        DeletionTime::LIVE
    } else {
        let mut reader = Reader::at(node.payload(), size);
        read_deletion_time(&mut reader, FORM).map_err(|error| error.shifted(node.position()))?
    };
    Ok(IndexBlock { offset, open_deletion })
}
