//! Several sources into one: rows.

mod row;

pub use row::{RowMerger, RowSource, merge_rows};
