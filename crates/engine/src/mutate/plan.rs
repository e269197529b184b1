//! Statements without values, compiled against one state of a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use helenus_rows::{
    BoundKind, Cell, ColumnKind, ColumnSet, Columns, DeletionTime, LivenessInfo, PositionKind, RowHead,
    RowPlace, RowWriter, TableSchema,
};
use helenus_types::{LocalDeletionTime, vint};
use smallvec::SmallVec;

use super::action::{Action, Condition, Conditions, RangePlan, StatementKind, StatementPlan};
use super::bind::{BindValue, Binding, KeyPart};
use super::columns::{Extents, Place};
use super::encode::WriteTime;
use super::errors::{column_problem, missing_clustering, table_problem};
use super::options::WriteOptions;
use super::shape::Shape;
use super::staged::{Entry, Staged, StagedBound, column_index, prefix_size};
use super::statement::{Frame, stage_clustering};
use super::workspace::Workspace;
use crate::engine::{MutationBuilder, TableCore};
use crate::error::Result;
use crate::key::{encode_clustering_prefix, encode_partition_key};

/// The place of each value, for one state of the table.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) entry: Entry,
    shape: Shape,
    /// Indexes of the values, by the columns of the partition key.
    key: SmallVec<[usize; 4]>,
    /// Likewise of the clustering, or of the beginning of it.
    clustering: SmallVec<[usize; 4]>,
    range: Option<RangePlan>,
    statics: Vec<PlannedColumn>,
    regulars: Vec<PlannedColumn>,
    conditions: Vec<Condition>,
    values: usize,
    /// Set if it only sets columns of a row.
    simple_row: Option<SimpleRow>,
}

/// The known facts of the rows of a statement that can be encoded in place.
#[derive(Debug)]
struct SimpleRow {
    /// Places of values of complex columns: where one is set, the row can't.
    complex: SmallVec<[usize; 4]>,
    /// Length of a row's body, about: that of the last one whose length took more or fewer bytes
    /// than the hint's.
    len_hint: AtomicUsize,
}

/// An operation on a column.
#[derive(Clone, Debug)]
struct PlannedColumn {
    /// Index among the static or regular columns.
    index: usize,
    action: Action,
}

impl Plan {
    pub(super) fn new(core: &Arc<TableCore>, statement: &StatementPlan) -> Result<Self> {
        let entry = Entry::new(core)?;
        let schema = entry.state.schema.clone();
        let (key, clustering) = keys(&schema, statement)?;
        let mut shape = Shape::new(statement.kind, clustering.len());
        shape.range = statement.range.is_some();
        // A statement that names the columns of the key says by that what it deletes.
        shape.partition = statement.kind == StatementKind::Delete && clustering.is_empty() && !shape.range;
        let (mut statics, mut regulars) = (Vec::new(), Vec::new());
        let mut extents = Extents::default();
        for (name, action) in &statement.operations {
            let place = Place::named(&schema, name)?;
            extents.add(statement.kind, &place, action.extent())?;
            *(if place.is_static { &mut shape.statics } else { &mut shape.regulars }) = true;
            let columns = if place.is_static { &mut statics } else { &mut regulars };
            columns.push(PlannedColumn { index: place.index as usize, action: action.clone() });
        }
        let mut conditions = Vec::new();
        match &statement.conditions {
            Conditions::None => {}
            Conditions::Exists => shape.conditions.exists = Some(true),
            Conditions::NotExists => shape.conditions.exists = Some(false),
            Conditions::Columns(columns) => conditions.clone_from(columns),
        }
        for condition in &conditions {
            let place = Place::compared(&schema, &condition.column)?;
            let waits = &mut shape.conditions;
            *(if place.is_static { &mut waits.statics } else { &mut waits.regulars }) = true;
        }
        shape.check(&schema)?;
        check_places(&schema, statement)?;
        // In canonical order, as they are written; those of one column stay in their own.
        statics.sort_by_key(|column| column.index);
        regulars.sort_by_key(|column| column.index);
        // What grows is staged: it is encoded under locks.
        let simple_row = SimpleRow::new(&schema, &shape, &regulars).filter(|_| !entry.state.grows());
        let range = statement.range.clone();
        let values = statement.values;
        Ok(Self { entry, shape, key, clustering, range, statics, regulars, conditions, values, simple_row })
    }

    /// Takes the statement with those values in: encoded where it stands in the mutation, or
    /// staged.
    #[inline]
    pub(super) fn put(
        &self,
        values: &[&dyn BindValue],
        options: &WriteOptions,
        workspace: &mut Workspace,
        table: u32,
        time: &WriteTime<'_>,
    ) -> Result<()> {
        self.check_values(values, options)?;
        match &self.simple_row {
            Some(row) if self.encodes_in_place(row, values, options, time) => {
                workspace.staged.conditions.names_rows = true;
                self.encode(row, values, options, time, &mut workspace.encoder.builder)
            }
            _ => self.stage(values, options, &mut workspace.staged, table),
        }
    }

    /// Whether a row can be encoded where it stands in the mutation: nothing of it expires, and it
    /// has no complex column; where its time is not final, it has none of its own.
    #[inline]
    fn encodes_in_place(
        &self,
        row: &SimpleRow,
        values: &[&dyn BindValue],
        options: &WriteOptions,
        time: &WriteTime<'_>,
    ) -> bool {
        options.ttl.unwrap_or(self.entry.state.options.default_time_to_live) == 0
            && (!time.is_early || *options == WriteOptions::default())
            && row.complex.iter().all(|&at| values.get(at).is_some_and(|value| value.is_unset()))
    }

    /// Encodes the row with those values straight into a mutation.
    #[inline]
    fn encode(
        &self,
        row: &SimpleRow,
        values: &[&dyn BindValue],
        options: &WriteOptions,
        time: &WriteTime<'_>,
        builder: &mut MutationBuilder,
    ) -> Result<()> {
        let Entry { core, state } = &self.entry;
        let schema = &*state.schema;
        let timestamp = options.timestamp.unwrap_or(time.timestamp);
        builder.partition(core, state, None, |out| {
            encode_partition_key(schema, parts(&self.key, values), out)
        })?;
        let (out, times) = builder.out_of_row(time.is_early);
        let place = RowPlace::begin(out, false);
        encode_clustering_prefix(schema, parts(&self.clustering, values), out)?;
        let liveness = match self.shape.kind {
            StatementKind::Insert => LivenessInfo::new(timestamp),
            _ => LivenessInfo::EMPTY,
        };
        let mut columns = ColumnSet::default();
        for PlannedColumn { index, action } in &self.regulars {
            if matches!(action, Action::Set(at) if !self.value(values, *at)?.is_unset()) {
                columns.insert(*index);
            }
        }
        let (deletion, has_complex_deletion, len_hint) =
            (DeletionTime::LIVE, false, row.len_hint.load(Relaxed));
        let head = RowHead { liveness, deletion, columns: &columns, has_complex_deletion, len_hint };
        let mut writer = RowWriter::start(out, &state.header, place, head, times);
        for planned in &self.regulars {
            let (Action::Set(at), Some(column)) = (&planned.action, schema.regulars().get(planned.index))
            else {
                continue;
            };
            let value = self.value(values, *at)?;
            if value.is_unset() {
                continue;
            }
            let cell = writer.begin_value(planned.index, timestamp);
            let bound = value.bind(&column.ty, writer.out());
            match bound.map_err(|e| column_problem(schema, &column.name, e))? {
                Binding::Value => writer.end_value(cell),
                Binding::Unset => writer.drop_value(cell),
                Binding::Null => {
                    writer.drop_value(cell);
                    let tombstone = Cell::tombstone(timestamp, LocalDeletionTime(time.now()));
                    writer.simple(planned.index, &tombstone);
                }
            }
        }
        if let Some(len) = writer.finish() {
            if vint::unsigned_len(len as u64) != vint::unsigned_len(len_hint as u64) {
                row.len_hint.store(len, Relaxed);
            }
            builder.added(timestamp);
        }
        Ok(())
    }

    /// Refuses another number of values than the statement takes, and options that it can't have.
    #[inline]
    pub(super) fn check_values(&self, values: &[&dyn BindValue], options: &WriteOptions) -> Result<()> {
        let schema = &*self.entry.state.schema;
        if values.len() != self.values {
            let text = format_args!("{} values were expected, {} given", self.values, values.len());
            return Err(table_problem(schema, text));
        }
        options.check(schema)
    }

    /// Whether it waits upon anything.
    pub(super) fn is_conditional(&self) -> bool {
        self.shape.conditions.any()
    }

    /// Stages the statement with those values, which were [checked](Self::check_values).
    pub(super) fn stage(
        &self,
        values: &[&dyn BindValue],
        options: &WriteOptions,
        staged: &mut Staged,
        table: u32,
    ) -> Result<()> {
        let schema = &*self.entry.state.schema;
        let start = staged.bytes.len();
        encode_partition_key(schema, parts(&self.key, values), &mut staged.bytes)?;
        let key = staged.span_from(start);
        let clustering = stage_clustering(schema, parts(&self.clustering, values), staged)?;
        let range = self.range.as_ref().map(|range| self.bounds(range, values, staged)).transpose()?;
        let frame = Frame { table, schema, shape: &self.shape, options: *options, key, clustering };
        frame.stage(staged, range, |is_static, staged| self.stage_columns(is_static, values, staged))?;
        let first = staged.conditions.comparisons.len();
        for condition in &self.conditions {
            let place = Place::compared(schema, &condition.column)?;
            staged.compare(&place, &condition.map(|at| self.value(values, *at))?)?;
        }
        frame.wait(staged, first)?;
        staged.check_len(&self.entry.state)
    }

    fn value<'v>(&self, values: &[&'v dyn BindValue], at: usize) -> Result<&'v dyn BindValue> {
        values.get(at).copied().ok_or_else(|| {
            let text = format_args!("value {at} is missing: {} were given", values.len());
            table_problem(&self.entry.state.schema, text)
        })
    }

    /// The ends of the range that is deleted.
    fn bounds(
        &self,
        range: &RangePlan,
        values: &[&dyn BindValue],
        staged: &mut Staged,
    ) -> Result<(StagedBound, StagedBound)> {
        let schema = &*self.entry.state.schema;
        let (mut start, mut end) = (StagedBound::OPEN_START, StagedBound::OPEN_END);
        let mut bound = |places: &[usize], kind: BoundKind| -> Result<StagedBound> {
            let size = prefix_size(places.len());
            let values = stage_clustering(schema, parts(places, values), staged)?;
            Ok(StagedBound { kind, size, values })
        };
        if let Some((places, included)) = &range.from {
            let side = if *included { PositionKind::Before } else { PositionKind::After };
            start = bound(places, BoundKind::start(side))?;
        }
        if let Some((places, included)) = &range.to {
            let side = if *included { PositionKind::After } else { PositionKind::Before };
            end = bound(places, BoundKind::end(side))?;
        }
        Ok((start, end))
    }

    #[inline]
    fn stage_columns(&self, is_static: bool, values: &[&dyn BindValue], staged: &mut Staged) -> Result<()> {
        let schema = &*self.entry.state.schema;
        let columns: &Columns = if is_static { schema.statics() } else { schema.regulars() };
        for planned in if is_static { &self.statics } else { &self.regulars } {
            let Some(column) = columns.get(planned.index) else {
                unreachable!("a plan is made for the columns of its table")
            };
            let index = column_index(planned.index);
            let place = Place { schema, column, is_static, index };
            match planned.action {
                Action::Set(at) => place.set(self.value(values, at)?, staged)?,
                ref action => place.act(&action.map(|at| self.value(values, *at))?, staged)?,
            }
        }
        Ok(())
    }
}

impl SimpleRow {
    fn new(schema: &TableSchema, shape: &Shape, regulars: &[PlannedColumn]) -> Option<Self> {
        let is_row = shape.kind == StatementKind::Insert || !regulars.is_empty();
        let whole = shape.clustering == schema.clustering().len();
        let alone = !shape.statics && !shape.conditions.any() && shape.kind != StatementKind::Delete;
        if !is_row || !whole || !alone {
            return None;
        }
        let (mut complex, mut len_hint) = (SmallVec::new(), 9);
        for planned in regulars {
            let (column, Action::Set(at)) = (schema.regulars().get(planned.index)?, &planned.action) else {
                return None;
            };
            if column.counter {
                return None;
            }
            if column.complex {
                complex.push(*at);
            } else {
                len_hint += 1 + column.fixed_len.unwrap_or(16);
            }
        }
        Some(Self { complex, len_hint: AtomicUsize::new(len_hint) })
    }
}

/// Refuses places beyond the values.
fn check_places(schema: &TableSchema, statement: &StatementPlan) -> Result<()> {
    let check = |at: &usize| {
        if *at < statement.values {
            return Ok(());
        }
        let text = format_args!("value {at} is named, of {} that the statement takes", statement.values);
        Err(table_problem(schema, text))
    };
    statement.key.iter().try_for_each(|(_, at)| check(at))?;
    for ends in statement.range.iter().flat_map(|range| [&range.from, &range.to]).flatten() {
        ends.0.iter().try_for_each(check)?;
    }
    for (_, action) in &statement.operations {
        action.map(check)?;
    }
    if let Conditions::Columns(conditions) = &statement.conditions {
        for condition in conditions {
            condition.map(check)?;
        }
    }
    Ok(())
}

/// Places of the values of the partition key and of the clustering.
type Keys = (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>);

fn keys(schema: &TableSchema, statement: &StatementPlan) -> Result<Keys> {
    let mut key: SmallVec<[Option<usize>; 4]> = SmallVec::from_elem(None, schema.partition_key().len());
    let mut clustering: SmallVec<[Option<usize>; 4]> = SmallVec::from_elem(None, schema.clustering().len());
    for (name, at) in &statement.key {
        let slot = match schema.column(name) {
            Some((ColumnKind::PartitionKey, index)) => key.get_mut(index),
            Some((ColumnKind::Clustering, index)) => clustering.get_mut(index),
            _ => None,
        };
        let Some(slot) = slot else {
            return Err(column_problem(schema, name, "a column of the key was expected"));
        };
        if slot.replace(*at).is_some() {
            return Err(column_problem(schema, name, "the column is named twice"));
        }
    }
    if let Some(missing) = key.iter().position(Option::is_none) {
        let name = schema.partition_key().get(missing).map_or("", |column| &*column.name);
        return Err(column_problem(schema, name, "a part of the partition key is missing"));
    }
    let given = clustering.iter().take_while(|value| value.is_some()).count();
    if clustering.iter().flatten().count() != given {
        return Err(missing_clustering(schema, given));
    }
    Ok((key.into_iter().flatten().collect(), clustering.into_iter().flatten().collect()))
}

/// The values at those indexes, which are among them.
#[inline]
fn parts<'v>(
    indexes: &'v [usize],
    values: &'v [&'v dyn BindValue],
) -> impl ExactSizeIterator<Item = KeyPart<'v>> {
    indexes.iter().map(|&at| match values.get(at) {
        Some(value) => KeyPart(*value),
        None => unreachable!("a plan's places are among as many values as it takes"),
    })
}
