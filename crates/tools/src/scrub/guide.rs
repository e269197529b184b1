//! The index as a guide through data of which parts are lost: where partitions and blocks of their
//! rows begin.
//!
//! It is followed only where the data itself doesn't lead on, and read as far as it is intact.

use std::sync::Arc;

use bytes::Bytes;
use helenus_io::{Disk, read_to_vec};
use helenus_rows::{ClusteringComparator, DeletionTime};
use helenus_sstable::{
    Component, DataFile, DeletionTimeForm, Format, HeldPage, IndexBlock, IndexEntry, PagedFile,
    PartitionCursor, PartitionIndex, PartitionPosition, PromotedIndex, RowIndex, RowIndexCursor, SearchKey,
    SsTableError, SsTableErrorKind,
};
use helenus_types::DecodeError;

use super::report::{ScrubReport, Substitute};

const WITHOUT: &str = "what is behind damage is looked for in the data itself";

/// The index's entries of the partitions, one after the other.
pub(super) struct Guide {
    files: Files,
    form: DeletionTimeForm,
    clustering: ClusteringComparator,
    next: Option<Entry>,
    /// Whether it says where each partition is, up to the last.
    is_whole: bool,
    is_ended: bool,
    problem: Option<(Component, String)>,
}

enum Files {
    None,
    Big { file: PagedFile, position: u64 },
    Bti { partitions: PartitionIndex, rows: RowIndex, cursor: Box<PartitionCursor> },
}

/// The entry of a partition in the index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where it begins in the data.
    pub(super) position: u64,
    /// Its key, where the index holds whole keys.
    pub(super) key: Option<Vec<u8>>,
    /// Its deletion, where the index knows of it.
    pub(super) deletion: Option<DeletionTime>,
    /// The offset of its row index in Index.db or Rows.db.
    blocks: Option<u64>,
}

/// Goes through the blocks of a partition.
pub(super) enum BlockCursor {
    Bti(RowIndexCursor),
    Big { entry: u64, index: usize },
}

impl Guide {
    /// Opens the index of a table. Its faults are added to the report.
    pub(super) fn open(disk: &Arc<dyn Disk>, data: &DataFile, report: &mut ScrubReport) -> Guide {
        let table = data.descriptor();
        let mut guide = Guide {
            files: Files::None,
            form: DeletionTimeForm::of(table.version),
            clustering: data.header().clustering.clone(),
            next: None,
            is_whole: false,
            is_ended: false,
            problem: None,
        };
        let read = |component: &Component| {
            read_to_vec(&**disk, &table.path(component), usize::MAX)
                .map(Bytes::from)
                .map_err(|error| (component.clone(), SsTableError::from(error)))
        };
        let files = match table.format() {
            Format::Big => read(&Component::Index).map(|file| Files::Big { file: file.into(), position: 0 }),
            Format::Bti => read(&Component::Partitions).and_then(|file| {
                let partitions = PartitionIndex::open(file).map_err(|error| {
                    let path = table.path(&Component::Partitions);
                    (Component::Partitions, SsTableError::new(path, error))
                })?;
                let rows = RowIndex::new(read(&Component::Rows)?);
                Ok(Files::Bti { cursor: Box::new(partitions.cursor()), partitions, rows })
            }),
        };
        match files {
            Ok(files) => {
                guide.files = files;
                guide.is_whole = true;
                guide.step();
            }
            Err((component, error)) => {
                let problem = error.to_string();
                report.substitutes.push(Substitute { component, problem, instead: WITHOUT });
            }
        }
        guide
    }

    /// Adds the faults of the index that were found on the way to the report.
    pub(super) fn finish(self, report: &mut ScrubReport) {
        if let Some((component, problem)) = self.problem {
            report.substitutes.push(Substitute { component, problem, instead: WITHOUT });
        }
    }

    /// The next partition that it knows of.
    pub(super) fn next(&self) -> Option<&Entry> {
        self.next.as_ref()
    }

    /// Whether all that is left of it can be read.
    pub(super) fn is_whole_to_the_end(&self) -> bool {
        let mut is_whole = self.is_whole;
        match &self.files {
            Files::None => {}
            Files::Big { file, position } => {
                let (mut at, mut held) = (*position, HeldPage::default());
                while is_whole && at < file.len() {
                    match IndexEntry::read(file, &mut held, at) {
                        Ok(entry) => at = entry.end,
                        Err(_) => is_whole = false,
                    }
                }
            }
            Files::Bti { cursor, .. } => {
                let mut cursor = cursor.clone();
                let mut last = None;
                while is_whole {
                    match cursor.next() {
                        Ok(None) => break,
                        Ok(Some(PartitionPosition::Data(position)))
                            if last.is_none_or(|last| last < position) =>
                        {
                            last = Some(position);
                        }
                        Ok(Some(PartitionPosition::Rows(_))) => {}
                        _ => is_whole = false,
                    }
                }
            }
        }
        is_whole
    }

    /// Advances to the first partition that begins at or after `position`.
    pub(super) fn pass(&mut self, position: u64) {
        while self.next.as_ref().is_some_and(|next| next.position < position) {
            self.step();
        }
    }

    /// The partition that begins at `start`, and where the next one begins: `None` if that isn't
    /// known. Goes on to that one.
    pub(super) fn partition(&mut self, start: u64, data_len: u64) -> (Option<Entry>, Option<u64>) {
        self.pass(start);
        let entry = self.next.take_if(|next| next.position == start);
        if entry.is_some() {
            self.step();
        }
        let next = self.next.as_ref().map(|next| next.position).filter(|next| *next < data_len);
        (entry, next.or(self.is_whole.then_some(data_len)))
    }

    /// Whether it says that the partition of the key begins at `position`.
    pub(super) fn confirms(&self, key: &SearchKey, position: u64) -> bool {
        match &self.files {
            Files::None => false,
            // The question is about the next partition.
            Files::Big { .. } => self
                .next
                .as_ref()
                .is_some_and(|next| next.position == position && next.key.as_deref() == Some(key.key())),
            Files::Bti { partitions, rows, .. } => {
                match partitions.exact_candidate(key.comparable(), key.hash()) {
                    Ok(Some(PartitionPosition::Data(found))) => found == position,
                    Ok(Some(PartitionPosition::Rows(at))) => rows
                        .entry(&mut HeldPage::default(), at)
                        .is_ok_and(|entry| entry.data_position == position && entry.key == key.key()),
                    _ => false,
                }
            }
        }
    }

    /// The blocks of a partition's rows, if there are any.
    pub(super) fn blocks(&self, entry: &Entry) -> Option<BlockCursor> {
        let at = entry.blocks?;
        match &self.files {
            Files::None => None,
            Files::Big { .. } => Some(BlockCursor::Big { entry: at, index: 0 }),
            Files::Bti { rows, .. } => {
                let root = rows.entry(&mut HeldPage::default(), at).ok()?.root;
                Some(BlockCursor::Bti(rows.cursor(root)))
            }
        }
    }

    /// The next block; `None` after the last, and where the index is damaged.
    pub(super) fn next_block(&self, cursor: &mut BlockCursor) -> Option<IndexBlock> {
        match (cursor, &self.files) {
            (BlockCursor::Bti(cursor), _) => cursor.next().ok().flatten(),
            (BlockCursor::Big { entry, index }, Files::Big { file, .. }) => {
                let held = &mut HeldPage::default();
                let promoted = PromotedIndex::read(file, held, *entry, self.form).ok()??;
                if *index >= promoted.block_count() {
                    return None;
                }
                let offset = promoted.block(file, held, *index, &self.clustering).ok()?.offset;
                let open_deletion = promoted.open_at_start(file, held, *index, &self.clustering).ok()?;
                *index += 1;
                Some(IndexBlock { offset, open_deletion })
            }
            (BlockCursor::Big { .. }, _) => None,
        }
    }

    /// Partitions that it may say it has, at most; for estimates.
    pub(super) fn count(&self, least: u64) -> u64 {
        match &self.files {
            Files::None => least,
            Files::Bti { partitions, .. } => partitions.key_count().max(least),
            Files::Big { file, .. } => {
                let (mut held, mut position, mut count) = (HeldPage::default(), 0, 0);
                while let Ok(entry) = IndexEntry::read(file, &mut held, position) {
                    position = entry.end;
                    count += 1;
                }
                count.max(least)
            }
        }
    }

    fn step(&mut self) {
        let last = self.next.take().map(|last| last.position);
        let read = self.read();
        let (component, error) = match read {
            Ok(Some(next)) if last.is_none_or(|last| last < next.position) => {
                self.next = Some(next);
                return;
            }
            Ok(None) => return,
            Ok(Some(next)) => {
                let found = next.position.to_string();
                (self.primary(), DecodeError::new(0, "partitions in the order of the data", found).into())
            }
            Err(error) => error,
        };
        // Entries after damage in it can't be trusted.
        self.is_whole = false;
        self.is_ended = true;
        self.problem.get_or_insert((component, error.to_string()));
    }

    fn primary(&self) -> Component {
        match &self.files {
            Files::Bti { .. } => Component::Partitions,
            _ => Component::Index,
        }
    }

    fn read(&mut self) -> Result<Option<Entry>, (Component, SsTableErrorKind)> {
        match &mut self.files {
            _ if self.is_ended => Ok(None),
            Files::None => Ok(None),
            Files::Big { file, position } => {
                if *position >= file.len() {
                    return Ok(None);
                }
                let (at, held) = (*position, &mut HeldPage::default());
                let entry = IndexEntry::read(file, held, at).map_err(|error| (Component::Index, error))?;
                *position = entry.end;
                let (data_position, key) = (entry.data_position, entry.key.to_vec());
                // Blocks that can't be read are no reason to give up the rest.
                let promoted = PromotedIndex::read(file, held, at, self.form).ok().flatten();
                Ok(Some(Entry {
                    position: data_position,
                    key: Some(key),
                    deletion: promoted.map(|promoted| promoted.deletion),
                    blocks: promoted.map(|_| at),
                }))
            }
            Files::Bti { rows, cursor, .. } => {
                let found = cursor.next().map_err(|error| (Component::Partitions, error))?;
                match found {
                    None => Ok(None),
                    Some(PartitionPosition::Data(position)) => {
                        Ok(Some(Entry { position, key: None, deletion: None, blocks: None }))
                    }
                    Some(PartitionPosition::Rows(at)) => {
                        let held = &mut HeldPage::default();
                        let entry = rows.entry(held, at).map_err(|error| (Component::Rows, error))?;
                        Ok(Some(Entry {
                            position: entry.data_position,
                            key: Some(entry.key.to_vec()),
                            deletion: Some(entry.deletion),
                            blocks: Some(at),
                        }))
                    }
                }
            }
        }
    }
}
