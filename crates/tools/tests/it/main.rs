//! The tools on files that Apache Cassandra wrote.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod columns;
mod convert;
mod corpus;
mod damage;
mod diff;
mod hostile;
mod key_text;
mod memory;
mod metadata;
mod partitions;
mod rebuild;
mod reports;
mod scrub;
mod split;
mod verify;
