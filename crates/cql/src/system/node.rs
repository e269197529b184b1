//! What clients see of the node.

use std::net::{IpAddr, Ipv4Addr};

/// The node as `system.local`, `system_views.settings` and `DESCRIBE CLUSTER` present it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSettings {
    /// The cluster's name: `helenus`.
    pub cluster_name: String,
    /// Its data center: `datacenter1`.
    pub data_center: String,
    /// Its rack: `rack1`.
    pub rack: String,
    /// The node's one token; without it, one that is made of its identity.
    pub token: Option<i64>,
    /// The address of the node itself: 127.0.0.1.
    pub address: IpAddr,
    /// Its port for other nodes, which nothing listens on: 7000.
    pub port: u16,
    /// The address for clients: 127.0.0.1.
    pub rpc_address: IpAddr,
    /// The port for clients: 9042.
    pub rpc_port: u16,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            cluster_name: "helenus".to_owned(),
            data_center: "datacenter1".to_owned(),
            rack: "rack1".to_owned(),
            token: None,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 7000,
            rpc_address: Ipv4Addr::LOCALHOST.into(),
            rpc_port: 9042,
        }
    }
}

/// The release whose answers these are.
pub(crate) const RELEASE: &str = "5.0.8";

/// The version of CQL.
pub(crate) const CQL_VERSION: &str = "3.4.7";

/// The partitioner's class.
pub(crate) const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";
