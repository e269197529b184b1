//! Makes databases from foreign directories: snapshots, directories of tables, whole data
//! directories.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_engine::parts::{NewDatabase, NewSsTable};
use helenus_engine::{Error, ErrorKind, LeftOut, Result};
use helenus_io::{Clock, Disk, RealDisk, SystemClock};
use helenus_rows::EncodingBase;
use helenus_schema::{Catalog, TableDef};
use helenus_sstable::{Component, Descriptor};
use helenus_types::TableId;

use crate::foreign::{
    Directory, Foreign, ForeignKind, ForeignOptions, ForeignTable, Kept, Present, Progress, Transfer,
    Verification, bring, look_at, take_back,
};

/// The number of attempts to list a directory whose files come and go: a node may compact
/// meanwhile.
const ATTEMPTS: u32 = 8;

/// Options of an adoption.
#[derive(Clone, Debug)]
pub struct AdoptOptions {
    /// CQL that defines the tables, if the directories and those above them don't.
    pub schema: Option<String>,
    /// Keyspace and name of the tables that are wanted; all of them if it is empty.
    pub tables: Vec<(String, String)>,
    /// Whether files are copied, instead of getting a second name, which takes no space.
    pub copy: bool,
    /// How closely SSTables are verified first.
    pub verification: Verification,
    /// The disk of the directories and of the new database.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for AdoptOptions {
    /// The schema that is found, all tables, second names of files, checksums.
    fn default() -> Self {
        Self {
            schema: None,
            tables: Vec::new(),
            copy: false,
            verification: Verification::default(),
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

/// The result of an adoption.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// Its tables, by keyspace and name.
    pub tables: Vec<AdoptedTable>,
    /// Files that have a second name now.
    pub files_linked: u64,
    /// Files that were copied, Statistics.db of what was repaired or in a level among them.
    pub files_copied: u64,
    /// Files that were found and not taken.
    pub left_out: Vec<LeftOut>,
    /// Parts of the schema that were left out or act differently, in words.
    pub warnings: Vec<String>,
}

/// A table that was adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedTable {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Number of its SSTables.
    pub sstables: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Makes a writable database in `into` from any number of foreign directories:
/// `nodetool snapshot`'s folders, tables' directories, whole data directories. `progress` receives
/// the progress.
///
/// Directories and schema are found as by [`Foreign::open`]; the originals are not changed.
/// SSTables are verified first, keep their version, and come in by second names of their files if
/// possible. The database has an identity of its own; tables keep theirs, with their types and the
/// columns that were dropped. Secondary indexes stay in the schema and are not built, so that
/// tables are written and a node that gets them back builds them. Materialized views are left out,
/// since Helenus doesn't keep them up, and so are Cassandra's own tables.
///
/// It is made whole or not at all: after a crash in between the directory doesn't open, and is
/// adopted into again, or removed. Writes without a timestamp get newer ones than what was adopted,
/// unless that lies more than a day ahead of the clock.
///
/// ```no_run
/// # fn main() -> helenus::Result<()> {
/// use helenus::{AdoptOptions, adopt};
///
/// let adopted = adopt(&["/var/lib/cassandra/data".into()], "mine", &AdoptOptions::default(), &mut |_| {})?;
/// println!("{} tables", adopted.tables.len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When `into` holds anything, a table can't be read or an SSTable is damaged, of another table, or
/// of a version or partitioner that is not read here; when files can't be written. Then nothing is
/// left in `into`.
pub fn adopt(
    dirs: &[PathBuf],
    into: impl AsRef<Path>,
    how: &AdoptOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Adopted> {
    let into = into.as_ref();
    if let Some(dir) = dirs.iter().find(|dir| into.starts_with(dir)) {
        let text = format!("{} lies within {}, which is not to be changed", into.display(), dir.display());
        return Err(Error::invalid(text));
    }
    let options = ForeignOptions::new().disk(how.disk.clone()).clock(how.clock.clone());
    let options = match &how.schema {
        Some(schema) => options.schema(schema),
        None => options,
    };
    let foreign = Foreign::look(options, dirs)?;
    let mut adopted = Adopted::default();
    let (chosen, catalog) = choose(&foreign, &foreign.schema(), how, &mut adopted.warnings)?;
    // The text is what is stored: parsing it must give the same tables.
    let schema = catalog.to_cql();
    let catalog = Catalog::parse(&schema).map_err(|error| error.context("the schema as it would be kept"))?;
    if catalog.to_cql() != schema {
        let text = "the schema is another one once it was printed and read";
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let bytes_total: u64 = chosen.iter().map(|table| table.bytes).sum();
    let mut bytes_done = 0;
    let mut database = NewDatabase::begin(&how.disk, &how.clock, into)?;
    let mut fill = || {
        for table in &chosen {
            let Some(def) = table.id.and_then(|id| catalog.table_by_id(id)) else {
                unreachable!("the schema that is kept has the chosen tables")
            };
            let brought = bring_table(&mut database, def, &table.dirs, how, &mut |bytes| {
                progress(Progress { bytes_done: bytes_total.min(bytes_done + bytes), bytes_total });
            })?;
            bytes_done += table.bytes;
            adopted.files_linked += brought.files_linked;
            adopted.files_copied += brought.files_copied;
            adopted.tables.push(AdoptedTable {
                keyspace: table.keyspace.clone(),
                name: table.name.clone(),
                sstables: brought.sstables.len() as u64,
                bytes: brought.sstables.iter().map(NewSsTable::bytes).sum(),
            });
            database.add_table(def, brought.sstables)?;
        }
        database.complete(schema.clone())
    };
    if let Err(error) = fill() {
        database.abandon();
        return Err(error);
    }
    database.unmark();
    adopted.left_out = foreign.left_out;
    let found = foreign.warnings.into_iter();
    adopted.warnings = found.chain(adopted.warnings).collect();
    Ok(adopted)
}

/// The SSTables of one table, as far as they have been brought in.
#[derive(Default)]
struct BroughtTable {
    /// The names of the files, existing or being made.
    names: Vec<(BTreeSet<Component>, Descriptor)>,
    sstables: Vec<NewSsTable>,
    files_linked: u64,
    files_copied: u64,
}

/// Brings a table's SSTables in. `passed` gets the number of bytes of their files that were
/// verified.
fn bring_table(
    database: &mut NewDatabase,
    def: &TableDef,
    dirs: &[PathBuf],
    how: &AdoptOptions,
    passed: &mut dyn FnMut(u64),
) -> Result<BroughtTable> {
    let mut attempt = 1;
    loop {
        let listed = list(&*how.disk, dirs)?;
        if attempt < ATTEMPTS && list(&*how.disk, dirs)? != listed {
            // A listing during changes may miss both a removed file and its replacement.
            attempt += 1;
            continue;
        }
        let mut brought = BroughtTable::default();
        let Err(error) = bring_listed(database, def, &listed, how, &mut brought, passed) else {
            return Ok(brought);
        };
        brought.names.iter().for_each(|(components, to)| take_back(&*how.disk, components, to));
        if attempt == ATTEMPTS || list(&*how.disk, dirs)? == listed {
            return Err(error);
        }
        tracing::debug!(%error, attempt, "listing again");
        attempt += 1;
    }
}

/// The live SSTables in those directories.
fn list(disk: &dyn Disk, dirs: &[PathBuf]) -> Result<Vec<Present>> {
    let mut listed = Vec::new();
    for dir in dirs {
        let directory = Directory::list(disk, dir)?;
        if let Some(problem) = directory.problem {
            return Err(problem);
        }
        listed.extend(directory.sstables);
    }
    Ok(listed)
}

fn bring_listed(
    database: &mut NewDatabase,
    def: &TableDef,
    listed: &[Present],
    how: &AdoptOptions,
    brought: &mut BroughtTable,
    passed: &mut dyn FnMut(u64),
) -> Result<()> {
    let header = def.schema().header(EncodingBase::EPOCH);
    let transfer = if how.copy { Transfer::Copy } else { Transfer::Link };
    let mut bytes_before = 0;
    for Present { found, bytes } in listed {
        let passed_here = &mut |bytes| passed(bytes_before + bytes);
        let source = look_at(&how.disk, found, (def.schema(), &header), how.verification, passed_here)?;
        let to = database.next_name(def, found.descriptor.version)?;
        brought.names.push((found.components.clone(), to.clone()));
        let files = bring(&*how.disk, &source, &found.components, &to, transfer, Kept::default())?;
        brought.sstables.push(database.open(def, &to)?);
        brought.files_linked += files.linked;
        brought.files_copied += files.copied;
        bytes_before += bytes;
    }
    passed(bytes_before);
    Ok(())
}

/// The tables to adopt, and the schema that they have then.
fn choose<'a>(
    foreign: &'a Foreign,
    found: &Catalog,
    how: &AdoptOptions,
    warnings: &mut Vec<String>,
) -> Result<(Vec<&'a ForeignTable>, Catalog)> {
    let is_asked = |table: &ForeignTable| {
        how.tables.iter().any(|(keyspace, name)| (keyspace, name) == (&table.keyspace, &table.name))
    };
    let mut wanted: Vec<_> = foreign.tables.iter().filter(|table| !table.is_system()).collect();
    for (keyspace, name) in &how.tables {
        if !wanted.iter().any(|table| (&table.keyspace, &table.name) == (keyspace, name)) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no directory of table {keyspace}.{name}"),
            ));
        }
    }
    wanted.retain(|table| how.tables.is_empty() || is_asked(table));
    let mut chosen = Vec::new();
    for table in wanted {
        let place = format!("{}.{}", table.keyspace, table.name);
        let def = table.id.and_then(|id| found.table_by_id(id));
        let view = def.and_then(|def| def.view());
        if (view.is_some() || table.is_unread_view) && !is_asked(table) {
            warnings.push(format!("the materialized view {place} is left out: nothing keeps it up here"));
            continue;
        }
        if let Some(view) = view {
            let text =
                format!("{place} is a materialized view of {}, which nothing keeps up here", view.base);
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        if let Some(problem) = &table.problem {
            let text =
                format!("{place} can't be read: {problem}; name the tables that are wanted to leave it out");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let Some(def) = def else {
            return Err(Error::new(ErrorKind::Unsupported, format!("the schema doesn't define {place}")));
        };
        warnings.extend(def.index_warnings().map(|warning| warning.to_string()));
        chosen.push(table);
    }
    if chosen.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no table to adopt but Cassandra's own"));
    }
    let ids: BTreeSet<TableId> = chosen.iter().filter_map(|table| table.id).collect();
    // From a whole node, keyspaces without a table are taken too.
    let all_keyspaces = how.tables.is_empty() && foreign.kind == ForeignKind::DataDirectory;
    Ok((chosen, found.writable(&ids, all_keyspaces)))
}
