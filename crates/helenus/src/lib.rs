//! An embedded wide-column storage engine with Cassandra's data model, whose files are Cassandra's
//! SSTables.
//!
//! **Knows** the public API of the library: the list below, and nothing else. **Must not know** its
//! implementation: that is in `helenus-engine`, `helenus-import`, `helenus-cql` and the crates
//! below them.
//!
//! Start reading at [`Database`], then at [`Session`] for CQL or at [`Table`] for statements that
//! are built by methods; both work on the same tables. [`Options`] says how a database is opened,
//! [`Row`](macro@Row) maps structs to rows. There is no server: everything happens in the process.
//!
//! # CQL
//!
//! A [`Session`] executes CQL as Cassandra 5.0 does: the same rows in the same order, the same
//! pages, the same errors. Markers take Rust's own values. A session has a keyspace of its own and
//! can be used by many threads; module [`cql`] has what belongs to it.
//!
//! ```
//! use helenus::cql::QueryOptions;
//! use helenus::{Database, Session};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let db = Database::in_memory()?; // or Database::open("chat.db")?
//! let session = Session::new(&db);
//! session.execute("CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", ())?;
//! session.execute("USE chat", ())?;
//! session.execute("CREATE TABLE messages (channel bigint, id bigint, body text, PRIMARY KEY (channel, id))", ())?;
//!
//! // What is executed again and again is prepared once.
//! let insert = session.prepare("INSERT INTO messages (channel, id, body) VALUES (?, ?, ?)")?;
//! for id in 0..25 {
//!     insert.execute((42, id, "hello"), &QueryOptions::default())?;
//! }
//!
//! // Page by page: the state of a page is bytes, good at any later time and in another process.
//! let mut options = QueryOptions { page_size: Some(10), ..QueryOptions::default() };
//! let mut count = 0;
//! loop {
//!     let mut rows = session.execute_with("SELECT * FROM messages WHERE channel = ?", (42,), &options)?.into_rows()?;
//!     while let Some(row) = rows.next()? {
//!         assert_eq!(row.get::<&str>(2)?, "hello");
//!         count += 1;
//!     }
//!     options.paging_state = rows.paging_state().map(<[u8]>::to_vec);
//!     if options.paging_state.is_none() {
//!         break;
//!     }
//! }
//! assert_eq!(count, 25);
//!
//! let error = session.execute("SELECT * FROM nowhere", ()).unwrap_err();
//! assert_eq!((error.code().number(), error.to_string().as_str()), (0x2200, "table nowhere does not exist"));
//! # Ok(())
//! # }
//! ```
//!
//! A backup is queried where it lies: [`Foreign::database`] gives the tables of a snapshot, of one
//! table's folder or of a node's whole data directory to a session, to be read only.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let snapshot = helenus::Foreign::open("snapshots/before-migration")?;
//! let session = helenus::Session::new(&snapshot.database());
//! let mut rows = session.execute("SELECT count(*) FROM chat.messages", ())?.into_rows()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Writing
//!
//! A table's key has two parts, as in Cassandra: the partition key, and the clustering columns that
//! order the rows of a partition. A value can be of any Rust type that corresponds to the column's
//! ([`EncodeValue`]); `None` is null.
//!
//! ```
//! use helenus::{Database, Result};
//!
//! # fn main() -> Result<()> {
//! let db = Database::in_memory()?; // or Database::open("chat.db")?
//! db.execute_schema(
//!     "CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
//!      CREATE TABLE chat.messages (channel bigint, day int, id bigint, author text, body text, tags set<text>,
//!          PRIMARY KEY ((channel, day), id)) WITH CLUSTERING ORDER BY (id DESC);",
//! )?;
//! let messages = db.table("chat", "messages")?;
//! messages.insert((42, 7), 1).set("author", "ada").set("body", "hello").ttl(86_400).execute()?;
//! messages.update((42, 7), 1).add_to_set("tags", "first").execute()?;
//! messages.delete((42, 7), 1).column("body").execute()?;
//!
//! // Only if there is such a row:
//! let edit = messages.update((42, 7), 2).set("body", "edited").if_exists().execute()?;
//! assert!(!edit.is_applied());
//!
//! // Several at once, as a whole or not at all:
//! let mut batch = db.batch();
//! for id in 3..6 {
//!     messages.insert((42, 7), id).set("author", "bob").add_to(&mut batch)?;
//! }
//! batch.execute()?;
//!
//! // What is written again and again is prepared once:
//! let insert = messages.prepare_insert(&["channel", "day", "id", "author"])?;
//! insert.execute((42, 7, 6, "cleo"))?;
//! # db.close()
//! # }
//! ```
//!
//! # Reading
//!
//! Rows of a partition come in the order of their clustering; partitions, where a query names none,
//! in that of their tokens. A row is borrowed from its cursor; structs and [`Value`]s are the
//! caller's own.
//!
//! ```
//! # fn main() -> helenus::Result<()> {
//! # let db = helenus::Database::in_memory()?;
//! # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
//! #     CREATE TABLE k.readings (sensor text, at timestamp, celsius double, note text, PRIMARY KEY (sensor, at));")?;
//! use std::time::{Duration, SystemTime};
//!
//! #[derive(helenus::Row, Debug)]
//! struct Reading {
//!     sensor: String,
//!     at: SystemTime,
//!     celsius: f64,
//!     note: Option<String>,
//! }
//!
//! let readings = db.table("k", "readings")?;
//! for minute in 0..100 {
//!     let at = SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minute);
//!     let reading = Reading { sensor: "attic".into(), at, celsius: 20.5, note: None };
//!     readings.insert_row(&reading)?.execute()?;
//! }
//!
//! let latest = readings.select().key("attic").reverse().limit(10);
//! for reading in latest.rows()?.into_typed::<Reading>() {
//!     let Reading { sensor, at, celsius, note } = reading?;
//!     println!("{sensor} {at:?}: {celsius} {}", note.unwrap_or_default());
//! }
//!
//! // Without a struct, and of some columns alone:
//! let all = readings.select().columns(&["celsius"]);
//! let mut rows = all.rows()?;
//! let (mut sum, mut count) = (0.0, 0);
//! while let Some(row) = rows.next()? {
//!     sum += row.get::<f64>("celsius")?;
//!     count += 1;
//! }
//! assert_eq!((sum / f64::from(count), count), (20.5, 100));
//! # Ok(())
//! # }
//! ```
//!
//! # Pages
//!
//! A cursor gives the position of its last row; the same query continues after it, at any later
//! time.
//!
//! ```
//! # fn main() -> helenus::Result<()> {
//! # let db = helenus::Database::in_memory()?;
//! # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
//! #     CREATE TABLE k.t (k int, c int, PRIMARY KEY (k, c));")?;
//! # let table = db.table("k", "t")?;
//! # for c in 0..25 { table.insert(1, c).execute()?; }
//! let mut position = None;
//! let mut pages = 0;
//! loop {
//!     let mut page = table.select().key(1).limit(10);
//!     if let Some(position) = position.take() {
//!         page = page.after(position);
//!     }
//!     let mut rows = page.rows()?;
//!     let mut count = 0;
//!     while let Some(_row) = rows.next()? {
//!         count += 1;
//!         position = rows.position();
//!     }
//!     pages += 1;
//!     if count < 10 {
//!         break;
//!     }
//! }
//! assert_eq!(pages, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Options
//!
//! ```
//! # fn main() -> helenus::Result<()> {
//! # let temporary = tempfile::tempdir().unwrap();
//! # let dir = temporary.path();
//! use std::time::Duration;
//! use helenus::{Durability, Options};
//!
//! let db = Options::new()
//!     .durability(Durability::Periodic(Duration::from_millis(100))) // what a power cut may lose
//!     .memtable_total_bytes(64 << 20) // what is written and not yet flushed
//!     .cache_bytes(32 << 20) // chunks of SSTables
//!     .open(dir)?;
//! # db.close()
//! # }
//! ```
//!
//! # Errors
//!
//! An [`Error`] says in words what was wrong and what to try; its [`kind`](Error::kind) is for the
//! program.
//!
//! ```
//! # fn main() -> helenus::Result<()> {
//! # let db = helenus::Database::in_memory()?;
//! # db.execute_schema("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
//! #     CREATE TABLE k.t (k int PRIMARY KEY, v int);")?;
//! use helenus::ErrorKind;
//!
//! let table = db.table("k", "t")?;
//! let error = table.insert(1, ()).set("v", "text").execute().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Invalid);
//! assert_eq!(db.table("k", "other").unwrap_err().kind(), ErrorKind::NotFound);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | by default | what for |
//! | --- | --- | --- |
//! | `derive` | yes | the macros [`Row`](macro@Row) and [`Udt`](macro@Udt) |
//! | `zstd`, `snappy`, `deflate` | yes | codecs of SSTables; LZ4 is always there. `zstd` needs a C compiler |
//! | `lz4-high` | no | writes LZ4 of type `high` (any build reads it); needs a C compiler |
//! | `chrono`, `time` | no | the dates and times of these crates are values; UUIDs are those of the crate `uuid` always |

#![deny(unsafe_code)]

pub use helenus_cql as cql;
pub use helenus_cql::Session;
#[cfg(feature = "derive")]
pub use helenus_derive::{Row, Udt};
pub use helenus_engine::{
    Action, Background, Batch, BatchOutcome, BindValue, BindValues, Binding, Catalog, CatalogError,
    CatalogErrorKind, Cell, Cells, Clock, Codec, ColumnDef, ColumnIndex, ColumnKind, ColumnValues, Columns,
    Combine, CompressionParams, Condition, Conditional, Conditions, Database, DatabaseMetrics, Date, Decimal,
    DecodeValue, Delete, DeletionTime, Disk, Durability, Duration, Element, Elements, EncodeValue, Error,
    ErrorKind, Existing, FromRow, Health, HealthIssue, HealthReason, HealthStatus, Hex, Identifier, Insert,
    IntoKey, JsonMembers, Keyspace, LateDeletionTimes, LeftOut, LivenessInfo, LoadedSchema, MemoryDisk,
    NoSuchElement, Op, Operand, Options, Outcome, OwnedRow, OwnedRows, ParseDecimalError, ParseDurationError,
    ParseVarintError, Part, Prepared, QualifiedName, RangePlan, RealDisk, Result, RowKey, RowPosition,
    RowPrinter, RowView, Rows, Scalar, SchemaChange, SchemaEvent, SchemaEventKind, SchemaNotice,
    SchemaOutcome, SchemaSubscription, SchemaTarget, SchemaWarning, Select, Serialized, StatementKind,
    StatementPlan, SystemClock, Table, TableColumn, TableDef, TableId, TableMetrics, TableOptions,
    TableSchema, TimeOfDay, Timestamp, ToRow, Token, Type, TypedRows, UdtFields, UnfilteredStream, Unset,
    Update, UserType, Uuid, Value, ValueError, Varint, VarintOutOfRange, Version, ViewDef, WriteOptions,
    encode_udt, parse_literal, parse_qualified_name, parse_text, timeuuid,
};
pub use helenus_import::{
    AdoptOptions, Adopted, AdoptedTable, BulkOptions, BulkTable, BulkWriter, Foreign, ForeignKind,
    ForeignOptions, ForeignTable, IngestOptions, Ingested, Progress, Transfer, Verification, adopt, ingest,
    ingest_watched, open_sstables,
};

/// The README's examples, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Those of the chapter about CQL.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/cql.md")]
struct CqlChapter;
