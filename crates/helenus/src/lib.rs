//! An embedded wide-column storage engine with Cassandra's data model, whose files are Cassandra's SSTables.
//!
//! **Knows** what people who link the library see: the list below, and nothing else. **Must not know** how any of it
//! is done: that is `helenus-engine`'s and the crates' below it.
//!
//! Start reading at [`Database`] and [`Table`].

#![deny(unsafe_code)]

pub use helenus_engine::{
    Action, AdoptOptions, Adopted, AdoptedTable, Background, Batch, BatchOutcome, BindValue, BindValues,
    Binding, BulkOptions, BulkTable, BulkWriter, Catalog, CatalogError, CatalogErrorKind, Cell, Cells, Clock,
    Codec, ColumnDef, ColumnIndex, ColumnKind, ColumnValues, Columns, CompressionParams, Condition,
    Conditional, Conditions, Database, DatabaseMetrics, Date, Decimal, DecodeValue, Delete, DeletionTime,
    Disk, Durability, Duration, Element, Elements, EncodeValue, Error, ErrorKind, Foreign, ForeignKind,
    ForeignTable, Health, HealthIssue, HealthReason, HealthStatus, Identifier, IngestOptions, Ingested,
    Insert, IntoKey, JsonMembers, Keyspace, LateDeletionTimes, LeftOut, LivenessInfo, LoadedSchema,
    MemoryDisk, Op, Operand, Options, Outcome, OwnedRow, OwnedRows, ParseDecimalError, ParseDurationError,
    ParseVarintError, Part, Prepared, Progress, QualifiedName, RangePlan, RealDisk, Result, RowPosition,
    RowPrinter, RowView, Rows, SchemaChange, SchemaOutcome, Select, Serialized, StatementKind, StatementPlan,
    SystemClock, Table, TableColumn, TableDef, TableId, TableMetrics, TableOptions, TableSchema, TimeOfDay,
    Timestamp, Token, Transfer, Type, UnfilteredStream, Unset, Update, UserType, Uuid, Value, ValueError,
    Varint, VarintOutOfRange, Verification, Version, ViewDef, WriteOptions, parse_qualified_name, timeuuid,
};

/// The README's example, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
