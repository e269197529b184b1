//! The engine's rules against the naive model's, and the codec against Cassandra's bytes.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests may panic"
)]

mod blocks;
mod bridge;
mod cases;
mod codec;
mod columns;
mod grammar;
mod histories;
mod late;
mod moments;
mod ranges;
mod slices;
mod table;
mod values;
