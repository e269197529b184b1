//! Opening a directory: identity, manifest, SSTables, leftovers, the log.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::Duration;

use helenus_commitlog::{
    CommitLog, LogOptions, Record, ReplayError, ReplayOptions, ReplayReport, TableTag, replay,
};
use helenus_io::{Clock, Disk, OpenFiles, RelativePath, default_open_files, read_to_vec, write_atomically};
use helenus_rows::{FormerOrder, UpdateRef};
use helenus_schema::Catalog;
use helenus_sstable::{ChunkCache, Descriptor};
use helenus_types::{LogPosition, Partitioner, Timestamp};
use parking_lot::Mutex;
use uuid::Uuid;

use super::layout::{LOG_DIR, MANIFEST, SCHEMA, check_complete, identity, not_own, remove_mark, table_dir};
use super::leftovers::{remove_dropped, remove_leftovers};
use super::live::Opener;
use super::lock::DirectoryLock;
use super::mutation::{LoggedMutation, timestamps_of};
use super::salvage::is_damage;
use super::set::{TableSet, Tables};
use super::state::TableState;
use super::table::TableCore;
use super::write_side::WriteSide;
use crate::attachment::Attachments;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, DATA_DIR, Edit, Manifest, ManifestState};
use crate::options::{Durability, Options};
use crate::random::random_uuid;

/// The version of the log's format that was written when the columns of rows stood in the order of
/// their names' bytes.
const LOG_OF_FORMER_ORDER: u32 = 1;
/// The number of attempts to read a directory that another process writes.
const READ_ONLY_ATTEMPTS: u32 = 8;

/// A database that was opened: its tables and, unless it is only read, what writes to them.
pub(crate) type Opened = (Arc<TableSet>, Option<Arc<WriteSide>>);

/// Opens or creates the database in `dir`.
pub(crate) fn open(dir: &Path, options: Options) -> Result<Opened> {
    if !options.sstable_version.is_writable() {
        let text = format!("SSTables of version {} are read and not written", options.sstable_version);
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    if options.skip_damaged && !options.read_only {
        return Err(Error::invalid("damaged SSTables are left out of what is opened to read only"));
    }
    let exists = check_presence(dir, &options)?;
    if !options.read_only {
        let lock = DirectoryLock::take(&*options.disk, dir)?;
        for name in [LOG_DIR, DATA_DIR] {
            // The lock of this directory guards nothing that a link leads to.
            let path = RelativePath::new(name).map_err(|e| Error::invalid(e.to_string()))?;
            path.own(&*options.disk, dir).map_err(not_own)?;
        }
        let side = open_to_write(dir, options, exists, lock)?;
        return Ok((side.set.clone(), Some(side)));
    }
    // A process that writes the directory meanwhile may flush or compact: then the manifest has
    // changed afterwards, or a file was missing or incomplete.
    let mut attempt = 1;
    loop {
        let last = attempt == READ_ONLY_ATTEMPTS;
        let before = if last { written_state(&*options.disk, dir).ok() } else { None };
        match open_to_read(dir, &options, exists) {
            Ok((set, state)) => {
                let now = Manifest::read(&*options.disk, &dir.join(MANIFEST))?;
                if now.as_ref() == Some(&state) {
                    return Ok((set, None));
                }
                if last {
                    return Err(changed_meanwhile(dir));
                }
            }
            // A segment of the log that its writer released meanwhile is no damage.
            Err(error) if last => {
                let is_written = written_state(&*options.disk, dir).ok() != before;
                return Err(if is_written { changed_meanwhile(dir) } else { error });
            }
            Err(error) => tracing::debug!(%error, attempt, "reading again"),
        }
        attempt += 1;
    }
}

/// The contents of a directory by its manifest, with nothing changed in it and the log not yet
/// read.
struct DirectoryContents {
    host_id: Uuid,
    state: ManifestState,
    opener: Opener,
    set: TableSet,
    /// The schema, printed anew.
    schema: String,
}

fn list(dir: &Path, options: &Options, exists: bool) -> Result<DirectoryContents> {
    let (disk, clock) = (&options.disk, &options.clock);
    let host_id = identity(&**disk, dir, options.read_only, exists)?;
    let state = Manifest::read(&**disk, &dir.join(MANIFEST))?.unwrap_or_default();
    let catalog =
        Catalog::parse(&state.schema.text()).map_err(|e| e.context(dir.join(MANIFEST).display()))?;
    let schema = catalog.to_cql();
    let cache = Arc::new(ChunkCache::new(options.cache_bytes));
    let opener = opener(options, &cache);
    let tables = open_tables(dir, &opener, &state, &catalog, &options.attachments)?;
    let set = TableSet::new(dir, disk.clone(), clock.clone(), cache, catalog, tables);
    Ok(DirectoryContents { host_id, state, opener, set, schema })
}

/// Opens a directory to read only; also what its manifest held.
fn open_to_read(dir: &Path, options: &Options, exists: bool) -> Result<(Arc<TableSet>, ManifestState)> {
    let begun = options.clock.elapsed();
    let DirectoryContents { state, mut set, .. } = list(dir, options, exists)?;
    set.salvage = options.skip_damaged.then(Mutex::default);
    // The directory's writer removes files that are no longer live: they stay readable while they
    // are open.
    for live in set.all_tables().iter().flat_map(|core| core.view.load().sstables.clone()) {
        match live.sstable() {
            // Known when its table is asked for.
            Err(error) if options.skip_damaged && is_damage(&error) => {}
            opened => drop(opened?),
        }
    }
    let mut replay = LogReplay::new(&set, &state, None);
    let report = replay.run(options)?;
    check_log(dir, options, &state, &report)?;
    tell_opened(&set, exists, true, begun);
    Ok((Arc::new(set), state))
}

/// Opens a directory to write.
fn open_to_write(dir: &Path, options: Options, exists: bool, lock: DirectoryLock) -> Result<Arc<WriteSide>> {
    let disk = options.disk.clone();
    let begun = options.clock.elapsed();
    let DirectoryContents { host_id, state, opener, set, schema } = list(dir, &options, exists)?;
    // The last edit may have been read from memory, after a kill: only once it is durable may the
    // files that it made superfluous be removed.
    let printed = ManifestState { schema: schema.as_str().into(), ..state.clone() };
    let mut manifest = Manifest::create(disk.clone(), dir.join(MANIFEST), printed)?;
    remove_mark(&*disk, dir)?;
    remove_leftovers(&*disk, dir, &state, &set.tables.read())?;
    remove_dropped(&*disk, dir, &state)?;
    manifest.forget_removed();
    let side = Arc::new(WriteSide::new(Arc::new(set), options, host_id, manifest, opener, lock));
    let mut replay = LogReplay::new(&side.set, &state, Some(&side));
    let report = replay.run(&side.options)?;
    side.timestamps.raise(replay.newest);
    check_log(dir, &side.options, &state, &report)?;
    side.resume_log(report)?;
    side.write_schema_copy(&schema)?;
    side.set.all_tables().iter().for_each(|core| side.measure_backlog(core));
    WriteSide::start_threads(&side)?;
    side.scheduler.compaction_due();
    tell_opened(&side.set, exists, false, begun);
    Ok(side)
}

fn tell_opened(set: &TableSet, existed: bool, read_only: bool, begun: Duration) {
    let tables = set.all_tables();
    tracing::info!(
        dir = %set.dir.display(),
        is_new = !existed,
        read_only,
        tables = tables.len(),
        sstables = tables.iter().map(|core| core.view.load().sstables.len()).sum::<usize>(),
        elapsed_ms = milliseconds_since(&**set.clock(), begun),
        "opened"
    );
}

fn milliseconds_since(clock: &dyn Clock, begun: Duration) -> u64 {
    let elapsed = clock.elapsed().saturating_sub(begun);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Puts every record of the log that no SSTable holds yet into the memtables.
struct LogReplay<'a> {
    set: &'a TableSet,
    state: &'a ManifestState,
    /// Flushes while more is read, where that may be done.
    side: Option<&'a WriteSide>,
    /// The newest timestamp that the database gave.
    newest: Timestamp,
    /// Whether the log was made durable.
    synced: bool,
    /// By table: what encodes its updates of earlier releases anew, where they have to be.
    former: HashMap<u32, Option<FormerOrder>>,
}

impl<'a> LogReplay<'a> {
    fn new(set: &'a TableSet, state: &'a ManifestState, side: Option<&'a WriteSide>) -> Self {
        Self { set, state, side, newest: Timestamp::MIN, synced: false, former: HashMap::new() }
    }

    fn run(&mut self, options: &Options) -> Result<ReplayReport> {
        let (set, state) = (self.set, self.state);
        let entries = &state.tables;
        // A table that is not there was dropped.
        let flushed = |tag: TableTag, end| entries.get(&tag.0).is_none_or(|entry| end <= entry.flushed);
        let was_dropped = entries.len() < state.next_tag as usize;
        let released_to = match was_dropped {
            true => LogPosition { segment: u64::MAX / 2, offset: 0 },
            false => entries.values().map(|entry| entry.flushed).max().unwrap_or(LogPosition::NONE),
        };
        let accept_missing = options.accept_lost_log;
        let replayed = ReplayOptions { flushed: &flushed, released_to, accept_missing };
        let begun = set.clock().elapsed();
        let dir = set.dir.join(LOG_DIR);
        let outcome = replay(&**set.disk(), &dir, replayed, &mut |record: Record<'_>| -> Result<()> {
            self.record(&record)
        });
        match outcome {
            Ok(report) => {
                for path in &report.foreign {
                    tracing::warn!(path = %path.display(), "not a segment of the log: left alone");
                }
                if report.records > 0 {
                    tracing::info!(
                        dir = %set.dir.display(),
                        records = report.records,
                        bytes = report.payload_bytes,
                        elapsed_ms = milliseconds_since(&**set.clock(), begun),
                        "recovered the log"
                    );
                }
                for missing in &report.missing {
                    tracing::warn!(path = %missing.path.display(), "a segment of the log is lost, as was accepted");
                }
                Ok(report)
            }
            Err(ReplayError::Receiver(error)) => Err(error),
            Err(ReplayError::Io(error)) => Err(error.into()),
            Err(damaged @ ReplayError::Damaged { .. }) => {
                Err(Error::new(ErrorKind::Corrupt, damaged.to_string()))
            }
            Err(missing @ ReplayError::Missing(_)) => Err(lost_log(&missing)),
        }
    }

    fn record(&mut self, record: &Record<'_>) -> Result<()> {
        let mut mutation = LoggedMutation::new(record.payload)?;
        let own_timestamps = mutation.own_timestamps;
        while let Some(logged) = mutation.next()? {
            // A table that is not there was dropped.
            let Some(core) = self.set.table_of(TableTag(logged.tag)) else { continue };
            let active = core.active.read();
            if logged.layout != active.state.layout {
                // A change of the columns flushes the earlier writes.
                continue;
            }
            let mut update = UpdateRef::new(logged.bytes)?;
            if record.version == LOG_OF_FORMER_ORDER {
                let header = &active.state.header;
                let former = self.former.entry(logged.tag).or_insert_with(|| FormerOrder::of(header));
                if let Some(former) = former {
                    update = UpdateRef::new(former.encode(update, header)?)?;
                }
            }
            let (min, max) = timestamps_of(&active.state.header, update.clone())?;
            if own_timestamps {
                self.newest = self.newest.max(max);
            }
            let entry = self.state.tables.get(&logged.tag);
            if entry.is_some_and(|entry| record.end <= entry.flushed) {
                continue;
            }
            let token = Partitioner::murmur3_token(update.key());
            let grown = active.memtable.apply(token, [update], min)?;
            if let Some(side) = self.side {
                side.pressure.add(grown);
            }
        }
        match self.side {
            Some(side) if side.pressure.used() >= side.options.memtable_total_bytes / 2 => {
                // Every record up to this one is in memtables: they may go to disk while more is
                // read. After a kill the log itself may not be there yet, and no SSTable may be
                // ahead of it.
                if !std::mem::replace(&mut self.synced, true) {
                    side.sync_segments()?;
                }
                let tables = self.set.all_tables();
                tables.iter().try_for_each(|core| side.flush_replayed(core, record.end))
            }
            _ => Ok(()),
        }
    }
}

/// Checks what the log can't know by itself: that its newest files were not lost. The newest
/// segment is never removed while the database is open, and no SSTable is ahead of the synced part
/// of the log.
fn check_log(dir: &Path, options: &Options, state: &ManifestState, report: &ReplayReport) -> Result<()> {
    let Some(expected) = state.log.filter(|_| !options.accept_lost_log) else { return Ok(()) };
    let dir = dir.join(LOG_DIR);
    if report.newest_segment() < Some(expected) {
        let text = format!("{}: segment {expected} of the log and all after it are missing", dir.display());
        return Err(lost_log(&text));
    }
    let flushed = state.tables.values().map(|table| table.flushed).max();
    // The end of a log of an older release may be before a sync mark that was counted.
    let comparable = report.end.filter(|end| end.segment >= expected && report.is_linked());
    if let Some((end, flushed)) = comparable.zip(flushed)
        && end < flushed
    {
        let text = format!(
            "{}: the log ends in segment {} at {}, and the tables hold what was written to it up to segment {} at {}",
            dir.display(),
            end.segment,
            end.offset,
            flushed.segment,
            flushed.offset,
        );
        return Err(lost_log(&text));
    }
    Ok(())
}

impl WriteSide {
    /// Opens the log after the replayed records. The replayed segments stay until their tables are
    /// flushed.
    fn resume_log(&self, report: ReplayReport) -> Result<()> {
        let flushed: Vec<_> = {
            let manifest = self.manifest.lock();
            let tables = manifest.state().tables.iter();
            tables.map(|(tag, entry)| (TableTag(*tag), entry.flushed)).collect()
        };
        let known = flushed.iter().map(|(_, position)| position.segment + 1).max().unwrap_or(1);
        let options = log_options(&self.options, known);
        let dir = self.set.dir.join(LOG_DIR);
        let log = CommitLog::resume(self.set.disk().clone(), dir, options, self.set.clock().clone(), report)?;
        for (tag, position) in flushed {
            log.mark_flushed(tag, position)?;
        }
        // Records without a table belong to dropped tables.
        while let Some(tag) =
            log.dirty_tags_of_oldest().into_iter().find(|t| !self.set.tables.read().by_tag.contains_key(&t.0))
        {
            log.mark_flushed(tag, log.position())?;
        }
        let segment = log.position().segment;
        self.set_log(log);
        self.commit(Edit::one(Change::Log(segment)))?;
        Ok(())
    }

    /// Makes the log durable as it was found.
    fn sync_segments(&self) -> Result<()> {
        let dir = self.set.dir.join(LOG_DIR);
        for entry in self.set.disk().list(&dir)?.iter().filter(|entry| entry.is_file()) {
            self.set.disk().open_write(&dir.join(&entry.name))?.sync_data()?;
        }
        Ok(self.set.disk().sync_dir(&dir)?)
    }

    /// `schema.cql` is to be made anew: at once, or by the threads, as with many tables it takes
    /// longer than the change.
    pub(crate) fn renew_schema_copy(&self) -> Result<()> {
        if !self.has_threads() {
            return self.write_schema_copy(&self.set.catalog.read().to_cql());
        }
        self.schema_copy_is_stale.store(true, Release);
        Ok(())
    }

    /// Makes `schema.cql` anew if the schema was changed since.
    pub(crate) fn write_stale_schema_copy(&self) -> Result<()> {
        if self.schema_copy_is_stale.swap(false, AcqRel) {
            let text = self.set.catalog.read().to_cql();
            self.write_schema_copy(&text).inspect_err(|_| self.schema_copy_is_stale.store(true, Release))?;
        }
        Ok(())
    }

    /// Rewrites `schema.cql`, the readable copy of the schema, if it is not that.
    fn write_schema_copy(&self, text: &str) -> Result<()> {
        let path = self.set.dir.join(SCHEMA);
        let present = match self.set.disk().exists(&path)? {
            true => read_to_vec(&**self.set.disk(), &path, text.len() + 1).ok(),
            false => None,
        };
        if present.as_deref() != Some(text.as_bytes()) {
            write_atomically(&**self.set.disk(), &path, text.as_bytes())?;
        }
        Ok(())
    }
}

/// Whether there is a database, if that is as the options want it.
fn check_presence(dir: &Path, options: &Options) -> Result<bool> {
    let place = dir.display();
    let exists = options.disk.exists(&dir.join(MANIFEST))?;
    if exists && options.error_if_exists {
        return Err(Error::new(ErrorKind::AlreadyExists, format!("{place} already holds a database")));
    }
    check_complete(&*options.disk, dir)?;
    if !exists && (options.read_only || !options.create_if_missing) {
        let text = format!("{place} holds no database (there is no {MANIFEST} in it)");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    if !exists {
        for part in [LOG_DIR, DATA_DIR] {
            // The manifest exists before them, and is never removed.
            if options.disk.exists(&dir.join(part))? {
                let text = format!("{}: the file is missing beside {part}", dir.join(MANIFEST).display());
                return Err(Error::new(ErrorKind::Corrupt, text));
            }
        }
        options.disk.create_dir_all(dir)?;
    }
    Ok(exists)
}

/// The means of opening a database's SSTables.
fn opener(options: &Options, cache: &Arc<ChunkCache>) -> Opener {
    let most = options.max_open_files.unwrap_or_else(default_open_files);
    Opener {
        disk: options.disk.clone(),
        cache: cache.clone(),
        files: (!options.read_only).then(|| OpenFiles::new(options.disk.clone(), most)),
    }
}

fn open_tables(
    dir: &Path,
    opener: &Opener,
    state: &ManifestState,
    catalog: &Catalog,
    attachments: &Attachments,
) -> Result<Tables> {
    let mut tables = Tables::default();
    for (&tag, entry) in &state.tables {
        let Some(def) = catalog.table_by_id(entry.id) else {
            let text = format!("table {:#} is in {MANIFEST} but not in the schema", entry.id);
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let table_state = TableState::of(def, entry.base, entry.layout).with_attachments(attachments, def);
        let table_state = Arc::new(table_state);
        let path = table_dir(table_state.schema.keyspace(), table_state.schema.name(), entry.id)?.below(dir);
        let mut live = Vec::new();
        for (&generation, sstable) in &entry.sstables {
            let descriptor = Descriptor::parse(&path, &format!("{}-Data.db", sstable.stem));
            let (descriptor, _) = descriptor.map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()))?;
            if descriptor.id.generation() != Some(generation) {
                let text = format!("generation {} is {} in {MANIFEST}", generation.0, sstable.stem);
                return Err(Error::new(ErrorKind::Corrupt, text));
            }
            let (level, created) = (sstable.level, sstable.created_seconds);
            live.push(match &sstable.facts {
                Some(facts) => opener.place(descriptor, generation, (level, created), facts, &table_state),
                None => opener.open(descriptor, generation, level, created, &table_state)?,
            });
        }
        let core = Arc::new(TableCore::new(entry.id, TableTag(tag), path, table_state, live));
        tables.insert(core);
    }
    Ok(tables)
}

/// The state that changes when another process writes the directory: the manifest, and the names of
/// the log's files.
fn written_state(disk: &dyn Disk, dir: &Path) -> Result<(Option<ManifestState>, BTreeSet<OsString>)> {
    let manifest = Manifest::read(disk, &dir.join(MANIFEST))?;
    let log = dir.join(LOG_DIR);
    let names = if disk.exists(&log)? { disk.list(&log)? } else { Vec::new() };
    Ok((manifest, names.into_iter().map(|entry| entry.name).collect()))
}

fn changed_meanwhile(dir: &Path) -> Error {
    Error::new(ErrorKind::Locked, format!("{} changed while it was read; try again", dir.display()))
}

/// Opening without a part of the log is a loss that the user must accept.
fn lost_log(what: &dyn std::fmt::Display) -> Error {
    let text = format!(
        "{what}, and the database was not closed: put the log back, or accept with `Options::accept_lost_log` that \
         what was not flushed is lost"
    );
    Error::new(ErrorKind::Corrupt, text)
}

fn log_options(options: &Options, first_segment: u64) -> LogOptions {
    LogOptions {
        segment_len: options.log_segment_bytes,
        durability: match options.durability {
            Durability::Sync => helenus_commitlog::Durability::Sync,
            Durability::Periodic(period) => helenus_commitlog::Durability::Periodic(period),
            Durability::Buffered => helenus_commitlog::Durability::Buffered,
        },
        max_total_bytes: options.log_total_bytes,
        first_segment,
        salt_seed: random_uuid().as_u64_pair().0,
        ..LogOptions::default()
    }
}
