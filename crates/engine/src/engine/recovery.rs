//! Opening a directory: identity, manifest, SSTables, leftovers, the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::Duration;

use helenus_commitlog::{
    CommitLog, LogOptions, Record, ReplayError, ReplayOptions, ReplayReport, TableTag, replay,
};
use helenus_io::{
    Disk, EntryKind, IoError, OpenFiles, RelativePath, default_open_files, parent_of, read_to_vec,
    remove_if_exists, write_atomically,
};
use helenus_rows::{Op, RowStats, UpdateRef};
use helenus_sstable::{ChunkCache, Component, Descriptor, Listing};
use helenus_types::{Generation, LogPosition, Partitioner, TableId, Timestamp};
use uuid::Uuid;

use super::flush::stem;
use super::inner::{Inner, Parts, Tables};
use super::live::Opener;
use super::lock::DirectoryLock;
use super::mutation::LoggedMutation;
use super::new_database::{check_complete, remove_mark};
use super::pressure::Pressure;
use super::state::TableState;
use super::table::TableCore;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Change, DATA_DIR, Edit, Manifest, ManifestState, TableEntry};
use crate::mutate::WriteOptions;
use crate::options::{Durability, Options};
use crate::random::random_uuid;
use helenus_schema::Catalog;

pub(super) const IDENTITY: &str = "IDENTITY";
pub(super) const MANIFEST: &str = "MANIFEST";
const SCHEMA: &str = "schema.cql";
const LOG_DIR: &str = "commitlog";
/// Version of the directory's layout. A newer one is refused by name.
const DIRECTORY_VERSION: u32 = 1;
const MAX_IDENTITY_BYTES: usize = 4096;
/// How often a directory that is being written is read before it is given up.
const READ_ONLY_ATTEMPTS: u32 = 8;

/// How far a replay is.
struct Progress {
    /// The newest timestamp that the database gave.
    newest: Timestamp,
    /// Whether the log was made durable.
    synced: bool,
}

impl Inner {
    /// Opens or creates the database in `dir`.
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Arc<Self>> {
        if !options.sstable_version.is_writable() {
            let text = format!("SSTables of version {} are read and not written", options.sstable_version);
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let exists = check_presence(dir, &options)?;
        if !options.read_only {
            let lock = DirectoryLock::take(&*options.disk, dir)?;
            for name in [LOG_DIR, DATA_DIR] {
                // The lock of this directory guards nothing that a link leads to.
                let path = RelativePath::new(name).map_err(|e| Error::invalid(e.to_string()))?;
                path.own(&*options.disk, dir).map_err(not_own)?;
            }
            return Self::open_present(dir, options, exists, Some(lock)).map(|(inner, _)| inner);
        }
        // Whoever writes the directory meanwhile may flush or compact what was still to be read: then the manifest is
        // another one afterwards, or something was not there or not whole.
        let mut attempt = 1;
        loop {
            let last = attempt == READ_ONLY_ATTEMPTS;
            let before = if last { written_state(&*options.disk, dir).ok() } else { None };
            match Self::open_present(dir, options.clone(), exists, None) {
                Ok((inner, state)) => {
                    let now = Manifest::read(&*options.disk, &dir.join(MANIFEST))?;
                    if now.as_ref() == Some(&state) {
                        return Ok(inner);
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

    /// Opens a directory; also what its manifest held.
    fn open_present(
        dir: &Path,
        options: Options,
        exists: bool,
        lock: Option<DirectoryLock>,
    ) -> Result<(Arc<Self>, ManifestState)> {
        let disk = options.disk.clone();
        let begun = options.clock.elapsed();
        let host_id = identity(&*disk, dir, &options, exists)?;
        let state = Manifest::read(&*disk, &dir.join(MANIFEST))?.unwrap_or_default();
        let catalog =
            Catalog::parse(&state.schema.text()).map_err(|e| e.context(dir.join(MANIFEST).display()))?;
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        let opener = opener(&options, &cache);
        let tables = open_tables(dir, &opener, &state, &catalog)?;
        if options.read_only {
            // Whoever writes the directory removes what is live no more: it stays readable while it is open.
            for live in tables.by_tag.values().flat_map(|core| core.view.load().sstables.clone()) {
                live.sstable()?;
            }
        }
        let timestamp_floor = state.timestamp_floor;
        let next_generation = state.next_generation;
        let manifest = if options.read_only {
            None
        } else {
            // The last edit may have been read from memory, after a kill: only once it is durable may go what it made
            // superfluous.
            let mut manifest = Manifest::create(disk.clone(), dir.join(MANIFEST), state.clone())?;
            remove_mark(&*disk, dir)?;
            remove_leftovers(&*disk, dir, &state, &tables)?;
            remove_dropped(&*disk, dir, &state)?;
            manifest.forget_removed();
            Some(manifest)
        };
        let pressure = Pressure::new(options.memtable_total_bytes);
        let inner = Arc::new(Self::new(Parts {
            dir: dir.to_owned(),
            host_id,
            manifest,
            catalog,
            tables,
            cache,
            opener,
            pressure,
            timestamp_floor,
            next_generation,
            lock,
            sink: None,
            write_options: WriteOptions::default(),
            options,
        }));
        let report = inner.replay_log(&state)?;
        inner.check_log(&state, &report)?;
        if inner.options.read_only {
            inner.tell_opened(exists, begun);
            return Ok((inner, state));
        }
        inner.resume_log(report)?;
        inner.write_schema_copy()?;
        inner.all_tables().iter().for_each(|core| inner.measure_backlog(core));
        Self::start_threads(&inner)?;
        inner.scheduler.compaction_due();
        inner.tell_opened(exists, begun);
        Ok((inner, state))
    }

    fn tell_opened(&self, existed: bool, begun: Duration) {
        let tables = self.all_tables();
        tracing::info!(
            dir = %self.dir.display(),
            is_new = !existed,
            read_only = self.options.read_only,
            tables = tables.len(),
            sstables = tables.iter().map(|core| core.view.load().sstables.len()).sum::<usize>(),
            elapsed_ms = self.milliseconds_since(begun),
            "opened"
        );
    }

    fn milliseconds_since(&self, begun: Duration) -> u64 {
        let elapsed = self.clock().elapsed().saturating_sub(begun);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Puts every record that no SSTable holds yet into the memtables.
    fn replay_log(&self, state: &ManifestState) -> Result<ReplayReport> {
        let entries = &state.tables;
        // A table that is not there was dropped.
        let flushed = |tag: TableTag, end| entries.get(&tag.0).is_none_or(|entry| end <= entry.flushed);
        let was_dropped = entries.len() < state.next_tag as usize;
        let released_to = match was_dropped {
            true => LogPosition { segment: u64::MAX / 2, offset: 0 },
            false => entries.values().map(|entry| entry.flushed).max().unwrap_or(LogPosition::NONE),
        };
        let accept_missing = self.options.accept_lost_log;
        let options = ReplayOptions { flushed: &flushed, released_to, accept_missing };
        let begun = self.clock().elapsed();
        let mut progress = Progress { newest: Timestamp::MIN, synced: false };
        let dir = self.dir.join(LOG_DIR);
        let outcome = replay(&**self.disk(), &dir, options, &mut |record: Record<'_>| -> Result<()> {
            self.replay_record(&record, entries, &mut progress)
        });
        self.timestamps.raise(progress.newest);
        match outcome {
            Ok(report) => {
                for path in &report.foreign {
                    tracing::warn!(path = %path.display(), "not a segment of the log: left alone");
                }
                if report.records > 0 {
                    tracing::info!(
                        dir = %self.dir.display(),
                        records = report.records,
                        bytes = report.payload_bytes,
                        elapsed_ms = self.milliseconds_since(begun),
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

    /// What the log can't know by itself: that its newest files are the newest there were. The newest segment never
    /// goes while the database is open, and no SSTable is ahead of what was synced of the log.
    fn check_log(&self, state: &ManifestState, report: &ReplayReport) -> Result<()> {
        let Some(expected) = state.log.filter(|_| !self.options.accept_lost_log) else { return Ok(()) };
        let dir = self.dir.join(LOG_DIR);
        if report.newest_segment() < Some(expected) {
            let text =
                format!("{}: segment {expected} of the log and all after it are missing", dir.display());
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

    /// Opens the log after what was replayed. The replayed segments stay until their tables are flushed.
    fn resume_log(&self, report: ReplayReport) -> Result<()> {
        let flushed: Vec<_> = {
            let manifest = self.manifest.lock();
            let tables = manifest.iter().flat_map(|m| &m.state().tables);
            tables.map(|(tag, entry)| (TableTag(*tag), entry.flushed)).collect()
        };
        let known = flushed.iter().map(|(_, position)| position.segment + 1).max().unwrap_or(1);
        let options = log_options(&self.options, known);
        let dir = self.dir.join(LOG_DIR);
        let log = CommitLog::resume(self.disk().clone(), dir, options, self.options.clock.clone(), report)?;
        for (tag, position) in flushed {
            log.mark_flushed(tag, position)?;
        }
        // What is left without a table belongs to tables that were dropped.
        while let Some(tag) =
            log.dirty_tags_of_oldest().into_iter().find(|t| !self.tables.read().by_tag.contains_key(&t.0))
        {
            log.mark_flushed(tag, log.position())?;
        }
        let segment = log.position().segment;
        self.set_log(log);
        self.commit(Edit::one(Change::Log(segment)))?;
        Ok(())
    }

    fn replay_record(
        &self,
        record: &Record<'_>,
        entries: &BTreeMap<u32, Arc<TableEntry>>,
        progress: &mut Progress,
    ) -> Result<()> {
        let mut mutation = LoggedMutation::new(record.payload)?;
        let own_timestamps = mutation.own_timestamps;
        while let Some(logged) = mutation.next()? {
            // A table that is not there was dropped.
            let Some(core) = self.tables.read().by_tag.get(&logged.tag).cloned() else { continue };
            let active = core.active.read();
            let update = UpdateRef::new(logged.bytes)?;
            if logged.layout != active.state.layout {
                // A change of the columns flushes what was written before it.
                continue;
            }
            let (min, max) = timestamps_of(&active.state, update.clone())?;
            if own_timestamps {
                progress.newest = progress.newest.max(max);
            }
            if entries.get(&logged.tag).is_some_and(|entry| record.end <= entry.flushed) {
                continue;
            }
            let token = Partitioner::murmur3_token(update.key());
            let grown = active.memtable.apply(token, update, min)?;
            self.pressure.add(grown);
        }
        if !self.options.read_only && self.pressure.used() >= self.options.memtable_total_bytes / 2 {
            // Every record up to this one is in memtables: they may go to disk while more is read. After a kill the
            // log itself may not be there yet, and no SSTable may be ahead of it.
            if !std::mem::replace(&mut progress.synced, true) {
                self.sync_segments()?;
            }
            for core in self.all_tables() {
                self.flush_replayed(&core, record.end)?;
            }
        }
        Ok(())
    }

    /// Makes the log durable as it was found.
    fn sync_segments(&self) -> Result<()> {
        let dir = self.dir.join(LOG_DIR);
        for entry in self.disk().list(&dir)?.iter().filter(|entry| entry.is_file()) {
            self.disk().open_write(&dir.join(&entry.name))?.sync_data()?;
        }
        Ok(self.disk().sync_dir(&dir)?)
    }

    /// `schema.cql` is to be made anew: at once, or by the threads, as with many tables it takes longer than the change.
    pub(crate) fn renew_schema_copy(&self) -> Result<()> {
        if !self.has_threads() {
            return self.write_schema_copy();
        }
        self.schema_copy_is_stale.store(true, Release);
        Ok(())
    }

    /// Makes `schema.cql` anew if the schema was changed since.
    pub(crate) fn write_stale_schema_copy(&self) -> Result<()> {
        if self.schema_copy_is_stale.swap(false, AcqRel) {
            self.write_schema_copy().inspect_err(|_| self.schema_copy_is_stale.store(true, Release))?;
        }
        Ok(())
    }

    /// Rewrites `schema.cql`, the readable copy of the schema, if it is not what the manifest says.
    pub(crate) fn write_schema_copy(&self) -> Result<()> {
        let text = self.catalog.read().to_cql();
        let path = self.dir.join(SCHEMA);
        let present = match self.disk().exists(&path)? {
            true => read_to_vec(&**self.disk(), &path, text.len() + 1).ok(),
            false => None,
        };
        if present.as_deref() != Some(text.as_bytes()) {
            write_atomically(&**self.disk(), &path, text.as_bytes())?;
        }
        Ok(())
    }
}

/// Directory of a table, below the database's.
pub(super) fn table_dir(keyspace: &str, table: &str, id: TableId) -> Result<RelativePath> {
    crate::manifest::table_dir(keyspace, table, id).map_err(|error| Error::with(ErrorKind::Corrupt, error))
}

/// Whether a directory is a database's.
///
/// # Errors
/// When it can't be read.
pub fn is_database(disk: &dyn Disk, dir: &Path) -> Result<bool> {
    Ok(disk.exists(&dir.join(MANIFEST))? && disk.exists(&dir.join(IDENTITY))?)
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
            // The manifest is there before them, and never goes.
            if options.disk.exists(&dir.join(part))? {
                let text = format!("{}: the file is missing beside {part}", dir.join(MANIFEST).display());
                return Err(Error::new(ErrorKind::Corrupt, text));
            }
        }
        options.disk.create_dir_all(dir)?;
    }
    Ok(exists)
}

/// Reads `IDENTITY`, or makes one: version of the directory, host id and CRC32 of the lines before, a line each.
pub(super) fn identity(disk: &dyn Disk, dir: &Path, options: &Options, exists: bool) -> Result<Uuid> {
    let path = dir.join(IDENTITY);
    if disk.exists(&path)? {
        if !exists {
            // Whoever gave it its name was killed before that was durable, and the manifest must not be first.
            disk.sync_dir(dir)?;
        }
        let bytes = read_to_vec(disk, &path, MAX_IDENTITY_BYTES)?;
        return parse_identity(&String::from_utf8_lossy(&bytes))
            .map_err(|(kind, text)| Error::new(kind, format!("{}: {text}", path.display())));
    }
    if exists || options.read_only {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} is missing beside {MANIFEST}", path.display()),
        ));
    }
    let host_id = random_uuid();
    let text = format!("helenus directory {DIRECTORY_VERSION}\nhost {host_id}\n");
    let text = format!("{text}check {:08x}\n", crc32fast::hash(text.as_bytes()));
    write_atomically(disk, &path, text.as_bytes())?;
    Ok(host_id)
}

fn parse_identity(text: &str) -> std::result::Result<Uuid, (ErrorKind, String)> {
    let expected =
        |what: &str, found: &str| (ErrorKind::Corrupt, format!("expected \"{what}\", found {found:?}"));
    let unparsed = |what, found, why: &dyn std::fmt::Display| {
        let (kind, text) = expected(what, found);
        (kind, format!("{text} ({why})"))
    };
    let mut lines = text.lines();
    let mut line = |prefix: &str| lines.next().and_then(|line| line.strip_prefix(prefix)).unwrap_or_default();
    let version = line("helenus directory ");
    let version: u32 = version.parse().map_err(|e| unparsed("helenus directory N", version, &e))?;
    if version > DIRECTORY_VERSION {
        let text = format!("version {version} is a newer release's; this one knows {DIRECTORY_VERSION}");
        return Err((ErrorKind::Unsupported, text));
    }
    let host = line("host ");
    let host_id: Uuid = host.parse().map_err(|e| unparsed("host UUID", host, &e))?;
    let (checked, check) = text.split_once("check ").unwrap_or((text, ""));
    let sum = format!("{:08x}\n", crc32fast::hash(checked.as_bytes()));
    if sum == check { Ok(host_id) } else { Err(expected(&format!("check {sum}"), check)) }
}

/// What the SSTables of a database are opened with.
fn opener(options: &Options, cache: &Arc<ChunkCache>) -> Opener {
    let most = options.max_open_files.unwrap_or_else(default_open_files);
    Opener {
        disk: options.disk.clone(),
        cache: cache.clone(),
        files: (!options.read_only).then(|| OpenFiles::new(options.disk.clone(), most)),
    }
}

fn open_tables(dir: &Path, opener: &Opener, state: &ManifestState, catalog: &Catalog) -> Result<Tables> {
    let mut tables = Tables::default();
    for (&tag, entry) in &state.tables {
        let Some(def) = catalog.table_by_id(entry.id) else {
            let text = format!("table {:#} is in {MANIFEST} but not in the schema", entry.id);
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let table_state = Arc::new(TableState::of(def, entry.base, entry.layout));
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
        tables.by_id.insert(entry.id, core.clone());
        tables.by_tag.insert(tag, core);
    }
    Ok(tables)
}

/// Removes files of generations that the manifest reserved and that are not live: a crash left them. Anything
/// else is somebody's and stays.
fn remove_leftovers(disk: &dyn Disk, dir: &Path, state: &ManifestState, tables: &Tables) -> Result<()> {
    for (tag, entry) in &state.tables {
        let Some(core) = tables.by_tag.get(tag) else { continue };
        let schema = core.view.load().state.schema.clone();
        let relative = table_dir(schema.keyspace(), schema.name(), entry.id)?;
        let is_there = relative.own(disk, dir).map_err(not_own)?.is_some();
        let names = if is_there { disk.names(&core.dir)? } else { Vec::new() };
        let mut live: HashMap<&str, bool> =
            entry.sstables.values().map(|sstable| (&*sstable.stem, false)).collect();
        // Of most files it is enough to see that they are a live table's.
        let names = names.iter().filter(|(_, kind)| *kind == EntryKind::File);
        let mut strange = Vec::new();
        for name in names.filter_map(|(name, _)| name.to_str()) {
            let (stem, component) = name.rsplit_once('-').unwrap_or_default();
            match live.get_mut(stem) {
                Some(has_data) => *has_data |= component == Component::Data.name(),
                None => strange.push(name),
            }
        }
        if let Some((stem, _)) = live.iter().find(|(_, has_data)| !**has_data) {
            let path = core.dir.join(format!("{stem}-{}", Component::Data.name()));
            let text = format!("{} is missing: restore the file from a backup", path.display());
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
        remove_strange(disk, state, &core.dir, &Listing::new(&core.dir, strange))?;
    }
    Ok(())
}

/// Removes those of the files that are ours.
fn remove_strange(disk: &dyn Disk, state: &ManifestState, dir: &Path, listing: &Listing) -> Result<()> {
    let mut removed = false;
    for found in &listing.tables {
        if generation_of_ours(state, &found.descriptor).is_some() {
            for component in &found.components {
                removed |= remove_if_exists(disk, &found.descriptor.path(component))?;
            }
        } else {
            tracing::warn!(path = %dir.display(), id = %found.descriptor.id, "not ours: left alone");
        }
    }
    if removed {
        disk.sync_dir(dir)?;
    }
    Ok(())
}

/// A directory of ours that is a link: what it leads to may be another database's.
pub(super) fn not_own(error: IoError) -> Error {
    match error.kind() {
        std::io::ErrorKind::InvalidInput => Error::invalid(error.to_string()),
        _ => error.into(),
    }
}

/// The generation of a file that is ours, going by its name: of the version that is ours, or written down before it was made.
fn generation_of_ours(state: &ManifestState, descriptor: &Descriptor) -> Option<Generation> {
    let generation = descriptor.id.generation().filter(|g| g.0 < state.next_generation)?;
    let is_named = || state.named.get(&generation).is_some_and(|name| *name == stem(descriptor));
    (descriptor.version.is_known_by_name() || is_named()).then_some(generation)
}

/// Removes what is left of tables that were dropped: files of generations that the manifest reserved, and their
/// directories once they are empty.
fn remove_dropped(disk: &dyn Disk, dir: &Path, state: &ManifestState) -> Result<()> {
    for relative in state.dropped.values() {
        if let Some(path) = relative.own(disk, dir).map_err(not_own)? {
            let names = disk.list(&path)?;
            let listing = Listing::new(&path, names.iter().filter(|e| e.is_file()).filter_map(|e| e.utf8()));
            for found in listing.tables.iter().filter(|t| generation_of_ours(state, &t.descriptor).is_some())
            {
                for component in &found.components {
                    remove_if_exists(disk, &found.descriptor.path(component))?;
                }
            }
            disk.sync_dir(&path)?;
            if !disk.list(&path)?.is_empty() {
                tracing::warn!(path = %path.display(), "not all is ours in the directory of a dropped table");
                continue;
            }
            disk.remove_dir(&path)?;
        }
        let path = relative.below(dir);
        let keyspace = parent_of(&path);
        if disk.exists(keyspace)? {
            if disk.list(keyspace)?.is_empty() {
                disk.remove_dir(keyspace)?;
                disk.sync_dir(parent_of(keyspace))?;
            } else {
                disk.sync_dir(keyspace)?;
            }
        }
    }
    Ok(())
}

/// What is another one when somebody wrote a directory meanwhile: the manifest, and the names of the log's files.
fn written_state(disk: &dyn Disk, dir: &Path) -> Result<(Option<ManifestState>, BTreeSet<OsString>)> {
    let manifest = Manifest::read(disk, &dir.join(MANIFEST))?;
    let log = dir.join(LOG_DIR);
    let names = if disk.exists(&log)? { disk.list(&log)? } else { Vec::new() };
    Ok((manifest, names.into_iter().map(|entry| entry.name).collect()))
}

fn changed_meanwhile(dir: &Path) -> Error {
    Error::new(ErrorKind::Locked, format!("{} changed while it was read; try again", dir.display()))
}

/// Opening without a part of the log is a loss that somebody has to accept.
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

/// The oldest and the newest timestamp of an update.
fn timestamps_of(state: &TableState, mut update: UpdateRef<'_>) -> Result<(Timestamp, Timestamp)> {
    let mut stats = RowStats::default();
    while let Some(op) = update.next(&state.header)? {
        match op {
            Op::Partition(deletion) | Op::Range { deletion, .. } => stats.deletion(deletion, |_| {}),
            Op::Row(row) => {
                stats.row(row, |_| {})?;
            }
        }
    }
    Ok((stats.min_timestamp, stats.max_timestamp))
}
