//! `ALTER TABLE`.

use std::sync::Arc;

use helenus_cql_syntax::{
    AlterTable, AlterTableAction, ColumnDefinition, ColumnMask, CqlType, Identifier, Property, Rename,
};
use helenus_rows::{ColumnKind, DroppedColumn};
use helenus_types::{Timestamp, Type};

use super::apply::Applier;
use super::change::SchemaChange;
use super::index_classes::vector_warnings;
use super::names::check_column_name;
use super::options::TableOptions;
use super::options_given::GivenOptions;
use super::table_def::{TableColumn, TableDef, is_key};
use super::tables::{given_id, static_without_clustering};
use super::type_changes::{expand_user_types, reads_cells_of};
use super::type_statements::check_multi_cell_fields;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn alter_table(&mut self, statement: &AlterTable) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name = statement.name.name.as_str();
        let Some(table) = self.find_table(&keyspace, name) else {
            return self.missing(statement.if_exists, || format!("Table '{keyspace}.{name}' doesn't exist"));
        };
        if table.view.is_some() {
            return Err(CatalogError::invalid(
                "Cannot use ALTER TABLE on a materialized view; use ALTER MATERIALIZED VIEW instead",
            ));
        }
        match &statement.action {
            AlterTableAction::Add { if_not_exists, columns } => {
                self.add_columns(&table, *if_not_exists, columns)
            }
            AlterTableAction::Drop { if_exists, columns, timestamp_us } => {
                let at = timestamp_us.map_or(self.now, Timestamp);
                self.drop_columns(&table, *if_exists, columns, at)
            }
            AlterTableAction::Rename { if_exists, renames } => {
                self.rename_columns(&table, *if_exists, renames)
            }
            AlterTableAction::AlterType { .. } => {
                Err(CatalogError::invalid("Altering column types is no longer supported"))
            }
            AlterTableAction::Mask { if_exists, column, mask } => {
                self.check_mask(mask.as_ref())?;
                self.mask_column(&table, *if_exists, column, mask.as_ref())
            }
            AlterTableAction::DropCompactStorage if !self.rules.drop_compact_storage_enabled => Err(
                CatalogError::invalid("DROP COMPACT STORAGE is disabled. Enable in cassandra.yaml to use."),
            ),
            AlterTableAction::DropCompactStorage if table.schema().compact().is_some() => {
                self.put_altered(TableDef::clone(&table).with_compact(None), true)
            }
            AlterTableAction::DropCompactStorage => {
                Err(CatalogError::invalid("Cannot DROP COMPACT STORAGE on table without COMPACT STORAGE"))
            }
            AlterTableAction::With(properties) => self.alter_options(&table, properties),
        }
    }

    fn add_columns(
        &mut self,
        table: &TableDef,
        if_not_exists: bool,
        added: &[ColumnDefinition],
    ) -> Result<()> {
        let mut columns = table.columns();
        let mut adopted = Vec::new();
        for definition in added {
            let name = definition.name.as_str();
            let ty = self.resolve(table.keyspace(), &definition.cql_type, &mut adopted)?;
            if columns.iter().any(|column| *column.name == *name) {
                if if_not_exists {
                    continue;
                }
                let text = format!("Column with name '{}' already exists", definition.name);
                return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
            }
            if !self.reading {
                check_column_name(name)?;
            }
            check_added(table, definition, &ty)?;
            let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
            let mask = definition.mask.clone();
            columns.push(TableColumn { name: name.into(), ty, kind, position: 0, mask });
        }
        if columns.len() == table.columns().len() {
            return self.nothing();
        }
        self.adopt(table.keyspace(), adopted)?;
        let changed = table.with_columns(columns, table.schema().dropped().to_vec())?;
        if !self.reading {
            self.warnings.extend(vector_warnings(&changed));
        }
        self.put_altered(changed, true)
    }

    fn drop_columns(
        &mut self,
        table: &TableDef,
        if_exists: bool,
        names: &[Identifier],
        at: Timestamp,
    ) -> Result<()> {
        let mut columns = table.columns();
        let mut dropped = table.schema().dropped().to_vec();
        for name in names {
            let Some(position) = columns.iter().position(|column| *column.name == *name.as_str()) else {
                // The same name twice in one statement is one drop.
                if if_exists || table.column(name.as_str()).is_some() {
                    continue;
                }
                let text = format!("Column {name} was not found in table '{}'", table.full_name());
                return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
            };
            let column = columns.remove(position);
            self.check_droppable(table, name, &column)?;
            let former = dropped.iter().position(|d| d.name == column.name).map(|at| dropped.remove(at));
            dropped.push(DroppedColumn {
                name: column.name,
                ty: expand_user_types(&column.ty),
                is_static: column.kind == ColumnKind::Static,
                // Data that the former drop hid may be purged already, so it stays hidden.
                dropped_at: former.map_or(at, |former| former.dropped_at.max(at)),
            });
        }
        if columns.len() == table.columns().len() {
            return self.nothing();
        }
        self.put_altered(table.with_columns(columns, dropped)?, true)
    }

    fn check_droppable(&self, table: &TableDef, name: &Identifier, column: &TableColumn) -> Result<()> {
        if is_key(column.kind) {
            return Err(CatalogError::invalid(format!("Cannot drop PRIMARY KEY column {name}")));
        }
        if matches!(column.ty, Type::Udt { frozen: false, .. }) {
            return Err(CatalogError::invalid(format!(
                "Cannot drop non-frozen column {name} of user type {}",
                CqlType::of(&column.ty)
            )));
        }
        check_not_indexed(table, name, "Cannot drop")?;
        if table.has_views {
            return Err(CatalogError::invalid(format!(
                "Cannot drop column {name} on base table {} with materialized views",
                table.name()
            )));
        }
        Ok(())
    }

    fn rename_columns(&mut self, table: &Arc<TableDef>, if_exists: bool, renames: &[Rename]) -> Result<()> {
        let mut columns = table.columns();
        for Rename { from, to } in renames {
            let position = columns.iter().position(|column| *column.name == *from.as_str());
            let Some(column) = position.and_then(|at| columns.get(at)) else {
                // Cassandra refuses this with `IF EXISTS` as well; earlier releases did not.
                if if_exists && self.reading {
                    continue;
                }
                let text = format!("Undefined column name {from} in table {}", table.full_name());
                return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
            };
            if !is_key(column.kind) {
                return Err(CatalogError::invalid(format!("Cannot rename non PRIMARY KEY column {from}")));
            }
            if columns.iter().any(|column| *column.name == *to.as_str()) {
                return Err(CatalogError::new(
                    CatalogErrorKind::AlreadyExists,
                    format!(
                        "Cannot rename column {from} to {to} in table '{}'; another column with that name already exists",
                        table.full_name()
                    ),
                ));
            }
            if table.schema().dropped_column(to.as_str()).is_some() {
                return Err(CatalogError::invalid(format!(
                    "Cannot rename column {from} to {to} in table '{}'; a column of that name was dropped, and its \
                     cells may still be there",
                    table.full_name()
                )));
            }
            check_not_indexed(table, from, "Can't rename")?;
            if let Some(column) = position.and_then(|at| columns.get_mut(at)) {
                column.name = to.as_str().into();
            }
        }
        let changed = table.with_columns(columns, table.schema().dropped().to_vec())?;
        self.rename_in_views(table, renames)?;
        self.put_altered(changed, false)
    }

    fn mask_column(
        &mut self,
        table: &TableDef,
        if_exists: bool,
        name: &Identifier,
        mask: Option<&ColumnMask>,
    ) -> Result<()> {
        let mut columns = table.columns();
        let Some(column) = columns.iter_mut().find(|column| *column.name == *name.as_str()) else {
            return self.missing(if_exists, || {
                format!("Column with name '{name}' doesn't exist on table '{}'", table.name())
            });
        };
        column.mask = mask.cloned();
        if columns == table.columns() {
            return self.nothing();
        }
        self.put_altered(table.with_columns(columns, table.schema().dropped().to_vec())?, false)
    }

    fn alter_options(&mut self, table: &TableDef, properties: &[Property]) -> Result<()> {
        let options = self.altered_options(table, properties)?;
        if table.is_counter() && options.default_time_to_live > 0 {
            return Err(CatalogError::invalid("Cannot set default_time_to_live on a table with counters"));
        }
        if table.has_views && options.gc_grace_seconds == 0 {
            return Err(CatalogError::invalid(format!(
                "Cannot alter gc_grace_seconds of the base table of a materialized view to 0, {UNDELIVERED}"
            )));
        }
        if properties.iter().any(|property| property.name == "compaction") {
            self.warn_of_effect(&table.full_name(), &options);
        }
        self.put_altered(TableDef { options: Arc::new(options), ..table.clone() }, false)
    }

    /// The options of a table or view after a statement.
    pub(super) fn altered_options(&self, table: &TableDef, properties: &[Property]) -> Result<TableOptions> {
        let given = GivenOptions::read(properties, self.origin())?;
        given.check_known()?;
        if let Some(id) = properties.iter().find(|property| property.name == "id") {
            given_id(id)?;
            return Err(CatalogError::configuration("Cannot alter table id."));
        }
        table.options.altered(given)
    }

    /// Puts a changed table in its place, and carries the change into its views.
    pub(super) fn put_altered(&mut self, table: TableDef, columns_changed: bool) -> Result<()> {
        let (id, keyspace, name) = (table.id(), table.keyspace().clone(), table.name().clone());
        self.catalog.put_table(table)?;
        self.changes.push(SchemaChange::TableAltered { id, columns_changed });
        self.derive_views(&keyspace, &name)
    }
}

/// Why views need tombstones for a time.
pub(super) const UNDELIVERED: &str = "since this value is used to TTL undelivered updates. Setting gc_grace_seconds too \
                                      low might cause undelivered updates to expire before being replayed.";

/// Rejects columns that may not be added to the table.
fn check_added(table: &TableDef, definition: &ColumnDefinition, ty: &Type) -> Result<()> {
    let name = &definition.name;
    if definition.is_static && table.schema().clustering().is_empty() {
        return Err(static_without_clustering());
    }
    check_multi_cell_fields(&[(name.as_str(), ty)])?;
    if ty.is_counter() != table.is_counter() {
        let text = match ty.is_counter() {
            true => format!("Cannot have a counter column (\"{name}\") in a non counter table"),
            false => format!("Cannot have a non counter column (\"{name}\") in a counter table"),
        };
        return Err(CatalogError::configuration(format!("{}: {text}", table.full_name())));
    }
    let Some(dropped) = table.schema().dropped_column(name.as_str()) else { return Ok(()) };
    if !reads_cells_of(ty, &dropped.ty) {
        return Err(CatalogError::invalid(format!(
            "Cannot add a column '{name}' of type {}, incompatible with previously dropped column '{name}' of type {}",
            CqlType::of(ty),
            CqlType::of(&dropped.ty)
        )));
    }
    if dropped.is_static != definition.is_static {
        let kind = |is_static| if is_static { "STATIC" } else { "REGULAR" };
        return Err(CatalogError::invalid(format!(
            "Cannot re-add previously dropped column '{name}' of kind {}, incompatible with previous kind {}",
            kind(definition.is_static),
            kind(dropped.is_static)
        )));
    }
    if table.is_counter() {
        return Err(CatalogError::invalid(format!("Cannot re-add previously dropped counter column {name}")));
    }
    Ok(())
}

fn check_not_indexed(table: &TableDef, name: &Identifier, what: &str) -> Result<()> {
    let uses = |index: &&helenus_cql_syntax::CreateIndex| {
        // An index without targets may depend on any column.
        index.targets.is_empty() || index.targets.iter().any(|target| target.column == *name)
    };
    let indexes: Vec<_> = table.indexes.iter().filter(uses).filter_map(|index| index.name.as_ref()).collect();
    if indexes.is_empty() {
        return Ok(());
    }
    let indexes = indexes.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(CatalogError::invalid(format!(
        "{what} column {name} because it has dependent secondary indexes ({indexes})"
    )))
}
