//! Attachments: what an index of a crate above hangs on a table. See decision 0023.

use std::fmt;
use std::sync::Arc;

use helenus_memtable::MemtableObserver;
use helenus_rows::Header;
use helenus_schema::TableDef;
use helenus_sstable::WriteObserver;

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
