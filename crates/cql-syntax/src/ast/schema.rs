//! Statements of the data definition language.

use std::borrow::Cow;

use super::{CqlType, Identifier, Literal, Order, QualifiedName, Relation, Selection, Term};

/// One option: `name = value`. The parser refuses an option that is given twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Property {
    /// The name, in lower case unless it was quoted.
    pub name: Identifier,
    pub value: PropertyValue,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyValue {
    /// A constant.
    Literal(Literal),
    /// A word, folded to lower case.
    Word(Identifier),
    /// `{'key': 'value', …}`; no key is given twice.
    Map(Vec<(Literal, Literal)>),
}

/// `CREATE KEYSPACE [IF NOT EXISTS] name WITH properties`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateKeyspace {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The keyspace.
    pub name: Identifier,
    /// `replication` and `durable_writes`; at least one.
    pub properties: Vec<Property>,
}

/// `ALTER KEYSPACE [IF EXISTS] name WITH properties`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace.
    pub name: Identifier,
    /// The options to change; at least one.
    pub properties: Vec<Property>,
}

/// `DROP KEYSPACE [IF EXISTS] name`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace.
    pub name: Identifier,
}

/// `DROP TYPE | TABLE | INDEX | MATERIALIZED VIEW [IF EXISTS] name`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropObject {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The name of the dropped object.
    pub name: QualifiedName,
}

/// `CREATE TYPE [IF NOT EXISTS] name (field type, …)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateType {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The type.
    pub name: QualifiedName,
    /// At least one.
    pub fields: Vec<FieldDefinition>,
}

/// A field of a user defined type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct FieldDefinition {
    pub name: Identifier,
    pub cql_type: CqlType,
}

/// `old TO new`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name before.
    pub from: Identifier,
    /// The name after.
    pub to: Identifier,
}

/// `ALTER TYPE [IF EXISTS] name …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterType {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The type.
    pub name: QualifiedName,
    /// The change.
    pub action: AlterTypeAction,
}

/// The change that `ALTER TYPE` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterTypeAction {
    /// `ADD [IF NOT EXISTS] field type`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// The new field.
        field: FieldDefinition,
    },
    /// `RENAME [IF EXISTS] a TO b AND …`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// At least one.
        renames: Vec<Rename>,
    },
    /// `ALTER field TYPE type`, which Cassandra parses to refuse it.
    Alter(FieldDefinition),
}

/// `CREATE TABLE [IF NOT EXISTS] name (columns, PRIMARY KEY (…)) WITH options`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTable {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The table.
    pub name: QualifiedName,
    /// In the order of the statement.
    pub columns: Vec<ColumnDefinition>,
    /// The primary keys, of which a table has exactly one; `PRIMARY KEY` after a column and as a
    /// clause of its own give the same tree.
    pub primary_keys: Vec<PrimaryKey>,
    /// The options after `WITH`.
    pub options: TableOptions,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct ColumnDefinition {
    pub name: Identifier,
    pub cql_type: CqlType,
    /// `STATIC`
    pub is_static: bool,
    /// `MASKED WITH …`
    pub mask: Option<ColumnMask>,
}

/// The mask of a column for users without the permission to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnMask {
    /// `MASKED WITH DEFAULT`
    Default,
    /// `MASKED WITH function(arguments)`
    Function {
        /// The function.
        name: QualifiedName,
        /// Its arguments after the column.
        arguments: Vec<Term>,
    },
}

/// `PRIMARY KEY ((a, b), c, d)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryKey {
    /// At least one column.
    pub partition_key: Vec<Identifier>,
    /// The clustering columns.
    pub clustering: Vec<Identifier>,
}

/// The options of a table or a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// `COMPACT STORAGE`
    pub compact_storage: bool,
    /// `CLUSTERING ORDER BY (column direction, …)`; empty where not given.
    pub clustering_order: Vec<(Identifier, Order)>,
    /// All other options, in the order of the statement; the identity of the table is the one named
    /// `id`.
    pub properties: Vec<Property>,
}

/// `ALTER TABLE [IF EXISTS] name …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterTable {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The table.
    pub name: QualifiedName,
    /// The change.
    pub action: AlterTableAction,
}

/// The change that `ALTER TABLE` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum AlterTableAction {
    /// `ADD [IF NOT EXISTS] column type [STATIC], …`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// At least one.
        columns: Vec<ColumnDefinition>,
    },
    /// `DROP [IF EXISTS] column, … [USING TIMESTAMP n]`
    Drop {
        /// `IF EXISTS`
        if_exists: bool,
        /// At least one.
        columns: Vec<Identifier>,
        /// When they were dropped, in microseconds since 1970.
        timestamp_us: Option<i64>,
    },
    /// `RENAME [IF EXISTS] a TO b AND …`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// At least one.
        renames: Vec<Rename>,
    },
    /// `ALTER column TYPE type`, which Cassandra parses to refuse it.
    AlterType { column: Identifier, cql_type: CqlType },
    /// `ALTER [IF EXISTS] column MASKED WITH …` or, without a mask,
    /// `ALTER [IF EXISTS] column DROP MASKED`
    Mask {
        /// `IF EXISTS`
        if_exists: bool,
        column: Identifier,
        /// The new mask.
        mask: Option<ColumnMask>,
    },
    /// `DROP COMPACT STORAGE`
    DropCompactStorage,
    /// `WITH properties`
    With(Vec<Property>),
}

/// `CREATE [CUSTOM] INDEX [IF NOT EXISTS] [name] ON table (targets) [USING 'class'] [WITH properties]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct CreateIndex {
    /// `CUSTOM`
    pub custom: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The index; the engine names it where this is absent.
    pub name: Option<Identifier>,
    pub table: QualifiedName,
    /// The indexed columns; may be empty for a custom index.
    pub targets: Vec<IndexTarget>,
    /// The class that implements it, or a short name of one.
    pub class: Option<String>,
    /// The properties after `WITH`; Cassandra knows `options`.
    pub properties: Vec<Property>,
}

/// The indexed part of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct IndexTarget {
    /// The part of the column.
    pub kind: IndexTargetKind,
    pub column: Identifier,
}

/// The part of a column that is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexTargetKind {
    /// `column`: its values.
    Simple,
    /// `keys(column)`
    Keys,
    /// `values(column)`
    Values,
    /// `entries(column)`
    Entries,
    /// `full(column)`
    Full,
}

/// `CREATE MATERIALIZED VIEW [IF NOT EXISTS] name AS SELECT … FROM … WHERE … PRIMARY KEY (…) WITH options`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateView {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The view.
    pub name: QualifiedName,
    /// The columns of the base table that the view has.
    pub selection: Selection,
    /// The table it is made from.
    pub base: QualifiedName,
    /// All must hold.
    pub where_clause: Vec<Relation>,
    /// Its primary key.
    pub primary_key: PrimaryKey,
    /// The options after `WITH`.
    pub options: TableOptions,
}

/// `ALTER MATERIALIZED VIEW [IF EXISTS] name WITH properties`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterView {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The view.
    pub name: QualifiedName,
    /// The options to change; at least one.
    pub properties: Vec<Property>,
}

impl PropertyValue {
    /// The text of a constant or a word, as options are read: `5`, `'5'` and `$$5$$` are the same.
    /// A map has none.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Literal(literal) => Some(literal.raw_text()),
            Self::Word(word) => Some(word.as_str().into()),
            Self::Map(_) => None,
        }
    }

    /// The texts of the keys and values of a map, in the order of the statement. What is not a map
    /// has none.
    pub fn entries(&self) -> Option<impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)>> {
        match self {
            Self::Map(entries) => Some(entries.iter().map(|(key, value)| (key.raw_text(), value.raw_text()))),
            Self::Literal(_) | Self::Word(_) => None,
        }
    }
}

impl TableOptions {
    /// Whether nothing follows `WITH`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.compact_storage && self.clustering_order.is_empty() && self.properties.is_empty()
    }

    /// The value of the option `name` (lower case).
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&PropertyValue> {
        self.properties.iter().find(|property| property.name == name).map(|property| &property.value)
    }
}
