//! `system_views.settings`: those of Cassandra's settings that stand for something here, under its
//! names.

use super::content::{Content, text};
use super::node::{NodeSettings, PARTITIONER};

/// Settings that can't be changed: what is on, what is off, and who may do what.
const FIXED: [(&str, &str); 19] = [
    ("allow_filtering_enabled", "true"),
    ("alter_table_enabled", "true"),
    ("authenticator", "AllowAllAuthenticator"),
    ("authorizer", "AllowAllAuthorizer"),
    ("cdc_enabled", "false"),
    ("drop_compact_storage_enabled", "false"),
    ("drop_keyspace_enabled", "true"),
    ("drop_truncate_table_enabled", "true"),
    ("dynamic_data_masking_enabled", "false"),
    ("endpoint_snitch", "SimpleSnitch"),
    ("group_by_enabled", "true"),
    ("num_tokens", "1"),
    ("sasi_indexes_enabled", "false"),
    ("scripted_user_defined_functions_enabled", "false"),
    ("secondary_indexes_enabled", "true"),
    ("transient_replication_enabled", "false"),
    ("uncompressed_tables_enabled", "true"),
    ("user_defined_functions_enabled", "false"),
    ("user_timestamps_enabled", "true"),
];

pub(super) fn content(node: &NodeSettings, thresholds: &[(&'static str, String)]) -> Content {
    let mut content = Content::new(&["name", "value"]);
    let mut set = |name: &str, value: &str| content.push([text(name), text(value)]);
    FIXED.iter().for_each(|(name, value)| set(name, value));
    set("cluster_name", &node.cluster_name);
    set("listen_address", &node.address.to_string());
    set("native_transport_port", &node.rpc_port.to_string());
    set("partitioner", PARTITIONER);
    set("rpc_address", &node.rpc_address.to_string());
    set("storage_port", &node.port.to_string());
    thresholds.iter().for_each(|(name, value)| set(name, value));
    content
}
