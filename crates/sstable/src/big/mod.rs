//! The indexes of the `big` format: `Index.db` and `Summary.db`.
//!
//! `Index.db` lists the partitions in order ([`entry`]), each with the blocks of its rows if it has several
//! ([`promoted`]); `Summary.db` is a sample of that list ([`summary`]). [`PrimaryIndex`] holds both and looks keys up.

mod entry;
mod primary;
mod promoted;
mod summary;

#[cfg(test)]
mod tests;

pub use entry::IndexEntry;
pub use primary::{IndexEntries, PrimaryIndex};
pub use promoted::{PromotedBlock, PromotedIndex};
pub use summary::Summary;
