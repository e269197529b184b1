//! The engine room: tables and their views, the write path, flush, compaction, recovery, the
//! scheduler.

mod admission;
mod attached;
mod backlog;
mod buffers;
mod calls;
mod closing;
mod compact;
mod ddl;
mod destination;
mod failures;
mod files;
mod flush;
mod growing;
mod health;
mod ingest;
mod layout;
mod leftovers;
mod live;
mod lock;
mod lookup;
mod mutation;
mod new_database;
mod pinned;
mod pressure;
mod read;
mod recovery;
mod salvage;
mod scheduler;
mod schema_followers;
mod set;
mod state;
mod steps;
mod table;
mod timestamps;
mod verify;
mod write;
mod write_side;

#[cfg(test)]
mod attached_tests;
#[cfg(test)]
mod growing_tests;
#[cfg(test)]
mod schema_change_tests;
#[cfg(test)]
mod schema_follower_tests;
#[cfg(test)]
mod tests;

pub(crate) use buffers::PointReader;
pub(crate) use compact::describe;
pub use destination::Sink;
pub(crate) use destination::{Destination, SinkSide};
pub use ingest::{IngestTarget, IngestedTable, Ingestion};
pub use layout::{check_complete, is_database};
pub(crate) use live::LiveTable;
pub(crate) use lookup::Lookup;
pub(crate) use mutation::MutationBuilder;
pub use mutation::{BatchExtent, Mutation, UpdateBytes};
pub use new_database::{NewDatabase, NewSsTable};
pub(crate) use read::{PointRow, Source};
pub(crate) use recovery::open;
pub use salvage::LeftOut;
pub use schema_followers::{SchemaNotice, SchemaSubscription};
pub(crate) use set::{TableOpener, TableSet, Tables, no_table};
pub(crate) use state::TableState;
pub(crate) use table::{TableCore, View};
pub use verify::{READABLE, check_filter, decode_all};
pub(crate) use write::Written;
pub(crate) use write_side::WriteSide;
