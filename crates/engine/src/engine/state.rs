//! The state of a table that only a schema change changes.

use std::sync::Arc;

use helenus_memtable::Memtable;
use helenus_rows::{ColumnMap, EncodingBase, Header, TableSchema};
use helenus_schema::{TableDef, TableOptions};
use helenus_sstable::{SsTable, WriteObserver};

use crate::attachment::{AttachmentList, Attachments};

/// Everything about a table that changes only by a schema change. A truncation puts an equal one in
/// its place: by another state writes notice that what they were made of has changed.
#[derive(Clone, Debug)]
pub(crate) struct TableState {
    pub(crate) schema: Arc<TableSchema>,
    /// The header that the table's rows are encoded against.
    pub(crate) header: Arc<Header>,
    /// The map for a memtable's rows: if a column was dropped and added again, writes up to the
    /// time of the drop are hidden. `None` for the usual table.
    pub(crate) own: Option<Arc<ColumnMap>>,
    pub(crate) options: Arc<TableOptions>,
    /// Counts changes of the columns; log records carry it.
    pub(crate) layout: u32,
    /// Whether writes go through the log (a property of the keyspace).
    pub(crate) durable_writes: bool,
    /// The reason why the table can't be written, if it can't: views and indexes that are not
    /// maintained.
    pub(crate) read_only: Option<&'static str>,
    /// What hangs on it; none for the usual table.
    pub(crate) attachments: AttachmentList,
}

impl TableState {
    /// The engine's state of a table's definition.
    pub(crate) fn of(def: &TableDef, base: EncodingBase, layout: u32) -> Self {
        let header = def.schema().header(base);
        let own = ColumnMap::new(&header, &header, def.schema().dropped());
        Self {
            schema: def.schema().clone(),
            header: Arc::new(header),
            own: (!own.passes_through()).then(|| Arc::new(own)),
            options: def.options().clone(),
            layout,
            durable_writes: def.durable_writes(),
            read_only: def.read_only(),
            attachments: AttachmentList::default(),
        }
    }

    /// The same state with what hangs on such a table.
    pub(crate) fn with_attachments(self, attachments: &Attachments, def: &TableDef) -> Self {
        Self { attachments: attachments.of(def), ..self }
    }

    /// Whether attachments add rows to its writes.
    #[inline]
    pub(crate) fn grows(&self) -> bool {
        self.attachments.iter().any(|attachment| attachment.growth().is_some())
    }

    /// A new memtable of the table.
    pub(crate) fn memtable(&self) -> Arc<Memtable> {
        let observers = self.attachments.iter().filter_map(|attachment| attachment.memtable(&self.header));
        Arc::new(Memtable::observed(self.header.clone(), observers.collect()))
    }

    /// What makes further components of a new SSTable of the table.
    pub(crate) fn write_observers(&self) -> Vec<Box<dyn WriteObserver>> {
        self.attachments.iter().filter_map(|attachment| attachment.sstable(&self.header)).collect()
    }

    /// The way from an SSTable's columns to the table's, where one is needed.
    pub(super) fn map_of(&self, sstable: &SsTable) -> Option<Arc<ColumnMap>> {
        let map = ColumnMap::new(sstable.header(), &self.header, self.schema.dropped());
        if map.passes_through() { None } else { Some(Arc::new(map)) }
    }
}
