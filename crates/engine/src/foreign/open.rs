//! SSTables that others wrote, opened as tables that can only be read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use helenus_commitlog::TableTag;
use helenus_io::{Disk, OpenFiles, default_open_files};
use helenus_rows::{ColumnKind, EncodingBase, Header};
use helenus_sstable::{
    CachedFile, ChunkCache, Component, Descriptor, OpenOptions, PageVerification, SsTable,
};
use helenus_types::{Generation, Partitioner, TableId, Type};
use uuid::Uuid;

use super::directory::{Directory, LeftOut, Present};
use super::fits::check_fits;
use super::layout::SYSTEM_SCHEMA;
use super::verify::decode_all;
use crate::database::Database;
use crate::engine::{Inner, LiveTable, Parts, TableCore, TableState};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Background, Options};
use crate::table::Table;
use helenus_schema::{Catalog, TableColumn, TableDef, TableOptions};

/// How often a directory whose files come and go is listed before it is given up: a node may compact meanwhile.
const ATTEMPTS: u32 = 8;

/// Gives open SSTables their numbers in the chunk cache, and keeps few of their files open.
#[derive(Debug, Default)]
pub(crate) struct CacheNumbers(AtomicU64, OnceLock<Arc<OpenFiles>>);

/// The SSTables of directories.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Those that were opened, in the order of their ids.
    pub(super) sstables: Vec<Arc<SsTable>>,
    /// Those that are damaged, where such are to be left out.
    pub(super) damaged: Vec<LeftOut>,
}

/// Opens what counts in those directories. Files that vanish meanwhile are no damage: a node that compacts removes them, and
/// what it wrote instead is there then.
pub(super) fn open_all(
    options: &Options,
    dirs: &[PathBuf],
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Opened> {
    let mut attempt = 1;
    loop {
        let listed = list(options, dirs)?;
        let is_last = attempt == ATTEMPTS;
        match open_listed(options, &listed, cache, numbers) {
            // A listing that runs beside changes may have neither what goes nor what comes in its place.
            Ok(opened) if is_last || list(options, dirs)? == listed => return Ok(opened),
            Err(error) if is_last || error.kind() != ErrorKind::Io && list(options, dirs)? == listed => {
                return Err(error);
            }
            Ok(_) => tracing::debug!(attempt, "listing again"),
            Err(error) => tracing::debug!(%error, attempt, "listing again"),
        }
        attempt += 1;
    }
}

fn list(options: &Options, dirs: &[PathBuf]) -> Result<Vec<Present>> {
    let mut listed = Vec::new();
    for dir in dirs {
        let directory = Directory::list(&*options.disk, dir)?;
        if let Some(problem) = directory.problem {
            return Err(problem);
        }
        listed.extend(directory.sstables);
    }
    Ok(listed)
}

fn open_listed(
    options: &Options,
    listed: &[Present],
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Opened> {
    let mut opened = Opened::default();
    for present in listed {
        let descriptor = &present.found.descriptor;
        let sstable = open_one(options, descriptor, cache, numbers).and_then(|sstable| {
            if options.skip_damaged {
                decode_all(&sstable, &mut |_| {})?;
            }
            Ok(sstable)
        });
        match sstable {
            Ok(sstable) => opened.sstables.push(sstable),
            Err(error) if options.skip_damaged && error.kind() == ErrorKind::Corrupt => {
                let path = descriptor.path(&Component::Data);
                opened.damaged.push(LeftOut { path, reason: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(opened)
}

fn open_one(
    options: &Options,
    descriptor: &Descriptor,
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Arc<SsTable>> {
    let most = options.max_open_files.unwrap_or_else(default_open_files);
    let files = numbers.1.get_or_init(|| OpenFiles::new(options.disk.clone(), most));
    let mut open =
        OpenOptions::new(cache.clone(), CachedFile(numbers.0.fetch_add(1, Relaxed)), PageVerification::Check);
    open.upkeep.open_files = Some(files.clone());
    Ok(SsTable::open(&options.disk, descriptor, open)?)
}

/// What orders the partitions of all of them.
fn partitioner_of(sstables: &[Arc<SsTable>]) -> Result<Partitioner> {
    let Some((first, others)) = sstables.split_first() else { return Ok(Partitioner::Murmur3) };
    match others.iter().find(|other| other.partitioner() != first.partitioner()) {
        None => Ok(first.partitioner().clone()),
        Some(other) => {
            let path = |sstable: &SsTable| sstable.descriptor().path(&Component::Data).display().to_string();
            let text = format!(
                "{}: ordered by {}, and {} by {}; open them in folders of their own",
                path(other),
                other.partitioner().class_name(),
                path(first),
                first.partitioner().class_name()
            );
            Err(Error::new(ErrorKind::Unsupported, text))
        }
    }
}

/// The table over those SSTables.
pub(super) fn core(
    dir: &Path,
    tag: TableTag,
    def: &TableDef,
    disk: &Arc<dyn Disk>,
    sstables: Vec<Arc<SsTable>>,
) -> Result<TableCore> {
    let state = TableState::of(def, EncodingBase::EPOCH, 0);
    let partitioner = partitioner_of(&sstables)?;
    let state = Arc::new(TableState {
        header: Arc::new(Header { partitioner, ..(*state.header).clone() }),
        read_only: Some("it is a directory of SSTables, not a database"),
        ..state
    });
    let mut live = Vec::with_capacity(sstables.len());
    for (number, sstable) in (1..).zip(sstables) {
        check_fits(&state.schema, &state.header, sstable.header(), sstable.descriptor())?;
        live.push(LiveTable::of_others(Generation(number), disk, sstable, &state));
    }
    Ok(TableCore::new(def.id(), tag, dir.to_owned(), state, live))
}

/// The options that a directory of others is opened with.
pub(super) fn read_only(options: Options) -> Options {
    options.read_only(true).create_if_missing(false).background(Background::Manual)
}

/// A table of `system_schema`, whose key is known and whose other columns its SSTables tell; `None` where there are
/// no SSTables.
pub(super) fn open_system_table(
    options: &Options,
    dirs: &[PathBuf],
    name: &str,
    clustering: &[(&str, Type)],
) -> Result<Option<Table>> {
    let cache = Arc::new(ChunkCache::new(options.cache_bytes));
    let sstables = open_all(options, dirs, &cache, &CacheNumbers::default())?.sstables;
    let (Some(dir), false) = (dirs.first(), sstables.is_empty()) else { return Ok(None) };
    let key = |name: &str, ty: &Type, kind, position| TableColumn {
        name: name.into(),
        ty: ty.clone(),
        kind,
        position,
        mask: None,
    };
    let mut columns = vec![key("keyspace_name", &Type::Text, ColumnKind::PartitionKey, 0)];
    for (position, (name, ty)) in clustering.iter().enumerate() {
        columns.push(key(name, ty, ColumnKind::Clustering, position));
    }
    // The newest file says what the columns are now.
    for sstable in sstables.iter().rev() {
        for column in sstable.header().regulars.as_slice() {
            if !columns.iter().any(|known| known.name == column.name) {
                columns.push(key(&column.name, &column.ty, ColumnKind::Regular, 0));
            }
        }
    }
    let id = TableId(Uuid::nil());
    let def = TableDef::new(
        SYSTEM_SCHEMA.into(),
        name.into(),
        id,
        columns,
        Arc::new(TableOptions::default()),
        true,
    )?;
    let core = Arc::new(core(dir, TableTag(0), &def, &options.disk, sstables)?);
    let catalog = Catalog::default();
    let parts =
        Parts::of_tables(dir, read_only(options.clone()), catalog, std::slice::from_ref(&core), cache);
    Ok(Some(Table::new(Database::from_inner(Arc::new(Inner::new(parts))), core)))
}
