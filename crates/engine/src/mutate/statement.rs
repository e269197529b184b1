//! Statements in the making: what INSERT, UPDATE and DELETE have in common.

use std::cmp::Ordering;

use helenus_rows::{BoundKind, TableSchema};
use helenus_types::{EncodeValue, Type};

use super::batch::Batch;
use super::bind::{BindValue, Binding};
use super::columns::Place;
use super::condition::{Check, Comparison, Op, Outcome};
use super::errors::{column_problem, missing_clustering, table_problem};
use super::options::WriteOptions;
use super::staged::{Entry, Span, Staged, StagedBound, StagedCell, StagedOp, Target};
use super::workspace::Workspace;
use super::write::{commit, commit_checked, token_of};

use crate::error::{Error, Result};
use crate::key::{IntoKey, encode_clustering_prefix, encode_partition_key};
use crate::table::Table;

/// What a statement does beside its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Insert,
    Update,
    Delete,
}

/// A statement that collects its changes. What is wrong with it is told when it is executed.
#[derive(Debug)]
pub(super) struct Statement<'t> {
    table: &'t Table,
    kind: Kind,
    entry: Option<Entry>,
    workspace: Box<Workspace>,
    key: Span,
    clustering: Span,
    /// Number of clustering values that were given.
    clustering_len: usize,
    range: Option<(StagedBound, StagedBound)>,
    options: WriteOptions,
    error: Option<Error>,
}

impl<'t> Statement<'t> {
    pub(super) fn new(table: &'t Table, kind: Kind, key: impl IntoKey, clustering: impl IntoKey) -> Self {
        let mut statement = Self {
            table,
            kind,
            entry: None,
            workspace: table.db.inner.workspaces.take(),
            key: Span::default(),
            clustering: Span::default(),
            clustering_len: clustering.with_values(|values| values.len()),
            range: None,
            options: table.db.inner.write_options,
            error: None,
        };
        match Entry::new(&table.core) {
            Ok(entry) => statement.entry = Some(entry),
            Err(error) => statement.error = Some(error),
        }
        let encoded = statement.attempt(|schema, workspace| {
            let staged = &mut workspace.staged;
            key.with_values(|values| encode_partition_key(schema, values, &mut staged.bytes))?;
            let key = staged.span_from(0);
            let clustering = clustering.with_values(|values| stage_clustering(schema, values, staged))?;
            if kind == Kind::Insert && schema.is_counter() {
                return Err(table_problem(
                    schema,
                    "a table of counters has no INSERT: counters are incremented",
                ));
            }
            Ok((key, clustering))
        });
        (statement.key, statement.clustering) = encoded.unwrap_or_default();
        statement
    }

    /// Changes a column.
    pub(super) fn change(
        mut self,
        column: &str,
        f: impl FnOnce(&Place<'_>, &mut Staged) -> Result<()>,
    ) -> Self {
        self.attempt(|schema, workspace| {
            let place = Place::named(schema, column)?;
            let first = workspace.staged.cells.len();
            f(&place, &mut workspace.staged)?;
            let new = workspace.staged.cells.get(first..).unwrap_or_default();
            let whole = !place.column.complex || new.iter().any(|cell| cell.change.is_whole());
            let earlier = workspace.changes.iter().find(|(is_static, cell)| {
                (*is_static, cell.column) == (place.is_static, place.index)
                    && (whole || cell.change.is_whole())
            });
            if earlier.is_some() && !new.is_empty() {
                return Err(column_problem(schema, column, "the column is set twice in one statement"));
            }
            let new = workspace.staged.cells.drain(first..);
            workspace.changes.extend(new.map(|cell| (place.is_static, cell)));
            Ok(())
        });
        self
    }

    /// Bounds the range of rows that is deleted, by values that stand on that side of it.
    pub(super) fn bound(mut self, values: &[&dyn EncodeValue], kind: BoundKind) -> Self {
        let bound = self.attempt(|schema, workspace| {
            let size = u16::try_from(values.len()).unwrap_or(u16::MAX);
            Ok(StagedBound { kind, size, values: stage_clustering(schema, values, &mut workspace.staged)? })
        });
        if let Some(bound) = bound {
            let (start, end) = self.range.get_or_insert((OPEN_START, OPEN_END));
            *(if kind.opens() { start } else { end }) = bound;
        }
        self
    }

    /// All rows, as yet.
    pub(super) fn whole_range(mut self) -> Self {
        self.range.get_or_insert((OPEN_START, OPEN_END));
        self
    }

    pub(super) fn timestamp(mut self, micros: i64) -> Self {
        self.options = self.options.timestamp(micros);
        self
    }

    pub(super) fn ttl(mut self, seconds: u32) -> Self {
        self.options = self.options.ttl(seconds);
        self
    }

    /// Carries it out.
    pub(super) fn execute(mut self) -> Result<()> {
        let mut entry = self.finish()?;
        let inner = &self.table.db.inner;
        let Workspace { staged, encoder, .. } = &mut *self.workspace;
        let done = commit(inner, staged, encoder, std::slice::from_mut(&mut entry));
        inner.workspaces.give(self.workspace);
        done
    }

    /// Carries it out if the conditions hold.
    pub(super) fn execute_if(mut self, exists: Option<bool>, comparisons: &[Comparison]) -> Result<Outcome> {
        let mut entry = self.finish()?;
        let schema = &entry.state.schema;
        if schema.is_counter() {
            return Err(table_problem(schema, "a write of counters can't be conditional"));
        }
        if self.options.timestamp.is_some() {
            return Err(table_problem(schema, "a conditional write takes no timestamp"));
        }
        let whole = self.clustering_len == schema.clustering().len();
        let deletes_several = self.workspace.staged.ops.iter().any(|op| match op.target {
            Target::Range(..) => true,
            Target::Partition => !whole,
            Target::Row { .. } | Target::Static => false,
        });
        if deletes_several {
            return Err(table_problem(
                schema,
                "what is deleted on a condition is one row or columns, not a range",
            ));
        }
        let check =
            Check { exists, comparisons, key: self.key, clustering: whole.then_some(self.clustering) };
        let inner = &self.table.db.inner;
        let Workspace { staged, encoder, .. } = &mut *self.workspace;
        let done = commit_checked(inner, staged, encoder, std::slice::from_mut(&mut entry), Some(&check));
        inner.workspaces.give(self.workspace);
        done
    }

    /// Adds it to a batch.
    pub(super) fn add_to(mut self, batch: &mut Batch) -> Result<()> {
        let entry = self.finish()?;
        batch.append(&self.table.db, entry, &self.workspace.staged)?;
        self.table.db.inner.workspaces.give(self.workspace);
        Ok(())
    }

    /// A comparison of a column with a value.
    pub(super) fn comparison(&mut self, column: &str, op: Op, value: &dyn BindValue) -> Option<Comparison> {
        let given = self.clustering_len;
        self.attempt(|schema, _| {
            let place = Place::named(schema, column)?;
            if !place.is_static && given < schema.clustering().len() {
                return Err(missing_clustering(schema, given));
            }
            let mut bytes = Vec::new();
            let value = match value.bind(&place.column.ty, &mut bytes).map_err(|e| place.problem(&e))? {
                Binding::Value => Some(bytes),
                Binding::Null if matches!(op, Op::Eq | Op::Ne) => None,
                Binding::Null => {
                    return Err(column_problem(schema, column, "null is neither less nor greater"));
                }
                Binding::Unset => {
                    return Err(column_problem(schema, column, "a condition can't be left unset"));
                }
            };
            // A collection without elements is null.
            let is_collection = place.column.complex && !matches!(place.column.ty, Type::Udt { .. });
            let empty = is_collection && value.as_deref() == Some(&[0; 4]);
            Ok(Comparison { column: place.column.name.clone(), op, value: value.filter(|_| !empty) })
        })
    }

    /// Does the next part, unless something was wrong before.
    fn attempt<R>(&mut self, f: impl FnOnce(&TableSchema, &mut Workspace) -> Result<R>) -> Option<R> {
        let entry = self.entry.as_ref().filter(|_| self.error.is_none())?;
        match f(&entry.state.schema, &mut self.workspace) {
            Ok(result) => Some(result),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    /// Puts the changes in order and makes operations of them.
    fn finish(&mut self) -> Result<Entry> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(entry) = self.entry.take() else {
            return Err(Error::invalid("the statement was carried out already"));
        };
        let schema = &*entry.state.schema;
        self.options.check(schema)?;
        self.order_changes(schema);
        match self.kind {
            Kind::Insert | Kind::Update => self.push_rows(schema)?,
            Kind::Delete if self.workspace.changes.is_empty() => self.push_deletion(schema)?,
            Kind::Delete => {
                if self.range.is_some() {
                    return Err(table_problem(schema, "columns are deleted of one row, not of a range"));
                }
                self.push_rows(schema)?;
            }
        }
        self.workspace.staged.check_len(&entry.state)?;
        Ok(entry)
    }

    /// Into the order of columns and paths.
    fn order_changes(&mut self, schema: &TableSchema) {
        let Workspace { staged, changes, .. } = &mut *self.workspace;
        let columns = |is_static: bool| if is_static { schema.statics() } else { schema.regulars() };
        let by_path = |is_static: bool, a: &StagedCell, b: &StagedCell| -> Ordering {
            let column = columns(is_static).get(a.column as usize);
            match column.and_then(|column| column.path_type.as_ref()) {
                Some(ty) if a.path != Span::default() && b.path != Span::default() => {
                    ty.compare(staged.get(a.path), staged.get(b.path))
                }
                _ => Ordering::Equal,
            }
        };
        // Elements of lists have no path yet; the sort is stable and keeps them in their order.
        changes.sort_by(|(a_static, a), (b_static, b)| {
            let place =
                |is_static: bool, cell: &StagedCell| (is_static, cell.column, !cell.change.is_whole());
            place(*a_static, a).cmp(&place(*b_static, b)).then_with(|| by_path(*a_static, a, b))
        });
        // Of several changes of one element the last one counts.
        changes.reverse();
        changes.dedup_by(|(a_static, a), (b_static, b)| {
            a.path != Span::default()
                && (*a_static, a.column) == (*b_static, b.column)
                && b.path != Span::default()
                && by_path(*a_static, a, b).is_eq()
        });
        changes.reverse();
    }

    fn push_rows(&mut self, schema: &TableSchema) -> Result<()> {
        let whole = self.clustering_len == schema.clustering().len();
        let Workspace { staged, changes, .. } = &mut *self.workspace;
        let token = token_of(staged.get(self.key));
        let count = changes.iter().take_while(|(is_static, _)| !is_static).count();
        let (regulars, statics) = changes.split_at_checked(count).unwrap_or_default();
        let needs_row = !regulars.is_empty() || (self.kind == Kind::Insert && (whole || statics.is_empty()));
        if !whole && (needs_row || self.clustering_len > 0) {
            return Err(missing_clustering(schema, self.clustering_len));
        }
        let insert = self.kind == Kind::Insert;
        let row = Target::Row { clustering: self.clustering, insert, delete: false };
        for (target, changes, wanted) in
            [(Target::Static, statics, !statics.is_empty()), (row, regulars, needs_row)]
        {
            if wanted {
                let first = staged.cell_count();
                staged.cells.extend(changes.iter().map(|(_, cell)| *cell));
                let last = staged.cell_count();
                staged.ops.push(StagedOp {
                    table: 0,
                    token,
                    key: self.key,
                    target,
                    first,
                    last,
                    options: self.options,
                });
            }
        }
        Ok(())
    }

    fn push_deletion(&mut self, schema: &TableSchema) -> Result<()> {
        let target = match self.range {
            Some(_) if self.clustering_len > 0 => {
                return Err(table_problem(
                    schema,
                    "the ends of a range are given in full, beside a key alone",
                ));
            }
            Some((start, end)) => Target::Range(start, end),
            None if self.clustering_len == 0 => Target::Partition,
            None if self.clustering_len == schema.clustering().len() => {
                Target::Row { clustering: self.clustering, insert: false, delete: true }
            }
            None => {
                let size = u16::try_from(self.clustering_len).unwrap_or(u16::MAX);
                let values = self.clustering;
                Target::Range(
                    StagedBound { kind: BoundKind::InclStart, size, values },
                    StagedBound { kind: BoundKind::InclEnd, size, values },
                )
            }
        };
        if matches!(target, Target::Partition) {
            self.options.check_partition_deletion(schema)?;
        }
        let staged = &mut self.workspace.staged;
        let token = token_of(staged.get(self.key));
        let at = staged.cell_count();
        staged.ops.push(StagedOp {
            table: 0,
            token,
            key: self.key,
            target,
            first: at,
            last: at,
            options: self.options,
        });
        Ok(())
    }
}

const OPEN_START: StagedBound =
    StagedBound { kind: BoundKind::InclStart, size: 0, values: Span { start: 0, end: 0 } };
const OPEN_END: StagedBound =
    StagedBound { kind: BoundKind::InclEnd, size: 0, values: Span { start: 0, end: 0 } };

fn stage_clustering(schema: &TableSchema, values: &[&dyn EncodeValue], staged: &mut Staged) -> Result<Span> {
    let start = staged.bytes.len();
    encode_clustering_prefix(schema, values, &mut staged.bytes)?;
    Ok(staged.span_from(start))
}
