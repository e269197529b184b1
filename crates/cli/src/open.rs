//! Opening what the command line names: a Helenus database, or a directory of SSTables with a schema.

use std::path::Path;

use helenus::{Database, ErrorKind, Options, QualifiedName, Serialized, Table, Type, parse_qualified_name};

use crate::failure::Failure;

/// A table to read, of a database or of a directory of SSTables.
pub(crate) fn table_to_read(dir: &Path, schema: Option<&Path>, name: &str) -> Result<Table, Failure> {
    let (keyspace, table) = split_name(name)?;
    let Some(schema) = schema else {
        return find(&database_to_read(dir)?, &keyspace, &table);
    };
    let text = read_text(schema)?;
    let opened = Database::open_sstables(dir, &text, &keyspace, &table);
    opened.map_err(|error| match error.kind() {
        ErrorKind::Invalid | ErrorKind::NotFound => {
            Failure::failed(error.to_string()).or_try("compare --schema with the table's folder and its name")
        }
        _ => error.into(),
    })
}

/// A database, to read only: beside a process that has it open for writing.
pub(crate) fn database_to_read(dir: &Path) -> Result<Database, Failure> {
    open(Options::new().read_only(true), dir)
}

/// A database that is there, to change it.
pub(crate) fn database_to_write(dir: &Path) -> Result<Database, Failure> {
    open(Options::new().create_if_missing(false), dir)
}

/// A database's table.
pub(crate) fn find(database: &Database, keyspace: &str, table: &str) -> Result<Table, Failure> {
    database.table(keyspace, table).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::failed(error.to_string()).or_try("`helenus tables DIR` lists what there is")
        }
        _ => error.into(),
    })
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
            ty.base().parse_literal(text).map_err(|error| {
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
    options.open(dir).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::failed(error.to_string())
            .or_try("name a database's directory, or add --schema FILE to read a directory of SSTables"),
        _ => error.into(),
    })
}
