//! BATCH (`BatchStatement`).

use std::sync::Arc;

use helenus_cql_syntax::{BatchKind, IntValue, Modification, Using};
use helenus_engine::{Batch, BatchOutcome, Database};
use helenus_types::Type;

use super::conditions;
use super::plan::WritePlan;
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::response::{Answer, Response};
use crate::scope::Scope;
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// A batch that was compiled.
#[derive(Debug)]
pub(crate) struct BatchPlan {
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
    let compiled = batch
        .statements
        .iter()
        .map(|statement: &Modification| super::plan::compile(scope, database, statement).map(Arc::new));
    let statements = compiled.collect::<CqlResult<Vec<_>>>()?;
    let timestamp = timestamp(scope, &batch.using)?;
    if batch.using.ttl_s.is_some() {
        return refuse("Global TTL on the BATCH statement is not supported.");
    }
    BatchPlan::new(batch.kind, statements, timestamp)
}

fn timestamp(scope: &mut Scope<'_>, using: &Using) -> CqlResult<Option<Expr>> {
    let empty: Arc<str> = "".into();
    let receiver =
        ColumnSpec { keyspace: empty.clone(), table: empty, name: "[timestamp]".into(), ty: Type::BigInt };
    using.timestamp_us.as_ref().map(|value: &IntValue| term::prepare_int(scope, value, &receiver)).transpose()
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
        if timestamp.is_some() && counters > 0 {
            return refuse("Cannot provide custom timestamp for a BATCH containing counters");
        }
        if timestamp.is_some() && is_conditional {
            return refuse("Cannot provide custom timestamp for conditional BATCH");
        }
        if timestamp.is_some() && statements.iter().any(|statement| statement.has_timestamp()) {
            return refuse("Timestamp must be set either on BATCH or individual statements");
        }
        if kind == BatchKind::Counter && counters < statements.len() {
            return refuse("Cannot include non-counter statement in a counter batch");
        }
        if kind == BatchKind::Logged && counters > 0 {
            return refuse("Cannot include a counter statement in a logged batch");
        }
        if counters > 0 && counters < statements.len() {
            return refuse("Counter and non-counter mutations cannot exist in the same batch");
        }
        if is_conditional {
            let mut tables = statements.iter().map(|statement| statement.table().id());
            let first = tables.next();
            if tables.any(|table| Some(table) != first) {
                return refuse("Batch with conditions cannot span multiple tables");
            }
        }
        Ok(Self { statements, timestamp })
    }

    /// Carries it out.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        self.check_partitions(run, None)?;
        let mut batch = run.database.batch();
        for statement in &self.statements {
            statement.add(run, &mut batch)?;
        }
        self.commit(run, batch)
    }

    /// Carries it out with values for each statement.
    pub(crate) fn execute_each(
        &self,
        run: &StatementRun<'_>,
        values: &[&[BoundValue]],
    ) -> CqlResult<Response> {
        self.check_partitions(run, Some(values))?;
        let mut batch = run.database.batch();
        for (statement, values) in self.statements.iter().zip(values) {
            statement.add(&run.with_values(values), &mut batch)?;
        }
        self.commit(run, batch)
    }

    /// Refuses conditions on several partitions.
    fn check_partitions(&self, run: &StatementRun<'_>, values: Option<&[&[BoundValue]]>) -> CqlResult<()> {
        if !self.statements.iter().any(|statement| statement.is_conditional()) {
            return Ok(());
        }
        let mut first = None;
        for (at, statement) in self.statements.iter().enumerate() {
            let keys = match values.and_then(|values| values.get(at)) {
                Some(values) => statement.keys(&run.with_values(values))?,
                None => statement.keys(run)?,
            };
            if *first.get_or_insert_with(|| keys.clone()) != keys || keys.len() > 1 {
                return refuse("Batch with conditions cannot span multiple partitions");
            }
        }
        Ok(())
    }

    fn commit(&self, run: &StatementRun<'_>, mut batch: Batch) -> CqlResult<Response> {
        if let Some(expr) = &self.timestamp {
            let value = expr.evaluate(run)?;
            if let Some(bytes) = value.bytes().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
                batch.timestamp(i64::from_be_bytes(bytes));
            }
        }
        let conditional = self.statements.iter().find(|statement| statement.is_conditional());
        let Some(conditional) = conditional else {
            batch.execute()?;
            return Ok(Response::void());
        };
        let rows = match batch.execute_if()? {
            BatchOutcome::Applied => conditions::applied(conditional.table()),
            BatchOutcome::Refused(rows) => conditions::refused(conditional.table(), &rows)?,
        };
        Ok(Answer::Rows(rows).into())
    }
}
