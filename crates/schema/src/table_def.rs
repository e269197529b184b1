//! A table as the catalog keeps it.

use std::sync::Arc;

use helenus_cql_syntax::{ColumnMask, CreateIndex, CreateView};
use helenus_rows::{ColumnKind, CompactStorage, DroppedColumn, TableSchema};
use helenus_types::{TableId, Type};

use super::options::TableOptions;
use crate::error::{CatalogError, Result};

const HAS_VIEWS: &str = "materialized views are made of the table, and nothing keeps them up here: it can only be read \
                         until they are dropped (DROP MATERIALIZED VIEW)";
const IS_COMPACT: &str = "a table with COMPACT STORAGE can't be written, only read";
const IS_VIEW: &str = "a materialized view can't be written, only read";

/// A table or a view.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDef {
    /// The schema for the storage, which has the columns.
    pub(super) schema: Arc<TableSchema>,
    /// What the storage does without: the order in which the columns were defined, and their masks.
    pub(super) defined: Vec<(Arc<str>, Option<ColumnMask>)>,
    pub(super) options: Arc<TableOptions>,
    pub(super) indexes: Vec<CreateIndex>,
    pub(super) view: Option<ViewDef>,
    /// Whether views are made from this table.
    pub(super) has_views: bool,
    /// The keyspace's `durable_writes`.
    pub(super) durable_writes: bool,
}

/// A column as it was defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: Arc<str>,
    /// Its type; reversed for a clustering column in descending order.
    pub ty: Type,
    /// Its role.
    pub kind: ColumnKind,
    /// Place among the key columns of its kind; 0 for others.
    pub position: usize,
    /// `MASKED WITH …`, kept and never acted upon.
    pub mask: Option<ColumnMask>,
}

/// The definition of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDef {
    /// The table that it is made from, in the same keyspace.
    pub base: Arc<str>,
    /// Its statement, without options.
    pub statement: CreateView,
    /// Whether its primary key has a column that isn't in its table's
    /// (`View.enforceStrictLiveness`).
    pub strict_liveness: bool,
}

impl TableDef {
    /// A table with those columns and nothing else.
    pub fn new(
        keyspace: Arc<str>,
        name: Arc<str>,
        id: TableId,
        columns: Vec<TableColumn>,
        options: Arc<TableOptions>,
        durable_writes: bool,
    ) -> Result<Self> {
        let schema = storage_schema(keyspace, name, id, &columns)?;
        Ok(Self {
            schema: Arc::new(schema),
            defined: defined(columns),
            options,
            indexes: Vec::new(),
            view: None,
            has_views: false,
            durable_writes,
        })
    }

    /// The same table with other columns.
    pub(super) fn with_columns(
        &self,
        columns: Vec<TableColumn>,
        dropped: Vec<DroppedColumn>,
    ) -> Result<Self> {
        let (mut columns, mut dropped) = (columns, dropped);
        // The text of the schema adds what was dropped before at its end, by name (see print.rs).
        dropped.sort_by(|a, b| a.name.cmp(&b.name));
        columns.sort_by_cached_key(|column| {
            dropped.iter().any(|d| d.name == column.name).then(|| column.name.clone())
        });
        let schema = storage_schema(self.keyspace().clone(), self.name().clone(), self.id(), &columns)?;
        let schema = schema.with_dropped(dropped).with_strict_liveness(self.schema.strict_liveness());
        let schema = schema.with_compact(self.schema.compact());
        Ok(Self { schema: Arc::new(schema), defined: defined(columns), ..self.clone() })
    }

    /// The same table without what would have to be kept up when it is written.
    pub(super) fn without_views(&self) -> Self {
        Self { has_views: false, ..self.clone() }
    }

    /// The same table, with compact storage or without.
    pub(super) fn with_compact(mut self, compact: Option<CompactStorage>) -> Self {
        self.schema = Arc::new(TableSchema::clone(&self.schema).with_compact(compact));
        self
    }

    /// The same table as a view.
    pub(super) fn into_view(mut self, view: ViewDef) -> Self {
        let schema = TableSchema::clone(&self.schema).with_strict_liveness(view.strict_liveness);
        self.schema = Arc::new(schema);
        self.view = Some(view);
        self
    }

    /// The schema for the storage.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// Name of its keyspace.
    pub fn keyspace(&self) -> &Arc<str> {
        self.schema.keyspace()
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        self.schema.name()
    }

    /// Its identity.
    pub fn id(&self) -> TableId {
        self.schema.id()
    }

    /// Its columns in the order of their definition; those that were dropped and added again come
    /// last.
    pub fn columns(&self) -> Vec<TableColumn> {
        self.defined.iter().map(|(name, mask)| self.described(name, mask)).collect()
    }

    /// The names of its columns in the same order.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.defined.iter().map(|(name, _)| &**name)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<TableColumn> {
        let (name, mask) = self.defined.iter().find(|(defined, _)| **defined == *name)?;
        Some(self.described(name, mask))
    }

    fn described(&self, name: &Arc<str>, mask: &Option<ColumnMask>) -> TableColumn {
        let found = self.schema.column(name);
        let typed =
            found.and_then(|(kind, index)| Some((kind, index, self.schema.column_type(kind, index)?)));
        let Some((kind, index, ty)) = typed else { unreachable!("the schema has every column") };
        let position = if is_key(kind) { index } else { 0 };
        TableColumn { name: name.clone(), ty: ty.clone(), kind, position, mask: mask.clone() }
    }

    /// Its options.
    pub fn options(&self) -> &Arc<TableOptions> {
        &self.options
    }

    /// Its indexes, by name: kept, none of them built. Nothing that is written goes into one, and
    /// no read goes by one; a node that gets the table's SSTables and schema builds them.
    pub fn indexes(&self) -> &[CreateIndex] {
        &self.indexes
    }

    /// The view's definition, if it is a view.
    pub fn view(&self) -> Option<&ViewDef> {
        self.view.as_ref()
    }

    /// Whether its columns are counters, or were before they were dropped.
    pub fn is_counter(&self) -> bool {
        self.schema.is_counter() || self.schema.dropped().iter().any(|column| column.ty.is_counter())
    }

    /// Whether writes to it go through the log (a property of its keyspace).
    pub fn durable_writes(&self) -> bool {
        self.durable_writes
    }

    /// The reason why it can't be written, if there is one.
    pub fn read_only(&self) -> Option<&'static str> {
        match self {
            Self { view: Some(_), .. } => Some(IS_VIEW),
            Self { schema, .. } if schema.compact().is_some() => Some(IS_COMPACT),
            Self { has_views: true, .. } => Some(HAS_VIEWS),
            _ => None,
        }
    }

    /// `keyspace.table`, for messages.
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.keyspace(), self.name())
    }
}

/// Whether a column is part of the primary key.
pub(super) fn is_key(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::PartitionKey | ColumnKind::Clustering)
}

fn defined(columns: Vec<TableColumn>) -> Vec<(Arc<str>, Option<ColumnMask>)> {
    columns.into_iter().map(|column| (column.name, column.mask)).collect()
}

fn storage_schema(
    keyspace: Arc<str>,
    name: Arc<str>,
    id: TableId,
    columns: &[TableColumn],
) -> Result<TableSchema> {
    // Key columns are defined in any order; their place in the key counts.
    let mut ordered: Vec<_> = columns.iter().collect();
    ordered.sort_by_key(|column| column.position);
    let columns = ordered.into_iter().map(|column| (column.name.clone(), column.ty.clone(), column.kind));
    TableSchema::new(keyspace, name, id, columns.collect()).map_err(CatalogError::from)
}
