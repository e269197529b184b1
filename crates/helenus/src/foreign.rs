//! Directories of SSTables that are no database of ours: a table's folder as it was copied from a Cassandra node.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_cql_syntax::{Identifier, QualifiedName, Statement, parse_statements};
use helenus_io::Disk;
use helenus_rows::{Columns, EncodingBase, Header, TableSchema};
use helenus_sstable::{CachedFile, ChunkCache, Component, Folder, OpenOptions, PageVerification, SsTable};
use helenus_types::{Generation, Partitioner, Type, UserType};

use crate::database::Database;
use crate::engine::{Inner, LiveTable, Parts, TableCore, TableState};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Background, Options};
use crate::schema::{Catalog, TableDef, reads_cells_of, user_types_in};
use crate::table::Table;

impl Database {
    /// Opens the SSTables in `dir` as a table, to be read only: nothing in the directory is written or locked.
    ///
    /// `schema` is CQL that defines the table, such as a snapshot's `schema.cql` or what
    /// `DESCRIBE TABLE … WITH INTERNALS` prints. A keyspace that it doesn't create is made with defaults; a user type
    /// that it doesn't define is taken from the SSTables. Folders in the directory (`snapshots`, `backups`,
    /// secondary indexes) are not looked into, and SSTables of transactions that Cassandra had not finished are left
    /// out as Cassandra would remove them.
    ///
    /// # Errors
    /// When there is no such directory, the schema doesn't define the table or doesn't fit the files, a file is
    /// damaged or of a version that isn't read here.
    pub fn open_sstables(dir: impl AsRef<Path>, schema: &str, keyspace: &str, table: &str) -> Result<Table> {
        Options::new().open_sstables(dir, schema, keyspace, table)
    }
}

impl Database {
    /// Creates what a schema file defines and the database doesn't have yet: as
    /// [`execute_schema`](Self::execute_schema), but a keyspace that the file doesn't create is made with defaults,
    /// and keyspaces, types and tables that are there stay as they are.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_schema(&self, cql: &str) -> Result<()> {
        let statements = parse_statements(cql).map_err(|error| Error::with(ErrorKind::Invalid, error))?;
        let present = self.schema();
        let mut default: Option<String> = None;
        for statement in statements.iter().map(|statement| &statement.node) {
            if let Statement::Use(name) = statement {
                default = Some(name.as_str().to_owned());
                continue;
            }
            if let Some(keyspace) = created_in(statement).map(|name| name.keyspace.as_ref())
                && let Some(keyspace) = keyspace.map(|name| name.as_str()).or(default.as_deref())
                && self.schema().keyspace(keyspace).is_err()
            {
                let name = Identifier::exact(keyspace);
                let create = format!(
                    "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
                );
                self.execute_schema(&create)?;
            }
            let is_present = |name: &QualifiedName| {
                let keyspace = name.keyspace.as_ref().map(|name| name.as_str()).or(default.as_deref());
                keyspace.is_some_and(|keyspace| present.table(keyspace, name.name.as_str()).is_ok())
            };
            if let Statement::AlterTable(alter) = statement
                && is_present(&alter.name)
            {
                continue;
            }
            match self.inner.apply_schema(statement, default.as_deref()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The name that a statement creates in a keyspace.
fn created_in(statement: &Statement) -> Option<&QualifiedName> {
    match statement {
        Statement::CreateTable(create) => Some(&create.name),
        Statement::CreateType(create) => Some(&create.name),
        Statement::CreateView(create) => Some(&create.name),
        _ => None,
    }
}

impl Options {
    /// Opens the SSTables in `dir` as a table, with the disk, the clock and the cache of these options.
    ///
    /// # Errors
    /// As [`Database::open_sstables`].
    pub fn open_sstables(
        self,
        dir: impl AsRef<Path>,
        schema: &str,
        keyspace: &str,
        table: &str,
    ) -> Result<Table> {
        let dir = dir.as_ref();
        let options = self.read_only(true).create_if_missing(false).background(Background::Manual);
        let cache = Arc::new(ChunkCache::new(options.cache_bytes));
        let sstables = open_all(&options.disk, dir, &cache)?;
        let types = HeaderTypes::of(&sstables);
        let loaded = Catalog::parse_lenient(schema, &|keyspace, name| types.find(keyspace, name))
            .map_err(|error| error.context("the schema"))?;
        for warning in &loaded.warnings {
            tracing::warn!(warning, "the schema");
        }
        let def = loaded.catalog.table(keyspace, table).map_err(|error| {
            let known: Vec<String> =
                loaded.catalog.tables().map(|t| format!("{}.{}", t.keyspace(), t.name())).collect();
            let known = if known.is_empty() { "no table".to_owned() } else { known.join(", ") };
            Error::new(ErrorKind::NotFound, format!("{error}; the schema defines {known}"))
        })?;
        let core = Arc::new(core(dir, def, sstables)?);
        let inner = Inner::new(Parts::of_table(dir, options, loaded.catalog, &core, cache));
        Ok(Table::new(Database::from_inner(Arc::new(inner)), core))
    }
}

/// Opens every SSTable in a directory, in the order of their ids.
fn open_all(disk: &Arc<dyn Disk>, dir: &Path, cache: &Arc<ChunkCache>) -> Result<Vec<Arc<SsTable>>> {
    let mut folder = Folder::read(&**disk, dir)?;
    if let Some(refused) = folder.listing.refused.pop() {
        return Err(refused.into());
    }
    // Without Data.db it is a rest of a table that was being removed.
    let present = folder.tables().filter(|found| found.components.contains(&Component::Data));
    let mut opened = Vec::new();
    for (number, found) in (0..).zip(present) {
        let options = OpenOptions {
            chunk_cache: cache.clone(),
            cached_file: CachedFile(number),
            page_checksums: PageVerification::Check,
        };
        let sstable = SsTable::open(disk, &found.descriptor, options)?;
        if *sstable.partitioner() != Partitioner::Murmur3 {
            let text = format!(
                "{}: written by a node with the {:?} partitioner, and only Murmur3Partitioner's order is read here; \
                 `helenus sstable dump` reads any",
                found.descriptor.path(&Component::Data).display(),
                sstable.partitioner()
            );
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        opened.push(sstable);
    }
    if opened.is_empty() {
        let text = format!("{} holds no SSTables (files named like da-1-bti-Data.db)", dir.display());
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    Ok(opened)
}

/// User types as the SSTables' headers spell them out.
struct HeaderTypes {
    by_name: BTreeMap<(String, String), UserType>,
}

impl HeaderTypes {
    fn of(sstables: &[Arc<SsTable>]) -> Self {
        let mut types = Self { by_name: BTreeMap::new() };
        for header in sstables.iter().map(|sstable| sstable.header()) {
            types.add(&header.key_type);
            header.clustering.types().iter().for_each(|ty| types.add(ty));
            let columns = header.statics.as_slice().iter().chain(header.regulars.as_slice());
            columns.for_each(|column| types.add(&column.ty));
        }
        types
    }

    fn add(&mut self, ty: &Type) {
        let mut found = Vec::new();
        user_types_in(ty, &mut found);
        for definition in found {
            definition.fields.iter().for_each(|(_, field)| self.add(field));
            let place = (definition.keyspace.clone(), definition.name.clone());
            // Types only grow: the longest is the newest.
            let known = self.by_name.entry(place).or_insert_with(|| definition.clone());
            if known.fields.len() < definition.fields.len() {
                *known = definition.clone();
            }
        }
    }

    fn find(&self, keyspace: &str, name: &str) -> Option<Type> {
        let exact = self.by_name.get(&(keyspace.to_owned(), name.to_owned()));
        // The schema may have been given another keyspace than the files were written in.
        let any = || self.by_name.values().find(|definition| definition.name == name);
        exact.or_else(any).map(|definition| Type::udt(definition.clone()))
    }
}

/// The table over those SSTables.
fn core(dir: &Path, def: &TableDef, sstables: Vec<Arc<SsTable>>) -> Result<TableCore> {
    let state = TableState {
        read_only: Some("it is a directory of SSTables, not a database"),
        ..def.state(EncodingBase::EPOCH, 0)
    };
    let state = Arc::new(state);
    let mut live = Vec::with_capacity(sstables.len());
    for (number, sstable) in (1..).zip(sstables) {
        check_fits(&state.schema, &state.header, &sstable)?;
        live.push(LiveTable::new(Generation(number), 0, 0, sstable, &state));
    }
    Ok(TableCore::new(def.id(), TableTag(0), dir.to_owned(), state, live))
}

/// Refuses an SSTable whose columns are not the table's: reading it by this schema would show nonsense, or nothing.
fn check_fits(schema: &TableSchema, header: &Header, sstable: &SsTable) -> Result<()> {
    let refuse = |what: &str, theirs: &str, ours: &str| {
        let text = format!(
            "{}: {what} is {theirs} in the file and {ours} in the schema of {}.{}; give the schema that the file was \
             written by",
            sstable.descriptor().path(&Component::Statistics).display(),
            schema.keyspace(),
            schema.name()
        );
        Err(Error::invalid(text))
    };
    let theirs = sstable.header();
    if !reads_cells_of(&header.key_type, &theirs.key_type) {
        let names = |ty: &Type| match ty {
            Type::Composite(types) => names(types),
            single => single.cql_name(),
        };
        return refuse("the partition key", &names(&theirs.key_type), &names(&header.key_type));
    }
    let (clustering, ours) = (theirs.clustering.types(), header.clustering.types());
    let is_same =
        |(new, old): (&Type, &Type)| new.is_reversed() == old.is_reversed() && reads_cells_of(new, old);
    if clustering.len() != ours.len() || !ours.iter().zip(clustering).all(is_same) {
        return refuse("the clustering", &names(clustering), &names(ours));
    }
    for (is_static, columns) in [(true, &theirs.statics), (false, &theirs.regulars)] {
        for column in columns.as_slice() {
            let what = format!("column {}", column.name);
            let find =
                |columns: &Columns| columns.index_of(&column.name).and_then(|at| columns.get(at)).cloned();
            let dropped =
                schema.dropped_column(&column.name).filter(|dropped| dropped.is_static == is_static);
            match find(header.columns(is_static)) {
                _ if dropped.is_some() => {}
                Some(ours) if reads_cells_of(&ours.ty, &column.ty) => {}
                Some(ours) => return refuse(&what, &column.ty.cql_name(), &ours.ty.cql_name()),
                None if find(header.columns(!is_static)).is_some() => {
                    let kinds = if is_static { ("static", "not static") } else { ("not static", "static") };
                    return refuse(&what, kinds.0, kinds.1);
                }
                None => {
                    return refuse(
                        &what,
                        &column.ty.cql_name(),
                        "missing (a dropped column has to be defined and dropped there)",
                    );
                }
            }
        }
    }
    Ok(())
}

fn names(types: &[Type]) -> String {
    let name = |ty: &Type| format!("{}{}", ty.cql_name(), if ty.is_reversed() { " DESC" } else { "" });
    let names: Vec<String> = types.iter().map(name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
