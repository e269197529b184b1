//! Functions, aggregates, triggers, roles and permissions as a node answers that has no functions
//! of users switched on, asks nobody for a password and permits everything to everybody.

use helenus_cql_syntax::{
    Administration, CqlType, CreateRoutine, DropRoutine, QualifiedName, Resource, RoleOptions,
    parse_administration,
};
use helenus_schema::Catalog;

use crate::error::{CqlError, CqlResult, ErrorCode, refuse};
use crate::response::Response;
use crate::scope::Scope;

/// The role manager of such a node, which refuses what needs a password.
const ROLE_MANAGER: &str = "org.apache.cassandra.auth.CassandraRoleManager";

/// Checks the text of such a statement as the grammar and what comes before its execution do it.
pub(crate) fn compile(text: &str) -> CqlResult<Administration> {
    let statement = parse_administration(text)?;
    match &statement {
        Administration::CreateRole(options) => check_create(options)?,
        Administration::AlterRole(options) => check_alter(options)?,
        Administration::Permissions(Err(resource)) => {
            let text = format!(
                "Resource type {} does not support any of the requested permissions",
                class_of(*resource)
            );
            return Err(CqlError::new(ErrorCode::Syntax, text));
        }
        Administration::Permissions(Ok(())) | Administration::Roles => return Err(anonymous()),
        _ => {}
    }
    Ok(statement)
}

/// Carries it out: nothing of what these statements could change is there.
pub(crate) fn execute(
    catalog: &Catalog,
    keyspace: Option<&str>,
    statement: &Administration,
) -> CqlResult<Response> {
    let scope = Scope::new(catalog, keyspace);
    match statement {
        Administration::CreateFunction(routine) => {
            check_routine(&scope, routine)?;
            refuse(
                "User-defined functions are disabled in cassandra.yaml - set user_defined_functions_enabled=true to enable",
            )
        }
        Administration::CreateAggregate { routine, state_function, state_type } => {
            let keyspace = check_routine(&scope, routine)?;
            check_aggregate(&scope, &keyspace, routine, state_type)?;
            let types = std::iter::once(state_type).chain(&routine.arguments);
            let types: Vec<_> = types.map(ToString::to_string).collect();
            refuse(format!(
                "State function {keyspace}.{}({}) doesn't exist",
                state_function.as_str(),
                types.join(", ")
            ))
        }
        Administration::DropFunction(routine) => drop_routine(&scope, "Function", routine),
        Administration::DropAggregate(routine) => drop_routine(&scope, "Aggregate", routine),
        Administration::CreateTrigger { table, class } => {
            let keyspace = own_keyspace(&scope, table)?;
            if scope.catalog.keyspace(&keyspace).is_err() {
                return refuse(format!("Keyspace '{keyspace}' doesn't exist"));
            }
            let name = table.name.as_str();
            let Ok(known) = scope.catalog.table(&keyspace, name) else {
                return refuse(format!("Table '{name}' doesn't exist"));
            };
            if known.view().is_some() {
                return refuse("Cannot CREATE TRIGGER for a materialized view");
            }
            refuse(format!("Trigger class '{class}' couldn't be loaded"))
        }
        Administration::DropTrigger { if_exists, name, table } => {
            let keyspace = own_keyspace(&scope, table)?;
            let text = || {
                format!("Trigger '{}' on '{keyspace}.{}' doesn't exist", name.as_str(), table.name.as_str())
            };
            missing(*if_exists, text)
        }
        Administration::CreateRole(_)
        | Administration::AlterRole(_)
        | Administration::Permissions(_)
        | Administration::Roles => Err(anonymous()),
    }
}

/// The keyspace of a name, which may not be one of the node's own.
fn own_keyspace(scope: &Scope<'_>, name: &QualifiedName) -> CqlResult<String> {
    let keyspace = scope.keyspace_of(name)?;
    if helenus_schema::is_system_keyspace(keyspace) {
        return refuse(format!("System keyspace '{keyspace}' is not user-modifiable"));
    }
    Ok(keyspace.to_owned())
}

fn check_routine(scope: &Scope<'_>, routine: &CreateRoutine) -> CqlResult<String> {
    let keyspace = own_keyspace(scope, &routine.name)?;
    if routine.or_replace && routine.if_not_exists {
        return refuse("Cannot use both 'OR REPLACE' and 'IF NOT EXISTS' directives");
    }
    Ok(keyspace)
}

fn check_aggregate(
    scope: &Scope<'_>,
    keyspace: &str,
    routine: &CreateRoutine,
    state_type: &CqlType,
) -> CqlResult<()> {
    let name = routine.name.name.as_str();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_word) {
        return refuse(format!("Aggregate name '{name}' is invalid"));
    }
    let frozen = |what: &str, ty: &CqlType| match ty {
        CqlType::Frozen(inner) if !matches!(**inner, CqlType::Tuple(_)) => {
            refuse(format!("{what} '{ty}' cannot be frozen; remove frozen<> modifier from '{ty}'"))
        }
        _ => Ok(()),
    };
    routine.arguments.iter().try_for_each(|argument| frozen("Argument", argument))?;
    frozen("State type", state_type)?;
    if scope.catalog.keyspace(keyspace).is_err() {
        return refuse(format!("Keyspace '{keyspace}' doesn't exist"));
    }
    for ty in routine.arguments.iter().chain([state_type]) {
        scope.resolve_type(keyspace, ty)?;
    }
    Ok(())
}

fn drop_routine(scope: &Scope<'_>, what: &str, routine: &DropRoutine) -> CqlResult<Response> {
    let keyspace = own_keyspace(scope, &routine.name)?;
    missing(routine.if_exists, || {
        let name = routine.name.name.as_str();
        let arguments = routine.arguments.as_ref().map(|arguments| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            format!("({})", arguments.join(", "))
        });
        format!("{what} '{keyspace}.{name}{}' doesn't exist", arguments.unwrap_or_default())
    })
}

fn missing(if_exists: bool, text: impl FnOnce() -> String) -> CqlResult<Response> {
    if if_exists { Ok(Response::void()) } else { refuse(text()) }
}

fn check_create(options: &RoleOptions) -> CqlResult<()> {
    if options.superuser == Some(true) {
        return Err(CqlError::new(
            ErrorCode::Unauthorized,
            "Only superusers can create a role with superuser status",
        ));
    }
    check_options(options)?;
    if options.is_nameless {
        return refuse("Role name can't be an empty string");
    }
    Err(anonymous())
}

fn check_alter(options: &RoleOptions) -> CqlResult<()> {
    if options.superuser.is_some() {
        return Err(CqlError::new(
            ErrorCode::Unauthorized,
            "Only superusers are allowed to alter superuser status",
        ));
    }
    check_options(options)?;
    let is_empty = !options.has_others;
    if is_empty { refuse("ALTER [ROLE|USER] can't be empty") } else { Err(anonymous()) }
}

/// Refuses options that need what the node doesn't have (`RoleOptions.validate`).
fn check_options(options: &RoleOptions) -> CqlResult<()> {
    if options.has_password && options.has_hashed_password {
        return Err(CqlError::new(
            ErrorCode::Syntax,
            "Options 'password' and 'hashed password' are mutually exclusive",
        ));
    }
    let given = [
        (options.has_password, "PASSWORD"),
        (options.has_options, "OPTIONS"),
        (options.has_hashed_password, "HASHED_PASSWORD"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, option)) => refuse(format!("{ROLE_MANAGER} doesn't support {option}")),
        None => Ok(()),
    }
}

/// What is said to whom the node doesn't know, which is everybody.
fn anonymous() -> CqlError {
    CqlError::new(
        ErrorCode::Unauthorized,
        "You have to be logged in and not anonymous to perform this request",
    )
}

fn class_of(resource: Resource) -> &'static str {
    match resource {
        Resource::Data => "DataResource",
        Resource::Roles => "RoleResource",
        Resource::Functions => "FunctionResource",
        Resource::Beans => "JMXResource",
    }
}
