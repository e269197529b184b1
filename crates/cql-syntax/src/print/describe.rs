//! `DESCRIBE`.

use std::fmt::{self, Display, Formatter};

use helenus_types::is_reserved;

use super::names::{Quoting, TypeName};
use super::words_if;
use crate::ast::{Describe, DescribeTarget, QualifiedName};

/// Words that are names elsewhere, and after `DESCRIBE` say what is described.
const TARGETS: [&str; 8] =
    ["aggregates", "cluster", "columnfamilies", "functions", "keyspaces", "only", "tables", "types"];

fn begins_another(word: &str) -> bool {
    is_reserved(word) || TARGETS.contains(&word)
}

impl Display for Describe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("DESCRIBE ")?;
        self.target.fmt(f)?;
        words_if(f, self.internals, " WITH INTERNALS")
    }
}

impl Display for DescribeTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("CLUSTER"),
            Self::Schema { full } => f.write_str(if *full { "FULL SCHEMA" } else { "SCHEMA" }),
            Self::Keyspaces => f.write_str("KEYSPACES"),
            Self::Tables => f.write_str("TABLES"),
            Self::Types => f.write_str("TYPES"),
            Self::Functions => f.write_str("FUNCTIONS"),
            Self::Aggregates => f.write_str("AGGREGATES"),
            Self::Keyspace { only, name } => {
                f.write_str(if *only { "ONLY KEYSPACE" } else { "KEYSPACE" })?;
                name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
            }
            Self::Table(name) => write!(f, "TABLE {name}"),
            Self::Type(name) => write!(f, "TYPE {}", TypeName(name)),
            Self::Function(name) => write!(f, "FUNCTION {name}"),
            Self::Aggregate(name) => write!(f, "AGGREGATE {name}"),
            Self::Index(name) => write!(f, "INDEX {name}"),
            Self::View(name) => write!(f, "MATERIALIZED VIEW {name}"),
            Self::Named(QualifiedName { keyspace, name }) => {
                if let Some(keyspace) = keyspace {
                    write!(f, "{}.", Quoting(keyspace, begins_another))?;
                }
                Quoting(name, begins_another).fmt(f)
            }
        }
    }
}
