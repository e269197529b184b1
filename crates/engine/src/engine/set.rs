//! The read side: tables, and the means of reading them. Databases have one, and so have
//! directories of SSTables that are no database.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};

use helenus_commitlog::TableTag;
use helenus_io::{Clock, Disk, OwnProcess};
use helenus_schema::Catalog;
use helenus_sstable::ChunkCache;
use helenus_types::TableId;
use parking_lot::{Mutex, RwLock};

use super::pinned::Pinned;
use super::salvage::{LeftOut, Salvaging};
use super::schema_followers::SchemaFollowers;
use super::table::TableCore;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::DatabaseMetrics;

/// Tables of one directory and everything needed to read them. It writes nothing:
/// [`WriteSide`](super::WriteSide) changes its content.
#[derive(Debug)]
pub(crate) struct TableSet {
    pub(crate) dir: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    pub(crate) cache: Arc<ChunkCache>,
    pub(crate) catalog: RwLock<Arc<Catalog>>,
    /// Those that follow the catalog's changes.
    pub(crate) schema_followers: Arc<SchemaFollowers>,
    pub(crate) tables: RwLock<Tables>,
    /// Memory and files that only readers still hold.
    pub(crate) pinned: Pinned,
    /// The damaged SSTables that are left out, if the options say so.
    pub(super) salvage: Option<Mutex<Salvaging>>,
    is_closed: AtomicBool,
    /// The process that opened it.
    origin: OwnProcess,
    /// What opens a table that is asked for and not open.
    pub(crate) opener: Option<TableOpener>,
}

/// Opens tables of the catalog when they are first asked for.
pub(crate) struct TableOpener(pub(crate) Box<OpenTable>);

type OpenTable = dyn Fn(&TableSet, TableId) -> Result<Arc<TableCore>> + Send + Sync;

impl fmt::Debug for TableOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableOpener")
    }
}

/// The tables, by identity and by tag.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) by_id: HashMap<TableId, Arc<TableCore>>,
    pub(crate) by_tag: BTreeMap<u32, Arc<TableCore>>,
}

impl Tables {
    pub(crate) fn insert(&mut self, core: Arc<TableCore>) {
        self.by_tag.insert(core.tag.0, core.clone());
        self.by_id.insert(core.id, core);
    }

    pub(crate) fn remove(&mut self, core: &TableCore) {
        self.by_tag.remove(&core.tag.0);
        self.by_id.remove(&core.id);
    }
}

impl TableSet {
    pub(crate) fn new(
        dir: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        cache: Arc<ChunkCache>,
        catalog: Catalog,
        tables: Tables,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            disk,
            clock,
            cache,
            catalog: RwLock::new(Arc::new(catalog)),
            schema_followers: Arc::default(),
            tables: RwLock::new(tables),
            pinned: Pinned::default(),
            salvage: None,
            is_closed: AtomicBool::new(false),
            origin: OwnProcess::here(),
            opener: None,
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// This second, as local deletion times count.
    pub(crate) fn now_seconds(&self) -> u32 {
        now_seconds(&*self.clock)
    }

    /// Refuses reads from now on.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Release);
    }

    /// Refuses if it is closed.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        self.check_here()?;
        if self.is_closed.load(Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the database is closed"));
        }
        Ok(())
    }

    /// Refuses in a forked child of the process that opened it.
    #[inline]
    pub(crate) fn check_here(&self) -> Result<()> {
        check_here(&self.origin)
    }

    pub(crate) fn metrics(&self) -> DatabaseMetrics {
        let (cache, pinned) = (self.cache.stats(), self.pinned.usage());
        let tables = self.all_tables();
        DatabaseMetrics {
            memtable_bytes: tables.iter().map(|core| core.memtable_bytes() as u64).sum(),
            cache_bytes: cache.len_bytes,
            cache_hits: cache.hits,
            cache_misses: cache.misses,
            pinned_memory_bytes: pinned.memory_bytes,
            pinned_disk_bytes: pinned.disk_bytes,
            ..DatabaseMetrics::default()
        }
    }

    /// The current schema.
    pub(crate) fn schema(&self) -> Arc<Catalog> {
        self.catalog.read().clone()
    }

    /// The table of that identity.
    pub(crate) fn core(&self, id: TableId) -> Result<Arc<TableCore>> {
        let known = self.tables.read().by_id.get(&id).cloned();
        let core = match (known, &self.opener) {
            (Some(core), _) => core,
            (None, Some(opener)) => (opener.0)(self, id)?,
            (None, None) => return Err(no_table(id)),
        };
        if let Some(salvage) = &self.salvage {
            salvage.lock().leave_out_damaged(&core)?;
        }
        Ok(core)
    }

    /// SSTables that were left out because they are damaged.
    pub(crate) fn left_out(&self) -> Vec<LeftOut> {
        self.salvage.as_ref().map_or_else(Vec::new, |salvage| salvage.lock().left_out.clone())
    }

    /// Adds a table, whose tag is given to `make`. Another thread may have been faster: then it is
    /// that one's.
    pub(crate) fn add_table(&self, id: TableId, make: impl FnOnce(TableTag) -> TableCore) -> Arc<TableCore> {
        let mut tables = self.tables.write();
        if let Some(core) = tables.by_id.get(&id) {
            return core.clone();
        }
        let tag = tables.by_tag.last_key_value().map_or(0, |(last, _)| last + 1);
        let core = Arc::new(make(TableTag(tag)));
        tables.insert(core.clone());
        core
    }

    /// The table with that tag.
    pub(crate) fn table_of(&self, tag: TableTag) -> Option<Arc<TableCore>> {
        self.tables.read().by_tag.get(&tag.0).cloned()
    }

    /// Keyspace and name of the table with that tag.
    pub(crate) fn name_of(&self, tag: TableTag) -> Option<String> {
        self.table_of(tag).map(|core| core.name())
    }

    /// All tables, in the order of their tags.
    pub(crate) fn all_tables(&self) -> Vec<Arc<TableCore>> {
        self.tables.read().by_tag.values().cloned().collect()
    }
}

/// This second, as local deletion times count.
pub(crate) fn now_seconds(clock: &dyn Clock) -> u32 {
    u32::try_from(clock.now_seconds().max(0)).unwrap_or(u32::MAX)
}

/// Refuses in a forked child of a process: its threads are gone, locks may be held for ever, and
/// its writes go into the parent's files.
#[inline]
pub(super) fn check_here(origin: &OwnProcess) -> Result<()> {
    if origin.is_here() {
        return Ok(());
    }
    let text =
        "the database was opened before this process was forked off: open it here, once it is closed there";
    Err(Error::new(ErrorKind::Forked, text))
}

/// There is no table of that identity.
pub(crate) fn no_table(id: TableId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no table {id:#}"))
}
