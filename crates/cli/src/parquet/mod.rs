//! `export --format parquet`: a table's rows as a Parquet file.
//!
//! The crate `parquet` writes pages and metadata. What is ours: which of Parquet's types a CQL type
//! becomes (`shape`), and how nested values are laid flat into its columns (`columns`). Rows are
//! gathered until they fill a row group.

mod columns;
mod shape;
mod write;

pub(crate) use write::{Written, export};
