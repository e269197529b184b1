//! Databases made of what others left: snapshots, directories of tables, whole data directories.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use helenus_types::TableId;

use crate::database::Database;
use crate::engine::{Bringing, NewDatabase};
use crate::error::{Error, ErrorKind, Result};
use crate::foreign::{Foreign, ForeignKind, ForeignTable, LeftOut, Transfer, Verification};
use crate::options::Options;
use helenus_schema::Catalog;

/// How a database is made of what others left.
#[derive(Clone, Debug, Default)]
pub struct AdoptOptions {
    /// CQL that defines the tables, where the directories and what is above them don't tell.
    pub schema: Option<String>,
    /// Keyspace and name of the tables that are wanted; all of them if it is empty.
    pub tables: Vec<(String, String)>,
    /// Whether files are copied, instead of getting a second name, which takes no space.
    pub copy: bool,
    /// How closely SSTables are looked at before.
    pub verification: Verification,
}

/// What a database was made of.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// Its tables, by keyspace and name.
    pub tables: Vec<AdoptedTable>,
    /// Files that have a second name now.
    pub files_linked: u64,
    /// Files that were copied, Statistics.db of what was repaired or in a level among them.
    pub files_copied: u64,
    /// What lay there and was not taken.
    pub left_out: Vec<LeftOut>,
    /// What of the schema was left out or acts differently, in words.
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

/// How far bringing SSTables in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files that were looked at.
    pub bytes_done: u64,
    /// Bytes of all of them.
    pub bytes_total: u64,
}

impl Database {
    /// Makes a database in `into`, to be written, of what others left: `nodetool snapshot`'s folders, tables' directories,
    /// whole data directories, as many as there are.
    ///
    /// Directories and schema are found as [`open_foreign`](Self::open_foreign) finds them; what is there is not changed.
    /// SSTables are looked at first, keep their version, and come in by second names of their files where that can be.
    /// The database has an identity of its own; tables keep theirs, with their types and the columns that were dropped.
    /// Secondary indexes stay in the schema and are not built, so that tables are written and a node that gets them back
    /// builds them. Materialized views are left out, for nothing keeps them up here, and Cassandra's own tables.
    ///
    /// It is there whole or not at all: after a crash in between the directory doesn't open, and is adopted into again,
    /// or removed. Writes without a timestamp get newer ones than what was adopted, unless that lies more than a day ahead
    /// of the clock.
    ///
    /// # Errors
    /// When `into` holds anything, a table can't be read or an SSTable is damaged, of another table, or of a version or
    /// partitioner that is not read here; when files can't be written. Then nothing is left in `into`.
    pub fn adopt(dirs: &[PathBuf], into: impl AsRef<Path>) -> Result<Adopted> {
        Options::new().adopt(dirs, into, &AdoptOptions::default(), &mut |_| {})
    }
}

impl Options {
    /// Makes a database of what others left, with the disk and the clock of these options; `progress` is told how far
    /// it is.
    ///
    /// # Errors
    /// As [`Database::adopt`].
    pub fn adopt(
        self,
        dirs: &[PathBuf],
        into: impl AsRef<Path>,
        how: &AdoptOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Adopted> {
        let into = into.as_ref();
        if let Some(dir) = dirs.iter().find(|dir| into.starts_with(dir)) {
            let text =
                format!("{} lies within {}, which is not to be changed", into.display(), dir.display());
            return Err(Error::invalid(text));
        }
        let (foreign, found) = Foreign::look(&self.clone().read_only(true), dirs, how.schema.as_deref())?;
        let mut adopted = Adopted::default();
        let (chosen, catalog) = choose(&foreign, &found, how, &mut adopted.warnings)?;
        // What is kept is the text: the tables are what it says, and it has to say so again.
        let schema = catalog.to_cql();
        let catalog =
            Catalog::parse(&schema).map_err(|error| error.context("the schema as it would be kept"))?;
        if catalog.to_cql() != schema {
            let text = "the schema is another one once it was printed and read";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let bytes_total: u64 = chosen.iter().map(|table| table.bytes).sum();
        let mut bytes_done = 0;
        let mut database = NewDatabase::begin(&self, into)?;
        let bringing = Bringing {
            transfer: if how.copy { Transfer::Copy } else { Transfer::Link },
            verification: how.verification,
        };
        let mut fill = || {
            for table in &chosen {
                let Some(def) = table.id.and_then(|id| catalog.table_by_id(id)) else { continue };
                let brought = database.add_table(def, &table.dirs, bringing, &mut |bytes| {
                    progress(Progress { bytes_done: bytes_total.min(bytes_done + bytes), bytes_total });
                })?;
                bytes_done += table.bytes;
                adopted.files_linked += brought.files.linked;
                adopted.files_copied += brought.files.copied;
                adopted.tables.push(AdoptedTable {
                    keyspace: table.keyspace.clone(),
                    name: table.name.clone(),
                    sstables: brought.sstables,
                    bytes: brought.bytes,
                });
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
        let Some(def) = def else { continue };
        warnings.extend(def.index_warnings());
        chosen.push(table);
    }
    if chosen.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no table to adopt but Cassandra's own"));
    }
    let ids: BTreeSet<TableId> = chosen.iter().filter_map(|table| table.id).collect();
    // Of a whole node, keyspaces without a table too.
    let all_keyspaces = how.tables.is_empty() && foreign.kind == ForeignKind::DataDirectory;
    Ok((chosen, found.writable(&ids, all_keyspaces)))
}
