//! Whether a table's rows are what they should be: one walk over the data beside index and filter.
//!
//! [`rows`] reads everything once, together with [`index`], and compares every value with its type,
//! as [`values`] knows them. What is wrong goes to a sink as a [`Finding`]; the sink decides what
//! counts, and may end the walk. What opens tables, brings them in or reports on them asks here;
//! checksums, components and statistics are compared above.

mod finding;
mod index;
mod rows;
mod values;

pub use finding::{Concern, Finding, FindingSink, Severity};
pub use rows::{CheckedRows, RowsCheck};
pub use values::{BadValue, RowCheck, check_unfiltered};
