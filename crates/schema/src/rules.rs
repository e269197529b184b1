//! What the configuration of a node decides about schema statements.

/// What a schema statement may do, as far as the configuration of a node decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRules {
    /// Whether views can be created (`materialized_views_enabled`).
    pub views_enabled: bool,
    /// Whether columns can get a mask (`dynamic_data_masking_enabled`). Those that have one keep it
    /// either way.
    pub masking_enabled: bool,
    /// Whether tables can lose `COMPACT STORAGE` (`drop_compact_storage_enabled`).
    pub drop_compact_storage_enabled: bool,
    /// Whether an index can be of a class that a node must be told of, or load: those of SASI, and
    /// others that are not Cassandra's.
    pub any_index_class: bool,
    /// The datacenter of the one node that there is: then replication is checked as that node
    /// checks it. `None`: a keyspace may be replicated to any datacenters, as the schemas of
    /// clusters are.
    pub datacenter: Option<&'static str>,
}

impl Default for SchemaRules {
    /// What a program with a schema of its own needs: no views, which nothing would keep up, and
    /// everything else.
    fn default() -> Self {
        Self {
            views_enabled: false,
            masking_enabled: true,
            drop_compact_storage_enabled: true,
            any_index_class: true,
            datacenter: None,
        }
    }
}

impl SchemaRules {
    /// A node as it comes: one of one datacenter, with what its configuration doesn't mention.
    pub const NODE: Self = Self {
        views_enabled: false,
        masking_enabled: false,
        drop_compact_storage_enabled: false,
        any_index_class: false,
        datacenter: Some("datacenter1"),
    };
}
