//! Batches within the thresholds of requests (`BatchStatement.executeWithoutConditions`).

use std::cell::RefCell;
use std::collections::BTreeSet;

use helenus_cql_syntax::BatchKind;
use helenus_engine::{Batch, Result, parts};
use helenus_schema::TableDef;

use crate::execution::StatementRun;
use crate::guardrails::{listed, plural};

/// Writes a batch without conditions, if it is within the thresholds.
pub(super) fn execute<'t>(
    run: &StatementRun<'_>,
    kind: BatchKind,
    tables: impl Iterator<Item = &'t TableDef>,
    batch: &mut Batch,
) -> Result<()> {
    if kind == BatchKind::Logged {
        warn_of_low_gc_grace(run, tables);
    }
    // The database looks again where the schema has changed meanwhile.
    let warnings = RefCell::new(Vec::new());
    parts::execute_measured(batch, &|extent| {
        *warnings.borrow_mut() = run.environment.guardrails.check_batch(kind, extent)?;
        Ok(())
    })?;
    warnings.take().into_iter().for_each(|warning| run.warn(warning));
    Ok(())
}

/// The log of batches, which Cassandra keeps, expires with the tables' tombstones.
fn warn_of_low_gc_grace<'t>(run: &StatementRun<'_>, tables: impl Iterator<Item = &'t TableDef>) {
    let low = tables.filter(|table| table.options().gc_grace_seconds == 0);
    let low: BTreeSet<_> = low.map(|table| format!("{}.{}", table.keyspace(), table.name())).collect();
    if !low.is_empty() {
        run.warn(format!(
            "Executing a LOGGED BATCH on table{} {}, configured with a gc_grace_seconds of 0. The gc_grace_seconds is \
             used to TTL batchlog entries, so setting gc_grace_seconds too low on tables involved in an atomic batch \
             might cause batchlog entries to expire before being replayed.",
            plural(&low),
            listed(&low)
        ));
    }
}
