//! Observers of a memtable: they see each change as it is made.

use std::any::Any;
use std::fmt::Debug;

use helenus_rows::{Bound, DeletionTime, Header, RowBuf, RowRef};
use helenus_types::{DecodeError, Token};

use crate::versions::{VersionMerger, Versions};

/// Sees what is written to a memtable, change after change (`Index.Indexer`): an index of its rows
/// in memory, which lives as long as the memtable.
///
/// It is called under the lock of the partition's shard, so that the changes of a partition come in
/// their order, and before the write is acknowledged. So it must be quick, and must not read the
/// memtable. Writes of different shards call it at the same time. A reader may find a row in it
/// before the memtable shows it, or, if the row is written anew meanwhile, after.
pub trait MemtableObserver: Any + Debug + Send + Sync {
    /// A row, or the static row, is now `after` in this memtable, which may hold only a part of it;
    /// it was `before`, if it was there. Deletions of its range or partition that the memtable
    /// holds are not applied to either.
    fn row(&self, partition: ObservedPartition<'_>, before: Option<RowRef<'_>>, after: RowRef<'_>);

    /// A range of rows is deleted.
    fn range_deleted(
        &self,
        partition: ObservedPartition<'_>,
        start: Bound<'_>,
        end: Bound<'_>,
        deletion: DeletionTime,
    );

    /// The partition is deleted.
    fn partition_deleted(&self, partition: ObservedPartition<'_>, deletion: DeletionTime);
}

/// The partition that a change is about.
#[derive(Clone, Copy, Debug)]
pub struct ObservedPartition<'a> {
    /// What rows are encoded against.
    pub header: &'a Header,
    /// Its token.
    pub token: Token,
    /// Its raw key.
    pub key: &'a [u8],
}

/// Rows as an observer gets them: merged from their versions.
#[derive(Debug, Default)]
pub(crate) struct ObservedRows {
    merger: VersionMerger,
    pub(crate) before: RowBuf,
    pub(crate) after: RowBuf,
}

impl ObservedRows {
    /// Keeps the row that versions make as the one before a change.
    pub(crate) fn keep_before(
        &mut self,
        versions: &Versions,
        clustering_len: usize,
        header: &Header,
    ) -> Result<(), DecodeError> {
        self.merger.merge(versions, clustering_len, header, &mut self.before)
    }

    /// Keeps the row that versions make as the one after a change.
    pub(crate) fn keep_after(
        &mut self,
        versions: &Versions,
        clustering_len: usize,
        header: &Header,
    ) -> Result<(), DecodeError> {
        self.merger.merge(versions, clustering_len, header, &mut self.after)
    }
}
