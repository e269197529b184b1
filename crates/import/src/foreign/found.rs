//! The contents of foreign directories, table by table.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_engine::parts::{ReadOnlySstables, ReadOnlyTables};
use helenus_engine::{Database, Error, ErrorKind, LeftOut, Result, Table};
use helenus_schema::{Catalog, TableDef, is_system_keyspace};
use helenus_sstable::ChunkCache;
use helenus_types::TableId;
use parking_lot::Mutex;

use super::directory::Present;
use super::layout::{ForeignKind, Layout, Place, check_nothing_in_log};
use super::open::{self, CacheNumbers, Opened};
use super::options::ForeignOptions;
use super::search::{Search, Whose};

/// Foreign directories: a snapshot, a table's folder, a node's data, opened in place and read-only.
///
/// Opening lists the tables. Each table is opened by [`open_table`](Self::open_table); one that
/// can't be read doesn't prevent reading the others, and its [`problem`](ForeignTable::problem)
/// says why.
///
/// ```no_run
/// # fn main() -> helenus::Result<()> {
/// let snapshot = helenus::Foreign::open("snapshots/before-migration")?;
/// for table in snapshot.open_tables() {
///     println!("{}: about {} rows", table.schema().name(), table.metrics().rows_estimate);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Foreign {
    /// The directories that were named.
    pub dirs: Vec<PathBuf>,
    /// The kind of the first of them.
    pub kind: ForeignKind,
    /// Its tables, by keyspace and name; those of Cassandra's own keyspaces too.
    pub tables: Vec<ForeignTable>,
    /// Files and directories that belong to no table that there is, and SSTables that Cassandra
    /// would remove.
    pub left_out: Vec<LeftOut>,
    /// Parts of the schema that were left out or act differently, in words.
    pub warnings: Vec<String>,
    set: ReadOnlyTables,
    damaged: Arc<Mutex<Vec<LeftOut>>>,
}

/// Opens the SSTables of tables.
struct SstableFinder {
    options: ForeignOptions,
    /// The directory of tables that have none.
    first: PathBuf,
    /// For each table its directories, or why it can't be read.
    places: HashMap<TableId, std::result::Result<Vec<PathBuf>, String>>,
    cache: Arc<ChunkCache>,
    numbers: CacheNumbers,
    damaged: Arc<Mutex<Vec<LeftOut>>>,
}

impl SstableFinder {
    fn new(options: &ForeignOptions, first: &Path, found: &Findings, cache: &Arc<ChunkCache>) -> Self {
        let place = |table: &ForeignTable| {
            let place = table.problem.clone().map_or_else(|| Ok(table.dirs.clone()), Err);
            Some((table.id?, place))
        };
        Self {
            options: options.clone(),
            first: first.to_owned(),
            places: found.tables.iter().filter_map(place).collect(),
            cache: cache.clone(),
            numbers: CacheNumbers::default(),
            damaged: Arc::default(),
        }
    }

    fn open(&self, def: &TableDef) -> Result<ReadOnlySstables> {
        let name = || format!("{}.{}", def.keyspace(), def.name());
        let dirs = match self.places.get(&def.id()) {
            Some(Ok(dirs)) => dirs,
            Some(Err(problem)) => return Err(unreadable(&name(), problem)),
            None => {
                let text = format!("there is no directory of table {}", name());
                return Err(Error::new(ErrorKind::NotFound, text));
            }
        };
        let Opened { sstables, mut damaged } =
            open::open_all(&self.options, dirs, &self.cache, &self.numbers)?;
        self.damaged.lock().append(&mut damaged);
        open::fitting(dirs.first().unwrap_or(&self.first), def, sstables)
    }
}

fn unreadable(name: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{name}: {problem}"))
}

/// What was found in directories.
#[derive(Default)]
struct Findings {
    tables: Vec<ForeignTable>,
    left_out: Vec<LeftOut>,
}

/// A table that was found.
#[derive(Debug)]
pub struct ForeignTable {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Its identity, if it is known.
    pub id: Option<TableId>,
    /// The directories of its SSTables.
    pub dirs: Vec<PathBuf>,
    /// The number of its SSTables of each version, such as `da`.
    pub versions: BTreeMap<String, usize>,
    /// Bytes of all their files.
    pub bytes: u64,
    /// The reason why it can't be read, if it can't.
    pub problem: Option<String>,
    /// Whether it can't be read and is known to be a materialized view.
    pub(crate) is_unread_view: bool,
    /// The identities in its directories' names.
    ids: Vec<TableId>,
}

impl ForeignTable {
    /// Number of its SSTables.
    pub fn sstables(&self) -> usize {
        self.versions.values().sum()
    }

    /// Whether it is one of Cassandra's own.
    pub fn is_system(&self) -> bool {
        is_system_keyspace(&self.keyspace)
    }

    fn add(&mut self, place: Place) -> Vec<LeftOut> {
        for Present { found, bytes } in &place.directory.sstables {
            *self.versions.entry(found.descriptor.version.to_string()).or_default() += 1;
            self.bytes += bytes;
        }
        if let Some(problem) = place.directory.problem {
            self.problem.get_or_insert_with(|| problem.to_string());
        }
        self.ids.extend(place.id);
        self.dirs.push(place.path);
        place.directory.left_out
    }
}

impl Foreign {
    /// Opens a foreign directory read-only: a `nodetool snapshot`'s folder, a table's directory, a
    /// keyspace's, or a node's whole data directory. Nothing in it is written or locked; a node may
    /// be running on it.
    ///
    /// The schema is found in a snapshot's `schema.cql`, in the SSTables of the node's own
    /// `system_schema` in the data directory or above the table's, or in the newest snapshot within
    /// the table's directory. Folders within a table's directory (`snapshots`, `backups`, secondary
    /// indexes) are not read, and SSTables of unfinished transactions are left out as Cassandra
    /// would remove them. Data that is only in the node's commit log is not seen: `nodetool flush`
    /// writes it to SSTables.
    ///
    /// # Errors
    /// When there are no SSTables, or no schema is found.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        ForeignOptions::new().open(&[dir.as_ref().to_owned()])
    }

    /// Looks at directories: their names, their schema, no row of theirs.
    pub(crate) fn look(options: ForeignOptions, dirs: &[PathBuf]) -> Result<Self> {
        let mut layouts = Vec::new();
        for dir in dirs {
            check_nothing_in_log(&options.disk, &options.clock, dir)?;
            layouts.push(Layout::of(&*options.disk, dir)?);
        }
        let (Some(kind), Some(first)) = (layouts.first().map(|layout| layout.kind), dirs.first()) else {
            return Err(Error::invalid("no directory is named"));
        };
        let mut search = Search::new(&options);
        let whose = search.read_schemas(&layouts)?;
        let is_whole = layouts.iter().any(|layout| layout.kind == ForeignKind::DataDirectory);
        let Search { catalog, warnings, .. } = search;
        let mut found = Findings::default();
        for (place, whose) in layouts.into_iter().flat_map(|layout| layout.places).zip(whose) {
            found.place(place, whose, &catalog);
        }
        if is_whole {
            // A table that nothing was written to yet has no directory in a copy, and often no
            // files in the original.
            for def in catalog.tables().filter(|def| !is_system_keyspace(def.keyspace())) {
                found.entry(def.keyspace(), def.name(), Some(def.id()));
            }
        }
        found.tables.sort_by(|a, b| (&a.keyspace, &a.name, a.id).cmp(&(&b.keyspace, &b.name, b.id)));
        found.refuse_twins();
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        let opener = SstableFinder::new(&options, first, &found, &cache);
        let damaged = opener.damaged.clone();
        let open = Box::new(move |def: &TableDef| opener.open(def));
        let set = ReadOnlyTables::new(first, &options.disk, &options.clock, &cache, catalog, Some(open));
        let Findings { tables, left_out } = found;
        Ok(Self { dirs: dirs.to_vec(), kind, tables, left_out, warnings, set, damaged })
    }

    /// SSTables of tables opened so far that were left out because they are damaged, with
    /// [`ForeignOptions::skip_damaged`].
    pub fn damaged(&self) -> Vec<LeftOut> {
        self.damaged.lock().clone()
    }

    /// The table of that name, if it was found.
    pub fn table(&self, keyspace: &str, name: &str) -> Option<&ForeignTable> {
        self.tables.iter().find(|table| table.keyspace == keyspace && table.name == name)
    }

    /// The schema of its tables.
    pub fn schema(&self) -> Arc<Catalog> {
        self.set.schema()
    }

    /// Opens a table; a second call returns the same one.
    ///
    /// # Errors
    /// When there is no such table, or it can't be read.
    pub fn open_table(&self, keyspace: &str, name: &str) -> Result<Table> {
        // One that can't be read may be missing in the schema.
        if let Some(problem) = self.table(keyspace, name).and_then(|found| found.problem.as_ref()) {
            return Err(unreadable(&format!("{keyspace}.{name}"), problem));
        }
        self.set.table(self.schema().table(keyspace, name)?.id())
    }

    /// Opens the tables, by keyspace and name: those that can be opened, without Cassandra's own.
    pub fn open_tables(&self) -> Vec<Table> {
        let listed = self.tables.iter().filter(|table| !table.is_system());
        listed.filter_map(|table| self.open_table(&table.keyspace, &table.name).ok()).collect()
    }

    /// The same tables as a database that is only read: what writes is refused. A session of CQL
    /// is opened on it as on any other; each table is opened when it is first asked for.
    pub fn database(&self) -> Database {
        self.set.database()
    }
}

impl Findings {
    /// Refuses tables of one name and several ids. It is unknown which of them is alive, and a
    /// look-up by name would return any of them.
    fn refuse_twins(&mut self) {
        for twins in self.tables.chunk_by_mut(|a, b| (&a.keyspace, &a.name) == (&b.keyspace, &b.name)) {
            let mut ids: Vec<TableId> = twins.iter().flat_map(|table| table.ids.iter().copied()).collect();
            ids.sort();
            ids.dedup();
            let several = ids.len() > 1 || twins.len() > 1;
            let Some(first) = twins.first().filter(|_| several) else { continue };
            let ids: Vec<String> = ids.iter().map(|id| format!("{id:#}")).collect();
            let problem = format!(
                "there are two tables {}.{}, with the ids {}: it was dropped and made again; open one of them alone",
                first.keyspace,
                first.name,
                ids.join(" and ")
            );
            twins.iter_mut().for_each(|table| table.problem = Some(problem.clone()));
        }
    }

    /// Puts a directory to the table that it is of.
    fn place(&mut self, place: Place, whose: Whose, catalog: &Catalog) {
        let table = match whose {
            Whose::Table(id) => match catalog.table_by_id(id) {
                Some(def) => self.entry(def.keyspace(), def.name(), Some(id)),
                None => return,
            },
            Whose::Unread(unread) => {
                let table = self.entry(&unread.keyspace, &unread.name, unread.id);
                table.problem.get_or_insert(unread.reason);
                table.is_unread_view = unread.of_view;
                table
            }
            Whose::Nobody(reason) => {
                // Snapshots may be left of a table that was dropped.
                if !place.directory.sstables.is_empty() || place.directory.problem.is_some() {
                    self.left_out.push(LeftOut { path: place.path, reason });
                }
                return;
            }
        };
        let mut left_out = table.add(place);
        self.left_out.append(&mut left_out);
    }

    /// The entry of a table, made if it is not there.
    fn entry(&mut self, keyspace: &str, name: &str, id: Option<TableId>) -> &mut ForeignTable {
        let is_it = |table: &ForeignTable| {
            table.id == id && (id.is_some() || (table.keyspace == keyspace && table.name == name))
        };
        let at = self.tables.iter().position(is_it).unwrap_or_else(|| {
            self.tables.push(ForeignTable {
                keyspace: keyspace.to_owned(),
                name: name.to_owned(),
                id,
                dirs: Vec::new(),
                versions: BTreeMap::new(),
                bytes: 0,
                problem: None,
                is_unread_view: false,
                ids: Vec::new(),
            });
            self.tables.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found, or pushed just now")]
        &mut self.tables[at]
    }
}

impl ForeignOptions {
    /// Opens one foreign directory, or several data directories of a node together.
    ///
    /// # Errors
    /// As [`Foreign::open`].
    pub fn open(self, dirs: &[PathBuf]) -> Result<Foreign> {
        let foreign = Foreign::look(self, dirs)?;
        for warning in &foreign.warnings {
            tracing::warn!(warning, "the schema");
        }
        Ok(foreign)
    }
}
