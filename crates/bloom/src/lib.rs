//! Cassandra's bloom filter over partition keys.
