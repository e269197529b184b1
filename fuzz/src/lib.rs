//! What is fuzzed: each decoder, as a function of bytes that must neither panic nor take memory
//! that its input does not account for, and that asserts what must hold of whatever it accepts.
//!
//! Start reading at [`TARGETS`]. `fuzz_targets/` gives each function to libFuzzer, the binary
//! `mutate` runs them all over mutated seeds without it, the binary `seeds` makes the seeds.

mod big;
mod cql;
mod database;
mod folder;
mod framing;
mod json;
mod log;
mod rows;
mod schemas;
mod statements;
mod tables;
mod types;
mod whole;

pub use big::{crc_db, index_db, summary_db};
pub use cql::{cql_schema, type_names};
pub use database::{manifest, manifests, schema_cql};
pub use folder::{snapshot_manifest, transaction_log};
pub use framing::{join, reseal_statistics, split};
pub use json::jsonl;
pub use log::log_replay;
pub use rows::{unfiltered, update};
pub use schemas::{SCHEMAS, schema, type_named};
pub use statements::{BEGIN, cql_statement};
pub use tables::{
    TABLE_PARTS, compression_info, data_db, filter_db, page_checksums, partitions_db, rows_db, statistics_db,
};
pub use types::{VALUE_TYPES, values};
pub use whole::{WHOLE_PARTS, WHOLE_VERSIONS, whole_table};

/// A target: it returns, or has found a bug.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("unfiltered", unfiltered),
    ("data_db", data_db),
    ("partitions_db", partitions_db),
    ("rows_db", rows_db),
    ("index_db", index_db),
    ("summary_db", summary_db),
    ("crc_db", crc_db),
    ("statistics_db", statistics_db),
    ("compression_info", compression_info),
    ("filter_db", filter_db),
    ("page_checksums", page_checksums),
    ("whole_table", whole_table),
    ("transaction_log", transaction_log),
    ("snapshot_manifest", snapshot_manifest),
    ("log_replay", log_replay),
    ("update", update),
    ("manifest", manifest),
    ("schema_cql", schema_cql),
    ("cql_schema", cql_schema),
    ("cql_statement", cql_statement),
    ("type_names", type_names),
    ("values", values),
    ("jsonl", jsonl),
];
