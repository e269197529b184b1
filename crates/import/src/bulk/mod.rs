//! SSTables written without a database: rows in, files for `nodetool import` out.
//!
//! A [`BulkWriter`] is the write API of a table over a [`Sink`](helenus_engine::parts::Sink) in the
//! place of a database: rows are gathered in a memtable and written when it is full
//! (`buffered.rs`), or, if they come in the order of the file, go into it at once (`sorted.rs`).
//! `output.rs` names, opens and completes the files.

mod buffered;
mod options;
mod output;
mod sorted;
mod writer;

#[cfg(test)]
mod tests;

pub use options::BulkOptions;
pub use output::BulkTable;
pub use writer::BulkWriter;
