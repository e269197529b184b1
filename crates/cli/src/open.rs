//! Opening what the command line names: a Helenus database, or what Cassandra left.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus::{
    Catalog, Database, ErrorKind, Foreign, ForeignKind, ForeignOptions, Identifier, LeftOut, Options,
    QualifiedName, Serialized, Table, Type, parse_literal, parse_qualified_name,
};

use crate::args::Source;
use crate::failure::Failure;

/// A readable directory: a database, or a foreign one.
pub(crate) enum Readable {
    Database(Database),
    Foreign(Box<Foreign>),
}

impl Readable {
    pub(crate) fn schema(&self) -> Arc<Catalog> {
        match self {
            Self::Database(database) => database.schema(),
            Self::Foreign(foreign) => foreign.schema(),
        }
    }

    fn table(&self, keyspace: &str, name: &str) -> helenus::Result<Table> {
        match self {
            Self::Database(database) => database.table(keyspace, name),
            Self::Foreign(foreign) => foreign.open_table(keyspace, name),
        }
    }

    /// SSTables that were left out because they are damaged.
    fn damaged(&self) -> Vec<LeftOut> {
        match self {
            Self::Database(database) => database.damaged(),
            Self::Foreign(foreign) => foreign.damaged(),
        }
    }

    /// A table by its name as CQL spells it.
    pub(crate) fn named(&self, name: &str) -> Result<Table, Failure> {
        let (keyspace, table) = split_name(name)?;
        listed(self.table(&keyspace, &table))
    }

    /// All tables; those that can't be read with the reason.
    pub(crate) fn all(&self) -> Vec<Result<Table, Unread>> {
        let foreign = match self {
            Self::Database(database) => return database.tables().into_iter().map(Ok).collect(),
            Self::Foreign(foreign) => foreign,
        };
        let found = foreign.tables.iter().filter(|table| !table.is_system());
        let opened = found.map(|found| {
            let unread = |error: helenus::Error| Unread {
                keyspace: found.keyspace.clone(),
                table: found.name.clone(),
                reason: found.problem.clone().unwrap_or_else(|| error.to_string()),
            };
            foreign.open_table(&found.keyspace, &found.name).map_err(unread)
        });
        opened.collect()
    }
}

/// A table to read, of a database or a foreign directory.
pub(crate) fn table_to_read(dir: &Path, source: &Source, name: &str) -> Result<Table, Failure> {
    Ok(table_by(false, dir, source, name)?.0)
}

/// The same without SSTables that are damaged, and these.
pub(crate) fn salvaged_table(
    dir: &Path,
    source: &Source,
    name: &str,
) -> Result<(Table, Vec<LeftOut>), Failure> {
    table_by(true, dir, source, name)
}

fn table_by(
    skip_damaged: bool,
    dir: &Path,
    source: &Source,
    name: &str,
) -> Result<(Table, Vec<LeftOut>), Failure> {
    let (keyspace, table) = split_name(name)?;
    check_present(dir)?;
    if let (Some(schema), []) = (&source.schema, source.data.as_slice()) {
        // The name says which of the schema's tables a single directory is of.
        let options = ForeignOptions::new().skip_damaged(skip_damaged);
        match options.open_sstables(dir, &read_text(schema)?, (&keyspace, &table)) {
            Err(error) if error.kind() == ErrorKind::NotFound && is_tree(dir) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {
                return Err(Failure::failed(error.to_string())
                    .or_try("compare --schema with the table's folder and its name"));
            }
            opened => return Ok(opened?),
        }
    }
    let readable = read_by(skip_damaged, dir, source)?;
    let table = listed(readable.table(&keyspace, &table))?;
    Ok((table, readable.damaged()))
}

/// Whether there may be tables' directories below.
fn is_tree(dir: &Path) -> bool {
    let opened = ForeignOptions::new().schema("").open(&[dir.to_owned()]);
    opened.is_ok_and(|foreign| matches!(foreign.kind, ForeignKind::DataDirectory | ForeignKind::Keyspace))
}

/// Refuses a file: what would be looked for in it is not what is wrong.
pub(crate) fn check_directory(dir: &Path) -> Result<(), Failure> {
    if !dir.is_file() {
        return Ok(());
    }
    let text = format!("{} is a file, not a directory", dir.display());
    Err(Failure::failed(text)
        .or_try("name the directory that it is in; `helenus sstable` looks into single files"))
}

/// The same of what is not there: what to do about it is not to look at the disk's space.
pub(crate) fn check_present(dir: &Path) -> Result<(), Failure> {
    match dir.try_exists() {
        Ok(false) => Err(Failure::failed(format!("{}: there is no such directory", dir.display()))
            .or_try("check the path")),
        Ok(true) | Err(_) => check_directory(dir),
    }
}

/// A database, opened read-only, possibly while another process has it open for writing; or a
/// foreign directory.
pub(crate) fn to_read(dir: &Path, source: &Source) -> Result<Readable, Failure> {
    read_by(false, dir, source)
}

fn read_by(skip_damaged: bool, dir: &Path, source: &Source) -> Result<Readable, Failure> {
    check_present(dir)?;
    if source.schema.is_none() && source.data.is_empty() {
        match Options::new().read_only(true).skip_damaged(skip_damaged).open(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return Ok(Readable::Database(opened?)),
        }
    }
    let options = ForeignOptions::new().skip_damaged(skip_damaged);
    foreign_by(options, dir, source).map(|foreign| Readable::Foreign(Box::new(foreign)))
}

/// A foreign directory.
pub(crate) fn foreign(dir: &Path, source: &Source) -> Result<Foreign, Failure> {
    foreign_by(ForeignOptions::new(), dir, source)
}

fn foreign_by(options: ForeignOptions, dir: &Path, source: &Source) -> Result<Foreign, Failure> {
    std::iter::once(dir).chain(source.data.iter().map(PathBuf::as_path)).try_for_each(check_present)?;
    let schema = source.schema.as_deref().map(read_text).transpose()?;
    let dirs = std::iter::once(dir).chain(source.data.iter().map(PathBuf::as_path));
    // Keyspace and table come from the names above the directory: `.` has none.
    let dirs = dirs.map(|dir| std::path::absolute(dir).map_err(|error| Failure::file(dir, &error)));
    let options = match &schema {
        Some(schema) => options.schema(schema),
        None => options,
    };
    let opened = options.open(&dirs.collect::<Result<Vec<_>, _>>()?);
    opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::failed(error.to_string())
            .or_try("name a database, or a directory of Cassandra's files; --schema FILE where its schema is not found"),
        _ => error.into(),
    })
}

/// A database that is there, to change it.
pub(crate) fn database_to_write(dir: &Path) -> Result<Database, Failure> {
    open(Options::new().create_if_missing(false), dir)
}

/// A database's table.
pub(crate) fn find(database: &Database, keyspace: &str, table: &str) -> Result<Table, Failure> {
    listed(database.table(keyspace, table))
}

/// A table that was asked for by its name.
pub(crate) fn listed(opened: helenus::Result<Table>) -> Result<Table, Failure> {
    opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::failed(error.to_string()).or_try("`helenus tables DIR` lists what there is")
        }
        _ => error.into(),
    })
}

/// A table that can't be read.
pub(crate) struct Unread {
    pub(crate) keyspace: String,
    pub(crate) table: String,
    pub(crate) reason: String,
}

impl Unread {
    pub(crate) fn as_json(&self) -> serde_json::Value {
        serde_json::json!({ "keyspace": self.keyspace, "table": self.table, "problem": self.reason })
    }
}

/// Says which tables can't be read, once for each reason.
pub(crate) fn write_unread(out: &mut impl Write, unread: &[Unread]) -> io::Result<()> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for Unread { keyspace, table, reason } in unread {
        let name = spelled(keyspace, table);
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason, vec![name])),
        }
    }
    if !reasons.is_empty() {
        writeln!(out, "\ncan't be read:")?;
    }
    for (reason, names) in reasons {
        match names.as_slice() {
            [name] => writeln!(out, "  {name}: {reason}")?,
            names => {
                writeln!(out, "  {} tables: {reason}", names.len())?;
                names.iter().try_for_each(|name| writeln!(out, "    {name}"))?;
            }
        }
    }
    Ok(())
}

/// A database's table, or all of them.
pub(crate) fn find_or_all(database: &Database, name: Option<&str>) -> Result<Vec<Table>, Failure> {
    let Some(name) = name else { return Ok(database.tables()) };
    let (keyspace, table) = split_name(name)?;
    Ok(vec![find(database, &keyspace, &table)?])
}

/// Keyspace and table of a name as CQL spells it.
pub(crate) fn split_name(name: &str) -> Result<(String, String), Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{name:?} is not the name of a table: {why}"))
            .or_try("keyspace.table, or '\"Keyspace\".\"Table\"' where upper case counts")
    };
    match parse_qualified_name(name) {
        Ok(QualifiedName { keyspace: Some(keyspace), name }) => Ok((keyspace.into(), name.into())),
        Ok(_) => Err(wrong("the keyspace is missing")),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// A table's name as CQL spells it.
pub(crate) fn spelled(keyspace: &str, table: &str) -> String {
    let [keyspace, table] = [keyspace, table].map(Identifier::exact);
    QualifiedName::qualified(keyspace, table).to_string()
}

/// The text of a file that the command line names.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a file that the user names is no part of a database")]
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    String::from_utf8(bytes)
        .map_err(|error| Failure::failed(format!("{}: not UTF-8: {error}", path.display())))
}

/// Serialized values of CQL literals.
pub(crate) struct Literals(Vec<Vec<u8>>);

impl Literals {
    /// Parses literals of the columns that those types and names belong to, in their order.
    pub(crate) fn parse<'a>(
        texts: &[String],
        columns: impl Iterator<Item = (&'a str, &'a Type)>,
    ) -> Result<Self, Failure> {
        let value = |(text, (name, ty)): (&String, (&str, &Type))| {
            parse_literal(ty, text).map_err(|error| {
                Failure::usage(format!("{text} is no literal of column {name}: {error}"))
                    .or_try("literals are CQL's: 'text' in quotes, 12, 0xcafe, '2024-02-29'")
            })
        };
        texts.iter().zip(columns).map(value).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = Serialized<'_>> {
        self.0.iter().map(|bytes| Serialized(bytes))
    }
}

fn open(options: Options, dir: &Path) -> Result<Database, Failure> {
    check_directory(dir)?;
    options.open(dir).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::failed(error.to_string())
            .or_try("name a database's directory; what Cassandra left is only read: `helenus open DIR`, `helenus adopt`"),
        _ => error.into(),
    })
}
