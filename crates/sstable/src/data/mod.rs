//! Data.db: reading partitions, rows and markers out of the uncompressed stream.
//!
//! ```text
//! Data      := Partition*
//! Partition := key u16len, deletion, [static row], (row | marker)*, 01
//! ```
//!
//! [`window`] holds a stretch of the stream, [`frame`] finds partitions' heads, rows and markers in
//! it; then there are three ways to read: [`Scan`] goes through the file, [`PartitionStream`]
//! through slices of one partition, and [`RowReader`] looks for single rows. None of them copies a
//! row: what they lend lies in the window.

mod cursor;
mod frame;
mod keys;
mod partition;
mod point;
mod reverse;
mod scan;
mod window;

pub use cursor::{DataCursor, Found};
pub use keys::Keys;
pub use partition::{PartitionStream, StaticRow};
pub use point::{PartitionPoint, RowPoint, RowReader};
pub use scan::Scan;

pub(crate) use frame::{Head, form_of};
pub(crate) use window::{Cached, Window};
