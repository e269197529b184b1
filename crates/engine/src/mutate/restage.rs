//! Rows that were encoded early, staged after all: where a table's schema has changed since, where
//! their times would have another length, or where others of their batch must read first.

use std::sync::Arc;

use helenus_rows::{CellEvent, Op, RowRef, WriteMoment};
use helenus_types::DecodeError;

use super::options::WriteOptions;
use super::staged::{Change, Entry, Span, Staged, StagedCell, StagedOp, Target, column_index};
use crate::engine::MutationBuilder;

/// Stages what was encoded early.
#[cold]
pub(super) fn restage(staged: &mut Staged, builder: &mut MutationBuilder, tables: &[Entry]) {
    if let Some((moment, mutation)) = builder.early() {
        for update in &mutation.updates {
            let Some(table) = tables.iter().position(|entry| Arc::ptr_eq(&entry.state, &update.state)) else {
                unreachable!("rows are of tables of their batch")
            };
            let mut ops = mutation.ops_of(update);
            let key = staged.store(ops.key());
            let options = WriteOptions::default();
            let (table, token) = (column_index(table), update.token);
            loop {
                let row = match ops.next(&update.state.header) {
                    Ok(Some(Op::Row(row))) => row,
                    Ok(None) => break,
                    Ok(Some(_)) | Err(_) => unreachable!("rows alone are encoded early"),
                };
                let first = staged.cell_count();
                let Ok(target) = stage_row(staged, row, moment) else {
                    unreachable!("a row can be read that was written")
                };
                let last = staged.cell_count();
                staged.ops.push(StagedOp { table, token, key, target, first, last, options });
            }
        }
    }
    builder.clear();
}

/// Stages the cells of a row, in the order that they have.
fn stage_row(staged: &mut Staged, row: RowRef<'_>, moment: WriteMoment) -> Result<Target, DecodeError> {
    let mut cells = row.cells()?;
    let (insert, delete) = (!cells.liveness().is_empty(), !cells.deletion().is_live());
    while let Some(event) = cells.next()? {
        let cell = match event {
            CellEvent::Simple { column, cell } | CellEvent::Element { column, cell } => StagedCell {
                column: column_index(column),
                change: if cell.is_tombstone() { Change::Tombstone } else { Change::Value },
                path: staged.store(cell.path),
                value: staged.store(cell.value),
            },
            CellEvent::Complex { deletion, .. } if deletion.is_live() => continue,
            CellEvent::Complex { column, deletion, .. } => {
                let is_clear = deletion.marked_for_delete_at == moment.timestamp;
                let change = if is_clear { Change::Clear } else { Change::Overwrite };
                StagedCell {
                    column: column_index(column),
                    change,
                    path: Span::default(),
                    value: Span::default(),
                }
            }
        };
        staged.cells.push(cell);
    }
    if row.is_static() {
        return Ok(Target::Static);
    }
    Ok(Target::Row { clustering: staged.store(row.clustering), insert, delete })
}
