//! Where partitions and the blocks of their rows are, whatever the format of the index files.

use helenus_rows::{ClusteringComparator, DeletionTime, Position};
use helenus_types::{DecodeError, Partitioner, Side, Token, decorated_key_comparable, murmur3};

use crate::big::{FoundEntry, IndexEntries, PrimaryIndex, PromotedIndex};
use crate::bti::{IndexBlock, PartitionCursor, PartitionIndex, PartitionPosition, RowIndex, RowIndexCursor};
use crate::deletion_time::DeletionTimeForm;
use crate::descriptor::{Component, Descriptor};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::paged_file::{HeldPage, PagedFile};

/// A place among the partitions, between any two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionBound<'a> {
    /// Before the first.
    Bottom,
    /// Before the partitions of a token.
    BeforeToken(Token),
    /// After the partitions of a token.
    AfterToken(Token),
    /// Just before the partition of a raw key.
    BeforeKey(&'a [u8]),
    /// Just after it.
    AfterKey(&'a [u8]),
    /// After the last.
    Top,
}

impl PartitionBound<'_> {
    /// Whether it lies before a key, whose [prefix](Partitioner::prefix) is given.
    pub(crate) fn is_before(&self, partitioner: &Partitioner, prefix: Token, key: &[u8]) -> bool {
        let compare = |bound: &[u8]| {
            let by_prefix = partitioner.prefix(bound).cmp(&prefix);
            by_prefix.then_with(|| partitioner.compare_tied(bound, key))
        };
        match *self {
            PartitionBound::Bottom => true,
            PartitionBound::BeforeToken(token) => token <= prefix,
            PartitionBound::AfterToken(token) => token < prefix,
            PartitionBound::BeforeKey(bound) => compare(bound).is_le(),
            PartitionBound::AfterKey(bound) => compare(bound).is_lt(),
            PartitionBound::Top => false,
        }
    }
}

/// A partition key with all that lookups need of it, computed once for all the tables that are
/// asked.
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
        self.token = self.partitioner.prefix(key);
        self.hash = murmur3(key);
        self.comparable.clear();
        decorated_key_comparable(&self.partitioner, key, Side::At, &mut self.comparable);
    }

    /// The raw key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Its Murmur3 token, or with another partitioner its [prefix](Partitioner::prefix).
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

/// The index files of a table. Formats differ here and nowhere above.
#[derive(Debug)]
pub(crate) enum Index {
    /// Partitions.db and Rows.db.
    Bti { partitions: PartitionIndex, rows: RowIndex, descriptor: Descriptor },
    /// Index.db; `form` is that of its deletion times.
    Big {
        primary: PrimaryIndex,
        clustering: ClusteringComparator,
        form: DeletionTimeForm,
        descriptor: Descriptor,
    },
}

/// The number of keys that decide whether a filter is the table's.
const SOME_KEYS: usize = 32;

/// Where a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartitionAt {
    /// Its start in the data.
    pub(crate) data: u64,
    /// The row index, for a partition of several blocks.
    pub(crate) row_index: Option<RowIndexAt>,
    /// Whether the index holds the whole key: another one in the data is damage then.
    pub(crate) is_certain: bool,
}

/// The row index of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowIndexAt {
    /// Of the trie's root in Rows.db, or of the entry in Index.db.
    position: u64,
    /// The partition's deletion.
    pub(crate) deletion: DeletionTime,
}

impl Index {
    /// Opens Partitions.db and Rows.db.
    pub(crate) fn bti(
        descriptor: &Descriptor,
        partitions: PagedFile,
        rows: PagedFile,
    ) -> Result<Index, SsTableError> {
        let path = descriptor.path(&Component::Partitions);
        let partitions = PartitionIndex::open(partitions).map_err(|error| SsTableError::new(path, error))?;
        Ok(Index::Bti { partitions, rows: RowIndex::new(rows), descriptor: descriptor.clone() })
    }

    /// Opens Index.db, with Summary.db if there is one.
    pub(crate) fn big(
        descriptor: &Descriptor,
        index: PagedFile,
        summary: Option<PagedFile>,
        partitioner: &Partitioner,
        clustering: &ClusteringComparator,
    ) -> Result<Index, SsTableError> {
        let primary = PrimaryIndex::open(index, summary, partitioner.clone())
            .map_err(|error| SsTableError::new(descriptor.path(&Component::Index), error))?;
        let form = DeletionTimeForm::of(descriptor.version);
        Ok(Index::Big { primary, clustering: clustering.clone(), form, descriptor: descriptor.clone() })
    }

    /// Takes an Index.db of which any part may be damaged, to go along it: no key is found in it.
    pub(crate) fn big_unsampled(
        descriptor: &Descriptor,
        index: PagedFile,
        partitioner: &Partitioner,
        clustering: &ClusteringComparator,
    ) -> Index {
        let primary = PrimaryIndex::unsampled(index, partitioner.clone());
        let form = DeletionTimeForm::of(descriptor.version);
        Index::Big { primary, clustering: clustering.clone(), form, descriptor: descriptor.clone() }
    }

    pub(crate) fn key_count(&self) -> u64 {
        match self {
            Index::Bti { partitions, .. } => partitions.key_count(),
            Index::Big { primary, .. } => primary.key_count(),
        }
    }

    /// The same, where it need not be counted.
    pub(crate) fn known_key_count(&self) -> Option<u64> {
        match self {
            Index::Bti { partitions, .. } => Some(partitions.key_count()),
            Index::Big { primary, .. } => primary.known_key_count(),
        }
    }

    pub(crate) fn first_key(&self) -> &[u8] {
        match self {
            Index::Bti { partitions, .. } => partitions.first_key(),
            Index::Big { primary, .. } => primary.first_key(),
        }
    }

    pub(crate) fn last_key(&self) -> &[u8] {
        match self {
            Index::Bti { partitions, .. } => partitions.last_key(),
            Index::Big { primary, .. } => primary.last_key(),
        }
    }

    /// Whether some keys of the table all pass: the last, the first, and those after it if they are
    /// in memory.
    pub(crate) fn do_some_keys(&self, mut pass: impl FnMut(&[u8]) -> bool) -> Result<bool, SsTableError> {
        if !pass(self.last_key()) || !pass(self.first_key()) {
            return Ok(false);
        }
        let Index::Big { primary, .. } = self else { return Ok(true) };
        let mut entries = primary.entries_from(0);
        for _ in 0..SOME_KEYS {
            match entries.next().map_err(|error| self.damaged(Component::Index, error))? {
                Some(entry) if !pass(entry.key) => return Ok(false),
                Some(_) => {}
                None => break,
            }
        }
        Ok(true)
    }

    /// Bytes in memory that are not the cache's.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Index::Bti { partitions, rows, .. } => partitions.file().memory_len() + rows.file().memory_len(),
            Index::Big { primary, .. } => primary.memory_len(),
        }
    }

    /// Reads all pages.
    pub(crate) fn verify_pages(&self) -> Result<(), SsTableError> {
        self.files()
            .try_for_each(|(file, component)| file.verify().map_err(|error| self.damaged(component, error)))
    }

    /// Drops what the cache has of it.
    pub(crate) fn forget_cached(&self) {
        self.files().for_each(|(file, _)| file.forget_cached());
    }

    /// The files that are read by page.
    fn files(&self) -> impl Iterator<Item = (&PagedFile, Component)> {
        let (files, names) = match self {
            Index::Bti { partitions, rows, .. } => {
                ([Some(partitions.file()), Some(rows.file())], [Component::Partitions, Component::Rows])
            }
            Index::Big { primary, .. } => {
                ([Some(primary.file()), primary.summary()], [Component::Index, Component::Summary])
            }
        };
        files.into_iter().zip(names).filter_map(|(file, name)| Some((file?, name)))
    }

    /// Where the partition of `key` is if it is in the table. Unless that is certain the key that
    /// stands in the data must be compared.
    #[inline]
    pub(crate) fn find(&self, key: &SearchKey) -> Result<Option<PartitionAt>, SsTableError> {
        match self {
            Index::Bti { partitions, .. } => {
                let found = partitions.exact_candidate(&key.comparable, key.hash);
                match found.map_err(|error| self.damaged(Component::Partitions, error))? {
                    None => Ok(None),
                    Some(PartitionPosition::Data(data)) => Ok(Some(PartitionAt::uncertain(data))),
                    Some(PartitionPosition::Rows(position)) => {
                        self.resolve(position, |found| found == key.key)
                    }
                }
            }
            Index::Big { primary, .. } => {
                let found = primary.find(key.token, &key.key);
                match found.map_err(|error| self.damaged(Component::Index, error))? {
                    None => Ok(None),
                    Some(entry) => self.at_entry(entry).map(Some),
                }
            }
        }
    }

    /// The first partition that may be after a place, and the first one that is for sure.
    pub(crate) fn ceiling(
        &self,
        bound: PartitionBound<'_>,
        comparable: &[u8],
        partitioner: &Partitioner,
    ) -> Result<(Option<PartitionAt>, Option<PartitionAt>), SsTableError> {
        match self {
            Index::Bti { partitions, .. } => {
                let around = partitions
                    .around(comparable)
                    .map_err(|error| self.damaged(Component::Partitions, error))?;
                let resolve = |position: Option<PartitionPosition>| match position {
                    None => Ok(None),
                    Some(PartitionPosition::Data(data)) => Ok(Some(PartitionAt::uncertain(data))),
                    Some(PartitionPosition::Rows(position)) => self.resolve(position, |_| true),
                };
                Ok((resolve(around.uncertain)?, resolve(around.after)?))
            }
            Index::Big { primary, .. } => {
                let found = primary.ceiling(|prefix, key| bound.is_before(partitioner, prefix, key));
                match found.map_err(|error| self.damaged(Component::Index, error))? {
                    None => Ok((None, None)),
                    Some(entry) => Ok((None, Some(self.at_entry(entry)?))),
                }
            }
        }
    }

    /// Visits the partitions in order.
    pub(crate) fn partitions(&self) -> Partitions {
        match self {
            Index::Bti { partitions, .. } => Partitions::Bti(partitions.cursor()),
            Index::Big { primary, .. } => Partitions::Big(Box::new(primary.entries())),
        }
    }

    /// The block in which to look for a clustering position; `order` as in
    /// [`SsTable::partition`](crate::SsTable::partition). `scratch` is used for its byte-comparable
    /// form.
    #[inline]
    pub(crate) fn floor(
        &self,
        at: RowIndexAt,
        sought: Position<'_>,
        order: &ClusteringComparator,
        scratch: &mut Vec<u8>,
    ) -> Result<IndexBlock, SsTableError> {
        match self {
            Index::Bti { rows, .. } => {
                scratch.clear();
                order.comparable(sought, scratch);
                let block = rows.floor(&mut HeldPage::default(), at.position, scratch);
                block.map_err(|error| self.damaged_rows(error))
            }
            Index::Big { .. } => {
                let mut blocks = Blocks::Big { position: at.position, index: 0, held: HeldPage::default() };
                blocks.seek(self, sought, order, scratch)
            }
        }
    }

    /// Goes backwards from the block in which to look for a clustering position.
    pub(crate) fn blocks(&self, at: RowIndexAt) -> Blocks {
        match self {
            Index::Bti { rows, .. } => Blocks::Bti(rows.cursor(at.position)),
            Index::Big { .. } => Blocks::Big { position: at.position, index: 0, held: HeldPage::default() },
        }
    }

    /// The row index of the entry at a position of Index.db.
    fn promoted(&self, held: &mut HeldPage, position: u64) -> Result<Promoted<'_>, SsTableError> {
        let Index::Big { primary, clustering, form, .. } = self else {
            unreachable!("only entries of Index.db have a row index in it")
        };
        let found = PromotedIndex::read(primary.file(), held, position, *form);
        match found.map_err(|error| self.damaged_rows(error))? {
            Some(index) => Ok(Promoted { index, file: primary.file(), clustering }),
            None => {
                let none = DecodeError::new(position, "a partition with a row index", "none");
                Err(self.damaged_rows(none))
            }
        }
    }

    /// An error in an index file.
    #[cold]
    pub(crate) fn damaged(&self, component: Component, error: impl Into<SsTableErrorKind>) -> SsTableError {
        let (Index::Bti { descriptor, .. } | Index::Big { descriptor, .. }) = self;
        SsTableError::new(descriptor.path(&component), error)
    }

    /// An error in the file that holds row indexes.
    #[cold]
    pub(crate) fn damaged_rows(&self, error: impl Into<SsTableErrorKind>) -> SsTableError {
        self.damaged(self.rows_component(), error)
    }

    /// The file that lists the partitions.
    pub(crate) fn partitions_component(&self) -> Component {
        match self {
            Index::Bti { .. } => Component::Partitions,
            Index::Big { .. } => Component::Index,
        }
    }

    /// The file that holds row indexes.
    pub(crate) fn rows_component(&self) -> Component {
        match self {
            Index::Bti { .. } => Component::Rows,
            Index::Big { .. } => Component::Index,
        }
    }

    /// What an entry of Index.db says.
    #[inline]
    fn at_entry(&self, entry: FoundEntry) -> Result<PartitionAt, SsTableError> {
        let FoundEntry { position, data_position, has_promoted } = entry;
        let row_index = if has_promoted {
            let promoted = self.promoted(&mut HeldPage::default(), position)?;
            Some(RowIndexAt { position, deletion: promoted.index.deletion })
        } else {
            None
        };
        Ok(PartitionAt { data: data_position, row_index, is_certain: true })
    }

    /// What stands at a position of Rows.db; `None` if it is of a key that is not `wanted`.
    fn resolve(
        &self,
        position: u64,
        wanted: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<PartitionAt>, SsTableError> {
        let Index::Bti { rows, .. } = self else { unreachable!("only Partitions.db leads to Rows.db") };
        let held = &mut HeldPage::default();
        let entry = rows.entry(held, position).map_err(|error| self.damaged_rows(error))?;
        if !wanted(entry.key) {
            return Ok(None);
        }
        let row_index = Some(RowIndexAt { position: entry.root, deletion: entry.deletion });
        Ok(Some(PartitionAt { data: entry.data_position, row_index, is_certain: true }))
    }
}

/// A row index in Index.db, with what it is read by.
struct Promoted<'a> {
    index: PromotedIndex,
    file: &'a PagedFile,
    clustering: &'a ClusteringComparator,
}

impl Promoted<'_> {
    /// Block `number`.
    fn block(&self, held: &mut HeldPage, number: usize) -> Result<IndexBlock, SsTableErrorKind> {
        let offset = self.index.block(self.file, held, number, self.clustering)?.offset;
        let open_deletion = self.index.open_at_start(self.file, held, number, self.clustering)?;
        Ok(IndexBlock { offset, open_deletion })
    }
}

impl PartitionAt {
    fn uncertain(data: u64) -> PartitionAt {
        PartitionAt { data, row_index: None, is_certain: false }
    }
}

/// A cursor over the partitions of an [`Index`], which it does not hold: always the same.
#[derive(Debug, Clone)]
pub(crate) enum Partitions {
    Bti(PartitionCursor),
    Big(Box<IndexEntries>),
}

impl Partitions {
    pub(crate) fn next(&mut self, index: &Index) -> Result<Option<PartitionAt>, SsTableError> {
        match self.next_entry(index, |_| {})? {
            Some((_, Some(damage))) => Err(damage),
            Some((at, None)) => Ok(Some(at)),
            None => Ok(None),
        }
    }

    /// The same, for walks that go on after damage: a row index that can't be read is none, and
    /// comes back as an error beside the partition. `with_key` gets the whole key if the index has
    /// it.
    pub(crate) fn next_entry(
        &mut self,
        index: &Index,
        with_key: impl FnOnce(&[u8]),
    ) -> Result<Option<(PartitionAt, Option<SsTableError>)>, SsTableError> {
        match (self, index) {
            (Partitions::Bti(cursor), _) => {
                let position = cursor.next().map_err(|error| index.damaged(Component::Partitions, error))?;
                match position {
                    None => Ok(None),
                    Some(PartitionPosition::Data(data)) => Ok(Some((PartitionAt::uncertain(data), None))),
                    Some(PartitionPosition::Rows(position)) => {
                        let found = index.resolve(position, |key| {
                            with_key(key);
                            true
                        })?;
                        Ok(found.map(|at| (at, None)))
                    }
                }
            }
            (Partitions::Big(entries), Index::Big { .. }) => {
                let position = entries.position();
                let entry = entries.next().map_err(|error| index.damaged(Component::Index, error))?;
                let Some(entry) = entry else { return Ok(None) };
                with_key(entry.key);
                Ok(Some(match index.at_entry(FoundEntry::of(&entry, position)) {
                    Ok(at) => (at, None),
                    Err(damage) => {
                        let at = PartitionAt { data: entry.data_position, row_index: None, is_certain: true };
                        (at, Some(damage))
                    }
                }))
            }
            (Partitions::Big(_), Index::Bti { .. }) => unreachable!("a cursor is given its own index"),
        }
    }
}

/// A cursor over the blocks of a partition.
#[derive(Debug)]
pub(crate) enum Blocks {
    Bti(RowIndexCursor),
    /// In the row index of the entry at `position` of Index.db.
    Big {
        position: u64,
        index: usize,
        held: HeldPage,
    },
}

impl Blocks {
    /// Goes to the block that [`Index::floor`] finds.
    pub(crate) fn seek(
        &mut self,
        index: &Index,
        sought: Position<'_>,
        order: &ClusteringComparator,
        scratch: &mut Vec<u8>,
    ) -> Result<IndexBlock, SsTableError> {
        match self {
            Blocks::Bti(cursor) => {
                scratch.clear();
                order.comparable(sought, scratch);
                let found = cursor.seek(scratch).map_err(|error| index.damaged_rows(error))?;
                found.ok_or_else(|| {
                    index.damaged_rows(DecodeError::new(0, "a block before the first row", "none"))
                })
            }
            Blocks::Big { position, index: number, held } => {
                let promoted = index.promoted(held, *position)?;
                let Promoted { index: blocks, file, clustering } = &promoted;
                let found = blocks.floor(file, held, sought, clustering, order);
                *number = found.map_err(|error| index.damaged_rows(error))?;
                promoted.block(held, *number).map_err(|error| index.damaged_rows(error))
            }
        }
    }

    /// Goes to the next block, or to the first one. In Rows.db one more ends the last block.
    pub(crate) fn next(&mut self, index: &Index, is_first: bool) -> Result<Option<IndexBlock>, SsTableError> {
        match self {
            Blocks::Bti(cursor) => cursor.next().map_err(|error| index.damaged_rows(error)),
            Blocks::Big { position, index: number, held } => {
                let promoted = index.promoted(held, *position)?;
                let behind = if is_first { 0 } else { *number + 1 };
                if behind >= promoted.index.block_count() {
                    return Ok(None);
                }
                *number = behind;
                promoted.block(held, behind).map(Some).map_err(|error| index.damaged_rows(error))
            }
        }
    }

    /// Goes to the block before, unless it is at the first.
    pub(crate) fn previous(&mut self, index: &Index) -> Result<Option<IndexBlock>, SsTableError> {
        match self {
            Blocks::Bti(cursor) => cursor.previous().map_err(|error| index.damaged_rows(error)),
            Blocks::Big { position, index: number, held } => {
                let Some(before) = number.checked_sub(1) else { return Ok(None) };
                *number = before;
                let promoted = index.promoted(held, *position)?;
                promoted.block(held, before).map(Some).map_err(|error| index.damaged_rows(error))
            }
        }
    }
}
