//! The index of a table without its data, for tools.

use std::sync::Arc;

use bytes::Bytes;
use helenus_io::Disk;
use helenus_rows::{ClusteringComparator, DeletionTime, Position};
use helenus_types::DecodeError;

use crate::big::Summary;
use crate::bti::IndexBlock;
use crate::data_file::{DataFile, Files, PageVerification};
use crate::descriptor::Component;
use crate::error::SsTableError;
use crate::index::{Blocks, Index, PartitionAt, Partitions, SearchKey};
use crate::paged_file::{HeldPage, PagedFile};
use crate::version::Format;

/// The index files of a table without its data: for tools that compare the two, or that look for
/// the data after damage.
#[derive(Debug)]
pub struct TableIndex {
    index: Index,
    clustering: ClusteringComparator,
    summary: Option<Bytes>,
}

/// The entry of a partition in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedPartition {
    at: PartitionAt,
}

impl IndexedPartition {
    /// Where it begins in the uncompressed data.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at.data
    }

    /// Whether blocks of its rows are indexed.
    #[must_use]
    pub fn has_blocks(&self) -> bool {
        self.at.row_index.is_some()
    }

    /// Its deletion, which the index knows of partitions with blocks.
    #[must_use]
    pub fn deletion(&self) -> Option<DeletionTime> {
        self.at.row_index.map(|index| index.deletion)
    }
}

impl TableIndex {
    /// Opens the index files of a table whose data is open.
    ///
    /// # Errors
    /// When one is missing, unreadable or damaged. A damaged Summary.db is none.
    pub fn open(
        disk: &Arc<dyn Disk>,
        data: &DataFile,
        page_checksums: PageVerification,
    ) -> Result<TableIndex, SsTableError> {
        let descriptor = data.descriptor();
        let clustering = data.header().clustering.clone();
        let mut files = Files::new(&**disk, descriptor, page_checksums)?;
        let (index, summary) = match descriptor.format() {
            Format::Bti => {
                let partitions = files.paged(&Component::Partitions)?;
                (Index::bti(descriptor, partitions, files.paged(&Component::Rows)?)?, None)
            }
            Format::Big => {
                let primary = files.paged(&Component::Index)?;
                let summary = files.read_rewritable(&Component::Summary)?;
                let sample = summary.clone().map(PagedFile::from);
                (Index::big(descriptor, primary, sample, data.partitioner(), &clustering)?, summary)
            }
        };
        Ok(TableIndex { index, clustering, summary })
    }

    /// Opens index files of which any part may be damaged, to [walk](Self::partitions) along them:
    /// Summary.db isn't used, and no key is found in an Index.db.
    ///
    /// # Errors
    /// When a file is missing or unreadable, or the footer of Partitions.db is damaged.
    pub fn salvage(disk: &Arc<dyn Disk>, data: &DataFile) -> Result<TableIndex, SsTableError> {
        let descriptor = data.descriptor();
        let clustering = data.header().clustering.clone();
        let mut files = Files::new(&**disk, descriptor, PageVerification::Skip)?;
        let index = match descriptor.format() {
            Format::Bti => {
                let partitions = files.paged(&Component::Partitions)?;
                Index::bti(descriptor, partitions, files.paged(&Component::Rows)?)?
            }
            Format::Big => {
                let primary = files.paged(&Component::Index)?;
                Index::big_unsampled(descriptor, primary, data.partitioner(), &clustering)
            }
        };
        Ok(TableIndex { index, clustering, summary: None })
    }

    /// Whether Summary.db is a sample of Index.db; true where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or an entry is not one of Index.db.
    pub fn check_summary(&self) -> Result<(), SsTableError> {
        let (Index::Big { primary, .. }, Some(bytes)) = (&self.index, &self.summary) else { return Ok(()) };
        let damaged = |error| self.index.damaged(Component::Summary, error);
        let summary = Summary::decode(bytes).map_err(damaged)?;
        let wrong = |expected: String, found: String| damaged(DecodeError::new(0, expected, found));
        let (mut least, mut held) = (0, HeldPage::default());
        for (key, position) in summary.entries() {
            let entry = primary.entry(&mut held, position);
            let is_there = entry.is_ok_and(|entry| entry.key == key);
            if !is_there || position < least || (least == 0 && position != 0) {
                let expected = "entries of Index.db in order, the first one first".to_owned();
                return Err(wrong(expected, format!("another one, said to be at {position}")));
            }
            least = position + 1;
        }
        let ends = [&*summary.first_key, &*summary.last_key];
        if ends != [primary.first_key(), primary.last_key()] {
            return Err(wrong("first and last key of Index.db".to_owned(), "other keys".to_owned()));
        }
        Ok(())
    }

    /// Number of partitions that it says it has.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.index.key_count()
    }

    /// Raw key of the first partition.
    #[must_use]
    pub fn first_key(&self) -> &[u8] {
        self.index.first_key()
    }

    /// Raw key of the last partition.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        self.index.last_key()
    }

    /// Its partitions, in order.
    #[must_use]
    pub fn partitions(&self) -> IndexWalk<'_> {
        IndexWalk { index: &self.index, partitions: self.index.partitions(), last: None, key: None }
    }

    /// The place at which a read of the key would look; since the index may not have whole keys,
    /// the key found there must be compared.
    ///
    /// # Errors
    /// A damaged index.
    pub fn find(&self, key: &SearchKey) -> Result<Option<IndexedPartition>, SsTableError> {
        Ok(self.index.find(key)?.map(|at| IndexedPartition { at }))
    }

    /// The blocks of a partition; `None` if it has none.
    ///
    /// # Errors
    /// A damaged index.
    pub fn blocks(&self, partition: IndexedPartition) -> Result<Option<IndexBlocks<'_>>, SsTableError> {
        let Some(row_index) = partition.at.row_index else { return Ok(None) };
        Ok(Some(IndexBlocks { index: &self.index, cursor: self.index.blocks(row_index), is_started: false }))
    }

    /// The block in which a read looks for a clustering position; `None` without blocks. `scratch`
    /// is overwritten.
    ///
    /// # Errors
    /// A damaged index.
    pub fn floor(
        &self,
        partition: IndexedPartition,
        sought: Position<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<IndexBlock>, SsTableError> {
        let Some(row_index) = partition.at.row_index else { return Ok(None) };
        self.index.floor(row_index, sought, &self.clustering, scratch).map(Some)
    }
}

/// Goes through the partitions of a [`TableIndex`].
#[derive(Debug, Clone)]
pub struct IndexWalk<'a> {
    index: &'a Index,
    partitions: Partitions,
    last: Option<u64>,
    key: Option<Vec<u8>>,
}

impl IndexWalk<'_> {
    /// The next partition; `None` after the last. One whose blocks can't be read comes without:
    /// only [`TableIndex::find`] reports that.
    ///
    /// # Errors
    /// A damaged index, or one whose partitions are not in the order of the data.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    pub fn next(&mut self) -> Result<Option<IndexedPartition>, SsTableError> {
        let key = &mut self.key;
        *key = None;
        let next = self.partitions.next_entry(self.index, |found| *key = Some(found.to_vec()))?;
        let Some((at, _)) = next else { return Ok(None) };
        if self.last.is_some_and(|last| last >= at.data) {
            let expected = "partitions in the order of the data";
            let error = DecodeError::new(0, expected, format!("one at {}", at.data));
            return Err(self.index.damaged(self.index.partitions_component(), error));
        }
        self.last = Some(at.data);
        Ok(Some(IndexedPartition { at }))
    }

    /// The whole key of the partition that came last, if the index has it.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }
}

/// Goes through the blocks of a partition.
#[derive(Debug)]
pub struct IndexBlocks<'a> {
    index: &'a Index,
    cursor: Blocks,
    is_started: bool,
}

impl IndexBlocks<'_> {
    /// The next block; `None` after the last. Formats that say where the last one ends do so with
    /// one more block.
    ///
    /// # Errors
    /// A damaged index.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    pub fn next(&mut self) -> Result<Option<IndexBlock>, SsTableError> {
        let is_first = !std::mem::replace(&mut self.is_started, true);
        self.cursor.next(self.index, is_first)
    }
}
