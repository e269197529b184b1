//! The target of an import: the table and its database, made if they don't exist.

use std::path::Path;

use helenus::{Catalog, Database, ErrorKind, Options, Table, TableDef, TableSchema, Type};

use crate::args::Import;
use crate::failure::Failure;
use crate::input::Input;
use crate::open;

/// Opens the file and the table. Nothing is made before the file is known to be one of that table:
/// a mistyped path gets no empty database.
pub(super) fn open_both(
    args: &Import,
    keyspace: &str,
    table: &str,
) -> Result<(Database, Table, Input), Failure> {
    open::check_directory(&args.dir)?;
    let schema = args.schema.as_deref();
    let (database, opened) = match Options::new().create_if_missing(false).open(&args.dir) {
        Ok(database) => {
            let opened = table_in(&database, schema, keyspace, table).and_then(|table| {
                let input = Input::open(&args.file, &table.schema(), &args.how)?;
                Ok((table, input))
            });
            (database, opened)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(schema) = schema else {
                let text = format!("{}: there is no database", args.dir.display());
                return Err(Failure::failed(text)
                    .or_try("--schema FILE with the CREATE TABLE makes one, if the path is right"));
            };
            let defined = Defined::read(schema, &|_| None)?;
            let input = Input::open(&args.file, defined.table(keyspace, table)?.schema(), &args.how)?;
            let database = Options::new().open(&args.dir)?;
            let opened = made(&database, schema, keyspace, table).map(|table| (table, input));
            (database, opened)
        }
        Err(error) => return Err(error.into()),
    };
    match opened {
        Ok((table, input)) => Ok((database, table, input)),
        Err(failure) => {
            database.close()?;
            Err(failure)
        }
    }
}

/// The table of a database that is there.
fn table_in(
    database: &Database,
    schema: Option<&Path>,
    keyspace: &str,
    table: &str,
) -> Result<Table, Failure> {
    match (database.table(keyspace, table), schema) {
        (Ok(found), None) => Ok(found),
        (Ok(found), Some(file)) => {
            let own_type = |name: &str| {
                let schema = found.schema();
                let columns = schema.statics().as_slice().iter().chain(schema.regulars().as_slice());
                let keys = schema.partition_key().iter().chain(schema.clustering());
                let mut types = columns.map(|column| &column.ty).chain(keys.map(|column| &column.ty));
                types.find_map(|ty| user_type(ty, name))
            };
            let defined = Defined::read(file, &own_type)?;
            check_same(&found.schema(), defined.table(keyspace, table)?.schema(), file)?;
            Ok(found)
        }
        (Err(error), Some(schema)) if error.kind() == ErrorKind::NotFound => {
            made(database, schema, keyspace, table)
        }
        (Err(error), None) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::failed(error.to_string()).or_try("--schema FILE with its CREATE TABLE makes it"))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Makes the table by the schema file.
fn made(database: &Database, schema: &Path, keyspace: &str, table: &str) -> Result<Table, Failure> {
    database.adopt_schema(&open::read_text(schema)?).map_err(|error| {
        Failure::failed(format!("{}: {error}", schema.display()))
            .or_try("mend the statement, and import again")
    })?;
    database.table(keyspace, table).map_err(|error| {
        Failure::failed(format!("{}: {error} afterwards", schema.display())).or_try("compare it with --table")
    })
}

/// The definition in a schema file.
struct Defined<'a> {
    catalog: Catalog,
    file: &'a Path,
}

impl<'a> Defined<'a> {
    /// Reads it; `own_type` knows types that it doesn't define.
    fn read(file: &'a Path, own_type: &dyn Fn(&str) -> Option<Type>) -> Result<Self, Failure> {
        let text = open::read_text(file)?;
        let loaded = Catalog::parse_lenient(&text, &|_, name| own_type(name)).map_err(|error| {
            Failure::failed(format!("{}: {error}", file.display()))
                .or_try("mend the statement, and import again")
        })?;
        Ok(Self { catalog: loaded.catalog, file })
    }

    fn table(&self, keyspace: &str, table: &str) -> Result<&TableDef, Failure> {
        self.catalog.table(keyspace, table).map(|def| &**def).map_err(|error| {
            Failure::failed(format!("{}: {error}", self.file.display())).or_try("compare it with --table")
        })
    }
}

/// Refuses a schema file whose columns are not the table's: the user means another table, or forgot
/// an ALTER.
fn check_same(ours: &TableSchema, theirs: &TableSchema, file: &Path) -> Result<(), Failure> {
    let columns = |schema: &TableSchema| {
        let keys = schema.partition_key().iter().chain(schema.clustering());
        let keys = keys.map(|column| format!("{} {}", column.name, column.ty.cql_name()));
        let others = [("static ", schema.statics()), ("", schema.regulars())];
        let others = others.into_iter().flat_map(|(kind, columns)| {
            let text = move |name: &str, ty: &Type| format!("{kind}{name} {}", ty.cql_name());
            columns.as_slice().iter().map(move |column| text(&column.name, &column.ty)).collect::<Vec<_>>()
        });
        keys.chain(others).collect::<Vec<_>>()
    };
    let (ours_named, theirs_named) = (columns(ours), columns(theirs));
    let shape = |schema: &TableSchema| {
        (
            schema.partition_key().len(),
            schema.clustering().iter().map(|c| c.ty.is_reversed()).collect::<Vec<_>>(),
        )
    };
    let only = |some: &[String], others: &[String]| {
        let only: Vec<&str> =
            some.iter().filter(|column| !others.contains(column)).map(String::as_str).collect();
        if only.is_empty() { "none more".to_owned() } else { only.join(", ") }
    };
    if ours_named == theirs_named && shape(ours) == shape(theirs) {
        return Ok(());
    }
    let text = format!(
        "{}: {}.{} is there already, with other columns or another key: the table has {}, the file {}",
        file.display(),
        ours.keyspace(),
        ours.name(),
        only(&ours_named, &theirs_named),
        only(&theirs_named, &ours_named)
    );
    Err(Failure::failed(text).or_try("leave --schema out to import into the table as it is"))
}

/// The user type of that name in a type.
fn user_type(ty: &Type, name: &str) -> Option<Type> {
    match ty {
        Type::Udt { definition, .. } if definition.name == name => {
            Some(Type::Udt { definition: definition.clone(), frozen: false })
        }
        Type::Udt { definition, .. } => definition.fields.iter().find_map(|(_, ty)| user_type(ty, name)),
        Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
            user_type(element, name)
        }
        Type::Map { entry, .. } => user_type(&entry.0, name).or_else(|| user_type(&entry.1, name)),
        Type::Tuple(types) => types.iter().find_map(|ty| user_type(ty, name)),
        Type::Reversed(base) => user_type(base, name),
        _ => None,
    }
}
