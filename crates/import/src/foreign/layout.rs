//! The kind of a foreign directory, and the tables' directories in it.
//!
//! ```text
//! data directory  <keyspace>/<table>-<id>/      SSTables of each table, of system_schema among them
//!                            …/.<index>/        of a secondary index
//!                            …/backups/         hard links of every flush, if the node is configured to make them
//!                            …/snapshots/<tag>/ SSTables, manifest.json, schema.cql
//! ```
//!
//! Cassandra's class for this is `db.Directories`. ScyllaDB lays its directories out in the same
//! way, with `staging`, `upload`, `quarantine` and the like next to `snapshots`.

use std::fmt;
use std::iter::successors;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_engine::parts::{check_complete, is_database};
use helenus_engine::{Background, Error, ErrorKind, Options, Result};
use helenus_io::{Clock, Disk, parent_of};
use helenus_sstable::{SsTableError, SsTableErrorKind};
use helenus_types::TableId;

use super::directory::Directory;

/// The keyspace that defines all others.
pub(super) const SYSTEM_SCHEMA: &str = "system_schema";

/// The kind of a foreign directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// A node's data directory, or a copy of a part of it: keyspaces with tables.
    DataDirectory,
    /// One keyspace of a data directory.
    Keyspace,
    /// One table of a data directory.
    Table,
    /// A snapshot of one table (`nodetool snapshot`).
    Snapshot,
}

impl fmt::Display for ForeignKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataDirectory => "data directory",
            Self::Keyspace => "directory of a keyspace",
            Self::Table => "directory of a table",
            Self::Snapshot => "snapshot of a table",
        })
    }
}

/// A directory with SSTables of one table, and what its path says of the table.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) keyspace: Option<String>,
    pub(super) table: Option<String>,
    pub(super) id: Option<TableId>,
    pub(super) is_snapshot: bool,
    pub(super) directory: Directory,
}

/// The kind of a directory, and the tables' places in it.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) kind: ForeignKind,
    pub(super) places: Vec<Place>,
    /// The data directory that it belongs to, if it exists.
    pub(super) data_dir: Option<PathBuf>,
}

impl Layout {
    /// Looks at the names in `root` and, where it holds directories of tables, in those.
    pub(super) fn of(disk: &dyn Disk, root: &Path) -> Result<Self> {
        // Half a database of ours looks like a data directory.
        check_complete(disk, root)?;
        let directory = Directory::list(disk, root)?;
        if is_snapshot(root, &directory) {
            return Ok(Self::single(disk, root, directory, ForeignKind::Snapshot));
        }
        let has_files =
            !directory.sstables.is_empty() || !directory.left_out.is_empty() || directory.problem.is_some();
        if has_files || split_name(root).is_some_and(|(_, id)| id.is_some()) {
            return Ok(Self::single(disk, root, directory, ForeignKind::Table));
        }
        let tables = tables_in(disk, root, &directory.directories)?;
        if !tables.is_empty() {
            let data_dir = Some(parent_of(root).to_owned());
            return Ok(Self { kind: ForeignKind::Keyspace, places: tables, data_dir });
        }
        let mut places = Vec::new();
        for keyspace in directory.directories.iter().filter(|name| is_word(name)) {
            let path = root.join(keyspace);
            let entries = disk.list(&path)?;
            let names: Vec<String> =
                entries.iter().filter(|e| e.is_dir()).filter_map(|e| e.utf8()).map(str::to_owned).collect();
            places.append(&mut tables_in(disk, &path, &names)?);
        }
        if places.is_empty() && directory.directories.iter().any(|name| name == "data") {
            // The layout of the package in /var/lib/cassandra, next to commitlog and saved_caches.
            return Self::of(disk, &root.join("data"));
        }
        if places.is_empty() {
            let none = SsTableError::new(root, SsTableErrorKind::NoTables);
            let text = format!("{none}, nor directories of tables with some");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(Self { kind: ForeignKind::DataDirectory, places, data_dir: Some(root.to_owned()) })
    }

    /// A directory of one table.
    fn single(disk: &dyn Disk, root: &Path, directory: Directory, kind: ForeignKind) -> Self {
        let above = parent_of(root);
        let is_inside = kind == ForeignKind::Snapshot && above.ends_with("snapshots");
        let table_dir = if is_inside { parent_of(above) } else { root };
        let place = place(table_dir, root, directory, kind == ForeignKind::Snapshot);
        let data_dir = parent_of(parent_of(table_dir));
        let is_there = disk.exists(&data_dir.join(SYSTEM_SCHEMA)).unwrap_or(false);
        Self { kind, places: vec![place], data_dir: is_there.then(|| data_dir.to_owned()) }
    }
}

/// The directories of tables in that of a keyspace.
fn tables_in(disk: &dyn Disk, keyspace: &Path, names: &[String]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let path = keyspace.join(name);
        let (_, id) = split_name(&path).unwrap_or_default();
        let directory = Directory::list(disk, &path)?;
        let has_files = !directory.sstables.is_empty() || directory.problem.is_some();
        if id.is_some() || has_files {
            let is_snapshot = is_snapshot(&path, &directory);
            places.push(place(&path, &path, directory, is_snapshot));
        }
    }
    Ok(places)
}

fn place(table_dir: &Path, path: &Path, directory: Directory, is_snapshot: bool) -> Place {
    let (table, id) = split_name(table_dir).unwrap_or_default();
    let keyspace = parent_of(table_dir).file_name().and_then(|name| name.to_str());
    Place {
        path: path.to_owned(),
        keyspace: keyspace.map(str::to_owned),
        table: Some(table).filter(|name| !name.is_empty()),
        id,
        is_snapshot,
        directory,
    }
}

/// Whether it has the files that `nodetool snapshot` adds.
fn is_snapshot(path: &Path, directory: &Directory) -> bool {
    parent_of(path).ends_with("snapshots")
        || directory.others.iter().any(|name| name == "manifest.json" || name == "schema.cql")
}

/// Table and identity of `<table>-<32 hexadecimal digits>`; directories of tables that are older
/// than 2.1 have the name alone.
fn split_name(path: &Path) -> Option<(String, Option<TableId>)> {
    let name = path.file_name()?.to_str()?;
    let id = name.rsplit_once('-').filter(|(_, id)| id.len() == 32);
    let id = id.and_then(|(table, id)| Some((table, id.parse::<TableId>().ok()?)));
    Some(match id {
        Some((table, id)) => (table.to_owned(), Some(id)),
        None => (name.to_owned(), None),
    })
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Directories from a database's own down to that of a table: `DB`, `DB/data`,
/// `DB/data/<keyspace>`, `DB/data/<keyspace>/<table>`.
const DEPTH: usize = 4;

/// The database of ours that `dir` is, or lies in.
pub(crate) fn database_around(disk: &dyn Disk, dir: &Path) -> Result<Option<PathBuf>> {
    let by_name = successors(Some(dir.to_owned()), |at| Some(parent_of(at).to_owned()));
    // The names in `dir` say less if it is relative, or a symbolic link.
    let by_place = successors(Some(dir.join("..")), |at| Some(at.join("..")));
    for at in by_name.take(DEPTH).chain(by_place.take(DEPTH - 1)) {
        if is_database(disk, &at)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Refuses a database of ours, and a directory in one whose log has what its SSTables lack: to read
/// those alone would lose it without a word.
pub(crate) fn check_nothing_in_log(disk: &Arc<dyn Disk>, clock: &Arc<dyn Clock>, dir: &Path) -> Result<()> {
    let Some(database) = database_around(&**disk, dir)? else { return Ok(()) };
    let place = database.display();
    if database == dir {
        let text =
            format!("{place} is a database of Helenus, which is opened as one; a copy of it is one too");
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let options = Options::new().disk(disk.clone()).clock(clock.clone());
    let opened = match options.read_only(true).background(Background::Manual).open(&database) {
        Ok(opened) => opened,
        Err(error) => {
            // To read its SSTables may be all that can be done.
            tracing::warn!(database = %place, %error, "what is in its log alone is not seen");
            return Ok(());
        }
    };
    let unflushed = opened.tables().into_iter().find(|table| {
        let metrics = table.metrics();
        metrics.memtable_rows > 0 || metrics.memtable_bytes > 0
    });
    let Some(table) = unflushed else { return Ok(()) };
    let schema = table.schema();
    let text = format!(
        "{} is in a database of Helenus ({place}), and some of {}.{} is in the log there and in no SSTable: open the \
         database, or flush it first",
        dir.display(),
        schema.keyspace(),
        schema.name()
    );
    Err(Error::new(ErrorKind::Unsupported, text))
}
