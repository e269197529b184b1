//! Several sources into one: versions of a row, and streams.

mod row;
mod stream;

pub use row::{RowMerger, RowSource, merge_rows};
pub use stream::Merge;
