//! A SELECT, compiled and executed.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_cql_syntax::{IntValue, Select};
use helenus_engine::{RowView, Rows, Select as Query, Table};
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;
use helenus_types::Type;

use super::groups::{GroupKey, Grouping, name, prepare_groups};
use super::order::{Near, Orderings};
use super::page::{Limits, PageState};
use super::selection::{Selectables, Selectors};
use super::stream::PageRows;
use crate::consistency::Consistency;
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::functions;
use crate::options::StopSwitch;
use crate::response::{Answer, Response, ResultRows, RowBuffer};
use crate::restrictions::{
    self, ColumnPlace, PartitionChoice, Purpose, RawKey, Restrictions, RowTest, ZERO_VECTOR,
    compares_directions, similarity_of,
};
use crate::scope::{Scope, spec};
use crate::spec::ColumnSpec;
use crate::system::definitions::is_virtual;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// The most rows that may be asked for by nearness to a vector.
const MOST_NEAREST: u64 = 1000;

/// A SELECT that was compiled.
#[derive(Debug)]
pub(crate) struct SelectPlan {
    table: Arc<TableDef>,
    selectors: Arc<Selectors>,
    restrictions: Arc<Restrictions>,
    distinct: bool,
    grouping: Option<Grouping>,
    /// The columns of the clustering that rows of several partitions are sorted by.
    sorted_by: Vec<usize>,
    is_reversed: bool,
    /// The vector that the rows are to be near to.
    near: Option<Near>,
    limit: Option<Expr>,
    limit_per_partition: Option<Expr>,
}

/// Compiles a SELECT; its markers are noted.
pub(crate) fn compile(scope: &mut Scope<'_>, select: &Select) -> CqlResult<SelectPlan> {
    let table = scope.table(&select.table)?;
    let selectables = Selectables::prepare(scope, &table, select)?;
    let orderings = Orderings::prepare(scope, &table, select)?;
    let purpose = Purpose::Select {
        allow_filtering: select.allow_filtering || is_virtual(table.keyspace()),
        only_statics: selectables.only_statics() && !table.schema().shown_clustering().is_empty(),
    };
    let restrictions = {
        let near = orderings.near.as_ref().map(|near| &near.spec);
        restrictions::prepare(scope, &table, &select.where_clause, near, purpose)?
    };
    let selectors = selectables.select(scope, &table, select.json)?;
    check_distinct(&table, select, &selectors, &restrictions, &orderings)?;
    let grouping = prepare_groups(scope, &table, select, &restrictions)?;
    if grouping.is_none() && selectors.is_aggregate() && select.per_partition_limit.is_some() {
        return refuse("PER PARTITION LIMIT is not allowed with aggregate queries.");
    }
    let is_reversed = orderings.is_reversed(&table, &restrictions)?;
    let sorted_by = orderings.sorted_by(&table, &restrictions);
    restrictions.check_filtering(purpose)?;
    let mut limit = |value: &Option<IntValue>, name: &str| {
        let receiver = spec(&table, name, &Type::Int);
        value.as_ref().map(|value| term::prepare_int(scope, value, &receiver)).transpose()
    };
    let limit_per_partition = limit(&select.per_partition_limit, "[per_partition_limit]")?;
    let limit = limit(&select.limit, "[limit]")?;
    Ok(SelectPlan {
        table,
        selectors: Arc::new(selectors),
        restrictions: Arc::new(restrictions),
        distinct: select.distinct,
        grouping,
        sorted_by,
        is_reversed,
        near: orderings.near,
        limit,
        limit_per_partition,
    })
}

fn check_distinct(
    table: &TableDef,
    select: &Select,
    selectors: &Selectors,
    restrictions: &Restrictions,
    orderings: &Orderings,
) -> CqlResult<()> {
    if !select.distinct {
        return Ok(());
    }
    if select.per_partition_limit.is_some() {
        return refuse("PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries");
    }
    if restrictions.restricts_clustering() || restrictions.restricts_regulars() {
        return refuse(
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static columns.",
        );
    }
    let is_other = |place: &ColumnPlace| matches!(place.kind, ColumnKind::Clustering | ColumnKind::Regular);
    let ordered = orderings.read(table, restrictions)?;
    let mut read = selectors.places().chain(ordered.iter().map(|(place, _)| *place));
    if let Some(place) = read.find(is_other) {
        return refuse(format!(
            "SELECT DISTINCT queries must only request partition key columns and/or static columns (not {})",
            name(table, place)
        ));
    }
    if restrictions.names_partitions() {
        return Ok(());
    }
    let is_missing = |place: &ColumnPlace| selectors.places().all(|selected| selected != *place);
    let key = 0..table.schema().partition_key().len();
    match key.map(|index| ColumnPlace { kind: ColumnKind::PartitionKey, index }).find(is_missing) {
        Some(place) => refuse(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            name(table, place)
        )),
        None => Ok(()),
    }
}

/// A limit in an execution; unset is none.
fn limit(run: &StatementRun<'_>, limit: Option<&Expr>, name: &str, word: &str) -> CqlResult<u64> {
    let Some(expr) = limit else { return Ok(u64::MAX) };
    let bytes = match expr.evaluate(run)? {
        BoundValue::Unset => return Ok(u64::MAX),
        BoundValue::Null => return refuse(format!("Invalid null value of {name}")),
        BoundValue::Bytes(bytes) => bytes,
    };
    let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) else {
        return refuse(format!("Invalid {name} value"));
    };
    match u64::try_from(i32::from_be_bytes(bytes)) {
        Ok(rows) if rows > 0 => Ok(rows),
        _ => refuse(format!("{word} must be strictly positive")),
    }
}

impl SelectPlan {
    /// The table.
    pub(crate) fn table(&self) -> &Arc<TableDef> {
        &self.table
    }

    /// The columns of the result.
    pub(crate) fn specs(&self) -> &Arc<[ColumnSpec]> {
        &self.selectors.specs
    }

    /// One page of the rows.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        run.options.check_read()?;
        // Pages of no rows are no pages.
        let page = run.options.page_size.filter(|size| *size > 0);
        let page = page.map_or(u64::MAX, |size| u64::try_from(size).unwrap_or(u64::MAX));
        let limits = Limits {
            rows: limit(run, self.limit.as_ref(), "limit", "LIMIT")?,
            per_partition: limit(run, self.limit_per_partition.as_ref(), "limit", "LIMIT")?,
            page,
        };
        if let Some(near) = &self.near {
            return self.nearest(run, near, limits);
        }
        let begun = run.options.paging_state.as_deref().map(PageState::from_bytes).transpose()?;
        let table = run.table(&self.table)?;
        let query = self.query(run, &table)?;
        if self.is_aggregate() {
            self.warn_of_aggregation(run);
        }
        if !self.sorted_by.is_empty() && query.is_some() && page != u64::MAX {
            return refuse(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either \
                 remove the ORDER BY or the IN and sort client side, or disable paging for this query",
            );
        }
        if self.is_aggregate() {
            return self.aggregated(run, query, limits, begun);
        }
        let Some(query) = query else { return Ok(self.answer(RowBuffer::default(), None)) };
        if !self.sorted_by.is_empty() {
            return self.sorted(run, query, limits);
        }
        self.page(run, query, limits, begun)
    }

    fn is_aggregate(&self) -> bool {
        self.grouping.is_some() || self.selectors.is_aggregate()
    }

    fn warn_of_aggregation(&self, run: &StatementRun<'_>) {
        if !self.restrictions.restricts_partitions() {
            run.warn("Aggregation query used without partition key");
        } else if self.restrictions.names_several_partitions() {
            run.warn("Aggregation query used on multiple partition keys (IN restriction)");
        }
    }

    fn answer(&self, buffer: RowBuffer, state: Option<Vec<u8>>) -> Response {
        Answer::Rows(ResultRows::new(self.specs().clone(), buffer, state)).into()
    }

    /// A page of rows as they come.
    fn page(
        &self,
        run: &StatementRun<'_>,
        mut query: Query,
        limits: Limits,
        begun: Option<PageState>,
    ) -> CqlResult<Response> {
        let left = begun.as_ref().map_or(limits.rows, |begun| begun.left);
        query =
            query.limit(as_usize(left.min(limits.page))).limit_per_partition(as_usize(limits.per_partition));
        if let Some(begun) = begun {
            query = query.after(begun.position);
        }
        let mut page = PageRows {
            selectors: self.selectors.clone(),
            restrictions: self.restrictions.clone(),
            distinct: self.distinct,
            cursor: query.rows()?,
            limits,
            left,
            shown: 0,
        };
        let mut buffer = RowBuffer::default();
        if page.fill(run, &mut buffer)? {
            let rest = Box::new(page.detach(run));
            return Ok(Answer::Rows(ResultRows::begun(self.specs().clone(), buffer, rest)).into());
        }
        let state = page.paging_state(run)?;
        Ok(self.answer(buffer, state))
    }

    /// All rows, of several partitions, in the order of some columns.
    fn sorted(&self, run: &StatementRun<'_>, query: Query, limits: Limits) -> CqlResult<Response> {
        let evaluation = self.selectors.evaluation(run)?;
        let mut cursor = query.limit_per_partition(as_usize(limits.per_partition)).rows()?;
        let mut rows: Vec<(OrderKey, RowBuffer)> = Vec::new();
        while let Some(row) = cursor.next()? {
            let mut buffer = RowBuffer::default();
            self.selectors.append(&evaluation, &row, &mut buffer)?;
            rows.push((self.order_of(&row), buffer));
        }
        rows.sort_by(|(a, _), (b, _)| self.compare(a, b));
        let mut buffer = RowBuffer::default();
        rows.iter().take(as_usize(limits.rows)).for_each(|(_, row)| buffer.append(row));
        Ok(self.answer(buffer, None))
    }

    /// The values that a row is sorted by.
    fn order_of(&self, row: &RowView<'_>) -> OrderKey {
        let values: Vec<_> = row.clustering_values().collect();
        let value = |index: &usize| values.get(*index).copied().flatten().map(<[u8]>::to_vec);
        self.sorted_by.iter().map(value).collect()
    }

    fn compare(&self, a: &[Option<Vec<u8>>], b: &[Option<Vec<u8>>]) -> Ordering {
        let clustering = self.table.schema().shown_clustering();
        let mut each = self.sorted_by.iter().zip(a.iter().zip(b)).map(|(index, (a, b))| match (a, b) {
            (Some(a), Some(b)) => {
                clustering.get(*index).map_or(Ordering::Equal, |column| column.ty.compare(a, b))
            }
            _ => a.is_some().cmp(&b.is_some()),
        });
        let order = each.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        if self.is_reversed { order.reverse() } else { order }
    }

    /// The rows with the vectors that are most like another, nearest first, all at once.
    fn nearest(&self, run: &StatementRun<'_>, near: &Near, limits: Limits) -> CqlResult<Response> {
        self.check_nearest(run, limits)?;
        let wanted = near.vector.required(
            run,
            || format!("Unsupported null value for column {}", near.spec.name),
            || format!("Unsupported unset value for column {}", near.spec.name),
        )?;
        if limits.rows > MOST_NEAREST {
            return refuse(format!(
                "Use of ANN OF in an ORDER BY clause requires a LIMIT that is not greater than {MOST_NEAREST}. LIMIT was {}",
                limits.rows
            ));
        }
        if compares_directions(&self.table, &near.spec.name) && wanted.iter().all(|byte| *byte == 0) {
            return refuse(ZERO_VECTOR);
        }
        let similarity = functions::similarity_of(similarity_of(&self.table, &near.spec.name));
        let table = run.database.table(self.table.keyspace(), self.table.name())?;
        let Some(query) = self.query(run, &table)? else {
            return Ok(self.answer(RowBuffer::default(), None));
        };
        let evaluation = self.selectors.evaluation(run)?;
        let mut cursor = query.rows()?;
        let mut nearest: Vec<(f32, RowBuffer)> = Vec::new();
        while let Some(row) = cursor.next()? {
            let mut vector = Vec::new();
            if !row.serialized(near.place.kind, near.place.index, &mut vector)? {
                continue;
            }
            let score = similarity(&vector, &wanted);
            // Equally near ones stay in the order of their keys.
            let at = nearest.partition_point(|(better, _)| better.total_cmp(&score).is_ge());
            if at < as_usize(limits.rows) {
                let mut buffer = RowBuffer::default();
                self.selectors.append(&evaluation, &row, &mut buffer)?;
                nearest.insert(at, (score, buffer));
                nearest.truncate(as_usize(limits.rows));
            }
        }
        let mut buffer = RowBuffer::default();
        nearest.iter().for_each(|(_, row)| buffer.append(row));
        Ok(self.answer(buffer, None))
    }

    /// Refuses what the nearest rows can't be asked with, and warns of what doesn't hold for them.
    fn check_nearest(&self, run: &StatementRun<'_>, limits: Limits) -> CqlResult<()> {
        if self.is_aggregate() {
            return refuse("Top-K queries can not be run with aggregation");
        }
        let consistency = run.options.consistency;
        if consistency.is_serial() {
            return refuse(format!(
                "Top-K queries can only be run with consistency level ONE/LOCAL_ONE. Consistency level {consistency} was used."
            ));
        }
        if !matches!(consistency, Consistency::One | Consistency::LocalOne) {
            let is_local = consistency == Consistency::LocalQuorum;
            let lower = if is_local { Consistency::LocalOne } else { Consistency::One };
            run.warn(format!(
                "Top-K queries can only be run with consistency level ONE / LOCAL_ONE / NODE_LOCAL. Consistency level \
                 {consistency} was requested. Downgrading the consistency level to {lower}."
            ));
        }
        if limits.rows == u64::MAX && limits.per_partition == u64::MAX {
            return refuse(
                "Top-K queries must have a limit specified and the limit must be less than the query page size",
            );
        }
        if limits.per_partition != u64::MAX {
            return refuse("Top-K queries do not support per-partition limits");
        }
        if limits.page < limits.rows {
            run.warn(format!(
                "Top-K queries do not support paging and the page size is set to {}, which is less than LIMIT {rows}. The \
                 page size has been set to {rows} to match the LIMIT.",
                limits.page,
                rows = limits.rows
            ));
        }
        Ok(())
    }

    /// A page of groups.
    fn aggregated(
        &self,
        run: &StatementRun<'_>,
        query: Option<Query>,
        limits: Limits,
        begun: Option<PageState>,
    ) -> CqlResult<Response> {
        let evaluation = self.selectors.evaluation(run)?;
        let Some(grouping) = &self.grouping else {
            let mut group = evaluation.group();
            let mut cursor = query.map(|query| query.rows()).transpose()?;
            while let Some(cursor) = &mut cursor
                && let Some(row) = cursor.next()?
            {
                evaluation.add(&mut group, &row)?;
            }
            let mut buffer = RowBuffer::default();
            self.selectors.append_group(&evaluation, &group, &mut buffer)?;
            return Ok(self.answer(buffer, None));
        };
        let Some(mut query) = query else { return Ok(self.answer(RowBuffer::default(), None)) };
        let mut progress = PageProgress {
            left: begun.as_ref().map_or(limits.rows, |begun| begun.left),
            of_partition: begun.as_ref().map_or(0, |begun| begun.of_partition),
            partition: begun.as_ref().map(|begun| begun.position.partition_key().to_vec()),
            limits,
            buffer: RowBuffer::default(),
            ordered: (!self.sorted_by.is_empty()).then(Vec::new),
        };
        if let Some(begun) = begun {
            query = query.after(begun.position);
        }
        let function = grouping.evaluation(run)?;
        let mut cursor = query.rows()?;
        let mut open: Option<(GroupKey, super::selector::Group, OrderKey)> = None;
        loop {
            let before = cursor.position();
            let Some(row) = cursor.next()? else { break };
            let key = grouping.key(function.as_ref(), &row)?;
            if let Some((known, group, order)) = &mut open {
                if *known == key {
                    evaluation.add(group, &row)?;
                    continue;
                }
                if progress.accepts() {
                    let buffer = progress.buffer_of(order);
                    self.selectors.append_group(&evaluation, group, buffer)?;
                    progress.count();
                }
                if progress.is_full() {
                    return Ok(self.stopped(progress, before));
                }
            }
            progress.enter(&key.partition);
            let mut group = evaluation.group();
            evaluation.add(&mut group, &row)?;
            open = Some((key, group, self.order_of(&row)));
        }
        if let Some((_, group, order)) = &open
            && progress.accepts()
        {
            let buffer = progress.buffer_of(order);
            self.selectors.append_group(&evaluation, group, buffer)?;
            progress.count();
        }
        if let Some(mut rows) = progress.ordered.take() {
            rows.sort_by(|(a, _), (b, _)| self.compare(a, b));
            let mut buffer = RowBuffer::default();
            rows.iter().for_each(|(_, row)| buffer.append(row));
            return Ok(self.answer(buffer, None));
        }
        let position = last_position(&cursor, &progress);
        Ok(self.stopped(progress, position))
    }

    fn stopped(&self, progress: PageProgress, position: Option<helenus_engine::RowPosition>) -> Response {
        let PageProgress { left, of_partition, limits, buffer, .. } = progress;
        let position = position.filter(|_| left > 0 && buffer.len() as u64 == limits.page);
        let state = position.map(|position| PageState { left, of_partition, position }.to_bytes());
        self.answer(buffer, state)
    }

    /// The engine's query; `None` where no row can qualify.
    fn query(&self, run: &StatementRun<'_>, table: &Table) -> CqlResult<Option<Query>> {
        let mut query = table.select();
        match self.restrictions.partitions(run)? {
            PartitionChoice::Nothing => return Ok(None),
            PartitionChoice::Tokens(tokens) => query = query.tokens(tokens),
            PartitionChoice::Keys(keys) => {
                for key in &keys {
                    query = query.key(RawKey(key));
                }
            }
        }
        let slices = self.restrictions.slices(run)?;
        if slices.0.is_empty() {
            return Ok(None);
        }
        query = slices.restrict(query);
        let name = |place: ColumnPlace| match place.kind {
            ColumnKind::Static => self.table.schema().statics().get(place.index).map(|column| &*column.name),
            ColumnKind::Regular => {
                self.table.schema().regulars().get(place.index).map(|column| &*column.name)
            }
            ColumnKind::PartitionKey | ColumnKind::Clustering => None,
        };
        let near = self.near.as_ref().map(|near| near.place);
        let names: Vec<&str> = self.selectors.places().chain(near).filter_map(name).collect();
        query = query.columns(&names);
        let (test, stop) = (self.restrictions.test(run)?, run.options.stop.clone());
        if test.is_some() || stop.is_some() {
            let tested: Vec<&str> = test.iter().flat_map(RowTest::places).filter_map(name).collect();
            query = query.filter(&tested, move |row| {
                stop.as_ref().map_or(Ok(()), StopSwitch::check)?;
                test.as_ref().map_or(Ok(true), |test| test.passes(row))
            });
        }
        if self.distinct {
            query = query.distinct();
        }
        if self.is_reversed {
            query = query.reverse();
        }
        if let Some(now) = run.options.now_seconds {
            query = query.now_seconds(now);
        }
        Ok(Some(query))
    }
}

/// What rows are sorted by: the values of some columns of the clustering.
type OrderKey = Vec<Option<Vec<u8>>>;

/// How far a page of groups is.
struct PageProgress {
    /// Groups that LIMIT leaves.
    left: u64,
    /// Groups of the partition so far.
    of_partition: u64,
    partition: Option<Vec<u8>>,
    limits: Limits,
    buffer: RowBuffer,
    /// The rows by what they are sorted by, where they are.
    ordered: Option<Vec<(OrderKey, RowBuffer)>>,
}

impl PageProgress {
    /// Where the row of a group goes.
    fn buffer_of(&mut self, order: &OrderKey) -> &mut RowBuffer {
        match &mut self.ordered {
            None => &mut self.buffer,
            Some(rows) => {
                rows.push((order.clone(), RowBuffer::default()));
                rows.last_mut().map_or(&mut self.buffer, |(_, row)| row)
            }
        }
    }

    /// A group of that partition begins.
    fn enter(&mut self, partition: &[u8]) {
        if self.partition.as_deref() != Some(partition) {
            self.partition = Some(partition.to_vec());
            self.of_partition = 0;
        }
    }

    /// Whether the limits leave room for one more group of the partition.
    fn accepts(&self) -> bool {
        self.left > 0 && self.of_partition < self.limits.per_partition
    }

    fn count(&mut self) {
        self.left -= 1;
        self.of_partition += 1;
    }

    fn is_full(&self) -> bool {
        self.left == 0 || self.buffer.len() as u64 == self.limits.page
    }
}

/// Where a page that ends with the last row of all ends.
fn last_position(cursor: &Rows, progress: &PageProgress) -> Option<helenus_engine::RowPosition> {
    cursor.position().filter(|_| progress.is_full())
}

fn as_usize(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
