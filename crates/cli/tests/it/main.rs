//! The command as its users see it: run on files that Apache Cassandra wrote and on databases of
//! its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "tests stop at the first surprise, and look at files from outside"
)]

mod bulk_write;
mod commands;
mod compare;
mod corpus;
mod foreign;
mod import;
mod json;
mod legacy;
mod newcomers;
#[cfg(feature = "parquet")]
mod parquet;
mod reports;
mod round_trips;
mod shell;
mod sstables;
mod tool;
#[cfg(not(feature = "parquet"))]
mod without_parquet;
