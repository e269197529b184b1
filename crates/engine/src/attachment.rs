//! Attachments: what an index of a crate above hangs on a table. See decision 0023.

use std::fmt;
use std::sync::Arc;

use helenus_memtable::{MemtableObserver, ObservedPartition};
use helenus_rows::{Header, Op, Slices, UnfilteredStream, UpdateRef, WriteMoment};
use helenus_schema::TableDef;
use helenus_sstable::WriteObserver;

use crate::error::Result;

/// A part of a table that is made of its rows as they are written: an index.
///
/// In memory it lives with a memtable, on disk in a component of each SSTable; one that takes a
/// memtable's place has its component from the start. The engine keeps both at their places and
/// knows nothing of what they hold: [`AttachedView`](crate::parts::AttachedView) gives them back.
pub trait Attachment: fmt::Debug + Send + Sync {
    /// What sees the writes of a new memtable, whose rows are encoded against `header`.
    fn memtable(&self, header: &Arc<Header>) -> Option<Arc<dyn MemtableObserver>>;

    /// What makes the component of a new SSTable, whose rows are encoded against `header`. Its
    /// component has always the same name.
    fn sstable(&self, header: &Arc<Header>) -> Option<Box<dyn WriteObserver>>;

    /// What adds rows to each write of the table; `None` for one that adds none. It is always the
    /// one or the other.
    fn growth(&self) -> Option<&dyn Growth> {
        None
    }
}

/// Adds rows to the writes of a table, such as those of an index's or a view's own table.
///
/// All writes of the table, plain ones too, hold the locks of the partitions that they are about
/// from before this is asked until they can be read. So what it finds of a partition is what the
/// write will meet there, and writes of one partition are grown one after the other. The locks of
/// the partitions that it adds rows to are not taken: rows that two partitions of the table give
/// must be different rows. What is added is not grown again.
pub trait Growth: Send + Sync {
    /// Grows one partition's part of a mutation, whatever statements it comes from. Where the
    /// schema changes meanwhile the mutation is made again, and this is asked again.
    ///
    /// It is called under locks: it must not write to the database, nor change its schema.
    ///
    /// # Errors
    /// The write's, of which then nothing is done.
    fn grow(&self, write: &mut dyn GrowingWrite) -> Result<()>;
}

/// A mutation that is about to be written, seen from one of its partitions.
pub trait GrowingWrite {
    /// The partition.
    fn partition(&self) -> ObservedPartition<'_>;

    /// The moment of the mutation: what brings no timestamp has this one, and deletions this
    /// second.
    fn moment(&self) -> WriteMoment;

    /// What the mutation does to it: all is reconciled, so order has no meaning.
    fn updates(&self) -> Vec<UpdateRef<'_>>;

    /// The partition without the mutation: a stream of it alone, or of nothing.
    ///
    /// # Errors
    /// When it can't be read.
    fn before(&self, slices: &Slices) -> Result<Box<dyn UnfilteredStream>>;

    /// The partition with the mutation; what is added to it is not in it.
    ///
    /// # Errors
    /// When it can't be read.
    fn after(&self, slices: &Slices) -> Result<Box<dyn UnfilteredStream>>;

    /// A table of the database, to add rows to.
    ///
    /// # Errors
    /// When there is none of that name.
    fn table(&mut self, keyspace: &str, name: &str) -> Result<GrownTable>;

    /// Adds an operation on the partition of a table that has that raw key. Its times are those
    /// that it brings: usually such as the table's own rows have.
    ///
    /// # Errors
    /// When the key is empty or longer than 65,535 bytes, or the row is not encoded against
    /// [the table's header](GrownTable::header).
    fn add(&mut self, table: &GrownTable, key: &[u8], op: Op<'_>) -> Result<()>;
}

/// A table that a write adds rows to. It is of that write.
#[derive(Clone, Debug)]
pub struct GrownTable {
    /// Its number among those of the write.
    pub(crate) at: usize,
    pub(crate) header: Arc<Header>,
}

impl GrownTable {
    /// The header that rows of the table are encoded against, now.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }
}

/// The attachments of one table.
pub(crate) type AttachmentList = Arc<[Arc<dyn Attachment>]>;

/// Says which attachments a table has, going by its definition. It is asked when a table is opened
/// or made, and after each change of it; then the memtable is flushed, so that those of the new
/// definition see all that comes.
#[derive(Clone, Default)]
pub(crate) struct Attachments(Option<Arc<Attach>>);

type Attach = dyn Fn(&TableDef) -> Vec<Arc<dyn Attachment>> + Send + Sync;

impl Attachments {
    pub(crate) fn new(
        attach: impl Fn(&TableDef) -> Vec<Arc<dyn Attachment>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(attach)))
    }

    /// The attachments of a table.
    pub(crate) fn of(&self, def: &TableDef) -> AttachmentList {
        self.0.iter().flat_map(|attach| attach(def)).collect()
    }
}

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attachments").field(&self.0.is_some()).finish()
    }
}
