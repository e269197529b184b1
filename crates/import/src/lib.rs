//! Files of other programs, in and out: directories of SSTables that are opened in place, adopted
//! as a database or ingested into a table; SSTables written in bulk for a node to import.
//!
//! **Knows** how Cassandra's nodes lay their directories out, their snapshots and their own schema
//! tables; how foreign files are verified and brought in. **Must not know** how a database writes:
//! of `helenus-engine` it uses the public API and [`helenus_engine::parts`]; CQL statements that
//! read and write, or sockets.
//!
//! Start reading at [`Foreign`], then [`adopt`](fn@adopt), [`ingest`](fn@ingest) and
//! [`BulkWriter`].

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod adopt;
mod bulk;
mod foreign;
mod ingest;

pub use adopt::{AdoptOptions, Adopted, AdoptedTable, adopt};
pub use bulk::{BulkOptions, BulkTable, BulkWriter};
pub use foreign::{
    Foreign, ForeignKind, ForeignOptions, ForeignTable, Progress, Transfer, Verification, open_sstables,
};
pub use ingest::{IngestOptions, Ingested, ingest, ingest_watched};
