//! Statements about functions, aggregates, triggers, roles and permissions.

use super::{CqlType, Identifier, QualifiedName};

/// A statement about what a schema doesn't define: of a statement that is kept as text, what has to
/// be known to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Administration {
    /// `CREATE [OR REPLACE] FUNCTION …`
    CreateFunction(CreateRoutine),
    /// `CREATE [OR REPLACE] AGGREGATE … SFUNC … STYPE …`
    CreateAggregate {
        /// What it shares with a function.
        routine: CreateRoutine,
        /// The function that takes a row into the state.
        state_function: Identifier,
        /// The type of the state.
        state_type: CqlType,
    },
    /// `DROP FUNCTION …`
    DropFunction(DropRoutine),
    /// `DROP AGGREGATE …`
    DropAggregate(DropRoutine),
    /// `CREATE TRIGGER [IF NOT EXISTS] name ON table USING 'class'`
    CreateTrigger {
        /// The table.
        table: QualifiedName,
        /// The class that is called for writes.
        class: String,
    },
    /// `DROP TRIGGER [IF EXISTS] name ON table`
    DropTrigger {
        /// `IF EXISTS`
        if_exists: bool,
        /// The trigger.
        name: Identifier,
        /// The table.
        table: QualifiedName,
    },
    /// `CREATE ROLE | USER …`
    CreateRole(RoleOptions),
    /// `ALTER ROLE | USER …`
    AlterRole(RoleOptions),
    /// `GRANT …` and `REVOKE …` of permissions: whether the resource has any of them.
    Permissions(Result<(), Resource>),
    /// Any other about roles, permissions and identities.
    Roles,
}

/// The head of a function or an aggregate that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRoutine {
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The types of its arguments.
    pub arguments: Vec<CqlType>,
}

/// The function or aggregate that is to be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropRoutine {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The types of its arguments, where they are given.
    pub arguments: Option<Vec<CqlType>>,
}

/// The options that a statement gives a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleOptions {
    /// Whether the role is a superuser.
    pub superuser: Option<bool>,
    /// `PASSWORD`
    pub has_password: bool,
    /// `HASHED PASSWORD`
    pub has_hashed_password: bool,
    /// `OPTIONS`
    pub has_options: bool,
    /// Whether there is any other.
    pub has_others: bool,
    /// Whether the name of the role is empty.
    pub is_nameless: bool,
}

/// What permissions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Keyspaces and tables.
    Data,
    /// Roles.
    Roles,
    /// Functions and aggregates.
    Functions,
    /// Beans of Java's management.
    Beans,
}
