//! `DESCRIBE`.

use super::{Identifier, QualifiedName};

/// `DESCRIBE … [WITH INTERNALS]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Describe {
    /// What is described.
    pub target: DescribeTarget,
    /// `WITH INTERNALS`
    pub internals: bool,
}

/// What a `DESCRIBE` describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescribeTarget {
    /// `CLUSTER`
    Cluster,
    /// `[FULL] SCHEMA`
    Schema {
        /// With Cassandra's own keyspaces.
        full: bool,
    },
    /// `KEYSPACES`
    Keyspaces,
    /// `TABLES`
    Tables,
    /// `TYPES`
    Types,
    /// `FUNCTIONS`
    Functions,
    /// `AGGREGATES`
    Aggregates,
    /// `[ONLY] KEYSPACE [name]`
    Keyspace {
        /// Without what is in it.
        only: bool,
        /// The session's without one.
        name: Option<Identifier>,
    },
    /// `TABLE name`
    Table(QualifiedName),
    /// `TYPE name`
    Type(QualifiedName),
    /// `FUNCTION name`: all of that name.
    Function(QualifiedName),
    /// `AGGREGATE name`: all of that name.
    Aggregate(QualifiedName),
    /// `INDEX name`
    Index(QualifiedName),
    /// `MATERIALIZED VIEW name`
    View(QualifiedName),
    /// A name alone: a keyspace, table, index or view.
    Named(QualifiedName),
}
