//! A database that begins with SSTables of others. It is one once its manifest is there, which is written last; until
//! then a mark says what the directory is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, RelativePath, parent_of, remove_if_exists};
use helenus_rows::EncodingBase;
use helenus_sstable::{ChunkCache, Descriptor, FoundTable};
use helenus_types::{Generation, LocalDeletionTime, LogPosition, Timestamp};

use super::flush::{sstable_id, stem};
use super::ingest::MAX_AHEAD_MICROS;
use super::live::Opener;
use super::lock::{DirectoryLock, LOCK};
use super::recovery::{IDENTITY, MANIFEST, identity, not_own, table_dir};
use super::state::TableState;
use crate::error::{Error, ErrorKind, Result};
use crate::foreign::{self, Brought, Directory, Kept, Present, Transfer, Verification};
use crate::manifest::{DATA_DIR, Manifest, ManifestState, SsTableEntry, TableEntry};
use crate::options::Options;
use helenus_schema::TableDef;

/// The file that marks a directory in which a database is being made of others' SSTables.
const MARK: &str = "ADOPTING";
const MARK_TEXT: &str = "A database was to be made here of other SSTables, and is not complete. Adopt into this directory again, \
                         or remove it: what it was made of is not changed by either.\n";
/// How often a directory whose files come and go is listed before it is given up: a node may compact meanwhile.
const ATTEMPTS: u32 = 8;

/// How SSTables come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bringing {
    pub(crate) transfer: Transfer,
    pub(crate) verification: Verification,
}

/// What a table was made of.
#[derive(Debug, Default)]
pub(crate) struct BroughtTable {
    pub(crate) sstables: u64,
    /// Of their files.
    pub(crate) bytes: u64,
    pub(crate) files: Brought,
}

/// A database that is being made.
#[derive(Debug)]
pub(crate) struct NewDatabase {
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

/// The SSTables of one table, as far as they are in.
#[derive(Default)]
struct Coming {
    files: Vec<(FoundTable, Descriptor)>,
    live: Vec<(Generation, SsTableEntry)>,
    base: Option<EncodingBase>,
    newest: Option<Timestamp>,
    brought: BroughtTable,
}

impl NewDatabase {
    /// Begins one in a directory that is not there or empty, or holds the rest of one that was begun.
    pub(crate) fn begin(options: &Options, dir: &Path) -> Result<Self> {
        let disk = &*options.disk;
        let made_dir = !disk.exists(dir)?;
        let lock = take(disk, dir, made_dir).inspect_err(|_| {
            if made_dir {
                // Whoever else uses it meanwhile has files in it, and then it stays.
                disk.remove_dir(dir).ok();
            }
        })?;
        let new = Self {
            options: options.clone(),
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
        identity(disk, &self.dir, &self.options, false)?;
        Ok(())
    }

    fn disk(&self) -> &dyn Disk {
        &*self.options.disk
    }

    fn now_seconds(&self) -> u32 {
        u32::try_from(self.options.clock.now_seconds().max(0)).unwrap_or(u32::MAX)
    }

    /// Brings a table's SSTables in. `passed` is told how many bytes of their files were looked at.
    pub(crate) fn add_table(
        &mut self,
        def: &TableDef,
        dirs: &[PathBuf],
        how: Bringing,
        passed: &mut dyn FnMut(u64),
    ) -> Result<BroughtTable> {
        let mut attempt = 1;
        let coming = loop {
            let listed = self.list(dirs)?;
            if attempt < ATTEMPTS && self.list(dirs)? != listed {
                // A listing that runs beside changes may have neither what goes nor what comes in its place.
                attempt += 1;
                continue;
            }
            let mut coming = Coming::default();
            let Err(error) = self.bring_in(def, &listed, how, &mut coming, passed) else { break coming };
            coming
                .files
                .iter()
                .for_each(|(found, to)| foreign::take_back(self.disk(), &found.components, to));
            if attempt == ATTEMPTS || self.list(dirs)? == listed {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "listing again");
            attempt += 1;
        };
        let limit = self.options.clock.now_micros().saturating_add(MAX_AHEAD_MICROS);
        self.newest =
            coming.newest.filter(|newest| newest.0 <= limit).map_or(self.newest, |n| n.max(self.newest));
        let others =
            coming.files.iter().zip(&coming.live).filter(|((_, to), _)| !to.version.is_known_by_name());
        self.state.named.extend(others.map(|((_, to), (generation, _))| (*generation, stem(to))));
        let none = EncodingBase {
            min_timestamp: Timestamp(self.options.clock.now_micros()),
            min_local_deletion_time: LocalDeletionTime(self.now_seconds()),
            min_ttl: 0,
        };
        let tag = self.state.next_tag;
        self.state.next_tag += 1;
        let entry = TableEntry {
            id: def.id(),
            base: coming.base.unwrap_or(none),
            layout: 0,
            flushed: LogPosition::ZERO,
            truncated_at: None,
            sstables: coming.live.into_iter().collect(),
        };
        self.state.tables.insert(tag, Arc::new(entry));
        Ok(coming.brought)
    }

    /// What counts in those directories.
    fn list(&self, dirs: &[PathBuf]) -> Result<Vec<Present>> {
        let mut listed = Vec::new();
        for dir in dirs {
            let directory = Directory::list(self.disk(), dir)?;
            if let Some(problem) = directory.problem {
                return Err(problem);
            }
            listed.extend(directory.sstables);
        }
        Ok(listed)
    }

    fn bring_in(
        &mut self,
        def: &TableDef,
        listed: &[Present],
        how: Bringing,
        coming: &mut Coming,
        passed: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let disk = self.options.disk.clone();
        let state = Arc::new(TableState::of(def, EncodingBase::EPOCH, 0));
        let into = table_dir(def.keyspace(), def.name(), def.id())?.below(&self.dir);
        let mut bytes_before = 0;
        for present in listed {
            let passed_here = &mut |bytes| passed(bytes_before + bytes);
            self.bring_one(&state, &present.found, &into, how, coming, passed_here)?;
            bytes_before += present.bytes;
        }
        passed(bytes_before);
        if !coming.files.is_empty() {
            disk.sync_dir(&into)?;
        }
        Ok(())
    }

    fn bring_one(
        &mut self,
        state: &Arc<TableState>,
        found: &FoundTable,
        into: &Path,
        how: Bringing,
        coming: &mut Coming,
        passed: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let disk = self.options.disk.clone();
        let source = foreign::look_at(&disk, found, state, how.verification, passed)?;
        let generation = Generation(self.state.next_generation);
        self.state.next_generation += 1;
        let to = Descriptor::new(into, found.descriptor.version, sstable_id(generation)?);
        if coming.files.is_empty() {
            disk.create_dir_all(into)?;
        }
        coming.files.push((found.clone(), to.clone()));
        let files = foreign::bring(&*disk, &source, &found.components, &to, how.transfer, Kept::default())?;
        // As it will be opened from now on.
        let cache = Arc::new(ChunkCache::new(0));
        let opener = Opener { disk, cache, files: None };
        let now = self.now_seconds();
        let live = opener.open(to.clone(), generation, 0, now, state)?;
        let sstable = live.sstable()?;
        let facts = Some(live.facts.clone());
        let entry = SsTableEntry { stem: stem(&to), level: 0, created_seconds: now, facts };
        coming.live.push((generation, entry));
        coming.base =
            Some(coming.base.map_or(sstable.header().base, |base| least(base, sstable.header().base)));
        coming.newest = coming.newest.max(Some(sstable.max_timestamp()));
        coming.brought.files.linked += files.linked;
        coming.brought.files.copied += files.copied;
        coming.brought.sstables += 1;
        coming.brought.bytes += sstable.disk_len();
        Ok(())
    }

    /// Makes it a database.
    pub(crate) fn complete(&mut self, schema: String) -> Result<()> {
        self.state.schema = schema.as_str().into();
        self.state.timestamp_floor = self.newest.0.max(0);
        Manifest::create(self.options.disk.clone(), self.dir.join(MANIFEST), self.state.clone())?;
        Ok(())
    }

    /// It is one: what is left of the work goes, now or when the database is opened.
    pub(crate) fn unmark(self) {
        if let Err(error) = remove_mark(self.disk(), &self.dir) {
            tracing::warn!(%error, "left for the next time that the database is opened");
        }
    }

    /// Removes all that was made, as far as that can be done.
    pub(crate) fn abandon(self) {
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
    // Whoever had the lock before may have completed one.
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

/// Refuses a directory in which a database is being made, or was.
pub(crate) fn check_complete(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if disk.exists(&dir.join(MARK))? && !disk.exists(&dir.join(MANIFEST))? {
        let text = format!(
            "{}: adopting SSTables into it was not completed; adopt them again, or remove the directory",
            dir.display()
        );
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Removes the mark from a database that is complete.
pub(super) fn remove_mark(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if remove_if_exists(disk, &dir.join(MARK))? {
        disk.sync_dir(dir)?;
    }
    Ok(())
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
