//! Applies statements to a catalog: dispatch, and the parts that the statements share.

use std::sync::Arc;

use helenus_cql_syntax::{
    AlterTableAction, CqlType, Property, PropertyValue, QualifiedName, Statement, is_unreserved_keyword,
};
use helenus_sstable::CompressionParams;
use helenus_types::{TableId, Timestamp, Type, UserType};

use super::catalog::{Catalog, Keyspace};
use super::change::SchemaChange;
use super::events::{SchemaEvent, events};
use super::names::{MAX_NAME_CHARS, check_keyspace_name, check_modifiable};
use super::options_values::OptionSource;
use super::rules::SchemaRules;
use super::table_def::TableDef;
use super::warning::SchemaWarning;
use crate::error::{CatalogError, CatalogErrorKind, Result};

/// Inputs of a statement besides the catalog and its text.
#[expect(missing_debug_implementations, reason = "a function can't be shown")]
pub struct ApplyContext<'a> {
    /// When columns are dropped, where the statement doesn't say.
    pub now: Timestamp,
    /// Makes the identity of a table that brings none.
    pub new_id: &'a mut dyn FnMut() -> TableId,
    /// What the node's configuration decides.
    pub rules: SchemaRules,
}

/// A catalog after a statement, and what the statement did.
#[derive(Debug)]
pub struct Applied {
    /// The catalog after the statement.
    pub catalog: Catalog,
    /// The changes to carry out, and the warnings.
    pub outcome: SchemaOutcome,
    /// The statement in the form to be stored, empty if it changed nothing: after the text of the
    /// catalog before it, it makes a text from which [`Catalog::parse`] reads the catalog after it.
    pub record: String,
}

/// The effect of schema statements, as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaOutcome {
    /// The changes, in the order in which they are carried out; one [`SchemaChange::Nothing`] for a
    /// statement that changed nothing.
    pub changes: Vec<SchemaChange>,
    /// The same as a node tells it to its clients. Everything is named, also what is gone; a
    /// truncation is no event, nor is a statement that left everything as it was.
    pub events: Vec<SchemaEvent>,
    /// Differences between the request and its effect, in words.
    pub warnings: Vec<SchemaWarning>,
}

/// Gives a new table its identity.
pub(super) type NewId<'a> = &'a mut dyn FnMut(&str, &str) -> TableId;

/// Knows the user types that a file names and doesn't define, by keyspace and name.
pub(super) type HeaderTypes<'a> = &'a dyn Fn(&str, &str) -> Option<Type>;

/// A catalog that is being changed.
pub(super) struct Applier<'a> {
    pub(super) catalog: &'a mut Catalog,
    pub(super) default_keyspace: Option<Arc<str>>,
    pub(super) now: Timestamp,
    pub(super) new_id: NewId<'a>,
    /// Set for files of other programs: their omissions and additions are accepted.
    pub(super) lenient: Option<HeaderTypes<'a>>,
    /// Set when the whole schema is read: then functions are kept.
    pub(super) reading: bool,
    /// What the node's configuration decides.
    pub(super) rules: SchemaRules,
    pub(super) changes: Vec<SchemaChange>,
    pub(super) warnings: Vec<SchemaWarning>,
}

impl Catalog {
    /// The catalog after a statement of the data definition language, and what it changed.
    ///
    /// # Errors
    /// What Cassandra refuses, in its words; statements that don't define anything; a compressor
    /// that this build leaves out.
    pub fn apply(
        &self,
        statement: &Statement,
        default_keyspace: Option<&str>,
        context: ApplyContext<'_>,
    ) -> Result<Applied> {
        let mut catalog = self.clone();
        let ApplyContext { now, new_id, rules } = context;
        let mut applier = Applier {
            catalog: &mut catalog,
            default_keyspace: default_keyspace.map(Arc::from),
            now,
            new_id: &mut |_, _| new_id(),
            lenient: None,
            reading: false,
            rules,
            changes: Vec::new(),
            warnings: Vec::new(),
        };
        check_words(statement)?;
        applier.statement(statement)?;
        let Applier { changes, warnings, .. } = applier;
        self.check_compressors(&catalog, &changes)?;
        let record = catalog.record(statement, default_keyspace, now, &changes);
        let events = events(self, &catalog, &changes);
        Ok(Applied { catalog, outcome: SchemaOutcome { changes, events, warnings }, record })
    }

    /// Refuses tables that are to be compressed from now on by what this build leaves out.
    fn check_compressors(&self, after: &Self, changes: &[SchemaChange]) -> Result<()> {
        for change in changes {
            let (SchemaChange::TableCreated(id) | SchemaChange::TableAltered { id, .. }) = change else {
                continue;
            };
            let Some(table) = after.table_by_id(*id) else { continue };
            let compression = &table.options().compression;
            let before = self.table_by_id(*id);
            if before.is_some_and(|before| before.options().compression == *compression) {
                continue;
            }
            compression.as_ref().map_or(Ok(()), CompressionParams::check_available).map_err(|error| {
                CatalogError::with(CatalogErrorKind::Unsupported, error)
                    .context(format_args!("table {}", table.full_name()))
            })?;
        }
        Ok(())
    }
}

/// The class in the type that Cassandra doesn't have, if there is one.
fn unknown_class(ty: &Type) -> Option<&str> {
    match ty {
        Type::Custom(class) => Some(class),
        _ => ty.children().find_map(unknown_class),
    }
}

/// Rejects values of options that are words and none of the grammar's. Texts of schemas have them
/// from releases that took any.
fn check_words(statement: &Statement) -> Result<()> {
    let properties: &[Property] = match statement {
        Statement::CreateKeyspace(create) => &create.properties,
        Statement::AlterKeyspace(alter) => &alter.properties,
        Statement::CreateTable(create) => &create.options.properties,
        Statement::AlterTable(alter) => match &alter.action {
            AlterTableAction::With(properties) => properties,
            _ => &[],
        },
        Statement::CreateView(create) => &create.options.properties,
        Statement::AlterView(alter) => &alter.properties,
        Statement::CreateIndex(create) => &create.properties,
        _ => &[],
    };
    for Property { name, value } in properties {
        if let PropertyValue::Word(word) = value
            && !is_unreserved_keyword(word.as_str())
        {
            let word = word.as_str();
            let text = format!("the value of {name} is a constant or a map: '{word}' needs quotes");
            return Err(CatalogError::syntax(text));
        }
    }
    Ok(())
}

impl Applier<'_> {
    pub(super) fn statement(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::CreateKeyspace(statement) => self.create_keyspace(statement),
            Statement::AlterKeyspace(statement) => self.alter_keyspace(statement),
            Statement::DropKeyspace(statement) => self.drop_keyspace(statement),
            Statement::CreateType(statement) => self.create_type(statement),
            Statement::AlterType(statement) => self.alter_type(statement),
            Statement::DropType(statement) => self.drop_type(statement),
            Statement::CreateTable(statement) => self.create_table(statement),
            Statement::AlterTable(statement) => self.alter_table(statement),
            Statement::DropTable(statement) => self.drop_table(statement),
            Statement::Truncate(table) => self.truncate(table),
            Statement::CreateIndex(statement) => self.create_index(statement),
            Statement::DropIndex(statement) => self.drop_index(statement),
            Statement::CreateView(statement) => self.create_view(statement),
            Statement::AlterView(statement) => self.alter_view(statement),
            Statement::DropView(statement) => self.drop_view(statement),
            Statement::Use(keyspace) => self.use_keyspace(keyspace.as_str()),
            Statement::Other(text) => self.other(text),
            Statement::Select(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Batch(_)
            | Statement::Describe(_) => {
                Err(CatalogError::invalid("only statements that define a schema are allowed here"))
            }
        }
    }

    fn use_keyspace(&mut self, name: &str) -> Result<()> {
        if self.lenient.is_none() {
            self.catalog.keyspace(name)?;
        }
        self.default_keyspace = Some(name.into());
        self.nothing()
    }

    /// The keyspace that a name is in.
    pub(super) fn keyspace_of(&self, name: &QualifiedName) -> Result<Arc<str>> {
        let keyspace = self.keyspace_for_data(name)?;
        if self.lenient.is_none() {
            check_modifiable(&keyspace)?;
            check_keyspace_name(&keyspace, MAX_NAME_CHARS)?;
        }
        Ok(keyspace)
    }

    /// The keyspace that a name of something with data is in, which may be Cassandra's own.
    pub(super) fn keyspace_for_data(&self, name: &QualifiedName) -> Result<Arc<str>> {
        let given = name.keyspace.as_ref().map(|keyspace| keyspace.as_str().into());
        given.or_else(|| self.default_keyspace.clone()).ok_or_else(|| {
            CatalogError::invalid(format!("No keyspace has been specified: write keyspace.{}", name.name))
        })
    }

    /// Where the options of a statement stand.
    pub(super) fn origin(&self) -> OptionSource {
        if self.reading { OptionSource::Text } else { OptionSource::Statement }
    }

    /// The keyspace that something is to be created in.
    pub(super) fn keyspace_for_new(&mut self, name: &Arc<str>) -> Result<&Keyspace> {
        if self.lenient.is_some() && !self.catalog.keyspaces.contains_key(name) {
            self.create_default_keyspace(name)?;
        }
        self.catalog.keyspace(name)
    }

    /// The table or view of that name, if it is there.
    pub(super) fn find_table(&self, keyspace: &str, name: &str) -> Option<Arc<TableDef>> {
        self.catalog.keyspaces.get(keyspace)?.tables.get(name).cloned()
    }

    /// The storage's form of a type. Types that the header's callback knew are added to `adopted`.
    pub(super) fn resolve(&self, keyspace: &str, ty: &CqlType, adopted: &mut Vec<UserType>) -> Result<Type> {
        let types = self.catalog.keyspaces.get(keyspace).map(|definitions| &definitions.types);
        let found = std::cell::RefCell::new(Vec::new());
        let lookup = |name: &str| {
            if let Some(known) = types.and_then(|types| types.get(name)) {
                return Some(known);
            }
            match self.lenient?(keyspace, name)? {
                Type::Udt { definition, .. } => {
                    found.borrow_mut().push((*definition).clone());
                    Some(Type::Udt { definition, frozen: false })
                }
                other => Some(other),
            }
        };
        let resolved = ty.resolve(keyspace, &lookup)?;
        adopted.append(&mut found.into_inner());
        // Tables of others may have types that they brought along.
        match unknown_class(&resolved).filter(|_| !self.reading) {
            Some(class) => {
                let package = if class.contains('.') { "" } else { "org.apache.cassandra.db.marshal." };
                Err(CatalogError::syntax(format!(
                    "Error setting type {class}: Unable to find abstract-type class '{package}{class}'"
                )))
            }
            None => Ok(resolved),
        }
    }

    /// Adds types that a header knew to the keyspace.
    pub(super) fn adopt(&mut self, keyspace: &str, adopted: Vec<UserType>) -> Result<()> {
        if !adopted.is_empty() {
            let types = &mut self.catalog.keyspace_mut(keyspace)?.types;
            adopted.iter().for_each(|definition| types.adopt(definition));
        }
        Ok(())
    }

    /// Records that an `IF …` was not fulfilled.
    pub(super) fn nothing(&mut self) -> Result<()> {
        self.changes.push(SchemaChange::Nothing);
        Ok(())
    }

    /// Handles a statement about something that doesn't exist.
    pub(super) fn missing(&mut self, if_exists: bool, text: impl FnOnce() -> String) -> Result<()> {
        if if_exists { self.nothing() } else { Err(CatalogError::new(CatalogErrorKind::NotFound, text())) }
    }
}
