//! Reading rows: the query, and a cursor over its result.
//!
//! [`Select`] (`query.rs`) is the query. `plan.rs` derives from it once what is read: keys, slices,
//! limits, and the start of a page. [`Rows`] (`cursor.rs`) carries the plan out and lends
//! [`RowView`]s (`row.rs`), whose [`Cells`] are decoded on demand; an [`OwnedRow`] (`owned.rs`) is
//! a copy.

mod cells;
mod cursor;
mod filter;
mod owned;
mod plan;
mod position;
mod projection;
mod query;
mod row;
mod row_key;
mod scratch;
#[cfg(test)]
mod tests;
mod view_stream;

pub use cells::{Cells, ColumnValues};
pub use cursor::{OwnedRows, Rows};
pub use owned::OwnedRow;
pub use position::RowPosition;
pub use query::Select;
pub use row::{ColumnIndex, RowView};
pub use row_key::RowKey;
