//! `Partitions.db`: where each partition is.
//!
//! ```text
//! trie                nodes, see super::node
//! first key           u16 length, raw partition key
//! last key            u16 length, raw partition key
//! position of the first key's record    i64
//! number of partitions                  i64
//! position of the trie's root           i64
//! ```
//!
//! The trie's keys are byte-comparable decorated keys, cut to the shortest prefix that differs from
//! both neighbours. Payload flags f from 8 to 15: a byte of the key's hash, then a signed integer
//! of f - 7 bytes; f from 1 to 7, which only other programs write: an integer of f bytes. Not
//! negative, it is the position of the partition's entry in `Rows.db`; negative, the complement of
//! its position in `Data.db`.
//!
//! A single partition "0" at the start of `Data.db` is `08 09 ff` (a root without children: flags
//! 8, hash 09, ~0), `0001 30` twice, then 3, 1 and 0 in eight bytes each. (Cassandra:
//! `io.sstable.format.bti.PartitionIndex`, `PartitionIndexBuilder`.)

use bytes::Bytes;
use helenus_types::{DecodeError, Reader};

use super::node::Node;
use super::output::IndexOutput;
use super::walk::{self, Cursor, Left};
use super::writer::{IndexBuildError, Payload, TrieWriter, common_prefix};
use super::{push_short_bytes, sized_int};
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

const FOOTER_BYTES: usize = 24;
/// Two keys with their lengths.
const MAX_KEYS_BYTES: usize = 2 * (2 + u16::MAX as usize);
/// The flag of a payload that begins with a byte of the key's hash.
const HAS_HASH: u8 = 8;

/// Where a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionPosition {
    /// Position of the entry in `Rows.db`, of a partition with a row index.
    Rows(u64),
    /// Position of the partition in `Data.db`.
    Data(u64),
}

/// The index's entries around a key.
///
/// Only prefixes of keys are stored: the entry must be compared with the whole key,
/// which `Rows.db` and `Data.db` begin with there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCandidates {
    /// A partition that may be the one sought, or lie before or after it.
    pub uncertain: Option<PartitionPosition>,
    /// The last partition that certainly lies before the key and the `uncertain` one.
    pub before: Option<PartitionPosition>,
    /// The first partition that certainly lies after the key and the `uncertain` one.
    pub after: Option<PartitionPosition>,
}

/// The content of a `Partitions.db`.
#[derive(Debug, Clone)]
pub struct PartitionIndex {
    file: PagedFile,
    root: u64,
    key_count: u64,
    first_key: Bytes,
    last_key: Bytes,
}

impl PartitionIndex {
    /// Reads the footer of a `Partitions.db`. The trie is checked as it is walked.
    ///
    /// # Errors
    /// A footer that does not point into the file; a failed read.
    pub fn open(file: impl Into<PagedFile>) -> Result<PartitionIndex, SsTableErrorKind> {
        let file = file.into();
        let held = &mut HeldPage::default();
        let footer_at = file.len().saturating_sub(FOOTER_BYTES as u64);
        let mut footer = Reader::new(file.region(held, footer_at, FOOTER_BYTES)?);
        let mut number = |end, expected| {
            position_before(&mut footer, end, expected).map_err(|error| error.shifted(footer_at))
        };
        let keys_at = number(footer_at, "a position of the first key before the footer")?;
        let key_count = number(u64::MAX, "a number of partitions")?;
        let root = number(keys_at, "a position of the root before the first key")?;
        let keys_len = usize::try_from(footer_at - keys_at).unwrap_or(usize::MAX);
        if keys_len > MAX_KEYS_BYTES {
            return Err(
                DecodeError::new(keys_at, "two keys before the footer", format!("{keys_len} bytes")).into()
            );
        }
        let mut keys = Reader::new(file.region(held, keys_at, keys_len)?);
        let shifted = |error: DecodeError| error.shifted(keys_at);
        let first_key = Bytes::copy_from_slice(keys.u16_bytes().map_err(shifted)?);
        let last_key = Bytes::copy_from_slice(keys.u16_bytes().map_err(shifted)?);
        if !keys.is_empty() {
            return Err(shifted(keys.error("the footer behind the last key", "other bytes")).into());
        }
        Node::at(&file, held, root)?;
        Ok(PartitionIndex { root, key_count, first_key, last_key, file })
    }

    /// Number of partitions.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.key_count
    }

    /// The raw key of the first partition.
    #[must_use]
    pub fn first_key(&self) -> &Bytes {
        &self.first_key
    }

    /// The raw key of the last partition.
    #[must_use]
    pub fn last_key(&self) -> &Bytes {
        &self.last_key
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &PagedFile {
        &self.file
    }

    /// Where the partition is, if the table has it: the key found there must be compared with the
    /// one sought. `comparable` is the byte-comparable decorated key, `hash` the key's
    /// [`murmur3`](helenus_types::murmur3).
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    #[inline]
    pub fn exact_candidate(
        &self,
        comparable: &[u8],
        hash: [u64; 2],
    ) -> Result<Option<PartitionPosition>, SsTableErrorKind> {
        let held = &mut HeldPage::default();
        let Left { node, key_ended, .. } = walk::follow(&self.file, held, self.root, comparable)?;
        let node = Node::at(&self.file, held, node)?;
        // With children, only the whole key could have matched.
        if !node.has_payload() || !(key_ended || node.is_leaf()) {
            return Ok(None);
        }
        let payload = payload(&node)?;
        let matches = payload.hash.is_none_or(|byte| byte == hash_byte(hash));
        Ok(matches.then_some(payload.position))
    }

    /// The partitions at and around a key or a bound, given in byte-comparable form.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn around(&self, comparable: &[u8]) -> Result<PartitionCandidates, SsTableErrorKind> {
        let held = &mut HeldPage::default();
        let found = walk::around(&self.file, held, self.root, comparable)?;
        let mut at = |node| position(&self.file, held, node);
        Ok(PartitionCandidates {
            uncertain: at(found.prefix)?,
            before: at(found.lesser)?,
            after: at(found.greater)?,
        })
    }

    /// A cursor before the first partition.
    #[must_use]
    pub fn cursor(&self) -> PartitionCursor {
        PartitionCursor::new(&self.file, Cursor::before_first(self.root))
    }

    /// A cursor after the last partition.
    #[must_use]
    pub fn cursor_at_end(&self) -> PartitionCursor {
        PartitionCursor::new(&self.file, Cursor::after_last(self.root))
    }
}

/// Visits the partitions of a `Partitions.db` in order, forwards or backwards.
#[derive(Debug, Clone)]
pub struct PartitionCursor {
    file: PagedFile,
    held: HeldPage,
    cursor: Cursor,
}

impl PartitionCursor {
    fn new(file: &PagedFile, cursor: Cursor) -> PartitionCursor {
        PartitionCursor { file: file.clone(), held: HeldPage::default(), cursor }
    }

    /// Goes to the first partition that may lie at or after a key or bound in byte-comparable form.
    /// It may also lie before it (only a prefix of its key is known); the next one does not.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn seek(&mut self, comparable: &[u8]) -> Result<Option<PartitionPosition>, SsTableErrorKind> {
        let node = self.cursor.seek_from(&self.file, &mut self.held, comparable)?;
        position(&self.file, &mut self.held, node)
    }

    /// Goes to the next partition.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn next(&mut self) -> Result<Option<PartitionPosition>, SsTableErrorKind> {
        let node = self.cursor.next(&self.file, &mut self.held)?;
        position(&self.file, &mut self.held, node)
    }

    /// Goes to the previous partition.
    ///
    /// # Errors
    /// A damaged trie; a failed read.
    pub fn previous(&mut self) -> Result<Option<PartitionPosition>, SsTableErrorKind> {
        let node = self.cursor.previous(&self.file, &mut self.held)?;
        position(&self.file, &mut self.held, node)
    }

    /// The cut key of the partition that the cursor is at.
    #[cfg(test)]
    pub(super) fn key(&self) -> Vec<u8> {
        self.cursor.key(&self.file)
    }
}

/// Builds a `Partitions.db`.
#[derive(Debug)]
pub struct PartitionIndexBuilder {
    output: IndexOutput,
    trie: TrieWriter<PartitionPayload>,
    first_key: Vec<u8>,
    /// The last partition waits for the next one, which says how much of its key must be kept.
    last_key: Vec<u8>,
    last_comparable: Vec<u8>,
    last_payload: Option<PartitionPayload>,
    /// The length of the prefix of the last key that distinguishes it from the one before it.
    last_difference: usize,
}

impl Default for PartitionIndexBuilder {
    fn default() -> PartitionIndexBuilder {
        PartitionIndexBuilder {
            output: IndexOutput::default(),
            trie: TrieWriter::new(),
            first_key: Vec::new(),
            last_key: Vec::new(),
            last_comparable: Vec::new(),
            last_payload: None,
            last_difference: 0,
        }
    }
}

impl PartitionIndexBuilder {
    /// Adds the next partition: its raw key, the byte-comparable form of the decorated key, the
    /// key's [`murmur3`](helenus_types::murmur3) and its place.
    ///
    /// # Errors
    /// A key that does not follow the last one, or is too long.
    pub fn add(
        &mut self,
        key: &[u8],
        comparable: &[u8],
        hash: [u64; 2],
        position: PartitionPosition,
    ) -> Result<(), IndexBuildError> {
        if key.len() > usize::from(u16::MAX) {
            return Err(IndexBuildError::KeyTooLong(key.len()));
        }
        let common = common_prefix(&self.last_comparable, comparable);
        if let Some(payload) = self.last_payload {
            if comparable.get(common) <= self.last_comparable.get(common) {
                return Err(IndexBuildError::KeysOutOfOrder);
            }
            let difference = common + 1;
            self.add_last(difference.max(self.last_difference), payload)?;
            self.last_difference = difference;
        } else {
            self.first_key.extend_from_slice(key);
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.last_comparable.truncate(common);
        let Some(rest) = comparable.get(common..) else { unreachable!("the keys have it in common") };
        self.last_comparable.extend_from_slice(rest);
        self.last_payload = Some(PartitionPayload { position, hash: hash_byte(hash) });
        Ok(())
    }

    /// The output so far, which the caller writes and clears from time to time.
    pub fn output(&mut self) -> &mut IndexOutput {
        &mut self.output
    }

    /// Completes the file. What it returns still holds the bytes that were not taken before.
    ///
    /// # Errors
    /// Those of [`add`](Self::add).
    pub fn finish(mut self) -> Result<IndexOutput, IndexBuildError> {
        if let Some(payload) = self.last_payload {
            self.add_last(self.last_difference, payload)?;
        }
        let key_count = self.trie.key_count();
        let root = self.trie.finish(&mut self.output);
        let keys_at = self.output.position();
        let out = self.output.buffer();
        push_short_bytes(&self.first_key, out)?;
        push_short_bytes(&self.last_key, out)?;
        for number in [keys_at, key_count, root] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        Ok(self.output)
    }

    fn add_last(&mut self, kept: usize, payload: PartitionPayload) -> Result<(), IndexBuildError> {
        let cut = self.last_comparable.get(..kept).unwrap_or(&self.last_comparable);
        self.trie.add(cut, payload, &mut self.output)
    }
}

#[derive(Debug, Clone, Copy)]
struct PartitionPayload {
    position: PartitionPosition,
    hash: u8,
}

impl PartitionPayload {
    fn number(self) -> i64 {
        match self.position {
            PartitionPosition::Rows(position) => position.cast_signed(),
            PartitionPosition::Data(position) => !position.cast_signed(),
        }
    }
}

impl Payload for PartitionPayload {
    fn flags(&self) -> u8 {
        // A size is 1 to 8.
        HAS_HASH - 1 + u8::try_from(sized_int::size(self.number())).unwrap_or(8)
    }

    fn size(&self) -> usize {
        1 + sized_int::size(self.number())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.hash);
        sized_int::write(self.number(), sized_int::size(self.number()), out);
    }
}

struct FoundPayload {
    position: PartitionPosition,
    hash: Option<u8>,
}

#[inline]
fn payload(node: &Node<'_>) -> Result<FoundPayload, DecodeError> {
    let flags = node.payload_flags();
    let (hash, bytes, size) = match node.payload().split_first() {
        Some((&hash, rest)) if flags >= HAS_HASH => (Some(hash), rest, flags - HAS_HASH + 1),
        _ => (None, node.payload(), flags),
    };
    match sized_int::read(bytes, usize::from(size)) {
        Some(number @ 0..) => {
            Ok(FoundPayload { position: PartitionPosition::Rows(number.cast_unsigned()), hash })
        }
        Some(number) => {
            Ok(FoundPayload { position: PartitionPosition::Data((!number).cast_unsigned()), hash })
        }
        None => Err(node.corrupt("a partition's position", "the end of the file")),
    }
}

fn position(
    file: &PagedFile,
    held: &mut HeldPage,
    node: Option<u64>,
) -> Result<Option<PartitionPosition>, SsTableErrorKind> {
    match node {
        Some(node) => Ok(Some(payload(&Node::at(file, held, node)?)?.position)),
        None => Ok(None),
    }
}

/// The byte of the hash that the trie keeps (`DecoratedKey.filterHashLowerBits`).
#[inline]
fn hash_byte([_, second]: [u64; 2]) -> u8 {
    let [.., byte] = second.to_be_bytes();
    byte
}

/// The next number of the footer, at least 0 and less than `end`.
fn position_before(footer: &mut Reader<'_>, end: u64, expected: &'static str) -> Result<u64, DecodeError> {
    let offset = footer.position() as u64;
    let number = footer.i64()?;
    match u64::try_from(number) {
        Ok(position) if position < end => Ok(position),
        _ => Err(DecodeError::new(offset, expected, format!("{number}"))),
    }
}
