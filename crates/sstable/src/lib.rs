//! Cassandra's SSTables: reader, writer, components, compression, dump.
