//! Schema statements, and the events of their changes (`cql3/statements/schema`).

mod administration;

use std::sync::Arc;

use helenus_cql_syntax::{QualifiedName, Statement};
use helenus_engine::parts;
use helenus_schema::{SchemaEvent, SchemaEventKind, SchemaRules, SchemaTarget, SchemaWarning};

use crate::error::CqlResult;
use crate::execution::StatementRun;
use crate::response::{Answer, Response};

pub(crate) use administration::{compile as compile_administration, execute as execute_administration};

/// Carries out a schema statement; names without a keyspace are in `keyspace`.
pub(crate) fn execute(
    run: &StatementRun<'_>,
    statement: &Statement,
    keyspace: Option<&str>,
) -> CqlResult<Response> {
    let outcome = parts::apply_schema(run.database, statement, keyspace, SchemaRules::NODE)?;
    // What a node doesn't say is no news here: what an index makes legal is answered by looking
    // through the rows.
    let warnings = outcome.warnings.into_iter().filter(SchemaWarning::is_of_node);
    warnings.for_each(|warning| run.warn(warning.to_string()));
    // A statement that leaves everything as it was has no event.
    let Some(first) = outcome.events.into_iter().next() else { return Ok(Response::void()) };
    // An index is a part of its table, which its name doesn't say.
    Ok(Answer::SchemaChange(event_of(statement, keyspace).unwrap_or(first)).into())
}

/// The event of a statement that changed something (`AlterSchemaStatement.schemaChangeEvent`).
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
        Statement::CreateView(create) => of_table(Created, &create.name),
        Statement::AlterView(alter) => of_table(Updated, &alter.name),
        _ => return None,
    })
}
