//! Foreign directories, opened in place: data directories, snapshots and tables' directories that
//! Apache Cassandra wrote.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test stops at what it did not expect, and looks at files from outside"
)]

mod adopt;
mod corpus;
mod cql;
mod ingest;
mod lookalikes;
mod opening;
