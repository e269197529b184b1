//! The command as its users see it: run on files that Apache Cassandra wrote and on databases of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests stop at the first surprise, and look at files from outside"
)]

mod commands;
mod compare;
mod corpus;
mod import;
mod json;
mod tool;
