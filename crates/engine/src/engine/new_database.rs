//! Makes a database that begins with foreign SSTables. Its manifest is written last; until then a
//! mark identifies the directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Clock, Disk, RelativePath, parent_of, remove_if_exists};
use helenus_rows::EncodingBase;
use helenus_schema::TableDef;
use helenus_sstable::{ChunkCache, Descriptor, Version};
use helenus_types::{Generation, LocalDeletionTime, LogPosition, Timestamp};

use super::flush::{sstable_id, stem};
use super::ingest::MAX_AHEAD_MICROS;
use super::layout::{IDENTITY, MANIFEST, MARK, MARK_TEXT, identity, not_own, remove_mark, table_dir};
use super::live::Opener;
use super::lock::{DirectoryLock, LOCK};
use super::state::TableState;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{DATA_DIR, Manifest, ManifestState, SsTableEntry, TableEntry};
use crate::options::Options;

/// A database that is being made of SSTables that are brought in. It has no log and no memtables:
/// its manifest, written last, says all that there is to know.
///
/// For each table, its SSTables are put under the names that [`next_name`](Self::next_name) gives,
/// [opened](Self::open) there, and [added](Self::add_table) with the table.
#[derive(Debug)]
pub struct NewDatabase {
    options: Options,
    dir: PathBuf,
    /// Whether the directory was made for it.
    made_dir: bool,
    /// Held until all is done, and all is removed.
    _lock: DirectoryLock,
    state: ManifestState,
    /// The newest timestamp in what came in that ours are to be above.
    newest: Timestamp,
}

/// An SSTable that was put under a name of a new database and opened there.
#[derive(Debug)]
pub struct NewSsTable {
    at: Descriptor,
    generation: Generation,
    entry: SsTableEntry,
    base: EncodingBase,
    newest: Timestamp,
    bytes: u64,
}

impl NewSsTable {
    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl NewDatabase {
    /// Begins one in a directory that doesn't exist, is empty, or holds the leftovers of an earlier
    /// attempt.
    ///
    /// # Errors
    /// When the directory holds anything else, or is in use; when it can't be written.
    pub fn begin(disk: &Arc<dyn Disk>, clock: &Arc<dyn Clock>, dir: &Path) -> Result<Self> {
        let options = Options::new().disk(disk.clone()).clock(clock.clone());
        let disk = &**disk;
        let made_dir = !disk.exists(dir)?;
        let lock = take(disk, dir, made_dir).inspect_err(|_| {
            if made_dir {
                // If another process uses it meanwhile it has files in it, and stays.
                disk.remove_dir(dir).ok();
            }
        })?;
        let new = Self {
            options,
            dir: dir.to_owned(),
            made_dir,
            _lock: lock,
            state: ManifestState { next_generation: 1, ..ManifestState::default() },
            newest: Timestamp::MIN,
        };
        match new.prepare() {
            Ok(()) => Ok(new),
            Err(error) => {
                new.abandon();
                Err(error)
            }
        }
    }

    fn prepare(&self) -> Result<()> {
        let disk = self.disk();
        if disk.exists(&self.dir.join(MARK))? {
            clear(disk, &self.dir)?;
        } else {
            let mark = disk.create_new(&self.dir.join(MARK))?;
            mark.write_at(0, MARK_TEXT.as_bytes())?;
            mark.sync_all()?;
        }
        // Before anything else gets a name here.
        disk.sync_dir(&self.dir)?;
        identity(disk, &self.dir, false, false)?;
        Ok(())
    }

    fn disk(&self) -> &dyn Disk {
        &*self.options.disk
    }

    fn now_seconds(&self) -> u32 {
        u32::try_from(self.options.clock.now_seconds().max(0)).unwrap_or(u32::MAX)
    }

    /// The name of a table's next SSTable, which none had before. The table's directory is made.
    ///
    /// # Errors
    /// When there were too many names, or the directory can't be made.
    pub fn next_name(&mut self, def: &TableDef, version: Version) -> Result<Descriptor> {
        let generation = Generation(self.state.next_generation);
        self.state.next_generation += 1;
        let dir = self.table_dir(def)?;
        self.disk().create_dir_all(&dir)?;
        Ok(Descriptor::new(&dir, version, sstable_id(generation)?))
    }

    /// Opens the SSTable that was put under such a name, as the database will.
    ///
    /// # Errors
    /// When it is damaged, or can't be read.
    pub fn open(&self, def: &TableDef, at: &Descriptor) -> Result<NewSsTable> {
        let Some(generation) = at.id.generation() else { unreachable!("names that are given are numbers") };
        let state = Arc::new(TableState::of(def, EncodingBase::EPOCH, 0));
        let cache = Arc::new(ChunkCache::new(0));
        let opener = Opener { disk: self.options.disk.clone(), cache, files: None };
        let now = self.now_seconds();
        let live = opener.open(at.clone(), generation, 0, now, &state)?;
        let sstable = live.sstable()?;
        let facts = Some(live.facts.clone());
        Ok(NewSsTable {
            at: at.clone(),
            generation,
            entry: SsTableEntry { stem: stem(at), level: 0, created_seconds: now, facts },
            base: sstable.header().base,
            newest: sstable.max_timestamp(),
            bytes: sstable.disk_len(),
        })
    }

    /// Adds a table with its SSTables, whose names are durable then.
    ///
    /// # Errors
    /// When the directory can't be synced.
    pub fn add_table(&mut self, def: &TableDef, sstables: Vec<NewSsTable>) -> Result<()> {
        if !sstables.is_empty() {
            self.disk().sync_dir(&self.table_dir(def)?)?;
        }
        let limit = self.options.clock.now_micros().saturating_add(MAX_AHEAD_MICROS);
        let newest = sstables.iter().map(|sstable| sstable.newest).max();
        self.newest = newest.filter(|newest| newest.0 <= limit).map_or(self.newest, |n| n.max(self.newest));
        let others = sstables.iter().filter(|sstable| !sstable.at.version.is_known_by_name());
        self.state.named.extend(others.map(|sstable| (sstable.generation, stem(&sstable.at))));
        let none = EncodingBase {
            min_timestamp: Timestamp(self.options.clock.now_micros()),
            min_local_deletion_time: LocalDeletionTime(self.now_seconds()),
            min_ttl: 0,
        };
        let tag = self.state.next_tag;
        self.state.next_tag += 1;
        let entry = TableEntry {
            id: def.id(),
            base: sstables.iter().map(|sstable| sstable.base).reduce(least).unwrap_or(none),
            layout: 0,
            flushed: LogPosition::ZERO,
            truncated_at: None,
            sstables: sstables.into_iter().map(|sstable| (sstable.generation, sstable.entry)).collect(),
        };
        self.state.tables.insert(tag, Arc::new(entry));
        Ok(())
    }

    fn table_dir(&self, def: &TableDef) -> Result<PathBuf> {
        Ok(table_dir(def.keyspace(), def.name(), def.id())?.below(&self.dir))
    }

    /// Makes it a database.
    ///
    /// # Errors
    /// When the manifest can't be written.
    pub fn complete(&mut self, schema: String) -> Result<()> {
        self.state.schema = schema.as_str().into();
        self.state.timestamp_floor = self.newest.0.max(0);
        Manifest::create(self.options.disk.clone(), self.dir.join(MANIFEST), self.state.clone())?;
        Ok(())
    }

    /// It is complete: the leftovers of the work are removed, now or when the database is opened.
    pub fn unmark(self) {
        if let Err(error) = remove_mark(self.disk(), &self.dir) {
            tracing::warn!(%error, "left for the next time that the database is opened");
        }
    }

    /// Removes everything that was made, if possible.
    pub fn abandon(self) {
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "what is left of a database that was not completed doesn't open");
        }
    }

    fn remove(&self) -> Result<()> {
        let disk = self.disk();
        clear(disk, &self.dir)?;
        remove_if_exists(disk, &self.dir.join(MARK))?;
        remove_if_exists(disk, &self.dir.join(LOCK))?;
        if self.made_dir {
            disk.remove_dir(&self.dir)?;
            disk.sync_dir(parent_of(&self.dir))?;
        }
        Ok(())
    }
}

fn least(a: EncodingBase, b: EncodingBase) -> EncodingBase {
    EncodingBase {
        min_timestamp: a.min_timestamp.min(b.min_timestamp),
        min_local_deletion_time: a.min_local_deletion_time.min(b.min_local_deletion_time),
        min_ttl: a.min_ttl.min(b.min_ttl),
    }
}

/// Makes the directory, or sees that it is empty, and locks it.
fn take(disk: &dyn Disk, dir: &Path, made_dir: bool) -> Result<DirectoryLock> {
    if made_dir {
        disk.create_dir_all(dir)?;
    }
    check_empty(disk, dir)?;
    let lock = DirectoryLock::take(disk, dir)?;
    // The lock's previous holder may have completed one.
    if let Err(error) = check_empty(disk, dir) {
        if made_dir && error.kind() == ErrorKind::Io {
            disk.remove_file(&dir.join(LOCK)).ok();
        }
        return Err(error);
    }
    Ok(lock)
}

/// Refuses a directory that holds anything but the rest of such a work.
fn check_empty(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let entries = disk.list(dir)?;
    let holds = |name: &str| entries.iter().any(|entry| entry.name == name);
    if holds(MANIFEST) && !holds(MARK) {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("{} already holds a database", dir.display()),
        ));
    }
    if holds(MANIFEST) {
        let text =
            format!("{} holds a database that was completed when it was adopted: open it", dir.display());
        return Err(Error::new(ErrorKind::AlreadyExists, text));
    }
    match entries.iter().find(|entry| entry.name != LOCK) {
        Some(entry) if !holds(MARK) => {
            let text = format!("{}: not empty, {:?} is in it", dir.display(), entry.name);
            Err(Error::new(ErrorKind::AlreadyExists, text))
        }
        _ => Ok(()),
    }
}

/// Removes what such a work made, but for mark and lock. What is not of it stays, and is an error.
fn clear(disk: &dyn Disk, dir: &Path) -> Result<()> {
    // First of all it is no database any more.
    if remove_if_exists(disk, &dir.join(MANIFEST))? {
        disk.sync_dir(dir)?;
    }
    let data = RelativePath::new(DATA_DIR).map_err(|error| Error::invalid(error.to_string()))?;
    if let Some(data) = data.own(disk, dir).map_err(not_own)? {
        for keyspace in own_directories(disk, &data)? {
            for table in own_directories(disk, &keyspace)? {
                for file in disk.list(&table)? {
                    if file.utf8().is_some_and(|name| Descriptor::parse(&table, name).is_ok()) {
                        disk.remove_file(&table.join(&file.name))?;
                    }
                }
                disk.remove_dir(&table)?;
            }
            disk.remove_dir(&keyspace)?;
        }
        disk.remove_dir(&data)?;
    }
    for name in [IDENTITY, MANIFEST] {
        remove_if_exists(disk, &dir.join(format!("{name}.tmp")))?;
    }
    remove_if_exists(disk, &dir.join(IDENTITY))?;
    Ok(disk.sync_dir(dir)?)
}

/// The directories in a directory, without what links lead to: that is not of the work.
fn own_directories(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = disk.list(dir)?;
    Ok(entries.iter().filter(|entry| entry.is_dir()).map(|entry| dir.join(&entry.name)).collect())
}
