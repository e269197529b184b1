//! What a statement that was carried out is worth a remark for.

use std::fmt;

/// A remark about a statement that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaWarning {
    /// An index is kept in the schema, and nothing builds it.
    IndexNotBuilt {
        /// `keyspace.table`
        table: String,
        /// The index, as CQL writes it.
        index: String,
    },
    /// The options of a table act differently from what they say.
    OtherEffect {
        /// `keyspace.table`
        table: String,
        /// The difference, in words.
        effect: String,
    },
    /// A part of a foreign schema was left out.
    LeftOut {
        /// `keyspace.table`
        table: String,
        /// The part and the reason, in words.
        part: String,
    },
    /// There are fewer nodes than a keyspace is to have replicas.
    FewNodes {
        /// The keyspace.
        keyspace: String,
        /// The replicas that it is to have.
        replicas: i32,
        /// Those of a datacenter; `None`: of all.
        datacenter: Option<String>,
    },
    /// More nodes are to have the data of a keyspace.
    MoreReplicas,
    /// A storage-attached index is on vectors.
    VectorIndex,
}

impl SchemaWarning {
    /// Whether a node tells its clients the same.
    #[must_use]
    pub fn is_of_node(&self) -> bool {
        match self {
            Self::FewNodes { .. } | Self::MoreReplicas | Self::VectorIndex => true,
            Self::IndexNotBuilt { .. } | Self::OtherEffect { .. } | Self::LeftOut { .. } => false,
        }
    }
}

impl fmt::Display for SchemaWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexNotBuilt { table, index } => write!(
                f,
                "{table}: its index {index} is kept in the schema and not built; no read goes by it"
            ),
            Self::OtherEffect { table, effect } => write!(f, "table {table}: {effect}"),
            Self::LeftOut { table, part } => write!(f, "table {table}: {part}"),
            Self::FewNodes { keyspace, replicas, datacenter } => {
                write!(
                    f,
                    "Your replication factor {replicas} for keyspace {keyspace} is higher than the number of nodes 1"
                )?;
                datacenter.iter().try_for_each(|name| write!(f, " for datacenter {name}"))
            }
            Self::MoreReplicas => f.write_str(
                "When increasing replication factor you need to run a full (-full) repair to distribute the data.",
            ),
            Self::VectorIndex => f.write_str(
                "SAI ANN indexes on vector columns are experimental and are not recommended for production use.\n\
                 They don't yet support SELECT queries with:\n * Consistency level higher than ONE/LOCAL_ONE.\n \
                 * Paging.\n * No LIMIT clauses.\n * PER PARTITION LIMIT clauses.\n * GROUP BY clauses.\n \
                 * Aggregation functions.\n * Filters on columns without a SAI index.",
            ),
        }
    }
}
