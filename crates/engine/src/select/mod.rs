//! Reading rows: what to select, and a cursor over what was found.
//!
//! [`Select`] (`query.rs`) says what is asked for. `plan.rs` makes of it what is read, once: keys, slices, limits, and where
//! a page begins. [`Rows`] (`cursor.rs`) goes through that and lends [`RowView`]s (`row.rs`), whose [`Cells`] are decoded as
//! they are asked for; an [`OwnedRow`] (`owned.rs`) is one that stays.

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

pub use cells::{Cells, ColumnValues};
pub use cursor::{OwnedRows, Rows};
pub use owned::OwnedRow;
pub use position::RowPosition;
pub use query::Select;
pub use row::{ColumnIndex, RowView};
pub use row_key::RowKey;
