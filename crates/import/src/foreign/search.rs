//! Whose SSTables lie in which directory, by the schema that is there.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_cql_syntax::{Statement, parse_statements};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_io::{Disk, read_to_vec};
use helenus_schema::{Catalog, TableDef};
use helenus_sstable::{DataFile, PageVerification};
use helenus_types::{TableId, Type};

use super::header_types::HeaderTypes;
use super::layout::{Layout, Place, SYSTEM_SCHEMA};
use super::node_schema::{NodeSchema, UnreadTable};
use super::options::ForeignOptions;

/// The longest `schema.cql` that is read, in bytes.
const MAX_SCHEMA_BYTES: usize = 64 << 20;

/// Whose SSTables a directory holds.
pub(super) enum Whose {
    Table(TableId),
    /// It is of a table that can't be read.
    Unread(UnreadTable),
    /// It is of no table, for that reason.
    Nobody(String),
}

/// The table that a directory is of: by its identity, or by its name if its path has no identity.
fn def_of<'a>(place: &Place, catalog: &'a Catalog) -> Option<&'a Arc<TableDef>> {
    match place.id {
        Some(id) => catalog.table_by_id(id),
        None => catalog.table(place.keyspace.as_deref()?, place.table.as_deref()?).ok(),
    }
}

/// The same if the schema is that of these files, whatever the directory's name: a copy may have
/// any, and a schema that was written by hand has no identity.
fn def_of_given<'a>(place: &Place, catalog: &'a Catalog, is_only: bool) -> Option<&'a Arc<TableDef>> {
    let named = || catalog.table(place.keyspace.as_deref()?, place.table.as_deref()?).ok();
    // The schema of a view begins with its table.
    let views = || catalog.tables().filter(|def| def.view().is_some());
    let only = || views().next().or_else(|| catalog.tables().next());
    let is_single = catalog.tables().filter(|def| def.view().is_none()).count() == 1 && views().count() <= 1;
    def_of(place, catalog).or_else(named).or_else(|| only().filter(|_| is_only && is_single))
}

/// Puts the schema together from what there is.
pub(super) struct Search<'a> {
    options: &'a ForeignOptions,
    pub(super) catalog: Catalog,
    pub(super) warnings: Vec<String>,
    problems: Vec<UnreadTable>,
    has_node_schema: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(options: &'a ForeignOptions) -> Self {
        Self {
            options,
            catalog: Catalog::default(),
            warnings: Vec::new(),
            problems: Vec::new(),
            has_node_schema: false,
        }
    }

    /// Reads it, and returns for each place the table that it belongs to.
    pub(super) fn read_schemas(&mut self, layouts: &[Layout]) -> Result<Vec<Whose>> {
        let places: Vec<&Place> = layouts.iter().flat_map(|layout| &layout.places).collect();
        if let Some(schema) = &self.options.schema {
            let loaded = parse(self.options, schema, &places)?;
            self.warnings.extend(loaded.warnings);
            self.catalog = loaded.catalog;
            let whose = |place: &&Place| match def_of_given(place, &self.catalog, places.len() == 1) {
                Some(def) => Whose::Table(def.id()),
                None => Whose::Nobody("the schema that was given doesn't define its table".to_owned()),
            };
            return Ok(places.iter().map(whose).collect());
        }
        if places.iter().any(|place| !place.is_snapshot) {
            self.node_schema(layouts)?;
        }
        let mut found: Vec<Whose> = places.iter().map(|place| self.whose(place)).collect();
        // A view's snapshot defines the view alone: its table may be in another one, or in the
        // node's schema above.
        let unread = |whose: &Whose| matches!(whose, Whose::Unread(UnreadTable { of_view: true, .. }));
        for (place, whose) in places.iter().zip(&mut found).filter(|(_, whose)| unread(whose)) {
            if let Ok(Some(id)) = self.view(place, layouts) {
                *whose = Whose::Table(id);
            }
        }
        Ok(found)
    }

    /// Reads the schema of a view whose own doesn't define its table.
    fn view(&mut self, place: &Place, layouts: &[Layout]) -> Result<Option<TableId>> {
        let Some((_, text)) = own_text(&*self.options.disk, place)? else { return Ok(None) };
        let types = |_: &str, _: &str| None;
        let mut extended = self.catalog.clone();
        if extended.extend_lenient(&text, &types).is_err() {
            let Some(node) = self.read_node_schema(layouts)? else { return Ok(None) };
            extended = node.catalog;
        }
        let Some(def) = def_of(place, &extended) else { return Ok(None) };
        self.catalog.adopt(&extended, def)?;
        Ok(Some(def.id()))
    }

    fn whose(&mut self, place: &Place) -> Whose {
        if place.is_snapshot || !self.has_node_schema {
            // The snapshot itself describes the table best as of its time.
            return self.own_schema(place);
        }
        if let Some(def) = def_of(place, &self.catalog) {
            return Whose::Table(def.id());
        }
        match self.problems.iter().find(|problem| problem.id.is_some() && problem.id == place.id) {
            Some(unread) => Whose::Unread(unread.clone()),
            None => Whose::Nobody(
                "the node's schema has no table of this identity: it was dropped, or made again with another"
                    .to_owned(),
            ),
        }
    }

    /// Takes over what the node's schema says.
    fn node_schema(&mut self, layouts: &[Layout]) -> Result<()> {
        if let Some(node) = self.read_node_schema(layouts)? {
            self.has_node_schema = true;
            self.warnings.extend(node.warnings);
            self.problems.extend(node.problems);
            self.catalog = node.catalog;
        }
        Ok(())
    }

    /// Reads `system_schema` where it is.
    fn read_node_schema(&self, layouts: &[Layout]) -> Result<Option<NodeSchema>> {
        let disk = &*self.options.disk;
        let mut dirs: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let roots: BTreeSet<&PathBuf> = layouts.iter().filter_map(|l| l.data_dir.as_ref()).collect();
        for root in roots {
            let path = root.join(SYSTEM_SCHEMA);
            if !disk.exists(&path)? {
                continue;
            }
            for entry in disk.list(&path)?.iter().filter(|entry| entry.is_dir()) {
                let name = entry.utf8().unwrap_or_default();
                let table = name.rsplit_once('-').map_or(name, |(table, _)| table);
                dirs.entry(table.to_owned()).or_default().push(path.join(name));
            }
        }
        if dirs.is_empty() {
            return Ok(None);
        }
        NodeSchema::read(self.options, &dirs).map(Some).map_err(|error| error.context("the node's schema"))
    }

    /// Reads the `schema.cql` in a directory, or the one of its newest snapshot.
    fn own_schema(&mut self, place: &Place) -> Whose {
        let reason = match self.adopt_own_schema(place) {
            Ok(Some(id)) => return Whose::Table(id),
            Ok(None) => "its schema is not known: there is no system_schema with SSTables beside it and no schema.cql \
                         of a snapshot in it; give one, `DESCRIBE TABLE … WITH INTERNALS` prints it"
                .to_owned(),
            Err(error) => error.to_string(),
        };
        Whose::Unread(UnreadTable {
            keyspace: place.keyspace.clone().unwrap_or_default(),
            name: place.table.clone().unwrap_or_default(),
            id: place.id,
            of_view: self.is_view(place),
            reason,
        })
    }

    /// Whether a directory's own schema defines a view, if its text can be understood.
    fn is_view(&self, place: &Place) -> bool {
        let text = own_text(&*self.options.disk, place).ok().flatten();
        let statements = text.and_then(|(_, text)| parse_statements(&text).ok()).unwrap_or_default();
        statements.iter().any(|statement| matches!(statement.node, Statement::CreateView(_)))
    }

    fn adopt_own_schema(&mut self, place: &Place) -> Result<Option<TableId>> {
        let Some((path, text)) = own_text(&*self.options.disk, place)? else { return Ok(None) };
        let loaded = parse(self.options, &text, &[place]).map_err(|e| e.context(path.display()))?;
        self.warnings.extend(loaded.warnings);
        let Some(def) = def_of_given(place, &loaded.catalog, true) else {
            let text = format!("{}: it doesn't define the table of this directory", path.display());
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        self.catalog.adopt(&loaded.catalog, def)?;
        Ok(Some(def.id()))
    }
}

/// The schema in a directory, and its file.
fn own_text(disk: &dyn Disk, place: &Place) -> Result<Option<(PathBuf, String)>> {
    let Some(path) = newest_schema(disk, place)? else { return Ok(None) };
    let bytes = read_to_vec(disk, &path, MAX_SCHEMA_BYTES)?;
    Ok(Some((path, String::from_utf8_lossy(&bytes).into_owned())))
}

/// The `schema.cql` of a directory, or of its snapshot whose manifest has the latest time.
fn newest_schema(disk: &dyn Disk, place: &Place) -> Result<Option<PathBuf>> {
    let own = place.path.join("schema.cql");
    if disk.exists(&own)? {
        return Ok(Some(own));
    }
    let snapshots = place.path.join("snapshots");
    if !disk.exists(&snapshots)? {
        return Ok(None);
    }
    let mut newest: Option<(String, PathBuf)> = None;
    for entry in disk.list(&snapshots)?.iter().filter(|entry| entry.is_dir()) {
        let dir = snapshots.join(&entry.name);
        let path = dir.join("schema.cql");
        if disk.exists(&path)? {
            let made = created_at(disk, &dir.join("manifest.json")).unwrap_or_default();
            if newest.as_ref().is_none_or(|(at, _)| *at <= made) {
                newest = Some((made, path));
            }
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// When a snapshot was made, as its `manifest.json` writes it:
/// `"created_at" : "2026-11-22T20:10:45.602Z"`, which sorts by time.
fn created_at(disk: &dyn Disk, manifest: &Path) -> Option<String> {
    let bytes = read_to_vec(disk, manifest, MAX_SCHEMA_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (_, rest) = text.split_once("\"created_at\"")?;
    let mut parts = rest.split('"');
    parts.next().filter(|between| between.trim() == ":")?;
    parts.next().map(str::to_owned)
}

/// Reads a schema; types that it doesn't define are taken from the SSTables of those places.
fn parse(options: &ForeignOptions, text: &str, places: &[&Place]) -> Result<helenus_schema::LoadedSchema> {
    let types = OnceCell::new();
    Catalog::parse_lenient(text, &|keyspace: &str, name: &str| -> Option<Type> {
        types.get_or_init(|| header_types(options, places)).find(keyspace, name)
    })
    .map_err(|error| error.context("the schema").into())
}

fn header_types(options: &ForeignOptions, places: &[&Place]) -> HeaderTypes {
    let found = places.iter().flat_map(|place| &place.directory.sstables);
    // An unreadable file is reported when its table is opened.
    let opened = found.filter_map(|present| {
        DataFile::open(&options.disk, &present.found.descriptor, PageVerification::Skip).ok()
    });
    let headers: Vec<_> = opened.map(|file| file.header().clone()).collect();
    HeaderTypes::of(headers.iter().map(|header| &**header))
}
