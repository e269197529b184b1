//! The index of a table without its data, for tools.

use std::sync::Arc;

use bytes::Bytes;
use helenus_io::Disk;
use helenus_rows::{ClusteringComparator, DeletionTime, Position};
use helenus_types::DecodeError;

use crate::big::Summary;
use crate::bti::IndexBlock;
use crate::data_file::{ComponentReader, DataFile, PageVerification};
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
    summary: Option<Bytes>,
}

/// The entry of a partition in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedPartition {
    at: PartitionAt,
}

impl IndexedPartition {
    pub(crate) fn new(at: PartitionAt) -> IndexedPartition {
        IndexedPartition { at }
    }

    /// Where it begins in the uncompressed data.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at.data
    }

    /// Its deletion, which the index knows of partitions with blocks.
    #[must_use]
    pub fn deletion(&self) -> Option<DeletionTime> {
        self.at.row_index.map(|index| index.deletion)
    }

    /// The block in which a read looks for a clustering position; `None` without blocks. `scratch`
    /// is overwritten.
    pub(crate) fn floor(
        &self,
        index: &Index,
        sought: Position<'_>,
        order: &ClusteringComparator,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<IndexBlock>, SsTableError> {
        let floor = |row_index| index.floor(row_index, sought, order, scratch);
        self.at.row_index.map(floor).transpose()
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
        let clustering = &data.header().clustering;
        let mut files = ComponentReader::new(&**disk, descriptor, page_checksums)?;
        let (index, summary) = match descriptor.format() {
            Format::Bti => {
                let partitions = files.paged(&Component::Partitions)?;
                (Index::bti(descriptor, partitions, files.paged(&Component::Rows)?)?, None)
            }
            Format::Big => {
                let primary = files.paged(&Component::Index)?;
                let summary = files.read_rewritable(&Component::Summary)?;
                let sample = summary.clone().map(PagedFile::from);
                (Index::big(descriptor, primary, sample, data.partitioner(), clustering)?, summary)
            }
        };
        Ok(TableIndex { index, summary })
    }

    /// Opens index files of which any part may be damaged, to [walk](Self::partitions) along them:
    /// Summary.db isn't used, and no key is found in an Index.db.
    ///
    /// # Errors
    /// When a file is missing or unreadable, or the footer of Partitions.db is damaged.
    pub fn salvage(disk: &Arc<dyn Disk>, data: &DataFile) -> Result<TableIndex, SsTableError> {
        let descriptor = data.descriptor();
        let clustering = &data.header().clustering;
        let mut files = ComponentReader::new(&**disk, descriptor, PageVerification::Skip)?;
        let index = match descriptor.format() {
            Format::Bti => {
                let partitions = files.paged(&Component::Partitions)?;
                Index::bti(descriptor, partitions, files.paged(&Component::Rows)?)?
            }
            Format::Big => {
                let primary = files.paged(&Component::Index)?;
                Index::big_unsampled(descriptor, primary, data.partitioner(), clustering)
            }
        };
        Ok(TableIndex { index, summary: None })
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
        IndexWalk::new(&self.index)
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
    #[must_use]
    pub fn blocks(&self, partition: IndexedPartition) -> Option<IndexBlocks<'_>> {
        IndexBlocks::new(&self.index, partition)
    }

    /// For a comparison with the data.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

/// Goes through the partitions of an index, as far as it is intact: the guide of whatever reads
/// data beside its index.
#[derive(Debug, Clone)]
pub struct IndexWalk<'a> {
    index: &'a Index,
    partitions: Partitions,
    current: Option<IndexedPartition>,
    last: Option<u64>,
    /// The key of `current`, if `has_key`; the buffer is used again for the next one.
    key: Vec<u8>,
    has_key: bool,
    is_broken: bool,
}

impl<'a> IndexWalk<'a> {
    pub(crate) fn new(index: &'a Index) -> IndexWalk<'a> {
        IndexWalk {
            index,
            partitions: index.partitions(),
            current: None,
            last: None,
            key: Vec::new(),
            has_key: false,
            is_broken: false,
        }
    }

    /// The next partition; `None` after the last. One whose blocks can't be read comes without:
    /// only [`TableIndex::find`] reports that.
    ///
    /// # Errors
    /// A damaged index, or one whose partitions are not in the order of the data. Entries after
    /// that can't be trusted: the walk is at its end.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not stop after the first error")]
    pub fn next(&mut self) -> Result<Option<IndexedPartition>, SsTableError> {
        self.current = None;
        self.has_key = false;
        if self.is_broken {
            return Ok(None);
        }
        self.current = self.step().inspect_err(|_| self.is_broken = true)?;
        Ok(self.current)
    }

    fn step(&mut self) -> Result<Option<IndexedPartition>, SsTableError> {
        let (key, has_key) = (&mut self.key, &mut self.has_key);
        let next = self.partitions.next_entry(self.index, |found| {
            key.clear();
            key.extend_from_slice(found);
            *has_key = true;
        })?;
        let Some((at, _)) = next else { return Ok(None) };
        if self.last.is_some_and(|last| last >= at.data) {
            let expected = "partitions in the order of the data";
            let error = DecodeError::new(0, expected, format!("one at {}", at.data));
            return Err(self.index.damaged(self.index.partitions_component(), error));
        }
        self.last = Some(at.data);
        Ok(Some(IndexedPartition { at }))
    }

    /// The partition that came last; `None` before the first and at the end.
    #[must_use]
    pub fn current(&self) -> Option<IndexedPartition> {
        self.current
    }

    /// The whole key of that partition, if the index has it.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        Some(&*self.key).filter(|_| self.has_key && self.current.is_some())
    }

    /// Whether no damage has ended the walk.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.is_broken
    }

    /// Advances to the first partition that begins at or after `position`, unless it is past that
    /// already; `passed` receives those before it.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn pass(
        &mut self,
        position: u64,
        mut passed: impl FnMut(IndexedPartition),
    ) -> Result<(), SsTableError> {
        while let Some(before) = self.current.filter(|current| current.position() < position) {
            passed(before);
            self.next()?;
        }
        Ok(())
    }
}

/// Goes through the blocks of a partition.
#[derive(Debug)]
pub struct IndexBlocks<'a> {
    index: &'a Index,
    cursor: Blocks,
    is_started: bool,
}

impl<'a> IndexBlocks<'a> {
    /// Those of a partition, if it has any.
    pub(crate) fn new(index: &'a Index, partition: IndexedPartition) -> Option<IndexBlocks<'a>> {
        let cursor = index.blocks(partition.at.row_index?);
        Some(IndexBlocks { index, cursor, is_started: false })
    }

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
