//! Schema statements, and the events of their changes (`cql3/statements/schema`).

use std::sync::Arc;

use helenus_cql_syntax::{QualifiedName, Statement};
use helenus_engine::parts;
use helenus_schema::{SchemaChange, SchemaEvent, SchemaEventKind, SchemaTarget, TableDef};

use crate::error::{CqlError, CqlResult, ErrorCode, ErrorDetail};
use crate::execution::StatementRun;
use crate::response::{Answer, Response};

/// Carries out a schema statement; names without a keyspace are in `keyspace`.
pub(crate) fn execute(
    run: &StatementRun<'_>,
    statement: &Statement,
    keyspace: Option<&str>,
) -> CqlResult<Response> {
    let Some(mut event) = event_of(statement, keyspace) else {
        parts::apply_schema(run.database, statement, keyspace).map_err(|error| refused(error, None))?;
        return Ok(Response::void());
    };
    // The table of an index that is dropped is known before alone.
    if let Statement::DropIndex(drop) = statement {
        let has_index = |table: &TableDef| {
            let named = table.indexes().iter().filter_map(|index| index.name.as_ref());
            **table.keyspace() == *event.keyspace && named.into_iter().any(|name| *name == drop.name.name)
        };
        if let Some(table) = run.catalog.tables().find(|table| has_index(table)) {
            event.target = SchemaTarget::Table(table.name().clone());
        }
    }
    let outcome = parts::apply_schema(run.database, statement, keyspace)
        .map_err(|error| refused(error, Some(&event)))?;
    // That an index is not built is no news here: what it makes legal is answered by looking
    // through the rows.
    let warnings = outcome.warnings.into_iter().filter(|warning| !warning.ends_with("no read goes by it"));
    warnings.for_each(|warning| run.warn(warning));
    if outcome.changes.iter().all(|change| *change == SchemaChange::Nothing) {
        return Ok(Response::void());
    }
    Ok(Answer::SchemaChange(event).into())
}

/// The event of a statement that is carried out (`AlterSchemaStatement.schemaChangeEvent`).
fn event_of(statement: &Statement, keyspace: Option<&str>) -> Option<SchemaEvent> {
    use SchemaEventKind::{Created, Dropped, Updated};
    let of = |kind, target: fn(Arc<str>) -> SchemaTarget, name: &QualifiedName| SchemaEvent {
        kind,
        target: target(name.name.as_str().into()),
        keyspace: name
            .keyspace
            .as_ref()
            .map_or(keyspace, |name| Some(name.as_str()))
            .unwrap_or_default()
            .into(),
    };
    let of_keyspace =
        |kind, name: &str| SchemaEvent { kind, target: SchemaTarget::Keyspace, keyspace: name.into() };
    let of_type = |kind, name| of(kind, SchemaTarget::Type, name);
    let of_table = |kind, name| of(kind, SchemaTarget::Table, name);
    Some(match statement {
        Statement::CreateKeyspace(create) => of_keyspace(Created, create.name.as_str()),
        Statement::AlterKeyspace(alter) => of_keyspace(Updated, alter.name.as_str()),
        Statement::DropKeyspace(drop) => of_keyspace(Dropped, drop.name.as_str()),
        Statement::CreateType(create) => of_type(Created, &create.name),
        Statement::AlterType(alter) => of_type(Updated, &alter.name),
        Statement::DropType(drop) => of_type(Dropped, &drop.name),
        Statement::CreateTable(create) => of_table(Created, &create.name),
        Statement::AlterTable(alter) => of_table(Updated, &alter.name),
        Statement::DropTable(drop) | Statement::DropView(drop) => of_table(Dropped, &drop.name),
        Statement::CreateIndex(create) => of_table(Updated, &create.table),
        Statement::DropIndex(drop) => of_table(Updated, &drop.name),
        Statement::CreateView(create) => of_table(Created, &create.name),
        Statement::AlterView(alter) => of_table(Updated, &alter.name),
        _ => return None,
    })
}

/// The error of a statement that was refused.
fn refused(error: helenus_engine::Error, event: Option<&SchemaEvent>) -> CqlError {
    let error = CqlError::from(error);
    match event {
        Some(SchemaEvent { target, keyspace, .. })
            if error.code() == ErrorCode::AlreadyExists && !matches!(target, SchemaTarget::Type(_)) =>
        {
            let table = target.words().1.unwrap_or_default().to_owned();
            error.with_detail(ErrorDetail::Existing { keyspace: keyspace.to_string(), table })
        }
        _ => error,
    }
}
