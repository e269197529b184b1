//! Which room takes a statement.

use std::sync::Arc;

use helenus_cql_syntax::{Administration, Modification, QualifiedName, Statement};
use helenus_engine::Database;
use helenus_schema::TableDef;

use crate::ddl;
use crate::describe::{self, DescribePlan};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::response::{Answer, Response};
use crate::scope::Scope;
use crate::select::{self, SelectPlan};
use crate::spec::ColumnSpec;
use crate::system::definitions::catalog_of;
use crate::system::refusals::refuse_truncation;
use crate::write::{self, BatchPlan, WritePlan};

/// A statement that was compiled against a catalog.
#[derive(Debug)]
pub(crate) enum Compiled {
    Select(Box<SelectPlan>),
    Write(Arc<WritePlan>),
    Batch(Box<BatchPlan>),
    /// A schema statement, and the keyspace of its names.
    Schema(Box<Statement>, Option<String>),
    /// A statement about functions, triggers, roles or permissions, and the keyspace of its names.
    Administration(Box<Administration>, Option<String>),
    Use(String),
    Describe(Box<DescribePlan>),
}

/// Compiles a statement; its markers are noted.
pub(crate) fn compile(
    scope: &mut Scope<'_>,
    database: &Database,
    statement: Statement,
) -> CqlResult<Compiled> {
    let write = |scope: &mut Scope<'_>, statement: &Modification| {
        Ok(Compiled::Write(Arc::new(write::compile(scope, database, statement)?)))
    };
    match statement {
        Statement::Select(select) => Ok(Compiled::Select(Box::new(select::compile(scope, &select)?))),
        Statement::Insert(insert) => write(scope, &Modification::Insert(insert)),
        Statement::Update(update) => write(scope, &Modification::Update(update)),
        Statement::Delete(delete) => write(scope, &Modification::Delete(delete)),
        Statement::Batch(batch) => {
            Ok(Compiled::Batch(Box::new(write::compile_batch(scope, database, &batch)?)))
        }
        Statement::Use(keyspace) => {
            let catalog = catalog_of(scope.catalog, keyspace.as_str());
            if catalog.keyspace(keyspace.as_str()).is_err() {
                return refuse(format!("Keyspace '{}' does not exist", keyspace.as_str()));
            }
            Ok(Compiled::Use(keyspace.into()))
        }
        Statement::Truncate(table) => {
            refuse_truncation(scope, &table)?;
            Ok(Compiled::Schema(Box::new(Statement::Truncate(table)), scope.keyspace.map(str::to_owned)))
        }
        Statement::Describe(statement) => {
            Ok(Compiled::Describe(Box::new(describe::compile(statement, scope.keyspace))))
        }
        Statement::Other(text) => {
            let statement = Box::new(ddl::compile_administration(&text)?);
            Ok(Compiled::Administration(statement, scope.keyspace.map(str::to_owned)))
        }
        schema => Ok(Compiled::Schema(Box::new(schema), scope.keyspace.map(str::to_owned))),
    }
}

/// Whether all of the statement's tables bring their keyspace, so that the session's doesn't matter
/// (`QualifiedStatement.isFullyQualified`).
pub(crate) fn is_qualified(statement: &Statement) -> bool {
    let of = |name: &QualifiedName| name.keyspace.is_some();
    match statement {
        Statement::Select(select) => of(&select.table),
        Statement::Insert(insert) => of(&insert.table),
        Statement::Update(update) => of(&update.table),
        Statement::Delete(delete) => of(&delete.table),
        Statement::Batch(batch) => batch.statements.iter().all(|statement| match statement {
            Modification::Insert(insert) => of(&insert.table),
            Modification::Update(update) => of(&update.table),
            Modification::Delete(delete) => of(&delete.table),
        }),
        Statement::Truncate(table) => of(table),
        _ => false,
    }
}

impl Compiled {
    /// The table that a statement of data is about.
    pub(crate) fn table(&self) -> Option<&Arc<TableDef>> {
        match self {
            Self::Select(select) => Some(select.table()),
            Self::Write(write) => Some(write.table()),
            Self::Batch(batch) => batch.table(),
            _ => None,
        }
    }

    /// The columns of the result, where they are known before.
    pub(crate) fn specs(&self) -> &[ColumnSpec] {
        match self {
            Self::Select(select) => select.specs(),
            _ => &[],
        }
    }

    /// Carries it out; warnings are left in `run`.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        match self {
            Self::Select(select) => select.execute(run),
            Self::Write(write) if run.options.timestamp_us.is_some() && !write.takes_timestamp() => {
                run.without_timestamp(|run| write.execute(run))
            }
            Self::Write(write) => write.execute(run),
            Self::Batch(batch) => batch.timed(run, |run| batch.execute(run)),
            Self::Schema(statement, keyspace) => ddl::execute(run, statement, keyspace.as_deref()),
            Self::Administration(statement, keyspace) => {
                ddl::execute_administration(&run.catalog, keyspace.as_deref(), statement)
            }
            Self::Describe(describe) => describe.execute(run),
            Self::Use(keyspace) => Ok(Answer::SetKeyspace(keyspace.clone()).into()),
        }
    }
}
