//! Where partitions and the blocks of their rows are, whatever the format of the index files.

use bytes::Bytes;
use helenus_rows::DeletionTime;
use helenus_types::{DecodeError, Partitioner, Side, Token, decorated_key_comparable, murmur3};

use crate::bti::{IndexBlock, PartitionCursor, PartitionIndex, PartitionPosition, RowIndex, RowIndexCursor};
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;

/// A partition key with all that lookups need of it, computed once for all the tables that are asked.
#[derive(Debug, Clone)]
pub struct SearchKey {
    partitioner: Partitioner,
    key: Vec<u8>,
    token: Token,
    hash: [u64; 2],
    comparable: Vec<u8>,
}

impl SearchKey {
    /// A key of no bytes, to be [`set`](Self::set).
    #[must_use]
    pub fn new(partitioner: Partitioner) -> SearchKey {
        let mut search = SearchKey {
            partitioner,
            key: Vec::new(),
            token: Token::MIN,
            hash: [0; 2],
            comparable: Vec::new(),
        };
        search.set(&[]);
        search
    }

    /// A raw key.
    #[must_use]
    pub fn of(partitioner: Partitioner, key: &[u8]) -> SearchKey {
        let mut search = SearchKey::new(partitioner);
        search.set(key);
        search
    }

    /// Takes another raw key; the buffers are used again.
    pub fn set(&mut self, key: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(key);
        self.token = Partitioner::murmur3_token(key);
        self.hash = murmur3(key);
        self.comparable.clear();
        decorated_key_comparable(&self.partitioner, key, Side::At, &mut self.comparable);
    }

    /// The raw key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Its Murmur3 token.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Its [`murmur3`] words, for filters.
    #[must_use]
    pub fn hash(&self) -> [u64; 2] {
        self.hash
    }

    /// Its byte-comparable form.
    #[must_use]
    pub fn comparable(&self) -> &[u8] {
        &self.comparable
    }
}

/// The index files of a table in memory. Formats differ here and nowhere above.
#[derive(Debug)]
pub(crate) enum Index {
    Bti { partitions: PartitionIndex, rows: RowIndex, descriptor: Descriptor },
}

/// Where a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartitionAt {
    /// Its start in the data.
    pub(crate) data: u64,
    /// What the index knows besides, for a partition of several blocks.
    pub(crate) row_index: Option<RowIndexAt>,
}

/// The row index of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowIndexAt {
    position: u64,
    /// The partition's deletion.
    pub(crate) deletion: DeletionTime,
}

impl Index {
    /// Opens Partitions.db and Rows.db.
    pub(crate) fn bti(
        descriptor: &Descriptor,
        partitions: Bytes,
        rows: Bytes,
    ) -> Result<Index, SsTableError> {
        let path = descriptor.path(&Component::Partitions);
        let partitions = PartitionIndex::open(partitions).map_err(|error| SsTableError::new(path, error))?;
        Ok(Index::Bti { partitions, rows: RowIndex::new(rows), descriptor: descriptor.clone() })
    }

    pub(crate) fn key_count(&self) -> u64 {
        let Index::Bti { partitions, .. } = self;
        partitions.key_count()
    }

    pub(crate) fn first_key(&self) -> &Bytes {
        let Index::Bti { partitions, .. } = self;
        partitions.first_key()
    }

    pub(crate) fn last_key(&self) -> &Bytes {
        let Index::Bti { partitions, .. } = self;
        partitions.last_key()
    }

    /// Bytes in memory.
    pub(crate) fn size_bytes(&self) -> usize {
        let Index::Bti { partitions, rows, .. } = self;
        partitions.size_bytes() + rows.size_bytes()
    }

    /// Where the partition of `key` is if it is in the table. Without a row index that is not sure: the key that
    /// stands in the data must be compared.
    #[inline]
    pub(crate) fn find(&self, key: &SearchKey) -> Result<Option<PartitionAt>, SsTableError> {
        let Index::Bti { partitions, .. } = self;
        let found = partitions.exact_candidate(&key.comparable, key.hash);
        match found.map_err(|error| self.damaged(Component::Partitions, error))? {
            None => Ok(None),
            Some(PartitionPosition::Data(data)) => Ok(Some(PartitionAt { data, row_index: None })),
            Some(position @ PartitionPosition::Rows(_)) => self.resolve(position, Some(&key.key)),
        }
    }

    /// The first partition that may lie at or behind a position in byte-comparable form, and whether its key must be
    /// compared to know.
    pub(crate) fn ceiling(
        &self,
        comparable: &[u8],
    ) -> Result<(Option<PartitionAt>, Option<PartitionAt>), SsTableError> {
        let Index::Bti { partitions, .. } = self;
        let around =
            partitions.around(comparable).map_err(|error| self.damaged(Component::Partitions, error))?;
        let resolve = |position: Option<PartitionPosition>| match position {
            Some(position) => self.resolve(position, None),
            None => Ok(None),
        };
        Ok((resolve(around.uncertain)?, resolve(around.after)?))
    }

    /// Visits the partitions in order.
    pub(crate) fn partitions(&self) -> Partitions {
        let Index::Bti { partitions, .. } = self;
        Partitions { cursor: partitions.cursor() }
    }

    /// The block in which to look for a clustering position.
    #[inline]
    pub(crate) fn floor(&self, at: RowIndexAt, comparable: &[u8]) -> Result<IndexBlock, SsTableError> {
        let Index::Bti { rows, .. } = self;
        let block = rows.entry(at.position).and_then(|entry| rows.floor(&entry, comparable));
        block.map_err(|error| self.damaged(Component::Rows, error))
    }

    /// Goes backwards from the block in which to look for a clustering position.
    pub(crate) fn blocks(&self, at: RowIndexAt) -> Result<RowIndexCursor, SsTableError> {
        let Index::Bti { rows, .. } = self;
        let entry = rows.entry(at.position).map_err(|error| self.damaged(Component::Rows, error))?;
        Ok(rows.cursor(&entry))
    }

    /// An error in an index file.
    #[cold]
    pub(crate) fn damaged(&self, component: Component, error: DecodeError) -> SsTableError {
        let Index::Bti { descriptor, .. } = self;
        SsTableError::new(descriptor.path(&component), error)
    }

    /// What stands at a position of Partitions.db; `None` if it is another key's.
    fn resolve(
        &self,
        position: PartitionPosition,
        key: Option<&[u8]>,
    ) -> Result<Option<PartitionAt>, SsTableError> {
        let Index::Bti { rows, .. } = self;
        match position {
            PartitionPosition::Data(data) => Ok(Some(PartitionAt { data, row_index: None })),
            PartitionPosition::Rows(position) => {
                let entry = rows.entry(position).map_err(|error| self.damaged(Component::Rows, error))?;
                if key.is_some_and(|key| key != entry.key) {
                    return Ok(None);
                }
                let row_index = RowIndexAt { position, deletion: entry.deletion };
                Ok(Some(PartitionAt { data: entry.data_position, row_index: Some(row_index) }))
            }
        }
    }
}

/// A cursor over the partitions of an [`Index`], which it does not hold: always the same.
#[derive(Debug)]
pub(crate) struct Partitions {
    cursor: PartitionCursor,
}

impl Partitions {
    pub(crate) fn next(&mut self, index: &Index) -> Result<Option<PartitionAt>, SsTableError> {
        let position = self.cursor.next().map_err(|error| index.damaged(Component::Partitions, error))?;
        position.map_or(Ok(None), |position| index.resolve(position, None))
    }
}
