//! The commands.

pub(crate) mod adopt;
pub(crate) mod import;
mod import_target;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod maintain;
pub(crate) mod manuals;
pub(crate) mod open;
pub(crate) mod rows;
pub(crate) mod sstable;
