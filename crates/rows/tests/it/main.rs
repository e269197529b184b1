//! The engine's rules beside the naive model's, and the codec beside Cassandra's bytes.
#![expect(clippy::indexing_slicing, reason = "tests may")]

mod bridge;
mod histories;
