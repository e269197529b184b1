//! CQL in process: statements parsed, compiled against the schema, and executed over the engine.
//!
//! **Knows** what a statement of CQL means, and what Cassandra answers to it: rows, types, order,
//! pages, errors in its words. **Must not know** sockets and files, nor how the engine keeps data:
//! it uses the engine's public API.
//!
//! **Start reading** at [`Session`], then `compile.rs` (which room takes a statement), then the
//! rooms: `select/`, `write/`, `ddl.rs`, `describe/`, `system/`. Terms (`term/`), functions and
//! restrictions serve them.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod assignability;
mod compilation;
mod compile;
mod consistency;
mod ddl;
mod describe;
mod environment;
mod error;
mod execution;
mod functions;
mod guardrails;
mod json;
mod markers;
mod options;
mod prepared;
mod resolutions;
mod response;
mod restrictions;
mod scope;
mod select;
mod session;
mod spec;
mod statements;
mod system;
mod term;
mod value;
mod write;

pub use consistency::Consistency;
pub use environment::SessionOptions;
pub use error::{CqlError, CqlResult, ErrorCode, ErrorDetail};
pub use guardrails::Guardrails;
pub use helenus_cql_syntax::{BatchKind, ScriptPiece, Span, first_piece, token_spans};
pub use helenus_schema::{SchemaEvent, SchemaEventKind, SchemaTarget};
pub use options::{QueryOptions, StopSwitch};
pub use prepared::PreparedStatement;
pub use response::{Answer, Response, ResultRow, ResultRows};
pub use session::{BatchEntry, Session};
pub use spec::ColumnSpec;
pub use system::NodeSettings;
pub use value::BoundValue;
