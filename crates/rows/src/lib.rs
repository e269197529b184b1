//! The data model: schema, rows, tombstones, reconcile, merge, purge, counters and the row codec.
