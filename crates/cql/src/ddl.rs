//! Schema statements, and the events of their changes (`cql3/statements/schema`).

use helenus_cql_syntax::{QualifiedName, Statement};
use helenus_engine::parts;
use helenus_schema::{SchemaChange, TableDef};

use crate::error::{CqlError, CqlResult, ErrorCode, ErrorDetail};
use crate::execution::StatementRun;
use crate::response::{Answer, EventChange, EventTarget, Response, SchemaChangeEvent};

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
        event.name =
            run.catalog.tables().find(|table| has_index(table)).map(|table| table.name().to_string());
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

/// The event of a statement that is carried out.
fn event_of(statement: &Statement, keyspace: Option<&str>) -> Option<SchemaChangeEvent> {
    use {EventChange as C, EventTarget as T};
    let event = |change, target, name: &QualifiedName| SchemaChangeEvent {
        change,
        target,
        keyspace: name
            .keyspace
            .as_ref()
            .map_or(keyspace, |name| Some(name.as_str()))
            .unwrap_or_default()
            .to_owned(),
        name: Some(name.name.as_str().to_owned()),
        arguments: Vec::new(),
    };
    let of_keyspace = |change, name: &str| SchemaChangeEvent {
        change,
        target: T::Keyspace,
        keyspace: name.to_owned(),
        name: None,
        arguments: Vec::new(),
    };
    Some(match statement {
        Statement::CreateKeyspace(create) => of_keyspace(C::Created, create.name.as_str()),
        Statement::AlterKeyspace(alter) => of_keyspace(C::Updated, alter.name.as_str()),
        Statement::DropKeyspace(drop) => of_keyspace(C::Dropped, drop.name.as_str()),
        Statement::CreateType(create) => event(C::Created, T::Type, &create.name),
        Statement::AlterType(alter) => event(C::Updated, T::Type, &alter.name),
        Statement::DropType(drop) => event(C::Dropped, T::Type, &drop.name),
        Statement::CreateTable(create) => event(C::Created, T::Table, &create.name),
        Statement::AlterTable(alter) => event(C::Updated, T::Table, &alter.name),
        Statement::DropTable(drop) | Statement::DropView(drop) => event(C::Dropped, T::Table, &drop.name),
        Statement::CreateIndex(create) => event(C::Updated, T::Table, &create.table),
        Statement::DropIndex(drop) => event(C::Updated, T::Table, &drop.name),
        Statement::CreateView(create) => event(C::Created, T::Table, &create.name),
        Statement::AlterView(alter) => event(C::Updated, T::Table, &alter.name),
        _ => return None,
    })
}

/// The error of a statement that was refused.
fn refused(error: helenus_engine::Error, event: Option<&SchemaChangeEvent>) -> CqlError {
    let error = CqlError::from(error);
    match event {
        Some(event) if error.code() == ErrorCode::AlreadyExists && event.target != EventTarget::Type => {
            let (keyspace, table) = (event.keyspace.clone(), event.name.clone().unwrap_or_default());
            error.with_detail(ErrorDetail::Existing { keyspace, table })
        }
        _ => error,
    }
}
