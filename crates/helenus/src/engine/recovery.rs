//! Opening a directory: identity, manifest, SSTables, leftovers, the log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_commitlog::{CommitLog, LogOptions, Record, ReplayError, ReplayReport, TableTag, replay};
use helenus_io::{Disk, Lock, read_to_vec, remove_if_exists, write_atomically};
use helenus_rows::{Op, RowStats, UpdateRef};
use helenus_sstable::{ChunkCache, Descriptor, Listing, SsTable};
use helenus_types::{Generation, Partitioner, Timestamp};
use uuid::Uuid;

use super::flush::open_options;
use super::inner::{Inner, Parts, Tables};
use super::mutation::LoggedMutation;
use super::pressure::Pressure;
use super::table::{LiveTable, TableCore, TableState};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, ManifestState, TableEntry};
use crate::options::{Durability, Options};
use crate::schema::Catalog;

const IDENTITY: &str = "IDENTITY";
const MANIFEST: &str = "MANIFEST";
const SCHEMA: &str = "schema.cql";
const LOCK: &str = "LOCK";
const LOG_DIR: &str = "commitlog";
const DATA_DIR: &str = "data";
/// Version of the directory's layout. A newer one is refused by name.
const DIRECTORY_VERSION: u32 = 1;
const MAX_IDENTITY_BYTES: usize = 4096;

impl Inner {
    /// Opens or creates the database in `dir`.
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Arc<Self>> {
        let disk = options.disk.clone();
        let exists = disk.exists(&dir.join(MANIFEST))?;
        check_presence(dir, exists, &options)?;
        let lock = if options.read_only { None } else { Some(lock(&*disk, dir)?) };
        let host_id = identity(&*disk, dir, &options, exists)?;
        let state = Manifest::read(&*disk, &dir.join(MANIFEST))?.unwrap_or_default();
        let catalog = Catalog::parse(&state.schema).map_err(|e| e.context(dir.join(MANIFEST).display()))?;
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        let tables = open_tables(dir, &options, &state, &catalog, &cache)?;
        let timestamp_floor = state.timestamp_floor;
        let next_generation = state.next_generation;
        let manifest = if options.read_only {
            None
        } else {
            remove_leftovers(&*disk, &state, &tables)?;
            Some(Manifest::create(disk.clone(), dir.join(MANIFEST), state.clone())?)
        };
        let pressure = Pressure::new(options.memtable_total_bytes);
        let inner = Arc::new(Self::new(Parts {
            dir: dir.to_owned(),
            host_id,
            manifest,
            catalog,
            tables,
            cache,
            pressure,
            timestamp_floor,
            next_generation,
            lock,
            options,
        }));
        let report = inner.replay_log(&state.tables)?;
        if inner.options.read_only {
            return Ok(inner);
        }
        inner.resume_log(report)?;
        inner.write_schema_copy()?;
        Self::start_threads(&inner)?;
        inner.scheduler.compaction_due();
        Ok(inner)
    }

    /// Puts every record that no SSTable holds yet into the memtables.
    fn replay_log(&self, entries: &BTreeMap<u32, TableEntry>) -> Result<ReplayReport> {
        let mut newest = Timestamp::MIN;
        let outcome = replay(&**self.disk(), &self.dir.join(LOG_DIR), &mut |record: Record<'_>| -> Result<()> {
            self.replay_record(&record, entries, &mut newest)
        });
        self.timestamps.raise(newest);
        match outcome {
            Ok(report) => {
                for path in &report.foreign {
                    tracing::warn!(path = %path.display(), "not a segment of the log: left alone");
                }
                Ok(report)
            }
            Err(ReplayError::Receiver(error)) => Err(error),
            Err(ReplayError::Io(error)) => Err(error.into()),
            Err(damaged @ ReplayError::Damaged { .. }) => Err(Error::new(ErrorKind::Corrupt, damaged.to_string())),
        }
    }

    /// Opens the log behind what was replayed. The replayed segments stay until their tables are flushed.
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
        while let Some(tag) = log.dirty_tags_of_oldest().into_iter().find(|t| !self.tables.read().by_tag.contains_key(&t.0)) {
            log.mark_flushed(tag, log.position())?;
        }
        self.set_log(log);
        Ok(())
    }

    fn replay_record(
        &self,
        record: &Record<'_>,
        entries: &BTreeMap<u32, TableEntry>,
        floor: &mut Timestamp,
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
                *floor = (*floor).max(max);
            }
            if entries.get(&logged.tag).is_some_and(|entry| record.end <= entry.flushed) {
                continue;
            }
            let token = Partitioner::murmur3_token(update.key());
            let grown = active.memtable.apply(token, update, min)?;
            self.pressure.add(grown);
        }
        if !self.options.read_only && self.pressure.used() >= self.options.memtable_total_bytes / 2 {
            // Every record up to this one is in memtables: they may go to disk while more is read.
            for core in self.all_tables() {
                self.flush_replayed(&core, record.end)?;
            }
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

    /// Directory of a table.
    pub(crate) fn table_dir(&self, keyspace: &str, table: &str, id: helenus_types::TableId) -> PathBuf {
        table_dir(&self.dir, keyspace, table, id)
    }
}

fn table_dir(dir: &Path, keyspace: &str, table: &str, id: helenus_types::TableId) -> PathBuf {
    dir.join(DATA_DIR).join(keyspace).join(format!("{table}-{id}"))
}

fn check_presence(dir: &Path, exists: bool, options: &Options) -> Result<()> {
    let place = dir.display();
    if exists && options.error_if_exists {
        return Err(Error::new(ErrorKind::AlreadyExists, format!("{place} already holds a database")));
    }
    if !exists && (options.read_only || !options.create_if_missing) {
        let text = format!("{place} holds no database (there is no {MANIFEST} in it)");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    if !exists {
        options.disk.create_dir_all(dir)?;
    }
    Ok(())
}

fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn Lock>> {
    let path = dir.join(LOCK);
    disk.lock(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::new(
            ErrorKind::Locked,
            format!("{} is open in another process or handle; close it there, or open it to read only", dir.display()),
        ),
        _ => error.into(),
    })
}

/// Reads `IDENTITY`, or makes one: host id and version of the directory, a line each.
fn identity(disk: &dyn Disk, dir: &Path, options: &Options, exists: bool) -> Result<Uuid> {
    let path = dir.join(IDENTITY);
    if disk.exists(&path)? {
        let bytes = read_to_vec(disk, &path, MAX_IDENTITY_BYTES)?;
        return parse_identity(&String::from_utf8_lossy(&bytes))
            .map_err(|text| Error::new(ErrorKind::Corrupt, format!("{}: {text}", path.display())));
    }
    if exists || options.read_only {
        return Err(Error::new(ErrorKind::Corrupt, format!("{} is missing beside {MANIFEST}", path.display())));
    }
    // An identity needs no secret: time and the address of a fresh allocation would do; the UUID crate does better.
    let host_id = Uuid::new_v4();
    let text = format!("helenus directory {DIRECTORY_VERSION}\nhost {host_id}\n");
    write_atomically(disk, &path, text.as_bytes())?;
    Ok(host_id)
}

fn parse_identity(text: &str) -> std::result::Result<Uuid, String> {
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("helenus directory ")).unwrap_or_default();
    let version: u32 = version.parse().map_err(|e| format!("expected \"helenus directory N\", found {version:?} ({e})"))?;
    if version > DIRECTORY_VERSION {
        return Err(format!("version {version} of the directory is from a newer release; this one knows {DIRECTORY_VERSION}"));
    }
    let host = lines.next().and_then(|line| line.strip_prefix("host ")).unwrap_or_default();
    host.parse().map_err(|e| format!("expected \"host UUID\", found {host:?} ({e})"))
}

fn open_tables(
    dir: &Path,
    options: &Options,
    state: &ManifestState,
    catalog: &Catalog,
    cache: &Arc<ChunkCache>,
) -> Result<Tables> {
    let mut tables = Tables::default();
    for (&tag, entry) in &state.tables {
        let Some(def) = catalog.table_by_id(entry.id) else {
            let text = format!("table {:#} is in {MANIFEST} but not in the schema", entry.id);
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let table_state = Arc::new(def.state(entry.base, entry.layout));
        let path = table_dir(dir, table_state.schema.keyspace(), table_state.schema.name(), entry.id);
        let mut live = Vec::new();
        for (&generation, sstable) in &entry.sstables {
            let descriptor = Descriptor::parse(&path, &format!("{}-Data.db", sstable.stem));
            let (descriptor, _) = descriptor.map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()))?;
            let opened = SsTable::open(&options.disk, &descriptor, open_options(cache, generation))?;
            live.push(LiveTable::new(generation, sstable.level, sstable.created_seconds, opened, &table_state));
        }
        let core = Arc::new(TableCore::new(entry.id, TableTag(tag), path, table_state, live));
        tables.by_id.insert(entry.id, core.clone());
        tables.by_tag.insert(tag, core);
    }
    Ok(tables)
}

/// Removes files of generations that the manifest reserved and that are not live: a crash left them. Anything
/// else is somebody's and stays.
fn remove_leftovers(disk: &dyn Disk, state: &ManifestState, tables: &Tables) -> Result<()> {
    for (tag, entry) in &state.tables {
        let Some(core) = tables.by_tag.get(tag) else { continue };
        if !disk.exists(&core.dir)? {
            continue;
        }
        let live: BTreeSet<Generation> = entry.sstables.keys().copied().collect();
        let names = disk.list(&core.dir)?;
        let listing = Listing::new(&core.dir, names.iter().filter(|e| e.is_file()).filter_map(|e| e.utf8()));
        let mut removed = false;
        for found in &listing.tables {
            let generation = found.descriptor.id.generation();
            match generation.filter(|g| g.0 < state.next_generation) {
                Some(generation) if !live.contains(&generation) => {
                    for component in &found.components {
                        removed |= remove_if_exists(disk, &found.descriptor.path(component))?;
                    }
                }
                Some(_) => {}
                None => tracing::warn!(path = %core.dir.display(), id = %found.descriptor.id, "not ours: left alone"),
            }
        }
        for name in names.iter().filter_map(|e| e.utf8()).filter(|name| name.ends_with(".tmp")) {
            removed |= remove_if_exists(disk, &core.dir.join(name))?;
        }
        if removed {
            disk.sync_dir(&core.dir)?;
        }
    }
    Ok(())
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
        salt_seed: Uuid::new_v4().as_u64_pair().0,
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
