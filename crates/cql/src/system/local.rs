//! `system.local`: the node itself.

use helenus_engine::Uuid;
use helenus_types::Value;

use super::content::{Content, text};
use super::node::{CQL_VERSION, NodeSettings, PARTITIONER, RELEASE};

/// What is known of the node besides its settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) host_id: Uuid,
    /// When it began, in seconds since 1970.
    pub(super) began_s: i64,
    pub(super) token: i64,
    pub(super) schema_version: Uuid,
}

impl Local {
    pub(super) fn content(self, node: &NodeSettings) -> Content {
        let NodeSettings { cluster_name, data_center, rack, address, port, rpc_address, rpc_port, token: _ } =
            node;
        let port_of = |port: &u16| Value::Int(i32::from(*port));
        let columns = [
            ("key", text("local")),
            ("bootstrapped", text("COMPLETED")),
            ("broadcast_address", Value::Inet(*address)),
            ("broadcast_port", port_of(port)),
            ("cluster_name", text(cluster_name)),
            ("cql_version", text(CQL_VERSION)),
            ("data_center", text(data_center)),
            ("gossip_generation", Value::Int(i32::try_from(self.began_s).unwrap_or(i32::MAX))),
            ("host_id", Value::Uuid(self.host_id)),
            ("listen_address", Value::Inet(*address)),
            ("listen_port", port_of(port)),
            ("native_protocol_version", text("5")),
            ("partitioner", text(PARTITIONER)),
            ("rack", text(rack)),
            ("release_version", text(RELEASE)),
            ("rpc_address", Value::Inet(*rpc_address)),
            ("rpc_port", port_of(rpc_port)),
            ("schema_version", Value::Uuid(self.schema_version)),
            ("tokens", Value::Set(vec![text(self.token.to_string())])),
        ];
        let (names, row): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        Content { columns: names, rows: vec![row] }
    }
}
