//! The engine room: tables and their views, the write path, flush, compaction, recovery, the scheduler.

mod admission;
mod adopt;
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

pub(crate) use adopt::{Bringing, NewDatabase, check_complete};
pub(crate) use compact::describe;
pub(crate) use inner::{Inner, Parts};
pub(crate) use live::LiveTable;
pub(crate) use lookup::Lookup;
pub(crate) use mutation::{Mutation, MutationBuilder};
pub(crate) use read::{PointReader, PointRow, Source};
pub(crate) use recovery::is_database;
pub(crate) use state::TableState;
pub(crate) use table::{TableCore, View};
pub(crate) use write::{Sink, Written};
