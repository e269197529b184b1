//! CQL text to tree and back: lexer, parser, AST, printer.
//!
//! **Knows** the grammar of CQL as Cassandra 5.0 speaks it (`Lexer.g` and `Parser.g` there):
//! tokens, identifiers and their quoting, types, terms, and every statement of the data definition
//! and data manipulation languages.
//!
//! And what of it has a meaning by itself: which [type](helenus_types::Type) a name stands for
//! (`resolve.rs`), which bytes a literal is as a value of a type (`value.rs`).
//!
//! **Must not know** what a statement means: no schema, no engine. Whether a table exists or a
//! clustering order is complete is decided by the user of the tree. Of the project's crates this
//! one uses `types` alone, because the engine keeps its schema as CQL and the query layer stands
//! above the engine.
//!
//! **Start reading** in `ast` (the tree), then `parse` (how text becomes a tree; `parse/cursor.rs`
//! is the machinery), then `print` (how a tree becomes text). For every tree that the parser makes,
//! printing and parsing again gives the same tree.
//!
//! ```
//! use helenus_cql_syntax::{Statement, parse_statement};
//!
//! let statement = parse_statement("create table T (k int, v text, primary key (k)) with comment = 'x'")?;
//! let Statement::CreateTable(table) = &statement else { unreachable!() };
//! assert_eq!(table.name.name, "t");
//! assert_eq!(statement.to_string(), "CREATE TABLE t (\n    k int PRIMARY KEY,\n    v text\n) WITH comment = 'x'");
//! # Ok::<(), helenus_cql_syntax::SyntaxError>(())
//! ```
//!
//! Statements outside those two languages (functions, aggregates, triggers, roles, permissions) are
//! recognised by their first words and kept as text in [`Statement::Other`], so that a script that
//! holds them can be read.

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod ast;
mod error;
mod keywords;
mod lexer;
mod parse;
mod print;
mod resolve;
mod script;
mod span;
mod value;

pub use ast::{
    Administration, AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView,
    Assignment, AssignmentOperation, Batch, BatchKind, BinaryOperator, ColumnDefinition, ColumnMask,
    ColumnMeta, Comparison, Condition, CqlType, CreateIndex, CreateKeyspace, CreateRoutine, CreateTable,
    CreateType, CreateView, Delete, DeleteTarget, Describe, DescribeTarget, DropKeyspace, DropObject,
    DropRoutine, FieldDefinition, Identifier, InValues, IndexTarget, IndexTargetKind, Insert, InsertValues,
    IntValue, JsonValue, Literal, Marker, Modification, NativeType, Order, Ordering, PrimaryKey, Property,
    PropertyValue, QualifiedName, Relation, RelationTarget, Rename, Resource, RoleOptions, Select, Selection,
    Selector, Statement, TableOptions, Term, Update, Using,
};
pub use error::SyntaxError;
pub use keywords::is_unreserved_keyword;
pub use parse::{
    MAX_NESTING, parse_administration, parse_index_targets, parse_qualified_name, parse_relations,
    parse_statement, parse_statements, parse_term, parse_type,
};
pub use resolve::{ResolveError, check_size};
pub use script::{ScriptPiece, first_piece, token_spans};
pub use span::{Position, Span, Spanned};
pub use value::{LiteralError, parse_literal, parse_text};
