//! Tables `WITH COMPACT STORAGE`: how they are kept, and how they are shown
//! (`CreateTableStatement.addHiddenColumns`, `TableMetadata.CompactTableMetadata`).

use std::sync::Arc;

use helenus_rows::{ColumnKind, CompactStorage};
use helenus_types::Type;

use super::table_def::{TableColumn, TableDef};
use crate::error::{CatalogError, Result};

/// Makes of the columns that a definition names those that are kept.
pub(super) fn keep(columns: &mut Vec<TableColumn>, table: &str) -> Result<CompactStorage> {
    let refuse =
        |what: &str| Err(CatalogError::invalid(format!("table {table} with COMPACT STORAGE: {what}")));
    let regular = columns.iter().filter(|column| column.kind == ColumnKind::Regular).count();
    if columns.iter().any(|column| column.ty.is_multi_cell()) {
        return refuse("non-frozen collections and user types are not supported");
    }
    let counters = columns.iter().any(|column| column.ty.is_counter());
    if columns.iter().any(|column| column.kind == ColumnKind::Clustering) {
        if columns.iter().any(|column| column.kind == ColumnKind::Static) {
            return refuse("static columns are not supported");
        }
        match regular {
            0 => add(columns, "value", Type::Empty, ColumnKind::Regular),
            1 => {}
            _ => return refuse("clustering columns allow no more than one column outside the primary key"),
        }
        return Ok(CompactStorage::Dense);
    }
    if regular == 0 {
        return refuse("no column is outside the primary key");
    }
    columns
        .iter_mut()
        .filter(|column| column.kind == ColumnKind::Regular)
        .for_each(|column| column.kind = ColumnKind::Static);
    add(columns, "column1", Type::Text, ColumnKind::Clustering);
    add(columns, "value", if counters { Type::Counter } else { Type::Blob }, ColumnKind::Regular);
    Ok(CompactStorage::Static)
}

/// Adds a hidden column, under an unused name (`CompactTables.DefaultNames`).
fn add(columns: &mut Vec<TableColumn>, name: &str, ty: Type, kind: ColumnKind) {
    let base = name.trim_end_matches('1');
    let numbered = (1..).map(|number| format!("{base}{number}"));
    let names = std::iter::once(name.to_owned()).chain(numbered);
    let free = |name: &String| columns.iter().all(|column| *column.name != **name);
    let name: Arc<str> = names.into_iter().find(free).unwrap_or_default().into();
    columns.push(TableColumn { name, ty, kind, position: 0, mask: None });
}

/// The columns that the definition of a table names, as it names them.
pub(super) fn defined(table: &TableDef) -> Vec<TableColumn> {
    let schema = table.schema();
    let shown = |column: &TableColumn| match (schema.compact(), column.kind) {
        (Some(CompactStorage::Static), ColumnKind::Clustering) => false,
        (Some(_), ColumnKind::Regular) => schema.shows_regular(&column.ty),
        _ => true,
    };
    let mut columns: Vec<TableColumn> = table.columns().into_iter().filter(shown).collect();
    if schema.compact().is_some() {
        let statics = columns.iter_mut().filter(|column| column.kind == ColumnKind::Static);
        statics.for_each(|column| column.kind = ColumnKind::Regular);
    }
    columns
}
