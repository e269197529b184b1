//! Statements being built: the common part of INSERT, UPDATE and DELETE.

use helenus_rows::{BoundKind, TableSchema};
use helenus_types::EncodeValue;

use super::action::{Action, Condition, StatementKind};
use super::batch::Batch;
use super::bind::BindValue;
use super::columns::{Extents, Place};
use super::condition::Outcome;
use super::errors::table_problem;
use super::options::WriteOptions;
use super::shape::Shape;
use super::staged::{Entry, Span, Staged, StagedBound, StagedCell, StagedOp, Target, prefix_size};
use super::workspace::Workspace;
use super::write::{commit, commit_if, token_of};
use super::writer::WriteTarget;

use crate::error::{Error, Result};
use crate::key::{IntoKey, encode_clustering_prefix, encode_partition_key};

/// A statement that collects its changes. Its errors are returned when it is executed.
#[derive(Debug)]
pub(super) struct Statement<'t> {
    target: WriteTarget<'t>,
    shape: Shape,
    entry: Option<Entry>,
    workspace: Box<Workspace>,
    extents: Extents,
    key: Span,
    clustering: Span,
    range: Option<(StagedBound, StagedBound)>,
    options: WriteOptions,
    error: Option<Error>,
}

impl<'t> Statement<'t> {
    pub(super) fn new(
        target: WriteTarget<'t>,
        kind: StatementKind,
        key: impl IntoKey,
        clustering: impl IntoKey,
    ) -> Self {
        let mut statement = Self {
            target,
            shape: Shape::new(kind, clustering.with_values(|values| values.len())),
            entry: None,
            workspace: target.writer.workspaces.take(),
            extents: Extents::default(),
            key: Span::default(),
            clustering: Span::default(),
            range: None,
            options: target.writer.options,
            error: None,
        };
        match Entry::new(target.core) {
            Ok(entry) => statement.entry = Some(entry),
            Err(error) => statement.error = Some(error),
        }
        statement.attempt(|own, schema| {
            let staged = &mut own.workspace.staged;
            key.with_values(|values| encode_partition_key(schema, values.iter(), &mut staged.bytes))?;
            own.key = staged.span_from(0);
            own.clustering =
                clustering.with_values(|values| stage_clustering(schema, values.iter(), staged))?;
            Ok(())
        });
        statement
    }

    /// Does something to a column.
    pub(super) fn act(mut self, column: &str, action: &Action<&dyn BindValue>) -> Self {
        self.attempt(|own, schema| {
            let place = Place::named(schema, column)?;
            own.extents.add(own.shape.kind, &place, action.extent())?;
            *(if place.is_static { &mut own.shape.statics } else { &mut own.shape.regulars }) = true;
            let Workspace { staged, changes, .. } = &mut *own.workspace;
            let first = staged.cells.len();
            place.act(action, staged)?;
            changes.extend(staged.cells.drain(first..).map(|cell| (place.is_static, cell)));
            Ok(())
        });
        self
    }

    /// Bounds the range of rows that is deleted, by values that stand on that side of it.
    pub(super) fn bound(mut self, values: &[&dyn EncodeValue], kind: BoundKind) -> Self {
        self = self.whole_range();
        self.attempt(|own, schema| {
            let staged = stage_clustering(schema, values.iter(), &mut own.workspace.staged)?;
            let bound = StagedBound { kind, size: prefix_size(values.len()), values: staged };
            let Some((start, end)) = &mut own.range else { unreachable!("there is a range now") };
            *(if kind.opens() { start } else { end }) = bound;
            Ok(())
        });
        self
    }

    /// All rows, unless bounds say otherwise.
    pub(super) fn whole_range(mut self) -> Self {
        self.shape.range = true;
        self.range.get_or_insert((StagedBound::OPEN_START, StagedBound::OPEN_END));
        self
    }

    /// The whole partition.
    pub(super) fn whole_partition(mut self) -> Self {
        self.shape.partition = true;
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

    /// Only if the row exists, or doesn't.
    pub(super) fn exists(mut self, wanted: bool) -> Self {
        self.shape.conditions.exists = Some(wanted);
        self
    }

    /// Only if a column compares so.
    pub(super) fn compare(mut self, condition: &Condition<&dyn BindValue>) -> Self {
        self.attempt(|own, schema| {
            let place = Place::compared(schema, &condition.column)?;
            let waits = &mut own.shape.conditions;
            *(if place.is_static { &mut waits.statics } else { &mut waits.regulars }) = true;
            own.workspace.staged.compare(&place, condition)
        });
        self
    }

    /// Carries it out.
    pub(super) fn execute(mut self) -> Result<()> {
        let mut entry = self.finish()?;
        let writer = self.target.writer;
        let Workspace { staged, encoder, .. } = &mut *self.workspace;
        let done =
            commit(writer.destination()?, staged, encoder, std::slice::from_mut(&mut entry), None, None);
        writer.workspaces.give(self.workspace);
        done
    }

    /// Carries it out if the conditions hold.
    pub(super) fn execute_if(mut self) -> Result<Outcome> {
        let mut entry = self.finish()?;
        let writer = self.target.writer;
        let Workspace { staged, encoder, .. } = &mut *self.workspace;
        let done = commit_if(writer.destination()?, staged, encoder, std::slice::from_mut(&mut entry), None);
        writer.workspaces.give(self.workspace);
        Ok(Outcome::of(done?))
    }

    /// Adds it to a batch.
    pub(super) fn add_to(mut self, batch: &mut Batch) -> Result<()> {
        let entry = self.finish()?;
        batch.add_staged(self.target.writer, &entry, &self.workspace.staged)?;
        self.target.writer.workspaces.give(self.workspace);
        Ok(())
    }

    /// Does the next part, unless something was wrong before.
    fn attempt(&mut self, f: impl FnOnce(&mut Self, &TableSchema) -> Result<()>) {
        let Some(entry) = self.entry.as_ref().filter(|_| self.error.is_none()) else { return };
        let state = entry.state.clone();
        if let Err(error) = f(self, &state.schema) {
            self.error = Some(error);
        }
    }

    /// Makes operations of the changes.
    fn finish(&mut self) -> Result<Entry> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(entry) = self.entry.take() else {
            return Err(Error::invalid("the statement was carried out already"));
        };
        let schema = &*entry.state.schema;
        self.shape.check(schema)?;
        self.options.check(schema)?;
        let Workspace { staged, changes, .. } = &mut *self.workspace;
        let frame = Frame {
            table: 0,
            schema,
            shape: &self.shape,
            options: self.options,
            key: self.key,
            clustering: self.clustering,
        };
        frame.stage(staged, self.range, |is_static, staged| {
            let own = changes.iter().filter(|(s, _)| *s == is_static);
            staged.cells.extend(own.map(|(_, cell): &(bool, StagedCell)| *cell));
            Ok(())
        })?;
        frame.wait(staged, 0)?;
        staged.check_len(&entry.state)?;
        Ok(entry)
    }
}

/// The common parts of a statement's operations.
pub(super) struct Frame<'a> {
    pub(super) table: u32,
    pub(super) schema: &'a TableSchema,
    pub(super) shape: &'a Shape,
    pub(super) options: WriteOptions,
    pub(super) key: Span,
    pub(super) clustering: Span,
}

impl Frame<'_> {
    /// Stages a statement's operations, whose cells `cells` appends: those of static columns, then
    /// the others.
    #[inline]
    pub(super) fn stage(
        &self,
        staged: &mut Staged,
        range: Option<(StagedBound, StagedBound)>,
        mut cells: impl FnMut(bool, &mut Staged) -> Result<()>,
    ) -> Result<()> {
        let token = token_of(staged.get(self.key));
        if self.shape.statics {
            self.operation(Target::Static, token, staged, &mut cells)?;
        }
        let Some(target) = self.shape.target(self.schema, self.clustering, range) else { return Ok(()) };
        if matches!(target, Target::Partition) {
            self.options.check_partition_deletion(self.schema)?;
        }
        self.operation(target, token, staged, &mut cells)
    }

    #[inline]
    fn operation(
        &self,
        target: Target,
        token: helenus_types::Token,
        staged: &mut Staged,
        cells: &mut impl FnMut(bool, &mut Staged) -> Result<()>,
    ) -> Result<()> {
        let is_static = matches!(target, Target::Static);
        let first = staged.cells.len();
        cells(is_static, staged)?;
        let Some(own) = staged.cells.get(first..) else { unreachable!("cells are only added") };
        // The effect of an operation by index on a list depends on the statement's earlier ones.
        if !own.iter().any(|cell| cell.change.reads_list()) {
            staged.settle(first, if is_static { self.schema.statics() } else { self.schema.regulars() });
        }
        let last = staged.cell_count();
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let (table, key, options) = (self.table, self.key, self.options);
        staged.ops.push(StagedOp { table, token, key, target, first, last, options });
        Ok(())
    }

    /// Stages the statement's conditions: the comparisons from `first` on.
    pub(super) fn wait(&self, staged: &mut Staged, first: usize) -> Result<()> {
        staged.conditions.writes_statics |= self.shape.statics;
        staged.conditions.names_rows |= self.shape.names_row(self.schema);
        if !self.shape.conditions.any() {
            return Ok(());
        }
        if self.options.timestamp.is_some() {
            return Err(table_problem(self.schema, "a conditional write takes no timestamp"));
        }
        let whole = self.shape.clustering == self.schema.clustering().len();
        let place = (self.key, whole.then_some(self.clustering));
        staged.check(self.table, place, self.shape.conditions.exists, first);
        Ok(())
    }
}

pub(super) fn stage_clustering<V: EncodeValue>(
    schema: &TableSchema,
    values: impl ExactSizeIterator<Item = V>,
    staged: &mut Staged,
) -> Result<Span> {
    let start = staged.bytes.len();
    encode_clustering_prefix(schema, values, &mut staged.bytes)?;
    Ok(staged.span_from(start))
}
