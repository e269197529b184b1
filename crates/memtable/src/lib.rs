//! Sharded, ordered, in-memory partitions.
