//! The tree.
//!
//! Names of nodes are Cassandra's. The tree keeps what a statement says and drops how it was
//! written: case of keywords, comments, where the primary key stood among the columns, `c += 1` for
//! `c = c + 1`.

mod administration;
mod describe;
mod dml;
mod names;
mod schema;
mod terms;
mod types;

pub use administration::{Administration, CreateRoutine, DropRoutine, Resource, RoleOptions};
pub use describe::{Describe, DescribeTarget};
pub use dml::{
    Assignment, AssignmentOperation, Batch, BatchKind, Comparison, Condition, Delete, DeleteTarget, InValues,
    Insert, InsertValues, IntValue, JsonValue, Modification, Order, Ordering, Relation, RelationTarget,
    Select, Selection, Selector, Update, Using,
};
pub use names::{Identifier, QualifiedName};
pub use schema::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, ColumnDefinition,
    ColumnMask, CreateIndex, CreateKeyspace, CreateTable, CreateType, CreateView, DropKeyspace, DropObject,
    FieldDefinition, IndexTarget, IndexTargetKind, PrimaryKey, Property, PropertyValue, Rename, TableOptions,
};
pub use terms::{BinaryOperator, ColumnMeta, Literal, Marker, Term};
pub use types::{CqlType, NativeType};

/// One statement of CQL.
///
/// `Display` writes CQL without the closing `;`. `CREATE TABLE`, `CREATE TYPE` and
/// `CREATE MATERIALIZED VIEW` come over several lines as Cassandra's `DESCRIBE` writes them,
/// everything else on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `CREATE KEYSPACE`
    CreateKeyspace(CreateKeyspace),
    /// `ALTER KEYSPACE`
    AlterKeyspace(AlterKeyspace),
    /// `DROP KEYSPACE`
    DropKeyspace(DropKeyspace),
    /// `CREATE TYPE`
    CreateType(CreateType),
    /// `ALTER TYPE`
    AlterType(AlterType),
    /// `DROP TYPE`
    DropType(DropObject),
    /// `CREATE TABLE`
    CreateTable(Box<CreateTable>),
    /// `ALTER TABLE`
    AlterTable(Box<AlterTable>),
    /// `DROP TABLE`
    DropTable(DropObject),
    /// `TRUNCATE`
    Truncate(QualifiedName),
    /// `CREATE INDEX` and `CREATE CUSTOM INDEX`
    CreateIndex(Box<CreateIndex>),
    /// `DROP INDEX`
    DropIndex(DropObject),
    /// `CREATE MATERIALIZED VIEW`
    CreateView(Box<CreateView>),
    /// `ALTER MATERIALIZED VIEW`
    AlterView(AlterView),
    /// `DROP MATERIALIZED VIEW`
    DropView(DropObject),
    /// `USE`
    Use(Identifier),
    /// `SELECT`
    Select(Box<Select>),
    /// `INSERT`
    Insert(Box<Insert>),
    /// `UPDATE`
    Update(Box<Update>),
    /// `DELETE`
    Delete(Box<Delete>),
    /// `BEGIN BATCH … APPLY BATCH`
    Batch(Batch),
    /// `DESCRIBE`
    Describe(Describe),
    /// A statement about functions, aggregates, triggers, roles or permissions: its text from the
    /// first to the last token, as it stood.
    Other(String),
}
