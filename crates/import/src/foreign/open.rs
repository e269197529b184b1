//! Opens foreign SSTables as read-only tables.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use helenus_engine::parts::{READABLE, ReadOnlySstables, ReadOnlyTables, decode_all};
use helenus_engine::{Error, ErrorKind, LeftOut, Result, Table};
use helenus_io::{OpenFiles, default_open_files};
use helenus_rows::{ColumnKind, EncodingBase, Header};
use helenus_schema::{Catalog, TableColumn, TableDef, TableOptions};
use helenus_sstable::{
    CachedFile, ChunkCache, Component, Descriptor, OpenOptions, PageVerification, SsTable, SsTableError,
    SsTableErrorKind,
};
use helenus_types::{Partitioner, TableId, Type};
use uuid::Uuid;

use super::directory::{Directory, Present};
use super::fits::check_fits;
use super::header_types::HeaderTypes;
use super::layout::SYSTEM_SCHEMA;
use super::options::ForeignOptions;

/// The number of attempts to list a directory whose files come and go: a node may compact
/// meanwhile, several times in a row where it was late.
const ATTEMPTS: u32 = 32;

/// Gives open SSTables their numbers in the chunk cache, and keeps few of their files open.
#[derive(Debug, Default)]
pub(super) struct CacheNumbers(AtomicU64, OnceLock<Arc<OpenFiles>>);

/// The SSTables of directories.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Those that were opened, in the order of their ids.
    pub(super) sstables: Vec<Arc<SsTable>>,
    /// Those that are damaged, where such are to be left out.
    pub(super) damaged: Vec<LeftOut>,
}

/// Opens what counts in those directories. Files that vanish meanwhile are no damage: a node that
/// compacts removes them, and what it wrote instead is there then.
pub(super) fn open_all(
    options: &ForeignOptions,
    dirs: &[PathBuf],
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Opened> {
    let mut attempt = 1;
    loop {
        let listed = list(options, dirs)?;
        let is_last = attempt == ATTEMPTS;
        match open_listed(options, &listed, cache, numbers) {
            // A listing during changes may miss both a removed file and its replacement.
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

fn list(options: &ForeignOptions, dirs: &[PathBuf]) -> Result<Vec<Present>> {
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
    options: &ForeignOptions,
    listed: &[Present],
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Opened> {
    let mut opened = Opened::default();
    for present in listed {
        let descriptor = &present.found.descriptor;
        let sstable = open_one(options, descriptor, cache, numbers).and_then(|sstable| {
            if options.skip_damaged {
                decode_all(&sstable, READABLE, &mut |_| {})?;
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
    options: &ForeignOptions,
    descriptor: &Descriptor,
    cache: &Arc<ChunkCache>,
    numbers: &CacheNumbers,
) -> Result<Arc<SsTable>> {
    let most = options.max_open_files.unwrap_or_else(default_open_files);
    let files = numbers.1.get_or_init(|| OpenFiles::new(options.disk.clone(), most));
    let mut open =
        OpenOptions::new(cache.clone(), CachedFile(numbers.0.fetch_add(1, Relaxed)), PageVerification::Check);
    open.upkeep.open_files = Some(files.clone());
    open.filter_may_be_left_out = true;
    Ok(SsTable::open(&options.disk, descriptor, open)?)
}

/// The partitioner of all of them.
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

/// What a table is opened over: those SSTables, if they fit its definition.
pub(super) fn fitting(dir: &Path, def: &TableDef, sstables: Vec<Arc<SsTable>>) -> Result<ReadOnlySstables> {
    let partitioner = partitioner_of(&sstables)?;
    let header = Header { partitioner: partitioner.clone(), ..def.schema().header(EncodingBase::EPOCH) };
    for sstable in &sstables {
        check_fits(def.schema(), &header, sstable.header(), sstable.descriptor())?;
    }
    Ok(ReadOnlySstables { dir: dir.to_owned(), partitioner, sstables })
}

/// A table of `system_schema`, whose key is known and whose other columns come from its SSTables;
/// `None` if there are no SSTables.
pub(super) fn open_system_table(
    options: &ForeignOptions,
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
    let set = ReadOnlyTables::new(dir, &options.disk, &options.clock, &cache, Catalog::default(), None);
    Ok(Some(set.open(&def, fitting(dir, &def, sstables)?)))
}

/// Opens the SSTables in `dir` as a table, to be read only: nothing in the directory is written or
/// locked.
///
/// `schema` is CQL that defines the table, such as a snapshot's `schema.cql` or what
/// `DESCRIBE TABLE … WITH INTERNALS` prints. A keyspace that it doesn't create is made with
/// defaults; a user type that it doesn't define is taken from the SSTables. Folders in the
/// directory (`snapshots`, `backups`, secondary indexes) are not looked into, and SSTables of
/// transactions that Cassandra had not finished are left out as Cassandra would remove them.
///
/// # Errors
/// When there is no such directory, the schema doesn't define the table or doesn't fit the files, a
/// file is damaged or of a version that isn't read here.
pub fn open_sstables(dir: impl AsRef<Path>, schema: &str, keyspace: &str, table: &str) -> Result<Table> {
    Ok(ForeignOptions::new().open_sstables(dir.as_ref(), schema, (keyspace, table))?.0)
}

impl ForeignOptions {
    /// As [`open_sstables`], with options, except for the schema of these: the table `(keyspace,
    /// name)`, and the SSTables that were left out because they are damaged.
    ///
    /// # Errors
    /// As there.
    pub fn open_sstables(
        &self,
        dir: &Path,
        schema: &str,
        (keyspace, table): (&str, &str),
    ) -> Result<(Table, Vec<LeftOut>)> {
        let cache = Arc::new(ChunkCache::new(self.cache_bytes));
        let Opened { sstables, damaged } =
            open_all(self, &[dir.to_owned()], &cache, &CacheNumbers::default())?;
        if sstables.is_empty() && damaged.is_empty() {
            return Err(SsTableError::new(dir, SsTableErrorKind::NoTables).into());
        }
        let types = HeaderTypes::of(sstables.iter().map(|sstable| &**sstable.header()));
        let loaded = Catalog::parse_lenient(schema, &|keyspace, name| types.find(keyspace, name))
            .map_err(|error| error.context("the schema"))?;
        for warning in &loaded.warnings {
            tracing::warn!(warning, "the schema");
        }
        let def = loaded.catalog.table(keyspace, table).cloned().map_err(|error| {
            let known: Vec<String> =
                loaded.catalog.tables().map(|t| format!("{}.{}", t.keyspace(), t.name())).collect();
            let known = if known.is_empty() { "no table".to_owned() } else { known.join(", ") };
            Error::new(ErrorKind::NotFound, format!("{error}; the schema defines {known}"))
        })?;
        let set = ReadOnlyTables::new(dir, &self.disk, &self.clock, &cache, loaded.catalog, None);
        Ok((set.open(&def, fitting(dir, &def, sstables)?), damaged))
    }
}
