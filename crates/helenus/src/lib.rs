//! An embedded wide-column storage engine with Cassandra's data model and Cassandra's SSTables on disk.
