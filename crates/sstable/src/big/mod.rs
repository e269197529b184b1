//! The indexes of the `big` format: `Index.db` and `Summary.db`.
//!
//! `Index.db` lists the partitions in order ([`entry`]), each with the blocks of its rows if it has
//! several ([`promoted`]); `Summary.db` is a sample of that list ([`summary`]). [`PrimaryIndex`]
//! holds both and looks keys up; [`BigIndexWriter`] and [`SummaryBuilder`] write them.

mod entry;
mod index_writer;
mod primary;
mod promoted;
mod summary;
mod summary_writer;

#[cfg(test)]
mod tests;

pub(crate) use index_writer::{BigIndexWriter, BlockEdge};
pub use primary::PrimaryIndex;
pub(crate) use primary::{FoundEntry, IndexEntries};
pub use promoted::PromotedIndex;
pub use summary::Summary;
pub(crate) use summary_writer::{DEFAULT_MIN_INDEX_INTERVAL, SummaryBuilder};
