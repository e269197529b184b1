//! The engine room: tables and their views, the write path, flush, compaction, recovery, the scheduler.

mod admission;
mod backlog;
mod calls;
mod closing;
mod compact;
mod ddl;
mod failures;
mod flush;
mod health;
mod ingest;
mod inner;
mod live;
mod lock;
mod lookup;
mod mutation;
mod new_database;
mod pinned;
mod pressure;
mod read;
mod recovery;
mod scheduler;
mod state;
mod table;
mod timestamps;
mod write;

#[cfg(test)]
mod schema_change_tests;
#[cfg(test)]
mod tests;

pub(crate) use compact::describe;
pub use ingest::{IngestTarget, IngestedTable, Ingestion};
pub(crate) use inner::{Inner, Parts};
pub(crate) use live::LiveTable;
pub(crate) use lookup::Lookup;
pub(crate) use mutation::MutationBuilder;
pub use mutation::{Mutation, UpdateBytes};
pub use new_database::{NewDatabase, NewSsTable, check_complete};
pub(crate) use read::{PointReader, PointRow, Source};
pub use recovery::is_database;
pub(crate) use state::TableState;
pub(crate) use table::{TableCore, View};
pub use write::Sink;
pub(crate) use write::Written;
