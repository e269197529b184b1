//! BATCH (`BatchStatement`).

use std::sync::Arc;

use helenus_cql_syntax::{BatchKind, IntValue, Modification};
use helenus_engine::{Batch, BatchOutcome, Database};
use helenus_schema::TableDef;
use helenus_types::Type;

use super::plan::{WritePlan, timestamp_of};
use super::{conditions, limits};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::response::{Answer, Response};
use crate::restrictions::KeyParts;
use crate::scope::Scope;
use crate::spec::ColumnSpec;
use crate::system::definitions;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// A batch that was compiled.
#[derive(Debug)]
pub(crate) struct BatchPlan {
    kind: BatchKind,
    statements: Vec<Arc<WritePlan>>,
    timestamp: Option<Expr>,
}

impl BatchPlan {
    /// Carries it out with the request's timestamp for the statements that bring none, unless the
    /// batch brings one, or they take none.
    pub(crate) fn timed<T>(
        &self,
        run: &StatementRun<'_>,
        carry_out: impl FnOnce(&StatementRun<'_>) -> CqlResult<T>,
    ) -> CqlResult<T> {
        let has_own = match self.timestamp.as_ref().map(|expr| expr.evaluate(run)).transpose()? {
            None | Some(BoundValue::Unset) => false,
            Some(BoundValue::Null) => return refuse("Invalid null value of timestamp"),
            Some(BoundValue::Bytes(bytes)) if bytes.len() != 8 => return refuse("Invalid timestamp value"),
            Some(BoundValue::Bytes(_)) => true,
        };
        if has_own || !self.statements.iter().all(|statement| statement.takes_timestamp()) {
            run.without_timestamp(carry_out)
        } else {
            carry_out(run)
        }
    }
}

/// Compiles a batch; its markers are noted.
pub(crate) fn compile(
    scope: &mut Scope<'_>,
    database: &Database,
    batch: &helenus_cql_syntax::Batch,
) -> CqlResult<BatchPlan> {
    let is_virtual = |statement: &Modification| {
        let name = match statement {
            Modification::Insert(insert) => &insert.table,
            Modification::Update(update) => &update.table,
            Modification::Delete(delete) => &delete.table,
        };
        scope.keyspace_of(name).is_ok_and(definitions::is_virtual)
    };
    if batch.kind == BatchKind::Logged && batch.statements.iter().any(is_virtual) {
        return refuse("Cannot include a virtual table statement in a logged batch");
    }
    let compiled = batch
        .statements
        .iter()
        .map(|statement: &Modification| super::plan::compile(scope, database, statement).map(Arc::new));
    let statements = compiled.collect::<CqlResult<Vec<_>>>()?;
    let timestamp = number(scope, batch.using.timestamp_us.as_ref(), "[timestamp]", Type::BigInt)?;
    let ttl = number(scope, batch.using.ttl_s.as_ref(), "[ttl]", Type::Int)?;
    if ttl.is_some() {
        return refuse("Global TTL on the BATCH statement is not supported.");
    }
    BatchPlan::new(batch.kind, statements, timestamp)
}

fn number(scope: &mut Scope<'_>, value: Option<&IntValue>, name: &str, ty: Type) -> CqlResult<Option<Expr>> {
    let batch: Arc<str> = "[batch]".into();
    let receiver = ColumnSpec { keyspace: batch.clone(), table: batch, name: name.into(), ty };
    value.map(|value| term::prepare_int(scope, value, &receiver)).transpose()
}

impl BatchPlan {
    /// A batch of statements that were compiled (`BatchStatement.validate`).
    pub(crate) fn new(
        kind: BatchKind,
        statements: Vec<Arc<WritePlan>>,
        timestamp: Option<Expr>,
    ) -> CqlResult<Self> {
        let counters = statements.iter().filter(|statement| statement.table().is_counter()).count();
        let is_conditional = statements.iter().any(|statement| statement.is_conditional());
        if timestamp.is_some() && is_conditional {
            return refuse("Cannot provide custom timestamp for conditional BATCH");
        }
        if timestamp.is_some() && kind == BatchKind::Counter {
            return refuse("Cannot provide custom timestamp for counter BATCH");
        }
        if timestamp.is_some() && statements.iter().any(|statement| statement.has_timestamp()) {
            return refuse("Timestamp must be set either on BATCH or individual statements");
        }
        if timestamp.is_some() && counters > 0 {
            return refuse("Cannot provide custom timestamp for a BATCH containing counters");
        }
        if kind == BatchKind::Counter && counters < statements.len() {
            return refuse("Cannot include non-counter statement in a counter batch");
        }
        if counters > 0 && counters < statements.len() {
            return refuse("Counter and non-counter mutations cannot exist in the same batch");
        }
        if kind == BatchKind::Logged && counters > 0 {
            return refuse("Cannot include a counter statement in a logged batch");
        }
        let batch = Self { kind, statements, timestamp };
        if is_conditional && !batch.is_of_one_table() {
            return refuse("Batch with conditions cannot span multiple tables");
        }
        Ok(batch)
    }

    fn is_of_one_table(&self) -> bool {
        let mut tables = self.statements.iter().map(|statement| statement.table().id());
        let first = tables.next();
        tables.all(|table| Some(table) == first)
    }

    /// The table that all statements are about.
    pub(crate) fn table(&self) -> Option<&Arc<TableDef>> {
        self.statements.first().filter(|_| self.is_of_one_table()).map(|statement| statement.table())
    }

    fn is_conditional(&self) -> bool {
        self.statements.iter().any(|statement| statement.is_conditional())
    }

    /// Carries it out.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        self.execute_each(run, &vec![run.values; self.statements.len()])
    }

    /// Carries it out with values for each statement.
    pub(crate) fn execute_each(
        &self,
        run: &StatementRun<'_>,
        values: &[&[BoundValue]],
    ) -> CqlResult<Response> {
        self.statements.iter().try_for_each(|statement| statement.validate())?;
        let runs: Vec<_> = values.iter().map(|values| run.with_values(values)).collect();
        if self.is_conditional() {
            run.options.check_conditional()?;
            self.check_rows(&runs)?;
        } else {
            self.statements.iter().try_for_each(|statement| run.options.check_write(statement.table()))?;
        }
        let mut batch = run.database.batch();
        for (statement, run) in self.statements.iter().zip(&runs) {
            statement.add(run, &mut batch, self.is_conditional())?;
        }
        self.commit(run, batch)
    }

    /// Refuses conditions on several partitions, and those that contradict each other
    /// (`CQL3CasRequest`).
    fn check_rows(&self, runs: &[StatementRun<'_>]) -> CqlResult<()> {
        let mut first = None;
        let mut asked: Vec<(Option<KeyParts>, Option<bool>)> = Vec::new();
        for (statement, run) in self.statements.iter().zip(runs) {
            let keys = statement.keys(run)?;
            if statement.names_several_partitions() {
                return refuse("IN on the partition key is not supported with conditional updates");
            }
            if *first.get_or_insert_with(|| keys.clone()) != keys {
                return refuse("Batch with conditions cannot span multiple partitions");
            }
            statement.check_one_row("clustering key columns", statement.names_several_rows())?;
            if !statement.is_conditional() {
                continue;
            }
            let rows = statement.rows(run)?;
            let asks = statement.asks();
            let row = rows.into_iter().next().filter(|row| !row.is_empty());
            let of_row = (asks.exists.is_some() || asks.regulars).then_some((row, asks.exists));
            let of_statics = asks.statics.then_some((None, None));
            for (row, exists) in of_row.into_iter().chain(of_statics) {
                match asked.iter().find(|(known, _)| *known == row) {
                    Some((_, known)) if *known == exists => {}
                    Some((_, known)) => return refuse(contradiction(*known, exists)),
                    None => asked.push((row, exists)),
                }
            }
        }
        Ok(())
    }

    fn commit(&self, run: &StatementRun<'_>, mut batch: Batch) -> CqlResult<Response> {
        let timestamp = self.timestamp.as_ref().map(|expr| timestamp_of(run, expr)).transpose()?;
        if let Some(timestamp) = timestamp.flatten() {
            batch.timestamp(timestamp);
        }
        let problem = |error: helenus_engine::Error| match self.statements.first() {
            Some(statement) => statement.problem(error),
            None => error.into(),
        };
        let conditional =
            self.statements.iter().filter_map(|statement| Some((statement.table(), statement.shown()?)));
        let mut conditional = conditional.collect::<Vec<_>>().into_iter();
        let Some((table, shown)) = conditional.next() else {
            let tables = self.statements.iter().map(|statement| &**statement.table());
            limits::execute(run, self.kind, tables, &mut batch).map_err(problem)?;
            return Ok(Response::void());
        };
        let shown = conditional.fold(shown.clone(), |shown, (_, more)| shown.and(more));
        let rows = match batch.execute_if().map_err(problem)? {
            BatchOutcome::Applied => conditions::applied(table),
            BatchOutcome::Refused(rows) => conditions::refused(table, &shown, true, &rows)?,
        };
        Ok(Answer::Rows(rows).into())
    }
}

/// What is said of two conditions on one row of which one is about its existence.
fn contradiction(known: Option<bool>, more: Option<bool>) -> &'static str {
    match (known, more) {
        (Some(_), Some(_)) => "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row",
        (None, Some(true)) => "Cannot mix IF conditions and IF EXISTS for the same row",
        _ => "Cannot mix IF conditions and IF NOT EXISTS for the same row",
    }
}
