//! Statements as a whole.

use std::fmt::{self, Display, Formatter};

use super::names::TypeName;
use super::words_if;
use crate::ast::{DropObject, Statement};

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateKeyspace(statement) => statement.fmt(f),
            Self::AlterKeyspace(statement) => statement.fmt(f),
            Self::DropKeyspace(statement) => statement.fmt(f),
            Self::CreateType(statement) => statement.fmt(f),
            Self::AlterType(statement) => statement.fmt(f),
            Self::DropType(dropped) => drop(f, "TYPE", dropped, &TypeName(&dropped.name)),
            Self::CreateTable(statement) => statement.fmt(f),
            Self::AlterTable(statement) => statement.fmt(f),
            Self::DropTable(dropped) => drop(f, "TABLE", dropped, &dropped.name),
            Self::Truncate(table) => write!(f, "TRUNCATE TABLE {table}"),
            Self::CreateIndex(statement) => statement.fmt(f),
            Self::DropIndex(dropped) => drop(f, "INDEX", dropped, &dropped.name),
            Self::CreateView(statement) => statement.fmt(f),
            Self::AlterView(statement) => statement.fmt(f),
            Self::DropView(dropped) => drop(f, "MATERIALIZED VIEW", dropped, &dropped.name),
            Self::Use(keyspace) => write!(f, "USE {keyspace}"),
            Self::Select(statement) => statement.fmt(f),
            Self::Insert(statement) => statement.fmt(f),
            Self::Update(statement) => statement.fmt(f),
            Self::Delete(statement) => statement.fmt(f),
            Self::Batch(statement) => statement.fmt(f),
            Self::Describe(statement) => statement.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

fn drop(f: &mut Formatter<'_>, object: &str, dropped: &DropObject, name: &dyn Display) -> fmt::Result {
    write!(f, "DROP {object} ")?;
    words_if(f, dropped.if_exists, "IF EXISTS ")?;
    name.fmt(f)
}
