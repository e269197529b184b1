//! An embedded wide-column storage engine with Cassandra's data model, whose files are Cassandra's
//! SSTables.
//!
//! **Knows** databases, keyspaces, tables and their views, the whole write path, the read paths,
//! flush, recovery and the scheduling of background work. **Must not know** the semantics of CQL
//! statements that read and write, sockets, or foreign directories.
//!
//! Start reading at [`Database`] and [`Table`]; inside, `engine/write.rs` is the whole write path
//! and `engine/read.rs` the read paths. [`parts`] is what the crate above builds on, and not for
//! people.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod attachment;
mod database;
mod engine;
mod error;
#[cfg(test)]
mod goldens;
mod health;
mod key;
mod manifest;
mod metrics;
mod mutate;
mod options;
pub mod parts;
mod pool;
mod random;
mod record;
mod row_text;
mod select;
mod table;

pub use database::Database;
pub use engine::{LeftOut, SchemaNotice, SchemaSubscription};
pub use error::{Error, ErrorKind, NoSuchElement, Result};
pub use health::{Health, HealthIssue, HealthReason, HealthStatus};
pub use helenus_cql_syntax::{Identifier, QualifiedName, parse_literal, parse_qualified_name, parse_text};
pub use helenus_io::{Clock, Disk, MemoryDisk, RealDisk, SystemClock};
pub use helenus_rows::{
    Cell, ColumnDef, ColumnKind, Columns, DeletionTime, LivenessInfo, TableSchema, UnfilteredStream,
};
pub use helenus_schema::{
    Catalog, CatalogError, CatalogErrorKind, Existing, Keyspace, LoadedSchema, SchemaChange, SchemaEvent,
    SchemaEventKind, SchemaOutcome, SchemaTarget, SchemaWarning, TableColumn, TableDef, TableOptions,
    ViewDef,
};
pub use helenus_sstable::{Codec, CompressionParams, LateDeletionTimes, Version};
pub use helenus_types::{
    Date, Decimal, DecodeValue, Duration, Element, Elements, EncodeValue, Hex, JsonMembers,
    ParseDecimalError, ParseDurationError, ParseVarintError, Scalar, Serialized, TableId, TimeOfDay,
    Timestamp, Token, Type, UdtFields, UserType, Value, ValueError, Varint, VarintOutOfRange, encode_udt,
    timeuuid,
};
pub use key::IntoKey;
pub use metrics::{DatabaseMetrics, TableMetrics};
pub use mutate::{
    Action, Batch, BatchOutcome, BindValue, BindValues, Binding, Combine, Condition, Conditional, Conditions,
    Delete, Insert, Op, Operand, Outcome, Part, Prepared, RangePlan, StatementKind, StatementPlan, Unset,
    Update, WriteOptions,
};
pub use options::{Background, Durability, Options};
pub use record::{FromRow, ToRow, TypedRows};
pub use row_text::RowPrinter;
pub use select::{
    Cells, ColumnIndex, ColumnValues, OwnedRow, OwnedRows, RowKey, RowPosition, RowView, Rows, Select,
};
pub use table::Table;
pub use uuid::Uuid;
